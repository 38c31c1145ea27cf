#include "sp_batch.h"

#include <pthread.h>
#include <stdio.h>

#include "sp_exchange.h"

#define HEAD_BYTES SP_HEAD_BYTES
#define MAX_JOBS 64u

typedef struct job { /* the lines of one slice */
    sp_view text;
    uint64_t offset, line; /* of its first byte, of its first line */
    uint64_t long_length;  /* not 0: no text, but one line over max_line_bytes, of this length */
    int cut;               /* the last line has no line feed, and the stream was cut in it */
    sp_columns *exchanges, *evidence;
    uint64_t lines, blank;
    int crlf;
    sp_status status;
} job;

typedef struct worker {
    struct sp_batch *batch;
    sp_reader reader;
    sp_columns_sizes sizes; /* of its last slice */
    pthread_t thread;
    int started;
} worker;

struct sp_batch {
    const sp_alloc *alloc;
    const sp_rules *rules;
    char *source;
    char source_id[40];
    size_t source_id_n;
    const sp_format *format;
    unsigned threads;
    int evidence;
    uint8_t *buf;
    size_t cap, len, pos; /* [pos, len) is not yet given to a job */
    uint64_t base;        /* stream offset of buf[0] */
    uint64_t next_line;
    int begun, finished, cut;
    sp_status failed; /* what sp_batch_take returned; it goes on so */
    int skipping;     /* inside a line over max_line_bytes: its bytes are counted and dropped */
    uint64_t skip_from, skip_length;
    job jobs[MAX_JOBS];
    unsigned job_count, job_taken; /* finished jobs wait to be taken in order */
    worker *workers;
    sp_summary summary;
    /* the pool: jobs [next, offered) wait for a worker; all under the lock */
    pthread_mutex_t lock;
    pthread_cond_t wake, done;
    unsigned next, offered, running;
    int stop, pool;
};

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
    return sp_reader_line(d, b->format, &line);
}

static sp_status run_job(const sp_batch *b, worker *w, job *j) {
    sp_reader *d = &w->reader;
    uint64_t number = j->line;
    j->exchanges = sp_columns_new(b->alloc, &sp_exchanges_schema);
    if (b->evidence) j->evidence = sp_columns_new(b->alloc, &sp_evidence_schema);
    if (!j->exchanges || (b->evidence && !j->evidence)) return SP_ERR_NOMEM;
    SP_TRY(sp_columns_reserve(j->exchanges, &w->sizes));
    d->exchanges = j->exchanges;
    d->evidence = j->evidence;
    d->source_id = (sp_view){(const uint8_t *)b->source_id, b->source_id_n};
    if (j->long_length) {
        sp_line line = {.text = {(const uint8_t *)"", 0},
                        .source = {(const uint8_t *)b->source, strlen(b->source)},
                        .number = number,
                        .offset = j->offset,
                        .reject = SP_ERR_LINE_TOO_LONG,
                        .length = j->long_length};
        j->lines = 1;
        return sp_reader_line(d, b->format, &line);
    }
    for (size_t i = 0; i < j->text.n; number++) {
        const uint8_t *nl = memchr(j->text.p + i, '\n', j->text.n - i);
        size_t end = nl ? (size_t)(nl - j->text.p) : j->text.n;
        SP_TRY(read_line(b, d, j, (sp_view){j->text.p + i, end - i}, i, number, nl == NULL));
        j->lines++;
        i = end + 1;
    }
    sp_columns_measure(j->exchanges, &w->sizes);
    return SP_OK;
}

/* ---- the pool ------------------------------------------------------------------------------------------------------------------------ */

static void *work(void *arg) {
    worker *w = arg;
    sp_batch *b = w->batch;
    pthread_mutex_lock(&b->lock);
    while (!b->stop) {
        if (b->next == b->offered) {
            pthread_cond_wait(&b->wake, &b->lock);
            continue;
        }
        job *j = &b->jobs[b->next++];
        pthread_mutex_unlock(&b->lock);
        j->status = run_job(b, w, j);
        pthread_mutex_lock(&b->lock);
        if (--b->running == 0) pthread_cond_signal(&b->done);
    }
    pthread_mutex_unlock(&b->lock);
    return NULL;
}

