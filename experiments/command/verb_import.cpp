// fejer import: published weights to a self-describing model file.
#include <fejer/files.hpp>
#include <fejer/models/import.hpp>
#include <fejer/models/model_file.hpp>

#include "console.hpp"
#include "record.hpp"
#include "text.hpp"
#include "verb.hpp"

namespace fejer::command {
namespace {

struct ImportFlags {
  std::string state, architecture, out, noise_level, rho, activation;
};

Outcome import_state(const ImportFlags& f) {
  require_known("--architecture", f.architecture, import_architectures());
  ImportOptions options;
  if (!f.noise_level.empty()) options.noise_level = parse_sigma("--noise-level", f.noise_level);
  if (!f.rho.empty()) options.rho = parse_number("--rho", f.rho);
  if (!f.activation.empty()) {
    require_known("--activation", f.activation, {"relu", "elu", "softplus"});
    options.activation = f.activation;
  }
  require_readable(f.state);
  if (extension(f.out) != ".h5")
    throw ArgumentError("--out: got '" + f.out + "', expected a name that ends in .h5");
  require_writable(f.out);
  require_no_input("--out", f.out, {f.state});
  const Model<double> model = import_model<double>(f.state, f.architecture, options);
  stop_if_interrupted();
  save_model(f.out, model);
  Outcome outcome;
  outcome.json = {{"out", f.out}, {"architecture", f.architecture}};
  outcome.text = f.out + ": " + f.architecture + "\n";
  for (const auto& [key, value] : describe(model)) {
    outcome.json[key] = fact_json(value);
    outcome.text += "  " + key + ": " + value + "\n";
  }
  return outcome;
}

}  // namespace

Action add_import(CLI::App& verb) {
  auto f = std::make_shared<ImportFlags>();
  verb.add_option("state", f->state, "Plain HDF5 dump of a state dictionary")
      ->type_name("STATE.h5")
      ->required();
  verb.add_option(
          "--architecture", f->architecture,
          "ridge (multi-noise WCRR-NN or CRR-NN), crr-tstep (original CRR-NN), lipschitz-cnn, "
          "drunet, gsdrunet (gradient step) or dncnn")
      ->type_name("NAME")
      ->required();
  verb.add_option("--noise-level", f->noise_level,
                  "Level the model was trained for, where the file does not say: 10/255")
      ->type_name("S");
  verb.add_option("--rho", f->rho, "ridge: modulus of weak convexity, where the file does not say")
      ->type_name("RHO");
  verb.add_option("--activation", f->activation,
                  "drunet, gsdrunet: relu, elu or softplus, where the file does not say (default "
                  "relu; elu)")
      ->type_name("NAME");
  verb.add_option("--out", f->out, "Model file to write")->type_name("MODEL.h5")->required();
  verb.footer("Example:\n  fejer import wcrr_nn.h5 --architecture ridge --out wcrr.h5");
  return [f](const Common&) { return import_state(*f); };
}

}  // namespace fejer::command
