#pragma once
/// A model as named numbers, words and arrays: what a model file holds, in between file and model.
#include <map>
#include <string>
#include <vector>

#include <fejer/models/model.hpp>

namespace fejer::detail {

struct ModelRecord {
  std::string kind;
  std::map<std::string, double> numbers;
  std::map<std::string, std::string> words;
  std::map<std::string, Array<double>> arrays;
};

/// Which entries a record of this kind has; arrays follow from the numbers and words.
struct RecordSchema {
  std::vector<std::string> numbers, words;
  std::vector<std::string> optional = {};  ///< numbers that are all there, or none of them
};
RecordSchema schema_of(const std::string& kind);
std::vector<std::string> arrays_of(const ModelRecord& record);
/// A number of things that a record claims, before anything is made of it; ArgumentError unless it
/// is a whole number from 1 to `most`.
std::size_t count_of(const ModelRecord& record, const char* name, double most = 1000);

template <class T>
ModelRecord to_record(const Model<T>& model);
/// Throws ArgumentError or ShapeError where the entries do not make a model.
template <class T>
Model<T> from_record(const ModelRecord& record);

/// What the certificate claims: bounds that follow from the weights alone.
template <class T>
std::map<std::string, double> claims_of(const Model<T>& model);

/// SHA-256 over all names and values.
std::string fingerprint(const ModelRecord& record);

/// Throws ArgumentError if the norms inside a ridge model are not those of its filters (2 %).
template <class T>
void check_norms(const Model<T>& model);

}  // namespace fejer::detail
