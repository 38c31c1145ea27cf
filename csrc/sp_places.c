/* Pointers and places, as packs write them, into nodes of the trie; patterns of paths. */
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

uint32_t sp_build_pairs(sp_build *b, uint32_t list, uint32_t *element) {
    uint32_t pairs = sp_build_child(b, list, SP_PAIRS), name, key, value;
    *element = sp_build_child(b, list, (sp_view){0});
    name = sp_build_child(b, *element, SP_VIEW("name"));
    key = sp_build_child(b, *element, SP_VIEW("key"));
    value = sp_build_child(b, *element, SP_VIEW("value"));
    if (!SP_BUILD_OK(b)) return 0;
    b->r->nodes.v[*element].flags |= SP_NODE_MARK | SP_NODE_SCOPE | SP_NODE_PAIR;
    b->r->nodes.v[name].flags |= SP_NODE_MARK;
    b->r->nodes.v[key].flags |= SP_NODE_MARK;
    b->r->nodes.v[value].flags |= SP_NODE_MARK | SP_NODE_LONG;
    b->log_opens = 1;
    return pairs;
}

/* A pointer without arrows; `flags` for its node. What stands behind `{name=X}` is built below the element, so that there is a mark, and below
   the name, for which the element's value stands: `/list{name=X}/value/a` is `a` below X, `/list{name=X}/b` is `b` below X. */
static uint32_t plain_pointer(sp_build *b, uint32_t node, sp_view p, unsigned flags) {
    for (;;) {
        const uint8_t *open = p.n ? memchr(p.p, '{', p.n) : NULL, *end = p.p + p.n;
        const uint8_t *close = open ? memchr(open, '}', (size_t)(end - open)) : NULL,
                      *equal = close ? memchr(open, '=', (size_t)(close - open)) : NULL;
        if (!open) return sp_build_pointer(b, node, p, flags);
        if (!equal) {
            sp_build_bad(b, "expected {name=X}, {key=X} or, at the end, {text*}", p);
            return SP_NODE_DEAD;
        }
        uint32_t element, pairs = sp_build_pairs(b, sp_build_pointer(b, node, (sp_view){p.p, (size_t)(open - p.p)}, 0), &element);
        sp_view rest = {close + 1, (size_t)(end - close) - 1};
        if (!rest.n) sp_build_bad(b, "expected /value, or another member, behind {name=X}", p);
        node = sp_build_child(b, pairs, (sp_view){equal + 1, (size_t)(close - equal) - 1});
        if (rest.n >= 6 && memcmp(rest.p, "/value", 6) == 0 && (rest.n == 6 || rest.p[6] == '/')) {
            element = sp_build_child(b, element, SP_VIEW("value"));
            rest = (sp_view){rest.p + 6, rest.n - 6};
        }
        if (!SP_BUILD_OK(b)) return SP_NODE_DEAD;
        if (!rest.n) {
            b->r->nodes.v[node].flags |= (uint16_t)flags;
            return node;
        }
        plain_pointer(b, element, rest, flags | SP_NODE_MARK | SP_NODE_LONG);
        p = rest;
    }
}

/* `{text*}` at the end of a pointer: a string there that begins with `text`. */
static uint32_t told_apart(sp_build *b, uint32_t node, sp_view p, unsigned flags) {
    size_t at = p.n > 3 && p.p[p.n - 1] == '}' && p.p[p.n - 2] == '*' ? p.n - 3 : 0;
    while (at && p.p[at] != '{') at--;
    if (!at) return plain_pointer(b, node, p, flags);
    node = plain_pointer(b, node, (sp_view){p.p, at}, SP_NODE_MARK | SP_NODE_SORT);
    b->log_opens = 1;
    node = sp_build_child(b, node, (sp_view){p.p + at, p.n - at});
    if (SP_BUILD_OK(b)) b->r->nodes.v[node].flags |= (uint16_t)flags;
    return node;
}

