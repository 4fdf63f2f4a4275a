// The vector layer: float32 and int32 lanes of the width of the target, and the few operations the kernels use.
//
//   target        LANES  fma                         chosen by
//   baseline        4    multiply, then add          x86-64-v2 (SSE4.1)
//   avx2            8    fused                       x86-64-v3
//   avx512         16    fused                       x86-64-v4
//   neon            4    fused                       aarch64
//   wasm            4    multiply, then add          wasm32 -msimd128
//   wasm_relaxed    4    fused where the engine does -mrelaxed-simd
//
// vf and vi are compiler vectors: + − · / & | ^ ~ and [] work on them directly (vi: wraparound needs add/sub/mul below,
// which compute unsigned). Comparisons give a mask vm, not a vector: under AVX-512 a mask is 16 bits.
// What the hardware does differently is defined here once, so that every target gives the same bits:
//   min(a, b), max(a, b)   b if either is NaN (the order a < b ? a : b);  minNaN, maxNaN propagate NaN
//   truncateToInt(x)       truncates, saturates to int32, NaN → 0
//   round                  half to even
// No estimates (rsqrt, rcp): they differ between makers and are not faster than sqrt and /.
// Every function is static and inlined; loads and stores need no alignment except stream().
#pragma once
#include <stddef.h>
#include <stdint.h>

#if defined(__AVX512F__)
#include <immintrin.h>
#define SIMD_AVX512 1
static constexpr int LANES = 16;
#elif defined(__AVX2__)
#include <immintrin.h>
#define SIMD_AVX2 1
static constexpr int LANES = 8;
#elif defined(__SSE4_1__)
#include <immintrin.h>
#define SIMD_SSE 1
static constexpr int LANES = 4;
#elif defined(__ARM_NEON)
#include <arm_neon.h>
#define SIMD_NEON 1
static constexpr int LANES = 4;
#elif defined(__wasm_simd128__)
#include <wasm_simd128.h>
#define SIMD_WASM 1
static constexpr int LANES = 4;
#else
#error "no vector target: compile with -march=x86-64-v2 or better, for aarch64, or for wasm32 with -msimd128"
#endif

#if defined(__GNUC__) && !defined(__clang__)
#pragma GCC diagnostic ignored "-Wuninitialized"  // g++ 12 warns about its own _mm512_undefined_ps
#pragma GCC diagnostic ignored "-Wmaybe-uninitialized"
#endif

// Whether fma() rounds once.
#if defined(__AVX2__) || defined(__ARM_NEON) || defined(__wasm_relaxed_simd__)
#define SIMD_FUSED 1
#else
#define SIMD_FUSED 0
#endif

#define INLINE static inline __attribute__((always_inline))

typedef float vf __attribute__((vector_size(LANES * 4)));
typedef int32_t vi __attribute__((vector_size(LANES * 4)));
typedef uint32_t vu __attribute__((vector_size(LANES * 4)));
// Half as many lanes of twice the width: a vf widens to two vd.
typedef double vd __attribute__((vector_size(LANES * 4)));
typedef int64_t vl __attribute__((vector_size(LANES * 4)));
// The same without alignment and type assumptions, for memory.
typedef float vfMemory __attribute__((vector_size(LANES * 4), aligned(4), may_alias));
typedef int32_t viMemory __attribute__((vector_size(LANES * 4), aligned(4), may_alias));

// ---- Any target ------------------------------------------------------------------------------------------------

INLINE vf load(const float* p) { return (vf)*(const vfMemory*)p; }
INLINE vi load(const int32_t* p) { return (vi)*(const viMemory*)p; }
INLINE void store(float* p, vf v) { *(vfMemory*)p = (vfMemory)v; }
INLINE void store(int32_t* p, vi v) { *(viMemory*)p = (viMemory)v; }

INLINE vf splat(float x) {
#if SIMD_AVX512
  return (vf)_mm512_set1_ps(x);
#elif SIMD_AVX2
  return (vf)_mm256_set1_ps(x);
#else
  return vf{x, x, x, x};
#endif
}
INLINE vi splat(int32_t x) {
#if SIMD_AVX512
  return (vi)_mm512_set1_epi32(x);
#elif SIMD_AVX2
  return (vi)_mm256_set1_epi32(x);
#else
  return vi{x, x, x, x};
#endif
}
INLINE vf zeroFloat() { return vf{}; }
INLINE vi zeroInt() { return vi{}; }
// 0, 1, 2, …
INLINE vi laneIndex() {
#if SIMD_AVX512
  return vi{0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15};
#elif SIMD_AVX2
  return vi{0, 1, 2, 3, 4, 5, 6, 7};
#else
  return vi{0, 1, 2, 3};
#endif
}

