// Whether floats are finite. Plain loops over memory, for any thread.
#pragma once
#include <cstddef>

namespace cobra {

// Of float32 and of float16 values: false where one is a NaN or an infinity.
bool AllFinite32(const void* values, size_t count);
bool AllFinite16(const void* values, size_t count);

}  // namespace cobra
