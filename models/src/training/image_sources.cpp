// Where data sets come from: folders of pictures, HDF5 stacks, the dead leaves model.
#include <algorithm>
#include <cctype>
#include <charconv>
#include <cmath>
#include <filesystem>

#include <fejer/error.hpp>
#include <fejer/files.hpp>
#include <fejer/hdf5.hpp>
#include <fejer/image_io.hpp>
#include <fejer/models/training/dataset.hpp>
#include <fejer/parallel.hpp>
#include <fejer/resample.hpp>
#include <fejer/rng.hpp>

namespace fejer {
namespace {

namespace fs = std::filesystem;

bool is_picture(const fs::path& path) {
  std::string ending = path.extension().string();
  std::transform(ending.begin(), ending.end(), ending.begin(),
                 [](unsigned char c) { return static_cast<char>(std::tolower(c)); });
  return ending == ".png" || ending == ".jpg" || ending == ".jpeg";
}

Array<float> prepared(Array<float> image, const ImageOptions& o) {
  if (o.grey) image = to_grey(image);
  if (o.shrink > 1) image = shrink(image, o.shrink);
  if (o.crop) image = crop(image, o.top, o.left, o.rows, o.columns);
  return image;
}

std::string described(const std::string& from, const ImageOptions& o) {
  std::string how = from;
  if (o.grey) how += ", grey";
  if (o.shrink > 1) how += ", shrunk " + std::to_string(o.shrink) + " times";
  if (o.crop)
    how += ", cropped to " + std::to_string(o.rows) + "x" + std::to_string(o.columns) + " from (" +
           std::to_string(o.top) + "," + std::to_string(o.left) + ")";
  return how;
}

/// "COUNTxSIZE" or "COUNTxSIZE:SEED".
Dataset leaves_from(const std::string& text, const std::string& sizes) {
  Index numbers[3] = {0, 0, 1};
  const char *at = sizes.data(), *const end = at + sizes.size();
  int read = 0;
  bool more = true;
  for (const char mark : {'x', ':', '\0'}) {
    const auto one = std::from_chars(at, end, numbers[read]);
    if (!more || one.ec != std::errc()) break;
    ++read;
    at = one.ptr;
    more = at != end && *at == mark;
    if (more) ++at;
  }
  const auto [images, size, seed] = numbers;
  if (read < 2 || more || at != end || images < 1 || size < 8 || images > 100000 || size > 8192 ||
      seed < 0)
    throw ArgumentError("'" + text +
                        "': expected dead-leaves:COUNTxSIZE or dead-leaves:COUNTxSIZE:SEED, as in "
                        "dead-leaves:64x128:1; sizes 8 to 8192");
  return dead_leaves(images, size, static_cast<std::uint64_t>(seed));
}

Array<float> leaves(Index size, const RandomStream& stream) {
  // Twice the size, from the front to the back, until every pixel is covered.
  const Index n = 2 * size;
  constexpr double smallest = 2;
  const double largest = static_cast<double>(n) / 3;
  Array<float> fine(Shape{1, n, n}, -1.0f);
  Index open = n * n;
  const auto most_small = static_cast<std::uint64_t>(n * n / 2);
  for (std::uint64_t k = 0; open > 0; ++k) {
    const double u = stream.uniform(4 * k), span = static_cast<double>(n) + 2 * largest;
    // Density r^-3 on [smallest, largest]: r^-2 is uniform.
    const double a = 1 / (smallest * smallest), b = 1 / (largest * largest);
    // After many discs what is left are small gaps: close them with large ones.
    const double radius = k < most_small ? 1 / std::sqrt(b + u * (a - b)) : largest;
    const double row = stream.uniform(4 * k + 1) * span - largest;
    const double column = stream.uniform(4 * k + 2) * span - largest;
    const auto grey = static_cast<float>(stream.uniform(4 * k + 3));
    const auto bound = [n](double x) {
      return std::clamp<Index>(static_cast<Index>(std::floor(x)), 0, n);
    };
    for (Index i = bound(row - radius); i < bound(row + radius + 1); ++i)
      for (Index j = bound(column - radius); j < bound(column + radius + 1); ++j) {
        const double y = static_cast<double>(i) - row, x = static_cast<double>(j) - column;
        float& pixel = fine[i * n + j];
        if (pixel >= 0 || x * x + y * y > radius * radius) continue;
        pixel = grey;
        --open;
      }
  }
  Array<float> image = shrink(fine, 2);
  // 8-bit values, so that a file keeps them as they are.
  for (float& v : image) v = std::round(std::min(v, 1.0f) * 255) / 255.0f;
  return image;
}

}  // namespace

Dataset read_picture_folder(const std::string& folder, const ImageOptions& options) {
  std::error_code error;
  std::vector<fs::path> pictures;
  for (fs::directory_iterator at(folder, error), end; !error && at != end; at.increment(error))
    if (is_picture(at->path())) pictures.push_back(at->path());
  if (error) throw FormatError(folder + ": cannot be read: " + error.message());
  if (pictures.empty())
    throw FormatError(folder +
                      ": holds no picture, expected files that end in .png, .jpg or .jpeg");
  std::sort(pictures.begin(), pictures.end());
  std::vector<Array<float>> images;
  std::vector<ImageSource> sources;
  for (const fs::path& path : pictures) {
    Array<float> image = read_image(path.string());
    try {
      images.push_back(prepared(std::move(image), options));
    } catch (const ShapeError& e) {
      throw FormatError(path.string() + ": " + e.what());
    }
    sources.push_back({path.filename().string(), sha256_of_file(path.string())});
  }
  return Dataset(std::move(images), std::move(sources), described("pictures of a folder", options));
}

Dataset read_image_stack(const std::string& path, const ImageOptions& options) {
  const Hdf5Path parts = split_hdf5_path(path);
  const Hdf5Reader file(parts.file);
  const Hdf5Info info = file.info(parts.dataset);
  if (info.type != Hdf5Type::integer && info.type != Hdf5Type::real)
    throw FormatError(path + ": expected real numbers or integers");
  Array<float> stack = file.read<float>(parts.dataset);
  if (info.type == Hdf5Type::integer && info.bytes == 1)
    for (float& v : stack) v /= 255.0f;
  Shape shape = info.shape;
  if (shape.rank() == 2) shape = Shape{1, 1, shape[0], shape[1]};
  if (shape.rank() == 3) shape = Shape{shape[0], 1, shape[1], shape[2]};
  if (shape.rank() != 4 || shape.size() == 0)
    throw FormatError(path + ": got " + to_string(info.shape) +
                      ", expected images (N,H,W) or (N,C,H,W)");
  stack = std::move(stack).reshaped(shape);
  const std::string hash = sha256_of_file(parts.file);
  const std::string name = fs::path(parts.file).filename().string() + ":" + parts.dataset;
  std::vector<Array<float>> images;
  std::vector<ImageSource> sources;
  for (Index i = 0; i < shape[0]; ++i) {
    images.push_back(prepared(Array<float>(stack.slice(i)), options));
    sources.push_back({name + "[" + std::to_string(i) + "]", hash});
  }
  return Dataset(std::move(images), std::move(sources), described("slices of a dataset", options));
}

Dataset dead_leaves(Index images, Index size, std::uint64_t seed) {
  if (images < 1 || size < 8)
    throw ArgumentError("dead_leaves: got " + std::to_string(images) + " images of " +
                        std::to_string(size) + " pixels, expected at least 1 of at least 8");
  std::vector<Array<float>> made(static_cast<std::size_t>(images));
  std::vector<ImageSource> sources;
  parallel_for(images, 1, [&](Index begin, Index end) {
    for (Index i = begin; i < end; ++i)
      made[static_cast<std::size_t>(i)] =
          leaves(size, Rng(seed).stream("dead leaves/" + std::to_string(i)));
  });
  for (Index i = 0; i < images; ++i)
    sources.push_back({"dead-leaves[" + std::to_string(i) + "]", ""});
  return Dataset(std::move(made), std::move(sources), "dead leaves, seed " + std::to_string(seed));
}

Dataset open_images(const std::string& text, const ImageOptions& options) {
  const std::string prefix = "dead-leaves:";
  if (text.starts_with(prefix)) return leaves_from(text, text.substr(prefix.size()));
  if (fs::is_directory(text)) return read_picture_folder(text, options);
  if (is_hdf5_path(text)) return read_image_stack(text, options);
  require_readable(text);
  if (text.ends_with(".h5") || text.ends_with(".hdf5")) return load_dataset(text);
  throw ArgumentError(text +
                      ": expected a data set D.h5, a folder of pictures, F.h5:/dataset or "
                      "dead-leaves:COUNTxSIZE:SEED");
}

}  // namespace fejer
