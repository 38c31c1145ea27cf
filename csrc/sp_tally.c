/* Times are kept as cells of a unit of time that grows with their number; ids as hashes in a table without chains. */
#include "sp_tally.h"

#include "sp_columns_impl.h"

#define SECOND INT64_C(1000000)

const char *const sp_tally_key_names[] = {
#define X(name, text) #text,
    SP_TALLY_KEYS(X)
#undef X
};

/* Each divides the next one, so that cells can be widened. At the last one all times that a column can hold are few cells. */
static const int64_t units[] = {SECOND,        10 * SECOND,    60 * SECOND,         600 * SECOND,
                                3600 * SECOND, 86400 * SECOND, 64 * 86400 * SECOND, 4096 * 86400 * SECOND};

#define SP_UNITS (sizeof units / sizeof *units)

void sp_tally_init(sp_tally *t, const sp_alloc *a, size_t most_cells, size_t most_ids) {
    memset(t, 0, sizeof *t);
    t->alloc = a;
    t->most_cells = most_cells;
    t->most_ids = most_ids;
    t->unit = units[0];
    t->previous = SP_NULL_INT;
}

void sp_tally_fini(sp_tally *t) {
    sp_release(t->alloc, t->cells);
    sp_release(t->alloc, t->slots);
    for (int i = 0; i < SP_TALLY_KEY_COUNT; i++) sp_release(t->alloc, t->ids[i].slots);
}

static uint64_t mix(uint64_t v) {
    v *= UINT64_C(0x9e3779b97f4a7c15);
    return v ^ v >> 32;
}

static int64_t floor_div(int64_t a, int64_t b) { return a / b - (a % b < 0); }

/* ---- ids --------------------------------------------------------------------------------------------------------------------------- */

/* The slot of the hash, or the free one where it belongs. */
static uint64_t *id_slot(const sp_tally_ids *k, uint64_t hash) {
    size_t at = mix(hash) & (k->cap - 1);
    while (k->slots[at] && k->slots[at] != hash) at = (at + 1) & (k->cap - 1);
    return &k->slots[at];
}

static sp_status more_ids(const sp_alloc *a, sp_tally_ids *k) {
    sp_tally_ids grown = *k;
    grown.slots = NULL, grown.cap = 0;
    SP_TRY(sp_grow(a, &grown.slots, &grown.cap, k->cap ? 2 * k->cap : 64, sizeof *grown.slots));
    memset(grown.slots, 0, grown.cap * sizeof *grown.slots);
    for (size_t i = 0; i < k->cap; i++)
        if (k->slots[i]) *id_slot(&grown, k->slots[i]) = k->slots[i];
    sp_release(a, k->slots);
    *k = grown;
    return SP_OK;
}

static sp_status add_id(const sp_tally *t, sp_tally_ids *k, uint64_t hash) {
    if (!hash) hash = 1;
    if (2 * k->count >= k->cap && (!k->cap || k->count < t->most_ids)) SP_TRY(more_ids(t->alloc, k));
    uint64_t *slot = id_slot(k, hash);
    if (*slot) k->repeats++;
    else if (k->count >= t->most_ids) k->unkept++;
    else *slot = hash, k->count++;
    return SP_OK;
}

static uint64_t text_hash(const sp_columns *c, size_t column, size_t row) {
    sp_view v = spi_cell_text(c, column, row);
    return sp_x64(v.p, v.n);
}

static sp_status add_ids(sp_tally *t, const sp_columns *c, size_t row, int64_t time) {
    static const size_t columns[] = {SP_EXCHANGES_request_id, SP_EXCHANGES_response_id, SP_EXCHANGES_payload_hash};
    int other = spi_cell_valid(c, SP_EXCHANGES_inference, row) && !spi_cell_int(c, SP_EXCHANGES_inference, row);
    for (int i = 0; i < SP_TALLY_KEY_COUNT; i++) {
        if (!spi_cell_valid(c, columns[i], row)) continue;
        if (i == SP_TALLY_RESPONSE && other) continue; /* who fetches a response names it again */
        if (i == SP_TALLY_PAYLOAD && time == SP_NULL_INT) continue;
        t->ids[i].rows++;
        SP_TRY(add_id(t, &t->ids[i], text_hash(c, columns[i], row) ^ (i == SP_TALLY_PAYLOAD ? mix((uint64_t)time) : 0)));
    }
    return SP_OK;
}

/* ---- times ------------------------------------------------------------------------------------------------------------------------- */

static uint32_t *cell_slot(const sp_tally *t, int64_t key) {
    size_t at = mix((uint64_t)key) & (t->slot_n - 1);
    while (t->slots[at] && t->cells[t->slots[at] - 1].key != key) at = (at + 1) & (t->slot_n - 1);
    return &t->slots[at];
}

static void put_cell(sp_tally *t, uint32_t *slot, sp_tally_cell x) {
    sp_tally_cell *c = &t->cells[*slot ? *slot - 1 : t->cell_n];
    if (!*slot) {
        *slot = (uint32_t)++t->cell_n;
        *c = x;
        return;
    }
    if (x.first < c->first) c->first = x.first;
    if (x.last > c->last) c->last = x.last;
    c->rows += x.rows, c->withheld += x.withheld, c->absent += x.absent, c->cut += x.cut;
}

