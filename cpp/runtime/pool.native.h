// Memory for tensors that JavaScript holds: blocks of memory already touched, kept in free lists by size.
#pragma once
#include <stddef.h>
#include <stdint.h>

struct Block;

// A block of at least `bytes`, 256-byte aligned, contents undefined; null when the bound is reached. An unbounded block
// (a variable, resident data) is refused by the system only.
Block* takeBlock(int64_t bytes, bool isBounded);
uint8_t* memoryOf(const Block* block);
Block* findBlock(const void* memory);  // the block in use that starts there, or null
// Gives the memory back to its free list. The record is kept until `forgetBlock`, so that both may be called in the
// order in which a release by hand and the collector come; a second return does nothing.
void returnBlock(Block* block);
void forgetBlock(Block* block);

struct PoolUse {
  int64_t inUse, free, bound;
};
PoolUse poolUse();
void setPoolBound(int64_t bytes);
