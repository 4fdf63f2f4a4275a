// Barrier, positions, fork and join. See parallel.h.
#include "runtime/parallel.h"

// ---- Faults ------------------------------------------------------------------------------------------------------

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
  member->stalled = 0;
  member->thread.index = index;
  member->thread.step = 0;
  member->thread.scratch = seat->scratch;
  member->thread.report = reportFault;
  member->thread.status = &seat->status;
}

#if !defined(MYELIN_HAS_THREADS)

Crossing crossBarrier(Member* member, Position*) {
  member->passed++;
  return CROSSED;
}

void loadPosition(Member*, Position*) {}
void arriveAtEnd(Member*) {}
bool isCurrent(const Member*) { return true; }

bool runTeam(Team* team, int32_t, TeamWork work, void* argument, const Position*, bool) {
  Member member;
  team->seats[0].status.visible = FAULT_FREE;
  sit(&member, team, 0, 1);
  work(&member, argument);
  team->passed = member.passed + 1;
  return true;
}

#else

// ---- Positions ---------------------------------------------------------------------------------------------------

// Two slots in turn: a reader's copy is whole if the leader has not passed another barrier meanwhile.
static void publish(Team* team, Position* position, uint64_t passed, uint64_t round) {
  position->passed = passed;
  position->round = round;
  const uint64_t* words = (const uint64_t*)position;
  uint64_t* slot = team->positions[passed & 1];
  int32_t count = (int32_t)offsetof(Position, frames) / 8 + position->depth * (int32_t)(sizeof(Frame) / 8);
  for (int32_t i = 0; i < count; i++) __atomic_store_n(&slot[i], words[i], __ATOMIC_RELAXED);
  __atomic_store_n(&team->published, passed, __ATOMIC_RELEASE);
}

static uint64_t publishedBy(const Team* team) { return __atomic_load_n(&team->published, __ATOMIC_ACQUIRE); }

void loadPosition(Member* member, Position* position) {
  Team* team = member->team;
  uint64_t* words = (uint64_t*)position;
  for (;;) {
    uint64_t number = publishedBy(team);
    const uint64_t* slot = team->positions[number & 1];
    for (int32_t i = 0; i < POSITION_WORDS; i++) words[i] = __atomic_load_n(&slot[i], __ATOMIC_RELAXED);
    __atomic_thread_fence(__ATOMIC_ACQUIRE);
    if (__atomic_load_n(&team->published, __ATOMIC_RELAXED) == number) break;
  }
  member->passed = position->passed;
  member->round = position->round;
  member->recentCount = 0;
  __atomic_store_n(&team->seats[member->index].arrived, member->passed, __ATOMIC_RELEASE);
}

bool isCurrent(const Member* member) {
  if (member->index == 0) return true;
  __atomic_thread_fence(__ATOMIC_ACQUIRE);
  return __atomic_load_n(&member->team->published, __ATOMIC_RELAXED) <= member->passed;
}

// ---- Barrier -----------------------------------------------------------------------------------------------------

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

static bool hasArrived(const Team* team, int32_t index, uint64_t target) {
  return __atomic_load_n(&team->seats[index].arrived, __ATOMIC_ACQUIRE) >= target;
}

static bool haveArrived(const Team* team, int32_t size, uint64_t target) {
  for (int32_t i = 0; i < size; i++) {
    if (!hasArrived(team, i, target)) return false;
  }
  return true;
}

static bool isBroken(const Team* team) { return __atomic_load_n(&team->broken, __ATOMIC_RELAXED) != 0; }

// What a waiting member does between two looks: pauses, and after a while gives its core away.
struct Patience {
  uint64_t began;
  int32_t looks;
  bool hasMoved;
};

static void waitALittle(const Member* member, Patience* patience) {
  Team* team = member->team;
  if (team->spins) {
    cpuPause();
    if (++patience->looks % 32) return;
  }
  uint64_t now = nanoseconds();
  if (patience->began == 0) patience->began = now;
  if (team->spins && now - patience->began < SPIN_BEFORE_YIELD) return;
  if (!patience->hasMoved) leaveSharedCore(team, member->index);
  patience->hasMoved = true;
  yieldCore(member->index);
}

// The others are waited for as long as they keep up; one that is away, or was at the last barrier, is helped at once.
static bool keepsUp(const Team* team, int32_t index, uint64_t target) {
  const Seat* seat = &team->seats[index];
  return __atomic_load_n(&seat->isActive, __ATOMIC_RELAXED) && hasArrived(team, index, target - 1);
}

static bool arriveSoon(const Member* member, uint64_t target) {
  const Team* team = member->team;
  for (int32_t i = 1; i < member->size; i++) {
    if (hasArrived(team, i, target)) continue;
    if (!team->spins || !keepsUp(team, i, target)) return false;
    int32_t spins = 0;
    while (!hasArrived(team, i, target)) {
      if (++spins > SPINS_BEFORE_HELP) return false;
      cpuPause();
    }
  }
  return true;
}

// The leader goes on when all chunks since the last barrier are done, whoever has arrived.
static bool leaderWaits(Member* member, uint64_t target) {
  if (arriveSoon(member, target)) return true;
  helpOthers(member);
  Patience patience = {};
  while (!isQuiet(member) && !haveArrived(member->team, member->size, target)) {
    if (isBroken(member->team)) return false;
    waitALittle(member, &patience);
  }
  if (patience.hasMoved) member->stalled += nanoseconds() - patience.began;
  return true;
}

