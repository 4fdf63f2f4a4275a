// What the runtime asks of Windows: time, cores, sleeping on a word, threads and memory.
#include "runtime/platform.h"

#define WIN32_LEAN_AND_MEAN
#include <windows.h>
#include <malloc.h>
#include <string.h>

#include "runtime/cores.native.h"
#include "runtime/parallel.native.h"

uint64_t nanoseconds() {
  LARGE_INTEGER frequency, now;
  QueryPerformanceFrequency(&frequency);
  QueryPerformanceCounter(&now);
  uint64_t each = (uint64_t)frequency.QuadPart, ticks = (uint64_t)now.QuadPart;
  return ticks / each * 1000000000u + ticks % each * 1000000000u / each;
}

void yieldCore(int32_t) { SwitchToThread(); }

void sleepWhileEqual(uint32_t* word, uint32_t value, int64_t timeout) {
  const int64_t longest = 1000 * 1000;  // milliseconds of one wait; it may end early
  int64_t milliseconds = timeout / 1000000 + 1;
  DWORD limit = timeout < 0 ? INFINITE : (DWORD)(milliseconds < longest ? milliseconds : longest);
  WaitOnAddress(word, &value, sizeof value, limit);
}

void wakeSleepers(uint32_t* word) { WakeByAddressAll(word); }

// ---- Cores: those of the process's group, at most 64 ----------------------------------------------------------------

int32_t currentCore() { return (int32_t)GetCurrentProcessorNumber(); }

static DWORD_PTR allowedCores() {
  DWORD_PTR ofProcess = 0, ofSystem = 0;
  return GetProcessAffinityMask(GetCurrentProcess(), &ofProcess, &ofSystem) && ofProcess ? ofProcess : 1;
}

int32_t countAllowedCores() { return (int32_t)__builtin_popcountll(allowedCores()); }

void leaveCores(const int32_t* cores, int32_t count) {
  DWORD_PTR rest = allowedCores();
  for (int32_t i = 0; i < count; i++) {
    if (cores[i] >= 0 && cores[i] < 64) rest &= ~((DWORD_PTR)1 << cores[i]);
  }
  if (rest) SetThreadAffinityMask(GetCurrentThread(), rest);
}

// Hyperthreads share the vector units: a second thread on a core adds nothing to a GEMM.
int32_t usefulThreads() {
  static SYSTEM_LOGICAL_PROCESSOR_INFORMATION records[1024];  // called once, before any thread starts
  DWORD size = sizeof records;
  if (!GetLogicalProcessorInformation(records, &size)) return countAllowedCores();
  int32_t count = 0;
  for (DWORD i = 0; i < size / sizeof records[0]; i++) {
    count += records[i].Relationship == RelationProcessorCore && (records[i].ProcessorMask & allowedCores()) != 0;
  }
  return count > 0 ? count : countAllowedCores();
}

// ---- Threads --------------------------------------------------------------------------------------------------------

// Kernels keep their blocks in Thread::scratch; the stack needs little.
static const SIZE_T STACK_BYTES = 512 << 10;

struct ThreadStart {
  void* (*body)(void*);
  void* argument;
};

static DWORD WINAPI runThread(void* argument) {
  ThreadStart start = *(ThreadStart*)argument;
  freeRecord(argument);
  start.body(start.argument);
  return 0;
}

// Node unloads an addon with the last worker that uses it, while pool threads still run in it: it stays, once they have
// started.
static void stayLoaded() {
  HMODULE self;
  const DWORD how = GET_MODULE_HANDLE_EX_FLAG_FROM_ADDRESS | GET_MODULE_HANDLE_EX_FLAG_PIN;
  GetModuleHandleExA(how, (LPCSTR)&runThread, &self);
}

bool startThread(void* (*body)(void*), void* argument, uint64_t* id) {
  ThreadStart* start = (ThreadStart*)allocateRecord(sizeof(ThreadStart), 16);
  if (!start) return false;
  stayLoaded();
  *start = {body, argument};
  HANDLE thread = CreateThread(nullptr, STACK_BYTES, runThread, start, STACK_SIZE_PARAM_IS_A_RESERVATION, nullptr);
  if (thread) *id = (uint64_t)(uintptr_t)thread;
  if (!thread) freeRecord(start);
  return thread != nullptr;
}

void joinThread(uint64_t id) {
  HANDLE thread = (HANDLE)(uintptr_t)id;
  WaitForSingleObject(thread, INFINITE);
  CloseHandle(thread);
}

// ---- Memory ---------------------------------------------------------------------------------------------------------

void* allocateRecord(size_t bytes, size_t alignment) {
  void* record = _aligned_malloc(bytes ? bytes : 1, alignment < sizeof(void*) ? sizeof(void*) : alignment);
  if (record) memset(record, 0, bytes);
  return record;
}

void freeRecord(void* record) { _aligned_free(record); }

// Large pages need a privilege that few accounts have, so none are asked for.
static const uintptr_t ALIGNMENT = 2 << 20;

// Reserves room to cut out an aligned piece, and commits that.
uint8_t* reserveMemory(int64_t bytes) {
  SIZE_T size = bytes > 0 ? (SIZE_T)bytes : 1;
  uint8_t* reserved = (uint8_t*)VirtualAlloc(nullptr, size + ALIGNMENT, MEM_RESERVE, PAGE_READWRITE);
  if (!reserved) return nullptr;
  uint8_t* memory = (uint8_t*)(((uintptr_t)reserved + ALIGNMENT - 1) & ~(ALIGNMENT - 1));
  if (!VirtualAlloc(memory, size, MEM_COMMIT, PAGE_READWRITE)) {
    VirtualFree(reserved, 0, MEM_RELEASE);
    return nullptr;
  }
  for (int64_t at = 0; at < bytes; at += 4096) ((volatile uint8_t*)memory)[at] = 0;
  return memory;
}

void returnMemory(uint8_t* memory, int64_t) {
  MEMORY_BASIC_INFORMATION information;
  if (VirtualQuery(memory, &information, sizeof information)) VirtualFree(information.AllocationBase, 0, MEM_RELEASE);
}
