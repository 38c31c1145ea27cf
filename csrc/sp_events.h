/* The text of a streamed response → its events: byte ranges into the text. Nothing is copied, no memory is taken. */
#ifndef SP_EVENTS_H
#define SP_EVENTS_H

#include "sp_text.h"

typedef enum sp_events_kind {
    SP_EVENTS_NONE,
    SP_EVENTS_SSE,   /* text/event-stream: field lines, LF, CRLF or CR */
    SP_EVENTS_LINES, /* JSON values one after the other, as in JSON Lines */
    SP_EVENTS_LIST,  /* a JSON array, whose elements are the events */
    SP_EVENTS_FRAMES /* application/vnd.amazon.eventstream: binary messages with checksums */
} sp_events_kind;

typedef struct sp_event {
    size_t start, end; /* the data, in the text */
    uint8_t joined;    /* SSE: the data stands on several lines, with names of fields between: sp_event_join */
} sp_event;

typedef struct sp_events {
    sp_view text;
    sp_events_kind kind;
    size_t at;     /* what is not read yet begins here */
    uint8_t begun; /* LIST: the bracket was read */
    uint8_t done;  /* the text said that this is the end: `[DONE]`, the closing bracket */
    uint8_t cut;   /* the text ends inside an event, or a part of it was passed over since it is none (a checksum that is wrong) */
} sp_events;

/* What kind of stream begins with these bytes (32 are enough): SSE and FRAMES are told apart, anything else is NONE. */
sp_events_kind sp_events_tell(sp_view text);
sp_events sp_events_of(sp_view text, sp_events_kind kind);
/* The next event. 0: none is left. The data is never empty, and need not be JSON. */
int sp_events_next(sp_events *s, sp_event *out);
/* Makes the data of a joined event one text of the same length: blanks stand where names of fields stood. `out` has room for it. */
void sp_event_join(sp_view text, const sp_event *e, uint8_t *out);

/* Whether the object that begins at `first` looks like an event of a stream that some API sends, in a list that nobody calls one. */
int sp_events_is_one(sp_view first);

/* Moving in a JSON text that need not be valid: never beyond its end. */
const uint8_t *sp_events_value_end(const uint8_t *p, const uint8_t *end); /* what follows the value at p; NULL: it has no end */
/* The next member (or element: `key` stays as it is) of what is left of a container in *rest. 0: none is left. At first *rest is the
   whole container. `key` is the inside of the name, as written. */
int sp_events_step(sp_view *rest, sp_view *key, sp_view *value);
/* The last member of that name, or p NULL. */
sp_view sp_events_member(sp_view object, const char *name);

#endif
