/// Files from other programs: every way to store numbers that people use, and files made to harm.
#define H5_USE_110_API
#include <hdf5.h>

#include <complex>
#include <cstdint>
#include <fejer/error.hpp>
#include <fejer/files.hpp>
#include <fejer/hdf5.hpp>
#include <functional>
#include <limits>

#include "data.hpp"

using namespace fejer;

namespace {

/// A file made with the C library; identifiers close with the file.
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

hid_t fixed_text(std::size_t bytes, H5T_str_t padding) {
  const hid_t type = H5Tcopy(H5T_C_S1);
  H5Tset_size(type, bytes);
  H5Tset_strpad(type, padding);
  return type;
}

hid_t variable_text(H5T_cset_t characters) {
  const hid_t type = H5Tcopy(H5T_C_S1);
  H5Tset_size(type, H5T_VARIABLE);
  H5Tset_cset(type, characters);
  return type;
}

hid_t python_bool() {
  const hid_t type = H5Tenum_create(H5T_STD_I8LE);
  std::int8_t value = 0;
  H5Tenum_insert(type, "FALSE", &value);
  value = 1;
  H5Tenum_insert(type, "TRUE", &value);
  return type;
}

hid_t half_float() {
  const hid_t type = H5Tcopy(H5T_IEEE_F32LE);
  H5Tset_fields(type, 15, 10, 5, 0, 10);
  H5Tset_size(type, 2);
  H5Tset_ebias(type, 15);
  return type;
}

std::string refusal(const std::function<void()>& run) {
  try {
    run();
  } catch (const FormatError& error) {
    CHECK(std::string(error.what()).find('\n') == std::string::npos);
    return error.what();
  }
  return "";
}

bool contains(const std::string& text, const char* part) {
  return text.find(part) != std::string::npos;
}

}  // namespace

TEST_CASE("hdf5 foreign: number types of other machines and of Python") {
  const fejer_test::ScratchFolder folder;
  {
    Foreign file(folder / "a.h5");
    const double reals[3] = {1.5, -2, 1e300};
    const std::int32_t integers[2] = {-7, 70000};
    const std::uint64_t largest = std::numeric_limits<std::uint64_t>::max();
    const std::int8_t truths[3] = {1, 0, 1};
    const unsigned char halves[6] = {0x00, 0x3c, 0x00, 0xc1, 0xff, 0x7b};  // 1, -2.5, 65504
    file.dataset("big_endian", H5T_IEEE_F64BE, {3}, reals, H5T_NATIVE_DOUBLE);
    file.dataset("big_integers", H5T_STD_I32BE, {2}, integers, H5T_NATIVE_INT32);
    file.dataset("unsigned", H5T_STD_U64LE, {}, &largest);
    file.dataset("bool", python_bool(), {3}, truths);
    file.dataset("half", half_float(), {3}, halves);
  }
  const Hdf5Reader reader(folder / "a.h5");
  CHECK_FALSE(reader.has_checksum());
  const Array<double> reals = reader.read<double>("big_endian");
  CHECK(reals[0] == 1.5);
  CHECK(reals[1] == -2);
  CHECK(reals[2] == 1e300);
  CHECK(reader.read<float>("big_endian")[1] == -2.0f);
  CHECK(reader.read<std::int64_t>("big_integers")[1] == 70000);
  CHECK(reader.read<float>("big_integers")[0] == -7.0f);
  CHECK(contains(refusal([&] { reader.read<std::uint8_t>("big_integers"); }),
                 "has values that are not integers from 0 to 255"));
  CHECK(reader.read<double>("unsigned")[0] == 18446744073709551616.0);
  CHECK(reader.info("unsigned").shape.rank() == 0);
  CHECK_FALSE(refusal([&] { reader.read<std::int64_t>("unsigned"); }).empty());
  CHECK(reader.info("bool").type == Hdf5Type::integer);
  CHECK(reader.read<std::uint8_t>("bool")[2] == 1);
  CHECK(reader.read<float>("bool")[1] == 0.0f);
  const Array<float> halves = reader.read<float>("half");
  CHECK(halves[0] == 1.0f);
  CHECK(halves[1] == -2.5f);
  CHECK(halves[2] == 65504.0f);
  CHECK(reader.info("half").bytes == 2);
}

