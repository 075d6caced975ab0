#include <fejer/models/patch_denoiser.hpp>

#include <doctest/doctest.h>

#include <algorithm>
#include <cmath>
#include <numeric>

#include <fejer/models/model_file.hpp>
#include <fejer/parallel.hpp>

#include "../data.hpp"
#include "small_models.hpp"

using namespace fejer;
using namespace fejer_test;

namespace {

constexpr double trained = 0.1;

PatchDenoiserParameters small_denoiser(Index size, std::vector<Index> inputs, Index hidden = 7) {
  PatchDenoiserParameters p;
  const auto in = static_cast<Index>(inputs.size());
  p.network.weights = {random_array({hidden, in}, "patch weight 0", 0.5),
                       random_array({size * size, hidden}, "patch weight 1", 0.5)};
  p.network.biases = {random_array({hidden}, "patch bias 0", 0.2),
                      random_array({size * size}, "patch bias 1", 0.2)};
  p.size = size;
  p.noise_level = trained;
  p.inputs = std::move(inputs);
  return p;
}

std::vector<Index> all_inputs(Index size) {
  std::vector<Index> all(static_cast<std::size_t>(size * size));
  std::iota(all.begin(), all.end(), 0);
  return all;
}

/// As the definition says, patch by patch.
Array<double> plainly_denoised(const PatchDenoiserParameters& p, const Array<double>& x) {
  const Index height = x.shape()[1], width = x.shape()[2], k = p.size;
  Array<double> sum(x.shape()), count(x.shape());
  for (Index r = 0; r + k <= height; ++r)
    for (Index c = 0; c + k <= width; ++c) {
      std::vector<double> patch;
      for (Index q = 0; q < k * k; ++q) patch.push_back(x[(r + q / k) * width + c + q % k]);
      const double mean =
          std::accumulate(patch.begin(), patch.end(), 0.0) / static_cast<double>(k * k);
      std::vector<double> v;
      for (const Index i : p.inputs)
        v.push_back((patch[static_cast<std::size_t>(i)] - mean) / p.noise_level);
      for (std::size_t l = 0; l < p.network.weights.size(); ++l) {
        const Array<double>& w = p.network.weights[l];
        std::vector<double> next;
        for (Index i = 0; i < w.shape()[0]; ++i) {
          double u = p.network.biases[l][i];
          for (Index j = 0; j < w.shape()[1]; ++j)
            u += w[i * w.shape()[1] + j] * v[static_cast<std::size_t>(j)];
          next.push_back(l + 1 < p.network.weights.size() ? std::max(u, p.network.slope * u) : u);
        }
        v = next;
      }
      for (Index q = 0; q < k * k; ++q) {
        sum[(r + q / k) * width + c + q % k] +=
            p.noise_level * v[static_cast<std::size_t>(q)] + mean;
        count[(r + q / k) * width + c + q % k] += 1;
      }
    }
  for (Index i = 0; i < sum.size(); ++i) sum[i] /= count[i];
  return sum;
}

}  // namespace

TEST_CASE("patch denoiser: its definition, at every size of image") {
  for (const Shape& shape : {Shape{1, 3, 3}, Shape{1, 3, 5}, Shape{1, 41, 6}, Shape{1, 37, 8}})
    for (const auto& inputs : {all_inputs(3), std::vector<Index>{1, 4, 8}}) {
      const PatchDenoiserParameters p = small_denoiser(3, inputs);
      const Array<double> x = random_array(shape, "x");
      Array<double> out(shape);
      PatchDenoiser<double>(p).denoise(x, trained, out);
      CHECK(largest_difference(out, plainly_denoised(p, x)) < 1e-12);
      Array<float> single(shape);
      const Array<float> rounded = converted<float>(x);
      PatchDenoiser<float>(p).denoise(rounded, trained, single);
      CHECK(largest_difference(converted<float>(out), single) < 1e-5);
    }
}

TEST_CASE("patch denoiser: planes one by one, the same bits for any number of threads") {
  const PatchDenoiser<float> denoiser(small_denoiser(5, all_inputs(5)));
  const Array<float> x = random_array<float>({2, 3, 70, 53}, "x");
  Array<float> out(x.shape()), plane(Shape{1, 70, 53});
  {
    const ScopedThreads one(1);
    denoiser.denoise(x, trained, out);
  }
  for (const int threads : {2, 3, 4}) {
    const ScopedThreads scope(threads);
    Array<float> again(x.shape());
    denoiser.denoise(x, trained, again);
    CHECK(largest_difference(out, again) == 0);
  }
  denoiser.denoise(ConstView<float>(x.slice(1).slice(2)).reshaped(plane.shape()), trained, plane);
  CHECK(largest_difference(
            plane, Array<float>(ConstView<float>(out.slice(1).slice(2)).reshaped(plane.shape()))) ==
        0);
}

