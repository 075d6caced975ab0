#include "drunet_sweeps.hpp"

#include <algorithm>
#include <cmath>

#include <fejer/parallel.hpp>
#include <fejer/vector.hpp>

namespace fejer::detail {
namespace {

constexpr Index grain = 4096;
constexpr Index multiple = 8;  // of the sizes that three halvings need
constexpr int coarsest = 3;

Index padded(Index n) { return (n + multiple - 1) / multiple * multiple; }

template <class T, class F>
void each(Array<T>& a, const F& f) {
  parallel_for(a.size(), grain, [&](Index begin, Index end) {
    for (Index i = begin; i < end; ++i) f(i);
  });
}

/// h = f(t), and of f at the t with f(t) = h its slope, f''(t) / f'(t) and f'''(t) / f'(t).
template <class T>
T activated(DrunetActivation f, T t) {
  switch (f) {
    case DrunetActivation::elu:
      return t > 0 ? t : std::expm1(t);
    case DrunetActivation::softplus:
      return std::max(t, T(0)) + std::log1p(std::exp(-std::abs(t)));
    default:
      return std::max(t, T(0));
  }
}
template <class T>
T slope(DrunetActivation f, T h) {
  switch (f) {
    case DrunetActivation::elu:
      return h > 0 ? T(1) : h + 1;
    case DrunetActivation::softplus:
      return -std::expm1(-h);
    default:
      return h > 0 ? T(1) : T(0);
  }
}
template <class T>
T relative_curvature(DrunetActivation f, T h) {
  switch (f) {
    case DrunetActivation::elu:
      return h > 0 ? T(0) : T(1);
    case DrunetActivation::softplus:
      return std::exp(-h);
    default:
      return T(0);
  }
}

template <class T>
T relative_third(DrunetActivation f, T c) {  // from the relative curvature
  return f == DrunetActivation::softplus ? c * (2 * c - 1) : c;
}

template <class T>
void activate(DrunetActivation f, Streams<T>& s) {
  Array<T>& value = s[0];
  each(value, [&](Index i) { value[i] = activated(f, value[i]); });
  if (s.size() == 1) return;
  Array<T>& tangent = s[1];
  if (s.size() == 2) return each(tangent, [&](Index i) { tangent[i] *= slope(f, value[i]); });
  Array<T>& second = s[2];
  each(tangent, [&](Index i) {
    const T c = relative_curvature(f, value[i]), t = tangent[i];
    second[i] = slope(f, value[i]) * (second[i] + c * t * t);
    tangent[i] = slope(f, value[i]) * t;
  });
}

/// g: gradients for h = f(t), its tangent h' = f'(t) t' and its second derivative
/// h'' = f'(t) t'' + f''(t) t'^2, to those for t, t' and t''.
template <class T>
void second_order_back(DrunetActivation f, const Array<T>& h, const Array<T>& tangent,
                       const Array<T>& second, Streams<T>& g) {
  each(g[0], [&](Index i) {
    const T s = slope(f, h[i]), c = relative_curvature(f, h[i]);
    const T d = tangent[i], t = s > 0 ? d / s : T(0);
    const T bend = c * (second[i] - c * d * t) + relative_third(f, c) * d * t;
    g[0][i] = s * g[0][i] + c * d * g[1][i] + bend * g[2][i];
    g[1][i] = s * g[1][i] + 2 * c * d * g[2][i];
    g[2][i] *= s;
  });
}

/// The same for h, and for its tangent where there is one.
template <class T>
void activate_back(DrunetActivation f, const Array<T>& h, const Array<T>* tangent, Streams<T>& g) {
  Array<T>& value = g[0];
  if (tangent == nullptr) return each(value, [&](Index i) { value[i] *= slope(f, h[i]); });
  Array<T>& other = g[1];
  each(value, [&](Index i) {
    const T s = slope(f, h[i]);
    value[i] = s * value[i] + relative_curvature(f, h[i]) * (*tangent)[i] * other[i];
    other[i] *= s;
  });
}

template <class T>
void add(const Streams<T>& x, Streams<T>& y) {
  for (std::size_t s = 0; s < y.size(); ++s) axpy<T>(T(1), x[s], y[s]);
}

template <class T>
class Forward {
 public:
  Forward(const DrunetLayers<T>& net, DrunetTape<T>* tape) : net_(net), tape_(tape) {}

  Streams<T> run(Streams<T> x) {
    Streams<T> v = convolve(std::move(x));
    return convolve(level(0, std::move(v)));
  }

