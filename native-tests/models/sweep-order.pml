/* The order in which one span is swept.
 *
 * Modelled   One span of two slots; a sweeper that has won it; a thread that takes what the sweeper publishes: the pages, when nothing
 *            in the span lives (its record is then a new span's), or the span itself from its list. Two planes of bits, the count of
 *            allocated slots, the generation. Go issue 11617 is this race.
 * Not        Who wins a span (sweep-generations.pml), weak memory, more than one cycle.
 * Holds      What the new owner writes stays as it wrote it, and it finds no bit of what was before.
 * Mutants    BUG_PUBLISH_FIRST  the old order: the span goes to its next owner before its bits, count and generation are written
 *            BUG_COUNT_LAST     the count alone is written behind the publication
 * Bound      None: one sweep, one new owner, each number of live slots.
 */
#define GENERATION 4
#define BEING_SWEPT (GENERATION - 1)
#define CACHED (GENERATION + 3)
#define BOTH_SLOTS 3
#define CountOf(slots) (((slots) & 1) + ((slots) >> 1))

byte spanGeneration = BEING_SWEPT;
byte allocPlane;                    /* what marking has reached: the alloc plane from now on */
byte markPlane = BOTH_SLOTS;        /* what was allocated before: zero when the next cycle marks in it */
byte allocated = 2;

bool pagesFree = false;
bool listed = false;

inline WriteBitsAndCount() {
  markPlane = 0;
#ifndef BUG_COUNT_LAST
  allocated = live;
#endif
  spanGeneration = GENERATION
}

inline Publish() {
  if
  :: live == 0 -> pagesFree = true
  :: else -> listed = true
  fi
}

active proctype Sweeper() {
  byte live;
  if
  :: allocPlane = 0
  :: allocPlane = 1
  :: allocPlane = 2
  :: allocPlane = BOTH_SLOTS
  fi;
  live = CountOf(allocPlane);
#ifdef BUG_PUBLISH_FIRST
  Publish();
  WriteBitsAndCount()
#else
  WriteBitsAndCount();
  Publish()
#endif
#ifdef BUG_COUNT_LAST
  ;
  allocated = live
#endif
}

/* Takes all free slots, as a cache does with a word of bits. */
active proctype NewOwner() {
  if
  :: pagesFree ->
     pagesFree = false;
     assert(allocPlane == 0 && markPlane == 0);
     allocated = 0
  :: listed ->
     listed = false;
     assert(spanGeneration == GENERATION)
  fi;
  spanGeneration = CACHED;
  assert(allocated == CountOf(allocPlane) && markPlane == 0);
  allocPlane = BOTH_SLOTS;
  allocated = 2;

  /* Whatever the sweeper still had to do, it has done by now. */
  timeout;
  assert(spanGeneration == CACHED && allocPlane == BOTH_SLOTS && markPlane == 0 && allocated == 2)
}
