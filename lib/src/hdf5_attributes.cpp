#include <algorithm>
#include <charconv>
#include <cstdint>
#include <fejer/error.hpp>
#include <fejer/files.hpp>
#include <limits>

#include "hdf5_internal.hpp"
#include "temporary_file.hpp"

namespace fejer {

using namespace detail;

namespace {

constexpr std::size_t most_attribute_bytes = std::size_t{1} << 26;
constexpr std::size_t most_shown = 16;

struct OpenAttribute {
  Handle attribute, type, space;
  Hdf5Info info;
  std::string where;
};

std::vector<std::string> attribute_names(hid_t object, const std::string& where) {
  std::vector<std::string> names;
  const auto collect = [](hid_t, const char* name, const H5A_info_t*, void* data) -> herr_t {
    try {
      static_cast<std::vector<std::string>*>(data)->emplace_back(name);
    } catch (...) {
      return -1;  // no exception may cross the C library
    }
    return 0;
  };
  if (H5Aiterate2(object, H5_INDEX_NAME, H5_ITER_NATIVE, nullptr, collect, &names) < 0)
    hdf5_fail(where, "its attributes cannot be listed: " + hdf5_reason());
  std::sort(names.begin(), names.end());
  return names;
}

OpenAttribute open_attribute(hid_t object, const std::string& name, const std::string& path,
                             const std::string& object_name) {
  OpenAttribute found;
  found.where = located(path, object_name, name);
  if (H5Aexists(object, name.c_str()) <= 0) {
    const auto known = attribute_names(object, located(path, object_name));
    std::string message = "no such attribute; ";
    message += known.empty() ? "there are none" : "there are " + joined(known);
    const std::string nearest = nearest_name(name, known);
    if (!nearest.empty()) message += "; did you mean " + printable(nearest) + "?";
    hdf5_fail(found.where, message);
  }
  found.attribute = Handle(H5Aopen(object, name.c_str(), H5P_DEFAULT));
  if (found.attribute) found.type = Handle(H5Aget_type(found.attribute.get()));
  if (found.attribute) found.space = Handle(H5Aget_space(found.attribute.get()));
  if (!found.type || !found.space) hdf5_fail(found.where, "cannot be opened: " + hdf5_reason());
  found.info = described(found.type.get(), found.space.get(), found.where);
  const auto bytes = static_cast<std::size_t>(std::max(16, found.info.bytes));
  if (static_cast<std::size_t>(found.info.shape.size()) > most_attribute_bytes / bytes)
    hdf5_fail(found.where, "is larger than 2^26 bytes; store it as a dataset");
  return found;
}

void require_one(const OpenAttribute& a, bool kind_fits, const char* expected) {
  if (!kind_fits) hdf5_fail(a.where, std::string("is of another kind, expected ") + expected);
  if (a.info.shape.size() != 1)
    hdf5_fail(a.where,
              "has shape " + to_string(a.info.shape) + ", expected " + std::string(expected));
}

template <class X>
std::vector<X> read_numbers(const OpenAttribute& a) {
  std::vector<X> values(static_cast<std::size_t>(a.info.shape.size()));
  const Handle memory = memory_type<X>();
  if (!values.empty() && H5Aread(a.attribute.get(), memory.get(), values.data()) < 0)
    hdf5_fail(a.where, "cannot be read: " + hdf5_reason());
  return values;
}

/// The library would clip unsigned values from 2^63 on, without a word.
std::vector<std::int64_t> read_integers(const OpenAttribute& a) {
  std::vector<std::int64_t> values = read_numbers<std::int64_t>(a);
  const bool may_clip =
      H5Tget_class(a.type.get()) == H5T_INTEGER &&
      (H5Tget_size(a.type.get()) > 8 ||
       (H5Tget_size(a.type.get()) == 8 && H5Tget_sign(a.type.get()) == H5T_SGN_NONE));
  for (std::int64_t value : values)
    if (may_clip && (value == std::numeric_limits<std::int64_t>::max() ||
                     value == std::numeric_limits<std::int64_t>::min()))
      hdf5_fail(a.where, "does not fit into a 64-bit integer");
  return values;
}

std::string shortest(double value) {
  char digits[32];
  const auto end = std::to_chars(digits, digits + sizeof(digits), value).ptr;
  return {digits, end};
}

std::vector<std::string> read_texts(const OpenAttribute& a, const std::string& path) {
  return read_strings(a.attribute.get(), a.type.get(), a.space.get(), path, a.where);
}

std::vector<std::string> as_texts(const OpenAttribute& a, const std::string& path) {
  std::vector<std::string> texts;
  if (a.info.type == Hdf5Type::text) texts = read_texts(a, path);
  if (a.info.type == Hdf5Type::real)
    for (double value : read_numbers<double>(a)) texts.push_back(shortest(value));
  const bool boolean = H5Tget_class(a.type.get()) == H5T_ENUM &&
                       H5Tget_member_index(a.type.get(), "FALSE") >= 0 &&
                       H5Tget_member_index(a.type.get(), "TRUE") >= 0;
  if (a.info.type == Hdf5Type::integer)
    for (std::int64_t value : read_integers(a))
      texts.push_back(boolean ? (value != 0 ? "true" : "false") : std::to_string(value));
  return texts;
}

}  // namespace

bool Hdf5Reader::has_attribute(const std::string& object, const std::string& name) const {
  const QuietErrors quiet;
  return impl_->exists(absolute_name(object)) &&
         H5Aexists(impl_->open(object).get(), name.c_str()) > 0;
}

double Hdf5Reader::real_attribute(const std::string& object, const std::string& name) const {
  const QuietErrors quiet;
  const Handle owner = impl_->open(object);
  const OpenAttribute a = open_attribute(owner.get(), name, impl_->path, object);
  require_one(a, a.info.type == Hdf5Type::real || a.info.type == Hdf5Type::integer,
              "one real number");
  return read_numbers<double>(a).at(0);
}

std::int64_t Hdf5Reader::integer_attribute(const std::string& object,
                                           const std::string& name) const {
  const QuietErrors quiet;
  const Handle owner = impl_->open(object);
  const OpenAttribute a = open_attribute(owner.get(), name, impl_->path, object);
  require_one(a, a.info.type == Hdf5Type::integer, "one integer");
  return read_integers(a).at(0);
}

std::string Hdf5Reader::text_attribute(const std::string& object, const std::string& name) const {
  const QuietErrors quiet;
  const Handle owner = impl_->open(object);
  const OpenAttribute a = open_attribute(owner.get(), name, impl_->path, object);
  require_one(a, a.info.type == Hdf5Type::text, "one text");
  return read_texts(a, impl_->path).at(0);
}

std::vector<std::string> Hdf5Reader::attributes(const std::string& object) const {
  const QuietErrors quiet;
  return attribute_names(impl_->open(object).get(), located(impl_->path, object));
}

std::string Hdf5Reader::attribute_as_text(const std::string& object,
                                          const std::string& name) const {
  const QuietErrors quiet;
  const Handle owner = impl_->open(object);
  const OpenAttribute a = open_attribute(owner.get(), name, impl_->path, object);
  if (a.info.type == Hdf5Type::other || a.info.type == Hdf5Type::complex)
    return a.info.shape.size() == 0 ? ""
                                    : "values of another kind, shape " + to_string(a.info.shape);
  return joined(as_texts(a, impl_->path), most_shown);
}

int Hdf5Reader::require_format(const std::string& format, int newest_version) const {
  const std::string where = printable(impl_->path);
  if (!has_attribute("/", "format"))
    hdf5_fail(where, "not a " + format + " file: it has no attribute 'format'");
  const std::string found = text_attribute("/", "format");
  if (found != format) hdf5_fail(where, "is a " + printable(found) + " file, expected " + format);
  const std::int64_t version = integer_attribute("/", "format_version");
  if (version < 1)
    hdf5_fail(where, "has format_version " + std::to_string(version) + ", expected 1 or more");
  if (version > newest_version)
    hdf5_fail(where, "is a " + format + " file of version " + std::to_string(version) +
                         ", written by a newer Fejer; this one reads up to version " +
                         std::to_string(newest_version) + "; update it");
  return static_cast<int>(version);
}

}  // namespace fejer
