// The contract between the runtime (cpp/runtime) and the kernels (cpp/kernels, cpp/gemm).
//
// A program is a flat list of steps over operands. A step names one kernel; the runtime resolves its operands
// to views and asks the kernel how the work is cut: `phases` (a barrier stands between two phases) and `chunks`
// per phase. Both are functions of shapes, never of the number of threads, so that the bits do not depend on it.
// Which thread runs which chunk is the runtime's business.
//
// Freestanding: kernels include nothing but this header, simd.h and each other. Every function is `static`;
// a translation unit exports one list (see unit.h).
#pragma once
#include <stddef.h>
#include <stdint.h>

enum Dtype : int32_t { DT_F32 = 0, DT_I32 = 1, DT_U8 = 2, DT_BOOL = 3 };

static const int MAX_RANK = 8;

// An operand as a kernel sees it. Strides count elements and may be 0 (broadcast) or negative (flip).
// data == nullptr with buffer == -1 is the index generator: element value = offset + Σ index[d] · strides[d], as int32.
struct View {
  uint8_t* data;      // address of element [0, 0, …]; null while a program is loaded
  int64_t offset;     // only for the index generator
  int32_t buffer;     // buffer number: equal numbers may alias (see Loop below), -1 = index generator
  int32_t dtype;
  int32_t rank;
  int32_t dynamicAxis;  // axis whose length is known at run time only (dims holds the bound at load), or -1
  int64_t dims[MAX_RANK];
  int64_t strides[MAX_RANK];
};

// The first fault of a run; the runtime stops before the first step that writes a donated buffer.
// Kernels report with `fault(...)`; among several the smallest (step, index) wins.
struct Status;
// INDEX_RANGE: row, and the index or label found there. MATRIX: number of the matrix in its batch, and the pivot at fault.
// STOPPED is the runtime's own: the stop flag was raised during a loop without end.
enum Fault : int32_t { FAULT_NONE = 0, FAULT_INDEX_RANGE = 1, FAULT_MATRIX = 2, FAULT_STOPPED = 3 };

struct Thread {
  int32_t index;        // 0 … threads − 1; only for scratch and diagnostics, never for a partition
  int32_t step;         // number of the running step
  uint8_t* scratch;     // private, THREAD_SCRATCH bytes, 4096-aligned, contents undefined
  void (*report)(Thread*, int32_t fault, int64_t index, int32_t value);
  Status* status;
};
static const int64_t THREAD_SCRATCH = 1 << 20;

struct StepArgs {
  const View* views;     // operands in the order of the encoding
  const int32_t* words;  // attributes of the step, as encoded
  int32_t viewCount, wordCount;
  void* plan;            // planBytes bytes, filled by prepare, read-only afterwards, 64-aligned
  uint8_t* scratch;      // scratchBytes bytes shared by all threads for the duration of the step, 256-aligned
};

struct Kernel {
  const char* name;
  // At load; views carry shapes (bounds) and strides but no data. Any of these may be null (0 bytes, nothing to do).
  int64_t (*planBytes)(const StepArgs*);
  void (*prepare)(StepArgs*);
  int64_t (*scratchBytes)(const StepArgs*);
  // At run; dims of dynamic axes hold their run-time length (0 is possible). Null phases = 1 phase.
  int32_t (*phases)(const StepArgs*);
  int64_t (*chunks)(const StepArgs*, int32_t phase);
  void (*run)(const StepArgs*, int32_t phase, int64_t begin, int64_t end, Thread*);  // chunks begin … end − 1
  // At load, before planBytes: null when the step is well formed, else why not ("expected 3 operands"). Number and dtypes
  // of the operands, attributes, the expression: what the runtime can't know. Null = not checked.
  const char* (*verify)(const StepArgs*);
};

// The kernels of one unit of compilation (unit.h).
struct KernelUnit {
  const Kernel* kernels;
  int32_t count;
};

struct KernelTable {
  const char* isa;
  const KernelUnit* const* units;
  int32_t unitCount;
  const char* const* opcodes;  // names of the loop instructions, by opcode
  int32_t opcodeCount;
  double (*peak)(double seconds);  // measured FMA rate of one thread in FLOP/s
  void (*triad)(float* a, const float* b, const float* c, int64_t count, bool streams);  // yardstick of bandwidth
};

static inline int32_t kernelCount(const KernelTable* table) {
  int32_t count = 0;
  for (int32_t u = 0; u < table->unitCount; u++) count += table->units[u]->count;
  return count;
}
// Kernels are numbered through all units; null beyond the last.
static inline const Kernel* kernelAt(const KernelTable* table, int32_t number) {
  for (int32_t u = 0; u < table->unitCount; number -= table->units[u++]->count)
    if (number < table->units[u]->count) return table->units[u]->kernels + number;
  return nullptr;
}

