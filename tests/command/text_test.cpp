#include "text.hpp"

#include <doctest/doctest.h>

#include "console.hpp"
#include "drawing.hpp"
#include "start.hpp"

#include <cmath>

#include <fejer/error.hpp>

using namespace fejer;
using namespace fejer::command;

TEST_CASE("noise levels are decimals, fractions or shares, in [0,1]") {
  CHECK(parse_sigma("--sigma", "25/255") == 25.0 / 255);
  CHECK(parse_sigma("--sigma", "0.1") == 0.1);
  CHECK(parse_sigma("--sigma", "1") == 1);
  CHECK(parse_sigma("--sigma", "0") == 0);
  const NoiseLevel share = parse_noise_level("--noise-level", "2%");
  CHECK(share.relative);
  CHECK(share.in_units_of(50) == doctest::Approx(1));
  CHECK(parse_noise_level("--noise-level", "0.5").in_units_of(50) == 0.5);
  CHECK_THROWS_WITH(parse_sigma("--sigma", "25"), doctest::Contains("did you mean 25/255?"));
  CHECK_THROWS_WITH(parse_sigma("--sigma", "-0.1"), doctest::Contains("negative"));
  for (const char* text : {"nan", "inf", "", "a", "1/0", "1/", "/2", "0.1x", "2%", "1e999"})
    CHECK_THROWS_AS(parse_sigma("--sigma", text), ArgumentError);
}

TEST_CASE("dataset paths take an index in brackets") {
  const auto path = parse_dataset_path("a/b.h5:/images[2,3]");
  REQUIRE(path.has_value());
  CHECK(path->file == "a/b.h5");
  CHECK(path->dataset == "/images");
  CHECK(path->index == std::vector<Index>{2, 3});
  CHECK(parse_dataset_path("b.h5:/g/images")->index.empty());
  CHECK_FALSE(parse_dataset_path("picture[1].png").has_value());
  CHECK_THROWS_AS(parse_dataset_path("b.h5:/images[-1]"), ArgumentError);
  CHECK_THROWS_AS(parse_dataset_path("b.h5:/images[]"), ArgumentError);
}

TEST_CASE("base names keep the dataset") {
  CHECK(base_name("/a/b.h5:/g/kspace[2]") == "b.h5:/g/kspace[2]");
  CHECK(base_name("b.h5:/k") == "b.h5:/k");
  CHECK(base_name("/a/p.png") == "p.png");
  CHECK(base_name("phantom:shepp-logan:64") == "phantom:shepp-logan:64");
}

TEST_CASE("sizes and windows") {
  CHECK(parse_image_size("--n", "256").columns == 256);
  CHECK(parse_image_size("--n", "230x180").rows == 230);
  for (const char* text : {"", "0", "2.5", "3x", "x3", "-4", "1e9"})
    CHECK_THROWS_AS(parse_image_size("--n", text), ArgumentError);
  const Window w = parse_window("--crop", "1,2,30,40");
  CHECK(w.top == 1);
  CHECK(w.left == 2);
  CHECK(w.rows == 30);
  CHECK(w.columns == 40);
  for (const char* text : {"", "1,2,3", "1,2,3,0", "1,2,3,4,5", "a,b,c,d", "-1,2,3,4"})
    CHECK_THROWS_AS(parse_window("--crop", text), ArgumentError);
}

TEST_CASE("the time left follows the decay of the residual, at most until max_iterations") {
  // 10 iterations in 1 s; the residual falls 10 times in 9 iterations, 100 times are left: 18 more.
  const Iteration now{10, 1e-3, 0, 1.0};
  CHECK(seconds_left(now, 1000, 1e-5, 1, std::log(1e-2)) == doctest::Approx(1.8));
  CHECK(seconds_left(now, 15, 1e-5, 1, std::log(1e-2)) == doctest::Approx(0.5));
  CHECK(seconds_left(now, 30, 1e-5, 1, std::log(1e-4)) == doctest::Approx(2));  // it grows
}

TEST_CASE("holes are filled from their rim inwards") {
  // One row: known 2 and 4 at the ends, a hole of three between.
  Array<float> image(Shape{1, 1, 5}), mask(Shape{1, 5});
  image[0] = 2, image[4] = 4;
  mask[0] = mask[4] = 1;
  fill_holes(image, mask);
  CHECK(image[1] == 2);
  CHECK(image[2] == 3);
  CHECK(image[3] == 4);
}

TEST_CASE("axis ticks are round numbers inside the axis") {
  const auto ticks = axis_ticks(0, 137, 8);
  REQUIRE(ticks.size() == 7);
  CHECK(ticks[1] == 20);
  CHECK(ticks.back() == 120);
  CHECK(axis_ticks(1, 1, 5).empty());
}
