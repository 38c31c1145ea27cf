/* Bottom-up merge sort: stable, no recursion, and no input makes it slow. */
#include "sp_order.h"

static int is_before(const sp_digest *pairs, const sp_entry *a, const sp_entry *b) {
    if (a->key != b->key) return a->key < b->key;
    return memcmp(pairs[2 * (size_t)a->member].b, pairs[2 * (size_t)b->member].b, sizeof pairs->b) < 0;
}

const sp_entry *sp_order_sort(const sp_digest *pairs, uint32_t n, sp_entry *room) {
    sp_entry *from = room, *to = room + n;
    for (uint32_t i = 0; i < n; i++) from[i] = (sp_entry){sp_hash_word(pairs[2 * (size_t)i].b), i};
    for (size_t width = 1; width < n; width *= 2) {
        for (size_t low = 0; low < n; low += 2 * width) {
            size_t middle = low + width < n ? low + width : n, high = middle + width < n ? middle + width : n;
            size_t a = low, b = middle;
            for (size_t o = low; o < high; o++) {
                int left = a < middle && (b >= high || !is_before(pairs, &from[b], &from[a]));
                to[o] = left ? from[a++] : from[b++];
            }
        }
        sp_entry *t = from;
        from = to;
        to = t;
    }
    return from;
}

void sp_order_words(uint64_t *v, size_t n, uint64_t *room) {
    uint64_t *from = v, *to = room;
    for (size_t width = 1; width < n; width *= 2) {
        for (size_t low = 0; low < n; low += 2 * width) {
            size_t middle = low + width < n ? low + width : n, high = middle + width < n ? middle + width : n;
            size_t a = low, b = middle;
            for (size_t o = low; o < high; o++) to[o] = a < middle && (b >= high || from[a] <= from[b]) ? from[a++] : from[b++];
        }
        uint64_t *t = from;
        from = to;
        to = t;
    }
    if (from != v) memcpy(v, from, n * sizeof *v);
}
