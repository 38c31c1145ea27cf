#include "sp_build.h"

#include <stdio.h>

#include "sp_diagnose.h"

void sp_build_step(sp_build *b, sp_view name) {
    size_t n = b->at_n;
    if (n + 2 * name.n + 2 >= sizeof b->at) return; /* deeper than any entry goes: the place is then that of the container */
    b->at[n++] = '/';
    for (size_t i = 0; i < name.n; i++) {
        uint8_t c = name.p[i];
        if (c == '~' || c == '/') b->at[n++] = '~', c = c == '~' ? '0' : '1';
        b->at[n++] = (char)c;
    }
    b->at[b->at_n = n] = 0;
}

void sp_build_step_n(sp_build *b, size_t i) {
    char digits[24];
    int n = snprintf(digits, sizeof digits, "%zu", i);
    sp_build_step(b, (sp_view){(const uint8_t *)digits, (size_t)n});
}

static void line_of(sp_view text, size_t pos, size_t *line, size_t *column) {
    *line = *column = 1;
    for (size_t i = 0; i < pos && i < text.n; i++) {
        *column += 1;
        if (text.p[i] == '\n') *line += 1, *column = 1;
    }
}

void sp_build_bad(sp_build *b, const char *message, sp_view quoted) {
    if (b->status != SP_OK) return;
    b->status = SP_ERR_INTERNAL;
    sp_rules_error *e = b->err;
    e->code = "meaning";
    snprintf(e->file, sizeof e->file, "%s", b->file ? b->file : "");
    size_t n = b->at_n, pos = sp_locate(b->text, (sp_view){(const uint8_t *)b->at, n}, NULL);
    while (pos == SIZE_MAX && n) { /* of what is missing: the place of what should have it */
        while (b->at[--n] != '/') continue;
        pos = sp_locate(b->text, (sp_view){(const uint8_t *)b->at, n}, NULL);
    }
    if (pos != SIZE_MAX) line_of(b->text, pos, &e->line, &e->column);
    int shown = quoted.n > 80 ? 80 : (int)quoted.n;
    if (quoted.p) snprintf(e->message, sizeof e->message, "%.200s: %.200s, found \"%.*s\"", b->at, message, shown, (const char *)quoted.p);
    else snprintf(e->message, sizeof e->message, "%.200s: %.280s", b->at_n ? b->at : "/", message);
}

void sp_build_nomem(sp_build *b) {
    if (b->status != SP_OK) return;
    b->status = SP_ERR_NOMEM;
    b->err->code = "out_of_memory";
    snprintf(b->err->message, sizeof b->err->message, "out of memory");
}

static sp_view keep(sp_build *b, sp_view text) {
    uint8_t *p = sp_arena_get(&b->r->arena, text.n + 1);
    if (!p) {
        sp_build_nomem(b);
        return (sp_view){0};
    }
    if (text.n) memcpy(p, text.p, text.n);
    p[text.n] = 0;
    return (sp_view){p, text.n};
}

static int widen_names(sp_build *b) {
    sp_rules *r = b->r;
    size_t mask = r->name_mask ? r->name_mask * 2 + 1 : 1023;
    uint32_t *slots = r->alloc->resize(r->alloc->ctx, NULL, (mask + 1) * sizeof *slots);
    if (!slots) {
        sp_build_nomem(b);
        return -1;
    }
    memset(slots, 0, (mask + 1) * sizeof *slots);
    for (uint32_t k = 1; k < r->names.n; k++) {
        size_t i = sp_x64(r->names.v[k].p, r->names.v[k].n) & mask;
        while (slots[i]) i = (i + 1) & mask;
        slots[i] = k;
    }
    sp_release(r->alloc, r->name_slots);
    r->name_slots = slots;
    r->name_mask = mask;
    return 0;
}

sp_name sp_rules_find(const sp_rules *r, sp_view text) {
    if (!r->name_mask) return 0;
    for (size_t i = sp_x64(text.p, text.n) & r->name_mask; r->name_slots[i]; i = (i + 1) & r->name_mask)
        if (sp_view_eq(r->names.v[r->name_slots[i]], text)) return r->name_slots[i];
    return 0;
}

