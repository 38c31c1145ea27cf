/* Column buffers. An append first makes room in every column, then writes: the second half can't fail. */
#include "sp_columns_impl.h"

#define SP_LEN(a) (sizeof(a) / sizeof *(a))
#define SP_TEXT_MAX ((size_t)INT32_MAX) /* 32-bit offsets */
/* 0001-01-01 up to 9999-12-31: what RFC 3339 and every consumer can hold. */
#define SP_TIME_MIN INT64_C(-62135596800000000)
#define SP_TIME_MAX INT64_C(253402300799999999)

static const sp_column_info exchange_columns[] = {
#define SP_EXCHANGE_COLUMN(field, kind, meaning) {#field, SP_KIND_##kind, offsetof(sp_exchange_row, field), meaning},
#include "sp_columns.def"
};
static const sp_column_info evidence_columns[] = {
#define SP_EVIDENCE_COLUMN(field, kind, meaning) {#field, SP_KIND_##kind, offsetof(sp_evidence_row, field), meaning},
#include "sp_columns.def"
};
const sp_schema sp_exchanges_schema = {"exchanges", exchange_columns, SP_LEN(exchange_columns)};
const sp_schema sp_evidence_schema = {"evidence", evidence_columns, SP_LEN(evidence_columns)};

/* The cell in a row struct. */
static sp_view text_of(const void *cell) {
    sp_view v;
    memcpy(&v, cell, sizeof v);
    return v;
}

static sp_cell_STRS list_of(const void *cell) {
    sp_cell_STRS v;
    memcpy(&v, cell, sizeof v);
    return v;
}

/* A number that its column can't hold is no value. */
static int64_t int_of(const void *cell, sp_kind kind) {
    int64_t v;
    memcpy(&v, cell, sizeof v);
    if (kind == SP_KIND_I32 && (v < INT32_MIN || v > INT32_MAX)) v = SP_NULL_INT;
    if (kind == SP_KIND_TIME && (v < SP_TIME_MIN || v > SP_TIME_MAX)) v = SP_NULL_INT;
    return v;
}

static sp_status grow(const sp_columns *c, void *p, size_t *cap, size_t need, size_t item) {
    return need > *cap ? sp_grow(c->alloc, p, cap, need, item) : SP_OK;
}

static sp_status room_text(sp_columns *c, spi_column *k, size_t more) {
    if (more > SP_TEXT_MAX - k->data_n) return SP_ERR_NOMEM;
    return grow(c, &k->data, &k->data_cap, k->data_n + more, 1);
}

static sp_status room_list(sp_columns *c, spi_column *k, sp_cell_STRS list) {
    size_t bytes = 0;
    if (!list.p) return SP_OK;
    if (list.n > SP_TEXT_MAX - 1 - k->item_count) return SP_ERR_NOMEM;
    for (size_t i = 0; i < list.n; i++)
        if (__builtin_add_overflow(bytes, list.p[i].n, &bytes)) return SP_ERR_NOMEM;
    SP_TRY(room_text(c, k, bytes));
    return grow(c, &k->items, &k->item_cap, k->item_count + list.n + 1, sizeof *k->items);
}

/* Makes room for one more row in column k; what was there stays. `cell` NULL: for the start of the
   offsets, and a byte of text, so that no buffer is NULL. */
static sp_status room(sp_columns *c, spi_column *k, sp_kind kind, const void *cell) {
    size_t rows = c->rows + 1;
    SP_TRY(grow(c, &k->valid, &k->valid_cap, (rows + 7) / 8, 1));
    switch (kind) {
    case SP_KIND_BOOL: return grow(c, &k->data, &k->data_cap, (rows + 7) / 8, 1);
    case SP_KIND_I32: return grow(c, &k->data, &k->data_cap, rows * sizeof(int32_t), 1);
    case SP_KIND_I64:
    case SP_KIND_TIME: return grow(c, &k->data, &k->data_cap, rows * sizeof(int64_t), 1);
    case SP_KIND_STR:
        SP_TRY(grow(c, &k->offsets, &k->offset_cap, rows + 1, sizeof *k->offsets));
        return room_text(c, k, !cell ? 1 : text_of(cell).p ? text_of(cell).n : 0);
    case SP_KIND_STRS: break;
    }
    SP_TRY(grow(c, &k->offsets, &k->offset_cap, rows + 1, sizeof *k->offsets));
    if (!cell) SP_TRY(room_text(c, k, 1));
    if (!cell) return grow(c, &k->items, &k->item_cap, 1, sizeof *k->items);
    return room_list(c, k, list_of(cell));
}

