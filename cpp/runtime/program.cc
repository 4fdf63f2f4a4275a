// Parses and verifies an encoded program (program.h). Every index and every address a step can form is checked here
// once, so that running needs no checks; what only a kernel knows (how many operands, which attributes) is checked by
// its `verify`. The lengths of bound buffers are not in the encoding: the caller answers for those.
#include "runtime/program.h"

#include "runtime/executable.h"

struct Parser {
  Executable* program;
  const KernelTable* table;
  const int32_t* words;
  int64_t at, end;
  Message* message;
  Message ignored;               // takes what is said after the first failure
  bool hasFailed;
  int32_t levels;                // loops around the current step
  int64_t lengths[MAX_LEVELS];   // their iterations, −1 unbounded
  int32_t nesting;
};

// Starts the message; only the first complaint counts.
static Message& complain(Parser* p) {
  if (p->hasFailed) return p->ignored;
  p->hasFailed = true;
  return *p->message << "invalid program: ";
}

static int32_t take(Parser* p) {
  if (p->at < p->end) return p->words[p->at++];
  complain(p) << "it ends at word " << p->end << " in the middle of a record";
  return 0;
}

static int32_t takeWithin(Parser* p, int32_t low, int32_t high, const char* what) {
  int32_t word = take(p);
  if (!p->hasFailed && word >= low && word <= high) return word;
  complain(p) << what << " is " << word << " at word " << p->at - 1 << ", expected " << low << " … " << high;
  return low;  // after a failure every index is one that exists
}

// Bounds of the words a count may claim, so that nothing is allocated on the word of a damaged program.
static int32_t takeCount(Parser* p, int32_t wordsEach, const char* what) {
  int32_t count = take(p);
  if (!p->hasFailed && count >= 0 && count <= p->end / wordsEach) return count;
  complain(p) << count << " " << what << " don't fit in " << p->end << " words";
  return 0;
}

static bool parseBuffers(Parser* p) {
  Executable* program = p->program;
  for (int32_t i = 0; i < program->bufferCount && !p->hasFailed; i++) {
    Buffer* buffer = &program->buffers[i];
    buffer->isBound = takeWithin(p, 0, 1, "the kind of a buffer");
    if (buffer->isBound) {
      buffer->place = takeWithin(p, 0, program->bindingCount - 1, "a binding slot");
    } else {
      buffer->place = (int64_t)takeWithin(p, 0, INT32_MAX, "an arena offset") * 256;
    }
  }
  return !p->hasFailed;
}

static void parseOperand(Parser* p, Operand* operand) {
  operand->buffer = takeWithin(p, -1, p->program->bufferCount - 1, "the buffer of an operand");
  operand->offset = take(p);
  operand->dtype = takeWithin(p, DT_F32, DT_BOOL, "a dtype");
  operand->rank = takeWithin(p, 0, MAX_RANK, "a rank");
  operand->dynamicAxis = takeWithin(p, -1, operand->rank - 1, "a dynamic axis");
  operand->extent = takeWithin(p, -1, p->program->operandCount - 1, "an extent operand");
  operand->isPacked = takeWithin(p, 0, 1, "whether an operand is packed");
  if ((operand->dynamicAxis < 0) != (operand->extent < 0)) {
    complain(p) << "an operand before word " << p->at << " has a dynamic axis without extent or the reverse";
  }
  for (int32_t d = 0; d < operand->rank; d++) operand->dims[d] = takeWithin(p, 0, INT32_MAX, "a dimension");
  for (int32_t d = 0; d < operand->rank; d++) operand->strides[d] = take(p);
  operand->termCount = takeWithin(p, 0, MAX_LEVELS, "the number of loop terms");
  for (int32_t i = 0; i < operand->termCount && !p->hasFailed; i++) {
    LoopTerm* term = &operand->terms[i];
    term->level = takeWithin(p, 0, MAX_LEVELS - 1, "the level of a loop term");
    term->stride = take(p);
    term->parity = take(p);
    term->phase = takeWithin(p, 0, 1, "the phase of a loop term");
  }
}

