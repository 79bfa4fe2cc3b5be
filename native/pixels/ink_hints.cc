// The user's hints in the finished page: where a hint was grown to (hints.cc), the colour is the hint's. Of the model's
// colour only its light and shade stay: how much brighter or darker a pixel is than the average of the hint's region,
// halved as a ratio and at most kMost. So the region as a whole has exactly the colour that the user chose.
#include <algorithm>
#include <cmath>

#include "pixels/ink.h"

namespace cobra::pixels {
namespace {

constexpr float kMost = 1.15f;
constexpr int32_t kNone = -1;

/// Numbers connected pixels of one colour. Returns how many areas there are.
int32_t FindAreas(const View& layer, std::vector<int32_t>& area) {
  std::vector<int32_t> pending;
  int32_t count = 0;
  const int32_t width = layer.width, total = static_cast<int32_t>(layer.pixels());
  const auto same = [&](int32_t a, int32_t b) {
    return std::equal(layer.data + 4 * static_cast<size_t>(a), layer.data + 4 * static_cast<size_t>(a) + 3,
                      layer.data + 4 * static_cast<size_t>(b));
  };
  for (int32_t first = 0; first < total; ++first) {
    if (layer.data[4 * static_cast<size_t>(first) + 3] == 0 || area[first] != kNone) continue;
    area[first] = count;
    pending.assign(1, first);
    while (!pending.empty()) {
      const int32_t i = pending.back(), x = i % width;
      pending.pop_back();
      const auto visit = [&](int32_t other) {
        if (layer.data[4 * static_cast<size_t>(other) + 3] == 0 || area[other] != kNone || !same(i, other)) return;
        area[other] = count;
        pending.push_back(other);
      };
      if (x > 0) visit(i - 1);
      if (x + 1 < width) visit(i + 1);
      if (i >= width) visit(i - width);
      if (i + width < total) visit(i + width);
    }
    ++count;
  }
  return count;
}

}  // namespace

HintLayer::HintLayer(const View& layer, const ColorGrid& grid) : layer_(layer), area_(layer.pixels(), kNone) {
  const int32_t count = FindAreas(layer, area_);
  std::vector<double> lumas(count), pixels(count);
  for (int y = 0; y < layer.height; ++y) {
    const Rgbw* colors =
        &grid.pixels[static_cast<size_t>(static_cast<int64_t>(y) * grid.height / layer.height) * grid.width];
    for (int x = 0; x < layer.width; ++x) {
      const int32_t area = area_[static_cast<size_t>(y) * layer.width + x];
      if (area == kNone) continue;
      lumas[area] += Luma(colors[static_cast<int64_t>(x) * grid.width / layer.width]);
      ++pixels[area];
    }
  }
  luma_.resize(count);
  for (int32_t area = 0; area < count; ++area)
    luma_[area] = std::max(1.0f, static_cast<float>(lumas[area] / pixels[area]));
}

void HintLayer::PutInRow(int y, int width, int height, Rgbw* colors) const {
  const size_t row = static_cast<size_t>(static_cast<int64_t>(y) * layer_.height / height) * layer_.width;
  for (int x = 0; x < width; ++x) {
    const size_t at = row + static_cast<size_t>(static_cast<int64_t>(x) * layer_.width / width);
    if (area_[at] == kNone) continue;
    const uint8_t* hint = layer_.data + 4 * at;
    const float light = std::clamp(std::sqrt(std::max(Luma(colors[x]), 1.0f) / luma_[area_[at]]), 1.0f / kMost, kMost);
    const Rgbw color =
        light * Rgbw{static_cast<float>(hint[0]), static_cast<float>(hint[1]), static_cast<float>(hint[2]), 0.0f};
    colors[x] +=
        static_cast<float>(hint[3]) * (1.0f / 255.0f) * ((color > 255.0f ? Rgbw{} + 255.0f : color) - colors[x]);
  }
}

}  // namespace cobra::pixels
