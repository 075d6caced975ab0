/// The published weights against check vectors made by the published programs (float32) and by an
/// independent float64 program.
#include <algorithm>
#include <cmath>
#include <map>

#include <doctest/doctest.h>
#include <fejer/hdf5.hpp>
#include <fejer/models/frequency_norm.hpp>
#include <fejer/models/import.hpp>
#include <fejer/models/model_file.hpp>
#include <fejer/parallel.hpp>
#include <fejer/vector.hpp>

#include "data.hpp"
#include "small_models.hpp"

using namespace fejer;
using namespace fejer_test;

namespace {

/// Imported once; the power method takes some seconds.
const Model<double>& published(const std::string& name, const std::string& architecture) {
  static std::map<std::string, Model<double>> models;
  auto found = models.find(name);
  if (found == models.end())
    found = models.emplace(name, import_model<double>(reference_model(name), architecture)).first;
  return found->second;
}
const RidgeParameters& ridge_parameters(const std::string& name) {
  return published(name, "ridge").ridge().parameters();
}

std::vector<std::string> groups_of(const Hdf5Reader& file, const std::string& prefix,
                                   const std::string& under = "/") {
  std::vector<std::string> groups;
  for (const auto& name : file.list(under))
    if (name.rfind(prefix, 0) == 0) groups.push_back(under == "/" ? name : under + "/" + name);
  REQUIRE(!groups.empty());
  return groups;
}

/// Any array as double.
template <class T>
Array<double> widened(const Array<T>& a) {
  Array<double> result(a.shape());
  for (Index i = 0; i < a.size(); ++i) result[i] = static_cast<double>(a[i]);
  return result;
}

template <class T>
void check_derivatives(const std::string& name, double tolerance) {
  const ScopedThreads one(1);  // small images
  const RidgeRegulariser<T> R(ridge_parameters(name));
  const Hdf5Reader file(reference_model(name + "_reference"));
  const auto groups = groups_of(file, "crop");
  CHECK(groups.size() == 9);
  for (const auto& group : groups) {
    CAPTURE(group);
    const auto expected = [&](const char* what) { return file.read<double>(group + "/" + what); };
    const double sigma = file.real_attribute(group, "sigma") / 255;
    const auto noisy = file.read<T>(group + "/noisy"), clean = file.read<T>(group + "/clean");
    Array<T> g(noisy.shape());
    const double value = R.value_and_gradient(noisy, sigma, g);
    CHECK(largest_difference(widened(g), expected("grad_R_at_noisy_float64")) < tolerance);
    CHECK(largest_difference(widened(g), expected("grad_R_at_noisy")) < 5e-7 + tolerance);
    CHECK(
        value ==
        doctest::Approx(expected("R_at_noisy_float64")[0]).epsilon(sizeof(T) == 4 ? 1e-7 : 1e-13));
    R.gradient(clean, sigma, g);
    // float32 of the published program: more of the clean image's values lie next to knots.
    CHECK(largest_difference(widened(g), expected("grad_R_at_clean")) < 5e-6);
    // The published float32 potential loses digits: 5e-5 by its README.
    CHECK(R.value(clean, sigma) == doctest::Approx(expected("R_at_clean")[0]).epsilon(5e-5));
    // Where a filtered value lies within rounding of a knot the product may take the other slope.
    const auto d = file.read<T>(group + "/hvp_direction");
    R.hessian_vector_product(noisy, sigma, d, g);
    const auto hd = expected("hessian_R_at_noisy_times_direction");
    CHECK(distance(widened(g), hd) < 2e-3 * norm(hd));
  }
}

/// The noisy crops of a reference file, denoised; crops are shared out over the threads.
template <class T>
std::vector<RidgeSolution<T>> denoised(const RidgeDenoiser<T>& D, const Hdf5Reader& file,
                                       const std::vector<std::string>& groups) {
  std::vector<Array<T>> noisy;
  std::vector<double> sigmas;
  for (const auto& group : groups) {
    noisy.push_back(file.read<T>(group + "/noisy"));
    sigmas.push_back(file.real_attribute(group, "sigma") / 255);
  }
  std::vector<RidgeSolution<T>> solutions(groups.size());
  parallel_for(static_cast<Index>(groups.size()), 1, [&](Index begin, Index) {
    const auto i = static_cast<std::size_t>(begin);
    solutions[i] = D.solve(noisy[i], sigmas[i]);
  });
  return solutions;
}

/// The published solver in T, with its own step and tolerance.
template <class T>
void check_published_solver(const std::string& name, const std::string& crops) {
  const RidgeDenoiser<T> D(RidgeRegulariser<T>(ridge_parameters(name)),
                           {.norm = NormRule::as_published});
  const Hdf5Reader file(reference_model(name + "_reference"));
  const auto groups = groups_of(file, crops);
  const auto solutions = denoised(D, file, groups);
  for (std::size_t i = 0; i < groups.size(); ++i) {
    CAPTURE(groups[i]);
    const RidgeSolution<T>& s = solutions[i];
    CHECK(s.converged);
    CHECK(std::abs(s.iterations - file.integer_attribute(groups[i], "iterations_tol1e-4")) <= 2);
    const auto expected = file.read<double>(groups[i] + "/denoised_tol1e-4");
    CHECK(largest_difference(widened(s.x), expected) < 1e-5);
    const double objective = file.read<double>(groups[i] + "/objective_at_denoised_tol1e-4")[0];
    CHECK(s.objective == doctest::Approx(objective).epsilon(5e-5));
  }
}

template <class T>
void check_converged(const std::string& name, const std::string& crops) {
  const RidgeDenoiser<T> D(RidgeRegulariser<T>(ridge_parameters(name)),
                           {.tolerance = 1e-7, .max_iterations = 4000});
  const Hdf5Reader file(reference_model(name + "_reference"));
  const auto groups = groups_of(file, crops);
  const auto solutions = denoised(D, file, groups);
  for (std::size_t i = 0; i < groups.size(); ++i) {
    CAPTURE(groups[i]);
    const RidgeSolution<T>& s = solutions[i];
    CHECK(s.converged);
    const double objective = file.read<double>(groups[i] + "/objective_at_denoised_converged")[0];
    CHECK(std::abs(s.objective / objective - 1) < 1e-6);
    const auto expected = file.read<double>(groups[i] + "/denoised_converged");
    CHECK(largest_difference(widened(s.x), expected) < 1e-4);
  }
}

/// sum over outputs and taps of w^2: the centre of the impulse response of W^T W.
double energy(const Array<double>& w) { return dot(w, w); }

void check_round_trip(const std::string& name, const std::string& architecture) {
  CAPTURE(name);
  const ScratchFolder folder;
  const std::string path = folder / "model.h5";
  const Model<double>& model = published(name, architecture);
  save_model(path, model);
  const Model<float> again = load_model<float>(path);
  CHECK(again.kind() == architecture);
  CHECK(again.origin.source == model.origin.source);
  CHECK(again.noise_level() == model.noise_level());
}

void check_profiles() {
  struct Row {
    double x, phi, psi;
  };
  const Row wcrr[] = {{0.001, 0.04803170, 2.40159e-5}, {0.003, 0.09506341, 1.916281e-4},
                      {0.01, 0.08806342, 8.325715e-4}, {0.05, 0.04806340, 3.5551079e-3},
                      {0.1, 0.00006340, 4.7102776e-3}, {0.2, 0.00006340, 4.71662e-3}};
  const Row crr[] = {{0.001, 0.09950409, 4.97522e-5},  {0.003, 0.19900818, 3.980191e-4},
                     {0.01, 0.19900818, 1.7910757e-3}, {0.05, 0.19900818, 9.7514056e-3},
                     {0.1, 0.19900818, 1.97018143e-2}, {0.2, 0.199008, 3.96026e-2}};
  for (const std::string name : {"wcrr_nn", "crr_nn"}) {
    CAPTURE(name);
    const bool weak = name == "wcrr_nn";
    const RidgeParameters& p = ridge_parameters(name);
    const LinearSpline<double> f(p.profile, p.x_min, p.x_max, Extrapolation::constant);
    for (const Row& row : weak ? wcrr : crr) {
      CHECK(std::abs(f.value(0, row.x) - row.phi) < 2e-7);
      CHECK(std::abs(f.potential(0, row.x) / row.psi - 1) < 2e-5);
    }
    CHECK(p.mu == doctest::Approx(weak ? 48.0317 : 99.50409).epsilon(1e-6));
    CHECK(f.min_slope() == doctest::Approx(weak ? -1 : 0).epsilon(1e-6).scale(1));
    CHECK(f.max_slope() == doctest::Approx(p.mu).epsilon(1e-6));
    CHECK(f.tv2() == doctest::Approx(weak ? 100.064 : 199.008).epsilon(1e-5));
    const Hdf5Reader file(reference_model(name));
    const auto x = file.read<double>("derived/activation_table_x");
    const auto phi = file.read<double>("derived/activation_table_phi");
    const auto psi = file.read<double>("derived/activation_table_potential");
    for (Index i = 0; i < x.size(); ++i) {
      // x of the table is rounded to float32: next to 0 the slope is mu.
      CHECK(std::abs(f.value(0, x[i]) - phi[i]) < 1e-6);
      // The published float32 potential loses digits: 5e-5 of its largest value.
      CHECK(std::abs(f.potential(0, x[i]) - psi[i]) < 2e-6);
    }
  }
}

void check_scaling() {
  struct Row {
    double sigma, alpha[3];  // channels 0, 1, 59
  };
  const Row wcrr[] = {{1, {145.848, 148.331, 156.313}},
                      {5, {17.3945, 32.0754, 25.2391}},
                      {15, {7.56098, 11.6913, 8.85945}},
                      {25, {4.79690, 7.61058, 5.37486}},
                      {40, {3.02774, 5.20149, 3.51859}}};
  const RidgeRegulariser<double> R(ridge_parameters("wcrr_nn")), C(ridge_parameters("crr_nn"));
  for (const Row& row : wcrr) {
    const auto alpha = R.scaling(row.sigma / 255);
    CHECK(alpha[0] == doctest::Approx(row.alpha[0]).epsilon(1e-5));
    CHECK(alpha[1] == doctest::Approx(row.alpha[1]).epsilon(1e-5));
    CHECK(alpha[59] == doctest::Approx(row.alpha[2]).epsilon(1e-5));
  }
  const auto alpha = C.scaling(25.0 / 255);
  CHECK(alpha[0] == doctest::Approx(9.21445).epsilon(1e-5));
  CHECK(alpha[1] == doctest::Approx(9.69890).epsilon(1e-5));
  CHECK(alpha[59] == doctest::Approx(7.21335).epsilon(1e-5));
  for (const std::string name : {"wcrr_nn", "crr_nn"}) {
    const Hdf5Reader file(reference_model(name));
    const auto sigmas = file.read<double>("derived/scaling_sigma");
    const auto expected = file.read<double>("derived/scaling");
    for (Index s = 0; s < sigmas.size(); ++s) {
      const auto a = (name == "crr_nn" ? C : R).scaling(sigmas[s] / 255);
      for (Index c = 0; c < 60; ++c)
        CHECK(a[static_cast<std::size_t>(c)] ==
              doctest::Approx(expected[s * 60 + c]).epsilon(1e-5));
    }
  }
}

void check_norms() {
  for (const std::string name : {"wcrr_nn", "crr_nn"}) {
    CAPTURE(name);
    const bool weak = name == "wcrr_nn";
    const RidgeParameters& p = ridge_parameters(name);
    const Hdf5Reader file(reference_model(name));
    // The import recomputed it and met it within 1e-4.
    CHECK(p.norm_squared == file.read<double>("derived/L")[0]);
    CHECK(p.norm_squared == doctest::Approx(weak ? 396.0569 : 302.9146).epsilon(1e-6));
    CHECK(impulse_norm_squared(p.kernels) ==
          doctest::Approx(weak ? 344.1081 : 282.9010).epsilon(1e-6));
    CHECK(impulse_norm_squared(p.kernels, 256) ==
          doctest::Approx(weak ? 344.1048 : 282.9007).epsilon(1e-6));
    const Array<double> filters = collapse(p.kernels);
    CHECK(filters.shape() == Shape{60, 1, 13, 13});
    CHECK(energy(filters) == doctest::Approx(weak ? 330.5083 : 207.5441).epsilon(1e-6));
    const auto first = file.read<double>("derived/conv0_weight_zero_mean");
    CHECK(largest_difference(p.kernels[0], first) < 1e-7);
    // Given as responses to an impulse, so reversed.
    const auto responses = file.read<double>("derived/equivalent_filters");
    const double unit = energy(responses) > 10 ? 1 : 1 / std::sqrt(p.norm_squared);
    for (Index c = 0; c < 60; ++c)
      for (Index q = 0; q < 169; ++q)
        CHECK(std::abs(filters[c * 169 + 168 - q] * unit - responses[c * 169 + q]) < 2e-6);
    const RidgeRegulariser<double> R(p);
    const Bound estimated = R.lipschitz_bound(), proven = R.proven_lipschitz_bound();
    CHECK(estimated.kind == Certificate::Kind::estimated);
    CHECK(estimated.value == doctest::Approx(1.01 * p.mu));
    CHECK(proven.kind == Certificate::Kind::proven);
    CHECK(proven.value > 10 * p.mu);  // loose: a product over layers
    CHECK(proven.value < 30 * p.mu);
  }
}

void check_layers() {
  for (const std::string name : {"wcrr_nn", "crr_nn"}) {
    const RidgeRegulariser<float> R(ridge_parameters(name));
    const RidgeParameters& p = R.parameters();
    const LinearSpline<float> f(p.profile, p.x_min, p.x_max, Extrapolation::constant);
    const Hdf5Reader file(reference_model(name + "_reference"));
    const std::string group = "layers_crop0_sigma15";
    const auto x = file.read<float>(group + "/input");
    const auto wx = file.read<float>(group + "/Wx"), phi = file.read<float>(group + "/phi_of_Wx");
    Array<float> z(wx.shape()), g(x.shape());
    R.filter(x, z);
    CHECK(largest_difference(z, wx) < 1e-6);
    const auto alpha = R.scaling(15.0 / 255);
    for (Index i = 0; i < z.size(); ++i) {
      const double a = alpha[static_cast<std::size_t>(i / (24 * 20))];
      CHECK(std::abs(f.value(0, a * static_cast<double>(z[i])) / a - static_cast<double>(phi[i])) <
            5e-6);
    }
    R.gradient(x, 15.0 / 255, g);
    CHECK(largest_difference(g, file.read<float>(group + "/Wt_phi_of_Wx")) < 4e-7);
  }
}

}  // namespace

