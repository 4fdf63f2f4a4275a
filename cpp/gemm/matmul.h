// c[batch, M, N] = a[batch, M, K] · b[batch, K, N] with an expression on the finished tiles of c.
//
// Phases: pack b (only where several chunks use it), the products, and, where depth was cut, the sum of the partial
// products in a fixed order. How the work is cut: blocking.h; tile sizes: parameters.h; the inner loop: microkernel.h.
//
// Bound: floating-point operations, for few rows the bytes of b. Fractions reached with AVX-512 on two cores of Zen 5
// (548 GFLOP/s, measured by peak.h), with measure.cc, 5th percentile of interleaved runs in huge pages on an otherwise
// busy machine:
//
//   256³  93 %   512³  92 %   1024³  87 %   2048³  82–88 %        transposed a or b: the same, b at 1024³ 85 %
//   256×784×1024  87 %   256×1024×1024  87 %   100×2048×2048  84 %   64 products of 128×32×128  83 %
//   32×784×128  82 % (14.4 µs)   784×32×128 (aᵀ)  90 % (13.1 µs)   32×128×10  0.8 µs on one thread
//   64×12800×128 (aᵀ)  86 %   128×25600×512 (aᵀ)  75 %
//   32×2048×2048  78 %   32×4096×4096  63 %
//   1×4096×4096, either orientation: 89–98 GB/s; a loop that only reads b made 119–124 at best and 82–93 in the median, as
//   the kernel did (the memory is shared: other runs gave 57–80 for both)   8×4096×4096  45–69 GB/s (bᵀ 35)
//   AVX2: 88 % of 276 GFLOP/s at 256³ and 512³, 82 % at 1024³. SSE: 67 % of 136. WebAssembly, one thread in Node:
//   512³ 52 of 60 GFLOP/s (relaxed: the same tile 58 of 65).
//
// Weights that a training step touches three times (forward, gradient, update) are cut by rows in each, so that a thread
// finds its own rows in its own cache: one step of 32×784×128 with Adam takes 37 µs on two threads, 54 if columns are
// cut, 68 on one thread.
#pragma once
#include "gemv.h"
#include "pack.h"
#include "verify.h"

