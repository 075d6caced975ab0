#include <fejer/models/model_file.hpp>

#include <fstream>
#include <functional>
#include <limits>
#include <map>

#include <doctest/doctest.h>
#include <fejer/hdf5.hpp>
#include <fejer/parallel.hpp>

#include "data.hpp"
#include "small_dncnn.hpp"
#include "small_drunet.hpp"

using namespace fejer;
using namespace fejer_test;

namespace {

Model<double> ridge_model(Borders borders = Borders::zero_every_layer) {
  return {RidgeRegulariser<double>(small_ridge(borders)), {"made up", "small"}};
}
Model<double> tstep_model() {
  return {CrrTStepDenoiser<double>(
              RidgeRegulariser<double>(small_ridge(Borders::zero_every_layer, 0)), 4, 25.0 / 255),
          {}};
}
Model<double> cnn_model(Activation activation) {
  return {LipschitzCnn<double>(small_cnn(activation)), {}};
}

Model<double> unrolled_model(std::size_t networks) {
  UnrolledPgdParameters p;
  p.denoisers.assign(networks, small_cnn(Activation::spline));
  p.denoisers.back().divisor = 2;
  p.steps = {0.5, 1.5};
  p.operator_norm = 1.1;
  p.noise_level = 0.02;
  return {UnrolledPgd<double>(p), {}};
}

/// A model file as plain values, to be changed and written again with a correct checksum.
struct Contents {
  std::map<std::string, std::string> root;
  std::map<std::string, std::map<std::string, double>> numbers;
  std::map<std::string, std::map<std::string, std::string>> words;
  std::map<std::string, Array<double>> arrays;
};

Contents read(const std::string& path) {
  const Hdf5Reader file(path);
  Contents c;
  for (const char* name : {"model", "name", "source"})
    c.root[name] = file.text_attribute("/", name);
  for (const char* group : {"/config", "/certificate"})
    for (const auto& name : file.attributes(group)) {
      try {
        c.numbers[group][name] = file.real_attribute(group, name);
      } catch (const FormatError&) {
        c.words[group][name] = file.text_attribute(group, name);
      }
    }
  for (const auto& name : file.list("/parameters"))
    c.arrays["/parameters/" + name] = file.read<double>("/parameters/" + name);
  return c;
}

void write(const std::string& path, const Contents& c, int version = 1) {
  Hdf5Writer file(path);
  file.format("fejer-model", version);
  for (const auto& [name, value] : c.root) file.attribute("/", name, value);
  for (const char* group : {"/config", "/certificate"}) file.group(group);
  for (const auto& [group, entries] : c.numbers)
    for (const auto& [name, value] : entries) file.attribute(group, name, value);
  for (const auto& [group, entries] : c.words)
    for (const auto& [name, value] : entries) file.attribute(group, name, value);
  for (const auto& [name, array] : c.arrays) file.write(name, array);
  file.commit();
}

/// Whether a changed copy is refused with a message that holds `part`.
bool refused(const Model<double>& model, const std::function<void(Contents&)>& change,
             const std::string& part, int version = 1) {
  const ScratchFolder folder;
  const std::string good = folder / "good.h5", bad = folder / "bad.h5";
  save_model(good, model);
  Contents c = read(good);
  change(c);
  write(bad, c, version);
  return throws_with<FormatError>([&] { load_model<float>(bad); }, part);
}

}  // namespace