sp_name sp_build_name(sp_build *b, sp_view text) {
    sp_rules *r = b->r;
    if (!text.p || !SP_BUILD_OK(b)) return 0;
    sp_name found = sp_rules_find(r, text);
    if (found) return found;
    if (r->names.n == 0) SP_PUSH(b, r->names, (sp_view){0});
    if ((size_t)r->names.n * 2 >= r->name_mask && widen_names(b) != 0) return 0;
    sp_view kept = keep(b, text);
    uint32_t k = SP_PUSH(b, r->names, kept);
    if (!SP_BUILD_OK(b)) return 0;
    size_t i = sp_x64(text.p, text.n) & r->name_mask;
    while (r->name_slots[i]) i = (i + 1) & r->name_mask;
    r->name_slots[i] = k;
    return k;
}

sp_list sp_build_words(sp_build *b, const uint32_t *v, uint32_t n) {
    sp_list l = {b->r->words.n, n};
    for (uint32_t i = 0; i < n; i++) SP_PUSH(b, b->r->words, v[i]);
    return l;
}

sp_list sp_build_names(sp_build *b, const sp_value *v) {
    sp_list l = {b->r->words.n, 0};
    if (!v) return l;
    size_t n = sp_json_kind(v) == SP_VALUE_ARRAY ? sp_json_size(v) : 1;
    for (size_t i = 0; i < n && SP_BUILD_OK(b); i++) {
        const sp_value *item = sp_json_kind(v) == SP_VALUE_ARRAY ? sp_json_at(v, i) : v;
        if (sp_json_kind(item) != SP_VALUE_STRING) sp_build_bad(b, "expected a string or a list of strings", (sp_view){0});
        sp_name name = sp_build_name(b, sp_json_text(item));
        SP_PUSH(b, b->r->words, name);
        l.n++;
    }
    return l;
}

uint32_t sp_build_node(sp_build *b, sp_node nd) {
    sp_rules *r = b->r;
    SP_PUSH(b, r->node_tests, 0u);
    SP_PUSH(b, r->node_eaches, 0u);
    SP_PUSH(b, r->node_roles, (uint8_t)0);
    SP_PUSH(b, r->node_also, 0u);
    uint32_t k = SP_PUSH(b, r->nodes, nd);
    if (!SP_BUILD_OK(b) || !nd.parent) return k;
    uint32_t last = r->nodes.v[nd.parent].last;
    r->nodes.v[k].next = last ? r->nodes.v[last].next : k;
    if (last) r->nodes.v[last].next = k;
    r->nodes.v[nd.parent].last = k;
    return k;
}

static void put_edge(sp_rules *r, uint32_t parent, uint32_t child, const sp_digest *h) {
    uint64_t k = sp_trie_hash(parent, h);
    uint32_t i = (uint32_t)(k >> 32) & r->trie.edge_mask;
    while (r->edges[i].child) i = (i + 1) & r->trie.edge_mask;
    r->edges[i] = (sp_edge){k, parent, child};
}

static sp_digest name_digest(sp_build *b, sp_view name) {
    uint8_t small[512];
    if (name.n + 1 > sizeof small) {
        sp_build_bad(b, "expected a name of at most 511 bytes", (sp_view){0});
        return (sp_digest){{0}};
    }
    small[0] = '"';
    if (name.n) memcpy(small + 1, name.p, name.n);
    return sp_x128(small, name.n + 1);
}

