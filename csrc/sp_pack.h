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
/* An entry of `formats` (sp_formats.c), and the reader of what no other is told for, if there is none yet. */
sp_format sp_pack_format(sp_build *b, const sp_value *v, sp_entry e, const sp_value *sources);
void sp_pack_last_format(sp_build *b);

/* Reads member `key` of the entry at hand with the place set to it. */
#define SP_AT_KEY(b, key, statement)                                      \
    do {                                                                  \
        size_t key_mark_ = sp_build_mark(b);                              \
        sp_build_step(b, (sp_view){(const uint8_t *)(key), strlen(key)}); \
        statement;                                                        \
        sp_build_back(b, key_mark_);                                      \
    } while (0)

int sp_pack_listed(const char *words, sp_view name); /* `name` is one of the space-separated words */
/* Members of an entry: a text, a condition, ids with their places, a list of places as nodes, a request whose pointers begin at `root`. */
sp_view sp_pack_member(sp_build *b, const sp_value *v, const char *key, int required);
sp_cond sp_pack_cond(sp_build *b, const sp_value *v, const char *key);
void sp_pack_ids(sp_build *b, const sp_value *v, sp_list ids[SP_ID_COUNT]);
sp_list sp_pack_places(sp_build *b, const sp_value *list);
sp_list sp_pack_markers(sp_build *b, const sp_value *list, const sp_value *sources); /* of a reader: in no set */
uint8_t sp_pack_body_state(sp_build *b, const sp_value *v);
sp_request sp_pack_request(sp_build *b, const sp_value *v, uint32_t root);

#endif
