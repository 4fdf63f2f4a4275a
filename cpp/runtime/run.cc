// Runs a loaded program: every member of the team walks the whole step list, shares the chunks of each step with the
// others and waits only where data cross (flag 1), between the phases of a step and between iterations. A barrier that
// stands between two stretches of work that member 0 does alone is left out: in a recurrence of tiny steps they would
// cost more than the work.
//
// All members take every decision alike: predicates and extents are read after a barrier and not written before the
// next one, faults carry the number of the barrier that made them visible, and only member 0 looks at the clock and
// the stop flag, publishing "stop after iteration i", which says the same to a member however late it reads it.
#include "runtime/executable.h"

struct Run {
  Executable* program;
  const RunOptions* options;
  uint64_t deadline;    // nanoseconds, 0: none
  int64_t steps;        // iterations of this segment at most
  int32_t resume;
  uint64_t began;       // of this segment
  uint64_t soloUntil;   // clock at which a segment of member 0 alone ends, 0: none
  bool isSegmentEnd;    // the segment ended because the team changes, not the run
  int64_t stopAfter;    // iteration, written by member 0 before it reaches that iteration's last barrier
  int64_t iterations;   // completed; of member 0
  bool isComplete;      // the last iteration has run to its end; of member 0
  bool isStopped;
  int32_t yieldStep;    // −1
};

struct Walker {
  Member* member;
  Run* run;
  Executable* program;
  View* views;                    // this member's copy of the views that change
  int64_t index[MAX_LEVELS];      // t of the loops around the current step
  int64_t done[MAX_LEVELS];       // their completed iterations
  bool hasCommitted;
  bool hasWorked, hasShared;      // since the last barrier: any work at all, work of several members
};

static int32_t bytesOf(int32_t dtype) { return dtype == DT_F32 || dtype == DT_I32 ? 4 : 1; }

// ---- Addresses -------------------------------------------------------------------------------------------------

static bool isFixed(const Operand* operand) { return operand->termCount == 0 && operand->extent < 0; }

static int64_t offsetOf(const Walker* w, const Operand* operand) {
  int64_t offset = operand->offset;
  for (int32_t i = 0; i < operand->termCount; i++) {
    const LoopTerm* term = &operand->terms[i];
    offset += w->index[term->level] * term->stride + ((w->done[term->level] + term->phase) & 1) * term->parity;
  }
  return offset;
}

static int32_t readScalar(const Walker* w, int32_t number) {
  const Operand* operand = &w->program->operands[number];
  const uint8_t* data = w->program->bases[operand->buffer] + offsetOf(w, operand) * bytesOf(operand->dtype);
  return operand->dtype == DT_I32 ? *(const int32_t*)data : *data;
}

// The step's operands at this moment: the shared ones, or this member's copy with the changing ones renewed.
static const StepArgs* resolve(Walker* w, const Step* step, StepArgs* copy) {
  if (step->memberViews < 0) return &step->args;
  const Executable* program = w->program;
  View* views = w->views + step->memberViews;
  for (int32_t i = 0; i < step->args.viewCount; i++) {
    const Operand* operand = &program->operands[step->operands[i]];
    if (isFixed(operand)) continue;
    int64_t offset = offsetOf(w, operand);
    if (operand->buffer < 0) {
      views[i].offset = offset;
    } else {
      views[i].data = program->bases[operand->buffer] + offset * bytesOf(operand->dtype);
    }
    if (operand->extent < 0) continue;
    int64_t length = readScalar(w, operand->extent);
    int64_t bound = operand->dims[operand->dynamicAxis];
    views[i].dims[operand->dynamicAxis] = length < 0 ? 0 : length < bound ? length : bound;
  }
  *copy = step->args;
  copy->views = views;
  return copy;
}

static void place(const Executable* program, View* view, int32_t number) {
  const Operand* operand = &program->operands[number];
  if (operand->buffer < 0 || !isFixed(operand)) return;
  view->data = program->bases[operand->buffer] + operand->offset * bytesOf(operand->dtype);
}

