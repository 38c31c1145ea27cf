/* Column buffers. An append that fails in one column is taken back in those before it. */
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
_Static_assert(SP_LEN(exchange_columns) <= SP_COLUMNS_MAX, "sp_columns_sizes has a place for every column");
const sp_schema sp_exchanges_schema = {"exchanges", exchange_columns, SP_LEN(exchange_columns)};
const sp_schema sp_evidence_schema = {"evidence", evidence_columns, SP_LEN(evidence_columns)};

/* The cell in a row struct. */
static sp_view text_of(const void *cell) {
    sp_view v;
    memcpy(&v, cell, sizeof v);
    return v;
}

int64_t spi_number_of(const void *cell, sp_kind kind) {
    int64_t v;
    memcpy(&v, cell, sizeof v);
    if (kind == SP_KIND_I32 && (v < INT32_MIN || v > INT32_MAX)) v = SP_NULL_INT;
    if (kind == SP_KIND_TIME && (v < SP_TIME_MIN || v > SP_TIME_MAX)) v = SP_NULL_INT;
    return v;
}

static size_t fixed_size(sp_kind kind, size_t rows) {
    return kind == SP_KIND_BOOL ? (rows + 7) / 8 : kind == SP_KIND_I32 ? rows * sizeof(int32_t) : rows * sizeof(int64_t);
}

static int in_block(const sp_columns *c, const void *p) { return (uintptr_t)p >= (uintptr_t)c && (uintptr_t)p < (uintptr_t)c + c->block; }

/* As sp_grow, for a buffer that may stand in the block. */
static sp_status grow(sp_columns *c, void *p, size_t *cap, size_t need, size_t item) {
    void *old, *grown = NULL;
    size_t more = 0;
    if (need <= *cap) return SP_OK;
    memcpy(&old, p, sizeof old);
    if (!in_block(c, old)) return sp_grow(c->alloc, p, cap, need, item);
    SP_TRY(sp_grow(c->alloc, &grown, &more, need < 2 * *cap ? 2 * *cap : need, item));
    if (*cap) memcpy(grown, old, *cap * item);
    memcpy(p, &grown, sizeof grown);
    *cap = more;
    return SP_OK;
}

/* Room in all buffers that have a place for every row. What was there stays. */
static sp_status room_for_rows(sp_columns *c, size_t rows) {
    if (rows >= SP_TEXT_MAX) return SP_ERR_NOMEM;
    for (size_t i = 0; i < c->schema->count; i++) {
        spi_column *k = &c->columns[i];
        sp_kind kind = c->schema->columns[i].kind;
        SP_TRY(grow(c, &k->valid, &k->valid_cap, (rows + 7) / 8, 1));
        if (spi_layout_of(kind) == SPI_FIXED) SP_TRY(grow(c, &k->data, &k->data_cap, fixed_size(kind, rows), 1));
        else SP_TRY(grow(c, &k->offsets, &k->offset_cap, rows + 1, sizeof *k->offsets));
    }
    c->row_cap = rows;
    return SP_OK;
}

static sp_status room_for_text(sp_columns *c, spi_column *k, size_t more) {
    if (more > SP_TEXT_MAX - k->data_n) return SP_ERR_NOMEM;
    return k->data_n + more <= k->data_cap ? SP_OK : grow(c, &k->data, &k->data_cap, k->data_n + more, 1);
}

static sp_status room_for_items(sp_columns *c, spi_column *k, size_t more) {
    if (more > SP_TEXT_MAX - 1 - k->item_count) return SP_ERR_NOMEM;
    return grow(c, &k->items, &k->item_cap, k->item_count + more + 1, sizeof *k->items);
}

static void put_bytes(spi_column *k, sp_view v) {
    if (v.n) memcpy(k->data + k->data_n, v.p, v.n);
    k->data_n += v.n;
}

static void put_item(spi_column *k) { k->items[++k->item_count] = (int32_t)k->data_n; }

