/* UTF-8, unescaping, base64. */
#include "sp_text.h"

#include "sp_kernel.h"

static int continuation(uint8_t c) { return (c & 0xc0) == 0x80; }

/* Length of the UTF-8 sequence at p, 0 if it is none. */
static size_t sequence(const uint8_t *p, size_t n) {
    uint8_t c = p[0];
    if (c < 0x80) return 1;
    if (c < 0xc2 || c > 0xf4) return 0;
    if (c < 0xe0) return n >= 2 && continuation(p[1]) ? 2 : 0;
    uint8_t least = 0x80, most = 0xbf; /* of the second byte */
    if (c == 0xe0) least = 0xa0;
    if (c == 0xed) most = 0x9f;
    if (c == 0xf0) least = 0x90;
    if (c == 0xf4) most = 0x8f;
    if (n < 2 || p[1] < least || p[1] > most) return 0;
    if (n < 3 || !continuation(p[2])) return 0;
    if (c < 0xf0) return 3;
    return n >= 4 && continuation(p[3]) ? 4 : 0;
}

size_t sp_utf8_check(const uint8_t *p, size_t n) {
    size_t i = 0;
    while (i < n) {
        if (n - i >= 8) {
            uint64_t w;
            memcpy(&w, p + i, 8);
            if (!(w & 0x8080808080808080u)) {
                i += 8;
                continue;
            }
        }
        size_t k = sequence(p + i, n - i);
        if (k == 0) return i;
        i += k;
    }
    return n;
}

size_t sp_unescape(const sp_kernel *k, const uint8_t *p, size_t n, uint8_t *out, uint32_t *flags) {
    uint8_t *o = out;
    uint32_t high = 0;
    if (n) k->unescape(p, p + n, &o, &high, flags);
    return (size_t)(o - out);
}

void sp_unescape_map(const uint8_t *p, size_t n, size_t *offsets, size_t count) {
    const uint8_t *at = p, *end = p + n;
    size_t done = 0, i = 0; /* unescaped bytes before `at` */
    while (i < count && at < end) {
        const uint8_t *next;
        size_t k;
        if (*at == '\\') {
            uint8_t bytes[4], *o = bytes;
            uint32_t flags = 0;
            next = sp_escape(at, end, &o, &flags);
            if (!next) break; /* not valid, against the contract: the rest maps to the end */
            k = (size_t)(o - bytes);
        } else {
            k = sequence(at, (size_t)(end - at));
            if (k == 0) k = 1;
            next = at + k;
        }
        for (; i < count && offsets[i] < done + k; i++) offsets[i] = (size_t)(at - p);
        done += k;
        at = next;
    }
    for (; i < count; i++) offsets[i] = n;
}

static int sextet(uint8_t c) {
    if (c >= 'A' && c <= 'Z') return c - 'A';
    if (c >= 'a' && c <= 'z') return c - 'a' + 26;
    if (c >= '0' && c <= '9') return c - '0' + 52;
    return c == '+' ? 62 : c == '/' ? 63 : -1;
}

size_t sp_base64(const uint8_t *p, size_t n, uint8_t *out) {
    uint32_t group = 0;
    size_t digits = 0, pads = 0, written = 0;
    for (size_t i = 0; i < n; i++) {
        if (p[i] == '\r' || p[i] == '\n') continue;
        if (p[i] == '=') {
            pads++;
            continue;
        }
        int v = sextet(p[i]);
        if (v < 0 || pads) return SIZE_MAX;
        group = group << 6 | (uint32_t)v;
        if (++digits % 4 == 0) {
            out[written++] = (uint8_t)(group >> 16);
            out[written++] = (uint8_t)(group >> 8);
            out[written++] = (uint8_t)group;
        }
    }
    size_t rest = digits % 4; /* 2 or 3 digits are 1 or 2 bytes */
    if (rest == 1 || (pads && (rest == 0 || rest + pads != 4))) return SIZE_MAX;
    if (rest >= 2) out[written++] = (uint8_t)(rest == 2 ? group >> 4 : group >> 10);
    if (rest == 3) out[written++] = (uint8_t)(group >> 2);
    return written;
}
