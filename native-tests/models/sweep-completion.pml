/* When a cycle's sweeping is done, and who waits for it.
 *
 * Modelled   The word of progress (a drained bit and a count); spans in lists as a number; two threads, each with a cache that has a
 *            span, stale after a cycle; sweepers: threads that refill or need room, the background worker, which is woken by a flag,
 *            and the collector, which finishes a cycle before the next. Threads may stay idle for ever.
 * Not        Which span is which (sweep-generations.pml), how threads are kept out (gate.pml), weak memory.
 * Holds      Done is never said while a span is unswept, being swept, or stale in a cache; said once, it holds until the next cycle;
 *            nobody sweeps by a former cycle's generation; nobody waits for ever; the background worker leaves nothing in the lists.
 * Mutants    BUG_DONE_WHEN_DRAINED     done is the drained bit alone
 *            BUG_STALE_NOT_COUNTED     a cycle begins with a count of 0
 *            BUG_STALE_COUNTED_TWICE   each stale cache counts as two
 *            BUG_FLUSHED_TOO_EARLY     a cache is counted out before its span is swept
 *            BUG_BEGIN_WHEN_DRAINED    who comes late is counted though nothing is left
 *            BUG_TWO_WORDS             the bit is looked at, then the count is raised: two steps
 *            BUG_END_BEFORE_DRAINED    who found nothing is counted out, then says so
 *            BUG_RESET_FIRST           progress begins anew before the generation grows
 *            BUG_GENERATION_READ_EARLY a sweeper reads the generation before it is counted
 *            BUG_ROOM_WAITS_FOR_DONE   who lacks room goes on looking until sweeping is done, not until nothing is left to begin:
 *                                      an idle thread's stale cache keeps it there for ever
 *            BUG_WAKE_LOST             the worker does not look again after it has said that it rests: a cycle that began between
 *                                      has no worker
 *            BUG_REST_NOT_FENCED       the same although it looks: its store, plain or by release, is overtaken by the look
 * Bound      Two cycles, two spans in lists after each, two scopes a thread.
 */
#define CYCLES 2
#define LISTED 2
#define THREADS 2
#define SCOPES 2

byte heapGeneration = 0;            /* counts cycles */
bool drained = true;
byte sweeping = 0;

byte unswept = 0;                   /* spans in lists */
byte beingSwept = 0;
byte cacheGeneration[THREADS];
bool spanIsStale[THREADS];
bool inScope[THREADS];
bool gateClosed = false;

bool workerRuns = false;
bool workerQueued = false;

/* For the assertions alone. */
bool saidDone = true;

#ifdef BUG_DONE_WHEN_DRAINED
#define IsDone drained
#else
#define IsDone (drained && sweeping == 0)
#endif

/* With each change of the word: somebody may look at it right then. */
inline LookWhetherDone() {
  if
  :: IsDone -> assert(unswept == 0 && beingSwept == 0 && !spanIsStale[0] && !spanIsStale[1]); saidDone = true
  :: else -> assert(!saidDone)
  fi
}

#ifdef BUG_BEGIN_WHEN_DRAINED
#define MayBegin true
#else
#define MayBegin !drained
#endif

/* Goes on with `begun` true, counted, and the generation read; or false. */
inline TryBegin() {
#ifdef BUG_GENERATION_READ_EARLY
  generation = heapGeneration;
#endif
#ifdef BUG_TWO_WORDS
  begun = !drained;
  if
  :: begun -> d_step { sweeping++; LookWhetherDone() }
  :: else
  fi;
#else
  d_step {
    begun = MayBegin;
    if :: begun -> sweeping++; LookWhetherDone() :: else fi
  }
#endif
#ifndef BUG_GENERATION_READ_EARLY
  generation = heapGeneration
#endif
}

inline End() {
  d_step { assert(sweeping > 0); sweeping--; LookWhetherDone() }
}

inline MarkDrained() {
  d_step { drained = true; LookWhetherDone() }
}

/* `begun` says afterwards whether a span was swept. */
inline SweepOne() {
  TryBegin();
  if
  :: begun ->
     d_step {
       begun = unswept > 0;
       if :: begun -> unswept--; beingSwept++ :: else fi
     }
     if
     :: begun ->
        d_step { assert(generation == heapGeneration); beingSwept-- }
        End()
     :: else ->
#ifdef BUG_END_BEFORE_DRAINED
        End();
        MarkDrained()
#else
        MarkDrained();
        End()
#endif
     fi
  :: else
  fi
}

inline Flush(cache) {
  if
  :: cacheGeneration[cache] != heapGeneration ->
     cacheGeneration[cache] = heapGeneration;
#ifdef BUG_FLUSHED_TOO_EARLY
     End();
     spanIsStale[cache] = false
#else
     spanIsStale[cache] = false;
     End()
#endif
  :: else
  fi
}

proctype Thread(byte me) {
  byte generation, scopes = 0;
  bool begun;
endIdle:
  do
  :: atomic { scopes < SCOPES && !gateClosed -> inScope[me] = true; scopes++ }
     Flush(me);
     if
     :: true
     :: SweepOne()                  /* a refill: one span is enough, and none is no harm */
     :: do                          /* room: every page counts */
        :: SweepOne();
#ifdef BUG_ROOM_WAITS_FOR_DONE
           if
           :: !begun -> IsDone; break
           :: else
           fi
#else
           if
           :: !begun -> break
           :: else
           fi
#endif
        od
     fi;
     inScope[me] = false
  od
}

active proctype Worker() {
  byte generation;
  bool begun, seesWork;
endResting:
  workerQueued;
  workerQueued = false;
again:
  do
  :: SweepOne();
     if
     :: !begun -> break
     :: else
     fi
  od;
#ifdef BUG_REST_NOT_FENCED
  seesWork = !drained;              /* read while the store waits in the processor's buffer */
  workerRuns = false;
#else
  workerRuns = false;               /* by an exchange: what follows is not moved before it */
  seesWork = !drained;
#endif
#ifndef BUG_WAKE_LOST
  if
  :: seesWork ->
     d_step { begun = !workerRuns; workerRuns = true }
     if
     :: begun -> goto again
     :: else
     fi
  :: else
  fi;
#endif
  goto endResting
}

inline Wake() {
  d_step { begun = !workerRuns; workerRuns = true }
  if
  :: begun -> workerQueued = true
  :: else
  fi
}

inline ResetProgress() {
  d_step {
    assert(IsDone && saidDone);
    saidDone = false;
    unswept = LISTED;
    spanIsStale[0] = true;
    spanIsStale[1] = true;
    drained = false;
#ifdef BUG_STALE_NOT_COUNTED
    sweeping = 0
#else
#ifdef BUG_STALE_COUNTED_TWICE
    sweeping = 2 * THREADS
#else
    sweeping = THREADS
#endif
#endif
  }
}

active proctype Collector() {
  byte generation, cycle = 0;
  bool begun;
  do
  :: cycle < CYCLES ->
     gateClosed = true;
endHeldUp:
     !inScope[0] && !inScope[1];
     Flush(0);
     Flush(1);
     do
     :: SweepOne();
        if
        :: !begun -> break
        :: else
        fi
     od;
     IsDone;
#ifdef BUG_RESET_FIRST
     ResetProgress();
     heapGeneration++;
#else
     heapGeneration++;
     ResetProgress();
#endif
     cycle++;
     gateClosed = false;
     Wake()
  :: else -> break
  od;

  /* When nobody does anything any more. */
  timeout;
  assert(unswept == 0 && beingSwept == 0 && drained)
}

init {
  atomic { run Thread(0); run Thread(1) }
}
