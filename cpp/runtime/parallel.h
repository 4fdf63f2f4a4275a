// The team of threads that runs a program, and how its members wait for each other and share chunks.
//
// One fork per run: every member walks the whole step list (SPMD) and waits only where data cross. Measured on two cores
// (steps-and-rows notes): an empty fork-join with a spinning worker 0.1–0.3 µs; after the worker has slept in a futex
// 35–60 µs, and a member whose core another process has taken stays away for milliseconds. So nothing ever waits for a
// member that has nothing in hand:
//
// - Member 0, the caller, leads. It passes a barrier when each other member has arrived, or when all chunks since the
//   last barrier are claimed and nobody is at work on one. After half a microsecond of waiting, or at once for a member
//   that is not there, it claims what that member has left.
// - A member that comes late (it slept, or lost its core) finds that the leader is ahead, and jumps: the leader publishes
//   its position in the program at each barrier. Before it acts on a value in memory that could have changed since
//   (a predicate, an extent) it checks that the leader is still in the same interval.
// - Where all keep up, a barrier is one release store and one acquire load per member, counters that only grow.
// - Chunks: member t owns a contiguous share of a step's chunks, the same from run to run, so that weights stay in its
//   cache. It claims pieces of its share from a cursor on a line of its own, which travels between cores only when
//   somebody helps. Which member runs a chunk never changes a result.
// - Cursors carry the number of the claim round in their upper bits, so that they need no reset: an older round counts
//   as 0, a newer one as "nothing left". That holds because nobody gets RECENT rounds ahead of unclaimed chunks.
#pragma once
#include "kernels/kernel.h"
#include "runtime/platform.h"

static const int32_t MAX_THREADS = 64;
static const int32_t MAX_NESTING = 16;                     // nested bodies of a program
static const int32_t RECENT = 16;                          // rounds since the last barrier that may have chunks left
static const int32_t CLAIM_ROUNDS = 2 * RECENT;            // rounds kept apart
static const int32_t POSITION_BITS = 24;                   // of a cursor; the other 40 hold the round
static const int64_t MAX_CHUNKS = 1 << POSITION_BITS;
static const uint64_t LAST_ROUND = 1ull << 38;             // cursors are cleared between two runs after so many
static const int32_t SPINS_BEFORE_HELP = 24;               // pauses at a barrier, about half a microsecond
static const uint64_t SPIN_BEFORE_YIELD = 4000;            // nanoseconds at a barrier
static const uint64_t SPIN_BEFORE_SLEEP = 300 * 1000;      // nanoseconds between two runs

// A team that shares its cores with other processes waits for members that have lost theirs: with eleven barriers a step
// and both cores busy elsewhere, a step of 0.1 ms took 4 ms on two threads and 0.3 ms on one. So a team that spent more
// than a quarter of a window of 20 ms behind SPIN_BEFORE_YIELD goes on with member 0 alone for a while (same bits), then
// tries again; each failure doubles the while, each window without rivals halves it. A window is time that the whole team
// ran, over as many runs as it takes: a core that is gone for a millisecond now and then does not matter, whether runs
// are short or long. Only work in hand counts: a worker that has not woken up yet is not waited for.
static const uint64_t CROWDING_WINDOW = 20ull * 1000 * 1000;
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

// Where a member is in a program, right behind a barrier: all that a latecomer needs to go on from there.
struct Frame {
  int32_t step, stage;  // the loop or cond, and which of its bodies
  int64_t count;        // completed iterations
};
struct Position {
  uint64_t passed, round;
  int64_t iteration;
  int32_t step, phase;      // step END_OF_RUN: there is nothing to do any more
  int32_t depth, commits;   // frames; 1 where a donated buffer may be written in this iteration
  Frame frames[MAX_NESTING];
};
static const int32_t END_OF_RUN = -1;
static const int32_t POSITION_WORDS = sizeof(Position) / 8;

struct Team;

// A phase of a step whose chunks were shared out since the last barrier.
struct SharedPhase {
  const Kernel* kernel;
  StepArgs args;
  int64_t chunks;
  uint64_t round;
  int32_t phase, step;
  int32_t firstOwner;  // who owns the first share
};

