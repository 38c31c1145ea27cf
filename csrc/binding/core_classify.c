/* One exchange, in one call. */
#include "core.h"

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

static PyObject *diagnosis_value(const sp_diagnosis *d, sp_view pointer) {
    if (d->status == SP_OK) return Py_NewRef(Py_None);
    PyObject *o = PyDict_New();
    const char *expected = d->expected ? d->expected : sp_status_expected(d->status);
    if (o && (core_put(o, "reason", core_str(core_view(sp_status_code(d->status)))) < 0 ||
              core_put(o, "offset", PyLong_FromSize_t(d->pos)) < 0 || core_put(o, "line", PyLong_FromSize_t(d->line)) < 0 ||
              core_put(o, "column", PyLong_FromSize_t(d->column)) < 0 || core_put(o, "expected", core_str(core_view(expected))) < 0 ||
              core_put(o, "path", core_str(pointer)) < 0))
        Py_CLEAR(o);
    return o;
}

static PyObject *run(core_state *s, const core_rules *rules, const sp_one *one) {
    char path[1024];
    sp_diagnosis d = {0};
    size_t path_n = 0;
    sp_columns *exchanges = NULL, *evidence = NULL;
    PyObject *result = NULL, *error = NULL;
    core_batch *first = core_batch_new(s, rules), *second = core_batch_new(s, rules);
    if (!first || !second) goto done;
    PyThreadState *detached = one->payload.n + one->response.n > CORE_DETACH_BYTES ? PyEval_SaveThread() : NULL;
    sp_status st = sp_classify_one(&sp_alloc_std, rules->rules, one, &exchanges, &evidence, &d, path, sizeof path, &path_n);
    if (detached) PyEval_RestoreThread(detached);
    if (st == SP_OK && !(exchanges && evidence)) st = SP_ERR_INTERNAL;
    if (st != SP_OK) {
        sp_columns_drop(exchanges);
        sp_columns_drop(evidence);
        core_raise(st);
        goto done;
    }
    core_batch_fill(first, exchanges);
    core_batch_fill(second, evidence);
    error = diagnosis_value(&d, (sp_view){(const uint8_t *)path, path_n});
    if (error) result = PyTuple_Pack(3, (PyObject *)first, (PyObject *)second, error);
done:
    Py_XDECREF((PyObject *)first);
    Py_XDECREF((PyObject *)second);
    Py_XDECREF(error);
    return result;
}

const char core_classify_doc[] =
    "classify(rules, payload, /, *, method=None, url=None, headers=None, response=None, response_headers=None,\n"
    "         status=None, time=None)\n--\n\n"
    "One exchange: its row, its evidence, and the error (reason, offset, line, column, expected, path) if the payload is refused.";

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
    if (core_text(v[A_METHOD], "method", &method, &one.method) < 0 || core_text(v[A_URL], "url", &url, &one.url) < 0 ||
        core_text(v[A_TIME], "time", &time, &one.time) < 0 || core_bytes(v[A_HEADERS], "headers", &one.headers) < 0 ||
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
