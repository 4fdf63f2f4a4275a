// Convolution and its input gradient as one scheme over the microkernel `rows`, reading NHWC rows in place.
//
// Both slide over a source tensor: forward over x, the input gradient over dy with the kernel flipped and transposed in
// packing. An input gradient with stride s falls into s classes of output columns q, q + s, q + 2s …; each is a convolution
// of stride 1 with the taps kx for which (q + padLeft − kx · dilation) is divisible by s, and the same for rows. So:
//   source column of output column q + t · outStep and tap j = t · sourceStep + column[j].
// Taps with consecutive columns are one segment of the microkernel (K = taps · channels); with dilation or groups each tap is
// its own (K = channels of the group). Kernel rows outside the source are left out of the segment list. Columns outside:
// the band is copied once into a zero-bordered scratch (IN_PLACE where no column lies outside; CLIPPED, pixel by pixel, where
// not even one row fits the scratch).
//
// Bound: FMA rate. Unit of work = (image, band of rows, tile of columns) of about 2 MFLOP whose source fits L2; inside it
// group → block of output channels → row → tile of pixels. Weights are packed once per step (phase 0):
//   [group][class][block of 2 · LANES channels][kernel row][tap][channel][lanes].
// Reached on one thread, GFLOP/s forward / input gradient, weights packed inside the call (peak AVX-512 265–285, AVX2 133–140):
//                               AVX-512     AVX2          WASM relaxed (peak 55)
//   28² 1→32, batch 32          153 / –      83 / –       29 / –          K = 9: stores decide
//   13² 32→64, batch 32         239 / 211   127 / 100     52 / 42
//   180² 3→16                   171 / –     123 / –
//   90² 16→32                   243 / 208   126 / 123     54 / 53
//   45² 32→64                   251 / 231   128 / 123
//   128² 16→16                  199 / 205   122 / 122     54 / 54
//   32² 64→64                   258 / 258   125 / 124     42 / 46
//   16² 128→128                 272 / 267   130 / 128     45 / 41
//   56² 64→128, stride 2        240 / 241   124 / 124
//   14² 256→256, 1×1            257 / 254   126 / 125
// Fewer outputs than lanes leave lanes empty: 1 output 12, 3 outputs 38 GFLOP/s.
#pragma once
#include "conv_rows.h"

