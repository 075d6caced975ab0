#include <fcntl.h>
#include <openssl/evp.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <cctype>
#include <cerrno>
#include <cstring>
#include <fejer/error.hpp>
#include <fejer/files.hpp>
#include <filesystem>
#include <memory>
#include <utility>

#include "temporary_file.hpp"

namespace fejer {
namespace {

namespace fs = std::filesystem;

class Descriptor {
 public:
  explicit Descriptor(int fd) : fd_(fd) {}
  ~Descriptor() {
    if (fd_ >= 0) ::close(fd_);
  }
  Descriptor(const Descriptor&) = delete;
  Descriptor& operator=(const Descriptor&) = delete;
  int get() const { return fd_; }
  /// Closes now, to see errors that a network file system reports late.
  bool close() { return ::close(std::exchange(fd_, -1)) == 0; }

 private:
  int fd_;
};

template <class E>
[[noreturn]] void fail(const std::string& path, const std::string& what) {
  std::string message = detail::printable(path);
  message += ": " + what;
  throw E(message);
}

template <class E>
[[noreturn]] void fail(const std::string& path, const std::string& what, int error) {
  fail<E>(path, what + ": " + std::strerror(error));
}

class Sha256 {
 public:
  Sha256() : context_(EVP_MD_CTX_new(), EVP_MD_CTX_free) {
    require(context_ && EVP_DigestInit_ex(context_.get(), EVP_sha256(), nullptr) == 1);
  }
  void add(const void* data, std::size_t bytes) {
    require(EVP_DigestUpdate(context_.get(), data, bytes) == 1);
  }
  std::string hex() {
    unsigned char digest[EVP_MAX_MD_SIZE];
    unsigned int length = 0;
    require(EVP_DigestFinal_ex(context_.get(), digest, &length) == 1);
    std::string text;
    for (unsigned int i = 0; i < length; ++i) {
      text += "0123456789abcdef"[digest[i] >> 4];
      text += "0123456789abcdef"[digest[i] & 15];
    }
    return text;
  }

