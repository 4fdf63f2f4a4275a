// Where a reduction is cut: the plan of reduce.h, made at load from shapes and strides, and its chunks.
#pragma once
#include "accumulate.h"
#include "block_plan.h"
#include "verify.h"

static const int64_t STRIP = 4096;         // columns of accumulators: long runs of each row, sums still in L1
static const int64_t OUTPUT_BUFFER = 4096; // results that wait for the epilogue
static const int32_t FLUSH_ROWS = 64;      // rows of a column summed before they go to the next level
static const int64_t MAXIMUM_PIECES = 64;  // of a strip; 256 of a row
static const int64_t ENOUGH_CHUNKS = 16;   // do without pieces

struct ReducePlan {
  int32_t op, type;
  int32_t isIndex;      // argMax, argMin
  int32_t isColumns;
  int32_t outerAxes;    // kept axes before the reduced ones
  int32_t isSplit;
  int64_t unitsPerChunk;          // outputs, or strips
  int64_t pieceRows, pieceColumns; // of a split row; pieceRows of a split strip
  int64_t scratchBytes;
  int64_t epilogueScratch;        // offset in the thread's scratch
  int64_t buffers;                // offset in the thread's scratch
  BlockPlan prologue, epilogue;
};

struct ReduceWords {
  int32_t op, mask, type;
  Expression prologue, epilogue;
};
static ReduceWords reduceWords(const StepArgs* a) {
  ReduceWords w;
  w.op = a->words[0];
  w.mask = a->words[1];
  w.type = a->words[2];
  w.prologue = parseExpression(a->words + 3);
  w.epilogue = parseExpression(a->words + 3 + w.prologue.wordCount);
  return w;
}

// What a run works on. Outputs are counted along the kept axes, outer ones first.
struct Reduction {
  const ReducePlan* plan;
  const Accumulation* ops;
  const View* views;     // of the prologue
  const View* outputs;   // of the epilogue
  int64_t outer;         // product of the outer kept axes
  int64_t rows;          // columns: reduced rows; rows: rows per output
  int64_t inner;         // length of the innermost axis
  int64_t strips;        // columns: per outer index
  int64_t pieces;        // per strip or per output
  int64_t units;         // outputs (rows) or strips of all outer indices (columns)
};

static const int64_t REDUCE_HEADER = (sizeof(ReducePlan) + 63) / 64 * 64;

static int64_t reducePlanBytes(const StepArgs* a) {
  ReduceWords w = reduceWords(a);
  int32_t stores = w.epilogue.results, epilogueLoads = a->viewCount - w.prologue.loads - stores;
  return REDUCE_HEADER + blockPlanBytes(w.prologue, w.prologue.loads) + blockPlanBytes(w.epilogue, epilogueLoads + stores);
}

INLINE int64_t divideUp(int64_t a, int64_t b) { return (a + b - 1) / b; }

static Reduction measureReduction(const StepArgs* a, const int64_t* dims) {
  const ReducePlan* plan = (const ReducePlan*)a->plan;
  const Geometry& g = plan->prologue.geometry;
  Reduction r;
  r.plan = plan;
  r.ops = &ACCUMULATIONS[plan->op][plan->type];
  r.views = a->views;
  r.outputs = a->views + plan->prologue.views;
  r.outer = r.rows = 1;
  r.inner = dims[g.rank - 1];
  for (int32_t d = 0; d < plan->outerAxes; d++) r.outer *= dims[d];
  for (int32_t d = plan->outerAxes; d < g.rank - 1; d++) r.rows *= dims[d];
  r.strips = 0;
  r.pieces = 1;
  if (plan->isColumns) {
    r.strips = plan->prologue.shortRows ? 1 : divideUp(r.inner, STRIP);
    r.units = r.outer * r.strips;
    if (plan->isSplit) r.pieces = divideUp(r.rows, plan->pieceRows);
  } else {
    r.units = r.outer;
    if (plan->isSplit) r.pieces = divideUp(r.rows, plan->pieceRows) * divideUp(r.inner, plan->pieceColumns);
  }
  if (r.pieces < 1) r.pieces = 1;
  return r;
}
static Reduction reductionOf(const StepArgs* a) {
  const ReducePlan* plan = (const ReducePlan*)a->plan;
  int64_t dims[MAX_RANK];
  runTimeDims(&plan->prologue.geometry, a->views, dims);
  return measureReduction(a, dims);
}

