#include "sp_pack.h"

#include <stdio.h>
#include <stdlib.h>

#include "sp_time.h"

const char *const sp_effect_names[SP_EFFECT_COUNT] = {"read", "write", "manage", "retain", "reference", "cache", "replay", "label"};
const char *const sp_basis_names[] = {"explicit", "endpoint", "default", "inferred", "context"};

static const struct {
    const char *list, *keys; /* keys: what an entry may have, beside id, source, note, unverified, examples */
} kinds[SP_ENTRY_KINDS] = {
    [SP_FORMAT] = {"formats", "title grade signature lines fields frames requests places bodies pass_over grades markers ids model"},
    [SP_HOST] = {"hosts", "provider cloud match ports confidence headers family deployments from until"},
    [SP_REWRITE] = {"rewrites", "provider path to as"},
    [SP_ENDPOINT] = {"endpoints",
                     "api operation provider inference on method path when confidence facts sets layout body model ids from until"},
    [SP_SHAPE] = {"shapes", "api operation provider inference order when facts sets layout body model ids from until"},
    [SP_MARKER] =
        {"markers",
         "set at is in prefix has each where only when expects fact facts denies basis providers not_providers looks_at from until"},
    [SP_OVERRIDE] = {"overrides", "providers apis denies when from until"},
    [SP_LAYOUT] = {"layouts", "turns turn_content context context_roles response stream tools"},
    [SP_MODEL] = {"models", "family match not strip flags"},
    [SP_WRAPPER] = {"wrappers", "when body method url time status headers response response_headers"},
    [SP_LIKE] = {"inference_like", "when"},
    [SP_BODY_RULE] = {"bodies", "when texts state"},
    [SP_DEFAULTS] = {"defaults", "ids response_model"},
};
static const char *const id_names[SP_ID_COUNT] = {"previous_id", "conversation_id", "response_id",  "session_label",
                                                  "tokens_in",   "tokens_out",      "tokens_cached"};

static sp_view lit(const char *s) { return (sp_view){(const uint8_t *)s, strlen(s)}; }

int sp_pack_listed(const char *words, sp_view name) {
    for (const char *p = words; *p;) {
        size_t n = strcspn(p, " ");
        if (n == name.n && memcmp(p, name.p, n) == 0) return 1;
        p += n + (p[n] == ' ');
    }
    return 0;
}

/* Whether a list that holds n items has room for one more. */
static int fits(sp_build *b, uint32_t n, uint32_t most) {
    char msg[64];
    if (!SP_BUILD_OK(b) || n < most) return SP_BUILD_OK(b);
    snprintf(msg, sizeof msg, "expected a list of at most %u", (unsigned)most);
    sp_build_bad(b, msg, (sp_view){0});
    return 0;
}

sp_view sp_pack_member(sp_build *b, const sp_value *v, const char *key, int required) {
    const sp_value *m = sp_json_get(v, key);
    sp_view t = sp_json_text(m);
    if (m && !t.p) SP_AT_KEY(b, key, sp_build_bad(b, "expected a string", (sp_view){0}));
    else if (!m && required) {
        char msg[64] = "expected a member: ";
        strncat(msg, key, 40);
        sp_build_bad(b, msg, (sp_view){0});
    }
    return t;
}
static sp_name name_of(sp_build *b, const sp_value *v, const char *key, int required) {
    return sp_build_name(b, sp_pack_member(b, v, key, required));
}
static sp_list names_of(sp_build *b, const sp_value *v, const char *key) {
    sp_list l = {0, 0};
    SP_AT_KEY(b, key, l = sp_build_names(b, sp_json_get(v, key)));
    return l;
}
sp_cond sp_pack_cond(sp_build *b, const sp_value *v, const char *key) {
    sp_cond c = {.at = 0};
    b->body_absence = b->saw_response = 0;
    SP_AT_KEY(b, key, c = sp_build_cond(b, sp_json_get(v, key)));
    return c;
}
static int64_t time_of(sp_build *b, const sp_value *v, const char *key, int64_t otherwise) {
    sp_view t = sp_pack_member(b, v, key, 0);
    int64_t at = t.p ? sp_time_parse(t) : otherwise;
    if (at == INT64_MIN && t.p) SP_AT_KEY(b, key, sp_build_bad(b, "expected a time (RFC 3339)", t));
    return at;
}
static int bool_of(sp_build *b, const sp_value *v, const char *key) {
    const sp_value *m = sp_json_get(v, key);
    if (m && sp_json_kind(m) != SP_VALUE_BOOL) SP_AT_KEY(b, key, sp_build_bad(b, "expected true or false", (sp_view){0}));
    return sp_json_true(m);
}

static uint8_t inferred_of(sp_build *b, const sp_value *v) {
    sp_view t = sp_pack_member(b, v, "confidence", 0);
    if (t.p && !sp_view_eq(t, SP_VIEW("inferred"))) SP_AT_KEY(b, "confidence", sp_build_bad(b, "expected inferred", t));
    return t.p != NULL;
}

