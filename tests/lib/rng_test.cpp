#include <fejer/rng.hpp>

#include <algorithm>
#include <cmath>
#include <numeric>
#include <set>
#include <vector>

#include <doctest/doctest.h>
#include <fejer/parallel.hpp>
#include <fejer/vector.hpp>

using namespace fejer;
using Words = std::array<std::uint32_t, 4>;

TEST_CASE("Philox 4x32-10 gives the published answers") {
  CHECK(philox4x32({0, 0, 0, 0}, {0, 0}) == Words{0x6627e8d5, 0xe169c58d, 0xbc57ac4c, 0x9b00dbd8});
  CHECK(philox4x32({0xffffffff, 0xffffffff, 0xffffffff, 0xffffffff}, {0xffffffff, 0xffffffff}) ==
        Words{0x408f276d, 0x41c83b0e, 0xa20bc7c6, 0x6d5451fd});
  CHECK(philox4x32({0x243f6a88, 0x85a308d3, 0x13198a2e, 0x03707344}, {0xa4093822, 0x299f31d0}) ==
        Words{0xd16cfe09, 0x94fdcceb, 0x5001e420, 0x24126ea1});
}

TEST_CASE("normal quantiles to 1e-15") {
  // Computed with 60 digits by Newton's method on the series of the distribution function.
  const std::vector<std::pair<double, double>> known = {
      {0x1.0000000000002p-1, 5.565832849343533844468e-16},
      {0x1.051eb851eb852p-1, 0.02506890825871105803269},
      {0x1.8000000000000p-1, 0.6744897501960817432022},
      {0x1.d99999999999ap-1, 1.439531470938456229063},
      {0x1.d9a6b50b0f27cp-1, 1.440238267527963859388},
      {0x1.f333333333333p-1, 1.959963984540053855604},
      {0x1.ff7ced916872bp-1, 3.090232306167813277758},
      {0x1.ffffde7210be9p-1, 4.753424308817087765688},
      {0x1.999999999999ap-3, -0.8416212335729141655225},
      {0x1.2f1a9fbe76c8bp-4, -1.446632067158978509863},
      {0x1.12e0be826d695p-30, -5.997807015007686861446},
      {0x1.b7cdfd9d7bdbbp-34, -6.361340902404056199100},
      {0x1.ec94ca210599ep-37, -6.656723091518183635597},
      {0x1.c965971ea9c5cp-37, -6.667611456510740834662},
      {0x1.0000000000000p-53, -8.209536151601386855631}};
  for (const auto& [p, z] : known) CHECK(std::abs(normal_quantile(p) / z - 1) <= 1e-15);
  CHECK(normal_quantile(0.5) == 0);
}

TEST_CASE("normal numbers have the moments and the distribution of the normal law") {
  const Index n = 1000000;
  Array<double> x(Shape{n});
  fill_normal<double>(x, Rng(5).stream("moments"));
  double m1 = 0, m2 = 0, m3 = 0, m4 = 0;
  for (const double v : x) {
    m1 += v;
    m2 += v * v;
    m3 += v * v * v;
    m4 += v * v * v * v;
  }
  // Five standard deviations of each sample moment: sqrt(1, 2, 15, 96) / sqrt(n).
  const double count = static_cast<double>(n), unit = 5 / std::sqrt(count);
  CHECK(std::abs(m1 / count) < unit);
  CHECK(std::abs(m2 / count - 1) < unit * std::sqrt(2.0));
  CHECK(std::abs(m3 / count) < unit * std::sqrt(15.0));
  CHECK(std::abs(m4 / count - 3) < unit * std::sqrt(96.0));

  std::sort(x.begin(), x.end());
  double distance_to_law = 0;
  for (Index i = 0; i < n; ++i) {
    const double law = 0.5 * std::erfc(-x[i] / std::sqrt(2.0));
    distance_to_law = std::max({distance_to_law, std::abs(law - static_cast<double>(i) / count),
                                std::abs(law - static_cast<double>(i + 1) / count)});
  }
  CHECK(distance_to_law * std::sqrt(count) < 1.95);  // Kolmogorov-Smirnov at level 0.001
}

