#include "sp_one.h"

#include <stdatomic.h>

#include "sp_exchange.h"

struct sp_pool {
    const sp_alloc *alloc;
    const sp_rules *rules;
    _Atomic(sp_reader *) idle[SP_WARM_READERS]; /* NULL: a free place */
};

sp_pool *sp_pool_new(const sp_alloc *a, const sp_rules *r) {
    sp_pool *p = a->resize(a->ctx, NULL, sizeof *p);
    if (!p) return NULL;
    p->alloc = a;
    p->rules = r;
    for (size_t i = 0; i < SP_WARM_READERS; i++) atomic_init(&p->idle[i], NULL);
    return p;
}

static void drop(const sp_pool *p, sp_reader *d) {
    if (!d) return;
    sp_reader_fini(d);
    sp_release(p->alloc, d);
}

void sp_pool_free(sp_pool *p) {
    if (!p) return;
    for (size_t i = 0; i < SP_WARM_READERS; i++) drop(p, atomic_load_explicit(&p->idle[i], memory_order_acquire));
    sp_release(p->alloc, p);
}

/* Whoever takes a reader out has it for itself: there is no other pointer to it. */
static sp_reader *take(sp_pool *p) {
    for (size_t i = 0; i < SP_WARM_READERS; i++) {
        if (!atomic_load_explicit(&p->idle[i], memory_order_relaxed)) continue;
        sp_reader *d = atomic_exchange_explicit(&p->idle[i], NULL, memory_order_acquire);
        if (d) return d;
    }
    return NULL;
}

static void give_back(sp_pool *p, sp_reader *d) {
    for (size_t i = 0; i < SP_WARM_READERS && d; i++) {
        sp_reader *none = NULL;
        if (atomic_compare_exchange_strong_explicit(&p->idle[i], &none, d, memory_order_release, memory_order_relaxed)) d = NULL;
    }
    drop(p, d);
}

static sp_reader *make(const sp_pool *p) {
    sp_reader *d = p->alloc->resize(p->alloc->ctx, NULL, sizeof *d);
    if (d && sp_reader_init(d, p->rules, p->alloc) != SP_OK) {
        drop(p, d);
        d = NULL;
    }
    return d;
}

/* The scratch of a reader grows with what it reads, and is not given back. */
static int is_small(const sp_one *one) {
    const sp_view all[] = {one->payload, one->url, one->headers, one->response, one->response_headers};
    size_t n = 0;
    for (size_t i = 0; i < sizeof all / sizeof *all; i++) {
        if (all[i].n > SP_WARM_BYTES) return 0;
        n += all[i].n;
    }
    return n <= SP_WARM_BYTES;
}

sp_status sp_classify_one(sp_pool *p, const sp_one *one, sp_answer **out) {
    int small = is_small(one);
    sp_reader *d = small ? take(p) : NULL;
    *out = NULL;
    if (!d) d = make(p);
    sp_status status = d ? sp_reader_one(d, one, out) : SP_ERR_NOMEM;
    if (small && status == SP_OK) give_back(p, d);
    else drop(p, d); /* without memory it may have stopped anywhere */
    return status;
}
