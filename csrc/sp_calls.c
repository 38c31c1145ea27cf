/* Rows in sets that grow, key by key. A key is used as a whole: what it would join is tied first, and refused where that can't be one call;
   so the order of rows does not matter. */
#include "sp_calls.h"

#include <stdio.h>
#include <stdlib.h>

#include "sp_columns_impl.h"
#include "sp_limits.h"

const char *const sp_calls_key_names[] = {
#define X(name, text) text,
    SP_CALLS_KEYS(X)
#undef X
};
const char *const sp_calls_reason_names[] = {
#define X(name, text) text,
    SP_CALLS_REASONS(X)
#undef X
};

#define NO_REASON SP_CALLS_REASON_COUNT

void sp_calls_init(sp_calls *s, const sp_alloc *a, int64_t window) { *s = (sp_calls){.alloc = a, .window = window}; }

void sp_calls_fini(sp_calls *s) {
    sp_release(s->alloc, s->rows);
    sp_release(s->alloc, s->sources);
    sp_release(s->alloc, s->logs);
    sp_release(s->alloc, s->leaders);
}

/* ---- rows -------------------------------------------------------------------------------------------------------------------------- */

static sp_view cell(const sp_columns *c, size_t column, size_t row) {
    return spi_cell_valid(c, column, row) ? spi_cell_text(c, column, row) : (sp_view){0};
}

static sp_view text_of(const sp_calls_text *t) { return (sp_view){(const uint8_t *)t->text, t->n}; }

/* The place of a text in a list, to which it is added. *place: that of the row before, which is most often the same. */
static sp_status intern(const sp_alloc *a, sp_view v, sp_calls_text **list, size_t *n, size_t *cap, size_t *place) {
    if (v.n > sizeof(*list)->text) v.n = sizeof(*list)->text;
    if (*place < *n && sp_view_eq(text_of(&(*list)[*place]), v)) return SP_OK;
    for (size_t i = 0; i < *n; i++)
        if (sp_view_eq(text_of(&(*list)[i]), v)) return *place = i, SP_OK;
    SP_TRY(sp_grow(a, list, cap, *n + 1, sizeof **list));
    sp_calls_text *t = &(*list)[*n];
    *t = (sp_calls_text){.n = (uint8_t)v.n};
    if (v.n) memcpy(t->text, v.p, v.n);
    *place = (*n)++;
    return SP_OK;
}

/* source id, colon, offset in hex */
static sp_view uid_parts(sp_view uid, uint64_t *offset) {
    size_t colon = uid.n;
    while (colon && uid.p[colon - 1] != ':') colon--;
    *offset = 0;
    for (size_t i = colon; i < uid.n; i++) *offset = *offset << 4 | (uint64_t)(uid.p[i] <= '9' ? uid.p[i] - '0' : uid.p[i] - 'a' + 10);
    return (sp_view){uid.p, colon ? colon - 1 : 0};
}

static uint64_t hash_of(sp_view v) {
    uint64_t h = v.p ? sp_x64(v.p, v.n) : 0;
    return v.p && !h ? 1 : h;
}

/* Hash of an id that can be taken for unique everywhere. Short ones are counters, and what they are is not seen of a tag of any text. */
static uint64_t unique_hash(sp_view v) { return v.p && v.n >= SP_CALLS_ID_LEAST && v.p[0] != '~' ? hash_of(v) : 0; }

static int is(sp_view v, const char *text) { return sp_view_eq(v, (sp_view){(const uint8_t *)text, strlen(text)}); }

static void take_keys(const sp_calls *s, sp_calls_row *r, const sp_columns *c, size_t row) {
    sp_view log = cell(c, SP_EXCHANGES_format, row);
    int whole = is(cell(c, SP_EXCHANGES_body_state, row), "full"), in_file = is(log, "batch") || is(log, "openai-batch-output");
    if (s->window == SP_NULL_INT) {
        r->keys[SP_CALLS_RESPONSE] = hash_of(cell(c, SP_EXCHANGES_same_call, row));
        return;
    }
    if (!in_file) r->keys[SP_CALLS_REQUEST] = unique_hash(cell(c, SP_EXCHANGES_request_id, row)); /* a custom_id is unique in its file */
    if (r->inference == 0) return; /* who fetches a response names it again; a body of a list of files is one of many */
    r->keys[SP_CALLS_RESPONSE] = unique_hash(cell(c, SP_EXCHANGES_response_id, row));
    if (whole && r->time != SP_NULL_INT) r->keys[SP_CALLS_BODY] = hash_of(cell(c, SP_EXCHANGES_payload_hash, row));
}

