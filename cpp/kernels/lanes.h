// Rows of tensors in and out of registers: conversion from and to bytes, broadcast, strides, streaming stores,
// transposition of tiles.
//
// Bound: L1 bandwidth where contiguous, one element per cycle where strided. A register has room for one vector beyond
// its block (REGISTER_SLACK), so that short rows can be written with whole vectors that overlap.
#pragma once
#include "kernel.h"
#include "../simd.h"

static const int64_t REGISTER_SLACK = 64;  // bytes

INLINE int64_t elementSize(int32_t dtype) { return dtype == DT_F32 || dtype == DT_I32 ? 4 : 1; }

static void fillLanes(int32_t* to, int32_t word, intptr_t n) {
  vi v = splat(word);
  for (intptr_t i = 0; i < n; i += LANES) store(to + i, v);  // into the slack
}

static void generateLanes(int32_t* to, int32_t first, int32_t stride, intptr_t n) {
  vi v = add(splat(first), mul(laneIndex(), splat(stride)));
  vi step = mul(splat((int32_t)LANES), splat(stride));
  for (intptr_t i = 0; i < n; i += LANES, v = add(v, step)) store(to + i, v);
}

static void copyWords(int32_t* to, const int32_t* from, intptr_t n) {
  intptr_t i = 0;
  for (; i + 4 * LANES <= n; i += 4 * LANES) {
    vi a = load(from + i), b = load(from + i + LANES), c = load(from + i + 2 * LANES), d = load(from + i + 3 * LANES);
    store(to + i, a);
    store(to + i + LANES, b);
    store(to + i + 2 * LANES, c);
    store(to + i + 3 * LANES, d);
  }
  for (; i + LANES <= n; i += LANES) store(to + i, load(from + i));
  if (i < n) storePartial(to + i, loadPartial(from + i, (int)(n - i)), (int)(n - i));
}

// Stores that leave the caches alone: for outputs that are larger than them.
static void streamWords(int32_t* to, const int32_t* from, intptr_t n) {
  intptr_t i = 0;
  while (i < n && ((uintptr_t)(to + i) & (LANES * 4 - 1))) {
    to[i] = from[i];
    i++;
  }
  for (; i + LANES <= n; i += LANES) stream(to + i, load(from + i));
  if (i < n) storePartial(to + i, loadPartial(from + i, (int)(n - i)), (int)(n - i));
}

// n elements at `from`, `stride` bytes apart, as lanes. Writes whole vectors (into the slack).
static void loadLanes(int32_t* to, int32_t dtype, const uint8_t* from, int64_t stride, intptr_t n) {
  if (elementSize(dtype) == 4) {
    const int32_t* words = (const int32_t*)from;
    if (stride == 4) {
      copyWords(to, words, n);
    } else if (stride == 0) {
      fillLanes(to, *words, n);
    } else {
      intptr_t i = 0;
      for (; i + 4 <= n; i += 4, from += 4 * stride) {
        int32_t a = *(const int32_t*)from, b = *(const int32_t*)(from + stride);
        int32_t c = *(const int32_t*)(from + 2 * stride), d = *(const int32_t*)(from + 3 * stride);
        to[i] = a;
        to[i + 1] = b;
        to[i + 2] = c;
        to[i + 3] = d;
      }
      for (; i < n; i++, from += stride) to[i] = *(const int32_t*)from;
    }
  } else if (stride == 1) {
    intptr_t i = 0;
    for (; i + LANES <= n; i += LANES) store(to + i, loadBytes(from + i));
    for (; i < n; i++) to[i] = from[i];
  } else if (stride == 0) {
    fillLanes(to, *from, n);
  } else {
    for (intptr_t i = 0; i < n; i++, from += stride) to[i] = *from;
  }
}

static void storeLanes(uint8_t* to, int32_t dtype, int64_t stride, const int32_t* from, intptr_t n) {
  if (elementSize(dtype) == 4) {
    if (stride == 4) copyWords((int32_t*)to, from, n);
    else
      for (intptr_t i = 0; i < n; i++, to += stride) *(int32_t*)to = from[i];
    return;
  }
  bool isBool = dtype == DT_BOOL;
  intptr_t i = 0;
  if (stride == 1) {
    for (; i + LANES <= n; i += LANES) {
      vi v = load(from + i);
      storeBytes(to + i, isBool ? maskToInt(maskNot(equal(v, zeroInt()))) : v);
    }
  }
  for (; i < n; i++) to[i * stride] = isBool ? from[i] != 0 : (uint8_t)from[i];
}

