/* Filling the rows of the tables: what is shown of an exchange, and how. */
#ifndef SP_ROW_H
#define SP_ROW_H

#include "sp_exchange.h"

typedef struct sp_row_in {
    const sp_line *line;
    const sp_format *format; /* NULL: the exchange came in parts */
    const sp_facts_in *in;
    const sp_verdict *verdict;
    const sp_print *print; /* NULL: no fingerprint */
    sp_view id, body_text;
    uint32_t flags;
} sp_row_in;

sp_status sp_row_put(sp_reader *d, const sp_row_in *in);
/* A row for a line that was rejected with line->reject. */
sp_status sp_row_reject(sp_reader *d, const sp_line *line, const sp_diagnosis *diagnosis, const char *pointer, size_t pointer_n);
/* A row for a text that the scan refused: the reason and the place come from sp_diagnose. The outputs may be NULL. */
sp_status sp_row_diagnose(sp_reader *d, const sp_line *line, int as_line, sp_diagnosis *out, char *pointer, size_t cap, size_t *pointer_n);

#endif
