// What carries expressions: fused loops, reductions, matrix products; and the copy that no loop can make.
#include "loop.h"
#include "pack.h"
#include "reduce.h"
#include "../gemm/matmul.h"
#include "unit.h"

static constexpr Kernel core_kernels[] = {loop_kernel, reduce_kernel, matmul_kernel, pack_kernel};
KERNEL_UNIT(core) = {core_kernels, LENGTH_OF(core_kernels)};
