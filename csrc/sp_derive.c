#include "sp_derive.h"

#include <stdlib.h>

#include "sp_print.h"

static int by_value(const void *x, const void *y) {
    uint64_t a = *(const uint64_t *)x, c = *(const uint64_t *)y;
    return a < c ? -1 : a > c;
}

static void endpoints_on(sp_build *b) {
    sp_rules *r = b->r;
    uint32_t *found = sp_arena_get(&r->arena, (r->endpoints.n + 1) * sizeof *found);
    r->endpoints_on = sp_arena_get(&r->arena, r->names.n * sizeof *r->endpoints_on);
    if (!found || !r->endpoints_on) {
        sp_build_nomem(b);
        return;
    }
    uint32_t general = 0;
    for (uint32_t i = 0; i < r->endpoints.n; i++)
        if (r->endpoints.v[i].on.n == 0) found[general++] = i;
    sp_list everybody = sp_build_words(b, found, general);
    for (uint32_t name = 0; name < r->names.n; name++) r->endpoints_on[name] = everybody;
    for (uint32_t e = 0; e < r->endpoints.n && SP_BUILD_OK(b); e++)
        for (uint32_t k = 0; k < r->endpoints.v[e].on.n; k++) {
            sp_name name = r->words.v[r->endpoints.v[e].on.at + k];
            if (r->endpoints_on[name].at != everybody.at || r->endpoints_on[name].n != everybody.n) continue;
            uint32_t n = 0;
            for (uint32_t i = e; i < r->endpoints.n; i++)
                if (r->endpoints.v[i].on.n && spi_in_names(r, r->endpoints.v[i].on.at, r->endpoints.v[i].on.n, name)) found[n++] = i;
            for (uint32_t i = 0; i < general; i++) found[n++] = r->words.v[everybody.at + i];
            r->endpoints_on[name] = sp_build_words(b, found, n);
        }
}

static void header_hosts(sp_build *b) {
    sp_rules *r = b->r;
    uint32_t n = 0, *found = sp_arena_get(&r->arena, (r->hosts.n + 1) * sizeof *found);
    for (uint32_t i = 0; found && i < r->hosts.n; i++)
        if (r->hosts.v[i].by_header) found[n++] = i;
    if (found) r->header_hosts = sp_build_words(b, found, n);
    else sp_build_nomem(b);
}

static void layout_parts(sp_build *b) {
    sp_rules *r = b->r;
    uint8_t *direct = sp_arena_get(&r->arena, r->nodes.n);
    for (uint32_t i = 0; i < r->layouts.n; i++) {
        sp_layout *l = &r->layouts.v[i];
        uint8_t *parts = sp_arena_get(&r->arena, r->nodes.n);
        if (!parts || !direct) {
            sp_build_nomem(b);
            return;
        }
        memset(direct, 0, r->nodes.n);
        for (uint32_t k = 0; k < l->context.n; k++) direct[r->words.v[l->context.at + k]] |= SP_PART_CONTEXT;
        for (uint32_t k = 0; k < l->turns.n; k++) {
            direct[r->turns.v[l->turns.at + k].element] |= SP_PART_ELEMENT;
            direct[r->turns.v[l->turns.at + k].node] |= SP_PART_WHOLE;
        }
        for (uint32_t k = 0; k < l->replies.n; k++) direct[r->replies.v[l->replies.at + k].node] |= SP_PART_REPLY;
        direct[SP_NODE_DEAD] = 0;
        memcpy(parts, direct, r->nodes.n);
        for (uint32_t node = 1; node < r->nodes.n; node++)
            for (uint32_t k = r->node_also.v[node]; k; k = r->also.v[k].next) parts[node] |= direct[r->also.v[k].node];
        l->parts = parts;
    }
}

static int by_time(const void *x, const void *y) {
    int64_t a = *(const int64_t *)x, c = *(const int64_t *)y;
    return a < c ? -1 : a > c;
}

static void eras(sp_build *b) {
    sp_rules *r = b->r;
#define PERIOD(x)                                                   \
    do {                                                            \
        if ((x).from != INT64_MIN) SP_PUSH(b, r->eras, (x).from);   \
        if ((x).until != INT64_MAX) SP_PUSH(b, r->eras, (x).until); \
    } while (0)
    for (uint32_t i = 0; i < r->hosts.n; i++) PERIOD(r->hosts.v[i]);
    for (uint32_t i = 0; i < r->endpoints.n; i++) PERIOD(r->endpoints.v[i]);
    for (uint32_t i = 0; i < r->shapes.n; i++) PERIOD(r->shapes.v[i]);
    for (uint32_t i = 0; i < r->markers.n; i++) PERIOD(r->markers.v[i]);
    for (uint32_t i = 0; i < r->overrides.n; i++) PERIOD(r->overrides.v[i]);
#undef PERIOD
    if (r->eras.n) qsort(r->eras.v, r->eras.n, sizeof *r->eras.v, by_time);
}

