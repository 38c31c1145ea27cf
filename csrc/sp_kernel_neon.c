/* String kernel of 64-bit ARM: NEON, which all of them have. */
#include "sp_kernel_impl.h"

#if SP_KERNEL_NEON

#define TARGET
#define KERNEL(name) neon_##name

typedef struct block64 {
    uint8x16_t v[4];
} block64;

static inline block64 load64(const uint8_t *p) { return (block64){{vld1q_u8(p), vld1q_u8(p + 16), vld1q_u8(p + 32), vld1q_u8(p + 48)}}; }

/* A bit for each byte; all bits of a byte are the same. */
static inline uint64_t bits64(uint8x16_t a, uint8x16_t b, uint8x16_t c, uint8x16_t d) {
    static const uint8_t powers[16] = {1, 2, 4, 8, 16, 32, 64, 128, 1, 2, 4, 8, 16, 32, 64, 128};
    uint8x16_t bit = vld1q_u8(powers);
    uint8x16_t low = vpaddq_u8(vandq_u8(a, bit), vandq_u8(b, bit)), high = vpaddq_u8(vandq_u8(c, bit), vandq_u8(d, bit));
    low = vpaddq_u8(low, high);
    return vgetq_lane_u64(vreinterpretq_u64_u8(vpaddq_u8(low, low)), 0);
}

static inline uint64_t equal64(block64 b, uint8_t c) {
    uint8x16_t x = vdupq_n_u8(c);
    return bits64(vceqq_u8(b.v[0], x), vceqq_u8(b.v[1], x), vceqq_u8(b.v[2], x), vceqq_u8(b.v[3], x));
}

/* The bytes that are less than c. */
static inline uint64_t below64(block64 b, uint8_t c) {
    uint8x16_t x = vdupq_n_u8(c);
    return bits64(vcltq_u8(b.v[0], x), vcltq_u8(b.v[1], x), vcltq_u8(b.v[2], x), vcltq_u8(b.v[3], x));
}

static inline masks neon_block(const uint8_t *p) {
    block64 b = load64(p);
    return (masks){equal64(b, '"'), equal64(b, '\\'), below64(b, 0x20), ~below64(b, 0x80)};
}

static inline void neon_copy64(uint8_t *to, const uint8_t *from) { memcpy(to, from, 64); }

#include "sp_kernel_body.h"

static inline marks neon_marks(const uint8_t *p) {
    block64 b = load64(p), w;
    for (unsigned i = 0; i < 4; i++) w.v[i] = vorrq_u8(b.v[i], vdupq_n_u8(0x20)); /* brackets of one side differ in this bit only */
    return (marks){equal64(b, '"'), equal64(b, '\\'), equal64(b, '\n'), equal64(w, '{'), equal64(w, '}')};
}

static inline uint64_t neon_between(uint64_t x) { return between_by_shifts(x); }

#include "sp_kernel_strings.h"

/* As that of AVX2. */
static inline uint8x16_t utf8_errors(uint8x16_t v, uint8x16_t before) {
    uint8x16_t one = vextq_u8(before, v, 15), two = vextq_u8(before, v, 14), three = vextq_u8(before, v, 13);
    uint8x16_t pair = vandq_u8(vandq_u8(vqtbl1q_u8(vld1q_u8(by_first_high), vshrq_n_u8(one, 4)),
                                        vqtbl1q_u8(vld1q_u8(by_first_low), vandq_u8(one, vdupq_n_u8(15)))),
                               vqtbl1q_u8(vld1q_u8(by_second_high), vshrq_n_u8(v, 4)));
    uint8x16_t longer = vorrq_u8(vqsubq_u8(two, vdupq_n_u8(0xe0 - 0x80)), vqsubq_u8(three, vdupq_n_u8(0xf0 - 0x80)));
    return veorq_u8(vandq_u8(longer, vdupq_n_u8(0x80)), pair);
}

static int neon_utf8(const uint8_t *p, size_t n) {
    uint8_t tail[16] = {0};
    uint8x16_t before = vdupq_n_u8(0), errors = before, v;
    size_t i = 0;
    for (; n - i >= 16; i += 16, before = v) {
        v = vld1q_u8(p + i);
        if (vmaxvq_u8(vorrq_u8(v, before)) >= 0x80) errors = vorrq_u8(errors, utf8_errors(v, before));
    }
    if (n - i) memcpy(tail, p + i, n - i); /* zeros behind the text show a sequence that is cut */
    errors = vorrq_u8(errors, utf8_errors(vld1q_u8(tail), before));
    return vmaxvq_u8(errors) == 0;
}

static const sp_kernel neon_kernel = {"neon", 16, neon_find, neon_unescape, neon_utf8, neon_strings, sp_x128};

const sp_kernel *spi_kernel_vectors(size_t i) { return i == 0 ? &neon_kernel : NULL; }

#endif
