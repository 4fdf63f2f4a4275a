// What Linux and macOS have in common: time, threads and memory. Cores and sleeping on a word: platform.linux.cc, .macos.cc.
//
// First writes to fresh pages run at 1.3–1.5 GB/s, second ones at 22–25 GB/s (measured), so large memory is mapped in
// huge pages where offered, touched here, and kept by its owners.
#if !defined(_GNU_SOURCE)
#define _GNU_SOURCE 1
#endif
#include "runtime/platform.h"

#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <time.h>

#include "runtime/parallel.native.h"

uint64_t nanoseconds() {
  struct timespec now;
  clock_gettime(CLOCK_MONOTONIC, &now);
  return (uint64_t)now.tv_sec * 1000000000u + (uint64_t)now.tv_nsec;
}

void yieldCore(int32_t) { sched_yield(); }

// Kernels keep their blocks in Thread::scratch; the stack needs little.
static const size_t STACK_BYTES = 512 << 10;

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

static const int64_t HUGE_PAGE = 2 << 20;

void* allocateRecord(size_t bytes, size_t alignment) {
  void* record = nullptr;
  if (alignment < sizeof(void*)) alignment = sizeof(void*);
  if (posix_memalign(&record, alignment, bytes) != 0) return nullptr;
  memset(record, 0, bytes);
  return record;
}

void freeRecord(void* record) { free(record); }

static int64_t wholePages(int64_t bytes) { return (bytes + HUGE_PAGE - 1) / HUGE_PAGE * HUGE_PAGE; }

uint8_t* reserveMemory(int64_t bytes) {
  int64_t size = wholePages(bytes);
  if (size == 0) size = HUGE_PAGE;
  // Mapping one page more than asked leaves room to cut out an aligned piece.
  uint8_t* mapped = (uint8_t*)mmap(nullptr, (size_t)(size + HUGE_PAGE), PROT_READ | PROT_WRITE,
                                   MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  if (mapped == MAP_FAILED) return nullptr;
  uint8_t* memory = (uint8_t*)(((uintptr_t)mapped + HUGE_PAGE - 1) & ~(uintptr_t)(HUGE_PAGE - 1));
  if (memory > mapped) munmap(mapped, (size_t)(memory - mapped));
  uint8_t* end = mapped + size + HUGE_PAGE;
  if (end > memory + size) munmap(memory + size, (size_t)(end - memory - size));
#if defined(MADV_HUGEPAGE)
  madvise(memory, (size_t)size, MADV_HUGEPAGE);
#endif
  for (int64_t at = 0; at < bytes; at += 4096) ((volatile uint8_t*)memory)[at] = 0;
  return memory;
}

void returnMemory(uint8_t* memory, int64_t bytes) {
  int64_t size = wholePages(bytes);
  munmap(memory, (size_t)(size ? size : HUGE_PAGE));
}
