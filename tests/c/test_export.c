#include <stdio.h>

#include "check.h"
#include "sp_export.h"
#include "table.h"

static int text_is(const sp_out *out, const char *want) {
    int ok = out->n == strlen(want) && memcmp(out->p, want, out->n) == 0;
    if (!ok) fprintf(stderr, "got  %.*s\nwant %s\n", (int)out->n, (const char *)out->p, want);
    return ok;
}

static sp_columns *one(table_row r) {
    sp_columns *c = sp_columns_new(&sp_alloc_std, &table_schema, NULL);
    CHECK(sp_columns_append(c, &r) == SP_OK);
    return c;
}

static int ndjson_is(table_row r, const char *want) {
    sp_out out = {.alloc = &sp_alloc_std};
    sp_columns *c = one(r);
    int ok = sp_export_ndjson(c, 0, 1, &out) == SP_OK && text_is(&out, want);
    sp_release(out.alloc, out.p);
    sp_columns_drop(c);
    return ok;
}

static int csv_is(table_row r, unsigned options, const char *want) {
    sp_out out = {.alloc = &sp_alloc_std};
    sp_columns *c = one(r);
    int ok = sp_export_csv(c, 0, 1, options, &out) == SP_OK && text_is(&out, want);
    sp_release(out.alloc, out.p);
    sp_columns_drop(c);
    return ok;
}

static table_row full(void) {
    static const sp_view items[] = {{(const uint8_t *)"read.previous", 13}, {(const uint8_t *)"a\"b", 3}};
    return (table_row){SP_VIEW("id"), INT64_MIN + 1, -5, 1, INT64_C(1772368496000000), {items, 2}};
}

static void writes_json(void) {
    table_row none = NULL_ROW, r = full();
    CHECK(ndjson_is(none, "{\"uid\":null,\"big\":null,\"small\":null,\"yes\":null,\"time\":null,\"list\":null}\n"));
    CHECK(ndjson_is(r, "{\"uid\":\"id\",\"big\":-9223372036854775807,\"small\":-5,\"yes\":true,\"time\":\"2026-03-01T12:34:56Z\","
                       "\"list\":[\"read.previous\",\"a\\\"b\"]}\n"));
    r.uid = SP_VIEW("");
    r.big = r.small = r.yes = 0;
    r.time = 1;
    r.list.n = 0;
    CHECK(ndjson_is(r, "{\"uid\":\"\",\"big\":0,\"small\":0,\"yes\":false,\"time\":\"1970-01-01T00:00:00.000001Z\",\"list\":[]}\n"));
}

static int json_text_is(sp_view v, const char *want) {
    char line[512];
    table_row r = NULL_ROW;
    r.uid = v;
    snprintf(line, sizeof line, "{\"uid\":\"%s\",\"big\":null,\"small\":null,\"yes\":null,\"time\":null,\"list\":null}\n", want);
    return ndjson_is(r, line);
}

static void escapes_json(void) {
    CHECK(json_text_is(SP_VIEW("\"\\/\b\t\n\f\r\x01\x1f"), "\\\"\\\\/\\b\\t\\n\\f\\r\\u0001\\u001f"));
    CHECK(json_text_is(SP_VIEW("a\0b"), "a\\u0000b"));
    CHECK(json_text_is(SP_VIEW("\x1b[31m\x7f"), "\\u001b[31m\\u007f"));
    CHECK(json_text_is(SP_VIEW("\xc2\x80\xc2\x9f\xc2\xa0\xc2\xad"), "\\u0080\\u009f\xc2\xa0\\u00ad"));
    CHECK(json_text_is(SP_VIEW("\xc3\xbc\xe2\x82\xac\xf0\x9f\x99\x82\xe4\xbd\xa0"), "\xc3\xbc\xe2\x82\xac\xf0\x9f\x99\x82\xe4\xbd\xa0"));
    CHECK(json_text_is(SP_VIEW("\xe2\x80\x8b\xe2\x80\xae\xe2\x81\xa6\xef\xbb\xbf\xe2\x80\xa8"), "\\u200b\\u202e\\u2066\\ufeff\\u2028"));
    CHECK(json_text_is(SP_VIEW("\xd8\x9c\xe1\xa0\x8e\xf3\xa0\x81\xa1"), "\\u061c\\u180e\\udb40\\udc61"));
    CHECK(json_text_is(SP_VIEW("\xe2\x80"), "\xe2\x80")); /* cut: can't occur, must not be read past */
}

static void writes_times(void) {
    static const struct {
        int64_t us;
        const char *text;
    } rows[] = {
        {0, "1970-01-01T00:00:00Z"},
        {-1, "1969-12-31T23:59:59.999999Z"},
        {INT64_C(-62135596800000000), "0001-01-01T00:00:00Z"},
        {INT64_C(253402300799999999), "9999-12-31T23:59:59.999999Z"},
        {INT64_C(951782400000000), "2000-02-29T00:00:00Z"},
        {INT64_C(951868799100000), "2000-02-29T23:59:59.100000Z"},
        {INT64_C(4107542400000000), "2100-03-01T00:00:00Z"},
        {INT64_C(1772368496000001), "2026-03-01T12:34:56.000001Z"},
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        char text[SP_TIME_TEXT];
        size_t n = sp_export_time(rows[i].us, text);
        CHECK(n == strlen(rows[i].text) && memcmp(text, rows[i].text, n) == 0);
    }
}

