#include <fejer/operators/measurement.hpp>

#include <algorithm>
#include <cmath>
#include <cstdlib>

#include <fejer/hdf5.hpp>
#include <fejer/rng.hpp>
#include <fejer/vector.hpp>

#include "data.hpp"

using namespace fejer;
using Complex = std::complex<float>;

namespace {

template <class X>
Array<X> random_array(const Shape& shape, const char* name) {
  Array<X> x(shape);
  fill_normal(View<X>(x), Rng(7).stream(name));
  return x;
}

Measurement blur_measurement() {
  Measurement m;
  m.setup = BlurSetup{Array<double>(Shape{1, 2}, 0.5), Boundary::zero};
  m.data = random_array<float>({1, 4, 5}, "data");
  m.noise_level = 0.25;
  m.scale = 2;
  m.seed = -3;
  m.truth = random_array<float>({1, 4, 5}, "truth");
  m.provenance = "by hand";
  return m;
}

/// A kernel and a noise level for each channel.
Measurement colour_measurement() {
  Measurement m;
  Array<double> kernels(Shape{3, 1, 2});
  for (Index i = 0; i < 6; ++i) kernels[i] = 1 + static_cast<double>(i);
  m.setup = BlurSetup{kernels, Boundary::zero};
  m.data = random_array<float>({3, 4, 5}, "data");
  set_channel_noise(m, {0.1, 0.2, 0.6});
  return m;
}

Measurement mri_measurement() {
  Measurement m;
  Array<float> mask(Shape{4, 6}, 1);
  mask[5] = 0;
  m.setup = MriSetup{mask, random_array<Complex>({2, 4, 6}, "maps")};
  auto data = random_array<Complex>({2, 4, 6}, "data");
  data[5] = data[24 + 5] = 0;
  m.data = data;
  m.truth = random_array<Complex>({1, 4, 6}, "truth");
  return m;
}

Measurement ct_measurement(TomographyGeometry::Kind kind) {
  Measurement m;
  TomographyGeometry g;
  g.kind = kind;
  g.angles_rad = {0, 0.5, 1.25};
  g.detectors = 9;
  g.pitch = 0.75;
  g.pixel_size = 0.5;
  g.centre = 3.5;
  if (kind == TomographyGeometry::Kind::fan) g.source_distance = 20, g.detector_distance = 10;
  m.setup = CtSetup{g, 6, 5};
  m.data = random_array<float>({1, 3, 9}, "data");
  return m;
}

template <class X>
void require_same_operator(const Measurement& a, const Measurement& b) {
  const auto first = make_operator<X>(a), second = make_operator<X>(b);
  REQUIRE(first.domain() == second.domain());
  REQUIRE(first.range() == second.range());
  const auto x = random_array<X>(first.domain(), "x");
  CHECK(distance(first.apply(x), second.apply(x)) == 0);
}

template <class X>
void round_trip(const Measurement& m) {
  const fejer_test::ScratchFolder folder;
  save_measurement(folder / "m.h5", m);
  const Measurement back = load_measurement(folder / "m.h5");
  CHECK(kind_of(back.setup) == kind_of(m.setup));
  CHECK(distance(elements_as<X>(back.data), elements_as<X>(m.data)) == 0);
  CHECK(back.noise_level == m.noise_level);
  CHECK(back.channel_noise == m.channel_noise);
  CHECK(back.scale == m.scale);
  CHECK(back.seed == m.seed);
  CHECK(back.provenance == m.provenance);
  REQUIRE(back.truth.has_value() == m.truth.has_value());
  if (m.truth) CHECK(distance(elements_as<X>(*back.truth), elements_as<X>(*m.truth)) == 0);
  require_same_operator<X>(m, back);
}

/// The message of the FormatError that loading throws.
std::string refusal(const std::string& path) {
  try {
    load_measurement(path);
  } catch (const FormatError& e) {
    CHECK(std::string(e.what()).find('\n') == std::string::npos);
    return e.what();
  }
  FAIL("load_measurement took " << path);
  return "";
}

void contains(const std::string& text, const std::string& part) {
  CHECK_MESSAGE(text.find(part) != std::string::npos, text << " | lacks: " << part);
}

/// A file made by `edit` from the plain parts of a valid denoising measurement.
template <class Edit>
std::string refused_file(Edit edit) {
  const fejer_test::ScratchFolder folder;
  Hdf5Writer file(folder / "m.h5");
  edit(file);
  file.commit();
  return refusal(folder / "m.h5");
}

void plain(Hdf5Writer& file, const char* kind = "denoise", double noise = 0.1) {
  file.format("fejer-measurement", 1);
  file.attribute("/", "noise_level", noise);
  file.group("operator");
  file.attribute("operator", "kind", kind);
}

}  // namespace

