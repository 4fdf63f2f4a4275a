// What carries expressions: fused loops, reductions, matrix products.
#include "loop.h"
#include "reduce.h"
#include "../gemm/matmul.h"
#include "unit.h"

static constexpr Kernel core_kernels[] = {loop_kernel, reduce_kernel, matmul_kernel};
KERNEL_UNIT(core) = {core_kernels, LENGTH_OF(core_kernels)};
