using System.Runtime.InteropServices;
using SpanHeap.Hooks;

namespace SpanHeap.Consumers;

/// <summary>Gives SQLite the functions of a heap. To be called before SQLite is first used, and once in a process.</summary>
internal static unsafe class SqliteMemory
{
    private const int ConfigMalloc = 4;
    private const int ConfigGetMalloc = 5;

    /// <summary>Does so if there is a heap; otherwise SQLite keeps its own allocator.</summary>
    /// <returns>The functions, which live until they are disposed.</returns>
    public static HeapHooks? UseIfAny(NativeHeap? heap)
    {
        HeapHooks? hooks = heap?.CreateHooks();
        if (hooks != null)
        {
            Use(hooks);
        }

        return hooks;
    }

    public static void Use(HeapHooks hooks)
    {
        // What SQLite does at its start and its end stays as it is.
        MemoryMethods methods;
        Require(Config(ConfigGetMalloc, &methods));
        methods.Malloc = hooks.MallocInt32;
        methods.Free = hooks.Free;
        methods.Realloc = hooks.ReallocInt32;
        methods.Size = hooks.UsableSizeInt32;
        methods.RoundUp = hooks.RoundUpInt32;
        Require(Config(ConfigMalloc, &methods));
    }

    private static void Require(int result)
    {
        if (result != 0)
        {
            throw new InvalidOperationException($"sqlite3_config returned {result}.");
        }
    }

    [DllImport("e_sqlite3", EntryPoint = "sqlite3_config", CallingConvention = CallingConvention.Cdecl)]
    private static extern int Config(int option, MemoryMethods* methods);

    [StructLayout(LayoutKind.Sequential)]
    private struct MemoryMethods
    {
        public delegate* unmanaged[Cdecl]<int, void*> Malloc;
        public delegate* unmanaged[Cdecl]<void*, void> Free;
        public delegate* unmanaged[Cdecl]<void*, int, void*> Realloc;
        public delegate* unmanaged[Cdecl]<void*, int> Size;
        public delegate* unmanaged[Cdecl]<int, int> RoundUp;
        public void* Initialize;
        public void* Shutdown;
        public void* AppData;
    }
}
