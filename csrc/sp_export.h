/* Text straight from columns: one JSON object a line, or CSV (RFC 4180). Independent of locale and time zone. No Python. */
#ifndef SP_EXPORT_H
#define SP_EXPORT_H

#include "sp_columns.h"

typedef struct sp_out { /* text that grows; set `alloc`, the rest to 0. The owner releases p with that allocator */
    const sp_alloc *alloc;
    uint8_t *p;
    size_t n, cap;
} sp_out;

enum {
    SP_CSV_HEADER = 1, /* a first line with the names of the columns */
    SP_CSV_SAFE = 2,   /* a cell that a spreadsheet would run gets a leading ' */
};

#define SP_TIME_TEXT 27 /* longest time, 2026-03-01T12:34:56.000001Z */

/* Appends the rows [from, from + count) to *out. SP_ERR_NOMEM: what stands in *out is no use any more, but is still the owner's.

   NDJSON: columns in the order of the schema; null for no value; a list is an array; time is RFC 3339 in UTC, microseconds only when they
   are not 0. Beyond what JSON asks, control, format and bidirectional characters are escaped, so that a terminal stays quiet.

   CSV: lines end in CR LF; no value is an empty cell, the empty text and the empty list are ""; items of a list are joined by a space.
   SP_CSV_SAFE puts ' before each text that is a run (maybe empty) of ' and then = + - @ tab CR LF NUL or a full-width = + - @; whoever
   reads takes one ' away from each text of one or more ' and then one of these, and gets the same text back. */
sp_status sp_export_ndjson(const sp_columns *c, size_t from, size_t count, sp_out *out);
sp_status sp_export_csv(const sp_columns *c, size_t from, size_t count, unsigned options, sp_out *out);

/* The text of a time (not SP_NULL_INT, years 1 to 9999); returns its length, at most SP_TIME_TEXT. */
size_t sp_export_time(int64_t microseconds, char *text);

#endif
