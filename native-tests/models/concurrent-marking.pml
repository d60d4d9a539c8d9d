/* Concurrent marking, in its first form: the gate is closed at the start and at the end of a cycle, and threads run while blocks are marked.
 *
 * Modelled   Four blocks with one field each, and a second field of block 0; a root; a weak handle; two threads that enter and leave scopes.
 *            In a scope a thread loads references from the root, from the weak handle and from fields of blocks that it has, stores them
 *            into the root and into such fields, takes a slot, and makes a block in the slot that it has taken. A marker reads each field
 *            once, in any order of blocks. The barrier reads the old value, marks it, queues it and stores the new value, each as a step
 *            of its own; a read of the weak handle marks and queues in the same way. When nothing waits, the marker closes the gate and
 *            looks again; if something waits then, it opens the gate and goes on, or marks the rest behind it.
 * Not        How the gate is closed (gate.pml): it closes in one step when no thread is in a scope. Spans, caches and how they are swept
 *            (sweep-generations.pml): all is swept in one step at the end of a cycle. Several markers, clean-ups, roots that are changed
 *            outside of scopes, and stores that come late.
 * Holds      When a cycle ends, all that the root leads to is marked. What a thread has, loads, stores, or stores into is a block that has
 *            not been freed. The weak handle gives the block that it was made for, or nothing. No slot stays allocated without a block.
 * Mutants    BUG_NO_BARRIER            a store into a field marks nothing
 *            BUG_BARRIER_AFTER_STORE   the old value is read when the new one has been stored
 *            BUG_BARRIER_NEW_VALUE     the barrier marks the new value instead of the old one
 *            BUG_WHITE_ALLOCATION      a slot that is taken while blocks are marked is not marked
 *            BUG_CURSOR_NOT_BLACKENED  a slot that was taken before the cycle began, and not used, is not marked
 *            BUG_UNUSED_STAY_MARKED    a slot that has not been used by the end stays marked: it is allocated, and nobody has it
 *            BUG_WEAK_NOT_SHADED       what the weak handle gives is not marked
 *            BUG_WEAK_NOT_CLEARED      the weak handle keeps a block that has been freed
 *            BUG_NO_SECOND_LOOK        the cycle ends without another look behind the gate
 *            BUG_END_WITHOUT_GATE      the cycle ends when nothing waits, while threads are in scopes: one may have marked a block that
 *                                      it has not queued yet
 *            BUG_ROOTS_READ_LATE       the root is read when the gate is open again
 * Bound      Two cycles; three steps of the first thread in scopes, two of the second: 3.5 million states, 6 s, 0.3 GB. Tried by hand:
 *            -DFIRST_STEPS=4 (19 million, 38 s), 3 and 3 (22 million, 45 s), 5 and 1 (12 million, 21 s), three cycles (5 million). With 3
 *            and 1 the three mutants of the barrier are not found: one thread needs four steps for them, two need five.
 */
#define THREADS 2
#define BLOCKS 4
#define NONE BLOCKS
#define SECOND_FIELD BLOCKS
#define CYCLES 2
#ifndef FIRST_STEPS
#define FIRST_STEPS 3
#endif
#ifndef SECOND_STEPS
#define SECOND_STEPS 2
#endif

#define OwnerOf(place) ((place) == SECOND_FIELD -> 0 : (place))
#define IsAnyWaiting (waiting[0] || waiting[1] || waiting[2] || waiting[3])
#define IsAnyFree (!alloc[0] || !alloc[1] || !alloc[2] || !alloc[3])
#define NobodyIsInside (!inScope[0] && !inScope[1])

byte field[BLOCKS + 1];             /* by blocks, then the second field of block 0 */
byte root = 0;
byte weak = 1;

bit alloc[BLOCKS];
bit mark[BLOCKS];
bit waiting[BLOCKS];                /* marked, and to be looked into */
bool marking = false;

bool gateClosed = false;
bool inScope[THREADS];
byte cursor[THREADS];               /* the slot that a thread has taken and not used */
byte held[THREADS * 2];             /* the two blocks that a thread in a scope has loaded or made last */

/* For the assertions alone. */
bit isBlock[BLOCKS];                /* allocated, and not merely taken */
bool weakLives = true;              /* whether what the weak handle was made for has not been freed */
bit reached[BLOCKS];

