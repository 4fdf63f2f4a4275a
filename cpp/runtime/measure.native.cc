// Peak arithmetic comes from the kernels' own table (it depends on the instruction set); bandwidth is a triad
// a = b + s · c over 64 MB per array and thread, counted as 3 arrays moved, best of the passes that fit the time.
#include "runtime/measure.native.h"

#include "runtime/engine.native.h"

static const int64_t ARRAY_BYTES = (int64_t)64 << 20;

struct Shared {
  Measurement* measurement;
  double rates[MAX_THREADS];
};

static double triad(double seconds) {
  const int64_t count = ARRAY_BYTES / 4;
  float* memory = (float*)reserveMemory(3 * ARRAY_BYTES);
  if (!memory) return 0;
  float *a = memory, *b = memory + count, *c = memory + 2 * count;
  double best = 0;
  uint64_t end = nanoseconds() + (uint64_t)(seconds * 1e9);
  do {
    uint64_t began = nanoseconds();
    for (int64_t i = 0; i < count; i++) a[i] = b[i] + 3.0f * c[i];
    double rate = 3.0 * ARRAY_BYTES / (double)(nanoseconds() - began) * 1e9;
    if (rate > best) best = rate;
    asm volatile("" ::: "memory");
  } while (nanoseconds() < end);
  returnMemory((uint8_t*)memory, 3 * ARRAY_BYTES);
  return best;
}

static void measureMember(Member* member, void* argument) {
  Shared* shared = (Shared*)argument;
  const Measurement* measurement = shared->measurement;
  const KernelTable* table = engineKernels();
  if (member->index >= measurement->threads) return;
  if (measurement->isBandwidth) {
    shared->rates[member->index] = triad(measurement->seconds);
  } else if (table->peak) {
    shared->rates[member->index] = table->peak(measurement->seconds);
  }
}

void measureMachine(void* argument) {
  Shared shared = {};
  shared.measurement = (Measurement*)argument;
  if (shared.measurement->seconds > 10) shared.measurement->seconds = 10;
  Team* team = engineTeam();
  Position nowhere = {};
  runTeam(team, shared.measurement->threads > 1 ? team->size : 1, measureMember, &shared, &nowhere, true);
  for (int32_t i = 0; i < MAX_THREADS; i++) shared.measurement->rate += shared.rates[i];
}
