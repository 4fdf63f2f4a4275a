// Rows of a run-time length moved together, one behind the other, or apart again.
//
// pack: x [outer, n, inner] any dtype → y. In one of the two the outer index steps by the bound of n, by strides that are known
// when a program is loaded; in the other by n itself, as kernels without strides and readers of results expect. The loop, whose
// plan holds the strides, can't do that.
//
// Bound: memory, each byte once in and once out. Chunks of 64 KB or more, of whole rows.
#pragma once
#include "bytes.h"
#include "checks.h"
#include "kernel.h"
#include "lanes.h"

namespace pack {

struct Rows {
  int64_t count, bytes, from, to, each;  // of rows, of a row, between rows of x and of y, rows per chunk
};
static Rows rowsOf(const StepArgs* a) {
  const View& x = a->views[0];
  const int64_t unit = elementSize(x.dtype), bytes = x.dims[1] * x.dims[2] * unit;
  Rows r = {x.dims[0], bytes, x.strides[0] * unit, a->views[1].strides[0] * unit, 1};
  if (bytes > 0 && bytes < 64 << 10) r.each = (64 << 10) / bytes;
  return r;
}

static int64_t chunks(const StepArgs* a, int32_t) {
  const Rows r = rowsOf(a);
  return r.bytes ? (r.count + r.each - 1) / r.each : 0;
}

static void run(const StepArgs* a, int32_t, int64_t begin, int64_t end, Thread*) {
  const Rows r = rowsOf(a);
  const int64_t last = end * r.each < r.count ? end * r.each : r.count;
  for (int64_t row = begin * r.each; row < last; row++)
    copyBytes(a->views[1].data + row * r.to, a->views[0].data + row * r.from, r.bytes);
}

static const char* verify(const StepArgs* a) {
  if (a->viewCount != 2) return "expected 2 operands";
  const View &x = a->views[0], &y = a->views[1];
  if (x.rank != 3 || y.rank != 3 || x.dtype != y.dtype || !sameAxes(x, 0, y, 0, 3)) return "expected two operands of one type, of rank 3";
  if (x.dynamicAxis != 1 || y.dynamicAxis != 1) return "expected a run-time length on the middle axis";
  return isDense(x) && isDense(y) ? nullptr : "expected dense operands";
}

}  // namespace pack

static constexpr Kernel pack_kernel = {"pack", nullptr, nullptr, nullptr, nullptr, pack::chunks, pack::run, pack::verify};
