// How a fused expression will be evaluated: the plan of blocks.h, made at load from shapes and strides alone.
//
// Blocks. After merging axes (geometry.h) a tensor is rows along the innermost axis. A block is a piece of one row, of
// 512 elements when the operands fit the second-level cache, of 128 when they come from memory: large blocks would
// separate loading from computing and leave the memory idle meanwhile (measured on a 4-instruction chain over 16 Mi
// elements: 128 or 256 best from memory, 512 from cache). Short rows (length ≤ a quarter of a block) go several to
// a block, else a [60000, 10] + [10] would pay the cost of an instruction for every ten elements.
//
// Operands. A float32 or int32 tensor that is contiguous along the block is read where it lies; everything else comes
// through a register: bytes converted, scalars and columns splatted (constants once per run, rows of a short matrix once
// per run), strided ones gathered, index generators generated, transposed ones by tiles of 64 rows.
//
// Results go straight to memory from the instruction that computes them where the tensor is contiguous and nothing later
// reads a load of the same buffer; else from their register at the end of the block. Outputs larger than 8 MB that no
// operand aliases are written with streaming stores.
#pragma once
#include "expression.h"
#include "geometry.h"

static const int64_t SECOND_LEVEL_CACHE = 1 << 20;
static const int64_t STREAM_BYTES = 8 << 20;
static const int64_t BLOCK_IN_CACHE = 512, BLOCK_FROM_MEMORY = 128;
static const int64_t BLOCK_UNCHANGED = 2048;  // a copy or a reduction of a tensor as it is: nothing to keep in the first-level cache
static const int32_t TILE_ROWS = 64;
static const int64_t TILE_COLUMNS = 128;
static const int32_t MAX_TILED = 4;  // transposed operands with a tile of their own; further ones are gathered

enum OperandMode : int32_t {
  OPERAND_IN_PLACE,   // contiguous words: the instruction reads the tensor
  OPERAND_ROW,        // through a register, per block: converted, gathered or generated
  OPERAND_SPLAT,      // one value per row
  OPERAND_CONSTANT,   // one value
  OPERAND_PERIODIC,   // short rows: the same in every row, filled once per run
  OPERAND_TILE,       // transposed: a tile of TILE_ROWS rows at once
};
enum StoreMode : int32_t { STORE_STRAIGHT, STORE_LANES, STORE_STREAM };

struct Operand {
  int32_t mode;
  int32_t dtype;
  int32_t value;  // slot
  int32_t view;
  int32_t isFlat;  // short rows follow each other without gaps
  int64_t place;  // byte offset of its register(s) in the frame, −1 none
};

struct BlockPlan {
  ExpressionPlan expression;
  Geometry geometry;
  int32_t loads, stores, views;  // views = loads + stores
  int32_t firstValue;            // expression value of view 0 (an epilogue's value 0 has no view)
  int32_t block;                 // elements
  int32_t shortRows;             // > 0: rows per block
  int32_t tileAxis;              // axis (the last outer one) along which transposed operands are contiguous, or −1
  int32_t streams;
  int32_t isTransposition;       // nothing but a transposed copy of words
  int64_t registerPitch;         // bytes
  int64_t frameBytes;            // scratch of a thread
  int64_t totalBytes;            // of all operands, by their bounds
  int64_t cost;                  // per element
  Operand* operands;             // loads, then stores
  int64_t* strides;              // bytes, [view][MAX_RANK]
};

static int64_t blockPlanBytes(const Expression& e, int32_t views) {
  return alignUp(expressionBytes(e) + views * (int64_t)(sizeof(Operand) + 8 * MAX_RANK) + 64, 64);
}

static int64_t viewBytes(const View& view) {  // distinct elements
  if (view.buffer == -1) return 0;
  int64_t n = elementSize(view.dtype);
  for (int32_t d = 0; d < view.rank; d++)
    if (view.strides[d] != 0) n *= view.dims[d];
  return n;
}

static bool isFlat(const BlockPlan* p, const int64_t* strides, int64_t unit) {
  const Geometry& g = p->geometry;
  bool flat = g.dynamicAxis <= 0;
  for (int32_t d = g.rank - 1; d >= 0; unit *= g.dims[d], d--) flat = flat && strides[d] == unit;
  return flat;
}

// How a load is reached along the rows of `g`.
static int32_t operandMode(const BlockPlan* p, const View& view, const int64_t* strides) {
  const Geometry& g = p->geometry;
  int64_t inner = strides[g.rank - 1], unit = viewUnit(view);
  bool outerZero = true;
  for (int32_t d = 0; d < g.rank - 1; d++) outerZero = outerZero && strides[d] == 0;
  bool words = view.buffer != -1 && unit == 4;
  if (outerZero && inner == 0) return OPERAND_CONSTANT;
  if (p->shortRows) {
    if (outerZero) return OPERAND_PERIODIC;
    return isFlat(p, strides, unit) && words ? OPERAND_IN_PLACE : OPERAND_ROW;
  }
  if (inner == 0) return OPERAND_SPLAT;
  if (words && inner == unit) return OPERAND_IN_PLACE;
  if (words && p->tileAxis >= 0 && strides[p->tileAxis] == 4) return OPERAND_TILE;
  return OPERAND_ROW;
}

