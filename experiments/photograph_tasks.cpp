#include "photograph_tasks.hpp"

#include <utility>

#include <fejer/image_io.hpp>
#include <fejer/operators/mask.hpp>
#include <fejer/resample.hpp>
#include <fejer/rng.hpp>

namespace fejer::experiments {
namespace {

/// Means of 25 pixels: down a column, along a row, along a diagonal, a channel each.
Array<double> line_kernels(Index channels) {
  constexpr Index taps = 25, middle = taps / 2;
  Array<double> kernels(Shape{channels, taps, taps});
  for (Index c = 0; c < channels; ++c)
    for (Index i = 0; i < taps; ++i) {
      const Index row = c == 1 ? middle : i, column = c == 0 ? middle : i;
      kernels[(c * taps + row) * taps + column] = 1.0 / taps;
    }
  return kernels;
}

}  // namespace

std::vector<PhotographTask> photograph_tasks() {
  return {{"denoise", "noise 0.1, 0.25, 0.5 by channel", 3, {0.1, 0.25, 0.5}, 1},
          {"line_blur", "a line of 25 pixels by channel, noise 0.05", 3, {0.05, 0.05, 0.05}, 0},
          {"inpaint_50", "half of the pixels, noise 0.01", 3, {0.01, 0.01, 0.01}, 0},
          {"inpaint_10", "a tenth of the pixels, noise 0.1", 3, {0.1, 0.1, 0.1}, 0},
          {"grey_denoise", "noise 25/255, Set12", 1, {25.0 / 255}, 1},
          {"grey_blur", "a column of 25 pixels, noise 0.05, Set12", 1, {0.05}, 0}};
}

Measurement measurement_of(const PhotographTask& task, Index size) {
  Measurement m;
  m.data = Array<float>(Shape{task.channels, size, size});
  if (task.name.ends_with("blur")) {
    m.setup = BlurSetup{line_kernels(task.channels), Boundary::reflect};
  } else if (task.name.starts_with("inpaint")) {
    const double keep = task.name == "inpaint_50" ? 0.5 : 0.1;
    m.setup = InpaintSetup{random_mask<float>(Shape{size, size}, keep, Rng(3).stream("mask"))};
  }
  set_channel_noise(m, task.noise);
  return m;
}

Array<float> measured(const Measurement& m, const LinearOperator<float>& A,
                      const Array<float>& image, const RandomStream& noise) {
  Array<float> y = A.apply(image);
  add_noise<float>(m, m.noise_level, noise, y);
  return y;
}

std::vector<Array<float>> windows(const Dataset& set, Index size, Index channels, bool middle) {
  std::vector<Array<float>> result;
  const RandomStream random = Rng(1).stream("windows");
  for (Index i = 0; i < set.size(); ++i) {
    Array<float> image = set.image(i);
    if (channels == 1) image = to_grey(image);
    const Index rows = image.shape()[1] - size, columns = image.shape()[2] - size;
    const auto place = [&](Index room, std::uint64_t draw) {
      const auto k = 2 * static_cast<std::uint64_t>(i) + draw;
      return middle ? room / 2 : static_cast<Index>(random.uniform(k) * double(room + 1));
    };
    image = crop(image, place(rows, 0), place(columns, 1), size, size);
    if (channels == 3 && image.shape()[0] == 1) {
      Array<float> shades(Shape{3, size, size});
      for (Index k = 0; k < shades.size(); ++k)
        shades[k] = image[k % image.size()] * (1 - 0.2f * static_cast<float>(k / image.size()));
      image = std::move(shades);
    }
    result.push_back(std::move(image));
  }
  return result;
}

}  // namespace fejer::experiments
