// The logarithm of the gamma function and its derivatives, computed in double and rounded once.
//
// Bound: arithmetic; polygamma goes lane by lane, with a loop over the shift and one over the order. Arguments below
// ASYMPTOTIC are moved up by the recurrence Γ(x + 1) = x Γ(x), those below 0 come from the reflection at ½. Both
// leave differences of larger terms, so all pieces are right to the last digits of a double. Largest errors in units in
// the last place against mpmath on 10,000 floats, 1,800 of them next to zeros: lgamma 0.55, digamma and trigamma 0.50.
#pragma once
#include "math_wide.h"

// From here on eight terms of the asymptotic series are right to the last digit of a double.
static const int ASYMPTOTIC = 10;
static const double PI = 3.14159265358979323846;

// x − round(x), which |sin πx| and cot πx depend on. Floats from 2^23 on are whole.
INLINE vd fromWhole(vd x) {
  return select((vl)(abs(x) < constantWide(8388608)), x - roundWide(x), constantWide(0));
}
INLINE vd sinPi(vd t) {  // |t| ≤ ½
  vd z = t * t;
  vd p = constantWide(-0.0000211336273520529704);
  p = p * z + constantWide(0.0004659870158043377933);
  p = p * z + constantWide(-0.007370364326530415676);
  p = p * z + constantWide(0.08214587881631042692);
  p = p * z + constantWide(-0.5992645288252240051);
  p = p * z + constantWide(2.55016403986186763);
  p = p * z + constantWide(-5.167712780049785823);
  return t * (p * z + constantWide(3.141592653589792879));
}
INLINE vd cosPi(vd t) {
  vd z = t * t;
  vd p = constantWide(4.149564353942585512e-6);
  p = p * z + constantWide(-0.0001045665533874873817);
  p = p * z + constantWide(0.001929556272481713148);
  p = p * z + constantWide(-0.02580688873700220327);
  p = p * z + constantWide(0.2353306301295328539);
  p = p * z + constantWide(-1.335262768843447093);
  p = p * z + constantWide(4.058712126416496999);
  p = p * z + constantWide(-4.934802200544676767);
  return p * z + constantWide(0.9999999999999999961);
}

// Coefficients of the asymptotic series of log Γ: B₂ₙ / (2n (2n − 1)); of ψ they are B₂ₙ / 2n.
INLINE vd stirlingSeries(vd inverse) {  // times z
  vd p = constantWide(-3617.0 / 122400);
  p = p * inverse + constantWide(1.0 / 156);
  p = p * inverse + constantWide(-691.0 / 360360);
  p = p * inverse + constantWide(1.0 / 1188);
  p = p * inverse + constantWide(-1.0 / 1680);
  p = p * inverse + constantWide(1.0 / 1260);
  p = p * inverse + constantWide(-1.0 / 360);
  return p * inverse + constantWide(1.0 / 12);
}
// log Γ(2 + t) / t for |t| ≤ ½.
INLINE vd lgammaNearTwo(vd t) {
  vd p = constantWide(1.198789941492057916e-6);
  p = p * t + constantWide(-2.554914527462414283e-6);
  p = p * t + constantWide(4.271453571823134914e-6);
  p = p * t + constantWide(-9.220663323909058529e-6);
  p = p * t + constantWide(0.00002052955658697093846);
  p = p * t + constantWide(-0.00004497351099968974606);
  p = p * t + constantWide(0.0000994548626571654035);
  p = p * t + constantWide(-0.0002231491518024120234);
  p = p * t + constantWide(0.0005096696946223285982);
  p = p * t + constantWide(-0.001192754271087741986);
  p = p * t + constantWide(0.002890510325409574222);
  p = p * t + constantWide(-0.007385551017394379776);
  p = p * t + constantWide(0.02058080842784816618);
  p = p * t + constantWide(-0.06735230105333267632);
  p = p * t + constantWide(0.3224670334241130939);
  return p * t + constantWide(0.4227843350984674024);
}

INLINE vd lgammaWide(vd x) {
  vl negative = (vl)(x < constantWide(0));
  vd y = select(negative, constantWide(1) - x, x);
  // y is moved up to z with Γ(z) = Γ(y) · product: to 2 ± ½ below 2.5, by 8 between 2.5 and 10.
  vl first = (vl)(y < constantWide(0.5)), second = (vl)(y < constantWide(1.5)), third = (vl)(y < constantWide(2.5));
  vl fourth = (vl)(y < constantWide(ASYMPTOTIC));
  vd rising = y;
  for (int k = 1; k < 8; k++) rising *= y + constantWide(k);
  vd z = select(first, y + constantWide(2), select(second, y + constantWide(1), select(~third & fourth, y + constantWide(8), y)));
  vd product = select(first, y * (y + constantWide(1)), select(second, y, select(~third & fourth, rising, constantWide(1))));
  vd inverse = constantWide(1) / z;
  vd large = (z - constantWide(0.5)) * (logWide(z) - constantWide(1)) + constantWide(0.41893853320467274178) +
             stirlingSeries(inverse * inverse) * inverse;
  vd t = z - constantWide(2);
  vd main = select(third, t * lgammaNearTwo(t), large);
  // log |Γ(x)| = log (π / |sin πx|) − log Γ(1 − x) below 0
  vd sine = abs(sinPi(fromWhole(x)));
  vd logarithm = logWide(select(negative, product * constantWide(PI) / sine, product));
  vd r = select(negative, logarithm - main, main - logarithm);
  vl pole = negative & (vl)(sine == constantWide(0));
  r = select(pole | (vl)(abs(x) == constantWide(__builtin_inf())), constantWide(__builtin_inf()), r);
  return select((vl)(x != x), x, r);
}

