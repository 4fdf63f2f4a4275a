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
  seat->status.visible = FAULT_FREE;
  member->team = team;
  member->index = index;
  member->size = size;
  member->passed = team->passed;
  member->round = team->round;
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

// The slow half of a wait: spins for SPIN_BEFORE_YIELD, then gives the core away between looks.
static __attribute__((noinline)) bool waitLong(Team* team, int32_t index, const uint64_t* arrived, uint64_t target) {
  uint64_t began = nanoseconds();
  bool hasMoved = false;
  for (;;) {
    for (int32_t i = 0; i < 32; i++) {
      if (__atomic_load_n(arrived, __ATOMIC_ACQUIRE) >= target) return true;
      cpuPause();
    }
    if (__atomic_load_n(&team->broken, __ATOMIC_RELAXED)) return false;
    if (team->spins && nanoseconds() - began < SPIN_BEFORE_YIELD) continue;
    if (!hasMoved) leaveSharedCore(team, index);
    hasMoved = true;
    yieldCore();
  }
}

static bool waitFor(Team* team, int32_t index, int32_t size, uint64_t target) {
  for (int32_t i = 0; i < size; i++) {
    if (i == index) continue;
    const uint64_t* arrived = &team->seats[i].arrived;
    if (__atomic_load_n(arrived, __ATOMIC_ACQUIRE) >= target) continue;
    if (!waitLong(team, index, arrived, target)) return false;
  }
  return true;
}

static void arrive(Team* team, int32_t index, uint64_t count) {
  drainStreamingStores();
  __atomic_store_n(&team->seats[index].arrived, count, __ATOMIC_RELEASE);
}

bool waitForMembers(Member* member) {
  member->passed++;
  if (member->size == 1) return true;
  arrive(member->team, member->index, member->passed);
  return waitFor(member->team, member->index, member->size, member->passed);
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

void runChunks(Member* member, const Kernel* kernel, const StepArgs* args, int32_t phase, int64_t chunks) {
  int32_t size = member->size;
  if (size == 1) {
    kernel->run(args, phase, 0, chunks, &member->thread);
    return;
  }
  uint64_t round = ++member->round;
  Cursor* cursors = member->team->cursors[round % CLAIM_ROUNDS];
  for (int32_t i = 0; i < size; i++) {
    int32_t owner = member->index + i;
    if (owner >= size) owner -= size;
    int64_t first = (chunks * owner + size - 1) / size;
    int64_t last = (chunks * (owner + 1) + size - 1) / size;
    uint32_t begin;
    while (uint32_t count = claim(&cursors[owner], round, (uint32_t)(last - first), &begin)) {
      kernel->run(args, phase, first + begin, first + begin + count, &member->thread);
    }
  }
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
    leaveSharedCore(team, index);
    Member member;
    sit(&member, team, index, team->size);
    team->work(&member, team->argument);
    arrive(team, index, member.passed + 1);
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
  sit(&member, team, 0, size);
  if (size > 1) {
    team->work = work;
    team->argument = argument;
    __atomic_store_n(&team->seats[0].core, currentCore(), __ATOMIC_RELAXED);
    __atomic_fetch_add(&team->forks, 1, __ATOMIC_SEQ_CST);
    if (__atomic_load_n(&team->sleepers, __ATOMIC_SEQ_CST)) wakeSleepers(&team->forks);
  }
  work(&member, argument);
  uint64_t last = member.passed + 1;
  bool isWhole = size == 1 || waitFor(team, 0, size, last);
  team->passed = last;
  team->round = member.round;
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
  sit(&member, team, 0, 1);
  work(&member, argument);
  team->passed = member.passed + 1;
  return true;
}

#endif
