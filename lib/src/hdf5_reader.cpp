#include <algorithm>
#include <complex>
#include <cstdlib>
#include <cstring>
#include <fejer/error.hpp>
#include <fejer/files.hpp>
#include <set>

#include "hdf5_internal.hpp"
#include "temporary_file.hpp"

namespace fejer {

using namespace detail;

namespace {

/// Called by the library before it follows a link into another file: never.
herr_t refuse_other_file(const char*, const char*, const char*, const char*, unsigned*, hid_t,
                         void* left_file) {
  *static_cast<bool*>(left_file) = true;
  return -1;
}

/// After a damaged file the library may complain, when the program ends, that it cannot free what
/// it lost. It does so only if it may print errors then.
void end_quietly() {
  static const bool registered = [] {
    H5open();  // its own handler first: the last registered runs first
    return std::atexit([] { H5Eset_auto2(H5E_DEFAULT, nullptr, nullptr); }) == 0;
  }();
  static_cast<void>(registered);
}

/// Name and kind of every link of a group.
struct Link {
  std::string name;
  bool hard;
};

std::vector<Link> links_of(hid_t group, const std::string& where) {
  std::vector<Link> links;
  const auto collect = [](hid_t, const char* name, const H5L_info_t* info, void* data) -> herr_t {
    try {
      static_cast<std::vector<Link>*>(data)->push_back({name, info->type == H5L_TYPE_HARD});
    } catch (...) {
      return -1;  // no exception may cross the C library
    }
    return 0;
  };
  if (H5Literate(group, H5_INDEX_NAME, H5_ITER_NATIVE, nullptr, collect, &links) < 0)
    hdf5_fail(where, "its members cannot be listed: " + hdf5_reason());
  std::sort(links.begin(), links.end(),
            [](const Link& a, const Link& b) { return a.name < b.name; });
  return links;
}

/// Paths of the datasets below a group. Each group is entered once, so cycles end.
void collect_datasets(hid_t group, const std::string& prefix, const std::string& path, int depth,
                      std::set<haddr_t>& entered, std::vector<std::string>& found) {
  const std::string where = located(path, prefix);
  if (depth > 64) hdf5_fail(where, "groups are nested more than 64 deep");
  for (const Link& link : links_of(group, where)) {
    if (!link.hard) continue;
    const std::string name = prefix + "/" + link.name;
    const Handle object(H5Oopen(group, link.name.c_str(), H5P_DEFAULT));
    if (!object) hdf5_fail(located(path, name), "cannot be opened: " + hdf5_reason());
    const H5I_type_t kind = H5Iget_type(object.get());
    if (kind == H5I_DATASET) found.push_back(name);
    H5O_info_t info;
    if (kind != H5I_GROUP || H5Oget_info(object.get(), &info) < 0) continue;
    if (entered.insert(info.addr).second)
      collect_datasets(object.get(), name, path, depth + 1, entered, found);
  }
}

/// Stops a conversion into integers where a value would change; sets the flag that is passed.
H5T_conv_ret_t refuse_change(H5T_conv_except_t, hid_t, hid_t, void*, void*, void* changed) {
  *static_cast<bool*>(changed) = true;
  return H5T_CONV_ABORT;
}

template <class X>
const char* name_of() {
  if constexpr (std::is_same_v<X, std::uint8_t>) return "integers from 0 to 255";
  if constexpr (std::is_same_v<X, std::int64_t>) return "64-bit integers";
  return is_complex<X> ? "complex numbers" : "real numbers";
}

template <class X>
void read_values(const OpenDataset& from, hid_t memory, X* to, const std::string& where) {
  const Handle transfer(H5Pcreate(H5P_DATASET_XFER));
  bool changed = false;
  if constexpr (std::is_integral_v<X>) H5Pset_type_conv_cb(transfer.get(), refuse_change, &changed);
  if (H5Dread(from.dataset.get(), memory, H5S_ALL, H5S_ALL, transfer.get(), to) >= 0) return;
  if (changed) hdf5_fail(where, std::string("has values that are not ") + name_of<X>());
  hdf5_fail(where, "cannot be read: " + hdf5_reason());
}

template <class X>
Array<X> read_array(const OpenDataset& data, const std::string& where) {
  const Hdf5Type type = data.info.type;
  if (type == Hdf5Type::text) hdf5_fail(where, "holds text, expected numbers");
  if (type == Hdf5Type::other) hdf5_fail(where, "holds no numbers of a supported kind");
  if (type == Hdf5Type::complex && !is_complex<X>)
    hdf5_fail(where, "holds complex numbers, expected real ones");
  const auto count = static_cast<std::uint64_t>(data.info.shape.size());
  if (count > most_bytes / sizeof(X))
    hdf5_fail(where, "needs more than 2^33 bytes; cut it into smaller datasets");
  require_sound_storage(data, where);
  Array<X> values(data.info.shape);
  if (count == 0) return values;
  if constexpr (is_complex<X>) {
    if (type != Hdf5Type::complex) {
      const Array<Real<X>> real = read_array<Real<X>>(data, where);
      std::copy(real.begin(), real.end(), values.begin());
      return values;
    }
  }
  const Handle memory =
      type == Hdf5Type::complex ? memory_type<X>(complex_names(data.type.get())) : memory_type<X>();
  read_values(data, memory.get(), values.data(), where);
  return values;
}

}  // namespace

Hdf5Reader::Impl::Impl(const std::string& path_) : path(path_), sealed(verify_seal(path_)) {
  end_quietly();
  const QuietErrors quiet;
  access = Handle(H5Pcreate(H5P_LINK_ACCESS));
  H5Pset_elink_cb(access.get(), refuse_other_file, &left_file);
  const Handle how(H5Pcreate(H5P_FILE_ACCESS));
  H5Pset_fclose_degree(how.get(), H5F_CLOSE_STRONG);
#if H5_VERSION_GE(1, 10, 7)
  H5Pset_file_locking(how.get(), false, true);  // network file systems without locks
#endif
  file = Handle(H5Fopen(path.c_str(), H5F_ACC_RDONLY, how.get()));
  if (!file) hdf5_fail(printable(path), "cannot be opened as HDF5: " + hdf5_reason());
}

bool Hdf5Reader::Impl::exists(const std::string& name) const {
  left_file = false;
  if (name == "/") return true;
  if (std::strlen(name.c_str()) != name.size()) return false;
  for (std::size_t end = name.find('/', 1);; end = name.find('/', end + 1)) {
    const std::string part = name.substr(0, end);
    if (H5Lexists(file.get(), part.c_str(), access.get()) <= 0) return false;
    if (H5Oexists_by_name(file.get(), part.c_str(), access.get()) <= 0) return false;
    if (end == std::string::npos) return true;
  }
}

Handle Hdf5Reader::Impl::open(const std::string& object) const {
  const std::string name = absolute_name(object), where = located(path, name);
  if (!exists(name)) {
    if (left_file)
      hdf5_fail(where, "is a link into another file, which is not followed; copy the data here");
    const std::vector<std::string> known = datasets();
    std::string message = "no such dataset; ";
    message += known.empty() ? "the file has none" : "the file has " + joined(known);
    const std::string nearest = nearest_name(name, known);
    if (!nearest.empty()) message += "; did you mean " + printable(nearest) + "?";
    hdf5_fail(where, message);
  }
  Handle opened(H5Oopen(file.get(), name.c_str(), access.get()));
  if (!opened) hdf5_fail(where, "cannot be opened: " + hdf5_reason());
  return opened;
}

OpenDataset Hdf5Reader::Impl::open_dataset(const std::string& name) const {
  const std::string where = located(path, name);
  OpenDataset data;
  data.verified = sealed;
  data.dataset = open(name);
  if (H5Iget_type(data.dataset.get()) != H5I_DATASET)
    hdf5_fail(where, "is not a dataset but a group or a type");
  const Handle layout(H5Dget_create_plist(data.dataset.get()));
  if (!layout) hdf5_fail(where, "cannot be opened: " + hdf5_reason());
  if (H5Pget_layout(layout.get()) == H5D_VIRTUAL || H5Pget_external_count(layout.get()) != 0)
    hdf5_fail(where, "keeps its values in another file, which is not followed; copy them here");
  data.type = Handle(H5Dget_type(data.dataset.get()));
  data.space = Handle(H5Dget_space(data.dataset.get()));
  if (!data.type || !data.space) hdf5_fail(where, "cannot be opened: " + hdf5_reason());
  data.info = described(data.type.get(), data.space.get(), where);
  return data;
}

std::vector<std::string> Hdf5Reader::Impl::datasets() const {
  std::vector<std::string> found;
  std::set<haddr_t> entered;
  H5O_info_t info;
  const Handle root(H5Oopen(file.get(), "/", H5P_DEFAULT));
  if (root && H5Oget_info(root.get(), &info) >= 0) entered.insert(info.addr);
  collect_datasets(root.get(), "", path, 0, entered, found);
  std::sort(found.begin(), found.end());
  return found;
}

Hdf5Reader::Hdf5Reader(const std::string& path) : impl_(std::make_unique<Impl>(path)) {}
Hdf5Reader::~Hdf5Reader() = default;
Hdf5Reader::Hdf5Reader(Hdf5Reader&&) noexcept = default;
Hdf5Reader& Hdf5Reader::operator=(Hdf5Reader&&) noexcept = default;

const std::string& Hdf5Reader::path() const { return impl_->path; }
bool Hdf5Reader::has_checksum() const { return impl_->sealed; }

bool Hdf5Reader::has(const std::string& object) const {
  const QuietErrors quiet;
  return impl_->exists(absolute_name(object));
}

bool Hdf5Reader::has_dataset(const std::string& name) const {
  const QuietErrors quiet;
  return impl_->exists(absolute_name(name)) && H5Iget_type(impl_->open(name).get()) == H5I_DATASET;
}

std::vector<std::string> Hdf5Reader::list(const std::string& group) const {
  const QuietErrors quiet;
  const Handle opened = impl_->open(group);
  const std::string where = located(impl_->path, group);
  if (H5Iget_type(opened.get()) != H5I_GROUP) hdf5_fail(where, "is not a group");
  std::vector<std::string> names;
  for (Link& link : links_of(opened.get(), where)) names.push_back(std::move(link.name));
  return names;
}

std::vector<std::string> Hdf5Reader::datasets() const {
  const QuietErrors quiet;
  return impl_->datasets();
}

Hdf5Info Hdf5Reader::info(const std::string& dataset) const {
  const QuietErrors quiet;
  return impl_->open_dataset(dataset).info;
}

template <class X>
Array<X> Hdf5Reader::read(const std::string& dataset) const {
  const QuietErrors quiet;
  return read_array<X>(impl_->open_dataset(dataset), located(impl_->path, dataset));
}

template <class X>
Array<X> Hdf5Reader::read(const std::string& dataset, const Shape& expected) const {
  const QuietErrors quiet;
  const OpenDataset data = impl_->open_dataset(dataset);
  const std::string where = located(impl_->path, dataset);
  if (!(data.info.shape == expected))
    hdf5_fail(where,
              "has shape " + to_string(data.info.shape) + ", expected " + to_string(expected));
  return read_array<X>(data, where);
}

std::string Hdf5Reader::read_text(const std::string& dataset) const {
  const QuietErrors quiet;
  const OpenDataset data = impl_->open_dataset(dataset);
  const std::string where = located(impl_->path, dataset);
  if (data.info.type != Hdf5Type::text) hdf5_fail(where, "holds no text");
  if (data.info.shape.size() != 1)
    hdf5_fail(where, "has shape " + to_string(data.info.shape) + ", expected one text");
  require_sound_storage(data, where);
  return read_strings(data.dataset.get(), data.type.get(), data.space.get(), impl_->path, where)
      .at(0);
}

#define FEJER_READ(X)                                              \
  template Array<X> Hdf5Reader::read<X>(const std::string&) const; \
  template Array<X> Hdf5Reader::read<X>(const std::string&, const Shape&) const;
FEJER_READ(float)
FEJER_READ(double)
FEJER_READ(std::complex<float>)
FEJER_READ(std::complex<double>)
FEJER_READ(std::uint8_t)
FEJER_READ(std::int64_t)
#undef FEJER_READ

}  // namespace fejer
