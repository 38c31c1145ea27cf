/* The scan: what it accepts, hashes, marks, flags, limits, what it does when memory runs out. Every text ends at a guard page. */
#include "sp_scan.h"

#include "check.h"
#include "trie_builder.h"

typedef struct fixture {
    sp_limits limits;
    trie_builder payload, log; /* a payload by itself; a log line */
    sp_scan scan;
} fixture;

static void set_up(fixture *f) {
    memset(f, 0, sizeof *f);
    builder_init(&f->payload);
    builder_add(&f->payload, "", SP_NODE_MARK | SP_NODE_SCOPE | SP_NODE_HASH | SP_NODE_BODY);
    builder_sample(&f->log);
    sp_scan_init(&f->scan, &sp_alloc_std, sp_limits_default(&f->limits));
}

static void tear_down(fixture *f) { sp_scan_fini(&f->scan); }

static sp_status scan_bytes(fixture *f, const sp_trie *t, uint32_t root, const void *p, size_t n) {
    guarded g = guard(p, n);
    sp_scan_reset(&f->scan);
    sp_status status = sp_scan_text(&f->scan, (sp_view){g.p, n}, t, root, SP_NO_MARK);
    for (uint32_t i = 0; i < f->scan.mark_count; i++) {
        const sp_mark *m = &f->scan.marks[i];
        CHECK(m->start <= m->end && m->end <= n);
        if (status == SP_OK && t->nodes[m->node].flags & SP_NODE_BODY && m->type == SP_STRING) sp_scan_hash_body(&f->scan, i);
        if (m->value.p >= g.p && m->value.p < g.p + n) f->scan.marks[i].value.p = (const uint8_t *)p + (m->value.p - g.p);
    }
    unguard(&g);
    return status;
}

static sp_status payload(fixture *f, const char *text) { return scan_bytes(f, &f->payload.trie, BUILDER_ROOT, text, strlen(text)); }
static sp_status line(fixture *f, const char *text) { return scan_bytes(f, &f->log.trie, BUILDER_ROOT, text, strlen(text)); }

static sp_digest hash_of(fixture *f, const char *text) {
    CHECK(payload(f, text) == SP_OK);
    return f->scan.marks[0].hash;
}

static int same(const void *a, const void *b) { return memcmp(a, b, sizeof(sp_digest)) == 0; }