static void start_pool(sp_batch *b) {
    if (b->pool) return;
    b->pool = 1;
    for (unsigned i = 1; i < b->threads; i++) /* without a thread the owner does its share: slower, not wrong */
        b->workers[i].started = pthread_create(&b->workers[i].thread, NULL, work, &b->workers[i]) == 0;
}

static void run_jobs(sp_batch *b) {
    if (b->threads > 1 && b->job_count > 1) start_pool(b);
    pthread_mutex_lock(&b->lock);
    b->next = 0;
    b->offered = b->running = b->job_count;
    if (b->pool) pthread_cond_broadcast(&b->wake);
    while (b->next < b->offered) {
        job *j = &b->jobs[b->next++];
        pthread_mutex_unlock(&b->lock);
        j->status = run_job(b, &b->workers[0], j);
        pthread_mutex_lock(&b->lock);
        b->running--;
    }
    while (b->running) pthread_cond_wait(&b->done, &b->lock);
    b->next = b->offered = 0; /* a worker that wakes late finds nothing */
    pthread_mutex_unlock(&b->lock);
}

/* ---- making and freeing -------------------------------------------------------------------------------------------------------------- */

sp_status sp_batch_new(const sp_alloc *a, const sp_batch_options *o, sp_batch **out) {
    *out = NULL;
    sp_status status = SP_ERR_NOMEM;
    sp_batch *b = a->resize(a->ctx, NULL, sizeof *b);
    if (!b) return SP_ERR_NOMEM;
    memset(b, 0, sizeof *b);
    b->alloc = a;
    b->rules = o->rules;
    b->threads = o->threads ? o->threads : 1;
    if (b->threads > MAX_JOBS) b->threads = MAX_JOBS;
    b->evidence = o->evidence;
    b->next_line = 1;
    pthread_mutex_init(&b->lock, NULL);
    pthread_cond_init(&b->wake, NULL);
    pthread_cond_init(&b->done, NULL);
    size_t n = strlen(o->source) + 1;
    b->source = a->resize(a->ctx, NULL, n);
    b->workers = a->resize(a->ctx, NULL, b->threads * sizeof *b->workers);
    if (b->workers) memset(b->workers, 0, b->threads * sizeof *b->workers);
    if (!b->source || !b->workers) goto fail;
    memcpy(b->source, o->source, n);
    for (unsigned i = 0; i < b->threads; i++) {
        b->workers[i].batch = b;
        if ((status = sp_reader_init(&b->workers[i].reader, b->rules, a)) != SP_OK) goto fail;
        sp_reader_remember(&b->workers[i].reader);
    }
    if (o->source_id) b->source_id_n = (size_t)snprintf(b->source_id, sizeof b->source_id, "%.39s", o->source_id);
    for (uint32_t i = 0; o->format && i < b->rules->formats.n; i++)
        if (sp_view_eq(sp_rules_text(b->rules, b->rules->formats.v[i].name), (sp_view){(const uint8_t *)o->format, strlen(o->format)}))
            b->format = &b->rules->formats.v[i];
    status = o->format && !b->format ? SP_ERR_SYNTAX : SP_OK;
    if (status == SP_OK) {
        *out = b;
        return SP_OK;
    }
fail:
    sp_batch_free(b);
    return status;
}

void sp_batch_free(sp_batch *b) {
    if (!b) return;
    const sp_alloc *a = b->alloc;
    pthread_mutex_lock(&b->lock);
    b->stop = 1;
    pthread_cond_broadcast(&b->wake);
    pthread_mutex_unlock(&b->lock);
    for (unsigned i = 0; b->workers && i < b->threads; i++) {
        if (b->workers[i].started) pthread_join(b->workers[i].thread, NULL);
        if (b->workers[i].batch) sp_reader_fini(&b->workers[i].reader);
    }
    for (unsigned i = b->job_taken; i < b->job_count; i++) {
        sp_columns_drop(b->jobs[i].exchanges);
        sp_columns_drop(b->jobs[i].evidence);
    }
    pthread_cond_destroy(&b->done);
    pthread_cond_destroy(&b->wake);
    pthread_mutex_destroy(&b->lock);
    sp_release(a, b->workers);
    sp_release(a, b->source);
    sp_release(a, b->buf);
    sp_release(a, b);
}

const sp_summary *sp_batch_summary(const sp_batch *b) { return &b->summary; }

