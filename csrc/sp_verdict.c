#include "sp_verdict.h"

#include <stdio.h>

const char *const sp_said_names[] = {
#define X(name, text) text,
    SP_SAID(X)
#undef X
};
const char *const sp_body_state_names[] = {"full", "truncated", "offloaded", "redacted", "encrypted", "absent"};

const char *sp_state_name(sp_state s) {
    static const char *const names[] = {"stateful", "stateless", "not_inference", "unknown"};
    return names[s];
}

static size_t bit_words(const sp_rules *r) { return r->bit_count / 64 + 1; }
static size_t grounds_size(const sp_rules *r) { return sizeof(sp_grounds) + bit_words(r) * sizeof(uint64_t); }

#define ROOM(field, n) ((j->field = a->resize(a->ctx, NULL, (n) * sizeof *j->field)) != NULL)

sp_status sp_judge_init(sp_judge *j, const sp_rules *r, const sp_alloc *a) {
    memset(j, 0, sizeof *j);
    j->rules = r;
    j->alloc = a;
    sp_arena_init(&j->arena, a);
    size_t eaches = r->eaches.n + 1, nodes = r->nodes.n + 1;
    int good = ROOM(bits, bit_words(r)) && ROOM(bit_mark, r->bit_count + 1) && ROOM(each_mark, eaches) && ROOM(each_bits, eaches) &&
               ROOM(touched, eaches) && ROOM(first, nodes) && ROOM(stamps, nodes) && ROOM(hosts, SP_HOST_MEMOS) &&
               ROOM(urls, SP_URL_MEMOS) && ROOM(tested, SP_TESTED) && ROOM(known_bits, bit_words(r)) && ROOM(known_each, eaches) &&
               ROOM(known_each_bits, eaches) && ROOM(known_touched, eaches);
    if (!good) return SP_ERR_NOMEM;
    memset(j->hosts, 0, SP_HOST_MEMOS * sizeof *j->hosts);
    for (uint32_t i = 0; i < SP_URL_MEMOS; i++) j->urls[i].n = 0;
    for (uint32_t i = 0; i < SP_TESTED; i++) j->tested[i].node = 0;
    for (uint32_t e = 0; e < r->eaches.n; e++) j->each_mark[e] = j->known_each[e] = SP_NO_MARK;
    memset(j->stamps, 0, (r->nodes.n + 1) * sizeof *j->stamps);
    return SP_OK;
}

void sp_judge_reset(sp_judge *j) { sp_arena_reset(&j->arena); }

void sp_judge_fini(sp_judge *j) {
    void *all[] = {j->bits,          j->bit_mark,        j->each_mark, j->each_bits, j->first,           j->stamps,     j->hosts,
                   j->clues.v,       j->touched,         j->urls,      j->verdicts,  j->verdict_grounds, j->known_bits, j->known_each,
                   j->known_touched, j->known_each_bits, j->tested};
    for (size_t i = 0; j->alloc && i < sizeof all / sizeof *all; i++)
        if (all[i]) sp_release(j->alloc, all[i]);
    if (j->alloc) sp_arena_fini(&j->arena);
}

/* ---- bits: which tests hold ------------------------------------------------------------------------------------------------------- */

/* Nothing but blanks, or characters that nobody sees? */
static __attribute__((noinline)) uint16_t unusual_form(sp_view text) {
    uint8_t seen[SP_SHORT_VALUE + 1];
    return sp_near_skeleton(text.p, text.n, seen) ? SP_FORM_ID : SP_FORM_BLANK;
}

uint16_t sp_mark_form(const sp_mark *m) {
    switch (m->type) {
    case SP_NULL: return SP_FORM_NULL;
    case SP_TRUE: return SP_FORM_TRUE;
    case SP_FALSE: return SP_FORM_FALSE;
    case SP_NUMBER: return SP_FORM_NUMBER;
    case SP_OBJECT: return m->count || m->state & SP_MARK_OPEN ? SP_FORM_OBJECT : SP_FORM_EMPTY_OBJECT;
    case SP_ARRAY: return m->count || m->state & SP_MARK_OPEN ? SP_FORM_ARRAY : SP_FORM_EMPTY_ARRAY;
    default: break;
    }
    if (m->state & SP_MARK_LONG) return SP_FORM_ID;
    for (size_t i = 0; i < m->value.n; i++)
        if (m->value.p[i] > ' ' && m->value.p[i] < 0x7f) return SP_FORM_ID;
    if (m->value.n == 0) return SP_FORM_EMPTY_TEXT;
    return unusual_form(m->value);
}

static uint8_t lower(uint8_t c) { return c >= 'A' && c <= 'Z' ? (uint8_t)(c + 32) : c; }

static int has(sp_view t, sp_view part) {
    for (size_t i = 0; part.n && i + part.n <= t.n; i++) {
        size_t k = 0;
        while (k < part.n && lower(t.p[i + k]) == lower(part.p[k])) k++;
        if (k == part.n) return 1;
    }
    return 0;
}

