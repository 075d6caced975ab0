// fejer dataset make: pictures or an HDF5 stack to a data set file.
#include <fejer/files.hpp>
#include <fejer/models/training/dataset.hpp>

#include "console.hpp"
#include "text.hpp"
#include "verb.hpp"

namespace fejer::command {
namespace {

struct DatasetFlags {
  std::string action, source, out, window;
  ImageOptions images;
};

Outcome dataset(DatasetFlags f) {
  require_known("dataset", f.action, {"make"});
  if (f.images.shrink < 1) throw ArgumentError("--shrink: at least 1 is needed");
  if (!f.window.empty()) {
    const Window w = parse_window("--crop", f.window);
    f.images.crop = true;
    f.images.top = w.top, f.images.left = w.left, f.images.rows = w.rows,
    f.images.columns = w.columns;
  }
  if (extension(f.out) != ".h5")
    throw ArgumentError("--out: got '" + f.out + "', expected a name that ends in .h5");
  require_writable(f.out);
  require_no_input("--out", f.out, {f.source});
  const Dataset set = open_images(f.source, f.images);
  stop_if_interrupted();
  save_dataset(f.out, set);
  Index pixels = 0;
  for (Index i = 0; i < set.size(); ++i) pixels += set.shape(i)[1] * set.shape(i)[2];
  Outcome outcome;
  outcome.json = {{"out", f.out},     {"images", set.size()}, {"channels", set.shape(0)[0]},
                  {"pixels", pixels}, {"how", set.how()},     {"pixels_sha256", set.sha256()}};
  outcome.text = f.out + ": " + std::to_string(set.size()) + " images, " + std::to_string(pixels) +
                 " pixels (" + set.how() + ")\n";
  return outcome;
}

}  // namespace

Action add_dataset(CLI::App& verb) {
  auto f = std::make_shared<DatasetFlags>();
  verb.add_option("action", f->action, "make")->type_name("make")->required();
  verb.add_option(
          "source", f->source,
          "A folder of PNG and JPEG pictures, F.h5:/dataset with shape (N,H,W) or (N,C,H,W), "
          "or dead-leaves:COUNTxSIZE")
      ->type_name("SOURCE")
      ->required();
  verb.add_option("--out", f->out, "Data set to write")->type_name("D.h5")->required();
  verb.add_flag("--grey", f->images.grey, "Luma of colour images");
  verb.add_option("--shrink", f->images.shrink, "Average K x K pixels into one")->type_name("K");
  verb.add_option("--crop", f->window, "Keep rows x columns from (row, column) on, after --shrink")
      ->type_name("row,column,rows,columns");
  verb.footer("Example:\n  fejer dataset make photos --grey --shrink 4 --out train.h5");
  return [f](const Common&) { return dataset(*f); };
}

}  // namespace fejer::command
