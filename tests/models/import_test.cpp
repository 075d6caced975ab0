#include <fejer/models/import.hpp>

#include <map>

#include <doctest/doctest.h>
#include <fejer/hdf5.hpp>
#include <fejer/parallel.hpp>
#include <fejer/vector.hpp>

#include "data.hpp"
#include "small_dncnn.hpp"
#include "small_drunet.hpp"

using namespace fejer;
using namespace fejer_test;

namespace {

/// A made-up dump, written at the top level or in state_dict.
struct Dump {
  std::map<std::string, Array<double>> tensors;
  std::map<std::string, double> attributes;
  std::string write(const ScratchFolder& folder, bool in_group = true) const {
    const std::string path = folder / "dump.h5";
    Hdf5Writer file(path);
    for (const auto& [name, tensor] : tensors)
      file.write((in_group && name.find('/') == std::string::npos ? "state_dict/" : "") + name,
                 tensor);
    for (const auto& [name, value] : attributes) file.attribute("/", name, value);
    file.commit();
    return path;
  }
};

Array<double> scalar(double value) {
  Array<double> a{Shape{}};
  a[0] = value;
  return a;
}

Dump ridge_dump() {
  Dump d;
  d.tensors["conv_layer.conv_layers.0.parametrizations.weight.original"] =
      random_array({2, 1, 3, 3}, "k0");
  d.tensors["conv_layer.conv_layers.1.weight"] = random_array({3, 2, 3, 3}, "k1");
  d.tensors["activation_cvx.coefficients"] = random_array({1, 11}, "plus", 0.01);
  d.tensors["activation_ccv.coefficients"] = random_array({1, 11}, "minus", 0.01);
  d.tensors["mu_"] = scalar(1.5);
  d.tensors["spline_scaling.coefficients"] = random_array({3, 5}, "scaling");
  d.attributes["rho_wcvx"] = 1;
  return d;
}

Dump tstep_dump() {
  Dump d;
  for (const char* l : {"0", "1"})
    d.tensors["conv_layer.conv_layers." + std::string(l) + ".parametrizations.weight.original"] =
        random_array({3, *l == '0' ? 1 : 3, 3, 3}, l);
  d.tensors["activation.coefficients_vect"] = random_array({3 * 7}, "a", 0.01);
  d.tensors["lmbd"] = scalar(2);
  d.tensors["mu"] = scalar(4);
  d.tensors["L"] = scalar(1);
  d.attributes["t_steps"] = 5;
  d.attributes["training_sigma"] = 25;
  return d;
}

Dump cnn_dump() {
  Dump d;
  d.tensors["net.0.weight"] = random_array({3, 1, 3, 3}, "w0", 0.1);
  d.tensors["net.0.bias"] = random_array({3}, "b0", 0.1);
  d.tensors["net.1._coefficients_vect"] = random_array({3, 5}, "s0");
  d.tensors["net.2.weight"] = random_array({1, 3, 3, 3}, "w1", 0.1);
  d.tensors["net.2.bias"] = random_array({1}, "b1", 0.1);
  return d;
}

Dump drunet_dump(const DrunetOptions& o, const std::string& prefix = "") {
  Dump d;
  const std::vector<Array<double>> weights = random_drunet_weights(o);
  std::size_t k = 0;
  for (const auto& [name, shape] : drunet_weights(o)) d.tensors[prefix + name] = weights[k++];
  return d;
}

bool refused(const Dump& dump, const std::string& architecture, const std::string& part,
             const ImportOptions& options = {}) {
  const ScratchFolder folder;
  const std::string path = dump.write(folder);
  return throws_with<FormatError>([&] { import_model<float>(path, architecture, options); }, part);
}

}  // namespace

TEST_CASE("import ridge: means removed, splines projected, L by the power method") {
  const ScopedThreads one(1);  // small images
  const ScratchFolder folder;
  const Dump d = ridge_dump();
  for (const bool in_group : {true, false}) {
    const auto model = import_model<double>(d.write(folder, in_group), "ridge");
    const RidgeParameters& p = model.ridge().parameters();
    CHECK(p.mu == std::exp(1.5));
    CHECK(p.rho == 1);
    CHECK(p.curvature == p.mu);
    double sum = 0;
    for (Index i = 0; i < 9; ++i) sum += p.kernels[0][i];
    CHECK(sum == doctest::Approx(0).scale(1));
    CHECK(same_bits(p.kernels[1], d.tensors.at("conv_layer.conv_layers.1.weight")));
    CHECK(p.norm_squared == power_norm_squared(p.kernels, p.borders));
    CHECK(p.scaling->g_max == 30);
    CHECK(p.profile[5] == 0);
  }
}

