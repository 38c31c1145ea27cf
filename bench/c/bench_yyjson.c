/* yyjson: a tree of every line, in a pool that is reused. `insitu` unescapes in the input. */
#include <stdlib.h>
#include <string.h>
#include <yyjson.h>

#include "bench.h"

typedef yyjson_val *tree;
static const char *tree_text(tree v, size_t *n) {
    *n = yyjson_get_len(v);
    return yyjson_get_str(v);
}
#define tree_get(o, name) yyjson_obj_get(o, name)
#define tree_is_array(v) yyjson_is_arr(v)
#define tree_each(v, i, n, item) yyjson_arr_foreach(v, i, n, item)
#include "bench_tree.h"

typedef struct job {
    yyjson_alc pool[2]; /* lines, bodies */
    void *memory[2];
    size_t size[2];
} job;

static void *open_job(const bench_counts *told) {
    (void)told;
    job *j = calloc(1, sizeof *j);
    if (!j) abort();
    return j;
}
static void close_job(void *job_) {
    job *j = job_;
    free(j->memory[0]);
    free(j->memory[1]);
    free(j);
}

static yyjson_doc *parse(job *j, int which, char *p, size_t n, yyjson_read_flag flags) {
    size_t need = yyjson_read_max_memory_usage(n, flags);
    if (need > j->size[which]) {
        free(j->memory[which]);
        j->memory[which] = malloc(j->size[which] = need * 2);
        if (!j->memory[which]) abort();
    }
    yyjson_alc_pool_init(&j->pool[which], j->memory[which], j->size[which]);
    return yyjson_read_opts(p, n, flags, &j->pool[which], NULL);
}

static void part_with(job *j, uint8_t *p, size_t n, bench_counts *c, int insitu) {
    for (uint8_t *at = p, *end = p + n; at < end; c->lines++) {
        uint8_t *lf = at + (bench_line_end(at, end) - at);
        /* In situ it wants zeros behind the text, where the next line stands; so those bytes are put back afterwards. */
        char next[YYJSON_PADDING_SIZE] = {0};
        if (insitu) {
            memcpy(next, lf, sizeof next);
            memset(lf, 0, sizeof next);
        }
        yyjson_doc *line = parse(j, 0, (char *)at, (size_t)(lf - at), insitu ? YYJSON_READ_INSITU : 0), *inner = NULL;
        if (insitu) memcpy(lf, next, sizeof next);
        yyjson_val *body = yyjson_obj_get(yyjson_doc_get_root(line), "body");
        if (!line) c->bad++;
        if (yyjson_is_str(body)) {
            union { /* the library takes char * and writes only in situ */
                const char *in;
                char *out;
            } text = {yyjson_get_str(body)};
            body = yyjson_doc_get_root(inner = parse(j, 1, text.out, yyjson_get_len(body), 0));
        }
        tree_body(body, c);
        at = lf + (lf < end);
    }
}
static void part(void *j, uint8_t *p, size_t n, bench_counts *c) { part_with(j, p, n, c, 0); }
static void part_insitu(void *j, uint8_t *p, size_t n, bench_counts *c) { part_with(j, p, n, c, 1); }

int main(int argc, char **argv) {
    static const bench_variant variants[] = {
        {"copy", open_job, part, NULL, close_job, 0},
        {"insitu", open_job, part_insitu, NULL, close_job, 1},
    };
    if (argc == 2 && strcmp(argv[1], "--version") == 0) return puts("yyjson " YYJSON_VERSION_STRING) < 0;
    return bench_main(argc, argv, variants, sizeof variants / sizeof *variants);
}
