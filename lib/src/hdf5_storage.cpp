/// Checks before values are read. The C library (seen with 1.10.8) takes for granted that a chunk
/// has its full length after decompression; in a damaged file it has not.
#include <zlib.h>

#include <algorithm>

#include "hdf5_internal.hpp"

namespace fejer::detail {
namespace {

using Offsets = std::vector<hsize_t>;

struct Chunks {
  Offsets lengths;
  std::size_t bytes = 0;
  std::vector<H5Z_filter_t> filters;
};

Chunks chunks_of(const OpenDataset& data, hid_t layout, const std::string& where) {
  Chunks chunks;
  const int rank = data.info.shape.rank();
  chunks.lengths.resize(static_cast<std::size_t>(rank));
  if (H5Pget_chunk(layout, rank, chunks.lengths.data()) != rank)
    hdf5_fail(where, "has chunks of another rank than its shape");
  std::uint64_t bytes = H5Tget_size(data.type.get());
  for (hsize_t length : chunks.lengths) {
    if (length == 0 || length > most_bytes / bytes) hdf5_fail(where, "has chunks of no length");
    bytes *= length;
  }
  chunks.bytes = bytes;
  for (int i = 0; i < H5Pget_nfilters(layout); ++i) {
    unsigned flags = 0, configuration = 0;
    std::size_t values = 0;
    const H5Z_filter_t filter = H5Pget_filter2(layout, static_cast<unsigned>(i), &flags, &values,
                                               nullptr, 0, nullptr, &configuration);
    if (filter != H5Z_FILTER_DEFLATE && filter != H5Z_FILTER_SHUFFLE &&
        filter != H5Z_FILTER_FLETCHER32)
      hdf5_fail(where, "is packed with filter " + std::to_string(filter) +
                           "; supported are gzip, shuffle and fletcher32: save it again");
    chunks.filters.push_back(filter);
  }
  return chunks;
}

/// Length of a zlib stream unpacked; `most` + 1 when it is more than that, 0 when it is damaged.
std::size_t unpacked_bytes(const unsigned char* data, std::size_t bytes, std::size_t most) {
  struct Stream : z_stream {
    Stream() : z_stream{} {}
    ~Stream() { inflateEnd(this); }
    Stream(const Stream&) = delete;
    Stream& operator=(const Stream&) = delete;
  } stream;
  if (inflateInit(&stream) != Z_OK) return 0;
  std::vector<unsigned char> scratch(std::size_t{1} << 16);
  stream.next_in = const_cast<unsigned char*>(data);
  stream.avail_in = static_cast<unsigned>(bytes);
  std::size_t total = 0;
  for (;;) {
    stream.next_out = scratch.data();
    stream.avail_out = static_cast<unsigned>(scratch.size());
    const int state = inflate(&stream, Z_NO_FLUSH);
    total += scratch.size() - stream.avail_out;
    if (total > most) return most + 1;
    if (state == Z_STREAM_END) return total;
    if (state != Z_OK) return 0;
  }
}

/// Length of a stored chunk with its filters undone, 0 when that cannot be.
std::size_t restored_bytes(const Chunks& chunks, std::uint32_t skipped,
                           const std::vector<unsigned char>& stored) {
  std::size_t bytes = stored.size();
  bool packed = true;
  for (std::size_t i = chunks.filters.size(); i-- > 0;) {
    if ((skipped >> i & 1) != 0) continue;
    if (chunks.filters[i] == H5Z_FILTER_FLETCHER32) {
      if (bytes < 4 || !packed) return 0;
      bytes -= 4;
    }
    if (chunks.filters[i] == H5Z_FILTER_DEFLATE) {
      if (!packed) return 0;
      bytes = unpacked_bytes(stored.data(), bytes, chunks.bytes);
      packed = false;
    }
  }
  return bytes;
}

void require_whole_chunk(const OpenDataset& data, const Chunks& chunks, const Offsets& at,
                         const std::string& where) {
  unsigned skipped = 0;
  haddr_t address = HADDR_UNDEF;
  hsize_t stored = 0;
  bool sound =
      H5Dget_chunk_info_by_coord(data.dataset.get(), at.data(), &skipped, &address, &stored) >= 0;
  if (sound && address == HADDR_UNDEF) return;  // never written: the fill value
  sound = sound && stored > 0 && stored <= chunks.bytes + chunks.bytes / 64 + 1024;
  if (sound && chunks.filters.empty()) {
    sound = stored == chunks.bytes;
  } else if (sound) {
    std::vector<unsigned char> bytes(stored);
    std::uint32_t mask = 0;
    sound = H5Dread_chunk(data.dataset.get(), H5P_DEFAULT, at.data(), &mask, bytes.data()) >= 0 &&
            restored_bytes(chunks, mask, bytes) == chunks.bytes;
  }
  if (!sound) hdf5_fail(where, "is damaged: a stored piece of it has not the length it should");
}

void require_whole_chunks(const OpenDataset& data, hid_t layout, const std::string& where) {
  const Chunks chunks = chunks_of(data, layout, where);
  const Shape& shape = data.info.shape;
  Offsets at(chunks.lengths.size(), 0);
  for (;;) {
    require_whole_chunk(data, chunks, at, where);
    std::size_t axis = at.size();
    while (axis-- > 0) {
      at[axis] += chunks.lengths[axis];
      if (at[axis] < static_cast<hsize_t>(shape[static_cast<int>(axis)])) break;
      at[axis] = 0;
    }
    if (axis == std::size_t(-1)) return;
  }
}

}  // namespace

void require_sound_storage(const OpenDataset& data, const std::string& where) {
  const auto count = static_cast<std::uint64_t>(data.info.shape.size());
  const std::uint64_t bytes = count * H5Tget_size(data.type.get());
  const std::uint64_t stored = H5Dget_storage_size(data.dataset.get());
  const Handle layout(H5Dget_create_plist(data.dataset.get()));
  const H5D_layout_t kind = H5Pget_layout(layout.get());
  // gzip shrinks at most 1032 times
  if ((kind == H5D_COMPACT && stored < bytes) ||
      (bytes > std::uint64_t{1} << 24 && stored < bytes / 4096))
    hdf5_fail(where, "claims " + std::to_string(bytes) + " bytes but only " +
                         std::to_string(stored) + " are stored; was it written to the end?");
  if (kind == H5D_CHUNKED && count > 0 && !data.verified)
    require_whole_chunks(data, layout.get(), where);
}

}  // namespace fejer::detail
