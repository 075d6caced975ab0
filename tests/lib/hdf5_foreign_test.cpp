/// Files from other programs: every way to store numbers that people use.
#include <complex>
#include <cstdint>
#include <fejer/hdf5.hpp>
#include <limits>

#include "data.hpp"
#include "file_tools.hpp"
#include "foreign_file.hpp"

using namespace fejer;
using namespace fejer_test;

TEST_CASE("hdf5 foreign: number types of other machines and of Python") {
  const ScratchFolder folder;
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
  const ScratchFolder folder;
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
  const ScratchFolder folder;
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

TEST_CASE("hdf5 foreign: growing datasets are read as they are now") {
  const ScratchFolder folder;
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

TEST_CASE("hdf5 foreign: the measured data and published models open") {
  if (!have_data()) return;
  const Hdf5Reader kspace(data("mri/brain16_96.h5"));
  CHECK(kspace.info("kspace").type == Hdf5Type::complex);
  CHECK(kspace.read<std::complex<float>>("kspace").shape() == Shape{16, 96, 96});
  CHECK(kspace.read<std::uint8_t>("mask_2d").shape() == Shape{96, 96});
  const Hdf5Reader model(data("reference_models/wcrr_nn.h5"));
  CHECK(model.info("derived/L").shape.rank() == 0);
  CHECK(model.read<double>("derived/L")[0] > 0);
  CHECK(model.attribute_as_text("/", "activation_antisymmetric") == "true");
  const Hdf5Reader tooth(data("ct/tooth_sinogram.h5"));
  CHECK(tooth.real_attribute("/", "detector_centre_index") == 295.5);
  CHECK(tooth.integer_attribute("/", "image_size") == 512);
  CHECK(Hdf5Reader(data("ct/head_slice.h5")).attribute_as_text("/", "pixel_spacing_mm") ==
        "0.431, 0.431");
}
