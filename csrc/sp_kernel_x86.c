/* String kernels of x86-64: SSE2, AVX2, AVX-512 with VBMI2. */
#include "sp_kernel_impl.h"

#if SP_KERNEL_X86

#define TARGET
#define KERNEL(name) sse2_##name

static inline masks sse2_block(const uint8_t *p) {
    const __m128i quote = _mm_set1_epi8('"'), slash = _mm_set1_epi8('\\'), space = _mm_set1_epi8(0x1f);
    masks m = {0, 0, 0, 0};
    for (unsigned i = 0; i < 64; i += 16) {
        __m128i v = _mm_loadu_si128((const __m128i *)(const void *)(p + i));
        m.quote |= (uint64_t)(uint32_t)_mm_movemask_epi8(_mm_cmpeq_epi8(v, quote)) << i;
        m.slash |= (uint64_t)(uint32_t)_mm_movemask_epi8(_mm_cmpeq_epi8(v, slash)) << i;
        m.control |= (uint64_t)(uint32_t)_mm_movemask_epi8(_mm_cmpeq_epi8(_mm_min_epu8(v, space), v)) << i;
        m.high |= (uint64_t)(uint32_t)_mm_movemask_epi8(v) << i;
    }
    return m;
}

static inline void sse2_copy64(uint8_t *to, const uint8_t *from) { memcpy(to, from, 64); }

#include "sp_kernel_body.h"

/* `[` and `{`, and `]` and `}`, differ in one bit, which no other byte makes up for. */
static inline marks sse2_marks(const uint8_t *p) {
    const __m128i bit = _mm_set1_epi8(0x20);
    marks m = {0, 0, 0, 0, 0};
    for (unsigned i = 0; i < 64; i += 16) {
        __m128i v = _mm_loadu_si128((const __m128i *)(const void *)(p + i)), w = _mm_or_si128(v, bit);
        m.quote |= (uint64_t)(uint32_t)_mm_movemask_epi8(_mm_cmpeq_epi8(v, _mm_set1_epi8('"'))) << i;
        m.slash |= (uint64_t)(uint32_t)_mm_movemask_epi8(_mm_cmpeq_epi8(v, _mm_set1_epi8('\\'))) << i;
        m.feed |= (uint64_t)(uint32_t)_mm_movemask_epi8(_mm_cmpeq_epi8(v, _mm_set1_epi8('\n'))) << i;
        m.opens |= (uint64_t)(uint32_t)_mm_movemask_epi8(_mm_cmpeq_epi8(w, _mm_set1_epi8('{'))) << i;
        m.closes |= (uint64_t)(uint32_t)_mm_movemask_epi8(_mm_cmpeq_epi8(w, _mm_set1_epi8('}'))) << i;
    }
    return m;
}

static inline uint64_t sse2_between(uint64_t x) { return between_by_shifts(x); }

#include "sp_kernel_strings.h"

static const sp_kernel sse2_kernel = {"sse2", 32, sse2_find, sse2_unescape, spi_plain_utf8, sse2_strings, sp_x128};

#undef TARGET
#undef KERNEL
#define TARGET __attribute__((target("avx2,bmi,bmi2,pclmul")))
#define KERNEL(name) avx2_##name

TARGET static inline uint32_t bits(__m256i v) { return (uint32_t)_mm256_movemask_epi8(v); }

TARGET static inline __m256i load(const uint8_t *p) { return _mm256_loadu_si256((const __m256i *)(const void *)p); }

TARGET static inline masks avx2_block(const uint8_t *p) {
    const __m256i quote = _mm256_set1_epi8('"'), slash = _mm256_set1_epi8('\\'), space = _mm256_set1_epi8(0x1f);
    __m256i a = load(p), b = load(p + 32);
    masks m;
    m.quote = bits(_mm256_cmpeq_epi8(a, quote)) | (uint64_t)bits(_mm256_cmpeq_epi8(b, quote)) << 32;
    m.slash = bits(_mm256_cmpeq_epi8(a, slash)) | (uint64_t)bits(_mm256_cmpeq_epi8(b, slash)) << 32;
    m.control = bits(_mm256_cmpeq_epi8(_mm256_min_epu8(a, space), a)) | (uint64_t)bits(_mm256_cmpeq_epi8(_mm256_min_epu8(b, space), b))
                                                                            << 32;
    m.high = bits(a) | (uint64_t)bits(b) << 32;
    return m;
}

TARGET static inline void avx2_copy64(uint8_t *to, const uint8_t *from) {
    __m256i a = load(from), b = load(from + 32);
    _mm256_storeu_si256((__m256i *)(void *)to, a);
    _mm256_storeu_si256((__m256i *)(void *)(to + 32), b);
}

#include "sp_kernel_body.h"

