#include "sp_stream.h"

enum {
    LEAST_BASE64 = 24, /* what is shorter is no response in base64 */
    SNIFF = 40
};

static const uint8_t sticky = SP_MARK_NOT_FIRST | SP_MARK_NOT_LAST | SP_MARK_UNEQUAL;

/* Index of a new text, or SP_NO_MARK. */
static uint32_t add_text(sp_reader *d, sp_opened t) {
    if (d->text_count == SP_MAX_TEXTS) return SP_NO_MARK;
    d->texts[d->text_count] = t;
    return d->text_count++;
}

/* A text that was made of the whole of another one. */
static sp_opened made_of(const sp_reader *d, uint32_t parent, sp_view text, int kind) {
    const sp_opened *p = &d->texts[parent];
    return (sp_opened){.text = text, .parent = parent, .end = p->text.n, .kind = (uint8_t)kind, .layer = (uint8_t)(p->layer + 1)};
}

static sp_view trimmed(sp_view v) {
    while (v.n && (v.p[0] == ' ' || v.p[0] == '\t' || v.p[0] == '\n' || v.p[0] == '\r')) v.p++, v.n--;
    while (v.n && (v.p[v.n - 1] == ' ' || v.p[v.n - 1] == '\t' || v.p[v.n - 1] == '\n' || v.p[v.n - 1] == '\r')) v.n--;
    return v;
}

/* ---- events ----------------------------------------------------------------------------------------------------------------------- */

typedef struct reading { /* of the events of one text */
    sp_reader *d;
    sp_stream *s;
    uint32_t text;    /* that the marks are of */
    uint32_t decoded; /* text with what was base64 in its events, or SP_NO_MARK */
    uint8_t *room;    /* in it */
    uint8_t state;    /* of marks */
} reading;

/* Scans the event [data]; its places are those of `at` in the text. */
static sp_status scan_event(reading *x, sp_view data, uint32_t text, const uint8_t *at, sp_status *found) {
    sp_scan *scan = &x->d->scan;
    uint32_t before = scan->mark_count;
    size_t shift = (size_t)(at - x->d->texts[text].text.p);
    *found = sp_scan_text(scan, data, &x->d->rules->trie, SP_ROOT_RESPONSE, SP_NO_MARK);
    for (uint32_t i = before; i < scan->mark_count; i++) {
        sp_mark *m = &scan->marks[i];
        m->start += shift;
        m->end += shift;
        m->spare = (uint16_t)text;
        m->state |= x->state;
    }
    return *found == SP_ERR_NOMEM ? SP_ERR_NOMEM : SP_OK;
}

/* What a frame holds in `{"bytes": base64}`, appended to the text of such things; p NULL if this is none. */
static sp_status unpack(reading *x, size_t most, sp_view event, sp_view *out) {
    sp_reader *d = x->d;
    sp_view bytes = sp_events_member(event, "bytes");
    uint32_t ignored = 0;
    *out = (sp_view){0};
    if (bytes.n < 2 || bytes.p[0] != '"') return SP_OK;
    if (x->decoded == SP_NO_MARK) {
        x->room = sp_arena_get(&d->arena, most + 8);
        if (!x->room) return SP_ERR_NOMEM;
        x->decoded = add_text(d, made_of(d, x->text, (sp_view){x->room, 0}, SP_OPENED_WHOLE));
        if (x->decoded == SP_NO_MARK) return SP_OK;
    }
    sp_opened *t = &d->texts[x->decoded];
    uint8_t *p = x->room + t->text.n;
    size_t n = sp_unescape(d->rules->kernel, bytes.p + 1, bytes.n - 2, p, &ignored);
    n = sp_base64(p, n, p);
    if (n == SIZE_MAX) return SP_OK;
    t->text.n += n;
    *out = (sp_view){p, n};
    return SP_OK;
}

