// The convolution kernels: conv2d, conv2dInputGradient, conv2dKernelGradient (float32, NHWC; stride, dilation, groups).
// Schemes, bounds and blocking: conv_direct.h (forward and input gradient), conv_kernel_gradient.h, conv_depthwise.h.
#pragma once
#include "checks.h"
#include "conv_kernel_gradient.h"

namespace conv {

INLINE const float* floats(const View& v) { return (const float*)v.data; }

// gradient: views dy, kernel, dx; else x, kernel, y.
template <bool gradient>
static Shape shapeOf(const StepArgs* a) {
  return gradient ? readShape(a->views[2], a->views[1], a->views[0], a->words) : readShape(a->views[0], a->views[1], a->views[2], a->words);
}
template <bool gradient>
static int64_t planBytes(const StepArgs* a) {
  return directPlanBytes(shapeOf<gradient>(a));
}
template <bool gradient>
static void prepare(StepArgs* a) {
  buildDirect((Direct*)a->plan, shapeOf<gradient>(a), gradient);
}
template <bool gradient>
static int64_t scratchBytes(const StepArgs* a) {
  Shape s = shapeOf<gradient>(a);
  if (isDepthwise(s)) return 0;
  Size outputs = gradient ? s.cig : s.cog, channels = gradient ? s.cog : s.cig;
  return (int64_t)4 * s.groups * s.kh * s.kw * channels * (ceilDivide(outputs, LANES) * LANES);
}
template <bool gradient>
static int32_t phases(const StepArgs* a) {
  return isDepthwise(shapeOf<gradient>(a)) ? 1 : 2;
}
template <bool gradient>
static int64_t chunks(const StepArgs* a, int32_t phase) {
  const Direct* d = (const Direct*)a->plan;
  Size batch = (Size)a->views[0].dims[0];
  if (batch == 0) return 0;
  return phase == 0 && !isDepthwise(shapeOf<gradient>(a)) ? packChunks(d) : directChunks(d, batch);
}
template <bool gradient>
static void run(const StepArgs* a, int32_t phase, int64_t begin, int64_t end, Thread* thread) {
  const Direct* d = (const Direct*)a->plan;
  const float *source = floats(a->views[0]), *kernel = floats(a->views[1]);
  float *packed = (float*)a->scratch, *out = (float*)a->views[2].data;
  Size batch = (Size)a->views[0].dims[0];
  if (isDepthwise(shapeOf<gradient>(a))) depthwiseRun(d, source, kernel, out, batch, begin, end);
  else if (phase == 0) packRun(d, kernel, packed, begin, end);
  else directRun(d, source, packed, out, batch, begin, end, thread);
}

// views x, dy, dkernel
static int64_t gradientPlanBytes(const StepArgs*) { return sizeof(KernelGradient); }
static void gradientPrepare(StepArgs* a) {
  buildKernelGradient((KernelGradient*)a->plan, readShape(a->views[0], a->views[2], a->views[1], a->words));
}
INLINE Partition gradientPartition(const StepArgs* a) {
  return partitionOf((const KernelGradient*)a->plan, (Size)a->views[0].dims[0]);
}
static int64_t gradientScratchBytes(const StepArgs* a) {
  KernelGradient k;
  buildKernelGradient(&k, readShape(a->views[0], a->views[2], a->views[1], a->words));
  Size partials = partitionOf(&k, (Size)a->views[0].dims[0]).partials;
  return partials > 1 ? 4 * partials * kernelFloats(k.s) : 0;
}
static int32_t gradientPhases(const StepArgs* a) { return gradientPartition(a).partials > 1 ? 2 : 1; }
static int64_t gradientChunks(const StepArgs* a, int32_t phase) {
  Partition p = gradientPartition(a);
  if (phase == 0) return (int64_t)p.partials * p.slices;
  return ceilDivide((Size)kernelFloats(((const KernelGradient*)a->plan)->s), SUM_FLOATS);
}
static void gradientRun(const StepArgs* a, int32_t phase, int64_t begin, int64_t end, Thread* thread) {
  const KernelGradient* k = (const KernelGradient*)a->plan;
  Partition p = gradientPartition(a);
  float *out = (float*)a->views[2].data, *partials = p.partials > 1 ? (float*)a->scratch : out;
  Size total = (Size)kernelFloats(k->s);
  if (phase == 0) {
    for (int64_t chunk = begin; chunk < end; chunk++)
      gradientChunk(k, floats(a->views[0]), floats(a->views[1]), partials, (Size)a->views[0].dims[0], p, (Size)chunk, (float*)thread->scratch);
  } else {
    sumPartials(partials, p.partials, total, out, (Size)begin * SUM_FLOATS, smaller((Size)end * SUM_FLOATS, total));
  }
}

// x, kernel, y: positions of these operands.
template <int xAt, int kernelAt, int yAt>
static const char* verify(const StepArgs* a) {
  if (a->viewCount != 3) return "expected 3 operands";
  const View &x = a->views[xAt], &kernel = a->views[kernelAt], &y = a->views[yAt];
  if (!isDenseFloat(x, 4) || !isDenseFloat(kernel, 4) || !isDenseFloat(y, 4)) return "expected dense float32 operands of rank 4";
  if (a->wordCount != 7 || !wordsWithin(a, 0, 2, 1, 1 << 16) || !wordsWithin(a, 2, 2, 0, 1 << 20) || !wordsWithin(a, 4, 3, 1, 1 << 20))
    return "stride, padding, dilation or groups out of range";
  int64_t groups = a->words[6];
  if (x.dims[0] != y.dims[0] || x.dims[3] != kernel.dims[2] * groups || y.dims[3] != kernel.dims[3] || y.dims[3] % groups)
    return "expected x [b, h, w, ci], kernel [kh, kw, ci / groups, co], y [b, oh, ow, co]";
  return nullptr;
}

}  // namespace conv

static constexpr Kernel conv_kernels[] = {
    {"conv2d", conv::planBytes<false>, conv::prepare<false>, conv::scratchBytes<false>, conv::phases<false>, conv::chunks<false>,
     conv::run<false>, conv::verify<0, 1, 2>},
    {"conv2dInputGradient", conv::planBytes<true>, conv::prepare<true>, conv::scratchBytes<true>, conv::phases<true>,
     conv::chunks<true>, conv::run<true>, conv::verify<2, 1, 0>},
    {"conv2dKernelGradient", conv::gradientPlanBytes, conv::gradientPrepare, conv::gradientScratchBytes, conv::gradientPhases,
     conv::gradientChunks, conv::gradientRun, conv::verify<0, 2, 1>},
};
