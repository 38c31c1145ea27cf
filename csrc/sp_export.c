/* NDJSON and CSV. Each cell asks once for the most room that it can need and then writes without a look. */
#include "sp_export.h"

#include "sp_columns_impl.h"

static sp_status want(sp_out *out, size_t n) {
    if (n > SIZE_MAX - out->n) return SP_ERR_NOMEM;
    return out->n + n > out->cap ? sp_grow(out->alloc, &out->p, &out->cap, out->n + n, 1) : SP_OK;
}

/* The put functions rely on room that was asked for. */
static void put(sp_out *out, const void *p, size_t n) {
    if (n) memcpy(out->p + out->n, p, n);
    out->n += n;
}

static void put_char(sp_out *out, char c) { out->p[out->n++] = (uint8_t)c; }

static size_t digits(uint64_t v, unsigned width, char *text) { /* decimal, at least `width` digits */
    char back[20];
    size_t n = 0;
    do back[n++] = (char)('0' + v % 10);
    while ((v /= 10) != 0 || n < width);
    for (size_t i = 0; i < n; i++) text[i] = back[n - 1 - i];
    return n;
}

static void put_int(sp_out *out, int64_t v) {
    char text[21];
    size_t n = 0;
    if (v < 0) text[n++] = '-';
    n += digits(v < 0 ? 0 - (uint64_t)v : (uint64_t)v, 1, text + n);
    put(out, text, n);
}

/* Days since 1970 → year, month, day (Howard Hinnant's civil_from_days, public domain; the year starts in March, 400 years are an era). */
size_t sp_export_time(int64_t microseconds, char *text) {
    const int64_t day_us = INT64_C(86400000000);
    int64_t days = microseconds / day_us, rest = microseconds % day_us;
    if (rest < 0) rest += day_us, days--;
    uint64_t z = (uint64_t)(days + 719468); /* from 0000-03-01; years from 1 on keep it positive */
    uint64_t era = z / 146097, doe = z % 146097;
    uint64_t yoe = (doe - doe / 1460 + doe / 36524 - doe / 146096) / 365;
    uint64_t doy = doe - (365 * yoe + yoe / 4 - yoe / 100), mp = (5 * doy + 2) / 153;
    uint64_t month = mp < 10 ? mp + 3 : mp - 9, year = yoe + era * 400 + (month <= 2);
    uint64_t second = (uint64_t)rest / 1000000, us = (uint64_t)rest % 1000000;
    const uint64_t part[] = {year, month, doy - (153 * mp + 2) / 5 + 1, second / 3600, second / 60 % 60, second % 60};
    size_t n = 0;
    for (unsigned i = 0; i < 6; i++) {
        n += digits(part[i], i ? 2 : 4, text + n);
        text[n++] = "--T::Z"[i];
    }
    if (us) {
        text[n - 1] = '.';
        n += digits(us, 6, text + n);
        text[n++] = 'Z';
    }
    return n;
}

static void put_unit(sp_out *out, unsigned unit) {
    static const char hex[] = "0123456789abcdef";
    char text[6] = {'\\', 'u', hex[unit >> 12 & 15], hex[unit >> 8 & 15], hex[unit >> 4 & 15], hex[unit & 15]};
    put(out, text, sizeof text);
}

static void put_u(sp_out *out, unsigned code) {
    if (code > 0xffff) put_unit(out, 0xd7c0 + (code >> 10));
    put_unit(out, code > 0xffff ? 0xdc00 | (code & 0x3ff) : code);
}

/* Bytes at p of a character that is legal in JSON, but moves, hides or reorders what a terminal shows; 0 for all others. */
static size_t unseen(const uint8_t *p, size_t n, unsigned *code) {
    unsigned c = p[0];
    size_t used = 1;
    if (c >= 0x80 && c < 0xc0) return 0; /* inside a character */
    if (c >= 0xc0 && c < 0xe0 && n >= 2) {
        c = (c & 31) << 6 | (p[1] & 63u);
        used = 2;
    } else if (c >= 0xe0 && c < 0xf0 && n >= 3) {
        c = (c & 15) << 12 | (p[1] & 63u) << 6 | (p[2] & 63u);
        used = 3;
    } else if (c >= 0xf0 && n >= 4) {
        c = (c & 7) << 18 | (p[1] & 63u) << 12 | (p[2] & 63u) << 6 | (p[3] & 63u);
        used = 4;
    }
    static const struct {
        unsigned first, last;
    } ranges[] = {{0x7f, 0x9f},     {0xad, 0xad},     {0x61c, 0x61c},   {0x180e, 0x180e}, {0x200b, 0x200f},
                  {0x2028, 0x202e}, {0x2060, 0x206f}, {0xfeff, 0xfeff}, {0xfff9, 0xfffb}, {0xe0000, 0xe007f}};
    *code = c;
    for (size_t i = 0; i < sizeof ranges / sizeof *ranges; i++)
        if (c >= ranges[i].first && c <= ranges[i].last) return used;
    return 0;
}

