// Packing: panels of b as [depth][width] and blocks of a as [tile][depth][rows of the tile], padded panels of b with
// zeros. One routine serves both: out[k·width + i] = in[k·depthStride + i·itemStride].
//
// Bound: bytes. Where items are contiguous it copies vectors; where depth is contiguous it transposes squares of
// LANES × LANES through a buffer in L1, so that both sides move whole cache lines.
#pragma once
#include "microkernel.h"

namespace gemm {

static void packCopy(const float* in, int64_t depthStride, int64_t depth, int64_t items, int64_t width, float* out) {
  for (int64_t k = 0; k < depth; k++, in += depthStride, out += width) {
    int64_t i = 0;
    for (; i + LANES <= items; i += LANES) store(out + i, load(in + i));
    if (i < width) storePartial(out + i, loadPartial(in + i, (int)(items - i)), (int)(width - i));
  }
}

static void packGeneral(const float* in, int64_t depthStride, int64_t itemStride, int64_t depth, int64_t items,
                        int64_t width, float* out) {
  for (int64_t k = 0; k < depth; k++, out += width) {
    for (int64_t i = 0; i < items; i++) out[i] = in[k * depthStride + i * itemStride];
    for (int64_t i = items; i < width; i++) out[i] = 0;
  }
}

// Rows of a square become its columns: log2(LANES) rounds that interleave row i with row i + LANES/2.
#if SIMD_AVX512
INLINE vf interleaveLow(vf a, vf b) {
  return __builtin_shufflevector(a, b, 0, 16, 1, 17, 2, 18, 3, 19, 4, 20, 5, 21, 6, 22, 7, 23);
}
INLINE vf interleaveHigh(vf a, vf b) {
  return __builtin_shufflevector(a, b, 8, 24, 9, 25, 10, 26, 11, 27, 12, 28, 13, 29, 14, 30, 15, 31);
}
#elif SIMD_AVX2
INLINE vf interleaveLow(vf a, vf b) { return __builtin_shufflevector(a, b, 0, 8, 1, 9, 2, 10, 3, 11); }
INLINE vf interleaveHigh(vf a, vf b) { return __builtin_shufflevector(a, b, 4, 12, 5, 13, 6, 14, 7, 15); }
#else
INLINE vf interleaveLow(vf a, vf b) { return __builtin_shufflevector(a, b, 0, 4, 1, 5); }
INLINE vf interleaveHigh(vf a, vf b) { return __builtin_shufflevector(a, b, 2, 6, 3, 7); }
#endif

INLINE void transposeSquare(vf (&rows)[LANES]) {
  vf other[LANES];
  GEMM_UNROLL for (int round = 1; round < LANES; round *= 2) {
    GEMM_UNROLL for (int i = 0; i < LANES / 2; i++) {
      other[2 * i] = interleaveLow(rows[i], rows[i + LANES / 2]);
      other[2 * i + 1] = interleaveHigh(rows[i], rows[i + LANES / 2]);
    }
    GEMM_UNROLL for (int i = 0; i < LANES; i++) rows[i] = other[i];
  }
}

// A square of `depth` × `items` (both at most LANES) at the edge; missing items become zeros.
static void transposeEdge(const float* in, int64_t itemStride, int depth, int items, int64_t width, int stored, float* out) {
  float square[LANES * LANES];
  for (int i = 0; i < LANES; i++) store(square + i * LANES, i < items ? loadPartial(in + i * itemStride, depth) : zeroFloat());
  for (int k = 0; k < depth; k++)
    for (int i = 0; i < stored; i++) out[k * width + i] = square[i * LANES + k];
}

// Depth contiguous. A full vector is stored even where fewer items follow, if the next step of depth overwrites the
// excess: then `out` must have room for one more vector at the end.
static void packTranspose(const float* in, int64_t itemStride, int64_t depth, int64_t items, int64_t width, float* out) {
  for (int64_t i = 0; i < width; i += LANES) {
    int count = (int)(items - i < LANES ? items - i : LANES);
    int stored = (int)(width - i < LANES ? width - i : LANES);
    int64_t k = 0;
    if (stored == LANES || i == 0) {
      for (; k + LANES <= depth; k += LANES) {
        const float* from = in + i * itemStride + k;
        vf rows[LANES];
        GEMM_UNROLL for (int r = 0; r < LANES; r++) rows[r] = r < count ? load(from + r * itemStride) : zeroFloat();
        transposeSquare(rows);
        GEMM_UNROLL for (int r = 0; r < LANES; r++) store(out + (k + r) * width + i, rows[r]);
      }
    }
    for (; k < depth; k += LANES) {
      int rest = (int)(depth - k < LANES ? depth - k : LANES);
      transposeEdge(in + i * itemStride + k, itemStride, rest, count, width, stored, out + k * width + i);
    }
  }
}

static void pack(const float* in, int64_t depthStride, int64_t itemStride, int64_t depth, int64_t items, int64_t width,
                 float* out) {
  if (itemStride == 1) packCopy(in, depthStride, depth, items, width, out);
  else if (depthStride == 1) packTranspose(in, itemStride, depth, items, width, out);
  else packGeneral(in, depthStride, itemStride, depth, items, width, out);
}

}  // namespace gemm
