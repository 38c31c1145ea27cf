/* One exchange, in one call. What it takes to read is kept warm in a pool, for to make it costs more than to read a small payload. */
#ifndef SP_ONE_H
#define SP_ONE_H

#include "sp_answer.h"
#include "sp_rules.h"

/* One exchange with what is known around it; absent parts have p NULL. */
typedef struct sp_one {
    sp_view payload, method, url, headers, response, response_headers, time; /* headers: a JSON object */
    int64_t status;                                                          /* SP_NULL_INT: unknown */
} sp_one;

/* Readers of one rule set that wait for the next call: at most SP_WARM_READERS, and none that read more than SP_WARM_BYTES. Any number of
   threads may use a pool at once; it holds no lock. */
typedef struct sp_pool sp_pool;
sp_pool *sp_pool_new(const sp_alloc *a, const sp_rules *r); /* NULL: out of memory. Both must outlive it, `a` its answers, too */
void sp_pool_free(sp_pool *p);                              /* when no call is under way */

/* A payload that is refused is an answer, too. Only SP_ERR_NOMEM is an error. */
sp_status sp_classify_one(sp_pool *p, const sp_one *one, sp_answer **out);

#endif
