/// Networks with random or published weights against check vectors made by other programs.
#include <doctest/doctest.h>
#include <fejer/hdf5.hpp>
#include <fejer/metrics.hpp>
#include <fejer/models/import.hpp>
#include <fejer/vector.hpp>

#include "data.hpp"
#include "small_drunet.hpp"

using namespace fejer;
using namespace fejer_test;

namespace {

/// Largest difference relative to the largest value.
double error_of(const Array<double>& got, const Array<double>& expected) {
  return largest_difference(got, expected) / max_abs<double>(expected);
}

/// Norms of the gradients of all weights, which lie as attributes on a group.
void check_norms(const Hdf5Reader& reference, const std::string& group,
                 const DrunetOptions& options, const std::vector<Array<double>>& gradients) {
  const std::string norms = group + "/vjp_parameter_norms";
  const auto weights = drunet_weights(options);
  CHECK(reference.attributes(norms).size() == weights.size());
  for (std::size_t k = 0; k < weights.size(); ++k) {
    CAPTURE(weights[k].first);
    CHECK(norm(gradients[k]) ==
          doctest::Approx(reference.real_attribute(norms, weights[k].first)).epsilon(1e-12));
  }
}

}  // namespace

TEST_CASE("DRUNet, grey and colour: output and vector-Jacobian products to rounding") {
  if (!have_data()) return;
  for (const std::string name : {"drunet_small_grey", "drunet_small_colour"}) {
    CAPTURE(name);
    const auto model = import_model<double>(reference_model(name), "drunet");
    const auto& net = std::get<Drunet<double>>(model.value);
    const auto single = import_model<float>(reference_model(name), "drunet");
    const Hdf5Reader reference(reference_model(name + "_reference"));
    const std::vector<std::string> groups = reference.list();
    CHECK(groups.size() == 2);
    for (const auto& group : groups) {
      CAPTURE(group);
      const auto read = [&](const char* what) {
        return reference.read<double>(group + "/" + what);
      };
      const double sigma = reference.real_attribute(group, "sigma");
      const Array<double> x = read("input"), expected = read("output");
      Array<double> out(x.shape()), gx(x.shape());
      DrunetTape<double> tape;
      net.forward(x, sigma, out, tape);
      CHECK(error_of(out, expected) < 1e-13);
      DrunetGradient<double> gradient = net.zero_gradient();
      const Array<double> cotangent = read("cotangent");
      net.vjp(tape, cotangent, gx, &gradient);
      CHECK(error_of(gx, read("vjp_input")) < 1e-13);
      CHECK(gradient.sigma ==
            doctest::Approx(reference.real_attribute(group, "vjp_sigma")).epsilon(1e-12));
      CHECK(error_of(gradient.weights.front(), read("vjp_head_weight")) < 1e-12);
      CHECK(error_of(gradient.weights.back(), read("vjp_tail_weight")) < 1e-12);
      check_norms(reference, group, net.options(), gradient.weights);
      const Array<float> x_single = converted<float>(x);
      Array<float> out_single(x.shape());
      make_denoiser(single).denoise(x_single, sigma, out_single);
      double worst = 0;
      for (Index i = 0; i < x.size(); ++i)
        worst = std::max(worst, std::abs(static_cast<double>(out_single[i]) - expected[i]));
      CHECK(worst < 1e-5 * max_abs<double>(expected));
    }
  }
}

TEST_CASE("gradient-step DRUNets: potential, gradient, output and second derivatives to rounding") {
  if (!have_data()) return;
  for (const std::string name : {"gsdrunet_small_elu", "gsdrunet_small_softplus"}) {
    CAPTURE(name);
    const auto model = import_model<double>(reference_model(name), "gsdrunet");
    const auto& net = std::get<GradientStepDrunet<double>>(model.value);
    CHECK(name.ends_with(to_string(net.network().options().activation)));
    const Hdf5Reader reference(reference_model(name + "_reference"));
    const double sigma = reference.real_attribute("/", "sigma");
    const Array<double> x = reference.read<double>("input");
    const Array<double> cotangent = reference.read<double>("cotangent");
    Array<double> gradient(x.shape()), out(x.shape()), gx(x.shape());
    CHECK(net.potential_and_gradient(x, sigma, gradient) ==
          doctest::Approx(reference.read<double>("potential")[0]).epsilon(1e-13));
    CHECK(error_of(gradient, reference.read<double>("gradient")) < 1e-13);
    net.denoise(x, sigma, out);
    CHECK(error_of(out, reference.read<double>("output")) < 1e-13);
    DrunetGradient<double> rest = net.network().zero_gradient();
    net.vjp(x, sigma, cotangent, gx, &rest);
    CHECK(error_of(gx, reference.read<double>("vjp_input")) < 1e-13);
    check_norms(reference, "", net.network().options(), rest.weights);
  }
}

TEST_CASE("DnCNN for level 25: the published output") {
  if (!have_data()) return;
  const auto model = import_model<float>(reference_model("dncnn_25"), "dncnn", {25.0 / 255, {}});
  const Hdf5Reader file(reference_model("dncnn_25"));
  const std::vector<std::string> crops = file.list("reference");
  CHECK(crops.size() == 3);
  for (const std::string& crop : crops) {
    CAPTURE(crop);
    const std::string group = "reference/" + crop;
    const Array<float> noisy = file.read<float>(group + "/noisy");
    Array<float> out(noisy.shape());
    make_denoiser(model).denoise(noisy, 25.0 / 255, out);
    CHECK(largest_difference(out, file.read<float>(group + "/denoised")) < 2e-6);
    CHECK(psnr(out, file.read<float>(group + "/clean"), 1) ==
          doctest::Approx(file.real_attribute(group, "psnr_denoised")).epsilon(1e-5));
  }
}
