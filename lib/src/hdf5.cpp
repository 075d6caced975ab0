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

namespace {

/// IEEE numbers of 16, 32 and 64 bits, the 16-bit brain float, and this machine's long double.
bool sound_real(hid_t type) {
  if (H5Tequal(type, H5T_NATIVE_LDOUBLE) > 0) return true;
  const H5T_order_t order = H5Tget_order(type);
  if ((order != H5T_ORDER_LE && order != H5T_ORDER_BE) || H5Tget_norm(type) != H5T_NORM_IMPLIED)
    return false;
  std::size_t sign = 0, exponent = 0, exponent_bits = 0, mantissa = 0, mantissa_bits = 0;
  H5Tget_fields(type, &sign, &exponent, &exponent_bits, &mantissa, &mantissa_bits);
  const std::size_t bits = 8 * H5Tget_size(type);
  const bool usual = (bits == 16 && (exponent_bits == 5 || exponent_bits == 8)) ||
                     (bits == 32 && exponent_bits == 8) || (bits == 64 && exponent_bits == 11);
  return usual && H5Tget_offset(type) == 0 && H5Tget_precision(type) == bits && mantissa == 0 &&
         mantissa_bits == bits - 1 - exponent_bits && exponent == mantissa_bits &&
         sign == bits - 1 && H5Tget_ebias(type) == (std::size_t{1} << (exponent_bits - 1)) - 1;
}

bool sound_integer(hid_t type) {
  const H5T_order_t order = H5Tget_order(type);
  const std::size_t bits = 8 * H5Tget_size(type), precision = H5Tget_precision(type);
  const int offset = H5Tget_offset(type);
  return (order == H5T_ORDER_LE || order == H5T_ORDER_BE) && bits <= 64 && precision >= 1 &&
         precision <= bits && offset >= 0 && static_cast<std::size_t>(offset) <= bits - precision;
}

/// Whether the member is a sound real number inside the compound.
bool sound_member(hid_t type, int member) {
  if (member < 0) return false;
  const auto index = static_cast<unsigned>(member);
  const Handle part(H5Tget_member_type(type, index));
  return H5Tget_class(part.get()) == H5T_FLOAT && sound_real(part.get()) &&
         H5Tget_member_offset(type, index) + H5Tget_size(part.get()) <= H5Tget_size(type);
}

}  // namespace

std::pair<std::string, std::string> complex_names(hid_t type) {
  if (H5Tget_class(type) != H5T_COMPOUND || H5Tget_nmembers(type) != 2) return {};
  for (const auto& [real, imaginary] : {std::pair{"r", "i"}, std::pair{"real", "imag"}})
    if (sound_member(type, H5Tget_member_index(type, real)) &&
        sound_member(type, H5Tget_member_index(type, imaginary)))
      return {real, imaginary};
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

/// Numbers whose layout is not one of the usual ones count as `other`: the library's converters
/// write beyond their memory or run for hours when a damaged file describes a strange one.
Hdf5Type kind_of(hid_t type) {
  switch (H5Tget_class(type)) {
    case H5T_INTEGER:
      return sound_integer(type) ? Hdf5Type::integer : Hdf5Type::other;
    case H5T_ENUM: {  // Python stores booleans so
      const Handle base(H5Tget_super(type));
      return H5Tget_class(base.get()) == H5T_INTEGER && sound_integer(base.get())
                 ? Hdf5Type::integer
                 : Hdf5Type::other;
    }
    case H5T_FLOAT:
      return sound_real(type) ? Hdf5Type::real : Hdf5Type::other;
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