TEST_CASE("patch denoiser: pruning leaves units, inputs and images as they were") {
  PatchDenoiserParameters p = small_denoiser(3, {0, 2, 3, 5, 8});
  for (Index i = 0; i < 7; ++i) p.network.weights[0][i * 5 + 1] = 0;  // pixel 2
  for (Index i = 0; i < 9; ++i) p.network.weights[1][i * 7 + 4] = 0;  // unit 4
  for (Index j = 0; j < 5; ++j) p.network.weights[0][2 * 5 + j] = 0;  // unit 2 is constant
  const PatchDenoiserParameters small = prune(p);
  CHECK(small.inputs == std::vector<Index>{0, 3, 5, 8});
  CHECK(small.network.weights[0].shape() == Shape{5, 4});
  CHECK(PatchDenoiser<double>(p).multiply_adds() == 7 * (5 + 9));
  CHECK(PatchDenoiser<double>(small).multiply_adds() == 5 * (4 + 9));
  const Array<double> x = random_array({1, 20, 17}, "x");
  Array<double> before(x.shape()), after(x.shape());
  PatchDenoiser<double>(p).denoise(x, trained, before);
  PatchDenoiser<double>(small).denoise(x, trained, after);
  CHECK(largest_difference(before, after) < 1e-13);
}

TEST_CASE("patch denoiser: model files give it back") {
  const ScratchFolder folder;
  const std::string path = folder / "patches.h5";
  const PatchDenoiserParameters p = small_denoiser(3, {0, 2, 3, 5, 8});
  save_model(path, Model<double>{PatchDenoiser<double>(p), {"made up", "small"}});
  const Model<float> again = load_model<float>(path);
  CHECK(again.kind() == "patch-denoiser");
  CHECK(again.noise_level() == trained);
  CHECK(std::get<PatchDenoiser<float>>(again.value).parameters().inputs == p.inputs);
  const Array<float> x = random_array<float>({1, 12, 10}, "x");
  Array<float> out(x.shape()), direct(x.shape());
  make_denoiser(again).denoise(x, trained, out);
  PatchDenoiser<float>(p).denoise(x, trained, direct);
  CHECK(largest_difference(out, direct) == 0);
  std::string facts;
  for (const auto& [key, value] : describe(again)) facts += key + "=" + value + "\n";
  CHECK(facts.find("inputs=5 of their pixels") != std::string::npos);
  CHECK(facts.find("certificate=none") != std::string::npos);
}

TEST_CASE("patch denoiser: parameters and images that make no sense are refused") {
  const auto refused = [](const auto& change, const std::string& part) {
    PatchDenoiserParameters p = small_denoiser(3, {0, 2, 3, 5, 8});
    change(p);
    return throws_with<Error>([&] { PatchDenoiser<double>{p}; }, part);
  };
  using P = PatchDenoiserParameters;
  CHECK(refused([](P& p) { p.size = 1; }, "expected 2 to 64"));
  CHECK(refused([](P& p) { p.noise_level = 25; }, "write 25/255"));
  CHECK(refused([](P& p) { p.inputs[1] = 0; }, "ascending numbers from 0 to 8"));
  CHECK(refused([](P& p) { p.inputs[4] = 9; }, "ascending numbers from 0 to 8"));
  CHECK(refused([](P& p) { p.inputs.pop_back(); }, "one for each of 4 inputs"));
  CHECK(refused([](P& p) { p.size = 4; }, "one for each of 16 pixels"));
  CHECK(refused([](P& p) { p.network.weights.clear(); }, "one of each a layer"));
  const PatchDenoiser<double> denoiser(small_denoiser(3, all_inputs(3)));
  Array<double> narrow(Shape{1, 9, 2}), fits(Shape{1, 9, 9});
  CHECK_THROWS_AS(denoiser.denoise(narrow, trained, narrow), ShapeError);
  CHECK_THROWS_AS(denoiser.denoise(fits, 0.2, fits), ArgumentError);
}
