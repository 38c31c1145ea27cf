/* The module: multi-phase, one state per interpreter, no global that changes. */
#include "core.h"

#include <jansson.h>
#include <xxhash.h>

_Static_assert(JANSSON_VERSION_HEX >= 0x020e00, "jansson 2.14 or later is needed");
_Static_assert(XXH_VERSION_NUMBER >= 800, "xxHash 0.8.0 or later is needed: its output is frozen from there on");

static int add_type(PyObject *module, PyType_Spec *spec, PyTypeObject **slot) {
    *slot = (PyTypeObject *)PyType_FromModuleAndSpec(module, spec, NULL);
    return *slot ? PyModule_AddType(module, *slot) : -1;
}

static int core_exec(PyObject *module) {
    core_state *s = core_of_module(module);
    if (jansson_version_cmp(2, 14, 0) < 0) {
        PyErr_Format(PyExc_ImportError, "stateprint needs jansson 2.14 or later; the library that was loaded is %s", jansson_version_str());
        return -1;
    }
    json_object_seed(0); /* once per process, before threads: jansson keeps the first seed */
    s->error = PyErr_NewExceptionWithDoc("stateprint._core.CoreError",
                                         "A pack, lens or limit is refused. args: (code, file, line, column, message, hint).", NULL, NULL);
    if (!s->error || PyModule_AddObjectRef(module, "CoreError", s->error) < 0) return -1;
    if (add_type(module, &core_rules_spec, &s->rules_type) < 0 || add_type(module, &core_scan_spec, &s->scan_type) < 0 ||
        add_type(module, &core_batch_spec, &s->batch_type) < 0 || add_type(module, &core_answer_spec, &s->answer_type) < 0 ||
        add_type(module, &core_filter_spec, &s->filter_type) < 0 || add_type(module, &core_tally_spec, &s->tally_type) < 0 ||
        add_type(module, &core_calls_spec, &s->calls_type) < 0)
        return -1;
    s->room_type = (PyTypeObject *)PyType_FromModuleAndSpec(module, &core_room_spec, NULL); /* seen only through its memoryviews */
    if (!s->room_type) return -1;
    return PyModule_AddStringConstant(module, "__version__", STATEPRINT_VERSION);
}

static int core_traverse(PyObject *module, visitproc visit, void *arg) {
    core_state *s = core_of_module(module);
    Py_VISIT((PyObject *)s->rules_type);
    Py_VISIT((PyObject *)s->scan_type);
    Py_VISIT((PyObject *)s->room_type);
    Py_VISIT((PyObject *)s->batch_type);
    Py_VISIT((PyObject *)s->answer_type);
    Py_VISIT((PyObject *)s->filter_type);
    Py_VISIT((PyObject *)s->tally_type);
    Py_VISIT((PyObject *)s->calls_type);
    Py_VISIT(s->error);
    return 0;
}

static int core_clear(PyObject *module) {
    core_state *s = core_of_module(module);
    Py_CLEAR(s->rules_type);
    Py_CLEAR(s->scan_type);
    Py_CLEAR(s->room_type);
    Py_CLEAR(s->batch_type);
    Py_CLEAR(s->answer_type);
    Py_CLEAR(s->filter_type);
    Py_CLEAR(s->tally_type);
    Py_CLEAR(s->calls_type);
    Py_CLEAR(s->error);
    return 0;
}

static void core_free_module(void *module) { core_clear(module); }

static PyMethodDef core_functions[] = {
    {"classify", CORE_METHOD(core_classify), CORE_FAST, core_classify_doc},
    {"stream", CORE_METHOD(core_stream), CORE_FAST, core_stream_doc},
    {"columns", CORE_METHOD(core_columns), CORE_FAST,
     "columns($module, /, table)\n--\n\n(name, kind, meaning) of the columns of 'exchanges' or 'evidence'."},
    {"statuses", core_statuses, METH_NOARGS, "statuses($module, /)\n--\n\n(code, what was expected) of every reason."},
    {"flags", core_flags, METH_NOARGS, "flags($module, /)\n--\n\n(name, meaning) of every flag."},
    {"vocabularies", core_vocabularies, METH_NOARGS,
     "vocabularies($module, /)\n--\n\nColumns of 'exchanges' whose values the core knows all, each with these."},
    {"limits", core_limits, METH_NOARGS, "limits($module, /)\n--\n\n(name, default, hard maximum, meaning) of every limit."},
    {"kernels", core_kernels, METH_NOARGS,
     "kernels($module, /)\n--\n\nNames of the string kernels that run on this processor, best first."},
    {"canonical_number", core_canonical_number, METH_O,
     "canonical_number($module, text, /)\n--\n\nThe canonical text of a JSON number; ValueError when it is none."},
    {NULL, NULL, 0, NULL},
};

static PyModuleDef_Slot core_slots[] = {
    {Py_mod_exec, (void *)core_exec},
#ifdef Py_mod_multiple_interpreters /* the macro, not the version: also right in builds for the stable ABI */
    {Py_mod_multiple_interpreters, Py_MOD_PER_INTERPRETER_GIL_SUPPORTED},
#endif
#if defined(Py_mod_gil) && defined(STATEPRINT_GIL_NOT_USED) /* a promise that needs its TSan run first */
    {Py_mod_gil, Py_MOD_GIL_NOT_USED},
#endif
    {0, NULL},
};

static PyModuleDef core_def = {
    PyModuleDef_HEAD_INIT,        .m_name = "stateprint._core", .m_doc = "The C core of stateprint.",
    .m_size = sizeof(core_state), .m_methods = core_functions,  .m_slots = core_slots,
    .m_traverse = core_traverse,  .m_clear = core_clear,        .m_free = core_free_module,
};

PyMODINIT_FUNC PyInit__core(void);
PyMODINIT_FUNC PyInit__core(void) { return PyModuleDef_Init(&core_def); }
