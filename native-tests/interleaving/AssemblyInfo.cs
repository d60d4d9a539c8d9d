// Schedules are run one at a time as it is: the processors are better left to them.
[assembly: CollectionBehavior(DisableTestParallelization = true)]
