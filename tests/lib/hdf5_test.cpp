#include <chrono>
#include <complex>
#include <cstdint>
#include <fejer/error.hpp>
#include <fejer/files.hpp>
#include <fejer/hdf5.hpp>
#include <fejer/version.hpp>
#include <functional>
#include <limits>
#include <thread>

#include "data.hpp"
#include "file_tools.hpp"

using namespace fejer;
using namespace fejer_test;
namespace fs = std::filesystem;

namespace {

using c64 = std::complex<float>;
using c128 = std::complex<double>;

/// Distinct values that every type can hold.
template <class X>
Array<X> counted(const Shape& shape) {
  Array<X> values(shape);
  for (Index i = 0; i < values.size(); ++i) {
    values[i] = static_cast<X>(static_cast<Real<X>>(i % 251));
    if constexpr (is_complex<X>) values[i] += X(0, static_cast<Real<X>>(i % 13) - 6);
  }
  return values;
}

template <class X>
bool equal(const Array<X>& a, const Array<X>& b) {
  return a.shape() == b.shape() && std::equal(a.begin(), a.end(), b.begin());
}

std::string message_of(const std::function<void()>& run) {
  try {
    run();
  } catch (const Error& error) {
    return error.what();
  }
  return "no error";
}

}  // namespace

TEST_CASE_TEMPLATE("hdf5: every type, rank and size comes back exactly", X, float, double, c64,
                   c128, std::uint8_t, std::int64_t) {
  const ScratchFolder folder;
  const std::vector<Shape> shapes = {Shape{},
                                     Shape{0},
                                     Shape{7},
                                     Shape{3, 0, 2},
                                     Shape{1, 1},
                                     Shape{2, 3, 4},
                                     Shape{90, 1000},  // compressed, in one chunk
                                     Shape{3, 401, 399},
                                     Shape{600001},
                                     Shape{2, 1, 2, 1, 2, 1, 2, 3}};
  {
    Hdf5Writer writer(folder / "a.h5");
    for (std::size_t i = 0; i < shapes.size(); ++i)
      writer.write(std::string("group/inner/").append(std::to_string(i)), counted<X>(shapes[i]));
    writer.commit();
  }
  const Hdf5Reader reader(folder / "a.h5");
  CHECK(reader.has_checksum());
  for (std::size_t i = 0; i < shapes.size(); ++i) {
    const std::string name = std::string("group/inner/").append(std::to_string(i));
    CHECK(equal(reader.read<X>(name, shapes[i]), counted<X>(shapes[i])));
    const Hdf5Info info = reader.info(name);
    CHECK(info.shape == shapes[i]);
    CHECK(info.bytes == static_cast<int>(sizeof(X)));
    CHECK(info.type == (is_complex<X>           ? Hdf5Type::complex
                        : std::is_integral_v<X> ? Hdf5Type::integer
                                                : Hdf5Type::real));
  }
}

TEST_CASE("hdf5: special numbers keep their bits, compression keeps noise") {
  const ScratchFolder folder;
  Array<double> values(Shape{6});
  values[0] = std::numeric_limits<double>::quiet_NaN();
  values[1] = -std::numeric_limits<double>::infinity();
  values[2] = -0.0;
  values[3] = std::numeric_limits<double>::denorm_min();
  values[4] = std::numeric_limits<double>::max();
  values[5] = 1.0 / 3.0;
  Array<std::int64_t> extreme(Shape{2});
  extreme[0] = std::numeric_limits<std::int64_t>::min();
  extreme[1] = std::numeric_limits<std::int64_t>::max();
  Hdf5Writer writer(folder / "a.h5");
  writer.write("x", values);
  writer.write("n", extreme);
  writer.commit();
  const Hdf5Reader reader(folder / "a.h5");
  const Array<double> back = reader.read<double>("x");
  CHECK(std::memcmp(back.data(), values.data(), 6 * sizeof(double)) == 0);
  CHECK(equal(reader.read<std::int64_t>("n"), extreme));
}