static uint8_t rank_of(const sp_columns *c, size_t row) {
    sp_view grade = cell(c, SP_EXCHANGES_grade, row), body = cell(c, SP_EXCHANGES_body_state, row);
    int lost = is(body, "full") ? 0 : is(body, "absent") ? 2 : 1, less = is(grade, "wire") ? 0 : is(grade, "normalised") ? 1 : 2;
    return (uint8_t)(3 * lost + less);
}

static sp_status add_row(sp_calls *s, const sp_columns *c, size_t row) {
    sp_calls_row r = {
        .time = SP_NULL_INT, .parent = (uint32_t)s->n, .inference = -1, .is_call = (uint8_t)spi_cell_valid(c, SP_EXCHANGES_state, row)};
    size_t source = s->n ? s->rows[s->n - 1].source : 0, log = s->n ? s->rows[s->n - 1].log : 0;
    sp_view uid = spi_cell_text(c, SP_EXCHANGES_uid, row);
    SP_TRY(intern(s->alloc, uid_parts(uid, &r.offset), &s->sources, &s->source_n, &s->source_cap, &source));
    SP_TRY(intern(s->alloc, cell(c, SP_EXCHANGES_format, row), &s->logs, &s->log_n, &s->log_cap, &log));
    r.source = (uint32_t)source, r.log = (uint16_t)log;
    if (spi_cell_valid(c, SP_EXCHANGES_time, row)) r.time = spi_cell_int(c, SP_EXCHANGES_time, row);
    if (spi_cell_valid(c, SP_EXCHANGES_inference, row)) r.inference = (int8_t)spi_cell_int(c, SP_EXCHANGES_inference, row);
    r.rank = rank_of(c, row);
    if (r.is_call) r.keys[SP_CALLS_UID] = hash_of(uid), take_keys(s, &r, c, row);
    SP_TRY(sp_grow(s->alloc, &s->rows, &s->cap, s->n + 1, sizeof *s->rows));
    s->rows[s->n++] = r;
    return SP_OK;
}

sp_status sp_calls_add(sp_calls *s, const sp_columns *c, size_t from, size_t count) {
    if (count > UINT32_MAX - s->n) return SP_ERR_NOMEM;
    for (size_t row = from; row < from + count; row++) SP_TRY(add_row(s, c, row));
    return SP_OK;
}

/* ---- sets -------------------------------------------------------------------------------------------------------------------------- */

typedef struct link { /* rows in the order of a key, and then of something else */
    uint64_t key, next;
    uint32_t row;
} link;

typedef struct seen {
    uint32_t run, root;
} seen;

typedef struct join {
    sp_calls *s;
    link *links;
    uint32_t *above; /* sets of sets that the key at hand would join */
    seen *seen;      /* by log: the last run that has it, and there the set */
} join;

static int by_key(const void *a, const void *b) {
    const link *x = a, *y = b;
    if (x->key != y->key) return x->key < y->key ? -1 : 1;
    if (x->next != y->next) return x->next < y->next ? -1 : 1;
    return x->row < y->row ? -1 : x->row > y->row;
}

static uint32_t root(sp_calls *s, uint32_t i) {
    while (s->rows[i].parent != i) i = s->rows[i].parent = s->rows[s->rows[i].parent].parent;
    return i;
}

static uint32_t top(const join *j, uint32_t row) {
    uint32_t i = root(j->s, row);
    while (j->above[i] != i) i = j->above[i] = j->above[j->above[i]];
    return i;
}

static void unite(const join *j, sp_calls_key key, const link *run, size_t n) {
    for (size_t i = 1; i < n; i++) {
        uint32_t a = root(j->s, run[0].row), b = root(j->s, run[i].row);
        j->s->rows[a < b ? b : a].parent = a < b ? a : b;
        j->s->joined[key] += a != b;
    }
}

static void tie(const join *j, const link *run, size_t n) {
    for (size_t i = 1; i < n; i++) {
        uint32_t a = top(j, run[0].row), b = top(j, run[i].row);
        j->above[a < b ? b : a] = a < b ? a : b;
        j->s->rows[a < b ? a : b].is_tied |= a != b;
    }
}

static void leave(const join *j, sp_calls_key key, sp_calls_reason why, size_t rows) { j->s->apart[key][why] += rows; }

/* Rows that have the key, by key, and then by log, or by time. */
static size_t sorted(const join *j, sp_calls_key key, int by_time) {
    size_t n = 0;
    for (size_t i = 0; i < j->s->n; i++) {
        const sp_calls_row *r = &j->s->rows[i];
        if (r->keys[key]) j->links[n++] = (link){r->keys[key], by_time ? (uint64_t)r->time ^ UINT64_C(1) << 63 : r->log, (uint32_t)i};
    }
    if (n) qsort(j->links, n, sizeof *j->links, by_key);
    return n;
}

