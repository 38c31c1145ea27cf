/* Every bound of the core, with what happens at it. A bound is passed only by a status or a flag, never in silence. */
#ifndef SP_LIMITS_H
#define SP_LIMITS_H

#include <stddef.h>

/* X(field, default, hard maximum, meaning). Settable per engine; the defaults and maxima are checked there. */
#define SP_LIMITS(X)                                                                                 \
    X(max_line_bytes, 134217728, 2147483647, "longest line; a longer one is skipped: line_too_long") \
    X(max_depth, 1024, 2000, "deepest nesting: too_deep")                                            \
    X(max_nodes, 4000000, 50000000, "most values in a line: too_many_nodes")                         \
    X(max_key_bytes, 65536, 16777216, "longest member name, as written: key_too_long")               \
    X(max_number_bytes, 4096, 1048576, "longest number, as written: number_too_long")                \
    X(max_embedded_layers, 4, 16, "most string layers around a body: flag embedded_too_deep")        \
    X(max_evidence_items, 64, 10000, "most evidence rows of an exchange: flag evidence_cut")         \
    X(replay_table_bytes, 33554432, 2147483647, "values kept, not scanned again; 12 MiB more per further worker; 0: none, same rows")

typedef struct sp_limits {
#define X(field, dflt, hard, why) size_t field;
    SP_LIMITS(X)
#undef X
} sp_limits;

#define SP_MAX_MARKS 262144u       /* marks of one line: too_many_marks */
#define SP_MAX_POINTER_STARS 3     /* `*` in one pointer of a rule; a pack with more is refused */
#define SP_SHORT_VALUE 512u        /* longest string value that a mark carries unescaped; longer ones are never compared */
#define SP_WARM_READERS 8u         /* readers that an engine keeps for calls with one payload; more calls at once make theirs anew */
#define SP_WARM_BYTES 65536u       /* a reader that read more is not kept: it would keep the memory that this took */
#define SP_MAX_FORMATS 64u         /* readers; a pack that passes it is refused */
#define SP_FRAME_CALLS 16u         /* types of frames that are answered, of a reader; a pack that passes it is refused */
#define SP_READER_MARKERS 32u      /* markers of a reader; a pack that passes it is refused */
#define SP_MAX_PASSES 64u          /* reasons why readers pass records over; a pack that passes it is refused */
#define SP_MAX_RULE_BITS 4096u     /* tests in all packs together; a pack that passes it is refused */
#define SP_MAX_EVENTS 65536u       /* events of one streamed response; later ones are not read: flag response_cut */
#define SP_MAX_EVENT_MARKS 196608u /* marks of a line, above which no event is read: the same */
#define SP_MAX_STREAM_PARTS 512u   /* parts of one streamed answer; one with more has no chain_out */
#define SP_SLICE_RECORDS 65536u    /* records that are given of which a slice holds no more, and of which no more tell the format */
#define SP_FILTER_STEPS 4096u      /* comparisons and connectives of a filter; one with more is refused */
#define SP_FILTER_DEPTH 256u       /* of them, whose answers wait for others; the same */
#define SP_FILTER_VALUES 65536u    /* values that a filter compares with; the same */
#define SP_ANY_LOOK_AHEAD \
    8u /* bytes that are read twice for one of an AnyValue whose maps name keys behind values; one with more stays as it is */
#define SP_SPLIT_PATHS 32u     /* pointers to arrays of records; more are refused */
#define SP_SPLIT_PATH_DEPTH 8u /* names in one of them */
#define SP_SPLIT_NAME_BYTES 64u
#define SP_SPLIT_PATH_BYTES 2048u /* all names together */
#define SP_SPLIT_DEPTH 2048u  /* brackets of a container whose kinds are compared; deeper ones are counted. Over the maximum of max_depth */
#define SP_TALLY_CELLS 65536u /* cells of time with rows; past it they are widened: gaps are told less finely */
#define SP_CALLS_ID_LEAST 16u /* bytes of an id that is taken for unique everywhere; shorter ones are counters */
#define SP_TALLY_IDS 1048576u /* ids that are kept to find repeated ones; past it the count is a lower bound, and says so */
#ifdef SP_FUZZING             /* small, so that a small input reaches all that happens at them */
#define SP_SLICE_BYTES 512u
#define SP_HEAD_BYTES 128u
#define SP_REPLAY_BYTES 16384u /* the default, in place of the one above */
#else
#define SP_SLICE_BYTES 1048576u /* a batch of rows holds the lines that begin in one slice of the stream */
#define SP_HEAD_BYTES 65536u    /* of the unpacked stream: tell the format, name the source */
#endif

sp_limits *sp_limits_default(sp_limits *l); /* fills and returns l */

/* The least value of the limit that stands at `offset` in sp_limits. */
static inline size_t sp_limit_least(size_t offset) { return offset != offsetof(sp_limits, replay_table_bytes); }

#endif
