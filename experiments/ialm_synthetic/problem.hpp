#pragma once
/// S1: 20 inputs of which a teacher 5-8-1 sees the first 5.
#include <fejer/algorithms/sparse_fit.hpp>
#include <fejer/models/fully_connected_network.hpp>

namespace fejer::ialm_synthetic {

struct Problem {
  SparseFit fit;                 ///< 500 samples
  Array<double> test_x, test_y;  ///< 2000 more, without noise
};

/// x ~ N(0,1), the teacher's W_1 ~ N(0,1/5), b ~ N(0,1/4), W_2 ~ N(0,1/8), slope 0.01; y scaled to
/// unit root mean square over the samples, then noise of 0.05.
Problem make_problem(std::uint64_t seed, const SparseFitOptions& options);

FullyConnectedParameters network_of(const SparseFit& fit, const Array<double>& p);

/// Mean square error on the test samples.
double test_error(const Problem& problem, const Array<double>& p);

}  // namespace fejer::ialm_synthetic
