/* Splitting a container: the records that a plain reader finds, wherever the stream ends, however it comes and whichever kernel looks; what
   is left of damaged ones; and what tells a container from lines. */
#include "check.h"
#include "data.h"
#include "sp_split.h"

#define MOST 4096

typedef struct found {
    size_t n;
    sp_piece pieces[MOST];
    int incomplete, pointer;
    uint64_t documents;
} found;

static sp_split_paths usual;

/* ---- a plain reader, for texts that are JSON up to their end ----------------------------------------------------------------------------- */

typedef struct plain {
    const char *text;
    size_t n, at;
    uint64_t line;
    const sp_split_paths *paths;
    uint32_t seen;
    int pointer, held; /* the first of the stream; of the document or element under way, or -1 */
    found *out;
    size_t from; /* pieces before it are not of the value under way */
} plain;

static int more(const plain *x) { return x->at < x->n; }

static void space(plain *x) {
    for (; more(x) && strchr(" \t\r\n", x->text[x->at]); x->at++) x->line += x->text[x->at] == '\n';
}

static void put(plain *x, size_t start, size_t end, uint64_t line, int open) {
    if (x->out->n < MOST) x->out->pieces[x->out->n++] = (sp_piece){start, end, line, open};
}

static int value(plain *x, const char *path, int records);

/* The text of a string, as it stands, and for the one escape that the tests use in a name. 0: the text ended. */
static int string(plain *x, char *name) {
    size_t n = 0;
    for (x->at++; more(x) && x->text[x->at] != '"'; x->at++) {
        char c = x->text[x->at];
        if (c == '\\') {
            if (++x->at >= x->n) return 0;
            if (x->text[x->at] == 'u' && x->n - x->at > 4)
                c = (char)strtol((char[]){x->text[x->at + 3], x->text[x->at + 4], 0}, NULL, 16), x->at += 4;
        }
        if (n < 60) name[n++] = c;
    }
    name[n] = 0;
    return more(x) ? (x->at++, 1) : 0;
}

static int pointer_at(const plain *x, const char *path, int object_first) {
    for (uint32_t i = 0; i < x->paths->n; i++)
        if (sp_view_eq(x->paths->pointer[i], (sp_view){(const uint8_t *)path, strlen(path)}) && (x->held < 0 || x->held == (int)i) &&
            (object_first || (x->paths->sure | x->seen) >> i & 1))
            return (int)i;
    return -1;
}

/* An element or document that is a record, unless it holds some. */
static int record(plain *x, const char *path) {
    size_t start = x->at, before = x->out->n;
    uint64_t line = x->line;
    int held = x->held, ok;
    if (!strcmp(path, "/-")) { /* of an array that was found: nothing in it is looked for */
        ok = value(x, "-", 0);
        put(x, start, ok ? x->at : x->n, line, !ok);
        return ok;
    }
    x->from = before;
    ok = value(x, path, 0);
    if (x->out->n == before && (x->held < 0 || x->held == held) && x->from == before) put(x, start, ok ? x->at : x->n, line, !ok);
    return ok;
}

/* records: each element is one. 0: the text ended in it. */
static int value(plain *x, const char *path, int records) {
    char name[64], inner[256];
    if (!more(x)) return 0;
    char c = x->text[x->at];
    if (c == '"') return string(x, name);
    if (c != '{' && c != '[') {
        while (more(x) && !strchr(" \t\r\n,]}", x->text[x->at])) x->at++;
        return more(x);
    }
    x->at++;
    space(x);
    int i = c == '[' && !records && *path != '-' ? pointer_at(x, path, more(x) && x->text[x->at] == '{') : -1;
    if (i >= 0) {
        records = 1, x->held = i, x->seen |= 1u << i, x->from = SIZE_MAX;
        if (x->pointer < 0) x->pointer = i;
    }
    while (more(x) && x->text[x->at] != '}' && x->text[x->at] != ']') {
        if (c == '{') {
            if (x->text[x->at] != '"' || !string(x, name)) return 0;
            space(x);
            if (!more(x)) return 0;
            x->at++; /* the colon */
            space(x);
        }
        snprintf(inner, sizeof inner, "%.100s/%s", *path == '-' ? "-" : path, c == '{' ? name : "*");
        if (*path == '-') strcpy(inner, "-");
        if (records && !strcmp(path, "")) x->from = 0;
        int ok = !records ? value(x, inner, 0) : record(x, *path ? "/-" : "/*");
        if (!ok) return 0;
        space(x);
        if (more(x) && x->text[x->at] == ',') x->at++;
        space(x);
    }
    return more(x) ? (x->at++, 1) : 0;
}

