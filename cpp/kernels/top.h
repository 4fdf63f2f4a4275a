// topK: the positions of the k largest or smallest elements of each row, best first, the earlier among equal ones.
//
// Bound: one read of the operand. A row is read in vectors beside a limit, the key of the k-th best so far; what is better
// goes into a buffer of 2k + 256 elements, and when that is full it is sorted (radix.h) and cut to k, which moves the limit.
// Of random data few elements pass; in the worst order (each better than all before) every element is sorted once or twice.
// A row of 128 Ki elements and more is cut into parts of 64 Ki and at least 16k elements; the best k of all parts are
// sorted in a second phase. Short rows share chunks.
#pragma once
#include "checks.h"
#include "radix.h"

namespace top {
namespace {  // the members of a template are not static

using radix::Keys;

static const int64_t MOST_K = 16384;  // two buffers fit into a thread's scratch; src/ops/sort.ts asks for no more
static const int64_t PART = 65536, MOST_PARTS = 64, SLACK = 256, CHUNK = 16384;

struct Problem {
  const uint8_t* x;
  int32_t* y;
  uint32_t flip;
  int64_t rows, n, k;
  int64_t each;   // whole rows per chunk
  int64_t parts;  // of a row
};

template <Keys keys>
static Problem problemOf(const StepArgs* a) {
  const View &x = a->views[0], &y = a->views[1];
  Problem p = {};
  p.x = x.data;
  p.y = (int32_t*)(void*)y.data;
  p.flip = radix::flipOf<keys>(a->words[0] != 0);
  p.rows = 1, p.n = x.dims[x.rank - 1], p.k = y.dims[y.rank - 1];
  for (int d = 0; d < x.rank - 1; d++) p.rows *= x.dims[d];
  const int64_t part = PART > 16 * p.k ? PART : 16 * p.k;
  p.parts = p.n / part < 1 ? 1 : p.n / part < MOST_PARTS ? p.n / part : MOST_PARTS;
  p.each = p.n < CHUNK ? CHUNK / (p.n + 1) + 1 : 1;
  return p;
}

// Keys of so many elements as signed words, in the order of radix::keyAt.
template <Keys keys>
INLINE vi keysAt(const uint8_t* x, int64_t i, vi flip) {
  if (keys == radix::BYTES) return loadBytes(x + i) ^ flip;
  if (keys == radix::INTEGERS) return load((const int32_t*)(const void*)x + i) ^ flip;
  const vf value = load((const float*)(const void*)x + i) + zeroFloat();  // −0 becomes 0
  const vi bits = asInt(value);
  const vi ordered = bits ^ (shiftRight(bits, 31) & splat(0x7fffffff));
  return select(isNaN(value), splat(0x7fffffff), ordered) ^ flip;
}
template <Keys keys>
INLINE int32_t signedKey(uint32_t key) { return (int32_t)(keys == radix::BYTES ? key : key ^ radix::SIGN); }

struct Buffers {
  uint64_t *row, *other;
  uint32_t* counts;
  int64_t held, capacity;
};
INLINE Buffers buffersOf(const Problem& p, Thread* thread) {
  Buffers b = {};
  b.counts = (uint32_t*)(void*)thread->scratch;
  b.row = (uint64_t*)(void*)(thread->scratch + radix::COUNT_BYTES);
  b.capacity = 2 * p.k + SLACK;
  b.other = b.row + b.capacity;
  return b;
}
// The best k of the buffer, in order.
template <Keys keys>
static void cut(const Problem& p, Buffers* b) {
  uint64_t* sorted = radix::sortRow(b->row, b->other, b->held, radix::keyBits<keys>(), b->counts);
  if (sorted != b->row) b->other = b->row, b->row = sorted;
  if (b->held > p.k) b->held = p.k;
}

// The best k of the elements begin … end − 1 of a row, in order, in b->row.
template <Keys keys>
static void selectBest(const Problem& p, const uint8_t* x, int64_t begin, int64_t end, Buffers* b) {
  b->held = 0;
  int64_t i = begin;
  for (; i < end && b->held < b->capacity; i++) b->row[b->held++] = radix::elementOf<uint64_t>(radix::keyAt<keys>(x, i, p.flip), i);
  cut<keys>(p, b);
  const vi flip = splat((int32_t)p.flip);
  uint32_t limit = radix::keyOf(b->row[b->held - 1]);
  const auto takeFrom = [&](int64_t from, int64_t to) {
    for (int64_t at = from; at < to; at++) {
      const uint32_t key = radix::keyAt<keys>(x, at, p.flip);
      if (key >= limit) continue;  // of equal ones the earlier stays
      b->row[b->held++] = radix::elementOf<uint64_t>(key, at);
      if (b->held < b->capacity) continue;
      cut<keys>(p, b);
      limit = radix::keyOf(b->row[b->held - 1]);
    }
  };
  for (; i + 4 * LANES <= end; i += 4 * LANES) {
    const vi bound = splat(signedKey<keys>(limit));
    const vm first = less(keysAt<keys>(x, i, flip), bound), second = less(keysAt<keys>(x, i + LANES, flip), bound);
    const vm third = less(keysAt<keys>(x, i + 2 * LANES, flip), bound), fourth = less(keysAt<keys>(x, i + 3 * LANES, flip), bound);
    if (!any(maskOr(maskOr(first, second), maskOr(third, fourth)))) continue;
    if (any(first)) takeFrom(i, i + LANES);
    if (any(second)) takeFrom(i + LANES, i + 2 * LANES);
    if (any(third)) takeFrom(i + 2 * LANES, i + 3 * LANES);
    if (any(fourth)) takeFrom(i + 3 * LANES, i + 4 * LANES);
  }
  takeFrom(i, end);
  cut<keys>(p, b);
}

INLINE void writePlaces(int32_t* y, const uint64_t* best, int64_t k) {
  for (int64_t i = 0; i < k; i++) y[i] = (int32_t)best[i];
}

template <Keys keys>
struct Top {
  static int64_t elementBytes() { return keys == radix::BYTES ? 1 : 4; }