static void add_edge(sp_build *b, uint32_t parent, uint32_t child, sp_view name) {
    sp_rules *r = b->r;
    if (!r->edges || (r->edge_count + 1) * 2 > r->trie.edge_mask) {
        uint32_t mask = r->edges ? r->trie.edge_mask * 2 + 1 : 4095;
        sp_edge *old = r->edges, *e = r->alloc->resize(r->alloc->ctx, NULL, (mask + 1) * sizeof *e);
        if (!e) {
            sp_build_nomem(b);
            return;
        }
        memset(e, 0, (mask + 1) * sizeof *e);
        for (uint32_t i = 0; old && i <= r->trie.edge_mask; i++)
            if (old[i].child) {
                uint32_t at = (uint32_t)(old[i].hash >> 32) & mask;
                while (e[at].child) at = (at + 1) & mask;
                e[at] = old[i];
            }
        sp_release(r->alloc, old);
        r->edges = e;
        r->trie.edge_mask = mask;
    }
    sp_digest h = name_digest(b, name);
    if (SP_BUILD_OK(b)) put_edge(r, parent, child, &h);
    r->edge_count++;
    r->nodes.v[parent].names |= sp_trie_bit(&h);
    if (sp_is_index(name.p, name.n)) r->nodes.v[parent].flags |= SP_NODE_INDEX;
}

static uint32_t find_child(sp_build *b, uint32_t node, sp_view name) {
    sp_rules *r = b->r;
    if (!name.p) return r->nodes.v[node].star;
    if (!r->nodes.v[node].names) return SP_NODE_DEAD;
    sp_trie t = {r->nodes.v, r->nodes.n, r->edges, r->trie.edge_mask, NULL, 0};
    sp_digest h = name_digest(b, name);
    uint32_t c = sp_trie_member(&t, node, &h, name.p, name.n);
    return c == r->nodes.v[node].star ? SP_NODE_DEAD : c;
}

uint32_t sp_build_child(sp_build *b, uint32_t node, sp_view name) {
    sp_rules *r = b->r;
    if (!SP_BUILD_OK(b)) return SP_NODE_DEAD;
    uint32_t c = find_child(b, node, name);
    if (c || !SP_BUILD_OK(b)) return c;
    sp_view kept = sp_rules_text(r, sp_build_name(b, name)); /* interned: names of rules may be shown */
    uint16_t stars = (uint16_t)(r->nodes.v[node].stars + (name.p ? 0 : 1));
    if (stars > SP_MAX_POINTER_STARS) sp_build_bad(b, "expected at most three * in a pointer", (sp_view){0});
    c = sp_build_node(b, (sp_node){.flags = 0, .stars = stars, .parent = node, .name = kept});
    if (!SP_BUILD_OK(b)) return SP_NODE_DEAD;
    if (name.p) add_edge(b, node, c, kept);
    else r->nodes.v[node].star = c;
    return c;
}

void sp_build_graft(sp_build *b, uint32_t parent, sp_view last, uint32_t target) {
    uint32_t alias = sp_build_child(b, parent, last);
    if (!SP_BUILD_OK(b)) return;
    if (b->graft_count == SP_MAX_GRAFTS) sp_build_bad(b, "expected fewer places for payloads in the readers", last);
    else b->grafts[b->graft_count++] = (struct sp_graft){alias, target};
}

/* `node` counts as `star`, and as all that counts for. */
static int add_also(sp_build *b, uint32_t star, uint32_t node) {
    sp_rules *r = b->r;
    if (sp_node_is(r, node, star)) return 0;
    if (r->also.n == 0) SP_PUSH(b, r->also, ((struct sp_also){0, 0}));
    uint32_t i = SP_PUSH(b, r->also, ((struct sp_also){star, r->node_also.v[node]}));
    if (!SP_BUILD_OK(b)) return 0;
    r->node_also.v[node] = i;
    r->nodes.v[node].flags |= r->nodes.v[star].flags;
    for (uint32_t k = r->node_also.v[star]; k && SP_BUILD_OK(b); k = r->also.v[k].next)
        if (!sp_node_is(r, node, r->also.v[k].node)) {
            i = SP_PUSH(b, r->also, ((struct sp_also){r->also.v[k].node, r->node_also.v[node]}));
            if (SP_BUILD_OK(b)) r->node_also.v[node] = i;
        }
    return 1;
}

