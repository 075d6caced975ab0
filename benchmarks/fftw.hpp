#pragma once
/// FFTW itself, with plans of FFTW_MEASURE, as the bar for everything that is made of transforms.
#include <complex>
#include <memory>

#include <fftw3.h>
#include <fejer/array.hpp>

namespace fejer::benchmarks {

enum class Transform { r2c, c2r, c2c_forward, c2c_inverse };

/// An unscaled two-dimensional transform out of place, by one thread. Arrays are 64-byte aligned.
class FftwPlan {
 public:
  FftwPlan(Transform kind, Index rows, Index columns) : kind_(kind) {
    const int n0 = static_cast<int>(rows), n1 = static_cast<int>(columns);
    Array<std::complex<float>> a(Shape{rows, columns}), b(Shape{rows, columns});
    auto *in = raw(a.data()), *out = raw(b.data());
    const unsigned flags = FFTW_MEASURE;
    switch (kind) {
      case Transform::r2c:
        plan_ = fftwf_plan_dft_r2c_2d(n0, n1, reinterpret_cast<float*>(in), out, flags);
        break;
      case Transform::c2r:
        plan_ = fftwf_plan_dft_c2r_2d(n0, n1, in, reinterpret_cast<float*>(out), flags);
        break;
      case Transform::c2c_forward:
        plan_ = fftwf_plan_dft_2d(n0, n1, in, out, FFTW_FORWARD, flags);
        break;
      case Transform::c2c_inverse:
        plan_ = fftwf_plan_dft_2d(n0, n1, in, out, FFTW_BACKWARD, flags);
        break;
    }
  }
  ~FftwPlan() { fftwf_destroy_plan(plan_); }
  FftwPlan(const FftwPlan&) = delete;
  FftwPlan& operator=(const FftwPlan&) = delete;

  /// float* or complex<float>* as the kind of transform has it; c2r destroys its input.
  template <class In, class Out>
  void run(In* in, Out* out) const {
    if (kind_ == Transform::r2c)
      fftwf_execute_dft_r2c(plan_, reinterpret_cast<float*>(in), raw(out));
    else if (kind_ == Transform::c2r)
      fftwf_execute_dft_c2r(plan_, raw(in), reinterpret_cast<float*>(out));
    else
      fftwf_execute_dft(plan_, raw(in), raw(out));
  }

 private:
  static fftwf_complex* raw(void* p) { return static_cast<fftwf_complex*>(p); }
  Transform kind_;
  fftwf_plan plan_ = nullptr;
};

}  // namespace fejer::benchmarks
