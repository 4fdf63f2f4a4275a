// What the runtime asks of a WASM host: a clock (imported) and, with threads, sleeping on a word of the shared memory.
#include "runtime/platform.wasm.h"

#include "runtime/platform.h"

// Milliseconds since one origin for all threads: a browser's worker shifts its performance.now().
extern "C" __attribute__((import_module("env"), import_name("now"))) double hostNow();

uint64_t nanoseconds() { return (uint64_t)(hostNow() * 1e6); }

int32_t currentCore() { return -1; }
void leaveCores(const int32_t*, int32_t) {}

#if defined(MYELIN_THREADS)

static bool callerSleeps;
void setCallerSleeps(bool mayBlock) { callerSleeps = mayBlock; }

void sleepWhileEqual(uint32_t* word, uint32_t value, int64_t timeout) {
  __builtin_wasm_memory_atomic_wait32((int*)word, (int)value, timeout);
}

void wakeSleepers(uint32_t* word) { __builtin_wasm_memory_atomic_notify((int*)word, 0xffffffffu); }

// There is no yield: a short sleep on a word that nobody changes comes closest. A browser's main thread may not block.
void yieldCore(int32_t member) {
  static uint32_t never;
  if (member > 0 || callerSleeps) sleepWhileEqual(&never, 0, 20 * 1000);
}

#else

void setCallerSleeps(bool) {}
void sleepWhileEqual(uint32_t*, uint32_t, int64_t) {}
void wakeSleepers(uint32_t*) {}
void yieldCore(int32_t) {}

#endif
