/* A thread dies, also within a scope; a new one adopts its cache, while the collector closes the gate and looks at all caches.
 *
 * Modelled   One thread cache with its traced cache; its first thread, two that would adopt it, of which each may stay with manual
 *            memory; two that ask whether threads live (a timer and the collector); the two places where the thread cache names its
 *            traced one, its thread's and its former thread's; the incarnation; the depth of scopes, left as it was by a death. The
 *            collector closes the gate, waits, flushes the cache if it is stale, marks, counts stale caches, opens.
 * Not        The fence of the gate and its patience (gate.pml), the spans (sweep-generations.pml), weak memory.
 * Holds      Nobody allocates while marking; one thread at a time has the cache; a stale cache is flushed once, by one; the collector
 *            sees each cache that is in use, and a scope of a dead thread does not hold it up.
 * Mutants    BUG_FOUND_BY_TWO_PLACES    the collector looks for the cache where its thread and its former thread have it: while it goes
 *                                       from one to the other it may be found in neither
 *            BUG_OWNED_IS_IN_SCOPE      a depth counts though no thread has attached since its thread died: an adopter that stays
 *                                       with manual memory holds all collections up
 *            BUG_DEPTH_KEPT             who attaches goes on at the depth that the dead thread left
 *            BUG_DEPTH_WRITTEN          the collector itself writes 0 over a dead thread's depth: an adopter has entered meanwhile, and
 *                                       is then inside unseen
 *            BUG_DEAD_NOT_ASKED         a depth that is not 0 counts as a dead thread's without asking whether it lives
 *            BUG_NO_INCARNATION         who has found a thread dead hands its cache over whoever has it by now
 *            BUG_GENERATION_RENEWED     who attaches says that the cache is of this cycle
 * Bound      Three threads, two scopes each, two cycles and a last look.
 */
#define THREADS 3
#define SCOPES 2
#define CYCLES 2
#define NOBODY 9
#define NEVER_USED 9

byte heapGeneration = 0;
bool gateClosed = false;
byte sweeping = 0;                  /* stale caches not yet flushed */

/* The thread cache. */
byte ownership = 1;                 /* odd while a thread has it */
byte threadOfCache = 0;
bool isOrphan = false;              /* in the list of those to be adopted */
bool traced = false;                /* the traced cache is named as the thread's */
bool former = false;                /* and as the former thread's */

/* The traced cache. */
byte depth = 0;
byte cacheGeneration = NEVER_USED;

bool dead[THREADS];

/* For the assertions alone. */
bool marking = false;
bool flushing = false;
byte owners = 1;

inline StartFlush() {
  d_step { assert(!flushing); flushing = true }
}

/* What the cache has goes back to its spans. */
inline Flush() {
  StartFlush();
  d_step { assert(sweeping > 0 && !marking); sweeping-- }
  d_step { cacheGeneration = heapGeneration; flushing = false }
}

/* Asks whether the cache's thread lives; if not, the cache is an orphan. */
inline Poll() {
  d_step { asked = threadOfCache; incarnation = ownership }
  if
  :: asked != NOBODY && dead[asked] ->
     d_step {
       if
#ifdef BUG_NO_INCARNATION
       :: ownership & 1 ->
#else
       :: ownership == incarnation && (ownership & 1) ->
#endif
          ownership--;
          threadOfCache = NOBODY;
          isOrphan = true;
          owners--
       :: else
       fi
     }
  :: else
  fi;
  d_step { asked = NOBODY; incarnation = 0 }
}

/* The orphan is the calling thread's: it is in no list. */
inline Own() {
  if
  :: traced ->
     former = true;
     traced = false
  :: else
  fi;
  d_step { ownership = (ownership | 1) + 2; owners++; assert(owners == 1) }
  threadOfCache = me
}

/* The first scope of a thread. */
inline Attach() {
#ifndef BUG_DEPTH_KEPT
  depth = 0;
#endif
#ifdef BUG_GENERATION_RENEWED
  cacheGeneration = heapGeneration;
#endif
#ifdef BUG_FOUND_BY_TWO_PLACES
  traced = true;
  former = false
#else
  former = false;
  traced = true
#endif
}

proctype Thread(byte me; bool hasCache) {
  byte scopes = 0;
  bool outermost;
  if
  :: hasCache
  :: !hasCache ->
endNoOrphan:
     atomic { isOrphan -> isOrphan = false }
     Own()
  fi;
  if
  :: Attach();
     do
     :: scopes < SCOPES ->
        scopes++;
        depth++;
        outermost = depth == 1;
        if
        :: outermost ->
           do
           :: gateClosed ->
              depth = 0;
              !gateClosed;
              depth = 1
           :: !gateClosed -> break
           od
        :: else
        fi;
        if
        :: cacheGeneration == NEVER_USED -> cacheGeneration = heapGeneration
        :: cacheGeneration != NEVER_USED && cacheGeneration != heapGeneration -> Flush()
        :: else
        fi;
        d_step { assert(!marking && !flushing && cacheGeneration == heapGeneration && owners == 1) }
        if
        :: dead[me] = true; goto end   /* within the scope */
        :: depth--
        fi
     :: break
     od
  :: true                           /* manual memory alone */
  fi;
  if
  :: dead[me] = true
  :: true                           /* idle for ever */
  fi;
end:
  skip
}

active proctype Timer() {
  byte asked = NOBODY, incarnation;
endIdle:
  do
  :: threadOfCache != NOBODY && dead[threadOfCache] -> Poll()
  od
}

/* As `seen`: whether the collector comes by a traced cache that is in use. All are in a list of their own, which only grows. */
inline LookForCache() {
#ifdef BUG_FOUND_BY_TWO_PLACES
  seen = traced;
  if
  :: !seen -> seen = former
  :: else
  fi
#else
  seen = cacheGeneration != NEVER_USED
#endif
}

inline WaitUntilNoneIsInScope() {
  do
  :: depth == 0 -> break
  :: depth != 0 ->
#ifdef BUG_DEAD_NOT_ASKED
     break
#else
     Poll();
     seenOwnership = ownership;
#ifdef BUG_OWNED_IS_IN_SCOPE
     seenTraced = true;
#else
     seenTraced = traced;
#endif
     if
     :: !(seenOwnership & 1) || !seenTraced ->
#ifdef BUG_DEPTH_WRITTEN
        depth = 0;
#endif
        break
     :: else ->
        /* Held up: looks again when anything is other than it was, which a living thread brings about. */
        seenTraced = traced;
        (depth == 0 || ownership != seenOwnership || traced != seenTraced || (threadOfCache != NOBODY && dead[threadOfCache]))
     fi
#endif
  od;
  seenOwnership = 0;
  seenTraced = false
}

active proctype Collector() {
  byte asked = NOBODY, incarnation, seenOwnership, cycle = 0;
  bool seen, seenTraced;
  do
  :: gateClosed = true;
     WaitUntilNoneIsInScope();
     LookForCache();
     if
     :: seen && cacheGeneration != NEVER_USED && cacheGeneration != heapGeneration -> Flush()
     :: else
     fi;
     sweeping == 0;                 /* finishes the cycle before */
     if
     :: cycle == CYCLES -> gateClosed = false; break
     :: else
     fi;
     marking = true;
     LookForCache();
     marking = false;
     d_step {
       if
       :: seen && cacheGeneration != NEVER_USED -> sweeping = 1
       :: else
       fi;
       heapGeneration++;
       cycle++
     }
     gateClosed = false
  od
}

init {
  atomic { run Thread(0, true); run Thread(1, false); run Thread(2, false) }
}
