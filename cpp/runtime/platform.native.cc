// What the runtime asks of Linux and macOS: time, cores, sleeping on a word, and memory.
//
// First writes to fresh pages run at 1.3–1.5 GB/s, second ones at 22–25 GB/s (measured), so large memory is mapped in
// huge pages where offered, touched here, and kept by its owners.
#if !defined(_GNU_SOURCE)
#define _GNU_SOURCE 1
#endif
#include "runtime/platform.h"

#include <fcntl.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <time.h>
#include <unistd.h>

#if defined(__linux__)
#include <linux/futex.h>
#include <sys/syscall.h>
#elif defined(__APPLE__)
// What libc++ itself sleeps on; public since macOS 14.4 under other names.
extern "C" int __ulock_wait(uint32_t operation, void* address, uint64_t value, uint32_t microseconds);
extern "C" int __ulock_wake(uint32_t operation, void* address, uint64_t value);
#endif

#include "runtime/cores.native.h"

static const int64_t HUGE_PAGE = 2 << 20;

uint64_t nanoseconds() {
  struct timespec now;
  clock_gettime(CLOCK_MONOTONIC, &now);
  return (uint64_t)now.tv_sec * 1000000000u + (uint64_t)now.tv_nsec;
}

void yieldCore(int32_t) { sched_yield(); }

#if defined(__linux__)

int32_t currentCore() { return sched_getcpu(); }

void sleepWhileEqual(uint32_t* word, uint32_t value, int64_t timeout) {
  struct timespec limit = {(time_t)(timeout / 1000000000), (long)(timeout % 1000000000)};
  syscall(SYS_futex, word, FUTEX_WAIT_PRIVATE, value, timeout < 0 ? nullptr : &limit, nullptr, 0);
}

void wakeSleepers(uint32_t* word) { syscall(SYS_futex, word, FUTEX_WAKE_PRIVATE, INT32_MAX, nullptr, nullptr, 0); }

// The cores of the process as they were before any worker restricted itself.
static cpu_set_t allowedCores;
static int32_t allowedCount;

int32_t countAllowedCores() {
  if (allowedCount == 0) {
    if (sched_getaffinity(0, sizeof allowedCores, &allowedCores) != 0) return 1;
    allowedCount = CPU_COUNT(&allowedCores);
  }
  return allowedCount;
}

void leaveCores(const int32_t* cores, int32_t count) {
  cpu_set_t rest = allowedCores;
  for (int32_t i = 0; i < count; i++) {
    if (cores[i] >= 0 && cores[i] < CPU_SETSIZE) CPU_CLR(cores[i], &rest);
  }
  if (CPU_COUNT(&rest) > 0) sched_setaffinity(0, sizeof rest, &rest);
}

// One line of a small file below /sys or /proc, or false.
static bool readLine(const char* path, char* line, size_t size) {
  int file = open(path, O_RDONLY | O_CLOEXEC);
  if (file < 0) return false;
  ssize_t length = read(file, line, size - 1);
  close(file);
  if (length <= 0) return false;
  line[length] = 0;
  return true;
}

// Hyperthreads share the vector units: a second thread on a core adds nothing to a GEMM.
static int32_t countPhysicalCores() {
  int32_t count = 0;
  for (int32_t core = 0; core < CPU_SETSIZE; core++) {
    if (!CPU_ISSET(core, &allowedCores)) continue;
    char path[96], line[64];
    snprintf(path, sizeof path, "/sys/devices/system/cpu/cpu%d/topology/thread_siblings_list", core);
    int32_t first = readLine(path, line, sizeof line) ? atoi(line) : core;
    // A core counts where it is the first of its siblings, or the first of them is not ours to use.
    bool isFirst = first == core || first < 0 || first >= CPU_SETSIZE || !CPU_ISSET(first, &allowedCores);
    if (isFirst) count++;
  }
  return count > 0 ? count : 1;
}

// A container's share of processor time, rounded up to whole cores; 0: unlimited.
static int32_t quotaOfContainer() {
  char line[64];
  if (!readLine("/sys/fs/cgroup/cpu.max", line, sizeof line)) return 0;
  long quota = 0, period = 0;
  if (sscanf(line, "%ld %ld", &quota, &period) != 2 || period <= 0) return 0;  // "max 100000"
  return (int32_t)((quota + period - 1) / period);
}

int32_t usefulThreads() {
  countAllowedCores();
  int32_t count = countPhysicalCores();
  int32_t quota = quotaOfContainer();
  return quota > 0 && quota < count ? quota : count;
}

#else

int32_t currentCore() { return -1; }
void leaveCores(const int32_t*, int32_t) {}

static const uint32_t COMPARE_AND_WAIT = 1, WAKE_ALL = 0x100;

void sleepWhileEqual(uint32_t* word, uint32_t value, int64_t timeout) {
  __ulock_wait(COMPARE_AND_WAIT, word, value, timeout < 0 ? 0 : (uint32_t)(timeout / 1000 + 1));
}

void wakeSleepers(uint32_t* word) { __ulock_wake(COMPARE_AND_WAIT | WAKE_ALL, word, 0); }

int32_t countAllowedCores() {
  long count = sysconf(_SC_NPROCESSORS_ONLN);
  return count > 0 ? (int32_t)count : 1;
}

int32_t usefulThreads() { return countAllowedCores(); }

#endif

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