TEST_CASE("hdf5 foreign: complex numbers by name of the members, in any order and width") {
  const fejer_test::ScratchFolder folder;
  {
    Foreign file(folder / "a.h5");
    struct Swapped {
      double imag, gap;
      float real;
    } swapped[2] = {{-1, 9, 2}, {0.25, 9, 3}};
    const hid_t type = H5Tcreate(H5T_COMPOUND, sizeof(Swapped));
    H5Tinsert(type, "imag", HOFFSET(Swapped, imag), H5T_NATIVE_DOUBLE);
    H5Tinsert(type, "real", HOFFSET(Swapped, real), H5T_NATIVE_FLOAT);
    file.dataset("swapped", type, {2}, swapped);
    const hid_t integers = H5Tcreate(H5T_COMPOUND, 8), pair = H5Tcreate(H5T_COMPOUND, 8);
    H5Tinsert(integers, "r", 0, H5T_STD_I32LE);
    H5Tinsert(integers, "i", 4, H5T_STD_I32LE);
    H5Tinsert(pair, "x", 0, H5T_IEEE_F32LE);
    H5Tinsert(pair, "y", 4, H5T_IEEE_F32LE);
    file.dataset("integers", integers, {2}, swapped);
    file.dataset("pair", pair, {2}, swapped);
  }
  const Hdf5Reader reader(folder / "a.h5");
  CHECK(reader.info("swapped").type == Hdf5Type::complex);
  const auto values = reader.read<std::complex<float>>("swapped");
  CHECK(values[0] == std::complex<float>(2, -1));
  CHECK(values[1] == std::complex<float>(3, 0.25f));
  CHECK(reader.read<std::complex<double>>("swapped")[1] == std::complex<double>(3, 0.25));
  for (const char* name : {"integers", "pair"}) {
    CHECK(reader.info(name).type == Hdf5Type::other);
    CHECK(contains(refusal([&] { reader.read<std::complex<float>>(name); }),
                   "holds no numbers of a supported kind"));
  }
}

