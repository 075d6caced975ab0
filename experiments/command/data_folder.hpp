#pragma once
/// Where the data sets of the experiments and the model that is shipped lie.
#include <string>

namespace fejer::command {

/// Of the tree that this command was built from: configurations of trainings lie there.
std::string source_folder();

/// The environment variable FEJER_DATA, or ../shared/data beside the source folder.
std::string data_folder();

/// The path with data_folder() in the place of "$FEJER_DATA" at its head.
std::string with_data_folder(const std::string& path);

/// The ridge regulariser that is used where no --model is given: of the installed tree that this
/// command is in, else of the source folder.
std::string default_model();

}  // namespace fejer::command
