// CRC-32 by folding with carry-less multiplication (Gopal et al., "Fast CRC Computation for Generic Polynomials Using
// PCLMULQDQ Instruction", Intel 2009, the constants of its bit-reflected form): a fifth of the cost of reading the
// bytes, where tables cost as much as reading does.
#include "checksum.h"

#include <array>

#include "pixels/args.h"
#if defined(__x86_64__)
#include <immintrin.h>
#endif

namespace cobra {

#if defined(__x86_64__)
namespace {

constexpr std::array<uint32_t, 256> kTable = [] {
  std::array<uint32_t, 256> table{};
  for (uint32_t i = 0; i < 256; ++i) {
    uint32_t value = i;
    for (int bit = 0; bit < 8; ++bit) value = (value >> 1) ^ (value & 1 ? 0xedb88320u : 0u);
    table[i] = value;
  }
  return table;
}();

uint32_t ByTable(const uint8_t* bytes, size_t count, uint32_t crc) {
  for (size_t i = 0; i < count; ++i) crc = kTable[(crc ^ bytes[i]) & 0xff] ^ (crc >> 8);
  return crc;
}

#define COBRA_CLMUL __attribute__((target("pclmul,sse4.1"), always_inline)) inline

COBRA_CLMUL __m128i Load(const uint8_t* bytes) { return _mm_loadu_si128(reinterpret_cast<const __m128i*>(bytes)); }

/// `x` moved on by the distance of `constants`, with `next` added.
COBRA_CLMUL __m128i Fold(__m128i x, __m128i constants, __m128i next) {
  return _mm_xor_si128(
      _mm_xor_si128(_mm_clmulepi64_si128(x, constants, 0x00), _mm_clmulepi64_si128(x, constants, 0x11)), next);
}

/// All of at least 64 bytes, a multiple of 16. `crc` before and after without the inversions.
__attribute__((target("pclmul,sse4.1"))) uint32_t ByFolding(const uint8_t* bytes, size_t count, uint32_t crc) {
  const __m128i by64 = _mm_set_epi64x(0x01c6e41596, 0x0154442bd4);
  const __m128i by16 = _mm_set_epi64x(0x00ccaa009e, 0x01751997d0);
  const __m128i by8 = _mm_set_epi64x(0, 0x0163cd6124);
  const __m128i polynomial = _mm_set_epi64x(0x01f7011641, 0x01db710641);
  const __m128i low = _mm_setr_epi32(-1, 0, -1, 0);
  const uint8_t* const end = bytes + count;
  // Four sums side by side, so that one multiplication does not wait for the other.
  __m128i a = _mm_xor_si128(Load(bytes), _mm_cvtsi32_si128(static_cast<int>(crc))), b = Load(bytes + 16),
          c = Load(bytes + 32), d = Load(bytes + 48);
  for (bytes += 64; end - bytes >= 64; bytes += 64) {
    a = Fold(a, by64, Load(bytes));
    b = Fold(b, by64, Load(bytes + 16));
    c = Fold(c, by64, Load(bytes + 32));
    d = Fold(d, by64, Load(bytes + 48));
  }
  a = Fold(Fold(Fold(a, by16, b), by16, c), by16, d);
  for (; bytes < end; bytes += 16) a = Fold(a, by16, Load(bytes));
  // 128 bits to 64, to 32, by Barrett's reduction.
  a = _mm_xor_si128(_mm_srli_si128(a, 8), _mm_clmulepi64_si128(a, by16, 0x10));
  a = _mm_xor_si128(_mm_clmulepi64_si128(_mm_and_si128(a, low), by8, 0x00), _mm_srli_si128(a, 4));
  __m128i quotient = _mm_clmulepi64_si128(_mm_and_si128(a, low), polynomial, 0x10);
  quotient = _mm_clmulepi64_si128(_mm_and_si128(quotient, low), polynomial, 0x00);
  return static_cast<uint32_t>(_mm_extract_epi32(_mm_xor_si128(a, quotient), 1));
}

// crc32(bytes, previous?): of the bytes after those that gave `previous`
Napi::Value CallCrc32(const Napi::CallbackInfo& info) {
  if (!info[0].IsTypedArray() || info[0].As<Napi::TypedArray>().TypedArrayType() != napi_uint8_array)
    pixels::Refuse(info.Env(), "bytes must be a Uint8Array");
  const Napi::Uint8Array array = info[0].As<Napi::Uint8Array>();
  const uint8_t* bytes = array.Data();
  const size_t count = array.ByteLength();
  uint32_t crc = ~(info[1].IsNumber() ? info[1].As<Napi::Number>().Uint32Value() : 0u);
  const size_t folded = count < 64 ? 0 : count / 16 * 16;
  if (folded > 0) crc = ByFolding(bytes, folded, crc);
  return Napi::Number::New(info.Env(), ~ByTable(bytes + folded, count - folded, crc));
}

}  // namespace
#endif

void RegisterChecksum(Napi::Env env, Napi::Object exports) {
#if defined(__x86_64__)
  if (__builtin_cpu_supports("pclmul") && __builtin_cpu_supports("sse4.1"))
    exports.Set("crc32", Napi::Function::New(env, CallCrc32, "crc32"));
#endif
}

}  // namespace cobra