INLINE vi asInt(vf v) { return (vi)v; }
INLINE vf asFloat(vi v) { return (vf)v; }
// Wraparound arithmetic (signed overflow is undefined in C++, also lane by lane).
INLINE vi add(vi a, vi b) { return (vi)((vu)a + (vu)b); }
INLINE vi sub(vi a, vi b) { return (vi)((vu)a - (vu)b); }
INLINE vi mul(vi a, vi b) { return (vi)((vu)a * (vu)b); }
// Counts 0 … 31.
INLINE vi shiftLeft(vi a, int count) { return (vi)((vu)a << (uint32_t)count); }
INLINE vi shiftRight(vi a, int count) { return a >> count; }
INLINE vi shiftRightLogical(vi a, int count) { return (vi)((vu)a >> (uint32_t)count); }
INLINE vi shiftLeft(vi a, vi count) { return (vi)((vu)a << (vu)count); }
INLINE vi shiftRight(vi a, vi count) { return a >> count; }
INLINE vi shiftRightLogical(vi a, vi count) { return (vi)((vu)a >> (vu)count); }
INLINE vf toFloat(vi v) { return __builtin_convertvector(v, vf); }

INLINE vf abs(vf v) { return asFloat(asInt(v) & splat(0x7fffffff)); }
INLINE vf negate(vf v) { return asFloat(asInt(v) ^ splat((int32_t)0x80000000)); }
INLINE vf copySign(vf magnitude, vf sign) {
  return asFloat((asInt(magnitude) & splat(0x7fffffff)) | (asInt(sign) & splat((int32_t)0x80000000)));
}

INLINE void prefetch(const void* p) { __builtin_prefetch(p, 0, 3); }   // into L1
INLINE void prefetch2(const void* p) { __builtin_prefetch(p, 0, 2); }  // into L2

// ---- x86 -------------------------------------------------------------------------------------------------------
#if SIMD_AVX512

typedef __mmask16 vm;
INLINE vm less(vf a, vf b) { return _mm512_cmp_ps_mask((__m512)a, (__m512)b, _CMP_LT_OQ); }
INLINE vm lessEqual(vf a, vf b) { return _mm512_cmp_ps_mask((__m512)a, (__m512)b, _CMP_LE_OQ); }
INLINE vm equal(vf a, vf b) { return _mm512_cmp_ps_mask((__m512)a, (__m512)b, _CMP_EQ_OQ); }
INLINE vm notEqual(vf a, vf b) { return _mm512_cmp_ps_mask((__m512)a, (__m512)b, _CMP_NEQ_UQ); }
INLINE vm less(vi a, vi b) { return _mm512_cmplt_epi32_mask((__m512i)a, (__m512i)b); }
INLINE vm equal(vi a, vi b) { return _mm512_cmpeq_epi32_mask((__m512i)a, (__m512i)b); }
INLINE vm maskAnd(vm a, vm b) { return (vm)(a & b); }
INLINE vm maskOr(vm a, vm b) { return (vm)(a | b); }
INLINE vm maskNot(vm a) { return (vm)~a; }
INLINE bool any(vm a) { return a != 0; }
INLINE vf select(vm m, vf a, vf b) { return (vf)_mm512_mask_blend_ps(m, (__m512)b, (__m512)a); }
INLINE vi select(vm m, vi a, vi b) { return (vi)_mm512_mask_blend_epi32(m, (__m512i)b, (__m512i)a); }
INLINE vi maskToInt(vm m) { return (vi)_mm512_maskz_mov_epi32(m, _mm512_set1_epi32(1)); }

