/* What is shown and what is not: canaries and their parts, ids and names of the APIs, hosts, tags; time. */
#include <time.h>

#include "check.h"
#include "data.h"
#include "sp_ident.h"

static int shows_n(const void *p, size_t n, int host) {
    sp_view v = data_exact(p, n);
    int shown = host ? sp_ident_host_shows(v) : sp_ident_shows(v);
    free((void *)v.p);
    return shown;
}

static int shows(const char *text) {
    int shown = shows_n(text, strlen(text), 0);
    if (!shown) fprintf(stderr, "not shown: %s\n", text);
    return shown;
}

static int hides(const char *text) {
    int shown = shows_n(text, strlen(text), 0);
    if (shown) fprintf(stderr, "shown: %s\n", text);
    return !shown;
}

/* The parts of a canary joined and unescaped. Returns its length. */
static size_t canary(sp_view line, char *out) {
    static const char start[] = "\"parts\": [";
    size_t n = 0, i = 0;
    while (memcmp(line.p + i, start, sizeof start - 1) != 0) i++;
    int inside = 0;
    for (i += sizeof start - 1; i < line.n && (inside || line.p[i] != ']'); i++) {
        if (line.p[i] == '"') inside = !inside;
        else if (inside && line.p[i] == '\\') out[n++] = line.p[++i] == 'n' ? '\n' : (char)line.p[i];
        else if (inside) out[n++] = (char)line.p[i];
    }
    return n;
}

static int hides_around(const char *before, const char *secret, size_t n, const char *after) {
    char text[700];
    int m = snprintf(text, sizeof text, "%s%.*s%s", before, (int)n, secret, after);
    int shown = shows_n(text, (size_t)m, 0);
    if (shown) fprintf(stderr, "shown: %s\n", text);
    return !shown;
}

static void test_canaries(void) {
    sp_view file = data_file("secrets/canaries.jsonl"), rest = file, line;
    unsigned used = 0, windows = 0, seen = 0;
    while (data_line(&rest, &line)) {
        char secret[600];
        size_t n = canary(line, secret);
        int is_prose = memcmp(secret, "the ", 4) == 0; /* words look like names */
        used++;
        CHECK(n >= 11 && hides_around("", secret, n, "") && !shows_n(secret, n, 1));
        CHECK(hides_around("gpt-4-", secret, n, "") && hides_around("", secret, n, "-v1") && hides_around("x", secret, n, ""));
        CHECK(hides_around("acme/", secret, n, ":1") && hides_around("my.", secret, n, ".x"));
        /* behind the prefix of an id, hexadecimal digits are what belongs there */
        CHECK(memcmp(secret, "01234567", 8) == 0 || (hides_around("resp_", secret, n, "") && hides_around("file-", secret, n, "x")));
        for (size_t i = 0; i < n;) { /* what is left when a path, a query or a list is taken apart */
            size_t end = i;
            while (end < n && !memchr(" /&=;,:@%+\n", secret[end], 11)) end++;
            CHECK(end - i < 12 || is_prose || hides_around("", secret + i, end - i, ""));
            i = end + 1;
        }
        for (size_t i = 0; i + 12 <= n; i++) {
            windows++;
            seen += (unsigned)shows_n(secret + i, 12, 0);
        }
    }
    free((void *)file.p);
    CHECK(used == 27);
    CHECK(10 * seen < windows); /* single windows of 12 can look like words; none stands alone in a log */
    printf("canaries: %u; windows of 12 characters: %u, shown by themselves: %u\n", used, windows, seen);
}