static uint32_t index_of_name(sp_build *b, sp_name name, sp_name *v, uint32_t n) {
    (void)b;
    for (uint32_t i = 0; i < n; i++)
        if (v[i] == name) return i;
    return UINT32_MAX;
}

static uint32_t fact_index(sp_build *b, sp_view name) {
    uint32_t i = index_of_name(b, sp_rules_find(b->r, name), b->r->facts.v, b->r->facts.n);
    if (i == UINT32_MAX) sp_build_bad(b, "expected a fact that `facts` of some pack declares", name);
    return i;
}

/* Facts by name, or by the beginning of names (`write.store*`). */
static sp_list facts_of(sp_build *b, const sp_value *v, const char *key, int globs) {
    sp_rules *r = b->r;
    sp_list names = names_of(b, v, key), out = {r->words.n, 0};
    size_t mark = sp_build_mark(b);
    sp_build_step(b, lit(key));
    for (uint32_t i = 0; i < names.n && SP_BUILD_OK(b); i++) {
        sp_view t = sp_rules_text(r, r->words.v[names.at + i]);
        uint32_t before = out.n;
        if (globs && t.n && t.p[t.n - 1] == '*') {
            for (uint32_t f = 0; f < r->facts.n; f++) {
                sp_view fact = sp_rules_text(r, r->facts.v[f]);
                if (fact.n >= t.n - 1 && memcmp(fact.p, t.p, t.n - 1) == 0) SP_PUSH(b, r->words, f), out.n++;
            }
            if (out.n == before) sp_build_bad(b, "expected the beginning of some declared fact", t);
        } else {
            uint32_t f = fact_index(b, t);
            SP_PUSH(b, r->words, f), out.n++;
        }
    }
    sp_build_back(b, mark);
    return out;
}

static void sets_of(sp_build *b, const sp_value *v, const char *key, uint64_t out[SP_SET_WORDS]) {
    sp_list l = names_of(b, v, key);
    for (uint32_t i = 0; i < l.n && SP_BUILD_OK(b); i++) {
        sp_name name = b->r->words.v[l.at + i];
        uint32_t k = index_of_name(b, name, b->r->sets.v, b->r->sets.n);
        if (k == UINT32_MAX) k = SP_PUSH(b, b->r->sets, name);
        if (k >= SP_SET_WORDS * 64) sp_build_bad(b, "expected at most 256 marker sets", (sp_view){0});
        else out[k >> 6] |= (uint64_t)1 << (k & 63);
    }
}

sp_list sp_pack_places(sp_build *b, const sp_value *list) {
    sp_rules *r = b->r;
    sp_list names = sp_build_names(b, list);
    uint32_t nodes[64], n = 0, root;
    for (uint32_t i = 0; i < names.n && fits(b, n, 64); i++)
        nodes[n++] = sp_build_place(b, sp_rules_text(r, r->words.v[names.at + i]), &root, SP_NODE_MARK);
    return sp_build_words(b, nodes, n);
}

void sp_pack_ids(sp_build *b, const sp_value *v, sp_list ids[SP_ID_COUNT]) {
    const sp_value *map = sp_json_get(v, "ids"), *list;
    sp_view name;
    void *it = NULL;
    size_t mark = sp_build_mark(b);
    sp_build_step(b, lit("ids"));
    while (map && SP_BUILD_OK(b) && sp_json_next(map, &it, &name, &list)) {
        int k = 0;
        while (k < SP_ID_COUNT && !sp_view_eq(name, lit(id_names[k]))) k++;
        if (k == SP_ID_COUNT) sp_build_bad(b, "expected previous_id, conversation_id, response_id, session_label or tokens_…", name);
        else ids[k] = sp_pack_places(b, list);
    }
    sp_build_back(b, mark);
}

static sp_entry entry_of(sp_build *b, const sp_value *v, sp_entry_kind kind, const sp_value *sources) {
    sp_entry e = {.kind = (uint32_t)kind, .pack = b->pack, .unverified = (uint8_t)bool_of(b, v, "unverified")};
    void *it = NULL;
    sp_view key;
    const sp_value *m;
    if (sp_json_kind(v) != SP_VALUE_OBJECT) sp_build_bad(b, "expected an object", (sp_view){0});
    while (SP_BUILD_OK(b) && sp_json_kind(v) == SP_VALUE_OBJECT && sp_json_next(v, &it, &key, &m))
        if (!sp_pack_listed("id source note unverified examples", key) && !sp_pack_listed(kinds[kind].keys, key)) {
            sp_build_step(b, key);
            sp_build_bad(b, "not a member of such an entry", key);
        }
    e.id = name_of(b, v, "id", 1);
    sp_view source = sp_pack_member(b, v, "source", 1);
    e.source = sp_build_name(b, source);
    const uint8_t *blank = source.p ? memchr(source.p, ' ', source.n) : NULL;
    sp_view tag = {source.p, blank ? (size_t)(blank - source.p) : source.n};
    char name[64] = "";
    if (tag.n && tag.n < sizeof name) memcpy(name, tag.p, tag.n); /* the rest is zero */
    if (!sp_json_get(sources, name) && SP_BUILD_OK(b)) SP_AT_KEY(b, "source", sp_build_bad(b, "expected a key of `sources`", tag));
    return e;
}

