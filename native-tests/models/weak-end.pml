/* The end of a concurrent marking with many weak handles: marks are complete, threads go on while dead handles are cleared, and only then may the dead
 * be swept and their places become other blocks.
 *
 * Modelled   Three places for blocks: one that is live, one that is dead, one that is free. A table of two slots; at first a handle has each, of the live
 *            and of the dead block. A thread that enters and leaves scopes reads handles in them (block, then number, then mark), makes a block, makes a
 *            handle of what it has in a free slot, and disposes handles, in scopes and outside. A second thread, outside of scopes, asks whether a handle
 *            lives, under the table's lock. The collector says that handles are judged, opens the gate, visits each slot (look, then compare-exchange),
 *            says that a clean-up may run, closes the gate, ends judging, and frees the dead block; then threads may make another block there. At last the
 *            dead block's memory goes to the system.
 * Not        Marking (concurrent-marking.pml). How the gate is closed (gate.pml). Roots: what a thread has had in scopes before is dead if nothing else
 *            leads to it. Clean-ups of the table, which are looked at under its lock.
 * Holds      What a thread reads from a handle is the block that the handle was made for, has not been freed, and is not freed while the scope is open.
 *            A handle of a block that is not dead is not cleared. When the clean-up runs, no handle gives the dead block. No mark is read of memory that
 *            has gone.
 * Mutants    BUG_NO_MARK_CHECK    a reader takes what lies in the slot, marked or not
 *            BUG_PLAIN_STORE      a slot is cleared by a store, whatever lies in it by then
 *            BUG_WHITE_BLOCKS     blocks that are made while handles are judged are not marked
 *            BUG_ADVANCE_FIRST    the dead are freed before their handles are cleared
 *            BUG_JUDGED_TOO_LATE  judging begins when the gate is open again
 *            BUG_NO_LOCK          judging ends without the table's lock, while a thread that asks may be about to read a mark
 * Bound      One cycle; six steps of the thread in scopes, three questions of the other: 0.8 million states, 1 s.
 */
#define PLACES 3
#define SLOTS 2
#define NONE PLACES
#define STEPS 6
#define QUESTIONS 3

#define LIVE 0
#define DEAD 1

bit isBlock[PLACES];
bit mark[PLACES];
byte made[PLACES];                  /* which block is in a place: the dead one and its successor have different numbers */
bool hasMemory = true;              /* whether the memory of the dead block's marks is still there */

byte slotBlock[SLOTS];
byte slotNumber[SLOTS];             /* of the handle that has the slot; 0 for none */
byte lastHandle = 2;

/* A handle: its slot, number, and, for the assertions, what it was made for. The thread has three, the last for one that it makes. */
byte handleSlot[3];
byte handleNumber[3];
byte handlePlace[3];
byte handleMade[3];

bool locked = false;
bool judged = false;
bool gateClosed = true;
bool inScope = false;
byte held = NONE;                   /* what the thread in the scope has */
byte lastMade = 2;

#define Lock() atomic { !locked -> locked = true }
#define Unlock() locked = false

inline Dispose(h) {
  atomic {
    !locked -> locked = true;
    if
    :: handleNumber[h] != 0 && slotNumber[handleSlot[h]] == handleNumber[h] -> slotNumber[handleSlot[h]] = 0
    :: else
    fi
  }
  atomic {
    if
    :: handleNumber[h] != 0 && slotNumber[handleSlot[h]] == 0 -> slotBlock[handleSlot[h]] = NONE
    :: else
    fi;
    locked = false
  }
}

/* The thread has reads of three steps; a handle is read as a copy that may have been disposed. */
inline Read(h) {
  atomic { inScope && steps < STEPS && handleNumber[h] != 0 -> steps++; block = slotBlock[handleSlot[h]] }
  atomic {
    if
    :: slotNumber[handleSlot[h]] != handleNumber[h] -> block = NONE
    :: else
    fi
  }
  atomic {
#ifndef BUG_NO_MARK_CHECK
    if
    :: judged && block != NONE && !mark[block] ->
       assert(block == DEAD && handlePlace[h] == DEAD && handleMade[h] == 1);
       block = NONE
    :: else
    fi;
#endif
    if
    :: block != NONE ->
       assert(isBlock[block] && block == handlePlace[h] && made[block] == handleMade[h]);
       assert(!cleanUpRuns || block != DEAD || made[block] != 1);
       held = block
    :: else
    fi;
    block = NONE
  }
}

bool cleanUpRuns = false;

