// The loop instructions as handlers over blocks of elements, and the table that names them (opcodes.inc lists them).
//
// Bound: cheap ones move 2–4 vectors per cycle from and to L1; the elementary functions are arithmetic. A handler runs
// over n elements of a block; operands are contiguous float or int lanes in a register of the loop or in the tensor
// itself, so there are no load and store instructions. Four vectors at a time, two for long formulas; the last
// incomplete vector is loaded and stored in part, so nothing beyond an operand is touched. An operand may be the
// destination.
#pragma once
#include "math_gamma.h"
#include "random.h"

static const int MAX_ARGUMENTS = 5;

struct Instruction;
// slots[v] is where the block of value v lies.
typedef void (*Handler)(const Instruction*, void* const* slots, intptr_t n);

struct Instruction {
  Handler run;
  int32_t result;
  int32_t arguments[MAX_ARGUMENTS];
};

INLINE vi floorDivInt(vi a, vi b) {
  vi q{};
  for (int i = 0; i < LANES; i++) {
    int64_t x = a[i], y = b[i];
    if (y == 0) continue;
    int64_t quotient = x / y;
    if (quotient * y != x && (x < 0) != (y < 0)) quotient--;
    q[i] = (int32_t)(uint32_t)quotient;
  }
  return q;
}
INLINE vi modInt(vi a, vi b) {
  vi r{};
  for (int i = 0; i < LANES; i++) {
    int64_t x = a[i], y = b[i];
    if (y == 0) continue;
    int64_t rest = x % y;
    if (rest != 0 && (rest < 0) != (y < 0)) rest += y;
    r[i] = (int32_t)rest;
  }
  return r;
}

// Counts below 0 or above 31 shift everything out: 0, or the sign.
INLINE vm countInRange(vi count) { return equal(count & splat(~31), zeroInt()); }
INLINE vi shiftLeftAny(vi a, vi b) { return select(countInRange(b), shiftLeft(a, b & splat(31)), zeroInt()); }
INLINE vi shiftRightAny(vi a, vi b) { return shiftRight(a, select(countInRange(b), b, splat(31))); }
INLINE vi shiftRightLogicalAny(vi a, vi b) {
  return select(countInRange(b), shiftRightLogical(a, b & splat(31)), zeroInt());
}

template <class V> struct LaneOf;
template <> struct LaneOf<vf> { typedef float type; };
template <> struct LaneOf<vi> { typedef int32_t type; };

#define F vf
#define I vi
#define OP(id, name, count_, R, A, B, C, cost_, formula)                                                     \
  struct Op_##id {                                                                                           \
    typedef R Result;                                                                                        \
    typedef A First;                                                                                         \
    typedef B Second;                                                                                        \
    typedef C Third;                                                                                         \
    enum { count = count_, cost = cost_ };                                                                   \
    INLINE R apply([[maybe_unused]] A a, [[maybe_unused]] B b, [[maybe_unused]] C c, [[maybe_unused]] vf d,  \
                   [[maybe_unused]] vf e) {                                                                  \
      return formula;                                                                                        \
    }                                                                                                        \
  };
#include "opcodes.inc"
#undef OP
#undef F
#undef I

// One vector of operand k at element i: whole, or the first m lanes.
template <bool used, class V> INLINE V fetch(const void* p, intptr_t i) {
  if constexpr (used) return load((const typename LaneOf<V>::type*)p + i);
  else return V{};
}
template <bool used, class V> INLINE V fetchPartial(const void* p, intptr_t i, int m) {
  if constexpr (used) return loadPartial((const typename LaneOf<V>::type*)p + i, m);
  else return V{};
}

template <class Op> static void handler(const Instruction* instruction, void* const* slots, intptr_t n) {
  enum { K = Op::count };
  typedef typename Op::Result R;
  typedef typename LaneOf<R>::type Element;
  const void* p[MAX_ARGUMENTS];
  for (int k = 0; k < K; k++) p[k] = slots[instruction->arguments[k]];
  Element* to = (Element*)slots[instruction->result];
  constexpr int UNROLL = Op::cost <= 20 ? 4 : Op::cost <= 130 ? 2 : 1;
  intptr_t i = 0;
  if constexpr (UNROLL > 1) {
    for (; i + UNROLL * LANES <= n; i += UNROLL * LANES) {
      R r[UNROLL];
#pragma GCC unroll 4
      for (int u = 0; u < UNROLL; u++) {
        intptr_t at = i + u * LANES;
        r[u] = Op::apply(fetch<(K > 0), typename Op::First>(p[0], at), fetch<(K > 1), typename Op::Second>(p[1], at),
                         fetch<(K > 2), typename Op::Third>(p[2], at), fetch<(K > 3), vf>(p[3], at),
                         fetch<(K > 4), vf>(p[4], at));
      }
#pragma GCC unroll 4
      for (int u = 0; u < UNROLL; u++) store(to + i + u * LANES, r[u]);
    }
  }
  for (; i < n; i += LANES) {
    int m = n - i < LANES ? (int)(n - i) : LANES;
    typename Op::First a;
    typename Op::Second b;
    typename Op::Third c;
    vf d, e;
    if (m == LANES) {
      a = fetch<(K > 0), typename Op::First>(p[0], i);
      b = fetch<(K > 1), typename Op::Second>(p[1], i);
      c = fetch<(K > 2), typename Op::Third>(p[2], i);
      d = fetch<(K > 3), vf>(p[3], i);
      e = fetch<(K > 4), vf>(p[4], i);
    } else {
      a = fetchPartial<(K > 0), typename Op::First>(p[0], i, m);
      b = fetchPartial<(K > 1), typename Op::Second>(p[1], i, m);
      c = fetchPartial<(K > 2), typename Op::Third>(p[2], i, m);
      d = fetchPartial<(K > 3), vf>(p[3], i, m);
      e = fetchPartial<(K > 4), vf>(p[4], i, m);
    }
    R r = Op::apply(a, b, c, d, e);
    if (m == LANES) store(to + i, r);
    else storePartial(to + i, r, m);
  }
}

enum LaneType : int8_t { LANES_FLOAT, LANES_INT, LANES_ANY };  // any: a constant, which is 32 bits of either

struct Opcode {
  Handler run;
  int16_t argumentCount;
  int16_t cost;
  LaneType result;
  LaneType arguments[MAX_ARGUMENTS];
};

#define F LANES_FLOAT
#define I LANES_INT
#define OP(id, name, count, R, A, B, C, cost, formula) {handler<Op_##id>, count, cost, R, {A, B, C, F, F}},
static const Opcode OPCODES[] = {
#include "opcodes.inc"
};
#undef OP
#undef F
#undef I
#define OP(id, name, count, R, A, B, C, cost, formula) name,
static const char* const OPCODE_NAMES[] = {
#include "opcodes.inc"
};
#undef OP
static const int32_t OPCODE_COUNT = sizeof(OPCODES) / sizeof(OPCODES[0]);

#define OP(id, name, count, R, A, B, C, cost, formula) OPCODE_##id,
enum OpcodeNumber : int32_t {
#include "opcodes.inc"
};
#undef OP
