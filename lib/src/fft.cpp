#include <fejer/fft.hpp>

#include <algorithm>
#include <climits>
#include <cmath>
#include <map>
#include <mutex>
#include <tuple>
#include <vector>

#include <fftw3.h>
#include <fejer/parallel.hpp>

namespace fejer {
namespace {

/// The two precisions of FFTW under one name.
template <class T>
struct Fftw;
template <>
struct Fftw<float> {
  using Complex = fftwf_complex;
  using Plan = fftwf_plan;
  static constexpr auto plan_c2c = fftwf_plan_dft;
  static constexpr auto plan_r2c = fftwf_plan_dft_r2c;
  static constexpr auto plan_c2r = fftwf_plan_dft_c2r;
  static constexpr auto execute_c2c = fftwf_execute_dft;
  static constexpr auto execute_r2c = fftwf_execute_dft_r2c;
  static constexpr auto execute_c2r = fftwf_execute_dft_c2r;
  static constexpr auto alignment_of = fftwf_alignment_of;
  static constexpr auto export_wisdom = fftwf_export_wisdom_to_string;
  static constexpr auto import_wisdom = fftwf_import_wisdom_from_string;
  static constexpr auto forget_wisdom = fftwf_forget_wisdom;
};
template <>
struct Fftw<double> {
  using Complex = fftw_complex;
  using Plan = fftw_plan;
  static constexpr auto plan_c2c = fftw_plan_dft;
  static constexpr auto plan_r2c = fftw_plan_dft_r2c;
  static constexpr auto plan_c2r = fftw_plan_dft_c2r;
  static constexpr auto execute_c2c = fftw_execute_dft;
  static constexpr auto execute_r2c = fftw_execute_dft_r2c;
  static constexpr auto execute_c2r = fftw_execute_dft_c2r;
  static constexpr auto alignment_of = fftw_alignment_of;
  static constexpr auto export_wisdom = fftw_export_wisdom_to_string;
  static constexpr auto import_wisdom = fftw_import_wisdom_from_string;
  static constexpr auto forget_wisdom = fftw_forget_wisdom;
};

enum class Kind { forward, inverse, real_forward, real_inverse };

/// Planning is not re-entrant: one lock for every call but execution. Never destroyed, so that
/// transforms may be made and used while static objects go away.
struct Planner {
  std::mutex lock;
  FftPlanning planning = FftPlanning::estimate;
};
Planner& planner() {
  static Planner& instance = *new Planner;
  return instance;
}

/// Plans are kept for the life of the process (see Planner).
template <class T>
struct Cache {
  using Key = std::tuple<FftPlanning, Kind, std::vector<int>>;
  std::map<Key, typename Fftw<T>::Plan> plans;
  static Cache& instance() {
    static Cache& cache = *new Cache;
    return cache;
  }
};

template <class T>
std::string wisdom() {
  const std::unique_ptr<char, void (*)(void*)> text(Fftw<T>::export_wisdom(), std::free);
  return text == nullptr ? std::string() : std::string(text.get());
}

/// An estimated plan must not depend on what was measured before, so it is made without wisdom.
template <class T>
class WithoutWisdom {
 public:
  explicit WithoutWisdom(bool active) : active_(active) {
    if (!active_) return;
    saved_ = wisdom<T>();
    Fftw<T>::forget_wisdom();
  }
  ~WithoutWisdom() {
    if (!active_) return;
    Fftw<T>::forget_wisdom();
    Fftw<T>::import_wisdom(saved_.c_str());
  }
  WithoutWisdom(const WithoutWisdom&) = delete;
  WithoutWisdom& operator=(const WithoutWisdom&) = delete;