static void plain_split(const char *text, size_t n, const sp_split_paths *paths, found *out) {
    plain x = {.text = text, .n = n, .line = 1, .paths = paths, .pointer = -1, .out = out};
    *out = (found){.pointer = -1};
    for (space(&x); more(&x); space(&x)) {
        int ok = 1;
        x.held = -1;
        if (text[x.at] == '[') ok = value(&x, "", 1);
        else ok = record(&x, "");
        out->documents += (uint64_t)ok;
        if (!ok) {
            if (!out->n || !out->pieces[out->n - 1].open) put(&x, n, n, x.line, 1);
            out->incomplete = 1;
            break;
        }
    }
    out->pointer = x.pointer;
}

/* ---- the splitter ------------------------------------------------------------------------------------------------------------------------ */

/* In pieces; each is a block of its own that begins where it says it may, so that a look anywhere else is seen. */
static void split(const char *text, size_t n, size_t step, const sp_kernel *k, const sp_split_paths *paths, found *out) {
    sp_split s;
    sp_piece x;
    *out = (found){0};
    sp_split_init(&s, k, paths, 0);
    for (size_t end = 0;;) {
        end = n - end < step ? n : end + step;
        sp_view bytes = data_exact(text + s.at, end - s.at);
        uint64_t base = s.at;
        while (sp_split_next(&s, bytes.p, base, end, end == n, &x))
            if (out->n < MOST) out->pieces[out->n++] = x;
        free((void *)(uintptr_t)bytes.p);
        if (end == n) break;
    }
    out->incomplete = s.incomplete;
    out->pointer = s.pointer;
    out->documents = s.documents;
}

static int same(const found *a, const found *b) {
    if (a->n != b->n || a->incomplete != b->incomplete || a->pointer != b->pointer) return 0;
    for (size_t i = 0; i < a->n; i++) {
        const sp_piece *p = &a->pieces[i], *q = &b->pieces[i];
        if (p->start != q->start || p->end != q->end || p->line != q->line || p->open != q->open) return 0;
    }
    return 1;
}

static void show(const char *what, const found *f) {
    fprintf(stderr, "%s: %zu, pointer %d, incomplete %d:", what, f->n, f->pointer, f->incomplete);
    for (size_t i = 0; i < f->n && i < 12; i++)
        fprintf(stderr, " %d-%d@%d%s", (int)f->pieces[i].start, (int)f->pieces[i].end, (int)f->pieces[i].line,
                f->pieces[i].open ? "!" : "");
    fprintf(stderr, "\n");
}

static int agree(const char *text, size_t n, const found *want) {
    static const size_t steps[] = {SIZE_MAX, 1, 7, 4096};
    static found got;
    for (size_t k = 0; sp_kernel_at(k); k++)
        for (size_t i = 0; i < 4; i++) {
            split(text, n, steps[i] == SIZE_MAX ? n : steps[i], sp_kernel_at(k), &usual, &got);
            if (same(&got, want)) continue;
            fprintf(stderr, "%s, in pieces of %zu: %.*s\n", sp_kernel_at(k)->name, steps[i], (int)n, text);
            show("wanted", want);
            show("got", &got);
            return 0;
        }
    return 1;
}

#define PAD "\"aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa\\\\\\\"]}{[ \\\\\""

