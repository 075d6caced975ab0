// The operators on measured data: conventions are only right if these come out.
#include <cmath>

#include <doctest/doctest.h>
#include <fejer/hdf5.hpp>
#include <fejer/operators/cartesian_mri.hpp>
#include <fejer/operators/tomography.hpp>
#include <fejer/vector.hpp>

#include "data.hpp"

using namespace fejer;

TEST_CASE("real data: filtered backprojection of the tooth") {
  if (!fejer_test::have_data()) return;
  const Hdf5Reader file(fejer_test::data("ct/tooth_sinogram.h5"));
  const Array<float> sinogram = file.read<float>("sinogram");
  const Array<float> expected = file.read<float>("fbp");
  const Array<double> angles = file.read<double>("angles_rad");
  TomographyGeometry g;
  g.angles_rad.assign(angles.begin(), angles.end());
  g.detectors = sinogram.shape()[2];
  g.centre = 295.5;
  const Array<float> image = filtered_backprojection(g, sinogram, expected.shape());
  const Index N = 512;
  double difference = 0, size = 0;
  for (Index k = 0; k < image.size(); ++k) {
    const double x = static_cast<double>(k % N) - 255.5, y = static_cast<double>(k / N % N) - 255.5;
    if (std::hypot(x, y) > 255) continue;
    difference += std::pow(static_cast<double>(image[k] - expected[k]), 2);
    size += std::pow(static_cast<double>(expected[k]), 2);
  }
  MESSAGE("relative difference to the stored reconstruction: " << std::sqrt(difference / size));
  CHECK(std::sqrt(difference / size) <= 0.02);
  // Projecting it again gives the measured sums, up to what the ramp and the pixels lose.
  const LinearOperator<float> A = Tomography<float>(g, expected.shape());
  const double misfit = distance(A.apply(expected), sinogram) / norm(sinogram);
  MESSAGE("relative misfit of its projection to the data: " << misfit);
  CHECK(misfit <= 0.05);
}

TEST_CASE("real data: the brain's maps times image against its k-space") {
  if (!fejer_test::have_data()) return;
  using C = std::complex<double>;
  const Hdf5Reader file(fejer_test::data("mri/brain16_96.h5"));
  const Array<C> kspace = file.read<C>("kspace"), maps = file.read<C>("maps");
  const Array<C> image = file.read<C>("image").reshaped(Shape{1, 96, 96});
  const LinearOperator<C> A = CartesianMri<double>(Array<double>(Shape{96, 96}, 1.0), maps);
  const double mismatch = distance(A.apply(image), kspace) / norm(kspace);
  MESSAGE("relative mismatch: " << mismatch);
  CHECK(mismatch == doctest::Approx(0.034).epsilon(0.02));                // the README's 3.4 %
  CHECK(distance(A.apply_adjoint(kspace), image) <= 1e-5 * norm(image));  // stored in float
  CHECK(A.norm_interval().upper == doctest::Approx(1).epsilon(1e-5));
}

TEST_CASE("real data: the 8-coil zero-filled data lie in the range of the mask") {
  if (!fejer_test::have_data()) return;
  using C = std::complex<double>;
  const Hdf5Reader file(fejer_test::data("mri/brain8_230x180_undersampled.h5"));
  const Array<C> kspace = file.read<C>("kspace");
  const Array<double> mask = file.read<double>("mask");
  const LinearOperator<C> A = CartesianMri<double>(mask, file.read<C>("maps"));
  const Array<C> x = file.read<C>("image_cg_sense").reshaped(Shape{1, 230, 180});
  // x minimises ||Ax - y||^2 + 0.01 ||x||^2: its gradient is small beside A*y.
  Array<C> gradient(A.domain());
  A.normal(x, gradient);
  axpy<C>(0.01, x, gradient);
  const Array<C> right = A.apply_adjoint(kspace);
  CHECK(distance(gradient, right) <= 1e-3 * norm(right));
}
