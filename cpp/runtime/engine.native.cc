// Turn-taking by tickets: every run, queued or synchronous, draws a ticket and runs when it is served, so a synchronous
// run sees the effects of all runs queued before it. A synchronous run makes the calling thread member 0 of the team;
// queued runs make it the engine thread, which sleeps when there is nothing to do.
#include "runtime/engine.native.h"

#include <stdlib.h>

#include "runtime/cores.native.h"
#include "runtime/dispatch.h"
#include "runtime/lock.native.h"
#include "runtime/parallel.native.h"

struct Slot {
  Executable* program;
  const void* owner;
  int32_t generation;
};

static const int32_t SLOT_BITS = 20;
static const int32_t MAX_SLOTS = 1 << SLOT_BITS;

static Lock lock;
static Condition turnChanged;  // `serving` has moved, or a job has ended
static Condition jobQueued;

// Guarded by `lock`; team, arena and kernels belong to whoever has the turn.
static struct {
  uint64_t nextTicket, serving;
  int32_t waiting;           // threads that wait on turnChanged
  Job *first, *last;
  const void* runningOwner;  // of the job that runs; the job itself may be gone once it is done
  int32_t abort;             // ends the running job; polled by runs
  bool hasThread, isStarted;
  Team* team;
  Arena arena;
  const KernelTable* kernels;
  Slot* slots;
  int32_t slotCount, slotCapacity;
} engine;

static void lockEngine() { lock.take(); }
static void unlockEngine() { lock.leave(); }

// MYELIN_THREADS, else what the machine has.
static int32_t wantedThreads() {
  const char* text = getenv("MYELIN_THREADS");
  int32_t count = text ? atoi(text) : 0;
  return count > 0 ? count : usefulThreads();
}

bool startEngine(Message* message) {
  lockEngine();
  if (!engine.isStarted) {
    engine.kernels = chooseKernels(getenv("MYELIN_ISA"), message);
    if (engine.kernels) engine.team = startTeam(wantedThreads());
    if (engine.kernels && !engine.team) *message << "no memory to start the thread pool";
    engine.isStarted = engine.team != nullptr;
  }
  bool isStarted = engine.isStarted;
  unlockEngine();
  return isStarted;
}

// ---- Turns -------------------------------------------------------------------------------------------------------

// Called with the lock held; returns with it held.
static void waitForTurn(uint64_t ticket) {
  engine.waiting++;
  while (engine.serving != ticket) turnChanged.wait(&lock);
  engine.waiting--;
}

static void endTurn() {
  engine.serving++;
  if (engine.waiting) turnChanged.wakeAll();
}

void withEngine(void (*work)(void*), void* argument) {
  lockEngine();
  uint64_t ticket = engine.nextTicket++;
  if (engine.serving != ticket) waitForTurn(ticket);
  unlockEngine();
  work(argument);
  lockEngine();
  endTurn();
  unlockEngine();
}

RunResult runNow(Executable* program, uint8_t* const* bindings, RunOptions* options) {
  lockEngine();
  uint64_t ticket = engine.nextTicket++;
  if (engine.serving != ticket) waitForTurn(ticket);
  unlockEngine();
  options->abort = nullptr;
  RunResult result = runProgram(program, engine.team, &engine.arena, bindings, options);
  lockEngine();
  endTurn();
  unlockEngine();
  return result;
}

static void runJob(Job* job) {
  job->options.abort = &engine.abort;
  job->result = runProgram(job->program, engine.team, &engine.arena, job->bindings, &job->options);
}

static void dropProgram(Executable* program) {
  if (--program->holds == 0) unloadProgram(program);
}

static void* runEngine(void*) {
  lockEngine();
  for (;;) {
    while (!engine.first) jobQueued.wait(&lock);
    Job* job = engine.first;
    if (engine.serving != job->ticket) waitForTurn(job->ticket);
    engine.first = job->next;
    if (!engine.first) engine.last = nullptr;
    engine.runningOwner = job->owner;
    __atomic_store_n(&engine.abort, 0, __ATOMIC_RELAXED);
    bool isWanted = !job->isDropped;
    unlockEngine();
    if (isWanted) runJob(job);
    lockEngine();
    dropProgram(job->program);
    unlockEngine();
    job->whenDone(job);
    lockEngine();
    engine.runningOwner = nullptr;
    endTurn();
  }
  return nullptr;
}

