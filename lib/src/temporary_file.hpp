#pragma once
/// One line for people, and files that appear only when they are whole.
#include <cstddef>
#include <initializer_list>
#include <string>
#include <string_view>

namespace fejer::detail {

/// The text with control characters replaced by '?', so that a message stays one line and cannot
/// steer a terminal.
std::string printable(std::string_view text);

/// Names joined by ", "; beyond `most` of them "... (N in all)".
template <class Names>
std::string joined(const Names& names, std::size_t most = 20) {
  std::string text;
  std::size_t count = 0;
  for (const auto& name : names) {
    if (count > 0 && count <= most) text += ", ";
    if (count < most) text += printable(name);
    if (count == most) text += "...";
    ++count;
  }
  if (count > most) text += " (" + std::to_string(count) + " in all)";
  return text;
}

/// An empty file beside `target`; commit() flushes and renames it, else it goes away.
class TemporaryFile {
 public:
  explicit TemporaryFile(const std::string& target);
  ~TemporaryFile();
  TemporaryFile(const TemporaryFile&) = delete;
  TemporaryFile& operator=(const TemporaryFile&) = delete;

  const std::string& path() const { return path_; }
  void commit();

 private:
  std::string given_, target_, path_;
};

/// Overwrites an existing file with the parts, one after the other; errors name `shown`.
void write_bytes(const std::string& path, const std::string& shown,
                 std::initializer_list<std::string_view> parts);

}  // namespace fejer::detail
