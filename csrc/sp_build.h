/* Building a rule set: interning, the trie, conditions, and errors with their place in the pack. Used by sp_pack.c only. */
#ifndef SP_BUILD_H
#define SP_BUILD_H

#include "sp_json.h"
#include "sp_rules_impl.h"

#define SP_MAX_GRAFTS 256

enum {                    /* what is not known yet, or never, where some conditions are asked */
    SP_EARLY_PATH = 1,    /* what the path catches: once an endpoint fits */
    SP_EARLY_QUERY = 2,   /* parameters of the URL */
    SP_EARLY_PROVIDER = 4 /* provider and host */
};

typedef struct sp_build {
    sp_rules *r;
    sp_rules_error *err;
    sp_status status; /* first failure; everything is a no-op after it */
    const char *file;
    sp_view text; /* of the pack that is read */
    sp_name pack;
    char at[1024]; /* pointer to the value that is read */
    size_t at_n;
    uint32_t log_root;              /* root of log: places: of the reader at hand, or 0 */
    uint8_t log_opens;              /* some of its places stand in JSON text, or in lists of {name, value} */
    uint32_t code_at;               /* condition under construction */
    int body_absence, saw_response; /* seen while a condition is read */
    unsigned too_early;             /* what conditions of this entry are asked before, SP_EARLY_… */
    struct sp_graft {
        uint32_t alias, target;
    } grafts[SP_MAX_GRAFTS];
    uint32_t graft_count;
    struct sp_graft twins[SP_MAX_GRAFTS]; /* alias counts for target */
    uint32_t twin_count;
} sp_build;

/* Where the reader of a pack stands: steps into a member or an element, and back to a length that sp_build_mark gave. */
void sp_build_step(sp_build *b, sp_view name);
void sp_build_step_n(sp_build *b, size_t i);
static inline size_t sp_build_mark(const sp_build *b) { return b->at_n; }
static inline void sp_build_back(sp_build *b, size_t mark) { b->at[b->at_n = mark] = 0; }

/* Records an error at the present place. `quoted` (may be p NULL) is shown after the message. */
void sp_build_bad(sp_build *b, const char *message, sp_view quoted);
void sp_build_nomem(sp_build *b);
#define SP_BUILD_OK(b) ((b)->status == SP_OK)

/* Appends to a vector of the rule set; returns the index, or 0 out of memory. */
#define SP_PUSH(b, vec, item)                                                                                                             \
    (sp_grow((b)->r->alloc, &(vec).v, &(vec).cap, (size_t)(vec).n + 1, sizeof *(vec).v) == SP_OK ? ((vec).v[(vec).n] = (item), (vec).n++) \
                                                                                                 : (sp_build_nomem(b), 0u))

sp_name sp_build_name(sp_build *b, sp_view text);
sp_list sp_build_words(sp_build *b, const uint32_t *v, uint32_t n);
/* A string or a list of strings, interned. */
sp_list sp_build_names(sp_build *b, const sp_value *v);

uint32_t sp_build_node(sp_build *b, sp_node nd);                   /* a new one, below nd.parent; 0 there: a root */
uint32_t sp_build_child(sp_build *b, uint32_t node, sp_view name); /* name p NULL: `*` */
#define SP_ARROW " => json"
#define SP_ARROW_ANY " => any"
/* The node of a pointer (RFC 6901, with or without its leading slash) below `root`, marked. */
uint32_t sp_build_pointer(sp_build *b, uint32_t root, sp_view pointer, unsigned flags);
/* The `{}` of a list of {name, value}; *element: any element. */
uint32_t sp_build_pairs(sp_build *b, uint32_t list, uint32_t *element);
/* As sp_build_pointer; `{name=X}` or `{key=X}` behind a pointer to such a list is the element of that name (a part of X between dots may be
   `*`, any number), ` => json` says that a string there is JSON text, in which the next pointer stands, or whose value is meant,
   ` => any` the same of an AnyValue of OpenTelemetry, and `{text*}` at the end means a string that begins so. */
uint32_t sp_build_log_pointer(sp_build *b, uint32_t root, sp_view pointer, unsigned flags);
/* A pattern of paths, as an index into the patterns. */
uint32_t sp_build_pattern(sp_build *b, sp_view text);
/* The node of a place; *root tells the kind. 0 on error. */
uint32_t sp_build_place(sp_build *b, sp_view place, uint32_t *root, unsigned flags);
/* The member `last` of `parent` is read like the root `target`; done by sp_build_seal when all is known. */
void sp_build_graft(sp_build *b, uint32_t parent, sp_view last, uint32_t target);
/* What stands at `node` counts for `target`, too, with all below it; done by sp_build_seal. */
void sp_build_count_as(sp_build *b, uint32_t node, uint32_t target);
void sp_build_seal(sp_build *b);

uint16_t sp_build_forms(sp_build *b, const sp_value *is, int *absent);
/* The bit of a test on a node. texts: names. */
uint32_t sp_build_test(sp_build *b, uint32_t node, uint16_t forms, sp_match match, sp_list texts);
/* The global bit of an `each` (members each, where, only of `v`). */
uint32_t sp_build_each(sp_build *b, const sp_value *v, uint32_t *scope);
sp_cond sp_build_cond(sp_build *b, const sp_value *tests);
/* Reads the match keys of a test object (`is`, `in`, `prefix`, `has`). */
void sp_build_match(sp_build *b, const sp_value *v, uint16_t *forms, int *absent, sp_match *match, sp_list *texts);

#endif
