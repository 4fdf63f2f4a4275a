// Convolution and pooling.
#include "conv.h"
#include "pool.h"
#include "unit.h"

static constexpr auto list = joined(conv_kernels, pool_kernels);
KERNEL_UNIT(conv) = {list.kernels, list.count};