/* The names that decide: members of the payload that a marker of a reading or writing fact looks at. */
static void near_names(sp_build *b) {
    sp_rules *r = b->r;
    for (uint32_t i = 0; i < r->markers.n && SP_BUILD_OK(b); i++) {
        const sp_marker *m = &r->markers.v[i];
        int decides = m->denies.n > 0;
        for (uint32_t f = 0; f < m->facts.n; f++)
            decides |= sp_has_fact(&r->fact_effect[SP_READ], r->words.v[m->facts.at + f]) ||
                       sp_has_fact(&r->fact_effect[SP_WRITE], r->words.v[m->facts.at + f]);
        if (!decides || !m->node || r->nodes.v[m->node].parent != SP_ROOT_BODY || !r->nodes.v[m->node].name.p) continue;
        uint8_t skeleton[512];
        sp_view name = r->nodes.v[m->node].name;
        size_t n = sp_near_skeleton(name.p, name.n, skeleton);
        if (name.n < 4) continue; /* shorter names have too many neighbours */
        SP_PUSH(b, r->near, sp_x64(skeleton, n));
    }
    if (r->near.n) qsort(r->near.v, r->near.n, sizeof *r->near.v, by_value);
}

static void flag_list(sp_rules *r, sp_list nodes, unsigned flag) {
    for (uint32_t i = 0; i < nodes.n; i++) r->nodes.v[r->words.v[nodes.at + i]].flags |= (uint16_t)flag;
}

static void flag_node(sp_rules *r, uint32_t node, unsigned flag) { r->nodes.v[node].flags |= (uint16_t)flag; }

static void flag_operation(sp_rules *r, const sp_operation *o) {
    flag_list(r, o->model, SP_NODE_VALUE);
    for (int i = 0; i < SP_ID_COUNT; i++) flag_list(r, o->ids[i], SP_NODE_VALUE);
}

static void flag_request(sp_rules *r, const sp_request *q) {
    flag_node(r, q->method_node, SP_NODE_VALUE);
    flag_list(r, q->url_nodes, SP_NODE_VALUE);
}

/* Where more than the outcome of tests is asked for, so that a mark has to be a mark of its own. */
static void asked_nodes(sp_build *b) {
    sp_rules *r = b->r;
    for (uint32_t i = 0; i < r->endpoints.n; i++) flag_operation(r, &r->endpoints.v[i]);
    for (uint32_t i = 0; i < r->shapes.n; i++) flag_operation(r, &r->shapes.v[i]);
    for (int i = 0; i < SP_ID_COUNT; i++) flag_list(r, r->default_ids[i], SP_NODE_VALUE);
    flag_list(r, r->response_models, SP_NODE_VALUE);
    for (uint32_t i = 0; i < r->asks.n; i++) flag_request(r, &r->asks.v[i].request);
    for (uint32_t i = 0; i < r->formats.n; i++) {
        for (int k = 0; k < SP_ID_COUNT; k++) flag_list(r, r->formats.v[i].ids[k], SP_NODE_VALUE);
        flag_list(r, r->formats.v[i].model, SP_NODE_VALUE);
    }
    for (uint32_t i = 0; i < r->wrappers.n; i++) {
        const sp_wrapper *w = &r->wrappers.v[i];
        for (int k = 0; k < SP_INNER_COUNT; k++) flag_list(r, w->inner[k], SP_NODE_VALUE);
        flag_request(r, &w->request);
    }
    for (uint32_t i = 0; i < r->layouts.n; i++) {
        const sp_layout *l = &r->layouts.v[i];
        flag_node(r, l->tools, SP_NODE_VALUE);
        flag_list(r, l->context, SP_NODE_VALUE);
        for (uint32_t k = 0; k < l->turns.n; k++) {
            flag_node(r, r->turns.v[l->turns.at + k].node, SP_NODE_TURN);
            flag_node(r, r->turns.v[l->turns.at + k].element, SP_NODE_TURN);
        }
    }
    for (uint32_t node = 1; node < r->nodes.n; node++)
        for (uint32_t k = r->node_also.v[node]; k; k = r->also.v[k].next)
            flag_node(r, node, r->nodes.v[r->also.v[k].node].flags & (SP_NODE_VALUE | SP_NODE_TURN));
    r->nodes.v[SP_NODE_DEAD].flags = 0;
}

