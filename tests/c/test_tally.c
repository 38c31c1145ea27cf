#include "sp_tally.h"

#include <stdio.h>

#include "check.h"
#include "sp_columns_impl.h"

#define HOUR INT64_C(3600000000)
#define NEW_ROW(uid_text)                                                                                                                  \
    {                                                                                                                                      \
        .uid = SP_VIEW(uid_text), .line = SP_NULL_INT, .byte_start = SP_NULL_INT, .byte_end = SP_NULL_INT, .time = SP_NULL_INT,            \
        .inference = SP_NULL_INT, .turns = SP_NULL_INT, .tokens_in = SP_NULL_INT, .tokens_out = SP_NULL_INT, .tokens_cached = SP_NULL_INT, \
        .payload_bytes = SP_NULL_INT, .status = SP_NULL_INT                                                                                \
    }

static const sp_tally_cell *cell_at(const sp_tally *t, int64_t first) {
    const sp_tally_cell *found = NULL;
    for (size_t i = 0; i < t->cell_n; i++)
        if (t->cells[i].first == first) found = &t->cells[i];
    return found;
}

static sp_columns *rows_of(const int64_t *times, size_t n) {
    sp_columns *c = sp_columns_new(&sp_alloc_std, &sp_exchanges_schema, NULL);
    sp_exchange_row row = NEW_ROW("u");
    for (size_t i = 0; c && i < n; i++) {
        row.time = times[i];
        CHECK(sp_columns_append(c, &row) == SP_OK);
    }
    return c;
}

/* Present cells, also of a part; the body and the response of a row count in its cell. */
static void counts_cells(void) {
    static const sp_view cut[] = {{(const uint8_t *)"refused", 7}, {(const uint8_t *)"response_cut", 12}};
    static const char *const bodies[] = {"full", "absent", "truncated", "redacted", "full"};
    sp_columns *c = sp_columns_new(&sp_alloc_std, &sp_exchanges_schema, NULL);
    sp_exchange_row row = NEW_ROW("u");
    sp_tally t;
    for (size_t i = 0; i < 5; i++) {
        row.time = (int64_t)i * 1000;
        row.status = i % 2 ? 200 : SP_NULL_INT;
        row.body_state = (sp_view){(const uint8_t *)bodies[i], strlen(bodies[i])};
        row.flags = (sp_cell_STRS){cut, i == 4 ? 2 : 1};
        CHECK(sp_columns_append(c, &row) == SP_OK);
    }
    sp_tally_init(&t, &sp_alloc_std, 100, 100);
    CHECK(sp_tally_add(&t, c, 0, 5) == SP_OK && t.rows == 5 && t.present[SP_EXCHANGES_uid] == 5 && t.present[SP_EXCHANGES_status] == 2);
    CHECK(t.present[SP_EXCHANGES_host] == 0 && t.cell_n == 1);
    CHECK(t.cells[0].rows == 5 && t.cells[0].absent == 1 && t.cells[0].withheld == 2 && t.cells[0].cut == 1);
    CHECK(sp_tally_add(&t, c, 1, 2) == SP_OK && t.rows == 7 && t.present[SP_EXCHANGES_status] == 3);
    sp_tally_fini(&t);
    sp_columns_drop(c);
}

/* Steps back, spacing, and cells that hold the first and the last row, before 1970 as well. */
static void counts_times(void) {
    static const int64_t times[] = {-1, 0, 500000, SP_NULL_INT, 400000, 400000, 10000000};
    sp_columns *c = rows_of(times, 7);
    sp_tally t;
    sp_tally_init(&t, &sp_alloc_std, 100, 100);
    CHECK(sp_tally_add(&t, c, 0, 7) == SP_OK && t.timed == 6 && t.backwards == 1 && t.furthest == 100000);
    CHECK(t.spacing[0] == 1 && t.spacing[1] == 1 && t.spacing[17] == 1 && t.spacing[19] == 1 && t.spacing[24] == 1); /* 0, 1 µs, 0.1 s … */
    CHECK(t.cell_n == 3 && cell_at(&t, -1)->last == -1 && cell_at(&t, 0)->last == 500000 && cell_at(&t, 0)->rows == 4);
    sp_tally_fini(&t);
    sp_columns_drop(c);
}

