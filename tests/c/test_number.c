/* Canonical number text: ECMAScript's vectors, the round-trip set, decimals with known bits, limits of length. */
#include "check.h"
#include "data.h"
#include "sp_number.h"
#include "sp_status.h"

/* Canonical text of a literal, from and into exact-size buffers. */
static size_t canon(const void *p, size_t n, uint8_t *out, uint32_t *flags) {
    sp_view in = data_exact(p, n), room = data_exact(NULL, 0);
    uint8_t *o = realloc((void *)room.p, n > 32 ? n : 32);
    if (!o) abort();
    *flags = 0;
    size_t m = sp_number_canon(in.p, n, o, flags);
    memcpy(out, o, m);
    free((void *)in.p);
    free(o);
    return m;
}

static int gives(const char *literal, const char *text, uint32_t want) {
    static uint8_t out[8192];
    uint32_t flags;
    size_t n = canon(literal, strlen(literal), out, &flags);
    int good = n == strlen(text) && memcmp(out, text, n) == 0 && flags == want;
    if (!good) fprintf(stderr, "%s gives %.*s, flags %u\n", literal, (int)n, (const char *)out, flags);
    return good;
}

static void test_rules(void) {
    CHECK(gives("0", "0", 0));
    CHECK(gives("-0", "0", 0));
    CHECK(gives("-0.0", "0", 0));
    CHECK(gives("0e999999999999999999999", "0", 0));
    CHECK(gives("-17", "-17", 0));
    CHECK(gives("9007199254740992", "9007199254740992", 0));
    CHECK(gives("9007199254740993", "9007199254740993", SP_FLAG_BIG_INTEGER));
    CHECK(gives("-9007199254740993", "-9007199254740993", SP_FLAG_BIG_INTEGER));
    CHECK(gives("10000000000000000", "10000000000000000", SP_FLAG_BIG_INTEGER));
    CHECK(gives("9007199254740993.0", "9007199254740992", 0));
    CHECK(gives("1.0", "1", 0));
    CHECK(gives("100E-2", "1", 0));
    CHECK(gives("1e21", "1e+21", 0));
    CHECK(gives("1e20", "100000000000000000000", 0));
    CHECK(gives("123456789012345678901.0", "123456789012345680000", 0));
    CHECK(gives("1E-7", "1e-7", 0));
    CHECK(gives("1E-6", "0.000001", 0));
    CHECK(gives("-1.25e+2", "-125", 0));
    CHECK(gives("1e-999", "0", 0));
    CHECK(gives("-1e-999", "0", 0));
    CHECK(gives("2.4703282292062327e-324", "0", 0));
    CHECK(gives("2.4703282292062328e-324", "5e-324", 0));
    CHECK(gives("2.2250738585072011e-308", "2.225073858507201e-308", 0));
    CHECK(gives("1.7976931348623158e308", "1.7976931348623157e+308", 0));
    CHECK(gives("1.7976931348623159e308", "1.7976931348623159e308", SP_FLAG_NUMBER_OVERFLOW));
    CHECK(gives("1.50E+0400", "1.50e400", SP_FLAG_NUMBER_OVERFLOW));
    CHECK(gives("-1e00400", "-1e400", SP_FLAG_NUMBER_OVERFLOW));
    CHECK(gives("1e99999999999999999999999", "1e99999999999999999999999", SP_FLAG_NUMBER_OVERFLOW));
    CHECK(gives("0.0001e99999999999999999999999", "0.0001e99999999999999999999999", SP_FLAG_NUMBER_OVERFLOW));
}

static void test_es6(const char *name) {
    sp_view file = data_file(name), rest = file, line;
    unsigned used = 0;
    while (data_line(&rest, &line)) {
        uint64_t bits = data_number(data_part(&line, ','), 16);
        double x;
        char literal[40];
        uint8_t out[40];
        uint32_t flags;
        memcpy(&x, &bits, sizeof x);
        /* %.16e: 17 digits name the double; the exponent makes it a real */
        size_t n = canon(literal, (size_t)snprintf(literal, sizeof literal, "%.16e", x), out, &flags);
        CHECK(n == line.n && memcmp(out, line.p, n) == 0);
        used++;
    }
    free((void *)file.p);
    CHECK(used >= 1000);
    printf("%s: %u\n", name, used);
}

/* RFC 8259, section 6. */
static int is_json(const uint8_t *p, size_t n) {
    size_t i = n && p[0] == '-', start = i;
    while (i < n && p[i] >= '0' && p[i] <= '9') i++;
    int good = i > start && (p[start] != '0' || i == start + 1);
    if (good && i < n && p[i] == '.') {
        start = ++i;
        while (i < n && p[i] >= '0' && p[i] <= '9') i++;
        good = i > start;
    }
    if (good && i < n && (p[i] | 32) == 'e') {
        i++;
        if (i < n && (p[i] == '-' || p[i] == '+')) i++;
        start = i;
        while (i < n && p[i] >= '0' && p[i] <= '9') i++;
        good = i > start;
    }
    return good && i == n;
}

