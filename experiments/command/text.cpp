#include "text.hpp"

#include <algorithm>
#include <cctype>
#include <charconv>
#include <cmath>
#include <cstdio>
#include <filesystem>

#include <fejer/files.hpp>
#include <fejer/hdf5.hpp>

namespace fejer::command {
namespace {

std::optional<double> plain_number(const std::string& text) {
  double value = 0;
  const char* end = text.data() + text.size();
  const char* begin = text.data() + (!text.empty() && text[0] == '+' ? 1 : 0);
  const auto [last, error] = std::from_chars(begin, end, value);
  if (error != std::errc() || last != end) return std::nullopt;
  return value;
}

std::optional<double> number_or_fraction(const std::string& text) {
  const auto slash = text.find('/');
  if (slash == std::string::npos) return plain_number(text);
  const auto above = plain_number(text.substr(0, slash));
  const auto below = plain_number(text.substr(slash + 1));
  if (!above || !below || *below == 0) return std::nullopt;
  return *above / *below;
}

}  // namespace

double parse_number(const std::string& flag, const std::string& text) {
  const auto value = number_or_fraction(text);
  if (!value || !std::isfinite(*value))
    throw ArgumentError(flag + ": got '" + text +
                        "', expected a finite number such as 0.1 or 25/255");
  return *value;
}

NoiseLevel parse_noise_level(const std::string& flag, const std::string& text, bool any_unit) {
  NoiseLevel level;
  std::string number = text;
  if (!number.empty() && number.back() == '%') {
    level.relative = true;
    number.pop_back();
  }
  level.value = parse_number(flag, number) / (level.relative ? 100 : 1);
  if (level.value < 0)
    throw ArgumentError(flag + ": got " + text + ", but a noise level cannot be negative");
  if (level.value > 1 && (level.relative || !any_unit)) {
    const bool whole = level.value <= 255 && !level.relative;
    throw ArgumentError(
        flag + ": got " + text + ", but noise levels are in the image's unit, [0,1]; " +
        (whole && text.find('/') == std::string::npos
             ? "did you mean " + text + "/255?"
             : "give a fraction such as 25/255, or a share of the largest datum such as 1%"));
  }
  return level;
}

double parse_sigma(const std::string& flag, const std::string& text) {
  if (!text.empty() && text.back() == '%')
    throw ArgumentError(flag + ": got " + text + ", expected a number in [0,1] such as 25/255");
  return parse_noise_level(flag, text).value;
}

std::int64_t parse_seed(const std::string& flag, const std::string& text) {
  std::int64_t value = 0;
  const auto [last, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error != std::errc() || last != text.data() + text.size())
    throw ArgumentError(flag + ": got '" + text +
                        "', expected a whole number of at most 18 digits");
  return value;
}

Index parse_count(const std::string& flag, const std::string& text, Index least) {
  const auto value = plain_number(text);
  if (!value || *value < static_cast<double>(least) || *value != std::floor(*value) ||
      *value > 1e12)
    throw ArgumentError(flag + ": got '" + text + "', expected a whole number from " +
                        std::to_string(least));
  return static_cast<Index>(*value);
}

void require_known(const std::string& flag, const std::string& got,
                   const std::vector<std::string>& known) {
  if (std::find(known.begin(), known.end(), got) == known.end())
    throw ArgumentError(unknown_name(flag, got, known));
}

std::optional<DatasetPath> parse_dataset_path(const std::string& text) {
  std::string path = text;
  std::vector<Index> index;
  const auto bracket = path.rfind('[');
  if (!path.empty() && path.back() == ']' && bracket != std::string::npos &&
      is_hdf5_path(path.substr(0, bracket))) {
    std::string list = path.substr(bracket + 1, path.size() - bracket - 2) + ",";
    for (std::size_t begin = 0; begin < list.size();) {
      const auto comma = list.find(',', begin);
      const auto value = plain_number(list.substr(begin, comma - begin));
      if (!value || *value < 0 || *value != std::floor(*value) || *value > 1e9)
        throw ArgumentError(
            text + ": the index in brackets must be whole numbers from 0, as in F.h5:/images[2]");
      index.push_back(static_cast<Index>(*value));
      begin = comma + 1;
    }
    path.resize(bracket);
  }
  if (!is_hdf5_path(path)) return std::nullopt;
  const Hdf5Path parts = split_hdf5_path(path);
  return DatasetPath{parts.file, parts.dataset, std::move(index)};
}

void require_no_input(const std::string& flag, const std::string& out,
                      const std::vector<std::string>& inputs) {
  if (out.empty()) return;
  for (const std::string& input : inputs) {
    if (input.empty()) continue;
    const auto path = parse_dataset_path(input);
    const std::string file = path ? path->file : input;
    std::error_code none;
    if (std::filesystem::equivalent(out, file, none) ||
        std::filesystem::weakly_canonical(out, none) ==
            std::filesystem::weakly_canonical(file, none))
      throw ArgumentError(flag + ": " + out + " is also an input (" + input +
                          "), which would be lost; name another file");
  }
}

ImageSize parse_image_size(const std::string& flag, const std::string& text) {
  const auto cross = text.find('x');
  const auto rows = plain_number(text.substr(0, cross));
  const auto columns = cross == std::string::npos ? rows : plain_number(text.substr(cross + 1));
  for (const auto& n : {rows, columns})
    if (!n || *n < 1 || *n > 65536 || *n != std::floor(*n))
      throw ArgumentError(flag + ": got '" + text + "', expected a size such as 256 or 230x180");
  return {static_cast<Index>(*rows), static_cast<Index>(*columns)};
}

Window parse_window(const std::string& flag, const std::string& text) {
  std::vector<Index> numbers;
  const std::string list = text + ",";
  for (std::size_t begin = 0; begin < list.size();) {
    const auto comma = list.find(',', begin);
    const auto value = plain_number(list.substr(begin, comma - begin));
    if (!value || *value < 0 || *value != std::floor(*value) || *value > 1e9) {
      numbers.clear();
      break;
    }
    numbers.push_back(static_cast<Index>(*value));
    begin = comma + 1;
  }
  if (numbers.size() != 4 || numbers[2] < 1 || numbers[3] < 1)
    throw ArgumentError(flag + ": got '" + text + "', expected ROW,COLUMN,ROWS,COLUMNS in pixels");
  return {numbers[0], numbers[1], numbers[2], numbers[3]};
}

std::optional<double> number_in(const std::string& text) {
  const auto value = plain_number(text);
  return value && std::isfinite(*value) ? value : std::nullopt;
}

std::string short_number(double value) {
  char text[32];
  std::snprintf(text, sizeof text, "%.4g", value);
  return text;
}

std::string base_name(const std::string& path) {
  const auto colon = path.rfind(":/");
  const auto slash = path.rfind('/', colon == std::string::npos ? colon : colon - 1);
  return slash == std::string::npos || colon == 0 ? path : path.substr(slash + 1);
}

std::string extension(const std::string& path) {
  std::string ending = std::filesystem::path(path).extension().string();
  std::transform(ending.begin(), ending.end(), ending.begin(),
                 [](unsigned char c) { return static_cast<char>(std::tolower(c)); });
  return ending;
}

}  // namespace fejer::command
