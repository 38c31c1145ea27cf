/* Ours in memory: the whole scan through sp_batch.h, over bytes that are there already (they are copied into the reader, as its interface
   wants it). The built-in packs are read from BENCH_PACKS before the clock starts. */
#include <glob.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "bench.h"
#include "sp_batch.h"

enum {
    MOST_PACKS = 64
};

static sp_rules *rules;

static sp_view read_pack(const char *name) {
    FILE *f = fopen(name, "rb");
    if (!f || fseek(f, 0, SEEK_END) != 0) abort();
    long size = ftell(f);
    uint8_t *p = size > 0 ? malloc((size_t)size) : NULL;
    rewind(f);
    if (!p || fread(p, 1, (size_t)size, f) != (size_t)size) abort();
    fclose(f);
    return (sp_view){p, (size_t)size};
}

static void load_rules(void) {
    static const char *const lens[] = {"read", "write", "manage"};
    sp_pack_text packs[MOST_PACKS];
    sp_view counts[3];
    sp_rules_error err;
    glob_t found;
    if (glob(BENCH_PACKS "/formats/*.json", 0, NULL, &found) != 0 || glob(BENCH_PACKS "/rules/*.json", GLOB_APPEND, NULL, &found) != 0 ||
        found.gl_pathc > MOST_PACKS)
        abort();
    for (size_t i = 0; i < found.gl_pathc; i++) {
        const char *slash = strrchr(found.gl_pathv[i], '/');
        packs[i] = (sp_pack_text){slash ? slash + 1 : found.gl_pathv[i], read_pack(found.gl_pathv[i])};
    }
    for (size_t i = 0; i < 3; i++) counts[i] = (sp_view){(const uint8_t *)lens[i], strlen(lens[i])};
    sp_rules_options o = {.packs = packs, .pack_count = found.gl_pathc, .lens_counts = counts, .lens_counts_n = 3};
    o.versions = (sp_view){(const uint8_t *)"bench", 5};
    sp_limits_default(&o.limits);
    const char *kernel = getenv("STATEPRINT_KERNEL"); /* as the Python package takes it */
    if (kernel && *kernel && !(o.kernel = sp_kernel_named((sp_view){(const uint8_t *)kernel, strlen(kernel)}))) {
        fprintf(stderr, "bench: STATEPRINT_KERNEL: this processor runs no such kernel\n");
        exit(2);
    }
    if (sp_rules_new(&sp_alloc_std, &o, &rules, &err) != SP_OK) {
        fprintf(stderr, "bench: %s:%zu:%zu: %s\n", err.file, err.line, err.column, err.message);
        exit(2);
    }
    globfree(&found);
}

typedef struct job {
    unsigned threads;
    sp_batch *batch;
} job;

static void take(job *j, bench_counts *c) {
    for (;;) {
        sp_columns *rows, *evidence;
        if (sp_batch_take(j->batch, &rows, &evidence) != SP_OK) abort();
        if (!rows) return;
        c->texts += sp_columns_rows(rows);
        sp_columns_drop(rows);
    }
}

static void *open_with(unsigned threads) {
    job *j = calloc(1, sizeof *j);
    if (!j) abort();
    j->threads = threads;
    return j;
}
static void *open_one(const bench_counts *told) { return (void)told, open_with(1); }
static void *open_two(const bench_counts *told) { return (void)told, open_with(2); }

static void part(void *job_, uint8_t *p, size_t n, bench_counts *c) {
    job *j = job_;
    const sp_batch_options o = {.rules = rules, .source = "memory", .threads = j->threads};
    if (!j->batch && sp_batch_new(&sp_alloc_std, &o, &j->batch) != SP_OK) abort();
    for (size_t at = 0; at < n;) {
        size_t piece = sp_batch_read_size(j->batch); /* as the Python package feeds it */
        if (piece > n - at) piece = n - at;
        uint8_t *to;
        if (sp_batch_room(j->batch, piece, &to) != SP_OK) abort();
        memcpy(to, p + at, piece);
        sp_batch_commit(j->batch, piece);
        at += piece;
        take(j, c);
    }
}

static void finish(void *job_, bench_counts *c) {
    job *j = job_;
    if (!j->batch) return;
    sp_batch_finish(j->batch, 0);
    take(j, c);
    const sp_summary *s = sp_batch_summary(j->batch);
    c->lines = (size_t)(s->lines_total - s->lines_blank);
    for (size_t i = 0; i < SP_STATUS_COUNT; i++) c->bad += (size_t)s->rejected[i];
    if (c->texts != c->lines) abort(); /* a row for every line */
    c->texts = 0;
    sp_batch_free(j->batch);
    j->batch = NULL;
}

static void close_job(void *job_) { free(job_); }

int main(int argc, char **argv) {
    static const bench_variant variants[] = {
        {"whole", open_one, part, finish, close_job, 0},
        {"whole-2", open_two, part, finish, close_job, 0},
    };
    load_rules();
    int result = bench_main(argc, argv, variants, sizeof variants / sizeof *variants);
    sp_rules_free(rules);
    return result;
}
