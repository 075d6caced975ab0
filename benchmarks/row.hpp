#pragma once
/// A row of the comparison: something that Fejér and others compute from the same numbers.
#include <cstdint>
#include <functional>
#include <map>
#include <string>
#include <vector>

#include <fejer/array.hpp>
#include <fejer/fft.hpp>

namespace fejer::benchmarks {

/// Arrays that the sides exchange, FOLDER/NAME.npy (float32, float64, complex64). Without a folder
/// nothing is written. Throws FormatError where a file cannot be written.
class Exchange {
 public:
  explicit Exchange(std::string folder) : folder_(std::move(folder)) {}
  template <class X>
  void save(const std::string& name, const Array<X>& data) const;
  void save(const std::string& name, const std::vector<double>& values) const;

 private:
  void write(const std::string& name, const char* type, const Shape& shape, const void* data,
             std::size_t bytes) const;
  std::string folder_;
};

/// Where the inputs come from, and where they go to.
struct Setting {
  std::string photo;   ///< a photograph
  std::string data;    ///< a folder with reference_models, or one without: random weights then
  std::string cache;   ///< a folder for what is found once and kept
  Exchange files{""};  ///< for the other sides
};

using Notes = std::map<std::string, double>;

/// One prepared row: inputs made, memory taken, plans measured.
struct Call {
  std::function<void()> run;
  /// Writes "result-SIDE", and of several results "result-SIDE-1", ... too; empty where there is
  /// nothing to compare.
  std::function<void(const std::string& name)> save = {};
  /// Facts about the last run, e.g. the number of iterations.
  std::function<Notes()> notes = {};
  /// Facts for people, e.g. "random weights".
  std::string remark = {};
  int results = 1;  ///< how many `save` writes
};

/// Who else computes it, and how many times faster Fejér shall be: the ratio of their time to
/// ours; 0 where no goal is stated. Sides of other people's programs: torch-tuned, torch-default
/// (as well as we can write it), torch-published-tuned, torch-published-default (the way of
/// published programs), skimage, bart. Of our own: fftw (bare transforms by plans of FFTW_MEASURE),
/// peak (as many operations in a loop of multiply-adds in registers).
struct Opponent {
  std::string side;
  double goal = 0;
  double goal_of_two = goal;  ///< with two threads
};

struct Row {
  std::string name;  ///< KIND/SHAPE; the other sides find their function by KIND
  std::string what;  ///< for the table
  std::vector<Opponent> opponents;
  std::function<Call(const Setting&)> ours;
  std::function<Call(const Setting&)> fftw = {};
  double tolerance = 1e-5;   ///< on the relative l2 distance of the results, each of several
  double operations = 0;     ///< floating-point operations of one call, where they are counted
  double bytes = 0;          ///< read and written at least, where that is counted
  double units = 1;          ///< a call does this many; times are of one
  bool scales = true;        ///< whether two threads shall be 1.8 times as fast as one
  double memory = 0;         ///< PyTorch shall need this many times as much; 0: not compared
  bool once = false;         ///< so slow that one call is enough
  std::string missing = {};  ///< why there is none of ours yet
};

// One file each.
void add_machine_rows(std::vector<Row>& rows);
void add_ridge_rows(std::vector<Row>& rows);
void add_training_rows(std::vector<Row>& rows);
void add_denoising_rows(std::vector<Row>& rows);
void add_spline_rows(std::vector<Row>& rows);
void add_convolution_rows(std::vector<Row>& rows);
void add_fourier_rows(std::vector<Row>& rows);
void add_mri_rows(std::vector<Row>& rows);
void add_tomography_rows(std::vector<Row>& rows);

/// A (1,H,W) crop of the photograph, grey, in [0,1].
Array<float> photograph(const Setting& setting, Index H, Index W);
/// Such a crop cut into patches: (N,H,W).
Array<float> patches(const Setting& setting, Index N, Index H, Index W);
/// Standard normal numbers times `scale`; the same for the same name.
template <class X>
Array<X> noise(const std::string& name, const Shape& shape, double scale = 1);
/// About `operations` operations, in fused multiply-adds of float in registers, shared by the
/// threads. Throws ArgumentError on a processor without AVX2 and FMA.
void multiply_add_loop(double operations);

/// A call whose result lies in `result`.
template <class State>
Call make_call(std::shared_ptr<State> state, const Setting& setting) {
  return {.run = [state] { state->run(); },
          .save = [state, files = setting.files](
                      const std::string& name) { files.save(name, state->result); }};
}

}  // namespace fejer::benchmarks
