#pragma once
#include <nlohmann/json.hpp>
#include <string>

namespace fejer::equilibrium_closed_form {

/// What was computed beside what it must be.
class Checks {
 public:
  /// Passes if |value - reference| <= tolerance.
  void add(const std::string& id, double value, double reference, double tolerance);
  const nlohmann::ordered_json& list() const { return list_; }
  int failed() const { return failed_; }

 private:
  nlohmann::ordered_json list_ = nlohmann::ordered_json::array();
  int failed_ = 0;
};

/// C1 to C4b, C9, C10: Tikhonov, untied layers, a linear denoiser.
void check_quadratic(Checks& checks);
/// C5 to C8: lasso with a weight for each element.
void check_lasso(Checks& checks);
/// C11 to C14: a sign flip, the error bound, a bias-free network, every layer's products.
void check_layers(Checks& checks);

}  // namespace fejer::equilibrium_closed_form
