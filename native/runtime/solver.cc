// A step of the solver, in double precision with float32 latents: to the bit what the plain formulas give.
#include "runtime/solver.h"

#include <string>

#include "pixels/kernels.h"
#include "runtime/run.h"

namespace cobra {

namespace {

constexpr size_t kCoefficients = 5;

// Which result is a page's next latent; a row of the graph's `choice`.
enum Result { kClean, kFirstOrder, kSecondOrder };

struct Step {
  double a, s, keep, gain, slope;
  int result;
};

struct Rows {
  const float* latent;
  const float* output;
  const float* previous;
  float* next;
  float* clean;
};

template <bool kPredictsNoise, int kResult>
inline __attribute__((always_inline)) void Advance(const Rows& rows, const Step& step, size_t count) {
  for (size_t i = 0; i < count; ++i) {
    const double x = rows.latent[i];
    const float clean = kPredictsNoise ? static_cast<float>((x - step.s * static_cast<double>(rows.output[i])) / step.a)
                                       : rows.output[i];
    float next = clean;
    if (kResult != kClean) {
      double sum = step.keep * x + step.gain * static_cast<double>(clean);
      if (kResult == kSecondOrder)
        sum += step.slope * (static_cast<double>(clean) - static_cast<double>(rows.previous[i]));
      next = static_cast<float>(sum);
    }
    rows.clean[i] = clean;
    rows.next[i] = next;
  }
}

template <bool kPredictsNoise>
inline __attribute__((always_inline)) void AdvanceAs(const Rows& rows, const Step& step, size_t count) {
  if (step.result == kClean) return Advance<kPredictsNoise, kClean>(rows, step, count);
  if (step.result == kFirstOrder) return Advance<kPredictsNoise, kFirstOrder>(rows, step, count);
  Advance<kPredictsNoise, kSecondOrder>(rows, step, count);
}

COBRA_CLONES void AdvanceFromNoise(const Rows& rows, const Step& step, size_t count) {
  AdvanceAs<true>(rows, step, count);
}
COBRA_CLONES void AdvanceFromSample(const Rows& rows, const Step& step, size_t count) {
  AdvanceAs<false>(rows, step, count);
}

JobMemory ReadPart(const Napi::Object& parts, const char* name, ONNXTensorElementDataType type) {
  const TensorView& view = NativeTensor::ViewOf(parts.Get(name));
  if (!view.storage->on_host() || !view.storage->owned())
    throw Fault("ERR_ARGUMENT",
                std::string("the solver's \"") + name + "\" must be in memory of the addon on the host");
  if (view.dtype->type != type)
    throw Fault("ERR_TENSOR_DTYPE",
                std::string("the solver's \"") + name + "\" has another dtype than " + FindDtype(type)->name);
  return {view, JobMemory::Use::kWrite};
}

bool ReadPrediction(const Napi::Object& parts) {
  const Napi::Value given = parts.Get("prediction");
  const std::string prediction = given.IsString() ? given.As<Napi::String>().Utf8Value() : "";
  if (prediction != "epsilon" && prediction != "sample")
    throw Fault("ERR_ARGUMENT", "the solver's prediction must be \"epsilon\" or \"sample\"");
  return prediction == "epsilon";
}

Napi::Object ReadParts(const Napi::Value& parts) {
  if (!parts.IsObject()) throw Fault("ERR_ARGUMENT", "a solver is an object with its tensors");
  return parts.As<Napi::Object>();
}

template <typename T>
T* At(const JobMemory& memory) {
  return reinterpret_cast<T*>(memory.bytes());
}

}  // namespace

HostSolver::HostSolver(const Napi::Value& parts)
    : predicts_noise_(ReadPrediction(ReadParts(parts))),
      latent_(ReadPart(ReadParts(parts), "latent", ONNX_TENSOR_ELEMENT_DATA_TYPE_FLOAT)),
      output_(ReadPart(ReadParts(parts), "output", ONNX_TENSOR_ELEMENT_DATA_TYPE_FLOAT)),
      previous_(ReadPart(ReadParts(parts), "previous", ONNX_TENSOR_ELEMENT_DATA_TYPE_FLOAT)),
      coefficients_(ReadPart(ReadParts(parts), "coefficients", ONNX_TENSOR_ELEMENT_DATA_TYPE_DOUBLE)),
      choice_(ReadPart(ReadParts(parts), "choice", ONNX_TENSOR_ELEMENT_DATA_TYPE_INT32)),
      next_(ReadPart(ReadParts(parts), "next", ONNX_TENSOR_ELEMENT_DATA_TYPE_FLOAT)),
      clean_(ReadPart(ReadParts(parts), "clean", ONNX_TENSOR_ELEMENT_DATA_TYPE_FLOAT)),
      pages_(choice_.view().bytes / sizeof(int32_t)) {
  const size_t bytes = latent_.view().bytes;
  for (const JobMemory* memory : {&output_, &previous_, &next_, &clean_}) {
    if (memory->view().bytes != bytes) throw Fault("ERR_TENSOR_DIMS", "the solver's latents differ in size");
  }
  if (pages_ == 0 || bytes % (pages_ * sizeof(float)) != 0 ||
      coefficients_.view().bytes != kCoefficients * pages_ * sizeof(double))
    throw Fault("ERR_TENSOR_DIMS", "the solver's latents, coefficients and choices are not of as many pages");
  values_ = bytes / sizeof(float) / pages_;
}

void HostSolver::Run() const {
  const auto* coefficients = At<const double>(coefficients_);
  const auto* choice = At<const int32_t>(choice_);
  const auto advance = predicts_noise_ ? AdvanceFromNoise : AdvanceFromSample;
  for (size_t page = 0; page < pages_; ++page) {
    const auto number = [&](size_t k) { return coefficients[k * pages_ + page]; };
    const Step step{number(0), number(1), number(2),
                    number(3), number(4), static_cast<int>(static_cast<size_t>(choice[page]) / pages_)};
    const size_t at = page * values_;
    advance({At<const float>(latent_) + at, At<const float>(output_) + at, At<const float>(previous_) + at,
             At<float>(next_) + at, At<float>(clean_) + at},
            step, values_);
  }
}

void HostSolver::RequireFinite() const {
  cobra::RequireFinite("next", next_.view(), next_.bytes());
  cobra::RequireFinite("clean", clean_.view(), clean_.bytes());
}

}  // namespace cobra
