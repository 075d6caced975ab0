#include "experiment.hpp"

#include "denoising/denoising.hpp"
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
  };
  return list;
}

}  // namespace fejer::experiments