uint32_t sp_build_log_pointer(sp_build *b, uint32_t root, sp_view p, unsigned flags) {
    static const struct {
        const char *arrow;
        unsigned flags;
    } arrows[] = {{SP_ARROW, SP_NODE_TEXT}, {SP_ARROW_ANY, SP_NODE_ANY}};
    uint32_t node = root;
    size_t from = 0;
    for (size_t i = 0; i < 2 * p.n; i++) {
        const size_t n = strlen(arrows[i % 2].arrow), at = i / 2;
        if (at + n > p.n || memcmp(p.p + at, arrows[i % 2].arrow, n) != 0) continue;
        node = plain_pointer(b, node, (sp_view){p.p + from, at - from}, SP_NODE_MARK | arrows[i % 2].flags);
        from = at + n;
        b->log_opens = 1;
        from += from < p.n && p.p[from] == ' ';
    }
    if (from < p.n || !from) node = told_apart(b, node, (sp_view){p.p + from, p.n - from}, flags);
    else if (SP_BUILD_OK(b)) b->r->nodes.v[node].flags |= (uint16_t)flags;
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
    sp_build_bad(b,
                 b->log_root ? "expected a place: log:/pointer, body:/pointer, rsp:/pointer, hdr:name, rsp-hdr:name, qs:name or path:name"
                             : "expected a place: body:/pointer, rsp:/pointer, hdr:name, rsp-hdr:name, qs:name or path:name",
                 place);
    return 0;
}

/* ---- paths ----- */

/* `{name}` with text around it, or `{name=text*}`: all of a segment that begins with that text. */
static sp_segment catch_of(sp_build *b, sp_view seg, const uint8_t *open, const uint8_t *close) {
    const uint8_t *end = seg.p + seg.n, *is = memchr(open, '=', (size_t)(close - open));
    sp_segment g = {.whole = is != NULL};
    if (is && (open != seg.p || close + 1 != end || close[-1] != '*' || is == open + 1 || is + 2 == close))
        sp_build_bad(b, "expected {name=text*} as all of a segment", seg);
    g.before = sp_build_name(b, is ? (sp_view){is + 1, (size_t)(close - is - 2)} : (sp_view){seg.p, (size_t)(open - seg.p)});
    g.name = sp_build_name(b, (sp_view){open + 1, (size_t)((is ? is : close) - open - 1)});
    g.after = sp_build_name(b, (sp_view){close + 1, (size_t)(end - close - 1)});
    return g;
}

uint32_t sp_build_pattern(sp_build *b, sp_view t) {
    sp_rules *r = b->r;
    sp_pattern p = {.at = r->segments.n};
    size_t i = 0;
    if (t.n >= 2 && memcmp(t.p, "**", 2) == 0) p.lead = 1, i = 2;
    if (i >= t.n || t.p[i] != '/') sp_build_bad(b, "expected a path that starts with / or **/", t);
    while (SP_BUILD_OK(b) && i < t.n) {
        size_t s = ++i;
        while (i < t.n && t.p[i] != '/') i++;
        sp_view seg = {t.p + s, i - s};
        if (seg.n == 0) continue;
        const uint8_t *open = memchr(seg.p, '{', seg.n), *close = memchr(seg.p, '}', seg.n);
        if (!open != !close || (open && close < open + 2)) sp_build_bad(b, "expected {name} in a segment", seg);
        else if (!open) SP_PUSH(b, r->segments, ((sp_segment){.before = sp_build_name(b, seg)})), p.n++;
        else if (close - open > 3 && close[-1] == '*' && close[-2] == '*') {
            if (i < t.n || seg.p != open) sp_build_bad(b, "expected {name**} as the last segment", seg);
            p.rest = 1;
            p.rest_name = sp_build_name(b, (sp_view){open + 1, (size_t)(close - open - 3)});
        } else SP_PUSH(b, r->segments, catch_of(b, seg, open, close)), p.n++;
    }
    return SP_PUSH(b, r->patterns, p);
}