TEST_CASE("hdf5 foreign: texts of fixed and variable length, attributes of every kind") {
  const fejer_test::ScratchFolder folder;
  {
    Foreign file(folder / "a.h5");
    const char* text = "variable";
    const char* texts[2] = {"one", "two\n"};
    file.dataset("variable", variable_text(H5T_CSET_ASCII), {}, &text);
    file.dataset("unwritten", variable_text(H5T_CSET_UTF8), {}, nullptr);
    file.dataset("terminated", fixed_text(8, H5T_STR_NULLTERM), {}, "abc\0xyz");
    file.dataset("null_padded", fixed_text(6, H5T_STR_NULLPAD), {1}, "abc d\0");
    file.dataset("full", fixed_text(4, H5T_STR_NULLPAD), {}, "full");
    file.dataset("space_padded", fixed_text(6, H5T_STR_SPACEPAD), {}, "ab c  ");
    file.dataset("two", variable_text(H5T_CSET_UTF8), {2}, texts);
    const double pair[2] = {0.431, -1e-20}, one = 295.5;
    const std::int64_t many[20] = {60, 75};
    const std::uint64_t largest = std::numeric_limits<std::uint64_t>::max();
    const std::int8_t truth = 1;
    file.attribute("pair", H5T_NATIVE_DOUBLE, {2}, pair);
    file.attribute("one", H5T_NATIVE_DOUBLE, {1}, &one);
    file.attribute("many", H5T_NATIVE_INT64, {20}, many);
    file.attribute("largest", H5T_NATIVE_UINT64, {}, &largest);
    file.attribute("truth", python_bool(), {}, &truth);
    file.attribute("two", variable_text(H5T_CSET_UTF8), {2}, texts);
    file.attribute("fixed", fixed_text(4, H5T_STR_NULLPAD), {}, "abc\0");
    file.attribute("opaque", H5T_STD_B8LE, {}, &truth);
    const hid_t null = H5Screate(H5S_NULL);
    H5Aclose(H5Acreate2(file.id(), "null", H5T_NATIVE_INT, null, H5P_DEFAULT, H5P_DEFAULT));
    H5Dclose(
        H5Dcreate2(file.id(), "null", H5T_NATIVE_INT, null, H5P_DEFAULT, H5P_DEFAULT, H5P_DEFAULT));
    H5Sclose(null);
  }
  const Hdf5Reader reader(folder / "a.h5");
  CHECK(reader.read_text("variable") == "variable");
  CHECK(reader.read_text("unwritten").empty());
  CHECK(reader.read_text("terminated") == "abc");
  CHECK(reader.read_text("null_padded") == "abc d");
  CHECK(reader.read_text("full") == "full");
  CHECK(reader.read_text("space_padded") == "ab c");
  CHECK(contains(refusal([&] { reader.read_text("two"); }), "has shape (2), expected one text"));
  CHECK(contains(refusal([&] { reader.read<float>("null"); }), "no numbers"));
  CHECK(contains(refusal([&] { reader.read_text("null"); }), "holds no text"));
  CHECK(reader.attribute_as_text("/", "pair") == "0.431, -1e-20");
  CHECK(reader.attribute_as_text("/", "truth") == "true");
  CHECK(reader.attribute_as_text("/", "two") == "one, two?");
  CHECK(reader.attribute_as_text("/", "fixed") == "abc");
  CHECK(reader.attribute_as_text("/", "null").empty());
  CHECK(contains(reader.attribute_as_text("/", "many"), "60, 75, 0"));
  CHECK(contains(reader.attribute_as_text("/", "many"), "(20 in all)"));
  CHECK(contains(reader.attribute_as_text("/", "opaque"), "another kind"));
  CHECK(reader.real_attribute("/", "one") == 295.5);
  CHECK(reader.real_attribute("/", "largest") == 18446744073709551616.0);
  CHECK(reader.integer_attribute("/", "truth") == 1);
  CHECK(reader.text_attribute("/", "fixed") == "abc");
  CHECK(contains(refusal([&] { reader.integer_attribute("/", "largest"); }), "does not fit"));
  CHECK(contains(refusal([&] { reader.real_attribute("/", "pair"); }), "has shape (2)"));
  CHECK(contains(refusal([&] { reader.real_attribute("/", "null"); }), "of another kind"));
  CHECK(contains(refusal([&] { reader.text_attribute("/", "two"); }), "has shape (2)"));
  CHECK(contains(refusal([&] { reader.integer_attribute("/", "opaque"); }), "another kind"));
}

TEST_CASE("hdf5 foreign: shapes that are too large are refused before memory is asked for") {
  const fejer_test::ScratchFolder folder;
  {
    Foreign file(folder / "a.h5");
    const hid_t chunked = H5Pcreate(H5P_DATASET_CREATE);
    const hsize_t chunk[2] = {64, 64};
    H5Pset_chunk(chunked, 2, chunk);
    H5Pset_deflate(chunked, 1);
    const hsize_t large = hsize_t{1} << 32;
    file.dataset("huge", H5T_NATIVE_FLOAT, {large, large}, nullptr, -1, chunked);
    file.dataset("large", H5T_NATIVE_UINT8, {large, 64}, nullptr, -1, chunked);
    file.dataset("sparse", H5T_NATIVE_UINT8, {1 << 14, 1 << 14}, nullptr, -1, chunked);
    file.dataset("huge_and_empty", H5T_NATIVE_FLOAT, {large, large, large, 0}, nullptr);
    file.dataset("many_axes", H5T_NATIVE_FLOAT, std::vector<hsize_t>(9, 1), nullptr);
    file.dataset("wide", fixed_text(std::size_t{1} << 31, H5T_STR_NULLPAD), {0}, nullptr);
    H5Pclose(chunked);
  }
  const Hdf5Reader reader(folder / "a.h5");
  const auto read = [&](const char* name) { return refusal([&] { reader.read<float>(name); }); };
  CHECK(contains(read("huge"), "/huge: needs more than 2^33 bytes"));
  CHECK(contains(read("large"), "/large: needs more than 2^33 bytes"));
  CHECK(contains(read("sparse"), "/sparse: claims 268435456 bytes but only 0 are stored"));
  CHECK(contains(read("huge_and_empty"), "needs more than 2^33 bytes"));
  CHECK(contains(read("many_axes"), "has 9 axes; at most 8 are supported"));
  CHECK(contains(read("wide"), "has elements of more than 2^30 bytes"));
  CHECK(reader.datasets().size() == 6);
}

