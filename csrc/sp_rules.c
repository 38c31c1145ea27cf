#include "sp_rules.h"

#include <stdio.h>
#include <stdlib.h>

#include "sp_derive.h"
#include "sp_diagnose.h"
#include "sp_ident.h"
#include "sp_pack.h"
#include "sp_time.h"

static void roots(sp_build *b) {
    static const uint16_t flags[SP_ROOT_COUNT] = {
        [SP_ROOT_BODY] = SP_NODE_MARK | SP_NODE_SCOPE | SP_NODE_HASH | SP_NODE_BODY | SP_NODE_NEAR,
        [SP_ROOT_RESPONSE] = SP_NODE_MARK | SP_NODE_SCOPE,
        [SP_ROOT_HEADERS] = SP_NODE_MARK | SP_NODE_FOLD,
        [SP_ROOT_RESPONSE_HEADERS] = SP_NODE_FOLD,
    };
    for (uint32_t i = 0; i < SP_ROOT_COUNT; i++) sp_build_node(b, (sp_node){.flags = flags[i]});
    if (!SP_BUILD_OK(b)) return;
    b->r->node_roles.v[SP_ROOT_BODY] = SP_ROLE_AT(SP_ROLE_BODY, 0);
    b->r->node_roles.v[SP_ROOT_RESPONSE] = SP_ROLE_AT(SP_ROLE_RESPONSE, 0);
    b->r->node_roles.v[SP_ROOT_HEADERS] = SP_ROLE_AT(SP_ROLE_HEADERS, 0);
    b->r->node_roles.v[SP_ROOT_RESPONSE_HEADERS] = SP_ROLE_AT(SP_ROLE_RESPONSE_HEADERS, 0);
}

static void lens(sp_build *b, const sp_rules_options *o) {
    sp_rules *r = b->r;
    for (int pass = 0; pass < 2 && SP_BUILD_OK(b); pass++) {
        const sp_view *list = pass ? o->lens_exempts : o->lens_counts;
        size_t n = pass ? o->lens_exempts_n : o->lens_counts_n;
        for (size_t i = 0; i < n && SP_BUILD_OK(b); i++) {
            sp_view t = list[i];
            int found = 0, effect = 0;
            while (effect < SP_EFFECT_COUNT && !(strlen(sp_effect_names[effect]) == t.n && memcmp(sp_effect_names[effect], t.p, t.n) == 0))
                effect++;
            for (uint32_t f = 0; f < r->facts.n; f++) {
                sp_view name = sp_rules_text(r, r->facts.v[f]);
                int hit = effect < SP_EFFECT_COUNT     ? sp_has_fact(&r->fact_effect[effect], f)
                          : t.n && t.p[t.n - 1] == '*' ? name.n >= t.n - 1 && memcmp(name.p, t.p, t.n - 1) == 0
                                                       : sp_view_eq(name, t);
                if (!hit) continue;
                found = 1;
                if (pass) r->lens.w[f >> 6] &= ~((uint64_t)1 << (f & 63));
                else sp_set_fact(&r->lens, f);
            }
            if (!found && effect == SP_EFFECT_COUNT) {
                b->file = "lens", b->text = (sp_view){0};
                sp_build_bad(b, "expected an effect, a fact, or the beginning of facts with *", t);
            }
        }
    }
}

static void effects(sp_build *b) {
    sp_rules *r = b->r;
    r->fact_effects = sp_arena_get(&r->arena, r->facts.n + 1);
    if (!r->fact_effects) sp_build_nomem(b);
    for (uint32_t f = 0; f < r->facts.n && SP_BUILD_OK(b); f++)
        for (int e = 0; e < SP_EFFECT_COUNT; e++)
            if (sp_has_fact(&r->fact_effect[e], f)) r->fact_effects[f] = (uint8_t)e;
}

