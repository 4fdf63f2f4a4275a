// The engine under the fused loop, the reductions and the epilogues of matrix products: an expression over tensors,
// evaluated block by block as block_plan.h has laid out.
//
// Bound: memory bandwidth for cheap expressions, arithmetic for elementary functions; an instruction costs 4 ns per block.
// A frame is what a thread holds while it works on a step: where each value of the expression lies, the addresses of the
// current row, the registers. Three ways through the elements: whole rows, tiles of rows (transposed operands), short rows
// several to a block. Figures: loop.h, reduce.h.
#pragma once
#include "block_plan.h"

struct Frame {
  const BlockPlan* plan;
  void** slots;
  uint8_t** addresses;  // element 0 of the current row, by view
  uint8_t* memory;
  int64_t dims[MAX_RANK];
  int64_t index[MAX_RANK];  // of the current row
  int64_t rows;             // product of the outer dims
};

// `views` as at load. `length`: the longest block that will be asked for.
static void openFrame(Frame* f, const BlockPlan* p, const View* views, uint8_t* scratch, int64_t length) {
  f->plan = p;
  f->memory = scratch;
  f->slots = (void**)scratch;
  f->addresses = (uint8_t**)(f->slots + p->expression.values);
  if (p->views) runTimeDims(&p->geometry, views, f->dims);
  else f->dims[0] = 1;
  f->rows = 1;
  for (int32_t d = 0; d < p->geometry.rank - 1; d++) f->rows *= f->dims[d];
  const ExpressionPlan& e = p->expression;
  if (length > p->block) length = p->block;
  uint8_t* registers = scratch + p->frameBytes - p->registerPitch * (e.constants + e.registers);
  for (int32_t i = 0; i < e.constants; i++, registers += p->registerPitch) {
    fillLanes((int32_t*)registers, e.constantWords[i], length);
    f->slots[e.loads + i] = registers;
  }
  for (int32_t v = e.loads + e.constants; v < e.values; v++)
    if (e.registerOf[v] >= 0) f->slots[v] = registers + p->registerPitch * e.registerOf[v];
  int32_t inner = p->geometry.rank - 1;
  for (int32_t v = 0; v < p->loads; v++) {
    const Operand& o = p->operands[v];
    const View& view = views[v];
    int32_t* to = (int32_t*)(scratch + o.place);
    if (o.place >= 0) f->slots[o.value] = to;
    int64_t stride = p->strides[v * MAX_RANK + inner];
    if (o.mode == OPERAND_CONSTANT) {
      if (view.buffer == -1) fillLanes(to, (int32_t)view.offset, length);
      else loadLanes(to, o.dtype, view.data, 0, length);
    } else if (o.mode == OPERAND_PERIODIC) {
      int64_t row = f->dims[inner];
      if (view.buffer == -1) generateLanes(to, (int32_t)view.offset, (int32_t)stride, row);
      else loadLanes(to, o.dtype, view.data, stride, row);
      int32_t filled = (int32_t)row;  // doubling: each copy lies wholly behind what it copies
      while (filled < length) {
        int64_t more = length - filled < filled ? length - filled : filled;
        copyWords(to + filled, to, more);
        filled += (int32_t)more;
      }
    }
  }
}

INLINE uint8_t* viewStart(const View& view) {
  return view.buffer == -1 ? (uint8_t*)(intptr_t)view.offset : view.data;
}

