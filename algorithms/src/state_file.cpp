#include <fejer/algorithms/state_file.hpp>

#include <fejer/algorithms/run.hpp>

namespace fejer {

void write_state_header(Hdf5Writer& file, const std::string& algorithm,
                        const std::string& fingerprint, double first_objective,
                        const std::vector<Iteration>& history) {
  file.format("fejer-state", 1);
  file.attribute("/", "algorithm", algorithm);
  file.attribute("/", "fingerprint", fingerprint);
  file.attribute("/", "first_objective", first_objective);
  Array<double> table(Shape{static_cast<Index>(history.size()), 4});
  for (std::size_t i = 0; i < history.size(); ++i) {
    const View<double> row = table.slice(static_cast<Index>(i));
    row[0] = static_cast<double>(history[i].iteration);
    row[1] = history[i].residual;
    row[2] = history[i].objective;
    row[3] = history[i].seconds;
  }
  file.write("history", table);
}

void read_state_header(const Hdf5Reader& file, const std::string& algorithm,
                       const std::string& fingerprint, double& first_objective,
                       std::vector<Iteration>& history) {
  file.require_format("fejer-state", 1);
  const std::string found = file.text_attribute("/", "algorithm");
  if (found != algorithm)
    throw FormatError(file.path() + ": holds the state of '" + found + "', expected '" + algorithm +
                      "'; resume with the algorithm that wrote it");
  if (file.text_attribute("/", "fingerprint") != fingerprint)
    throw FormatError(file.path() +
                      ": holds the state of another problem (data, operator, prior or options "
                      "differ); resume with the same ones, or start without --resume");
  first_objective = file.real_attribute("/", "first_objective");
  const auto table = file.read<double>("history");
  if (table.shape().rank() != 2 || table.shape()[1] != 4)
    throw FormatError(file.path() + ":/history: got " + to_string(table.shape()) +
                      ", expected (iterations,4)");
  history.clear();
  for (Index i = 0; i < table.shape()[0]; ++i) {
    const ConstView<double> row = ConstView<double>(table).slice(i);
    history.push_back({static_cast<Index>(row[0]), row[1], row[2], row[3]});
  }
}

}  // namespace fejer
