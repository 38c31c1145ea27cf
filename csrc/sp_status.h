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

const char *sp_status_code(sp_status s);     /* "syntax", …; never NULL */
const char *sp_status_expected(sp_status s); /* fixed text; never NULL */
const char *sp_flag_name(unsigned pos);      /* name of flag bit `pos`, or NULL past the last */

#define SP_TRY(expr)                          \
    do {                                      \
        sp_status sp_try_ = (expr);           \
        if (sp_try_ != SP_OK) return sp_try_; \
    } while (0)

#endif
