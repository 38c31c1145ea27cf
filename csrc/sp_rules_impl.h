/* The inside of a rule set: what sp_pack.c builds and sp_verdict.c reads. Private to the core. */
#ifndef SP_RULES_IMPL_H
#define SP_RULES_IMPL_H

#include "sp_assemble.h"
#include "sp_rules.h"
#include "sp_scan.h"
#include "sp_trie.h"

typedef uint32_t sp_name; /* index of an interned text; 0 is "none" */

enum { /* roots of the trie; node 0 is dead */
    SP_ROOT_BODY = 1,
    SP_ROOT_RESPONSE,
    SP_ROOT_HEADERS,
    SP_ROOT_RESPONSE_HEADERS,
    SP_ROOT_QUERY,
    SP_ROOT_PATH,
    SP_ROOT_DETECT, /* places of a line that tell the readers apart */
    SP_ROOT_COUNT
};

typedef enum sp_role { /* what an envelope's field is */
    SP_ROLE_NONE,
    SP_ROLE_TIME,
    SP_ROLE_ID,
    SP_ROLE_METHOD,
    SP_ROLE_URL,
    SP_ROLE_HOST, /* where the URL is a path */
    SP_ROLE_STATUS,
    SP_ROLE_BASE64,
    SP_ROLE_HEADERS,
    SP_ROLE_BODY,
    SP_ROLE_RESPONSE,
    SP_ROLE_EVENTS,
    SP_ROLE_RESPONSE_HEADERS,
    SP_ROLE_COUNT
} sp_role;

#define SP_ROLE_AT(role, rank) ((uint8_t)((role) | (rank) << 4))
#define SP_MAX_RANK 15u /* pointers of a field are tried in their order */
static inline sp_role sp_role_of(uint8_t at) { return (sp_role)(at & 15); }
static inline unsigned sp_role_rank(uint8_t at) { return at >> 4; }

enum { /* the form of a value: exactly one bit each */
    SP_FORM_NULL = 1,
    SP_FORM_TRUE = 2,
    SP_FORM_FALSE = 4,
    SP_FORM_NUMBER = 8,
    SP_FORM_ID = 16,
    SP_FORM_BLANK = 32,
    SP_FORM_OBJECT = 64,
    SP_FORM_EMPTY_OBJECT = 128,
    SP_FORM_ARRAY = 256,
    SP_FORM_EMPTY_ARRAY = 512,
    SP_FORM_EMPTY_TEXT = 1024,
    SP_FORM_ANY = 2047,
    SP_FORM_PRESENT = 2046,
    SP_FORM_TEXT = SP_FORM_ID | SP_FORM_BLANK | SP_FORM_EMPTY_TEXT
};

typedef struct sp_list { /* slice of sp_rules.words */
    uint32_t at, n;
} sp_list;

typedef enum sp_match {
    SP_MATCH_FORM,
    SP_MATCH_IN,
    SP_MATCH_PREFIX,
    SP_MATCH_HAS
} sp_match;

typedef struct sp_test { /* one look at one node's values; its bit is its index */
    uint32_t node;
    uint32_t next;  /* next test of the same node, or 0 */
    uint16_t forms; /* accepted forms */
    uint8_t match;  /* sp_match; texts in `texts` */
    uint8_t local;  /* belongs to an each: bit `local_bit` of it */
    uint32_t each, local_bit;
    sp_list texts; /* names */
} sp_test;

typedef struct sp_each {  /* an element of `scope` that passes all of `need` and none of `bar` */
    uint32_t scope, next; /* next each of the same scope, or 0 */
    uint32_t need, bar;   /* bits of its local tests */
    int32_t only;         /* number of members the element must have, or -1 */
    uint32_t bit;         /* global bit that tells that one did */
    uint32_t locals;
} sp_each;

/* Conditions in postfix form; the value stack is a 64-bit word. */
enum {
    SP_OP_BIT,
    SP_OP_NOT,
    SP_OP_AND,
    SP_OP_OR,
    SP_OP_CONST,
    SP_OP_PROVIDER,
    SP_OP_METHOD,
    SP_OP_HOST,
    SP_OP_NO_URL,
    SP_OP_STATUS
};
typedef struct sp_op_code {
    uint32_t op, arg;
} sp_op_code;
typedef struct sp_cond { /* slice of sp_rules.code; n == 0 is true */
    uint32_t at, n;
    uint32_t gate;   /* a bit without which it can't hold, or 0 */
    uint8_t absence; /* some part of it holds because something of the body is not there */
} sp_cond;

#define SP_SET_WORDS 4
#define SP_FACT_WORDS 8
typedef struct sp_facts {
    uint64_t w[SP_FACT_WORDS];
} sp_facts;

