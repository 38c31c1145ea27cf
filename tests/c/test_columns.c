#include <pthread.h>
#include <stdio.h>

#include "check.h"
#include "sp_group.h"
#include "table.h"

static void fills(void) {
    for (size_t rows = 0; rows < 70; rows += rows < 20 ? 1 : 25) {
        sp_columns *c = table_of(&sp_alloc_std, rows);
        CHECK(c && sp_columns_rows(c) == rows);
        for (size_t i = 0; i < rows; i++) CHECK(table_row_is(c, i, i));
        for (size_t k = 0; rows % 8 && k < table_schema.count; k++) /* bits past the end */
            CHECK(c->columns[k].valid[rows >> 3] >> (rows & 7) == 0);
        CHECK(c->columns[UID].offsets[0] == 0 && c->columns[LIST].offsets[0] == 0 && c->columns[LIST].items[0] == 0);
        CHECK(spi_columns_bytes(c) >= rows * 20);
        sp_columns_drop(c);
    }
}

static void codes(void) {
    for (size_t rows = 0; rows < 500; rows += rows < 20 ? 1 : 190) {
        sp_columns *c = coded_of(&sp_alloc_std, rows);
        CHECK(c && sp_columns_rows(c) == rows);
        for (size_t i = 0; i < rows; i++) CHECK(coded_row_is(c, i, i));
        if (rows > 300) CHECK(c->columns[WORD].item_count == 79); /* each text once: the empty one, and 26 of one to three letters */
        sp_columns_drop(c);
    }
}

static void counts_nulls(void) {
    sp_columns *c = table_of(&sp_alloc_std, 40);
    for (size_t k = 0; k < table_schema.count; k++) {
        size_t nulls = 0;
        for (size_t i = 0; i < 40; i++) nulls += !spi_cell_valid(c, k, i);
        CHECK(nulls == 10 && c->columns[k].nulls == nulls);
    }
    sp_columns_drop(c);
}

/* What a column can't hold is null; what would pass 2 GiB is refused and changes nothing. */
static void holds_bounds(void) {
    const sp_view empty = SP_VIEW(""), huge = {(const uint8_t *)"", (size_t)INT32_MAX + 1}, halves[] = {{empty.p, SIZE_MAX}, {empty.p, 2}};
    table_row r = NULL_ROW;
    sp_columns *c = sp_columns_new(&sp_alloc_std, &table_schema, NULL);
    r.uid = empty;
    r.small = INT32_MAX;
    r.time = INT64_C(253402300799999999);
    r.list = (sp_cell_STRS){&empty, 1};
    CHECK(sp_columns_append(c, &r) == SP_OK);
    CHECK(spi_cell_valid(c, UID, 0) && spi_cell_text(c, UID, 0).n == 0);
    CHECK(spi_cell_int(c, SMALL, 0) == INT32_MAX && spi_cell_int(c, TIME, 0) == INT64_C(253402300799999999));
    CHECK(spi_cell_items(c, LIST, 0) == 1 && spi_cell_item(c, LIST, 0, 0).n == 0);
    r.small = (int64_t)INT32_MAX + 1;
    r.time = INT64_C(253402300800000000);
    r.list = (sp_cell_STRS){&empty, 0};
    CHECK(sp_columns_append(c, &r) == SP_OK);
    CHECK(!spi_cell_valid(c, SMALL, 1) && !spi_cell_valid(c, TIME, 1));
    CHECK(spi_cell_valid(c, LIST, 1) && spi_cell_items(c, LIST, 1) == 0);
    r.small = (int64_t)INT32_MIN - 1;
    r.time = INT64_C(-62135596800000001);
    CHECK(sp_columns_append(c, &r) == SP_OK);
    CHECK(!spi_cell_valid(c, SMALL, 2) && !spi_cell_valid(c, TIME, 2));
    r.uid = huge;
    CHECK(sp_columns_append(c, &r) == SP_ERR_NOMEM);
    r.uid = empty;
    r.list = (sp_cell_STRS){&huge, 1};
    CHECK(sp_columns_append(c, &r) == SP_ERR_NOMEM);
    r.list = (sp_cell_STRS){halves, 2};
    CHECK(sp_columns_append(c, &r) == SP_ERR_NOMEM);
    r.list = (sp_cell_STRS){&empty, INT32_MAX};
    CHECK(sp_columns_append(c, &r) == SP_ERR_NOMEM);
    CHECK(sp_columns_rows(c) == 3 && c->columns[UID].data_n == 0);
    sp_columns_drop(c);
}