byte i;
byte j;

#define Newer held[me * 2]
#define Older held[me * 2 + 1]
#define MayStep (inScope[me] && steps < bound)
#define HasBlock (Newer != NONE || Older != NONE)

inline Hold(block) {
  if
  :: block != NONE && block != Newer -> assert(isBlock[block]); Older = Newer; Newer = block
  :: else
  fi
}

inline ChooseBlock(block) { if :: Newer != NONE -> block = Newer :: Older != NONE -> block = Older fi }
inline ChooseValue() { if :: HasBlock -> ChooseBlock(value) :: value = NONE fi }
inline ChooseField() {
  ChooseBlock(place);
  assert(isBlock[place]);
  if :: place == 0 -> place = SECOND_FIELD :: true fi
}

/* Marking and queueing are two steps. Who has set the mark queues the block. */
inline Shade(block) {
  if
  :: atomic { marking && block != NONE -> assert(isBlock[block]); isNew = !mark[block]; mark[block] = 1 }
     atomic { waiting[block] = waiting[block] || isNew; isNew = false }
  :: else
  fi
}

inline StoreIntoField() {
  atomic {
    MayStep && HasBlock -> steps++;
    ChooseField();
    ChooseValue();
    old = field[place]
  }
#ifdef BUG_BARRIER_AFTER_STORE
  field[place] = value;
  old = field[place];
#endif
#ifdef BUG_BARRIER_NEW_VALUE
  Shade(value);
#elif !defined(BUG_NO_BARRIER)
  Shade(old);
#endif
  atomic {
    assert(isBlock[OwnerOf(place)] && (value == NONE || isBlock[value]));
#ifndef BUG_BARRIER_AFTER_STORE
    field[place] = value;
#endif
    place = NONE; value = NONE; old = NONE
  }
}

inline ReadWeak() {
  atomic { MayStep && weak != NONE -> steps++; old = weak }
#ifndef BUG_WEAK_NOT_SHADED
  Shade(old);
#endif
  atomic { assert(weakLives); Hold(old); old = NONE }
}

inline TakeSlot() {
  atomic {
    MayStep && cursor[me] == NONE && IsAnyFree -> steps++;
    if
    :: !alloc[0] -> cursor[me] = 0
    :: alloc[0] && !alloc[1] -> cursor[me] = 1
    :: alloc[0] && alloc[1] && !alloc[2] -> cursor[me] = 2
    :: else -> cursor[me] = 3
    fi;
#ifndef BUG_WHITE_ALLOCATION
    mark[cursor[me]] = marking;
#endif
    alloc[cursor[me]] = 1
  }
}

inline MakeBlock() {
  atomic {
    MayStep && cursor[me] != NONE -> steps++;
    assert(alloc[cursor[me]] && !isBlock[cursor[me]] && field[cursor[me]] == NONE);
    isBlock[cursor[me]] = 1;
    Hold(cursor[me]);
    cursor[me] = NONE
  }
}

proctype Thread(byte me; byte bound) {
  byte steps = 0, place = NONE, value = NONE, old = NONE;
  bool isNew = false;
endIdle:
  do
  :: atomic { !inScope[me] && !gateClosed && steps < bound -> inScope[me] = true }
  :: atomic { inScope[me] -> inScope[me] = false; Newer = NONE; Older = NONE }
  :: atomic { MayStep -> steps++; Hold(root) }
  :: atomic { MayStep && HasBlock -> steps++; ChooseField(); Hold(field[place]); place = NONE }
  :: atomic { MayStep -> steps++; ChooseValue(); root = value; value = NONE }
  :: StoreIntoField()
  :: ReadWeak()
  :: TakeSlot()
  :: MakeBlock()
  od
}

inline CloseGate() { atomic { NobodyIsInside -> gateClosed = true } }

inline MarkAndQueue(block) {
  if
  :: block != NONE && !mark[block] -> assert(isBlock[block]); mark[block] = 1; waiting[block] = 1
  :: else
  fi
}