TEST_CASE("published ridge models: profiles, norms, derivatives, denoising, files") {
  // One case, since every process that imports a model runs the power method.
  if (!have_data()) return;
  check_profiles();
  check_scaling();
  check_norms();
  for (const std::string name : {"wcrr_nn", "crr_nn"}) check_round_trip(name, "ridge");
  check_layers();
  for (const std::string name : {"wcrr_nn", "crr_nn"}) {
    check_derivatives<float>(name, 4e-7);
    check_derivatives<double>(name, 1e-13);
    check_published_solver<float>(name, "crop");
    check_published_solver<double>(name, "crop0");
    check_converged<float>(name, "crop");
    check_converged<double>(name, "crop0_sigma25");
  }
}

TEST_CASE("published crr-tstep: gradient, cost, ten steps") {
  if (!have_data()) return;
  const ScopedThreads one(1);  // small images
  for (const std::string level : {"5", "25"}) {
    CAPTURE(level);
    const std::string name = "crr_nn_original_sigma_" + level + "_t_10";
    const Model<double>& model = published(name, "crr-tstep");
    const RidgeParameters& p = model.ridge().parameters();
    const Hdf5Reader file(reference_model(name));
    const double lambda = file.read<double>("derived/lmbd")[0];
    CHECK(p.curvature == file.read<double>("derived/L")[0]);
    CHECK(p.scale == doctest::Approx(file.read<double>("derived/mu")[0]));
    CHECK(p.weight == doctest::Approx(lambda * p.scale));
    CHECK(largest_difference(p.profile, file.read<double>("derived/activation_projected")) < 1e-7);
    const LinearSpline<double> f(p.profile, p.x_min, p.x_max, Extrapolation::constant);
    CHECK(f.tv2() == doctest::Approx(level == "5" ? 1.127712 : 1.739661).epsilon(1e-5));
    for (int l = 0; l < 2; ++l)
      CHECK(largest_difference(p.kernels[static_cast<std::size_t>(l)],
                               file.read<double>("derived/conv" + std::to_string(l) +
                                                 "_weight_zero_mean")) < 1e-7);
    const CrrTStepDenoiser<float> D(RidgeRegulariser<float>(p), 10, *model.noise_level());
    const double sigma = std::stod(level) / 255;
    for (const auto& group : groups_of(file, "crop", "reference")) {
      const auto y = file.read<float>(group + "/noisy");
      Array<float> out(y.shape());
      D.denoise(y, sigma, out);
      CHECK(largest_difference(out, file.read<float>(group + "/denoised_10_steps")) < 1e-6);
      // grad R(x) = lambda f(mu x), R(x) = (lambda / mu) cost(mu x).
      Array<double> scaled = widened(y), g(y.shape());
      for (double& v : scaled) v /= p.scale;
      const double value = model.ridge().value_and_gradient(scaled, sigma, g);
      for (double& v : g) v /= lambda;
      CHECK(largest_difference(g, file.read<double>(group + "/grad_at_noisy")) < 1e-6);
      CHECK(value * p.scale / lambda ==
            doctest::Approx(file.read<double>(group + "/cost_at_noisy")[0]).epsilon(5e-5));
    }
    check_round_trip(name, "crr-tstep");
    Array<float> y(Shape{1, 8, 8}), out(y.shape());
    CHECK(throws_with<ArgumentError>([&] { D.denoise(y, 15.0 / 255, out); }, "trained for"));
  }
}

