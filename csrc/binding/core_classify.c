/* One exchange, in one call. */
#include "core.h"
#include "sp_columns_impl.h"

static int read_status(PyObject *o, int64_t *status) {
    *status = SP_NULL_INT;
    if (!core_given(o)) return 0;
    PyObject *index = PyNumber_Index(o);
    long long n = index ? PyLong_AsLongLong(index) : -1;
    Py_XDECREF(index);
    if (n == -1 && PyErr_Occurred() && !PyErr_ExceptionMatches(PyExc_OverflowError)) return -1;
    if (n < 0 || n > INT32_MAX) return PyErr_SetString(PyExc_ValueError, "status is out of range"), -1;
    *status = n;
    return 0;
}

/* ---- the answer ------------------------------------------------------------------------------------------------------------------- */

typedef struct core_answer {
    PyObject_HEAD sp_answer *answer;
    char digest[33];
} core_answer;

static const sp_answer *answer_of(PyObject *self) { return ((core_answer *)self)->answer; }

static PyObject *hex_value(const void *bytes, size_t n) {
    char text[2 * sizeof(sp_digest)];
    if (n > sizeof(sp_digest)) return core_raise(SP_ERR_INTERNAL), NULL;
    sp_hex(bytes, n, text);
    return core_str((sp_view){(const uint8_t *)text, 2 * n});
}

static PyObject *text_value(const void *cell, int hex) {
    sp_view v;
    memcpy(&v, cell, sizeof v);
    if (!v.p) return Py_NewRef(Py_None);
    return hex ? hex_value(v.p, v.n) : core_str(v);
}

static PyObject *list_value(const void *cell, int hex) {
    sp_cell_STRS texts = {0};
    sp_cell_HEXS digests = {0};
    if (hex) memcpy(&digests, cell, sizeof digests);
    else memcpy(&texts, cell, sizeof texts);
    if (!texts.p && !digests.p) return Py_NewRef(Py_None);
    size_t n = hex ? digests.n : texts.n;
    PyObject *o = PyList_New((Py_ssize_t)n);
    for (size_t i = 0; o && i < n; i++) {
        PyObject *item = hex ? hex_value(digests.p[i].b, sizeof *digests.p) : core_str(texts.p[i]);
        if (!item || PyList_SetItem(o, (Py_ssize_t)i, item) < 0) Py_CLEAR(o);
    }
    return o;
}

static PyObject *answer_cell(PyObject *self, PyObject *column) {
    const sp_schema *s = &sp_exchanges_schema;
    size_t i = 0;
    if (column == Py_None) return PyErr_SetString(PyExc_TypeError, "column must be an int"), NULL;
    if (core_size(column, "column", &i) < 0) return NULL;
    if (i >= s->count) return PyErr_SetString(PyExc_IndexError, "no such column"), NULL;
    const void *cell = (const char *)&answer_of(self)->row + s->columns[i].offset;
    sp_kind kind = s->columns[i].kind;
    switch (kind) {
    case SP_KIND_STR:
    case SP_KIND_DICT:
    case SP_KIND_NAME:
    case SP_KIND_HEX: return text_value(cell, kind == SP_KIND_HEX);
    case SP_KIND_STRS:
    case SP_KIND_HEXS: return list_value(cell, kind == SP_KIND_HEXS);
    default: return core_number(kind, spi_number_of(cell, kind));
    }
}

/* One of the two tables. */
static PyObject *answer_table(PyObject *self, int marks) {
    const core_answer *a = (core_answer *)self;
    core_batch *b = core_batch_new(core_of(self), a->digest);
    sp_columns *c = NULL;
    sp_status st = b ? sp_answer_columns(a->answer, marks ? NULL : &c, marks ? &c : NULL) : SP_OK;
    if (st != SP_OK) {
        core_raise(st);
        Py_CLEAR(b);
    }
    if (b) core_batch_fill(b, core_all_of(c));
    return (PyObject *)b;
}

static PyObject *answer_exchanges(PyObject *self, PyObject *unused) {
    (void)unused;
    return answer_table(self, 0);
}

static PyObject *answer_evidence(PyObject *self, PyObject *unused) {
    (void)unused;
    return answer_table(self, 1);
}

static PyObject *answer_error(PyObject *self, void *unused) {
    (void)unused;
    const sp_diagnosis *d = &answer_of(self)->why;
    if (d->status == SP_OK) return Py_NewRef(Py_None);
    PyObject *o = PyDict_New();
    const char *expected = d->expected ? d->expected : sp_status_expected(d->status);
    if (o && (core_put(o, "reason", core_str(core_view(sp_status_code(d->status)))) < 0 ||
              core_put(o, "offset", PyLong_FromSize_t(d->pos)) < 0 || core_put(o, "line", PyLong_FromSize_t(d->line)) < 0 ||
              core_put(o, "column", PyLong_FromSize_t(d->column)) < 0 || core_put(o, "expected", core_str(core_view(expected))) < 0 ||
              core_put(o, "path", core_str(answer_of(self)->pointer)) < 0))
        Py_CLEAR(o);
    return o;
}