// Goes to row `row` (outer axes, row-major).
static void openRow(Frame* f, const View* views, int64_t row) {
  const BlockPlan* p = f->plan;
  for (int32_t d = p->geometry.rank - 2; d >= 0; d--) {
    int64_t length = f->dims[d] ? f->dims[d] : 1;
    f->index[d] = row % length;
    row /= length;
  }
  for (int32_t v = 0; v < p->views; v++) {
    const int64_t* s = p->strides + v * MAX_RANK;
    uint8_t* at = viewStart(views[v]);
    for (int32_t d = 0; d < p->geometry.rank - 1; d++) at += f->index[d] * s[d];
    f->addresses[v] = at;
  }
}
INLINE void nextRow(Frame* f) {
  const BlockPlan* p = f->plan;
  for (int32_t d = p->geometry.rank - 2; d >= 0; d--) {
    bool carry = ++f->index[d] == f->dims[d];
    if (!carry) {
      for (int32_t v = 0; v < p->views; v++) f->addresses[v] += p->strides[v * MAX_RANK + d];
      return;
    }
    f->index[d] = 0;
    for (int32_t v = 0; v < p->views; v++) f->addresses[v] -= (f->dims[d] - 1) * p->strides[v * MAX_RANK + d];
  }
}

static void splatRow(Frame* f, const View* views, int64_t length) {
  const BlockPlan* p = f->plan;
  for (int32_t v = 0; v < p->loads; v++) {
    const Operand& o = p->operands[v];
    if (o.mode != OPERAND_SPLAT) continue;
    int32_t* to = (int32_t*)(f->memory + o.place);
    if (views[v].buffer == -1) fillLanes(to, (int32_t)(intptr_t)f->addresses[v], length);
    else loadLanes(to, o.dtype, f->addresses[v], 0, length);
  }
}

// Evaluates elements column … column + n − 1 of the current row; n ≤ block. `tileRow`: row within the loaded tile.
INLINE void runBlock(Frame* f, const View* views, int64_t column, intptr_t n, int32_t tileRow) {
  const BlockPlan* p = f->plan;
  int32_t inner = p->geometry.rank - 1;
  for (int32_t v = 0; v < p->loads; v++) {
    const Operand& o = p->operands[v];
    if (o.mode == OPERAND_IN_PLACE) {
      f->slots[o.value] = f->addresses[v] + column * 4;
    } else if (o.mode == OPERAND_ROW) {
      int32_t* to = (int32_t*)(f->memory + o.place);
      int64_t stride = p->strides[v * MAX_RANK + inner];
      const uint8_t* from = f->addresses[v] + column * stride;
      if (views[v].buffer == -1) generateLanes(to, (int32_t)(intptr_t)from, (int32_t)stride, n);
      else loadLanes(to, o.dtype, from, stride, n);
    } else if (o.mode == OPERAND_TILE) {
      f->slots[o.value] = f->memory + o.place + tileRow * p->registerPitch;
    }
  }
  for (int32_t v = p->loads; v < p->views; v++) {
    const Operand& o = p->operands[v];
    if (o.mode == STORE_STRAIGHT) f->slots[o.value] = f->addresses[v] + column * 4;
  }
  runExpression(&p->expression, f->slots, n);
  for (int32_t v = p->loads; v < p->views; v++) {
    const Operand& o = p->operands[v];
    if (o.mode == STORE_STRAIGHT) continue;
    int64_t stride = p->strides[v * MAX_RANK + inner];
    uint8_t* to = f->addresses[v] + column * stride;
    const int32_t* from = (const int32_t*)f->slots[o.value];
    if (o.mode == STORE_STREAM) streamWords((int32_t*)to, from, n);
    else storeLanes(to, o.dtype, stride, from, n);
  }
}

// Rows × columns of the plain mode: rowBegin … rowEnd − 1, columnBegin … columnEnd − 1.
static void runRows(Frame* f, const View* views, int64_t rowBegin, int64_t rowEnd, int64_t columnBegin, int64_t columnEnd) {
  const BlockPlan* p = f->plan;
  int64_t width = columnEnd - columnBegin, block = p->block;
  openRow(f, views, rowBegin);
  for (int64_t row = rowBegin; row < rowEnd; row++) {
    splatRow(f, views, width < block ? width : block);
    for (int64_t column = columnBegin; column < columnEnd; column += block)
      runBlock(f, views, column, columnEnd - column < block ? columnEnd - column : block, 0);
    if (row + 1 < rowEnd) nextRow(f);
  }
}

