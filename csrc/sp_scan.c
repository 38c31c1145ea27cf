/* The scan: one loop over the tokens of a JSON text with an explicit stack of frames. */
#include "sp_scan_impl.h"

#include "sp_hash_inl.h"
#include "sp_number.h"
#include "sp_order.h"

enum {
    SHAPED_OBJECT = 3, /* deepest object depth at which an object … */
    SHAPED_ARRAY = 4,  /* … and an array has a shape of its own */
    FEW_SHAPES = 8,    /* up to here an array keeps its distinct shapes without sorting */
    PLAIN_DIGITS = 15, /* an integer of so many digits is below 2^53 and its own canonical text */
    KEPT = SP_NODE_BODY | SP_NODE_TEXT | SP_NODE_LONG,
    SPARE = 4, /* free places on the hash stack at the start of a value: value or header, next name, value of an open member */
};

/* X64 of one letter (docs/fingerprint.md, section 4); test_scan.c computes them anew. */
static const uint64_t letter[] = {
    [SP_NULL] = 0xcbaa0f6724ae8b0au,   [SP_FALSE] = 0x575a0b1c44d8843fu,  [SP_TRUE] = 0x575a0b1c44d8843fu,
    [SP_NUMBER] = 0x1982e3a7bb241055u, [SP_STRING] = 0xd6b9d4d14ff6be13u, [SP_OBJECT] = 0xf445b65c72ed012bu,
    [SP_ARRAY] = 0xe6c632b61e964e1fu,
};

static const sp_digest array_header = {{'['}}, object_header = {{'{'}};

void sp_scan_init(sp_scan *s, const sp_alloc *a, const sp_limits *limits) {
    *s = (sp_scan){.alloc = a, .limits = limits, .kernel = sp_kernel_best()};
    sp_arena_init(&s->arena, a);
}

void sp_scan_reset(sp_scan *s) {
    s->mark_count = s->folded = 0;
    s->flags = 0;
    s->nodes = 0;
    if (s->replay) sp_replay_round(s->replay);
    sp_arena_reset(&s->arena);
}

void sp_scan_fini(sp_scan *s) {
    sp_release(s->alloc, s->marks);
    sp_release(s->alloc, s->frames);
    sp_release(s->alloc, s->hashes);
    sp_release(s->alloc, s->shapes);
    sp_release(s->alloc, s->firsts);
    sp_release(s->alloc, s->buf);
    sp_replay_free(s->replay);
    sp_arena_fini(&s->arena);
    *s = (sp_scan){.alloc = s->alloc, .limits = s->limits, .kernel = s->kernel};
}

/* One copy of the inlined hash for the whole file; calls are cheaper than the code. */
static sp_digest hash(const sp_kernel *k, const void *p, size_t n) {
    return LIKELY(n < SP_HASH_LONG) ? sp_x128_inline(p, n) : k->hash(p, n);
}

void sp_scan_hash_body(sp_scan *s, uint32_t mark) {
    sp_mark *m = &s->marks[mark];
    m->hash = hash(s->kernel, m->value.p - 1, m->value.n + 1);
}

/* ---- tokens ---- */

static inline const uint8_t *skip_space(const uint8_t *p, const uint8_t *end) {
    while (p < end && (*p == ' ' || *p == '\n' || *p == '\r' || *p == '\t')) p++;
    return p;
}

static const uint8_t *fail(walk *w, sp_status status) {
    w->status = status;
    return NULL;
}

/* What follows the string of which [inside, at) was read, or NULL. */
static const uint8_t *string_end(walk *w, const uint8_t *inside, const uint8_t *at, uint32_t high) {
    if (at == w->end) return fail(w, SP_ERR_TRUNCATED);
    if (*at != '"') return fail(w, *at == '\\' ? SP_ERR_INVALID_ESCAPE : SP_ERR_CONTROL_CHARACTER);
    if (high && !w->kernel->utf8(inside, (size_t)(at - inside))) return fail(w, SP_ERR_INVALID_UTF8);
    return at + 1;
}

