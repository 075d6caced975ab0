#include "ridge_model.hpp"

#include <cmath>
#include <filesystem>

#include <fejer/models/import.hpp>

namespace fejer::benchmarks {
namespace {

RidgeParameters random_parameters(RidgeKind kind) {
  const bool crr = kind == RidgeKind::crr;
  const std::vector<Index> channels =
      crr ? std::vector<Index>{1, 8, 32} : std::vector<Index>{1, 4, 8, 60};
  const Index side = crr ? 7 : 5, knots = crr ? 21 : 101;
  RidgeParameters p;
  for (std::size_t l = 0; l + 1 < channels.size(); ++l)
    p.kernels.push_back(remove_means(noise<double>(
        "kernel" + std::to_string(l), {channels[l + 1], channels[l], side, side}, 0.1)));
  p.norm_squared = power_norm_squared(p.kernels, p.borders, 64, 60);
  p.mu = 10, p.rho = 1;
  p.profile = Array<double>(Shape{crr ? channels.back() : 1, knots});
  for (Index i = 0; i < p.profile.size(); ++i) {
    const double t = 0.2 * static_cast<double>(i % knots) / static_cast<double>(knots - 1) - 0.1;
    p.profile[i] = 0.05 * std::tanh(t / 0.02);
  }
  p.curvature = p.mu;
  return p;
}

RidgeModel load(const std::string& folder, RidgeKind kind) {
  const bool crr = kind == RidgeKind::crr;
  const std::string path =
      folder + "/reference_models/" + (crr ? "crr_nn_original_sigma_25_t_10.h5" : "wcrr_nn.h5");
  if (!std::filesystem::exists(path)) return {random_parameters(kind), "random weights"};
  const Model<double> model = import_model<double>(path, crr ? "crr-tstep" : "ridge");
  return {model.ridge().parameters(), "published weights"};
}

}  // namespace

RidgeModel ridge_model(const Setting& setting, RidgeKind kind) {
  static std::map<RidgeKind, RidgeModel> models;
  const auto found = models.find(kind);
  if (found != models.end()) return found->second;
  return models.emplace(kind, load(setting.data, kind)).first->second;
}

void save_ridge(const Exchange& files, const RidgeRegulariser<float>& model,
                const NoiseLevels& sigma) {
  const RidgeParameters& p = model.parameters();
  for (std::size_t l = 0; l < p.kernels.size(); ++l) {
    Array<double> kernel = p.kernels[l];
    if (l == 0)
      for (double& w : kernel) w /= std::sqrt(p.norm_squared);
    files.save("kernel" + std::to_string(l), kernel);
  }
  Array<double> profile = p.profile;
  for (double& v : profile) v *= p.weight;
  files.save("profile", profile);
  files.save("range", {p.x_min, p.x_max});
  std::vector<double> alpha;
  for (Index i = 0; i < sigma.size(); ++i) {
    const std::vector<double> one = model.scaling(sigma[i]);
    alpha.insert(alpha.end(), one.begin(), one.end());
  }
  files.save("alpha", alpha);
  files.save("once", {p.borders == Borders::zero_once ? 1.0 : 0.0});
}

}  // namespace fejer::benchmarks