namespace gemm {

struct Work {
  Problem p;
  Blocking blocking;
  int64_t blocks;  // of depth
};

// The plan: the work if all lengths are known at load (a dynamic axis is looked up at every call), then the epilogue.
struct Plan {
  bool dynamic;
  Work work;
};
INLINE int64_t planHeader() { return alignUp((int64_t)sizeof(Plan), 64); }
INLINE const EpiloguePlan* epiloguePlan(const StepArgs* args) {
  return (const EpiloguePlan*)(const void*)((const uint8_t*)args->plan + planHeader());
}

static Work computeWork(const StepArgs* args) {
  Work work;
  work.p = readProblem(args);
  work.blocking = chooseBlocking(work.p);
  work.blocks = work.blocking.blocksPerChunk * work.blocking.depthChunks;
  return work;
}

INLINE const Work& findWork(const StepArgs* args, Work& local) {
  const Plan* plan = (const Plan*)args->plan;
  if (!plan->dynamic) return plan->work;
  local = computeWork(args);
  return local;
}

INLINE bool isDynamic(const StepArgs* args) {
  return args->views[0].dynamicAxis >= 0 || args->views[1].dynamicAxis >= 0 || args->views[2].dynamicAxis >= 0;
}

INLINE int64_t blockStart(const Work& work, int64_t block) { return partStart(work.p.depth, work.blocks, block); }
INLINE int64_t panelStart(const Work& work, int64_t panel) {
  return smaller(work.p.columns, panel * work.blocking.width);
}
// The last panel may be narrower: only as many vectors as it needs.
INLINE int64_t panelVectors(const Work& work, int64_t panel) {
  return ceilDivide(panelStart(work, panel + 1) - panelStart(work, panel), LANES);
}
INLINE float* packedPanel(const Work& work, float* packed, int64_t batch, int64_t block, int64_t panel) {
  int64_t row = work.blocking.panels * work.blocking.width;
  if (work.blocking.rightBatches == 1) batch = 0;
  int64_t begin = blockStart(work, block), depth = blockStart(work, block + 1) - begin;
  return packed + batch * row * work.p.depth + begin * row + panel * work.blocking.width * depth;
}

static void packRightPanel(const Work& work, const float* b, int64_t block, int64_t panel, float* out) {
  int64_t begin = blockStart(work, block), column = panelStart(work, panel);
  pack(b + begin * work.p.b.row + column * work.p.b.column, work.p.b.row, work.p.b.column,
       blockStart(work, block + 1) - begin, panelStart(work, panel + 1) - column, panelVectors(work, panel) * LANES, out);
}

static void runPack(const Work& work, const StepArgs* args, int64_t chunk) {
  int64_t group = chunk % work.blocking.packGroups, block = chunk / work.blocking.packGroups % work.blocks;
  int64_t batch = chunk / work.blocking.packGroups / work.blocks;
  Operands operands = batchOperands(work.p, args->views, batch);
  int64_t end = partStart(work.blocking.panels, work.blocking.packGroups, group + 1);
  for (int64_t panel = partStart(work.blocking.panels, work.blocking.packGroups, group); panel < end; panel++)
    packRightPanel(work, operands.b, block, panel, packedPanel(work, (float*)(void*)args->scratch, batch, block, panel));
}

static_assert((ROW_BLOCK * DEPTH_BLOCK + LANES + WIDE_VECTORS * LANES * (DEPTH_BLOCK + TILE_ROWS)) * 4 <= FRAME_OFFSET,
              "packed blocks reach into the frame of the epilogue");

// A chunk of tiles, and its share of the thread's scratch.
struct Region {
  int64_t batch, rowBegin, rowEnd, panelBegin, panelEnd, blockBegin, blockEnd;
  float* out;          // c or a partial, at [0, 0] of this batch
  int64_t outRow;
  float *left, *right, *tile;
};

// Rows are cut into tiles of nearly equal height: no tail of one row.
INLINE int64_t rowTiles(int64_t rows, int64_t vectors) { return ceilDivide(rows, maximumRows(vectors)); }

static void packLeftBlock(const Work& work, const Region& region, const float* a, int64_t begin, int64_t end, int64_t block) {
  int64_t first = blockStart(work, block), depth = blockStart(work, block + 1) - first;
  int32_t tiles = (int32_t)rowTiles(end - begin, work.blocking.vectors);
  for (int64_t row = begin; row < end; tiles--) {
    int64_t rows = (int32_t)(end - row) / tiles;
    pack(a + row * work.p.a.row + first * work.p.a.column, work.p.a.column, work.p.a.row, depth, rows, rows,
         region.left + (row - begin) * depth);
    row += rows;
  }
}

static void addTile(const float* tile, int64_t tileRow, int64_t rows, int64_t columns, float* c, int64_t cRow, bool accumulate) {
  for (int64_t r = 0; r < rows; r++)
    for (int64_t n = 0; n < columns; n += LANES) {
      int count = (int)smaller(LANES, columns - n);
      float* to = c + r * cRow + n;
      vf sum = load(tile + r * tileRow + n);
      storePartial(to, accumulate ? loadPartial(to, count) + sum : sum, count);
    }
}

// One or more panels of b that a tile can pass over in one call.
struct Panels {
  const float* data;
  int64_t stride, step, count, column, vectors, columns, ahead;  // columns: of one panel
};

static Panels findPanels(const Work& work, const StepArgs* args, const Region& region, const float* b, int64_t block, int64_t panel) {
  const Blocking& blocking = work.blocking;
  Panels found;
  int64_t depth = blockStart(work, block + 1) - blockStart(work, block);
  found.column = panelStart(work, panel);
  found.columns = panelStart(work, panel + 1) - found.column;
  found.vectors = panelVectors(work, panel);
  found.count = 1;
  found.ahead = 0;
  bool whole = found.columns == blocking.width;
  if (whole) found.count = smaller(smaller(panel + blocking.panelGroup, region.panelEnd), work.p.columns / blocking.width) - panel;
  if (blocking.shareRight) {
    found.data = packedPanel(work, (float*)(void*)args->scratch, region.batch, block, panel);
    found.stride = found.vectors * LANES;
    found.step = found.stride * depth;
    if (found.columns == blocking.width) found.ahead = found.step;
  } else if (blocking.packRight || found.columns < found.vectors * LANES) {
    packRightPanel(work, b, block, panel, region.right);
    found.data = region.right;
    found.stride = found.vectors * LANES;
    found.count = 1;
  } else {
    found.data = b + blockStart(work, block) * work.p.b.row + found.column;
    found.stride = work.p.b.row;
    found.step = blocking.width;
    found.ahead = blocking.stream ? depth * found.stride : found.step;
  }
  return found;
}

// Rows [begin, end) of a block of depth times some panels.
static void multiplyPanels(const Work& work, const Region& region, const float* a, const Panels& panels, int64_t begin,
                           int64_t end, int64_t block) {
  const Problem& p = work.p;
  int64_t first = blockStart(work, block);
  bool packed = work.blocking.packLeft;
  Direction direction = packed || p.a.column != 1 ? ALONG_COLUMNS : ALONG_ROWS;
  int64_t full = panels.vectors * LANES;
  TileCall call;
  call.depth = blockStart(work, block + 1) - first;
  call.b = panels.data;
  call.bStride = panels.stride;
  call.panelStep = panels.step;
  call.panels = panels.count;
  call.ahead = panels.ahead;
  int32_t tiles = (int32_t)rowTiles(end - begin, work.blocking.vectors);
  for (int64_t row = begin; row < end; tiles--) {
    int64_t rows = (int32_t)(end - row) / tiles;  // the remainder goes to the last tiles
    float* c = region.out + row * region.outRow + panels.column;
    call.a = packed ? region.left + (row - begin) * call.depth : a + row * p.a.row + first * p.a.column;
    call.aStride = packed ? rows : direction == ALONG_ROWS ? p.a.row : p.a.column;
    bool whole = panels.columns == full;
    call.c = whole ? c : region.tile;
    call.cStride = whole ? region.outRow : full;
    call.accumulate = whole && block > region.blockBegin;
    tileFunction(panels.vectors, direction, rows)(call);
    if (!whole) addTile(region.tile, full, rows, panels.columns, c, region.outRow, block > region.blockBegin);
    call.ahead = 0;
    row += rows;
  }
}

static void multiplyRegion(const Work& work, const StepArgs* args, const Region& region, const Operands& operands) {
  for (int64_t begin = region.rowBegin; begin < region.rowEnd; begin += work.blocking.rowBlock) {
    int64_t end = smaller(region.rowEnd, begin + work.blocking.rowBlock);
    for (int64_t block = region.blockBegin; block < region.blockEnd; block++) {
      if (work.blocking.packLeft) packLeftBlock(work, region, operands.a, begin, end, block);
      for (int64_t panel = region.panelBegin; panel < region.panelEnd;) {
        Panels found = findPanels(work, args, region, operands.b, block, panel);
        multiplyPanels(work, region, operands.a, found, begin, end, block);
        panel += found.count;
      }
    }
  }
}

INLINE float* partial(const Work& work, const StepArgs* args, int64_t depthChunk, int64_t batch) {
  return (float*)(void*)args->scratch + work.blocking.partialOffset +
         (depthChunk * work.p.batches + batch) * work.p.rows * work.blocking.partialRow;
}

// The expression on rows [begin, end) × columns [left, right) of the product; rows may span merged batches.
static void finish(const Work& work, Epilogue& epilogue, int64_t batch, int64_t begin, int64_t end, int64_t left, int64_t right) {
  if (!epilogue.plan->exists || begin == end || left == right) return;
  const Problem& p = work.p;
  int64_t rowBegin = p.turned ? left : begin, rowEnd = p.turned ? right : end;
  int64_t columnBegin = p.turned ? begin : left, columnEnd = p.turned ? end : right;
  for (int64_t row = rowBegin; row < rowEnd;) {
    int64_t member = row / p.viewRows, first = row - member * p.viewRows;
    int64_t last = smaller(p.viewRows, first + (rowEnd - row));
    runEpilogue(epilogue, batch * p.merged + member, p.viewRows, first, last, columnBegin, columnEnd);
    row += last - first;
  }
}

static void runProduct(const Work& work, const StepArgs* args, int64_t chunk, Epilogue& epilogue, Thread* thread) {
  const Problem& p = work.p;
  const Blocking& blocking = work.blocking;
  int64_t column = chunk % blocking.columnChunks;
  chunk /= blocking.columnChunks;
  int64_t row = chunk % blocking.rowChunks;
  chunk /= blocking.rowChunks;
  int64_t depth = chunk % blocking.depthChunks, batchChunk = chunk / blocking.depthChunks;
  Region region;
  region.rowBegin = partStart(p.rows, blocking.rowChunks, row);
  region.rowEnd = partStart(p.rows, blocking.rowChunks, row + 1);
  region.panelBegin = partStart(blocking.panels, blocking.columnChunks, column);
  region.panelEnd = partStart(blocking.panels, blocking.columnChunks, column + 1);
  region.blockBegin = depth * blocking.blocksPerChunk;
  region.blockEnd = region.blockBegin + blocking.blocksPerChunk;
  region.left = (float*)(void*)thread->scratch;
  region.right = region.left + ROW_BLOCK * DEPTH_BLOCK + LANES;  // room for packTranspose's last vector
  region.tile = region.right + DEPTH_BLOCK * WIDE_VECTORS * LANES;
  int64_t lastBatch = partStart(p.batches, blocking.batchChunks, batchChunk + 1);
  for (region.batch = partStart(p.batches, blocking.batchChunks, batchChunk); region.batch < lastBatch; region.batch++) {
    Operands operands = batchOperands(p, args->views, region.batch);
    bool cut = blocking.depthChunks > 1;
    region.out = cut ? partial(work, args, depth, region.batch) : operands.c;
    region.outRow = cut ? blocking.partialRow : p.c.row;
    int64_t left = panelStart(work, region.panelBegin), right = panelStart(work, region.panelEnd);
    if (blocking.form == TILES) {
      multiplyRegion(work, args, region, operands);
    } else {
      int64_t stride = cut ? 1 : p.c.column;
      vectorChunk(p, blocking.form, operands.a, operands.b, left, right, blockStart(work, region.blockBegin),
                  blockStart(work, region.blockEnd), region.out + left * stride, stride, thread->scratch);
    }
    if (!cut) finish(work, epilogue, region.batch, region.rowBegin, region.rowEnd, left, right);
  }
}

static void addPartials(const Work& work, const StepArgs* args, int64_t batch, int64_t row, int64_t left, int64_t right, float* c) {
  const Problem& p = work.p;
  int64_t step = p.batches * p.rows * work.blocking.partialRow;
  for (int64_t n = left; n < right; n += LANES) {
    int count = (int)smaller(LANES, right - n);
    const float* from = partial(work, args, 0, batch) + row * work.blocking.partialRow + n;
    vf sum = loadPartial(from, count);
    for (int64_t d = 1; d < work.blocking.depthChunks; d++) sum += loadPartial(from + d * step, count);
    if (p.c.column == 1) storePartial(c + row * p.c.row + n, sum, count);
    else for (int lane = 0; lane < count; lane++) c[(n + lane) * p.c.column] = sum[lane];
  }
}

static void runCombine(const Work& work, const StepArgs* args, int64_t chunk, Epilogue& epilogue) {
  const Problem& p = work.p;
  const Blocking& blocking = work.blocking;
  int64_t columnPart = chunk % blocking.combineColumns;
  chunk /= blocking.combineColumns;
  int64_t rowPart = chunk % blocking.combineRows, batch = chunk / blocking.combineRows;
  int64_t begin = partStart(p.rows, blocking.combineRows, rowPart), end = partStart(p.rows, blocking.combineRows, rowPart + 1);
  int64_t left = partStart(p.columns, blocking.combineColumns, columnPart);
  int64_t right = partStart(p.columns, blocking.combineColumns, columnPart + 1);
  float* c = batchOperands(p, args->views, batch).c;
  for (int64_t row = begin; row < end; row++) addPartials(work, args, batch, row, left, right, c);
  finish(work, epilogue, batch, begin, end, left, right);
}

// Which of the three jobs a phase is.
enum Job : int32_t { PACK, PRODUCT, COMBINE };
INLINE Job phaseJob(const Work& work, int32_t phase) {
  if (!work.blocking.shareRight) phase++;
  return phase == 0 ? PACK : phase == 1 ? PRODUCT : COMBINE;
}

static int32_t phases(const StepArgs* args) {
  Work local;
  const Work& work = findWork(args, local);
  return 1 + (work.blocking.shareRight ? 1 : 0) + (work.blocking.depthChunks > 1 ? 1 : 0);
}

static int64_t chunks(const StepArgs* args, int32_t phase) {
  Work local;
  const Work& work = findWork(args, local);
  const Blocking& blocking = work.blocking;
  switch (phaseJob(work, phase)) {
    case PACK: return blocking.packChunks;
    case PRODUCT: return blocking.batchChunks * blocking.depthChunks * blocking.rowChunks * blocking.columnChunks;
    default: return work.p.batches * blocking.combineRows * blocking.combineColumns;
  }
}

static void run(const StepArgs* args, int32_t phase, int64_t begin, int64_t end, Thread* thread) {
  Work local;
  const Work& work = findWork(args, local);
  Job job = phaseJob(work, phase);
  Epilogue epilogue;
  startEpilogue(epilogue, args, epiloguePlan(args), thread);
  for (int64_t chunk = begin; chunk < end; chunk++) {
    if (job == PACK) runPack(work, args, chunk);
    else if (job == PRODUCT) runProduct(work, args, chunk, epilogue, thread);
    else runCombine(work, args, chunk, epilogue);
  }
}

static int64_t planBytes(const StepArgs* args) { return planHeader() + epiloguePlanBytes(args); }

static void prepare(StepArgs* args) {
  Plan* plan = (Plan*)args->plan;
  plan->dynamic = isDynamic(args);
  plan->work = computeWork(args);
  prepareEpilogue(args, (uint8_t*)args->plan + planHeader());
}

static int64_t scratchBytes(const StepArgs* args) {
  Work work = computeWork(args);
  const Problem& p = work.p;
  int64_t width = larger(TILE_VECTORS, WIDE_VECTORS) * LANES;
  int64_t packed = work.blocking.rightBatches * p.depth * ceilDivide(p.columns, width) * width;
  int64_t partials = smaller(PARTIAL_LIMIT, MAXIMUM_CHUNKS * p.batches * p.rows * partialRow(p.columns));
  if (isDynamic(args)) {  // a bound for every length up to the planned one: with fewer rows the cut may be another
    if (!mayShareRight(p)) packed = 0;
  } else {
    if (!work.blocking.shareRight) packed = 0;
    if (work.blocking.depthChunks == 1) partials = 0;
  }
  return (packed + partials + 64) * 4;
}

}  // namespace gemm

static constexpr Kernel matmul_kernel = {"matmul", gemm::planBytes, gemm::prepare, gemm::scratchBytes,
                                     gemm::phases, gemm::chunks, gemm::run, gemm::verify};