static const char *const valid[] = {
    "",
    " \n\t\r\n ",
    "[]",
    " [\n]\r\n",
    "[{}]",
    "[{\"a\":1},{\"b\":[1,{\"c\":\"]}\"}]}]",
    "[\r\n {\"a\":\"x\\\"}\"},\r\n {\"b\":{}}\r\n]\r\n",
    "[1, \"a,]\",null,true , -1.5e3,[1,[2]],{}]",
    "[[{\"a\":1}],[],[[]]]",
    "[{}]\n[{},{}]\n[]\n[{}]",
    "[{}][{}]",
    "{\"a\":1}",
    "{\n \"a\": [1, 2],\n \"b\": {}\n}\n{\n \"c\": \"}{\"\n}\n",
    "{}{}\n{}",
    "{\"Records\":[{\"a\":1},{\"b\":2}]}",
    "{\"x\":{\"Records\":[{}]},\"y\":[{}],\"Records\":[{\"a\":1} , {\"Records\":[{}]}],\"z\":{\"q\":[{},{}]}}",
    "{\"Records\":[]}",
    "{\"Records\":[1,\"x\",[]]}\n{\"Records\":[{}]}{\"records\":[{}]}",
    "{\"\\u0052ecords\":[{}, {}]}",
    "{\"records\":[1,{}]}",
    "{\"records\":[]}",
    "{\"records\":[{}],\"data\":[{}]}{\"records\":[]}{\"data\":[3]}",
    "{\"log\":{\"pages\":[{}],\"entries\":[{\"request\":{}},\n{}],\"comment\":\"entries\"}}",
    "{\"log\":[{\"entries\":[{}]}],\"entries\":[{}]}",
    "{\"resourceSpans\":[{\"resource\":{},\"scopeSpans\":[{\"spans\":[{\"a\":[]},{}]},{\"spans\":[]},{\"spans\":[{}]}]},{\"scopeSpans\":[]}"
    "]}",
    "[{\"id\":1,\"spans\":[{},{\"spans\":[{}]}],\"more\":{}},{\"spans\":[{}]},{\"id\":2},7,{\"spans\":[]}]",
    "{\"data\":[[{}]]}",
    "{\"data\":{\"data\":[{}]}}",
    "[{\"a\":" PAD ",\"b\":{\"c\":[" PAD ",{\"d\":" PAD "},{\"e\":[[[[[[[[[{}]]]]]]]],{}]}]},\"f\":\"\\\\\"},\n   {\"g\":" PAD "}]",
    "{\n\"log\"\t:\n{ \"version\": " PAD ", \"entries\": [\n{\"request\":{\"body\":{\"m\":[{\"a\":" PAD
    ",\"c\":\n\n\r\n{}},{}]}}},\n{}\n],\"x\":" PAD "} }",
    "{\"a\":{\"b\":{\"c\":\"" /* goes on */ "1234567890123456789012345678901234567890123456789012345678\\\"\\\\\\\"\",\"d\":[]}},\"e\":1}{"
    "}",
};

static void valid_texts(void) {
    static found want;
    for (size_t i = 0; i < sizeof valid / sizeof *valid; i++)
        for (size_t n = 0; n <= strlen(valid[i]); n++) {
            plain_split(valid[i], n, &usual, &want);
            if (!agree(valid[i], n, &want)) {
                check_failures++;
                break;
            }
        }
}

/* What is left of a damaged text: its pieces, `!` behind one that the stream ends in. */
static void damaged_texts(void) {
    static const struct {
        const char *text, *want;
    } rows[] = {
        /* the brackets are all there */
        {"[{\"a\":tru},{\"b\" 1},{,},{\"c\":1}]", "1-10 11-18 19-22 23-30"},
        {"[{\"a\":1 {\"b\":2}},{}]", "1-16 17-19"},
        {"[{\"a\":[1,2},{\"b\":1},{}]", "1-11 12-19 20-22"}, /* `]` is missing: its object ends */
        {"[{\"a\":{\"b\":[1}},{}]", "1-15 16-18"},
        {"[{\"a\":1]\n,{\"b\":1}]\n{}", "1-7 10-17 19-21"}, /* the array seems to end; the rest are documents */
        {"[{},{}},{}]", "1-3 4-6 6-7 8-10"},                /* a bracket too many is shown */
        {"[{} {} {}]", "1-3 4-6 7-9"},
        {"[{},,{},]", "1-3 5-7"},
        {"[{}]]\n{}", "1-3 4-5 6-8"},
        {"[{}] x, {}", "1-3 5-7 8-10"},
        /* they are not: the line says where the next one begins */
        {"[\n{\"a\":{\"b\":1},\n{\"a\":2},\n{\"a\":3}\n]", "2-14 16-23 25-32"},
        {"[\n  {\"a\": [\n    {\"b\": 1\n  },\n  {\"a\": 3}\n]", "4-41!"}, /* it fits into the list */
        {"[\n{\"a\":\"x},\n{\"a\":2},\n{}]", "2-11 12-19 21-23"},
        {"[\n{\"a\":\"x\ny\",\"b\":{}},\n{}]", "2-20 22-24"}, /* a line feed that was not escaped */
        {"{\n \"a\": 1,\n{\n \"b\": 2\n}\n", "0-9 11-22"},
        /* or where the next document begins, once they stand on lines */
        {"{\"Records\":[{}]}\n{\"Records\":[{\"a\":[1,\n{\"Records\":[{}]}", "12-14 29-37 50-52"},
        {"{\"Records\":[{}]}\n{\"Records\":[{\"a\":\"x\n{\"Records\":[{}]}", "12-14 29-36 49-51"},
        {"{\"Records\":[{}]}\n{\"Records\":[{},\n{\"Records\":[{}]}", "12-14 29-31 32-33 45-47"},
        /* and here nothing does */
        {"[{\"a\":{\"b\":1},{\"a\":2},{\"a\":3}]", "1-29"},
        {"[{\"a\":\"x},{\"a\":2}]", "1-18!"},
        {"[{},{", "1-3 4-5!"},
        {"[{},{}", "1-3 4-6 6-6!"},
        {"[{},", "1-3 4-4!"},
        {"{\"Records\":[{}],\"x\":", "12-14 20-20!"},
        {"{\"Records\":[{}],\"x\":[}", "12-14 21-22"},
        {"[[[[", "1-4!"},
        {"\xef\xbb\xbf{}", "0-3 3-5"},
        {"[\"abc", "1-5!"},
        {"[\"abc\\", "1-6!"},
    };
    static found whole;
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        char got[256] = "";
        split(rows[i].text, strlen(rows[i].text), 1000, sp_kernel_at(0), &usual, &whole);
        for (size_t k = 0; k < whole.n; k++)
            snprintf(got + strlen(got), sizeof got - strlen(got), "%s%d-%d%s", k ? " " : "", (int)whole.pieces[k].start,
                     (int)whole.pieces[k].end, whole.pieces[k].open ? "!" : "");
        if (strcmp(got, rows[i].want) != 0) fprintf(stderr, "%s\n  wanted %s\n  got    %s\n", rows[i].text, rows[i].want, got);
        CHECK(strcmp(got, rows[i].want) == 0);
        CHECK(agree(rows[i].text, strlen(rows[i].text), &whole));
    }
}