typedef enum sp_effect {
    SP_READ,
    SP_WRITE,
    SP_MANAGE,
    SP_RETAIN,
    SP_REFERENCE,
    SP_CACHE,
    SP_REPLAY,
    SP_LABEL,
    SP_EFFECT_COUNT
} sp_effect;
typedef enum sp_basis {
    SP_BASIS_EXPLICIT,
    SP_BASIS_ENDPOINT,
    SP_BASIS_DEFAULT,
    SP_BASIS_INFERRED,
    SP_BASIS_CONTEXT,
    SP_BASIS_COUNT
} sp_basis;
extern const char *const sp_effect_names[SP_EFFECT_COUNT];
extern const char *const sp_basis_names[];

typedef enum sp_entry_kind {
    SP_FORMAT,
    SP_HOST,
    SP_REWRITE,
    SP_ENDPOINT,
    SP_SHAPE,
    SP_MARKER,
    SP_OVERRIDE,
    SP_LAYOUT,
    SP_MODEL,
    SP_WRAPPER,
    SP_LIKE,
    SP_BODY_RULE,
    SP_DEFAULTS,
    SP_ENTRY_KINDS
} sp_entry_kind;

typedef struct sp_entry { /* what every entry of a pack has */
    sp_name id, source, pack;
    uint32_t kind, line;
    uint8_t unverified, dead; /* dead: a later pack replaced it */
} sp_entry;

typedef struct sp_pattern { /* a path pattern: segments in sp_rules.segments */
    uint32_t at, n;
    uint8_t lead; /* starts with ** */
    uint8_t rest; /* ends with {name**} */
    sp_name rest_name;
} sp_pattern;
typedef struct sp_segment {
    sp_name before, after, name; /* literal text around a catch; name 0: `before` is the whole segment */
    uint8_t whole;               /* `before` belongs to what is caught */
} sp_segment;

typedef struct sp_host {
    sp_entry e;
    sp_name provider, cloud, family;
    sp_list match, ports;
    sp_cond headers;
    uint8_t by_header, inferred, deployments, from_context;
    int64_t from, until;
} sp_host;
typedef struct sp_rewrite {
    sp_entry e;
    sp_list providers;
    uint32_t path; /* pattern */
    sp_name to, as;
} sp_rewrite;

enum {
    SP_ID_PREVIOUS,
    SP_ID_CONVERSATION,
    SP_ID_RESPONSE,
    SP_ID_LABEL,
    SP_TOKENS_IN,
    SP_TOKENS_OUT,
    SP_TOKENS_CACHED,
    SP_ID_COUNT
};

typedef struct sp_operation { /* endpoint or shape */
    sp_entry e;
    sp_name api, operation, provider;
    sp_view printed;         /* api and operation in the printable form of a fingerprint */
    uint8_t inference, body; /* body: 0 json, 1 form, 2 none */
    uint8_t body_markers;    /* some marker of its sets looks at the body */
    uint8_t header_markers;  /* … at a header */
    uint8_t inferred;        /* its path is no documented one: a guess */
    sp_list on, methods, paths, facts, markers;
    sp_cond when;
    uint64_t sets[SP_SET_WORDS];
    int32_t layout; /* index, or -1 */
    sp_list model;  /* nodes */
    sp_list ids[SP_ID_COUNT];
    int64_t from, until;
    int32_t order;
} sp_operation;

typedef struct sp_marker {
    sp_entry e;
    uint64_t sets[SP_SET_WORDS];
    uint32_t bit;  /* that fires it, or 0: by `when` alone */
    uint32_t node; /* node of `at`, or scope of `each`, or 0 */
    sp_cond when;
    uint16_t expects; /* accepted forms, 0: any */
    uint16_t expect_node_set;
    uint32_t mismatch; /* bit: a value of another form stands there */
    sp_list facts, denies, looks_at, providers, not_providers;
    uint8_t basis, response;
    int64_t from, until;
} sp_marker;

typedef struct sp_override {
    sp_entry e;
    sp_list providers, apis, denies;
    sp_cond when;
    uint8_t from_context;
    int64_t from, until;
} sp_override;

typedef struct sp_turns {             /* one `turns` pointer of a layout */
    uint32_t node, element;           /* the value, and its elements */
    sp_list content, element_content; /* nodes of turn_content below each */
    uint32_t role, element_role;
} sp_turns;
typedef struct sp_reply { /* one way in which the response adds turns */
    uint32_t node;        /* 0: the object of `members` */
    sp_list names, nodes;
} sp_reply;
enum { /* what a value at a node can be in a layout */
    SP_PART_CONTEXT = 1,
    SP_PART_ELEMENT = 2, /* an element of turns … */
    SP_PART_WHOLE = 4,   /* … or all of them, one turn if it is no array */
    SP_PART_REPLY = 8
};
typedef struct sp_layout {
    sp_entry e;
    const uint8_t *parts;   /* SP_PART_… by node */
    sp_list turns, replies; /* indices into sp_rules.turns, .replies */
    sp_list context, context_names, roles;
    uint32_t tools;
    uint8_t stream; /* sp_stream_form */
} sp_layout;

