#include <fejer/fft.hpp>

#include <algorithm>
#include <cmath>
#include <numbers>
#include <sstream>
#include <thread>
#include <vector>

#include <doctest/doctest.h>
#include <fejer/line_fft.hpp>
#include <fejer/parallel.hpp>
#include <fejer/rng.hpp>
#include <fejer/vector.hpp>

using namespace fejer;

namespace {

template <class X>
Array<X> random_spectrum(const Shape& shape, std::uint64_t seed = 1) {
  Array<X> x(shape);
  fill_normal<X>(x, Rng(seed).stream("fft"));
  return x;
}

/// Rounding of a transform of n elements: a few eps log2(n), with a margin for naive sums.
template <class T>
double tolerance() {
  return 100 * static_cast<double>(std::numeric_limits<T>::epsilon());
}

/// The unitary DFT over all axes by its definition, axis after axis.
std::vector<std::complex<double>> naive_dft(std::vector<std::complex<double>> x,
                                            const Shape& dims) {
  Index stride = 1;
  for (int axis = dims.rank() - 1; axis >= 0; --axis) {
    const Index n = dims[axis], total = dims.size();
    std::vector<std::complex<double>> y(x.size());
    for (Index i = 0; i < total; ++i) {
      const Index k = i / stride % n;
      for (Index j = 0; j < n; ++j) {
        const double angle =
            -2 * std::numbers::pi * static_cast<double>(j * k % n) / static_cast<double>(n);
        y[static_cast<std::size_t>(i)] += x[static_cast<std::size_t>(i + (j - k) * stride)] *
                                          std::polar(1.0, angle) /
                                          std::sqrt(static_cast<double>(n));
      }
    }
    x = std::move(y);
    stride *= n;
  }
  return x;
}

std::vector<Shape> sizes() {
  std::vector<Shape> all;
  for (Index n = 1; n <= 12; ++n) all.push_back(Shape{n});
  for (const Index h : {1, 2, 5, 8})
    for (const Index w : {1, 3, 4, 9}) all.push_back(Shape{h, w});
  all.push_back(Shape{2, 3, 4});
  all.push_back(Shape{3, 2, 5});
  return all;
}

std::vector<std::string> sorted_lines(const std::string& text) {
  std::vector<std::string> lines;
  std::istringstream in(text);
  for (std::string line; std::getline(in, line);) lines.push_back(line);
  std::sort(lines.begin(), lines.end());
  return lines;
}

}  // namespace

TEST_CASE_TEMPLATE("complex transforms: the definition, the inverse, the norm", T, float, double) {
  using C = std::complex<T>;
  for (const Shape& dims : sizes()) {
    const ComplexFft<T> F(dims);
    const Array<C> x = random_spectrum<C>(dims);
    Array<C> y(dims), back(dims);
    F.forward(x, y);
    const auto expected = naive_dft({x.begin(), x.end()}, dims);
    double error = 0;
    for (Index i = 0; i < y.size(); ++i)
      error += std::norm(std::complex<double>(y[i]) - expected[static_cast<std::size_t>(i)]);
    CHECK(std::sqrt(error) <= tolerance<T>() * norm(x));
    CHECK(std::abs(norm(y) / norm(x) - 1) <= tolerance<T>());
    F.inverse(y, back);
    CHECK(distance(back, x) <= tolerance<T>() * norm(x));
  }
}

TEST_CASE_TEMPLATE("real transforms: half of the complex one, and back", T, float, double) {
  using C = std::complex<T>;
  for (const Shape& dims : sizes()) {
    const RealFft<T> F(dims);
    const Array<T> x = random_spectrum<T>(dims);
    Array<C> half(F.spectrum_dims()), full(dims);
    F.forward(x, half);
    const Array<T> zero(dims);
    const Array<C> as_complex = to_complex<T>(x, zero);
    ComplexFft<T>(dims).forward(as_complex, full);
    const Index width = dims.back(0), kept = F.spectrum_dims().back(0);
    CHECK(kept == width / 2 + 1);
    double error = 0;
    for (Index row = 0; row < dims.size() / width; ++row)
      for (Index j = 0; j < kept; ++j)
        error += std::norm(std::complex<double>(half[row * kept + j] - full[row * width + j]));
    CHECK(std::sqrt(error) <= tolerance<T>() * norm(x));
    Array<T> back(dims);
    F.inverse(half, back);
    CHECK(distance(back, x) <= tolerance<T>() * norm(x));
  }
}