/* Texts with some bytes exchanged: the same for every kernel and every piece; pieces stand in order, and what is no piece is no letter. */
static void mutants(void) {
    static const char signs[] = "{}[]\",:\\\n x{[\"\\";
    static found whole;
    char text[2048];
    uint32_t r = 1;
    for (int turn = 0; turn < 4000; turn++) {
        size_t n = 0;
        for (int k = 0; k < 3; k++) {
            r = r * 1664525u + 1013904223u;
            n += (size_t)snprintf(text + n, sizeof text - n, "%s", valid[(r >> 8) % (sizeof valid / sizeof *valid)]);
        }
        for (int k = turn % 5; k >= 0 && n; k--) {
            r = r * 1664525u + 1013904223u;
            text[(r >> 8) % n] = signs[(r >> 3) % (sizeof signs - 1)];
        }
        split(text, n, n ? n : 1, sp_kernel_named(SP_VIEW("plain")) ? sp_kernel_named(SP_VIEW("plain")) : sp_kernel_best(), &usual, &whole);
        int ok = agree(text, n, &whole);
        for (size_t i = 0; i < whole.n; i++)
            ok &= whole.pieces[i].start <= whole.pieces[i].end && (!i || whole.pieces[i - 1].end <= whole.pieces[i].start);
        CHECK(ok);
        if (!ok) return;
    }
}

/* Escapes at every place of a block of 64 bytes. */
static void escapes(void) {
    static const char *const tails[] = {"\\\"]}{", "\\\\", "\\\\\\\"}]"};
    static found want;
    char text[512];
    for (int pad = 0; pad < 140; pad++)
        for (size_t i = 0; i < 6; i++) {
            size_t n = (size_t)snprintf(text, sizeof text, "[{\"a\":{\"b\":[\"%*s%s\",\"%*s\"]}},\n{}]", pad, "", tails[i % 3],
                                        i < 3 ? 0 : 90, "");
            plain_split(text, n, &usual, &want);
            CHECK(want.n == 2 && agree(text, n, &want));
        }
}

static void deep(void) { /* brackets beyond the stack are counted */
    size_t n = 2 * 3 * SP_SPLIT_DEPTH + 8, k = 0;
    char *text = malloc(n);
    static found want;
    if (!text) abort();
    text[k++] = '[';
    for (size_t i = 0; i < 3 * SP_SPLIT_DEPTH; i++) text[k++] = '[';
    for (size_t i = 0; i < 3 * SP_SPLIT_DEPTH; i++) text[k++] = ']';
    k += (size_t)sprintf(text + k, ",{}]");
    split(text, k, k, sp_kernel_at(0), &usual, &want);
    CHECK(want.n == 2 && want.pieces[0].end == k - 4 && want.pieces[1].start == k - 3 && !want.incomplete);
    CHECK(agree(text, k, &want));
    free(text);
}

