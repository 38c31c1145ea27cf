#include "sp_json.h"

#include <jansson.h>
#include <string.h>

_Static_assert(JANSSON_VERSION_HEX >= 0x020e00, "jansson 2.14 or later is needed");

/* jansson's lexer grows one buffer for all its tokens and doesn't look whether that worked: a byte of the token is missing then. So it
   reads `["…", text]`, with a first token longer than any other: the buffer grows in that one only, and its length tells. */
typedef struct feed {
    sp_view text;
    size_t pad, at; /* bytes between the first quotes; position in the whole */
} feed;

#define BEFORE(f) ((f)->pad + 4) /* [" and ", */

static uint8_t feed_byte(const feed *f, size_t at) {
    if (at == 0) return '[';
    if (at == 1 || at == 2 + f->pad) return '"';
    if (at < 2 + f->pad) return 'a';
    if (at < BEFORE(f)) return ',';
    return at - BEFORE(f) < f->text.n ? f->text.p[at - BEFORE(f)] : ']';
}

static size_t feed_more(void *buffer, size_t size, void *data) {
    feed *f = data;
    uint8_t *p = buffer;
    size_t n = 0, all = BEFORE(f) + f->text.n + 1;
    while (n < size && f->at < all) p[n++] = feed_byte(f, f->at++);
    return n;
}

static size_t longest_string(sp_view t) { /* as written, with its quotes; t is valid JSON */
    size_t most = 0;
    for (size_t i = 0; i < t.n; i++) {
        if (t.p[i] != '"') continue;
        size_t start = i++;
        while (i < t.n && t.p[i] != '"') i += t.p[i] == '\\' ? 2u : 1u;
        if (i + 1 - start > most) most = i + 1 - start;
    }
    return most;
}

/* What jansson refuses in valid JSON. With any other error it ran out of memory, also where its text speaks of tokens. */
static int refused(const json_error_t *why) {
    static const char surrogate[] = "invalid Unicode";
    switch (json_error_code(why)) {
    case json_error_duplicate_key:
    case json_error_numeric_overflow:
    case json_error_null_byte_in_key:
    case json_error_stack_overflow: return 1;
    default: return strncmp(why->text, surrogate, sizeof surrogate - 1) == 0;
    }
}

sp_status sp_json_load(sp_view text, sp_value **out) {
    feed f = {.text = text, .pad = longest_string(text) + 32}; /* and than any number that is no error */
    json_error_t why = {0}; /* jansson gives no code for some allocations that fail, and leaves what stood there */
    json_t *both = json_load_callback(feed_more, &f, JSON_REJECT_DUPLICATES | JSON_ALLOW_NUL, &why);
    sp_status status = !both && refused(&why) ? SP_ERR_SYNTAX : SP_ERR_NOMEM;
    *out = NULL;
    if (both && json_string_length(json_array_get(both, 0)) == f.pad) {
        *out = json_incref(json_array_get(both, 1));
        status = SP_OK;
    }
    json_decref(both);
    return status;
}

void sp_json_free(sp_value *v) { json_decref(v); }

sp_value_kind sp_json_kind(const sp_value *v) {
    switch (v ? json_typeof(v) : JSON_NULL) {
    case JSON_OBJECT: return SP_VALUE_OBJECT;
    case JSON_ARRAY: return SP_VALUE_ARRAY;
    case JSON_STRING: return SP_VALUE_STRING;
    case JSON_INTEGER:
    case JSON_REAL: return SP_VALUE_NUMBER;
    case JSON_TRUE:
    case JSON_FALSE: return SP_VALUE_BOOL;
    default: return SP_VALUE_NULL;
    }
}
size_t sp_json_size(const sp_value *v) { return json_is_array(v) ? json_array_size(v) : json_is_object(v) ? json_object_size(v) : 0; }
const sp_value *sp_json_at(const sp_value *v, size_t i) { return json_array_get(v, i); }
const sp_value *sp_json_get(const sp_value *v, const char *name) { return json_object_get(v, name); }
sp_view sp_json_text(const sp_value *v) {
    return json_is_string(v) ? (sp_view){(const uint8_t *)json_string_value(v), json_string_length(v)} : (sp_view){0};
}
int sp_json_true(const sp_value *v) { return json_is_true(v); }
long long sp_json_int(const sp_value *v) { return json_is_integer(v) ? json_integer_value(v) : 0; }

int sp_json_next(const sp_value *v, void **it, sp_view *name, const sp_value **value) {
    /* jansson asks for a mutable tree to iterate; nothing is changed through it */
    json_t *o = (json_t *)(uintptr_t)v;
    *it = *it ? json_object_iter_next(o, *it) : json_object_iter(o);
    if (!*it) return 0;
    const char *key = json_object_iter_key(*it);
    *name = (sp_view){(const uint8_t *)key, json_object_iter_key_len(*it)};
    *value = json_object_iter_value(*it);
    return 1;
}

sp_value *sp_json_object(void) { return json_object(); }
sp_value *sp_json_list(void) { return json_array(); }
int sp_json_put(sp_value *object, const char *name, sp_value *taken) { return json_object_set_new(object, name, taken); }
int sp_json_push(sp_value *list, sp_value *taken) { return json_array_append_new(list, taken); }
int sp_json_put_text(sp_value *object, const char *name, sp_view text) {
    return text.p ? sp_json_put(object, name, json_stringn((const char *)text.p, text.n)) : 0;
}
int sp_json_put_int(sp_value *object, const char *name, long long n) { return sp_json_put(object, name, json_integer(n)); }

/* jansson's own buffer would do, but its writer doesn't look whether the name of a member fitted in. */
typedef struct dump {
    const sp_alloc *a;
    char *p;
    size_t n, cap;
    int failed;
} dump;

static int dump_more(const char *text, size_t n, void *data) {
    dump *d = data;
    if (!d->failed) d->failed = sp_grow(d->a, &d->p, &d->cap, d->n + n + 1, 1) != SP_OK;
    if (d->failed) return -1;
    memcpy(d->p + d->n, text, n);
    d->p[d->n += n] = 0;
    return 0;
}

char *sp_json_dump(const sp_alloc *a, const sp_value *v, size_t *n) {
    dump d = {.a = a};
    if (json_dump_callback(v, dump_more, &d, JSON_COMPACT) != 0 || d.failed) {
        sp_release(a, d.p);
        d.p = NULL;
    }
    *n = d.p ? d.n : 0;
    return d.p;
}
