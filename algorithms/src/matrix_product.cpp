#include <fejer/algorithms/matrix_product.hpp>

#include <string>

#include <fejer/error.hpp>

namespace fejer {
namespace {

void require_same(const char* name, Eigen::Index a, Eigen::Index b) {
  if (a != b)
    throw ShapeError(std::string(name) + ": the sums have " + std::to_string(a) + " terms on one " +
                     "side and " + std::to_string(b) + " on the other");
}

}  // namespace

template <class T>
DenseMatrix<T> product(const DenseMatrixRef<T>& a, const DenseMatrixRef<T>& b) {
  require_same("product", a.cols(), b.rows());
  return a * b;
}
template <class T>
DenseMatrix<T> transposed_product(const DenseMatrixRef<T>& a, const DenseMatrixRef<T>& b) {
  require_same("transposed_product", a.rows(), b.rows());
  return a.transpose() * b;
}
template <class T>
DenseMatrix<T> product_transposed(const DenseMatrixRef<T>& a, const DenseMatrixRef<T>& b) {
  require_same("product_transposed", a.cols(), b.cols());
  return a * b.transpose();
}

template DenseMatrix<float> product(const DenseMatrixRef<float>&, const DenseMatrixRef<float>&);
template DenseMatrix<double> product(const DenseMatrixRef<double>&, const DenseMatrixRef<double>&);
template DenseMatrix<float> transposed_product(const DenseMatrixRef<float>&,
                                               const DenseMatrixRef<float>&);
template DenseMatrix<double> transposed_product(const DenseMatrixRef<double>&,
                                                const DenseMatrixRef<double>&);
template DenseMatrix<float> product_transposed(const DenseMatrixRef<float>&,
                                               const DenseMatrixRef<float>&);
template DenseMatrix<double> product_transposed(const DenseMatrixRef<double>&,
                                                const DenseMatrixRef<double>&);

}  // namespace fejer
