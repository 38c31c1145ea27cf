/* The context file: what the analyst knows and the log doesn't say. */
#include "sp_pack.h"
#include "sp_time.h"

/* A member that an entry does not have would change what it says without a word. */
static void only(sp_build *b, const sp_value *v, const char *members) {
    void *it = NULL;
    sp_view key;
    const sp_value *m;
    if (sp_json_kind(v) != SP_VALUE_OBJECT) sp_build_bad(b, "expected a table", (sp_view){0});
    while (SP_BUILD_OK(b) && sp_json_next(v, &it, &key, &m)) {
        if (sp_pack_listed(members, key)) continue;
        sp_build_step(b, key);
        sp_build_bad(b, "not a member of such an entry", key);
    }
}

static sp_view text_of(sp_build *b, const sp_value *v, const char *key, int required) {
    sp_view t = sp_json_text(sp_json_get(v, key));
    if (!t.n && (required || sp_json_get(v, key))) {
        sp_build_step(b, (sp_view){(const uint8_t *)key, strlen(key)});
        sp_build_bad(b, "expected a string that is not empty", (sp_view){0});
    }
    return t;
}

static void period(sp_build *b, const sp_value *v, int64_t *from, int64_t *until) {
    sp_view f = text_of(b, v, "from", 0), u = text_of(b, v, "until", 0);
    *from = f.p ? sp_time_parse(f) : INT64_MIN;
    *until = u.p ? sp_time_parse(u) : INT64_MAX;
    if ((f.p && *from == INT64_MIN) || (u.p && *until == INT64_MIN))
        sp_build_bad(b, "expected times (RFC 3339) in from and until", (sp_view){0});
    if (*from >= *until) sp_build_bad(b, "expected from to be before until", (sp_view){0});
}

static sp_list one(sp_build *b, sp_view text) {
    sp_name name = sp_build_name(b, text);
    return name ? sp_build_words(b, &name, 1) : (sp_list){0, 0};
}

static void retention(sp_build *b, const sp_value *v, sp_entry e) {
    sp_rules *r = b->r;
    sp_override o = {.e = e, .from_context = 1};
    sp_view mode = text_of(b, v, "mode", 1);
    if (mode.p && !sp_view_eq(mode, SP_VIEW("zdr")) && !sp_view_eq(mode, SP_VIEW("none"))) sp_build_bad(b, "expected zdr or none", mode);
    o.providers = one(b, text_of(b, v, "provider", 1));
    o.denies.at = r->words.n;
    for (uint32_t f = 0; f < r->facts.n && SP_BUILD_OK(b); f++) {
        sp_view name = sp_rules_text(r, r->facts.v[f]);
        if ((name.n > 11 && memcmp(name.p, "write.store", 11) == 0) || sp_view_eq(name, SP_VIEW("write.background")) ||
            sp_has_fact(&r->fact_effect[SP_RETAIN], f)) {
            SP_PUSH(b, r->words, f);
            o.denies.n++;
        }
    }
    period(b, v, &o.from, &o.until);
    SP_PUSH(b, r->overrides, o);
}

static void host(sp_build *b, const sp_value *v, sp_entry e) {
    sp_host h = {.e = e, .from_context = 1};
    h.match = one(b, text_of(b, v, "host", 1));
    h.provider = sp_build_name(b, text_of(b, v, "provider", 1));
    sp_view cloud = text_of(b, v, "cloud", 0);
    h.cloud = cloud.p ? sp_build_name(b, cloud) : h.provider;
    period(b, v, &h.from, &h.until);
    SP_PUSH(b, b->r->hosts, h);
}

static void model(sp_build *b, const sp_value *v, sp_entry e) {
    sp_alias a = {.e = e, .name = sp_build_name(b, text_of(b, v, "name", 1)), .model = sp_build_name(b, text_of(b, v, "model", 1))};
    a.provider = sp_build_name(b, text_of(b, v, "provider", 0));
    period(b, v, &a.from, &a.until);
    SP_PUSH(b, b->r->aliases, a);
}

void sp_pack_context(sp_build *b, const sp_value *context) {
    static const char *const lists[] = {"host", "model", "retention"};
    static const char *const members[] = {"host provider cloud from until", "name model provider from until", "provider mode from until"};
    static const uint32_t kinds[] = {SP_HOST, SP_MODEL, SP_OVERRIDE};
    void *it = NULL;
    sp_view key;
    const sp_value *list;
    if (sp_json_kind(context) != SP_VALUE_OBJECT) sp_build_bad(b, "expected tables", (sp_view){0});
    while (SP_BUILD_OK(b) && sp_json_next(context, &it, &key, &list)) {
        int k = 0;
        while (k < 3 && !(key.n == strlen(lists[k]) && memcmp(key.p, lists[k], key.n) == 0)) k++;
        sp_build_step(b, key);
        if (k == 3 || sp_json_kind(list) != SP_VALUE_ARRAY) sp_build_bad(b, "expected [[host]], [[model]] or [[retention]]", key);
        for (size_t i = 0; i < sp_json_size(list) && SP_BUILD_OK(b); i++) {
            size_t mark = sp_build_mark(b);
            sp_build_step_n(b, i);
            char id[64] = "context.";
            memcpy(id + 8, lists[k], strlen(lists[k]));
            sp_entry e = {.id = sp_build_name(b, (sp_view){(const uint8_t *)id, 8 + strlen(lists[k])}), .kind = kinds[k]};
            only(b, sp_json_at(list, i), members[k]);
            if (k == 0) host(b, sp_json_at(list, i), e);
            else if (k == 1) model(b, sp_json_at(list, i), e);
            else retention(b, sp_json_at(list, i), e);
            if (SP_BUILD_OK(b)) sp_build_back(b, mark);
        }
        if (SP_BUILD_OK(b)) sp_build_back(b, 0);
    }
}