// A member of the team during one run; lives on the member's stack.
struct Member {
  Team* team;
  int32_t index;
  int32_t size;      // members of this run: 1 when the program is not worth a fork
  uint64_t passed;   // barriers passed, the same number in every member that keeps up
  uint64_t round;    // claim rounds begun, likewise
  uint64_t stalled;  // nanoseconds of this run spent waiting for members that do not run
  int32_t recentCount;
  Thread thread;     // what the kernels see
  SharedPhase recent[RECENT];
};

struct alignas(128) Seat {
  uint64_t arrived;    // the last barrier this member has reached
  uint32_t isActive;   // the member may be looking at the run: nothing of it may change or go away
  alignas(64) Status status;  // read by others at commit points only
  int32_t core;               // where the member was last seen running
  uint32_t joined;            // the last fork this member has seen
  uint8_t* scratch;
};

struct alignas(128) Cursor {
  uint64_t word;    // round · 2²⁴ + chunks of the share already claimed
  uint32_t isBusy;  // its owner is at work on it
  uint32_t guests;  // others at work on it; they sign in before they claim
};

typedef void (*TeamWork)(Member*, void* argument);

struct Team {
  alignas(128) uint32_t forks;  // number of forks; workers spin and sleep on it
  uint32_t open;                // the fork that members may join, 0: none
  TeamWork work;
  void* argument;
  uint64_t passed, round;       // where the next run starts counting
  uint64_t ended;               // nanoseconds, when the last shared run did
  alignas(128) uint32_t sleepers;
  int32_t size;
  uint64_t stalled;    // of member 0 in the last run
  uint64_t watched, lost;  // of the current window: nanoseconds so far, and those of them that member 0 stalled
  uint64_t soloUntil;  // clock until which runs are member 0's alone, 0: none
  uint64_t soloSpan;   // how long the last such while was
  int32_t broken;      // a worker trapped (WASM): every wait ends, the run fails
  bool spins;          // false where the team is larger than the set of allowed cores
  bool quit;
  // Barriers the leader has passed. On a line of its own: who keeps up looks at `arrived` only.
  alignas(128) uint64_t published;
  alignas(128) uint64_t positions[2][POSITION_WORDS];  // behind odd and even barriers in turn
  Seat seats[MAX_THREADS];
  Cursor cursors[CLAIM_ROUNDS][MAX_THREADS];
};

// Runs `work` on the caller, member 0, and on the others as far as they come in time; `size` is 1 or team->size. Its last
// chunks are done when this returns, and no member looks at the run any more. False when the team is broken.
// `start` is the position at which members join. Sleeping workers are woken where `isLong`: a wake-up costs the caller
// some microseconds, and a run that is over before they come gains nothing.
bool runTeam(Team* team, int32_t size, TeamWork work, void* argument, const Position* start, bool isLong);

// What a worker does: serves forks until the team quits.
void serveTeam(Team* team, int32_t index);

enum Crossing { CROSSED, BEHIND, BROKEN };

// A barrier. Everything that members wrote before is visible after. The leader publishes `position`, and fills in its
// counters. BEHIND: the leader is further ahead, `loadPosition` says where.
Crossing crossBarrier(Member* member, Position* position);
void loadPosition(Member* member, Position* position);

// A worker that ends a run on its own, not because the leader did, has done its share of the last chunks.
void arriveAtEnd(Member* member);

// What a member has read from memory since its last barrier holds: the leader has not gone on meanwhile.
bool isCurrent(const Member* member);

// The fault that counts for a member that has passed so many barriers, or null: the first interval between two barriers,
// then the smallest (step, index). With ALL_FAULTS: after the run.
const Status* firstFault(const Team* team, int32_t size, uint64_t passed);
static const uint64_t ALL_FAULTS = FAULT_FREE - 1;

// ---- chunks.cc ---------------------------------------------------------------------------------------------------

// Shares out the chunks of one phase and runs this member's share; `firstOwner` (any number) owns the first.
void runChunks(Member* member, const Kernel* kernel, const StepArgs* args, int32_t phase, int64_t chunks, int32_t firstOwner);

// Claims and runs whatever others have left since the last barrier.
void helpOthers(Member* member);
// After helpOthers: nobody is at work on chunks since the last barrier.
bool isQuiet(const Member* member);
// Until nobody else works on this member's shares.
void waitForGuests(Member* member);
void clearCursors(Team* team);