/* A string with escapes or bytes beyond ASCII; `at` is the first special byte. As read_string. */
static const uint8_t *read_odd_string(walk *w, const uint8_t *p, const uint8_t *at, uint32_t high) {
    sp_scan *s = w->s;
    const uint8_t *inside = p + 1;
    uint8_t *out;
    size_t plain = (size_t)(at - inside);
    w->string = (sp_view){p, plain};
    if (at < w->end && *at == '\\') {
        /* room for all that is left, so that nothing is checked on the way; pages that aren't written cost nothing */
        if (spi_grow(s->alloc, &s->buf, &s->buf_cap, (size_t)(w->end - p), 1) != SP_OK) return fail(w, SP_ERR_NOMEM);
        memcpy(s->buf, p, plain + 1);
        out = s->buf + plain + 1;
        at = w->kernel->unescape(at, w->end, &out, &high, &w->flags);
        w->string = (sp_view){s->buf, (size_t)(out - s->buf) - 1};
    }
    return string_end(w, inside, at, high);
}

/* A body or a text that is a string: unescaped into memory that stays, since it is the next to be scanned; not hashed, since it seldom is a
   payload itself. As read_string. */
static const uint8_t *read_body(walk *w, const uint8_t *p) {
    sp_scan *s = w->s;
    const uint8_t *inside = p + 1, *at;
    uint32_t high = 0;
    uint8_t *room = sp_arena_get(&s->arena, (size_t)(w->end - p)), *out = room;
    if (!room) return fail(w, SP_ERR_NOMEM);
    *out++ = '"';
    at = w->kernel->unescape(inside, w->end, &out, &high, &w->flags);
    sp_arena_trim(&s->arena, room, (size_t)(out - room));
    w->string = (sp_view){room, (size_t)(out - room) - 1};
    return string_end(w, inside, at, high);
}

/* Reads the string that begins at p into w->string. Returns what follows it, or NULL. */
static ALWAYS_INLINE const uint8_t *read_string(walk *w, const uint8_t *p) {
    uint32_t high = 0;
    const uint8_t *at = sp_find(w->kernel, p + 1, w->end, &high);
    if (UNLIKELY(at == w->end || *at != '"' || high)) return read_odd_string(w, p, at, high);
    w->string = (sp_view){p, (size_t)(at - p) - 1};
    return at + 1;
}

static const uint8_t *skip_digits(const uint8_t *p, const uint8_t *end) {
    while (p < end && (uint8_t)(*p - '0') < 10) p++;
    return p;
}

/* The canonical text of the number [p, end) goes to w->string (without a quote); flags are raised. */
static int canon_number(walk *w, const uint8_t *p, size_t n) {
    sp_scan *s = w->s;
    if (n > s->limits->max_number_bytes) {
        w->status = SP_ERR_NUMBER_TOO_LONG;
        return 0;
    }
    w->status = spi_grow(s->alloc, &s->buf, &s->buf_cap, n < 32 ? 32 : n, 1);
    if (w->status != SP_OK) return 0;
    w->string = (sp_view){s->buf, sp_number_canon(p, n, s->buf, &w->flags)};
    return 1;
}

/* Reads the number that begins at p; its canonical text goes to w->string. Returns what follows it, or NULL. */
static inline const uint8_t *read_number(walk *w, const uint8_t *p) {
    const uint8_t *q = p + (*p == '-'), *digits = q, *end = w->end;
    if (q == end) return fail(w, SP_ERR_TRUNCATED);
    if (*q == '0') q++;
    else q = skip_digits(q, end);
    if (q == digits) return fail(w, SP_ERR_SYNTAX);
    if (LIKELY(q == end || (*q != '.' && (*q | 0x20) != 'e')) && q - digits <= PLAIN_DIGITS && (*p != '-' || *digits != '0') &&
        (size_t)(q - p) <= w->s->limits->max_number_bytes) {
        w->string = (sp_view){p, (size_t)(q - p)};
        return q;
    }
    if (q < end && *q == '.') {
        digits = ++q;
        q = skip_digits(q, end);
        if (q == digits) return fail(w, q == end ? SP_ERR_TRUNCATED : SP_ERR_SYNTAX);
    }
    if (q < end && (*q | 0x20) == 'e') {
        q++;
        if (q < end && (*q == '+' || *q == '-')) q++;
        digits = q;
        q = skip_digits(q, end);
        if (q == digits) return fail(w, q == end ? SP_ERR_TRUNCATED : SP_ERR_SYNTAX);
    }
    return canon_number(w, p, (size_t)(q - p)) ? q : NULL;
}