static void writes_csv(void) {
    table_row none = NULL_ROW, r = full();
    CHECK(csv_is(none, SP_CSV_HEADER, "uid,big,small,yes,time,list\r\n,,,,,\r\n"));
    CHECK(csv_is(r, 0, "id,-9223372036854775807,-5,true,2026-03-01T12:34:56Z,\"read.previous a\"\"b\"\r\n"));
    r.uid = SP_VIEW("");
    r.yes = 0;
    r.list.n = 0;
    CHECK(csv_is(r, SP_CSV_SAFE, "\"\",-9223372036854775807,-5,false,2026-03-01T12:34:56Z,\"\"\r\n"));
}

static int cell_is(sp_view v, unsigned options, const char *want) {
    char line[256];
    table_row r = NULL_ROW;
    r.uid = v;
    snprintf(line, sizeof line, "%s,,,,,\r\n", want);
    return csv_is(r, options, line);
}

static void quotes_csv(void) {
    CHECK(cell_is(SP_VIEW("a b"), 0, "a b"));
    CHECK(cell_is(SP_VIEW(" a"), 0, "\" a\""));
    CHECK(cell_is(SP_VIEW("a "), 0, "\"a \""));
    CHECK(cell_is(SP_VIEW("a,b"), 0, "\"a,b\""));
    CHECK(cell_is(SP_VIEW("a\"b"), 0, "\"a\"\"b\""));
    CHECK(cell_is(SP_VIEW("a\r\nb"), 0, "\"a\r\nb\""));
    CHECK(cell_is(SP_VIEW("=1"), 0, "=1"));
}

static void calms_csv(void) {
    static const char *const calm[][2] = {
        {"=1+1", "'=1+1"},
        {"+1", "'+1"},
        {"-1", "'-1"},
        {"@a", "'@a"},
        {"\ta", "\"'\ta\""},
        {"\ra", "\"'\ra\""},
        {"\na", "\"'\na\""},
        {"\xef\xbc\x9d"
         "1",
         "'\xef\xbc\x9d"
         "1"},
        {"\xef\xbc\x8b", "'\xef\xbc\x8b"},
        {"\xef\xbc\x8d", "'\xef\xbc\x8d"},
        {"\xef\xbc\xa0", "'\xef\xbc\xa0"},
        {"=\",", "\"'=\"\",\""},
        {"'=1", "''=1"},
        {"''@", "'''@"}, /* so that reading is exact */
        {"a=1", "a=1"},
        {"'", "'"},
        {"'a", "'a"},
        {"\xef\xbc", "\xef\xbc"},
        {"\xef\xbc\xa1", "\xef\xbc\xa1"},
        {"", "\"\""},
    };
    for (size_t i = 0; i < sizeof calm / sizeof *calm; i++)
        CHECK(cell_is((sp_view){(const uint8_t *)calm[i][0], strlen(calm[i][0])}, SP_CSV_SAFE, calm[i][1]));
    const sp_view items[] = {SP_VIEW("=a"), SP_VIEW("=b")};
    table_row r = NULL_ROW;
    r.list = (sp_cell_STRS){items, 2};
    CHECK(csv_is(r, SP_CSV_SAFE, ",,,,,\"'=a =b\"\r\n"));
    sp_out out = {.alloc = &sp_alloc_std};
    r = (table_row)NULL_ROW;
    r.uid = SP_VIEW("\0=");
    sp_columns *c = one(r);
    CHECK(sp_export_csv(c, 0, 1, SP_CSV_SAFE, &out) == SP_OK && out.n == 12 && memcmp(out.p, "\"'\0=\",,,,,\r\n", 12) == 0);
    sp_release(out.alloc, out.p);
    sp_columns_drop(c);
}

/* Slices give the same text as the whole, cut; every allocation may fail. */
static void slices_and_fails(void) {
    sp_columns *c = table_of(&sp_alloc_std, 30);
    for (int csv = 0; csv < 2; csv++) {
        sp_out all = {.alloc = &sp_alloc_std}, parts = {.alloc = &sp_alloc_std};
        for (size_t i = 0; i < 30; i += 7) {
            size_t n = i + 7 > 30 ? 30 - i : 7;
            CHECK((csv ? sp_export_csv(c, i, n, SP_CSV_SAFE, &parts) : sp_export_ndjson(c, i, n, &parts)) == SP_OK);
        }
        CHECK((csv ? sp_export_csv(c, 0, 30, SP_CSV_SAFE, &all) : sp_export_ndjson(c, 0, 30, &all)) == SP_OK);
        CHECK(all.n == parts.n && memcmp(all.p, parts.p, all.n) == 0);
        sp_release(all.alloc, all.p);
        sp_release(parts.alloc, parts.p);
        for (size_t at = 1;; at++) {
            faulty f;
            faulty_init(&f, at, 1);
            sp_out out = {.alloc = &f.alloc};
            sp_status st = csv ? sp_export_csv(c, 0, 30, SP_CSV_HEADER, &out) : sp_export_ndjson(c, 0, 30, &out);
            sp_release(out.alloc, out.p);
            CHECK(f.live == 0 && (st == SP_OK || st == SP_ERR_NOMEM));
            if (st == SP_OK) break;
        }
    }
    sp_columns_drop(c);
}

int main(void) {
    writes_json();
    escapes_json();
    writes_times();
    writes_csv();
    quotes_csv();
    calms_csv();
    slices_and_fails();
    return check_done();
}
