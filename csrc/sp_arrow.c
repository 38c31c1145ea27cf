/* Arrow structs by hand. Every struct owns one block (private_data) with its children in it, and each child another one, so that a
   consumer may move a child out and keep it after the parent was released. */
#include "sp_arrow.h"

#include <errno.h>

#include "sp_columns_impl.h"

static const char *format_of(sp_kind kind) {
    switch (kind) {
    case SP_KIND_I64: return "l";
    case SP_KIND_I32: return "i";
    case SP_KIND_BOOL: return "b";
    case SP_KIND_TIME: return "tsu:UTC";
    case SP_KIND_STRS:
    case SP_KIND_HEXS: return "+l";
    case SP_KIND_DICT:
    case SP_KIND_NAME: return "i";
    default: return "u";
    }
}

/* --- schema --- */

typedef struct schema_block {
    const sp_alloc *alloc;
    struct ArrowSchema **pointers;
    char *metadata;
    struct ArrowSchema children[];
} schema_block;

static void schema_release(struct ArrowSchema *s) {
    schema_block *b = s->private_data;
    for (int64_t i = 0; i < s->n_children; i++)
        if (s->children[i]->release) s->children[i]->release(s->children[i]);
    if (s->dictionary && s->dictionary->release) s->dictionary->release(s->dictionary);
    sp_release(b->alloc, b);
    s->release = NULL;
}

static size_t metadata_size(const sp_pair *meta, size_t n) {
    size_t size = sizeof(int32_t);
    for (size_t i = 0; i < n; i++) {
        if (meta[i].key.n > INT32_MAX || meta[i].value.n > INT32_MAX) return SIZE_MAX;
        if (__builtin_add_overflow(size, meta[i].key.n + meta[i].value.n + 2 * sizeof(int32_t), &size)) return SIZE_MAX;
    }
    return n > INT32_MAX ? SIZE_MAX : size;
}

static char *put_part(char *p, sp_view v) {
    int32_t n = (int32_t)v.n;
    memcpy(p, &n, sizeof n);
    if (v.n) memcpy(p + sizeof n, v.p, v.n);
    return p + sizeof n + v.n;
}

static void put_metadata(char *p, const sp_pair *meta, size_t n) {
    int32_t count = (int32_t)n;
    memcpy(p, &count, sizeof count);
    p += sizeof count;
    for (size_t i = 0; i < n; i++) p = put_part(put_part(p, meta[i].key), meta[i].value);
}

/* Fills *s with room for `children` released ones (or a dictionary) and `metadata` bytes. */
static sp_status schema_start(const sp_alloc *a, struct ArrowSchema *s, const char *format, const char *name, size_t children,
                              size_t metadata) {
    size_t fixed = sizeof(schema_block) + children * (sizeof(struct ArrowSchema) + sizeof(struct ArrowSchema *));
    schema_block *b = metadata > SIZE_MAX - fixed ? NULL : a->resize(a->ctx, NULL, fixed + metadata);
    *s = (struct ArrowSchema){.format = format, .name = name, .flags = ARROW_FLAG_NULLABLE};
    if (!b) return SP_ERR_NOMEM;
    memset(b, 0, fixed);
    b->alloc = a;
    b->pointers = (struct ArrowSchema **)(void *)(b->children + children);
    b->metadata = (char *)(b->pointers + children);
    for (size_t i = 0; i < children; i++) b->pointers[i] = &b->children[i];
    s->n_children = (int64_t)children;
    s->children = children ? b->pointers : NULL;
    s->metadata = metadata ? b->metadata : NULL;
    s->private_data = b;
    s->release = schema_release;
    return SP_OK;
}

