// Flats: every region of the page (regions.cc) gets one colour, the commonest of the model's colours in it, as a human
// flatter would lay it.
//
// - commonest: the densest place among the colours of the region's pixels that are not ink. That is the fullest cell of
//   a 16 x 16 x 16 histogram, moved to the mean of what is near it (mean shift with a flat kernel of radius kNear)
//   until it no longer moves.
// - several: a region where most colours are far from that one holds several things that no line separates. It keeps
//   the model's colours.
// - white: a flat that is nearly white is white. So is a region that the model left nearly white in good part: it
//   colours what it knows, and paper is what it knows least. The page's margin with its gutters (it reaches all four
//   corners and is no large part of the page) needs less of that, and none where it is thin; a lettered region
//   (lettering.cc) needs little.
// - nooks (nooks.cc): small places of a region with a colour of their own keep the model's.
#include <algorithm>
#include <array>
#include <cstring>
#include <utility>
#include <vector>

#include "pixels/lettering.h"
#include "pixels/nooks.h"

namespace cobra::pixels {
namespace {

constexpr int kNear = 44;            // RGB distance up to which colours are one
constexpr double kLeastShare = 0.4;  // of a region's pixels that its flat must be near to
constexpr int kWhite = 236;          // least channel of a colour that counts as white
constexpr double kLeftWhite = 0.3;   // of a region's pixels that the model left white: then it is white
constexpr double kMarginWhite = 0.1, kMarginShare = 0.4;  // the same of a margin, and its largest part of the page
constexpr double kLetteredWhite = 0.04;                   // the same of a lettered region
constexpr double kThinMargin = 0.15;  // of the page: a region with all corners that is no larger can only be margin
constexpr int kShifts = 6;
constexpr size_t kMostSamples = 1 << 14;  // pixels of a region that are looked at

struct Flat {
  std::array<float, 3> color;
  double share;
};

/// A stretch of pixels of one region, none of them ink.
struct Stretch {
  int32_t begin, end;
};

/// The stretches of every region, region by region, and where each region begins.
struct Grouped {
  std::vector<Stretch> stretches;
  std::vector<size_t> begin;
};

Grouped GroupStretches(const Regions& regions) {
  const int32_t count = static_cast<int32_t>(regions.label.size());
  Grouped grouped{{}, std::vector<size_t>(regions.area.size() + 1)};
  std::vector<std::pair<int32_t, Stretch>> found;
  for (int32_t i = 0, end; i < count; i = end) {
    const int32_t label = regions.label[i];
    for (end = i + 1; end < count && regions.label[end] == label && regions.ink[end] == regions.ink[i]; ++end) {
    }
    if (regions.ink[i] || label < 0) continue;
    found.push_back({label, {i, end}});
    ++grouped.begin[static_cast<size_t>(label) + 1];
  }
  for (size_t r = 1; r < grouped.begin.size(); ++r) grouped.begin[r] += grouped.begin[r - 1];
  grouped.stretches.resize(found.size());
  std::vector<size_t> next(grouped.begin.begin(), grouped.begin.end() - 1);
  for (const auto& [label, stretch] : found) grouped.stretches[next[static_cast<size_t>(label)]++] = stretch;
  return grouped;
}

/// Colours of a region, sampled evenly: every `step`-th pixel, in planes that are filled up to whole lanes with what is
/// near nothing.
struct Sample {
  static constexpr size_t kLanes = 8;
  std::vector<float> planes[3];
  size_t count = 0;