TEST_CASE("a measurement file gives back every part, and the same operator") {
  round_trip<float>(blur_measurement());
  round_trip<float>(colour_measurement());
  round_trip<Complex>(mri_measurement());
  round_trip<float>(ct_measurement(TomographyGeometry::Kind::parallel));
  round_trip<float>(ct_measurement(TomographyGeometry::Kind::fan));
  Measurement m;
  m.data = random_array<float>({3, 2, 2}, "colour");
  round_trip<float>(m);
  m.setup = InpaintSetup{Array<float>(Shape{2, 2}, 1)};
  round_trip<float>(m);
}

TEST_CASE("the operator of a blur file is the blur, by hand") {
  Measurement m = blur_measurement();
  m.data = Array<float>(Shape{1, 1, 3});
  m.truth.reset();
  Array<double> x(Shape{1, 1, 3});
  x[0] = 1, x[1] = 2, x[2] = 4;
  // Kernel (1/2, 1/2), centre floor(2/2) = 1: y[i] = (x[i] + x[i+1]) / 2, zero beyond the border.
  const Array<double> y = make_operator<double>(m).apply(x);
  CHECK(y[0] == doctest::Approx(1.5));
  CHECK(y[1] == doctest::Approx(3));
  CHECK(y[2] == doctest::Approx(2));
}

TEST_CASE("each channel has its own kernel and noise, by hand") {
  Measurement m = colour_measurement();
  CHECK(m.noise_level == doctest::Approx(std::sqrt((0.01 + 0.04 + 0.36) / 3)));
  m.data = Array<float>(Shape{3, 1, 2});
  Array<double> x(Shape{3, 1, 2}, 1.0);
  // Kernels (1, 2), (3, 4), (5, 6), centre 1: y[0] = h[1] x[0] + h[0] x[1], y[1] = h[1] x[1].
  const Array<double> y = make_operator<double>(m).apply(x);
  const double expected[] = {3, 2, 7, 4, 11, 6};
  for (Index i = 0; i < 6; ++i) CHECK(y[i] == doctest::Approx(expected[i]));

  Array<double> noise(Shape{3, 1, 40000});
  add_noise<double>(m, 2 * m.noise_level, Rng(1).stream("noise"), noise);
  for (Index c = 0; c < 3; ++c) {  // to 2 %, four standard errors and more
    const double deviation = norm<double>(noise.slice(c)) / 200;
    CHECK(deviation ==
          doctest::Approx(2 * m.channel_noise[static_cast<std::size_t>(c)]).epsilon(0.02));
  }
  Array<double> two(Shape{2, 1, 4});
  CHECK_THROWS_AS(add_noise<double>(m, 1, Rng(1).stream("noise"), two), ShapeError);
}

TEST_CASE("noise by channel has the bits of its level times a draw, whatever the mean level") {
  Measurement m;
  m.data = Array<float>(Shape{3, 4, 5});
  set_channel_noise(m, {0.1, 0.25, 0.5});
  Array<float> data = random_array<float>({3, 4, 5}, "data"), expected = data, draw({3, 4, 5});
  fill_normal<float>(draw, Rng(1).stream("noise"));
  for (Index i = 0; i < data.size(); ++i)
    expected[i] +=
        draw[i] * static_cast<float>(m.channel_noise[static_cast<std::size_t>(i / (4 * 5))]);
  add_noise<float>(m, m.noise_level, Rng(1).stream("noise"), data);
  CHECK(std::equal(data.begin(), data.end(), expected.begin()));
}

TEST_CASE("kernels that share an array with larger ones are cut to their size about the centre") {
  const Shape image{7, 6};
  Array<double> kernels(Shape{3, 3, 4});
  kernels[2] = 1, kernels[6] = 2, kernels[10] = 3;  // a column through the centre (1, 2)
  kernels[12 + 5] = 5;                              // left of it
  for (Index i = 24; i < 36; ++i) kernels[i] = static_cast<double>(i);
  Measurement m;
  m.setup = BlurSetup{kernels, Boundary::reflect};
  m.data = Array<float>(Shape{3, 7, 6});
  const auto x = random_array<float>({3, 7, 6}, "x");
  const auto y = make_operator<float>(m).apply(x);
  Array<float> column(Shape{3, 2});  // even: centre (1, 1), as of the width 4 it is 2
  for (Index i = 0; i < 3; ++i) column[2 * i + 1] = static_cast<float>(i + 1);
  Array<float> first(image), z(image);
  Blur<float>(column, image, Boundary::reflect).apply(x.slice(0), first);
  CHECK(std::equal(first.begin(), first.end(), y.begin()));
  for (Index c = 1; c < 3; ++c) {
    Array<float> whole(Shape{3, 4});
    for (Index i = 0; i < 12; ++i) whole[i] = static_cast<float>(kernels[12 * c + i]);
    Blur<float>(whole, image, Boundary::reflect).apply(x.slice(c), z);
    for (Index i = 0; i < z.size(); ++i)
      CHECK(y.slice(c)[i] == doctest::Approx(z[i]).epsilon(1e-5));
  }
}

