#include "tasks.hpp"

#include <algorithm>
#include <cmath>
#include <functional>
#include <numeric>

#include <fejer/algorithms/conjugate_gradient.hpp>
#include <fejer/files.hpp>
#include <fejer/hdf5.hpp>
#include <fejer/operators/cartesian_mri.hpp>
#include <fejer/resample.hpp>
#include <fejer/rng.hpp>
#include <fejer/vector.hpp>

#include "images.hpp"

namespace fejer::reconstruction {
namespace {

using Complex = std::complex<float>;
const double pi = std::acos(-1.0);

Array<Complex> as_complex(const Array<float>& image) {
  const Array<float> zero(image.shape());
  return to_complex<float>(image, zero);
}

/// data = A truth + noise, on sampled points only.
template <class X>
Case simulate(const std::string& name, OperatorSetup setup, const Array<X>& truth,
              const Shape& data_shape, double noise_level, double scale = 1) {
  Case c{name, {}};
  Measurement& m = c.measurement;
  m.setup = std::move(setup);
  m.data = Array<X>(data_shape);
  m.truth = truth;
  m.noise_level = noise_level;
  m.scale = scale;
  Array<X> data = make_operator<X>(m).apply(truth);
  Array<X> noise(data.shape());
  fill_normal<X>(noise, Rng(2024).stream("noise/" + name));
  if (const auto* mri = std::get_if<MriSetup>(&m.setup))
    for (Index i = 0; i < noise.size(); ++i) noise[i] *= mri->mask[i % mri->mask.size()];
  axpy<X>(static_cast<Real<X>>(noise_level), noise, data);
  m.data = std::move(data);
  return c;
}

// ---- deblurring

Case blurred(const std::string& name, const Array<float>& image, const std::string& data,
             Index kernel) {
  const auto h =
      Hdf5Reader(data + "/kernels/levin09.h5").read<double>("kernel_" + std::to_string(kernel));
  return simulate<float>(name, BlurSetup{h, Boundary::circular}, image, image.shape(), 0.01);
}

Task deblur(const std::string& data, bool smoke) {
  Task t{.name = "deblur", .title = "Deblurring, Set12"};
  t.remark =
      "Image i is blurred by circular convolution with Levin kernel i mod 8, noise 0.01. Tuned on "
      "the centres (128x128) of training photographs 0 and 200 with kernels 0 and 4.";
  for (Index i = 0; i < (smoke ? 1 : 2); ++i)
    t.tuning.push_back(
        blurred("train" + std::to_string(200 * i),
                fit(read_slice(data + "/train/bsd400.h5", "images", 200 * i, true), 128, 128), data,
                4 * i));
  for (int i = 0; i < (smoke ? 1 : 12); ++i)
    t.test.push_back(blurred(set12_name(i + 1), set12_image(data, i + 1, smoke), data, i % 8));
  return t;
}

// ---- MRI

constexpr double mri_noise = 0.002;

Array<float> head_slice(const std::string& data, Index z_index) {
  return read_slice(data + "/mri/t1_head_slices.h5", "images", z_index, true);
}

Case single_coil(const std::string& data, Index z_index, bool smoke) {
  Array<float> image = head_slice(data, z_index);
  if (smoke) image = shrink(image, 4);
  const Index H = image.shape()[1], W = image.shape()[2];
  const std::string name = "z=" + std::to_string(60 + 15 * z_index);
  MriSetup setup{random_column_mask<float>(H, W, 4, 0.08, Rng(2024).stream("mask/" + name)), {}};
  return simulate<Complex>(name, setup, as_complex(image), image.shape(), mri_noise);
}

Task mri_single(const std::string& data, bool smoke) {
  Task t{.name = "mri_single_4x", .title = "MRI, one coil, 4x, T1 head slices", .data_range = 0};
  t.remark =
      "Simulated from magnitude slices 217x181: random columns, 8 % of them in the centre, noise "
      "0.002 per component. Slices z = 90 and 105; tuned on z = 60 and 75.";
  for (const Index z : {0, 1}) t.tuning.push_back(single_coil(data, z, smoke));
  for (const Index z : {2, 3}) t.test.push_back(single_coil(data, z, smoke));
  return t;
}

/// Points kept with probability `fraction`, and all within `radius` of the centre.
Array<float> random_point_mask(Index H, Index W, double fraction, double radius,
                               const RandomStream& stream) {
  Array<float> mask(Shape{H, W}), draws(Shape{H, W});
  fill_uniform<float>(draws, stream);
  for (Index i = 0; i < mask.size(); ++i) {
    const double away =
        std::hypot(static_cast<double>(i / W - H / 2), static_cast<double>(i % W - W / 2));
    mask[i] = away <= radius || draws[i] < static_cast<float>(fraction) ? 1 : 0;
  }
  return mask;
}

/// Standard deviation per real component that explains the residual of the least-squares fit of an
/// overdetermined set: ||Ax - y||^2 = 2 (m - n) sigma^2, m samples of all coils, n pixels.
double estimated_noise(const MriSetup& setup, const Array<Complex>& kspace) {
  const Index pixels = setup.mask.size(), coils = kspace.size() / pixels;
  const CartesianMri<float> A(setup.mask, setup.maps);
  const auto fit = fejer::run(ConjugateGradient<Complex>(A, kspace), Array<Complex>(A.domain()),
                              {.max_iterations = 100, .tolerance = 1e-4});
  const double m =
      static_cast<double>(coils) * std::accumulate(setup.mask.begin(), setup.mask.end(), 0.0);
  const double residual = distance(LinearOperator<Complex>(A).apply(fit.x), kspace);
  return residual / std::sqrt(2 * (m - static_cast<double>(pixels)));
}

/// The measured set (mask applied), or its twin: same maps and mask, a T1 slice as image.
Task mri_multi(const std::string& data, bool smoke, double acceleration) {
  const std::string file = data + "/mri/brain16_96.h5";
  const Hdf5Reader reader(file);
  const auto maps = reader.read<Complex>("maps");
  auto kspace = reader.read<Complex>("kspace");
  const Index H = 96, W = 96;
  const bool given = acceleration == 4;
  MriSetup setup{
      given ? expand_line_mask<float>(reader.read<float>("mask_lines_r4"), 1, H, W)
            : random_column_mask<float>(H, W, acceleration, 0.04, Rng(2024).stream("mask/brain16")),
      maps};
  for (Index i = 0; i < kspace.size(); ++i) kspace[i] *= setup.mask[i % (H * W)];
  const double noise = estimated_noise(setup, kspace);
  Task t{.name = given ? "mri_16coil_4x" : "mri_16coil_8x",
         .title = given ? "MRI, 16 coils measured, 4x" : "MRI, 16 coils measured, 8x",
         .data_range = 0};
  t.remark = given ? "Fully sampled 96x96 data, every line but 24 dropped (the set's own mask)."
                   : "Fully sampled 96x96 data, random columns kept, 4 % of them in the centre.";
  t.remark +=
      " Tuned on the twin: T1 slices z = 60 and 75 at half size behind the same maps and "
      "mask, with the noise that explains the residual of a least-squares fit to the sampled data "
      "(it holds what the maps do not explain). Reference: the combination of all lines.";
  for (const Index z : {0, 1}) {
    const Array<float> slice = fit(shrink(head_slice(data, z), 2), H, W);
    // The maps are zero outside the head that was measured.
    Array<Complex> image = as_complex(slice);
    for (Index i = 0; i < image.size(); ++i)
      if (std::norm(maps[i]) == 0) image[i] = 0;
    t.tuning.push_back(simulate<Complex>("twin z=" + std::to_string(60 + 15 * z), setup, image,
                                         maps.shape(), noise));
    if (smoke) break;
  }
  Case measured{"brain16", {}};
  measured.measurement.setup = setup;
  measured.measurement.data = std::move(kspace);
  measured.measurement.noise_level = noise;
  measured.measurement.truth = reader.read<Complex>("image").reshaped(Shape{1, H, W});
  t.test.push_back(std::move(measured));
  return t;
}

Task mri_measured(const std::string& data, bool) {
  const Hdf5Reader reader(data + "/mri/brain8_230x180_undersampled.h5");
  const MriSetup setup{reader.read<float>("mask"), reader.read<Complex>("maps")};
  constexpr double noise = 0.01;
  Task t{.name = "mri_8coil", .title = "MRI, 8 coils measured, 8x, no reference", .data_range = 0};
  t.remark =
      "230x180, Poisson-disc mask with 12.4 % of the samples. No fully sampled reference exists: "
      "only the data fit ||Ax - y|| / ||y|| is given, and pictures. Tuned on the twin: T1 slice "
      "z = 75 behind the same maps and mask, noise 0.01.";
  const Array<Complex> image = as_complex(fit(head_slice(data, 1), 230, 180));
  t.tuning.push_back(simulate<Complex>("twin", setup, image, setup.maps.shape(), noise));
  Case measured{"brain8", {}};
  measured.measurement.setup = setup;
  measured.measurement.data = reader.read<Complex>("kspace");
  measured.measurement.noise_level = noise;
  t.test.push_back(std::move(measured));
  return t;
}

// ---- CT

/// 60 parallel views of an image whose pixel is `pixel` long, noise 0.5 % of the largest datum.
Case few_views(const std::string& name, const Array<float>& image, double pixel) {
  const Index n = image.shape()[1];
  TomographyGeometry g;
  for (int k = 0; k < 60; ++k) g.angles_rad.push_back(pi * k / 60);
  g.detectors = static_cast<Index>(std::ceil(static_cast<double>(n) * std::sqrt(2.0))) + 1;
  g.pixel_size = g.pitch = pixel;
  const CtSetup setup{g, n, n};
  const Tomography<float> A(g, image.shape());
  Array<float> y(A.range());
  A.apply(image, y);
  const double noise = 0.005 * max_abs(ConstView<float>(y));
  return simulate<float>(name, setup, image, A.range(), noise);
}

Task ct_head(const std::string& data, bool smoke) {
  Task t{.name = "ct_head_60", .title = "CT, 60 views of a head slice", .positivity = true};
  t.remark =
      "Simulated from the real slice reduced to 256x256 (means of 2x2), parallel beam, noise 0.5 % "
      "of the largest datum, lengths in units of the image's width. Tuned on T1 slices z = 60 and "
      "75, padded to 256x256.";
  const Index n = smoke ? 64 : 256;
  for (const Index z : {0, 1}) {
    const Array<float> slice = head_slice(data, z);
    const Array<float> image = smoke ? shrink(slice, 4) : slice;
    t.tuning.push_back(few_views("z=" + std::to_string(60 + 15 * z), fit(image, n, n),
                                 1.0 / static_cast<double>(n)));
    if (smoke) break;
  }
  const Array<float> head =
      shrink(read_slice(data + "/ct/head_slice.h5", "image", 0, false), 512 / n);
  t.test.push_back(few_views("head", head, 1.0 / static_cast<double>(n)));
  return t;
}

/// From the second differences of neighbouring detectors (the detector's rings are part of it).
constexpr double tooth_noise = 0.0076;

/// Row `row` of the tooth: every `step`-th view, the reconstruction from all as reference.
Case tooth(const std::string& data, Index row, Index step) {
  const Hdf5Reader reader(data + "/ct/tooth_sinogram.h5");
  const auto sinogram = reader.read<float>("sinogram");
  const auto angles = reader.read<double>("angles_rad");
  TomographyGeometry g;
  g.detectors = sinogram.shape()[2];
  g.centre = 295.5;
  g.pixel_size = 2;
  for (Index k = 0; k < angles.size(); k += step) g.angles_rad.push_back(angles[k]);
  Array<float> views(Shape{1, static_cast<Index>(g.angles_rad.size()), g.detectors});
  for (Index k = 0; k < views.shape()[1]; ++k)
    for (Index d = 0; d < g.detectors; ++d)
      views[k * g.detectors + d] = sinogram[(row * angles.size() + k * step) * g.detectors + d];
  Case c{"tooth", {}};
  c.measurement.setup = CtSetup{g, 256, 256};
  c.measurement.data = std::move(views);
  c.measurement.truth = shrink(read_slice(data + "/ct/tooth_sinogram.h5", "fbp", row, false), 2);
  c.measurement.scale = 0.01;
  c.measurement.noise_level = tooth_noise;
  return c;
}

Task ct_tooth(const std::string& data, bool smoke) {
  Task t{.name = "ct_tooth_61",
         .title = "CT, measured tooth, 61 of 181 views",
         .positivity = true,
         .data_range = 0.01};
  t.remark =
      "Every third view of detector row 1, on 256x256 pixels of twice the detector's pitch, "
      "intensity scale 0.01. Reference: the filtered backprojection of all 181 views, which has "
      "noise and rings of its own, so PSNR is capped. "
      "Tuned on the twin: row 0's 181-view image at 512x512, clipped at 0 and smoothed by a 3x3 "
      "mean, seen from the same views with noise 0.0076, reconstructed on the coarse pixels too.";
  Case twin = tooth(data, 0, 3);
  Array<float> image = smooth(read_slice(data + "/ct/tooth_sinogram.h5", "fbp", 0, false));
  for (float& value : image) value = std::max(value, 0.0f);
  CtSetup fine = std::get<CtSetup>(twin.measurement.setup);
  fine.geometry.pixel_size = 1;
  fine.rows = fine.columns = 512;
  const Shape views = std::get<Array<float>>(twin.measurement.data).shape();
  twin.measurement.data = std::get<Array<float>>(
      simulate<float>("twin", fine, image, views, tooth_noise).measurement.data);
  twin.measurement.truth = shrink(image, 2);
  t.tuning.push_back(std::move(twin));
  t.test.push_back(tooth(data, 1, smoke ? 30 : 3));
  return t;
}

using Maker = std::function<Task(const std::string&, bool)>;
const std::vector<std::pair<std::string, Maker>>& makers() {
  static const std::vector<std::pair<std::string, Maker>> all = {
      {"deblur", deblur},
      {"mri_single_4x", mri_single},
      {"mri_16coil_4x", [](const std::string& d, bool s) { return mri_multi(d, s, 4); }},
      {"mri_16coil_8x", [](const std::string& d, bool s) { return mri_multi(d, s, 8); }},
      {"mri_8coil", mri_measured},
      {"ct_head_60", ct_head},
      {"ct_tooth_61", ct_tooth}};
  return all;
}

}  // namespace

const std::vector<std::string>& task_names() {
  static const std::vector<std::string> names = [] {
    std::vector<std::string> all;
    for (const auto& [name, maker] : makers()) all.push_back(name);
    return all;
  }();
  return names;
}

Task compressed_sensing(const std::string& mask, double noise, int draw, const std::string& data,
                        bool smoke) {
  Task t{.name = "mri_" + mask, .title = "MRI, one coil, 30 % random " + mask, .data_range = 0};
  for (const Index z : {0, 1, 2, 3}) {
    if (smoke && z % 2 != 0) continue;
    Array<float> image = head_slice(data, z);
    if (smoke) image = shrink(image, 4);
    const Index H = image.shape()[1], W = image.shape()[2];
    const std::string name = "z=" + std::to_string(60 + 15 * z) + "/" + mask;
    const RandomStream stream = Rng(2024).stream("mask/" + name);
    MriSetup setup{mask == "points" ? random_point_mask(H, W, 0.3, 8, stream)
                                    : random_column_mask<float>(H, W, 1 / 0.3, 0.08, stream),
                   {}};
    (z < 2 ? t.tuning : t.test)
        .push_back(simulate<Complex>(name + "/" + std::to_string(draw), std::move(setup),
                                     as_complex(image), image.shape(), noise));
  }
  return t;
}

Task make_task(const std::string& name, const std::string& data, bool smoke) {
  for (const auto& [known, maker] : makers())
    if (known == name) return maker(data, smoke);
  throw ArgumentError("task: " + unknown_name("task", name, task_names()));
}

}  // namespace fejer::reconstruction
