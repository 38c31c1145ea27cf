/* Who is asked, and for what: host, provider, path as the provider knows it, operation. What depends on the URL and the method alone is
   remembered, for both repeat. */
#include "sp_verdict.h"

static int host_fits(const sp_judge *j, const sp_host *h, sp_view *region) {
    const sp_rules *r = j->rules;
    int hit = 0, port = h->ports.n == 0;
    for (uint32_t k = 0; k < h->ports.n; k++) port |= r->words.v[h->ports.at + k] == j->url->port;
    for (uint32_t k = 0; k < h->match.n && port && !hit; k++) {
        *region = (sp_view){0};
        hit = sp_host_match(sp_rules_text(r, r->words.v[h->match.at + k]), j->url->host, region);
    }
    return hit;
}

static struct sp_host_memo *memo_of(sp_judge *j) {
    uint64_t key = sp_x64(j->url->host.p, j->url->host.n) ^ j->url->port * 0x9e3779b97f4a7c15u;
    struct sp_host_memo *m = &j->hosts[key % SP_HOST_MEMOS];
    if (j->url->host.n > sizeof m->text) return NULL;
    if (m->key == key && m->n == j->url->host.n && memcmp(m->text, j->url->host.p, m->n) == 0) return m;
    m->key = key;
    m->known = 0;
    m->n = (uint8_t)j->url->host.n;
    memcpy(m->text, j->url->host.p, m->n);
    return m;
}

static void remember(struct sp_host_memo *m, const sp_judge *j, uint32_t host, sp_view region) {
    m->known = 1;
    m->host = host;
    m->region = region.p ? (sp_view){(const uint8_t *)m->text + (region.p - j->url->host.p), region.n} : (sp_view){0};
}

static void use_host(sp_judge *j, uint32_t i, sp_view region) {
    j->out.host = &j->rules->hosts.v[i];
    j->out.provider = j->out.host->provider;
    j->out.region = region;
}

/* The first rule that the host, its port and the headers fit. Hosts repeat, so what depends on nothing but them is remembered. */
void spi_find_host(sp_judge *j, const sp_facts_in *in) {
    const sp_rules *r = j->rules;
    sp_view region = {0};
    struct sp_host_memo *m = j->url->host.n ? memo_of(j) : NULL;
    int plain = 1;
    if (m && m->known && m->host) use_host(j, m->host - 1, m->region);
    for (uint32_t i = 0; i < r->hosts.n && !j->out.host && j->url->host.n && !(m && m->known); i++) {
        const sp_host *h = &r->hosts.v[i];
        if (h->by_header || !host_fits(j, h, &region)) continue;
        plain &= h->headers.n == 0 && h->from == INT64_MIN && h->until == INT64_MAX;
        if (spi_in_force(h->from, h->until, in->time) && sp_judge_holds(j, in, h->headers)) use_host(j, i, region);
    }
    if (m && !m->known && plain) remember(m, j, j->out.host ? (uint32_t)(j->out.host - r->hosts.v) + 1 : 0, j->out.region);
    for (uint32_t k = 0; k < r->header_hosts.n && !(j->out.host && !j->out.host->inferred); k++) { /* a header says more than a port */
        uint32_t i = r->words.v[r->header_hosts.at + k];
        const sp_host *h = &r->hosts.v[i];
        if (spi_in_force(h->from, h->until, in->time) && sp_judge_holds(j, in, h->headers)) use_host(j, i, (sp_view){0});
    }
    if (in->provider && (!j->out.host || j->out.host->by_header || j->out.host->inferred)) j->out.provider = in->provider;
}

static void put_param(sp_judge *j, uint32_t root, sp_view name, sp_view value) {
    uint8_t key[257];
    if (name.n > 256 || j->param_count == sizeof j->params / sizeof *j->params) return;
    key[0] = '"';
    if (name.n) memcpy(key + 1, name.p, name.n);
    sp_digest h = sp_x128(key, name.n + 1);
    uint32_t node = sp_trie_member(&j->rules->trie, root, &h, name.p, name.n);
    if (node) j->params[j->param_count].node = node, j->params[j->param_count++].value = value;
}

void spi_query_params(sp_judge *j) {
    sp_view q = j->url->query;
    for (size_t i = 0; i < q.n;) {
        size_t s = i, eq = SIZE_MAX;
        for (; i < q.n && q.p[i] != '&'; i++)
            if (q.p[i] == '=' && eq == SIZE_MAX) eq = i;
        sp_view name = {q.p + s, (eq == SIZE_MAX ? i : eq) - s}, value = {q.p + i, 0};
        if (eq != SIZE_MAX) {
            uint8_t *p = sp_arena_get(&j->arena, i - eq);
            if (p) value = (sp_view){p, sp_percent_decode((sp_view){q.p + eq + 1, i - eq - 1}, 1, p)};
        }
        put_param(j, SP_ROOT_QUERY, name, value);
        i++;
    }
}