static void versions(sp_build *b, const sp_rules_options *o) {
    sp_rules *r = b->r;
    sp_digest all = {{0}};
    for (size_t i = 0; i < o->pack_count + 1; i++) {
        sp_view t = i < o->pack_count ? o->packs[i].text : o->context;
        sp_digest two[2] = {all, sp_x128(t.p, t.n)};
        all = sp_x128(two, sizeof two);
    }
    memcpy(r->digest, all.b, 16);
    uint8_t *p = sp_arena_get(&r->arena, o->versions.n + 32);
    if (!p) {
        sp_build_nomem(b);
        return;
    }
    if (o->versions.n) memcpy(p, o->versions.p, o->versions.n);
    memcpy(p + o->versions.n, "+", 1);
    sp_hex(r->digest, 6, (char *)p + o->versions.n + 1);
    r->versions = (sp_view){p, o->versions.n + 13};
}

/* The project's own reader says what JSON is; what it does not accept is told by the slow one, which knows places. */
static sp_status accepts(const sp_rules *r, sp_view text, const sp_limits *limits) {
    static const sp_node dead = {0};
    const sp_trie nothing = {.nodes = &dead, .node_count = 1};
    sp_scan scan;
    sp_scan_init(&scan, r->alloc, limits);
    scan.kernel = r->kernel;
    sp_status st = sp_scan_text(&scan, text, &nothing, SP_NODE_DEAD, SP_NO_MARK);
    sp_scan_fini(&scan);
    return st;
}

static void refuse(sp_build *b, sp_view text, const sp_limits *limits) {
    sp_diagnosis d;
    size_t n = 0;
    sp_arena scratch;
    sp_arena_init(&scratch, b->r->alloc);
    sp_status st = sp_diagnose(text, 0, limits, &scratch, &d, NULL, NULL, NULL, 0, &n);
    sp_arena_fini(&scratch);
    if (st != SP_OK) sp_build_nomem(b);
    else {
        b->status = SP_ERR_SYNTAX;
        b->err->code = "syntax";
        snprintf(b->err->file, sizeof b->err->file, "%s", b->file);
        b->err->line = d.line, b->err->column = d.column;
        snprintf(b->err->message, sizeof b->err->message, "expected %s", d.expected);
    }
}

/* The tree of a pack without its examples, which are half of it and nothing to the core. */
static sp_value *load(sp_build *b, const char *file, sp_view text) {
    sp_limits limits; /* those of the engine are for payloads */
    sp_value *v = NULL;
    b->file = file;
    b->text = text;
    sp_build_back(b, 0);
    if (!SP_BUILD_OK(b)) return NULL;
    sp_status st = accepts(b->r, text, sp_limits_default(&limits));
    if (st == SP_ERR_NOMEM) sp_build_nomem(b);
    else if (st != SP_OK) refuse(b, text, &limits);
    uint8_t *lean = SP_BUILD_OK(b) ? b->r->alloc->resize(b->r->alloc->ctx, NULL, text.n) : NULL;
    if (!lean) sp_build_nomem(b);
    if (SP_BUILD_OK(b)) st = sp_json_load((sp_view){lean, sp_leave_out(text, SP_VIEW("examples"), lean)}, &v);
    if (st == SP_ERR_NOMEM) sp_build_nomem(b);
    else if (st != SP_OK) sp_build_bad(b, "expected JSON without repeated names, lone surrogates and numbers beyond 64 bits", (sp_view){0});
    if (lean) sp_release(b->r->alloc, lean);
    return v;
}

