/* Arrow PyCapsules of batches and of lists of batches. */
#include "core.h"

#include <stdlib.h>

#include "sp_columns_impl.h"

/* A capsule that was not consumed still has its release. */
#define CAPSULE(kind, type, capsule_name)                                         \
    static void kind##_capsule_free(PyObject *capsule) {                          \
        struct type *x = PyCapsule_GetPointer(capsule, capsule_name);             \
        if (x->release) x->release(x);                                            \
        free(x);                                                                  \
    }                                                                             \
    static PyObject *kind##_capsule(struct type **x) { /* with an empty struct */ \
        PyObject *capsule = NULL;                                                 \
        *x = calloc(1, sizeof **x);                                               \
        if (*x) capsule = PyCapsule_New(*x, capsule_name, kind##_capsule_free);   \
        else PyErr_NoMemory();                                                    \
        if (!capsule) free(*x);                                                   \
        return capsule;                                                           \
    }

CAPSULE(schema, ArrowSchema, "arrow_schema")
CAPSULE(array, ArrowArray, "arrow_array")
CAPSULE(stream, ArrowArrayStream, "arrow_array_stream")

/* The capsule itself, or NULL with the error set. */
static PyObject *checked(PyObject *capsule, sp_status st) {
    if (st == SP_OK) return capsule;
    core_raise(st);
    Py_DECREF(capsule);
    return NULL;
}

enum {
    META = 3
};
static size_t own_meta(const sp_schema *s, const char *digest, sp_pair *meta) {
    meta[0] = (sp_pair){SP_VIEW("stateprint.schema"), core_view(s->table)};
    meta[1] = (sp_pair){SP_VIEW("stateprint.version"), core_view(STATEPRINT_VERSION)};
    meta[2] = (sp_pair){SP_VIEW("stateprint.rules"), core_view(digest)};
    return *digest ? META : META - 1;
}

const char core_batch_schema_doc[] = "__arrow_c_schema__($self, /)\n--\n\nThe schema, as a PyCapsule of the Arrow C data interface.";

PyObject *core_batch_schema(PyObject *self, PyObject *unused) {
    (void)unused;
    const core_batch *b = (core_batch *)self;
    sp_pair meta[META];
    struct ArrowSchema *x;
    PyObject *capsule = schema_capsule(&x);
    size_t n = own_meta(b->part.columns->schema, b->digest, meta);
    return capsule ? checked(capsule, sp_arrow_schema(&sp_alloc_std, b->part.columns->schema, meta, n, x)) : NULL;
}

const char core_batch_array_doc[] = "__arrow_c_array__($self, /, requested_schema=None)\n--\n\n"
                                    "Schema and rows, as PyCapsules of the Arrow C data interface. Nothing is cast.";

PyObject *core_batch_array(PyObject *self, PyObject *const *args, Py_ssize_t n, PyObject *kwnames) {
    static const char *const names[] = {"requested_schema"};
    static const core_sig sig = {"__arrow_c_array__", names, 1, 0, 1, 0};
    const core_batch *b = (core_batch *)self;
    struct ArrowArray *x;
    PyObject *v[1], *schema = NULL, *array = NULL, *pair = NULL;
    if (core_bind(&sig, args, n, kwnames, v) < 0) return NULL;
    schema = core_batch_schema(self, NULL);
    if (schema) array = array_capsule(&x);
    if (array) array = checked(array, sp_arrow_array(&sp_alloc_std, b->part, x));
    if (array) pair = PyTuple_Pack(2, schema, array);
    Py_XDECREF(schema);
    Py_XDECREF(array);
    return pair;
}

