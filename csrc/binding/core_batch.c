/* Batch: rows of a table, shared with whoever exported them. */
#include "core.h"
#include "sp_columns_impl.h"
#include "sp_export.h"
#include "sp_group.h"

core_batch *core_batch_new(core_state *s, const char digest[33]) {
    core_batch *b = (core_batch *)PyType_GenericAlloc(s->batch_type, 0);
    if (b) PyObject_GC_UnTrack(b); /* nobody may find it before it is filled */
    if (b) memcpy(b->digest, digest, sizeof b->digest);
    return b;
}

void core_batch_fill(core_batch *b, sp_part taken) {
    b->part = taken;
    PyObject_GC_Track(b);
}

static const sp_part *part_of(PyObject *self) { return &((core_batch *)self)->part; }

const sp_schema *core_schema(PyObject *table) {
    static const sp_schema *const all[] = {&sp_exchanges_schema, &sp_evidence_schema};
    if (!PyUnicode_Check(table)) return PyErr_SetString(PyExc_TypeError, "table must be a str"), NULL;
    for (size_t i = 0; i < CORE_LEN(all); i++)
        if (PyUnicode_CompareWithASCIIString(table, all[i]->table) == 0) return all[i];
    return PyErr_SetString(PyExc_ValueError, "no such table: 'exchanges' and 'evidence' are there"), NULL;
}

/* What Python values of times are made with. */
typedef struct times {
    PyObject *delta, *epoch;
} times;

static int times_init(times *c) {
    PyObject *module = PyImport_ImportModule("datetime");
    PyObject *zones = module ? PyObject_GetAttrString(module, "timezone") : NULL;
    PyObject *utc = zones ? PyObject_GetAttrString(zones, "utc") : NULL;
    c->epoch = utc ? PyObject_CallMethod(module, "datetime", "iiiiiiiO", 1970, 1, 1, 0, 0, 0, 0, utc) : NULL;
    c->delta = c->epoch ? PyObject_GetAttrString(module, "timedelta") : NULL;
    Py_XDECREF(utc);
    Py_XDECREF(zones);
    Py_XDECREF(module);
    return c->delta ? 0 : -1;
}

static void times_fini(times *c) {
    Py_XDECREF(c->delta);
    Py_XDECREF(c->epoch);
}

static PyObject *time_value(const times *c, int64_t us) {
    PyObject *since = PyObject_CallFunction(c->delta, "iiL", 0, 0, (long long)us);
    PyObject *o = since ? PyNumber_Add(c->epoch, since) : NULL;
    Py_XDECREF(since);
    return o;
}

PyObject *core_number(sp_kind kind, int64_t n) {
    times k = {0};
    PyObject *o = NULL;
    if (n == SP_NULL_INT) return Py_NewRef(Py_None);
    if (kind == SP_KIND_BOOL) return PyBool_FromLong((long)n);
    if (kind != SP_KIND_TIME) return PyLong_FromLongLong(n);
    if (times_init(&k) == 0) o = time_value(&k, n);
    times_fini(&k);
    return o;
}

/* `tuples`: lists as tuples, which can be keys. */
static PyObject *list_value(const sp_columns *c, size_t column, size_t row, int tuples) {
    Py_ssize_t n = (Py_ssize_t)spi_cell_items(c, column, row);
    PyObject *o = tuples ? PyTuple_New(n) : PyList_New(n);
    for (Py_ssize_t i = 0; o && i < n; i++) {
        PyObject *item = core_str(spi_cell_item(c, column, row, (size_t)i));
        if (!item || (tuples ? PyTuple_SetItem(o, i, item) : PyList_SetItem(o, i, item)) < 0) Py_CLEAR(o);
    }
    return o;
}

static PyObject *cell_value(const times *k, const sp_columns *c, size_t column, size_t row, int tuples) {
    if (!spi_cell_valid(c, column, row)) return Py_NewRef(Py_None);
    switch (c->schema->columns[column].kind) {
    case SP_KIND_STR:
    case SP_KIND_DICT:
    case SP_KIND_NAME:
    case SP_KIND_HEX: return core_str(spi_cell_text(c, column, row));
    case SP_KIND_STRS:
    case SP_KIND_HEXS: return list_value(c, column, row, tuples);
    case SP_KIND_TIME: return time_value(k, spi_cell_int(c, column, row));
    default: return core_number(c->schema->columns[column].kind, spi_cell_int(c, column, row));
    }
}

static PyObject *row_value(const times *k, const sp_columns *c, PyObject *names, size_t row) {
    PyObject *d = PyDict_New();
    for (size_t i = 0; d && i < c->schema->count; i++) {
        PyObject *value = cell_value(k, c, i, row, 0);
        if (!value || PyDict_SetItem(d, PyTuple_GetItem(names, (Py_ssize_t)i), value) < 0) Py_CLEAR(d);
        Py_XDECREF(value);
    }
    return d;
}