static void test_grammar(fixture *f) {
    static const char *const good[] = {"null",
                                       " true ",
                                       "\t\r\nfalse",
                                       "0",
                                       "-0",
                                       "1.5",
                                       "1e5",
                                       "1E+5",
                                       "-1e-5",
                                       "\"\"",
                                       "\"a\"",
                                       "[]",
                                       "[ ]",
                                       "{}",
                                       "{ }",
                                       "[1,2]",
                                       "[ 1 , 2 ]",
                                       "{\"a\":1}",
                                       "{ \"a\" : 1 , \"b\" : [ ] }",
                                       "\"\\\"\\\\\\/\\b\\f\\n\\r\\t\\u00e9\\uD83D\\uDE00\"",
                                       "\"\x7f\"",
                                       "\"\xc3\xa9\xe2\x82\xac\xf0\x9f\x98\x80\"",
                                       "[[[[[[[[]]]]]]]]",
                                       "123456789012345678901234567890",
                                       "{\"\":\"\"}"};
    static const char *const bad[] = {"",
                                      " ",
                                      "nul",
                                      "nulll",
                                      "truE",
                                      "True",
                                      "fals",
                                      "01",
                                      "-",
                                      "-a",
                                      "+1",
                                      ".5",
                                      "1.",
                                      "1.e5",
                                      "1e",
                                      "1e+",
                                      "0x1",
                                      "1 2",
                                      "NaN",
                                      "Infinity",
                                      "\"",
                                      "\"a",
                                      "\"\\",
                                      "\"\\\"",
                                      "\"\\x\"",
                                      "\"\\u12\"",
                                      "\"\\u123g\"",
                                      "\"\\u",
                                      "\"\n\"",
                                      "\"\x01\"",
                                      "\"a\tb\"",
                                      "'a'",
                                      "[",
                                      "]",
                                      "[1",
                                      "[1,",
                                      "[1,]",
                                      "[,1]",
                                      "[1 2]",
                                      "[1}",
                                      "{",
                                      "}",
                                      "{\"a\"",
                                      "{\"a\":",
                                      "{\"a\":1",
                                      "{\"a\":1,",
                                      "{\"a\":1,}",
                                      "{\"a\" 1}",
                                      "{a:1}",
                                      "{1:1}",
                                      "{\"a\":1]",
                                      "{,}",
                                      "{\"a\":1 \"b\":2}",
                                      "{\"a\"}",
                                      "[] []",
                                      "{}}",
                                      "//",
                                      "/**/1",
                                      "\xef\xbb\xbf{}",
                                      "\x0b{}",
                                      "[\x0c]",
                                      "\"\x80\"",
                                      "\"\xc0\x80\"",
                                      "\"\xc3\"",
                                      "\"\xed\xa0\x80\"",
                                      "\"\xf4\x90\x80\x80\"",
                                      "\"\xf8\x88\x80\x80\x80\"",
                                      "\"\xe2\x82\"",
                                      "\"\xe2\\n\x82\xac\"",
                                      "\xc3\xa9"};
    for (size_t i = 0; i < sizeof good / sizeof *good; i++) {
        if (payload(f, good[i]) != SP_OK) fprintf(stderr, "refused: %s\n", good[i]);
        CHECK(payload(f, good[i]) == SP_OK);
    }
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        sp_status status = payload(f, bad[i]);
        if (status == SP_OK) fprintf(stderr, "accepted: %s\n", bad[i]);
        CHECK(status != SP_OK && status != SP_ERR_NOMEM && status != SP_ERR_INTERNAL);
    }
    CHECK(scan_bytes(f, &f->payload.trie, BUILDER_ROOT, "1\0", 2) != SP_OK);
    CHECK(scan_bytes(f, &f->payload.trie, BUILDER_ROOT, "\"a\0b\"", 5) != SP_OK);
    CHECK(scan_bytes(f, &f->payload.trie, BUILDER_ROOT, "{}\0", 3) != SP_OK);
}

/* A special byte at every offset: strings end, break and escape in every position of the wide loads, near the end of the text and far. */
static void test_offsets(fixture *f) {
    char text[700], plain[700];
    for (size_t behind = 0; behind <= 200; behind += 100)
        for (size_t n = 0; n < 300; n++) {
            size_t at = 0;
            text[at++] = '[', text[at++] = '"';
            memset(text + at, 'x', n);
            at += n;
            memcpy(text + at, "\\u0041\\n", 8);
            memcpy(plain, text, at);
            memcpy(plain + at, "A\n", 2);
            memcpy(text + at + 8, "\",\"", 3);
            memset(text + at + 11, 'y', behind);
            memcpy(text + at + 11 + behind, "\"]", 3);
            CHECK(payload(f, text) == SP_OK);
            sp_digest list[3] = {{{'['}}, sp_x128(plain + 1, n + 3), sp_x128(text + at + 10, behind + 1)},
                      want = sp_x128(list, sizeof list);
            CHECK(same(&f->scan.marks[0].hash, &want));
            text[at + 1] = 'q'; /* \q is no escape */
            CHECK(payload(f, text) != SP_OK);
            text[at + 1] = 'u';
            text[at] = 1;
            CHECK(payload(f, text) != SP_OK);
            text[at] = (char)0xff;
            CHECK(payload(f, text) != SP_OK);
            text[at] = '"';
            CHECK(payload(f, text) != SP_OK);
        }
}