bool submitJob(Job* job) {
  lockEngine();
  if (!engine.hasThread) {
    uint64_t id;
    engine.hasThread = startThread(runEngine, nullptr, &id);
  }
  bool isAccepted = engine.hasThread;
  if (isAccepted) {
    job->next = nullptr;
    job->ticket = engine.nextTicket++;
    job->program->holds++;
    if (engine.last) {
      engine.last->next = job;
    } else {
      engine.first = job;
    }
    engine.last = job;
    jobQueued.wakeOne();
  }
  unlockEngine();
  return isAccepted;
}

static bool hasJobs(const void* owner) {
  bool isFound = engine.runningOwner == owner;
  for (Job* job = engine.first; job; job = job->next) isFound |= job->owner == owner;
  return isFound;
}

void forgetOwner(const void* owner) {
  lockEngine();
  for (Job* job = engine.first; job; job = job->next) job->isDropped |= job->owner == owner;
  if (engine.runningOwner == owner) __atomic_store_n(&engine.abort, 1, __ATOMIC_RELAXED);
  engine.waiting++;
  while (hasJobs(owner)) turnChanged.wait(&lock);
  engine.waiting--;
  for (int32_t i = 0; i < engine.slotCount; i++) {
    Slot* slot = &engine.slots[i];
    if (!slot->program || slot->owner != owner) continue;
    dropProgram(slot->program);
    slot->program = nullptr;
  }
  unlockEngine();
}

// ---- Programs ----------------------------------------------------------------------------------------------------

static Slot* freeSlot() {
  for (int32_t i = 0; i < engine.slotCount; i++) {
    if (!engine.slots[i].program) return &engine.slots[i];
  }
  if (engine.slotCount == MAX_SLOTS) return nullptr;
  if (engine.slotCount == engine.slotCapacity) {
    int32_t capacity = engine.slotCapacity ? 2 * engine.slotCapacity : 64;
    Slot* slots = (Slot*)realloc(engine.slots, (size_t)capacity * sizeof(Slot));
    if (!slots) return nullptr;
    engine.slots = slots;
    engine.slotCapacity = capacity;
  }
  Slot* slot = &engine.slots[engine.slotCount++];
  *slot = {};
  return slot;
}

// Generation above, slot + 1 below: an old handle does not reach the program that took its slot.
int32_t addProgram(Executable* program, const void* owner) {
  lockEngine();
  int32_t handle = 0;
  if (Slot* slot = freeSlot()) {
    program->holds = 1;
    slot->program = program;
    slot->owner = owner;
    slot->generation = (slot->generation + 1) & 1023;
    handle = slot->generation << SLOT_BITS | (int32_t)(slot - engine.slots + 1);
  }
  unlockEngine();
  return handle;
}

static Slot* findSlot(int32_t handle, const void* owner) {
  int32_t index = (handle & (MAX_SLOTS - 1)) - 1;
  if (handle <= 0 || index < 0 || index >= engine.slotCount) return nullptr;
  Slot* slot = &engine.slots[index];
  bool isCurrent = slot->program && slot->owner == owner && slot->generation == handle >> SLOT_BITS;
  return isCurrent ? slot : nullptr;
}

Executable* findProgram(int32_t handle, const void* owner) {
  lockEngine();
  Slot* slot = findSlot(handle, owner);
  Executable* program = slot ? slot->program : nullptr;
  unlockEngine();
  return program;
}

bool removeProgram(int32_t handle, const void* owner) {
  lockEngine();
  Slot* slot = findSlot(handle, owner);
  if (slot) {
    dropProgram(slot->program);
    slot->program = nullptr;
  }
  unlockEngine();
  return slot != nullptr;
}

// ---- Settings ----------------------------------------------------------------------------------------------------

bool setThreads(int32_t count) {
  if (count < 1) count = 1;
  if (count > MAX_THREADS) count = MAX_THREADS;
  if (count == engine.team->size) return true;
  Team* team = startTeam(count);
  if (!team) return false;
  stopTeam(engine.team);
  engine.team = team;
  return true;
}

Team* engineTeam() { return engine.team; }
const KernelTable* engineKernels() { return engine.kernels; }
void setKernels(const KernelTable* table) { engine.kernels = table; }
int64_t engineArenaBytes() { return engine.arena.bytes; }