/* Our text, read back by strtod, has the bits that are known for the literal. */
static unsigned test_bits(const char *name) {
    sp_view file = data_file(name), rest = file, line;
    unsigned used = 0;
    while (data_line(&rest, &line)) {
        uint64_t want = data_number((sp_view){line.p + 14, 16}, 16), bits;
        const uint8_t *p = line.p + 31;
        size_t n = line.n - 31;
        static uint8_t out[65536];
        uint32_t flags;
        if (!is_json(p, n)) continue;
        used++;
        int real = memchr(p, '.', n) || memchr(p, 'e', n) || memchr(p, 'E', n);
        size_t m = canon(p, n, out, &flags);
        out[m] = 0;
        double x = strtod((const char *)out, NULL);
        memcpy(&bits, &x, sizeof bits);
        if (want == UINT64_C(1) << 63) want = 0; /* -0 is 0 */
        int infinite = (want & ~(UINT64_C(1) << 63)) == UINT64_C(0x7ff0000000000000);
        CHECK(bits == want);
        CHECK(!real || infinite == (flags == SP_FLAG_NUMBER_OVERFLOW));
        CHECK(!real || infinite || m <= 25);
        CHECK(real || (m == n && memcmp(out, p, n) == 0) || !want);
        uint8_t again[40];
        if (real && !infinite) { /* canonical text is its own canonical text */
            size_t k = canon(out, m, again, &flags);
            CHECK(k == m && memcmp(again, out, m) == 0);
        }
    }
    free((void *)file.p);
    return used;
}

static void test_roundtrip(void) {
    unsigned used = 0;
    for (unsigned i = 1; i <= 27; i++) {
        char name[64], inside[64];
        uint8_t out[64];
        uint32_t flags;
        snprintf(name, sizeof name, "nativejson-roundtrip/roundtrip%02u.json", i);
        sp_view file = data_file(name), v = file;
        if (v.n > 2 && v.p[0] == '[' && is_json(v.p + 1, v.n - 2)) {
            memcpy(inside, v.p + 1, v.n - 2);
            size_t n = canon(inside, v.n - 2, out, &flags);
            const char *want = inside;
            used++;
            size_t want_n = v.n - 2;
            if (i == 20 || i == 21) want = "0", want_n = 1;
            if (i == 27) want = "1.7976931348623157e+308", want_n = 23;
            CHECK(n == want_n && memcmp(out, want, n) == 0);
        }
        free((void *)file.p);
    }
    CHECK(used > 15);
    printf("nativejson-roundtrip: %u numbers\n", used);
}

/* Only "not zero" matters behind digit 800: the midpoint of 1 and its successor, and a tail of any length. */
static void test_long(void) {
    static const char midpoint[] = "1.00000000000000011102230246251565404236316680908203125";
    enum {
        LENGTH = 1 << 20
    };
    uint8_t *p = malloc(LENGTH), *out = malloc(LENGTH);
    uint32_t flags;
    if (!p || !out) abort();
    memset(p, '0', LENGTH);
    memcpy(p, midpoint, sizeof midpoint - 1);
    CHECK(canon(p, LENGTH, out, &flags) == 1 && out[0] == '1' && !flags);
    p[LENGTH - 1] = '1';
    CHECK(canon(p, LENGTH, out, &flags) == 18 && memcmp(out, "1.0000000000000002", 18) == 0);
    memset(p, '9', LENGTH);
    p[1] = '.';
    CHECK(canon(p, LENGTH, out, &flags) == 2 && memcmp(out, "10", 2) == 0);
    memset(p, '0', LENGTH); /* 0.000…01e1048570: leading zeros and the exponent cancel out */
    p[1] = '.';
    memcpy(p + LENGTH - 9, "1e1048570", 9);
    CHECK(canon(p, LENGTH, out, &flags) == 5 && memcmp(out, "10000", 5) == 0);
    memset(p, '7', LENGTH);
    CHECK(canon(p, LENGTH, out, &flags) == LENGTH && memcmp(out, p, LENGTH) == 0 && flags == SP_FLAG_BIG_INTEGER);
    memset(p + 2, '0', LENGTH - 2);
    memcpy(p, "1e", 2);
    p[LENGTH - 1] = '3';
    CHECK(canon(p, LENGTH, out, &flags) == 4 && memcmp(out, "1000", 4) == 0);
    free(p);
    free(out);
}

int main(void) {
    unsigned used;
    test_rules();
    test_es6("rfc8785/es6-numbers-first1000.txt");
    test_es6("rfc8785/es6-numbers-random1000.txt");
    used = test_bits("float-parse/google-wuffs.txt") + test_bits("float-parse/lemire-fast-float.txt") +
           test_bits("float-parse/more-test-cases.txt");
    CHECK(used == 14043);
    printf("float-parse: %u\n", used);
    test_roundtrip();
    test_long();
    return check_done();
}
