// The product as the blocks see it: views reduced to sizes and strides.
//
// Batch axes of c that only lengthen the rows (b the same for all of them, a and c evenly spaced) are merged into
// the rows: [batch, time, inputs] · [inputs, units] is one product of batch·time rows. A product with one column is
// turned into one with one row: cᵀ = bᵀ · aᵀ.
#pragma once
#include "../kernels/kernel.h"
#include "../simd.h"

namespace gemm {

struct Matrix {
  int64_t row, column;          // strides in elements
  int64_t batch[MAX_RANK];      // strides of the batch axes
};

struct Problem {
  int64_t rows, columns, depth, batches;
  int32_t batchRank;
  int64_t batchDims[MAX_RANK];
  Matrix a, b, c;
  int64_t viewRows, merged;     // rows of c's view, and how many batches were merged into `rows`
  bool turned;                  // rows and columns of c's view are exchanged
};

INLINE void readMatrix(Matrix& matrix, const View& view, const View& c) {
  matrix.row = view.strides[view.rank - 2];
  matrix.column = view.strides[view.rank - 1];
  int missing = c.rank - view.rank;  // leading batch axes that a or b lacks are broadcast
  for (int d = 0; d < c.rank - 2; d++) {
    bool broadcast = d < missing || view.dims[d - missing] == 1;
    matrix.batch[d] = broadcast ? 0 : view.strides[d - missing];
  }
}

static void mergeBatches(Problem& p) {
  while (p.batchRank > 0) {
    int last = p.batchRank - 1;
    int64_t length = p.batchDims[last];
    if (length != 1) {
      bool even = p.rows == 1 || (p.a.batch[last] == p.a.row * p.rows && p.c.batch[last] == p.c.row * p.rows);
      if (p.b.batch[last] != 0 || !even) return;
      if (p.rows == 1) p.a.row = p.a.batch[last], p.c.row = p.c.batch[last];
      p.rows *= length;
      p.batches /= length ? length : 1;
      p.merged *= length;
    }
    p.batchRank = last;
  }
}

static void turn(Problem& p) {
  Matrix left = p.b, right = p.a;
  int64_t row = left.row;
  left.row = left.column, left.column = row;
  row = right.row;
  right.row = right.column, right.column = row;
  row = p.c.row;
  p.c.row = p.c.column, p.c.column = row;
  p.a = left, p.b = right;
  p.columns = p.rows, p.rows = 1;
  p.turned = true;
}

static Problem readProblem(const StepArgs* args) {
  const View &a = args->views[0], &b = args->views[1], &c = args->views[2];
  Problem p;
  p.rows = p.viewRows = c.dims[c.rank - 2];
  p.columns = c.dims[c.rank - 1];
  p.depth = a.dims[a.rank - 1];
  p.merged = 1;
  p.turned = false;
  p.batches = 1;
  p.batchRank = c.rank - 2;
  for (int d = 0; d < p.batchRank; d++) p.batches *= p.batchDims[d] = c.dims[d];
  readMatrix(p.a, a, c);
  readMatrix(p.b, b, c);
  readMatrix(p.c, c, c);
  if (p.batches == 0 || p.rows == 0 || p.columns == 0) {
    p.batches = p.rows = p.columns = p.depth = 0;
    return p;
  }
  mergeBatches(p);
  // An axis of length 1 may carry any stride: give it the one that the fast paths look for.
  if (p.depth <= 1) p.a.column = 1;
  if (p.columns == 1) p.b.column = p.c.column = 1;
  if (p.columns == 1 && p.rows > 1) turn(p);
  return p;
}

// The matrices of one batch.
struct Operands {
  const float *a, *b;
  float* c;
};
static Operands batchOperands(const Problem& p, const View* views, int64_t batch) {
  Operands o = {(const float*)(const void*)views[p.turned ? 1 : 0].data, (const float*)(const void*)views[p.turned ? 0 : 1].data,
                (float*)(void*)views[2].data};
  for (int d = p.batchRank - 1; d >= 0; d--) {
    int64_t index = batch % p.batchDims[d];
    batch /= p.batchDims[d];
    o.a += index * p.a.batch[d];
    o.b += index * p.b.batch[d];
    o.c += index * p.c.batch[d];
  }
  return o;
}

}  // namespace gemm
