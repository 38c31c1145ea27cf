/* Members of an object in the order of their key hashes. */
#ifndef SP_ORDER_H
#define SP_ORDER_H

#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include "sp_hash.h"

typedef struct sp_entry {
    uint64_t key;    /* first 8 bytes of the key hash as a number */
    uint32_t member; /* place in document order */
} sp_entry;

/* Sorts n members (pairs[2 i] is the key hash of member i) by all 16 bytes, equal ones in document order. `room` has 2 n entries; the
   result is one of its halves. O(n log n). */
const sp_entry *sp_order_sort(const sp_digest *pairs, uint32_t n, sp_entry *room);

void sp_order_words(uint64_t *v, size_t n, uint64_t *room); /* ascending; room for n more */

enum {
    SP_ORDER_FEW = 16
};

/* The same for 2 <= n <= SP_ORDER_FEW without branches on the data: place[i] is where member i belongs. Returns 0 when two keys begin
   with the same 8 bytes; then `place` is of no use. */
static inline int sp_order_few(const sp_digest *pairs, uint32_t n, uint8_t place[SP_ORDER_FEW]) {
    uint64_t key[SP_ORDER_FEW];
    uint32_t same = 0;
    for (uint32_t i = 0; i < n; i++) {
        uint8_t mine = 0;
        key[i] = sp_hash_word(pairs[2 * i].b);
        for (uint32_t j = 0; j < i; j++) {
            uint8_t after = key[j] > key[i];
            place[j] = (uint8_t)(place[j] + after);
            mine = (uint8_t)(mine + !after);
            same |= key[j] == key[i];
        }
        place[i] = mine;
    }
    return !same;
}

#endif
