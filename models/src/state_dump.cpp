#include "state_dump.hpp"

#include <algorithm>
#include <cmath>

namespace fejer::detail {

Dump::Dump(const std::string& path)
    : file_(path), group_(file_.has("state_dict") ? "state_dict/" : "") {}

std::vector<std::string> Dump::names() const {
  std::vector<std::string> names;
  for (const auto& name : file_.list(group_.empty() ? "/" : "state_dict"))
    if (has(name)) names.push_back(name);
  return names;
}

Array<double> Dump::tensor(const std::string& name, const Shape& expected) {
  if (!has(name)) fail_missing(name);
  Array<double> a = file_.read<double>(group_ + name);
  const Shape& got = a.shape();
  bool same = got.rank() == expected.rank();
  for (int i = 0; same && i < got.rank(); ++i)
    same = expected[i] == 0 ? got[i] > 0 : got[i] == expected[i];
  if (!same)
    fail("tensor '" + name + "': got shape " + to_string(got) + ", expected " +
         to_string(expected) +
         (std::count(expected.begin(), expected.end(), 0) > 0 ? " with any length for 0" : ""));
  for (const double v : a)
    if (!std::isfinite(v)) fail("tensor '" + name + "' holds a value that is not finite");
  used_.insert(name);
  return a;
}

double Dump::scalar(const std::string& name) {
  const bool vector = has(name) && shape_of(name).rank() == 1;
  return tensor(name, vector ? Shape{1} : Shape{})[0];
}

double Dump::attribute(const std::string& name, double otherwise) const {
  return file_.has_attribute("/", name) ? file_.real_attribute("/", name) : otherwise;
}

std::string Dump::word(const std::string& name) const {
  return file_.has_attribute("/", name) ? file_.text_attribute("/", name) : "";
}

void Dump::check_all_used() const {
  for (const auto& name : names())
    if (used_.count(name) == 0) fail("unexpected tensor '" + name + "' for " + architecture_);
}

void Dump::fail(const std::string& what) const { throw FormatError(file_.path() + ": " + what); }

void Dump::fail_missing(const std::string& name) const {
  fail("no tensor '" + name + "' " + (group_.empty() ? "at the top level" : "in state_dict") +
       "; is this " + architecture_ + "?");
}

}  // namespace fejer::detail