TEST_CASE("hdf5: values are converted where nothing is lost, and refused else") {
  const ScratchFolder folder;
  Array<double> mixed(Shape{3});
  mixed[0] = 3, mixed[1] = -4, mixed[2] = 5.5;
  Array<std::int64_t> large(Shape{2});
  large[0] = 255, large[1] = 256;
  {
    Hdf5Writer writer(folder / "a.h5");
    writer.write("bytes", counted<std::uint8_t>({5}));
    writer.write("complex", counted<c64>({5}));
    writer.write("mixed", mixed);
    writer.write("large", large);
    writer.write("whole", counted<float>({5}));
    writer.write_text("text", "5");
    writer.commit();
  }
  const std::string file = folder / "a.h5";
  const Hdf5Reader reader(file);
  CHECK(equal(reader.read<float>("bytes"), counted<float>({5})));
  CHECK(equal(reader.read<std::int64_t>("whole"), counted<std::int64_t>({5})));
  CHECK(equal(reader.read<c128>("complex"), counted<c128>({5})));
  const Array<c64> widened = reader.read<c64>("bytes");
  CHECK(widened[3] == c64(3, 0));
  CHECK(reader.read<double>("large")[1] == 256);
  CHECK(message_of([&] { reader.read<float>("complex"); }) ==
        file + ":/complex: holds complex numbers, expected real ones");
  CHECK(message_of([&] { reader.read<std::int64_t>("mixed"); }) ==
        file + ":/mixed: has values that are not 64-bit integers");
  CHECK(message_of([&] { reader.read<std::uint8_t>("large"); }) ==
        file + ":/large: has values that are not integers from 0 to 255");
  CHECK(message_of([&] { reader.read<float>("text"); }) ==
        file + ":/text: holds text, expected numbers");
  CHECK(message_of([&] { reader.read_text("large"); }) == file + ":/large: holds no text");
}

TEST_CASE("hdf5: missing, misshapen and misplaced datasets are named") {
  const ScratchFolder folder;
  const std::string file = folder / "a.h5";
  {
    Hdf5Writer writer(file);
    writer.write("images/kspace", counted<float>({2, 3}));
    writer.write("images/mask", counted<float>({3}));
    writer.group("empty");
    writer.commit();
  }
  const Hdf5Reader reader(file);
  CHECK(message_of([&] { reader.read<float>("images/kspce"); }) ==
        file +
            ":/images/kspce: no such dataset; the file has /images/kspace, /images/mask; "
            "did you mean /images/kspace?");
  CHECK_THROWS_WITH_AS(reader.read<float>("//images//kspace/", Shape{3, 2}),
                       (file + ":/images/kspace: has shape (2,3), expected (3,2)").c_str(),
                       FormatError);
  CHECK_THROWS_AS(reader.read<float>("images"), FormatError);
  CHECK_THROWS_AS(reader.read<float>("/"), FormatError);
  CHECK_THROWS_AS(reader.read<float>("images/kspace/deeper"), FormatError);
  CHECK_THROWS_AS(reader.list("images/mask"), FormatError);
  CHECK(reader.has("/") == true);
  CHECK(reader.has("images"));
  CHECK(reader.has("/images/mask"));
  CHECK_FALSE(reader.has("images/mask/x"));
  CHECK_FALSE(reader.has(std::string("images\0x", 8)));
  CHECK(reader.has_dataset("images/mask"));
  CHECK_FALSE(reader.has_dataset("images"));
  CHECK_FALSE(reader.has_dataset("nothing"));
  CHECK(reader.list() == std::vector<std::string>{"empty", "images"});
  CHECK(reader.list("images") == std::vector<std::string>{"kspace", "mask"});
  CHECK(reader.list("empty").empty());
  CHECK(reader.datasets() == std::vector<std::string>{"/images/kspace", "/images/mask"});
}