// ---------------------------------------------------------------------------------------------------------------
// Encodings of the kernels that carry an expression.
//
// Expr words:  loads, constants, constant words…, instructions, { opcode, argumentCount, arguments… } …, results, valueId…
//   value ids: 0 … loads−1 the loads, then the constants, then the instructions in order (SSA, no forward references).
//   A value is a lane vector of float32 or int32; which, the opcode knows. uint8 and bool load as int32 (0 … 255, 0/1)
//   and int32 lanes store to uint8 by truncation (& 255), to bool as (x != 0). Constants are raw 32-bit words.
//
// "loop"    views: loads…, stores… (all of one shape). words: Expr with results = stores.
//           A store may alias a load elementwise (same buffer, same address and strides: in-place update). All
//           instructions must see the load's old value: write straight to memory only where no later instruction
//           reads a load of that buffer, else through a register that is stored at the end of the block.
// "reduce"  views: loads of the prologue (full shape)…, loads of the epilogue…, stores… (epilogue operands have the
//           same rank, reduced axes have length 1). words: op, mask of reduced axes, prologue Expr (1 result: the value
//           reduced), epilogue Expr whose value 0 is the reduced value (counted in its loads, without a view) and
//           whose results are stored. op: REDUCE_*; the accumulator has the type of the prologue's result
//           (float32 or int32; word "type": 0 float32, 1 int32 follows the mask). argMax/argMin give the int32 index
//           along the one reduced axis, the first among equals; the first NaN wins in both, as in NumPy (max and min
//           propagate NaN).
//           words order: op, mask, type, prologue Expr…, epilogue Expr…
// "matmul"  views: a [batch…, M, K], b [batch…, K, N], c [batch…, M, N] (float32; batch axes broadcast by stride 0;
//           c's last axis has stride 1, a and b have stride 1 in one of the last two axes), then the epilogue's loads…,
//           stores… (shape of c). words: hasEpilogue, Expr. c = a·b is complete in memory before the epilogue of that
//           tile runs; the epilogue may load c and store to c in place. M or K may be dynamic.
//           K = 0 (dynamic) gives zeros.
enum ReduceOp : int32_t { REDUCE_SUM = 0, REDUCE_PROD = 1, REDUCE_MAX = 2, REDUCE_MIN = 3, REDUCE_ARGMAX = 4, REDUCE_ARGMIN = 5 };
//
// Other kernels, views inputs then outputs, all row-major contiguous unless said otherwise; with a dynamic axis so at run
// time, by its length: what a plan keeps from the time of loading may be no stride.
// "pack"         x [outer, n, inner] any dtype, n dynamic → y; one of them, or both, not contiguous by the length.  words: –
// "softmax"      x [rows…, n] float32 → y.                       words: –
// "logSoftmax"   x → y
// "sparseCrossEntropy"          logits [rows, n] float32, labels [rows] (int32 or uint8) → loss [rows]; label out of
//                               range: fault(FAULT_INDEX_RANGE, row, label), loss 0
// "sparseCrossEntropyGradient"  logits, labels, g [rows] → dlogits = (softmax − onehot) · g; out-of-range as above
// "gather"       data [n, inner…] any dtype, indices [rows…] int32 or uint8 → out [rows…, inner…]; fault when out of range
//                               (writes zeros). words: –
// "scatterAdd"   indices [rows] int32, updates [rows, inner…] float32 or int32 → out [n, inner…], zero first,
//                deterministic order (by row); an update whose index is out of range is left out: a fault
// "scatterUpdate"  x [n, inner…] any dtype, indices, updates of that dtype → x with rows replaced, the last update standing;
//                "scatterMaximum", "scatterMinimum": float32 or int32, the larger or smaller of all. Faults as scatterAdd.
// "sort"         x [rows…, n] any dtype → y, ascending, NaN last, −0 before 0.  words: descending
// "argSort"      x → int32 positions, stable, the zeros equal.                  words: descending
// "topK"         x → int32 positions [rows…, k] of the largest, or smallest, best first.  words: largest
// "searchSorted" sorted [rows, n], values [rows, m] → int32 places [rows, m] in 0 … n.    words: 1 behind equal ones, 0 before
// "linearRecurrence"  a, b (float32 or int32, dense or one value repeated) → y = a · y + b along the axis.
//                words: axis, reverse, exclusive, start (the state before the first, 0 or 1)
// "cumMax", "cumMin"  x (float32 or int32) → y.  words: axis, reverse, exclusive
// "normalizeRows"          x [rows…, n], gamma [n], beta [n] → y.      words: epsilon (float bits), centred
// "normalizeRowsGradient"  x, gamma, g → dx, dgamma, dbeta; same words
// "conv2d"       x [b, h, w, ci], kernel [kh, kw, ci/groups, co] → y [b, oh, ow, co]
//                words: strideH, strideW, padTop, padLeft, dilationH, dilationW, groups
// "conv2dInputGradient"   dy, kernel → dx;  "conv2dKernelGradient"  x, dy → dkernel; same words
// "maxPool2d"    x [b, h, w, c] → y [b, oh, ow, c]  words: poolH, poolW, strideH, strideW, padTop, padLeft (padding = −∞)
// "maxPool2dGradient"     x, y?, dy → dx : views x, dy, dx; the first maximum of a window takes the gradient
// "fft"          re, im [a…, n, b…] → re, im of the same shape   words of the three: axis, scale (bits of a float)
// "rfft"         x [a…, n, b…] → re, im [a…, n/2 + 1, b…];  "irfft"  re, im [a…, n/2 + 1, b…] → x [a…, n, b…]
// avgPool2d has no kernel of its own: src/ops/pool.ts makes it of other operations.
// Linear algebra: batches of matrices [batch…, rows, columns] float32; a fault is fault(FAULT_MATRIX, number in the batch, pivot)
// "triangularSolve" a [batch…, n, n], b [batch…, n, k] → x; words: lower, transpose, unit, tolerance (the bits of a float); fault
// "cholesky"     a [batch…, n, n] → l; fault                     "solve"  a [batch…, n, n], b [batch…, n, k] → x; fault
// "determinant"  a [batch…, n, n] → det, sign, log |det| [batch…]
// "qr"           a [batch…, m, n], m ≥ n → q [batch…, m, n or m], r [batch…, n, n]
// "eigh"         a [batch…, n, n] → values [batch…, n], vectors [batch…, n, n]
// "svd"          a [batch…, m, n], m ≥ n → u [batch…, m, n], s [batch…, n], vh [batch…, n, n]
