// The engine: one per process, shared by all of Node's threads. It owns the team, the arena and the loaded programs,
// and lets one run happen at a time, in the order in which they were asked for.
#pragma once
#include "runtime/executable.h"

struct Job {
  Job* next;
  uint64_t ticket;
  Executable* program;
  uint8_t** bindings;
  RunOptions options;
  RunResult result;
  void (*whenDone)(Job*);  // on the engine thread; owns the job from then on
  const void* owner;
  bool isDropped;
};

// False with a message when the machine has no fitting kernels or no memory. Cheap after the first call.
bool startEngine(Message* message);

// ---- Programs. A handle is a positive number, valid for the owner (a Node environment) that loaded the program. -----
int32_t addProgram(Executable* program, const void* owner);  // 0: no room
Executable* findProgram(int32_t handle, const void* owner);  // null: no such program; good until the owner removes it
bool removeProgram(int32_t handle, const void* owner);       // its queued runs still take place

// ---- Runs --------------------------------------------------------------------------------------------------------
// Queues a job behind everything asked for before. False when the system refuses the engine's thread.
bool submitJob(Job* job);
RunResult runNow(Executable* program, uint8_t* const* bindings, RunOptions* options);
// Calls `work` with the engine at rest (to change it, or to use its team).
void withEngine(void (*work)(void*), void* argument);
// Ends the owner's running job early, skips its queued ones, waits until none is left, and removes its programs.
void forgetOwner(const void* owner);

// ---- Settings, used inside of withEngine -------------------------------------------------------------------------
bool setThreads(int32_t count);
Team* engineTeam();
const KernelTable* engineKernels();
void setKernels(const KernelTable* table);
int64_t engineArenaBytes();
