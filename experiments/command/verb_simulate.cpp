// fejer simulate: y = A x + noise, from an image and the flags that describe the operator.
#include <cmath>

#include <fejer/files.hpp>
#include <fejer/image_io.hpp>
#include <fejer/operators/cartesian_mri.hpp>
#include <fejer/operators/mask.hpp>
#include <fejer/rng.hpp>
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

struct SimulateFlags {
  std::string kind, kernel = "gaussian:1.6", boundary = "circular", image, noise_level, mask, coils;
  std::string crop, out;
  Index shrink = 1;
  double keep = 0.5, acceleration = 4, center_fraction = 0.08, angle_range = 0, scale = 1;
  int angles = 60, mask_axis = -1;
  Index detectors = 0;
  std::string seed = "0";
  bool colour = false;
  CtFlags ct;
};

const std::vector<FlagsOfKind>& simulate_flags() {
  static const std::vector<FlagsOfKind> table = {
      {"denoise", {"--colour"}},
      {"blur", {"--kernel", "--boundary", "--colour"}},
      {"inpaint", {"--keep", "--mask", "--mask-axis", "--colour"}},
      {"mri", {"--acceleration", "--center-fraction", "--mask", "--mask-axis", "--coils"}},
      {"ct",
       {"--angles", "--angle-range", "--detectors", "--pitch", "--pixel-size", "--geometry",
        "--source-distance", "--detector-distance", "--centre"}}};
  return table;
}

constexpr Index most_detectors = 1 << 20, most_coils = 1024;

void require_detectors(const SimulateFlags& f) {
  if (f.detectors < 1 || f.detectors > most_detectors)
    throw ArgumentError("--detectors: got " + std::to_string(f.detectors) +
                        ", expected a number from 1 to " + std::to_string(most_detectors));
}

void check(const CLI::App& verb, const SimulateFlags& f) {
  require_known("--operator", f.kind, operator_kinds());
  refuse_foreign_flags(verb, f.kind, simulate_flags());
  measured_noise_levels(f.noise_level, f.kind, f.scale);
  parse_seed("--seed", f.seed);
  if (verb.count("--detectors") > 0) require_detectors(f);
  if (verb.count("--angle-range") > 0 && !(f.angle_range > 0 && f.angle_range <= 360))
    throw ArgumentError("--angle-range: got " + short_number(f.angle_range) +
                        ", expected degrees in (0,360]");
  if (!(f.keep > 0 && f.keep <= 1))
    throw ArgumentError("--keep: got " + short_number(f.keep) + ", expected a share in (0,1]");
  if (!(std::isfinite(f.scale) && f.scale > 0))
    throw ArgumentError("--scale: got " + short_number(f.scale) + ", expected a positive number");
  if (f.shrink < 1)
    throw ArgumentError("--shrink: got " + std::to_string(f.shrink) + ", expected at least 1");
  if (!f.crop.empty()) parse_window("--crop", f.crop);
  if (f.angles < 1) throw ArgumentError("--angles: at least one view is needed");
  require_image_source("--image", f.image);
  if (extension(f.out) != ".h5")
    throw ArgumentError("--out: got '" + f.out + "', expected a name that ends in .h5");
  require_writable(f.out);
  require_no_input("--out", f.out, {f.image, f.kernel, f.mask, f.coils});
}

Index coils_of(const SimulateFlags& f) {
  const Index coils = parse_count("--coils", f.coils, 1);
  if (coils > most_coils)
    throw ArgumentError("--coils: got " + f.coils + ", expected at most " +
                        std::to_string(most_coils));
  return coils;
}

/// The image (C,H,W): complex for mri; one grey channel unless colour is asked for.
AnyArray load_image(const SimulateFlags& f) {
  AnyArray image = part_of(read_any_image("--image", f.image), f.shrink, f.crop);
  const bool mri = f.kind == "mri";
  if (std::holds_alternative<ComplexArray>(image)) {
    if (!mri)
      throw ArgumentError("--image: " + f.image + " is complex; only mri takes complex images");
    if (shape_of(image)[0] != 1) throw ShapeError("--image: mri takes one image, not several");
    return image;
  }
  auto& real = std::get<Array<float>>(image);
  if (real.shape()[0] == 3 && !f.colour) {
    note("fejer simulate: " + f.image + " is a colour picture; its luma is used" +
         (mri || f.kind == "ct" ? "" : " (--colour keeps the colours)"));
    real = to_grey(real);
  }
  return image;
}

