#pragma once
/// The tensors of a state dictionary in a plain HDF5 file.
#include <set>
#include <string>
#include <vector>

#include <fejer/hdf5.hpp>

namespace fejer::detail {

/// Reads tensors by name, and remembers which were asked for. All failures are a FormatError that
/// names the file.
class Dump {
 public:
  /// Tensors lie in the group `state_dict` or, without one, at the top level.
  explicit Dump(const std::string& path);

  const Hdf5Reader& file() const { return file_; }
  bool has(const std::string& name) const { return file_.has_dataset(group_ + name); }
  /// Of all tensors.
  std::vector<std::string> names() const;

  /// A tensor of this shape; a length of 0 stands for any.
  Array<double> tensor(const std::string& name, const Shape& expected);
  Shape shape_of(const std::string& name) const { return file_.info(group_ + name).shape; }
  double scalar(const std::string& name);
  /// A tensor that may be there and is not needed.
  void ignore(const std::string& name) { used_.insert(name); }
  double attribute(const std::string& name, double otherwise) const;
  /// An attribute of the file; empty where there is none.
  std::string word(const std::string& name) const;
  void set_architecture(const std::string& text) { architecture_ = text; }
  /// Refuses tensors that nobody asked for: part of the network would be lost.
  void check_all_used() const;
  [[noreturn]] void fail(const std::string& what) const;
  [[noreturn]] void fail_missing(const std::string& name) const;

 private:
  Hdf5Reader file_;
  std::string group_, architecture_;
  std::set<std::string> used_;
};

}  // namespace fejer::detail
