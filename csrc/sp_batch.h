/* Many records: cuts a stream into lines, or into the records of a container (sp_split.h), or takes records that are given one by one; slices
   them over workers, and gives tables in input order. One owner thread drives a reader; its workers are its own threads. The result depends
   on nothing but the bytes and the rules. */
#ifndef SP_BATCH_H
#define SP_BATCH_H

#include "sp_columns.h"
#include "sp_rules.h"
#include "sp_time.h"
#include "sp_verdict.h"

typedef struct sp_summary {
    uint64_t lines_total, lines_blank; /* lines = lines_total - lines_blank; of a container each record is one */
    uint64_t records;                  /* records = classified + rejected + passed over; those with several exchanges count as often */
    uint64_t classified[SP_STATE_COUNT];
    uint64_t rejected[SP_STATUS_COUNT];
    uint64_t flags[SP_FLAG_COUNT];
    uint64_t passed[SP_MAX_PASSES];  /* records that are no exchanges, by sp_rules_pass */
    uint64_t clocks[SP_CLOCK_COUNT]; /* of the classified ones: how their times are written */
    uint64_t said[SP_SAID_COUNT];    /* of the classified ones: how many have it */
    uint64_t bytes;
    const char *format;               /* name of the reader, NULL while it isn't told yet */
    uint32_t head_records, head_read; /* by which it was told: those that begin in the head; those of them that could be read */
    const char *source_id;            /* NULL while it isn't known */
    int bom, crlf;                    /* file flags */
    int cr_only;                      /* hint: carriage returns as line ends */
    int incomplete;                   /* a container has no end: a row says from where on nothing could be read */
    sp_view container;    /* "jsonl", "array", "documents", the pointer at which an object held records, or what was said of records that
                             are given; p NULL while it isn't told */
    const char *encoding; /* "utf-16-le", …: the input is refused (no lines); NULL otherwise */
} sp_summary;

typedef struct sp_vote { /* what the records that begin in the head say of a reader */
    const char *format;
    uint32_t first, has;          /* how many are read by it, as no reader before it has their signature; how many have its signature */
    const uint32_t *alternatives; /* of its signature, in order: how many have each */
    uint32_t alternative_count;
} sp_vote;

typedef struct sp_batch sp_batch;

typedef struct sp_given { /* a record that something in front of the reader found or made, and its place in the source */
    sp_view text;
    uint64_t line, start, end; /* start names it; end == start: it has no bytes */
    sp_status reject;          /* not SP_OK: why its text isn't read */
    int made;                  /* the text is not what stands at [start, end): a place in it is all of that */
} sp_given;

typedef struct sp_batch_options {
    const sp_rules *rules; /* must outlive the reader and the batches it is working on */
    const char *source;    /* name for the column */
    const char *source_id; /* NULL: made from the first 64 KiB of the stream */
    const char *format;    /* NULL: told from the first 64 KiB */
    const char *records;   /* NULL: told from the head; "lines"; or where objects hold records: pointers, a line feed between two */
    const char *container; /* what records that are given come from; must outlive the reader */
    unsigned threads;      /* at least 1 */
    int evidence;          /* also give evidence tables */
} sp_batch_options;

/* The tables keep `a`: it must be thread-safe and outlive them, too. */
sp_status sp_batch_new(const sp_alloc *a, const sp_batch_options *o, sp_batch **out); /* SP_ERR_SYNTAX: no such format, or no pointers */
void sp_batch_free(sp_batch *b);
sp_status sp_batch_room(sp_batch *b, size_t n, uint8_t **p); /* n writable bytes at the end of the input */
size_t sp_batch_read_size(const sp_batch *b);                /* how much to read at once: up to a little behind the end of a slice */
void sp_batch_commit(sp_batch *b, size_t n);
/* Instead of bytes: the next record, which is copied. All of a stream, or none. A text over max_line_bytes is rejected as a long line is. */
sp_status sp_batch_put(sp_batch *b, const sp_given *given);
void sp_batch_finish(sp_batch *b, int cut);
/* The next batch, or *exchanges NULL when more bytes are needed or the end is reached. *evidence is NULL unless asked for.
   After SP_ERR_NOMEM the reader is spent: every later call returns it, too. */
sp_status sp_batch_take(sp_batch *b, sp_columns **exchanges, sp_columns **evidence);
/* The name of the reader, or NULL while it isn't told, or where there is nothing to read. */
sp_status sp_batch_tell(sp_batch *b, const char **format);
/* The records of the next slice as they stand, instead of rows; *any 0: as *exchanges NULL. `each` may not call the reader, and ends the
   work by another status than SP_OK. For a reader whose rows are not taken. */
sp_status sp_batch_cut(sp_batch *b, sp_status (*each)(void *ctx, const sp_given *record), void *ctx, int *any);
const sp_summary *sp_batch_summary(const sp_batch *b);
/* Of the i-th reader, in the order in which they are tried; 0: there are no more. All are 0 until the format is told, and where it is given. */
int sp_batch_vote(const sp_batch *b, uint32_t i, sp_vote *out);

#endif
