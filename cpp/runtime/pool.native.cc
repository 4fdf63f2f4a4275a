// Size classes, four per power of two (at most a quarter is wasted). Small blocks are cut from slabs of 4 MB that are
// never given back; blocks of 1 MB and more are mapped one by one in huge pages, and unmapped only when the bound asks
// for room: the first write to a fresh page costs fifteen times the second.
#include "runtime/pool.native.h"

#include "runtime/lock.native.h"
#include "runtime/platform.h"

static const int64_t SMALLEST = 256;
static const int64_t LARGE = 1 << 20;
static const int64_t SLAB = 4 << 20;
static const int32_t CLASSES = 4 * 40;

struct Block {
  Block* next;  // in its bucket
  uint8_t* memory;
  int32_t sizeClass;
  bool isReturned;
  bool isBounded;
};

// What a free list holds; apart from Block, whose life is the ArrayBuffer's.
struct Free {
  Free* next;
  uint8_t* memory;
};

static Lock lock;
static const uintptr_t BUCKETS = 1 << 14;
static Block* buckets[BUCKETS];  // blocks in use, by address
static Free* freeLists[CLASSES];
static Free* spareRecords;
static uint8_t* slab;
static int64_t slabLeft;
static PoolUse use = {0, 0, (int64_t)512 << 20};  // so that a synchronous loop of large results stays below 1 GB
static int64_t boundedInUse;

// Class c holds blocks of (4 + c mod 4) · 2^(c / 4) · 64 bytes: 256, 320, 384, 448, 512, …
static int64_t bytesOfClass(int32_t sizeClass) { return (int64_t)(4 + sizeClass % 4) << (sizeClass / 4) << 6; }

// Blocks stay 256-byte aligned because the sizes taken from a slab are rounded up to that.
static int64_t roomOfClass(int32_t sizeClass) { return (bytesOfClass(sizeClass) + 255) & ~(int64_t)255; }

static int32_t classOf(int64_t bytes) {
  if (bytes < SMALLEST) bytes = SMALLEST;
  int32_t octave = 63 - __builtin_clzll((uint64_t)bytes) - 8;
  int32_t sizeClass = 4 * octave;
  while (bytesOfClass(sizeClass) < bytes) sizeClass++;
  return sizeClass;
}

static bool pushFree(int32_t sizeClass, uint8_t* memory) {
  Free* record = spareRecords;
  if (record) {
    spareRecords = record->next;
  } else {
    record = (Free*)allocateRecord(sizeof(Free), 16);
  }
  if (!record) return false;
  record->memory = memory;
  record->next = freeLists[sizeClass];
  freeLists[sizeClass] = record;
  use.free += roomOfClass(sizeClass);
  return true;
}

static uint8_t* popFree(int32_t sizeClass) {
  Free* record = freeLists[sizeClass];
  if (!record) return nullptr;
  freeLists[sizeClass] = record->next;
  record->next = spareRecords;
  spareRecords = record;
  use.free -= roomOfClass(sizeClass);
  return record->memory;
}

// Unmaps large free blocks, the largest first, until `bytes` more fit under the bound.
static void makeRoom(int64_t bytes) {
  for (int32_t sizeClass = CLASSES - 1; sizeClass >= 0 && roomOfClass(sizeClass) >= LARGE; sizeClass--) {
    while (boundedInUse + use.free + bytes > use.bound) {
      uint8_t* memory = popFree(sizeClass);
      if (!memory) break;
      returnMemory(memory, roomOfClass(sizeClass));
    }
  }
}

static uint8_t* freshMemory(int32_t sizeClass) {
  int64_t room = roomOfClass(sizeClass);
  if (room >= LARGE) return reserveMemory(room);
  if (slabLeft < room) {
    slab = reserveMemory(SLAB);
    slabLeft = slab ? SLAB : 0;
    if (!slab) return nullptr;
  }
  uint8_t* memory = slab;
  slab += room;
  slabLeft -= room;
  return memory;
}

static Block** bucketOf(const void* memory) {
  uintptr_t page = (uintptr_t)memory / 256;
  return &buckets[(page ^ page / BUCKETS) % BUCKETS];
}

static void link(Block* block) {
  Block** bucket = bucketOf(block->memory);
  block->next = *bucket;
  *bucket = block;
}

static void unlink(Block* block) {
  Block** at = bucketOf(block->memory);
  while (*at != block) at = &(*at)->next;
  *at = block->next;
}

Block* findBlock(const void* memory) {
  lock.take();
  Block* block = *bucketOf(memory);
  while (block && block->memory != memory) block = block->next;
  lock.leave();
  return block;
}

Block* takeBlock(int64_t bytes, bool isBounded) {
  if (bytes < 0 || bytes > (int64_t)1 << 46) return nullptr;
  Block* block = (Block*)allocateRecord(sizeof(Block), 16);
  if (!block) return nullptr;
  int32_t sizeClass = classOf(bytes);
  int64_t room = roomOfClass(sizeClass);
  lock.take();
  uint8_t* memory = popFree(sizeClass);
  if (!memory) {
    if (boundedInUse + use.free + room > use.bound) makeRoom(room);
    if (!isBounded || boundedInUse + use.free + room <= use.bound) memory = freshMemory(sizeClass);
  }
  if (memory) {
    block->memory = memory;
    block->sizeClass = sizeClass;
    block->isBounded = isBounded;
    use.inUse += room;
    if (isBounded) boundedInUse += room;
    link(block);
  }
  lock.leave();
  if (memory) return block;
  freeRecord(block);
  return nullptr;
}

uint8_t* memoryOf(const Block* block) { return block->memory; }

void returnBlock(Block* block) {
  lock.take();
  if (!block->isReturned) {
    int64_t room = roomOfClass(block->sizeClass);
    block->isReturned = true;
    unlink(block);
    use.inUse -= room;
    if (block->isBounded) boundedInUse -= room;
    bool fits = boundedInUse + use.free + room <= use.bound;
    if (!fits && room >= LARGE) {
      returnMemory(block->memory, room);
    } else {
      pushFree(block->sizeClass, block->memory);
    }
  }
  lock.leave();
}

void forgetBlock(Block* block) {
  returnBlock(block);
  freeRecord(block);
}

PoolUse poolUse() {
  lock.take();
  PoolUse now = use;
  lock.leave();
  return now;
}

void setPoolBound(int64_t bytes) {
  lock.take();
  use.bound = bytes;
  makeRoom(0);
  lock.leave();
}
