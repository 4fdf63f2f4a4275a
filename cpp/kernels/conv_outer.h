// The microkernel `outer` of the kernel gradient: C[R rows × C vectors] = Σ over image rows Σ over pixels  a[p · lda + r] · b[p · ldb].
//
// a runs over the input (r: kernel column and input channel, contiguous in NHWC), b over the gradient of the output.
// The loop over several image rows is inside, so the accumulators stay in registers for a whole band. Bound: FMA rate;
// per pixel C loads, R broadcasts, R·C multiply-adds.
#pragma once
#include "conv_shape.h"

namespace conv {

#if SIMD_AVX512
enum { OUTER_R1 = 16, OUTER_R2 = 14 };
#elif SIMD_AVX2
enum { OUTER_R1 = 12, OUTER_R2 = 6 };
#elif SIMD_NEON
enum { OUTER_R1 = 12, OUTER_R2 = 8 };
#else
enum { OUTER_R1 = 7, OUTER_R2 = 4 };
#endif

struct Band {
  const float* a;
  const float* b;
  Size rows, pixels;
  Size aRow, bRow;  // floats from one image row to the next
  Size lda, ldb;    // floats from one pixel to the next
};

// tail: lanes of the last vector that exist (TAIL only, C = 1). first: C is written, else added to.
template <int R, int C, bool TAIL>
static __attribute__((noinline)) void outerTile(const Band* band, float* c, Size ldc, int tail, bool first) {
  vf sum[R][C];
  UNROLL_FULLY for (int r = 0; r < R; r++)
    UNROLL_FULLY for (int j = 0; j < C; j++) sum[r][j] = zeroFloat();
  const Size lda = band->lda, ldb = band->ldb;
  for (Size row = 0; row < band->rows; row++) {
    const float* a = band->a + row * band->aRow;
    const float* b = band->b + row * band->bRow;
    for (Size p = band->pixels; p > 0; p--) {
      vf g[C];
      UNROLL_FULLY for (int j = 0; j < C; j++) g[j] = TAIL ? loadPartial(b + j * LANES, tail) : load(b + j * LANES);
      UNROLL_FULLY for (int r = 0; r < R; r++) {
        vf x = splat(a[r]);
        UNROLL_FULLY for (int j = 0; j < C; j++) sum[r][j] = fma(x, g[j], sum[r][j]);
      }
      a += lda;
      b += ldb;
    }
  }
  UNROLL_FULLY for (int r = 0; r < R; r++)
    UNROLL_FULLY for (int j = 0; j < C; j++) {
      float* to = c + r * ldc + j * LANES;
      vf v = sum[r][j];
      if (TAIL) {
        if (!first) v = loadPartial(to, tail) + v;
        storePartial(to, v, tail);
      } else {
        if (!first) v = load(to) + v;
        store(to, v);
      }
    }
}

typedef void OuterTile(const Band*, float*, Size, int, bool);

template <int R, int C, bool TAIL>
static OuterTile* outerTileOf(Size r) {
  if constexpr (R > 1) {
    if (r < R) return outerTileOf<R - 1, C, TAIL>(r);
  }
  return outerTile<R, C, TAIL>;
}

// lanes = columns of the block that exist: 2 · LANES, LANES, or fewer (then through partial loads).
INLINE OuterTile* outerTileFor(Size r, Size lanes) {
  return lanes == 2 * LANES ? outerTileOf<OUTER_R2, 2, false>(r)
         : lanes == LANES   ? outerTileOf<OUTER_R1, 1, false>(r)
                            : outerTileOf<OUTER_R1, 1, true>(r);
}

}  // namespace conv
