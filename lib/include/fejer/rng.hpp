#pragma once
/// Counter-based random numbers: element i of a stream depends on (seed, stream name, i) only, so
/// that filling in parallel, in pieces or in another order gives the same bits.
#include <array>
#include <cstdint>
#include <string_view>
#include <vector>

#include <fejer/array.hpp>

namespace fejer {

/// Philox 4x32-10 (Salmon, Moraes, Dror, Shaw, SC 2011).
std::array<std::uint32_t, 4> philox4x32(std::array<std::uint32_t, 4> counter,
                                        std::array<std::uint32_t, 2> key);

/// Quantile of the standard normal law at p in (0,1), to about 1e-15 relative; Wichura, Applied
/// Statistics 37(3), 1988, algorithm AS 241, function PPND16.
double normal_quantile(double p);

/// One named stream of random numbers. A value: copies draw the same numbers.
class RandomStream {
 public:
  RandomStream(std::uint64_t seed, std::uint64_t stream) : seed_(seed), stream_(stream) {}
  /// The i-th 64 random bits.
  std::uint64_t bits(std::uint64_t i) const;
  /// The i-th uniform number in (0, 1), an odd multiple of 2^-53.
  double uniform(std::uint64_t i) const;
  /// The i-th standard normal number, normal_quantile(uniform(i)).
  double normal(std::uint64_t i) const;

 private:
  std::uint64_t seed_, stream_;
};

/// A seed from which named streams are drawn: adding a draw in one place shifts no other.
class Rng {
 public:
  explicit Rng(std::uint64_t seed) : seed_(seed) {}
  RandomStream stream(std::string_view name) const;

 private:
  std::uint64_t seed_;
};

/// Uniform in (0,1) / standard normal; complex: both parts independent, each of variance 1.
/// Element i takes number first + i (first + 2i, first + 2i + 1 when complex).
template <class X>
void fill_uniform(View<X> x, const RandomStream& stream, std::uint64_t first = 0);
template <class X>
void fill_normal(View<X> x, const RandomStream& stream, std::uint64_t first = 0);

/// x <- x + sigma * standard normal numbers: noise of standard deviation sigma per real component.
template <class X>
void add_normal(View<X> x, double sigma, const RandomStream& stream);

/// A random order of 0..n-1 (Fisher-Yates).
std::vector<Index> permutation(Index n, const RandomStream& stream);

}  // namespace fejer
