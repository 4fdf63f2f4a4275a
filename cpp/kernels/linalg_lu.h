// LU factors with row exchanges: solve and determinant.
//
// Panels of 32 columns, row by row; the exchanged rows, then the panel's rows to the right of it, then one product for the rest.
// Bound: arithmetic, ⅔ n³.
//
// A pivot counts as 0 where it is not above the rounding error of double, n · 2⁻⁵², beside what its row and its column began with:
// then the float32 matrix is singular as far as anybody can tell.
#pragma once
#include "linalg_triangular.h"

namespace linalg {
namespace {

struct LU {
  double* matrix;   // [n, n], becomes L (unit, below the diagonal) and U
  double* rowMax;   // [n], largest magnitudes at the start, in the order of the exchanged rows
  double* columnMax;
  int32_t* order;   // [n], row i is row order[i] of the input
  int64_t n;
  int64_t zeroAt;   // first pivot that counts as 0, or n
  bool isOdd;       // number of exchanges
};
INLINE int64_t luDoubles(int64_t n) { return n * n + 3 * n; }

static LU factorize(double* work, const float* a, int64_t n) {
  LU f = {work, work + n * n, work + n * n + n, (int32_t*)(work + n * n + 2 * n), n, n, false};
  widen(f.matrix, a, n * n);
  for (int64_t i = 0; i < n; i++) f.rowMax[i] = f.columnMax[i] = 0, f.order[i] = (int32_t)i;
  for (int64_t i = 0; i < n; i++)
    for (int64_t j = 0; j < n; j++) {
      const double x = magnitude(f.matrix[i * n + j]);
      if (x > f.rowMax[i]) f.rowMax[i] = x;
      if (x > f.columnMax[j]) f.columnMax[j] = x;
    }
  for (int64_t first = 0; first < n; first += PANEL) {
    const int64_t last = smaller(first + PANEL, n);
    for (int64_t j = first; j < last; j++) {
      int64_t best = j;
      for (int64_t i = j + 1; i < n; i++)
        if (magnitude(f.matrix[i * n + j]) > magnitude(f.matrix[best * n + j])) best = i;
      if (best != j) {
        double *x = f.matrix + j * n, *y = f.matrix + best * n;
        for (int64_t c = 0; c < n; c++) {
          const double t = x[c];
          x[c] = y[c], y[c] = t;
        }
        const double t = f.rowMax[j];
        f.rowMax[j] = f.rowMax[best], f.rowMax[best] = t;
        const int32_t o = f.order[j];
        f.order[j] = f.order[best], f.order[best] = o;
        f.isOdd = !f.isOdd;
      }
      const double pivot = f.matrix[j * n + j];
      const double scale = f.rowMax[j] < f.columnMax[j] ? f.rowMax[j] : f.columnMax[j];
      if (magnitude(pivot) <= (double)n * EPSILON * scale) {
        f.zeroAt = j;
        return f;
      }
      const double inverse = 1 / pivot;
      for (int64_t i = j + 1; i < n; i++) {
        double* row = f.matrix + i * n;
        row[j] *= inverse;
        addMultiple(row + j + 1, -row[j], f.matrix + j * n + j + 1, last - j - 1);
      }
    }
    for (int64_t i = first; i < last; i++)
      for (int64_t j = first; j < i; j++)
        addMultiple(f.matrix + i * n + last, -f.matrix[i * n + j], f.matrix + j * n + last, n - last);
    subtractProduct(f.matrix + last * n + last, n, f.matrix + last * n + first, n, f.matrix + first * n + last, n, n - last,
                    n - last, last - first);
  }
  return f;
}

// solve: a [n, n], b [n, k] → x with a·x = b; a pivot of 0 is a fault.
struct Solve {
  static int64_t doubles(const StepArgs* a) {
    const int64_t n = rowsOf(a->views[0]);
    return luDoubles(n) + n * columnsOf(a->views[1]);
  }
  static void one(const StepArgs* a, int64_t index, double* work, Thread* thread) {
    const int64_t n = rowsOf(a->views[0]), k = columnsOf(a->views[1]);
    const LU f = factorize(work, partOf(a, 0, index), n);
    float* to = partOf(a, 2, index);
    if (f.zeroAt < n) {
      thread->report(thread, FAULT_MATRIX, index, (int32_t)f.zeroAt);
      fillZeros(to, n * k);
      return;
    }
    double* x = work + luDoubles(n);
    const float* b = partOf(a, 1, index);
    for (int64_t i = 0; i < n; i++) widen(x + i * k, b + f.order[i] * k, k);
    forwardSubstitution(f.matrix, x, n, k, true);
    backSubstitution(f.matrix, x, n, k, false);
    rounded(to, x, n * k);
  }
  static const char* verify(const StepArgs* a) {
    if (!areSquare(a, 3) || !isBatched(a, 1, 2) || !isBatched(a, 2, 2)) return "expected square matrices, right sides and results";
    return rowsOf(a->views[1]) == rowsOf(a->views[0]) && sameAxes(a->views[1], 0, a->views[2], 0, a->views[1].rank)
               ? nullptr
               : "expected right sides as long as the matrices";
  }
};

// determinant: a [n, n] → det, its sign, log |det|; 0, 0 and −∞ for a singular matrix.
struct Determinant {
  static int64_t doubles(const StepArgs* a) { return luDoubles(rowsOf(a->views[0])); }
  // x · 2^exponent, also where the power alone is out of range.
  static double scaled(double x, int64_t exponent) {
    for (; exponent > 1000 && x != 0; exponent -= 1000) x *= 0x1p1000;
    for (; exponent < -1000 && x != 0; exponent += 1000) x *= 0x1p-1000;
    if (exponent > 1000 || exponent < -1000) return x;
    const int64_t bits = (exponent + 1023) << 52;  // positive
    double power;
    __builtin_memcpy(&power, &bits, 8);
    return x * power;
  }
  static void one(const StepArgs* a, int64_t index, double* work, Thread*) {
    const int64_t n = rowsOf(a->views[0]);
    const LU f = factorize(work, partOf(a, 0, index), n);
    double mantissa = f.zeroAt < n ? 0 : f.isOdd ? -1 : 1;
    int64_t exponent = 0;
    for (int64_t i = 0; i < f.zeroAt; i++) {
      // Powers of two are counted apart, so that neither many large nor many small pivots leave the range.
      int64_t bits;
      __builtin_memcpy(&bits, &f.matrix[i * n + i], 8);
      const int64_t e = ((bits >> 52) & 0x7ff) - 1023;
      if (e != 1024) exponent += e, bits -= e * ((int64_t)1 << 52);  // infinities and NaN stay
      double x;
      __builtin_memcpy(&x, &bits, 8);
      mantissa *= x;
      if (magnitude(mantissa) >= 0x1p500) mantissa *= 0x1p-500, exponent += 500;
    }
    const double size = magnitude(mantissa);
    const double logarithm = size > 0 ? logWide(splatDouble(size))[0] + (double)exponent * 0.693147180559945309417 : size;
    *partOf(a, 1, index) = (float)scaled(mantissa, exponent);
    *partOf(a, 2, index) = mantissa > 0 ? 1 : mantissa < 0 ? -1 : (float)mantissa;
    *partOf(a, 3, index) = size == 0 ? -__builtin_inff() : (float)logarithm;
  }
  static const char* verify(const StepArgs* a) {
    return areSquare(a, 4) && isBatched(a, 1, 0) && isBatched(a, 2, 0) && isBatched(a, 3, 0)
               ? nullptr
               : "expected square matrices and three numbers of each";
  }
};

}  // namespace
}  // namespace linalg
