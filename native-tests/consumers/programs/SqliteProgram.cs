using System.Globalization;
using Microsoft.Data.Sqlite;
using SpanHeap.Hooks;

namespace SpanHeap.Consumers;

/// <summary>Fills tables, in memory and in a file, and asks them.</summary>
internal static class SqliteProgram
{
    private const int MiB = 1 << 20;

    /// <summary>Prints the answers, and with a heap how many blocks are left.</summary>
    /// <param name="options">Those of SQLite's heap; null to leave SQLite its own allocator.</param>
    /// <param name="rows">How many rows there are.</param>
    public static void Run(NativeHeapOptions? options, int rows = 20_000)
    {
        using NativeHeap? heap = options == null ? null : new NativeHeap(options);
        using HeapHooks? hooks = heap?.CreateHooks();
        if (hooks != null)
        {
            SqliteMemory.Use(hooks);
        }

        string file = Path.GetTempFileName();
        foreach (string source in (string[])[":memory:", file])
        {
            using SqliteConnection connection = Open(source);
            Execute(connection, "create table t(id integer primary key, name text, v real, b blob)");
            using (SqliteTransaction transaction = connection.BeginTransaction())
            {
                Insert(connection, transaction, rows);
                transaction.Commit();
            }

            Execute(connection, "create index i on t(name)");
            Execute(connection, "delete from t where id % 7 = 3");
            Ask(connection);
        }

        File.Delete(file);
        PrintBlocks(heap);
    }

    /// <summary>Inserts until there is no memory, takes that back, and goes on.</summary>
    public static void RunAtLimit()
    {
        using NativeHeap heap = new(new NativeHeapOptions { MemoryLimit = 16 * MiB });
        using HeapHooks hooks = heap.CreateHooks();
        SqliteMemory.Use(hooks);
        using (SqliteConnection connection = Open(":memory:"))
        {
            Execute(connection, "create table t(id integer primary key, name text, v real, b blob)");
            using (SqliteTransaction transaction = connection.BeginTransaction())
            {
                try
                {
                    Insert(connection, transaction, rows: 1_000_000);
                }
                catch (SqliteException error)
                {
                    Console.WriteLine($"SqliteException {error.SqliteErrorCode}");
                    transaction.Rollback();
                }
            }

            Console.WriteLine($"{Count(connection)} rows after the rollback");
            Insert(connection, null, rows: 1000);
            Console.WriteLine($"{Count(connection)} rows later");
        }

        PrintBlocks(heap);
    }

    private static SqliteConnection Open(string source)
    {
        SqliteConnection connection = new($"Data Source={source};Pooling=False");
        connection.Open();
        return connection;
    }

    private static void Insert(SqliteConnection connection, SqliteTransaction? transaction, int rows)
    {
        using SqliteCommand command = connection.CreateCommand();
        command.Transaction = transaction;
        command.CommandText = "insert into t(name, v, b) values ($name, $v, $b)";
        SqliteParameter name = command.Parameters.Add("$name", SqliteType.Text);
        SqliteParameter v = command.Parameters.Add("$v", SqliteType.Real);
        command.Parameters.Add("$b", SqliteType.Blob).Value = new byte[100];
        for (int i = 0; i < rows; i++)
        {
            name.Value = $"name number {i}";
            v.Value = i * 0.5;
            command.ExecuteNonQuery();
        }
    }

    private static void Ask(SqliteConnection connection)
    {
        using SqliteCommand command = connection.CreateCommand();
        command.CommandText = "select v % 10, count(*), sum(v), group_concat(substr(name, 13)) from t where name > 'name number 1' group by v % 10 order by 1";
        using SqliteDataReader reader = command.ExecuteReader();
        for (int row = 0; reader.Read(); row++)
        {
            Console.WriteLine(string.Create(
                CultureInfo.InvariantCulture, $"row {row}: {reader.GetDouble(0)}, {reader.GetInt64(1)}, {reader.GetDouble(2)}, {reader.GetString(3)}"));
        }
    }

    private static object? Count(SqliteConnection connection)
    {
        using SqliteCommand command = connection.CreateCommand();
        command.CommandText = "select count(*) from t";
        return command.ExecuteScalar();
    }

    private static void Execute(SqliteConnection connection, string text)
    {
        using SqliteCommand command = connection.CreateCommand();
#pragma warning disable CA2100 // The text is a constant of this class.
        command.CommandText = text;
#pragma warning restore CA2100
        command.ExecuteNonQuery();
    }

    private static void PrintBlocks(NativeHeap? heap)
    {
        if (heap != null)
        {
            heap.Verify();
            Console.WriteLine($"{heap.GetStatistics().LiveBlocks} blocks after close");
        }
    }
}
