/* Calls: which rows are one call. Mutable; every method keeps the GIL, but join. */
#include "core.h"
#include "sp_calls.h"
#include "sp_columns_impl.h"

typedef struct core_calls {
    PyObject_HEAD sp_calls calls;
    enum {
        CALLS_OPEN,
        CALLS_JOINED,
        CALLS_SPENT /* memory ran out, or it joins */
    } state;
} core_calls;

static PyObject *calls_new(PyTypeObject *type, PyObject *args, PyObject *kwargs) {
    static const char *const names[] = {"window"};
    static const core_sig sig = {"Calls", names, 1, 1, 1, 1};
    PyObject *v[1];
    int64_t window = SP_NULL_INT;
    if (core_bind_call(&sig, args, kwargs, v) < 0) return NULL;
    if (v[0] != Py_None) window = PyLong_AsLongLong(v[0]);
    if (window == -1 && PyErr_Occurred()) return NULL;
    if (v[0] != Py_None && window < 0) return PyErr_SetString(PyExc_ValueError, "window must not be negative"), NULL;
    core_calls *c = (core_calls *)PyType_GenericAlloc(type, 0);
    if (c) sp_calls_init(&c->calls, &sp_alloc_std, window);
    return (PyObject *)c;
}

/* The rows of a batch, NULL with an exception set. */
static const sp_part *rows_of(PyObject *self, PyObject *batch, int state) {
    const core_calls *c = (core_calls *)self;
    if (Py_TYPE(batch) != core_of(self)->batch_type) return PyErr_SetString(PyExc_TypeError, "expected a Batch"), NULL;
    const sp_part *p = &((core_batch *)batch)->part;
    if (p->columns->schema != &sp_exchanges_schema) return PyErr_SetString(PyExc_ValueError, "expected a batch of exchanges"), NULL;
    if ((int)c->state != state) return PyErr_SetString(PyExc_ValueError, "first add, then join, then fill or leaders"), NULL;
    return p;
}

static PyObject *calls_add(PyObject *self, PyObject *batch) {
    core_calls *c = (core_calls *)self;
    const sp_part *p = rows_of(self, batch, CALLS_OPEN);
    if (!p) return NULL;
    sp_status st = sp_calls_add(&c->calls, p->columns, p->from, p->count);
    if (st == SP_OK) Py_RETURN_NONE;
    c->state = CALLS_SPENT;
    return core_raise(st), NULL;
}

static PyObject *apart_counts(const sp_calls *s) {
    PyObject *d = PyDict_New();
    for (int k = 0; d && k < SP_CALLS_KEY_COUNT; k++) {
        for (int why = 0; d && why < SP_CALLS_REASON_COUNT; why++) {
            PyObject *key = Py_BuildValue("ss", sp_calls_key_names[k], sp_calls_reason_names[why]);
            PyObject *n = PyLong_FromUnsignedLongLong(s->apart[k][why]);
            if (!key || !n || (s->apart[k][why] && PyDict_SetItem(d, key, n) < 0)) Py_CLEAR(d);
            Py_XDECREF(key);
            Py_XDECREF(n);
        }
    }
    return d;
}

static PyObject *calls_join(PyObject *self, PyObject *unused) {
    core_calls *c = (core_calls *)self;
    (void)unused;
    if (c->state != CALLS_OPEN) return PyErr_SetString(PyExc_ValueError, "join is called once"), NULL;
    sp_status st;
    c->state = CALLS_SPENT; /* nobody may use it meanwhile */
    Py_BEGIN_ALLOW_THREADS;
    st = sp_calls_join(&c->calls);
    Py_END_ALLOW_THREADS;
    if (st == SP_OK) c->state = CALLS_JOINED;
    if (st != SP_OK) return core_raise(st), NULL;
    PyObject *d = PyDict_New(), *joined = PyDict_New();
    int bad = !d || !joined || core_put(d, "rows", PyLong_FromUnsignedLongLong(c->calls.call_rows)) < 0 ||
              core_put(d, "calls", PyLong_FromUnsignedLongLong(c->calls.calls)) < 0 || PyDict_SetItemString(d, "joined", joined) < 0 ||
              core_put(d, "apart", apart_counts(&c->calls)) < 0;
    for (int k = 0; !bad && k < SP_CALLS_KEY_COUNT; k++)
        bad = core_put(joined, sp_calls_key_names[k], PyLong_FromUnsignedLongLong(c->calls.joined[k])) < 0;
    Py_XDECREF(joined);
    if (bad) Py_CLEAR(d);
    return d;
}

/* Arguments of fill and leaders: a batch whose rows are those that were added from row *at on. NULL with an exception set. */
static const sp_part *added_rows(PyObject *self, const core_sig *sig, PyObject *const *args, Py_ssize_t n, PyObject *kwnames, PyObject **v,
                                 size_t *at) {
    const sp_calls *c = &((core_calls *)self)->calls;
    if (core_bind(sig, args, n, kwnames, v) < 0 || core_size(v[1], "at", at) < 0) return NULL;
    const sp_part *p = rows_of(self, v[0], CALLS_JOINED);
    if (!p) return NULL;
    int same = *at <= c->n && p->count <= c->n - *at;
    for (size_t i = 0; same && i < p->count; i++) same = sp_calls_is(c, *at + i, p->columns, p->from + i);
    return same ? p : (PyErr_SetString(PyExc_ValueError, "expected rows that were added, and where they are"), NULL);
}

