#include "sp_replay.h"

#include <pthread.h>
#include <stdatomic.h>

#ifdef __linux__
#include <sys/mman.h>
#endif

enum {
#ifdef SP_FUZZING /* small, so that a small input fills pages, and values fight for slots */
    SLOT_BITS = 5,
    LEAST_BLOCKS = 1 << 12,
    FIRST_BLOCKS = 1 << 11,
    LARGEST_PAGE = 1 << 9,
    LARGE_PAGE = 1 << 12,
#else
    SLOT_BITS = 16,
    LEAST_BLOCKS = 1 << 20,
    FIRST_BLOCKS = 4 << 20, /* bytes in use before it is known that more are of use */
    LARGEST_PAGE = 1 << 20,
    LARGE_PAGE = 1 << 21, /* of the system */
#endif
    SLOTS = 1 << SLOT_BITS,
    ALIGN = 16,
    LEAST_PAGES = 16, /* of a table */
    MISSED = 16,      /* more pages are in use when of the bytes of one that is filled one in so many would have been known */
    TOLD = 1 << 14,   /* news that a store remembers */
    TELL = 8          /* so many are worth a lock */
};
#define AT_REST UINT64_MAX

/* Pages are numbered as they are given out, and filled by one table each. Up to `allowed` of them are in use; then the oldest is given out
   again, when no table has a horizon at or before its number. Tables set theirs to `floor`, which leaves some pages to be given out before
   the next time. New text is cheaper to keep where the last was, in the cache, so `allowed` begins low, and grows when values are seen again
   that were let go. */
struct sp_replay_store {
    const sp_alloc *alloc;
    pthread_mutex_t lock;
    unsigned tables;
    size_t page_size;
    uint64_t page_count, next_page, in_use, allowed; /* under the lock */
    uint16_t *places;                                /* of the pages in use, by their number % page_count; the same */
    _Atomic uint64_t floor, told;                    /* changed under the lock; told: news that there ever were */
    uint64_t *horizons;                              /* by table, under the lock */
    sp_replay_news *news;                            /* news i is at i % TOLD; under the lock */
    uint8_t *blocks;
    void *memory;
};

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

static const size_t table_bytes = LARGE_PAGE + SLOTS * (sizeof(uint16_t) + sizeof(sp_replay_value));

sp_replay_store *sp_replay_store_new(const sp_alloc *a, size_t bytes, unsigned tables) {
    size_t share = bytes < table_bytes + LEAST_BLOCKS ? 0 : bytes - table_bytes;
    if (!share || !tables) return NULL;
    size_t ahead = 2 * ((size_t)tables - 1), most = UINT32_MAX - LARGE_PAGE - ahead * LARGEST_PAGE; /* places have 32 bits */
    if (share > most) share = most;
    sp_replay_store *s = a->resize(a->ctx, NULL, sizeof *s);
    if (!s) return NULL;
    memset(s, 0, sizeof *s);
    s->alloc = a;
    s->tables = tables;
    s->page_size = share / LEAST_PAGES > LARGEST_PAGE ? LARGEST_PAGE : share / LEAST_PAGES & ~(size_t)(ALIGN - 1);
    s->page_count = share / s->page_size + ahead; /* the more tables, the more pages are kept free: see turn_page */
    s->allowed = FIRST_BLOCKS / s->page_size + ahead;
    if (s->allowed > s->page_count) s->allowed = s->page_count;
    pthread_mutex_init(&s->lock, NULL);
    s->horizons = a->resize(a->ctx, NULL, tables * sizeof *s->horizons);
    s->news = tables > 1 ? a->resize(a->ctx, NULL, TOLD * sizeof *s->news) : NULL;
    s->places = a->resize(a->ctx, NULL, s->page_count * sizeof *s->places);
    s->memory = a->resize(a->ctx, NULL, LARGE_PAGE + s->page_count * s->page_size);
    if (!s->horizons || (tables > 1 && !s->news) || !s->places || !s->memory) {
        sp_replay_store_free(s);
        return NULL;
    }
    for (unsigned i = 0; i < tables; i++) s->horizons[i] = AT_REST;
    s->blocks = on_large_pages(s->memory, s->page_count * s->page_size);
    return s;
}

void sp_replay_store_free(sp_replay_store *s) {
    if (!s) return;
    pthread_mutex_destroy(&s->lock);
    sp_release(s->alloc, s->horizons);
    sp_release(s->alloc, s->news);
    sp_release(s->alloc, s->places);
    sp_release(s->alloc, s->memory);
    sp_release(s->alloc, s);
}

uint64_t sp_replay_store_rounds(sp_replay_store *s) {
    pthread_mutex_lock(&s->lock);
    uint64_t rounds = s->next_page / s->page_count;
    pthread_mutex_unlock(&s->lock);
    return rounds;
}

