#include <algorithm>
#include <complex>
#include <cstdlib>
#include <cstring>
#include <fejer/error.hpp>
#include <fejer/files.hpp>
#include <fejer/version.hpp>

#include "hdf5_internal.hpp"
#include "temporary_file.hpp"

namespace fejer {

using namespace detail;

namespace {

/// The growing file, in memory: a full disk then cannot leave the HDF5 library with a file that it
/// can neither flush nor close, and the checksum needs no second reading. The library calls the
/// functions below instead of malloc, realloc and free, so that the bytes outlive its own handle.
struct Image {
  unsigned char* data = nullptr;
  std::size_t bytes = 0;
  Image() = default;
  Image(const Image&) = delete;
  Image& operator=(const Image&) = delete;
  ~Image() { std::free(data); }
};

void* image_resize(void*, std::size_t bytes, H5FD_file_image_op_t, void* image) {
  auto* owner = static_cast<Image*>(image);
  void* grown = std::realloc(owner->data, bytes);
  if (grown == nullptr) return nullptr;
  owner->data = static_cast<unsigned char*>(grown);
  owner->bytes = bytes;
  return grown;
}

void* image_allocate(std::size_t bytes, H5FD_file_image_op_t operation, void* image) {
  return image_resize(nullptr, bytes, operation, image);
}

void* image_copy(void* to, const void* from, std::size_t bytes, H5FD_file_image_op_t, void*) {
  return std::memcpy(to, from, bytes);
}

herr_t image_keep(void*, H5FD_file_image_op_t, void*) { return 0; }
void* same_owner(void* image) { return image; }
herr_t keep_owner(void*) { return 0; }

constexpr std::size_t contiguous_bytes = std::size_t{1} << 16;
constexpr hsize_t chunk_bytes = hsize_t{1} << 20;

std::vector<hsize_t> lengths_of(const Shape& shape) {
  std::vector<hsize_t> lengths;
  for (Index length : shape) lengths.push_back(static_cast<hsize_t>(length));
  return lengths;
}

/// Consecutive elements, about 1 MiB: whole inner axes, one outer index, the axis between is cut.
std::vector<hsize_t> chunk_of(std::vector<hsize_t> lengths, std::size_t element_bytes) {
  hsize_t left = chunk_bytes / element_bytes;
  for (std::size_t axis = lengths.size(); axis-- > 0;) {
    const hsize_t length = lengths[axis], most = std::clamp<hsize_t>(left, 1, length);
    const hsize_t pieces = (length + most - 1) / most;
    lengths[axis] = (length + pieces - 1) / pieces;  // pieces of about equal size
    left = pieces > 1 ? 1 : left / length;
  }
  return lengths;
}

/// Creation properties: no time stamps, so that equal contents give equal bytes.
Handle creation(hid_t kind) {
  Handle properties(H5Pcreate(kind));
  H5Pset_obj_track_times(properties.get(), false);
  return properties;
}

/// Little-endian on every machine.
template <class X>
Handle file_type() {
  using T = Real<X>;
  hid_t part = H5T_IEEE_F32LE;
  if constexpr (std::is_same_v<T, double>) part = H5T_IEEE_F64LE;
  if constexpr (std::is_same_v<T, std::uint8_t>) part = H5T_STD_U8LE;
  if constexpr (std::is_same_v<T, std::int64_t>) part = H5T_STD_I64LE;
  if constexpr (is_complex<X>) return complex_type(part, sizeof(T), "r", "i");
  return Handle(H5Tcopy(part));
}

/// UTF-8 of any length, which Python reads as str.
Handle text_type() {
  Handle type(H5Tcopy(H5T_C_S1));
  H5Tset_size(type.get(), H5T_VARIABLE);
  H5Tset_cset(type.get(), H5T_CSET_UTF8);
  return type;
}

void require_text(const std::string& text, const std::string& where) {
  if (text.find('\0') != std::string::npos) hdf5_fail(where, "the text holds a zero byte");
}

}  // namespace

struct Hdf5Writer::Impl {
  std::string path;
  TemporaryFile temporary;
  Image image;
  Handle file;