TEST_CASE("by hand: a constant and a cosine") {
  const ComplexFft<double> F(Shape{4});
  Array<std::complex<double>> x(Shape{4}, 1.0), y(Shape{4});
  F.forward(x, y);
  CHECK(y[0] == 2.0);
  CHECK(y[1] == 0.0);
  x[1] = 0, x[2] = -1, x[3] = 0;  // cos(pi k / 2)
  F.forward(x, y);
  CHECK(y[0] == 0.0);
  CHECK(y[1] == 1.0);
  CHECK(y[3] == 1.0);
}

TEST_CASE_TEMPLATE("batches: the same bits as one by one, aligned or not, 1, 2 and 4 threads", T,
                   float, double) {
  using C = std::complex<T>;
  const Shape dims{15, 17};  // odd: every second transform of the batch is not aligned
  const Index batch = 12;
  const ComplexFft<T> F(dims);
  const RealFft<T> R(dims);
  const Array<C> x = random_spectrum<C>(Shape{3, 4, 15, 17});
  const Array<T> r = random_spectrum<T>(Shape{batch, 15, 17});
  Array<C> y(x.shape()), single(dims), half(Shape{batch, 15, 9});
  F.forward(x, y);
  R.forward(r, half);
  for (Index b = 0; b < batch; ++b) {
    const Array<C> one(ConstView<C>(x.data() + b * dims.size(), dims));
    F.forward(one, single);
    CHECK(distance<C>(single, ConstView<C>(y.data() + b * dims.size(), dims)) == 0);
  }
  for (const int threads : {1, 2, 4}) {
    const ScopedThreads scope(threads);
    Array<C> again(x.shape()), back(x.shape()), half_again(half.shape());
    F.forward(x, again);
    CHECK(distance(again, y) == 0);
    F.inverse(y, back);
    CHECK(distance(back, x) <= tolerance<T>() * norm(x));
    R.forward(r, half_again);
    CHECK(distance(half_again, half) == 0);
    Array<T> r_back(r.shape());
    R.inverse(half_again, r_back);
    CHECK(distance(r_back, r) <= tolerance<T>() * norm(r));
  }
  // Memory that is one element off.
  Array<C> shifted(Shape{dims.size() + 1});
  const View<C> off(shifted.data() + 1, dims);
  copy<C>(ConstView<C>(x.data(), dims), off);
  F.forward(off, single);
  CHECK(distance<C>(single, ConstView<C>(y.data(), dims)) == 0);
  F.forward(off, off);  // in place
  CHECK(distance<C>(off, ConstView<C>(y.data(), dims)) == 0);
}

TEST_CASE("the input of a forward transform is left alone") {
  const Array<double> x = random_spectrum<double>(Shape{6, 10});
  Array<double> before(x);
  Array<std::complex<double>> y(Shape{6, 6});
  RealFft<double>(Shape{6, 10}).forward(x, y);
  CHECK(distance(before, x) == 0);
  const auto z = random_spectrum<std::complex<double>>(Shape{6, 10});
  Array<std::complex<double>> z_before(z), w(z.shape());
  ComplexFft<double>(Shape{6, 10}).inverse(z, w);
  CHECK(distance(z_before, z) == 0);
}

TEST_CASE("plans may be made and used by several threads at once") {
  const Shape shared_dims{12, 20};
  const ComplexFft<double> shared(shared_dims);
  const auto x = random_spectrum<std::complex<double>>(shared_dims);
  Array<std::complex<double>> expected(shared_dims);
  shared.forward(x, expected);
  std::vector<int> wrong(6);
  std::vector<std::thread> threads;
  for (std::size_t t = 0; t < wrong.size(); ++t)
    threads.emplace_back([&, t] {
      for (Index k = 0; k < 30; ++k) {
        const Shape own{3 + k, 4 + static_cast<Index>(t)};
        const auto a = random_spectrum<std::complex<double>>(own);
        Array<std::complex<double>> b(own), c(own), y(shared_dims);
        const ComplexFft<double> F(own);
        F.forward(a, b);
        F.inverse(b, c);
        shared.forward(x, y);
        if (distance(c, a) > 1e-13 * norm(a) || distance(y, expected) != 0) ++wrong[t];
      }
    });
  for (auto& thread : threads) thread.join();
  for (const int count : wrong) CHECK(count == 0);
}

