#pragma once
/// Fully connected networks and denoisers made of them (fully-connected, patch-denoiser) as
/// records; see model_record.hpp.
#include "model_record.hpp"

namespace fejer::detail {

bool is_fully_connected(const std::string& kind);
RecordSchema fully_connected_schema(const std::string& kind);
std::vector<std::string> fully_connected_arrays(const ModelRecord& record);
/// Fills the record and returns true if the model is one of these.
template <class T>
bool fully_connected_record(const Model<T>& model, ModelRecord& record);
/// Adds what the file claims of the weights, and returns true if the model is one of these: norms
/// and bound of a network, slopes of splines; nothing of a denoiser with leaky ReLU.
template <class T>
bool fully_connected_claims(const Model<T>& model, std::map<std::string, double>& claims);
template <class T>
Model<T> fully_connected_model(const ModelRecord& record);

}  // namespace fejer::detail