static int text_match(const sp_rules *r, const sp_test *t, sp_view v) {
    for (uint32_t i = 0; v.p && i < t->texts.n; i++) {
        sp_view x = r->names.v[r->words.v[t->texts.at + i]];
        if (t->match == SP_MATCH_IN ? sp_view_eq(x, v) : t->match == SP_MATCH_PREFIX ? v.n >= x.n && memcmp(v.p, x.p, x.n) == 0 : has(v, x))
            return 1;
    }
    return 0;
}

static void set_bit(sp_judge *j, uint32_t bit, uint32_t mark) {
    if (j->bits[bit >> 6] >> (bit & 63) & 1) return;
    j->bits[bit >> 6] |= (uint64_t)1 << (bit & 63);
    j->bit_mark[bit] = mark;
}
static int bit_set(const sp_judge *j, uint32_t bit) { return (int)(j->bits[bit >> 6] >> (bit & 63) & 1); }

static void pass(sp_judge *j, uint32_t test, uint32_t mark) {
    const sp_test *t = &j->rules->tests.v[test];
    if (t->local) j->each_bits[t->each] |= 1u << t->local_bit;
    else set_bit(j, test, mark);
}

/* The place for the outcome of the tests of a node on a value, or NULL where it is not remembered; *known: it is there. */
static sp_tested *outcome_of(const sp_judge *j, uint32_t node, uint16_t form, sp_view value, int *known) {
    const sp_rules *r = j->rules;
    uint64_t first = 0, last = 0;
    if (!(r->nodes.v[node].flags & SP_NODE_TEXTS)) value.n = 0; /* its tests look at the form alone */
    sp_tested *x;
    if (value.n > sizeof x->text) return NULL;
    if (value.n >= 8) memcpy(&first, value.p, 8), memcpy(&last, value.p + value.n - 8, 8);
    else if (value.n) memcpy(&first, value.p, value.n);
    uint64_t h = (first ^ last * 0x9e3779b97f4a7c15u ^ ((uint64_t)node << 32 | (uint64_t)form << 8 | value.n)) * 0xd6e8feb86659fd93u;
    x = &j->tested[(h >> 40) % SP_TESTED];
    *known = x->node == node && x->form == form && x->n == value.n && (value.n == 0 || memcmp(x->text, value.p, value.n) == 0);
    if (!*known) {
        x->node = 0;
        x->form = form;
        x->n = (uint8_t)value.n;
        if (value.n) memcpy(x->text, value.p, value.n);
    }
    return x;
}

static void run_tests(sp_judge *j, uint32_t node, uint16_t form, sp_view value, uint32_t mark) {
    const sp_rules *r = j->rules;
    int known = 0;
    uint32_t count = 0;
    sp_tested *x = outcome_of(j, node, form, value, &known);
    if (known) {
        for (uint32_t i = 0; i < x->count; i++) pass(j, x->tests[i], mark);
        return;
    }
    for (uint32_t k = r->node_tests.v[node]; k; k = r->tests.v[k].next) {
        const sp_test *t = &r->tests.v[k];
        if (!(t->forms & form) || (t->match != SP_MATCH_FORM && !text_match(r, t, value))) continue;
        pass(j, k, mark);
        if (x && count < sizeof x->tests / sizeof *x->tests) x->tests[count] = k;
        count++;
    }
    if (x && count <= sizeof x->tests / sizeof *x->tests) x->node = node, x->count = (uint8_t)count;
}

static void end_each(sp_judge *j, uint32_t e, const sp_mark *marks) {
    const sp_each *x = &j->rules->eaches.v[e];
    uint32_t mark = j->each_mark[e], got = j->each_bits[e];
    if ((got & x->need) != x->need || got & x->bar) return;
    if (x->only >= 0 && (marks[mark].type != SP_OBJECT || marks[mark].count != (uint32_t)x->only)) return;
    if (marks[mark].state & SP_MARK_OPEN && (x->bar || x->only >= 0)) return; /* what is missing may stand in the part that is cut */
    set_bit(j, x->bit, mark);
}

static void end_eaches(sp_judge *j, const sp_mark *marks) {
    for (uint32_t i = 0; i < j->touched_n; i++) {
        end_each(j, j->touched[i], marks);
        j->each_mark[j->touched[i]] = SP_NO_MARK;
    }
    j->touched_n = 0;
}

static void stamp(sp_judge *j, uint32_t node, uint32_t mark) {
    if (j->stamps[node] != j->stamp) j->stamps[node] = j->stamp, j->first[node] = mark;
}