/* ---- input --------------------------------------------------------------------------------------------------------------------------- */

sp_status sp_batch_room(sp_batch *b, size_t n, uint8_t **p) {
    if (b->pos && b->job_taken == b->job_count) { /* what was read is not needed any more */
        memmove(b->buf, b->buf + b->pos, b->len - b->pos);
        b->base += b->pos;
        b->len -= b->pos;
        b->pos = 0;
    }
    SP_TRY(sp_grow(b->alloc, &b->buf, &b->cap, b->len + (n ? n : 1), 1)); /* never NULL */
    *p = b->buf + b->len;
    return SP_OK;
}

static void skip(sp_batch *b, size_t from) { /* drops bytes of an over-long line, up to its line feed */
    const uint8_t *nl = memchr(b->buf + from, '\n', b->len - from);
    size_t end = nl ? (size_t)(nl - b->buf) : b->len;
    b->skip_length += end - from;
    b->pos = end + (nl != NULL);
    if (nl) b->skipping = 2; /* its row is due */
}

void sp_batch_commit(sp_batch *b, size_t n) {
    size_t from = b->len;
    b->len += n;
    b->summary.bytes += n;
    if (b->skipping == 1) skip(b, from);
}

void sp_batch_finish(sp_batch *b, int cut) {
    b->finished = 1;
    b->cut = cut;
}

/* ---- the head: encoding, byte order mark, format ------------------------------------------------------------------------------------- */

static const char *encoding(const uint8_t *p, size_t n) {
    if (n >= 4 && memcmp(p, "\xff\xfe\0\0", 4) == 0) return "utf-32-le";
    if (n >= 4 && memcmp(p, "\0\0\xfe\xff", 4) == 0) return "utf-32-be";
    if (n >= 2 && memcmp(p, "\xff\xfe", 2) == 0) return "utf-16-le";
    if (n >= 2 && memcmp(p, "\xfe\xff", 2) == 0) return "utf-16-be";
    size_t zero[4] = {0}, look = n < 4096 ? n & ~(size_t)3 : 4096;
    for (size_t i = 0; i < look; i++) zero[i & 3] += p[i] == 0;
    size_t q = look / 4;
    if (look < 8) return NULL;
    if (zero[1] == q && zero[2] == q && zero[3] == q && zero[0] == 0) return "utf-32-le";
    if (zero[0] == q && zero[1] == q && zero[2] == q && zero[3] == 0) return "utf-32-be";
    if (zero[1] == q && zero[3] == q && zero[0] + zero[2] == 0) return "utf-16-le";
    if (zero[0] == q && zero[2] == q && zero[1] + zero[3] == 0) return "utf-16-be";
    return NULL;
}

static sp_status format_of(sp_batch *b, sp_view line, uint32_t *format) {
    const sp_rules *r = b->rules;
    sp_reader *d = &b->workers[0].reader;
    sp_scan_reset(&d->scan);
    sp_status status = sp_scan_text(&d->scan, line, &r->trie, SP_ROOT_DETECT, SP_NO_MARK);
    *format = status == SP_OK ? r->formats.n - 1 : UINT32_MAX;
    if (status != SP_OK) return status == SP_ERR_NOMEM ? status : SP_OK;
    sp_facts_in in = {.marks = d->scan.marks, .lo = 0, .hi = d->scan.mark_count};
    sp_judge_look(&d->judge, &in, 0);
    for (uint32_t f = 0; f < r->formats.n; f++)
        for (uint32_t s = 0; s < r->formats.v[f].signature_n; s++) {
            sp_list bits = r->signatures.v[r->formats.v[f].signature_at + s];
            uint32_t k = 0;
            while (k < bits.n && d->judge.bits[r->words.v[bits.at + k] >> 6] >> (r->words.v[bits.at + k] & 63) & 1) k++;
            if (k == bits.n) {
                *format = f;
                return SP_OK;
            }
        }
    return SP_OK;
}

