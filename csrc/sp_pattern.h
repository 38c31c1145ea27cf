/* One line of a log of text, by the pattern that its server was given (`log_format` of nginx: `[$time_local] "$request" $status`) → one JSON
   object with a member for each variable. Nothing is known of what the variables mean, but that `$request` is method, URI and protocol. */
#ifndef SP_PATTERN_H
#define SP_PATTERN_H

#include "sp_diagnose.h"

/* The next variable of what is left of a pattern: the text before it, and its name. 0: none is left; `before` is then the rest. */
int sp_pattern_step(sp_view *rest, sp_view *before, sp_view *name);

/* The line as JSON in memory of `a`: escapes of servers (`\x22`, `\"`, `\n`) are undone, `-` alone is null, and the value of the last variable
   may stop where a line was cut. *out has p NULL where the line does
   not fit; then *why says at which byte, and what was expected there. SP_OK or SP_ERR_NOMEM. */
sp_status sp_pattern_json(sp_view pattern, sp_view line, sp_arena *a, sp_view *out, sp_diagnosis *why);

#endif
