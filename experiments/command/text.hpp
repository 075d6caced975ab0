#pragma once
/// What people type: noise levels, names, dataset paths with an index, sizes.
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include <fejer/array.hpp>

namespace fejer::command {

/// A noise level: an absolute standard deviation, or a share of the largest |datum|.
struct NoiseLevel {
  double value = 0;
  bool relative = false;
  /// In data units, given the largest |datum|.
  double in_units_of(double largest) const { return relative ? value * largest : value; }
};

/// "0.1", "25/255" or "2%" (of the largest datum). Throws ArgumentError for anything negative, not
/// finite, or above 1: people who type 25 mean 25/255; but for data that are no image, or whose
/// unit is stated (`any_unit`).
NoiseLevel parse_noise_level(const std::string& flag, const std::string& text,
                             bool any_unit = false);

/// The same without percentages: an image's sigma.
double parse_sigma(const std::string& flag, const std::string& text);

/// A finite number, "a/b" allowed.
double parse_number(const std::string& flag, const std::string& text);

/// A whole number that 64 bits hold.
std::int64_t parse_seed(const std::string& flag, const std::string& text);

/// A whole number from `least` on.
Index parse_count(const std::string& flag, const std::string& text, Index least = 0);

/// Throws ArgumentError that suggests the nearest spelling unless `got` is one of `known`.
void require_known(const std::string& flag, const std::string& got,
                   const std::vector<std::string>& known);

/// "FILE.h5:/images[2]": a dataset, or the slice of it that the leading indices choose.
struct DatasetPath {
  std::string file, dataset;
  std::vector<Index> index;
};
/// Empty where the text has not the form FILE:/dataset.
std::optional<DatasetPath> parse_dataset_path(const std::string& text);

/// Throws ArgumentError where `out` is the file of one of the inputs (a file or FILE:/dataset, or
/// empty): to write it would destroy that input.
void require_no_input(const std::string& flag, const std::string& out,
                      const std::vector<std::string>& inputs);

/// "256" or "230x180" as rows, columns.
struct ImageSize {
  Index rows = 0, columns = 0;
};
ImageSize parse_image_size(const std::string& flag, const std::string& text);

/// "row,column,rows,columns": the upper left corner and the size of a part of an image.
struct Window {
  Index top = 0, left = 0, rows = 0, columns = 0;
};
Window parse_window(const std::string& flag, const std::string& text);

/// Four significant digits or so, for people.
std::string short_number(double value);

/// The number that the whole text is, if it is a finite one.
std::optional<double> number_in(const std::string& text);

/// The text without the folders: "brain.h5:/kspace" of "/data/brain.h5:/kspace".
std::string base_name(const std::string& path);

/// Lower-case ending with the dot: ".png".
std::string extension(const std::string& path);

}  // namespace fejer::command
