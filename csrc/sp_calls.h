/* Which rows of exchanges are one call that several loggers wrote: docs/same-call.md has the rules. No Python. */
#ifndef SP_CALLS_H
#define SP_CALLS_H

#include "sp_columns.h"

/* What joins rows, the strongest first. X(NAME, "name"). */
#define SP_CALLS_KEYS(X)       \
    X(UID, "uid")              \
    X(RESPONSE, "response_id") \
    X(REQUEST, "request_id")   \
    X(BODY, "body")
typedef enum sp_calls_key {
#define X(name, text) SP_CALLS_##name,
    SP_CALLS_KEYS(X)
#undef X
    SP_CALLS_KEY_COUNT
} sp_calls_key;
extern const char *const sp_calls_key_names[];

/* Why rows that share a key stay apart. X(NAME, "text"). */
#define SP_CALLS_REASONS(X)                     \
    X(AGAIN, "one log has it at several times") \
    X(SEVERAL, "one log has it several times")  \
    X(ANSWERS, "response ids differ")           \
    X(KINDS, "one is inference and one is not") \
    X(REQUESTS, "one log has several requests")
typedef enum sp_calls_reason {
#define X(name, text) SP_CALLS_##name,
    SP_CALLS_REASONS(X)
#undef X
    SP_CALLS_REASON_COUNT
} sp_calls_reason;
extern const char *const sp_calls_reason_names[];

/* What is kept of a row. */
typedef struct sp_calls_row {
    uint64_t keys[SP_CALLS_KEY_COUNT]; /* hashes; 0: it has none that could join it */
    int64_t time;
    uint64_t offset;          /* with `source`: its uid */
    uint32_t source, parent;  /* parent: a row of the same call before it, or itself */
    uint16_t log;             /* who wrote it: the reader stands for the logger */
    int8_t inference;         /* 1, 0; -1: not known */
    uint8_t rank;             /* how much it says; less is more */
    uint8_t is_call, is_tied; /* is_tied: of the rows that a key would join, this is the first */
} sp_calls_row;

typedef struct sp_calls_text { /* an id of a source, or the name of a reader */
    uint8_t n;
    char text[39];
} sp_calls_text;

typedef struct sp_calls {
    const sp_alloc *alloc;
    int64_t window; /* microseconds; SP_NULL_INT: the column same_call tells */
    sp_calls_row *rows;
    sp_calls_text *sources, *logs;
    size_t n, cap, source_n, source_cap, log_n, log_cap, leader_cap;
    /* After sp_calls_join: */
    uint32_t *leaders;                                         /* by row: the one that stands for its call */
    uint64_t call_rows, calls;                                 /* rows that are exchanges; how many calls they are */
    uint64_t joined[SP_CALLS_KEY_COUNT];                       /* call_rows = calls + these */
    uint64_t apart[SP_CALLS_KEY_COUNT][SP_CALLS_REASON_COUNT]; /* rows */
} sp_calls;

void sp_calls_init(sp_calls *s, const sp_alloc *a, int64_t window);
void sp_calls_fini(sp_calls *s);

/* Takes the keys of the rows [from, from + count) of `exchanges`; 72 bytes a row, twice that while
   their list grows. SP_ERR_NOMEM: of no use any more. */
sp_status sp_calls_add(sp_calls *s, const sp_columns *c, size_t from, size_t count);
/* Tells the calls, once. Which rows are one does not depend on their order. 32 bytes a row while it runs. The same error. */
sp_status sp_calls_join(sp_calls *s);

#define SP_CALLS_UID_MAX 64
/* After sp_calls_join: the uid of the row that stands for the call of row i, in `out`; 0: it is no exchange. */
size_t sp_calls_name(const sp_calls *s, size_t i, char out[SP_CALLS_UID_MAX]);
/* Whether row i is row `row` of the columns. */
int sp_calls_is(const sp_calls *s, size_t i, const sp_columns *c, size_t row);

#endif
