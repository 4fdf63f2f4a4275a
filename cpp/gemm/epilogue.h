// The expression of a product, run by the loop kernel on finished tiles of c.
#pragma once
#include "../kernels/kernel.h"

namespace gemm {
static int64_t epiloguePlanBytes(const StepArgs*) { return 0; }
static void epiloguePrepare(StepArgs*) {}
static void epilogueRun(const StepArgs*, int64_t, int64_t, int64_t, int64_t, int64_t, Thread*) {}
}  // namespace gemm