static inline const uint8_t *read_word(walk *w, const uint8_t *p, const char *word, size_t n) {
    if (UNLIKELY((size_t)(w->end - p) < n)) return fail(w, SP_ERR_TRUNCATED);
    if (UNLIKELY(memcmp(p, word, n) != 0)) return fail(w, SP_ERR_SYNTAX);
    w->string = (sp_view){p, n};
    return p + n;
}

/* ---- trie and marks ---- */

/* A mark for the value at p, open. Sets w->status if there can be none. */
static uint32_t open_mark(walk *w, uint32_t node, sp_type type, const uint8_t *p) {
    sp_scan *s = w->s;
    if (s->mark_count >= SP_MAX_MARKS - s->folded) {
        w->status = SP_ERR_TOO_MANY_MARKS;
        return SP_NO_MARK;
    }
    w->status = spi_grow(s->alloc, &s->marks, &s->mark_cap, (size_t)s->mark_count + 1, sizeof *s->marks);
    if (w->status != SP_OK) return SP_NO_MARK;
    sp_mark *m = &s->marks[s->mark_count];
    size_t at = (size_t)(p - w->text);
    *m = (sp_mark){.node = node, .parent = w->f->scope, .type = (uint8_t)type, .state = SP_MARK_OPEN, .start = at, .end = at};
    spi_place_of(w, node, m->index);
    return s->mark_count++;
}

/* Completes the mark of the scalar that ends before p and stands in w->string. A body or a text (`flags` are those of its node) that is a
   string is kept at any length, a quotation mark before it, and has no hash. */
static void close_scalar(walk *w, uint32_t mark, const uint8_t *p, sp_digest d, int hashed, uint32_t flags) {
    sp_scan *s = w->s;
    sp_mark *m = &s->marks[mark];
    sp_view v = {w->text + m->start, (size_t)(p - w->text) - m->start};
    if (m->type == SP_STRING) {
        v = (sp_view){w->string.p + 1, w->string.n};
        if (v.n > SP_SHORT_VALUE && !(flags & KEPT)) {
            v = (sp_view){NULL, 0};
            m->state |= SP_MARK_LONG;
        } else if (w->string.p == s->buf) {
            uint8_t *copy = sp_arena_get(&s->arena, v.n);
            if (!copy) {
                w->status = SP_ERR_NOMEM;
                return;
            }
            memcpy(copy, v.p, v.n);
            v.p = copy;
        }
    }
    m->value = v;
    m->end = (size_t)(p - w->text);
    m->state &= (uint8_t)~SP_MARK_OPEN;
    if (hashed && !(flags & KEPT && m->type == SP_STRING)) m->hash = d;
    if (flags & SP_NODE_BODY) m->shape = letter[m->type];
}

/* H of the name in lower case. Names are short: the copy costs less than folding all names in advance. */
static int fold_name(walk *w, sp_digest *d, sp_view *name) {
    sp_scan *s = w->s;
    size_t n = name->n;
    const uint8_t *from = name->p;
    int held = w->string.p == s->buf;
    w->status = spi_grow(s->alloc, &s->buf, &s->buf_cap, n + 1, 1);
    if (w->status != SP_OK) return 0;
    if (held) from = s->buf + 1; /* it may have moved */
    s->buf[0] = '"';
    for (size_t i = 0; i < n; i++) s->buf[i + 1] = from[i] >= 'A' && from[i] <= 'Z' ? from[i] | 0x20 : from[i];
    *d = hash(w->kernel, s->buf, n + 1);
    *name = (sp_view){s->buf + 1, n};
    return 1;
}

