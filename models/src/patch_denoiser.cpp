#include <fejer/models/patch_denoiser.hpp>

#include <algorithm>
#include <string>
#include <utility>

#include <fejer/parallel.hpp>

#include "image_patches.hpp"
#include "trained_level.hpp"

namespace fejer {

namespace {

PatchDenoiserParameters checked(PatchDenoiserParameters p) {
  if (!(p.size >= 2 && p.size <= 64))
    throw ArgumentError("PatchDenoiser: got patches of size " + std::to_string(p.size) +
                        ", expected 2 to 64");
  if (!(p.noise_level > 0 && p.noise_level <= 1))
    throw ArgumentError("PatchDenoiser: the trained noise level must lie in (0, 1], got " +
                        std::to_string(p.noise_level) + "; write 25/255 for 25");
  const Index pixels = p.size * p.size;
  for (std::size_t i = 0; i < p.inputs.size(); ++i)
    if (p.inputs[i] < 0 || p.inputs[i] >= pixels || (i > 0 && p.inputs[i] <= p.inputs[i - 1]))
      throw ArgumentError("PatchDenoiser: input " + std::to_string(i) + " is pixel " +
                          std::to_string(p.inputs[i]) + ", expected ascending numbers from 0 to " +
                          std::to_string(pixels - 1));
  if (p.network.weights.empty()) return p;  // refused by the network itself
  const Shape &first = p.network.weights.front().shape(), &last = p.network.weights.back().shape();
  if (first.rank() == 2 && first[1] != static_cast<Index>(p.inputs.size()))
    throw ShapeError("PatchDenoiser: the network takes " + std::to_string(first[1]) +
                     " values, expected one for each of " + std::to_string(p.inputs.size()) +
                     " inputs");
  if (last.rank() == 2 && last[0] != pixels)
    throw ShapeError("PatchDenoiser: the network gives " + std::to_string(last[0]) +
                     " values, expected one for each of " + std::to_string(pixels) + " pixels");
  return p;
}

/// What becomes of patches: (size^2, B) in place.
template <class T>
void denoise_patches(const FullyConnectedNetwork<T>& network, const PatchDenoiserParameters& p,
                     detail::PatchMatrix<T>& patches) {
  const auto means = detail::centre(patches);
  const T sigma = static_cast<T>(p.noise_level);
  const Index count = patches.cols();
  Array<T> x(Shape{network.inputs(), count}), y(Shape{network.outputs(), count});
  auto in = as_matrix(View<T>(x));
  for (Index i = 0; i < in.rows(); ++i)
    in.row(i) = patches.row(p.inputs[static_cast<std::size_t>(i)]) / sigma;
  network.values(x, y);
  patches = sigma * as_matrix(ConstView<T>(y));
  patches.rowwise() += means;
}

template <class T>
void denoise_plane(const FullyConnectedNetwork<T>& network, const PatchDenoiserParameters& p,
                   ConstView<T> x, View<T> out) {
  constexpr Index band = 32;  // rows of patches at once: their sums stay in the cache
  const Index height = x.shape()[0], width = x.shape()[1], size = p.size;
  const Index down = detail::positions(height, size);
  std::fill(out.begin(), out.end(), T(0));
  std::vector<detail::PatchMatrix<T>> rows(static_cast<std::size_t>(std::min(band, down)));
  for (Index top = 0; top < down; top += band) {
    const Index count = std::min(band, down - top);
    parallel_for(count, 1, [&](Index begin, Index end) {
      for (Index r = begin; r < end; ++r) {
        auto& patches = rows[static_cast<std::size_t>(r)];
        patches = detail::cut_patches<T>(x, size, top + r, 1);
        denoise_patches(network, p, patches);
      }
    });
    parallel_for(count + size - 1, 1, [&](Index begin, Index end) {
      for (Index y = top + begin; y < top + end; ++y)
        for (Index r = std::max<Index>(top, y - size + 1); r <= std::min(y, top + count - 1); ++r)
          detail::add_patch_row(rows[static_cast<std::size_t>(r - top)], size, r, y,
                                out.data() + y * width);
    });
  }
  for (Index y = 0; y < height; ++y)
    detail::divide_by_coverage(out.data() + y * width, y, height, width, size);
}

}  // namespace

template <class T>
PatchDenoiser<T>::PatchDenoiser(PatchDenoiserParameters parameters) {
  PatchDenoiserParameters p = checked(std::move(parameters));
  FullyConnectedNetwork<T> network(p.network);
  data_ = std::make_shared<const Data>(Data{std::move(p), std::move(network)});
}

template <class T>
void PatchDenoiser<T>::denoise(ConstView<T> x, double sigma, View<T> out) const {
  require_shape("PatchDenoiser::denoise output", out.shape(), x.shape());
  detail::require_trained_level("patch denoiser", sigma, noise_level());
  const Shape& s = x.shape();
  const Index size = data_->parameters.size;
  if (s.rank() < 2 || s.back(0) < size || s.back(1) < size)
    throw ShapeError("PatchDenoiser input: got " + to_string(s) + ", expected (..., H, W) of " +
                     std::to_string(size) + " x " + std::to_string(size) + " pixels or more");
  const Shape plane{s.back(1), s.back(0)};
  for (Index at = 0; at < x.size(); at += plane.size())
    denoise_plane<T>(data_->network, data_->parameters, ConstView<T>(x.data() + at, plane),
                     View<T>(out.data() + at, plane));
}

template <class T>
Certificate PatchDenoiser<T>::certificate() const {
  Certificate c;
  c.how = "patch denoiser: no bound of its Lipschitz constant is known";
  return c;
}

template <class T>
Index PatchDenoiser<T>::multiply_adds() const {
  Index sum = 0;
  for (const auto& w : data_->parameters.network.weights) sum += w.size();
  return sum;
}

PatchDenoiserParameters prune(const PatchDenoiserParameters& parameters) {
  PatchDenoiserParameters p = checked(parameters);
  PrunedNetwork small = prune(p.network);
  for (Index& i : small.inputs) i = p.inputs[static_cast<std::size_t>(i)];
  p.network = std::move(small.parameters);
  p.inputs = std::move(small.inputs);
  return p;
}

template class PatchDenoiser<float>;
template class PatchDenoiser<double>;

}  // namespace fejer
