/* A guarded block from its free to pages that are somebody else's.
 *
 * Modelled   The pages of one guarded block: their entry and record, whether they can be accessed, the quarantine, the lock of the guarded
 *            heap. A program that allocates and frees the block; another thread that frees it too; one that touches it at any time;
 *            one that looks it up; one that takes it out of quarantine, once refused by the system; an owner who gets the pages from the page heap.
 * Not        Several blocks in quarantine, weak memory (the lock orders all that is shared), the fault handler, which only reads.
 * Holds      One of two frees succeeds. After it no access does, until nobody finds the block any more. Who looks finds a block that is
 *            one. The page heap never has pages that fault, and their next owner's entry stays as he wrote it.
 * Mutants    BUG_FREE_WITHOUT_LOCK   the state is looked at and changed in two steps
 *            BUG_PROTECT_FIRST       pages are protected before the record says that the block is freed
 *            BUG_QUEUE_FIRST         the block is in quarantine before its pages are protected
 *            BUG_UNPROTECT_FIRST     pages are accessible before the block is unlinked
 *            BUG_PAGES_FIRST         the page heap has the pages before they are accessible
 *            BUG_UNLINK_LAST         the page heap has the pages before entry and record are cleared: the order of Go issue 11617
 * Bound      One block, two frees, one refusal, one next owner.
 */
mtype = { NONE, LIVE, FREED, GUARDED, ORDINARY };

mtype entry = NONE;
mtype state = NONE;
bool accessible = true;
bool queued = false;
bool inPageHeap = false;
bool locked = false;

/* For the assertions alone. */
bool allocated = false;
byte frees = 0;
bool freeReturned = false;
bool unlinked = false;

#define Lock() atomic { !locked -> locked = true }
#define Unlock() locked = false

/* The bytes beside a live block are read, so they must be accessible. */
#define Check() found = (entry == GUARDED && state == LIVE); assert(!found || accessible)

inline Protect() {
  accessible = false
}

inline Free() {
#ifdef BUG_PROTECT_FIRST
  Protect();
#endif
#ifdef BUG_FREE_WITHOUT_LOCK
  Check();
  if
  :: found -> state = FREED
  :: else
  fi;
#else
  Lock();
  Check();
  if
  :: found -> state = FREED
  :: else
  fi;
  Unlock();
#endif
  if
  :: found ->
     frees++;
     assert(frees == 1);
#ifdef BUG_QUEUE_FIRST
     Lock(); queued = true; Unlock();
     Protect();
#else
#ifndef BUG_PROTECT_FIRST
     Protect();
#endif
     Lock(); queued = true; Unlock();
#endif
     freeReturned = true
  :: else
  fi
}

active proctype Program() {
  bool found;
  Lock();
  state = LIVE;
  entry = GUARDED;
  Unlock();
  allocated = true;
  Free()
}

active proctype SecondFree() {
  bool found;
  allocated;
  Free()
}

active proctype Toucher() {
  allocated;
  do
  :: atomic { accessible -> assert(!freeReturned || unlinked) }
  :: break
  od
}

active proctype Looker() {
  allocated;
  Lock();
  if
  :: entry == GUARDED -> assert(state == LIVE || state == FREED); assert(!inPageHeap)
  :: else
  fi;
  Unlock()
}

inline Unlink() {
  state = NONE;
  entry = NONE;
  unlinked = true
}

active proctype Retirer() {
  bool refused = false;
  bool again = true;
  do
  :: again ->
     atomic { queued && !locked -> locked = true };
     queued = false;
#ifdef BUG_UNPROTECT_FIRST
     accessible = true;
#endif
#ifndef BUG_UNLINK_LAST
     Unlink();
#endif
     Unlock();
     if
     :: !refused ->
        /* The system refuses: back it goes, whole. */
        refused = true;
        Lock();
        state = FREED;
        entry = GUARDED;
        unlinked = false;
        queued = true;
        Unlock()
     :: again = false
     fi
  :: else -> break
  od;
#ifdef BUG_PAGES_FIRST
  inPageHeap = true;
  accessible = true
#else
#ifdef BUG_UNLINK_LAST
  accessible = true;
  inPageHeap = true;
  Unlink()
#else
  accessible = true;
  inPageHeap = true
#endif
#endif
}

active proctype NextOwner() {
  atomic { inPageHeap -> inPageHeap = false };
  assert(accessible);
  entry = ORDINARY;

  /* Whatever anybody still had to do, he has done by now. */
  timeout;
  assert(entry == ORDINARY && accessible)
}
