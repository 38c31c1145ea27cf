/* Column buffers of a batch of rows: growable while they are filled, then handed over as refcounted Arrow arrays. No Python. */
#ifndef SP_COLUMNS_H
#define SP_COLUMNS_H

#include "sp_arena.h"
#include "sp_hash.h"
#include "sp_status.h"
#include "sp_text.h"

typedef enum sp_kind {
    SP_KIND_STR,
    SP_KIND_I64,
    SP_KIND_I32,
    SP_KIND_BOOL,
    SP_KIND_TIME,
    SP_KIND_STRS,
    SP_KIND_DICT, /* text that repeats: a code a row, each text once a batch */
    SP_KIND_NAME, /* the same, of cells that stand still (names of rules, literals): told by their place, before their bytes are looked at */
    SP_KIND_HEX,  /* bytes of a hash, written as hex digits; else as STR */
    SP_KIND_HEXS  /* the same for a list; else as STRS */
} sp_kind;

typedef sp_view sp_cell_STR;  /* p NULL is null */
typedef sp_view sp_cell_DICT; /* the same */
typedef sp_view sp_cell_NAME; /* the same; unchanged until the part is complete */
typedef sp_view sp_cell_HEX;  /* the same */
typedef int64_t sp_cell_I64;  /* SP_NULL_INT is null */
typedef int64_t sp_cell_I32;  /* the same */
typedef int64_t sp_cell_TIME; /* microseconds since 1970-01-01T00:00:00Z; SP_NULL_INT is null */
typedef int64_t sp_cell_BOOL; /* 0, 1, or SP_NULL_INT */
typedef struct sp_cell_STRS {
    const sp_view *p; /* NULL is null; n == 0 with p != NULL is the empty list */
    size_t n;
} sp_cell_STRS;
typedef struct sp_cell_HEXS {
    const sp_digest *p; /* NULL is null */
    size_t n;
} sp_cell_HEXS;

typedef struct sp_exchange_row {
#define SP_EXCHANGE_COLUMN(field, kind, meaning) sp_cell_##kind field;
#include "sp_columns.def"
} sp_exchange_row;
typedef struct sp_evidence_row {
#define SP_EVIDENCE_COLUMN(field, kind, meaning) sp_cell_##kind field;
#include "sp_columns.def"
} sp_evidence_row;

enum { /* columns by number */
#define SP_EXCHANGE_COLUMN(field, kind, meaning) SP_EXCHANGES_##field,
#include "sp_columns.def"
};

/* One column of a schema; `offset` is that of the cell in the row struct. */
typedef struct sp_column_info {
    const char *name;
    sp_kind kind;
    size_t offset;
    const char *meaning;
} sp_column_info;
typedef struct sp_schema {
    const char *table; /* "exchanges", "evidence" */
    const sp_column_info *columns;
    size_t count;
} sp_schema;
extern const sp_schema sp_exchanges_schema, sp_evidence_schema;

/* A table part under construction, then frozen and shared. Reference counts are atomic: any thread may drop one, and releasing needs no
   Python. So its allocator must be thread-safe and outlive the last reference. */
typedef struct sp_columns sp_columns;

/* Sizes of a part: a good guess for the next one, which then has all its buffers in one block. */
#define SP_COLUMNS_MAX 64
typedef struct sp_columns_sizes {
    size_t rows, text[SP_COLUMNS_MAX], items[SP_COLUMNS_MAX];
} sp_columns_sizes;

/* NULL: out of memory; one reference. guess: NULL for a row or two. */
sp_columns *sp_columns_new(const sp_alloc *a, const sp_schema *schema, const sp_columns_sizes *guess);
void sp_columns_measure(const sp_columns *c, sp_columns_sizes *out);
sp_status sp_columns_append(sp_columns *c, const void *row); /* copies; SP_ERR_NOMEM leaves the columns as they were */
size_t sp_columns_rows(const sp_columns *c);
void sp_columns_add(sp_columns *c, size_t column, int64_t more); /* to each number of an I64 column that nobody shares yet */

/* A copy of the rows in which one STR column has other texts: one a row, p NULL is null. */
sp_status sp_columns_replace(const sp_columns *c, size_t column, const sp_view *texts, sp_columns **out);

sp_columns *sp_columns_hold(sp_columns *c);
void sp_columns_drop(sp_columns *c);

typedef struct sp_part { /* rows [from, from + count) */
    sp_columns *columns;
    size_t from, count;
} sp_part;

/* Copies the n rows with these numbers, in this order, into a part of their own: one reference, nothing of the other rows, and of texts that
   repeat only those that they have. NULL: out of memory. (sp_pick.c) */
sp_columns *sp_columns_pick(const sp_alloc *a, const sp_columns *c, const uint32_t *rows, size_t n);

#endif