enum RowUse : int32_t {
  ROWS_ANY,    // as suits the operands
  ROWS_WHOLE,  // not several to a block; transposed operands still make tiles of rows
  ROWS_ONLY,   // one after the other
};
static uint8_t* planOperands(BlockPlan* p, const Expression& e, const View* views, RowUse use, uint8_t* memory);

// First half: places the arrays of the plan in `memory` and says how its axes lie, see mergeAxes. A caller may rearrange
// p->geometry and p->strides before planOperands. Views: loads, then stores; `firstValue` is the value of the first load.
static void planAxes(BlockPlan* p, const Expression& e, const View* views, int32_t loads, int32_t stores, int32_t firstValue,
                     const int32_t* classes, AxisOrder order, uint8_t* memory) {
  int32_t viewCount = loads + stores;
  p->loads = loads;
  p->stores = stores;
  p->views = viewCount;
  p->firstValue = firstValue;
  memory += expressionBytes(e);
  p->strides = (int64_t*)memory;
  memory += viewCount * 8 * MAX_RANK;
  p->operands = (Operand*)memory;
  Geometry& g = p->geometry;
  if (viewCount) {
    mergeAxes(&g, p->strides, views, viewCount, classes, order);
  } else {
    g.rank = 1;
    g.dims[0] = 1;
    g.classes[0] = 0;
    g.dynamicAxis = -1;
  }
}

// A copy of runs that lie together on both sides goes in the order of its source: reading from end to end and writing
// runs of 4 KB apart reaches the rate of a straight copy, the other way round takes 1.4 times as long.
static bool copiesRuns(const Expression& e, const View* views, int32_t loads, int32_t stores) {
  if (e.instructions != 0 || loads != 1 || stores != 1 || views[0].buffer == -1) return false;
  for (int32_t d = 0; d < views[0].rank; d++)
    if (views[0].dims[d] >= LANES && views[0].strides[d] == 1 && views[1].strides[d] == 1) return true;
  return false;
}

// The usual case. `wholeRows`: axes stay as they are, the last one is the row (for tiles of a matrix product).
static uint8_t* planBlocks(BlockPlan* p, const Expression& e, const View* views, int32_t loads, int32_t stores,
                           int32_t firstValue, const int32_t* classes, bool wholeRows, uint8_t* memory) {
  planAxes(p, e, views, loads, stores, firstValue, classes, wholeRows                                 ? AXES_KEPT
           : copiesRuns(e, views, loads, stores) ? AXES_AS_READ
                                                 : AXES_SORTED,
           memory);
  return planOperands(p, e, views, wholeRows ? ROWS_WHOLE : ROWS_ANY, memory);
}

