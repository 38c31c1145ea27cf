#include "sp_row.h"

#include <stdio.h>

#include "sp_form.h"
#include "sp_ident.h"

typedef struct fill { /* a row under construction */
    sp_reader *d;
    const sp_row_in *in;
    sp_exchange_row row;
    uint8_t shape[8], context[8]; /* hashes of the row, big-endian */
    const sp_alias *alias;        /* that told the model that was asked for, or NULL */
    sp_view asked;                /* the name that it has in the log, … */
    uint32_t asked_mark;          /* … and where that stands */
    sp_status status;
} fill;

static uint8_t *room(fill *f, size_t n) {
    uint8_t *p = sp_arena_get(&f->d->arena, n + 1);
    if (!p) f->status = SP_ERR_NOMEM;
    return p;
}

/* Names of models, regions and hosts repeat, and are remembered; ids don't. */
static int may_show(fill *f, sp_view v, int host, int repeats) {
    const sp_rules *r = f->d->rules;
    if (r->with_text || r->tags) return r->with_text;
    if (!repeats || v.n > sizeof f->d->seen->text) return host ? sp_ident_host_shows(v) : sp_ident_shows(v);
    struct sp_seen *s = &f->d->seen[sp_x64(v.p, v.n) % SP_SEEN];
    if (s->n != v.n || s->host != host || memcmp(s->text, v.p, v.n) != 0) {
        s->n = (uint8_t)v.n, s->host = (uint8_t)host;
        memcpy(s->text, v.p, v.n);
        s->shows = (uint8_t)(host ? sp_ident_host_shows(v) : sp_ident_shows(v));
    }
    return s->shows;
}

/* A value that identifies something: shown where it looks like an identifier, else as a tag. */
static sp_view shown(fill *f, sp_view v, int repeats) {
    const sp_rules *r = f->d->rules;
    if (!v.n) return (sp_view){0};
    if (may_show(f, v, 0, repeats)) return v;
    char *p = (char *)room(f, 64);
    return p ? (sp_view){(uint8_t *)p, sp_ident_tag(r->tag_key, v, p)} : (sp_view){0};
}

/* The id that the provider gave, also where a gateway wrapped it: so the logs of both join. */
static sp_view provider_id(fill *f, sp_view v) {
    uint8_t *p = sp_ident_wrapped(v) ? room(f, 3 * (v.n / 4) + 3) : NULL;
    return p ? sp_ident_inner(v, p) : v;
}

static sp_view bytes_of(const sp_digest *d) { return (sp_view){d->b, sizeof d->b}; }

static sp_view literal(const char *s) { return (sp_view){(const uint8_t *)s, strlen(s)}; }

static void place_columns(fill *f) {
    const sp_line *l = f->in->line;
    sp_exchange_row *row = &f->row;
    uint8_t *p = room(f, f->d->source_id.n + 24);
    if (p) {
        size_t n = f->d->source_id.n;
        if (n) memcpy(p, f->d->source_id.p, n);
        p[n++] = ':';
        for (int shift = l->offset ? (63 - __builtin_clzll(l->offset)) & ~3 : 0; shift >= 0; shift -= 4)
            p[n++] = (uint8_t) "0123456789abcdef"[l->offset >> shift & 15];
        row->uid = (sp_view){p, n};
    }
    row->source = l->source;
    row->line = (int64_t)l->number;
    row->byte_start = (int64_t)l->offset;
    row->byte_end = (int64_t)(l->offset + (l->length ? l->length : l->text.n));
    if (l->made && !l->length) row->byte_start = row->byte_end = SP_NULL_INT;
    row->time = row->tokens_in = row->tokens_out = row->tokens_cached = row->payload_bytes = row->status = row->turns = row->inference =
        SP_NULL_INT;
    row->versions = f->d->rules->versions;
}

