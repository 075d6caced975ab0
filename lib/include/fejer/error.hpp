#pragma once
/// Exceptions of the library. All derive from Error, whose message is one line that says what was
/// wrong, where, what was expected and what to do. Non-convergence is a status, never an exception.
#include <stdexcept>
#include <string>

namespace fejer {

class Error : public std::runtime_error {
 public:
  using std::runtime_error::runtime_error;
};

/// A value outside its allowed range, a missing option, an unusable combination.
class ArgumentError : public Error {
 public:
  using Error::Error;
};

/// Two shapes that should agree and do not.
class ShapeError : public ArgumentError {
 public:
  using ArgumentError::ArgumentError;
};

/// A file that is missing, damaged, foreign, from a newer version, or does not follow its schema.
class FormatError : public Error {
 public:
  using Error::Error;
};

}  // namespace fejer
