// Cores, and sleeping on a word, on Linux (glibc and musl).
#if !defined(_GNU_SOURCE)
#define _GNU_SOURCE 1
#endif
#include <fcntl.h>
#include <linux/futex.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#include "runtime/cores.native.h"
#include "runtime/platform.h"

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
