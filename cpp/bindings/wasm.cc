// The WASM module: the engine as JavaScript sees it in a browser, or in Node without a native addon.
//
// Imports   env.memory (shared in the builds with threads), env.now(): milliseconds, from one origin in all threads.
// Addresses and sizes are unsigned 32-bit: JavaScript receives them as int32, so write `>>> 0`. Any call below that may
// allocate may grow the memory: make new views over memory.buffer after it.
//
// Memory (from any thread, also while a run is in progress)
//   allocate(bytes) → address             256-byte aligned, contents undefined; 0: no memory
//   release(address, bytes)               with the bytes it was allocated with
//   memoryInUse(), memoryFree() → bytes
// Names: UTF-8 text at an address; its length in bytes by textLength(address)
//   isaName() → text   kernelCount(), kernelName(i) → text   opcodeCount(), opcodeName(i) → text
// Programs
//   load(words, count) → program or 0     words: address of the encoded program, copied; 0: read lastMessage() → text
//   unload(program)   arenaBytes(program) → bytes   bindingCount(program)
//   run(program, bindings, steps: f64, budgetMs: f64, stop, resume, result, profile, length) → 1, or 0: read lastMessage()
//     bindings: address of uint32 addresses, one per binding; stop: address of an int32 polled between iterations (with
//     threads another thread may write it), or 0; result: address of 16 int32, the words of addon.ts (RESULT); profile:
//     address of `length` zeroed doubles (runtime/profile.h), or 0.
//   peak(threads, seconds: f64) → FLOP/s   bandwidth, cacheBandwidth (the same arguments) → bytes/s
// Threads (the builds with MYELIN_THREADS; in the others startTeam returns 1 and the rest does nothing)
//   startTeam(size, cores, callerMayBlock) → size of the team; call it before the first worker, and with size 1 before a
//     `run` on another thread than before: that sets callerMayBlock and nothing else.
//     size: threads with the caller; cores: navigator.hardwareConcurrency (a larger team never spins);
//     callerMayBlock: 0 on a browser's main thread, where waiting spins.
//   Each worker instantiates the same module with the same memory, sets its own stack: the exported global
//     __stack_pointer.value = workerStack(index) >>> 0, and calls workerMain(index), index 1 … size − 1. It stays there,
//     asleep between runs, and returns after stopTeam(). Data segments are written by the first instance only.
//   Runs use the caller alone until all workers have arrived: readyThreads() → how many there are with the caller. So
//     nothing waits for workers to start, and a program's bits do not depend on it.
//   breakTeam(): call it when a worker's workerMain (or `run` itself) throws: every wait ends, and this and later runs
//     fail with a message. The instance is lost then; make a new one.
//   stopTeam(): workers return from workerMain; call before dropping the instance.
#include "runtime/dispatch.h"
#include "runtime/executable.h"
#include "runtime/measure.h"
#include "runtime/platform.wasm.h"

#define EXPORT(name) extern "C" __attribute__((export_name(#name)))

static const uint32_t WORKER_STACK = 256 << 10;

static Message message;
static Arena arena;
static Team soloTeam;       // until startTeam
static Team* team = &soloTeam;
static uint8_t* stacks;
static int32_t wantedSize = 1;
static int32_t arrivedWorkers;

static uint32_t addressOf(const void* memory) { return (uint32_t)(uintptr_t)memory; }

static const KernelTable* kernels() { return chooseKernels(nullptr, &message); }

// ---- Memory ------------------------------------------------------------------------------------------------------

EXPORT(allocate) uint32_t allocate(uint32_t bytes) { return takeMemory(bytes); }
EXPORT(release) void release(uint32_t address, uint32_t bytes) { giveMemory(address, bytes); }
EXPORT(memoryInUse) uint32_t memoryInUse() { return memoryUse().inUse; }
EXPORT(memoryFree) uint32_t memoryFree() { return memoryUse().free; }

// ---- Names -------------------------------------------------------------------------------------------------------

EXPORT(isaName) uint32_t isaName() { return addressOf(kernels()->isa); }
EXPORT(kernelCount) int32_t kernelCount() { return ::kernelCount(kernels()); }
EXPORT(kernelName) uint32_t kernelName(int32_t i) { return addressOf(kernelAt(kernels(), i)->name); }
EXPORT(opcodeCount) int32_t opcodeCount() { return kernels()->opcodeCount; }
EXPORT(opcodeName) uint32_t opcodeName(int32_t i) { return addressOf(kernels()->opcodes[i]); }
EXPORT(lastMessage) uint32_t lastMessage() { return addressOf(message.text); }

