// Checks of the fused kernels' encodings at load: a program from a file must not make a kernel read where nothing is, nor
// take the bits of an int32 for a float.
#pragma once
#include "expression.h"

static const int64_t MAX_VALUES = 1024;  // so that the registers fit a thread's scratch

struct ExpressionCheck {
  const int32_t* words;
  int64_t count;
  const View* loads;  // of value 0, 1, …
  int64_t end;        // words read
  LaneType first;     // type of value 0 where it has no view, else LANES_ANY
};

INLINE LaneType laneTypeOfView(const View& view) { return view.dtype == DT_F32 && view.buffer != -1 ? LANES_FLOAT : LANES_INT; }

// Of a value of a checked prefix of the expression.
static LaneType laneTypeOf(const ExpressionCheck* check, int32_t value) {
  const int32_t* w = check->words;
  int32_t loads = w[0], constants = w[1];
  if (value == 0 && check->first != LANES_ANY) return check->first;
  if (value < loads) return laneTypeOfView(check->loads[value]);
  if (value < loads + constants) return LANES_ANY;
  w += 3 + constants;
  for (int32_t i = loads + constants; i < value; i++) w += 2 + w[1];
  return OPCODES[w[0]].result;
}

// `views`: operands there are; `operands`: loads, then stores (null where the result is not stored).
static const char* checkExpression(ExpressionCheck* check, int64_t views, const View* operands) {
  const int32_t* w = check->words;
  int64_t count = check->count, at = 2;
  if (count < 4) return "expected a whole expression";
  int64_t loads = w[0], constants = w[1];
  if (loads < 0 || loads > views || constants < 0 || constants > count - 4) return "expected as many operands as the expression loads";
  at += constants;
  int64_t instructions = w[at++];
  if (instructions < 0 || instructions > count) return "expected a whole expression";
  int64_t values = loads + constants;
  if (values + instructions > MAX_VALUES) return "expected at most 1024 values in an expression";
  for (int64_t i = 0; i < instructions; i++, values++) {
    if (at + 2 > count) return "expected a whole expression";
    int64_t opcode = w[at++], arguments = w[at++];
    if (opcode < 0 || opcode >= OPCODE_COUNT) return "expected a known instruction";
    if (arguments != OPCODES[opcode].argumentCount || at + arguments > count) return "expected all arguments of an instruction";
    for (int64_t k = 0; k < arguments; k++, at++) {
      if (w[at] < 0 || w[at] >= values) return "expected arguments that are computed before";
      LaneType type = laneTypeOf(check, w[at]);
      if (type != LANES_ANY && type != OPCODES[opcode].arguments[k]) return "expected arguments of the instruction's type";
    }
  }
  if (at >= count) return "expected a whole expression";
  int64_t results = w[at++];
  if (results < 0 || at + results > count) return "expected a whole expression";
  if (operands && loads + results > views) return "expected as many operands as the expression loads and stores";
  for (int64_t i = 0; i < results; i++, at++) {
    if (w[at] < 0 || w[at] >= values) return "expected results that are computed";
    LaneType type = laneTypeOf(check, w[at]);
    if (operands && type != LANES_ANY && type != laneTypeOfView(operands[loads + i])) return "expected an output of the result's type";
  }
  check->end = at;
  return nullptr;
}

static bool viewIsSound(const View& view, bool isOutput) {
  if (view.rank < 0 || view.rank > MAX_RANK || view.dtype < DT_F32 || view.dtype > DT_BOOL) return false;
  if (view.buffer == -1 && view.dtype != DT_I32) return false;
  for (int32_t d = 0; d < view.rank; d++)
    if (view.dims[d] < 0 || (isOutput && view.dims[d] > 1 && view.strides[d] == 0)) return false;
  return !(isOutput && view.buffer == -1);
}

// Axes of `reduced` have length 1.
static bool sameShape(const View& a, const View& b, int32_t reduced) {
  if (a.rank != b.rank) return false;
  for (int32_t d = 0; d < a.rank; d++)
    if (a.dims[d] != ((reduced >> d & 1) ? 1 : b.dims[d])) return false;
  return true;
}
