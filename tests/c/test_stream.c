/* Streams: lines over the limit, cuts, marks at the start of a file, encodings; every line gives a row, in order. */
#include "check.h"
#include "small_pack.h"
#include "sp_batch.h"
#include "sp_columns_impl.h"

static sp_rules *rules, *narrow; /* narrow: lines of at most 100 bytes */

enum {
    LONG = 100
};

typedef struct outcome {
    size_t rows, next_byte;
    char errors[256]; /* codes of the rejected lines, `-` for the others */
    char hash[64];    /* of the first payload */
    sp_summary s;
} outcome;

static size_t column(const sp_schema *s, const char *name) {
    size_t i = 0;
    while (strcmp(s->columns[i].name, name) != 0) i++;
    return i;
}

static void add(outcome *o, const sp_columns *c) {
    size_t line = column(c->schema, "line"), start = column(c->schema, "byte_start"), end = column(c->schema, "byte_end"),
           error = column(c->schema, "error"), hash = column(c->schema, "payload_hash");
    for (size_t i = 0; i < sp_columns_rows(c); i++, o->rows++) {
        CHECK(spi_cell_int(c, line, i) > (int64_t)o->rows); /* blank lines count, too */
        CHECK((size_t)spi_cell_int(c, start, i) >= o->next_byte);
        o->next_byte = (size_t)spi_cell_int(c, end, i);
        sp_view why = spi_cell_text(c, error, i), what = spi_cell_text(c, hash, i);
        const uint8_t *blank = why.n ? memchr(why.p, ' ', why.n) : NULL;
        snprintf(o->errors + strlen(o->errors), sizeof o->errors - strlen(o->errors), "%s%.*s", o->rows ? "," : "",
                 blank ? (int)(blank - why.p) : 1, blank ? (const char *)why.p : "-");
        if (!o->rows) snprintf(o->hash, sizeof o->hash, "%.*s", (int)what.n, (const char *)what.p);
    }
}

static outcome read_pieces(const sp_rules *r, const void *text, size_t n, size_t piece, unsigned threads, int cut) {
    outcome o = {0};
    sp_batch *b;
    sp_columns *x, *y;
    sp_batch_options options = {.rules = r, .source = "log", .source_id = "id", .threads = threads};
    CHECK(sp_batch_new(&sp_alloc_std, &options, &b) == SP_OK);
    for (size_t at = 0;;) {
        size_t step = n - at < piece ? n - at : piece;
        uint8_t *room;
        CHECK(sp_batch_room(b, step, &room) == SP_OK && room);
        if (step) memcpy(room, (const char *)text + at, step);
        sp_batch_commit(b, step);
        at += step;
        if (at == n) sp_batch_finish(b, cut);
        while (sp_batch_take(b, &x, &y) == SP_OK && x) {
            CHECK(!y); /* no evidence was asked for */
            add(&o, x);
            sp_columns_drop(x);
        }
        if (at == n) break;
    }
    o.s = *sp_batch_summary(b);
    uint64_t counted = 0;
    for (int i = 0; i < SP_STATE_COUNT; i++) counted += o.s.classified[i];
    for (int i = 0; i < SP_STATUS_COUNT; i++) counted += o.s.rejected[i];
    CHECK(counted == o.s.records && counted == o.rows && o.s.bytes == n && (o.s.encoding || o.rows == o.s.lines_total - o.s.lines_blank));
    sp_batch_free(b);
    return o;
}

/* The same in one piece and in pieces, with one thread and with two. */
static outcome read_log(const sp_rules *r, const void *text, size_t n, int cut) {
    outcome whole = read_pieces(r, text, n, n, 1, cut);
    static const size_t pieces[] = {7, 4096, 1u << 20};
    for (size_t i = n > 100000 ? 1 : 0; i < 3; i++) {
        outcome o = read_pieces(r, text, n, pieces[i], 1 + (i & 1), cut);
        CHECK(o.rows == whole.rows && strcmp(o.errors, whole.errors) == 0 && strcmp(o.hash, whole.hash) == 0);
        CHECK(o.s.format == whole.s.format && o.s.lines_total == whole.s.lines_total && o.next_byte == whole.next_byte);
    }
    return whole;
}