static void route_columns(fill *f) {
    const sp_rules *r = f->d->rules;
    const sp_verdict *v = f->in->verdict;
    const sp_judge *j = &f->d->judge;
    sp_exchange_row *row = &f->row;
    row->provider = v->provider ? sp_rules_text(r, v->provider) : SP_VIEW("unknown");
    if (v->host) row->cloud = sp_rules_text(r, v->host->cloud);
    row->region = shown(f, v->region, 1);
    if (j->url->host.n) {
        row->host = j->url->host;
        if (!may_show(f, row->host, 1, 1)) {
            char *tag = (char *)room(f, 64);
            row->host = tag ? (sp_view){(uint8_t *)tag, sp_ident_tag(r->tag_key, j->url->host, tag)} : (sp_view){0};
        }
    }
    uint8_t *p = room(f, row->provider.n + row->host.n + row->region.n + 3);
    size_t n = 0;
    sp_view parts[3] = {row->provider, row->host, row->region};
    for (int i = 0; p && i < 3; i++) {
        if (i) p[n++] = '/';
        if (parts[i].n) memcpy(p + n, parts[i].p, parts[i].n);
        n += parts[i].n;
    }
    if (p) row->route = (sp_view){p, n};
}

/* In a stream a value may stand in many events. Counts grow while it goes on: the last one counts. Of texts the first one does that is not
   empty, as it is in events that come before the answer. p NULL: no stream, or none there. */
static sp_view of_stream(const fill *f, sp_list nodes, int count) {
    const sp_rules *r = f->d->rules;
    const sp_facts_in *in = f->in->in;
    uint32_t n = in->stream_hi - in->stream_lo;
    for (uint32_t i = 0; i < nodes.n; i++)
        for (uint32_t k = 0; k < n; k++) {
            const sp_mark *m = &in->marks[count ? in->stream_hi - 1 - k : in->stream_lo + k];
            int fits = count ? m->type == SP_NUMBER : m->type == SP_STRING && m->value.n;
            if (fits && m->value.p && sp_node_is(r, m->node, r->words.v[nodes.at + i])) return m->value;
        }
    return (sp_view){0};
}

/* ---- models ----------------------------------------------------------------------------------------------------------------------- */

static sp_view strip(const sp_rules *r, sp_view m) {
    for (int again = 1; again;) {
        again = 0;
        for (uint32_t i = 0; i < r->models.n; i++)
            for (uint32_t k = 0; k < r->models.v[i].strip.n; k++) {
                sp_view s = sp_rules_text(r, r->words.v[r->models.v[i].strip.at + k]);
                if (s.n && m.n > s.n && memcmp(m.p, s.p, s.n) == 0) m.p += s.n, m.n -= s.n, again = 1;
            }
    }
    return m;
}

static int any_glob(const sp_rules *r, sp_list patterns, sp_view m) {
    for (uint32_t i = 0; i < patterns.n; i++)
        if (sp_glob(sp_rules_text(r, r->words.v[patterns.at + i]), m)) return 1;
    return 0;
}

static const sp_model *find_family(const sp_rules *r, sp_view m) {
    m = strip(r, m);
    for (uint32_t i = 0; m.n && i < r->models.n; i++) {
        const sp_model *x = &r->models.v[i];
        if (x->family && any_glob(r, x->match, m) && !any_glob(r, x->exclude, m)) return x;
    }
    return NULL;
}

/* The same; names of models repeat. */
static const sp_model *family(const fill *f, sp_view m) {
    struct sp_named *s = &f->d->named[sp_x64(m.p, m.n) % (SP_NAMED / 2) * 2]; /* two places each */
    if (m.n == 0 || m.n > sizeof s->text) return find_family(f->d->rules, m);
    if (s->n == m.n && memcmp(s->text, m.p, m.n) == 0) return s->model;
    if (s[1].n == m.n && memcmp(s[1].text, m.p, m.n) == 0) return s[1].model;
    s[1] = s[0];
    s->n = (uint8_t)m.n;
    memcpy(s->text, m.p, m.n);
    s->model = find_family(f->d->rules, m);
    return s->model;
}

static const sp_alias *alias(const fill *f, sp_view name) {
    const sp_rules *r = f->d->rules;
    for (uint32_t i = 0; i < r->aliases.n; i++) {
        const sp_alias *a = &r->aliases.v[i];
        if (spi_in_force(a->from, a->until, f->in->in->time) && sp_view_eq(sp_rules_text(r, a->name), name) &&
            (!a->provider || sp_view_eq(sp_rules_text(r, a->provider), f->row.provider)))
            return a;
    }
    return NULL;
}

