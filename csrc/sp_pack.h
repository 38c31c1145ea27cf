/* Reading the entries of one rule pack into a rule set that is being built. */
#ifndef SP_PACK_H
#define SP_PACK_H

#include "sp_build.h"

/* First pass: facts and layouts, which other packs may name. Second pass: everything else. `pack` is the tree of b->text. */
void sp_pack_declare(sp_build *b, const sp_value *pack);
void sp_pack_read(sp_build *b, const sp_value *pack);
/* After all packs: bits of `each`, marker lists of operations. */
void sp_pack_link(sp_build *b);
/* The context file (JSON): what the analyst knows and the log doesn't say. Read before the packs, so that it is tried first. */
void sp_pack_context(sp_build *b, const sp_value *context);
/* The readers (sp_formats.c). */
void sp_pack_formats(sp_build *b);

#endif