EXPORT(textLength) int32_t textLength(const char* text) {
  int32_t length = 0;
  while (text && text[length]) length++;
  return length;
}

// ---- Threads -----------------------------------------------------------------------------------------------------

EXPORT(startTeam) int32_t startTeam(int32_t size, int32_t cores, int32_t callerMayBlock) {
#if defined(MYELIN_THREADS)
  setCallerSleeps(callerMayBlock != 0);
  if (wantedSize > 1 || size <= 1) return wantedSize;
  if (size > MAX_THREADS) size = MAX_THREADS;
  Team* made = (Team*)allocateRecord(sizeof(Team), 128);
  uint8_t* scratch = reserveMemory(size * THREAD_SCRATCH);
  stacks = reserveMemory((int64_t)size * WORKER_STACK);
  if (!made || !scratch || !stacks) return 1;
  for (int32_t i = 0; i < size; i++) made->seats[i].scratch = scratch + i * THREAD_SCRATCH;
  made->spins = size <= cores;
  made->size = 1;  // until all workers have arrived
  team = made;
  wantedSize = size;
  return size;
#else
  (void)size, (void)cores, (void)callerMayBlock;
  return 1;
#endif
}

// Stacks grow downwards: a worker starts at the end of its own.
EXPORT(workerStack) uint32_t workerStack(int32_t index) { return addressOf(stacks) + (uint32_t)(index + 1) * WORKER_STACK; }

EXPORT(readyThreads) int32_t readyThreads() { return 1 + __atomic_load_n(&arrivedWorkers, __ATOMIC_ACQUIRE); }

EXPORT(workerMain) void workerMain(int32_t index) {
#if defined(MYELIN_THREADS)
  __atomic_fetch_add(&arrivedWorkers, 1, __ATOMIC_SEQ_CST);
  serveTeam(team, index);
#else
  (void)index;
#endif
}

EXPORT(breakTeam) void breakTeam() { __atomic_store_n(&team->broken, 1, __ATOMIC_SEQ_CST); }

EXPORT(stopTeam) void stopTeam() {
  team->quit = true;
  __atomic_fetch_add(&team->forks, 1, __ATOMIC_SEQ_CST);
  wakeSleepers(&team->forks);
}

// The team as it is now: whole once all workers are there.
static Team* currentTeam() {
  if (team->size < wantedSize && readyThreads() == wantedSize) team->size = wantedSize;
  if (!team->seats[0].scratch) team->seats[0].scratch = reserveMemory(THREAD_SCRATCH);
  if (team == &soloTeam) team->size = 1;
  return team->seats[0].scratch ? team : nullptr;
}

// ---- Programs ----------------------------------------------------------------------------------------------------

EXPORT(load) Executable* load(const int32_t* words, int32_t count) {
  message = Message();
  const KernelTable* table = kernels();
  return table ? loadProgram(words, count, table, &message) : nullptr;
}

EXPORT(unload) void unload(Executable* program) { unloadProgram(program); }
EXPORT(arenaBytes) uint32_t arenaBytes(const Executable* program) { return (uint32_t)arenaNeed(program); }
EXPORT(bindingCount) int32_t bindingCount(const Executable* program) { return program->bindingCount; }

EXPORT(run)
int32_t run(Executable* program, uint8_t* const* bindings, double steps, double budget, const int32_t* stop, int32_t resume,
            int32_t* words, double* profile, int32_t profileLength) {
  message = Message();
  Team* members = currentTeam();
  if (!members || members->broken) {
    message << (members ? "a thread of the pool has trapped" : "no memory to run the program");
    return 0;
  }
  RunOptions options = {};
  options.steps = (int64_t)steps;
  options.budget = budget;
  options.stop = stop;
  options.resume = resume;
  options.profile = profile;
  options.profileLength = profileLength;
  RunResult result = runProgram(program, members, &arena, bindings, &options);
  if (result.error) {
    message << result.error;
    return 0;
  }
  writeResult(&result, words);
  return 1;
}

static double measure(int32_t threads, double seconds, MeasuredRate what) {
  Team* members = currentTeam();
  return members ? measureRate(members, kernels(), threads, seconds, what) : 0;
}

EXPORT(peak) double peak(int32_t threads, double seconds) { return measure(threads, seconds, PEAK_FLOPS); }
EXPORT(bandwidth) double bandwidth(int32_t threads, double seconds) { return measure(threads, seconds, MEMORY_BANDWIDTH); }
EXPORT(cacheBandwidth) double cacheBandwidth(int32_t threads, double seconds) {
  return measure(threads, seconds, CACHE_BANDWIDTH);
}
