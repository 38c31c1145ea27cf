#define _GNU_SOURCE /* memmem */
#include "sp_exchange.h"

#include "sp_anyvalue.h"
#include "sp_frames.h"
#include "sp_pattern.h"
#include "sp_replay.h"
#include "sp_row.h"
#include "sp_settle.h"
#include "sp_stream.h"
#include "sp_time.h"

void sp_reader_remember(sp_reader *d, sp_replay_store *store, unsigned number) {
    if (store) d->judge.replay = d->scan.replay = sp_replay_new(d->alloc, store, number);
}

void sp_reader_rest(sp_reader *d) {
    if (d->scan.replay) sp_replay_rest(d->scan.replay);
}

sp_status sp_reader_init(sp_reader *d, const sp_rules *r, const sp_alloc *a) {
    memset(d, 0, sizeof *d);
    d->rules = r;
    d->alloc = a;
    sp_scan_init(&d->scan, a, &r->limits);
    d->scan.kernel = r->kernel;
    sp_arena_init(&d->arena, a);
    sp_arena_init(&d->made, a);
    d->seen = a->resize(a->ctx, NULL, SP_SEEN * sizeof *d->seen);
    if (d->seen) memset(d->seen, 0, SP_SEEN * sizeof *d->seen);
    d->named = a->resize(a->ctx, NULL, SP_NAMED * sizeof *d->named);
    if (d->named) memset(d->named, 0, SP_NAMED * sizeof *d->named);
    sp_status status = sp_judge_init(&d->judge, r, a);
    return d->seen && d->named ? status : SP_ERR_NOMEM;
}

void sp_reader_fini(sp_reader *d) {
    sp_scan_fini(&d->scan);
    sp_judge_fini(&d->judge);
    sp_arena_fini(&d->arena);
    sp_arena_fini(&d->made);
    sp_release(d->alloc, d->seen);
    sp_release(d->alloc, d->named);
    sp_release(d->alloc, d->kept.v);
}

static void begin(sp_reader *d, sp_view text) {
    sp_scan_reset(&d->scan);
    sp_judge_reset(&d->judge);
    sp_arena_reset(&d->arena);
    d->judge.looked = 0;
    d->judge.wants_clues = d->evidence || d->answer;
    d->kept.n = 0;
    d->scan.folds = !d->judge.wants_clues; /* evidence has a mark for every place */
    d->texts[0] = (sp_opened){.text = text};
    d->text_count = 1;
}

/* ---- opening texts ---------------------------------------------------------------------------------------------------------------- */

typedef struct parts {            /* what was found of an exchange */
    uint32_t role[SP_ROLE_COUNT]; /* mark, or SP_NO_MARK */
    uint32_t first_url;           /* an earlier URL of the same name, with another value */
    sp_facts_in in;
    uint32_t body; /* mark of the payload that was opened, or SP_NO_MARK */
    uint8_t truncated, too_deep, unreadable;
    sp_view time_text, id, body_text;
    sp_stream stream;
} parts;

static void tag_marks(sp_reader *d, uint32_t from, uint32_t text, uint8_t state) {
    for (uint32_t i = from; i < d->scan.mark_count; i++) {
        d->scan.marks[i].spare = (uint16_t)text;
        d->scan.marks[i].state |= state;
    }
}

static sp_status open_text(sp_reader *d, const sp_mark *m, int base64, uint32_t *out) {
    sp_view parent = d->texts[m->spare].text;
    size_t start = m->start + 1, n = m->end - m->start - 2;
    uint32_t ignored = 0;
    sp_opened t = {.parent = m->spare, .start = start, .end = start + n, .layer = (uint8_t)(d->texts[m->spare].layer + 1)};
    t.kind = SP_OPENED_ESCAPED;
    t.text = m->value; /* of a body; a response has to be unescaped still */
    if (!t.text.p) {
        uint8_t *p = sp_arena_get(&d->arena, n + 1);
        if (!p) return SP_ERR_NOMEM;
        t.text = (sp_view){p, sp_unescape(d->rules->kernel, parent.p + start, n, p, &ignored)};
    }
    if (base64) {
        uint8_t *p = sp_arena_get(&d->arena, t.text.n + 4);
        if (!p) return SP_ERR_NOMEM;
        size_t plain = sp_base64(t.text.p, t.text.n, p);
        if (plain != SIZE_MAX) t.text = (sp_view){p, plain}, t.kind = SP_OPENED_BASE64;
    }
    *out = d->text_count;
    d->texts[d->text_count++] = t;
    return SP_OK;
}

static uint8_t first_byte(sp_view t) {
    size_t i = 0;
    while (i < t.n && (t.p[i] == ' ' || t.p[i] == '\t' || t.p[i] == '\n' || t.p[i] == '\r')) i++;
    return i < t.n ? t.p[i] : 0;
}

/* A body that is refused: JSON that stops before its end, or no JSON at all. What starts like an array and goes on like none
   (`[REDACTED]`) is the latter. */
