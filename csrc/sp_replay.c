#include "sp_replay.h"

#ifdef __linux__
#include <sys/mman.h>
#endif

enum {
    SLOT_BITS = 16,
    SLOTS = 1 << SLOT_BITS,
    ALIGN = 16,
    LEAST_RING = 1 << 20,
    LARGE_PAGE = 1 << 21
};
#define UNPINNED (UINT64_MAX / 2) /* beyond all that a ring will ever take */

/* Values are read all over the memory, so large pages pay. Only a hint: nothing depends on it. */
static uint8_t *on_large_pages(uint8_t *p, size_t n) {
    uint8_t *start = p + (LARGE_PAGE - (uintptr_t)p % LARGE_PAGE) % LARGE_PAGE;
#ifdef MADV_HUGEPAGE
    madvise(start, n & ~(size_t)(LARGE_PAGE - 1), MADV_HUGEPAGE);
#else
    (void)n;
#endif
    return start;
}

sp_replay *sp_replay_new(const sp_alloc *a, size_t bytes) {
    const size_t tags = SLOTS * sizeof(uint16_t), values = SLOTS * sizeof(sp_replay_value),
                 fixed = sizeof(sp_replay) + LARGE_PAGE + tags + values;
    if (bytes < fixed + LEAST_RING) return NULL;
    sp_replay *r = a->resize(a->ctx, NULL, sizeof *r);
    if (!r) return NULL;
    *r = (sp_replay){.alloc = a, .round = 1, .oldest = UNPINNED, .ring_size = (bytes - fixed) & ~(size_t)(ALIGN - 1)};
    r->memory = a->resize(a->ctx, NULL, LARGE_PAGE + tags + values + r->ring_size);
    if (!r->memory) {
        sp_replay_free(r);
        return NULL;
    }
    uint8_t *p = on_large_pages(r->memory, tags + values + r->ring_size);
    r->tags = (uint16_t *)(void *)p;
    r->values = (sp_replay_value *)(void *)(p + tags);
    r->ring = p + tags + values;
    memset(r->tags, 0, tags);
    return r;
}

void sp_replay_free(sp_replay *r) {
    if (!r) return;
    sp_release(r->alloc, r->memory);
    sp_release(r->alloc, r);
}

void sp_replay_round(sp_replay *r) {
    r->round++;
    r->last = NULL;
    r->oldest = UNPINNED;
}

void sp_replay_pin(sp_replay *r, sp_replay_value *v) {
    v->pinned = r->round;
    if (v->at < r->oldest) r->oldest = v->at;
}

static uint64_t word(const uint8_t *p) {
    uint64_t w;
    memcpy(&w, p, sizeof w);
    return w;
}

static uint64_t mix(uint64_t a, uint64_t b) {
    unsigned __int128 m = (unsigned __int128)a * b;
    return (uint64_t)m ^ (uint64_t)(m >> 64);
}

static const uint8_t *block(const sp_replay *r, const sp_replay_value *v) { return r->ring + v->at % r->ring_size; }

const sp_mark *sp_replay_marks(const sp_replay *r, const sp_replay_value *v) { return (const sp_mark *)(const void *)block(r, v); }

const uint8_t *sp_replay_bytes(const sp_replay *r, const sp_replay_value *v) {
    return block(r, v) + v->marks * sizeof(sp_mark) + v->text_n;
}

/* v follows the last one. What follows v comes next: it is fetched while v is looked at. */
static void follow(sp_replay *r, sp_replay_value *v) {
    if (r->last) {
        r->last->next_slot = (uint32_t)(v - r->values);
        r->last->next_marks = (uint32_t)(block(r, v) - r->ring);
        r->last->next_bytes = (uint32_t)(sp_replay_bytes(r, v) - r->ring);
    }
    r->last = v;
    const uint8_t *marks = r->ring + v->next_marks, *bytes = r->ring + v->next_bytes;
    __builtin_prefetch(&r->values[v->next_slot], 1);
    __builtin_prefetch((const uint8_t *)&r->values[v->next_slot] + 64, 1);
    __builtin_prefetch(marks); /* one mark stands for all, most often */
    __builtin_prefetch(marks + 64);
    for (unsigned i = 0; i < 512; i += 64) __builtin_prefetch(bytes + i);
}

