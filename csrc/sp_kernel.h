/* Inner loops over the bytes of JSON strings, one table per instruction set. A table is constant; which one fits is told by the
   processor, and any that runs on it may be asked for: results are the same. No kernel reads or writes outside the ranges it is given. */
#ifndef SP_KERNEL_H
#define SP_KERNEL_H

#include <stddef.h>
#include <stdint.h>

#include "sp_hash.h"
#include "sp_status.h"
#include "sp_text.h"

#if defined(__x86_64__) && defined(__GNUC__)
#define SP_KERNEL_X86 1
#include <immintrin.h>
#else
#define SP_KERNEL_X86 0
#endif
#if defined(__aarch64__) && defined(__ARM_NEON) && __BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__
#define SP_KERNEL_NEON 1
#include <arm_neon.h>
#else
#define SP_KERNEL_NEON 0
#endif

typedef struct sp_strings { /* where a walk over blocks of 64 bytes stands, between two of them */
    uint64_t inside;        /* all bits: in a string, else 0 */
    uint64_t carry;         /* 1: the next byte is escaped, else 0 */
} sp_strings;

typedef struct sp_signs {         /* of a block; bit i belongs to its byte i */
    uint64_t string;              /* in strings, from the first quote on, the last one not included */
    uint64_t opens, closes, feed; /* brackets and line feeds outside of strings */
    uint64_t wrong;               /* what JSON does not have: a line feed in a string, a backslash outside */
} sp_signs;

typedef struct sp_kernel {
    const char *name;
    ptrdiff_t inlined; /* a text of so many bytes: sp_find looks at its first ones by itself */
    /* The first quote, backslash or control character of [p, end), or end. *high becomes non-zero if a byte before it is not ASCII. */
    const uint8_t *(*find)(const uint8_t *p, const uint8_t *end, uint32_t *high);
    /* Writes [p, end) unescaped to *out and moves *out; stops at the first quote, control character or bad escape (there: at the
       backslash) and returns its place, or end. Writes nothing beyond *out + (end - p). Sets SP_FLAG_LONE_SURROGATE, SP_FLAG_NUL_ESCAPE
       in *flags, and *high as `find` does. */
    const uint8_t *(*unescape)(const uint8_t *p, const uint8_t *end, uint8_t **out, uint32_t *high, uint32_t *flags);
    int (*utf8)(const uint8_t *p, size_t n); /* whether [p, p+n) is UTF-8 */
    /* Goes by blocks over [p, end), from and to the state *at. Returns the first one that has any signs beside `string`, with *at behind it, or
       the place that has less than a block behind it. May be NULL. */
    const uint8_t *(*strings)(const uint8_t *p, const uint8_t *end, sp_strings *at, sp_signs *m);
    sp_digest (*hash)(const void *p, size_t n); /* sp_x128 of SP_HASH_LONG bytes or more */
} sp_kernel;

const sp_kernel *sp_kernel_best(void);          /* for this processor */
const sp_kernel *sp_kernel_at(size_t i);        /* all that run here, best first, the plain one last; NULL past it */
const sp_kernel *sp_kernel_named(sp_view name); /* of these; NULL if none is called so */

/* Reads the escape whose backslash stands at p. Writes its 1 to 4 bytes (fewer than it has itself) and moves *out. Returns the byte
   after it (after the second half of a surrogate pair), or NULL when it is none. */
const uint8_t *sp_escape(const uint8_t *p, const uint8_t *end, uint8_t **out, uint32_t *flags);

#if SP_KERNEL_NEON
/* Four bits for each byte; all bits of a byte are the same. */
static inline uint64_t spi_nibbles(uint8x16_t v) { return vget_lane_u64(vreinterpret_u64_u8(vshrn_n_u16(vreinterpretq_u16_u8(v), 4)), 0); }
#endif

/* As `find`, for strings that are mostly short: the first 32 bytes without a call. */
static inline const uint8_t *sp_find(const sp_kernel *k, const uint8_t *p, const uint8_t *end, uint32_t *high) {
#if SP_KERNEL_X86
    if (__builtin_expect(end - p >= k->inlined, 1)) {
        const __m128i quote = _mm_set1_epi8('"'), slash = _mm_set1_epi8('\\'), space = _mm_set1_epi8(0x1f);
        __m128i a = _mm_loadu_si128((const __m128i *)(const void *)p);
        __m128i b = _mm_loadu_si128((const __m128i *)(const void *)(p + 16));
        __m128i sa =
            _mm_or_si128(_mm_or_si128(_mm_cmpeq_epi8(a, quote), _mm_cmpeq_epi8(a, slash)), _mm_cmpeq_epi8(_mm_min_epu8(a, space), a));
        __m128i sb =
            _mm_or_si128(_mm_or_si128(_mm_cmpeq_epi8(b, quote), _mm_cmpeq_epi8(b, slash)), _mm_cmpeq_epi8(_mm_min_epu8(b, space), b));
        uint32_t special = (uint32_t)_mm_movemask_epi8(sa) | (uint32_t)_mm_movemask_epi8(sb) << 16;
        uint32_t top = (uint32_t)_mm_movemask_epi8(a) | (uint32_t)_mm_movemask_epi8(b) << 16;
        if (__builtin_expect(special != 0, 1)) {
            *high |= top & ((special & (0u - special)) - 1);
            return p + __builtin_ctz(special);
        }
        *high |= top;
        p += 32;
    }
#elif SP_KERNEL_NEON
    for (int i = 0; i < 2 && end - p >= k->inlined; i++, p += 16) {
        uint8x16_t v = vld1q_u8(p);
        uint8x16_t ends = vorrq_u8(vorrq_u8(vceqq_u8(v, vdupq_n_u8('"')), vceqq_u8(v, vdupq_n_u8('\\'))), vcltq_u8(v, vdupq_n_u8(0x20)));
        uint64_t special = spi_nibbles(ends), top = spi_nibbles(vcgeq_u8(v, vdupq_n_u8(0x80)));
        if (__builtin_expect(special != 0, 1)) {
            *high |= (top & ((special & (0 - special)) - 1)) != 0;
            return p + __builtin_ctzll(special) / 4;
        }
        *high |= top != 0;
    }
#endif
    return k->find(p, end, high);
}

#endif