// ---- Transposition ---------------------------------------------------------------------------------------------

// LANES vectors of LANES words: rows become columns, by log2(LANES) rounds of interleaving.
INLINE void transposeVectors(vi v[LANES]) {
#if SIMD_AVX512
  vi t[16];
#pragma GCC unroll 8
  for (int i = 0; i < 16; i += 2) {
    t[i] = (vi)_mm512_unpacklo_epi32((__m512i)v[i], (__m512i)v[i + 1]);
    t[i + 1] = (vi)_mm512_unpackhi_epi32((__m512i)v[i], (__m512i)v[i + 1]);
  }
#pragma GCC unroll 4
  for (int i = 0; i < 16; i += 4) {
    v[i] = (vi)_mm512_unpacklo_epi64((__m512i)t[i], (__m512i)t[i + 2]);
    v[i + 1] = (vi)_mm512_unpackhi_epi64((__m512i)t[i], (__m512i)t[i + 2]);
    v[i + 2] = (vi)_mm512_unpacklo_epi64((__m512i)t[i + 1], (__m512i)t[i + 3]);
    v[i + 3] = (vi)_mm512_unpackhi_epi64((__m512i)t[i + 1], (__m512i)t[i + 3]);
  }
  // v[4g + k] now holds in its 128-bit part p the column 4p + k of the rows 4g … 4g + 3
#pragma GCC unroll 4
  for (int k = 0; k < 4; k++) {
    __m512i a = _mm512_shuffle_i32x4((__m512i)v[k], (__m512i)v[4 + k], 0x88);
    __m512i b = _mm512_shuffle_i32x4((__m512i)v[k], (__m512i)v[4 + k], 0xdd);
    __m512i c = _mm512_shuffle_i32x4((__m512i)v[8 + k], (__m512i)v[12 + k], 0x88);
    __m512i d = _mm512_shuffle_i32x4((__m512i)v[8 + k], (__m512i)v[12 + k], 0xdd);
    t[k] = (vi)_mm512_shuffle_i32x4(a, c, 0x88);
    t[8 + k] = (vi)_mm512_shuffle_i32x4(a, c, 0xdd);
    t[4 + k] = (vi)_mm512_shuffle_i32x4(b, d, 0x88);
    t[12 + k] = (vi)_mm512_shuffle_i32x4(b, d, 0xdd);
  }
#pragma GCC unroll 16
  for (int i = 0; i < 16; i++) v[i] = t[i];
#elif SIMD_AVX2
  vi t[8];
#pragma GCC unroll 4
  for (int i = 0; i < 8; i += 2) {
    t[i] = (vi)_mm256_unpacklo_epi32((__m256i)v[i], (__m256i)v[i + 1]);
    t[i + 1] = (vi)_mm256_unpackhi_epi32((__m256i)v[i], (__m256i)v[i + 1]);
  }
#pragma GCC unroll 2
  for (int i = 0; i < 8; i += 4) {
    v[i] = (vi)_mm256_unpacklo_epi64((__m256i)t[i], (__m256i)t[i + 2]);
    v[i + 1] = (vi)_mm256_unpackhi_epi64((__m256i)t[i], (__m256i)t[i + 2]);
    v[i + 2] = (vi)_mm256_unpacklo_epi64((__m256i)t[i + 1], (__m256i)t[i + 3]);
    v[i + 3] = (vi)_mm256_unpackhi_epi64((__m256i)t[i + 1], (__m256i)t[i + 3]);
  }
#pragma GCC unroll 4
  for (int k = 0; k < 4; k++) {
    t[k] = (vi)_mm256_permute2x128_si256((__m256i)v[k], (__m256i)v[4 + k], 0x20);
    t[4 + k] = (vi)_mm256_permute2x128_si256((__m256i)v[k], (__m256i)v[4 + k], 0x31);
  }
#pragma GCC unroll 8
  for (int i = 0; i < 8; i++) v[i] = t[i];
#else
  vi a = {v[0][0], v[1][0], v[2][0], v[3][0]};
  vi b = {v[0][1], v[1][1], v[2][1], v[3][1]};
  vi c = {v[0][2], v[1][2], v[2][2], v[3][2]};
  vi d = {v[0][3], v[1][3], v[2][3], v[3][3]};
  v[0] = a;
  v[1] = b;
  v[2] = c;
  v[3] = d;
#endif
}

