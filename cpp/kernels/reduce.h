// "reduce": an expression, reduced over some axes, then an expression of the result (encoding in kernel.h; the engine of
// both expressions is blocks.h, the accumulators are accumulate.h).
//
// Bound: read bandwidth.
//
// Two ways, by the layout of the largest operand:
//   rows     the reduced axes are innermost. Blocks are folded into one vector per output; 16 outputs are finished
//            together. A chunk is a group of outputs, or, where outputs are few and rows long, a piece of one.
//   columns  a kept axis is innermost. Rows are added to a strip of accumulators in L1. A chunk is a strip (several, where
//            there is little to do), or, where strips are few and long, a piece of some rows of one.
// Pieces leave their results in the shared scratch; a second phase combines them in order. Sums stay accurate because they
// are made in levels (lanes, blocks, pieces), none of which is long. All cuts are functions of the shape.
//
// Measured on a Zen 5 core (L2 1 MB, shared L3) of a busy machine: processor time of one thread, best of many; a loop
// that only reads 64 MB took 1.87 ms (36 GB/s) in the same run. Below 70 % of it: argMax along columns, outputs of two
// elements each:
//                                AVX2                 AVX-512
//   all of 16 Mi                 1.4 ms, 48 GB/s      1.24 ms, 54 GB/s
//   rows of 4096 × 4096          1.7 ms, 39 GB/s      1.5 ms, 45 GB/s
//   columns of 4096 × 4096       1.7 ms, 39 GB/s      1.9 ms, 35 GB/s
//   argMax, rows / columns       2.1 / 5.4 ms         2.1 / 4.9 ms
//   rows of 60000 × 10           50 µs                43 µs
//   columns of 60000 × 10        30 µs                29 µs
//   rows of 4 Mi × 2             2.8 ms, 12 GB/s      2.6 ms, 13 GB/s
//   columns of 32 × 128          0.47 µs              0.29 µs
//   256 elements                 50 ns                50 ns
// Two threads reach 66–82 GB/s on the large ones.
#pragma once
#include "blocks.h"
#include "reduce_plan.h"

// ---- Epilogue --------------------------------------------------------------------------------------------------

struct ReduceThread {
  Frame prologue, epilogue;
  int32_t *values, *indices;            // OUTPUT_BUFFER each, with slack
  int32_t *sums, *laterValues, *laterIndices;  // strips
};

static void openReduction(ReduceThread* t, const Reduction& r, Thread* thread) {
  const ReducePlan* plan = r.plan;
  openFrame(&t->prologue, &plan->prologue, r.views, thread->scratch, plan->prologue.block);
  openFrame(&t->epilogue, &plan->epilogue, r.outputs, thread->scratch + plan->epilogueScratch, plan->epilogue.block);
  int32_t* at = (int32_t*)(thread->scratch + plan->buffers);
  const int64_t pitch = OUTPUT_BUFFER + 64;
  t->values = at;
  t->indices = at + pitch;
  t->sums = at + 2 * pitch;
  t->laterValues = at + 3 * pitch;
  t->laterIndices = at + 4 * pitch;
}

// Stores `count` results from `values` as the outputs `first` and following.
static void finishOutputs(ReduceThread* t, const Reduction& r, int32_t* values, int64_t first, int64_t count) {
  Frame* f = &t->epilogue;
  const BlockPlan* p = f->plan;
  int64_t width = f->dims[p->geometry.rank - 1];
  while (count > 0) {
    int64_t row = first / width, column = first % width, n = width - column;
    if (n > count) n = count;
    openRow(f, r.outputs, row);
    splatRow(f, r.outputs, n < p->block ? n : p->block);
    for (int64_t done = 0; done < n; done += p->block) {
      f->slots[0] = values + done;
      runBlock(f, r.outputs, column + done, n - done < p->block ? n - done : p->block, 0);
    }
    values += n;
    first += n;
    count -= n;
  }
}

// ---- Rows ------------------------------------------------------------------------------------------------------

