/* What the units of the binding share. Only csrc/binding includes Python.h, and nothing here decides about payloads.
   Within the limited API of Python 3.11. All objects but Scan and its rooms are immutable once made. */
#ifndef CORE_H
#define CORE_H

#define PY_SSIZE_T_CLEAN
#include <Python.h>

#include "sp_arrow.h"
#include "sp_batch.h"
#include "sp_columns.h"
#include "sp_one.h"
#include "sp_rules.h"

#ifndef STATEPRINT_VERSION
#define STATEPRINT_VERSION "0"
#endif

#define CORE_LEN(a) (sizeof(a) / sizeof *(a))
#define CORE_DETACH_BYTES 65536 /* work on more bytes than that gives the GIL away */
#define CORE_METHOD(function) ((PyCFunction)(void (*)(void))(function))
#define CORE_FAST (METH_FASTCALL | METH_KEYWORDS)

typedef struct core_state {
    PyTypeObject *rules_type, *scan_type, *room_type, *batch_type, *answer_type, *filter_type, *tally_type, *calls_type;
    PyObject *error; /* CoreError */
} core_state;

/* The state, from the module, or from an instance of one of our types (none can be subclassed). */
static inline core_state *core_of_module(PyObject *module) { return PyModule_GetState(module); }
static inline core_state *core_of(PyObject *self) { return PyType_GetModuleState(Py_TYPE(self)); }

/* --- core_args.c --- */

/* One signature: names in the order of the text signature. The first `only` are positional only, the first `places` may stand by place;
   `must` has a bit for each that can't be left out. */
typedef struct core_sig {
    const char *function;
    const char *const *names;
    unsigned count, only, places, must;
} core_sig;

/* Fills values[0 .. count) with borrowed references, NULL where an argument is missing; -1 with TypeError set. */
int core_bind(const core_sig *sig, PyObject *const *args, Py_ssize_t n, PyObject *names, PyObject **values);
int core_bind_call(const core_sig *sig, PyObject *args, PyObject *kwargs, PyObject **values); /* for tp_new */

/* Converters. `o` NULL or None is "none given": then the result is left as it was. -1 with an exception set. */
int core_flag(PyObject *o, int *flag);
int core_size(PyObject *o, const char *name, size_t *n);
int core_bytes(PyObject *o, const char *name, sp_view *v); /* a bytes object; the view lives as long as it */
/* UTF-8 of a str, lone surrogates written out as \udcxx; *owner is a new bytes object that keeps the view (and a NUL after it) alive. */
int core_text(PyObject *o, const char *name, PyObject **owner, sp_view *v);
/* The same without a copy, most often: then *owner stays NULL, and the view lives as long as `o`. For arguments of a call, not to be kept. */
int core_text_here(PyObject *o, const char *name, PyObject **owner, sp_view *v);
static inline int core_given(PyObject *o) { return o && o != Py_None; }

/* A buffer that may be read without the GIL: a bytes object as it is, a copy of anything else. Start with {0}; fini on every path. */
typedef struct core_buffer {
    PyObject *owner;
    sp_view v;
} core_buffer;
int core_buffer_init(core_buffer *b, PyObject *o);
void core_buffer_fini(core_buffer *b);

/* Results. */
int core_raise(sp_status st); /* MemoryError, or RuntimeError with the code; returns -1 */
int core_raise_error(core_state *s, const char *code, const char *file, size_t line, size_t column, const char *message, const char *hint);
PyObject *core_str(sp_view v);                                   /* never fails on the bytes */
int core_put(PyObject *dict, const char *name, PyObject *taken); /* dict[name] = taken; -1, also when taken is NULL */
static inline sp_view core_view(const char *text) { return (sp_view){(const uint8_t *)text, strlen(text)}; }
/* Frees an instance of one of our types; for tp_dealloc, after its fields are gone. */
void core_free(PyObject *self);

/* --- core_rules.c --- */
typedef struct core_rules {
    PyObject_HEAD sp_rules *rules;
    sp_pool *pool;   /* readers of them, for classify */
    char digest[33]; /* of the packs, hex, for the metadata of tables */
} core_rules;
extern PyType_Spec core_rules_spec;

/* --- core_batch.c --- */
typedef struct core_batch {
    PyObject_HEAD sp_part part; /* columns NULL while it is made */
    char digest[33];
} core_batch;
extern PyType_Spec core_batch_spec;
core_batch *core_batch_new(core_state *s, const char digest[33]); /* without columns */
void core_batch_fill(core_batch *b, sp_part taken);               /* can't fail */
static inline sp_part core_all_of(sp_columns *c) { return (sp_part){c, 0, sp_columns_rows(c)}; }
PyObject *core_number(sp_kind kind, int64_t n);                     /* value of a cell with a number */
const sp_schema *core_schema(PyObject *table);                      /* by name; NULL with ValueError set */
int core_column(const sp_schema *s, PyObject *name, size_t *index); /* -1 with KeyError or TypeError set */

/* --- core_filter.c --- */
extern PyType_Spec core_filter_spec;

/* --- core_arrow.c --- */
PyObject *core_batch_schema(PyObject *self, PyObject *unused);
PyObject *core_batch_array(PyObject *self, PyObject *const *args, Py_ssize_t n, PyObject *names);
PyObject *core_stream(PyObject *module, PyObject *const *args, Py_ssize_t n, PyObject *names);
extern const char core_batch_schema_doc[], core_batch_array_doc[], core_stream_doc[];

/* --- core_scan.c, core_classify.c --- */
extern PyType_Spec core_scan_spec, core_room_spec, core_answer_spec;
PyObject *core_classify(PyObject *module, PyObject *const *args, Py_ssize_t n, PyObject *names);
extern const char core_classify_doc[];

/* --- core_calls.c --- */
extern PyType_Spec core_calls_spec;

/* --- core_tally.c --- */
extern PyType_Spec core_tally_spec;

/* --- core_lists.c: the vocabularies --- */
PyObject *core_columns(PyObject *module, PyObject *const *args, Py_ssize_t n, PyObject *names);
PyObject *core_statuses(PyObject *module, PyObject *unused);
PyObject *core_flags(PyObject *module, PyObject *unused);
PyObject *core_vocabularies(PyObject *module, PyObject *unused);
PyObject *core_limits(PyObject *module, PyObject *unused);
PyObject *core_kernels(PyObject *module, PyObject *unused);
PyObject *core_canonical_number(PyObject *module, PyObject *text);

#endif
