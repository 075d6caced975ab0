#pragma once
/// What the HDF5 reader and writer share. The C library's calls stay inside hdf5*.cpp.
#define H5_USE_110_API  // later versions of the library offer the calls used here under this name
#include <hdf5.h>

#include <cstdint>
#include <fejer/hdf5.hpp>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace fejer::detail {

/// Owns any identifier of the library.
class Handle {
 public:
  Handle() = default;
  explicit Handle(hid_t id) : id_(id) {}
  Handle(Handle&& other) noexcept : id_(std::exchange(other.id_, -1)) {}
  Handle& operator=(Handle&& other) noexcept {
    std::swap(id_, other.id_);
    return *this;
  }
  ~Handle() {
    if (id_ >= 0) H5Idec_ref(id_);
  }
  hid_t get() const { return id_; }
  explicit operator bool() const { return id_ >= 0; }

 private:
  hid_t id_ = -1;
};

/// While it lives the library prints no errors; the program's own setting comes back afterwards.
class QuietErrors {
 public:
  QuietErrors() {
    H5Eget_auto2(H5E_DEFAULT, &function_, &data_);
    H5Eset_auto2(H5E_DEFAULT, nullptr, nullptr);
  }
  ~QuietErrors() { H5Eset_auto2(H5E_DEFAULT, function_, data_); }
  QuietErrors(const QuietErrors&) = delete;
  QuietErrors& operator=(const QuietErrors&) = delete;

 private:
  H5E_auto2_t function_ = nullptr;
  void* data_ = nullptr;
};

/// The library's innermost reason for its latest failure, one line.
std::string hdf5_reason();

/// Throws FormatError "<where>: <what>".
[[noreturn]] void hdf5_fail(const std::string& where, const std::string& what);

/// "/a/b" for "a//b/", "/" for "".
std::string absolute_name(const std::string& object);
/// "<file>:/a/b" and "<file>:/a/b@attribute", for messages.
std::string located(const std::string& path, const std::string& object);
std::string located(const std::string& path, const std::string& object,
                    const std::string& attribute);

/// 2^33: more is refused before memory is asked for.
inline constexpr std::uint64_t most_bytes = std::uint64_t{1} << 33;

/// Shape and kind of something with a type and a space; throws for more than 8 axes or 2^33 bytes.
Hdf5Info described(hid_t type, hid_t space, const std::string& where);
/// Number of elements as the library counts them (0 for a null space).
std::size_t element_count(hid_t space);
/// Names of real and imaginary part when the type is a compound of just these two, else empty.
std::pair<std::string, std::string> complex_names(hid_t type);
/// A compound of two `part`s, each of `bytes`, under these names.
Handle complex_type(hid_t part, std::size_t bytes, const char* real, const char* imaginary);
/// The machine's type for X; for complex X with the member names of the file.
template <class X>
Handle memory_type(const std::pair<std::string, std::string>& names = {"r", "i"});

/// All strings of an opened text dataset or attribute of the file at `path`.
std::vector<std::string> read_strings(hid_t object, hid_t type, hid_t space,
                                      const std::string& path, const std::string& where);

/// Fejér's user block: magic, digest and length of what follows, zeros.
inline constexpr std::size_t seal_bytes = 512;
std::string seal(const std::string& digest, std::uint64_t bytes);
/// True for a file of ours that is whole, false for HDF5 from elsewhere; throws for all others.
bool verify_seal(const std::string& path);

/// A dataset that is safe to read: its values lie in this file.
struct OpenDataset {
  Handle dataset, type, space;
  Hdf5Info info;
  bool verified = false;  ///< a checksum has shown that nothing is damaged
};

/// Throws where reading would ask for much memory on behalf of a small file, or where the library
/// would read beyond its own: compact data and chunks that are shorter than they should be.
void require_sound_storage(const OpenDataset& data, const std::string& where);

}  // namespace fejer::detail

namespace fejer {

struct Hdf5Reader::Impl {
  std::string path;
  bool sealed = false;
  detail::Handle file, access;
  /// Set by the library's callback when a name led to another file; that is never followed.
  mutable bool left_file = false;

  explicit Impl(const std::string& path_);
  bool exists(const std::string& name) const;
  /// The opened object; throws with the nearest name when it is not there.
  detail::Handle open(const std::string& object) const;
  detail::OpenDataset open_dataset(const std::string& name) const;
  std::vector<std::string> datasets() const;
};

}  // namespace fejer