static bool copyMemberViews(Executable* program, int32_t members) {
  if (program->memberCount == members || program->memberViewCount == 0) return true;
  freeRecord(program->memberViews);
  program->memberCount = 0;
  size_t bytes = (size_t)members * program->memberViewCount * sizeof(View);
  program->memberViews = (View*)allocateRecord(bytes, 64);
  if (!program->memberViews) return false;
  program->memberCount = members;
  program->isResolved = false;
  return true;
}

// Addresses of everything that stays where it is during the call. Skipped when nothing has moved since the last one.
static bool resolveProgram(Executable* program, uint8_t* arena, uint8_t* const* bindings, int32_t members) {
  if (!copyMemberViews(program, members)) return false;
  bool isSame = program->isResolved && program->arena == arena;
  for (int32_t i = 0; i < program->bindingCount; i++) {
    isSame &= program->bindings[i] == bindings[i];
    program->bindings[i] = bindings[i];
  }
  if (isSame) return true;
  program->arena = arena;
  for (int32_t i = 0; i < program->bufferCount; i++) {
    const Buffer* buffer = &program->buffers[i];
    program->bases[i] = buffer->isBound ? bindings[buffer->place] : arena + buffer->place;
  }
  for (int32_t i = 0; i < program->viewCount; i++) place(program, &program->views[i], program->viewOperands[i]);
  for (int32_t i = 0; i < program->stepCount; i++) {
    Step* step = &program->steps[i];
    if (step->kind != STEP_KERNEL) continue;
    step->args.scratch = arena + step->scratchOffset;
    if (step->memberViews < 0) continue;
    for (int32_t m = 0; m < members; m++) {
      View* copies = program->memberViews + (int64_t)m * program->memberViewCount + step->memberViews;
      for (int32_t v = 0; v < step->args.viewCount; v++) copies[v] = step->args.views[v];
    }
  }
  program->isResolved = true;
  return true;
}

// ---- Steps -----------------------------------------------------------------------------------------------------

static bool walk(Walker* w, int32_t first, int32_t end);

static bool wait(Walker* w) {
  w->hasWorked = w->hasShared = false;
  return waitForMembers(w->member);
}

// Waits where the step asks for it and others could be concerned. False when the run ends here: a fault was reported
// before the first write to a donated buffer, or the team is broken.
static bool enter(Walker* w, const Step* step) {
  bool commits = (step->flags & FLAG_COMMIT) && !w->hasCommitted;
  bool isConcerned = w->hasShared || (w->hasWorked && (step->opensShared || commits));
  if (isConcerned && (commits || (step->flags & FLAG_BARRIER)) && !wait(w)) return false;
  if (!commits) return true;
  w->hasCommitted = true;
  const Member* member = w->member;
  return !firstFault(member->team, member->size, member->passed);
}

static bool runPhases(Walker* w, const Step* step, const StepArgs* args, bool isMine) {
  Member* member = w->member;
  const Kernel* kernel = step->kernel;
  int32_t phases = step->phases;
  if (step->hasExtent && kernel->phases) phases = kernel->phases(args);
  for (int32_t phase = 0; phase < phases; phase++) {
    if (phase > 0 && !step->isSingle && !waitForMembers(member)) return false;
    int64_t chunks = step->chunks[phase];
    if (step->hasExtent) chunks = kernel->chunks ? kernel->chunks(args, phase) : 1;
    if (chunks > 1) {
      runChunks(member, kernel, args, phase, chunks);
    } else if (chunks == 1 && isMine) {
      kernel->run(args, phase, 0, 1, &member->thread);
    }
  }
  return true;
}

static bool runKernel(Walker* w, const Step* step, int32_t number) {
  Member* member = w->member;
  w->hasWorked = true;
  w->hasShared |= !step->isSingle || step->single > 0;
  bool isMine = step->single == 0 ? member->index == 0 : member->index == step->single % member->size;
  if (step->isSingle && !isMine) return true;
  StepArgs copy;
  const StepArgs* args = resolve(w, step, &copy);
  member->thread.step = number;
  return runPhases(w, step, args, isMine);
}

