#define _GNU_SOURCE /* memmem */
#include "sp_pattern.h"

static int is_name(uint8_t c) { return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_'; }

int sp_pattern_step(sp_view *rest, sp_view *before, sp_view *name) {
    size_t at = 0, end;
    while (at < rest->n && !(rest->p[at] == '$' && at + 1 < rest->n && is_name(rest->p[at + 1]))) at++;
    *before = (sp_view){rest->p, at};
    for (end = at + 1; end < rest->n && is_name(rest->p[end]);) end++;
    int found = at < rest->n;
    *name = found ? (sp_view){rest->p + at + 1, end - at - 1} : (sp_view){0};
    *rest = found ? (sp_view){rest->p + end, rest->n - end} : (sp_view){rest->p + rest->n, 0};
    return found;
}

/* ---- values ----------------------------------------------------------------------------------------------------------------------- */

static int hex_of(uint8_t c) {
    if (c >= '0' && c <= '9') return c - '0';
    c |= 0x20;
    return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

/* The byte at p as the server had it; *n: of how many it is written. */
static uint8_t plain(const uint8_t *p, size_t left, size_t *n) {
    static const char from[] = "\"\\/bfnrtv", to[] = "\"\\/\b\f\n\r\t\v";
    const char *known = *p == '\\' && left > 1 && p[1] ? strchr(from, p[1]) : NULL;
    *n = 1;
    if (*p != '\\') return *p;
    if (left > 3 && p[1] == 'x' && hex_of(p[2]) >= 0 && hex_of(p[3]) >= 0) {
        *n = 4;
        return (uint8_t)(hex_of(p[2]) << 4 | hex_of(p[3]));
    }
    if (known) *n = 2;
    return known ? (uint8_t)to[known - from] : *p;
}

/* Writes the inside of a JSON string to `out` (NULL: counts only) and returns its length; not more than `most`: then *read tells how much of
   the value gave them. */
static size_t write_value(sp_view v, uint8_t *out, size_t most, size_t *read) {
    static const char hex[] = "0123456789abcdef";
    size_t n = 0, step, i = 0;
    for (; i < v.n; i += step) {
        uint8_t c = plain(v.p + i, v.n - i, &step), text[6] = {'\\', 'u', '0', '0', (uint8_t)hex[c >> 4], (uint8_t)hex[c & 15]};
        size_t wide = c < 0x20 ? 6 : c == '"' || c == '\\' ? 2 : 1;
        if (n + wide > most) break;
        if (wide == 2) text[1] = c;
        if (wide == 1) text[0] = c;
        if (out) memcpy(out + n, text, wide);
        n += wide;
    }
    *read = i;
    return n;
}

/* ---- lines ------------------------------------------------------------------------------------------------------------------------ */

typedef struct writer {
    uint8_t *out; /* NULL: the length is counted */
    size_t n;
    int bad;    /* a value is no UTF-8: */
    size_t pos; /* … its first such byte, in the line */
    const uint8_t *line;
} writer;

static void put(writer *w, const void *p, size_t n) {
    if (w->out) memcpy(w->out + w->n, p, n);
    w->n += n;
}

static void put_member(writer *w, sp_view name, sp_view value) {
    size_t read;
    put(w, w->n ? "," : "{", 1);
    put(w, "\"", 1);
    put(w, name.p, name.n);
    put(w, "\":", 2);
    if (!value.n || (value.n == 1 && *value.p == '-')) {
        put(w, "null", 4);
        return;
    }
    put(w, "\"", 1);
    uint8_t *at = w->out ? w->out + w->n : NULL;
    size_t n = write_value(value, at, SIZE_MAX, &read), good = at ? sp_utf8_check(at, n) : n;
    if (good < n && !w->bad) {
        write_value(value, NULL, good, &read);
        w->bad = 1;
        w->pos = (size_t)(value.p - w->line) + read;
    }
    w->n += n;
    put(w, "\"", 1);
}

/* `$request`, and what it is made of: "POST /v1/responses HTTP/1.1". */
static void put_variable(writer *w, sp_view name, sp_view value) {
    put_member(w, name, value);
    const uint8_t *end = value.p + value.n, *uri = memchr(value.p, ' ', value.n);
    if (!sp_view_eq(name, SP_VIEW("request")) || !uri) return;
    const uint8_t *after = memchr(uri + 1, ' ', (size_t)(end - uri - 1));
    if (!after) after = end;
    put_member(w, SP_VIEW("request_method"), (sp_view){value.p, (size_t)(uri - value.p)});
    put_member(w, SP_VIEW("request_uri"), (sp_view){uri + 1, (size_t)(after - uri - 1)});
}

/* Where `text`, which follows a value, begins in the line; SIZE_MAX: nowhere. The last one ends the line, if this was not cut before. */
static size_t find(sp_view line, size_t at, sp_view text, int last) {
    const uint8_t *found = memmem(line.p + at, line.n - at, text.p, text.n);
    if (!last) return found ? (size_t)(found - line.p) : SIZE_MAX;
    if (line.n - at >= text.n && memcmp(line.p + line.n - text.n, text.p, text.n) == 0) return line.n - text.n;
    return found ? SIZE_MAX : line.n;
}

static int write_line(sp_view pattern, sp_view line, writer *w, sp_diagnosis *why) {
    sp_view before, name, after, next;
    size_t at = 0;
    int more = sp_pattern_step(&pattern, &before, &name);
    *why =
        (sp_diagnosis){.status = SP_ERR_PATTERN, .expected = "the text with which the pattern of the log begins", .line = 1, .column = 1};
    if (line.n < before.n || memcmp(line.p, before.p, before.n) != 0) return 0;
    for (at = before.n; more; at += after.n, name = next) {
        more = sp_pattern_step(&pattern, &after, &next);
        size_t end = find(line, at, after, !more);
        if (end == SIZE_MAX) {
            why->pos = at, why->column = at + 1;
            why->expected =
                more ? "a value, and the text that follows it in the pattern of the log" : "a value, and the end of the pattern of the log";
            return 0;
        }
        put_variable(w, name, (sp_view){line.p + at, end - at});
        at = end;
    }
    put(w, "}", 1);
    return 1;
}

sp_status sp_pattern_json(sp_view pattern, sp_view line, sp_arena *a, sp_view *out, sp_diagnosis *why) {
    writer w = {.line = line.p};
    *out = (sp_view){0};
    if (!write_line(pattern, line, &w, why)) return SP_OK;
    w.out = sp_arena_get(a, w.n);
    if (!w.out) return SP_ERR_NOMEM;
    w.n = 0;
    write_line(pattern, line, &w, why);
    if (w.bad) *why = (sp_diagnosis){SP_ERR_INVALID_UTF8, w.pos, sp_status_expected(SP_ERR_INVALID_UTF8), 1, w.pos + 1};
    else *out = (sp_view){w.out, w.n}, why->status = SP_OK;
    return SP_OK;
}
