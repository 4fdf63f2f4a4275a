// Rows by index: gather. Its counterparts are in scatter.h.
//
// gather: out[i] = data[index[i]], rows of any element type, copied as bytes. Bound: memory, and for short random rows its
// latency: the lines of all rows of a chunk are requested before the first is copied (a batch of 32 rows of 784 bytes from a
// resident uint8 data set is 13 lines each at 32 random places). Chunks of 8 KB or more.
//
// Reached on one thread: 32 random rows of 784 bytes 0.9–1.2 µs from L3; 6400 rows of 512 bytes from a 10 MB table 0.07 ms (90 GB/s,
// L3).
//
// An index outside is reported as a fault, and zeros are written there.
#pragma once
#include "bytes.h"
#include "checks.h"
#include "kernel.h"
#include "../simd.h"

namespace indexing {

INLINE int64_t product(const View& v, int from, int to) {
  int64_t n = 1;
  for (int d = from; d < to; d++) n *= v.dims[d];
  return n;
}
INLINE int64_t elementBytes(int32_t dtype) { return dtype == DT_F32 || dtype == DT_I32 ? 4 : 1; }
INLINE int32_t indexAt(const View& indices, int64_t i) {
  return indices.dtype == DT_U8 ? (int32_t)indices.data[i] : ((const int32_t*)indices.data)[i];
}
INLINE int64_t divideUp(int64_t a, int64_t b) { return (a + b - 1) / b; }
INLINE int64_t between(int64_t x, int64_t low, int64_t high) { return x < low ? low : x > high ? high : x; }

// ---- gather ----------------------------------------------------------------------------------------------------

struct Gather {
  int64_t n, rows, bytes, each;  // rows of data, rows gathered, bytes of a row, rows per chunk
};
static Gather gatherOf(const StepArgs* a) {
  const View &data = a->views[0], &indices = a->views[1];
  Gather g;
  g.n = data.dims[0];
  g.rows = product(indices, 0, indices.rank);
  g.bytes = product(data, 1, data.rank) * elementBytes(data.dtype);
  int64_t chunkBytes = between(g.rows * g.bytes / 64, 8 << 10, 256 << 10);
  g.each = g.bytes ? divideUp(chunkBytes, g.bytes) : g.rows + 1;
  return g;
}

static void zeroBytes(uint8_t* to, int64_t bytes) {
  int64_t i = 0;
  for (; i + LANES * 4 <= bytes; i += LANES * 4) store((int32_t*)(void*)(to + i), zeroInt());
  for (; i < bytes; i++) to[i] = 0;
}

static int64_t gatherChunks(const StepArgs* a, int32_t) {
  Gather g = gatherOf(a);
  return g.bytes ? divideUp(g.rows, g.each) : 0;
}

template <int BYTES>
INLINE void gatherElements(const uint8_t* data, const View& indices, uint8_t* out, int64_t n, int64_t row, int64_t last, Thread* thread) {
  for (; row < last; row++) {
    int32_t index = indexAt(indices, row);
    if (index >= 0 && index < n) {
      __builtin_memcpy(out + row * BYTES, data + (int64_t)index * BYTES, BYTES);
    } else {
      thread->report(thread, FAULT_INDEX_RANGE, row, index);
      for (int i = 0; i < BYTES; i++) out[row * BYTES + i] = 0;
    }
  }
}

static void gatherRun(const StepArgs* a, int32_t, int64_t begin, int64_t end, Thread* thread) {
  const Gather g = gatherOf(a);
  const View& indices = a->views[1];
  const uint8_t* data = a->views[0].data;
  uint8_t* out = a->views[2].data;
  for (int64_t chunk = begin; chunk < end; chunk++) {
    int64_t row = chunk * g.each, last = row + g.each < g.rows ? row + g.each : g.rows;
    if (g.bytes == 4) {
      gatherElements<4>(data, indices, out, g.n, row, last, thread);
      continue;
    }
    if (g.bytes == 1) {
      gatherElements<1>(data, indices, out, g.n, row, last, thread);
      continue;
    }
    // Lines requested ahead: all of a chunk of short rows, else a window of 16 KB.
    const int64_t window = between((16 << 10) / g.bytes, 1, g.each);
    int64_t ahead = row;
    for (; row < last; row++) {
      for (; ahead < last && ahead < row + window; ahead++) {
        int32_t index = indexAt(indices, ahead);
        if (index < 0 || index >= g.n) continue;
        const uint8_t* from = data + index * g.bytes;
        for (int64_t i = 0; i < g.bytes && i < 4096; i += 64) prefetch(from + i);
        prefetch(from + (g.bytes < 4096 ? g.bytes : 4096) - 1);
      }
      int32_t index = indexAt(indices, row);
      if (index >= 0 && index < g.n) {
        copyBytes(out + row * g.bytes, data + index * g.bytes, g.bytes);
      } else {
        thread->report(thread, FAULT_INDEX_RANGE, row, index);
        zeroBytes(out + row * g.bytes, g.bytes);
      }
    }
  }
}

static const char* verifyGather(const StepArgs* a) {
  if (a->viewCount != 3) return "expected 3 operands";
  const View &data = a->views[0], &indices = a->views[1], &out = a->views[2];
  if (data.rank < 1 || !isDense(data) || !isDense(out) || data.dtype != out.dtype) return "expected dense data and result of one dtype";
  if (!isIndexType(indices.dtype) || !isDense(indices)) return "expected dense int32 or uint8 indices";
  if (out.rank != indices.rank + data.rank - 1 || !sameAxes(out, 0, indices, 0, indices.rank) ||
      !sameAxes(out, indices.rank, data, 1, data.rank - 1))
    return "expected a result of shape [indices…, inner…]";
  return nullptr;
}
}  // namespace indexing

static constexpr Kernel indexing_kernels[] = {
    {"gather", nullptr, nullptr, nullptr, nullptr, indexing::gatherChunks, indexing::gatherRun,
     indexing::verifyGather},
};
