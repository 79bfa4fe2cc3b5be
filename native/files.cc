// Whole files in one job each. What goes wrong is not explained here: nothing is left behind then, and the caller goes
// the long way, which tells.
#include "files.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstdio>
#include <cstring>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "runtime/status.h"

namespace cobra {

namespace {

constexpr mode_t kNewFile = 0666;  // less the process's mask
constexpr mode_t kPermissions = 0777;

// Calls again what a signal has interrupted.
template <typename Call>
auto Again(Call&& call) {
  for (;;) {
    const auto result = call();
    if (result != -1 || errno != EINTR) return result;
  }
}

class Descriptor {
 public:
  Descriptor(const std::string& path, int flags, mode_t mode = 0)
      : number_(Again([&] { return open(path.c_str(), flags | O_CLOEXEC, mode); })) {}
  ~Descriptor() { Close(); }
  Descriptor(const Descriptor&) = delete;
  Descriptor& operator=(const Descriptor&) = delete;

  bool is_open() const { return number_ >= 0; }
  int number() const { return number_; }
  bool Sync() const {
    return Again([&] { return fsync(number_); }) == 0;
  }
  // False where the system has not kept what was written. Interrupted, it is closed all the same.
  bool Close() {
    if (number_ < 0) return true;
    const int number = std::exchange(number_, -1);
    return close(number) == 0 || errno == EINTR;
  }

 private:
  int number_;
};

// The permissions of a file; none where there is no file.
std::optional<mode_t> PermissionsOf(const std::string& path) {
  struct stat info{};
  if (lstat(path.c_str(), &info) != 0 || !S_ISREG(info.st_mode)) return std::nullopt;
  return info.st_mode & kPermissions;
}

bool WriteAll(const Descriptor& file, const char* bytes, size_t count) {
  for (size_t done = 0; done < count;) {
    const ssize_t written = Again([&] { return write(file.number(), bytes + done, count - done); });
    if (written < 0) return false;
    done += static_cast<size_t>(written);
  }
  return true;
}

// A folder that cannot be synced is none of the file's faults; see `syncFolder` in src/platform/storage.ts.
int SyncFolder(const std::string& path) {
  const Descriptor folder(path, O_RDONLY);
  if (folder.is_open() && folder.Sync()) return 0;
  const int fault = errno;
  for (const int harmless : {EINVAL, EPERM, EACCES, ENOTSUP, EISDIR}) {
    if (fault == harmless) return 0;
  }
  return fault;
}

class WriteJob final : public Napi::AsyncWorker {
 public:
  // What the promise resolves to instead of an error number: the file has not got its name, and nothing is left.
  static constexpr int kNotPlaced = -1;

  WriteJob(Napi::Env env, const Napi::Uint8Array& bytes, std::string folder, std::string temporary, std::string target,
           bool overwrite)
      : AsyncWorker(env, "cobra-batch file"),
        deferred_(Napi::Promise::Deferred::New(env)),
        held_(Napi::Persistent(bytes.As<Napi::Object>())),
        bytes_(reinterpret_cast<const char*>(bytes.Data())),
        count_(bytes.ByteLength()),
        folder_(std::move(folder)),
        temporary_(std::move(temporary)),
        target_(std::move(target)),
        overwrite_(overwrite) {}

  Napi::Promise promise() const { return deferred_.Promise(); }

  void Execute() override {
    bool made = false;
    if (Write(made) && Place()) return;
    if (made) unlink(temporary_.c_str());
  }
  void OnOK() override { deferred_.Resolve(Napi::Number::New(Env(), result_)); }
  void OnError(const Napi::Error&) override { OnOK(); }

 private:
  // The whole file under its temporary name, synced; with no more permissions than what it replaces.
  bool Write(bool& made) const {
    Descriptor file(temporary_, O_WRONLY | O_CREAT | O_EXCL, PermissionsOf(target_).value_or(kNewFile) & kNewFile);
    made = file.is_open();
    return made && WriteAll(file, bytes_, count_) && file.Sync() && file.Close();
  }

  bool Place() {
    const char* from = temporary_.c_str();
    const char* to = target_.c_str();
    if (overwrite_) {
      const auto mode = PermissionsOf(target_);
      if (mode && chmod(from, *mode) != 0) errno = 0;  // another user's: it gets no more than the file was made with
      if (Again([&] { return rename(from, to); }) != 0) return false;
      result_ = SyncFolder(folder_);
      return true;
    }
    if (Again([&] { return link(from, to); }) != 0) return false;
    const int fault = Again([&] { return unlink(from); }) == 0 || errno == ENOENT ? 0 : errno;
    result_ = fault != 0 ? fault : SyncFolder(folder_);
    return true;
  }

