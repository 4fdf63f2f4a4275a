// Roots of unity in double precision: the angle is reduced to an eighth of the circle with integers, there a power series
// is exact to the last digit.
#pragma once
#include <stdint.h>

namespace fft {

struct Root {
  double cos, sin;
};

// e^(2πi k/n), 0 ≤ k, n < 2⁵⁹
static Root rootOfUnity(int64_t k, int64_t n) {
  k %= n;
  const int64_t octant = 8 * k / n, rest = 8 * k - octant * n;  // angle = (octant + rest/n) · π/4
  const double eighth = 0.78539816339744830962;
  const double t = eighth * (double)(octant % 2 ? n - rest : rest) / (double)n, t2 = t * t;
  double sine = 0, cosine = 0;  // Horner, t⁰ … t¹⁹
  for (int i = 18; i >= 0; i -= 2) {
    cosine = 1 - cosine * t2 / ((i + 1) * (i + 2));
    sine = 1 - sine * t2 / ((i + 2) * (i + 3));
  }
  sine *= t;
  switch (octant) {
    case 0: return {cosine, sine};
    case 1: return {sine, cosine};
    case 2: return {-sine, cosine};
    case 3: return {-cosine, sine};
    case 4: return {-cosine, -sine};
    case 5: return {-sine, -cosine};
    case 6: return {sine, -cosine};
    default: return {cosine, -sine};
  }
}

}  // namespace fft
