#include "sp_batch_impl.h"

#include <stdio.h>

#define MOST_SPARE (4 * (size_t)SP_SLICE_BYTES) /* memory of larger segments is not kept */
#define BEHIND 65536u /* a read ends so far behind the end of a slice: most lines that begin before it end there */

/* ---- making and freeing -------------------------------------------------------------------------------------------------------------- */

static int votes_init(sp_batch *b) {
    size_t formats = b->rules->formats.n, n = 2 * formats + b->rules->signatures.n;
    uint32_t *v = b->alloc->resize(b->alloc->ctx, NULL, n * sizeof *v);
    if (!v) return 0;
    memset(v, 0, n * sizeof *v);
    b->votes = (sp_votes){.first = v, .has = v + formats, .held = v + 2 * formats};
    return 1;
}

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
    if (o->container) b->container = (sp_view){(const uint8_t *)o->container, strlen(o->container)};
    pthread_mutex_init(&b->lock, NULL);
    pthread_cond_init(&b->wake, NULL);
    pthread_cond_init(&b->done, NULL);
    size_t n = strlen(o->source) + 1;
    b->source = a->resize(a->ctx, NULL, n);
    b->workers = a->resize(a->ctx, NULL, b->threads * sizeof *b->workers);
    if (b->workers) memset(b->workers, 0, b->threads * sizeof *b->workers);
    b->store = sp_replay_store_new(a, b->rules->limits.replay_table_bytes, b->threads);
    if (!b->source || !b->workers || !votes_init(b)) goto fail;
    memcpy(b->source, o->source, n);
    for (unsigned i = 0; i < b->threads; i++) {
        b->workers[i].batch = b;
        if ((status = sp_reader_init(&b->workers[i].reader, b->rules, a)) != SP_OK) goto fail;
        sp_reader_remember(&b->workers[i].reader, b->store, i);
    }
    if (o->source_id) b->source_id_n = (size_t)snprintf(b->source_id, sizeof b->source_id, "%.39s", o->source_id);
    for (uint32_t i = 0; o->format && i < b->rules->formats.n; i++)
        if (sp_view_eq(sp_rules_text(b->rules, b->rules->formats.v[i].e.id), (sp_view){(const uint8_t *)o->format, strlen(o->format)}))
            b->format = &b->rules->formats.v[i];
    status = o->format && !b->format ? SP_ERR_SYNTAX : SP_OK;
    b->lines_only = o->records && strcmp(o->records, "lines") == 0;
    b->pointers_given = o->records && !b->lines_only;
    if (status == SP_OK) status = sp_split_paths_init(&b->paths, b->pointers_given ? o->records : NULL);
    if (status == SP_OK) {
        *out = b;
        return SP_OK;
    }
fail:
    sp_batch_free(b);
    return status;
}

/* A job is through with the segment. */
static void let_go(sp_batch *b, segment *x) {
    if (!x || --x->jobs || x == b->in) return;
    if (x->cap > MOST_SPARE) {
        sp_release(b->alloc, x);
        return;
    }
    x->next = b->spare;
    b->spare = x;
}

void sp_batch_free(sp_batch *b) {
    if (!b) return;
    const sp_alloc *a = b->alloc;
    spi_pool_stop(b);
    for (unsigned i = 0; b->workers && i < b->threads; i++)
        if (b->workers[i].batch) sp_reader_fini(&b->workers[i].reader);
    sp_replay_store_free(b->store);
    for (size_t i = 0; i < MAX_JOBS; i++) {
        sp_release(a, b->jobs[i].records);
        sp_release(a, b->jobs[i].given);
    }
    sp_release(a, b->queue);
    for (; b->count; b->first++, b->count--) {
        job *j = &b->jobs[b->first % MAX_JOBS];
        sp_columns_drop(j->exchanges);
        sp_columns_drop(j->evidence);
        let_go(b, j->held);
    }
    sp_release(a, b->in);
    for (segment *x = b->spare, *next; x; x = next) {
        next = x->next;
        sp_release(a, x);
    }
    pthread_cond_destroy(&b->done);
    pthread_cond_destroy(&b->wake);
    pthread_mutex_destroy(&b->lock);
    sp_release(a, b->votes.first);
    sp_release(a, b->workers);
    sp_release(a, b->source);
    sp_release(a, b);
}

