#pragma once
/// A network to be fitted, and samples that it has not seen.
#include <string>

#include <nlohmann/json.hpp>

#include <fejer/algorithms/sparse_fit.hpp>
#include <fejer/models/fully_connected_network.hpp>

namespace fejer::sparse_training {

struct Problem {
  SparseFit fit;
  Array<double> test_x, test_y;  ///< samples are columns
};

FullyConnectedParameters network_of(const SparseFit& fit, const Array<double>& p);

/// The network's values on the test samples, (outputs, samples).
Array<double> test_values(const Problem& problem, const Array<double>& p);

/// Mean square error on the test samples.
double test_error(const Problem& problem, const Array<double>& p);

/// What pruning leaves of the network, written to `file`: "widths" of its layers, and
/// "largest_difference" of its values on the test samples.
nlohmann::ordered_json prune_and_save(const Problem& problem, const Array<double>& p,
                                      const std::string& experiment, const std::string& file);

/// A number of a record for tables; empty where there is none.
std::string cell(const nlohmann::ordered_json& record, const char* key,
                 const char* format = "%.3g");
/// A number of a record, or an array of shares as "0.00 / 0.65", for tables.
std::string number(const nlohmann::ordered_json& value, const char* format = "%.3g");
std::string shares(const nlohmann::ordered_json& values);

}  // namespace fejer::sparse_training