static int32_t bytesOf(int32_t dtype) { return dtype == DT_F32 || dtype == DT_I32 ? 4 : 1; }

static bool addSpan(int64_t* low, int64_t* high, int64_t a, int64_t b) {
  if (a > b) {
    int64_t other = a;
    a = b;
    b = other;
  }
  return !__builtin_add_overflow(*low, a, low) && !__builtin_add_overflow(*high, b, high);
}

// Checks every address the operand can form under the loops around the current step.
static void checkReach(Parser* p, int32_t number) {
  const Operand* operand = &p->program->operands[number];
  int64_t low = operand->offset, high = operand->offset;
  bool isEmpty = false, fits = true;
  for (int32_t d = 0; d < operand->rank; d++) {
    isEmpty |= operand->dims[d] == 0;
    // Neither factor exceeds 2³¹ in size.
    if (operand->dims[d]) fits &= addSpan(&low, &high, 0, (operand->dims[d] - 1) * operand->strides[d]);
  }
  for (int32_t i = 0; i < operand->termCount; i++) {
    const LoopTerm* term = &operand->terms[i];
    if (term->level >= p->levels) {
      complain(p) << "operand " << number << " uses loop level " << term->level << " outside of such a loop";
      return;
    }
    int64_t length = p->lengths[term->level];
    if (length < 0 && term->stride != 0) {
      complain(p) << "operand " << number << " moves with a loop that has no bound";
      return;
    }
    if (length > 1) fits &= addSpan(&low, &high, 0, (length - 1) * term->stride);
    bool isFixed = length == 0 || length == 1;
    fits &= addSpan(&low, &high, isFixed ? term->phase * term->parity : 0,
                    isFixed ? term->phase * term->parity : term->parity);
  }
  if (operand->buffer < 0 || isEmpty) return;
  const Buffer* buffer = &p->program->buffers[operand->buffer];
  fits &= low >= 0 && high < INT64_MAX / 8;
  if (fits && !buffer->isBound) {
    fits = buffer->place + (high + 1) * bytesOf(operand->dtype) <= p->program->arenaBytes;
  }
  if (!fits) complain(p) << "operand " << number << " reaches outside of its buffer " << operand->buffer;
}

static void checkScalar(Parser* p, int32_t number, bool allowsBytes, const char* what) {
  const Operand* operand = &p->program->operands[number];
  bool isScalar = operand->buffer >= 0 && operand->dynamicAxis < 0;
  for (int32_t d = 0; d < operand->rank; d++) isScalar &= operand->dims[d] == 1;
  isScalar &= operand->dtype == DT_I32 || (allowsBytes && operand->dtype != DT_F32);
  if (!isScalar) complain(p) << what << " " << number << " is no scalar of a fitting dtype in memory";
  if (!p->hasFailed) checkReach(p, number);
}

static void parseKernelStep(Parser* p, Step* step) {
  Executable* program = p->program;
  step->kernel = kernelAt(p->table, takeWithin(p, 0, kernelCount(p->table) - 1, "a kernel number"));
  step->args.viewCount = takeCount(p, 1, "views");
  step->operands = program->viewOperands + program->viewCount;
  step->memberViews = -1;
  for (int32_t i = 0; i < step->args.viewCount && !p->hasFailed; i++) {
    int32_t number = takeWithin(p, 0, program->operandCount - 1, "an operand");
    if (p->hasFailed) return;
    const Operand* operand = &program->operands[number];
    checkReach(p, number);
    if (operand->extent >= 0 && !p->hasFailed) checkScalar(p, operand->extent, false, "extent operand");
    program->viewOperands[program->viewCount++] = number;
    step->hasExtent |= operand->extent >= 0;
    if (operand->termCount || operand->extent >= 0) step->memberViews = program->memberViewCount;
  }
  if (step->memberViews >= 0) program->memberViewCount += step->args.viewCount;
  step->args.wordCount = takeCount(p, 1, "attribute words");
  step->args.words = p->words + p->at;
  p->at += step->args.wordCount;
  if (p->at > p->end) complain(p) << "the attributes of a step exceed the program";
}

