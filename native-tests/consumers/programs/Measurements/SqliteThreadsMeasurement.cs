using Microsoft.Data.Sqlite;
using SpanHeap.Hooks;

namespace SpanHeap.Consumers.Measurements;

/// <summary>
/// Eight threads, one after the other, change each row of a table, with the journal in memory, and stay alive: dotnet/efcore #34695. The C
/// library keeps what each journal took in an arena of the thread's.
/// </summary>
internal sealed class SqliteThreadsMeasurement()
    : Measurement("ef34695", new Figure("resident before", "MiB", ""), Figure.WithRatio("resident after", "MiB", "0.4"))
{
    private const int Threads = 8;
    private const int Rows = 300_000;

    private const string Fill = """
        insert into t(a, b) with recursive n(i) as (select 1 union all select i + 1 from n where i < $rows)
        select 'some text of the row ' || i, hex(randomblob(60)) from n
        """;

    private static readonly TimeSpan s_rest = TimeSpan.FromSeconds(2);

    public override double[] Run(NativeHeap? heap, Scale scale)
    {
        using HeapHooks? hooks = SqliteMemory.UseIfAny(heap);
        string file = Path.GetTempFileName();
        Create(file, scale.Of(Rows));
        double before = Resident.MiB;
        using ManualResetEventSlim end = new();
        Thread[] threads = [.. Enumerable.Range(0, Threads).Select(_ => RunToItsRest(() => Change(file), end))];
        Thread.Sleep(scale.Of(s_rest));
        double after = Resident.MiB;
        end.Set();
        Array.ForEach(threads, static thread => thread.Join());
        File.Delete(file);
        return [before, after];
    }

    private static void Create(string file, int rows)
    {
        using SqliteConnection connection = SqliteTable.Open(file);
        SqliteTable.Execute(connection, "create table t(id integer primary key, a text, b text)");
        using SqliteCommand command = connection.CreateCommand();
        command.CommandText = Fill;
        command.Parameters.AddWithValue("$rows", rows);
        command.ExecuteNonQuery();
    }

    private static void Change(string file)
    {
        using SqliteConnection connection = SqliteTable.Open(file);
        SqliteTable.Execute(connection, "pragma journal_mode=memory");
        SqliteTable.Execute(connection, "update t set a = a || 'x', b = hex(randomblob(60))");
    }

    // Returns when the thread has done its work. It then waits, and ends with the event.
    private static Thread RunToItsRest(Action work, ManualResetEventSlim end)
    {
        using ManualResetEventSlim done = new();
        Thread thread = new(() =>
        {
            work();
            done.Set();
            end.Wait();
        })
        {
            IsBackground = true,
        };
        thread.Start();
        done.Wait();
        return thread;
    }
}