static sp_status cut_or_foreign(sp_reader *d, parts *x, int sure, int array) {
    sp_diagnosis why = {0};
    size_t ignored;
    if (array) SP_TRY(sp_diagnose(x->body_text, 0, &d->rules->limits, &d->arena, &why, NULL, NULL, NULL, 0, &ignored));
    x->truncated = (uint8_t)(sure || (array && (why.pos > 1 || why.status == SP_ERR_TRUNCATED)));
    x->unreadable = !x->truncated;
    return SP_OK;
}

/* Opens a body that is a string: JSON in it, again up to max_embedded_layers. Marks of what was read come with the walk from `root`. */
static sp_status open_string(sp_reader *d, uint32_t mark, uint32_t root, int base64, parts *x, uint32_t *top) {
    size_t layers = 0;
    *top = SP_NO_MARK;
    for (;;) {
        sp_mark m = d->scan.marks[mark];
        if (layers == d->rules->limits.max_embedded_layers || d->text_count == SP_MAX_TEXTS) {
            x->too_deep = 1;
            return SP_OK;
        }
        uint32_t text, before = d->scan.mark_count;
        SP_TRY(open_text(d, &m, base64 && layers == 0, &text));
        layers++;
        x->body_text = d->texts[text].text;
        sp_status st = sp_scan_text(&d->scan, d->texts[text].text, &d->rules->trie, root, mark);
        tag_marks(d, before, text, m.state & (SP_MARK_NOT_FIRST | SP_MARK_NOT_LAST | SP_MARK_UNEQUAL));
        if (st == SP_ERR_NOMEM) return st;
        uint8_t c = first_byte(d->texts[text].text);
        if (st != SP_OK) {
            return cut_or_foreign(d, x, c == '{' || (c == '"' && layers > 1), c == '[');
        }
        if (d->scan.mark_count == before) return SP_ERR_INTERNAL;
        if (d->scan.marks[before].type != SP_STRING) {
            *top = before;
            x->unreadable = d->scan.marks[before].type < SP_OBJECT;
            return SP_OK;
        }
        mark = before;
    }
}

/* The JSON that an AnyValue stands for. *out SP_NO_MARK: it is none that is a list or a map. */
static sp_status open_any(sp_reader *d, const sp_mark *m, uint32_t *out) {
    const sp_opened *parent = &d->texts[m->spare];
    sp_opened t = {.parent = m->spare, .start = m->start, .end = m->end, .kind = SP_OPENED_WHOLE, .layer = parent->layer};
    uint8_t *p = sp_arena_get(&d->arena, 2 * (m->end - m->start));
    if (!p) return SP_ERR_NOMEM;
    t.text = (sp_view){p, sp_anyvalue((sp_view){parent->text.p + m->start, m->end - m->start}, p)};
    *out = t.text.n ? d->text_count : SP_NO_MARK;
    if (t.text.n) d->texts[d->text_count++] = t;
    return SP_OK;
}

/* What is to be opened by the description of the reader: strings that are JSON text, and AnyValues. What is in them stands where they do. */
static sp_status open_texts(sp_reader *d, parts *x) {
    sp_settle(d, 0);
    for (uint32_t i = 0; i < d->scan.mark_count; i++) {
        sp_mark m = d->scan.marks[i];
        unsigned flags = d->rules->nodes.v[m.node].flags;
        int any = flags & SP_NODE_ANY && m.type == SP_OBJECT && (m.start || d->texts[m.spare].kind != SP_OPENED_WHOLE);
        if (!any && (!(flags & SP_NODE_TEXT) || m.type != SP_STRING || !m.value.n)) continue;
        if (any) d->scan.marks[i].node = SP_NODE_DEAD; /* it is not what it stands for */
        if (d->texts[m.spare].layer >= d->rules->limits.max_embedded_layers || d->text_count == SP_MAX_TEXTS) {
            x->too_deep = 1;
            continue;
        }
        uint32_t text, before = d->scan.mark_count;
        SP_TRY(any ? open_any(d, &m, &text) : open_text(d, &m, 0, &text));
        if (text == SP_NO_MARK) continue;
        sp_status st = sp_scan_text(&d->scan, d->texts[text].text, &d->rules->trie, m.node, m.parent);
        tag_marks(d, before, text, m.state & (SP_MARK_NOT_FIRST | SP_MARK_NOT_LAST | SP_MARK_UNEQUAL));
        if (st == SP_ERR_NOMEM) return st;
        sp_settle(d, before);
    }
    return SP_OK;
}

/* The line as JSON by the first pattern of a reader that it fits. *json has p NULL where there is none; then *why is about the pattern that it fits
   longest. */
