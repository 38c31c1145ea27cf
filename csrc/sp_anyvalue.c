#include "sp_anyvalue.h"

#include "sp_events.h"
#include "sp_limits.h"

typedef struct fold {
    const uint8_t *p, *end;
    uint8_t *out;
    size_t ahead; /* bytes that may still be read twice */
    int odd;      /* something that an AnyValue does not have */
} fold;

static void any_value(fold *f);

static void skip_space(fold *f) {
    while (f->p < f->end && (*f->p == ' ' || *f->p == '\t' || *f->p == '\n' || *f->p == '\r')) f->p++;
}

/* Whether this byte comes next; it is gone over. */
static int next_is(fold *f, uint8_t c) {
    skip_space(f);
    if (f->p == f->end || *f->p != c) return 0;
    f->p++;
    return 1;
}

static void expect(fold *f, uint8_t c) { f->odd |= !next_is(f, c); }

static void put(fold *f, const void *p, size_t n) {
    memcpy(f->out, p, n);
    f->out += n;
}

/* A value that holds no others, as it is written; p NULL for one that does. */
static sp_view scalar(fold *f) {
    skip_space(f);
    const uint8_t *from = f->p, *end = from < f->end && *from != '{' && *from != '[' ? sp_events_value_end(from, f->end) : NULL;
    if (!end) f->odd = 1;
    else f->p = end;
    return (sp_view){end ? from : NULL, end ? (size_t)(end - from) : 0};
}

/* The next member's name, between its quotes, and its colon. */
static sp_view name(fold *f) {
    sp_view t = scalar(f);
    expect(f, ':');
    if (t.n < 2 || t.p[0] != '"') f->odd = 1;
    return f->odd ? (sp_view){0} : (sp_view){t.p + 1, t.n - 2};
}

static int is(sp_view t, const char *s) { return t.n == strlen(s) && memcmp(t.p, s, t.n) == 0; }

/* 64-bit integers are strings in the JSON form. */
static sp_view without_quotes(sp_view t) {
    size_t i = t.n > 1 && t.p[1] == '-' ? 2 : 1, first = i;
    if (t.n < 3 || t.p[0] != '"') return t;
    while (i < t.n - 1 && t.p[i] >= '0' && t.p[i] <= '9') i++;
    int number = i == t.n - 1 && i > first && (t.p[first] != '0' || i == first + 1);
    return number ? (sp_view){t.p + 1, t.n - 2} : t;
}

/* `"values": [`, or nothing; what is in it, and then `]}`. */
static void values(fold *f, const char *brackets, void (*each)(fold *f)) {
    put(f, brackets, 1);
    expect(f, '{');
    if (!f->odd && !next_is(f, '}')) {
        f->odd |= !is(name(f), "values");
        expect(f, '[');
        for (int more = !f->odd && !next_is(f, ']'); more && !f->odd;) {
            each(f);
            more = next_is(f, ',');
            if (more) put(f, ",", 1);
            else expect(f, ']');
        }
        expect(f, '}');
    }
    put(f, brackets + 1, 1);
}

static void put_key(fold *f) {
    sp_view key = scalar(f);
    if (key.n < 2 || key.p[0] != '"') f->odd = 1;
    if (f->odd) return;
    put(f, key.p, key.n);
    put(f, ":", 1);
}

/* `{"value": …, "key": …}`, from behind the first colon on. */
static void value_first(fold *f) {
    const uint8_t *value = f->p, *behind = sp_events_value_end(value, f->end);
    size_t n = behind ? (size_t)(behind - value) : SIZE_MAX;
    if (n > f->ahead) {
        f->odd = 1;
        return;
    }
    f->ahead -= n;
    f->p = behind;
    expect(f, ',');
    if (!is(name(f), "key")) f->odd = 1;
    if (!f->odd) put_key(f);
    behind = f->p;
    f->p = value;
    if (!f->odd) any_value(f);
    f->p = behind;
}

static void member(fold *f) {
    expect(f, '{');
    sp_view first = f->odd ? (sp_view){0} : name(f);
    if (is(first, "value")) {
        skip_space(f);
        value_first(f);
    } else if (is(first, "key")) {
        put_key(f);
        if (!f->odd && next_is(f, ',')) {
            if (is(name(f), "value")) any_value(f);
            else f->odd = 1;
        } else put(f, "null", 4);
    } else f->odd = 1;
    expect(f, '}');
}

static void any_value(fold *f) {
    sp_view kind = {0};
    expect(f, '{');
    if (!f->odd && next_is(f, '}')) {
        put(f, "null", 4);
        return;
    }
    if (!f->odd) kind = name(f);
    if (is(kind, "arrayValue")) values(f, "[]", any_value);
    else if (is(kind, "kvlistValue")) values(f, "{}", member);
    else if (is(kind, "stringValue") || is(kind, "boolValue") || is(kind, "intValue") || is(kind, "doubleValue") ||
             is(kind, "bytesValue")) {
        sp_view v = scalar(f);
        if (is(kind, "intValue")) v = without_quotes(v);
        if (v.p) put(f, v.p, v.n);
    } else f->odd = 1;
    expect(f, '}');
}

size_t sp_anyvalue(sp_view text, uint8_t *out) {
    fold f = {.p = text.p, .end = text.p + text.n, .out = out, .ahead = SP_ANY_LOOK_AHEAD * text.n};
    any_value(&f);
    return f.odd || (*out != '[' && *out != '{') ? 0 : (size_t)(f.out - out);
}
