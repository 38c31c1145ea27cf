#include "sp_assemble.h"

#include "sp_events.h"
#include "sp_limits.h"

const char *const sp_stream_form_names[SP_STREAM_FORMS] = {
    [SP_STREAM_NONE] = "none",           [SP_STREAM_RESPONSES] = "responses", [SP_STREAM_CHAT] = "chat",        [SP_STREAM_TEXT] = "text",
    [SP_STREAM_ANTHROPIC] = "anthropic", [SP_STREAM_GEMINI] = "gemini",       [SP_STREAM_CONVERSE] = "converse"};

typedef struct piece { /* of a string: as written, between its quotes */
    struct piece *next;
    sp_view text;
} piece;

typedef struct rope { /* a string that comes in pieces */
    piece *first, *last;
    uint8_t is;      /* ABSENT, EMPTY: null alone, or STRING */
    size_t n, count; /* bytes, pieces */
} rope;
enum {
    ABSENT,
    EMPTY,
    STRING
};

enum { /* ropes of a block */
    TEXT,
    INPUT, /* arguments */
    THINKING,
    SIGNATURE,
    ROPES
};
typedef struct block { /* a part of the content, or a call of a tool */
    uint8_t begun, thought;
    sp_view start; /* what was there first: an object or a part as a whole; p NULL if nothing */
    sp_view id, type, name;
    rope rope[ROPES];
} block;

typedef struct work {
    sp_arena *arena;
    const struct sp_kernel *kernel;
    sp_view role;
    rope content, refusal, reasoning_content, reasoning;
    block *blocks; /* SP_MAX_STREAM_PARTS of them */
    uint32_t block_count;
    sp_view whole; /* the turns as they stand in an event */
    uint8_t seen, ended;
    uint8_t odd; /* something that no rule here puts in its place */
    sp_status status;
    uint8_t *out; /* text under construction */
    size_t n, cap;
} work;

/* ---- reading ---------------------------------------------------------------------------------------------------------------------- */

static int is_string(sp_view v) { return v.n >= 2 && v.p[0] == '"'; }
static int is_null(sp_view v) { return !v.n || v.p[0] == 'n'; }
static int is(sp_view v, const char *literal) { return v.n == strlen(literal) && memcmp(v.p, literal, v.n) == 0; }
static int is_hollow(sp_view v) { /* null, "", [], {}: as good as not there */
    return is_null(v) || is(v, "\"\"") || ((v.p[0] == '[' || v.p[0] == '{') && sp_events_value_end(v.p + 1, v.p + v.n) == NULL && v.n < 64);
}
static sp_view member(sp_view object, const char *name) { return sp_events_member(object, name); }

static uint32_t index_of(sp_view v) {
    uint32_t i = 0;
    if (!v.n || v.n > 6) return UINT32_MAX;
    for (size_t k = 0; k < v.n; k++) {
        if (v.p[k] < '0' || v.p[k] > '9') return UINT32_MAX;
        i = i * 10 + (uint32_t)(v.p[k] - '0');
    }
    return i;
}

static void add_piece(work *w, rope *r, sp_view value) {
    if (is_null(value)) {
        if (r->is == ABSENT) r->is = EMPTY;
        return;
    }
    if (!is_string(value)) {
        w->odd = 1;
        return;
    }
    r->is = STRING;
    if (value.n == 2) return;
    piece *x = sp_arena_get(w->arena, sizeof *x);
    if (!x) {
        w->status = SP_ERR_NOMEM;
        return;
    }
    *x = (piece){.text = {value.p + 1, value.n - 2}};
    if (r->last) r->last->next = x;
    else r->first = x;
    r->last = x;
    r->n += x->text.n;
    r->count++;
}

