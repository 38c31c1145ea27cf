/* Lines of text by the pattern of their log: what each variable holds, and what is said of a line that does not fit. */
#include "check.h"
#include "sp_pattern.h"

static sp_view v(const char *s) { return (sp_view){(const uint8_t *)s, strlen(s)}; }

/* The JSON of a line, or `code@byte`. The line ends at a page that nobody may read. */
static const char *json_of(const char *pattern, const char *line) {
    static char out[4096];
    guarded g = guard(line, strlen(line));
    sp_arena a;
    sp_view json;
    sp_diagnosis why;
    sp_arena_init(&a, &sp_alloc_std);
    CHECK(sp_pattern_json(v(pattern), (sp_view){g.p, strlen(line)}, &a, &json, &why) == SP_OK);
    if (json.p) snprintf(out, sizeof out, "%.*s", (int)json.n, (const char *)json.p);
    else snprintf(out, sizeof out, "%s@%zu", sp_status_code(why.status), why.pos);
    CHECK(json.p ? why.status == SP_OK : why.column == why.pos + 1);
    sp_arena_fini(&a);
    unguard(&g);
    return out;
}

static int gives(const char *pattern, const char *line, const char *want) {
    const char *got = json_of(pattern, line);
    if (strcmp(got, want) != 0) fprintf(stderr, "%s\n%s\n  %s\n  %s\n", pattern, line, want, got);
    return strcmp(got, want) == 0;
}

static void variables(void) {
    CHECK(gives("$a [$b] $c", "x [y z] 200", "{\"a\":\"x\",\"b\":\"y z\",\"c\":\"200\"}"));
    CHECK(gives("<$a>", "<>", "{\"a\":null}"));
    CHECK(gives("$a \"$b\"", "- \"-\"", "{\"a\":null,\"b\":null}"));
    CHECK(gives("\"$request\"", "\"POST /v1/x?a=1 HTTP/1.1\"",
                "{\"request\":\"POST /v1/x?a=1 HTTP/1.1\",\"request_method\":\"POST\",\"request_uri\":\"/v1/x?a=1\"}"));
    CHECK(gives("\"$request\"", "\"GET /\"", "{\"request\":\"GET /\",\"request_method\":\"GET\",\"request_uri\":\"/\"}"));
    CHECK(gives("\"$request\"", "\"\\x16\\x03\"", "{\"request\":\"\\u0016\\u0003\"}"));
    CHECK(gives("$a \"$b\"", "x \"y\" z\"", "{\"a\":\"x\",\"b\":\"y\\\" z\"}")); /* the last text ends the line */
}

static void escapes(void) {
    CHECK(gives("b=\"$b\"", "b=\"{\\x22a\\x22:\\x5C\\x22\\xE2\\x80\\x9E\\x22}\"", "{\"b\":\"{\\\"a\\\":\\\\\\\"\xe2\x80\x9e\\\"}\"}"));
    CHECK(gives("b=\"$b\"", "b=\"\\\"\\\\\\n\\t\\q\\x2\"", "{\"b\":\"\\\"\\\\\\u000a\\u0009\\\\q\\\\x2\"}"));
}

static void misfits(void) {
    CHECK(gives("x $a", "y 1", "pattern@0"));
    CHECK(gives("$a [$b] $c", "x (y) 200", "pattern@0"));
    CHECK(gives("$a [$b] $c", "x [y 200", "pattern@3"));
    CHECK(gives("$a \"$b\"", "x \"y\" z", "pattern@3"));
    CHECK(gives("$a \"$b\"", "x \"{\\x22a\\x22:", "{\"a\":\"x\",\"b\":\"{\\\"a\\\":\"}")); /* cut in its last value */
    CHECK(gives("$a $b", "\xff 1", "invalid_utf8@0"));
    CHECK(gives("$a \"$b\"", "x \"\\x22\\xC3\"", "invalid_utf8@7"));
    CHECK(gives("$a", "", "{\"a\":null}"));
}

static void steps(void) {
    sp_view rest = v("$a$ $b_1-$"), before, name;
    CHECK(sp_pattern_step(&rest, &before, &name) && before.n == 0 && sp_view_eq(name, v("a")));
    CHECK(sp_pattern_step(&rest, &before, &name) && sp_view_eq(before, v("$ ")) && sp_view_eq(name, v("b_1")));
    CHECK(!sp_pattern_step(&rest, &before, &name) && sp_view_eq(before, v("-$")) && !name.p);
}

int main(void) {
    variables();
    escapes();
    misfits();
    steps();
    return check_done();
}
