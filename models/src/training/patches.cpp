#include <fejer/models/training/patches.hpp>

#include <algorithm>
#include <cmath>
#include <list>
#include <map>
#include <utility>

#include <fejer/error.hpp>
#include <fejer/resample.hpp>
#include <fejer/rng.hpp>

namespace fejer {
namespace {

Index scaled(Index length, double scale) {
  return static_cast<Index>(std::floor(static_cast<double>(length) * scale + 1e-9));
}

void check(const PatchOptions& o) {
  if (o.size < 1 || o.stride < 1 || o.scales.empty())
    throw ArgumentError("PatchSource: got patches of " + std::to_string(o.size) +
                        " at a stride of " + std::to_string(o.stride) + " and " +
                        std::to_string(o.scales.size()) + " scales, expected at least 1 of each");
  if (o.columns < 0 || (o.turns && o.columns != 0 && o.columns != o.size))
    throw ArgumentError("PatchSource: turns need square patches, got " + std::to_string(o.size) +
                        " by " + std::to_string(o.columns));
  for (const double s : o.scales)
    if (!(s > 0 && s <= 1))
      throw ArgumentError("PatchSource: got the scale " + std::to_string(s) + ", expected (0,1]");
}

/// Left-right, then `turns` times by 90 degrees: row i, column j from (i', j').
Array<float> moved(const Array<float>& patch, bool flip, int turns) {
  const Index C = patch.shape()[0], n = patch.shape()[1], m = patch.shape()[2];
  Array<float> out(patch.shape());
  for (Index c = 0; c < C; ++c)
    for (Index i = 0; i < n; ++i)
      for (Index j = 0; j < m; ++j) {
        Index row = i, column = j;
        for (int t = 0; t < turns; ++t) row = std::exchange(column, n - 1 - row);
        if (flip) column = m - 1 - column;
        out[(c * n + i) * m + j] = patch[(c * n + row) * m + column];
      }
  return out;
}

}  // namespace

struct PatchSource::Impl {
  /// One image at one scale, and where its patches start in the numbering of all.
  struct Level {
    Index image, rows, columns, across, first;
  };
  Dataset data;
  PatchOptions options;
  std::vector<Level> levels;
  Index count = 0;
  Index epoch = -1;
  std::vector<Index> order;
  std::list<std::pair<std::size_t, Array<float>>> kept;  ///< by last use
  std::map<std::size_t, decltype(kept)::iterator> where;
  Index kept_bytes = 0;

  Impl(Dataset set, PatchOptions o) : data(std::move(set)), options(std::move(o)) {}

  const Array<float>& scaled_image(std::size_t level) {
    if (const auto found = where.find(level); found != where.end()) {
      kept.splice(kept.begin(), kept, found->second);
      return kept.front().second;
    }
    const Level& l = levels[level];
    Array<float> image = data.image(l.image);
    if (image.shape()[1] != l.rows || image.shape()[2] != l.columns) {
      image = resize_cubic(image, l.rows, l.columns);
      for (float& v : image) v = std::clamp(v, 0.0f, 1.0f);
    }
    const auto bytes = [](const Array<float>& x) {
      return x.size() * static_cast<Index>(sizeof(float));
    };
    kept_bytes += bytes(image);
    kept.emplace_front(level, std::move(image));
    where[level] = kept.begin();
    while (kept_bytes > options.cache_bytes && kept.size() > 1) {
      kept_bytes -= bytes(kept.back().second);
      where.erase(kept.back().first);
      kept.pop_back();
    }
    return kept.front().second;
  }
};

PatchSource::PatchSource(Dataset data, PatchOptions options)
    : impl_(std::make_unique<Impl>(std::move(data), std::move(options))) {
  check(impl_->options);
  if (impl_->options.columns == 0) impl_->options.columns = impl_->options.size;
  const PatchOptions& o = impl_->options;
  for (Index i = 0; i < impl_->data.size(); ++i)
    for (const double scale : o.scales) {
      const Shape& shape = impl_->data.shape(i);
      const Index rows = scaled(shape[1], scale), columns = scaled(shape[2], scale);
      if (rows < o.size || columns < o.columns) continue;
      const Index across = (columns - o.columns) / o.stride + 1,
                  down = (rows - o.size) / o.stride + 1;
      impl_->levels.push_back({i, rows, columns, across, impl_->count});
      impl_->count += across * down;
    }
  if (impl_->count == 0)
    throw ArgumentError("PatchSource: no image is as large as a patch of " +
                        std::to_string(o.size) + "x" + std::to_string(o.columns) + " pixels");
}

PatchSource::~PatchSource() = default;
PatchSource::PatchSource(PatchSource&&) noexcept = default;
PatchSource& PatchSource::operator=(PatchSource&&) noexcept = default;

Index PatchSource::size() const { return impl_->count; }
Index PatchSource::channels() const { return impl_->data.shape(0)[0]; }

bool PatchSource::moves() const { return impl_->options.flips || impl_->options.turns; }

Index PatchSource::number(Index epoch, Index i) {
  Impl& d = *impl_;
  if (i < 0 || i >= d.count || epoch < 0)
    throw ArgumentError("PatchSource: got sample " + std::to_string(i) + " of epoch " +
                        std::to_string(epoch) + ", expected 0 to " + std::to_string(d.count - 1));
  if (epoch != d.epoch) {
    d.order = permutation(d.count, Rng(d.options.seed).stream("epoch/" + std::to_string(epoch)));
    d.epoch = epoch;
  }
  return d.order[static_cast<std::size_t>(i)];
}

Array<float> PatchSource::draw(Index epoch, Index i) {
  const Index patch = number(epoch, i);
  Impl& d = *impl_;
  const auto after = std::upper_bound(d.levels.begin(), d.levels.end(), patch,
                                      [](Index p, const Impl::Level& l) { return p < l.first; });
  const auto level = static_cast<std::size_t>(after - d.levels.begin() - 1);
  const Impl::Level& l = d.levels[level];
  const Index at = patch - l.first, n = d.options.size;
  Array<float> cut = crop(d.scaled_image(level), at / l.across * d.options.stride,
                          at % l.across * d.options.stride, n, d.options.columns);
  if (!moves()) return cut;
  const std::uint64_t bits = Rng(d.options.seed)
                                 .stream("moves/" + std::to_string(epoch))
                                 .bits(static_cast<std::uint64_t>(i));
  return moved(cut, d.options.flips && (bits & 1) != 0,
               d.options.turns ? static_cast<int>(bits >> 1 & 3) : 0);
}

}  // namespace fejer