  explicit Impl(const std::string& path_) : path(path_), temporary(path_) {
    const QuietErrors quiet;
    const Handle how(H5Pcreate(H5P_FILE_ACCESS)), what = creation(H5P_FILE_CREATE);
    H5Pset_fclose_degree(how.get(), H5F_CLOSE_STRONG);
    H5Pset_fapl_core(how.get(), std::size_t{1} << 22, false);
    H5FD_file_image_callbacks_t calls = {image_allocate, image_copy, image_resize, image_keep,
                                         same_owner,     keep_owner, &image};
    H5Pset_file_image_callbacks(how.get(), &calls);
    H5Pset_userblock(what.get(), seal_bytes);
    file = Handle(H5Fcreate(temporary.path().c_str(), H5F_ACC_TRUNC, what.get(), how.get()));
    if (!file) hdf5_fail(printable(path), "cannot be made: " + hdf5_reason());
  }

  ~Impl() {
    const QuietErrors quiet;
    file = Handle();
  }

  /// The checked absolute name; throws after commit() and for names that cannot be.
  std::string checked(const std::string& object) const {
    if (!file) hdf5_fail(printable(path), "was committed before; no more can be written");
    const std::string name = absolute_name(object);
    require_text(name, located(path, name));
    if (name.ends_with("/.") || name.find("/./") != std::string::npos)
      hdf5_fail(located(path, name), "'.' is no name");
    return name;
  }

  /// Makes the group and those above it where they are not there.
  void make_group(const std::string& name) {
    for (std::size_t end = 0; end != std::string::npos && name.size() > 1;) {
      end = name.find('/', end + 1);
      const std::string part = name.substr(0, end);
      if (H5Lexists(file.get(), part.c_str(), H5P_DEFAULT) > 0) continue;
      const Handle properties = creation(H5P_GROUP_CREATE);
      const Handle made(
          H5Gcreate2(file.get(), part.c_str(), H5P_DEFAULT, properties.get(), H5P_DEFAULT));
      if (!made) hdf5_fail(located(path, part), "cannot be made: " + hdf5_reason());
    }
  }

  Handle make_dataset(const std::string& name, hid_t type, hid_t space, hid_t properties) {
    const std::string where = located(path, name);
    if (name == "/") hdf5_fail(where, "a dataset needs a name");
    make_group(name.substr(0, std::max<std::size_t>(1, name.rfind('/'))));
    if (H5Lexists(file.get(), name.c_str(), H5P_DEFAULT) > 0)
      hdf5_fail(where, "was written before");
    Handle made(
        H5Dcreate2(file.get(), name.c_str(), type, space, H5P_DEFAULT, properties, H5P_DEFAULT));
    if (!made) hdf5_fail(where, "cannot be made: " + hdf5_reason());
    return made;
  }

