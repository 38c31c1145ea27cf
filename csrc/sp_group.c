/* A hash table of rows; equal hashes are compared in full. */
#include "sp_group.h"

#include "sp_columns_impl.h"
#include "sp_hash.h"

static uint64_t mix(uint64_t h, uint64_t v) {
    h = (h ^ v) * UINT64_C(0x9e3779b97f4a7c15);
    return h ^ h >> 32;
}

static uint64_t cell_hash(const sp_columns *c, size_t column, size_t row, uint64_t h) {
    spi_layout layout = spi_column_layout(c, column);
    if (!spi_cell_valid(c, column, row)) return mix(h, 1);
    if (layout == SPI_FIXED) return mix(h, (uint64_t)spi_cell_int(c, column, row));
    if (layout == SPI_CODES) return mix(h, (uint64_t)c->columns[column].offsets[row]); /* each text has one code */
    if (layout == SPI_TEXT) {
        sp_view v = spi_cell_text(c, column, row);
        return mix(h, sp_x64(v.p, v.n));
    }
    for (size_t i = 0, n = spi_cell_items(c, column, row); i < n; i++) {
        sp_view v = spi_cell_item(c, column, row, i);
        h = mix(h, sp_x64(v.p, v.n));
    }
    return mix(h, 2);
}

static int cell_equal(const sp_columns *c, size_t column, size_t a, size_t b) {
    spi_layout layout = spi_column_layout(c, column);
    int valid = spi_cell_valid(c, column, a);
    if (valid != spi_cell_valid(c, column, b)) return 0;
    if (!valid) return 1;
    if (layout == SPI_CODES) return c->columns[column].offsets[a] == c->columns[column].offsets[b];
    if (layout == SPI_TEXT) return sp_view_eq(spi_cell_text(c, column, a), spi_cell_text(c, column, b));
    if (layout == SPI_FIXED) return spi_cell_int(c, column, a) == spi_cell_int(c, column, b);
    size_t n = spi_cell_items(c, column, a);
    if (n != spi_cell_items(c, column, b)) return 0;
    for (size_t i = 0; i < n; i++)
        if (!sp_view_eq(spi_cell_item(c, column, a, i), spi_cell_item(c, column, b, i))) return 0;
    return 1;
}

static int rows_equal(const sp_columns *c, const size_t *columns, size_t n, size_t a, size_t b) {
    for (size_t i = 0; i < n; i++)
        if (!cell_equal(c, columns[i], a, b)) return 0;
    return 1;
}

sp_status sp_group_rows(const sp_alloc *a, const sp_columns *c, size_t from, size_t count, const size_t *columns, size_t n,
                        sp_group **groups, size_t *group_n) {
    sp_status st = SP_ERR_NOMEM;
    uint32_t *slots = NULL; /* index of a group + 1 */
    size_t slot_cap = 0, group_cap = 0, size = 16, used = 0;
    sp_group *g = NULL;
    while (size < 2 * count) size *= 2; /* rows are below 2^31 */
    if (sp_grow(a, &slots, &slot_cap, size, sizeof *slots) != SP_OK) goto done;
    memset(slots, 0, size * sizeof *slots);
    for (size_t row = from; row < from + count; row++) {
        uint64_t h = 0;
        for (size_t i = 0; i < n; i++) h = cell_hash(c, columns[i], row, h);
        size_t at = h & (size - 1);
        while (slots[at] && !(g[slots[at] - 1].hash == h && rows_equal(c, columns, n, g[slots[at] - 1].row, row)))
            at = (at + 1) & (size - 1);
        if (!slots[at]) {
            if (used == group_cap && sp_grow(a, &g, &group_cap, used + 1, sizeof *g) != SP_OK) goto done;
            g[used++] = (sp_group){h, row, 0};
            slots[at] = (uint32_t)used;
        }
        g[slots[at] - 1].count++;
    }
    st = SP_OK;
done:
    sp_release(a, slots);
    if (st != SP_OK) {
        sp_release(a, g);
        g = NULL;
        used = 0;
    }
    *groups = g;
    *group_n = used;
    return st;
}
