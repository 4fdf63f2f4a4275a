// Runs a loaded program: every member of the team walks the whole step list, shares the chunks of each step with the
// others and waits only where data cross (flag 1), between the phases of a step and between iterations. A barrier that
// stands between two stretches of work that the leader does alone is left out: in a recurrence of tiny steps they would
// cost more than the work.
//
// Where a member is, is a Position: the step, the phase and the frames of the bodies around it. A worker that has fallen
// behind takes over the leader's. All members that keep up take every decision alike: what they read from memory is
// written in an earlier interval, faults carry the number of the barrier that made them visible, and only the leader
// looks at the clock and the stop flag, publishing "stop after iteration i", which says the same however late it is read.
#include "runtime/walk.h"

struct Walker {
  Member* member;
  Run* run;
  Executable* program;
  View* views;                    // this member's copy of the views that change
  int64_t index[MAX_LEVELS];      // t of the loops around the current step
  int64_t done[MAX_LEVELS];       // their completed iterations
  bool hasWorked, hasShared;      // since the last barrier: any work at all, work of several members
  Position at;
};

// ---- Addresses -------------------------------------------------------------------------------------------------

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
  // Atomic, for a member that has fallen behind reads while others write; it then finds that it isn't current.
  if (operand->dtype == DT_I32) return __atomic_load_n((const int32_t*)data, __ATOMIC_RELAXED);
  return __atomic_load_n(data, __ATOMIC_RELAXED);
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
    length = length < 0 ? 0 : length < bound ? length : bound;
    views[i].dims[operand->dynamicAxis] = length;
    if (!operand->isPacked || bound == 0) continue;
    for (int32_t d = 0; d < operand->dynamicAxis; d++) views[i].strides[d] = operand->strides[d] / bound * length;
  }
  *copy = step->args;
  copy->views = views;
  return copy;
}

// ---- Steps -----------------------------------------------------------------------------------------------------

enum Turn { GO_ON, END };

static void setLoop(Walker* w, const Frame* frame) {
  const Step* step = &w->program->steps[frame->step];
  if (step->kind == STEP_COND) return;
  w->done[step->level] = frame->count;
  w->index[step->level] = step->isReversed ? step->length - 1 - frame->count : frame->count;
}

// Takes over the leader's position.
static Turn jump(Walker* w) {
  loadPosition(w->member, &w->at);
  w->hasWorked = w->hasShared = false;
  if (w->at.step == END_OF_RUN) return END;
  for (int32_t i = 0; i < w->at.depth; i++) setLoop(w, &w->at.frames[i]);
  return GO_ON;
}

// A barrier in the middle of things: afterwards w->at may be anywhere.
static Crossing cross(Walker* w) {
  w->hasWorked = w->hasShared = false;
  return crossBarrier(w->member, &w->at);
}

static Turn afterCrossing(Walker* w, Crossing crossing) { return crossing == BEHIND ? jump(w) : END; }

static void push(Walker* w, int32_t step, int32_t stage, int32_t next) {
  Frame* frame = &w->at.frames[w->at.depth++];
  frame->step = step;
  frame->stage = stage;
  frame->count = 0;
  setLoop(w, frame);
  w->at.step = next;
}

static bool meetsBarrier(const Walker* w, const Step* step) {
  if (w->run->profile) return w->hasWorked;
  bool commits = (step->flags & FLAG_COMMIT) && !w->at.commits;
  if (!commits && !(step->flags & FLAG_BARRIER)) return false;
  return w->hasShared || (w->hasWorked && (step->opensShared || commits));
}

// Before the first write to a donated buffer in an iteration: has anything gone wrong so far?
static bool mayCommit(Walker* w, const Step* step) {
  if (!(step->flags & FLAG_COMMIT) || w->at.commits) return true;
  w->at.commits = 1;
  const Member* member = w->member;
  return !firstFault(member->team, member->size, member->passed);
}

// One chunk per phase, by the leader.
static void runLone(Walker* w, const Step* step) {
  Member* member = w->member;
  StepArgs copy;
  const StepArgs* args = resolve(w, step, &copy);
  member->thread.step = w->at.step;
  for (int32_t phase = 0; phase < step->phases; phase++) {
    if (step->chunks[phase]) step->kernel->run(args, phase, 0, 1, &member->thread);
  }
}