typedef struct sp_model {
    sp_entry e;
    sp_name family;
    sp_list match, exclude, strip;
    uint8_t open_weights;
} sp_model;
typedef struct sp_alias { /* from the context file */
    sp_entry e;
    sp_name name, provider, model;
    int64_t from, until;
} sp_alias;
/* The `}` of the `{` at i in a template; pointers in it may have braces, too. t.n: there is none. */
static inline size_t sp_template_close(sp_view t, size_t i) {
    for (unsigned depth = 0; i < t.n; i++) {
        depth += t.p[i] == '{';
        if (t.p[i] == '}' && --depth == 0) break;
    }
    return i;
}

typedef struct sp_request { /* what is asked for, told by values of a line or a payload */
    sp_name method, url;    /* literal or template, or a pointer: */
    uint8_t is_pointer;     /* … the URL is where `url_nodes` points */
    uint32_t method_node;
    sp_list url_nodes; /* nodes of the {…} of the template, or of the pointer */
    sp_name provider;  /* who is asked, where the host does not tell; 0: not told */
} sp_request;
enum { /* parts of an exchange that is written in a payload */
    SP_INNER_BODY,
    SP_INNER_TIME,
    SP_INNER_STATUS,
    SP_INNER_HEADERS,
    SP_INNER_RESPONSE,
    SP_INNER_RESPONSE_HEADERS,
    SP_INNER_COUNT
};
typedef struct sp_wrapper {
    sp_entry e;
    sp_cond when;
    sp_list inner[SP_INNER_COUNT]; /* nodes, tried in order */
    sp_request request;
} sp_wrapper;
typedef struct sp_like {
    sp_entry e;
    sp_cond when;
} sp_like;
typedef struct sp_body_rule { /* a body that is not what was sent */
    sp_entry e;
    sp_cond when;
    sp_list texts;
    uint8_t state;
} sp_body_rule;

struct sp_also {
    uint32_t node, next;
};

#define SP_PAIRS SP_VIEW("{}") /* name of the node below a list of {name, value} under which its elements stand by their names */

typedef enum sp_grade { /* how a body stands in a log: what its absence of a mark proves */
    SP_GRADE_WIRE,
    SP_GRADE_NORMALISED,
    SP_GRADE_METADATA,
    SP_GRADE_COUNT
} sp_grade;
extern const char *const sp_grade_names[];

typedef struct sp_ask { /* one way in which a line tells its request */
    sp_cond when;
    sp_request request;
} sp_ask;
typedef struct sp_body_state_rule { /* the line says that its body is not what was sent */
    sp_cond when;
    sp_list holds; /* texts of which one stands in the line, if any are named */
    uint8_t state;
} sp_body_state_rule;
typedef struct sp_grade_rule { /* the line says that its body stands otherwise than the reader's usually do */
    sp_cond when;
    uint8_t grade;
} sp_grade_rule;
typedef struct sp_pass { /* a record of the log that is no exchange */
    sp_cond when;
    sp_name why;
} sp_pass;
typedef struct sp_format { /* a reader */
    sp_entry e;
    sp_name title;
    uint32_t root;
    uint8_t grade;
    uint8_t bodiless;                /* it has no place for a body */
    uint8_t opens;                   /* some of its places stand in JSON text, or in lists of {name, value} */
    sp_list signature;               /* alternatives: indices into sp_rules.signatures; none: takes what others leave */
    sp_list asks;                    /* indices into sp_rules.asks */
    sp_list states;                  /* indices into sp_rules.body_states */
    sp_list passes;                  /* indices into sp_rules.passes */
    sp_list grades;                  /* indices into sp_rules.grades */
    sp_list markers;                 /* indices into sp_rules.markers: they fire whatever the operation */
    sp_list lines;                   /* patterns of lines of text (sp_pattern.h), as words; lines may be JSON, too */
    uint32_t frames;                 /* node of a list of frames, of which each is an exchange (sp_frames.h); 0: none */
    sp_list calls;                   /* of these: types, as words */
    sp_name way, sent, data, at;     /* of these: names of members, and what the first says of one that was sent */
    sp_list ids[SP_ID_COUNT], model; /* places in the line itself */
} sp_format;

#define SP_VEC(type) \
    struct {         \
        type *v;     \
        uint32_t n;  \
        size_t cap;  \
    }

