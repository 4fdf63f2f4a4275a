// Rows of logits: softmax, logSoftmax, sparseCrossEntropy, sparseCrossEntropyGradient.
//
//   softmax y = exp(x − m) / s,  logSoftmax y = (x − m) − log s,  m = max x, s = Σ exp(x − m)
//   loss = log s − (x[label] − m),  dlogits = (softmax − onehot) · g
// Logits of −∞ give exact zeros; a row of nothing but −∞ gives NaN, as does a row with a NaN. y may be x.
//
// Bound: memory (8 bytes per element) for large inputs, arithmetic of exp in cache. Blocking:
//   n ≤ 4 · LANES   LANES rows at once, transposed into a small buffer: lanes are rows, no horizontal sums.
//   n ≤ 65,536      row by row: max; exp and sum into a buffer (L1 or L2); scale. While exp computes, the next row is prefetched
//                   into L2 (a line per 16 elements), which keeps the memory busy during the arithmetic.
//   larger          exp is computed twice and the buffer, no longer in L2, left out.
// Reached on one thread (AVX-512 / AVX2): 4096² softmax 4.2 / 7.3 ms (32 / 18 GB/s of 41–54), loss 2.8 / 5.1 ms; 1024² in L2 and L3
// 0.21 / 0.36 ns per element, the rate of exp; 256 × 32,000 loss 1.2 / 2.4 ms, gradient 2.0 / 3.5 ms; 32 × 10 softmax
// 0.35 / 0.31 µs, loss 0.21 / 0.28 µs, gradient 0.39 / 0.37 µs.
// Results above 8 MB are written with streaming stores. Chunks are runs of rows, a function of the shape only.
#pragma once
#include "checks.h"
#include "kernel.h"
#include "math.h"

