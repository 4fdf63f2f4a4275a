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
    for (; i < items; i++) out[i] = in[i];
    for (; i < width; i++) out[i] = 0;
  }
}

static void packGeneral(const float* in, int64_t depthStride, int64_t itemStride, int64_t depth, int64_t items,
                        int64_t width, float* out) {
  for (int64_t k = 0; k < depth; k++, out += width) {
    for (int64_t i = 0; i < items; i++) out[i] = in[k * depthStride + i * itemStride];
    for (int64_t i = items; i < width; i++) out[i] = 0;
  }
}

// Depth contiguous: four items at a time, so that four read streams fill whole lines of the output soon.
static void packTranspose(const float* in, int64_t itemStride, int64_t depth, int64_t items, int64_t width, float* out) {
  int64_t i = 0;
  for (; i + 4 <= items; i += 4) {
    const float *p0 = in + i * itemStride, *p1 = p0 + itemStride, *p2 = p1 + itemStride, *p3 = p2 + itemStride;
    float* to = out + i;
    for (int64_t k = 0; k < depth; k++, to += width) {
      to[0] = p0[k];
      to[1] = p1[k];
      to[2] = p2[k];
      to[3] = p3[k];
    }
  }
  for (; i < items; i++)
    for (int64_t k = 0; k < depth; k++) out[k * width + i] = in[i * itemStride + k];
  for (; i < width; i++)
    for (int64_t k = 0; k < depth; k++) out[k * width + i] = 0;
}

static void pack(const float* in, int64_t depthStride, int64_t itemStride, int64_t depth, int64_t items, int64_t width,
                 float* out) {
  if (itemStride == 1) packCopy(in, depthStride, depth, items, width, out);
  else if (depthStride == 1) packTranspose(in, itemStride, depth, items, width, out);
  else packGeneral(in, depthStride, itemStride, depth, items, width, out);
}

}  // namespace gemm