/* Every allocation fails once: the rows before are whole, and the same row goes in afterwards. */
static void survives_failures(void) {
    for (size_t n = 1;; n++) {
        faulty f;
        faulty_init(&f, n, 0);
        sp_columns *c = sp_columns_new(&f.alloc, &table_schema, NULL);
        CHECK(c || f.live == 0);
        if (!c) continue;
        size_t failed = 0;
        for (size_t i = 0; i < 50; i++) {
            table_row r = table_row_of(i);
            sp_status st = sp_columns_append(c, &r);
            if (st == SP_OK) continue;
            failed++;
            CHECK(st == SP_ERR_NOMEM && sp_columns_rows(c) == i);
            for (size_t k = 0; k < i; k++) CHECK(table_row_is(c, k, k));
            r = table_row_of(i);
            CHECK(sp_columns_append(c, &r) == SP_OK);
        }
        for (size_t k = 0; k < 50; k++) CHECK(table_row_is(c, k, k));
        sp_columns_drop(c);
        CHECK(f.live == 0);
        if (!failed) break;
    }
}

static void codes_survive_failures(void) {
    for (size_t n = 1, failed = 1; failed; n++) {
        faulty f;
        faulty_init(&f, n, 0);
        sp_columns *c = sp_columns_new(&f.alloc, &coded_schema, NULL);
        if (!c) continue;
        failed = 0;
        for (size_t i = 0; i < 90; i++) {
            coded_row r = coded_row_of(i);
            if (sp_columns_append(c, &r) == SP_OK) continue;
            failed++;
            CHECK(sp_columns_rows(c) == i);
            r = coded_row_of(i);
            CHECK(sp_columns_append(c, &r) == SP_OK);
        }
        for (size_t k = 0; k < 90; k++) CHECK(coded_row_is(c, k, k));
        sp_columns_drop(c);
        CHECK(f.live == 0);
    }
}

static void *hold_and_drop(void *arg) {
    for (int i = 0; i < 10000; i++) sp_columns_drop(sp_columns_hold(arg));
    sp_columns_drop(arg);
    return NULL;
}

static void shares_between_threads(void) {
    pthread_t threads[4];
    sp_columns *c = table_of(&sp_alloc_std, 3);
    for (size_t i = 0; i < 4; i++) CHECK(pthread_create(&threads[i], NULL, hold_and_drop, sp_columns_hold(c)) == 0);
    sp_columns_drop(c); /* the last thread frees */
    for (size_t i = 0; i < 4; i++) pthread_join(threads[i], NULL);
    sp_columns_drop(NULL);
}

static void knows_its_schemas(void) {
    const sp_schema *s = &sp_exchanges_schema;
    CHECK(s->count > 40 && strcmp(s->columns[0].name, "uid") == 0 && s->columns[0].offset == 0);
    CHECK(strcmp(sp_evidence_schema.table, "evidence") == 0 && strcmp(sp_evidence_schema.columns[0].name, "uid") == 0);
    sp_exchange_row row;
    memset(&row, 0, sizeof row); /* every text and list null, every number 0 */
    sp_columns *c = sp_columns_new(&sp_alloc_std, s, NULL);
    CHECK(c && sp_columns_append(c, &row) == SP_OK && !spi_cell_valid(c, SP_EXCHANGES_uid, 0) && spi_cell_valid(c, SP_EXCHANGES_line, 0));
    sp_columns_drop(c);
}

/* The rows with other texts in a column: nothing else is different, and what was there stays. */
static void replaces(void) {
    for (size_t rows = 0; rows < 70; rows += 23) {
        sp_columns *c = table_of(&sp_alloc_std, rows), *d = NULL;
        sp_view texts[70] = {{NULL, 0}};
        for (size_t i = 0; i < rows; i += 2) texts[i] = i % 4 ? SP_VIEW("") : SP_VIEW("a text that is longer than the ones before");
        for (size_t at = 1;; at++) {
            faulty f;
            faulty_init(&f, at, 0);
            sp_columns *e = table_of(&f.alloc, rows);
            sp_status st = e ? sp_columns_replace(e, UID, texts, &d) : SP_ERR_NOMEM;
            for (size_t i = 0; st == SP_OK && i < rows; i++) {
                CHECK(spi_cell_valid(d, UID, i) == (texts[i].p != NULL) && sp_view_eq(spi_cell_text(d, UID, i), texts[i]));
                CHECK(table_row_is(e, i, i) && spi_cell_int(d, TIME, i) == spi_cell_int(c, TIME, i));
                CHECK(spi_cell_items(d, LIST, i) == spi_cell_items(c, LIST, i) && spi_cell_valid(d, YES, i) == spi_cell_valid(c, YES, i));
            }
            CHECK(st != SP_OK || d->columns[UID].nulls == rows / 2);
            if (st == SP_OK) sp_columns_drop(d);
            sp_columns_drop(e);
            CHECK(f.live == 0);
            if (st == SP_OK) break;
        }
        sp_columns_drop(c);
    }
}

