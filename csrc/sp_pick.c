/* Some rows of a table part as a part of its own. Everything is measured first, so that it has all its buffers in one block. */
#include "sp_columns_impl.h"

#define NO_CODE (-1)

/* The text that a code of the old part has in the new one: codes count up in the order of the rows. `map` has a place for each old code. */
static size_t renumber(const sp_columns *c, size_t column, const uint32_t *rows, size_t n, int32_t *map, size_t *text) {
    const spi_column *k = &c->columns[column];
    int32_t next = 0;
    for (size_t i = 0; i < k->item_count; i++) map[i] = NO_CODE;
    *text = 0;
    for (size_t i = 0; i < n; i++) {
        int32_t code = k->offsets[rows[i]];
        if (!spi_cell_valid(c, column, rows[i]) || map[code] != NO_CODE) continue;
        map[code] = next++;
        *text += (size_t)(k->items[code + 1] - k->items[code]);
    }
    return (size_t)next;
}

static void measure(const sp_columns *c, const uint32_t *rows, size_t n, int32_t *map, sp_columns_sizes *out) {
    *out = (sp_columns_sizes){.rows = n};
    for (size_t column = 0; column < c->schema->count; column++) {
        const spi_column *k = &c->columns[column];
        size_t *text = &out->text[column], *items = &out->items[column];
        switch (spi_column_layout(c, column)) {
        case SPI_FIXED: break;
        case SPI_CODES: *items = renumber(c, column, rows, n, map, text); break;
        case SPI_TEXT:
            for (size_t i = 0; i < n; i++) *text += (size_t)(k->offsets[rows[i] + 1] - k->offsets[rows[i]]);
            break;
        case SPI_LIST:
            for (size_t i = 0; i < n; i++) {
                const int32_t *o = k->offsets + rows[i];
                *items += (size_t)(o[1] - o[0]);
                *text += (size_t)(k->items[o[1]] - k->items[o[0]]);
            }
        }
    }
}

static void copy_bits(uint8_t *to, const uint8_t *from, const uint32_t *rows, size_t n) {
    memset(to, 0, (n + 7) / 8);
    for (size_t i = 0; i < n; i++) to[i >> 3] |= (uint8_t)((from[rows[i] >> 3] >> (rows[i] & 7) & 1) << (i & 7));
}

static void copy_fixed(uint8_t *to, const uint8_t *from, sp_kind kind, const uint32_t *rows, size_t n) {
    size_t size = kind == SP_KIND_I32 ? sizeof(int32_t) : sizeof(int64_t);
    if (kind == SP_KIND_BOOL) copy_bits(to, from, rows, n);
    else
        for (size_t i = 0; i < n; i++) memcpy(to + i * size, from + rows[i] * size, size);
}

static void copy_bytes(spi_column *to, const spi_column *from, int32_t start, int32_t end) {
    memcpy(to->data + to->data_n, from->data + start, (size_t)(end - start));
    to->data_n += (size_t)(end - start);
}

static void copy_item(spi_column *to, const spi_column *from, int32_t item) {
    copy_bytes(to, from, from->items[item], from->items[item + 1]);
    to->items[++to->item_count] = (int32_t)to->data_n;
}

static void copy_texts(spi_column *to, const spi_column *from, const uint32_t *rows, size_t n) {
    for (size_t i = 0; i < n; i++) {
        copy_bytes(to, from, from->offsets[rows[i]], from->offsets[rows[i] + 1]);
        to->offsets[i + 1] = (int32_t)to->data_n;
    }
}

static void copy_lists(spi_column *to, const spi_column *from, const uint32_t *rows, size_t n) {
    for (size_t i = 0; i < n; i++) {
        for (int32_t at = from->offsets[rows[i]]; at < from->offsets[rows[i] + 1]; at++) copy_item(to, from, at);
        to->offsets[i + 1] = (int32_t)to->item_count;
    }
}

static void copy_codes(sp_columns *new, const sp_columns *c, size_t column, const uint32_t *rows, size_t n, int32_t *map) {
    spi_column *to = &new->columns[column];
    const spi_column *from = &c->columns[column];
    size_t text;
    renumber(c, column, rows, n, map, &text);
    for (size_t i = 0; i < n; i++) {
        int valid = spi_cell_valid(c, column, rows[i]);
        int32_t old = from->offsets[rows[i]], code = valid ? map[old] : 0;
        if (valid && (size_t)code == to->item_count) copy_item(to, from, old);
        to->offsets[i] = code;
    }
}

static void copy_column(sp_columns *new, const sp_columns *c, size_t column, const uint32_t *rows, size_t n, int32_t *map) {
    spi_column *to = &new->columns[column];
    const spi_column *from = &c->columns[column];
    copy_bits(to->valid, from->valid, rows, n);
    for (size_t i = 0; i < n; i++) to->nulls += !spi_cell_valid(c, column, rows[i]);
    switch (spi_column_layout(c, column)) {
    case SPI_FIXED: copy_fixed(to->data, from->data, c->schema->columns[column].kind, rows, n); break;
    case SPI_CODES: copy_codes(new, c, column, rows, n, map); break;
    case SPI_TEXT: copy_texts(to, from, rows, n); break;
    case SPI_LIST: copy_lists(to, from, rows, n); break;
    }
}

sp_columns *sp_columns_pick(const sp_alloc *a, const sp_columns *c, const uint32_t *rows, size_t n) {
    sp_columns_sizes sizes;
    sp_columns *new = NULL;
    int32_t *map = NULL;
    size_t codes = 0, cap = 0;
    for (size_t i = 0; i < c->schema->count; i++)
        if (spi_column_layout(c, i) == SPI_CODES && c->columns[i].item_count > codes) codes = c->columns[i].item_count;
    if (sp_grow(a, &map, &cap, codes + 1, sizeof *map) != SP_OK) return NULL;
    measure(c, rows, n, map, &sizes);
    new = sp_columns_new(a, c->schema, &sizes);
    for (size_t i = 0; new &&i < c->schema->count; i++) copy_column(new, c, i, rows, n, map);
    if (new) new->rows = n;
    sp_release(a, map);
    return new;
}