static sp_status line_as_json(sp_reader *d, const sp_format *f, sp_view line, sp_view *json, sp_diagnosis *why) {
    sp_diagnosis miss;
    *json = (sp_view){0};
    for (uint32_t i = 0; i < f->lines.n && !json->p; i++) {
        sp_view pattern = sp_rules_text(d->rules, d->rules->words.v[f->lines.at + i]);
        SP_TRY(sp_pattern_json(pattern, line, &d->arena, json, &miss));
        if (i == 0 || miss.pos > why->pos) *why = miss;
    }
    return SP_OK;
}

/* A line of text has the patterns that it fits. */
static sp_status tell_text(sp_reader *d, sp_view line, sp_votes *votes) {
    const sp_rules *r = d->rules;
    sp_diagnosis why = {0};
    sp_view json;
    uint32_t first = UINT32_MAX;
    for (uint32_t f = r->formats.n; f-- > 0;) {
        if (!r->formats.v[f].signature.n) continue;
        SP_TRY(line_as_json(d, &r->formats.v[f], line, &json, &why));
        if (json.p) votes->has[first = f]++;
    }
    if (first == UINT32_MAX) return SP_OK;
    votes->first[first]++;
    votes->read++;
    return SP_OK;
}

/* How many alternatives of the signature the line has. */
static uint32_t held_of(sp_reader *d, const sp_facts_in *in, sp_list signature, uint32_t *held) {
    uint32_t n = 0;
    for (uint32_t s = signature.at; s < signature.at + signature.n; s++) {
        int holds = sp_judge_holds(&d->judge, in, d->rules->signatures.v[s]) != 0;
        held[s] += (uint32_t)holds;
        n += (uint32_t)holds;
    }
    return n;
}

sp_status sp_reader_tell(sp_reader *d, sp_view line, sp_votes *votes) {
    const sp_rules *r = d->rules;
    parts x = {0};
    uint32_t first = r->formats.n - 1;
    begin(d, line);
    votes->records++;
    if (first_byte(line) != '{') return tell_text(d, line, votes);
    sp_status st = sp_scan_text(&d->scan, line, &r->trie, SP_ROOT_DETECT, SP_NO_MARK);
    if (st != SP_OK) return st == SP_ERR_NOMEM ? st : SP_OK;
    SP_TRY(open_texts(d, &x));
    sp_facts_in in = {.marks = d->scan.marks, .lo = 0, .hi = d->scan.mark_count, .status = SP_NULL_INT};
    sp_judge_look(&d->judge, &in, 0);
    for (uint32_t f = r->formats.n; f-- > 0;)
        if (held_of(d, &in, r->formats.v[f].signature, votes->held)) votes->has[first = f]++;
    votes->first[first]++;
    votes->read++;
    return SP_OK;
}

/* ---- the envelope ----------------------------------------------------------------------------------------------------------------- */

static void find_roles(const sp_reader *d, parts *x) {
    const sp_rules *r = d->rules;
    for (int i = 0; i < SP_ROLE_COUNT; i++) x->role[i] = SP_NO_MARK;
    x->first_url = x->body = SP_NO_MARK;
    for (uint32_t i = 0; i < d->scan.mark_count; i++) {
        const sp_mark *m = &d->scan.marks[i];
        uint8_t place = r->node_roles.v[m->node];
        uint32_t *at = &x->role[sp_role_of(place)];
        if (!place) continue;
        const sp_mark *have = *at == SP_NO_MARK ? NULL : &d->scan.marks[*at];
        if (have && m->node == have->node && sp_role_of(place) == SP_ROLE_URL && m->state & SP_MARK_UNEQUAL) x->first_url = *at;
        /* pointers of a field are tried in their order; of equal names the last counts */
        if (!have || (have->type == SP_NULL && m->type != SP_NULL) ||
            (sp_role_rank(place) <= sp_role_rank(r->node_roles.v[have->node]) && (m->type != SP_NULL || m->node == have->node)))
            *at = i;
    }
}

static sp_view role_text(const sp_reader *d, const parts *x, sp_role role) {
    uint32_t k = x->role[role];
    if (k == SP_NO_MARK || d->scan.marks[k].type == SP_NULL || d->scan.marks[k].type > SP_STRING) return (sp_view){0};
    const sp_mark *m = &d->scan.marks[k];
    if (!(m->state & SP_MARK_LONG)) return m->value;
    sp_view text = d->texts[m->spare].text; /* a long URL: unescaped here, since marks carry short values only */
    uint8_t *p = sp_arena_get((sp_arena *)(uintptr_t)&d->arena, m->end - m->start);
    uint32_t flags = 0;
    if (!p) return (sp_view){0};
    return (sp_view){p, sp_unescape(d->rules->kernel, text.p + m->start + 1, m->end - m->start - 2, p, &flags)};
}

