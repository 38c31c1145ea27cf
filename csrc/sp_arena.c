/* Allocator over realloc, growable vectors, bump arena. */
#include "sp_arena.h"

#include <stdlib.h>
#include <string.h>

static void *std_resize(void *ctx, void *p, size_t size) {
    (void)ctx;
    if (size == 0) {
        free(p);
        return NULL;
    }
    return realloc(p, size);
}

const sp_alloc sp_alloc_std = {std_resize, NULL};

sp_status sp_grow(const sp_alloc *a, void *p, size_t *cap, size_t need, size_t item) {
    size_t want = *cap < 16 ? 16 : *cap, bytes;
    void *old, *grown;
    if (need <= *cap) return SP_OK;
    while (want < need)
        if (__builtin_add_overflow(want, want, &want)) return SP_ERR_NOMEM;
    if (__builtin_mul_overflow(want, item, &bytes)) return SP_ERR_NOMEM;
    memcpy(&old, p, sizeof old); /* *p is a pointer to any type of object */
    grown = a->resize(a->ctx, old, bytes);
    if (!grown) return SP_ERR_NOMEM;
    memcpy(p, &grown, sizeof grown);
    *cap = want;
    return SP_OK;
}

void sp_release(const sp_alloc *a, void *p) {
    if (p) a->resize(a->ctx, p, 0);
}

enum {
    ALIGN = 16,
    FIRST_PAGE = 16384
};

struct sp_arena_page {
    struct sp_arena_page *next;
    size_t size, used; /* of the bytes behind the header */
};

#define HEADER ((sizeof(struct sp_arena_page) + ALIGN - 1) & ~(size_t)(ALIGN - 1))

void sp_arena_init(sp_arena *r, const sp_alloc *a) { *r = (sp_arena){.a = a}; }

/* A page with room for n bytes becomes the current one: the next if it is large enough, else a new one before it. */
static struct sp_arena_page *turn_page(sp_arena *r, size_t n) {
    struct sp_arena_page *now = r->page, *page = now ? now->next : r->first;
    if (!page || page->size < n) {
        size_t size = now ? now->size : FIRST_PAGE / 2, bytes;
        if (__builtin_add_overflow(size, size, &size)) size = n;
        if (size < n) size = n;
        if (__builtin_add_overflow(size, HEADER, &bytes)) return NULL;
        struct sp_arena_page *fresh = r->a->resize(r->a->ctx, NULL, bytes);
        if (!fresh) return NULL;
        fresh->next = page;
        fresh->size = size;
        if (now) now->next = fresh;
        else r->first = fresh;
        page = fresh;
    }
    page->used = 0;
    r->page = page;
    return page;
}

void *sp_arena_get(sp_arena *r, size_t n) {
    struct sp_arena_page *page = r->page;
    size_t wanted;
    if (__builtin_add_overflow(n, ALIGN - 1, &wanted)) page = NULL;
    else {
        wanted &= ~(size_t)(ALIGN - 1);
        if (wanted == 0) wanted = ALIGN; /* so that every result differs from NULL and from the next */
        if (!page || page->size - page->used < wanted) page = turn_page(r, wanted);
    }
    if (!page) {
        r->failed = 1;
        return NULL;
    }
    void *p = (char *)page + HEADER + page->used;
    page->used += wanted;
    return p;
}

void sp_arena_trim(sp_arena *r, void *p, size_t n) {
    r->page->used = (((size_t)((char *)p - (char *)r->page) - HEADER + n) + ALIGN - 1) & ~(size_t)(ALIGN - 1);
}

void sp_arena_reset(sp_arena *r) {
    r->page = r->first;
    r->failed = 0;
    if (r->page) r->page->used = 0;
}

void sp_arena_fini(sp_arena *r) {
    for (struct sp_arena_page *page = r->first, *next; page; page = next) {
        next = page->next;
        sp_release(r->a, page);
    }
    r->first = r->page = NULL;
}