 private:
  Streams<T> level(int l, Streams<T> v) {
    Streams<T> w = blocks(v);
    if (l < coarsest) w = blocks(convolve(level(l + 1, convolve(std::move(w)))));
    add(v, w);
    return w;
  }
  Streams<T> blocks(Streams<T> v) {
    for (Index b = 0; b < net_.options.blocks; ++b) {
      Streams<T> h = apply(v);
      activate(net_.options.activation, h);
      Streams<T> w = apply(h);
      add(v, w);
      keep(std::move(v));
      keep(std::move(h));
      v = std::move(w);
    }
    return v;
  }
  Streams<T> convolve(Streams<T> x) {
    Streams<T> y = apply(x);
    keep(std::move(x));
    return y;
  }
  Streams<T> apply(const Streams<T>& x) {
    const DrunetLayer<T>& layer = net_.layers[next_++];
    Streams<T> y;
    for (const Array<T>& stream : x) y.push_back(layer.apply(stream));
    return y;
  }
  void keep(Streams<T> x) {
    if (tape_ == nullptr) return;
    tape_->inputs.push_back(std::move(x[0]));
    if (x.size() > 1) tape_->tangents.push_back(std::move(x[1]));
    if (x.size() > 2) tape_->seconds.push_back(std::move(x[2]));
  }

  const DrunetLayers<T>& net_;
  DrunetTape<T>* tape_;
  std::size_t next_ = 0;
};

template <class T>
class Backward {
 public:
  Backward(const DrunetLayers<T>& net, const DrunetTape<T>& tape, std::vector<Array<T>>* weights)
      : net_(net), tape_(tape), weights_(weights), next_(net.layers.size()) {}

  Streams<T> run(const Streams<T>& g) { return convolve(level(0, convolve(g))); }

 private:
  Streams<T> level(int l, const Streams<T>& g) {
    Streams<T> w = g;
    if (l < coarsest) w = convolve(level(l + 1, convolve(blocks(std::move(w)))));
    w = blocks(std::move(w));
    add(g, w);
    return w;
  }
  Streams<T> blocks(Streams<T> g) {
    for (Index b = 0; b < net_.options.blocks; ++b) {
      Streams<T> h = convolve(g);
      if (g.size() > 2)
        second_order_back(net_.options.activation, tape_.inputs[next_], tape_.tangents[next_],
                          tape_.seconds[next_], h);
      else
        activate_back(net_.options.activation, tape_.inputs[next_], tangent(), h);
      h = convolve(h);
      add(h, g);
    }
    return g;
  }
  Streams<T> convolve(const Streams<T>& g) {
    const DrunetLayer<T>& layer = net_.layers[--next_];
    Streams<T> x;
    for (const Array<T>& stream : g) x.push_back(layer.adjoint(stream));
    if (weights_ == nullptr) return x;
    layer.add_gradient(tape_.inputs[next_], g[0], (*weights_)[next_]);
    if (g.size() > 1) layer.add_gradient(*tangent(), g[1], (*weights_)[next_]);
    if (g.size() > 2) layer.add_gradient(tape_.seconds[next_], g[2], (*weights_)[next_]);
    return x;
  }
  const Array<T>* tangent() const {
    return tape_.tangents.empty() ? nullptr : &tape_.tangents[next_];
  }

