// Checks that the `verify` functions of kernels on dense operands share. Each is said at load, once.
#pragma once
#include "kernel.h"
#include "../simd.h"

// Row-major without gaps; strides of axes of length 1 don't matter, nor do any where there are no elements.
static bool isDense(const View& v) {
  for (int d = 0; d < v.rank; d++)
    if (v.dims[d] == 0) return v.buffer >= 0;
  int64_t stride = 1;
  for (int d = v.rank - 1; d >= 0; d--) {
    if (v.dims[d] != 1 && v.strides[d] != stride) return false;
    stride *= v.dims[d];
  }
  return v.buffer >= 0;
}
INLINE bool isDenseFloat(const View& v, int32_t rank) { return v.dtype == DT_F32 && v.rank == rank && isDense(v); }
INLINE bool isIndexType(int32_t dtype) { return dtype == DT_I32 || dtype == DT_U8; }

// Axes a … a + count − 1 of v have the lengths of axes b … of w.
INLINE bool sameAxes(const View& v, int a, const View& w, int b, int count) {
  if (a + count > v.rank || b + count > w.rank) return false;
  for (int i = 0; i < count; i++)
    if (v.dims[a + i] != w.dims[b + i]) return false;
  return true;
}

INLINE bool wordsWithin(const StepArgs* a, int first, int count, int32_t low, int32_t high) {
  if (first + count > a->wordCount) return false;
  for (int i = first; i < first + count; i++)
    if (a->words[i] < low || a->words[i] > high) return false;
  return true;
}
