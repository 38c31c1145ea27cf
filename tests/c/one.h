/* One exchange, read by a pool of its own, as parts of tables. */
#ifndef ONE_H
#define ONE_H

#include "sp_one.h"

static inline sp_status classify_alone(const sp_alloc *a, const sp_rules *r, const sp_one *one, sp_columns **exchanges,
                                       sp_columns **evidence, sp_diagnosis *why) {
    sp_pool *pool = sp_pool_new(a, r);
    sp_answer *answer = NULL;
    sp_status status = pool ? sp_classify_one(pool, one, &answer) : SP_ERR_NOMEM;
    *exchanges = *evidence = NULL;
    if (status == SP_OK) {
        *why = answer->why;
        status = sp_answer_columns(answer, exchanges, evidence);
    }
    sp_answer_free(answer);
    sp_pool_free(pool);
    return status;
}

#endif
