/* Any bytes as a log: however they come and whoever reads them, the rows are those of one piece read by one thread, and
   lines = classified + rejected; and no row depends on the lines before it. The first five bytes choose: what the reader is, and how long its pieces are; the rest is
   the log. Head and slices of a stream are small in this build. */
#include "fuzz.h"
#include "sp_columns_impl.h"

#define HEAD 5

typedef struct choice {
    const sp_rules *rules;
    unsigned threads;
    int cut;              /* the input ends in an error */
    const uint8_t *steps; /* lengths of the pieces, around and around; NULL: one piece */
} choice;

static size_t column_of(const char *name) {
    size_t i = 0;
    while (strcmp(sp_exchanges_schema.columns[i].name, name) != 0) i++;
    return i;
}

static void append_rows(sp_columns *c, sp_out *rows, uint64_t *n) {
    expect(sp_export_ndjson(c, 0, sp_columns_rows(c), rows) == SP_OK);
    *n += sp_columns_rows(c);
    sp_columns_drop(c);
}

static void take_all(sp_batch *b, sp_out *rows, sp_out *marks, uint64_t *n) {
    for (;;) {
        sp_columns *x, *y;
        uint64_t ignored = 0;
        expect(sp_batch_take(b, &x, &y) == SP_OK);
        if (!x) break;
        append_rows(x, rows, n);
        append_rows(y, marks, &ignored);
    }
}

static sp_summary read_log(const choice *c, const uint8_t *p, size_t n, sp_out *rows, sp_out *marks) {
    sp_batch *b;
    uint64_t got = 0, counted = 0, passed = 0;
    sp_batch_options o = {.rules = c->rules, .source = "log", .threads = c->threads, .evidence = 1};
    expect(sp_batch_new(&sp_alloc_std, &o, &b) == SP_OK);
    for (size_t at = 0, k = 0; at < n; k++) {
        size_t step = c->steps ? c->steps[k & 3] : n;
        if (step > n - at) step = n - at;
        uint8_t *room;
        expect(sp_batch_room(b, step, &room) == SP_OK);
        if (step) memcpy(room, p + at, step);
        sp_batch_commit(b, step);
        at += step;
        take_all(b, rows, marks, &got);
    }
    sp_batch_finish(b, c->cut);
    take_all(b, rows, marks, &got);
    const sp_summary s = *sp_batch_summary(b);
    for (int i = 0; i < SP_STATE_COUNT; i++) counted += s.classified[i];
    for (int i = 0; i < SP_STATUS_COUNT; i++) counted += s.rejected[i];
    for (unsigned i = 0; i < SP_MAX_PASSES; i++) passed += s.passed[i];
    expect(counted == got && counted + passed == s.records && (s.encoding ? got == 0 : got == s.lines_total - s.lines_blank) &&
           s.bytes == n);
    expect(s.rejected[SP_ERR_INTERNAL] == 0 && s.rejected[SP_OK] == 0);
    sp_batch_free(b);
    return s;
}

/* What a line gives doesn't depend on the lines before it: each alone, read by a fresh reader. */
static void read_lines(const choice *c, const char *format, const uint8_t *p, size_t n) {
    sp_batch *all, *one;
    sp_columns *x, *y, *xs, *ys;
    uint8_t *room = NULL;
    sp_batch_options o = {
        .rules = c->rules, .source = "log", .source_id = "id", .format = format, .records = "lines", .threads = 1, .evidence = 1};
    expect(sp_batch_new(&sp_alloc_std, &o, &all) == SP_OK && sp_batch_room(all, n, &room) == SP_OK);
    memcpy(room, p, n);
    sp_batch_commit(all, n);
    sp_batch_finish(all, 0);
    expect(sp_batch_take(all, &xs, &ys) == SP_OK);
    size_t row = 0, mark = 0, start = column_of("byte_start"), end = column_of("byte_end");
    for (unsigned k = 0; xs && k < 12 && row < sp_columns_rows(xs); k++, row++) { /* those of the first slice */
        size_t at = (size_t)spi_cell_int(xs, start, row), length = (size_t)spi_cell_int(xs, end, row) - at;
        expect(at <= n && length <= n - at);
        /* alone, the one is a mark of the file, and the other a part of the line end */
        if ((length >= 3 && !memcmp(p + at, "\xef\xbb\xbf", 3)) || (length && p[at + length - 1] == '\r')) break;
        expect(sp_batch_new(&sp_alloc_std, &o, &one) == SP_OK && sp_batch_room(one, length + 1, &room) == SP_OK);
        memcpy(room, p + at, length);
        room[length] = '\n';
        sp_batch_commit(one, length + 1);
        sp_batch_finish(one, 0);
        expect(sp_batch_take(one, &x, &y) == SP_OK);
        if (x && sp_columns_rows(x) == 1) {
            expect(same_cells(xs, row, x, 0) && mark + sp_columns_rows(y) <= sp_columns_rows(ys));
            for (size_t i = 0; i < sp_columns_rows(y); i++) expect(same_cells(ys, mark + i, y, i));
            mark += sp_columns_rows(y);
        } else k = 12; /* alone it looks like another encoding, or a byte order mark; what follows can't be aligned */
        sp_columns_drop(x);
        sp_columns_drop(y);
        sp_batch_free(one);
    }
    sp_columns_drop(xs);
    sp_columns_drop(ys);
    sp_batch_free(all);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    static sp_rules *usual, *narrow;
    if (!usual) usual = fuzz_rules_new(0), narrow = fuzz_rules_new(48);
    if (size < HEAD || !memcmp(data + 1, "\0\0\0\0", 4)) return 0; /* no progress */
    size_t n = size - HEAD;
    uint8_t *log = exact(data + HEAD, n);
    choice one = {data[0] & 1 ? narrow : usual, 1, data[0] >> 1 & 1, NULL}, cut = one;
    cut.threads = 1 + (data[0] >> 2) % 3;
    cut.steps = data + 1;
    sp_out rows[2] = {{.alloc = &sp_alloc_std}, {.alloc = &sp_alloc_std}}, marks[2] = {{.alloc = &sp_alloc_std}, {.alloc = &sp_alloc_std}};
    sp_summary a = read_log(&one, log, n, &rows[0], &marks[0]), b = read_log(&cut, log, n, &rows[1], &marks[1]);
    expect(rows[0].n == rows[1].n && (!rows[0].n || memcmp(rows[0].p, rows[1].p, rows[0].n) == 0));
    expect(marks[0].n == marks[1].n && (!marks[0].n || memcmp(marks[0].p, marks[1].p, marks[0].n) == 0));
    expect(a.format == b.format && a.encoding == b.encoding && a.bom == b.bom && a.crlf == b.crlf && sp_view_eq(a.container, b.container) &&
           a.cr_only == b.cr_only && a.incomplete == b.incomplete && a.records == b.records && a.lines_total == b.lines_total &&
           memcmp(a.flags, b.flags, sizeof a.flags) == 0);
    if (!a.encoding && a.format && n && sp_view_eq(a.container, SP_VIEW("jsonl"))) read_lines(&one, a.format, log, n);
    for (int i = 0; i < 2; i++) {
        sp_release(&sp_alloc_std, rows[i].p);
        sp_release(&sp_alloc_std, marks[i].p);
    }
    free(log);
    return 0;
}
