/* Names and texts of status codes and flags, out of their .def files. */
#include "sp_status.h"

static const char *const codes[] = {
#define SP_STATUS(name, code, expected) code,
#include "sp_status.def"
#undef SP_STATUS
};

static const char *const expectations[] = {
#define SP_STATUS(name, code, expected) expected,
#include "sp_status.def"
#undef SP_STATUS
};

static const char *const flags[] = {
#define SP_FLAG(name, text, meaning) text,
#include "sp_flags.def"
#undef SP_FLAG
};

_Static_assert(SP_FLAG_COUNT <= 32, "flags are bits of a uint32_t");

const char *sp_status_code(sp_status s) { return (unsigned)s < SP_STATUS_COUNT ? codes[s] : codes[SP_ERR_INTERNAL]; }

const char *sp_status_expected(sp_status s) { return (unsigned)s < SP_STATUS_COUNT ? expectations[s] : expectations[SP_ERR_INTERNAL]; }

const char *sp_flag_name(unsigned pos) { return pos < SP_FLAG_COUNT ? flags[pos] : NULL; }