static Turn runShared(Walker* w, const Step* step) {
  Member* member = w->member;
  const Kernel* kernel = step->kernel;
  StepArgs copy;
  w->hasWorked = w->hasShared = true;  // the reading of an extent counts too
  const StepArgs* args = resolve(w, step, &copy);
  if (step->hasExtent && !isCurrent(member)) return jump(w);
  int32_t phases = step->hasExtent && kernel->phases ? kernel->phases(args) : step->phases;
  for (int32_t phase = w->at.phase; phase < phases; phase++) {
    if (phase > w->at.phase) {
      w->at.phase = phase;
      Crossing crossing = cross(w);
      if (crossing != CROSSED) return afterCrossing(w, crossing);
    }
    int64_t chunks = step->chunks[phase];
    if (step->hasExtent) chunks = kernel->chunks ? kernel->chunks(args, phase) : 1;
    member->thread.step = w->at.step;
    if (chunks > 0) runChunks(member, kernel, args, phase, chunks, step->firstOwner);
    w->hasWorked = w->hasShared = true;
  }
  w->at.phase = 0;
  w->at.step = step->end;
  return GO_ON;
}

static Turn runKernel(Walker* w, const Step* step) {
  if (!step->isLone) return runShared(w, step);
  if (w->member->index == 0) runLone(w, step);
  w->hasWorked = true;
  w->at.step = step->end;
  return GO_ON;
}

// Every member reads a predicate, so the next barrier concerns all: else the leader, alone in what follows, could write
// it before a slower one has read it.
static bool readPredicate(Walker* w, const Step* step) {
  w->hasWorked = w->hasShared = true;
  return readScalar(w, step->predicate) != 0;
}

static Turn enterCond(Walker* w, const Step* step) {
  bool isTrue = readPredicate(w, step);
  if (!isCurrent(w->member)) return jump(w);
  int32_t number = w->at.step;
  push(w, number, isTrue ? 0 : 1, isTrue ? number + 1 : step->split);
  return GO_ON;
}

static Turn takeStep(Walker* w, const Step* step) {
  int32_t number = w->at.step;
  switch (step->kind) {
    case STEP_KERNEL:
      return runKernel(w, step);
    case STEP_COND:
      return enterCond(w, step);
    case STEP_YIELD:
      if (w->member->index == 0) w->run->yieldStep = number;
      return END;
  }
  if (step->length == 0) {
    w->at.step = step->end;
  } else {
    push(w, number, 0, number + 1);
  }
  return GO_ON;
}

static Turn takeMeasured(Walker* w, const Step* step) {
  Profile* profile = w->run->profile;
  int32_t number = w->at.step;
  int32_t member = w->member->index;
  uint64_t began = nanoseconds();
  if (member == 0) enterStep(profile, number, began);
  Turn turn = takeStep(w, step);
  if (step->kind == STEP_KERNEL && !(step->isLone && member)) noteEvent(profile, member, number, began, nanoseconds());
  return turn;
}

static Turn runStep(Walker* w) {
  const Step* step = &w->program->steps[w->at.step];
  if (w->at.phase == 0) {  // else in the middle of a kernel step, taken over from the leader
    if (meetsBarrier(w, step)) {
      Crossing crossing = cross(w);
      if (crossing != CROSSED) return afterCrossing(w, crossing);
    }
    if (!mayCommit(w, step)) return END;
  }
  return w->run->profile ? takeMeasured(w, step) : takeStep(w, step);
}

// ---- Ends of bodies --------------------------------------------------------------------------------------------

// Stage 0 of a while is its condition, stage 1 its body; of a cond the two branches; a scan has stage 0 only.
static int32_t endOfBody(const Walker* w) {
  if (w->at.depth == 0) return w->program->stepCount;
  const Frame* frame = &w->at.frames[w->at.depth - 1];
  const Step* step = &w->program->steps[frame->step];
  return step->kind != STEP_SCAN && frame->stage == 0 ? step->split : step->end;
}

static void pop(Walker* w, const Step* step) {
  w->at.depth--;
  w->at.step = step->end;
}

static void nextIteration(Walker* w, Frame* frame, const Step* step) {
  frame->count++;
  frame->stage = 0;
  if (step->length >= 0 && frame->count >= step->length) return pop(w, step);
  setLoop(w, frame);
  w->at.step = frame->step + 1;
}