static void test_hash(fixture *f) {
    static const char *const equal[][2] = {{"{\"a\":1,\"b\":[true,null]}", " { \"b\" : [ true , null ] , \"a\" : 1 } "},
                                           {"\"a\"", "\"\\u0061\""},
                                           {"{\"\\u0061\":0}", "{\"a\":-0}"},
                                           {"[1,1]", "[1.0,100E-2]"},
                                           {"\"\\ud83d\\ude00\"", "\"\xf0\x9f\x98\x80\""},
                                           {"[\"\\/\"]", "[\"/\"]"},
                                           {"1e21", "1000000000000000000000.0"},
                                           {"-0.0", "0"},
                                           {"1e-999", "0"},
                                           {"{\"a\":1,\"b\":2,\"a\":3}", "{\"b\":2,\"a\":1,\"a\":3}"}};
    static const char *const differ[][2] = {{"[1,2]", "[2,1]"},
                                            {"[\"ab\",\"c\"]", "[\"a\",\"bc\"]"},
                                            {"{\"a\":1}", "[\"a\",1]"},
                                            {"[]", "{}"},
                                            {"\"\"", "[]"},
                                            {"\"null\"", "null"},
                                            {"1", "\"1\""},
                                            {"9007199254740992", "9007199254740993"},
                                            {"\"\xc3\xa9\"", "\"e\xcc\x81\""},
                                            {"[[1],2]", "[1,[2]]"},
                                            {"{\"a\":1,\"a\":2}", "{\"a\":2,\"a\":1}"},
                                            {"{\"a\":1,\"a\":1}", "{\"a\":1}"},
                                            {"\"\\ud83d\"", "\"\\ufffd\""},
                                            {"\"\\u0000\"", "\"\""},
                                            {"{\"a\":\"b\"}", "{\"b\":\"a\"}"},
                                            {"1e400", "1e401"},
                                            {"1000000000000000000000", "1e21"}};
    for (size_t i = 0; i < sizeof equal / sizeof *equal; i++) {
        sp_digest a = hash_of(f, equal[i][0]), b = hash_of(f, equal[i][1]);
        if (!same(&a, &b)) fprintf(stderr, "%s %s\n", equal[i][0], equal[i][1]);
        CHECK(same(&a, &b));
    }
    for (size_t i = 0; i < sizeof differ / sizeof *differ; i++) {
        sp_digest a = hash_of(f, differ[i][0]), b = hash_of(f, differ[i][1]);
        if (same(&a, &b)) fprintf(stderr, "%s %s\n", differ[i][0], differ[i][1]);
        CHECK(!same(&a, &b));
    }
    sp_digest a = hash_of(f, "\"\\ud83d\""), b = sp_x128("\"\xed\xa0\xbd", 4);
    CHECK(same(&a, &b));
}

/* Objects of every size around the places where the way of sorting changes: all orders of the members give the hash of the definition. */
static void test_sorting(fixture *f) {
    enum {
        MOST = 40
    };
    for (int n = 0; n <= MOST; n++) {
        sp_digest pairs[MOST][2], list[2 * MOST + 1] = {{{'{'}}};
        char forward[1024] = "{", backward[1024] = "{", part[32];
        for (int i = 0; i < n; i++) {
            int j = n - 1 - i;
            size_t m = (size_t)snprintf(part, sizeof part, "\"k%d", i);
            pairs[i][0] = sp_x128(part, m);
            m = (size_t)snprintf(part, sizeof part, "%d", i);
            pairs[i][1] = sp_x128(part, m);
            for (int k = i; k > 0 && memcmp(pairs[k - 1], pairs[k], 16) > 0; k--)
                for (int side = 0; side < 2; side++) {
                    sp_digest t = pairs[k][side];
                    pairs[k][side] = pairs[k - 1][side];
                    pairs[k - 1][side] = t;
                }
            snprintf(forward + strlen(forward), 32, "%s\"k%d\":%d", i ? "," : "", i, i);
            snprintf(backward + strlen(backward), 32, "%s\"k%d\":%d", i ? "," : "", j, j);
        }
        memcpy(list + 1, pairs, 32 * (size_t)n);
        strcat(forward, "}");
        strcat(backward, "}");
        sp_digest want = sp_x128(list, 16 + 32 * (size_t)n), a = hash_of(f, forward), b = hash_of(f, backward);
        CHECK(same(&a, &want) && same(&b, &want));
        CHECK(f->scan.marks[0].count == (uint32_t)n && f->scan.flags == 0);
    }
}

static uint64_t shape_of(fixture *f, const char *text) {
    CHECK(payload(f, text) == SP_OK);
    return f->scan.marks[0].shape;
}

static void put64(uint8_t *p, uint64_t w) {
    for (int i = 0; i < 8; i++) p[i] = (uint8_t)(w >> (56 - 8 * i));
}

