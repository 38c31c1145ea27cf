/* XXH3 inlined for the scan, which hashes a few bytes at a time. Everybody else calls sp_hash.h. */
#ifndef SP_HASH_INL_H
#define SP_HASH_INL_H

#define XXH_INLINE_ALL
#include <xxhash.h>

#include "sp_hash.h"

static inline sp_digest sp_x128_inline(const void *p, size_t n) {
    XXH128_hash_t h = XXH3_128bits(p, n);
    return spi_digest_of(h.high64, h.low64);
}

#endif
