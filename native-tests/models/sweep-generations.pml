/* Spans and their generations, over two cycles.
 *
 * Modelled   Two spans of two slots; records and pages that are given back and used again; two threads, each with a cache of one kind,
 *            that refill, allocate and leave; a sweeper that takes spans out of the lists, or finds them by their pages; a collector
 *            that flushes, finishes the cycle, marks, lets the generation grow by two. Planes of bits that change places, the word of
 *            progress, lists by plane. Marking keeps any subset of the blocks, so every graph is covered.
 * Not        The gate (a closed one is one step here: gate.pml), weak memory, dead threads (adoption.pml), several kinds, guarded blocks.
 * Holds      No span is swept twice in a cycle, or given to a cache unswept; no live block is freed or handed out again; what is
 *            allocated at the end of a cycle is what lives, and what caches hold; pages that are free have no bits; a span whose
 *            generation says swept is; the collector never waits in vain.
 * Mutants    BUG_NO_CAS                   a span is won by a load and a store
 *            BUG_SWEEP_STALE_BY_OTHERS    spans that caches had when the cycle began are swept by anybody
 *            BUG_SWAP_AFTER_STORE         the generation is stored before the bits and the count are right
 *            BUG_GENERATION_ZEROED        a record is zeroed when it is used again, and zero means unswept, as in the first cycle of
 *                                         the Go runtime (the first generation of SpanHeap is such that it means nothing; here 0)
 *            BUG_GENERATION_OVERWRITTEN   a span of manual blocks writes over the generation in a record that is used again
 *            BUG_ENTRIES_BEFORE_GENERATION a fresh span is found by its pages before its record has the generation
 *            BUG_PAGES_BEFORE_ENTRIES     pages are free before their entries say so
 *            BUG_DROPPED_UNSWEPT          the generation grows though lists have unswept spans
 *            BUG_LISTED_TWICE             who finds a span by its pages leaves it in its list of unswept spans
 *            BUG_STALE_TAKEN_AS_FRESH     a cache goes on with its stale span in the next cycle
 *            BUG_SLOTS_KEPT_AT_FLUSH      a flush gives back the span, and not the slots taken and not used
 *            BUG_MARK_PLANE_NOT_CLEARED   the plane that the next cycle marks in keeps its bits
 * Bound      Two cycles and a last look; four steps of the first thread (a scope begun, a block wanted), two of the second: 7 million
 *            states, 7 s, 0.5 GB. Tried by hand: -DFIRST_STEPS=5 (22 million, 29 s), and 3 and 3 (8 million). With 3 steps at most
 *            BUG_STALE_TAKEN_AS_FRESH is not found: a thread must come back in a later cycle and allocate.
 */
#define SPANS 2
#define SLOTS 2
#define ALL_SLOTS 3
#define CACHES 2
#define CYCLES 2
#ifndef FIRST_STEPS
#define FIRST_STEPS 4
#endif
#ifndef SECOND_STEPS
#define SECOND_STEPS 2
#endif
#define NO_SPAN SPANS
#define NO_LIST 4
#define NEVER_USED 255
#ifdef BUG_GENERATION_ZEROED
#define FIRST 0
#else
#define FIRST 8
#endif

#define AllocPlane(generation) (((generation) / 2) & 1)
#define MarkPlane(generation) (1 - AllocPlane(generation))
#define Unswept(generation) ((generation) - 2)
#define BeingSwept(generation) ((generation) - 1)
#define StaleCached(generation) ((generation) + 1)
#define Cached(generation) ((generation) + 3)
#define Bits(span, plane) bits[(span) * 2 + (plane)]
#define CountOf(slots) (((slots) & 1) + ((slots) >> 1))
#define Lowest(slots) ((slots) & 1 -> 1 : 2)
#define ListOf(generation, full) (AllocPlane(generation) * 2 + (full))

byte heapGeneration = FIRST;