static sp_status put_text(sp_columns *c, spi_column *k, sp_view v) {
    SP_TRY(room_for_text(c, k, v.n));
    put_bytes(k, v);
    return SP_OK;
}

static sp_status put_hex(sp_columns *c, spi_column *k, sp_view v) {
    if (v.n > SP_TEXT_MAX / 2) return SP_ERR_NOMEM;
    SP_TRY(room_for_text(c, k, 2 * v.n));
    sp_hex(v.p, v.n, (char *)k->data + k->data_n);
    k->data_n += 2 * v.n;
    return SP_OK;
}

static sp_status put_texts(sp_columns *c, spi_column *k, sp_cell_STRS list) {
    size_t bytes = 0;
    SP_TRY(room_for_items(c, k, list.n));
    for (size_t i = 0; i < list.n; i++)
        if (__builtin_add_overflow(bytes, list.p[i].n, &bytes)) return SP_ERR_NOMEM;
    SP_TRY(room_for_text(c, k, bytes));
    for (size_t i = 0; i < list.n; i++) {
        put_bytes(k, list.p[i]);
        put_item(k);
    }
    return SP_OK;
}

static sp_status put_digests(sp_columns *c, spi_column *k, sp_cell_HEXS list) {
    SP_TRY(room_for_items(c, k, list.n));
    SP_TRY(room_for_text(c, k, 2 * sizeof *list.p * list.n)); /* list.n is below 2^31 here */
    sp_hex(list.p->b, sizeof *list.p * list.n, (char *)k->data + k->data_n);
    for (size_t i = 0; i < list.n; i++) {
        k->data_n += 2 * sizeof *list.p;
        put_item(k);
    }
    return SP_OK;
}

/* ---- texts that repeat ---- */

static sp_view text_at(const spi_column *k, uint32_t code) {
    return (sp_view){k->data + k->items[code], (size_t)(k->items[code + 1] - k->items[code])};
}

static uint32_t *slot_of(const spi_column *k, sp_view v) {
    size_t i = sp_x64(v.p, v.n) & (k->slot_cap - 1);
    while (k->slots[i] && !sp_view_eq(text_at(k, k->slots[i] - 1), v)) i = (i + 1) & (k->slot_cap - 1);
    return &k->slots[i];
}

static sp_status more_slots(sp_columns *c, spi_column *k) {
    uint32_t *slots = NULL;
    size_t cap = 0;
    SP_TRY(sp_grow(c->alloc, &slots, &cap, 2 * (k->slot_cap ? k->slot_cap : 8), sizeof *slots));
    memset(slots, 0, cap * sizeof *slots);
    if (!in_block(c, k->slots)) sp_release(c->alloc, k->slots);
    k->slots = slots;
    k->slot_cap = cap;
    for (uint32_t i = 0; i < k->item_count; i++) *slot_of(k, text_at(k, i)) = i + 1;
    return SP_OK;
}

/* Whether the text of the code is v. Most are short: compared without a call. */
static int is_code(const spi_column *k, int32_t code, sp_view v) {
    sp_view t = text_at(k, (uint32_t)code);
    uint64_t a[2], b[2];
    if (t.n != v.n) return 0;
    if (v.n < 8 || v.n > 16) return sp_view_eq(t, v);
    memcpy(&a[0], t.p, 8), memcpy(&a[1], t.p + t.n - 8, 8);
    memcpy(&b[0], v.p, 8), memcpy(&b[1], v.p + v.n - 8, 8);
    return ((a[0] ^ b[0]) | (a[1] ^ b[1])) == 0;
}

