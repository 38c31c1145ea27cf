#include <pthread.h>
#include <stdio.h>

#include "check.h"
#include "sp_filter.h"
#include "sp_limits.h"
#include "table.h"

#define ROWS 100u
#define NUMBER(n) ((sp_filter_value){{NULL, 0}, n})
#define TEXT(t) ((sp_filter_value){SP_VIEW(t), SP_NULL_INT})

static sp_filter_options options(const sp_filter_step *steps, size_t n) {
    return (sp_filter_options){
        .schema = &table_schema, .steps = steps, .step_n = n, .since = SP_NULL_INT, .until = SP_NULL_INT, .share = 1};
}

static sp_part all_of(sp_columns *c) { return (sp_part){c, 0, sp_columns_rows(c)}; }

/* ---- rows that are picked ------------------------------------------------------------------------------------------------------------- */

static size_t every(size_t step, size_t rows, uint32_t *out) {
    size_t n = 0;
    for (size_t i = step / 2; i < rows; i += step) out[n++] = (uint32_t)i;
    return n;
}

static void picks(void) {
    uint32_t rows[ROWS];
    for (size_t step = 1; step < ROWS; step += step < 9 ? 1 : 20) {
        sp_columns *c = table_of(&sp_alloc_std, ROWS), *d = coded_of(&sp_alloc_std, ROWS);
        size_t n = every(step, ROWS, rows);
        sp_columns *kept = sp_columns_pick(&sp_alloc_std, c, rows, n), *coded = sp_columns_pick(&sp_alloc_std, d, rows, n);
        sp_columns_drop(c); /* nothing of the old ones is needed */
        sp_columns_drop(d);
        CHECK(sp_columns_rows(kept) == n && sp_columns_rows(coded) == n);
        for (size_t i = 0; i < n; i++) CHECK(table_row_is(kept, i, rows[i]) && coded_row_is(coded, i, rows[i]));
        for (size_t k = 0; k < table_schema.count; k++) {
            size_t nulls = 0;
            for (size_t i = 0; i < n; i++) nulls += !spi_cell_valid(kept, k, i);
            CHECK(kept->columns[k].nulls == nulls);
            if (n % 8) CHECK(kept->columns[k].valid[n >> 3] >> (n & 7) == 0);
        }
        sp_columns_drop(kept);
        sp_columns_drop(coded);
    }
}

static void picks_texts_that_are_used(void) {
    const uint32_t rows[] = {27, 53, 27, 24}; /* b, bb, b, null */
    sp_columns *c = coded_of(&sp_alloc_std, ROWS), *kept = sp_columns_pick(&sp_alloc_std, c, rows, 4);
    CHECK(kept->columns[WORD].item_count == 2 && kept->columns[WORD].offsets[0] == 0 && kept->columns[WORD].offsets[1] == 1);
    CHECK(coded_row_is(kept, 0, 27) && coded_row_is(kept, 1, 53) && coded_row_is(kept, 2, 27) && coded_row_is(kept, 3, 24));
    sp_columns *none = sp_columns_pick(&sp_alloc_std, c, rows, 0);
    CHECK(sp_columns_rows(none) == 0 && none->columns[HASH].offsets[0] == 0 && none->columns[HASHES].items[0] == 0);
    sp_columns_drop(none);
    sp_columns_drop(kept);
    sp_columns_drop(c);
}

/* ---- expressions ------------------------------------------------------------------------------------------------------------------------ */

/* How many of the rows are kept; *left is what was left out. */
static size_t kept(const sp_filter_options *o, sp_filter_result *r) {
    sp_columns *c = table_of(&sp_alloc_std, ROWS);
    sp_filter *f;
    CHECK(sp_filter_new(&sp_alloc_std, o, &f) == SP_OK);
    CHECK(sp_filter_run(f, all_of(c), (sp_part){0}, SIZE_MAX, r) == SP_OK);
    size_t n = r->exchanges.count, all = n;
    for (size_t i = 0; i < SP_LEFT_COUNT; i++) all += r->left[i];
    CHECK(all == ROWS && r->seen == ROWS && n == sp_columns_rows(r->exchanges.columns) && !r->evidence.columns);
    sp_columns_drop(r->exchanges.columns);
    sp_filter_free(f);
    sp_columns_drop(c);
    return n;
}

