#include "sp_calls.h"

#include <stdio.h>

#include "check.h"
#include "sp_columns_impl.h"

#define SECOND INT64_C(1000000)
#define WINDOW (2 * SECOND)
#define ANSWER "resp_0123456789abcdef"
#define ASKED "req_0123456789abcdef"
#define BODY "0123456789abcdef0123456789abcdef"

typedef struct one {
    const char *uid, *log, *request, *response, *payload;
    int64_t seconds;  /* 0: no time */
    const char *same; /* the uid of the row that has to stand for the call */
    const char *grade, *body, *state;
    int inference; /* 0: true, 1: false, 2: not known */
} one;

static sp_view text(const char *s) { return s ? (sp_view){(const uint8_t *)s, strlen(s)} : (sp_view){0}; }

static sp_columns *rows_of(const one *v, const size_t *order, size_t n) {
    sp_columns *c = sp_columns_new(&sp_alloc_std, &sp_exchanges_schema, NULL);
    for (size_t i = 0; c && i < n; i++) {
        const one *o = &v[order ? order[i] : i];
        sp_exchange_row row = {.uid = text(o->uid), .line = SP_NULL_INT, .byte_start = SP_NULL_INT, .byte_end = SP_NULL_INT};
        row.tokens_in = row.tokens_out = row.tokens_cached = row.payload_bytes = row.status = row.turns = SP_NULL_INT;
        row.format = text(o->log), row.request_id = text(o->request), row.response_id = text(o->response),
        row.payload_hash = text(o->payload);
        row.time = o->seconds ? o->seconds * SECOND : SP_NULL_INT;
        row.inference = o->inference == 2 ? SP_NULL_INT : !o->inference;
        row.grade = text(o->grade ? o->grade : "wire"), row.body_state = text(o->body ? o->body : "full");
        row.state = text(o->state ? o->state[0] ? o->state : NULL : "stateless");
        CHECK(sp_columns_append(c, &row) == SP_OK);
    }
    return c;
}

static int has_name(const sp_calls *s, size_t i, const char *want) {
    char uid[SP_CALLS_UID_MAX];
    size_t n = sp_calls_name(s, i, uid);
    return n == strlen(want) && memcmp(uid, want, n) == 0;
}

