// Checks whether floats are finite. Plain loops over memory, for any thread.
#pragma once
#include <cstddef>

namespace cobra {

// For float32 and float16 values: false if any of them is a NaN or an infinity.
bool AllFinite32(const void* values, size_t count);
bool AllFinite16(const void* values, size_t count);

}  // namespace cobra