static void reducePrepare(StepArgs* a) {
  ReducePlan* plan = (ReducePlan*)a->plan;
  ReduceWords w = reduceWords(a);
  plan->op = w.op;
  plan->type = w.type;
  plan->isIndex = w.op >= REDUCE_ARGMAX;
  int32_t loads = w.prologue.loads, stores = w.epilogue.results, epilogueLoads = a->viewCount - loads - stores;

  // Kept axes inside the reduced ones, in the memory of the largest operand, are the columns.
  int32_t largest = 0, classes[MAX_RANK] = {};
  for (int32_t v = 1; v < loads; v++)
    if (viewBytes(a->views[v]) > viewBytes(a->views[largest])) largest = v;
  const View& main = a->views[largest];
  int64_t smallest = INT64_MAX;
  for (int32_t d = 0; d < main.rank; d++) {
    int64_t stride = main.strides[d] < 0 ? -main.strides[d] : main.strides[d];
    if ((w.mask >> d & 1) && main.dims[d] != 1 && stride != 0 && stride < smallest) smallest = stride;
  }
  for (int32_t d = 0; d < main.rank; d++) {
    int64_t stride = main.strides[d] < 0 ? -main.strides[d] : main.strides[d];
    classes[d] = (w.mask >> d & 1) ? 1 : stride != 0 && stride < smallest ? 2 : 0;
  }

  uint8_t* memory = (uint8_t*)a->plan + REDUCE_HEADER;
  BlockPlan* p = &plan->prologue;
  planAxes(p, w.prologue, a->views, loads, 0, 0, classes, AXES_MERGED, memory);
  Geometry& g = p->geometry;
  // Only the last of the inner kept axes is a column; the others join the outer ones.
  for (int32_t round = 0; round < g.rank; round++)
    for (int32_t d = 0; d + 2 < g.rank; d++)
      if (g.classes[d] == 1 && g.classes[d + 1] == 2) moveAxis(&g, p->strides, loads, d, d + 1);
  planOperands(p, w.prologue, a->views, ROWS_ANY, memory);
  plan->isColumns = g.classes[g.rank - 1] != 1;
  plan->outerAxes = 0;
  while (plan->outerAxes < g.rank - 1 && g.classes[plan->outerAxes] != 1) plan->outerAxes++;

  memory += blockPlanBytes(w.prologue, loads);
  BlockPlan* e = &plan->epilogue;
  planAxes(e, w.epilogue, a->views + loads, epilogueLoads, stores, 1, classes, AXES_MERGED, memory);
  planOperands(e, w.epilogue, a->views + loads, ROWS_ONLY, memory);

  // Cuts.
  int64_t elements = 600000 / (p->cost + 5);
  if (elements > 32768) elements = 32768;
  if (elements < 2048) elements = 2048;
  plan->isSplit = 0;
  Reduction r = measureReduction(a, g.dims);
  int64_t inner = r.inner > 0 ? r.inner : 1, rows = r.rows > 0 ? r.rows : 1, step = p->shortRows > 0 ? p->shortRows : 1;
  plan->pieceRows = rows;
  plan->pieceColumns = inner;
  int64_t partials = 0;
  if (plan->isColumns) {
    int64_t width = inner < STRIP || p->shortRows ? inner : STRIP;
    plan->unitsPerChunk = elements / (rows * width);
    if (plan->unitsPerChunk < 1) plan->unitsPerChunk = 1;
    if (r.units < ENOUGH_CHUNKS && rows * width * r.units > 2 * elements) {
      plan->isSplit = 1;
      int64_t piece = elements / width, fewest = divideUp(rows, MAXIMUM_PIECES);
      if (piece < fewest) piece = fewest;
      plan->pieceRows = divideUp(piece, step) * step;
      partials = r.outer * divideUp(rows, plan->pieceRows) * inner;
    }
  } else {
    int64_t length = rows * inner;
    plan->unitsPerChunk = elements / length;
    if (plan->unitsPerChunk < 1) plan->unitsPerChunk = 1;
    if (plan->unitsPerChunk > 16) plan->unitsPerChunk &= ~(int64_t)15;
    if (r.units < ENOUGH_CHUNKS && length > 2 * elements) {
      plan->isSplit = 1;
      int64_t piece = divideUp(length, 4 * MAXIMUM_PIECES);
      if (piece < elements) piece = elements;
      if (inner >= piece && !p->shortRows) {
        plan->pieceRows = 1;
        plan->pieceColumns = divideUp(piece, p->block) * p->block;
      } else {
        plan->pieceRows = divideUp(divideUp(piece, inner), step) * step;
      }
      partials = r.outer * divideUp(rows, plan->pieceRows) * divideUp(inner, plan->pieceColumns);
    }
  }
  plan->scratchBytes = partials * 4 * (plan->isIndex ? 2 : 1);
  plan->epilogueScratch = alignUp(p->frameBytes, 64);
  plan->buffers = alignUp(plan->epilogueScratch + e->frameBytes, 64);
}