/* Gives `node` everything that stands below `star`, the `*` beside it, so that a value under a name counts for `*`, too. */
static void merge(sp_build *b, uint32_t star, uint32_t node) {
    sp_rules *r = b->r;
    struct {
        uint32_t star, node;
    } todo[256];
    uint32_t n = 0;
    todo[n].star = star, todo[n++].node = node;
    while (n && SP_BUILD_OK(b)) {
        star = todo[--n].star, node = todo[n].node;
        if (!add_also(b, star, node)) continue;
        uint32_t last = r->nodes.v[star].last, c = last;
        while (c && SP_BUILD_OK(b)) {
            c = r->nodes.v[c].next;
            uint32_t below = sp_build_child(b, node, r->nodes.v[c].name);
            if (n == 256) sp_build_bad(b, "expected fewer names below a *", r->nodes.v[c].name);
            else todo[n].star = c, todo[n++].node = below;
            if (c == last) c = 0;
        }
    }
}

static void merge_all(sp_build *b) {
    sp_rules *r = b->r;
    for (uint32_t c = SP_ROOT_COUNT; c < r->nodes.n && SP_BUILD_OK(b); c++) { /* parents come before their children */
        uint32_t parent = r->nodes.v[c].parent, star = r->nodes.v[parent].star;
        if (parent && r->nodes.v[c].name.p && star >= SP_ROOT_COUNT) merge(b, star, c);
    }
}

void sp_build_count_as(sp_build *b, uint32_t node, uint32_t target) {
    if (!SP_BUILD_OK(b)) return;
    if (b->twin_count == SP_MAX_GRAFTS) sp_build_bad(b, "expected fewer places in the readers", (sp_view){0});
    else b->twins[b->twin_count++] = (struct sp_graft){node, target};
}

/* What a reader names below a place that is read like a payload stands in the payload, too. */
static void merge_grafted(sp_build *b, uint32_t alias, uint32_t target) {
    sp_rules *r = b->r;
    uint32_t last = r->nodes.v[alias].last, c = last;
    while (c && SP_BUILD_OK(b)) {
        c = r->nodes.v[c].next;
        uint32_t twin = find_child(b, target, r->nodes.v[c].name);
        if (twin) merge(b, twin, c);
        if (c == last) c = 0;
    }
}

/* Some loggers write every header as a list of its values: each counts for the header. */
static void lists_of_values(sp_build *b, uint32_t headers) {
    sp_rules *r = b->r;
    uint32_t last = r->nodes.v[headers].last, c = last;
    while (c && SP_BUILD_OK(b)) {
        c = r->nodes.v[c].next;
        uint32_t value = sp_build_child(b, c, (sp_view){0});
        r->nodes.v[value].flags |= r->nodes.v[c].flags;
        add_also(b, c, value);
        if (c == last) c = 0;
    }
}

void sp_build_seal(sp_build *b) {
    sp_rules *r = b->r;
    lists_of_values(b, SP_ROOT_HEADERS);
    lists_of_values(b, SP_ROOT_RESPONSE_HEADERS);
    for (uint32_t g = 0; g < b->graft_count; g++) merge_grafted(b, b->grafts[g].alias, b->grafts[g].target);
    for (uint32_t i = 0; i < b->twin_count; i++) merge(b, b->twins[i].target, b->twins[i].alias);
    merge_all(b);
    for (uint32_t g = 0; g < b->graft_count && SP_BUILD_OK(b); g++) {
        uint32_t alias = b->grafts[g].alias, target = b->grafts[g].target, n = r->nodes.n;
        r->nodes.v[alias].flags = r->nodes.v[target].flags;
        r->nodes.v[alias].stars = 0;
        r->nodes.v[alias].star = r->nodes.v[target].star;
        r->node_tests.v[alias] = r->node_tests.v[target];
        r->node_eaches.v[alias] = r->node_eaches.v[target];
        for (uint32_t c = SP_ROOT_COUNT; c < n && SP_BUILD_OK(b); c++)
            if (r->nodes.v[c].parent == target && r->nodes.v[c].name.p) add_edge(b, alias, c, r->nodes.v[c].name);
    }
}

