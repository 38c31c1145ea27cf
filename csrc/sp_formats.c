/* The readers: descriptions of where the fields of an exchange stand in a line. Not code paths: one scan serves them all. */
#include "sp_pack.h"

const char *const sp_grade_names[] = {"wire", "normalised", "metadata"};

static const struct {
    const char *name;
    sp_role role;
    uint32_t root;
} roles[] = {{"time", SP_ROLE_TIME, 0},
             {"id", SP_ROLE_ID, 0},
             {"method", SP_ROLE_METHOD, 0},
             {"url", SP_ROLE_URL, 0},
             {"status", SP_ROLE_STATUS, 0},
             {"base64", SP_ROLE_BASE64, 0},
             {"headers", SP_ROLE_HEADERS, SP_ROOT_HEADERS},
             {"body", SP_ROLE_BODY, SP_ROOT_BODY},
             {"response", SP_ROLE_RESPONSE, SP_ROOT_RESPONSE},
             {"events", SP_ROLE_EVENTS, 0}, /* opened one by one: sp_stream.h */
             {"response_headers", SP_ROLE_RESPONSE_HEADERS, SP_ROOT_RESPONSE_HEADERS}};
enum {
    ROLES = sizeof roles / sizeof *roles
};

static sp_view lit(const char *s) { return (sp_view){(const uint8_t *)s, strlen(s)}; }

/* ` => json` at the end, where what stands there is opened anyway. */
static sp_view without_arrow(sp_view p) {
    static const char arrow[] = " => json";
    size_t n = sizeof arrow - 1;
    return p.n >= n && memcmp(p.p + p.n - n, arrow, n) == 0 ? (sp_view){p.p, p.n - n} : p;
}

static void read_field(sp_build *b, sp_format *f, size_t role, sp_view pointer) {
    uint32_t node;
    if (roles[role].root) {
        pointer = without_arrow(pointer);
        if (pointer.n > 2 && memcmp(pointer.p + pointer.n - 2, "{}", 2) == 0) { /* headers as a list of {name, value} */
            uint32_t list = sp_build_log_pointer(b, f->root, (sp_view){pointer.p, pointer.n - 2}, SP_NODE_MARK), value;
            sp_build_pairs(b, list, &value);
            sp_build_graft(b, list, SP_PAIRS, roles[role].root);
            b->log_opens = 1;
            if (SP_BUILD_OK(b)) b->r->node_roles.v[list] = (uint8_t)roles[role].role;
            return;
        }
        if (pointer.n && memchr(pointer.p, '{', pointer.n)) { /* the value of an element that is told by its name */
            node = sp_build_log_pointer(b, f->root, pointer, SP_NODE_MARK | SP_NODE_LONG);
            sp_build_count_as(b, node, roles[role].root);
            if (SP_BUILD_OK(b)) b->r->node_roles.v[node] = (uint8_t)roles[role].role;
            return;
        }
        size_t cut = pointer.n;
        while (cut && pointer.p[cut - 1] != '/') cut--;
        if (!cut) {
            sp_build_bad(b, "expected a pointer to a member: /name", pointer);
            return;
        }
        uint32_t parent = sp_build_log_pointer(b, f->root, (sp_view){pointer.p, cut - 1}, 0);
        sp_view last = {pointer.p + cut, pointer.n - cut};
        sp_build_graft(b, parent, last, roles[role].root);
        node = sp_build_child(b, parent, last);
    } else node = sp_build_log_pointer(b, f->root, pointer, SP_NODE_MARK);
    if (SP_BUILD_OK(b)) b->r->node_roles.v[node] = (uint8_t)roles[role].role;
}

