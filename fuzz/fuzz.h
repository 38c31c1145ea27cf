/* What the fuzz targets share. A fuzzer is a process of its own, so what is made once may stand in static memory. */
#ifndef FUZZ_H
#define FUZZ_H

#include <string.h>

#include "../tests/c/small_pack.h"
#include "sp_batch.h"
#include "sp_export.h"

static inline void expect(int holds) {
    if (!holds) abort();
}

static inline void *must(void *p) {
    expect(p != NULL);
    return p;
}

/* The bytes in a block of just that size, so that a byte too far is seen. */
static inline uint8_t *exact(const uint8_t *p, size_t n) {
    uint8_t *copy = must(malloc(n ? n : 1));
    if (n) memcpy(copy, p, n);
    return copy;
}

static inline sp_rules *fuzz_rules_new(size_t max_line_bytes) {
    sp_rules *r;
    sp_rules_error err;
    expect(small_rules(&sp_alloc_std, max_line_bytes, &r, &err) == SP_OK);
    return r;
}

#endif
