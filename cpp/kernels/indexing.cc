// Rows picked by number, and rows in order.
#include "indexing.h"
#include "scatter.h"
#include "search.h"
#include "sort.h"
#include "top.h"
#include "unit.h"

static constexpr auto list = joined(indexing_kernels, scatter_kernels, search_kernels, sort_kernels, top_kernels);
KERNEL_UNIT(indexing) = {list.kernels, list.count};