static size_t run_of(const link *links, size_t n) {
    size_t i = 1;
    while (i < n && links[i].key == links[0].key) i++;
    return i;
}

static size_t log_run(const link *run, size_t n) {
    size_t i = 1;
    while (i < n && run[i].next == run[0].next) i++;
    return i;
}

static int several_roots(const join *j, const link *run, size_t n) {
    int several = 0;
    for (size_t i = 1; i < n; i++) several |= root(j->s, run[i].row) != root(j->s, run[0].row);
    return several;
}

/* One logger has the response in several requests that are far apart: a gateway answered out of its cache, or a test replayed. */
static int answered_again(const join *j, const link *run, size_t n) {
    const sp_calls_row *rows = j->s->rows;
    for (size_t at = 0, k; at < n; at += k) {
        k = log_run(run + at, n - at);
        int64_t first = INT64_MAX, last = INT64_MIN;
        int several = 0;
        for (size_t i = at; i < at + k; i++) {
            const sp_calls_row *r = &rows[run[i].row];
            several |= !r->keys[SP_CALLS_REQUEST] || r->keys[SP_CALLS_REQUEST] != rows[run[at].row].keys[SP_CALLS_REQUEST];
            if (r->time == SP_NULL_INT) continue;
            if (r->time < first) first = r->time;
            if (r->time > last) last = r->time;
        }
        if (several && first < last && last - first > j->s->window) return 1;
    }
    return 0;
}

/* By the uid, of a copy of a log: the same record. By the response: what has its id. */
static void by_id(const join *j, sp_calls_key key) {
    size_t n = sorted(j, key, 0);
    int again = key == SP_CALLS_RESPONSE && j->s->window != SP_NULL_INT;
    for (size_t at = 0, k; at < n; at += k) {
        k = run_of(j->links + at, n - at);
        if (again && answered_again(j, j->links + at, k)) leave(j, key, SP_CALLS_AGAIN, k);
        else unite(j, key, j->links + at, k);
    }
}

/* Why rows can't be one call, whatever they share. They come by log. */
static sp_calls_reason conflict(const join *j, const link *run, size_t n) {
    const sp_calls_row *rows = j->s->rows;
    uint64_t response = 0, request = 0;
    int inference = -1, requests = 0, open = 0;
    for (size_t i = 0; i < n; i++) {
        const sp_calls_row *r = &rows[run[i].row];
        if (i == 0 || run[i].next != run[i - 1].next) request = 0, requests = open = 0;
        if (response && r->keys[SP_CALLS_RESPONSE] && r->keys[SP_CALLS_RESPONSE] != response) return SP_CALLS_ANSWERS;
        if (inference >= 0 && r->inference >= 0 && r->inference != inference) return SP_CALLS_KINDS;
        requests |= request && r->keys[SP_CALLS_REQUEST] && r->keys[SP_CALLS_REQUEST] != request;
        open |= !r->keys[SP_CALLS_RESPONSE];
        if (requests && open) return SP_CALLS_REQUESTS; /* with one response it would be the same record twice */
        if (!response) response = r->keys[SP_CALLS_RESPONSE];
        if (!request) request = r->keys[SP_CALLS_REQUEST];
        if (inference < 0) inference = r->inference;
    }
    return NO_REASON;
}

/* Joins what is tied, with all that was joined before; where that can't be one call, nothing of it. */
static void settle(const join *j, sp_calls_key key) {
    size_t n = 0;
    for (size_t i = 0; i < j->s->n; i++) {
        uint32_t first = top(j, (uint32_t)i);
        if (j->s->rows[first].is_tied) j->links[n++] = (link){first, j->s->rows[i].log, (uint32_t)i};
    }
    if (n) qsort(j->links, n, sizeof *j->links, by_key);
    for (size_t i = 0; i < j->s->n; i++) j->above[i] = (uint32_t)i, j->s->rows[i].is_tied = 0;
    for (size_t at = 0, k; at < n; at += k) {
        k = run_of(j->links + at, n - at);
        sp_calls_reason why = conflict(j, j->links + at, k);
        if (why == NO_REASON) unite(j, key, j->links + at, k);
        else leave(j, key, why, k);
    }
}

/* Within one log a request id has to be the same record again. */
static int asked_again(const join *j, const link *run, size_t n) {
    for (size_t i = 1; i < n; i++)
        if (run[i].next == run[i - 1].next && j->s->rows[run[i].row].time != j->s->rows[run[i - 1].row].time) return 1;
    return 0;
}

