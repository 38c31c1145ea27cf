/* AnyValues of OpenTelemetry: what they stand for, and what is refused. */
#include "../../csrc/sp_anyvalue.h"
#include "check.h"

/* The text ends at a page that nobody may read, and its place has no more room than is asked for. "": refused. */
static int gives(const char *text, const char *want) {
    guarded g = guard(text, strlen(text));
    uint8_t *out = malloc(2 * g.n);
    size_t n = sp_anyvalue((sp_view){g.p, g.n}, out);
    int same = n == strlen(want) && memcmp(out, want, n) == 0;
    if (!same) fprintf(stderr, "%s\n  %s\n  %.*s\n", text, want, (int)n, (const char *)out);
    free(out);
    unguard(&g);
    return same;
}

static void values(void) {
    CHECK(gives("{\"arrayValue\":{\"values\":[{\"stringValue\":\"a\\\"]\"},{\"intValue\":\"-27\"},{\"intValue\":3},{\"boolValue\":true},"
                "{\"doubleValue\":1.50},{\"doubleValue\":\"NaN\"},{\"bytesValue\":\"AA==\"},{},{\"arrayValue\":{}},{\"kvlistValue\":{}}]}}",
                "[\"a\\\"]\",-27,3,true,1.50,\"NaN\",\"AA==\",null,[],{}]"));
    CHECK(gives(
        "{\"kvlistValue\":{\"values\":[{\"key\":\"a\",\"value\":{\"intValue\":\"0\"}},{\"key\":\"b\"},{\"key\":\"c\",\"value\":{}}]}}",
        "{\"a\":0,\"b\":null,\"c\":null}"));
    CHECK(gives(" { \"arrayValue\" : { \"values\" : [ { \"stringValue\" : \"a\" } , { } ] } } ", "[\"a\",null]"));
    CHECK(gives("{\"arrayValue\":{\"values\":[{\"intValue\":\"01\"},{\"intValue\":\"\"},{\"intValue\":\"-\"},{\"intValue\":\"1e3\"}]}}",
                "[\"01\",\"\",\"-\",\"1e3\"]"));
}

static void names_behind_values(void) {
    CHECK(
        gives("{\"kvlistValue\":{\"values\":[{\"value\":{\"kvlistValue\":{\"values\":[{\"value\":{\"stringValue\":\"x\"},\"key\":\"b\"}]}},"
              "\"key\":\"a\"}]}}",
              "{\"a\":{\"b\":\"x\"}}"));
}

static void refused(void) {
    static const char *const texts[] = {"{}",
                                        "[]",
                                        "7",
                                        "\"arrayValue\"",
                                        "{\"stringValue\":\"a\"}",
                                        "{\"arrayValue\":[]}",
                                        "{\"arrayValue\":{\"value\":[]}}",
                                        "{\"arrayValue\":{\"values\":{}}}",
                                        "{\"arrayValue\":{\"values\":[1]}}",
                                        "{\"arrayValue\":{\"values\":[{\"stringValue\":[]}]}}",
                                        "{\"arrayValue\":{\"values\":[],\"x\":1}}",
                                        "{\"arrayValue\":{\"values\":[]},\"x\":1}",
                                        "{\"kvlistValue\":{\"values\":[{}]}}",
                                        "{\"kvlistValue\":{\"values\":[{\"key\":1}]}}",
                                        "{\"kvlistValue\":{\"values\":[{\"value\":{}}]}}",
                                        "{\"kvlistValue\":{\"values\":[{\"value\":{},\"key\":2}]}}",
                                        "{\"kvlistValue\":{\"values\":[{\"key\":\"a\",\"value\":{},\"x\":1}]}}",
                                        "{\"otherValue\":{}}"};
    for (size_t i = 0; i < sizeof texts / sizeof *texts; i++) CHECK(gives(texts[i], ""));
}

/* Keys behind values are looked for ahead: nested ones cost no more than some times the length. */
static void deep(void) {
    enum {
        DEPTH = 600
    };
    static char text[64 * DEPTH], want[16 * DEPTH];
    for (int behind = 0; behind < 2; behind++) {
        size_t n = 0, w = 0;
        for (int i = 0; i < DEPTH; i++) {
            n += (size_t)sprintf(text + n, "{\"kvlistValue\":{\"values\":[{%s\"value\":", behind ? "" : "\"key\":\"k\",");
            w += (size_t)sprintf(want + w, "{\"k\":");
        }
        n += (size_t)sprintf(text + n, "{}");
        w += (size_t)sprintf(want + w, "null");
        for (int i = 0; i < DEPTH; i++) {
            n += (size_t)sprintf(text + n, "%s}]}}", behind ? ",\"key\":\"k\"" : "");
            w += (size_t)sprintf(want + w, "}");
        }
        CHECK(gives(text, behind ? "" : want));
    }
}

int main(void) {
    values();
    names_behind_values();
    refused();
    deep();
    return check_done();
}
