/* Values that a scan meets again: their results are taken over, those of new ones kept. */
#include "sp_scan_impl.h"

/* Takes over the results of a kept value as they are for the place at p. Returns what follows it, or NULL: it must be scanned. */
static const uint8_t *take_over(walk *w, const uint8_t *p, uint32_t node, sp_replay_value *v) {
    sp_scan *s = w->s;
    size_t level = (size_t)(w->f - s->frames), start = (size_t)(p - w->text);
    uint32_t base = s->mark_count, index[SP_MAX_POINTER_STARS], stars = 0;
    if (level + v->is.height > s->limits->max_depth || s->nodes + v->is.nodes > s->limits->max_nodes)
        return NULL; /* the scan tells where */
    if (v->is.marks > SP_MAX_MARKS - base - s->folded) return NULL;
    if (spi_grow(s->alloc, &s->marks, &s->mark_cap, (size_t)base + v->is.marks, sizeof *s->marks) != SP_OK) return NULL;
    if (v->is.marks) {
        spi_place_of(w, node, index);
        stars = w->t->nodes[node].stars;
        if (stars > SP_MAX_POINTER_STARS) stars = SP_MAX_POINTER_STARS;
    }
    const sp_mark *kept = sp_replay_marks(s->replay, v);
    const uint8_t *bytes = sp_replay_bytes(s->replay, v);
    int folds = s->folds && v->is.foldable && !w->keeping[0].on; /* what is in a list that may be kept has all its marks */
    uint32_t count = folds ? 1 : v->is.marks;
    for (uint32_t i = 0; i < count; i++) {
        sp_mark *m = &s->marks[base + i];
        *m = kept[i];
        m->start += start;
        m->end += start;
        m->parent = m->parent == SP_NO_MARK ? w->f->scope : m->parent + base;
        for (uint32_t k = 0; k < stars; k++) m->index[k] = index[k];
        if (m->value.p && m->value.p >= bytes) m->value.p = p + (m->value.p - bytes);
        else if (m->value.p) {
            uint8_t *copy = sp_arena_get(&s->arena, m->value.n);
            if (!copy) return NULL;
            if (m->value.n) memcpy(copy, m->value.p, m->value.n);
            m->value.p = copy;
        }
    }
    if (count < v->is.marks) {
        s->marks[base].state |= SP_MARK_KNOWN;
        s->marks[base].known = v;
        sp_replay_pin(s->replay, v);
        s->folded += v->is.marks - count;
    }
    s->mark_count = base + count;
    s->nodes += v->is.nodes;
    w->flags |= v->is.flags;
    if (level + v->is.height > w->deepest) w->deepest = (uint32_t)(level + v->is.height);
    w->digest = v->is.hash;
    w->shape = v->is.shape;
    return p + v->is.n;
}

const uint8_t *spi_scan_known(walk *w, const uint8_t *p, uint32_t node) {
    sp_replay_value *v;
    const sp_frame *f = w->f;
    struct keeping *k = &w->keeping[f->replays - 1];
    const sp_replay_place place = {.node = node, .depth = (uint16_t)(f->depth ? f->depth + f->object : 0), .hashed = f->hashed};
    k->slot = sp_replay_find(w->s->replay, p, w->end, place, &k->tag, &v);
    k->place = place;
    const uint8_t *after = v ? take_over(w, p, node, v) : NULL;
    k->on = !v;
    if (k->on) {
        k->base = w->s->mark_count;
        k->nodes = w->s->nodes;
        k->fresh = 0;
        k->flags = w->flags;
        k->deepest = w->deepest;
        w->flags = 0;
        w->deepest = (uint32_t)(f - w->s->frames);
    }
    return after;
}

/* Whether the first of the marks, at which the value begins, can stand for all: nobody asks for another by itself. */
static int is_foldable(const walk *w, const sp_mark *marks, uint32_t count, size_t start, size_t end) {
    int good = count > 1 && marks[0].start == start && marks[0].end == end && marks[0].type >= SP_OBJECT;
    for (uint32_t i = 0; i < count && good; i++)
        good = !(marks[i].state & ~SP_MARK_LONG) && (i == 0 || !(w->t->nodes[marks[i].node].flags & (SP_NODE_VALUE | SP_NODE_TURN)));
    return good;
}

static int has_known(const sp_mark *marks, uint32_t count) {
    int found = 0;
    for (uint32_t i = 0; i < count && !found; i++) found = marks[i].state & SP_MARK_KNOWN;
    return found;
}

/* What has marks that stand for others is not kept: those may go before it does. Nor is a list that holds little beside elements that were
   just kept: most are never seen again as a whole, and one that is will find its elements known, and be kept then. */
void spi_scan_keep(walk *w, const uint8_t *start, const uint8_t *p, sp_digest d, uint64_t shape) {
    sp_scan *s = w->s;
    struct keeping *k = &w->keeping[w->f->replays - 1];
    size_t n = (size_t)(p - start), nodes = s->nodes - k->nodes;
    uint32_t marks = s->mark_count - k->base, level = (uint32_t)(w->f - s->frames);
    if (n >= SP_REPLAY_LEAST && n <= SP_REPLAY_LONGEST && marks <= SP_REPLAY_MARKS && k->fresh <= n / 2 &&
        !has_known(s->marks + k->base, marks)) {
        sp_replay_result v = {.place = k->place,
                              .n = (uint32_t)n,
                              .marks = (uint16_t)marks,
                              .height = (uint16_t)(w->deepest - level),
                              .nodes = (uint32_t)nodes,
                              .flags = w->flags,
                              .hash = d,
                              .shape = shape};
        v.foldable = (uint8_t)is_foldable(w, s->marks + k->base, marks, (size_t)(start - w->text), (size_t)(p - w->text));
        sp_replay_put(s->replay, k->slot, k->tag, &v, start, s->marks + k->base, k->base, w->text);
        w->keeping[0].fresh += n;
    }
    w->flags |= k->flags;
    if (k->deepest > w->deepest) w->deepest = k->deepest;
    k->on = 0;
}
