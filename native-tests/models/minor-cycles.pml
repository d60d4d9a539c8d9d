/* Minor collections: what a collection has reached stays marked, and the next one may look only at what was made since.
 *
 * Modelled   Four blocks on two pages, each with one field; a root; a thread that makes blocks in scopes and stores references into the root
 *            and into blocks that it reaches; collections between scopes, minor or major as it happens, of which some fail half-way; each
 *            page swept at any later moment, by anybody. A card for each page.
 * Not        How marking is divided among threads, and the gate (gate.pml): a collection is one step here. Who sweeps a page, and that no
 *            other thread has it meanwhile (sweep-generations.pml).
 * Holds      What the root reaches is marked by each collection that succeeds, and is allocated at all times; a major collection marks
 *            nothing else; a slot is marked between collections only if it is allocated.
 * Mutants    BUG_NO_CARD              a store into a block sets no card
 *            BUG_CARDS_CLEARED_FIRST  cards are cleared before they are looked at
 *            BUG_CARDS_CLEARED_LATE   cards are cleared when a page is swept
 *            BUG_MAJOR_KEEPS_MARKS    a major collection begins with the marks of the one before
 *            BUG_MINOR_AFTER_FAILURE  a minor collection follows one that has failed
 *            BUG_DEAD_STAY_MARKED     sweeping keeps the bits of what was allocated, and not of what was marked
 * Bound      Three collections, six steps in scopes between two of them.
 */
#define BLOCKS 4
#define NONE BLOCKS
#define PageOf(block) ((block) / 2)
#define COLLECTIONS 3
#define STEPS 6

byte field[BLOCKS];
byte root = NONE;
byte held = NONE;                   /* what the scope has: the block made last */

/* Two planes of bits, which swap roles with each collection: the one of the heap's parity has the blocks of swept pages. */
bit plane0[BLOCKS];
bit plane1[BLOCKS];
bit parity = 0;
bool swept[2];
bool card[2];
#define Finished (swept[0] && swept[1])
bool known = false;                 /* whether marks and cards say which blocks are old */

byte collections = 0;
byte steps = 0;

#define Alloc(block) (parity == 0 -> plane0[block] : plane1[block])
#define Mark(block) (parity == 0 -> plane1[block] : plane0[block])

/* An unswept page has its next blocks in the plane of marks of the collection before, which is the heap's by now. */
#define IsBlock(block) Alloc(block)

inline SetAlloc(block, value) { if :: parity == 0 -> plane0[block] = value :: else -> plane1[block] = value fi }
inline SetMark(block, value) { if :: parity == 0 -> plane1[block] = value :: else -> plane0[block] = value fi }

bool reached[BLOCKS];
byte i;
byte j;

inline Reach() {
  i = 0;
  do :: i < BLOCKS -> reached[i] = false; i++ :: else -> break od;
  j = root;
  do
  :: j != NONE && !reached[j] -> reached[j] = true; j = field[j]
  :: else -> break
  od
}

inline Sweep(page) {
  atomic {
    !swept[page];
    i = page * 2;
    do
    :: i < (page + 1) * 2 ->
       if
       :: Alloc(i) -> SetMark(i, 1)
       :: else ->
#ifndef BUG_DEAD_STAY_MARKED
          SetMark(i, 0);
#endif
          field[i] = NONE
       fi;
       i++
    :: else -> break
    od;
#ifdef BUG_CARDS_CLEARED_LATE
    card[page] = false;
#endif
    swept[page] = true
  }
}

/* Marks a block and all that unmarked blocks lead to. */
inline Follow(block) {
  j = block;
  do
  :: j != NONE && !Mark(j) -> SetMark(j, 1); j = field[j]
  :: else -> break
  od
}

inline MarkAll(isMinor) {
  if
  :: isMinor ->
#ifdef BUG_CARDS_CLEARED_FIRST
     card[0] = false; card[1] = false;
#endif
     skip
  :: else ->
#ifndef BUG_MAJOR_KEEPS_MARKS
     i = 0;
     do :: i < BLOCKS -> SetMark(i, 0); i++ :: else -> break od
#else
     skip
#endif
  fi;
  Follow(root);
  if
  :: isMinor ->
     i = 0;
     do
     :: i < BLOCKS ->
        if :: card[PageOf(i)] && Mark(i) && field[i] != NONE -> Follow(field[i]) :: else fi;
        i++
     :: else -> break
     od
  :: else
  fi
}

inline Collect(isMinor) {
  atomic {
    MarkAll(isMinor);
    Reach();
    i = 0;
    do
    :: i < BLOCKS ->
       assert(!reached[i] || Mark(i));
       assert(isMinor || !Mark(i) || reached[i]);
       i++
    :: else -> break
    od;
#ifndef BUG_CARDS_CLEARED_LATE
    card[0] = false; card[1] = false;
#endif
    known = true;
    parity = 1 - parity;
    swept[0] = false; swept[1] = false
  }
}

/* At worst, the root's block is marked and not looked into when marking gives up, and cards are clear. */
inline Fail() {
  atomic {
    if :: root != NONE -> SetMark(root, 1) :: else fi;
    card[0] = false; card[1] = false;
#ifndef BUG_MINOR_AFTER_FAILURE
    known = false
#endif
  }
}

init {
  atomic {
    i = 0;
    do :: i < BLOCKS -> field[i] = NONE; i++ :: else -> break od;
    swept[0] = true; swept[1] = true
  }
  do
  :: collections < COLLECTIONS ->
     atomic {
       Reach();
       i = 0;
       do
       :: i < BLOCKS -> assert(!reached[i] || IsBlock(i)); assert(!swept[PageOf(i)] || !known || !Mark(i) || Alloc(i)); i++
       :: else -> break
       od
     };
     if
     /* Makes a block in a swept page. */
     :: steps < STEPS ->
        atomic {
          steps++;
          if
          :: swept[0] && !Alloc(0) -> held = 0
          :: swept[0] && !Alloc(1) -> held = 1
          :: swept[1] && !Alloc(2) -> held = 2
          :: else -> skip
          fi;
          if
          :: held != NONE && !Alloc(held) ->
             SetAlloc(held, 1);
             field[held] = NONE
          :: else
          fi
        }
     :: steps < STEPS && held != NONE -> atomic { steps++; root = held }
     :: steps < STEPS -> atomic { steps++; root = NONE }
     /* Stores what the scope has, or nothing, into the root's block, or into the one that this leads to. */
     :: steps < STEPS && root != NONE ->
        atomic {
          steps++;
          j = root;
          if :: field[j] != NONE -> j = field[j] :: skip fi;
          if :: held != NONE -> field[j] = held :: field[j] = NONE fi;
#ifndef BUG_NO_CARD
          card[PageOf(j)] = true
#endif
        }
     :: !swept[0] -> Sweep(0)
     :: !swept[1] -> Sweep(1)
     :: Finished -> atomic { held = NONE; steps = 0; collections++; Collect(false) }
     :: Finished && known -> atomic { held = NONE; steps = 0; collections++; Collect(true) }
     :: Finished -> atomic { held = NONE; steps = 0; collections++; Fail() }
     fi
  :: else -> break
  od
}