static int replaced(sp_build *b, const sp_entry *e, const sp_entry *have) {
    if (have->id != e->id) return 0;
    if (have->pack == e->pack) SP_AT_KEY(b, "id", sp_build_bad(b, "expected an id that the pack gives once", sp_rules_text(b->r, e->id)));
    return 1; /* a pack that is tried before gave this id another meaning */
}
#define REPLACED(b, vec, item)                                                                                      \
    ({                                                                                                              \
        int replaced_ = 0;                                                                                          \
        for (uint32_t i_ = 0; i_ < (vec).n && !replaced_; i_++) replaced_ = replaced(b, &(item).e, &(vec).v[i_].e); \
        replaced_;                                                                                                  \
    })
#define ADD(b, vec, item)                                                     \
    do {                                                                      \
        if (SP_BUILD_OK(b) && !REPLACED(b, vec, item)) SP_PUSH(b, vec, item); \
    } while (0)

static sp_list patterns_of(sp_build *b, const sp_value *v, const char *key) {
    sp_rules *r = b->r;
    sp_list names = names_of(b, v, key);
    uint32_t out[64], n = 0;
    size_t mark = sp_build_mark(b);
    sp_build_step(b, lit(key));
    for (uint32_t i = 0; i < names.n && SP_BUILD_OK(b); i++) {
        if (n == 64) sp_build_bad(b, "expected at most 64 paths", (sp_view){0});
        else out[n++] = sp_build_pattern(b, sp_rules_text(r, r->words.v[names.at + i]));
    }
    sp_build_back(b, mark);
    return sp_build_words(b, out, n);
}

/* ---- entries ---------------------------------------------------------------------------------------------------------------------- */

static void read_host(sp_build *b, const sp_value *v, sp_entry e) {
    const sp_value *ports = sp_json_get(v, "ports");
    uint32_t list[64], n = 0;
    sp_host h = {
        .e = e, .provider = name_of(b, v, "provider", 1), .cloud = name_of(b, v, "cloud", 1), .family = name_of(b, v, "family", 0)};
    h.match = names_of(b, v, "match");
    SP_AT_KEY(b, "ports",
              for (size_t i = 0; i < sp_json_size(ports) && fits(b, n, 64); i++) list[n++] = (uint32_t)sp_json_int(sp_json_at(ports, i)));
    h.ports = sp_build_words(b, list, n);
    h.by_header = sp_json_get(v, "headers") != NULL;
    h.headers = sp_pack_cond(b, v, "headers");
    h.inferred = inferred_of(b, v);
    h.deployments = (uint8_t)bool_of(b, v, "deployments");
    h.from = time_of(b, v, "from", INT64_MIN), h.until = time_of(b, v, "until", INT64_MAX);
    if (!h.by_header && h.match.n == 0) sp_build_bad(b, "expected `match` or `headers`", (sp_view){0});
    ADD(b, b->r->hosts, h);
}

static void read_rewrite(sp_build *b, const sp_value *v, sp_entry e) {
    sp_rewrite w = {.e = e, .providers = names_of(b, v, "provider"), .to = name_of(b, v, "to", 1), .as = name_of(b, v, "as", 1)};
    sp_view path = sp_pack_member(b, v, "path", 1);
    if (path.p) SP_AT_KEY(b, "path", w.path = sp_build_pattern(b, path));
    ADD(b, b->r->rewrites, w);
}

static int32_t layout_of(sp_build *b, const sp_value *v) {
    sp_view t = sp_pack_member(b, v, "layout", 0);
    sp_name name = t.p ? sp_rules_find(b->r, t) : 0;
    for (uint32_t i = 0; t.p && i < b->r->layouts.n; i++)
        if (b->r->layouts.v[i].e.id == name) return (int32_t)i;
    if (t.p) SP_AT_KEY(b, "layout", sp_build_bad(b, "expected the id of a layout", t));
    return -1;
}