/* In a body that is a form, the place of a member of the payload is that of a field. */
static sp_view form_model(fill *f, sp_list places) {
    const sp_rules *r = f->d->rules;
    size_t n = 0;
    uint8_t *p = f->in->in->body_unreadable ? room(f, SP_SHORT_VALUE) : NULL;
    for (uint32_t i = 0; p && i < places.n && !n; i++) {
        const sp_node *at = &r->nodes.v[r->words.v[places.at + i]];
        if (at->parent == SP_ROOT_BODY && at->name.p) n = sp_form_value(f->in->body_text, at->name, p);
    }
    return n ? (sp_view){p, n} : (sp_view){0};
}

static void model_columns(fill *f, uint32_t *flags) {
    const sp_rules *r = f->d->rules;
    const sp_verdict *v = f->in->verdict;
    sp_judge *j = &f->d->judge;
    const sp_mark *marks = f->d->scan.marks;
    uint32_t mark;
    f->asked_mark = SP_NO_MARK;
    sp_view asked = v->operation ? sp_judge_value(j, marks, v->operation->model, &f->asked_mark) : (sp_view){0};
    if (!asked.n && v->operation) asked = form_model(f, v->operation->model);
    if (!asked.n && f->in->format) asked = sp_judge_value(j, marks, f->in->format->model, &f->asked_mark);
    sp_view said = sp_judge_value(j, marks, r->response_models, &mark);
    if (mark != SP_NO_MARK && marks[mark].type != SP_STRING) said = (sp_view){0};
    if (!said.n) said = of_stream(f, r->response_models, 0);
    f->row.model = shown(f, asked.n ? asked : said, 1);
    f->asked = asked;
    f->alias = alias(f, asked);
    int hides = v->host && v->host->deployments;
    const sp_model *m = f->alias ? family(f, sp_rules_text(r, f->alias->model)) : NULL;
    if (!m && said.n) m = family(f, said);
    if (!m && asked.n && !hides) m = family(f, asked);
    f->row.model_family = m                            ? sp_rules_text(r, m->family)
                          : v->host && v->host->family ? sp_rules_text(r, v->host->family)
                                                       : SP_VIEW("unknown");
    if (m && m->open_weights) *flags |= SP_FLAG_OPEN_WEIGHTS;
}

static void id_columns(fill *f) {
    const sp_rules *r = f->d->rules;
    const sp_operation *o = f->in->verdict->operation;
    sp_view *ids[] = {&f->row.previous_id, &f->row.conversation_id, &f->row.response_id, &f->row.session_label};
    int64_t *tokens[] = {&f->row.tokens_in, &f->row.tokens_out, &f->row.tokens_cached};
    for (int i = 0; i < SP_ID_COUNT; i++) {
        uint32_t mark;
        sp_view v = {0};
        int streamed = i >= SP_TOKENS_IN || i == SP_ID_RESPONSE;
        if (streamed && o) v = of_stream(f, o->ids[i], i >= SP_TOKENS_IN);
        if (streamed && !v.p) v = of_stream(f, r->default_ids[i], i >= SP_TOKENS_IN);
        if (!v.p && o && o->ids[i].n) v = sp_judge_value(&f->d->judge, f->d->scan.marks, o->ids[i], &mark);
        if (!v.p) v = sp_judge_value(&f->d->judge, f->d->scan.marks, r->default_ids[i], &mark);
        if (!v.p && f->in->format) v = sp_judge_value(&f->d->judge, f->d->scan.marks, f->in->format->ids[i], &mark);
        if (i < SP_TOKENS_IN) *ids[i] = shown(f, provider_id(f, v), 0);
        else if (v.n && v.n < 16) {
            int64_t n = 0;
            int number = 1;
            for (size_t k = 0; k < v.n; k++) number &= v.p[k] >= '0' && v.p[k] <= '9', n = n * 10 + (v.p[k] - '0');
            if (number) *tokens[i - SP_TOKENS_IN] = n;
        }
    }
}

/* ---- facts, hashes, flags --------------------------------------------------------------------------------------------------------- */

