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
    SP_REPLAY_MARKS = 1024,       /* most marks that one may have */
    SP_REPLAY_BITS = 12,          /* most bits in a note */
};

/* Where a value stands, as far as its results depend on it. */
typedef struct sp_replay_place {
    uint32_t node;
    uint16_t depth; /* object depth where a shape is computed, else 0 */
    uint16_t spare;
} sp_replay_place;

/* What was made of a value that is kept, for whoever made it: the bits of tests that hold in it, and what it is as a turn. */
typedef struct sp_replay_note {
    uint8_t bit_n;   /* SP_REPLAY_BITS + 1: not looked at yet; + 2: more than there is room for */
    uint8_t context; /* of the layout: */
    uint16_t bits[SP_REPLAY_BITS];
    const void *layout; /* NULL: none yet */
    sp_digest turn;
} sp_replay_note;

/* A value that was kept. Its marks are relative: to the start of the value, to its first mark (parents; SP_NO_MARK: the scope around it). */
typedef struct sp_replay_value {
    sp_replay_place place;
    uint32_t n, marks, height, nodes, flags;
    uint32_t text_n;  /* bytes of unescaped values of marks */
    uint8_t foldable; /* the first mark can stand for all */
    sp_digest hash;
    uint64_t shape;
    uint64_t at;     /* of its block in all that was ever put into the ring */
    uint64_t pinned; /* round of the last sp_replay_pin */
    /* what followed it last time, and probably follows it again: its slot, and where its marks and its bytes begin in the ring */
    uint32_t next_slot, next_marks, next_bytes;
    sp_replay_note note;
} sp_replay_value;

typedef struct sp_replay {
    const sp_alloc *alloc;
    uint16_t *tags;          /* by slot; 0: free */
    sp_replay_value *values; /* by slot */
    uint8_t *ring;           /* blocks: marks, unescaped values, bytes as written */
    size_t ring_size;
    uint64_t ring_end;      /* bytes that were ever put there; a block is alive while it begins less than ring_size before */
    uint64_t round, oldest; /* the exchange under way, and the first block that is pinned for it */
    sp_replay_value *last;  /* found or put, or NULL */
    void *memory;           /* of all but this struct */
} sp_replay;

/* A table of at most `bytes`, with all its memory. NULL: out of memory, or too few bytes to be of use. */
sp_replay *sp_replay_new(const sp_alloc *a, size_t bytes);
void sp_replay_free(sp_replay *r);

void sp_replay_round(sp_replay *r);                   /* the next exchange: nothing is pinned */
void sp_replay_pin(sp_replay *r, sp_replay_value *v); /* it stays as it is to the end of the exchange */

/* The slot for the value at p, of which at least SP_REPLAY_LEAST bytes are there, and in *found the value that was kept with these bytes
   at this place, or NULL. It holds until the next put, or as long as it is pinned. */
uint32_t sp_replay_find(sp_replay *r, const uint8_t *p, const uint8_t *end, sp_replay_place place, uint16_t *tag, sp_replay_value **found);

/* Its marks (their texts are those that are kept), and its bytes as written. */
const sp_mark *sp_replay_marks(const sp_replay *r, const sp_replay_value *v);
const uint8_t *sp_replay_bytes(const sp_replay *r, const sp_replay_value *v);

/* Keeps a value: `v` filled but for `at`, `text_n`, `pinned` and `note`, v->n bytes at p, its marks as they stand (first mark number
   `base`, texts at `text`). */
void sp_replay_put(sp_replay *r, uint32_t slot, uint16_t tag, const sp_replay_value *v, const uint8_t *p, const sp_mark *marks,
                   uint32_t base, const uint8_t *text);

#endif