static Crossing workerWaits(Member* member, uint64_t target) {
  Team* team = member->team;
  Patience patience = {};
  for (int32_t looks = 0;; looks++) {
    if (haveArrived(team, member->size, target)) return CROSSED;
    uint64_t published = publishedBy(team);
    if (published >= target) return published == target ? CROSSED : BEHIND;
    if (isBroken(team)) return BROKEN;
    if (looks == SPINS_BEFORE_HELP) helpOthers(member);
    waitALittle(member, &patience);
  }
}

static void arrive(Member* member, uint64_t target) {
  waitForGuests(member);
  __atomic_store_n(&member->team->seats[member->index].arrived, target, __ATOMIC_RELEASE);
}

Crossing crossBarrier(Member* member, Position* position) {
  uint64_t target = member->passed + 1;
  if (member->size > 1) {
    arrive(member, target);
    if (member->index == 0) {
      if (!leaderWaits(member, target)) return BROKEN;
      publish(member->team, position, target, member->round);
    } else {
      Crossing crossing = workerWaits(member, target);
      if (crossing != CROSSED) return crossing;
    }
    member->recentCount = 0;
  }
  member->passed = target;  // only now: a fault found while helping belongs to the interval that ends here
  return CROSSED;
}

// ---- Fork and join -----------------------------------------------------------------------------------------------

// Spins, then sleeps, until there is a fork that this worker has not served.
static uint32_t waitForFork(Team* team, uint32_t served) {
  uint64_t began = 0;
  for (;;) {
    for (int32_t i = 0; i < 64; i++) {
      uint32_t forks = __atomic_load_n(&team->forks, __ATOMIC_ACQUIRE);
      if (forks != served) return forks;
      if (!team->spins) break;
      cpuPause();
    }
    uint64_t now = nanoseconds();
    if (began == 0) began = now;
    if (team->spins && now - began < SPIN_BEFORE_SLEEP) continue;
    __atomic_fetch_add(&team->sleepers, 1, __ATOMIC_SEQ_CST);
    if (__atomic_load_n(&team->forks, __ATOMIC_SEQ_CST) == served) sleepWhileEqual(&team->forks, served, -1);
    __atomic_fetch_sub(&team->sleepers, 1, __ATOMIC_SEQ_CST);
  }
}

void serveTeam(Team* team, int32_t index) {
  Seat* seat = &team->seats[index];
  for (uint32_t served = 0;;) {
    served = waitForFork(team, served);
    if (__atomic_load_n(&team->quit, __ATOMIC_ACQUIRE)) return;
    leaveSharedCore(team, index);
    // Announce, then look: the leader closes the run, then looks for the announced.
    __atomic_store_n(&seat->isActive, 1, __ATOMIC_SEQ_CST);
    if (__atomic_load_n(&team->open, __ATOMIC_SEQ_CST) == served) {
      Member member;
      sit(&member, team, index, team->size);
      team->work(&member, team->argument);
    }
    __atomic_store_n(&seat->isActive, 0, __ATOMIC_RELEASE);
  }
}

static void open(Team* team, TeamWork work, void* argument, const Position* start, bool isLong) {
  team->work = work;
  team->argument = argument;
  __atomic_store_n(&team->seats[0].core, currentCore(), __ATOMIC_RELAXED);
  Position position = *start;
  publish(team, &position, team->passed, team->round);
  uint32_t fork = team->forks + 1;
  if (fork == 0) fork = 1;  // 0 means closed
  __atomic_store_n(&team->open, fork, __ATOMIC_SEQ_CST);
  __atomic_store_n(&team->forks, fork, __ATOMIC_SEQ_CST);
  if (isLong && __atomic_load_n(&team->sleepers, __ATOMIC_SEQ_CST)) wakeSleepers(&team->forks);
}

void arriveAtEnd(Member* member) {
  if (member->size > 1 && member->index > 0) arrive(member, member->passed + 1);
}

// The last chunks are done; then nobody may come in any more, those inside are told that it is over, and waited for.
static bool close(Member* member) {
  Team* team = member->team;
  uint64_t target = member->passed + 1;
  arrive(member, target);
  bool isWhole = leaderWaits(member, target);
  __atomic_store_n(&team->open, 0, __ATOMIC_SEQ_CST);
  Position end = {};
  end.step = END_OF_RUN;
  publish(team, &end, target, member->round);
  Patience patience = {};
  for (int32_t i = 1; i < member->size; i++) {
    while (__atomic_load_n(&team->seats[i].isActive, __ATOMIC_SEQ_CST)) {
      if (isBroken(team)) return false;
      waitALittle(member, &patience);
    }
  }
  return isWhole;
}

bool runTeam(Team* team, int32_t size, TeamWork work, void* argument, const Position* start, bool isLong) {
  Member member;
  if (team->round > LAST_ROUND) clearCursors(team);
  for (int32_t i = 0; i < size; i++) team->seats[i].status.visible = FAULT_FREE;
  sit(&member, team, 0, size);
  if (size > 1) open(team, work, argument, start, isLong);
  work(&member, argument);
  bool isWhole = size == 1 || close(&member);
  team->passed = member.passed + 2;  // one for the end, so that each number stands for one position
  team->round = member.round;
  team->stalled = member.stalled;
  return isWhole;
}

#endif
