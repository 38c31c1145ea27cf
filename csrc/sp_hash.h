/* Hashes. The only unit that includes xxhash.h. docs/fingerprint.md defines every value. */
#ifndef SP_HASH_H
#define SP_HASH_H

#include <stddef.h>
#include <stdint.h>

typedef struct sp_digest {
    uint8_t b[16]; /* canonical (big-endian) */
} sp_digest;

sp_digest sp_x128(const void *p, size_t n);
uint64_t sp_x64(const void *p, size_t n);

/* SipHash-2-4 (Aumasson, Bernstein), 128-bit output: the keyed form. */
sp_digest sp_siphash128(const uint8_t key[16], const void *p, size_t n);

void sp_hex(const void *bytes, size_t n, char *out); /* writes 2 n lower-case digits, no NUL */

#endif
