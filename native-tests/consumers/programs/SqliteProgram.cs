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
        using HeapHooks? hooks = SqliteMemory.UseIfAny(heap);
        string file = Path.GetTempFileName();
        foreach (string source in (string[])[":memory:", file])
        {
            using SqliteConnection connection = SqliteTable.Open(source);
            SqliteTable.Fill(connection, rows);
            SqliteTable.IndexAndThin(connection);
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
        using (SqliteConnection connection = SqliteTable.Open(":memory:"))
        {
            SqliteTable.Create(connection);
            using (SqliteTransaction transaction = connection.BeginTransaction())
            {
                try
                {
                    SqliteTable.Insert(connection, transaction, rows: 1_000_000);
                }
                catch (SqliteException error)
                {
                    Console.WriteLine($"SqliteException {error.SqliteErrorCode}");
                    transaction.Rollback();
                }
            }

            Console.WriteLine($"{Count(connection)} rows after the rollback");
            SqliteTable.Insert(connection, null, rows: 1000);
            Console.WriteLine($"{Count(connection)} rows later");
        }

        PrintBlocks(heap);
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

    private static void PrintBlocks(NativeHeap? heap)
    {
        if (heap != null)
        {
            heap.Verify();
            Console.WriteLine($"{heap.GetStatistics().LiveBlocks} blocks after close");
        }
    }
}