static void look_at(sp_judge *j, const sp_mark *marks, uint32_t i, int first) {
    const sp_rules *r = j->rules;
    const sp_mark *m = &marks[i];
    for (uint32_t node = m->node, next = r->node_also.v[m->node]; node;
         node = next ? r->also.v[next].node : 0, next = next ? r->also.v[next].next : 0) {
        for (uint32_t e = r->node_eaches.v[node]; e; e = r->eaches.v[e].next) {
            if (j->each_mark[e] == SP_NO_MARK) j->touched[j->touched_n++] = e;
            else end_each(j, e, marks);
            j->each_mark[e] = i;
            j->each_bits[e] = 0;
        }
        if (first && m->type != SP_NULL) stamp(j, node, i);
        if (r->node_tests.v[node]) run_tests(j, node, sp_mark_form(m), m->state & SP_MARK_LONG ? (sp_view){0} : m->value, i);
    }
}

/* The bits that hold in a known value are looked for once. Its marks are an element's: no each reaches into it or out of it. */
static void look_into(sp_judge *j, sp_replay_value *v) {
    const sp_rules *r = j->rules;
    const sp_mark *marks = sp_replay_marks(j->replay, v);
    uint64_t *bits = j->bits;
    uint32_t *each_mark = j->each_mark, *each_bits = j->each_bits, *touched = j->touched, touched_n = j->touched_n;
    memset(j->known_bits, 0, bit_words(r) * sizeof *j->bits);
    j->bits = j->known_bits, j->each_mark = j->known_each, j->each_bits = j->known_each_bits, j->touched = j->known_touched,
    j->touched_n = 0;
    for (uint32_t i = 0; i < v->is.marks; i++) look_at(j, marks, i, 0);
    end_eaches(j, marks);
    j->bits = bits, j->each_mark = each_mark, j->each_bits = each_bits, j->touched = touched, j->touched_n = touched_n;
    uint32_t n = 0;
    for (size_t w = 0; w < bit_words(r); w++)
        for (uint64_t rest = j->known_bits[w]; rest; rest &= rest - 1) {
            if (n < SP_REPLAY_BITS) v->note.bits[n] = (uint16_t)(64 * w + (unsigned)__builtin_ctzll(rest));
            n++;
        }
    v->note.bit_n = (uint8_t)(n <= SP_REPLAY_BITS ? n : SP_REPLAY_BITS + 2);
}

static void look_at_known(sp_judge *j, const sp_mark *m, uint32_t i) {
    const sp_rules *r = j->rules;
    sp_replay_value *v = m->known;
    stamp(j, m->node, i);
    for (uint32_t k = r->node_also.v[m->node]; k; k = r->also.v[k].next) stamp(j, r->also.v[k].node, i);
    if (v->note.bit_n > SP_REPLAY_BITS) look_into(j, v);
    if (v->note.bit_n > SP_REPLAY_BITS) {
        for (size_t w = 0; w < bit_words(j->rules); w++) j->bits[w] |= j->known_bits[w];
    } else {
        for (uint32_t k = 0; k < v->note.bit_n; k++) set_bit(j, v->note.bits[k], i);
    }
}

void sp_judge_look(sp_judge *j, const sp_facts_in *in, int skip_state) {
    const sp_rules *r = j->rules;
    memset(j->bits, 0, bit_words(r) * sizeof *j->bits);
    if (++j->stamp == 0) memset(j->stamps, 0, (r->nodes.n + 1) * sizeof *j->stamps), j->stamp = 1;
    for (uint32_t i = in->lo; i < in->hi; i++) {
        const sp_mark *m = &in->marks[i];
        if (m->state & skip_state) continue;
        if (m->state & SP_MARK_KNOWN) look_at_known(j, m, i);
        else if (r->nodes.v[m->node].flags & SP_NODE_LOOK) look_at(j, in->marks, i, 1);
        else if (m->type != SP_NULL) stamp(j, m->node, i);
    }
    end_eaches(j, in->marks);
}

static void test_params(sp_judge *j) {
    for (uint32_t i = 0; i < j->param_count; i++) {
        sp_mark m = {.type = SP_STRING, .value = j->params[i].value};
        run_tests(j, j->params[i].node, sp_mark_form(&m), m.value, SP_NO_MARK);
    }
}

uint32_t sp_judge_first(const sp_judge *j, uint32_t node) { return j->stamps[node] == j->stamp ? j->first[node] : SP_NO_MARK; }

sp_view sp_judge_value(const sp_judge *j, const sp_mark *marks, sp_list nodes, uint32_t *mark) {
    *mark = SP_NO_MARK;
    for (uint32_t i = 0; i < nodes.n; i++) {
        uint32_t node = j->rules->words.v[nodes.at + i], k = sp_judge_first(j, node);
        if (k != SP_NO_MARK && marks[k].type == SP_ARRAY)
            k = sp_judge_first(j, j->rules->nodes.v[node].star); /* a header's list of values */
        if (k != SP_NO_MARK && marks[k].value.p && marks[k].type <= SP_STRING) {
            *mark = k;
            return marks[k].value;
        }
        for (uint32_t p = 0; p < j->param_count; p++)
            if (j->params[p].node == node) return j->params[p].value;
    }
    return (sp_view){0};
}

