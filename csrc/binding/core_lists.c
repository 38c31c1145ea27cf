/* The vocabularies of the core as Python values; each comes out of one list. */
#include "core.h"
#include "sp_number.h"
#include "sp_verdict.h"

/* Appends `taken` to *list; both are gone when that fails. */
static void push(PyObject **list, PyObject *taken) {
    if (*list && (!taken || PyList_Append(*list, taken) < 0)) Py_CLEAR(*list);
    Py_XDECREF(taken);
}

PyObject *core_columns(PyObject *module, PyObject *const *args, Py_ssize_t n, PyObject *kwnames) {
    static const char *const names[] = {"table"};
    static const core_sig sig = {"columns", names, 1, 0, 1, 1};
    static const char *const kinds[] = {
        [SP_KIND_STR] = "utf8",
        [SP_KIND_I64] = "int64",
        [SP_KIND_I32] = "int32",
        [SP_KIND_BOOL] = "bool",
        [SP_KIND_TIME] = "timestamp[us, UTC]",
        [SP_KIND_STRS] = "list<utf8>",
        [SP_KIND_DICT] = "dictionary<int32, utf8>",
        [SP_KIND_NAME] = "dictionary<int32, utf8>",
        [SP_KIND_HEX] = "utf8",
        [SP_KIND_HEXS] = "list<utf8>",
    };
    PyObject *v[1];
    (void)module;
    if (core_bind(&sig, args, n, kwnames, v) < 0) return NULL;
    const sp_schema *s = core_schema(v[0]);
    PyObject *list = s ? PyList_New(0) : NULL;
    for (size_t i = 0; list && i < s->count; i++)
        push(&list, Py_BuildValue("(sss)", s->columns[i].name, kinds[s->columns[i].kind], s->columns[i].meaning));
    return list;
}

PyObject *core_statuses(PyObject *module, PyObject *unused) {
    (void)module;
    (void)unused;
    PyObject *list = PyList_New(0);
    for (int i = 0; i < SP_STATUS_COUNT; i++)
        push(&list, Py_BuildValue("(ss)", sp_status_code((sp_status)i), sp_status_expected((sp_status)i)));
    return list;
}

PyObject *core_flags(PyObject *module, PyObject *unused) {
    static const char *const meanings[] = {
#define SP_FLAG(name, text, meaning) meaning,
#include "sp_flags.def"
#undef SP_FLAG
    };
    (void)module;
    (void)unused;
    PyObject *list = PyList_New(0);
    for (unsigned i = 0; i < SP_FLAG_COUNT; i++) push(&list, Py_BuildValue("(ss)", sp_flag_name(i), meanings[i]));
    return list;
}

/* The names, as a tuple under that of a column. */
static int put_vocabulary(PyObject *d, const char *column, const char *const *names, size_t n) {
    PyObject *tuple = PyTuple_New((Py_ssize_t)n);
    for (size_t i = 0; tuple && i < n; i++) {
        PyObject *name = PyUnicode_FromString(names[i]);
        if (!name || PyTuple_SetItem(tuple, (Py_ssize_t)i, name) < 0) Py_CLEAR(tuple);
    }
    return core_put(d, column, tuple);
}

PyObject *core_vocabularies(PyObject *module, PyObject *unused) {
    const char *states[SP_STATE_COUNT], *flags[SP_FLAG_COUNT];
    PyObject *d = PyDict_New();
    (void)module;
    (void)unused;
    for (unsigned i = 0; i < SP_STATE_COUNT; i++) states[i] = sp_state_name((sp_state)i);
    for (unsigned i = 0; i < SP_FLAG_COUNT; i++) flags[i] = sp_flag_name(i);
    if (d &&
        (put_vocabulary(d, "state", states, CORE_LEN(states)) < 0 || put_vocabulary(d, "effects", sp_effect_names, SP_EFFECT_COUNT) < 0 ||
         put_vocabulary(d, "confidence", sp_basis_names, SP_BASIS_COUNT) < 0 || put_vocabulary(d, "flags", flags, CORE_LEN(flags)) < 0 ||
         put_vocabulary(d, "grade", sp_grade_names, SP_GRADE_COUNT) < 0 ||
         put_vocabulary(d, "body_state", sp_body_state_names, SP_BODY_STATE_COUNT) < 0))
        Py_CLEAR(d);
    return d;
}

PyObject *core_limits(PyObject *module, PyObject *unused) {
    static const struct {
        const char *name;
        unsigned long long preset, hard;
        const char *meaning;
    } limits[] = {
#define X(field, dflt, hard, why) {#field, dflt, hard, why},
        SP_LIMITS(X)
#undef X
    };
    (void)module;
    (void)unused;
    PyObject *list = PyList_New(0);
    for (size_t i = 0; i < CORE_LEN(limits); i++)
        push(&list, Py_BuildValue("(sKKs)", limits[i].name, limits[i].preset, limits[i].hard, limits[i].meaning));
    return list;
}

PyObject *core_kernels(PyObject *module, PyObject *unused) {
    const sp_kernel *k;
    (void)module;
    (void)unused;
    PyObject *list = PyList_New(0);
    for (size_t i = 0; (k = sp_kernel_at(i)) != NULL; i++) push(&list, PyUnicode_FromString(k->name));
    return list;
}

static size_t skip_digits(const uint8_t *p, size_t n, size_t i) {
    while (i < n && p[i] >= '0' && p[i] <= '9') i++;
    return i;
}

/* Whether the text is a number as RFC 8259 writes it. */
static int is_number(const uint8_t *p, size_t n) {
    size_t i = n > 0 && p[0] == '-', start = i;
    i = skip_digits(p, n, i);
    if (i == start || (p[start] == '0' && i > start + 1)) return 0;
    if (i < n && p[i] == '.') {
        start = i + 1;
        i = skip_digits(p, n, start);
        if (i == start) return 0;
    }
    if (i < n && (p[i] == 'e' || p[i] == 'E')) {
        i++;
        if (i < n && (p[i] == '+' || p[i] == '-')) i++;
        start = i;
        i = skip_digits(p, n, start);
        if (i == start) return 0;
    }
    return i == n;
}

PyObject *core_canonical_number(PyObject *module, PyObject *text) {
    PyObject *owner = NULL, *o = NULL;
    sp_view v = {0};
    uint32_t flags = 0;
    uint8_t *out = NULL;
    (void)module;
    if (text == Py_None) PyErr_SetString(PyExc_TypeError, "text must be a str");
    else if (core_text(text, "text", &owner, &v) == 0 && !is_number(v.p, v.n)) PyErr_SetString(PyExc_ValueError, "not a JSON number");
    if (PyErr_Occurred()) goto done;
    out = PyMem_Malloc(v.n > 32 ? v.n : 32);
    if (!out) PyErr_NoMemory();
    else o = core_str((sp_view){out, sp_number_canon(v.p, v.n, out, &flags)});
done:
    PyMem_Free(out);
    Py_XDECREF(owner);
    return o;
}