/* Places for the cells that are there, found anew. */
static sp_status index_cells(sp_tally *t, size_t slots) {
    size_t n = t->cell_n;
    if (slots > t->slot_n) {
        size_t cap = 0;
        uint32_t *more = NULL;
        SP_TRY(sp_grow(t->alloc, &more, &cap, slots, sizeof *more));
        sp_release(t->alloc, t->slots);
        t->slots = more, t->slot_n = cap;
    }
    if (t->slot_n) memset(t->slots, 0, t->slot_n * sizeof *t->slots);
    t->cell_n = t->last_cell = 0;
    for (size_t i = 0; i < n; i++) put_cell(t, cell_slot(t, t->cells[i].key), t->cells[i]); /* never behind where it is read */
    return SP_OK;
}

/* Cells of the next unit, or of `unit`. */
static sp_status widen(sp_tally *t, int64_t unit) {
    for (size_t i = 0; i < t->cell_n; i++) t->cells[i].key = floor_div(t->cells[i].key, unit / t->unit);
    t->unit = unit;
    return index_cells(t, t->slot_n);
}

static int64_t next_unit(int64_t unit) {
    size_t i = 0;
    while (units[i] <= unit) i++;
    return units[i];
}

/* x.key is not known yet. */
static sp_status add_cell(sp_tally *t, sp_tally_cell x) {
    x.key = floor_div(x.first, t->unit);
    if (t->cell_n && t->cells[t->last_cell].key == x.key) { /* most often the cell of the row before */
        put_cell(t, &(uint32_t){(uint32_t)t->last_cell + 1}, x);
        return SP_OK;
    }
    if (2 * (t->cell_n + 1) > t->slot_n) SP_TRY(index_cells(t, t->slot_n ? 2 * t->slot_n : 64));
    SP_TRY(sp_grow(t->alloc, &t->cells, &t->cell_cap, t->cell_n + 1, sizeof *t->cells));
    uint32_t *slot = cell_slot(t, x.key);
    put_cell(t, slot, x);
    t->last_cell = *slot - 1;
    while (t->cell_n > t->most_cells && t->unit < units[SP_UNITS - 1]) SP_TRY(widen(t, next_unit(t->unit)));
    return SP_OK;
}

static unsigned bits(uint64_t v) { return v ? 64u - (unsigned)__builtin_clzll(v) : 0; }

static void step(sp_tally *t, int64_t time) {
    if (t->previous != SP_NULL_INT) {
        int64_t d = time - t->previous; /* times of a column are far from the bounds */
        t->backwards += d < 0;
        if (-d > t->furthest) t->furthest = -d;
        t->spacing[bits((uint64_t)(d < 0 ? -d : d))]++;
    }
    t->previous = time;
    t->timed++;
}

/* ---- rows -------------------------------------------------------------------------------------------------------------------------- */

static int has_item(const sp_columns *c, size_t column, size_t row, sp_view name) {
    int found = 0;
    for (size_t i = 0, n = spi_cell_valid(c, column, row) ? spi_cell_items(c, column, row) : 0; i < n; i++)
        found |= sp_view_eq(spi_cell_item(c, column, row, i), name);
    return found;
}

static sp_status add_row(sp_tally *t, const sp_columns *c, size_t row) {
    int64_t time = spi_cell_valid(c, SP_EXCHANGES_time, row) ? spi_cell_int(c, SP_EXCHANGES_time, row) : SP_NULL_INT;
    if (time != SP_NULL_INT) {
        sp_tally_cell x = {.first = time, .last = time, .rows = 1};
        sp_view body = spi_cell_valid(c, SP_EXCHANGES_body_state, row) ? spi_cell_text(c, SP_EXCHANGES_body_state, row) : SP_VIEW("full");
        x.absent = (uint64_t)sp_view_eq(body, SP_VIEW("absent"));
        x.withheld = !x.absent && !sp_view_eq(body, SP_VIEW("full"));
        x.cut = (uint64_t)has_item(c, SP_EXCHANGES_flags, row, SP_VIEW("response_cut"));
        step(t, time);
        SP_TRY(add_cell(t, x));
    }
    return add_ids(t, c, row, time);
}

sp_status sp_tally_add(sp_tally *t, const sp_columns *c, size_t from, size_t count) {
    t->rows += count;
    for (size_t i = 0; i < c->schema->count; i++) {
        if (count == c->rows) t->present[i] += count - c->columns[i].nulls;
        else
            for (size_t row = from; row < from + count; row++) t->present[i] += (uint64_t)spi_cell_valid(c, i, row);
    }
    for (size_t row = from; row < from + count; row++) SP_TRY(add_row(t, c, row));
    return SP_OK;
}

static sp_status merge_ids(const sp_tally *t, sp_tally_ids *k, const sp_tally_ids *other) {
    for (size_t i = 0; i < other->cap; i++)
        if (other->slots[i]) SP_TRY(add_id(t, k, other->slots[i]));
    k->rows += other->rows, k->repeats += other->repeats, k->unkept += other->unkept;
    return SP_OK;
}

sp_status sp_tally_merge(sp_tally *t, const sp_tally *other) {
    t->rows += other->rows, t->timed += other->timed, t->backwards += other->backwards;
    if (other->furthest > t->furthest) t->furthest = other->furthest;
    for (size_t i = 0; i < SP_COLUMNS_MAX; i++) t->present[i] += other->present[i];
    for (size_t i = 0; i < SP_TALLY_SPACINGS; i++) t->spacing[i] += other->spacing[i];
    if (t->unit < other->unit) SP_TRY(widen(t, other->unit));
    for (size_t i = 0; i < other->cell_n; i++) SP_TRY(add_cell(t, other->cells[i]));
    for (int i = 0; i < SP_TALLY_KEY_COUNT; i++) SP_TRY(merge_ids(t, &t->ids[i], &other->ids[i]));
    return SP_OK;
}
