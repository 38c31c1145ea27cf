/* Memory: the allocator that the caller hands over, growable vectors, and an arena that is reset at once. */
#ifndef SP_ARENA_H
#define SP_ARENA_H

#include <stddef.h>
#include <stdint.h>

#include "sp_status.h"

/* One function for all: p NULL allocates, size 0 frees (and returns NULL), else resizes as realloc does.
   All memory of the core comes through it; tests make it fail. Must be thread-safe when shared by workers. */
typedef struct sp_alloc {
    void *(*resize)(void *ctx, void *p, size_t size);
    void *ctx;
} sp_alloc;

extern const sp_alloc sp_alloc_std; /* realloc and free */

/* Makes room for `need` items of `item` bytes in *p (capacity *cap), doubling. SP_ERR_NOMEM leaves both as they were. */
sp_status sp_grow(const sp_alloc *a, void *p, size_t *cap, size_t need, size_t item);
void sp_release(const sp_alloc *a, void *p); /* frees p, NULL is fine */

/* Bump arena: pages grow, sp_arena_reset keeps them for the next payload. Pointers live until reset. */
typedef struct sp_arena {
    const sp_alloc *a;
    struct sp_arena_page *page, *first;
    int failed; /* sp_arena_get returned NULL since the last reset: who went on without, must not give a result */
} sp_arena;
void sp_arena_init(sp_arena *r, const sp_alloc *a);
void *sp_arena_get(sp_arena *r, size_t n);          /* 16-byte aligned; NULL when out of memory */
void sp_arena_trim(sp_arena *r, void *p, size_t n); /* the last result needs n bytes only */
void sp_arena_reset(sp_arena *r);
void sp_arena_fini(sp_arena *r);

#endif