static void test_shape(fixture *f) {
    uint64_t n = sp_x64("n", 1), b = sp_x64("b", 1), d = sp_x64("0", 1), s = sp_x64("s", 1), o = sp_x64("o", 1);
    CHECK(shape_of(f, "null") == n && shape_of(f, "true") == b && shape_of(f, "false") == b && shape_of(f, "-1.5") == d &&
          shape_of(f, "\"\"") == s);
    uint8_t text[16 + 3 * 24] = {'['};
    put64(text + 16, d < s ? d : s);
    put64(text + 24, d < s ? s : d);
    CHECK(shape_of(f, "[1,2,\"x\",3,\"y\"]") == sp_x64(text, 32) && shape_of(f, "[\"x\",1]") == sp_x64(text, 32) &&
          shape_of(f, "[]") == sp_x64(text, 16));
    /* {"k": v}: four levels down an object is a letter, an array is not; five levels down it is */
    for (int deep = 0; deep < 2; deep++)
        for (int array = 0; array < 2; array++) {
            static const char *const docs[2][2] = {{"{\"k\":{\"k\":{\"k\":{}}}}", "{\"k\":{\"k\":{\"k\":[[]]}}}"},
                                                   {"{\"k\":{\"k\":{\"k\":{\"k\":{}}}}}", "{\"k\":{\"k\":{\"k\":[[[{\"k\":[]}]]]}}}"}};
            uint8_t list[24] = {'['}, member[40] = {'{'};
            uint64_t inner = o;
            sp_digest k = sp_x128("\"k", 2);
            if (array) {
                inner = deep ? o : sp_x64(list, 16);
                for (int i = 0; i < (deep ? 3 : 1); i++) {
                    put64(list + 16, inner);
                    inner = sp_x64(list, 24);
                }
            }
            for (int i = 0; i < 3; i++) {
                memcpy(member + 16, k.b, 16);
                put64(member + 32, inner);
                inner = sp_x64(member, 40);
            }
            CHECK(shape_of(f, docs[deep][array]) == inner);
        }

    CHECK(shape_of(f, "[{\"a\":1},{\"b\":1},{\"a\":2}]") == shape_of(f, "[{\"b\":1},{\"a\":1}]"));
    char many[4096] = "[", more[4096] = "[", part[64]; /* more kinds than are kept without sorting */
    for (int i = 0; i < 60; i++) {
        snprintf(part, sizeof part, "%s{\"k%d\":1}", i ? "," : "", i % 20);
        strcat(many, part);
        snprintf(part, sizeof part, "%s{\"k%d\":9}", i ? "," : "", 19 - i % 20);
        strcat(more, part);
    }
    strcat(many, "]");
    strcat(more, "]");
    CHECK(shape_of(f, many) == shape_of(f, more) && shape_of(f, many) != shape_of(f, "[{\"k0\":1}]"));
}

static const sp_mark *find(const fixture *f, const char *name, int nth) {
    for (uint32_t i = 0; i < f->scan.mark_count; i++) {
        sp_view v = f->log.nodes[f->scan.marks[i].node].name;
        if (v.p && v.n == strlen(name) && memcmp(v.p, name, v.n) == 0 && nth-- == 0) return &f->scan.marks[i];
    }
    static const sp_mark none = {.type = 99};
    return &none;
}

