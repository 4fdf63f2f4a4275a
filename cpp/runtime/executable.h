// A loaded program, and the two functions around it: load (program.cc parses and verifies, prepare.cc asks the kernels
// for their plans) and run (run.cc). Everything that does not depend on addresses is worked out once, at load.
#pragma once
#include "kernels/kernel.h"
#include "runtime/message.h"
#include "runtime/parallel.h"
#include "runtime/program.h"

static const int32_t MAX_LEVELS = 4;     // nested scans and whiles
static const int32_t MAX_PHASES = 64;

// Memory shared by all programs of a device; programs run one at a time.
struct Arena {
  uint8_t* memory;
  int64_t bytes;
};

struct LoopTerm {
  int32_t level, phase;
  int64_t stride, parity;  // elements
};

struct Operand {
  int32_t buffer, dtype, rank, dynamicAxis, extent, isPacked, termCount;
  int64_t offset;  // elements
  int64_t dims[MAX_RANK];
  int64_t strides[MAX_RANK];
  LoopTerm terms[MAX_LEVELS];
};

struct Buffer {
  bool isBound;
  int64_t place;  // bytes into the arena, or the binding slot
};

// A step in the flat list: bodies follow their step, `end` is the index behind them.
struct Step {
  int32_t kind, flags, end;
  // kernel
  const Kernel* kernel;
  StepArgs args;              // views without loop terms and extents are final during a run
  const int32_t* operands;    // numbers of the operands behind args.views
  int32_t memberViews;        // first of the step's views in a member's copy, −1: the shared views serve all
  bool hasExtent;             // phases and chunks are asked for each time the step runs
  int32_t phases;
  const int64_t* chunks;      // per phase
  bool isLone;                // never more than one chunk, and left to the leader
  int32_t firstOwner;         // of its chunks, modulo the members
  bool opensShared;           // before the next barrier flag members other than 0 work or read
  int64_t scratchOffset;
  // control
  int32_t level, length, isReversed, predicate, split, hostCall;  // split: where the else or the loop body starts
};

struct Executable {
  int32_t* words;
  Buffer* buffers;
  Operand* operands;
  Step* steps;
  int32_t* viewOperands;
  View* views;
  int64_t* chunks;
  uint8_t* plans;
  int32_t bufferCount, operandCount, stepCount, viewCount, memberViewCount, bindingCount;
  int64_t arenaBytes, scratchBytes;  // of the shared arena: buffers first, then the scratch of steps
  int64_t duration;                  // nanoseconds of an iteration when it last ran with the team; 0: never
  bool isParallel;                   // some step has more than one chunk: worth a fork
  bool hasYield;                     // keeps its arena across calls, so it owns one
  // Addresses, valid for the last run's `bindings` and `arena`.
  uint8_t** bindings;
  uint8_t** bases;  // per buffer
  uint8_t* arena;
  Arena ownArena;
  bool isResolved;
  int32_t holds;      // of the engine: 1 for the handle, 1 per queued run
  View* memberViews;  // one copy per member of the views that change while a program runs
  int32_t memberCount;
};

// Null when the words are no valid program; the message then says why. Never crashes on any words.
Executable* loadProgram(const int32_t* words, int64_t count, const KernelTable* table, Message* message);
void unloadProgram(Executable* program);
inline int64_t arenaNeed(const Executable* program) { return program->arenaBytes + program->scratchBytes; }

// prepare.cc: plans, phases, chunks and scratch of all kernel steps.
bool prepareProgram(Executable* program, Message* message);

struct RunOptions {
  int64_t steps;            // iterations wanted
  int32_t resume;           // 0, or the resume position of an earlier result
  double budget;            // milliseconds; ≤ 0: none
  const int32_t* stop;      // polled between iterations; may be null
  const int32_t* abort;     // the same, for the owner of the engine
  double* profile;          // where the time of each step is written (profile.h); null: it is not measured
  int64_t profileLength;    // doubles
};

struct RunResult {
  int64_t iterations;       // completed
  int32_t fault, step;      // FAULT_NONE or the first fault
  int64_t index;
  int32_t value;
  int32_t yield, resume;    // host call number or −1
  bool isStopped;
  const char* error;        // null; else the run could not take place
};

// The result as JavaScript reads it; the places are named in src/backends/cpu/addon.ts.
static const int32_t RESULT_WORDS = 9;
inline void writeResult(const RunResult* result, int32_t* words) {
  words[0] = (int32_t)result->iterations;
  words[1] = result->fault;
  words[2] = result->step;
  words[3] = (int32_t)result->index;
  words[4] = (int32_t)(result->index >> 32);
  words[5] = result->value;
  words[6] = result->yield;
  words[7] = result->resume;
  words[8] = result->isStopped;
}

// One run call. `bindings` holds an address per binding slot.
RunResult runProgram(Executable* program, Team* team, Arena* arena, uint8_t* const* bindings, const RunOptions* options);
