// sort: the values of each row in order. argSort: their positions, equal values in the order of the row.
//
// Bound: the scattered writes of a radix sort, about 0.7 ns an element and digit; positions double the bytes. Blocking:
//   n ≤ 40       insertion
//   n < 32,768   row by row in the thread's scratch (L2), four digits of 8 bits
//   longer       least significant digit first, three digits of 11 bits (one of a byte); a row is cut into chunks of equal
//                length. A digit is three phases: each chunk counts its digits; the counts become positions; each chunk
//                moves its elements there, in order. The first digit reads the operand, the last writes the result. Where
//                there are many such rows they follow each other in batches, as many as there may be phases for, which
//                keeps the scratch small.
#pragma once
#include "checks.h"
#include "radix.h"

namespace sorting {
namespace {  // the members of a template are not static

using radix::Keys;

static const int64_t LONG_ROW = 32768;  // two buffers of it fit into a thread's scratch
static const int64_t CHUNK = 32768, MOST_CHUNKS = 64;
static const int32_t WIDE_BITS = 11, WIDE_DIGITS = 1 << WIDE_BITS;
static const int32_t PHASES_PER_DIGIT = 3, MOST_PHASES = 63;

struct Problem {
  const uint8_t* x;
  uint8_t* y;
  uint32_t flip;
  int64_t rows, n;
  int64_t each;            // rows per chunk; 0: long rows
  int64_t chunks, batch;   // of a long row; long rows at once
  int32_t passes, batches;
};

template <Keys keys>
static Problem problemOf(const StepArgs* a) {
  const View& x = a->views[0];
  Problem p = {};
  p.x = x.data;
  p.y = a->views[1].data;
  p.flip = radix::flipOf<keys>(a->words[0] != 0);
  p.rows = 1, p.n = x.dims[x.rank - 1];
  for (int d = 0; d < x.rank - 1; d++) p.rows *= x.dims[d];
  if (p.n < LONG_ROW) {
    p.each = p.n > 0 && p.n < CHUNK / 4 ? CHUNK / 4 / p.n : 1;
    return p;
  }
  p.chunks = p.n / CHUNK < 2 ? 2 : p.n / CHUNK < MOST_CHUNKS ? p.n / CHUNK : MOST_CHUNKS;
  p.passes = (radix::keyBits<keys>() + WIDE_BITS - 1) / WIDE_BITS;
  const int64_t most = MOST_PHASES / (PHASES_PER_DIGIT * p.passes);
  p.batches = (int32_t)(p.rows < most ? p.rows : most);
  p.batch = p.batches ? (p.rows + p.batches - 1) / p.batches : 0;
  return p;
}

// Of one long row: two buffers, the counts of each chunk, and where each digit begins.
template <class Element>
struct LongRow {
  Element* buffers[2];
  uint32_t* counts;
  uint32_t* starts;

