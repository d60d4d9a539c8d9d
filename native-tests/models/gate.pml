/* The gate that keeps threads out of the heap while it is marked.
 *
 * Modelled   Two threads that enter and leave scopes, a collector that closes the gate, waits for a while, marks or gives up, and opens
 *            it again. Every store of a thread waits in its own buffer until it reaches memory, in any order between two places; only a
 *            release store comes behind all that the thread wrote before. The process-wide fence empties all buffers. In a scope the
 *            first thread may wait for the second to end one.
 * Not        Loads that the processor moves up (the gate is read by acquire); the collector's own buffer (its fence empties it); fair
 *            turns: a collector that is always held up is legal here.
 * Holds      Nobody is inside while marking; who marks sees all that was written inside; nobody waits for ever.
 * Mutants    BUG_NO_FENCE             no process-wide fence between closing and looking
 *            BUG_FENCE_FIRST          the fence comes before the store that closes
 *            BUG_LOOK_BEFORE_DEPTH    a thread reads the gate, then says that it is inside
 *            BUG_LEAVE_NOT_RELEASED   leaving is a plain store
 *            BUG_WAKE_WITHOUT_LOOK    who has waited goes in without reading the gate again
 *            BUG_NO_PATIENCE          the collector waits for ever
 *            BUG_OPEN_WITHOUT_WAKE    giving up opens the gate and wakes nobody
 * Bound      Two scopes a thread, three attempts to collect.
 */
#define THREADS 2
#define SCOPES 2
#define ATTEMPTS 3

/* Memory. */
bool closed = false;
bool openEvent = true;
byte depth[THREADS];
byte written[THREADS];              /* what a thread wrote inside: its cursors */

/* The threads' buffers. */
bool depthWaits[THREADS];
bool depthIsRelease[THREADS];
byte depthBuffered[THREADS];
bool writtenWaits[THREADS];
byte writtenBuffered[THREADS];

/* For the assertions alone. */
bool marking = false;
byte scopesEnded[THREADS];
byte trulyWritten[THREADS];

#define DrainDepth(thread) depth[thread] = depthBuffered[thread]; depthWaits[thread] = false; depthBuffered[thread] = 0; depthIsRelease[thread] = false
#define DrainWritten(thread) written[thread] = writtenBuffered[thread]; writtenWaits[thread] = false; writtenBuffered[thread] = 0

inline StoreDepth(value, isRelease) {
  d_step { depthBuffered[me] = value; depthIsRelease[me] = isRelease; depthWaits[me] = true }
}

inline WriteInside() {
  d_step {
    assert(!marking);
    trulyWritten[me]++;
    writtenBuffered[me] = trulyWritten[me];
    writtenWaits[me] = true
  }
}

active proctype Memory() {
  byte thread;
endIdle:
  do
  :: d_step { depthWaits[0] && !(depthIsRelease[0] && writtenWaits[0]) -> DrainDepth(0) }
  :: d_step { depthWaits[1] && !(depthIsRelease[1] && writtenWaits[1]) -> DrainDepth(1) }
  :: d_step { writtenWaits[0] -> DrainWritten(0) }
  :: d_step { writtenWaits[1] -> DrainWritten(1) }
  od
}

inline FenceOfAll() {
  d_step {
    if :: depthWaits[0] -> DrainDepth(0) :: else fi;
    if :: depthWaits[1] -> DrainDepth(1) :: else fi;
    if :: writtenWaits[0] -> DrainWritten(0) :: else fi;
    if :: writtenWaits[1] -> DrainWritten(1) :: else fi
  }
}

proctype Thread(byte me) {
  bool sawClosed;
  do
  :: scopesEnded[me] < SCOPES ->
#ifdef BUG_LOOK_BEFORE_DEPTH
     sawClosed = closed;
     StoreDepth(1, false);
#else
     StoreDepth(1, false);
     sawClosed = closed;
#endif
     do
     :: sawClosed ->
        StoreDepth(0, true);
        openEvent;
        StoreDepth(1, true);
#ifdef BUG_WAKE_WITHOUT_LOOK
        sawClosed = false
#else
        sawClosed = closed
#endif
     :: else -> break
     od;
     WriteInside();
     if
     :: me == 0 && scopesEnded[1] == 0 -> scopesEnded[1] > 0
     :: true
     fi;
     WriteInside();
#ifdef BUG_LEAVE_NOT_RELEASED
     StoreDepth(0, false);
#else
     StoreDepth(0, true);
#endif
     scopesEnded[me]++
  :: else -> break
  od
}

inline Open(wakes) {
  closed = false;
  if :: wakes -> openEvent = true :: else fi
}

proctype Collector() {
  byte attempt = 0;
  bool gaveUp;
  do
  :: attempt < ATTEMPTS ->
     attempt++;
     gaveUp = false;
     openEvent = false;
#ifdef BUG_FENCE_FIRST
     FenceOfAll();
#endif
     closed = true;
#if !defined(BUG_NO_FENCE) && !defined(BUG_FENCE_FIRST)
     FenceOfAll();
#endif
     /* One thread after the other; from the start again when one is inside. */
     do
     :: depth[0] == 0 ->
        if
        :: depth[1] == 0 -> break
        :: else
        fi
#ifndef BUG_NO_PATIENCE
     :: gaveUp = true; break
#endif
     od;
     if
     :: gaveUp ->
#ifdef BUG_OPEN_WITHOUT_WAKE
        Open(false)
#else
        Open(true)
#endif
     :: else ->
        marking = true;
        assert(written[0] == trulyWritten[0] && written[1] == trulyWritten[1]);
        marking = false;
        Open(true)
     fi
  :: else -> break
  od
}

init {
  atomic { run Thread(0); run Thread(1); run Collector() }
}
