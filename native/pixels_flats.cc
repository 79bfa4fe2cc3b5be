// Flats: every region of the page (pixels_regions.cc) gets one colour, the commonest of the model's in it, as a flatter lays them.
//
//   commonest  the densest place among the region's colours (pixels that are not ink): the fullest cell of a 16 x 16 x 16 histogram,
//              moved to the mean of what is near it (mean shift with a flat kernel of radius kNear), until it stands still
//   several    a region whose colours are mostly elsewhere holds several things that no line parts; it keeps the model's colours
//   white      a flat that is nearly white is white, and so is a region that the model left nearly white in good part: it colours what
//              it knows, and paper is what it knows least. The page's margin with its gutters (it reaches all four corners and is no
//              large part of the page) needs less of that, and none where it is thin; a lettered region (pixels_lettering.cc) needs little
#include <algorithm>
#include <array>
#include <vector>

#include "pixels_lettering.h"

namespace cobra::pixels {
namespace {

constexpr int kNear = 44;           // RGB distance up to which colours are one
constexpr double kLeastShare = 0.4;  // of a region's pixels that its flat must be near to
constexpr int kWhite = 236;         // least channel of a colour that counts as white
constexpr double kLeftWhite = 0.3;   // of a region's pixels that the model left white: then it is white
constexpr double kMarginWhite = 0.1, kMarginShare = 0.4;  // the same of a margin, and its largest part of the page
constexpr double kLetteredWhite = 0.04;  // the same of a lettered region
constexpr double kThinMargin = 0.15;  // of the page: a region with all corners that is no larger can only be margin
constexpr int kShifts = 6;
constexpr size_t kMostSamples = 1 << 14;  // pixels of a region that are looked at

/// Pixels of a region, sampled evenly, as their places in the picture.
struct Sample {
  const int32_t* places;
  size_t count, step;
};

struct Flat {
  std::array<float, 3> color;
  double share;
};

/// The share of a region's pixels that are nearly white.
double WhiteShare(const uint8_t* color, const Sample& sample) {
  size_t white = 0, seen = 0;
  for (size_t i = 0; i < sample.count; i += sample.step, ++seen) {
    const uint8_t* c = color + 3 * static_cast<size_t>(sample.places[i]);
    white += std::min({c[0], c[1], c[2]}) >= kWhite;
  }
  return static_cast<double>(white) / static_cast<double>(seen);
}

/// The region that has all four corners of the page; -1 where there is none. Ink and the frame's outermost pixels are looked past.
int32_t Margin(const Regions& regions) {
  const int inset = std::max(1, std::min(regions.width, regions.height) / 200);
  const auto label = [&](int x, int y) { return regions.label[static_cast<size_t>(y) * regions.width + x]; };
  const int right = regions.width - 1 - inset, bottom = regions.height - 1 - inset;
  const int32_t corner = label(inset, inset);
  return label(right, inset) == corner && label(inset, bottom) == corner && label(right, bottom) == corner ? corner : -1;
}

/// Keeps its histogram between regions; only the cells used are cleared.
class Commonest {
 public:
  explicit Commonest(const uint8_t* color) : color_(color), cells_(4096, 0) {}

  Flat operator()(const Sample& sample) {
    Flat flat{Fullest(sample), 0.0};
    for (int shift = 0; shift < kShifts; ++shift) {
      std::array<float, 3> sum{};
      size_t near = 0, seen = 0;
      for (size_t i = 0; i < sample.count; i += sample.step, ++seen) {
        const uint8_t* c = color_ + 3 * static_cast<size_t>(sample.places[i]);
        float distance = 0.0f;
        for (int k = 0; k < 3; ++k) distance += (static_cast<float>(c[k]) - flat.color[k]) * (static_cast<float>(c[k]) - flat.color[k]);
        if (distance > kNear * kNear) continue;
        for (int k = 0; k < 3; ++k) sum[k] += c[k];
        ++near;
      }
      if (near == 0) return flat;
      const std::array<float, 3> before = flat.color;
      for (int k = 0; k < 3; ++k) flat.color[k] = sum[k] / static_cast<float>(near);
      flat.share = static_cast<double>(near) / static_cast<double>(seen);
      if (before == flat.color) break;
    }
    return flat;
  }

