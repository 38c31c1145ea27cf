/* Values that were scanned before. Agents send their history again with every request, so most values of a log are bytes that were just
   seen: a value whose bytes equal those of one that stood at the same place of the trie takes its results over, unscanned.

   A table from a sample of the coming bytes to the last value that had it. The sample only selects; every byte is compared. What a value
   gave (hash, shape, marks, counts) is a function of its bytes and its place, so the table never changes a result.

   Each thread has a table of its own (sp_replay). The values stand in a store that the threads of a scan share: conversations are spread
   over the threads, and what one of them scanned the others need not scan again. A value in the store is never changed, and the threads
   tell each other of new ones between two exchanges, under a lock. */
#ifndef SP_REPLAY_H
#define SP_REPLAY_H

#include "sp_scan.h"

enum {
    SP_REPLAY_LEAST = 128,        /* shortest value that is kept; the sample is out of its bytes from 32 on */
    SP_REPLAY_LONGEST = 1u << 20, /* longest one */
    SP_REPLAY_MARKS = 1024,       /* most marks that one may have */
    SP_REPLAY_BITS = 11,          /* most bits in a note */
};

/* Where a value stands, as far as its results depend on it. */
typedef struct sp_replay_place {
    uint32_t node;
    uint16_t depth; /* object depth where a shape is computed, else 0 */
    uint16_t hashed;
} sp_replay_place;

/* What was made of a value that is kept, for whoever made it: the bits of tests that hold in it, and what it is as a turn. */
typedef struct sp_replay_note {
    uint8_t bit_n;   /* SP_REPLAY_BITS + 1: not looked at yet; + 2: more than there is room for */
    uint8_t context; /* of the layout: */
    uint16_t bits[SP_REPLAY_BITS];
    const void *layout; /* NULL: none yet */
    sp_digest turn;
} sp_replay_note;

/* What is known of a value; never changed. Its marks are relative: to the start of the value, to its first mark (parents; SP_NO_MARK: the
   scope around it). */
typedef struct sp_replay_result {
    sp_replay_place place;
    uint32_t n, nodes, flags;
    uint16_t marks, height;
    uint32_t text_n;  /* bytes of unescaped values of marks */
    uint32_t at;      /* where its block begins in the store */
    uint32_t age;     /* number of the page that it stands in */
    uint8_t foldable; /* the first mark can stand for all */
    uint64_t shape;
    sp_digest hash;
} sp_replay_result;

/* A value in a table. */
typedef struct sp_replay_value {
    sp_replay_result is;
    /* what followed it last time, and probably follows it again: its slot, and where its marks and its bytes begin in the store */
    uint32_t next_slot, next_marks, next_bytes;
    sp_replay_note note;
} sp_replay_value;
_Static_assert(sizeof(sp_replay_value) == 128, "two lines of the cache: where it will stand is fetched while the value is scanned");

typedef struct sp_replay_store sp_replay_store;

enum {
    SP_REPLAY_NEWS = 32, /* most values that a table has not told of */
    SP_REPLAY_PINS = 16
};
typedef struct sp_replay_news {
    sp_replay_result value;
    uint32_t slot, after; /* after: that of the value before it; its own where there was none */
    uint16_t tag, from;   /* from: number of the table */
} sp_replay_news;

typedef struct sp_replay {
    const sp_alloc *alloc;
    sp_replay_store *store;
    unsigned number;
    uint16_t *tags;          /* by slot; 0: free */
    sp_replay_value *values; /* by slot */
    uint8_t *blocks;         /* the store's: marks, unescaped values, bytes as written */
    uint64_t horizon;        /* pages of this number and later ones stay until the exchange ends; UINT64_MAX: at rest */
    uint64_t heard;          /* news of the store that were looked at */
    uint64_t page;           /* number of the page that is being filled, and what is free of it: */
    size_t free, free_end;
    uint64_t pins[SP_REPLAY_PINS]; /* slots that are pinned, a bit for all that agree in their last bits */
    int pinned;                    /* some are */
    uint64_t kept;                 /* values that were ever put */
    uint64_t missed;               /* bytes of values that came again when they had been let go, since the last page */
    sp_replay_value *last;         /* found or put, or NULL */
    uint32_t news_n;
    sp_replay_news news[SP_REPLAY_NEWS];
    void *memory; /* of all but this struct */
} sp_replay;

/* A store for so many tables. With one table both take `bytes`; each further one takes its own memory (10 MiB) and two pages of the store
   (at most 1 MiB each): what one table found the others need not keep. NULL: out of memory, or too few bytes to be of use. It goes after
   its tables. */
sp_replay_store *sp_replay_store_new(const sp_alloc *a, size_t bytes, unsigned tables);
void sp_replay_store_free(sp_replay_store *s);
uint64_t sp_replay_store_rounds(sp_replay_store *s); /* how often its memory was filled, or would have been if it were all in use */
size_t sp_replay_store_used(sp_replay_store *s);     /* bytes in use: few until values are seen again that were let go */

/* Table `number` of the store, at rest. One owner. NULL: out of memory. */
sp_replay *sp_replay_new(const sp_alloc *a, sp_replay_store *s, unsigned number);
void sp_replay_free(sp_replay *r);

void sp_replay_round(sp_replay *r);                   /* the next exchange: nothing is pinned, what others found is known */
void sp_replay_rest(sp_replay *r);                    /* nothing is looked up until the next round: others hear all, and need not wait */
void sp_replay_pin(sp_replay *r, sp_replay_value *v); /* it stays as it is to the end of the exchange */

/* The slot for the value at p, of which at least SP_REPLAY_LEAST bytes are there, and in *found the value that was kept with these bytes
   at this place, or NULL. It holds until the next put, or as long as it is pinned. */
uint32_t sp_replay_find(sp_replay *r, const uint8_t *p, const uint8_t *end, sp_replay_place place, uint16_t *tag, sp_replay_value **found);

/* Its marks (their texts are those that are kept), and its bytes as written. */
const sp_mark *sp_replay_marks(const sp_replay *r, const sp_replay_value *v);
const uint8_t *sp_replay_bytes(const sp_replay *r, const sp_replay_value *v);

/* Keeps a value, if there is room: `v` filled but for `at`, `age` and `text_n`, v->n bytes at p, its marks as they stand (first mark number
   `base`, texts at `text`). */
void sp_replay_put(sp_replay *r, uint32_t slot, uint16_t tag, const sp_replay_result *v, const uint8_t *p, const sp_mark *marks,
                   uint32_t base, const uint8_t *text);

#endif