static sp_status open_body(sp_reader *d, parts *x) {
    uint32_t k = x->role[SP_ROLE_BODY];
    x->in.body = SP_BODY_ABSENT;
    if (k == SP_NO_MARK || d->scan.marks[k].type == SP_NULL) return SP_OK;
    const sp_mark *m = &d->scan.marks[k];
    if (m->type >= SP_OBJECT && !(d->rules->nodes.v[m->node].flags & SP_NODE_BODY))
        return SP_OK; /* it holds a text, of which there is none */
    x->in.body = SP_BODY_FULL;
    x->body_text = (sp_view){d->texts[m->spare].text.p + m->start, m->end - m->start};
    if (m->type != SP_STRING) {
        x->body = k;
        x->unreadable = m->type < SP_OBJECT;
        return SP_OK;
    }
    uint32_t flag = x->role[SP_ROLE_BASE64];
    int base64 = flag != SP_NO_MARK && d->scan.marks[flag].type == SP_TRUE;
    if (m->end - m->start == 2) {
        x->in.body = SP_BODY_ABSENT; /* "" */
        x->body_text = (sp_view){0};
        return SP_OK;
    }
    SP_TRY(open_string(d, k, SP_ROOT_BODY, base64, x, &x->body));
    if (x->truncated) x->in.body = SP_BODY_TRUNCATED;
    else if (x->unreadable && !x->too_deep) x->body = k, sp_scan_hash_body(&d->scan, k); /* text is a payload, too: the string itself */
    return SP_OK;
}

/* The response at a mark; `said`: as the log says, a list there is one of events. */
static sp_status open_response(sp_reader *d, uint32_t k, int said, parts *x) {
    parts found = {0};
    uint32_t top, lo = d->scan.mark_count, texts = d->text_count;
    int took;
    if (k == SP_NO_MARK || x->stream.count) return SP_OK;
    x->in.response |= d->scan.marks[k].type != SP_NULL && d->scan.marks[k].end - d->scan.marks[k].start > 2; /* not "", {} or [] */
    if (d->scan.marks[k].type == SP_ARRAY) return sp_stream_list(d, k, said, &x->stream);
    if (d->scan.marks[k].type != SP_STRING) return SP_OK;
    SP_TRY(sp_stream_string(d, k, &x->stream, &took));
    const sp_mark *m = &d->scan.marks[k];
    uint8_t c = m->end - m->start > 2 ? d->texts[m->spare].text.p[m->start + 1] : 0;
    if (took || (c != '{' && c != '[' && c != '\\' && c != ' ')) return SP_OK;
    SP_TRY(open_string(d, k, SP_ROOT_RESPONSE, 0, &found, &top));
    if (top != SP_NO_MARK) return sp_stream_list(d, top, said, &x->stream);
    return found.truncated && d->text_count == texts + 1 ? sp_stream_broken(d, texts, lo, said, &x->stream) : SP_OK;
}

static void body_rules(sp_reader *d, parts *x) {
    const sp_rules *r = d->rules;
    for (uint32_t i = 0; i < r->body_rules.n; i++) {
        const sp_body_rule *b = &r->body_rules.v[i];
        int hit = b->when.n && x->in.body == SP_BODY_FULL && sp_judge_holds(&d->judge, &x->in, b->when);
        for (uint32_t k = 0; k < b->texts.n && x->unreadable; k++)
            hit |= sp_view_eq(sp_rules_text(r, r->words.v[b->texts.at + k]), x->body_text);
        if (hit) x->in.body = (sp_body_state)b->state;
    }
}

/* ---- wrapped requests ------------------------------------------------------------------------------------------------------------- */

static sp_view asked_url(sp_reader *d, const sp_request *q) {
    static const char hex[] = "0123456789ABCDEF";
    const sp_rules *r = d->rules;
    sp_view t = sp_rules_text(r, q->url);
    uint32_t mark, node = 0;
    size_t need = t.n + 1, n = 0;
    if (!t.n) return (sp_view){0};
    if (q->is_pointer) return sp_judge_value(&d->judge, d->scan.marks, q->url_nodes, &mark);
    for (uint32_t i = 0; i < q->url_nodes.n; i++)
        need += 3 * sp_judge_value(&d->judge, d->scan.marks, (sp_list){q->url_nodes.at + i, 1}, &mark).n;
    uint8_t *p = sp_arena_get(&d->arena, need);
    if (!p) return (sp_view){0};
    for (size_t i = 0; i < t.n; i++) {
        if (t.p[i] != '{') {
            p[n++] = t.p[i];
            continue;
        }
        int whole = i + 1 < t.n && t.p[i + 1] == '+'; /* a path or a URL, not a part of one */
        sp_view v = sp_judge_value(&d->judge, d->scan.marks, (sp_list){q->url_nodes.at + node++, 1}, &mark);
        for (size_t k = 0; k < v.n; k++) {
            uint8_t c = v.p[k];
            int plain = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '-' || c == '.' || c == '_' ||
                        (whole && c > ' ' && c < 0x7f);
            if (plain) p[n++] = c;
            else p[n++] = '%', p[n++] = (uint8_t)hex[c >> 4], p[n++] = (uint8_t)hex[c & 15];
        }
        i = sp_template_close(t, i);
    }
    return (sp_view){p, n};
}

