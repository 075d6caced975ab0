#include "experiment.hpp"

#include <filesystem>
#include <fstream>
#include <sstream>

#include <fejer/files.hpp>

#include "command/data_folder.hpp"
#include "command/text.hpp"
#include "command/training_run.hpp"
#include "denoising/denoising.hpp"
#include "equilibrium_closed_form/equilibrium_closed_form.hpp"
#include "equilibrium_learning/equilibrium_learning.hpp"
#include "filter_bank/filter_bank.hpp"
#include "ialm_images/ialm_images.hpp"
#include "ialm_synthetic/ialm_synthetic.hpp"
#include "learned_pnp/learned_pnp.hpp"
#include "learned_wavelets/learned_wavelets.hpp"
#include "lipschitz_denoisers/lipschitz_denoisers.hpp"
#include "one_dimensional_fitting/one_dimensional_fitting.hpp"
#include "patch_denoiser/patch_denoiser.hpp"
#include "pnp_restoration/pnp_restoration.hpp"
#include "reconstruction/reconstruction.hpp"
#include "trained_ridges/trained_ridges.hpp"

namespace fejer::experiments {

const std::vector<Experiment>& all() {
  static const std::vector<Experiment> list = {
      {"denoising",
       "the published WCRR and CRR on Set12, beside the published figures",
       {},
       denoising::run},
      {"reconstruction",
       "deblurring, MRI and CT: start value, TV, CRR, WCRR, plug-and-play, unrolled networks",
       {"tasks", "methods", "own", "photographs"},
       reconstruction::run},
      {"equilibrium_closed_form",
       "gradients through equilibria whose exact values are known: implicit, JFB, restarted JFB",
       {},
       equilibrium_closed_form::run},
      {"equilibrium_learning",
       "parameters learned at equilibrium: unrolled, DEQ, JFB and restarted JFB side by side",
       {},
       equilibrium_learning::run},
      {"one_dimensional_fitting",
       "1-Lipschitz networks fitted to functions of one variable: splines and other activations",
       {"networks", "steps", "targets", "activations"},
       one_dimensional_fitting::run},
      {"lipschitz_denoisers",
       "1-Lipschitz denoisers at 10/255 trained alike: splines and other activations",
       {"activations", "steps", "batch"},
       lipschitz_denoisers::run},
      {"trained_ridges",
       "WCRR, CRR and ReLU ridges trained from scratch, beside the published weights on Set12",
       {"models", "steps"},
       trained_ridges::run},
      {"learned_pnp",
       "plug-and-play on photographs learned by every gradient strategy at equal cost: DRUNet, "
       "spline, WCRR",
       {"tasks", "learned", "strategies", "passes", "wcrr_passes", "denoiser", "grey_denoiser",
        "spline", "wcrr", "train", "test", "size", "most"},
       learned_pnp::run},
      {"learned_wavelets",
       "weights of wavelet norms learned by every gradient strategy, beside one tuned weight",
       {"tasks", "compare", "passes", "bases", "train", "test"},
       learned_wavelets::run},
      {"ialm_synthetic",
       "sparse networks trained to KKT points by the augmented Lagrangian method, beside Adam",
       {"sweeps", "adam_steps"},
       ialm_synthetic::run},
      {"ialm_mnist",
       "sparse networks on MNIST: the augmented Lagrangian method beside six tuned baselines",
       {"folder", "samples"},
       ialm_images::run_mnist},
      {"ialm_fashion_mnist",
       "the same on Fashion-MNIST",
       {"folder", "samples"},
       ialm_images::run_fashion_mnist},
      {"filter_bank",
       "a trained ridge regulariser with fewer filters: PSNR and speed against their number",
       {"model", "train", "test", "samples"},
       filter_bank::run},
      {"pnp_restoration",
       "DPIR, GS-PnP and Prox-PnP with their published defaults: deblurring, ten kernels",
       {"size", "methods", "levels", "grey", "colour", "denoiser_grey", "denoiser_colour",
        "proximal", "wcrr"},
       pnp_restoration::run},
      {"patch_denoiser",
       "a denoiser of patches of photographs made sparse after Adam: units left, PSNR, seconds",
       {"train", "test", "steps", "sweeps"},
       patch_pruning::run},
  };
  return list;
}

std::string given(const Context& context, const std::string& key, const std::string& otherwise) {
  const auto found = context.set.find(key);
  return found == context.set.end() ? otherwise : found->second;
}

bool images_exist(const std::string& images) {
  return images.starts_with("dead-leaves:") ||
         std::filesystem::exists(images.substr(0, images.find(":/")));
}

std::vector<std::string> selected(const Context& context, const std::string& key,
                                  const std::vector<std::string>& known,
                                  const std::vector<std::string>& otherwise) {
  const auto found = context.set.find(key);
  if (found == context.set.end()) return otherwise;
  std::vector<std::string> names;
  std::stringstream text(found->second);
  for (std::string name; std::getline(text, name, ',');) {
    command::require_known("--set " + key, name, known);
    names.push_back(name);
  }
  return names;
}

command::Outcome trained(const Context& context, const std::string& experiment,
                         const std::string& name, const std::string& config,
                         std::vector<std::string> settings) {
  const std::string folder = context.out + "/trainings/" + name;
  std::filesystem::create_directories(context.out + "/trainings");
  if (!context.resume || context.smoke) std::filesystem::remove_all(folder);
  command::Outcome outcome =
      command::train_model({command::source_folder() + "/experiments/" + config, folder,
                            std::move(settings), context.resume});
  if (outcome.code != command::exit_code::done)
    throw Error("experiment " + experiment + ": " + name + ": " +
                outcome.json.value("cause", "training failed"));
  return outcome;
}

nlohmann::ordered_json kept(const Context& context, const std::string& file,
                            const std::function<nlohmann::ordered_json()>& make) {
  if (context.resume && std::filesystem::exists(file)) {
    auto part = nlohmann::ordered_json::parse(std::ifstream(file), nullptr, false);
    if (part.is_object() && part.value("smoke", !context.smoke) == context.smoke) return part;
  }
  nlohmann::ordered_json part = make();
  write_text(file, part.dump(1) + "\n");
  return part;
}

}  // namespace fejer::experiments