INLINE vf fma(vf a, vf b, vf c) { return (vf)_mm512_fmadd_ps((__m512)a, (__m512)b, (__m512)c); }
INLINE vf min(vf a, vf b) { return (vf)_mm512_min_ps((__m512)a, (__m512)b); }
INLINE vf max(vf a, vf b) { return (vf)_mm512_max_ps((__m512)a, (__m512)b); }
INLINE vi min(vi a, vi b) { return (vi)_mm512_min_epi32((__m512i)a, (__m512i)b); }
INLINE vi max(vi a, vi b) { return (vi)_mm512_max_epi32((__m512i)a, (__m512i)b); }
INLINE vf sqrt(vf v) { return (vf)_mm512_sqrt_ps((__m512)v); }
INLINE vf round(vf v) { return (vf)_mm512_roundscale_ps((__m512)v, _MM_FROUND_TO_NEAREST_INT | _MM_FROUND_NO_EXC); }
INLINE vf floor(vf v) { return (vf)_mm512_roundscale_ps((__m512)v, _MM_FROUND_TO_NEG_INF | _MM_FROUND_NO_EXC); }
INLINE vf ceil(vf v) { return (vf)_mm512_roundscale_ps((__m512)v, _MM_FROUND_TO_POS_INF | _MM_FROUND_NO_EXC); }
INLINE vf trunc(vf v) { return (vf)_mm512_roundscale_ps((__m512)v, _MM_FROUND_TO_ZERO | _MM_FROUND_NO_EXC); }
INLINE vi truncateInRange(vf v) { return (vi)_mm512_cvttps_epi32((__m512)v); }
INLINE vi roundInRange(vf v) { return (vi)_mm512_cvtps_epi32((__m512)v); }

INLINE __mmask16 firstLanes(int n) { return (__mmask16)((1u << n) - 1u); }
INLINE vf loadPartial(const float* p, int n) { return (vf)_mm512_maskz_loadu_ps(firstLanes(n), p); }
INLINE vi loadPartial(const int32_t* p, int n) { return (vi)_mm512_maskz_loadu_epi32(firstLanes(n), p); }
INLINE void storePartial(float* p, vf v, int n) { _mm512_mask_storeu_ps(p, firstLanes(n), (__m512)v); }
INLINE void storePartial(int32_t* p, vi v, int n) { _mm512_mask_storeu_epi32(p, firstLanes(n), (__m512i)v); }
INLINE void stream(float* p, vf v) { _mm512_stream_ps(p, (__m512)v); }
INLINE void stream(int32_t* p, vi v) { _mm512_stream_si512((__m512i*)p, (__m512i)v); }

INLINE vi loadBytes(const uint8_t* p) { return (vi)_mm512_cvtepu8_epi32(_mm_loadu_si128((const __m128i*)p)); }
INLINE void storeBytes(uint8_t* p, vi v) { _mm_storeu_si128((__m128i*)p, _mm512_cvtepi32_epi8((__m512i)v)); }
// High word of the unsigned 64-bit product.
INLINE vi mulHigh(vi a, vi b) {
  __m512i even = _mm512_srli_epi64(_mm512_mul_epu32((__m512i)a, (__m512i)b), 32);
  __m512i odd = _mm512_mul_epu32(_mm512_srli_epi64((__m512i)a, 32), _mm512_srli_epi64((__m512i)b, 32));
  return (vi)_mm512_mask_blend_epi32(0xaaaa, even, odd);
}

// Unsigned product of the low words of 64-bit lanes.
INLINE vl mulLowWords(vl a, vl b) { return (vl)_mm512_mul_epu32((__m512i)a, (__m512i)b); }
INLINE vd widenLow(vf v) { return (vd)_mm512_cvtps_pd(_mm512_castps512_ps256((__m512)v)); }
INLINE vd widenHigh(vf v) { return (vd)_mm512_cvtps_pd(_mm512_extractf32x8_ps((__m512)v, 1)); }
INLINE vf narrow(vd low, vd high) {
  __m512 half = _mm512_castps256_ps512(_mm512_cvtpd_ps((__m512d)low));
  return (vf)_mm512_insertf32x8(half, _mm512_cvtpd_ps((__m512d)high), 1);
}
INLINE vd sqrt(vd v) { return (vd)_mm512_sqrt_pd((__m512d)v); }

#elif SIMD_AVX2

typedef vi vm;
INLINE vm less(vf a, vf b) { return (vm)_mm256_cmp_ps((__m256)a, (__m256)b, _CMP_LT_OQ); }
INLINE vm lessEqual(vf a, vf b) { return (vm)_mm256_cmp_ps((__m256)a, (__m256)b, _CMP_LE_OQ); }
INLINE vm equal(vf a, vf b) { return (vm)_mm256_cmp_ps((__m256)a, (__m256)b, _CMP_EQ_OQ); }
INLINE vm notEqual(vf a, vf b) { return (vm)_mm256_cmp_ps((__m256)a, (__m256)b, _CMP_NEQ_UQ); }
INLINE bool any(vm a) { return _mm256_movemask_ps((__m256)a) != 0; }
INLINE vf select(vm m, vf a, vf b) { return (vf)_mm256_blendv_ps((__m256)b, (__m256)a, (__m256)m); }

