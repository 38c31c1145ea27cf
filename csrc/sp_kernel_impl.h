/* What the kernels share. */
#ifndef SP_KERNEL_IMPL_H
#define SP_KERNEL_IMPL_H

#include <string.h>

#include "sp_kernel.h"

/* The vector kernels that run here, the best one first; NULL past the last. */
const sp_kernel *spi_kernel_vectors(size_t i);

/* The plain kernel: the others leave their last bytes to it. */
const uint8_t *spi_plain_find(const uint8_t *p, const uint8_t *end, uint32_t *high);
const uint8_t *spi_plain_unescape(const uint8_t *p, const uint8_t *end, uint8_t **out, uint32_t *high, uint32_t *flags);
int spi_plain_utf8(const uint8_t *p, size_t n);

/* What follows the backslash -> the character; 0 for `u` and for what is no escape. */
extern const uint8_t spi_simple_escape[256];

typedef struct masks { /* bit i belongs to byte i of a block of 64 */
    uint64_t quote, slash, control, high;
} masks;

typedef struct marks { /* the same */
    uint64_t quote, slash, feed, opens, closes;
} marks;

/* The bytes that an odd run of backslashes stands before; *carry: such a run ends the block. After J. Keiser, D. Lemire, "Parsing gigabytes of
   JSON per second". */
static inline uint64_t escaped_by(uint64_t slash, uint64_t *carry) {
    static const uint64_t even = 0x5555555555555555u;
    uint64_t first = *carry, sum;
    if (!slash) return *carry = 0, first;
    slash &= ~first;
    uint64_t follows = slash << 1 | first, odd_starts = slash & ~even & ~follows;
    *carry = __builtin_add_overflow(odd_starts, slash, &sum);
    return (even ^ (sum << 1)) & follows;
}

/* Bits up to and with each odd one of x are set. */
static inline uint64_t between_by_shifts(uint64_t x) {
    for (unsigned n = 1; n < 64; n *= 2) x ^= x << n;
    return x;
}

#if SP_KERNEL_X86 || SP_KERNEL_NEON
/* What is wrong with the pair (byte before, byte), by its high nibble, low nibble, and the next high nibble: J. Keiser, D. Lemire,
   "Validating UTF-8 in less than one instruction per byte". A pair is bad if all three tables agree on a bit. */
enum {
    TOO_SHORT = 1,
    TOO_LONG = 2,
    OVERLONG_3 = 4,
    TOO_LARGE = 8,
    SURROGATE = 16,
    OVERLONG_2 = 32,
    TOO_LARGE_1000 = 64,
    OVERLONG_4 = 64,
    TWO_CONTS = 128,
    CARRY = TOO_SHORT | TOO_LONG | TWO_CONTS,
};
static const uint8_t by_first_high[16] = {TOO_LONG,
                                          TOO_LONG,
                                          TOO_LONG,
                                          TOO_LONG,
                                          TOO_LONG,
                                          TOO_LONG,
                                          TOO_LONG,
                                          TOO_LONG,
                                          TWO_CONTS,
                                          TWO_CONTS,
                                          TWO_CONTS,
                                          TWO_CONTS,
                                          TOO_SHORT | OVERLONG_2,
                                          TOO_SHORT,
                                          TOO_SHORT | OVERLONG_3 | SURROGATE,
                                          TOO_SHORT | TOO_LARGE | TOO_LARGE_1000 | OVERLONG_4};
static const uint8_t by_first_low[16] = {CARRY | OVERLONG_3 | OVERLONG_2 | OVERLONG_4,
                                         CARRY | OVERLONG_2,
                                         CARRY,
                                         CARRY,
                                         CARRY | TOO_LARGE,
                                         CARRY | TOO_LARGE | TOO_LARGE_1000,
                                         CARRY | TOO_LARGE | TOO_LARGE_1000,
                                         CARRY | TOO_LARGE | TOO_LARGE_1000,
                                         CARRY | TOO_LARGE | TOO_LARGE_1000,
                                         CARRY | TOO_LARGE | TOO_LARGE_1000,
                                         CARRY | TOO_LARGE | TOO_LARGE_1000,
                                         CARRY | TOO_LARGE | TOO_LARGE_1000,
                                         CARRY | TOO_LARGE | TOO_LARGE_1000,
                                         CARRY | TOO_LARGE | TOO_LARGE_1000 | SURROGATE,
                                         CARRY | TOO_LARGE | TOO_LARGE_1000,
                                         CARRY | TOO_LARGE | TOO_LARGE_1000};
static const uint8_t by_second_high[16] = {TOO_SHORT,
                                           TOO_SHORT,
                                           TOO_SHORT,
                                           TOO_SHORT,
                                           TOO_SHORT,
                                           TOO_SHORT,
                                           TOO_SHORT,
                                           TOO_SHORT,
                                           TOO_LONG | OVERLONG_2 | TWO_CONTS | OVERLONG_3 | TOO_LARGE_1000 | OVERLONG_4,
                                           TOO_LONG | OVERLONG_2 | TWO_CONTS | OVERLONG_3 | TOO_LARGE,
                                           TOO_LONG | OVERLONG_2 | TWO_CONTS | SURROGATE | TOO_LARGE,
                                           TOO_LONG | OVERLONG_2 | TWO_CONTS | SURROGATE | TOO_LARGE,
                                           TOO_SHORT,
                                           TOO_SHORT,
                                           TOO_SHORT,
                                           TOO_SHORT};

#endif

#endif
