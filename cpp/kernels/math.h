// Elementary functions on float lanes: exp, log, tanh, sigmoid, erf and their kin.
//
// Bound: arithmetic. Each is a short polynomial after a range reduction, without branches, and with the exact
// limits: exp(−∞) = 0, log(0) = −∞, NaN in → NaN out. The rarer functions stand in math_wide.h and compute in double.
//
// Largest errors in units in the last place, against double over every 611th float and a grid around 0 (without FMA in
// brackets where it differs): exp 1.0, exp2 1.0, expm1 1.4 (1.5), log 0.8, log2 0.9 (1.9), log1p 2.3, tanh 4.4 (5.9),
// sigmoid 2.5, softplus and logSigmoid 1.6, erf 1.0 (1.2), sin and cos 1.6 for every float, tan 3.6; those of math_wide.h 0.5.
// Time per element in L1, AVX2 / AVX-512: exp 0.25 / 0.12 ns, tanh 0.22 / 0.12, sigmoid 0.32 / 0.15, log 0.47 / 0.26, erf
// 0.66 / 0.32, softplus 0.91 / 0.42, sin 0.81 / 0.44, pow 4.5 / 3.1.
#pragma once
#include "../simd.h"

// exp below 2^-126 is 0: sums over masked scores must not fill with denormals, which cost a hundred cycles each.
static const float EXP_LOWEST = -87.33654f;   // ln 2^-126
static const float EXP_HIGHEST = 88.722832f;  // largest x with finite exp
static const float LOG2_E = 1.44269504088896341f;
static const float LN2_HIGH = 0.693359375f;        // 9 bits: n · LN2_HIGH is exact
static const float LN2_LOW = -2.12194440054690583e-4f;

// e^r − 1 − r over r² for |r| ≤ ln 2 / 2 (Cephes expf).
INLINE vf expPolynomial(vf r) {
  vf p = splat(1.9875691500e-4f);
  p = fma(p, r, splat(1.3981999507e-3f));
  p = fma(p, r, splat(8.3334519073e-3f));
  p = fma(p, r, splat(4.1665795894e-2f));
  p = fma(p, r, splat(1.6666665459e-1f));
  return fma(p, r, splat(5.0000001201e-1f));
}

// 2^n · p for p in [0.7, 1.42) and results that are normal numbers.
INLINE vf scaleByPower(vf p, vf n) { return asFloat(add(asInt(p), shiftLeft(roundInRange(n), 23))); }

INLINE vf exp(vf x) {
#if SIMD_AVX512
  vf bounded = min(splat(89.0f), x);  // NaN passes; +∞ must not become ∞ − ∞
  vf n = round(bounded * splat(LOG2_E));
  vf r = fma(n, splat(-LN2_HIGH), bounded);
  r = fma(n, splat(-LN2_LOW), r);
  vf p = fma(expPolynomial(r), r * r, r) + splat(1.0f);
  __mmask16 visible = _mm512_cmp_ps_mask((__m512)x, (__m512)splat(EXP_LOWEST), _CMP_NLT_UQ);
  return (vf)_mm512_maskz_scalef_ps(visible, (__m512)p, (__m512)n);
#else
  vf n = round(x * splat(LOG2_E));
  vf r = fma(n, splat(-LN2_HIGH), x);
  r = fma(n, splat(-LN2_LOW), r);
  vf p = fma(expPolynomial(r), r * r, r) + splat(1.0f);
  vf y = scaleByPower(p, n);
  y = select(less(x, splat(EXP_LOWEST)), zeroFloat(), y);
  return select(greater(x, splat(EXP_HIGHEST)), splat(__builtin_inff()), y);
#endif
}

INLINE vf exp2(vf x) {
  vf n = round(min(splat(200.0f), max(splat(-200.0f), x)));
  vf r = (x - n) * splat(0.693147180559945309f);
  vf p = fma(expPolynomial(r), r * r, r) + splat(1.0f);
  vf y = scaleByPower(p, n);
  y = select(less(x, splat(-126.0f)), zeroFloat(), y);
  y = select(greaterEqual(x, splat(128.0f)), splat(__builtin_inff()), y);
  return select(isNaN(x), x, y);
}