static void fact_columns(fill *f) {
    const sp_verdict *v = f->in->verdict;
    uint32_t n = 0;
    sp_view *names = (sp_view *)(void *)room(f, SP_EFFECT_COUNT * sizeof *names);
    if (!names) return;
    for (int e = 0; e < SP_EFFECT_COUNT; e++)
        if (v->effects >> e & 1) names[n++] = literal(sp_effect_names[e]);
    f->row.facts = (sp_cell_STRS){v->fact_names, v->fact_count};
    f->row.effects = (sp_cell_STRS){names, n};
}

static void hash_columns(fill *f) {
    const sp_print *p = f->in->print;
    const sp_operation *o = f->in->verdict->operation;
    sp_exchange_row *row = &f->row;
    if (!p) return;
    row->payload_hash = bytes_of(&p->payload);
    sp_hash_store(f->shape, p->shape);
    sp_hash_store(f->context, p->context);
    row->shape_hash = (sp_view){f->shape, sizeof f->shape};
    row->context_hash = (sp_view){f->context, sizeof f->context};
    row->turns = p->count;
    row->prefix = (sp_cell_HEXS){p->chain, p->count};
    row->turn_hashes = (sp_cell_HEXS){p->turns, p->count};
    if (p->count) row->chain_in = bytes_of(&p->chain[p->count - 1]);
    if (p->has_out) row->chain_out = bytes_of(&p->chain_out);
    char *text = (char *)room(f, SP_PRINT_TEXT);
    if (text)
        row->fingerprint = (sp_view){
            (uint8_t *)text, sp_print_text(p, o ? o->printed : SP_PRINT_NO_NAME, f->in->verdict->effects, f->d->rules->keyed, text)};
}

static sp_cell_STRS flag_names(fill *f, uint32_t flags) {
    uint32_t n = 0;
    sp_view *list = (sp_view *)(void *)room(f, SP_FLAG_COUNT * sizeof *list);
    for (unsigned i = 0; list && i < SP_FLAG_COUNT; i++)
        if (flags >> i & 1) list[n++] = literal(sp_flag_name(i)), f->d->flags[i]++;
    return (sp_cell_STRS){list, n};
}

/* ---- evidence --------------------------------------------------------------------------------------------------------------------- */

/* The range of a mark in the source: out of the texts that were opened around it. */
static void range(const sp_reader *d, const sp_mark *m, const sp_line *line, int64_t *start, int64_t *end) {
    size_t at[2] = {m->start, m->end};
    if (line->made && !line->length) return;
    for (uint32_t t = m->spare; t; t = d->texts[t].parent) {
        const sp_opened *o = &d->texts[t];
        const uint8_t *raw = d->texts[o->parent].text.p + o->start;
        if (o->kind == SP_OPENED_WHOLE) at[0] = 0, at[1] = o->end - o->start;
        else if (o->kind == SP_OPENED_BASE64) at[0] = at[0] / 3 * 4, at[1] = (at[1] + 2) / 3 * 4;
        if (o->kind == SP_OPENED_ESCAPED || o->kind == SP_OPENED_BASE64) sp_unescape_map(raw, o->end - o->start, at, 2);
        at[0] += o->start, at[1] += o->start;
    }
    if (line->made) at[0] = 0, at[1] = (size_t)line->length;
    *start = (int64_t)(line->offset + at[0]);
    *end = (int64_t)(line->offset + at[1]);
}

static const char *const type_names[] = {"null", "boolean", "boolean", "number", "string", "object", "array"};

/* The keyed hash of the value; p NULL where there is none. */
static sp_view digest_of(fill *f, const sp_mark *m, sp_view value) {
    static const sp_digest none = {{0}};
    int hashed = m && memcmp(m->hash.b, none.b, 16) != 0;
    sp_digest *d = hashed || value.p ? (sp_digest *)(void *)room(f, sizeof *d) : NULL;
    if (!d) return (sp_view){0};
    *d = hashed ? sp_siphash128(f->d->rules->tag_key, m->hash.b, 16) : sp_siphash128(f->d->rules->tag_key, value.p, value.n);
    return bytes_of(d);
}