sp_status sp_arrow_schema(const sp_alloc *a, const sp_schema *schema, const sp_pair *meta, size_t n, struct ArrowSchema *out) {
    sp_status st = schema_start(a, out, "+s", "", schema->count, n ? metadata_size(meta, n) : 0);
    if (st != SP_OK) goto fail;
    out->flags = 0;
    if (n) put_metadata(((schema_block *)out->private_data)->metadata, meta, n);
    for (size_t i = 0; i < schema->count; i++) {
        const sp_column_info *info = &schema->columns[i];
        struct ArrowSchema *child = out->children[i];
        spi_layout layout = spi_layout_of(info->kind);
        int inner = layout == SPI_LIST || layout == SPI_CODES;
        st = schema_start(a, child, format_of(info->kind), info->name, inner ? 1 : 0, 0);
        if (st != SP_OK) goto fail;
        if (i == 0) child->flags = 0; /* uid */
        if (layout == SPI_CODES) {
            child->dictionary = child->children[0];
            child->children = NULL;
            child->n_children = 0;
        }
        if (inner)
            st = schema_start(a, child->dictionary ? child->dictionary : child->children[0], "u", layout == SPI_LIST ? "item" : "", 0, 0);
        if (st != SP_OK) goto fail;
    }
    return SP_OK;
fail:
    if (out->release) out->release(out);
    return st;
}

/* --- array --- */

typedef struct array_block {
    const sp_alloc *alloc;
    sp_columns *columns; /* a reference */
    const void *buffers[3];
    struct ArrowArray **pointers;
    struct ArrowArray children[];
} array_block;

static void array_release(struct ArrowArray *x) {
    array_block *b = x->private_data;
    for (int64_t i = 0; i < x->n_children; i++)
        if (x->children[i]->release) x->children[i]->release(x->children[i]);
    if (x->dictionary && x->dictionary->release) x->dictionary->release(x->dictionary);
    sp_columns_drop(b->columns);
    sp_release(b->alloc, b);
    x->release = NULL;
}

/* Fills *x with room for `children` released ones. The buffers are the caller's to set. */
static sp_status array_start(const sp_alloc *a, struct ArrowArray *x, sp_columns *c, size_t length, size_t buffers, size_t children) {
    size_t size = sizeof(array_block) + children * (sizeof(struct ArrowArray) + sizeof(struct ArrowArray *));
    array_block *b = a->resize(a->ctx, NULL, size);
    *x = (struct ArrowArray){.length = (int64_t)length, .n_buffers = (int64_t)buffers};
    if (!b) return SP_ERR_NOMEM;
    memset(b, 0, size);
    b->alloc = a;
    b->columns = sp_columns_hold(c);
    b->pointers = (struct ArrowArray **)(void *)(b->children + children);
    for (size_t i = 0; i < children; i++) b->pointers[i] = &b->children[i];
    x->buffers = b->buffers;
    x->n_children = (int64_t)children;
    x->children = children ? b->pointers : NULL;
    x->private_data = b;
    x->release = array_release;
    return SP_OK;
}

static sp_status column_array(const sp_alloc *a, sp_part part, size_t i, struct ArrowArray *x) {
    sp_columns *c = part.columns;
    const spi_column *k = &c->columns[i];
    spi_layout layout = spi_column_layout(c, i);
    int all = part.from == 0 && part.count == c->rows, inner = layout == SPI_LIST || layout == SPI_CODES;
    SP_TRY(array_start(a, x, c, part.count, layout == SPI_TEXT ? 3 : 2, inner ? 1 : 0));
    x->offset = (int64_t)part.from;
    x->null_count = all ? (int64_t)k->nulls : k->nulls ? -1 : 0; /* -1: the consumer counts */
    x->buffers[0] = k->nulls ? k->valid : NULL;
    x->buffers[1] = layout == SPI_FIXED ? (const void *)k->data : k->offsets;
    if (layout == SPI_TEXT) x->buffers[2] = k->data;
    if (!inner) return SP_OK;
    struct ArrowArray *texts = x->children[0];
    if (layout == SPI_CODES) {
        x->dictionary = texts;
        x->children = NULL;
        x->n_children = 0;
    }
    SP_TRY(array_start(a, texts, c, k->item_count, 3, 0));
    texts->buffers[1] = k->items;
    texts->buffers[2] = k->data;
    return SP_OK;
}