static void test_values(void) {
    static const char *const good[] = {
        "resp_68c1f0a2b7d48190a4e2d7c05b9f3e11",
        "msg_01XFDUDYJgAACzvnptvVoYEL",
        "chatcmpl-B9MBs8CjcvOU2jLn4n570S5qMJKcT",
        "thread_abc123",
        "conv_68fb96fe1a488195bf48df8f7666551604cbf45151194822",
        "file-WWaqzHNo6YFeKkgyFiLeWs",
        "cntr_1",
        "run_x",
        "chatcmpl-123e4567-e89b-12d3-a456-426614174000",
        "123e4567-e89b-12d3-a456-426614174000",
        "123E4567-E89B-12D3-A456-426614174000",
        "resp_bGl0ZWxsbTpjdXN0b21fbGxtX3Byb3ZpZGVyOmF6dXJlO21vZGVsX2lkOmRlcC0xO3Jlc3BvbnNlX2lkOnJlc3BfNjhjMWYwYTJiN2Q0ODE5MGE=",
        "gpt-4o",
        "gpt-5.2-2025-12-11",
        "claude-sonnet-4-5@20250929",
        "claude-opus-4-1-20250805",
        "claude-sonnet-4@default",
        "m",
        "o3",
        "anthropic.claude-3-5-sonnet-20241022-v2:0",
        "us.anthropic.claude-sonnet-4-5-20250929-v1:0",
        "@cf/meta/llama-3.3-70b-instruct-fp8-fast",
        "Qwen3-Next-80B-A3B-Instruct-FP8",
        "meta-llama/Llama-4-Scout-17B-16E-Instruct",
        "mlx-community/Qwen3-0.6B-4bit-DWQ-053125",
        "ft:gpt-4o-mini-2024-07-18:acme::9abc",
        "accounts/fireworks/models/kimi-k2",
        "mistralai/Mixtral-8x7B-Instruct-v0.1",
        "CohereLabs/c4ai-command-r7b-arabic-02-2025",
        "deepseek-ai/DeepSeekCoder-V2",
        "gemma3:1b",
        "freight-prod",
        "gpt-4-invalid-12345",
    };
    static const char *const bad[] = {
        "",
        " ",
        "a b",
        "resp_",
        "resp_a b",
        "resp_sk-proj-abcdefghijkl",
        "conv_ghp_abcdefghijkl",
        "file-password1",
        "msg_4111111111111111",
        "resp_a/b?",
        "run_078-05-1120",
        "0123456789abcdef0123456789abcdef",
        "AKIAIOSFODNN7EXAMPLE",
        "xAKIAIOSFODNN7EXAMPLE",
        "sk-abcdefgh",
        "sk_live_abcdefgh",
        "hf_abcdefghij",
        "eyJhbGciOiJub25lIn0.eyJzdWIiOiJ4In0.abc",
        "jane.doe",
        "jane@example.com",
        "jane@localhost",
        "a@b",
        "202-555-0143",
        "1-202-555-0143",
        "user-202-555-0143",
        "4111-1111-1111-1111",
        "4111.1111.1111.1111",
        "078-05-1120",
        "GB82WEST12345698765432",
        "203.0.113.77",
        "ip-203.0.113.77",
        "my-Secret-1",
        "db-passwd",
        "X-Amz-Signature",
        "https://x/y",
        "a//b",
        "../etc",
        "-----BEGIN",
        "/home/jane",
        "a\nb",
        "6744ea2b00000000995e7b2ceabfce01",
        "BuOTadmEHpCDz7IPxIbjgAU",
        "01ARZ3NDEKTSV4RRFFQ69G5FAV",
        "app:n0t-r3al-pw",
        "gpt\xc3\xa9",
        "arn:aws:bedrock:us-east-1:123456789012:x",
        "=cmd",
        "+x",
        "x.",
        "a-name-that-is-longer-than-any-name-that-a-vendor-has-ever-given-to-x",
        "123e4567-e89b-12d3-a456-42661417400g",
        "ssssssssssssssssssssssssssssssssssssssssssssssssssssssssssssssssss",
    };
    for (size_t i = 0; i < sizeof good / sizeof good[0]; i++) CHECK(shows(good[i]));
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) CHECK(hides(bad[i]));
    CHECK(!shows_n("a\0b", 3, 0) && !shows_n("", 0, 1));
}

static int host(const char *text) { return shows_n(text, strlen(text), 1); }

