/* Rule packs: what is refused, with its place; what a small pack makes of exchanges. */
#include "../../csrc/sp_batch.h"
#include "../../csrc/sp_export.h"
#include "check.h"
#include "one.h"

static sp_view v(const char *s) { return (sp_view){(const uint8_t *)s, strlen(s)}; }

static sp_status build(const char *pack, sp_rules **out, sp_rules_error *err) {
    static const char *const lens[] = {"read", "write", "manage"};
    sp_view counts[3] = {v(lens[0]), v(lens[1]), v(lens[2])};
    sp_pack_text p = {"test.json", v(pack)};
    sp_rules_options o = {.packs = &p, .pack_count = 1, .lens_counts = counts, .lens_counts_n = 3, .versions = v("test")};
    sp_limits_default(&o.limits);
    return sp_rules_new(&sp_alloc_std, &o, out, err);
}

#define HEAD                                                                                                                          \
    "{\"format\": 1, \"pack\": \"t\", \"version\": \"1\",\n\"sources\": {\"S\": \"s\"},\n\"facts\": {\"read.a\": \"\", \"write.b\": " \
    "\"\", \"replay.c\": \"\"},\n"

static void refused(void) {
    static const struct {
        const char *pack, *code, *part;
        size_t line, column;
    } rows[] = {
        {"{\"format\": 1,\n \"pack\": }", "syntax", "expected", 2, 10},
        {"[]", "meaning", "expected an object", 1, 1},
        {"{\"format\": 2, \"pack\": \"t\", \"version\": \"1\"}", "meaning", "\"format\": 1", 1, 1},
        {"{\"format\": 1, \"pack\": \"t\", \"version\": \"1\",\n  \"rulez\": []}", "meaning", "not a member of a rule pack", 2, 12},
        {HEAD "\"facts2\": 1}", "meaning", "not a member", 4, 11},
        {HEAD "\"markers\": [{\"id\": \"m\", \"source\": \"S\", \"set\": \"s\", \"at\": \"/x\", \"fact\": \"read.a\"}]}", "meaning",
         "expected a place", 4, 0},
        {HEAD "\"markers\": [{\"id\": \"m\", \"source\": \"S\", \"set\": \"s\", \"at\": \"body:/x\",\n \"fact\": \"read.zz\"}]}", "meaning",
         "expected a fact", 5, 10},
        {HEAD "\"markers\": [{\"id\": \"m\", \"source\": \"T\", \"set\": \"s\", \"at\": \"body:/x\", \"fact\": \"read.a\"}]}", "meaning",
         "a key of `sources`", 4, 0},
        {HEAD "\"markers\": [{\"id\": \"m\", \"source\": \"S\", \"set\": \"s\", \"at\": \"body:/a/*/b/*/c/*/d/*\", \"fact\": \"read.a\"}]}",
         "meaning", "three *", 4, 0},
        {HEAD
         "\"markers\": [{\"id\": \"m\", \"source\": \"S\", \"set\": \"s\", \"at\": \"body:/x\", \"is\": \"maybe\", \"fact\": \"read.a\"}]}",
         "meaning", "expected present", 4, 0},
        {HEAD "\"markers\": [{\"id\": \"m\", \"source\": \"S\", \"set\": \"s\", \"when\": [{\"foo\": 1}], \"fact\": \"read.a\"}]}",
         "meaning", "expected a test", 4, 0},
        {HEAD "\"markers\": [{\"id\": \"m\", \"source\": \"S\", \"set\": \"s\", \"at\": \"body:/x\", \"fact\": \"read.a\", \"from\": "
              "\"soon\"}]}",
         "meaning", "RFC 3339", 4, 0},
        {HEAD "\"endpoints\": [{\"id\": \"e\", \"source\": \"S\", \"api\": \"a\", \"operation\": \"o\"}]}", "meaning", "path", 4, 0},
        {HEAD "\"endpoints\": [{\"id\": \"e\", \"source\": \"S\", \"api\": \"a\", \"operation\": \"o\", \"path\": \"/x\", \"layout\": "
              "\"none\"}]}",
         "meaning", "id of a layout", 4, 0},
        {HEAD "\"endpoints\": [{\"id\": \"e\", \"source\": \"S\", \"api\": \"a\", \"operation\": \"o\", \"path\": \"x\"}]}", "meaning",
         "starts with /", 4, 0},
        {HEAD "\"hosts\": [{\"id\": \"h\", \"source\": \"S\", \"provider\": \"p\", \"cloud\": \"c\"}]}", "meaning", "`match` or `headers`",
         4, 0},
        {HEAD "\"hosts\": [{\"id\": \"h\", \"source\": \"S\", \"provider\": \"p\", \"cloud\": \"c\", \"match\": \"a\"}, {\"id\": \"h\", "
              "\"source\": \"S\", \"provider\": \"p\", \"cloud\": \"c\", \"match\": \"b\"}]}",
         "meaning", "gives once", 4, 0},
        {HEAD "\"layouts\": [], \"layouts\": []}", "meaning", "without repeated names", 1, 1},
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        sp_rules *r;
        sp_rules_error err;
        CHECK(build(rows[i].pack, &r, &err) != SP_OK && r == NULL);
        int good = strcmp(err.code, rows[i].code) == 0 && strstr(err.message, rows[i].part) && err.line == rows[i].line &&
                   (!rows[i].column || err.column == rows[i].column);
        if (!good) fprintf(stderr, "%zu: %s %zu:%zu %s\n", i, err.code, err.line, err.column, err.message);
        CHECK(good && strcmp(err.file, "test.json") == 0);
    }
}

