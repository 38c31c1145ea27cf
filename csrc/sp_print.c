#include "sp_print.h"

enum {
    NAME_BYTES = 64 /* of an API and of an operation, at most */
};

static sp_digest tagged(char c) {
    sp_digest d = {{0}};
    d.b[0] = (uint8_t)c;
    return d;
}

static int at_node(const sp_rules *r, sp_list nodes, uint32_t node) {
    for (uint32_t i = 0; i < nodes.n; i++)
        if (sp_node_is(r, node, r->words.v[nodes.at + i])) return (int)i;
    return -1;
}

static int is_role(const sp_rules *r, const sp_layout *l, const sp_mark *m) {
    for (uint32_t i = 0; m->value.p && i < l->roles.n; i++)
        if (sp_view_eq(r->names.v[r->words.v[l->roles.at + i]], m->value)) return 1;
    return 0;
}

/* What mark i is as a turn: the hash of its content, and whether it is context, too. */
static int read_turn(const sp_rules *r, const sp_layout *l, const sp_mark *marks, uint32_t i, uint32_t hi, sp_list content, uint32_t role,
                     sp_digest *turn) {
    int best = INT32_MAX, context = 0;
    *turn = marks[i].hash;
    for (uint32_t k = i + 1; k < hi && marks[k].start < marks[i].end; k++) {
        const sp_mark *m = &marks[k];
        if (m->parent != i || m->state & SP_MARK_NOT_LAST) continue;
        int at = m->type != SP_NULL ? at_node(r, content, m->node) : -1;
        if (at >= 0 && at < best) best = at, *turn = m->hash;
        if (sp_node_is(r, m->node, role) && m->type == SP_STRING) context = is_role(r, l, m);
    }
    return context && marks[i].type == SP_OBJECT;
}

/* The same for a value that was scanned before: once for a layout. */
static int recall_turn(const sp_judge *j, const sp_layout *l, sp_replay_value *v, sp_list content, uint32_t role, sp_digest *turn) {
    sp_replay_note *note = &v->note;
    if (note->layout != l) {
        note->context = (uint8_t)read_turn(j->rules, l, sp_replay_marks(j->replay, v), 0, v->is.marks, content, role, &note->turn);
        note->layout = l;
    }
    *turn = note->turn;
    return note->context;
}

/* One turn: mark i. Says whether it is context, too. */
static int take_turn(const sp_judge *j, const sp_layout *l, const sp_mark *marks, uint32_t i, uint32_t hi, sp_list content, uint32_t role,
                     sp_print *out) {
    sp_digest *turn = &out->turns[out->count];
    int context = marks[i].state & SP_MARK_KNOWN ? recall_turn(j, l, marks[i].known, content, role, turn)
                                                 : read_turn(j->rules, l, marks, i, hi, content, role, turn);
    sp_digest pair[2] = {out->count ? out->chain[out->count - 1] : tagged('c'), marks[i].hash};
    out->chain[out->count++] = sp_x128(pair, sizeof pair);
    return context;
}

/* Marks that a layout asks for, in their order. */
typedef struct wanted {
    uint32_t *mark, n;
    uint32_t turns; /* of those that may be turns */
} wanted;

static sp_status find_parts(const sp_layout *l, const sp_mark *marks, uint32_t lo, uint32_t hi, sp_arena *arena, wanted *out) {
    *out = (wanted){.mark = sp_arena_get(arena, ((size_t)hi - lo + 1) * sizeof *out->mark)};
    if (!out->mark) return SP_ERR_NOMEM;
    for (uint32_t i = lo; l && i < hi; i++) {
        uint8_t part = l->parts[marks[i].node];
        out->mark[out->n] = i;
        out->n += part != 0;
        out->turns += (part & (SP_PART_ELEMENT | SP_PART_WHOLE)) != 0;
    }
    return SP_OK;
}

static sp_digest name_hash(sp_view name) {
    uint8_t text[520];
    size_t n = name.n > 512 ? 512 : name.n;
    text[0] = '/';
    if (n) memcpy(text + 1, name.p, n);
    text[n + 1] = 0;
    return sp_x128(text, n + 2);
}

static int is_event(const sp_print_stream *s, uint32_t mark) { return mark >= s->lo && mark < s->hi; }

