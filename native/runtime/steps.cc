// The job that runs steps.
//
// Who owns what: a `StepsJob` shares the bindings it runs and the memory of the tensors that it writes before a step.
// Arrays of JS that are bound as inputs are read once, when the job is made.
#include "runtime/steps.h"

#include <atomic>
#include <cstring>
#include <optional>

#include "runtime/binding.h"
#include "runtime/solver.h"

namespace cobra {

namespace {

// A tensor on the host that gets a row of its own for every step.
struct StepTable {
  JobMemory target;
  std::vector<char> rows;
};

// One run of a step.
struct StepRun {
  std::shared_ptr<BindingCore> binding;
  BindingCopies copies;
};
// What a step does: its runs, then the solver where that is not one of them.
struct Round {
  std::vector<StepRun> runs;
  std::optional<HostSolver> solver;
};
using Rounds = std::vector<Round>;

class StepsJob final : public Job {
 public:
  // `yields_to`: the executor whose waiting jobs end the loop after a step; null to let them wait.
  StepsJob(Rounds rounds, std::vector<StepTable> tables, uint32_t first, uint32_t steps, bool finite,
           Executor* yields_to)
      : rounds_(std::move(rounds)),
        tables_(std::move(tables)),
        first_(first),
        steps_(steps),
        finite_(finite),
        yields_to_(yields_to) {}

  void Execute() override {
    while (done_ < steps_ && !stop_) {
      for (const StepTable& table : tables_) {
        const size_t bytes = table.target.view().bytes;
        std::memcpy(table.target.bytes(), table.rows.data() + done_ * bytes, bytes);
      }
      const Round& round = rounds_[(first_ + done_) % rounds_.size()];
      for (const StepRun& run : round.runs) {
        run.binding->Run(control_, run.copies);
        if (finite_) run.binding->RequireFinite();
      }
      if (round.solver) {
        round.solver->Run();
        if (finite_) round.solver->RequireFinite();
      }
      owner->Report(id, ++done_);
      if (yields_to_ && yields_to_->HasWaiting()) return;
    }
  }
  bool computes() const override { return true; }
  void Terminate() override {
    stop_ = true;
    control_.Terminate();
  }
  void StopSoon() override { stop_ = true; }
  Napi::Value Result(Napi::Env env) override { return Napi::Number::New(env, done_); }

 private:
  const Rounds rounds_;
  const std::vector<StepTable> tables_;
  const uint32_t first_;
  const uint32_t steps_;
  const bool finite_;
  Executor* const yields_to_;
  uint32_t done_ = 0;
  std::atomic<bool> stop_{false};
  RunControl control_;
};

uint32_t ReadCount(const Napi::Value& value, const char* what) {
  const int64_t count = ReadWhole(value, what);
  if (count < 0 || count > 1'000'000) throw Fault("ERR_ARGUMENT", std::string(what) + " must be from 0 to 1,000,000");
  return static_cast<uint32_t>(count);
}

Rounds ReadRounds(const Napi::Value& value, const Napi::Value& solvers) {
  if (!value.IsArray()) throw Fault("ERR_ARGUMENT", "rounds must be an array of arrays of bindings");
  const auto list = value.As<Napi::Array>();
  Rounds rounds;
  for (uint32_t i = 0; i < list.Length(); ++i) {
    const Napi::Value round = list.Get(i);
    if (!round.IsArray()) throw Fault("ERR_ARGUMENT", "rounds must be an array of arrays of bindings");
    auto& runs = rounds.emplace_back().runs;
    for (uint32_t b = 0; b < round.As<Napi::Array>().Length(); ++b) {
      auto binding = NativeBinding::CoreOf(round.As<Napi::Array>().Get(b));
      BindingCopies copies = binding->CopyIn();
      if (!copies.outputs.empty())
        throw Fault("ERR_ARGUMENT", "steps write into no arrays of JavaScript; bind outputs of Tensor.alloc");
      runs.push_back({std::move(binding), std::move(copies)});
      if (runs.back().binding->session()->executor != rounds[0].runs[0].binding->session()->executor)
        throw Fault("ERR_ARGUMENT", "all bindings of steps must be on one device");
    }
    if (runs.empty()) throw Fault("ERR_ARGUMENT", "a round has no bindings");
  }
  if (rounds.empty()) throw Fault("ERR_ARGUMENT", "there are no rounds");
  if (solvers.IsUndefined()) return rounds;
  if (!solvers.IsArray() || solvers.As<Napi::Array>().Length() != rounds.size())
    throw Fault("ERR_ARGUMENT", "there must be a solver for each round, or none at all");
  for (uint32_t i = 0; i < rounds.size(); ++i) rounds[i].solver.emplace(solvers.As<Napi::Array>().Get(i));
  return rounds;
}

std::vector<StepTable> ReadTables(const Napi::Value& tensors, const Napi::Value& rows, uint32_t steps) {
  if (!tensors.IsArray() || !rows.IsArray()) throw Fault("ERR_ARGUMENT", "tensors and rows must be arrays");
  const auto targets = tensors.As<Napi::Array>();
  const auto contents = rows.As<Napi::Array>();
  if (targets.Length() != contents.Length()) throw Fault("ERR_ARGUMENT", "there must be as many rows as tensors");
  std::vector<StepTable> tables;
  for (uint32_t i = 0; i < targets.Length(); ++i) {
    const TensorView view = NativeTensor::ViewOf(targets.Get(i));
    const Napi::Value content = contents.Get(i);
    if (!view.storage->on_host() || !view.storage->owned() || !content.IsTypedArray())
      throw Fault("ERR_ARGUMENT", "what changes with the steps is a tensor of Tensor.alloc and a typed array");
    const auto array = content.As<Napi::TypedArray>();
    if (array.ByteLength() != view.bytes * steps) {
      throw Fault("ERR_TENSOR_DIMS", "a table of " + std::to_string(array.ByteLength()) + " bytes does not hold " +
                                         std::to_string(steps) + " rows of " + std::to_string(view.bytes));
    }
    const auto* bytes = static_cast<const char*>(array.ArrayBuffer().Data()) + array.ByteOffset();
    tables.push_back({JobMemory(view, JobMemory::Use::kWrite), {bytes, bytes + array.ByteLength()}});
  }
  return tables;
}

// (rounds, solvers, tensors, rows, first, steps, finite, yields, onStep, settle) -> job id
Napi::Value RunSteps(const Napi::CallbackInfo& info) {
  return Guarded(info.Env(), [&]() -> Napi::Value {
    const uint32_t first = ReadCount(info[4], "the number of the first step");
    const uint32_t steps = ReadCount(info[5], "the number of steps");
    auto rounds = ReadRounds(info[0], info[1]);
    auto tables = ReadTables(info[2], info[3], steps);
    const auto executor = rounds[0].runs[0].binding->session()->executor;
    auto job = std::make_unique<StepsJob>(std::move(rounds), std::move(tables), first, steps,
                                          info[6].ToBoolean().Value(), info[7].ToBoolean() ? executor.get() : nullptr);
    const uint64_t id = NodeEnvironment::Of(info.Env()).Submit(*executor, std::move(job), info[9], info[8]);
    return Napi::Number::New(info.Env(), static_cast<double>(id));
  });
}

}  // namespace

void RegisterSteps(Napi::Env env, Napi::Object exports) {
  exports.Set("runSteps", Napi::Function::New(env, RunSteps, "runSteps"));
}

}  // namespace cobra
