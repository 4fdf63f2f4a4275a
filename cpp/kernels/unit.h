// A unit of compilation: some kernels as one list. Units are apart so that a change compiles only its own.
#pragma once
#include "kernel.h"

#define LENGTH_OF(array) (int32_t)(sizeof(array) / sizeof(array[0]))
#define TEXT(name) #name
#define TEXT_OF(name) TEXT(name)
#define JOIN(unit, isa) myelin_##unit##_##isa
#define JOIN_OF(unit, isa) JOIN(unit, isa)

#define UNIT_ISA TEXT_OF(MYELIN_ISA)
#define UNIT_NAME(unit) JOIN_OF(unit, MYELIN_ISA)

// `KERNEL_UNIT(rows)`: the symbol that the object rows.cc exports.
#define KERNEL_UNIT(unit)                      \
  extern "C" const KernelUnit UNIT_NAME(unit); \
  const KernelUnit UNIT_NAME(unit)

// Several lists of kernels in one, at compile time.
template <int capacity>
struct KernelList {
  Kernel kernels[capacity];
  int count;
  template <int n> constexpr void append(const Kernel (&more)[n]) {
    for (int i = 0; i < n; i++) kernels[count++] = more[i];
  }
};
template <int... lengths>
static constexpr KernelList<(lengths + ...)> joined(const Kernel (&... lists)[lengths]) {
  KernelList<(lengths + ...)> all = {};
  (all.append(lists), ...);
  return all;
}
