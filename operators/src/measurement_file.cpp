#include <algorithm>
#include <initializer_list>

#include <fejer/files.hpp>
#include <fejer/hdf5.hpp>
#include <fejer/operators/measurement.hpp>

namespace fejer {
namespace {

constexpr const char* format_name = "fejer-measurement";
constexpr int format_version = 1;

/// (1,H,W) is stored as (H,W), as other programs write it.
Shape stored(const Shape& shape) {
  return shape.rank() == 3 && shape[0] == 1 ? Shape(shape.begin() + 1, shape.end()) : shape;
}

void write_planes(Hdf5Writer& file, const char* name, const MeasuredArray& array) {
  std::visit(
      [&](const auto& a) {
        using X = std::remove_cvref_t<decltype(a[0])>;
        file.write<X>(name, ConstView<X>(a).reshaped(stored(a.shape())));
      },
      array);
}

void write_mask(Hdf5Writer& file, const Array<float>& mask) {
  Array<std::uint8_t> bytes(mask.shape());
  for (Index i = 0; i < mask.size(); ++i) bytes[i] = mask[i] != 0;
  file.write("operator/mask", bytes);
}

struct WriteSetup {
  Hdf5Writer& file;
  void operator()(const DenoiseSetup&) const {}
  void operator()(const BlurSetup& s) const {
    file.write("operator/kernel", s.kernel);
    file.attribute("operator", "boundary", to_string(s.boundary));
  }
  void operator()(const InpaintSetup& s) const { write_mask(file, s.mask); }
  void operator()(const MriSetup& s) const {
    write_mask(file, s.mask);
    if (s.maps.size() > 0) file.write("operator/maps", s.maps);
  }
  void operator()(const CtSetup& s) const {
    const TomographyGeometry& g = s.geometry;
    const bool fan = g.kind == TomographyGeometry::Kind::fan;
    const auto views = static_cast<Index>(g.angles_rad.size());
    file.write("operator/angles_rad", ConstView<double>(g.angles_rad.data(), Shape{views}));
    file.attribute("operator", "geometry", fan ? "fan" : "parallel");
    file.attribute("operator", "rows", static_cast<std::int64_t>(s.rows));
    file.attribute("operator", "columns", static_cast<std::int64_t>(s.columns));
    file.attribute("operator", "pitch", g.pitch);
    file.attribute("operator", "pixel_size", g.pixel_size);
    file.attribute("operator", "centre", g.centre_index());
    if (!fan) return;
    file.attribute("operator", "source_distance", g.source_distance);
    file.attribute("operator", "detector_distance", g.detector_distance);
  }
};

/// Reads one file and knows which of its objects are spoken for.
class Parser {
 public:
  explicit Parser(const Hdf5Reader& file) : file_(file) {}

  [[noreturn]] void fail(const std::string& message) const {
    throw FormatError(file_.path() + ": " + message);
  }

  template <class X>
  Array<X> dataset(const std::string& name) {
    datasets_.push_back("/" + name);
    if (!file_.has_dataset(name))
      fail("dataset /" + name + " is missing; see docs/measurement-file.md");
    return file_.read<X>(name);
  }
  bool optional_dataset(const std::string& name) {
    datasets_.push_back("/" + name);
    return file_.has_dataset(name);
  }
  MeasuredArray planes(const std::string& name) {
    datasets_.push_back("/" + name);
    if (!file_.has_dataset(name))
      fail("dataset /" + name + " is missing; see docs/measurement-file.md");
    MeasuredArray array;
    if (file_.info(name).type == Hdf5Type::complex)
      array = file_.read<std::complex<float>>(name);
    else
      array = file_.read<float>(name);
    std::visit(
        [](auto& a) {
          if (a.shape().rank() == 2) a = std::move(a).reshaped({1, a.shape()[0], a.shape()[1]});
        },
        array);
    return array;
  }
  Array<float> mask() { return dataset<float>("operator/mask"); }

  bool has(const std::string& object, const std::string& name) {
    (object == "/" ? root_ : operator_).push_back(name);
    return file_.has_attribute(object, name);
  }
  double real(const std::string& object, const std::string& name) {
    require(object, name);
    return file_.real_attribute(object, name);
  }
  double real(const std::string& object, const std::string& name, double otherwise) {
    return has(object, name) ? file_.real_attribute(object, name) : otherwise;
  }
  std::int64_t integer(const std::string& object, const std::string& name) {
    require(object, name);
    return file_.integer_attribute(object, name);
  }
  std::string text(const std::string& object, const std::string& name) {
    require(object, name);
    return file_.text_attribute(object, name);
  }

  /// Whatever the layout does not have is refused: it may be a slip that changes the meaning.
  void refuse_extra() const {
    for (const std::string& name : file_.datasets())
      if (std::find(datasets_.begin(), datasets_.end(), name) == datasets_.end())
        fail(unknown_name("dataset", name, datasets_));
    refuse_extra_attributes("/", root_);
    refuse_extra_attributes("/operator", operator_);
  }

 private:
  void require(const std::string& object, const std::string& name) {
    if (!has(object, name))
      fail("attribute " + name + " of " + object + " is missing; see docs/measurement-file.md");
  }
  void refuse_extra_attributes(const std::string& object,
                               const std::vector<std::string>& known) const {
    for (const std::string& name : file_.attributes(object))
      if (std::find(known.begin(), known.end(), name) == known.end())
        fail(unknown_name("attribute of " + object, name, known));
  }