static sp_status tell_format(sp_batch *b, size_t n) {
    uint32_t votes[16] = {0}, best = b->rules->formats.n - 1;
    for (size_t i = b->pos; i < n && !b->format;) {
        const uint8_t *nl = memchr(b->buf + i, '\n', b->len - i); /* a line that begins in the head counts as a whole, if it is read */
        size_t end = nl ? (size_t)(nl - b->buf) : b->len;
        size_t length = end - i - (end > i && b->buf[end - 1] == '\r');
        uint32_t f = UINT32_MAX;
        if (length <= b->rules->limits.max_line_bytes) SP_TRY(format_of(b, (sp_view){b->buf + i, end - i}, &f));
        if (f < 16) votes[f]++;
        i = end + 1;
    }
    for (uint32_t f = b->rules->formats.n; f-- > 0;)
        if (f < 16 && votes[f] && votes[f] >= votes[best]) best = f;
    if (!b->format) b->format = &b->rules->formats.v[best];
    b->summary.format = (const char *)sp_rules_text(b->rules, b->format->name).p;
    return SP_OK;
}

/* Once: needs the first 64 KiB and the line that they end in, so that the answer does not depend on how the bytes came. Until they are here,
   `begun` stays 0. */
static sp_status begin(sp_batch *b) {
    size_t head = b->len < HEAD_BYTES ? b->len : HEAD_BYTES;
    if (b->begun) return SP_OK;
    if (!b->finished && b->len < HEAD_BYTES) return SP_OK;
    if (!b->finished && !memchr(b->buf + HEAD_BYTES - 1, '\n', b->len - HEAD_BYTES + 1) &&
        b->len <= b->rules->limits.max_line_bytes + HEAD_BYTES)
        return SP_OK;
    b->begun = 1;
    if (!b->source_id_n) {
        uint64_t h = sp_x64(b->buf, head);
        b->source_id_n = (size_t)snprintf(b->source_id, sizeof b->source_id, "%016llx", (unsigned long long)h);
    }
    if (!head) return SP_OK;
    b->summary.encoding = encoding(b->buf, head);
    if (b->summary.encoding) return SP_OK;
    if (head >= 3 && memcmp(b->buf, "\xef\xbb\xbf", 3) == 0) b->summary.bom = 1, b->pos = 3;
    size_t i = b->pos;
    while (i < head && (b->buf[i] == ' ' || b->buf[i] == '\n' || b->buf[i] == '\r' || b->buf[i] == '\t')) i++;
    b->summary.array = i < head && b->buf[i] == '[';
    b->summary.cr_only = b->finished && memchr(b->buf, '\r', head) && !memchr(b->buf, '\n', b->len);
    return tell_format(b, head);
}

/* ---- slices -------------------------------------------------------------------------------------------------------------------------- */

static uint64_t count_lines(sp_view t) {
    uint64_t n = t.n && t.p[t.n - 1] != '\n';
    for (const uint8_t *p = t.p, *end = t.p + t.n; p < end && (p = memchr(p, '\n', (size_t)(end - p))); p++) n++;
    return n;
}

static void put_job(sp_batch *b, size_t end) {
    job *j = &b->jobs[b->job_count++];
    memset(j, 0, sizeof *j);
    j->text = (sp_view){b->buf + b->pos, end - b->pos};
    j->offset = b->base + b->pos;
    j->line = b->next_line;
    j->cut = b->cut && end == b->len;
    b->next_line += count_lines(j->text);
    b->pos = end;
}

static void put_long_line(sp_batch *b) {
    job *j = &b->jobs[b->job_count++];
    memset(j, 0, sizeof *j);
    j->offset = b->skip_from;
    j->long_length = b->skip_length;
    j->line = b->next_line++;
    b->skipping = 0;
    b->skip_length = 0;
}

/* The next slice, if all its lines are here: those that begin before the next multiple of SP_SLICE_BYTES. A line over max_line_bytes
   ends a slice before it and is one of its own, so that it need not be kept. */
