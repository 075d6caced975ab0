#include <fejer/rng.hpp>

#include <algorithm>
#include <cmath>
#include <numeric>

#include <fejer/parallel.hpp>
#include <fejer/vector.hpp>

namespace fejer {
namespace {

constexpr Index grain = 4096;

std::uint32_t low(std::uint64_t x) { return static_cast<std::uint32_t>(x); }
std::uint32_t high(std::uint64_t x) { return static_cast<std::uint32_t>(x >> 32); }

/// Odd multiples of 2^-53: exact in double, symmetric about 1/2, never 0 or 1.
double to_uniform(std::uint64_t bits) { return (static_cast<double>(bits >> 12) + 0.5) * 0x1p-52; }

/// num(r) / den(r) of degree 7, coefficients from the constant term up, den's constant term 1.
double rational(double r, const double (&num)[8], const double (&den)[7]) {
  double p = num[7], q = den[6];
  for (int k = 6; k >= 0; --k) p = p * r + num[k];
  for (int k = 5; k >= 0; --k) q = q * r + den[k];
  return p / (q * r + 1);
}

/// Draws the numbers first .. first + n - 1 of a stream, element by element.
template <class X, class Draw>
void fill_with(View<X> x, std::uint64_t first, Draw draw) {
  const auto at = [=](Index i) { return first + static_cast<std::uint64_t>(i); };
  parallel_for(x.size(), grain, [=](Index begin, Index end) {
    for (Index i = begin; i < end; ++i) {
      if constexpr (is_complex<X>) {
        x[i] = {draw(at(2 * i)), draw(at(2 * i + 1))};
      } else {
        x[i] = draw(at(i));
      }
    }
  });
}

}  // namespace

std::array<std::uint32_t, 4> philox4x32(std::array<std::uint32_t, 4> counter,
                                        std::array<std::uint32_t, 2> key) {
  for (int round = 0; round < 10; ++round) {
    const std::uint64_t p0 = std::uint64_t{0xD2511F53} * counter[0];
    const std::uint64_t p1 = std::uint64_t{0xCD9E8D57} * counter[2];
    counter = {high(p1) ^ counter[1] ^ key[0], low(p1), high(p0) ^ counter[3] ^ key[1], low(p0)};
    key[0] += 0x9E3779B9;
    key[1] += 0xBB67AE85;
  }
  return counter;
}

double normal_quantile(double p) {
  static constexpr double a[8] = {3.3871328727963666080e0, 1.3314166789178437745e2,
                                  1.9715909503065514427e3, 1.3731693765509461125e4,
                                  4.5921953931549871457e4, 6.7265770927008700853e4,
                                  3.3430575583588128105e4, 2.5090809287301226727e3};
  static constexpr double b[7] = {4.2313330701600911252e1, 6.8718700749205790830e2,
                                  5.3941960214247511077e3, 2.1213794301586595867e4,
                                  3.9307895800092710610e4, 2.8729085735721942674e4,
                                  5.2264952788528545610e3};
  static constexpr double c[8] = {1.42343711074968357734e0,  4.63033784615654529590e0,
                                  5.76949722146069140550e0,  3.64784832476320460504e0,
                                  1.27045825245236838258e0,  2.41780725177450611770e-1,
                                  2.27238449892691845833e-2, 7.74545014278341407640e-4};
  static constexpr double d[7] = {2.05319162663775882187e0,  1.67638483018380384940e0,
                                  6.89767334985100004550e-1, 1.48103976427480074590e-1,
                                  1.51986665636164571966e-2, 5.47593808499534494600e-4,
                                  1.05075007164441684324e-9};
  static constexpr double e[8] = {6.65790464350110377720e0,  5.46378491116411436990e0,
                                  1.78482653991729133580e0,  2.96560571828504891230e-1,
                                  2.65321895265761230930e-2, 1.24266094738807843860e-3,
                                  2.71155556874348757815e-5, 2.01033439929228813265e-7};
  static constexpr double f[7] = {5.99832206555887937690e-1, 1.36929880922735805310e-1,
                                  1.48753612908506148525e-2, 7.86869131145613259100e-4,
                                  1.84631831751005468180e-5, 1.42151175831644588870e-7,
                                  2.04426310338993978564e-15};
  const double q = p - 0.5;
  if (std::abs(q) <= 0.425) return q * rational(0.180625 - q * q, a, b);
  const double r = std::sqrt(-std::log(q < 0 ? p : 1 - p));
  const double z = r <= 5 ? rational(r - 1.6, c, d) : rational(r - 5, e, f);
  return q < 0 ? -z : z;
}

std::uint64_t RandomStream::bits(std::uint64_t i) const {
  const std::uint64_t block = i / 2;
  const auto word =
      philox4x32({low(block), high(block), low(stream_), high(stream_)}, {low(seed_), high(seed_)});
  const std::size_t half = i % 2 == 0 ? 0 : 2;
  return std::uint64_t{word[half]} | std::uint64_t{word[half + 1]} << 32;
}

double RandomStream::uniform(std::uint64_t i) const { return to_uniform(bits(i)); }

double RandomStream::normal(std::uint64_t i) const { return normal_quantile(uniform(i)); }

RandomStream Rng::stream(std::string_view name) const {
  std::uint64_t hash = 0xcbf29ce484222325;  // FNV-1a, 64 bit
  for (const char c : name) hash = (hash ^ static_cast<unsigned char>(c)) * 0x100000001b3;
  // Finaliser of SplitMix64, so that similar names give unrelated streams.
  hash = (hash ^ (hash >> 30)) * 0xbf58476d1ce4e5b9;
  hash = (hash ^ (hash >> 27)) * 0x94d049bb133111eb;
  return {seed_, hash ^ (hash >> 31)};
}

template <class X>
void fill_uniform(View<X> x, const RandomStream& stream, std::uint64_t first) {
  using T = Real<X>;
  fill_with(x, first, [=](std::uint64_t i) {
    // Rounding to float must not reach 1.
    return std::min(static_cast<T>(stream.uniform(i)), std::nextafter(T(1), T(0)));
  });
}

template <class X>
void fill_normal(View<X> x, const RandomStream& stream, std::uint64_t first) {
  fill_with(x, first, [=](std::uint64_t i) { return static_cast<Real<X>>(stream.normal(i)); });
}

template <class X>
void add_normal(View<X> x, double sigma, const RandomStream& stream) {
  Array<X> noise(x.shape());
  fill_normal<X>(noise, stream);
  axpy<X>(static_cast<Real<X>>(sigma), noise, x);
}

std::vector<Index> permutation(Index n, const RandomStream& stream) {
  if (n < 0)
    throw ArgumentError("permutation: got a length of " + std::to_string(n) + ", expected >= 0");
  std::vector<Index> order(static_cast<std::size_t>(n));
  std::iota(order.begin(), order.end(), Index{0});
  for (Index i = n - 1; i > 0; --i) {
    const double u = stream.uniform(static_cast<std::uint64_t>(i));
    const Index j = std::min(i, static_cast<Index>(u * static_cast<double>(i + 1)));
    std::swap(order[static_cast<std::size_t>(i)], order[static_cast<std::size_t>(j)]);
  }
  return order;
}

template void fill_uniform<float>(View<float>, const RandomStream&, std::uint64_t);
template void fill_uniform<double>(View<double>, const RandomStream&, std::uint64_t);
template void fill_uniform<std::complex<float>>(View<std::complex<float>>, const RandomStream&,
                                                std::uint64_t);
template void fill_uniform<std::complex<double>>(View<std::complex<double>>, const RandomStream&,
                                                 std::uint64_t);
template void fill_normal<float>(View<float>, const RandomStream&, std::uint64_t);
template void fill_normal<double>(View<double>, const RandomStream&, std::uint64_t);
template void fill_normal<std::complex<float>>(View<std::complex<float>>, const RandomStream&,
                                               std::uint64_t);
template void fill_normal<std::complex<double>>(View<std::complex<double>>, const RandomStream&,
                                                std::uint64_t);
template void add_normal<float>(View<float>, double, const RandomStream&);
template void add_normal<double>(View<double>, double, const RandomStream&);
template void add_normal<std::complex<float>>(View<std::complex<float>>, double,
                                              const RandomStream&);
template void add_normal<std::complex<double>>(View<std::complex<double>>, double,
                                               const RandomStream&);

}  // namespace fejer
