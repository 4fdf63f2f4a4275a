// Shapes of a 2-D convolution, NHWC, as the three kernels of conv.h read them from their views and words.
#pragma once
#include "kernel.h"
#include "../simd.h"

#if defined(__clang__)
#define UNROLL_FULLY _Pragma("clang loop unroll(full)")
#else
#define UNROLL_FULLY _Pragma("GCC unroll 32")
#endif

namespace conv {

typedef ptrdiff_t Size;

struct Shape {
  Size batch, h, w, ci;    // x [batch, h, w, ci]
  Size kh, kw, cig;        // kernel [kh, kw, cig = ci / groups, co]
  Size oh, ow, co, cog;    // y [batch, oh, ow, co], cog = co / groups
  Size strideH, strideW, padTop, padLeft, dilationH, dilationW, groups;
};

INLINE Size ceilDivide(Size a, Size b) { return (a + b - 1) / b; }
INLINE Size smaller(Size a, Size b) { return a < b ? a : b; }
INLINE Size larger(Size a, Size b) { return a > b ? a : b; }
// Rounded towards −∞, b > 0.
INLINE Size floorDivide(Size a, Size b) { return a >= 0 ? a / b : -((-a + b - 1) / b); }

static Shape readShape(const View& x, const View& kernel, const View& y, const int32_t* words) {
  Shape s;
  s.batch = (Size)x.dims[0], s.h = (Size)x.dims[1], s.w = (Size)x.dims[2], s.ci = (Size)x.dims[3];
  s.kh = (Size)kernel.dims[0], s.kw = (Size)kernel.dims[1], s.cig = (Size)kernel.dims[2], s.co = (Size)kernel.dims[3];
  s.oh = (Size)y.dims[1], s.ow = (Size)y.dims[2];
  s.strideH = words[0], s.strideW = words[1], s.padTop = words[2], s.padLeft = words[3];
  s.dilationH = words[4], s.dilationW = words[5], s.groups = words[6];
  s.cog = s.co / s.groups;
  // A 1×1 convolution without stride or padding is one long row: full pixel tiles whatever the width.
  if (s.kh == 1 && s.kw == 1 && s.strideH == 1 && s.strideW == 1 && s.padTop == 0 && s.padLeft == 0 && s.oh == s.h && s.ow == s.w) {
    s.w *= s.h, s.h = 1;
    s.ow = s.w, s.oh = 1;
  }
  return s;
}

// Convolution of single channels (groups = ci = co): vectors run over the channels.
INLINE bool isDepthwise(const Shape& s) { return s.groups > 1 && s.cig == 1 && s.cog == 1; }

INLINE void copyFloats(float* to, const float* from, Size n) {
  Size i = 0;
  for (; i + LANES <= n; i += LANES) store(to + i, load(from + i));
  if (i < n) storePartial(to + i, loadPartial(from + i, (int)(n - i)), (int)(n - i));
}
INLINE void zeroFloats(float* to, Size n) {
  Size i = 0;
  for (; i + LANES <= n; i += LANES) store(to + i, zeroFloat());
  if (i < n) storePartial(to + i, zeroFloat(), (int)(n - i));
}

// Pixels first … first + count − 1 of a row [width, channels], zeros where they lie outside.
static void copyRowPadded(float* to, const float* row, Size width, Size channels, Size first, Size count) {
  Size begin = smaller(larger(first, 0), first + count), end = larger(smaller(first + count, width), begin);
  zeroFloats(to, (begin - first) * channels);
  if (end > begin) copyFloats(to + (begin - first) * channels, row + begin * channels, (end - begin) * channels);
  zeroFloats(to + (end - first) * channels, (first + count - end) * channels);
}

}  // namespace conv