static bool runScan(Walker* w, const Step* step, int32_t number) {
  int32_t level = step->level;
  for (int64_t i = 0; i < step->length; i++) {
    w->done[level] = i;
    w->index[level] = step->isReversed ? step->length - 1 - i : i;
    if (!walk(w, number + 1, step->end)) return false;
  }
  return true;
}

// Every member reads a predicate, so the next barrier concerns all: else member 0, alone in what follows, could write it
// before a slower one has read it.
static bool readPredicate(Walker* w, const Step* step) {
  w->hasWorked = w->hasShared = true;
  return readScalar(w, step->predicate) != 0;
}

static bool runWhile(Walker* w, const Step* step, int32_t number) {
  int32_t level = step->level;
  for (int64_t i = 0; step->length < 0 || i < step->length; i++) {
    w->done[level] = w->index[level] = i;
    if (!walk(w, number + 1, step->split)) return false;
    if (w->hasWorked && !wait(w)) return false;
    if (!readPredicate(w, step)) return true;
    if (!walk(w, step->split, step->end)) return false;
  }
  return true;
}

static bool runCond(Walker* w, const Step* step, int32_t number) {
  if (readPredicate(w, step)) return walk(w, number + 1, step->split);
  return walk(w, step->split, step->end);
}

// False when the run ends inside.
static bool walk(Walker* w, int32_t first, int32_t end) {
  const Step* steps = w->program->steps;
  for (int32_t i = first; i < end; i = steps[i].end) {
    const Step* step = &steps[i];
    if (!enter(w, step)) return false;
    bool goesOn = true;
    switch (step->kind) {
      case STEP_KERNEL:
        goesOn = runKernel(w, step, i);
        break;
      case STEP_SCAN:
        goesOn = runScan(w, step, i);
        break;
      case STEP_COND:
        goesOn = runCond(w, step, i);
        break;
      case STEP_WHILE:
        goesOn = runWhile(w, step, i);
        break;
      case STEP_YIELD:
        if (w->member->index == 0) w->run->yieldStep = i;
        return false;
    }
    if (!goesOn) return false;
  }
  return true;
}

// ---- Iterations ------------------------------------------------------------------------------------------------

static bool isRaised(const int32_t* flag) { return flag && __atomic_load_n(flag, __ATOMIC_RELAXED) != 0; }

static bool isCrowded(uint64_t stalled, uint64_t began) {
  return stalled > CROWDED_STALL && stalled > (nanoseconds() - began) / 4;
}

// Asked by member 0 only.
static bool mustStop(Run* run, const Member* member) {
  run->isStopped = isRaised(run->options->stop) || isRaised(run->options->abort);
  if (run->isStopped || (run->deadline && nanoseconds() >= run->deadline)) return true;
  run->isSegmentEnd = member->size > 1 ? isCrowded(member->stalled, run->began)
                                       : run->soloUntil && nanoseconds() >= run->soloUntil;
  return run->isSegmentEnd;
}

static void walkIterations(Member* member, void* argument) {
  Run* run = (Run*)argument;
  Executable* program = run->program;
  Walker w = {};
  w.member = member;
  w.run = run;
  w.program = program;
  w.views = program->memberViews + (int64_t)member->index * program->memberViewCount;
  bool isFirst = member->index == 0;
  int64_t steps = run->steps;
  for (int64_t i = 0; i < steps; i++) {
    w.hasCommitted = false;
    if (!walk(&w, i == 0 ? run->resume : 0, program->stepCount)) return;
    if (i + 1 == steps) break;  // the join is the last barrier
    if (isFirst && mustStop(run, member)) __atomic_store_n(&run->stopAfter, i, __ATOMIC_RELAXED);
    if (!wait(&w)) return;
    if (firstFault(member->team, member->size, member->passed)) return;
    if (__atomic_load_n(&run->stopAfter, __ATOMIC_RELAXED) <= i) break;
    if (isFirst) run->iterations++;
  }
  if (isFirst) run->isComplete = true;
}

