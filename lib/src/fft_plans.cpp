#include "fft_plans.hpp"

#include <cstdlib>
#include <map>
#include <memory>
#include <mutex>
#include <string>
#include <tuple>

#include <fftw3.h>
#include <fejer/fft.hpp>

namespace fejer {
namespace {

using detail::LineKind;

/// The two precisions of FFTW under one name.
template <class T>
struct Fftw;
template <>
struct Fftw<float> {
  using Complex = fftwf_complex;
  using Plan = fftwf_plan;
  static constexpr auto plan_c2c = fftwf_plan_dft_1d;
  static constexpr auto plan_r2c = fftwf_plan_dft_r2c_1d;
  static constexpr auto plan_c2r = fftwf_plan_dft_c2r_1d;
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
  static constexpr auto plan_c2c = fftw_plan_dft_1d;
  static constexpr auto plan_r2c = fftw_plan_dft_r2c_1d;
  static constexpr auto plan_c2r = fftw_plan_dft_c2r_1d;
  static constexpr auto execute_c2c = fftw_execute_dft;
  static constexpr auto execute_r2c = fftw_execute_dft_r2c;
  static constexpr auto execute_c2r = fftw_execute_dft_c2r;
  static constexpr auto alignment_of = fftw_alignment_of;
  static constexpr auto export_wisdom = fftw_export_wisdom_to_string;
  static constexpr auto import_wisdom = fftw_import_wisdom_from_string;
  static constexpr auto forget_wisdom = fftw_forget_wisdom;
};

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
  using Key = std::tuple<FftPlanning, LineKind, Index>;
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

template <class T>
typename Fftw<T>::Complex* raw(const std::complex<T>* p) {
  return reinterpret_cast<typename Fftw<T>::Complex*>(const_cast<std::complex<T>*>(p));
}

template <class T>
typename Fftw<T>::Plan make_plan(LineKind kind, Index length, FftPlanning planning) {
  using Api = Fftw<T>;
  Array<std::complex<T>> a(Shape{length}), b(Shape{length});
  auto* in = raw<T>(a.data());
  auto* out = raw<T>(b.data());
  auto* signal = reinterpret_cast<T*>(b.data());
  const int n = static_cast<int>(length);
  const unsigned flags = planning == FftPlanning::measure ? FFTW_MEASURE : FFTW_ESTIMATE;
  const WithoutWisdom<T> fresh(planning == FftPlanning::estimate);
  switch (kind) {
    case LineKind::forward:
      return Api::plan_c2c(n, in, out, FFTW_FORWARD, flags | FFTW_PRESERVE_INPUT);
    case LineKind::inverse:
      return Api::plan_c2c(n, in, out, FFTW_BACKWARD, flags | FFTW_PRESERVE_INPUT);
    case LineKind::real_forward:
      return Api::plan_r2c(n, signal, in, flags | FFTW_PRESERVE_INPUT);
    default:
      return Api::plan_c2r(n, in, signal, flags | FFTW_DESTROY_INPUT);
  }
}

template <class T>
typename Fftw<T>::Plan find_plan(LineKind kind, Index n) {
  Planner& shared = planner();
  const std::lock_guard guard(shared.lock);
  auto& plans = Cache<T>::instance().plans;
  const typename Cache<T>::Key key(shared.planning, kind, n);
  const auto found = plans.find(key);
  if (found != plans.end()) return found->second;
  const auto plan = make_plan<T>(kind, n, shared.planning);
  if (plan == nullptr)
    throw ArgumentError("fft: FFTW has no plan for the length " + std::to_string(n));
  plans.emplace(key, plan);
  return plan;
}

}  // namespace

namespace detail {

template <class T>
LinePlan<T>::LinePlan(LineKind kind, Index n) : length_(n), plan_(find_plan<T>(kind, n)) {}

template <class T>
void LinePlan<T>::forward_or_inverse(const C* in, C* out) const {
  Fftw<T>::execute_c2c(static_cast<typename Fftw<T>::Plan>(plan_), raw<T>(in), raw<T>(out));
}
template <class T>
void LinePlan<T>::real_forward(const T* in, C* out) const {
  Fftw<T>::execute_r2c(static_cast<typename Fftw<T>::Plan>(plan_), const_cast<T*>(in), raw<T>(out));
}
template <class T>
void LinePlan<T>::real_inverse(C* in, T* out) const {
  Fftw<T>::execute_c2r(static_cast<typename Fftw<T>::Plan>(plan_), raw<T>(in), out);
}

template <class T>
bool aligned_for_fft(const void* p) {
  return Fftw<T>::alignment_of(static_cast<T*>(const_cast<void*>(p))) == 0;
}

template class LinePlan<float>;
template class LinePlan<double>;
template bool aligned_for_fft<float>(const void*);
template bool aligned_for_fft<double>(const void*);

}  // namespace detail

void set_fft_planning(FftPlanning planning) {
  const std::lock_guard guard(planner().lock);
  planner().planning = planning;
}
FftPlanning fft_planning() {
  const std::lock_guard guard(planner().lock);
  return planner().planning;
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

template std::string export_fft_wisdom<float>();
template void import_fft_wisdom<float>(const std::string&);
template std::string export_fft_wisdom<double>();
template void import_fft_wisdom<double>(const std::string&);

}  // namespace fejer