static void put_text(spi_column *k, sp_view v) {
    if (v.n) memcpy(k->data + k->data_n, v.p, v.n);
    k->data_n += v.n;
}

static int put_list(spi_column *k, sp_cell_STRS list) {
    if (!list.p) return 0;
    for (size_t i = 0; i < list.n; i++) {
        put_text(k, list.p[i]);
        k->items[++k->item_count] = (int32_t)k->data_n;
    }
    return 1;
}

static void put_bit(uint8_t *bits, size_t row, int on) {
    if ((row & 7) == 0) bits[row >> 3] = 0;
    if (on) bits[row >> 3] = (uint8_t)(bits[row >> 3] | 1u << (row & 7));
}

static void put(spi_column *k, sp_kind kind, size_t row, const void *cell) {
    int valid = 0;
    if (kind == SP_KIND_STR) {
        sp_view v = text_of(cell);
        valid = v.p != NULL;
        if (valid) put_text(k, v);
        k->offsets[row + 1] = (int32_t)k->data_n;
    } else if (kind == SP_KIND_STRS) {
        valid = put_list(k, list_of(cell));
        k->offsets[row + 1] = (int32_t)k->item_count;
    } else {
        int64_t v = int_of(cell, kind);
        valid = v != SP_NULL_INT;
        if (!valid) v = 0;
        int32_t narrow = (int32_t)v;
        if (kind == SP_KIND_BOOL) put_bit(k->data, row, v != 0);
        else if (kind == SP_KIND_I32) memcpy(k->data + row * sizeof narrow, &narrow, sizeof narrow);
        else memcpy(k->data + row * sizeof v, &v, sizeof v);
    }
    put_bit(k->valid, row, valid);
    k->nulls += !valid;
}

sp_columns *sp_columns_new(const sp_alloc *a, const sp_schema *schema) {
    size_t size = sizeof(sp_columns) + schema->count * sizeof(spi_column);
    sp_columns *c = a->resize(a->ctx, NULL, size);
    if (!c) return NULL;
    memset(c, 0, size);
    atomic_init(&c->refs, 1);
    c->alloc = a;
    c->schema = schema;
    for (size_t i = 0; i < schema->count; i++) {
        spi_column *k = &c->columns[i];
        if (room(c, k, schema->columns[i].kind, NULL) != SP_OK) goto fail;
        if (k->offsets) k->offsets[0] = 0; /* so that no rows are valid Arrow, too */
        if (k->items) k->items[0] = 0;
    }
    return c;
fail:
    sp_columns_drop(c);
    return NULL;
}

sp_status sp_columns_append(sp_columns *c, const void *row) {
    const sp_column_info *info = c->schema->columns;
    if (c->rows >= SP_TEXT_MAX - 1) return SP_ERR_NOMEM;
    for (size_t i = 0; i < c->schema->count; i++) SP_TRY(room(c, &c->columns[i], info[i].kind, (const char *)row + info[i].offset));
    for (size_t i = 0; i < c->schema->count; i++) put(&c->columns[i], info[i].kind, c->rows, (const char *)row + info[i].offset);
    c->rows++;
    return SP_OK;
}

size_t sp_columns_rows(const sp_columns *c) { return c->rows; }

size_t spi_columns_bytes(const sp_columns *c) {
    size_t n = 0;
    for (size_t i = 0; i < c->schema->count; i++) {
        const spi_column *k = &c->columns[i];
        sp_kind kind = c->schema->columns[i].kind;
        n += (c->rows + 7) / 8 + k->data_n;
        if (kind == SP_KIND_BOOL) n += (c->rows + 7) / 8;
        if (kind == SP_KIND_I64 || kind == SP_KIND_TIME) n += c->rows * 8;
        if (kind == SP_KIND_I32) n += c->rows * 4;
        if (k->offsets) n += (c->rows + 1) * sizeof *k->offsets;
        if (k->items) n += (k->item_count + 1) * sizeof *k->items;
    }
    return n;
}

sp_columns *sp_columns_hold(sp_columns *c) {
    atomic_fetch_add_explicit(&c->refs, 1, memory_order_relaxed);
    return c;
}

void sp_columns_drop(sp_columns *c) {
    if (!c || atomic_fetch_sub_explicit(&c->refs, 1, memory_order_acq_rel) != 1) return;
    for (size_t i = 0; i < c->schema->count; i++) {
        spi_column *k = &c->columns[i];
        sp_release(c->alloc, k->valid);
        sp_release(c->alloc, k->data);
        sp_release(c->alloc, k->offsets);
        sp_release(c->alloc, k->items);
    }
    sp_release(c->alloc, c);
}
