// How the chunks of a step are shared out. See parallel.h.
#include "runtime/parallel.h"

#if defined(MYELIN_HAS_THREADS)

// Takes a piece of one share: an eighth of what is left, at least one chunk. Small enough that a member that loses its
// core keeps little back, large enough that many small chunks cost few claims. 0 when nothing is left.
static uint32_t claim(Cursor* cursor, uint64_t round, uint32_t length, uint32_t* begin) {
  uint64_t old = __atomic_load_n(&cursor->word, __ATOMIC_ACQUIRE);
  for (;;) {
    uint64_t seen = old >> POSITION_BITS;
    if (seen > round) return 0;
    uint32_t position = seen == round ? (uint32_t)(old & (MAX_CHUNKS - 1)) : 0;
    if (position >= length) return 0;
    uint32_t count = (length - position) >> 3;
    if (count == 0) count = 1;
    uint64_t next = round << POSITION_BITS | (position + count);
    if (__atomic_compare_exchange_n(&cursor->word, &old, next, false, __ATOMIC_ACQ_REL, __ATOMIC_ACQUIRE)) {
      *begin = position;
      return count;
    }
  }
}

static Cursor* cursorOf(const Member* member, const SharedPhase* shared, int32_t owner) {
  return &member->team->cursors[shared->round % CLAIM_ROUNDS][owner];
}

// Runs what is unclaimed of one member's share.
static void runShare(Member* member, const SharedPhase* shared, int32_t owner) {
  int64_t size = member->size;
  int64_t share = owner >= shared->firstOwner ? owner - shared->firstOwner : owner - shared->firstOwner + size;
  int64_t first = (shared->chunks * share + size - 1) / size;
  uint32_t length = (uint32_t)((shared->chunks * (share + 1) + size - 1) / size - first);
  Cursor* cursor = cursorOf(member, shared, owner);
  uint32_t begin;
  member->thread.step = shared->step;
  while (uint32_t count = claim(cursor, shared->round, length, &begin)) {
    shared->kernel->run(&shared->args, shared->phase, first + begin, first + begin + count, &member->thread);
  }
  drainStreamingStores();
}

// Signing in comes before claiming and out after the work, so whoever finds a share claimed and nobody signed in knows
// that it is done. One that comes late leaves the cursor alone: it could be in use for a newer round.
static void runOwnShare(Member* member, const SharedPhase* shared) {
  Cursor* cursor = cursorOf(member, shared, member->index);
  if (__atomic_load_n(&cursor->word, __ATOMIC_RELAXED) >> POSITION_BITS >= shared->round) return;
  __atomic_store_n(&cursor->isBusy, 1, __ATOMIC_RELAXED);
  runShare(member, shared, member->index);
  __atomic_store_n(&cursor->isBusy, 0, __ATOMIC_RELEASE);
}

void helpOthers(Member* member) {
  for (int32_t i = 0; i < member->recentCount; i++) {
    const SharedPhase* shared = &member->recent[i];
    for (int32_t j = 1; j < member->size; j++) {
      int32_t owner = (member->index + j) % member->size;
      uint32_t* guests = &cursorOf(member, shared, owner)->guests;
      __atomic_fetch_add(guests, 1, __ATOMIC_SEQ_CST);
      runShare(member, shared, owner);
      __atomic_fetch_sub(guests, 1, __ATOMIC_RELEASE);
    }
  }
}

bool isQuiet(const Member* member) {
  for (int32_t i = 0; i < member->recentCount; i++) {
    for (int32_t owner = 0; owner < member->size; owner++) {
      const Cursor* cursor = cursorOf(member, &member->recent[i], owner);
      if (__atomic_load_n(&cursor->isBusy, __ATOMIC_ACQUIRE)) return false;
      if (__atomic_load_n(&cursor->guests, __ATOMIC_ACQUIRE)) return false;
    }
  }
  return true;
}

static void pauseOrYield(const Member* member, int32_t spins) {
  if (member->team->spins && spins < SPINS_BEFORE_HELP) {
    cpuPause();
  } else {
    yieldCore(member->index);
  }
}

void waitForGuests(Member* member) {
  const int32_t* broken = &member->team->broken;
  for (int32_t i = 0; i < member->recentCount; i++) {
    const Cursor* cursor = cursorOf(member, &member->recent[i], member->index);
    for (int32_t spins = 0; __atomic_load_n(&cursor->guests, __ATOMIC_ACQUIRE); spins++) {
      if (__atomic_load_n(broken, __ATOMIC_RELAXED)) return;
      pauseOrYield(member, spins);
    }
  }
}

// Makes room in the list of recent phases. The leader answers for the completion of each, so it waits here.
static void settleRecent(Member* member) {
  helpOthers(member);
  waitForGuests(member);
  const int32_t* broken = &member->team->broken;
  for (int32_t spins = 0; member->index == 0 && !isQuiet(member); spins++) {
    if (__atomic_load_n(broken, __ATOMIC_RELAXED)) break;
    pauseOrYield(member, spins);
  }
  member->recentCount = 0;
}

void runChunks(Member* member, const Kernel* kernel, const StepArgs* args, int32_t phase, int64_t chunks, int32_t firstOwner) {
  if (member->size == 1) {
    kernel->run(args, phase, 0, chunks, &member->thread);
    return;
  }
  if (member->recentCount == RECENT) settleRecent(member);
  SharedPhase* shared = &member->recent[member->recentCount++];
  shared->kernel = kernel;
  shared->args = *args;
  shared->chunks = chunks;
  shared->round = ++member->round;
  shared->phase = phase;
  shared->step = member->thread.step;
  shared->firstOwner = firstOwner % member->size;
  runOwnShare(member, shared);
}

void clearCursors(Team* team) {
  for (int32_t i = 0; i < CLAIM_ROUNDS; i++) {
    for (int32_t j = 0; j < MAX_THREADS; j++) team->cursors[i][j].word = 0;
  }
  team->round = 0;
}

#else

void runChunks(Member* member, const Kernel* kernel, const StepArgs* args, int32_t phase, int64_t chunks, int32_t) {
  kernel->run(args, phase, 0, chunks, &member->thread);
}

#endif
