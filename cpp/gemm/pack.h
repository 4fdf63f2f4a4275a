// Packing: panels of b as [depth][width] and blocks of a as [tile][depth][rows of the tile], padded panels of b with
// zeros. One routine serves both: out[k·width + i] = in[k·depthStride + i·itemStride].
//
// Bound: bytes. Where items are contiguous it copies vectors; where depth is contiguous it transposes squares of
// LANES × LANES through a buffer in L1, so that both sides move whole cache lines.
#pragma once
#include "../kernels/lanes.h"
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
        vi rows[LANES];
        GEMM_UNROLL for (int r = 0; r < LANES; r++) {
          rows[r] = r < count ? asInt(load(from + r * itemStride)) : zeroInt();
          if (k % 16 == 0) GEMM_PREFETCH(from + (r + items) * itemStride);  // the next panel, a line per row
        }
        transposeVectors(rows);
        GEMM_UNROLL for (int r = 0; r < LANES; r++) store(out + (k + r) * width + i, asFloat(rows[r]));
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