static void by_request(const join *j) {
    size_t n = sorted(j, SP_CALLS_REQUEST, 0);
    for (size_t at = 0, k; at < n; at += k) {
        k = run_of(j->links + at, n - at);
        if (!several_roots(j, j->links + at, k)) continue;
        if (asked_again(j, j->links + at, k)) leave(j, SP_CALLS_REQUEST, SP_CALLS_AGAIN, k);
        else tie(j, j->links + at, k);
    }
    settle(j, SP_CALLS_REQUEST);
}

/* Rows of one body that are close in time are tied, where several logs have them, each in one call. */
static void near_bodies(const join *j, const link *run, size_t n, uint32_t mark) {
    int logs = 0, again = 0;
    for (size_t i = 0; i < n; i++) {
        uint16_t log = j->s->rows[run[i].row].log;
        uint32_t r = root(j->s, run[i].row);
        seen *x = &j->seen[log];
        logs |= log != j->s->rows[run[0].row].log;
        again |= x->run == mark && x->root != r;
        *x = (seen){mark, r};
    }
    if (!logs || !several_roots(j, run, n)) return;
    if (again) leave(j, SP_CALLS_BODY, SP_CALLS_SEVERAL, n);
    else tie(j, run, n);
}

static void by_body(const join *j) {
    size_t n = sorted(j, SP_CALLS_BODY, 1);
    for (size_t at = 0, k; at < n; at += k) {
        k = 1;
        while (at + k < n && j->links[at + k].key == j->links[at].key &&
               j->links[at + k].next - j->links[at + k - 1].next <= (uint64_t)j->s->window)
            k++;
        near_bodies(j, j->links + at, k, (uint32_t)at + 1);
    }
    settle(j, SP_CALLS_BODY);
}

/* ---- who stands for a call --------------------------------------------------------------------------------------------------------- */

static int says_more(const sp_calls *s, size_t a, size_t b) {
    const sp_calls_row *x = &s->rows[a], *y = &s->rows[b];
    int order = x->source == y->source ? 0 : memcmp(s->sources[x->source].text, s->sources[y->source].text, sizeof s->sources->text);
    if (x->rank != y->rank) return x->rank < y->rank;
    if (order) return order < 0;
    return x->offset < y->offset;
}

static void find_leaders(sp_calls *s) {
    for (size_t i = 0; i < s->n; i++) s->leaders[i] = (uint32_t)i;
    for (size_t i = 0; i < s->n; i++) {
        uint32_t *leader = &s->leaders[root(s, (uint32_t)i)];
        s->call_rows += s->rows[i].is_call;
        s->calls += s->rows[i].is_call && s->rows[i].parent == i;
        if (says_more(s, i, *leader)) *leader = (uint32_t)i;
    }
    for (size_t i = 0; i < s->n; i++) s->leaders[i] = s->leaders[root(s, (uint32_t)i)];
}

sp_status sp_calls_join(sp_calls *s) {
    join j = {.s = s};
    size_t links = 0, above = 0, logs = 0;
    sp_status st = sp_grow(s->alloc, &s->leaders, &s->leader_cap, s->n + 1, sizeof *s->leaders);
    if (st == SP_OK) st = sp_grow(s->alloc, &j.links, &links, s->n + 1, sizeof *j.links);
    if (st == SP_OK) st = sp_grow(s->alloc, &j.above, &above, s->n + 1, sizeof *j.above);
    if (st == SP_OK) st = sp_grow(s->alloc, &j.seen, &logs, s->log_n + 1, sizeof *j.seen);
    if (st == SP_OK) {
        for (size_t i = 0; i < s->n; i++) j.above[i] = (uint32_t)i;
        memset(j.seen, 0, logs * sizeof *j.seen);
        by_id(&j, SP_CALLS_UID);
        by_id(&j, SP_CALLS_RESPONSE);
        by_request(&j);
        by_body(&j);
        find_leaders(s);
    }
    sp_release(s->alloc, j.links);
    sp_release(s->alloc, j.above);
    sp_release(s->alloc, j.seen);
    return st;
}

size_t sp_calls_name(const sp_calls *s, size_t i, char out[SP_CALLS_UID_MAX]) {
    const sp_calls_row *r = &s->rows[s->leaders[i]];
    const sp_calls_text *source = &s->sources[r->source];
    if (!r->is_call) return 0;
    return (size_t)snprintf(out, SP_CALLS_UID_MAX, "%.*s:%llx", (int)source->n, source->text, (unsigned long long)r->offset);
}

int sp_calls_is(const sp_calls *s, size_t i, const sp_columns *c, size_t row) {
    uint64_t offset;
    sp_view id = uid_parts(spi_cell_text(c, SP_EXCHANGES_uid, row), &offset);
    return offset == s->rows[i].offset && sp_view_eq(id, text_of(&s->sources[s->rows[i].source]));
}
