// Householder reflections: QR, and what the eigenvalues need of them.
//
// H = I − τ v vᵀ with v₀ = 1 (not stored apart: v is kept whole, its first element 1). Columns are kept as rows, so that all
// sums and updates run along memory. Bound: the second-level cache for n above a hundred, 2 passes over a column per reflection.
#pragma once
#include "linalg.h"

namespace linalg {
namespace {

// Makes x ← v and returns τ, so that H x = (β, 0, …, 0). Where all but the first element is 0, H is the identity, as in LAPACK.
static double reflector(double* x, int64_t n, double* beta) {
  const double below = n > 1 ? dotProduct(x + 1, x + 1, n - 1) : 0;
  const double alpha = x[0];
  x[0] = 1;
  *beta = alpha;
  if (below == 0) return 0;
  const double norm = squareRoot(alpha * alpha + below);
  *beta = alpha >= 0 ? -norm : norm;
  scaleRow(x + 1, 1 / (alpha - *beta), n - 1);
  return (*beta - alpha) / *beta;
}
// x ← H x
INLINE void reflect(double* x, const double* v, double tau, int64_t n) {
  if (tau != 0) addMultiple(x, -tau * dotProduct(v, x, n), v, n);
}

// qr: a [m, n] with m ≥ n → q [m, c], upper r [n, n]; c is n, or m where the last m − n columns of q complete the basis.
struct QR {
  static int64_t doubles(const StepArgs* a) {
    const int64_t m = rowsOf(a->views[0]), n = columnsOf(a->views[0]);
    return m * n + 2 * n + m;
  }
  static void one(const StepArgs* a, int64_t index, double* work, Thread*) {
    const int64_t m = rowsOf(a->views[0]), n = columnsOf(a->views[0]), c = columnsOf(a->views[1]);
    double *columns = work, *tau = work + m * n, *diagonal = tau + n, *q = diagonal + n;
    widenTransposed(columns, partOf(a, 0, index), m, n);
    float *toQ = partOf(a, 1, index), *toR = partOf(a, 2, index);
    for (int64_t j = 0; j < n; j++) {
      double* v = columns + j * m + j;
      tau[j] = reflector(v, m - j, diagonal + j);
      for (int64_t k = j + 1; k < n; k++) reflect(columns + k * m + j, v, tau[j], m - j);
    }
    for (int64_t i = 0; i < n; i++)
      for (int64_t j = 0; j < n; j++)
        toR[i * n + j] = j < i ? 0 : (float)(j == i ? diagonal[i] : columns[j * m + i]);
    for (int64_t column = 0; column < c; column++) {
      for (int64_t i = 0; i < m; i++) q[i] = 0;
      q[column] = 1;
      // Reflections behind this column's unit vector do not touch it.
      for (int64_t j = smaller(column, n - 1); j >= 0; j--) reflect(q + j, columns + j * m + j, tau[j], m - j);
      for (int64_t i = 0; i < m; i++) toQ[i * c + column] = (float)q[i];
    }
  }
  static const char* verify(const StepArgs* a) {
    if (a->viewCount != 3 || a->views[0].rank < 2 || !isBatched(a, 0, 2) || !isBatched(a, 1, 2) || !isBatched(a, 2, 2))
      return "expected matrices, q and r";
    const int64_t m = rowsOf(a->views[0]), n = columnsOf(a->views[0]), c = columnsOf(a->views[1]);
    if (m < n || rowsOf(a->views[1]) != m || (c != n && c != m)) return "expected at least as many rows as columns, and q of n or m columns";
    return rowsOf(a->views[2]) == n && columnsOf(a->views[2]) == n ? nullptr : "expected square r";
  }
};

}  // namespace
}  // namespace linalg
