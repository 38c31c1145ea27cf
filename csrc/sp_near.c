/* Near misses: member names that look like one that a rule reads. */
#include "sp_trie.h"

enum {
    LONGEST = 128
};

/* Letters of other scripts that look like ASCII ones: code point, letter. Cyrillic, Greek, Armenian, phonetic. */
typedef struct alike {
    uint16_t code;
    char letter;
} alike;
static const alike alikes[] = {
    {0x00b5, 'u'}, {0x0131, 'i'}, {0x017f, 's'}, {0x0251, 'a'}, {0x0261, 'g'}, {0x0269, 'i'}, {0x026a, 'i'}, {0x0391, 'a'}, {0x0392, 'b'},
    {0x0395, 'e'}, {0x0396, 'z'}, {0x0397, 'h'}, {0x0399, 'i'}, {0x039a, 'k'}, {0x039c, 'm'}, {0x039d, 'n'}, {0x039f, 'o'}, {0x03a1, 'p'},
    {0x03a4, 't'}, {0x03a5, 'y'}, {0x03a7, 'x'}, {0x03b1, 'a'}, {0x03b3, 'y'}, {0x03b5, 'e'}, {0x03b9, 'i'}, {0x03ba, 'k'}, {0x03bd, 'v'},
    {0x03bf, 'o'}, {0x03c1, 'p'}, {0x03c3, 'o'}, {0x03c4, 't'}, {0x03c5, 'u'}, {0x03c7, 'x'}, {0x03f2, 'c'}, {0x03f3, 'j'}, {0x03f9, 'c'},
    {0x0405, 's'}, {0x0406, 'i'}, {0x0408, 'j'}, {0x0410, 'a'}, {0x0412, 'b'}, {0x0415, 'e'}, {0x041a, 'k'}, {0x041c, 'm'}, {0x041d, 'h'},
    {0x041e, 'o'}, {0x0420, 'p'}, {0x0421, 'c'}, {0x0422, 't'}, {0x0423, 'y'}, {0x0425, 'x'}, {0x0430, 'a'}, {0x0432, 'b'}, {0x0433, 'r'},
    {0x0435, 'e'}, {0x043a, 'k'}, {0x043c, 'm'}, {0x043d, 'h'}, {0x043e, 'o'}, {0x0440, 'p'}, {0x0441, 'c'}, {0x0442, 't'}, {0x0443, 'y'},
    {0x0445, 'x'}, {0x0455, 's'}, {0x0456, 'i'}, {0x0458, 'j'}, {0x04bb, 'h'}, {0x04c0, 'i'}, {0x04cf, 'i'}, {0x0501, 'd'}, {0x051b, 'q'},
    {0x051c, 'w'}, {0x051d, 'w'}, {0x0555, 'o'}, {0x0570, 'h'}, {0x0578, 'n'}, {0x057d, 'u'}, {0x0581, 'g'}, {0x0585, 'o'}, {0x0566, 'q'},
    {0x13a5, 'i'}, {0x212a, 'k'}};

static char look_up(uint32_t code) {
    for (size_t i = 0; i < sizeof alikes / sizeof alikes[0]; i++)
        if (alikes[i].code == code) return alikes[i].letter;
    return 0;
}

static int invisible(uint32_t c) {
    return c <= 0x20 || (c >= 0x7f && c <= 0xa0) || c == 0xad || c == 0x34f || c == 0x61c || c == 0x1680 || c == 0x180e ||
           (c >= 0x2000 && c <= 0x200f) || (c >= 0x2028 && c <= 0x202f) || (c >= 0x205f && c <= 0x206f) || c == 0x3000 ||
           (c >= 0xfe00 && c <= 0xfe0f) || c == 0xfeff || (c >= 0xe0000 && c <= 0xe0fff);
}

static int is_dash(uint32_t c) { return c == '-' || (c >= 0x2010 && c <= 0x2015) || c == 0x2212 || c == 0xfe58 || c == 0xfe63; }

/* The code point at p and its length. The text is UTF-8 but for lone surrogates; a byte that fits nowhere stands for itself. */
static uint32_t code_point(const uint8_t *p, size_t n, size_t *length) {
    uint32_t c = p[0];
    size_t k = c < 0xc0 ? 1 : c < 0xe0 ? 2 : c < 0xf0 ? 3 : 4;
    *length = 1;
    if (k == 1 || k > n) return c;
    c &= 0x7fu >> k;
    for (size_t i = 1; i < k; i++) c = c << 6 | (p[i] & 63u);
    *length = k;
    return c;
}

size_t sp_near_skeleton(const uint8_t *p, size_t n, uint8_t *out) {
    size_t o = 0;
    for (size_t i = 0, k; i < n; i += k) {
        uint32_t c = code_point(p + i, n - i, &k);
        char letter;
        if (c == 0) break; /* where the name ends for a reader that takes it as a C string */
        if (invisible(c)) continue;
        if (c >= 0xff01 && c <= 0xff5e) c -= 0xff01 - '!'; /* full-width forms */
        if (is_dash(c)) c = '_';
        if (c >= 'A' && c <= 'Z') c |= 0x20;
        if (c < 0x80) {
            out[o++] = (uint8_t)c;
        } else if ((letter = look_up(c)) != 0) {
            out[o++] = (uint8_t)letter;
        } else {
            memcpy(out + o, p + i, k);
            o += k;
        }
    }
    return o;
}

/* A skeleton doesn't tell the name it was made of, so exact names are looked for among all names. Only for names of known skeletons. */
static int is_known(const sp_trie *t, const uint8_t *name, size_t n) {
    for (uint32_t i = 0; i < t->node_count; i++)
        if (t->nodes[i].name.p && t->nodes[i].name.n == n && memcmp(t->nodes[i].name.p, name, n) == 0) return 1;
    return 0;
}

int sp_near_miss(const sp_trie *t, const uint8_t *name, size_t n) {
    uint8_t skeleton[LONGEST];
    if (n == 0 || n > LONGEST || t->near_count == 0) return 0;
    uint64_t h = sp_x64(skeleton, sp_near_skeleton(name, n, skeleton));
    uint32_t from = 0, to = t->near_count;
    while (from < to) {
        uint32_t middle = from + (to - from) / 2;
        if (t->near[middle] < h) from = middle + 1;
        else to = middle;
    }
    return from < t->near_count && t->near[from] == h && !is_known(t, name, n);
}