INLINE vf fma(vf a, vf b, vf c) { return (vf)_mm256_fmadd_ps((__m256)a, (__m256)b, (__m256)c); }
INLINE vf min(vf a, vf b) { return (vf)_mm256_min_ps((__m256)a, (__m256)b); }
INLINE vf max(vf a, vf b) { return (vf)_mm256_max_ps((__m256)a, (__m256)b); }
INLINE vi min(vi a, vi b) { return (vi)_mm256_min_epi32((__m256i)a, (__m256i)b); }
INLINE vi max(vi a, vi b) { return (vi)_mm256_max_epi32((__m256i)a, (__m256i)b); }
INLINE vf sqrt(vf v) { return (vf)_mm256_sqrt_ps((__m256)v); }
INLINE vf round(vf v) { return (vf)_mm256_round_ps((__m256)v, _MM_FROUND_TO_NEAREST_INT | _MM_FROUND_NO_EXC); }
INLINE vf floor(vf v) { return (vf)_mm256_round_ps((__m256)v, _MM_FROUND_TO_NEG_INF | _MM_FROUND_NO_EXC); }
INLINE vf ceil(vf v) { return (vf)_mm256_round_ps((__m256)v, _MM_FROUND_TO_POS_INF | _MM_FROUND_NO_EXC); }
INLINE vf trunc(vf v) { return (vf)_mm256_round_ps((__m256)v, _MM_FROUND_TO_ZERO | _MM_FROUND_NO_EXC); }
INLINE vi truncateInRange(vf v) { return (vi)_mm256_cvttps_epi32((__m256)v); }
INLINE vi roundInRange(vf v) { return (vi)_mm256_cvtps_epi32((__m256)v); }

INLINE __m256i firstLanes(int n) {
  return _mm256_cmpgt_epi32(_mm256_set1_epi32(n), _mm256_setr_epi32(0, 1, 2, 3, 4, 5, 6, 7));
}
INLINE vf loadPartial(const float* p, int n) { return (vf)_mm256_maskload_ps(p, firstLanes(n)); }
INLINE vi loadPartial(const int32_t* p, int n) { return (vi)_mm256_maskload_epi32((const int*)p, firstLanes(n)); }
INLINE void storePartial(float* p, vf v, int n) { _mm256_maskstore_ps(p, firstLanes(n), (__m256)v); }
INLINE void storePartial(int32_t* p, vi v, int n) { _mm256_maskstore_epi32((int*)p, firstLanes(n), (__m256i)v); }
INLINE void stream(float* p, vf v) { _mm256_stream_ps(p, (__m256)v); }
INLINE void stream(int32_t* p, vi v) { _mm256_stream_si256((__m256i*)p, (__m256i)v); }

INLINE vi loadBytes(const uint8_t* p) { return (vi)_mm256_cvtepu8_epi32(_mm_loadl_epi64((const __m128i*)p)); }
INLINE void storeBytes(uint8_t* p, vi v) {
  __m256i low = _mm256_and_si256((__m256i)v, _mm256_set1_epi32(255));
  __m128i words = _mm_packus_epi32(_mm256_castsi256_si128(low), _mm256_extracti128_si256(low, 1));
  _mm_storel_epi64((__m128i*)p, _mm_packus_epi16(words, words));
}
INLINE vi mulHigh(vi a, vi b) {
  __m256i even = _mm256_srli_epi64(_mm256_mul_epu32((__m256i)a, (__m256i)b), 32);
  __m256i odd = _mm256_mul_epu32(_mm256_srli_epi64((__m256i)a, 32), _mm256_srli_epi64((__m256i)b, 32));
  return (vi)_mm256_blend_epi32(even, odd, 0xaa);
}

INLINE vl mulLowWords(vl a, vl b) { return (vl)_mm256_mul_epu32((__m256i)a, (__m256i)b); }
INLINE vd widenLow(vf v) { return (vd)_mm256_cvtps_pd(_mm256_castps256_ps128((__m256)v)); }
INLINE vd widenHigh(vf v) { return (vd)_mm256_cvtps_pd(_mm256_extractf128_ps((__m256)v, 1)); }
INLINE vf narrow(vd low, vd high) {
  __m256 half = _mm256_castps128_ps256(_mm256_cvtpd_ps((__m256d)low));
  return (vf)_mm256_insertf128_ps(half, _mm256_cvtpd_ps((__m256d)high), 1);
}
INLINE vd sqrt(vd v) { return (vd)_mm256_sqrt_pd((__m256d)v); }

