#pragma once
/// The numbers that are learned, by name. Gradients, moments and averages have the same type.
#include <string>
#include <string_view>
#include <vector>

#include <fejer/array.hpp>

namespace fejer {

/// Arrays with a name and a group (optimisers have one learning rate a group), in the order in
/// which they were added. Values are double, whatever the network computes in: they are few, and
/// updates by 1e-5 of a value must not be lost.
class Parameters {
 public:
  struct Entry {
    std::string name;
    std::string group;
    Array<double> value;
  };

  /// Throws ArgumentError if the name is taken.
  void add(std::string name, std::string group, Array<double> value);

  /// Throws ArgumentError if there is none of this name.
  Array<double>& operator[](std::string_view name);
  const Array<double>& operator[](std::string_view name) const;

  std::vector<Entry>& entries() { return entries_; }
  const std::vector<Entry>& entries() const { return entries_; }
  /// Number of values in all arrays.
  Index size() const;

  /// The same names, groups and shapes, all values 0.
  Parameters zeros() const;
  /// Throws ArgumentError unless names, groups and shapes are the same, in the same order.
  void require_like(const char* where, const Parameters& other) const;

 private:
  std::vector<Entry> entries_;
};

/// y <- y + a x.
void axpy(double a, const Parameters& x, Parameters& y);
void scale(Parameters& x, double a);
/// <x, y> over all values, in a fixed order.
double dot(const Parameters& x, const Parameters& y);
bool all_finite(const Parameters& x);

}  // namespace fejer