static void answer_dealloc(PyObject *self) {
    PyTypeObject *type = Py_TYPE(self);
    sp_answer_free(((core_answer *)self)->answer);
    PyObject_Free(self);
    Py_DECREF(type);
}

static PyMethodDef answer_methods[] = {
    {"cell", answer_cell, METH_O, "cell($self, column, /)\n--\n\nThe value of a column of 'exchanges', by its number."},
    {"exchanges", answer_exchanges, METH_NOARGS, "exchanges($self, /)\n--\n\nThe row, as a table."},
    {"evidence", answer_evidence, METH_NOARGS, "evidence($self, /)\n--\n\nIts evidence, as a table."},
    {NULL, NULL, 0, NULL},
};

static PyGetSetDef answer_getset[] = {
    {"error", answer_error, NULL, "None, or why the payload is refused: reason, offset, line, column, expected, path.", NULL},
    {NULL, NULL, NULL, NULL, NULL},
};

static PyType_Slot answer_slots[] = {
    {Py_tp_doc, (void *)"What was found of one exchange. Values are made when they are asked for."},
    {Py_tp_dealloc, (void *)answer_dealloc},
    {Py_tp_methods, answer_methods},
    {Py_tp_getset, answer_getset},
    {0, NULL},
};
/* Not for the garbage collector: it holds no object. */
PyType_Spec core_answer_spec = {"stateprint._core.Answer", sizeof(core_answer), 0,
                                Py_TPFLAGS_DEFAULT | Py_TPFLAGS_IMMUTABLETYPE | Py_TPFLAGS_DISALLOW_INSTANTIATION, answer_slots};

/* ---- the call --------------------------------------------------------------------------------------------------------------------- */

static PyObject *run(core_state *s, const core_rules *rules, const sp_one *one) {
    core_answer *a = (core_answer *)PyType_GenericAlloc(s->answer_type, 0);
    if (!a) return NULL;
    memcpy(a->digest, rules->digest, sizeof a->digest);
    PyThreadState *detached = one->payload.n + one->response.n > CORE_DETACH_BYTES ? PyEval_SaveThread() : NULL;
    sp_status st = sp_classify_one(rules->pool, one, &a->answer);
    if (detached) PyEval_RestoreThread(detached);
    if (st == SP_OK && !a->answer) st = SP_ERR_INTERNAL;
    if (st != SP_OK) {
        core_raise(st);
        Py_CLEAR(a);
    }
    return (PyObject *)a;
}

const char core_classify_doc[] =
    "classify(rules, payload, /, *, method=None, url=None, headers=None, response=None, response_headers=None,\n"
    "         status=None, time=None)\n--\n\n"
    "One exchange: its row, its evidence, and why the payload is refused, if it is.";

PyObject *core_classify(PyObject *module, PyObject *const *args, Py_ssize_t n, PyObject *kwnames) {
    enum {
        A_RULES,
        A_PAYLOAD,
        A_METHOD,
        A_URL,
        A_HEADERS,
        A_RESPONSE,
        A_RESPONSE_HEADERS,
        A_STATUS,
        A_TIME,
        A_COUNT
    };
    static const char *const names[A_COUNT] = {"rules",    "payload",          "method", "url", "headers",
                                               "response", "response_headers", "status", "time"};
    static const core_sig sig = {"classify", names, A_COUNT, 2, 2, 1 << A_RULES | 1 << A_PAYLOAD};
    core_state *s = core_of_module(module);
    PyObject *v[A_COUNT], *method = NULL, *url = NULL, *time = NULL, *result = NULL;
    core_buffer payload = {0};
    sp_one one = {0};
    if (core_bind(&sig, args, n, kwnames, v) < 0) goto done;
    if (!Py_IS_TYPE(v[A_RULES], s->rules_type)) {
        PyErr_SetString(PyExc_TypeError, "rules must be Rules");
        goto done;
    }
    if (core_text_here(v[A_METHOD], "method", &method, &one.method) < 0 || core_text_here(v[A_URL], "url", &url, &one.url) < 0 ||
        core_text_here(v[A_TIME], "time", &time, &one.time) < 0 || core_bytes(v[A_HEADERS], "headers", &one.headers) < 0 ||
        core_bytes(v[A_RESPONSE], "response", &one.response) < 0 ||
        core_bytes(v[A_RESPONSE_HEADERS], "response_headers", &one.response_headers) < 0 || read_status(v[A_STATUS], &one.status) < 0 ||
        core_buffer_init(&payload, v[A_PAYLOAD]) < 0)
        goto done;
    one.payload = payload.v;
    result = run(s, (core_rules *)v[A_RULES], &one);
done:
    core_buffer_fini(&payload);
    Py_XDECREF(method);
    Py_XDECREF(url);
    Py_XDECREF(time);
    return result;
}
