/* The plain string kernel, and the choice among all. */
#include "sp_kernel_impl.h"

const uint8_t spi_simple_escape[256] = {['"'] = '"', ['\\'] = '\\', ['/'] = '/', ['b'] = 8, ['f'] = 12, ['n'] = 10, ['r'] = 13, ['t'] = 9};

static int hex_digit(uint8_t c) {
    if (c >= '0' && c <= '9') return c - '0';
    c |= 0x20;
    return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

/* The unit of a `\uXXXX` at p, or -1. */
static int32_t unit(const uint8_t *p, const uint8_t *end) {
    if (end - p < 6 || p[0] != '\\' || p[1] != 'u') return -1;
    int a = hex_digit(p[2]), b = hex_digit(p[3]), c = hex_digit(p[4]), d = hex_digit(p[5]);
    if ((a | b | c | d) < 0) return -1;
    return a << 12 | b << 8 | c << 4 | d;
}

static uint8_t *put_utf8(uint8_t *o, uint32_t c) {
    if (c < 0x80) {
        *o++ = (uint8_t)c;
    } else if (c < 0x800) {
        *o++ = (uint8_t)(0xc0 | c >> 6);
        *o++ = (uint8_t)(0x80 | (c & 63));
    } else if (c < 0x10000) {
        *o++ = (uint8_t)(0xe0 | c >> 12);
        *o++ = (uint8_t)(0x80 | (c >> 6 & 63));
        *o++ = (uint8_t)(0x80 | (c & 63));
    } else {
        *o++ = (uint8_t)(0xf0 | c >> 18);
        *o++ = (uint8_t)(0x80 | (c >> 12 & 63));
        *o++ = (uint8_t)(0x80 | (c >> 6 & 63));
        *o++ = (uint8_t)(0x80 | (c & 63));
    }
    return o;
}

const uint8_t *sp_escape(const uint8_t *p, const uint8_t *end, uint8_t **out, uint32_t *flags) {
    if (end - p < 2) return NULL;
    if (spi_simple_escape[p[1]]) {
        *(*out)++ = spi_simple_escape[p[1]];
        return p + 2;
    }
    int32_t c = unit(p, end), low;
    if (c < 0) return NULL;
    p += 6;
    if (c == 0) *flags |= SP_FLAG_NUL_ESCAPE;
    if (c >= 0xd800 && c < 0xe000) {
        if (c < 0xdc00 && (low = unit(p, end)) >= 0xdc00 && low < 0xe000) {
            c = 0x10000 + (c - 0xd800) * 1024 + (low - 0xdc00);
            p += 6;
        } else {
            *flags |= SP_FLAG_LONE_SURROGATE;
        }
    }
    *out = put_utf8(*out, (uint32_t)c);
    return p;
}

const uint8_t *spi_plain_find(const uint8_t *p, const uint8_t *end, uint32_t *high) {
    uint32_t seen = 0;
    for (; p < end && *p >= 0x20 && *p != '"' && *p != '\\'; p++) seen |= *p & 0x80u;
    *high |= seen;
    return p;
}

const uint8_t *spi_plain_unescape(const uint8_t *p, const uint8_t *end, uint8_t **out, uint32_t *high, uint32_t *flags) {
    uint8_t *o = *out;
    uint32_t seen = 0;
    while (p < end && *p >= 0x20 && *p != '"') {
        if (*p == '\\') {
            const uint8_t *next = sp_escape(p, end, &o, flags);
            if (!next) break;
            p = next;
        } else {
            seen |= *p & 0x80u;
            *o++ = *p++;
        }
    }
    *high |= seen;
    *out = o;
    return p;
}

int spi_plain_utf8(const uint8_t *p, size_t n) { return sp_utf8_check(p, n) == n; }

static const sp_kernel plain_kernel = {"plain", PTRDIFF_MAX, spi_plain_find, spi_plain_unescape, spi_plain_utf8, NULL, sp_x128};

#if !SP_KERNEL_X86 && !SP_KERNEL_NEON
const sp_kernel *spi_kernel_vectors(size_t i) { return (void)i, NULL; }
#endif

const sp_kernel *sp_kernel_at(size_t i) {
    const sp_kernel *k = spi_kernel_vectors(i);
    return k ? k : i == 0 || spi_kernel_vectors(i - 1) ? &plain_kernel : NULL;
}

const sp_kernel *sp_kernel_best(void) { return sp_kernel_at(0); }

const sp_kernel *sp_kernel_named(sp_view name) {
    const sp_kernel *k;
    for (size_t i = 0; (k = sp_kernel_at(i)) != NULL; i++)
        if (strlen(k->name) == name.n && memcmp(k->name, name.p, name.n) == 0) return k;
    return NULL;
}