  static int64_t scratchBytes(const StepArgs* a) {
    const Problem p = problemOf<keys>(a);
    return p.parts == 1 ? 0 : 2 * p.rows * p.parts * p.k * 8;
  }
  static int32_t phases(const StepArgs* a) { return problemOf<keys>(a).parts == 1 ? 1 : 2; }
  static int64_t chunks(const StepArgs* a, int32_t phase) {
    const Problem p = problemOf<keys>(a);
    if (p.k == 0) return 0;
    if (p.parts == 1) return (p.rows + p.each - 1) / p.each;
    return phase == 0 ? p.rows * p.parts : p.rows;
  }
  static void run(const StepArgs* a, int32_t phase, int64_t begin, int64_t end, Thread* thread) {
    const Problem p = problemOf<keys>(a);
    Buffers b = buffersOf(p, thread);
    if (p.parts == 1) {
      const int64_t last = end * p.each < p.rows ? end * p.each : p.rows;
      for (int64_t row = begin * p.each; row < last; row++) {
        selectBest<keys>(p, p.x + row * p.n * elementBytes(), 0, p.n, &b);
        writePlaces(p.y + row * p.k, b.row, p.k);
      }
      return;
    }
    uint64_t* candidates = (uint64_t*)(void*)a->scratch;
    const int64_t ofRow = p.parts * p.k;
    for (int64_t i = begin; i < end; i++) {
      if (phase == 0) {
        const int64_t row = i / p.parts, part = i % p.parts;
        selectBest<keys>(p, p.x + row * p.n * elementBytes(), p.n * part / p.parts, p.n * (part + 1) / p.parts, &b);
        for (int64_t j = 0; j < p.k; j++) candidates[i * p.k + j] = b.row[j];
      } else {
        uint64_t* own = candidates + i * ofRow;
        const uint64_t* sorted = radix::sortRow(own, own + p.rows * ofRow, ofRow, radix::keyBits<keys>(), b.counts);
        writePlaces(p.y + i * p.k, sorted, p.k);
      }
    }
  }
};

#define BY_DTYPE(call)                                         \
  switch (a->views[0].dtype) {                                 \
    case DT_F32: return Top<radix::FLOAT_PLACES>::call;        \
    case DT_I32: return Top<radix::INTEGERS>::call;            \
    default: return Top<radix::BYTES>::call;                   \
  }
static int64_t scratchBytes(const StepArgs* a) { BY_DTYPE(scratchBytes(a)) }
static int32_t phases(const StepArgs* a) { BY_DTYPE(phases(a)) }
static int64_t chunks(const StepArgs* a, int32_t phase) { BY_DTYPE(chunks(a, phase)) }
static void run(const StepArgs* a, int32_t phase, int64_t begin, int64_t end, Thread* thread) {
  BY_DTYPE(run(a, phase, begin, end, thread))
}
#undef BY_DTYPE

static const char* verify(const StepArgs* a) {
  if (a->viewCount != 2) return "expected 2 operands";
  if (!wordsWithin(a, 0, 1, 0, 1)) return "expected a word that says largest or smallest";
  const View &x = a->views[0], &y = a->views[1];
  if (x.rank < 1 || x.rank != y.rank || !isDense(x) || !isDense(y) || !sameAxes(x, 0, y, 0, x.rank - 1)) return "expected dense rows";
  if (y.dtype != DT_I32) return "expected an int32 result";
  if (x.dynamicAxis == x.rank - 1) return "expected rows of a fixed length";
  const int64_t k = y.dims[y.rank - 1];
  return k <= x.dims[x.rank - 1] && k <= MOST_K ? nullptr : "expected k up to the length of a row and 16384";
}

}  // namespace
}  // namespace top

static constexpr Kernel top_kernels[] = {
    {"topK", nullptr, nullptr, top::scratchBytes, top::phases, top::chunks, top::run, top::verify},
};
