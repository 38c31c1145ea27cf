#include "sp_form.h"

#include "sp_url.h"

enum {
    BOUNDARY_MAX = 72 /* RFC 2046: 70 characters, and the two hyphens before them */
};

typedef struct field { /* the field that is looked for, as far as it was read */
    sp_view name, value;
    int doubtful; /* it is there, in a form that leaves its value open */
} field;

static uint8_t small(uint8_t c) { return c >= 'A' && c <= 'Z' ? (uint8_t)(c | 32) : c; }
static int is_alnum(uint8_t c) { return (uint8_t)(c - '0') < 10 || (uint8_t)(small(c) - 'a') < 26; }

/* Whether `t` is the word, which is in small letters; case does not count. */
static int is_word(sp_view t, sp_view word) {
    int same = t.n == word.n;
    for (size_t i = 0; same && i < t.n; i++) same = small(t.p[i]) == word.p[i];
    return same;
}

static sp_view trim(sp_view t) {
    while (t.n && (t.p[0] == ' ' || t.p[0] == '\t')) t.p++, t.n--;
    while (t.n && (t.p[t.n - 1] == ' ' || t.p[t.n - 1] == '\t')) t.n--;
    return t;
}

/* What stands before the first `c` of *t, which goes on behind it. Without one it is all, and p of *t becomes NULL. */
static sp_view cut(sp_view *t, uint8_t c) {
    const uint8_t *at = t->n ? memchr(t->p, c, t->n) : NULL;
    sp_view head = {t->p, at ? (size_t)(at - t->p) : t->n};
    *t = at ? (sp_view){at + 1, t->n - head.n - 1} : (sp_view){0};
    return head;
}

/* A line without its end; loggers turn CRLF into LF now and then. */
static sp_view cut_line(sp_view *t) {
    sp_view line = cut(t, '\n');
    if (line.n && line.p[line.n - 1] == '\r') line.n--;
    return line;
}

static void put(field *f, sp_view value, int doubtful) {
    f->doubtful |= doubtful || f->value.p || !value.n || value.n > SP_SHORT_VALUE;
    for (size_t i = 0; i < value.n && !f->doubtful; i++) f->doubtful = value.p[i] < ' '; /* more than one line */
    f->value = value;
}

/* ---- multipart -------------------------------------------------------------------------------------------------------------------- */

typedef struct part {
    sp_view name;
    int plain; /* a text field that is not encoded */
} part;

/* Content-Disposition: form-data; name="…"; filename="…". A quoted text with a `;` or a backslash in it leaves the part doubtful. */
static void read_disposition(sp_view t, part *p) {
    p->plain &= is_word(trim(cut(&t, ';')), SP_VIEW("form-data"));
    while (t.p) {
        sp_view value = cut(&t, ';'), key = trim(cut(&value, '='));
        value = trim(value);
        if (value.n > 1 && value.p[0] == '"' && value.p[value.n - 1] == '"') value.p++, value.n -= 2;
        else if (value.n && value.p[0] == '"') p->plain = 0;
        if (is_word(key, SP_VIEW("name"))) {
            p->plain &= !p->name.p;
            p->name = value;
        } else p->plain = 0; /* a file, or what nobody defined */
    }
}

/* Reads the head of a part up to the empty line; 0: there is none. */
static int read_head(sp_view *t, part *p) {
    int ended = 0;
    *p = (part){{0}, 1};
    while (t->p && !ended) {
        sp_view line = cut_line(t), key = trim(cut(&line, ':'));
        ended = t->p && !key.n && !line.p;
        if (is_word(key, SP_VIEW("content-disposition"))) read_disposition(line, p);
        if (is_word(key, SP_VIEW("content-transfer-encoding"))) p->plain = 0;
    }
    return ended;
}

/* The content of a part, up to the line that is the boundary; *t goes on behind that. *last: it was the closing one. 0: the form is cut. */
static int read_content(sp_view *t, sp_view boundary, sp_view *content, int *last) {
    const uint8_t *start = t->p, *end = start;
    int found = 0;
    while (t->p && !found) {
        const uint8_t *here = t->p;
        sp_view line = cut_line(t);
        if (line.n < boundary.n || memcmp(line.p, boundary.p, boundary.n) != 0) continue;
        sp_view rest = {line.p + boundary.n, line.n - boundary.n};
        *last = rest.n >= 2 && rest.p[0] == '-' && rest.p[1] == '-';
        if (*last) rest.p += 2, rest.n -= 2;
        found = trim(rest).n == 0;
        end = here;
    }
    if (end > start) end -= end - start > 1 && end[-2] == '\r' ? 2 : 1;
    *content = (sp_view){start, (size_t)(end - start)};
    return found;
}

static sp_view boundary_of(sp_view first) {
    int good = first.n > 2 && first.n <= BOUNDARY_MAX && first.p[0] == '-' && first.p[1] == '-';
    for (size_t i = 0; good && i < first.n; i++) good = is_alnum(first.p[i]) || memchr("'()+_,-./:=?", first.p[i], 12) != NULL;
    return good ? first : (sp_view){0};
}

/* Whether the text is a whole form of this kind; then `f` is filled. */
static int read_multipart(sp_view t, field *f) {
    sp_view boundary = boundary_of(cut_line(&t));
    int going = boundary.p && t.p, last = 0;
    while (going && !last) {
        part p;
        sp_view content;
        going = read_head(&t, &p) && read_content(&t, boundary, &content, &last);
        if (going && p.name.p && sp_view_eq(p.name, f->name)) put(f, content, !p.plain);
    }
    for (size_t i = 0; i < t.n; i++) going &= t.p[i] == '\r' || t.p[i] == '\n';
    return going;
}

/* ---- name=value&name=value -------------------------------------------------------------------------------------------------------- */

static int is_hex(uint8_t c) { return (uint8_t)(c - '0') < 10 || (uint8_t)(small(c) - 'a') < 6; }

static int is_encoded(sp_view t) {
    int good = t.n > 0;
    for (size_t i = 0; good && i < t.n; i++) {
        if (t.p[i] == '%') good = t.n - i > 2 && is_hex(t.p[i + 1]) && is_hex(t.p[i + 2]);
        else good = is_alnum(t.p[i]) || memchr("-._~*+/:@,&=", t.p[i], 12) != NULL;
    }
    return good;
}

static int read_pairs(sp_view t, field *f) {
    int good = is_encoded(t);
    while (good && t.p) {
        sp_view value = cut(&t, '&'), key = cut(&value, '=');
        good = key.n && value.p;
        if (good && sp_view_eq(key, f->name)) put(f, value, 0);
    }
    return good;
}

size_t sp_form_value(sp_view text, sp_view name, uint8_t out[SP_SHORT_VALUE]) {
    field f = {.name = name};
    size_t n = 0;
    if (text.n > 2 && text.p[0] == '-' && text.p[1] == '-') {
        if (read_multipart(text, &f) && f.value.p && !f.doubtful) memcpy(out, f.value.p, n = f.value.n);
    } else if (read_pairs(text, &f) && f.value.p && !f.doubtful) n = sp_percent_decode(f.value, 1, out);
    return n;
}
