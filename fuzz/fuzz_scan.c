/* Any bytes as a payload: the scan and the diagnosis agree whether it is JSON, offsets stay inside, a reader that read all that came before gives the same row as a fresh one, and so does
   reading another spelling of the same value. Leaving aside out of memory, nothing else may happen. */
#include "fuzz.h"
#include "rewrite.h"

typedef struct answer {
    sp_columns *row, *marks;
    sp_diagnosis why;
} answer;

static answer read_fresh(const sp_rules *rules, sp_view payload) {
    answer a;
    sp_one one = {.payload = payload, .status = SP_NULL_INT};
    expect(classify_alone(&sp_alloc_std, rules, &one, &a.row, &a.marks, &a.why) == SP_OK);
    expect(sp_columns_rows(a.row) == 1);
    return a;
}

static answer read_warm(sp_pool *pool, sp_view payload) {
    answer a;
    sp_answer *found;
    sp_one one = {.payload = payload, .status = SP_NULL_INT};
    expect(sp_classify_one(pool, &one, &found) == SP_OK);
    a.why = found->why;
    expect(sp_answer_columns(found, &a.row, &a.marks) == SP_OK);
    sp_answer_free(found);
    return a;
}

static void drop(answer *a) {
    sp_columns_drop(a->row);
    sp_columns_drop(a->marks);
}

static int same_rows(const sp_columns *a, const sp_columns *b) {
    sp_out x = {.alloc = &sp_alloc_std}, y = {.alloc = &sp_alloc_std};
    expect(sp_export_ndjson(a, 0, sp_columns_rows(a), &x) == SP_OK && sp_export_ndjson(b, 0, sp_columns_rows(b), &y) == SP_OK);
    int same = x.n == y.n && (x.n == 0 || memcmp(x.p, y.p, x.n) == 0);
    sp_release(x.alloc, x.p);
    sp_release(y.alloc, y.p);
    return same;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    static sp_rules *rules;
    static sp_pool *pool;
    if (!rules) rules = fuzz_rules_new(0), pool = sp_pool_new(&sp_alloc_std, rules);
    uint8_t *text = exact(data, size);
    sp_view payload = {text, size};
    sp_diagnosis slow;
    answer a = read_warm(pool, payload), b = read_fresh(rules, payload);
    expect(same_rows(a.row, b.row) && same_rows(a.marks, b.marks));
    sp_arena scratch;
    sp_arena_init(&scratch, &sp_alloc_std);
    size_t n;
    expect(sp_diagnose(payload, 0, sp_rules_limits(rules), &scratch, &slow, NULL, NULL, NULL, 0, &n) == SP_OK);
    expect(slow.status == a.why.status && (slow.status == SP_OK || slow.pos == a.why.pos) && slow.pos <= size &&
           a.why.status != SP_ERR_INTERNAL);
    if (slow.status == SP_OK) {
        sp_view other = rewrite(payload);
        uint8_t *again = exact(other.p, other.n);
        answer c = read_fresh(rules, (sp_view){again, other.n});
        if (c.why.status != SP_OK || !same_cells(a.row, 0, c.row, 0)) {
            fprintf(stderr, "%.*s\n%.*s\n", (int)size, (const char *)text, (int)other.n, (const char *)again);
            abort();
        }
        drop(&c);
        free(again);
        free((void *)(uintptr_t)other.p);
    }
    sp_arena_fini(&scratch);
    drop(&a);
    drop(&b);
    free(text);
    return 0;
}
