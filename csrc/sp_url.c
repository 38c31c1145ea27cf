#include "sp_url.h"

static int hex(uint8_t c) {
    return c >= '0' && c <= '9' ? c - '0' : c >= 'a' && c <= 'f' ? c - 'a' + 10 : c >= 'A' && c <= 'F' ? c - 'A' + 10 : -1;
}
static uint8_t lower(uint8_t c) { return c >= 'A' && c <= 'Z' ? (uint8_t)(c + 32) : c; }
static int unreserved(int c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '-' || c == '.' || c == '_' || c == '~';
}

size_t sp_percent_decode(sp_view t, int plus, uint8_t *out) {
    size_t n = 0;
    for (size_t i = 0; i < t.n; i++) {
        int hi = i + 2 < t.n + 0 && t.p[i] == '%' ? hex(t.p[i + 1]) : -1, lo = hi >= 0 ? hex(t.p[i + 2]) : -1;
        if (lo >= 0) out[n++] = (uint8_t)(hi * 16 + lo), i += 2;
        else out[n++] = plus && t.p[i] == '+' ? ' ' : t.p[i];
    }
    return n;
}

static void look_at_escapes(sp_view seg, sp_url *u) {
    for (size_t i = 0; i + 2 < seg.n; i++) {
        if (seg.p[i] != '%') continue;
        int hi = hex(seg.p[i + 1]), lo = hex(seg.p[i + 2]);
        if (hi < 0 || lo < 0) continue;
        int c = hi * 16 + lo;
        if (c == '/' || c == '\\') u->encoded_slash = 1;
        else if (unreserved(c)) u->odd = 1;
    }
}

static size_t authority(sp_view t, size_t i, sp_arena *arena, sp_url *u) {
    size_t end = i;
    while (end < t.n && t.p[end] != '/' && t.p[end] != '?' && t.p[end] != '#') end++;
    for (size_t k = i; k < end; k++)
        if (t.p[k] == '@') i = k + 1; /* user information is no part of the host */
    size_t host_end = end, bracket = i < end && t.p[i] == '[';
    for (size_t k = i; k < end; k++) {
        if (t.p[k] == ']') bracket = 0;
        if (t.p[k] == ':' && !bracket) {
            host_end = k;
            for (size_t d = k + 1; d < end && t.p[d] >= '0' && t.p[d] <= '9' && u->port < 100000; d++)
                u->port = u->port * 10 + (uint32_t)(t.p[d] - '0');
            break;
        }
    }
    uint8_t *host = sp_arena_get(arena, host_end - i + 1);
    if (!host) return SIZE_MAX;
    for (size_t k = i; k < host_end; k++) host[k - i] = lower(t.p[k]);
    u->host = (sp_view){host, host_end - i};
    while (u->host.n && u->host.p[u->host.n - 1] == '.') u->host.n--;
    return end;
}

static size_t path_start(sp_view t, sp_arena *arena, sp_url *u) {
    size_t i = 0;
    while (i < t.n && i < 12 && ((lower(t.p[i]) >= 'a' && lower(t.p[i]) <= 'z') || t.p[i] == '+')) i++;
    if (i && i + 2 < t.n && memcmp(t.p + i, "://", 3) == 0) return authority(t, i + 3, arena, u);
    if (t.n == 0 || t.p[0] == '/') return 0;
    for (i = 0; i < t.n && t.p[i] != '/' && t.p[i] != '?' && t.p[i] != '#'; i++)
        if (t.p[i] == '.' || t.p[i] == ':') return authority(t, 0, arena, u);
    return 0;
}

sp_status sp_url_parse(sp_view t, sp_arena *arena, sp_url *u) {
    memset(u, 0, offsetof(sp_url, segments));
    u->count = 0;
    u->query = (sp_view){0};
    u->present = t.n > 0, u->odd = u->ambiguous = u->encoded_slash = u->upper = 0;
    size_t i = path_start(t, arena, u);
    if (i == SIZE_MAX) return SP_ERR_NOMEM;
    size_t end = i;
    while (end < t.n && t.p[end] != '?' && t.p[end] != '#') end++;
    size_t q = end;
    while (q < t.n && t.p[q] != '#') q++;
    if (q < t.n) u->odd = u->ambiguous = 1;
    if (end < q) u->query = (sp_view){t.p + end + 1, q - end - 1};
    uint8_t *text = sp_arena_get(arena, end - i + 1);
    if (!text) return SP_ERR_NOMEM;
    while (i < end) {
        if (t.p[i] == '/') i++;
        size_t s = i;
        while (i < end && t.p[i] != '/') i++;
        sp_view seg = {t.p + s, i - s};
        if (seg.n == 0) {
            if (i < end || (s >= 2 && t.p[s - 1] == '/' && t.p[s - 2] == '/')) u->odd = 1;
            continue;
        }
        look_at_escapes(seg, u);
        size_t n = sp_percent_decode(seg, 0, text);
        if (n == 1 && text[0] == '.') u->odd = 1;
        else if (n == 2 && text[0] == '.' && text[1] == '.')
            u->odd = 1, text = u->count ? (uint8_t *)(uintptr_t)u->segments[--u->count].p : text;
        else if (u->count == SP_MAX_SEGMENTS) u->ambiguous = 1;
        else {
            u->segments[u->count++] = (sp_view){text, n};
            for (size_t k = 0; k < n; k++) u->upper |= text[k] >= 'A' && text[k] <= 'Z';
            text += n;
            *text++ = '/'; /* so that segments in a row are one text: sp_path_match */
        }
    }
    return SP_OK;
}