static PyObject *names_of(const sp_schema *s) {
    PyObject *names = PyTuple_New((Py_ssize_t)s->count);
    for (size_t i = 0; names && i < s->count; i++) {
        PyObject *name = PyUnicode_InternFromString(s->columns[i].name);
        if (!name || PyTuple_SetItem(names, (Py_ssize_t)i, name) < 0) Py_CLEAR(names);
    }
    return names;
}

static PyObject *batch_to_pylist(PyObject *self, PyObject *const *args, Py_ssize_t n, PyObject *kwnames) {
    static const char *const arg_names[] = {"limit"};
    static const core_sig sig = {"to_pylist", arg_names, 1, 0, 1, 0};
    const sp_part *p = part_of(self);
    PyObject *v[1], *list = NULL, *names = NULL;
    size_t count = p->count;
    times k = {0};
    if (core_bind(&sig, args, n, kwnames, v) < 0 || core_size(v[0], "limit", &count) < 0) goto done;
    if (count > p->count) count = p->count;
    names = names_of(p->columns->schema);
    if (!names || times_init(&k) < 0) goto done;
    list = PyList_New((Py_ssize_t)count);
    for (size_t i = 0; list && i < count; i++) {
        PyObject *row = row_value(&k, p->columns, names, p->from + i);
        if (!row || PyList_SetItem(list, (Py_ssize_t)i, row) < 0) Py_CLEAR(list);
    }
done:
    times_fini(&k);
    Py_XDECREF(names);
    return list;
}

/* Bytes of the text that `write` gives; CSV when options are not negative. */
static PyObject *text_value(const sp_part *p, int options) {
    sp_out out = {.alloc = &sp_alloc_std};
    sp_status st;
    PyThreadState *detached = spi_columns_bytes(p->columns) > CORE_DETACH_BYTES ? PyEval_SaveThread() : NULL;
    if (options < 0) st = sp_export_ndjson(p->columns, p->from, p->count, &out);
    else st = sp_export_csv(p->columns, p->from, p->count, (unsigned)options, &out);
    if (detached) PyEval_RestoreThread(detached);
    PyObject *o = st == SP_OK ? PyBytes_FromStringAndSize((const char *)out.p, (Py_ssize_t)out.n) : NULL;
    if (st != SP_OK) core_raise(st);
    sp_release(out.alloc, out.p);
    return o;
}

static PyObject *batch_to_ndjson(PyObject *self, PyObject *unused) {
    (void)unused;
    return text_value(part_of(self), -1);
}

static PyObject *batch_to_csv(PyObject *self, PyObject *const *args, Py_ssize_t n, PyObject *kwnames) {
    static const char *const names[] = {"header", "safe"};
    static const core_sig sig = {"to_csv", names, 2, 0, 2, 1};
    PyObject *v[2];
    int header = 0, safe = 1;
    if (core_bind(&sig, args, n, kwnames, v) < 0 || core_flag(v[0], &header) < 0 || core_flag(v[1], &safe) < 0) return NULL;
    return text_value(part_of(self), (header ? SP_CSV_HEADER : 0) | (safe ? SP_CSV_SAFE : 0));
}

static PyObject *batch_slice(PyObject *self, PyObject *const *args, Py_ssize_t n, PyObject *kwnames) {
    static const char *const names[] = {"offset", "length"};
    static const core_sig sig = {"slice", names, 2, 0, 2, 1};
    const core_batch *old = (core_batch *)self;
    PyObject *v[2];
    size_t from = 0, count = old->part.count;
    if (core_bind(&sig, args, n, kwnames, v) < 0 || core_size(v[0], "offset", &from) < 0 || core_size(v[1], "length", &count) < 0)
        return NULL;
    if (from > old->part.count) from = old->part.count;
    if (count > old->part.count - from) count = old->part.count - from;
    core_batch *b = (core_batch *)PyType_GenericAlloc(Py_TYPE(self), 0);
    if (!b) return NULL;
    memcpy(b->digest, old->digest, sizeof b->digest);
    b->part = (sp_part){sp_columns_hold(old->part.columns), old->part.from + from, count};
    return (PyObject *)b;
}

int core_column(const sp_schema *s, PyObject *name, size_t *index) {
    if (!PyUnicode_Check(name)) return PyErr_SetString(PyExc_TypeError, "names of columns must be str"), -1;
    for (*index = 0; *index < s->count; ++*index)
        if (PyUnicode_CompareWithASCIIString(name, s->columns[*index].name) == 0) return 0;
    return PyErr_Format(PyExc_KeyError, "%U", name), -1;
}

