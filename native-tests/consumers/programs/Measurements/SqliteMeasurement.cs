using Microsoft.Data.Sqlite;
using SpanHeap.Hooks;

namespace SpanHeap.Consumers.Measurements;

/// <summary>A table is filled, indexed, thinned out and asked many questions, of which each is compiled anew.</summary>
/// <param name="name">The name of the row.</param>
/// <param name="inFile">Whether the table is in a file rather than in memory.</param>
internal sealed class SqliteMeasurement(string name, bool inFile) : Measurement(name, Figure.WithRatio("", "ms", "1.2"))
{
    private const int Rows = 100_000;
    private const int FewRows = 500;
    private const int RowsPerQuery = 100;

    public override double[] Run(NativeHeap? heap, Scale scale)
    {
        using HeapHooks? hooks = SqliteMemory.UseIfAny(heap);
        TimeSpan cpu = Cpu.TimeOf(() => Work(scale.Of(FewRows)), () => Work(scale.Of(Rows)), scale);
        return [cpu.TotalMilliseconds];
    }

    private void Work(int rows)
    {
        if (!inFile)
        {
            Work(":memory:", rows);
            return;
        }

        string file = Path.GetTempFileName();
        Work(file, rows);
        File.Delete(file);
    }

    private static void Work(string source, int rows)
    {
        using SqliteConnection connection = SqliteTable.Open(source);
        SqliteTable.Fill(connection, rows);
        SqliteTable.IndexAndThin(connection);
        for (int i = 0; i < rows / RowsPerQuery; i++)
        {
            Ask(connection, i);
        }
    }

    private static void Ask(SqliteConnection connection, int number)
    {
        using SqliteCommand command = connection.CreateCommand();
        command.CommandText = """
            select v % 10, count(*), sum(v), group_concat(substr(name, 1, 3)) from t
            where name between $first and $last group by v % 10 order by 2 desc
            """;
        command.Parameters.AddWithValue("$first", $"name number {number}");
        command.Parameters.AddWithValue("$last", $"name number {number}9");
        using SqliteDataReader reader = command.ExecuteReader();
        while (reader.Read())
        {
            reader.GetString(3);
        }
    }
}
