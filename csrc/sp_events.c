#include "sp_events.h"

enum {
    PRELUDE = 12, /* of a frame: two lengths and their checksum */
    TRAILER = 4   /* the checksum of all before it */
};

static int is_space(uint8_t c) { return c == ' ' || c == '\t' || c == '\n' || c == '\r'; }

static const uint8_t *skip_space(const uint8_t *p, const uint8_t *end) {
    while (p < end && is_space(*p)) p++;
    return p;
}

static int starts(const uint8_t *p, const uint8_t *end, const char *with) {
    size_t n = strlen(with);
    return (size_t)(end - p) >= n && memcmp(p, with, n) == 0;
}

/* ---- JSON, not looked at closely ------------------------------------------------------------------------------------------------- */

static const uint8_t *string_end(const uint8_t *p, const uint8_t *end) {
    for (p++; p < end && *p != '"'; p++)
        if (*p == '\\' && end - p > 1) p++;
    return p < end ? p + 1 : NULL;
}

const uint8_t *sp_events_value_end(const uint8_t *p, const uint8_t *end) {
    size_t depth = 0;
    if (p == end) return NULL;
    if (*p == '"') return string_end(p, end);
    if (*p != '{' && *p != '[') {
        const uint8_t *from = p;
        while (p < end && !is_space(*p) && *p != ',' && *p != ']' && *p != '}' && *p != ':') p++;
        return p > from ? p : NULL;
    }
    while (p < end) {
        if (*p == '"') {
            p = string_end(p, end);
            if (!p) return NULL;
            continue;
        }
        if (*p == '{' || *p == '[') depth++;
        if ((*p == '}' || *p == ']') && --depth == 0) return p + 1;
        p++;
    }
    return NULL;
}

int sp_events_step(sp_view *rest, sp_view *key, sp_view *value) {
    if (!rest->n) return 0;
    const uint8_t *p = rest->p, *end = p + rest->n, *after;
    if (*p != '{' && *p != '[' && *p != ',') return 0;
    int object = end[-1] == '}';
    p = skip_space(p + 1, end);
    if (object) {
        if (p == end || *p != '"' || !(after = string_end(p, end))) return 0;
        *key = (sp_view){p + 1, (size_t)(after - p) - 2};
        p = skip_space(after, end);
        if (p == end || *p != ':') return 0;
        p = skip_space(p + 1, end);
    }
    after = p < end ? sp_events_value_end(p, end) : NULL;
    if (!after) return 0;
    *value = (sp_view){p, (size_t)(after - p)};
    p = skip_space(after, end);
    *rest = (sp_view){p, (size_t)(end - p)};
    return 1;
}

sp_view sp_events_member(sp_view object, const char *name) {
    sp_view key = {0}, value, found = {0};
    size_t n = strlen(name);
    if (!object.n || object.p[0] != '{') return found;
    while (sp_events_step(&object, &key, &value))
        if (key.n == n && memcmp(key.p, name, n) == 0) found = value;
    return found;
}

int sp_events_is_one(sp_view first) {
    static const char *const members[] = {"choices", "candidates", "delta",        "chunk",
                                          "done",    "event_type", "messageStart", "contentBlockDelta"};
    static const char *const types[] = {"\"message_start\"", "\"message-start\"", "\"response.",
                                        "\"ping\"",          "\"content_block",   "\"stream-start\""};
    const uint8_t *end = first.n ? sp_events_value_end(first.p, first.p + first.n) : NULL;
    if (!end || *first.p != '{') return 0;
    first.n = (size_t)(end - first.p);
    sp_view type = sp_events_member(first, "type");
    for (size_t i = 0; type.n && i < sizeof types / sizeof *types; i++)
        if (starts(type.p, type.p + type.n, types[i])) return 1;
    for (size_t i = 0; i < sizeof members / sizeof *members; i++)
        if (sp_events_member(first, members[i]).p) return 1;
    return 0;
}

/* ---- lists and lines -------------------------------------------------------------------------------------------------------------- */

static int next_value(sp_events *s, sp_event *out) {
    const uint8_t *text = s->text.p, *end = text + s->text.n, *p = skip_space(text + s->at, end);
    if (s->kind == SP_EVENTS_LIST) {
        if (p == end) s->cut |= !s->done;
        if (p == end || s->done) return 0;
        if (*p == ']') {
            s->done = 1;
            s->at = (size_t)(p - text) + 1;
            return 0;
        }
        if (*p != (s->begun ? ',' : '[')) {
            s->cut = 1;
            s->at = s->text.n;
            return 0;
        }
        p = skip_space(p + 1, end);
        if (!s->begun && p < end && *p == ']') {
            s->done = s->begun = 1;
            s->at = (size_t)(p - text) + 1;
            return 0;
        }
        s->begun = 1;
    }
    if (p == end) {
        s->cut |= s->kind == SP_EVENTS_LIST;
        s->at = s->text.n;
        return 0;
    }
    const uint8_t *after = sp_events_value_end(p, end);
    s->cut |= !after;
    if (!after) after = end; /* what there is of it is read, too */
    *out = (sp_event){.start = (size_t)(p - text), .end = (size_t)(after - text)};
    s->at = out->end;
    return 1;
}

/* ---- server-sent events ----------------------------------------------------------------------------------------------------------- */

/* The line at p: its end, and what follows it. */
static const uint8_t *line_end(const uint8_t *p, const uint8_t *end, const uint8_t **next) {
    while (p < end && *p != '\n' && *p != '\r') p++;
    *next = p < end ? p + 1 + (*p == '\r' && end - p > 1 && p[1] == '\n') : p;
    return p;
}

