/* A record that holds a socket with many calls: the frames that were sent and received, in a list. Each frame that was sent is an exchange:
   it is written as a record of its own, without the list, and with one more member, `frame`: {"data", "time", "received"}, where
   `received` is the answers as server-sent events. */
#ifndef SP_FRAMES_H
#define SP_FRAMES_H

#include "sp_arena.h"
#include "sp_events.h"
#include "sp_kernel.h"

typedef struct sp_frames_form { /* how frames are written: */
    sp_view way, sent;          /* the member that says which way it went, and what it says of one that was sent */
    sp_view data, time;         /* members */
    const sp_view *calls;       /* a `type` in the data of a sent one, after which answers come; they also come where it has none */
    size_t call_count;
} sp_frames_form;

typedef struct sp_frames {
    sp_view record, list; /* the list stands in the record */
    sp_frames_form form;
    sp_events at;
    size_t left; /* bytes that records may still take */
} sp_frames;

typedef struct sp_frame {
    size_t start, end; /* of the frame that was sent, in the record */
    sp_view record;    /* p NULL: it would take more than is left */
} sp_frame;

/* The frames of a list; both texts are valid JSON and outlive what is returned. All records together take at most `most` bytes. */
sp_frames sp_frames_of(sp_view record, sp_view list, sp_frames_form form, size_t most);
/* The next frame that was sent, its record in `scratch`, which is reset. 1; 0: none is left; -1: no memory. */
int sp_frames_next(sp_frames *f, const sp_kernel *k, sp_arena *scratch, sp_frame *out);

#endif
