// Learns that V8 is about to end the process because the main thread's heap has reached its limit
// (`--max-old-space-size`): then memory ran out, and nothing that was in progress is at fault.
#pragma once

namespace cobra::platform {

// Main thread only; elsewhere it does nothing. Node's own handler runs afterwards. Calls are counted.
void WatchHeapLimit();
void UnwatchHeapLimit();

// Whether it has happened. A signal handler may ask.
bool IsHeapUsedUp();

}  // namespace cobra::platform
