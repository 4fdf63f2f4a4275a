// Accumulators of the reductions: sum, product, maximum, minimum, and the index of the maximum or minimum, on float and
// int lanes.
//
// Bound: one load per element where rows are reduced, two loads and a store in L1 where columns are.
// Rows: four vectors of partial results per block, folded into one vector per output; the lanes of LANES outputs are
// folded together, after a transposition. Columns: an accumulator per column, in memory. Every order is fixed.
// Maxima and minima propagate NaN; among indices the first NaN wins, else the first of equals.
#pragma once
#include "kernel.h"
#include "lanes.h"

struct alignas(64) Accumulator {
  vi value, index;  // float values by their bits
};

struct Accumulation {
  // Rows. `segments` accumulates `count` neighbouring rows of `length` elements into fresh accumulators.
  void (*start)(Accumulator*);
  void (*feed)(Accumulator*, const int32_t* x, intptr_t n, int32_t firstIndex);
  void (*segments)(Accumulator*, const int32_t* x, intptr_t length, int count);
  // The same for rows of at most SHORT_SEGMENT elements, count ≤ LANES, results at once; `available` elements can be read at x.
  void (*shortSegments)(int32_t* values, int32_t* indices, const int32_t* x, intptr_t length, int count, intptr_t available);
  // One word per accumulator, count ≤ LANES: the value, and the index where there is one.
  void (*finish)(const Accumulator*, int count, int32_t* values, int32_t* indices);
  // Columns. `merge` folds accumulators of later rows into those of earlier ones.
  void (*fill)(int32_t* value, int32_t* index, intptr_t n);
  void (*accumulate)(int32_t* value, int32_t* index, const int32_t* x, intptr_t n, int32_t row);
  void (*merge)(int32_t* value, int32_t* index, const int32_t* laterValue, const int32_t* laterIndex, intptr_t n);
};

template <class V> INLINE V fromBits(vi v) { return (V)v; }
template <class V> INLINE vi toBits(V v) { return (vi)v; }