/* A list that is longer than what the reader keeps is refused, not cut. */
static void too_many(void) {
    static const struct {
        const char *before, *item, *after;
        int most;
    } rows[] = {
        {"\"hosts\": [{\"id\": \"h\", \"source\": \"S\", \"provider\": \"p\", \"cloud\": \"c\", \"match\": \"a\", \"ports\": [", "1", "]}]",
         64},
        {"\"markers\": [{\"id\": \"m\", \"source\": \"S\", \"set\": \"s\", \"at\": \"body:/x\", \"fact\": \"read.a\", \"looks_at\": [",
         "\"body:/y\"", "]}]", 64},
        {"\"endpoints\": [{\"id\": \"e\", \"source\": \"S\", \"api\": \"a\", \"operation\": \"o\", \"path\": [", "\"/x\"", "]}]", 64},
        {"\"layouts\": [{\"id\": \"l\", \"source\": \"S\", \"turns\": [\"/m\"], \"turn_content\": [", "\"c\"", "]}]", 16},
        {"\"layouts\": [{\"id\": \"l\", \"source\": \"S\", \"context\": [", "\"/c\"", "]}]", 32},
        {"\"wrappers\": [{\"id\": \"w\", \"source\": \"S\", \"when\": [{\"at\": \"body:/w\"}], \"body\": \"/w\", \"url\": \"https:",
         "{/v},", "\"}]", 8},
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++)
        for (int more = 0; more < 2; more++) {
            char pack[8192], want[64];
            int n = snprintf(pack, sizeof pack, "%s%s", HEAD, rows[i].before);
            for (int k = 0; k < rows[i].most + more; k++)
                n += snprintf(pack + n, sizeof pack - (size_t)n, "%s%s", k && rows[i].item[0] != '{' ? "," : "", rows[i].item);
            snprintf(pack + n, sizeof pack - (size_t)n, "%s}", rows[i].after);
            sp_rules *r;
            sp_rules_error err;
            sp_status status = build(pack, &r, &err);
            snprintf(want, sizeof want, "at most %d", rows[i].most);
            int good = more ? status == SP_ERR_INTERNAL && strstr(err.message, want) && err.line == 4 : status == SP_OK;
            if (!good) fprintf(stderr, "%zu, %d: %s %zu:%zu %s\n", i, more, err.code, err.line, err.column, err.message);
            CHECK(good);
            sp_rules_free(r);
        }
}

