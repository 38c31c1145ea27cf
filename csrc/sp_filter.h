/* Which rows of a batch are kept: a window of time, an expression over columns, a share of the rows by a hash of their uid. Frozen once it
   is made: any number of threads may use one. No Python. */
#ifndef SP_FILTER_H
#define SP_FILTER_H

#include "sp_columns.h"

/* An expression is a list of steps in postfix order. A comparison pushes an answer (yes, no, or not known where the cell is null), a
   connective takes one or two and pushes theirs, as SQL does: what is not known stays so unless the other side decides. */
#define SP_FILTER_OPS(X)                                                                  \
    X(NULL, "null")       /* the cell is null: always known */                            \
    X(IN, "in")           /* it equals one of the values; not for lists */                \
    X(LESS, "less")       /* it is less than the value: numbers, times, texts by bytes */ \
    X(AT_MOST, "at_most") /* the same or equal */                                         \
    X(HAS, "has")         /* lists: an item equals the value */                           \
    X(NOT, "not")                                                                         \
    X(AND, "and")                                                                         \
    X(OR, "or")
typedef enum sp_filter_op {
#define X(name, text) SP_FILTER_##name,
    SP_FILTER_OPS(X)
#undef X
    SP_FILTER_OP_COUNT
} sp_filter_op;
extern const char *const sp_filter_op_names[SP_FILTER_OP_COUNT];

typedef struct sp_filter_value {
    sp_view text;   /* of columns with text; p is not NULL */
    int64_t number; /* of all others; not SP_NULL_INT */
} sp_filter_value;

typedef struct sp_filter_step {
    sp_filter_op op;
    size_t column;                 /* of comparisons */
    const sp_filter_value *values; /* of the wrong kind for the column: refused */
    size_t n;
} sp_filter_step;

typedef struct sp_filter_options {
    const sp_schema *schema;     /* the first column is the uid, that called `time` the time; one called `error`: a rejected row has it */
    const sp_filter_step *steps; /* none: every row */
    size_t step_n;
    int64_t since, until; /* microseconds; SP_NULL_INT: no bound. `until` is not within */
    double share;         /* of the rows, over 0, at most 1 */
    uint64_t seed;
} sp_filter_options;

typedef struct sp_filter sp_filter;

/* *out has copies of all that it needs. SP_ERR_SYNTAX: the steps are no expression over the schema, or pass a limit. */
sp_status sp_filter_new(const sp_alloc *a, const sp_filter_options *o, sp_filter **out);
void sp_filter_free(sp_filter *f);

/* Why a row was left out: the first that holds. A rejected row of which a filter can't tell is left out as that. X(NAME, "name") */
#define SP_LEFT(X)                      \
    X(REJECTED, "rejected")             \
    X(NO_TIME, "no_time")               \
    X(OUTSIDE_TIME, "outside_time")     \
    X(WHERE, "where")                   \
    X(WHERE_UNKNOWN, "where_not_known") \
    X(SAMPLE, "sample")
typedef enum sp_left {
#define X(name, text) SP_LEFT_##name,
    SP_LEFT(X)
#undef X
    SP_LEFT_COUNT,
    SP_KEPT = SP_LEFT_COUNT
} sp_left;
extern const char *const sp_left_names[SP_LEFT_COUNT];

typedef struct sp_filter_result {
    sp_part exchanges, evidence; /* a reference each; of evidence only where it was given */
    size_t seen;                 /* rows that were looked at: up to the last one that is kept where the limit was reached, else all */
    size_t left[SP_LEFT_COUNT];
    int64_t first, last; /* times of the rows that were looked at; SP_NULL_INT: none has one */
} sp_filter_result;

/* Keeps at most `limit` rows, and of the evidence (columns NULL: none) what belongs to them; it must stand in the order of the rows.
   On an error there is nothing to drop. */
sp_status sp_filter_run(const sp_filter *f, sp_part exchanges, sp_part evidence, size_t limit, sp_filter_result *out);

#endif