static void test_hosts(void) {
    static const char *const good[] = {
        "api.openai.com",
        "API.OpenAI.com:443",
        "localhost:11434",
        "127.0.0.1:57190",
        "10.0.0.5",
        "172.16.0.1:1",
        "192.168.1.1",
        "0.0.0.0:4000",
        "litellm:4000",
        "bedrock-runtime.us-east-1.amazonaws.com",
        "acme-eus2.openai.azure.com.",
        "a1b2c3d4e5.execute-api.eu-west-1.amazonaws.com",
    };
    static const char *const bad[] = {
        "203.0.113.77",
        "8.8.8.8:53",
        "172.32.0.1",
        "a..b",
        ".a",
        "a b",
        "user:pw@host",
        "host:",
        "host:123456",
        "host:8x",
        "a/b",
        "[::1]:80",
        "AKIAIOSFODNN7EXAMPLE.s3.example",
        "0123456789abcdef0123456789abcdef.example",
        "sk-abcdefgh.example",
        "202-555-0143.example",
    };
    for (size_t i = 0; i < sizeof good / sizeof good[0]; i++) CHECK(host(good[i]));
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) CHECK(!host(bad[i]));
}

static int tagged(const char *value, const char *start) {
    char tag[64], again[64];
    uint8_t other[16] = {0};
    sp_view v = data_exact(value, strlen(value));
    size_t n = sp_ident_tag(sp_ident_public_key, v, tag), m = strlen(start);
    int good = n == m + 17 && memcmp(tag, start, m) == 0 && tag[m] == '~';
    for (size_t i = m + 1; i < n; i++) good = good && memchr("0123456789abcdef", tag[i], 16);
    good = good && sp_ident_tag(sp_ident_public_key, v, again) == n && memcmp(tag, again, n) == 0;
    good = good && sp_ident_tag(other, v, again) == n && memcmp(tag, again, n) != 0;
    free((void *)v.p);
    return good;
}

static void test_tags(void) {
    static const char *const forms[] = {"agent_",    "asst_",    "batch_",     "cachedContents/",
                                        "call_",     "cfile_",   "chatcmpl-",  "ci_",
                                        "cmp_",      "cmpl-",    "cntr_",      "container_",
                                        "conv_",     "ctc_",     "cthr_",      "cu_",
                                        "encitem_",  "event_",   "fc_",        "fco_",
                                        "file-",     "file_",    "fs_",        "ftjob-",
                                        "gen-",      "ig_",      "item_",      "mcp_",
                                        "mcpl_",     "mcpr_",    "modelperm-", "msg_",
                                        "msgbatch_", "part_",    "pmpt_",      "req_",
                                        "resp_",     "rs_",      "run_",       "sesn_",
                                        "sess_",     "session-", "session_",   "skill_",
                                        "snapperm-", "span_",    "srvtoolu_",  "step_",
                                        "thread_",   "toolu_",   "tooluse_",   "trace_",
                                        "tsc_",      "tso_",     "upload_",    "vs_",
                                        "vsfb_",     "ws_"};
    char text[64];
    for (size_t i = 0; i < sizeof forms / sizeof *forms; i++) {
        snprintf(text, sizeof text, "%sa b", forms[i]);
        CHECK(tagged(text, forms[i]));
    }
    CHECK(tagged("resp_a b", "resp_"));
    CHECK(tagged("chatcmpl-a b", "chatcmpl-"));
    CHECK(tagged("resp_", "resp_"));
    CHECK(tagged("sk-abc", ""));
    CHECK(tagged("", ""));
}