static const char small[] =
    HEAD "\"hosts\": [{\"id\": \"h\", \"source\": \"S\", \"provider\": \"p\", \"cloud\": \"c\", \"match\": [\"api.{region}.example\"]}],\n"
         "\"layouts\": [{\"id\": \"l\", \"source\": \"S\", \"turns\": [\"/m\"], \"turn_content\": [\"content\"]}],\n"
         "\"endpoints\": [{\"id\": \"e\", \"source\": \"S\", \"api\": \"a\", \"operation\": \"o\", \"inference\": true, \"on\": [\"p\"], "
         "\"method\": \"POST\", \"path\": \"/go/{id}\", \"sets\": [\"s\"], \"layout\": \"l\"}],\n"
         "\"markers\": [{\"id\": \"m.read\", \"source\": \"S\", \"set\": \"s\", \"at\": \"body:/prev\", \"expects\": [\"id\"], \"fact\": "
         "\"read.a\"},\n"
         "{\"id\": \"m.write\", \"source\": \"S\", \"set\": \"s\", \"when\": [{\"at\": \"body:/keep\", \"is\": \"absent\"}], \"basis\": "
         "\"default\", \"fact\": \"write.b\"},\n"
         "{\"id\": \"m.no\", \"source\": \"S\", \"set\": \"s\", \"at\": \"body:/keep\", \"is\": \"false\", \"expects\": [\"bool\"], "
         "\"denies\": [\"write.*\"]},\n"
         "{\"id\": \"m.each\", \"source\": \"S\", \"set\": \"s\", \"each\": \"body:/m/*\", \"where\": [{\"at\": \"role\", \"in\": "
         "[\"bot\"]}, {\"at\": \"id\", \"is\": \"absent\"}], \"fact\": \"replay.c\"},\n"
         "{\"id\": \"m.said\", \"source\": \"S\", \"set\": \"s\", \"at\": \"rsp:/kept\", \"is\": \"false\", \"denies\": [\"write.*\"]}]}";