/* Nodes that rules look at, and those whose tests look at more than the form of a value. */
static void looked_at_nodes(sp_build *b) {
    sp_rules *r = b->r;
    for (uint32_t node = 1; node < r->nodes.n; node++)
        if (r->node_tests.v[node] || r->node_eaches.v[node] || r->node_also.v[node]) flag_node(r, node, SP_NODE_LOOK);
    for (uint32_t node = 1; node < r->nodes.n; node++)
        for (uint32_t k = r->node_tests.v[node]; k; k = r->tests.v[k].next)
            if (r->tests.v[k].match != SP_MATCH_FORM) flag_node(r, node, SP_NODE_TEXTS);
}

/* A bit without which the condition can't hold, or 0: most conditions fail at one look. */
static uint32_t gate_of(const sp_rules *r, sp_cond c) {
    uint32_t stack[64], n = 0;
    for (uint32_t i = 0; i < c.n; i++) {
        sp_op_code o = r->code.v[c.at + i];
        if (o.op == SP_OP_NOT) stack[n - 1] = 0;
        else if (o.op == SP_OP_AND || o.op == SP_OP_OR) {
            uint32_t top = stack[--n], under = stack[n - 1];
            stack[n - 1] = o.op == SP_OP_AND ? (under ? under : top) : under == top ? top : 0;
        } else stack[n++] = o.op == SP_OP_BIT ? o.arg : 0;
    }
    return n ? stack[n - 1] : 0;
}

static void gates(sp_build *b) {
    sp_rules *r = b->r;
    for (uint32_t i = 0; i < r->asks.n; i++) r->asks.v[i].when.gate = gate_of(r, r->asks.v[i].when);
    for (uint32_t i = 0; i < r->body_states.n; i++) r->body_states.v[i].when.gate = gate_of(r, r->body_states.v[i].when);
    for (uint32_t i = 0; i < r->passes.n; i++) r->passes.v[i].when.gate = gate_of(r, r->passes.v[i].when);
    for (uint32_t i = 0; i < r->grades.n; i++) r->grades.v[i].when.gate = gate_of(r, r->grades.v[i].when);
    for (uint32_t i = 0; i < r->signatures.n; i++) r->signatures.v[i].gate = gate_of(r, r->signatures.v[i]);
    for (uint32_t i = 0; i < r->wrappers.n; i++) r->wrappers.v[i].when.gate = gate_of(r, r->wrappers.v[i].when);
    for (uint32_t i = 0; i < r->body_rules.n; i++) r->body_rules.v[i].when.gate = gate_of(r, r->body_rules.v[i].when);
    for (uint32_t i = 0; i < r->endpoints.n; i++) r->endpoints.v[i].when.gate = gate_of(r, r->endpoints.v[i].when);
    for (uint32_t i = 0; i < r->shapes.n; i++) r->shapes.v[i].when.gate = gate_of(r, r->shapes.v[i].when);
    for (uint32_t i = 0; i < r->hosts.n; i++) r->hosts.v[i].headers.gate = gate_of(r, r->hosts.v[i].headers);
    for (uint32_t i = 0; i < r->markers.n; i++) r->markers.v[i].when.gate = gate_of(r, r->markers.v[i].when);
    for (uint32_t i = 0; i < r->likes.n; i++) r->likes.v[i].when.gate = gate_of(r, r->likes.v[i].when);
}

static void print_names(sp_build *b, sp_operation *o, uint32_t n) {
    for (uint32_t i = 0; i < n && SP_BUILD_OK(b); i++) {
        char *p = sp_arena_get(&b->r->arena, SP_PRINT_NAME);
        if (p) o[i].printed = (sp_view){(uint8_t *)p, sp_print_name(sp_rules_text(b->r, o[i].api), sp_rules_text(b->r, o[i].operation), p)};
        else sp_build_nomem(b);
    }
}

void sp_derive(sp_build *b) {
    print_names(b, b->r->endpoints.v, b->r->endpoints.n);
    print_names(b, b->r->shapes.v, b->r->shapes.n);
    near_names(b);
    eras(b);
    layout_parts(b);
    endpoints_on(b);
    header_hosts(b);
    asked_nodes(b);
    looked_at_nodes(b);
    gates(b);
}
