/* Reasons and places of bad JSON: the hostile lines, JSONTestSuite, limits, pointers; sp_locate. */
#include "check.h"
#include "data.h"
#include "sp_diagnose.h"

static sp_arena scratch;
static sp_limits limits;

static int knows(void *ctx, sp_view name) {
    (void)ctx;
    return sp_view_eq(name, SP_VIEW("body")) || sp_view_eq(name, SP_VIEW("a")) || sp_view_eq(name, SP_VIEW("m/~\xc3\xa9"));
}

static sp_diagnosis diagnose(const void *p, size_t n, int line, char *pointer, size_t cap) {
    sp_diagnosis d = {SP_ERR_INTERNAL, 0, NULL, 0, 0};
    sp_view text = data_exact(p, n);
    char *room = malloc(cap + 1);
    size_t m = 0;
    if (!room) abort();
    CHECK(sp_diagnose(text, line, &limits, &scratch, &d, knows, NULL, room, cap, &m) == SP_OK);
    CHECK(m <= cap);
    if (pointer) {
        memcpy(pointer, room, m);
        pointer[m] = 0;
    }
    free(room);
    free((void *)text.p);
    sp_arena_reset(&scratch);
    CHECK(d.pos <= n && d.expected && d.line && d.column);
    return d;
}

static int says(const char *text, int line, sp_status s, size_t pos, const char *pointer) {
    char got[256];
    sp_diagnosis d = diagnose(text, strlen(text), line, got, 200);
    int good = d.status == s && d.pos == pos && strcmp(got, pointer) == 0;
    if (!good) fprintf(stderr, "%s: %s %zu \"%s\"\n", text, sp_status_code(d.status), d.pos, got);
    return good;
}

static int same(sp_view v, const char *text) { return v.n == strlen(text) && memcmp(v.p, text, v.n) == 0; }

static void test_hostile(void) {
    sp_view file = data_file("hostile-lines/cases.jsonl"), rest = file, line;
    unsigned used = 0, blank = 0;
    while (data_line(&rest, &line)) {
        sp_view text = data_base64(data_field(line, "line_b64")), id = data_field(line, "id");
        sp_view outcome = data_field(line, "outcome");
        sp_diagnosis d = diagnose(text.p, text.n, 1, NULL, 100);
        int good;
        if (same(outcome, "accept")) {
            good = d.status == SP_OK && d.pos == 0;
        } else if (same(outcome, "blank")) { /* counted before; here it just stops */
            good = d.status == SP_ERR_TRUNCATED && d.pos == text.n;
            blank++;
        } else {
            good = same(data_field(line, "reason"), sp_status_code(d.status)) && data_number(data_field(line, "offset"), 10) == d.pos;
            CHECK(d.line == 1 && d.column == d.pos + 1);
        }
        if (!good) fprintf(stderr, "%.*s: %s %zu\n", (int)id.n, (const char *)id.p, sp_status_code(d.status), d.pos);
        CHECK(good);
        used++;
        free((void *)text.p);
    }
    free((void *)file.p);
    CHECK(used == 178 && blank == 4);
    printf("hostile-lines: %u\n", used);
}

static void test_suite(void) {
    sp_view file = data_file("jsontestsuite/expected.tsv"), rest = file, line;
    unsigned used = 0;
    data_line(&rest, &line); /* titles */
    while (data_line(&rest, &line)) {
        sp_view name = data_part(&line, '\t');
        char path[300];
        data_part(&line, '\t');
        data_part(&line, '\t');
        sp_view reason = data_part(&line, '\t');
        size_t offset = (size_t)data_number(data_part(&line, '\t'), 10);
        snprintf(path, sizeof path, "jsontestsuite/test_parsing/%.*s", (int)name.n, (const char *)name.p);
        sp_view text = data_file(path);
        sp_diagnosis d = diagnose(text.p, text.n, 0, NULL, 100);
        const char *want = sp_status_code(d.status);
        if (d.status == SP_OK) want = "accept";
        if (d.status == SP_ERR_TRUNCATED && same(reason, "blank")) want = "blank";
        /* the table has no reason of its own for these; hostile-lines (syn-nan, syn-inf, syn-neg-inf) has, and rules */
        if (d.status == SP_ERR_NON_FINITE_LITERAL && offset == 1u + (size_t)same(name, "n_number_minus_infinity.json"))
            want = "syntax", offset = d.pos;
        int good = same(reason, want) && offset == d.pos;
        if (!good) fprintf(stderr, "%s: %s %zu\n", path, sp_status_code(d.status), d.pos);
        CHECK(good);
        used++;
        free((void *)text.p);
    }
    free((void *)file.p);
    CHECK(used == 318);
    printf("jsontestsuite: %u\n", used);
}