/* The block of that number; they come in order, and may be gone on with in any. NULL: no such block. */
static block *block_at(work *w, uint32_t i) {
    if (i > w->block_count || i >= SP_MAX_STREAM_PARTS) {
        w->odd = 1;
        return NULL;
    }
    if (!w->blocks) w->blocks = sp_arena_get(w->arena, SP_MAX_STREAM_PARTS * sizeof *w->blocks);
    if (!w->blocks) {
        w->status = SP_ERR_NOMEM;
        return NULL;
    }
    if (i == w->block_count) memset(&w->blocks[w->block_count++], 0, sizeof *w->blocks);
    return &w->blocks[i];
}

/* A value that is said once, and may be said again: the same, or nothing. */
static void say_once(work *w, sp_view *known, sp_view value) {
    if (is_null(value) || is(value, "\"\"")) return;
    if (!is_string(value)) w->odd = 1;
    else if (!known->n) *known = value;
    else if (!sp_view_eq(*known, value)) w->odd = 1;
}

/* ---- writing ---------------------------------------------------------------------------------------------------------------------- */

static void put(work *w, const void *p, size_t n) {
    if (w->status != SP_OK || !n) return;
    if (w->cap - w->n < n) {
        size_t cap = 2 * (w->n + n) + 256;
        uint8_t *more = sp_arena_get(w->arena, cap);
        if (!more) {
            w->status = SP_ERR_NOMEM;
            return;
        }
        if (w->n) memcpy(more, w->out, w->n);
        w->out = more;
        w->cap = cap;
    }
    memcpy(w->out + w->n, p, n);
    w->n += n;
}
static void put_text(work *w, const char *s) { put(w, s, strlen(s)); }
static void put_view(work *w, sp_view v) { put(w, v.p, v.n); }
static void put_comma(work *w) {
    if (w->n && w->out[w->n - 1] != '{' && w->out[w->n - 1] != '[' && w->out[w->n - 1] != ':') put_text(w, ",");
}
static void put_name(work *w, const char *name) {
    put_comma(w);
    put_text(w, "\"");
    put_text(w, name);
    put_text(w, "\":");
}
/* The string of a rope, after what stood there before it: as escaped as its pieces are. */
static void put_rope(work *w, sp_view before, const rope *r) {
    put_text(w, "\"");
    if (is_string(before)) put(w, before.p + 1, before.n - 2);
    for (const piece *x = r->first; x; x = x->next) put_view(w, x->text);
    put_text(w, "\"");
}
static void put_string(work *w, const char *name, const rope *r) {
    if (r->is == ABSENT) return;
    put_name(w, name);
    if (r->is == EMPTY) put_text(w, "null");
    else put_rope(w, (sp_view){0}, r);
}

/* Arguments that come as pieces of a string are a value where the answer stands in one piece. */
static void put_arguments(work *w, const rope *r) {
    uint32_t flags = 0;
    uint8_t *escaped = sp_arena_get(w->arena, r->n + 1), *plain = sp_arena_get(w->arena, r->n + 1);
    size_t n = 0;
    if (!escaped || !plain) {
        w->status = SP_ERR_NOMEM;
        return;
    }
    for (const piece *x = r->first; x; x = x->next) memcpy(escaped + n, x->text.p, x->text.n), n += x->text.n;
    n = sp_unescape(w->kernel, escaped, n, plain, &flags);
    while (n && (plain[n - 1] == ' ' || plain[n - 1] == '\n' || plain[n - 1] == '\t' || plain[n - 1] == '\r')) n--;
    size_t from = 0;
    while (from < n && (plain[from] == ' ' || plain[from] == '\n' || plain[from] == '\t' || plain[from] == '\r')) from++;
    if (from == n) put_text(w, "{}");
    else if (plain[from] != '{' || sp_events_value_end(plain + from, plain + n) != plain + n) w->odd = 1; /* more than one value, or cut */
    else put(w, plain + from, n - from);
}

/* ---- the forms: what an event adds ------------------------------------------------------------------------------------------------ */

