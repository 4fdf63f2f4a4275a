// The rarer elementary functions, computed in double and rounded once: pow, log10, trigonometric and hyperbolic functions and
// their inverses, cbrt, erfc, mod, floorDiv.
//
// Bound: arithmetic, 2–6 times the cost of the float functions. In return each is right to one unit in the last place
// without a second thought about cancellation or denormal floats (every float is a normal double). Polynomials are
// Chebyshev fits (mpmath.chebyfit) with relative errors below 1e-11.
#pragma once
#include "math.h"

// Evaluates f in double on both halves of the lanes.
#define WIDE_UNARY(f, x) narrow(f(widenLow(x)), f(widenHigh(x)))
#define WIDE_BINARY(f, x, y) narrow(f(widenLow(x), widenLow(y)), f(widenHigh(x), widenHigh(y)))

// Adding and subtracting 1.5 · 2^52 rounds to the nearest integer (ties to even) for |x| < 2^51; the low bits of the
// sum are that integer.
static const double ROUND_MAGIC = 6755399441055744.0;
INLINE vd roundWide(vd x) { return (x + splatDouble(ROUND_MAGIC)) - splatDouble(ROUND_MAGIC); }
INLINE vd constantWide(double x) { return splatDouble(x); }
INLINE vd copySignWide(vd magnitude, vd sign) {
  return (vd)(((vl)magnitude & splatLong(0x7fffffffffffffff)) | ((vl)sign & splatLong((int64_t)0x8000000000000000)));
}
INLINE vd minWide(vd a, vd b) { return select((vl)(a < b), a, b); }
INLINE vd maxWide(vd a, vd b) { return select((vl)(a > b), a, b); }

// |x| is bounded at 700: far beyond the range of floats.
INLINE vd expWide(vd x) {
  x = minWide(constantWide(700), maxWide(constantWide(-700), x));
  vd shifted = x * constantWide(1.4426950408889634) + constantWide(ROUND_MAGIC);
  vd n = shifted - constantWide(ROUND_MAGIC);
  vd r = (x - n * constantWide(0.693147180369123816490)) - n * constantWide(1.90821492927058770002e-10);
  vd p = constantWide(2.763264067543023571e-6);
  p = p * r + constantWide(2.488445975175111469e-5);
  p = p * r + constantWide(1.984119064754423966e-4);
  p = p * r + constantWide(1.388880174965654252e-3);
  p = p * r + constantWide(8.33333336731160369e-3);
  p = p * r + constantWide(4.166666704055190649e-2);
  p = p * r + constantWide(1.666666666661564704e-1);
  p = p * r + constantWide(0.4999999999943858924);
  p = p * r + constantWide(1.000000000000001226);
  p = p * r + constantWide(1.0);
  return (vd)((vl)p + ((vl)shifted << splatLong(52)));
}

// For x > 0, 0 and +∞; what lies below 0 the callers treat. Right to the last digits of a double, which the differences
// of logarithms in math_gamma.h need.
INLINE vd logWide(vd x) {
  vl shifted = (vl)x - splatLong(0x3fe6a09e667f3bcd);  // √½
  vl mantissa = (shifted & splatLong(0x000fffffffffffff)) + splatLong(0x3fe6a09e667f3bcd);
  // The exponent, as a double: biased into 0 … 4095, put under the mantissa of 2^52, the bias taken off again.
  vl biased = (shiftRightLogical(shifted, 52) + splatLong(2048)) & splatLong(0xfff);
  vd e = (vd)(biased | splatLong(0x4330000000000000)) - constantWide(4503599627370496.0 + 2048.0);
  vd f = (vd)mantissa - constantWide(1.0);
  vd s = f / (f + constantWide(2.0));
  vd z = s * s;
  vd p = constantWide(0.1461780715341732481);
  p = p * z + constantWide(0.153316117220550079);
  p = p * z + constantWide(0.181828924325368712);
  p = p * z + constantWide(0.2222221108937949621);
  p = p * z + constantWide(0.2857142862625383761);
  p = p * z + constantWide(0.3999999999989889051);
  p = p * z + constantWide(0.6666666666666669708);
  vd y = e * constantWide(0.693147180559945309417) + (s * constantWide(2.0) + s * z * p);
  y = select((vl)(x == constantWide(0)), constantWide(-__builtin_inf()), y);
  return select((vl)(x == constantWide(__builtin_inf())), x, y);
}

