namespace SpanHeap.Os;

/// <summary>
/// Provides what Linux's C library knows about its threads and .NET does not tell: where a thread's stack lies, and that the thread has ended.
/// </summary>
/// <remarks>If a function is missing, nothing here is supported, and callers use another way.</remarks>
internal static unsafe class PosixThread
{
    /// <summary>The number of bytes from the watched word on that the C library may write when the thread ends: the size of its sigset_t.</summary>
    public const int WatchedBytes = 128;

    // More than the size of any C library's pthread_attr_t (64 bytes).
    private const int AttributesSize = 256;

    // The limit of a main thread's stack may be raised while it runs, but only what it was at first is kept free for it. Frames deeper than the
    // default limit are rare.
    private const nuint LongestStack = 8 << 20;

    private const int NoKey = -1;

    private static readonly delegate* unmanaged<nuint> s_self = (delegate* unmanaged<nuint>)PosixLibrary.Find("pthread_self");
    private static readonly delegate* unmanaged<nuint, void*, int> s_getAttributes = (delegate* unmanaged<nuint, void*, int>)PosixLibrary.Find("pthread_getattr_np");
    private static readonly delegate* unmanaged<void*, nuint*, nuint*, int> s_getStack = (delegate* unmanaged<void*, nuint*, nuint*, int>)PosixLibrary.Find("pthread_attr_getstack");
    private static readonly delegate* unmanaged<void*, int> s_destroyAttributes = (delegate* unmanaged<void*, int>)PosixLibrary.Find("pthread_attr_destroy");
    private static readonly delegate* unmanaged<uint, void*, int> s_setSpecific = (delegate* unmanaged<uint, void*, int>)PosixLibrary.Find("pthread_setspecific");
    private static readonly int s_exitKey = TryMakeExitKey();

    /// <summary>Whether the end of a thread can be watched and its stack can be found.</summary>
    public static bool IsSupported { get; } =
        s_exitKey != NoKey && s_self != null && s_getAttributes != null && s_getStack != null && s_destroyAttributes != null && s_setSpecific != null;

    /// <summary>
    /// Arranges for a word to be set to zero when the calling thread ends: after its last managed code, and before its stack can become another
    /// thread's.
    /// </summary>
    /// <param name="word">
    /// The word, which is never freed. <see cref="WatchedBytes"/> from its address on are at the C library's disposal. A later call replaces it.
    /// </param>
    /// <remarks>
    /// The word is the value of a thread-specific key whose destructor is the C library's own sigemptyset: native code that takes one pointer and
    /// clears what it points to. So no managed code has to run on a thread that the runtime has already released.
    /// </remarks>
    public static bool TryWatchExit(nuint* word) => s_setSpecific((uint)s_exitKey, word) == 0;

    /// <summary>Gets the addresses that the calling thread's stack occupies while the thread lives; of a longer stack, the upper 8 MiB.</summary>
    public static bool TryGetStack(out nuint low, out nuint byteCount)
    {
        byte* attributes = stackalloc byte[AttributesSize];
        nuint start = 0;
        nuint length = 0;
        bool found = s_getAttributes(s_self(), attributes) == 0;
        if (found)
        {
            found = s_getStack(attributes, &start, &length) == 0;
            s_destroyAttributes(attributes);
        }

        byteCount = Math.Min(length, LongestStack);
        low = start + length - byteCount;
        return found && (nuint)attributes - low < byteCount;
    }

    private static int TryMakeExitKey()
    {
        var createKey = (delegate* unmanaged<uint*, nint, int>)PosixLibrary.Find("pthread_key_create");
        nint clear = PosixLibrary.Find("sigemptyset");
        uint key = 0;
        return createKey != null && clear != 0 && createKey(&key, clear) == 0 ? (int)key : NoKey;
    }
}
