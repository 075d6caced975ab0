#pragma once
/// Networks of many convolutions (drunet, gsdrunet, dncnn) as records; see model_record.hpp.
#include "model_record.hpp"

namespace fejer::detail {

bool is_dense(const std::string& kind);
RecordSchema dense_schema(const std::string& kind);
std::vector<std::string> dense_arrays(const ModelRecord& record);
/// Fills the record and returns true if the model is one of these.
template <class T>
bool dense_record(const Model<T>& model, ModelRecord& record);
template <class T>
Model<T> dense_model(const ModelRecord& record);

}  // namespace fejer::detail
