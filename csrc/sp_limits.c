/* Default bounds. */
#include "sp_limits.h"

sp_limits *sp_limits_default(sp_limits *l) {
    *l = (sp_limits){
#define X(field, dflt, hard, why) .field = dflt,
        SP_LIMITS(X)
#undef X
    };
#ifdef SP_FUZZING
    l->replay_table_bytes = SP_REPLAY_BYTES;
#endif
    return l;
}
