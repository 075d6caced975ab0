/// Texts of HDF5 files. Those of variable length lie in heaps of the file, and the C library
/// believes what the references and heaps say: a damaged one makes it write beyond its memory (seen
/// with 1.10.8). So the references are read as plain bytes, and the heaps here.
#include <algorithm>
#include <cstring>
#include <fstream>
#include <map>

#include "hdf5_internal.hpp"

namespace fejer::detail {
namespace {

constexpr std::uint64_t most_text_bytes = std::uint64_t{1} << 30;

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

void read_raw(hid_t object, hid_t memory, void* to, const std::string& where) {
  const herr_t result = H5Iget_type(object) == H5I_ATTR
                            ? H5Aread(object, memory, to)
                            : H5Dread(object, memory, H5S_ALL, H5S_ALL, H5P_DEFAULT, to);
  if (result < 0) hdf5_fail(where, "cannot be read: " + hdf5_reason());
}

/// A conversion "text of variable length to opaque bytes" that changes nothing.
herr_t keep_bytes(hid_t, hid_t, H5T_cdata_t* conversion, std::size_t, std::size_t, std::size_t,
                  void*, void*, hid_t) {
  if (conversion->command == H5T_CONV_INIT) conversion->need_bkg = H5T_BKG_NO;
  return 0;
}

/// Offers the conversion above to the library while it lives.
class RawAccess {
 public:
  RawAccess(hid_t from, hid_t to) : from_(from), to_(to) {
    H5Tregister(H5T_PERS_SOFT, name, from_, to_, keep_bytes);
  }
  ~RawAccess() { H5Tunregister(H5T_PERS_SOFT, name, from_, to_, keep_bytes); }
  RawAccess(const RawAccess&) = delete;
  RawAccess& operator=(const RawAccess&) = delete;

 private:
  static constexpr const char* name = "fejer_text_reference";
  hid_t from_, to_;
};

std::uint64_t little_endian(const char* bytes, int count) {
  std::uint64_t value = 0;
  for (int i = count; i-- > 0;) value = value << 8 | static_cast<unsigned char>(bytes[i]);
  return value;
}

/// One heap of a file: its objects by number.
class Heap {
 public:
  Heap(std::ifstream& file, std::uint64_t address, const std::string& where);
  /// The object, or null when there is none of this number and length.
  const char* find(std::uint64_t number, std::uint64_t length) const {
    const auto found = objects_.find(number);
    if (number == 0 || found == objects_.end() || found->second.second != length) return nullptr;
    return bytes_.data() + found->second.first;
  }

 private:
  std::vector<char> bytes_;
  std::map<std::uint64_t, std::pair<std::uint64_t, std::uint64_t>> objects_;  // start, length
};

/// HDF5 file format 3.0, section III.E "Global Heap": "GCOL", version, 3 zeros, length; then
/// objects: number (2), references (2), zeros (4), length (8), contents up to a multiple of 8;
/// number 0 is the free rest and counts its own head.
Heap::Heap(std::ifstream& file, std::uint64_t address, const std::string& where) {
  const auto require = [&](bool ok) {
    if (!ok) hdf5_fail(where, "cannot be read: the heap of its text is damaged");
  };
  const auto read = [&](char* to, std::uint64_t bytes) {
    file.clear();
    file.seekg(static_cast<std::streamoff>(address));
    require(static_cast<bool>(file.read(to, static_cast<std::streamsize>(bytes))));
  };
  char head[16];
  require(address < std::uint64_t{1} << 62);
  read(head, sizeof(head));
  const std::uint64_t length = little_endian(head + 8, 8);
  require(std::memcmp(head, "GCOL\1", 5) == 0 && length >= 16 && length <= most_text_bytes);
  file.seekg(0, std::ios::end);
  require(address + length <= static_cast<std::uint64_t>(file.tellg()));
  bytes_.resize(length);
  read(bytes_.data(), length);
  for (std::uint64_t at = 16; at + 16 <= length;) {
    const std::uint64_t number = little_endian(&bytes_[at], 2);
    const std::uint64_t size = little_endian(&bytes_[at + 8], 8);
    require(size <= length && objects_.emplace(number, std::pair{at + 16, size}).second);
    const std::uint64_t step = number == 0 ? size : 16 + (size + 7) / 8 * 8;
    require(step >= 16 && at + step <= length);
    at += step;
  }
}

/// Texts of variable length; each reference is length (4), address (8), number (4).
std::vector<std::string> read_variable(hid_t object, hid_t type, std::size_t count,
                                       const std::string& path, const std::string& where) {
  const Handle file(H5Iget_file_id(object)), made(H5Fget_create_plist(file.get()));
  std::size_t address_bytes = 0, length_bytes = 0;
  hsize_t base = 0;
  H5Pget_sizes(made.get(), &address_bytes, &length_bytes);
  H5Pget_userblock(made.get(), &base);
  if (address_bytes != 8 || length_bytes != 8)
    hdf5_fail(where, "is text of variable length in a file without 64-bit addresses");
  const Handle opaque(H5Tcreate(H5T_OPAQUE, 16));
  std::vector<char> references(16 * count);
  {
    const RawAccess access(type, opaque.get());
    read_raw(object, opaque.get(), references.data(), where);
  }
  std::ifstream bytes(path, std::ios::binary);
  std::map<std::uint64_t, Heap> heaps;
  std::vector<std::string> strings(count);
  std::uint64_t total = 0;
  for (std::size_t i = 0; i < count; ++i) {
    const char* reference = &references[16 * i];
    const std::uint64_t length = little_endian(reference, 4);
    const std::uint64_t address = little_endian(reference + 4, 8);
    if (address == 0) continue;  // never written
    if (heaps.count(address) == 0) heaps.emplace(address, Heap(bytes, base + address, where));
    const char* text = heaps.at(address).find(little_endian(reference + 12, 4), length);
    total += length;  // many references may share one text
    if (text == nullptr || total > most_text_bytes)
      hdf5_fail(where, "cannot be read: the reference to its text is damaged");
    strings[i] = trimmed(text, length, H5T_STR_NULLTERM);
  }
  return strings;
}

}  // namespace

std::vector<std::string> read_strings(hid_t object, hid_t type, hid_t space,
                                      const std::string& path, const std::string& where) {
  const std::size_t count = element_count(space);
  if (count == 0) return {};
  if (H5Tis_variable_str(type) > 0) return read_variable(object, type, count, path, where);
  const std::size_t bytes = H5Tget_size(type);
  std::vector<char> buffer(count * bytes);
  read_raw(object, type, buffer.data(), where);
  std::vector<std::string> strings;
  for (std::size_t i = 0; i < count; ++i)
    strings.push_back(trimmed(buffer.data() + i * bytes, bytes, H5Tget_strpad(type)));
  return strings;
}

}  // namespace fejer::detail