static const char *const added_names[] = {"batch", "at"};

static PyObject *calls_fill(PyObject *self, PyObject *const *args, Py_ssize_t n, PyObject *kwnames) {
    static const core_sig sig = {"fill", added_names, 2, 2, 2, 3};
    const sp_calls *c = &((core_calls *)self)->calls;
    PyObject *v[2];
    size_t at = 0;
    const sp_part *p = added_rows(self, &sig, args, n, kwnames, v, &at);
    if (!p) return NULL;
    core_batch *b = core_batch_new(core_of(self), ((core_batch *)v[0])->digest);
    sp_columns *filled = NULL;
    sp_view *texts = PyMem_Calloc(sp_columns_rows(p->columns) + 1, sizeof *texts); /* rows outside a slice have none */
    char(*uids)[SP_CALLS_UID_MAX] = PyMem_Malloc((p->count + 1) * sizeof *uids);
    sp_status st = b && texts && uids ? SP_OK : SP_ERR_NOMEM;
    for (size_t i = 0; st == SP_OK && i < p->count; i++) {
        size_t length = sp_calls_name(c, at + i, uids[i]);
        if (length) texts[p->from + i] = (sp_view){(const uint8_t *)uids[i], length};
    }
    if (st == SP_OK) st = sp_columns_replace(p->columns, SP_EXCHANGES_same_call, texts, &filled);
    PyMem_Free(texts);
    PyMem_Free(uids);
    if (st == SP_OK) {
        core_batch_fill(b, (sp_part){filled, p->from, p->count});
    } else if (b) {
        Py_DECREF((PyObject *)b);
        b = NULL;
        core_raise(st);
    }
    return (PyObject *)b;
}

static PyObject *calls_leaders(PyObject *self, PyObject *const *args, Py_ssize_t n, PyObject *kwnames) {
    static const core_sig sig = {"leaders", added_names, 2, 2, 2, 3};
    const uint32_t *leaders = ((core_calls *)self)->calls.leaders;
    PyObject *v[2];
    size_t at = 0;
    const sp_part *p = added_rows(self, &sig, args, n, kwnames, v, &at);
    if (!p) return NULL;
    uint32_t *rows = PyMem_Malloc((p->count + 1) * sizeof *rows);
    size_t count = 0;
    for (size_t i = 0; rows && i < p->count; i++)
        if (leaders[at + i] == at + i) rows[count++] = (uint32_t)(p->from + i);
    core_batch *b = rows ? core_batch_new(core_of(self), ((core_batch *)v[0])->digest) : NULL;
    sp_columns *picked = b ? sp_columns_pick(&sp_alloc_std, p->columns, rows, count) : NULL;
    PyMem_Free(rows);
    if (picked) {
        core_batch_fill(b, core_all_of(picked));
    } else {
        Py_XDECREF((PyObject *)b);
        b = NULL;
        core_raise(SP_ERR_NOMEM);
    }
    return (PyObject *)b;
}

static int calls_traverse(PyObject *self, visitproc visit, void *arg) {
    Py_VISIT(Py_TYPE(self));
    return 0;
}

static void calls_dealloc(PyObject *self) {
    PyObject_GC_UnTrack(self);
    sp_calls_fini(&((core_calls *)self)->calls);
    core_free(self);
}

static PyMethodDef calls_methods[] = {
    {"add", calls_add, METH_O, "add($self, batch, /)\n--\n\nTakes the keys of the rows, which come after those before."},
    {"join", calls_join, METH_NOARGS, "join($self, /)\n--\n\nTells the calls, once: how many, and what joined rows or kept them apart."},
    {"fill", CORE_METHOD(calls_fill), CORE_FAST,
     "fill($self, batch, at, /)\n--\n\nAfter join: the batch with same_call. at: how many rows were added before these."},
    {"leaders", CORE_METHOD(calls_leaders), CORE_FAST,
     "leaders($self, batch, at, /)\n--\n\nAs fill: slices of the batch, with the rows that stand for their calls, and those that are "
     "none."},
    {NULL, NULL, 0, NULL},
};

static PyType_Slot calls_slots[] = {
    {Py_tp_doc, (void *)"Calls(window, /)\n--\n\nWhich rows of exchanges are one call that several loggers wrote."},
    {Py_tp_new, (void *)calls_new},
    {Py_tp_dealloc, (void *)calls_dealloc},
    {Py_tp_traverse, (void *)calls_traverse},
    {Py_tp_methods, calls_methods},
    {0, NULL},
};
PyType_Spec core_calls_spec = {"stateprint._core.Calls", sizeof(core_calls), 0,
                               Py_TPFLAGS_DEFAULT | Py_TPFLAGS_IMMUTABLETYPE | Py_TPFLAGS_HAVE_GC, calls_slots};