static void test_marks(fixture *f) {
    static const char text[] =
        "{\"method\":\"PO\\u0053T\",\"body\":{\"model\":\"m\",\"messages\":[{\"role\":\"user\"},{\"content\":[0,{\"cache_control\":null}],"
        "\"role\":\"x\"}],\"store\":true,\"tools\":[{\"type\":\"f\"}],\"other\":{\"store\":false}},\"status\":200,\"response\":{\"usage\":{"
        "\"a\":1,\"b\":2}}}";
    CHECK(line(f, text) == SP_OK && f->scan.flags == 0 && f->scan.nodes == 24);
    const sp_mark *method = find(f, "method", 0), *body = find(f, "body", 0), *role = find(f, "role", 1),
                  *cache = find(f, "cache_control", 0);
    CHECK(method->type == SP_STRING && sp_view_eq(method->value, SP_VIEW("POST")) && text[method->start] == '"' &&
          method->end - method->start == 11);
    CHECK(body->type == SP_OBJECT && body->count == 5 && body->parent == SP_NO_MARK && body->state == 0 && body->shape != 0);
    CHECK(text[body->start] == '{' && text[body->end - 1] == '}');
    uint32_t body_index = (uint32_t)(body - f->scan.marks);
    CHECK(role->parent == body_index && role->index[0] == 1 && role->index[1] == 0 && sp_view_eq(role->value, SP_VIEW("x")));
    CHECK(cache->type == SP_NULL && cache->index[0] == 1 && cache->index[1] == 1 && cache->index[2] == 0 &&
          sp_view_eq(cache->value, SP_VIEW("null")));
    CHECK(find(f, "type", 0)->index[0] == 0 && find(f, "store", 0)->type == SP_TRUE && find(f, "store", 1)->type == 99);
    const sp_mark *status = find(f, "status", 0);
    static const sp_digest zero;
    CHECK(sp_view_eq(status->value, SP_VIEW("200")) && same(&status->hash, &zero) && !same(&role->hash, &zero));
    const sp_mark *last = &f->scan.marks[f->scan.mark_count - 1];
    CHECK(last->type == SP_NUMBER && last->index[0] == 1 && sp_view_eq(last->value, SP_VIEW("2")));
    for (uint32_t i = 1; i < f->scan.mark_count; i++) CHECK(f->scan.marks[i - 1].start <= f->scan.marks[i].start);

    /* a second text into the same marks */
    uint32_t marks = f->scan.mark_count;
    static const uint8_t second[] = "{\"model\":\"z\"}";
    CHECK(sp_scan_text(&f->scan, (sp_view){second, sizeof second - 1}, &f->log.trie, f->scan.marks[body_index].node, body_index) == SP_OK);
    CHECK(f->scan.mark_count == marks + 2 && f->scan.marks[marks].parent == body_index && f->scan.marks[marks + 1].parent == marks &&
          f->scan.nodes == 26);

    /* long values */
    char longer[2000] = "{\"method\":\"", body_text[2000];
    for (int over = 0; over < 2; over++)
        for (int escaped = 0; escaped < 2; escaped++) {
            size_t n = 11;
            if (escaped) memcpy(longer + n, "\\n", 2), n += 2;
            size_t letters = SP_SHORT_VALUE + (size_t)over - (size_t)escaped;
            memset(longer + n, 'x', letters);
            strcpy(longer + n + letters, "\"}");
            CHECK(line(f, longer) == SP_OK);
            CHECK(f->scan.marks[0].state == (over ? SP_MARK_LONG : 0) && f->scan.marks[0].value.n == (over ? 0u : SP_SHORT_VALUE));
            snprintf(body_text, sizeof body_text, "{\"body\":%s", longer + 10);
            CHECK(line(f, body_text) == SP_OK && f->scan.marks[0].state == 0 && f->scan.marks[0].value.n == SP_SHORT_VALUE + (size_t)over);
        }
}

static void test_open_marks(fixture *f) {
    CHECK(line(f, "{\"method\":\"GET\",\"body\":{\"model\":\"m\",\"messages\":[{\"role\":\"us") != SP_OK);
    CHECK(find(f, "method", 0)->state == 0 && find(f, "model", 0)->state == 0);
    CHECK(find(f, "body", 0)->state == SP_MARK_OPEN && find(f, "role", 0)->state == SP_MARK_OPEN && find(f, "role", 0)->type == SP_STRING);
    CHECK(line(f, "{\"body\":{\"store\":tr") != SP_OK && find(f, "store", 0)->state == SP_MARK_OPEN &&
          find(f, "store", 0)->type == SP_TRUE);
    /* equal names in a text that stops */
    CHECK(line(f, "{\"body\":{\"store\":true,\"store\":false,\"model\":[") != SP_OK);
    CHECK(f->scan.flags == SP_FLAG_DUPLICATE_KEY && find(f, "store", 0)->state == (SP_MARK_NOT_LAST | SP_MARK_UNEQUAL));
    CHECK(line(f, "{\"body\":{\"store\":true,\"store\":") != SP_OK && find(f, "store", 0)->state == (SP_MARK_NOT_LAST | SP_MARK_UNEQUAL));
    CHECK(line(f, "{\"method\":1,\"method\":[1,[2,{\"a\":") != SP_OK && f->scan.flags == SP_FLAG_DUPLICATE_KEY);
}