TEST_CASE("hdf5 foreign: growing datasets are read as they are now") {
  const fejer_test::ScratchFolder folder;
  {
    Foreign file(folder / "a.h5");
    const hid_t chunked = H5Pcreate(H5P_DATASET_CREATE);
    const hsize_t chunk = 2, length = 3, most = H5S_UNLIMITED;
    H5Pset_chunk(chunked, 1, &chunk);
    const hid_t space = H5Screate_simple(1, &length, &most);
    const hid_t made =
        H5Dcreate2(file.id(), "x", H5T_NATIVE_INT, space, H5P_DEFAULT, chunked, H5P_DEFAULT);
    const int values[3] = {1, 2, 3};
    REQUIRE(H5Dwrite(made, H5T_NATIVE_INT, H5S_ALL, H5S_ALL, H5P_DEFAULT, values) >= 0);
  }
  CHECK(Hdf5Reader(folder / "a.h5").read<float>("x", Shape{3})[2] == 3.0f);
}

TEST_CASE("hdf5 foreign: values and links that lead to other files are never followed") {
  const fejer_test::ScratchFolder folder;
  const float secret[2] = {1, 2};
  Foreign(folder / "b.h5").dataset("x", H5T_NATIVE_FLOAT, {2}, secret);
  write_text(folder / "raw", "12345678");
  {
    Foreign file(folder / "a.h5");
    H5Lcreate_external("b.h5", "/x", file.id(), "linked", H5P_DEFAULT, H5P_DEFAULT);
    H5Lcreate_external("b.h5", "/", file.id(), "root", H5P_DEFAULT, H5P_DEFAULT);
    H5Lcreate_soft("/linked", file.id(), "soft_linked", H5P_DEFAULT, H5P_DEFAULT);
    const hid_t external = H5Pcreate(H5P_DATASET_CREATE), mapped = H5Pcreate(H5P_DATASET_CREATE);
    H5Pset_external(external, (folder / "raw").c_str(), 0, 8);
    file.dataset("external", H5T_NATIVE_FLOAT, {2}, nullptr, -1, external);
    const hsize_t length = 2;
    const hid_t space = H5Screate_simple(1, &length, nullptr);
    H5Pset_virtual(mapped, space, "b.h5", "x", space);
    file.dataset("virtual", H5T_NATIVE_FLOAT, {2}, nullptr, -1, mapped);
  }
  const Hdf5Reader reader(folder / "a.h5");
  for (const char* name : {"linked", "root/x", "soft_linked"}) {
    CAPTURE(name);
    CHECK(contains(refusal([&] { reader.read<float>(name); }), "is a link into another file"));
    CHECK_FALSE(reader.has(name));
  }
  for (const char* name : {"external", "virtual"}) {
    CAPTURE(name);
    CHECK(contains(refusal([&] { reader.read<float>(name); }), "keeps its values in another file"));
    CHECK_FALSE(refusal([&] { reader.info(name); }).empty());
  }
  CHECK(reader.list().size() == 5);
  CHECK(reader.datasets() == std::vector<std::string>{"/external", "/virtual"});
}

