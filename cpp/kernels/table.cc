// The kernels of one instruction set, as one table. Everything in cpp/kernels/*.cc is compiled once per target with
// -DMYELIN_ISA=<name>; this object exports myelin_kernels_<name>, each of the others the list myelin_<file>_<name>.
#include "opcodes.h"
#include "unit.h"

#define UNITS(X) X(core) X(conv) X(rows) X(indexing) X(linalg) X(fft)
#define DECLARE(unit) extern "C" const KernelUnit UNIT_NAME(unit);
#define ADDRESS(unit) &UNIT_NAME(unit),
UNITS(DECLARE)
static const KernelUnit* const units[] = {UNITS(ADDRESS)};

#include "../gemm/peak.h"
#include "triad.h"
uint64_t nanoseconds();  // of the runtime
static double clockSeconds() { return (double)nanoseconds() * 1e-9; }
static double peak(double seconds) { return fma_peak(seconds, clockSeconds); }

extern "C" const KernelTable UNIT_NAME(kernels);
const KernelTable UNIT_NAME(kernels) = {UNIT_ISA, units, LENGTH_OF(units), OPCODE_NAMES, OPCODE_COUNT, peak, triad};
