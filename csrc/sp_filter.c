#include "sp_filter.h"

#include <stdlib.h>

#include "sp_columns_impl.h"
#include "sp_limits.h"

const char *const sp_filter_op_names[] = {
#define X(name, text) text,
    SP_FILTER_OPS(X)
#undef X
};

const char *const sp_left_names[SP_LEFT_COUNT] = {
#define X(name, text) text,
    SP_LEFT(X)
#undef X
};

typedef enum answer {
    NO,
    YES,
    NOT_KNOWN
} answer;

struct sp_filter { /* steps, values and texts stand behind it in one block */
    const sp_alloc *alloc;
    const sp_schema *schema;
    size_t time, error; /* columns; error: that of the schema's end where there is none */
    int64_t since, until;
    uint64_t below; /* a row whose hash is below is in the sample */
    int sampled;
    uint64_t seed;
    const sp_filter_step *steps;
    size_t step_n;
};

/* ---- making one ---------------------------------------------------------------------------------------------------------------------- */

static int is_connective(sp_filter_op op) { return op == SP_FILTER_NOT || op == SP_FILTER_AND || op == SP_FILTER_OR; }

static int fits_kind(const sp_filter_step *s, sp_kind kind) {
    spi_layout layout = spi_layout_of(kind);
    int orders = s->op == SP_FILTER_LESS || s->op == SP_FILTER_AT_MOST;
    if (s->op == SP_FILTER_NULL) return s->n == 0;
    if (s->op == SP_FILTER_IN ? s->n == 0 : s->n != 1) return 0;
    if ((s->op == SP_FILTER_HAS) != (layout == SPI_LIST) || (orders && kind == SP_KIND_BOOL)) return 0;
    for (size_t i = 0; i < s->n; i++)
        if (layout == SPI_FIXED ? s->values[i].number == SP_NULL_INT : !s->values[i].text.p) return 0;
    return 1;
}

/* Whether the steps leave one answer, and each finds what it takes. Counts values and bytes of text. */
static int is_expression(const sp_filter_options *o, size_t *values, size_t *text) {
    size_t depth = 0;
    *values = *text = 0;
    if (o->step_n > SP_FILTER_STEPS) return 0;
    for (size_t i = 0; i < o->step_n; i++) {
        const sp_filter_step *s = &o->steps[i];
        if ((unsigned)s->op >= SP_FILTER_OP_COUNT) return 0;
        if (is_connective(s->op)) {
            size_t takes = s->op == SP_FILTER_NOT ? 1 : 2;
            if (depth < takes || s->n) return 0;
            depth -= takes;
        } else if (s->column >= o->schema->count || !fits_kind(s, o->schema->columns[s->column].kind)) {
            return 0;
        }
        if (++depth > SP_FILTER_DEPTH || s->n > SP_FILTER_VALUES || (*values += s->n) > SP_FILTER_VALUES) return 0;
        for (size_t k = 0; k < s->n; k++)
            if (__builtin_add_overflow(*text, s->values[k].text.p ? s->values[k].text.n : 0, text)) return 0;
    }
    return depth == (o->step_n > 0);
}

static int compare(const sp_filter_value *a, const sp_filter_value *b) {
    if (!a->text.p) return (a->number > b->number) - (a->number < b->number);
    size_t n = a->text.n < b->text.n ? a->text.n : b->text.n;
    int order = n ? memcmp(a->text.p, b->text.p, n) : 0;
    return order ? order : (a->text.n > b->text.n) - (a->text.n < b->text.n);
}

static int compare_any(const void *a, const void *b) { return compare(a, b); }

/* Copies the steps; values in ascending order, so that a cell finds its own by halving. */
static void copy_steps(sp_filter *f, const sp_filter_options *o, sp_filter_step *steps, sp_filter_value *values, uint8_t *text) {
    for (size_t i = 0; i < o->step_n; i++) {
        steps[i] = o->steps[i];
        steps[i].values = values;
        for (size_t k = 0; k < steps[i].n; k++) {
            int fixed = spi_layout_of(o->schema->columns[steps[i].column].kind) == SPI_FIXED;
            values[k] = o->steps[i].values[k];
            values[k].text = fixed ? (sp_view){NULL, 0} : (sp_view){text, values[k].text.n};
            if (fixed || !values[k].text.n) continue;
            memcpy(text, o->steps[i].values[k].text.p, values[k].text.n);
            text += values[k].text.n;
        }
        if (steps[i].n > 1) qsort(values, steps[i].n, sizeof *values, compare_any);
        values += steps[i].n;
    }
    f->steps = steps;
    f->step_n = o->step_n;
}

