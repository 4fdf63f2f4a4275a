// Batches of small dense matrices: what their kernels share.
//
// Every kernel takes one matrix at a time, widens it to double, works there and rounds once: pivots, rotations and sums need no
// other care for float32 results. Chunks are runs of matrices of the batch; a single matrix is not cut. Working copies lie in
// the step's scratch, one per chunk.
//
// Bound: arithmetic in double, half the lanes of float32. Factorizations of many right sides are blocked by panels of
// PANEL columns, so that what is behind a panel is updated by one product (subtractProduct, 4 rows × 2 vectors).
// Reached on one thread with AVX-512, n = 64, 256, 500, milliseconds of processor time on a busy machine (NumPy in float32, one
// thread, a moment later): cholesky 0.01, 0.6, 2.5 (0.02, 1.1, 3.8); solve of n right sides 0.12, 1.4, 12 (0.06, 2.8, 12);
// det 0.08, 0.5, 2.2 (0.03, 0.5, 2.7); qr 0.14, 3.6, 25 (0.08, 3.1, 13); eigh 0.34, 6, 44 (0.25, 5.8, 23); svd 0.34, 8.4, 73
// (0.39, 12, 47).
#pragma once
#include "checks.h"
#include "kernel.h"
#include "math_wide.h"

namespace linalg {

typedef double vdMemory __attribute__((vector_size(LANES * 4), aligned(8), may_alias));
static constexpr int WIDE = LANES / 2;  // doubles in a vector
INLINE vd load(const double* p) { return (vd)*(const vdMemory*)p; }
INLINE void store(double* p, vd v) { *(vdMemory*)p = (vdMemory)v; }
INLINE vd fmaWide(vd a, vd b, vd c) {
#if SIMD_AVX512
  return (vd)_mm512_fmadd_pd((__m512d)a, (__m512d)b, (__m512d)c);
#elif SIMD_AVX2
  return (vd)_mm256_fmadd_pd((__m256d)a, (__m256d)b, (__m256d)c);
#elif SIMD_NEON
  return (vd)vfmaq_f64((float64x2_t)c, (float64x2_t)a, (float64x2_t)b);
#else
  return a * b + c;
#endif
}
INLINE double sumLanesWide(vd v) {
  double t[WIDE];
  store(t, v);
  for (int width = WIDE / 2; width; width /= 2)
    for (int i = 0; i < width; i++) t[i] += t[i + width];
  return t[0];
}
INLINE double squareRoot(double x) { return sqrt(splatDouble(x))[0]; }
INLINE double magnitude(double x) { return x < 0 ? -x : x; }
INLINE int64_t smaller(int64_t a, int64_t b) { return a < b ? a : b; }
INLINE int64_t larger(int64_t a, int64_t b) { return a > b ? a : b; }

static const double EPSILON = 2.220446049250313e-16;  // of double
static const int64_t PANEL = 32;

// ---- Rows of doubles -----------------------------------------------------------------------------------------------

// Σ x·y
static double dotProduct(const double* x, const double* y, int64_t n) {
  vd s0 = splatDouble(0), s1 = s0;
  int64_t i = 0;
  for (; i + 2 * WIDE <= n; i += 2 * WIDE) {
    s0 = fmaWide(load(x + i), load(y + i), s0);
    s1 = fmaWide(load(x + i + WIDE), load(y + i + WIDE), s1);
  }
  double sum = sumLanesWide(s0 + s1);
  for (; i < n; i++) sum += x[i] * y[i];
  return sum;
}
// y += factor · x
static void addMultiple(double* y, double factor, const double* x, int64_t n) {
  const vd f = splatDouble(factor);
  int64_t i = 0;
  for (; i + WIDE <= n; i += WIDE) store(y + i, fmaWide(f, load(x + i), load(y + i)));
  for (; i < n; i++) y[i] += factor * x[i];
}
static void scaleRow(double* x, double factor, int64_t n) {
  const vd f = splatDouble(factor);
  int64_t i = 0;
  for (; i + WIDE <= n; i += WIDE) store(x + i, f * load(x + i));
  for (; i < n; i++) x[i] *= factor;
}
// (x, y) ← (c·x − s·y, s·x + c·y)
static void rotateRows(double* x, double* y, double c, double s, int64_t n) {
  const vd cosine = splatDouble(c), sine = splatDouble(s), minus = splatDouble(-s);
  int64_t i = 0;
  for (; i + WIDE <= n; i += WIDE) {
    const vd a = load(x + i), b = load(y + i);
    store(x + i, fmaWide(cosine, a, minus * b));
    store(y + i, fmaWide(sine, a, cosine * b));
  }
  for (; i < n; i++) {
    const double a = x[i], b = y[i];
    x[i] = c * a - s * b;
    y[i] = s * a + c * b;
  }
}

// C[m, n] −= A[m, k] · B[k, n], all row-major; k is at most PANEL.
static void subtractProduct(double* c, int64_t strideC, const double* a, int64_t strideA, const double* b, int64_t strideB,
                            int64_t m, int64_t n, int64_t k) {
  int64_t i = 0;
  for (; i + 4 <= m; i += 4) {
    const double* rows = a + i * strideA;
    double* to = c + i * strideC;
    int64_t j = 0;
    for (; j + 2 * WIDE <= n; j += 2 * WIDE) {
      vd t[4][2];
      for (int r = 0; r < 4; r++)
        for (int h = 0; h < 2; h++) t[r][h] = load(to + r * strideC + j + h * WIDE);
      for (int64_t p = 0; p < k; p++) {
        const vd b0 = load(b + p * strideB + j), b1 = load(b + p * strideB + j + WIDE);
        for (int r = 0; r < 4; r++) {
          const vd factor = splatDouble(-rows[r * strideA + p]);
          t[r][0] = fmaWide(factor, b0, t[r][0]);
          t[r][1] = fmaWide(factor, b1, t[r][1]);
        }
      }
      for (int r = 0; r < 4; r++)
        for (int h = 0; h < 2; h++) store(to + r * strideC + j + h * WIDE, t[r][h]);
    }
    for (; j < n; j++)
      for (int r = 0; r < 4; r++) {
        double t = to[r * strideC + j];
        for (int64_t p = 0; p < k; p++) t -= rows[r * strideA + p] * b[p * strideB + j];
        to[r * strideC + j] = t;
      }
  }
  for (; i < m; i++)
    for (int64_t p = 0; p < k; p++) addMultiple(c + i * strideC, -a[i * strideA + p], b + p * strideB, n);
}

// ---- Matrices of a batch -------------------------------------------------------------------------------------------

// The last two axes of an operand.
INLINE int64_t rowsOf(const View& v) { return v.dims[v.rank - 2]; }
INLINE int64_t columnsOf(const View& v) { return v.dims[v.rank - 1]; }

// The first operand is always the batch of matrices; the other operands have the same batch axes.
INLINE int64_t matrixCount(const StepArgs* a) {
  int64_t count = 1;
  for (int d = 0; d < a->views[0].rank - 2; d++) count *= a->views[0].dims[d];
  return count;
}

// The part of an operand that belongs to a matrix of the batch.
static float* partOf(const StepArgs* a, int view, int64_t index) {
  const View& v = a->views[view];
  int64_t size = 1;
  for (int d = a->views[0].rank - 2; d < v.rank; d++) size *= v.dims[d];
  return (float*)v.data + index * size;
}

static void widen(double* to, const float* from, int64_t n) {
  int64_t i = 0;
  for (; i + LANES <= n; i += LANES) {
    const vf v = ::load(from + i);
    store(to + i, widenLow(v));
    store(to + i + WIDE, widenHigh(v));
  }
  for (; i < n; i++) to[i] = from[i];
}
static void rounded(float* to, const double* from, int64_t n) {
  int64_t i = 0;
  for (; i + LANES <= n; i += LANES) ::store(to + i, narrow(load(from + i), load(from + i + WIDE)));
  for (; i < n; i++) to[i] = (float)from[i];
}
// to[columns, rows] = from[rows, columns]ᵀ
static void widenTransposed(double* to, const float* from, int64_t rows, int64_t columns) {
  for (int64_t i = 0; i < rows; i++)
    for (int64_t j = 0; j < columns; j++) to[j * rows + i] = from[i * columns + j];
}
static void fillZeros(float* to, int64_t n) {
  for (int64_t i = 0; i < n; i++) to[i] = 0;
}
static void makeIdentity(double* to, int64_t n) {
  for (int64_t i = 0; i < n * n; i++) to[i] = 0;
  for (int64_t i = 0; i < n; i++) to[i * n + i] = 1;
}

// An operation on one matrix: `doubles` it needs to work, and `one`, which does it. Chunks are as many matrices as make some
// ten thousand operations; so many chunks that their scratch stays within 16 MiB, or eight.
static const int64_t SCRATCH_BYTES = 16 << 20, CHUNK_WORK = 1 << 15, MOST_CHUNKS = 64;
template <class Operation>
static int64_t bytesEach(const StepArgs* a) {
  return (Operation::doubles(a) * 8 + 255) & ~(int64_t)255;
}
template <class Operation>
static int64_t mostChunks(const StepArgs* a) {
  return smaller(MOST_CHUNKS, larger(8, SCRATCH_BYTES / larger(bytesEach<Operation>(a), 1)));
}
template <class Operation>
static int64_t matricesEach(const StepArgs* a) {
  const int64_t count = matrixCount(a), most = mostChunks<Operation>(a);
  const View& v = a->views[0];
  const int64_t work = larger(1, rowsOf(v) * columnsOf(v) * smaller(rowsOf(v), columnsOf(v)));
  return larger(larger((count + most - 1) / most, CHUNK_WORK / work), 1);
}
template <class Operation>
static int64_t chunks(const StepArgs* a, int32_t) {
  const int64_t each = matricesEach<Operation>(a);
  return (matrixCount(a) + each - 1) / each;
}
template <class Operation>
static int64_t scratchBytes(const StepArgs* a) {
  return smaller(mostChunks<Operation>(a), matrixCount(a)) * bytesEach<Operation>(a);  // also enough for a shorter batch
}
template <class Operation>
static void run(const StepArgs* a, int32_t, int64_t begin, int64_t end, Thread* thread) {
  const int64_t each = matricesEach<Operation>(a), count = matrixCount(a);
  for (int64_t chunk = begin; chunk < end; chunk++) {
    double* work = (double*)(a->scratch + chunk * bytesEach<Operation>(a));
    const int64_t last = smaller((chunk + 1) * each, count);
    for (int64_t index = chunk * each; index < last; index++) Operation::one(a, index, work, thread);
  }
}
template <class Operation>
static constexpr Kernel kernelOf(const char* name, const char* (*verify)(const StepArgs*)) {
  return {name, nullptr, nullptr, scratchBytes<Operation>, nullptr, chunks<Operation>, run<Operation>, verify};
}

// float32, dense, with the batch axes of the first operand.
static bool isBatched(const StepArgs* a, int view, int matrixAxes) {
  const View &first = a->views[0], &v = a->views[view];
  return v.rank == first.rank - 2 + matrixAxes && isDenseFloat(v, v.rank) && sameAxes(v, 0, first, 0, first.rank - 2);
}
static bool areSquare(const StepArgs* a, int operands) {
  return a->viewCount == operands && a->views[0].rank >= 2 && isBatched(a, 0, 2) && rowsOf(a->views[0]) == columnsOf(a->views[0]);
}

}  // namespace linalg