/* The rows forth, back, and from the middle on, in one piece and in two: the calls are the same. */
static void told(const char *title, const one *v, size_t n, sp_calls_key key, int reason, uint64_t count) {
    size_t orders[3][16];
    for (size_t i = 0; i < n; i++) orders[0][i] = i, orders[1][i] = n - 1 - i, orders[2][i] = (i + n / 2) % n;
    for (size_t k = 0; k < 3; k++) {
        sp_columns *c = rows_of(v, orders[k], n);
        sp_calls s;
        sp_calls_init(&s, &sp_alloc_std, WINDOW);
        CHECK(sp_calls_add(&s, c, 0, k) == SP_OK && sp_calls_add(&s, c, k, n - k) == SP_OK && sp_calls_join(&s) == SP_OK);
        uint64_t joined = 0;
        for (int i = 0; i < SP_CALLS_KEY_COUNT; i++) joined += s.joined[i];
        CHECK(s.call_rows == s.calls + joined);
        if (reason < 0 ? s.joined[key] != count : s.apart[key][reason] != count) fprintf(stderr, "%s: counts\n", title), check_failures++;
        for (size_t i = 0; i < n; i++)
            if (!has_name(&s, i, v[orders[k][i]].same)) fprintf(stderr, "%s: row %zu\n", title, orders[k][i]), check_failures++;
        sp_calls_fini(&s);
        sp_columns_drop(c);
    }
}
#define JOINED(title, key, count, ...)                                   \
    do {                                                                 \
        static const one v[] = {__VA_ARGS__};                            \
        told(title, v, sizeof v / sizeof *v, SP_CALLS_##key, -1, count); \
    } while (0)
#define APART(title, key, why, count, ...)                                           \
    do {                                                                             \
        static const one v[] = {__VA_ARGS__};                                        \
        told(title, v, sizeof v / sizeof *v, SP_CALLS_##key, SP_CALLS_##why, count); \
    } while (0)

/* The row that says most stands for the call: full before cut before absent, wire before normalised before metadata, then the least uid. */
static void joins(void) {
    JOINED("one response", RESPONSE, 3, {"b:1", "litellm", .response = ANSWER, .same = "c:2", .grade = "normalised"},
           {"c:2", "flat", .response = ANSWER, .same = "c:2", .seconds = 900},
           {"a:f", "otlp", .response = ANSWER, .same = "c:2", .body = "truncated"},
           {"a:1f", "apim", .response = ANSWER, .same = "c:2", .body = "absent"}, {"a:2", "flat", .same = "a:2"});
    JOINED("least uid", RESPONSE, 2, {"b:1", "flat", .response = ANSWER, .same = "a:ff"},
           {"a:1ff", "pairs", .response = ANSWER, .same = "a:ff"}, {"a:ff", "har", .response = ANSWER, .same = "a:ff"});
    JOINED("a request id ties what a response id joined", REQUEST, 1, {"a:0", "flat", .request = ASKED, .response = ANSWER, .same = "a:0"},
           {"b:0", "litellm", .response = ANSWER, .same = "a:0", .grade = "normalised"},
           {"c:0", "envoy-ai", .request = ASKED, .same = "a:0", .body = "absent", .inference = 2});
    JOINED("a chain of request ids", REQUEST, 2, {"a:0", "flat", .request = ASKED "1", .response = ANSWER, .same = "a:0"},
           {"b:0", "har", .request = ASKED "2", .response = ANSWER, .same = "a:0"}, {"c:0", "apim", .request = ASKED "2", .same = "a:0"},
           {"d:0", "nginx", .request = ASKED "1", .same = "a:0"});
    JOINED("one body at one time", BODY, 1, {"a:0", "flat", .payload = BODY, .seconds = 10, .same = "a:0"},
           {"b:0", "har", .payload = BODY, .seconds = 12, .same = "a:0"}, {"b:1", "har", .payload = BODY, .seconds = 15, .same = "b:1"});
    JOINED("a copy of a log", UID, 2, {"a:0", "flat", .payload = BODY, .same = "a:0"}, {"a:0", "flat", .payload = BODY, .same = "a:0"},
           {"a:0", "flat", .payload = BODY, .same = "a:0"}, {"a:1", "flat", .payload = BODY, .same = "a:1"});
    JOINED("one record twice", RESPONSE, 1, {"a:0", "flat", .request = ASKED, .response = ANSWER, .seconds = 1, .same = "a:0"},
           {"b:0", "flat", .request = ASKED, .response = ANSWER, .seconds = 100, .same = "a:0"});
    JOINED("rejected", RESPONSE, 1, {"a:0", "flat", .response = ANSWER, .same = "", .state = ""},
           {"a:1", "flat", .response = ANSWER, .same = "a:1"}, {"b:0", "har", .response = ANSWER, .same = "a:1"});
}

static void leaves_apart(void) {
    APART("a cached answer", RESPONSE, AGAIN, 3, {"a:0", "flat", .request = ASKED "1", .response = ANSWER, .seconds = 1, .same = "a:0"},
          {"a:1", "flat", .request = ASKED "2", .response = ANSWER, .seconds = 4, .same = "a:1"},
          {"b:0", "har", .response = ANSWER, .seconds = 1, .same = "b:0"});
    APART("a request id of a session", REQUEST, AGAIN, 3, {"a:0", "flat", .request = ASKED, .seconds = 1, .same = "a:0"},
          {"a:1", "flat", .request = ASKED, .seconds = 2, .same = "a:1"}, {"b:0", "har", .request = ASKED, .seconds = 2, .same = "b:0"});
    APART("other answers", REQUEST, ANSWERS, 2, {"a:0", "flat", .request = ASKED, .response = ANSWER "1", .same = "a:0"},
          {"b:0", "har", .request = ASKED, .response = ANSWER "2", .same = "b:0"});
    APART("other kinds", REQUEST, KINDS, 2, {"a:0", "flat", .request = ASKED, .same = "a:0"},
          {"b:0", "har", .request = ASKED, .same = "b:0", .inference = 1});
    APART("several in one log", BODY, SEVERAL, 3, {"a:0", "flat", .payload = BODY, .seconds = 10, .same = "a:0"},
          {"a:1", "flat", .payload = BODY, .seconds = 10, .same = "a:1"}, {"b:0", "har", .payload = BODY, .seconds = 11, .same = "b:0"});
    APART("one body, other answers", BODY, ANSWERS, 2,
          {"a:0", "flat", .payload = BODY, .response = ANSWER "1", .seconds = 10, .same = "a:0"},
          {"b:0", "har", .payload = BODY, .response = ANSWER "2", .seconds = 10, .same = "b:0"});
}

/* What names no call: short ids, tags of any text, ids of files, who fetches a response, bodies that are cut or have no time. */
static void ignores(void) {
    JOINED("short ids", REQUEST, 0, {"a:0", "flat", .request = "17", .response = "r-123456789abcd", .same = "a:0"},
           {"b:0", "har", .request = "17", .response = "r-123456789abcd", .same = "b:0"});
    JOINED("tags", REQUEST, 0, {"a:0", "flat", .request = "~0123456789abcdef", .same = "a:0"},
           {"b:0", "har", .request = "~0123456789abcdef", .same = "b:0"});
    JOINED("custom ids", REQUEST, 0, {"a:0", "batch", .request = ASKED, .same = "a:0"},
           {"b:0", "openai-batch-output", .request = ASKED, .same = "b:0"});
    JOINED("fetched", RESPONSE, 0, {"a:0", "flat", .response = ANSWER, .same = "a:0"},
           {"b:0", "har", .response = ANSWER, .same = "b:0", .inference = 1});
    JOINED("bodies", BODY, 0, {"a:0", "flat", .payload = BODY, .same = "a:0"}, {"b:0", "har", .payload = BODY, .seconds = 1, .same = "b:0"},
           {"c:0", "kong", .payload = BODY, .seconds = 1, .same = "c:0", .body = "truncated"},
           {"d:0", "apim", .payload = BODY, .seconds = 9, .same = "d:0"});
}

/* A logger that has several requests of which one has no answer: which of them the other log means is not known. */
static void refuses_chains(void) {
    APART("several requests", REQUEST, REQUESTS, 4, {"a:0", "flat", .request = ASKED "1", .same = "a:0"},
          {"a:1", "flat", .request = ASKED "2", .same = "a:1"}, {"b:0", "har", .request = ASKED "1", .response = ANSWER, .same = "b:0"},
          {"c:0", "kong", .request = ASKED "2", .response = ANSWER, .same = "b:0"});
}

/* The column tells which rows are one, and nothing else does. */
static void takes_what_is_told(void) {
    static const one v[] = {{"a:0", "flat", .response = ANSWER "1", .grade = "normalised"},
                            {"b:0", "har", .response = ANSWER "2"},
                            {"c:0", "har", .response = ANSWER "1"}};
    static const sp_view same[] = {{(const uint8_t *)"b:0", 3}, {(const uint8_t *)"b:0", 3}, {NULL, 0}};
    sp_columns *c = rows_of(v, NULL, 3), *filled = NULL;
    sp_calls s;
    CHECK(sp_columns_replace(c, SP_EXCHANGES_same_call, same, &filled) == SP_OK);
    sp_calls_init(&s, &sp_alloc_std, SP_NULL_INT);
    CHECK(sp_calls_add(&s, filled, 0, 3) == SP_OK && sp_calls_join(&s) == SP_OK && s.calls == 2 && s.call_rows == 3);
    CHECK(s.leaders[0] == 1 && s.leaders[1] == 1 && s.leaders[2] == 2 && has_name(&s, 0, "b:0"));
    CHECK(sp_calls_is(&s, 1, filled, 1) && !sp_calls_is(&s, 1, filled, 0));
    sp_calls_fini(&s);
    sp_columns_drop(filled);
    sp_columns_drop(c);
}

static void survives_failures(void) {
    static const one v[] = {{"a:0", "flat", .response = ANSWER}, {"b:0", "har", .response = ANSWER}};
    sp_columns *c = rows_of(v, NULL, 2);
    for (size_t at = 1;; at++) {
        faulty f;
        sp_calls s;
        faulty_init(&f, at, 0);
        sp_calls_init(&s, &f.alloc, WINDOW);
        sp_status st = sp_calls_add(&s, c, 0, 2);
        if (st == SP_OK) st = sp_calls_join(&s);
        CHECK(st == SP_ERR_NOMEM || (st == SP_OK && s.calls == 1));
        sp_calls_fini(&s);
        CHECK(f.live == 0);
        if (st == SP_OK) break;
    }
    sp_columns_drop(c);
}

int main(void) {
    joins();
    leaves_apart();
    ignores();
    refuses_chains();
    takes_what_is_told();
    survives_failures();
    return check_done();
}
