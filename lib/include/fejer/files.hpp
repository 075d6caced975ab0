#pragma once
/// Files that are either whole or not there.
#include <cstddef>
#include <functional>
#include <string>
#include <vector>

namespace fejer {

/// Runs write(temporary path) in the folder of `path`, flushes the file to disk and renames it to
/// `path`; on any exception the temporary file is removed and `path` is as before. A symbolic link
/// stays, its target is replaced. Throws ArgumentError where require_writable does.
void write_atomically(const std::string& path,
                      const std::function<void(const std::string& temporary)>& write);

/// Writes text atomically.
void write_text(const std::string& path, const std::string& text);

/// Throws FormatError "<path>: no such file", "is a folder" or "cannot be read: <reason>".
void require_readable(const std::string& path);

/// Throws ArgumentError unless a file of this name could be made now (tried: one is made beside it
/// and removed). Devices and other things that are not regular files are refused.
void require_writable(const std::string& path);

/// Lower-case hexadecimal SHA-256.
std::string sha256(const void* data, std::size_t bytes);
/// Of the file from byte `offset` on.
std::string sha256_of_file(const std::string& path, std::size_t offset = 0);

/// The known name that is a few typing slips (insert, drop, replace, swap; any case) away, else "".
std::string nearest_name(const std::string& got, const std::vector<std::string>& known);

/// "unknown <kind> '<got>'; expected one of a, b, c; did you mean b?" (the last part only where a
/// name is near).
std::string unknown_name(const std::string& kind, const std::string& got,
                         const std::vector<std::string>& known);

}  // namespace fejer