// Rows rowBegin … rowEnd − 1 (columns columnBegin … columnEnd − 1) into one accumulator. For an index there is one row.
static void feedRows(ReduceThread* t, const Reduction& r, Accumulator* accumulator, int64_t rowBegin, int64_t rowEnd,
                     int64_t columnBegin, int64_t columnEnd) {
  Frame* f = &t->prologue;
  const BlockPlan* p = f->plan;
  int32_t result = p->expression.resultIds[0];
  if (p->shortRows) {
    for (int64_t row = rowBegin; row < rowEnd; row += p->shortRows) {
      int64_t count = rowEnd - row < p->shortRows ? rowEnd - row : p->shortRows;
      runShortBlock(f, r.views, row, count);
      r.ops->feed(accumulator, (const int32_t*)f->slots[result], count * r.inner, 0);
    }
    return;
  }
  int64_t width = columnEnd - columnBegin, block = p->block;
  if (rowBegin < rowEnd) openRow(f, r.views, rowBegin);
  for (int64_t row = rowBegin; row < rowEnd; row++) {
    splatRow(f, r.views, width < block ? width : block);
    for (int64_t column = columnBegin; column < columnEnd; column += block) {
      int64_t n = columnEnd - column < block ? columnEnd - column : block;
      runBlock(f, r.views, column, n, 0);
      r.ops->feed(accumulator, (const int32_t*)f->slots[result], n, (int32_t)column);
    }
    if (row + 1 < rowEnd) nextRow(f);
  }
}

// Outputs in order; LANES accumulators are finished together, OUTPUT_BUFFER results go to the epilogue together.
struct Pending {
  Accumulator accumulators[LANES];
  int32_t count;
  int64_t buffered, first;  // results in t->values, number of the first of them
};
static void flushPending(ReduceThread* t, const Reduction& r, Pending* pending, bool all) {
  if (pending->count) {
    r.ops->finish(pending->accumulators, pending->count, t->values + pending->buffered, t->indices + pending->buffered);
    pending->buffered += pending->count;
    pending->count = 0;
  }
  if (pending->buffered && (all || pending->buffered + LANES > OUTPUT_BUFFER)) {
    finishOutputs(t, r, r.plan->isIndex ? t->indices : t->values, pending->first, pending->buffered);
    pending->first += pending->buffered;
    pending->buffered = 0;
  }
}

static void reduceRows(ReduceThread* t, const Reduction& r, int64_t begin, int64_t end) {
  Frame* f = &t->prologue;
  const BlockPlan* p = f->plan;
  Pending pending;
  pending.count = 0;
  pending.buffered = 0;
  pending.first = begin;
  int64_t length = r.rows * r.inner;
  if (!p->shortRows || length == 0 || r.rows > p->shortRows) {
    for (int64_t output = begin; output < end; output++) {
      Accumulator* accumulator = pending.accumulators + pending.count;
      r.ops->start(accumulator);
      if (length) feedRows(t, r, accumulator, output * r.rows, (output + 1) * r.rows, 0, r.inner);
      if (++pending.count == LANES) flushPending(t, r, &pending, false);
    }
  } else {
    // Several outputs to a block.
    int64_t perBlock = p->shortRows / r.rows;
    int32_t result = p->expression.resultIds[0];
    for (int64_t output = begin; output < end; output += perBlock) {
      int64_t count = end - output < perBlock ? end - output : perBlock;
      runShortBlock(f, r.views, output * r.rows, count * r.rows);
      const int32_t* x = (const int32_t*)f->slots[result];
      while (length <= SHORT_SEGMENT && count > 0) {
        int32_t n = count < LANES ? (int32_t)count : LANES;
        r.ops->shortSegments(t->values + pending.buffered, t->indices + pending.buffered, x, length, n, count * length);
        pending.buffered += n;
        x += n * length;
        count -= n;
        if (pending.buffered + LANES > OUTPUT_BUFFER) flushPending(t, r, &pending, false);
      }
      while (count > 0) {
        int32_t n = LANES - pending.count < count ? LANES - pending.count : (int32_t)count;
        r.ops->segments(pending.accumulators + pending.count, x, length, n);
        pending.count += n;
        x += n * length;
        count -= n;
        if (pending.count == LANES) flushPending(t, r, &pending, false);
      }
    }
  }
  flushPending(t, r, &pending, true);
}

// ---- Columns ---------------------------------------------------------------------------------------------------