size_t sp_replay_store_used(sp_replay_store *s) {
    pthread_mutex_lock(&s->lock);
    size_t used = (size_t)s->in_use * s->page_size;
    pthread_mutex_unlock(&s->lock);
    return used;
}

sp_replay *sp_replay_new(const sp_alloc *a, sp_replay_store *s, unsigned number) {
    const size_t tags = SLOTS * sizeof(uint16_t), values = SLOTS * sizeof(sp_replay_value);
    sp_replay *r = a->resize(a->ctx, NULL, sizeof *r);
    if (!r) return NULL;
    memset(r, 0, sizeof *r);
    r->alloc = a;
    r->store = s;
    r->number = number;
    r->horizon = AT_REST;
    r->blocks = s->blocks;
    r->memory = a->resize(a->ctx, NULL, LARGE_PAGE + tags + values);
    if (!r->memory) {
        sp_replay_free(r);
        return NULL;
    }
    uint8_t *p = on_large_pages(r->memory, tags + values);
    r->tags = (uint16_t *)(void *)p;
    r->values = (sp_replay_value *)(void *)(p + tags);
    memset(r->tags, 0, tags);
    return r;
}

void sp_replay_free(sp_replay *r) {
    if (!r) return;
    sp_release(r->alloc, r->memory);
    sp_release(r->alloc, r);
}

static const uint8_t *block(const sp_replay *r, const sp_replay_value *v) { return r->blocks + v->is.at; }

const sp_mark *sp_replay_marks(const sp_replay *r, const sp_replay_value *v) { return (const sp_mark *)(const void *)block(r, v); }

const uint8_t *sp_replay_bytes(const sp_replay *r, const sp_replay_value *v) {
    return block(r, v) + v->is.marks * sizeof(sp_mark) + v->is.text_n;
}

static void lead_to(const sp_replay *r, sp_replay_value *v, const sp_replay_value *next) {
    v->next_slot = (uint32_t)(next - r->values);
    v->next_marks = next->is.at;
    v->next_bytes = (uint32_t)(sp_replay_bytes(r, next) - r->blocks);
}

/* ---- between two exchanges ---- */

static void set_value(sp_replay *r, uint32_t slot, uint16_t tag, const sp_replay_result *v) {
    sp_replay_value *kept = &r->values[slot];
    kept->is = *v;
    kept->next_slot = slot;
    kept->next_marks = kept->next_bytes = v->at;
    kept->note = (sp_replay_note){.bit_n = SP_REPLAY_BITS + 1};
    r->tags[slot] = tag;
}

/* The lock is held. */
static void tell(sp_replay *r) {
    sp_replay_store *s = r->store;
    uint64_t told = atomic_load_explicit(&s->told, memory_order_relaxed);
    for (uint32_t i = 0; i < r->news_n; i++) s->news[told++ % TOLD] = r->news[i];
    atomic_store_explicit(&s->told, told, memory_order_relaxed);
    r->news_n = 0;
}

/* The lock is held, and the horizon set. What the table has itself stays: it has notes. */
static void hear(sp_replay *r) {
    sp_replay_store *s = r->store;
    uint64_t told = atomic_load_explicit(&s->told, memory_order_relaxed);
    for (uint64_t i = told - r->heard > TOLD ? told - TOLD : r->heard; i < told; i++) {
        const sp_replay_news *x = &s->news[i % TOLD];
        if (x->from == r->number || x->value.age < r->horizon) continue;
        if (r->tags[x->slot] == x->tag && r->values[x->slot].is.age >= r->horizon) continue;
        set_value(r, x->slot, x->tag, &x->value);
        if (x->after != x->slot) lead_to(r, &r->values[x->after], &r->values[x->slot]);
    }
    r->heard = told;
}

void sp_replay_round(sp_replay *r) {
    sp_replay_store *s = r->store;
    uint64_t floor = atomic_load_explicit(&s->floor, memory_order_relaxed), told = atomic_load_explicit(&s->told, memory_order_relaxed);
    if (r->pinned) memset(r->pins, 0, sizeof r->pins);
    r->pinned = 0;
    r->last = NULL;
    if (floor == r->horizon && told == r->heard && r->news_n < TELL) return;
    pthread_mutex_lock(&s->lock);
    r->horizon = s->horizons[r->number] = atomic_load_explicit(&s->floor, memory_order_relaxed);
    tell(r);
    hear(r);
    pthread_mutex_unlock(&s->lock);
}

void sp_replay_rest(sp_replay *r) {
    pthread_mutex_lock(&r->store->lock);
    tell(r);
    r->horizon = r->store->horizons[r->number] = AT_REST;
    pthread_mutex_unlock(&r->store->lock);
}

/* The lock is held. Whether the oldest page may go. */
static int is_free(const sp_replay_store *s) {
    int free = 1;
    for (unsigned i = 0; i < s->tables; i++) free = free && (s->horizons[i] == AT_REST || s->horizons[i] + s->in_use > s->next_page);
    return free;
}

