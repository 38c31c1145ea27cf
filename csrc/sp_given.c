/* Records that are given one by one, instead of bytes: kept until a slice of them is whole. */
#include "sp_batch_impl.h"

sp_status sp_batch_put(sp_batch *b, const sp_given *given) {
    sp_given *g;
    uint8_t *p;
    size_t n = given->text.n;
    if (b->queue_at) { /* what is in a job goes; its texts went with it */
        memmove(b->queue, b->queue + b->queue_at, (b->queue_n - b->queue_at) * sizeof *b->queue);
        b->queue_n -= b->queue_at;
        b->queue_at = 0;
    }
    SP_TRY(sp_grow(b->alloc, &b->queue, &b->queue_cap, b->queue_n + 1, sizeof *b->queue));
    g = &b->queue[b->queue_n];
    *g = *given;
    if (g->reject == SP_OK && n > b->rules->limits.max_line_bytes) g->reject = SP_ERR_LINE_TOO_LONG;
    if (g->reject != SP_OK) n = 0;
    g->text = (sp_view){NULL, n};
    if (n) {
        SP_TRY(sp_batch_room(b, n, &p));
        memcpy(p, given->text.p, n);
        sp_batch_commit(b, n);
    }
    b->queue_n++;
    return SP_OK;
}

/* Looks at more of the queue, up to `bytes` of texts or SP_SLICE_RECORDS. Whether they are there, or there is an end. */
static int look(sp_batch *b, size_t bytes) {
    while (b->queue_at + b->seen < b->queue_n && b->seen_bytes < bytes && b->seen < SP_SLICE_RECORDS)
        b->seen_bytes += b->queue[b->queue_at + b->seen++].text.n;
    return b->seen_bytes >= bytes || b->seen == SP_SLICE_RECORDS || b->finished;
}

sp_status spi_given_begin(sp_batch *b) {
    if (!look(b, SP_HEAD_BYTES)) return SP_OK;
    const uint8_t *p = b->in ? b->in->bytes : (const uint8_t *)"";
    size_t at = 0, head = b->seen_bytes < SP_HEAD_BYTES ? b->seen_bytes : SP_HEAD_BYTES;
    spi_name_source(b, (sp_view){p, head});
    b->summary.container = b->container;
    for (size_t i = 0; i < b->seen && !b->format; at += b->queue[i++].text.n)
        if (b->queue[i].text.n) SP_TRY(sp_reader_tell(&b->workers[0].reader, (sp_view){p + at, b->queue[i].text.n}, &b->votes));
    if (b->seen) spi_choose_format(b);
    b->begun = 1;
    return SP_OK;
}

sp_status spi_given_next(sp_batch *b, int *put) {
    *put = 0;
    if (!look(b, SP_SLICE_BYTES) || !b->seen) return SP_OK;
    job *j = spi_new_job(b, 0);
    size_t at = b->pos;
    SP_TRY(sp_grow(b->alloc, &j->given, &j->given_cap, b->seen, sizeof *j->given));
    memcpy(j->given, b->queue + b->queue_at, b->seen * sizeof *j->given);
    for (size_t i = 0; i < b->seen; at += j->given[i++].text.n) j->given[i].text.p = b->in ? b->in->bytes + at : (const uint8_t *)"";
    j->given_count = b->seen;
    j->line = 1; /* each has its own */
    if (b->seen_bytes) {
        j->held = b->in;
        b->in->jobs++;
    }
    b->pos = at;
    b->queue_at += b->seen;
    b->seen = b->seen_bytes = 0;
    spi_offer(b);
    *put = 1;
    return SP_OK;
}
