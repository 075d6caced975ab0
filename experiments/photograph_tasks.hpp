#pragma once
/// What is measured of photographs in the experiments that learn at equilibrium.
#include <string>
#include <vector>

#include <fejer/models/training/dataset.hpp>
#include <fejer/operators/measurement.hpp>

namespace fejer::experiments {

struct PhotographTask {
  std::string name, what;
  Index channels;             ///< 3: colour; 1: grey, tested on Set12
  std::vector<double> noise;  ///< standard deviation in each channel
  double lower;               ///< <= A*A
};
/// denoise, line_blur, inpaint_50, inpaint_10 in colour; grey_denoise, grey_blur.
std::vector<PhotographTask> photograph_tasks();

/// Operator and noise levels for images (channels, size, size); the data are zero.
Measurement measurement_of(const PhotographTask& task, Index size);
/// A x + noise.
Array<float> measured(const Measurement& m, const LinearOperator<float>& A,
                      const Array<float>& image, const RandomStream& noise);

/// One window of size x size pixels of each image, anywhere (`middle`: in the middle), `channels`
/// 1: its luma; of grey images, `channels` 3: three shades of it.
std::vector<Array<float>> windows(const Dataset& set, Index size, Index channels, bool middle);

}  // namespace fejer::experiments