static void read_operation(sp_build *b, const sp_value *v, sp_entry e) {
    sp_rules *r = b->r;
    sp_operation o = {
        .e = e, .api = name_of(b, v, "api", 1), .operation = name_of(b, v, "operation", 1), .provider = name_of(b, v, "provider", 0)};
    o.inference = (uint8_t)bool_of(b, v, "inference");
    o.inferred = inferred_of(b, v);
    o.on = names_of(b, v, "on");
    o.methods = names_of(b, v, "method");
    o.paths = patterns_of(b, v, "path");
    o.when = sp_pack_cond(b, v, "when");
    o.facts = facts_of(b, v, "facts", 0);
    sets_of(b, v, "sets", o.sets);
    o.layout = layout_of(b, v);
    sp_view body = sp_pack_member(b, v, "body", 0);
    static const char *const bodies[] = {"json", "form", "none"};
    if (body.p) {
        uint8_t k = 0;
        while (k < 3 && !sp_view_eq(body, lit(bodies[k]))) k++;
        if (k == 3) SP_AT_KEY(b, "body", sp_build_bad(b, "expected json, form or none", body));
        o.body = k;
    }
    static const uint8_t default_model[] = "body:/model";
    uint32_t root, node = 0;
    const sp_value *model = sp_json_get(v, "model");
    if (model) SP_AT_KEY(b, "model", o.model = sp_pack_places(b, model));
    else {
        node = sp_build_place(b, (sp_view){default_model, sizeof default_model - 1}, &root, SP_NODE_MARK);
        o.model = sp_build_words(b, &node, 1);
    }
    sp_pack_ids(b, v, o.ids);
    o.from = time_of(b, v, "from", INT64_MIN), o.until = time_of(b, v, "until", INT64_MAX);
    o.order = (int32_t)sp_json_int(sp_json_get(v, "order"));
    if (e.kind == SP_ENDPOINT && o.paths.n == 0) sp_build_bad(b, "expected a member: path", (sp_view){0});
    if (e.kind == SP_SHAPE && o.when.n == 0) sp_build_bad(b, "expected a member: when", (sp_view){0});
    if (e.kind == SP_ENDPOINT) ADD(b, r->endpoints, o);
    else ADD(b, r->shapes, o);
}

static void read_expects(sp_build *b, const sp_value *v, sp_marker *m) {
    const sp_value *expects = sp_json_get(v, "expects");
    int absent = 0;
    if (!expects) return;
    SP_AT_KEY(b, "expects", m->expects = sp_build_forms(b, expects, &absent));
    m->expects &= (uint16_t)~SP_FORM_BLANK; /* "" may be defined to mean that nothing is there; blanks and invisible characters are not */
    uint32_t root;
    uint32_t node = sp_build_place(b, sp_pack_member(b, v, "at", 1), &root, SP_NODE_MARK);
    m->mismatch = sp_build_test(b, node, (uint16_t)(SP_FORM_PRESENT & ~m->expects), SP_MATCH_FORM, (sp_list){0, 0});
}

static sp_marker marker_of(sp_build *b, const sp_value *v, sp_entry e) {
    static const char *const bases[] = {"explicit", "endpoint", "default", "inferred"};
    sp_marker m = {.e = e};
    m.when = sp_pack_cond(b, v, "when");
    m.response = sp_json_get(v, "at") == NULL && sp_json_get(v, "each") == NULL && b->saw_response;
    b->saw_response = 0;
    if (sp_json_get(v, "each")) {
        uint32_t each = sp_build_each(b, v, &m.node);
        m.bit = UINT32_MAX - each;
        m.response = (uint8_t)b->saw_response;
    } else if (sp_json_get(v, "at")) {
        uint16_t forms;
        int absent;
        sp_match match;
        sp_list texts;
        uint32_t root = 0;
        read_expects(b, v, &m);
        sp_build_match(b, v, &forms, &absent, &match, &texts);
        SP_AT_KEY(b, "at", m.node = sp_build_place(b, sp_pack_member(b, v, "at", 1), &root, SP_NODE_MARK));
        if (absent) sp_build_bad(b, "expected `absent` in `when`, not beside the `at` of a marker", (sp_view){0});
        if (m.expects && match == SP_MATCH_FORM) forms &= m.expects;
        if (m.expects & SP_FORM_EMPTY_TEXT && match == SP_MATCH_FORM) forms &= (uint16_t)~SP_FORM_EMPTY_TEXT;
        m.bit = sp_build_test(b, m.node, forms, match, texts);
        m.response = root == SP_ROOT_RESPONSE || root == SP_ROOT_RESPONSE_HEADERS;
    } else if (m.when.n == 0) sp_build_bad(b, "expected `at`, `each` or `when`", (sp_view){0});
    sp_list fact = facts_of(b, v, "fact", 0), facts = facts_of(b, v, "facts", 0);
    m.facts = fact.n ? fact : facts;
    m.denies = facts_of(b, v, "denies", 1);
    if (m.facts.n == 0 && m.denies.n == 0 && !m.expects) sp_build_bad(b, "expected `fact`, `facts` or `denies`", (sp_view){0});
    if (sp_json_get(v, "looks_at")) SP_AT_KEY(b, "looks_at", m.looks_at = sp_pack_places(b, sp_json_get(v, "looks_at")));
    m.providers = names_of(b, v, "providers");
    m.not_providers = names_of(b, v, "not_providers");
    sp_view basis = sp_pack_member(b, v, "basis", 0);
    while (basis.p && m.basis < 4 && !sp_view_eq(basis, lit(bases[m.basis]))) m.basis++;
    if (m.basis == 4) SP_AT_KEY(b, "basis", sp_build_bad(b, "expected explicit, endpoint, default or inferred", basis));
    m.from = time_of(b, v, "from", INT64_MIN), m.until = time_of(b, v, "until", INT64_MAX);
    return m;
}

static void read_marker(sp_build *b, const sp_value *v, sp_entry e) {
    sp_marker m = marker_of(b, v, e);
    sets_of(b, v, "set", m.sets);
    ADD(b, b->r->markers, m);
}

