/* The slow twin of the scanner: reads byte by byte, stops at the first offence, names it. Also finds values by pointer. */
#include "sp_diagnose.h"

enum {
    SHOWN_NAME_MAX = 512
}; /* a longer name is no known one */

typedef struct frame { /* of an open container */
    int object;
    size_t index;        /* of the element that is read */
    size_t name, name_n; /* inside of the name of the member that is read */
} frame;

typedef struct reader {
    const uint8_t *p;
    size_t n, i;
    const sp_limits *limits;
    int line;
    size_t nodes, depth;
    frame *frames;    /* [0, depth) are open */
    sp_status status; /* SP_OK while nothing is wrong */
    size_t pos;
    const char *expected;
} reader;

typedef enum state {
    VALUE,
    VALUE_OR_END,
    NAME,
    NAME_OR_END,
    COLON,
    AFTER
} state;

static int is_hex(uint8_t c) { return (uint8_t)(c - '0') < 10 || (uint8_t)((c | 32) - 'a') < 6; }

static int is_digit(const reader *r) { return r->i < r->n && (uint8_t)(r->p[r->i] - '0') < 10; }

/* Length of the UTF-8 sequence at p, or 0 when it is none (RFC 3629). */
static size_t utf8_length(const uint8_t *p, size_t n) {
    uint8_t c = p[0], low = 0x80, high = 0xbf;
    size_t len = c < 0x80 ? 1 : c < 0xc2 ? 0 : c < 0xe0 ? 2 : c < 0xf0 ? 3 : c < 0xf5 ? 4 : 0;
    if (c == 0xe0) low = 0xa0;
    if (c == 0xed) high = 0x9f;
    if (c == 0xf0) low = 0x90;
    if (c == 0xf4) high = 0x8f;
    if (len > n) len = 0;
    for (size_t k = 1; k < len; k++) {
        if (p[k] < low || p[k] > high) len = 0;
        low = 0x80, high = 0xbf;
    }
    return len;
}

static void fault(reader *r, sp_status s, size_t pos, const char *expected) {
    r->status = s;
    r->pos = pos;
    r->expected = expected ? expected : sp_status_expected(s);
}

/* Byte i can't go on. What it is outranks what was expected: end of text, no UTF-8, NUL. */
static void unexpected(reader *r, sp_status s, const char *expected) {
    if (r->i == r->n) fault(r, SP_ERR_TRUNCATED, r->n, NULL);
    else if (!utf8_length(r->p + r->i, r->n - r->i)) fault(r, SP_ERR_INVALID_UTF8, r->i, NULL);
    else if (r->p[r->i] == 0 && s != SP_ERR_INVALID_ESCAPE) fault(r, SP_ERR_NUL_BYTE, r->i, NULL);
    else fault(r, s, r->i, expected);
}

static int at(const reader *r, const char *text, size_t n) { return r->n - r->i >= n && memcmp(r->p + r->i, text, n) == 0; }
#define AT(r, text) at(r, text, sizeof(text) - 1)

static void read_literal(reader *r, const char *text, size_t n) {
    size_t k = 0;
    while (k < n && r->i < r->n && r->p[r->i] == (uint8_t)text[k]) k++, r->i++;
    if (k < n) unexpected(r, SP_ERR_SYNTAX, "true, false or null");
}
#define READ_LITERAL(r, text) read_literal(r, text, sizeof(text) - 1)

static void read_number(reader *r) {
    size_t start = r->i;
    int good;
    if (r->p[r->i] == '-') r->i++;
    good = is_digit(r);
    if (good && r->p[r->i] == '0') r->i++;
    else
        while (is_digit(r)) r->i++;
    if (good && AT(r, ".")) {
        r->i++;
        good = is_digit(r);
        while (is_digit(r)) r->i++;
    }
    if (good && (AT(r, "e") || AT(r, "E"))) {
        r->i++;
        if (AT(r, "-") || AT(r, "+")) r->i++;
        good = is_digit(r);
        while (is_digit(r)) r->i++;
    }
    if (r->i - start > r->limits->max_number_bytes) fault(r, SP_ERR_NUMBER_TOO_LONG, start, NULL);
    else if (!good) unexpected(r, SP_ERR_SYNTAX, "a digit");
}

