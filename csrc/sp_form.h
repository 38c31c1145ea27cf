/* Bodies that are forms: multipart/form-data (RFC 7578) and application/x-www-form-urlencoded. */
#ifndef SP_FORM_H
#define SP_FORM_H

#include "sp_limits.h"
#include "sp_text.h"

/* The text field `name` of a form, decoded into `out`; returns its length, or 0 where it can't be told with certainty: the text is
   no form or not all of one, the field is missing, empty, given twice, a file, encoded, of several lines or over SP_SHORT_VALUE. */
size_t sp_form_value(sp_view text, sp_view name, uint8_t out[SP_SHORT_VALUE]);

#endif