uint16_t sp_build_forms(sp_build *b, const sp_value *is, int *absent) {
    static const struct {
        const char *name;
        uint16_t forms;
    } names[] = {{"present", SP_FORM_PRESENT},
                 {"null", SP_FORM_NULL},
                 {"true", SP_FORM_TRUE},
                 {"false", SP_FORM_FALSE},
                 {"bool", SP_FORM_TRUE | SP_FORM_FALSE},
                 {"number", SP_FORM_NUMBER},
                 {"string", SP_FORM_TEXT},
                 {"object", SP_FORM_OBJECT | SP_FORM_EMPTY_OBJECT},
                 {"array", SP_FORM_ARRAY | SP_FORM_EMPTY_ARRAY},
                 {"id", SP_FORM_ID},
                 {"blank", SP_FORM_BLANK | SP_FORM_EMPTY_TEXT},
                 {"empty", SP_FORM_EMPTY_OBJECT | SP_FORM_EMPTY_ARRAY},
                 {"absent", 0}};
    uint16_t forms = 0;
    size_t n = sp_json_kind(is) == SP_VALUE_ARRAY ? sp_json_size(is) : 1;
    for (size_t i = 0; i < n && SP_BUILD_OK(b); i++) {
        sp_view t = sp_json_text(sp_json_kind(is) == SP_VALUE_ARRAY ? sp_json_at(is, i) : is);
        size_t k = 0, count = sizeof names / sizeof *names;
        while (k < count && !(t.p && t.n == strlen(names[k].name) && memcmp(t.p, names[k].name, t.n) == 0)) k++;
        if (k == count)
            sp_build_bad(b, "expected present, absent, null, true, false, bool, number, string, object, array, id, blank or empty", t);
        else if (k == count - 1) *absent = 1;
        else forms |= names[k].forms;
    }
    return forms;
}

static int same_list(const sp_rules *r, sp_list x, sp_list y) {
    return x.n == y.n && (x.n == 0 || memcmp(r->words.v + x.at, r->words.v + y.at, x.n * sizeof *r->words.v) == 0);
}

static uint32_t put_test(sp_build *b, sp_test t) {
    sp_rules *r = b->r;
    if (!SP_BUILD_OK(b)) return 0;
    r->nodes.v[t.node].flags |= SP_NODE_MARK;
    t.next = r->node_tests.v[t.node];
    uint32_t k = SP_PUSH(b, r->tests, t);
    if (SP_BUILD_OK(b)) r->node_tests.v[t.node] = k;
    if (r->tests.n + r->eaches.n > SP_MAX_RULE_BITS) sp_build_bad(b, "expected fewer tests in all packs together", (sp_view){0});
    return k;
}

uint32_t sp_build_test(sp_build *b, uint32_t node, uint16_t forms, sp_match match, sp_list texts) {
    sp_rules *r = b->r;
    if (!SP_BUILD_OK(b)) return 0;
    if (r->tests.n == 0) SP_PUSH(b, r->tests, (sp_test){0}); /* bit 0 is never set */
    for (uint32_t k = SP_BUILD_OK(b) ? r->node_tests.v[node] : 0; k; k = r->tests.v[k].next)
        if (!r->tests.v[k].local && r->tests.v[k].forms == forms && r->tests.v[k].match == match &&
            same_list(r, r->tests.v[k].texts, texts))
            return k;
    return put_test(b, (sp_test){.node = node, .forms = forms, .match = (uint8_t)match, .texts = texts});
}

