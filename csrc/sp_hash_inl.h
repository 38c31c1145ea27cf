/* XXH3 inlined for the scan, which hashes a few bytes at a time. Everybody else calls sp_hash.h. */
#ifndef SP_HASH_INL_H
#define SP_HASH_INL_H

#include <string.h>

#define XXH_INLINE_ALL
#include <xxhash.h>

#include "sp_hash.h"

static inline sp_digest sp_x128_inline(const void *p, size_t n) {
    sp_digest d;
    XXH128_canonical_t c;
    XXH128_canonicalFromHash(&c, XXH3_128bits(p, n));
    memcpy(d.b, c.digest, sizeof d.b);
    return d;
}

#endif