// The same by tiles: transposed operands are loaded for TILE_ROWS rows at once. Rows beyond the end of the tile axis
// start a new tile.
static void runTiles(Frame* f, const View* views, int64_t rowBegin, int64_t rowEnd, int64_t columnBegin, int64_t columnEnd) {
  const BlockPlan* p = f->plan;
  int32_t inner = p->geometry.rank - 1, axis = p->tileAxis;
  for (int64_t row = rowBegin; row < rowEnd;) {
    openRow(f, views, row);
    int64_t height = f->dims[axis] - f->index[axis];
    if (height > TILE_ROWS) height = TILE_ROWS;
    if (height > rowEnd - row) height = rowEnd - row;
    if (p->isTransposition) {
      const int64_t* s = p->strides;
      transposeWords(f->addresses[1] + columnBegin * 4, s[MAX_RANK + axis], f->addresses[0] + columnBegin * s[inner], s[inner],
                     height, columnEnd - columnBegin, p->operands[1].mode == STORE_STREAM, (int32_t*)(f->memory + p->operands[0].place));
      row += height;
      continue;
    }
    for (int64_t column = columnBegin; column < columnEnd; column += p->block) {
      int64_t n = columnEnd - column < p->block ? columnEnd - column : p->block;
      if (column != columnBegin) openRow(f, views, row);
      for (int32_t v = 0; v < p->loads; v++) {
        const Operand& o = p->operands[v];
        if (o.mode != OPERAND_TILE) continue;
        int64_t stride = p->strides[v * MAX_RANK + inner];
        if (p->totalBytes > SECOND_LEVEL_CACHE && columnEnd - column >= 2 * p->block)
          prefetchTile(f->addresses[v] + (column + p->block) * stride, stride, height, p->block);
        transposeTile((int32_t*)(f->memory + o.place), p->registerPitch / 4, f->addresses[v] + column * stride, stride, height, n);
      }
      for (int32_t r = 0; r < height; r++) {
        splatRow(f, views, n);
        runBlock(f, views, column, n, r);
        if (r + 1 < height) nextRow(f);
      }
    }
    row += height;
  }
}

// ---- Short rows ------------------------------------------------------------------------------------------------