static int64_t int_of(sp_view t) {
    int64_t v = 0;
    if (!t.n || t.n > 18) return SP_NULL_INT;
    for (size_t i = 0; i < t.n; i++) {
        if (t.p[i] < '0' || t.p[i] > '9') return SP_NULL_INT;
        v = v * 10 + (t.p[i] - '0');
    }
    return v;
}

/* A status, which some logs give with its reason: "200 OK". */
static int64_t status_of(sp_view t) { return int_of(t.n > 3 && t.p[3] == ' ' ? (sp_view){t.p, 3} : t); }

static sp_view asked_method(sp_reader *d, const sp_request *q) {
    if (!q->method_node) return sp_rules_text(d->rules, q->method);
    uint32_t k = sp_judge_first(&d->judge, q->method_node);
    return k == SP_NO_MARK ? (sp_view){0} : d->scan.marks[k].value;
}

static sp_status scan_inside(sp_reader *d, uint32_t mark, uint32_t root, parts *x, uint32_t *top) {
    sp_mark m = d->scan.marks[mark];
    if (m.type == SP_STRING) return open_string(d, mark, root, 0, x, top);
    if (m.type < SP_OBJECT || d->text_count == SP_MAX_TEXTS) return SP_OK;
    sp_opened t = d->texts[m.spare];
    t.kind = SP_OPENED_LINE, t.parent = m.spare, t.start = m.start, t.end = m.end;
    t.text = (sp_view){d->texts[m.spare].text.p + m.start, m.end - m.start};
    uint32_t before = d->scan.mark_count, text = d->text_count;
    d->texts[d->text_count++] = t;
    sp_status st = sp_scan_text(&d->scan, t.text, &d->rules->trie, root, SP_NO_MARK);
    if (st == SP_OK) tag_marks(d, before, text, m.state & (SP_MARK_NOT_FIRST | SP_MARK_NOT_LAST | SP_MARK_UNEQUAL)), *top = before;
    return st == SP_ERR_NOMEM ? st : SP_OK;
}

static void read_time(sp_view text, sp_facts_in *in) {
    sp_clock clock;
    in->time = sp_time_read(text, &clock);
    in->clock = (uint8_t)clock;
}

static uint32_t inner_mark(const sp_reader *d, const sp_wrapper *w, int part) {
    uint32_t found = SP_NO_MARK;
    for (uint32_t i = 0; i < w->inner[part].n && found == SP_NO_MARK; i++)
        found = sp_judge_first(&d->judge, d->rules->words.v[w->inner[part].at + i]);
    return found;
}

static sp_view inner_text(const sp_reader *d, const sp_wrapper *w, int part) {
    uint32_t k = inner_mark(d, w, part);
    return k == SP_NO_MARK || d->scan.marks[k].type > SP_STRING ? (sp_view){0} : d->scan.marks[k].value;
}

static sp_status open_inner_response(sp_reader *d, uint32_t mark, parts *x) {
    uint32_t top = SP_NO_MARK;
    x->stream = (sp_stream){0};
    if (mark == SP_NO_MARK) return SP_OK;
    if (d->scan.marks[mark].type == SP_STRING) return open_response(d, mark, 0, x);
    SP_TRY(scan_inside(d, mark, SP_ROOT_RESPONSE, x, &top));
    return open_response(d, top, 0, x);
}

/* The exchange that is written in the payload, in place of the one that carried it. */
static sp_status take_inner(sp_reader *d, const sp_wrapper *w, uint32_t body, parts *x) {
    sp_view url = asked_url(d, &w->request), method = asked_method(d, &w->request), time = inner_text(d, w, SP_INNER_TIME),
            status = inner_text(d, w, SP_INNER_STATUS);
    const uint32_t response = inner_mark(d, w, SP_INNER_RESPONSE), headers = inner_mark(d, w, SP_INNER_HEADERS),
                   more = inner_mark(d, w, SP_INNER_RESPONSE_HEADERS), lo = d->scan.mark_count;
    uint32_t top = SP_NO_MARK, ignored;
    SP_TRY(scan_inside(d, body, SP_ROOT_BODY, x, &top));
    if (top == SP_NO_MARK) return SP_OK;
    if (headers != SP_NO_MARK) SP_TRY(scan_inside(d, headers, SP_ROOT_HEADERS, x, &ignored));
    if (more != SP_NO_MARK) SP_TRY(scan_inside(d, more, SP_ROOT_RESPONSE_HEADERS, x, &ignored));
    SP_TRY(open_inner_response(d, response, x));
    x->body = top;
    x->in.body = x->truncated ? SP_BODY_TRUNCATED : SP_BODY_FULL;
    x->in.url = url, x->in.method = method;
    if (x->in.time == SP_NULL_INT && time.p) read_time(time, &x->in);
    if (x->in.status == SP_NULL_INT) x->in.status = status_of(status);
    x->in.no_headers &= headers == SP_NO_MARK;
    x->in.marks = d->scan.marks, x->in.lo = lo, x->in.hi = d->scan.mark_count;
    x->body_text =
        (sp_view){d->texts[d->scan.marks[top].spare].text.p + d->scan.marks[top].start, d->scan.marks[top].end - d->scan.marks[top].start};
    d->judge.looked = 0;
    return SP_OK;
}

