// Linear memory: blocks by first fit in a list of free ranges, ordered by address, so that neighbours melt together and
// a large tensor finds room again (32-bit address space: at most 4 GB). Small blocks, which are many, go through free
// lists by size first. A program that runs on a worker may grow its arena while JavaScript allocates elsewhere: a spin
// lock stands around both, because a browser's page may not sleep; it is held for some tens of instructions.
#include "runtime/platform.h"
#include "runtime/platform.wasm.h"

extern "C" uint8_t __heap_base;

static const uint32_t UNIT = 256;
static const uint32_t PAGE = 64 << 10;
static const uint32_t SMALL = 16 << 10;  // below: free lists of blocks of the same number of units, cut from slabs
static const uint32_t SLAB = 256 << 10;

// Written into the free memory itself.
struct Range {
  Range* next;
  uint32_t bytes;
};

static Range* ranges;
static Range* small[SMALL / UNIT];
static uint32_t slab, slabLeft;
static MemoryUse use;
static uint32_t top;  // end of the memory managed so far

#if defined(MYELIN_THREADS)
static int32_t isLocked;
struct Lock {
  Lock() {
    while (__atomic_exchange_n(&isLocked, 1, __ATOMIC_ACQUIRE)) {
    }
  }
  ~Lock() { __atomic_store_n(&isLocked, 0, __ATOMIC_RELEASE); }
};
#else
struct Lock {
  Lock() {}  // not trivial: an unused one is no mistake
};
#endif

static uint32_t unitsOf(uint32_t bytes) { return bytes == 0 ? 1 : (bytes - 1) / UNIT + 1; }

// Puts a range back in order and melts it with its neighbours.
static void putRange(uint32_t address, uint32_t bytes) {
  Range** link = &ranges;
  Range* before = nullptr;
  while (*link && (uint32_t)(uintptr_t)*link < address) {
    before = *link;
    link = &before->next;
  }
  Range* range = (Range*)(uintptr_t)address;
  range->bytes = bytes;
  range->next = *link;
  *link = range;
  if (range->next && address + bytes == (uint32_t)(uintptr_t)range->next) {
    range->bytes += range->next->bytes;
    range->next = range->next->next;
  }
  if (before && (uint32_t)(uintptr_t)before + before->bytes == address) {
    before->bytes += range->bytes;
    before->next = range->next;
  }
}

// Asks the host for pages; by a sixteenth of what there is at least, because growing costs the host a round of views.
static bool grow(uint32_t bytes) {
  uint64_t size = (uint64_t)__builtin_wasm_memory_size(0) * PAGE;
  if (top == 0) {
    top = ((uint32_t)(uintptr_t)&__heap_base + UNIT - 1) / UNIT * UNIT;
    if (top < size) putRange(top, (uint32_t)(size - top));
    top = (uint32_t)size;
    return true;
  }
  uint64_t wanted = (uint64_t)bytes + PAGE;
  uint64_t generous = wanted > size / 16 ? wanted : size / 16;
  uint64_t amounts[2] = {generous, wanted};
  for (uint64_t amount : amounts) {
    uint32_t pages = (uint32_t)(amount / PAGE);
    uint64_t end = size + (uint64_t)pages * PAGE;
    if (end > 0xffff0000ull || __builtin_wasm_memory_grow(0, pages) == (__SIZE_TYPE__)-1) continue;
    putRange((uint32_t)size, pages * PAGE);
    return true;
  }
  return false;
}

static uint32_t cut(uint32_t bytes) {
  for (Range** link = &ranges; *link; link = &(*link)->next) {
    Range* range = *link;
    if (range->bytes < bytes) continue;
    // From the end, so that the list stays as it is.
    range->bytes -= bytes;
    uint32_t address = (uint32_t)(uintptr_t)range + range->bytes;
    if (range->bytes == 0) *link = range->next;
    return address;
  }
  return 0;
}

static uint32_t takeLarge(uint32_t bytes) {
  uint32_t address = cut(bytes);
  while (!address && grow(bytes)) address = cut(bytes);
  return address;
}

static uint32_t takeSmall(uint32_t bytes) {
  Range** list = &small[bytes / UNIT];
  if (Range* block = *list) {
    *list = block->next;
    use.free -= bytes;
    return (uint32_t)(uintptr_t)block;
  }
  if (slabLeft < bytes) {
    slab = takeLarge(SLAB);
    slabLeft = slab ? SLAB : 0;
    if (!slab) return takeLarge(bytes);
  }
  slabLeft -= bytes;
  return slab + slabLeft;
}

uint32_t takeMemory(uint32_t bytes) {
  if (bytes > 0xfff00000u) return 0;
  uint32_t size = unitsOf(bytes) * UNIT;
  Lock lock;
  uint32_t address = size < SMALL ? takeSmall(size) : takeLarge(size);
  if (address) use.inUse += size;
  return address;
}

void giveMemory(uint32_t address, uint32_t bytes) {
  if (address == 0) return;
  uint32_t size = unitsOf(bytes) * UNIT;
  Lock lock;
  use.inUse -= size;
  if (size >= SMALL) {
    putRange(address, size);
    return;
  }
  Range* block = (Range*)(uintptr_t)address;
  block->next = small[size / UNIT];
  small[size / UNIT] = block;
  use.free += size;
}

MemoryUse memoryUse() {
  Lock lock;
  MemoryUse now = use;
  for (Range* range = ranges; range; range = range->next) now.free += range->bytes;
  return now;
}

// ---- The runtime's own records -----------------------------------------------------------------------------------

// Stands right before a record, which is aligned to 256 bytes like every block.
struct RecordHeader {
  uint32_t bytes;
};

void* allocateRecord(size_t bytes, size_t) {
  if (bytes > 0x7fffffffu) return nullptr;
  uint32_t size = (uint32_t)bytes + UNIT;
  uint32_t address = takeMemory(size);
  if (!address) return nullptr;
  uint8_t* record = (uint8_t*)(uintptr_t)address + UNIT;
  ((RecordHeader*)record)[-1].bytes = size;
  __builtin_memset(record, 0, bytes);
  return record;
}

void freeRecord(void* record) {
  if (!record) return;
  uint32_t size = ((RecordHeader*)record)[-1].bytes;
  giveMemory((uint32_t)(uintptr_t)record - UNIT, size);
}

uint8_t* reserveMemory(int64_t bytes) {
  if (bytes > 0xfff00000ll) return nullptr;
  return (uint8_t*)(uintptr_t)takeMemory((uint32_t)bytes);
}

void returnMemory(uint8_t* memory, int64_t bytes) { giveMemory((uint32_t)(uintptr_t)memory, (uint32_t)bytes); }
