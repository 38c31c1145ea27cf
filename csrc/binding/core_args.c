/* Arguments in, errors and small values out. */
#include "core.h"

/* guess: where it stands if all names come in order. */
static int bind_name(const core_sig *sig, unsigned guess, PyObject *name, PyObject *value, PyObject **values) {
    unsigned i = guess;
    if (!PyUnicode_Check(name)) return PyErr_Format(PyExc_TypeError, "%s(): keywords must be strings", sig->function), -1;
    if (i < sig->only || i >= sig->count || PyUnicode_CompareWithASCIIString(name, sig->names[i]) != 0)
        for (i = sig->only; i < sig->count && PyUnicode_CompareWithASCIIString(name, sig->names[i]) != 0;) i++;
    if (i == sig->count) return PyErr_Format(PyExc_TypeError, "%s() got an unexpected keyword argument '%U'", sig->function, name), -1;
    if (values[i]) return PyErr_Format(PyExc_TypeError, "%s() got multiple values for argument '%s'", sig->function, sig->names[i]), -1;
    values[i] = value;
    return 0;
}

static int bind_start(const core_sig *sig, Py_ssize_t n, PyObject **values) {
    for (unsigned i = 0; i < sig->count; i++) values[i] = NULL;
    if ((size_t)n <= sig->places) return 0;
    PyErr_Format(PyExc_TypeError, "%s() takes at most %u positional arguments (%zd given)", sig->function, sig->places, n);
    return -1;
}

static int bind_end(const core_sig *sig, PyObject **values) {
    for (unsigned i = 0; i < sig->count; i++)
        if (!values[i] && sig->must >> i & 1)
            return PyErr_Format(PyExc_TypeError, "%s() missing required argument '%s'", sig->function, sig->names[i]), -1;
    return 0;
}

int core_bind(const core_sig *sig, PyObject *const *args, Py_ssize_t n, PyObject *names, PyObject **values) {
    if (bind_start(sig, n, values) < 0) return -1;
    for (Py_ssize_t i = 0; i < n; i++) values[i] = args[i];
    for (Py_ssize_t i = 0, named = names ? PyTuple_Size(names) : 0; i < named; i++)
        if (bind_name(sig, (unsigned)(n + i), PyTuple_GetItem(names, i), args[n + i], values) < 0) return -1;
    return bind_end(sig, values);
}

int core_bind_call(const core_sig *sig, PyObject *args, PyObject *kwargs, PyObject **values) {
    PyObject *name, *value;
    Py_ssize_t n = PyTuple_Size(args), at = 0;
    if (bind_start(sig, n, values) < 0) return -1;
    for (Py_ssize_t i = 0; i < n; i++) values[i] = PyTuple_GetItem(args, i);
    while (kwargs && PyDict_Next(kwargs, &at, &name, &value))
        if (bind_name(sig, sig->only, name, value, values) < 0) return -1;
    return bind_end(sig, values);
}

int core_flag(PyObject *o, int *flag) {
    if (!core_given(o)) return 0;
    *flag = PyObject_IsTrue(o);
    return *flag < 0 ? -1 : 0;
}

int core_size(PyObject *o, const char *name, size_t *n) {
    if (!core_given(o)) return 0;
    PyObject *index = PyNumber_Index(o);
    Py_ssize_t value = index ? PyLong_AsSsize_t(index) : -1;
    Py_XDECREF(index);
    if (value < 0 && PyErr_Occurred() && !PyErr_ExceptionMatches(PyExc_OverflowError)) return -1;
    if (value < 0) return PyErr_Format(PyExc_ValueError, "%s is out of range", name), -1;
    *n = (size_t)value;
    return 0;
}

int core_bytes(PyObject *o, const char *name, sp_view *v) {
    if (!core_given(o)) return 0;
    if (!PyBytes_Check(o)) return PyErr_Format(PyExc_TypeError, "%s must be bytes", name), -1;
    *v = (sp_view){(const uint8_t *)PyBytes_AsString(o), (size_t)PyBytes_Size(o)};
    return 0;
}

int core_text(PyObject *o, const char *name, PyObject **owner, sp_view *v) {
    if (!core_given(o)) return 0;
    if (!PyUnicode_Check(o)) return PyErr_Format(PyExc_TypeError, "%s must be a str", name), -1;
    *owner = PyUnicode_AsEncodedString(o, "utf-8", "backslashreplace");
    return *owner ? core_bytes(*owner, name, v) : -1;
}

int core_text_here(PyObject *o, const char *name, PyObject **owner, sp_view *v) {
    Py_ssize_t n = 0;
    if (!core_given(o) || !PyUnicode_Check(o)) return core_text(o, name, owner, v);
    const char *text = PyUnicode_AsUTF8AndSize(o, &n);
    if (!text) { /* lone surrogates */
        if (!PyErr_ExceptionMatches(PyExc_UnicodeEncodeError)) return -1;
        PyErr_Clear();
        return core_text(o, name, owner, v);
    }
    *v = (sp_view){(const uint8_t *)text, (size_t)n};
    return 0;
}

int core_buffer_init(core_buffer *b, PyObject *o) {
    Py_buffer view;
    if (!core_given(o)) return 0;
    if (PyBytes_Check(o)) {
        b->owner = Py_NewRef(o);
    } else { /* even a read-only view may lie over memory that changes */
        if (PyObject_GetBuffer(o, &view, PyBUF_SIMPLE) < 0) return -1;
        b->owner = PyBytes_FromStringAndSize(view.buf, view.len);
        PyBuffer_Release(&view);
    }
    return b->owner ? core_bytes(b->owner, "data", &b->v) : -1;
}

void core_buffer_fini(core_buffer *b) { Py_CLEAR(b->owner); }

int core_raise(sp_status st) {
    if (st == SP_ERR_NOMEM) PyErr_NoMemory();
    else PyErr_Format(PyExc_RuntimeError, "internal error of stateprint: %s", sp_status_code(st));
    return -1;
}

int core_raise_error(core_state *s, const char *code, const char *file, size_t line, size_t column, const char *message, const char *hint) {
    PyObject *args[6] = {core_str(core_view(code)), core_str(core_view(file)),    PyLong_FromSize_t(line),
                         PyLong_FromSize_t(column), core_str(core_view(message)), core_str(core_view(hint))};
    PyObject *tuple = PyTuple_New(6);
    int ok = tuple != NULL;
    for (Py_ssize_t i = 0; i < 6; i++) {
        ok = ok && args[i] && PyTuple_SetItem(tuple, i, Py_NewRef(args[i])) == 0;
        Py_XDECREF(args[i]);
    }
    if (ok) PyErr_SetObject(s->error, tuple);
    Py_XDECREF(tuple);
    return -1;
}

PyObject *core_str(sp_view v) { return PyUnicode_DecodeUTF8((const char *)v.p, (Py_ssize_t)v.n, "replace"); }

int core_put(PyObject *dict, const char *name, PyObject *taken) {
    int st = taken ? PyDict_SetItemString(dict, name, taken) : -1;
    Py_XDECREF(taken);
    return st;
}

void core_free(PyObject *self) {
    PyTypeObject *type = Py_TYPE(self);
    PyObject_GC_Del(self);
    Py_DECREF(type);
}
