// Depthwise convolution (groups = channels in = channels out): vectors run over the channels, every tap is an elementwise
// multiply-add. Shares the geometry of conv_direct.h (classes of output columns, taps); needs no packing and no scratch:
// pixels at the border take only the taps inside. Bound: loads from L1 (P + 1 per P multiply-adds) and memory.
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

// Kernel gradient of one tap: c[channel] = Σ a · b over a band, four sums in fixed order.
static __attribute__((noinline)) void depthwiseDot(const float* a, const float* b, Size rows, Size pixels, Size aRow, Size bRow,
                                                   Size lda, Size channels, float* c, bool first) {
  for (Size c0 = 0; c0 < channels; c0 += LANES) {
    int lanes = (int)smaller(LANES, channels - c0);
    vf sum[4] = {zeroFloat(), zeroFloat(), zeroFloat(), zeroFloat()};
    for (Size r = 0; r < rows; r++) {
      const float *x = a + r * aRow + c0, *g = b + r * bRow + c0;
      Size p = 0;
      if (lanes == LANES) {
        for (; p + 4 <= pixels; p += 4)
          UNROLL_FULLY for (int i = 0; i < 4; i++) sum[i] = fma(load(x + (p + i) * lda), load(g + (p + i) * channels), sum[i]);
        for (; p < pixels; p++) sum[0] = fma(load(x + p * lda), load(g + p * channels), sum[0]);
      } else {
        for (; p < pixels; p++) sum[0] = fma(loadPartial(x + p * lda, lanes), loadPartial(g + p * channels, lanes), sum[0]);
      }
    }
    vf total = (sum[0] + sum[1]) + (sum[2] + sum[3]);
    if (lanes == LANES) {
      store(c + c0, first ? total : load(c + c0) + total);
    } else {
      storePartial(c + c0, first ? total : loadPartial(c + c0, lanes) + total, lanes);
    }
  }
}

}  // namespace conv
