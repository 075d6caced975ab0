#pragma once
/// The priors that are compared, and what they make layers with.
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include <fejer/operators/variation_primal_dual.hpp>
#include <fejer/operators/wavelet_forward_backward.hpp>

#include "../photograph_tasks.hpp"

namespace fejer::learned_wavelets {

using Task = experiments::PhotographTask;

/// Of total variation, in the place of a wavelet norm.
struct VariationPrior {
  VariationGroups groups;
  VariationWeights weights;
  bool tuned = false;  ///< its weight by trial, where the others of its kind start
};

struct Prior {
  std::string name;
  WaveletGroups groups;
  std::vector<WeightTerm> terms;
  bool colour;                                   ///< means something for more than one channel only
  bool five_bases = false;                       ///< instead of one
  std::optional<VariationPrior> variation = {};  ///< for denoising only
};
std::vector<Prior> priors();

struct Sample {
  Array<float> truth, data;  ///< (C,n,n), as measured
  std::uint64_t key;
};

/// Samples of one size, and the operator from coefficients to data. With total variation the
/// coefficients are the image and the dual variables, of which synthesis takes the image.
struct Problem {
  Task task;
  std::shared_ptr<const LearnedWaveletNorm> prior;
  std::shared_ptr<const LearnedVariation> variation;  ///< one of the two
  LinearOperator<float> synthesis, B;                 ///< B: of the image with total variation
  bool orthonormal;  ///< synthesis; else its domain is larger than its range
  std::vector<Sample> samples;

  /// All weights the same.
  Array<double> uniform(double weight) const;
  /// What f makes of the layer of sample i.
  template <class F>
  auto with_layer(std::size_t i, const Array<double>& theta, const F& f) const {
    return variation ? f(primal_dual(i, theta)) : f(forward_backward(i, theta));
  }
  WaveletForwardBackward<float> forward_backward(std::size_t i, const Array<double>& theta) const;
  VariationPrimalDual<float> primal_dual(std::size_t i, const Array<double>& theta) const;
  /// The coefficients of the data.
  Array<float> start(std::size_t i) const;
};

/// Coefficients in Daubechies' basis of four moments, four levels; or in five bases (Haar,
/// Daubechies of 4 and 8 moments, coiflet of order 6, symlet of 5 moments), whose images are
/// summed and divided by sqrt 5: a Parseval frame, the mean with weights sqrt 5 times as large.
/// Noise is drawn once for each
/// image, from `noise` and its place in the list.
Problem make_problem(const Task& task, const Prior& prior, const std::vector<Array<float>>& images,
                     const std::string& noise);

}  // namespace fejer::learned_wavelets