static void responses_event(work *w, sp_view e) {
    sp_view type = member(e, "type");
    int ends = is(type, "\"response.completed\"") || is(type, "\"response.incomplete\"") || is(type, "\"response.failed\"") ||
               is(type, "\"response.cancelled\"");
    if (type.n > 10 && memcmp(type.p, "\"response.", 10) == 0) w->seen = 1;
    if (ends) {
        w->ended = 1;
        w->whole = member(member(e, "response"), "output");
    } else if (is(type, "\"response.output_item.done\"")) {
        block *b = block_at(w, index_of(member(e, "output_index")));
        if (b) b->start = member(e, "item");
    }
}

static void tool_calls(work *w, sp_view calls) {
    sp_view key = {0}, value, call;
    if (is_null(calls)) return;
    if (calls.p[0] != '[') w->odd = 1;
    while (sp_events_step(&calls, &key, &call)) {
        sp_view index = member(call, "index"), id = member(call, "id"), f = member(call, "function"), rest = call;
        int fresh = !is_hollow(id) || !w->block_count;
        block *b = block_at(w, !is_null(index) ? index_of(index) : fresh ? w->block_count : w->block_count - 1);
        if (!b) return;
        while (sp_events_step(&rest, &key, &value)) {
            if (is(key, "index")) continue;
            if (is(key, "id")) say_once(w, &b->id, value);
            else if (is(key, "type")) say_once(w, &b->type, value);
            else if (!is(key, "function") && !is_hollow(value)) w->odd = 1;
        }
        while (sp_events_step(&f, &key, &value)) {
            if (is(key, "name")) say_once(w, &b->name, value);
            else if (is(key, "arguments")) add_piece(w, &b->rope[INPUT], value);
            else if (!is_hollow(value)) w->odd = 1;
        }
    }
}

static void chat_delta(work *w, sp_view delta) {
    sp_view key = {0}, value;
    while (sp_events_step(&delta, &key, &value)) {
        if (is(key, "role")) say_once(w, &w->role, value);
        else if (is(key, "content")) add_piece(w, &w->content, value);
        else if (is(key, "tool_calls")) tool_calls(w, value);
        else if (is_hollow(value)) continue;
        else if (is(key, "refusal")) add_piece(w, &w->refusal, value);
        else if (is(key, "reasoning_content")) add_piece(w, &w->reasoning_content, value);
        else if (is(key, "reasoning")) add_piece(w, &w->reasoning, value);
        else w->odd = 1;
    }
}

static void choices_event(work *w, sp_view e, int text) {
    sp_view choices = member(e, "choices"), key = {0}, c;
    if (!choices.n || choices.p[0] != '[') return;
    w->seen = 1;
    for (uint32_t i = 0; sp_events_step(&choices, &key, &c); i++) {
        sp_view index = member(c, "index"), delta = member(c, "delta");
        if (is_null(index) ? i > 0 : !is(index, "0")) continue;
        if (!is_null(member(c, "finish_reason"))) w->ended = 1;
        if (text) add_piece(w, &w->content, member(c, "text"));
        else if (delta.n && delta.p[0] == '{') chat_delta(w, delta);
        else if (!is_null(member(c, "message"))) w->odd = 1;
    }
}