static sp_status put_evidence(sp_reader *d, const sp_evidence_row *row) {
    if (!d->answer) return sp_columns_append(d->evidence, row);
    SP_TRY(sp_grow(d->alloc, &d->kept.v, &d->kept.cap, (size_t)d->kept.n + 1, sizeof *d->kept.v));
    d->kept.v[d->kept.n++] = *row;
    return SP_OK;
}

static sp_status evidence_row(fill *f, const sp_clue *c) {
    const sp_rules *r = f->d->rules;
    sp_evidence_row row;
    memset(&row, 0, sizeof row);
    const sp_mark *m = c->mark == SP_NO_MARK ? NULL : &f->d->scan.marks[c->mark];
    row.uid = f->row.uid;
    row.rule = sp_rules_text(r, c->rule->id);
    if (c->fact != UINT32_MAX) {
        row.fact = sp_rules_text(r, r->facts.v[c->fact]);
        row.effect = literal(sp_effect_names[r->fact_effects[c->fact]]);
    }
    row.basis = literal(sp_basis_names[c->basis]);
    row.holds = c->holds;
    row.place = literal(sp_place_names[c->place]);
    char *p = (char *)room(f, 512);
    uint32_t node = m ? m->node : c->node;
    if (p && node) row.pointer = (sp_view){(uint8_t *)p, sp_node_pointer(r, node, m, p, 512)};
    row.layer = SP_NULL_INT, row.byte_start = row.byte_end = SP_NULL_INT;
    sp_view value = m ? m->value : c->text;
    if (m) {
        row.layer = f->d->texts[m->spare].layer;
        range(f->d, m, f->in->line, &row.byte_start, &row.byte_end);
        row.type = literal(type_names[m->type]);
    } else if (c->text.p) row.type = SP_VIEW("string");
    if (m && m->type < SP_STRING) row.value = value;
    else row.value = shown(f, value, 1);
    row.digest = digest_of(f, m, value);
    return f->status == SP_OK ? put_evidence(f->d, &row) : f->status;
}

/* What the context file told of the row, beside what it denies: whose host it is, which model the name stands for. */
static uint32_t told_clues(const fill *f, sp_clue told[2]) {
    const sp_host *h = f->in->verdict->host;
    const sp_clue any = {.fact = UINT32_MAX, .basis = SP_BASIS_CONTEXT, .holds = 1, .place = SP_PLACE_URL, .mark = SP_NO_MARK};
    uint32_t n = 0;
    if (h && h->from_context) told[n] = any, told[n].rule = &h->e, told[n++].text = f->row.provider;
    if (!f->alias) return n;
    told[n] = any;
    told[n].rule = &f->alias->e;
    told[n].text = f->asked;
    told[n].mark = f->asked_mark;
    if (f->asked_mark != SP_NO_MARK) told[n].place = (uint8_t)sp_node_place(f->d->rules, f->d->scan.marks[f->asked_mark].node);
    return n + 1;
}

static sp_status evidence_rows(fill *f, uint32_t *flags) {
    const sp_verdict *v = f->in->verdict;
    sp_clue told[2];
    uint32_t told_n = told_clues(f, told);
    size_t most = f->d->rules->limits.max_evidence_items, n = 0;
    if (v->clue_count + told_n > most) *flags |= SP_FLAG_EVIDENCE_CUT;
    if (!f->d->judge.wants_clues) return SP_OK;
    for (uint32_t i = 0; i < told_n && n < most; i++, n++) SP_TRY(evidence_row(f, &told[i]));
    for (uint32_t i = 0; i < v->clue_count && n < most; i++, n++) SP_TRY(evidence_row(f, &v->clues[i]));
    return SP_OK;
}

/* ---- rows ------------------------------------------------------------------------------------------------------------------------- */

static sp_status put_row(sp_reader *d, const sp_exchange_row *row, const sp_diagnosis *why, sp_view pointer) {
    if (!d->answer) return sp_columns_append(d->exchanges, row);
    return sp_answer_new(d->alloc, row, d->kept.v, d->kept.n, why, pointer, d->answer);
}

static void count_in(sp_reader *d, const sp_facts_in *in) {
    d->clocks[in->clock]++;
    d->said[SP_SAID_METHOD] += in->method.n > 0;
    d->said[SP_SAID_URL] += in->url.n > 0;
    d->said[SP_SAID_HEADERS] += !in->no_headers;
    d->said[SP_SAID_RESPONSE] += in->response;
}

