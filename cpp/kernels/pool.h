// Max pooling, NHWC: maxPool2d and maxPool2dGradient. Padding counts as −∞, NaN propagates; the gradient of a window goes to
// its first maximum (row by row; a NaN counts as largest), which is found again from x: nothing is saved by the forward pass.
//
// Bound: memory. Vectors run over the channels; windows of 2×2 and 3×3 that lie inside are unrolled. Unit of work = (image,
// band of rows), several small images to a chunk. The gradient is cut by rows of x: a unit takes all windows that touch its
// band and writes only there (zeroed first while it is in cache; not where windows are disjoint and cover it).
// Reached on one thread (AVX-512 / AVX2), reads and writes: 2×2 in L2 105 / 97 GB/s forward, 95 / 87 backward; 32 · 180² · 16 from
// memory 22 / 16 and 28 / 14 GB/s (of 38–54; a busy machine). Few channels are slow: c = 1 runs one lane (7 GB/s).
#pragma once
#include "checks.h"
#include "kernel.h"
#include "../simd.h"

namespace pool {

struct Shape {
  int64_t batch, h, w, c, oh, ow;
  int64_t poolH, poolW, strideH, strideW, padTop, padLeft;
  int64_t bandRows, bands, chunkUnits;  // bandRows: rows of y; the gradient's band is the rows of x below them
};

INLINE int64_t smaller(int64_t a, int64_t b) { return a < b ? a : b; }
INLINE int64_t larger(int64_t a, int64_t b) { return a > b ? a : b; }

static const int64_t BAND_FLOATS = 16 << 10, CHUNK_FLOATS = 16 << 10;  // of x: 64 KB

static Shape shapeOf(const StepArgs* a, bool gradient) {
  const int64_t *x = a->views[0].dims, *y = a->views[1].dims;
  const int32_t* w = a->words;
  Shape s = {x[0], x[1], x[2], x[3], y[1], y[2], w[0], w[1], w[2], w[3], w[4], w[5], 1, 1, 1};
  int64_t rows = gradient ? (s.h + s.padTop + s.strideH - 1) / s.strideH : s.oh;  // in steps of the stride
  int64_t rowFloats = larger(1, s.strideH * s.w * s.c);
  s.bandRows = larger(1, smaller(rows, BAND_FLOATS / rowFloats));
  s.bands = larger(1, (rows + s.bandRows - 1) / s.bandRows);
  s.bandRows = larger(1, (rows + s.bands - 1) / s.bands);
  s.bands = larger(1, (rows + s.bandRows - 1) / s.bandRows);
  s.chunkUnits = larger(1, CHUNK_FLOATS / (s.bandRows * rowFloats));
  return s;
}
template <bool gradient>
static int64_t chunks(const StepArgs* a, int32_t) {
  Shape s = shapeOf(a, gradient);
  return s.c == 0 ? 0 : (s.batch * s.bands + s.chunkUnits - 1) / s.chunkUnits;
}

INLINE vf loadLanes(const float* p, int lanes) { return lanes == LANES ? load(p) : loadPartial(p, lanes); }
INLINE void storeLanes(float* p, vf v, int lanes) {
  if (lanes == LANES) store(p, v);
  else storePartial(p, v, lanes);
}

// Results beyond the cache are streamed where every store is a whole aligned vector.
static const int64_t STREAM_BYTES = 8 << 20;
INLINE bool streams(const float* out, int64_t floats, int64_t channels) {
  return floats * 4 > STREAM_BYTES && channels % LANES == 0 && (uintptr_t)out % (LANES * 4) == 0;
}

// The part of a window inside the image: `rows` × `columns` pixels from x on.
struct Window {
  const float* x;
  int64_t rows, columns, rowStride;
};

// One vector of channels of a window of any size.
template <bool STREAM>
static void anyMax(const Window& window, int64_t channels, int64_t c, int lanes, float* y) {
  vf m = splat(-__builtin_inff());
  for (int64_t i = 0; i < window.rows; i++)
    for (int64_t j = 0; j < window.columns; j++) m = maxNaN(m, loadLanes(window.x + i * window.rowStride + j * channels + c, lanes));
  if (STREAM) stream(y + c, m);
  else storeLanes(y + c, m, lanes);
}
// H × W pixels, unrolled.
template <int H, int W, bool STREAM>
INLINE void windowMax(const Window& window, int64_t channels, float* y) {
  int64_t c = 0;
  for (; c + LANES <= channels; c += LANES) {
    vf m = load(window.x + c);
#pragma GCC unroll 4
    for (int i = 0; i < H; i++)
#pragma GCC unroll 4
      for (int j = 0; j < W; j++) m = maxNaN(m, load(window.x + i * window.rowStride + j * channels + c));
    if (STREAM) stream(y + c, m);
    else store(y + c, m);
  }
  if (c < channels) anyMax<false>(window, channels, c, (int)(channels - c), y);
}

// How dx is written: windows that overlap add.
enum Write { ADD, STORE, STREAM };

// x takes over from the maximum m so far: a NaN stays.
INLINE vm takesOver(vf x, vf m) { return maskAnd(maskNot(lessEqual(x, m)), equal(m, m)); }

// One vector of channels. Of the window's rows, those from skip to end − 1 are written to dx (address of its first pixel).
template <Write write>
static void anyGradient(const Window& window, int64_t channels, int64_t c, int lanes, const float* dy, float* dx, int64_t skip,
                        int64_t end) {
  vf m = loadLanes(window.x + c, lanes), g = loadLanes(dy + c, lanes);
  vi at = zeroInt();
  for (int64_t i = 0; i < window.rows; i++)
    for (int64_t j = 0; j < window.columns; j++) {
      vf x = loadLanes(window.x + i * window.rowStride + j * channels + c, lanes);
      vm takes = takesOver(x, m);
      m = select(takes, x, m);
      at = select(takes, splat((int32_t)(i * window.columns + j)), at);
    }
  for (int64_t i = skip; i < end; i++)
    for (int64_t j = 0; j < window.columns; j++) {
      float* to = dx + i * window.rowStride + j * channels + c;
      vf v = select(equal(at, splat((int32_t)(i * window.columns + j))), g, zeroFloat());
      storeLanes(to, write == ADD ? loadLanes(to, lanes) + v : v, lanes);
    }
}
// H × W pixels, all of them written, unrolled.
template <int H, int W, Write write>
INLINE void windowGradient(const Window& window, int64_t channels, const float* dy, float* dx) {
  int64_t c = 0;
  for (; c + LANES <= channels; c += LANES) {
    vf m = load(window.x + c), g = load(dy + c);
    vi at = zeroInt();
#pragma GCC unroll 4
    for (int i = 0; i < H; i++)
#pragma GCC unroll 4
      for (int j = 0; j < W; j++) {
        vf x = load(window.x + i * window.rowStride + j * channels + c);
        vm takes = takesOver(x, m);
        m = select(takes, x, m);
        at = select(takes, splat((int32_t)(i * W + j)), at);
      }
#pragma GCC unroll 4
    for (int i = 0; i < H; i++)
#pragma GCC unroll 4
      for (int j = 0; j < W; j++) {
        float* to = dx + i * window.rowStride + j * channels + c;
        vf v = select(equal(at, splat((int32_t)(i * W + j))), g, zeroFloat());
        if (write == STREAM) stream(to, v);
        else store(to, write == ADD ? load(to) + v : v);
      }
  }
  if (c < channels) anyGradient<write>(window, channels, c, (int)(channels - c), dy, dx, 0, H);
}

template <bool STREAM>
static void maxPoolRow(const Shape& s, const float* x, int64_t oy, float* y) {
  int64_t top = oy * s.strideH - s.padTop, iy0 = larger(top, 0), iy1 = smaller(top + s.poolH, s.h);
  for (int64_t ox = 0; ox < s.ow; ox++) {
    int64_t left = ox * s.strideW - s.padLeft, ix0 = larger(left, 0), ix1 = smaller(left + s.poolW, s.w);
    Window window = {x + (iy0 * s.w + ix0) * s.c, iy1 - iy0, ix1 - ix0, s.w * s.c};
    float* to = y + (oy * s.ow + ox) * s.c;
    if (window.rows == 2 && window.columns == 2) windowMax<2, 2, STREAM>(window, s.c, to);
    else if (window.rows == 3 && window.columns == 3) windowMax<3, 3, STREAM>(window, s.c, to);
    else
      for (int64_t c = 0; c < s.c; c += LANES) anyMax<STREAM>(window, s.c, c, (int)smaller(LANES, s.c - c), to);
  }
}

static void maxPoolRun(const StepArgs* a, int32_t, int64_t begin, int64_t end, Thread*) {
  const Shape s = shapeOf(a, false);
  const float* x = (const float*)a->views[0].data;
  float* y = (float*)a->views[1].data;
  const bool streaming = streams(y, s.batch * s.oh * s.ow * s.c, s.c);
  int64_t last = smaller(end * s.chunkUnits, s.batch * s.bands);
  for (int64_t unit = begin * s.chunkUnits; unit < last; unit++) {
    int64_t image = unit / s.bands, band = unit % s.bands;
    const float* from = x + image * s.h * s.w * s.c;
    float* to = y + image * s.oh * s.ow * s.c;
    for (int64_t oy = band * s.bandRows; oy < smaller((band + 1) * s.bandRows, s.oh); oy++) {
      if (streaming) maxPoolRow<true>(s, from, oy, to);
      else maxPoolRow<false>(s, from, oy, to);
    }
  }
  if (streaming) streamFence();
}

// Every pixel of x lies in exactly one window.
INLINE bool isCovered(const Shape& s) {
  return s.poolH == s.strideH && s.poolW == s.strideW && s.padLeft == 0 && s.ow * s.strideW == s.w && s.oh * s.strideH - s.padTop >= s.h;
}

// Rows r0 … r1 − 1 of dx of one image.
template <Write write>
static void gradientBand(const Shape& s, const float* x, const float* dy, float* dx, int64_t r0, int64_t r1) {
  if (!isCovered(s)) {
    float* to = dx + r0 * s.w * s.c;
    int64_t floats = (r1 - r0) * s.w * s.c, i = 0;
    for (; i + LANES <= floats; i += LANES) store(to + i, zeroFloat());
    if (i < floats) storePartial(to + i, zeroFloat(), (int)(floats - i));
  }
  // Windows with top + poolH > r0 and top < r1.
  int64_t above = r0 + s.padTop - s.poolH, oy0 = above < 0 ? 0 : above / s.strideH + 1;
  int64_t oy1 = smaller((r1 - 1 + s.padTop) / s.strideH + 1, s.oh);
  for (int64_t oy = oy0; oy < oy1; oy++) {
    int64_t top = oy * s.strideH - s.padTop, iy0 = larger(top, 0), iy1 = smaller(top + s.poolH, s.h);
    bool whole = iy0 >= r0 && iy1 <= r1;
    for (int64_t ox = 0; ox < s.ow; ox++) {
      int64_t left = ox * s.strideW - s.padLeft, ix0 = larger(left, 0), ix1 = smaller(left + s.poolW, s.w);
      if (iy1 <= iy0 || ix1 <= ix0) continue;  // nothing but padding
      int64_t first = (iy0 * s.w + ix0) * s.c;
      Window window = {x + first, iy1 - iy0, ix1 - ix0, s.w * s.c};
      const float* g = dy + (oy * s.ow + ox) * s.c;
      if (whole && window.rows == 2 && window.columns == 2) windowGradient<2, 2, write>(window, s.c, g, dx + first);
      else if (whole && window.rows == 3 && window.columns == 3) windowGradient<3, 3, write>(window, s.c, g, dx + first);
      else
        for (int64_t c = 0; c < s.c; c += LANES)
          anyGradient<write>(window, s.c, c, (int)smaller(LANES, s.c - c), g, dx + first, larger(r0 - iy0, 0), smaller(r1, iy1) - iy0);
    }
  }
}

static void gradientRun(const StepArgs* a, int32_t, int64_t begin, int64_t end, Thread*) {
  const Shape s = shapeOf(a, true);
  const int64_t in = s.h * s.w * s.c, out = s.oh * s.ow * s.c;
  const float *x = (const float*)a->views[0].data, *dy = (const float*)a->views[1].data;
  float* dx = (float*)a->views[2].data;
  const bool disjoint = s.strideH >= s.poolH && s.strideW >= s.poolW;
  const Write write = !disjoint ? ADD : isCovered(s) && streams(dx, s.batch * in, s.c) ? STREAM : STORE;
  int64_t last = smaller(end * s.chunkUnits, s.batch * s.bands);
  for (int64_t unit = begin * s.chunkUnits; unit < last; unit++) {
    int64_t image = unit / s.bands, band = unit % s.bands;
    int64_t r0 = larger(band * s.bandRows * s.strideH - s.padTop, 0);
    int64_t r1 = larger(smaller((band + 1) * s.bandRows * s.strideH - s.padTop, s.h), r0);
    if (r1 == r0) continue;
    (write == ADD     ? gradientBand<ADD>
     : write == STORE ? gradientBand<STORE>
                      : gradientBand<STREAM>)(s, x + image * in, dy + image * out, dx + image * in, r0, r1);
  }
  if (write == STREAM) streamFence();
}

static const char* verify(const StepArgs* a) {
  bool gradient = a->viewCount == 3;
  if (a->viewCount < 2 || a->viewCount > 3) return "wrong number of operands";
  const View &x = a->views[0], &y = a->views[1];
  if (!isDenseFloat(x, 4) || !isDenseFloat(y, 4) || x.dims[0] != y.dims[0] || x.dims[3] != y.dims[3])
    return "expected dense float32 operands [batch, height, width, channels]";
  if (gradient && !(isDenseFloat(a->views[2], 4) && sameAxes(x, 0, a->views[2], 0, 4))) return "expected a dense float32 result of the shape of x";
  if (a->wordCount != 6 || !wordsWithin(a, 0, 4, 1, 1 << 20) || !wordsWithin(a, 4, 2, 0, 1 << 20)) return "pool size, stride or padding out of range";
  return nullptr;
}

}  // namespace pool

static constexpr Kernel pool_kernels[] = {
    {"maxPool2d", nullptr, nullptr, nullptr, nullptr, pool::chunks<false>, pool::maxPoolRun, pool::verify},
    {"maxPool2dGradient", nullptr, nullptr, nullptr, nullptr, pool::chunks<true>, pool::gradientRun,
     pool::verify},
};