// Second half: modes of the operands, block, registers.
static uint8_t* planOperands(BlockPlan* p, const Expression& e, const View* views, RowUse use, uint8_t* memory) {
  Geometry& g = p->geometry;
  int32_t loads = p->loads, viewCount = p->views, firstValue = p->firstValue;
  uint8_t* expressionMemory = memory;
  memory = (uint8_t*)p->operands + viewCount * sizeof(Operand);
  p->totalBytes = 0;
  for (int32_t v = 0; v < viewCount; v++) p->totalBytes += viewBytes(views[v]);

  // Registers decide the block: all of them should stay in the first-level cache.
  int64_t block = p->totalBytes > SECOND_LEVEL_CACHE ? BLOCK_FROM_MEMORY : BLOCK_IN_CACHE;
  if (!p->stores && e.instructions == 0) block = BLOCK_UNCHANGED;
  int32_t inner = g.rank - 1;
  int64_t row = g.dims[inner];
  p->shortRows = 0;
  if (use == ROWS_ANY && g.rank > 1 && g.dynamicAxis != inner && row * 4 <= block && row <= 128 && row > 0)
    p->shortRows = (int32_t)(block / row);

  // A transposed load makes tiles, if the outputs run along the rows.
  p->tileAxis = -1;
  if (!p->shortRows && p->stores && use != ROWS_ONLY && g.rank > 1 && row >= LANES)
    for (int32_t v = 0; v < loads && p->tileAxis < 0; v++) {
      const int64_t* s = p->strides + v * MAX_RANK;
      if (viewUnit(views[v]) != 4 || views[v].buffer == -1 || s[inner] == 0 || s[inner] == 4) continue;
      for (int32_t d = inner - 1; d >= 0 && p->tileAxis < 0; d--) {
        if (s[d] != 4 || g.dims[d] < 4 || (use == ROWS_WHOLE && d != inner - 1)) continue;
        moveAxis(&g, p->strides, viewCount, d, inner - 1);  // the rows of a tile must follow each other
        p->tileAxis = inner - 1;
      }
    }
  if (p->tileAxis >= 0) block = TILE_COLUMNS;
  else if (e.instructions == 0 && !p->shortRows) block = BLOCK_UNCHANGED;
  p->isTransposition = p->tileAxis >= 0 && loads == 1 && p->stores == 1 && e.instructions == 0 && e.resultIds[0] == firstValue &&
                       p->strides[MAX_RANK + inner] == 4;

  int32_t* lastUse = (int32_t*)expressionMemory;  // borrowed until planExpression fills it
  uint8_t* straight = (uint8_t*)(lastUse + e.values);
  findLastUses(e, lastUse);
  for (int32_t v = 0; v < e.values; v++) straight[v] = 0;

  p->streams = 0;
  int32_t tiled = 0;
  for (int32_t v = 0; v < viewCount; v++) {
    Operand& o = p->operands[v];
    const int64_t* s = p->strides + v * MAX_RANK;
    o.view = v;
    o.dtype = views[v].dtype;
    o.place = -1;
    o.isFlat = views[v].buffer != -1 && isFlat(p, s, viewUnit(views[v]));
    if (v < loads) {
      o.value = firstValue + v;
      o.mode = operandMode(p, views[v], s);
      if (o.mode == OPERAND_TILE && ++tiled > MAX_TILED) o.mode = OPERAND_ROW;
      // A load that is stored as it is, at the end of a block, must survive other stores to its buffer (swaps).
      if (o.mode == OPERAND_IN_PLACE && lastUse[o.value] == e.instructions)
        for (int32_t w = loads; w < viewCount; w++)
          if (views[w].buffer == views[v].buffer) o.mode = OPERAND_ROW;
      continue;
    }
    o.value = e.resultIds[v - loads];
    bool contiguous = operandMode(p, views[v], s) == OPERAND_IN_PLACE;
    bool aliased = false, computed = o.value >= e.loads + e.constants;
    bool late = false;  // a load of the buffer is read after the value is computed
    for (int32_t w = 0; w < loads; w++) {
      if (views[w].buffer != views[v].buffer) continue;
      aliased = true;
      if (lastUse[firstValue + w] > o.value - e.loads - e.constants) late = true;
    }
    if (contiguous && !aliased && viewBytes(views[v]) > STREAM_BYTES) {
      o.mode = STORE_STREAM;
      p->streams = 1;
    } else if (contiguous && computed && !late && !straight[o.value]) {
      o.mode = STORE_STRAIGHT;
      straight[o.value] = 1;
    } else {
      o.mode = STORE_LANES;
    }
  }
  // The scratch of planExpression lies beyond what it keeps, so `straight` moves to the end of its memory first.
  uint8_t* kept = (uint8_t*)p->strides - e.values;
  for (int32_t v = e.values - 1; v >= 0; v--) kept[v] = straight[v];
  planExpression(&p->expression, e, expressionMemory, kept);

  // Frame: slots, addresses of the views, registers.
  int32_t registers = p->expression.registers + e.constants + 1;
  for (int32_t v = 0; v < loads; v++)
    if (p->operands[v].mode != OPERAND_IN_PLACE) registers += p->operands[v].mode == OPERAND_TILE ? TILE_ROWS : 1;
  while (block > 128 && (int64_t)registers * block * 4 > (24 << 10)) block /= 2;
  while (block > 32 && (int64_t)registers * (block * 4 + REGISTER_SLACK) > THREAD_SCRATCH / 4) block /= 2;
  if (p->shortRows) {
    p->shortRows = (int32_t)(block / row);
    if (p->shortRows < 1) p->shortRows = 1;
    block = p->shortRows * row;
  }
  p->block = (int32_t)block;
  p->registerPitch = alignUp(block * 4, 64) + REGISTER_SLACK;
  int64_t place = alignUp(8 * ((int64_t)e.values + viewCount), 64);
  for (int32_t v = 0; v < loads; v++) {
    Operand& o = p->operands[v];
    if (o.mode == OPERAND_IN_PLACE) continue;
    o.place = place;
    place += p->registerPitch * (o.mode == OPERAND_TILE ? TILE_ROWS : 1);
  }
  p->frameBytes = place + p->registerPitch * (e.constants + p->expression.registers);
  p->cost = p->expression.cost + 3 * viewCount;
  for (int32_t v = 0; v < viewCount; v++)
    if (v < loads && p->operands[v].mode != OPERAND_IN_PLACE) p->cost += p->operands[v].mode == OPERAND_CONSTANT ? 0 : 5;
  return memory;
}