static void answers_as_sql_does(void) {
    const sp_filter_value ten = NUMBER(10), words[] = {TEXT("row 8"), TEXT("row 4"), TEXT("row 10"), TEXT("row 5")}, yes = NUMBER(1);
    const sp_filter_value item = TEXT("row 7");
    sp_filter_result r;
    /* small is i - 10, and null where i % 4 is 3 */
    const sp_filter_step steps[] = {
        {SP_FILTER_LESS, SMALL, &ten, 1}, {SP_FILTER_AT_MOST, SMALL, &ten, 1}, {SP_FILTER_NULL, SMALL, NULL, 0},
        {SP_FILTER_IN, UID, words, 4},    {SP_FILTER_IN, YES, &yes, 1},        {SP_FILTER_HAS, LIST, &item, 1},
    };
    const size_t wanted[][2] = {{15, 60}, {16, 59}, {25, 75}, {3, 72}, {25, 50}, {4, 71}}; /* yes, no; the others are not known */
    for (size_t i = 0; i < sizeof steps / sizeof *steps; i++) {
        sp_filter_step denied[] = {steps[i], {.op = SP_FILTER_NOT}};
        sp_filter_options plain = options(&steps[i], 1), opposite = options(denied, 2);
        CHECK(kept(&plain, &r) == wanted[i][0] && r.left[SP_LEFT_WHERE] == wanted[i][1]);
        CHECK(kept(&opposite, &r) == wanted[i][1] && r.left[SP_LEFT_WHERE] == wanted[i][0]);
    }
    const sp_filter_step either[] = {steps[0], steps[2], {.op = SP_FILTER_OR}}, both[] = {steps[0], steps[2], {.op = SP_FILTER_AND}};
    sp_filter_options o = options(either, 3);
    CHECK(kept(&o, &r) == 40 && r.left[SP_LEFT_WHERE_UNKNOWN] == 0); /* yes decides over not known */
    o = options(both, 3);
    CHECK(kept(&o, &r) == 0 && r.left[SP_LEFT_WHERE] == 75 && r.left[SP_LEFT_WHERE_UNKNOWN] == 25);
    o = options(NULL, 0);
    CHECK(kept(&o, &r) == ROWS);
}

static void refuses_what_is_none(void) {
    static sp_filter_step many[2 * SP_FILTER_STEPS];
    const sp_filter_value number = NUMBER(1), text = TEXT("x");
    const sp_filter_step null = {SP_FILTER_NULL, UID, NULL, 0}, not = {.op = SP_FILTER_NOT}, and = {.op = SP_FILTER_AND};
    const sp_filter_step wrong[][3] = {
        {not, null, null},
        {null, null, null},
        {null, and, null},
        {{SP_FILTER_IN, UID, &text, 0}, not, not },
        {{SP_FILTER_IN, UID, &number, 1}, not, not },
        {{SP_FILTER_IN, BIG, &text, 1}, not, not },
        {{SP_FILTER_IN, LIST, &text, 1}, not, not },
        {{SP_FILTER_HAS, UID, &text, 1}, not, not },
        {{SP_FILTER_LESS, YES, &number, 1}, not, not },
        {{SP_FILTER_IN, 6, &text, 1}, not, not },
        {{SP_FILTER_NULL, UID, &text, 1}, not, not },
        {{SP_FILTER_OP_COUNT, UID, &text, 1}, not, not },
        {null, {SP_FILTER_NOT, UID, &text, 1}, not },
    };
    sp_filter *f;
    for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++) {
        sp_filter_options o = options(wrong[i], 3);
        CHECK(sp_filter_new(&sp_alloc_std, &o, &f) == SP_ERR_SYNTAX && !f);
    }
    for (size_t i = 0; i < SP_FILTER_STEPS; i++) many[i] = i ? not : null;
    sp_filter_options o = options(many, SP_FILTER_STEPS);
    CHECK(sp_filter_new(&sp_alloc_std, &o, &f) == SP_OK);
    sp_filter_free(f);
    o = options(many, SP_FILTER_STEPS + 1);
    CHECK(sp_filter_new(&sp_alloc_std, &o, &f) == SP_ERR_SYNTAX);
    for (size_t depth = SP_FILTER_DEPTH; depth <= SP_FILTER_DEPTH + 1; depth++) {
        for (size_t i = 0; i < 2 * depth - 1; i++) many[i] = i < depth ? null : and;
        o = options(many, 2 * depth - 1);
        CHECK(sp_filter_new(&sp_alloc_std, &o, &f) == (depth > SP_FILTER_DEPTH ? SP_ERR_SYNTAX : SP_OK));
        sp_filter_free(f);
    }
    const double shares[] = {0, -0.1, 1.1, 0.0 / 0.0};
    for (size_t i = 0; i < 4; i++) {
        o = options(NULL, 0);
        o.share = shares[i];
        CHECK(sp_filter_new(&sp_alloc_std, &o, &f) == SP_ERR_SYNTAX);
    }
    o = options(NULL, 0);
    o.schema = &coded_schema; /* has no time */
    CHECK(sp_filter_new(&sp_alloc_std, &o, &f) == SP_ERR_SYNTAX);
}

