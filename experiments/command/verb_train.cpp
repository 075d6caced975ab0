// fejer train: from a configuration and a set of images to a model file.
#include <memory>
#include <string>

#include "learners.hpp"
#include "training_run.hpp"
#include "verb.hpp"

namespace fejer::command {

Action add_train(CLI::App& verb) {
  auto f = std::make_shared<TrainingRequest>();
  verb.add_option("config", f->config, "What to train, on what, and how")
      ->type_name("CONFIG.toml")
      ->required();
  verb.add_option("--out", f->out,
                  "Folder for model.h5 (the best), checkpoint.h5, metrics.csv, run.json, report/")
      ->type_name("DIR")
      ->required();
  verb.add_option("--set", f->set, "Instead of what the file says: training.steps=100")
      ->type_name("section.key=value");
  verb.add_flag("--resume", f->resume,
                "Go on from DIR/checkpoint.h5: the same bits as without a stop");
  verb.add_option(
          "--finish", f->finish,
          "Then delete units of a network on patches or filters of a ridge regulariser, and leave "
          "what remains in finished.h5")
      ->type_name("ialm|proximal-gradient");
  std::string kinds;
  for (const std::string& kind : learner_names()) kinds += (kinds.empty() ? "" : ", ") + kind;
  verb.footer(
      "Example:\n  fejer train experiments/train_wcrr/smoke.toml --out out/smoke\n"
      "  fejer train experiments/train_patch_denoiser/smoke.toml --out out/patches --finish ialm\n"
      "Kinds of models: " +
      kinds + ". A training that is not finite ends with exit code 3.");
  return [f](const Common&) { return train_model(*f); };
}

}  // namespace fejer::command
