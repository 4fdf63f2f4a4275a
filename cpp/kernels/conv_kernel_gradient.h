// Kernel gradient: dkernel[ky, kx, c, n] = Σ over images and pixels  x[iy, ix, c] · dy[oy, ox, n], on the microkernel `outer`.
//
// Bound: FMA rate; K = batch · oh · ow is long and the result small. K is cut into units (image, band of rows, tile of columns)
// whose x and dy fit L2; a fixed number of partial sums takes fixed runs of units, and phase 1 adds the partials in order: the
// bits depend on shapes only. Where few partials are worth their memory (large kernels), a chunk is also a slice of the rows of
// the result. Rows (M): for each tap the channels of the group, read in place, pixels clipped to those inside. With few
// channels the taps of one kernel row are merged to M = kw · ci (contiguous in NHWC), from a zero-bordered copy of the band
// where there is padding.
// Reached on one thread, GFLOP/s (AVX-512 / AVX2 / WASM relaxed; peak 265–285, 133–140, 55): 28² 1→32 161 / 90 / 47,
// 13² 32→64 255 / 128 / 53, 180² 3→16 196 / 102, 90² 16→32 249 / 116 / 54, 45² 32→64 249 / 126, 128² 1→16 99 / 92 (few sums:
// latency), 128² 16→16 195 / 123 / 54, 32² 64→64 275 / 129 / 40, 16² 128→128 281 / 135 / 40, 1×1 256→256 255 / 125.
#pragma once
#include "conv_depthwise.h"
#include "conv_outer.h"