TEST_CASE("import crr-tstep: lambda and mu go into scale and weight") {
  const ScopedThreads one(1);  // small images
  const ScratchFolder folder;
  const auto model = import_model<double>(tstep_dump().write(folder), "crr-tstep");
  const auto& D = std::get<CrrTStepDenoiser<double>>(model.value);
  const RidgeParameters& p = model.ridge().parameters();
  CHECK(D.steps() == 5);
  CHECK(D.noise_level() == doctest::Approx(25.0 / 255));
  CHECK(p.scale == 4);
  CHECK(p.weight == 8);
  CHECK(p.norm_squared == 1);
  const auto other = import_model<double>(tstep_dump().write(folder), "crr-tstep", {0.02, {}});
  CHECK(*other.noise_level() == 0.02);
}

TEST_CASE("import lipschitz-cnn, with splines and without") {
  const ScratchFolder folder;
  Dump d = cnn_dump();
  d.attributes["trained_for_sigma"] = 10;
  d.attributes["knot_range"] = 2;
  const auto model = import_model<double>(d.write(folder), "lipschitz-cnn");
  const auto& cnn = std::get<LipschitzCnn<double>>(model.value);
  CHECK(cnn.noise_level() == doctest::Approx(10.0 / 255));
  CHECK(cnn.parameters().x_max == 2);
  CHECK(cnn.parameters().activation_parameters.size() == 1);
  d.tensors.erase("net.1._coefficients_vect");
  d.attributes.clear();
  const auto relu = import_model<double>(d.write(folder), "lipschitz-cnn", {0.1, {}});
  CHECK(std::get<LipschitzCnn<double>>(relu.value).parameters().activation == Activation::relu);
}

TEST_CASE("import drunet: sizes from the shapes, activation stated or ReLU, any prefix") {
  const ScratchFolder folder;
  for (const Index blocks : {1, 2}) {
    const DrunetOptions o = small_drunet_options(DrunetActivation::elu, 3, blocks);
    ImportOptions options;
    options.activation = "elu";
    const auto model = import_model<double>(
        drunet_dump(o, blocks == 1 ? "net.model." : "").write(folder, blocks == 1), "drunet",
        options);
    const auto& network = std::get<Drunet<double>>(model.value);
    CHECK(network.options().blocks == blocks);
    CHECK(network.options().channels == o.channels);
    CHECK(network.options().image_channels == 3);
    CHECK(network.options().activation == DrunetActivation::elu);
    const Array<double> x = random_array({3, 8, 8}, "x");
    Array<double> a(x.shape()), b(x.shape());
    network.denoise(x, 0.1, a);
    small_drunet(o).denoise(x, 0.1, b);
    CHECK(same_bits(a, b));
  }
  const DrunetOptions o = small_drunet_options();
  const auto model = import_model<float>(drunet_dump(o).write(folder), "drunet");
  CHECK(std::get<Drunet<float>>(model.value).options().activation == DrunetActivation::relu);

  Dump d = drunet_dump(o);
  d.tensors.erase("m_up2.1.res.0.weight");
  CHECK(refused(d, "drunet", "no tensor 'm_up2.1.res.0.weight'"));
  d = drunet_dump(o);
  d.tensors.erase("m_head.weight");
  CHECK(refused(d, "drunet", "no tensor 'm_head.weight'"));
  d = drunet_dump(o);
  d.tensors["m_head.bias"] = random_array({4}, "b");
  CHECK(refused(d, "drunet", "unexpected tensor 'm_head.bias'"));
  d = drunet_dump(o);
  d.tensors["m_body.res.0.weight"] = random_array({8, 8, 3, 2}, "w");
  CHECK(refused(d, "drunet", "got shape (8,8,3,2), expected (8,8,3,3)"));
  d = drunet_dump(o);
  d.tensors["m_tail.weight"] = random_array({4}, "w");
  CHECK(refused(d, "drunet", "expected (out, in, k, k)"));
  d = drunet_dump(o);
  d.tensors["other.m_head.weight"] = d.tensors["m_head.weight"];
  CHECK(refused(d, "drunet", "two tensors"));
  CHECK(refused(cnn_dump(), "drunet", "is this a DRUNet?"));
  ImportOptions wrong;
  wrong.activation = "gelu";
  CHECK(refused(drunet_dump(o), "drunet", "activation", wrong));
}

TEST_CASE("import gsdrunet: ELU unless stated, as the potential of a gradient step") {
  const ScratchFolder folder;
  const DrunetOptions o = small_drunet_options(DrunetActivation::elu);
  const auto model =
      import_model<double>(drunet_dump(o, "student_grad.model.").write(folder), "gsdrunet");
  const auto& step = std::get<GradientStepDrunet<double>>(model.value);
  CHECK(step.network().options().activation == DrunetActivation::elu);
  const Array<double> x = random_array({1, 8, 8}, "x");
  Array<double> a(x.shape()), b(x.shape());
  step.denoise(x, 0.1, a);
  GradientStepDrunet<double>(small_drunet(o)).denoise(x, 0.1, b);
  CHECK(same_bits(a, b));
  CHECK(refused(cnn_dump(), "gsdrunet", "is this a DRUNet?"));
}