/* Needs 6 n + 2 bytes of room. */
static void put_json_text(sp_out *out, sp_view v) {
    size_t start = 0, i = 0;
    put_char(out, '"');
    while (i < v.n) {
        uint8_t b = v.p[i];
        unsigned code = b;
        size_t n = b < 0x20 || b == '"' || b == '\\' ? 1 : b < 0x7f ? 0 : unseen(v.p + i, v.n - i, &code);
        if (!n) {
            i++;
            continue;
        }
        put(out, v.p + start, i - start);
        const char *brief = b < 0x20 ? memchr("\b\t\n\f\r", b, 5) : NULL;
        char pair[2] = {'\\', (char)b};
        if (brief) pair[1] = "btnfr"[b == '\b' ? 0 : b == '\t' ? 1 : b == '\n' ? 2 : b == '\f' ? 3 : 4];
        if (brief || b == '"' || b == '\\') put(out, pair, 2);
        else put_u(out, code);
        i += n;
        start = i;
    }
    put(out, v.p + start, v.n - start);
    put_char(out, '"');
}

static sp_status json_text(sp_out *out, sp_view v) {
    if (v.n > (SIZE_MAX - 3) / 6) return SP_ERR_NOMEM;
    SP_TRY(want(out, 6 * v.n + 3)); /* with a comma */
    put_json_text(out, v);
    return SP_OK;
}

static sp_status json_list(sp_out *out, const sp_columns *c, size_t column, size_t row) {
    SP_TRY(want(out, 1));
    put_char(out, '[');
    for (size_t i = 0, n = spi_cell_items(c, column, row); i < n; i++) {
        SP_TRY(json_text(out, spi_cell_item(c, column, row, i)));
        if (i + 1 < n) put_char(out, ',');
    }
    SP_TRY(want(out, 1));
    put_char(out, ']');
    return SP_OK;
}

/* A number, a truth value or a time; needs SP_TIME_TEXT bytes of room. */
static void put_scalar(sp_out *out, const sp_columns *c, size_t column, size_t row) {
    int64_t v = spi_cell_int(c, column, row);
    char text[SP_TIME_TEXT];
    switch (c->schema->columns[column].kind) {
    case SP_KIND_BOOL: put(out, v ? "true" : "false", v ? 4 : 5); break;
    case SP_KIND_TIME: put(out, text, sp_export_time(v, text)); break;
    default: put_int(out, v);
    }
}

static sp_status json_cell(sp_out *out, const sp_columns *c, size_t column, size_t row) {
    sp_kind kind = c->schema->columns[column].kind;
    spi_layout layout = spi_layout_of(kind);
    SP_TRY(want(out, SP_TIME_TEXT + 2));
    if (!spi_cell_valid(c, column, row)) return put(out, "null", 4), SP_OK;
    if (layout == SPI_LIST) return json_list(out, c, column, row);
    if (layout != SPI_FIXED) return json_text(out, spi_cell_text(c, column, row));
    if (kind == SP_KIND_TIME) put_char(out, '"');
    put_scalar(out, c, column, row);
    if (kind == SP_KIND_TIME) put_char(out, '"');
    return SP_OK;
}

sp_status sp_export_ndjson(const sp_columns *c, size_t from, size_t count, sp_out *out) {
    const sp_schema *s = c->schema;
    for (size_t row = from; row < from + count; row++) {
        for (size_t i = 0; i < s->count; i++) {
            size_t n = strlen(s->columns[i].name);
            SP_TRY(want(out, n + 4));
            put_char(out, i ? ',' : '{');
            put_char(out, '"');
            put(out, s->columns[i].name, n);
            put(out, "\":", 2);
            SP_TRY(json_cell(out, c, i, row));
        }
        SP_TRY(want(out, 2));
        put(out, "}\n", 2);
    }
    return SP_OK;
}

