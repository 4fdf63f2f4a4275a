// Tile and block sizes of the matrix product, one row per target.
//
// A register tile is TILE_ROWS rows of a times TILE_VECTORS vectors of b: its accumulators, one row of b and one
// broadcast must fit the register file. A wide tile has WIDE_VECTORS vectors and few rows: with fewer than eight
// accumulators the latency of the multiply-add would be the limit.
// DEPTH_BLOCK: a panel of b (DEPTH_BLOCK × TILE_VECTORS vectors) stays in L1 while the row tiles pass over it.
// ROW_BLOCK: the packed block of a (ROW_BLOCK × DEPTH_BLOCK) stays in L2 while the panels of b pass over it.
// IN_PLACE_FLOATS: b up to this size is read where it lies by products of at least PACKED_ROWS rows (a quarter of it with
// many rows); larger ones are packed. APART_FLOATS: a transposed a whose steps of depth lie this far apart is packed.
#pragma once
#include "../simd.h"

namespace gemm {

#if SIMD_AVX512
enum { TILE_ROWS = 14, TILE_VECTORS = 2, WIDE_ROWS = 6, WIDE_VECTORS = 4, DEPTH_BLOCK = 512, ROW_BLOCK = 128 };
#elif SIMD_AVX2
enum { TILE_ROWS = 6, TILE_VECTORS = 2, WIDE_ROWS = 3, WIDE_VECTORS = 4, DEPTH_BLOCK = 512, ROW_BLOCK = 120 };
#elif SIMD_NEON
enum { TILE_ROWS = 12, TILE_VECTORS = 2, WIDE_ROWS = 5, WIDE_VECTORS = 4, DEPTH_BLOCK = 512, ROW_BLOCK = 120 };
#elif SIMD_SSE
enum { TILE_ROWS = 6, TILE_VECTORS = 2, WIDE_ROWS = 2, WIDE_VECTORS = 4, DEPTH_BLOCK = 512, ROW_BLOCK = 96 };
#else  // WebAssembly: V8 has 15 registers to give and loads everything before it multiplies; 5 × 2 spills (37 for 58 GFLOP/s)
enum { TILE_ROWS = 4, TILE_VECTORS = 2, WIDE_ROWS = 2, WIDE_VECTORS = 4, DEPTH_BLOCK = 512, ROW_BLOCK = 96 };
#endif

#if defined(__wasm__)
// A strip of b is half a cache line wide and a tile takes four numbers of a line of a transposed a, so lines that share
// one set of L1 are lost before they are used up (256 × 1024 × 1024 on one thread: in place 32, packed 51 GFLOP/s;
// transposed 1024 × 256 × 1024: 27 and 54). Pages are of 4 KB.
enum { IN_PLACE_FLOATS = 1 << 17, PACKED_ROWS = 128, APART_FLOATS = 512 };
#else
// In pages of 4 KB the limit is where the address cache ends: 1024³ packed 466, in place 449 GFLOP/s; in huge pages 474
// and 482.
enum { IN_PLACE_FLOATS = 1 << 21, PACKED_ROWS = 256, APART_FLOATS = 0 };  // 0: read in place
#endif

}  // namespace gemm