static void anthropic_event(work *w, sp_view e) {
    sp_view type = member(e, "type");
    if (is(type, "\"message_start\"")) {
        sp_view message = member(e, "message");
        w->seen = 1;
        say_once(w, &w->role, member(message, "role"));
        if (!is_hollow(member(message, "content"))) w->odd = 1;
    } else if (is(type, "\"message_stop\"")) w->ended = 1;
    else if (is(type, "\"message_delta\"")) w->ended |= !is_null(member(member(e, "delta"), "stop_reason"));
    else if (is(type, "\"content_block_start\"")) {
        block *b = block_at(w, index_of(member(e, "index")));
        if (b && b->begun++) w->odd = 1;
        if (b) b->start = member(e, "content_block");
    } else if (is(type, "\"content_block_delta\"")) {
        static const struct {
            const char *type, *name;
            int rope;
        } kinds[] = {{"\"text_delta\"", "text", TEXT},
                     {"\"input_json_delta\"", "partial_json", INPUT},
                     {"\"thinking_delta\"", "thinking", THINKING},
                     {"\"signature_delta\"", "signature", SIGNATURE}};
        sp_view delta = member(e, "delta"), kind = member(delta, "type");
        block *b = block_at(w, index_of(member(e, "index")));
        size_t i = 0;
        while (i < sizeof kinds / sizeof *kinds && !is(kind, kinds[i].type)) i++;
        if (!b || !b->begun || i == sizeof kinds / sizeof *kinds) w->odd = 1;
        else add_piece(w, &b->rope[kinds[i].rope], member(delta, kinds[i].name));
    }
}

static void gemini_part(work *w, sp_view part) {
    sp_view key = {0}, value, rest = part, text = member(part, "text");
    int thought = is(member(part, "thought"), "true"), other = 0;
    while (sp_events_step(&rest, &key, &value)) other |= !is(key, "text") && !is(key, "thought");
    block *last = w->block_count ? &w->blocks[w->block_count - 1] : NULL;
    if (text.n && !other && is_hollow(text)) return;
    if (text.n && other) { /* a signature on a text that goes on: on which of its parts it would stand is not said */
        w->odd = 1;
        return;
    }
    if (!text.n || !last || last->start.n || last->thought != thought) {
        last = block_at(w, w->block_count);
        if (!last) return;
        last->thought = (uint8_t)thought;
        if (!text.n) last->start = part;
    }
    if (text.n) add_piece(w, &last->rope[TEXT], text);
}

static void gemini_event(work *w, sp_view e) {
    sp_view candidates = member(e, "candidates"), key = {0}, c, value, part;
    if (candidates.n || !is_null(member(e, "usageMetadata"))) w->seen = 1;
    if (!is_null(member(member(e, "promptFeedback"), "blockReason"))) w->ended = w->seen = 1;
    for (uint32_t i = 0; sp_events_step(&candidates, &key, &c); i++) {
        sp_view index = member(c, "index"), content = member(c, "content");
        if (is_null(index) ? i > 0 : !is(index, "0")) continue;
        if (!is_null(member(c, "finishReason"))) w->ended = 1;
        while (sp_events_step(&content, &key, &value)) {
            if (is(key, "role")) say_once(w, &w->role, value);
            else if (is(key, "parts"))
                while (sp_events_step(&value, &key, &part)) gemini_part(w, part);
            else if (!is_hollow(value)) w->odd = 1;
        }
    }
}

static void converse_event(work *w, sp_view e) {
    static const char *const names[] = {"messageStart",     "contentBlockStart", "contentBlockDelta",
                                        "contentBlockStop", "messageStop",       "metadata"};
    for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
        sp_view inner = member(e, names[i]);
        if (inner.n && inner.p[0] == '{') {
            e = inner;
            break;
        }
    }
    sp_view start = member(e, "start"), delta = member(e, "delta"), key = {0}, value;
    if (!is_null(member(e, "role"))) w->seen = 1, say_once(w, &w->role, member(e, "role"));
    if (!is_null(member(e, "stopReason"))) w->seen = w->ended = 1;
    if (is_null(start) && is_null(delta)) return;
    block *b = block_at(w, index_of(member(e, "contentBlockIndex")));
    if (!b) return;
    if (!is_null(start)) {
        if (b->begun++) w->odd = 1;
        b->start = member(start, "toolUse");
        if (!b->start.n && !is_hollow(start)) w->odd = 1;
    }
    while (sp_events_step(&delta, &key, &value)) {
        if (is(key, "text")) add_piece(w, &b->rope[TEXT], value);
        else if (is(key, "toolUse")) add_piece(w, &b->rope[INPUT], member(value, "input"));
        else if (is(key, "reasoningContent") && is_string(member(value, "text"))) add_piece(w, &b->rope[THINKING], member(value, "text"));
        else if (is(key, "reasoningContent") && is_string(member(value, "signature")))
            add_piece(w, &b->rope[SIGNATURE], member(value, "signature"));
        else w->odd = 1;
    }
}