  void write_attribute(const std::string& object, const std::string& name, const Handle& stored,
                       const Handle& memory, const void* value) {
    const std::string owner = checked(object), where = located(path, owner, name);
    require_text(name, where);
    if (name.empty()) hdf5_fail(where, "an attribute needs a name");
    const Handle opened(H5Oopen(file.get(), owner.c_str(), H5P_DEFAULT));
    if (!opened) hdf5_fail(where, "there is no such dataset or group; write it first");
    if (H5Aexists(opened.get(), name.c_str()) > 0) hdf5_fail(where, "was written before");
    const Handle space(H5Screate(H5S_SCALAR));
    const Handle made(H5Acreate2(opened.get(), name.c_str(), stored.get(), space.get(), H5P_DEFAULT,
                                 H5P_DEFAULT));
    if (!made || H5Awrite(made.get(), memory.get(), value) < 0)
      hdf5_fail(where, "cannot be written: " + hdf5_reason());
  }
};

Hdf5Writer::Hdf5Writer(const std::string& path) : impl_(std::make_unique<Impl>(path)) {}
Hdf5Writer::~Hdf5Writer() = default;

template <class X>
void Hdf5Writer::write(const std::string& dataset, ConstView<X> data) {
  const QuietErrors quiet;
  const std::string name = impl_->checked(dataset), where = located(impl_->path, name);
  const Shape& shape = data.shape();
  const auto count = static_cast<std::uint64_t>(shape.size());
  if (count > most_bytes / sizeof(X))
    hdf5_fail(where, "needs more than 2^33 bytes; cut it into smaller datasets");
  const std::vector<hsize_t> lengths = lengths_of(shape);
  const Handle space(shape.rank() == 0 ? H5Screate(H5S_SCALAR)
                                       : H5Screate_simple(shape.rank(), lengths.data(), nullptr));
  const Handle properties = creation(H5P_DATASET_CREATE);
  if (count * sizeof(X) > contiguous_bytes) {
    H5Pset_chunk(properties.get(), shape.rank(), chunk_of(lengths, sizeof(X)).data());
    H5Pset_shuffle(properties.get());
    H5Pset_deflate(properties.get(), 4);
  }
  const Handle stored = file_type<X>(), memory = memory_type<X>();
  const Handle made = impl_->make_dataset(name, stored.get(), space.get(), properties.get());
  if (count > 0 &&
      H5Dwrite(made.get(), memory.get(), H5S_ALL, H5S_ALL, H5P_DEFAULT, data.data()) < 0)
    hdf5_fail(where, "cannot be written: " + hdf5_reason());
}

void Hdf5Writer::write_text(const std::string& dataset, const std::string& text) {
  const QuietErrors quiet;
  const std::string name = impl_->checked(dataset), where = located(impl_->path, name);
  require_text(text, where);
  const Handle type = text_type(), space(H5Screate(H5S_SCALAR));
  const Handle properties = creation(H5P_DATASET_CREATE);
  const Handle made = impl_->make_dataset(name, type.get(), space.get(), properties.get());
  const char* start = text.c_str();
  if (H5Dwrite(made.get(), type.get(), H5S_ALL, H5S_ALL, H5P_DEFAULT, &start) < 0)
    hdf5_fail(where, "cannot be written: " + hdf5_reason());
}

void Hdf5Writer::group(const std::string& name) {
  const QuietErrors quiet;
  impl_->make_group(impl_->checked(name));
}

void Hdf5Writer::attribute(const std::string& object, const std::string& name, double value) {
  const QuietErrors quiet;
  impl_->write_attribute(object, name, file_type<double>(), memory_type<double>(), &value);
}

void Hdf5Writer::attribute(const std::string& object, const std::string& name, std::int64_t value) {
  const QuietErrors quiet;
  impl_->write_attribute(object, name, file_type<std::int64_t>(), memory_type<std::int64_t>(),
                         &value);
}

void Hdf5Writer::attribute(const std::string& object, const std::string& name,
                           const std::string& value) {
  const QuietErrors quiet;
  require_text(value, located(impl_->path, object, name));
  const char* start = value.c_str();
  impl_->write_attribute(object, name, text_type(), text_type(), &start);
}

void Hdf5Writer::format(const std::string& name, int version) {
  attribute("/", "format", name);
  attribute("/", "format_version", version);
  attribute("/", "written_by", "fejer " + fejer::version());
}

void Hdf5Writer::commit() {
  const QuietErrors quiet;
  Image& image = impl_->image;
  impl_->checked("/");
  ssize_t length = -1;
  if (H5Fflush(impl_->file.get(), H5F_SCOPE_GLOBAL) >= 0)
    length = H5Fget_file_image(impl_->file.get(), nullptr, 0);  // without the user block
  impl_->file = Handle();
  const std::size_t bytes = seal_bytes + static_cast<std::size_t>(std::max<ssize_t>(length, 0));
  if (length <= 0 || bytes > image.bytes)
    hdf5_fail(printable(impl_->path), "cannot be written: " + hdf5_reason());
  const std::string_view contents(reinterpret_cast<const char*>(image.data) + seal_bytes,
                                  bytes - seal_bytes);
  const std::string block = seal(sha256(contents.data(), contents.size()), contents.size());
  write_bytes(impl_->temporary.path(), impl_->path, {block, contents});
  impl_->temporary.commit();
}

#define FEJER_WRITE(X) template void Hdf5Writer::write<X>(const std::string&, ConstView<X>);
FEJER_WRITE(float)
FEJER_WRITE(double)
FEJER_WRITE(std::complex<float>)
FEJER_WRITE(std::complex<double>)
FEJER_WRITE(std::uint8_t)
FEJER_WRITE(std::int64_t)
#undef FEJER_WRITE

}  // namespace fejer
