#include <fejer/models/training/dataset.hpp>

#include <algorithm>
#include <cmath>
#include <functional>
#include <mutex>
#include <optional>
#include <utility>

#include <fejer/error.hpp>
#include <fejer/files.hpp>
#include <fejer/hdf5.hpp>

namespace fejer {

struct Dataset::Data {
  std::vector<Shape> shapes;
  std::vector<ImageSource> sources;
  std::string how, sha256;
  std::vector<Array<float>> images;  ///< empty where they are in the file
  mutable std::mutex lock;           ///< of the file
  std::optional<Hdf5Reader> file;
};

namespace {

constexpr const char* dataset_format = "fejer-dataset";
constexpr int dataset_version = 1;

std::string name_of(Index i) {
  const std::string digits = std::to_string(i);
  return "/images/" + std::string(digits.size() < 6 ? 6 - digits.size() : 0, '0') + digits;
}

void check_shape(const std::string& where, const Shape& shape, const Shape& first) {
  if (shape.rank() != 3 || shape.size() == 0)
    throw FormatError(where + ": got " + to_string(shape) + ", expected an image (C,H,W)");
  if (shape[0] != first[0])
    throw FormatError(where + ": got " + std::to_string(shape[0]) +
                      " channels where the first image has " + std::to_string(first[0]) +
                      "; make the data set grey");
}

void check_values(const std::string& where, const Array<float>& image) {
  for (const float v : image)
    if (!(v >= 0 && v <= 1))
      throw FormatError(where + ": got a value of " + std::to_string(v) +
                        ", expected intensities in [0,1]");
}

/// Order and sizes of images count, names do not.
std::string pixel_hash(Index images, const std::function<Array<float>(Index)>& image) {
  std::string list;
  for (Index i = 0; i < images; ++i) {
    const Array<float> x = image(i);
    list += to_string(x.shape()) +
            sha256(x.data(), static_cast<std::size_t>(x.size()) * sizeof(float)) + "\n";
  }
  return sha256(list.data(), list.size());
}

/// The image as bytes, where all its values are k / 255.
std::optional<Array<std::uint8_t>> as_bytes(const Array<float>& image) {
  Array<std::uint8_t> bytes(image.shape());
  for (Index i = 0; i < image.size(); ++i) {
    const float level = std::round(image[i] * 255);
    if (level / 255.0f != image[i]) return std::nullopt;
    bytes[i] = static_cast<std::uint8_t>(level);
  }
  return bytes;
}

Array<float> read_image_of(const Hdf5Reader& file, Index i) {
  const std::string name = name_of(i);
  Array<float> image = file.read<float>(name);
  if (file.info(name).type == Hdf5Type::integer)
    for (float& v : image) v /= 255.0f;
  return image;
}

void require_names(const std::string& path, const std::vector<std::string>& found,
                   std::vector<std::string> expected, const std::string& what) {
  std::sort(expected.begin(), expected.end());
  for (const auto& name : expected)
    if (!std::binary_search(found.begin(), found.end(), name))
      throw FormatError(path + ": no " + what + name);
  for (const auto& name : found)
    if (!std::binary_search(expected.begin(), expected.end(), name))
      throw FormatError(path + ": unexpected " + what + name);
}

}  // namespace

Dataset::Dataset(std::shared_ptr<const Data> data) : data_(std::move(data)) {}

Dataset::Dataset(std::vector<Array<float>> images, std::vector<ImageSource> sources,
                 std::string how) {
  if (images.empty()) throw ArgumentError("Dataset: there is no image, expected at least one");
  if (images.size() != sources.size())
    throw ArgumentError("Dataset: got " + std::to_string(sources.size()) + " sources for " +
                        std::to_string(images.size()) + " images");
  auto data = std::make_shared<Data>();
  for (std::size_t i = 0; i < images.size(); ++i) {
    check_shape(sources[i].name, images[i].shape(), images[0].shape());
    check_values(sources[i].name, images[i]);
    data->shapes.push_back(images[i].shape());
  }
  data->sha256 = pixel_hash(static_cast<Index>(images.size()),
                            [&](Index i) { return images[static_cast<std::size_t>(i)]; });
  data->images = std::move(images);
  data->sources = std::move(sources);
  data->how = std::move(how);
  data_ = std::move(data);
}

Index Dataset::size() const { return static_cast<Index>(data_->shapes.size()); }
const Shape& Dataset::shape(Index i) const { return data_->shapes.at(static_cast<std::size_t>(i)); }
const ImageSource& Dataset::source(Index i) const {
  return data_->sources.at(static_cast<std::size_t>(i));
}
const std::string& Dataset::how() const { return data_->how; }
const std::string& Dataset::sha256() const { return data_->sha256; }

Array<float> Dataset::image(Index i) const {
  if (!data_->file) return data_->images.at(static_cast<std::size_t>(i));
  const std::lock_guard guard(data_->lock);
  Array<float> image = read_image_of(*data_->file, i);
  check_values(data_->file->path() + ":" + name_of(i), image);
  return image;
}

void save_dataset(const std::string& path, const Dataset& set) {
  Hdf5Writer file(path);
  file.format(dataset_format, dataset_version);
  file.attribute("/", "how", set.how());
  file.attribute("/", "images", static_cast<std::int64_t>(set.size()));
  file.attribute("/", "pixels_sha256", set.sha256());
  for (Index i = 0; i < set.size(); ++i) {
    const Array<float> image = set.image(i);
    const std::string name = name_of(i);
    if (const auto bytes = as_bytes(image))
      file.write(name, *bytes);
    else
      file.write(name, image);
    file.attribute(name, "source", set.source(i).name);
    file.attribute(name, "sha256", set.source(i).sha256);
  }
  file.commit();
}

Dataset load_dataset(const std::string& path) {
  auto data = std::make_shared<Dataset::Data>();
  Hdf5Reader file(path);
  file.require_format(dataset_format, dataset_version);
  require_names(path, file.attributes("/"),
                {"format", "format_version", "written_by", "how", "images", "pixels_sha256"},
                "attribute ");
  require_names(path, file.list("/"), {"images"}, "object /");
  data->how = file.text_attribute("/", "how");
  const Index images = static_cast<Index>(file.integer_attribute("/", "images"));
  const std::vector<std::string> found = file.list("/images");
  if (images < 1 || images != static_cast<Index>(found.size()))
    throw FormatError(path + ": says that it holds " + std::to_string(images) + " images, found " +
                      std::to_string(found.size()));
  for (Index i = 0; i < images; ++i) {
    const std::string name = name_of(i), where = path + ":" + name;
    const Hdf5Info info = file.info(name);
    if (info.type != Hdf5Type::real && !(info.type == Hdf5Type::integer && info.bytes == 1))
      throw FormatError(where + ": expected real numbers or 8-bit integers");
    data->shapes.push_back(info.shape);
    check_shape(where, info.shape, data->shapes[0]);
    require_names(where, file.attributes(name), {"sha256", "source"}, "attribute ");
    data->sources.push_back(
        {file.text_attribute(name, "source"), file.text_attribute(name, "sha256")});
  }
  // The seal vouches for the whole file; files from elsewhere are hashed.
  data->sha256 = file.text_attribute("/", "pixels_sha256");
  if (!file.has_checksum()) {
    const std::string hash = pixel_hash(images, [&](Index i) { return read_image_of(file, i); });
    if (hash != data->sha256)
      throw FormatError(path + ": the pixels are not those that pixels_sha256 stands for");
  }
  data->file.emplace(std::move(file));
  return Dataset(std::move(data));
}

}  // namespace fejer