// ---- pow, log10 -------------------------------------------------------------------------------------------------------

INLINE vd powWide(vd a, vd b) {
  vd magnitude = expWide(b * logWide(abs(a)));
  // b · log|a| is 0 · ∞ in the two cases that are 1 below
  vd truncated = roundWide(b);
  vd halved = b * constantWide(0.5);
  vl large = (vl)(abs(b) >= constantWide(2251799813685248.0));  // such floats are even integers
  vl integer = (vl)(truncated == b) | large;
  vl odd = integer & (vl)(roundWide(halved) != halved) & ~large;
  vl negative = (vl)((vl)a < splatLong(0));
  vd y = magnitude;
  y = select((vl)(a == constantWide(0)), select((vl)(b > constantWide(0)), constantWide(0), constantWide(__builtin_inf())), y);
  y = select(odd & negative, -y, y);
  y = select((vl)(a < constantWide(0)) & ~integer & (vl)(abs(b) < constantWide(__builtin_inf())) &
                 (vl)(abs(a) < constantWide(__builtin_inf())),
             constantWide(__builtin_nan("")), y);
  y = select((vl)(a != a) | (vl)(b != b), a + b, y);
  y = select((vl)(b == constantWide(0)), constantWide(1), y);
  return select((vl)(abs(a) == constantWide(1)) & ((vl)(a > constantWide(0)) | (vl)(abs(b) == constantWide(__builtin_inf()))),
                constantWide(1), y);
}
INLINE vf pow(vf a, vf b) { return WIDE_BINARY(powWide, a, b); }

INLINE vd log10Wide(vd x) {
  vd y = logWide(x) * constantWide(0.43429448190325182765);
  return select((vl)(x >= constantWide(0)), y, constantWide(__builtin_nan("")));
}
INLINE vf log10(vf x) { return WIDE_UNARY(log10Wide, x); }

// ---- sin, cos, tan ---------------------------------------------------------------------------------------------

// 2/π, bit by bit, for arguments beyond 2^20 (Payne and Hanek).
static const uint32_t TWO_OVER_PI[] = {0xa2f9836e, 0x4e441529, 0xfc2757d1, 0xf534ddc0, 0xdb629599, 0x3c439041, 0xfe5163ab};

static __attribute__((noinline)) double reduceLargeAngle(float x, double* quadrant) {
  uint32_t bits;
  __builtin_memcpy(&bits, &x, 4);
  int exponent = (int)((bits >> 23) & 255) - 150;
  uint64_t mantissa = (bits & 0x7fffff) | 0x800000;
  // 96 bits of 2/π from weight 2^1 after the shift by `exponent`: higher bits count whole turns.
  int first = exponent - 2;  // index of the first bit; exponent ≥ −3
  uint64_t high = 0, low = 0;
  for (int i = 0; i < 96; i++) {
    int at = first + i;
    uint32_t bit = at < 0 ? 0 : (TWO_OVER_PI[at >> 5] >> (31 - (at & 31))) & 1;
    if (i < 64) high = (high << 1) | bit;
    else low = (low << 1) | bit;
  }
  uint64_t turns = mantissa * high + ((mantissa * low) >> 32);  // quarter turns · 2^62, modulo 4
  uint64_t k = (turns + (1ull << 61)) >> 62;
  double r = (double)(int64_t)(turns - (k << 62)) * (1.57079632679489661923 / 4611686018427387904.0);
  *quadrant = (double)k;
  if (bits >> 31) {
    r = -r;
    *quadrant = -*quadrant;
  }
  return r;
}