sp_list sp_pack_markers(sp_build *b, const sp_value *list, const sp_value *sources) {
    uint32_t found[SP_READER_MARKERS], n = 0;
    for (size_t i = 0; i < sp_json_size(list) && SP_BUILD_OK(b); i++) {
        size_t mark = sp_build_mark(b);
        sp_build_step_n(b, i);
        sp_entry e = entry_of(b, sp_json_at(list, i), SP_MARKER, sources);
        if (n == SP_READER_MARKERS) sp_build_bad(b, "expected fewer markers in a reader", (sp_view){0});
        if (SP_BUILD_OK(b)) found[n++] = SP_PUSH(b, b->r->markers, marker_of(b, sp_json_at(list, i), e));
        if (SP_BUILD_OK(b)) sp_build_back(b, mark);
    }
    return sp_build_words(b, found, n);
}

static void read_override(sp_build *b, const sp_value *v, sp_entry e) {
    sp_override o = {.e = e, .providers = names_of(b, v, "providers"), .apis = names_of(b, v, "apis"), .when = sp_pack_cond(b, v, "when")};
    o.denies = facts_of(b, v, "denies", 1);
    o.from = time_of(b, v, "from", INT64_MIN), o.until = time_of(b, v, "until", INT64_MAX);
    if (o.denies.n == 0) sp_build_bad(b, "expected a member: denies", (sp_view){0});
    ADD(b, b->r->overrides, o);
}

static sp_list below(sp_build *b, uint32_t node, sp_list names) {
    uint32_t nodes[16], n = 0;
    for (uint32_t i = 0; i < names.n && fits(b, n, 16); i++) {
        nodes[n] = sp_build_child(b, node, sp_rules_text(b->r, b->r->words.v[names.at + i]));
        if (SP_BUILD_OK(b)) b->r->nodes.v[nodes[n++]].flags |= SP_NODE_MARK;
    }
    return sp_build_words(b, nodes, n);
}

static uint32_t marked_child(sp_build *b, uint32_t node, sp_view name, unsigned flags) {
    uint32_t c = sp_build_child(b, node, name);
    if (SP_BUILD_OK(b)) b->r->nodes.v[c].flags |= (uint16_t)flags;
    return c;
}

static void read_replies(sp_build *b, const sp_value *list, sp_layout *l) {
    sp_rules *r = b->r;
    l->replies.at = r->replies.n;
    size_t mark = sp_build_mark(b);
    for (size_t i = 0; i < sp_json_size(list) && SP_BUILD_OK(b); i++) {
        const sp_value *v = sp_json_at(list, i), *m;
        sp_reply reply = {0};
        sp_build_step(b, lit("response")), sp_build_step_n(b, i);
        if (sp_json_kind(v) == SP_VALUE_STRING)
            reply.node = sp_build_pointer(b, SP_ROOT_RESPONSE, sp_json_text(v), SP_NODE_MARK | SP_NODE_HASH);
        else if (sp_json_kind(v) == SP_VALUE_OBJECT) {
            uint32_t names[16], nodes[16], n = 0;
            void *it = NULL;
            sp_view name;
            while (SP_BUILD_OK(b) && sp_json_next(v, &it, &name, &m) && fits(b, n, 16)) {
                names[n] = sp_build_name(b, name);
                nodes[n++] = sp_build_pointer(b, SP_ROOT_RESPONSE, sp_json_text(m), SP_NODE_MARK | SP_NODE_HASH);
            }
            reply.names = sp_build_words(b, names, n);
            reply.nodes = sp_build_words(b, nodes, n);
        } else sp_build_bad(b, "expected a pointer, or an object of pointers", (sp_view){0});
        SP_PUSH(b, r->replies, reply);
        l->replies.n++;
        sp_build_back(b, mark);
    }
}

/* A fingerprint takes one value from here (docs/fingerprint.md, section 5), so the pointer may not lead to several. */
static void one_value(sp_build *b, sp_view pointer) {
    int star = 0;
    for (size_t i = 1; i < pointer.n; i++)
        star |= pointer.p[i] == '*' && pointer.p[i - 1] == '/' && (i + 1 == pointer.n || pointer.p[i + 1] == '/');
    if (star) sp_build_bad(b, "expected a pointer without *: it names one value", pointer);
}

