// fejer pack: measured data of other programs as a measurement file.
#include <cmath>

#include <fejer/files.hpp>
#include <fejer/image_io.hpp>
#include <fejer/vector.hpp>
#include <fejer/version.hpp>

#include "console.hpp"
#include "pictures.hpp"
#include "record.hpp"
#include "setups.hpp"
#include "text.hpp"
#include "verb.hpp"

namespace fejer::command {
namespace {

struct PackFlags {
  std::string kind, data, maps, mask, angles, kernel, boundary = "circular", noise_level, truth,
                                                      image_size, out;
  int mask_axis = -1;
  Index every = 1;
  double scale = 1;
  bool colour = false;
  CtFlags ct;
};

const std::vector<FlagsOfKind>& pack_flags() {
  static const std::vector<FlagsOfKind> table = {
      {"denoise", {"--colour"}},
      {"blur", {"--kernel", "--boundary", "--colour"}},
      {"mri", {"--maps", "--mask", "--mask-axis"}},
      {"ct",
       {"--angles", "--every", "--image-size", "--pitch", "--pixel-size", "--geometry",
        "--source-distance", "--detector-distance", "--centre"}}};
  return table;
}

void require_given(const std::string& flag, const std::string& value, const std::string& kind) {
  if (value.empty()) throw ArgumentError(flag + ": is needed for --operator " + kind);
}

void check(const CLI::App& verb, const PackFlags& f) {
  require_known("--operator", f.kind, {"denoise", "blur", "mri", "ct"});
  refuse_foreign_flags(verb, f.kind, pack_flags());
  if (f.kind == "blur") require_given("--kernel", f.kernel, f.kind);
  if (f.kind == "ct") require_given("--angles", f.angles, f.kind);
  if (!f.noise_level.empty()) measured_noise_levels(f.noise_level, f.kind, f.scale);
  if (f.every < 1)
    throw ArgumentError("--every: got " + std::to_string(f.every) + ", expected at least 1");
  if (!(std::isfinite(f.scale) && f.scale > 0))
    throw ArgumentError("--scale: got " + short_number(f.scale) + ", expected a positive number");
  require_image_source("--data", f.data);
  if (!f.truth.empty()) require_image_source("--truth", f.truth);
  if (extension(f.out) != ".h5")
    throw ArgumentError("--out: got '" + f.out + "', expected a name that ends in .h5");
  require_writable(f.out);
  require_no_input("--out", f.out, {f.data, f.maps, f.mask, f.angles, f.kernel, f.truth});
}

Array<float> load_picture(const PackFlags& f) {
  Array<float> picture = read_real_image("--data", f.data);
  if (picture.shape()[0] != 3 || f.colour) return picture;
  note("fejer pack: " + f.data +
       " is a colour picture; its luma is used (--colour keeps the colours)");
  return to_grey(picture);
}

/// k-space (coils,H,W), zero where the mask is; sampled everywhere without a mask, or, where
/// whole points are zero in every coil, there where they are not.
void load_kspace(const PackFlags& f, Measurement& m) {
  AnyArray data = read_dataset(f.data);
  const Shape shape = shape_of(data);
  if (!std::holds_alternative<ComplexArray>(data))
    throw ArgumentError("--data: " + f.data + " is real, expected complex k-space");
  if (shape.rank() != 2 && shape.rank() != 3)
    throw ShapeError("--data: " + f.data + " has shape " + to_string(shape) +
                     ", expected (rows, columns) or (coils, rows, columns)");
  ComplexArray kspace = std::move(std::get<ComplexArray>(data)).reshaped(with_channel(shape));
  MriSetup s;
  if (!f.maps.empty()) s.maps = read_maps(f.maps);
  const Index pixels = shape.back(0) * shape.back(1);
  if (f.mask.empty()) {
    s.mask = Array<float>(Shape{shape.back(1), shape.back(0)});
    for (Index i = 0; i < kspace.size(); ++i)
      if (kspace[i] != std::complex<float>(0)) s.mask[i % pixels] = 1;
  } else {
    s.mask = read_mask(f.mask, f.mask_axis, shape);
    for (Index i = 0; i < kspace.size(); ++i) kspace[i] *= s.mask[i % pixels];
  }
  m.setup = std::move(s);
  m.data = std::move(kspace);
}

/// Every k-th view of a sinogram (views, detectors) or (slices, views, detectors).
Array<float> load_sinogram(const PackFlags& f, Index every) {
  AnyArray data = read_dataset(f.data);
  const Shape shape = shape_of(data);
  if (!std::holds_alternative<Array<float>>(data))
    throw ArgumentError("--data: " + f.data + " is complex, expected a sinogram of line integrals");
  if (shape.rank() != 2 && shape.rank() != 3)
    throw ShapeError(
        "--data: " + f.data + " has shape " + to_string(shape) +
        ", expected (views, detectors) or (slices, views, detectors); choose with an index, "
        "as in F.h5:/sinogram[0]");
  const Array<float> all = std::move(std::get<Array<float>>(data)).reshaped(with_channel(shape));
  const Index slices = all.shape()[0], views = all.shape()[1], detectors = all.shape()[2];
  Array<float> chosen(Shape{slices, (views + every - 1) / every, detectors});
  for (Index s = 0; s < slices; ++s)
    for (Index v = 0; v < chosen.shape()[1]; ++v)
      copy<float>(all.slice(s).slice(v * every), chosen.slice(s).slice(v));
  return chosen;
}

void load_ct(const PackFlags& f, Measurement& m) {
  CtSetup s;
  s.geometry = f.ct.base();
  const Array<double> angles = read_real_dataset(f.angles);
  const Shape full = shape_of(read_dataset(f.data));
  if (angles.shape().rank() != 1 || full.rank() < 2 || angles.size() != full.back(1))
    throw ShapeError("--angles: " + f.angles + " has shape " + to_string(angles.shape()) +
                     ", but the sinogram (views, detectors) has " + to_string(full));
  Array<float> sinogram = load_sinogram(f, f.every);
  for (Index v = 0; v < angles.size(); v += f.every) s.geometry.angles_rad.push_back(angles[v]);
  s.geometry.detectors = sinogram.shape()[2];
  ImageSize size{s.geometry.detectors, s.geometry.detectors};
  if (m.truth) size = {shape_of(*m.truth)[1], shape_of(*m.truth)[2]};
  if (!f.image_size.empty()) size = parse_image_size("--image-size", f.image_size);
  s.rows = size.rows;
  s.columns = size.columns;
  m.setup = std::move(s);
  m.data = std::move(sinogram);
}

double estimated_noise(const Measurement& m) {
  if (const auto* mri = std::get_if<MriSetup>(&m.setup))
    return estimate_noise(std::get<ComplexArray>(m.data), mri->mask);
  return estimate_noise(std::get<Array<float>>(m.data));
}

Outcome pack(const CLI::App& verb, const PackFlags& f) {
  check(verb, f);
  Measurement m;
  m.scale = f.scale;
  if (!f.truth.empty()) m.truth = read_any_image("--truth", f.truth, true);
  if (f.kind == "mri") {
    load_kspace(f, m);
  } else if (f.kind == "ct") {
    load_ct(f, m);
  } else {
    m.data = load_picture(f);
    if (f.kind == "blur")
      m.setup = BlurSetup{read_kernel(f.kernel), boundary_from("--boundary", f.boundary)};
  }
  validate(m);
  const bool estimated = f.noise_level.empty();
  if (estimated)
    m.noise_level = estimated_noise(m);
  else
    set_noise_levels(m, measured_noise_levels(f.noise_level, f.kind, f.scale));
  if (estimated)
    note("fejer pack: noise level " + short_number(m.noise_level) +
         " estimated from the data; state a known one by --noise-level");
  m.provenance = "packed by fejer " + version() + " from " + base_name(f.data) +
                 (f.every > 1 ? ", every " + std::to_string(f.every) + ". view" : "") +
                 (estimated ? "; noise level estimated" : "");
  stop_if_interrupted();
  save_measurement(f.out, m);
  const Shape image = image_shape(m), shape = shape_of(m.data);
  Outcome outcome;
  outcome.json = {{"out", f.out},
                  {"operator", f.kind},
                  {"image_shape", shape_json(image)},
                  {"data_shape", shape_json(shape)},
                  {"noise_level", m.noise_level},
                  {"noise_level_estimated", estimated}};
  outcome.text = f.out + ": " + f.kind + ", image " + to_string(image) + ", data " +
                 to_string(shape) + ", noise level " + short_number(m.noise_level) +
                 (estimated ? " (estimated)\n" : "\n");
  return outcome;
}

}  // namespace

Action add_pack(CLI::App& verb) {
  auto f = std::make_shared<PackFlags>();
  verb.add_option("--operator", f->kind, "denoise, blur, mri or ct")->type_name("NAME")->required();
  verb.add_option("--data", f->data,
                  "F.h5:/kspace, F.h5:/sinogram[0] (one detector row) or a picture")
      ->type_name("DATA")
      ->required();
  verb.add_option("--maps", f->maps, "mri: coil sensitivities (coils, rows, columns)")
      ->type_name("F.h5:/maps");
  verb.add_option("--mask", f->mask,
                  "mri: zeros and ones, (rows, columns) or one line; applied to the data (default: "
                  "where they are not zero)")
      ->type_name("F.h5:/mask");
  verb.add_option("--mask-axis", f->mask_axis,
                  "mri: axis of the k-space array along which a mask of one line runs (default -1, "
                  "the last)")
      ->type_name("A");
  verb.add_option("--angles", f->angles, "ct: angles of the views in radians")
      ->type_name("F.h5:/angles_rad");
  verb.add_option("--every", f->every, "ct: keep every K-th view (default 1)")->type_name("K");
  verb.add_option("--image-size", f->image_size,
                  "ct: N or ROWSxCOLUMNS (default: that of the truth, else the detector's)")
      ->type_name("N");
  f->ct.add_to(verb);
  verb.add_option("--kernel", f->kernel,
                  "blur: K.h5:/name, one kernel or one for each channel, or gaussian:SIGMA")
      ->type_name("KERNEL");
  verb.add_option("--boundary", f->boundary, "blur: circular, zero, reflect or replicate")
      ->type_name("NAME");
  verb.add_flag("--colour", f->colour, "denoise, blur: keep the three channels");
  verb.add_option("--noise-level", f->noise_level,
                  "Standard deviation per real component in the unit of the data, or 1% of the "
                  "largest datum; with commas: one for each channel (default: estimated)")
      ->type_name("S");
  verb.add_option("--scale", f->scale, "Intensity that learned priors should see as 1 (default 1)")
      ->type_name("C");
  verb.add_option("--truth", f->truth, "Reference image: a picture or F.h5:/image")
      ->type_name("IMAGE");
  verb.add_option("--out", f->out, "Measurement file to write")->type_name("M.h5")->required();
  verb.footer(
      "Example:\n  fejer pack --operator mri --data brain.h5:/kspace --maps brain.h5:/maps "
      "--mask brain.h5:/mask --mask-axis 2 --truth brain.h5:/image --out brain_m.h5");
  return [f, &verb](const Common&) { return pack(verb, *f); };
}

}  // namespace fejer::command