#elif SIMD_SSE

typedef vi vm;
INLINE vm less(vf a, vf b) { return (vm)_mm_cmplt_ps((__m128)a, (__m128)b); }
INLINE vm lessEqual(vf a, vf b) { return (vm)_mm_cmple_ps((__m128)a, (__m128)b); }
INLINE vm equal(vf a, vf b) { return (vm)_mm_cmpeq_ps((__m128)a, (__m128)b); }
INLINE vm notEqual(vf a, vf b) { return (vm)_mm_cmpneq_ps((__m128)a, (__m128)b); }
INLINE bool any(vm a) { return _mm_movemask_ps((__m128)a) != 0; }
INLINE vf select(vm m, vf a, vf b) { return (vf)_mm_blendv_ps((__m128)b, (__m128)a, (__m128)m); }

INLINE vf fma(vf a, vf b, vf c) { return a * b + c; }
INLINE vf min(vf a, vf b) { return (vf)_mm_min_ps((__m128)a, (__m128)b); }
INLINE vf max(vf a, vf b) { return (vf)_mm_max_ps((__m128)a, (__m128)b); }
INLINE vi min(vi a, vi b) { return (vi)_mm_min_epi32((__m128i)a, (__m128i)b); }
INLINE vi max(vi a, vi b) { return (vi)_mm_max_epi32((__m128i)a, (__m128i)b); }
INLINE vf sqrt(vf v) { return (vf)_mm_sqrt_ps((__m128)v); }
INLINE vf round(vf v) { return (vf)_mm_round_ps((__m128)v, _MM_FROUND_TO_NEAREST_INT | _MM_FROUND_NO_EXC); }
INLINE vf floor(vf v) { return (vf)_mm_round_ps((__m128)v, _MM_FROUND_TO_NEG_INF | _MM_FROUND_NO_EXC); }
INLINE vf ceil(vf v) { return (vf)_mm_round_ps((__m128)v, _MM_FROUND_TO_POS_INF | _MM_FROUND_NO_EXC); }
INLINE vf trunc(vf v) { return (vf)_mm_round_ps((__m128)v, _MM_FROUND_TO_ZERO | _MM_FROUND_NO_EXC); }
INLINE vi truncateInRange(vf v) { return (vi)_mm_cvttps_epi32((__m128)v); }
INLINE vi roundInRange(vf v) { return (vi)_mm_cvtps_epi32((__m128)v); }

INLINE void stream(float* p, vf v) { _mm_stream_ps(p, (__m128)v); }
INLINE void stream(int32_t* p, vi v) { _mm_stream_si128((__m128i*)p, (__m128i)v); }

INLINE vi loadBytes(const uint8_t* p) {
  int32_t four;
  __builtin_memcpy(&four, p, 4);
  return (vi)_mm_cvtepu8_epi32(_mm_cvtsi32_si128(four));
}
INLINE void storeBytes(uint8_t* p, vi v) {
  __m128i low = _mm_and_si128((__m128i)v, _mm_set1_epi32(255));
  __m128i words = _mm_packus_epi32(low, low);
  int32_t four = _mm_cvtsi128_si32(_mm_packus_epi16(words, words));
  __builtin_memcpy(p, &four, 4);
}
INLINE vi mulHigh(vi a, vi b) {
  __m128i even = _mm_srli_epi64(_mm_mul_epu32((__m128i)a, (__m128i)b), 32);
  __m128i odd = _mm_mul_epu32(_mm_srli_epi64((__m128i)a, 32), _mm_srli_epi64((__m128i)b, 32));
  return (vi)_mm_blend_epi16(even, odd, 0xcc);
}

INLINE vl mulLowWords(vl a, vl b) { return (vl)_mm_mul_epu32((__m128i)a, (__m128i)b); }
INLINE vd widenLow(vf v) { return (vd)_mm_cvtps_pd((__m128)v); }
INLINE vd widenHigh(vf v) { return (vd)_mm_cvtps_pd(_mm_movehl_ps((__m128)v, (__m128)v)); }
INLINE vf narrow(vd low, vd high) {
  return (vf)_mm_movelh_ps(_mm_cvtpd_ps((__m128d)low), _mm_cvtpd_ps((__m128d)high));
}
INLINE vd sqrt(vd v) { return (vd)_mm_sqrt_pd((__m128d)v); }

