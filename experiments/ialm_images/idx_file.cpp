#include "idx_file.hpp"

#include <zlib.h>

#include <algorithm>
#include <cstdio>
#include <memory>

#include <fejer/error.hpp>
#include <fejer/files.hpp>

namespace fejer::ialm_images {
namespace {

/// More than any of these data sets, so that a damaged extent does not ask for all memory.
constexpr Index largest = Index{1} << 31;

class Reader {
 public:
  explicit Reader(const std::string& path) : path_(path) {
    require_readable(path);
    file_.reset(gzopen(path.c_str(), "rb"));
    if (file_ == nullptr) fail("cannot be read");
  }
  [[noreturn]] void fail(const std::string& what) const {
    throw FormatError(path_ + ": " + what + "; scripts/fetch_mnist fetches the files anew");
  }
  /// Up to `count` bytes; fewer only at the end of the file.
  std::vector<unsigned char> read(Index count) {
    constexpr Index piece = 1 << 22;
    std::vector<unsigned char> bytes;
    while (static_cast<Index>(bytes.size()) < count) {
      const Index have = static_cast<Index>(bytes.size()), n = std::min(piece, count - have);
      bytes.resize(static_cast<std::size_t>(have + n));
      const int got = gzread(file_.get(), bytes.data() + have, static_cast<unsigned>(n));
      int code = Z_OK;
      const std::string reason = gzerror(file_.get(), &code);
      // Z_BUF_ERROR: a gzip stream that ends early.
      if (got < 0 || (code != Z_OK && code != Z_STREAM_END))
        fail("damaged gzip stream: " + (reason.empty() ? "ends early" : reason));
      bytes.resize(static_cast<std::size_t>(have + got));
      if (got < n) break;
    }
    return bytes;
  }

 private:
  struct Close {
    void operator()(gzFile file) const { gzclose(file); }
  };
  std::string path_;
  std::unique_ptr<gzFile_s, Close> file_;
};

}  // namespace

IdxFile read_idx(const std::string& path, Index rank) {
  Reader reader(path);
  const std::vector<unsigned char> head = reader.read(4 + 4 * rank);
  const std::vector<unsigned char> magic = {0, 0, 8, static_cast<unsigned char>(rank)};
  if (head.size() < 4 || !std::equal(magic.begin(), magic.end(), head.begin())) {
    std::string got;
    for (std::size_t i = 0; i < std::min<std::size_t>(head.size(), 4); ++i) {
      char byte[3];
      std::snprintf(byte, sizeof byte, "%02x", head[i]);
      got += byte;
    }
    reader.fail("not an IDX file of bytes with " + std::to_string(rank) +
                " extents: it starts with " + (got.empty() ? "nothing" : got) +
                ", expected 0000080" + std::to_string(rank));
  }
  if (head.size() < static_cast<std::size_t>(4 + 4 * rank))
    reader.fail("ends after " + std::to_string(head.size()) + " bytes, inside its extents");
  IdxFile file;
  Index count = 1;
  for (Index i = 0; i < rank; ++i) {
    const unsigned char* at = head.data() + 4 + 4 * i;
    const Index extent = Index{at[0]} << 24 | Index{at[1]} << 16 | Index{at[2]} << 8 | Index{at[3]};
    if (extent == 0 || extent > largest / count)
      reader.fail("extent " + std::to_string(i) + " is " + std::to_string(extent) +
                  ", expected 1 or more and " + std::to_string(largest) + " values at most");
    count *= extent;
    file.shape.push_back(extent);
  }
  file.values = reader.read(count);
  if (static_cast<Index>(file.values.size()) < count)
    reader.fail("ends after " + std::to_string(file.values.size()) + " values, expected " +
                std::to_string(count));
  if (!reader.read(1).empty())
    reader.fail("has more than the " + std::to_string(count) + " values of its extents");
  return file;
}

}  // namespace fejer::ialm_images
