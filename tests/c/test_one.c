/* One exchange, through a pool: what a reader read before, and who reads beside it, changes nothing; nothing is allocated but the answer. */
#include <pthread.h>

#include "check.h"
#include "one.h"
#include "small_pack.h"
#include "sp_export.h"
#include "sp_limits.h"

#define THREADS (2 * SP_WARM_READERS)
#define ROUNDS 200

static sp_view v(const char *s) { return (sp_view){(const uint8_t *)s, strlen(s)}; }

/* Good ones, and what might leave something behind: cut, deep, doubled names, layers, bodies that are no JSON. */
static const struct {
    const char *payload, *url, *response;
} inputs[] = {
    {"{\"model\":\"m-1\",\"m\":[{\"role\":\"system\",\"content\":\"x\"},{\"role\":\"bot\",\"content\":\"y\"}],\"prev\":\"resp_1\"}",
     "https://api.eu.example/go/1", NULL},
    {"{\"model\":\"m-1\",\"m\":[{\"role\":\"bot\",\"content\":\"y\"", "https://api.eu.example/go/1", NULL},
    {"{\"m\":[{\"role\":\"bot\"},{\"role\":\"user\"}]}", NULL, NULL},
    {"{\"keep\":false,\"prev\":null,\"prev\":\"x\",\"m\":[[[[[[\xff", "https://api.us.example/go/2?all=yes", NULL},
    {"{\"keep\":false,\"prev\":null,\"prev\":\"x\"}", "https://api.us.example/go/2?all=yes", "{\"id\":\"r\",\"usage\":{\"in\":3}}"},
    {"\"{\\\"keep\\\":false,\\\"pre\"", "https://gate.example/in/go/7", NULL},
    {"\"{\\\"keep\\\":false,\\\"prev\\\":\\\"x\\\"}\"", "https://gate.example/in/go/7", "{\"id\""},
    {"", NULL, NULL},
    {"{\"m\":[{\"role\":\"user\"}]}", "https://api.eu.example/go/1",
     "data: {\"type\":\"message_start\",\"message\":{\"role\":\"bot\"}}\n\ndata: {\"type\":\"content_block_start\",\"index\":0,"
     "\"content_block\":{\"type\":\"text\"}}\n\ndata: {\"type\":\"message_stop\"}\n\n"},
    {"{\"m\":[{\"role\":\"user\"}]}", "https://api.eu.example/chat", "[{\"choices\":[{\"delta\":{\"content\":\"a\"}}]},{\"id\":"},
    {"[REDACTED]", "http://localhost:8080/go", NULL},
    {"{\"kind\":\"first\"}", NULL, NULL},
};
#define INPUTS (sizeof inputs / sizeof *inputs)

static sp_one one_of(size_t i) {
    sp_one one = {.payload = v(inputs[i].payload), .method = v("POST"), .status = SP_NULL_INT};
    if (inputs[i].url) one.url = v(inputs[i].url);
    if (inputs[i].response) one.response = v(inputs[i].response);
    return one;
}

/* Rows, reason and place as text. */
static void write_all(const sp_columns *x, const sp_columns *y, const sp_diagnosis *why, sp_out *out) {
    char text[64];
    CHECK(sp_export_ndjson(x, 0, sp_columns_rows(x), out) == SP_OK && sp_export_ndjson(y, 0, sp_columns_rows(y), out) == SP_OK);
    size_t n = (size_t)snprintf(text, sizeof text, "%s %zu %zu %zu", sp_status_code(why->status), why->pos, why->line, why->column);
    CHECK(sp_grow(out->alloc, &out->p, &out->cap, out->n + n, 1) == SP_OK);
    memcpy(out->p + out->n, text, n);
    out->n += n;
}

static sp_out fresh(const sp_rules *r, size_t i) {
    sp_out out = {.alloc = &sp_alloc_std};
    sp_one one = one_of(i);
    sp_columns *x, *y;
    sp_diagnosis why;
    CHECK(classify_alone(&sp_alloc_std, r, &one, &x, &y, &why) == SP_OK);
    write_all(x, y, &why, &out);
    sp_columns_drop(x);
    sp_columns_drop(y);
    return out;
}

static int is_right(sp_pool *pool, size_t i, const sp_out *want) {
    sp_out out = {.alloc = &sp_alloc_std};
    sp_one one = one_of(i);
    sp_columns *x, *y;
    sp_answer *found;
    if (sp_classify_one(pool, &one, &found) != SP_OK || sp_answer_columns(found, &x, &y) != SP_OK) abort();
    write_all(x, y, &found->why, &out);
    int same = out.n == want->n && memcmp(out.p, want->p, out.n) == 0;
    if (!same) fprintf(stderr, "input %zu\n%.*s\n%.*s\n", i, (int)want->n, (char *)want->p, (int)out.n, (char *)out.p);
    sp_columns_drop(x);
    sp_columns_drop(y);
    sp_answer_free(found);
    sp_release(out.alloc, out.p);
    return same;
}

/* Each after each: a payload that was cut or refused leaves nothing to the next one. */
static void in_any_order(const sp_rules *r, const sp_out *want) {
    sp_pool *pool = sp_pool_new(&sp_alloc_std, r);
    for (size_t i = 0; i < INPUTS; i++)
        for (size_t k = 0; k < INPUTS; k++) CHECK(is_right(pool, i, &want[i]) && is_right(pool, k, &want[k]));
    sp_pool_free(pool);
}

typedef struct crowd {
    sp_pool *pool;
    const sp_out *want;
    size_t first, wrong;
} crowd;

