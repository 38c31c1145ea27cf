/* The canonical text of a JSON number: docs/fingerprint.md, section 2.2. */
#ifndef SP_NUMBER_H
#define SP_NUMBER_H

#include <stddef.h>
#include <stdint.h>

/* p[0..n) is a valid JSON number. Writes its canonical text to out and returns its length; out needs max(n, 32) bytes.
   Sets SP_FLAG_BIG_INTEGER (integer literal beyond 2^53) or SP_FLAG_NUMBER_OVERFLOW in *flags. Independent of the locale, exact
   (correctly rounded, shortest), no allocation, time linear in n up to a constant factor. Thread-safe. */
size_t sp_number_canon(const uint8_t *p, size_t n, uint8_t *out, uint32_t *flags);

#endif
