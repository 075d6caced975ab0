#pragma once
#include "../experiment.hpp"

namespace fejer::filter_bank {

nlohmann::ordered_json run(const experiments::Context& context);

}  // namespace fejer::filter_bank