static bool mustAbort(const Run* run) { return isRaised(run->options->stop) || isRaised(run->options->abort); }

// A while may have no end, so the stop flag is polled here too. The leader reports it as a fault, which all find behind
// the same barrier; a real fault ends the loop as well, since what it left may keep the condition true for ever.
static Turn closeCondition(Walker* w, Frame* frame, const Step* step) {
  Member* member = w->member;
  if (member->index == 0 && mustAbort(w->run)) {
    member->thread.step = frame->step;
    member->thread.report(&member->thread, FAULT_STOPPED, 0, 0);
  }
  if (w->hasWorked) {
    Crossing crossing = cross(w);
    if (crossing != CROSSED) return afterCrossing(w, crossing);
  }
  if (firstFault(member->team, member->size, member->passed)) return END;
  bool isTrue = readPredicate(w, step);
  if (!isCurrent(w->member)) return jump(w);
  if (!isTrue) {
    pop(w, step);
  } else {
    frame->stage = 1;
    w->at.step = step->split;
  }
  return GO_ON;
}

static Turn closeBody(Walker* w) {
  Frame* frame = &w->at.frames[w->at.depth - 1];
  const Step* step = &w->program->steps[frame->step];
  if (step->kind == STEP_WHILE && frame->stage == 0) return closeCondition(w, frame, step);
  if (step->kind == STEP_COND) {
    pop(w, step);
  } else {
    nextIteration(w, frame, step);
  }
  return GO_ON;
}

// ---- Iterations ------------------------------------------------------------------------------------------------

// Asked by the leader only.
static bool mustStop(Run* run, Member* member) {
  run->isStopped = mustAbort(run);
  if (run->isStopped || (run->deadline && nanoseconds() >= run->deadline)) return true;
  if (member->size == 1) return run->isSegmentEnd = run->soloUntil && nanoseconds() >= run->soloUntil;
  Team* team = member->team;
  if (4 * (team->lost + member->stalled) <= CROWDING_WINDOW) return false;
  run->isSegmentEnd = isCrowded(run, team, member->stalled);
  if (!run->isSegmentEnd) {  // not much for such a long window: the next one begins
    team->watched = team->lost = member->stalled = 0;
    run->since = nanoseconds();
  }
  return run->isSegmentEnd;
}

// Phase 0: before the barrier that ends an iteration, phase 1: behind it.
static Turn closeIteration(Walker* w) {
  Run* run = w->run;
  Position* at = &w->at;
  Member* member = w->member;
  bool leads = member->index == 0;
  if (at->iteration + 1 == run->steps) {  // the join is the last barrier
    if (leads) run->isComplete = true;
    return END;
  }
  if (at->phase == 0) {
    if (leads && mustStop(run, member)) __atomic_store_n(&run->stopAfter, at->iteration, __ATOMIC_RELAXED);
    at->phase = 1;
    Crossing crossing = cross(w);
    if (crossing != CROSSED) return afterCrossing(w, crossing);
  }
  if (firstFault(member->team, member->size, member->passed)) return END;
  if (__atomic_load_n(&run->stopAfter, __ATOMIC_RELAXED) <= at->iteration) {
    if (leads) run->isComplete = true;
    return END;
  }
  if (leads) run->iterations++;
  at->iteration++;
  at->phase = at->step = at->commits = 0;
  return GO_ON;
}

// Each member's work of a run. What the leader ends in `close`, a worker reports with arriveAtEnd, unless the leader
// ended the run before it.
void walkProgram(Member* member, void* argument) {
  Run* run = (Run*)argument;
  Walker w;  // frames and loop counters are written before they are read
  w.hasWorked = w.hasShared = false;
  w.member = member;
  w.run = run;
  w.program = run->program;
  w.views = run->program->memberViews + (int64_t)member->index * run->program->memberViewCount;
  if (member->index == 0) {
    w.at.step = run->resume;
    w.at.phase = w.at.depth = w.at.commits = 0;
    w.at.iteration = 0;
  } else if (jump(&w) == END) {
    return;
  }
  Turn turn = GO_ON;
  while (turn == GO_ON) {
    if (w.at.step != endOfBody(&w)) {
      turn = runStep(&w);
    } else {
      turn = w.at.depth ? closeBody(&w) : closeIteration(&w);
    }
  }
  if (w.at.step != END_OF_RUN) arriveAtEnd(member);
}