// ---- ARM -------------------------------------------------------------------------------------------------------
#elif SIMD_NEON

typedef vi vm;
INLINE vm less(vf a, vf b) { return (vm)(a < b); }
INLINE vm lessEqual(vf a, vf b) { return (vm)(a <= b); }
INLINE vm equal(vf a, vf b) { return (vm)(a == b); }
INLINE vm notEqual(vf a, vf b) { return (vm)(a != b); }
INLINE bool any(vm a) { return vmaxvq_u32((uint32x4_t)a) != 0; }
INLINE vf select(vm m, vf a, vf b) { return (vf)vbslq_f32((uint32x4_t)m, (float32x4_t)a, (float32x4_t)b); }

INLINE vf fma(vf a, vf b, vf c) { return (vf)vfmaq_f32((float32x4_t)c, (float32x4_t)a, (float32x4_t)b); }
INLINE vf min(vf a, vf b) { return select(less(a, b), a, b); }
INLINE vf max(vf a, vf b) { return select(less(b, a), a, b); }
INLINE vi min(vi a, vi b) { return (vi)vminq_s32((int32x4_t)a, (int32x4_t)b); }
INLINE vi max(vi a, vi b) { return (vi)vmaxq_s32((int32x4_t)a, (int32x4_t)b); }
INLINE vf sqrt(vf v) { return (vf)vsqrtq_f32((float32x4_t)v); }
INLINE vf round(vf v) { return (vf)vrndnq_f32((float32x4_t)v); }
INLINE vf floor(vf v) { return (vf)vrndmq_f32((float32x4_t)v); }
INLINE vf ceil(vf v) { return (vf)vrndpq_f32((float32x4_t)v); }
INLINE vf trunc(vf v) { return (vf)vrndq_f32((float32x4_t)v); }
INLINE vi truncateInRange(vf v) { return (vi)vcvtq_s32_f32((float32x4_t)v); }
INLINE vi roundInRange(vf v) { return (vi)vcvtnq_s32_f32((float32x4_t)v); }

INLINE void stream(float* p, vf v) { store(p, v); }
INLINE void stream(int32_t* p, vi v) { store(p, v); }

INLINE vi loadBytes(const uint8_t* p) { return vi{p[0], p[1], p[2], p[3]}; }
INLINE void storeBytes(uint8_t* p, vi v) {
  uint16x4_t words = vmovn_u32((uint32x4_t)v);
  uint8x8_t bytes = vmovn_u16(vcombine_u16(words, words));
  vst1_lane_u32((uint32_t*)(void*)p, vreinterpret_u32_u8(bytes), 0);
}
INLINE vi mulHigh(vi a, vi b) {
  uint64x2_t low = vmull_u32(vget_low_u32((uint32x4_t)a), vget_low_u32((uint32x4_t)b));
  uint64x2_t high = vmull_high_u32((uint32x4_t)a, (uint32x4_t)b);
  return (vi)vuzp2q_u32(vreinterpretq_u32_u64(low), vreinterpretq_u32_u64(high));
}

INLINE vl mulLowWords(vl a, vl b) {
  return (vl)vmull_u32(vmovn_u64((uint64x2_t)a), vmovn_u64((uint64x2_t)b));
}
INLINE vd widenLow(vf v) { return (vd)vcvt_f64_f32(vget_low_f32((float32x4_t)v)); }
INLINE vd widenHigh(vf v) { return (vd)vcvt_high_f64_f32((float32x4_t)v); }
INLINE vf narrow(vd low, vd high) {
  return (vf)vcvt_high_f32_f64(vcvt_f32_f64((float64x2_t)low), (float64x2_t)high);
}
INLINE vd sqrt(vd v) { return (vd)vsqrtq_f64((float64x2_t)v); }

// ---- WebAssembly -----------------------------------------------------------------------------------------------
#elif SIMD_WASM

typedef vi vm;
INLINE vm less(vf a, vf b) { return (vm)(a < b); }
INLINE vm lessEqual(vf a, vf b) { return (vm)(a <= b); }
INLINE vm equal(vf a, vf b) { return (vm)(a == b); }
INLINE vm notEqual(vf a, vf b) { return (vm)(a != b); }
INLINE bool any(vm a) { return wasm_v128_any_true((v128_t)a); }
INLINE vf select(vm m, vf a, vf b) { return (vf)wasm_v128_bitselect((v128_t)a, (v128_t)b, (v128_t)m); }