  const Napi::Promise::Deferred deferred_;
  const Napi::ObjectReference held_;  // until the job is over
  const char* const bytes_;
  const size_t count_;
  const std::string folder_;
  const std::string temporary_;
  const std::string target_;
  const bool overwrite_;
  int result_ = kNotPlaced;
};

class ReadJob final : public Napi::AsyncWorker {
 public:
  ReadJob(Napi::Env env, std::string path, size_t most_bytes)
      : AsyncWorker(env, "cobra-batch file"),
        deferred_(Napi::Promise::Deferred::New(env)),
        path_(std::move(path)),
        most_bytes_(most_bytes) {}

  Napi::Promise promise() const { return deferred_.Promise(); }

  void Execute() override {
    const Descriptor file(path_, O_RDONLY | O_NONBLOCK);  // a pipe would wait for a writer
    struct stat info{};
    if (!file.is_open() || fstat(file.number(), &info) != 0 || !S_ISREG(info.st_mode)) return;
    if (static_cast<size_t>(info.st_size) > most_bytes_) return;
    bytes_.resize(static_cast<size_t>(info.st_size));
    size_t done = 0;
    while (done < bytes_.size()) {
      const ssize_t got = Again([&] { return read(file.number(), bytes_.data() + done, bytes_.size() - done); });
      if (got < 0) return;
      if (got == 0) break;
      done += static_cast<size_t>(got);
    }
    bytes_.resize(done);
    is_read_ = true;
  }
  void OnOK() override {
    if (!is_read_) return deferred_.Resolve(Env().Undefined());
    Napi::Uint8Array result = Napi::Uint8Array::New(Env(), bytes_.size());
    if (!bytes_.empty()) std::memcpy(result.Data(), bytes_.data(), bytes_.size());
    deferred_.Resolve(result);
  }
  void OnError(const Napi::Error&) override { deferred_.Resolve(Env().Undefined()); }  // memory has run out

 private:
  const Napi::Promise::Deferred deferred_;
  const std::string path_;
  const size_t most_bytes_;
  std::vector<char> bytes_;
  bool is_read_ = false;
};

Napi::Uint8Array ReadBytes(const Napi::Value& value, const char* what) {
  if (!value.IsTypedArray() || value.As<Napi::TypedArray>().TypedArrayType() != napi_uint8_array)
    throw Fault("ERR_ARGUMENT", std::string(what) + " must be a Uint8Array");
  return value.As<Napi::Uint8Array>();
}

std::string ReadPath(const Napi::Value& value) {
  if (value.IsString()) return value.As<Napi::String>();
  const Napi::Uint8Array bytes = ReadBytes(value, "a path that is no text");
  return {reinterpret_cast<const char*>(bytes.Data()), bytes.ByteLength()};
}

// (bytes, folder, temporary, target, overwrite) -> promise of a number
Napi::Value WriteWholeFile(const Napi::CallbackInfo& info) {
  return Guarded(info.Env(), [&]() -> Napi::Value {
    auto job = std::make_unique<WriteJob>(info.Env(), ReadBytes(info[0], "the bytes of a file"), ReadPath(info[1]),
                                          ReadPath(info[2]), ReadPath(info[3]), info[4].ToBoolean().Value());
    const Napi::Promise promise = job->promise();
    job.release()->Queue();  // it deletes itself
    return promise;
  });
}

// (path, mostBytes) -> promise of a Uint8Array, or of undefined
Napi::Value ReadWholeFile(const Napi::CallbackInfo& info) {
  return Guarded(info.Env(), [&]() -> Napi::Value {
    const int64_t most = info[1].IsNumber() ? info[1].As<Napi::Number>().Int64Value() : -1;
    if (most < 0) throw Fault("ERR_ARGUMENT", "the most bytes of a file must be 0 or more");
    auto job = std::make_unique<ReadJob>(info.Env(), ReadPath(info[0]), static_cast<size_t>(most));
    const Napi::Promise promise = job->promise();
    job.release()->Queue();
    return promise;
  });
}

}  // namespace

void RegisterFiles(Napi::Env env, Napi::Object exports) {
  exports.Set("writeWholeFile", Napi::Function::New(env, WriteWholeFile, "writeWholeFile"));
  exports.Set("readWholeFile", Napi::Function::New(env, ReadWholeFile, "readWholeFile"));
}

}  // namespace cobra