static void test_duplicates(fixture *f) {
    enum {
        FIRST = SP_MARK_NOT_LAST,
        LAST = SP_MARK_NOT_FIRST,
        BOTH = FIRST | LAST,
        U = SP_MARK_UNEQUAL
    };
    CHECK(line(f, "{\"body\":{\"store\":true,\"model\":1,\"st\\u006fre\":true}}") == SP_OK && f->scan.flags == SP_FLAG_DUPLICATE_KEY);
    CHECK(find(f, "store", 0)->state == FIRST && find(f, "store", 1)->state == LAST && find(f, "model", 0)->state == 0);
    CHECK(line(f, "{\"body\":{\"store\":1,\"store\":1.0,\"store\":2}}") == SP_OK);
    CHECK(find(f, "store", 0)->state == (FIRST | U) && find(f, "store", 1)->state == (BOTH | U) &&
          find(f, "store", 2)->state == (LAST | U));
    /* around the mark; inside and outside of what is hashed */
    CHECK(line(f, "{\"body\":{\"messages\":[{\"role\":\"a\"}],\"messages\":[{\"role\":\"b\"}]}}") == SP_OK);
    CHECK(find(f, "role", 0)->state == (FIRST | U) && find(f, "role", 1)->state == (LAST | U) && find(f, "body", 0)->state == 0);
    CHECK(line(f, "{\"response\":{\"id\":\"a\"},\"response\":{\"id\":\"a\"},\"status\":1}") == SP_OK);
    CHECK(find(f, "id", 0)->state == FIRST && find(f, "id", 1)->state == LAST && find(f, "status", 0)->state == 0);
    CHECK(line(f, "{\"response\":{\"id\":\"a\"},\"response\":{\"id\":\"b\"}}") == SP_OK && find(f, "id", 0)->state == (FIRST | U));
    CHECK(line(f, "{\"body\":{\"model\":1},\"x\":0,\"body\":{\"model\":2,\"model\":2}}") == SP_OK);
    CHECK(find(f, "model", 0)->state == (FIRST | U) && find(f, "model", 1)->state == (BOTH | U) &&
          find(f, "model", 2)->state == (LAST | U));
    /* where no rule looks, and deep below one */
    CHECK(line(f, "{\"x\":{\"y\":[{\"a\":1,\"b\":2,\"a\":1}]}}") == SP_OK && f->scan.flags == SP_FLAG_DUPLICATE_KEY);
    CHECK(line(f, "{\"x\":[{\"a\":1},{\"a\":1}]}") == SP_OK && f->scan.flags == 0);
    /* many members */
    char text[4096] = "{\"body\":{", part[32];
    for (int i = 0; i < 50; i++) {
        snprintf(part, sizeof part, "\"k%d\":%d,", i, i);
        strcat(text, part);
        if (i == 20) strcat(text, "\"store\":1,");
        if (i == 40) strcat(text, "\"store\":1,");
    }
    strcat(text, "\"model\":2}}");
    CHECK(line(f, text) == SP_OK && f->scan.flags == SP_FLAG_DUPLICATE_KEY);
    CHECK(find(f, "store", 0)->state == FIRST && find(f, "store", 1)->state == LAST && find(f, "model", 0)->state == 0);
}