static bool growArena(Arena* arena, int64_t bytes) {
  if (arena->bytes >= bytes) return true;
  if (arena->memory) returnMemory(arena->memory, arena->bytes);
  arena->memory = reserveMemory(bytes);
  arena->bytes = arena->memory ? bytes : 0;
  return arena->memory != nullptr;
}

static RunResult refused(const char* error) {
  RunResult result = {};
  result.yield = -1;
  result.error = error;
  return result;
}

// Sets up the rest of a run. Returns how many members take part.
static int32_t nextSegment(Run* run, Team* team, int64_t iterations) {
  run->began = nanoseconds();
  run->steps = run->options->steps - iterations;
  run->resume = iterations == 0 ? run->options->resume : 0;
  run->stopAfter = INT64_MAX;
  run->iterations = 0;
  run->isComplete = run->isSegmentEnd = false;
  bool isSolo = team->soloUntil > run->began;
  run->soloUntil = isSolo ? team->soloUntil : 0;
  return run->program->isParallel && !isSolo ? team->size : 1;
}

// After a run of the whole team: whether the next ones are member 0's alone, and for how long.
static void noteCrowding(Team* team, uint64_t began) {
  uint64_t now = nanoseconds();
  if (isCrowded(team->stalled, began)) {
    team->soloSpan = team->soloSpan == 0 ? SOLO_LEAST : team->soloSpan * 2;
    if (team->soloSpan > SOLO_MOST) team->soloSpan = SOLO_MOST;
    team->soloUntil = now + team->soloSpan;
  } else if (now - began > SOLO_LEAST / 10) {
    team->soloSpan = 0;  // a while without rivals
  }
}

RunResult runProgram(Executable* program, Team* team, Arena* arena, uint8_t* const* bindings, const RunOptions* options) {
  int32_t resume = options->resume;
  bool isPosition = resume == 0 || (resume > 0 && resume <= program->stepCount &&
                                    program->steps[resume - 1].kind == STEP_YIELD);
  if (!isPosition) return refused("the resume position is none that this program returned");
  Arena* home = program->hasYield ? &program->ownArena : arena;
  if (!growArena(home, arenaNeed(program))) return refused("no memory for the program's arena");
  if (!resolveProgram(program, home->memory, bindings, team->size)) return refused("no memory to run the program");

  Run run = {};
  run.program = program;
  run.options = options;
  bool hasBudget = options->budget > 0 && options->budget < 1e12;
  run.deadline = hasBudget ? nanoseconds() + (uint64_t)(options->budget * 1e6) : 0;
  run.yieldStep = -1;
  RunResult result = {};
  result.yield = -1;
  if (options->steps <= 0) return result;
  // A stop before the first step leaves nothing undone; one that comes during a yield lets the iteration end.
  if (resume == 0 && (isRaised(options->stop) || isRaised(options->abort))) {
    result.isStopped = true;
    return result;
  }
  // Usually one segment; more where the team shrinks to its first member and grows again.
  int32_t size;
  do {
    size = nextSegment(&run, team, result.iterations);
    if (!runTeam(team, size, walkIterations, &run)) return refused("a thread of the pool has trapped");
    result.iterations += run.iterations;
    if (size > 1) noteCrowding(team, run.began);
    if (!run.isSegmentEnd || !run.isComplete) break;
    if (firstFault(team, size, ALL_FAULTS)) break;
    result.iterations++;
  } while (true);

  result.isStopped = run.isStopped;
  if (const Status* fault = firstFault(team, size, ALL_FAULTS)) {
    result.fault = fault->code;
    result.step = fault->step;
    result.index = fault->index;
    result.value = fault->value;
  } else if (run.yieldStep >= 0) {
    result.yield = program->steps[run.yieldStep].hostCall;
    result.resume = run.yieldStep + 1;
  } else if (run.isComplete) {
    result.iterations++;
  }
  return result;
}
