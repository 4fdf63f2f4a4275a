// Complex transforms of sixteen signals at once, in planes: element e of a plane is the sixteen values of the signals, so
// that nothing ever crosses lanes. Self-sorting (Stockham), decimation in frequency:
//
//   y[q + s (r p + i)] = wᵖⁱ Σ_j ωʲⁱ x[q + s (p + m j)],   w = e^(−2πi / rm), ω = e^(−2πi / r),   p < m, q < s
//
// for each radix r, s the product of the radices before and m of those behind. Radices 8, 4, 2, 5, 3, and odd primes up to
// LARGEST_RADIX by the sums themselves, halved by symmetry.
#pragma once
#include "simd.h"
#include "roots.h"

namespace fft {

static const int WIDTH = 16;           // signals side by side: one cache line
static const int LARGEST_RADIX = 61;   // beyond, a detour over a power of two (chirp.h) costs less than r operations an element
static const int MAX_PASSES = 24;

// A plane pair: element e at re + e · stride and im + e · stride.
struct Planes {
  float *re, *im;
  int64_t stride;
};
INLINE Planes swapped(Planes p) { return {p.im, p.re, p.stride}; }
INLINE Planes from(Planes p, int64_t offset) { return {p.re + offset, p.im + offset, p.stride}; }

struct Factors {
  int64_t n;
  int32_t count;
  int32_t radix[MAX_PASSES];
  const float* table;  // pass by pass: m · (r − 1) roots wᵖⁱ as (cos, sin), then for primes above 5 the r roots of ωʲ
};

INLINE bool hasRoots(int32_t radix) { return radix > 5 && radix != 8; }

// Zero passes where a prime factor is too large.
static Factors factorsOf(int64_t n) {
  Factors f = {n, 0, {}, nullptr};
  int64_t rest = n;
  int twos = 0;
  while (rest % 2 == 0) rest /= 2, twos++;
  while (twos >= 3 && twos != 4) f.radix[f.count++] = 8, twos -= 3;  // 2⁴ is 4 · 4
  while (twos >= 2) f.radix[f.count++] = 4, twos -= 2;
  if (twos) f.radix[f.count++] = 2;
  for (int prime = 3; prime <= LARGEST_RADIX; prime += 2)
    while (rest % prime == 0) rest /= prime, f.radix[f.count++] = prime;
  if (n == 1) f.radix[f.count++] = 1;
  if (rest > 1) f.count = 0;
  return f;
}

static int64_t tableFloats(const Factors& f) {
  int64_t floats = 0, s = 1;
  for (int i = 0; i < f.count; i++) {
    const int r = f.radix[i];
    const int64_t m = f.n / (s * r);
    floats += 2 * m * (r - 1) + (hasRoots(r) ? 2 * r : 0);
    s *= r;
  }
  return floats;
}

static float* fillTable(Factors& f, float* at) {
  f.table = at;
  int64_t s = 1;
  for (int pass = 0; pass < f.count; pass++) {
    const int r = f.radix[pass];
    const int64_t m = f.n / (s * r);
    for (int64_t p = 0; p < m; p++)
      for (int i = 1; i < r; i++, at += 2) {
        const Root w = rootOfUnity(p * i, r * m);
        at[0] = (float)w.cos, at[1] = (float)-w.sin;
      }
    if (hasRoots(r))
      for (int j = 0; j < r; j++, at += 2) {
        const Root w = rootOfUnity(j, r);
        at[0] = (float)w.cos, at[1] = (float)w.sin;
      }
    s *= r;
  }
  return at;
}

// ---- Butterflies -----------------------------------------------------------------------------------------------

struct Complex {
  vf re, im;
};
INLINE Complex operator+(Complex a, Complex b) { return {a.re + b.re, a.im + b.im}; }
INLINE Complex operator-(Complex a, Complex b) { return {a.re - b.re, a.im - b.im}; }
INLINE Complex plusI(Complex a, Complex b) { return {a.re - b.im, a.im + b.re}; }   // a + ib
INLINE Complex minusI(Complex a, Complex b) { return {a.re + b.im, a.im - b.re}; }  // a − ib
INLINE Complex scale(Complex a, vf by) { return {a.re * by, a.im * by}; }
INLINE Complex plus(Complex a, vf b, Complex c) { return {fma(a.re, b, c.re), fma(a.im, b, c.im)}; }  // ab + c
INLINE Complex times(Complex a, vf re, vf im) { return {fma(a.re, re, -(a.im * im)), fma(a.re, im, a.im * re)}; }

INLINE void four(Complex& a, Complex& b, Complex& c, Complex& d) {
  const Complex sum = a + c, difference = a - c, sum2 = b + d, difference2 = b - d;
  a = sum + sum2;
  b = minusI(difference, difference2);
  c = sum - sum2;
  d = plusI(difference, difference2);
}

INLINE void butterfly2(Complex* a) {
  const Complex sum = a[0] + a[1];
  a[1] = a[0] - a[1];
  a[0] = sum;
}
INLINE void butterfly3(Complex* a) {
  const Complex sum = a[1] + a[2], cross = scale(a[1] - a[2], splat(0.86602540378443865f));
  const Complex middle = plus(sum, splat(-0.5f), a[0]);
  a[0] = a[0] + sum;
  a[1] = minusI(middle, cross);
  a[2] = plusI(middle, cross);
}
INLINE void butterfly5(Complex* a) {
  const vf c1 = splat(0.30901699437494742f), c2 = splat(-0.80901699437494742f);
  const vf s1 = splat(0.95105651629515357f), s2 = splat(0.58778525229247313f);
  const Complex p = a[1] + a[4], q = a[2] + a[3], u = a[1] - a[4], v = a[2] - a[3];
  const Complex first = plus(q, c2, plus(p, c1, a[0])), second = plus(q, c1, plus(p, c2, a[0]));
  const Complex cross1 = plus(v, s2, scale(u, s1)), cross2 = plus(v, -s1, scale(u, s2));
  a[0] = a[0] + p + q;
  a[1] = minusI(first, cross1);
  a[2] = minusI(second, cross2);
  a[3] = plusI(second, cross2);
  a[4] = plusI(first, cross1);
}
INLINE void butterfly8(Complex* a) {
  const vf half = splat(0.70710678118654752f);
  four(a[0], a[2], a[4], a[6]);
  four(a[1], a[3], a[5], a[7]);
  const Complex o0 = a[1], o2 = a[5], e0 = a[0], e1 = a[2], e2 = a[4], e3 = a[6];
  const Complex o1 = scale({a[3].re + a[3].im, a[3].im - a[3].re}, half);      // · e^(−πi/4)
  const Complex o3 = scale({a[7].im - a[7].re, -(a[7].re + a[7].im)}, half);   // · e^(−3πi/4)
  a[0] = e0 + o0, a[4] = e0 - o0;
  a[1] = e1 + o1, a[5] = e1 - o1;
  a[2] = minusI(e2, o2), a[6] = plusI(e2, o2);
  a[3] = e3 + o3, a[7] = e3 - o3;
}

template <int R>
INLINE void butterfly(Complex* a) {
  if constexpr (R == 2) butterfly2(a);
  if constexpr (R == 3) butterfly3(a);
  if constexpr (R == 4) four(a[0], a[1], a[2], a[3]);
  if constexpr (R == 5) butterfly5(a);
  if constexpr (R == 8) butterfly8(a);
}

// ---- Passes ----------------------------------------------------------------------------------------------------

INLINE Complex at(Planes p, int64_t element, int lane) {
  return {load(p.re + element * p.stride + lane), load(p.im + element * p.stride + lane)};
}
INLINE void put(Planes p, int64_t element, int lane, Complex v) {
  store(p.re + element * p.stride + lane, v.re);
  store(p.im + element * p.stride + lane, v.im);
}

// The last pass has no roots and takes the scale.
template <int R, bool LAST>
static void pass(Planes x, Planes y, int64_t m, int64_t s, const float* w, float factor) {
  const vf by = splat(factor);
  for (int64_t p = 0; p < m; p++, w += 2 * (R - 1))
    for (int64_t q = 0; q < s; q++)
      for (int lane = 0; lane < WIDTH; lane += LANES) {
        Complex a[R];
#pragma GCC unroll 8
        for (int j = 0; j < R; j++) a[j] = at(x, q + s * (p + m * j), lane);
        butterfly<R>(a);
#pragma GCC unroll 8
        for (int i = 0; i < R; i++) {
          if (LAST) a[i] = scale(a[i], by);
          else if (i > 0) a[i] = times(a[i], splat(w[2 * i - 2]), splat(w[2 * i - 1]));
          put(y, q + s * (R * p + i), lane, a[i]);
        }
      }
}

// An odd prime r: y_i = m − iσ and y_(r−i) = m + iσ with m = a₀ + Σ_j cos(2πij/r) (a_j + a_(r−j)), σ = Σ_j sin(2πij/r) (a_j − a_(r−j)).
static void primePass(int r, bool isLast, Planes x, Planes y, int64_t m, int64_t s, const float* w, float factor) {
  const float* roots = w + 2 * m * (r - 1);
  const int half = r / 2;
  for (int64_t p = 0; p < m; p++, w += 2 * (r - 1))
    for (int64_t q = 0; q < s; q++)
      for (int lane = 0; lane < WIDTH; lane += LANES) {
        Complex sum[LARGEST_RADIX / 2], difference[LARGEST_RADIX / 2];
        const Complex first = at(x, q + s * p, lane);
        Complex total = first;
        for (int j = 0; j < half; j++) {
          const Complex a = at(x, q + s * (p + m * (j + 1)), lane), b = at(x, q + s * (p + m * (r - 1 - j)), lane);
          sum[j] = a + b, difference[j] = a - b;
          total = total + sum[j];
        }
        put(y, q + s * r * p, lane, isLast ? scale(total, splat(factor)) : total);
        for (int i = 1; i <= half; i++) {
          Complex middle = first, cross = {zeroFloat(), zeroFloat()};
          for (int j = 0, k = i; j < half; j++, k = k + i >= r ? k + i - r : k + i) {
            middle = plus(sum[j], splat(roots[2 * k]), middle);
            cross = plus(difference[j], splat(roots[2 * k + 1]), cross);
          }
          Complex low = minusI(middle, cross), high = plusI(middle, cross);
          if (isLast) {
            low = scale(low, splat(factor)), high = scale(high, splat(factor));
          } else {
            low = times(low, splat(w[2 * i - 2]), splat(w[2 * i - 1]));
            high = times(high, splat(w[2 * (r - i) - 2]), splat(w[2 * (r - i) - 1]));
          }
          put(y, q + s * (r * p + i), lane, low);
          put(y, q + s * (r * p + r - i), lane, high);
        }
      }
}

template <int R>
static void eitherPass(bool isLast, Planes x, Planes y, int64_t m, int64_t s, const float* w, float factor) {
  if (isLast) pass<R, true>(x, y, m, s, w, factor);
  else pass<R, false>(x, y, m, s, w, factor);
}

// The transform of `in`, times `factor`, in `out`. The passes between go back and forth between `a` and `b`, the first one
// to `a`; `in` may be `b`, `out` what the last pass but one does not write.
static void transform(const Factors& f, Planes in, Planes a, Planes b, Planes out, float factor) {
  const float* w = f.table;
  Planes x = in;
  int64_t s = 1;
  for (int i = 0; i < f.count; i++) {
    const bool isLast = i == f.count - 1;
    const Planes y = isLast ? out : i % 2 == 0 ? a : b;
    const int r = f.radix[i];
    const int64_t m = f.n / (s * r);
    switch (r) {
      case 8: eitherPass<8>(isLast, x, y, m, s, w, factor); break;
      case 4: eitherPass<4>(isLast, x, y, m, s, w, factor); break;
      case 2: eitherPass<2>(isLast, x, y, m, s, w, factor); break;
      case 5: eitherPass<5>(isLast, x, y, m, s, w, factor); break;
      case 3: eitherPass<3>(isLast, x, y, m, s, w, factor); break;
      case 1: eitherPass<1>(isLast, x, y, m, s, w, factor); break;
      default: primePass(r, isLast, x, y, m, s, w, factor);
    }
    w += 2 * m * (r - 1) + (hasRoots(r) ? 2 * r : 0);
    s *= r;
    x = y;
  }
}
// Where `transform` may leave its result without overwriting what it reads: the buffer the last pass does not come from.
INLINE Planes lastOf(const Factors& f, Planes a, Planes b) { return f.count % 2 == 1 ? a : b; }

}  // namespace fft
