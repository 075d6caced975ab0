#pragma once
/// Plug-and-play with what was learned, on one image.
#include <functional>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include <fejer/linear_operator.hpp>
#include <fejer/models/model.hpp>
#include <nlohmann/json.hpp>

namespace fejer::learned_pnp {

/// J v and J^T v.
struct Linear {
  std::function<Array<float>(const Array<float>&v)> apply, adjoint;
};
struct FrozenDenoiser {
  /// D(z), from `start` where it iterates.
  std::function<Array<float>(const Array<float>& z, const Array<float>& start)> apply;
  std::function<Linear(const Array<float>& z)> derivative;  ///< of D at z
};
/// As many as there are noise levels in `found`, the "learned" of a training; gamma: its step.
std::vector<FrozenDenoiser> denoisers_of(const Model<float>& model,
                                         const nlohmann::ordered_json& found, double gamma);

/// x <- D(x - gamma A*(A x - y)), with the denoisers in turn.
struct PnpIteration {
  std::vector<FrozenDenoiser> denoisers;
  LinearOperator<float> A;
  Array<float> back;  ///< A* y
  double gamma;

  Array<float> gradient_step(const Array<float>& x) const;
  Array<float> pass(const Array<float>& x, std::size_t k) const;
};

struct Passage {
  double start = 0;               ///< PSNR
  std::map<Index, double> psnr;   ///< after so many passes of a denoiser, where it got there
  double last = 0, residual = 0;  ///< of the last; residual: ||x+ - x|| / ||x+|| of a turn of all
  Index passes = 0;
  bool settled = false;  ///< residual <= 1e-5: then passes that were left out count as last
  std::vector<double> residuals;  ///< of every turn
  Array<float> end;
};
Passage pass_on(const PnpIteration& iteration, Array<float> x, const Array<float>& truth,
                const std::vector<Index>& depths, Index most);

/// Largest singular values of derivatives at x by `iterations` steps of the power method on J^T J,
/// from below: of the denoisers (the largest), and of a turn of all. Lipschitz constants at this
/// point alone; empty where x or they are not finite.
struct LocalConstants {
  std::optional<double> denoiser, turn;
};
LocalConstants local_constants(const PnpIteration& iteration, Array<float> x, int iterations);

}  // namespace fejer::learned_pnp