 private:
  static void require(bool ok) {
    if (!ok) throw Error("sha256: the cryptography library refused to work");
  }
  std::unique_ptr<EVP_MD_CTX, void (*)(EVP_MD_CTX*)> context_;
};

/// Typing slips between two names, letters of any case: insert, drop, replace, swap neighbours.
std::size_t edit_distance(const std::string& a, const std::string& b) {
  const auto same = [](char x, char y) {
    return std::tolower(static_cast<unsigned char>(x)) ==
           std::tolower(static_cast<unsigned char>(y));
  };
  std::vector<std::size_t> before, above(b.size() + 1), row(b.size() + 1);
  for (std::size_t j = 0; j <= b.size(); ++j) above[j] = j;
  for (std::size_t i = 1; i <= a.size(); ++i) {
    row[0] = i;
    for (std::size_t j = 1; j <= b.size(); ++j) {
      const std::size_t replaced = above[j - 1] + (same(a[i - 1], b[j - 1]) ? 0 : 1);
      row[j] = std::min({replaced, above[j] + 1, row[j - 1] + 1});
      if (i > 1 && j > 1 && same(a[i - 1], b[j - 2]) && same(a[i - 2], b[j - 1]))
        row[j] = std::min(row[j], before[j - 2] + 1);
    }
    before = above;
    above = row;
  }
  return above[b.size()];
}

/// The file that is to be replaced: the end of a chain of symbolic links.
std::string resolved(const std::string& path) {
  std::error_code error;
  if (!fs::is_symlink(path, error)) return path;
  const fs::path target = fs::weakly_canonical(path, error);
  return error ? path : target.string();
}

}  // namespace

namespace detail {

std::string printable(std::string_view text) {
  std::string clean(text);
  for (char& c : clean)
    if (static_cast<unsigned char>(c) < 32 || c == 127) c = '?';
  return clean;
}

TemporaryFile::TemporaryFile(const std::string& target) : given_(target) {
  if (target.empty()) throw ArgumentError("no file name given for the output");
  target_ = resolved(target);
  struct stat status {};
  if (::stat(target_.c_str(), &status) == 0) {
    if (S_ISDIR(status.st_mode)) fail<ArgumentError>(given_, "is a folder, expected a file name");
    if (!S_ISREG(status.st_mode)) fail<ArgumentError>(given_, "is not a regular file");
    if (::access(target_.c_str(), W_OK) != 0)
      fail<ArgumentError>(given_, "cannot be written", errno);
  } else if (errno != ENOENT) {
    fail<ArgumentError>(given_, "cannot be written", errno);
  }
  const fs::path folder = fs::path(target_).parent_path();
  std::error_code error;
  if (!folder.empty() && !fs::is_directory(folder, error))
    fail<ArgumentError>(given_, "cannot be written: there is no folder " +
                                    printable(folder.string()) + "; make it first");
  const std::string name = fs::path(target_).filename().string();
  if (name.empty()) fail<ArgumentError>(given_, "is a folder, expected a file name");
  static std::atomic<unsigned> counter{0};
  for (int attempt = 0; attempt < 1000; ++attempt) {
    std::string own = ".";
    own += name.substr(0, 100) + "." + std::to_string(::getpid()) + "-";
    own += std::to_string(counter++) + ".part";
    path_ = (folder / own).string();
    const Descriptor file(::open(path_.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0666));
    if (file.get() >= 0) return;
    if (errno != EEXIST) break;
  }
  fail<ArgumentError>(given_, "cannot be written", errno);
}

TemporaryFile::~TemporaryFile() {
  if (!path_.empty()) ::unlink(path_.c_str());
}

void TemporaryFile::commit() {
  Descriptor file(::open(path_.c_str(), O_RDONLY | O_CLOEXEC));
  if (file.get() < 0 || ::fsync(file.get()) != 0 || !file.close())
    fail<FormatError>(given_, "cannot be written", errno);
  if (::rename(path_.c_str(), target_.c_str()) != 0)
    fail<FormatError>(given_, "cannot be written", errno);
  path_.clear();
  // The new name reaches the disk too. The file is whole by now, and some file systems cannot
  // flush folders, so a failure here is no reason to report the file as not written.
  const std::string folder = fs::path(target_).parent_path().string();
  const Descriptor flushed(
      ::open(folder.empty() ? "." : folder.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  if (flushed.get() >= 0) ::fsync(flushed.get());
}

void write_bytes(const std::string& path, const std::string& shown,
                 std::initializer_list<std::string_view> parts) {
  Descriptor file(::open(path.c_str(), O_WRONLY | O_TRUNC | O_CLOEXEC));
  if (file.get() < 0) fail<FormatError>(shown, "cannot be written", errno);
  for (std::string_view part : parts) {
    while (!part.empty()) {
      const ssize_t written = ::write(file.get(), part.data(), part.size());
      if (written < 0 && errno == EINTR) continue;
      if (written < 0) fail<FormatError>(shown, "cannot be written", errno);
      part.remove_prefix(static_cast<std::size_t>(written));
    }
  }
  if (!file.close()) fail<FormatError>(shown, "cannot be written", errno);
}

}  // namespace detail

void write_atomically(const std::string& path,
                      const std::function<void(const std::string& temporary)>& write) {
  detail::TemporaryFile file(path);
  write(file.path());
  file.commit();
}

void write_text(const std::string& path, const std::string& text) {
  write_atomically(
      path, [&](const std::string& temporary) { detail::write_bytes(temporary, path, {text}); });
}

void require_readable(const std::string& path) {
  struct stat status {};
  if (::stat(path.c_str(), &status) != 0) {
    if (errno == ENOENT) fail<FormatError>(path, "no such file");
    fail<FormatError>(path, "cannot be read", errno);
  }
  if (S_ISDIR(status.st_mode)) fail<FormatError>(path, "is a folder, expected a file");
  if (!S_ISREG(status.st_mode)) fail<FormatError>(path, "cannot be read: it is not a regular file");
  const Descriptor file(::open(path.c_str(), O_RDONLY | O_CLOEXEC));
  if (file.get() < 0) fail<FormatError>(path, "cannot be read", errno);
}

void require_writable(const std::string& path) { const detail::TemporaryFile attempt(path); }

std::string sha256(const void* data, std::size_t bytes) {
  Sha256 hash;
  if (bytes > 0) hash.add(data, bytes);
  return hash.hex();
}

std::string sha256_of_file(const std::string& path, std::size_t offset) {
  require_readable(path);
  const Descriptor file(::open(path.c_str(), O_RDONLY | O_CLOEXEC));
  if (file.get() < 0 || ::lseek(file.get(), static_cast<off_t>(offset), SEEK_SET) < 0)
    fail<FormatError>(path, "cannot be read", errno);
  Sha256 hash;
  std::vector<char> buffer(std::size_t{1} << 18);
  for (;;) {
    const ssize_t got = ::read(file.get(), buffer.data(), buffer.size());
    if (got < 0 && errno == EINTR) continue;
    if (got < 0) fail<FormatError>(path, "cannot be read", errno);
    if (got == 0) return hash.hex();
    hash.add(buffer.data(), static_cast<std::size_t>(got));
  }
}

std::string nearest_name(const std::string& got, const std::vector<std::string>& known) {
  std::string nearest;
  std::size_t least = std::max<std::size_t>(1, got.size() / 3) + 1;
  for (const std::string& name : known) {
    const std::size_t distance = edit_distance(got, name);
    if (distance >= least || distance >= std::max(got.size(), name.size())) continue;
    least = distance;
    nearest = name;
  }
  return nearest;
}

std::string unknown_name(const std::string& kind, const std::string& got,
                         const std::vector<std::string>& known) {
  std::string message = "unknown " + kind;
  message += " '" + detail::printable(got) + "'; expected one of " + detail::joined(known);
  const std::string nearest = nearest_name(got, known);
  if (!nearest.empty()) message += "; did you mean " + detail::printable(nearest) + "?";
  return message;
}

}  // namespace fejer
