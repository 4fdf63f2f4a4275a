// Products with one row: c[columns] = a[depth] · b[depth, columns] (a product with one column is turned into one).
//
// Bound: bytes of b, read once. VECTOR_ROWS (rows of b contiguous): the sums stay in L1 while rows of b stream by, so
// that memory is read in its own order. VECTOR_DOTS (columns of b contiguous): one dot product after the other.
#pragma once
#include "blocking.h"
#include "microkernel.h"

namespace gemm {

enum { STREAM_ROWS = 4 };  // rows of b added per pass over the sums

static void addRows(const float* x, const float* b, int64_t bRow, int64_t rows, int64_t columns, float* sums) {
  for (int64_t k = 0; k < rows; k++) {
    vf factor = splat(x[k]);
    const float* row = b + k * bRow;
    int64_t n = 0;
    for (; n + LANES <= columns; n += LANES) store(sums + n, fma(factor, load(row + n), load(sums + n)));
    if (n < columns) {
      int rest = (int)(columns - n);
      storePartial(sums + n, fma(factor, loadPartial(row + n, rest), loadPartial(sums + n, rest)), rest);
    }
  }
}

static void addFourRows(const float* x, const float* b, int64_t bRow, int64_t columns, float* sums) {
  vf x0 = splat(x[0]), x1 = splat(x[1]), x2 = splat(x[2]), x3 = splat(x[3]);
  const float *b0 = b, *b1 = b + bRow, *b2 = b1 + bRow, *b3 = b2 + bRow;
  int64_t n = 0;
  for (; n + LANES <= columns; n += LANES) {
    vf sum = fma(x0, load(b0 + n), load(sums + n));
    sum = fma(x1, load(b1 + n), sum);
    sum = fma(x2, load(b2 + n), sum);
    store(sums + n, fma(x3, load(b3 + n), sum));
  }
  if (n == columns) return;
  int rest = (int)(columns - n);
  vf sum = fma(x0, loadPartial(b0 + n, rest), loadPartial(sums + n, rest));
  sum = fma(x1, loadPartial(b1 + n, rest), sum);
  sum = fma(x2, loadPartial(b2 + n, rest), sum);
  storePartial(sums + n, fma(x3, loadPartial(b3 + n, rest), sum), rest);
}

// x is contiguous; the sums are those of `columns` columns from b on.
static void vectorRows(const float* x, const float* b, int64_t bRow, int64_t depth, int64_t columns, float* sums) {
  for (int64_t n = 0; n < columns; n++) sums[n] = 0;
  int64_t k = 0;
  for (; k + STREAM_ROWS <= depth; k += STREAM_ROWS) addFourRows(x + k, b + k * bRow, bRow, columns, sums);
  addRows(x + k, b + k * bRow, bRow, depth - k, columns, sums);
}

static float dot(const float* x, const float* y, int64_t length) {
  vf s0 = zeroFloat(), s1 = s0, s2 = s0, s3 = s0;
  int64_t k = 0;
  for (; k + 4 * LANES <= length; k += 4 * LANES) {
    s0 = fma(load(x + k), load(y + k), s0);
    s1 = fma(load(x + k + LANES), load(y + k + LANES), s1);
    s2 = fma(load(x + k + 2 * LANES), load(y + k + 2 * LANES), s2);
    s3 = fma(load(x + k + 3 * LANES), load(y + k + 3 * LANES), s3);
  }
  for (; k + LANES <= length; k += LANES) s0 = fma(load(x + k), load(y + k), s0);
  if (k < length) s1 = fma(loadPartial(x + k, (int)(length - k)), loadPartial(y + k, (int)(length - k)), s1);
  return sumLanes((s0 + s1) + (s2 + s3));
}

static void vectorDots(const float* x, const float* b, int64_t bColumn, int64_t depth, int64_t columns, float* sums) {
  for (int64_t n = 0; n < columns; n++) sums[n] = dot(x, b + n * bColumn, depth);
}

// Neither axis of b contiguous: no view of the contract, but never a wrong result.
static void vectorGeneral(const float* x, const Matrix& b, const float* data, int64_t depth, int64_t columns, float* sums) {
  for (int64_t n = 0; n < columns; n++) {
    float sum = 0;
    for (int64_t k = 0; k < depth; k++) sum += x[k] * data[k * b.row + n * b.column];
    sums[n] = sum;
  }
}

enum { VECTOR_BLOCK = 4096, VECTOR_DEPTH = 8192 };  // sums and numbers of a that a pass keeps (16 and 32 KiB)

// One chunk: columns [begin, end), depth [first, last). out has the given stride. scratch: THREAD_SCRATCH.
static void vectorChunk(const Problem& p, Form form, const float* a, const float* b, int64_t begin, int64_t end,
                        int64_t first, int64_t last, float* out, int64_t outStride, uint8_t* scratch) {
  float* copied = (float*)(void*)scratch;
  float* sums = copied + VECTOR_DEPTH;
  for (int64_t n = begin; n < end; n += VECTOR_BLOCK) {
    int64_t columns = smaller(VECTOR_BLOCK, end - n);
    float* target = out + (n - begin) * outStride;
    for (int64_t k = first; k < last || k == first; k += VECTOR_DEPTH) {
      int64_t depth = smaller(VECTOR_DEPTH, last - k);
      const float* x = a + k * p.a.column;
      if (p.a.column != 1) {
        for (int64_t i = 0; i < depth; i++) copied[i] = x[i * p.a.column];
        x = copied;
      }
      const float* right = b + k * p.b.row + n * p.b.column;
      float* to = outStride == 1 && k == first ? target : sums;
      if (form == VECTOR_DOTS) vectorDots(x, right, p.b.column, depth, columns, to);
      else if (p.b.column == 1) vectorRows(x, right, p.b.row, depth, columns, to);
      else vectorGeneral(x, p.b, right, depth, columns, to);
      if (to == target) continue;
      if (k == first) for (int64_t i = 0; i < columns; i++) target[i * outStride] = to[i];
      else for (int64_t i = 0; i < columns; i++) target[i * outStride] += to[i];
    }
  }
}

}  // namespace gemm
