/* One pass over the bytes of a JSON text: validates RFC 8259 strictly, walks the path trie, records marks, and hashes every value below
   a node that asks for it (docs/fingerprint.md). No tree, no recursion, no allocation once the scratch is warm. */
#ifndef SP_SCAN_H
#define SP_SCAN_H

#include "sp_arena.h"
#include "sp_hash.h"
#include "sp_limits.h"
#include "sp_status.h"
#include "sp_text.h"
#include "sp_trie.h"

typedef enum sp_type {
    SP_NULL,
    SP_FALSE,
    SP_TRUE,
    SP_NUMBER,
    SP_STRING,
    SP_OBJECT,
    SP_ARRAY
} sp_type;

#define SP_NO_MARK UINT32_MAX

enum {                     /* sp_mark.state */
    SP_MARK_OPEN = 1,      /* the text ended (in an error) inside this value: no end, no hash, no count */
    SP_MARK_NOT_FIRST = 2, /* this value, or a container around it, is a member whose name stood before in the same object … */
    SP_MARK_NOT_LAST = 4,  /* … or stands again after it. Values of equal hash are marked, too */
    SP_MARK_UNEQUAL = 8,   /* … and two of the values of that name differ */
    SP_MARK_LONG = 16,     /* a string over SP_SHORT_VALUE, not at an SP_NODE_BODY: `value` is not set */
    SP_MARK_KNOWN = 32,    /* stands for the marks in its value, too: those of `known`; only where the scan folds */
};

typedef struct sp_mark {
    uint32_t node;                        /* trie node */
    uint32_t parent;                      /* nearest mark around it that is a scope, or SP_NO_MARK */
    uint32_t index[SP_MAX_POINTER_STARS]; /* for each `*` of the node's pointer since the last root: index of the element or member */
    uint8_t type;                         /* sp_type */
    uint8_t state;                        /* SP_MARK_… */
    uint16_t spare;
    uint32_t count;    /* members or elements of a container */
    size_t start, end; /* byte range in the text, quotes included */
    union {
        sp_view value;                 /* strings: unescaped; numbers and literals: as written. Lives until the next reset */
        struct sp_replay_value *known; /* SP_MARK_KNOWN */
    };
    sp_digest hash; /* below SP_NODE_HASH; zero elsewhere, and for a string at an SP_NODE_BODY: sp_scan_hash_body */
    uint64_t shape; /* at SP_NODE_BODY: shape of docs/fingerprint.md */
} sp_mark;

/* Scratch of one thread, and the result of the scans since the last reset. Marks stand in the order in which their values begin, so a
   container comes before what it holds. Fields before the line are results, the rest is private. */
typedef struct sp_scan {
    sp_mark *marks;
    uint32_t mark_count;
    uint32_t folded; /* marks that others stand for */
    uint32_t flags;  /* SP_FLAG_* of the texts since the reset */
    size_t nodes;    /* values since the reset */
    /* ------------------------------------------------------------------ */
    const sp_alloc *alloc;
    const sp_limits *limits;
    size_t mark_cap;
    struct sp_frame *frames;
    size_t frame_cap;
    sp_digest *hashes; /* value-hash stack */
    size_t hash_cap;
    uint64_t *shapes;
    size_t shape_cap;
    uint32_t *firsts; /* for each member of the open objects that the trie reaches: number of marks before its value */
    size_t first_cap;
    uint8_t *buf; /* unescaped string of the moment */
    size_t buf_cap;
    sp_arena arena;                 /* unescaped short values of marks */
    int folds;                      /* a value that was scanned before gives one mark */
    struct sp_replay *replay;       /* its own, or NULL: set by whoever scans many texts (sp_replay.h) */
    const struct sp_kernel *kernel; /* the best one, unless its owner sets another */
} sp_scan;

void sp_scan_init(sp_scan *s, const sp_alloc *a, const sp_limits *limits);
void sp_scan_reset(sp_scan *s); /* forgets marks and flags, keeps memory */
void sp_scan_fini(sp_scan *s);

/* Gives the mark of a string at an SP_NODE_BODY its hash. Most are texts to be scanned themselves, and never need it. */
void sp_scan_hash_body(sp_scan *s, uint32_t mark);

/* Reads one document out of `text` (white space around it allowed, nothing else) with the walk starting at node `root`, and appends its
   marks; `parent` is the parent of the topmost ones. Returns SP_OK, SP_ERR_NOMEM, or another status that only says "not accepted":
   sp_diagnose tells the reason and the place. On an error the marks of what was read before it stay, open ones with SP_MARK_OPEN.
   Reads no byte outside `text`. Thread-safe for different sp_scan. The text must stay while marks are used. */
sp_status sp_scan_text(sp_scan *s, sp_view text, const sp_trie *t, uint32_t root, uint32_t parent);

#endif