/* The pointers of a field are tried in their order. */
static void read_fields(sp_build *b, const sp_value *fields, sp_format *f) {
    void *it = NULL;
    sp_view name;
    const sp_value *pointers;
    while (SP_BUILD_OK(b) && fields && sp_json_next(fields, &it, &name, &pointers)) {
        size_t mark = sp_build_mark(b), role = 0;
        sp_build_step(b, name);
        while (role < ROLES && !sp_view_eq(name, lit(roles[role].name))) role++;
        sp_list list = sp_build_names(b, pointers);
        if (role == ROLES)
            sp_build_bad(b, "expected time, id, method, url, status, base64, headers, body, response, events or response_headers", name);
        for (uint32_t i = 0; i < list.n && SP_BUILD_OK(b); i++) read_field(b, f, role, sp_rules_text(b->r, b->r->words.v[list.at + i]));
        if (SP_BUILD_OK(b)) sp_build_back(b, mark);
    }
}

/* Values of a line that count as values of a payload, a response or their headers. */
static void read_places(sp_build *b, const sp_value *places, sp_format *f) {
    void *it = NULL;
    sp_view place;
    const sp_value *pointers;
    while (SP_BUILD_OK(b) && places && sp_json_next(places, &it, &place, &pointers)) {
        size_t mark = sp_build_mark(b);
        uint32_t root = 0;
        sp_build_step(b, place);
        uint32_t target = sp_build_place(b, place, &root, SP_NODE_MARK);
        sp_list list = sp_build_names(b, pointers);
        for (uint32_t i = 0; i < list.n && SP_BUILD_OK(b); i++)
            sp_build_count_as(b, sp_build_log_pointer(b, f->root, sp_rules_text(b->r, b->r->words.v[list.at + i]), SP_NODE_MARK), target);
        if (SP_BUILD_OK(b)) sp_build_back(b, mark);
    }
}

/* A list of `{when, method, url}`: the first that holds says what was asked for. */
static void read_asks(sp_build *b, const sp_value *list, sp_format *f) {
    sp_rules *r = b->r;
    f->asks = (sp_list){r->asks.n, 0};
    for (size_t i = 0; i < sp_json_size(list) && SP_BUILD_OK(b); i++) {
        size_t mark = sp_build_mark(b);
        sp_build_step_n(b, i);
        const sp_value *v = sp_json_at(list, i);
        sp_ask ask = {.when = sp_pack_cond(b, v, "when")};
        ask.request = sp_pack_request(b, v, f->root);
        SP_PUSH(b, r->asks, ask);
        f->asks.n++;
        if (SP_BUILD_OK(b)) sp_build_back(b, mark);
    }
}

/* A list of `{when, state}`: what the line says of its body. */
static void read_states(sp_build *b, const sp_value *list, sp_format *f) {
    sp_rules *r = b->r;
    f->states = (sp_list){r->body_states.n, 0};
    for (size_t i = 0; i < sp_json_size(list) && SP_BUILD_OK(b); i++) {
        size_t mark = sp_build_mark(b);
        sp_build_step_n(b, i);
        const sp_value *v = sp_json_at(list, i);
        sp_body_state_rule s = {.when = sp_pack_cond(b, v, "when")};
        s.state = sp_pack_body_state(b, v);
        SP_PUSH(b, r->body_states, s);
        f->states.n++;
        if (SP_BUILD_OK(b)) sp_build_back(b, mark);
    }
}

/* A list of `{when, why}`: records that are no exchanges. */
static void read_passes(sp_build *b, const sp_value *list, sp_format *f) {
    sp_rules *r = b->r;
    f->passes = (sp_list){r->passes.n, 0};
    for (size_t i = 0; i < sp_json_size(list) && SP_BUILD_OK(b); i++) {
        size_t mark = sp_build_mark(b);
        sp_build_step_n(b, i);
        const sp_value *v = sp_json_at(list, i);
        sp_pass p = {.when = sp_pack_cond(b, v, "when")};
        p.why = sp_build_name(b, sp_pack_member(b, v, "why", 1));
        if (r->passes.n == SP_MAX_PASSES) sp_build_bad(b, "expected fewer records to pass over in all packs together", (sp_view){0});
        SP_PUSH(b, r->passes, p);
        f->passes.n++;
        if (SP_BUILD_OK(b)) sp_build_back(b, mark);
    }
}

