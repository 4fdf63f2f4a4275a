// What the portable part of the runtime asks of the platform. Natively it is answered by platform.posix.cc with
// platform.linux.cc or platform.macos.cc, or by platform.windows.cc; in WASM by platform.wasm.cc and memory.wasm.cc,
// which import a memory and a clock.
#pragma once
#include <stddef.h>
#include <stdint.h>

#if defined(__wasm__)
#define MYELIN_WASM 1
#endif
// Without threads (plain WASM) a team has one member and every wait is empty.
#if !defined(MYELIN_WASM) || defined(MYELIN_THREADS)
#define MYELIN_HAS_THREADS 1
#endif

// A hint to the core that this is a spinning loop.
static inline void cpuPause() {
#if defined(__x86_64__)
  __builtin_ia32_pause();
#elif defined(__aarch64__)
  asm volatile("isb" ::: "memory");  // `yield` does nothing on common cores; isb waits some ten cycles
#endif
}

// Streaming stores are not ordered by a release store: drain them before a thread says that it is done.
static inline void drainStreamingStores() {
#if defined(__x86_64__)
  __builtin_ia32_sfence();
#endif
}

uint64_t nanoseconds();   // monotonic
void yieldCore(int32_t member);  // lets another thread have this core
int32_t currentCore();    // −1 where unknown
// Sleeps while *word == value, at most `timeout` nanoseconds (negative: no limit); may return early.
void sleepWhileEqual(uint32_t* word, uint32_t value, int64_t timeout);
void wakeSleepers(uint32_t* word);
// Moves the calling worker off the given cores, where the process may run anywhere else.
void leaveCores(const int32_t* cores, int32_t count);

// Zeroed memory of the runtime's own records and plans; null when there is none. `alignment` is a power of two.
void* allocateRecord(size_t bytes, size_t alignment);
void freeRecord(void* record);

// Large memory that programs work in: 2 MB aligned, huge pages where offered, every page touched. Null when refused.
uint8_t* reserveMemory(int64_t bytes);
void returnMemory(uint8_t* memory, int64_t bytes);
