// Which table of kernels this machine can run.
#pragma once
#include "kernels/kernel.h"
#include "runtime/message.h"

// The best table the processor supports, or the one named by `wanted` (null or empty: best). Null with a message when
// the wanted one is not built or not supported.
const KernelTable* chooseKernels(const char* wanted, Message* message);

struct ProcessorInfo {
  char brand[64];
  char features[160];
};
void describeProcessor(ProcessorInfo* info);

// The tables built in and supported, best first; returns how many, at most `capacity`.
int32_t availableKernels(const KernelTable** tables, int32_t capacity);