/* The trie node of the member whose name is in w->string, with key hash d. The innermost frame is not dead. */
static uint32_t enter_member(walk *w, sp_digest d) {
    sp_scan *s = w->s;
    const sp_node *node = &w->t->nodes[w->f->node];
    sp_view name = {w->string.p + 1, w->string.n};
    size_t at = (size_t)w->f->first_base + w->f->count;
    w->status = spi_grow(s->alloc, &s->firsts, &s->first_cap, at + 1, sizeof *s->firsts);
    if (w->status != SP_OK) return SP_NODE_DEAD;
    s->firsts[at] = s->mark_count;
    if ((node->flags & SP_NODE_FOLD) && !fold_name(w, &d, &name)) return SP_NODE_DEAD;
    uint32_t child = sp_trie_member(w->t, w->f->node, &d, name.p, name.n);
    if ((node->flags & SP_NODE_NEAR) && child == node->star && !(w->flags & SP_FLAG_NEAR_MISS_KEY) && sp_near_miss(w->t, name.p, name.n))
        w->flags |= SP_FLAG_NEAR_MISS_KEY;
    return child;
}

/* The trie node of the next element, where some pointer names elements of this array by their index. */
static uint32_t enter_element(const walk *w) {
    uint8_t text[16];
    size_t at = sizeof text;
    uint32_t i = w->f->count;
    do text[--at] = (uint8_t)('0' + i % 10);
    while (i /= 10);
    text[--at] = '"';
    sp_digest d = hash(w->kernel, text + at, sizeof text - at);
    return sp_trie_member(w->t, w->f->node, &d, text + at + 1, sizeof text - at - 1);
}

/* ---- frames ---- */

/* Opens the container at p. 0 on failure. */
static int push_frame(walk *w, uint32_t node, uint32_t mark, int object, int hashed, uint32_t depth, const uint8_t *p) {
    sp_scan *s = w->s;
    size_t level = (size_t)(w->f - s->frames) + 1;
    if (level > s->limits->max_depth) {
        w->status = SP_ERR_TOO_DEEP;
        return 0;
    }
    if (UNLIKELY(level >= s->frame_cap)) {
        w->status = spi_grow(s->alloc, &s->frames, &s->frame_cap, level + 1, sizeof *s->frames);
        w->f = s->frames + level - 1;
        if (w->status != SP_OK) return 0;
    }
    const sp_frame *outer = w->f;
    sp_frame *f = w->f + 1;
    int shaped = depth && depth <= (object ? SHAPED_OBJECT : SHAPED_ARRAY);
    int list = !object && (hashed || (w->t->nodes[node].flags & SP_NODE_TURN)); /* turns may stand outside of a body */
    f->node = node;
    f->mark = mark;
    f->scope = outer->scope;
    f->count = 0;
    f->hash_base = w->hash_top;
    f->shape_base = w->shape_top;
    f->first_base = outer->first_base;
    f->marks_before = s->mark_count;
    f->object = (uint8_t)object;
    f->hashed = (uint8_t)hashed;
    f->depth = (uint8_t)(shaped ? depth : 0);
    f->inner = (uint8_t)(outer->inner || list);
    f->replays = !s->replay || outer->inner ? 0 : list ? 2 : hashed && depth == 1;
    f->start = (size_t)(p - w->text);
    if (level > w->deepest) w->deepest = (uint32_t)level;
    if (object || hashed) s->hashes[w->hash_top++] = object ? object_header : array_header;
    if (node != SP_NODE_DEAD) {
        if (outer->object && outer->node != SP_NODE_DEAD) f->first_base += outer->count + 1;
        if (w->t->nodes[node].flags & SP_NODE_SCOPE) f->scope = mark;
        spi_place_of(w, node, f->index);
    }
    w->f = f;
    return 1;
}

static int add_shape(walk *w, uint64_t shape) {
    sp_scan *s = w->s;
    const sp_frame *f = w->f;
    if (!f->object && w->shape_top - f->shape_base <= FEW_SHAPES)
        for (uint32_t i = f->shape_base; i < w->shape_top; i++)
            if (s->shapes[i] == shape) return 1;
    w->status = spi_grow(s->alloc, &s->shapes, &s->shape_cap, (size_t)w->shape_top + 1, sizeof *s->shapes);
    if (w->status != SP_OK) return 0;
    s->shapes[w->shape_top++] = shape;
    return 1;
}