OperatorSetup make_setup(const SimulateFlags& f, const Shape& image, const Rng& rng) {
  const Index H = image[1], W = image[2];
  if (f.kind == "denoise") return DenoiseSetup{};
  if (f.kind == "blur")
    return BlurSetup{read_kernel(f.kernel), boundary_from("--boundary", f.boundary)};
  if (f.kind == "inpaint")
    return InpaintSetup{f.mask.empty() ? random_mask<float>(Shape{H, W}, f.keep, rng.stream("mask"))
                                       : read_mask(f.mask, f.mask_axis, image)};
  if (f.kind == "mri") {
    MriSetup s;
    if (!f.coils.empty()) {
      s.maps = parse_dataset_path(f.coils) ? read_maps(f.coils)
                                           : birdcage_maps<float>(coils_of(f), H, W);
      require_shape("--coils (rows, columns)", Shape{s.maps.shape()[1], s.maps.shape()[2]},
                    Shape{H, W});
    }
    const Shape data = s.maps.size() > 0 ? s.maps.shape() : Shape{H, W};
    s.mask = f.mask.empty() ? random_column_mask<float>(H, W, f.acceleration, f.center_fraction,
                                                        rng.stream("mask"))
                            : read_mask(f.mask, f.mask_axis, data);
    return s;
  }
  CtSetup s{f.ct.base(), H, W};
  TomographyGeometry& g = s.geometry;
  const bool fan = g.kind == TomographyGeometry::Kind::fan;
  const double range = (f.angle_range > 0 ? f.angle_range
                        : fan             ? 360
                                          : 180) *
                       std::acos(-1.0) / 180;
  for (int k = 0; k < f.angles; ++k) g.angles_rad.push_back(range * k / f.angles);
  const double magnification = fan ? 1 + g.detector_distance / g.source_distance : 1;
  const double diagonal = std::hypot(static_cast<double>(H), static_cast<double>(W)) * g.pixel_size;
  const double needed = std::ceil(diagonal * magnification / g.pitch) + 1;
  if (f.detectors == 0 && needed > static_cast<double>(most_detectors))
    throw ArgumentError("--pitch: got " + short_number(g.pitch) + ", with which the image needs " +
                        short_number(needed) + " detectors, more than " +
                        std::to_string(most_detectors));
  g.detectors = f.detectors > 0 ? f.detectors : static_cast<Index>(needed);
  return s;
}

Shape data_shape(const OperatorSetup& setup, const Shape& image) {
  if (const auto* mri = std::get_if<MriSetup>(&setup); mri != nullptr && mri->maps.size() > 0)
    return mri->maps.shape();
  if (const auto* ct = std::get_if<CtSetup>(&setup))
    return {image[0], static_cast<Index>(ct->geometry.angles_rad.size()), ct->geometry.detectors};
  return image;
}

/// data <- A x + noise on what is measured.
template <class X>
void measure(Measurement& m, const Array<X>& image, const std::vector<NoiseLevel>& levels,
             const Rng& rng) {
  m.data = Array<X>(data_shape(m.setup, image.shape()));
  validate(m);
  m.data = make_operator<X>(m).apply(image);
  set_noise_levels(m, levels);
  add_noise<X>(m, m.noise_level, rng.stream("noise"), std::get<Array<X>>(m.data));
}

