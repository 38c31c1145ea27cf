/* Tally: counts over batches of exchanges. Mutable; every method keeps the GIL, as what it does with a batch is short. */
#include "core.h"
#include "sp_columns_impl.h"
#include "sp_limits.h"
#include "sp_tally.h"

typedef struct core_tally {
    PyObject_HEAD sp_tally tally;
    int spent; /* memory ran out in it */
} core_tally;

static PyObject *tally_new(PyTypeObject *type, PyObject *args, PyObject *kwargs) {
    static const core_sig sig = {"Tally", NULL, 0, 0, 0, 0};
    if (core_bind_call(&sig, args, kwargs, NULL) < 0) return NULL;
    core_tally *t = (core_tally *)PyType_GenericAlloc(type, 0);
    if (t) sp_tally_init(&t->tally, &sp_alloc_std, SP_TALLY_CELLS, SP_TALLY_IDS);
    return (PyObject *)t;
}

static PyObject *counted(core_tally *t, sp_status st) {
    if (st == SP_OK) Py_RETURN_NONE;
    t->spent = 1;
    return core_raise(st), NULL;
}

static int usable(const core_tally *t) {
    if (t->spent) PyErr_SetString(PyExc_ValueError, "this tally ran out of memory");
    return !t->spent;
}

static PyObject *tally_add(PyObject *self, PyObject *batch) {
    core_tally *t = (core_tally *)self;
    if (Py_TYPE(batch) != core_of(self)->batch_type) return PyErr_SetString(PyExc_TypeError, "expected a Batch"), NULL;
    const sp_part *p = &((core_batch *)batch)->part;
    if (p->columns->schema != &sp_exchanges_schema) return PyErr_SetString(PyExc_ValueError, "expected a batch of exchanges"), NULL;
    return usable(t) ? counted(t, sp_tally_add(&t->tally, p->columns, p->from, p->count)) : NULL;
}

static PyObject *tally_merge(PyObject *self, PyObject *other) {
    core_tally *t = (core_tally *)self, *o = (core_tally *)other;
    if (Py_TYPE(other) != Py_TYPE(self) || other == self) return PyErr_SetString(PyExc_TypeError, "expected another Tally"), NULL;
    return usable(t) && usable(o) ? counted(t, sp_tally_merge(&t->tally, &o->tally)) : NULL;
}

static PyObject *cell_list(const sp_tally *t) {
    PyObject *list = PyList_New((Py_ssize_t)t->cell_n);
    for (size_t i = 0; list && i < t->cell_n; i++) {
        const sp_tally_cell *c = &t->cells[i];
        PyObject *cell = Py_BuildValue("LLKKKK", (long long)c->first, (long long)c->last, (unsigned long long)c->rows,
                                       (unsigned long long)c->withheld, (unsigned long long)c->absent, (unsigned long long)c->cut);
        if (!cell || PyList_SetItem(list, (Py_ssize_t)i, cell) < 0) Py_CLEAR(list);
    }
    if (list && PyList_Sort(list) < 0) Py_CLEAR(list);
    return list;
}

static PyObject *id_counts(const sp_tally *t) {
    PyObject *d = PyDict_New();
    for (int i = 0; d && i < SP_TALLY_KEY_COUNT; i++) {
        const sp_tally_ids *k = &t->ids[i];
        PyObject *counts = Py_BuildValue("KKK", (unsigned long long)k->rows, (unsigned long long)k->repeats, (unsigned long long)k->unkept);
        if (core_put(d, sp_tally_key_names[i], counts) < 0) Py_CLEAR(d);
    }
    return d;
}

static PyObject *present_counts(const sp_tally *t) {
    PyObject *d = PyDict_New();
    for (size_t i = 0; d && i < sp_exchanges_schema.count; i++)
        if (core_put(d, sp_exchanges_schema.columns[i].name, PyLong_FromUnsignedLongLong(t->present[i])) < 0) Py_CLEAR(d);
    return d;
}

static PyObject *spacing_list(const sp_tally *t) {
    PyObject *list = PyList_New(SP_TALLY_SPACINGS);
    for (size_t i = 0; list && i < SP_TALLY_SPACINGS; i++) {
        PyObject *n = PyLong_FromUnsignedLongLong(t->spacing[i]);
        if (!n || PyList_SetItem(list, (Py_ssize_t)i, n) < 0) Py_CLEAR(list);
    }
    return list;
}

static PyObject *tally_counts(PyObject *self, PyObject *unused) {
    const sp_tally *t = &((core_tally *)self)->tally;
    (void)unused;
    if (!usable((core_tally *)self)) return NULL;
    PyObject *d = PyDict_New();
    if (d && (core_put(d, "rows", PyLong_FromUnsignedLongLong(t->rows)) < 0 || core_put(d, "present", present_counts(t)) < 0 ||
              core_put(d, "timed", PyLong_FromUnsignedLongLong(t->timed)) < 0 ||
              core_put(d, "backwards", PyLong_FromUnsignedLongLong(t->backwards)) < 0 ||
              core_put(d, "furthest", PyLong_FromLongLong(t->furthest)) < 0 || core_put(d, "spacing", spacing_list(t)) < 0 ||
              core_put(d, "unit", PyLong_FromLongLong(t->unit)) < 0 || core_put(d, "cells", cell_list(t)) < 0 ||
              core_put(d, "ids", id_counts(t)) < 0))
        Py_CLEAR(d);
    return d;
}

static int tally_traverse(PyObject *self, visitproc visit, void *arg) {
    Py_VISIT(Py_TYPE(self));
    return 0;
}

static void tally_dealloc(PyObject *self) {
    PyObject_GC_UnTrack(self);
    sp_tally_fini(&((core_tally *)self)->tally);
    core_free(self);
}

static PyMethodDef tally_methods[] = {
    {"add", tally_add, METH_O, "add($self, batch, /)\n--\n\nAdds the rows of a batch of exchanges, which come after those before."},
    {"merge", tally_merge, METH_O, "merge($self, other, /)\n--\n\nAdds the counts of another input; what repeats across both repeats."},
    {"counts", tally_counts, METH_NOARGS, "counts($self, /)\n--\n\nAll counts so far."},
    {NULL, NULL, 0, NULL},
};

static PyType_Slot tally_slots[] = {
    {Py_tp_doc, (void *)"Tally()\n--\n\nCounts over batches of exchanges, in bounded memory. One thread drives it."},
    {Py_tp_new, (void *)tally_new},
    {Py_tp_dealloc, (void *)tally_dealloc},
    {Py_tp_traverse, (void *)tally_traverse},
    {Py_tp_methods, tally_methods},
    {0, NULL},
};
PyType_Spec core_tally_spec = {"stateprint._core.Tally", sizeof(core_tally), 0,
                               Py_TPFLAGS_DEFAULT | Py_TPFLAGS_HAVE_GC | Py_TPFLAGS_IMMUTABLETYPE, tally_slots};
