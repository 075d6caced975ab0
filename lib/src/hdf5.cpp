#include <complex>
#include <cstring>
#include <fejer/error.hpp>
#include <fejer/files.hpp>
#include <filesystem>
#include <fstream>

#include "hdf5_internal.hpp"
#include "temporary_file.hpp"

namespace fejer {
namespace {

/// "FILE" and "/dataset" of FILE:/dataset; an empty file name when the text has no such form.
Hdf5Path cut(const std::string& path) {
  const std::size_t colon = path.rfind(":/");
  if (colon == std::string::npos || colon == 0 || colon + 2 >= path.size()) return {};
  if (path[colon + 2] == '/') return {};
  return {path.substr(0, colon), path.substr(colon + 1)};
}

}  // namespace

bool is_hdf5_path(const std::string& path) { return !cut(path).file.empty(); }

Hdf5Path split_hdf5_path(const std::string& path) {
  Hdf5Path parts = cut(path);
  if (!parts.file.empty()) return parts;
  throw ArgumentError(detail::printable(path) + ": expected the form FILE.h5:/dataset");
}

namespace detail {

std::string hdf5_reason() {
  std::string reason;
  const auto innermost = [](unsigned, const H5E_error2_t* error, void* data) -> herr_t {
    try {
      *static_cast<std::string*>(data) = error->desc == nullptr ? "" : error->desc;
    } catch (...) {
    }
    return 1;
  };
  H5Ewalk2(H5E_DEFAULT, H5E_WALK_UPWARD, innermost, &reason);
  return reason.empty() ? "the HDF5 library gives no reason" : printable(reason);
}

void hdf5_fail(const std::string& where, const std::string& what) {
  std::string message = where;
  message += ": " + what;
  throw FormatError(message);
}

std::string absolute_name(const std::string& object) {
  std::string name;
  for (std::size_t i = 0; i < object.size();) {
    const std::size_t end = std::min(object.find('/', i), object.size());
    if (end > i) name.append("/").append(object, i, end - i);
    i = end + 1;
  }
  return name.empty() ? "/" : name;
}

std::string located(const std::string& path, const std::string& object) {
  return printable(path) + ":" + printable(absolute_name(object));
}

std::string located(const std::string& path, const std::string& object,
                    const std::string& attribute) {
  return located(path, object) + "@" + printable(attribute);
}

std::size_t element_count(hid_t space) {
  if (H5Sget_simple_extent_type(space) == H5S_NULL) return 0;
  const hssize_t count = H5Sget_simple_extent_npoints(space);
  return count > 0 ? static_cast<std::size_t>(count) : 0;
}

std::pair<std::string, std::string> complex_names(hid_t type) {
  if (H5Tget_class(type) != H5T_COMPOUND || H5Tget_nmembers(type) != 2) return {};
  for (const auto& [real, imaginary] : {std::pair{"r", "i"}, std::pair{"real", "imag"}}) {
    const int r = H5Tget_member_index(type, real), i = H5Tget_member_index(type, imaginary);
    if (r < 0 || i < 0) continue;
    if (H5Tget_member_class(type, static_cast<unsigned>(r)) != H5T_FLOAT) continue;
    if (H5Tget_member_class(type, static_cast<unsigned>(i)) != H5T_FLOAT) continue;
    return {real, imaginary};
  }
  return {};
}

Handle complex_type(hid_t part, std::size_t bytes, const char* real, const char* imaginary) {
  Handle type(H5Tcreate(H5T_COMPOUND, 2 * bytes));
  H5Tinsert(type.get(), real, 0, part);
  H5Tinsert(type.get(), imaginary, bytes, part);
  return type;
}

template <class X>
Handle memory_type(const std::pair<std::string, std::string>& names) {
  using T = Real<X>;
  hid_t part = H5T_NATIVE_FLOAT;
  if constexpr (std::is_same_v<T, double>) part = H5T_NATIVE_DOUBLE;
  if constexpr (std::is_same_v<T, std::uint8_t>) part = H5T_NATIVE_UINT8;
  if constexpr (std::is_same_v<T, std::int64_t>) part = H5T_NATIVE_INT64;
  if constexpr (is_complex<X>)
    return complex_type(part, sizeof(T), names.first.c_str(), names.second.c_str());
  return Handle(H5Tcopy(part));
}

using Names = std::pair<std::string, std::string>;
template Handle memory_type<float>(const Names&);
template Handle memory_type<double>(const Names&);
template Handle memory_type<std::complex<float>>(const Names&);
template Handle memory_type<std::complex<double>>(const Names&);
template Handle memory_type<std::uint8_t>(const Names&);
template Handle memory_type<std::int64_t>(const Names&);

namespace {

Hdf5Type kind_of(hid_t type) {
  switch (H5Tget_class(type)) {
    case H5T_INTEGER:
      return Hdf5Type::integer;
    case H5T_ENUM:  // Python stores booleans so
      return H5Tget_class(Handle(H5Tget_super(type)).get()) == H5T_INTEGER ? Hdf5Type::integer
                                                                           : Hdf5Type::other;
    case H5T_FLOAT:
      return Hdf5Type::real;
    case H5T_STRING:
      return Hdf5Type::text;
    case H5T_COMPOUND:
      return complex_names(type).first.empty() ? Hdf5Type::other : Hdf5Type::complex;
    default:
      return Hdf5Type::other;
  }
}

}  // namespace

Hdf5Info described(hid_t type, hid_t space, const std::string& where) {
  Hdf5Info info;
  const std::size_t bytes = H5Tget_size(type);
  if (bytes == 0) hdf5_fail(where, "has a damaged type: " + hdf5_reason());
  if (bytes > most_bytes >> 3) hdf5_fail(where, "has elements of more than 2^30 bytes");
  info.bytes = H5Tis_variable_str(type) > 0 ? 0 : static_cast<int>(bytes);
  if (H5Sget_simple_extent_type(space) == H5S_NULL) {
    info.shape = Shape{0};
    return info;
  }
  const int rank = H5Sget_simple_extent_ndims(space);
  if (rank < 0) hdf5_fail(where, "has a damaged shape: " + hdf5_reason());
  if (rank > Shape::max_rank)
    hdf5_fail(where, "has " + std::to_string(rank) + " axes; at most 8 are supported");
  hsize_t lengths[Shape::max_rank] = {};
  if (rank > 0) H5Sget_simple_extent_dims(space, lengths, nullptr);
  std::uint64_t total = bytes;
  for (int axis = 0; axis < rank; ++axis) {
    const hsize_t length = lengths[axis];
    if (length > most_bytes || (length > 0 && total > most_bytes / length))
      hdf5_fail(where, "needs more than 2^33 bytes; cut it into smaller datasets");
    if (length > 0) total *= length;
    info.shape.push_back(static_cast<Index>(length));
  }
  info.type = kind_of(type);
  return info;
}

namespace {

std::string trimmed(const char* text, std::size_t bytes, H5T_str_t padding) {
  std::size_t length = bytes;
  if (padding == H5T_STR_NULLTERM) {
    length = static_cast<std::size_t>(std::find(text, text + bytes, '\0') - text);
  } else {
    const char pad = padding == H5T_STR_SPACEPAD ? ' ' : '\0';
    while (length > 0 && text[length - 1] == pad) --length;
  }
  return {text, length};
}

}  // namespace

std::vector<std::string> read_strings(hid_t type, hid_t space, const std::string& where,
                                      const std::function<herr_t(hid_t, void*)>& read) {
  const std::size_t count = element_count(space);
  std::vector<std::string> strings;
  if (count == 0) return strings;
  const Handle memory(H5Tcopy(type));
  if (H5Tis_variable_str(type) <= 0) {
    const std::size_t bytes = H5Tget_size(type);
    std::vector<char> buffer(count * bytes);
    if (read(memory.get(), buffer.data()) < 0) hdf5_fail(where, "cannot be read: " + hdf5_reason());
    for (std::size_t i = 0; i < count; ++i)
      strings.push_back(trimmed(buffer.data() + i * bytes, bytes, H5Tget_strpad(type)));
    return strings;
  }
  struct Reclaimed {
    hid_t type, space;
    std::vector<char*> texts;
    ~Reclaimed() { H5Dvlen_reclaim(type, space, H5P_DEFAULT, texts.data()); }
  } buffer{memory.get(), space, std::vector<char*>(count, nullptr)};
  if (read(memory.get(), buffer.texts.data()) < 0)
    hdf5_fail(where, "cannot be read: " + hdf5_reason());
  for (const char* text : buffer.texts) strings.emplace_back(text == nullptr ? "" : text);
  return strings;
}

std::string seal(const std::string& digest, std::uint64_t bytes) {
  std::string block = "FEJER-FILE 1\nsha256 " + digest;
  block += "\nbytes " + std::to_string(bytes) + "\n";
  block.resize(seal_bytes, '\0');
  return block;
}

bool verify_seal(const std::string& path) {
  require_readable(path);
  std::string block(seal_bytes, '\0');
  std::ifstream file(path, std::ios::binary);
  file.read(block.data(), static_cast<std::streamsize>(block.size()));
  if (file.bad()) hdf5_fail(printable(path), "cannot be read");
  block.resize(static_cast<std::size_t>(file.gcount()));
  const std::string_view signature("\x89HDF\r\n\x1a\n", 8), magic("FEJER-FILE ");
  if (block.starts_with(signature)) return false;
  if (!block.starts_with(magic))
    hdf5_fail(printable(path), "not an HDF5 file (or its first bytes are damaged)");
  if (block.size() >= magic.size() + 2 && block.substr(magic.size(), 2) != "1\n")
    hdf5_fail(printable(path),
              "written by a newer Fejer, or damaged: this version reads files that start with "
              "'FEJER-FILE 1'");
  std::error_code error;
  const std::uintmax_t bytes = std::filesystem::file_size(path, error);
  const bool whole = !error && block.size() == seal_bytes && bytes >= seal_bytes &&
                     block == seal(sha256_of_file(path, seal_bytes), bytes - seal_bytes);
  if (!whole)
    hdf5_fail(printable(path),
              "damaged: contents do not match their checksum (truncated or edited outside Fejer); "
              "take another copy or make it anew");
  return true;
}

}  // namespace detail
}  // namespace fejer
