using System.Runtime.InteropServices;
using SpanHeap.Os;

namespace SpanHeap.Caches;

/// <summary>
/// The process's thread tables and their threads. No code runs on a .NET thread that ends, so the table of a dead thread is found when
/// a new thread needs one; there are never many more than threads lived at once.
/// </summary>
internal static unsafe class ThreadTablePool
{
    private const int SlotsToSpare = 8;

    // How many threads one that needs a table asks whether they live.
    private const int PolledPerTable = 16;

    private static NativeLock s_lock;

    // Guarded by the lock. Replaced by larger ones made outside it.
    private static (nint Table, ThreadIdentity Owner)[] s_tables = new (nint, ThreadIdentity)[16];
    private static int s_count;
    private static int s_pollTurn;

    /// <summary>A table for the calling thread with the slots of its old one, which is freed; null, and nothing changed, when there is no memory.</summary>
    public static ThreadTable* TryReplace(ThreadTable* old, int length)
    {
        ThreadTable* table = old == null ? TryInherit() : old;
        if (table != null && table->Length >= length)
        {
            return table;
        }

        int larger = Math.Max(table == null ? 0 : 2 * table->Length, length + SlotsToSpare);
        ThreadTable* made;
        try
        {
            made = (ThreadTable*)NativeMemory.AllocZeroed((nuint)(sizeof(ThreadTable) + (larger * sizeof(ThreadSlot))));
        }
        catch (OutOfMemoryException)
        {
            return null;
        }

        made->Length = larger;
        if (table != null)
        {
            new Span<ThreadSlot>(ThreadTable.Slot(table, 0), table->Length).CopyTo(new Span<ThreadSlot>(ThreadTable.Slot(made, 0), larger));
        }

        Register(table, made);
        NativeMemory.Free(table);
        return made;
    }

    // The table of a dead thread, emptied; null when none was met.
    private static ThreadTable* TryInherit()
    {
        ThreadTable* found = null;
        ThreadIdentity current = ThreadIdentity.OfCurrent();
        s_lock.Enter();
        for (int i = Math.Min(PolledPerTable, s_count); i > 0 && found == null; i--)
        {
            s_pollTurn = (s_pollTurn + 1) % s_count;
            if (s_tables[s_pollTurn].Owner.IsDead)
            {
                found = (ThreadTable*)s_tables[s_pollTurn].Table;
                s_tables[s_pollTurn].Owner = current;
                new Span<ThreadSlot>(ThreadTable.Slot(found, 0), found->Length).Clear();
            }
        }

        s_lock.Exit();
        return found;
    }

    private static void Register(ThreadTable* old, ThreadTable* made)
    {
        ThreadIdentity current = old == null ? ThreadIdentity.OfCurrent() : ThreadIdentity.None;
        while (true)
        {
            (nint Table, ThreadIdentity Owner)[] tables = s_tables;
            (nint Table, ThreadIdentity Owner)[]? larger = Volatile.Read(ref s_count) + 1 > tables.Length ? new (nint, ThreadIdentity)[2 * tables.Length] : null;
            s_lock.Enter();
            if (larger != null && tables == s_tables)
            {
                Array.Copy(s_tables, larger, s_count);
                s_tables = larger;
            }

            int place = 0;
            while (place < s_count && s_tables[place].Table != (nint)old)
            {
                place++;
            }

            bool room = place < s_tables.Length;
            if (room)
            {
                s_tables[place].Table = (nint)made;
                if (old == null)
                {
                    s_tables[place].Owner = current;
                    s_count++;
                }
            }

            s_lock.Exit();
            if (room)
            {
                return;
            }
        }
    }
}