sp_status sp_arrow_array(const sp_alloc *a, sp_part part, struct ArrowArray *out) {
    size_t count = part.columns->schema->count;
    sp_status st = array_start(a, out, part.columns, part.count, 1, count);
    for (size_t i = 0; i < count && st == SP_OK; i++) st = column_array(a, part, i, out->children[i]);
    if (st != SP_OK && out->release) out->release(out);
    return st;
}

/* --- stream --- */

typedef struct stream_block {
    const sp_alloc *alloc;
    const sp_schema *schema;
    sp_pair *meta; /* its texts stand behind it in this block */
    size_t meta_n, part_n, next;
    const char *error; /* constant */
    sp_part parts[];   /* a reference each */
} stream_block;

static int stream_result(stream_block *b, sp_status st) {
    b->error = st == SP_OK ? NULL : "out of memory";
    return st == SP_OK ? 0 : ENOMEM;
}

static int stream_get_schema(struct ArrowArrayStream *s, struct ArrowSchema *out) {
    stream_block *b = s->private_data;
    return stream_result(b, sp_arrow_schema(b->alloc, b->schema, b->meta, b->meta_n, out));
}

static int stream_get_next(struct ArrowArrayStream *s, struct ArrowArray *out) {
    stream_block *b = s->private_data;
    sp_status st = SP_OK;
    *out = (struct ArrowArray){0};
    while (b->next < b->part_n && b->parts[b->next].count == 0) b->next++;
    if (b->next < b->part_n) {
        st = sp_arrow_array(b->alloc, b->parts[b->next], out);
        b->next += st == SP_OK;
    }
    return stream_result(b, st);
}

static const char *stream_get_last_error(struct ArrowArrayStream *s) { return ((stream_block *)s->private_data)->error; }

static void stream_release(struct ArrowArrayStream *s) {
    stream_block *b = s->private_data;
    for (size_t i = 0; i < b->part_n; i++) sp_columns_drop(b->parts[i].columns);
    sp_release(b->alloc, b);
    s->release = NULL;
}

static sp_view keep(char **p, sp_view v) {
    sp_view kept = {(const uint8_t *)*p, v.n};
    if (v.n) memcpy(*p, v.p, v.n);
    *p += v.n;
    return kept;
}

sp_status sp_arrow_stream(const sp_alloc *a, const sp_schema *schema, const sp_pair *meta, size_t meta_n, const sp_part *parts,
                          size_t part_n, struct ArrowArrayStream *out) {
    size_t size, text = metadata_size(meta, meta_n);
    *out = (struct ArrowArrayStream){0};
    if (__builtin_mul_overflow(part_n, sizeof *parts, &size) || __builtin_add_overflow(size, sizeof(stream_block), &size) ||
        __builtin_add_overflow(size, meta_n * sizeof *meta, &size) || __builtin_add_overflow(size, text, &size))
        return SP_ERR_NOMEM;
    stream_block *b = a->resize(a->ctx, NULL, size);
    if (!b) return SP_ERR_NOMEM;
    *b = (stream_block){.alloc = a, .schema = schema, .meta_n = meta_n, .part_n = part_n};
    b->meta = (sp_pair *)(void *)(b->parts + part_n);
    char *p = (char *)(b->meta + meta_n);
    for (size_t i = 0; i < meta_n; i++) {
        b->meta[i].key = keep(&p, meta[i].key);
        b->meta[i].value = keep(&p, meta[i].value);
    }
    for (size_t i = 0; i < part_n; i++) {
        b->parts[i] = parts[i];
        sp_columns_hold(parts[i].columns);
    }
    *out = (struct ArrowArrayStream){stream_get_schema, stream_get_next, stream_get_last_error, stream_release, b};
    return SP_OK;
}