static void build_all(sp_build *b, const sp_rules_options *o, sp_value **trees) {
    sp_rules *r = b->r;
    roots(b);
    sp_build_back(b, 0);
    for (size_t i = 0; i < o->pack_count && SP_BUILD_OK(b); i++) {
        trees[i] = load(b, o->packs[i].name, o->packs[i].text);
        if (trees[i]) sp_pack_declare(b, trees[i]);
    }
    if (o->context.p && SP_BUILD_OK(b)) {
        sp_value *context = load(b, "context", o->context);
        if (context) sp_pack_context(b, context);
        sp_json_free(context);
    }
    for (size_t i = 0; i < o->pack_count && SP_BUILD_OK(b); i++) {
        b->file = o->packs[i].name;
        b->text = o->packs[i].text;
        sp_build_back(b, 0);
        sp_pack_read(b, trees[i]);
    }
    if (SP_BUILD_OK(b)) sp_pack_last_format(b);
    if (SP_BUILD_OK(b)) sp_pack_link(b);
    if (SP_BUILD_OK(b)) sp_build_seal(b);
    if (SP_BUILD_OK(b)) sp_derive(b);
    if (SP_BUILD_OK(b)) effects(b);
    if (SP_BUILD_OK(b)) lens(b, o);
    if (SP_BUILD_OK(b)) versions(b, o);
    r->trie = (sp_trie){r->nodes.v, r->nodes.n, r->edges, r->trie.edge_mask, r->near.v, r->near.n};
}

static const char *bad_limit(const sp_limits *l) {
#define X(field, dflt, hard, why) \
    if (l->field < sp_limit_least(offsetof(sp_limits, field)) || l->field > (size_t)(hard)) return #field;
    SP_LIMITS(X)
#undef X
    return NULL;
}

sp_status sp_rules_new(const sp_alloc *a, const sp_rules_options *o, sp_rules **out, sp_rules_error *err) {
    *out = NULL;
    memset(err, 0, sizeof *err);
    err->code = "ok";
    sp_rules *r = a->resize(a->ctx, NULL, sizeof *r);
    sp_value **trees = a->resize(a->ctx, NULL, (o->pack_count + 1) * sizeof *trees);
    sp_build *b = a->resize(a->ctx, NULL, sizeof *b);
    sp_status status = SP_ERR_NOMEM;
    if (r) {
        memset(r, 0, sizeof *r);
        r->alloc = a;
        sp_arena_init(&r->arena, a);
    }
    if (!r || !trees || !b) goto out;
    memset(trees, 0, (o->pack_count + 1) * sizeof *trees);
    memset(b, 0, sizeof *b);
    b->r = r;
    b->err = err;
    r->limits = o->limits;
    r->kernel = o->kernel ? o->kernel : sp_kernel_best();
    r->keyed = o->key != NULL;
    if (o->key) memcpy(r->key, o->key, 16);
    memcpy(r->tag_key, o->tag_key ? o->tag_key : sp_ident_public_key, 16);
    r->tags = (uint8_t)(o->tags != 0);
    r->with_text = (uint8_t)(o->with_text != 0);
    const char *limit = bad_limit(&o->limits);
    if (limit) {
        b->status = SP_ERR_INTERNAL;
        err->code = "limit";
        snprintf(err->message, sizeof err->message, "%s: expected a number up to its hard maximum", limit);
    } else build_all(b, o, trees);
    status = b->status;
    for (size_t i = 0; i < o->pack_count; i++) sp_json_free(trees[i]);
out:
    if (status == SP_ERR_NOMEM) err->code = "out_of_memory";
    if (status != SP_OK) sp_rules_free(r);
    else *out = r;
    if (trees) sp_release(a, trees);
    if (b) sp_release(a, b);
    return status;
}

void sp_rules_free(sp_rules *r) {
    if (!r) return;
    const sp_alloc *a = r->alloc;
    void *all[] = {r->nodes.v,      r->node_tests.v, r->node_eaches.v, r->node_roles.v, r->node_also.v, r->also.v,        r->edges,
                   r->names.v,      r->name_slots,   r->words.v,       r->tests.v,      r->eaches.v,    r->code.v,        r->segments.v,
                   r->patterns.v,   r->facts.v,      r->sets.v,        r->hosts.v,      r->rewrites.v,  r->endpoints.v,   r->shapes.v,
                   r->markers.v,    r->overrides.v,  r->turns.v,       r->replies.v,    r->layouts.v,   r->models.v,      r->aliases.v,
                   r->wrappers.v,   r->likes.v,      r->body_rules.v,  r->formats.v,    r->asks.v,      r->body_states.v, r->passes.v,
                   r->signatures.v, r->pack_notes.v, r->near.v,        r->eras.v,       r->grades.v};
    for (size_t i = 0; i < sizeof all / sizeof *all; i++)
        if (all[i]) sp_release(a, all[i]);
    sp_arena_fini(&r->arena);
    sp_release(a, r);
}