TEST_CASE("models survive a round trip: the same parameters, the same output") {
  const ScopedThreads one(1);  // small images
  const ScratchFolder folder;
  const std::string path = folder / "model.h5";
  for (const Borders borders : {Borders::zero_every_layer, Borders::zero_once}) {
    const Model<double> model = ridge_model(borders);
    save_model(path, model);
    const Model<double> again = load_model<double>(path);
    CHECK(again.kind() == "ridge");
    CHECK(again.origin.source == "made up");
    CHECK(again.origin.name == "small");
    CHECK(again.ridge().parameters().borders == borders);
    const Array<double> x = random_array({1, 9, 9}, "x", 0.1);
    Array<double> a(x.shape()), b(x.shape());
    CHECK(again.ridge().value_and_gradient(x, 0.05, a) ==
          model.ridge().value_and_gradient(x, 0.05, b));
    CHECK(same_bits(a, b));
  }
  for (const Model<double>& model :
       {tstep_model(), cnn_model(Activation::relu), cnn_model(Activation::spline)}) {
    save_model(path, model);
    const Model<double> again = load_model<double>(path);
    CHECK(again.kind() == model.kind());
    CHECK(again.noise_level() == model.noise_level());
    const Array<double> x = random_array({1, 9, 9}, "x", 0.1);
    Array<double> a(x.shape()), b(x.shape());
    make_denoiser(model).denoise(x, *model.noise_level(), a);
    make_denoiser(again).denoise(x, *model.noise_level(), b);
    CHECK(same_bits(a, b));
    CHECK(load_model<float>(path).kind() == model.kind());
  }
}

TEST_CASE("unrolled networks survive a round trip, and tampered ones are refused") {
  const ScopedThreads one(1);  // small images
  const ScratchFolder folder;
  const std::string path = folder / "model.h5";
  for (const std::size_t networks : {1u, 2u}) {
    const Model<double> model = unrolled_model(networks);
    save_model(path, model);
    const UnrolledPgd<double> before = model.unrolled();
    const UnrolledPgd<double> after = load_model<double>(path).unrolled();
    CHECK(after.layers() == 2);
    CHECK(after.parameters().steps == before.parameters().steps);
    CHECK(after.parameters().denoisers.size() == networks);
    CHECK(after.parameters().operator_norm == 1.1);
    CHECK(after.parameters().noise_level == 0.02);
    CHECK(after.norm_limit() == before.norm_limit());
    const Array<double> x = random_array({1, 9, 9}, "x", 0.1);
    Array<double> a(x.shape()), b(x.shape());
    for (Index k = 0; k < 2; ++k) {
      before.denoiser(k).network(x, a);
      after.denoiser(k).network(x, b);
      CHECK(same_bits(a, b));
    }
  }
  const auto model = unrolled_model(2);
  CHECK(refused(
      model, [](Contents& c) { c.arrays["/parameters/steps"][1] *= 1.01; }, "norm_limit"));
  CHECK(refused(
      model, [](Contents& c) { c.arrays["/parameters/steps"][0] *= 1.01; }, "SHA-256"));
  CHECK(refused(
      model, [](Contents& c) { c.arrays["/parameters/net_1_weight_1"][3] *= 2; },
      "net_1_layer_norm_1"));
  CHECK(refused(
      model, [](Contents& c) { c.arrays["/parameters/net_0_spline_0"][3] += 4; },
      "net_0_activation_slope_0"));
  CHECK(refused(
      model, [](Contents& c) { c.arrays["/parameters/divisors"][1] = 0.5; },
      "net_1_network_bound"));
  CHECK(refused(
      model, [](Contents& c) { c.arrays["/parameters/steps"] = Array<double>(Shape{3}, 1.0); },
      "steps"));
  CHECK(refused(
      model, [](Contents& c) { c.numbers["/config"]["networks"] = 1; }, "unexpected object"));
  CHECK(refused(
      model, [](Contents& c) { c.numbers["/config"]["iterations"] = 1e9; }, "iterations"));
}