Outcome simulate(const CLI::App& verb, const SimulateFlags& f) {
  check(verb, f);
  const AnyArray image = load_image(f);
  const std::int64_t seed = parse_seed("--seed", f.seed);
  const Rng rng(static_cast<std::uint64_t>(seed));
  Measurement m;
  m.setup = make_setup(f, shape_of(image), rng);
  m.seed = seed;
  m.scale = f.scale;
  m.truth = image;
  const std::vector<NoiseLevel> levels = measured_noise_levels(f.noise_level, f.kind, f.scale);
  if (f.kind == "mri")
    measure(m, elements_as<std::complex<float>>(image), levels, rng);
  else
    measure(m, std::get<Array<float>>(image), levels, rng);
  m.provenance = "simulated by fejer " + version() + " from " + base_name(f.image) +
                 " with --noise-level " + f.noise_level;
  stop_if_interrupted();
  save_measurement(f.out, m);
  Outcome outcome;
  const Shape shape = shape_of(m.data);
  outcome.json = {{"out", f.out},
                  {"operator", f.kind},
                  {"image_shape", shape_json(image_shape(m))},
                  {"data_shape", shape_json(shape)},
                  {"noise_level", m.noise_level},
                  {"seed", seed}};
  outcome.text = f.out + ": " + f.kind + ", image " + to_string(image_shape(m)) + ", data " +
                 to_string(shape) + ", noise level " + short_number(m.noise_level) + ", seed " +
                 f.seed + "\n";
  return outcome;
}

}  // namespace

Action add_simulate(CLI::App& verb) {
  auto f = std::make_shared<SimulateFlags>();
  verb.add_option("--operator", f->kind, "denoise, blur, inpaint, mri or ct")
      ->type_name("NAME")
      ->required();
  verb.add_option("--image", f->image,
                  "IN.png, IN.jpg, IN.h5:/data, IN.h5:/data[2] or phantom:shepp-logan:N")
      ->type_name("IMAGE")
      ->required();
  verb.add_option(
          "--noise-level", f->noise_level,
          "Standard deviation per real component, in the unit of the data: 0.01, 2.55/255, or "
          "1% of the largest noise-free datum; 0.1,0.25,0.5: one for each channel")
      ->type_name("S")
      ->required();
  verb.add_option("--seed", f->seed, "Of noise and random masks (default 0)")->type_name("N");
  verb.add_option("--scale", f->scale, "Intensity that learned priors should see as 1 (default 1)")
      ->type_name("C");
  verb.add_option("--out", f->out, "Measurement file to write")->type_name("M.h5")->required();
  verb.add_option("--shrink", f->shrink, "First reduce the image K times, by means of K x K pixels")
      ->type_name("K");
  verb.add_option("--crop", f->crop, "Then keep this part of it")
      ->type_name("ROW,COLUMN,ROWS,COLUMNS");
  verb.add_flag("--colour", f->colour, "denoise, blur, inpaint: keep the three channels");
  verb.add_option(
          "--kernel", f->kernel,
          "blur: K.h5:/name, one kernel or one for each channel, or gaussian:SIGMA (default "
          "gaussian:1.6)")
      ->type_name("KERNEL");
  verb.add_option("--boundary", f->boundary, "blur: circular, zero, reflect or replicate")
      ->type_name("NAME");
  verb.add_option("--keep", f->keep, "inpaint: share of pixels that are measured (default 0.5)")
      ->type_name("FRACTION");
  verb.add_option("--acceleration", f->acceleration, "mri: columns / sampled columns (default 4)")
      ->type_name("A");
  verb.add_option("--center-fraction", f->center_fraction,
                  "mri: share of columns all sampled in the centre (default 0.08)")
      ->type_name("C");
  verb.add_option("--mask", f->mask,
                  "mri, inpaint: FILE.h5:/mask of zeros and ones, instead of a random one")
      ->type_name("FILE.h5:/mask");
  verb.add_option("--mask-axis", f->mask_axis,
                  "Axis along which a mask of one line runs (default -1, the last)")
      ->type_name("A");
  verb.add_option("--coils", f->coils, "mri: number of simulated coils, or FILE.h5:/maps")
      ->type_name("N|FILE.h5:/maps");
  verb.add_option("--angles", f->angles, "ct: number of views (default 60)")->type_name("N");
  verb.add_option("--angle-range", f->angle_range,
                  "ct: degrees that the views cover evenly, end excluded (default 180; fan 360)")
      ->type_name("DEG");
  verb.add_option("--detectors", f->detectors,
                  "ct: detector elements (default: the image's diagonal)")
      ->type_name("N");
  f->ct.add_to(verb);
  verb.footer(
      "Example:\n  fejer simulate --operator ct --angles 60 --image phantom:shepp-logan:256 "
      "--noise-level 1% --seed 1 --out ct.h5");
  return [f, &verb](const Common&) { return simulate(verb, *f); };
}

}  // namespace fejer::command
