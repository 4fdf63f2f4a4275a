// Lengths with large prime factors (Bluestein 1970): with jk = (j² + k² − (k − j)²) / 2 a transform of length n becomes a
// convolution with a chirp, computed over a power of two M ≥ 2n − 1:
//
//   X_k = c_k Σ_j (x_j c_j) c̄_(k−j),   c_j = e^(−πi j²/n)
#pragma once
#include "roots.h"

namespace fft {

INLINE int64_t convolutionLength(int64_t n) {
  int64_t m = 1;
  while (m < 2 * n - 1) m *= 2;
  return m;
}

INLINE Root chirpAt(int64_t j, int64_t n) {
  const Root w = rootOfUnity(j * j % (2 * n), 2 * n);  // n < 2³⁰
  return {w.cos, -w.sin};
}

// In place, n a power of two, forward; in double precision, once when a program is loaded.
static void transformDouble(double* re, double* im, int64_t n) {
  for (int64_t i = 1, j = 0; i < n; i++) {  // bits reversed
    int64_t bit = n / 2;
    for (; j & bit; bit /= 2) j ^= bit;
    j ^= bit;
    if (i < j) {
      const double a = re[i], b = im[i];
      re[i] = re[j], im[i] = im[j], re[j] = a, im[j] = b;
    }
  }
  for (int64_t length = 2; length <= n; length *= 2)
    for (int64_t k = 0; k < length / 2; k++) {
      const Root w = rootOfUnity(k, length);
      for (int64_t i = k; i < n; i += length) {
        const int64_t j = i + length / 2;
        const double a = re[j] * w.cos + im[j] * w.sin, b = im[j] * w.cos - re[j] * w.sin;
        re[j] = re[i] - a, im[j] = im[i] - b;
        re[i] += a, im[i] += b;
      }
    }
}

// chirp: n pairs (cos, sin) of c. spectrum: m pairs, the transform of c̄ wrapped around, times `factor`. work: 2m doubles.
static void fillChirp(int64_t n, int64_t m, double factor, float* chirp, float* spectrum, double* work) {
  double *re = work, *im = work + m;
  for (int64_t j = 0; j < m; j++) re[j] = im[j] = 0;
  for (int64_t j = 0; j < n; j++) {
    const Root c = chirpAt(j, n);
    chirp[2 * j] = (float)c.cos, chirp[2 * j + 1] = (float)c.sin;
    re[j] = c.cos, im[j] = -c.sin;
    if (j > 0) re[m - j] = c.cos, im[m - j] = -c.sin;
  }
  transformDouble(re, im, m);
  for (int64_t k = 0; k < m; k++) spectrum[2 * k] = (float)(re[k] * factor), spectrum[2 * k + 1] = (float)(im[k] * factor);
}

}  // namespace fft
