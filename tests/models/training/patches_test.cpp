#include <doctest/doctest.h>

#include <algorithm>
#include <set>

#include <fejer/error.hpp>
#include <fejer/models/training/patches.hpp>
#include <fejer/resample.hpp>
#include <fejer/rng.hpp>

#include "../small_models.hpp"

using namespace fejer;
using fejer_test::largest_difference;

namespace {

/// Every pixel of the set has a value of its own.
Dataset numbered(const std::vector<Shape>& shapes) {
  std::vector<Array<float>> images;
  std::vector<ImageSource> sources;
  Index next = 0;
  for (const Shape& shape : shapes) {
    Array<float> x(shape);
    for (float& v : x) v = static_cast<float>(next++) / 65536.0f;
    images.push_back(std::move(x));
    sources.push_back({"image", ""});
  }
  return Dataset(std::move(images), std::move(sources), "numbered");
}

}  // namespace

TEST_CASE("an epoch goes through all patches once, in an order of its own") {
  const Dataset data = numbered({Shape{1, 10, 13}, Shape{1, 8, 8}, Shape{1, 5, 20}});
  PatchSource source(data, {.size = 6, .stride = 2, .scales = {1}, .seed = 3});
  REQUIRE(source.size() == 3 * 4 + 2 * 2);
  std::vector<float> first[2];
  for (Index epoch = 0; epoch < 2; ++epoch) {
    std::set<float> corners;
    for (Index i = 0; i < source.size(); ++i) {
      const Array<float> p = source.draw(epoch, i);
      CHECK(p.shape() == Shape{1, 6, 6});
      corners.insert(p[0]);
      first[epoch].push_back(p[0]);
    }
    CHECK(corners.size() == 16);
    CHECK(corners.count(2 / 65536.0f + 2 * 13 / 65536.0f) == 1);  // row 2, column 2
  }
  CHECK(first[0] != first[1]);
  // A pure function: another object, another order of asking.
  PatchSource again(data, {.size = 6, .stride = 2, .scales = {1}, .seed = 3});
  CHECK(again.draw(1, 5)[0] == first[1][5]);
  CHECK(again.draw(0, 7)[0] == first[0][7]);
  PatchSource other(data, {.size = 6, .stride = 2, .scales = {1}, .seed = 4});
  std::vector<float> shuffled;
  for (Index i = 0; i < other.size(); ++i) shuffled.push_back(other.draw(0, i)[0]);
  CHECK(shuffled != first[0]);
}

TEST_CASE("the published settings cut 596 patches of a 180x180 image") {
  const Dataset data = dead_leaves(1, 180, 1);
  PatchSource source(data, {});
  // Sizes 180, 162, 144, 125: 15^2 + 13^2 + 11^2 + 9^2.
  CHECK(source.size() == 596);
}

TEST_CASE("scaled images, whatever the cache holds") {
  const Dataset data = numbered({Shape{2, 20, 20}, Shape{2, 24, 16}});
  const PatchOptions options{.size = 8, .stride = 4, .scales = {1, 0.7}, .seed = 1};
  PatchOptions small = options;
  small.cache_bytes = 1;
  PatchSource source(data, options), forgetful(data, small);
  std::set<float> values;
  for (Index i = 0; i < source.size(); ++i) {
    CHECK(largest_difference(source.draw(0, i), forgetful.draw(0, i)) == 0);
    for (const float v : source.draw(0, i)) values.insert(v);
  }
  const Array<float> reduced = resize_cubic(data.image(0), 14, 14);
  CHECK(values.count(reduced[14 * 4 + 4]) == 1);
}

TEST_CASE("flips and turns keep the pixels") {
  const Dataset data = numbered({Shape{1, 6, 6}});
  PatchSource source(data, {.size = 6, .stride = 1, .scales = {1}, .flips = true, .turns = true});
  std::set<std::vector<float>> seen;
  std::vector<float> sorted(36);
  for (int i = 0; i < 36; ++i)
    sorted[static_cast<std::size_t>(i)] = static_cast<float>(i) / 65536.0f;
  for (Index epoch = 0; epoch < 100; ++epoch) {
    const Array<float> p = source.draw(epoch, 0);
    std::vector<float> values(p.begin(), p.end());
    seen.insert(values);
    std::sort(values.begin(), values.end());
    CHECK(values == sorted);
    CHECK(largest_difference(p, source.draw(epoch, 0)) == 0);
  }
  CHECK(seen.size() == 8);
  PatchSource flipped(data, {.size = 6, .stride = 1, .scales = {1}, .flips = true});
  seen.clear();
  for (Index epoch = 0; epoch < 20; ++epoch) {
    const Array<float> p = flipped.draw(epoch, 0);
    seen.insert(std::vector<float>(p.begin(), p.end()));
  }
  CHECK(seen.size() == 2);
}

TEST_CASE("options out of range") {
  const Dataset data = numbered({Shape{1, 10, 10}});
  CHECK_THROWS_WITH_AS(PatchSource(data, {.size = 12}), doctest::Contains("12x12"), ArgumentError);
  CHECK_THROWS_AS(PatchSource(data, {.size = 4, .stride = 0}), ArgumentError);
  CHECK_THROWS_AS(PatchSource(data, {.size = 4, .scales = {1.5}}), ArgumentError);
  PatchSource source(data, {.size = 4});
  CHECK_THROWS_AS(source.draw(0, source.size()), ArgumentError);
}