/* The block v, moved up by n bytes; the last bytes of the block before it come in. */
#define SHIFT_IN(v, before, n) _mm256_alignr_epi8(v, _mm256_permute2x128_si256(before, v, 0x21), 16 - (n))

TARGET static inline __m256i table(const uint8_t t[16]) {
    return _mm256_broadcastsi128_si256(_mm_loadu_si128((const __m128i *)(const void *)t));
}

TARGET static inline __m256i utf8_errors(__m256i v, __m256i before) {
    const __m256i low4 = _mm256_set1_epi8(15), top = _mm256_set1_epi8((char)0x80);
    __m256i one = SHIFT_IN(v, before, 1), two = SHIFT_IN(v, before, 2), three = SHIFT_IN(v, before, 3);
    __m256i pair =
        _mm256_and_si256(_mm256_and_si256(_mm256_shuffle_epi8(table(by_first_high), _mm256_and_si256(_mm256_srli_epi16(one, 4), low4)),
                                          _mm256_shuffle_epi8(table(by_first_low), _mm256_and_si256(one, low4))),
                         _mm256_shuffle_epi8(table(by_second_high), _mm256_and_si256(_mm256_srli_epi16(v, 4), low4)));
    /* a byte two after E0.. or three after F0.. must be a continuation, and is the only place for two of them in a row */
    __m256i long3 = _mm256_subs_epu8(two, _mm256_set1_epi8((char)(0xe0 - 0x80)));
    __m256i long4 = _mm256_subs_epu8(three, _mm256_set1_epi8((char)(0xf0 - 0x80)));
    return _mm256_xor_si256(_mm256_and_si256(_mm256_or_si256(long3, long4), top), pair);
}

TARGET static int avx2_utf8(const uint8_t *p, size_t n) {
    uint8_t tail[32] = {0};
    __m256i before = _mm256_setzero_si256(), errors = before, v;
    size_t i = 0;
    for (; n - i >= 32; i += 32, before = v) {
        v = load(p + i);
        if (bits(_mm256_or_si256(v, before))) errors = _mm256_or_si256(errors, utf8_errors(v, before));
    }
    if (n - i) memcpy(tail, p + i, n - i);                             /* zeros behind the text show a sequence that is cut … */
    errors = _mm256_or_si256(errors, utf8_errors(load(tail), before)); /* … as does a whole block of them */
    return _mm256_testz_si256(errors, errors);
}

TARGET static inline uint64_t equal(__m256i a, __m256i b, char c) {
    __m256i x = _mm256_set1_epi8(c);
    return bits(_mm256_cmpeq_epi8(a, x)) | (uint64_t)bits(_mm256_cmpeq_epi8(b, x)) << 32;
}

TARGET static inline marks avx2_marks(const uint8_t *p) {
    const __m256i bit = _mm256_set1_epi8(0x20);
    __m256i a = load(p), b = load(p + 32), c = _mm256_or_si256(a, bit), d = _mm256_or_si256(b, bit);
    return (marks){equal(a, b, '"'), equal(a, b, '\\'), equal(a, b, '\n'), equal(c, d, '{'), equal(c, d, '}')};
}

/* A product without carries by all ones is what all shifts added up are. */
TARGET static inline uint64_t avx2_between(uint64_t x) {
    return (uint64_t)_mm_cvtsi128_si64(_mm_clmulepi64_si128(_mm_cvtsi64_si128((long long)x), _mm_set1_epi8(-1), 0));
}

#include "sp_kernel_strings.h"

static const sp_kernel avx2_kernel = {"avx2", 32, avx2_find, avx2_unescape, avx2_utf8, avx2_strings, sp_x128_avx2};

/* ---- AVX-512 with VBMI2: escapes of a block are decoded together and the holes closed by one compress ---- */

#undef TARGET
#undef KERNEL
#define TARGET __attribute__((target("avx512f,avx512bw,avx512vl,avx512vbmi,avx512vbmi2,bmi,bmi2,lzcnt,popcnt,pclmul")))
#define KERNEL(name) avx512_##name

typedef struct block512 {
    __m512i v;
    uint64_t all; /* bytes that are there */
} block512;

TARGET static inline block512 load512(const uint8_t *p, const uint8_t *end) {
    size_t n = (size_t)(end - p);
    block512 b;
    b.all = n >= 64 ? ~(uint64_t)0 : _bzhi_u64(~(uint64_t)0, (unsigned)n);
    b.v = n >= 64 ? _mm512_loadu_si512(p) : _mm512_maskz_loadu_epi8(b.all, p);
    return b;
}

TARGET static inline uint64_t equal512(__m512i v, char c) { return _mm512_cmpeq_epi8_mask(v, _mm512_set1_epi8(c)); }

