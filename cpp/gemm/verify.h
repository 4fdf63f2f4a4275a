// What the runtime asks before it loads a product: shapes that fit each other, and an expression that stays inside its
// words. A program from a file must not make the kernels read where nothing is.
#pragma once
#include "epilogue.h"

namespace gemm {

// Every count and every value of the expression in range, as many operands as it loads and stores.
static bool expressionIsSound(const int32_t* words, int64_t count, int64_t operands) {
  int64_t at = 0;
  auto next = [&]() { return at < count ? words[at++] : -1; };
  int64_t loads = next(), constants = next();
  if (loads < 0 || constants < 0 || loads > operands || constants > count) return false;
  at += constants;
  int64_t instructions = next();
  if (instructions < 0 || instructions > count) return false;
  int64_t values = loads + constants;
  for (int64_t i = 0; i < instructions; i++, values++) {
    int64_t opcode = next(), arguments = next();
    if (opcode < 0 || opcode >= OPCODE_COUNT || arguments != OPCODES[opcode].argumentCount) return false;
    for (int64_t k = 0; k < arguments; k++) {
      int64_t value = next();
      if (value < 0 || value >= values) return false;
    }
  }
  int64_t results = next();
  if (results < 0 || loads + results != operands) return false;
  for (int64_t i = 0; i < results; i++) {
    int64_t value = next();
    if (value < 0 || value >= values) return false;
  }
  return true;
}

// Batch axes are those of c, or broadcast; `row` and `column` are the lengths of the last two axes.
static bool matrixFits(const View& view, const View& c, int64_t row, int64_t column) {
  if (view.dtype != DT_F32 || view.buffer == -1 || view.rank < 2 || view.rank > c.rank) return false;
  int missing = c.rank - view.rank;
  for (int d = 0; d < view.rank - 2; d++)
    if (view.dims[d] != 1 && view.dims[d] != c.dims[d + missing]) return false;
  return view.dims[view.rank - 2] == row && view.dims[view.rank - 1] == column;
}

static const char* verify(const StepArgs* args) {
  if (args->viewCount < 3) return "expected operands a, b and c";
  const View &a = args->views[0], &b = args->views[1], &c = args->views[2];
  if (c.rank < 2 || c.dtype != DT_F32 || c.buffer == -1) return "expected c to be a float32 tensor of rank 2 or more";
  int64_t rows = c.dims[c.rank - 2], columns = c.dims[c.rank - 1];
  if (columns > 1 && c.strides[c.rank - 1] != 1) return "expected the columns of c to be contiguous";
  if (a.rank < 2 || !matrixFits(a, c, rows, a.dims[a.rank - 1])) return "expected a [batch…, M, K] float32 for c [batch…, M, N]";
  if (!matrixFits(b, c, a.dims[a.rank - 1], columns)) return "expected b [batch…, K, N] float32 for a [batch…, M, K] and c [batch…, M, N]";
  if (args->wordCount < 1) return "expected the attribute hasEpilogue";
  if (!args->words[0]) return args->viewCount == 3 ? nullptr : "expected no operands beyond a, b and c";
  if (!expressionIsSound(args->words + 1, args->wordCount - 1, args->viewCount - 3)) return "expected a well-formed epilogue";
  for (int i = 3; i < args->viewCount; i++) {
    if (args->views[i].rank != c.rank) return "expected the epilogue's operands in the shape of c";
    for (int d = 0; d < c.rank; d++)
      if (args->views[i].dims[d] != c.dims[d]) return "expected the epilogue's operands in the shape of c";
  }
  return nullptr;
}

}  // namespace gemm
