/* Canonical number text. Short decimals are their own shortest form; the rest goes decimal -> double -> shortest decimal in
   exact integer arithmetic: 64 and 128 bits where they reach, else fixed-size big integers. No floating point is used. */
#include "sp_number.h"

#include <string.h>

#include "sp_status.h"

typedef unsigned __int128 u128;

enum {
    MAX_DIGITS = 800,       /* a midpoint of two doubles has at most 767 significant digits: then only "not zero" matters */
    BIG_WORDS = 48,         /* 3072 bits: 801 digits have 2661, 5^1125 has 2613 */
    MAX_EXPONENT = 1 << 28, /* far beyond any length of a number: larger exponents act alike */
};

typedef struct decimal { /* 0.d1 d2 … dn * 10^point, no zeros at either end; n == 0 is zero */
    uint8_t digit[MAX_DIGITS + 1];
    unsigned n;
    int64_t point;
} decimal;

typedef struct binary { /* mantissa * 2^exponent; 2^52 <= mantissa < 2^53 unless exponent == -1074 */
    uint64_t mantissa;
    int exponent;
    int infinite;
} binary;

typedef struct parts { /* of a literal; empty parts have n == 0 */
    int negative, real, exp_negative;
    const uint8_t *whole, *fraction, *exp;
    size_t whole_n, fraction_n, exp_n;
} parts;

static const uint64_t pow5_64[28] = {1u,
                                     5u,
                                     25u,
                                     125u,
                                     625u,
                                     3125u,
                                     15625u,
                                     78125u,
                                     390625u,
                                     1953125u,
                                     9765625u,
                                     48828125u,
                                     244140625u,
                                     1220703125u,
                                     6103515625u,
                                     30517578125u,
                                     152587890625u,
                                     762939453125u,
                                     3814697265625u,
                                     19073486328125u,
                                     95367431640625u,
                                     476837158203125u,
                                     2384185791015625u,
                                     11920928955078125u,
                                     59604644775390625u,
                                     298023223876953125u,
                                     1490116119384765625u,
                                     7450580596923828125u};

/* ---- big integers: little-endian words, the top one not zero ---- */

typedef struct big {
    unsigned n;
    uint64_t w[BIG_WORDS];
} big;

static void big_set(big *b, uint64_t v) {
    b->w[0] = v;
    b->n = v != 0;
}

static void big_mul_add(big *b, uint64_t factor, uint64_t add) {
    uint64_t carry = add;
    for (unsigned i = 0; i < b->n; i++) {
        u128 t = (u128)b->w[i] * factor + carry;
        b->w[i] = (uint64_t)t;
        carry = (uint64_t)(t >> 64);
    }
    if (carry && b->n < BIG_WORDS) b->w[b->n++] = carry;
}

static void big_mul_pow5(big *b, unsigned power) {
    for (; power > 27; power -= 27) big_mul_add(b, pow5_64[27], 0);
    big_mul_add(b, pow5_64[power], 0);
}

static unsigned big_bits(const big *b) { return b->n ? 64 * b->n - (unsigned)__builtin_clzll(b->w[b->n - 1]) : 0; }

static void big_shift(big *b, unsigned bits) {
    unsigned words = bits / 64, rest = bits % 64, n = b->n + words;
    if (b->n && n < BIG_WORDS) {
        memmove(b->w + words, b->w, b->n * sizeof b->w[0]);
        memset(b->w, 0, words * sizeof b->w[0]);
        b->w[n] = 0;
        if (rest)
            for (unsigned i = n;; i--) {
                b->w[i] = b->w[i] << rest | (i > words ? b->w[i - 1] >> (64 - rest) : 0);
                if (i == words) break;
            }
        b->n = n + (b->w[n] != 0);
    }
}

static int big_compare(const big *a, const big *b) {
    int c = (a->n > b->n) - (a->n < b->n);
    for (unsigned i = a->n; !c && i--;) c = (a->w[i] > b->w[i]) - (a->w[i] < b->w[i]);
    return c;
}

static void big_subtract(big *a, const big *b) { /* a >= b */
    uint64_t borrow = 0;
    for (unsigned i = 0; i < a->n; i++) {
        uint64_t y = i < b->n ? b->w[i] : 0, x = a->w[i];
        a->w[i] = x - y - borrow;
        borrow = x < y || (x == y && borrow);
    }
    while (a->n && !a->w[a->n - 1]) a->n--;
}

static void big_add(big *a, const big *b) {
    uint64_t carry = 0;
    unsigned n = a->n > b->n ? a->n : b->n;
    for (unsigned i = 0; i < n; i++) {
        u128 t = (u128)(i < a->n ? a->w[i] : 0) + (i < b->n ? b->w[i] : 0) + carry;
        a->w[i] = (uint64_t)t;
        carry = (uint64_t)(t >> 64);
    }
    a->n = n;
    if (carry && n < BIG_WORDS) a->w[a->n++] = carry;
}