/* That of the schema's end: there is none. */
static size_t column_called(const sp_schema *schema, const char *name) {
    size_t i = 0;
    while (i < schema->count && strcmp(schema->columns[i].name, name) != 0) i++;
    return i;
}

sp_status sp_filter_new(const sp_alloc *a, const sp_filter_options *o, sp_filter **out) {
    size_t values, text, time = column_called(o->schema, "time"), fixed = sizeof(sp_filter) + o->step_n * sizeof(sp_filter_step);
    *out = NULL;
    if (!is_expression(o, &values, &text) || time == o->schema->count || !(o->share > 0 && o->share <= 1)) return SP_ERR_SYNTAX;
    if (text > SIZE_MAX - fixed - values * sizeof(sp_filter_value) - 1) return SP_ERR_NOMEM; /* steps and values are few */
    sp_filter *f = a->resize(a->ctx, NULL, fixed + values * sizeof(sp_filter_value) + text + 1);
    if (!f) return SP_ERR_NOMEM;
    *f = (sp_filter){.alloc = a, .schema = o->schema, .time = time, .since = o->since, .until = o->until, .seed = o->seed};
    f->error = column_called(o->schema, "error");
    f->sampled = o->share < 1;
    f->below = f->sampled ? (uint64_t)(o->share * 0x1p64) : 0;
    sp_filter_step *steps = (sp_filter_step *)(void *)(f + 1);
    sp_filter_value *first = (sp_filter_value *)(void *)(steps + o->step_n);
    copy_steps(f, o, steps, first, (uint8_t *)(first + values));
    *out = f;
    return SP_OK;
}

void sp_filter_free(sp_filter *f) {
    if (f) sp_release(f->alloc, f);
}

/* ---- one row ------------------------------------------------------------------------------------------------------------------------- */

static answer is_among(const sp_filter_step *s, const sp_filter_value *cell) {
    size_t from = 0, to = s->n;
    while (from < to) {
        size_t middle = from + (to - from) / 2;
        int order = compare(cell, &s->values[middle]);
        if (order == 0) return YES;
        if (order > 0) from = middle + 1;
        else to = middle;
    }
    return NO;
}

static answer test(const sp_filter_step *s, const sp_columns *c, size_t row) {
    sp_filter_value cell = {.number = 0};
    spi_layout layout = spi_column_layout(c, s->column);
    int valid = spi_cell_valid(c, s->column, row);
    if (s->op == SP_FILTER_NULL) return valid ? NO : YES;
    if (!valid) return NOT_KNOWN;
    if (s->op == SP_FILTER_HAS) {
        for (size_t i = 0, n = spi_cell_items(c, s->column, row); i < n; i++)
            if (sp_view_eq(spi_cell_item(c, s->column, row, i), s->values->text)) return YES;
        return NO;
    }
    if (layout == SPI_FIXED) cell.number = spi_cell_int(c, s->column, row);
    else cell.text = spi_cell_text(c, s->column, row);
    if (s->op == SP_FILTER_IN) return is_among(s, &cell);
    int order = compare(&cell, s->values);
    return order < 0 || (order == 0 && s->op == SP_FILTER_AT_MOST) ? YES : NO;
}

static answer both(answer a, answer b) { return a == NO || b == NO ? NO : a == YES && b == YES ? YES : NOT_KNOWN; }
static answer opposite(answer a) { return a == NOT_KNOWN ? a : a == YES ? NO : YES; }

static answer holds(const sp_filter *f, const sp_columns *c, size_t row) {
    answer stack[SP_FILTER_DEPTH];
    size_t n = 0;
    if (!f->step_n) return YES;
    for (size_t i = 0; i < f->step_n; i++) {
        const sp_filter_step *s = &f->steps[i];
        if (s->op == SP_FILTER_NOT) stack[n - 1] = opposite(stack[n - 1]);
        else if (s->op == SP_FILTER_AND) n--, stack[n - 1] = both(stack[n - 1], stack[n]);
        else if (s->op == SP_FILTER_OR) n--, stack[n - 1] = opposite(both(opposite(stack[n - 1]), opposite(stack[n])));
        else stack[n++] = test(s, c, row);
    }
    return stack[0];
}

