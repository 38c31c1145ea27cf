#include "sp_settle.h"

/* The node of what stands at `node` below an element of a list of {name, value}, once its name is known: the same steps lead there from
   `named`, which is where the value itself is. 0: no rule asks for it. */
static uint32_t below_name(const sp_rules *r, uint32_t node, uint32_t element, uint32_t value, uint32_t named) {
    uint32_t path[8], n = 0;
    for (; node != value && node != element && node && n < 8; node = r->nodes.v[node].parent) path[n++] = node;
    if (node != value && node != element) return 0;
    while (n && named) {
        sp_view name = r->nodes.v[path[--n]].name;
        uint32_t child = SP_NODE_DEAD;
        for (uint32_t c = r->nodes.v[named].last, last = c; c && !child; c = r->nodes.v[c].next == last ? 0 : r->nodes.v[c].next)
            if (name.p ? sp_view_eq(r->nodes.v[c].name, name) : !r->nodes.v[c].name.p) child = c;
        named = child;
    }
    return named;
}

static uint32_t child_of(const sp_rules *r, uint32_t node, sp_view name, sp_arena *a) {
    int fold = r->nodes.v[node].flags & SP_NODE_FOLD;
    uint8_t *quoted = sp_arena_get(a, name.n + 1);
    if (!quoted) return SP_NODE_DEAD;
    quoted[0] = '"';
    for (size_t i = 0; i < name.n; i++)
        quoted[i + 1] = fold && name.p[i] >= 'A' && name.p[i] <= 'Z' ? (uint8_t)(name.p[i] | 0x20) : name.p[i];
    sp_digest h = sp_x128(quoted, name.n + 1);
    return sp_trie_member(&r->trie, node, &h, quoted + 1, name.n);
}

/* The child for a name of a pair; where there is none, for the name with `*` in place of the numbers between its dots. */
static uint32_t named_child(const sp_rules *r, uint32_t pairs, sp_view name, sp_arena *a) {
    uint32_t found = child_of(r, pairs, name, a);
    size_t n = 0;
    int starred = 0;
    uint8_t *p = found ? NULL : sp_arena_get(a, name.n + 1);
    for (size_t i = 0, end; p && i < name.n; i = end) {
        for (end = i; end < name.n && name.p[end] != '.';) end++;
        int number = sp_is_index(name.p + i, end - i);
        if (number) p[n++] = '*';
        else memcpy(p + n, name.p + i, end - i), n += end - i;
        starred |= number;
        if (end < name.n) p[n++] = '.', end++;
    }
    return starred ? child_of(r, pairs, (sp_view){p, n}, a) : found;
}

/* Values in lists of {name, value} stand at their names. Each element is gone through twice, so that a hostile one costs no more than its
   length: for its name, of which the last counts, and for what is in its value. */
static void name_pairs(sp_reader *d, uint32_t from) {
    const sp_rules *r = d->rules;
    uint32_t element = 0, pairs = 0, name = 0, key = 0, value = 0; /* of the list at hand */
    for (uint32_t i = from; i < d->scan.mark_count; i++) {
        const sp_mark *m = &d->scan.marks[i];
        if (!(r->nodes.v[m->node].flags & SP_NODE_PAIR) || m->type != SP_OBJECT) continue;
        if (m->node != element) {
            element = m->node;
            pairs = child_of(r, r->nodes.v[element].parent, SP_PAIRS, &d->arena);
            name = child_of(r, element, SP_VIEW("name"), &d->arena);
            key = child_of(r, element, SP_VIEW("key"), &d->arena);
            value = child_of(r, element, SP_VIEW("value"), &d->arena);
        }
        uint32_t last = i, named = 0;
        for (uint32_t k = i + 1; k < d->scan.mark_count && d->scan.marks[k].start < m->end; last = k++) {
            const sp_mark *x = &d->scan.marks[k];
            if (x->parent == i && (x->node == name || x->node == key) && x->type == SP_STRING && x->value.p)
                named = named_child(r, pairs, x->value, &d->arena);
        }
        for (uint32_t k = i + 1; named && k <= last; k++) {
            uint32_t node = below_name(r, d->scan.marks[k].node, element, value, named);
            if (node) d->scan.marks[k].node = node;
        }
    }
}

/* Strings whose beginning says what they are. */
static void sort_texts(sp_reader *d, uint32_t from) {
    const sp_rules *r = d->rules;
    for (uint32_t i = from; i < d->scan.mark_count; i++) {
        sp_mark *m = &d->scan.marks[i];
        if (!(r->nodes.v[m->node].flags & SP_NODE_SORT) || m->type != SP_STRING || !m->value.p) continue;
        for (uint32_t c = r->nodes.v[m->node].last, last = c; c; c = r->nodes.v[c].next == last ? 0 : r->nodes.v[c].next) {
            sp_view text = r->nodes.v[c].name; /* {text*} */
            if (text.n <= 3 || text.n - 3 > m->value.n || memcmp(text.p + 1, m->value.p, text.n - 3) != 0) continue;
            m->node = c;
            break;
        }
    }
}

void sp_settle(sp_reader *d, uint32_t from) {
    name_pairs(d, from);
    sort_texts(d, from);
}