TEST_CASE("a DRUNet survives a round trip, and tampered ones are refused") {
  const ScratchFolder folder;
  const std::string path = folder / "model.h5";
  const DrunetOptions o = small_drunet_options(DrunetActivation::elu, 3, 2);
  const Model<double> model{small_drunet(o), {"made up", "small"}};
  save_model(path, model);
  const Model<double> again = load_model<double>(path);
  CHECK(again.kind() == "drunet");
  CHECK(again.origin.name == "small");
  CHECK_FALSE(again.noise_level().has_value());
  const auto& network = std::get<Drunet<double>>(again.value);
  CHECK(network.options().blocks == 2);
  CHECK(network.options().activation == DrunetActivation::elu);
  const Array<double> x = random_array({3, 9, 10}, "x");
  Array<double> a(x.shape()), b(x.shape());
  make_denoiser(model).denoise(x, 0.1, a);
  make_denoiser(again).denoise(x, 0.1, b);
  CHECK(same_bits(a, b));
  CHECK(load_model<float>(path).kind() == "drunet");

  CHECK(refused(
      model, [](Contents& c) { c.arrays["/parameters/m_body.0.res.0.weight"][7] *= 1.5; },
      "SHA-256 differs"));
  CHECK(refused(
      model, [](Contents& c) { c.words["/config"]["activation"] = "relu"; }, "SHA-256 differs"));
  CHECK(refused(
      model, [](Contents& c) { c.words["/config"]["activation"] = "rleu"; }, "did you mean relu?"));
  CHECK(refused(
      model, [](Contents& c) { c.numbers["/config"]["blocks"] = 1; },
      "no dataset /parameters/m_body.res.0.weight"));
  CHECK(refused(
      model, [](Contents& c) { c.numbers["/config"]["blocks"] = 1e9; }, "blocks"));
  CHECK(refused(
      model, [](Contents& c) { c.numbers["/config"]["channels_2"] = 4.5; }, "channels_2"));
  CHECK(refused(
      model, [](Contents& c) { c.numbers["/config"]["image_channels"] = 1; }, "m_head.weight"));
  CHECK(refused(
      model,
      [](Contents& c) {
        c.arrays["/parameters/m_up3.0.weight"] = random_array({5, 8, 2, 2}, "w");
      },
      "m_up3.0.weight"));
  CHECK(refused(
      model, [](Contents& c) { c.arrays.erase("/parameters/m_tail.weight"); },
      "no dataset /parameters/m_tail.weight"));
  CHECK(refused(
      model, [](Contents& c) { c.numbers["/certificate"]["lipschitz"] = 1; },
      "unexpected attribute 'lipschitz'"));
}

TEST_CASE("gradient-step DRUNets and DnCNNs survive a round trip, tampered ones are refused") {
  const ScratchFolder folder;
  const std::string path = folder / "model.h5";
  const Model<double> step{
      GradientStepDrunet<double>(small_drunet(small_drunet_options(DrunetActivation::softplus))),
      {"made up", "small"}};
  const Model<double> dncnn{Dncnn<double>(small_dncnn(1)), {}};
  for (const Model<double>& model : {step, dncnn}) {
    save_model(path, model);
    const Model<double> again = load_model<double>(path);
    CHECK(again.kind() == model.kind());
    CHECK(again.noise_level() == model.noise_level());
    const Array<double> x = random_array({1, 9, 10}, "x");
    Array<double> a(x.shape()), b(x.shape());
    make_denoiser(model).denoise(x, 25.0 / 255, a);
    make_denoiser(again).denoise(x, 25.0 / 255, b);
    CHECK(same_bits(a, b));
    CHECK(load_model<float>(path).kind() == model.kind());
  }
  CHECK(refused(
      step, [](Contents& c) { c.arrays["/parameters/m_tail.weight"][7] *= 1.5; },
      "SHA-256 differs"));
  // The same weights are another denoiser.
  CHECK(refused(
      step, [](Contents& c) { c.root["model"] = "drunet"; }, "SHA-256 differs"));
  CHECK(refused(
      dncnn, [](Contents& c) { c.arrays["/parameters/bias_1"][2] += 1; }, "SHA-256 differs"));
  CHECK(refused(
      dncnn, [](Contents& c) { c.numbers["/config"]["noise_level"] = 0.2; }, "SHA-256 differs"));
  CHECK(refused(
      dncnn, [](Contents& c) { c.numbers["/config"]["noise_level"] = 25; }, "25/255"));
  CHECK(refused(
      dncnn, [](Contents& c) { c.numbers["/config"]["layers"] = 2; }, "unexpected object"));
  CHECK(refused(
      dncnn,
      [](Contents& c) {
        c.arrays["/parameters/weight_1"] = Array<double>(Shape{4, 3});
      },
      "layer 1"));
}