static int local_host(sp_view h) {
    static const char *const ends[] = {".local", ".localhost", ".internal", ".svc", ".cluster.local", ".localdomain"};
    static const char *const starts[] = {"127.", "10.", "192.168.", "169.254.", "0.0.0.0", "[::1]", "[fc", "[fd", "[fe80"};
    if (!memchr(h.p, '.', h.n) && h.p[0] != '[') return 1;
    for (size_t i = 0; i < sizeof ends / sizeof *ends; i++) {
        size_t n = strlen(ends[i]);
        if (h.n >= n && memcmp(h.p + h.n - n, ends[i], n) == 0) return 1;
    }
    for (size_t i = 0; i < sizeof starts / sizeof *starts; i++)
        if (h.n >= strlen(starts[i]) && memcmp(h.p, starts[i], strlen(starts[i])) == 0) return 1;
    return h.n > 7 && memcmp(h.p, "172.", 4) == 0 && h.p[6] == '.' &&
           ((h.p[4] == '1' && h.p[5] >= '6') || h.p[4] == '2' || (h.p[4] == '3' && h.p[5] <= '1'));
}

static int label_match(sp_view p, sp_view l, sp_view *region) {
    const uint8_t *open = p.n ? memchr(p.p, '{', p.n) : NULL;
    const uint8_t *close = open ? memchr(open, '}', p.n - (size_t)(open - p.p)) : NULL;
    if (!close) return sp_view_eq(p, l);
    size_t before = (size_t)(open - p.p), after = (size_t)(p.p + p.n - close - 1);
    if (l.n <= before + after || memcmp(l.p, p.p, before) != 0 || memcmp(l.p + l.n - after, close + 1, after) != 0) return 0;
    if ((size_t)(close - open) == 7 && memcmp(open, "{region", 7) == 0) *region = (sp_view){l.p + before, l.n - before - after};
    return 1;
}

static sp_view last_label(sp_view *rest) {
    size_t i = rest->n;
    while (i && rest->p[i - 1] != '.') i--;
    sp_view l = {rest->p + i, rest->n - i};
    rest->n = i ? i - 1 : 0;
    return l;
}

int sp_host_match(sp_view pattern, sp_view host, sp_view *region) {
    if (host.n == 0) return 0;
    if (pattern.n == 6 && memcmp(pattern.p, "@local", 6) == 0) return local_host(host);
    while (pattern.n) {
        sp_view p = last_label(&pattern);
        if (p.n == 1 && p.p[0] == '*' && pattern.n == 0) return host.n > 0;
        if (host.n == 0) return 0;
        sp_view l = last_label(&host);
        if (!label_match(p, l, region)) return 0;
    }
    return host.n == 0;
}

static int same(sp_view a, const uint8_t *p, int fold) {
    for (size_t i = 0; i < a.n; i++)
        if (a.p[i] != p[i] && !(fold && lower(a.p[i]) == lower(p[i]))) return 0;
    return 1;
}

/* The segments from i on as one text; none where a rewrite put them together. */
static sp_view rest_of(const sp_url *u, uint32_t i) {
    sp_view all = i < u->count ? u->segments[i] : (sp_view){0};
    for (i++; i < u->count && all.p; i++) {
        int next = u->segments[i].p == all.p + all.n + 1;
        all = next ? (sp_view){all.p, all.n + 1 + u->segments[i].n} : (sp_view){0};
    }
    return all;
}

int sp_path_match(const sp_rules *r, const sp_pattern *p, const sp_url *u, int fold, sp_catch *catches, uint32_t cap, uint32_t *n) {
    if (u->count < p->n || (!p->lead && !p->rest && u->count != p->n)) return 0;
    uint32_t last = p->lead ? u->count - p->n : 0;
    for (uint32_t start = p->lead && !p->rest ? last : 0; start <= last; start++) {
        uint32_t i = 0;
        *n = 0;
        for (; i < p->n; i++) {
            const sp_segment *g = &r->segments.v[p->at + i];
            sp_view s = u->segments[start + i], before = sp_rules_text(r, g->before), after = sp_rules_text(r, g->after);
            if (!g->name ? s.n != before.n : s.n <= before.n + after.n) break;
            if (!same(before, s.p, fold) || !same(after, s.p + s.n - after.n, fold)) break;
            size_t from = g->whole ? 0 : before.n;
            if (g->name && *n < cap) catches[(*n)++] = (sp_catch){g->name, {s.p + from, s.n - from - after.n}};
        }
        if (i < p->n) continue;
        if (p->rest && *n < cap && start + i < u->count) catches[(*n)++] = (sp_catch){p->rest_name, rest_of(u, start + i)};
        return 1;
    }
    return 0;
}

static int in_class(sp_view p, size_t *i, uint8_t c) { /* p.p[*i] is `[`; moves past `]` */
    int hit = 0, not = 0;
    size_t k = *i + 1;
    if (k < p.n && p.p[k] == '!') not = 1, k++;
    for (; k < p.n && p.p[k] != ']'; k++) {
        if (k + 2 < p.n && p.p[k + 1] == '-' && p.p[k + 2] != ']') hit |= c >= p.p[k] && c <= p.p[k + 2], k += 2;
        else hit |= c == p.p[k];
    }
    *i = k + 1;
    return hit != not ;
}

int sp_glob(sp_view p, sp_view t) {
    size_t i = 0, k = 0, star = SIZE_MAX, resume = 0;
    while (k < t.n) {
        size_t next = i + 1;
        if (i < p.n && p.p[i] == '*') star = i++, resume = k;
        else if (i < p.n && (p.p[i] == '[' ? (next = i, in_class(p, &next, lower(t.p[k]))) : lower(p.p[i]) == lower(t.p[k]))) i = next, k++;
        else if (star != SIZE_MAX) i = star + 1, k = ++resume;
        else return 0;
    }
    while (i < p.n && p.p[i] == '*') i++;
    return i == p.n;
}