/* Spans: records, which are always there, and what belongs to their pages. */
byte spanGeneration[SPANS];
byte allocated[SPANS];
byte list[SPANS] = NO_LIST;
bool pagesFree[SPANS] = true;
bool inUse[SPANS];                  /* the page entries say that it is a traced span */
byte bits[4];
#ifdef BUG_GENERATION_OVERWRITTEN
bool manual[SPANS];
#define IsManual(span) manual[span]
#else
#define IsManual(span) false
#endif

/* Caches. */
byte cursorSpan[CACHES] = NO_SPAN;
byte cursorFree[CACHES];
byte cacheGeneration[CACHES] = NEVER_USED;
bool inScope[CACHES];

/* Progress: one word. */
bool drained = true;
byte sweeping = 0;

bool gateClosed = false;

/* For the assertions alone. */
byte liveBlocks[SPANS];
bool sweptThisCycle[SPANS];

#define IsSweptAsSaid(span) (Bits(span, MarkPlane(heapGeneration)) == 0 && allocated[span] == CountOf(Bits(span, AllocPlane(heapGeneration))))

/* Whoever looks at a span that reads as swept. A step back to where it was: it adds no state. */
active proctype Reader() {
endAlways:
  do
  :: d_step { inUse[0] && spanGeneration[0] == heapGeneration -> assert(IsSweptAsSaid(0)) }
  :: d_step { inUse[1] && spanGeneration[1] == heapGeneration -> assert(IsSweptAsSaid(1)) }
  od
}

/* -- One span -- */

inline TryAcquire(span) {
#ifdef BUG_NO_CAS
  won = spanGeneration[span] == Unswept(generation);
  if :: won -> spanGeneration[span] = BeingSwept(generation) :: else fi
#else
  d_step {
    won = spanGeneration[span] == Unswept(generation);
#ifdef BUG_SWEEP_STALE_BY_OTHERS
    won = won || spanGeneration[span] == StaleCached(generation);
#endif
    if :: won -> spanGeneration[span] = BeingSwept(generation) :: else fi
  }
#endif
}

inline SweepBits(span) {
  d_step {
    assert(inUse[span] && spanGeneration[span] == BeingSwept(generation) && generation == heapGeneration);
    assert(!sweptThisCycle[span]);
    sweptThisCycle[span] = true;
    assert((liveBlocks[span] & (ALL_SLOTS - Bits(span, AllocPlane(generation)))) == 0);
    assert((Bits(span, AllocPlane(generation)) & (ALL_SLOTS - Bits(span, MarkPlane(generation)))) == 0)
  }
#ifdef BUG_SWAP_AFTER_STORE
  spanGeneration[span] = generation;
#endif
#ifndef BUG_MARK_PLANE_NOT_CLEARED
  Bits(span, MarkPlane(generation)) = 0;
#endif
  allocated[span] = CountOf(Bits(span, AllocPlane(generation)));
#ifndef BUG_SWAP_AFTER_STORE
  spanGeneration[span] = generation
#endif
}

inline AddSwept(span) {
  d_step {
    assert(inUse[span] && list[span] == NO_LIST);
    list[span] = ListOf(generation, allocated[span] == SLOTS)
  }
}

/* Once the pages are free they may be another span's, and so may the record: the entries come first. */
inline Release(span) {
  assert(inUse[span] && liveBlocks[span] == 0 && list[span] == NO_LIST);
#ifdef BUG_PAGES_BEFORE_ENTRIES
  pagesFree[span] = true;
  inUse[span] = false
#else
  inUse[span] = false;
  pagesFree[span] = true
#endif
}

inline Publish(span) {
  if
  :: allocated[span] == 0 -> Release(span)
  :: else -> AddSwept(span)
  fi
}