static int64_t reduceScratchBytes(const StepArgs* a) { return ((const ReducePlan*)a->plan)->scratchBytes; }
static int32_t reducePhases(const StepArgs* a) { return ((const ReducePlan*)a->plan)->isSplit ? 2 : 1; }

// Columns of a split are combined in pieces of this width.
static const int64_t COMBINE_COLUMNS = 512;

static int64_t reduceChunks(const StepArgs* a, int32_t phase) {
  Reduction r = reductionOf(a);
  if (r.plan->isSplit) {
    if (phase == 0) return r.units * r.pieces;
    return r.plan->isColumns ? r.outer * divideUp(r.inner, COMBINE_COLUMNS) : divideUp(r.units, OUTPUT_BUFFER);
  }
  return divideUp(r.units, r.plan->unitsPerChunk);
}

// ---- Checks at load --------------------------------------------------------------------------------------------

static const char* reduceVerify(const StepArgs* a) {
  if (a->wordCount < 3) return "expected op, mask, type and two expressions";
  int32_t op = a->words[0], mask = a->words[1], type = a->words[2];
  if (op < REDUCE_SUM || op > REDUCE_ARGMIN) return "expected op 0 … 5";
  if (type < 0 || type > 1) return "expected type 0 (float32) or 1 (int32)";
  if (a->viewCount < 2 || a->views[0].rank > MAX_RANK) return "expected an operand and an output";
  if (mask < 0 || mask >> a->views[0].rank) return "expected a mask of the operand's axes";
  if (op >= REDUCE_ARGMAX && (mask == 0 || (mask & (mask - 1)))) return "expected one axis for an index";
  ExpressionCheck check = {a->words + 3, a->wordCount - 3, a->views, 0, LANES_ANY};
  const char* why = checkExpression(&check, a->viewCount, nullptr);
  if (why) return why;
  Expression prologue = parseExpression(a->words + 3);
  if (prologue.loads < 1 || prologue.results != 1) return "expected a prologue with operands and one result";
  LaneType reduced = type ? LANES_INT : LANES_FLOAT;
  LaneType result = laneTypeOf(&check, prologue.resultIds[0]);
  if (result != LANES_ANY && result != reduced) return "expected a prologue of the accumulator's type";
  ExpressionCheck after = {a->words + 3 + prologue.wordCount, a->wordCount - 3 - prologue.wordCount,
                           a->views + prologue.loads - 1, 0, op >= REDUCE_ARGMAX ? LANES_INT : reduced};
  why = checkExpression(&after, a->viewCount - prologue.loads + 1, a->views + prologue.loads - 1);
  if (why) return why;
  Expression epilogue = parseExpression(after.words);
  if (epilogue.loads < 1 || epilogue.results < 1 || prologue.loads + epilogue.loads - 1 + epilogue.results != a->viewCount)
    return "expected one operand per load and per result";
  for (int32_t v = 0; v < a->viewCount; v++) {
    const View& view = a->views[v];
    if (!viewIsSound(view, v >= a->viewCount - epilogue.results)) return "expected operands of rank 8 at most, outputs without broadcasting";
    if (!sameShape(view, a->views[0], v < prologue.loads ? 0 : mask)) return "expected operands of one shape, of length 1 along reduced axes after the reduction";
  }
  return nullptr;
}
