// Rows brought to mean 0 and variance 1 (layer normalization), or to root mean square 1: normalizeRows,
// normalizeRowsGradient.
//
//   y = x̂ · γ + β,  x̂ = (x − μ) · r,  r = 1 / √(σ² + ε),  σ² = mean (x − μ)²;  not centred: μ = 0
//   dx = r · (h − mean h − x̂ · mean(h · x̂)) with h = g · γ (not centred: without mean h),  dγ = Σ g · x̂,  dβ = Σ g
//
// Bound: memory, 8 bytes per element forward, 12 backward. A row is read three times forward and four times backward, from
// the first-level cache after the first time; results above 8 MB are written with streaming stores, and while a row is
// summed the next one is fetched into L2.
// Chunks are runs of rows, a function of the shape. Backward, each chunk adds up its rows' dγ and dβ in a place of its own,
// and a second phase adds the places in order: at most PARTS of them, so that a sum is at most rows / PARTS terms long.
#pragma once
#include "checks.h"
#include "kernel.h"
#include "math.h"

namespace norm {

static const int64_t STREAM_BYTES = 8 << 20, PARTS = 64, LEAST_ELEMENTS = 8192;
static const int64_t COMBINED = 512;  // columns of dγ and dβ per chunk of the second phase

struct Problem {
  const float *x, *gamma, *beta, *g;
  float *y, *dGamma, *dBeta;
  float* parts;  // [chunk][dγ, dβ][n]
  int64_t rows, n;
  float epsilon;
  bool isCentred, stream;
};

INLINE float floatOf(int32_t bits) { return asFloat(splat(bits))[0]; }

static Problem problemOf(const StepArgs* a, bool isGradient) {
  const View& x = a->views[0];
  Problem p = {};
  p.x = (const float*)x.data;
  p.gamma = (const float*)a->views[1].data;
  p.n = x.dims[x.rank - 1];
  p.rows = 1;
  for (int d = 0; d < x.rank - 1; d++) p.rows *= x.dims[d];
  const float* third = (const float*)a->views[2].data;
  (isGradient ? p.g : p.beta) = third;
  p.y = (float*)a->views[3].data;
  if (isGradient) {
    p.dGamma = (float*)a->views[4].data;
    p.dBeta = (float*)a->views[5].data;
    p.parts = (float*)a->scratch;
  }
  p.epsilon = floatOf(a->words[0]);
  p.isCentred = a->words[1] != 0;
  p.stream = p.rows * p.n * 4 > STREAM_BYTES;
  return p;
}

static int64_t rowsPerChunk(const Problem& p) {
  int64_t even = (p.rows + PARTS - 1) / PARTS, least = p.n > 0 ? (LEAST_ELEMENTS + p.n - 1) / p.n : p.rows;
  int64_t each = even > least ? even : least;
  return each > 0 ? each : 1;
}
static int64_t rowChunks(const Problem& p) {
  int64_t each = rowsPerChunk(p);
  return p.n == 0 ? 0 : (p.rows + each - 1) / each;
}

INLINE vf loadSome(const float* p, int lanes) { return lanes == LANES ? load(p) : loadPartial(p, lanes); }
INLINE vf firstOf(vf v, int lanes) {
  return lanes == LANES ? v : select(less(laneIndex(), splat((int32_t)lanes)), v, zeroFloat());
}

// Σ term(i, lanes) over a row; four sums side by side, since one would wait for itself.
template <class Term>
INLINE float rowSum(int64_t n, Term term) {
  vf s[4] = {zeroFloat(), zeroFloat(), zeroFloat(), zeroFloat()};
  int64_t i = 0;
  for (; i + 4 * LANES <= n; i += 4 * LANES)
#pragma GCC unroll 4
    for (int k = 0; k < 4; k++) s[k] = s[k] + term(i + k * LANES, LANES);
  for (; i < n; i += LANES) {
    int lanes = n - i < LANES ? (int)(n - i) : LANES;
    s[0] = s[0] + firstOf(term(i, lanes), lanes);
  }
  return sumLanes((s[0] + s[1]) + (s[2] + s[3]));
}

struct Moments {
  float mean, scale;  // μ, r
};
static Moments momentsOf(const Problem& p, const float* x, const float* next) {
  Moments m = {0, 0};
  float share = 1.0f / (float)p.n;
  if (p.isCentred) {
    m.mean = rowSum(p.n, [=](int64_t i, int lanes) {
      if (next) prefetch2(next + i);
      return loadSome(x + i, lanes);
    }) * share;
  }
  vf mean = splat(m.mean);
  float squares = rowSum(p.n, [=](int64_t i, int lanes) {
    vf d = loadSome(x + i, lanes) - mean;
    return d * d;
  });
  m.scale = 1.0f / sqrt(splat(squares * share + p.epsilon))[0];
  return m;
}

// to[i] = value(i, lanes) over a row. Streaming needs aligned addresses: the elements up to the next boundary come first.
template <class Value>
INLINE void writeRow(float* to, int64_t n, bool streams, Value value) {
  int64_t i = 0;
  if (streams) {
    int64_t head = (int64_t)((0 - (uintptr_t)to / 4) % LANES);
    if (head > n) head = n;
    if (head) storePartial(to, value(0, (int)head), (int)head);
    for (i = head; i + LANES <= n; i += LANES) ::stream(to + i, value(i, LANES));
  } else {
    for (; i + LANES <= n; i += LANES) store(to + i, value(i, LANES));
  }
  if (i < n) storePartial(to + i, value(i, (int)(n - i)), (int)(n - i));
}

static void forwardRow(const Problem& p, int64_t row, const float* next) {
  const float* x = p.x + row * p.n;
  const float *gamma = p.gamma, *beta = p.beta;
  Moments m = momentsOf(p, x, next);
  vf mean = splat(m.mean), scale = splat(m.scale);
  writeRow(p.y + row * p.n, p.n, p.stream, [=](int64_t i, int lanes) {
    return fma((loadSome(x + i, lanes) - mean) * scale, loadSome(gamma + i, lanes), loadSome(beta + i, lanes));
  });
}

// dGamma and dBeta: the sums of the chunk.
static void gradientRow(const Problem& p, int64_t row, const float* next, float* dGamma, float* dBeta) {
  const float *x = p.x + row * p.n, *g = p.g + row * p.n, *gamma = p.gamma;
  Moments m = momentsOf(p, x, next);
  vf mean = splat(m.mean), scale = splat(m.scale);
  vf sums = zeroFloat(), products = zeroFloat();
  for (int64_t i = 0; i < p.n; i += LANES) {
    int lanes = p.n - i < LANES ? (int)(p.n - i) : LANES;
    vf normal = (loadSome(x + i, lanes) - mean) * scale, gradient = loadSome(g + i, lanes);
    vf h = firstOf(gradient * loadSome(gamma + i, lanes), lanes);
    sums = sums + h;
    products = fma(h, firstOf(normal, lanes), products);
    vf ofGamma = fma(gradient, normal, loadSome(dGamma + i, lanes)), ofBeta = gradient + loadSome(dBeta + i, lanes);
    if (lanes == LANES) {
      store(dGamma + i, ofGamma);
      store(dBeta + i, ofBeta);
    } else {
      storePartial(dGamma + i, ofGamma, lanes);
      storePartial(dBeta + i, ofBeta, lanes);
    }
  }
  float share = 1.0f / (float)p.n;
  vf meanH = splat(p.isCentred ? sumLanes(sums) * share : 0.0f), along = splat(sumLanes(products) * share);
  writeRow(p.y + row * p.n, p.n, p.stream, [=](int64_t i, int lanes) {
    vf normal = (loadSome(x + i, lanes) - mean) * scale;
    vf h = loadSome(g + i, lanes) * loadSome(gamma + i, lanes);
    return (h - meanH - normal * along) * scale;
  });
}

static int64_t forwardChunks(const StepArgs* a, int32_t) { return rowChunks(problemOf(a, false)); }

static void forwardRun(const StepArgs* a, int32_t, int64_t begin, int64_t end, Thread*) {
  const Problem p = problemOf(a, false);
  int64_t each = rowsPerChunk(p), last = end * each < p.rows ? end * each : p.rows;
  for (int64_t row = begin * each; row < last; row++)
    forwardRow(p, row, row + 1 < last ? p.x + (row + 1) * p.n : nullptr);
  if (p.stream) streamFence();
}

static int64_t gradientScratch(const StepArgs* a) {
  const View& x = a->views[0];
  return PARTS * 2 * x.dims[x.rank - 1] * 4;
}
static int32_t gradientPhases(const StepArgs*) { return 2; }

static int64_t gradientChunks(const StepArgs* a, int32_t phase) {
  const Problem p = problemOf(a, true);
  return phase == 0 ? rowChunks(p) : (p.n + COMBINED - 1) / COMBINED;
}

static void gradientRun(const StepArgs* a, int32_t phase, int64_t begin, int64_t end, Thread*) {
  const Problem p = problemOf(a, true);
  int64_t each = rowsPerChunk(p), parts = rowChunks(p);
  if (phase == 0) {
    for (int64_t chunk = begin; chunk < end; chunk++) {
      float *dGamma = p.parts + chunk * 2 * p.n, *dBeta = dGamma + p.n;
      for (int64_t i = 0; i < 2 * p.n; i++) dGamma[i] = 0;
      int64_t last = (chunk + 1) * each < p.rows ? (chunk + 1) * each : p.rows;
      for (int64_t row = chunk * each; row < last; row++)
        gradientRow(p, row, row + 1 < last ? p.x + (row + 1) * p.n : nullptr, dGamma, dBeta);
    }
    if (p.stream) streamFence();
    return;
  }
  int64_t first = begin * COMBINED, last = end * COMBINED < p.n ? end * COMBINED : p.n;
  for (int64_t i = first; i < last; i++) {
    float ofGamma = 0, ofBeta = 0;
    for (int64_t part = 0; part < parts; part++) {
      ofGamma += p.parts[part * 2 * p.n + i];
      ofBeta += p.parts[part * 2 * p.n + p.n + i];
    }
    p.dGamma[i] = ofGamma;
    p.dBeta[i] = ofBeta;
  }
}

template <bool isGradient>
static const char* verify(const StepArgs* a) {
  if (a->viewCount != (isGradient ? 6 : 4) || a->wordCount != 2) return "expected epsilon, whether to centre, and all operands";
  const View &x = a->views[0], &y = a->views[3];
  if (x.rank < 1 || !isDenseFloat(x, x.rank)) return "expected dense float32 rows";
  if (!isDenseFloat(y, x.rank) || !sameAxes(x, 0, y, 0, x.rank)) return "expected a dense float32 result of the rows' shape";
  if (x.dynamicAxis == x.rank - 1) return "expected rows of a fixed length";
  for (int i = 1; i < a->viewCount; i++) {
    const View& v = a->views[i];
    if (i == 3) continue;
    bool isRows = isGradient && i == 2;
    if (!isDenseFloat(v, isRows ? x.rank : 1) || !sameAxes(x, isRows ? 0 : x.rank - 1, v, 0, v.rank))
      return "expected dense float32 operands of the rows' length";
  }
  return nullptr;
}

}  // namespace norm

static constexpr Kernel norm_kernels[] = {
    {"normalizeRows", nullptr, nullptr, nullptr, nullptr, norm::forwardChunks, norm::forwardRun, norm::verify<false>},
    {"normalizeRowsGradient", nullptr, nullptr, norm::gradientScratch, norm::gradientPhases, norm::gradientChunks,
     norm::gradientRun, norm::verify<true>},
};
