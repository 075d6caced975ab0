#pragma once
/// The inverse problems of the comparison: what is measured, on what it is tuned, what it is scored
/// against.
#include <string>
#include <vector>

#include <fejer/operators/measurement.hpp>

namespace fejer::reconstruction {

struct Case {
  std::string name;
  Measurement measurement;  ///< its truth is the reference; none: data fit only
};

struct Task {
  std::string name = {}, title = {};
  std::vector<Case> tuning = {};  ///< other images, or the simulated twin of the one measured set
  std::vector<Case> test = {};
  bool positivity = false;
  double data_range = 1;    ///< of PSNR and SSIM; 0: max |reference|
  std::string remark = {};  ///< for the report: sizes, noise, what the tuning images are
};

/// Names in the order of the report.
const std::vector<std::string>& task_names();
/// Reads and simulates what the task needs. `data`: folder of the data sets; `smoke`: small crops,
/// one case each, only to exercise the code.
Task make_task(const std::string& name, const std::string& data, bool smoke);

/// Not among task_names(): compressed-sensing MRI of one coil, 30 % of k-space kept, as random
/// points or as random columns ("points" or "columns"), tuned on the slices z = 60 and 75 and
/// tested on z = 90 and 105; `noise` per real component, `draw` tells its draws apart.
Task compressed_sensing(const std::string& mask, double noise, int draw, const std::string& data,
                        bool smoke);

}  // namespace fejer::reconstruction