static int reserve_hashes(walk *w, size_t more) {
    sp_scan *s = w->s;
    w->status = spi_grow(s->alloc, &s->hashes, &s->hash_cap, w->hash_top + more, sizeof *s->hashes);
    return w->status == SP_OK;
}

/* Whether two members of the innermost frame have different values. Ranges are compared as written. */
static int values_differ(const walk *w, const sp_digest *a, const sp_digest *b) {
    range x, y;
    if (w->f->hashed) return memcmp(a, b, sizeof *a) != 0;
    memcpy(&x, a, sizeof x);
    memcpy(&y, b, sizeof y);
    return x.end - x.start != y.end - y.start || memcmp(w->text + x.start, w->text + y.start, (size_t)(x.end - x.start)) != 0;
}

/* Members e[0..n) of the innermost frame have one name: tells it the marks in their values. */
static void mark_duplicates(walk *w, const sp_digest *pairs, const sp_entry *e, uint32_t n) {
    sp_scan *s = w->s;
    const sp_frame *f = w->f;
    const uint32_t *first = s->firsts + f->first_base;
    uint8_t unequal = 0;
    w->flags |= SP_FLAG_DUPLICATE_KEY;
    if (f->node == SP_NODE_DEAD || s->mark_count == f->marks_before) return; /* no marks inside */
    for (uint32_t i = 1; i < n && !unequal; i++)
        if (values_differ(w, &pairs[2 * (size_t)e[0].member + 1], &pairs[2 * (size_t)e[i].member + 1])) unequal = SP_MARK_UNEQUAL;
    for (uint32_t i = 0; i < n; i++) {
        uint32_t to = e[i].member + 1 < f->count ? first[e[i].member + 1] : s->mark_count;
        uint8_t state = (uint8_t)(unequal | (i > 0 ? SP_MARK_NOT_FIRST : 0) | (i + 1 < n ? SP_MARK_NOT_LAST : 0));
        for (uint32_t m = first[e[i].member]; m < to; m++) s->marks[m].state |= state;
    }
}

/* Sorts the members of the innermost frame and finds equal names. NULL: out of memory. */
static const sp_entry *sort_members(walk *w, const sp_digest *pairs) {
    sp_scan *s = w->s;
    uint32_t n = w->f->count;
    w->status = spi_grow(s->alloc, &s->buf, &s->buf_cap, 2 * (size_t)n * sizeof(sp_entry), 1);
    if (w->status != SP_OK) return NULL;
    const sp_entry *e = sp_order_sort(pairs, n, (sp_entry *)(void *)s->buf);
    for (uint32_t i = 0, j; i < n; i = j) {
        for (j = i + 1; j < n && e[j].key == e[i].key && memcmp(&pairs[2 * (size_t)e[j].member], &pairs[2 * (size_t)e[i].member], 16) == 0;)
            j++;
        if (j - i > 1) mark_duplicates(w, pairs, e + i, j - i);
    }
    return e;
}

/* The members of the innermost frame are complete: hash and shape, and duplicates. The members go, sorted, behind the top of the stack.
   0 on failure. */