static bool parseSteps(Parser* p, int32_t count, bool isBody);

static void parseBody(Parser* p, int32_t count) {
  if (p->nesting == MAX_NESTING) {
    complain(p) << "bodies are nested more than " << MAX_NESTING << " deep";
    return;
  }
  p->nesting++;
  parseSteps(p, count, true);
  p->nesting--;
}

static void enterLoop(Parser* p, Step* step) {
  if (p->levels == MAX_LEVELS) {
    complain(p) << "loops are nested more than " << MAX_LEVELS << " deep";
    return;
  }
  step->level = takeWithin(p, p->levels, p->levels, "the level of a loop");
  p->levels++;
}

// Bodies count their own steps; a nested scan counts as one.
static void parsePayload(Parser* p, Step* step, int64_t payloadEnd) {
  int32_t first = 0, second = 0;
  int32_t levels = p->levels;
  switch (step->kind) {
    case STEP_KERNEL:
      parseKernelStep(p, step);
      break;
    case STEP_SCAN:
      enterLoop(p, step);
      step->length = takeWithin(p, 0, INT32_MAX, "the length of a scan");
      step->isReversed = takeWithin(p, 0, 1, "the direction of a scan");
      second = takeCount(p, 3, "steps in a body");
      if (p->levels > levels) p->lengths[step->level] = step->length;
      break;
    case STEP_COND:
      step->predicate = takeWithin(p, 0, p->program->operandCount - 1, "a predicate");
      if (!p->hasFailed) checkScalar(p, step->predicate, true, "predicate");
      first = takeCount(p, 3, "steps in a body");
      second = takeCount(p, 3, "steps in a body");
      break;
    case STEP_YIELD:
      step->hostCall = takeWithin(p, 0, INT32_MAX, "a host call");
      if (p->nesting) complain(p) << "a yield stands inside of a body";
      p->program->hasYield = true;
      break;
    case STEP_WHILE:
      enterLoop(p, step);
      step->length = takeWithin(p, -1, INT32_MAX, "the bound of a while");
      if (p->levels > levels) p->lengths[step->level] = step->length;
      step->predicate = takeWithin(p, 0, p->program->operandCount - 1, "a predicate");
      if (!p->hasFailed) checkScalar(p, step->predicate, true, "predicate");
      first = takeCount(p, 3, "steps in a body");
      second = takeCount(p, 3, "steps in a body");
      break;
  }
  if (!p->hasFailed && p->at != payloadEnd) complain(p) << "a step's payload ends at word " << p->at << " instead of " << payloadEnd;
  if (step->kind == STEP_SCAN || step->kind == STEP_COND || step->kind == STEP_WHILE) {
    if (!p->hasFailed) parseBody(p, first);
    step->split = p->program->stepCount;
    if (!p->hasFailed) parseBody(p, second);
  }
  p->levels = levels;
}

static bool parseSteps(Parser* p, int32_t count, bool isBody) {
  Executable* program = p->program;
  bool needsBarrier = isBody;
  for (int32_t i = 0; i < count && !p->hasFailed; i++) {
    int32_t number = program->stepCount;
    int32_t kind = takeWithin(p, STEP_KERNEL, STEP_WHILE, "the kind of a step");
    int32_t flags = takeWithin(p, 0, FLAG_BARRIER | FLAG_COMMIT, "the flags of a step");
    int32_t payload = takeCount(p, 1, "payload words");
    if (p->hasFailed) return false;
    Step* step = &program->steps[program->stepCount++];
    step->kind = kind;
    step->flags = flags;
    if (needsBarrier && !(flags & FLAG_BARRIER)) {
      complain(p) << "step " << number << " starts or follows a body and lacks the barrier flag";
    }
    parsePayload(p, step, p->at + payload);
    step->end = program->stepCount;
    needsBarrier = step->end > number + 1 || kind == STEP_COND || kind == STEP_WHILE;
  }
  return !p->hasFailed;
}

