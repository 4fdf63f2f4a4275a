// What only the WASM binding needs of its platform.
#pragma once
#include <stdint.h>

// Whether the thread that calls `run` may block: false on a browser's main thread.
void setCallerSleeps(bool mayBlock);

// Blocks of linear memory, 256-byte aligned, contents undefined; for the calling thread of `run` only. 0: no memory.
uint32_t takeMemory(uint32_t bytes);
void giveMemory(uint32_t address, uint32_t bytes);  // with the bytes it was taken with

struct MemoryUse {
  uint32_t inUse, free;
};
MemoryUse memoryUse();