static sp_status unwrap(sp_reader *d, parts *x) {
    for (uint32_t i = 0, before = d->scan.mark_count; i < d->rules->wrappers.n && x->in.hi == before; i++) {
        const sp_wrapper *w = &d->rules->wrappers.v[i];
        uint32_t body = sp_judge_holds(&d->judge, &x->in, w->when) ? inner_mark(d, w, SP_INNER_BODY) : SP_NO_MARK;
        if (body != SP_NO_MARK) SP_TRY(take_inner(d, w, body, x));
    }
    return SP_OK;
}

/* ---- one exchange ----------------------------------------------------------------------------------------------------------------- */

static sp_view upper(sp_reader *d, sp_view t) {
    uint8_t *p = t.n && t.n < 32 ? sp_arena_get(&d->arena, t.n) : NULL;
    for (size_t i = 0; p && i < t.n; i++) p[i] = (uint8_t)(t.p[i] >= 'a' && t.p[i] <= 'z' ? t.p[i] - 32 : t.p[i]);
    return p ? (sp_view){p, t.n} : t;
}

/* A URL named twice with different values: judged with both; where they part, the verdict is open. */
static sp_status judge(sp_reader *d, parts *x) {
    sp_state first = SP_STATE_COUNT;
    if (x->first_url != SP_NO_MARK) {
        sp_facts_in in = x->in;
        in.url = d->scan.marks[x->first_url].value;
        SP_TRY(sp_judge_exchange(&d->judge, &in));
        first = d->judge.out.state;
    }
    SP_TRY(sp_judge_exchange(&d->judge, &x->in));
    sp_verdict *o = &d->judge.out;
    if (first != SP_STATE_COUNT && first != o->state) o->state = SP_STATE_UNKNOWN, o->confidence = -1, o->missing = SP_VIEW("url");
    return SP_OK;
}

/* Whether one of the texts stands in the line, as written: they are marks that a logger leaves in what it cuts. */
static int line_holds(const sp_reader *d, sp_list texts) {
    sp_view line = d->texts[0].text;
    int found = texts.n == 0;
    for (uint32_t i = 0; i < texts.n && !found; i++) {
        sp_view t = sp_rules_text(d->rules, d->rules->words.v[texts.at + i]);
        found = memmem(line.p, line.n, t.p, t.n) != NULL;
    }
    return found;
}

/* The URL of a path, where the line names the host apart. */
static sp_view at_host(sp_reader *d, sp_view host, sp_view url) {
    static const char scheme[] = "https://";
    size_t n = sizeof scheme - 1;
    uint8_t *p = host.n && url.n && url.p[0] == '/' ? sp_arena_get(&d->arena, n + host.n + url.n) : NULL;
    if (!p) return url;
    memcpy(p, scheme, n);
    memcpy(p + n, host.p, host.n);
    memcpy(p + n + host.n, url.p, url.n);
    return (sp_view){p, n + host.n + url.n};
}

/* What the line asks for, and of its body, beyond its fields. */
static void ask(sp_reader *d, parts *x, const sp_format *f) {
    const sp_rules *r = d->rules;
    for (uint32_t i = 0; i < f->states.n; i++) {
        const sp_body_state_rule *s = &r->body_states.v[f->states.at + i];
        if (sp_judge_holds(&d->judge, &x->in, s->when) && line_holds(d, s->holds)) x->in.body = (sp_body_state)s->state;
    }
    for (uint32_t i = 0; i < f->grades.n; i++)
        if (sp_judge_holds(&d->judge, &x->in, r->grades.v[f->grades.at + i].when)) x->in.grade = r->grades.v[f->grades.at + i].grade;
    x->in.partial = x->in.grade != SP_GRADE_WIRE || f->bodiless;
    for (uint32_t i = 0; i < f->asks.n; i++) {
        const sp_ask *a = &r->asks.v[f->asks.at + i];
        if (!sp_judge_holds(&d->judge, &x->in, a->when)) continue;
        sp_view url = asked_url(d, &a->request), method = asked_method(d, &a->request);
        if (url.n) x->in.url = url;
        if (method.n) x->in.method = upper(d, method);
        x->in.provider = a->request.provider;
        break;
    }
    x->in.url = at_host(d, role_text(d, x, SP_ROLE_HOST), x->in.url);
}

/* Whether the record is no exchange: it is counted, and gives no row. */
static int passes_over(sp_reader *d, const parts *x, const sp_format *f) {
    for (uint32_t i = f->passes.at; i < f->passes.at + f->passes.n; i++)
        if (sp_judge_holds(&d->judge, &x->in, d->rules->passes.v[i].when)) {
            d->passed[i]++;
            return 1;
        }
    return 0;
}

