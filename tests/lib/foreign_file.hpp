#pragma once
/// HDF5 files as other programs write them, made with the C library.
#define H5_USE_110_API
#include <hdf5.h>

#include <cstdint>
#include <fejer/error.hpp>
#include <functional>
#include <string>
#include <vector>

#include <doctest/doctest.h>

namespace fejer_test {

/// Identifiers close with the file.
class Foreign {
 public:
  explicit Foreign(const std::string& path) {
    const hid_t access = H5Pcreate(H5P_FILE_ACCESS);
    H5Pset_fclose_degree(access, H5F_CLOSE_STRONG);
    file_ = H5Fcreate(path.c_str(), H5F_ACC_TRUNC, H5P_DEFAULT, access);
    H5Pclose(access);
    REQUIRE(file_ >= 0);
  }
  ~Foreign() { H5Fclose(file_); }
  Foreign(const Foreign&) = delete;
  Foreign& operator=(const Foreign&) = delete;
  hid_t id() const { return file_; }

  hid_t dataset(const char* name, hid_t type, const std::vector<hsize_t>& lengths, const void* data,
                hid_t memory = -1, hid_t creation = H5P_DEFAULT) {
    const hid_t space = lengths.empty() ? H5Screate(H5S_SCALAR)
                                        : H5Screate_simple(static_cast<int>(lengths.size()),
                                                           lengths.data(), nullptr);
    const hid_t made = H5Dcreate2(file_, name, type, space, H5P_DEFAULT, creation, H5P_DEFAULT);
    REQUIRE(made >= 0);
    if (data != nullptr)
      REQUIRE(H5Dwrite(made, memory < 0 ? type : memory, H5S_ALL, H5S_ALL, H5P_DEFAULT, data) >= 0);
    H5Sclose(space);
    return made;
  }

  void attribute(const char* name, hid_t type, const std::vector<hsize_t>& lengths,
                 const void* data) {
    const hid_t space = lengths.empty() ? H5Screate(H5S_SCALAR)
                                        : H5Screate_simple(static_cast<int>(lengths.size()),
                                                           lengths.data(), nullptr);
    const hid_t made = H5Acreate2(file_, name, type, space, H5P_DEFAULT, H5P_DEFAULT);
    REQUIRE(made >= 0);
    REQUIRE(H5Awrite(made, type, data) >= 0);
    H5Aclose(made);
    H5Sclose(space);
  }

 private:
  hid_t file_;
};

inline hid_t fixed_text(std::size_t bytes, H5T_str_t padding) {
  const hid_t type = H5Tcopy(H5T_C_S1);
  H5Tset_size(type, bytes);
  H5Tset_strpad(type, padding);
  return type;
}

inline hid_t variable_text(H5T_cset_t characters) {
  const hid_t type = H5Tcopy(H5T_C_S1);
  H5Tset_size(type, H5T_VARIABLE);
  H5Tset_cset(type, characters);
  return type;
}

inline hid_t python_bool() {
  const hid_t type = H5Tenum_create(H5T_STD_I8LE);
  std::int8_t value = 0;
  H5Tenum_insert(type, "FALSE", &value);
  value = 1;
  H5Tenum_insert(type, "TRUE", &value);
  return type;
}

inline hid_t half_float() {
  const hid_t type = H5Tcopy(H5T_IEEE_F32LE);
  H5Tset_fields(type, 15, 10, 5, 0, 10);
  H5Tset_size(type, 2);
  H5Tset_ebias(type, 15);
  return type;
}

inline std::string refusal(const std::function<void()>& run) {
  try {
    run();
  } catch (const fejer::FormatError& error) {
    CHECK(std::string(error.what()).find('\n') == std::string::npos);
    return error.what();
  }
  return "";
}

}  // namespace fejer_test
