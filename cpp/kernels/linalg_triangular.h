// Systems with a triangular matrix, and the Cholesky factor.
//
// Right sides are rows of length k: solved in panels of 32 rows by multiples of rows, the rows behind a panel by one product.
// Bound: arithmetic, n²·k. For one right side (k = 1) it is the latency of n dependent rows.
#pragma once
#include "linalg.h"

namespace linalg {
namespace {

// X ← L⁻¹ X for lower L [n, n], X [n, k].
static void forwardSubstitution(const double* l, double* x, int64_t n, int64_t k, bool unit) {
  for (int64_t first = 0; first < n; first += PANEL) {
    const int64_t last = smaller(first + PANEL, n);
    for (int64_t i = first; i < last; i++) {
      for (int64_t j = first; j < i; j++) addMultiple(x + i * k, -l[i * n + j], x + j * k, k);
      if (!unit) scaleRow(x + i * k, 1 / l[i * n + i], k);
    }
    subtractProduct(x + last * k, k, l + last * n + first, n, x + first * k, k, n - last, k, last - first);
  }
}
// X ← U⁻¹ X for upper U.
static void backSubstitution(const double* u, double* x, int64_t n, int64_t k, bool unit) {
  for (int64_t last = n; last > 0; last -= smaller(PANEL, last)) {
    const int64_t first = larger(0, last - PANEL);
    for (int64_t i = last - 1; i >= first; i--) {
      for (int64_t j = i + 1; j < last; j++) addMultiple(x + i * k, -u[i * n + j], x + j * k, k);
      if (!unit) scaleRow(x + i * k, 1 / u[i * n + i], k);
    }
    subtractProduct(x, k, u + first, n, x + first * k, k, first, k, last - first);
  }
}

// triangularSolve: a [n, n], b [n, k] → x; words: lower, transpose, unit, tolerance (float bits). A diagonal element not above
// tolerance · the largest one is a fault.
struct TriangularSolve {
  static int64_t doubles(const StepArgs* a) {
    const int64_t n = rowsOf(a->views[0]), k = columnsOf(a->views[1]);
    return n * n + n * k;
  }
  static void one(const StepArgs* a, int64_t index, double* work, Thread* thread) {
    const int64_t n = rowsOf(a->views[0]), k = columnsOf(a->views[1]);
    const bool isLower = a->words[0], transpose = a->words[1], unit = a->words[2];
    float tolerance;
    __builtin_memcpy(&tolerance, a->words + 3, 4);
    double *t = work, *x = work + n * n;
    const float* from = partOf(a, 0, index);
    if (transpose) widenTransposed(t, from, n, n);
    else widen(t, from, n * n);
    float* to = partOf(a, 2, index);
    if (!unit) {
      double largest = 0;
      for (int64_t i = 0; i < n; i++) largest = magnitude(t[i * n + i]) > largest ? magnitude(t[i * n + i]) : largest;
      for (int64_t i = 0; i < n; i++) {
        if (!(magnitude(t[i * n + i]) <= tolerance * largest)) continue;
        thread->report(thread, FAULT_MATRIX, index, (int32_t)i);
        fillZeros(to, n * k);
        return;
      }
    }
    widen(x, partOf(a, 1, index), n * k);
    if (isLower != transpose) forwardSubstitution(t, x, n, k, unit);
    else backSubstitution(t, x, n, k, unit);
    rounded(to, x, n * k);
  }
  static const char* verify(const StepArgs* a) {
    if (!areSquare(a, 3) || !isBatched(a, 1, 2) || !isBatched(a, 2, 2)) return "expected square matrices, right sides and results";
    if (rowsOf(a->views[1]) != rowsOf(a->views[0]) || !sameAxes(a->views[1], 0, a->views[2], 0, a->views[1].rank))
      return "expected right sides as long as the matrices";
    return wordsWithin(a, 0, 3, 0, 1) && a->wordCount == 4 ? nullptr : "expected lower, transpose, unit and a tolerance";
  }
};

// cholesky: a [n, n] → lower L with L·Lᵀ = a; only the lower triangle of a is read. A pivot that is not above the rounding error
// of its diagonal element is a fault. Computed as the upper U = Lᵀ, so that all work runs along rows: a panel of 32 rows, then one
// product for what is below it.
struct Cholesky {
  static int64_t doubles(const StepArgs* a) {
    const int64_t n = rowsOf(a->views[0]);
    return n * n + PANEL * n;
  }
  static void one(const StepArgs* a, int64_t index, double* work, Thread* thread) {
    const int64_t n = rowsOf(a->views[0]);
    double *u = work, *left = work + n * n;
    const float* from = partOf(a, 0, index);
    widenTransposed(u, from, n, n);
    float* to = partOf(a, 1, index);
    for (int64_t first = 0; first < n; first += PANEL) {
      const int64_t last = smaller(first + PANEL, n);
      for (int64_t j = first; j < last; j++) {
        double* row = u + j * n;
        if (row[j] <= (double)n * EPSILON * magnitude(from[j * n + j])) {
          thread->report(thread, FAULT_MATRIX, index, (int32_t)j);
          fillZeros(to, n * n);
          return;
        }
        row[j] = squareRoot(row[j]);
        scaleRow(row + j + 1, 1 / row[j], n - j - 1);
        for (int64_t i = j + 1; i < last; i++) addMultiple(u + i * n + i, -row[i], row + i, n - i);
      }
      const int64_t below = n - last, width = last - first;
      for (int64_t p = 0; p < width; p++)
        for (int64_t i = 0; i < below; i++) left[i * width + p] = u[(first + p) * n + last + i];
      // Blocks of rows, so that little below the diagonal is computed in vain.
      for (int64_t i = 0; i < below; i += 2 * PANEL)
        subtractProduct(u + (last + i) * n + last + i, n, left + i * width, width, u + first * n + last + i, n,
                        smaller(2 * PANEL, below - i), below - i, width);
    }
    for (int64_t i = 0; i < n; i++) {
      for (int64_t j = 0; j <= i; j++) to[i * n + j] = (float)u[j * n + i];
      fillZeros(to + i * n + i + 1, n - i - 1);
    }
  }
  static const char* verify(const StepArgs* a) {
    return areSquare(a, 2) && isBatched(a, 1, 2) && sameAxes(a->views[0], 0, a->views[1], 0, a->views[0].rank)
               ? nullptr
               : "expected square matrices and results";
  }
};

}  // namespace
}  // namespace linalg