namespace conv {

enum Mode : int32_t { IN_PLACE = 0, PADDED = 1, CLIPPED = 2 };

static const int64_t UNIT_FLOPS = 2 << 20, CHUNK_FLOPS = 512 << 10;
static const Size BAND_BYTES = 160 << 10, SCRATCH_LIMIT = 960 << 10;
enum { SEGMENTS = 128 };  // more kernel rows × taps accumulate in several passes

struct Direct {
  bool gradient;
  Mode mode;
  Size sourceH, sourceW, sourceC, outH, outW, outC;
  Size groups, channels, outputs;  // channels read and written per group
  Size kh, kw, strideH, dilationH, padTop;
  Size classes, sourceStep, outStep;
  Size low, high;                            // least and largest column[j]
  Size bandRows, bands, tile, tiles;         // tile: values of t
  Size chunkUnits;                           // units of one chunk
  Size blocks, lanes;                        // blocks of output channels per group, their lanes together
  Size rowFloats;                            // one row of the padded scratch
  // int32 column[kw], kx[kw], classStart[classes + 1], merged[classes] follow
};
INLINE int32_t* columnsOf(Direct* d) { return (int32_t*)(d + 1); }
INLINE const int32_t* columnsOf(const Direct* d) { return (const int32_t*)(d + 1); }
INLINE const int32_t* kxOf(const Direct* d) { return columnsOf(d) + d->kw; }
INLINE const int32_t* classStartOf(const Direct* d) { return columnsOf(d) + 2 * d->kw; }
INLINE const int32_t* mergedOf(const Direct* d) { return classStartOf(d) + d->classes + 1; }

static int64_t directPlanBytes(const Shape& s) { return (int64_t)sizeof(Direct) + 4 * (2 * s.kw + 2 * s.strideW + 1); }

// Number of t of a class.
INLINE Size classPixels(const Direct* d, Size q) { return larger(0, ceilDivide(d->outW - q, d->outStep)); }
// Source row of an output row and kernel row, −1 if there is none.
INLINE Size sourceRow(const Direct* d, Size row, Size ky) {
  if (!d->gradient) {
    Size r = row * d->strideH + ky * d->dilationH - d->padTop;
    return r >= 0 && r < d->sourceH ? r : -1;
  }
  Size v = row + d->padTop - ky * d->dilationH;
  if (v < 0) return -1;
  Size r = d->strideH == 1 ? v : v / d->strideH;
  return (d->strideH == 1 || v % d->strideH == 0) && r < d->sourceH ? r : -1;
}
// First source row of a band and the number of them (not yet clipped).
INLINE Size bandFirst(const Direct* d, Size row) {
  return d->gradient ? -floorDivide(-(row + d->padTop - (d->kh - 1) * d->dilationH), d->strideH) : row * d->strideH - d->padTop;
}
INLINE Size bandHeight(const Direct* d, Size rows) {
  Size reach = (d->kh - 1) * d->dilationH;
  return d->gradient ? (rows - 1 + reach) / d->strideH + 1 : (rows - 1) * d->strideH + reach + 1;
}

static void buildDirect(Direct* d, const Shape& s, bool gradient) {
  d->gradient = gradient;
  d->sourceH = gradient ? s.oh : s.h, d->sourceW = gradient ? s.ow : s.w, d->sourceC = gradient ? s.co : s.ci;
  d->outH = gradient ? s.h : s.oh, d->outW = gradient ? s.w : s.ow, d->outC = gradient ? s.ci : s.co;
  d->groups = s.groups, d->channels = gradient ? s.cog : s.cig, d->outputs = gradient ? s.cig : s.cog;
  d->kh = s.kh, d->kw = s.kw, d->strideH = s.strideH, d->dilationH = s.dilationH, d->padTop = s.padTop;
  d->classes = gradient ? s.strideW : 1, d->outStep = gradient ? s.strideW : 1, d->sourceStep = gradient ? 1 : s.strideW;

  int32_t* column = columnsOf(d);
  int32_t *kxs = column + s.kw, *start = column + 2 * s.kw, *merged = start + d->classes + 1;
  Size taps = 0;
  bool outside = false;
  d->low = 0, d->high = 0;
  for (Size q = 0; q < d->classes; q++) {
    start[q] = (int32_t)taps;
    merged[q] = s.groups == 1;
    for (Size i = 0; i < s.kw; i++) {
      Size kx = gradient ? s.kw - 1 - i : i, at = kx * s.dilationW - s.padLeft;
      if (gradient) {
        if ((q - at) - floorDivide(q - at, s.strideW) * s.strideW) continue;
        at = floorDivide(q - at, s.strideW);
      }
      column[taps] = (int32_t)at, kxs[taps] = (int32_t)kx;
      if (taps > start[q] && column[taps - 1] + 1 != at) merged[q] = 0;
      if (taps == 0 || at < d->low) d->low = at;
      if (taps == 0 || at > d->high) d->high = at;
      if (at < 0 || (classPixels(d, q) - 1) * d->sourceStep + at >= d->sourceW) outside = true;
      taps++;
    }
  }
  start[d->classes] = (int32_t)taps;

  d->blocks = ceilDivide(d->outputs, 2 * LANES);
  d->lanes = ceilDivide(d->outputs, LANES) * LANES;

  int64_t rowFlops = (int64_t)2 * s.ow * s.co * s.cig * s.kh * s.kw;
  if (gradient) rowFlops = rowFlops * s.oh / larger(1, s.h);
  if (rowFlops < 1) rowFlops = 1;
  Size pixels = larger(1, classPixels(d, 0));
  d->tiles = smaller(larger(1, (Size)(rowFlops / (2 * UNIT_FLOPS))), ceilDivide(pixels, 32));
  d->tile = ceilDivide(pixels, d->tiles);
  d->mode = outside ? PADDED : IN_PLACE;
  Size rowBytes = 0;
  for (;;) {
    d->rowFloats = ((d->tile - 1) * d->sourceStep + d->high - d->low + 1) * d->sourceC;
    rowBytes = d->rowFloats * 4;
    if (d->mode != PADDED || rowBytes * d->kh <= SCRATCH_LIMIT) break;
    if (d->tile == 1) d->mode = CLIPPED;
    else d->tile = ceilDivide(d->tile, 2);
  }
  d->tiles = ceilDivide(pixels, d->tile);
  d->bandRows = smaller(larger(1, (Size)(UNIT_FLOPS * d->tiles / rowFlops)), larger(1, d->outH));
  if (d->mode == PADDED)
    while (d->bandRows > 1 && smaller(bandHeight(d, d->bandRows), d->sourceH) * rowBytes > BAND_BYTES) d->bandRows--;
  d->bands = larger(1, ceilDivide(d->outH, d->bandRows));
  d->bandRows = larger(1, ceilDivide(d->outH, d->bands));
  d->bands = larger(1, ceilDivide(d->outH, d->bandRows));
  d->chunkUnits = (Size)(CHUNK_FLOPS / (rowFlops * d->bandRows / d->tiles + 1)) + 1;
}

INLINE int64_t directChunks(const Direct* d, Size batch) { return ceilDivide(batch * d->bands * d->tiles, d->chunkUnits); }

// ---- Phase 0: weights --------------------------------------------------------------------------------------------

INLINE int64_t packedFloats(const Direct* d) { return (int64_t)d->groups * d->kh * d->kw * d->channels * d->lanes; }
INLINE Size blockLanes(const Direct* d, Size block) { return smaller(2 * LANES, d->lanes - block * 2 * LANES); }
INLINE Size packedAt(const Direct* d, Size group, Size q, Size block) {
  const int32_t* start = classStartOf(d);
  Size taps = start[q + 1] - start[q], perLane = d->kh * d->channels;
  return perLane * ((group * d->kw + start[q]) * d->lanes + taps * block * 2 * LANES);
}

INLINE Size packUnits(const Direct* d) { return larger(1, 16384 / larger(1, d->kh * d->kw * d->channels * 2 * LANES)); }
INLINE int64_t packChunks(const Direct* d) { return ceilDivide(d->groups * d->blocks, packUnits(d)); }

static void packBlock(const Direct* d, const float* kernel, float* packed, Size group, Size block) {
  const int32_t *start = classStartOf(d), *kxs = kxOf(d);
  Size lanes = blockLanes(d, block), n0 = block * 2 * LANES, exist = smaller(lanes, d->outputs - n0);
  Size co = d->gradient ? d->sourceC : d->outC, cig = d->gradient ? d->outputs : d->channels;
  for (Size q = 0; q < d->classes; q++) {
    float* to = packed + packedAt(d, group, q, block);
    for (Size ky = 0; ky < d->kh; ky++)
      for (Size j = start[q]; j < start[q + 1]; j++) {
        const float* tap = kernel + (ky * d->kw + kxs[j]) * cig * co;  // [cig, co]
        if (!d->gradient) {
          const float* from = tap + group * d->outputs + n0;
          for (Size c = 0; c < d->channels; c++, to += lanes, from += co) {
            copyFloats(to, from, exist);
            zeroFloats(to + exist, lanes - exist);
          }
        } else {
          const float* from = tap + n0 * co + group * d->channels;
          for (Size c = 0; c < d->channels; c++, to += lanes) {
            for (Size n = 0; n < exist; n++) to[n] = from[n * co + c];
            zeroFloats(to + exist, lanes - exist);
          }
        }
      }
  }
}

static void packRun(const Direct* d, const float* kernel, float* packed, int64_t begin, int64_t end) {
  Size units = packUnits(d), last = smaller((Size)end * units, d->groups * d->blocks);
  for (Size i = (Size)begin * units; i < last; i++) packBlock(d, kernel, packed, i / d->blocks, i % d->blocks);
}

// ---- Phase 1: the product ----------------------------------------------------------------------------------------

// One row of a unit: output row `row` of class q, t0 … t1 − 1. rowPointer[ky] = source row (null: outside), at column
// t0 · sourceStep + origin.
static void directRow(const Direct* d, const float* const* sourceRows, Size kyBegin, Size kyEnd, Size origin, const float* packed,
                      Size group, Size q, Size block, float* out, Size pixels, bool accumulate) {
  const int32_t *column = columnsOf(d), *start = classStartOf(d);
  Size lanes = blockLanes(d, block), taps = start[q + 1] - start[q], perTap = d->channels * lanes;
  Size tail = smaller(lanes, d->outputs - block * 2 * LANES) - (lanes - LANES);
  Size step = mergedOf(d)[q] ? taps : 1, lda = d->sourceStep * d->sourceC, ldc = d->outStep * d->outC;
  const float* w = packed + packedAt(d, group, q, block);
  Segment list[SEGMENTS];
  Size count = 0;
  bool written = accumulate;
  for (Size ky = kyBegin; ky < kyEnd; ky++) {
    const float* source = sourceRows[ky - kyBegin];
    if (!source) continue;
    source += group * d->channels;
    for (Size j = 0; j < taps; j += step) {
      if (count == SEGMENTS) {
        rowsStrip(list, count, pixels, lda, out, ldc, (int)(lanes / LANES), (int)tail, written);
        written = true, count = 0;
      }
      list[count++] = {source + (column[start[q] + j] - origin) * d->sourceC, w + (ky * taps + j) * perTap, step * d->channels};
    }
  }
  if (count || !written) rowsStrip(list, count, pixels, lda, out, ldc, (int)(lanes / LANES), (int)tail, written);
}

// CLIPPED: one pixel, only the taps inside.
static void directPixel(const Direct* d, const float* image, const float* packed, Size group, Size q, Size block, Size row, Size t,
                        float* out) {
  const int32_t *column = columnsOf(d), *start = classStartOf(d);
  Size lanes = blockLanes(d, block), taps = start[q + 1] - start[q], perTap = d->channels * lanes;
  Size tail = smaller(lanes, d->outputs - block * 2 * LANES) - (lanes - LANES);
  const float* w = packed + packedAt(d, group, q, block);
  bool written = false;
  for (Size ky = 0; ky < d->kh; ky++) {
    Size r = sourceRow(d, row, ky);
    for (Size j = 0; j < taps && r >= 0; j++) {
      Size at = t * d->sourceStep + column[start[q] + j];
      if (at < 0 || at >= d->sourceW) continue;
      Segment one = {image + (r * d->sourceW + at) * d->sourceC + group * d->channels, w + (ky * taps + j) * perTap, d->channels};
      rowsStrip(&one, 1, 1, 0, out, 0, (int)(lanes / LANES), (int)tail, written);
      written = true;
    }
  }
  if (!written) rowsStrip(nullptr, 0, 1, 0, out, 0, (int)(lanes / LANES), (int)tail, false);
}

enum { KERNEL_ROWS = 64 };  // kernel rows resolved at a time

static void directUnit(const Direct* d, const float* source, const float* packed, float* out, Size unit, float* scratch) {
  Size image = unit / (d->bands * d->tiles), band = unit / d->tiles % d->bands, tile = unit % d->tiles;
  Size r0 = band * d->bandRows, r1 = smaller(r0 + d->bandRows, d->outH), t0 = tile * d->tile;
  const float* from = source + image * d->sourceH * d->sourceW * d->sourceC;
  float* to = out + image * d->outH * d->outW * d->outC;
  Size first = larger(0, bandFirst(d, r0));  // first source row of the band
  bool slots = d->bandRows > 1;              // scratch rows follow the source's (else the kernel's: dilation leaves gaps)
  if (d->mode == PADDED) {
    Size columns = d->rowFloats / d->sourceC, origin = t0 * d->sourceStep + d->low;
    Size rows = slots ? smaller(bandFirst(d, r0) + bandHeight(d, r1 - r0), d->sourceH) - first : d->kh;
    for (Size i = 0; i < rows; i++) {
      Size r = slots ? first + i : sourceRow(d, r0, i);
      if (r >= 0) copyRowPadded(scratch + i * d->rowFloats, from + r * d->sourceW * d->sourceC, d->sourceW, d->sourceC, origin, columns);
    }
  }
  for (Size group = 0; group < d->groups; group++)
    for (Size block = 0; block < d->blocks; block++)
      for (Size r = r0; r < r1; r++) {
        float* outRow = to + r * d->outW * d->outC + group * d->outputs + block * 2 * LANES;
        if (d->mode == CLIPPED) {
          for (Size q = 0; q < d->classes; q++)
            for (Size t = t0; t < smaller(t0 + d->tile, classPixels(d, q)); t++)
              directPixel(d, from, packed, group, q, block, r, t, outRow + (q + t * d->outStep) * d->outC);
          continue;
        }
        for (Size ky = 0; ky < d->kh; ky += KERNEL_ROWS) {
          const float* rows[KERNEL_ROWS];
          Size kyEnd = smaller(ky + KERNEL_ROWS, d->kh);
          for (Size i = ky; i < kyEnd; i++) {
            Size s = sourceRow(d, r, i);
            rows[i - ky] = s < 0 ? nullptr
                           : d->mode == PADDED ? scratch + (slots ? s - first : i) * d->rowFloats
                                               : from + (s * d->sourceW + t0 * d->sourceStep) * d->sourceC;
          }
          for (Size q = 0; q < d->classes; q++)
            directRow(d, rows, ky, kyEnd, d->mode == PADDED ? d->low : 0, packed, group, q, block,
                      outRow + (q + t0 * d->outStep) * d->outC, smaller(d->tile, classPixels(d, q) - t0), ky > 0);
        }
      }
}

static void directRun(const Direct* d, const float* source, const float* packed, float* out, Size batch, int64_t begin, int64_t end,
                      Thread* thread) {
  Size last = smaller((Size)end * d->chunkUnits, batch * d->bands * d->tiles);
  for (Size unit = (Size)begin * d->chunkUnits; unit < last; unit++) directUnit(d, source, packed, out, unit, (float*)thread->scratch);
}

}  // namespace conv