TEST_CASE("hdf5: texts and attributes come back, and are read strictly") {
  const ScratchFolder folder;
  const std::string file = folder / "a.h5", long_text(100000, 'x');
  {
    Hdf5Writer writer(file);
    writer.write("d", counted<float>({2}));
    writer.write_text("notes/umlaut", "Fej\xc3\xa9r\nsecond line");
    writer.write_text("notes/empty", "");
    writer.write_text("notes/long", long_text);
    writer.attribute("d", "real", 0.1);
    writer.attribute("d", "integer", 7);
    writer.attribute("d", "large", std::numeric_limits<std::int64_t>::min());
    writer.attribute("/", "text", "a\tb");
    writer.attribute("/", "empty", "");
    writer.attribute("notes", "long", long_text);
    for (int i = 0; i < 40; ++i)
      writer.attribute("notes", std::string("n").append(std::to_string(i)), i);
    writer.commit();
  }
  const Hdf5Reader reader(file);
  CHECK(reader.read_text("notes/umlaut") == "Fej\xc3\xa9r\nsecond line");
  CHECK(reader.read_text("notes/empty").empty());
  CHECK(reader.read_text("notes/long") == long_text);
  CHECK(reader.info("notes/long").type == Hdf5Type::text);
  CHECK(reader.info("notes/long").bytes == 0);
  CHECK(reader.real_attribute("d", "real") == 0.1);
  CHECK(reader.real_attribute("d", "integer") == 7.0);
  CHECK(reader.integer_attribute("/d", "integer") == 7);
  CHECK(reader.integer_attribute("/d", "large") == std::numeric_limits<std::int64_t>::min());
  CHECK(reader.text_attribute("/", "text") == "a\tb");
  CHECK(reader.text_attribute("", "empty").empty());
  CHECK(reader.text_attribute("notes", "long") == long_text);
  CHECK(reader.integer_attribute("notes", "n39") == 39);
  CHECK(reader.attributes("d") == std::vector<std::string>{"integer", "large", "real"});
  CHECK(reader.attributes() == std::vector<std::string>{"empty", "text"});
  CHECK(reader.attribute_as_text("d", "real") == "0.1");
  CHECK(reader.attribute_as_text("d", "integer") == "7");
  CHECK(reader.attribute_as_text("/", "text") == "a?b");  // safe to print
  CHECK(reader.has_attribute("d", "real"));
  CHECK_FALSE(reader.has_attribute("d", "unreal"));
  CHECK_FALSE(reader.has_attribute("e", "real"));
  CHECK(message_of([&] { reader.integer_attribute("d", "real"); }) ==
        file + ":/d@real: is of another kind, expected one integer");
  CHECK(message_of([&] { reader.text_attribute("d", "integer"); }) ==
        file + ":/d@integer: is of another kind, expected one text");
  CHECK(message_of([&] { reader.real_attribute("/", "text"); }) ==
        file + ":/@text: is of another kind, expected one real number");
  CHECK(message_of([&] { reader.real_attribute("d", "reel"); }) ==
        file + ":/d@reel: no such attribute; there are integer, large, real; did you mean real?");
  CHECK_THROWS_AS(reader.real_attribute("e", "real"), FormatError);
}

TEST_CASE("hdf5: format and version are required, a newer version is refused") {
  const ScratchFolder folder;
  const auto written = [&](const std::string& name, int version) {
    Hdf5Writer writer(folder / "a.h5");
    if (!name.empty()) writer.format(name, version);
    writer.commit();
    return Hdf5Reader(folder / "a.h5");
  };
  const std::string file = folder / "a.h5";
  CHECK(written("fejer-model", 2).require_format("fejer-model", 3) == 2);
  CHECK(written("fejer-model", 1).text_attribute("/", "written_by") == "fejer " + version());
  CHECK_THROWS_WITH_AS(
      written("fejer-model", 4).require_format("fejer-model", 3),
      (file + ": is a fejer-model file of version 4, written by a newer Fejer; this "
              "one reads up to version 3; update it")
          .c_str(),
      FormatError);
  CHECK_THROWS_WITH_AS(written("fejer-model", 1).require_format("fejer-measurement", 1),
                       (file + ": is a fejer-model file, expected fejer-measurement").c_str(),
                       FormatError);
  CHECK_THROWS_AS(written("fejer-model", 0).require_format("fejer-model", 1), FormatError);
  CHECK_THROWS_WITH_AS(written("", 1).require_format("fejer-model", 1),
                       (file + ": not a fejer-model file: it has no attribute 'format'").c_str(),
                       FormatError);
}

TEST_CASE("hdf5: equal contents give equal bytes") {
  const ScratchFolder folder;
  for (const char* name : {"a.h5", "b.h5"}) {
    Hdf5Writer writer(folder / name);
    writer.format("fejer-test", 1);
    writer.write("deep/er/x", counted<float>({300, 301}));
    writer.write("small", counted<c128>({3}));
    writer.write_text("text", "some text");
    writer.attribute("small", "unit", "mm");
    writer.commit();
    if (std::string(name) == "a.h5")  // a time stamp of whole seconds would differ
      std::this_thread::sleep_for(std::chrono::milliseconds(1100));
  }
  CHECK(sha256_of_file(folder / "a.h5") == sha256_of_file(folder / "b.h5"));
}