static void looks_at_the_window(void) {
    sp_filter_options o = options(NULL, 0);
    sp_filter_result r;
    o.since = 10 * 1000001; /* time is i * 1000001, and null where i % 4 is 1 */
    CHECK(kept(&o, &r) == 68 && r.left[SP_LEFT_NO_TIME] == 25 && r.left[SP_LEFT_OUTSIDE_TIME] == 7);
    CHECK(r.first == 0 && r.last == 99 * 1000001);
    o.until = 20 * 1000001;
    CHECK(kept(&o, &r) == 8);
    o.since = SP_NULL_INT;
    CHECK(kept(&o, &r) == 15);
}

/* Of a table that has errors. */
static void says_what_was_rejected(void) {
    static const sp_column_info columns[] = {
        {"uid", SP_KIND_STR, offsetof(table_row, uid), ""},
        {"small", SP_KIND_I32, offsetof(table_row, small), ""},
        {"time", SP_KIND_TIME, offsetof(table_row, time), ""},
        {"error", SP_KIND_STRS, offsetof(table_row, list), ""},
    };
    static const sp_schema schema = {"table", columns, 4};
    const sp_filter_value five = NUMBER(5);
    const sp_filter_step step = {SP_FILTER_LESS, 1, &five, 1}, error = {SP_FILTER_NULL, 3, NULL, 0};
    const sp_filter_step denied[] = {error, {.op = SP_FILTER_NOT}};
    sp_filter_options o[] = {options(&step, 1), options(NULL, 0), options(denied, 2)};
    const size_t wanted[][2] = {{1, 1}, {1, 2}, {0, 2}}; /* rejected, kept */
    sp_columns *c = sp_columns_new(&sp_alloc_std, &schema, NULL);
    const sp_view uid = SP_VIEW("row");
    for (size_t i = 0; i < 4; i++) { /* a row that was read, one without values, two that were rejected */
        table_row r = NULL_ROW;
        r.uid = uid;
        if (i == 0 || i == 3) r.small = (int64_t)i * 2, r.time = 7;
        if (i > 1) r.list = (sp_cell_STRS){&uid, 1};
        CHECK(sp_columns_append(c, &r) == SP_OK);
    }
    o[1].since = 5;
    for (size_t i = 0; i < 3; i++) {
        sp_filter *f;
        sp_filter_result r;
        o[i].schema = &schema;
        CHECK(sp_filter_new(&sp_alloc_std, &o[i], &f) == SP_OK);
        CHECK(sp_filter_run(f, all_of(c), (sp_part){0}, SIZE_MAX, &r) == SP_OK);
        CHECK(r.left[SP_LEFT_REJECTED] == wanted[i][0] && r.exchanges.count == wanted[i][1]);
        CHECK(r.left[SP_LEFT_NO_TIME] + r.left[SP_LEFT_WHERE_UNKNOWN] == (i < 2));
        sp_columns_drop(r.exchanges.columns);
        sp_filter_free(f);
    }
    sp_columns_drop(c);
}

static void samples(void) {
    const double shares[] = {1, 0.6, 0.3, 1e-9};
    sp_columns *c = table_of(&sp_alloc_std, ROWS);
    sp_filter_options o = options(NULL, 0);
    size_t before = ROWS + 1;
    uint8_t in_larger[ROWS];
    memset(in_larger, 1, sizeof in_larger);
    for (size_t i = 0; i < 4; i++) {
        sp_filter *f;
        sp_filter_result r;
        uint8_t in[ROWS] = {0};
        size_t n = 0;
        o.share = shares[i];
        CHECK(sp_filter_new(&sp_alloc_std, &o, &f) == SP_OK);
        for (size_t row = 0; row < ROWS; row++) { /* a row at a time: the same answer as in a batch */
            CHECK(sp_filter_run(f, (sp_part){c, row, 1}, (sp_part){0}, SIZE_MAX, &r) == SP_OK);
            in[row] = r.exchanges.count == 1;
            n += in[row];
            CHECK(in_larger[row] >= in[row]);
            sp_columns_drop(r.exchanges.columns);
        }
        CHECK(sp_filter_run(f, all_of(c), (sp_part){0}, SIZE_MAX, &r) == SP_OK && r.exchanges.count == n && n < before);
        sp_columns_drop(r.exchanges.columns);
        sp_filter_free(f);
        memcpy(in_larger, in, sizeof in);
        before = n;
    }
    sp_columns_drop(c);
}

/* ---- batches ---------------------------------------------------------------------------------------------------------------------------- */

static sp_columns *named(const char *const *uids, size_t n) {
    sp_columns *c = sp_columns_new(&sp_alloc_std, &table_schema, NULL);
    for (size_t i = 0; i < n; i++) {
        table_row r = NULL_ROW;
        r.uid = (sp_view){(const uint8_t *)uids[i], strlen(uids[i])};
        r.big = (int64_t)i;
        CHECK(sp_columns_append(c, &r) == SP_OK);
    }
    return c;
}

