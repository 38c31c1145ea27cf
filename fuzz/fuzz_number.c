/* Canonical number text against a slow reference: strtod, and the first of %.0e … %.16e that reads back. Input that is no JSON number is
   made one: the bytes choose digits. Build with -fsanitize=fuzzer, or with -DSTANDALONE for a run over random literals. */
#include <math.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "sp_number.h"
#include "sp_status.h"

enum {
    LITERAL_MAX = 2048
};

/* ECMAScript Number::toString by way of printf. Among shortest texts %.*e gives the closest one. */
static size_t reference(double x, char *out) {
    char e[40], digits[20];
    int precision = 0, k = 0;
    for (; precision < 17; precision++) {
        snprintf(e, sizeof e, "%.*e", precision, fabs(x));
        if (strtod(e, NULL) == fabs(x)) break;
    }
    for (const char *p = e; *p != 'e'; p++)
        if (*p != '.') digits[k++] = *p;
    while (k > 1 && digits[k - 1] == '0') k--;
    int point = atoi(strchr(e, 'e') + 1) + 1, n = 0;
    if (x == 0) return (size_t)sprintf(out, "0");
    if (x < 0) out[n++] = '-';
    if (k <= point && point <= 21) {
        n += sprintf(out + n, "%.*s%.*s", k, digits, point - k, "000000000000000000000");
    } else if (0 < point && point <= 21) {
        n += sprintf(out + n, "%.*s.%.*s", point, digits, k - point, digits + point);
    } else if (-6 < point && point <= 0) {
        n += sprintf(out + n, "0.%.*s%.*s", -point, "000000", k, digits);
    } else {
        n += sprintf(out + n, "%c%s%.*se%+d", digits[0], k > 1 ? "." : "", k - 1, digits + 1, point - 1);
    }
    return (size_t)n;
}

/* A literal out of any bytes: control byte, length of the whole part, exponent, then digits. */
static size_t literal(const uint8_t *data, size_t size, char *out) {
    size_t n = 0, i = 4;
    if (size < 5) return 0;
    size_t whole = data[1] % 32, digits = size - i < 1024 ? size - i : 1024;
    if (data[0] & 1) out[n++] = '-';
    if (!whole || data[i] % 10 == 0) out[n++] = '0', whole = 0;
    for (size_t k = 0; k < digits; k++) {
        if (k == whole) out[n++] = '.';
        out[n++] = (char)('0' + data[i + k] % 10);
    }
    if (digits <= whole) out[n++] = '.', out[n++] = '5';
    if (data[0] & 2) {
        int exponent = (int)(data[2] | data[3] << 8) % 720 - 360;
        n += (size_t)sprintf(out + n, data[0] & 4 ? "e%+d" : "E%d", exponent);
    }
    return n;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    char text[LITERAL_MAX], want[64];
    size_t n = literal(data, size, text);
    if (!n) return 0;
    text[n] = 0;
    double x = strtod(text, NULL);
    uint8_t *in = malloc(n), *out = malloc(n > 32 ? n : 32), again[32];
    if (!in || !out) abort();
    memcpy(in, text, n);
    uint32_t flags = 0;
    size_t m = sp_number_canon(in, n, out, &flags);
    if (isinf(x)) {
        if (flags != SP_FLAG_NUMBER_OVERFLOW) abort();
    } else {
        size_t want_n = reference(x, want);
        if (flags || m != want_n || memcmp(out, want, m)) {
            fprintf(stderr, "%s: %.*s, wanted %.*s\n", text, (int)m, (const char *)out, (int)want_n, want);
            abort();
        }
        if (sp_number_canon(out, m, again, &flags) != m && !(flags & SP_FLAG_BIG_INTEGER)) abort();
    }
    free(in);
    free(out);
    return 0;
}

#ifdef STANDALONE
int main(int argc, char **argv) {
    uint64_t s = argc > 1 ? strtoull(argv[1], NULL, 10) : 1, rounds = argc > 2 ? strtoull(argv[2], NULL, 10) : 200000;
    for (uint64_t r = 0; r < rounds; r++) {
        uint8_t data[1028];
        s = s * 6364136223846793005u + 1442695040888963407u;
        size_t n = 5 + (size_t)(s >> 40) % (s >> 60 ? 24 : 1000);
        for (size_t i = 0; i < n; i++) {
            s = s * 6364136223846793005u + 1442695040888963407u;
            data[i] = (uint8_t)(s >> 56);
        }
        LLVMFuzzerTestOneInput(data, n);
    }
    printf("%llu literals\n", (unsigned long long)rounds);
    return 0;
}
#endif