  static int64_t bytes(const Problem& p) {
    return 2 * p.n * (int64_t)sizeof(Element) + (p.chunks + 1) * WIDE_DIGITS * 4;
  }
  LongRow(const Problem& p, uint8_t* scratch, int64_t slot) {
    // The tables first: their size is a multiple of 64 bytes.
    scratch += slot * bytes(p);
    counts = (uint32_t*)(void*)scratch;
    starts = counts + p.chunks * WIDE_DIGITS;
    buffers[0] = (Element*)(void*)(starts + WIDE_DIGITS);
    buffers[1] = buffers[0] + p.n;
  }
};

// An element of a row where a pass finds it: the first in the operand.
template <Keys keys, class Element, bool isFirst>
INLINE Element elementAt(const Problem& p, const uint8_t* x, const Element* from, int64_t i) {
  return isFirst ? radix::elementOf<Element>(radix::keyAt<keys>(x, i, p.flip), i) : from[i];
}
template <Keys keys>
INLINE void writeResult(const Problem& p, uint8_t* y, int64_t at, uint32_t element) {
  radix::valueTo<keys>(y, at, element, p.flip);
}
template <Keys keys>
INLINE void writeResult(const Problem&, uint8_t* y, int64_t at, uint64_t element) {
  ((int32_t*)(void*)y)[at] = (int32_t)element;
}

template <Keys keys, class Element, bool isFirst>
static void countDigits(const Problem& p, const uint8_t* x, const Element* from, int64_t begin, int64_t end, int32_t shift,
                        uint32_t* counts) {
  for (int32_t digit = 0; digit < WIDE_DIGITS; digit++) counts[digit] = 0;
  for (int64_t i = begin; i < end; i++) {
    counts[radix::keyOf(elementAt<keys, Element, isFirst>(p, x, from, i)) >> shift & (WIDE_DIGITS - 1)]++;
  }
}

// Counts of the chunks before this one, and where the first of each digit goes.
static void addUp(uint32_t* counts, uint32_t* starts, int64_t chunks) {
  for (int32_t digit = 0; digit < WIDE_DIGITS; digit++) starts[digit] = 0;
  for (int64_t chunk = 0; chunk < chunks; chunk++, counts += WIDE_DIGITS) {
    for (int32_t digit = 0; digit < WIDE_DIGITS; digit += LANES) {
      int32_t* before = (int32_t*)(void*)(starts + digit);
      int32_t* own = (int32_t*)(void*)(counts + digit);
      const vi sum = load(before), count = load(own);
      store(own, sum);
      store(before, add(sum, count));
    }
  }
  uint32_t next = 0;
  for (int32_t digit = 0; digit < WIDE_DIGITS; digit++) {
    const uint32_t count = starts[digit];
    starts[digit] = next;
    next += count;
  }
}

template <Keys keys, class Element, bool isFirst, bool isLast>
static void moveElements(const Problem& p, const uint8_t* x, uint8_t* y, const Element* from, Element* to, int64_t begin,
                         int64_t end, int32_t shift, uint32_t* next, const uint32_t* starts) {
  for (int32_t digit = 0; digit < WIDE_DIGITS; digit++) next[digit] += starts[digit];
  for (int64_t i = begin; i < end; i++) {
    const Element element = elementAt<keys, Element, isFirst>(p, x, from, i);
    const uint32_t at = next[radix::keyOf(element) >> shift & (WIDE_DIGITS - 1)]++;
    if (isLast) {
      writeResult<keys>(p, y, at, element);
    } else {
      to[at] = element;
    }
  }
}

template <Keys keys, class Element, bool isFirst, bool isLast>
static void runDigit(const StepArgs* a, const Problem& p, int32_t batch, int32_t pass, bool isMove, int64_t begin, int64_t end) {
  const int64_t elementBytes = keys == radix::BYTES ? 1 : 4, resultBytes = sizeof(Element) == 4 ? elementBytes : 4;
  const int32_t shift = pass * WIDE_BITS;
  for (int64_t i = begin; i < end; i++) {
    const int64_t slot = i / p.chunks, chunk = i % p.chunks, row = batch * p.batch + slot;
    const LongRow<Element> work(p, a->scratch, slot);
    const uint8_t* x = p.x + row * p.n * elementBytes;
    const Element* from = work.buffers[(pass + 1) & 1];
    const int64_t first = p.n * chunk / p.chunks, last = p.n * (chunk + 1) / p.chunks;
    uint32_t* counts = work.counts + chunk * WIDE_DIGITS;
    if (!isMove) {
      countDigits<keys, Element, isFirst>(p, x, from, first, last, shift, counts);
    } else {
      moveElements<keys, Element, isFirst, isLast>(p, x, p.y + row * p.n * resultBytes, from, work.buffers[pass & 1], first, last,
                                                   shift, counts, work.starts);
    }
  }
}

template <Keys keys, class Element>
static void runLong(const StepArgs* a, const Problem& p, int32_t phase, int64_t begin, int64_t end) {
  const int32_t part = phase % PHASES_PER_DIGIT;
  const int32_t pass = phase / PHASES_PER_DIGIT % p.passes, batch = phase / PHASES_PER_DIGIT / p.passes;
  if (part == 1) {
    for (int64_t slot = begin; slot < end; slot++) {
      const LongRow<Element> work(p, a->scratch, slot);
      addUp(work.counts, work.starts, p.chunks);
    }
    return;
  }
  const bool isMove = part == 2;
  if (keys == radix::BYTES) {
    runDigit<keys, Element, true, true>(a, p, batch, pass, isMove, begin, end);
  } else if (pass == 0) {
    runDigit<keys, Element, true, false>(a, p, batch, pass, isMove, begin, end);
  } else if (pass < p.passes - 1) {
    runDigit<keys, Element, false, false>(a, p, batch, pass, isMove, begin, end);
  } else {
    runDigit<keys, Element, false, true>(a, p, batch, pass, isMove, begin, end);
  }
}

template <Keys keys, class Element>
static void runRows(const Problem& p, int64_t begin, int64_t end, Thread* thread) {
  const int64_t elementBytes = keys == radix::BYTES ? 1 : 4, resultBytes = sizeof(Element) == 4 ? elementBytes : 4;
  uint32_t* counts = (uint32_t*)(void*)thread->scratch;
  Element* buffer = (Element*)(void*)(thread->scratch + radix::COUNT_BYTES);
  const int64_t last = end * p.each < p.rows ? end * p.each : p.rows;
  for (int64_t row = begin * p.each; row < last; row++) {
    const uint8_t* x = p.x + row * p.n * elementBytes;
    uint8_t* y = p.y + row * p.n * resultBytes;
    for (int64_t i = 0; i < p.n; i++) buffer[i] = elementAt<keys, Element, true>(p, x, nullptr, i);
    const Element* sorted = radix::sortRow(buffer, buffer + p.n, p.n, radix::keyBits<keys>(), counts);
    for (int64_t i = 0; i < p.n; i++) writeResult<keys>(p, y, i, sorted[i]);
  }
}

template <Keys keys, class Element>
struct Sort {
  static int64_t scratchBytes(const StepArgs* a) {
    const Problem p = problemOf<keys>(a);
    return p.each ? 0 : p.batch * LongRow<Element>::bytes(p);
  }
  static int32_t phases(const StepArgs* a) {
    const Problem p = problemOf<keys>(a);
    return p.each ? 1 : PHASES_PER_DIGIT * p.passes * p.batches;
  }
  static int64_t chunks(const StepArgs* a, int32_t phase) {
    const Problem p = problemOf<keys>(a);
    if (p.n == 0) return 0;
    if (p.each) return (p.rows + p.each - 1) / p.each;
    const int64_t left = p.rows - phase / PHASES_PER_DIGIT / p.passes * p.batch;
    const int64_t rows = left < 0 ? 0 : left < p.batch ? left : p.batch;
    return phase % PHASES_PER_DIGIT == 1 ? rows : rows * p.chunks;
  }
  static void run(const StepArgs* a, int32_t phase, int64_t begin, int64_t end, Thread* thread) {
    const Problem p = problemOf<keys>(a);
    if (p.each) {
      runRows<keys, Element>(p, begin, end, thread);
    } else {
      runLong<keys, Element>(a, p, phase, begin, end);
    }
  }
};

// The same call on the kernel of the operand's dtype.
#define BY_DTYPE(floats, Element, call)                                    \
  switch (a->views[0].dtype) {                                             \
    case DT_F32: return Sort<radix::floats, Element>::call;                \
    case DT_I32: return Sort<radix::INTEGERS, Element>::call;              \
    default: return Sort<radix::BYTES, Element>::call;                     \
  }
static int64_t valueScratch(const StepArgs* a) { BY_DTYPE(FLOAT_VALUES, uint32_t, scratchBytes(a)) }
static int32_t valuePhases(const StepArgs* a) { BY_DTYPE(FLOAT_VALUES, uint32_t, phases(a)) }
static int64_t valueChunks(const StepArgs* a, int32_t phase) { BY_DTYPE(FLOAT_VALUES, uint32_t, chunks(a, phase)) }
static void valueRun(const StepArgs* a, int32_t phase, int64_t begin, int64_t end, Thread* thread) {
  BY_DTYPE(FLOAT_VALUES, uint32_t, run(a, phase, begin, end, thread))
}
static int64_t placeScratch(const StepArgs* a) { BY_DTYPE(FLOAT_PLACES, uint64_t, scratchBytes(a)) }
static int32_t placePhases(const StepArgs* a) { BY_DTYPE(FLOAT_PLACES, uint64_t, phases(a)) }
static int64_t placeChunks(const StepArgs* a, int32_t phase) { BY_DTYPE(FLOAT_PLACES, uint64_t, chunks(a, phase)) }
static void placeRun(const StepArgs* a, int32_t phase, int64_t begin, int64_t end, Thread* thread) {
  BY_DTYPE(FLOAT_PLACES, uint64_t, run(a, phase, begin, end, thread))
}
#undef BY_DTYPE

static const char* verify(const StepArgs* a) {
  if (a->viewCount != 2) return "expected 2 operands";
  if (!wordsWithin(a, 0, 1, 0, 1)) return "expected a word that says descending or not";
  const View &x = a->views[0], &y = a->views[1];
  if (x.rank < 1 || x.rank != y.rank || !isDense(x) || !isDense(y) || !sameAxes(x, 0, y, 0, x.rank)) return "expected dense rows of one shape";
  if (x.dynamicAxis == x.rank - 1) return "expected rows of a fixed length";
  return nullptr;
}
static const char* verifyValues(const StepArgs* a) {
  const char* fault = verify(a);
  return fault ? fault : a->views[0].dtype == a->views[1].dtype ? nullptr : "expected one dtype";
}
static const char* verifyPlaces(const StepArgs* a) {
  const char* fault = verify(a);
  return fault ? fault : a->views[1].dtype == DT_I32 ? nullptr : "expected an int32 result";
}

}  // namespace
}  // namespace sorting

static constexpr Kernel sort_kernels[] = {
    {"sort", nullptr, nullptr, sorting::valueScratch, sorting::valuePhases, sorting::valueChunks, sorting::valueRun,
     sorting::verifyValues},
    {"argSort", nullptr, nullptr, sorting::placeScratch, sorting::placePhases, sorting::placeChunks, sorting::placeRun,
     sorting::verifyPlaces},
};
