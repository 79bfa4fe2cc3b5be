// Crash notes by POSIX signals.
#include <dlfcn.h>
#include <fcntl.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <atomic>
#include <cerrno>
#include <cstdint>
#include <cstring>
#include <memory>
#include <mutex>

#include "platform/crash.h"
#include "platform/heap_limit.h"

namespace cobra::platform {

namespace {

struct CrashSignal {
  int number;
  const char* name;
};
// SIGTRAP is how V8 ends a process whose checks fail.
constexpr std::array<CrashSignal, 7> kSignals = {{{SIGSEGV, "SIGSEGV"},
                                                  {SIGBUS, "SIGBUS"},
                                                  {SIGILL, "SIGILL"},
                                                  {SIGFPE, "SIGFPE"},
                                                  {SIGABRT, "SIGABRT"},
                                                  {SIGTRAP, "SIGTRAP"},
                                                  {SIGSYS, "SIGSYS"}}};

// A text as it goes into the note, with its quotes; two of them, so that one is whole while the other is written.
struct Slot {
  std::atomic<bool> taken{false};
  std::atomic<int> current{-1};  // which text holds, -1: none
  std::array<char, kCrashTextBytes + 2> text[2];
  std::array<size_t, 2> length;
};

// Static, so that the handler needs no pointer that could be wrong.
std::array<Slot, kCrashSlots> slots;
std::atomic<int> note_file{-1};
std::atomic<pid_t> owner{0};  // not a child between fork and exec
std::atomic<bool> noting{false};
std::atomic<bool> noted{false};
std::array<struct sigaction, kSignals.size()> before;
// By signal, the thread that was in the handler last, and how often it was entered since the notes were opened.
std::array<std::atomic<pid_t>, kSignals.size()> last_thread;
std::array<std::atomic<int>, kSignals.size()> entries;
std::array<char, kCrashSlots*(kCrashTextBytes + 32) + 512> line;

// V8 turns faults of WebAssembly code into exceptions: those are none of ours.
using TryWebAssembly = bool(int, siginfo_t*, void*);
TryWebAssembly* try_web_assembly = nullptr;

// Writes into `line`; every caller leaves room.
struct Writer {
  char* at = line.data();