TEST_CASE("an estimated plan does not depend on what was measured before") {
  using C = std::complex<double>;
  const Shape dims{1, 360};
  const auto x = random_spectrum<C>(dims);
  Array<C> before(dims), after(dims), measured(dims), replayed(dims);
  ComplexFft<double>(Shape{360}).forward(x, before);
  set_fft_planning(FftPlanning::measure);
  ComplexFft<double>(Shape{360}).forward(x, measured);
  ComplexFft<double>(Shape{2, 90});
  const std::string wisdom = export_fft_wisdom<double>();
  set_fft_planning(FftPlanning::estimate);
  CHECK(wisdom.find("fftw") != std::string::npos);
  CHECK(distance(measured, before) <= 1e-13 * norm(x));
  ComplexFft<double>(Shape{3, 90});  // made while wisdom of (2,90) is known
  CHECK(sorted_lines(export_fft_wisdom<double>()) == sorted_lines(wisdom));
  ComplexFft<double>(Shape{360}).forward(x, after);
  CHECK(distance(after, before) == 0);
  CHECK_NOTHROW(import_fft_wisdom<double>(wisdom));
  CHECK_THROWS_AS(import_fft_wisdom<double>("nonsense"), FormatError);
  CHECK_THROWS_AS(import_fft_wisdom<float>(wisdom), FormatError);
}

TEST_CASE_TEMPLATE("lines and columns: the same bits wherever they lie, and the filter", T, float,
                   double) {
  using C = std::complex<T>;
  for (const Index n : {1, 2, 3, 8, 17, 30})
    for (const Index columns : {1, 2, 7, 8, 19}) {
      const LineFft<T> F(n);
      const Index stride = columns + 3;
      const Array<C> plane = random_spectrum<C>(Shape{n, stride});
      const Array<C> multiplier = random_spectrum<C>(Shape{stride, n}, 2);
      const Array<T> real = random_spectrum<T>(Shape{stride, n}, 3);
      Array<C> forward(plane), back, filtered(plane), conjugate(plane), scaled(plane);
      F.forward_columns(forward.data(), stride, 2, 2 + columns, T(1));
      back = forward;
      F.inverse_columns(back.data(), stride, 2, 2 + columns, T(0.5));
      F.filter_columns(filtered.data(), stride, 2, 2 + columns, multiplier.data(), T(2));
      F.filter_columns(conjugate.data(), stride, 2, 2 + columns, multiplier.data(), T(2), true);
      F.filter_columns(scaled.data(), stride, 2, 2 + columns, real.data(), T(2));
      for (Index c = 0; c < stride; ++c) {
        Array<C> line(Shape{n}), a(Shape{n}), b(Shape{n});
        Array<C> by_m(Shape{n}), by_conjugate(Shape{n}), by_real(Shape{n});
        for (Index i = 0; i < n; ++i) line[i] = plane[i * stride + c];
        const bool inside = c >= 2 && c < 2 + columns;
        F.forward(line.data(), a.data());
        for (Index i = 0; i < n; ++i) {
          REQUIRE(forward[i * stride + c] == (inside ? a[i] : line[i]));
          const T half = inside ? T(0.5) * static_cast<T>(n) : T(1);
          REQUIRE(std::abs(back[i * stride + c] - half * line[i]) <= tolerance<T>() * T(n));
          by_m[i] = T(2) * multiplier[c * n + i] * a[i];
          by_conjugate[i] = T(2) * std::conj(multiplier[c * n + i]) * a[i];
          by_real[i] = T(2) * real[c * n + i] * a[i];
        }
        const auto compare = [&](const Array<C>& product, const Array<C>& got) {
          F.inverse(product.data(), b.data());
          double error = 0;
          for (Index i = 0; i < n; ++i)
            error +=
                static_cast<double>(std::norm(got[i * stride + c] - (inside ? b[i] : line[i])));
          REQUIRE(std::sqrt(error) <= tolerance<T>() * (norm(b) + 1));
        };
        compare(by_m, filtered);
        compare(by_conjugate, conjugate);
        compare(by_real, scaled);
        F.forward(line.data(), line.data());  // in place
        REQUIRE(distance(line, a) == 0);
      }
    }
  CHECK_THROWS_WITH_AS(LineFft<T>(0), "LineFft: got the length 0, expected 1 to 2147483647",
                       ShapeError);
}

