/* The path trie that a scan walks: every pointer that a rule or a reader cares about, frozen. Built by sp_rules. */
#ifndef SP_TRIE_H
#define SP_TRIE_H

#include "sp_hash.h"
#include "sp_text.h"

#define SP_NODE_DEAD 0u /* no rule cares about anything below */

enum {
    SP_NODE_MARK = 1,     /* record a mark for the value that stands here */
    SP_NODE_SCOPE = 2,    /* … and let marks below it name it as their parent (set together with SP_NODE_MARK) */
    SP_NODE_HASH = 4,     /* values from here down are hashed, and the mark has the hash */
    SP_NODE_TEXT = 2048,  /* a string here is JSON text, read as if it stood here itself: kept at any length (with SP_NODE_MARK) */
    SP_NODE_LONG = 4096,  /* a string here is kept at any length (with SP_NODE_MARK) */
    SP_NODE_PAIR = 8192,  /* an element of a list of {name, value}: its value stands at its name below the list's `{}` */
    SP_NODE_SORT = 16384, /* a string here stands at the child `{text*}` whose text it begins with (with SP_NODE_MARK) */
    SP_NODE_ANY = 32768,  /* a list or a map here is an AnyValue, read as what it stands for (with SP_NODE_MARK) */
    SP_NODE_BODY = 8,     /* root of a payload: shape is computed from here (set together with MARK, SCOPE, HASH) */
    SP_NODE_FOLD = 16,    /* names of members are compared in lower case (headers) */
    SP_NODE_INDEX = 1024, /* some child is named as an element would be, by its index */
    SP_NODE_NEAR = 32,    /* unknown names of members are tested for near misses */
    SP_NODE_VALUE = 64,   /* the value itself is asked for, beside tests of it … */
    SP_NODE_LOOK = 512,   /* some rule looks at values here, or they stand elsewhere, too; not for the scan */
    SP_NODE_TEXTS = 256,  /* some test of the rules looks at the text of the value, not for the scan */
    SP_NODE_TURN = 128,   /* … or it may be a turn: not inside of a mark that stands for others (SP_MARK_KNOWN) */
};

typedef struct sp_node {
    uint16_t flags;
    uint16_t stars;  /* number of `*` on the pointer up to here, this step included */
    uint32_t star;   /* child for any element or any other member, or SP_NODE_DEAD */
    uint64_t names;  /* a bit for each named child (sp_trie_bit): most other names need no look-up */
    uint32_t parent; /* for pointers as text; SP_NODE_DEAD at a root */
    sp_view name;    /* unescaped name of the last step; p NULL for `*` and for roots */
    uint32_t last;   /* last child, and of each child the next one, the last leading to the first: for the building of a rule set */
    uint32_t next;
} sp_node;

/* One slot of the open-addressed edge table (linear probing, power of two, at most half full; child 0 is empty). */
typedef struct sp_edge {
    uint64_t hash; /* sp_trie_hash(parent, digest of the name) */
    uint32_t parent, child;
} sp_edge;

typedef struct sp_trie {
    const sp_node *nodes;
    uint32_t node_count;
    const sp_edge *edges;
    uint32_t edge_mask;
    const uint64_t *near; /* sorted hashes of the skeletons (sp_near_skeleton) of names that decide */
    uint32_t near_count;
} sp_trie;

static inline int sp_is_index(const uint8_t *name, size_t n) {
    size_t i = 0;
    while (i < n && (uint8_t)(name[i] - '0') < 10) i++;
    return n > 0 && i == n;
}

/* `h` is H(name) of docs/fingerprint.md, that is sp_x128 over a quotation mark and the unescaped name. */
static inline uint64_t sp_trie_hash(uint32_t parent, const sp_digest *h) {
    uint64_t k;
    memcpy(&k, h->b, 8);
    return (k ^ ((uint64_t)parent * 0x9e3779b97f4a7c15u)) * 0xd6e8feb86659fd93u;
}

static inline uint64_t sp_trie_bit(const sp_digest *h) { return (uint64_t)1 << (h->b[15] & 63); }

/* The child for a member name (compared by hash, then by bytes), else the star child, else SP_NODE_DEAD. */
static inline uint32_t sp_trie_member(const sp_trie *t, uint32_t node, const sp_digest *h, const uint8_t *name, size_t n) {
    const sp_node *nd = &t->nodes[node];
    if (nd->names & sp_trie_bit(h)) {
        uint64_t k = sp_trie_hash(node, h);
        for (uint32_t i = (uint32_t)(k >> 32) & t->edge_mask; t->edges[i].child; i = (i + 1) & t->edge_mask)
            if (t->edges[i].hash == k && t->edges[i].parent == node) {
                const sp_view *v = &t->nodes[t->edges[i].child].name;
                if (v->n == n && memcmp(v->p, name, n) == 0) return t->edges[i].child;
            }
    }
    return nd->star;
}

/* Skeleton of a member name for near misses: lower case, without blanks, NUL, zero-width and format characters, homoglyphs and
   full-width forms mapped to ASCII; hyphens become underscores. Writes at most n bytes; returns how many. (sp_near.c) */
size_t sp_near_skeleton(const uint8_t *p, size_t n, uint8_t *out);
/* Whether `name`, which is no known name, has the skeleton of one that decides. Names over 128 bytes never do. */
int sp_near_miss(const sp_trie *t, const uint8_t *name, size_t n);

#endif