static sp_status read_event(reading *x, sp_view part, sp_events_kind kind, const sp_event *e) {
    sp_reader *d = x->d;
    sp_view at = trimmed((sp_view){part.p + e->start, e->end - e->start}), data = at, inner;
    uint32_t before = d->scan.mark_count;
    sp_status found;
    if (!data.n) return SP_OK;
    if (e->joined) {
        uint8_t *p = sp_arena_get(&d->arena, e->end - e->start);
        if (!p) return SP_ERR_NOMEM;
        sp_event_join(part, e, p);
        data.p = p + (at.p - part.p) - e->start;
    }
    SP_TRY(scan_event(x, data, x->text, at.p, &found));
    if (kind == SP_EVENTS_FRAMES && found == SP_OK) {
        SP_TRY(unpack(x, part.n, data, &inner));
        if (inner.p) {
            d->scan.mark_count = before;
            data = trimmed(inner);
            SP_TRY(scan_event(x, data, x->decoded, data.p, &found));
        }
    }
    if (found == SP_OK) x->s->events[x->s->count++] = data;
    else x->s->cut = 1; /* what was read of it stays */
    return SP_OK;
}

/* The events of `part` of a text. */
static sp_status read_events(sp_reader *d, uint32_t text, sp_view part, sp_events_kind kind, uint8_t state, sp_stream *s) {
    sp_events e = sp_events_of(part, kind);
    sp_event event;
    reading x = {.d = d, .s = s, .text = text, .decoded = SP_NO_MARK, .state = state};
    size_t n = 0;
    sp_status status = SP_OK;
    while (n < SP_MAX_EVENTS && sp_events_next(&e, &event)) n++;
    *s = (sp_stream){.lo = d->scan.mark_count, .events = sp_arena_get(&d->arena, (n + 1) * sizeof *s->events)};
    if (!s->events) return SP_ERR_NOMEM;
    struct sp_replay *replay = d->scan.replay;
    d->scan.replay = NULL; /* events are short, and marks in them must be seen */
    e = sp_events_of(part, kind);
    size_t read = 0;
    while (status == SP_OK && sp_events_next(&e, &event)) {
        if (read++ == n || d->scan.mark_count > SP_MAX_EVENT_MARKS) {
            s->cut = 1;
            break;
        }
        status = read_event(&x, part, kind, &event);
    }
    d->scan.replay = replay;
    s->hi = d->scan.mark_count;
    s->done = e.done;
    s->cut |= e.cut;
    if (kind == SP_EVENTS_LIST && s->count == 1 && !s->cut) s->is_plain = 1;
    return status;
}

/* ---- which texts are streams ------------------------------------------------------------------------------------------------------ */

/* Whether what follows the bracket looks like an event. */
static int list_of_events(sp_view list, int said) {
    sp_view first = trimmed((sp_view){list.p + 1, list.n - 1});
    return said || (first.n && first.p[0] == '{' && sp_events_is_one(first));
}

sp_status sp_stream_list(sp_reader *d, uint32_t mark, int said, sp_stream *s) {
    const sp_mark *m = &d->scan.marks[mark];
    if (m->type != SP_ARRAY || m->state & SP_MARK_OPEN) return SP_OK;
    sp_view part = {d->texts[m->spare].text.p + m->start, m->end - m->start};
    return list_of_events(part, said) ? read_events(d, m->spare, part, SP_EVENTS_LIST, m->state & sticky, s) : SP_OK;
}

sp_status sp_stream_broken(sp_reader *d, uint32_t text, uint32_t lo, int said, sp_stream *s) {
    sp_view t = trimmed(d->texts[text].text);
    uint8_t state = lo < d->scan.mark_count ? d->scan.marks[lo].state & sticky : 0;
    sp_events e = sp_events_of(t, SP_EVENTS_LINES);
    sp_event first;
    if (t.n && t.p[0] == '[' && list_of_events(t, said)) {
        d->scan.mark_count = lo;
        return read_events(d, text, t, SP_EVENTS_LIST, state, s);
    }
    if (t.n && t.p[0] == '{' && sp_events_next(&e, &first) && first.end < t.n) {
        const uint8_t *next = t.p + first.end;
        while (next < t.p + t.n && (*next == ' ' || *next == '\t' || *next == '\n' || *next == '\r')) next++;
        if (*next == '{') {
            d->scan.mark_count = lo;
            return read_events(d, text, t, SP_EVENTS_LINES, state, s);
        }
    }
    s->cut = 1;
    return SP_OK;
}