static sp_status put_code(sp_columns *c, spi_column *k, size_t row, sp_view v) {
    if (row && k->item_count) { /* most often the text of the row before */
        k->offsets[row] = k->offsets[row - 1];
        if (is_code(k, k->offsets[row], v)) return SP_OK;
    }
    if (2 * (k->item_count + 1) > k->slot_cap) SP_TRY(more_slots(c, k));
    uint32_t *slot = slot_of(k, v);
    if (!*slot) {
        SP_TRY(room_for_items(c, k, 1));
        SP_TRY(room_for_text(c, k, v.n));
        put_bytes(k, v);
        put_item(k);
        *slot = (uint32_t)k->item_count;
    }
    k->offsets[row] = (int32_t)(*slot - 1);
    return SP_OK;
}

static sp_status put_name(sp_columns *c, spi_column *k, size_t row, sp_view v) {
    uintptr_t at = (uintptr_t)v.p;
    struct spi_place *x = &k->places[(at ^ at >> 4 ^ at >> 8) % SPI_PLACES];
    if (x->text.p == v.p && x->text.n == v.n) k->offsets[row] = x->code;
    else {
        SP_TRY(put_code(c, k, row, v));
        *x = (struct spi_place){v, k->offsets[row]};
    }
    return SP_OK;
}

/* ---- rows ---- */

/* `bit`: that of the row in its byte. */
static void set_bit(uint8_t *bits, size_t row, int on, uint8_t bit) { bits[row >> 3] |= on ? bit : 0; }

static int put_number(spi_column *k, sp_kind kind, size_t row, const void *cell, uint8_t bit) {
    int64_t v = spi_number_of(cell, kind);
    int valid = v != SP_NULL_INT;
    if (!valid) v = 0;
    int32_t narrow = (int32_t)v;
    if (kind == SP_KIND_BOOL) set_bit(k->data, row, v != 0, bit);
    else if (kind == SP_KIND_I32) memcpy(k->data + row * sizeof narrow, &narrow, sizeof narrow);
    else memcpy(k->data + row * sizeof v, &v, sizeof v);
    return valid;
}

static sp_status put(sp_columns *c, size_t column, const void *cell, uint8_t bit) {
    spi_column *k = &c->columns[column];
    size_t row = c->rows;
    sp_kind kind = c->schema->columns[column].kind;
    sp_view v = text_of(cell); /* all cells but numbers begin with a pointer and have a count behind it */
    sp_status st = SP_OK;
    int valid = v.p != NULL;
    switch (kind) {
    case SP_KIND_STR:
    case SP_KIND_HEX:
        if (valid) st = kind == SP_KIND_STR ? put_text(c, k, v) : put_hex(c, k, v);
        k->offsets[row + 1] = (int32_t)k->data_n;
        break;
    case SP_KIND_STRS:
    case SP_KIND_HEXS:
        if (valid)
            st = kind == SP_KIND_STRS ? put_texts(c, k, (sp_cell_STRS){(const sp_view *)(const void *)v.p, v.n})
                                      : put_digests(c, k, (sp_cell_HEXS){(const sp_digest *)(const void *)v.p, v.n});
        k->offsets[row + 1] = (int32_t)k->item_count;
        break;
    case SP_KIND_DICT:
    case SP_KIND_NAME:
        k->offsets[row] = 0;
        if (valid) st = kind == SP_KIND_NAME ? put_name(c, k, row, v) : put_code(c, k, row, v);
        break;
    default: valid = put_number(k, kind, row, cell, bit);
    }
    if (st != SP_OK) return st;
    set_bit(k->valid, row, valid, bit);
    k->nulls += !valid;
    return SP_OK;
}

/* Takes the row that is under way out of a column. Texts that have a code keep it. */
static void take_back(sp_columns *c, size_t column) {
    spi_column *k = &c->columns[column];
    size_t row = c->rows;
    spi_layout layout = spi_column_layout(c, column);
    if (c->schema->columns[column].kind == SP_KIND_BOOL) k->data[row >> 3] = (uint8_t)(k->data[row >> 3] & ~(1u << (row & 7)));
    k->nulls -= !(k->valid[row >> 3] >> (row & 7) & 1);
    k->valid[row >> 3] = (uint8_t)(k->valid[row >> 3] & ~(1u << (row & 7)));
    if (layout == SPI_LIST) k->item_count = (size_t)k->offsets[row], k->data_n = (size_t)k->items[k->item_count];
    if (layout == SPI_TEXT) k->data_n = (size_t)k->offsets[row];
}