TEST_CASE_TEMPLATE("filter: transform, product, inverse; any number of threads", T, float, double) {
  using C = std::complex<T>;
  for (const Shape& dims :
       {Shape{1, 1}, Shape{1, 6}, Shape{5, 1}, Shape{15, 17}, Shape{200, 130}}) {
    const RealFft<T> F(dims);
    const Index H = dims[0], half = F.spectrum_dims()[1];
    const Array<T> x = random_spectrum<T>(Shape{3, dims[0], dims[1]});
    const Array<C> m = random_spectrum<C>(Shape{half, H}, 2);
    const Array<T> power = random_spectrum<T>(Shape{half, H}, 3);
    Array<C> spectrum(Shape{3, H, half}), conjugate, scaled;
    F.forward(x, spectrum);
    conjugate = spectrum;
    scaled = spectrum;
    for (Index i = 0; i < spectrum.size(); ++i) {
      const Index at = i % half * H + i / half % H;
      spectrum[i] *= m[at];
      conjugate[i] *= std::conj(m[at]);
      scaled[i] *= power[at];
    }
    Array<T> expected(x.shape()), got(x.shape()), again(x.shape());
    F.inverse(spectrum, expected);
    F.filter(x, ConstView<C>(m), got);
    CHECK(distance(got, expected) <= tolerance<T>() * norm(expected));
    {
      const ScopedThreads scope(1);
      Array<T> place(x);
      F.filter(place, ConstView<C>(m), place);  // in place
      CHECK(distance(place, got) == 0);
    }
    F.inverse(conjugate, expected);
    F.filter(x, ConstView<C>(m), again, true);
    CHECK(distance(again, expected) <= tolerance<T>() * norm(expected));
    F.inverse(scaled, expected);
    F.filter(x, ConstView<T>(power), again);
    CHECK(distance(again, expected) <= tolerance<T>() * norm(expected));
  }
  const RealFft<T> line(Shape{4});
  Array<T> x(Shape{4}), y(Shape{4});
  const Array<T> m(Shape{3, 1});
  CHECK_THROWS_WITH_AS(line.filter(x, ConstView<T>(m), y),
                       "RealFft::filter: got the dimensions (4), expected two of them", ShapeError);
}

TEST_CASE("shifts, odd and even") {
  Array<double> x(Shape{1, 3}), y(Shape{1, 3});
  x[0] = 0, x[1] = 1, x[2] = 2;
  fftshift2<double>(x, y);
  CHECK(y[0] == 2);
  CHECK(y[1] == 0);  // index 0 moves to the centre, floor(3/2)
  CHECK(y[2] == 1);
  ifftshift2<double>(x, y);
  CHECK(y[0] == 1);  // the centre moves to index 0
  CHECK(y[1] == 2);
  CHECK(y[2] == 0);
  for (const Index h : {1, 2, 5, 6})
    for (const Index w : {1, 3, 4}) {
      const auto a = random_spectrum<std::complex<float>>(Shape{2, h, w});
      Array<std::complex<float>> b(a.shape()), c(a.shape());
      fftshift2<std::complex<float>>(a, b);
      CHECK(b.slice(1)[(h / 2) * w + w / 2] == a.slice(1)[0]);
      ifftshift2<std::complex<float>>(b, c);
      CHECK(distance(a, c) == 0);
    }
  Array<double> flat(Shape{4}), flat_out(Shape{4});
  CHECK_THROWS_WITH_AS(fftshift2<double>(flat, flat_out),
                       "fftshift2: got (4), expected two axes or more", ShapeError);
}

TEST_CASE("misuse is refused") {
  CHECK_THROWS_WITH_AS(ComplexFft<double>(Shape{4, 0}),
                       "ComplexFft: got the dimensions (4,0), expected 1 to 3 positive lengths",
                       ShapeError);
  CHECK_THROWS_AS(RealFft<float>(Shape{}), ShapeError);
  CHECK_THROWS_AS(RealFft<float>(Shape{1, 1, 1, 1}), ShapeError);
  const ComplexFft<double> F(Shape{4, 4});
  Array<std::complex<double>> x(Shape{2, 4, 4}), y(Shape{4, 4}), z(Shape{4, 5});
  CHECK_THROWS_WITH_AS(F.forward(x, y), "ComplexFft::forward: got (), expected (2)", ShapeError);
  CHECK_THROWS_WITH_AS(F.forward(z, y),
                       "ComplexFft::forward: got (4,5), expected the last axes to be (4,4)",
                       ShapeError);
  Array<std::complex<double>> empty(Shape{0, 4, 4}), empty_out(Shape{0, 4, 4});
  CHECK_NOTHROW(F.forward(empty, empty_out));
}