static void test_flags(fixture *f) {
    static const struct {
        const char *value;
        uint32_t flags;
    } cases[] = {{"\"\\ud800\"", SP_FLAG_LONE_SURROGATE},
                 {"\"\\udc00\\ud800\"", SP_FLAG_LONE_SURROGATE},
                 {"\"\\ud83d\\ude00\"", 0},
                 {"\"\\u0000\"", SP_FLAG_NUL_ESCAPE},
                 {"{\"\\u0000\":1}", SP_FLAG_NUL_ESCAPE},
                 {"9007199254740992", 0},
                 {"9007199254740993", SP_FLAG_BIG_INTEGER},
                 {"-9007199254740993", SP_FLAG_BIG_INTEGER},
                 {"1e400", SP_FLAG_NUMBER_OVERFLOW},
                 {"999999999999999", 0},
                 {"-0", 0},
                 {"{\"Store\":1}", 0}};
    char text[100];
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++)
        for (int inside = 0; inside < 2; inside++) {
            snprintf(text, sizeof text, "{\"%s\":{\"x\":%s}}", inside ? "body" : "none", cases[i].value);
            CHECK(line(f, text) == SP_OK && f->scan.flags == cases[i].flags);
        }
    static const char *const near[] = {
        "Store",   "store ",      " store",       "sto\\u200bre",         "st\xd0\xbere",         "store\\u0000",
        "STORE",   "\\uff53tore", "st\\u2060ore", "previous-response-id", "Previous_Response_Id", "previous_response_\xd1\x96\x64",
        "\\tstore"};
    static const char *const far[] = {"store", "stores", "previous_response_id", "model", "stor", "", "storage"};
    for (size_t i = 0; i < sizeof near / sizeof *near; i++) {
        snprintf(text, sizeof text, "{\"body\":{\"%s\":1}}", near[i]);
        if (line(f, text) != SP_OK || !(f->scan.flags & SP_FLAG_NEAR_MISS_KEY)) fprintf(stderr, "no near miss: %s\n", near[i]);
        CHECK(f->scan.flags & SP_FLAG_NEAR_MISS_KEY);
    }
    for (size_t i = 0; i < sizeof far / sizeof *far; i++) {
        snprintf(text, sizeof text, "{\"body\":{\"%s\":1}}", far[i]);
        CHECK(line(f, text) == SP_OK && f->scan.flags == 0);
    }
    /* names of headers */
    CHECK(line(f, "{\"headers\":{\"X-API-Key\":1,\"Other\":2,\"x-\\u0061pi-key\":3}}") == SP_OK && f->scan.mark_count == 3 &&
          f->scan.flags == 0);
    CHECK(find(f, "x-api-key", 1)->type == SP_NUMBER && f->scan.marks[1].index[0] == 1);
}

static void test_limits(fixture *f) {
    char text[600];
    f->limits.max_depth = 5;
    CHECK(payload(f, "[[[[[1]]]]]") == SP_OK && payload(f, "[[[[[[]]]]]]") == SP_ERR_TOO_DEEP &&
          payload(f, "{\"a\":[{\"a\":[{\"a\":[]}]}]}") == SP_ERR_TOO_DEEP);
    f->limits.max_nodes = 4;
    CHECK(payload(f, "[1,2,3]") == SP_OK && payload(f, "[1,2,3,4]") == SP_ERR_TOO_MANY_NODES);
    sp_limits_default(&f->limits);
    f->limits.max_key_bytes = 4;
    CHECK(payload(f, "{\"abcd\":1}") == SP_OK && payload(f, "{\"abcde\":1}") == SP_ERR_KEY_TOO_LONG &&
          payload(f, "{\"\\n\\nx\":1}") == SP_ERR_KEY_TOO_LONG);
    f->limits.max_number_bytes = 20;
    for (int real = 0; real < 2; real++) {
        memset(text, '1', 21);
        if (real) text[1] = '.';
        text[20] = 0;
        CHECK(payload(f, text) == SP_OK);
        strcpy(text + 20, "1");
        CHECK(payload(f, text) == SP_ERR_NUMBER_TOO_LONG);
    }
    f->limits.max_number_bytes = 3;
    CHECK(payload(f, "123") == SP_OK && payload(f, "1234") == SP_ERR_NUMBER_TOO_LONG);
    sp_limits_default(&f->limits);

    size_t n = 0, marks = SP_MAX_MARKS;
    char *list = malloc(2 * marks + 100);
    if (!list) abort();
    for (int over = 0; over < 2; over++) { /* a mark for each element of usage */
        n = (size_t)sprintf(list, "{\"response\":{\"usage\":[");
        for (size_t i = 0; i < marks + (size_t)over; i++) list[n++] = '1', list[n++] = ',';
        n--;
        memcpy(list + n, "]}}", 4);
        CHECK(line(f, list) == (over ? SP_ERR_TOO_MANY_MARKS : SP_OK) && f->scan.mark_count == marks);
    }
    free(list);
}

