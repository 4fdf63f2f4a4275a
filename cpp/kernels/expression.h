// Expressions of the fused kernels: parsed from their words, given registers, run over one block.
//
// A value is a block of lanes; `slots[value]` says where it lies: in a tensor (loads that are contiguous, results that
// are written straight to memory) or in a register, a strip of the thread's scratch. Registers are reused as soon as
// their value has been read for the last time; an instruction may write over its own operand.
#pragma once
#include "kernel.h"
#include "opcodes.h"

struct Expression {
  int32_t loads, constants, instructions, results, values;
  const int32_t* constantWords;
  const int32_t* code;
  const int32_t* resultIds;
  int32_t wordCount;  // words read
};

static Expression parseExpression(const int32_t* words) {
  Expression e;
  const int32_t* w = words;
  e.loads = *w++;
  e.constants = *w++;
  e.constantWords = w;
  w += e.constants;
  e.instructions = *w++;
  e.code = w;
  for (int32_t i = 0; i < e.instructions; i++) w += 2 + w[1];
  e.results = *w++;
  e.resultIds = w;
  w += e.results;
  e.values = e.loads + e.constants + e.instructions;
  e.wordCount = (int32_t)(w - words);
  return e;
}

struct ExpressionPlan {
  int32_t loads, constants, instructions, results, values;
  int32_t registers;  // registers of instruction results
  int32_t cost;       // per element, see opcodes.inc
  const int32_t* constantWords;
  const int32_t* resultIds;
  Instruction* code;
  int32_t* registerOf;  // by value; −1 for loads, constants, and results that go straight to memory
};

INLINE int64_t alignUp(int64_t n, int64_t to) { return (n + to - 1) / to * to; }

// Index of the last instruction that reads each value (−1 none; `instructions` for results, read at the end).
static void findLastUses(const Expression& e, int32_t* lastUse) {
  for (int32_t v = 0; v < e.values; v++) lastUse[v] = -1;
  const int32_t* w = e.code;
  for (int32_t i = 0; i < e.instructions; i++, w += 2 + w[1])
    for (int32_t k = 0; k < w[1]; k++) lastUse[w[2 + k]] = i;
  for (int32_t r = 0; r < e.results; r++) lastUse[e.resultIds[r]] = e.instructions;
}

static int64_t expressionBytes(const Expression& e) {
  // … + one byte per value for planBlocks
  return alignUp((int64_t)sizeof(Instruction) * e.instructions + 4 * (int64_t)(e.constants + e.results + 3 * e.values) + e.values + 16, 64);
}

// `straight[value]` marks results that are written to memory by their instruction and need no register (null: none).
static void planExpression(ExpressionPlan* plan, const Expression& e, uint8_t* memory, const uint8_t* straight) {
  plan->loads = e.loads;
  plan->constants = e.constants;
  plan->instructions = e.instructions;
  plan->results = e.results;
  plan->values = e.values;
  plan->code = (Instruction*)memory;
  int32_t* ints = (int32_t*)(plan->code + e.instructions);
  int32_t* constantWords = ints;
  int32_t* resultIds = constantWords + e.constants;
  plan->registerOf = resultIds + e.results;
  int32_t* lastUse = plan->registerOf + e.values;
  int32_t* freeList = lastUse + e.values;
  for (int32_t i = 0; i < e.constants; i++) constantWords[i] = e.constantWords[i];
  for (int32_t i = 0; i < e.results; i++) resultIds[i] = e.resultIds[i];
  plan->constantWords = constantWords;
  plan->resultIds = resultIds;
  findLastUses(e, lastUse);

  int32_t firstInstruction = e.loads + e.constants, freeCount = 0;
  plan->registers = 0;
  plan->cost = 0;
  for (int32_t v = 0; v < e.values; v++) plan->registerOf[v] = -1;
  const int32_t* w = e.code;
  for (int32_t i = 0; i < e.instructions; i++, w += 2 + w[1]) {
    Instruction* instruction = plan->code + i;
    const Opcode& opcode = OPCODES[w[0]];
    int32_t value = firstInstruction + i;
    instruction->run = opcode.run;
    instruction->result = value;
    plan->cost += opcode.cost;
    for (int32_t k = 0; k < MAX_ARGUMENTS; k++) instruction->arguments[k] = k < w[1] ? w[2 + k] : 0;
    for (int32_t k = 0; k < w[1]; k++) {
      int32_t argument = w[2 + k], held = plan->registerOf[argument];
      if (held < 0 || lastUse[argument] != i) continue;
      lastUse[argument] = -2;  // the same value may be the argument twice
      freeList[freeCount++] = held;
    }
    if (straight && straight[value]) continue;
    plan->registerOf[value] = freeCount ? freeList[--freeCount] : plan->registers++;
    if (lastUse[value] == -1) freeList[freeCount++] = plan->registerOf[value];  // never read
  }
}

INLINE void runExpression(const ExpressionPlan* plan, void* const* slots, intptr_t n) {
  const Instruction* instruction = plan->code;
  for (int32_t i = plan->instructions; i > 0; i--, instruction++) instruction->run(instruction, slots, n);
}