void sp_build_match(sp_build *b, const sp_value *v, uint16_t *forms, int *absent, sp_match *match, sp_list *texts) {
    static const struct {
        const char *key;
        sp_match match;
    } kinds[] = {{"in", SP_MATCH_IN}, {"prefix", SP_MATCH_PREFIX}, {"has", SP_MATCH_HAS}};
    *absent = 0;
    *match = SP_MATCH_FORM;
    *texts = (sp_list){0, 0};
    const sp_value *is = sp_json_get(v, "is");
    *forms = is ? sp_build_forms(b, is, absent) : SP_FORM_PRESENT;
    for (size_t k = 0; k < sizeof kinds / sizeof *kinds; k++) {
        const sp_value *list = sp_json_get(v, kinds[k].key);
        if (!list) continue;
        if (*match != SP_MATCH_FORM) sp_build_bad(b, "expected only one of in, prefix and has", (sp_view){0});
        *match = kinds[k].match;
        *forms = SP_FORM_TEXT;
        size_t mark = sp_build_mark(b);
        sp_build_step(b, (sp_view){(const uint8_t *)kinds[k].key, strlen(kinds[k].key)});
        *texts = sp_build_names(b, list);
        sp_build_back(b, mark);
    }
}

/* One test of a `where`: sets its bit among those needed, or barred. */
static void local_test(sp_build *b, const sp_value *v, uint32_t each, uint32_t scope, int barred) {
    sp_rules *r = b->r;
    const sp_value *none = sp_json_get(v, "none");
    if (none && !barred) {
        for (size_t i = 0; i < sp_json_size(none) && SP_BUILD_OK(b); i++) local_test(b, sp_json_at(none, i), each, scope, 1);
        return;
    }
    sp_view at = sp_json_text(sp_json_get(v, "at"));
    if (!at.p) {
        sp_build_bad(b, "expected a test with `at`, or `none` of such tests, inside `where`", (sp_view){0});
        return;
    }
    uint16_t forms;
    int absent;
    sp_match match;
    sp_list texts;
    sp_build_match(b, v, &forms, &absent, &match, &texts);
    uint32_t node = at.n ? sp_build_pointer(b, scope, at, SP_NODE_MARK) : scope;
    if (!SP_BUILD_OK(b)) return;
    if (absent && sp_json_kind(sp_json_get(v, "is")) == SP_VALUE_ARRAY) /* absent, or of these forms: bar all the others */
        forms = (uint16_t)(SP_FORM_PRESENT & ~forms);
    else if (absent) forms = SP_FORM_PRESENT;
    if (r->eaches.v[each].locals >= 32) {
        sp_build_bad(b, "expected at most 32 tests in a `where`", (sp_view){0});
        return;
    }
    uint32_t bit = r->eaches.v[each].locals++;
    if (absent != barred) r->eaches.v[each].bar |= 1u << bit;
    else r->eaches.v[each].need |= 1u << bit;
    put_test(b,
             (sp_test){.node = node, .forms = forms, .match = (uint8_t)match, .local = 1, .each = each, .local_bit = bit, .texts = texts});
}

