#include "pictures.hpp"

#include <algorithm>
#include <cmath>

#include <fejer/files.hpp>
#include <fejer/image_io.hpp>
#include <fejer/operators/shepp_logan.hpp>
#include <fejer/resample.hpp>
#include <fejer/vector.hpp>

#include "text.hpp"

namespace fejer::command {
namespace {

const std::string phantom_prefix = "phantom:";

Array<float> make_phantom(const std::string& flag, const std::string& text) {
  const auto colon = text.find(':', phantom_prefix.size());
  const std::string kind = text.substr(phantom_prefix.size(), colon - phantom_prefix.size());
  require_known(flag + " phantom", kind, {"shepp-logan"});
  if (colon == std::string::npos)
    throw ArgumentError(flag + ": got '" + text +
                        "', expected phantom:shepp-logan:N, N the size in pixels");
  const ImageSize size = parse_image_size(flag, text.substr(colon + 1));
  if (size.rows != size.columns)
    throw ArgumentError(flag + ": got '" + text + "', but the phantom is square: give one size");
  return Array<float>(shepp_logan<float>(size.rows)).reshaped({1, size.rows, size.rows});
}

template <class X>
Array<X> slice_at(Array<X> whole, const DatasetPath& path, const std::string& text) {
  for (const Index i : path.index) {
    if (whole.shape().rank() == 0 || i >= whole.shape()[0])
      throw ArgumentError(text + ": index " + std::to_string(i) +
                          " is outside the dataset of shape " + to_string(whole.shape()));
    whole = Array<X>(whole.slice(i));
  }
  return whole;
}

template <class X>
void require_finite(const std::string& flag, const std::string& path, const Array<X>& image) {
  if (!all_finite(image))
    throw FormatError(flag + ": " + path + " has pixels that are not finite (NaN or infinite)");
}

}  // namespace

const Shape& shape_of(const AnyArray& array) {
  return std::visit([](const auto& a) -> const Shape& { return a.shape(); }, array);
}

AnyArray read_dataset(const std::string& text) {
  const auto path = parse_dataset_path(text);
  if (!path) throw ArgumentError("'" + text + "': expected FILE.h5:/dataset");
  const Hdf5Reader file(path->file);
  if (file.info(path->dataset).type == Hdf5Type::complex)
    return slice_at(file.read<std::complex<float>>(path->dataset), *path, text);
  return slice_at(file.read<float>(path->dataset), *path, text);
}

Array<double> read_real_dataset(const std::string& text) {
  const auto path = parse_dataset_path(text);
  if (!path) throw ArgumentError("'" + text + "': expected FILE.h5:/dataset");
  auto array = slice_at(Hdf5Reader(path->file).read<double>(path->dataset), *path, text);
  require_finite("dataset", text, array);
  return array;
}

AnyArray read_any_image(const std::string& flag, const std::string& text, bool any_channels) {
  if (text.starts_with(phantom_prefix)) return make_phantom(flag, text);
  const auto path = parse_dataset_path(text);
  if (!path) return read_image(text);
  AnyArray image = read_dataset(text);
  const Hdf5Info info = Hdf5Reader(path->file).info(path->dataset);
  const Shape& shape = shape_of(image);
  const bool complex = info.type == Hdf5Type::complex;
  const bool fits =
      shape.rank() == 2 || (shape.rank() == 3 && (any_channels || shape[0] == 1 || shape[0] == 3));
  if (!fits)
    throw ShapeError(
        flag + ": " + text + " has shape " + to_string(shape) +
        ", expected (rows, columns) or 3 channels of them; choose one image by an index, as in " +
        path->file + ":" + path->dataset + "[0]");
  if (shape.size() == 0) throw ShapeError(flag + ": " + text + " is empty");
  return std::visit(
      [&](auto& a) -> AnyArray {
        require_finite(flag, text, a);
        using X = std::remove_cvref_t<decltype(a[0])>;
        if (!complex && info.type == Hdf5Type::integer && info.bytes == 1)
          for (X& value : a) value /= 255.0f;
        const Shape full = with_channel(a.shape());
        return std::move(a).reshaped(full);
      },
      image);
}

Array<float> read_real_image(const std::string& flag, const std::string& text) {
  AnyArray image = read_any_image(flag, text);
  if (auto* real = std::get_if<Array<float>>(&image)) return std::move(*real);
  throw ArgumentError(flag + ": " + text + " is complex, expected a real image");
}

AnyArray part_of(AnyArray image, Index factor, const std::string& window) {
  return std::visit(
      [&](auto& whole) -> AnyArray {
        if (factor > 1) whole = shrink(whole, factor);
        if (!window.empty()) {
          const Window w = parse_window("--crop", window);
          whole = crop(whole, w.top, w.left, w.rows, w.columns);
        }
        return std::move(whole);
      },
      image);
}

void require_image_source(const std::string& flag, const std::string& text) {
  if (text.starts_with(phantom_prefix)) return;
  const auto path = parse_dataset_path(text);
  if (!path && extension(text) == ".h5")
    throw ArgumentError(flag + ": " + text + " is an HDF5 file: name the dataset, as in " + text +
                        ":/image");
  require_readable(path ? path->file : text);
}

void require_image_destination(const std::string& flag, const std::string& path) {
  const std::string ending = extension(path);
  if (ending != ".h5" && ending != ".png" && ending != ".jpg" && ending != ".jpeg")
    throw ArgumentError(flag + ": got '" + path +
                        "', expected a name that ends in .h5, .png or .jpg");
  require_writable(path);
}

Array<float> magnitude(const AnyArray& image) {
  if (const auto* real = std::get_if<Array<float>>(&image)) return *real;
  return modulus<float>(std::get<ComplexArray>(image));
}

Shape without_channel(const Shape& shape) {
  return shape.rank() == 3 && shape[0] == 1 ? Shape(shape.begin() + 1, shape.end()) : shape;
}

Shape with_channel(const Shape& shape) {
  return shape.rank() == 2 ? Shape{1, shape[0], shape[1]} : shape;
}

void write_image(const std::string& path, const AnyArray& image, double white,
                 const Attributes& attributes) {
  std::visit(
      [&](const auto& a) {
        if (!all_finite(a)) throw Error(path + ": not written, since the result is not finite");
      },
      image);
  const std::string ending = extension(path);
  if (ending == ".h5") {
    Hdf5Writer file(path);
    file.format("fejer-image", 1);
    std::visit(
        [&](const auto& a) {
          using X = std::remove_cvref_t<decltype(a[0])>;
          file.write<X>("image", ConstView<X>(a).reshaped(without_channel(a.shape())));
        },
        image);
    for (const auto& [name, value] : attributes)
      std::visit([&, &key = name](const auto& v) { file.attribute("image", key, v); }, value);
    file.commit();
    return;
  }
  Array<float> shown = magnitude(image);
  const Shape& shape = shown.shape();
  if (shape.rank() == 3 && shape[0] != 1 && shape[0] != 3)
    throw ArgumentError(path + ": an image of " + std::to_string(shape[0]) +
                        " channels is no picture; write it to a file that ends in .h5");
  for (float& value : shown) value = static_cast<float>(value / white);
  if (ending == ".png")
    write_png(path, ConstView<float>(shown));
  else
    write_jpeg(path, ConstView<float>(shown));
}

}  // namespace fejer::command
