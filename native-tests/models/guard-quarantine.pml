/* A guarded block from its free to pages that are somebody else's.
 *
 * Modelled   The pages of one guarded block: their entry, its record (magic, state, address), whether they can be accessed, the quarantine,
 *            the lock of the guarded heap. A program that allocates and frees the block; another thread that frees it too; one that touches
 *            it at any time; one that looks it up; the fault handler, which reads the record without a lock; two who take blocks out of
 *            quarantine, and may be refused by the system, at once or when the data are accessible already; an owner who gets the pages from
 *            the page heap, for an ordinary span or for a guarded one with its block elsewhere in it.
 * Not        Several blocks in quarantine, stores that come late (x64, which alone has the handler, keeps them in order), what the handler says
 *            when the pages leave quarantine while it reads: its text may be of two blocks then. A new guarded block at the very same address,
 *            which nobody can tell from the old one.
 * Holds      One of two frees succeeds, and none frees the next owner's. After it no access does, until nobody finds the block any more
 *            (or its data are said to be exposed). Who looks finds a block that is one; who faults finds a record that says freed. What is in
 *            quarantine is whole. The page heap has pages once, and never such that fault; their next owner's entry and record stay as he
 *            wrote them.
 * Mutants    BUG_FREE_WITHOUT_LOCK   the state is looked at and changed in two steps
 *            BUG_ANY_ADDRESS         a free looks at the state alone, not at whose address it is
 *            BUG_PROTECT_FIRST       pages are protected before the record says that the block is freed
 *            BUG_QUEUE_FIRST         the block is in quarantine before its pages are protected
 *            BUG_TAKE_WITHOUT_LOCK   who takes a block out of quarantine looks and takes in two steps
 *            BUG_UNPROTECT_FIRST     pages are accessible before the block is unlinked
 *            BUG_PUT_BACK_HALF       a block that the system did not let go is in quarantine again without its entry
 *            BUG_PAGES_FIRST         the page heap has the pages before they are accessible
 *            BUG_UNLINK_LAST         the page heap has the pages before entry and record are cleared: the order of Go issue 11617
 * Bound      One block, two frees, one refusal, one next owner.
 */
mtype = { NONE, LIVE, FREED, GUARDED, ORDINARY };

#define FIRST 1
#define SECOND 2

mtype entry = NONE;
bool magic = false;
mtype state = NONE;
byte address = 0;
bool accessible = true;
bool exposed = false;
bool queued = false;
bool inPageHeap = false;
bool locked = false;
bool refused = false;

/* For the assertions alone. */
bool allocated = false;
byte frees = 0;
bool freeReturned = false;
bool findable = false;
bool unlinked = false;
byte unlinks = 0;

#define Lock() atomic { !locked -> locked = true }
#define Unlock() locked = false

#ifdef BUG_ANY_ADDRESS
#define IsMine true
#else
#define IsMine (address == FIRST)
#endif

/* The bytes beside a live block are read, so they must be accessible. */
#define Check() found = (entry == GUARDED && state == LIVE && IsMine); assert(!found || accessible)

/* Magic, then the entry: who finds an entry finds all of the record. */
inline Publish() {
  magic = true;
  entry = GUARDED
}

inline Free() {
#ifdef BUG_PROTECT_FIRST
  accessible = false;
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
  :: found -> assert(address == FIRST); state = FREED
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
     accessible = false;
#else
#ifndef BUG_PROTECT_FIRST
     accessible = false;
#endif
     Lock(); queued = true; Unlock();
#endif
     freeReturned = true
  :: else
  fi
}

active proctype Program() {
  bool found;
  address = FIRST;
  Lock();
  state = LIVE;
  Publish();
  Unlock();
  atomic { allocated = true; findable = true }
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
  :: atomic { accessible -> assert(!freeReturned || unlinked || exposed) }
  :: break
  od
}

active proctype Looker() {
  allocated;
  Lock();
  if
  :: entry == GUARDED -> assert(magic && (state == LIVE || state == FREED) && !inPageHeap)
  :: else
  fi;
  Unlock()
}

/* A thread has touched a page that faults. */
active proctype FaultHandler() {
  byte before;
  bool sawMagic;
  mtype sawState;
  if
  :: atomic { findable && !accessible -> before = unlinks }
     sawMagic = magic;
     sawState = state;
     assert(before != unlinks || (sawMagic && sawState == FREED))
  :: true
  fi
}

inline Unlink() {
  atomic { magic = false; findable = false; unlinks++ };
  entry = NONE;
  unlinked = true
}

/* Back it goes, whole. Nobody but who puts it back knows of it meanwhile, and its record still says freed. */
inline PutBack() {
  Lock();
#ifdef BUG_PUT_BACK_HALF
  magic = true;
#else
  Publish();
#endif
  atomic { unlinked = false; findable = true };
  queued = true;
  Unlock()
}

active [2] proctype Retirer() {
end:
  do
  :: atomic {
       queued && !locked -> locked = true
#ifdef BUG_TAKE_WITHOUT_LOCK
       ; locked = false
#endif
     }
     queued = false;
     assert(entry == GUARDED && magic && state == FREED && address == FIRST);
     assert(!accessible || exposed);
#ifdef BUG_UNPROTECT_FIRST
     accessible = true;
#endif
#ifndef BUG_UNLINK_LAST
     Unlink();
#endif
     Unlock();
     if
     :: !refused -> refused = true; PutBack()
     :: !refused -> refused = true; accessible = true; exposed = true; PutBack()
     :: true -> break
     fi
  od;
#ifdef BUG_PAGES_FIRST
  assert(!inPageHeap);
  inPageHeap = true;
  accessible = true
#else
  accessible = true;
  assert(!inPageHeap);
  inPageHeap = true
#endif
#ifdef BUG_UNLINK_LAST
  ; Unlink()
#endif
}

active proctype NextOwner() {
  mtype mine;
  atomic { inPageHeap -> inPageHeap = false };
  assert(accessible);
  if
  :: mine = ORDINARY; entry = ORDINARY
  :: mine = GUARDED;
     state = NONE;
     magic = false;
     address = SECOND;
     Lock();
     state = LIVE;
     Publish();
     Unlock()
  fi;

  /* Whatever anybody still had to do, he has done by now. */
  timeout;
  assert(entry == mine && accessible);
  assert(mine != GUARDED || (magic && state == LIVE && address == SECOND))
}
