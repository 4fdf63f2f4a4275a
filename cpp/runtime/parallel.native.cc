// Starts and stops the threads of the team (pthreads). How they wait and sleep is in parallel.cc.
#include "runtime/parallel.native.h"

#include <pthread.h>
#include <signal.h>

#include "runtime/cores.native.h"

// Kernels keep their blocks in Thread::scratch; the stack needs little.
static const size_t STACK_BYTES = 512 << 10;

// A team with the native handles of its threads behind it.
struct NativeTeam {
  Team team;
  uint64_t threads[MAX_THREADS];
  uint8_t* scratch;
  int64_t scratchBytes;
};

bool startThread(void* (*body)(void*), void* argument, uint64_t* id) {
  pthread_attr_t attributes;
  if (pthread_attr_init(&attributes) != 0) return false;
  pthread_attr_setstacksize(&attributes, STACK_BYTES);
  sigset_t all, before;
  sigfillset(&all);
  pthread_sigmask(SIG_SETMASK, &all, &before);
  pthread_t thread;
  bool isStarted = pthread_create(&thread, &attributes, body, argument) == 0;
  pthread_sigmask(SIG_SETMASK, &before, nullptr);
  pthread_attr_destroy(&attributes);
  if (isStarted) *id = (uint64_t)thread;
  return isStarted;
}

void joinThread(uint64_t id) { pthread_join((pthread_t)id, nullptr); }

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