int sp_judge_holds(const sp_judge *j, const sp_facts_in *in, sp_cond c) {
    const sp_rules *r = j->rules;
    uint64_t s = 1;
    int64_t class = in->status == SP_NULL_INT ? 0 : in->status / 100;
    if (c.gate && !bit_set(j, c.gate)) return 0;
    for (uint32_t i = 0; i < c.n; i++) {
        sp_op_code o = r->code.v[c.at + i];
        uint64_t v = 0;
        switch (o.op) {
        case SP_OP_NOT: s ^= 1; continue;
        case SP_OP_AND: s = (s >> 1) & (s | ~(uint64_t)1); continue;
        case SP_OP_OR: s = (s >> 1) | (s & 1); continue;
        case SP_OP_BIT: v = (uint64_t)bit_set(j, o.arg); break;
        case SP_OP_CONST: v = o.arg; break;
        case SP_OP_PROVIDER: v = (uint64_t)spi_in_names(r, r->words.v[o.arg], r->words.v[o.arg + 1], j->out.provider); break;
        case SP_OP_METHOD: v = (uint64_t)spi_in_names(r, r->words.v[o.arg], r->words.v[o.arg + 1], j->method); break;
        case SP_OP_HOST: v = j->out.host && spi_in_names(r, r->words.v[o.arg], r->words.v[o.arg + 1], j->out.host->e.id); break;
        case SP_OP_NO_URL: v = !j->has_url; break;
        default: v = o.arg == 0 ? class == 0 : o.arg == 1 ? class == 2 : o.arg == 2 ? class == 4 : class == 5; break;
        }
        s = s << 1 | v;
    }
    return c.n == 0 || (s & 1);
}

/* ---- facts ------------------------------------------------------------------------------------------------------------------------ */

static void add_clue(sp_judge *j, sp_clue c, sp_status *st) {
    if (sp_grow(j->alloc, &j->clues.v, &j->clues.cap, (size_t)j->clues.n + 1, sizeof *j->clues.v) != SP_OK) {
        *st = SP_ERR_NOMEM;
        return;
    }
    j->clues.v[j->clues.n++] = c;
}

static sp_clue clue_at(sp_judge *j, const sp_entry *rule, uint32_t fact, int basis, uint32_t node, uint32_t mark) {
    sp_clue c = {.rule = rule, .fact = fact, .basis = (uint8_t)basis, .holds = 1, .mark = mark, .node = node};
    c.place = node ? (uint8_t)sp_node_place(j->rules, node) : SP_PLACE_PAYLOAD;
    for (uint32_t p = 0; mark == SP_NO_MARK && p < j->param_count; p++)
        if (j->params[p].node == node) c.text = j->params[p].value;
    return c;
}

static void marker_clues(sp_judge *j, const sp_marker *m, uint32_t fact, sp_status *st) {
    const sp_rules *r = j->rules;
    if (m->bit) add_clue(j, clue_at(j, &m->e, fact, m->basis, m->node, j->bit_mark[m->bit]), st);
    else if (!m->looks_at.n) add_clue(j, clue_at(j, &m->e, fact, m->basis, 0, SP_NO_MARK), st);
    for (uint32_t i = 0; !m->bit && i < m->looks_at.n; i++) {
        uint32_t node = r->words.v[m->looks_at.at + i];
        add_clue(j, clue_at(j, &m->e, fact, m->basis, node, sp_judge_first(j, node)), st);
    }
}

static void assert_facts(sp_judge *j, const sp_marker *m, sp_status *st) {
    const sp_rules *r = j->rules;
    for (uint32_t i = 0; i < m->facts.n; i++) {
        uint32_t f = r->words.v[m->facts.at + i];
        sp_set_fact(&j->out.facts, f);
        marker_clues(j, m, f, st);
    }
}

static int deny(sp_judge *j, sp_list denies) { /* how many facts it took away */
    const sp_rules *r = j->rules;
    int taken = 0;
    for (uint32_t i = 0; i < denies.n; i++) {
        uint32_t f = r->words.v[denies.at + i];
        taken += sp_has_fact(&j->out.facts, f);
        j->out.facts.w[f >> 6] &= ~((uint64_t)1 << (f & 63));
        for (uint32_t k = 0; k < j->clues.n; k++)
            if (j->clues.v[k].fact == f) j->clues.v[k].holds = 0;
    }
    return taken;
}

typedef struct sp_case { /* what is collected while one reading of an exchange is judged */
    int incomplete;      /* parts of the payload can't be seen */
    int denied_counted;  /* some denial decided against a fact that the lens counts */
    const sp_entry *denier;
    uint8_t denier_basis;
    uint32_t missing[8], missing_n; /* nodes */
} sp_case;