static void read_escape(reader *r) { /* i is behind the backslash */
    uint8_t c = r->i < r->n ? r->p[r->i] : 0;
    if (c && memchr("\"\\/bfnrt", c, 8)) {
        r->i++;
    } else if (c == 'u') {
        unsigned k = 0;
        r->i++;
        for (; k < 4 && r->i < r->n && is_hex(r->p[r->i]); k++) r->i++;
        if (k < 4) unexpected(r, SP_ERR_INVALID_ESCAPE, "four hexadecimal digits");
    } else {
        unexpected(r, SP_ERR_INVALID_ESCAPE, NULL);
    }
}

static void read_string(reader *r, size_t max, sp_status too_long) {
    size_t start = r->i++;
    int closed = 0;
    while (!closed && r->status == SP_OK) {
        uint8_t c = r->i < r->n ? r->p[r->i] : 0;
        if (c == '"') {
            closed = 1;
        } else if (c == '\\') {
            r->i++;
            read_escape(r);
        } else if (c < 0x20 || !utf8_length(r->p + r->i, r->n - r->i)) {
            unexpected(r, SP_ERR_CONTROL_CHARACTER, NULL);
        } else {
            r->i += utf8_length(r->p + r->i, r->n - r->i);
        }
        if (r->i - start - 1 > max) fault(r, too_long, start, NULL);
    }
    r->i += (size_t)closed;
}

static state open_container(reader *r) {
    int object = r->p[r->i] == '{';
    if (r->depth >= r->limits->max_depth) {
        fault(r, SP_ERR_TOO_DEEP, r->i, NULL);
    } else {
        r->frames[r->depth++] = (frame){object, 0, 0, 0};
        r->i++;
    }
    return object ? NAME_OR_END : VALUE_OR_END;
}

static state close_container(reader *r) {
    r->depth--;
    r->i++;
    return AFTER;
}

static state read_value(reader *r, int or_end) {
    state next = AFTER;
    uint8_t c = r->i < r->n ? r->p[r->i] : 0;
    int starts = c && (memchr("{[\"-tfn", c, 7) || is_digit(r));
    if (or_end && c == ']') {
        next = close_container(r);
    } else if (AT(r, "NaN") || AT(r, "Infinity") || AT(r, "-Infinity")) {
        fault(r, SP_ERR_NON_FINITE_LITERAL, r->i, NULL);
    } else if (!starts) {
        unexpected(r, SP_ERR_SYNTAX, or_end ? "a value or ]" : "a value");
    } else if (r->nodes++ >= r->limits->max_nodes) {
        fault(r, SP_ERR_TOO_MANY_NODES, r->i, NULL);
    } else if (c == '{' || c == '[') {
        next = open_container(r);
    } else if (c == '"') {
        read_string(r, SIZE_MAX, SP_ERR_INTERNAL);
    } else if (c == 't') {
        READ_LITERAL(r, "true");
    } else if (c == 'f') {
        READ_LITERAL(r, "false");
    } else if (c == 'n') {
        READ_LITERAL(r, "null");
    } else {
        read_number(r);
    }
    return next;
}

static state read_name(reader *r, int or_end) {
    state next = COLON;
    if (or_end && AT(r, "}")) {
        next = close_container(r);
    } else if (!AT(r, "\"")) {
        unexpected(r, SP_ERR_SYNTAX, or_end ? "a member name in quotes, or }" : "a member name in quotes");
    } else {
        frame *f = &r->frames[r->depth - 1];
        f->name = r->i + 1;
        read_string(r, r->limits->max_key_bytes, SP_ERR_KEY_TOO_LONG);
        f->name_n = r->i - 1 - f->name; /* of no use after a fault, and then not used */
    }
    return next;
}