TEST_CASE("an unchanged copy of a model file is accepted") {
  const ScratchFolder folder;
  const std::string path = folder / "model.h5", copy = folder / "copy.h5";
  save_model(path, cnn_model(Activation::spline));
  write(copy, read(path));
  CHECK(load_model<float>(copy).kind() == "lipschitz-cnn");
}

TEST_CASE("tampered models are refused with the reason") {
  const ScopedThreads one(1);  // small images
  const auto ridge = ridge_model();
  CHECK(refused(
      ridge, [](Contents& c) { c.arrays["/parameters/kernel_1"][7] *= 1.5; },
      "changed after it was certified"));
  CHECK(refused(
      ridge, [](Contents& c) { c.arrays["/parameters/scaling"][1] += 0.1; }, "SHA-256 differs"));
  CHECK(refused(
      ridge, [](Contents& c) { c.arrays["/parameters/profile"][10] += 0.5; },
      "outside [-rho, mu]"));
  CHECK(refused(
      ridge, [](Contents& c) { c.numbers["/config"]["norm_squared"] *= 0.9; },
      "changed after it was certified"));
  CHECK(refused(
      ridge, [](Contents& c) { c.numbers["/config"]["rho"] = 0.1; }, "outside"));
  CHECK(refused(
      ridge, [](Contents& c) { c.numbers["/certificate"]["gradient_lipschitz_proven"] *= 0.5; },
      "claims gradient_lipschitz_proven"));
  // As training leaves them: padded once, divided by a proven norm.
  const auto once = ridge_model(Borders::zero_once);
  for (const char* kernel : {"/parameters/kernel_0", "/parameters/kernel_1"})
    CHECK(refused(
        once,
        [&](Contents& c) {
          for (double& w : c.arrays[kernel]) w *= 1.001;
        },
        "changed after it was certified"));
  CHECK(refused(
      once, [](Contents& c) { c.numbers["/config"]["norm_squared"] *= 1.001; },
      "changed after it was certified"));
  const auto cnn = cnn_model(Activation::spline);
  CHECK(refused(
      cnn, [](Contents& c) { c.arrays["/parameters/spline_0"][3] += 4; }, "activation_slope_0"));
  CHECK(refused(
      cnn, [](Contents& c) { c.arrays["/parameters/weight_1"][3] *= 2; }, "layer_norm_1"));
  CHECK(refused(
      cnn, [](Contents& c) { c.arrays["/parameters/bias_0"][0] += 1; }, "SHA-256"));
  CHECK(refused(
      cnn, [](Contents& c) { c.numbers["/config"]["divisor"] = 1.3; }, "network_bound"));
  FullyConnectedParameters p;
  p.weights.push_back(random_array({2, 3}, "weight"));
  p.biases.push_back(random_array({2}, "bias"));
  const Model<double> fully{FullyConnectedNetwork<double>(p), {"made up", "small"}};
  CHECK(refused(
      fully, [](Contents& c) { c.arrays["/parameters/weight_0"][3] *= 2; }, "layer_norm_0"));
  CHECK(refused(
      fully, [](Contents& c) { c.numbers["/config"]["slope"] = 1; }, "[0, 1)"));
  CHECK(refused(
      fully, [](Contents& c) { c.words["/config"]["output"] = "liner"; }, "did you mean linear?"));
}

