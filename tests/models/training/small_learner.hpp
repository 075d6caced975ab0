#pragma once
/// One 3x3 convolution and a bias as a denoiser, with the penalty weight/2 ||kernel||^2.
#include <algorithm>
#include <cmath>

#include <fejer/models/training/learner.hpp>
#include <fejer/vector.hpp>

namespace fejer_test {

using namespace fejer;

struct SmallLearner {
  double weight = 0;
  struct Prepared {
    Array<double> kernel;
    double bias;
  };
  Parameters initial(const Rng& rng) const {
    Parameters p;
    Array<double> kernel(Shape{3, 3});
    fill_normal<double>(kernel, rng.stream("kernel"));
    scale<double>(View<double>(kernel), 0.1);
    p.add("kernel", "convolution", kernel);
    p.add("bias", "bias", Array<double>(Shape{1}));
    return p;
  }
  Prepared prepare(const Parameters& p) const { return {p["kernel"], p["bias"][0]}; }
  Parameters effective_zeros(const Prepared&) const { return initial(Rng(0)).zeros(); }
  template <class Visit>
  static void taps(const Shape& shape, Index i, Index j, Visit visit) {
    for (Index a = -1; a <= 1; ++a)
      for (Index b = -1; b <= 1; ++b)
        if (i + a >= 0 && i + a < shape[1] && j + b >= 0 && j + b < shape[2])
          visit((i + a) * shape[2] + j + b, (a + 1) * 3 + b + 1);
  }
  void estimate(const Prepared& q, const Sample<float>& s, View<float> out) const {
    const Shape& shape = s.input.shape();
    for (Index i = 0; i < shape[1]; ++i)
      for (Index j = 0; j < shape[2]; ++j) {
        double sum = q.bias;
        taps(shape, i, j, [&](Index pixel, Index tap) {
          sum += q.kernel[tap] * static_cast<double>(s.input[pixel]);
        });
        out[i * shape[2] + j] = static_cast<float>(sum);
      }
  }
  double shard_gradient(const Prepared& q, const Shard<float>& shard, LossGradient<float> loss,
                        Parameters& effective, Figures& figures) const {
    double sum = 0;
    for (const Sample<float>& s : shard) {
      const Shape& shape = s.input.shape();
      Array<float> x(shape), g(shape);
      estimate(q, s, x);
      sum += loss(x, s.target, g);
      Array<double>& kernel = effective["kernel"];
      for (Index i = 0; i < shape[1]; ++i)
        for (Index j = 0; j < shape[2]; ++j) {
          const auto slope = static_cast<double>(g[i * shape[2] + j]);
          effective["bias"][0] += slope;
          taps(shape, i, j, [&](Index pixel, Index tap) {
            kernel[tap] += slope * static_cast<double>(s.input[pixel]);
          });
        }
      figures["sigma"] += s.sigma;
    }
    return sum;
  }
  Parameters pull_back(const Parameters&, const Prepared&, const Parameters& effective) const {
    return effective;
  }
  double penalty(const Parameters& p, const Prepared&, Parameters& gradient) const {
    const Array<double>& kernel = p["kernel"];
    for (Index k = 0; k < kernel.size(); ++k) gradient["kernel"][k] += weight * kernel[k];
    return weight / 2 * dot(kernel, kernel);
  }
};

}  // namespace fejer_test