/* Takes the segments that the path has at the provider whose API a gateway passes on. Returns that provider. */
static sp_name rewrite(const sp_judge *j, sp_url *url) {
    const sp_rules *r = j->rules;
    sp_name as = j->out.provider;
    sp_catch catches[SP_MAX_CATCHES];
    for (uint32_t i = 0; i < r->rewrites.n; i++) {
        const sp_rewrite *w = &r->rewrites.v[i];
        const sp_pattern *p = &r->patterns.v[w->path];
        uint32_t n = 0;
        if (!spi_in_names(r, w->providers.at, w->providers.n, as) || !sp_path_match(r, p, url, 0, catches, SP_MAX_CATCHES, &n)) continue;
        sp_view to = sp_rules_text(r, w->to);
        sp_view segments[SP_MAX_SEGMENTS];
        uint32_t count = 0;
        for (size_t s = 0; s < to.n;) {
            size_t b = ++s;
            while (s < to.n && to.p[s] != '/') s++;
            sp_view seg = {to.p + b, s - b};
            if (seg.n > 2 && seg.p[0] == '{') {
                sp_view name = {seg.p + 1, seg.n - 2};
                if (sp_view_eq(name, sp_rules_text(r, p->rest_name)))
                    for (uint32_t k = p->n; k < url->count && count < SP_MAX_SEGMENTS; k++) segments[count++] = url->segments[k];
                else
                    for (uint32_t k = 0; k < n && count < SP_MAX_SEGMENTS; k++)
                        if (sp_view_eq(name, sp_rules_text(r, catches[k].name))) segments[count++] = catches[k].value;
            } else if (seg.n && count < SP_MAX_SEGMENTS) segments[count++] = seg;
        }
        memcpy(url->segments, segments, count * sizeof *segments);
        url->count = count;
        return w->as;
    }
    return as;
}

static int path_fits(sp_judge *j, const sp_operation *o, int fold) {
    const sp_rules *r = j->rules;
    int path = 0;
    j->catch_count = 0;
    for (uint32_t k = 0; k < o->paths.n && !path; k++)
        path = sp_path_match(r, &r->patterns.v[r->words.v[o->paths.at + k]], j->url, fold, j->catches, SP_MAX_CATCHES, &j->catch_count);
    return path;
}

static int method_fits(const sp_judge *j, const sp_facts_in *in, const sp_operation *o) {
    return !o->methods.n || !in->method.n || spi_in_names(j->rules, o->methods.at, o->methods.n, j->method);
}

static int time_and_body_fit(const sp_judge *j, const sp_facts_in *in, const sp_operation *o) {
    return (in->time == SP_NULL_INT || spi_in_force(o->from, o->until, in->time)) && sp_judge_holds(j, in, o->when);
}

static int operation_fits(sp_judge *j, const sp_facts_in *in, const sp_operation *o, int fold) {
    return method_fits(j, in, o) && (o->e.kind == SP_SHAPE || path_fits(j, o, fold)) && time_and_body_fit(j, in, o);
}

/* Whether the paths of an endpoint tell it without the host: two literal segments, the first among them, and nothing left open. */
static int is_telling(const sp_rules *r, const sp_operation *o) {
    int telling = o->paths.n > 0;
    for (uint32_t k = 0; k < o->paths.n; k++) {
        const sp_pattern *p = &r->patterns.v[r->words.v[o->paths.at + k]];
        uint32_t literal = 0;
        for (uint32_t i = 0; i < p->n; i++) literal += !r->segments.v[p->at + i].name;
        telling &= literal > 1 && !p->rest && !p->lead && !r->segments.v[p->at].name;
    }
    return telling;
}

/* ---- URLs that were seen ---------------------------------------------------------------------------------------------------------- */

static uint8_t *keep(uint8_t *store, sp_view *v) {
    if (v->n) memcpy(store, v->p, v->n);
    if (v->p) v->p = store;
    return store + v->n;
}

/* Reads the URL into a free memo. */
static sp_status fill_memo(sp_judge *j, sp_url_memo *m, sp_view text) {
    memcpy(m->text, text.p, text.n);
    SP_TRY(sp_url_parse((sp_view){m->text, text.n}, &j->arena, &m->url));
    uint8_t *store = keep(m->store, &m->url.host); /* no part grows by decoding; the query is as written */
    for (uint32_t i = 0; i < m->url.count; i++) {
        store = keep(store, &m->url.segments[i]);
        *store++ = '/'; /* as sp_url_parse has them */
    }
    m->n = (uint16_t)text.n;
    m->found = m->listed = 0;
    return SP_OK;
}

