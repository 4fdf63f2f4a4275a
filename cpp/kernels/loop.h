// "loop": an elementwise expression over tensors of one shape, in one sweep (encoding in kernel.h, engine in blocks.h).
//
// Bound: memory bandwidth for cheap expressions, arithmetic for elementary functions.
//
// Chunks: about six microseconds of work each, 1 Ki to 32 Ki elements, by the cost of the instructions; a function of the
// shape only. Rows longer than that are cut, shorter ones (and the rows of a transposition's tile) go several to a chunk.
//
// Measured on a Zen 5 core (L2 1 MB, shared L3) of a busy machine: processor time of one thread, best of many. Bounds: for
// add a compiled loop with streaming stores in the same run; for the chain its 320 MB at the 43 GB/s that memcpy reached;
// for transpositions a straight copy, interleaved with them:
//                                             AVX2                     AVX-512
//   add, 4096 elements (L1)                   0.25 µs, 194 GB/s        0.18 µs, 270 GB/s
//   add, 65,536 (L2)                          3.7 µs, 215 GB/s         2.7–3.5 µs, 227–294 GB/s
//   add, 16 Mi (memory, streaming)            3.6 ms, 57 GB/s          3.5 ms, 57 GB/s         bound 3.7 ms
//   tanh(a·b + c) · sigmoid(d), 16,384        0.60 ns per element      0.31 ns
//   the same, 16 Mi                           13 ms (arithmetic)       7.6 ms, 44 GB/s         bound 7.5 ms
//   Adam, 100,352 parameters                  41 µs, 0.41 ns each      29 µs, 0.29 ns (sqrt and division)
//   [60000, 10] + [10]                        82 µs, 0.14 ns each      78 µs, 0.13 ns
//   copy of 64 × 256 rows of 4 KB, exchanged                           2.9 ms, 47 GB/s         bound 2.5 ms
//   transposition 1024 × 1024                 66 % of a copy           57–65 %
//   transposition 4096 × 4096                 44–50 %                  56–65 %
//   3000 × 5000 (rows that cross lines)       48 %                     41 %
//   a + transposed b, 4096 × 4096             11 ms, 18 GB/s           13 ms, 16 GB/s
//   64 elements                               30 ns                    30 ns
#pragma once
#include "blocks.h"
#include "verify.h"

struct LoopPlan {
  int64_t rowsPerChunk;     // ≥ 1
  int64_t columnsPerChunk;  // < row length: rows are cut, one row (or tile of rows) per chunk
  BlockPlan blocks;
};

INLINE int32_t loopLoads(const StepArgs* a) { return parseExpression(a->words).loads; }

static int64_t loopPlanBytes(const StepArgs* a) {
  return alignUp((int64_t)sizeof(LoopPlan), 64) + blockPlanBytes(parseExpression(a->words), a->viewCount);
}

static void loopPrepare(StepArgs* a) {
  LoopPlan* plan = (LoopPlan*)a->plan;
  Expression e = parseExpression(a->words);
  BlockPlan* p = &plan->blocks;
  planBlocks(p, e, a->views, e.loads, a->viewCount - e.loads, 0, nullptr, false,
             (uint8_t*)a->plan + alignUp((int64_t)sizeof(LoopPlan), 64));
  int64_t elements = 600000 / (p->cost > 0 ? p->cost : 1);
  if (elements > 32768) elements = 32768;
  if (elements < 1024) elements = 1024;
  int64_t row = p->geometry.dims[p->geometry.rank - 1];
  if (row < 1) row = 1;
  plan->columnsPerChunk = row;
  if (p->shortRows) {
    int64_t blocks = elements / (p->shortRows * row);
    plan->rowsPerChunk = p->shortRows * (blocks > 0 ? blocks : 1);
  } else if (p->tileAxis >= 0) {
    plan->rowsPerChunk = TILE_ROWS;
    if (p->isTransposition) elements *= 2;  // long runs of each row: two threads get in each other's way else
    plan->columnsPerChunk = elements / TILE_ROWS / p->block * p->block;
    if (plan->columnsPerChunk < p->block) plan->columnsPerChunk = p->block;
  } else if (row > elements) {
    plan->rowsPerChunk = 1;
    plan->columnsPerChunk = elements / p->block * p->block;
    if (plan->columnsPerChunk < p->block) plan->columnsPerChunk = p->block;
  } else {
    plan->rowsPerChunk = elements / row;
  }
}