static state read_after(reader *r) { /* inside a container, after a value */
    frame *f = &r->frames[r->depth - 1];
    state next = f->object ? NAME : VALUE;
    if (AT(r, ",")) {
        f->index++;
        r->i++;
    } else if (f->object ? AT(r, "}") : AT(r, "]")) {
        next = close_container(r);
    } else {
        unexpected(r, SP_ERR_SYNTAX, f->object ? "a comma or }" : "a comma or ]");
    }
    return next;
}

static void skip_space(reader *r) {
    while (r->i < r->n && (AT(r, " ") || AT(r, "\t") || AT(r, "\n") || AT(r, "\r"))) r->i++;
}

static void read_text(reader *r) {
    state s = VALUE;
    int done = 0;
    size_t first;
    skip_space(r);
    first = r->i;
    if (r->line && r->n > r->limits->max_line_bytes) fault(r, SP_ERR_LINE_TOO_LONG, r->limits->max_line_bytes, NULL);
    else if (r->i == 0 && AT(r, "\xef\xbb\xbf")) fault(r, SP_ERR_UNEXPECTED_BOM, 0, NULL);
    while (r->status == SP_OK && !done) {
        skip_space(r);
        switch (s) {
        case VALUE:
        case VALUE_OR_END: s = read_value(r, s == VALUE_OR_END); break;
        case NAME:
        case NAME_OR_END: s = read_name(r, s == NAME_OR_END); break;
        case COLON:
            if (AT(r, ":")) r->i++, s = VALUE;
            else unexpected(r, SP_ERR_SYNTAX, "a colon");
            break;
        case AFTER:
            done = r->depth == 0 && r->i == r->n;
            if (r->depth) s = read_after(r);
            else if (!done) unexpected(r, SP_ERR_TRAILING_DATA, r->line ? NULL : "the end of the text");
            break;
        }
    }
    if (r->status == SP_OK && r->line && r->p[first] != '{') fault(r, SP_ERR_NOT_AN_OBJECT, 0, NULL);
}

/* ---- pointers ---- */

/* Decodes the character at *i of the inside of a valid JSON string, steps over it, and returns its length in UTF-8. Half a
   surrogate pair gives its three bytes, as everywhere. */
static size_t next_char(const uint8_t *p, size_t n, size_t *i, uint8_t out[4]) {
    static const char from[] = "bfnrt", to[] = "\b\f\n\r\t";
    size_t len = 1;
    uint32_t c = p[*i];
    if (c != '\\' || n - *i < 2) {
        len = utf8_length(p + *i, n - *i);
        if (!len) len = 1;
        memcpy(out, p + *i, len);
        *i += len;
    } else if (p[*i + 1] != 'u' || n - *i < 6) {
        const char *short_form = memchr(from, p[*i + 1], sizeof from - 1);
        out[0] = short_form ? (uint8_t)to[short_form - from] : p[*i + 1];
        *i += 2;
    } else {
        uint32_t unit[2] = {0, 0};
        size_t units = n - *i >= 12 && p[*i + 6] == '\\' && p[*i + 7] == 'u' ? 2 : 1;
        for (size_t u = 0; u < units; u++)
            for (size_t k = 2; k < 6; k++) {
                uint8_t h = p[*i + 6 * u + k];
                unit[u] = unit[u] << 4 | (uint32_t)(h <= '9' ? h - '0' : (h | 32) - 'a' + 10);
            }
        int pair = (unit[0] & 0xfc00) == 0xd800 && (unit[1] & 0xfc00) == 0xdc00;
        c = pair ? 0x10000 + ((unit[0] & 0x3ff) << 10 | (unit[1] & 0x3ff)) : unit[0];
        *i += pair ? 12 : 6;
        len = c < 0x80 ? 1 : c < 0x800 ? 2 : c < 0x10000 ? 3 : 4;
        for (size_t k = len; k-- > 1; c >>= 6) out[k] = (uint8_t)(0x80 | (c & 0x3f));
        out[0] = (uint8_t)(len == 1 ? c : (0xf00u >> len & 0xf0) | c);
    }
    return len;
}

