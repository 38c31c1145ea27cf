/* Pointers and places, as packs write them, into nodes of the trie. */
#include "sp_build.h"

uint32_t sp_build_pointer(sp_build *b, uint32_t root, sp_view p, unsigned flags) {
    uint32_t node = root;
    uint8_t step[512];
    size_t i = 0;
    if (p.n && p.p[0] == '/') i = 1;
    while (SP_BUILD_OK(b) && p.n && i <= p.n) {
        size_t n = 0;
        for (; i < p.n && p.p[i] != '/' && n < sizeof step; i++) {
            uint8_t c = p.p[i];
            if (c == '~' && i + 1 < p.n) c = p.p[++i] == '1' ? '/' : '~';
            step[n++] = c;
        }
        if (n == sizeof step) sp_build_bad(b, "expected names of at most 511 bytes in a pointer", (sp_view){0});
        node = sp_build_child(b, node, n == 1 && step[0] == '*' ? (sp_view){0} : (sp_view){step, n});
        i++;
    }
    if (SP_BUILD_OK(b)) b->r->nodes.v[node].flags |= (uint16_t)flags;
    return SP_BUILD_OK(b) ? node : SP_NODE_DEAD;
}

uint32_t sp_build_pairs(sp_build *b, uint32_t list, uint32_t *value) {
    uint32_t element = sp_build_child(b, list, (sp_view){0}), name = sp_build_child(b, element, SP_VIEW("name")),
             key = sp_build_child(b, element, SP_VIEW("key")), pairs = sp_build_child(b, list, SP_PAIRS);
    *value = sp_build_child(b, element, SP_VIEW("value"));
    if (!SP_BUILD_OK(b)) return 0;
    b->r->nodes.v[element].flags |= SP_NODE_MARK | SP_NODE_SCOPE | SP_NODE_PAIR;
    b->r->nodes.v[name].flags |= SP_NODE_MARK;
    b->r->nodes.v[key].flags |= SP_NODE_MARK;
    b->r->nodes.v[*value].flags |= SP_NODE_MARK | SP_NODE_LONG;
    return pairs;
}

/* `{name=X}/value…` in p, from the bracket on, below the list: the same steps below the element's value, so that there is a mark, and below
   the name. */
static uint32_t pair_pointer(sp_build *b, uint32_t list, sp_view p) {
    const uint8_t *equal = memchr(p.p, '=', p.n), *close = memchr(p.p, '}', p.n);
    uint32_t value;
    if (!equal || !close || equal > close) {
        sp_build_bad(b, "expected {name=X} or {key=X}", p);
        return SP_NODE_DEAD;
    }
    uint32_t pairs = sp_build_pairs(b, list, &value), node = sp_build_child(b, pairs, (sp_view){equal + 1, (size_t)(close - equal) - 1});
    sp_view rest = {close + 1, (size_t)(p.p + p.n - close) - 1};
    if (rest.n < 6 || memcmp(rest.p, "/value", 6) != 0) sp_build_bad(b, "expected /value behind {name=X}", p);
    rest = (sp_view){rest.p + 6, rest.n - 6};
    if (rest.n) sp_build_pointer(b, value, rest, SP_NODE_MARK | SP_NODE_LONG);
    return rest.n ? sp_build_pointer(b, node, rest, SP_NODE_MARK) : node;
}

/* A pointer without arrows. */
static uint32_t plain_pointer(sp_build *b, uint32_t node, sp_view p) {
    const uint8_t *open = p.n ? memchr(p.p, '{', p.n) : NULL;
    if (!open) return sp_build_pointer(b, node, p, 0);
    size_t at = (size_t)(open - p.p);
    b->log_opens = 1;
    return pair_pointer(b, sp_build_pointer(b, node, (sp_view){p.p, at}, 0), (sp_view){open, p.n - at});
}

uint32_t sp_build_log_pointer(sp_build *b, uint32_t root, sp_view p, unsigned flags) {
    const size_t n = sizeof SP_ARROW - 1;
    uint32_t node = root;
    size_t from = 0;
    for (size_t i = 0; i + n <= p.n; i++) {
        if (memcmp(p.p + i, SP_ARROW, n) != 0) continue;
        node = plain_pointer(b, node, (sp_view){p.p + from, i - from});
        from = i + n;
        if (SP_BUILD_OK(b)) b->r->nodes.v[node].flags |= SP_NODE_MARK | SP_NODE_TEXT;
        b->log_opens = 1;
        from += from < p.n && p.p[from] == ' ';
    }
    if (from < p.n || !from) node = plain_pointer(b, node, (sp_view){p.p + from, p.n - from});
    if (SP_BUILD_OK(b)) b->r->nodes.v[node].flags |= (uint16_t)flags;
    return SP_BUILD_OK(b) ? node : SP_NODE_DEAD;
}

uint32_t sp_build_place(sp_build *b, sp_view place, uint32_t *root, unsigned flags) {
    static const struct {
        const char *kind;
        size_t n;
        uint32_t root;
    } kinds[] = {{"body:", 5, SP_ROOT_BODY},    {"rsp-hdr:", 8, SP_ROOT_RESPONSE_HEADERS},
                 {"rsp:", 4, SP_ROOT_RESPONSE}, {"hdr:", 4, SP_ROOT_HEADERS},
                 {"qs:", 3, SP_ROOT_QUERY},     {"path:", 5, SP_ROOT_PATH}};
    if (b->log_root && place.n > 4 && memcmp(place.p, "log:/", 5) == 0) {
        *root = b->log_root;
        return sp_build_log_pointer(b, b->log_root, (sp_view){place.p + 4, place.n - 4}, flags);
    }
    for (size_t k = 0; k < sizeof kinds / sizeof *kinds; k++) {
        if (place.n < kinds[k].n || memcmp(place.p, kinds[k].kind, kinds[k].n) != 0) continue;
        sp_view rest = {place.p + kinds[k].n, place.n - kinds[k].n};
        *root = kinds[k].root;
        if (*root == SP_ROOT_BODY || *root == SP_ROOT_RESPONSE) {
            if (rest.n && rest.p[0] != '/') break;
            return sp_build_pointer(b, *root, rest, flags);
        }
        uint32_t node = sp_build_child(b, *root, rest);
        if (SP_BUILD_OK(b)) b->r->nodes.v[node].flags |= (uint16_t)flags;
        return node;
    }
    sp_build_bad(b, "expected a place: body:/pointer, rsp:/pointer, hdr:name, rsp-hdr:name, qs:name or path:name", place);
    return 0;
}
