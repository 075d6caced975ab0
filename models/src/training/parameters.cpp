#include <fejer/models/training/parameters.hpp>

#include <utility>

#include <fejer/error.hpp>
#include <fejer/vector.hpp>

namespace fejer {
namespace {

const Array<double>* find(const std::vector<Parameters::Entry>& entries, std::string_view name) {
  for (const Parameters::Entry& e : entries)
    if (e.name == name) return &e.value;
  return nullptr;
}

[[noreturn]] void fail_missing(const std::vector<Parameters::Entry>& entries,
                               std::string_view name) {
  std::string known;
  for (const Parameters::Entry& e : entries) known += (known.empty() ? "" : ", ") + e.name;
  throw ArgumentError("Parameters: no entry '" + std::string(name) + "'; there are: " + known);
}

}  // namespace

void Parameters::add(std::string name, std::string group, Array<double> value) {
  if (find(entries_, name) != nullptr)
    throw ArgumentError("Parameters::add: the name '" + name + "' is taken");
  entries_.push_back({std::move(name), std::move(group), std::move(value)});
}

const Array<double>& Parameters::operator[](std::string_view name) const {
  const Array<double>* const found = find(entries_, name);
  if (found == nullptr) fail_missing(entries_, name);
  return *found;
}

Array<double>& Parameters::operator[](std::string_view name) {
  for (Entry& e : entries_)
    if (e.name == name) return e.value;
  fail_missing(entries_, name);
}

Index Parameters::size() const {
  Index n = 0;
  for (const Entry& e : entries_) n += e.value.size();
  return n;
}

Parameters Parameters::zeros() const {
  Parameters result;
  for (const Entry& e : entries_)
    result.entries_.push_back({e.name, e.group, Array<double>(e.value.shape())});
  return result;
}

void Parameters::require_like(const char* where, const Parameters& other) const {
  bool same = entries_.size() == other.entries_.size();
  for (std::size_t i = 0; same && i < entries_.size(); ++i) {
    const Entry &a = entries_[i], &b = other.entries_[i];
    if (a.name != b.name || a.group != b.group)
      same = false;
    else
      require_shape((std::string(where) + ": " + a.name).c_str(), b.value.shape(), a.value.shape());
  }
  if (!same) throw ArgumentError(std::string(where) + ": the names or groups differ");
}

void axpy(double a, const Parameters& x, Parameters& y) {
  y.require_like("axpy of parameters", x);
  for (std::size_t i = 0; i < y.entries().size(); ++i)
    axpy<double>(a, ConstView<double>(x.entries()[i].value), View<double>(y.entries()[i].value));
}

void scale(Parameters& x, double a) {
  for (Parameters::Entry& e : x.entries()) scale<double>(View<double>(e.value), a);
}

double dot(const Parameters& x, const Parameters& y) {
  x.require_like("dot of parameters", y);
  double sum = 0;
  for (std::size_t i = 0; i < x.entries().size(); ++i)
    sum += dot(x.entries()[i].value, y.entries()[i].value);
  return sum;
}

bool all_finite(const Parameters& x) {
  for (const Parameters::Entry& e : x.entries())
    if (!all_finite(e.value)) return false;
  return true;
}

}  // namespace fejer
