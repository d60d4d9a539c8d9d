// Each test builds and runs programs, which keep all processors busy.
[assembly: CollectionBehavior(DisableTestParallelization = true)]