  void Take(const Grouped& grouped, size_t region, size_t pixels, const uint8_t* color) {
    const size_t step = std::max<size_t>(1, pixels / kMostSamples);
    count = (pixels + step - 1) / step;
    for (std::vector<float>& plane : planes) plane.assign((count + kLanes - 1) / kLanes * kLanes, -1e6f);
    size_t skip = 0, at = 0;
    for (size_t i = grouped.begin[region]; i < grouped.begin[region + 1]; ++i) {
      const Stretch stretch = grouped.stretches[i];
      const size_t length = static_cast<size_t>(stretch.end - stretch.begin);
      for (; skip < length; skip += step, ++at) {
        const uint8_t* c = color + 3 * (static_cast<size_t>(stretch.begin) + skip);
        for (int k = 0; k < 3; ++k) planes[k][at] = c[k];
      }
      skip -= length;
    }
  }
};

/// The share of a region's pixels that are nearly white.
double WhiteShare(const Sample& sample) {
  size_t white = 0;
  for (size_t i = 0; i < sample.count; ++i)
    white += std::min({sample.planes[0][i], sample.planes[1][i], sample.planes[2][i]}) >= kWhite;
  return static_cast<double>(white) / static_cast<double>(sample.count);
}

typedef float Lanes __attribute__((vector_size(Sample::kLanes * sizeof(float))));

/// Sums, and count as fourth, of the colours near to `center`. All are whole numbers below 2^24, so the order of
/// additions does not matter.
COBRA_CLONES void SumNear(const float* red, const float* green, const float* blue, size_t count, const float center[3],
                          float sums[4]) {
  const auto load = [](const float* from, Lanes& to) { std::memcpy(&to, from, sizeof(to)); };
  const Lanes none = {}, one = none + 1.0f;
  Lanes total[4] = {};
  for (size_t i = 0; i < count; i += Sample::kLanes) {
    Lanes r, g, b;
    load(red + i, r);
    load(green + i, g);
    load(blue + i, b);
    const Lanes x = r - center[0], y = g - center[1], z = b - center[2];
    const auto near = x * x + y * y + z * z <= static_cast<float>(kNear * kNear);
    total[0] += near ? r : none;
    total[1] += near ? g : none;
    total[2] += near ? b : none;
    total[3] += near ? one : none;
  }
  for (int k = 0; k < 4; ++k) {
    sums[k] = 0.0f;
    for (size_t lane = 0; lane < Sample::kLanes; ++lane) sums[k] += total[k][lane];
  }
}

/// The region that has all four corners of the page; -1 if there is none. Ink and the frame's outermost pixels are
/// looked past.
int32_t Margin(const Regions& regions) {
  const int side = std::min(regions.width, regions.height);
  const int inset = std::min(std::max(1, side / 200), (side - 1) / 2);
  const auto label = [&](int x, int y) { return regions.label[static_cast<size_t>(y) * regions.width + x]; };
  const int right = regions.width - 1 - inset, bottom = regions.height - 1 - inset;
  const int32_t corner = label(inset, inset);
  return label(right, inset) == corner && label(inset, bottom) == corner && label(right, bottom) == corner ? corner
                                                                                                           : -1;
}

/// Keeps its histogram between regions; only the cells used are cleared.
class Commonest {
 public:
  Flat operator()(const Sample& sample) {
    Flat flat{Fullest(sample), 0.0};
    for (int shift = 0; shift < kShifts; ++shift) {
      float sums[4];
      SumNear(sample.planes[0].data(), sample.planes[1].data(), sample.planes[2].data(), sample.planes[0].size(),
              flat.color.data(), sums);
      if (sums[3] == 0.0f) return flat;
      const std::array<float, 3> before = flat.color;
      for (int k = 0; k < 3; ++k) flat.color[k] = sums[k] / sums[3];
      flat.share = static_cast<double>(sums[3]) / static_cast<double>(sample.count);
      if (before == flat.color) break;
    }
    return flat;
  }

 private:
  /// The mean colour of the fullest cell.
  std::array<float, 3> Fullest(const Sample& sample) {
    int best = 0;
    const auto cell = [&](size_t i) {
      const auto part = [&](int k) { return static_cast<int>(sample.planes[k][i]) >> 4; };
      return part(0) << 8 | part(1) << 4 | part(2);
    };
    for (size_t i = 0; i < sample.count; ++i) {
      const int at = cell(i);
      if (++cells_[at] > cells_[best]) best = at;
    }
    for (size_t i = 0; i < sample.count; ++i) cells_[cell(i)] = 0;
    return {static_cast<float>((best >> 8) * 16 + 8), static_cast<float>((best >> 4 & 15) * 16 + 8),
            static_cast<float>((best & 15) * 16 + 8)};
  }