static sp_status exchange(sp_reader *d, parts *x, const sp_line *line, const sp_format *f) {
    const sp_rules *r = d->rules;
    x->in.embedded_too_deep = x->too_deep;
    x->in.marks = d->scan.marks, x->in.lo = 0, x->in.hi = d->scan.mark_count;
    x->in.format = f;
    x->in.grade = f ? f->grade : SP_GRADE_WIRE;
    x->in.partial = f && (f->grade != SP_GRADE_WIRE || f->bodiless);
    if (r->wrappers.n + r->body_rules.n || (f && f->asks.n + f->states.n + f->passes.n + f->grades.n)) {
        memset(&d->judge.out, 0, sizeof d->judge.out);
        d->judge.has_url = x->in.url.n > 0;
        d->judge.method = x->in.method.n ? sp_rules_find(r, x->in.method) : 0;
        sp_judge_look(&d->judge, &x->in, 0);
        d->judge.looked = 1;
        if (f && passes_over(d, x, f)) return SP_OK;
        if (f) ask(d, x, f);
        body_rules(d, x);
        SP_TRY(unwrap(d, x));
    }
    x->in.stream_lo = x->stream.lo, x->in.stream_hi = x->stream.is_plain ? x->stream.lo : x->stream.hi;
    x->in.body_unreadable = x->unreadable && x->in.body == SP_BODY_FULL;
    SP_TRY(judge(d, x));
    if (d->arena.failed || d->judge.arena.failed) return SP_ERR_NOMEM; /* something went on without its text */
    sp_row_in row = {.line = line, .format = f, .in = &x->in, .verdict = &d->judge.out, .id = x->id, .body_text = x->body_text};
    row.flags = d->scan.flags | d->judge.out.flags;
    if (x->in.body == SP_BODY_TRUNCATED) row.flags |= SP_FLAG_BODY_TRUNCATED;
    if (x->unreadable && x->in.body != SP_BODY_TRUNCATED) row.flags |= SP_FLAG_BODY_NOT_JSON;
    if (x->too_deep) row.flags |= SP_FLAG_EMBEDDED_TOO_DEEP;
    const sp_operation *o = d->judge.out.operation;
    const sp_layout *l = o && o->layout >= 0 ? &r->layouts.v[o->layout] : NULL;
    sp_print_stream stream;
    SP_TRY(sp_stream_turns(d, &x->stream, l, x->in.status, &row.flags, &stream));
    x->in.marks = d->scan.marks;
    sp_print print;
    if (x->body != SP_NO_MARK && !x->too_deep && (x->in.body == SP_BODY_FULL || x->in.body == SP_BODY_ABSENT)) {
        SP_TRY(sp_print_payload(&d->judge, d->scan.marks, x->in.lo, x->in.hi, x->body, l, &stream, &d->arena, &print));
        if (r->keyed) sp_print_key(&print, r->key);
        row.print = &print;
    }
    return sp_row_put(d, &row);
}

/* Each frame that was sent, as a record of its own. *took: there is one. */
static sp_status read_frames(sp_reader *d, const sp_format *f, const sp_line *line, int *took) {
    const sp_rules *r = d->rules;
    sp_view list = {0};
    sp_frame frame;
    int more;
    for (uint32_t i = 0; i < d->scan.mark_count; i++) {
        const sp_mark *m = &d->scan.marks[i];
        if (m->node == f->frames) list = (sp_view){line->text.p + m->start, m->type == SP_ARRAY ? m->end - m->start : 0};
    }
    *took = 0;
    if (!list.n || line->made) return SP_OK;
    sp_view calls[SP_FRAME_CALLS];
    for (uint32_t i = 0; i < f->calls.n; i++) calls[i] = sp_rules_text(r, r->words.v[f->calls.at + i]);
    sp_frames_form form = {
        sp_rules_text(r, f->way), sp_rules_text(r, f->sent), sp_rules_text(r, f->data), sp_rules_text(r, f->at), calls, f->calls.n};
    sp_frames frames = sp_frames_of(line->text, list, form, r->limits.max_line_bytes);
    while ((more = sp_frames_next(&frames, r->kernel, &d->made, &frame)) > 0) {
        sp_line one = {.text = frame.record, .source = line->source, .number = line->number, .offset = line->offset + frame.start};
        one.length = frame.end - frame.start, one.made = 1;
        if (!frame.record.p) one.reject = SP_ERR_LINE_TOO_LONG;
        d->more += (uint64_t)*took;
        *took = 1;
        SP_TRY(sp_reader_line(d, f, &one));
    }
    return more < 0 ? SP_ERR_NOMEM : SP_OK;
}

