// The team of threads that runs a program, and how its members wait for each other and share chunks.
//
// One fork per native call: every member walks the whole step list (SPMD) and waits only where data cross. Measured
// on two cores (steps-and-rows notes): an empty fork-join with a spinning worker 0.1–0.3 µs; after the worker has slept
// in a futex 35–60 µs. So a worker sleeps only between calls, after SPIN_BEFORE_SLEEP.
//
// - Barrier: each member counts its arrivals on a cache line of its own (release store, acquire loads; never reset).
// - Chunks: member t owns a contiguous share of a step's chunks, the same from run to run, so that weights stay in its
//   cache. It claims pieces of its share one after the other from a cursor on a line of its own. Only a member that has
//   waited at a barrier for a while looks at the others' cursors and takes over what is left there: a member that lost
//   its core stalls nobody, and in the balanced case no cursor line ever travels between cores. Which member runs a
//   chunk never changes a result.
// - Cursors carry the number of the claim round in their upper bits, so that they need no reset: an older round counts
//   as 0, a newer one as "nothing left". That holds because nobody gets RECENT rounds ahead of unclaimed chunks.
#pragma once
#include "kernels/kernel.h"
#include "runtime/platform.h"

static const int32_t MAX_THREADS = 64;
static const int32_t RECENT = 8;                           // rounds since the last barrier that may have chunks left
static const int32_t CLAIM_ROUNDS = 2 * RECENT;            // rounds kept apart
static const int32_t POSITION_BITS = 24;                   // of a cursor; the other 40 hold the round
static const int64_t MAX_CHUNKS = 1 << POSITION_BITS;
static const uint64_t LAST_ROUND = 1ull << 38;             // cursors are cleared between two runs after so many
static const int32_t SPINS_BEFORE_HELP = 24;                // pauses at a barrier, about half a microsecond
static const uint64_t SPIN_BEFORE_YIELD = 4000;            // nanoseconds at a barrier
static const uint64_t SPIN_BEFORE_SLEEP = 300 * 1000;      // nanoseconds between two calls
// A team that shares its cores with other processes waits for members that have lost theirs: with eleven barriers a step
// and both cores busy elsewhere, a step of 0.1 ms took 4 ms on two threads and 0.3 ms on one. So a run that spent more
// than a quarter of its time, and more than a millisecond, behind SPIN_BEFORE_YIELD goes on with member 0 alone for a
// while (same bits), then tries again; each failure doubles the while. Waking a worker can take milliseconds on an idle
// machine too, so waits for one that has not joined yet count only when they happen SLOW_JOINS times in a row.
static const uint64_t CROWDED_STALL = 1000 * 1000;
static const int32_t SLOW_JOINS = 4;
static const uint64_t SOLO_LEAST = 50ull * 1000 * 1000, SOLO_MOST = 1600ull * 1000 * 1000;

// First fault of one member. `visible` is the number of the barrier after which others may look at it; a later fault of
// the same run never replaces an earlier one, so a reader that has passed that barrier reads a stable record, and
// members that are ahead cannot change the decision of one that is behind.
struct Status {
  uint64_t visible;  // FAULT_FREE: none
  int64_t index;
  int32_t code, step, value;
};
static const uint64_t FAULT_FREE = ~0ull;

struct Team;

// A phase of a step whose chunks were shared out since the last barrier.
struct SharedPhase {
  const Kernel* kernel;
  StepArgs args;
  int64_t chunks;
  uint64_t round;
  int32_t phase, step;
};

// A member of the team during one run; lives on the member's stack.
struct Member {
  Team* team;
  int32_t index;
  int32_t size;      // members of this run: 1 when the program is not worth a fork
  uint64_t passed;   // barriers passed, the same number in every member
  uint64_t round;    // claim rounds begun, the same number in every member
  uint64_t stalled;  // nanoseconds of this run spent waiting for members that do not run
  uint64_t waking;   // the same for members that have not joined yet
  int32_t recentCount;
  Thread thread;     // what the kernels see
  SharedPhase recent[RECENT];
};

struct alignas(128) Seat {
  uint64_t arrived;           // barriers this member has reached
  alignas(64) Status status;  // read by others at commit points only
  int32_t core;               // where the member was last seen running
  uint32_t joined;            // the last fork this member has seen
  alignas(64) uint8_t* scratch;
};

struct alignas(128) Cursor {
  uint64_t word;    // round · 2²⁴ + chunks of the share already claimed
  uint32_t guests;  // other members at work on chunks of this share: its owner waits for them before a barrier
};

typedef void (*TeamWork)(Member*, void* argument);

struct Team {
  alignas(128) uint32_t forks;  // number of forks; workers spin and sleep on it
  TeamWork work;
  void* argument;
  uint64_t passed, round;  // where the members start counting
  alignas(128) uint32_t sleepers;
  int32_t size;
  uint64_t stalled;    // of member 0 in the last run
  int32_t slowJoins;   // runs in a row that waited long for a worker to join
  uint64_t soloUntil;  // clock until which runs are member 0's alone, 0: none
  uint64_t soloSpan;   // how long the last such while was
  int32_t broken;      // a worker trapped (WASM): every wait ends, the run fails
  bool spins;          // false where the team is larger than the set of allowed cores
  bool quit;
  Seat seats[MAX_THREADS];
  Cursor cursors[CLAIM_ROUNDS][MAX_THREADS];
};

// Runs `work` on the first `size` … all members: `size` is 1 or team->size. The caller is member 0.
// False when the team is broken.
bool runTeam(Team* team, int32_t size, TeamWork work, void* argument);

// What a worker does: serves forks until the team quits.
void serveTeam(Team* team, int32_t index);

// Waits for all members; everything they wrote before is visible after. False when the team is broken.
bool waitForMembers(Member* member);

// Runs the chunks of one phase together with the other members.
void runChunks(Member* member, const Kernel* kernel, const StepArgs* args, int32_t phase, int64_t chunks);

// The fault that counts for a member that has passed so many barriers, or null: the first interval between two barriers,
// then the smallest (step, index). With ALL_FAULTS: after the run.
const Status* firstFault(const Team* team, int32_t size, uint64_t passed);
static const uint64_t ALL_FAULTS = FAULT_FREE - 1;