/* Pairs of a dict of str; the texts live in *owners, a new list. */
static int dict_meta(PyObject *dict, sp_pair **meta, size_t *n, PyObject **owners) {
    PyObject *items = PyDict_Items(dict);
    size_t count = items ? (size_t)PyList_Size(items) : 0;
    *owners = items ? PyList_New(0) : NULL;
    *meta = *owners ? PyMem_Calloc(count + 1, sizeof **meta) : NULL;
    int st = *meta ? 0 : -1;
    if (*owners && !*meta) PyErr_NoMemory();
    for (size_t i = 0; st == 0 && i < count; i++) {
        PyObject *item = PyList_GetItem(items, (Py_ssize_t)i);
        sp_view *part[2] = {&(*meta)[i].key, &(*meta)[i].value};
        for (Py_ssize_t j = 0; st == 0 && j < 2; j++) {
            PyObject *owner = NULL, *text = PyTuple_GetItem(item, j);
            if (text == Py_None) st = (PyErr_SetString(PyExc_TypeError, "metadata must be str"), -1);
            else st = core_text(text, "metadata: a name or value", &owner, part[j]);
            if (owner && PyList_Append(*owners, owner) < 0) st = -1;
            Py_XDECREF(owner);
        }
    }
    *n = st == 0 ? count : 0;
    Py_XDECREF(items);
    return st;
}

static int list_parts(core_state *s, PyObject *tuple, const sp_schema *schema, sp_part *parts) {
    for (Py_ssize_t i = 0, n = PyTuple_Size(tuple); i < n; i++) {
        PyObject *o = PyTuple_GetItem(tuple, i);
        if (!Py_IS_TYPE(o, s->batch_type)) return PyErr_SetString(PyExc_TypeError, "batches must hold Batch objects"), -1;
        parts[i] = ((core_batch *)o)->part;
        if (parts[i].columns->schema != schema) return PyErr_SetString(PyExc_ValueError, "a batch belongs to the other table"), -1;
    }
    return 0;
}

const char core_stream_doc[] =
    "stream($module, /, batches, table, metadata=None)\n--\n\n"
    "A PyCapsule \"arrow_array_stream\" that gives the batches of one table, in order, also when there are none.\n"
    "metadata: that of the schema; without it, table, version and digest of the rules.";

PyObject *core_stream(PyObject *module, PyObject *const *args, Py_ssize_t n, PyObject *kwnames) {
    enum {
        BATCHES,
        TABLE,
        METADATA,
        COUNT
    };
    static const char *const names[COUNT] = {"batches", "table", "metadata"};
    static const core_sig sig = {"stream", names, COUNT, 0, COUNT, 1 << BATCHES | 1 << TABLE};
    sp_pair own[META], *given = NULL;
    sp_part *parts = NULL;
    size_t meta_n = 0;
    struct ArrowArrayStream *x;
    PyObject *v[COUNT], *tuple = NULL, *owners = NULL, *capsule = NULL;
    if (core_bind(&sig, args, n, kwnames, v) < 0) goto done;
    const sp_schema *schema = core_schema(v[TABLE]);
    tuple = schema ? PySequence_Tuple(v[BATCHES]) : NULL;
    if (!tuple) goto done;
    size_t count = (size_t)PyTuple_Size(tuple);
    parts = PyMem_Calloc(count + 1, sizeof *parts);
    if (!parts) PyErr_NoMemory();
    if (!parts || list_parts(core_of_module(module), tuple, schema, parts) < 0) goto done;
    if (!core_given(v[METADATA])) {
        meta_n = own_meta(schema, count ? ((core_batch *)PyTuple_GetItem(tuple, 0))->digest : "", own);
    } else if (!PyDict_Check(v[METADATA])) {
        PyErr_SetString(PyExc_TypeError, "metadata must be a dict");
        goto done;
    } else if (dict_meta(v[METADATA], &given, &meta_n, &owners) < 0) {
        goto done;
    }
    capsule = stream_capsule(&x);
    if (capsule) capsule = checked(capsule, sp_arrow_stream(&sp_alloc_std, schema, given ? given : own, meta_n, parts, count, x));
done:
    PyMem_Free(given);
    PyMem_Free(parts);
    Py_XDECREF(owners);
    Py_XDECREF(tuple);
    return capsule;
}