/* ---- reading ---- */

static size_t digits_at(const uint8_t *p, size_t n) {
    size_t i = 0;
    while (i < n && (uint8_t)(p[i] - '0') < 10) i++;
    return i;
}

static void split(const uint8_t *p, size_t n, parts *r) {
    size_t i = 0;
    memset(r, 0, sizeof *r);
    if (i < n && p[i] == '-') r->negative = 1, i++;
    r->whole = p + i;
    r->whole_n = digits_at(p + i, n - i);
    i += r->whole_n;
    if (i < n && p[i] == '.') {
        r->real = 1;
        r->fraction = p + ++i;
        r->fraction_n = digits_at(p + i, n - i);
        i += r->fraction_n;
    }
    if (i < n && (p[i] | 32) == 'e') {
        r->real = 1;
        i++;
        if (i < n && (p[i] == '-' || p[i] == '+')) r->exp_negative = p[i++] == '-';
        while (i + 1 < n && p[i] == '0') i++; /* leading zeros say nothing; one digit stays */
        r->exp = p + i;
        r->exp_n = n - i;
    }
}

static void add_digits(decimal *d, const uint8_t *p, size_t n, int64_t *leading, int *sticky) {
    for (size_t i = 0; i < n; i++) {
        uint8_t c = (uint8_t)(p[i] - '0');
        if (!d->n && !c) ++*leading;
        else if (d->n < MAX_DIGITS) d->digit[d->n++] = c;
        else *sticky |= c != 0;
    }
}

static void read_decimal(const parts *r, decimal *d) {
    int64_t leading = 0, exponent = 0;
    int sticky = 0;
    d->n = 0;
    add_digits(d, r->whole, r->whole_n, &leading, &sticky);
    add_digits(d, r->fraction, r->fraction_n, &leading, &sticky);
    for (size_t i = 0; i < r->exp_n && exponent < MAX_EXPONENT; i++) exponent = 10 * exponent + (r->exp[i] - '0');
    if (sticky) d->digit[d->n++] = 1;
    while (d->n && !d->digit[d->n - 1]) d->n--;
    d->point = (int64_t)r->whole_n - leading + (r->exp_negative ? -exponent : exponent);
}

/* ---- decimal -> double ---- */

/* Rounds the value in [q * 2^(top-63), (q+1) * 2^(top-63)), where q has its top bit set; `more`: it isn't the lower end. */
static binary round_binary(uint64_t q, int64_t top, int more) {
    binary b = {0, -1074, 0};
    int64_t bits = top >= -1022 ? 53 : top + 1075; /* of the mantissa: fewer below the normal range */
    if (bits >= 0) {
        uint64_t kept = bits ? q >> (64 - bits) : 0, half = UINT64_C(1) << (63 - bits);
        uint64_t rest = bits ? q & (2 * half - 1) : q;
        b.mantissa = kept + (rest > half || (rest == half && (more || (kept & 1))));
        if (bits == 53) b.exponent = (int)(top > 1024 ? 1024 : top) - 52;
        if (b.mantissa >> 53) b.mantissa >>= 1, b.exponent++;
        b.infinite = b.exponent > 971;
    }
    return b;
}

static binary to_binary_small(uint64_t n, int exponent) { /* n * 10^exponent, n > 0, |exponent| <= 27 */
    int top, more = 0;                                    /* value = q * 2^(top - 127) */
    u128 q;
    if (exponent >= 0) {
        q = (u128)n * pow5_64[exponent];
        top = 127 + exponent;
    } else {
        unsigned lead = (unsigned)__builtin_clzll(n);
        q = (u128)(n << lead) << 64;
        more = q % pow5_64[-exponent] != 0;
        q /= pow5_64[-exponent];
        top = 63 - (int)lead + exponent;
    }
    uint64_t high = (uint64_t)(q >> 64);
    unsigned zeros = high ? (unsigned)__builtin_clzll(high) : 64u + (unsigned)__builtin_clzll((uint64_t)q);
    q <<= zeros;
    return round_binary((uint64_t)(q >> 64), top - (int)zeros, more || (uint64_t)q);
}