static void test_places(void) {
    char cut[64];
    sp_diagnosis d;
    CHECK(says("{\"body\":{\"a\":[1,{\"a\":tru}]}}", 1, SP_ERR_SYNTAX, 24, "/body/a/1"));
    CHECK(says("{\"body\":{\"secret\":[1,2,[x]]}}", 1, SP_ERR_SYNTAX, 24, "/body/?/2"));
    CHECK(says("{\"\\u0062ody\":{\"m\\/~\xc3\xa9\":[}", 1, SP_ERR_SYNTAX, 24, "/body/m~1~0\xc3\xa9"));
    CHECK(says("{\"a\":1}x", 1, SP_ERR_TRAILING_DATA, 7, ""));
    CHECK(says("{\"a\":{\"a\"", 1, SP_ERR_TRUNCATED, 9, "/a"));
    CHECK(says("", 0, SP_ERR_TRUNCATED, 0, ""));
    CHECK(says("1.5.3", 0, SP_ERR_TRAILING_DATA, 3, ""));
    CHECK(says("[1.x]", 0, SP_ERR_SYNTAX, 3, ""));
    CHECK(says("[-Inf]", 0, SP_ERR_SYNTAX, 2, ""));
    CHECK(says("\"\\ud83d\"", 0, SP_OK, 0, ""));
    CHECK(says(" 7 ", 0, SP_OK, 0, ""));
    CHECK(says(" 7 ", 1, SP_ERR_NOT_AN_OBJECT, 0, ""));
    CHECK(says(" {} ", 1, SP_OK, 0, ""));
    CHECK(says(" \xef\xbb\xbf{}", 1, SP_ERR_SYNTAX, 1, ""));
    CHECK(says("\xef\xbb\xbf{}", 1, SP_ERR_UNEXPECTED_BOM, 0, ""));
    CHECK(says("{}\xff", 1, SP_ERR_INVALID_UTF8, 2, ""));
    CHECK(says("{}\xc3\xa9", 1, SP_ERR_TRAILING_DATA, 2, ""));
    d = diagnose("{\n \"a\": [1,\n  2 3]}", 18, 0, cut, 40);
    CHECK(d.status == SP_ERR_SYNTAX && d.line == 3 && d.column == 5 && d.pos == 16 && strcmp(cut, "/a") == 0);
    CHECK(strcmp(d.expected, "a comma or ]") == 0);
    for (size_t cap = 0; cap < 16; cap++) { /* cut between characters, with a mark */
        static const char deep[] = "{\"a\":{\"a\":{\"m\\/~\xc3\xa9\":{x", whole[] = "/a/a/m~1~0\xc3\xa9";
        static const size_t kept[] = {0, 0, 0, 3, 4, 5, 6, 7, 8, 9, 9, 11, 12, 12, 12, 12};
        d = diagnose(deep, sizeof deep - 1, 0, cut, cap);
        size_t n = strlen(cut), mark = cap < 12 && n ? 3 : 0;
        CHECK(n == kept[cap] && memcmp(cut, whole, n - mark) == 0);
        CHECK(memcmp(cut + n - mark, "\xe2\x80\xa6", mark) == 0);
    }
}

static void test_limits(void) {
    sp_limits_default(&limits);
    limits.max_depth = 2;
    CHECK(says("[[1]]", 0, SP_OK, 0, ""));
    CHECK(says("[[1,[", 0, SP_ERR_TOO_DEEP, 4, "/0"));
    sp_limits_default(&limits);
    limits.max_nodes = 3;
    CHECK(says("[1,{}]", 0, SP_OK, 0, ""));
    CHECK(says("[1,[2]]", 0, SP_ERR_TOO_MANY_NODES, 4, "/1"));
    sp_limits_default(&limits);
    limits.max_key_bytes = 3;
    CHECK(says("{\"abc\":1}", 0, SP_OK, 0, ""));
    CHECK(says("{\"a\":1,\"abcd\":1}", 0, SP_ERR_KEY_TOO_LONG, 7, ""));
    CHECK(says("{\"\\u0061\":1}", 0, SP_ERR_KEY_TOO_LONG, 1, ""));
    CHECK(says("{\"ab", 0, SP_ERR_TRUNCATED, 4, ""));
    limits.max_number_bytes = 4;
    CHECK(says("[1234,1e10,12345]", 0, SP_ERR_NUMBER_TOO_LONG, 11, ""));
    CHECK(says("[12345.x]", 0, SP_ERR_NUMBER_TOO_LONG, 1, ""));
    CHECK(says("[123.x]", 0, SP_ERR_SYNTAX, 5, ""));
    limits.max_line_bytes = 4;
    CHECK(says("x{\"a\":1}", 1, SP_ERR_LINE_TOO_LONG, 4, ""));
    sp_limits_default(&limits);
}

static void *no_memory(void *ctx, void *p, size_t size) {
    (void)ctx;
    if (!size) free(p);
    return NULL;
}