sp_status sp_stream_text(sp_reader *d, uint32_t text, int said, sp_stream *s, uint32_t *mark) {
    sp_view t = d->texts[text].text, plain = trimmed(t);
    sp_events_kind kind = sp_events_tell(t);
    uint32_t before = d->scan.mark_count;
    *mark = SP_NO_MARK;
    if (kind != SP_EVENTS_NONE) return read_events(d, text, t, kind, 0, s);
    if (plain.n && plain.p[0] == '[' && said) return read_events(d, text, plain, SP_EVENTS_LIST, 0, s);
    sp_status status = sp_scan_text(&d->scan, t, &d->rules->trie, SP_ROOT_RESPONSE, SP_NO_MARK);
    for (uint32_t i = before; i < d->scan.mark_count; i++) d->scan.marks[i].spare = (uint16_t)text;
    if (status == SP_ERR_NOMEM) return status;
    if (status != SP_OK) return plain.n && (plain.p[0] == '{' || plain.p[0] == '[') ? sp_stream_broken(d, text, before, said, s) : SP_OK;
    if (before == d->scan.mark_count) return SP_ERR_INTERNAL;
    *mark = before;
    return sp_stream_list(d, before, said, s);
}

static int is_base64(uint8_t c) {
    return (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '+' || c == '/' || c == '=' || c == '\r' ||
           c == '\n';
}

/* The beginning of a string, unescaped as far as it tells streams apart. */
static size_t begin_of(sp_view inside, uint8_t out[SNIFF]) {
    static const char from[] = "nrt\"\\/", to[] = "\n\r\t\"\\/";
    size_t n = 0;
    for (size_t i = 0; i < inside.n && n < SNIFF; i++) {
        uint8_t c = inside.p[i];
        if (c == '\\' && i + 1 < inside.n) {
            c = inside.p[++i];
            const char *known = c ? strchr(from, c) : NULL;
            if (known) c = (uint8_t)to[known - from];
            else if (c == 'u' && inside.n - i > 4 && memcmp(inside.p + i, "u0000", 5) == 0) c = 0, i += 4;
            else if (c == 'u' && inside.n - i > 4 && (memcmp(inside.p + i, "ufeff", 5) == 0 || memcmp(inside.p + i, "uFEFF", 5) == 0)) {
                i += 4;
                continue;
            } else return n;
        }
        out[n++] = c;
    }
    return n;
}

/* Bytes that stand as one character each. SIZE_MAX: there is another character. */
static size_t from_latin1(sp_view t, uint8_t *out) {
    size_t n = 0;
    for (size_t i = 0; i < t.n; i++) {
        uint8_t c = t.p[i];
        if (c >= 0x80) {
            if ((c != 0xc2 && c != 0xc3) || i + 1 == t.n) return SIZE_MAX;
            c = (uint8_t)((c & 3) << 6 | (t.p[++i] & 0x3f));
        }
        out[n++] = c;
    }
    return n;
}

sp_status sp_stream_string(sp_reader *d, uint32_t mark, sp_stream *s, int *took) {
    const sp_mark m = d->scan.marks[mark];
    sp_view inside = {d->texts[m.spare].text.p + m.start + 1, m.end - m.start - 2};
    uint8_t start[SNIFF];
    size_t n = begin_of(inside, start), digits = 0;
    uint32_t ignored = 0, value;
    while (digits < n && is_base64(start[digits])) digits++;
    int sse = sp_events_tell((sp_view){start, n}) == SP_EVENTS_SSE, binary = n >= 2 && start[0] == 0 && start[1] == 0,
        coded = digits == n && inside.n >= LEAST_BASE64;
    *took = 0;
    if (!sse && !binary && !coded) return SP_OK;
    uint8_t *p = sp_arena_get(&d->arena, inside.n + 1), *q;
    if (!p) return SP_ERR_NOMEM;
    sp_view t = {p, sp_unescape(d->rules->kernel, inside.p, inside.n, p, &ignored)};
    uint32_t saved = d->text_count, text = add_text(d, (sp_opened){.text = t,
                                                                   .parent = m.spare,
                                                                   .start = m.start + 1,
                                                                   .end = m.end - 1,
                                                                   .kind = SP_OPENED_ESCAPED,
                                                                   .layer = (uint8_t)(d->texts[m.spare].layer + 1)});
    if (text == SP_NO_MARK) return SP_OK;
    if (!sse) {
        q = sp_arena_get(&d->arena, t.n + 4);
        if (!q) return SP_ERR_NOMEM;
        n = binary ? from_latin1(t, q) : sp_base64(t.p, t.n, q);
        sp_view bytes = {q, n}, plain = n == SIZE_MAX ? (sp_view){0} : trimmed(bytes);
        int good = plain.n && (sp_events_tell(bytes) != SP_EVENTS_NONE || (coded && (plain.p[0] == '{' || plain.p[0] == '[')));
        text = good ? add_text(d, made_of(d, text, bytes, binary ? SP_OPENED_WHOLE : SP_OPENED_BASE64)) : SP_NO_MARK;
        if (text == SP_NO_MARK) {
            d->text_count = saved;
            return SP_OK;
        }
    }
    *took = 1;
    uint32_t before = d->scan.mark_count;
    SP_TRY(sp_stream_text(d, text, 0, s, &value));
    for (uint32_t i = before; i < d->scan.mark_count; i++) d->scan.marks[i].state |= m.state & sticky;
    return SP_OK;
}

/* ---- what they say together ------------------------------------------------------------------------------------------------------- */

/* The hash of a turn. Its marks go again. SP_ERR_NOMEM, or another status that says that this is no JSON. */
static sp_status hash_turn(sp_reader *d, sp_view turn, sp_digest *out) {
    sp_scan *scan = &d->scan;
    uint32_t before = scan->mark_count;
    sp_status status = sp_scan_text(scan, turn, &d->rules->trie, SP_ROOT_BODY, SP_NO_MARK);
    if (status == SP_OK && scan->marks[before].type == SP_STRING) sp_scan_hash_body(scan, before);
    if (status == SP_OK) *out = scan->marks[before].hash;
    scan->mark_count = before;
    return status;
}

sp_status sp_stream_turns(sp_reader *d, const sp_stream *s, const sp_layout *l, int64_t status, uint32_t *flags, sp_print_stream *out) {
    sp_assembled a = {0};
    *out = (sp_print_stream){.lo = s->lo, .hi = s->is_plain ? s->lo : s->hi};
    if (s->cut) *flags |= SP_FLAG_RESPONSE_CUT;
    if (!l || !l->stream || !s->count || s->is_plain) return SP_OK;
    SP_TRY(sp_assemble((sp_stream_form)l->stream, s->events, s->count, s->done, d->rules->kernel, &d->arena, &a));
    if (a.seen && !a.ended && status < 400) *flags |= SP_FLAG_RESPONSE_CUT;
    if (!a.turns.p || s->cut) return SP_OK;
    sp_view rest = a.turns, key = {0}, turn;
    size_t count = 0;
    while (sp_events_step(&rest, &key, &turn)) count++;
    sp_digest *turns = sp_arena_get(&d->arena, (count + 1) * sizeof *turns);
    if (!turns) return SP_ERR_NOMEM;
    uint32_t had = d->scan.flags, n = 0;
    size_t nodes = d->scan.nodes;
    struct sp_replay *replay = d->scan.replay;
    sp_status found = SP_OK;
    d->scan.replay = NULL;
    for (rest = a.turns; found == SP_OK && sp_events_step(&rest, &key, &turn); n++) found = hash_turn(d, turn, &turns[n]);
    d->scan.replay = replay;
    d->scan.flags = had;
    d->scan.nodes = nodes;
    if (found == SP_OK) out->turns = turns, out->count = n;
    return found == SP_ERR_NOMEM ? found : SP_OK;
}
