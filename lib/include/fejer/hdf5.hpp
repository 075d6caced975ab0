#pragma once
/// HDF5 files, by value and with strict errors. Every failure is a FormatError that names file and
/// object. Not for use from several threads at once.
///
/// Files that Fejér writes start with a 512-byte user block that holds a magic word and the SHA-256
/// of the rest, so that any damage or edit is found on opening; other HDF5 programs skip it. Files
/// from elsewhere have no such block; they are read as they are, after checks of what the C library
/// takes on trust. Links and values that lead into other files are never followed.
#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include <fejer/array.hpp>

namespace fejer {

enum class Hdf5Type { integer, real, complex, text, other };

struct Hdf5Info {
  Shape shape;
  Hdf5Type type = Hdf5Type::other;
  int bytes = 0;  ///< of one element; 0 for text of variable length
};

/// "FILE.h5:/dataset" cut at the last ":/"; throws ArgumentError unless both parts are there.
struct Hdf5Path {
  std::string file, dataset;
};
Hdf5Path split_hdf5_path(const std::string& path);
/// Whether the text has the form FILE:/dataset.
bool is_hdf5_path(const std::string& path);

class Hdf5Reader {
 public:
  /// Opens for reading; verifies the checksum where the file has one.
  explicit Hdf5Reader(const std::string& path);
  ~Hdf5Reader();
  Hdf5Reader(Hdf5Reader&&) noexcept;
  Hdf5Reader& operator=(Hdf5Reader&&) noexcept;

  const std::string& path() const;
  /// Whether Fejér's checksum was there (it was then verified).
  bool has_checksum() const;

  /// Dataset or group. Names are paths from the root, with or without the leading "/".
  bool has(const std::string& object) const;
  bool has_dataset(const std::string& name) const;
  /// Names of the members of a group, sorted.
  std::vector<std::string> list(const std::string& group = "/") const;
  /// All datasets below the root, as paths, sorted.
  std::vector<std::string> datasets() const;
  Hdf5Info info(const std::string& dataset) const;

  /// Whole dataset, converted from any stored integer (of up to 64 bits, truth values too) or IEEE
  /// real type of either byte order. X complex reads a compound of two reals {r, i} or {real,
  /// imag}, or a real dataset; X real refuses complex data; X integer refuses values that it cannot
  /// hold. Refuses more than 2^33 bytes, and compression other than gzip, shuffle and fletcher32.
  template <class X>
  Array<X> read(const std::string& dataset) const;
  /// The same, and throws unless the shape is this one.
  template <class X>
  Array<X> read(const std::string& dataset, const Shape& expected) const;
  std::string read_text(const std::string& dataset) const;

  bool has_attribute(const std::string& object, const std::string& name) const;
  double real_attribute(const std::string& object, const std::string& name) const;
  std::int64_t integer_attribute(const std::string& object, const std::string& name) const;
  std::string text_attribute(const std::string& object, const std::string& name) const;
  /// Names of the attributes of an object, sorted.
  std::vector<std::string> attributes(const std::string& object = "/") const;
  /// Any scalar attribute or short list, as text for people.
  std::string attribute_as_text(const std::string& object, const std::string& name) const;

  /// Throws unless the root attributes `format` and `format_version` are these (a newer version
  /// says: written by a newer Fejér). Returns the version found.
  int require_format(const std::string& format, int newest_version) const;

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

/// Collects a file in memory; commit() adds the checksum, writes it under a temporary name, flushes
/// and renames it. Without commit() nothing is left behind. Equal contents give equal bytes (no
/// time stamps); numbers are little-endian, and from 64 KiB on compressed in chunks of about 1 MiB.
class Hdf5Writer {
 public:
  explicit Hdf5Writer(const std::string& path);
  ~Hdf5Writer();
  Hdf5Writer(const Hdf5Writer&) = delete;
  Hdf5Writer& operator=(const Hdf5Writer&) = delete;

  /// Groups on the way are made. X: float, double, their complex types ({r, i} compounds),
  /// std::uint8_t, std::int64_t.
  template <class X>
  void write(const std::string& dataset, ConstView<X> data);
  template <class X>
  void write(const std::string& dataset, const Array<X>& data) {
    write(dataset, ConstView<X>(data));
  }
  void write_text(const std::string& dataset, const std::string& text);
  void group(const std::string& name);
  void attribute(const std::string& object, const std::string& name, double value);
  void attribute(const std::string& object, const std::string& name, std::int64_t value);
  void attribute(const std::string& object, const std::string& name, const std::string& value);
  void attribute(const std::string& object, const std::string& name, const char* value) {
    attribute(object, name, std::string(value));
  }
  void attribute(const std::string& object, const std::string& name, int value) {
    attribute(object, name, static_cast<std::int64_t>(value));
  }
  /// Root attributes `format`, `format_version`, `written_by`.
  void format(const std::string& name, int version);
  void commit();

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace fejer