/* Another page to be filled. 0: none is free. */
static int turn_page(sp_replay *r) {
    sp_replay_store *s = r->store;
    pthread_mutex_lock(&s->lock);
    if (r->missed > s->page_size / MISSED) s->allowed = 2 * s->allowed < s->page_count ? 2 * s->allowed : s->page_count;
    r->missed = 0;
    int fresh = s->in_use < s->allowed, turned = fresh || is_free(s);
    if (turned) {
        uint64_t place = fresh ? s->in_use : s->places[(s->next_page - s->in_use) % s->page_count];
        s->in_use += (uint64_t)fresh;
        s->places[s->next_page % s->page_count] = (uint16_t)place;
        r->page = s->next_page++;
        r->free = (size_t)place * s->page_size;
        r->free_end = r->free + s->page_size;
        uint64_t ahead = s->next_page + 2 * (uint64_t)s->tables;
        if (ahead > s->allowed + atomic_load_explicit(&s->floor, memory_order_relaxed))
            atomic_store_explicit(&s->floor, ahead - s->allowed, memory_order_relaxed);
    }
    pthread_mutex_unlock(&s->lock);
    return turned;
}

static uint64_t *pin_of(sp_replay *r, size_t slot, uint64_t *bit) {
    *bit = UINT64_C(1) << (slot & 63);
    return &r->pins[slot / 64 % SP_REPLAY_PINS];
}

void sp_replay_pin(sp_replay *r, sp_replay_value *v) {
    uint64_t bit, *pins = pin_of(r, (size_t)(v - r->values), &bit);
    *pins |= bit;
    r->pinned = 1;
}

/* ---- look-up ---- */

static uint64_t word(const uint8_t *p) {
    uint64_t w;
    memcpy(&w, p, sizeof w);
    return w;
}

static uint64_t mix(uint64_t a, uint64_t b) {
    unsigned __int128 m = (unsigned __int128)a * b;
    return (uint64_t)m ^ (uint64_t)(m >> 64);
}

/* v follows the last one. What follows v comes next: it is fetched while v is looked at. */
static void follow(sp_replay *r, sp_replay_value *v) {
    if (r->last) lead_to(r, r->last, v);
    r->last = v;
    const uint8_t *marks = r->blocks + v->next_marks, *bytes = r->blocks + v->next_bytes;
    __builtin_prefetch(&r->tags[v->next_slot]);
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
    if (r->tags[slot] != *tag) {
        __builtin_prefetch(&r->values[slot], 1); /* it will be put here */
        __builtin_prefetch((const uint8_t *)&r->values[slot] + 64, 1);
        return slot;
    }
    sp_replay_value *v = &r->values[slot];
    int same = memcmp(&v->is.place, &place, sizeof place) == 0 && v->is.n <= (size_t)(end - p);
    if (same && v->is.age < r->horizon) r->missed += v->is.n; /* its bytes are gone: probably the same */
    else if (same && memcmp(sp_replay_bytes(r, v), p, v->is.n) == 0) {
        *found = v;
        follow(r, v);
    }
    return slot;
}

void sp_replay_put(sp_replay *r, uint32_t slot, uint16_t tag, const sp_replay_result *v, const uint8_t *p, const sp_mark *marks,
                   uint32_t base, const uint8_t *text) {
    size_t text_n = 0, start = (size_t)(p - text);
    for (uint32_t i = 0; i < v->marks; i++)
        if (marks[i].value.p && !(marks[i].value.p >= p && marks[i].value.p <= p + v->n)) text_n += marks[i].value.n;
    size_t need = v->marks * sizeof *marks + text_n + v->n;
    need = (need + ALIGN - 1) & ~(size_t)(ALIGN - 1);
    uint64_t bit, *pins = pin_of(r, slot, &bit);
    if (need > r->store->page_size || *pins & bit) return;
    if ((r->page < r->horizon || need > r->free_end - r->free) && !turn_page(r)) return;
    sp_replay_result kept = *v;
    kept.at = (uint32_t)r->free;
    kept.age = (uint32_t)r->page;
    kept.text_n = (uint32_t)text_n;
    uint32_t after = r->last ? (uint32_t)(r->last - r->values) : slot;
    r->free += need;
    r->kept++;
    set_value(r, slot, tag, &kept);
    uint8_t *room = r->blocks + kept.at, *texts = room + v->marks * sizeof *marks, *bytes = texts + text_n;
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
    if (r->store->tables > 1 && r->news_n < SP_REPLAY_NEWS)
        r->news[r->news_n++] = (sp_replay_news){.value = kept, .slot = slot, .after = after, .tag = tag, .from = (uint16_t)r->number};
    follow(r, &r->values[slot]);
}
