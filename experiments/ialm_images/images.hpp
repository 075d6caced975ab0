#pragma once
/// Small grey pictures of ten kinds, as MNIST and Fashion-MNIST have them.
#include <optional>
#include <string>

#include "../sparse_training/problem.hpp"

namespace fejer::ialm_images {

struct Images {
  Array<double> pixels;  ///< (height width, count), 0 to 1
  Array<double> labels;  ///< (10, count), 1 at the label and 0 elsewhere
  /// The first `count`.
  Images first(Index count) const;
};

struct ImageSet {
  Images train, test;
};

/// {train,t10k}-images-idx3-ubyte and -labels-idx1-ubyte in `folder`, each as it is or with .gz;
/// nothing where the folder has none of them. Throws FormatError where some are missing, damaged
/// or do not belong together.
std::optional<ImageSet> read_images(const std::string& folder);

/// The share of test samples whose largest output is that of the label.
double accuracy(const sparse_training::Problem& problem, const Array<double>& p);

}  // namespace fejer::ialm_images
