#pragma once
/// What a trainer needs of something that learns.
#include <concepts>
#include <cstdint>
#include <map>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include <fejer/array.hpp>
#include <fejer/models/training/parameters.hpp>
#include <fejer/parallel.hpp>
#include <fejer/rng.hpp>

namespace fejer {

/// One training pair. `input` is what the network sees (a noisy image, or a measurement), `target`
/// the truth, both without a batch axis.
template <class T>
struct Sample {
  ConstView<T> input, target;
  double sigma;       ///< noise level in the image's unit
  std::uint64_t key;  ///< names the image, crop and noise draw
  /// Where the sample's last iteration ended, empty before the first; learners that iterate start
  /// from it and leave the new one. Null: every iteration starts cold.
  Array<T>* state = nullptr;
};

/// Up to `shard_size` samples of one shape. A batch is cut into shards in order; each is computed
/// by one thread of one process, and their gradients are added in order: the bits of a step depend
/// neither on the number of threads nor on that of processes.
constexpr Index shard_size = 8;
template <class T>
using Shard = std::vector<Sample<T>>;

/// Loss of one sample, and its gradient for the estimate (overwritten).
template <class T>
using LossGradient =
    FunctionRef<double(ConstView<T> estimate, ConstView<T> target, View<T> gradient)>;

/// Sums over samples of what a run wants to log beside the loss: iterations of solvers, residuals.
using Figures = std::map<std::string, double>;

/// What an author writes. `Prepared` is what all shards of a step share and what follows from the
/// parameters alone: projected splines, normalised kernels. `shard_gradient` returns the sum of the
/// samples' losses and adds their gradients with respect to the quantities in `Prepared`
/// to `effective` (laid out by `effective_zeros`); it may be called from several threads at once.
/// `pull_back` takes the sum over the batch back to the parameters through the preparation, once a
/// step. `estimate` is what the trained thing gives for an input.
template <class L, class T>
concept LearnerLike = requires(const L learner, const Parameters p,
                               const typename L::Prepared prepared, const Shard<T> shard,
                               LossGradient<T> loss, Parameters& effective, Figures& figures,
                               const Rng rng, const Sample<T> sample, View<T> out) {
  { learner.initial(rng) } -> std::same_as<Parameters>;
  { learner.prepare(p) } -> std::same_as<typename L::Prepared>;
  { learner.effective_zeros(prepared) } -> std::same_as<Parameters>;
  { learner.shard_gradient(prepared, shard, loss, effective, figures) } -> std::same_as<double>;
  { learner.pull_back(p, prepared, effective) } -> std::same_as<Parameters>;
  learner.estimate(prepared, sample, out);
};

/// Shared handle on an immutable learner. Optional members of the author's type are found and used:
/// `penalty(parameters, prepared, gradient&)`, a term of the objective that depends on the
/// parameters alone: returns its value and adds its gradient for the parameters;
/// `measure(image, sigma, noise)`, the input of a sample (of any shape) whose target is `image`:
/// what an operator and noise of standard deviation sigma make of it (without it: image + noise);
/// `project(parameters&)`, what they are set to after each step where they have left their ranges.
template <class T>
class Learner {
 public:
  template <class L>
  requires(!std::is_same_v<std::remove_cvref_t<L>, Learner> &&
           LearnerLike<std::remove_cvref_t<L>, T>) Learner(L&& learner)
      : self_(std::make_shared<const Model<std::remove_cvref_t<L>>>(std::forward<L>(learner))) {}

  /// Opaque: the author's Prepared.
  using Prepared = std::shared_ptr<const void>;

  Parameters initial(const Rng& rng) const { return self_->initial(rng); }
  Prepared prepare(const Parameters& p) const { return self_->prepare(p); }
  Parameters effective_zeros(const Prepared& prepared) const {
    return self_->effective_zeros(prepared);
  }
  double shard_gradient(const Prepared& prepared, const Shard<T>& shard, LossGradient<T> loss,
                        Parameters& effective, Figures& figures) const {
    return self_->shard_gradient(prepared, shard, loss, effective, figures);
  }
  Parameters pull_back(const Parameters& p, const Prepared& prepared,
                       const Parameters& effective) const {
    return self_->pull_back(p, prepared, effective);
  }
  /// 0 where the author has no such term.
  double penalty(const Parameters& p, const Prepared& prepared, Parameters& gradient) const {
    return self_->penalty(p, prepared, gradient);
  }
  void project(Parameters& p) const { self_->project(p); }
  void estimate(const Prepared& prepared, const Sample<T>& sample, View<T> out) const {
    self_->estimate(prepared, sample, out);
  }
  Array<T> measure(ConstView<T> image, double sigma, const RandomStream& noise) const {
    return self_->measure(image, sigma, noise);
  }

 private:
  struct Interface {
    virtual ~Interface() = default;
    virtual Parameters initial(const Rng&) const = 0;
    virtual Prepared prepare(const Parameters&) const = 0;
    virtual Parameters effective_zeros(const Prepared&) const = 0;
    virtual double shard_gradient(const Prepared&, const Shard<T>&, LossGradient<T>, Parameters&,
                                  Figures&) const = 0;
    virtual Parameters pull_back(const Parameters&, const Prepared&, const Parameters&) const = 0;
    virtual double penalty(const Parameters&, const Prepared&, Parameters&) const = 0;
    virtual void project(Parameters&) const = 0;
    virtual void estimate(const Prepared&, const Sample<T>&, View<T>) const = 0;
    virtual Array<T> measure(ConstView<T>, double, const RandomStream&) const = 0;
  };
  template <class L>
  struct Model final : Interface {
    using Own = typename L::Prepared;
    L learner;
    explicit Model(L value) : learner(std::move(value)) {}
    static const Own& own(const Prepared& p) { return *static_cast<const Own*>(p.get()); }
    Parameters initial(const Rng& rng) const override { return learner.initial(rng); }
    Prepared prepare(const Parameters& p) const override {
      return std::make_shared<const Own>(learner.prepare(p));
    }
    Parameters effective_zeros(const Prepared& p) const override {
      return learner.effective_zeros(own(p));
    }
    double shard_gradient(const Prepared& p, const Shard<T>& shard, LossGradient<T> loss,
                          Parameters& effective, Figures& figures) const override {
      return learner.shard_gradient(own(p), shard, loss, effective, figures);
    }
    Parameters pull_back(const Parameters& parameters, const Prepared& p,
                         const Parameters& effective) const override {
      return learner.pull_back(parameters, own(p), effective);
    }
    double penalty(const Parameters& parameters, const Prepared& p,
                   Parameters& gradient) const override {
      if constexpr (requires { learner.penalty(parameters, own(p), gradient); }) {
        return learner.penalty(parameters, own(p), gradient);
      } else {
        return 0;
      }
    }
    void project(Parameters& p) const override {
      if constexpr (requires { learner.project(p); }) learner.project(p);
    }
    void estimate(const Prepared& p, const Sample<T>& sample, View<T> out) const override {
      learner.estimate(own(p), sample, out);
    }
    Array<T> measure(ConstView<T> image, double sigma, const RandomStream& noise) const override {
      if constexpr (requires { learner.measure(image, sigma, noise); }) {
        return learner.measure(image, sigma, noise);
      } else {
        Array<T> input(image);
        add_normal<T>(input, sigma, noise);
        return input;
      }
    }
  };
  std::shared_ptr<const Interface> self_;
};

}  // namespace fejer