/* A list is by its lock. Which span of a list is taken is left open. */
inline Take(wanted, span) {
  atomic {
    if
    :: list[0] == wanted -> span = 0; list[0] = NO_LIST
    :: list[1] == wanted -> span = 1; list[1] = NO_LIST
    :: else -> span = NO_SPAN
    fi
  }
}

inline TakeUnswept(span) {
  Take(ListOf(Unswept(generation), 0), span);
  if
  :: span == NO_SPAN -> Take(ListOf(Unswept(generation), 1), span)
  :: else
  fi
}

/* -- Caches -- */

inline Uncache(cache) {
  d_step {
    held = cursorSpan[cache];
    cursorSpan[cache] = NO_SPAN;
    cursorFree[cache] = 0;
    assert(spanGeneration[held] == Cached(generation))
  }
  spanGeneration[held] = generation;
  Publish(held);
  held = NO_SPAN
}

inline GiveBackWord(cache) {
  d_step {
#ifndef BUG_SLOTS_KEPT_AT_FLUSH
    Bits(cursorSpan[cache], AllocPlane(generation)) = Bits(cursorSpan[cache], AllocPlane(generation)) - cursorFree[cache];
    allocated[cursorSpan[cache]] = allocated[cursorSpan[cache]] - CountOf(cursorFree[cache]);
#endif
    cursorFree[cache] = 0
  }
}

/* By the cache's thread in a scope, or by the collector with the gate closed. */
inline Flush(cache) {
  if
  :: cursorSpan[cache] == NO_SPAN
  :: cursorSpan[cache] != NO_SPAN && spanGeneration[cursorSpan[cache]] == StaleCached(generation) ->
     d_step {
       held = cursorSpan[cache];
       cursorSpan[cache] = NO_SPAN;
       cursorFree[cache] = 0
     }
     spanGeneration[held] = BeingSwept(generation);
     SweepBits(held);
     Publish(held);
     held = NO_SPAN
  :: else ->
     GiveBackWord(cache);
     Uncache(cache)
  fi;
  d_step {
    if
    :: cacheGeneration[cache] != generation -> assert(sweeping > 0); sweeping--
    :: else
    fi;
    cacheGeneration[cache] = generation
  }
}

/* A span with a free slot for the caller's cache, as `held`; NO_SPAN when pages are lacking. */
inline TakeSpan() {
  Take(ListOf(generation, 0), held);
  if
  :: held == NO_SPAN ->
     /* Sweep for it. */
     if
     :: atomic { !drained -> sweeping++ }
        do
        :: TakeUnswept(held);
           if
           :: held == NO_SPAN -> break
           :: else ->
              TryAcquire(held);
              if
              :: won ->
                 SweepBits(held);
                 if
                 :: allocated[held] < SLOTS -> break
                 :: else -> AddSwept(held)
                 fi
              :: else
              fi
           fi
        od;
        sweeping--
     :: drained
     fi
  :: else
  fi;
  if
  :: held == NO_SPAN ->
     /* A fresh one. Its record has the generation of a former life, which by now may mean anything. */
     atomic {
       if
       :: pagesFree[0] && !IsManual(0) -> held = 0
       :: pagesFree[1] && !IsManual(1) -> held = 1
       :: else
       fi;
       if
       :: held != NO_SPAN ->
          pagesFree[held] = false;
          assert(bits[held * 2] == 0 && bits[held * 2 + 1] == 0 && list[held] == NO_LIST);
          sweptThisCycle[held] = true;
          allocated[held] = 0;
#ifdef BUG_GENERATION_ZEROED
          spanGeneration[held] = 0
#endif
#ifdef BUG_ENTRIES_BEFORE_GENERATION
          inUse[held] = true
#endif
       :: else
       fi
     }
     if
     :: held != NO_SPAN ->
        spanGeneration[held] = generation;
        inUse[held] = true
     :: else
     fi
  :: else
  fi
}