  void Bytes(const char* bytes, size_t count) {
    std::memcpy(at, bytes, count);
    at += count;
  }
  void Text(const char* text) { Bytes(text, std::strlen(text)); }
  void Number(uint64_t value) {
    std::array<char, 20> digits;
    size_t count = 0;
    do {
      digits[count++] = static_cast<char>('0' + value % 10);
      value /= 10;
    } while (value > 0);
    while (count > 0) *at++ = digits[--count];
  }
};

// Whether another process has sent the signal: by kill, sigqueue or tgkill.
bool IsFromElsewhere(const siginfo_t* info) {
  const bool is_sent = info->si_code == SI_USER || info->si_code == SI_QUEUE || info->si_code == SI_TKILL;
  return is_sent && info->si_pid != getpid();
}

// Whether the address space that the process may have (`ulimit -v`) is nearly used up: what aborts then, such as V8 or
// GLib, had no memory left. Only calls that a signal handler may make.
bool IsAddressSpaceUsedUp() {
  constexpr uint64_t kNearBytes = 64 << 20;
  rlimit limit{};
  if (getrlimit(RLIMIT_AS, &limit) != 0 || limit.rlim_cur == RLIM_INFINITY) return false;
  const int file = open("/proc/self/statm", O_RDONLY | O_CLOEXEC);
  if (file < 0) return false;
  std::array<char, 32> text{};
  const ssize_t count = read(file, text.data(), text.size());
  close(file);
  uint64_t pages = 0;  // the first number
  for (ssize_t i = 0; i < count && text[i] >= '0' && text[i] <= '9'; ++i) pages = pages * 10 + (text[i] - '0');
  return pages * static_cast<uint64_t>(sysconf(_SC_PAGESIZE)) + kNearBytes >= limit.rlim_cur;
}

void WriteNote(const char* signal, const siginfo_t* info) {
  timespec now{};
  clock_gettime(CLOCK_REALTIME, &now);
  Writer out;
  out.Text(R"({"signal":")");
  out.Text(signal);
  out.Text(R"(","time":)");
  out.Number(static_cast<uint64_t>(now.tv_sec) * 1000 + static_cast<uint64_t>(now.tv_nsec) / 1'000'000);
  out.Text(R"(,"pid":)");
  out.Number(static_cast<uint64_t>(getpid()));
  out.Text(R"(,"tid":)");
  out.Number(static_cast<uint64_t>(syscall(SYS_gettid)));
  out.Text(R"(,"thread":")");
  std::array<char, 17> thread{};
  prctl(PR_GET_NAME, thread.data());
  for (const char c : thread) {
    if (c >= ' ' && c < 127 && c != '"' && c != '\\') *out.at++ = c;
  }
  out.Text("\"");
  if (IsFromElsewhere(info)) {
    out.Text(R"(,"sender":)");
    out.Number(static_cast<uint64_t>(info->si_pid));
  }
  if (IsHeapUsedUp() || IsAddressSpaceUsedUp()) out.Text(R"(,"memory":true)");
  out.Text(R"(,"marks":[)");
  bool first = true;
  for (size_t i = 0; i < slots.size(); ++i) {
    const int current = slots[i].current.load(std::memory_order_acquire);
    if (current < 0) continue;
    out.Text(first ? R"({"slot":)" : R"(,{"slot":)");
    first = false;
    out.Number(i);
    out.Text(R"(,"text":)");
    out.Bytes(slots[i].text[current].data(), slots[i].length[current]);
    out.Text("}");
  }
  out.Text("]}\n");
  const char* from = line.data();
  while (from < out.at) {
    const ssize_t written = write(note_file.load(), from, static_cast<size_t>(out.at - from));
    if (written < 0 && errno != EINTR) break;
    if (written > 0) from += written;
  }
}

void OnCrash(int signal, siginfo_t* info, void* context) {
  if (signal == SIGSEGV && try_web_assembly && try_web_assembly(signal, info, context)) return;
  const int saved_errno = errno;
  size_t index = 0;
  while (index + 1 < kSignals.size() && kSignals[index].number != signal) ++index;
  if (note_file.load() >= 0 && getpid() == owner.load()) {
    if (!noting.exchange(true)) {
      WriteNote(kSignals[index].name, info);
      noted.store(true);
    } else {
      // Another thread is at it; it must be able to finish, but not for ever.
      for (int wait = 0; wait < 1000 && !noted.load(); ++wait) {
        const timespec millisecond{0, 1'000'000};
        nanosleep(&millisecond, nullptr);
      }
    }
  }
  // A host may call this handler from its own, which may be the one before: each would lead to the other for ever. So
  // the second time in a thread, or the last of many, ends the process.
  constexpr int kMostEntries = 64;
  const auto thread = static_cast<pid_t>(syscall(SYS_gettid));
  const bool again = last_thread[index].exchange(thread) == thread || entries[index].fetch_add(1) >= kMostEntries;
  struct sigaction ending{};
  ending.sa_handler = SIG_DFL;
  sigaction(signal, again ? &ending : &before[index], nullptr);
  // A fault comes again by itself, at the same instruction. What was sent, and a trap, do not: they are sent again and
  // come once this handler has returned.
  if (info->si_code <= 0 || signal == SIGTRAP || signal == SIGSYS) {
    syscall(SYS_tgkill, getpid(), thread, signal);
  }
  errno = saved_errno;
}

std::mutex mutex;  // guards what follows
int shares = 0;
std::string open_path;

void Install() {
  try_web_assembly =
      reinterpret_cast<TryWebAssembly*>(dlsym(RTLD_DEFAULT, "_ZN2v829TryHandleWebAssemblyTrapPosixEiP9siginfo_tPv"));
  for (size_t i = 0; i < kSignals.size(); ++i) {
    last_thread[i] = 0;
    entries[i] = 0;
    sigaction(kSignals[i].number, nullptr, &before[i]);
    // Without V8's own check a handler that is there may be V8's: then it stays alone.
    if (kSignals[i].number == SIGSEGV && !try_web_assembly && before[i].sa_handler != SIG_DFL) continue;
    struct sigaction action{};
    action.sa_sigaction = OnCrash;
    action.sa_flags = SA_SIGINFO | SA_ONSTACK;
    sigemptyset(&action.sa_mask);
    sigaction(kSignals[i].number, &action, nullptr);
  }
}

void Restore() {
  for (size_t i = 0; i < kSignals.size(); ++i) {
    struct sigaction now{};
    sigaction(kSignals[i].number, nullptr, &now);
    if ((now.sa_flags & SA_SIGINFO) && now.sa_sigaction == OnCrash) sigaction(kSignals[i].number, &before[i], nullptr);
  }
}

// A JSON string of at most `kCrashTextBytes` and its quotes. Returns its length.
size_t Encode(const std::string& text, char* out) {
  static constexpr char kHex[] = "0123456789abcdef";
  size_t at = 0;
  out[at++] = '"';
  for (size_t i = 0; i < text.size();) {
    const auto first = static_cast<unsigned char>(text[i]);
    const size_t bytes = first < 0x80 ? 1 : first < 0xe0 ? 2 : first < 0xf0 ? 3 : 4;
    const bool escaped = first < ' ' || first == '"' || first == '\\';
    if (at + (escaped ? 6 : bytes) > kCrashTextBytes || i + bytes > text.size()) break;
    if (escaped) {
      for (const char c : {'\\', 'u', '0', '0', kHex[first >> 4], kHex[first & 15]}) out[at++] = c;
    } else {
      std::memcpy(out + at, text.data() + i, bytes);
      at += bytes;
    }
    i += bytes;
  }
  out[at++] = '"';
  return at;
}

// The stack of one thread's handler; goes with the thread.
class SignalStack {
 public:
  SignalStack() {
    stack_t current{};
    if (sigaltstack(nullptr, &current) != 0 || !(current.ss_flags & SS_DISABLE)) return;  // somebody's already
    memory_ = std::make_unique<char[]>(kBytes);
    const stack_t own{memory_.get(), 0, kBytes};
    if (sigaltstack(&own, nullptr) != 0) memory_.reset();
  }
  ~SignalStack() {
    if (!memory_) return;
    stack_t none{};
    none.ss_flags = SS_DISABLE;
    sigaltstack(&none, nullptr);
  }
  SignalStack(const SignalStack&) = delete;
  SignalStack& operator=(const SignalStack&) = delete;