static int counts_any(const sp_judge *j, sp_list facts, int proven) { /* proven: of those that are */
    for (uint32_t i = 0; i < facts.n; i++) {
        uint32_t f = j->rules->words.v[facts.at + i];
        if (sp_has_fact(&j->rules->lens, f) && (!proven || sp_has_fact(&j->out.facts, f))) return 1;
    }
    return 0;
}

static int marker_fires(sp_judge *j, const sp_facts_in *in, const sp_marker *m, const sp_case *c) {
    const sp_rules *r = j->rules;
    if (!spi_in_force(m->from, m->until, in->time)) return 0;
    if (m->providers.n && !spi_in_names(r, m->providers.at, m->providers.n, j->out.provider)) return 0;
    if (m->not_providers.n && spi_in_names(r, m->not_providers.at, m->not_providers.n, j->out.provider)) return 0;
    if (m->bit && !bit_set(j, m->bit)) return 0;
    if (c->incomplete && m->when.absence) return 0; /* it rests on something not being there, and that can't be seen */
    return sp_judge_holds(j, in, m->when);
}

static void mismatch(sp_judge *j, const sp_marker *m, sp_case *c, sp_status *st) {
    j->out.flags |= SP_FLAG_TYPE_MISMATCH;
    for (uint32_t i = 0; i < c->missing_n; i++)
        if (c->missing[i] == m->node) return;
    if (c->missing_n < 8) c->missing[c->missing_n++] = m->node;
    sp_clue clue = clue_at(j, &m->e, UINT32_MAX, SP_BASIS_EXPLICIT, m->node, j->bit_mark[m->mismatch]);
    clue.holds = 0;
    add_clue(j, clue, st);
}

static void denial(sp_judge *j, const sp_marker *m, sp_case *c, sp_status *st) {
    deny(j, m->denies);
    if (m->facts.n == 0) marker_clues(j, m, UINT32_MAX, st);
    if (counts_any(j, m->denies, 0) && !c->denier) c->denier = &m->e, c->denier_basis = m->basis;
}

static void overrides(sp_judge *j, const sp_facts_in *in, int context, sp_case *c, sp_status *st) {
    const sp_rules *r = j->rules;
    sp_name api = j->out.operation ? j->out.operation->api : 0;
    for (uint32_t i = 0; i < r->overrides.n; i++) {
        const sp_override *o = &r->overrides.v[i];
        if (o->from_context != context || (o->providers.n && !spi_in_names(r, o->providers.at, o->providers.n, j->out.provider) &&
                                           !(j->out.as && !context && spi_in_names(r, o->providers.at, o->providers.n, j->out.as))))
            continue;
        if ((o->apis.n && !spi_in_names(r, o->apis.at, o->apis.n, api)) || !spi_in_force(o->from, o->until, in->time) ||
            !sp_judge_holds(j, in, o->when))
            continue;
        int decides = counts_any(j, o->denies, 1);
        if (!deny(j, o->denies)) continue;
        sp_clue clue = clue_at(j, &o->e, UINT32_MAX, context ? SP_BASIS_CONTEXT : SP_BASIS_ENDPOINT, 0, SP_NO_MARK);
        clue.place = SP_PLACE_URL;
        clue.text = sp_rules_text(r, j->out.provider);
        add_clue(j, clue, st);
        if (decides) {
            c->denier = &o->e;
            c->denier_basis = context ? SP_BASIS_CONTEXT : j->out.host && j->out.host->inferred ? SP_BASIS_INFERRED : SP_BASIS_ENDPOINT;
        }
    }
}

/* What the reader's description says of the line itself. */
static void reader_facts(sp_judge *j, const sp_facts_in *in, const sp_case *c, sp_status *st) {
    const sp_rules *r = j->rules;
    for (uint32_t i = 0; in->format && i < in->format->markers.n; i++) {
        const sp_marker *m = &r->markers.v[r->words.v[in->format->markers.at + i]];
        if (marker_fires(j, in, m, c)) assert_facts(j, m, st);
    }
}

static void collect_facts(sp_judge *j, const sp_facts_in *in, sp_case *c, sp_status *st) {
    const sp_rules *r = j->rules;
    const sp_operation *o = j->out.operation;
    for (uint32_t i = 0; i < o->facts.n; i++) {
        uint32_t f = r->words.v[o->facts.at + i];
        sp_set_fact(&j->out.facts, f);
        sp_clue clue = clue_at(j, &o->e, f, j->out.by_shape || o->inferred ? SP_BASIS_INFERRED : SP_BASIS_ENDPOINT, 0, SP_NO_MARK);
        clue.place = j->out.by_shape ? SP_PLACE_PAYLOAD : SP_PLACE_URL;
        add_clue(j, clue, st);
    }
    for (uint32_t i = 0; i < o->markers.n; i++) {
        const sp_marker *m = &r->markers.v[r->words.v[o->markers.at + i]];
        if (m->mismatch && bit_set(j, m->mismatch) &&
            !(m->providers.n && !spi_in_names(r, m->providers.at, m->providers.n, j->out.provider)))
            mismatch(j, m, c, st);
        if (!m->response && m->facts.n && marker_fires(j, in, m, c)) assert_facts(j, m, st);
    }
    for (uint32_t i = 0; i < o->markers.n; i++) {
        const sp_marker *m = &r->markers.v[r->words.v[o->markers.at + i]];
        if (!m->response && m->denies.n && marker_fires(j, in, m, c)) denial(j, m, c, st);
    }
    overrides(j, in, 0, c, st);
    overrides(j, in, 1, c, st);
    for (int asserting = 0; asserting < 2; asserting++)
        for (uint32_t i = 0; i < o->markers.n; i++) {
            const sp_marker *m = &r->markers.v[r->words.v[o->markers.at + i]];
            if (!m->response || !marker_fires(j, in, m, c)) continue;
            if (!asserting && m->denies.n) denial(j, m, c, st);
            if (asserting && m->facts.n) assert_facts(j, m, st);
        }
}

