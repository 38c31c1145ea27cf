/* Tables for the tests of columns: between them a column of every kind. */
#ifndef TABLE_H
#define TABLE_H

#include "sp_columns_impl.h"

typedef struct table_row {
    sp_cell_STR uid;
    sp_cell_I64 big;
    sp_cell_I32 small;
    sp_cell_BOOL yes;
    sp_cell_TIME time;
    sp_cell_STRS list;
} table_row;

enum {
    UID,
    BIG,
    SMALL,
    YES,
    TIME,
    LIST
};

static const sp_column_info table_columns[] = {
    {"uid", SP_KIND_STR, offsetof(table_row, uid), ""},     {"big", SP_KIND_I64, offsetof(table_row, big), ""},
    {"small", SP_KIND_I32, offsetof(table_row, small), ""}, {"yes", SP_KIND_BOOL, offsetof(table_row, yes), ""},
    {"time", SP_KIND_TIME, offsetof(table_row, time), ""},  {"list", SP_KIND_STRS, offsetof(table_row, list), ""},
};
static const sp_schema table_schema = {"table", table_columns, sizeof table_columns / sizeof *table_columns};

#define NULL_ROW                                                                   \
    {                                                                              \
        {NULL, 0}, SP_NULL_INT, SP_NULL_INT, SP_NULL_INT, SP_NULL_INT, { NULL, 0 } \
    }

/* Row i of a table without end: text of i, every fourth cell is null, lists of 0 to 3 items. Views live until the next call. */
static inline table_row table_row_of(size_t i) {
    static char text[32];
    static sp_view items[3];
    table_row r = NULL_ROW;
    int n = snprintf(text, sizeof text, "row %zu", i);
    for (size_t k = 0; k < 3; k++) items[k] = (sp_view){(const uint8_t *)text, (size_t)n - k};
    if (i % 4 != 1) r.uid = items[0];
    if (i % 4 != 2) r.big = (int64_t)i * 1000000007 - 5;
    if (i % 4 != 3) r.small = (int64_t)i - 10;
    if (i % 4 != 0) r.yes = i % 3 == 0;
    if (i % 4 != 1) r.time = (int64_t)i * 1000001;
    if (i % 4 != 2) r.list = (sp_cell_STRS){items, i % 4};
    return r;
}

/* Whether row `at` of c is row i of that table. */
static inline int table_row_is(const sp_columns *c, size_t at, size_t i) {
    table_row r = table_row_of(i);
    int ok = spi_cell_valid(c, UID, at) == (r.uid.p != NULL) && (!r.uid.p || sp_view_eq(spi_cell_text(c, UID, at), r.uid));
    const int64_t cells[] = {r.big, r.small, r.yes, r.time};
    for (size_t k = 0; k < 4; k++) {
        ok &= spi_cell_valid(c, BIG + k, at) == (cells[k] != SP_NULL_INT);
        ok &= spi_cell_int(c, BIG + k, at) == (cells[k] == SP_NULL_INT ? 0 : cells[k]);
    }
    ok &= spi_cell_valid(c, LIST, at) == (r.list.p != NULL) && spi_cell_items(c, LIST, at) == (r.list.p ? r.list.n : 0);
    for (size_t k = 0; ok && k < spi_cell_items(c, LIST, at); k++) ok &= sp_view_eq(spi_cell_item(c, LIST, at, k), r.list.p[k]);
    return ok;
}

static inline sp_columns *table_of(const sp_alloc *a, size_t rows) {
    sp_columns *c = sp_columns_new(a, &table_schema, NULL);
    for (size_t i = 0; c && i < rows; i++) {
        table_row r = table_row_of(i);
        if (sp_columns_append(c, &r) != SP_OK) {
            sp_columns_drop(c);
            c = NULL;
        }
    }
    return c;
}

/* The kinds that cells and columns hold in different ways: row i has a word of 26 (every fifth null) and hashes of i. */
typedef struct coded_row {
    sp_cell_DICT word;
    sp_cell_HEX hash;
    sp_cell_HEXS hashes;
} coded_row;

enum {
    WORD,
    HASH,
    HASHES
};

static const sp_column_info coded_columns[] = {
    {"word", SP_KIND_DICT, offsetof(coded_row, word), ""},
    {"hash", SP_KIND_HEX, offsetof(coded_row, hash), ""},
    {"hashes", SP_KIND_HEXS, offsetof(coded_row, hashes), ""},
};
static const sp_schema coded_schema = {"coded", coded_columns, sizeof coded_columns / sizeof *coded_columns};

static inline coded_row coded_row_of(size_t i) { /* views live until the next call */
    static char word[4];
    static sp_digest hashes[3];
    coded_row r = {{NULL, 0}, {NULL, 0}, {NULL, 0}};
    word[0] = word[1] = word[2] = (char)('a' + i % 26);
    for (size_t k = 0; k < 3; k++) memset(hashes[k].b, (int)(i + k) & 255, sizeof hashes[k].b);
    if (i % 5 != 4) r.word = (sp_view){(const uint8_t *)word, i / 26 % 4};
    if (i % 5 != 3) r.hash = (sp_view){hashes[0].b, i % 3 ? 16 : 8};
    if (i % 5 != 2) r.hashes = (sp_cell_HEXS){hashes, i % 4};
    return r;
}

static inline int coded_row_is(const sp_columns *c, size_t at, size_t i) {
    coded_row r = coded_row_of(i);
    char hex[33];
    int ok = spi_cell_valid(c, WORD, at) == (r.word.p != NULL) && (!r.word.p || sp_view_eq(spi_cell_text(c, WORD, at), r.word));
    ok &= spi_cell_valid(c, HASH, at) == (r.hash.p != NULL);
    if (r.hash.p) {
        for (size_t k = 0; k < r.hash.n; k++) snprintf(hex + 2 * k, 3, "%02x", r.hash.p[k]);
        ok &= sp_view_eq(spi_cell_text(c, HASH, at), (sp_view){(const uint8_t *)hex, 2 * r.hash.n});
    }
    ok &= spi_cell_valid(c, HASHES, at) == (r.hashes.p != NULL) && spi_cell_items(c, HASHES, at) == (r.hashes.p ? r.hashes.n : 0);
    for (size_t k = 0; ok && k < spi_cell_items(c, HASHES, at); k++) {
        sp_view v = spi_cell_item(c, HASHES, at, k);
        snprintf(hex, 3, "%02x", r.hashes.p[k].b[15]);
        ok &= v.n == 32 && memcmp(v.p, hex, 2) == 0 && memcmp(v.p + 30, hex, 2) == 0;
    }
    return ok;
}

static inline sp_columns *coded_of(const sp_alloc *a, size_t rows) {
    sp_columns *c = sp_columns_new(a, &coded_schema, NULL);
    for (size_t i = 0; c && i < rows; i++) {
        coded_row r = coded_row_of(i);
        if (sp_columns_append(c, &r) != SP_OK) {
            sp_columns_drop(c);
            c = NULL;
        }
    }
    return c;
}

#endif