 private:
  static constexpr size_t kBytes = size_t{64} << 10;
  std::unique_ptr<char[]> memory_;
};

}  // namespace

std::string OpenCrashNotes(const std::string& path) {
  const std::lock_guard lock(mutex);
  if (shares > 0) {
    if (path != open_path) return "this process already writes its crash notes to " + open_path;
    ++shares;
    PrepareThreadForCrash();
    return "";
  }
  const int file = open(path.c_str(), O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC, 0644);
  if (file < 0) return path + " cannot be opened: " + std::strerror(errno);
  open_path = path;
  shares = 1;
  owner = getpid();
  noting = false;
  noted = false;
  note_file = file;
  PrepareThreadForCrash();
  Install();
  return "";
}

void CloseCrashNotes() {
  const std::lock_guard lock(mutex);
  if (shares == 0 || --shares > 0) return;
  Restore();
  const int file = note_file.exchange(-1);
  struct stat status{};
  const bool empty = fstat(file, &status) == 0 && status.st_size == 0;
  close(file);  // first: a network share keeps a deleted file that is open
  if (empty) unlink(open_path.c_str());
  for (Slot& slot : slots) slot.current = -1;
}

int TakeCrashSlot() {
  for (size_t i = 0; i < slots.size(); ++i) {
    if (!slots[i].taken.exchange(true)) return static_cast<int>(i);
  }
  return -1;
}

void ReleaseCrashSlot(int slot) {
  slots[slot].current = -1;
  slots[slot].taken = false;
}

void MarkCrashSlot(int slot, const std::string& text) {
  if (noting) return;  // what is being written down stays as it was
  Slot& target = slots[slot];
  const int next = target.current.load() == 0 ? 1 : 0;
  target.length[next] = Encode(text, target.text[next].data());
  target.current.store(next, std::memory_order_release);
}

void PrepareThreadForCrash() { static thread_local const SignalStack stack; }

}  // namespace cobra::platform
