#include "sp_batch_impl.h"

/* ---- lines of a slice ---------------------------------------------------------------------------------------------------------------- */

static int blank(sp_view t) {
    for (size_t i = 0; i < t.n; i++)
        if (t.p[i] != ' ' && t.p[i] != '\t' && t.p[i] != '\r') return 0;
    return 1;
}

/* Whether the line is one to be read. */
static int whole_line(const sp_batch *b, job *j, sp_view text, size_t at, int last_open, sp_line *line) {
    *line = (sp_line){.text = text, .number = j->lines, .offset = j->offset + at};
    if (blank(text)) {
        j->blank++;
        return 0;
    }
    if (text.p[text.n - 1] == '\r' && !last_open) line->text.n--, j->crlf = 1;
    if (line->text.n > b->rules->limits.max_line_bytes) line->reject = SP_ERR_LINE_TOO_LONG;
    else if (last_open && j->cut) line->reject = SP_ERR_INPUT_CUT;
    return 1;
}

static sp_line piece_line(const job *j, const record *r) {
    sp_line line = {.text = {j->text.p + r->at, r->n}, .number = j->line + r->line, .offset = j->offset + r->at};
    if (r->open && j->cut) line.reject = SP_ERR_INPUT_CUT;
    else if (r->open && r->n == 0) line.reject = SP_ERR_TRUNCATED;
    return line;
}

static sp_line given_line(const sp_given *g) {
    return (sp_line){
        .text = g->text, .number = g->line, .offset = g->start, .reject = g->reject, .length = g->end - g->start, .made = g->made};
}

/* A line over max_line_bytes, of which nothing was kept. */
static sp_line long_line(const job *j) {
    return (sp_line){.text = {(const uint8_t *)"", 0},
                     .number = j->line ? j->line : 1,
                     .offset = j->offset,
                     .reject = SP_ERR_LINE_TOO_LONG,
                     .length = j->long_length};
}

int spi_next_line(const sp_batch *b, job *j, size_t *at, sp_line *line) {
    int found = 0;
    if (j->line || j->long_length) {
        size_t count = j->long_length ? 1 : j->given_count ? j->given_count : j->record_count, i = *at;
        if (i == count) return 0;
        *line = j->long_length ? long_line(j) : j->given_count ? given_line(&j->given[i]) : piece_line(j, &j->records[i]);
        (*at)++, j->lines++;
        found = 1;
    }
    while (!found && *at < j->text.n) {
        const uint8_t *start = j->text.p + *at, *nl = memchr(start, '\n', j->text.n - *at);
        size_t n = nl ? (size_t)(nl - start) : j->text.n - *at;
        j->lines++;
        found = whole_line(b, j, (sp_view){start, n}, *at, nl == NULL, line);
        *at += n + 1;
    }
    if (found) line->source = (sp_view){(const uint8_t *)b->source, strlen(b->source)};
    return found;
}

static sp_status run_job(const sp_batch *b, worker *w, job *j) {
    sp_reader *d = &w->reader;
    sp_line line;
    size_t at = 0;
    j->exchanges = sp_columns_new(b->alloc, &sp_exchanges_schema, &w->sizes);
    if (b->evidence) j->evidence = sp_columns_new(b->alloc, &sp_evidence_schema, &w->evidence_sizes);
    if (!j->exchanges || (b->evidence && !j->evidence)) return SP_ERR_NOMEM;
    d->exchanges = j->exchanges;
    d->evidence = j->evidence;
    d->source_id = (sp_view){(const uint8_t *)b->source_id, b->source_id_n};
    while (spi_next_line(b, j, &at, &line)) SP_TRY(sp_reader_line(d, j->format, &line));
    if (j->long_length) return SP_OK; /* one row says nothing of the next slice */
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
    move_counts(j->clocks, w->reader.clocks, SP_CLOCK_COUNT);
    move_counts(j->said, w->reader.said, SP_SAID_COUNT);
    move_counts(&j->more, &w->reader.more, 1);
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
