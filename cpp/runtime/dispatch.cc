// Chooses the table of kernels by what the processor and the operating system support: CPUID for the instructions,
// XGETBV for the registers that are saved when threads switch (an AVX-512 processor under a system that does not save
// ZMM must take AVX2). By hand, because __builtin_cpu_supports is not reliable in every build.
#include "runtime/dispatch.h"

#include "runtime/platform.h"

// The build says which tables there are: MYELIN_ISAS(X) expands to X(baseline) X(avx2) …
#if !defined(MYELIN_ISAS)
#error "compile with -DMYELIN_ISAS(X)=X(baseline)…"
#endif
#define DECLARE(isa) extern "C" const KernelTable myelin_kernels_##isa;
MYELIN_ISAS(DECLARE)
#undef DECLARE

// Oldest first, as the build lists them.
#define ADDRESS(isa) &myelin_kernels_##isa,
static const KernelTable* const tables[] = {MYELIN_ISAS(ADDRESS)};
#undef ADDRESS
static const int32_t tableCount = sizeof tables / sizeof tables[0];

static bool isEqual(const char* a, const char* b) {
  while (*a && *a == *b) a++, b++;
  return *a == *b;
}

#if defined(__x86_64__)

struct Registers {
  uint32_t a, b, c, d;
};

static Registers cpuid(uint32_t leaf, uint32_t subleaf) {
  Registers r;
  asm volatile("cpuid" : "=a"(r.a), "=b"(r.b), "=c"(r.c), "=d"(r.d) : "a"(leaf), "c"(subleaf));
  return r;
}

static uint64_t enabledState() {
  uint32_t low, high;
  asm volatile("xgetbv" : "=a"(low), "=d"(high) : "c"(0));
  return (uint64_t)high << 32 | low;
}

struct Features {
  bool sse41, sse42, popcnt, avx2, fma, bmi, f16c, avx512, vnni, bf16;
};

static bool bit(uint32_t word, int32_t position) { return word >> position & 1; }

static Features readFeatures() {
  Features f = {};
  uint32_t highest = cpuid(0, 0).a;
  Registers one = cpuid(1, 0);
  f.sse41 = bit(one.c, 19);
  f.sse42 = bit(one.c, 20);
  f.popcnt = bit(one.c, 23);
  bool savesYmm = false, savesZmm = false;
  if (bit(one.c, 27)) {  // OSXSAVE
    uint64_t state = enabledState();
    savesYmm = (state & 0x06) == 0x06;
    savesZmm = (state & 0xe6) == 0xe6;
  }
  if (highest < 7 || !savesYmm || !bit(one.c, 28)) return f;
  Registers seven = cpuid(7, 0);
  f.fma = bit(one.c, 12);
  f.f16c = bit(one.c, 29);
  f.avx2 = bit(seven.b, 5);
  f.bmi = bit(seven.b, 3) && bit(seven.b, 8) && bit(one.c, 22);
  if (!savesZmm) return f;
  // x86-64-v4: F, DQ, CD, BW, VL.
  f.avx512 = bit(seven.b, 16) && bit(seven.b, 17) && bit(seven.b, 28) && bit(seven.b, 30) && bit(seven.b, 31);
  f.vnni = f.avx512 && bit(seven.c, 11);
  f.bf16 = f.avx512 && seven.a >= 1 && bit(cpuid(7, 1).a, 5);
  return f;
}

static bool isSupported(const char* isa) {
  Features f = readFeatures();
  bool v2 = f.sse41 && f.sse42 && f.popcnt;
  bool v3 = v2 && f.avx2 && f.fma && f.bmi && f.f16c;
  bool v4 = v3 && f.avx512;
  if (isEqual(isa, "baseline")) return v2;
  if (isEqual(isa, "avx2")) return v3;
  if (isEqual(isa, "avx512")) return v4;
  if (isEqual(isa, "avx512vnni")) return v4 && f.vnni;
  return false;
}

static void append(char* text, int32_t size, const char* part) {
  int32_t at = 0;
  while (text[at]) at++;
  if (at > 0 && at < size - 1) text[at++] = ' ';
  while (*part && at < size - 1) text[at++] = *part++;
  text[at] = 0;
}

void describeProcessor(ProcessorInfo* info) {
  *info = {};
  if (cpuid(0x80000000, 0).a >= 0x80000004) {
    for (uint32_t i = 0; i < 3; i++) {
      Registers r = cpuid(0x80000002 + i, 0);
      const uint32_t words[4] = {r.a, r.b, r.c, r.d};
      for (int32_t j = 0; j < 16; j++) info->brand[16 * i + j] = (char)(words[j / 4] >> 8 * (j % 4));
    }
  }
  Features f = readFeatures();
  const int32_t size = sizeof info->features;
  if (f.sse42) append(info->features, size, "sse4.2");
  if (f.avx2) append(info->features, size, "avx2");
  if (f.fma) append(info->features, size, "fma");
  if (f.f16c) append(info->features, size, "f16c");
  if (f.avx512) append(info->features, size, "avx512");
  if (f.vnni) append(info->features, size, "avx512vnni");
  if (f.bf16) append(info->features, size, "avx512bf16");
}

#else

// One table per build; a browser that lacks its features refuses the module.
static bool isSupported(const char*) { return true; }

void describeProcessor(ProcessorInfo* info) { *info = {}; }

#endif

int32_t availableKernels(const KernelTable** found, int32_t capacity) {
  int32_t count = 0;
  for (int32_t i = tableCount - 1; i >= 0 && count < capacity; i--) {
    if (isSupported(tables[i]->isa)) found[count++] = tables[i];
  }
  return count;
}

static const KernelTable* none(const char* wanted, const char* why, Message* message) {
  *message << "instruction set \"" << wanted << "\" " << why << "; this build has";
  for (int32_t i = 0; i < tableCount; i++) *message << (i ? ", " : " ") << tables[i]->isa;
  return nullptr;
}

const KernelTable* chooseKernels(const char* wanted, Message* message) {
  if (wanted && *wanted) {
    for (int32_t i = 0; i < tableCount; i++) {
      if (!isEqual(tables[i]->isa, wanted)) continue;
      return isSupported(wanted) ? tables[i] : none(wanted, "is not supported by this processor", message);
    }
    return none(wanted, "is not built in", message);
  }
  const KernelTable* best;
  if (availableKernels(&best, 1) == 1) return best;
  return none(tables[0]->isa, "is the least that is needed and this processor lacks it", message);
}
