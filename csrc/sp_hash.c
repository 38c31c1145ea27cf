/* XXH3 through xxhash.h, SipHash-2-4 with 128 bits, hex. */
#include "sp_hash.h"

#define XXH_INLINE_ALL
#include <xxhash.h>
#if defined(__SSE2__)
#include <emmintrin.h>
#endif

sp_digest sp_x128(const void *p, size_t n) {
    XXH128_hash_t h = XXH3_128bits(p, n);
    return spi_digest_of(h.high64, h.low64);
}

uint64_t sp_x64(const void *p, size_t n) { return XXH3_64bits(p, n); }

uint64_t sp_x64_seeded(const void *p, size_t n, uint64_t seed) { return XXH3_64bits_withSeed(p, n, seed); }

/* SipHash is defined over little-endian words; written by bytes so that every machine gives the same value. */
static uint64_t load_le(const uint8_t *p) {
    uint64_t w = 0;
    for (unsigned i = 0; i < 8; i++) w |= (uint64_t)p[i] << (8 * i);
    return w;
}

static void store_le(uint8_t *p, uint64_t w) {
    for (unsigned i = 0; i < 8; i++) p[i] = (uint8_t)(w >> (8 * i));
}

static uint64_t rotl(uint64_t x, unsigned b) { return x << b | x >> (64 - b); }

static void sip_rounds(uint64_t v[4], unsigned rounds) {
    for (; rounds; rounds--) {
        v[0] += v[1];
        v[1] = rotl(v[1], 13) ^ v[0];
        v[0] = rotl(v[0], 32);
        v[2] += v[3];
        v[3] = rotl(v[3], 16) ^ v[2];
        v[0] += v[3];
        v[3] = rotl(v[3], 21) ^ v[0];
        v[2] += v[1];
        v[1] = rotl(v[1], 17) ^ v[2];
        v[2] = rotl(v[2], 32);
    }
}

static void sip_word(uint64_t v[4], uint64_t w) {
    v[3] ^= w;
    sip_rounds(v, 2);
    v[0] ^= w;
}

sp_digest sp_siphash128(const uint8_t key[16], const void *p, size_t n) {
    sp_digest d;
    const uint8_t *b = p;
    uint64_t k0 = load_le(key), k1 = load_le(key + 8), last = (uint64_t)n << 56;
    /* "somepseudorandomlygeneratedbytes"; 0xee tells the 128-bit form from the 64-bit one */
    uint64_t v[4] = {0x736f6d6570736575u ^ k0, 0x646f72616e646f6du ^ k1 ^ 0xeeu, 0x6c7967656e657261u ^ k0, 0x7465646279746573u ^ k1};
    size_t whole = n & ~(size_t)7;
    for (size_t i = 0; i < whole; i += 8) sip_word(v, load_le(b + i));
    for (size_t i = whole; i < n; i++) last |= (uint64_t)b[i] << (8 * (i - whole));
    sip_word(v, last);
    v[2] ^= 0xee;
    sip_rounds(v, 4);
    store_le(d.b, v[0] ^ v[1] ^ v[2] ^ v[3]);
    v[1] ^= 0xdd;
    sip_rounds(v, 4);
    store_le(d.b + 8, v[0] ^ v[1] ^ v[2] ^ v[3]);
    return d;
}

#if defined(__SSE2__)
static __m128i digits(__m128i values) {
    __m128i letters = _mm_and_si128(_mm_cmpgt_epi8(values, _mm_set1_epi8(9)), _mm_set1_epi8('a' - '0' - 10));
    return _mm_add_epi8(_mm_add_epi8(values, _mm_set1_epi8('0')), letters);
}
#endif

void sp_hex(const void *bytes, size_t n, char *out) {
    static const char digit[] = "0123456789abcdef";
    const uint8_t *b = bytes;
    size_t i = 0;
#if defined(__SSE2__)
    for (; n - i >= 16; i += 16) {
        __m128i v = _mm_loadu_si128((const __m128i *)(const void *)(b + i)), lo = _mm_and_si128(v, _mm_set1_epi8(15)),
                hi = _mm_and_si128(_mm_srli_epi16(v, 4), _mm_set1_epi8(15));
        _mm_storeu_si128((__m128i *)(void *)(out + 2 * i), digits(_mm_unpacklo_epi8(hi, lo)));
        _mm_storeu_si128((__m128i *)(void *)(out + 2 * i + 16), digits(_mm_unpackhi_epi8(hi, lo)));
    }
    for (; n - i >= 8; i += 8) {
        __m128i v = _mm_loadl_epi64((const __m128i *)(const void *)(b + i)), lo = _mm_and_si128(v, _mm_set1_epi8(15)),
                hi = _mm_and_si128(_mm_srli_epi16(v, 4), _mm_set1_epi8(15));
        _mm_storeu_si128((__m128i *)(void *)(out + 2 * i), digits(_mm_unpacklo_epi8(hi, lo)));
    }
#endif
    for (; i < n; i++) {
        out[2 * i] = digit[b[i] >> 4];
        out[2 * i + 1] = digit[b[i] & 15];
    }
}