  std::vector<uint32_t> cells_ = std::vector<uint32_t>(4096, 0);
};

/// Lays the regions' flats over the picture, stretch by stretch; -1 and nooks leave it as it is.
void LayFlats(const Regions& regions, const std::vector<int32_t>& flats, const std::vector<uint8_t>& nooks,
              uint8_t* out) {
  const size_t count = regions.label.size();
  for (size_t i = 0, end; i < count; i = end) {
    const int32_t label = regions.label[i];
    for (end = i + 1; end < count && regions.label[end] == label && nooks[end] == nooks[i]; ++end) {
    }
    const int32_t flat = label < 0 || nooks[i] ? -1 : flats[static_cast<size_t>(label)];
    if (flat < 0) continue;
    const uint8_t r = static_cast<uint8_t>(flat >> 16), g = static_cast<uint8_t>(flat >> 8),
                  b = static_cast<uint8_t>(flat);
    if (r == g && r == b) {
      std::memset(out + 3 * i, r, 3 * (end - i));
      continue;
    }
    for (size_t k = i; k < end; ++k) out[3 * k] = r, out[3 * k + 1] = g, out[3 * k + 2] = b;
  }
}

}  // namespace

void FlattenColors(const View& page, const View& model, int width, int height, int channels, uint8_t* out) {
  const Box all{0.0f, 0.0f, static_cast<float>(model.width), static_cast<float>(model.height)};
  Resize(model, width, height, Filter::kBilinear, all, out);
  const Regions regions = FindRegions(page, width, height);
  const Grouped grouped = GroupStretches(regions);
  Commonest commonest;
  Sample sample, of_balloon;
  std::vector<int32_t> flats(regions.area.size(), -1);
  const int32_t margin = Margin(regions);
  const std::vector<int32_t> lettered = FindLettering(regions);
  for (size_t r = 0; r < flats.size(); ++r) {
    sample.Take(grouped, r, regions.area[r], out);
    const double part = static_cast<double>(regions.area[r]) / static_cast<double>(regions.label.size());
    const bool is_margin = static_cast<int32_t>(r) == margin && part < kMarginShare;
    const double enough = is_margin ? kMarginWhite : lettered[r] >= 0 ? kLetteredWhite : kLeftWhite;
    if (lettered[r] >= 0) of_balloon.Take(grouped, static_cast<size_t>(lettered[r]), regions.area[lettered[r]], out);
    const double share = WhiteShare(lettered[r] < 0 ? sample : of_balloon);
    if ((is_margin && part < kThinMargin) || share >= enough) {
      flats[r] = 0xffffff;
      continue;
    }
    const Flat flat = commonest(sample);
    if (flat.share < kLeastShare) continue;
    const bool white = *std::min_element(flat.color.begin(), flat.color.end()) >= kWhite;
    const auto channel = [&](int k) { return white ? 255 : static_cast<int32_t>(flat.color[k] + 0.5f); };
    flats[r] = channel(0) << 16 | channel(1) << 8 | channel(2);
  }
  LayFlats(regions, flats, FindNooks(regions, flats, out), out);
  if (channels == 3) return;
  // From the end, so that no pixel is written over before it is read.
  for (size_t i = regions.label.size(); i-- > 0;) {
    const int32_t label = regions.label[i];
    const uint8_t rgb[3] = {out[3 * i], out[3 * i + 1], out[3 * i + 2]};
    std::memcpy(out + 4 * i, rgb, 3);
    out[4 * i + 3] = label >= 0 && flats[static_cast<size_t>(label)] >= 0 ? 255 : 0;
  }
}

}  // namespace cobra::pixels