namespace conv {

static const Size GRADIENT_BAND_BYTES = 256 << 10;
static const int64_t PARTIAL_FLOPS = 1 << 20;
static const Size LARGE_KERNEL = 64 * 64 * 9;  // above: 4 partials, below: 16
enum { ITEM_ROWS = 4 * OUTER_R2 };

struct KernelGradient {
  Shape s;
  bool depthwise, merged, padded;
  Size bandRows, bands, tile, tiles;
  Size rowFloats;              // of the padded scratch
  Size taps, rows, rowBlocks;  // items of one group: kh · taps · rowBlocks
};
struct Partition {
  Size partials, slices;
};

static void buildKernelGradient(KernelGradient* k, const Shape& s) {
  k->s = s;
  k->depthwise = isDepthwise(s);
  k->merged = !k->depthwise && s.kw > 1 && s.dilationW == 1 && s.groups == 1 && s.ci < 2 * OUTER_R2;
  k->padded = s.padLeft > 0 || (s.ow - 1) * s.strideW + s.kw - s.padLeft > s.w;
  for (;;) {
    Size pixelBytes = 4 * (s.strideW * s.ci + s.co);
    k->tile = smaller(larger(1, s.ow), larger(32, GRADIENT_BAND_BYTES / pixelBytes));
    k->tiles = larger(1, ceilDivide(s.ow, k->tile));
    k->tile = larger(1, ceilDivide(s.ow, k->tiles));
    k->bandRows = smaller(larger(1, s.oh), larger(1, GRADIENT_BAND_BYTES / (4 * k->tile * (s.strideH * s.strideW * s.ci + s.co))));
    k->bands = larger(1, ceilDivide(s.oh, k->bandRows));
    k->bandRows = larger(1, ceilDivide(s.oh, k->bands));
    k->bands = larger(1, ceilDivide(s.oh, k->bandRows));
    k->rowFloats = ((k->tile - 1) * s.strideW + s.kw) * s.ci;
    Size height = (k->bandRows - 1) * s.strideH + (s.kh - 1) * s.dilationH + 1;
    if (!k->merged || !k->padded || k->rowFloats * 4 * height <= (960 << 10)) break;
    k->merged = false;
  }
  k->taps = k->merged ? 1 : k->depthwise ? ceilDivide(s.kw, DEPTHWISE_TAPS) : s.kw;
  k->rows = k->merged ? s.kw * s.ci : s.cig;
  k->rowBlocks = k->depthwise ? 1 : ceilDivide(k->rows, ITEM_ROWS);
}

INLINE Size unitsOf(const KernelGradient* k, Size batch) { return batch * k->bands * k->tiles; }
INLINE Size itemsOf(const KernelGradient* k) { return (k->depthwise ? 1 : k->s.groups) * k->s.kh * k->taps * k->rowBlocks; }
INLINE int64_t kernelFloats(const Shape& s) { return (int64_t)s.kh * s.kw * s.cig * s.co; }

static Partition partitionOf(const KernelGradient* k, Size batch) {
  const Shape& s = k->s;
  int64_t pixels = (int64_t)batch * s.oh * s.ow, flops = 2 * pixels * kernelFloats(s);
  int64_t partials = kernelFloats(s) > LARGE_KERNEL ? 4 : 16;
  if (partials > flops / PARTIAL_FLOPS) partials = flops / PARTIAL_FLOPS;
  if (partials > pixels / 512) partials = pixels / 512;
  if (partials > unitsOf(k, batch)) partials = unitsOf(k, batch);
  if (partials < 1) partials = 1;
  int64_t slices = ceilDivide(8, (Size)partials);
  if (slices > flops / partials / PARTIAL_FLOPS) slices = flops / partials / PARTIAL_FLOPS;
  if (slices > itemsOf(k)) slices = itemsOf(k);
  if (slices < 1) slices = 1;
  return {(Size)partials, (Size)slices};
}

// Output rows and columns whose source lies inside, of first … last − 1: source = o · stride + shift in 0 … size − 1.
struct Range {
  Size begin, end;
};
INLINE Range insideOf(Size first, Size last, Size stride, Size shift, Size size) {
  Size begin = larger(first, -floorDivide(shift, stride)), end = smaller(last, floorDivide(size - 1 - shift, stride) + 1);
  return {begin, larger(begin, end)};
}

// One item (kernel row, up to 4 taps) of a depthwise gradient over one unit.
static void depthwiseItem(const KernelGradient* k, const float* x, const float* dy, Size item, Size r0, Size r1, Size t0, Size t1,
                          float* out, bool first) {
  const Shape& s = k->s;
  Size ky = item / k->taps, kx = item % k->taps * DEPTHWISE_TAPS, count = smaller(DEPTHWISE_TAPS, s.kw - kx);
  Size top = ky * s.dilationH - s.padTop, left = kx * s.dilationW - s.padLeft;
  out += (ky * s.kw + kx) * s.co;
  if (first) zeroFloats(out, count * s.co);
  Range rows = insideOf(r0, r1, s.strideH, top, s.h);
  if (rows.begin == rows.end) return;
  DepthwiseBand band = {x + ((rows.begin * s.strideH + top) * s.w + left) * s.ci, dy + rows.begin * s.ow * s.co, rows.end - rows.begin,
                        s.strideH * s.w * s.ci, s.ow * s.co, s.strideW * s.ci, s.dilationW * s.ci, s.co, {}, {}};
  for (Size i = 0; i < count; i++) {
    Range columns = insideOf(t0, t1, s.strideW, left + i * s.dilationW, s.w);
    band.from[i] = columns.begin, band.to[i] = columns.end;
  }
  (count == 4 ? depthwiseTaps<4> : count == 3 ? depthwiseTaps<3> : count == 2 ? depthwiseTaps<2> : depthwiseTaps<1>)(&band, out);
}

// One item (group, kernel row, tap, block of rows) over one unit.
static void gradientItem(const KernelGradient* k, const float* x, const float* dy, const float* scratch, Size scratchFirst, Size item,
                         Size r0, Size r1, Size t0, Size t1, float* out, bool first) {
  const Shape& s = k->s;
  Size rowBlock = item % k->rowBlocks, tap = item / k->rowBlocks % k->taps;
  Size ky = item / (k->rowBlocks * k->taps) % s.kh, group = item / (k->rowBlocks * k->taps * s.kh);
  Size top = ky * s.dilationH - s.padTop, left = tap * s.dilationW - s.padLeft;
  Range rows = insideOf(r0, r1, s.strideH, top, s.h), columns = {t0, t1};
  if (!k->merged) columns = insideOf(t0, t1, s.strideW, left, s.w);
  bool empty = rows.begin == rows.end || columns.begin == columns.end;
  if (empty && !first) return;
  if (empty) rows = {r0, r0}, columns = {t0, t0};

  Band band;
  band.rows = rows.end - rows.begin, band.pixels = columns.end - columns.begin;
  band.lda = s.strideW * s.ci, band.ldb = s.co, band.bRow = s.ow * s.co;
  Size iy = rows.begin * s.strideH + top;
  const float* a;
  if (empty) {
    a = x, band.aRow = 0;
  } else if (k->merged && k->padded) {
    a = scratch + (iy - scratchFirst) * k->rowFloats, band.aRow = s.strideH * k->rowFloats;
  } else {
    a = x + (iy * s.w + columns.begin * s.strideW + (k->merged ? 0 : left)) * s.ci, band.aRow = s.strideH * s.w * s.ci;
  }
  const float* b = dy + (rows.begin * s.ow + columns.begin) * s.co;
  Size m0 = rowBlock * ITEM_ROWS, m1 = smaller(m0 + ITEM_ROWS, k->rows);
  a += group * s.cig, b += group * s.cog;
  float* to = out + (ky * s.kw + tap) * s.cig * s.co + group * s.cog;
  for (Size n = 0; n < s.cog;) {
    Size left = s.cog - n, lanes = left >= 2 * LANES ? 2 * LANES : left >= LANES ? (Size)LANES : left;
    Size largest = lanes == 2 * LANES ? (Size)OUTER_R2 : (Size)OUTER_R1, count = ceilDivide(m1 - m0, largest);
    for (Size i = 0, m = m0; i < count; i++) {
      Size r = (m1 - m) / (count - i);
      band.a = a + m, band.b = b + n;
      outerTileFor(r, lanes)(&band, to + m * s.co + n, s.co, (int)lanes, first);
      m += r;
    }
    n += lanes;
  }
}

// Chunk = (partial, slice of the items). With one partial `out` is the result itself.
static void gradientChunk(const KernelGradient* k, const float* x, const float* dy, float* out, Size batch, Partition part, Size chunk,
                          float* scratch) {
  const Shape& s = k->s;
  Size partial = chunk / part.slices, slice = chunk % part.slices, units = unitsOf(k, batch), items = itemsOf(k);
  Size begin = partial * units / part.partials, end = (partial + 1) * units / part.partials;
  Size item0 = slice * items / part.slices, item1 = (slice + 1) * items / part.slices;
  out += partial * kernelFloats(s);
  if (begin == end) {  // empty batch: one chunk
    zeroFloats(out, (Size)kernelFloats(s));
    return;
  }
  for (Size unit = begin; unit < end; unit++) {
    Size image = unit / (k->bands * k->tiles), band = unit / k->tiles % k->bands, tile = unit % k->tiles;
    Size r0 = band * k->bandRows, r1 = smaller(r0 + k->bandRows, s.oh), t0 = tile * k->tile, t1 = smaller(t0 + k->tile, s.ow);
    const float* xImage = x + image * s.h * s.w * s.ci;
    Size first = larger(0, r0 * s.strideH - s.padTop);
    if (k->merged && k->padded) {
      Size last = smaller((r1 - 1) * s.strideH - s.padTop + (s.kh - 1) * s.dilationH + 1, s.h);
      for (Size r = first; r < last; r++)
        copyRowPadded(scratch + (r - first) * k->rowFloats, xImage + r * s.w * s.ci, s.w, s.ci, t0 * s.strideW - s.padLeft,
                      k->rowFloats / s.ci);
    }
    const float* dyImage = dy + image * s.oh * s.ow * s.co;
    for (Size item = item0; item < item1; item++) {
      if (k->depthwise) depthwiseItem(k, xImage, dyImage, item, r0, r1, t0, t1, out, unit == begin);
      else gradientItem(k, xImage, dyImage, scratch, first, item, r0, r1, t0, t1, out, unit == begin);
    }
  }
}

static const Size SUM_FLOATS = 8192;  // per chunk of phase 1
static void sumPartials(const float* partials, Size count, Size floats, float* out, Size begin, Size end) {
  for (Size i = begin; i < end; i += LANES) {
    if (i + LANES <= end) {
      vf sum = load(partials + i);
      for (Size p = 1; p < count; p++) sum = sum + load(partials + p * floats + i);
      store(out + i, sum);
    } else {
      int n = (int)(end - i);
      vf sum = loadPartial(partials + i, n);
      for (Size p = 1; p < count; p++) sum = sum + loadPartial(partials + p * floats + i, n);
      storePartial(out + i, sum, n);
    }
  }
}

}  // namespace conv
