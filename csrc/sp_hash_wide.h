/* Body of sp_x128 by wider registers; its units define NAME, TARGET and XXH_VECTOR, and include this. No include guard on purpose. */
#include "sp_hash.h"

#if SP_HASH_WIDE
#include <immintrin.h> /* before the target is set: its functions have their own */
#define PRAGMA_OF(x) _Pragma(#x)
#define PRAGMA(x) PRAGMA_OF(x)
#if defined(__clang__)
PRAGMA(clang attribute push(__attribute__((target(TARGET))), apply_to = function))
#else
PRAGMA(GCC target(TARGET))
#endif
#define XXH_INLINE_ALL
#include <xxhash.h>

sp_digest NAME(const void *p, size_t n) {
    XXH128_hash_t h = XXH3_128bits(p, n);
    return spi_digest_of(h.high64, h.low64);
}

#if defined(__clang__)
#pragma clang attribute pop
#endif
#endif