TEST_CASE("splines of fully connected networks and patch denoisers: tampered ones are refused") {
  FullyConnectedParameters p;
  p.weights = {random_array({3, 4}, "in"), random_array({4, 3}, "out")};
  p.biases = {random_array({3}, "b"), random_array({4}, "c")};
  p.splines = {random_array({3, 5}, "splines")};
  PatchDenoiserParameters d;
  d.network = p;
  d.size = 2;
  d.noise_level = 0.1;
  d.inputs = {0, 1, 2, 3};
  for (const Model<double>& model : {Model<double>{FullyConnectedNetwork<double>(p), {}},
                                     Model<double>{PatchDenoiser<double>(d), {}}}) {
    CHECK_FALSE(refused(
        model, [](Contents&) {}, ""));
    CHECK(refused(
        model, [](Contents& c) { c.arrays["/parameters/spline_0"][3] += 40; },
        "activation_slope_0"));
    CHECK(refused(
        model, [](Contents& c) { c.numbers["/config"]["x_max"] = 0.5; }, "activation_slope_0"));
    CHECK(refused(
        model,
        [](Contents& c) {  // the slopes stay
          for (double& v : c.arrays["/parameters/spline_0"]) v += 1;
        },
        "SHA-256"));
    CHECK(refused(
        model, [](Contents& c) { c.numbers["/certificate"]["activation_slope_0"] *= 0.5; },
        "activation_slope_0"));
    CHECK(refused(
        model, [](Contents& c) { c.numbers["/config"].erase("x_max"); }, "no attribute 'x_max'"));
    CHECK(refused(
        model, [](Contents& c) { c.arrays.erase("/parameters/spline_0"); },
        "no dataset /parameters/spline_0"));
    CHECK(refused(
        model,
        [](Contents& c) {
          c.numbers["/config"].erase("x_min");
          c.numbers["/config"].erase("x_max");
        },
        "unexpected object /parameters/spline_0"));
    CHECK(refused(
        model, [](Contents& c) { c.words["/config"]["output"] = "activated"; },
        "no dataset /parameters/spline_1"));
    CHECK(refused(
        model,
        [](Contents& c) {
          c.arrays["/parameters/spline_0"] = Array<double>(Shape{2, 5});
        },
        "expected (3, knots)"));
  }
}

TEST_CASE(
    "a patch denoiser with a few inputs survives a round trip, and tampered ones are refused") {
  PatchDenoiserParameters p;
  p.network.weights = {random_array({3, 2}, "in"), random_array({4, 3}, "out")};
  p.network.biases = {random_array({3}, "b"), random_array({4}, "c")};
  p.size = 2;
  p.noise_level = 0.1;
  p.inputs = {1, 3};
  const Model<double> model{PatchDenoiser<double>(p), {"made up", "small"}};
  CHECK_FALSE(refused(
      model, [](Contents&) {}, ""));
  CHECK(refused(
      model, [](Contents& c) { c.arrays["/parameters/inputs"][1] = 2; }, "SHA-256 differs"));
  CHECK(refused(
      model, [](Contents& c) { c.arrays["/parameters/inputs"][1] = 2.5; }, "whole numbers"));
  CHECK(refused(
      model, [](Contents& c) { c.arrays["/parameters/inputs"][1] = 1e30; }, "inputs"));
  CHECK(refused(
      model, [](Contents& c) { c.arrays["/parameters/inputs"][0] = 3; }, "ascending"));
  CHECK(refused(
      model, [](Contents& c) { c.arrays.erase("/parameters/inputs"); },
      "no dataset /parameters/inputs"));
  CHECK(refused(
      model, [](Contents& c) { c.numbers["/config"]["size"] = 3; }, "one for each of 9 pixels"));
  CHECK(refused(
      model, [](Contents& c) { c.numbers["/config"]["noise_level"] = 25; }, "25/255"));
  CHECK(refused(
      model, [](Contents& c) { c.words["/config"]["output"] = "liner"; }, "did you mean linear?"));
}

TEST_CASE("a wrong norm is found even if its claims were changed with it") {
  const ScopedThreads one(1);  // small images
  // L and everything that follows from it, consistently; only the filters contradict.
  const ScratchFolder folder;
  const std::string path = folder / "model.h5";
  RidgeParameters p = small_ridge();
  p.norm_squared *= 0.8;
  save_model(path, Model<double>{RidgeRegulariser<double>(p), {}});
  CHECK(throws_with<FormatError>([&] { load_model<float>(path); }, "norm_squared"));
  p = small_ridge(Borders::zero_every_layer, 0);
  p.norm_squared = 1;  // now the curvature of 4 is far too small
  for (double& w : p.kernels[0]) w *= 3;
  save_model(path, Model<double>{RidgeRegulariser<double>(p), {}});
  CHECK(throws_with<FormatError>([&] { load_model<float>(path); }, "curvature"));
}