uint32_t sp_build_each(sp_build *b, const sp_value *v, uint32_t *scope) {
    sp_rules *r = b->r;
    uint32_t root = 0;
    *scope = sp_build_place(b, sp_json_text(sp_json_get(v, "each")), &root, SP_NODE_MARK | SP_NODE_SCOPE);
    if (root != SP_ROOT_BODY && root != SP_ROOT_RESPONSE) {
        sp_build_step(b, SP_VIEW("each"));
        sp_build_bad(b, "expected body:/pointer or rsp:/pointer: nothing else has elements", (sp_view){0});
    }
    if (!SP_BUILD_OK(b)) return 0;
    if (root == SP_ROOT_RESPONSE) b->saw_response = 1;
    if (r->tests.n == 0) SP_PUSH(b, r->tests, (sp_test){0});
    if (r->eaches.n == 0) SP_PUSH(b, r->eaches, (sp_each){0});
    uint32_t each = SP_PUSH(b, r->eaches, ((sp_each){.scope = *scope, .next = r->node_eaches.v[*scope], .only = -1}));
    if (!SP_BUILD_OK(b)) return 0;
    r->node_eaches.v[*scope] = each;
    const sp_value *where = sp_json_get(v, "where"), *only = sp_json_get(v, "only");
    size_t mark = sp_build_mark(b);
    sp_build_step(b, SP_VIEW("where"));
    for (size_t i = 0; i < sp_json_size(where) && SP_BUILD_OK(b); i++) {
        size_t inner = sp_build_mark(b);
        sp_build_step_n(b, i);
        local_test(b, sp_json_at(where, i), each, *scope, 0);
        sp_build_back(b, inner);
    }
    sp_build_back(b, mark);
    if (only) {
        r->eaches.v[each].only = (int32_t)sp_json_size(only);
        for (size_t i = 0; i < sp_json_size(only) && SP_BUILD_OK(b); i++) {
            uint32_t node = sp_build_child(b, *scope, sp_json_text(sp_json_at(only, i)));
            if (!SP_BUILD_OK(b)) break;
            uint32_t bit = r->eaches.v[each].locals++;
            r->eaches.v[each].need |= 1u << (bit & 31);
            put_test(b, (sp_test){.node = node, .forms = SP_FORM_ANY, .local = 1, .each = each, .local_bit = bit & 31});
        }
    }
    if (!where && !only) sp_build_bad(b, "expected `where` or `only` beside `each`", (sp_view){0});
    return SP_BUILD_OK(b) ? each : 0;
}

static void emit(sp_build *b, uint32_t op, uint32_t arg) { SP_PUSH(b, b->r->code, ((sp_op_code){op, arg})); }

static void join(sp_build *b, size_t n, uint32_t op) {
    if (n == 0) emit(b, SP_OP_CONST, op == SP_OP_AND);
    for (size_t i = 1; i < n; i++) emit(b, op, 0);
}

static uint32_t name_list(sp_build *b, const sp_value *v) {
    sp_list l = sp_build_names(b, v);
    uint32_t head = b->r->words.n;
    SP_PUSH(b, b->r->words, l.at);
    SP_PUSH(b, b->r->words, l.n);
    return head;
}

/* A test that could never hold is a mistake of the pack, not a test. */
static void refuse_early(sp_build *b, unsigned kind, const char *key, const char *message) {
    if (!(b->too_early & kind)) return;
    size_t mark = sp_build_mark(b);
    sp_build_step(b, (sp_view){(const uint8_t *)key, strlen(key)});
    sp_build_bad(b, message, (sp_view){0});
    sp_build_back(b, mark);
}

static void cond_at(sp_build *b, const sp_value *v) {
    uint32_t root = 0;
    uint16_t forms;
    int absent;
    sp_match match;
    sp_list texts;
    uint32_t node = sp_build_place(b, sp_json_text(sp_json_get(v, "at")), &root, SP_NODE_MARK);
    sp_build_match(b, v, &forms, &absent, &match, &texts);
    if (root == SP_ROOT_PATH) refuse_early(b, SP_EARLY_PATH, "at", "expected path: in markers and overrides only; here it is not known");
    if (root == SP_ROOT_QUERY) refuse_early(b, SP_EARLY_QUERY, "at", "expected no qs: here, where the URL is not known");
    if (!SP_BUILD_OK(b)) return;
    if (root == SP_ROOT_RESPONSE || root == SP_ROOT_RESPONSE_HEADERS) b->saw_response = 1;
    if (absent) {
        if (root == SP_ROOT_BODY) b->body_absence = 1;
        emit(b, SP_OP_BIT, sp_build_test(b, node, SP_FORM_PRESENT, SP_MATCH_FORM, (sp_list){0, 0}));
        emit(b, SP_OP_NOT, 0);
        if (!forms || match != SP_MATCH_FORM) return;
    }
    emit(b, SP_OP_BIT, sp_build_test(b, node, forms, match, texts));
    if (absent) emit(b, SP_OP_OR, 0);
}

static const char *const combinators[] = {"any", "all", "none"};

/* The nesting of conditions is bounded by the reader of packs (SP_COND_DEPTH); the frames stand on an explicit stack. */
#define SP_COND_DEPTH 12