namespace {  // classes whose functions must not leave this object

struct SumFold {
  INLINE vf identity(vf) { return zeroFloat(); }
  INLINE vi identity(vi) { return zeroInt(); }
  INLINE vf fold(vf a, vf b) { return a + b; }
  INLINE vi fold(vi a, vi b) { return add(a, b); }
};
struct ProductFold {
  INLINE vf identity(vf) { return splat(1.0f); }
  INLINE vi identity(vi) { return splat(1); }
  INLINE vf fold(vf a, vf b) { return a * b; }
  INLINE vi fold(vi a, vi b) { return mul(a, b); }
};
struct MaximumFold {
  INLINE vf identity(vf) { return splat(-__builtin_inff()); }
  INLINE vi identity(vi) { return splat((int32_t)0x80000000); }
  INLINE vf fold(vf a, vf b) { return maxNaN(a, b); }
  INLINE vi fold(vi a, vi b) { return max(a, b); }
};
struct MinimumFold {
  INLINE vf identity(vf) { return splat(__builtin_inff()); }
  INLINE vi identity(vi) { return splat(0x7fffffff); }
  INLINE vf fold(vf a, vf b) { return minNaN(a, b); }
  INLINE vi fold(vi a, vi b) { return min(a, b); }
};

static const intptr_t SHORT_SEGMENT = 16;
// The words first … first + LANES − 1 of LANES rows of `length` words, as one vector per column.
// Returns how many columns there are.
INLINE int loadColumns(vi v[LANES], const int32_t* x, intptr_t length, intptr_t first, int count, intptr_t available) {
  int width = length - first < LANES ? (int)(length - first) : LANES;
  if (first + (LANES - 1) * length + LANES <= available) {
#pragma GCC unroll 16
    for (int k = 0; k < LANES; k++) v[k] = load(x + first + k * length);
  } else {
    for (int k = 0; k < LANES; k++) v[k] = loadPartial(x + first + (k < count ? k : 0) * length, width);
  }
  transposeVectors(v);
  return width;
}

template <class V> INLINE V loadAs(const int32_t* p) { return fromBits<V>(load(p)); }
// The first n lanes, the others neutral.
template <class Fold, class V> INLINE V loadFirst(const int32_t* p, int n) {
  return select(less(laneIndex(), splat((int32_t)n)), fromBits<V>(loadPartial(p, n)), Fold::identity(V{}));
}

template <class Fold, class V> struct Plain {
  static void start(Accumulator* a) { a->value = toBits(Fold::identity(V{})); }

  INLINE V rest(V total, const int32_t* x, intptr_t i, intptr_t n) {
    for (; i + LANES <= n; i += LANES) total = Fold::fold(total, loadAs<V>(x + i));
    if (i < n) total = Fold::fold(total, loadFirst<Fold, V>(x + i, (int)(n - i)));
    return total;
  }
  static void feed(Accumulator* a, const int32_t* x, intptr_t n, int32_t) {
    V total = fromBits<V>(a->value);
    intptr_t i = 0;
    if (n >= 8 * LANES) {
      V s[8];
#pragma GCC unroll 8
      for (int k = 0; k < 8; k++) s[k] = loadAs<V>(x + k * LANES);
      for (i = 8 * LANES; i + 8 * LANES <= n; i += 8 * LANES) {
#pragma GCC unroll 8
        for (int k = 0; k < 8; k++) s[k] = Fold::fold(s[k], loadAs<V>(x + i + k * LANES));
      }
      V low = Fold::fold(Fold::fold(s[0], s[1]), Fold::fold(s[2], s[3]));
      V high = Fold::fold(Fold::fold(s[4], s[5]), Fold::fold(s[6], s[7]));
      total = Fold::fold(total, Fold::fold(low, high));
    }
    a->value = toBits(rest(total, x, i, n));
  }
  static void segments(Accumulator* a, const int32_t* x, intptr_t length, int count) {
    for (int k = 0; k < count; k++, x += length) {
      if (length < 8 * LANES) {
        a[k].value = toBits(rest(Fold::identity(V{}), x, 0, length));
      } else {
        start(a + k);
        feed(a + k, x, length, 0);
      }
    }
  }
  static void shortSegments(int32_t* values, int32_t*, const int32_t* x, intptr_t length, int count, intptr_t available) {
    vi v[LANES];
    int width = loadColumns(v, x, length, 0, count, available);
    V total = fromBits<V>(v[0]);
    for (int k = 1; k < width; k++) total = Fold::fold(total, fromBits<V>(v[k]));
    for (intptr_t first = LANES; first < length; first += LANES) {
      width = loadColumns(v, x, length, first, count, available);
      for (int k = 0; k < width; k++) total = Fold::fold(total, fromBits<V>(v[k]));
    }
    storePartial(values, toBits(total), count);
  }
  static void finish(const Accumulator* a, int count, int32_t* values, int32_t*) {
    vi v[LANES];
    for (int k = 0; k < LANES; k++) v[k] = a[k < count ? k : 0].value;
    transposeVectors(v);
    for (int width = LANES / 2; width; width /= 2)
      for (int k = 0; k < width; k++) v[k] = toBits(Fold::fold(fromBits<V>(v[k]), fromBits<V>(v[k + width])));
    storePartial(values, v[0], count);
  }

  static void fill(int32_t* value, int32_t*, intptr_t n) {
    vi v = toBits(Fold::identity(V{}));
    for (intptr_t i = 0; i < n; i += LANES) store(value + i, v);  // into the slack
  }
  static void accumulate(int32_t* value, int32_t*, const int32_t* x, intptr_t n, int32_t) {
    intptr_t i = 0;
    for (; i + 4 * LANES <= n; i += 4 * LANES) {
      V v[4];
#pragma GCC unroll 4
      for (int k = 0; k < 4; k++) v[k] = Fold::fold(loadAs<V>(value + i + k * LANES), loadAs<V>(x + i + k * LANES));
#pragma GCC unroll 4
      for (int k = 0; k < 4; k++) store(value + i + k * LANES, toBits(v[k]));
    }
    for (; i + LANES <= n; i += LANES) store(value + i, toBits(Fold::fold(loadAs<V>(value + i), loadAs<V>(x + i))));
    if (i < n) {
      int m = (int)(n - i);
      storePartial(value + i, toBits(Fold::fold(fromBits<V>(loadPartial(value + i, m)), fromBits<V>(loadPartial(x + i, m)))), m);
    }
  }
  static void merge(int32_t* value, int32_t* index, const int32_t* later, const int32_t*, intptr_t n) {
    accumulate(value, index, later, n, 0);
  }
};

// ---- Indices ---------------------------------------------------------------------------------------------------

struct ArgMaximum {
  INLINE vm better(vf a, vf b) { return maskNot(maskOr(lessEqual(a, b), isNaN(b))); }
  INLINE vm better(vi a, vi b) { return less(b, a); }
  INLINE vf worst(vf) { return splat(-__builtin_inff()); }
  INLINE vi worst(vi) { return splat((int32_t)0x80000000); }
};
struct ArgMinimum {
  INLINE vm better(vf a, vf b) { return maskNot(maskOr(lessEqual(b, a), isNaN(b))); }
  INLINE vm better(vi a, vi b) { return less(a, b); }
  INLINE vf worst(vf) { return splat(__builtin_inff()); }
  INLINE vi worst(vi) { return splat(0x7fffffff); }
};

static const int32_t NO_INDEX = 0x7fffffff;  // of a lane that has seen nothing: loses every tie

template <class Order, class V> struct Arg {
  // Better, or as good and earlier.
  INLINE vm wins(V a, vi aIndex, V b, vi bIndex) {
    vm tie = maskAnd(maskNot(Order::better(a, b)), maskNot(Order::better(b, a)));
    return maskOr(Order::better(a, b), maskAnd(tie, less(aIndex, bIndex)));
  }
  INLINE void take(V& value, vi& index, V x, vi xIndex) {
    vm m = wins(x, xIndex, value, index);
    value = select(m, x, value);
    index = select(m, xIndex, index);
  }
  static void start(Accumulator* a) {
    a->value = toBits(Order::worst(V{}));
    a->index = splat(NO_INDEX);
  }
  // Where indices ascend anyway, only a better value wins.
  INLINE void takeLater(V& value, vi& index, V x, vi xIndex) {
    vm m = Order::better(x, value);
    value = select(m, x, value);
    index = select(m, xIndex, index);
  }
  static void feed(Accumulator* a, const int32_t* x, intptr_t n, int32_t firstIndex) {
    V value = fromBits<V>(a->value);
    vi index = a->index, at = add(splat(firstIndex), laneIndex());
    const vi step = splat((int32_t)LANES);
    intptr_t i = 0;
    if (n >= 8 * LANES) {  // four chains, combined in the end
      V v[4];
      vi k[4];
#pragma GCC unroll 4
      for (int c = 0; c < 4; c++, at = add(at, step)) {
        v[c] = loadAs<V>(x + c * LANES);
        k[c] = at;
      }
      for (i = 4 * LANES; i + 4 * LANES <= n; i += 4 * LANES) {
#pragma GCC unroll 4
        for (int c = 0; c < 4; c++, at = add(at, step)) takeLater(v[c], k[c], loadAs<V>(x + i + c * LANES), at);
      }
#pragma GCC unroll 4
      for (int c = 0; c < 4; c++) take(value, index, v[c], k[c]);
    }
    for (; i + LANES <= n; i += LANES) {
      take(value, index, loadAs<V>(x + i), at);
      at = add(at, step);
    }
    if (i < n) {
      vm valid = less(laneIndex(), splat((int32_t)(n - i)));
      vi bits = loadPartial(x + i, (int)(n - i));
      take(value, index, select(valid, fromBits<V>(bits), Order::worst(V{})), select(valid, at, splat(NO_INDEX)));
    }
    a->value = toBits(value);
    a->index = index;
  }
  static void segments(Accumulator* a, const int32_t* x, intptr_t length, int count) {
    for (int k = 0; k < count; k++, x += length) {
      start(a + k);
      feed(a + k, x, length, 0);
    }
  }
  static void shortSegments(int32_t* values, int32_t* indices, const int32_t* x, intptr_t length, int count, intptr_t available) {
    vi v[LANES];
    int width = loadColumns(v, x, length, 0, count, available);
    V value = fromBits<V>(v[0]);
    vi index = zeroInt();
    for (int k = 1; k < width; k++) takeLater(value, index, fromBits<V>(v[k]), splat((int32_t)k));
    for (intptr_t first = LANES; first < length; first += LANES) {
      width = loadColumns(v, x, length, first, count, available);
      for (int k = 0; k < width; k++) takeLater(value, index, fromBits<V>(v[k]), splat((int32_t)(first + k)));
    }
    storePartial(values, toBits(value), count);
    storePartial(indices, index, count);
  }
  static void finish(const Accumulator* a, int count, int32_t* values, int32_t* indices) {
    vi v[LANES], w[LANES];
    for (int k = 0; k < LANES; k++) {
      v[k] = a[k < count ? k : 0].value;
      w[k] = a[k < count ? k : 0].index;
    }
    transposeVectors(v);
    transposeVectors(w);
    for (int width = LANES / 2; width; width /= 2)
      for (int k = 0; k < width; k++) {
        V value = fromBits<V>(v[k]);
        take(value, w[k], fromBits<V>(v[k + width]), w[k + width]);
        v[k] = toBits(value);
      }
    storePartial(values, v[0], count);
    storePartial(indices, w[0], count);
  }

  static void fill(int32_t* value, int32_t* index, intptr_t n) {
    vi v = toBits(Order::worst(V{}));
    for (intptr_t i = 0; i < n; i += LANES) {
      store(value + i, v);
      store(index + i, splat(NO_INDEX));
    }
  }
  // Rows come in ascending order: a later one must be better, but anything is better than nothing.
  static void accumulate(int32_t* value, int32_t* index, const int32_t* x, intptr_t n, int32_t row) {
    intptr_t i = 0;
    vi at = splat(row);
    for (; i + LANES <= n; i += LANES) {
      V v = loadAs<V>(value + i);
      vi k = load(index + i);
      V later = loadAs<V>(x + i);
      vm m = maskOr(Order::better(later, v), equal(k, splat(NO_INDEX)));
      store(value + i, toBits(select(m, later, v)));
      store(index + i, select(m, at, k));
    }
    if (i < n) {
      int m = (int)(n - i);
      V v = fromBits<V>(loadPartial(value + i, m));
      vi k = loadPartial(index + i, m);
      take(v, k, fromBits<V>(loadPartial(x + i, m)), at);
      storePartial(value + i, toBits(v), m);
      storePartial(index + i, k, m);
    }
  }
  static void merge(int32_t* value, int32_t* index, const int32_t* laterValue, const int32_t* laterIndex, intptr_t n) {
    for (intptr_t i = 0; i < n; i += LANES) {
      int m = n - i < LANES ? (int)(n - i) : (int)LANES;
      V v = fromBits<V>(loadPartial(value + i, m));
      vi k = loadPartial(index + i, m);
      take(v, k, fromBits<V>(loadPartial(laterValue + i, m)), loadPartial(laterIndex + i, m));
      storePartial(value + i, toBits(v), m);
      storePartial(index + i, k, m);
    }
  }
};

}  // namespace

