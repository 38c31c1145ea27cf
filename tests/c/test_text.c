/* Text: UTF-8, unescaping, offsets, base64, near misses, memory; every kernel against the plain one. */
#include "sp_kernel.h"
#include "sp_status.h"
#include "sp_trie.h"

#include "check.h"

enum {
    ROOM = 512
};

/* All kernels that run here give the same for the bytes, which end at a guard page, as does the output. */
static void check_kernels(const void *bytes, size_t n) {
    const sp_kernel *plain = NULL, *k;
    size_t count = 0;
    while ((k = sp_kernel_at(count)) != NULL) plain = k, count++;
    static const uint8_t zeros[ROOM];
    guarded in = guard(bytes, n), want = guard(zeros, n), got = guard(zeros, n);
    const uint8_t *p = in.p, *end = in.p + n;
    uint8_t *o = want.p;
    uint32_t high = 0, flags = 0, find_high = 0;
    const uint8_t *at = plain->unescape(p, end, &o, &high, &flags), *found = plain->find(p, end, &find_high);
    int utf8 = plain->utf8(p, n);
    CHECK(utf8 == (sp_utf8_check(p, n) == n) && at >= p && at <= end && o <= want.p + n);
    for (size_t i = 0; i < count; i++) {
        k = sp_kernel_at(i);
        uint8_t *o2 = got.p;
        uint32_t high2 = 0, flags2 = 0, find_high2 = 0, quick_high = 0;
        CHECK(k->unescape(p, end, &o2, &high2, &flags2) == at && flags2 == flags && !high2 == !high);
        CHECK(o2 - got.p == o - want.p && memcmp(got.p, want.p, (size_t)(o - want.p)) == 0);
        CHECK(k->find(p, end, &find_high2) == found && !find_high2 == !find_high);
        CHECK(sp_find(k, p, end, &quick_high) == found && !quick_high == !find_high);
        CHECK(k->utf8(p, n) == utf8);
        sp_digest want_hash = sp_x128(p, n), hash = n >= SP_HASH_LONG ? k->hash(p, n) : want_hash;
        CHECK(memcmp(&hash, &want_hash, sizeof hash) == 0);
    }
    unguard(&in);
    unguard(&want);
    unguard(&got);
}

/* … and blocks of them, at every offset within a line of the cache. */
static void check_long_hashes(void) {
    static uint8_t text[8192];
    const sp_kernel *k;
    for (size_t i = 0; i < sizeof text; i++) text[i] = (uint8_t)(i * i >> 3 ^ i);
    for (size_t i = 0; (k = sp_kernel_at(i)) != NULL; i++)
        for (size_t n = SP_HASH_LONG; n < sizeof text - 64; n += 61) {
            sp_digest hash = k->hash(text + n % 64, n), want = sp_x128(text + n % 64, n);
            CHECK(memcmp(&hash, &want, sizeof hash) == 0);
        }
}

static void test_kernels(void) {
    static const char *const parts[] = {"\"",      "\\n",     "\\\\",  "\\\"",     "\\u0041",          "\\u00e9", "\\uD83D\\uDE00",
                                        "\\ud83d", "\\u0000", "\x01",  "\xc3\xa9", "\xf0\x9f\x98\x80", "\xff",    "\xe2\x82",
                                        "\\x",     "\\",      "\\u12", "abc"};
    char text[ROOM];
    CHECK(sp_kernel_best() == sp_kernel_at(0));
    for (size_t i = 0; i < sizeof parts / sizeof *parts; i++)
        for (size_t before = 0; before < 140; before++)
            for (size_t behind = 0; behind <= 160; behind += behind < 4 ? 1 : 52) {
                size_t m = strlen(parts[i]);
                memset(text, 'x', sizeof text);
                memcpy(text + before, parts[i], m);
                check_kernels(text, before + m + behind);
            }
    for (unsigned c = 0; c < 256; c++) /* every byte behind a backslash */
        for (size_t before = 60; before < 66; before++) {
            memset(text, 'x', sizeof text);
            text[before] = '\\';
            text[before + 1] = (char)c;
            check_kernels(text, 200);
        }
    for (size_t n = SP_HASH_LONG; n <= sizeof text; n++) check_kernels(text, n); /* stripes of all lengths … */
    check_long_hashes();
    uint32_t seed = 1; /* mixtures */
    for (int round = 0; round < 3000; round++) {
        size_t n = 0;
        while (n < 300) {
            seed = seed * 1664525 + 1013904223;
            const char *part = parts[seed >> 24 > 250 ? seed >> 8 & 15 : 1 + (seed >> 8) % 8];
            if (seed >> 28 < 6) part = "plain text";
            memcpy(text + n, part, strlen(part));
            n += strlen(part);
        }
        check_kernels(text, n);
    }
}

