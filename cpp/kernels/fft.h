// Fourier transforms of any length along any axis: fft, rfft, irfft (fft/plan.h says what they compute).
//
// Everything is computed on sixteen signals side by side (fft/passes.h), so no step crosses lanes but two transpositions:
//   - signals along a strided axis stand side by side in memory already;
//   - sixteen rows of a batch are turned into columns on the way in and back on the way out;
//   - a single long signal, or a few, is cut into m = n1 · n2: columns of length n1, multiplied by e^(−2πi j2·k1/m), then
//     rows of length n2 (Bailey's four steps). Two phases; up to two more where the result is not the transform itself.
//
// Bound: the second-level cache for rows up to 2048 (each radix-8 pass reads and writes all), memory beyond. Chunks and the
// order of every sum are functions of the shape. Reached on two threads (AVX-512) beside torch.fft.fft in the same run, on a
// machine at a load of 20, the best of 48: 1024 × 512 0.27 ms (PyTorch 0.40), 64 × 4096 0.17 (0.21), 2²⁰ 4.0 (7.5),
// 256 × 1000 0.14 (0.20), 64 × 1021 0.17 (0.21); real ones take 0.14, 0.15, 2.9, 0.08, 0.24.
#pragma once
#include "fft/plan.h"
#include "lanes.h"

