// fejer inspect: what a file holds, and whether it is whole.
#include <fejer/files.hpp>
#include <fejer/hdf5.hpp>
#include <fejer/models/model_file.hpp>
#include <fejer/models/training/dataset.hpp>
#include <fejer/operators/measurement.hpp>
#include <fejer/vector.hpp>

#include "pictures.hpp"
#include "record.hpp"
#include "text.hpp"
#include "verb.hpp"

namespace fejer::command {
namespace {

using Json = nlohmann::ordered_json;

const char* type_name(Hdf5Type type) {
  switch (type) {
    case Hdf5Type::integer:
      return "integer";
    case Hdf5Type::real:
      return "real";
    case Hdf5Type::complex:
      return "complex";
    case Hdf5Type::text:
      return "text";
    default:
      return "other";
  }
}

Json interval_json(const NormInterval& norm) {
  return {{"lower", norm.lower}, {"upper", norm.upper}, {"how", norm.how}};
}

Json measurement_json(const std::string& path) {
  const Measurement m = load_measurement(path);
  Json j = {{"operator", kind_of(m.setup)},
            {"image_shape", shape_json(image_shape(m))},
            {"data_shape", shape_json(shape_of(m.data))},
            {"noise_level", m.noise_level},
            {"scale", m.scale},
            {"has_truth", m.truth.has_value()}};
  if (!m.channel_noise.empty()) j["noise_levels"] = m.channel_noise;
  if (m.seed) j["seed"] = *m.seed;
  if (!m.provenance.empty()) j["provenance"] = m.provenance;
  if (const auto* blur = std::get_if<BlurSetup>(&m.setup)) {
    j["kernel_shape"] = shape_json(blur->kernel.shape());
    j["boundary"] = to_string(blur->boundary);
  }
  const auto share = [](const Array<float>& mask) {
    return dot(mask, mask) / static_cast<double>(mask.size());
  };
  if (const auto* inpaint = std::get_if<InpaintSetup>(&m.setup))
    j["measured_share"] = share(inpaint->mask);
  if (const auto* mri = std::get_if<MriSetup>(&m.setup)) {
    j["measured_share"] = share(mri->mask);
    j["coils"] = shape_of(m.data)[0];
  }
  if (const auto* ct = std::get_if<CtSetup>(&m.setup)) {
    const TomographyGeometry& g = ct->geometry;
    j["geometry"] = g.kind == TomographyGeometry::Kind::fan ? "fan" : "parallel";
    j["views"] = g.angles_rad.size();
    j["detectors"] = g.detectors;
    j["centre"] = g.centre_index();
  }
  j["operator_norm"] = std::holds_alternative<MriSetup>(m.setup)
                           ? interval_json(make_operator<std::complex<float>>(m).norm_interval())
                           : interval_json(make_operator<float>(m).norm_interval());
  return j;
}

Json dataset_json(const std::string& path) {
  const Dataset set = load_dataset(path);
  Json j = {{"images", set.size()},
            {"channels", set.shape(0)[0]},
            {"how", set.how()},
            {"pixels_sha256", set.sha256()},
            {"sources", Json::array()}};
  for (Index i = 0; i < set.size(); ++i)
    j["sources"].push_back({{"name", set.source(i).name},
                            {"shape", shape_json(set.shape(i))},
                            {"sha256", set.source(i).sha256}});
  return j;
}

Json datasets_json(const Hdf5Reader& file) {
  Json list = Json::array();
  for (const std::string& name : file.datasets()) {
    const Hdf5Info info = file.info(name);
    list.push_back(
        {{"name", name}, {"shape", shape_json(info.shape)}, {"type", type_name(info.type)}});
  }
  return list;
}

Json attributes_json(const Hdf5Reader& file, const std::string& object) {
  Json j = Json::object();
  for (const std::string& name : file.attributes(object))
    j[name] = file.attribute_as_text(object, name);
  return j;
}

Json describe_file(const std::string& path) {
  require_readable(path);
  const Hdf5Reader file(path);
  Json j = {{"file", path}, {"checksum", file.has_checksum() ? "verified" : "none"}};
  std::string format;
  if (file.has_attribute("/", "format")) {
    try {
      format = file.text_attribute("/", "format");
    } catch (const FormatError&) {
      format = "";  // somebody else's attribute of this name
    }
  }
  const bool ours = format.starts_with("fejer-");
  j["format"] = ours ? Json(format) : Json(nullptr);
  if (!ours) {
    j["note"] = "not a Fejer file";
    j["attributes"] = attributes_json(file, "/");
    j["datasets"] = datasets_json(file);
    return j;
  }
  j["written_by"] = file.has_attribute("/", "written_by")
                        ? file.attribute_as_text("/", "written_by")
                        : "another program";
  if (format == "fejer-measurement") {
    j.update(measurement_json(path));
  } else if (format == "fejer-model") {
    for (const auto& [key, value] : describe(load_model<double>(path))) j[key] = fact_json(value);
  } else if (format == "fejer-dataset") {
    j.update(dataset_json(path));
  } else {
    require_known("format", format,
                  {"fejer-checkpoint", "fejer-dataset", "fejer-image", "fejer-measurement",
                   "fejer-model", "fejer-state"});
    file.require_format(format, 1);
    if (format == "fejer-image") j["attributes"] = attributes_json(file, "image");
    if (format == "fejer-state" || format == "fejer-checkpoint")
      j["attributes"] = attributes_json(file, "/");
    j["datasets"] = datasets_json(file);
  }
  return j;
}

std::string plain(const Json& value) {
  if (value.is_string()) return value.get<std::string>();
  if (value.is_number_float()) return short_number(value.get<double>());
  if (value.is_boolean()) return value.get<bool>() ? "yes" : "no";
  return value.dump();
}

/// "key: value" lines; nested objects and lists are indented.
std::string as_text(const Json& j, const std::string& indent) {
  std::string text;
  for (const auto& [key, value] : j.items()) {
    if (value.is_null()) continue;
    if (value.is_object()) {
      text += indent + key + ":\n" + as_text(value, indent + "  ");
    } else if (value.is_array() && !value.empty() && value[0].is_object()) {
      text += indent + key + ":\n";
      for (const Json& row : value) {
        text += indent + " ";
        for (const auto& item : row) text += " " + plain(item);
        text += "\n";
      }
    } else {
      text += indent + key + ": " + plain(value) + "\n";
    }
  }
  return text;
}

}  // namespace

Action add_inspect(CLI::App& verb) {
  auto path = std::make_shared<std::string>();
  verb.add_option(
          "file", *path,
          "A measurement, model, data set, image, state or checkpoint file, or any HDF5 file")
      ->type_name("FILE.h5")
      ->required();
  verb.footer("Example:\n  fejer inspect model.h5 --json");
  return [path](const Common&) {
    Outcome outcome;
    outcome.json = describe_file(*path);
    outcome.text = as_text(outcome.json, "");
    return outcome;
  };
}

}  // namespace fejer::command