// Rows of a load that is not contiguous across them, one after the other into its register. Runs of rows along the
// last outer axis are taken together.
static void loadShortRows(Frame* f, const View* views, int32_t v, int64_t count) {
  const BlockPlan* p = f->plan;
  const Operand& o = p->operands[v];
  int32_t inner = p->geometry.rank - 1;
  const int64_t* s = p->strides + v * MAX_RANK;
  int64_t row = f->dims[inner], stride = s[inner], down = s[inner - 1], index[MAX_RANK];
  for (int32_t d = 0; d < inner; d++) index[d] = f->index[d];
  const uint8_t* at = f->addresses[v];
  int32_t* to = (int32_t*)(f->memory + o.place);
  bool generated = views[v].buffer == -1, words = !generated && elementSize(o.dtype) == 4;
  while (count > 0) {
    int64_t rows = f->dims[inner - 1] - index[inner - 1];
    if (rows > count) rows = count;
    if (generated) {
      for (int64_t r = 0; r < rows; r++) generateLanes(to + r * row, (int32_t)(intptr_t)(at + r * down), (int32_t)stride, row);
    } else if (words && stride == 0) {
      for (int64_t r = 0; r < rows; r++) fillLanes(to + r * row, *(const int32_t*)(at + r * down), row);
    } else if (words && stride == 4) {
      for (int64_t r = 0; r < rows; r++) {
        const int32_t* from = (const int32_t*)(at + r * down);
        for (int64_t j = 0; j < row; j += LANES)
          store(to + r * row + j, row - j < LANES ? loadPartial(from + j, (int)(row - j)) : load(from + j));
      }
    } else if (words) {
      for (int64_t j = 0; j < row; j++)
        for (int64_t r = 0; r < rows; r++) to[r * row + j] = *(const int32_t*)(at + r * down + j * stride);
    } else {
      for (int64_t j = 0; j < row; j++)
        for (int64_t r = 0; r < rows; r++) to[r * row + j] = at[r * down + j * stride];
    }
    count -= rows;
    to += rows * row;
    at += (rows - 1) * down;
    index[inner - 1] += rows - 1;
    for (int32_t d = inner - 1; d >= 0; d--) {
      at += s[d];
      if (++index[d] < f->dims[d]) break;
      index[d] = 0;
      at -= f->dims[d] * s[d];
    }
  }
}
static void storeShortRows(Frame* f, int32_t v, const int32_t* from, int64_t count) {
  const BlockPlan* p = f->plan;
  int32_t inner = p->geometry.rank - 1;
  const int64_t* s = p->strides + v * MAX_RANK;
  int64_t row = f->dims[inner], index[MAX_RANK];
  for (int32_t d = 0; d < inner; d++) index[d] = f->index[d];
  uint8_t* at = f->addresses[v];
  for (int64_t r = 0; r < count; r++, from += row) {
    storeLanes(at, p->operands[v].dtype, s[inner], from, row);
    for (int32_t d = inner - 1; d >= 0; d--) {
      at += s[d];
      if (++index[d] < f->dims[d]) break;
      index[d] = 0;
      at -= f->dims[d] * s[d];
    }
  }
}

// Evaluates `count` ≤ shortRows whole rows from row `row` on.
static void runShortBlock(Frame* f, const View* views, int64_t row, int64_t count) {
  const BlockPlan* p = f->plan;
  int64_t n = count * f->dims[p->geometry.rank - 1];
  openRow(f, views, row);
  for (int32_t v = 0; v < p->loads; v++) {
    const Operand& o = p->operands[v];
    if (o.mode == OPERAND_IN_PLACE) f->slots[o.value] = f->addresses[v];
    else if (o.mode != OPERAND_ROW) continue;
    else if (o.isFlat) loadLanes((int32_t*)(f->memory + o.place), o.dtype, f->addresses[v], elementSize(o.dtype), n);
    else loadShortRows(f, views, v, count);
  }
  for (int32_t v = p->loads; v < p->views; v++)
    if (p->operands[v].mode == STORE_STRAIGHT) f->slots[p->operands[v].value] = f->addresses[v];
  runExpression(&p->expression, f->slots, n);
  for (int32_t v = p->loads; v < p->views; v++) {
    const Operand& o = p->operands[v];
    if (o.mode == STORE_STRAIGHT) continue;
    const int32_t* from = (const int32_t*)f->slots[o.value];
    if (o.mode == STORE_STREAM) streamWords((int32_t*)f->addresses[v], from, n);
    else if (o.isFlat) storeLanes(f->addresses[v], o.dtype, elementSize(o.dtype), from, n);
    else storeShortRows(f, v, from, count);
  }
}
static void runShortRows(Frame* f, const View* views, int64_t rowBegin, int64_t rowEnd) {
  int64_t step = f->plan->shortRows;
  for (int64_t row = rowBegin; row < rowEnd; row += step)
    runShortBlock(f, views, row, rowEnd - row < step ? rowEnd - row : step);
}

INLINE void runAny(Frame* f, const View* views, int64_t rowBegin, int64_t rowEnd, int64_t columnBegin, int64_t columnEnd) {
  if (f->plan->shortRows) runShortRows(f, views, rowBegin, rowEnd);
  else if (f->plan->tileAxis >= 0) runTiles(f, views, rowBegin, rowEnd, columnBegin, columnEnd);
  else runRows(f, views, rowBegin, rowEnd, columnBegin, columnEnd);
}
