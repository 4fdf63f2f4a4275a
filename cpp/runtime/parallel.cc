// The portable part of the team: barrier, claims, fork and join. See parallel.h.
#include "runtime/parallel.h"

// Kernels call this through Thread::report.
static void reportFault(Thread* thread, int32_t code, int64_t index, int32_t value) {
  Status* status = thread->status;
  Member* member = (Member*)((uint8_t*)thread - offsetof(Member, thread));
  uint64_t visible = member->passed + 1;
  if (status->visible != FAULT_FREE) {
    if (status->visible < visible || status->step < thread->step) return;
    if (status->step == thread->step && status->index <= index) return;
  }
  status->code = code;
  status->step = thread->step;
  status->index = index;
  status->value = value;
  __atomic_store_n(&status->visible, visible, __ATOMIC_RELEASE);
}

static bool isBefore(const Status* a, const Status* b) {
  if (a->visible != b->visible) return a->visible < b->visible;
  if (a->step != b->step) return a->step < b->step;
  return a->index < b->index;
}

const Status* firstFault(const Team* team, int32_t size, uint64_t passed) {
  const Status* first = nullptr;
  for (int32_t i = 0; i < size; i++) {
    const Status* status = &team->seats[i].status;
    if (__atomic_load_n(&status->visible, __ATOMIC_ACQUIRE) > passed) continue;
    if (!first || isBefore(status, first)) first = status;
  }
  return first;
}

static void sit(Member* member, Team* team, int32_t index, int32_t size) {
  Seat* seat = &team->seats[index];
  member->team = team;
  member->index = index;
  member->size = size;
  member->passed = team->passed;
  member->round = team->round;
  member->recentCount = 0;
  member->stalled = member->waking = 0;
  member->thread.index = index;
  member->thread.step = 0;
  member->thread.scratch = seat->scratch;
  member->thread.report = reportFault;
  member->thread.status = &seat->status;
}

#if defined(MYELIN_HAS_THREADS)

// Two members on one core is the normal accident after a wake-up, and the scheduler does not separate them while the
// work is short. A worker moves itself; member 0 belongs to the caller and is never moved.
static void leaveSharedCore(Team* team, int32_t index) {
  int32_t core = currentCore();
  __atomic_store_n(&team->seats[index].core, core, __ATOMIC_RELAXED);
  if (index == 0 || core < 0 || !team->spins) return;
  int32_t taken[MAX_THREADS];
  bool isShared = false;
  for (int32_t i = 0; i < index; i++) {
    taken[i] = __atomic_load_n(&team->seats[i].core, __ATOMIC_RELAXED);
    isShared |= taken[i] == core;
  }
  if (!isShared) return;
  leaveCores(taken, index);
  __atomic_store_n(&team->seats[index].core, currentCore(), __ATOMIC_RELAXED);
}

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

static int64_t firstOfShare(int64_t chunks, int32_t owner, int32_t size) { return (chunks * owner + size - 1) / size; }

// Runs what is unclaimed of one share.
static void runShare(Member* member, const SharedPhase* shared, int32_t owner) {
  Cursor* cursor = &member->team->cursors[shared->round % CLAIM_ROUNDS][owner];
  int64_t first = firstOfShare(shared->chunks, owner, member->size);
  uint32_t length = (uint32_t)(firstOfShare(shared->chunks, owner + 1, member->size) - first);
  uint32_t begin;
  member->thread.step = shared->step;
  while (uint32_t count = claim(cursor, shared->round, length, &begin)) {
    shared->kernel->run(&shared->args, shared->phase, first + begin, first + begin + count, &member->thread);
  }
}

// Takes over what the others have not begun. A guest signs in before it claims, so that an owner that finds its share
// claimed also sees who is at work on it.
static void helpOthers(Member* member) {
  for (int32_t i = 0; i < member->recentCount; i++) {
    const SharedPhase* shared = &member->recent[i];
    for (int32_t j = 1; j < member->size; j++) {
      int32_t owner = (member->index + j) % member->size;
      uint32_t* guests = &member->team->cursors[shared->round % CLAIM_ROUNDS][owner].guests;
      __atomic_fetch_add(guests, 1, __ATOMIC_SEQ_CST);
      runShare(member, shared, owner);
      drainStreamingStores();
      __atomic_fetch_sub(guests, 1, __ATOMIC_RELEASE);
    }
  }
}

// Until nobody works on this member's shares any more.
static void waitForGuests(Member* member) {
  Team* team = member->team;
  for (int32_t i = 0; i < member->recentCount; i++) {
    const Cursor* cursor = &team->cursors[member->recent[i].round % CLAIM_ROUNDS][member->index];
    for (int32_t spins = 0; __atomic_load_n(&cursor->guests, __ATOMIC_ACQUIRE); spins++) {
      if (__atomic_load_n(&team->broken, __ATOMIC_RELAXED)) return;
      if (spins < SPINS_BEFORE_HELP && team->spins) {
        cpuPause();
      } else {
        yieldCore(member->index);
      }
    }
  }
}

void runChunks(Member* member, const Kernel* kernel, const StepArgs* args, int32_t phase, int64_t chunks) {
  if (member->size == 1) {
    kernel->run(args, phase, 0, chunks, &member->thread);
    return;
  }
  if (member->recentCount == RECENT) {
    helpOthers(member);
    waitForGuests(member);
    member->recentCount = 0;
  }
  SharedPhase* shared = &member->recent[member->recentCount++];
  shared->kernel = kernel;
  shared->args = *args;
  shared->chunks = chunks;
  shared->round = ++member->round;
  shared->phase = phase;
  shared->step = member->thread.step;
  runShare(member, shared, member->index);
}