/* Where the data of a line begins, or NULL where it has none. */
static const uint8_t *data_of(const uint8_t *p, const uint8_t *stop) {
    if (!starts(p, stop, "data")) return NULL;
    p += 4;
    if (p == stop) return p;
    if (*p != ':') return NULL;
    return p + 1 + (stop - p > 1 && p[1] == ' ');
}

/* No JSON text goes on with a bracket that opens after one that closes: writers that drop blank lines leave such neighbours. */
static int begins_anew(sp_view text, const sp_event *e, const uint8_t *data, const uint8_t *stop) {
    uint8_t last = text.p[e->end - 1];
    return data < stop && (*data == '{' || *data == '[') && (last == '}' || last == ']');
}

static int next_message(sp_events *s, sp_event *out) {
    const uint8_t *text = s->text.p, *end = text + s->text.n, *p = text + s->at, *next;
    int have = 0;
    if (s->at == 0 && starts(p, end, "\xef\xbb\xbf")) p += 3;
    while (p < end) {
        const uint8_t *stop = line_end(p, end, &next);
        const uint8_t *data = stop > p ? data_of(p, stop) : NULL;
        if (stop == p && have) break;
        if (data && data < stop && have && begins_anew(s->text, out, data, stop)) break;
        if (data && data < stop) {
            if (stop - data == 6 && starts(data, stop, "[DONE]")) {
                if (have) break;
                s->done = 1;
            } else if (have) out->end = (size_t)(stop - text), out->joined = 1;
            else *out = (sp_event){.start = (size_t)(data - text), .end = (size_t)(stop - text)}, have = 1;
        }
        p = next;
    }
    s->at = (size_t)(p - text);
    return have;
}

void sp_event_join(sp_view text, const sp_event *e, uint8_t *out) {
    const uint8_t *p = text.p + e->start, *end = text.p + e->end, *next;
    memset(out, ' ', e->end - e->start);
    for (int first = 1; p < end; p = next, first = 0) {
        const uint8_t *stop = line_end(p, end, &next), *data = first ? p : data_of(p, stop);
        if (data) memcpy(out + (data - text.p) - e->start, data, (size_t)(stop - data));
        if (stop < end) out[(size_t)(stop - text.p) - e->start] = '\n'; /* so that a string over two lines stays none */
    }
}

/* ---- frames ----------------------------------------------------------------------------------------------------------------------- */

static uint32_t word(const uint8_t *p) { return (uint32_t)p[0] << 24 | (uint32_t)p[1] << 16 | (uint32_t)p[2] << 8 | p[3]; }

/* CRC-32 as in RFC 1952, half a byte at a time: frames are short and few. */
static uint32_t crc32(const uint8_t *p, size_t n) {
    static const uint32_t table[16] = {0x00000000, 0x1db71064, 0x3b6e20c8, 0x26d930ac, 0x76dc4190, 0x6b6b51f4, 0x4db26158, 0x5005713c,
                                       0xedb88320, 0xf00f9344, 0xd6d6a3e8, 0xcb61b38c, 0x9b64c2b0, 0x86d3d2d4, 0xa00ae278, 0xbdbdf21c};
    uint32_t c = ~(uint32_t)0;
    for (size_t i = 0; i < n; i++) {
        c ^= p[i];
        c = table[c & 15] ^ c >> 4;
        c = table[c & 15] ^ c >> 4;
    }
    return ~c;
}

/* Whether a frame's lengths stand at p and fit each other; the frame itself need not be complete. */
static int is_prelude(const uint8_t *p, size_t n) {
    if (n < PRELUDE) return 0;
    uint32_t total = word(p), headers = word(p + 4);
    return total >= PRELUDE + TRAILER && headers <= total - PRELUDE - TRAILER && crc32(p, 8) == word(p + 8);
}

static int next_frame(sp_events *s, sp_event *out) {
    while (s->at < s->text.n) {
        const uint8_t *p = s->text.p + s->at;
        size_t left = s->text.n - s->at;
        if (!is_prelude(p, left) || word(p) > left) { /* without a length there is no next one */
            s->cut = 1;
            s->at = s->text.n;
            return 0;
        }
        uint32_t total = word(p), headers = word(p + 4);
        size_t start = s->at + PRELUDE + headers, end = s->at + total - TRAILER;
        s->at += total;
        if (crc32(p, total - TRAILER) != word(p + total - TRAILER)) s->cut = 1;
        else if (start < end) {
            *out = (sp_event){.start = start, .end = end};
            return 1;
        }
    }
    return 0;
}

/* ---- all of them ------------------------------------------------------------------------------------------------------------------ */

sp_events_kind sp_events_tell(sp_view text) {
    static const char *const fields[] = {"data", "event", "id", "retry"};
    const uint8_t *p = text.p, *end = p + text.n;
    if (is_prelude(p, text.n)) return SP_EVENTS_FRAMES;
    if (starts(p, end, "\xef\xbb\xbf")) p += 3;
    p = skip_space(p, end);
    if (p < end && *p == ':') return SP_EVENTS_SSE;
    for (size_t i = 0; i < sizeof fields / sizeof *fields; i++)
        if (starts(p, end, fields[i]) && (size_t)(end - p) > strlen(fields[i]) && p[strlen(fields[i])] == ':') return SP_EVENTS_SSE;
    return SP_EVENTS_NONE;
}

sp_events sp_events_of(sp_view text, sp_events_kind kind) { return (sp_events){.text = text, .kind = kind}; }

int sp_events_next(sp_events *s, sp_event *out) {
    switch (s->kind) {
    case SP_EVENTS_SSE: return next_message(s, out);
    case SP_EVENTS_FRAMES: return next_frame(s, out);
    case SP_EVENTS_LINES:
    case SP_EVENTS_LIST: return next_value(s, out);
    default: return 0;
    }
}