/* Bits of the next eight rows: none is set. */
static void clear_bits(sp_columns *c) {
    for (size_t i = 0; i < c->schema->count; i++) {
        c->columns[i].valid[c->rows / 8] = 0;
        if (c->schema->columns[i].kind == SP_KIND_BOOL) c->columns[i].data[c->rows / 8] = 0;
    }
}

sp_status sp_columns_append(sp_columns *c, const void *row) {
    const sp_column_info *info = c->schema->columns;
    if (c->rows == c->row_cap) SP_TRY(room_for_rows(c, c->rows + (c->rows < 8 ? 8 : c->rows)));
    if (c->rows % 8 == 0) clear_bits(c);
    uint8_t bit = (uint8_t)(1u << c->rows % 8);
    for (size_t i = 0; i < c->schema->count; i++) {
        sp_status st = put(c, i, (const char *)row + info[i].offset, bit);
        if (st == SP_OK) continue;
        while (i-- > 0) take_back(c, i);
        return st;
    }
    c->rows++;
    return SP_OK;
}

/* The next n bytes of the block, or only their place where there is no block yet. */
static void *cut(uint8_t *block, size_t *at, size_t n) {
    void *p = block ? block + *at : NULL;
    *at += (n + 15) & ~(size_t)15;
    return p;
}

/* Gives every buffer its part of the block (NULL: only counts). Returns the bytes of the block. */
static size_t spread(uint8_t *block, spi_column *columns, const sp_schema *schema, const sp_columns_sizes *guess) {
    size_t at = sizeof(sp_columns) + schema->count * sizeof *columns, rows = guess ? guess->rows + guess->rows / 8 + 1 : 1;
    at = (at + 15) & ~(size_t)15;
    for (size_t i = 0; i < schema->count; i++) {
        spi_column k = {0};
        sp_kind kind = schema->columns[i].kind;
        spi_layout layout = spi_layout_of(kind);
        size_t text = guess                 ? guess->text[i] + guess->text[i] / 8 + 64
                      : layout == SPI_CODES ? 48
                                            : 128,
               items = guess ? guess->items[i] : 1;
        k.valid_cap = (rows + 7) / 8;
        k.data_cap = layout == SPI_FIXED ? fixed_size(kind, rows) : text;
        k.offset_cap = layout == SPI_FIXED ? 0 : rows + 1;
        k.item_cap = layout == SPI_LIST || layout == SPI_CODES ? items + items / 8 + 2 : 0;
        for (k.slot_cap = layout == SPI_CODES ? 4 : 0; k.slot_cap && k.slot_cap < 2 * k.item_cap; k.slot_cap *= 2) continue;
        k.valid = cut(block, &at, k.valid_cap);
        k.data = cut(block, &at, k.data_cap);
        if (k.offset_cap) k.offsets = cut(block, &at, k.offset_cap * sizeof *k.offsets);
        if (k.item_cap) k.items = cut(block, &at, k.item_cap * sizeof *k.items);
        if (k.slot_cap) k.slots = cut(block, &at, k.slot_cap * sizeof *k.slots);
        if (kind == SP_KIND_NAME) k.places = cut(block, &at, SPI_PLACES * sizeof *k.places);
        if (!block) continue;
        if (k.offsets) k.offsets[0] = 0; /* so that no rows are valid Arrow, too */
        if (k.items) k.items[0] = 0;
        if (k.slots) memset(k.slots, 0, k.slot_cap * sizeof *k.slots);
        if (k.places) memset(k.places, 0, SPI_PLACES * sizeof *k.places);
        columns[i] = k;
    }
    return at;
}