const sp_limits *sp_rules_limits(const sp_rules *r) { return &r->limits; }

const char *sp_rules_pass(const sp_rules *r, size_t i) {
    return i < r->passes.n ? (const char *)sp_rules_text(r, r->passes.v[i].why).p : NULL;
}

const sp_kernel *sp_rules_kernel(const sp_rules *r) { return r->kernel; }

void sp_rules_digest(const sp_rules *r, char hex[32]) { sp_hex(r->digest, 16, hex); }

/* ---- description -------------------------------------------------------------------------------------------------------------------- */

const char *const sp_place_names[] = {"payload", "response", "header", "response header", "query", "url"};

sp_place sp_node_place(const sp_rules *r, uint32_t node) {
    while (node >= SP_ROOT_COUNT) node = r->nodes.v[node].parent;
    static const sp_place places[SP_ROOT_COUNT] = {
        [SP_ROOT_BODY] = SP_PLACE_PAYLOAD,   [SP_ROOT_RESPONSE] = SP_PLACE_RESPONSE,
        [SP_ROOT_HEADERS] = SP_PLACE_HEADER, [SP_ROOT_RESPONSE_HEADERS] = SP_PLACE_RESPONSE_HEADER,
        [SP_ROOT_QUERY] = SP_PLACE_QUERY,    [SP_ROOT_PATH] = SP_PLACE_URL};
    return places[node];
}

size_t sp_node_pointer(const sp_rules *r, uint32_t node, const sp_mark *mark, char *out, size_t cap) {
    uint32_t path[64], n = 0;
    size_t len = 0;
    sp_place place = sp_node_place(r, node);
    int plain = place != SP_PLACE_PAYLOAD && place != SP_PLACE_RESPONSE;
    for (; node >= SP_ROOT_COUNT && n < 64; node = r->nodes.v[node].parent) path[n++] = node;
    while (n--) {
        const sp_node *nd = &r->nodes.v[path[n]];
        char digits[16];
        sp_view name = nd->name;
        if (!name.p) {
            int d = mark && nd->stars ? snprintf(digits, sizeof digits, "%u", mark->index[nd->stars - 1])
                                      : snprintf(digits, sizeof digits, "*");
            name = (sp_view){(const uint8_t *)digits, (size_t)d};
        }
        if (len + 2 * name.n + 2 > cap) break;
        if (!plain || len) out[len++] = '/';
        for (size_t i = 0; i < name.n; i++) {
            uint8_t c = name.p[i];
            if (!plain && (c == '~' || c == '/')) out[len++] = '~', c = c == '~' ? '0' : '1';
            out[len++] = (char)c;
        }
    }
    return len;
}

static int describe_entry(const sp_rules *r, sp_value *list, const char *kind, const sp_entry *e, const sp_operation *op, sp_list facts) {
    sp_value *o = sp_json_object();
    int bad = 0;
    bad |= sp_json_put_text(o, "kind", (sp_view){(const uint8_t *)kind, strlen(kind)});
    bad |= sp_json_put_text(o, "id", sp_rules_text(r, e->id));
    bad |= sp_json_put_text(o, "pack", sp_rules_text(r, e->pack));
    bad |= sp_json_put_text(o, "source", sp_rules_text(r, e->source));
    if (e->unverified) bad |= sp_json_put_int(o, "unverified", 1);
    if (op && op->inferred) bad |= sp_json_put_int(o, "inferred", 1);
    if (op) bad |= sp_json_put_text(o, "api", sp_rules_text(r, op->api));
    if (op) bad |= sp_json_put_text(o, "operation", sp_rules_text(r, op->operation));
    if (facts.n) {
        sp_value *names = sp_json_list();
        for (uint32_t i = 0; i < facts.n; i++) {
            sp_value *one = sp_json_object();
            bad |= sp_json_put_text(one, "fact", sp_rules_text(r, r->facts.v[r->words.v[facts.at + i]]));
            bad |= sp_json_push(names, one);
        }
        bad |= sp_json_put(o, "facts", names);
    }
    return bad | sp_json_push(list, o);
}