TEST_CASE("uniform numbers stay inside (0,1) and have the right moments, in float too") {
  const Index n = 1000000;
  Array<float> x(Shape{n});
  fill_uniform<float>(x, Rng(6).stream("uniform"));
  double sum = 0, squares = 0;
  for (const float v : x) {
    sum += static_cast<double>(v);
    squares += static_cast<double>(v) * static_cast<double>(v);
  }
  CHECK(*std::min_element(x.begin(), x.end()) > 0);
  CHECK(*std::max_element(x.begin(), x.end()) < 1);
  CHECK(std::abs(sum / 1e6 - 0.5) < 5e-3 * std::sqrt(1.0 / 12));
  CHECK(std::abs(squares / 1e6 - 1.0 / 3) < 5e-3 * std::sqrt(4.0 / 45));
}

TEST_CASE_TEMPLATE("filling in pieces, in any order, by any number of threads: the same bits", X,
                   float, double, std::complex<float>, std::complex<double>) {
  const RandomStream stream = Rng(7).stream("noise");
  const Index n = 20011, cut = 7001;
  Array<X> whole(Shape{n}), pieces(Shape{n});
  {
    const ScopedThreads one(1);
    fill_normal<X>(whole, stream);
  }
  const ScopedThreads four(4);
  const std::uint64_t per_element = is_complex<X> ? 2 : 1;
  fill_normal<X>(View<X>(pieces.data() + cut, Shape{n - cut}), stream, per_element * cut);
  fill_normal<X>(View<X>(pieces.data(), Shape{cut}), stream);
  CHECK(distance(whole, pieces) == 0);
  if constexpr (is_complex<X>) {
    CHECK(whole[3].real() == static_cast<Real<X>>(stream.normal(6)));
    CHECK(whole[3].imag() == static_cast<Real<X>>(stream.normal(7)));
  } else {
    CHECK(whole[3] == static_cast<X>(stream.normal(3)));
  }
}

TEST_CASE("streams of other names and seeds are other numbers") {
  std::set<std::uint64_t> seen;
  const std::vector<std::string> names = {"", "a", "b", "ab", "ba", "noise", "noise/0", "noise/1"};
  for (std::uint64_t seed = 0; seed < 3; ++seed)
    for (const auto& name : names)
      for (std::uint64_t i = 0; i < 4; ++i) seen.insert(Rng(seed).stream(name).bits(i));
  CHECK(seen.size() == 3 * names.size() * 4);
  CHECK(Rng(9).stream("x").bits(77) == Rng(9).stream("x").bits(77));
}

TEST_CASE("add_normal adds sigma times the numbers of the stream") {
  const RandomStream stream = Rng(1).stream("noise");
  Array<std::complex<double>> x(Shape{2}, 1.0);
  add_normal<std::complex<double>>(x, 0.5, stream);
  CHECK(x[1].real() == doctest::Approx(1 + 0.5 * stream.normal(2)).epsilon(1e-14));
  CHECK(x[1].imag() == doctest::Approx(0.5 * stream.normal(3)).epsilon(1e-14));
}

TEST_CASE("a permutation holds every index once and every first element is as likely") {
  std::vector<int> first(5);
  for (std::uint64_t trial = 0; trial < 5000; ++trial) {
    auto order = permutation(5, Rng(trial).stream("order"));
    ++first[static_cast<std::size_t>(order[0])];
    std::sort(order.begin(), order.end());
    for (Index i = 0; i < 5; ++i) CHECK(order[static_cast<std::size_t>(i)] == i);
  }
  for (const int count : first) CHECK(std::abs(count - 1000) < 150);  // 5 standard deviations
  CHECK(permutation(0, Rng(1).stream("none")).empty());
  CHECK_THROWS_WITH_AS(permutation(-1, Rng(1).stream("none")),
                       "permutation: got a length of -1, expected >= 0", ArgumentError);
}
