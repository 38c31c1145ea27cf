/* The events of a stream → the turns of the answer, as it would stand in one piece (docs/fingerprint.md, section 5). */
#ifndef SP_ASSEMBLE_H
#define SP_ASSEMBLE_H

#include "sp_arena.h"
#include "sp_text.h"

typedef enum sp_stream_form { /* how the answer lies in the events */
    SP_STREAM_NONE,
    SP_STREAM_RESPONSES, /* whole, in the event that ends them; else the items that are done */
    SP_STREAM_CHAT,      /* /choices/0/delta */
    SP_STREAM_TEXT,      /* /choices/0/text */
    SP_STREAM_ANTHROPIC, /* content_block_start, content_block_delta */
    SP_STREAM_GEMINI,    /* /candidates/0/content, parts that go on */
    SP_STREAM_CONVERSE,  /* contentBlockStart, contentBlockDelta, with these names or without */
    SP_STREAM_FORMS
} sp_stream_form;
extern const char *const sp_stream_form_names[SP_STREAM_FORMS];

typedef struct sp_assembled {
    sp_view turns; /* JSON array of the turns, or p NULL: there are none, or they can't be put together faithfully */
    uint8_t seen;  /* some event is of this form */
    uint8_t ended; /* the answer came to its end */
} sp_assembled;

struct sp_kernel;
/* `events` are JSON texts that were found valid, without white space around them; `done`: the stream said that it ends. Memory from
   `arena`. SP_OK or SP_ERR_NOMEM. What is made of arguments that came in pieces is only valid if these were. */
sp_status sp_assemble(sp_stream_form form, const sp_view *events, size_t n, int done, const struct sp_kernel *k, sp_arena *arena,
                      sp_assembled *out);

#endif
