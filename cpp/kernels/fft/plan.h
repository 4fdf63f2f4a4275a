// What a transform is and what of it is computed when a program is loaded: factors, roots, the chirp.
//
//   "fft"    re, im [outer, n, inner] → re, im of the same shape:  X_k = scale · Σ_j x_j e^(−2πi jk/n)
//   "rfft"   x [outer, n, inner] → re, im [outer, n/2 + 1, inner]:  the first half of the same, of a real signal
//   "irfft"  re, im [outer, n/2 + 1, inner] → x [outer, n, inner]:  x_j = scale · Σ_k X_k e^(2πi jk/n), X_(n−k) = X̄_k
//
// An even n of rfft and irfft is a complex transform of length h = n/2 of z_j = x_2j + i x_(2j+1) and
//   X_k = E + wᵏO,  X_(h−k) = conj(E − wᵏO),  E = (Z_k + Z̄_(h−k))/2,  O = (Z_k − Z̄_(h−k))/2i,  w = e^(−2πi/n).
// The inverse is the forward transform with real and imaginary planes exchanged before and after.
#pragma once
#include "kernels/checks.h"
#include "chirp.h"
#include "passes.h"

namespace fft {

enum Kind { FFT, RFFT, IRFFT };

static const int64_t CAPACITY = THREAD_SCRATCH / (4 * WIDTH * 4);  // elements of the four planes of a thread
static const int64_t LONGEST_IN_LANES = 2048;                      // longer ones leave the second-level cache
static const int64_t FEW_ROWS = 8, SHORTEST_SPLIT = 256;

// words: axis, scale (bits of a float)
struct Problem {
  Kind kind;
  int64_t outer, inner;  // signals before and behind the axis
  int64_t length;        // n of the real or complex signal
  bool isHalf;           // by a complex transform of half the length
  int64_t n;             // length of the complex transform
  int64_t m;             // what is computed: n, or the length of the convolution
  bool isChirp;
  bool isSplit;          // rows by rows and columns in phases; else sixteen signals side by side
  int64_t n1, n2;        // split: m = n1 · n2
  float scale;
  const float *inRe, *inIm;
  float *outRe, *outIm;
};
INLINE int64_t inputLength(const Problem& p) { return p.kind == IRFFT ? p.length / 2 + 1 : p.length; }
INLINE int64_t outputLength(const Problem& p) { return p.kind == RFFT ? p.length / 2 + 1 : p.length; }

// The factor of m below its root that comes nearest; 0 where the other does not fit a thread.
static int64_t shorterSide(int64_t m) {
  int64_t best = 0;
  for (int64_t n1 = 1; n1 * n1 <= m; n1++)
    if (m % n1 == 0) best = n1;
  return m / best <= CAPACITY ? best : 0;
}
static bool isComputable(int64_t m) { return factorsOf(m).count > 0 && (m <= LONGEST_IN_LANES || shorterSide(m) > 0); }

static Problem problemOf(const StepArgs* a, Kind kind) {
  Problem p = {};
  const int axis = a->words[0];
  const View& longest = a->views[kind == IRFFT ? 2 : 0];
  p.kind = kind;
  p.outer = p.inner = 1;
  for (int d = 0; d < axis; d++) p.outer *= longest.dims[d];
  for (int d = axis + 1; d < longest.rank; d++) p.inner *= longest.dims[d];
  p.length = longest.dims[axis];
  p.isHalf = kind != FFT && p.length % 2 == 0;
  p.n = p.isHalf ? p.length / 2 : p.length;
  p.isChirp = p.n > 0 && !isComputable(p.n);
  p.m = p.isChirp ? convolutionLength(p.n) : p.n;
  p.isSplit = p.inner == 1 && (p.m > LONGEST_IN_LANES || (p.outer < FEW_ROWS && p.m >= SHORTEST_SPLIT));
  p.n1 = p.isSplit ? shorterSide(p.m) : 1;
  p.isSplit = p.isSplit && (p.n1 >= 8 || p.m > LONGEST_IN_LANES);
  p.n2 = p.isSplit ? p.m / p.n1 : p.m;
  __builtin_memcpy(&p.scale, &a->words[1], 4);
  const int inputs = kind == RFFT ? 1 : 2;
  p.inRe = (const float*)a->views[0].data;
  p.inIm = kind == RFFT ? nullptr : (const float*)a->views[1].data;
  p.outRe = (float*)a->views[inputs].data;
  p.outIm = kind == IRFFT ? nullptr : (float*)a->views[inputs + 1].data;
  return p;
}

struct Plan {
  Problem problem;        // without addresses and run-time lengths
  Factors columns, rows;  // of n1 and n2; not split: rows alone, of m
  const float* half;      // (cos, sin) of e^(−2πi k/length), k ≤ n/2
  const float* chirp;
  const float* spectrum;
  const float* across;    // split: [n1][WIDTH] of e^(−2πi k·l/m) as (cos…, sin…)
  const float* along;     // split: [groups of columns][n1] of e^(−2πi k·16g/m)
};

INLINE int64_t columnGroups(const Problem& p) { return (p.n2 + WIDTH - 1) / WIDTH; }

static int64_t planFloats(const Problem& p) {
  int64_t floats = (sizeof(Plan) + 3) / 4 + 2 + tableFloats(factorsOf(p.n2));
  if (p.isHalf) floats += 2 * (p.n / 2 + 1);
  if (p.isChirp) floats += 2 * p.n + 2 * p.m + 4 * p.m;  // and 2m doubles to work with
  if (p.isSplit) floats += tableFloats(factorsOf(p.n1)) + 2 * p.n1 * WIDTH + 2 * p.n1 * columnGroups(p);
  return floats;
}

static void fillPlan(const Problem& p, Plan* plan) {
  double* work = (double*)(void*)((uint8_t*)plan + (sizeof(Plan) + 7) / 8 * 8);
  float* at = (float*)(void*)work + (p.isChirp ? 4 * p.m : 0);
  plan->problem = p;
  plan->rows = factorsOf(p.n2);
  at = fillTable(plan->rows, at);
  if (p.isSplit) {
    plan->columns = factorsOf(p.n1);
    at = fillTable(plan->columns, at);
    plan->across = at;
    for (int64_t k = 0; k < p.n1; k++, at += 2 * WIDTH)
      for (int lane = 0; lane < WIDTH; lane++) {
        const Root w = rootOfUnity(k * lane, p.m);
        at[lane] = (float)w.cos, at[WIDTH + lane] = (float)-w.sin;
      }
    plan->along = at;
    for (int64_t group = 0; group < columnGroups(p); group++)
      for (int64_t k = 0; k < p.n1; k++, at += 2) {
        const Root w = rootOfUnity(k * group * WIDTH, p.m);
        at[0] = (float)w.cos, at[1] = (float)-w.sin;
      }
  }
  if (p.isHalf) {
    plan->half = at;
    for (int64_t k = 0; k <= p.n / 2; k++, at += 2) {
      const Root w = rootOfUnity(k, p.length);
      at[0] = (float)w.cos, at[1] = (float)-w.sin;
    }
  }
  if (p.isChirp) {
    plan->chirp = at;
    plan->spectrum = at + 2 * p.n;
    fillChirp(p.n, p.m, (double)p.scale / (double)p.m, at, at + 2 * p.n, work);
  }
}

// ---- Before and behind the complex transform -------------------------------------------------------------------
// V is one signal's value (float) or that of LANES signals (vf); get(i) and put(i, re, im) reach elements by their number.

template <class V>
INLINE V constant(float x) {
  if constexpr (sizeof(V) == sizeof(float)) return x;
  else return splat(x);
}

template <class V> struct Value {
  V re, im;
};
template <class V> INLINE Value<V> product(Value<V> a, float re, float im) {
  return {a.re * constant<V>(re) - a.im * constant<V>(im), a.re * constant<V>(im) + a.im * constant<V>(re)};
}

// How many numbers `before` and `behind` count through for one signal.
INLINE int64_t beforeCount(const Problem& p) { return p.kind == IRFFT ? p.n / 2 + 1 : p.n; }
INLINE int64_t behindCount(const Problem& p) { return p.kind == RFFT ? p.n / 2 + 1 : p.n; }

// Number i of what the complex transform reads (and its mirror image). `get` gives the input's element: of two planes, or of
// one with im = 0.
template <class V, class Get, class Put>
INLINE void before(const Plan& plan, int64_t i, Get get, Put put) {
  const Problem& p = plan.problem;
  auto chirped = [&](int64_t e, Value<V> z) {
    put(e, p.isChirp ? product(z, plan.chirp[2 * e], plan.chirp[2 * e + 1]) : z);
  };
  if (p.kind == FFT || (p.kind == RFFT && !p.isHalf)) return chirped(i, get(i));
  if (p.kind == RFFT) return chirped(i, {get(2 * i).re, get(2 * i + 1).re});
  const Value<V> x = get(i);
  const V zero = constant<V>(0);
  if (!p.isHalf) {  // exchanged planes: (im, re)
    if (i == 0) return chirped(0, {zero, x.re});
    chirped(i, {x.im, x.re});
    return chirped(p.n - i, {zero - x.im, x.re});
  }
  const Value<V> y = get(p.n - i);
  if (i == 0) return chirped(0, {x.re - y.re, x.re + y.re});
  const Value<V> even = {x.re + y.re, x.im - y.im}, difference = {x.re - y.re, x.im + y.im};
  const Value<V> odd = product(difference, plan.half[2 * i], -plan.half[2 * i + 1]);
  chirped(i, {even.im + odd.re, even.re - odd.im});            // even + i·odd
  chirped(p.n - i, {odd.re - even.im, even.re + odd.im});      // conj(even) + i·conj(odd)
}

// Number i of what the complex transform has written (and its mirror image), as the result wants it: `put` one value, or
// for irfft `put` real values with im ignored.
template <class V, class Get, class Put>
INLINE void behind(const Plan& plan, int64_t i, Get get, Put put) {
  const Problem& p = plan.problem;
  auto chirped = [&](int64_t e) {
    const Value<V> z = get(e);
    return p.isChirp ? product(z, plan.chirp[2 * e], plan.chirp[2 * e + 1]) : z;
  };
  const Value<V> z = chirped(i);
  if (p.kind == FFT || (p.kind == RFFT && !p.isHalf)) return put(i, z);
  const V zero = constant<V>(0);
  if (p.kind == IRFFT) {  // exchanged planes
    if (!p.isHalf) return put(i, {z.im, zero});
    put(2 * i, {z.im, zero});
    return put(2 * i + 1, {z.re, zero});
  }
  const Value<V> y = i == 0 ? z : chirped(p.n - i);
  const V half = constant<V>(0.5f);
  const Value<V> even = {(z.re + y.re) * half, (z.im - y.im) * half}, odd = {(z.im + y.im) * half, (y.re - z.re) * half};
  const Value<V> turned = product(odd, plan.half[2 * i], plan.half[2 * i + 1]);
  put(i, {even.re + turned.re, even.im + turned.im});
  put(p.n - i, {even.re - turned.re, turned.im - even.im});
}

}  // namespace fft
