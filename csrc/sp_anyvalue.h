/* An AnyValue of OpenTelemetry (opentelemetry.proto.common.v1, in its JSON form) → the JSON value that it stands for. */
#ifndef SP_ANYVALUE_H
#define SP_ANYVALUE_H

#include "sp_text.h"

/* `text` was found valid JSON; `out` has room for twice its length. The length of the value, or 0: this is no AnyValue that is a list or a
   map. One pass, whatever the nesting. */
size_t sp_anyvalue(sp_view text, uint8_t *out);

#endif
