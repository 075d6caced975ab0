#include "experiment.hpp"

#include <filesystem>
#include <fstream>

#include <fejer/files.hpp>

#include "denoising/denoising.hpp"
#include "lipschitz_denoisers/lipschitz_denoisers.hpp"
#include "one_dimensional_fitting/one_dimensional_fitting.hpp"
#include "reconstruction/reconstruction.hpp"

namespace fejer::experiments {

const std::vector<Experiment>& all() {
  static const std::vector<Experiment> list = {
      {"denoising",
       "the published WCRR and CRR on Set12, beside the published figures",
       {},
       denoising::run},
      {"reconstruction",
       "deblurring, MRI and CT: start value, TV, CRR, WCRR, plug-and-play with certified networks",
       {"tasks", "methods"},
       reconstruction::run},
      {"one_dimensional_fitting",
       "1-Lipschitz networks fitted to functions of one variable: splines and other activations",
       {"networks", "steps", "targets", "activations"},
       one_dimensional_fitting::run},
      {"lipschitz_denoisers",
       "1-Lipschitz denoisers at 10/255 trained alike: splines and other activations",
       {"activations", "steps", "batch"},
       lipschitz_denoisers::run},
  };
  return list;
}

nlohmann::ordered_json kept(const Context& context, const std::string& file,
                            const std::function<nlohmann::ordered_json()>& make) {
  if (context.resume && std::filesystem::exists(file)) {
    auto part = nlohmann::ordered_json::parse(std::ifstream(file), nullptr, false);
    if (!part.is_discarded() && part.value("smoke", !context.smoke) == context.smoke) return part;
  }
  nlohmann::ordered_json part = make();
  write_text(file, part.dump(1) + "\n");
  return part;
}

}  // namespace fejer::experiments
