#include "sp_json.h"

#include <jansson.h>
#include <stdlib.h>
#include <string.h>

_Static_assert(JANSSON_VERSION_HEX >= 0x020e00, "jansson 2.14 or later is needed");

sp_value *sp_json_load(sp_view text) {
    return json_loadb((const char *)text.p, text.n, JSON_REJECT_DUPLICATES | JSON_ALLOW_NUL | JSON_DECODE_ANY, NULL);
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
void sp_json_put(sp_value *object, const char *name, sp_value *taken) { json_object_set_new(object, name, taken); }
void sp_json_push(sp_value *list, sp_value *taken) { json_array_append_new(list, taken); }
void sp_json_put_text(sp_value *object, const char *name, sp_view text) {
    if (text.p) sp_json_put(object, name, json_stringn((const char *)text.p, text.n));
}
void sp_json_put_int(sp_value *object, const char *name, long long n) { sp_json_put(object, name, json_integer(n)); }
char *sp_json_dump(const sp_value *v, size_t *n) {
    char *s = json_dumps(v, JSON_COMPACT);
    *n = s ? strlen(s) : 0;
    return s;
}