// to[r · pitch + j] = from[r · 1 + j · stride] for r < rows, j < columns; words, stride in bytes, pitch in elements.
static void transposeTile(int32_t* to, int64_t pitch, const uint8_t* from, int64_t stride, intptr_t rows, intptr_t columns) {
  intptr_t j = 0;
  for (; j + LANES <= columns; j += LANES) {
    const uint8_t* at = from + j * stride;
    intptr_t r = 0;
    for (; r + LANES <= rows; r += LANES) {
      vi v[LANES];
#pragma GCC unroll 16
      for (int k = 0; k < LANES; k++) v[k] = load((const int32_t*)(at + k * stride) + r);
      transposeVectors(v);
#pragma GCC unroll 16
      for (int k = 0; k < LANES; k++) store(to + (r + k) * pitch + j, v[k]);
    }
    for (; r < rows; r++)
      for (int k = 0; k < LANES; k++) to[r * pitch + j + k] = ((const int32_t*)(at + k * stride))[r];
  }
  for (intptr_t r = 0; r < rows; r++)
    for (intptr_t k = j; k < columns; k++) to[r * pitch + k] = *(const int32_t*)(from + k * stride + r * 4);
}

// Asks for what transposeTile will read, into the second-level cache.
static void prefetchTile(const uint8_t* from, int64_t stride, intptr_t rows, intptr_t columns) {
  for (intptr_t j = 0; j < columns; j++)
    for (intptr_t r = 0; r < rows; r += 16) prefetch2(from + j * stride + r * 4);
}

// A transposed copy: `rows` × `columns` at `to`, rows `pitch` bytes apart, from columns `stride` bytes apart. `buffer` holds
// 64 × 144 words.
//
// Streaming, aligned rows: tiles of 16 × 16 words straight from line to line, in bands of 64 rows (256 bytes in a row are
// read; the hardware foresees nothing here, so the next 16 columns are asked for). Streaming, rows that cross lines:
// strips of 16 × 256 through the buffer, for long runs per row. In cache: strips through the buffer, 64 rows high where the
// pitches are multiples of 1 KB (lines of a column then share few sets of the cache: take much of each), else 16.
static void transposeWords(uint8_t* to, int64_t pitch, const uint8_t* from, int64_t stride, int64_t rows, int64_t columns,
                           bool streams, int32_t* buffer) {
  bool direct = streams && (((uintptr_t)to | (uintptr_t)pitch) & (LANES * 4 - 1)) == 0;
  int64_t height = direct || ((pitch | stride) & 1023) == 0 ? 64 : 16;
  int64_t width = direct ? 16 : streams && height == 16 ? 256 : 128;
  int64_t bufferPitch = direct ? 16 : width + 16;
  for (int64_t first = 0; first < rows; first += height) {
    int64_t h = rows - first < height ? rows - first : height;
    for (int64_t j = 0; j < columns; j += width) {
      int64_t w = columns - j < width ? columns - j : width;
      const uint8_t* at = from + j * stride + first * 4;
      uint8_t* target = to + first * pitch + j * 4;
      if (streams && columns - j >= 2 * width) prefetchTile(at + width * stride, stride, h, width);
      if (!direct || w < 16) {
        transposeTile(buffer, bufferPitch, at, stride, h, w);
        for (int64_t r = 0; r < h; r++, target += pitch) {
          if (streams) streamWords((int32_t*)target, buffer + r * bufferPitch, w);
          else copyWords((int32_t*)target, buffer + r * bufferPitch, w);
        }
        continue;
      }
      for (int64_t r = 0; r < h; r += 16, target += 16 * pitch) {
        int64_t n = h - r < 16 ? h - r : 16;
        if (LANES == 16 && n == 16) {
          vi v[LANES];
#pragma GCC unroll 16
          for (int k = 0; k < LANES; k++) v[k] = load((const int32_t*)(at + k * stride) + r);
          transposeVectors(v);
#pragma GCC unroll 16
          for (int k = 0; k < LANES; k++) stream((int32_t*)(target + k * pitch), v[k]);
          continue;
        }
        transposeTile(buffer, bufferPitch, at + r * 4, stride, n, width);
        for (int64_t k = 0; k < n; k++)
          for (int i = 0; i < 16; i += LANES) stream((int32_t*)(target + k * pitch) + i, load(buffer + k * 16 + i));
      }
    }
  }
}