TEST_CASE("element types that do not fit the operator are refused") {
  CHECK_THROWS_AS(make_operator<Complex>(blur_measurement()), ArgumentError);
  CHECK_THROWS_AS(make_operator<float>(mri_measurement()), ArgumentError);
  CHECK_THROWS_AS(elements_as<float>(mri_measurement().data), ArgumentError);
}

TEST_CASE("parts that do not fit together are refused before anything is written") {
  const fejer_test::ScratchFolder folder;
  const auto refused = [&](const Measurement& m) {
    CHECK_THROWS_AS(save_measurement(folder / "m.h5", m), ArgumentError);
    CHECK_FALSE(std::filesystem::exists(folder / "m.h5"));
  };
  Measurement m = blur_measurement();
  m.noise_level = -1;
  refused(m);
  m = blur_measurement();
  std::get<Array<float>>(m.data)[3] = std::nanf("");
  refused(m);
  m = blur_measurement();
  m.truth = random_array<float>({1, 4, 4}, "small");
  refused(m);
  m = blur_measurement();
  m.scale = 0;
  refused(m);
  m = colour_measurement();
  std::get<BlurSetup>(m.setup).kernel = Array<double>(Shape{2, 1, 2}, 0.5);
  refused(m);
  m = colour_measurement();
  m.channel_noise.pop_back();
  refused(m);
  m = colour_measurement();
  m.channel_noise[0] = -m.channel_noise[0];
  refused(m);
  m = colour_measurement();
  m.noise_level *= 1.01;  // not the root of their mean square
  refused(m);
  m = mri_measurement();
  std::get<MriSetup>(m.setup).maps = {};
  refused(m);
  m = mri_measurement();
  std::get<MriSetup>(m.setup).mask = Array<float>(Shape{4, 5}, 1);
  refused(m);
  m = mri_measurement();
  std::get<MriSetup>(m.setup).mask = Array<float>(Shape{4, 6}, 0);
  refused(m);
  m = ct_measurement(TomographyGeometry::Kind::parallel);
  std::get<CtSetup>(m.setup).geometry.angles_rad.pop_back();
  refused(m);
}

TEST_CASE("loading is strict, and says what is wrong") {
  const Array<float> data(Shape{4, 4}, 0.5f);
  contains(refused_file([&](Hdf5Writer& f) { plain(f); }), "dataset /data is missing");
  contains(refused_file([&](Hdf5Writer& f) {
             plain(f, "blurr");
             f.write("data", data);
           }),
           "did you mean blur?");
  contains(refused_file([&](Hdf5Writer& f) {
             plain(f, "blur");
             f.write("data", data);
           }),
           "dataset /operator/kernel is missing");
  contains(refused_file([&](Hdf5Writer& f) {
             plain(f);
             f.write("data", data);
             f.write("dada", data);
           }),
           "unknown dataset '/dada'");
  contains(refused_file([&](Hdf5Writer& f) {
             plain(f);
             f.write("data", data);
             f.attribute("/", "noise_levl", 0.1);
           }),
           "did you mean noise_level?");
  contains(refused_file([&](Hdf5Writer& f) {
             plain(f, "denoise", -0.1);
             f.write("data", data);
           }),
           "negative");
  contains(refused_file([&](Hdf5Writer& f) {
             plain(f);
             f.write("data", Array<float>(Shape{4, 4}, std::nanf("")));
           }),
           "not finite");
  contains(refused_file([&](Hdf5Writer& f) {
             plain(f);
             f.write("data", Array<float>(Shape{16}, 1));
           }),
           "expected two or three axes");
  contains(refused_file([&](Hdf5Writer& f) {
             plain(f, "mri");
             f.write("data", data);
             f.write("operator/mask", Array<std::uint8_t>(Shape{4, 4}, 1));
           }),
           "complex k-space");
  contains(refused_file([&](Hdf5Writer& f) {
             plain(f, "inpaint");
             f.write("data", data);
             f.write("operator/mask", Array<float>(Shape{4, 4}, 0.5f));
           }),
           "other than 0 and 1");
  contains(refused_file([&](Hdf5Writer& f) {
             f.format("fejer-measurement", 2);
             f.attribute("/", "noise_level", 0.1);
             f.write("data", data);
           }),
           "newer");
  contains(refused_file([&](Hdf5Writer& f) {
             f.format("fejer-image", 1);
             f.write("image", data);
           }),
           "fejer-image");
}

TEST_CASE("elements that the mask leaves out are set to zero on loading") {
  const fejer_test::ScratchFolder folder;
  {
    Hdf5Writer file(folder / "m.h5");
    plain(file, "inpaint");
    file.write("data", Array<float>(Shape{2, 2}, 3));
    Array<std::uint8_t> mask(Shape{2, 2}, 1);
    mask[1] = 0;
    file.write("operator/mask", mask);
    file.commit();
  }
  const auto data = elements_as<float>(load_measurement(folder / "m.h5").data);
  CHECK(data[0] == 3);
  CHECK(data[1] == 0);
  CHECK(data[2] == 3);
}
