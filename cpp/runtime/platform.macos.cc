// Cores, and sleeping on a word, on macOS.
#include <sys/sysctl.h>
#include <unistd.h>

#include "runtime/cores.native.h"
#include "runtime/platform.h"

// What libc++ itself sleeps on; public since macOS 14.4 under other names.
extern "C" int __ulock_wait(uint32_t operation, void* address, uint64_t value, uint32_t microseconds);
extern "C" int __ulock_wake(uint32_t operation, void* address, uint64_t value);

static const uint32_t COMPARE_AND_WAIT = 1, WAKE_ALL = 0x100;
static const int64_t LONGEST = 1000 * 1000;  // microseconds of one wait; it may end early

void sleepWhileEqual(uint32_t* word, uint32_t value, int64_t timeout) {
  int64_t microseconds = timeout < 0 ? 0 : timeout / 1000 + 1;  // 0: no limit
  __ulock_wait(COMPARE_AND_WAIT, word, value, (uint32_t)(microseconds < LONGEST ? microseconds : LONGEST));
}

void wakeSleepers(uint32_t* word) { __ulock_wake(COMPARE_AND_WAIT | WAKE_ALL, word, 0); }

// The system places threads by itself.
int32_t currentCore() { return -1; }
void leaveCores(const int32_t*, int32_t) {}

int32_t countAllowedCores() {
  long count = sysconf(_SC_NPROCESSORS_ONLN);
  return count > 0 ? (int32_t)count : 1;
}

static int32_t numberOf(const char* name) {
  int32_t number = 0;
  size_t size = sizeof number;
  return sysctlbyname(name, &number, &size, nullptr, 0) == 0 && size == sizeof number ? number : 0;
}

// Fast cores only where there are two kinds: a step's chunks are dealt out evenly and wait for the slowest.
int32_t usefulThreads() {
  int32_t fast = numberOf("hw.perflevel0.physicalcpu");
  int32_t cores = fast > 0 ? fast : numberOf("hw.physicalcpu");
  return cores > 0 ? cores : countAllowedCores();
}
