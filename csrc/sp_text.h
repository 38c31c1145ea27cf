/* Byte views and text: UTF-8, byte classes, unescaping. No locale, no NUL-terminated payload. */
#ifndef SP_TEXT_H
#define SP_TEXT_H

#include <stddef.h>
#include <stdint.h>
#include <string.h>

#define SP_NULL_INT INT64_MIN /* a number that is not there */

/* Bytes that somebody else owns. p NULL means "no value"; an empty value has p != NULL and n == 0. */
typedef struct sp_view {
    const uint8_t *p;
    size_t n;
} sp_view;

#define SP_VIEW(literal) ((sp_view){(const uint8_t *)(literal), sizeof(literal) - 1})
static inline int sp_view_eq(sp_view a, sp_view b) { return a.n == b.n && (a.n == 0 || memcmp(a.p, b.p, a.n) == 0); }

/* Offset of the first byte of the first sequence that is not UTF-8 (overlong, surrogate, beyond U+10FFFF, cut, stray), or n. */
size_t sp_utf8_check(const uint8_t *p, size_t n);

struct sp_kernel;
/* Unescapes the inside of a JSON string that is known to be valid (what stands between the quotes). Writes at most n bytes to
   out; returns how many. Lone surrogates become their three bytes. Sets SP_FLAG_LONE_SURROGATE, SP_FLAG_NUL_ESCAPE in *flags. */
size_t sp_unescape(const struct sp_kernel *k, const uint8_t *p, size_t n, uint8_t *out, uint32_t *flags);

/* For `count` ascending offsets into the unescaped text of the string inside [p, p+n): replaces each by the offset of the byte of
   p at which the character begins that holds it. An offset of the unescaped length gives n. */
void sp_unescape_map(const uint8_t *p, size_t n, size_t *offsets, size_t count);

/* Decodes base64 (RFC 4648, padding optional, CR and LF skipped). Returns the length, or SIZE_MAX when it is none.
   out needs 3 * (n / 4) + 3 bytes. */
size_t sp_base64(const uint8_t *p, size_t n, uint8_t *out);

#endif