static binary to_binary_big(const decimal *d) {
    int64_t exponent = d->point - d->n, top;
    uint64_t q = 0;
    int more;
    big n, den;
    big_set(&n, 0);
    for (unsigned i = 0; i < d->n;) {
        uint64_t chunk = 0, factor = 1;
        for (; i < d->n && factor < UINT64_C(1000000000000000000); i++, factor *= 10) chunk = 10 * chunk + d->digit[i];
        big_mul_add(&n, factor, chunk);
    }
    big_set(&den, 1);
    if (exponent >= 0) big_mul_pow5(&n, (unsigned)exponent);
    else big_mul_pow5(&den, (unsigned)-exponent);
    unsigned nb = big_bits(&n), db = big_bits(&den);
    if (nb < db) big_shift(&n, db - nb);
    else big_shift(&den, nb - db);
    top = (int64_t)nb - db + exponent;
    if (big_compare(&n, &den) < 0) big_shift(&n, 1), top--;
    for (unsigned i = 0; i < 64; i++) { /* 1 <= n/den < 2 at the start: 64 binary digits of the quotient */
        q <<= 1;
        if (big_compare(&n, &den) >= 0) {
            big_subtract(&n, &den);
            q |= 1;
        }
        big_shift(&n, 1);
    }
    more = n.n != 0;
    return round_binary(q, top, more);
}

static binary to_binary(const decimal *d) {
    binary b = {0, -1074, 0};
    if (d->point > 309) {
        b.infinite = 1;
    } else if (d->point > -324 && d->n) { /* else below half of the smallest double */
        int64_t exponent = d->point - d->n;
        if (d->n <= 19 && exponent >= -27 && exponent <= 27) {
            uint64_t n = 0;
            for (unsigned i = 0; i < d->n; i++) n = 10 * n + d->digit[i];
            b = to_binary_small(n, (int)exponent);
        } else {
            b = to_binary_big(d);
        }
    }
    return b;
}

/* ---- double -> shortest decimal (Steele and White; Dybvig's "free format") ----
   r/s is what is left of the value; below/s and above/s are half the distances to its neighbours. Digits end as soon as
   what was written reads back as the same double. An even mantissa owns the ends of its interval. `d->point` comes in as the
   position of the point of a decimal that reads as this double; so no leading 0 stays, and the last digit never becomes 10. */

static u128 pow10_128(unsigned power) { /* power <= 37 */
    u128 v = pow5_64[power > 27 ? 27 : power];
    if (power > 27) v *= pow5_64[power - 27];
    return v << power;
}

static void shortest_small(binary b, decimal *d) {
    unsigned uneven = b.mantissa == UINT64_C(1) << 52, even = !(b.mantissa & 1), low, high;
    u128 r = (u128)b.mantissa << 2, s = 4, above = 2;
    if (b.exponent >= 0) r <<= b.exponent, above <<= b.exponent;
    else s <<= -b.exponent;
    u128 below = above >> uneven;
    if (d->point >= 0) {
        s *= pow10_128((unsigned)d->point);
    } else {
        u128 p = pow10_128((unsigned)-d->point);
        r *= p, above *= p, below *= p;
    }
    if (even ? r + above >= s : r + above > s) s *= 10, d->point++;
    d->n = 0;
    do {
        uint8_t digit = 0;
        r *= 10, above *= 10, below *= 10;
        for (unsigned k = 4; k--;)
            if (r >= s << k) r -= s << k, digit = (uint8_t)(digit | 1u << k);
        low = even ? r <= below : r < below;
        high = even ? r + above >= s : r + above > s;
        d->digit[d->n++] = digit;
    } while (!low && !high);
    uint8_t *last = &d->digit[d->n - 1];
    *last = (uint8_t)(*last + (high && (!low || 2 * r > s || (2 * r == s && (*last & 1)))));
}

static int sum_compare(const big *a, const big *b, const big *c) { /* a + b against c */
    big sum = *a;
    big_add(&sum, b);
    return big_compare(&sum, c);
}

static void shortest_big(binary b, decimal *d) {
    int uneven = b.mantissa == UINT64_C(1) << 52 && b.exponent > -1074, even = !(b.mantissa & 1), low, high, half;
    unsigned up = b.exponent > 0 ? (unsigned)b.exponent : 0, down = b.exponent < 0 ? (unsigned)-b.exponent : 0;
    big r, s, above, below; /* at most 1080 bits */
    big_set(&r, b.mantissa);
    big_shift(&r, up + 2);
    big_set(&s, 1);
    big_shift(&s, down + 2);
    big_set(&above, 1);
    big_shift(&above, up + 1);
    if (d->point >= 0) {
        big_mul_pow5(&s, (unsigned)d->point);
        big_shift(&s, (unsigned)d->point);
    } else {
        unsigned p = (unsigned)-d->point;
        big_mul_pow5(&r, p);
        big_mul_pow5(&above, p);
        big_shift(&r, p);
        big_shift(&above, p);
    }
    if (uneven) { /* the neighbour below is half as far: double the scale, so that its half fits */
        below = above;
        big_shift(&r, 1);
        big_shift(&s, 1);
        big_shift(&above, 1);
    } else {
        below = above;
    }
    if (sum_compare(&r, &above, &s) >= !even) big_mul_add(&s, 10, 0), d->point++;
    d->n = 0;
    do {
        uint8_t digit = 0;
        big_mul_add(&r, 10, 0);
        big_mul_add(&above, 10, 0);
        big_mul_add(&below, 10, 0);
        for (; big_compare(&r, &s) >= 0; digit++) big_subtract(&r, &s);
        low = big_compare(&r, &below) < even;
        high = sum_compare(&r, &above, &s) >= !even;
        d->digit[d->n++] = digit;
    } while (!low && !high);
    half = sum_compare(&r, &r, &s);
    uint8_t *last = &d->digit[d->n - 1];
    *last = (uint8_t)(*last + (high && (!low || half > 0 || (half == 0 && (*last & 1)))));
}

