/* URLs, hosts, globs and times: what is taken for the same, and what is flagged. */
#include "../../csrc/sp_time.h"
#include "../../csrc/sp_url.h"
#include "check.h"

static sp_view v(const char *s) { return (sp_view){(const uint8_t *)s, strlen(s)}; }

static int is(const sp_url *u, const char *host, const char *path) { /* path: segments joined by | */
    char got[512];
    size_t n = 0;
    for (uint32_t i = 0; i < u->count; i++) {
        if (i) got[n++] = '|';
        memcpy(got + n, u->segments[i].p, u->segments[i].n);
        n += u->segments[i].n;
    }
    got[n] = 0;
    return sp_view_eq(u->host, v(host)) && strcmp(got, path) == 0;
}

static void urls(void) {
    static const struct {
        const char *url, *host, *path;
        int odd, ambiguous;
        uint32_t port;
    } rows[] = {
        {"https://API.OpenAI.com:443/v1/responses/", "api.openai.com", "v1|responses", 0, 0, 443},
        {"https://api.openai.com/v1//responses", "api.openai.com", "v1|responses", 1, 0, 0},
        {"/v1/x/../threads/t/runs", "", "v1|threads|t|runs", 1, 0, 0},
        {"/v1/./responses", "", "v1|responses", 1, 0, 0},
        {"/v1/%72esponses", "", "v1|responses", 1, 0, 0},
        {"/model/a%3A0/converse", "", "model|a:0|converse", 0, 0, 0},
        {"/threads/..%2Fassistants%2Fabc/commands", "", "threads|../assistants/abc|commands", 0, 0, 0},
        {"/v1/chat/completions#/v1/threads/t", "", "v1|chat|completions", 1, 1, 0},
        {"wss://api.openai.com/v1/realtime?model=x", "api.openai.com", "v1|realtime", 0, 0, 0},
        {"http://user:pw@127.0.0.1:11434/api/chat", "127.0.0.1", "api|chat", 0, 0, 11434},
        {"http://[::1]:8080/v1", "[::1]", "v1", 0, 0, 8080},
        {"api.openai.com/v1/models", "api.openai.com", "v1|models", 0, 0, 0},
        {"//evil.example/v1/responses", "", "evil.example|v1|responses", 1, 0, 0},
        {"/../../v1", "", "v1", 1, 0, 0},
        {"", "", "", 0, 0, 0},
    };
    sp_arena arena;
    sp_arena_init(&arena, &sp_alloc_std);
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        sp_url u;
        CHECK(sp_url_parse(v(rows[i].url), &arena, &u) == SP_OK);
        if (!is(&u, rows[i].host, rows[i].path) || u.odd != rows[i].odd || u.ambiguous != rows[i].ambiguous || u.port != rows[i].port)
            fprintf(stderr, "%s\n", rows[i].url);
        CHECK(is(&u, rows[i].host, rows[i].path));
        CHECK(u.odd == rows[i].odd && u.ambiguous == rows[i].ambiguous && u.port == rows[i].port);
    }
    sp_arena_fini(&arena);
}

static void hosts(void) {
    sp_view region = {0};
    CHECK(sp_host_match(v("bedrock-runtime.{region}.amazonaws.com"), v("bedrock-runtime.us-east-1.amazonaws.com"), &region));
    CHECK(sp_view_eq(region, v("us-east-1")));
    CHECK(!sp_host_match(v("bedrock-runtime.{region}.amazonaws.com"), v("bedrock-runtime.us-east-1.amazonaws.com.evil.example"), &region));
    CHECK(sp_host_match(v("{region}-aiplatform.googleapis.com"), v("us-east5-aiplatform.googleapis.com"), &region) &&
          sp_view_eq(region, v("us-east5")));
    CHECK(sp_host_match(v("*.openai.azure.com"), v("a.b.openai.azure.com"), &region));
    CHECK(!sp_host_match(v("*.openai.azure.com"), v("openai.azure.com"), &region));
    CHECK(!sp_host_match(v("api.openai.com"), v("xapi.openai.com"), &region));
    const char *local[] = {"localhost", "10.2.0.15", "192.168.1.2", "172.16.0.1", "172.31.9.9", "vllm.svc.cluster.local",
                           "tgi",       "127.0.0.1", "[::1]"};
    for (size_t i = 0; i < sizeof local / sizeof *local; i++) CHECK(sp_host_match(v("@local"), v(local[i]), &region));
    const char *far[] = {"172.32.0.1", "172.15.0.1", "11.0.0.1", "example.com", "localhost.example.com"};
    for (size_t i = 0; i < sizeof far / sizeof *far; i++) CHECK(!sp_host_match(v("@local"), v(far[i]), &region));
}

