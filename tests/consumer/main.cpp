#include <cstdio>
#include <fejer/fejer.hpp>
using namespace fejer;

int main() {
  const auto truth = shepp_logan<float>(128);  // (1,128,128), intensities in [0,1]
  const LinearOperator<float> A =
      Blur<float>(gaussian_kernel<float>(1.5), truth.shape(), Boundary::reflect);
  auto y = A.apply(truth);
  add_normal<float>(y, 0.01, Rng(2024).stream("noise"));
  const LeastSquares<float> f(A, y);            // 1/2 ||Ax - y||^2
  const TotalVariation<float> g(5e-4);          // 5e-4 TV(x)
  const AcceleratedForwardBackward<float> fista(f, g);  // step 1/L from A's proven norm
  const auto result = run(fista, y, {.max_iterations = 300, .tolerance = 1e-4});
  std::printf("%.2f dB -> %.2f dB: %s, %td iterations\n", psnr(y, truth, 1),
              psnr(result.x, truth, 1), to_string(result.status), result.iterations);
  write_png("deblurred.png", result.x);
}
