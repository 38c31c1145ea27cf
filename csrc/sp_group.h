/* How often each combination of values occurs in some columns. No Python. */
#ifndef SP_GROUP_H
#define SP_GROUP_H

#include "sp_columns.h"

typedef struct sp_group {
    uint64_t hash;
    size_t row, count; /* the first row that has the combination, and how many have it */
} sp_group;

/* Groups the rows [from, from + count) by the n columns with these indices (no column: one group of all rows), in the order of their
   first rows. *groups comes from `a` (NULL when there is no row); the caller frees it. SP_ERR_NOMEM leaves *groups NULL. */
sp_status sp_group_rows(const sp_alloc *a, const sp_columns *c, size_t from, size_t count, const size_t *columns, size_t n,
                        sp_group **groups, size_t *group_n);

#endif