/* ---- the verdict ------------------------------------------------------------------------------------------------------------------ */

static void append(sp_judge *j, const char *text, size_t n) {
    sp_view old = j->out.missing;
    uint8_t *p = sp_arena_get(&j->arena, old.n + n + 1);
    if (!p) return;
    if (old.n) memcpy(p, old.p, old.n), p[old.n] = ' ';
    memcpy(p + old.n + (old.n > 0), text, n);
    j->out.missing = (sp_view){p, old.n + n + (old.n > 0)};
}
#define MISSING(j, literal) append(j, literal, sizeof(literal) - 1)

static int method_has_body(sp_view m) {
    return sp_view_eq(m, SP_VIEW("POST")) || sp_view_eq(m, SP_VIEW("PUT")) || sp_view_eq(m, SP_VIEW("PATCH"));
}

static int unseen(const sp_judge *j, const sp_facts_in *in) {
    const sp_operation *o = j->out.operation;
    if (o && o->body != 0 && !(in->body == SP_BODY_TRUNCATED || in->body == SP_BODY_REDACTED)) return 0;
    if (in->embedded_too_deep || in->body_unreadable || in->partial) return 1;
    if (in->body == SP_BODY_ABSENT) return !in->method.n || method_has_body(in->method);
    return in->body != SP_BODY_FULL;
}

/* Whether something that the lens counts is proven: then with its rule and the best basis. */
static int proves_state(sp_judge *j) {
    const sp_rules *r = j->rules;
    sp_verdict *o = &j->out;
    int best = 99;
    for (uint32_t i = 0; i < j->clues.n; i++) {
        const sp_clue *q = &j->clues.v[i];
        if (!q->holds || q->fact == UINT32_MAX || !sp_has_fact(&r->lens, q->fact) || !sp_has_fact(&o->facts, q->fact) || q->basis >= best)
            continue;
        best = q->basis;
        o->rule = sp_rules_text(r, q->rule->id);
    }
    if (best < 99) o->state = SP_STATE_STATEFUL, o->confidence = best;
    return best < 99;
}

static void judge_unknown(sp_judge *j, const sp_facts_in *in) {
    const sp_rules *r = j->rules;
    sp_verdict *o = &j->out;
    int like = in->body == SP_BODY_TRUNCATED || in->body == SP_BODY_ENCRYPTED || in->embedded_too_deep;
    if (in->body == SP_BODY_ABSENT || in->body_unreadable || in->body == SP_BODY_REDACTED)
        like = o->host && !o->host->inferred && (in->body_unreadable || method_has_body(in->method));
    for (uint32_t i = 0; i < r->likes.n && !like; i++)
        if (sp_judge_holds(j, in, r->likes.v[i].when)) like = 1;
    if (proves_state(j)) return;
    if (like || in->partial) {
        o->state = SP_STATE_UNKNOWN;
        MISSING(j, "operation");
    } else {
        o->state = SP_STATE_NOT_INFERENCE;
        o->confidence = SP_BASIS_INFERRED;
    }
}

static void decide(sp_judge *j, const sp_case *c) {
    const sp_rules *r = j->rules;
    sp_verdict *o = &j->out;
    const sp_operation *op = o->operation;
    if (c->incomplete && (op->inference || op->body_markers)) MISSING(j, "body");
    for (uint32_t i = 0; i < c->missing_n; i++) {
        char pointer[512];
        append(j, pointer, sp_node_pointer(r, c->missing[i], NULL, pointer, sizeof pointer));
    }
    if (j->ambiguous) MISSING(j, "url");
    if (proves_state(j)) return;
    o->rule = sp_rules_text(r, op->e.id);
    o->state = o->missing.n ? SP_STATE_UNKNOWN : op->inference ? SP_STATE_STATELESS : SP_STATE_NOT_INFERENCE;
    if (o->state == SP_STATE_UNKNOWN) return;
    o->confidence = o->by_shape || op->inferred || (o->host && o->host->inferred) ? SP_BASIS_INFERRED : SP_BASIS_ENDPOINT;
    if (c->denier && op->inference) o->rule = sp_rules_text(r, c->denier->id), o->confidence = c->denier_basis;
}