  const Hdf5Reader& file_;
  std::vector<std::string> datasets_, operator_;
  std::vector<std::string> root_ = {"format", "format_version", "written_by"};
};

CtSetup read_ct(Parser& file, const Shape& data) {
  CtSetup s;
  TomographyGeometry& g = s.geometry;
  const Array<double> angles = file.dataset<double>("operator/angles_rad");
  if (angles.shape().rank() != 1)
    file.fail("/operator/angles_rad has shape " + to_string(angles.shape()) + ", expected (views)");
  g.angles_rad.assign(angles.begin(), angles.end());
  const std::string kind = file.text("/operator", "geometry");
  if (kind != "parallel" && kind != "fan")
    file.fail(unknown_name("geometry", kind, {"parallel", "fan"}));
  g.kind = kind == "fan" ? TomographyGeometry::Kind::fan : TomographyGeometry::Kind::parallel;
  g.detectors = data.rank() == 3 ? data[2] : 0;
  s.rows = file.integer("/operator", "rows");
  s.columns = file.integer("/operator", "columns");
  g.pitch = file.real("/operator", "pitch", 1);
  g.pixel_size = file.real("/operator", "pixel_size", 1);
  if (file.has("/operator", "centre")) g.centre = file.real("/operator", "centre");
  if (kind == "fan") {
    g.source_distance = file.real("/operator", "source_distance");
    g.detector_distance = file.real("/operator", "detector_distance");
  }
  return s;
}

OperatorSetup read_setup(Parser& file, const std::string& kind, const Shape& data) {
  if (kind == "denoise") return DenoiseSetup{};
  if (kind == "blur") {
    BlurSetup s;
    s.kernel = file.dataset<double>("operator/kernel");
    s.boundary = boundary_from("boundary", file.text("/operator", "boundary"));
    return s;
  }
  if (kind == "inpaint") return InpaintSetup{file.mask()};
  if (kind == "mri") {
    MriSetup s;
    s.mask = file.mask();
    if (file.optional_dataset("operator/maps"))
      s.maps = file.dataset<std::complex<float>>("operator/maps");
    if (s.maps.shape().rank() == 2)
      s.maps = std::move(s.maps).reshaped({1, s.maps.shape()[0], s.maps.shape()[1]});
    return s;
  }
  if (kind == "ct") return read_ct(file, data);
  file.fail(unknown_name("operator kind", kind, operator_kinds()));
}

/// Elements that were not measured count for nothing: they become zero.
void apply_mask(Measurement& m) {
  const Array<float>* mask = nullptr;
  if (const auto* inpaint = std::get_if<InpaintSetup>(&m.setup)) mask = &inpaint->mask;
  if (const auto* mri = std::get_if<MriSetup>(&m.setup)) mask = &mri->mask;
  if (mask == nullptr) return;
  std::visit(
      [&](auto& data) {
        for (Index i = 0; i < data.size(); ++i)
          if ((*mask)[i % mask->size()] == 0) data[i] = 0;
      },
      m.data);
}

}  // namespace

void save_measurement(const std::string& path, const Measurement& m) {
  validate(m);
  Hdf5Writer file(path);
  file.format(format_name, format_version);
  file.attribute("/", "noise_level", m.noise_level);
  file.attribute("/", "scale", m.scale);
  if (m.seed) file.attribute("/", "seed", *m.seed);
  if (!m.provenance.empty()) file.attribute("/", "provenance", m.provenance);
  if (!m.channel_noise.empty())
    file.write<double>("noise_levels", ConstView<double>(m.channel_noise.data(),
                                                         Shape{std::ssize(m.channel_noise)}));
  file.group("operator");
  file.attribute("operator", "kind", kind_of(m.setup));
  std::visit(WriteSetup{file}, m.setup);
  write_planes(file, "data", m.data);
  if (m.truth) write_planes(file, "truth", *m.truth);
  file.commit();
}

Measurement load_measurement(const std::string& path) {
  const Hdf5Reader file(path);
  file.require_format(format_name, format_version);
  Parser parser(file);
  Measurement m;
  m.noise_level = parser.real("/", "noise_level");
  m.scale = parser.real("/", "scale", 1);
  if (parser.has("/", "seed")) m.seed = parser.integer("/", "seed");
  if (parser.has("/", "provenance")) m.provenance = parser.text("/", "provenance");
  if (!file.has("operator"))
    parser.fail("group /operator is missing; see docs/measurement-file.md");
  m.data = parser.planes("data");
  const Shape data = std::visit([](const auto& a) { return a.shape(); }, m.data);
  try {
    m.setup = read_setup(parser, parser.text("/operator", "kind"), data);
    if (parser.optional_dataset("truth")) m.truth = parser.planes("truth");
    if (parser.optional_dataset("noise_levels")) {
      const auto levels = parser.dataset<double>("noise_levels");
      m.channel_noise.assign(levels.begin(), levels.end());
    }
    validate(m);
  } catch (const ArgumentError& e) {
    parser.fail(e.what());
  }
  parser.refuse_extra();
  apply_mask(m);
  return m;
}

}  // namespace fejer