namespace rows {

enum Kind { SOFTMAX, LOG_SOFTMAX, LOSS, GRADIENT };

static const int SMALL_ROW = 4 * LANES;
static const int64_t BUFFERED_ROW = 65536, STREAM_BYTES = 8 << 20;

struct Problem {
  const float* x;
  const View* labels;   // LOSS, GRADIENT
  const float* g;       // GRADIENT
  int64_t gStride;
  float* y;
  int64_t rows, n;
  bool stream;
};

INLINE int64_t rowCount(const View& v) {
  int64_t rows = 1;
  for (int d = 0; d < v.rank - 1; d++) rows *= v.dims[d];
  return rows;
}

template <Kind kind>
static Problem problemOf(const StepArgs* a) {
  const View& x = a->views[0];
  Problem p = {};
  p.x = (const float*)x.data;
  p.rows = rowCount(x), p.n = x.dims[x.rank - 1];
  p.y = (float*)a->views[a->viewCount - 1].data;
  if (kind == LOSS || kind == GRADIENT) p.labels = &a->views[1];
  if (kind == GRADIENT) {
    p.g = (const float*)a->views[2].data;
    p.gStride = a->views[2].rank == 1 ? a->views[2].strides[0] : 1;
  }
  p.stream = kind != LOSS && p.rows * p.n * 4 > STREAM_BYTES;
  return p;
}

// The label of a row, or −1 with a fault.
INLINE int64_t labelOf(const Problem& p, int64_t row, Thread* thread) {
  int32_t label = p.labels->dtype == DT_U8 ? (int32_t)p.labels->data[row] : ((const int32_t*)p.labels->data)[row];
  if (label >= 0 && label < p.n) return label;
  thread->report(thread, FAULT_INDEX_RANGE, row, label);
  return -1;
}

INLINE float logOf(float x) { return log(splat(x))[0]; }

// ---- Short rows: lanes are rows --------------------------------------------------------------------------------

// count ≤ LANES rows from `row` on; missing lanes repeat the last row.
template <Kind kind>
static void shortRows(const Problem& p, int64_t row, int count, Thread* thread) {
  const int n = (int)p.n;
  const float* x = p.x + row * n;
  float t[SMALL_ROW * LANES] __attribute__((aligned(64)));
  for (int r = 0; r < LANES; r++) {
    const float* from = x + (r < count ? r : count - 1) * n;
    for (int j = 0; j < n; j++) t[j * LANES + r] = from[j];
  }
  vf m = load(t);
  for (int j = 1; j < n; j++) m = max(m, load(t + j * LANES));
  vf s = zeroFloat();
  for (int j = 0; j < n; j++) {
    vf shifted = load(t + j * LANES) - m, e = exp(shifted);
    s = s + e;
    if (kind == SOFTMAX || kind == GRADIENT) store(t + j * LANES, e);
    if (kind == LOG_SOFTMAX) store(t + j * LANES, shifted);
  }
  if (kind == LOSS) {
    float target[LANES] = {};
    bool bad[LANES] = {};
    for (int r = 0; r < count; r++) {
      int64_t label = labelOf(p, row + r, thread);
      bad[r] = label < 0;
      if (label >= 0) target[r] = x[r * n + label];
    }
    storePartial(p.y + row, log(s) - (load(target) - m), count);
    for (int r = 0; r < count; r++)
      if (bad[r]) p.y[row + r] = 0;
    return;
  }
  vf scale = splat(1.0f) / s;
  if (kind == LOG_SOFTMAX) scale = log(s);
  float g[LANES] = {};
  int64_t label[LANES];
  if (kind == GRADIENT) {
    for (int r = 0; r < count; r++) {
      label[r] = labelOf(p, row + r, thread);
      g[r] = p.g[(row + r) * p.gStride];
    }
    scale = scale * load(g);
  }
  for (int j = 0; j < n; j++) {
    vf e = load(t + j * LANES);
    store(t + j * LANES, kind == LOG_SOFTMAX ? e - scale : e * scale);
  }
  float* y = p.y + row * n;
  for (int r = 0; r < count; r++)
    for (int j = 0; j < n; j++) y[r * n + j] = t[j * LANES + r];
  if (kind == GRADIENT)
    for (int r = 0; r < count; r++) {
      if (label[r] >= 0) {
        y[r * n + label[r]] -= g[r];
      } else {
        for (int j = 0; j < n; j++) y[r * n + j] = 0;
      }
    }
}

// ---- Long rows, n > 4 · LANES ----------------------------------------------------------------------------------

static float rowMax(const float* x, int64_t n) {
  vf m[4] = {load(x), load(x + LANES), load(x + 2 * LANES), load(x + 3 * LANES)};
  int64_t i = 4 * LANES;
  for (; i + 4 * LANES <= n; i += 4 * LANES)
    for (int k = 0; k < 4; k++) m[k] = max(m[k], load(x + i + k * LANES));
  for (; i + LANES <= n; i += LANES) m[0] = max(m[0], load(x + i));
  m[1] = max(m[1], load(x + n - LANES));  // the tail, overlapping
  return maxLanes(max(max(m[0], m[1]), max(m[2], m[3])));
}

// Σ exp(x − m), the terms into `terms` where STORE; prefetches `next` (or null). Sums of blocks are added up: a row of 32,000
// keeps the accuracy of a short one.
template <bool STORE>
static float expSum(const float* x, int64_t n, float maximum, float* terms, const float* next) {
  const int STEP = 4 * LANES;
  const vf m = splat(maximum);
  vf total = zeroFloat();
  int64_t i = 0;
  while (i + STEP <= n) {
    const int64_t end = n - i < 4096 ? n : i + 4096;
    vf s[4] = {zeroFloat(), zeroFloat(), zeroFloat(), zeroFloat()};
    for (; i + STEP <= end; i += STEP) {
      if (next)
        for (int k = 0; k < STEP; k += 16) prefetch2(next + i + k);
#pragma GCC unroll 4
      for (int k = 0; k < 4; k++) {
        vf e = exp(load(x + i + k * LANES) - m);
        s[k] = s[k] + e;
        if (STORE) store(terms + i + k * LANES, e);
      }
    }
    total = total + ((s[0] + s[1]) + (s[2] + s[3]));
  }
  for (; i < n; i += LANES) {
    int lanes = n - i < LANES ? (int)(n - i) : LANES;
    vf e = exp(loadPartial(x + i, lanes) - m);
    e = select(less(laneIndex(), splat((int32_t)lanes)), e, zeroFloat());
    total = total + e;
    if (STORE) storePartial(terms + i, e, lanes);
  }
  return sumLanes(total);
}

// y[i] = f(i-th vector) over a row; f(offset, lanes) loads `lanes` lanes. Streaming needs aligned addresses: the first few
// elements up to the next boundary are stored plainly.
template <class Source>
INLINE void writeRow(float* y, int64_t n, bool streaming, Source source) {
  int64_t i = 0;
  if (streaming) {
    int64_t head = (int64_t)((0 - (uintptr_t)y / 4) % LANES);
    if (head) storePartial(y, source(0, (int)head), (int)head);
    for (i = head; i + LANES <= n; i += LANES) stream(y + i, source(i, LANES));
  } else {
    for (; i + LANES <= n; i += LANES) store(y + i, source(i, LANES));
  }
  if (i < n) storePartial(y + i, source(i, (int)(n - i)), (int)(n - i));
}
INLINE vf loadLanes(const float* p, int lanes) { return lanes == LANES ? load(p) : loadPartial(p, lanes); }

template <Kind kind>
static void longRow(const Problem& p, int64_t row, const float* next, Thread* thread) {
  const int64_t n = p.n;
  const float* x = p.x + row * n;
  float* y = kind == LOSS ? nullptr : p.y + row * n;
  int64_t label = kind == LOSS || kind == GRADIENT ? labelOf(p, row, thread) : 0;
  if (label < 0) {
    if (kind == LOSS) p.y[row] = 0;
    else writeRow(y, n, false, [](int64_t, int) { return zeroFloat(); });
    return;
  }
  const float m = rowMax(x, n);
  if (kind == LOSS) {
    p.y[row] = logOf(expSum<false>(x, n, m, nullptr, next)) - (x[label] - m);
    return;
  }
  if (kind == LOG_SOFTMAX) {
    const vf shift = splat(m), logSum = splat(logOf(expSum<false>(x, n, m, nullptr, next)));
    writeRow(y, n, p.stream, [=](int64_t i, int lanes) { return (loadLanes(x + i, lanes) - shift) - logSum; });
    return;
  }
  const float g = kind == GRADIENT ? p.g[row * p.gStride] : 1.0f;
  if (n <= BUFFERED_ROW) {
    float* terms = (float*)thread->scratch;
    float s = expSum<true>(x, n, m, terms, next);
    if (kind == GRADIENT) terms[label] -= s;
    const vf scale = splat(g / s);
    writeRow(y, n, p.stream, [=](int64_t i, int lanes) { return loadLanes(terms + i, lanes) * scale; });
  } else {
    float s = expSum<false>(x, n, m, nullptr, next);
    const vf shift = splat(m), scale = splat(g / s);
    float target = kind == GRADIENT ? (exp(splat(x[label] - m))[0] - s) * (g / s) : 0;
    writeRow(y, n, p.stream, [=](int64_t i, int lanes) { return exp(loadLanes(x + i, lanes) - shift) * scale; });
    if (kind == GRADIENT) y[label] = target;
  }
}

// ---- Kernels ---------------------------------------------------------------------------------------------------

// At least 4096 elements (2 µs), at most 65,536, about 16 chunks; whole groups of lanes for short rows.
static int64_t chunkRows(int64_t rows, int64_t n) {
  int64_t elements = rows * n / 16;
  if (elements < 4096) elements = 4096;
  if (elements > 65536) elements = 65536;
  int64_t count = n > 0 ? (elements + n - 1) / n : rows + 1;
  return n <= SMALL_ROW ? (count + LANES - 1) / LANES * LANES : count;
}

template <Kind kind>
static int64_t chunks(const StepArgs* a, int32_t) {
  Problem p = problemOf<kind>(a);
  if (p.rows == 0 || p.n == 0) return 0;
  int64_t each = chunkRows(p.rows, p.n);
  return (p.rows + each - 1) / each;
}

template <Kind kind>
static void run(const StepArgs* a, int32_t, int64_t begin, int64_t end, Thread* thread) {
  const Problem p = problemOf<kind>(a);
  int64_t each = chunkRows(p.rows, p.n), row = begin * each, last = end * each;
  if (last > p.rows) last = p.rows;
  if (p.n <= SMALL_ROW) {
    for (; row < last; row += LANES) shortRows<kind>(p, row, last - row < LANES ? (int)(last - row) : LANES, thread);
  } else {
    for (; row < last; row++) longRow<kind>(p, row, row + 1 < last ? p.x + (row + 1) * p.n : nullptr, thread);
    if (p.stream) streamFence();
  }
}

template <Kind kind>
static const char* verify(const StepArgs* a) {
  const int operands = kind == LOSS ? 3 : kind == GRADIENT ? 4 : 2;
  if (a->viewCount != operands) return "wrong number of operands";
  const View &x = a->views[0], &y = a->views[operands - 1];
  if (x.rank < 1 || !isDenseFloat(x, x.rank)) return "expected dense float32 logits";
  if (kind != LOSS && !(isDenseFloat(y, x.rank) && sameAxes(x, 0, y, 0, x.rank))) return "expected a dense float32 result of the logits' shape";
  if (kind == LOSS && !(isDenseFloat(y, x.rank - 1) && sameAxes(x, 0, y, 0, y.rank))) return "expected a dense float32 loss per row";
  if (kind == LOSS || kind == GRADIENT) {
    const View& labels = a->views[1];
    if (!isIndexType(labels.dtype) || labels.rank != x.rank - 1 || !isDense(labels) || !sameAxes(x, 0, labels, 0, labels.rank))
      return "expected dense int32 or uint8 labels, one per row";
  }
  if (kind == GRADIENT) {
    const View& g = a->views[2];
    if (g.dtype != DT_F32 || g.rank != x.rank - 1 || !sameAxes(x, 0, g, 0, g.rank) || g.buffer < 0 || (g.rank != 1 && !isDense(g)))
      return "expected a float32 gradient per row";
  }
  return nullptr;
}

}  // namespace rows

static constexpr Kernel rows_kernels[] = {
    {"softmax", nullptr, nullptr, nullptr, nullptr, rows::chunks<rows::SOFTMAX>, rows::run<rows::SOFTMAX>,
     rows::verify<rows::SOFTMAX>},
    {"logSoftmax", nullptr, nullptr, nullptr, nullptr, rows::chunks<rows::LOG_SOFTMAX>, rows::run<rows::LOG_SOFTMAX>,
     rows::verify<rows::LOG_SOFTMAX>},
    {"sparseCrossEntropy", nullptr, nullptr, nullptr, nullptr, rows::chunks<rows::LOSS>, rows::run<rows::LOSS>,
     rows::verify<rows::LOSS>},
    {"sparseCrossEntropyGradient", nullptr, nullptr, nullptr, nullptr, rows::chunks<rows::GRADIENT>, rows::run<rows::GRADIENT>,
     rows::verify<rows::GRADIENT>},
};
