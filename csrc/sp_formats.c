/* The readers: descriptions of where the fields of an exchange stand in a line. Not code paths: one scan serves them all. */
#include <stdio.h>

#include "sp_pack.h"

/* `signature`: alternatives; a line has the format when it has all top-level members of one of them. Tried in order; the last takes the rest.
   A field's pointers are tried in order. */
static const char formats_json[] =
    "[{\"name\":\"pairs\",\"title\":\"one {request, response} object a line\",\"grade\":\"wire\","
    "\"signature\":[[\"request\"]],"
    "\"fields\":{\"time\":[\"/time\",\"/ts\",\"/timestamp\",\"/request/time\"],\"id\":[\"/id\",\"/request_id\"],"
    "\"method\":[\"/request/method\"],\"url\":[\"/request/url\",\"/request/path\"],\"headers\":[\"/request/headers\"],"
    "\"body\":[\"/request/body\"],\"base64\":[\"/request/isBase64Encoded\"],"
    "\"status\":[\"/response/status\",\"/response/status_code\"],\"response_headers\":[\"/response/headers\"],"
    "\"response\":[\"/response/body\"],\"events\":[\"/response/events\"]}},"
    "{\"name\":\"batch\",\"title\":\"OpenAI Batch input: {custom_id, method, url, body} a line\",\"grade\":\"wire\","
    "\"signature\":[[\"custom_id\",\"body\"],[\"custom_id\",\"url\"]],"
    "\"fields\":{\"id\":[\"/custom_id\"],\"method\":[\"/method\"],\"url\":[\"/url\"],\"body\":[\"/body\"]}},"
    "{\"name\":\"flat\",\"title\":\"one object a line: ts, id, method, url or path, headers, body, status, response\",\"grade\":\"wire\","
    "\"signature\":[[\"url\",\"body\"],[\"path\",\"body\"],[\"url\",\"method\"],[\"path\",\"method\"],[\"method\",\"body\"],[\"headers\","
    "\"body\"],"
    "[\"status\",\"body\"],[\"ts\",\"path\"],[\"ts\",\"url\"],[\"ts\",\"body\"],[\"path\"],[\"url\"]],"
    "\"fields\":{\"time\":[\"/ts\",\"/time\",\"/timestamp\"],\"id\":[\"/id\",\"/request_id\"],\"method\":[\"/method\"],"
    "\"url\":[\"/url\",\"/path\"],\"headers\":[\"/headers\"],\"body\":[\"/body\"],\"base64\":[\"/isBase64Encoded\"],"
    "\"status\":[\"/status\"],\"response_headers\":[\"/response_headers\"],\"response\":[\"/response\"]}},"
    "{\"name\":\"bodies\",\"title\":\"one plain request body a line\",\"grade\":\"wire\",\"signature\":[],\"fields\":{\"body\":[\"\"]}}]";

const char *sp_formats_json(void) { return formats_json; }

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

static void field(sp_build *b, uint32_t root, size_t role, sp_view pointer) {
    sp_rules *r = b->r;
    size_t cut = pointer.n;
    while (cut && pointer.p[cut - 1] != '/') cut--;
    uint32_t node;
    if (roles[role].root) {
        uint32_t parent = sp_build_pointer(b, root, (sp_view){pointer.p, cut - 1}, 0);
        sp_view last = {pointer.p + cut, pointer.n - cut};
        sp_build_graft(b, parent, last, roles[role].root);
        node = sp_build_child(b, parent, last);
    } else node = sp_build_pointer(b, root, pointer, SP_NODE_MARK);
    if (SP_BUILD_OK(b)) r->node_roles.v[node] = (uint8_t)roles[role].role;
}

static void read_format(sp_build *b, const sp_value *v) {
    sp_rules *r = b->r;
    sp_format f = {.name = sp_build_name(b, sp_json_text(sp_json_get(v, "name"))),
                   .title = sp_build_name(b, sp_json_text(sp_json_get(v, "title")))};
    const sp_value *signature = sp_json_get(v, "signature"), *pointers;
    f.signature_at = r->signatures.n;
    for (size_t i = 0; i < sp_json_size(signature); i++) {
        uint32_t bits[8], n = 0;
        for (size_t k = 0; k < sp_json_size(sp_json_at(signature, i)) && n < 8; k++) {
            uint32_t node = sp_build_child(b, SP_ROOT_DETECT, sp_json_text(sp_json_at(sp_json_at(signature, i), k)));
            bits[n++] = sp_build_test(b, node, SP_FORM_ANY, SP_MATCH_FORM, (sp_list){0, 0});
        }
        sp_list alternative = sp_build_words(b, bits, n);
        SP_PUSH(b, r->signatures, alternative);
        f.signature_n++;
    }
    void *it = NULL;
    sp_view name;
    const sp_value *fields = sp_json_get(v, "fields");
    f.root = sp_view_eq(sp_json_text(sp_json_at(sp_json_get(fields, "body"), 0)), SP_VIEW("")) ? SP_ROOT_BODY : 0;
    if (!f.root && SP_BUILD_OK(b)) {
        SP_PUSH(b, r->node_tests, 0u);
        SP_PUSH(b, r->node_eaches, 0u);
        SP_PUSH(b, r->node_roles, (uint8_t)0);
        SP_PUSH(b, r->node_also, 0u);
        f.root = SP_PUSH(b, r->nodes, ((sp_node){0}));
        while (SP_BUILD_OK(b) && sp_json_next(fields, &it, &name, &pointers))
            for (size_t role = 0; role < sizeof roles / sizeof *roles; role++)
                for (size_t i = 0;
                     name.n == strlen(roles[role].name) && memcmp(name.p, roles[role].name, name.n) == 0 && i < sp_json_size(pointers); i++)
                    field(b, f.root, role, sp_json_text(sp_json_at(pointers, i)));
    }
    SP_PUSH(b, r->formats, f);
}

void sp_pack_formats(sp_build *b) {
    b->text = (sp_view){(const uint8_t *)formats_json, sizeof formats_json - 1};
    b->file = "formats";
    sp_value *list;
    if (sp_json_load(b->text, &list) != SP_OK) sp_build_nomem(b);
    for (size_t i = 0; i < sp_json_size(list) && SP_BUILD_OK(b); i++) read_format(b, sp_json_at(list, i));
    sp_json_free(list);
}
