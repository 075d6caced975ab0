#pragma once
/// IDX files, the format of MNIST and Fashion-MNIST.
#include <string>
#include <vector>

#include <fejer/array.hpp>

namespace fejer::ialm_images {

/// Unsigned bytes, row-major.
struct IdxFile {
  std::vector<Index> shape;
  std::vector<unsigned char> values;
};

/// Two zero bytes, the type (8: unsigned bytes, the only one read here), the rank, then the extents
/// as big-endian 32-bit numbers, then the values (http://yann.lecun.com/exdb/mnist, "the IDX file
/// format"); packed by gzip or not. Throws FormatError for anything else: another type or rank,
/// values missing or left over, a damaged gzip stream.
IdxFile read_idx(const std::string& path, Index rank);

}  // namespace fejer::ialm_images
