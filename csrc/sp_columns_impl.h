/* The inside of a table part, for the units that write it out (Arrow, text, groups). A part that is shared is never changed again. */
#ifndef SP_COLUMNS_IMPL_H
#define SP_COLUMNS_IMPL_H

#include <stdatomic.h>

#include "sp_columns.h"

/* How a kind is laid out; HEX and HEXS are STR and STRS once they are written. */
typedef enum spi_layout {
    SPI_FIXED, /* `data`: values, or bits */
    SPI_TEXT,  /* `offsets`: rows + 1 byte offsets into the text in `data` */
    SPI_LIST,  /* `offsets`: rows + 1 offsets of items; `items`: item_count + 1 byte offsets into `data` */
    SPI_CODES, /* `offsets`: a code a row; `items` and `data`: the texts, as for lists; `slots`: code + 1 by hash */
} spi_layout;

/* A cell that stood still, and its code. */
#define SPI_PLACES 16u
struct spi_place {
    sp_view text; /* p NULL: free */
    int32_t code;
};

/* One column. Bits of `valid` past the last row are 0, and no buffer that a layout has is NULL, even without rows. */
typedef struct spi_column {
    uint8_t *valid, *data;
    int32_t *offsets, *items;
    uint32_t *slots;
    struct spi_place *places;                                   /* of SP_KIND_NAME: SPI_PLACES of them */
    size_t valid_cap, data_cap, offset_cap, item_cap, slot_cap; /* data_cap in bytes, the others in entries */
    size_t data_n, item_count, nulls;                           /* data_n: bytes of text; 0 for SPI_FIXED */
} spi_column;

struct sp_columns {
    atomic_size_t refs;
    const sp_alloc *alloc; /* outlives the columns */
    const sp_schema *schema;
    size_t rows, row_cap; /* row_cap: rows for which all buffers but those of texts have room */
    size_t block;         /* bytes of the block that begins here: buffers stand in it, behind the columns, until they outgrow it */
    spi_column columns[];
};

/* The number in a cell of a row; SP_NULL_INT, too, for one that its column can't hold. */
int64_t spi_number_of(const void *cell, sp_kind kind);
size_t spi_columns_bytes(const sp_columns *c); /* bytes that the rows take */

static inline spi_layout spi_layout_of(sp_kind kind) {
    switch (kind) {
    case SP_KIND_STR:
    case SP_KIND_HEX: return SPI_TEXT;
    case SP_KIND_STRS:
    case SP_KIND_HEXS: return SPI_LIST;
    case SP_KIND_DICT:
    case SP_KIND_NAME: return SPI_CODES;
    default: return SPI_FIXED;
    }
}
static inline spi_layout spi_column_layout(const sp_columns *c, size_t column) { return spi_layout_of(c->schema->columns[column].kind); }

/* Access to a cell; `row` is below rows. */
static inline int spi_cell_valid(const sp_columns *c, size_t column, size_t row) {
    return c->columns[column].valid[row >> 3] >> (row & 7) & 1;
}
static inline sp_view spi_cell_text(const sp_columns *c, size_t column, size_t row) {
    const spi_column *k = &c->columns[column];
    const int32_t *o = k->offsets + row;
    if (spi_column_layout(c, column) == SPI_CODES) {
        if (k->item_count == 0) return (sp_view){k->data, 0}; /* nulls alone */
        o = k->items + *o;
    }
    return (sp_view){k->data + o[0], (size_t)(o[1] - o[0])};
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