TEST_CASE("model files are strict about what they hold") {
  const auto model = ridge_model();
  const double nan = std::numeric_limits<double>::quiet_NaN();
  CHECK(refused(
      model, [&](Contents& c) { c.arrays["/parameters/kernel_0"][0] = nan; },
      "/parameters/kernel_0 holds a value that is not finite"));
  CHECK(refused(
      model, [&](Contents& c) { c.numbers["/config"]["mu"] = nan; }, "mu is not finite"));
  CHECK(refused(
      model, [](Contents& c) { c.arrays.erase("/parameters/profile"); },
      "no dataset /parameters/profile"));
  CHECK(refused(
      model, [](Contents& c) { c.arrays["/parameters/more"] = Array<double>(Shape{1}); },
      "unexpected object /parameters/more"));
  CHECK(refused(
      model, [](Contents& c) { c.arrays["/more"] = Array<double>(Shape{1}); },
      "unexpected object /more"));
  CHECK(refused(
      model,
      [](Contents& c) {
        c.arrays["/parameters/kernel_1"] = Array<double>(Shape{5, 3});
      },
      "kernel 1"));
  CHECK(refused(
      model, [](Contents& c) { c.numbers["/config"].erase("mu"); },
      "no attribute 'mu' on /config"));
  CHECK(refused(
      model, [](Contents& c) { c.numbers["/config"]["nu"] = 1; }, "unexpected attribute 'nu'"));
  CHECK(refused(
      model, [](Contents& c) { c.numbers["/certificate"].erase("slope_max"); }, "slope_max"));
  CHECK(refused(
      model, [](Contents& c) { c.root["model"] = "rigde"; }, "did you mean ridge?"));
  CHECK(refused(
      model, [](Contents& c) { c.words["/config"]["borders"] = "zero"; }, "borders"));
  CHECK(refused(
      model, [](Contents& c) { c.numbers["/config"]["layers"] = 1e9; }, "layers"));
  CHECK(refused(
      model, [](Contents&) {}, "newer", 2));
}

TEST_CASE(
    "damaged, truncated and foreign model files are refused; nothing is left of a failed save") {
  const ScratchFolder folder;
  const std::string path = folder / "model.h5";
  save_model(path, cnn_model(Activation::relu));
  std::string bytes;
  {
    std::ifstream in(path, std::ios::binary);
    bytes.assign(std::istreambuf_iterator<char>(in), {});
  }
  const auto load_bytes = [&](const std::string& b) {
    const std::string other = folder / "other.h5";
    std::ofstream(other, std::ios::binary) << b;
    load_model<float>(other);
  };
  for (const double part : {0.0, 0.1, 0.5, 0.99}) {
    const auto length = static_cast<std::size_t>(part * static_cast<double>(bytes.size()));
    CHECK_THROWS_AS(load_bytes(bytes.substr(0, length)), FormatError);
  }
  for (std::size_t at = 600; at < bytes.size(); at += bytes.size() / 7) {
    std::string flipped = bytes;
    flipped[at] = static_cast<char>(flipped[at] ^ 4);
    CHECK_THROWS_AS(load_bytes(flipped), FormatError);
  }
  const std::string foreign = folder / "foreign.h5";
  {
    Hdf5Writer file(foreign);
    file.format("something-else", 1);
    file.commit();
  }
  CHECK(throws_with<FormatError>([&] { load_model<float>(foreign); }, "fejer-model"));
  CHECK_THROWS_AS(load_model<float>(folder / "missing.h5"), FormatError);
  CHECK_THROWS_AS(save_model(folder / "no/such/folder.h5", cnn_model(Activation::relu)), Error);
}