/* Cells that are too many are widened, and the result does not depend on the order or on how the rows were dealt out. */
static void widens(void) {
    int64_t times[900], back[900];
    for (size_t i = 0; i < 900; i++) times[i] = (int64_t)i * 7 * HOUR + (int64_t)(i % 13) * 1000000, back[899 - i] = times[i];
    sp_columns *forth = rows_of(times, 900), *other = rows_of(back, 900);
    sp_tally a, b, part;
    sp_tally_init(&a, &sp_alloc_std, 300, 100);
    sp_tally_init(&b, &sp_alloc_std, 300, 100);
    sp_tally_init(&part, &sp_alloc_std, 300, 100);
    CHECK(sp_tally_add(&a, forth, 0, 900) == SP_OK);
    CHECK(sp_tally_add(&b, other, 0, 10) == SP_OK && sp_tally_add(&part, other, 10, 890) == SP_OK && sp_tally_merge(&b, &part) == SP_OK);
    CHECK(a.unit == 24 * HOUR && b.unit == a.unit && a.cell_n == 263 && b.cell_n == a.cell_n && a.timed == 900 && b.timed == 900);
    for (size_t i = 0; i < a.cell_n; i++) {
        const sp_tally_cell *x = &a.cells[i], *y = cell_at(&b, x->first);
        CHECK(y && y->last == x->last && y->rows == x->rows && y->key == x->key);
    }
    sp_tally_fini(&a);
    sp_tally_fini(&b);
    sp_tally_fini(&part);
    sp_columns_drop(forth);
    sp_columns_drop(other);
}

static sp_columns *ids_of(size_t from, size_t n) {
    char text[16];
    sp_exchange_row row = NEW_ROW("u");
    sp_columns *c = sp_columns_new(&sp_alloc_std, &sp_exchanges_schema, NULL);
    for (size_t i = from; c && i < from + n; i++) {
        row.request_id = row.response_id = (sp_view){(const uint8_t *)text, (size_t)snprintf(text, sizeof text, "id-%zu", i)};
        row.inference = i % 2 ? SP_NULL_INT : 0;
        CHECK(sp_columns_append(c, &row) == SP_OK);
    }
    return c;
}

/* Repeated ids: within an input and across two; past the bound they are not kept, and it is said. */
static void finds_repeats(void) {
    sp_columns *c = ids_of(0, 100), *d = ids_of(50, 100);
    sp_tally t, u, few;
    sp_tally_init(&t, &sp_alloc_std, 10, 1000);
    sp_tally_init(&u, &sp_alloc_std, 10, 1000);
    sp_tally_init(&few, &sp_alloc_std, 10, 60);
    const sp_tally_ids *asked = &t.ids[SP_TALLY_REQUEST], *given = &t.ids[SP_TALLY_RESPONSE], *kept = &few.ids[SP_TALLY_REQUEST];
    CHECK(sp_tally_add(&t, c, 0, 100) == SP_OK && asked->rows == 100 && asked->repeats == 0 && given->rows == 50); /* inference alone */
    CHECK(sp_tally_add(&t, c, 0, 10) == SP_OK && asked->rows == 110 && asked->repeats == 10 && given->repeats == 5);
    CHECK(sp_tally_add(&u, d, 0, 100) == SP_OK && sp_tally_merge(&t, &u) == SP_OK);
    CHECK(asked->rows == 210 && asked->repeats == 60 && asked->unkept == 0 && t.ids[SP_TALLY_PAYLOAD].rows == 0);
    CHECK(sp_tally_add(&few, c, 0, 100) == SP_OK && sp_tally_add(&few, c, 0, 100) == SP_OK);
    CHECK(kept->rows == 200 && kept->count == 60 && kept->repeats == 60 && kept->unkept == 80);
    sp_tally_fini(&t);
    sp_tally_fini(&u);
    sp_tally_fini(&few);
    sp_columns_drop(c);
    sp_columns_drop(d);
}

static void survives_failures(void) {
    int64_t times[200];
    for (size_t i = 0; i < 200; i++) times[i] = (int64_t)i * HOUR;
    sp_columns *c = rows_of(times, 200), *ids = ids_of(0, 200);
    for (size_t at = 1;; at++) {
        faulty f;
        sp_tally t, u;
        faulty_init(&f, at, 0);
        sp_tally_init(&t, &f.alloc, 100, 1000);
        sp_tally_init(&u, &f.alloc, 100, 1000);
        sp_status st = sp_tally_add(&t, c, 0, 200);
        if (st == SP_OK) st = sp_tally_add(&u, ids, 0, 200);
        if (st == SP_OK) st = sp_tally_merge(&u, &t);
        CHECK(st == SP_ERR_NOMEM || (st == SP_OK && u.rows == 400 && u.timed == 200 && u.ids[SP_TALLY_REQUEST].rows == 200));
        sp_tally_fini(&t);
        sp_tally_fini(&u);
        CHECK(f.live == 0);
        if (st == SP_OK) break;
    }
    sp_columns_drop(c);
    sp_columns_drop(ids);
}

int main(void) {
    counts_cells();
    counts_times();
    widens();
    finds_repeats();
    survives_failures();
    return check_done();
}
