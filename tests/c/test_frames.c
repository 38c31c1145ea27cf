/* The frames of a socket: which are exchanges, and what answers each. */
#include "check.h"
#include "sp_frames.h"

static const sp_view calls[] = {{(const uint8_t *)"call", 4}};

/* The records of the frames that were sent, one a line; `-` for one without a record. */
static const char *records_of(const char *before, const char *list, const char *after, size_t most) {
    static char out[4096], text[2048];
    const sp_frames_form form = {SP_VIEW("way"), SP_VIEW("out"), SP_VIEW("data"), SP_VIEW("time"), calls, 1};
    size_t n = (size_t)snprintf(text, sizeof text, "%s%s%s", before, list, after), at = 0;
    guarded g = guard(text, n);
    sp_frames f = sp_frames_of((sp_view){g.p, n}, (sp_view){g.p + strlen(before), strlen(list)}, form, most);
    sp_arena scratch;
    sp_frame x;
    sp_arena_init(&scratch, &sp_alloc_std);
    while (sp_frames_next(&f, sp_kernel_best(), &scratch, &x) == 1) {
        CHECK(g.p[x.start] == '{' && g.p[x.end - 1] == '}');
        at += (size_t)snprintf(out + at, sizeof out - at, "%.*s\n", x.record.p ? (int)x.record.n : 1,
                               x.record.p ? (const char *)x.record.p : "-");
    }
    out[at] = 0;
    sp_arena_fini(&scratch);
    unguard(&g);
    return out;
}

static int gives(const char *list, const char *want) {
    const char *got = records_of("{\"l\":", list, "}", 4096);
    if (strcmp(got, want) != 0) fprintf(stderr, "%s\n  %s\n  %s\n", list, want, got);
    return strcmp(got, want) == 0;
}

#define SENT(data) "{\"way\":\"out\",\"data\":" data "}"
#define CAME(data) "{\"way\":\"in\",\"data\":" data "}"
#define CALL "\"{\\\"type\\\":\\\"call\\\"}\""
#define NOTE "\"{\\\"type\\\":\\\"note\\\"}\""
#define RECORD(data, received) "{\"l\":null,\"frame\":{\"data\":" data ",\"time\":null,\"received\":\"" received "\"}}\n"

static void frames(void) {
    CHECK(gives("[]", "") && gives("[" CAME("\"1\"") ",7,null,{}]", ""));
    CHECK(gives("[" SENT(CALL) "," CAME("\"1\"") "," CAME("\"2\"") "," SENT(CALL) "," CAME("\"3\"") "]",
                RECORD(CALL, "data: 1\\n\\ndata: 2\\n\\n") RECORD(CALL, "data: 3\\n\\n")));
    /* what comes after a note answers the call before it */
    CHECK(gives("[" SENT(CALL) "," SENT(NOTE) "," CAME("\"1\"") "]", RECORD(CALL, "data: 1\\n\\n") RECORD(NOTE, "")));
    CHECK(gives("[" CAME("\"0\"") "," SENT("\"{}\"") "," CAME("\"1\"") "]", RECORD("\"{}\"", "data: 1\\n\\n"))); /* no type */
    CHECK(gives("[" SENT("7") "," CAME("7") "," CAME("\"1\"") "]", RECORD("7", "data: 1\\n\\n")));               /* no text */
    CHECK(gives("[{\"way\":\"out\",\"time\":1.5}]", "{\"l\":null,\"frame\":{\"data\":null,\"time\":1.5,\"received\":\"\"}}\n"));
    CHECK(gives("[" SENT(CALL) "," CAME("\"{\\n\\u000A\\\\n\\\"\\u000d}\"") "]", RECORD(CALL, "data: {        \\\\n\\\"      }\\n\\n")));
}

static void record(void) {
    CHECK(strcmp(records_of("{\"a\":1,\"l\":", "[" SENT("1") "]", ",\"b\":{}} ", 4096),
                 "{\"a\":1,\"l\":null,\"b\":{},\"frame\":{\"data\":1,\"time\":null,\"received\":\"\"}}\n") == 0);
    /* all records together have a bound, and what does not fit has none */
    CHECK(strcmp(records_of("{\"l\":", "[" SENT("1") "," SENT("2") "]", "}", strlen(RECORD("1", "")) + 3), RECORD("1", "") "-\n") == 0);
}

int main(void) {
    frames();
    record();
    return check_done();
}