static int finish_object(walk *w) {
    sp_scan *s = w->s;
    const sp_frame *f = w->f;
    uint32_t n = f->count;
    uint8_t place[SP_ORDER_FEW] = {0};
    const sp_entry *e = NULL;
    int few = n <= 1 || (n <= SP_ORDER_FEW && sp_order_few(s->hashes + f->hash_base + 1, n, place));
    if (f->hashed && !reserve_hashes(w, 2 * (size_t)n + 1)) return 0;
    sp_digest *pairs = s->hashes + f->hash_base + 1, *sorted = s->hashes + w->hash_top;
    if (!few && !(e = sort_members(w, pairs))) return 0;
    if (!f->hashed) return 1;
    sorted[0] = object_header;
    for (uint32_t i = 0; i < n; i++) {
        size_t from = e ? e[i].member : i, to = e ? i : place[i];
        for (size_t k = 0; k < 2; k++) { /* by words, as they were written just now: see sp_digest */
            sorted[2 * to + 1].w[k] = pairs[2 * from].w[k];
            sorted[2 * to + 2].w[k] = pairs[2 * from + 1].w[k];
        }
    }
    w->digest = hash(w->kernel, sorted, 32 * (size_t)n + 16);
    if (!f->depth) return 1;
    uint8_t *out = (uint8_t *)sorted + sizeof *sorted; /* in the same place: names and shapes are shorter */
    for (uint32_t i = 0; i < n; i++) {
        size_t from = e ? e[i].member : i, to = e ? i : place[i];
        memcpy(out + 24 * to, pairs[2 * from].b, 16);
        sp_hash_store(out + 24 * to + 16, s->shapes[f->shape_base + from]);
    }
    w->shape = XXH3_64bits(sorted, 24 * (size_t)n + 16);
    return 1;
}

/* S of the innermost frame, an array: its distinct shapes are on the shape stack, some more than once if they are many. */
static int finish_array_shape(walk *w) {
    sp_scan *s = w->s;
    uint64_t *v = s->shapes + w->f->shape_base;
    uint32_t n = w->shape_top - w->f->shape_base, kept = 0;
    if (n > FEW_SHAPES) {
        w->status = spi_grow(s->alloc, &s->buf, &s->buf_cap, (size_t)n * sizeof *v, 1);
        if (w->status != SP_OK) return 0;
        sp_order_words(v, n, (uint64_t *)(void *)s->buf);
    } else {
        for (uint32_t i = 1; i < n; i++)
            for (uint32_t j = i; j > 0 && v[j - 1] > v[j]; j--) {
                uint64_t t = v[j];
                v[j] = v[j - 1];
                v[j - 1] = t;
            }
    }
    if (!reserve_hashes(w, 1 + (size_t)n)) return 0;
    sp_digest *list = s->hashes + w->hash_top;
    uint8_t *out = (uint8_t *)list + sizeof *list;
    list[0] = array_header;
    for (uint32_t i = 0; i < n; i++) {
        if (i && v[i] == v[i - 1]) continue;
        sp_hash_store(out + 8 * (size_t)kept++, v[i]);
    }
    w->shape = XXH3_64bits(list, 16 + 8 * (size_t)kept);
    return 1;
}

/* Closes the innermost frame, which ends before p. 0 on failure. */
static int pop_frame(walk *w, const uint8_t *p) {
    sp_scan *s = w->s;
    sp_frame *f = w->f;
    w->shape = letter[f->object ? SP_OBJECT : SP_ARRAY];
    if (f->object) {
        if (!finish_object(w)) return 0;
    } else if (f->hashed) {
        w->digest = hash(w->kernel, s->hashes + f->hash_base, 16 * (size_t)f->count + 16);
        if (f->depth && !finish_array_shape(w)) return 0;
    }
    if (f->mark != SP_NO_MARK) {
        sp_mark *m = &s->marks[f->mark];
        m->end = (size_t)(p - w->text);
        m->count = f->count;
        m->state &= (uint8_t)~SP_MARK_OPEN;
        if (f->hashed) m->hash = w->digest;
        if (w->t->nodes[m->node].flags & SP_NODE_BODY) m->shape = w->shape;
    }
    w->hash_top = f->hash_base;
    w->shape_top = f->shape_base;
    w->f--;
    return 1;
}

/* The text is no good: the marks stay, so equal names in the objects that are open are found all the same. A member without a value
   counts as one that differs from all others. */
static void abandon(walk *w) {
    sp_scan *s = w->s;
    for (; w->f > s->frames; w->hash_top = w->f->hash_base, w->f--) {
        sp_frame *f = w->f;
        if (!f->object) continue;
        sp_digest *pairs = s->hashes + f->hash_base + 1;
        uint32_t places = w->hash_top - f->hash_base - 1;
        if (places & 1) pairs[places] = (sp_digest){{0}};
        f->count = (places + 1) / 2;
        if (f->count > 1 && !sort_members(w, pairs)) return;
    }
}