/* ---- the forms: what it comes to -------------------------------------------------------------------------------------------------- */

static void write_responses(work *w) {
    sp_view key = {0}, value, rest = w->whole;
    if (rest.n && rest.p[0] == '[' && sp_events_step(&rest, &key, &value)) {
        w->odd = 0; /* the items that came before don't matter */
        put_view(w, w->whole);
        return;
    }
    put_text(w, "[");
    for (uint32_t i = 0; i < w->block_count; i++) {
        if (is_null(w->blocks[i].start)) w->odd = 1;
        put_comma(w);
        put_view(w, w->blocks[i].start);
    }
    put_text(w, "]");
}

static void write_chat(work *w) {
    if (w->content.is != STRING && !w->block_count && w->refusal.is != STRING && w->reasoning_content.is != STRING &&
        w->reasoning.is != STRING)
        w->odd = 1; /* nothing was said */
    put_text(w, "[{");
    put_name(w, "role");
    if (w->role.n) put_view(w, w->role);
    else put_text(w, "\"assistant\""); /* some writers leave it to the reader; in one piece it is there */
    put_string(w, "content", &w->content);
    put_string(w, "refusal", &w->refusal);
    put_string(w, "reasoning_content", &w->reasoning_content);
    put_string(w, "reasoning", &w->reasoning);
    if (w->block_count) put_name(w, "tool_calls"), put_text(w, "[");
    for (uint32_t i = 0; i < w->block_count; i++) {
        const block *b = &w->blocks[i];
        if (!b->name.n || b->rope[INPUT].is != STRING) w->odd = 1;
        put_comma(w);
        put_text(w, "{");
        if (b->id.n) put_name(w, "id"), put_view(w, b->id);
        if (b->type.n) put_name(w, "type"), put_view(w, b->type);
        put_name(w, "function"), put_text(w, "{");
        put_name(w, "name"), put_view(w, b->name);
        put_string(w, "arguments", &b->rope[INPUT]);
        put_text(w, "}}");
    }
    put_text(w, w->block_count ? "]}]" : "}]");
}

static void write_text(work *w) {
    if (w->content.is != STRING) w->odd = 1;
    put_text(w, "[");
    put_rope(w, (sp_view){0}, &w->content);
    put_text(w, "]");
}

static void write_anthropic_block(work *w, const block *b) {
    static const char *const names[ROPES] = {"text", "input", "thinking", "signature"};
    sp_view rest = b->start, key = {0}, value;
    unsigned used = 0;
    if (!rest.n || rest.p[0] != '{') w->odd = 1;
    put_comma(w);
    put_text(w, "{");
    while (sp_events_step(&rest, &key, &value)) {
        int i = 0;
        while (i < ROPES && !(is(key, names[i]) && b->rope[i].count)) i++;
        put_comma(w);
        put_text(w, "\"");
        put_view(w, key);
        put_text(w, "\":");
        if (i < ROPES) used |= 1u << i;
        if (i == INPUT && !is_hollow(value)) w->odd = 1;
        if (i == INPUT) put_arguments(w, &b->rope[i]);
        else if (i < ROPES) put_rope(w, value, &b->rope[i]);
        else put_view(w, value);
    }
    for (int i = 0; i < ROPES; i++) {
        if (!b->rope[i].count || used >> i & 1) continue;
        put_name(w, names[i]);
        if (i == INPUT) put_arguments(w, &b->rope[i]);
        else put_rope(w, (sp_view){0}, &b->rope[i]);
    }
    put_text(w, "}");
}

