/* Another spelling of a JSON text: no white space, members in the order of their names (equal names keep theirs), characters written out where
   that is possible, numbers with 17 digits. Written from RFC 8259 alone; the text has to be valid. Recursive: texts are short. */
#ifndef REWRITE_H
#define REWRITE_H

#include <math.h>

#include "fuzz.h"

typedef struct spelling {
    const uint8_t *p, *end;
    uint8_t *out;
    size_t n, cap;
} spelling;

static void spell(spelling *s, const void *p, size_t n) {
    if (s->n + n > s->cap) s->out = must(realloc(s->out, s->cap = 2 * (s->n + n) + 64));
    if (n) memcpy(s->out + s->n, p, n);
    s->n += n;
}
static void spell_byte(spelling *s, unsigned c) {
    uint8_t byte = (uint8_t)c;
    spell(s, &byte, 1);
}

static void pass_space(spelling *s) {
    while (s->p < s->end && (*s->p == ' ' || *s->p == '\t' || *s->p == '\n' || *s->p == '\r')) s->p++;
}

static unsigned hex4(const uint8_t *p) {
    char digits[5] = {(char)p[0], (char)p[1], (char)p[2], (char)p[3], 0};
    return (unsigned)strtoul(digits, NULL, 16);
}

static void spell_escape(spelling *s, unsigned c) {
    char text[8];
    snprintf(text, sizeof text, "\\u%04x", c);
    spell(s, text, 6);
}

/* A code point, or half of a surrogate pair. */
static void spell_char(spelling *s, unsigned c) {
    if (c < 0x20 || c == '"' || c == '\\' || (c >= 0xd800 && c < 0xe000)) spell_escape(s, c);
    else if (c < 0x80) spell_byte(s, c);
    else if (c < 0x800) spell_byte(s, 0xc0 | c >> 6), spell_byte(s, 0x80 | (c & 63));
    else if (c < 0x10000) spell_byte(s, 0xe0 | c >> 12), spell_byte(s, 0x80 | (c >> 6 & 63)), spell_byte(s, 0x80 | (c & 63));
    else {
        spell_byte(s, 0xf0 | c >> 18), spell_byte(s, 0x80 | (c >> 12 & 63));
        spell_byte(s, 0x80 | (c >> 6 & 63)), spell_byte(s, 0x80 | (c & 63));
    }
}

static void spell_string(spelling *s) {
    static const char from[] = "\"\\/bfnrt", to[] = "\"\\/\b\f\n\r\t";
    spell_byte(s, *s->p++);
    while (*s->p != '"') {
        if (*s->p != '\\') {
            spell_byte(s, *s->p++);
            continue;
        }
        unsigned c = s->p[1];
        s->p += 2;
        if (c == 'u') {
            c = hex4(s->p);
            s->p += 4;
            if (c >= 0xd800 && c < 0xdc00 && s->p[0] == '\\' && s->p[1] == 'u') {
                unsigned low = hex4(s->p + 2);
                if (low >= 0xdc00 && low < 0xe000) c = 0x10000 + ((c - 0xd800) << 10 | (low - 0xdc00)), s->p += 6;
            }
        } else c = (unsigned)to[strchr(from, (int)c) - from];
        spell_char(s, c);
    }
    spell_byte(s, *s->p++);
}

static void spell_number(spelling *s) {
    const uint8_t *start = s->p;
    int real = 0;
    while (s->p < s->end && memchr("+-.0123456789eE", *s->p, 15)) real |= *s->p == '.' || (*s->p | 32) == 'e', s->p++;
    size_t n = (size_t)(s->p - start);
    char *text = must(malloc(n + 1)), out[40];
    memcpy(text, start, n);
    text[n] = 0;
    double x = strtod(text, NULL);
    if (!real && strcmp(text, "-0") == 0) spell(s, "0", 1);
    else if (!real) spell(s, text, n); /* integers keep their digits */
    else if (isinf(x)) { /* the spelling is the value */ char *e = text + strcspn(text, "eE");
        spell(s, text, (size_t)(e - text));
        if (*e) {
            spell(s, e[1] == '-' ? "E-0" : "E+0", 3);
            e += e[1] == '-' || e[1] == '+' ? 2 : 1;
        }
        spell(s, e, strlen(e));
    } else {
        snprintf(out, sizeof out, "%.17g", x);
        if (!strpbrk(out, ".e")) strcat(out, ".0"); /* else it would be an integer, which keeps all digits */
        spell(s, out, strlen(out));
    }
    free(text);
}

typedef struct spelled_member {
    size_t start, name_n, n; /* in the output */
} spelled_member;

static int before(const uint8_t *out, const spelled_member *a, const spelled_member *b) {
    size_t n = a->name_n < b->name_n ? a->name_n : b->name_n;
    int order = memcmp(out + a->start, out + b->start, n);
    return order < 0 || (order == 0 && a->name_n < b->name_n);
}

static void spell_value(spelling *s);

static void spell_object(spelling *s) {
    spelled_member *m = NULL;
    size_t count = 0, start = s->n;
    for (s->p++, pass_space(s); *s->p != '}'; pass_space(s)) {
        if (*s->p == ',') s->p++, pass_space(s);
        m = must(realloc(m, (count + 1) * sizeof *m));
        spelled_member one = {.start = s->n};
        spell_string(s);
        one.name_n = s->n - one.start;
        pass_space(s);
        spell_byte(s, *s->p++);
        spell_value(s);
        one.n = s->n - one.start;
        size_t k = count++;
        for (; k > 0 && before(s->out, &one, &m[k - 1]); k--) m[k] = m[k - 1];
        m[k] = one;
    }
    s->p++;
    size_t n = s->n - start;
    uint8_t *members = exact(n ? s->out + start : NULL, n);
    s->n = start;
    spell_byte(s, '{');
    for (size_t k = 0; k < count; k++) {
        if (k) spell_byte(s, ',');
        spell(s, members + (m[k].start - start), m[k].n);
    }
    spell_byte(s, '}');
    free(members);
    free(m);
}

static void spell_value(spelling *s) {
    pass_space(s);
    switch (*s->p) {
    case '{': spell_object(s); break;
    case '[':
        spell_byte(s, *s->p++);
        for (pass_space(s); *s->p != ']'; pass_space(s)) {
            if (*s->p == ',') spell_byte(s, *s->p++);
            spell_value(s);
        }
        spell_byte(s, *s->p++);
        break;
    case '"': spell_string(s); break;
    case 't':
    case 'n': spell(s, s->p, 4), s->p += 4; break;
    case 'f': spell(s, s->p, 5), s->p += 5; break;
    default: spell_number(s);
    }
}

/* For the caller to free. */
static sp_view rewrite(sp_view text) {
    spelling s = {.p = text.p, .end = text.p + text.n};
    spell_value(&s);
    return (sp_view){s.out, s.n};
}

#endif
