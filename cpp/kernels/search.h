// searchSorted: where values would be inserted into sorted rows, by binary search on the keys of radix.h: NaN is the largest.
//
// Bound: latency of about log2 n dependent reads per value, in cache or not. Chunks of values, from the shape only.
#pragma once
#include "checks.h"
#include "radix.h"

namespace search {

using radix::Keys;

static const int64_t STEPS = 65536;  // reads per chunk

struct Problem {
  int64_t rows, n, m;  // rows, their length, values per row
  int64_t each;        // values per chunk
};
static Problem problemOf(const StepArgs* a) {
  const View &sorted = a->views[0], &values = a->views[1];
  int64_t steps = 1;
  for (int64_t n = sorted.dims[1]; n > 0; n >>= 1) steps++;
  return {values.dims[0], sorted.dims[1], values.dims[1], STEPS / steps};
}
static int64_t chunks(const StepArgs* a, int32_t) {
  const Problem p = problemOf(a);
  return (p.rows * p.m + p.each - 1) / p.each;
}

// How many keys of the row are below this one; with `after` also those that are equal.
template <Keys keys>
INLINE int32_t placeOf(const uint8_t* sorted, int64_t n, uint32_t key, bool after) {
  int64_t low = 0;
  while (n > 0) {
    const int64_t half = n >> 1;
    const uint32_t middle = radix::keyAt<keys>(sorted, low + half, 0);
    const bool goesOn = after ? middle <= key : middle < key;
    low = goesOn ? low + half + 1 : low;
    n = goesOn ? n - half - 1 : half;
  }
  return (int32_t)low;
}

template <Keys keys>
static void runValues(const StepArgs* a, int64_t begin, int64_t end) {
  const Problem p = problemOf(a);
  const int64_t bytes = keys == radix::BYTES ? 1 : 4;
  const bool after = a->words[0] != 0;
  int32_t* out = (int32_t*)(void*)a->views[2].data;
  const int64_t last = end * p.each < p.rows * p.m ? end * p.each : p.rows * p.m;
  for (int64_t i = begin * p.each; i < last; i++) {
    const uint8_t* sorted = a->views[0].data + i / p.m * p.n * bytes;
    out[i] = placeOf<keys>(sorted, p.n, radix::keyAt<keys>(a->views[1].data, i, 0), after);
  }
}

static void run(const StepArgs* a, int32_t, int64_t begin, int64_t end, Thread*) {
  switch (a->views[0].dtype) {
    case DT_F32: return runValues<radix::FLOAT_PLACES>(a, begin, end);
    case DT_I32: return runValues<radix::INTEGERS>(a, begin, end);
    default: return runValues<radix::BYTES>(a, begin, end);
  }
}

static const char* verify(const StepArgs* a) {
  if (a->viewCount != 3) return "expected 3 operands";
  if (!wordsWithin(a, 0, 1, 0, 1)) return "expected a word that says left or right";
  const View &sorted = a->views[0], &values = a->views[1], &out = a->views[2];
  if (sorted.rank != 2 || values.rank != 2 || out.rank != 2 || !isDense(sorted) || !isDense(values) || !isDense(out)) return "expected dense rows";
  if (sorted.dtype != values.dtype || out.dtype != DT_I32) return "expected values of the dtype of the rows and an int32 result";
  if (!sameAxes(sorted, 0, values, 0, 1) || !sameAxes(values, 0, out, 0, 2)) return "expected as many rows of values, and a result like them";
  return sorted.dynamicAxis == 1 ? "expected rows of a fixed length" : nullptr;
}

}  // namespace search

static constexpr Kernel search_kernels[] = {
    {"searchSorted", nullptr, nullptr, nullptr, nullptr, search::chunks, search::run, search::verify},
};