static void tells(void) {
    static const struct {
        const char *text;
        sp_tell want;
    } rows[] = {
        {"", SP_TELL_LINES},
        {"x", SP_TELL_LINES},
        {"{}", SP_TELL_LINES},
        {"{}\n{}", SP_TELL_LINES},
        {"{}{}\n{}{}", SP_TELL_LINES},
        {"{\"a\":[{}]}\n{\n}", SP_TELL_LINES}, /* the first says what it is */
        {"{\"a\":", SP_TELL_OPEN},
        {"{\"a\":\n{\"b\":1}\n{\"c\":1}\n", SP_TELL_LINES}, /* lines that were cut */
        {"{\"a\":1,\n{\"b\":1}\n", SP_TELL_LINES},
        {"{\"a\":\"x\n{\"b\":1}\n", SP_TELL_LINES},
        {"[\n{\"b\":1}\n{\"b\":1}\n", SP_TELL_LINES},
        {"[INFO] {}\n", SP_TELL_LINES},
        {"[2026-03-02 09:15] {}\n", SP_TELL_LINES},
        {"[1] {}\n", SP_TELL_LINES},
        {"[{}]\n{}\n", SP_TELL_LINES},
        {"[1]\n[2]\n", SP_TELL_LINES},
        {"[]", SP_TELL_CONTAINER},
        {"[{\"a\":1},{", SP_TELL_CONTAINER},
        {"[{\"a\":", SP_TELL_CONTAINER},
        {"[\n{}\n]\n{}", SP_TELL_CONTAINER},
        {"[{}]\n[{}]\n", SP_TELL_CONTAINER},
        {"[1, 2]", SP_TELL_CONTAINER},
        {"{\n \"a\": 1\n}", SP_TELL_CONTAINER},
        {"{\n \"a\": 1,\n {", SP_TELL_CONTAINER},
        {"{\"a\": [\n  {\n \"b\":", SP_TELL_CONTAINER},
        {"{\n}\n", SP_TELL_CONTAINER},
        {"{\"Records\":[{}]}", SP_TELL_CONTAINER},
        {"{\"Records\":[{}]}\n\n", SP_TELL_CONTAINER},
        {"{\"Records\":[{}]}{\"Records\":[{}]}", SP_TELL_CONTAINER},
        {"{\"Records\":[{}]}\n{\"Records\":[{}]}", SP_TELL_CONTAINER},
        {"{\"Records\":[{\"a\":", SP_TELL_CONTAINER},
        {"{\"data\":[1]}", SP_TELL_LINES},
        {" \n\r\n [{}]", SP_TELL_CONTAINER},
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        sp_split s;
        guarded g = guard(rows[i].text, strlen(rows[i].text));
        sp_split_init(&s, sp_kernel_best(), &usual, 0);
        sp_tell got = sp_split_tell(&s, g.p, 0, g.n, 0);
        if (got != rows[i].want) fprintf(stderr, "%s: told %d\n", rows[i].text, (int)got);
        CHECK(got == rows[i].want);
        unguard(&g);
    }
}

static void pointers(void) {
    static sp_split_paths x;
    static found f;
    static const char *const bad[] = {"",
                                      "a",
                                      "/a\n",
                                      "/a\nb",
                                      "/~",
                                      "/~2",
                                      "/1/2/3/4/5/6/7/8/9",
                                      "/aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"};
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) CHECK(sp_split_paths_init(&x, bad[i]) == SP_ERR_SYNTAX);
    char many[256] = "/a";
    for (int i = 0; i < 32; i++) strcat(many, "\n/a");
    CHECK(sp_split_paths_init(&x, many) == SP_ERR_SYNTAX);
    many[strlen(many) - 3] = 0;
    CHECK(sp_split_paths_init(&x, many) == SP_OK && x.n == 32);
    CHECK(sp_split_paths_init(&x, "/a~1b/*/c~0\n/~01") == SP_OK && x.n == 2 && x.depth[0] == 3);
    split("{\"a/b\":[{\"c~\":[1,2]}],\"~1\":[3]}{\"~1\":[]}", 40, 40, sp_kernel_best(), &x, &f);
    CHECK(f.n == 2 && f.pieces[0].start == 15 && f.pieces[1].start == 17 && f.pointer == 0 && f.documents == 2);
}

int main(void) {
    CHECK(sp_split_paths_init(&usual, NULL) == SP_OK);
    valid_texts();
    damaged_texts();
    mutants();
    escapes();
    deep();
    tells();
    pointers();
    return check_done();
}