static void judged(void) {
    static const struct {
        const char *body, *response, *state, *rest;
    } rows[] = {
        {"{\"prev\":\"x\",\"keep\":false}", NULL, "stateful", "\"facts\":[\"read.a\"]"},
        {"{\"keep\":false}", NULL, "stateless", "\"rule\":\"m.no\",\"confidence\":\"explicit\""},
        {"{}", NULL, "stateful", "\"facts\":[\"write.b\"],\"rule\":\"m.write\",\"confidence\":\"default\""},
        {"{}", "{\"kept\":false}", "stateless", "\"rule\":\"m.said\""},
        {"{\"keep\":1}", NULL, "unknown", "\"missing\":\"/keep\""},
        {"{\"keep\":false,\"prev\":\" \"}", NULL, "unknown", "\"missing\":\"/prev\""},
        {"{\"keep\":false,\"prev\":null,\"prev\":\"x\"}", NULL, "unknown", "\"missing\":\"/prev\""},
        {"{\"keep\":false,\"m\":[{\"role\":\"bot\"},{\"role\":\"user\"}]}", NULL, "stateless", "\"facts\":[\"replay.c\"]"},
        {"{\"keep\":false,\"m\":[{\"role\":\"bot\",\"id\":1}]}", NULL, "stateless", "\"facts\":[]"},
        {"\"{\\\"keep\\\":false,\\\"prev\\\":\\\"x\\\"}\"", NULL, "stateful", "\"facts\":[\"read.a\"]"},
        {"\"{\\\"keep\\\":false,\\\"pre\"", NULL, "unknown", "\"missing\":\"body\""},
    };
    sp_rules *r;
    sp_rules_error err;
    CHECK(build(small, &r, &err) == SP_OK);
    if (!r) fprintf(stderr, "%zu:%zu %s\n", err.line, err.column, err.message);
    for (size_t i = 0; r && i < sizeof rows / sizeof *rows; i++) {
        sp_one one = {.payload = v(rows[i].body), .method = v("post"), .url = v("https://api.eu.example/go/1"), .status = SP_NULL_INT};
        if (rows[i].response) one.response = v(rows[i].response);
        sp_columns *x, *y;
        sp_diagnosis d;
        char want[64];
        CHECK(classify_alone(&sp_alloc_std, r, &one, &x, &y, &d) == SP_OK);
        sp_out out = {.alloc = &sp_alloc_std};
        CHECK(sp_export_ndjson(x, 0, 1, &out) == SP_OK && sp_columns_rows(x) == 1);
        sp_grow(&sp_alloc_std, &out.p, &out.cap, out.n + 1, 1);
        out.p[out.n] = 0;
        snprintf(want, sizeof want, "\"state\":\"%s\"", rows[i].state);
        if (!strstr((char *)out.p, want) || !strstr((char *)out.p, rows[i].rest)) fprintf(stderr, "%s: %s\n", rows[i].body, (char *)out.p);
        CHECK(strstr((char *)out.p, want) && strstr((char *)out.p, rows[i].rest) && strstr((char *)out.p, "\"region\":\"eu\""));
        sp_release(&sp_alloc_std, out.p);
        sp_columns_drop(x);
        sp_columns_drop(y);
    }
    sp_rules_free(r);
}

/* Every allocation that building or judging makes fails once: a clean status, nothing leaks, and the next try works. */
static void sweep(void) {
    sp_view counts[1] = {v("read")};
    sp_pack_text p = {"test.json", v(small)};
    sp_status st = SP_ERR_NOMEM;
    for (size_t at = 1; st != SP_OK && at < 5000; at++) {
        faulty f;
        faulty_init(&f, at, 0);
        sp_rules *r = NULL;
        sp_rules_error err;
        sp_rules_options o = {.packs = &p, .pack_count = 1, .lens_counts = counts, .lens_counts_n = 1, .versions = v("t")};
        sp_limits_default(&o.limits);
        st = sp_rules_new(&f.alloc, &o, &r, &err);
        CHECK(st == SP_OK || st == SP_ERR_NOMEM);
        if (r) {
            static const char line[] =
                "{\"url\":\"https://api.eu.example/go/1\",\"method\":\"POST\",\"body\":\"{\\\"m\\\":[{\\\"role\\\":\\\"bot\\\"}]}\"}\n";
            sp_batch *b = NULL;
            sp_batch_options bo = {.rules = r, .source = "s", .threads = 2, .evidence = 1};
            st = sp_batch_new(&f.alloc, &bo, &b);
            uint8_t *room = NULL;
            if (st == SP_OK && (st = sp_batch_room(b, sizeof line, &room)) == SP_OK) {
                memcpy(room, line, sizeof line - 1);
                sp_batch_commit(b, sizeof line - 1);
                sp_batch_finish(b, 0);
                sp_columns *x, *y;
                st = sp_batch_take(b, &x, &y);
                CHECK(st != SP_OK || sp_columns_rows(x) == 1);
                sp_columns_drop(x);
                sp_columns_drop(y);
            }
            sp_batch_free(b);
            CHECK(st == SP_OK || st == SP_ERR_NOMEM);
        }
        sp_rules_free(r);
        if (f.live) fprintf(stderr, "call %zu: %ld blocks left\n", at, f.live);
        CHECK(f.live == 0);
    }
    CHECK(st == SP_OK);
}

int main(void) {
    refused();
    too_many();
    judged();
    sweep();
    return check_done();
}
