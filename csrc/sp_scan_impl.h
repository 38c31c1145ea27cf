/* The inside of a scan, for the units that share it: frames, and what one call of sp_scan_text carries along. */
#ifndef SP_SCAN_IMPL_H
#define SP_SCAN_IMPL_H

#include "sp_kernel.h"
#include "sp_replay.h"

#define LIKELY(x) __builtin_expect(!!(x), 1)
#define UNLIKELY(x) __builtin_expect(!!(x), 0)
#define ALWAYS_INLINE inline __attribute__((always_inline)) /* where gcc finds it too large and is wrong: measured */

/* An open container, or (frame 0) the text around the document. Its part of the hash stack is a header, then a place for each element or
   two for each member; an array that isn't hashed has none. In an object that isn't hashed the place of a value holds its byte range. */
typedef struct sp_frame {
    uint32_t node, mark, scope;           /* trie node; own mark; mark that is the parent of marks inside */
    uint32_t count;                       /* finished values inside */
    uint32_t index[SP_MAX_POINTER_STARS]; /* as in sp_mark, for what stands inside */
    uint32_t hash_base, shape_base, first_base;
    uint32_t marks_before; /* marks when it opened, its own included */
    uint8_t object, hashed;
    uint8_t depth;   /* object depth where a shape is computed, else 0 */
    uint8_t inner;   /* inside an array of a payload or a list of turns, or one */
    uint8_t replays; /* what stands in it may be known: members of the payload (1), elements of an outermost array (2); else 0 */
    size_t start;
} sp_frame;

typedef struct range { /* a value that isn't hashed, in the place of its hash */
    uint64_t start, end;
} range;
_Static_assert(sizeof(range) == sizeof(sp_digest), "ranges stand in places of hashes");

/* One call of sp_scan_text. */
typedef struct walk {
    sp_scan *s;
    const sp_trie *t;
    const sp_kernel *kernel;
    const uint8_t *text, *end;
    sp_frame *f; /* innermost frame */
    uint32_t hash_top, shape_top;
    uint32_t flags;
    sp_status status; /* set by the function that fails */
    sp_view string;   /* the last string: opening quote (not in n), then the unescaped text; in the text or in buf */
    sp_digest digest; /* hash and shape of the last container, or known value */
    uint64_t shape;
    uint32_t deepest; /* level reached in the values that are under way */
    struct keeping {  /* values that may be worth keeping, under way: a member of the payload, and an element of an outermost array */
        int on;
        uint32_t slot, base, deepest; /* base: marks before it; deepest: … and flags before it */
        uint32_t flags;
        uint16_t tag;
        size_t nodes;
        size_t fresh; /* bytes of elements inside that were kept by themselves */
        sp_replay_place place;
    } keeping[2];
} walk;

/* sp_grow without the call while there is room. */
static inline sp_status spi_grow(const sp_alloc *a, void *p, size_t *cap, size_t need, size_t item) {
    return LIKELY(need <= *cap) ? SP_OK : sp_grow(a, p, cap, need, item);
}

/* Counts of the steps by `*` to a value at `node` (not dead) in the innermost frame. */
static inline void spi_place_of(const walk *w, uint32_t node, uint32_t index[SP_MAX_POINTER_STARS]) {
    const sp_frame *f = w->f;
    uint32_t stars = w->t->nodes[node].stars;
    for (uint32_t i = 0; i < SP_MAX_POINTER_STARS; i++) index[i] = i < stars ? f->index[i] : 0;
    if (f->node != SP_NODE_DEAD && w->t->nodes[f->node].star == node && stars - 1 < SP_MAX_POINTER_STARS) index[stars - 1] = f->count;
}

/* Takes over the results of a value that was scanned before, if the bytes at p are one. Returns what follows it, or NULL: it must be scanned,
   and is told to spi_scan_keep when it is complete. */
const uint8_t *spi_scan_known(walk *w, const uint8_t *p, uint32_t node);
/* The value [start, p) is complete, of which spi_scan_known did not know. */
void spi_scan_keep(walk *w, const uint8_t *start, const uint8_t *p, sp_digest d, uint64_t shape);

#endif
