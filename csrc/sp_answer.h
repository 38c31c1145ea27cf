/* What was found of one exchange: its row and its evidence, frozen. An answer owns all its bytes, so it outlives rules and readers. */
#ifndef SP_ANSWER_H
#define SP_ANSWER_H

#include "sp_columns.h"
#include "sp_diagnose.h"

typedef struct sp_answer {
    const sp_alloc *alloc; /* outlives it */
    sp_exchange_row row;
    sp_evidence_row *evidence;
    size_t evidence_n;
    sp_diagnosis why; /* why the payload is refused: the row has an error then, and nothing else; or SP_OK */
    sp_view pointer;  /* where it is: of the innermost container around it */
} sp_answer;

/* Copies the rows with their texts, in one block. why NULL: the payload was read. SP_ERR_NOMEM leaves *out NULL. */
sp_status sp_answer_new(const sp_alloc *a, const sp_exchange_row *row, const sp_evidence_row *evidence, size_t n, const sp_diagnosis *why,
                        sp_view pointer, sp_answer **out);
void sp_answer_free(sp_answer *x);

/* The same as parts of the tables, one reference each. SP_ERR_NOMEM leaves both NULL. Each pointer may be NULL: not wanted. */
sp_status sp_answer_columns(const sp_answer *x, sp_columns **exchanges, sp_columns **evidence);

#endif