static bool reserve(Executable* program, const Parser* p) {
  program->words = (int32_t*)allocateRecord((size_t)p->end * 4 + 4, 64);
  program->buffers = (Buffer*)allocateRecord((size_t)(program->bufferCount + 1) * sizeof(Buffer), 64);
  program->operands = (Operand*)allocateRecord((size_t)(program->operandCount + 1) * sizeof(Operand), 64);
  program->bindings = (uint8_t**)allocateRecord((size_t)(program->bindingCount + 1) * sizeof(uint8_t*), 64);
  program->bases = (uint8_t**)allocateRecord((size_t)(program->bufferCount + 1) * sizeof(uint8_t*), 64);
  return program->words && program->buffers && program->operands && program->bindings && program->bases;
}

// Upper bounds: a step takes at least three words, a view one.
static bool reserveSteps(Executable* program, int64_t words) {
  program->steps = (Step*)allocateRecord((size_t)(words / 3 + 1) * sizeof(Step), 64);
  program->viewOperands = (int32_t*)allocateRecord((size_t)(words + 1) * 4, 64);
  return program->steps && program->viewOperands;
}

static bool outOfMemory(Parser* p) {
  complain(p) << "no memory to load it";
  return false;
}

static bool parseProgram(Parser* p) {
  Executable* program = p->program;
  if (take(p) != PROGRAM_MAGIC) complain(p) << "it doesn't start with the magic word";
  int32_t version = take(p);
  if (version != PROGRAM_VERSION) complain(p) << "its version is " << version << ", expected " << PROGRAM_VERSION;
  program->bufferCount = takeCount(p, 2, "buffers");
  program->operandCount = takeCount(p, 7, "operands");
  int32_t steps = takeCount(p, 3, "steps");
  int32_t stepWords = takeCount(p, 1, "words of steps");
  program->bindingCount = takeWithin(p, 0, 1 << 20, "the number of bindings");
  program->arenaBytes = (int64_t)takeWithin(p, 0, INT32_MAX, "the size of the arena") * 256;
  if (p->hasFailed) return false;
  if (!reserve(program, p)) return outOfMemory(p);

  // The program keeps its words: steps point at their attributes.
  for (int64_t i = 0; i < p->end; i++) program->words[i] = p->words[i];
  p->words = program->words;
  if (!parseBuffers(p)) return false;
  for (int32_t i = 0; i < program->operandCount && !p->hasFailed; i++) parseOperand(p, &program->operands[i]);
  if (p->hasFailed) return false;
  if (p->end - p->at != stepWords) {
    complain(p) << p->end - p->at << " words are left for steps, the header says " << stepWords;
    return false;
  }
  if (!reserveSteps(program, stepWords)) return outOfMemory(p);
  if (!parseSteps(p, steps, false)) return false;
  if (p->at == p->end) return true;
  complain(p) << p->end - p->at << " words follow the last step";
  return false;
}

Executable* loadProgram(const int32_t* words, int64_t count, const KernelTable* table, Message* message) {
  Executable* program = (Executable*)allocateRecord(sizeof(Executable), 64);
  if (!program) {
    *message << "no memory to load a program";
    return nullptr;
  }
  Parser parser = {};
  parser.program = program;
  parser.table = table;
  parser.words = words;
  parser.end = count;
  parser.message = message;
  if (parseProgram(&parser) && prepareProgram(program, message)) return program;
  unloadProgram(program);
  return nullptr;
}

void unloadProgram(Executable* program) {
  freeRecord(program->words);
  freeRecord(program->buffers);
  freeRecord(program->operands);
  freeRecord(program->steps);
  freeRecord(program->viewOperands);
  freeRecord(program->views);
  freeRecord(program->chunks);
  freeRecord(program->plans);
  freeRecord(program->bindings);
  freeRecord(program->bases);
  freeRecord(program->memberViews);
  if (program->ownArena.memory) returnMemory(program->ownArena.memory, program->ownArena.bytes);
  freeRecord(program);
}
