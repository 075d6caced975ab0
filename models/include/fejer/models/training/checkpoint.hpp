#pragma once
/// The state of a training as a file.
#include <map>
#include <string>

#include <fejer/models/training/trainer.hpp>

namespace fejer {

/// What a training is bound to, by name ("configuration", "data", …): hashes.
using TrainingIdentity = std::map<std::string, std::string>;

/// HDF5, format "fejer-checkpoint", version 1, sealed, written atomically:
///   /             attributes format, format_version, step, best_psnr, best_step, without_gain
///   /identity     attributes: one hash for each name
///   /parameters, /first, /second (moments), /average, /best: one dataset for each array
///   /history      (steps, columns), /columns: their names
void save_checkpoint(const std::string& path, const TrainingState& state,
                     const TrainingIdentity& identity);

/// `like`: a state of the same learner and options, from initial_state. Throws FormatError for
/// anything missing, extra, misshapen or not finite, and where the identity differs, by name.
TrainingState load_checkpoint(const std::string& path, const TrainingState& like,
                              const TrainingIdentity& identity);

/// step,loss,penalty,gradient_norm,rate_factor,…figures…,psnr,seconds; empty where there is none.
std::string training_csv(const std::vector<TrainingRow>& history);

}  // namespace fejer