TARGET static const uint8_t *avx512_find(const uint8_t *p, const uint8_t *end, uint32_t *high) {
    for (; p < end; p += 64) {
        block512 b = load512(p, end);
        uint64_t special = equal512(b.v, '"') | equal512(b.v, '\\') | (_mm512_cmplt_epu8_mask(b.v, _mm512_set1_epi8(0x20)) & b.all);
        uint64_t top = _mm512_movepi8_mask(b.v);
        if (special) {
            *high |= (top & ((special & (0u - special)) - 1)) != 0;
            return p + _tzcnt_u64(special);
        }
        *high |= top != 0;
    }
    return end;
}

/* The `\u` escapes whose u stand at `us`, all of their digits at `digits`. Their characters go to the places of the digits in *v. Returns
   which of these places are used; *bad gets the u of the first that is no escape, a surrogate or NUL, and all after it. */
TARGET static inline uint64_t unicode512(__m512i *v, uint64_t us, uint64_t digits, uint64_t *bad) {
    __m512i d = _mm512_maskz_compress_epi8(digits, *v);
    uint64_t lanes = _bzhi_u64(~(uint64_t)0, (unsigned)_mm_popcnt_u64(digits));
    __m512i small = _mm512_or_si512(d, _mm512_set1_epi8(0x20));
    uint64_t letter = _mm512_cmplt_epu8_mask(_mm512_sub_epi8(small, _mm512_set1_epi8('a')), _mm512_set1_epi8(6));
    uint64_t digit = _mm512_cmplt_epu8_mask(_mm512_sub_epi8(d, _mm512_set1_epi8('0')), _mm512_set1_epi8(10));
    __m512i nibble = _mm512_and_si512(d, _mm512_set1_epi8(15));
    nibble = _mm512_mask_add_epi8(nibble, letter, nibble, _mm512_set1_epi8(9));
    __m512i byte = _mm512_maddubs_epi16(nibble, _mm512_set1_epi16(0x0110)); /* 16 * first + second */
    __m512i c = _mm512_madd_epi16(byte, _mm512_set1_epi32(0x00010100));     /* 256 * first + second */
    uint64_t wrong = lanes & ~(letter | digit);
    __mmask16 odd = (__mmask16)(_mm512_cmpeq_epi32_mask(_mm512_and_si512(c, _mm512_set1_epi32(0xf800)), _mm512_set1_epi32(0xd800)) |
                                _mm512_cmpeq_epi32_mask(c, _mm512_setzero_si512()));
    wrong |= _pdep_u64(odd, 0x1111111111111111u) & lanes;
    if (wrong) {
        unsigned first = (unsigned)_tzcnt_u64(wrong) / 4; /* number of the escape */
        *bad = us & ~(_pdep_u64(((uint64_t)1 << first) - 1, us));
    }
    __m512i low = _mm512_and_si512(c, _mm512_set1_epi32(63)), middle = _mm512_and_si512(_mm512_srli_epi32(c, 6), _mm512_set1_epi32(63));
    __m512i two = _mm512_or_si512(_mm512_or_si512(middle, _mm512_slli_epi32(low, 8)), _mm512_set1_epi32(0x80c0));
    __m512i three = _mm512_or_si512(_mm512_or_si512(_mm512_srli_epi32(c, 12), _mm512_slli_epi32(middle, 8)),
                                    _mm512_or_si512(_mm512_slli_epi32(low, 16), _mm512_set1_epi32(0x8080e0)));
    __mmask16 from2 = _mm512_cmpge_epu32_mask(c, _mm512_set1_epi32(0x80)), from3 = _mm512_cmpge_epu32_mask(c, _mm512_set1_epi32(0x800));
    __m512i out = _mm512_mask_mov_epi32(_mm512_mask_mov_epi32(c, from2, two), from3, three);
    uint64_t used = 0x1111111111111111u | _pdep_u64(from2, 0x2222222222222222u) | _pdep_u64(from3, 0x4444444444444444u);
    *v = _mm512_mask_expand_epi8(*v, digits, out);
    return _pdep_u64(used, digits);
}

typedef struct text512 { /* an unescape under way */
    const uint8_t *p, *end;
    uint8_t *out;
    uint64_t top;
    __m512i low, high; /* spi_simple_escape of the lower seven bits of a byte */
} text512;