TEST_CASE("published Lipschitz CNNs: outputs, splines, norms, and what they are told") {
  if (!have_data()) return;
  for (const std::string kind : {"spline", "relu"}) {
    CAPTURE(kind);
    const std::string name = "lipschitz_" + kind + "_cnn_sigma_10";
    const Model<double>& model = published(name, "lipschitz-cnn");
    const auto& exact = std::get<LipschitzCnn<double>>(model.value);
    const LipschitzCnn<float> cnn(exact.parameters());
    const Hdf5Reader file(reference_model(name));
    CHECK(cnn.noise_level() == doctest::Approx(10.0 / 255));
    for (const auto& group : groups_of(file, "crop")) {
      const auto x = file.read<float>(group + "/noisy");
      Array<float> out(x.shape());
      cnn.network(x, out);
      CHECK(largest_difference(out, file.read<float>(group + "/network_output")) < 1e-5);
      cnn.denoise(x, 10.0 / 255, out);
      CHECK(largest_difference(out, file.read<float>(group + "/denoised")) < 1e-5);
    }
    const auto norms = file.read<double>("derived/fourier_norm_per_layer_grid128");
    double product = 1;
    for (Index l = 0; l < norms.size(); ++l) {
      const NormInterval& norm = cnn.layer_norms()[static_cast<std::size_t>(l)];
      CHECK(norm.upper >= norms[l]);
      CHECK(norm.upper <= 1.05 * norms[l]);
      product *= norms[l];
    }
    for (const double slope : cnn.activation_slopes()) CHECK(slope <= 1 + 1e-5);
    CHECK(cnn.network_bound() >= product * (1 - 1e-5));
    CHECK(cnn.network_bound() <= product * 1.03);
    const Certificate c = cnn.certificate();
    CHECK(c.kind == Certificate::Kind::proven);
    CHECK(std::isinf(c.averagedness));
    CHECK(c.how.find("> 1: not averaged") != std::string::npos);
    CHECK(certified(cnn).certificate().averagedness == 0.5);
    check_round_trip(name, "lipschitz-cnn");
    if (kind != "spline") continue;
    const auto t = file.read<double>("activation_check/t");
    const auto values = file.read<double>("activation_check/values");
    const LinearSpline<double> f(exact.parameters().activation_parameters[0], -5, 5);
    for (Index ch = 0; ch < 32; ++ch)
      for (Index i = 0; i < t.size(); ++i)
        CHECK(std::abs(f.value(ch, t[i]) - values[ch * t.size() + i]) < 2e-6);
  }
}
