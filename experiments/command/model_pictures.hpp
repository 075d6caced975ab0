#pragma once
/// What a learned model is made of, as pictures.
#include <string>
#include <vector>

#include <fejer/models/model.hpp>

namespace fejer::command {

/// filters.png: the kernels of W (collapsed to one layer; the first layer of a network), each on
/// its own scale; profiles.png: the profiles phi of a ridge model, the splines of a network.
/// Returns the names, without ".png", of those that the model has.
std::vector<std::string> write_model_pictures(const std::string& folder, const Model<float>& model);

}  // namespace fejer::command