/* Reads the block at p, of which `all` is there. 0 at the end of the string. */
TARGET static inline __attribute__((always_inline)) int unescape512(text512 *t, __m512i v, uint64_t all, uint32_t *flags) {
    uint64_t slash = equal512(v, '\\'), quote = equal512(v, '"'), keep = all, escaped = 0, text_top = _mm512_movepi8_mask(v);
    uint64_t stop = _mm512_cmplt_epu8_mask(v, _mm512_set1_epi8(0x20)) & all, first = stop | quote;
    unsigned n = (unsigned)_mm_popcnt_u64(all);
    if (slash & ((first & (0u - first)) - 1)) { /* there is one before whatever may end the string */
        const uint64_t odd_bits = 0xaaaaaaaaaaaaaaaau;
        uint64_t code = (((slash << 1) | odd_bits) - slash) ^ odd_bits; /* a block begins outside of escapes */
        uint64_t escape = code & slash;
        escaped = code ^ slash;
        uint64_t last = escape & (uint64_t)1 << 63; /* its second half is in the next block */
        uint64_t us = equal512(v, 'u') & escaped;
        __m512i plain = _mm512_permutex2var_epi8(t->low, v, t->high);
        uint64_t simple = _mm512_mask_test_epi8_mask(escaped & ~text_top, plain, plain);
        uint64_t odd = ((escaped & ~(simple | us)) >> 1) | last; /* at the backslash */
        v = _mm512_mask_mov_epi8(v, simple, plain);
        keep &= ~escape;
        if (us) {
            uint64_t fits = us & (all >> 4), cut = us & ~fits, bad = 0;
            uint64_t ends = odd | cut >> 1 | (stop | (quote & ~escaped)); /* what comes behind the first of these is not looked at */
            fits &= (ends & (0u - ends)) - 1;
            uint64_t digits = fits << 1 | fits << 2 | fits << 3 | fits << 4;
            if (fits) keep = (keep & ~(us | digits)) | unicode512(&v, fits, digits, &bad);
            odd |= (cut | bad) >> 1;
        }
        stop |= odd;
    }
    stop |= quote & ~escaped;
    if (stop) {
        n = (unsigned)_tzcnt_u64(stop);
        keep = _bzhi_u64(keep, n);
        text_top = _bzhi_u64(text_top, n);
    }
    unsigned kept = (unsigned)_mm_popcnt_u64(keep);
    __m512i packed = _mm512_maskz_compress_epi8(keep, v);
    if (all == ~(uint64_t)0) _mm512_storeu_si512(t->out, packed); /* as much room is left as text */
    else _mm512_mask_storeu_epi8(t->out, _bzhi_u64(~(uint64_t)0, kept), packed);
    t->top |= text_top;
    t->out += kept;
    t->p += n;
    if (!stop) return 1;
    if (*t->p != '\\') return 0;
    if (n) return 1; /* once more, with all of the escape in the block */
    uint8_t *o = t->out;
    const uint8_t *next = sp_escape(t->p, t->end, &o, flags);
    t->out = o;
    if (next) t->p = next;
    return next != NULL;
}

TARGET static const uint8_t *avx512_unescape(const uint8_t *p, const uint8_t *end, uint8_t **out, uint32_t *high, uint32_t *flags) {
    text512 t = {p, end, *out, 0, _mm512_loadu_si512(spi_simple_escape), _mm512_loadu_si512(spi_simple_escape + 64)};
    int on = 1;
    while (on && end - t.p >= 64) on = unescape512(&t, _mm512_loadu_si512(t.p), ~(uint64_t)0, flags);
    while (on && t.p < end) {
        block512 b = load512(t.p, end);
        on = unescape512(&t, b.v, b.all, flags);
    }
    *high |= t.top != 0;
    *out = t.out;
    return t.p;
}

TARGET static inline marks avx512_marks(const uint8_t *p) {
    __m512i v = _mm512_loadu_si512(p), w = _mm512_or_si512(v, _mm512_set1_epi8(0x20));
    return (marks){equal512(v, '"'), equal512(v, '\\'), equal512(v, '\n'), equal512(w, '{'), equal512(w, '}')};
}

TARGET static inline uint64_t avx512_between(uint64_t x) { return avx2_between(x); }

#include "sp_kernel_strings.h"

static const sp_kernel avx512_kernel = {"avx512", 32, avx512_find, avx512_unescape, avx2_utf8, avx512_strings, sp_x128_avx512};

const sp_kernel *spi_kernel_vectors(size_t i) {
    static const sp_kernel *const kernels[] = {&avx512_kernel, &avx2_kernel, &sse2_kernel};
    int avx2 = __builtin_cpu_supports("avx2") && __builtin_cpu_supports("bmi") && __builtin_cpu_supports("bmi2") &&
               __builtin_cpu_supports("pclmul");
    int avx512 = avx2 && __builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512bw") && __builtin_cpu_supports("avx512vl") &&
                 __builtin_cpu_supports("avx512vbmi") && __builtin_cpu_supports("avx512vbmi2");
    i += avx512 ? 0 : avx2 ? 1 : 2;
    return i < sizeof kernels / sizeof *kernels ? kernels[i] : NULL;
}

#endif