// r in [−π/4, π/4] and the quadrant 0 … 3 with x = quadrant · π/2 + r (modulo 2π).
INLINE vf reduceAngle(vf x, vi* quadrant) {
  vd part[2] = {widenLow(x), widenHigh(x)};
  vd turn[2];
  for (int i = 0; i < 2; i++) {
    vd k = roundWide(part[i] * constantWide(0.636619772367581343076));
    part[i] = (part[i] - k * constantWide(1.57079632673412561417)) - k * constantWide(6.07710050650619224932e-11);
    vd quarter = k * constantWide(0.25);
    turn[i] = (quarter - roundWide(quarter)) * constantWide(4.0);
  }
  vf r = narrow(part[0], part[1]), q = narrow(turn[0], turn[1]);
  vf magnitude = abs(x);
  if (any(maskAnd(greaterEqual(magnitude, splat(1048576.0f)), less(magnitude, splat(__builtin_inff()))))) {
    for (int i = 0; i < LANES; i++) {
      float lane = x[i];
      float size = lane < 0 ? -lane : lane;
      if (size >= 1048576.0f && size < __builtin_inff()) {
        double laneQuadrant;
        r[i] = (float)reduceLargeAngle(lane, &laneQuadrant);
        q[i] = (float)laneQuadrant;
      }
    }
  }
  r = select(less(magnitude, splat(__builtin_inff())), r, splat(__builtin_nanf("")));
  *quadrant = roundInRange(q) & splat(3);
  return r;
}
INLINE vf sinReduced(vf r) {
  vf s = r * r;
  vf p = splat(-1.9515295891e-4f);
  p = fma(p, s, splat(8.3321608736e-3f));
  p = fma(p, s, splat(-1.6666654611e-1f));
  return fma(p * s, r, r);
}
INLINE vf cosReduced(vf r) {
  vf s = r * r;
  vf p = splat(2.443315711809948e-5f);
  p = fma(p, s, splat(-1.388731625493765e-3f));
  p = fma(p, s, splat(4.166664568298827e-2f));
  return fma(p * s, s, fma(s, splat(-0.5f), splat(1.0f)));
}
INLINE vf sinOrCos(vf x, int shift) {
  vi quadrant;
  vf r = reduceAngle(x, &quadrant);
  quadrant = add(quadrant, splat(shift));
  vf y = select(equal(quadrant & splat(1), zeroInt()), sinReduced(r), cosReduced(r));
  return asFloat(asInt(y) ^ shiftLeft(quadrant & splat(2), 30));
}
// Beside the sum of a product the sign of a zero is lost.
INLINE vf keepZero(vf x, vf y) { return select(equal(x, splat(0.0f)), x, y); }
INLINE vf sin(vf x) { return keepZero(x, sinOrCos(x, 0)); }
INLINE vf cos(vf x) { return sinOrCos(x, 1); }
INLINE vf tan(vf x) {
  vi quadrant;
  vf r = reduceAngle(x, &quadrant);
  vf s = sinReduced(r), c = cosReduced(r);
  vm even = equal(quadrant & splat(1), zeroInt());
  return keepZero(x, select(even, s, negate(c)) / select(even, c, s));
}

// ---- inverse trigonometric functions ---------------------------------------------------------------------------

