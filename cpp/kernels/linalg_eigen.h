// Eigenvalues of symmetric matrices, and singular values by way of them.
//
// eigh: Householder reflections to a tridiagonal matrix, then implicit QL with Wilkinson's shift; rotations act on two rows of
// eigenvectors. Bound: arithmetic and the second-level cache, about 2 n³ for the reflections and 9 n³ for the rotations.
//
// svd: the rows A·v for the eigenvectors v of AᵀA are nearly orthogonal; one-sided Jacobi rotations make them so, which also
// gives small singular values to the accuracy of float32, where squares alone would not. One or two sweeps as a rule.
//
// Signs are fixed: the component of largest magnitude (the first among equals) of an eigenvector or left singular vector is
// positive.
#pragma once
#include "linalg_qr.h"

namespace linalg {
namespace {

// a [n, n] (both triangles) → values [n], vectors as rows [n, n], in no order; a and space [3 n] are used up.
static void symmetricEigen(double* a, double* values, double* vectors, double* space, int64_t n) {
  double *side = space, *tau = space + n, *p = space + 2 * n;
  for (int64_t k = 0; k + 1 < n; k++) {
    // Row k right of the diagonal becomes the reflector, side[k] what stands beside the diagonal.
    double* v = a + k * n + k + 1;
    const int64_t rest = n - k - 1;
    tau[k] = reflector(v, rest, side + k);
    values[k] = a[k * n + k];
    if (tau[k] == 0) continue;
    for (int64_t i = 0; i < rest; i++) p[i] = tau[k] * dotProduct(a + (k + 1 + i) * n + k + 1, v, rest);
    addMultiple(p, -0.5 * tau[k] * dotProduct(p, v, rest), v, rest);
    for (int64_t i = 0; i < rest; i++) {
      double* row = a + (k + 1 + i) * n + k + 1;
      addMultiple(row, -v[i], p, rest);
      addMultiple(row, -p[i], v, rest);
    }
  }
  if (n > 0) values[n - 1] = a[n * n - 1], side[n - 1] = 0;
  makeIdentity(vectors, n);
  for (int64_t c = 1; c < n; c++)
    for (int64_t k = smaller(c - 1, n - 2); k >= 0; k--)
      reflect(vectors + c * n + k + 1, a + k * n + k + 1, tau[k], n - k - 1);

  for (int64_t low = 0; low < n; low++) {
    for (int turn = 0; turn < 60; turn++) {
      int64_t high = low;
      while (high < n - 1 && !(magnitude(side[high]) <= EPSILON * (magnitude(values[high]) + magnitude(values[high + 1])))) high++;
      if (high == low) break;
      const double slope = (values[low + 1] - values[low]) / (2 * side[low]);
      const double length = squareRoot(slope * slope + 1);
      double g = values[high] - values[low] + side[low] / (slope + (slope >= 0 ? length : -length));
      double c = 1, s = 1, shift = 0;
      int64_t i = high - 1;
      for (; i >= low; i--) {
        const double f = s * side[i], b = c * side[i];
        const double r = squareRoot(f * f + g * g);
        side[i + 1] = r;
        if (r == 0) {
          values[i + 1] -= shift;
          side[high] = 0;
          break;
        }
        s = f / r;
        c = g / r;
        const double before = values[i + 1] - shift;
        const double t = (values[i] - before) * s + 2 * c * b;
        shift = s * t;
        values[i + 1] = before + shift;
        g = c * t - b;
        rotateRows(vectors + i * n, vectors + (i + 1) * n, c, s, n);
      }
      if (i >= low) continue;
      values[low] -= shift;
      side[low] = g;
      side[high] = 0;
    }
  }
}

// Numbers in order[0 … n) so that keys rise (or fall); equal ones keep their order. n is small beside the rest of the work.
static void sortedOrder(int32_t* order, const double* keys, int64_t n, bool falling) {
  for (int64_t i = 0; i < n; i++) {
    int64_t at = i;
    for (; at > 0; at--) {
      const double before = keys[order[at - 1]];
      if (falling ? !(keys[i] > before) : !(keys[i] < before)) break;
      order[at] = order[at - 1];
    }
    order[at] = (int32_t)i;
  }
}
static double signOf(const double* x, int64_t n) {
  double largest = 0, sign = 1;
  for (int64_t i = 0; i < n; i++)
    // A little more, so that components equal but for rounding count as equal.
    if (magnitude(x[i]) > largest * (1 + 1e-6)) largest = magnitude(x[i]), sign = x[i] < 0 ? -1 : 1;
  return sign;
}

// eigh: a [n, n], lower triangle → values [n], rising; vectors [n, n] as columns.
struct Eigh {
  static int64_t doubles(const StepArgs* a) {
    const int64_t n = rowsOf(a->views[0]);
    return 2 * n * n + 5 * n;
  }
  static void one(const StepArgs* a, int64_t index, double* work, Thread*) {
    const int64_t n = rowsOf(a->views[0]);
    double *matrix = work, *vectors = work + n * n, *values = vectors + n * n, *space = values + n;
    int32_t* order = (int32_t*)(space + 3 * n);
    widen(matrix, partOf(a, 0, index), n * n);
    for (int64_t i = 0; i < n; i++)
      for (int64_t j = 0; j < i; j++) matrix[j * n + i] = matrix[i * n + j];
    symmetricEigen(matrix, values, vectors, space, n);
    sortedOrder(order, values, n, false);
    float *toValues = partOf(a, 1, index), *toVectors = partOf(a, 2, index);
    for (int64_t j = 0; j < n; j++) {
      const double* v = vectors + order[j] * n;
      const double sign = signOf(v, n);
      toValues[j] = (float)values[order[j]];
      for (int64_t i = 0; i < n; i++) toVectors[i * n + j] = (float)(sign * v[i]);
    }
  }
  static const char* verify(const StepArgs* a) {
    return areSquare(a, 3) && isBatched(a, 1, 1) && isBatched(a, 2, 2) && columnsOf(a->views[1]) == rowsOf(a->views[0]) &&
                   sameAxes(a->views[0], 0, a->views[2], 0, a->views[0].rank)
               ? nullptr
               : "expected square matrices, their values and vectors";
  }
};

// svd: a [m, n] with m ≥ n → u [m, n], s [n], falling; vh [n, n].
struct SVD {
  static int64_t doubles(const StepArgs* a) {
    const int64_t m = rowsOf(a->views[0]), n = columnsOf(a->views[0]);
    return 2 * n * m + 2 * n * n + 5 * n;
  }
  // Rows of `images` made orthogonal by rotations, which turn the rows of `vectors` along.
  static void orthogonalize(double* images, double* vectors, double* squares, int64_t n, int64_t m) {
    for (int sweep = 0; sweep < 40; sweep++) {
      double largest = 0;
      for (int64_t i = 0; i < n; i++) {
        squares[i] = dotProduct(images + i * m, images + i * m, m);
        if (squares[i] > largest) largest = squares[i];
      }
      // Rows of rounding errors alone have no direction.
      const double nothing = largest * (EPSILON * EPSILON) * (double)(m * m);
      bool isDone = true;
      for (int64_t i = 0; i < n; i++)
        for (int64_t j = i + 1; j < n; j++) {
          if (squares[i] <= nothing || squares[j] <= nothing) continue;
          const double product = dotProduct(images + i * m, images + j * m, m);
          if (!(magnitude(product) > 1e-12 * squareRoot(squares[i] * squares[j]))) continue;
          isDone = false;
          const double zeta = (squares[j] - squares[i]) / (2 * product);
          const double root = squareRoot(1 + zeta * zeta);
          const double t = 1 / (zeta + (zeta >= 0 ? root : -root));
          const double c = 1 / squareRoot(1 + t * t), s = c * t;
          rotateRows(images + i * m, images + j * m, c, s, m);
          rotateRows(vectors + i * n, vectors + j * n, c, s, n);
          squares[i] = dotProduct(images + i * m, images + i * m, m);
          squares[j] = dotProduct(images + j * m, images + j * m, m);
        }
      if (isDone) return;
    }
  }
  // Row `row` becomes a unit vector orthogonal to the rows before it: the first axis vector that leaves something.
  static void complete(double* rows, int64_t row, int64_t m) {
    double* x = rows + row * m;
    for (int64_t axis = 0; axis < m; axis++) {
      for (int64_t i = 0; i < m; i++) x[i] = 0;
      x[axis] = 1;
      for (int again = 0; again < 2; again++)
        for (int64_t before = 0; before < row; before++)
          addMultiple(x, -dotProduct(rows + before * m, x, m), rows + before * m, m);
      const double norm = squareRoot(dotProduct(x, x, m));
      if (norm * norm * (double)m < 0.5) continue;  // the average axis leaves (m − row) / m
      scaleRow(x, 1 / norm, m);
      return;
    }
  }
  static void one(const StepArgs* a, int64_t index, double* work, Thread*) {
    const int64_t m = rowsOf(a->views[0]), n = columnsOf(a->views[0]);
    double *columns = work, *images = columns + n * m, *gram = images + n * m, *vectors = gram + n * n;
    double *values = vectors + n * n, *space = values + n;
    int32_t* order = (int32_t*)(space + 3 * n);
    widenTransposed(columns, partOf(a, 0, index), m, n);
    for (int64_t i = 0; i < n; i++)
      for (int64_t j = 0; j <= i; j++) gram[i * n + j] = gram[j * n + i] = dotProduct(columns + i * m, columns + j * m, m);
    symmetricEigen(gram, values, vectors, space, n);
    for (int64_t i = 0; i < n; i++) {
      for (int64_t k = 0; k < m; k++) images[i * m + k] = 0;
      for (int64_t j = 0; j < n; j++) addMultiple(images + i * m, vectors[i * n + j], columns + j * m, m);
    }
    orthogonalize(images, vectors, values, n, m);
    for (int64_t i = 0; i < n; i++) values[i] = squareRoot(dotProduct(images + i * m, images + i * m, m));
    sortedOrder(order, values, n, true);
    float *toU = partOf(a, 1, index), *toS = partOf(a, 2, index), *toV = partOf(a, 3, index);
    double* left = columns;  // the rows of uᵀ
    for (int64_t j = 0; j < n; j++) {
      const int64_t from = order[j];
      const double s = values[from];
      double* u = left + j * m;
      if (s <= values[order[0]] * EPSILON * (double)m) {
        complete(left, j, m);
      } else {
        for (int64_t k = 0; k < m; k++) u[k] = images[from * m + k] / s;
      }
      const double sign = signOf(u, m);
      toS[j] = (float)s;
      for (int64_t k = 0; k < m; k++) toU[k * n + j] = (float)(sign * u[k]);
      for (int64_t k = 0; k < n; k++) toV[j * n + k] = (float)(sign * vectors[from * n + k]);
    }
  }
  static const char* verify(const StepArgs* a) {
    if (a->viewCount != 4 || a->views[0].rank < 2 || !isBatched(a, 0, 2) || !isBatched(a, 1, 2) || !isBatched(a, 2, 1) || !isBatched(a, 3, 2))
      return "expected matrices, u, s and vh";
    const int64_t m = rowsOf(a->views[0]), n = columnsOf(a->views[0]);
    if (m < n || rowsOf(a->views[1]) != m || columnsOf(a->views[1]) != n) return "expected at least as many rows as columns, and u alike";
    return columnsOf(a->views[2]) == n && rowsOf(a->views[3]) == n && columnsOf(a->views[3]) == n ? nullptr : "expected n values and square vh";
  }
};

}  // namespace
}  // namespace linalg