inline Begin() {
  atomic {
    assert(!mark[0] && !mark[1] && !mark[2] && !mark[3] && !IsAnyWaiting);
#ifndef BUG_ROOTS_READ_LATE
    MarkAndQueue(root);
#endif
#ifndef BUG_CURSOR_NOT_BLACKENED
    if :: cursor[0] != NONE -> mark[cursor[0]] = 1 :: else fi;
    if :: cursor[1] != NONE -> mark[cursor[1]] = 1 :: else fi;
#endif
    marking = true;
    gateClosed = false
  }
#ifdef BUG_ROOTS_READ_LATE
  atomic { MarkAndQueue(root) }
#endif
}

inline LookIntoOne() {
  atomic {
    IsAnyWaiting;
    if
    :: waiting[0] -> block = 0
    :: waiting[1] -> block = 1
    :: waiting[2] -> block = 2
    :: waiting[3] -> block = 3
    fi;
    waiting[block] = 0;
    target = field[block]
  }
  atomic { MarkAndQueue(target); target = NONE }
  if
  :: atomic { block == 0 -> block = NONE; target = field[SECOND_FIELD] }
     atomic { MarkAndQueue(target); target = NONE }
  :: atomic { else -> block = NONE }
  fi
}

inline Reach() {
  if :: root != NONE -> reached[root] = 1 :: else fi;
  j = 0;
  do
  :: j < BLOCKS ->
     i = 0;
     do
     :: i <= BLOCKS -> if :: reached[OwnerOf(i)] && field[i] != NONE -> reached[field[i]] = 1 :: else fi; i++
     :: else -> break
     od;
     j++
  :: else -> break
  od;
  j = 0
}

inline DropUnused(thread) {
  if
  :: cursor[thread] != NONE ->
#ifndef BUG_UNUSED_STAY_MARKED
     mark[cursor[thread]] = 0;
#endif
     cursor[thread] = NONE
  :: else
  fi
}

inline Free(block) {
  assert(held[0] != block && held[1] != block && held[2] != block && held[3] != block);
  if :: weak == block -> weakLives = false :: else fi;
  alloc[block] = 0;
  isBlock[block] = 0;
  field[block] = NONE;
  if :: block == 0 -> field[SECOND_FIELD] = NONE :: else fi
}

inline End() {
  d_step {
    Reach();
    DropUnused(0);
    DropUnused(1);
#ifndef BUG_WEAK_NOT_CLEARED
    if :: weak != NONE && !mark[weak] -> weak = NONE :: else fi;
#endif
    i = 0;
    do
    :: i < BLOCKS ->
       assert(!reached[i] || (isBlock[i] && mark[i]));
       if :: alloc[i] && !mark[i] -> Free(i) :: else fi;
       assert(alloc[i] == isBlock[i]);
       mark[i] = 0;
       reached[i] = 0;
       i++
    :: else -> break
    od;
    i = 0;
    marking = false;
    gateClosed = false
  }
}

proctype Collector() {
  byte cycles = 0, block = NONE, target = NONE;
  do
  :: cycles < CYCLES ->
     cycles++;
     CloseGate();
     Begin();
     do
     :: LookIntoOne()
#ifdef BUG_END_WITHOUT_GATE
     :: atomic { !IsAnyWaiting -> End(); break }
#else
     :: !IsAnyWaiting && !gateClosed ->
        CloseGate();
#ifdef BUG_NO_SECOND_LOOK
        End();
        break
#else
        if
        :: IsAnyWaiting -> gateClosed = false
        :: true
        fi
     :: atomic { !IsAnyWaiting && gateClosed -> End(); break }
#endif
#endif
     od
  :: else -> break
  od
}

init {
  atomic {
    do :: i < BLOCKS -> field[i] = NONE; held[i] = NONE; i++ :: else -> break od;
    i = 0;
    field[SECOND_FIELD] = NONE;
    cursor[0] = NONE; cursor[1] = NONE;

    /* The root leads to block 0, this to 1, this to 2; slot 3 is free. */
    alloc[0] = 1; alloc[1] = 1; alloc[2] = 1;
    isBlock[0] = 1; isBlock[1] = 1; isBlock[2] = 1;
    field[0] = 1; field[1] = 2;
    run Collector(); run Thread(0, FIRST_STEPS); run Thread(1, SECOND_STEPS)
  }
}