#if defined(__wasm_relaxed_simd__)
INLINE vf fma(vf a, vf b, vf c) { return (vf)wasm_f32x4_relaxed_madd((v128_t)a, (v128_t)b, (v128_t)c); }
#else
INLINE vf fma(vf a, vf b, vf c) { return a * b + c; }
#endif
INLINE vf min(vf a, vf b) { return (vf)wasm_f32x4_pmin((v128_t)b, (v128_t)a); }
INLINE vf max(vf a, vf b) { return (vf)wasm_f32x4_pmax((v128_t)b, (v128_t)a); }
INLINE vi min(vi a, vi b) { return (vi)wasm_i32x4_min((v128_t)a, (v128_t)b); }
INLINE vi max(vi a, vi b) { return (vi)wasm_i32x4_max((v128_t)a, (v128_t)b); }
INLINE vf sqrt(vf v) { return (vf)wasm_f32x4_sqrt((v128_t)v); }
INLINE vf round(vf v) { return (vf)wasm_f32x4_nearest((v128_t)v); }
INLINE vf floor(vf v) { return (vf)wasm_f32x4_floor((v128_t)v); }
INLINE vf ceil(vf v) { return (vf)wasm_f32x4_ceil((v128_t)v); }
INLINE vf trunc(vf v) { return (vf)wasm_f32x4_trunc((v128_t)v); }
INLINE vi truncateInRange(vf v) { return (vi)wasm_i32x4_trunc_sat_f32x4((v128_t)v); }
INLINE vi roundInRange(vf v) { return (vi)wasm_i32x4_trunc_sat_f32x4(wasm_f32x4_nearest((v128_t)v)); }

INLINE void stream(float* p, vf v) { store(p, v); }
INLINE void stream(int32_t* p, vi v) { store(p, v); }

INLINE vi loadBytes(const uint8_t* p) {
  return (vi)wasm_u32x4_extend_low_u16x8(wasm_u16x8_extend_low_u8x16(wasm_v128_load32_zero(p)));
}
INLINE void storeBytes(uint8_t* p, vi v) {
  v128_t low = wasm_v128_and((v128_t)v, wasm_i32x4_splat(255));
  v128_t words = wasm_u16x8_narrow_i32x4(low, low);
  wasm_v128_store32_lane(p, wasm_u8x16_narrow_i16x8(words, words), 0);
}
INLINE vi mulHigh(vi a, vi b) {
  v128_t low = wasm_u64x2_extmul_low_u32x4((v128_t)a, (v128_t)b);
  v128_t high = wasm_u64x2_extmul_high_u32x4((v128_t)a, (v128_t)b);
  return (vi)wasm_i32x4_shuffle(low, high, 1, 3, 5, 7);
}

INLINE vl mulLowWords(vl a, vl b) {
  return (vl)wasm_u64x2_extmul_low_u32x4(wasm_i32x4_shuffle((v128_t)a, (v128_t)a, 0, 2, 0, 2),
                                         wasm_i32x4_shuffle((v128_t)b, (v128_t)b, 0, 2, 0, 2));
}
INLINE vd widenLow(vf v) { return (vd)wasm_f64x2_promote_low_f32x4((v128_t)v); }
INLINE vd widenHigh(vf v) {
  return (vd)wasm_f64x2_promote_low_f32x4(wasm_i32x4_shuffle((v128_t)v, (v128_t)v, 2, 3, 2, 3));
}
INLINE vf narrow(vd low, vd high) {
  return (vf)wasm_i32x4_shuffle(wasm_f32x4_demote_f64x2_zero((v128_t)low), wasm_f32x4_demote_f64x2_zero((v128_t)high),
                                0, 1, 4, 5);
}
INLINE vd sqrt(vd v) { return (vd)wasm_f64x2_sqrt((v128_t)v); }

#endif

// ---- Built from the above --------------------------------------------------------------------------------------

#if !SIMD_AVX512
INLINE vm less(vi a, vi b) { return (vm)(a < b); }
INLINE vm equal(vi a, vi b) { return (vm)(a == b); }
INLINE vm maskAnd(vm a, vm b) { return a & b; }
INLINE vm maskOr(vm a, vm b) { return a | b; }
INLINE vm maskNot(vm a) { return ~a; }
INLINE vi select(vm m, vi a, vi b) { return asInt(select(m, asFloat(a), asFloat(b))); }
INLINE vi maskToInt(vm m) { return m & splat(1); }
#endif

