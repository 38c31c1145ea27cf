#include "sp_batch_impl.h"

/* ---- lines of a slice ---------------------------------------------------------------------------------------------------------------- */

static int blank(sp_view t) {
    for (size_t i = 0; i < t.n; i++)
        if (t.p[i] != ' ' && t.p[i] != '\t' && t.p[i] != '\r') return 0;
    return 1;
}

static sp_status read_line(const sp_batch *b, sp_reader *d, job *j, sp_view text, size_t at, uint64_t number, int last_open) {
    sp_line line = {.text = text, .source = {(const uint8_t *)b->source, strlen(b->source)}, .number = number, .offset = j->offset + at};
    if (blank(line.text)) {
        j->blank++;
        return SP_OK;
    }
    if (text.p[text.n - 1] == '\r' && !last_open) line.text.n--, j->crlf = 1;
    if (line.text.n > b->rules->limits.max_line_bytes) line.reject = SP_ERR_LINE_TOO_LONG;
    else if (last_open && j->cut) line.reject = SP_ERR_INPUT_CUT;
    return sp_reader_line(d, j->format, &line);
}

static sp_status read_piece(const sp_batch *b, sp_reader *d, job *j, const record *r) {
    sp_line line = {.text = {j->text.p + r->at, r->n},
                    .source = {(const uint8_t *)b->source, strlen(b->source)},
                    .number = j->line + r->line,
                    .offset = j->offset + r->at};
    if (r->open && j->cut) line.reject = SP_ERR_INPUT_CUT;
    else if (r->open && r->n == 0) line.reject = SP_ERR_TRUNCATED;
    return sp_reader_line(d, j->format, &line);
}

static sp_status run_job(const sp_batch *b, worker *w, job *j) {
    sp_reader *d = &w->reader;
    uint64_t number = 1; /* within the slice; sp_batch_take knows the rest */
    j->exchanges = sp_columns_new(b->alloc, &sp_exchanges_schema, &w->sizes);
    if (b->evidence) j->evidence = sp_columns_new(b->alloc, &sp_evidence_schema, &w->evidence_sizes);
    if (!j->exchanges || (b->evidence && !j->evidence)) return SP_ERR_NOMEM;
    d->exchanges = j->exchanges;
    d->evidence = j->evidence;
    d->source_id = (sp_view){(const uint8_t *)b->source_id, b->source_id_n};
    if (j->long_length) {
        sp_line line = {.text = {(const uint8_t *)"", 0},
                        .source = {(const uint8_t *)b->source, strlen(b->source)},
                        .number = j->line ? j->line : number,
                        .offset = j->offset,
                        .reject = SP_ERR_LINE_TOO_LONG,
                        .length = j->long_length};
        j->lines = 1;
        return sp_reader_line(d, j->format, &line);
    }
    for (; j->line && j->lines < j->record_count; j->lines++) SP_TRY(read_piece(b, d, j, &j->records[j->lines]));
    if (j->line) j->text.n = 0;
    for (size_t i = 0; i < j->text.n; number++) {
        const uint8_t *nl = memchr(j->text.p + i, '\n', j->text.n - i);
        size_t end = nl ? (size_t)(nl - j->text.p) : j->text.n;
        SP_TRY(read_line(b, d, j, (sp_view){j->text.p + i, end - i}, i, number, nl == NULL));
        j->lines++;
        i = end + 1;
    }
    sp_columns_measure(j->exchanges, &w->sizes);
    if (j->evidence) sp_columns_measure(j->evidence, &w->evidence_sizes);
    return SP_OK;
}

static void move_counts(uint64_t *to, uint64_t *from, size_t n) {
    memcpy(to, from, n * sizeof *to);
    memset(from, 0, n * sizeof *from);
}

/* Runs the next job that waits. The lock is held, but not meanwhile. */
static void run_next(sp_batch *b, worker *w) {
    job *j = &b->jobs[b->waiting++ % MAX_JOBS];
    j->state = JOB_RUNS;
    pthread_mutex_unlock(&b->lock);
    j->status = run_job(b, w, j);
    sp_reader_rest(&w->reader);
    move_counts(j->classified, w->reader.classified, SP_STATE_COUNT);
    move_counts(j->rejected, w->reader.rejected, SP_STATUS_COUNT);
    move_counts(j->flags, w->reader.flags, SP_FLAG_COUNT);
    move_counts(j->passed, w->reader.passed, SP_MAX_PASSES);
    pthread_mutex_lock(&b->lock);
    j->state = JOB_DONE;
    pthread_cond_signal(&b->done);
}

/* ---- the pool ------------------------------------------------------------------------------------------------------------------------ */

static int has_waiting(const sp_batch *b) { return b->waiting != b->first + b->count; }

static void *work(void *arg) {
    worker *w = arg;
    sp_batch *b = w->batch;
    pthread_mutex_lock(&b->lock);
    while (!b->stop) {
        if (has_waiting(b)) run_next(b, w);
        else pthread_cond_wait(&b->wake, &b->lock);
    }
    pthread_mutex_unlock(&b->lock);
    return NULL;
}

void spi_pool_start(sp_batch *b) {
    if (b->pool) return;
    b->pool = 1;
    for (unsigned i = 1; i < b->threads; i++) /* without a thread the owner does its share: slower, not wrong */
        b->workers[i].started = pthread_create(&b->workers[i].thread, NULL, work, &b->workers[i]) == 0;
}

/* The owner does not stand idle while others wait to be run. */
void spi_pool_await_first(sp_batch *b) {
    pthread_mutex_lock(&b->lock);
    while (b->jobs[b->first % MAX_JOBS].state != JOB_DONE) {
        if (has_waiting(b)) run_next(b, &b->workers[0]);
        else pthread_cond_wait(&b->done, &b->lock);
    }
    pthread_mutex_unlock(&b->lock);
}

void spi_pool_stop(sp_batch *b) {
    pthread_mutex_lock(&b->lock);
    b->stop = 1;
    pthread_cond_broadcast(&b->wake);
    pthread_mutex_unlock(&b->lock);
    for (unsigned i = 0; b->workers && i < b->threads; i++)
        if (b->workers[i].started) pthread_join(b->workers[i].thread, NULL);
}
