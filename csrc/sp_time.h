/* Time stamps: RFC 3339 text and numbers of seconds, milliseconds, microseconds since 1970. */
#ifndef SP_TIME_H
#define SP_TIME_H

#include "sp_text.h"

/* Microseconds since 1970-01-01T00:00:00Z, or INT64_MIN when it is no time. A date alone is midnight; without an offset it is UTC; a
   number is taken as seconds below 1e11, milliseconds below 1e14, microseconds below 1e17, else nanoseconds. ` UTC` may stand for `Z`.
   Dates of HTTP headers and of access logs are read, too: `Thu, 25 Apr 2024 09:22:53 GMT`, `02/Mar/2026:09:15:00 +0000`. */
int64_t sp_time_parse(sp_view text);

#endif