static void groups(void) {
    const size_t yes[] = {YES}, both[] = {LIST, UID}, small[] = {SMALL};
    sp_group *g = NULL;
    size_t n = 9;
    sp_columns *c = table_of(&sp_alloc_std, 100), *none = table_of(&sp_alloc_std, 0);
    CHECK(sp_group_rows(&sp_alloc_std, c, 0, 100, yes, 1, &g, &n) == SP_OK && n == 3); /* null, 0, 1 */
    CHECK(g[0].row == 0 && g[0].count == 25 && g[1].row == 1 && g[1].count == 50 && g[2].row == 3 && g[2].count == 25);
    sp_release(&sp_alloc_std, g);
    CHECK(sp_group_rows(&sp_alloc_std, c, 10, 60, both, 2, &g, &n) == SP_OK && n == 60);
    CHECK(g[0].row == 10 && g[59].row == 69);
    sp_release(&sp_alloc_std, g);
    CHECK(sp_group_rows(&sp_alloc_std, c, 0, 100, NULL, 0, &g, &n) == SP_OK && n == 1 && g[0].count == 100);
    sp_release(&sp_alloc_std, g);
    CHECK(sp_group_rows(&sp_alloc_std, none, 0, 0, yes, 1, &g, &n) == SP_OK && n == 0 && !g);
    for (size_t at = 1;; at++) {
        faulty f;
        faulty_init(&f, at, 0);
        sp_status st = sp_group_rows(&f.alloc, c, 0, 100, small, 1, &g, &n);
        CHECK(st == SP_OK || (st == SP_ERR_NOMEM && !g && n == 0));
        sp_release(&f.alloc, g);
        CHECK(f.live == 0);
        if (st == SP_OK) break;
    }
    sp_columns_drop(c);
    sp_columns_drop(none);
}

static void groups_codes(void) {
    const size_t word[] = {WORD}, all[] = {WORD, HASH, HASHES};
    sp_columns *c = coded_of(&sp_alloc_std, 780); /* 26 letters, 4 lengths, 5 for the nulls: all of them */
    sp_group *g = NULL;
    size_t n = 0;
    CHECK(sp_group_rows(&sp_alloc_std, c, 0, 780, word, 1, &g, &n) == SP_OK && n == 80); /* with null */
    sp_release(&sp_alloc_std, g);
    CHECK(sp_group_rows(&sp_alloc_std, c, 0, 256, all, 3, &g, &n) == SP_OK && n == 252); /* 8, 108, 128, 208 and 228 are alike */
    sp_release(&sp_alloc_std, g);
    sp_columns_drop(c);
}

/* Lists of the same bytes cut otherwise, and null against empty, are other values. */
static void groups_lists_by_items(void) {
    const sp_view ab_c[] = {SP_VIEW("ab"), SP_VIEW("c")}, a_bc[] = {SP_VIEW("a"), SP_VIEW("bc")}, abc[] = {SP_VIEW("abc")};
    const sp_cell_STRS lists[] = {{ab_c, 2}, {a_bc, 2}, {abc, 1}, {abc, 0}, {NULL, 0}, {ab_c, 2}};
    const size_t column[] = {LIST};
    sp_columns *c = sp_columns_new(&sp_alloc_std, &table_schema, NULL);
    sp_group *g = NULL;
    size_t n = 0;
    for (size_t i = 0; i < 6; i++) {
        table_row r = NULL_ROW;
        r.list = lists[i];
        CHECK(sp_columns_append(c, &r) == SP_OK);
    }
    CHECK(sp_group_rows(&sp_alloc_std, c, 0, 6, column, 1, &g, &n) == SP_OK && n == 5 && g[0].count == 2);
    sp_release(&sp_alloc_std, g);
    sp_columns_drop(c);
}

int main(void) {
    fills();
    codes();
    counts_nulls();
    holds_bounds();
    survives_failures();
    codes_survive_failures();
    shares_between_threads();
    knows_its_schemas();
    replaces();
    groups();
    groups_codes();
    groups_lists_by_items();
    return check_done();
}