/* What a rejected row lacks, it lacks for being rejected. */
static sp_left for_want(const sp_filter *f, const sp_columns *c, size_t row, sp_left why) {
    return f->error < f->schema->count && spi_cell_valid(c, f->error, row) ? SP_LEFT_REJECTED : why;
}

static sp_left fate(const sp_filter *f, const sp_columns *c, size_t row, sp_filter_result *out) {
    int timed = spi_cell_valid(c, f->time, row);
    int64_t t = spi_cell_int(c, f->time, row);
    if (timed && (out->first == SP_NULL_INT || t < out->first)) out->first = t;
    if (timed && (out->last == SP_NULL_INT || t > out->last)) out->last = t;
    if (f->since != SP_NULL_INT || f->until != SP_NULL_INT) {
        if (!timed) return for_want(f, c, row, SP_LEFT_NO_TIME);
        if ((f->since != SP_NULL_INT && t < f->since) || (f->until != SP_NULL_INT && t >= f->until)) return SP_LEFT_OUTSIDE_TIME;
    }
    answer a = holds(f, c, row);
    if (a != YES) return a == NO ? SP_LEFT_WHERE : for_want(f, c, row, SP_LEFT_WHERE_UNKNOWN);
    sp_view uid = spi_cell_text(c, 0, row);
    return f->sampled && sp_x64_seeded(uid.p, uid.n, f->seed) >= f->below ? SP_LEFT_SAMPLE : SP_KEPT;
}

/* ---- a batch ------------------------------------------------------------------------------------------------------------------------- */

/* The rows as a part: the same one where all are kept, a copy of them otherwise. */
static sp_status part_of(const sp_alloc *a, sp_part whole, const uint32_t *rows, size_t n, sp_part *out) {
    if (n == whole.count) *out = (sp_part){sp_columns_hold(whole.columns), whole.from, n};
    else *out = (sp_part){sp_columns_pick(a, whole.columns, rows, n), 0, n};
    return out->columns ? SP_OK : SP_ERR_NOMEM;
}

/* Numbers of the rows of the evidence that belong to the rows that are kept. Both stand in the same order. */
static size_t marks_of(sp_part exchanges, sp_part evidence, const uint32_t *rows, size_t n, uint32_t *marks) {
    size_t kept = 0, next = 0, at = evidence.from, end = evidence.from + evidence.count;
    for (size_t row = exchanges.from; row < exchanges.from + exchanges.count && at < end; row++) {
        sp_view uid = spi_cell_text(exchanges.columns, 0, row);
        int mine = next < n && rows[next] == row;
        next += (size_t)mine;
        for (; at < end && sp_view_eq(spi_cell_text(evidence.columns, 0, at), uid); at++)
            if (mine) marks[kept++] = (uint32_t)at;
    }
    return kept;
}

sp_status sp_filter_run(const sp_filter *f, sp_part exchanges, sp_part evidence, size_t limit, sp_filter_result *out) {
    const sp_alloc *a = f->alloc;
    uint32_t *rows = NULL, *marks = NULL;
    size_t n = 0, row_cap = 0, mark_cap = 0;
    *out = (sp_filter_result){.first = SP_NULL_INT, .last = SP_NULL_INT};
    if (exchanges.columns->schema != f->schema) return SP_ERR_INTERNAL;
    sp_status st = sp_grow(a, &rows, &row_cap, exchanges.count + 1, sizeof *rows);
    for (; st == SP_OK && out->seen < exchanges.count && n < limit; out->seen++) {
        size_t row = exchanges.from + out->seen;
        sp_left why = fate(f, exchanges.columns, row, out);
        if (why == SP_KEPT) rows[n++] = (uint32_t)row;
        else out->left[why]++;
    }
    if (st == SP_OK) st = part_of(a, exchanges, rows, n, &out->exchanges);
    if (st == SP_OK && evidence.columns) {
        st = sp_grow(a, &marks, &mark_cap, evidence.count + 1, sizeof *marks);
        if (st == SP_OK) st = part_of(a, evidence, marks, marks_of(exchanges, evidence, rows, n, marks), &out->evidence);
    }
    if (st != SP_OK) {
        sp_columns_drop(out->exchanges.columns);
        sp_columns_drop(out->evidence.columns);
        *out = (sp_filter_result){0};
    }
    sp_release(a, rows);
    sp_release(a, marks);
    return st;
}