static void read_layout(sp_build *b, const sp_value *v, sp_entry e) {
    sp_rules *r = b->r;
    sp_layout l = {.e = e};
    sp_list turns = names_of(b, v, "turns"), content = names_of(b, v, "turn_content"), context = names_of(b, v, "context");
    l.roles = names_of(b, v, "context_roles");
    l.turns.at = r->turns.n;
    for (uint32_t i = 0; i < turns.n && SP_BUILD_OK(b); i++) {
        sp_turns t = {.node = sp_build_pointer(b, SP_ROOT_BODY, sp_rules_text(r, r->words.v[turns.at + i]), SP_NODE_MARK | SP_NODE_SCOPE)};
        t.element = marked_child(b, t.node, (sp_view){0}, SP_NODE_MARK | SP_NODE_SCOPE);
        t.content = below(b, t.node, content);
        t.element_content = below(b, t.element, content);
        t.role = marked_child(b, t.node, SP_VIEW("role"), SP_NODE_MARK);
        t.element_role = marked_child(b, t.element, SP_VIEW("role"), SP_NODE_MARK);
        SP_PUSH(b, r->turns, t);
        l.turns.n++;
    }
    uint32_t nodes[32], names[32], n = 0;
    for (uint32_t i = 0; i < context.n && fits(b, n, 32); i++) {
        sp_view p = sp_rules_text(r, r->words.v[context.at + i]);
        SP_AT_KEY(b, "context", sp_build_step_n(b, i); one_value(b, p));
        nodes[n] = sp_build_pointer(b, SP_ROOT_BODY, p, SP_NODE_MARK);
        names[n++] = sp_build_name(b, (sp_view){p.p + (p.n > 0), p.n - (p.n > 0)});
    }
    l.context = sp_build_words(b, nodes, n);
    l.context_names = sp_build_words(b, names, n);
    sp_view tools = sp_pack_member(b, v, "tools", 0);
    if (tools.p) SP_AT_KEY(b, "tools", one_value(b, tools));
    if (tools.p) l.tools = sp_build_pointer(b, SP_ROOT_BODY, tools, SP_NODE_MARK);
    read_replies(b, sp_json_get(v, "response"), &l);
    sp_view stream = sp_pack_member(b, v, "stream", 0);
    while (stream.p && l.stream < SP_STREAM_FORMS && !sp_view_eq(stream, lit(sp_stream_form_names[l.stream]))) l.stream++;
    if (l.stream == SP_STREAM_FORMS)
        SP_AT_KEY(b, "stream", sp_build_bad(b, "expected none, responses, chat, text, anthropic, gemini or converse", stream));
    ADD(b, r->layouts, l);
}

static void read_model(sp_build *b, const sp_value *v, sp_entry e) {
    sp_model m = {.e = e, .family = name_of(b, v, "family", 0), .match = names_of(b, v, "match"), .exclude = names_of(b, v, "not")};
    m.strip = names_of(b, v, "strip");
    sp_list flags = names_of(b, v, "flags");
    for (uint32_t i = 0; i < flags.n; i++) {
        if (sp_view_eq(sp_rules_text(b->r, b->r->words.v[flags.at + i]), SP_VIEW("open_weights"))) m.open_weights = 1;
        else SP_AT_KEY(b, "flags", sp_build_bad(b, "expected open_weights", (sp_view){0}));
    }
    if (!m.strip.n && (!m.family || !m.match.n)) sp_build_bad(b, "expected `family` and `match`, or `strip`", (sp_view){0});
    ADD(b, b->r->models, m);
}

sp_request sp_pack_request(sp_build *b, const sp_value *v, uint32_t root) {
    sp_view path = sp_pack_member(b, v, "path", 0), url = sp_pack_member(b, v, "url", 0), method = sp_pack_member(b, v, "method", 0);
    if (url.p && path.p) SP_AT_KEY(b, "path", sp_build_bad(b, "expected `url` or `path`, not both", path));
    sp_request q = {.is_pointer = url.n && url.p[0] == '/', .provider = name_of(b, v, "provider", 0)};
    if (path.p) url = path;
    q.method = sp_build_name(b, method);
    q.url = sp_build_name(b, url);
    if (method.n && method.p[0] == '/') q.method_node = sp_build_log_pointer(b, root, method, SP_NODE_MARK);
    uint32_t nodes[8], n = 0;
    if (q.is_pointer) nodes[n++] = sp_build_log_pointer(b, root, url, SP_NODE_MARK);
    for (size_t i = 0; !q.is_pointer && i < url.n; i++) {
        if (url.p[i] != '{') continue;
        if (!fits(b, n, 8)) break; /* what fills the template relies on a node for each */
        size_t close = sp_template_close(url, i), from = i + 1 + (i + 1 < url.n && url.p[i + 1] == '+');
        if (close == url.n) {
            sp_build_bad(b, "expected } after { in the template", url);
            break;
        }
        nodes[n++] = sp_build_log_pointer(b, root, (sp_view){url.p + from, close - from}, SP_NODE_MARK);
        i = close;
    }
    q.url_nodes = sp_build_words(b, nodes, n);
    return q;
}

/* Nodes of pointers into the payload, or of places. */
static sp_list inner_places(sp_build *b, const sp_value *v, const char *key) {
    sp_list names = names_of(b, v, key);
    uint32_t nodes[8], n = 0, root;
    for (uint32_t i = 0; i < names.n && fits(b, n, 8); i++) {
        sp_view at = sp_rules_text(b->r, b->r->words.v[names.at + i]);
        if (at.n && at.p[0] == '/') nodes[n++] = sp_build_pointer(b, SP_ROOT_BODY, at, SP_NODE_MARK);
        else SP_AT_KEY(b, key, nodes[n++] = sp_build_place(b, at, &root, SP_NODE_MARK));
    }
    return sp_build_words(b, nodes, n);
}

