// Sets up a run: addresses of all that stays where it is, the arena, how many members take part, the result. The walk
// itself is in walk.cc.
#include "runtime/walk.h"

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

static bool growArena(Arena* arena, int64_t bytes) {
  if (arena->bytes >= bytes) return true;
  if (arena->memory) returnMemory(arena->memory, arena->bytes);
  arena->memory = reserveMemory(bytes);
  arena->bytes = arena->memory ? bytes : 0;
  return arena->memory != nullptr;
}

// Sleeping workers are worth waking for a run of some length, or when runs follow each other closely.
static const int64_t LONG_RUN = 50 * 1000;

// Runs one segment with so many members; false when the team is broken.
static bool runSegment(Run* run, Team* team, int32_t size) {
  Executable* program = run->program;
  if (size == 1) return runTeam(team, 1, walkProgram, run, nullptr, false);
  Position start = {};
  start.step = run->resume;
  bool isLong = program->duration == 0 || run->steps > LONG_RUN / program->duration ||
                (int64_t)(run->began - team->ended) < LONG_RUN;
  bool isWhole = runTeam(team, size, walkProgram, run, &start, isLong);
  team->ended = nanoseconds();
  program->duration = (int64_t)(team->ended - run->began) / (run->iterations + 1);
  return isWhole;
}

static RunResult refused(const char* error) {
  RunResult result = {};
  result.yield = -1;
  result.error = error;
  return result;
}

// Sets up the rest of a run. Returns how many members take part.
static int32_t nextSegment(Run* run, Team* team, int64_t iterations) {
  run->began = run->since = nanoseconds();
  run->steps = run->options->steps - iterations;
  run->resume = iterations == 0 ? run->options->resume : 0;
  run->stopAfter = INT64_MAX;
  run->iterations = 0;
  run->isComplete = run->isSegmentEnd = false;
  bool isSolo = team->soloUntil > run->began;
  run->soloUntil = isSolo ? team->soloUntil : 0;
  return run->program->isParallel && !isSolo ? team->size : 1;
}

// After a segment of the whole team: whether the next ones are member 0's alone, and for how long.
static void noteCrowding(const Run* run, Team* team) {
  uint64_t now = nanoseconds();
  bool isOver = isCrowded(run, team, team->stalled);
  team->watched += now - run->since;
  team->lost += team->stalled;
  if (isOver) {
    team->soloSpan = team->soloSpan == 0 ? SOLO_LEAST : team->soloSpan * 2;
    if (team->soloSpan > SOLO_MOST) team->soloSpan = SOLO_MOST;
    team->soloUntil = now + team->soloSpan;
  } else if (team->watched > CROWDING_WINDOW) {
    team->soloSpan = team->soloSpan > SOLO_LEAST ? team->soloSpan / 2 : 0;
  } else {
    return;
  }
  team->watched = team->lost = 0;
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
  Profile profile;
  if (options->profile) {
    run.profile = &profile;
    if (!openProfile(&profile, options->profile, options->profileLength, program->stepCount, team->size)) {
      return refused("the memory of the profile is too small");
    }
  }
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
    if (!runSegment(&run, team, size)) return refused("a thread of the pool has trapped");
    if (run.profile) closeStep(run.profile, nanoseconds());
    result.iterations += run.iterations;
    if (size > 1) noteCrowding(&run, team);
    if (!run.isSegmentEnd || !run.isComplete) break;
    if (firstFault(team, size, ALL_FAULTS)) break;
    result.iterations++;
  } while (true);

  result.isStopped = run.isStopped;
  const Status* fault = firstFault(team, size, ALL_FAULTS);
  if (fault && fault->code == FAULT_STOPPED) {
    result.isStopped = true;
  } else if (fault) {
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
