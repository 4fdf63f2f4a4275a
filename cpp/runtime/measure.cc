// Peak arithmetic and the triad a = b + s · c come from the kernels' own table: they depend on the instruction set. A
// triad counts as 3 arrays moved; the rate is the best of the passes that fit into the time.
#include "runtime/measure.h"

// Bytes of the three arrays together, per thread. In the cache: a third of the smallest second-level cache in use.
#if defined(MYELIN_WASM)
static const int64_t MEMORY_BYTES = (int64_t)48 << 20;
#else
static const int64_t MEMORY_BYTES = (int64_t)192 << 20;
#endif
static const int64_t CACHE_BYTES = (int64_t)96 << 10;
static const int64_t BYTES_PER_PASS = (int64_t)1 << 20;  // at least so many between two looks at the clock

struct Measurement {
  const KernelTable* table;
  int32_t threads;
  double seconds;
  MeasuredRate what;
  double rates[MAX_THREADS];
};

static double triadRate(const KernelTable* table, double seconds, int64_t bytes) {
  const int64_t count = bytes / 12;
  float* a = (float*)reserveMemory(bytes);
  if (!a) return 0;
  const int64_t passes = bytes < BYTES_PER_PASS ? BYTES_PER_PASS / bytes : 1;
  double best = 0;
  uint64_t end = nanoseconds() + (uint64_t)(seconds * 1e9);
  do {
    uint64_t began = nanoseconds();
    for (int64_t i = 0; i < passes; i++) table->triad(a, a + count, a + 2 * count, count, bytes >= BYTES_PER_PASS);
    uint64_t spent = nanoseconds() - began;
    double rate = spent ? 12.0 * (double)(count * passes) / (double)spent * 1e9 : 0;
    if (rate > best) best = rate;
  } while (nanoseconds() < end);
  returnMemory((uint8_t*)a, bytes);
  return best;
}

static void measureMember(Member* member, void* argument) {
  Measurement* measurement = (Measurement*)argument;
  if (member->index >= measurement->threads) return;
  const KernelTable* table = measurement->table;
  double* rate = &measurement->rates[member->index];
  if (measurement->what == PEAK_FLOPS) {
    *rate = table->peak(measurement->seconds);
  } else {
    *rate = triadRate(table, measurement->seconds, measurement->what == CACHE_BANDWIDTH ? CACHE_BYTES : MEMORY_BYTES);
  }
}

double measureRate(Team* team, const KernelTable* table, int32_t threads, double seconds, MeasuredRate what) {
  Measurement measurement = {};
  measurement.table = table;
  measurement.threads = threads;
  measurement.seconds = seconds < 10 ? seconds : 10;
  measurement.what = what;
  Position nowhere = {};
  runTeam(team, threads > 1 ? team->size : 1, measureMember, &measurement, &nowhere, true);
  double rate = 0;
  for (int32_t i = 0; i < MAX_THREADS; i++) rate += measurement.rates[i];
  return rate;
}