static void read_wrapper(sp_build *b, const sp_value *v, sp_entry e) {
    static const char *const keys[SP_INNER_COUNT] = {"body", "time", "status", "headers", "response", "response_headers"};
    sp_wrapper w = {.e = e, .when = sp_pack_cond(b, v, "when")};
    sp_pack_member(b, v, "body", 1);
    for (int k = 0; k < SP_INNER_COUNT; k++) w.inner[k] = inner_places(b, v, keys[k]);
    w.request = sp_pack_request(b, v, SP_ROOT_BODY);
    ADD(b, b->r->wrappers, w);
}

uint8_t sp_pack_body_state(sp_build *b, const sp_value *v) {
    static const char *const states[] = {"full", "truncated", "offloaded", "redacted", "encrypted", "absent"};
    sp_view state = sp_pack_member(b, v, "state", 1);
    uint8_t k = 0;
    while (k < 6 && state.p && !sp_view_eq(state, lit(states[k]))) k++;
    if (k == 6) SP_AT_KEY(b, "state", sp_build_bad(b, "expected full, truncated, offloaded, redacted, encrypted or absent", state));
    return k;
}

static void read_body_rule(sp_build *b, const sp_value *v, sp_entry e) {
    sp_body_rule o = {.e = e, .when = sp_pack_cond(b, v, "when"), .texts = names_of(b, v, "texts"), .state = sp_pack_body_state(b, v)};
    ADD(b, b->r->body_rules, o);
}

static void read_entry(sp_build *b, const sp_value *v, sp_entry_kind kind, const sp_value *sources) {
    static const uint8_t too_early[SP_ENTRY_KINDS] = {
        [SP_HOST] = SP_EARLY_PATH | SP_EARLY_PROVIDER,
        [SP_ENDPOINT] = SP_EARLY_PATH,
        [SP_SHAPE] = SP_EARLY_PATH | SP_EARLY_QUERY,
        [SP_LIKE] = SP_EARLY_PATH,
        [SP_WRAPPER] = SP_EARLY_PATH | SP_EARLY_QUERY | SP_EARLY_PROVIDER,
        [SP_BODY_RULE] = SP_EARLY_PATH | SP_EARLY_QUERY | SP_EARLY_PROVIDER,
    };
    sp_entry e = entry_of(b, v, kind, sources);
    b->too_early = too_early[kind];
    if (!SP_BUILD_OK(b)) return;
    switch (kind) {
    case SP_FORMAT: {
        sp_format f = sp_pack_format(b, v, e, sources);
        ADD(b, b->r->formats, f);
        break;
    }
    case SP_HOST: read_host(b, v, e); break;
    case SP_REWRITE: read_rewrite(b, v, e); break;
    case SP_ENDPOINT:
    case SP_SHAPE: read_operation(b, v, e); break;
    case SP_MARKER: read_marker(b, v, e); break;
    case SP_OVERRIDE: read_override(b, v, e); break;
    case SP_LAYOUT: read_layout(b, v, e); break;
    case SP_MODEL: read_model(b, v, e); break;
    case SP_WRAPPER: read_wrapper(b, v, e); break;
    case SP_LIKE: {
        sp_like l = {.e = e, .when = sp_pack_cond(b, v, "when")};
        ADD(b, b->r->likes, l);
        break;
    }
    case SP_BODY_RULE: read_body_rule(b, v, e); break;
    case SP_DEFAULTS: {
        const sp_value *model = sp_json_get(v, "response_model");
        sp_pack_ids(b, v, b->r->default_ids);
        if (model) SP_AT_KEY(b, "response_model", b->r->response_models = sp_pack_places(b, model));
        break;
    }
    default: break;
    }
}

static void read_list(sp_build *b, const sp_value *pack, sp_entry_kind kind) {
    const sp_value *list = sp_json_get(pack, kinds[kind].list), *sources = sp_json_get(pack, "sources");
    size_t mark = sp_build_mark(b);
    sp_build_step(b, lit(kinds[kind].list));
    if (list && sp_json_kind(list) != SP_VALUE_ARRAY) sp_build_bad(b, "expected a list", (sp_view){0});
    for (size_t i = 0; i < sp_json_size(list) && SP_BUILD_OK(b); i++) {
        size_t inner = sp_build_mark(b);
        sp_build_step_n(b, i);
        read_entry(b, sp_json_at(list, i), kind, sources);
        if (SP_BUILD_OK(b)) sp_build_back(b, inner);
    }
    if (SP_BUILD_OK(b)) sp_build_back(b, mark);
}