/* ---- the loop ---- */

#define FAIL(why)         \
    do {                  \
        w.status = (why); \
        goto out;         \
    } while (0)
/* A value of that type stands at p: records its mark, if its node wants one. */
#define BEGIN(what)                                                                                  \
    do {                                                                                             \
        type = (what);                                                                               \
        if ((flags & SP_NODE_MARK) && (mark = open_mark(&w, node, type, p)) == SP_NO_MARK) goto out; \
    } while (0)

sp_status sp_scan_text(sp_scan *s, sp_view text, const sp_trie *t, uint32_t root, uint32_t parent) {
    walk w = {.s = s, .t = t, .kernel = s->kernel, .text = text.p, .end = text.p};
    const uint8_t *p = text.p, *end = text.p, *start;
    uint32_t node = root, mark, flags;
    uint64_t shape;
    sp_digest d = {{0}};
    sp_type type;
    int hashed;
    sp_frame *f;
    size_t limit = s->limits->max_nodes;

    if (text.n == 0) return SP_ERR_TRUNCATED;
    w.status = spi_grow(s->alloc, &s->frames, &s->frame_cap, 1, sizeof *s->frames);
    if (w.status == SP_OK) w.status = spi_grow(s->alloc, &s->shapes, &s->shape_cap, 1, sizeof *s->shapes); /* no NULL, also when empty */
    if (w.status == SP_OK) w.status = spi_grow(s->alloc, &s->firsts, &s->first_cap, 1, sizeof *s->firsts);
    if (w.status != SP_OK) return w.status;
    w.end = end = p + text.n;
    w.f = f = s->frames;
    *f = (sp_frame){.node = SP_NODE_DEAD, .mark = SP_NO_MARK, .scope = parent};
    p = skip_space(p, end);

value: /* at p, for `node` */
    if (UNLIKELY(p == end)) FAIL(SP_ERR_TRUNCATED);
    if (UNLIKELY(s->nodes >= limit)) FAIL(SP_ERR_TOO_MANY_NODES);
    if (UNLIKELY((size_t)w.hash_top + SPARE > s->hash_cap) && !reserve_hashes(&w, SPARE)) goto out;
    s->nodes++;
    start = p;
    mark = SP_NO_MARK;
    flags = node == SP_NODE_DEAD ? 0 : t->nodes[node].flags;
    hashed = f->hashed || (flags & SP_NODE_HASH);
    switch (*p) {
    case '"':
        BEGIN(SP_STRING);
        p = flags & KEPT ? read_body(&w, p) : read_string(&w, p);
        if (UNLIKELY(!p)) goto out;
        if (hashed && !(flags & KEPT)) d = hash(w.kernel, w.string.p, w.string.n + 1);
        goto scalar;
    case '{':
    case '[': {
        int object = *p == '{';
        uint32_t depth = flags & SP_NODE_BODY ? 1 : f->depth ? f->depth + (uint32_t)f->object : 0;
        BEGIN(object ? SP_OBJECT : SP_ARRAY);
        if (!push_frame(&w, node, mark, object, hashed, depth, p)) goto out;
        f = w.f;
        p = skip_space(p + 1, end);
        if (p == end) FAIL(SP_ERR_TRUNCATED);
        if (*p == (object ? '}' : ']')) goto close;
        if (object) goto member;
        goto element;
    }
    case 't':
        BEGIN(SP_TRUE);
        p = read_word(&w, p, "true", 4);
        break;
    case 'f':
        BEGIN(SP_FALSE);
        p = read_word(&w, p, "false", 5);
        break;
    case 'n':
        BEGIN(SP_NULL);
        p = read_word(&w, p, "null", 4);
        break;
    case '-':
    case '0':
    case '1':
    case '2':
    case '3':
    case '4':
    case '5':
    case '6':
    case '7':
    case '8':
    case '9':
        BEGIN(SP_NUMBER);
        p = read_number(&w, p);
        break;
    default: FAIL(SP_ERR_SYNTAX);
    }
    if (UNLIKELY(!p)) goto out;
    if (hashed) d = hash(w.kernel, w.string.p, w.string.n);

scalar:
    shape = letter[type];
    if (mark != SP_NO_MARK) {
        close_scalar(&w, mark, p, d, hashed, flags);
        if (w.status != SP_OK) goto out;
    }

done: /* a value of the innermost frame: [start, p), d, shape */
    if (f->replays && w.keeping[f->replays - 1].on) spi_scan_keep(&w, start, p, d, shape);
    if (f->hashed) {
        s->hashes[w.hash_top++] = d;
        if (f->depth && !add_shape(&w, shape)) goto out;
    } else if (f->object) {
        range r = {(uint64_t)(start - text.p), (uint64_t)(p - text.p)};
        memcpy(&s->hashes[w.hash_top++], &r, sizeof r);
    }
    f->count++;
    p = skip_space(p, end);
    if (UNLIKELY(f == s->frames)) {
        if (p != end) w.status = SP_ERR_TRAILING_DATA;
        goto out;
    }
    if (UNLIKELY(p == end)) FAIL(SP_ERR_TRUNCATED);
    if (*p == ',') {
        p = skip_space(p + 1, end);
        if (f->object) goto member;
        goto element;
    }
    if (UNLIKELY(*p != (f->object ? '}' : ']'))) FAIL(SP_ERR_SYNTAX);

close: /* p is at the bracket */
    p++;
    start = text.p + f->start;
    if (UNLIKELY(!pop_frame(&w, p))) goto out;
    f = w.f;
    d = w.digest;
    shape = w.shape;
    goto done;

element:
    node = f->node == SP_NODE_DEAD ? SP_NODE_DEAD : t->nodes[f->node].flags & SP_NODE_INDEX ? enter_element(&w) : t->nodes[f->node].star;
    if (f->replays && end - p >= SP_REPLAY_LEAST && (*p == '{' || *p == '"' || *p == '[')) goto known;
    goto value;

known: /* the value at p may be */
    if (UNLIKELY((size_t)w.hash_top + SPARE > s->hash_cap) && !reserve_hashes(&w, SPARE)) goto out;
    start = p;
    p = spi_scan_known(&w, start, node);
    if (!p) {
        p = start;
        goto value;
    }
    d = w.digest;
    shape = w.shape;
    goto done;

member:
    if (UNLIKELY(p == end)) FAIL(SP_ERR_TRUNCATED);
    if (UNLIKELY(*p != '"')) FAIL(SP_ERR_SYNTAX);
    start = p;
    p = read_string(&w, p);
    if (UNLIKELY(!p)) goto out;
    if (UNLIKELY((size_t)(p - start) - 2 > s->limits->max_key_bytes)) FAIL(SP_ERR_KEY_TOO_LONG);
    d = hash(w.kernel, w.string.p, w.string.n + 1);
    node = f->node == SP_NODE_DEAD ? SP_NODE_DEAD : enter_member(&w, d);
    if (UNLIKELY(w.status != SP_OK)) goto out;
    s->hashes[w.hash_top++] = d;
    p = skip_space(p, end);
    if (UNLIKELY(p == end)) FAIL(SP_ERR_TRUNCATED);
    if (UNLIKELY(*p != ':')) FAIL(SP_ERR_SYNTAX);
    p = skip_space(p + 1, end);
    if (f->replays && end - p >= SP_REPLAY_LEAST && (*p == '"' || *p == '{' || (*p == '[' && !(t->nodes[node].flags & SP_NODE_TURN))))
        goto known; /* but for the list of turns, which grows: its elements are looked up */
    goto value;

out:
    if (w.status != SP_OK && w.status != SP_ERR_NOMEM) {
        sp_status why = w.status;
        w.status = SP_OK;
        abandon(&w);
        if (w.status == SP_OK) w.status = why;
    }
    s->flags |= w.flags | (w.keeping[0].on ? w.keeping[0].flags : 0) | (w.keeping[1].on ? w.keeping[1].flags : 0);
    return w.status;
}
