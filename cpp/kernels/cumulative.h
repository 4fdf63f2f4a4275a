// Running operations along an axis: the linear recurrence y = a·y + b (running sums and products, their derivatives), and the
// running maximum and minimum.
//
// Bound: the latency of one step per element where an axis stands alone (an addition, and a multiplication where a is no
// constant 1: 4 and 8 cycles), else memory. COLUMNS_AT_ONCE neighbouring columns, or ROWS_AT_ONCE rows, run side by side to hide
// it. Chunks of about 8 Ki elements, none cuts an axis: the order of a sum is that of its elements. Float states are
// doubles, so that a long sum does not lose what a float32 state would; integers wrap around.
//
// Reached, with two threads that others used too: sum of a vector of 1e6 0.69 ms, of 1000 rows or columns of 1000 0.39 ms
// (20 GB/s); product of a vector 1.5 ms, of columns 0.59 ms.
//
// An output may be one of its inputs: each element is read before it is written. With `exclusive` the state before each
// element is written instead of the state after it.
#pragma once
#include "checks.h"
#include "kernel.h"
#include "../simd.h"

namespace cumulative {
namespace {  // classes whose functions must not leave this object

static const int COLUMNS_AT_ONCE = 16;  // one cache line of floats
static const int ROWS_AT_ONCE = 4;      // more streams would meet in the same sets of the first cache

enum Word { AXIS = 0, REVERSE = 1, EXCLUSIVE = 2, START = 3 };

struct Geometry {
  int64_t outer, n, inner;  // elements before, along and behind the axis
  int64_t lanes;            // that run side by side
  int64_t groups;           // of lanes, within one of the outer where inner > 1
  int64_t each;             // groups per chunk
};

static Geometry geometryOf(const StepArgs* a) {
  const View& y = a->views[a->viewCount - 1];
  const int axis = a->words[AXIS];
  Geometry g = {1, y.dims[axis], 1, 0, 0, 1};
  for (int d = 0; d < axis; d++) g.outer *= y.dims[d];
  for (int d = axis + 1; d < y.rank; d++) g.inner *= y.dims[d];
  g.lanes = g.inner == 1 ? ROWS_AT_ONCE : COLUMNS_AT_ONCE;
  g.groups = g.inner == 1 ? (g.outer + g.lanes - 1) / g.lanes : g.outer * ((g.inner + g.lanes - 1) / g.lanes);
  const int64_t elements = g.n * g.lanes;
  if (elements > 0 && elements < 8192) g.each = 8192 / elements;
  return g;
}

static int64_t chunks(const StepArgs* a, int32_t) {
  const Geometry g = geometryOf(a);
  return g.n == 0 ? 0 : (g.groups + g.each - 1) / g.each;
}

// The states of W lanes along the axis; lane l begins at element start + l · laneStride.
template <int W, class Op>
INLINE void sweep(const Op& op, int64_t start, int64_t laneStride, int64_t stride, const Geometry& g, const int32_t* words) {
  typename Op::State state[W];
  const bool exclusive = words[EXCLUSIVE] != 0;
  int64_t i = words[REVERSE] ? start + (g.n - 1) * stride : start;
  const int64_t step = words[REVERSE] ? -stride : stride;
  for (int l = 0; l < W; l++) {
    state[l] = op.first(i + l * laneStride);
    op.write(i + l * laneStride, exclusive ? op.before() : state[l]);
  }
  for (int64_t k = 1; k < g.n; k++) {
    i += step;
    for (int l = 0; l < W; l++) {
      const typename Op::State previous = state[l];
      state[l] = op.next(previous, i + l * laneStride);
      op.write(i + l * laneStride, exclusive ? previous : state[l]);
    }
  }
}

template <class Op>
static void sweepChunks(const Op& op, const StepArgs* a, int64_t begin, int64_t end) {
  const Geometry g = geometryOf(a);
  const int64_t last = end * g.each < g.groups ? end * g.each : g.groups;
  const int64_t perOuter = g.inner == 1 ? 1 : (g.inner + g.lanes - 1) / g.lanes;
  for (int64_t group = begin * g.each; group < last; group++) {
    if (g.inner == 1) {
      int64_t row = group * ROWS_AT_ONCE;
      if (row + ROWS_AT_ONCE <= g.outer) {
        sweep<ROWS_AT_ONCE>(op, row * g.n, g.n, 1, g, a->words);
        continue;
      }
      for (; row < g.outer; row++) sweep<1>(op, row * g.n, 0, 1, g, a->words);
      continue;
    }
    int64_t column = group % perOuter * COLUMNS_AT_ONCE;
    const int64_t plane = group / perOuter * g.n * g.inner;
    if (column + COLUMNS_AT_ONCE <= g.inner) {
      sweep<COLUMNS_AT_ONCE>(op, plane + column, 1, g.inner, g, a->words);
      continue;
    }
    for (; column < g.inner; column++) sweep<1>(op, plane + column, 0, g.inner, g, a->words);
  }
}

// ---- linearRecurrence ------------------------------------------------------------------------------------------

INLINE bool isRepeated(const View& v) {
  for (int d = 0; d < v.rank; d++)
    if (v.strides[d] != 0) return false;
  return true;
}

// STEP: 1 reads element after element, 0 the one that is repeated.
template <int A, int B>
struct FloatRecurrence {
  using State = double;
  const float *a, *b;
  float* y;
  double start;
  inline __attribute__((always_inline)) double before() const { return start; }
  inline __attribute__((always_inline)) double first(int64_t i) const { return start != 0 ? next(start, i) : (double)b[i * B]; }
  inline __attribute__((always_inline)) double next(double state, int64_t i) const { return (double)a[i * A] * state + (double)b[i * B]; }
  inline __attribute__((always_inline)) void write(int64_t i, double state) const { y[i] = (float)state; }
};

// a is 1 throughout: the multiplication would only add its latency.
struct FloatSum {
  using State = double;
  const float* b;
  float* y;
  double start;
  inline __attribute__((always_inline)) double before() const { return start; }
  inline __attribute__((always_inline)) double first(int64_t i) const { return start + (double)b[i]; }
  inline __attribute__((always_inline)) double next(double state, int64_t i) const { return state + (double)b[i]; }
  inline __attribute__((always_inline)) void write(int64_t i, double state) const { y[i] = (float)state; }
};

struct IntRecurrence {
  using State = uint32_t;
  const uint32_t *a, *b;
  uint32_t* y;
  int64_t stepA, stepB;
  uint32_t start;
  inline __attribute__((always_inline)) uint32_t before() const { return start; }
  inline __attribute__((always_inline)) uint32_t first(int64_t i) const { return next(start, i); }
  inline __attribute__((always_inline)) uint32_t next(uint32_t state, int64_t i) const { return a[i * stepA] * state + b[i * stepB]; }
  inline __attribute__((always_inline)) void write(int64_t i, uint32_t state) const { y[i] = state; }
};

static void recurrenceRun(const StepArgs* s, int32_t, int64_t begin, int64_t end, Thread*) {
  const View &a = s->views[0], &b = s->views[1], &y = s->views[2];
  const bool oneA = isRepeated(a), oneB = isRepeated(b);
  if (y.dtype == DT_I32) {
    const IntRecurrence op = {(const uint32_t*)a.data, (const uint32_t*)b.data, (uint32_t*)y.data, !oneA, !oneB,
                              (uint32_t)s->words[START]};
    return sweepChunks(op, s, begin, end);
  }
  const float *fa = (const float*)a.data, *fb = (const float*)b.data;
  float* fy = (float*)y.data;
  const double start = s->words[START];
  if (oneA && !oneB && *fa == 1.0f) return sweepChunks(FloatSum{fb, fy, start}, s, begin, end);
  if (oneA && oneB) return sweepChunks(FloatRecurrence<0, 0>{fa, fb, fy, start}, s, begin, end);
  if (oneA) return sweepChunks(FloatRecurrence<0, 1>{fa, fb, fy, start}, s, begin, end);
  if (oneB) return sweepChunks(FloatRecurrence<1, 0>{fa, fb, fy, start}, s, begin, end);
  sweepChunks(FloatRecurrence<1, 1>{fa, fb, fy, start}, s, begin, end);
}

static bool isWhole(const View& v) { return isDense(v) && (v.dtype == DT_F32 || v.dtype == DT_I32); }

static bool sameShape(const View& v, const View& w) {
  return v.rank == w.rank && v.dtype == w.dtype && sameAxes(v, 0, w, 0, w.rank);
}

static const char* recurrenceVerify(const StepArgs* s) {
  if (s->viewCount != 3) return "expected 3 operands";
  const View& y = s->views[2];
  if (!isWhole(y) || y.rank < 1) return "expected a dense float32 or int32 result";
  for (int i = 0; i < 2; i++) {
    const View& v = s->views[i];
    if (!sameShape(v, y) || v.buffer < 0 || !(isDense(v) || isRepeated(v))) return "expected operands like the result";
  }
  if (s->wordCount != 4 || !wordsWithin(s, AXIS, 1, 0, y.rank - 1) || !wordsWithin(s, REVERSE, 3, 0, 1))
    return "expected an axis and three flags";
  return nullptr;
}

// ---- cumMax, cumMin --------------------------------------------------------------------------------------------

template <class T, int SIGN>
struct Extremum {
  using State = T;
  const T* x;
  T* y;
  T nothing;
  inline __attribute__((always_inline)) T before() const { return nothing; }
  inline __attribute__((always_inline)) T first(int64_t i) const { return x[i]; }
  inline __attribute__((always_inline)) T next(T best, int64_t i) const {
    const T v = x[i];
    return (SIGN > 0 ? v > best : v < best) || v != v ? v : best;  // a NaN that is the best stays
  }
  inline __attribute__((always_inline)) void write(int64_t i, T state) const { y[i] = state; }
};

template <int SIGN>
static void extremumRun(const StepArgs* s, int32_t, int64_t begin, int64_t end, Thread*) {
  const View &x = s->views[0], &y = s->views[1];
  if (y.dtype == DT_I32)
    return sweepChunks(Extremum<int32_t, SIGN>{(const int32_t*)x.data, (int32_t*)y.data, 0}, s, begin, end);
  sweepChunks(Extremum<float, SIGN>{(const float*)x.data, (float*)y.data, __builtin_nanf("")}, s, begin, end);
}

static const char* extremumVerify(const StepArgs* s) {
  if (s->viewCount != 2) return "expected 2 operands";
  const View &x = s->views[0], &y = s->views[1];
  if (!isWhole(y) || !isWhole(x) || y.rank < 1 || !sameShape(x, y)) return "expected dense float32 or int32 operands";
  if (s->wordCount != 3 || !wordsWithin(s, AXIS, 1, 0, y.rank - 1) || !wordsWithin(s, REVERSE, 2, 0, 1))
    return "expected an axis and two flags";
  return nullptr;
}

}  // namespace
}  // namespace cumulative

static constexpr Kernel cumulative_kernels[] = {
    {"linearRecurrence", nullptr, nullptr, nullptr, nullptr, cumulative::chunks, cumulative::recurrenceRun, cumulative::recurrenceVerify},
    {"cumMax", nullptr, nullptr, nullptr, nullptr, cumulative::chunks, cumulative::extremumRun<1>, cumulative::extremumVerify},
    {"cumMin", nullptr, nullptr, nullptr, nullptr, cumulative::chunks, cumulative::extremumRun<-1>, cumulative::extremumVerify},
};