static int next_slice(sp_batch *b) {
    if (b->skipping == 2 || (b->skipping == 1 && b->finished)) {
        put_long_line(b);
        return 1;
    }
    if (b->skipping || b->pos == b->len) return 0;
    uint64_t boundary = ((b->base + b->pos) / SP_SLICE_BYTES + 1) * SP_SLICE_BYTES;
    size_t most = b->rules->limits.max_line_bytes, from = (size_t)(boundary - 1 - b->base);
    const uint8_t *nl = from < b->len ? memchr(b->buf + from, '\n', b->len - from) : NULL;
    size_t end = nl ? (size_t)(nl - b->buf) + 1 : b->len;
    if (most < SP_SLICE_BYTES || from >= b->len) { /* no line that ends the slice can be too long to keep */
        if (!nl && !b->finished && !(from < b->len && b->len - from > 2 * (size_t)SP_SLICE_BYTES + most)) return 0;
        if (nl || b->finished) {
            put_job(b, end);
            return 1;
        }
    }
    size_t last = from < b->len ? from : b->len;
    while (last > b->pos && b->buf[last - 1] != '\n') last--;
    size_t length = end - last - (nl != NULL);
    if (length > most) {
        if (last > b->pos) put_job(b, last);
        else {
            b->skipping = 1;
            b->skip_from = b->base + last;
            skip(b, last);
            if (b->skipping == 2 || b->finished) put_long_line(b);
            else return 0;
        }
        return 1;
    }
    if (!nl && !b->finished) return 0;
    put_job(b, end);
    return 1;
}

static void add_up(sp_batch *b, job *j) {
    sp_summary *s = &b->summary;
    s->lines_total += j->lines;
    s->lines_blank += j->blank;
    s->crlf |= j->crlf;
    for (unsigned w = 0; w < b->threads; w++) {
        sp_reader *d = &b->workers[w].reader;
        for (int i = 0; i < SP_STATE_COUNT; i++) s->classified[i] += d->classified[i], d->classified[i] = 0;
        for (int i = 0; i < SP_STATUS_COUNT; i++) s->rejected[i] += d->rejected[i], d->rejected[i] = 0;
        for (int i = 0; i < SP_FLAG_COUNT; i++) s->flags[i] += d->flags[i], d->flags[i] = 0;
    }
}

sp_status sp_batch_take(sp_batch *b, sp_columns **exchanges, sp_columns **evidence) {
    *exchanges = *evidence = NULL;
    if (b->failed != SP_OK) return b->failed;
    if (b->job_taken == b->job_count) {
        b->job_taken = b->job_count = 0;
        b->failed = begin(b);
        if (b->failed != SP_OK || !b->begun || b->summary.encoding) return b->failed;
        unsigned wanted = b->threads > 1 ? 2 * b->threads : 1;
        if (wanted > MAX_JOBS) wanted = MAX_JOBS;
        size_t pos = b->pos;
        uint64_t line = b->next_line;
        while (b->job_count < wanted && next_slice(b)) continue;
        if (b->job_count < b->threads && !b->finished && b->skipping == 0 && b->job_count &&
            b->len < (size_t)8 * b->threads * SP_SLICE_BYTES && b->jobs[b->job_count - 1].long_length == 0) {
            b->pos = pos, b->next_line = line, b->job_count = 0; /* wait until there is work for all */
            return SP_OK;
        }
        run_jobs(b);
        for (unsigned i = 0; i < b->job_count; i++) add_up(b, &b->jobs[i]);
    }
    if (b->job_taken == b->job_count) return SP_OK;
    job *j = &b->jobs[b->job_taken++];
    *exchanges = j->exchanges;
    *evidence = j->evidence;
    if (j->status != SP_OK) {
        sp_columns_drop(*exchanges);
        sp_columns_drop(*evidence);
        *exchanges = *evidence = NULL;
        b->failed = j->status; /* its rows are lost: what comes after them would look like all */
    }
    return j->status;
}

sp_status sp_classify_one(const sp_alloc *a, const sp_rules *r, const sp_one *one, sp_columns **exchanges, sp_columns **evidence,
                          sp_diagnosis *diagnosis, char *pointer, size_t cap, size_t *pointer_n) {
    sp_reader d;
    sp_status status = sp_reader_init(&d, r, a);
    *exchanges = sp_columns_new(a, &sp_exchanges_schema);
    *evidence = sp_columns_new(a, &sp_evidence_schema);
    d.exchanges = *exchanges;
    d.evidence = *evidence;
    if (!*exchanges || !*evidence) status = SP_ERR_NOMEM;
    if (status == SP_OK) status = sp_reader_one(&d, one, diagnosis, pointer, cap, pointer_n);
    sp_reader_fini(&d);
    if (status != SP_OK) {
        sp_columns_drop(*exchanges);
        sp_columns_drop(*evidence);
        *exchanges = *evidence = NULL;
    }
    return status;
}
