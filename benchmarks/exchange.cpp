#include <complex>
#include <fstream>
#include <type_traits>

#include <fejer/error.hpp>

#include "row.hpp"

namespace fejer::benchmarks {
namespace {

template <class X>
constexpr const char* npy_type() {
  if constexpr (std::is_same_v<X, float>) return "<f4";
  if constexpr (std::is_same_v<X, double>) return "<f8";
  if constexpr (std::is_same_v<X, std::complex<float>>) return "<c8";
}

}  // namespace

/// NumPy's format 1.0: a magic word, the length of the header, the header, the numbers.
void Exchange::write(const std::string& name, const char* type, const Shape& shape,
                     const void* data, std::size_t bytes) const {
  if (folder_.empty()) return;
  std::string header = "{'descr': '" + std::string(type) + "', 'fortran_order': False, 'shape': (";
  for (const Index n : shape) header += std::to_string(n) + ",";
  header += ")}";
  header.resize((10 + header.size() + 1 + 63) / 64 * 64 - 10 - 1, ' ');
  header += '\n';
  const std::string path = folder_ + "/" + name + ".npy";
  std::ofstream file(path, std::ios::binary);
  const auto length = static_cast<std::uint16_t>(header.size());
  const char words[] = {'\x93',
                        'N',
                        'U',
                        'M',
                        'P',
                        'Y',
                        1,
                        0,
                        static_cast<char>(length & 255),
                        static_cast<char>(length >> 8)};
  file.write(words, sizeof words);
  file.write(header.data(), static_cast<std::streamsize>(header.size()));
  file.write(static_cast<const char*>(data), static_cast<std::streamsize>(bytes));
  file.flush();
  if (!file) throw FormatError("benchmarks: cannot write " + path);
}

template <class X>
void Exchange::save(const std::string& name, const Array<X>& data) const {
  write(name, npy_type<X>(), data.shape(), data.data(),
        static_cast<std::size_t>(data.size()) * sizeof(X));
}

void Exchange::save(const std::string& name, const std::vector<double>& values) const {
  write(name, "<f8", Shape{static_cast<Index>(values.size())}, values.data(),
        values.size() * sizeof(double));
}

template void Exchange::save(const std::string&, const Array<float>&) const;
template void Exchange::save(const std::string&, const Array<double>&) const;
template void Exchange::save(const std::string&, const Array<std::complex<float>>&) const;

}  // namespace fejer::benchmarks