/* ---- verdicts that were reached before -------------------------------------------------------------------------------------------- */

static uint32_t era_of(const sp_rules *r, int64_t time) {
    uint32_t lo = 0, hi = r->eras.n;
    if (time == SP_NULL_INT) return UINT32_MAX;
    while (lo < hi) {
        uint32_t middle = lo + (hi - lo) / 2;
        if (r->eras.v[middle] <= time) lo = middle + 1;
        else hi = middle;
    }
    return lo;
}

/* Room for verdicts, made when the first one is to be remembered: with evidence none is. Without memory: slower, not wrong. */
static int has_memos(sp_judge *j) {
    const sp_alloc *a = j->alloc;
    if (j->verdict_grounds) return 1;
    if (!j->verdicts && !ROOM(verdicts, SP_VERDICT_MEMOS)) return 0;
    for (uint32_t i = 0; i < SP_VERDICT_MEMOS; i++) j->verdicts[i].key = 0;
    return ROOM(verdict_grounds, SP_VERDICT_MEMOS * grounds_size(j->rules));
}

static sp_verdict_memo *memo_of(sp_judge *j, const sp_facts_in *in, uint64_t *key) {
    const sp_rules *r = j->rules;
    const sp_verdict *o = &j->out;
    sp_grounds *g = has_memos(j) ? sp_arena_get(&j->arena, grounds_size(r)) : NULL;
    if (!g) return NULL;
    memset(g, 0, sizeof *g);
    g->operation = o->operation;
    g->format = in->format && in->format->markers.n ? in->format : NULL;
    g->host = o->host;
    g->provider = o->provider;
    g->as = o->as;
    g->era = era_of(r, in->time);
    g->by_shape = o->by_shape;
    g->odd = j->odd;
    g->ambiguous = j->ambiguous;
    g->body = (uint8_t)in->body;
    g->body_unreadable = in->body_unreadable;
    g->embedded_too_deep = in->embedded_too_deep;
    g->method_has_body = (uint8_t)method_has_body(in->method);
    g->no_method = in->method.n == 0;
    g->no_headers = in->no_headers;
    g->partial = in->partial;
    g->has_url = j->has_url;
    g->status_class = (uint8_t)(in->status == SP_NULL_INT ? 0 : in->status < 100 || in->status > 599 ? 9 : in->status / 100);
    g->method = j->method;
    memcpy(g + 1, j->bits, bit_words(r) * sizeof *j->bits);
    *key = sp_x64(g, grounds_size(r)) | 1;
    sp_verdict_memo *m = &j->verdicts[*key / 2 % SP_VERDICT_MEMOS];
    uint8_t *kept = j->verdict_grounds + (size_t)(m - j->verdicts) * grounds_size(r);
    if (m->key != *key || memcmp(kept, g, grounds_size(r)) != 0) {
        memcpy(kept, g, grounds_size(r));
        m->key = 0;
    }
    return m;
}

static void remember(const sp_judge *j, sp_verdict_memo *m, uint64_t key) {
    const sp_verdict *o = &j->out;
    if (o->fact_count > SP_MEMO_FACTS || o->missing.n > SP_MEMO_MISSING) return;
    m->key = key;
    m->out = *o;
    memcpy(m->fact_names, o->fact_names, o->fact_count * sizeof *o->fact_names);
    m->out.fact_names = m->fact_names;
    if (o->missing.n) memcpy(m->missing, o->missing.p, o->missing.n);
    if (o->missing.p) m->out.missing.p = m->missing;
    m->out.clues = NULL;
    m->out.clue_count = 0;
}

static void recall(sp_judge *j, const sp_verdict_memo *m) {
    sp_view region = j->out.region;
    j->out = m->out;
    j->out.region = region; /* a part of this URL */
}

static sp_status name_facts(sp_judge *j) {
    const sp_rules *r = j->rules;
    sp_verdict *o = &j->out;
    uint32_t n = 0, count = 0;
    for (int w = 0; w < SP_FACT_WORDS; w++) count += (uint32_t)__builtin_popcountll(o->facts.w[w]);
    sp_view *names = sp_arena_get(&j->arena, (count + 1) * sizeof *names);
    if (!names) return SP_ERR_NOMEM;
    o->effects = 0;
    for (int e = 0; e < SP_EFFECT_COUNT && n < count; e++)
        for (uint32_t w = 0; w < SP_FACT_WORDS; w++)
            for (uint64_t rest = o->facts.w[w] & r->fact_effect[e].w[w]; rest; rest &= rest - 1) {
                names[n++] = sp_rules_text(r, r->facts.v[64 * w + (unsigned)__builtin_ctzll(rest)]);
                o->effects |= 1u << e;
            }
    o->fact_names = names;
    o->fact_count = n;
    return SP_OK;
}

