// x = argmin 1/2 ||x - y||^2 + R(x; sigma), y = truth + noise of standard deviation sigma.
#include "denoising.hpp"

#include <cstdio>
#include <filesystem>
#include <map>

#include <fejer/files.hpp>
#include <fejer/hdf5.hpp>
#include <fejer/metrics.hpp>
#include <fejer/models/import.hpp>
#include <fejer/models/ridge_denoiser.hpp>
#include <fejer/rng.hpp>

#include "../reconstruction/images.hpp"
#include "console.hpp"
#include "record.hpp"

namespace fejer::denoising {
namespace {

using Json = nlohmann::ordered_json;

struct Published {
  const char* name;
  const char* weights;
  int grey_level;
  double psnr;  ///< measured by others with the published code, noise of their own
};
constexpr Published rows[] = {{"WCRR", "wcrr_nn.h5", 15, 32.172},
                              {"WCRR", "wcrr_nn.h5", 25, 29.598},
                              {"CRR", "crr_nn.h5", 15, 31.409},
                              {"CRR", "crr_nn.h5", 25, 28.870}};

/// The same noise for both models: it depends on image and level only.
Array<float> noisy_version(const Array<float>& truth, const std::string& image, int grey_level) {
  Array<float> noisy = truth;
  add_normal<float>(noisy, grey_level / 255.0,
                    Rng(2024).stream("set12/" + image + "/" + std::to_string(grey_level)));
  return noisy;
}

Json denoise_set(const RidgeRegulariser<float>& ridge, const Published& row,
                 const std::string& data, bool smoke) {
  const RidgeDenoiser<float> denoiser(
      ridge, {.tolerance = 1e-4, .max_iterations = 500, .norm = NormRule::as_published});
  Json result = {{"model", row.name}, {"sigma", row.grey_level}, {"published_psnr", row.psnr}};
  double psnr_sum = 0, noisy_sum = 0, ssim_sum = 0, iterations = 0;
  const int images = smoke ? 1 : 12;
  for (int i = 1; i <= images; ++i) {
    const std::string name = reconstruction::set12_name(i);
    const Array<float> truth = reconstruction::set12_image(data, i, smoke);
    const Array<float> noisy = noisy_version(truth, name, row.grey_level);
    const RidgeSolution<float> s = denoiser.solve(noisy, row.grey_level / 255.0);
    command::stop_if_interrupted();
    const double quality = psnr(s.x, truth, 1);
    psnr_sum += quality;
    noisy_sum += psnr(noisy, truth, 1);
    ssim_sum += ssim(s.x, truth, 1);
    iterations += s.iterations;
    result["images"].push_back({{"image", name},
                                {"psnr", quality},
                                {"iterations", s.iterations},
                                {"converged", s.converged}});
  }
  result["noisy_psnr"] = noisy_sum / images;
  result["psnr"] = psnr_sum / images;
  result["ssim"] = ssim_sum / images;
  result["iterations"] = iterations / images;
  return result;
}

std::string report(const Json& record) {
  std::string text =
      "# Denoising Set12 with the published ridge regularisers\n\nMade by `fejer experiment run "
      "denoising`: published solver, tolerance 1e-4, norm as published. Means over the images, "
      "PSNR in dB, before any clipping; the noise draws differ from those of the published "
      "figures.\n\n| model | sigma | noisy | PSNR | published code | SSIM | iterations "
      "|\n|---|---|---|---|---|---|---|\n";
  for (const Json& r : record["results"]) {
    char line[200];
    std::snprintf(line, sizeof line, "| %s | %d/255 | %.3f | %.3f | %.3f | %.4f | %.1f |\n",
                  r["model"].get<std::string>().c_str(), r["sigma"].get<int>(),
                  r["noisy_psnr"].get<double>(), r["psnr"].get<double>(),
                  r["published_psnr"].get<double>(), r["ssim"].get<double>(),
                  r["iterations"].get<double>());
    text += line;
  }
  return text;
}

}  // namespace

Json run(const experiments::Context& context) {
  if (!std::filesystem::is_directory(context.data))
    throw ArgumentError("experiment denoising: no data in " + context.data +
                        "; set FEJER_DATA to the folder of the data sets");
  std::filesystem::create_directories(context.out + "/cells");
  Json record = command::environment_json();
  record["experiment"] = "denoising";
  record["smoke"] = context.smoke;
  std::map<std::string, Model<float>> imported;
  for (const Published& row : rows) {
    command::note(std::string("experiment denoising: ") + row.name + ", " +
                  std::to_string(row.grey_level) + "/255");
    if (imported.count(row.weights) == 0)
      imported.emplace(
          row.weights,
          import_model<float>(context.data + "/reference_models/" + row.weights, "ridge"));
    const Model<float>& model = imported.at(row.weights);
    const std::string file =
        context.out + "/cells/" + row.name + "-" + std::to_string(row.grey_level) + ".json";
    record["results"].push_back(experiments::kept(context, file, [&] {
      Json cell = denoise_set(model.ridge(), row, context.data, context.smoke);
      cell["smoke"] = context.smoke;
      return cell;
    }));
  }
  write_text(context.out + "/record.json", record.dump(1) + "\n");
  write_text(context.out + "/report.md", report(record));
  return record;
}

}  // namespace fejer::denoising