sp_status sp_rules_describe(const sp_rules *r, char **text, size_t *n) {
    static const sp_list none = {0, 0};
    sp_value *root = sp_json_object(), *entries = sp_json_list(), *packs = sp_json_list(), *facts = sp_json_list();
    int bad = 0; /* something is missing */
    for (uint32_t i = 0; i + 1 < r->pack_notes.n; i += 2) {
        sp_value *p = sp_json_object();
        bad |= sp_json_put_text(p, "pack", r->pack_notes.v[i]);
        bad |= sp_json_put_text(p, "version", r->pack_notes.v[i + 1]);
        bad |= sp_json_push(packs, p);
    }
    for (uint32_t i = 0; i < r->facts.n; i++) {
        sp_value *f = sp_json_object();
        bad |= sp_json_put_text(f, "fact", sp_rules_text(r, r->facts.v[i]));
        bad |= sp_json_put_int(f, "counts", sp_has_fact(&r->lens, i));
        bad |= sp_json_push(facts, f);
    }
    for (uint32_t i = 0; i + 1 < r->formats.n; i++) bad |= describe_entry(r, entries, "format", &r->formats.v[i].e, NULL, none);
    for (uint32_t i = 0; i < r->hosts.n; i++) bad |= describe_entry(r, entries, "host", &r->hosts.v[i].e, NULL, none);
    for (uint32_t i = 0; i < r->rewrites.n; i++) bad |= describe_entry(r, entries, "rewrite", &r->rewrites.v[i].e, NULL, none);
    for (uint32_t i = 0; i < r->endpoints.n; i++)
        bad |= describe_entry(r, entries, "endpoint", &r->endpoints.v[i].e, &r->endpoints.v[i], r->endpoints.v[i].facts);
    for (uint32_t i = 0; i < r->shapes.n; i++)
        bad |= describe_entry(r, entries, "shape", &r->shapes.v[i].e, &r->shapes.v[i], r->shapes.v[i].facts);
    for (uint32_t i = 0; i < r->markers.n; i++)
        bad |= describe_entry(r, entries, "marker", &r->markers.v[i].e, NULL, r->markers.v[i].facts);
    for (uint32_t i = 0; i < r->overrides.n; i++) bad |= describe_entry(r, entries, "override", &r->overrides.v[i].e, NULL, none);
    for (uint32_t i = 0; i < r->layouts.n; i++) bad |= describe_entry(r, entries, "layout", &r->layouts.v[i].e, NULL, none);
    for (uint32_t i = 0; i < r->models.n; i++) bad |= describe_entry(r, entries, "model", &r->models.v[i].e, NULL, none);
    for (uint32_t i = 0; i < r->wrappers.n; i++) bad |= describe_entry(r, entries, "wrapper", &r->wrappers.v[i].e, NULL, none);
    for (uint32_t i = 0; i < r->likes.n; i++) bad |= describe_entry(r, entries, "inference_like", &r->likes.v[i].e, NULL, none);
    for (uint32_t i = 0; i < r->body_rules.n; i++) bad |= describe_entry(r, entries, "body", &r->body_rules.v[i].e, NULL, none);
    char hex[32];
    sp_rules_digest(r, hex);
    bad |= sp_json_put_text(root, "digest", (sp_view){(const uint8_t *)hex, 32});
    bad |= sp_json_put_text(root, "versions", r->versions);
    bad |= sp_json_put(root, "packs", packs);
    bad |= sp_json_put(root, "facts", facts);
    bad |= sp_json_put(root, "entries", entries);
    *text = bad ? NULL : sp_json_dump(r->alloc, root, n);
    sp_json_free(root);
    return *text ? SP_OK : SP_ERR_NOMEM;
}