static sp_digest object_hash(const sp_rules *r, const sp_reply *reply, const sp_judge *j, const sp_mark *marks,
                             const sp_print_stream *stream, uint32_t *members) {
    struct {
        sp_digest key, value;
    } m[16];
    sp_digest all[33];
    uint32_t n = 0;
    for (uint32_t i = 0; i < reply->nodes.n && n < 16; i++) {
        uint32_t k = sp_judge_first(j, r->words.v[reply->nodes.at + i]);
        if (k == SP_NO_MARK || is_event(stream, k)) continue;
        uint8_t quoted[64];
        sp_view name = sp_rules_text(r, r->words.v[reply->names.at + i]);
        if (name.n > 62) continue;
        quoted[0] = '"';
        memcpy(quoted + 1, name.p, name.n);
        sp_digest key = sp_x128(quoted, name.n + 1);
        uint32_t at = n++;
        for (; at && memcmp(m[at - 1].key.b, key.b, 16) > 0; at--) m[at] = m[at - 1];
        m[at].key = key;
        m[at].value = marks[k].hash;
    }
    all[0] = tagged('{');
    memcpy(all + 1, m, n * sizeof *m);
    *members = n;
    return sp_x128(all, (1 + 2 * (size_t)n) * sizeof *all);
}

static void add_reply(sp_print *out, sp_digest turn) {
    sp_digest pair[2] = {out->has_out ? out->chain_out : out->count ? out->chain[out->count - 1] : tagged('c'), turn};
    out->chain_out = sp_x128(pair, sizeof pair);
    out->has_out = 1;
}

static void replies(const sp_judge *j, const sp_layout *l, const sp_mark *marks, const wanted *parts, const sp_print_stream *stream,
                    sp_print *out) {
    const sp_rules *r = j->rules;
    for (uint32_t i = 0; i < l->replies.n; i++) {
        const sp_reply *reply = &r->replies.v[l->replies.at + i];
        uint32_t members = 0;
        if (!reply->node) {
            sp_digest turn = object_hash(r, reply, j, marks, stream, &members);
            if (members) add_reply(out, turn);
        }
        for (uint32_t p = 0; reply->node && p < parts->n; p++) {
            const sp_mark *m = &marks[parts->mark[p]];
            if (l->parts[m->node] & SP_PART_REPLY && !is_event(stream, parts->mark[p]) && sp_node_is(r, m->node, reply->node) &&
                (m->type != SP_NULL || !r->nodes.v[reply->node].name.p) && !(m->state & (SP_MARK_NOT_LAST | SP_MARK_OPEN)))
                add_reply(out, m->hash);
        }
    }
    for (uint32_t i = 0; i < stream->count; i++) add_reply(out, stream->turns[i]);
}

sp_status sp_print_payload(const sp_judge *j, const sp_mark *marks, uint32_t lo, uint32_t hi, uint32_t body, const sp_layout *l,
                           const sp_print_stream *stream, sp_arena *arena, sp_print *out) {
    const sp_rules *r = j->rules;
    memset(out, 0, sizeof *out);
    out->payload = marks[body].hash;
    out->shape = marks[body].shape;
    wanted parts;
    SP_TRY(find_parts(l, marks, lo, hi, arena, &parts));
    uint32_t most = l ? parts.turns * l->turns.n : 0;
    out->chain = sp_arena_get(arena, (most + 1) * sizeof(sp_digest));
    out->turns = sp_arena_get(arena, (most + 1) * sizeof(sp_digest));
    sp_digest *context = sp_arena_get(arena, (2 * ((size_t)most + (l ? l->context.n : 0)) + 1) * sizeof(sp_digest));
    if (!out->chain || !out->turns || !context) return SP_ERR_NOMEM;
    size_t n = 1;
    context[0] = tagged('x');
    for (uint32_t i = 0; l && i < l->context.n; i++) {
        uint32_t found = SP_NO_MARK, node = r->words.v[l->context.at + i];
        for (uint32_t p = 0; p < parts.n; p++) {
            const sp_mark *m = &marks[parts.mark[p]];
            if (l->parts[m->node] & SP_PART_CONTEXT && sp_node_is(r, m->node, node) && m->type != SP_NULL && !(m->state & SP_MARK_NOT_LAST))
                found = parts.mark[p];
        }
        if (found == SP_NO_MARK) continue;
        context[n++] = name_hash(sp_rules_text(r, r->words.v[l->context_names.at + i]));
        context[n++] = marks[found].hash;
    }
    for (uint32_t t = 0; l && t < l->turns.n; t++) {
        const sp_turns *p = &r->turns.v[l->turns.at + t];
        for (uint32_t k = 0; k < parts.n; k++) {
            uint32_t i = parts.mark[k];
            const sp_mark *m = &marks[i];
            if (!(l->parts[m->node] & (SP_PART_ELEMENT | SP_PART_WHOLE))) continue;
            int element = sp_node_is(r, m->node, p->element),
                whole = sp_node_is(r, m->node, p->node) && m->type != SP_ARRAY && m->type != SP_NULL;
            if ((!element && !whole) || m->state & SP_MARK_NOT_LAST) continue;
            if (element && (m->parent == SP_NO_MARK || marks[m->parent].type != SP_ARRAY)) continue; /* members of an object are no turns */
            if (take_turn(j, l, marks, i, hi, element ? p->element_content : p->content, element ? p->element_role : p->role, out)) {
                context[n++] = name_hash(SP_VIEW("*"));
                context[n++] = m->hash;
            }
        }
    }
    out->context = sp_x64(context, n * sizeof *context);
    if (l) replies(j, l, marks, &parts, stream, out);
    uint32_t tools = l && l->tools ? sp_judge_first(j, l->tools) : SP_NO_MARK;
    out->tools = tools != SP_NO_MARK && marks[tools].type == SP_ARRAY ? marks[tools].count : 0;
    return SP_OK;
}

