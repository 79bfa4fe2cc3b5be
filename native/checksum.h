// CRC-32 of bytes, as ZIP uses it. Synchronous, stateless; any Node thread may call it. Typed mirror: NativeChecksum
// in src/binding/types.ts.
#pragma once
#include <napi.h>

namespace cobra {

/// Registers exports.crc32 where the processor has carry-less multiplication; elsewhere there is none, and zlib's is as
/// good.
void RegisterChecksum(Napi::Env env, Napi::Object exports);

}  // namespace cobra
