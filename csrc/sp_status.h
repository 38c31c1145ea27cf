/* Status codes, flags and the error struct. No knowledge of payloads. */
#ifndef SP_STATUS_H
#define SP_STATUS_H

#include <stddef.h>
#include <stdint.h>

typedef enum sp_status {
#define SP_STATUS(name, code, expected) SP_ERR_##name,
#include "sp_status.def"
#undef SP_STATUS
    SP_STATUS_COUNT,
    SP_OK = SP_ERR_OK
} sp_status;

enum {
#define SP_FLAG(name, text, meaning) SP_FLAGPOS_##name,
#include "sp_flags.def"
#undef SP_FLAG
    SP_FLAG_COUNT
};
enum {
#define SP_FLAG(name, text, meaning) SP_FLAG_##name = 1u << SP_FLAGPOS_##name,
#include "sp_flags.def"
#undef SP_FLAG
};

/* Where and why. `what` is constant text and never holds payload. Filled by the innermost function; first error wins. */
typedef struct sp_error {
    sp_status status;
    size_t pos;       /* byte offset in the text that was read */
    const char *what; /* what was expected there; constant text */
} sp_error;

const char *sp_status_code(sp_status s);     /* "syntax", …; never NULL */
const char *sp_status_expected(sp_status s); /* fixed text; never NULL */
const char *sp_flag_name(unsigned pos);      /* name of flag bit `pos`, or NULL past the last */

/* Fills *err (may be NULL) unless it already holds an error. Returns s. */
sp_status sp_fail(sp_error *err, sp_status s, size_t pos, const char *what);

#define SP_TRY(expr)                          \
    do {                                      \
        sp_status sp_try_ = (expr);           \
        if (sp_try_ != SP_OK) return sp_try_; \
    } while (0)

#endif
