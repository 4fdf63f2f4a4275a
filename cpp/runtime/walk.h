// Shared by run.cc, which sets a run up, and walk.cc, in which the members walk through it.
#pragma once
#include "runtime/executable.h"
#include "runtime/profile.h"

struct Run {
  Executable* program;
  const RunOptions* options;
  uint64_t deadline;    // nanoseconds, 0: none
  int64_t steps;        // iterations of this segment at most
  int32_t resume;
  uint64_t began;       // of this segment
  uint64_t since;       // from when on this segment counts for the current window
  uint64_t soloUntil;   // clock at which a segment of member 0 alone ends, 0: none
  bool isSegmentEnd;    // the segment ended because the team changes, not the run
  int64_t stopAfter;    // iteration, written by the leader before it reaches that iteration's last barrier
  int64_t iterations;   // completed; of the leader, like what follows
  bool isComplete;      // the last iteration has run to its end
  bool isStopped;
  int32_t yieldStep;    // −1
  Profile* profile;     // null: not measured
};


inline int32_t bytesOf(int32_t dtype) { return dtype == DT_F32 || dtype == DT_I32 ? 4 : 1; }
inline bool isFixed(const Operand* operand) { return operand->termCount == 0 && operand->extent < 0; }
inline bool isRaised(const int32_t* flag) { return flag && __atomic_load_n(flag, __ATOMIC_RELAXED) != 0; }

// Each member's work of a run; `run` is a Run.
void walkProgram(Member* member, void* run);

// So much of the current window went into waiting for members that do not run that others must have their cores.
inline bool isCrowded(const Run* run, const Team* team, uint64_t stalled) {
  uint64_t lost = 4 * (team->lost + stalled);
  return lost > CROWDING_WINDOW && lost > team->watched + nanoseconds() - run->since;
}
