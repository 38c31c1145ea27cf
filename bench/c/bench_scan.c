/* Ours, the scanner alone: one pass over every line with marks and hashes, without rules, verdict or columns. As in the pipeline, a body
   that is a string is scanned as a document of its own. */
#include <stdlib.h>
#include <string.h>

#include "bench.h"
#include "sp_scan.h"
#include "trie_builder.h"

typedef struct job {
    trie_builder trie;
    uint32_t body;
    sp_limits limits;
    sp_scan scan;
} job;

static void *open_job(const bench_counts *told) {
    (void)told;
    job *j = calloc(1, sizeof *j);
    if (!j) abort();
    j->body = builder_sample(&j->trie);
    sp_scan_init(&j->scan, &sp_alloc_std, sp_limits_default(&j->limits));
    return j;
}

static void part(void *job_, uint8_t *p, size_t n, bench_counts *c) {
    job *j = job_;
    for (const uint8_t *at = p, *end = p + n; at < end; c->lines++) {
        const uint8_t *lf = bench_line_end(at, end);
        sp_scan_reset(&j->scan);
        sp_scan_text(&j->scan, (sp_view){at, (size_t)(lf - at)}, &j->trie.trie, BUILDER_ROOT, SP_NO_MARK);
        for (uint32_t i = 0, marks = j->scan.mark_count; i < marks; i++) {
            const sp_mark *m = &j->scan.marks[i];
            if (m->node != j->body) continue;
            if (m->type == SP_STRING && !(m->state & SP_MARK_OPEN)) sp_scan_text(&j->scan, m->value, &j->trie.trie, j->body, i);
            c->hash += j->scan.marks[i].hash.b[0];
        }
        c->hash += j->scan.nodes;
        at = lf + (lf < end);
    }
}

static void close_job(void *job_) {
    job *j = job_;
    sp_scan_fini(&j->scan);
    free(j);
}

int main(int argc, char **argv) {
    static const bench_variant variants[] = {{"scan", open_job, part, NULL, close_job, 0}};
    return bench_main(argc, argv, variants, 1);
}
