#include "sp_answer.h"

/* Where texts and lists of rows go, and how much of them there was. Without a place they are only counted. */
typedef struct copy {
    sp_view *views;
    uint8_t *bytes;
    size_t view_n, byte_n;
} copy;

static const uint8_t *move_bytes(copy *c, const void *p, size_t n) {
    uint8_t *to = c->bytes ? c->bytes + c->byte_n : NULL;
    if (to && n) memcpy(to, p, n);
    c->byte_n += n;
    return to;
}

/* The row's cells that point somewhere; where there is a place, they point into it afterwards. What is null stays so. */
static void move_cells(copy *c, const sp_schema *s, void *row) {
    for (size_t i = 0; i < s->count; i++) {
        char *cell = (char *)row + s->columns[i].offset;
        sp_view v;
        sp_cell_STRS list;
        sp_cell_HEXS digests;
        switch (s->columns[i].kind) {
        case SP_KIND_STR:
        case SP_KIND_DICT:
        case SP_KIND_NAME:
        case SP_KIND_HEX:
            memcpy(&v, cell, sizeof v);
            if (v.p) v.p = move_bytes(c, v.p, v.n);
            if (c->bytes) memcpy(cell, &v, sizeof v);
            break;
        case SP_KIND_STRS: {
            memcpy(&list, cell, sizeof list);
            sp_view *to = c->views ? c->views + c->view_n : NULL;
            if (!list.p) break;
            for (size_t k = 0; k < list.n; k++) {
                const uint8_t *p = move_bytes(c, list.p[k].p, list.p[k].n);
                if (to) to[k] = (sp_view){p, list.p[k].n};
            }
            list.p = to;
            c->view_n += list.n;
            if (to) memcpy(cell, &list, sizeof list);
            break;
        }
        case SP_KIND_HEXS:
            memcpy(&digests, cell, sizeof digests);
            if (digests.p) digests.p = (const sp_digest *)(const void *)move_bytes(c, digests.p, digests.n * sizeof *digests.p);
            if (c->bytes) memcpy(cell, &digests, sizeof digests);
            break;
        default: break;
        }
    }
}

static void move_rows(copy *c, sp_exchange_row *row, sp_evidence_row *evidence, size_t n) {
    move_cells(c, &sp_exchanges_schema, row);
    for (size_t i = 0; i < n; i++) move_cells(c, &sp_evidence_schema, &evidence[i]);
}

_Static_assert(_Alignof(sp_digest) == 1, "digests stand among the bytes");
_Static_assert(sizeof(sp_answer) % _Alignof(sp_evidence_row) == 0 && sizeof(sp_evidence_row) % _Alignof(sp_view) == 0,
               "answer, rows, views, bytes: one behind the other");

sp_status sp_answer_new(const sp_alloc *a, const sp_exchange_row *row, const sp_evidence_row *evidence, size_t n, const sp_diagnosis *why,
                        sp_view pointer, sp_answer **out) {
    copy size = {0};
    sp_exchange_row counted = *row;
    *out = NULL;
    move_rows(&size, &counted, (sp_evidence_row *)(uintptr_t)evidence, n); /* nothing is written while there is no place */
    /* + 1: what is empty is not null, and has a place, too */
    sp_answer *x = a->resize(a->ctx, NULL, sizeof *x + n * sizeof *evidence + size.view_n * sizeof(sp_view) + size.byte_n + pointer.n + 1);
    if (!x) return SP_ERR_NOMEM;
    x->alloc = a;
    x->row = *row;
    x->evidence = (sp_evidence_row *)(x + 1);
    x->evidence_n = n;
    if (n) memcpy(x->evidence, evidence, n * sizeof *evidence);
    copy c = {.views = (sp_view *)(x->evidence + n)};
    c.bytes = (uint8_t *)(c.views + size.view_n);
    move_rows(&c, &x->row, x->evidence, n);
    if (why) x->why = *why; /* its text is constant */
    else memset(&x->why, 0, sizeof x->why);
    x->pointer = (sp_view){move_bytes(&c, pointer.p, pointer.n), pointer.n};
    *out = x;
    return SP_OK;
}

void sp_answer_free(sp_answer *x) {
    if (x) sp_release(x->alloc, x);
}

/* One table of rows of `size` bytes. */
static sp_status columns_of(const sp_alloc *a, const sp_schema *s, const void *rows, size_t n, size_t size, sp_columns **out) {
    sp_columns *c = sp_columns_new(a, s, NULL);
    sp_status status = c ? SP_OK : SP_ERR_NOMEM;
    for (size_t i = 0; i < n && status == SP_OK; i++) status = sp_columns_append(c, (const char *)rows + i * size);
    if (status == SP_OK) *out = c;
    else sp_columns_drop(c);
    return status;
}

sp_status sp_answer_columns(const sp_answer *x, sp_columns **exchanges, sp_columns **evidence) {
    sp_status status = SP_OK;
    if (exchanges) *exchanges = NULL;
    if (evidence) *evidence = NULL;
    if (exchanges) status = columns_of(x->alloc, &sp_exchanges_schema, &x->row, 1, sizeof x->row, exchanges);
    if (evidence && status == SP_OK)
        status = columns_of(x->alloc, &sp_evidence_schema, x->evidence, x->evidence_n, sizeof *x->evidence, evidence);
    if (status != SP_OK && exchanges) {
        sp_columns_drop(*exchanges);
        *exchanges = NULL;
    }
    return status;
}