typedef struct writer { /* of text that may be cut */
    char *p;
    size_t cap, n, safe; /* safe: the longest whole prefix that leaves room for the mark of a cut */
    int cut;
} writer;

static void put(writer *w, const void *unit, size_t n) { /* a unit is written whole or not at all */
    if (w->cut || n > w->cap - w->n) {
        w->cut = 1;
    } else {
        memcpy(w->p + w->n, unit, n);
        w->n += n;
        if (w->cap - w->n >= 3) w->safe = w->n;
    }
}

static void put_index(writer *w, size_t v) {
    char digits[24];
    size_t k = sizeof digits;
    do digits[--k] = (char)('0' + v % 10);
    while (v /= 10);
    put(w, digits + k, sizeof digits - k);
}

static void put_name(writer *w, const uint8_t *name, size_t n, int (*known)(void *, sp_view), void *ctx) {
    uint8_t plain[SHOWN_NAME_MAX];
    size_t m = 0, step;
    for (size_t i = 0; n <= SHOWN_NAME_MAX && i < n; m += step) step = next_char(name, n, &i, plain + m);
    if (n > SHOWN_NAME_MAX || !known || !known(ctx, (sp_view){plain, m})) {
        put(w, "?", 1);
    } else {
        for (size_t i = 0; i < m; i += step) {
            step = utf8_length(plain + i, m - i);
            if (!step) step = 1;
            if (plain[i] == '~') put(w, "~0", 2);
            else if (plain[i] == '/') put(w, "~1", 2);
            else put(w, plain + i, step);
        }
    }
}

static size_t write_pointer(const reader *r, char *p, size_t cap, int (*known)(void *, sp_view), void *ctx) {
    writer w = {p, cap, 0, 0, 0};
    for (size_t d = 0; d + 1 < r->depth && !w.cut; d++) {
        put(&w, "/", 1);
        if (r->frames[d].object) put_name(&w, r->p + r->frames[d].name, r->frames[d].name_n, known, ctx);
        else put_index(&w, r->frames[d].index);
    }
    if (w.cut) {
        w.n = w.safe;
        w.cut = 0;
        put(&w, "\xe2\x80\xa6", 3); /* … */
    }
    return w.n;
}

sp_status sp_diagnose(sp_view text, int line, const sp_limits *limits, sp_arena *scratch, sp_diagnosis *out,
                      int (*known)(void *ctx, sp_view name), void *ctx, char *pointer, size_t cap, size_t *pointer_n) {
    sp_status result = SP_ERR_NOMEM;
    size_t depth = limits->max_depth < text.n ? limits->max_depth : text.n, bytes;
    reader r = {.p = text.p, .n = text.n, .limits = limits, .line = line};
    if (!__builtin_mul_overflow(depth + 1, sizeof(frame), &bytes)) r.frames = sp_arena_get(scratch, bytes);
    if (r.frames) {
        read_text(&r);
        *out = (sp_diagnosis){r.status, r.pos, r.status == SP_OK ? "" : r.expected, 1, r.pos + 1};
        for (size_t i = 0; !line && i < r.pos; i++)
            if (r.p[i] == '\n') out->line++, out->column = r.pos - i;
        *pointer_n = r.status == SP_OK ? 0 : write_pointer(&r, pointer, cap, known, ctx);
        result = SP_OK;
    }
    return result;
}

/* ---- sp_locate: over text that was accepted before ---- */

static size_t after_space(sp_view t, size_t i) {
    while (i < t.n && memchr(" \t\n\r,:", t.p[i], 6)) i++;
    return i;
}

static size_t after_string(sp_view t, size_t i) { /* i is at the quote */
    for (i++; i < t.n && t.p[i] != '"'; i++) i += t.p[i] == '\\';
    return i < t.n ? i + 1 : t.n;
}

