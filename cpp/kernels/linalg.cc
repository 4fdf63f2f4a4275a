// Linear algebra.
#include "linalg_eigen.h"
#include "linalg_lu.h"
#include "linalg_qr.h"
#include "linalg_triangular.h"
#include "unit.h"

static constexpr Kernel linalg_kernels[] = {
    linalg::kernelOf<linalg::TriangularSolve>("triangularSolve", linalg::TriangularSolve::verify),
    linalg::kernelOf<linalg::Cholesky>("cholesky", linalg::Cholesky::verify),
    linalg::kernelOf<linalg::Solve>("solve", linalg::Solve::verify),
    linalg::kernelOf<linalg::Determinant>("determinant", linalg::Determinant::verify),
    linalg::kernelOf<linalg::QR>("qr", linalg::QR::verify),
    linalg::kernelOf<linalg::Eigh>("eigh", linalg::Eigh::verify),
    linalg::kernelOf<linalg::SVD>("svd", linalg::SVD::verify),
};
KERNEL_UNIT(linalg) = {linalg_kernels, LENGTH_OF(linalg_kernels)};