TEST_CASE("import dncnn: layers by their numbers, the level stated") {
  const ScratchFolder folder;
  const DncnnParameters p = small_dncnn(3);
  Dump d;
  for (std::size_t l = 0; l < p.weights.size(); ++l) {
    const std::string name = "model." + std::to_string(2 * l);
    d.tensors[name + ".weight"] = p.weights[l];
    d.tensors[name + ".bias"] = p.biases[l];
  }
  const auto model = import_model<double>(d.write(folder), "dncnn", {25.0 / 255, {}});
  const auto& net = std::get<Dncnn<double>>(model.value);
  CHECK(net.image_channels() == 3);
  CHECK(net.noise_level() == 25.0 / 255);
  CHECK(same_bits(net.parameters().weights[1], p.weights[1]));
  CHECK(same_bits(net.parameters().biases[2], p.biases[2]));
  CHECK(refused(d, "dncnn", "trained_for_sigma"));
  d.attributes["trained_for_sigma"] = 50;
  CHECK(*import_model<float>(d.write(folder), "dncnn").noise_level() == 50.0 / 255);
  Dump bad = d;
  bad.tensors["model.3.running_mean"] = random_array({4}, "m");
  CHECK(refused(bad, "dncnn", "unexpected tensor 'model.3.running_mean'"));
  bad = d;
  bad.tensors["model.4.weight"] = random_array({3, 5, 3, 3}, "w");
  CHECK(refused(bad, "dncnn", "got shape (3,5,3,3), expected (0,4,0,0)"));
  bad = d;
  bad.tensors.erase("model.2.bias");
  CHECK(refused(bad, "dncnn", "no tensor 'model.2.bias'"));
  CHECK(refused(cnn_dump(), "dncnn", "no tensor 'model.0.weight'"));
}

TEST_CASE("import refuses what is not the architecture, with the name and the shape") {
  const ScopedThreads one(1);  // small images
  const ScratchFolder folder;
  CHECK(throws_with<ArgumentError>(
      [&] { import_model<float>(ridge_dump().write(folder), "rigde"); }, "did you mean ridge?"));
  CHECK(refused(cnn_dump(), "ridge", "no tensor 'conv_layer.conv_layers.0.weight' in state_dict"));
  Dump d = ridge_dump();
  d.tensors.erase("mu_");
  CHECK(refused(d, "ridge", "no tensor 'mu_'"));
  d = ridge_dump();
  d.tensors["spline_scaling.coefficients"] = Array<double>(Shape{4, 5});
  CHECK(refused(d, "ridge", "got shape (4,5), expected (3,0)"));
  d = ridge_dump();
  d.tensors["conv_layer.conv_layers.1.weight"] = Array<double>(Shape{3, 2, 4, 4});
  CHECK(refused(d, "ridge", "odd kernel sizes"));
  d = ridge_dump();
  d.tensors["norm.weight"] = Array<double>(Shape{3});
  CHECK(refused(d, "ridge", "unexpected tensor 'norm.weight'"));
  d = ridge_dump();
  d.attributes.clear();
  CHECK(refused(d, "ridge", "rho_wcvx"));
  d = ridge_dump();
  d.tensors["mu_"] = scalar(std::nan(""));
  CHECK(refused(d, "ridge", "not finite"));
  d = ridge_dump();
  d.tensors["derived/L"] = scalar(12345);
  CHECK(refused(d, "ridge", "do not belong together"));
  d = tstep_dump();
  d.attributes.erase("training_sigma");
  CHECK(refused(d, "crr-tstep", "training_sigma"));
  d = tstep_dump();
  d.attributes.erase("t_steps");
  CHECK(refused(d, "crr-tstep", "t_steps"));
  d = tstep_dump();
  d.tensors["activation.coefficients_vect"] = Array<double>(Shape{20});
  CHECK(refused(d, "crr-tstep", "odd number of knots"));
  CHECK(refused(cnn_dump(), "lipschitz-cnn", "trained_for_sigma"));
  d = cnn_dump();
  d.tensors["net.0.bias"] = Array<double>(Shape{4});
  CHECK(refused(d, "lipschitz-cnn", "net.0.bias", {0.1, {}}));
  CHECK(throws_with<ArgumentError>(
      [&] {
        import_model<float>(cnn_dump().write(folder), "lipschitz-cnn", {10, {}});
      },
      "write 25/255 for 25"));
}