TEST_CASE("hdf5: without commit nothing is left, and an older file stays") {
  const ScratchFolder folder;
  const std::string file = folder / "a.h5";
  { Hdf5Writer(file).write("x", counted<float>({5})); }
  CHECK(entries(folder.path()) == 0);
  {
    Hdf5Writer writer(file);
    writer.write("x", counted<float>({5}));
    writer.commit();
  }
  const std::string before = sha256_of_file(file);
  CHECK_THROWS_AS(
      [&] {
        Hdf5Writer writer(file);
        writer.write("y", counted<float>({100000}));
        throw ArgumentError("stopped");
      }(),
      ArgumentError);
  CHECK(sha256_of_file(file) == before);
  CHECK(entries(folder.path()) == 1);
  CHECK_THROWS_AS(Hdf5Writer("/proc/a.h5"), ArgumentError);
  CHECK_THROWS_AS(Hdf5Writer(folder / "no/a.h5"), ArgumentError);
}

TEST_CASE("hdf5: misuse of the writer is refused and does no harm") {
  const ScratchFolder folder;
  const std::string file = folder / "a.h5";
  Hdf5Writer writer(file);
  const Array<float> x = counted<float>({5});
  writer.write("x", x);
  writer.attribute("x", "a", 1);
  CHECK(message_of([&] { writer.write("/x", x); }) == file + ":/x: was written before");
  CHECK(message_of([&] { writer.attribute("x", "a", 2.0); }) == file + ":/x@a: was written before");
  CHECK(message_of([&] { writer.attribute("y", "a", 1); }) ==
        file + ":/y@a: there is no such dataset or group; write it first");
  CHECK_THROWS_AS(writer.write("x/below", x), FormatError);
  CHECK_THROWS_AS(writer.group("x/below/more"), FormatError);
  CHECK_THROWS_AS(writer.write("/", x), FormatError);
  CHECK_THROWS_AS(writer.write("", x), FormatError);
  CHECK_THROWS_AS(writer.write("./y", x), FormatError);
  CHECK_THROWS_AS(writer.attribute("x", "", 1), FormatError);
  CHECK_THROWS_AS(writer.write_text("t", std::string("a\0b", 3)), FormatError);
  CHECK_NOTHROW(writer.group("x_group/"));
  CHECK_NOTHROW(writer.group("/"));
  writer.commit();
  CHECK_THROWS_AS(writer.write("late", x), FormatError);
  CHECK_THROWS_AS(writer.commit(), FormatError);
  const Hdf5Reader reader(file);
  CHECK(equal(reader.read<float>("x"), x));
  CHECK(reader.list() == std::vector<std::string>{"x", "x_group"});
  CHECK(entries(folder.path()) == 1);
}

TEST_CASE("hdf5: a reader can be moved") {
  const ScratchFolder folder;
  {
    Hdf5Writer writer(folder / "a.h5");
    writer.write("x", counted<float>({5}));
    writer.commit();
  }
  Hdf5Reader first(folder / "a.h5");
  Hdf5Reader second(std::move(first));
  CHECK(second.path() == folder / "a.h5");
  first = Hdf5Reader(folder / "a.h5");
  second = std::move(first);
  CHECK(equal(second.read<float>("x"), counted<float>({5})));
}

TEST_CASE("hdf5: FILE:/dataset is cut at its last colon and slash") {
  const Hdf5Path parts = split_hdf5_path("a:/b/c.h5:/group/x");
  CHECK(parts.file == "a:/b/c.h5");
  CHECK(parts.dataset == "/group/x");
  CHECK(is_hdf5_path("c.h5:/x"));
  for (const char* text : {"c.h5", "c.h5:/", ":/x", "", "c.h5:x", "http://x.org/a.png", ":/"}) {
    CAPTURE(text);
    CHECK_FALSE(is_hdf5_path(text));
    CHECK_THROWS_AS(split_hdf5_path(text), ArgumentError);
  }
  CHECK(message_of([] { split_hdf5_path("c.h5"); }) == "c.h5: expected the form FILE.h5:/dataset");
}
