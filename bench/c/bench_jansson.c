/* jansson: a tree of every line. `arena` gives it a bump allocator that is reset after each line, as one who knows it would. */
#include <jansson.h>
#include <stdlib.h>
#include <string.h>

#include "bench.h"

typedef json_t *tree;
static const char *tree_text(tree v, size_t *n) {
    *n = json_string_length(v);
    return json_string_value(v);
}
#define tree_get(o, name) json_object_get(o, name)
#define tree_is_array(v) json_is_array(v)
#define tree_each(v, i, n, item) for (i = 0, n = json_array_size(v); i < n && (item = json_array_get(v, i), 1); i++)
#include "bench_tree.h"

/* What lies past the block goes to malloc, so that a long line only gets slower. The library has one allocator for a process. */
static struct {
    uint8_t *block;
    size_t used, size;
} arena;

static void *arena_get(size_t n) {
    size_t at = arena.used, need = (n + 15) & ~(size_t)15;
    if (need > arena.size - at) return malloc(n);
    arena.used += need;
    return arena.block + at;
}
static void arena_free(void *p) {
    if ((uint8_t *)p < arena.block || (uint8_t *)p >= arena.block + arena.size) free(p);
}

static void *open_malloc(const bench_counts *told) {
    (void)told;
    json_object_seed(1);
    return &arena;
}
static void *open_arena(const bench_counts *told) {
    (void)told;
    arena.size = (size_t)64 << 20;
    arena.block = malloc(arena.size);
    if (!arena.block) abort();
    json_set_alloc_funcs(arena_get, arena_free);
    return open_malloc(told);
}
static void close_any(void *job) {
    (void)job;
    free(arena.block);
}

static void part(void *job, uint8_t *p, size_t n, bench_counts *c) {
    (void)job;
    for (const uint8_t *at = p, *end = p + n; at < end; c->lines++) {
        const uint8_t *lf = bench_line_end(at, end);
        json_t *line = json_loadb((const char *)at, (size_t)(lf - at), 0, NULL), *inner = NULL;
        json_t *body = json_object_get(line, "body");
        if (!line) c->bad++;
        if (json_is_string(body)) body = inner = json_loadb(json_string_value(body), json_string_length(body), 0, NULL);
        tree_body(body, c);
        json_decref(inner);
        json_decref(line);
        arena.used = 0;
        at = lf + (lf < end);
    }
}

int main(int argc, char **argv) {
    static const bench_variant variants[] = {
        {"malloc", open_malloc, part, NULL, close_any, 0},
        {"arena", open_arena, part, NULL, close_any, 0},
    };
    if (argc == 2 && strcmp(argv[1], "--version") == 0) return puts("jansson " JANSSON_VERSION) < 0;
    return bench_main(argc, argv, variants, sizeof variants / sizeof *variants);
}