struct sp_rules {
    const sp_alloc *alloc;
    sp_arena arena;
    sp_limits limits;
    const sp_kernel *kernel;
    uint8_t key[16], tag_key[16];
    uint8_t keyed, tags, with_text;
    sp_trie trie;
    SP_VEC(sp_node) nodes;
    SP_VEC(uint32_t) node_tests, node_eaches; /* first test, first each of a node */
    SP_VEC(uint8_t) node_roles;               /* SP_ROLE_AT: what stands there, and its place among the pointers of that field */
    SP_VEC(uint32_t) node_also;               /* first of the nodes to which `*` in place of a name would have led: index into also, or 0 */
    SP_VEC(struct sp_also) also;
    sp_edge *edges;
    uint32_t edge_count;
    SP_VEC(sp_view) names;
    uint32_t *name_slots; /* hash table of names */
    size_t name_mask, name_slot_cap;
    SP_VEC(uint32_t) words;
    SP_VEC(sp_test) tests;
    SP_VEC(sp_each) eaches;
    SP_VEC(sp_op_code) code;
    SP_VEC(sp_segment) segments;
    SP_VEC(sp_pattern) patterns;
    SP_VEC(sp_name) facts, sets;
    SP_VEC(sp_host) hosts;
    SP_VEC(sp_rewrite) rewrites;
    SP_VEC(sp_operation) endpoints;
    SP_VEC(sp_operation) shapes;
    SP_VEC(sp_marker) markers;
    SP_VEC(sp_override) overrides;
    SP_VEC(sp_turns) turns;
    SP_VEC(sp_reply) replies;
    SP_VEC(sp_layout) layouts;
    SP_VEC(sp_model) models;
    SP_VEC(sp_alias) aliases;
    SP_VEC(sp_wrapper) wrappers;
    SP_VEC(sp_like) likes;
    SP_VEC(sp_body_rule) body_rules;
    SP_VEC(sp_format) formats;
    SP_VEC(sp_ask) asks;
    SP_VEC(sp_body_state_rule) body_states;
    SP_VEC(sp_pass) passes;
    SP_VEC(sp_grade_rule) grades;
    SP_VEC(sp_cond) signatures;
    SP_VEC(sp_view) pack_notes; /* name, version */
    SP_VEC(uint64_t) near;
    sp_list *endpoints_on;                             /* by name of the provider: its endpoints in order, then those of everybody */
    sp_list header_hosts;                              /* indices into hosts: those that a header tells */
    SP_VEC(int64_t) eras;                              /* every instant at which some rule begins or ends to hold, sorted */
    sp_list default_ids[SP_ID_COUNT], response_models; /* places */
    sp_facts lens, fact_effect[SP_EFFECT_COUNT];
    uint8_t *fact_effects; /* effect of each fact */
    sp_view versions;      /* column `versions` */
    uint8_t digest[16];
    uint32_t bit_count; /* bits of tests and eaches */
};

static inline sp_view sp_rules_text(const sp_rules *r, sp_name n) { return n ? r->names.v[n] : (sp_view){0}; }
static inline int sp_has_fact(const sp_facts *f, uint32_t i) { return (int)(f->w[i >> 6] >> (i & 63) & 1); }
static inline void sp_set_fact(sp_facts *f, uint32_t i) { f->w[i >> 6] |= (uint64_t)1 << (i & 63); }

/* Whether what stands at `node` stands at `wanted`, too. */
static inline int sp_node_is(const sp_rules *r, uint32_t node, uint32_t wanted) {
    uint32_t i = node == wanted ? 0 : r->node_also.v[node];
    while (i && r->also.v[i].node != wanted) i = r->also.v[i].next;
    return node == wanted || i;
}

/* Where in an exchange a node stands. */
typedef enum sp_place {
    SP_PLACE_PAYLOAD,
    SP_PLACE_RESPONSE,
    SP_PLACE_HEADER,
    SP_PLACE_RESPONSE_HEADER,
    SP_PLACE_QUERY,
    SP_PLACE_URL
} sp_place;
extern const char *const sp_place_names[];
/* JSON pointer (or name of a header, parameter, part of a path) of a node, with the indices of a mark; written to out, cut at cap. */
size_t sp_node_pointer(const sp_rules *r, uint32_t node, const sp_mark *mark, char *out, size_t cap);
sp_place sp_node_place(const sp_rules *r, uint32_t node);

/* Whether `name` is among the n words at `at`. */
static inline int spi_in_names(const sp_rules *r, uint32_t at, uint32_t n, sp_name name) {
    uint32_t i = 0;
    while (i < n && r->words.v[at + i] != name) i++;
    return i < n;
}

/* Name of an interned text, or 0 (lookup only). */
sp_name sp_rules_find(const sp_rules *r, sp_view text);

#endif