static int rejects(const sp_rules *r, const char *text, int cut, const char *want) {
    outcome o = read_log(r, text, strlen(text), cut);
    if (strcmp(o.errors, want) != 0) fprintf(stderr, "%.60s: %s\n", text, o.errors);
    return strcmp(o.errors, want) == 0;
}

static void ends(void) {
    CHECK(rejects(rules, "", 0, "") && rejects(rules, "\n \r\n\t\n", 0, ""));
    CHECK(rejects(rules, "{}\n{}", 0, "-,-") && rejects(rules, "{}\n{}", 1, "-,input_cut") && rejects(rules, "{}\n{}\n", 1, "-,-"));
    CHECK(rejects(rules, "{}\n{\"a\":\n\n{}\r\n[1]\n", 0, "-,truncated,-,not_an_object"));
    CHECK(read_log(rules, "{}\r\n{}", 6, 0).s.crlf == 1 && read_log(rules, "{}\n{}\r", 6, 0).s.crlf == 0);
}

/* A line over the limit is one row, wherever it stands and however long it is; the lines beside it are read. */
static void long_lines(void) {
    char line[LONG + 2], text[4 * LONG + 64];
    static const char *const ends_of[] = {"\n", "\r\n"};
    for (size_t i = 0; i < 2; i++)
        for (int more = 0; more < 2; more++) {
            memset(line, ' ', sizeof line);
            memcpy(line, "{\"a\":1", 6);
            line[LONG - 1 + more] = '}';
            line[LONG + more] = 0;
            snprintf(text, sizeof text, "{}%s%s%s{}%s", ends_of[i], line, ends_of[i], ends_of[i]);
            CHECK(rejects(narrow, text, 0, more ? "-,line_too_long,-" : "-,-,-"));
            snprintf(text, sizeof text, "%s%s{}", line, ends_of[i]);
            CHECK(rejects(narrow, text, 0, more ? "line_too_long,-" : "-,-"));
            CHECK(rejects(narrow, line, 0, more ? "line_too_long" : "-"));
            CHECK(rejects(narrow, line, 1, more ? "line_too_long" : "input_cut"));
        }
}

/* Longer than the head of a stream, and than a slice: its bytes are not kept. Its length is told, and it has no part in telling the format. */
static void endless_lines(void) {
    static const size_t lengths[] = {70000, 5 * (size_t)SP_SLICE_BYTES};
    static const char before[] = "{\"method\":\"POST\",\"url\":\"/go\",\"body\":{}}\n", after[] = "\n{\"b\":2}";
    for (size_t i = 0; i < 2; i++)
        for (int first = 0; first < 2; first++) {
            size_t b = first ? 0 : sizeof before - 1, n = b + lengths[i] + sizeof after - 1;
            char *text = malloc(n);
            if (!text) abort();
            memcpy(text, before, b);
            memset(text + b, 'x', lengths[i]);
            memcpy(text + b, "{\"url\":\"", 8);
            memcpy(text + b + lengths[i] - 2, "\"}", 2);
            memcpy(text + b + lengths[i], after, sizeof after - 1);
            outcome o = read_log(narrow, text, n, 0);
            CHECK(strcmp(o.errors, first ? "line_too_long,-" : "-,line_too_long,-") == 0 && o.next_byte == n);
            CHECK(o.s.format && strcmp(o.s.format, first ? "bodies" : "flat") == 0);
            o = read_log(narrow, text, b + lengths[i], 0); /* it is the last */
            CHECK(strcmp(o.errors, first ? "line_too_long" : "-,line_too_long") == 0 && o.next_byte == b + lengths[i]);
            free(text);
        }
}

static int is(sp_view v, const char *text) { return v.n == strlen(text) && memcmp(v.p, text, v.n) == 0; }