proctype Thread(byte me; byte steps) {
  byte generation, held = NO_SPAN;
  bool won;
  do
  :: steps > 0 ->
endKeptOut:
     atomic { !gateClosed -> inScope[me] = true; generation = heapGeneration; steps-- }
     if
     :: cacheGeneration[me] == NEVER_USED -> cacheGeneration[me] = generation
#ifndef BUG_STALE_TAKEN_AS_FRESH
     :: cacheGeneration[me] != NEVER_USED && cacheGeneration[me] != generation -> Flush(me)
#endif
     :: else
     fi;
     do
     :: steps > 0 ->
        steps--;
        do
        :: cursorFree[me] != 0 -> break
        :: cursorFree[me] == 0 && cursorSpan[me] != NO_SPAN ->
           /* What is left of the span's word, or another span. */
           d_step {
             cursorFree[me] = ALL_SLOTS - Bits(cursorSpan[me], AllocPlane(generation));
             Bits(cursorSpan[me], AllocPlane(generation)) = ALL_SLOTS;
             allocated[cursorSpan[me]] = allocated[cursorSpan[me]] + CountOf(cursorFree[me])
           }
           if
           :: cursorFree[me] == 0 -> Uncache(me)
           :: else
           fi
        :: else ->
           TakeSpan();
           if
           :: held == NO_SPAN -> break
           :: else ->
              assert(spanGeneration[held] == generation && sweptThisCycle[held] && inUse[held]);
              spanGeneration[held] = Cached(generation);
              d_step { cursorSpan[me] = held; held = NO_SPAN }
           fi
        od;
        atomic {
          if
          :: cursorFree[me] != 0 ->
             assert(inUse[cursorSpan[me]] && spanGeneration[cursorSpan[me]] == Cached(generation));
             assert((liveBlocks[cursorSpan[me]] & Lowest(cursorFree[me])) == 0);
             assert(Bits(cursorSpan[me], AllocPlane(generation)) & Lowest(cursorFree[me]));
             liveBlocks[cursorSpan[me]] = liveBlocks[cursorSpan[me]] | Lowest(cursorFree[me]);
             cursorFree[me] = cursorFree[me] - Lowest(cursorFree[me])
          :: else
          fi
        }
     :: break
     od;
     atomic { inScope[me] = false; generation = 0; won = false }
  :: break
  od;
  steps = 0
}

/* -- Sweeping -- */

inline EndSweeping() {
  atomic { assert(sweeping > 0); sweeping--; held = NO_SPAN; won = false }
}

/* Out of the lists. Counted as sweeping already; ends the count. */
inline SweepOneOfLists() {
  do
  :: TakeUnswept(held);
     if
     :: held == NO_SPAN -> drained = true; break
     :: else ->
        TryAcquire(held);
        if
        :: won -> SweepBits(held); Publish(held); break
        :: else
        fi
     fi
  od;
  EndSweeping()
}

/* Any span in use that is found to be unswept; the same count. Who wins it takes it out of the list that it may be in. */
inline SweepOneByPages() {
  atomic {
    if
    :: inUse[0] -> held = 0
    :: inUse[1] -> held = 1
    :: else
    fi
  }
  if
  :: held != NO_SPAN ->
     TryAcquire(held);
     if
     :: won ->
#ifndef BUG_LISTED_TWICE
        list[held] = NO_LIST;
#endif
        SweepBits(held);
        Publish(held)
     :: else
     fi
  :: else
  fi;
  EndSweeping()
}

active proctype BackgroundSweeper() {
  byte generation, held = NO_SPAN;
  bool won;
endIdle:
  do
  :: atomic { !drained -> sweeping++; generation = heapGeneration }
     if
     :: true -> SweepOneByPages()
     :: true -> SweepOneOfLists()
     fi;
     generation = 0
  od
}

