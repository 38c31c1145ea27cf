#include <stdio.h>

#include "check.h"
#include "sp_arrow.h"
#include "table.h"

static const sp_pair meta[] = {{{(const uint8_t *)"key", 3}, {(const uint8_t *)"value", 5}}, {{(const uint8_t *)"k", 1}, {NULL, 0}}};

static void gives_a_schema(void) {
    static const char *const formats[] = {"u", "l", "i", "b", "tsu:UTC", "+l"};
    struct ArrowSchema s, moved;
    int32_t n[2];
    CHECK(sp_arrow_schema(&sp_alloc_std, &table_schema, meta, 2, &s) == SP_OK);
    CHECK(strcmp(s.format, "+s") == 0 && strcmp(s.name, "") == 0 && s.flags == 0 && s.n_children == 6 && !s.dictionary);
    memcpy(n, s.metadata, sizeof n);
    CHECK(n[0] == 2 && n[1] == 3 && memcmp(s.metadata + 8, "key", 3) == 0 && memcmp(s.metadata + 15, "value", 5) == 0);
    for (size_t i = 0; i < 6; i++) {
        const struct ArrowSchema *c = s.children[i];
        CHECK(strcmp(c->format, formats[i]) == 0 && strcmp(c->name, table_columns[i].name) == 0 && !c->metadata);
        CHECK(c->flags == (i ? ARROW_FLAG_NULLABLE : 0) && c->n_children == (i == LIST));
    }
    CHECK(strcmp(s.children[LIST]->children[0]->format, "u") == 0 && strcmp(s.children[LIST]->children[0]->name, "item") == 0);
    moved = *s.children[LIST]; /* a child may leave its parent, and the parent its place */
    s.children[LIST]->release = NULL;
    struct ArrowSchema elsewhere = s;
    s.release = NULL;
    elsewhere.release(&elsewhere);
    CHECK(!elsewhere.release && strcmp(moved.children[0]->format, "u") == 0);
    moved.release(&moved);
    CHECK(!moved.release);
    CHECK(sp_arrow_schema(&sp_alloc_std, &table_schema, NULL, 0, &s) == SP_OK && !s.metadata);
    s.release(&s);
}

static void gives_an_array(void) {
    sp_columns *c = table_of(&sp_alloc_std, 20);
    struct ArrowArray x, list;
    CHECK(sp_arrow_array(&sp_alloc_std, (sp_part){c, 0, 20}, &x) == SP_OK);
    sp_columns_drop(c); /* the array holds it */
    CHECK(x.length == 20 && x.null_count == 0 && x.offset == 0 && x.n_buffers == 1 && !x.buffers[0] && x.n_children == 6 && !x.dictionary);
    for (size_t i = 0; i < 6; i++) {
        CHECK(x.children[i]->length == 20 && x.children[i]->null_count == 5 && x.children[i]->n_buffers == (i == UID ? 3 : 2));
        for (int64_t b = 0; b < x.children[i]->n_buffers; b++) CHECK(x.children[i]->buffers[b] != NULL);
    }
    const int32_t *offsets = x.children[UID]->buffers[1];
    CHECK(offsets[0] == 0 && offsets[1] == 5 && offsets[2] == 5 && memcmp(x.children[UID]->buffers[2], "row 0", 5) == 0);
    list = *x.children[LIST];
    x.children[LIST]->release = NULL;
    x.release(&x);
    CHECK(!x.release && list.children[0]->length == 20 && list.children[0]->null_count == 0);
    CHECK(memcmp(list.children[0]->buffers[2], "row 1", 5) == 0);
    list.release(&list);
    CHECK(!list.release);
}

static void gives_dictionaries(void) {
    sp_columns *c = coded_of(&sp_alloc_std, 30);
    struct ArrowSchema s;
    struct ArrowArray x, word;
    CHECK(sp_arrow_schema(&sp_alloc_std, &coded_schema, NULL, 0, &s) == SP_OK && s.n_children == 3);
    CHECK(strcmp(s.children[WORD]->format, "i") == 0 && s.children[WORD]->dictionary &&
          strcmp(s.children[WORD]->dictionary->format, "u") == 0);
    CHECK(strcmp(s.children[HASH]->format, "u") == 0 && strcmp(s.children[HASHES]->format, "+l") == 0);
    s.release(&s);
    CHECK(sp_arrow_array(&sp_alloc_std, (sp_part){c, 10, 20}, &x) == SP_OK);
    sp_columns_drop(c);
    word = *x.children[WORD]; /* it leaves with its dictionary */
    x.children[WORD]->release = NULL;
    x.release(&x);
    CHECK(word.length == 20 && word.offset == 10 && word.n_buffers == 2 && word.n_children == 0 && word.dictionary->n_buffers == 3);
    const int32_t *codes = word.buffers[1], *offsets = word.dictionary->buffers[1];
    const char *text = word.dictionary->buffers[2];
    CHECK(offsets[codes[28] + 1] == offsets[codes[28]] + 1 && text[offsets[codes[28]]] == 'c');
    word.release(&word);
    CHECK(!word.release);
    faulty f;
    for (size_t n = 1; c; n++) {
        faulty_init(&f, n, 1);
        c = coded_of(&sp_alloc_std, 3);
        sp_status st = sp_arrow_schema(&f.alloc, &coded_schema, NULL, 0, &s);
        if (st == SP_OK) s.release(&s);
        sp_status also = sp_arrow_array(&f.alloc, (sp_part){c, 0, 3}, &x);
        if (also == SP_OK) x.release(&x);
        sp_columns_drop(c);
        CHECK(f.live == 0 && !x.release && !s.release);
        if (st == SP_OK && also == SP_OK) c = NULL;
    }
}

