#pragma once
/// The two ways to train, with what a record says of each.
#include <nlohmann/json.hpp>
#include <string>

#include <fejer/algorithms/inexact_augmented_lagrangian.hpp>

#include "problem.hpp"

namespace fejer::ialm_synthetic {

struct Trained {
  Array<double> p;
  nlohmann::ordered_json record;
  double objective() const { return record.at("objective").get<double>(); }
};

/// `sweeps` outer iterations over run(), the state in `state_file`: with `resume` it goes on from
/// there, bit for bit. CPU seconds are those of this process.
Trained by_ialm(const Problem& problem, const Array<double>& start,
                const AugmentedLagrangianOptions& options, Index sweeps,
                const std::string& state_file, bool resume);

/// Adam on random batches of 64, cosine decay to 0 over `steps`; at a zero column the subgradient 0
/// of the group norm.
Trained by_adam(const Problem& problem, const Array<double>& start, double rate, Index steps,
                const Rng& rng);

}  // namespace fejer::ialm_synthetic
