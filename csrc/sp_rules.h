/* Rule packs, frozen. Built once from JSON texts, then shared by every thread; nothing in it changes. */
#ifndef SP_RULES_H
#define SP_RULES_H

#include "sp_arena.h"
#include "sp_kernel.h"
#include "sp_limits.h"
#include "sp_status.h"
#include "sp_text.h"

/* The verdict of an exchange under the lens of a rule set. */
typedef enum sp_state {
    SP_STATE_STATEFUL,
    SP_STATE_STATELESS,
    SP_STATE_NOT_INFERENCE,
    SP_STATE_UNKNOWN,
    SP_STATE_COUNT
} sp_state;
const char *sp_state_name(sp_state s);

typedef struct sp_rules sp_rules;

typedef struct sp_pack_text {
    const char *name; /* file name, for messages; NUL-terminated */
    sp_view text;
} sp_pack_text;

typedef struct sp_rules_options {
    const sp_pack_text *packs; /* from the lowest to the highest */
    size_t pack_count;
    const sp_view *lens_counts, *lens_exempts; /* effects, facts, or `write.store*` */
    size_t lens_counts_n, lens_exempts_n;
    sp_limits limits;
    const uint8_t *key;      /* 16 bytes, or NULL: fingerprints are not keyed */
    const uint8_t *tag_key;  /* 16 bytes, or NULL: the published one */
    int tags;                /* show no identifier at all */
    int with_text;           /* show every value */
    sp_view context;         /* JSON text of the context file, or p NULL */
    const sp_kernel *kernel; /* how strings are read, with the same results; NULL: the best for this processor */
    sp_view versions;        /* goes into the column `versions` before the digest of the rules */
} sp_rules_options;

typedef struct sp_rules_error {
    const char *code; /* "syntax", "meaning", "limit", "out_of_memory"; constant */
    char file[256];
    size_t line, column; /* from 1; column in bytes; 0 where no place applies */
    char message[512];   /* what was found and what was expected */
} sp_rules_error;

/* Builds a rule set. On SP_ERR_SYNTAX or SP_ERR_INTERNAL *err tells the place; *out is NULL then. Texts may go afterwards. */
sp_status sp_rules_new(const sp_alloc *a, const sp_rules_options *o, sp_rules **out, sp_rules_error *err);
void sp_rules_free(sp_rules *r);

/* A JSON object (packs, digest, entries) that describes the set; *text comes from the set's allocator, the caller releases it. */
sp_status sp_rules_describe(const sp_rules *r, char **text, size_t *n);
void sp_rules_digest(const sp_rules *r, char hex[32]); /* of the texts of the packs and the context */
const sp_limits *sp_rules_limits(const sp_rules *r);
const char *sp_rules_pass(const sp_rules *r, size_t i); /* why readers pass records over, by number; NULL past the last */
const sp_kernel *sp_rules_kernel(const sp_rules *r);

#endif