static sp_status judge_once(sp_judge *j, const sp_facts_in *in, int skip) {
    sp_status st = SP_OK;
    sp_case c = {0};
    sp_verdict *o = &j->out;
    uint64_t key = 0;
    memset(o, 0, sizeof *o);
    o->confidence = -1;
    j->method = in->method.n ? sp_rules_find(j->rules, in->method) : 0;
    j->clues.n = j->param_count = j->catch_count = 0;
    SP_TRY(spi_read_url(j, in));
    spi_query_params(j);
    if (!j->looked || skip) sp_judge_look(j, in, skip);
    j->looked = 0;
    test_params(j);
    spi_find_host(j, in);
    SP_TRY(spi_find_operation(j, in));
    test_params(j); /* now with what the path caught */
    sp_verdict_memo *m = j->wants_clues || skip ? NULL : memo_of(j, in, &key);
    if (m && m->key) {
        recall(j, m);
        return SP_OK;
    }
    c.incomplete = unseen(j, in);
    reader_facts(j, in, &c, &st);
    if (o->operation) {
        collect_facts(j, in, &c, &st);
        decide(j, &c);
    } else judge_unknown(j, in);
    if (j->odd) o->flags |= SP_FLAG_ODD_PATH;
    if (in->status >= 400 && in->status < 500) o->flags |= SP_FLAG_REFUSED;
    if (in->status >= 500 && in->status < 600) o->flags |= SP_FLAG_FAILED;
    if (in->body == SP_BODY_ABSENT && method_has_body(in->method) && !(o->operation && o->operation->body == 2))
        o->flags |= SP_FLAG_NO_BODY;
    if (in->no_headers && o->operation && o->operation->header_markers) o->flags |= SP_FLAG_NO_HEADERS;
    o->clues = j->clues.v;
    o->clue_count = j->clues.n;
    if (st == SP_OK) st = name_facts(j);
    if (m && st == SP_OK) remember(j, m, key);
    return st;
}

/* Names that stand twice with values that differ: judged once with the first and once with the last of them. What both
   readings prove holds; where they part, the verdict is open. */
static sp_status judge_both(sp_judge *j, const sp_facts_in *in, uint32_t node) {
    sp_status st = judge_once(j, in, SP_MARK_NOT_FIRST);
    uint32_t earlier_n = j->clues.n;
    sp_clue *earlier = st == SP_OK ? sp_arena_get(&j->arena, (earlier_n + 1) * sizeof *earlier) : NULL;
    if (!earlier) return st == SP_OK ? SP_ERR_NOMEM : st;
    if (earlier_n) memcpy(earlier, j->clues.v, earlier_n * sizeof *earlier);
    sp_state first_state = j->out.state;
    sp_facts first = j->out.facts;
    const sp_operation *operation = j->out.operation;
    uint32_t flags = j->out.flags;
    SP_TRY(judge_once(j, in, SP_MARK_NOT_LAST));
    sp_verdict *o = &j->out;
    o->flags |= flags;
    for (uint32_t i = 0; i < earlier_n; i++) { /* all values are in the evidence */
        uint32_t k = 0;
        while (k < j->clues.n &&
               !(j->clues.v[k].rule == earlier[i].rule && j->clues.v[k].mark == earlier[i].mark && j->clues.v[k].fact == earlier[i].fact))
            k++;
        if (k == j->clues.n) add_clue(j, earlier[i], &st);
    }
    o->clues = j->clues.v, o->clue_count = j->clues.n;
    if (first_state == o->state && memcmp(&first, &o->facts, sizeof first) == 0 && operation == o->operation) return st;
    int proven = 0;
    for (int w = 0; w < SP_FACT_WORDS; w++) {
        o->facts.w[w] &= first.w[w];
        proven |= (o->facts.w[w] & j->rules->lens.w[w]) != 0;
    }
    for (uint32_t i = 0; i < j->clues.n; i++)
        if (j->clues.v[i].fact != UINT32_MAX && !sp_has_fact(&o->facts, j->clues.v[i].fact)) j->clues.v[i].holds = 0;
    if (operation != o->operation) proven = 0;
    char pointer[512];
    append(j, pointer, sp_node_pointer(j->rules, node, NULL, pointer, sizeof pointer));
    o->state = proven ? SP_STATE_STATEFUL : SP_STATE_UNKNOWN;
    if (!proven) o->confidence = -1;
    return st == SP_OK ? name_facts(j) : st;
}

sp_status sp_judge_exchange(sp_judge *j, const sp_facts_in *in) {
    uint32_t unequal = 0;
    for (uint32_t i = in->lo; i < in->hi && !unequal; i++)
        if (in->marks[i].state & SP_MARK_UNEQUAL) unequal = in->marks[i].node;
    return unequal ? judge_both(j, in, unequal) : judge_once(j, in, 0);
}
