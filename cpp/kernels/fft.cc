// Fourier transforms.
#include "fft.h"
#include "unit.h"

KERNEL_UNIT(fft) = {fft_kernels, LENGTH_OF(fft_kernels)};
