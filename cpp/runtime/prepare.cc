// The second half of loading: views, plans, phases, chunk counts and scratch of every kernel step.
#include "runtime/executable.h"

static void describe(View* view, const Operand* operand) {
  view->data = nullptr;
  view->offset = operand->buffer < 0 ? operand->offset : 0;
  view->buffer = operand->buffer;
  view->dtype = operand->dtype;
  view->rank = operand->rank;
  view->dynamicAxis = operand->dynamicAxis;
  for (int32_t d = 0; d < MAX_RANK; d++) {
    view->dims[d] = operand->dims[d];
    view->strides[d] = operand->strides[d];
  }
}

static bool reject(Message* message, const Executable* program, const Step* step, const char* why) {
  *message << "invalid program: step " << (int32_t)(step - program->steps) << " (" << step->kernel->name << "): " << why;
  return false;
}

static bool makeViews(Executable* program, Message* message) {
  program->views = (View*)allocateRecord((size_t)(program->viewCount + 1) * sizeof(View), 64);
  if (!program->views) return false;
  for (int32_t i = 0; i < program->viewCount; i++) {
    describe(&program->views[i], &program->operands[program->viewOperands[i]]);
  }
  for (int32_t i = 0; i < program->stepCount; i++) {
    Step* step = &program->steps[i];
    if (step->kind != STEP_KERNEL) continue;
    step->args.views = program->views + (step->operands - program->viewOperands);
    const char* why = step->kernel->verify ? step->kernel->verify(&step->args) : nullptr;
    if (why) return reject(message, program, step, why);
  }
  return true;
}

static int64_t roundUp(int64_t bytes, int64_t unit) { return (bytes + unit - 1) / unit * unit; }

static bool makePlans(Executable* program) {
  int64_t total = 0;
  for (int32_t pass = 0; pass < 2; pass++) {
    int64_t at = 0;
    for (int32_t i = 0; i < program->stepCount; i++) {
      Step* step = &program->steps[i];
      if (step->kind != STEP_KERNEL || !step->kernel->planBytes) continue;
      int64_t bytes = step->kernel->planBytes(&step->args);
      if (bytes < 0 || bytes > (int64_t)1 << 40) return false;
      if (pass) step->args.plan = program->plans + at;
      at += roundUp(bytes, 64);
    }
    total = at;
    if (pass == 0) program->plans = (uint8_t*)allocateRecord((size_t)total + 64, 64);
    if (!program->plans) return false;
  }
  for (int32_t i = 0; i < program->stepCount; i++) {
    Step* step = &program->steps[i];
    if (step->kind == STEP_KERNEL && step->kernel->prepare) step->kernel->prepare(&step->args);
  }
  return true;
}

// Steps between two barriers may run at the same time, so their scratch must not overlap.
static bool placeScratch(Executable* program, Message* message) {
  int64_t at = 0;
  for (int32_t i = 0; i < program->stepCount; i++) {
    Step* step = &program->steps[i];
    if (step->flags & FLAG_BARRIER) at = 0;
    if (step->kind != STEP_KERNEL || !step->kernel->scratchBytes) continue;
    int64_t bytes = step->kernel->scratchBytes(&step->args);
    if (bytes < 0 || bytes > (int64_t)1 << 40) return reject(message, program, step, "impossible scratch size");
    step->scratchOffset = program->arenaBytes + at;
    at += roundUp(bytes, 256);
    if (at > program->scratchBytes) program->scratchBytes = at;
  }
  return true;
}

static int32_t phasesOf(const Step* step) { return step->kernel->phases ? step->kernel->phases(&step->args) : 1; }

// Phases and chunks depend on shapes only, so they are counted now; with a dynamic axis the bound is checked now.
static bool countChunks(Executable* program, Message* message) {
  int64_t total = 0;
  for (int32_t i = 0; i < program->stepCount; i++) {
    Step* step = &program->steps[i];
    if (step->kind != STEP_KERNEL) continue;
    step->phases = phasesOf(step);
    if (step->phases < 0 || step->phases > MAX_PHASES) return reject(message, program, step, "too many phases");
    total += step->phases;
  }
  int64_t* chunks = program->chunks = (int64_t*)allocateRecord((size_t)(total + 1) * 8, 64);
  if (!chunks) return false;
  for (int32_t i = 0; i < program->stepCount; i++) {
    Step* step = &program->steps[i];
    if (step->kind != STEP_KERNEL) continue;
    step->chunks = chunks;
    int64_t most = 0;
    for (int32_t phase = 0; phase < step->phases; phase++) {
      int64_t count = *chunks++ = step->kernel->chunks ? step->kernel->chunks(&step->args, phase) : 1;
      if (count < 0 || count > MAX_CHUNKS) return reject(message, program, step, "too many chunks");
      if (count > most) most = count;
    }
    if (most > 1) program->isParallel = true;
    step->isLone = most <= 1 && !step->hasExtent;
  }
  return true;
}

// Steps of one chunk: a few between two barriers stay with the leader, which then needs no barrier for them; many are
// dealt out, as are those that stand beside shared work, beginning with member 1.
static const int32_t MANY_LONE = 4;

static void dealLone(Step* first, Step* end) {
  int32_t lone = 0;
  bool isShared = false;
  for (Step* step = first; step < end; step++) {
    if (step->kind == STEP_KERNEL && step->isLone) {
      lone++;
    } else if (step->kind != STEP_SCAN) {
      isShared = true;  // chunks for all, or a scalar that all read
    }
  }
  isShared |= lone >= MANY_LONE;
  if (first < end) first->opensShared = isShared;
  if (!isShared) return;
  int32_t dealt = 0;
  for (Step* step = first; step < end; step++) {
    // With several phases a step would need barriers between them.
    if (step->kind != STEP_KERNEL || !step->isLone || step->phases > 1) continue;
    step->isLone = false;
    step->firstOwner = ++dealt;
  }
}

static void dealAllLone(Executable* program) {
  Step* end = program->steps + program->stepCount;
  for (Step* first = program->steps; first < end;) {
    Step* next = first + 1;
    while (next < end && !(next->flags & FLAG_BARRIER)) next++;
    dealLone(first, next);
    first = next;
  }
}

bool prepareProgram(Executable* program, Message* message) {
  bool isDone = makeViews(program, message) && makePlans(program) && placeScratch(program, message) &&
                countChunks(program, message);
  if (isDone) dealAllLone(program);
  if (!isDone && message->length == 0) *message << "no memory to load a program";
  return isDone;
}
