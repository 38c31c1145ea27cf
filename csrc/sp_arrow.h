/* Arrow C data and stream interface over columns (https://arrow.apache.org/docs/format/CDataInterface.html). What is handed out holds
   references to the columns; its release needs no Python and may run in any thread, at any time, and after the struct was moved. */
#ifndef SP_ARROW_H
#define SP_ARROW_H

#include "sp_columns.h"

#ifndef ARROW_C_DATA_INTERFACE
#define ARROW_C_DATA_INTERFACE
#define ARROW_FLAG_DICTIONARY_ORDERED 1
#define ARROW_FLAG_NULLABLE 2
#define ARROW_FLAG_MAP_KEYS_SORTED 4
struct ArrowSchema {
    const char *format;
    const char *name;
    const char *metadata;
    int64_t flags;
    int64_t n_children;
    struct ArrowSchema **children;
    struct ArrowSchema *dictionary;
    void (*release)(struct ArrowSchema *);
    void *private_data;
};
struct ArrowArray {
    int64_t length;
    int64_t null_count;
    int64_t offset;
    int64_t n_buffers;
    int64_t n_children;
    const void **buffers;
    struct ArrowArray **children;
    struct ArrowArray *dictionary;
    void (*release)(struct ArrowArray *);
    void *private_data;
};
#endif
#ifndef ARROW_C_STREAM_INTERFACE
#define ARROW_C_STREAM_INTERFACE
struct ArrowArrayStream {
    int (*get_schema)(struct ArrowArrayStream *, struct ArrowSchema *);
    int (*get_next)(struct ArrowArrayStream *, struct ArrowArray *);
    const char *(*get_last_error)(struct ArrowArrayStream *);
    void (*release)(struct ArrowArrayStream *);
    void *private_data;
};
#endif

typedef struct sp_pair { /* one entry of the metadata of a schema */
    sp_view key, value;
} sp_pair;

/* All fill *out, or return SP_ERR_NOMEM and leave it released (release NULL). Memory comes from `a`, which must be thread-safe and live
   as long as the process. A stream gives the parts in their order, without those that have no rows; every schema is `schema`. */
sp_status sp_arrow_schema(const sp_alloc *a, const sp_schema *schema, const sp_pair *meta, size_t n, struct ArrowSchema *out);
sp_status sp_arrow_array(const sp_alloc *a, sp_part part, struct ArrowArray *out);
sp_status sp_arrow_stream(const sp_alloc *a, const sp_schema *schema, const sp_pair *meta, size_t meta_n, const sp_part *parts,
                          size_t part_n, struct ArrowArrayStream *out);

#endif