/* A line of text by the patterns of its reader: *json is what it says. *took: it fits none, and the row says so. */
static sp_status read_text(sp_reader *d, const sp_format *f, const sp_line *line, sp_line *json, int *took) {
    sp_diagnosis why = {0};
    *json = *line;
    SP_TRY(line_as_json(d, f, line->text, &json->text, &why));
    *took = !json->text.p;
    if (*took) return sp_row_reject(d, line, &why, NULL, 0);
    json->length = line->text.n, json->made = 1;
    d->texts[0].text = json->text;
    return SP_OK;
}

sp_status sp_reader_line(sp_reader *d, const sp_format *f, const sp_line *line) {
    parts x;
    sp_line json;
    int took = 0;
    memset(&x, 0, sizeof x);
    begin(d, line->text);
    if (line->reject != SP_OK) return sp_row_reject(d, line, NULL, NULL, 0);
    if (f->lines.n && !line->made && first_byte(line->text) != '{') {
        SP_TRY(read_text(d, f, line, &json, &took));
        if (took) return SP_OK;
        line = &json;
    }
    sp_status st = sp_scan_text(&d->scan, line->text, &d->rules->trie, f->root, SP_NO_MARK);
    if (st == SP_ERR_NOMEM) return st;
    if (st != SP_OK || first_byte(line->text) != '{') return sp_row_diagnose(d, line, 1, NULL, NULL, 0, NULL);
    if (f->frames) SP_TRY(read_frames(d, f, line, &took));
    if (took) return SP_OK;
    if (f->opens) SP_TRY(open_texts(d, &x));
    find_roles(d, &x);
    x.in.url = role_text(d, &x, SP_ROLE_URL);
    x.in.method = upper(d, role_text(d, &x, SP_ROLE_METHOD));
    x.in.status = status_of(role_text(d, &x, SP_ROLE_STATUS));
    x.in.no_headers = x.role[SP_ROLE_HEADERS] == SP_NO_MARK || d->scan.marks[x.role[SP_ROLE_HEADERS]].type == SP_NULL;
    x.time_text = role_text(d, &x, SP_ROLE_TIME);
    read_time(x.time_text, &x.in);
    x.id = role_text(d, &x, SP_ROLE_ID);
    SP_TRY(open_body(d, &x));
    SP_TRY(open_response(d, x.role[SP_ROLE_RESPONSE], 0, &x));
    SP_TRY(open_response(d, x.role[SP_ROLE_EVENTS], 1, &x));
    return exchange(d, &x, line, f);
}

static sp_status part(sp_reader *d, sp_view text, uint32_t root) {
    if (!text.p || d->text_count == SP_MAX_TEXTS) return SP_OK;
    uint32_t before = d->scan.mark_count, k = d->text_count;
    d->texts[d->text_count++] = (sp_opened){.text = text};
    sp_status st = sp_scan_text(&d->scan, text, &d->rules->trie, root, SP_NO_MARK);
    tag_marks(d, before, k, 0);
    return st == SP_ERR_NOMEM ? st : SP_OK;
}

sp_status sp_reader_one(sp_reader *d, const sp_one *one, sp_answer **out) {
    parts x;
    char pointer[1024];
    sp_line line = {.text = one->payload, .number = 1};
    memset(&x, 0, sizeof x);
    d->answer = out;
    begin(d, one->payload);
    x.body = SP_NO_MARK;
    x.in = (sp_facts_in){.method = upper(d, one->method), .url = one->url, .status = one->status, .body = SP_BODY_ABSENT};
    read_time(one->time, &x.in);
    x.in.no_headers = !one->headers.p;
    if (one->payload.p) {
        sp_status st = sp_scan_text(&d->scan, one->payload, &d->rules->trie, SP_ROOT_BODY, SP_NO_MARK);
        if (st == SP_ERR_NOMEM) return st;
        if (st != SP_OK) return sp_row_diagnose(d, &line, 0, NULL, pointer, sizeof pointer, NULL);
        for (int i = 0; i < SP_ROLE_COUNT; i++) x.role[i] = SP_NO_MARK;
        x.first_url = SP_NO_MARK;
        x.role[SP_ROLE_BODY] = 0;
        SP_TRY(open_body(d, &x));
        if (x.in.body == SP_BODY_ABSENT) x.body = 0; /* null and "" are no body, but values */
        if (x.in.body == SP_BODY_ABSENT && d->scan.marks[0].type == SP_STRING) sp_scan_hash_body(&d->scan, 0);
    }
    x.first_url = SP_NO_MARK;
    SP_TRY(part(d, one->headers, SP_ROOT_HEADERS));
    SP_TRY(part(d, one->response_headers, SP_ROOT_RESPONSE_HEADERS));
    if (one->response.p && d->text_count < SP_MAX_TEXTS) {
        uint32_t k = d->text_count++, mark;
        d->texts[k] = (sp_opened){.text = one->response};
        SP_TRY(sp_stream_text(d, k, 1, &x.stream, &mark));
        SP_TRY(open_response(d, mark, 1, &x));
    }
    return exchange(d, &x, &line, NULL);
}
