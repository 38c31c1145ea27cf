/* A response that came as a stream of events: each is scanned like a response, and what they say together is put together. */
#ifndef SP_STREAM_H
#define SP_STREAM_H

#include "sp_events.h"
#include "sp_exchange.h"

typedef struct sp_stream {
    uint32_t lo, hi;  /* marks of the events */
    sp_view *events;  /* those that are JSON */
    size_t count;     /* 0: no stream was read */
    uint8_t done;     /* as in sp_events */
    uint8_t cut;      /* the response stops before its end, or an event can't be read */
    uint8_t is_plain; /* a list of one: the response itself */
} sp_stream;

/* Each returns SP_OK or SP_ERR_NOMEM. */

/* The array at a mark, if its elements look like events (or are said to be). */
sp_status sp_stream_list(sp_reader *d, uint32_t mark, int said, sp_stream *s);
/* The string at a mark, if it is a stream, or base64 of one or of JSON. *took: it is, and was read; else it was not opened. */
sp_status sp_stream_string(sp_reader *d, uint32_t mark, sp_stream *s, int *took);
/* The opened text that has the bytes of a response. `said`: a list
   in it is one of events. *mark: the value, where it is JSON and no stream; else SP_NO_MARK. */
sp_status sp_stream_text(sp_reader *d, uint32_t text, int said, sp_stream *s, uint32_t *mark);
/* The opened text whose marks begin at `lo` was read as JSON in vain: a list that is cut, one value after the other. */
sp_status sp_stream_broken(sp_reader *d, uint32_t text, uint32_t lo, int said, sp_stream *s);

/* The turns that the events add, after the verdict: marks may move. Raises flags. */
sp_status sp_stream_turns(sp_reader *d, const sp_stream *s, const sp_layout *l, int64_t status, uint32_t *flags, sp_print_stream *out);

#endif
