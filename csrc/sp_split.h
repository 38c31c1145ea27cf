/* Finds the records of a stream that is no JSON Lines: the elements of an array, of arrays at known places in an object, or documents one
   after another. It looks at brackets and strings only, and at the member names on the way to such an array; whether a record is JSON is
   for its reader to say. Resumes at any byte, keeps a stack of bits and no bytes. No knowledge of payloads. */
#ifndef SP_SPLIT_H
#define SP_SPLIT_H

#include "sp_kernel.h"
#include "sp_limits.h"
#include "sp_text.h"

/* Where an object may hold records, parsed. `*` is any element of an array. */
typedef struct sp_split_paths {
    uint32_t n, sure; /* bit i: at pointer i any array holds records; at the others one whose first element is an object */
    uint8_t depth[SP_SPLIT_PATHS];
    sp_view pointer[SP_SPLIT_PATHS], name[SP_SPLIT_PATHS][SP_SPLIT_PATH_DEPTH];
    uint8_t text[SP_SPLIT_PATH_BYTES]; /* the unescaped names */
    size_t text_n;
} sp_split_paths;

/* `pointers`: RFC 6901, a line feed between two; each is sure. NULL: the usual ones. The text must outlive *paths, which may not be
   moved. SP_ERR_SYNTAX: no pointer, or too many or too long ones. */
sp_status sp_split_paths_init(sp_split_paths *paths, const char *pointers);

typedef struct sp_piece { /* a record */
    uint64_t start, end;  /* bytes of the stream */
    uint64_t line;        /* physical line on which it begins, from 1 */
    int open;             /* the stream ends in it; without bytes: it ends in what holds the records */
} sp_piece;

typedef struct sp_split {
    uint64_t at, line;  /* the next byte to look at, and its line */
    int open;           /* a record is under way: */
    uint64_t start;     /* … its first byte */
    int pointer;        /* that of the first array found by one; -1: none yet */
    uint64_t documents; /* that have ended */
    int arrays;         /* one of them was an array */
    int incomplete;     /* the stream ended in something, or a record was not closed before what holds it */
    int crlf;
    int by_line;      /* documents stand on a line each, as the last one did: the next one ends one that was cut */
    int broken, torn; /* the record under way, or one before it, is no JSON */
    /* ------------------------------------------------------------------ */
    const sp_kernel *kernel;
    const sp_split_paths *paths;
    uint64_t start_line, line_start, document_line;
    uint64_t doc_end, doc_line; /* of the first document */
    uint64_t prev_at;           /* of the last byte that is no white space; UINT64_MAX: none */
    int64_t column;             /* at which records begin that begin their lines; -1: not known */
    uint32_t depth, record_depth, array_depth, maybe, value, seen;
    uint32_t match[SP_SPLIT_PATH_DEPTH + 1];
    uint64_t kinds[SP_SPLIT_DEPTH / 64]; /* 1: an object */
    uint8_t prev, last, in_string, look, scalar, top_array;
} sp_split;

void sp_split_init(sp_split *s, const sp_kernel *k, const sp_split_paths *paths, uint64_t at);

/* The next record: 1 and *piece, or 0 when it takes more bytes (or is through, at the end). The stream's bytes [base, end) stand at
   `bytes`, base <= s->at; `last`: it ends at `end`. Bytes before s->at are not looked at again; a record's are those from s->start. */
int sp_split_next(sp_split *s, const uint8_t *bytes, uint64_t base, uint64_t end, int last, sp_piece *piece);

/* What a stream is, by the bytes of its head. `s` is fresh, and has read some of it afterwards. */
typedef enum sp_tell {
    SP_TELL_LINES,     /* JSON Lines, or something else that goes by lines */
    SP_TELL_CONTAINER, /* to be split */
    SP_TELL_OPEN       /* a document that holds no records so far, on one line: lines, unless s->pointer is set before the line ends */
} sp_tell;
sp_tell sp_split_tell(sp_split *s, const uint8_t *bytes, uint64_t base, uint64_t end, int last);

#endif