sp_status spi_read_url(sp_judge *j, const sp_facts_in *in) {
    sp_view text = in->url;
    sp_url_memo *m = &j->urls[sp_x64(text.p, text.n) % SP_URL_MEMOS];
    int kept = text.n > 0 && text.n <= sizeof m->text, known = kept && m->n == text.n && memcmp(m->text, text.p, text.n) == 0;
    j->url = kept ? &m->url : &j->own_url;
    j->url_memo = kept ? m : NULL;
    if (kept && !known) {
        m->n = 0;
        SP_TRY(fill_memo(j, m, text));
    } else if (!kept) SP_TRY(sp_url_parse(text, &j->arena, &j->own_url));
    j->has_url = j->url->present;
    j->odd = j->url->odd;
    j->ambiguous = j->url->ambiguous;
    return SP_OK;
}

/* Makes the path that which the provider knows. */
static sp_status take_path(sp_judge *j, const sp_facts_in *in) {
    sp_url_memo *m = j->url_memo;
    if (m && m->found && (m->provider != j->out.provider || m->method != j->method)) { /* the same URL at somebody else's */
        m->n = 0;
        SP_TRY(fill_memo(j, m, in->url));
    }
    j->out.as = m && m->found ? m->as : rewrite(j, j->url);
    if (m && !m->found) {
        m->found = 1;
        m->provider = j->out.provider;
        m->method = j->method;
        m->as = j->out.as;
    }
    return SP_OK;
}

/* Whether nothing but method and path decides, so that no later endpoint comes to its turn. */
static int is_certain(const sp_operation *o) { return o->when.n == 0 && o->from == INT64_MIN && o->until == INT64_MAX; }

/* Endpoints whose method and path fit, in order, up to the first that nothing else decides. 0: too many to be listed. */
static int list_endpoints(sp_judge *j, const sp_facts_in *in, sp_list all, sp_url_memo *m) {
    const sp_rules *r = j->rules;
    int certain = 0;
    m->count = 0;
    for (uint32_t i = 0; i < all.n && !certain; i++) {
        const sp_operation *o = &r->endpoints.v[r->words.v[all.at + i]];
        if (!method_fits(j, in, o) || !path_fits(j, o, 0)) continue;
        if (m->count == SP_LISTED_ENDPOINTS || r->words.v[all.at + i] > UINT16_MAX) return 0;
        m->endpoints[m->count++] = (uint16_t)r->words.v[all.at + i];
        m->catch_count = j->catch_count;
        memcpy(m->catches, j->catches, (j->catch_count < SP_LISTED_CATCHES ? j->catch_count : SP_LISTED_CATCHES) * sizeof *m->catches);
        certain = is_certain(o);
    }
    return 1;
}

static const sp_operation *find_endpoint(sp_judge *j, const sp_facts_in *in, int fold) {
    const sp_rules *r = j->rules;
    sp_list all = r->endpoints_on[j->out.as];
    sp_url_memo *m = fold ? NULL : j->url_memo;
    if (m && !m->listed) m->listed = list_endpoints(j, in, all, m) ? 1 : 2;
    if (m && m->listed == 1) {
        for (uint32_t i = 0; i < m->count; i++) {
            const sp_operation *o = &r->endpoints.v[m->endpoints[i]];
            if (!time_and_body_fit(j, in, o)) continue;
            if (m->count > 1 || m->catch_count > SP_LISTED_CATCHES) path_fits(j, o, 0); /* for what it catches */
            else memcpy(j->catches, m->catches, (j->catch_count = m->catch_count) * sizeof *m->catches);
            return o;
        }
    } else {
        for (uint32_t i = 0; i < all.n; i++)
            if (operation_fits(j, in, &r->endpoints.v[r->words.v[all.at + i]], fold)) return &r->endpoints.v[r->words.v[all.at + i]];
    }
    /* a log of paths alone: what a path of its own means where it means something */
    for (uint32_t i = 0; i < r->endpoints.n && !j->url->host.n; i++)
        if (r->endpoints.v[i].on.n && is_telling(r, &r->endpoints.v[i]) && operation_fits(j, in, &r->endpoints.v[i], fold))
            return &r->endpoints.v[i];
    return NULL;
}

sp_status spi_find_operation(sp_judge *j, const sp_facts_in *in) {
    const sp_rules *r = j->rules;
    sp_verdict *o = &j->out;
    if (j->url->present) {
        SP_TRY(take_path(j, in));
        o->operation = find_endpoint(j, in, 0);
        if (!o->operation && j->url->upper && (o->operation = find_endpoint(j, in, 1))) j->odd = j->ambiguous = 1;
        if (!o->operation && j->url->encoded_slash) j->odd = 1;
        for (uint32_t i = 0; o->operation && i < j->catch_count; i++)
            put_param(j, SP_ROOT_PATH, sp_rules_text(r, j->catches[i].name), j->catches[i].value);
    }
    for (uint32_t i = 0; !j->url->present && i < r->shapes.n && !o->operation; i++)
        if (operation_fits(j, in, &r->shapes.v[i], 0)) o->operation = &r->shapes.v[i], o->by_shape = 1;
    if (o->operation && o->operation->provider && (!o->provider || (o->host && o->host->inferred))) o->provider = o->operation->provider;
    return SP_OK;
}