/* Every beginning of a credential and every keyword is found, wherever it begins a word, or anywhere. */
static void test_lists(void) {
    static const char *const credentials[] = {
        "sk-",   "sk_",    "pk_",    "rk_",     "ghp_",   "gho_",  "ghu_",  "ghs_", "ghr_", "github_pat_", "glpat-", "xoxa-", "xoxb-",
        "xoxe-", "xoxo-",  "xoxp-",  "xoxr-",   "xoxs-",  "xapp-", "AKIA",  "ASIA", "AIza", "ya29.",       "hf_",    "eyJ",   "gsk_",
        "lsv2_", "whsec_", "shpat_", "dop_v1_", "nvapi-", "npm_",  "pypi-", "SG.",  "r8_",  "tvly-",       "pplx-",  "xai-",  "key-"};
    static const char *const keywords[] = {"password", "passwd",   "secret",      "bearer",     "apikey",     "api-key",
                                           "api_key",  "signatur", "private-key", "privatekey", "access-key", "access_key"};
    static const char rest[] = "lolololololololololololo";
    char text[64];
    CHECK(sp_ident_shows((sp_view){(const uint8_t *)rest, sizeof rest - 1}));
    for (size_t i = 0; i < sizeof credentials / sizeof *credentials; i++) {
        int n = snprintf(text, sizeof text, "lo:%s%s", credentials[i], rest);
        CHECK(!sp_ident_shows((sp_view){(const uint8_t *)text, (size_t)n}));
    }
    for (size_t i = 0; i < 3 * sizeof keywords / sizeof *keywords; i++) {
        int n = snprintf(text, sizeof text, "lo%slo", keywords[i / 3]);
        for (size_t k = 0; k < i % 3; k++) text[2 + k] = (char)(text[2 + k] - 32); /* a capital, or two */
        CHECK(!sp_ident_shows((sp_view){(const uint8_t *)text, (size_t)n}));
    }
}

/* 1 MiB each of what the patterns look for: linear, and far below 50 ms a pattern. */
static void test_time(void) {
    static const char *const units[] = {"a", "0", "A0", "sk-", "secre", "1-", "2025-01-0", "aB", "1.", "a.", "@", "resp_", "bGl0ZWxsbTp"};
    enum {
        SIZE = 1 << 20
    };
    uint8_t *p = malloc(SIZE);
    if (!p) abort();
    for (size_t u = 0; u < sizeof units / sizeof units[0]; u++) {
        size_t m = strlen(units[u]);
        for (size_t i = 0; i < SIZE; i++) p[i] = (uint8_t)units[u][i % m];
        clock_t t = clock();
        CHECK(!sp_ident_shows((sp_view){p, SIZE}) && !sp_ident_host_shows((sp_view){p, SIZE}));
        CHECK(clock() - t < CLOCKS_PER_SEC / 20);
    }
    free(p);
}

/* What LiteLLM wrapped, and what only looks so. */
static void test_inner(void) {
    static const struct {
        const char *id, *inner;
    } ids[] = {{"resp_bGl0ZWxsbTpjdXN0b21fbGxtX3Byb3ZpZGVyOmF6dXJlO21vZGVsX2lkOmRlcC0xO3Jlc3BvbnNlX2lkOnJlc3BfNjhjMWYwYTJiN2Q0ODE5MGE=",
                "resp_68c1f0a2b7d48190a"},
               {"resp_bGl0ZWxsbTpyZXNwb25zZV9pZDphO21vZGVsX2lkOmI=", "a"},                                       /* another order */
               {"resp_bGl0ZWxsbTpyZXNwb25zZV9pZDo=", "resp_bGl0ZWxsbTpyZXNwb25zZV9pZDo="},                       /* no id in it */
               {"resp_bGl0ZWxsbTptb2RlbF9pZDpi", "resp_bGl0ZWxsbTptb2RlbF9pZDpi"},                               /* the same */
               {"resp_bGl0ZWxsbTpyZX*", "resp_bGl0ZWxsbTpyZX*"},                                                 /* no base64 */
               {"bGl0ZWxsbTpyZXNwb25zZV9pZDphO21vZGVsX2lkOmI=", "bGl0ZWxsbTpyZXNwb25zZV9pZDphO21vZGVsX2lkOmI="}, /* no form */
               {"resp_68c1f0a2b7d48190a", "resp_68c1f0a2b7d48190a"},
               {"resp_", "resp_"},
               {"", ""}};
    uint8_t room[256];
    for (size_t i = 0; i < sizeof ids / sizeof *ids; i++) {
        sp_view id = {(const uint8_t *)ids[i].id, strlen(ids[i].id)}, inner = {(const uint8_t *)ids[i].inner, strlen(ids[i].inner)};
        CHECK(sp_view_eq(sp_ident_inner(id, room), inner));
    }
}

int main(void) {
    test_canaries();
    test_values();
    test_inner();
    test_hosts();
    test_tags();
    test_lists();
    test_time();
    return check_done();
}
