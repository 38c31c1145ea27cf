/* Bodies of the vector kernels find and unescape; their units include this once per instruction set, with KERNEL(name), TARGET, and
   `KERNEL(block)` (masks of the 64 bytes at p) and `KERNEL(copy64)` defined. No include guard on purpose. */

TARGET static const uint8_t *KERNEL(find)(const uint8_t *p, const uint8_t *end, uint32_t *high) {
    for (; end - p >= 64; p += 64) {
        masks m = KERNEL(block)(p);
        uint64_t special = m.quote | m.slash | m.control;
        if (special) {
            *high |= (m.high & ((special & (0u - special)) - 1)) != 0;
            return p + __builtin_ctzll(special);
        }
        *high |= m.high != 0;
    }
    return spi_plain_find(p, end, high);
}

/* 64 bytes are classified at once; then the loop hops from escape to escape along the bit mask, so that no hop waits for a compare.
   Runs between escapes are copied as 64 bytes, whatever their length, hence the margin of 128 (the output never gets ahead of the
   input). `o` stays out of memory: calls get a copy. */
TARGET static const uint8_t *KERNEL(unescape)(const uint8_t *p, const uint8_t *end, uint8_t **out, uint32_t *high, uint32_t *flags) {
    uint8_t *o = *out, *behind;
    while (end - p >= 128) {
        masks m = KERNEL(block)(p);
        uint64_t special = m.quote | m.slash | m.control;
        size_t at = 0; /* bytes of the block that are done */
        while (special) {
            size_t k = (size_t)__builtin_ctzll(special);
            KERNEL(copy64)(o, p + at);
            o += k - at;
            const uint8_t *next = p + k + 2;
            *o = m.slash >> k & 1 ? spi_simple_escape[p[k + 1]] : 0;
            if (*o == 0) { /* \u, or the end */
                behind = o;
                next = m.slash >> k & 1 ? sp_escape(p + k, end, &behind, flags) : NULL;
                if (!next) {
                    *high |= (m.high & (((uint64_t)1 << k) - 1)) != 0;
                    p += k;
                    goto out;
                }
                o = behind - 1;
            }
            at = (size_t)(next - p);
            o++;
            if (at >= 64) break;
            special &= ~(uint64_t)0 << at;
        }
        *high |= m.high != 0;
        if (at < 64) {
            KERNEL(copy64)(o, p + at);
            o += 64 - at;
            at = 64;
        }
        p += at;
    }
    behind = o;
    p = spi_plain_unescape(p, end, &behind, high, flags);
    o = behind;
out:
    *out = o;
    return p;
}