static void test_no_memory(void) {
    sp_alloc none = {no_memory, NULL};
    sp_arena empty;
    sp_diagnosis d;
    char pointer[8];
    size_t n;
    sp_arena_init(&empty, &none);
    CHECK(sp_diagnose(SP_VIEW("{x"), 1, &limits, &empty, &d, NULL, NULL, pointer, sizeof pointer, &n) == SP_ERR_NOMEM);
    sp_arena_fini(&empty);
}

static size_t locate(const char *text, const char *pointer, size_t *key) {
    sp_view t = data_exact(text, strlen(text)), p = data_exact(pointer, strlen(pointer));
    size_t at = sp_locate(t, p, key);
    free((void *)t.p);
    free((void *)p.p);
    return at;
}

static void test_locate(void) {
    static const char text[] =
        " {\"a\": [1, {\"b\" : \"x\\\"]\"}, [[2], 3]], \"a/~\" :null,\"a\":[true , -1.5e3, \"\"], \"\\u0065\\ud83d\\ude00\":{} }";
    static const char same_name[] = "{\"a\":{\"a\":1,\"a\":{\"a\":2}}}";
    size_t key = 0;
    CHECK(locate(text, "", &key) == 1 && key == SIZE_MAX);
    CHECK(locate(text, "/a", &key) == (size_t)(strstr(text, "[true") - text) && key == (size_t)(strstr(text, "\"a\":[true") - text));
    CHECK(locate(text, "/a/1", &key) == (size_t)(strstr(text, "-1.5") - text) && key == SIZE_MAX);
    CHECK(locate(text, "/a/2", NULL) == (size_t)(strstr(text, "\"\"]") - text));
    CHECK(locate(text, "/a/3", &key) == SIZE_MAX && key == SIZE_MAX);
    CHECK(locate(text, "/a/01", NULL) == SIZE_MAX);
    CHECK(locate(text, "/a/-", NULL) == SIZE_MAX);
    CHECK(locate(text, "/a/99999999999999999999", NULL) == SIZE_MAX);
    CHECK(locate(text, "/a~1~0", &key) == (size_t)(strstr(text, "null") - text) && key != SIZE_MAX);
    CHECK(locate(text, "/e\xf0\x9f\x98\x80", NULL) == (size_t)(strstr(text, "{} }") - text));
    CHECK(locate(text, "/e", NULL) == SIZE_MAX);
    CHECK(locate(text, "/a~1~0x", NULL) == SIZE_MAX);
    CHECK(locate(text, "a", NULL) == SIZE_MAX);
    CHECK(locate(text, "/a/1/x", NULL) == SIZE_MAX);
    CHECK(locate(same_name, "/a/a/a", &key) == 21 && key == 17);
    CHECK(locate("[[[1],{\"b\":[2,3]}],4]", "/0/1/b/1", NULL) == 14);
    CHECK(locate("", "", NULL) == SIZE_MAX);
    for (size_t n = 0; n < sizeof text; n++) { /* cut text: no place in it, but no harm */
        sp_view t = data_exact(text, n);
        size_t at = sp_locate(t, SP_VIEW("/a/1"), &key);
        CHECK(at == SIZE_MAX || at <= n);
        free((void *)t.p);
    }
}

static void leaves(const char *text, const char *want) {
    guarded g = guard(text, strlen(text));
    uint8_t out[256];
    size_t n = sp_leave_out((sp_view){g.p, g.n}, SP_VIEW("x"), out);
    CHECK(n == strlen(want) && memcmp(out, want, n) == 0);
    unguard(&g);
}

static void test_leave_out(void) {
    leaves("{\"l\": [ {\"a\": 1, \"x\" : {\"x\": [\"]\", \"\\\"x\"]}, \"b\" :[\"x\"]} ]}\n", "{\"l\":[{\"a\":1,\"x\":0,\"b\":[\"x\"]}]}");
    leaves("{\"l\":[{\"x\":\" a \"},{\"x\":-1.5e3},{\"x\":null}]}", "{\"l\":[{\"x\":0},{\"x\":0},{\"x\":0}]}");
    leaves("{\"x\":[1],\"l\":[{\"y\":{\"x\":1}},[\"x\"]]}",
           "{\"x\":[1],\"l\":[{\"y\":{\"x\":1}},[\"x\"]]}"); /* at another depth, or no name */
    leaves("{\"l\":[{\"\\u0078\":1}]}", "{\"l\":[{\"\\u0078\":1}]}");
    leaves(" \"x\" ", "\"x\"");
}

int main(void) {
    sp_arena_init(&scratch, &sp_alloc_std);
    sp_limits_default(&limits);
    test_hostile();
    test_suite();
    test_places();
    test_limits();
    test_no_memory();
    test_locate();
    test_leave_out();
    sp_arena_fini(&scratch);
    return check_done();
}
