#include <filesystem>
#include <fstream>
#include <memory>

#include <fejer/error.hpp>
#include <fejer/models/ridge_denoiser.hpp>
#include <fejer/parallel.hpp>
#include <fejer/rng.hpp>
#include <fejer/vector.hpp>

#include "ridge_model.hpp"

namespace fejer::benchmarks {
namespace {

constexpr double sigma = 25.0 / 255;
constexpr double wanted = 1e-6;  ///< (F - F*) / F*
constexpr double no_tolerance = 1e-30;

std::uint64_t hash(std::uint64_t h, const void* data, std::size_t bytes) {
  const auto* p = static_cast<const unsigned char*>(data);
  for (std::size_t i = 0; i < bytes; ++i) h = (h ^ p[i]) * 1099511628211U;
  return h;
}

/// What is found once and kept in the cache: the minimum, and how many iterations and gradients
/// reach it with the program of this time stamp.
struct Found {
  double minimum = 0;
  int iterations = 0, gradients = 0;
  std::int64_t program = 0;
};

std::int64_t this_program() {
  const auto path = std::filesystem::read_symlink("/proc/self/exe");
  return std::filesystem::last_write_time(path).time_since_epoch().count();
}

/// F(x) = 1/2 |x - y|^2 + R(x): solved in float, F evaluated in double.
class Denoising {
 public:
  Denoising(const RidgeParameters& parameters, const Setting& setting)
      : model_(parameters), exact_(parameters), y_(photograph(setting, 481, 321)) {
    add_normal<float>(y_, sigma, Rng(2026).stream("measurement"));
    load(setting.cache + "/" + key());
    save_ridge(setting.files, model_, sigma);
    setting.files.save("y", y_);
    setting.files.save("step", {1 / (1 + model_.lipschitz_bound().value)});
    setting.files.save("minimum", {found_.minimum});
    setting.files.save("wanted", {wanted});
  }
  void run() { x_ = solve(y_, found_.iterations).x; }
  std::vector<double> objective() const { return {objective(x_)}; }
  int iterations() const { return found_.iterations; }
  int gradients() const { return found_.gradients; }

 private:
  std::string key() const {
    std::uint64_t h =
        hash(1469598103934665603U, y_.data(), static_cast<std::size_t>(y_.size()) * sizeof(float));
    for (const auto& kernel : exact_.parameters().kernels)
      h = hash(h, kernel.data(), static_cast<std::size_t>(kernel.size()) * sizeof(double));
    return "denoising-" + std::to_string(h) + ".txt";
  }
  double objective(const Array<float>& x) const {
    Array<double> wide(x.shape()), data(x.shape());
    for (Index i = 0; i < x.size(); ++i)
      wide[i] = static_cast<double>(x[i]), data[i] = static_cast<double>(y_[i]);
    const double apart = distance<double>(wide, data);
    return apart * apart / 2 + exact_.value(wide, sigma);
  }
  RidgeSolution<float> solve(const Array<float>& start, int count,
                             NormRule rule = NormRule::margin) const {
    return RidgeDenoiser<float>(model_,
                                {.tolerance = no_tolerance, .max_iterations = count, .norm = rule})
        .solve(y_, sigma, start);
  }
  bool reaches(int count) const {
    return objective(solve(y_, count).x) <= found_.minimum * (1 + wanted);
  }
  /// F*, by the published method: restarted until 200 more iterations win less than 1e-10 of it.
  double find_minimum() const {
    constexpr NormRule published = NormRule::as_published;
    Array<float> x = solve(y_, 200, published).x;
    for (double before = objective(x);;) {
      x = solve(x, 200, published).x;
      const double now = objective(x);
      if (before - now < 1e-10 * now) return std::min(now, before);
      before = now;
    }
  }
  /// The fewest iterations that reach it, to 2 %; `guess` is tried first.
  int find_iterations(int guess) const {
    int low = guess * 49 / 50, high = guess;
    while (!reaches(high)) low = high, high *= 2;
    while (low > 0 && reaches(low)) high = low, low /= 2;
    while (high - low > std::max(1, high / 50)) {
      const int middle = (low + high) / 2;
      (reaches(middle) ? high : low) = middle;
    }
    return high;
  }
  void load(const std::string& path) {
    std::ifstream(path) >> found_.minimum >> found_.iterations >> found_.gradients >>
        found_.program;
    if (found_.minimum > 0 && found_.program == this_program()) return;
    const ScopedThreads all(0);
    if (!(found_.minimum > 0)) found_.minimum = find_minimum();
    found_.iterations = find_iterations(found_.iterations > 0 ? found_.iterations : 128);
    found_.gradients = solve(y_, found_.iterations).gradients;
    std::ofstream file(path);
    file.precision(17);
    file << found_.minimum << " " << found_.iterations << " " << found_.gradients << " "
         << this_program() << "\n";
    if (!file.flush()) throw FormatError("benchmarks: cannot write " + path);
  }

  RidgeRegulariser<float> model_;
  RidgeRegulariser<double> exact_;
  Array<float> y_, x_;
  Found found_;
};

Call prepare(const Setting& setting) {
  const RidgeModel model = ridge_model(setting, RidgeKind::wcrr);
  const auto state = std::make_shared<Denoising>(model.parameters, setting);
  return {
      .run = [state] { state->run(); },
      .save = [state, files = setting.files](
                  const std::string& name) { files.save(name, state->objective()); },
      .notes =
          [state] {
            return Notes{{"iterations", state->iterations()}, {"gradients", state->gradients()}};
          },
      .remark = model.remark};
}

}  // namespace

void add_denoising_rows(std::vector<Row>& rows) {
  rows.push_back({.name = "wcrr-denoising/481x321",
                  .what = "WCRR-NN denoising, noise 25/255, to (F - F*)/F* <= 1e-6; compared: the "
                          "objectives",
                  .opponents = {{"torch-tuned", 8}},
                  .ours = prepare,
                  .tolerance = 2e-6,
                  .once = true});
}

}  // namespace fejer::benchmarks
