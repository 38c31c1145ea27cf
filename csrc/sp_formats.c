/* The readers: descriptions of where the fields of an exchange stand in a line. Not code paths: one scan serves them all. */
#include "sp_pack.h"
#include "sp_pattern.h"

const char *const sp_grade_names[] = {"wire", "normalised", "metadata"};

static const struct {
    const char *name;
    sp_role role;
    uint32_t root;
} roles[] = {{"time", SP_ROLE_TIME, 0},
             {"id", SP_ROLE_ID, 0},
             {"method", SP_ROLE_METHOD, 0},
             {"url", SP_ROLE_URL, 0},
             {"host", SP_ROLE_HOST, 0},
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

/* SP_ARROW at the end, where what stands there is opened anyway. */
static sp_view without_arrow(sp_view p) {
    const size_t n = sizeof SP_ARROW - 1;
    return p.n >= n && memcmp(p.p + p.n - n, SP_ARROW, n) == 0 ? (sp_view){p.p, p.n - n} : p;
}

/* Headers as a list of {name, value}: `{}` behind the pointer to it. */
static int is_pairs(sp_view p) { return p.n > 2 && memcmp(p.p + p.n - 2, "{}", 2) == 0; }

static uint32_t pairs_node(sp_build *b, const sp_format *f, uint32_t root, sp_view pointer) {
    uint32_t list = sp_build_log_pointer(b, f->root, (sp_view){pointer.p, pointer.n - 2}, SP_NODE_MARK), element;
    sp_build_pairs(b, list, &element);
    sp_build_graft(b, list, SP_PAIRS, root);
    return list;
}

/* Whether another pointer of the field leads on from this one: then what is here holds the value, or is its text, and is no payload itself. */
static int leads_on(const sp_rules *r, sp_list pointers, sp_view plain) {
    int found = 0;
    for (uint32_t i = 0; i < pointers.n && !found; i++) {
        sp_view p = sp_rules_text(r, r->words.v[pointers.at + i]);
        found = p.n > plain.n && p.p[plain.n] == '/' && memcmp(p.p, plain.p, plain.n) == 0;
    }
    return found;
}

static uint32_t field_node(sp_build *b, const sp_format *f, uint32_t root, sp_view pointer, sp_list pointers) {
    sp_view plain = without_arrow(pointer), last;
    size_t cut = plain.n;
    if (!root) return sp_build_log_pointer(b, f->root, pointer, SP_NODE_MARK);
    if (is_pairs(plain)) return pairs_node(b, f, root, plain);
    if (plain.n < pointer.n && (memchr(plain.p, '{', plain.n) || leads_on(b->r, pointers, plain))) /* text, opened as such */
        return sp_build_log_pointer(b, f->root, plain, SP_NODE_MARK | SP_NODE_LONG);
    while (cut && plain.p[cut - 1] != '/') cut--;
    if (!cut || memchr(plain.p, '{', plain.n)) {
        sp_build_bad(b, "expected a pointer to a member: /name", pointer);
        return SP_NODE_DEAD;
    }
    uint32_t parent = sp_build_log_pointer(b, f->root, (sp_view){plain.p, cut - 1}, 0);
    last = (sp_view){plain.p + cut, plain.n - cut};
    sp_build_graft(b, parent, last, root);
    return sp_build_child(b, parent, last);
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
            sp_build_bad(b, "expected time, id, method, url, host, status, base64, headers, body, response, events or response_headers",
                         name);
        if (list.n > SP_MAX_RANK) sp_build_bad(b, "expected at most 15 pointers", (sp_view){0});
        for (uint32_t i = 0; i < list.n && SP_BUILD_OK(b); i++) {
            uint32_t node = field_node(b, f, roles[role].root, sp_rules_text(b->r, b->r->words.v[list.at + i]), list);
            if (SP_BUILD_OK(b)) b->r->node_roles.v[node] = SP_ROLE_AT(roles[role].role, i);
        }
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

/* `{when, method, url}`: what was asked for, where it holds and none before it does. */
static void read_ask(sp_build *b, const sp_value *v, sp_format *f) {
    sp_ask ask = {.when = sp_pack_cond(b, v, "when")};
    ask.request = sp_pack_request(b, v, f->root);
    SP_PUSH(b, b->r->asks, ask);
    f->asks.n++;
}

/* `{when, holds, state}`: what the line says of its body. */
static void read_state(sp_build *b, const sp_value *v, sp_format *f) {
    sp_body_state_rule s = {.when = sp_pack_cond(b, v, "when")};
    if (sp_json_get(v, "holds")) SP_AT_KEY(b, "holds", s.holds = sp_build_names(b, sp_json_get(v, "holds")));
    s.state = sp_pack_body_state(b, v);
    SP_PUSH(b, b->r->body_states, s);
    f->states.n++;
}

static void check_pattern(sp_build *b, sp_view pattern) {
    sp_view rest = pattern, before, name;
    for (int count = 0; SP_BUILD_OK(b) && sp_pattern_step(&rest, &before, &name); count++)
        if (count && !before.n) sp_build_bad(b, "expected text between two variables", pattern);
    if (rest.p == pattern.p || !memchr(pattern.p, '$', pattern.n)) sp_build_bad(b, "expected a pattern with variables: $status", pattern);
}

static void read_lines(sp_build *b, const sp_value *patterns, sp_format *f) {
    if (!patterns) return;
    f->lines = sp_build_names(b, patterns);
    for (uint32_t i = 0; i < f->lines.n && SP_BUILD_OK(b); i++) check_pattern(b, sp_rules_text(b->r, b->r->words.v[f->lines.at + i]));
}

/* `{list, way, sent, data, time, calls}`: frames of a socket, of which each that was sent is an exchange. */
static void read_frames(sp_build *b, const sp_value *v, sp_format *f) {
    if (!v) return;
    f->frames = sp_build_log_pointer(b, f->root, sp_pack_member(b, v, "list", 1), SP_NODE_MARK);
    f->way = sp_build_name(b, sp_pack_member(b, v, "way", 1));
    f->sent = sp_build_name(b, sp_pack_member(b, v, "sent", 1));
    f->data = sp_build_name(b, sp_pack_member(b, v, "data", 1));
    f->at = sp_build_name(b, sp_pack_member(b, v, "time", 1));
    SP_AT_KEY(b, "calls", f->calls = sp_build_names(b, sp_json_get(v, "calls")));
    if (f->calls.n > SP_FRAME_CALLS) sp_build_bad(b, "expected fewer calls", (sp_view){0});
}

static uint8_t grade_of(sp_build *b, const sp_value *v) {
    sp_view grade = sp_pack_member(b, v, "grade", 1);
    uint8_t k = 0;
    while (k < SP_GRADE_COUNT && grade.p && !sp_view_eq(grade, lit(sp_grade_names[k]))) k++;
    if (k == SP_GRADE_COUNT) SP_AT_KEY(b, "grade", sp_build_bad(b, "expected wire, normalised or metadata", grade));
    return k;
}

/* `{when, grade}`: where the line says so, its body is not of the grade of the reader. */
static void read_grade(sp_build *b, const sp_value *v, sp_format *f) {
    sp_grade_rule g = {.when = sp_pack_cond(b, v, "when")};
    g.grade = grade_of(b, v);
    SP_PUSH(b, b->r->grades, g);
    f->grades.n++;
}

/* `{when, why}`: a record that is no exchange. */
static void read_pass(sp_build *b, const sp_value *v, sp_format *f) {
    sp_pass p = {.when = sp_pack_cond(b, v, "when")};
    p.why = sp_build_name(b, sp_pack_member(b, v, "why", 1));
    if (b->r->passes.n == SP_MAX_PASSES) sp_build_bad(b, "expected fewer records to pass over in all packs together", (sp_view){0});
    SP_PUSH(b, b->r->passes, p);
    f->passes.n++;
}

/* Tests that all hold: one of the ways in which the lines are told. */
static void read_alternative(sp_build *b, const sp_value *tests, sp_format *f) {
    sp_cond c = sp_build_cond(b, tests);
    SP_PUSH(b, b->r->signatures, c);
    f->signature.n++;
}

static void read_list(sp_build *b, const sp_value *list, sp_format *f, void (*read)(sp_build *, const sp_value *, sp_format *)) {
    for (size_t i = 0; i < sp_json_size(list) && SP_BUILD_OK(b); i++) {
        size_t mark = sp_build_mark(b);
        sp_build_step_n(b, i);
        read(b, sp_json_at(list, i), f);
        if (SP_BUILD_OK(b)) sp_build_back(b, mark);
    }
}

static const sp_value *object_of(sp_build *b, const sp_value *v, const char *key) {
    const sp_value *m = sp_json_get(v, key);
    if (m && sp_json_kind(m) != SP_VALUE_OBJECT) sp_build_bad(b, "expected an object", (sp_view){0});
    return m;
}

sp_format sp_pack_format(sp_build *b, const sp_value *v, sp_entry e, const sp_value *sources) {
    const sp_rules *r = b->r;
    const sp_value *signature = sp_json_get(v, "signature"), *model = sp_json_get(v, "model");
    sp_format f = {.e = e,
                   .title = sp_build_name(b, sp_pack_member(b, v, "title", 1)),
                   .signature = {r->signatures.n, 0},
                   .asks = {r->asks.n, 0},
                   .states = {r->body_states.n, 0},
                   .passes = {r->passes.n, 0},
                   .grades = {r->grades.n, 0},
                   .grade = grade_of(b, v),
                   .bodiless = sp_json_get(sp_json_get(v, "fields"), "body") == NULL};
    if (r->formats.n + 1 >= SP_MAX_FORMATS) sp_build_bad(b, "expected fewer readers in all packs together", (sp_view){0});
    if (signature && sp_json_size(signature) == 0) /* without one the reader is taken by its name only */
        SP_AT_KEY(b, "signature", sp_build_bad(b, "expected a list of alternatives, each a list of tests", (sp_view){0}));
    f.root = sp_build_node(b, (sp_node){0});
    b->log_root = SP_ROOT_DETECT;
    SP_AT_KEY(b, "signature", read_list(b, signature, &f, read_alternative));
    b->log_root = f.root;
    b->log_opens = 0;
    SP_AT_KEY(b, "fields", read_fields(b, object_of(b, v, "fields"), &f));
    SP_AT_KEY(b, "places", read_places(b, object_of(b, v, "places"), &f));
    SP_AT_KEY(b, "requests", read_list(b, sp_json_get(v, "requests"), &f, read_ask));
    SP_AT_KEY(b, "pass_over", read_list(b, sp_json_get(v, "pass_over"), &f, read_pass));
    SP_AT_KEY(b, "bodies", read_list(b, sp_json_get(v, "bodies"), &f, read_state));
    SP_AT_KEY(b, "grades", read_list(b, sp_json_get(v, "grades"), &f, read_grade));
    SP_AT_KEY(b, "lines", read_lines(b, sp_json_get(v, "lines"), &f));
    SP_AT_KEY(b, "frames", read_frames(b, object_of(b, v, "frames"), &f));
    SP_AT_KEY(b, "markers", f.markers = sp_pack_markers(b, sp_json_get(v, "markers"), sources));
    sp_pack_ids(b, v, f.ids);
    if (model) SP_AT_KEY(b, "model", f.model = sp_pack_places(b, model));
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