const sp_summary *sp_batch_summary(const sp_batch *b) { return &b->summary; }

int sp_batch_vote(const sp_batch *b, uint32_t i, sp_vote *out) {
    if (i >= b->rules->formats.n) return 0;
    const sp_format *f = &b->rules->formats.v[i];
    *out = (sp_vote){.format = (const char *)sp_rules_text(b->rules, f->e.id).p,
                     .first = b->votes.first[i],
                     .has = b->votes.has[i],
                     .alternatives = b->votes.held + f->signature.at,
                     .alternative_count = f->signature.n};
    return 1;
}

/* ---- input --------------------------------------------------------------------------------------------------------------------------- */

/* Another segment takes the place of the one that jobs hold; what is not theirs goes along. */
static sp_status next_segment(sp_batch *b, size_t n) {
    segment *x = b->spare;
    size_t rest = b->len - b->pos, need = rest + n < SP_SLICE_BYTES + 2 * (size_t)BEHIND ? SP_SLICE_BYTES + 2 * (size_t)BEHIND : rest + n;
    if (x && x->cap >= need) b->spare = x->next;
    else {
        x = b->alloc->resize(b->alloc->ctx, NULL, sizeof *x + need);
        if (!x) return SP_ERR_NOMEM;
        x->cap = need;
    }
    x->jobs = 0;
    if (rest) memcpy(x->bytes, b->in->bytes + b->pos, rest);
    b->in = x; /* the last job that is taken gives the old one back */
    return SP_OK;
}

static sp_status more_room(sp_batch *b, size_t n) {
    size_t cap = b->in ? b->in->cap : 0, want = cap < 4096 ? 4096 : cap;
    while (want < b->len + n)
        if (__builtin_add_overflow(want, want, &want)) return SP_ERR_NOMEM;
    segment *x = b->alloc->resize(b->alloc->ctx, b->in, sizeof *x + want);
    if (!x) return SP_ERR_NOMEM;
    if (!b->in) x->jobs = 0;
    x->cap = want;
    b->in = x;
    return SP_OK;
}

size_t sp_batch_read_size(const sp_batch *b) {
    uint64_t at = b->base + b->len, slices = at < BEHIND ? 1 : (at - BEHIND) / SP_SLICE_BYTES + 1;
    return (size_t)(slices * SP_SLICE_BYTES + BEHIND - at);
}

sp_status sp_batch_room(sp_batch *b, size_t n, uint8_t **p) {
    if (n == 0) n = 1; /* never NULL */
    if (b->pos && b->in->jobs) SP_TRY(next_segment(b, n));
    else if (b->pos) memmove(b->in->bytes, b->in->bytes + b->pos, b->len - b->pos);
    b->base += b->pos;
    b->len -= b->pos;
    b->searched = b->searched > b->pos ? b->searched - b->pos : 0;
    b->pos = 0;
    if (!b->in || n > b->in->cap - b->len) SP_TRY(more_room(b, n));
    *p = b->in->bytes + b->len;
    return SP_OK;
}

