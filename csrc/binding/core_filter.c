/* Filter: which rows of a batch are kept. */
#include "core.h"
#include "sp_columns_impl.h"
#include "sp_filter.h"

typedef struct core_filter {
    PyObject_HEAD sp_filter *filter;
} core_filter;

/* The steps as C has them. Texts are those of `owners`, a list. */
typedef struct steps {
    sp_filter_step *steps;
    sp_filter_value *values;
    size_t n, value_n;
    PyObject *owners;
} steps;

static int op_of(PyObject *name, sp_filter_op *op) {
    for (unsigned i = 0; PyUnicode_Check(name) && i < SP_FILTER_OP_COUNT; i++)
        if (PyUnicode_CompareWithASCIIString(name, sp_filter_op_names[i]) == 0) return *op = (sp_filter_op)i, 0;
    return PyErr_SetString(PyExc_ValueError, "steps: no such operation"), -1;
}

static int value_of(steps *s, PyObject *o) {
    sp_filter_value *v = &s->values[s->value_n++];
    PyObject *owner = NULL;
    *v = (sp_filter_value){{NULL, 0}, SP_NULL_INT};
    if (PyLong_Check(o)) {
        v->number = PyLong_AsLongLong(o);
        return v->number == -1 && PyErr_Occurred() ? -1 : 0;
    }
    if (o == Py_None) return PyErr_SetString(PyExc_TypeError, "steps: a value must be a str or an int"), -1;
    int st = core_text(o, "steps: a value", &owner, &v->text);
    if (st == 0) st = PyList_Append(s->owners, owner);
    Py_XDECREF(owner);
    return st;
}

/* One step: (operation, column or None, values). */
static int step_of(steps *s, PyObject *o) {
    sp_filter_step *step = &s->steps[s->n++];
    PyObject *op, *column, *values;
    *step = (sp_filter_step){.values = s->values + s->value_n};
    if (!PyTuple_Check(o) || !PyArg_ParseTuple(o, "OOO!:step", &op, &column, &PyTuple_Type, &values))
        return PyErr_Occurred() ? -1 : (PyErr_SetString(PyExc_TypeError, "steps: each must be a tuple"), -1);
    if (op_of(op, &step->op) < 0) return -1;
    if (column != Py_None && core_column(&sp_exchanges_schema, column, &step->column) < 0) return -1;
    step->n = (size_t)PyTuple_Size(values);
    for (size_t i = 0; i < step->n; i++)
        if (value_of(s, PyTuple_GetItem(values, (Py_ssize_t)i)) < 0) return -1;
    return 0;
}

static size_t values_in(PyObject *tuple) {
    size_t n = 0;
    for (Py_ssize_t i = 0; i < PyTuple_Size(tuple); i++) {
        PyObject *step = PyTuple_GetItem(tuple, i);
        PyObject *values = PyTuple_Check(step) && PyTuple_Size(step) == 3 ? PyTuple_GetItem(step, 2) : NULL;
        if (values && PyTuple_Check(values)) n += (size_t)PyTuple_Size(values);
    }
    return n;
}

static int steps_init(steps *s, PyObject *tuple) {
    size_t n = (size_t)PyTuple_Size(tuple);
    *s = (steps){.owners = PyList_New(0), .steps = PyMem_Calloc(n + 1, sizeof *s->steps)};
    s->values = PyMem_Calloc(values_in(tuple) + 1, sizeof *s->values);
    if (!s->owners) return -1;
    if (!s->steps || !s->values) return PyErr_NoMemory(), -1;
    for (size_t i = 0; i < n; i++)
        if (step_of(s, PyTuple_GetItem(tuple, (Py_ssize_t)i)) < 0) return -1;
    return 0;
}

static void steps_fini(steps *s) {
    PyMem_Free(s->steps);
    PyMem_Free(s->values);
    Py_XDECREF(s->owners);
}

static int time_of(PyObject *o, int64_t *us) {
    *us = SP_NULL_INT;
    if (!core_given(o)) return 0;
    *us = PyLong_AsLongLong(o);
    return *us == -1 && PyErr_Occurred() ? -1 : 0;
}

static int sample_of(PyObject *share, PyObject *seed, sp_filter_options *o) {
    if (core_given(share)) o->share = PyFloat_AsDouble(share);
    if (core_given(seed)) o->seed = PyLong_AsUnsignedLongLong(seed);
    return PyErr_Occurred() ? -1 : 0;
}