// Beyond tan(3π/8) by 1/x, beyond tan(π/8) by (x − 1)/(x + 1).
INLINE vd atanWide(vd x) {
  vd t = abs(x);
  vl high = (vl)(t > constantWide(2.41421356237309504880));
  vl middle = (vl)(t > constantWide(0.41421356237309504880)) & ~high;
  vd numerator = select(high, constantWide(-1), select(middle, t - constantWide(1), t));
  vd denominator = select(high, t, select(middle, t + constantWide(1), constantWide(1)));
  vd u = numerator / denominator;
  vd z = u * u;
  vd p = constantWide(-0.03765510601278686624);
  p = p * z + constantWide(0.06974197686587064694);
  p = p * z + constantWide(-0.08992552906148795187);
  p = p * z + constantWide(0.1110345690894718467);
  p = p * z + constantWide(-0.1428538655375211972);
  p = p * z + constantWide(0.1999999305355581288);
  p = p * z + constantWide(-0.3333333327692249213);
  p = p * z + constantWide(0.9999999999992447616);
  vd base = select(high, constantWide(1.57079632679489661923), select(middle, constantWide(0.785398163397448309616), constantWide(0)));
  return copySignWide(base + u * p, x);
}
INLINE vd asinWide(vd x) { return atanWide(x / sqrt((constantWide(1) - x) * (constantWide(1) + x))); }
INLINE vd acosWide(vd x) { return constantWide(1.57079632679489661923) - asinWide(x); }
INLINE vd atan2Wide(vd y, vd x) {
  vd ax = abs(x), ay = abs(y);
  vl both = (vl)(ax == ay);  // 0/0 and ∞/∞ are 0 and π/4
  vd ratio = select(both, select((vl)(ax == constantWide(0)), constantWide(0), constantWide(1)), ay / ax);
  vd angle = atanWide(ratio);
  angle = select((vl)((vl)x < splatLong(0)), constantWide(3.14159265358979323846) - angle, angle);
  angle = copySignWide(angle, y);
  return select((vl)(x != x) | (vl)(y != y), x + y, angle);
}
INLINE vf atan(vf x) { return WIDE_UNARY(atanWide, x); }
INLINE vf asin(vf x) { return WIDE_UNARY(asinWide, x); }
INLINE vf acos(vf x) { return WIDE_UNARY(acosWide, x); }
INLINE vf atan2(vf y, vf x) { return WIDE_BINARY(atan2Wide, y, x); }

// ---- hyperbolic functions --------------------------------------------------------------------------------------

INLINE vd sinhWide(vd x) {
  vd e = expWide(abs(x));
  vd y = copySignWide((e - constantWide(1) / e) * constantWide(0.5), x);
  vd small = x + x * x * x * constantWide(1.0 / 6);
  y = select((vl)(abs(x) < constantWide(0.002)), small, y);
  return select((vl)(x != x), x, y);
}
INLINE vd coshWide(vd x) {
  vd e = expWide(abs(x));
  vd y = (e + constantWide(1) / e) * constantWide(0.5);
  return select((vl)(x != x), x, y);
}
INLINE vd asinhWide(vd x) {
  vd t = abs(x), s = x * x;
  vd y = copySignWide(logWide(t + sqrt(s + constantWide(1))), x);
  vd small = x * (constantWide(1) + s * (s * constantWide(3.0 / 40) - constantWide(1.0 / 6)));
  y = select((vl)(t < constantWide(0.004)), small, y);
  return select((vl)(x != x), x, y);
}
INLINE vd acoshWide(vd x) {
  vd y = logWide(x + sqrt((x - constantWide(1)) * (x + constantWide(1))));
  return select((vl)(x >= constantWide(1)), y, constantWide(__builtin_nan("")));
}
INLINE vd atanhWide(vd x) {
  vd t = abs(x), s = x * x;
  vd y = copySignWide(logWide((constantWide(1) + t) / (constantWide(1) - t)) * constantWide(0.5), x);
  vd small = x + x * s * (s * constantWide(1.0 / 5) + constantWide(1.0 / 3));
  y = select((vl)(t < constantWide(0.004)), small, y);
  return select((vl)(t <= constantWide(1)), y, constantWide(__builtin_nan("")));
}
INLINE vf sinh(vf x) { return WIDE_UNARY(sinhWide, x); }
INLINE vf cosh(vf x) { return WIDE_UNARY(coshWide, x); }
INLINE vf asinh(vf x) { return WIDE_UNARY(asinhWide, x); }
INLINE vf acosh(vf x) { return WIDE_UNARY(acoshWide, x); }
INLINE vf atanh(vf x) { return WIDE_UNARY(atanhWide, x); }

// ---- cbrt, erfc ------------------------------------------------------------------------------------------------