sp_columns *sp_columns_new(const sp_alloc *a, const sp_schema *schema, const sp_columns_sizes *guess) {
    size_t size = spread(NULL, NULL, schema, guess);
    sp_columns *c = a->resize(a->ctx, NULL, size);
    if (!c) return NULL;
    memset(c, 0, sizeof *c);
    atomic_init(&c->refs, 1);
    c->alloc = a;
    c->schema = schema;
    c->block = size;
    spread((uint8_t *)c, c->columns, schema, guess);
    c->row_cap = guess ? guess->rows + guess->rows / 8 + 1 : 1;
    return c;
}

void sp_columns_add(sp_columns *c, size_t column, int64_t more) {
    for (size_t row = 0; row < c->rows; row++) {
        int64_t v;
        memcpy(&v, c->columns[column].data + row * sizeof v, sizeof v);
        v += spi_cell_valid(c, column, row) ? more : 0;
        memcpy(c->columns[column].data + row * sizeof v, &v, sizeof v);
    }
}

void sp_columns_measure(const sp_columns *c, sp_columns_sizes *out) {
    out->rows = c->rows;
    for (size_t i = 0; i < c->schema->count; i++) {
        out->text[i] = c->columns[i].data_n;
        out->items[i] = c->columns[i].item_count;
    }
}

static void copy_column(spi_column *to, const spi_column *from, sp_kind kind, size_t rows) {
    memcpy(to->valid, from->valid, (rows + 7) / 8);
    memcpy(to->data, from->data, spi_layout_of(kind) == SPI_FIXED ? fixed_size(kind, rows) : from->data_n);
    if (from->offsets) memcpy(to->offsets, from->offsets, (spi_layout_of(kind) == SPI_CODES ? rows : rows + 1) * sizeof *to->offsets);
    if (from->items) memcpy(to->items, from->items, (from->item_count + 1) * sizeof *to->items);
    to->data_n = from->data_n, to->item_count = from->item_count, to->nulls = from->nulls;
}

sp_status sp_columns_replace(const sp_columns *c, size_t column, const sp_view *texts, sp_columns **out) {
    sp_columns_sizes sizes;
    sp_status st = SP_OK;
    sp_columns_measure(c, &sizes);
    *out = sp_columns_new(c->alloc, c->schema, &sizes);
    if (!*out) return SP_ERR_NOMEM;
    for (size_t i = 0; i < c->schema->count; i++)
        if (i != column) copy_column(&(*out)->columns[i], &c->columns[i], c->schema->columns[i].kind, c->rows);
    memset((*out)->columns[column].valid, 0, (c->rows + 7) / 8);
    for (; (*out)->rows < c->rows && st == SP_OK; (*out)->rows++)
        st = put(*out, column, &texts[(*out)->rows], (uint8_t)(1u << (*out)->rows % 8));
    if (st != SP_OK) {
        sp_columns_drop(*out);
        *out = NULL;
    }
    return st;
}

size_t sp_columns_rows(const sp_columns *c) { return c->rows; }

size_t spi_columns_bytes(const sp_columns *c) {
    size_t n = 0;
    for (size_t i = 0; i < c->schema->count; i++) {
        const spi_column *k = &c->columns[i];
        sp_kind kind = c->schema->columns[i].kind;
        n += (c->rows + 7) / 8 + k->data_n;
        if (spi_layout_of(kind) == SPI_FIXED) n += fixed_size(kind, c->rows);
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
        if (!in_block(c, k->valid)) sp_release(c->alloc, k->valid);
        if (!in_block(c, k->data)) sp_release(c->alloc, k->data);
        if (!in_block(c, k->offsets)) sp_release(c->alloc, k->offsets);
        if (!in_block(c, k->items)) sp_release(c->alloc, k->items);
        if (!in_block(c, k->slots)) sp_release(c->alloc, k->slots);
    }
    sp_release(c->alloc, c);
}