// The slow half of a wait: helps once, spins until SPIN_BEFORE_YIELD, then gives the core away between looks.
static __attribute__((noinline)) bool waitLong(Member* member, const Seat* seat, uint64_t target) {
  Team* team = member->team;
  const uint64_t* arrived = &seat->arrived;
  bool hasJoined = __atomic_load_n(&seat->joined, __ATOMIC_RELAXED) == __atomic_load_n(&team->forks, __ATOMIC_RELAXED);
  for (int32_t i = 0; team->spins && i < SPINS_BEFORE_HELP; i++) {
    if (__atomic_load_n(arrived, __ATOMIC_ACQUIRE) >= target) return true;
    cpuPause();
  }
  helpOthers(member);
  member->recentCount = 0;
  uint64_t began = nanoseconds();
  bool hasMoved = false;
  for (;;) {
    for (int32_t i = 0; i < 32; i++) {
      if (__atomic_load_n(arrived, __ATOMIC_ACQUIRE) >= target) {
        if (hasMoved) *(hasJoined ? &member->stalled : &member->waking) += nanoseconds() - began;
        return true;
      }
      cpuPause();
    }
    if (__atomic_load_n(&team->broken, __ATOMIC_RELAXED)) return false;
    if (team->spins && nanoseconds() - began < SPIN_BEFORE_YIELD) continue;
    if (!hasMoved) leaveSharedCore(team, member->index);
    hasMoved = true;
    yieldCore(member->index);
  }
}

bool waitForMembers(Member* member) {
  Team* team = member->team;
  uint64_t target = member->passed + 1;
  if (member->size > 1) {
    waitForGuests(member);
    drainStreamingStores();
    __atomic_store_n(&team->seats[member->index].arrived, target, __ATOMIC_RELEASE);
    for (int32_t i = 0; i < member->size; i++) {
      if (i == member->index) continue;
      const uint64_t* arrived = &team->seats[i].arrived;
      if (__atomic_load_n(arrived, __ATOMIC_ACQUIRE) >= target) continue;
      if (!waitLong(member, &team->seats[i], target)) return false;
    }
    member->recentCount = 0;
  }
  member->passed = target;  // only now: a fault found while helping belongs to the interval that ends here
  return true;
}

void serveTeam(Team* team, int32_t index) {
  uint32_t served = 0;
  for (;;) {
    uint64_t began = nanoseconds();
    uint32_t forks;
    while ((forks = __atomic_load_n(&team->forks, __ATOMIC_ACQUIRE)) == served) {
      bool isPatient = team->spins;
      for (int32_t i = 0; isPatient && i < 64; i++) {
        if (__atomic_load_n(&team->forks, __ATOMIC_RELAXED) != served) break;
        cpuPause();
      }
      if (isPatient && nanoseconds() - began < SPIN_BEFORE_SLEEP) continue;
      __atomic_fetch_add(&team->sleepers, 1, __ATOMIC_SEQ_CST);
      if (__atomic_load_n(&team->forks, __ATOMIC_SEQ_CST) == served) sleepWhileEqual(&team->forks, served, -1);
      __atomic_fetch_sub(&team->sleepers, 1, __ATOMIC_SEQ_CST);
    }
    served = forks;
    if (team->quit) return;
    __atomic_store_n(&team->seats[index].joined, served, __ATOMIC_RELAXED);
    leaveSharedCore(team, index);
    Member member;
    sit(&member, team, index, team->size);
    team->work(&member, team->argument);
    waitForMembers(&member);
  }
}

static void clearCursors(Team* team) {
  for (int32_t i = 0; i < CLAIM_ROUNDS; i++) {
    for (int32_t j = 0; j < MAX_THREADS; j++) team->cursors[i][j].word = 0;
  }
  team->round = 0;
}

bool runTeam(Team* team, int32_t size, TeamWork work, void* argument) {
  Member member;
  if (team->round > LAST_ROUND) clearCursors(team);
  // Before the fork: a member may look for faults before another one has woken up.
  for (int32_t i = 0; i < size; i++) team->seats[i].status.visible = FAULT_FREE;
  sit(&member, team, 0, size);
  if (size > 1) {
    team->work = work;
    team->argument = argument;
    __atomic_store_n(&team->seats[0].core, currentCore(), __ATOMIC_RELAXED);
    __atomic_fetch_add(&team->forks, 1, __ATOMIC_SEQ_CST);
    if (__atomic_load_n(&team->sleepers, __ATOMIC_SEQ_CST)) wakeSleepers(&team->forks);
  }
  work(&member, argument);
  bool isWhole = waitForMembers(&member);
  team->passed = member.passed;
  team->round = member.round;
  team->slowJoins = size > 1 && member.waking > CROWDED_STALL ? team->slowJoins + 1 : 0;
  team->stalled = member.stalled + (team->slowJoins >= SLOW_JOINS ? member.waking : 0);
  return isWhole;
}

#else

bool waitForMembers(Member* member) {
  member->passed++;
  return true;
}

void runChunks(Member* member, const Kernel* kernel, const StepArgs* args, int32_t phase, int64_t chunks) {
  kernel->run(args, phase, 0, chunks, &member->thread);
}

bool runTeam(Team* team, int32_t, TeamWork work, void* argument) {
  Member member;
  team->seats[0].status.visible = FAULT_FREE;
  sit(&member, team, 0, 1);
  work(&member, argument);
  team->passed = member.passed + 1;
  return true;
}

#endif
