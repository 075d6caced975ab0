#pragma once
/// Networks of many convolutions as records; see model_record.hpp.
#include "model_record.hpp"

namespace fejer::detail {

RecordSchema drunet_schema();
std::vector<std::string> drunet_arrays(const ModelRecord& record);
template <class T>
void drunet_record(const Drunet<T>& network, ModelRecord& record);
template <class T>
Drunet<T> drunet_of(const ModelRecord& record);

}  // namespace fejer::detail