INLINE vd cbrtWide(vd x) {
  vd t = abs(x);
  vd y = copySignWide(expWide(logWide(t) * constantWide(1.0 / 3)), x);
  return select((vl)(t > constantWide(0)) & (vl)(t < constantWide(__builtin_inf())), y, x);
}
// e^(−x²) · g(x) / (1 + 2x), g a polynomial in (x − 4) / (x + 4).
INLINE vd erfcWide(vd x) {
  vd t = minWide(constantWide(11), abs(x));
  vd u = (t - constantWide(4)) / (t + constantWide(4));
  vd p = constantWide(-0.00001670672673107311373);
  p = p * u + constantWide(-0.00001972155823844543806);
  p = p * u + constantWide(0.0001588679084787308778);
  p = p * u + constantWide(-0.0001989425366370235756);
  p = p * u + constantWide(-0.0007616533526922060133);
  p = p * u + constantWide(0.005030993336608685707);
  p = p * u + constantWide(-0.01619689173156423727);
  p = p * u + constantWide(0.03716779450153401316);
  p = p * u + constantWide(-0.06633046013984750439);
  p = p * u + constantWide(0.09373280339433761098);
  p = p * u + constantWide(-0.1010390605999479634);
  p = p * u + constantWide(0.0680970556739480233);
  p = p * u + constantWide(0.01537965196780168815);
  p = p * u + constantWide(-0.1396211168577201315);
  p = p * u + constantWide(1.232995118626180333);
  vd y = expWide(-t * t) * p / (constantWide(1) + t * constantWide(2));
  y = select((vl)(x < constantWide(0)), constantWide(2) - y, y);
  return select((vl)(x != x), x, y);
}
INLINE vf cbrt(vf x) { return WIDE_UNARY(cbrtWide, x); }
INLINE vf erfc(vf x) { return WIDE_UNARY(erfcWide, x); }

// ---- mod, floorDiv ---------------------------------------------------------------------------------------------

// Floor of the exact quotient: double holds the quotient of two floats well enough for that.
INLINE vd floorWide(vd x) {
  vl large = (vl)(abs(x) >= constantWide(2251799813685248.0));
  vd r = roundWide(x);
  r = select((vl)(r > x), r - constantWide(1), r);
  return select(large | (vl)(x != x), x, r);
}
// By ±∞ the quotient is −1 where the signs differ, as the remainder has it; of ±∞ there is none.
INLINE vd floorDivWide(vd a, vd b) {
  vd q = floorWide(a / b);
  vl opposite = (vl)((a > constantWide(0)) & (b < constantWide(0))) | (vl)((a < constantWide(0)) & (b > constantWide(0)));
  q = select((vl)(abs(b) == constantWide(__builtin_inf())) & opposite, constantWide(-1), q);
  return select((vl)(abs(a) == constantWide(__builtin_inf())) & (vl)(b != constantWide(0)), constantWide(__builtin_nan("")), q);
}
// Remainder with the sign of the divisor, exact: each round takes off a multiple of b with at most 28 significant
// bits, so that the product and the difference are exact in double.
INLINE vd modWide(vd a, vd b) {
  vd r = abs(a), d = abs(b);
  for (int round = 0; round < 12; round++) {
    vd q = (vd)((vl)(r / d) & splatLong((int64_t)0xffffffffff000000));
    q = select((vl)(q < constantWide(268435456)), floorWide(q), q);
    vl more = (vl)(r >= d) & (vl)(d > constantWide(0)) & (vl)(r < constantWide(__builtin_inf()));
    r = select(more, r - q * d, r);
    int64_t rest = 0;
    for (int i = 0; i < LANES / 2; i++) rest |= more[i];
    if (!rest) break;
  }
  r = copySignWide(r, a);
  vl opposite = (vl)(r != constantWide(0)) & (vl)(((vl)a ^ (vl)b) < splatLong(0));
  r = select(opposite, r + b, r);
  vl undefined = (vl)(b == constantWide(0)) | (vl)(abs(a) == constantWide(__builtin_inf())) | (vl)(a != a) | (vl)(b != b);
  return select(undefined, constantWide(__builtin_nan("")), r);
}
INLINE vf floorDiv(vf a, vf b) { return WIDE_BINARY(floorDivWide, a, b); }
INLINE vf mod(vf a, vf b) { return WIDE_BINARY(modWide, a, b); }