static void *count_wrong(void *arg) {
    crowd *c = arg;
    for (size_t n = 0; n < ROUNDS; n++) {
        size_t i = (c->first + n) % INPUTS;
        c->wrong += !is_right(c->pool, i, &c->want[i]);
    }
    return NULL;
}

static void many_at_once(const sp_rules *r, const sp_out *want) {
    faulty f;
    faulty_init(&f, 0, 0);
    sp_pool *pool = sp_pool_new(&f.alloc, r);
    pthread_t threads[THREADS];
    crowd crowds[THREADS];
    for (size_t t = 0; t < THREADS; t++) {
        crowds[t] = (crowd){.pool = pool, .want = want, .first = t};
        CHECK(pthread_create(&threads[t], NULL, count_wrong, &crowds[t]) == 0);
    }
    for (size_t t = 0; t < THREADS; t++) CHECK(pthread_join(threads[t], NULL) == 0 && crowds[t].wrong == 0);
    sp_pool_free(pool);
    CHECK(f.live == 0);
}

/* A warm reader allocates nothing, so that a call costs its answer alone. */
static void one_block_a_call(const sp_rules *r) {
    faulty f;
    faulty_init(&f, 0, 0);
    sp_pool *pool = sp_pool_new(&f.alloc, r);
    sp_answer *found;
    for (size_t n = 0; n < 3; n++)
        for (size_t i = 0; i < INPUTS; i++) {
            size_t calls = f.calls;
            long live = f.live;
            sp_one one = one_of(i);
            CHECK(sp_classify_one(pool, &one, &found) == SP_OK);
            CHECK(n == 0 || (f.calls == calls + 1 && f.live == live + 1));
            sp_answer_free(found);
        }
    sp_pool_free(pool);
    CHECK(f.live == 0);
}

/* A long text is read by a reader of its own, whose memory goes; that of the others stays as it was. */
static void long_ones_leave_nothing(const sp_rules *r, const sp_out *want) {
    faulty f;
    faulty_init(&f, 0, 0);
    sp_pool *pool = sp_pool_new(&f.alloc, r);
    size_t n = 2 * SP_WARM_BYTES;
    char *text = malloc(n + 1);
    memset(text, ' ', n);
    memcpy(text, "{\"m\":[{}", 8);
    memcpy(text + n - 2, "]}", 2);
    for (size_t first = 0; first < 2; first++) { /* with no warm reader, and with one */
        long live = f.live;
        sp_one one = {.payload = {(uint8_t *)text, n}, .status = SP_NULL_INT};
        sp_answer *found;
        CHECK(sp_classify_one(pool, &one, &found) == SP_OK && found->why.status == SP_OK && found->row.payload_bytes == (int64_t)n);
        sp_answer_free(found);
        CHECK(f.live == live);
        CHECK(is_right(pool, 0, &want[0]));
    }
    free(text);
    sp_pool_free(pool);
    CHECK(f.live == 0);
}

/* Without memory in the middle of a warm reader's work: the call fails, the next one is right. */
static void after_no_memory(const sp_rules *r, const sp_out *want) {
    sp_status status = SP_ERR_NOMEM;
    for (size_t at = 1; status != SP_OK && at < 500; at++) {
        faulty f;
        faulty_init(&f, 0, 0);
        sp_pool *pool = sp_pool_new(&f.alloc, r);
        sp_answer *found;
        CHECK(is_right(pool, 2, &want[2]));
        f.fail_at = f.calls + at;
        sp_one one = one_of(4); /* needs more than the one before */
        status = sp_classify_one(pool, &one, &found);
        CHECK((status == SP_OK) == (found != NULL) && (status == SP_OK || status == SP_ERR_NOMEM));
        CHECK(status == SP_OK || f.live == 1); /* the pool alone: a reader that stopped anywhere is not used again */
        sp_answer_free(found);
        f.fail_at = 0;
        for (size_t i = 0; i < INPUTS; i++) CHECK(is_right(pool, i, &want[i]));
        sp_pool_free(pool);
        CHECK(f.live == 0);
    }
    CHECK(status == SP_OK);
}

/* An answer is whole without rules, pool and payload. */
static void an_answer_stands_alone(sp_rules *r, const sp_out *want) {
    sp_pool *pool = sp_pool_new(&sp_alloc_std, r);
    sp_one one = one_of(0);
    char *payload = strdup(inputs[0].payload), *url = strdup(inputs[0].url);
    sp_answer *found;
    sp_columns *x, *y;
    sp_out out = {.alloc = &sp_alloc_std};
    one.payload = v(payload), one.url = v(url);
    CHECK(sp_classify_one(pool, &one, &found) == SP_OK);
    sp_pool_free(pool);
    sp_rules_free(r);
    memset(payload, 'x', strlen(payload));
    free(payload);
    free(url);
    CHECK(sp_answer_columns(found, &x, &y) == SP_OK && sp_columns_rows(y) > 0);
    write_all(x, y, &found->why, &out);
    CHECK(out.n == want->n && memcmp(out.p, want->p, out.n) == 0);
    sp_columns_drop(x);
    sp_columns_drop(y);
    sp_answer_free(found);
    sp_release(out.alloc, out.p);
}

int main(void) {
    sp_rules *r;
    sp_rules_error err;
    sp_out want[INPUTS];
    if (small_rules(&sp_alloc_std, 0, &r, &err) != SP_OK) return 1;
    for (size_t i = 0; i < INPUTS; i++) want[i] = fresh(r, i);
    in_any_order(r, want);
    many_at_once(r, want);
    one_block_a_call(r);
    long_ones_leave_nothing(r, want);
    after_no_memory(r, want);
    an_answer_stands_alone(r, want);
    for (size_t i = 0; i < INPUTS; i++) sp_release(&sp_alloc_std, want[i].p);
    return check_done();
}