void sp_pack_declare(sp_build *b, const sp_value *pack) {
    sp_rules *r = b->r;
    void *it = NULL;
    sp_view key;
    const sp_value *m;
    if (sp_json_kind(pack) != SP_VALUE_OBJECT) {
        sp_build_bad(b, "expected an object", (sp_view){0});
        return;
    }
    while (SP_BUILD_OK(b) && sp_json_next(pack, &it, &key, &m)) {
        int known = sp_pack_listed("format pack version sources facts note", key);
        for (int k = 0; k < SP_ENTRY_KINDS; k++) known |= sp_view_eq(key, lit(kinds[k].list));
        sp_build_step(b, key);
        if (!known) sp_build_bad(b, "not a member of a rule pack", key);
        else sp_build_back(b, 0);
    }
    if (SP_BUILD_OK(b) && sp_json_int(sp_json_get(pack, "format")) != 1) sp_build_bad(b, "expected \"format\": 1", (sp_view){0});
    b->pack = name_of(b, pack, "pack", 1);
    sp_view version = sp_pack_member(b, pack, "version", 1);
    SP_PUSH(b, r->pack_notes, sp_rules_text(r, b->pack));
    SP_PUSH(b, r->pack_notes, sp_rules_text(r, sp_build_name(b, version)));
    const sp_value *facts = sp_json_get(pack, "facts");
    for (it = NULL; facts && SP_BUILD_OK(b) && sp_json_next(facts, &it, &key, &m);) {
        sp_name name = sp_build_name(b, key);
        const uint8_t *dot = memchr(key.p, '.', key.n);
        int effect = 0;
        while (effect < SP_EFFECT_COUNT && !(dot && sp_view_eq((sp_view){key.p, (size_t)(dot - key.p)}, lit(sp_effect_names[effect]))))
            effect++;
        sp_build_step(b, lit("facts")), sp_build_step(b, key);
        if (effect == SP_EFFECT_COUNT)
            sp_build_bad(b, "expected effect.name, with one of read, write, manage, retain, reference, cache, replay, label", key);
        else if (r->facts.n >= SP_FACT_WORDS * 64) sp_build_bad(b, "expected at most 512 facts", key);
        else if (index_of_name(b, name, r->facts.v, r->facts.n) == UINT32_MAX)
            sp_set_fact(&r->fact_effect[effect], SP_PUSH(b, r->facts, name));
        if (SP_BUILD_OK(b)) sp_build_back(b, 0);
    }
    read_list(b, pack, SP_LAYOUT);
}

void sp_pack_read(sp_build *b, const sp_value *pack) {
    b->pack = sp_rules_find(b->r, sp_json_text(sp_json_get(pack, "pack")));
    for (int k = 0; k < SP_ENTRY_KINDS && SP_BUILD_OK(b); k++)
        if (k != SP_LAYOUT) read_list(b, pack, (sp_entry_kind)k);
}

/* ---- what only the whole knows ------------------------------------------------------------------------------------------------------ */

static int by_order(const void *x, const void *y) {
    const sp_operation *a = x, *c = y;
    if (a->order != c->order) return a->order < c->order ? -1 : 1;
    return a->e.line < c->e.line ? -1 : a->e.line > c->e.line;
}

static void link_operation(sp_build *b, sp_operation *o) {
    sp_rules *r = b->r;
    o->markers.at = r->words.n;
    for (uint32_t k = 0; k < r->markers.n; k++) {
        uint64_t common = 0;
        for (int w = 0; w < SP_SET_WORDS; w++) common |= o->sets[w] & r->markers.v[k].sets[w];
        if (!common) continue;
        SP_PUSH(b, r->words, k);
        o->markers.n++;
        const sp_marker *m = &r->markers.v[k];
        uint8_t *seen = m->node && r->nodes.v[m->node].parent == SP_ROOT_HEADERS ? &o->header_markers : &o->body_markers;
        for (uint32_t f = 0; f < m->facts.n && !m->response; f++) {
            uint32_t fact = r->words.v[m->facts.at + f];
            for (int e = SP_READ; e <= SP_REFERENCE; e++) *seen |= (uint8_t)sp_has_fact(&r->fact_effect[e], fact);
        }
    }
}

void sp_pack_link(sp_build *b) {
    sp_rules *r = b->r;
    for (uint32_t i = 0; i < r->code.n; i++)
        if (r->code.v[i].op == SP_OP_BIT && r->code.v[i].arg > UINT32_MAX - 65536)
            r->code.v[i].arg = r->tests.n + (UINT32_MAX - r->code.v[i].arg);
    for (uint32_t i = 0; i < r->markers.n; i++)
        if (r->markers.v[i].bit > UINT32_MAX - 65536) r->markers.v[i].bit = r->tests.n + (UINT32_MAX - r->markers.v[i].bit);
    for (uint32_t i = 0; i < r->eaches.n; i++) r->eaches.v[i].bit = r->tests.n + i;
    r->bit_count = r->tests.n + r->eaches.n;
    for (uint32_t i = 0; i < r->shapes.n; i++) r->shapes.v[i].e.line = i;
    if (r->shapes.n) qsort(r->shapes.v, r->shapes.n, sizeof *r->shapes.v, by_order);
    for (uint32_t i = 0; i < r->endpoints.n && SP_BUILD_OK(b); i++) link_operation(b, &r->endpoints.v[i]);
    for (uint32_t i = 0; i < r->shapes.n && SP_BUILD_OK(b); i++) link_operation(b, &r->shapes.v[i]);
}
