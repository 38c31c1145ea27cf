/* Small test harness: CHECK, inputs that end at a page nobody may read, an allocator that fails on demand. One program per file. */
#ifndef CHECK_H
#define CHECK_H

#include <stdatomic.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "sp_arena.h"
#include "sp_text.h"

static int check_failures;
#define CHECK(cond)                                                    \
    do {                                                               \
        if (!(cond)) {                                                 \
            fprintf(stderr, "%s:%d: %s\n", __FILE__, __LINE__, #cond); \
            check_failures++;                                          \
        }                                                              \
    } while (0)

static inline int check_done(void) { /* what main returns */
    if (check_failures) fprintf(stderr, "%d checks failed\n", check_failures);
    return check_failures != 0;
}

/* A copy of some bytes whose last one is followed by a page without access (and whose first page has such a one before it). */
typedef struct guarded {
    uint8_t *map;
    size_t size;
    uint8_t *p; /* the copy */
    size_t n;
} guarded;

static inline guarded guard(const void *bytes, size_t n) {
    guarded g = {.n = n};
    size_t page = (size_t)sysconf(_SC_PAGESIZE), room = (n + page - 1) / page * page;
    if (room == 0) room = page;
    g.size = room + 2 * page;
    g.map = mmap(NULL, g.size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (g.map == MAP_FAILED) abort();
    g.p = g.map + page + room - n;
    if (n) memcpy(g.p, bytes, n);
    if (mprotect(g.map, page, PROT_NONE) || mprotect(g.map + page + room, page, PROT_NONE)) abort();
    return g;
}

static inline void unguard(guarded *g) { munmap(g->map, g->size); }

/* Allocator that fails call number `fail_at` (from 1; 0 never) and, if `from_then_on`, every later one. Counts in any thread. */
typedef struct faulty {
    sp_alloc alloc;
    atomic_size_t calls;
    size_t fail_at;
    int from_then_on;
    atomic_long live; /* blocks */
} faulty;

static inline void *faulty_resize(void *ctx, void *p, size_t size) {
    faulty *f = ctx;
    if (size == 0) {
        if (p) f->live--;
        free(p);
        return NULL;
    }
    size_t call = ++f->calls;
    if (f->fail_at && (call == f->fail_at || (f->from_then_on && call > f->fail_at))) return NULL;
    void *fresh = realloc(p, size);
    if (!fresh) abort();
    f->live += !p;
    return fresh;
}

static inline void faulty_init(faulty *f, size_t fail_at, int from_then_on) {
    *f = (faulty){.fail_at = fail_at, .from_then_on = from_then_on};
    f->alloc = (sp_alloc){faulty_resize, f};
}

#endif
