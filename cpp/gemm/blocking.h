// How a product is cut into chunks: a function of sizes and strides only, so that every number of threads gives the
// same bits. A chunk is a range of batches × rows × panels of columns × blocks of depth.
//
// Scratch of the step: the packed b, then one partial c per depth chunk (only where depth is cut).
#pragma once
#include "microkernel.h"
#include "problem.h"

namespace gemm {

INLINE int64_t smaller(int64_t a, int64_t b) { return a < b ? a : b; }
INLINE int64_t larger(int64_t a, int64_t b) { return a > b ? a : b; }
INLINE int64_t ceilDivide(int64_t a, int64_t b) { return (a + b - 1) / b; }
// Start of part i of n equal parts; part i ends where part i + 1 starts.
INLINE int64_t partStart(int64_t length, int64_t parts, int64_t i) { return length * i / parts; }
INLINE int64_t powerOfTwoAtMost(int64_t n) {
  int64_t power = 1;
  while (power * 2 <= n) power *= 2;
  return power;
}

enum Form : int32_t { TILES = 0, VECTOR_ROWS = 1, VECTOR_DOTS = 2 };

struct Blocking {
  Form form;
  bool packLeft, packRight, shareRight;      // shareRight: b is packed once, in a phase of its own
  int64_t vectors, width, panels;            // of the tile; width = vectors · LANES
  int64_t batchChunks, rowChunks, columnChunks, depthChunks, blocksPerChunk;
  int64_t rightBatches, packGroups, packChunks;
  int64_t combineRows, combineColumns;       // parts of one batch in the phase that adds the partials
  int64_t depthBlock, rowBlock, panelGroup;  // most steps of depth, rows per pass of a panel, panels per pass of a tile
  bool stream;                               // b comes from memory: small depth blocks, the next one fetched meanwhile
  int64_t partialOffset, partialRow;         // in floats
};

// Up to 8 chunks of 2 MFLOP (8 µs at 260 GFLOP/s) or 128 KB (3 µs from memory): handing out smaller ones costs more than
// balance gains. More only where each still has 64 MFLOP: high and wide regions use often what they load into the caches
// (512³: 8 chunks of 64 rows 497 GFLOP/s, 32 chunks of 64 × 128 480).
static const int64_t CHUNK_FLOPS = 1 << 21, CHUNK_FLOATS = 1 << 15, LARGE_CHUNK_FLOPS = 1 << 26;
static const int64_t FEW_CHUNKS = 8, MAXIMUM_CHUNKS = 32;
static const int64_t LEAST_ROWS = 32, LARGE_ROWS = 64, LEAST_COLUMNS = 128;  // of a chunk

// Depth is cut where c is small beside b: a partial c costs a store and a load per element.
static const int64_t THIN_ROWS = 64, LONG_RATIO = 4, LEAST_DEPTH = 128;
static const int64_t PARTIAL_LIMIT = 1 << 20;  // floats of all partials

// A stream keeps 256 KB of b's rows in L2 and fetches as many ahead, at least 16 rows (8 × 4096 × 4096: 2.1 ms on one
// thread with 16 rows ahead, 3.3 without fetching ahead, 5.4 with panels of 256 rows).
static const int64_t STREAM_FLOATS = 1 << 16, STREAM_DEPTH = 16, STREAM_COLUMNS = 1024;

static const int64_t PAGE_FLOATS = 1024;
static const int64_t MANY_ROWS = 1024;

static int64_t wantedChunks(const Problem& p) {
  double flops = 2.0 * (double)p.rows * (double)p.columns * (double)p.depth * (double)p.batches;
  double numbers = (double)p.batches * ((double)(p.rows + p.columns) * (double)p.depth + (double)p.rows * (double)p.columns);
  double few = flops * 1.5 / (double)CHUNK_FLOPS, many = flops / (double)LARGE_CHUNK_FLOPS;
  if (few < numbers / (double)CHUNK_FLOATS) few = numbers / (double)CHUNK_FLOATS;
  if (few > (double)FEW_CHUNKS) few = (double)FEW_CHUNKS;
  if (many > (double)MAXIMUM_CHUNKS) many = (double)MAXIMUM_CHUNKS;
  return powerOfTwoAtMost(larger(1, (int64_t)(few > many ? few : many)));
}

// Rows of a power of two share one set of the cache; a spare line apart they do not.
INLINE int64_t partialRow(int64_t columns) { return columns < 256 ? columns : columns + 2 * 16; }

static int64_t depthCuts(const Problem& p, int64_t wanted) {
  int64_t outputs = p.rows * partialRow(p.columns) * p.batches;
  int64_t most = smaller(p.depth / LEAST_DEPTH, PARTIAL_LIMIT / outputs);
  return most < 2 ? 1 : smaller(wanted, powerOfTwoAtMost(most));
}

// How many parts of at least `least` the length gives, of those wanted.
INLINE int64_t cuts(int64_t length, int64_t least, int64_t wanted) {
  return powerOfTwoAtMost(larger(1, smaller(wanted, length / least)));
}

// Thin: few rows of c, b is read once. Long: the sums are so deep that c is small beside a and b (kernel gradients).
// Both are cut into ranges of depth, so that a thread reads its own rows of b from end to end.
INLINE bool isThin(const Problem& p) { return p.rows <= THIN_ROWS && p.b.column == 1; }
INLINE bool isLong(const Problem& p) { return p.depth >= LONG_RATIO * (p.rows + p.columns); }

// Where rows of b are not contiguous and c has few rows, a chunk owns columns and packs their panels for itself: what one
// thread packs for another comes out of the other's cache (twice the time of packing on one thread).
INLINE bool packsOwnPanels(const Problem& p) { return p.b.column != 1 && p.rows <= MANY_ROWS / 2 && !isLong(p); }

static void cutOneBatch(Blocking& blocking, const Problem& p, int64_t wanted) {
  if (isThin(p) || isLong(p)) blocking.depthChunks = depthCuts(p, wanted);
  if (blocking.depthChunks >= FEW_CHUNKS) return;
  wanted /= blocking.depthChunks;
  if (packsOwnPanels(p)) {
    blocking.columnChunks = cuts(p.columns, LEAST_COLUMNS / 2, wanted);
    wanted /= blocking.columnChunks;
    blocking.rowChunks = cuts(p.rows, LEAST_ROWS, wanted);
    return;
  }
  if (!isThin(p)) blocking.rowChunks = cuts(p.rows, wanted > FEW_CHUNKS ? LARGE_ROWS : LEAST_ROWS, wanted);
  wanted /= blocking.rowChunks;
  blocking.columnChunks = cuts(p.columns, isThin(p) && blocking.depthChunks > 1 ? STREAM_COLUMNS : LEAST_COLUMNS, wanted);
  wanted /= blocking.columnChunks;
  if (wanted > 1 && blocking.depthChunks == 1) blocking.depthChunks = depthCuts(p, wanted);
}

static Form chooseForm(const Problem& p) {
  if (p.rows != 1) return TILES;
  bool alongDepth = p.b.row == 1 && (p.b.column != 1 || p.columns == 1);
  return alongDepth ? VECTOR_DOTS : VECTOR_ROWS;
}

// b must be packed where its rows are not contiguous; else packing pays only beyond the cache. a is read in place unless
// its rows lie a page or more apart: then packing is worth 1 %. A stream packs it to keep its few lines apart in L1.
static void choosePacking(Blocking& blocking, const Problem& p) {
  blocking.packLeft = blocking.packRight = blocking.shareRight = blocking.stream = false;
  if (blocking.form != TILES) return;
  int64_t inPlace = p.rows >= MANY_ROWS ? IN_PLACE_FLOATS / 4 : IN_PLACE_FLOATS;
  bool large = p.rows >= PACKED_ROWS && p.depth * p.columns > inPlace;
  blocking.packRight = p.b.column != 1 || (large && !isLong(p));
  blocking.shareRight = blocking.packRight && blocking.rowChunks > 1 && !packsOwnPanels(p);
  blocking.stream = !blocking.packRight && p.depth * p.columns > STREAM_FLOATS && (p.rows < PACKED_ROWS || isLong(p));
  bool usable = p.a.column == 1 || p.a.row == 1;
  int64_t columns = p.columns / blocking.columnChunks;
  bool apart = p.a.column == 1 ? p.a.row >= PAGE_FLOATS : APART_FLOATS > 0 && p.a.column >= APART_FLOATS;
  bool repaid = apart && p.rows >= TILE_ROWS && columns >= 2 * LEAST_COLUMNS;
  if (packsOwnPanels(p)) repaid = false;  // other chunks read the same rows
  blocking.packLeft = !usable || repaid || (blocking.stream && columns >= LEAST_COLUMNS);
}

// False only if no length up to those of p makes several chunks share a packed b. (Batches may become rows.)
INLINE bool mayShareRight(const Problem& p) {
  int64_t rows = p.rows * p.batches;
  if (rows < 2 * LEAST_ROWS) return false;
  return p.b.column != 1 || (rows >= PACKED_ROWS && p.depth * p.columns > IN_PLACE_FLOATS / 4);
}

// A thin product reads b once, so the block need not stay for the next rows: few rows of b at a time are few streams
// for the memory, and the next block arrives in L2 meanwhile. Else half of the panel of b fills L1, all of it if packed.
static void chooseDepthBlock(Blocking& blocking, const Problem& p) {
  blocking.depthBlock = blocking.shareRight ? DEPTH_BLOCK : DEPTH_BLOCK / 2;
  blocking.panelGroup = 1;
  blocking.rowBlock = blocking.packLeft ? (int64_t)ROW_BLOCK * DEPTH_BLOCK / blocking.depthBlock : MANY_ROWS / 2;
  if (!blocking.stream) return;
  int64_t columns = ceilDivide(p.columns, blocking.columnChunks);
  // Rows a power of two apart share few sets of L2: where a chunk reads a part of each, fewer rows fit.
  int64_t apart = p.b.row < 0 ? -p.b.row : p.b.row;
  int64_t fitting = smaller(STREAM_FLOATS / columns, 2 * STREAM_FLOATS / larger(1, apart));
  blocking.depthBlock = larger(STREAM_DEPTH, smaller(DEPTH_BLOCK / 2, fitting));
  blocking.panelGroup = p.rows <= maximumRows(blocking.vectors) ? blocking.panels : 4;
}

static void cutCombine(Blocking& blocking, const Problem& p) {
  int64_t parts = larger(1, p.rows * p.columns / 2048);
  blocking.combineRows = smaller(p.rows, parts);
  blocking.combineColumns = p.rows == 1 ? smaller(parts, 8) : 1;
}

static Blocking chooseBlocking(const Problem& p) {
  Blocking blocking;
  blocking.form = chooseForm(p);
  int64_t needed = ceilDivide(p.columns, LANES);
  bool wide = p.rows <= WIDE_ROWS && needed > TILE_VECTORS;
  blocking.vectors = larger(1, smaller(needed, wide ? WIDE_VECTORS : TILE_VECTORS));
  blocking.width = blocking.vectors * LANES;
  blocking.panels = ceilDivide(p.columns, blocking.width);
  blocking.rowChunks = blocking.columnChunks = blocking.depthChunks = 1;
  blocking.combineRows = blocking.combineColumns = 0;
  int64_t wanted = wantedChunks(p);
  bool manyBatches = p.batches >= wanted;
  int64_t each = 2 * p.rows * p.columns * p.depth;
  blocking.batchChunks = manyBatches && each < CHUNK_FLOPS ? wanted : p.batches;
  if (p.batches > 0 && !manyBatches) cutOneBatch(blocking, p, powerOfTwoAtMost(ceilDivide(wanted, p.batches)));
  choosePacking(blocking, p);
  chooseDepthBlock(blocking, p);
  blocking.blocksPerChunk = larger(1, ceilDivide(p.depth, blocking.depthBlock * blocking.depthChunks));

  bool broadcast = true;
  for (int d = 0; d < p.batchRank; d++) broadcast = broadcast && p.b.batch[d] == 0;
  blocking.rightBatches = broadcast ? smaller(1, p.batches) : p.batches;
  blocking.packGroups = smaller(blocking.panels, 8);
  int64_t blocks = blocking.blocksPerChunk * blocking.depthChunks;
  blocking.packChunks = blocking.shareRight ? blocking.rightBatches * blocks * blocking.packGroups : 0;
  int64_t packed = blocking.shareRight ? blocking.rightBatches * p.depth * blocking.panels * blocking.width : 0;
  blocking.partialOffset = (packed + 63) / 64 * 64;
  blocking.partialRow = partialRow(p.columns);
  if (blocking.depthChunks > 1) cutCombine(blocking, p);
  return blocking;
}

}  // namespace gemm
