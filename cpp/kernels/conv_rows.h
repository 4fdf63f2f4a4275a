// The microkernel `rows` of the convolutions: C[P pixels × C vectors] = Σ over segments Σ k  a[p · lda + k] · w[k].
//
// In NHWC the patch of one kernel row is one contiguous run, and the patch of the next pixel is the same run shifted
// by lda: an implicit GEMM with overlapping rows of A, nothing is gathered. Weights are packed per segment as
// [k][C · LANES]. Bound: FMA rate. Per k: C loads of weights, P broadcasts, P·C multiply-adds; the tile P × C is as large as
// the registers allow (16 on AVX2, SSE and in V8's WASM, 32 on AVX-512 and NEON).
#pragma once
#include "conv_shape.h"

namespace conv {

// Largest P of a tile with one and with two vectors. WASM and SSE: P·C + P + C ≤ 15 (see TOOLCHAIN, register pressure).
#if SIMD_AVX512
enum { ROWS_P1 = 14, ROWS_P2 = 14 };
#elif SIMD_AVX2
enum { ROWS_P1 = 12, ROWS_P2 = 6 };
#elif SIMD_NEON
enum { ROWS_P1 = 12, ROWS_P2 = 8 };
#else
enum { ROWS_P1 = 7, ROWS_P2 = 4 };
#endif

struct Segment {
  const float* a;  // patch of pixel 0
  const float* w;  // packed weights
  Size k;
};

// tail: lanes of the last vector that exist in memory. accumulate: C starts from memory, not from 0.
template <int P, int C>
static __attribute__((noinline)) void rowsTile(const Segment* segments, Size count, Size offset, Size lda, float* c, Size ldc,
                                               int tail, bool accumulate) {
  vf sum[P][C];
  UNROLL_FULLY for (int p = 0; p < P; p++)
    UNROLL_FULLY for (int j = 0; j < C; j++) sum[p][j] = zeroFloat();
  if (accumulate) {
    UNROLL_FULLY for (int p = 0; p < P; p++)
      UNROLL_FULLY for (int j = 0; j < C; j++)
        sum[p][j] = j < C - 1 ? load(c + p * ldc + j * LANES) : loadPartial(c + p * ldc + j * LANES, tail);
  }
  for (Size s = 0; s < count; s++) {
    // Pointers three pixels apart (base, base + lda, base + 2·lda are addressing modes): no index arithmetic inside.
    const float* a[(P + 2) / 3];
    UNROLL_FULLY for (int i = 0; i < (P + 2) / 3; i++) a[i] = segments[s].a + offset + 3 * i * lda;
    const float* w = segments[s].w;
    const float* end = w + segments[s].k * (C * LANES);
    while (w < end) {
      vf weights[C];
      UNROLL_FULLY for (int j = 0; j < C; j++) weights[j] = load(w + j * LANES);
      UNROLL_FULLY for (int p = 0; p < P; p++) {
        vf x = splat(a[p / 3][p % 3 * lda]);
        UNROLL_FULLY for (int j = 0; j < C; j++) sum[p][j] = fma(x, weights[j], sum[p][j]);
      }
      UNROLL_FULLY for (int i = 0; i < (P + 2) / 3; i++) a[i]++;
      w += C * LANES;
    }
  }
  if (tail == LANES) {
    UNROLL_FULLY for (int p = 0; p < P; p++)
      UNROLL_FULLY for (int j = 0; j < C; j++) store(c + p * ldc + j * LANES, sum[p][j]);
  } else {
    UNROLL_FULLY for (int p = 0; p < P; p++) {
      UNROLL_FULLY for (int j = 0; j < C - 1; j++) store(c + p * ldc + j * LANES, sum[p][j]);
      storePartial(c + p * ldc + (C - 1) * LANES, sum[p][C - 1], tail);
    }
  }
}

typedef void RowsTile(const Segment*, Size, Size, Size, float*, Size, int, bool);

template <int P, int C>
static RowsTile* rowsTileOf(Size p) {
  if constexpr (P > 1) {
    if (p < P) return rowsTileOf<P - 1, C>(p);
  }
  return rowsTile<P, C>;
}
INLINE RowsTile* rowsTileFor(Size p, int vectors) { return vectors == 2 ? rowsTileOf<ROWS_P2, 2>(p) : rowsTileOf<ROWS_P1, 1>(p); }

// `pixels` pixels in balanced tiles (45 = 12 + 11 + 11 + 11), never a tail of one.
static void rowsStrip(const Segment* segments, Size count, Size pixels, Size lda, float* c, Size ldc, int vectors, int tail,
                      bool accumulate) {
  if (pixels <= 0) return;
  Size largest = vectors == 2 ? (Size)ROWS_P2 : (Size)ROWS_P1;
  Size tiles = ceilDivide(pixels, largest), p = pixels / tiles, longer = pixels % tiles;
  Size pixel = 0;
  if (longer) {
    RowsTile* tile = rowsTileFor(p + 1, vectors);
    for (Size i = 0; i < longer; i++, pixel += p + 1) tile(segments, count, pixel * lda, lda, c + pixel * ldc, ldc, tail, accumulate);
  }
  RowsTile* tile = rowsTileFor(p, vectors);
  for (; pixel < pixels; pixel += p) tile(segments, count, pixel * lda, lda, c + pixel * ldc, ldc, tail, accumulate);
}

}  // namespace conv