static void starts(void) {
    outcome o = read_log(rules, "\xef\xbb\xbf{}\n", 6, 0);
    CHECK(o.s.bom == 1 && strcmp(o.errors, "-") == 0);
    CHECK(rejects(rules, "{}\n\xef\xbb\xbf{}\n", 0, "-,unexpected_bom"));
    CHECK(is(read_log(rules, " [{},\n{}]", 9, 0).s.container, "array") && is(read_log(rules, "{}\n[1]", 6, 0).s.container, "jsonl"));
    CHECK(read_log(rules, "{}\r{}\r", 6, 0).s.cr_only == 1);
    static const struct {
        const char *text;
        size_t n;
        const char *encoding;
    } rows[] = {
        {"\xff\xfe{\0", 4, "utf-16-le"},         {"\xfe\xff\0{", 4, "utf-16-be"},    {"\xff\xfe\0\0{\0\0\0", 8, "utf-32-le"},
        {"\0\0\xfe\xff\0\0\0{", 8, "utf-32-be"}, {"{\0}\0\n\0{\0", 8, "utf-16-le"},  {"\0{\0}\0\n\0{", 8, "utf-16-be"},
        {"{\0\0\0}\0\0\0", 8, "utf-32-le"},      {"\0\0\0{\0\0\0}", 8, "utf-32-be"},
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        o = read_log(rules, rows[i].text, rows[i].n, 0);
        CHECK(o.rows == 0 && o.s.encoding && strcmp(o.s.encoding, rows[i].encoding) == 0);
    }
    CHECK(rejects(rules, "{}", 0, "-") && !read_log(rules, "{\0}", 3, 0).s.encoding);
}

static void formats(void) {
    sp_batch *b;
    sp_batch_options o = {.rules = rules, .source = "log", .threads = 1000, .format = "pairs"};
    CHECK(sp_batch_new(&sp_alloc_std, &o, &b) == SP_OK); /* more threads than a reader uses */
    sp_batch_free(b);
    o.format = "yaml";
    CHECK(sp_batch_new(&sp_alloc_std, &o, &b) == SP_ERR_SYNTAX && !b);
}

/* A rule set's kernel reads the strings of its lines and of what is unpacked from them. */
static atomic_size_t finds, unescapes;
static const uint8_t *spy_find(const uint8_t *p, const uint8_t *end, uint32_t *high) {
    atomic_fetch_add(&finds, 1);
    return sp_kernel_best()->find(p, end, high);
}
static const uint8_t *spy_unescape(const uint8_t *p, const uint8_t *end, uint8_t **out, uint32_t *high, uint32_t *flags) {
    atomic_fetch_add(&unescapes, 1);
    return sp_kernel_best()->unescape(p, end, out, high, flags);
}

static void kernels(void) {
    static const char text[] = "{\"method\":\"POST\",\"url\":\"/go\",\"body\":\"{\\\"m\\\":\\\"a\\\\nb\\\"}\"}\n";
    const sp_kernel spy = {"spy", PTRDIFF_MAX, spy_find, spy_unescape, sp_kernel_best()->utf8, NULL, sp_kernel_best()->hash};
    sp_rules *spied;
    sp_rules_error err;
    CHECK(small_rules_by(&sp_alloc_std, 0, &spy, &spied, &err) == SP_OK && sp_rules_kernel(spied) == &spy);
    CHECK(sp_rules_kernel(rules) == sp_kernel_best());
    size_t packs = atomic_load(&finds); /* strings of packs are read by it, too */
    CHECK(packs > 0);
    atomic_store(&finds, 0);
    atomic_store(&unescapes, 0);
    outcome o = read_pieces(spied, text, sizeof text - 1, sizeof text - 1, 1, 0), want = read_pieces(rules, text, sizeof text - 1, 7, 1, 0);
    CHECK(atomic_load(&finds) >= 8 && atomic_load(&unescapes) >= 2 && strcmp(o.hash, want.hash) == 0 && o.hash[0]);
    sp_rules_free(spied);
    for (size_t i = 0; sp_kernel_at(i); i++) {
        sp_view name = {(const uint8_t *)sp_kernel_at(i)->name, strlen(sp_kernel_at(i)->name)};
        CHECK(sp_kernel_named(name) == sp_kernel_at(i));
        name.n--;
        CHECK(!sp_kernel_named(name));
    }
    CHECK(!sp_kernel_named(SP_VIEW("spy")) && !sp_kernel_named(SP_VIEW("plain2")) && !sp_kernel_named(SP_VIEW("")));
}

int main(void) {
    sp_rules_error err;
    CHECK(small_rules(&sp_alloc_std, 0, &rules, &err) == SP_OK && small_rules(&sp_alloc_std, LONG, &narrow, &err) == SP_OK);
    ends();
    long_lines();
    endless_lines();
    starts();
    formats();
    kernels();
    sp_rules_free(rules);
    sp_rules_free(narrow);
    return check_done();
}