#ifdef BUG_GENERATION_OVERWRITTEN
/* A span of manual blocks: its first alloc bits lie where the generation was, and may be any number. */
active proctype ManualSpan() {
  byte span;
endIdle:
  do
  :: atomic {
       if
       :: pagesFree[0] && !manual[0] -> span = 0
       :: pagesFree[1] && !manual[1] -> span = 1
       fi;
       manual[span] = true;
       spanGeneration[span] = Unswept(heapGeneration)
     }
     manual[span] = false
  od
}
#endif

/* -- The collector -- */

/* What must be so of a span when all is swept and no thread is in a scope. */
inline Check(span) {
  if
  :: inUse[span] ->
     assert(spanGeneration[span] == generation || spanGeneration[span] == Cached(generation));
     assert(spanGeneration[span] == generation || cursorSpan[0] == span || cursorSpan[1] == span);
     assert(spanGeneration[span] == Cached(generation) || list[span] == ListOf(generation, allocated[span] == SLOTS));
     unused = (cursorSpan[0] == span -> cursorFree[0] : 0) | (cursorSpan[1] == span -> cursorFree[1] : 0);
     assert((liveBlocks[span] & unused) == 0);
     assert(Bits(span, AllocPlane(generation)) == (liveBlocks[span] | unused));
     assert(IsSweptAsSaid(span))
  :: else ->
     assert(bits[span * 2] == 0 && bits[span * 2 + 1] == 0 && liveBlocks[span] == 0)
  fi
}

/* As any graph would have it. */
inline Mark(span) {
  if
  :: inUse[span] ->
     if
     :: true
     :: liveBlocks[span] = liveBlocks[span] & 1
     :: liveBlocks[span] = liveBlocks[span] & 2
     :: liveBlocks[span] = 0
     fi;
     Bits(span, MarkPlane(generation)) = liveBlocks[span]
  :: else
  fi
}

active proctype Collector() {
  byte generation, held = NO_SPAN, cycle = 0, unused;
  bool won, flushesAll;
  do
  :: atomic { gateClosed = true; generation = heapGeneration }
     !inScope[0] && !inScope[1];

     /* The cycle before is swept to the end. */
     if :: cacheGeneration[0] != NEVER_USED && cacheGeneration[0] != generation -> Flush(0) :: else fi;
     if :: cacheGeneration[1] != NEVER_USED && cacheGeneration[1] != generation -> Flush(1) :: else fi;
     do
#ifdef BUG_DROPPED_UNSWEPT
     :: true -> break
#endif
     :: atomic { !drained -> sweeping++; generation = heapGeneration }
        SweepOneOfLists()
     :: drained -> break
     od;
#ifndef BUG_DROPPED_UNSWEPT
     drained && sweeping == 0;
#endif

     /* With the caches' spans, or without. */
     if
     :: flushesAll = true;
        if :: cacheGeneration[0] != NEVER_USED -> Flush(0) :: else fi;
        if :: cacheGeneration[1] != NEVER_USED -> Flush(1) :: else fi
     :: flushesAll = false
     fi;
     atomic {
       Check(0);
       Check(1);
       unused = 0;
       if
       :: cycle == CYCLES -> break
       :: else
       fi;
       Mark(0);
       Mark(1);
       cycle++;
       heapGeneration = heapGeneration + 2;
       sweptThisCycle[0] = false;
       sweptThisCycle[1] = false;
       drained = false;
       if
       :: flushesAll ->
          sweeping = 0;
          if :: cacheGeneration[0] != NEVER_USED -> cacheGeneration[0] = heapGeneration :: else fi;
          if :: cacheGeneration[1] != NEVER_USED -> cacheGeneration[1] = heapGeneration :: else fi
       :: else ->
          sweeping = (cacheGeneration[0] != NEVER_USED -> 1 : 0) + (cacheGeneration[1] != NEVER_USED -> 1 : 0)
       fi;
       flushesAll = false;
       gateClosed = false
     }
  od
}

init {
  atomic { run Thread(0, FIRST_STEPS); run Thread(1, SECOND_STEPS) }
}