static void gives_slices_and_nothing(void) {
    sp_columns *c = table_of(&sp_alloc_std, 20), *none = table_of(&sp_alloc_std, 0);
    struct ArrowArray x;
    CHECK(sp_arrow_array(&sp_alloc_std, (sp_part){c, 3, 5}, &x) == SP_OK);
    CHECK(x.length == 5 && x.offset == 0 && x.children[BIG]->length == 5 && x.children[BIG]->offset == 3 &&
          x.children[BIG]->null_count == -1);
    x.release(&x);
    CHECK(sp_arrow_array(&sp_alloc_std, (sp_part){none, 0, 0}, &x) == SP_OK);
    for (size_t i = 0; i < 6; i++) CHECK(x.children[i]->length == 0 && x.children[i]->null_count == 0 && x.children[i]->buffers[1]);
    CHECK(x.children[UID]->buffers[2] && x.children[LIST]->children[0]->length == 0);
    x.release(&x);
    sp_columns_drop(c);
    sp_columns_drop(none);
}

static void streams(void) {
    sp_columns *c = table_of(&sp_alloc_std, 20), *none = table_of(&sp_alloc_std, 0);
    const sp_part parts[] = {{none, 0, 0}, {c, 0, 20}, {c, 4, 0}, {c, 10, 10}};
    for (int times = 0; times < 2; times++) { /* a list of parts can be read again */
        struct ArrowArrayStream s;
        struct ArrowSchema schema;
        struct ArrowArray first, second, end;
        CHECK(sp_arrow_stream(&sp_alloc_std, &table_schema, meta, 2, parts, 4, &s) == SP_OK);
        CHECK(s.get_schema(&s, &schema) == 0 && schema.n_children == 6 && memcmp(schema.metadata + 15, "value", 5) == 0);
        schema.release(&schema);
        CHECK(s.get_next(&s, &first) == 0 && first.length == 20);
        CHECK(s.get_next(&s, &second) == 0 && second.length == 10);
        CHECK(s.get_next(&s, &end) == 0 && !end.release && !s.get_last_error(&s));
        CHECK(s.get_next(&s, &end) == 0 && !end.release);
        CHECK(s.get_schema(&s, &schema) == 0);
        s.release(&s); /* what it gave lives on */
        CHECK(!s.release && second.children[BIG]->offset == 10);
        schema.release(&schema);
        second.release(&second);
        first.release(&first);
    }
    struct ArrowArrayStream s;
    struct ArrowArray end;
    CHECK(sp_arrow_stream(&sp_alloc_std, &table_schema, NULL, 0, NULL, 0, &s) == SP_OK);
    CHECK(s.get_next(&s, &end) == 0 && !end.release);
    s.release(&s);
    sp_columns_drop(c);
    sp_columns_drop(none);
}

/* Runs a stream to its end with the n-th allocation failing; whether it came through. */
static int run(const sp_part *part, faulty *f) {
    struct ArrowArrayStream s;
    struct ArrowSchema schema;
    struct ArrowArray x;
    int ok = 1;
    if (sp_arrow_stream(&f->alloc, &table_schema, meta, 2, part, 1, &s) != SP_OK) return 0;
    if (s.get_schema(&s, &schema) == 0) schema.release(&schema);
    else ok = s.get_last_error(&s) == NULL;
    for (int left = 3; left; left--) { /* a failed step may be tried again */
        if (s.get_next(&s, &x) != 0) ok = s.get_last_error(&s) == NULL;
        else if (x.release) x.release(&x);
        CHECK(!x.release);
    }
    s.release(&s);
    return ok;
}

static void survives_failures(void) {
    sp_columns *c = table_of(&sp_alloc_std, 20);
    const sp_part part = {c, 0, 20};
    int through = 0;
    for (size_t n = 1; !through; n++)
        for (int for_ever = 0; for_ever < 2; for_ever++) {
            faulty f;
            faulty_init(&f, n, for_ever);
            through = run(&part, &f);
            CHECK(f.live == 0 && atomic_load(&c->refs) == 1);
        }
    const sp_pair huge = {{(const uint8_t *)"k", (size_t)INT32_MAX + 1}, {NULL, 0}};
    struct ArrowSchema schema;
    struct ArrowArrayStream s;
    CHECK(sp_arrow_schema(&sp_alloc_std, &table_schema, &huge, 1, &schema) == SP_ERR_NOMEM && !schema.release);
    CHECK(sp_arrow_stream(&sp_alloc_std, &table_schema, &huge, 1, &part, 1, &s) == SP_ERR_NOMEM && !s.release);
    sp_columns_drop(c);
}

int main(void) {
    gives_a_schema();
    gives_an_array();
    gives_dictionaries();
    gives_slices_and_nothing();
    streams();
    survives_failures();
    return check_done();
}