static const char sample[] = "{\"method\":\"PO\\u0053T\",\"headers\":{\"X-Api-Key\":\"a\\n\"},\"body\":{\"model\":\"m\\u0000\","
                             "\"messages\":[{\"role\":\"user\"},{\"content\":["
                             "0.25,{\"cache_control\":null,\"k\":-12345678901234567890}],\"role\":\"\xe2\x82\xac\"}],\"store\":true,"
                             "\"store\":false,\"a\":[1,{\"b\":1},{\"c\":1},{\"d\":1},"
                             "{\"e\":1},{\"f\":1},{\"g\":1},{\"h\":1},{\"i\":1},{\"j\":1}],\"1\":1,\"2\":2,\"3\":3,\"4\":4,\"5\":5,\"6\":6,"
                             "\"7\":7,\"8\":8,\"9\":9,\"10\":10,\"11\":11,"
                             "\"12\":12},\"status\":200,\"response\":{\"usage\":{\"a\":1,\"b\":2}}}";

/* Every prefix is refused, every change of a byte is survived; a walk that looks at nothing tells the same. */
static void test_damage(fixture *f) {
    size_t n = sizeof sample - 1;
    CHECK(line(f, sample) == SP_OK);
    for (size_t i = 0; i < n; i++) CHECK(scan_bytes(f, &f->log.trie, BUILDER_ROOT, sample, i) != SP_OK);
    char text[sizeof sample];
    static const char bytes[] = "\"\\{}[],:0 -.e\x01\x80\xff"; /* with the NUL at its end */
    for (size_t i = 0; i < n; i++)
        for (size_t b = 0; b < sizeof bytes; b++) {
            memcpy(text, sample, n);
            text[i] = bytes[b];
            sp_status status = scan_bytes(f, &f->log.trie, BUILDER_ROOT, text, n);
            uint32_t flags = f->scan.flags & ~(uint32_t)SP_FLAG_NEAR_MISS_KEY;
            CHECK(scan_bytes(f, &f->log.trie, SP_NODE_DEAD, text, n) == status && f->scan.flags == flags && f->scan.mark_count == 0);
        }
}

static void test_memory(fixture *f) {
    sp_view text = {(const uint8_t *)sample, sizeof sample - 1};
    char many[9000] = "{\"body\":{\"messages\":[";
    for (int i = 0; i < 200; i++) sprintf(many + strlen(many), "%s{\"role\":\"a\\n%d\",\"k%d\":[[]]}", i ? "," : "", i, i);
    strcat(many, "]}}");
    sp_view texts[] = {text, {(const uint8_t *)many, strlen(many)}};
    for (size_t k = 0; k < 2; k++)
        for (int from_then_on = 0; from_then_on < 2; from_then_on++) {
            sp_status status = SP_ERR_NOMEM;
            for (size_t n = 1; status == SP_ERR_NOMEM; n++) {
                faulty a;
                sp_scan s;
                faulty_init(&a, n, from_then_on);
                sp_scan_init(&s, &a.alloc, &f->limits);
                status = sp_scan_text(&s, texts[k], &f->log.trie, BUILDER_ROOT, SP_NO_MARK);
                CHECK(status == (a.calls < n ? SP_OK : SP_ERR_NOMEM));
                a.fail_at = 0;
                sp_scan_reset(&s);
                CHECK(sp_scan_text(&s, texts[k], &f->log.trie, BUILDER_ROOT, SP_NO_MARK) == SP_OK);
                size_t warm = a.calls; /* nothing is allocated the second time */
                uint32_t marks = s.mark_count;
                sp_scan_reset(&s);
                CHECK(sp_scan_text(&s, texts[k], &f->log.trie, BUILDER_ROOT, SP_NO_MARK) == SP_OK && a.calls == warm &&
                      s.mark_count == marks);
                sp_scan_fini(&s);
                CHECK(a.live == 0 && n < 1000);
            }
        }
}

int main(void) {
    static fixture f;
    set_up(&f);
    test_grammar(&f);
    test_offsets(&f);
    test_hash(&f);
    test_sorting(&f);
    test_shape(&f);
    test_marks(&f);
    test_open_marks(&f);
    test_duplicates(&f);
    test_flags(&f);
    test_limits(&f);
    test_damage(&f);
    test_memory(&f);
    tear_down(&f);
    return check_done();
}