/* Whether a spreadsheet may run a cell that begins so, or whether it looks as if we had made it safe before. */
static int risky(sp_view v) {
    static const uint8_t wide[] = {0x9d, 0x8b, 0x8d, 0xa0}; /* U+FF1D = FF0B + FF0D - FF20 @, last byte */
    size_t i = 0;
    while (i < v.n && v.p[i] == '\'') i++;
    if (i == v.n) return 0;
    if (memchr("=+-@\t\r\n", v.p[i], 8)) return 1; /* with the NUL */
    return v.n - i >= 3 && v.p[i] == 0xef && v.p[i + 1] == 0xbc && memchr(wide, v.p[i + 2], sizeof wide) != NULL;
}

static int plain(sp_view v) { /* needs no quotes */
    for (size_t i = 0; i < v.n; i++)
        if (v.p[i] < 0x20 || v.p[i] == '"' || v.p[i] == ',') return 0;
    return v.n > 0 && v.p[0] != ' ' && v.p[v.n - 1] != ' ';
}

/* Needs 2 n + 3 bytes of room; gives the inside of a quoted cell. */
static void put_quoted(sp_out *out, sp_view v) {
    for (size_t i = 0; i < v.n; i++) {
        if (v.p[i] == '"') put_char(out, '"');
        put_char(out, (char)v.p[i]);
    }
}

static sp_status csv_text(sp_out *out, sp_view v, int safe) {
    int quote = !plain(v);
    if (v.n > (SIZE_MAX - 4) / 2) return SP_ERR_NOMEM;
    SP_TRY(want(out, 2 * v.n + 4));
    if (quote) put_char(out, '"');
    if (safe && risky(v)) put_char(out, '\'');
    put_quoted(out, v);
    if (quote) put_char(out, '"');
    return SP_OK;
}

static sp_status csv_list(sp_out *out, const sp_columns *c, size_t column, size_t row, int safe) {
    size_t n = spi_cell_items(c, column, row);
    SP_TRY(want(out, 2));
    put_char(out, '"');
    for (size_t i = 0; i < n; i++) {
        sp_view v = spi_cell_item(c, column, row, i);
        if (v.n > (SIZE_MAX - 4) / 2) return SP_ERR_NOMEM;
        SP_TRY(want(out, 2 * v.n + 4));
        if (i) put_char(out, ' ');
        if (!i && safe && risky(v)) put_char(out, '\'');
        put_quoted(out, v);
    }
    SP_TRY(want(out, 1));
    put_char(out, '"');
    return SP_OK;
}

static sp_status csv_cell(sp_out *out, const sp_columns *c, size_t column, size_t row, int safe) {
    spi_layout layout = spi_column_layout(c, column);
    if (!spi_cell_valid(c, column, row)) return SP_OK;
    if (layout == SPI_LIST) return csv_list(out, c, column, row, safe);
    if (layout != SPI_FIXED) return csv_text(out, spi_cell_text(c, column, row), safe);
    SP_TRY(want(out, SP_TIME_TEXT));
    put_scalar(out, c, column, row);
    return SP_OK;
}

sp_status sp_export_csv(const sp_columns *c, size_t from, size_t count, unsigned options, sp_out *out) {
    const sp_schema *s = c->schema;
    for (size_t i = 0; options & SP_CSV_HEADER && i < s->count; i++) {
        size_t n = strlen(s->columns[i].name);
        SP_TRY(want(out, n + 3));
        if (i) put_char(out, ',');
        put(out, s->columns[i].name, n);
        if (i + 1 == s->count) put(out, "\r\n", 2);
    }
    for (size_t row = from; row < from + count; row++) {
        for (size_t i = 0; i < s->count; i++) {
            SP_TRY(csv_cell(out, c, i, row, (options & SP_CSV_SAFE) != 0));
            SP_TRY(want(out, 2));
            if (i + 1 < s->count) put_char(out, ',');
        }
        put(out, "\r\n", 2);
    }
    return SP_OK;
}