uint32_t sp_replay_find(sp_replay *r, const uint8_t *p, const uint8_t *end, sp_replay_place place, uint16_t *tag, sp_replay_value **found) {
    uint64_t h = mix(word(p + 32) ^ 0x9e3779b97f4a7c15u, word(p + 40) ^ 0xc2b2ae3d27d4eb4fu) ^
                 mix(word(p + 48) ^ (0xd6e8feb86659fd93u + place.node), word(p + 56) ^ 0xa0761d6478bd642fu) ^
                 mix(word(p + 72) ^ 0xe7037ed1a0b428dbu, word(p + 88) ^ 0x8ebc6af09c88c6e3u) ^
                 mix(word(p + 104) ^ 0x589965cc75374cc3u, word(p + 120) ^ 0x1d8e4e27c47d124fu);
    uint32_t slot = (uint32_t)h & (SLOTS - 1);
    *tag = (uint16_t)(h >> 48 | 1);
    *found = NULL;
    if (r->tags[slot] != *tag) return slot;
    sp_replay_value *v = &r->values[slot];
    int same = v->place.node == place.node && v->place.depth == place.depth && r->ring_end - v->at <= r->ring_size &&
               v->n <= (size_t)(end - p) && memcmp(sp_replay_bytes(r, v), p, v->n) == 0;
    if (same) {
        *found = v;
        follow(r, v);
    }
    return slot;
}

void sp_replay_put(sp_replay *r, uint32_t slot, uint16_t tag, const sp_replay_value *v, const uint8_t *p, const sp_mark *marks,
                   uint32_t base, const uint8_t *text) {
    size_t text_n = 0, start = (size_t)(p - text);
    for (uint32_t i = 0; i < v->marks; i++)
        if (marks[i].value.p && !(marks[i].value.p >= p && marks[i].value.p <= p + v->n)) text_n += marks[i].value.n;
    size_t need = v->marks * sizeof *marks + text_n + v->n;
    need = (need + ALIGN - 1) & ~(size_t)(ALIGN - 1);
    uint64_t at = r->ring_end;
    if (at % r->ring_size + need > r->ring_size) at += r->ring_size - at % r->ring_size; /* never in two pieces */
    sp_replay_value *kept = &r->values[slot];
    if (need > r->ring_size / 4 || (r->tags[slot] && kept->pinned == r->round) || at + need > r->ring_size + r->oldest) return;
    *kept = *v;
    kept->at = at;
    kept->text_n = (uint32_t)text_n;
    kept->pinned = 0;
    kept->next_slot = slot;
    kept->next_marks = kept->next_bytes = 0;
    kept->note = (sp_replay_note){.bit_n = SP_REPLAY_BITS + 1};
    r->tags[slot] = tag;
    r->ring_end = at + need;
    uint8_t *room = r->ring + at % r->ring_size, *texts = room + v->marks * sizeof *marks, *bytes = texts + text_n;
    sp_mark *copy = (sp_mark *)(void *)room;
    for (uint32_t i = 0; i < v->marks; i++) {
        sp_mark *m = &copy[i];
        *m = marks[i];
        m->start -= start;
        m->end -= start;
        m->parent = m->parent == SP_NO_MARK || m->parent < base ? SP_NO_MARK : m->parent - base;
        if (!m->value.p) continue;
        if (m->value.p >= p && m->value.p <= p + v->n) m->value.p = bytes + (m->value.p - p);
        else {
            if (m->value.n) memcpy(texts, m->value.p, m->value.n);
            m->value.p = texts;
            texts += m->value.n;
        }
    }
    memcpy(bytes, p, v->n);
    follow(r, kept);
}