// e^x − 1 without cancellation: 2^n (e^r − 1) + (2^n − 1), halved and doubled so that n = 128 stays finite.
INLINE vf expm1(vf x) {
  vf bounded = max(splat(-30.0f), min(splat(89.0f), x));
  vf n = round(bounded * splat(LOG2_E));
  vf r = fma(n, splat(-LN2_HIGH), bounded);
  r = fma(n, splat(-LN2_LOW), r);
  vf q = fma(expPolynomial(r), r * r, r);
  vf half = asFloat(shiftLeft(add(roundInRange(n), splat(126)), 23));  // 2^(n−1)
  vf y = fma(half, q, half - splat(0.5f));
  y = y + y;
  y = select(equal(n, zeroFloat()), q, y);
  y = select(greater(x, splat(EXP_HIGHEST)), splat(__builtin_inff()), y);
  return select(equal(x, zeroFloat()), x, y);
}

// x = m · 2^e with m in [√½, √2), returns f = m − 1. Denormals are scaled first.
INLINE vf splitExponent(vf x, vf* exponent) {
  vm small = less(x, splat(1.17549435e-38f));
  vf scaled = select(small, x * splat(8388608.0f), x);
  // 0x3f3504f3 = √½: subtracting it moves the boundary of the exponent there
  vi shifted = sub(asInt(scaled), splat(0x3f3504f3));
  vi e = shiftRight(shifted, 23);
  vi mantissa = add(shifted & splat(0x007fffff), splat(0x3f3504f3));
  *exponent = toFloat(e) + select(small, splat(-23.0f), zeroFloat());
  return asFloat(mantissa) - splat(1.0f);
}

// (ln(1 + f) − f + f²/2) for f in [√½ − 1, √2 − 1] (Cephes logf).
INLINE vf logPolynomial(vf f, vf square) {
  vf p = splat(7.0376836292e-2f);
  p = fma(p, f, splat(-1.1514610310e-1f));
  p = fma(p, f, splat(1.1676998740e-1f));
  p = fma(p, f, splat(-1.2420140846e-1f));
  p = fma(p, f, splat(1.4249322787e-1f));
  p = fma(p, f, splat(-1.6668057665e-1f));
  p = fma(p, f, splat(2.0000714765e-1f));
  p = fma(p, f, splat(-2.4999993993e-1f));
  p = fma(p, f, splat(3.3333331174e-1f));
  return p * f * square;
}

// −∞ at 0, NaN below, ∞ at ∞, NaN at NaN.
INLINE vf logLimits(vf x, vf y) {
  y = select(equal(x, splat(__builtin_inff())), x, y);
  y = select(equal(x, zeroFloat()), splat(-__builtin_inff()), y);
  return select(greaterEqual(x, zeroFloat()), y, splat(__builtin_nanf("")));
}

INLINE vf log(vf x) {
  vf e;
  vf f = splitExponent(x, &e);
  vf square = f * f;
  vf y = logPolynomial(f, square);
  y = fma(e, splat(LN2_LOW), y);
  y = fma(square, splat(-0.5f), y);
  return logLimits(x, fma(e, splat(LN2_HIGH), f + y));
}

INLINE vf log2(vf x) {
  vf e;
  vf f = splitExponent(x, &e);
  vf square = f * f;
  vf tail = fma(square, splat(-0.5f), logPolynomial(f, square));
  // (f + tail) · log2(e), log2(e) = 1.4375 + 0.0051950408…: the big part of f · 1.4375 first
  vf y = tail * splat(0.00519504088896341f);
  y = fma(f, splat(0.00519504088896341f), y);
  y = fma(tail, splat(1.4375f), y);
  y = fma(f, splat(1.4375f), y);
  return logLimits(x, y + e);
}