sp_status sp_row_put(sp_reader *d, const sp_row_in *in) {
    fill f = {.d = d, .in = in};
    const sp_verdict *v = in->verdict;
    const sp_rules *r = d->rules;
    uint32_t flags = in->flags;
    sp_exchange_row *row = &f.row;
    place_columns(&f);
    row->time = in->in->time;
    row->request_id = shown(&f, in->id, 0);
    route_columns(&f);
    row->api = v->operation ? sp_rules_text(r, v->operation->api) : SP_VIEW("unknown");
    row->operation = v->operation ? sp_rules_text(r, v->operation->operation) : SP_VIEW("unknown");
    if (v->operation) row->inference = v->operation->inference, row->operation_rule = sp_rules_text(r, v->operation->e.id);
    else if (v->state == SP_STATE_NOT_INFERENCE) row->inference = 0;
    model_columns(&f, &flags);
    id_columns(&f);
    row->state = literal(sp_state_name(v->state));
    fact_columns(&f);
    row->rule = v->rule;
    if (v->confidence >= 0) row->confidence = literal(sp_basis_names[v->confidence]);
    if (v->missing.n) row->missing = v->missing;
    hash_columns(&f);
    if (in->format) row->format = sp_rules_text(r, in->format->e.id);
    row->grade = literal(sp_grade_names[in->in->grade]);
    row->body_state = literal(sp_body_state_names[in->in->body]);
    if (in->body_text.p) row->payload_bytes = (int64_t)in->body_text.n;
    row->status = in->in->status;
    SP_TRY(evidence_rows(&f, &flags));
    row->flags = flag_names(&f, flags);
    if (f.status != SP_OK) return f.status;
    d->classified[v->state]++;
    count_in(d, in->in);
    return put_row(d, row, NULL, (sp_view){0});
}

sp_status sp_row_reject(sp_reader *d, const sp_line *line, const sp_diagnosis *x, const char *pointer, size_t pointer_n) {
    sp_row_in in = {.line = line};
    fill f = {.d = d, .in = &in};
    place_columns(&f);
    sp_status why = x ? x->status : line->reject;
    char *p = (char *)room(&f, 768);
    if (!p || f.status != SP_OK) return SP_ERR_NOMEM; /* a row without uid is none */
    size_t offset = x                                      ? x->pos
                    : line->reject == SP_ERR_LINE_TOO_LONG ? d->rules->limits.max_line_bytes
                    : line->length                         ? line->length
                                                           : line->text.n;
    int n = snprintf(p, 768, "%s at byte %zu (column %zu): expected %s%s%.*s", sp_status_code(why), offset, offset + 1,
                     x && x->expected ? x->expected : sp_status_expected(why), pointer_n ? ", in " : "", (int)pointer_n,
                     pointer ? pointer : "");
    f.row.error = (sp_view){(uint8_t *)p, n < 768 ? (size_t)n : 767};
    f.row.flags = (sp_cell_STRS){NULL, 0};
    d->rejected[why]++;
    return put_row(d, &f.row, x, (sp_view){(const uint8_t *)pointer, pointer_n});
}

static int known_name(void *ctx, sp_view name) { return sp_rules_find(ctx, name) != 0; }

sp_status sp_row_diagnose(sp_reader *d, const sp_line *line, int as_line, sp_diagnosis *out, char *pointer, size_t cap, size_t *pointer_n) {
    sp_diagnosis x;
    char own[256];
    size_t n = 0;
    if (!pointer) pointer = own, cap = sizeof own;
    SP_TRY(sp_diagnose(line->text, as_line, &d->rules->limits, &d->arena, &x, known_name, (void *)(uintptr_t)d->rules, pointer, cap, &n));
    if (x.status == SP_OK) x = (sp_diagnosis){SP_ERR_INTERNAL, 0, sp_status_expected(SP_ERR_INTERNAL), 1, 1};
    if (out) *out = x;
    if (pointer_n) *pointer_n = n;
    return sp_row_reject(d, line, &x, pointer, n);
}