static size_t after_value(sp_view t, size_t i) {
    size_t depth = 0;
    do {
        uint8_t c = i < t.n ? t.p[i] : 0;
        if (c == '"') {
            i = after_string(t, i);
        } else if (c == '{' || c == '[') {
            depth++, i++;
        } else if (c == '}' || c == ']') {
            depth -= depth > 0, i++;
        } else {
            while (i < t.n && !memchr(",:\"{}[] \t\r\n", t.p[i], 11)) i++;
        }
        if (depth) i = after_space(t, i);
    } while (depth && i < t.n);
    return i;
}

/* Whether the inside of a JSON string is the reference token, in which ~0 is ~ and ~1 is /. */
static int name_is(const uint8_t *p, size_t n, sp_view token) {
    size_t k = 0, i = 0;
    int same = 1;
    while (same && i < n) {
        uint8_t c[4];
        size_t len = next_char(p, n, &i, c);
        for (size_t j = 0; same && j < len; j++) {
            uint8_t want = k < token.n ? token.p[k] : 0;
            same = k < token.n;
            if (want == '~' && token.n - k > 1) want = token.p[++k] == '1' ? '/' : '~';
            same = same && want == c[j];
            k++;
        }
    }
    return same && k == token.n;
}

static size_t token_index(sp_view token) { /* SIZE_MAX when it is no index */
    size_t v = 0;
    int good = token.n > 0 && token.n < 19 && (token.n == 1 || token.p[0] != '0');
    for (size_t i = 0; i < token.n; i++) {
        good = good && (uint8_t)(token.p[i] - '0') < 10;
        v = 10 * v + (size_t)(token.p[i] & 15);
    }
    return good ? v : SIZE_MAX;
}

/* Offset of the child of the container at `at` that the token names, or SIZE_MAX. */
static size_t child(sp_view t, size_t at_, sp_view token, size_t *name) {
    size_t found = SIZE_MAX, i = after_space(t, at_ + 1), index = 0, wanted = token_index(token);
    if (t.p[at_] == '{') {
        while (i < t.n && t.p[i] == '"') {
            size_t quote = i, end = after_string(t, i), value = after_space(t, end);
            if (end - quote > 1 && value < t.n && name_is(t.p + quote + 1, end - quote - 2, token)) found = value, *name = quote;
            i = after_space(t, after_value(t, value));
        }
    } else if (t.p[at_] == '[' && wanted != SIZE_MAX) {
        while (i < t.n && t.p[i] != ']' && index < wanted) i = after_space(t, after_value(t, i)), index++;
        if (i < t.n && t.p[i] != ']') found = i;
    }
    return found;
}

size_t sp_locate(sp_view text, sp_view pointer, size_t *key) {
    size_t here = after_space(text, 0), k = 0, name = SIZE_MAX;
    if (here == text.n) here = SIZE_MAX;
    while (here != SIZE_MAX && k < pointer.n) {
        size_t end = k + 1;
        while (end < pointer.n && pointer.p[end] != '/') end++;
        name = SIZE_MAX;
        here = pointer.p[k] == '/' ? child(text, here, (sp_view){pointer.p + k + 1, end - k - 1}, &name) : SIZE_MAX;
        k = end;
    }
    if (key) *key = here == SIZE_MAX ? SIZE_MAX : name;
    return here;
}

size_t sp_leave_out(sp_view text, sp_view name, uint8_t *out) {
    size_t n = 0, depth = 0;
    for (size_t i = 0; i < text.n;) {
        uint8_t c = text.p[i];
        if (c != '"') {
            if (c == '{' || c == '[') depth++;
            if ((c == '}' || c == ']') && depth) depth--;
            if (c != ' ' && c != '\n' && c != '\r' && c != '\t') out[n++] = c;
            i++;
            continue;
        }
        size_t end = after_string(text, i), value = after_space(text, end);
        memcpy(out + n, text.p + i, end - i);
        n += end - i;
        if (depth == 3 && end - i == name.n + 2 && memcmp(text.p + i + 1, name.p, name.n) == 0 && memchr(text.p + end, ':', value - end)) {
            memcpy(out + n, ":0", 2);
            n += 2;
            end = after_value(text, value);
        }
        i = end;
    }
    return n;
}