// log(1 + x): the rounding error of 1 + x is put right by the factor x / ((1 + x) − 1).
INLINE vf log1p(vf x) {
  vf u = splat(1.0f) + x;
  vf d = u - splat(1.0f);
  vf y = log(u) * (x / d);
  y = select(equal(u, splat(1.0f)), x, y);
  return select(equal(x, splat(__builtin_inff())), x, y);
}

INLINE vf sigmoid(vf x) { return splat(1.0f) / (splat(1.0f) + exp(negate(x))); }

// Odd polynomial of degree 13 over even polynomial of degree 6 (Eigen), both times 256, so that t · p is no denormal. The
// clamp is where the quotient rounds to ±1.
INLINE vf tanh(vf x) {
  const float clamp = SIMD_FUSED ? 7.99881172180175781f : 7.90531110763549805f;
  vf t = max(splat(-clamp), min(splat(clamp), x));
  vf s = t * t;
  vf p = splat(-7.06756702e-14f);
  p = fma(p, s, splat(5.12048112e-11f));
  p = fma(p, s, splat(-2.20279599e-08f));
  p = fma(p, s, splat(1.3113081e-05f));
  p = fma(p, s, splat(0.00380344922f));
  p = fma(p, s, splat(0.16313906f));
  p = fma(p, s, splat(1.25274229f));
  vf q = splat(0.00030675414f);
  q = fma(q, s, splat(0.0303448848f));
  q = fma(q, s, splat(0.580719292f));
  q = fma(q, s, splat(1.25274241f));
  return t * p / q;
}

// log(1 + t) for t in [0, 1]: as ln 2 + log(1 + (t − 1)/2) above √2 − 1, so that no exponent is taken apart.
INLINE vf log1pOfUnit(vf t) {
  vm high = greater(t, splat(0.41421356f));
  vf f = select(high, (t - splat(1.0f)) * splat(0.5f), t);
  vf square = f * f;
  vf y = fma(square, splat(-0.5f), logPolynomial(f, square));
  y = y + select(high, splat(LN2_LOW), zeroFloat());
  return (f + y) + select(high, splat(LN2_HIGH), zeroFloat());
}

// log(1 + e^x), in the form that neither overflows nor cancels.
INLINE vf softplus(vf x) { return max(zeroFloat(), x) + log1pOfUnit(exp(negate(abs(x)))); }
INLINE vf logSigmoid(vf x) { return negate(softplus(negate(x))); }

// Polynomial below 475/512, 1 − exp(polynomial) above (N. Juffa).
INLINE vf erf(vf x) {
  vf t = abs(x);
  vf s = x * x;
  vf r = fma(splat(-1.72853470e-5f), t, splat(3.83197126e-4f));
  vf u = fma(splat(-3.88396438e-3f), t, splat(2.42546219e-2f));
  r = fma(r, s, u);
  r = fma(r, t, splat(-1.06777877e-1f));
  r = fma(r, t, splat(-6.34846687e-1f));
  r = fma(r, t, splat(-1.28717512e-1f));
  r = fma(r, t, negate(t));
  vf high = copySign(splat(1.0f) - exp(r), x);
  vf p = splat(-5.96761703e-4f);
  p = fma(p, s, splat(4.99119423e-3f));
  p = fma(p, s, splat(-2.67681349e-2f));
  p = fma(p, s, splat(1.12819925e-1f));
  p = fma(p, s, splat(-3.76125336e-1f));
  p = fma(p, s, splat(1.28379166e-1f));
  vf low = fma(p, x, x);
  return select(greater(t, splat(0.927734375f)), high, low);
}

INLINE vf signOf(vf x) {
  return select(greater(x, zeroFloat()), splat(1.0f), select(less(x, zeroFloat()), splat(-1.0f), x));
}

// Adam's moments decay into denormals where a unit gets no gradient any more; those cost a third of a step.
INLINE vf flushTiny(vf x) { return select(less(abs(x), splat(1e-30f)), zeroFloat(), x); }
