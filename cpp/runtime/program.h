// The encoded program, as src/backends/cpu/encode.ts writes it and program.cc reads it. All words are int32.
//
// header: MAGIC, VERSION, buffers, operands, top-level steps, words of the step section, bindings, arena size in 256-byte units
// buffer: kind (0 arena, 1 bound), arena offset in 256-byte units | binding slot
// operand: buffer, offset in elements, dtype, rank, dynamic axis | −1, extent operand | −1, packed,
//          dims[rank], strides[rank], loops, { level, stride, parity, phase } …
//   address = base + element size · (offset + Σ over loops (t[level] · stride + ((t[level] + phase) & 1) · parity)),
//   where t[level] is the iteration of the enclosing loop at nesting depth `level`.
//   Dynamic axis: its length is min(dims[axis], value of the extent operand, an int32 scalar), read when the step starts.
//   Packed (1): the strides of the axes before the dynamic one are multiples of its bound, and become those of its length.
// step: kind, flags, words that follow, payload…
//   kind 0 kernel: kernel number, views, operand…, attribute words, word…
//   kind 1 scan:   level, length, reverse (t runs length−1 … 0; parity then counts iterations done, see below), body steps
//                  count; the body's steps follow as the next steps in the list (nested, not counted at top level)
//   kind 2 cond:   predicate operand (bool or int32 scalar), then count, else count; both bodies follow
//   kind 3 yield:  host call number; the run returns to the caller with it and is resumed after this step
//   kind 4 while:  level, maximum iterations (−1 none), predicate operand, condition steps count, body steps count; both follow
//   flags: 1 barrier before the step (it touches what a step since the last barrier touched)
//          2 commit: the step writes a donated buffer; the status word is read (after the barrier) before it first runs
//   The first step of a body and the step after a body always carry flag 1.
// In a loop operand's formula `t · stride` uses the logical index t (length−1 … 0 when reversed), the parity term uses
// the number of iterations done (0, 1, 2, …).
#pragma once
#include <stdint.h>
static const int32_t PROGRAM_MAGIC = 0x4d59454c;
// Raised, here and in src/backends/cpu/addon.ts, whenever the words of a program, an instruction or the operands of a
// kernel mean something else than before; new names need nothing. An addon of another version is not used.
static const int32_t PROGRAM_VERSION = 3;
enum StepKind : int32_t { STEP_KERNEL = 0, STEP_SCAN = 1, STEP_COND = 2, STEP_YIELD = 3, STEP_WHILE = 4 };
enum StepFlag : int32_t { FLAG_BARRIER = 1, FLAG_COMMIT = 2 };
