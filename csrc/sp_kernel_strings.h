/* Body of the vector kernel strings, as sp_kernel_body.h; `KERNEL(marks)` (of the 64 bytes at p) and `KERNEL(between)` (bits up to and with
   each odd one of x are set: between quotes, the first one included) are defined. */

TARGET static const uint8_t *KERNEL(strings)(const uint8_t *p, const uint8_t *end, sp_strings *at, sp_signs *signs) {
    uint64_t inside = at->inside, carry = at->carry;
    for (; end - p >= 64; p += 64) {
        marks m = KERNEL(marks)(p);
        uint64_t string = KERNEL(between)(m.quote & ~escaped_by(m.slash, &carry)) ^ inside;
        inside = 0 - (string >> 63);
        if (m.feed | ((m.opens | m.closes | m.slash) & ~string)) {
            *signs = (sp_signs){string, m.opens & ~string, m.closes & ~string, m.feed & ~string, (m.feed & string) | (m.slash & ~string)};
            break;
        }
    }
    *at = (sp_strings){inside, carry};
    return p;
}
