// Crash notes: what a dying process writes down about itself. A handler for crash signals writes one line to a file
// that is already open, then passes the signal on: to the handler that was there before, or to the system's default
// action with its core dump. Everything in the handler is async-signal-safe.
//
// The line is JSON: { "signal", "time" (milliseconds since 1970), "pid", "tid", "thread", "marks": [{ "slot", "text" }]
// } and, where the signal came from another process, "sender"; where V8's heap or the address space was used up,
// "memory". A mark says what was in progress; marks lie in fixed slots in memory, and setting one takes no lock.
//
// Who owns what: there is one note file per process. `OpenCrashNotes` opens it or takes another share in it; the last
// `CloseCrashNotes` restores the handlers and closes it. A handler that the host has installed over ours stays.
#pragma once
#include <cstddef>
#include <string>

namespace cobra::platform {

constexpr int kCrashSlots = 64;
constexpr size_t kCrashTextBytes = 1000;

// Takes a share in the notes of this process. Returns "" or what went wrong: the file cannot be opened, or another
// one is in use.
std::string OpenCrashNotes(const std::string& path);
void CloseCrashNotes();

// A slot that nobody has, or -1.
int TakeCrashSlot();
void ReleaseCrashSlot(int slot);
// One thread at a time per slot. `text` is UTF-8; what does not fit is cut off.
void MarkCrashSlot(int slot, const std::string& text);

// Lets the calling thread run the handler on a stack of its own, so that an overflowed stack is noted too.
void PrepareThreadForCrash();

}  // namespace cobra::platform