static void write_converse_block(work *w, const block *b) {
    sp_view rest = b->start, key = {0}, value;
    int kinds = (rest.n > 0 || b->rope[INPUT].is) + (b->rope[TEXT].is > 0) + (b->rope[THINKING].is || b->rope[SIGNATURE].is);
    if (kinds != 1) w->odd = 1;
    put_comma(w);
    put_text(w, "{");
    if (rest.n) {
        put_name(w, "toolUse"), put_text(w, "{");
        while (sp_events_step(&rest, &key, &value)) {
            put_comma(w);
            put_text(w, "\"");
            put_view(w, key);
            put_text(w, "\":");
            put_view(w, value);
        }
        put_name(w, "input");
        put_arguments(w, &b->rope[INPUT]);
        put_text(w, "}");
    } else if (b->rope[INPUT].is) w->odd = 1;
    else if (b->rope[TEXT].is) put_string(w, "text", &b->rope[TEXT]);
    else {
        put_name(w, "reasoningContent"), put_text(w, "{");
        put_name(w, "reasoningText"), put_text(w, "{");
        put_string(w, "text", &b->rope[THINKING]);
        put_string(w, "signature", &b->rope[SIGNATURE]);
        put_text(w, "}}");
    }
    put_text(w, "}");
}

static void write_blocks(work *w, sp_stream_form form) {
    if (!w->block_count || (!w->role.n && form != SP_STREAM_GEMINI)) w->odd = 1;
    put_text(w, "[{");
    if (w->role.n) put_name(w, "role"), put_view(w, w->role);
    put_name(w, form == SP_STREAM_GEMINI ? "parts" : "content");
    put_text(w, "[");
    for (uint32_t i = 0; i < w->block_count; i++) {
        const block *b = &w->blocks[i];
        if (form == SP_STREAM_ANTHROPIC) write_anthropic_block(w, b);
        else if (form == SP_STREAM_CONVERSE) write_converse_block(w, b);
        else if (b->start.n) put_comma(w), put_view(w, b->start);
        else {
            put_comma(w);
            put_text(w, "{");
            put_string(w, "text", &b->rope[TEXT]);
            if (b->thought) put_name(w, "thought"), put_text(w, "true");
            put_text(w, "}");
        }
    }
    put_text(w, "]}]");
}

sp_status sp_assemble(sp_stream_form form, const sp_view *events, size_t n, int done, const struct sp_kernel *k, sp_arena *arena,
                      sp_assembled *out) {
    work w = {.arena = arena, .kernel = k};
    for (size_t i = 0; i < n && w.status == SP_OK; i++) {
        switch (form) {
        case SP_STREAM_RESPONSES: responses_event(&w, events[i]); break;
        case SP_STREAM_CHAT: choices_event(&w, events[i], 0); break;
        case SP_STREAM_TEXT: choices_event(&w, events[i], 1); break;
        case SP_STREAM_ANTHROPIC: anthropic_event(&w, events[i]); break;
        case SP_STREAM_GEMINI: gemini_event(&w, events[i]); break;
        case SP_STREAM_CONVERSE: converse_event(&w, events[i]); break;
        default: break;
        }
    }
    if (form == SP_STREAM_CHAT || form == SP_STREAM_TEXT) w.ended |= done != 0;
    *out = (sp_assembled){.seen = w.seen, .ended = w.ended};
    if (!w.seen || !w.ended || (w.odd && form != SP_STREAM_RESPONSES)) return w.status;
    if (form == SP_STREAM_RESPONSES) write_responses(&w);
    else if (form == SP_STREAM_CHAT) write_chat(&w);
    else if (form == SP_STREAM_TEXT) write_text(&w);
    else write_blocks(&w, form);
    if (!w.odd && w.status == SP_OK) out->turns = (sp_view){w.out, w.n};
    return w.status;
}
