/* Test data: files below $STATEPRINT_TESTDATA (default tests/data), exact-size copies, fields of simple JSON lines. */
#ifndef DATA_H
#define DATA_H

#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "sp_text.h"

/* A copy that ends where the heap block ends, so that ASan sees a read past it. The caller frees .p. */
static inline sp_view data_exact(const void *p, size_t n) {
    uint8_t *q = malloc(n ? n : 1);
    if (!q) abort();
    if (n) memcpy(q, p, n);
    return (sp_view){q, n};
}

/* The whole file; a missing one ends the test with a message. The caller frees .p. */
static inline sp_view data_file(const char *name) {
    const char *root = getenv("STATEPRINT_TESTDATA");
    char path[1024];
    snprintf(path, sizeof path, "%s/%s", root ? root : "tests/data", name);
    FILE *f = fopen(path, "rb");
    uint8_t *p = NULL;
    size_t n = 0, cap = 0, got = 1;
    if (!f) {
        fprintf(stderr, "no test data: %s\n", path);
        exit(2);
    }
    while (got) {
        if (n == cap && !(p = realloc(p, cap = cap ? 2 * cap : 65536))) abort();
        got = fread(p + n, 1, cap - n, f);
        n += got;
    }
    fclose(f);
    return (sp_view){p, n};
}

/* Cuts the next line (without its line feed) off *rest. Returns 0 at the end. */
static inline int data_line(sp_view *rest, sp_view *line) {
    int more = rest->n > 0;
    if (more) {
        const uint8_t *end = memchr(rest->p, '\n', rest->n);
        *line = (sp_view){rest->p, end ? (size_t)(end - rest->p) : rest->n};
        rest->p += line->n + (end != NULL);
        rest->n -= line->n + (end != NULL);
    }
    return more;
}

/* Cuts the next part off *rest, up to the separator. */
static inline sp_view data_part(sp_view *rest, char separator) {
    const uint8_t *end = rest->n ? memchr(rest->p, separator, rest->n) : NULL;
    sp_view part = {rest->p, end ? (size_t)(end - rest->p) : rest->n};
    rest->p += part.n + (end != NULL);
    rest->n -= part.n + (end != NULL);
    return part;
}

/* The value of a member of a one-line object written without spaces: the inside of a string, or a number or literal as it stands. */
static inline sp_view data_field(sp_view line, const char *name) {
    char want[64];
    size_t m = (size_t)snprintf(want, sizeof want, "\"%s\":", name);
    sp_view v = {NULL, 0};
    for (size_t i = 0; !v.p && i + m < line.n; i++)
        if (memcmp(line.p + i, want, m) == 0) {
            int string = line.p[i + m] == '"';
            v.p = line.p + i + m + string;
            while (v.p + v.n < line.p + line.n && (string ? v.p[v.n] != '"' : v.p[v.n] != ',' && v.p[v.n] != '}')) v.n++;
        }
    return v;
}

static inline uint64_t data_number(sp_view v, unsigned base) {
    uint64_t x = 0;
    for (size_t i = 0; i < v.n; i++) x = x * base + (unsigned)(v.p[i] <= '9' ? v.p[i] - '0' : (v.p[i] | 32) - 'a' + 10);
    return x;
}

/* Plain base64 with padding. The caller frees .p. */
static inline sp_view data_base64(sp_view v) {
    static const char digits[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    uint8_t *out = malloc(v.n + 1);
    size_t n = 0;
    uint32_t bits = 0;
    if (!out) abort();
    for (size_t i = 0; i < v.n && v.p[i] != '='; i++) {
        bits = bits << 6 | (uint32_t)((const char *)memchr(digits, v.p[i], 64) - digits);
        if (i % 4) out[n++] = (uint8_t)(bits >> (6 - 2 * (i % 4)));
    }
    sp_view exact = data_exact(out, n);
    free(out);
    return exact;
}

#endif