namespace fft {

struct Buffers {
  Planes a, b;
};
INLINE Buffers buffersOf(Thread* thread) {
  float* at = (float*)(void*)thread->scratch;
  const int64_t plane = CAPACITY * WIDTH;
  return {{at, at + plane, WIDTH}, {at + 2 * plane, at + 3 * plane, WIDTH}};
}
INLINE Planes otherOf(Buffers buffers, Planes p) { return p.re == buffers.a.re ? buffers.b : buffers.a; }

// The problem of this run: its lengths beside the axis may be shorter than they were when the program was loaded.
static Problem problemNow(const StepArgs* a, Kind kind) {
  const Problem& planned = ((const Plan*)a->plan)->problem;
  Problem p = problemOf(a, kind);
  p.isSplit = planned.isSplit, p.n1 = planned.n1, p.n2 = planned.n2;
  return p;
}

// ---- Sixteen signals in and out --------------------------------------------------------------------------------

// Up to sixteen signals: the first one's first element, how far elements and signals are apart (one of them is 1).
struct Group {
  int64_t first, element, signal;
  int count;
};
INLINE int64_t groupCount(const Problem& p) {
  if (p.inner == 1) return (p.outer + WIDTH - 1) / WIDTH;
  return p.outer * ((p.inner + WIDTH - 1) / WIDTH);
}
static Group groupOf(const Problem& p, int64_t number, int64_t length) {
  if (p.inner == 1) {
    const int64_t row = number * WIDTH;
    return {row * length, 1, length, (int)(p.outer - row < WIDTH ? p.outer - row : WIDTH)};
  }
  const int64_t groups = (p.inner + WIDTH - 1) / WIDTH, column = number % groups * WIDTH;
  const int64_t count = p.inner - column < WIDTH ? p.inner - column : WIDTH;
  return {number / groups * length * p.inner + column, p.inner, 1, (int)count};
}

// Lanes without a signal keep what was there.
static void loadSignals(const float* x, const Group& g, int64_t length, float* to) {
  x += g.first;
  if (g.element == 1) {
    transposeTile((int32_t*)(void*)to, WIDTH, (const uint8_t*)x, g.signal * 4, length, g.count);
  } else if (g.count == WIDTH) {
    for (int64_t e = 0; e < length; e++)
      for (int lane = 0; lane < WIDTH; lane += LANES) store(to + e * WIDTH + lane, load(x + e * g.element + lane));
  } else {
    for (int64_t e = 0; e < length; e++)
      for (int lane = 0; lane < g.count; lane++) to[e * WIDTH + lane] = x[e * g.element + lane];
  }
}
static void storeSignals(float* y, const Group& g, int64_t length, const float* from) {
  y += g.first;
  if (g.element == 1) {
    transposeTile((int32_t*)(void*)y, g.signal, (const uint8_t*)from, WIDTH * 4, g.count, length);
  } else if (g.count == WIDTH) {
    for (int64_t e = 0; e < length; e++)
      for (int lane = 0; lane < WIDTH; lane += LANES) store(y + e * g.element + lane, load(from + e * WIDTH + lane));
  } else {
    for (int64_t e = 0; e < length; e++)
      for (int lane = 0; lane < g.count; lane++) y[e * g.element + lane] = from[e * WIDTH + lane];
  }
}

// by (cos, sin) of each element
static void multiply(Planes x, int64_t n, const float* w) {
  for (int64_t e = 0; e < n; e++)
    for (int lane = 0; lane < WIDTH; lane += LANES) put(x, e, lane, times(at(x, e, lane), splat(w[2 * e]), splat(w[2 * e + 1])));
}

// ---- Side by side ----------------------------------------------------------------------------------------------

// Input of the complex transform, in the first buffer or as it stands in memory.
static Planes readGroup(const Problem& p, const Plan& plan, const Group& g, Buffers buffers) {
  const bool isPlain = !p.isChirp && (p.kind == FFT || (p.kind == RFFT && p.isHalf));
  if (isPlain && g.signal == 1 && g.count == WIDTH) {
    float *re = (float*)p.inRe + g.first, *im = (float*)p.inIm + g.first;
    if (p.kind == FFT) return {re, im, g.element};
    return {re, re + g.element, 2 * g.element};
  }
  const Planes raw = isPlain ? buffers.a : buffers.b;
  const int64_t length = inputLength(p);
  loadSignals(p.inRe, g, length, raw.re);
  if (p.kind != RFFT) loadSignals(p.inIm, g, length, raw.im);
  if (isPlain) return p.kind == FFT ? raw : Planes{raw.re, raw.re + WIDTH, 2 * WIDTH};
  for (int lane = 0; lane < WIDTH; lane += LANES) {
    auto get = [&](int64_t e) {
      return Value<vf>{load(raw.re + e * WIDTH + lane), p.kind == RFFT ? zeroFloat() : load(raw.im + e * WIDTH + lane)};
    };
    auto set = [&](int64_t e, Value<vf> v) { put(buffers.a, e, lane, {v.re, v.im}); };
    for (int64_t i = 0; i < beforeCount(p); i++) before<vf>(plan, i, get, set);
    for (int64_t e = p.n; e < p.m; e++) set(e, {zeroFloat(), zeroFloat()});
  }
  return buffers.a;
}

static void writeGroup(const Problem& p, const Plan& plan, const Group& g, Buffers buffers, Planes z) {
  const int64_t length = outputLength(p);
  if (p.kind == FFT && !p.isChirp) {
    storeSignals(p.outRe, g, length, z.re);
    storeSignals(p.outIm, g, length, z.im);
    return;
  }
  const Planes result = otherOf(buffers, z.re < z.im ? z : swapped(z));
  for (int lane = 0; lane < WIDTH; lane += LANES) {
    auto get = [&](int64_t e) {
      const Complex v = at(z, e, lane);
      return Value<vf>{v.re, v.im};
    };
    auto set = [&](int64_t e, Value<vf> v) {
      store(result.re + e * WIDTH + lane, v.re);
      if (p.kind != IRFFT) store(result.im + e * WIDTH + lane, v.im);
    };
    for (int64_t i = 0; i < behindCount(p); i++) behind<vf>(plan, i, get, set);
  }
  storeSignals(p.outRe, g, length, result.re);
  if (p.kind != IRFFT) storeSignals(p.outIm, g, length, result.im);
}

static void runGroup(const Problem& p, const Plan& plan, int64_t number, Buffers buffers) {
  const Group in = groupOf(p, number, inputLength(p)), out = groupOf(p, number, outputLength(p));
  const Planes x = readGroup(p, plan, in, buffers);
  const bool isInFirst = x.re == buffers.a.re;
  const Planes a = isInFirst ? buffers.b : buffers.a, b = isInFirst ? buffers.a : buffers.b;
  Planes z = lastOf(plan.rows, a, b);
  if (!p.isChirp) {
    const bool isDirect = p.kind == FFT && out.signal == 1 && out.count == WIDTH;
    if (isDirect) z = {p.outRe + out.first, p.outIm + out.first, out.element};
    transform(plan.rows, x, a, b, z, p.scale);
    if (!isDirect) writeGroup(p, plan, out, buffers, z);
    return;
  }
  transform(plan.rows, x, a, b, z, 1.0f);
  multiply(z, p.m, plan.spectrum);
  const Planes next = otherOf(buffers, z);
  const Planes y = lastOf(plan.rows, next, z);
  transform(plan.rows, swapped(z), swapped(next), swapped(z), swapped(y), 1.0f);
  writeGroup(p, plan, out, buffers, y);
}

// ---- Rows by columns -------------------------------------------------------------------------------------------

// Columns j2 … j2 + 15 of one signal: transforms of length n1, times the roots, to the same places of `to`.
static void runColumns(const Problem& p, const Plan& plan, Planes signal, int64_t group, Planes to, Buffers buffers) {
  const int64_t column = group * WIDTH;
  const int count = (int)(p.n2 - column < WIDTH ? p.n2 - column : WIDTH);
  Planes x = {signal.re + column, signal.im + column, p.n2};
  if (count < WIDTH) {
    const Group part = {0, p.n2, 1, count};
    loadSignals(x.re, part, p.n1, buffers.b.re);
    loadSignals(x.im, part, p.n1, buffers.b.im);
    x = buffers.b;
  }
  const Planes z = lastOf(plan.columns, buffers.a, buffers.b);
  transform(plan.columns, x, buffers.a, buffers.b, z, 1.0f);
  const float *across = plan.across, *along = plan.along + 2 * group * p.n1;
  const bool isWhole = count == WIDTH;
  const Planes y = isWhole ? Planes{to.re + column, to.im + column, p.n2} : z;
  for (int64_t k = 0; k < p.n1; k++)
    for (int lane = 0; lane < WIDTH; lane += LANES) {
      const float* w = across + 2 * WIDTH * k + lane;
      const Complex root = times({load(w), load(w + WIDTH)}, splat(along[2 * k]), splat(along[2 * k + 1]));
      put(y, k, lane, times(at(z, k, lane), root.re, root.im));
    }
  if (isWhole) return;
  const Group part = {column, p.n2, 1, count};
  storeSignals(to.re, part, p.n1, z.re);
  storeSignals(to.im, part, p.n1, z.im);
}

// Rows k1 … k1 + 15 of length n2; element k2 of row k1 is the result's k1 + n1 · k2.
static void runRows(const Problem& p, const Plan& plan, Planes from, int64_t group, Planes result, float factor, Buffers buffers) {
  const int64_t row = group * WIDTH;
  const int count = (int)(p.n1 - row < WIDTH ? p.n1 - row : WIDTH);
  const Group rows = {row * p.n2, 1, p.n2, count}, part = {row, p.n1, 1, count};
  loadSignals(from.re, rows, p.n2, buffers.b.re);
  loadSignals(from.im, rows, p.n2, buffers.b.im);
  const bool isWhole = count == WIDTH;
  const Planes z = isWhole ? Planes{result.re + row, result.im + row, p.n1} : lastOf(plan.rows, buffers.a, buffers.b);
  transform(plan.rows, buffers.b, buffers.a, buffers.b, z, factor);
  if (isWhole) return;
  storeSignals(result.re, part, p.n2, z.re);
  storeSignals(result.im, part, p.n2, z.im);
}

// ---- Phases ----------------------------------------------------------------------------------------------------

enum Stage { GROUPS, BEFORE, COLUMNS, ROWS, SPECTRUM, COLUMNS_BACK, ROWS_BACK, BEHIND };
INLINE bool isDirect(const Problem& p) { return p.kind == FFT && !p.isChirp; }

static int32_t stageCount(const Problem& p) { return !p.isSplit ? 1 : isDirect(p) ? 2 : p.isChirp ? 7 : 4; }
static Stage stageOf(const Problem& p, int32_t phase) {
  static const Stage chirp[] = {BEFORE, COLUMNS, ROWS, SPECTRUM, COLUMNS_BACK, ROWS_BACK, BEHIND};
  static const Stage real[] = {BEFORE, COLUMNS, ROWS, BEHIND};
  static const Stage direct[] = {COLUMNS, ROWS};
  return !p.isSplit ? GROUPS : p.isChirp ? chirp[phase] : isDirect(p) ? direct[phase] : real[phase];
}

static const int64_t CHUNK = 32768;  // complex elements of a chunk, about

// Tasks of one signal, or of all where they stand side by side.
static int64_t tasksOf(const Problem& p, Stage stage) {
  switch (stage) {
    case GROUPS: return groupCount(p);
    case COLUMNS: case COLUMNS_BACK: return (p.n2 + WIDTH - 1) / WIDTH;
    case ROWS: case ROWS_BACK: return (p.n1 + WIDTH - 1) / WIDTH;
    case BEFORE: case BEHIND: case SPECTRUM: return (p.m + 4095) / 4096;
  }
  return 0;
}
static int64_t taskElements(const Problem& p, Stage stage) {
  switch (stage) {
    case GROUPS: return p.m * WIDTH;
    case COLUMNS: case COLUMNS_BACK: return p.n1 * WIDTH;
    case ROWS: case ROWS_BACK: return p.n2 * WIDTH;
    default: return 4096;
  }
}
static int64_t tasksPerChunk(const Problem& p, Stage stage) {
  const int64_t each = CHUNK / taskElements(p, stage);
  return each > 0 ? each : 1;
}
INLINE int64_t taskCount(const Problem& p, Stage stage) { return stage == GROUPS ? tasksOf(p, stage) : p.outer * tasksOf(p, stage); }

// One part of the elementwise work on a signal.
static void runElements(const Problem& p, const Plan& plan, Stage stage, int64_t row, int64_t task, Planes z) {
  const int64_t tasks = tasksOf(p, stage);
  auto share = [&](int64_t count, int64_t number) { return count * number / tasks; };
  if (stage == SPECTRUM) {
    for (int64_t e = share(p.m, task); e < share(p.m, task + 1); e++) {
      const Value<float> v = product(Value<float>{z.re[e], z.im[e]}, plan.spectrum[2 * e], plan.spectrum[2 * e + 1]);
      z.re[e] = v.re, z.im[e] = v.im;
    }
    return;
  }
  if (stage == BEFORE) {
    const float *re = p.inRe + row * inputLength(p), *im = p.kind == RFFT ? nullptr : p.inIm + row * inputLength(p);
    auto get = [&](int64_t e) { return Value<float>{re[e], im ? im[e] : 0.0f}; };
    auto set = [&](int64_t e, Value<float> v) { z.re[e] = v.re, z.im[e] = v.im; };
    const int64_t count = beforeCount(p), padding = p.m - p.n;
    for (int64_t i = share(count, task); i < share(count, task + 1); i++) before<float>(plan, i, get, set);
    for (int64_t e = share(padding, task); e < share(padding, task + 1); e++) set(p.n + e, {0, 0});
    return;
  }
  float *re = p.outRe + row * outputLength(p), *im = p.kind == IRFFT ? nullptr : p.outIm + row * outputLength(p);
  auto get = [&](int64_t e) { return Value<float>{z.re[e], z.im[e]}; };
  auto set = [&](int64_t e, Value<float> v) {
    re[e] = v.re;
    if (im) im[e] = v.im;
  };
  const int64_t count = behindCount(p);
  for (int64_t i = share(count, task); i < share(count, task + 1); i++) behind<float>(plan, i, get, set);
}

static void runTask(const Problem& p, const Plan& plan, Stage stage, int64_t number, float* scratch, Buffers buffers) {
  if (stage == GROUPS) return runGroup(p, plan, number, buffers);
  const int64_t row = number / tasksOf(p, stage), task = number % tasksOf(p, stage);
  float* own = scratch + row * p.m * (isDirect(p) ? 2 : 4);
  const Planes between = {own, own + p.m, 1};  // after the columns
  Planes ends = {own + 2 * p.m, own + 3 * p.m, 1};
  switch (stage) {
    case COLUMNS:
      if (isDirect(p)) ends = {(float*)p.inRe + row * p.n, (float*)p.inIm + row * p.n, 1};
      return runColumns(p, plan, ends, task, between, buffers);
    case COLUMNS_BACK: return runColumns(p, plan, swapped(ends), task, between, buffers);
    case ROWS:
      if (isDirect(p)) ends = {p.outRe + row * p.n, p.outIm + row * p.n, 1};
      return runRows(p, plan, between, task, ends, p.isChirp ? 1.0f : p.scale, buffers);
    case ROWS_BACK: return runRows(p, plan, between, task, swapped(ends), 1.0f, buffers);
    default: return runElements(p, plan, stage, row, task, ends);
  }
}

// ---- Kernels ---------------------------------------------------------------------------------------------------

template <Kind kind> static int64_t planBytes(const StepArgs* a) { return planFloats(problemOf(a, kind)) * 4; }
template <Kind kind> static void prepare(StepArgs* a) { fillPlan(problemOf(a, kind), (Plan*)a->plan); }
template <Kind kind> static int64_t scratchBytes(const StepArgs* a) {
  const Problem p = problemOf(a, kind);
  return p.isSplit ? p.outer * p.m * (isDirect(p) ? 8 : 16) : 0;
}
template <Kind kind> static int32_t phases(const StepArgs* a) { return stageCount(problemOf(a, kind)); }

template <Kind kind> static int64_t chunks(const StepArgs* a, int32_t phase) {
  const Problem p = problemNow(a, kind);
  if (p.outer == 0 || p.inner == 0) return 0;
  const Stage stage = stageOf(p, phase);
  const int64_t each = tasksPerChunk(p, stage);
  return (taskCount(p, stage) + each - 1) / each;
}

template <Kind kind> static void run(const StepArgs* a, int32_t phase, int64_t begin, int64_t end, Thread* thread) {
  const Problem p = problemNow(a, kind);
  const Plan& plan = *(const Plan*)a->plan;
  const Stage stage = stageOf(p, phase);
  const int64_t each = tasksPerChunk(p, stage), count = taskCount(p, stage);
  const int64_t last = end * each < count ? end * each : count;
  for (int64_t task = begin * each; task < last; task++)
    runTask(p, plan, stage, task, (float*)(void*)a->scratch, buffersOf(thread));
}

template <Kind kind> static const char* verify(const StepArgs* a) {
  const int inputs = kind == RFFT ? 1 : 2, outputs = kind == IRFFT ? 1 : 2;
  if (a->viewCount != inputs + outputs || a->wordCount != 2) return "expected its operands, an axis and a scale";
  const View& in = a->views[0];
  const int axis = a->words[0];
  if (axis < 0 || axis >= in.rank) return "expected an axis of the operands";
  for (int i = 0; i < inputs + outputs; i++) {
    const View& v = a->views[i];
    if (!isDenseFloat(v, in.rank)) return "expected dense float32 operands of one rank";
    if (v.dynamicAxis == axis) return "expected an axis of fixed length";
    const View& same = a->views[i < inputs ? 0 : inputs];
    if (!sameAxes(v, 0, same, 0, v.rank)) return "expected planes of one shape";
    if (!sameAxes(v, 0, in, 0, axis) || !sameAxes(v, axis + 1, in, axis + 1, v.rank - axis - 1)) return "expected other axes of one length";
  }
  const int64_t from = in.dims[axis], to = a->views[inputs].dims[axis], n = kind == IRFFT ? to : from;
  if (n < 1 || n > (int64_t)1 << 23) return "expected a length from 1 to 2^23";
  if ((kind == IRFFT ? from : to) != (kind == FFT ? n : n / 2 + 1)) return "expected half a spectrum";
  const Problem p = problemOf(a, kind);
  if (!p.isSplit && p.m > LONGEST_IN_LANES) return "expected so long an axis to be the last";
  return nullptr;
}

}  // namespace fft

#define FFT_KERNEL(name, kind) \
  {name, fft::planBytes<fft::kind>, fft::prepare<fft::kind>, fft::scratchBytes<fft::kind>, fft::phases<fft::kind>, \
   fft::chunks<fft::kind>, fft::run<fft::kind>, fft::verify<fft::kind>}
static constexpr Kernel fft_kernels[] = {FFT_KERNEL("fft", FFT), FFT_KERNEL("rfft", RFFT), FFT_KERNEL("irfft", IRFFT)};
#undef FFT_KERNEL