#if SIMD_SSE || SIMD_NEON || SIMD_WASM
INLINE vf loadPartial(const float* p, int n) {
  vf v{};
  if (n > 0) v[0] = p[0];
  if (n > 1) v[1] = p[1];
  if (n > 2) v[2] = p[2];
  if (n > 3) v[3] = p[3];
  return v;
}
INLINE vi loadPartial(const int32_t* p, int n) { return asInt(loadPartial((const float*)(const void*)p, n)); }
INLINE void storePartial(float* p, vf v, int n) {
  if (n > 0) p[0] = v[0];
  if (n > 1) p[1] = v[1];
  if (n > 2) p[2] = v[2];
  if (n > 3) p[3] = v[3];
}
INLINE void storePartial(int32_t* p, vi v, int n) {
  if (n > 0) p[0] = v[0];
  if (n > 1) p[1] = v[1];
  if (n > 2) p[2] = v[2];
  if (n > 3) p[3] = v[3];
}
#endif

INLINE vm greater(vf a, vf b) { return less(b, a); }
INLINE vm greaterEqual(vf a, vf b) { return lessEqual(b, a); }
INLINE vm greater(vi a, vi b) { return less(b, a); }
INLINE vm isNaN(vf v) { return notEqual(v, v); }

// NaN if either argument is NaN.
INLINE vf minNaN(vf a, vf b) {
#if SIMD_NEON
  return (vf)vminq_f32((float32x4_t)a, (float32x4_t)b);
#elif SIMD_WASM
  return (vf)wasm_f32x4_min((v128_t)a, (v128_t)b);
#else
  return select(isNaN(a), a, min(a, b));
#endif
}
INLINE vf maxNaN(vf a, vf b) {
#if SIMD_NEON
  return (vf)vmaxq_f32((float32x4_t)a, (float32x4_t)b);
#elif SIMD_WASM
  return (vf)wasm_f32x4_max((v128_t)a, (v128_t)b);
#else
  return select(isNaN(a), a, max(a, b));
#endif
}

// Truncates, saturates, NaN → 0.
INLINE vi truncateToInt(vf v) {
#if SIMD_NEON || SIMD_WASM
  return truncateInRange(v);
#else
  vi raw = truncateInRange(v);  // 0x80000000 for everything out of range
  raw = select(greaterEqual(v, splat(2147483648.0f)), splat(0x7fffffff), raw);
  return select(isNaN(v), zeroInt(), raw);
#endif
}

INLINE vd splatDouble(double x) {
#if SIMD_AVX512
  return (vd)_mm512_set1_pd(x);
#elif SIMD_AVX2
  return (vd)_mm256_set1_pd(x);
#else
  return vd{x, x};
#endif
}
INLINE vl splatLong(int64_t x) {
#if SIMD_AVX512
  return (vl)_mm512_set1_epi64(x);
#elif SIMD_AVX2
  return (vl)_mm256_set1_epi64x(x);
#else
  return vl{x, x};
#endif
}
// The mask is a comparison of the compiler's vectors: a < b, all bits per lane.
INLINE vd select(vl m, vd a, vd b) { return (vd)(((vl)a & m) | ((vl)b & ~m)); }
// (An arithmetic shift of 64-bit lanes is many instructions before AVX-512.)
INLINE vl shiftRightLogical(vl v, int count) {
  typedef uint64_t unsignedLong __attribute__((vector_size(LANES * 4)));
  return (vl)((unsignedLong)v >> (unsignedLong)splatLong(count));
}
INLINE vd abs(vd v) { return (vd)((vl)v & splatLong(0x7fffffffffffffff)); }

// Lanes in a fixed tree: the same shape on every run (not the same bits on targets of different width).
INLINE float sumLanes(vf v) {
  float t[LANES];
  store(t, v);
  for (int width = LANES / 2; width; width /= 2)
    for (int i = 0; i < width; i++) t[i] += t[i + width];
  return t[0];
}
INLINE float maxLanes(vf v) {  // NaN propagates
  float t[LANES];
  store(t, v);
  float m = t[0];
  for (int i = 1; i < LANES; i++) m = (m != m || t[i] < m) ? m : t[i];
  return m;
}

// After streaming stores, before the flag that announces them.
INLINE void streamFence() {
#if SIMD_AVX512 || SIMD_AVX2 || SIMD_SSE
  _mm_sfence();
#endif
}
