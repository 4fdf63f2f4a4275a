// Kernels that work on rows.
#include "cumulative.h"
#include "norm.h"
#include "rows.h"
#include "unit.h"

static constexpr auto list = joined(cumulative_kernels, norm_kernels, rows_kernels);
KERNEL_UNIT(rows) = {list.kernels, list.count};
