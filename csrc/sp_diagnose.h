/* The cold path of reading: says exactly why a text is no JSON and where things stand in it. Byte-wise, strict, slow, no recursion. */
#ifndef SP_DIAGNOSE_H
#define SP_DIAGNOSE_H

#include "sp_arena.h"
#include "sp_limits.h"
#include "sp_status.h"
#include "sp_text.h"

typedef struct sp_diagnosis {
    sp_status status;     /* SP_OK when the text is one valid document within the limits */
    size_t pos;           /* smallest index at which no valid document can go on; see reliability rules in docs/errors.md */
    const char *expected; /* constant text */
    size_t line, column;  /* from 1, within the text; column in bytes. A log line has line 1 */
} sp_diagnosis;

/* `line` non-zero: the text is one line of a log, so a document that is no object is SP_ERR_NOT_AN_OBJECT at 0 (after all other
   errors) and a leading byte order mark SP_ERR_UNEXPECTED_BOM. Uses `scratch` for its stack; returns SP_ERR_NOMEM or SP_OK, and the
   diagnosis in *out. `known` (may be NULL, ctx passed along) says whether a member name may be shown; a name that may not is `?`. The
   pointer of the innermost open container at the error is written to `pointer` (at most cap bytes, cut with `…`), its length to *pointer_n. */
sp_status sp_diagnose(sp_view text, int line, const sp_limits *limits, sp_arena *scratch, sp_diagnosis *out,
                      int (*known)(void *ctx, sp_view name), void *ctx, char *pointer, size_t cap, size_t *pointer_n);

/* Byte offset of the value that an RFC 6901 pointer names in a valid document (last of equal names), or SIZE_MAX. With *key non-NULL
   the offset of the member name is stored there (SIZE_MAX for an element). For messages about rule packs. */
size_t sp_locate(sp_view text, sp_view pointer, size_t *key);

/* Copies a valid document without white space, and with 0 in place of the value of each member `name`, spelled without escapes, of an object that stands three
   deep, as an entry of a rule pack does. Returns the length; out needs text.n bytes. */
size_t sp_leave_out(sp_view text, sp_view name, uint8_t *out);

#endif