static PyObject *batch_counts(PyObject *self, PyObject *const *args, Py_ssize_t n) {
    const sp_part *p = part_of(self);
    const sp_columns *c = p->columns;
    PyObject *d = NULL;
    sp_group *groups = NULL;
    size_t group_n = 0, *columns = PyMem_Calloc((size_t)n + 1, sizeof *columns);
    times k = {0};
    int ok = columns != NULL;
    if (!ok) PyErr_NoMemory();
    for (Py_ssize_t i = 0; ok && i < n; i++) ok = core_column(c->schema, args[i], &columns[i]) == 0;
    if (!ok || times_init(&k) < 0) goto done;
    sp_status st = sp_group_rows(&sp_alloc_std, c, p->from, p->count, columns, (size_t)n, &groups, &group_n);
    d = st == SP_OK ? PyDict_New() : NULL;
    if (st != SP_OK) core_raise(st);
    for (size_t g = 0; d && g < group_n; g++) {
        PyObject *key = PyTuple_New(n), *count = PyLong_FromSize_t(groups[g].count);
        ok = key && count;
        for (Py_ssize_t i = 0; ok && i < n; i++) {
            PyObject *value = cell_value(&k, c, columns[i], groups[g].row, 1);
            ok = value && PyTuple_SetItem(key, i, value) == 0;
        }
        if (!ok || PyDict_SetItem(d, key, count) < 0) Py_CLEAR(d);
        Py_XDECREF(key);
        Py_XDECREF(count);
    }
done:
    sp_release(&sp_alloc_std, groups);
    times_fini(&k);
    PyMem_Free(columns);
    return d;
}

static PyObject *batch_rows(PyObject *self, void *unused) {
    (void)unused;
    return PyLong_FromSize_t(part_of(self)->count);
}

static PyObject *batch_nbytes(PyObject *self, void *unused) {
    (void)unused;
    return PyLong_FromSize_t(spi_columns_bytes(part_of(self)->columns));
}

static PyObject *batch_table(PyObject *self, void *unused) {
    (void)unused;
    return PyUnicode_FromString(part_of(self)->columns->schema->table);
}

static Py_ssize_t batch_len(PyObject *self) { return (Py_ssize_t)part_of(self)->count; }

static PyObject *batch_repr(PyObject *self) {
    const sp_part *p = part_of(self);
    return PyUnicode_FromFormat("<stateprint._core.Batch of %s, %zu rows>", p->columns->schema->table, p->count);
}

static int batch_traverse(PyObject *self, visitproc visit, void *arg) {
    Py_VISIT(Py_TYPE(self));
    return 0;
}

static void batch_dealloc(PyObject *self) {
    PyObject_GC_UnTrack(self);
    sp_columns_drop(part_of(self)->columns);
    core_free(self);
}

static PyMethodDef batch_methods[] = {
    {"__arrow_c_array__", CORE_METHOD(core_batch_array), CORE_FAST, core_batch_array_doc},
    {"__arrow_c_schema__", core_batch_schema, METH_NOARGS, core_batch_schema_doc},
    {"to_pylist", CORE_METHOD(batch_to_pylist), CORE_FAST,
     "to_pylist($self, /, limit=None)\n--\n\nThe first `limit` rows as dicts; times as datetime in UTC."},
    {"to_ndjson", batch_to_ndjson, METH_NOARGS, "to_ndjson($self, /)\n--\n\nA JSON object a line; times as RFC 3339 in UTC."},
    {"to_csv", CORE_METHOD(batch_to_csv), CORE_FAST,
     "to_csv($self, /, header, safe=True)\n--\n\nCSV (RFC 4180), lists joined by spaces. safe: no cell runs in a spreadsheet."},
    {"counts", CORE_METHOD(batch_counts), METH_FASTCALL,
     "counts($self, /, *columns)\n--\n\nHow often each combination of values occurs, in the order of first rows."},
    {"slice", CORE_METHOD(batch_slice), CORE_FAST,
     "slice($self, /, offset, length=None)\n--\n\nSome of the rows, without a copy. Past the end there are none."},
    {NULL, NULL, 0, NULL},
};

static PyGetSetDef batch_getset[] = {
    {"rows", batch_rows, NULL, "Number of rows.", NULL},
    {"nbytes", batch_nbytes, NULL, "Bytes of the buffers; those of the whole for a slice.", NULL},
    {"table", batch_table, NULL, "'exchanges' or 'evidence'.", NULL},
    {NULL, NULL, NULL, NULL, NULL},
};

static PyType_Slot batch_slots[] = {
    {Py_tp_doc, (void *)"Rows of one slice of a log."},
    {Py_tp_dealloc, (void *)batch_dealloc},
    {Py_tp_traverse, (void *)batch_traverse},
    {Py_tp_methods, batch_methods},
    {Py_tp_getset, batch_getset},
    {Py_tp_repr, (void *)batch_repr},
    {Py_sq_length, (void *)batch_len},
    {0, NULL},
};
PyType_Spec core_batch_spec = {"stateprint._core.Batch", sizeof(core_batch), 0,
                               Py_TPFLAGS_DEFAULT | Py_TPFLAGS_HAVE_GC | Py_TPFLAGS_IMMUTABLETYPE | Py_TPFLAGS_DISALLOW_INSTANTIATION,
                               batch_slots};