// Rows begin … end − 1 of a strip of columns into value (and index); they are numbered within their outer index.
static void reduceColumns(ReduceThread* t, const Reduction& r, int64_t outer, int64_t begin, int64_t end, int64_t column,
                          int64_t width, int32_t* value, int32_t* index) {
  Frame* f = &t->prologue;
  const BlockPlan* p = f->plan;
  int32_t result = p->expression.resultIds[0];
  bool levels = r.plan->op == REDUCE_SUM && r.plan->type == 0;
  int64_t row = outer * r.rows;
  if (p->shortRows) {
    int64_t step = p->shortRows < end - begin ? p->shortRows : end - begin;  // rows side by side in the accumulators
    if (step < 1) step = 1;
    int64_t n = step * r.inner;
    int32_t* sums = levels ? t->sums : t->laterValues;
    r.ops->fill(sums, t->laterIndices, n);
    if (levels) r.ops->fill(t->laterValues, nullptr, n);
    int32_t unflushed = 0;
    for (int64_t at = begin; at < end; at += step) {
      int64_t count = end - at < step ? end - at : step;
      runShortBlock(f, r.views, row + at, count);
      r.ops->accumulate(sums, t->laterIndices, (const int32_t*)f->slots[result], count * r.inner, (int32_t)at);
      if (levels && ++unflushed == FLUSH_ROWS) {
        r.ops->merge(t->laterValues, nullptr, sums, nullptr, n);
        r.ops->fill(sums, nullptr, n);
        unflushed = 0;
      }
    }
    if (levels) r.ops->merge(t->laterValues, nullptr, sums, nullptr, n);
    if (r.plan->isIndex) {  // the row a block began with → the row
      for (int64_t k = 1; k < step; k++)
        for (int64_t j = 0; j < r.inner; j++)
          if (t->laterIndices[k * r.inner + j] != NO_INDEX) t->laterIndices[k * r.inner + j] += (int32_t)k;
    }
    // Halving: the second half of the rows is added to the first.
    for (int64_t k = step; k > 1;) {
      int64_t half = (k + 1) / 2;
      r.ops->merge(t->laterValues, t->laterIndices, t->laterValues + half * r.inner, t->laterIndices + half * r.inner, (k - half) * r.inner);
      k = half;
    }
    copyWords(value, t->laterValues, r.inner);
    if (r.plan->isIndex) copyWords(index, t->laterIndices, r.inner);
    return;
  }
  int32_t* sums = levels ? t->sums : value;
  r.ops->fill(value, index, width);
  if (levels) r.ops->fill(sums, nullptr, width);
  if (begin >= end) return;
  openRow(f, r.views, row + begin);
  int64_t block = p->block;
  int32_t unflushed = 0;
  for (int64_t at = begin; at < end; at++) {
    splatRow(f, r.views, width < block ? width : block);
    for (int64_t done = 0; done < width; done += block) {
      int64_t n = width - done < block ? width - done : block;
      runBlock(f, r.views, column + done, n, 0);
      r.ops->accumulate(sums + done, index + done, (const int32_t*)f->slots[result], n, (int32_t)at);
    }
    if (levels && ++unflushed == FLUSH_ROWS) {
      r.ops->merge(value, nullptr, sums, nullptr, width);
      r.ops->fill(sums, nullptr, width);
      unflushed = 0;
    }
    if (at + 1 < end) nextRow(f);
  }
  if (levels && unflushed) r.ops->merge(value, nullptr, sums, nullptr, width);
}

// ---- Run -------------------------------------------------------------------------------------------------------

INLINE void combinePieces(ReduceThread* t, const Reduction& r, const int32_t* partialValues, const int32_t* partialIndices,
                          int64_t chunk) {
  if (r.plan->isColumns) {
    int64_t perOuter = divideUp(r.inner, COMBINE_COLUMNS), outer = chunk / perOuter, column = chunk % perOuter * COMBINE_COLUMNS;
    int64_t n = r.inner - column < COMBINE_COLUMNS ? r.inner - column : COMBINE_COLUMNS;
    int64_t at = outer * r.pieces * r.inner + column;
    copyWords(t->values, partialValues + at, n);
    if (r.plan->isIndex) copyWords(t->indices, partialIndices + at, n);
    for (int64_t piece = 1; piece < r.pieces; piece++) {
      at += r.inner;
      r.ops->merge(t->values, t->indices, partialValues + at, partialIndices + at, n);
    }
    finishOutputs(t, r, r.plan->isIndex ? t->indices : t->values, outer * r.inner + column, n);
    return;
  }
  int64_t begin = chunk * OUTPUT_BUFFER, end = begin + OUTPUT_BUFFER < r.units ? begin + OUTPUT_BUFFER : r.units;
  for (int64_t output = begin; output < end; output++) {
    const int32_t* values = partialValues + output * r.pieces;
    if (r.plan->isIndex) {
      const int32_t* indices = partialIndices + output * r.pieces;
      t->values[output - begin] = values[0];
      t->indices[output - begin] = indices[0];
      for (int64_t piece = 1; piece < r.pieces; piece++)
        r.ops->merge(t->values + output - begin, t->indices + output - begin, values + piece, indices + piece, 1);
    } else {
      Accumulator accumulator;
      r.ops->start(&accumulator);
      r.ops->feed(&accumulator, values, r.pieces, 0);
      r.ops->finish(&accumulator, 1, t->values + output - begin, nullptr);
    }
  }
  finishOutputs(t, r, r.plan->isIndex ? t->indices : t->values, begin, end - begin);
}

