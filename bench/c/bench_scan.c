/* Speed of the scan over the lines of a log: bench_scan FILE [ROUNDS]. As in the pipeline, a body that is a string is scanned
   as a document of its own. With -DBENCH_PART only the round is compiled, for bench_simdjson.cpp. */
#include "bench_scan.h"

#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include "sp_scan.h"
#include "trie_builder.h"

struct bench_scan {
    trie_builder trie;
    uint32_t body;
    sp_limits limits;
    sp_scan scan;
};

bench_scan *bench_scan_new(void) {
    bench_scan *b = calloc(1, sizeof *b);
    if (!b) abort();
    b->body = builder_sample(&b->trie);
    sp_scan_init(&b->scan, &sp_alloc_std, sp_limits_default(&b->limits));
    return b;
}

size_t bench_scan_round(bench_scan *b, const uint8_t *p, size_t n) {
    const uint8_t *end = p + n;
    size_t sum = 0;
    while (p < end) {
        const uint8_t *lf = memchr(p, '\n', (size_t)(end - p));
        if (!lf) lf = end;
        sp_scan_reset(&b->scan);
        sp_scan_text(&b->scan, (sp_view){p, (size_t)(lf - p)}, &b->trie.trie, BUILDER_ROOT, SP_NO_MARK);
        for (uint32_t i = 0, marks = b->scan.mark_count; i < marks; i++) {
            const sp_mark *m = &b->scan.marks[i];
            if (m->node != b->body) continue;
            if (m->type == SP_STRING && !(m->state & SP_MARK_OPEN)) sp_scan_text(&b->scan, m->value, &b->trie.trie, b->body, i);
            sum += b->scan.marks[i].hash.b[0];
        }
        sum += b->scan.nodes;
        p = lf + (lf < end);
    }
    return sum;
}

void bench_scan_free(bench_scan *b) {
    sp_scan_fini(&b->scan);
    free(b);
}

uint8_t *bench_read(const char *name, size_t padding, size_t *n) {
    FILE *f = fopen(name, "rb");
    if (!f || fseek(f, 0, SEEK_END) != 0) exit(2);
    long size = ftell(f);
    rewind(f);
    uint8_t *p = size < 0 ? NULL : calloc(1, (size_t)size + padding);
    if (!p || fread(p, 1, (size_t)size, f) != (size_t)size) exit(2);
    fclose(f);
    *n = (size_t)size;
    return p;
}

double bench_clock(void) {
    struct timespec t;
    clock_gettime(CLOCK_THREAD_CPUTIME_ID, &t);
    return (double)t.tv_sec + 1e-9 * (double)t.tv_nsec;
}

static int by_value(const void *a, const void *b) {
    double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

double bench_median(double *v, size_t n) {
    qsort(v, n, sizeof *v, by_value);
    return v[n / 2];
}

#ifndef BENCH_PART
int main(int argc, char **argv) {
    enum {
        MOST = 100
    };
    double took[MOST];
    size_t n, sum = 0, rounds = argc > 2 ? (size_t)atoi(argv[2]) : 5;
    if (argc < 2 || rounds < 1 || rounds > MOST) return 2;
    uint8_t *p = bench_read(argv[1], 0, &n);
    bench_scan *b = bench_scan_new();
    for (size_t i = 0; i < rounds; i++) {
        double start = bench_clock();
        sum += bench_scan_round(b, p, n);
        took[i] = bench_clock() - start;
    }
    printf("scan %.3f GB/s (checksum %zu)\n", (double)n / bench_median(took, rounds) / 1e9, sum);
    bench_scan_free(b);
    free(p);
    return 0;
}
#endif
