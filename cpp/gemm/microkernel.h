// The register tile: c[R, C vectors] (+)= a[R, depth] · b[depth, C vectors].
//
// Bound: floating-point operations. Per step of depth it loads C vectors of b, broadcasts R numbers of a and does
// R·C multiply-adds. Rows of a are read in place, either along their rows (ALONG_ROWS: a[r·stride + k]) or along
// columns (ALONG_COLUMNS: a[k·stride + r]), which is also how packed blocks of a lie.
//
// Every loop over the accumulators carries an unroll pragma: without it g++ keeps them in memory (a store per
// multiply-add). The functions stay out of line, else V8's register allocator spills in the surrounding loops.
#pragma once
#include "parameters.h"

#if defined(__clang__)
#define GEMM_UNROLL _Pragma("clang loop unroll(full)")
#else
#define GEMM_UNROLL _Pragma("GCC unroll 16")
#endif

namespace gemm {

// WebAssembly has no prefetch; elsewhere lines of 64 bytes arrive in L2 before their turn.
#if SIMD_WASM
#define GEMM_PREFETCH(p) ((void)(p))
#else
#define GEMM_PREFETCH(p) prefetch2(p)
#endif

enum { LINE_VECTORS = 16 / LANES };  // vectors in a cache line of 64 bytes

enum Direction : int32_t { ALONG_ROWS = 0, ALONG_COLUMNS = 1 };

// R rows of a against `panels` panels of b, each C vectors wide and panelStep floats behind the one before.
struct TileCall {
  const float* a;
  int64_t aStride;
  const float* b;
  int64_t bStride, panelStep, panels;
  int64_t ahead;  // distance in floats from a line of b to the one that is fetched meanwhile; 0 = none
  int64_t depth;
  float* c;
  int64_t cStride;
  bool accumulate;
};
typedef void (*TileFunction)(const TileCall& call);

template <int R, int C>
INLINE void storeTile(const vf (&sum)[R][C], float* c, int64_t cStride, bool accumulate) {
  if (accumulate) {
    GEMM_UNROLL for (int r = 0; r < R; r++)
      GEMM_UNROLL for (int v = 0; v < C; v++) {
        float* to = c + r * cStride + v * LANES;
        store(to, load(to) + sum[r][v]);
      }
  } else {
    GEMM_UNROLL for (int r = 0; r < R; r++)
      GEMM_UNROLL for (int v = 0; v < C; v++) store(c + r * cStride + v * LANES, sum[r][v]);
  }
}

// Where a tile stands in a and b. One pointer per three rows (p, p + s, p + 2s are single address modes): five pointers for
// fourteen rows.
template <int R, Direction D>
struct TileCursor {
  enum { POINTERS = D == ALONG_ROWS ? (R + 2) / 3 : 1 };
  const float* a[POINTERS];
  const float* b;
};

// One step of depth.
template <int R, int C, Direction D>
INLINE void addStep(vf (&sum)[R][C], TileCursor<R, D>& at, int64_t aStride, int64_t bStride, int64_t ahead) {
  vf right[C];
  GEMM_UNROLL for (int v = 0; v < C; v++) right[v] = load(at.b + v * LANES);
  GEMM_UNROLL for (int v = 0; v < C; v += LINE_VECTORS) GEMM_PREFETCH(at.b + ahead + v * LANES);
  GEMM_UNROLL for (int r = 0; r < R; r++) {
    vf left = splat(D == ALONG_ROWS ? at.a[r / 3][(r % 3) * aStride] : at.a[0][r]);
    GEMM_UNROLL for (int v = 0; v < C; v++) sum[r][v] = fma(left, right[v], sum[r][v]);
  }
  GEMM_UNROLL for (int p = 0; p < TileCursor<R, D>::POINTERS; p++) at.a[p] += D == ALONG_ROWS ? 1 : aStride;
  at.b += bStride;
}

template <int R, int C, Direction D>
static __attribute__((noinline)) void tile(const TileCall& call) {
  const int64_t aStride = call.aStride, bStride = call.bStride, cStride = call.cStride, ahead = call.ahead;
  const float* panel = call.b;
  float* c = call.c;
  for (int64_t n = 0; n < call.panels; n++) {
    vf sum[R][C];
    TileCursor<R, D> at;
    at.b = panel;
    GEMM_UNROLL for (int p = 0; p < TileCursor<R, D>::POINTERS; p++) at.a[p] = call.a + 3 * p * aStride;
    GEMM_UNROLL for (int r = 0; r < R; r++)
      GEMM_UNROLL for (int v = 0; v < C; v++) sum[r][v] = zeroFloat();
    for (int64_t k = call.depth; k > 0; k--) addStep<R, C, D>(sum, at, aStride, bStride, ahead);
    storeTile<R, C>(sum, c, cStride, call.accumulate);
    panel += call.panelStep;
    c += C * LANES;
  }
}

// The tile functions by vectors, direction and rows − 1.
template <int C, int MAX_ROWS>
struct TileTable {
  TileFunction functions[2][MAX_ROWS];
};

template <int C, int MAX_ROWS, int R = MAX_ROWS>
struct FillTable {
  static constexpr void fill(TileTable<C, MAX_ROWS>& table) {
    table.functions[ALONG_ROWS][R - 1] = tile<R, C, ALONG_ROWS>;
    table.functions[ALONG_COLUMNS][R - 1] = tile<R, C, ALONG_COLUMNS>;
    if constexpr (R > 1) FillTable<C, MAX_ROWS, R - 1>::fill(table);
  }
};

template <int C, int MAX_ROWS>
static constexpr TileTable<C, MAX_ROWS> makeTable() {
  TileTable<C, MAX_ROWS> table{};
  FillTable<C, MAX_ROWS>::fill(table);
  return table;
}

static constexpr TileTable<1, TILE_ROWS> TILES_ONE = makeTable<1, TILE_ROWS>();
static constexpr TileTable<TILE_VECTORS, TILE_ROWS> TILES_FULL = makeTable<TILE_VECTORS, TILE_ROWS>();
static constexpr TileTable<3, WIDE_ROWS> TILES_THREE = makeTable<3, WIDE_ROWS>();
static constexpr TileTable<WIDE_VECTORS, WIDE_ROWS> TILES_WIDE = makeTable<WIDE_VECTORS, WIDE_ROWS>();

INLINE TileFunction tileFunction(int64_t vectors, Direction direction, int64_t rows) {
  switch (vectors) {
    case 1: return TILES_ONE.functions[direction][rows - 1];
    case 2: return TILES_FULL.functions[direction][rows - 1];
    case 3: return TILES_THREE.functions[direction][rows - 1];
    default: return TILES_WIDE.functions[direction][rows - 1];
  }
}
INLINE int64_t maximumRows(int64_t vectors) { return vectors <= TILE_VECTORS ? (int64_t)TILE_ROWS : (int64_t)WIDE_ROWS; }

}  // namespace gemm