 private:
  /// The mean colour of the fullest cell.
  std::array<float, 3> Fullest(const Sample& sample) {
    int best = 0;
    const auto cell = [&](const uint8_t* c) { return (c[0] >> 4) << 8 | (c[1] >> 4) << 4 | (c[2] >> 4); };
    for (size_t i = 0; i < sample.count; i += sample.step) {
      const int at = cell(color_ + 3 * static_cast<size_t>(sample.places[i]));
      if (++cells_[at] > cells_[best]) best = at;
    }
    for (size_t i = 0; i < sample.count; i += sample.step) cells_[cell(color_ + 3 * static_cast<size_t>(sample.places[i]))] = 0;
    return {static_cast<float>((best >> 8) * 16 + 8), static_cast<float>((best >> 4 & 15) * 16 + 8), static_cast<float>((best & 15) * 16 + 8)};
  }

  const uint8_t* color_;
  std::vector<uint32_t> cells_;
};

/// Places of every region's pixels without ink, region by region, and where each begins.
void GroupPlaces(const Regions& regions, std::vector<int32_t>& places, std::vector<size_t>& begin) {
  begin.assign(regions.area.size() + 1, 0);
  for (size_t i = 0; i < regions.label.size(); ++i) {
    if (!regions.ink[i] && regions.label[i] >= 0) ++begin[static_cast<size_t>(regions.label[i]) + 1];
  }
  for (size_t r = 1; r < begin.size(); ++r) begin[r] += begin[r - 1];
  places.resize(begin.back());
  std::vector<size_t> next(begin.begin(), begin.end() - 1);
  for (size_t i = 0; i < regions.label.size(); ++i) {
    if (!regions.ink[i] && regions.label[i] >= 0) places[next[static_cast<size_t>(regions.label[i])]++] = static_cast<int32_t>(i);
  }
}

}  // namespace

void FlattenColors(const View& page, const View& model, int width, int height, uint8_t* out) {
  const Box all{0.0f, 0.0f, static_cast<float>(model.width), static_cast<float>(model.height)};
  Resize(model, width, height, Filter::kBilinear, all, out);
  const Regions regions = FindRegions(page, width, height);
  std::vector<int32_t> places;
  std::vector<size_t> begin;
  GroupPlaces(regions, places, begin);
  Commonest commonest(out);
  std::vector<int32_t> flats(regions.area.size(), -1);
  const int32_t margin = Margin(regions);
  const std::vector<int32_t> lettered = FindLettering(regions);
  const auto sample_of = [&](size_t r) {
    const size_t count = begin[r + 1] - begin[r];
    return Sample{places.data() + begin[r], count, std::max<size_t>(1, count / kMostSamples)};
  };
  for (size_t r = 0; r < flats.size(); ++r) {
    const Sample sample = sample_of(r);
    if (sample.count == 0) continue;
    const double part = static_cast<double>(sample.count) / static_cast<double>(regions.label.size());
    const bool is_margin = static_cast<int32_t>(r) == margin && part < kMarginShare;
    const double enough = is_margin ? kMarginWhite : lettered[r] >= 0 ? kLetteredWhite : kLeftWhite;
    const double share = WhiteShare(out, lettered[r] < 0 ? sample : sample_of(static_cast<size_t>(lettered[r])));
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
  for (size_t i = 0; i < regions.label.size(); ++i) {
    const int32_t flat = regions.label[i] < 0 ? -1 : flats[static_cast<size_t>(regions.label[i])];
    if (flat < 0) continue;
    out[3 * i] = static_cast<uint8_t>(flat >> 16);
    out[3 * i + 1] = static_cast<uint8_t>(flat >> 8);
    out[3 * i + 2] = static_cast<uint8_t>(flat);
  }
}

}  // namespace cobra::pixels