inline MakeBlock() {
  atomic {
    inScope && steps < STEPS && (!isBlock[2] || (!isBlock[DEAD] && hasMemory)) -> steps++;
    if
    :: !isBlock[2] -> held = 2
    :: !isBlock[DEAD] && hasMemory -> held = DEAD
    fi;
    isBlock[held] = 1;
    lastMade++;
    made[held] = lastMade;
#ifndef BUG_WHITE_BLOCKS
    mark[held] = judged
#endif
  }
}

inline MakeHandle() {
  atomic {
    inScope && steps < STEPS && held != NONE && !locked && handleNumber[2] == 0 && (slotNumber[0] == 0 || slotNumber[1] == 0) -> steps++;
    if
    :: slotNumber[0] == 0 -> handleSlot[2] = 0
    :: slotNumber[0] != 0 && slotNumber[1] == 0 -> handleSlot[2] = 1
    fi;
    lastHandle++;
    assert(slotBlock[handleSlot[2]] == NONE);
    slotBlock[handleSlot[2]] = held;
    slotNumber[handleSlot[2]] = lastHandle;
    handleNumber[2] = lastHandle;
    handlePlace[2] = held;
    handleMade[2] = made[held]
  }
}

/* A handle of a block that is not dead and that nobody has disposed is not cleared. */
#define IsLost(h) (handleNumber[h] != 0 && slotNumber[handleSlot[h]] == handleNumber[h] && slotBlock[handleSlot[h]] == NONE && (handlePlace[h] != DEAD || handleMade[h] != 1))

proctype Thread() {
  byte steps = 0, block = NONE;
endIdle:
  do
  :: atomic { !inScope && !gateClosed && steps < STEPS -> inScope = true }
  :: atomic { inScope -> inScope = false; held = NONE }
  :: Read(0)
  :: Read(1)
  :: Read(2)
  :: MakeBlock()
  :: MakeHandle()
  :: steps < STEPS -> steps++; Dispose(0)
  :: steps < STEPS -> steps++; Dispose(1)
  od
}

/* Outside of scopes, which the gate does not stop. */
proctype Asker() {
  byte questions = 0, block = NONE;
  bool looks = false;
endIdle:
  do
  :: questions < QUESTIONS ->
     questions++;
     Lock();
     atomic { block = (slotNumber[handleSlot[1]] == handleNumber[1] -> slotBlock[handleSlot[1]] : NONE); looks = judged }
     if
     :: looks && block != NONE -> assert(block != DEAD || made[DEAD] != 1 || hasMemory)
     :: else
     fi;
     assert(!cleanUpRuns || looks || block != DEAD || made[DEAD] != 1);
     atomic { block = NONE; looks = false }
     Unlock()
  :: else -> break
  od
}

inline ClearSlot(s) {
  seen = slotBlock[s];
  if
  :: seen != NONE && !mark[seen] ->
#ifdef BUG_PLAIN_STORE
     slotBlock[s] = NONE;
#else
     atomic { if :: slotBlock[s] == seen -> slotBlock[s] = NONE :: else fi }
#endif
  :: else
  fi;
  seen = NONE;
  d_step { assert(!IsLost(0)); assert(!IsLost(1)); assert(!IsLost(2)) }
}

inline Clear() { ClearSlot(0); ClearSlot(1); cleanUpRuns = true }
inline CloseGate() { atomic { !inScope -> gateClosed = true } }

inline Advance() {
#ifdef BUG_NO_LOCK
  judged = false;
#else
  Lock();
  judged = false;
  Unlock();
#endif
  /* The marks of this cycle are of no use from here on. */
  atomic { assert(held != DEAD || made[DEAD] != 1); if :: made[DEAD] == 1 -> isBlock[DEAD] = 0 :: else fi; gateClosed = false }
}

proctype Collector() {
  byte seen = NONE;
#ifdef BUG_JUDGED_TOO_LATE
  gateClosed = false;
#endif
  Lock();
  judged = true;
  Unlock();
  gateClosed = false;
#ifdef BUG_ADVANCE_FIRST
  CloseGate();
  Advance();
  Clear();
#else
  Clear();
  CloseGate();
  Advance();
#endif
  /* If no other block is there: nobody but who reads a mark looks at it. */
  atomic { if :: !isBlock[DEAD] -> hasMemory = false :: else fi }
}

init {
  atomic {
    isBlock[LIVE] = 1; mark[LIVE] = 1;
    isBlock[DEAD] = 1; made[DEAD] = 1;
    slotBlock[0] = LIVE; slotNumber[0] = 1; handleSlot[0] = 0; handleNumber[0] = 1; handlePlace[0] = LIVE;
    slotBlock[1] = DEAD; slotNumber[1] = 2; handleSlot[1] = 1; handleNumber[1] = 2; handlePlace[1] = DEAD; handleMade[1] = 1;
    run Collector(); run Thread(); run Asker()
  }
}