static uint64_t key64(const uint8_t key[16], uint64_t v) {
    uint8_t b[8];
    uint64_t out = 0;
    for (int i = 0; i < 8; i++) b[i] = (uint8_t)(v >> (56 - 8 * i));
    sp_digest d = sp_siphash128(key, b, 8);
    for (int i = 0; i < 8; i++) out = out << 8 | d.b[i];
    return out;
}

void sp_print_key(sp_print *p, const uint8_t key[16]) {
    p->payload = sp_siphash128(key, p->payload.b, 16);
    p->shape = key64(key, p->shape);
    p->context = key64(key, p->context);
    for (uint32_t i = 0; i < p->count; i++) {
        p->chain[i] = sp_siphash128(key, p->chain[i].b, 16);
        p->turns[i] = sp_siphash128(key, p->turns[i].b, 16);
    }
    if (p->has_out) p->chain_out = sp_siphash128(key, p->chain_out.b, 16);
}

static size_t put_name(sp_view name, char *out) {
    size_t n = 0;
    for (; n < name.n && n < NAME_BYTES; n++) {
        uint8_t c = name.p[n];
        int plain = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '.';
        out[n] = plain ? (char)c : '-';
    }
    return n;
}

static size_t put_count(char letter, uint32_t n, char *out) {
    unsigned d = 0;
    for (; n; n >>= 1) d++;
    out[0] = letter;
    out[1] = (char)('0' + d / 10);
    out[2] = (char)('0' + d % 10);
    return 3;
}

static size_t put_hash(uint64_t v, char *out) {
    uint8_t b[8];
    sp_hash_store(b, v);
    out[0] = '_';
    sp_hex(b, sizeof b, out + 1);
    return 17;
}

size_t sp_print_name(sp_view api, sp_view operation, char out[SP_PRINT_NAME]) {
    size_t n = put_name(api, out);
    out[n++] = '_';
    return n + put_name(operation, out + n);
}

size_t sp_print_text(const sp_print *p, sp_view name, unsigned effects, int keyed, char out[SP_PRINT_TEXT]) {
    static const char letters[] = "rwmtfcpl";
    size_t n = keyed ? 4 : 3;
    memcpy(out, keyed ? "sp1k" : "sp1", n);
    out[n++] = '_';
    memcpy(out + n, name.p, name.n);
    n += name.n;
    out[n++] = '_';
    for (int e = 0; e < SP_EFFECT_COUNT; e++)
        if (effects >> e & 1) out[n++] = letters[e];
    if (!effects) out[n++] = '0';
    out[n++] = '_';
    n += put_count('t', p->count, out + n);
    n += put_count('u', p->tools, out + n);
    n += put_hash(p->shape, out + n);
    n += put_hash(p->context, out + n);
    return n + put_hash(p->count ? sp_hash_word(p->chain[0].b) : 0, out + n);
}
