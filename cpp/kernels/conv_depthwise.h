// Depthwise convolution (groups = channels in = channels out): vectors run over the channels, every tap is an elementwise
// multiply-add. Shares the geometry of conv_direct.h (classes of output columns, taps); needs no packing and no scratch:
// pixels at the border take only the taps inside. Bound: loads from L1 (P + 1 per P multiply-adds) and memory.
// Reached on one thread, 56² · 128 channels, batch 8, AVX-512 / AVX2: forward 52 / 29 GFLOP/s (23 GB/s from memory), kernel gradient
// 28 / 21 on a busy machine.
#pragma once
#include "conv_direct.h"

namespace conv {

struct Tap {
  const float* x;  // source of pixel 0
  const float* w;
};

enum { DEPTHWISE_P = LANES == 16 ? 8 : 4 };

template <int P>
static __attribute__((noinline)) void depthwiseTile(const Tap* taps, Size count, Size offset, Size lda, Size channels, float* out,
                                                    Size ldc, bool accumulate) {
  for (Size c = 0; c < channels; c += LANES) {
    int lanes = (int)smaller(LANES, channels - c);
    vf sum[P];
    if (lanes == LANES) {
      UNROLL_FULLY for (int p = 0; p < P; p++) sum[p] = accumulate ? load(out + p * ldc + c) : zeroFloat();
      for (Size i = 0; i < count; i++) {
        vf w = load(taps[i].w + c);
        const float* x = taps[i].x + offset + c;
        UNROLL_FULLY for (int p = 0; p < P; p++) sum[p] = fma(load(x + p * lda), w, sum[p]);
      }
      UNROLL_FULLY for (int p = 0; p < P; p++) store(out + p * ldc + c, sum[p]);
    } else {
      UNROLL_FULLY for (int p = 0; p < P; p++) sum[p] = accumulate ? loadPartial(out + p * ldc + c, lanes) : zeroFloat();
      for (Size i = 0; i < count; i++) {
        vf w = loadPartial(taps[i].w + c, lanes);
        const float* x = taps[i].x + offset + c;
        UNROLL_FULLY for (int p = 0; p < P; p++) sum[p] = fma(loadPartial(x + p * lda, lanes), w, sum[p]);
      }
      UNROLL_FULLY for (int p = 0; p < P; p++) storePartial(out + p * ldc + c, sum[p], lanes);
    }
  }
}

// Pixels t0 … t1 − 1 of one class of an output row, all with the taps j of class q that lie inside for each of them.
static void depthwiseStrip(const Direct* d, const float* image, const float* kernel, Size row, Size q, Size t0, Size t1, float* out) {
  const int32_t *column = columnsOf(d), *start = classStartOf(d), *kxs = kxOf(d);
  Size channels = d->outC, lda = d->sourceStep * channels, ldc = d->outStep * channels;
  Tap taps[SEGMENTS];
  Size count = 0, ky = 0, j = start[q];
  bool accumulate = false;
  for (;;) {
    for (; ky < d->kh && count < SEGMENTS; ky++, j = start[q]) {
      Size r = sourceRow(d, row, ky);
      for (; r >= 0 && j < start[q + 1] && count < SEGMENTS; j++) {
        Size at = t0 * d->sourceStep + column[j];
        if (at < 0 || at >= d->sourceW) continue;
        taps[count++] = {image + (r * d->sourceW + at) * channels, kernel + (ky * d->kw + kxs[j]) * channels};
      }
      if (count == SEGMENTS) break;
    }
    Size t = 0, pixels = t1 - t0;
    for (; t + DEPTHWISE_P <= pixels; t += DEPTHWISE_P)
      depthwiseTile<DEPTHWISE_P>(taps, count, t * lda, lda, channels, out + t * ldc, ldc, accumulate);
    for (; t < pixels; t++) depthwiseTile<1>(taps, count, t * lda, lda, channels, out + t * ldc, ldc, accumulate);
    if (ky >= d->kh) break;
    accumulate = true, count = 0;
  }
}

static void depthwiseUnit(const Direct* d, const float* source, const float* kernel, float* out, Size unit) {
  const int32_t *column = columnsOf(d), *start = classStartOf(d);
  Size image = unit / (d->bands * d->tiles), band = unit / d->tiles % d->bands, tile = unit % d->tiles;
  Size r0 = band * d->bandRows, r1 = smaller(r0 + d->bandRows, d->outH);
  const float* from = source + image * d->sourceH * d->sourceW * d->sourceC;
  float* to = out + image * d->outH * d->outW * d->outC;
  for (Size r = r0; r < r1; r++)
    for (Size q = 0; q < d->classes; q++) {
      Size t0 = tile * d->tile, t1 = smaller(t0 + d->tile, classPixels(d, q));
      if (t0 >= t1) continue;
      // t for which every tap lies inside; taps ascend by column
      Size inner0 = t0, inner1 = t1;
      if (start[q + 1] > start[q]) {
        inner0 = larger(t0, -floorDivide(column[start[q]], d->sourceStep));
        inner1 = smaller(t1, floorDivide(d->sourceW - 1 - column[start[q + 1] - 1], d->sourceStep) + 1);
      }
      inner0 = smaller(inner0, t1), inner1 = larger(inner1, inner0);
      float* outRow = to + (r * d->outW + q) * d->outC;
      Size ldc = d->outStep * d->outC;
      for (Size t = t0; t < inner0; t++) depthwiseStrip(d, from, kernel, r, q, t, t + 1, outRow + t * ldc);
      if (inner1 > inner0) depthwiseStrip(d, from, kernel, r, q, inner0, inner1, outRow + inner0 * ldc);
      for (Size t = inner1; t < t1; t++) depthwiseStrip(d, from, kernel, r, q, t, t + 1, outRow + t * ldc);
    }
}

static void depthwiseRun(const Direct* d, const float* source, const float* kernel, float* out, Size batch, int64_t begin,
                         int64_t end) {
  Size last = smaller((Size)end * d->chunkUnits, batch * d->bands * d->tiles);
  for (Size unit = (Size)begin * d->chunkUnits; unit < last; unit++) depthwiseUnit(d, source, kernel, out, unit);
}

// ---- Kernel gradient ---------------------------------------------------------------------------------------------

enum { DEPTHWISE_TAPS = 4 };

// Taps kx … kx + count − 1 of one kernel row over a band: c[tap, channel] += Σ x · dy. Tap i has the pixels from[i] … to[i] − 1.
struct DepthwiseBand {
  const float* x;   // of pixel 0 and tap 0 (may lie outside the image: only pixels of the tap are read)
  const float* dy;  // of pixel 0
  Size rows, xRow, dyRow;
  Size lda, tapStep, channels;
  Size from[DEPTHWISE_TAPS], to[DEPTHWISE_TAPS];
};

// Rows outside, channels inside: sums return to L1 after each row, so that the pixels of a row (which lie `channels` apart and
// collide in L1) are read once per kernel row.
template <int T>
static __attribute__((noinline)) void depthwiseTaps(const DepthwiseBand* band, float* c) {
  const Size lda = band->lda, ldb = band->channels, step = band->tapStep;
  Size inner0 = band->from[0], inner1 = band->to[0], last = band->to[0];
  for (int i = 1; i < T; i++) {
    inner0 = larger(inner0, band->from[i]), inner1 = smaller(inner1, band->to[i]), last = larger(last, band->to[i]);
  }
  if (inner1 <= inner0) inner0 = inner1 = last;
  for (Size row = 0; row < band->rows; row++)
    for (Size c0 = 0; c0 < band->channels; c0 += LANES) {
      const float *x = band->x + row * band->xRow + c0, *g = band->dy + row * band->dyRow + c0;
      const int lanes = (int)smaller(LANES, band->channels - c0);
      vf sum[T], odd[T];
      UNROLL_FULLY for (int i = 0; i < T; i++) sum[i] = loadPartial(c + i * band->channels + c0, lanes), odd[i] = zeroFloat();
      Size p = inner0;
      if (lanes == LANES) {
        for (; p + 2 <= inner1; p += 2) {
          vf g0 = load(g + p * ldb), g1 = load(g + p * ldb + ldb);
          UNROLL_FULLY for (int i = 0; i < T; i++) {
            sum[i] = fma(load(x + p * lda + i * step), g0, sum[i]);
            odd[i] = fma(load(x + p * lda + lda + i * step), g1, odd[i]);
          }
        }
      }
      for (; p < inner1; p++) {
        vf g0 = loadPartial(g + p * ldb, lanes);
        UNROLL_FULLY for (int i = 0; i < T; i++) sum[i] = fma(loadPartial(x + p * lda + i * step, lanes), g0, sum[i]);
      }
      UNROLL_FULLY for (int i = 0; i < T; i++) {
        for (p = band->from[i]; p < smaller(inner0, band->to[i]); p++)
          sum[i] = fma(loadPartial(x + p * lda + i * step, lanes), loadPartial(g + p * ldb, lanes), sum[i]);
        for (p = larger(inner1, band->from[i]); p < band->to[i]; p++)
          sum[i] = fma(loadPartial(x + p * lda + i * step, lanes), loadPartial(g + p * ldb, lanes), sum[i]);
        storePartial(c + i * band->channels + c0, sum[i] + odd[i], lanes);
      }
    }
}

}  // namespace conv
