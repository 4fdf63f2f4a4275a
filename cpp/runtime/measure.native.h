// What this machine can do, measured with the engine's own team: for `myelin doctor` and the benchmarks.
#pragma once
#include <stdint.h>

struct Measurement {
  int32_t threads;
  double seconds;
  bool isBandwidth;  // bytes/s of a triad over memory larger than the caches; else FLOP/s of fused multiply-adds
  double rate;       // the result, all threads together
};

void measureMachine(void* measurement);  // with the engine at rest
