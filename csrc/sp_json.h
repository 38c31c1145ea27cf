/* JSON as a tree, for the cold path: rule packs, context, descriptions. The only unit that includes jansson.h; jansson's error text quotes
   its input, so it is never passed on. */
#ifndef SP_JSON_H
#define SP_JSON_H

#include <stddef.h>

#include "sp_arena.h"
#include "sp_status.h"
#include "sp_text.h"

typedef struct json_t sp_value; /* jansson's own type, opaque here */

typedef enum sp_value_kind {
    SP_VALUE_NULL,
    SP_VALUE_BOOL,
    SP_VALUE_NUMBER,
    SP_VALUE_STRING,
    SP_VALUE_ARRAY,
    SP_VALUE_OBJECT
} sp_value_kind;

/* The tree of a text that is valid JSON (sp_diagnose says so), for the caller to free; or NULL in *out with SP_ERR_NOMEM, or with
   SP_ERR_SYNTAX for what jansson refuses: repeated names, lone surrogates, NUL in names, numbers beyond 64 bits. */
sp_status sp_json_load(sp_view text, sp_value **out);
void sp_json_free(sp_value *v);

/* Borrowed views of a tree; NULL or empty where there is none or the kind differs. `v` may be NULL. */
sp_value_kind sp_json_kind(const sp_value *v);
size_t sp_json_size(const sp_value *v);                  /* elements or members */
const sp_value *sp_json_at(const sp_value *v, size_t i); /* element */
const sp_value *sp_json_get(const sp_value *v, const char *name);
sp_view sp_json_text(const sp_value *v);  /* string */
int sp_json_true(const sp_value *v);      /* the literal true */
long long sp_json_int(const sp_value *v); /* integer, 0 otherwise */
/* The members in document order: *it is NULL before the first call; returns 0 at the end. */
int sp_json_next(const sp_value *v, void **it, sp_view *name, const sp_value **value);

/* Building a tree, for output. NULL, or -1 where there is no memory: then the tree lacks something. Every function takes NULL for "no memory
   before"; `taken` is taken in any case. A text with p NULL is left out. */
sp_value *sp_json_object(void);
sp_value *sp_json_list(void);
int sp_json_put_text(sp_value *object, const char *name, sp_view text);
int sp_json_put_int(sp_value *object, const char *name, long long n);
int sp_json_put(sp_value *object, const char *name, sp_value *taken);
int sp_json_push(sp_value *list, sp_value *taken);
/* Compact text with a NUL behind it, out of `a`; NULL when out of memory. */
char *sp_json_dump(const sp_alloc *a, const sp_value *v, size_t *n);

#endif
