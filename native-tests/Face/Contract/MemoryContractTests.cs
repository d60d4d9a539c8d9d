namespace SpanHeap.Tests.Face.Contract;

public sealed class PlatformAllocContractTests : AllocContract<PlatformMemory>;

public sealed class PlatformReallocContractTests : ReallocContract<PlatformMemory>;

public sealed class PlatformAlignedContractTests : AlignedContract<PlatformMemory>;

public sealed class PlatformBytesContractTests : BytesContract<PlatformMemory>;

public sealed class SpanMemoryAllocContractTests : AllocContract<HeapMemory>;

public sealed class SpanMemoryReallocContractTests : ReallocContract<HeapMemory>;

public sealed class SpanMemoryAlignedContractTests : AlignedContract<HeapMemory>;

public sealed class SpanMemoryBytesContractTests : BytesContract<HeapMemory>;