static PyObject *filter_new(PyTypeObject *type, PyObject *args, PyObject *kwargs) {
    enum {
        STEPS,
        SINCE,
        UNTIL,
        SHARE,
        SEED,
        COUNT
    };
    static const char *const names[COUNT] = {"steps", "since", "until", "share", "seed"};
    static const core_sig sig = {"Filter", names, COUNT, 1, 1, 1 << STEPS};
    sp_filter_options o = {.schema = &sp_exchanges_schema, .share = 1};
    PyObject *v[COUNT];
    steps s = {0};
    core_filter *self = NULL;
    PyObject *tuple = core_bind_call(&sig, args, kwargs, v) == 0 ? PySequence_Tuple(v[STEPS]) : NULL;
    if (!tuple) return NULL;
    if (steps_init(&s, tuple) < 0 || time_of(v[SINCE], &o.since) < 0 || time_of(v[UNTIL], &o.until) < 0) goto done;
    if (sample_of(v[SHARE], v[SEED], &o) < 0) goto done;
    o.steps = s.steps;
    o.step_n = s.n;
    self = (core_filter *)PyType_GenericAlloc(type, 0);
    if (!self) goto done;
    sp_status st = sp_filter_new(&sp_alloc_std, &o, &self->filter);
    if (st == SP_ERR_SYNTAX) PyErr_SetString(PyExc_ValueError, "steps are no expression over the columns, or share is not over 0 up to 1");
    else if (st != SP_OK) core_raise(st);
    if (st != SP_OK) Py_CLEAR(self);
done:
    steps_fini(&s);
    Py_DECREF(tuple);
    return (PyObject *)self;
}

static PyObject *left_dict(const size_t *left) {
    PyObject *d = PyDict_New();
    for (size_t i = 0; d && i < SP_LEFT_COUNT; i++)
        if (core_put(d, sp_left_names[i], PyLong_FromSize_t(left[i])) < 0) Py_CLEAR(d);
    return d;
}

/* Takes the parts of `r` over. */
static PyObject *result_of(const core_batch *exchanges, const core_batch *evidence, const sp_filter_result *r) {
    core_state *s = core_of((PyObject *)exchanges);
    core_batch *first = core_batch_new(s, exchanges->digest), *second = evidence ? core_batch_new(s, evidence->digest) : NULL;
    PyObject *left = left_dict(r->left), *from = core_number(SP_KIND_TIME, r->first), *to = core_number(SP_KIND_TIME, r->last), *o = NULL;
    if (first) core_batch_fill(first, r->exchanges);
    else sp_columns_drop(r->exchanges.columns);
    if (second) core_batch_fill(second, r->evidence);
    else sp_columns_drop(r->evidence.columns);
    if (first && (second || !evidence) && left && from && to)
        o = Py_BuildValue("(OOnOOO)", first, second ? (PyObject *)second : Py_None, (Py_ssize_t)r->seen, left, from, to);
    Py_XDECREF((PyObject *)first);
    Py_XDECREF((PyObject *)second);
    Py_XDECREF(left);
    Py_XDECREF(from);
    Py_XDECREF(to);
    return o;
}

static const core_batch *batch_of(core_state *s, PyObject *o, const sp_schema *schema) {
    if (!Py_IS_TYPE(o, s->batch_type)) return PyErr_Format(PyExc_TypeError, "%s must be a Batch", schema->table), NULL;
    if (((core_batch *)o)->part.columns->schema == schema) return (core_batch *)o;
    return PyErr_Format(PyExc_ValueError, "%s: a batch of the other table", schema->table), NULL;
}

static PyObject *filter_apply(PyObject *self, PyObject *const *args, Py_ssize_t n, PyObject *kwnames) {
    static const char *const names[] = {"exchanges", "evidence", "limit"};
    static const core_sig sig = {"apply", names, 3, 0, 3, 1};
    PyObject *v[3];
    size_t limit = SIZE_MAX;
    sp_filter_result r;
    const core_batch *first, *second = NULL;
    if (core_bind(&sig, args, n, kwnames, v) < 0 || core_size(v[2], "limit", &limit) < 0) return NULL;
    if (!(first = batch_of(core_of(self), v[0], &sp_exchanges_schema))) return NULL;
    if (core_given(v[1]) && !(second = batch_of(core_of(self), v[1], &sp_evidence_schema))) return NULL;
    PyThreadState *detached = PyEval_SaveThread();
    sp_status st = sp_filter_run(((core_filter *)self)->filter, first->part, second ? second->part : (sp_part){0}, limit, &r);
    PyEval_RestoreThread(detached);
    return st == SP_OK ? result_of(first, second, &r) : (core_raise(st), NULL);
}

static int filter_traverse(PyObject *self, visitproc visit, void *arg) {
    Py_VISIT(Py_TYPE(self));
    return 0;
}

static void filter_dealloc(PyObject *self) {
    PyObject_GC_UnTrack(self);
    sp_filter_free(((core_filter *)self)->filter);
    core_free(self);
}

static PyMethodDef filter_methods[] = {
    {"apply", CORE_METHOD(filter_apply), CORE_FAST,
     "apply($self, /, exchanges, evidence=None, limit=None)\n--\n\nThe rows that are kept, their evidence, and what was left out and why."},
    {NULL, NULL, 0, NULL},
};

static PyType_Slot filter_slots[] = {
    {Py_tp_doc, (void *)"Filter(steps, /, *, since=None, until=None, share=None, seed=0)\n--\n\nWhich rows of a batch are kept."},
    {Py_tp_new, (void *)filter_new},
    {Py_tp_dealloc, (void *)filter_dealloc},
    {Py_tp_traverse, (void *)filter_traverse},
    {Py_tp_methods, filter_methods},
    {0, NULL},
};
PyType_Spec core_filter_spec = {"stateprint._core.Filter", sizeof(core_filter), 0,
                                Py_TPFLAGS_DEFAULT | Py_TPFLAGS_HAVE_GC | Py_TPFLAGS_IMMUTABLETYPE, filter_slots};