INLINE vd digammaWide(vd x) {
  vl negative = (vl)(x < constantWide(0));
  vd y = select(negative, constantWide(1) - x, x);
  // Σ 1 / (y + k) over the steps up, as one fraction
  vl small = (vl)(y < constantWide(ASYMPTOTIC));
  vd numerator = constantWide(1), denominator = y;
  for (int k = 1; k < ASYMPTOTIC; k++) {
    vd next = y + constantWide(k);
    numerator = numerator * next + denominator;
    denominator *= next;
  }
  vd z = select(small, y + constantWide(ASYMPTOTIC), y);
  vd inverse = constantWide(1) / z, square = inverse * inverse;
  vd p = constantWide(-3617.0 / 8160);
  p = p * square + constantWide(1.0 / 12);
  p = p * square + constantWide(-691.0 / 32760);
  p = p * square + constantWide(1.0 / 132);
  p = p * square + constantWide(-1.0 / 240);
  p = p * square + constantWide(1.0 / 252);
  p = p * square + constantWide(-1.0 / 120);
  p = p * square + constantWide(1.0 / 12);
  vd r = logWide(z) - constantWide(0.5) * inverse - p * square;
  r = select(small, r - numerator / denominator, r);
  // ψ(x) = ψ(1 − x) − π cot πx below 0
  vd t = fromWhole(x);
  r = select(negative, r - constantWide(PI) * cosPi(t) / sinPi(t), r);
  r = select(negative & (vl)(t == constantWide(0)), constantWide(__builtin_nan("")), r);
  r = select((vl)(x == constantWide(0)), copySignWide(constantWide(__builtin_inf()), -x), r);
  return select((vl)(x != x) | (vl)(x == constantWide(__builtin_inf())), x, r);
}
INLINE vf lgamma(vf x) { return WIDE_UNARY(lgammaWide, x); }
INLINE vf digamma(vf x) { return WIDE_UNARY(digammaWide, x); }

// ---- polygamma -------------------------------------------------------------------------------------------------

// B₂ₙ
static const double BERNOULLI[] = {1.0 / 6, -1.0 / 30, 1.0 / 42, -1.0 / 30, 5.0 / 66, -691.0 / 2730, 7.0 / 6, -3617.0 / 510};

static double power(double base, int exponent) {
  double y = 1;
  for (; exponent; exponent >>= 1, base *= base)
    if (exponent & 1) y *= base;
  return y;
}

// Hurwitz zeta function Σ 1 / (x + k)^s for x > 0 and whole s ≥ 2, by the formula of Euler and Maclaurin.
static double hurwitzZeta(int s, double x) {
  if (x == __builtin_inf()) return 0;
  double sum = 0, z = x;
  for (; z < ASYMPTOTIC + s; z += 1) sum += power(1 / z, s);
  const double inverse = 1 / z, square = inverse * inverse;
  double term = 0.5 * s * square, series = 1.0 / (s - 1) + 0.5 * inverse;
  for (int n = 1; n <= 8; n++) {
    series += BERNOULLI[n - 1] * term;
    term *= (double)((s + 2 * n - 1) * (s + 2 * n)) / ((2 * n + 1) * (2 * n + 2)) * square;
  }
  return sum + power(inverse, s - 1) * series;
}

static __attribute__((noinline)) float polygammaLane(int order, float argument) {
  const double x = argument;
  if (x != x || order < 1) return __builtin_nanf("");
  const int s = order + 1;
  double factorial = order & 1 ? 1 : -1;
  for (int k = 2; k <= order; k++) factorial *= k;
  if (x > 0) return (float)(factorial * hurwitzZeta(s, x));
  if (x == -__builtin_inf()) return __builtin_nanf("");
  const double t = x > -8388608 ? x - __builtin_rint(x) : 0;
  if (t == 0) return order & 1 ? __builtin_inff() : __builtin_nanf("");
  // Σ over all k ≥ 0, seen from the whole number next to x: the terms above, at and below it.
  const double below = hurwitzZeta(s, 1 - t) - hurwitzZeta(s, 1 - x);
  return (float)(factorial * (hurwitzZeta(s, 1 + t) + power(1 / t, s) + (s & 1 ? -below : below)));
}

INLINE vf polygamma(vi order, vf x) {
  vf y{};
  for (int i = 0; i < LANES; i++) y[i] = polygammaLane(order[i], x[i]);
  return y;
}
