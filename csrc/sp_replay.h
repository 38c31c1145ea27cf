/* Values that were scanned before. Agents send their history again with every request, so most values of a log are bytes that were just
   seen: a value whose bytes equal those of one that stood at the same place of the trie takes its results over, unscanned.

   A table from a sample of the coming bytes to the last value that had it. The sample only selects; every byte is compared. What a value
   gave (hash, shape, marks, counts) is a function of its bytes and its place, so the table never changes a result. One owner. */
#ifndef SP_REPLAY_H
#define SP_REPLAY_H

#include "sp_scan.h"

enum {
    SP_REPLAY_LEAST = 128,        /* shortest value that is kept; the sample is out of its bytes from 32 on */
    SP_REPLAY_LONGEST = 1u << 20, /* longest one */
    SP_REPLAY_MARKS = 256,        /* most marks that one may have */
};

/* Where a value stands, as far as its results depend on it. */
typedef struct sp_replay_place {
    uint32_t node;
    uint16_t depth; /* object depth where a shape is computed, else 0 */
    uint16_t spare;
} sp_replay_place;

/* A value that was kept. Marks are relative: to the start of the value, to its first mark (parents; SP_NO_MARK: the scope around it). */
typedef struct sp_replay_value {
    sp_replay_place place;
    uint32_t n, marks, height, nodes, flags;
    uint32_t text_n; /* bytes of unescaped values of marks */
    sp_digest hash;
    uint64_t shape;
    uint64_t at; /* of its block in all that was ever put into the ring */
} sp_replay_value;

typedef struct sp_replay {
    const sp_alloc *alloc;
    uint16_t *tags;          /* by slot; 0: free */
    sp_replay_value *values; /* by slot */
    uint8_t *ring;           /* blocks: marks, unescaped values, bytes as written */
    size_t ring_size;
    uint64_t ring_end; /* bytes that were ever put there; a block is alive while it begins less than ring_size before */
} sp_replay;

/* A table of at most `bytes`, with all its memory. NULL: out of memory, or too few bytes to be of use. */
sp_replay *sp_replay_new(const sp_alloc *a, size_t bytes);
void sp_replay_free(sp_replay *r);

/* The slot for the value at p, of which at least SP_REPLAY_LEAST bytes are there, and in *found the value that was kept with these bytes
   at this place, or NULL. It holds until the next put. */
uint32_t sp_replay_find(const sp_replay *r, const uint8_t *p, const uint8_t *end, sp_replay_place place, uint16_t *tag,
                        const sp_replay_value **found);
const sp_mark *sp_replay_marks(const sp_replay *r, const sp_replay_value *v);

/* Keeps a value: `v` filled but for `at` and `text_n`, v->n bytes at p, its marks as they stand (first mark number `base`, texts at `text`). */
void sp_replay_put(sp_replay *r, uint32_t slot, uint16_t tag, const sp_replay_value *v, const uint8_t *p, const sp_mark *marks,
                   uint32_t base, const uint8_t *text);

#endif
