/* One line (or one exchange handed over in parts) → one row and its evidence. The scratch of a worker. */
#ifndef SP_EXCHANGE_H
#define SP_EXCHANGE_H

#include "sp_one.h"
#include "sp_print.h"
#include "sp_scan.h"
#include "sp_time.h"
#include "sp_verdict.h"

#define SP_MAX_TEXTS 64 /* texts that are opened for one exchange: string layers, responses, wrapped requests */

typedef struct sp_opened { /* a text that marks point into */
    sp_view text;
    uint32_t parent;   /* text that holds it; 0: the line itself */
    size_t start, end; /* where, in the parent: inside of a string */
    uint8_t kind;      /* how it was made of that: */
    uint8_t layer;
} sp_opened;
enum {
    SP_OPENED_LINE,
    SP_OPENED_ESCAPED,
    SP_OPENED_BASE64,
    SP_OPENED_WHOLE /* in a way that moves bytes: a place in it is all of the range */
};

#define SP_SEEN 512u
#define SP_NAMED 512u

typedef struct sp_reader {
    const sp_rules *rules;
    const sp_alloc *alloc;
    sp_scan scan;
    sp_judge judge;
    sp_arena arena; /* row texts and opened texts, reset for every line */
    sp_arena made;  /* the record of a frame, which outlives what is read of the one that holds it */
    sp_opened texts[SP_MAX_TEXTS];
    uint32_t text_count;
    struct sp_seen { /* values that were judged fit to be shown, or not; models and hosts repeat */
        uint8_t n, shows, host;
        char text[61];
    } * seen;         /* SP_SEEN of them */
    struct sp_named { /* models whose family was looked for */
        const sp_model *model;
        uint8_t n;
        char text[63];
    } * named; /* SP_NAMED of them */
    sp_view source_id;
    sp_columns *exchanges, *evidence; /* where rows go; evidence may be NULL */
    sp_answer **answer;               /* not NULL: the row goes there, and … */
    SP_VEC(sp_evidence_row) kept;     /* … evidence waits here for it */
    uint64_t classified[SP_STATE_COUNT], rejected[SP_STATUS_COUNT], flags[SP_FLAG_COUNT], passed[SP_MAX_PASSES], clocks[SP_CLOCK_COUNT],
        said[SP_SAID_COUNT];
    uint64_t more; /* exchanges beyond the first of a record */
} sp_reader;

typedef struct sp_line {
    sp_view text;
    sp_view source;
    uint64_t number, offset; /* line from 1, byte in the stream */
    sp_status reject;        /* decided before reading (line_too_long, input_cut), or SP_OK */
    uint64_t length;         /* true length where `text` is not all of it, or is made */
    int made;                /* out of the `length` bytes at `offset`, in a way that moves them; 0 of them: it has no bytes */
} sp_line;

sp_status sp_reader_init(sp_reader *d, const sp_rules *r, const sp_alloc *a);
/* For many lines: keeps values that stand in several, in a store that readers share. Without memory for it: slower, not wrong. */
void sp_reader_remember(sp_reader *d, sp_replay_store *store, unsigned number);
void sp_reader_rest(sp_reader *d); /* no line for a while: the other readers of the store go on without it */
void sp_reader_fini(sp_reader *d);

typedef struct sp_votes {   /* of records: which readers' signatures they have */
    uint32_t records, read; /* looked at; those that are JSON objects, or fit a pattern */
    uint32_t *first, *has;  /* by reader: for how many it is the first whose signature or pattern they have; how many have it */
    uint32_t *held;         /* by alternative, as in sp_rules.signatures: how many have it */
} sp_votes;

/* Adds the votes of a line: what has no signature is for the last reader, and what can't be read for none. */
sp_status sp_reader_tell(sp_reader *d, sp_view line, sp_votes *votes);

/* Appends one row (and evidence) for the line. Only SP_ERR_NOMEM is an error; all else is a row. */
sp_status sp_reader_line(sp_reader *d, const sp_format *f, const sp_line *line);
/* The same for one exchange in parts, and the row is an answer. A refused payload is one with an error, and tells why. */
sp_status sp_reader_one(sp_reader *d, const sp_one *one, sp_answer **out);

#endif