/* The definition, by code points. */
static int is_utf8(const uint8_t *p, size_t n) {
    for (size_t i = 0; i < n;) {
        size_t k = p[i] < 0x80 ? 1 : p[i] < 0xc0 ? 0 : p[i] < 0xe0 ? 2 : p[i] < 0xf0 ? 3 : p[i] < 0xf8 ? 4 : 0;
        static const uint32_t least[] = {0, 0, 0x80, 0x800, 0x10000};
        if (k == 0 || k > n - i) return 0;
        uint32_t c = k == 1 ? p[i] : p[i] & (0x7fu >> k);
        for (size_t j = 1; j < k; j++) {
            if ((p[i + j] & 0xc0) != 0x80) return 0;
            c = c << 6 | (p[i + j] & 63);
        }
        if (c < least[k] || c > 0x10ffff || (c >= 0xd800 && c < 0xe000)) return 0;
        i += k;
    }
    return 1;
}

/* All pairs of bytes with each third and fourth that matters, at the end of a text and across the edge of a vector. */
static void test_utf8(void) {
    static const uint8_t more[] = {0, 0x7f, 0x80, 0x8f, 0x90, 0x9f, 0xa0, 0xbf, 0xc0, 0xc2, 0xe0, 0xf0, 0xff};
    uint8_t text[70];
    memset(text, 'x', sizeof text);
    for (unsigned pair = 0; pair < 65536; pair++)
        for (size_t i = 0; i < sizeof more * sizeof more; i++) {
            text[30] = (uint8_t)(pair >> 8);
            text[31] = (uint8_t)pair;
            text[32] = more[i / sizeof more];
            text[33] = more[i % sizeof more];
            int want = is_utf8(text + 30, 4);
            CHECK((sp_utf8_check(text + 30, 4) == 4) == want);
            CHECK(sp_kernel_best()->utf8(text, sizeof text) == want && sp_kernel_best()->utf8(text + 30, 4) == want &&
                  sp_kernel_best()->utf8(text + 2, 32) == want);
        }
    CHECK(sp_utf8_check((const uint8_t *)"ab\xc3\xa9\xed\xa0\x80", 7) == 4 &&
          sp_utf8_check((const uint8_t *)"12345678\xf0\x9f\x98", 11) == 8);
    CHECK(sp_utf8_check(text, 0) == 0);
}

static void test_unescape(void) {
    static const char in[] = "a\\n\\u00e9\xc3\xa9\\ud83d\\ude00\\ud83dx\\u0000\\/";
    static const char out[] = "a\n\xc3\xa9\xc3\xa9\xf0\x9f\x98\x80\xed\xa0\xbdx\0/";
    uint8_t got[sizeof in];
    uint32_t flags = 0;
    size_t n = sizeof in - 1;
    CHECK(sp_unescape(sp_kernel_best(), (const uint8_t *)in, n, got, &flags) == sizeof out - 1 && memcmp(got, out, sizeof out - 1) == 0);
    CHECK(flags == (SP_FLAG_LONE_SURROGATE | SP_FLAG_NUL_ESCAPE));
    CHECK(sp_unescape(sp_kernel_best(), (const uint8_t *)in, 0, got, &flags) == 0);
    size_t offsets[] = {0, 1, 2, 3, 4, 5, 6, 9, 10, 12, 13, 14, 15}, want[] = {0, 1, 3, 3, 9, 9, 11, 11, 23, 23, 29, 30, 36};
    size_t count = sizeof offsets / sizeof *offsets;
    sp_unescape_map((const uint8_t *)in, n, offsets, count);
    for (size_t i = 0; i < count; i++) CHECK(offsets[i] == want[i]);
    size_t ends[] = {sizeof out - 1, sizeof out - 1}, empty = 0;
    sp_unescape_map((const uint8_t *)in, n, ends, 2);
    CHECK(ends[0] == n && ends[1] == n);
    sp_unescape_map((const uint8_t *)in, 0, &empty, 1);
    CHECK(empty == 0);
}

static void test_base64(void) {
    static const struct {
        const char *in, *out; /* out NULL: none */
    } cases[] = {{"", ""},
                 {"Zg==", "f"},
                 {"Zg", "f"},
                 {"Zm8=", "fo"},
                 {"Zm8", "fo"},
                 {"Zm9v", "foo"},
                 {"Zm9v\r\nYmFy\r\n", "foobar"},
                 {"Zm9vYg=\n=", "foob"},
                 {"Z", NULL},
                 {"Zg=", NULL},
                 {"Zg===", NULL},
                 {"Zm9v=", NULL},
                 {"Zg==Zg==", NULL},
                 {"Zm 9v", NULL},
                 {"Zm-v", NULL},
                 {"=", NULL},
                 {"Zm9vY", NULL},
                 {"\xc3\xa9", NULL}};
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        size_t n = strlen(cases[i].in);
        uint8_t *out = malloc(3 * (n / 4) + 3); /* no byte more than it may use */
        if (!out) abort();
        size_t m = sp_base64((const uint8_t *)cases[i].in, n, out);
        CHECK(cases[i].out ? m == strlen(cases[i].out) && memcmp(out, cases[i].out, m) == 0 : m == SIZE_MAX);
        free(out);
    }
}