static void skip(sp_batch *b, size_t from) { /* drops bytes of an over-long line, up to its line feed */
    const uint8_t *nl = memchr(b->in->bytes + from, '\n', b->len - from);
    size_t end = nl ? (size_t)(nl - b->in->bytes) : b->len;
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

void spi_choose_format(sp_batch *b) {
    const uint32_t *votes = b->votes.first;
    uint32_t best = b->rules->formats.n - 1;
    for (uint32_t f = b->rules->formats.n; f-- > 0;)
        if (votes[f] && votes[f] >= votes[best]) best = f;
    sp_reader_rest(&b->workers[0].reader);
    if (!b->format) b->format = &b->rules->formats.v[best];
    b->summary.format = (const char *)sp_rules_text(b->rules, b->format->e.id).p;
    b->summary.head_records = b->votes.records;
    b->summary.head_read = b->votes.read;
}

static sp_status tell_format(sp_batch *b, size_t n) {
    for (size_t i = b->pos; i < n && !b->format;) {
        const uint8_t *nl =
            memchr(b->in->bytes + i, '\n', b->len - i); /* a line that begins in the head counts as a whole, if it is read */
        size_t end = nl ? (size_t)(nl - b->in->bytes) : b->len;
        size_t length = end - i - (end > i && b->in->bytes[end - 1] == '\r');
        if (length && length <= b->rules->limits.max_line_bytes)
            SP_TRY(sp_reader_tell(&b->workers[0].reader, (sp_view){b->in->bytes + i, end - i}, &b->votes));
        i = end + 1;
    }
    spi_choose_format(b);
    return SP_OK;
}

/* Of a container: by the records of the first slice that begin in the head. */
static sp_status tell_format_of_records(sp_batch *b, const job *j) {
    for (size_t i = 0; i < j->record_count && !b->format && j->offset + j->records[i].at < SP_HEAD_BYTES; i++)
        SP_TRY(sp_reader_tell(&b->workers[0].reader, (sp_view){j->text.p + j->records[i].at, j->records[i].n}, &b->votes));
    spi_choose_format(b);
    return SP_OK;
}

static void tell_container(sp_batch *b) {
    const sp_split *s = &b->split;
    if (!b->contained) b->summary.container = SP_VIEW("jsonl");
    else if (s->pointer >= 0) b->summary.container = s->paths->pointer[s->pointer];
    else b->summary.container = s->top_array || s->arrays ? SP_VIEW("array") : SP_VIEW("documents");
    b->summary.incomplete = s->incomplete;
}

/* Lines or a container, by the head; where a line that is longer holds no records so far, by all of it. */
static int told(sp_batch *b, uint64_t head) {
    uint64_t at = head >= 3 && memcmp(b->in->bytes, "\xef\xbb\xbf", 3) == 0 ? 3 : 0;
    sp_tell tell = SP_TELL_OPEN;
    sp_piece piece;
    if (b->told == 2) return 1;
    if (b->lines_only || !head || encoding(b->in->bytes, head)) tell = SP_TELL_LINES;
    else if (b->pointers_given) tell = SP_TELL_CONTAINER;
    else if (!b->told) {
        sp_split_init(&b->split, b->rules->kernel, &b->paths, at);
        tell = sp_split_tell(&b->split, b->in->bytes, 0, head, b->finished && head == b->len);
        b->told = 1;
    }
    if (tell == SP_TELL_OPEN) {
        const uint8_t *nl = memchr(b->in->bytes + b->split.at, '\n', b->len - b->split.at);
        uint64_t end = nl ? (uint64_t)(nl - b->in->bytes) : b->len;
        while (b->split.pointer < 0 && !b->split.documents && sp_split_next(&b->split, b->in->bytes, 0, end, 0, &piece)) continue;
        if (b->split.pointer >= 0) tell = SP_TELL_CONTAINER;
        else if (nl || b->finished || b->split.documents || b->len > b->rules->limits.max_line_bytes + SP_HEAD_BYTES) tell = SP_TELL_LINES;
    }
    if (tell == SP_TELL_OPEN) return 0;
    b->told = 2;
    b->contained = tell == SP_TELL_CONTAINER;
    sp_split_init(&b->split, b->rules->kernel, &b->paths, at);
    return 1;
}

void spi_name_source(sp_batch *b, sp_view head) {
    if (!b->source_id_n)
        b->source_id_n = (size_t)snprintf(b->source_id, sizeof b->source_id, "%016llx", (unsigned long long)sp_x64(head.p, head.n));
    b->summary.source_id = b->source_id;
}

/* Once: needs the first 64 KiB and the line that they end in, so that the answer does not depend on how the bytes came. Until they are here,
   `begun` stays 0. */
static sp_status begin(sp_batch *b) {
    size_t head = b->len < SP_HEAD_BYTES ? b->len : SP_HEAD_BYTES;
    if (b->begun) return SP_OK;
    if (b->container.p) return spi_given_begin(b);
    if (!b->finished && b->len < SP_HEAD_BYTES) return SP_OK;
    size_t from = b->searched < SP_HEAD_BYTES - 1 ? SP_HEAD_BYTES - 1 : b->searched;
    if (!told(b, head)) return SP_OK;
    if (!b->contained && !b->finished && !memchr(b->in->bytes + from, '\n', b->len - from) &&
        b->len <= b->rules->limits.max_line_bytes + SP_HEAD_BYTES) {
        b->searched = b->len;
        return SP_OK;
    }
    b->searched = 0;
    b->begun = 1;
    spi_name_source(b, (sp_view){head ? b->in->bytes : (const uint8_t *)"", head});
    if (!head) return SP_OK;
    b->summary.encoding = encoding(b->in->bytes, head);
    if (b->summary.encoding) return SP_OK;
    if (head >= 3 && memcmp(b->in->bytes, "\xef\xbb\xbf", 3) == 0) b->summary.bom = 1, b->pos = 3;
    b->summary.cr_only = b->finished && memchr(b->in->bytes, '\r', head) && !memchr(b->in->bytes, '\n', b->len);
    if (b->contained) return SP_OK;
    tell_container(b);
    return tell_format(b, head);
}

/* ---- slices -------------------------------------------------------------------------------------------------------------------------- */

/* The place of the next one in the ring, where it is put together. */
static job *next_job(sp_batch *b) { return &b->jobs[(b->first + b->count) % MAX_JOBS]; }

job *spi_new_job(sp_batch *b, uint64_t offset) {
    job *j = next_job(b);
    const job before = *j;
    memset(j, 0, sizeof *j);
    j->records = before.records, j->record_cap = before.record_cap;
    j->given = before.given, j->given_cap = before.given_cap;
    j->offset = offset;
    j->format = b->format;
    return j;
}

void spi_offer(sp_batch *b) {
    pthread_mutex_lock(&b->lock);
    b->count++;
    if (b->pool) pthread_cond_signal(&b->wake);
    pthread_mutex_unlock(&b->lock);
}

static void put_job(sp_batch *b, size_t end) {
    job *j = spi_new_job(b, b->base + b->pos);
    j->text = (sp_view){b->in->bytes + b->pos, end - b->pos};
    j->cut = b->cut && end == b->len;
    j->held = b->in;
    b->in->jobs++;
    b->pos = end;
    b->searched = 0;
    spi_offer(b);
}

static void put_long_line(sp_batch *b) {
    job *j = spi_new_job(b, b->skip_from);
    j->long_length = b->skip_length;
    b->skipping = 0;
    b->skip_length = 0;
    spi_offer(b);
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
    size_t look = b->searched > from ? b->searched : from;
    const uint8_t *nl = look < b->len ? memchr(b->in->bytes + look, '\n', b->len - look) : NULL;
    if (!nl) b->searched = b->len;
    size_t end = nl ? (size_t)(nl - b->in->bytes) + 1 : b->len;
    if (most < SP_SLICE_BYTES || from >= b->len) { /* no line that ends the slice can be too long to keep */
        if (!nl && !b->finished && !(from < b->len && b->len - from > 2 * (size_t)SP_SLICE_BYTES + most)) return 0;
        if (nl || b->finished) {
            put_job(b, end);
            return 1;
        }
    }
    size_t last = b->pos;
    if (end - b->pos > most) /* else its last line can't be too long either */
        for (last = from < b->len ? from : b->len; last > b->pos && b->in->bytes[last - 1] != '\n';) last--;
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

/* ---- slices of a container -------------------------------------------------------------------------------------------------------------- */

static uint64_t next_boundary(uint64_t at) { return (at / SP_SLICE_BYTES + 1) * SP_SLICE_BYTES; }

static sp_status add_piece(sp_batch *b, const sp_piece *x) {
    job *j = next_job(b);
    if (!j->record_count) j = spi_new_job(b, x->start), j->line = x->line;
    SP_TRY(sp_grow(b->alloc, &j->records, &j->record_cap, j->record_count + 1, sizeof *j->records));
    j->records[j->record_count++] =
        (record){(uint32_t)(x->start - j->offset), (uint32_t)(x->end - x->start), (uint32_t)(x->line - j->line), (uint32_t)x->open};
    return SP_OK;
}

/* What stands before the record under way, or before what comes next, is not needed but by the job that is put together. */
static void move_on(sp_batch *b) {
    uint64_t keep = b->split.open && !b->dropping ? b->split.start : b->split.at;
    if (b->stashed && b->stash.start < keep) keep = b->stash.start;
    b->pos = (size_t)(keep - b->base);
}

static sp_status put_records(sp_batch *b) {
    job *j = next_job(b);
    const record *end = &j->records[j->record_count - 1];
    j->text = (sp_view){b->in->bytes + (j->offset - b->base), end->at + (size_t)end->n};
    j->cut = b->cut;
    if (!b->told_format) SP_TRY(tell_format_of_records(b, j));
    b->told_format = 1;
    j->format = b->format;
    j->held = b->in;
    b->in->jobs++;
    spi_offer(b);
    next_job(b)->record_count = 0;
    move_on(b);
    return SP_OK;
}

static void put_long_piece(sp_batch *b, const sp_piece *x) {
    job *j = spi_new_job(b, x->start);
    j->long_length = x->end - x->start;
    j->line = x->line;
    if (!j->format) j->format = &b->rules->formats.v[b->rules->formats.n - 1]; /* of no use to a line that is not read */
    b->dropping = 0;
    spi_offer(b);
    next_job(b)->record_count = 0;
    move_on(b);
}

/* A record goes to its slice, or ends the one before it. *put: a job was made. */
static sp_status take_piece(sp_batch *b, int *put) {
    job *j = next_job(b);
    int too_long = b->stash.end - b->stash.start > b->rules->limits.max_line_bytes;
    b->stashed = 1;
    if (j->record_count && (too_long || b->stash.start >= next_boundary(j->offset))) {
        *put = 1;
        return put_records(b);
    }
    b->stashed = 0;
    if (!too_long) return add_piece(b, &b->stash);
    *put = 1;
    put_long_piece(b, &b->stash);
    return SP_OK;
}

/* As next_slice: a slice holds the records that begin before the next multiple of SP_SLICE_BYTES. */
static sp_status next_records(sp_batch *b, int *put) {
    *put = 0;
    while (!*put) {
        const job *j = next_job(b);
        sp_split *s = &b->split;
        if (!b->stashed) b->stashed = sp_split_next(s, b->in->bytes, b->base, b->base + b->len, b->finished, &b->stash);
        if (b->stashed) {
            SP_TRY(take_piece(b, put));
            continue;
        }
        if (b->dropping && (!s->open || s->start != b->drop_from)) b->dropping = 0; /* it holds records, and is none */
        int long_one = s->open && s->at - s->start > b->rules->limits.max_line_bytes;
        uint64_t seen = s->open ? s->start : s->at;
        if (j->record_count && (b->finished || long_one || seen >= next_boundary(j->offset))) {
            *put = 1;
            SP_TRY(put_records(b));
        }
        if (long_one) b->dropping = 1, b->drop_from = s->start;
        if (!j->record_count || *put) move_on(b);
        if (!*put) break;
    }
    tell_container(b);
    return SP_OK;
}

static sp_status next_job_of(sp_batch *b, int *put) {
    if (b->container.p) return spi_given_next(b, put);
    if (b->contained) return next_records(b, put);
    *put = next_slice(b);
    return SP_OK;
}

static void add_up(sp_batch *b, const job *j) {
    sp_summary *s = &b->summary;
    s->lines_total += j->lines;
    s->lines_blank += j->blank;
    s->records += j->lines - j->blank + j->more;
    s->crlf |= j->crlf | b->split.crlf;
    for (int i = 0; i < SP_STATE_COUNT; i++) s->classified[i] += j->classified[i];
    for (int i = 0; i < SP_STATUS_COUNT; i++) s->rejected[i] += j->rejected[i];
    for (int i = 0; i < SP_FLAG_COUNT; i++) s->flags[i] += j->flags[i];
    for (unsigned i = 0; i < SP_MAX_PASSES; i++) s->passed[i] += j->passed[i];
    for (int i = 0; i < SP_CLOCK_COUNT; i++) s->clocks[i] += j->clocks[i];
    for (int i = 0; i < SP_SAID_COUNT; i++) s->said[i] += j->said[i];
}

/* The first job goes. */
static void drop_first(sp_batch *b) {
    segment *held = b->jobs[b->first % MAX_JOBS].held;
    pthread_mutex_lock(&b->lock);
    b->first++;
    b->count--;
    pthread_mutex_unlock(&b->lock);
    let_go(b, held);
}

/* It is done. */
static sp_status hand_over(sp_batch *b, sp_columns **exchanges, sp_columns **evidence) {
    job *j = &b->jobs[b->first % MAX_JOBS];
    sp_status status = j->status;
    drop_first(b);
    if (status == SP_OK) {
        add_up(b, j);
        if (!j->line) sp_columns_add(j->exchanges, SP_EXCHANGES_line, (int64_t)b->next_line - 1);
        b->next_line += j->lines;
        *exchanges = j->exchanges;
        *evidence = j->evidence;
    } else {
        sp_columns_drop(j->exchanges);
        sp_columns_drop(j->evidence);
        b->failed = status; /* its rows are lost: what comes after them would look like all */
    }
    return status;
}

/* Puts jobs together, up to `most`. With none the reader waits for more, or is through. */
static sp_status fill_ring(sp_batch *b, unsigned most) {
    if (b->failed == SP_OK) b->failed = begin(b);
    if (b->failed != SP_OK || !b->begun || b->summary.encoding) return b->failed;
    for (int put = 1; b->count < most && put;) {
        if ((b->failed = next_job_of(b, &put)) != SP_OK) return b->failed;
        if (b->threads > 1 && b->count > 1) spi_pool_start(b);
    }
    return SP_OK;
}

sp_status sp_batch_take(sp_batch *b, sp_columns **exchanges, sp_columns **evidence) {
    unsigned most = b->threads > 1 ? 2 * b->threads : 1;
    *exchanges = *evidence = NULL;
    if (most >= MAX_JOBS) most = MAX_JOBS - 1; /* one place is for the job that is put together */
    SP_TRY(fill_ring(b, most));
    if (b->count == 0) return SP_OK;
    if (b->threads > 1 && b->count < most && !b->finished) { /* more can be read while the workers are at it */
        pthread_mutex_lock(&b->lock);
        int done = b->jobs[b->first % MAX_JOBS].state == JOB_DONE;
        pthread_mutex_unlock(&b->lock);
        if (!done) return SP_OK;
    }
    spi_pool_await_first(b);
    return hand_over(b, exchanges, evidence);
}

sp_status sp_batch_tell(sp_batch *b, const char **format) {
    SP_TRY(fill_ring(b, 1));
    *format = b->count ? (const char *)sp_rules_text(b->rules, b->jobs[b->first % MAX_JOBS].format->e.id).p : NULL;
    return SP_OK;
}

sp_status sp_batch_cut(sp_batch *b, sp_status (*each)(void *ctx, const sp_given *record), void *ctx, int *any) {
    sp_line line;
    size_t at = 0;
    *any = 0;
    SP_TRY(fill_ring(b, 1));
    if (b->count == 0) return SP_OK;
    *any = 1;
    job *j = &b->jobs[b->first % MAX_JOBS];
    uint64_t before = j->line ? 0 : b->next_line - 1;
    while (b->failed == SP_OK && spi_next_line(b, j, &at, &line)) {
        sp_given g = {.text = line.text, .line = line.number + before, .start = line.offset, .reject = line.reject, .made = line.made};
        g.end = g.start + (line.length || line.made ? line.length : line.text.n);
        b->failed = each(ctx, &g);
    }
    b->waiting++; /* nobody is to run it */
    b->next_line += j->lines;
    if (b->failed == SP_OK) add_up(b, j);
    drop_first(b);
    return b->failed;
}
