/* Hashes. Its units and the scan (sp_hash_inl.h) include xxhash.h, nobody else in the core. docs/fingerprint.md defines every value. */
#ifndef SP_HASH_H
#define SP_HASH_H

#include <stddef.h>
#include <stdint.h>
#include <string.h>

typedef union __attribute__((packed)) sp_digest {
    uint8_t b[16]; /* canonical (big-endian) */
    uint64_t w[2]; /* the same bytes, as they are moved: 16 at once would wait for the two halves that were just written */
} sp_digest;

sp_digest sp_x128(const void *p, size_t n);
#define SP_HASH_LONG 241 /* from here on XXH3 goes by stripes of 64 bytes, which wider registers do quicker */
#if defined(__x86_64__) && defined(__GNUC__)
#define SP_HASH_WIDE 1
sp_digest sp_x128_avx2(const void *p, size_t n); /* the same, where the processor has it */
sp_digest sp_x128_avx512(const void *p, size_t n);
#else
#define SP_HASH_WIDE 0
#endif
uint64_t sp_x64(const void *p, size_t n);
uint64_t sp_x64_seeded(const void *p, size_t n, uint64_t seed);

/* SipHash-2-4 (Aumasson, Bernstein), 128-bit output: the keyed form. */
sp_digest sp_siphash128(const uint8_t key[16], const void *p, size_t n);

/* Eight bytes of a hash as a number, first byte highest, and back. */
static inline uint64_t spi_big_endian(uint64_t w) {
#if !defined(__BYTE_ORDER__) || __BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__
    w = __builtin_bswap64(w);
#endif
    return w;
}

static inline sp_digest spi_digest_of(uint64_t high, uint64_t low) { return (sp_digest){.w = {spi_big_endian(high), spi_big_endian(low)}}; }

static inline uint64_t sp_hash_word(const uint8_t *p) {
    uint64_t w;
    memcpy(&w, p, 8);
    return spi_big_endian(w);
}

static inline void sp_hash_store(uint8_t *p, uint64_t w) {
    w = spi_big_endian(w);
    memcpy(p, &w, 8);
}

void sp_hex(const void *bytes, size_t n, char *out); /* writes 2 n lower-case digits, no NUL */

#endif