 private:
  bool active_;
  std::string saved_;
};

Shape half_spectrum(const Shape& dims) {
  Shape half(dims.begin(), dims.end() - 1);
  half.push_back(dims.back(0) / 2 + 1);
  return half;
}

template <class T>
typename Fftw<T>::Plan make_plan(Kind kind, const Shape& dims, FftPlanning planning) {
  using Api = Fftw<T>;
  const std::vector<int> n(dims.begin(), dims.end());
  const int rank = dims.rank();
  const bool real = kind == Kind::real_forward || kind == Kind::real_inverse;
  Array<std::complex<T>> a(real ? half_spectrum(dims) : dims);
  Array<std::complex<T>> b(dims);  // large enough as the real side, too
  auto* in = reinterpret_cast<typename Api::Complex*>(a.data());
  auto* out = reinterpret_cast<typename Api::Complex*>(b.data());
  auto* signal = reinterpret_cast<T*>(b.data());
  const unsigned flags = planning == FftPlanning::measure ? FFTW_MEASURE : FFTW_ESTIMATE;
  const WithoutWisdom<T> fresh(planning == FftPlanning::estimate);
  switch (kind) {
    case Kind::forward:
      return Api::plan_c2c(rank, n.data(), in, out, FFTW_FORWARD, flags | FFTW_PRESERVE_INPUT);
    case Kind::inverse:
      return Api::plan_c2c(rank, n.data(), in, out, FFTW_BACKWARD, flags | FFTW_PRESERVE_INPUT);
    case Kind::real_forward:
      return Api::plan_r2c(rank, n.data(), signal, in, flags | FFTW_PRESERVE_INPUT);
    default:
      return Api::plan_c2r(rank, n.data(), in, signal, flags | FFTW_DESTROY_INPUT);
  }
}

template <class T>
typename Fftw<T>::Plan find_plan(Kind kind, const Shape& dims) {
  Planner& shared = planner();
  const std::lock_guard guard(shared.lock);
  auto& plans = Cache<T>::instance().plans;
  const typename Cache<T>::Key key(shared.planning, kind, {dims.begin(), dims.end()});
  const auto found = plans.find(key);
  if (found != plans.end()) return found->second;
  const auto plan = make_plan<T>(kind, dims, shared.planning);
  if (plan == nullptr)
    throw ArgumentError("fft: FFTW has no plan for the dimensions " + to_string(dims));
  plans.emplace(key, plan);
  return plan;
}

void require_dims(const char* where, const Shape& dims) {
  bool good = dims.rank() >= 1 && dims.rank() <= 3;
  for (const Index n : dims) good = good && n >= 1 && n <= INT_MAX;
  if (!good)
    throw ShapeError(std::string(where) + ": got the dimensions " + to_string(dims) +
                     ", expected 1 to 3 positive lengths");
}

/// Number of transforms in an array whose last axes are dims; throws where they are not.
Index batch_size(const char* where, const Shape& shape, const Shape& dims) {
  const int leading = shape.rank() - dims.rank();
  if (leading < 0 || !(Shape(shape.begin() + leading, shape.end()) == dims))
    throw ShapeError(std::string(where) + ": got " + to_string(shape) +
                     ", expected the last axes to be " + to_string(dims));
  return Shape(shape.begin(), shape.begin() + leading).size();
}

Index require_batches(const char* where, const Shape& in, const Shape& in_dims, const Shape& out,
                      const Shape& out_dims) {
  const Index n = batch_size(where, in, in_dims);
  batch_size(where, out, out_dims);
  const Shape leading_in(in.begin(), in.end() - in_dims.rank());
  const Shape leading_out(out.begin(), out.end() - out_dims.rank());
  require_shape(where, leading_out, leading_in);
  return n;
}

template <class T>
bool aligned(const void* p) {
  return Fftw<T>::alignment_of(static_cast<T*>(const_cast<void*>(p))) == 0;
}

/// Runs `execute(in, out)` on every transform of a batch, then scales. Plans expect aligned memory:
/// transforms that are not (odd sizes) go through an aligned copy, and so get the same bits. So do
/// transforms in place, which the plans are not made for.
template <class T, class In, class Out, class Execute>
void run_batch(Index batch, const In* in, Index in_size, Out* out, Index out_size, T factor,
               Execute execute) {
  const Index grain = std::max<Index>(1, 16384 / std::max(in_size, out_size));
  parallel_for(batch, grain, [=](Index begin, Index end) {
    Array<In> in_copy;
    Array<Out> out_copy;
    for (Index b = begin; b < end; ++b) {
      const In* source = in + b * in_size;
      Out* target = out + b * out_size;
      const bool in_place = static_cast<const void*>(source) == target;
      if (in_place || !aligned<T>(source)) {
        if (in_copy.size() == 0) in_copy = Array<In>(Shape{in_size});
        std::copy(source, source + in_size, in_copy.data());
        source = in_copy.data();
      }
      Out* result = target;
      if (!aligned<T>(target)) {
        if (out_copy.size() == 0) out_copy = Array<Out>(Shape{out_size});
        result = out_copy.data();
      }
      execute(const_cast<In*>(source), result);
      const T* from = reinterpret_cast<const T*>(result);
      T* to = reinterpret_cast<T*>(target);
      const Index reals = out_size * static_cast<Index>(sizeof(Out) / sizeof(T));
      for (Index i = 0; i < reals; ++i) to[i] = factor * from[i];
    }
  });
}

template <class T>
T unitary_factor(const Shape& dims) {
  return static_cast<T>(1 / std::sqrt(static_cast<double>(dims.size())));
}

template <class T>
typename Fftw<T>::Complex* raw(std::complex<T>* p) {
  return reinterpret_cast<typename Fftw<T>::Complex*>(p);
}

}  // namespace

void set_fft_planning(FftPlanning planning) {
  const std::lock_guard guard(planner().lock);
  planner().planning = planning;
}

template <class T>
std::string export_fft_wisdom() {
  const std::lock_guard guard(planner().lock);
  return wisdom<T>();
}

template <class T>
void import_fft_wisdom(const std::string& text) {
  const std::lock_guard guard(planner().lock);
  if (Fftw<T>::import_wisdom(text.c_str()) == 0)
    throw FormatError(
        "import_fft_wisdom: the text is not FFTW wisdom of this version and precision; "
        "measure again");
}

template <class T>
struct ComplexFft<T>::Plans {
  Shape dims;
  typename Fftw<T>::Plan forward, inverse;
};

template <class T>
ComplexFft<T>::ComplexFft(const Shape& dims) {
  require_dims("ComplexFft", dims);
  plans_ = std::make_shared<const Plans>(
      Plans{dims, find_plan<T>(Kind::forward, dims), find_plan<T>(Kind::inverse, dims)});
}

template <class T>
const Shape& ComplexFft<T>::dims() const {
  return plans_->dims;
}

template <class T>
void ComplexFft<T>::forward(ConstView<std::complex<T>> x, View<std::complex<T>> y) const {
  const Shape& d = dims();
  const Index batch = require_batches("ComplexFft::forward", x.shape(), d, y.shape(), d);
  run_batch<T>(batch, x.data(), d.size(), y.data(), d.size(), unitary_factor<T>(d),
               [plan = plans_->forward](std::complex<T>* in, std::complex<T>* out) {
                 Fftw<T>::execute_c2c(plan, raw(in), raw(out));
               });
}

template <class T>
void ComplexFft<T>::inverse(ConstView<std::complex<T>> y, View<std::complex<T>> x) const {
  const Shape& d = dims();
  const Index batch = require_batches("ComplexFft::inverse", y.shape(), d, x.shape(), d);
  run_batch<T>(batch, y.data(), d.size(), x.data(), d.size(), unitary_factor<T>(d),
               [plan = plans_->inverse](std::complex<T>* in, std::complex<T>* out) {
                 Fftw<T>::execute_c2c(plan, raw(in), raw(out));
               });
}

template <class T>
struct RealFft<T>::Plans {
  Shape dims, spectrum;
  typename Fftw<T>::Plan forward, inverse;
};

template <class T>
RealFft<T>::RealFft(const Shape& dims) {
  require_dims("RealFft", dims);
  plans_ = std::make_shared<const Plans>(Plans{dims, half_spectrum(dims),
                                               find_plan<T>(Kind::real_forward, dims),
                                               find_plan<T>(Kind::real_inverse, dims)});
}

template <class T>
const Shape& RealFft<T>::dims() const {
  return plans_->dims;
}

template <class T>
Shape RealFft<T>::spectrum_dims() const {
  return plans_->spectrum;
}

template <class T>
void RealFft<T>::forward(ConstView<T> x, View<std::complex<T>> y) const {
  const Shape &d = dims(), &s = plans_->spectrum;
  const Index batch = require_batches("RealFft::forward", x.shape(), d, y.shape(), s);
  run_batch<T>(batch, x.data(), d.size(), y.data(), s.size(), unitary_factor<T>(d),
               [plan = plans_->forward](T* in, std::complex<T>* out) {
                 Fftw<T>::execute_r2c(plan, in, raw(out));
               });
}

template <class T>
void RealFft<T>::inverse(View<std::complex<T>> y, View<T> x) const {
  const Shape &d = dims(), &s = plans_->spectrum;
  const Index batch = require_batches("RealFft::inverse", y.shape(), s, x.shape(), d);
  run_batch<T>(batch, y.data(), s.size(), x.data(), d.size(), unitary_factor<T>(d),
               [plan = plans_->inverse](std::complex<T>* in, T* out) {
                 Fftw<T>::execute_c2r(plan, raw(in), out);
               });
}

namespace {

/// y[(i + rows) mod H, (j + columns) mod W] = x[i, j] in the last two axes.
template <class X>
void cyclic_shift(const char* where, ConstView<X> x, View<X> y, bool half_down) {
  require_shape(where, y.shape(), x.shape());
  if (x.shape().rank() < 2)
    throw ShapeError(std::string(where) + ": got " + to_string(x.shape()) +
                     ", expected two axes or more");
  const Index height = x.shape().back(1), width = x.shape().back(0);
  if (x.size() == 0) return;
  const Index down = half_down ? height / 2 : height - height / 2;
  const Index right = half_down ? width / 2 : width - width / 2;
  parallel_for(x.size() / width, std::max<Index>(1, 32768 / width), [=](Index begin, Index end) {
    for (Index row = begin; row < end; ++row) {
      const Index i = row % height;
      const X* from = x.data() + row * width;
      X* to = y.data() + (row - i + (i + down) % height) * width;
      std::rotate_copy(from, from + (width - right) % width, from + width, to);
    }
  });
}

}  // namespace

template <class X>
void fftshift2(ConstView<X> x, View<X> y) {
  cyclic_shift("fftshift2", x, y, true);
}
template <class X>
void ifftshift2(ConstView<X> x, View<X> y) {
  cyclic_shift("ifftshift2", x, y, false);
}

template class ComplexFft<float>;
template class RealFft<float>;
template std::string export_fft_wisdom<float>();
template void import_fft_wisdom<float>(const std::string&);
template class ComplexFft<double>;
template class RealFft<double>;
template std::string export_fft_wisdom<double>();
template void import_fft_wisdom<double>(const std::string&);
template void fftshift2<float>(ConstView<float>, View<float>);
template void ifftshift2<float>(ConstView<float>, View<float>);
template void fftshift2<double>(ConstView<double>, View<double>);
template void ifftshift2<double>(ConstView<double>, View<double>);
template void fftshift2<std::complex<float>>(ConstView<std::complex<float>>,
                                             View<std::complex<float>>);
template void ifftshift2<std::complex<float>>(ConstView<std::complex<float>>,
                                              View<std::complex<float>>);
template void fftshift2<std::complex<double>>(ConstView<std::complex<double>>,
                                              View<std::complex<double>>);
template void ifftshift2<std::complex<double>>(ConstView<std::complex<double>>,
                                               View<std::complex<double>>);

}  // namespace fejer