static void test_near(void) {
    static const char *const same[] = {
        "store", "St o\tre", "sto\xe2\x80\x8bre", "st\xd0\xbere", "\xef\xbd\x93tor\xd0\xb5", "\xef\xbb\xbfstore", "s\xc2\xadtore"};
    uint8_t out[64];
    for (size_t i = 0; i < sizeof same / sizeof *same; i++) {
        size_t n = sp_near_skeleton((const uint8_t *)same[i], strlen(same[i]), out);
        CHECK(n == 5 && memcmp(out, "store", 5) == 0);
    }
    CHECK(sp_near_skeleton((const uint8_t *)"a-\xc3\x9c\xf0\x9f\x98\x80", 8, out) == 8 &&
          memcmp(out, "a_\xc3\x9c\xf0\x9f\x98\x80", 8) == 0);
    CHECK(sp_near_skeleton((const uint8_t *)"\xff\xe2\x82", 3, out) <= 3); /* names are UTF-8; still no byte is read outside */
    CHECK(sp_near_skeleton(out, 0, out) == 0);
    sp_node nodes[2] = {{0}, {.name = SP_VIEW("store")}};
    uint64_t near = sp_x64("store", 5);
    sp_trie t = {.nodes = nodes, .node_count = 2, .near = &near, .near_count = 1};
    char name[200];
    memset(name, ' ', sizeof name);
    memcpy(name, "store", 5);
    CHECK(sp_near_miss(&t, (const uint8_t *)name, 128) && !sp_near_miss(&t, (const uint8_t *)name, 129) &&
          !sp_near_miss(&t, (const uint8_t *)name, 5));
    t.near_count = 0;
    CHECK(!sp_near_miss(&t, (const uint8_t *)name, 6));
}

static void test_arena(void) {
    faulty f;
    sp_arena r;
    faulty_init(&f, 0, 0);
    sp_arena_init(&r, &f.alloc);
    size_t warm = 0;
    for (int round = 0; round < 3; round++) {
        uint8_t *last = NULL;
        for (size_t i = 0; i < 300; i++) {
            size_t n = i % 7 == 6 ? 5000 * i : i;
            uint8_t *p = sp_arena_get(&r, n);
            CHECK(p && ((uintptr_t)p & 15) == 0 && p != last);
            if (p && n) memset(p, (int)i, n);
            last = p;
        }
        if (round == 0) warm = f.calls;
        sp_arena_reset(&r);
    }
    CHECK(f.calls == warm); /* pages are kept */
    f.fail_at = f.calls + 1;
    CHECK(!sp_arena_get(&r, (size_t)1 << 40) && !sp_arena_get(&r, SIZE_MAX) && sp_arena_get(&r, 8));
    sp_arena_fini(&r);
    CHECK(f.live == 0);

    uint32_t *v = NULL;
    size_t cap = 0;
    CHECK(sp_grow(&f.alloc, &v, &cap, 1, sizeof *v) == SP_OK && cap >= 1 && v);
    v[0] = 7;
    size_t before = cap;
    CHECK(sp_grow(&f.alloc, &v, &cap, 1000, sizeof *v) == SP_OK && cap >= 1000 && v[0] == 7);
    before = cap;
    CHECK(sp_grow(&f.alloc, &v, &cap, SIZE_MAX, sizeof *v) == SP_ERR_NOMEM &&
          sp_grow(&f.alloc, &v, &cap, SIZE_MAX / 2, sizeof *v) == SP_ERR_NOMEM);
    f.fail_at = f.calls + 1;
    CHECK(sp_grow(&f.alloc, &v, &cap, cap + 1, sizeof *v) == SP_ERR_NOMEM && cap == before && v[0] == 7);
    sp_release(&f.alloc, v);
    sp_release(&f.alloc, NULL);
    CHECK(f.live == 0);
    void *p = sp_alloc_std.resize(NULL, NULL, 10);
    CHECK(p && !sp_alloc_std.resize(NULL, p, 0));
}

int main(void) {
    test_kernels();
    test_utf8();
    test_unescape();
    test_base64();
    test_near();
    test_arena();
    return check_done();
}
