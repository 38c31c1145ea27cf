/* Time stamps: RFC 3339 text and numbers of seconds, milliseconds, microseconds since 1970. */
#ifndef SP_TIME_H
#define SP_TIME_H

#include "sp_text.h"

/* How logs write times. X(NAME, "name", "meaning"). */
#define SP_CLOCKS(X)                                                       \
    X(NONE, "none", "the record has no time")                              \
    X(ZONED, "zoned", "date and time with Z, GMT or an offset")            \
    X(NAIVE, "naive", "date and time without a zone: taken as UTC")        \
    X(DATE, "date", "a date alone: taken as midnight UTC")                 \
    X(SECONDS, "seconds", "a number of seconds since 1970")                \
    X(MILLISECONDS, "milliseconds", "a number of milliseconds since 1970") \
    X(MICROSECONDS, "microseconds", "a number of microseconds since 1970") \
    X(NANOSECONDS, "nanoseconds", "a number of nanoseconds since 1970")    \
    X(UNREADABLE, "unreadable", "something that is no time: the row has none")

typedef enum sp_clock {
#define X(name, text, meaning) SP_CLOCK_##name,
    SP_CLOCKS(X)
#undef X
    SP_CLOCK_COUNT
} sp_clock;
extern const char *const sp_clock_names[];

/* Microseconds since 1970-01-01T00:00:00Z, or INT64_MIN when it is no time. A date alone is midnight; without an offset it is UTC; a
   number is taken as seconds below 1e11, milliseconds below 1e14, microseconds below 1e17, else nanoseconds. ` UTC` may stand for `Z`.
   Dates of HTTP headers and of access logs are read, too: `Thu, 25 Apr 2024 09:22:53 GMT`, `02/Mar/2026:09:15:00 +0000`. */
int64_t sp_time_parse(sp_view text);
/* The same, and how it is written; the empty text is SP_CLOCK_NONE. */
int64_t sp_time_read(sp_view text, sp_clock *clock);

#endif