static void globs(void) {
    CHECK(sp_glob(v("gpt-[0-9]*"), v("GPT-4o")));
    CHECK(!sp_glob(v("gpt-[0-9]*"), v("gpt-oss-20b")));
    CHECK(sp_glob(v("o[1345]"), v("o3")) && !sp_glob(v("o[1345]"), v("o2")) && !sp_glob(v("o[1345]"), v("o31")));
    CHECK(sp_glob(v("*claude*"), v("us.anthropic.claude-3")) && sp_glob(v("*"), v("")) && !sp_glob(v(""), v("x")));
    CHECK(sp_glob(v("a*b*c"), v("aXbXbYc")) && !sp_glob(v("a*b*c"), v("aXbXbY")));
    CHECK(!sp_glob(v("[!a]x"), v("ax")) && sp_glob(v("[!a]x"), v("bx")));
}

static void times(void) {
    CHECK(sp_time_parse(v("1970-01-01T00:00:00Z")) == 0);
    CHECK(sp_time_parse(v("2026-03-02T08:00:00.123Z")) == 1772438400123000);
    CHECK(sp_time_parse(v("2026-03-02T09:00:00+01:00")) == 1772438400000000);
    CHECK(sp_time_parse(v("Mon, 02 Mar 2026 08:00:00 GMT")) == 1772438400000000);
    CHECK(sp_time_parse(v("02/Mar/2026:10:30:00 +0230")) == 1772438400000000);
    CHECK(sp_time_parse(v("02/Mar/2026:05:30:00 -0230")) == 1772438400000000);
    CHECK(sp_time_parse(v("02/Mrz/2026:05:30:00 -0230")) == INT64_MIN);
    CHECK(sp_time_parse(v("Mon, 02 Mar 2026 08:00:00 CET")) == INT64_MIN);
    CHECK(sp_time_parse(v("2026-03-02")) == 1772409600000000);
    CHECK(sp_time_parse(v("1772438400")) == 1772438400000000 && sp_time_parse(v("1772438400123")) == 1772438400123000);
    CHECK(sp_time_parse(v("1772438400.5")) == 1772438400500000);
    CHECK(sp_time_parse(v("1969-12-31T23:59:59Z")) == -1000000);
    CHECK(sp_time_parse(v("1772438400123456")) == 1772438400123456 && sp_time_parse(v("1772438400123456789")) == 1772438400123456);
    CHECK(sp_time_parse(v("2026-03-02 08:00:00.123000 UTC")) == 1772438400123000);
    const char *none[] = {"",
                          "yesterday",
                          "2026-13-01",
                          "2026-03-02T",
                          "2026-03-02T99:00:00Z",
                          "12345678901234567890",
                          "9223372036854775808",
                          "2026-03-02 08:00:00 UT",
                          "2026-03-02T08:00:00Zx"};
    for (size_t i = 0; i < sizeof none / sizeof *none; i++) CHECK(sp_time_parse(v(none[i])) == INT64_MIN);
}

static void clocks(void) {
    static const struct {
        const char *text;
        sp_clock clock;
    } forms[] = {{"", SP_CLOCK_NONE},
                 {"2026-03-02T08:00:00.123Z", SP_CLOCK_ZONED},
                 {"2026-03-02T09:00:00+0100", SP_CLOCK_ZONED},
                 {"2026-03-02 08:00:00 UTC", SP_CLOCK_ZONED},
                 {"2026-03-02T08:00", SP_CLOCK_NAIVE},
                 {"2026-03-02 08:00:00.123456", SP_CLOCK_NAIVE},
                 {"2026-03-02", SP_CLOCK_DATE},
                 {"Thu, 25 Apr 2024 09:22:53 GMT", SP_CLOCK_ZONED},
                 {"02/Mar/2026:09:15:00 +0000", SP_CLOCK_ZONED},
                 {"02/Mrz/2026:09:15:00 +0000", SP_CLOCK_UNREADABLE},
                 {"1772438400.5", SP_CLOCK_SECONDS},
                 {"1772438400123", SP_CLOCK_MILLISECONDS},
                 {"1772438400123456", SP_CLOCK_MICROSECONDS},
                 {"1772438400123456789", SP_CLOCK_NANOSECONDS},
                 {"yesterday", SP_CLOCK_UNREADABLE},
                 {"2026-03-02T08:00:00Zx", SP_CLOCK_UNREADABLE},
                 {"2026-13-02T08:00:00Z", SP_CLOCK_UNREADABLE},
                 {"12345678901234567890", SP_CLOCK_UNREADABLE}};
    for (size_t i = 0; i < sizeof forms / sizeof *forms; i++) {
        sp_clock clock = SP_CLOCK_COUNT;
        CHECK(sp_time_read(v(forms[i].text), &clock) == sp_time_parse(v(forms[i].text)) && clock == forms[i].clock);
        CHECK((sp_time_parse(v(forms[i].text)) == INT64_MIN) == (clock == SP_CLOCK_NONE || clock == SP_CLOCK_UNREADABLE));
    }
}

int main(void) {
    urls();
    hosts();
    globs();
    times();
    clocks();
    return check_done();
}
