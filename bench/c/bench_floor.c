/* Floors: what no reader of the file can beat. */
#include <string.h>
#include <xxhash.h>

#include "bench.h"

static void *open_nothing(const bench_counts *told) {
    static int nothing;
    (void)told;
    return &nothing;
}
static void close_nothing(void *job) { (void)job; }

static void touch(void *job, uint8_t *p, size_t n, bench_counts *c) {
    (void)job;
    c->hash += (uint64_t)p[0] + p[n - 1];
}

static void newlines(void *job, uint8_t *p, size_t n, bench_counts *c) {
    (void)job;
    for (const uint8_t *at = p, *end = p + n; at < end; c->lines++) {
        at = bench_line_end(at, end);
        at += at < end;
    }
}

static void xxh3(void *job, uint8_t *p, size_t n, bench_counts *c) {
    (void)job;
    for (const uint8_t *at = p, *end = p + n; at < end; c->lines++) {
        const uint8_t *lf = bench_line_end(at, end);
        c->hash += XXH3_64bits(at, (size_t)(lf - at));
        at = lf + (lf < end);
    }
}

int main(int argc, char **argv) {
    static const bench_variant variants[] = {
        {"read", open_nothing, touch, NULL, close_nothing, 0},
        {"newlines", open_nothing, newlines, NULL, close_nothing, 0},
        {"xxh3", open_nothing, xxh3, NULL, close_nothing, 0},
    };
    return bench_main(argc, argv, variants, sizeof variants / sizeof *variants);
}