static int cond_leaf(sp_build *b, const sp_value *v) {
    static const char *const status_names[] = {"none", "2xx", "4xx", "5xx"};
    uint32_t scope;
    if (sp_json_get(v, "provider")) refuse_early(b, SP_EARLY_PROVIDER, "provider", "expected no provider here: it is told later");
    if (sp_json_get(v, "host")) refuse_early(b, SP_EARLY_PROVIDER, "host", "expected no host here: it is told later");
    if (sp_json_get(v, "each")) emit(b, SP_OP_BIT, UINT32_MAX - sp_build_each(b, v, &scope)); /* resolved when all tests are known */
    else if (sp_json_get(v, "at")) cond_at(b, v);
    else if (sp_json_get(v, "provider")) emit(b, SP_OP_PROVIDER, name_list(b, sp_json_get(v, "provider")));
    else if (sp_json_get(v, "method")) emit(b, SP_OP_METHOD, name_list(b, sp_json_get(v, "method")));
    else if (sp_json_get(v, "host")) emit(b, SP_OP_HOST, name_list(b, sp_json_get(v, "host")));
    else if (sp_json_get(v, "url")) emit(b, SP_OP_NO_URL, 0);
    else if (sp_json_get(v, "status")) {
        sp_view t = sp_json_text(sp_json_get(v, "status"));
        uint32_t k = 0;
        while (k < 4 && !(t.p && t.n == strlen(status_names[k]) && memcmp(t.p, status_names[k], t.n) == 0)) k++;
        if (k == 4) sp_build_bad(b, "expected none, 2xx, 4xx or 5xx", t);
        emit(b, SP_OP_STATUS, k);
        b->saw_response = 1;
    } else return 0;
    return 1;
}

sp_cond sp_build_cond(sp_build *b, const sp_value *tests) {
    struct {
        const sp_value *list;
        size_t i, mark;
        int kind; /* 0 any, 1 all, 2 none */
    } f[SP_COND_DEPTH];
    int depth = 0;
    sp_cond c = {.at = b->r->code.n};
    if (!tests) return c;
    b->body_absence = b->saw_response = 0;
    f[0].list = tests, f[0].i = 0, f[0].mark = sp_build_mark(b), f[0].kind = 1;
    if (sp_json_kind(tests) != SP_VALUE_ARRAY) sp_build_bad(b, "expected a list of tests", (sp_view){0});
    while (depth >= 0 && SP_BUILD_OK(b)) {
        sp_build_back(b, f[depth].mark);
        if (f[depth].i == sp_json_size(f[depth].list)) {
            join(b, sp_json_size(f[depth].list), f[depth].kind == 1 ? SP_OP_AND : SP_OP_OR);
            if (f[depth].kind == 2) emit(b, SP_OP_NOT, 0), b->body_absence = 1;
            depth--;
            continue;
        }
        const sp_value *v = sp_json_at(f[depth].list, f[depth].i);
        sp_build_step_n(b, f[depth].i++);
        if (cond_leaf(b, v)) continue;
        int k = 0;
        while (k < 3 && !sp_json_get(v, combinators[k])) k++;
        const sp_value *list = k < 3 ? sp_json_get(v, combinators[k]) : NULL;
        if (k == 3 || sp_json_kind(list) != SP_VALUE_ARRAY) {
            sp_build_bad(b, "expected a test: at, each, any, all, none, provider, method, host, url or status", (sp_view){0});
        } else if (depth + 1 == SP_COND_DEPTH) {
            sp_build_bad(b, "expected conditions nested at most 12 deep", (sp_view){0});
        } else {
            sp_build_step(b, (sp_view){(const uint8_t *)combinators[k], strlen(combinators[k])});
            depth++;
            f[depth].list = list, f[depth].i = 0, f[depth].mark = sp_build_mark(b), f[depth].kind = k;
        }
    }
    c.n = b->r->code.n - c.at;
    c.absence = (uint8_t)b->body_absence;
    return c;
}