  const DrunetLayers<T>& net_;
  const DrunetTape<T>& tape_;
  std::vector<Array<T>>* weights_;
  std::size_t next_;
};

}  // namespace

template <class T>
DrunetLayer<T>::DrunetLayer(const Array<T>& weights, bool up) : up_(up) {
  if (weights.shape()[3] % 2 == 1)
    same_.emplace(weights);
  else
    down_.emplace(weights);
}

template <class T>
const Array<T>& DrunetLayer<T>::weights() const {
  return same_ ? same_->weights() : down_->weights();
}

template <class T>
Array<T> DrunetLayer<T>::apply(const Array<T>& x) const {
  Array<T> y(same_ ? same_->output_shape(x.shape())
             : up_ ? down_->input_shape(x.shape())
                   : down_->output_shape(x.shape()));
  if (same_)
    same_->apply(x, y);
  else if (up_)
    down_->apply_adjoint(x, y);
  else
    down_->apply(x, y);
  return y;
}

template <class T>
Array<T> DrunetLayer<T>::adjoint(const Array<T>& g) const {
  Array<T> x(same_ ? same_->input_shape(g.shape())
             : up_ ? down_->output_shape(g.shape())
                   : down_->input_shape(g.shape()));
  if (same_)
    same_->apply_adjoint(g, x);
  else if (up_)
    down_->apply(g, x);
  else
    down_->apply_adjoint(g, x);
  return x;
}

template <class T>
void DrunetLayer<T>::add_gradient(const Array<T>& x, const Array<T>& g, Array<T>& weights) const {
  Array<T> no_bias;
  if (same_)
    same_->weight_gradient(x, g, weights, no_bias);
  else if (up_)
    down_->weight_gradient(g, x, weights, no_bias);
  else
    down_->weight_gradient(x, g, weights, no_bias);
}

template <class T>
Streams<T> DrunetLayers<T>::forward(Streams<T> x, DrunetTape<T>* tape) const {
  return Forward<T>(*this, tape).run(std::move(x));
}

template <class T>
Streams<T> DrunetLayers<T>::backward(const DrunetTape<T>& tape, Streams<T> g,
                                     std::vector<Array<T>>* weights) const {
  return Backward<T>(*this, tape, weights).run(g);
}

template <class T>
Array<T> pad_images(ConstView<T> x, T level) {
  const Shape& s = x.shape();
  const Index images = s[0], channels = s[1], rows = s[2], columns = s[3];
  const Index all_rows = padded(rows), all_columns = padded(columns);
  Array<T> result(Shape{images, channels + 1, all_rows, all_columns});
  T* to = result.data();
  for (Index n = 0; n < images; ++n) {
    for (Index c = 0; c < channels; ++c)
      for (Index y = 0; y < all_rows; ++y, to += all_columns) {
        const T* const from =
            x.data() + ((n * channels + c) * rows + std::min(y, rows - 1)) * columns;
        std::copy(from, from + columns, to);
        std::fill(to + columns, to + all_columns, from[columns - 1]);
      }
    std::fill(to, to + all_rows * all_columns, level);
    to += all_rows * all_columns;
  }
  return result;
}

template <class T>
double fold_images(const Array<T>& g, View<T> gx) {
  const Shape& s = gx.shape();
  const Index images = s[0], channels = s[1], rows = s[2], columns = s[3];
  const Index all_rows = padded(rows), all_columns = padded(columns);
  const Index plane = all_rows * all_columns;
  std::fill(gx.begin(), gx.end(), T(0));
  const T* from = g.data();
  double level = 0;
  for (Index n = 0; n < images; ++n) {
    for (Index c = 0; c < channels; ++c)
      for (Index y = 0; y < all_rows; ++y, from += all_columns) {
        T* const to = gx.data() + ((n * channels + c) * rows + std::min(y, rows - 1)) * columns;
        for (Index x = 0; x < all_columns; ++x) to[std::min(x, columns - 1)] += from[x];
      }
    for (Index p = 0; p < plane; ++p) level += static_cast<double>(from[p]);
    from += plane;
  }
  return level;
}

template <class T>
void crop_images(const Array<T>& x, View<T> out) {
  const Shape& s = out.shape();
  const Index planes = s[0] * s[1], rows = s[2], columns = s[3];
  const Index all_rows = x.shape()[2], all_columns = x.shape()[3];
  for (Index c = 0; c < planes; ++c)
    for (Index y = 0; y < rows; ++y) {
      const T* const from = x.data() + (c * all_rows + y) * all_columns;
      std::copy(from, from + columns, out.data() + (c * rows + y) * columns);
    }
}

template <class T>
Array<T> embed_images(ConstView<T> g) {
  const Shape& s = g.shape();
  const Index planes = s[0] * s[1], rows = s[2], columns = s[3];
  Array<T> result(Shape{s[0], s[1], padded(rows), padded(columns)});
  for (Index c = 0; c < planes; ++c)
    for (Index y = 0; y < rows; ++y) {
      const T* const from = g.data() + (c * rows + y) * columns;
      std::copy(from, from + columns, result.data() + (c * padded(rows) + y) * padded(columns));
    }
  return result;
}

#define FEJER_INSTANTIATE(T)                             \
  template class DrunetLayer<T>;                         \
  template struct DrunetLayers<T>;                       \
  template Array<T> pad_images(ConstView<T>, T);         \
  template double fold_images(const Array<T>&, View<T>); \
  template void crop_images(const Array<T>&, View<T>);   \
  template Array<T> embed_images(ConstView<T>);
FEJER_INSTANTIATE(float)
FEJER_INSTANTIATE(double)
#undef FEJER_INSTANTIATE

}  // namespace fejer::detail
