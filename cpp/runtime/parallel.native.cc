// Starts and stops the threads of the team. How they wait and sleep is in parallel.cc.
#include "runtime/parallel.native.h"

#include "runtime/cores.native.h"

// A team with the native handles of its threads behind it.
struct NativeTeam {
  Team team;
  uint64_t threads[MAX_THREADS];
  uint8_t* scratch;
  int64_t scratchBytes;
};

struct WorkerStart {
  Team* team;
  int32_t index;
};

static void* runWorker(void* argument) {
  WorkerStart start = *(WorkerStart*)argument;
  freeRecord(argument);
  serveTeam(start.team, start.index);
  return nullptr;
}

static bool startWorker(NativeTeam* native, int32_t index) {
  WorkerStart* start = (WorkerStart*)allocateRecord(sizeof(WorkerStart), 16);
  if (!start) return false;
  start->team = &native->team;
  start->index = index;
  if (startThread(runWorker, start, &native->threads[index])) return true;
  freeRecord(start);
  return false;
}

Team* startTeam(int32_t size) {
  if (size < 1) size = 1;
  if (size > MAX_THREADS) size = MAX_THREADS;
  NativeTeam* native = (NativeTeam*)allocateRecord(sizeof(NativeTeam), 128);
  if (!native) return nullptr;
  native->scratchBytes = size * THREAD_SCRATCH;
  native->scratch = reserveMemory(native->scratchBytes);
  if (!native->scratch) {
    freeRecord(native);
    return nullptr;
  }
  Team* team = &native->team;
  team->spins = size <= countAllowedCores();
  for (int32_t i = 0; i < size; i++) {
    team->seats[i].scratch = native->scratch + i * THREAD_SCRATCH;
    team->seats[i].core = -1;
  }
  int32_t started = 1;
  while (started < size && startWorker(native, started)) started++;
  team->size = started;  // workers read it after the first fork
  return team;
}

void stopTeam(Team* team) {
  NativeTeam* native = (NativeTeam*)team;
  __atomic_store_n(&team->quit, true, __ATOMIC_RELEASE);
  __atomic_fetch_add(&team->forks, 1, __ATOMIC_SEQ_CST);
  wakeSleepers(&team->forks);
  for (int32_t i = 1; i < team->size; i++) joinThread(native->threads[i]);
  returnMemory(native->scratch, native->scratchBytes);
  freeRecord(native);
}