#define ACCUMULATION(A) {A::start, A::feed, A::segments, A::shortSegments, A::finish, A::fill, A::accumulate, A::merge}
typedef Plain<SumFold, vf> SumFloat;
typedef Plain<SumFold, vi> SumInt;
typedef Plain<ProductFold, vf> ProductFloat;
typedef Plain<ProductFold, vi> ProductInt;
typedef Plain<MaximumFold, vf> MaximumFloat;
typedef Plain<MaximumFold, vi> MaximumInt;
typedef Plain<MinimumFold, vf> MinimumFloat;
typedef Plain<MinimumFold, vi> MinimumInt;
typedef Arg<ArgMaximum, vf> ArgMaximumFloat;
typedef Arg<ArgMaximum, vi> ArgMaximumInt;
typedef Arg<ArgMinimum, vf> ArgMinimumFloat;
typedef Arg<ArgMinimum, vi> ArgMinimumInt;
// By op, then type.
static const Accumulation ACCUMULATIONS[6][2] = {
    {ACCUMULATION(SumFloat), ACCUMULATION(SumInt)},
    {ACCUMULATION(ProductFloat), ACCUMULATION(ProductInt)},
    {ACCUMULATION(MaximumFloat), ACCUMULATION(MaximumInt)},
    {ACCUMULATION(MinimumFloat), ACCUMULATION(MinimumInt)},
    {ACCUMULATION(ArgMaximumFloat), ACCUMULATION(ArgMaximumInt)},
    {ACCUMULATION(ArgMinimumFloat), ACCUMULATION(ArgMinimumInt)},
};
