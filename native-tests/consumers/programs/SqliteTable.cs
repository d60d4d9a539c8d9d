using Microsoft.Data.Sqlite;

namespace SpanHeap.Consumers;

/// <summary>A table of SQLite that programs and measurements fill and ask.</summary>
internal static class SqliteTable
{
    public static SqliteConnection Open(string source)
    {
        SqliteConnection connection = new($"Data Source={source};Pooling=False");
        connection.Open();
        return connection;
    }

    /// <summary>Creates the table with so many rows.</summary>
    public static void Fill(SqliteConnection connection, int rows)
    {
        Create(connection);
        using SqliteTransaction transaction = connection.BeginTransaction();
        Insert(connection, transaction, rows);
        transaction.Commit();
    }

    public static void Create(SqliteConnection connection) => Execute(connection, "create table t(id integer primary key, name text, v real, b blob)");

    public static void Insert(SqliteConnection connection, SqliteTransaction? transaction, int rows)
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

    /// <summary>Creates an index, and deletes a seventh of the rows.</summary>
    public static void IndexAndThin(SqliteConnection connection)
    {
        Execute(connection, "create index i on t(name)");
        Execute(connection, "delete from t where id % 7 = 3");
    }

    public static void Execute(SqliteConnection connection, string text)
    {
        using SqliteCommand command = connection.CreateCommand();
#pragma warning disable CA2100 // The texts are constants of this program.
        command.CommandText = text;
#pragma warning restore CA2100
        command.ExecuteNonQuery();
    }
}