static void shortest(binary b, decimal *d) {
    /* Between 2^-58 and 2^113 all of r, s, 8 s and 10 r stay below 2^124. */
    if (b.exponent >= -110 && b.exponent <= 60) shortest_small(b, d);
    else shortest_big(b, d);
}

/* ---- writing ---- */

static uint8_t *put(uint8_t *o, const uint8_t *digit, unsigned n) {
    for (unsigned i = 0; i < n; i++) *o++ = (uint8_t)('0' + digit[i]);
    return o;
}

static uint8_t *put_zeros(uint8_t *o, int64_t n) {
    for (; n > 0; n--) *o++ = '0';
    return o;
}

/* ECMAScript, Number::toString, radix 10. */
static size_t write_decimal(const decimal *d, int negative, uint8_t *out) {
    uint8_t *o = out;
    int64_t point = d->point, e = point - 1;
    if (negative) *o++ = '-';
    if (point >= d->n && point <= 21) {
        o = put_zeros(put(o, d->digit, d->n), point - d->n);
    } else if (point > 0 && point <= 21) {
        o = put(o, d->digit, (unsigned)point);
        *o++ = '.';
        o = put(o, d->digit + point, d->n - (unsigned)point);
    } else if (point > -6 && point <= 0) {
        *o++ = '0';
        *o++ = '.';
        o = put(put_zeros(o, -point), d->digit, d->n);
    } else {
        o = put(o, d->digit, 1);
        if (d->n > 1) *o++ = '.';
        o = put(o, d->digit + 1, d->n - 1);
        *o++ = 'e';
        *o++ = e < 0 ? '-' : '+';
        unsigned m = (unsigned)(e < 0 ? -e : e);
        if (m >= 100) *o++ = (uint8_t)('0' + m / 100);
        if (m >= 10) *o++ = (uint8_t)('0' + m / 10 % 10);
        *o++ = (uint8_t)('0' + m % 10);
    }
    return (size_t)(o - out);
}

/* A number that no double holds keeps its spelling, but for the freedom in the exponent. */
static size_t write_spelling(const uint8_t *p, const parts *r, uint8_t *out) {
    size_t n = r->exp ? (size_t)(r->exp - p) : 0, m = 0;
    const uint8_t *end = r->fraction ? r->fraction + r->fraction_n : r->whole + r->whole_n;
    m = (size_t)(end - p);
    memcpy(out, p, m);
    if (n) {
        out[m++] = 'e';
        if (r->exp_negative) out[m++] = '-';
        memcpy(out + m, r->exp, r->exp_n);
        m += r->exp_n;
    }
    return m;
}

static int beyond_2_53(const parts *r) {
    static const char limit[] = "9007199254740992";
    size_t n = sizeof limit - 1;
    return r->whole_n > n || (r->whole_n == n && memcmp(r->whole, limit, n) > 0);
}

size_t sp_number_canon(const uint8_t *p, size_t n, uint8_t *out, uint32_t *flags) {
    size_t length;
    parts r;
    split(p, n, &r);
    if (!r.real) {
        size_t skip = r.negative && r.whole_n == 1 && r.whole[0] == '0';
        length = n - skip;
        memcpy(out, p + skip, length);
        if (beyond_2_53(&r)) *flags |= SP_FLAG_BIG_INTEGER;
    } else {
        decimal d;
        binary b = {1, 0, 0};
        read_decimal(&r, &d);
        /* Doubles keep decimals of 15 digits apart (normal range): no shorter one reads as the same double. */
        int short_form = d.n <= 15 && d.point > -306 && d.point <= 308;
        if (!short_form || !d.n) b = to_binary(&d);
        if (b.infinite && d.n) {
            *flags |= SP_FLAG_NUMBER_OVERFLOW;
            length = write_spelling(p, &r, out);
        } else if (!b.mantissa || !d.n) {
            out[0] = '0';
            length = 1;
        } else {
            if (!short_form) shortest(b, &d);
            length = write_decimal(&d, r.negative, out);
        }
    }
    return length;
}
