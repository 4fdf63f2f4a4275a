// The kernels of one instruction set, as one table. Compiled once per target with -DMYELIN_ISA=<name>; the object exports
// myelin_kernels_<name> and nothing else.
#include "loop.h"
#include "reduce.h"
#include "../gemm/matmul.h"
#include "conv.h"
#include "cumulative.h"
#include "fft.h"
#include "indexing.h"
#include "linalg_table.h"
#include "pool.h"
#include "rows.h"
#include "scatter.h"
#include "search.h"
#include "sort.h"
#include "top.h"

#define LENGTH(array) (int)(sizeof(array) / sizeof(array[0]))
static constexpr int KERNEL_COUNT =
    3 + LENGTH(conv_kernels) + LENGTH(cumulative_kernels) + LENGTH(fft_kernels) + LENGTH(indexing_kernels) + LENGTH(linalg_kernels) +
    LENGTH(pool_kernels) + LENGTH(rows_kernels) + LENGTH(scatter_kernels) + LENGTH(search_kernels) + LENGTH(sort_kernels) +
    LENGTH(top_kernels);

struct KernelList {
  Kernel kernels[KERNEL_COUNT];
  int count;
  template <int n> constexpr void append(const Kernel (&more)[n]) {
    for (int i = 0; i < n; i++) kernels[count++] = more[i];
  }
};

static constexpr KernelList allKernels() {
  KernelList list = {};
  list.kernels[list.count++] = loop_kernel;
  list.kernels[list.count++] = reduce_kernel;
  list.kernels[list.count++] = matmul_kernel;
  list.append(conv_kernels);
  list.append(cumulative_kernels);
  list.append(fft_kernels);
  list.append(indexing_kernels);
  list.append(linalg_kernels);
  list.append(pool_kernels);
  list.append(rows_kernels);
  list.append(scatter_kernels);
  list.append(search_kernels);
  list.append(sort_kernels);
  list.append(top_kernels);
  return list;
}
static const KernelList kernelList = allKernels();

#include "../gemm/peak.h"
#include "triad.h"
uint64_t nanoseconds();  // of the runtime
static double clockSeconds() { return (double)nanoseconds() * 1e-9; }
static double peak(double seconds) { return fma_peak(seconds, clockSeconds); }

#define TEXT(name) #name
#define TEXT_OF(name) TEXT(name)
#define JOIN(a, b) a##b
#define TABLE_NAME(isa) JOIN(myelin_kernels_, isa)

extern "C" const KernelTable TABLE_NAME(MYELIN_ISA);
const KernelTable TABLE_NAME(MYELIN_ISA) = {TEXT_OF(MYELIN_ISA), kernelList.kernels, KERNEL_COUNT, OPCODE_NAMES, OPCODE_COUNT, peak, triad};