static void read_signature(sp_build *b, const sp_value *list, sp_format *f) {
    sp_rules *r = b->r;
    uint32_t root = b->log_root;
    b->log_root = SP_ROOT_DETECT;
    f->signature_at = r->signatures.n;
    if (sp_json_size(list) == 0) sp_build_bad(b, "expected a list of alternatives, each a list of tests", (sp_view){0});
    for (size_t i = 0; i < sp_json_size(list) && SP_BUILD_OK(b); i++) {
        size_t mark = sp_build_mark(b);
        sp_build_step_n(b, i);
        sp_cond c = sp_build_cond(b, sp_json_at(list, i));
        SP_PUSH(b, r->signatures, c);
        f->signature_n++;
        if (SP_BUILD_OK(b)) sp_build_back(b, mark);
    }
    b->log_root = root;
}

static uint32_t new_root(sp_build *b) {
    sp_rules *r = b->r;
    SP_PUSH(b, r->node_tests, 0u);
    SP_PUSH(b, r->node_eaches, 0u);
    SP_PUSH(b, r->node_roles, (uint8_t)0);
    SP_PUSH(b, r->node_also, 0u);
    return SP_PUSH(b, r->nodes, ((sp_node){0}));
}

#define IN(b, v, key, statement)                        \
    do {                                                \
        size_t in_mark_ = sp_build_mark(b);             \
        sp_build_step(b, lit(key));                     \
        statement;                                      \
        if (SP_BUILD_OK(b)) sp_build_back(b, in_mark_); \
    } while (0)

sp_format sp_pack_format(sp_build *b, const sp_value *v, sp_entry e) {
    sp_format f = {.e = e, .title = sp_build_name(b, sp_pack_member(b, v, "title", 1))};
    sp_view grade = sp_pack_member(b, v, "grade", 1);
    while (f.grade < SP_GRADE_COUNT && grade.p && !sp_view_eq(grade, lit(sp_grade_names[f.grade]))) f.grade++;
    if (b->r->formats.n + 1 >= SP_MAX_FORMATS) sp_build_bad(b, "expected fewer readers in all packs together", (sp_view){0});
    if (f.grade == SP_GRADE_COUNT) IN(b, v, "grade", sp_build_bad(b, "expected wire, normalised or metadata", grade));
    f.root = b->log_root = new_root(b);
    b->log_opens = 0;
    if (!SP_BUILD_OK(b)) return f;
    IN(b, v, "signature", read_signature(b, sp_json_get(v, "signature"), &f));
    IN(b, v, "fields", read_fields(b, sp_json_get(v, "fields"), &f));
    IN(b, v, "places", read_places(b, sp_json_get(v, "places"), &f));
    IN(b, v, "requests", read_asks(b, sp_json_get(v, "requests"), &f));
    IN(b, v, "pass_over", read_passes(b, sp_json_get(v, "pass_over"), &f));
    IN(b, v, "bodies", read_states(b, sp_json_get(v, "bodies"), &f));
    sp_pack_ids(b, v, f.ids);
    const sp_value *model = sp_json_get(v, "model");
    if (model) IN(b, v, "model", f.model = sp_pack_places(b, model));
    f.bodiless = sp_json_get(sp_json_get(v, "fields"), "body") == NULL;
    f.opens = b->log_opens;
    b->log_root = 0;
    return f;
}

void sp_pack_last_format(sp_build *b) {
    sp_format f = {.e = {.id = sp_build_name(b, SP_VIEW("bodies")), .kind = SP_FORMAT},
                   .title = sp_build_name(b, SP_VIEW("one plain request body a line")),
                   .root = SP_ROOT_BODY};
    SP_PUSH(b, b->r->formats, f);
}
