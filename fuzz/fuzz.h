/* What the fuzz targets share. A fuzzer is a process of its own, so what is made once may stand in static memory. */
#ifndef FUZZ_H
#define FUZZ_H

#include <string.h>

#include "../tests/c/small_pack.h"
#include "one.h"
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

/* Takes a member out of a line of NDJSON. Its value has no comma in it. */
static inline void leave_out(sp_out *line, const char *name) {
    char *at = strstr((char *)line->p, name);
    if (!at) return;
    char *next = strchr(at, ',');
    expect(next != NULL);
    memmove(at, next + 1, strlen(next));
}

/* Whether two rows are equal but for what tells their places. */
static inline int same_cells(const sp_columns *a, size_t i, const sp_columns *b, size_t k) {
    static const char *const places[] = {"\"uid\":", "\"line\":", "\"byte_start\":", "\"byte_end\":", "\"payload_bytes\":"};
    sp_out out[2] = {{.alloc = &sp_alloc_std}, {.alloc = &sp_alloc_std}};
    expect(sp_export_ndjson(a, i, 1, &out[0]) == SP_OK && sp_export_ndjson(b, k, 1, &out[1]) == SP_OK);
    for (int t = 0; t < 2; t++) {
        out[t].p[out[t].n - 1] = 0; /* instead of the line feed */
        for (size_t p = 0; p < sizeof places / sizeof *places; p++) leave_out(&out[t], places[p]);
    }
    int same = strcmp((char *)out[0].p, (char *)out[1].p) == 0;
    if (!same) fprintf(stderr, "%s\n%s\n", (char *)out[0].p, (char *)out[1].p);
    for (int t = 0; t < 2; t++) sp_release(&sp_alloc_std, out[t].p);
    return same;
}

#endif