static void reduceRun(const StepArgs* a, int32_t phase, int64_t begin, int64_t end, Thread* thread) {
  Reduction r = reductionOf(a);
  const ReducePlan* plan = r.plan;
  ReduceThread t;
  openReduction(&t, r, thread);
  int64_t partials = r.units * r.pieces;
  if (plan->isColumns) partials = r.outer * r.pieces * r.inner;
  int32_t* partialValues = (int32_t*)a->scratch;
  int32_t* partialIndices = partialValues + partials;
  for (int64_t chunk = begin; chunk < end; chunk++) {
    if (phase == 1) {
      combinePieces(&t, r, partialValues, partialIndices, chunk);
    } else if (plan->isSplit && plan->isColumns) {
      int64_t strip = chunk % r.strips, piece = chunk / r.strips % r.pieces, outer = chunk / r.strips / r.pieces;
      int64_t column = strip * STRIP, width = r.inner - column < STRIP || plan->prologue.shortRows ? r.inner - column : STRIP;
      int64_t row = piece * plan->pieceRows, last = row + plan->pieceRows < r.rows ? row + plan->pieceRows : r.rows;
      reduceColumns(&t, r, outer, row, last, column, width, t.values, t.indices);
      int64_t at = (outer * r.pieces + piece) * r.inner + column;
      copyWords(partialValues + at, t.values, width);
      if (plan->isIndex) copyWords(partialIndices + at, t.indices, width);
    } else if (plan->isSplit) {
      int64_t output = chunk / r.pieces, piece = chunk % r.pieces, across = r.inner > 0 ? divideUp(r.inner, plan->pieceColumns) : 1;
      int64_t row = piece / across * plan->pieceRows, last = row + plan->pieceRows < r.rows ? row + plan->pieceRows : r.rows;
      int64_t column = piece % across * plan->pieceColumns, lastColumn = column + plan->pieceColumns;
      if (lastColumn > r.inner) lastColumn = r.inner;
      Accumulator accumulator;
      int32_t value[LANES], index[LANES];
      r.ops->start(&accumulator);
      feedRows(&t, r, &accumulator, output * r.rows + row, output * r.rows + last, column, lastColumn);
      r.ops->finish(&accumulator, 1, value, index);
      partialValues[chunk] = value[0];
      if (plan->isIndex) partialIndices[chunk] = index[0];
    } else if (plan->isColumns) {
      int64_t unit = chunk * plan->unitsPerChunk, last = unit + plan->unitsPerChunk;
      if (last > r.units) last = r.units;
      for (; unit < last; unit++) {
        int64_t outer = unit / r.strips, column = unit % r.strips * STRIP;
        int64_t width = r.inner - column < STRIP || plan->prologue.shortRows ? r.inner - column : STRIP;
        reduceColumns(&t, r, outer, 0, r.rows, column, width, t.values, t.indices);
        finishOutputs(&t, r, plan->isIndex ? t.indices : t.values, outer * r.inner + column, width);
      }
    } else {
      int64_t first = chunk * plan->unitsPerChunk, last = first + plan->unitsPerChunk;
      reduceRows(&t, r, first, last < r.units ? last : r.units);
    }
  }
  if (plan->epilogue.streams) streamFence();
}

static constexpr Kernel reduce_kernel = {"reduce",     reducePlanBytes, reducePrepare, reduceScratchBytes,
                                         reducePhases, reduceChunks,    reduceRun,       reduceVerify};