// Chunks of rows × pieces of a row. Tiles do not cross the end of their axis, so chunks of tiles count per outer index.
struct LoopCut {
  int64_t rows, columns;  // of the whole
  int64_t groups;         // tiles: outer indices, else 1
  int64_t rowChunks, columnChunks;
};
static LoopCut loopCut(const StepArgs* a) {
  const LoopPlan* plan = (const LoopPlan*)a->plan;
  const Geometry& g = plan->blocks.geometry;
  int64_t dims[MAX_RANK];
  runTimeDims(&g, a->views, dims);
  LoopCut cut;
  cut.columns = dims[g.rank - 1];
  cut.rows = cut.groups = 1;
  int32_t outer = plan->blocks.tileAxis >= 0 ? plan->blocks.tileAxis : 0;
  for (int32_t d = 0; d < g.rank - 1; d++) {
    if (d < outer) cut.groups *= dims[d];
    else cut.rows *= dims[d];
  }
  cut.rowChunks = (cut.rows + plan->rowsPerChunk - 1) / plan->rowsPerChunk;
  cut.columnChunks = (cut.columns + plan->columnsPerChunk - 1) / plan->columnsPerChunk;
  return cut;
}
static int64_t loopChunks(const StepArgs* a, int32_t) {
  LoopCut cut = loopCut(a);
  return cut.groups * cut.rowChunks * cut.columnChunks;
}

static void loopRun(const StepArgs* a, int32_t, int64_t begin, int64_t end, Thread* thread) {
  const LoopPlan* plan = (const LoopPlan*)a->plan;
  LoopCut cut = loopCut(a);
  int64_t rows = plan->rowsPerChunk < cut.rows ? plan->rowsPerChunk : cut.rows;
  Frame frame;
  int64_t columns = plan->columnsPerChunk < cut.columns ? plan->columnsPerChunk : cut.columns;
  openFrame(&frame, &plan->blocks, a->views, thread->scratch, plan->blocks.shortRows ? rows * columns : columns);
  for (int64_t chunk = begin; chunk < end; chunk++) {
    int64_t columnChunk = chunk % cut.columnChunks, rest = chunk / cut.columnChunks;
    int64_t rowChunk = rest % cut.rowChunks, group = rest / cut.rowChunks;
    int64_t rowBegin = rowChunk * plan->rowsPerChunk, rowEnd = rowBegin + plan->rowsPerChunk;
    int64_t columnBegin = columnChunk * plan->columnsPerChunk, columnEnd = columnBegin + plan->columnsPerChunk;
    if (rowEnd > cut.rows) rowEnd = cut.rows;
    if (columnEnd > cut.columns) columnEnd = cut.columns;
    runAny(&frame, a->views, group * cut.rows + rowBegin, group * cut.rows + rowEnd, columnBegin, columnEnd);
  }
  if (plan->blocks.streams) streamFence();
}

static const char* loopVerify(const StepArgs* a) {
  ExpressionCheck check = {a->words, a->wordCount, a->views, 0, LANES_ANY};
  const char* why = checkExpression(&check, a->viewCount, a->views);
  if (why) return why;
  if (check.end != a->wordCount) return "expected no words after the expression";
  Expression e = parseExpression(a->words);
  if (e.loads + e.results != a->viewCount || e.results < 1) return "expected one operand per load and per result";
  for (int32_t v = 0; v < a->viewCount; v++) {
    if (!viewIsSound(a->views[v], v >= e.loads)) return "expected operands of rank 8 at most, outputs without broadcasting";
    if (!sameShape(a->views[v], a->views[0], 0)) return "expected operands of one shape";
  }
  return nullptr;
}

static constexpr Kernel loop_kernel = {"loop", loopPlanBytes, loopPrepare, nullptr, nullptr, loopChunks, loopRun, loopVerify};