static void evidence_follows(void) {
    static const char *const uids[] = {"a", "b", "c", "d"}, *const marks[] = {"a", "a", "c", "d", "d", "d"};
    const sp_filter_value wanted[] = {TEXT("b"), TEXT("d"), TEXT("a")};
    const sp_filter_step step = {SP_FILTER_IN, UID, wanted, 3};
    const struct {
        size_t from, count, limit, rows, marks, seen;
    } cases[] = {{0, 4, 9, 3, 5, 4}, {0, 4, 2, 2, 2, 2}, {0, 4, 3, 3, 5, 4}, {0, 4, 0, 0, 0, 0}, {1, 3, 9, 2, 3, 3}, {3, 1, 9, 1, 3, 1}};
    sp_columns *c = named(uids, 4), *e = named(marks, 6);
    sp_filter_options o = options(&step, 1);
    for (size_t n = 0; n < 60; n++) { /* with every allocation failing once */
        faulty f;
        sp_filter *filter;
        sp_filter_result r;
        faulty_init(&f, n / 6, 0);
        size_t i = n % 6, skip = cases[i].from == 0 ? 0 : cases[i].from == 1 ? 2 : 3;
        sp_status st = sp_filter_new(&f.alloc, &o, &filter);
        if (st == SP_OK)
            st = sp_filter_run(filter, (sp_part){c, cases[i].from, cases[i].count}, (sp_part){e, skip, 6 - skip}, cases[i].limit, &r);
        CHECK(st == SP_OK || (st == SP_ERR_NOMEM && n >= 6));
        if (st == SP_OK) {
            CHECK(r.exchanges.count == cases[i].rows && r.evidence.count == cases[i].marks && r.seen == cases[i].seen);
            sp_view last = cases[i].marks ? spi_cell_text(r.evidence.columns, UID, r.evidence.from + r.evidence.count - 1) : SP_VIEW("");
            CHECK(!cases[i].marks || last.p[0] == (cases[i].marks == 2 ? 'a' : 'd'));
            sp_columns_drop(r.exchanges.columns);
            sp_columns_drop(r.evidence.columns);
        }
        sp_filter_free(filter);
        CHECK(f.live == 0);
    }
    sp_columns_drop(c);
    sp_columns_drop(e);
}

static void shares_a_batch_that_stays_whole(void) {
    sp_columns *c = table_of(&sp_alloc_std, ROWS);
    sp_filter_options o = options(NULL, 0);
    sp_filter *f;
    sp_filter_result r;
    CHECK(sp_filter_new(&sp_alloc_std, &o, &f) == SP_OK);
    CHECK(sp_filter_run(f, (sp_part){c, 5, 20}, (sp_part){0}, 20, &r) == SP_OK);
    CHECK(r.exchanges.columns == c && r.exchanges.from == 5 && r.exchanges.count == 20);
    sp_columns_drop(r.exchanges.columns);
    sp_columns *other = coded_of(&sp_alloc_std, 1);
    CHECK(sp_filter_run(f, all_of(other), (sp_part){0}, 20, &r) == SP_ERR_INTERNAL);
    sp_columns_drop(other);
    sp_filter_free(f);
    sp_columns_drop(c);
}

typedef struct shared {
    const sp_filter *filter;
    sp_columns *columns;
} shared;

static void *run_many(void *arg) {
    const shared *s = arg;
    for (int i = 0; i < 200; i++) {
        sp_filter_result r;
        CHECK(sp_filter_run(s->filter, all_of(s->columns), (sp_part){0}, SIZE_MAX, &r) == SP_OK && r.exchanges.count == 15);
        sp_columns_drop(r.exchanges.columns);
    }
    return NULL;
}

static void is_shared_between_threads(void) {
    const sp_filter_value ten = NUMBER(10);
    const sp_filter_step step = {SP_FILTER_LESS, SMALL, &ten, 1};
    sp_filter_options o = options(&step, 1);
    sp_filter *f;
    pthread_t threads[4];
    shared s = {.columns = table_of(&sp_alloc_std, ROWS)};
    CHECK(sp_filter_new(&sp_alloc_std, &o, &f) == SP_OK);
    s.filter = f;
    for (size_t i = 0; i < 4; i++) CHECK(pthread_create(&threads[i], NULL, run_many, &s) == 0);
    for (size_t i = 0; i < 4; i++) pthread_join(threads[i], NULL);
    sp_filter_free(f);
    sp_columns_drop(s.columns);
}

int main(void) {
    picks();
    picks_texts_that_are_used();
    answers_as_sql_does();
    refuses_what_is_none();
    looks_at_the_window();
    says_what_was_rejected();
    samples();
    evidence_follows();
    shares_a_batch_that_stays_whole();
    is_shared_between_threads();
    return check_done();
}