TEST_CASE("hdf5 foreign: links in circles, dangling links and deep groups end in an answer") {
  const fejer_test::ScratchFolder folder;
  const float values[2] = {1, 2};
  {
    Foreign file(folder / "a.h5");
    const hid_t group = H5Gcreate2(file.id(), "g", H5P_DEFAULT, H5P_DEFAULT, H5P_DEFAULT);
    H5Lcreate_hard(file.id(), "/", group, "up", H5P_DEFAULT, H5P_DEFAULT);
    H5Lcreate_hard(group, ".", group, "self", H5P_DEFAULT, H5P_DEFAULT);
    H5Lcreate_soft("/ring2", file.id(), "ring1", H5P_DEFAULT, H5P_DEFAULT);
    H5Lcreate_soft("/ring1", file.id(), "ring2", H5P_DEFAULT, H5P_DEFAULT);
    H5Lcreate_soft("/nowhere", file.id(), "dangling", H5P_DEFAULT, H5P_DEFAULT);
    H5Lcreate_soft("/g/x", file.id(), "soft", H5P_DEFAULT, H5P_DEFAULT);
    H5Tcommit2(file.id(), "type", H5Tcopy(H5T_NATIVE_INT), H5P_DEFAULT, H5P_DEFAULT, H5P_DEFAULT);
    file.dataset("g/x", H5T_NATIVE_FLOAT, {2}, values);
  }
  {
    const Hdf5Reader reader(folder / "a.h5");
    CHECK(reader.datasets() == std::vector<std::string>{"/g/x"});
    CHECK(reader.read<float>("g/up/g/self/x")[1] == 2.0f);
    CHECK(reader.read<float>("soft")[0] == 1.0f);
    for (const char* name : {"ring1", "dangling"}) {
      CHECK_FALSE(reader.has(name));
      CHECK(contains(refusal([&] { reader.read<float>(name); }), "no such dataset"));
    }
    CHECK(reader.has("type"));
    CHECK_FALSE(reader.has_dataset("type"));
    CHECK(contains(refusal([&] { reader.read<float>("type"); }), "is not a dataset"));
  }
  {
    Foreign file(folder / "deep.h5");
    std::string name;
    for (int depth = 0; depth < 70; ++depth) {
      name += "/g";
      H5Gclose(H5Gcreate2(file.id(), name.c_str(), H5P_DEFAULT, H5P_DEFAULT, H5P_DEFAULT));
    }
  }
  const Hdf5Reader deep(folder / "deep.h5");
  CHECK(contains(refusal([&] { deep.datasets(); }), "nested more than 64 deep"));
}

TEST_CASE("hdf5 foreign: the program's own error handler is left as it was") {
  const fejer_test::ScratchFolder folder;
  Foreign(folder / "a.h5").attribute("a", H5T_NATIVE_INT, {}, folder.path().data());
  H5E_auto2_t before = nullptr, after = nullptr;
  void* data = nullptr;
  H5Eget_auto2(H5E_DEFAULT, &before, &data);
  const Hdf5Reader reader(folder / "a.h5");
  CHECK_FALSE(refusal([&] { reader.read<float>("none"); }).empty());
  H5Eget_auto2(H5E_DEFAULT, &after, &data);
  CHECK((before == after));
}

TEST_CASE("hdf5 foreign: the measured data and published models open") {
  if (!fejer_test::have_data()) return;
  const Hdf5Reader kspace(fejer_test::data("mri/brain16_96.h5"));
  CHECK(kspace.info("kspace").type == Hdf5Type::complex);
  CHECK(kspace.read<std::complex<float>>("kspace").shape() == Shape{16, 96, 96});
  CHECK(kspace.read<std::uint8_t>("mask_2d").shape() == Shape{96, 96});
  const Hdf5Reader model(fejer_test::data("reference_models/wcrr_nn.h5"));
  CHECK(model.info("derived/L").shape.rank() == 0);
  CHECK(model.read<double>("derived/L")[0] > 0);
  CHECK(model.attribute_as_text("/", "activation_antisymmetric") == "true");
  const Hdf5Reader tooth(fejer_test::data("ct/tooth_sinogram.h5"));
  CHECK(tooth.real_attribute("/", "detector_centre_index") == 295.5);
  CHECK(tooth.integer_attribute("/", "image_size") == 512);
  CHECK(
      Hdf5Reader(fejer_test::data("ct/head_slice.h5")).attribute_as_text("/", "pixel_spacing_mm") ==
      "0.431, 0.431");
}
