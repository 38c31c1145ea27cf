/* The fingerprint of a payload out of the hashes of its marks: docs/fingerprint.md, sections 5 to 7. */
#ifndef SP_PRINT_H
#define SP_PRINT_H

#include "sp_verdict.h"

typedef struct sp_print {
    sp_digest payload;
    uint64_t shape, context;
    sp_digest *chain, *turns; /* `count` each */
    uint32_t count, tools;
    sp_digest chain_out;
    uint8_t has_out;
} sp_print;

typedef struct sp_print_stream { /* a response that came as events */
    uint32_t lo, hi;             /* their marks, which add no turns by themselves */
    const sp_digest *turns;
    uint32_t count;
} sp_print_stream;

/* Marks [lo, hi) are those of one whole payload and its response; `body` is the mark of the payload. Memory from `arena`. */
sp_status sp_print_payload(const sp_judge *j, const sp_mark *marks, uint32_t lo, uint32_t hi, uint32_t body, const sp_layout *layout,
                           const sp_print_stream *stream, sp_arena *arena, sp_print *out);

/* The keyed form of every hash. */
void sp_print_key(sp_print *p, const uint8_t key[16]);

/* API and operation as the printable form has them: unknown_unknown where no operation is known. */
#define SP_PRINT_NAME 129
#define SP_PRINT_NO_NAME SP_VIEW("unknown_unknown")
size_t sp_print_name(sp_view api, sp_view operation, char out[SP_PRINT_NAME]);

#define SP_PRINT_TEXT 224 /* more than the longest printable form has */

/* The printable form; effects is a bit set over sp_effect, name that of sp_print_name. Returns its length. */
size_t sp_print_text(const sp_print *p, sp_view name, unsigned effects, int keyed, char out[SP_PRINT_TEXT]);

#endif
