#include <fejer/models/model.hpp>

#include <algorithm>

#include <doctest/doctest.h>

#include "small_dncnn.hpp"
#include "small_drunet.hpp"

using namespace fejer;
using namespace fejer_test;

namespace {

template <class T>
std::string fact(const Model<T>& model, const std::string& key) {
  for (const auto& [name, value] : describe(model))
    if (name == key) return value;
  return "(none)";
}

}  // namespace

TEST_CASE("Model: kind, noise level, and what it can be used as") {
  const Model<float> ridge{RidgeRegulariser<float>(small_ridge()), {}};
  const Model<float> tstep{
      CrrTStepDenoiser<float>(RidgeRegulariser<float>(small_ridge(Borders::zero_every_layer, 0)), 2,
                              0.1),
      {}};
  const Model<float> cnn{LipschitzCnn<float>(small_cnn(Activation::relu, 1.1)), {}};
  CHECK(ridge.kind() == "ridge");
  CHECK(tstep.kind() == "crr-tstep");
  CHECK(cnn.kind() == "lipschitz-cnn");
  CHECK(ridge.is_ridge());
  CHECK(tstep.is_ridge());
  CHECK_FALSE(cnn.is_ridge());
  CHECK_FALSE(ridge.noise_level().has_value());
  CHECK(*tstep.noise_level() == 0.1);
  CHECK(*cnn.noise_level() == doctest::Approx(10.0 / 255));
  CHECK(tstep.ridge().parameters().rho == 0);
  CHECK(throws_with<ArgumentError>([&] { cnn.ridge(); }, "no regulariser"));
  const Model<float> drunet{small_drunet<float>(), {}};
  CHECK(drunet.kind() == "drunet");
  CHECK_FALSE(drunet.is_ridge());
  CHECK_FALSE(drunet.noise_level().has_value());
  CHECK(throws_with<ArgumentError>([&] { drunet.ridge(); }, "plug-and-play"));
  const Model<float> step{GradientStepDrunet<float>(small_drunet<float>()), {}};
  CHECK(step.kind() == "gsdrunet");
  CHECK_FALSE(step.noise_level().has_value());
  CHECK(make_denoiser(step).certificate().how.find("gradient step") != std::string::npos);
  const Model<float> dncnn{Dncnn<float>(small_dncnn(1)), {}};
  CHECK(dncnn.kind() == "dncnn");
  CHECK(*dncnn.noise_level() == 25.0 / 255);
  CHECK(make_denoiser(dncnn).certificate().how.find("DnCNN") != std::string::npos);
  CHECK(make_denoiser(drunet, {}, true).certificate().kind == Certificate::Kind::none);
  CHECK(std::isinf(make_denoiser(cnn).certificate().averagedness));
  CHECK(make_denoiser(cnn, {}, true).certificate().averagedness == 0.5);
  CHECK(make_denoiser(ridge).certificate().weak_convexity == 0.5);
  CHECK(make_denoiser(tstep).certificate().kind == Certificate::Kind::none);
}

TEST_CASE("describe: facts with their kind, never an estimate called proven") {
  const Model<double> ridge{RidgeRegulariser<double>(small_ridge()), {"somewhere", "small"}};
  CHECK(fact(ridge, "model") == "ridge");
  CHECK(fact(ridge, "name") == "small");
  CHECK(fact(ridge, "source") == "somewhere");
  CHECK(fact(ridge, "kernels") == "(3,1,3,3) (5,3,5,5)");
  CHECK(fact(ridge, "slopes") == "[-0.5, 4]");
  CHECK(fact(ridge, "gradient_lipschitz").find("4.04 (estimated") == 0);
  CHECK(fact(ridge, "gradient_lipschitz_proven").find("(proven") != std::string::npos);
  CHECK(fact(ridge, "certificate") == "estimated");
  CHECK(fact(ridge, "lipschitz") == "inf");
  const Model<double> cnn{LipschitzCnn<double>(small_cnn(Activation::spline, 1.1)), {}};
  CHECK(fact(cnn, "certificate") == "proven");
  CHECK(fact(cnn, "certificate_text").find("not averaged") != std::string::npos);
  CHECK(fact(cnn, "noise_level").find("10/255") != std::string::npos);
  CHECK(fact(cnn, "activation") == "linear splines");
  const Model<double> tstep{
      CrrTStepDenoiser<double>(RidgeRegulariser<double>(small_ridge(Borders::zero_every_layer, 0)),
                               2, 25.0 / 255),
      {}};
  CHECK(fact(tstep, "steps") == "2");
  CHECK(fact(tstep, "convex") == "yes");
  CHECK(fact(tstep, "certificate") == "none");
  const Model<double> drunet{small_drunet(small_drunet_options(DrunetActivation::softplus, 3)), {}};
  CHECK(fact(drunet, "certificate") == "none");
  CHECK(fact(drunet, "channels") == "4 6 5 8");
  const Model<double> step{GradientStepDrunet<double>(small_drunet()), {}};
  CHECK(fact(step, "model") == "gsdrunet");
  CHECK(fact(step, "certificate") == "none");
  CHECK(fact(step, "certificate_text").find("gradient step") != std::string::npos);
  const Model<double> dncnn{Dncnn<double>(small_dncnn(3)), {}};
  CHECK(fact(dncnn, "kernels") == "(4,3,3,3) (4,4,3,3) (3,4,3,3)");
  CHECK(fact(dncnn, "parameters") == "371");
  CHECK(fact(dncnn, "noise_level").find("25/255") != std::string::npos);
  CHECK(fact(dncnn, "certificate") == "none");
  CHECK(fact(drunet, "activation") == "softplus");
  CHECK(fact(drunet, "parameters") == std::to_string(drunet_parameter_count(
                                          small_drunet_options(DrunetActivation::softplus, 3))));
}
