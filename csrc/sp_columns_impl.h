/* The inside of a table part, for the units that write it out (Arrow, text, groups). A part that is shared is never changed again. */
#ifndef SP_COLUMNS_IMPL_H
#define SP_COLUMNS_IMPL_H

#include <stdatomic.h>

#include "sp_columns.h"

/* One column. `data` holds values (I64, I32, TIME), bits (BOOL) or text (STR, STRS); `offsets` has rows + 1 entries, of bytes for STR,
   of items for STRS; `items` has item_count + 1 byte offsets (STRS). Bits of `valid` past the last row are 0, and no buffer
   that a kind has is NULL, even without rows. */
typedef struct spi_column {
    uint8_t *valid, *data;
    int32_t *offsets, *items;
    size_t valid_cap, data_cap, offset_cap, item_cap; /* data_cap in bytes, the others in entries */
    size_t data_n, item_count, nulls;                 /* data_n: bytes of text; 0 for other kinds */
} spi_column;

struct sp_columns {
    atomic_size_t refs;
    const sp_alloc *alloc; /* outlives the columns */
    const sp_schema *schema;
    size_t rows;
    spi_column columns[];
};

size_t spi_columns_bytes(const sp_columns *c); /* bytes that the rows take */

/* Access to a cell; `row` is below rows. */
static inline int spi_cell_valid(const sp_columns *c, size_t column, size_t row) {
    return c->columns[column].valid[row >> 3] >> (row & 7) & 1;
}
static inline sp_view spi_cell_text(const sp_columns *c, size_t column, size_t row) {
    const spi_column *k = &c->columns[column];
    return (sp_view){k->data + k->offsets[row], (size_t)(k->offsets[row + 1] - k->offsets[row])};
}
static inline int64_t spi_cell_int(const sp_columns *c, size_t column, size_t row) {
    const uint8_t *p = c->columns[column].data;
    int64_t wide = 0;
    int32_t narrow = 0;
    switch (c->schema->columns[column].kind) {
    case SP_KIND_BOOL: return p[row >> 3] >> (row & 7) & 1;
    case SP_KIND_I32: memcpy(&narrow, p + row * sizeof narrow, sizeof narrow); return narrow;
    default: memcpy(&wide, p + row * sizeof wide, sizeof wide); return wide;
    }
}
static inline size_t spi_cell_items(const sp_columns *c, size_t column, size_t row) {
    const int32_t *o = c->columns[column].offsets;
    return (size_t)(o[row + 1] - o[row]);
}
static inline sp_view spi_cell_item(const sp_columns *c, size_t column, size_t row, size_t i) {
    const spi_column *k = &c->columns[column];
    const int32_t *o = k->items + k->offsets[row] + i;
    return (sp_view){k->data + o[0], (size_t)(o[1] - o[0])};
}

#endif
