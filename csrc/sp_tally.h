/* What a table of exchanges holds, counted batch by batch in bounded memory: cells of each column, rows over time, ids that repeat.
   No Python. */
#ifndef SP_TALLY_H
#define SP_TALLY_H

#include "sp_columns.h"

/* Rows with a time within a stretch of `unit` microseconds. */
typedef struct sp_tally_cell {
    int64_t key;                          /* the stretch begins at key * unit */
    int64_t first, last;                  /* the earliest and the latest of them */
    uint64_t rows, withheld, absent, cut; /* bodies that are there in part or not to be read; that are absent; responses that are cut */
} sp_tally_cell;

/* By what rows are told to be the same: the id of the log, the id of the response (of calls that may be inference), payload and time. */
#define SP_TALLY_KEYS(X)     \
    X(REQUEST, request_id)   \
    X(RESPONSE, response_id) \
    X(PAYLOAD, payload_and_time)
typedef enum sp_tally_key {
#define X(name, text) SP_TALLY_##name,
    SP_TALLY_KEYS(X)
#undef X
    SP_TALLY_KEY_COUNT
} sp_tally_key;
extern const char *const sp_tally_key_names[];

typedef struct sp_tally_ids {
    uint64_t *slots; /* 64-bit hashes; 0: free */
    size_t cap, count;
    uint64_t rows, repeats,
        unkept; /* that have one; whose id an earlier row has; whose id was not looked up later, as there were too many */
} sp_tally_ids;

#define SP_TALLY_SPACINGS 65 /* by the number of bits of the microseconds between two rows */
typedef struct sp_tally {
    const sp_alloc *alloc;
    uint64_t rows, present[SP_COLUMNS_MAX];
    int64_t unit, previous;              /* time of the row above, SP_NULL_INT */
    uint64_t timed, backwards;           /* rows that have a time; whose time is before that of the row above */
    int64_t furthest;                    /* back, in microseconds */
    uint64_t spacing[SP_TALLY_SPACINGS]; /* rows by the time between them and the row above, either way */
    sp_tally_cell *cells;
    uint32_t *slots; /* index of a cell + 1 */
    size_t cell_n, cell_cap, slot_n, last_cell, most_cells, most_ids;
    sp_tally_ids ids[SP_TALLY_KEY_COUNT];
} sp_tally;

void sp_tally_init(sp_tally *t, const sp_alloc *a, size_t most_cells, size_t most_ids); /* SP_TALLY_CELLS, SP_TALLY_IDS; tests take fewer */
void sp_tally_fini(sp_tally *t);

/* Adds the rows [from, from + count) of `exchanges`, which come after those before. SP_ERR_NOMEM: the counts are of no use any more. */
sp_status sp_tally_add(sp_tally *t, const sp_columns *c, size_t from, size_t count);
/* Adds the counts of another one, whose rows are those of another input: what repeats across both repeats. The same error. */
sp_status sp_tally_merge(sp_tally *t, const sp_tally *other);

#endif
