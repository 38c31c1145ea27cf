/* Rules: a frozen rule set. */
#include "core.h"

#include <stdlib.h>

#include "sp_json.h"

static const struct {
    const char *name;
    size_t offset, hard;
} limits[] = {
#define X(field, dflt, hard, why) {#field, offsetof(sp_limits, field), hard},
    SP_LIMITS(X)
#undef X
};

static int set_limit(core_state *s, sp_limits *l, PyObject *name, PyObject *value) {
    char text[128];
    size_t i = 0, n = 0;
    if (!PyUnicode_Check(name)) return PyErr_SetString(PyExc_TypeError, "limits: a name must be a str"), -1;
    while (i < CORE_LEN(limits) && PyUnicode_CompareWithASCIIString(name, limits[i].name) != 0) i++;
    if (i == CORE_LEN(limits)) return core_raise_error(s, "limit", "", 0, 0, "no such limit", "limits() lists them");
    if (core_size(value, limits[i].name, &n) < 0) {
        if (!PyErr_ExceptionMatches(PyExc_ValueError)) return -1;
        PyErr_Clear();
        n = SIZE_MAX;
    }
    if (n < sp_limit_least(limits[i].offset) || n > limits[i].hard) {
        PyOS_snprintf(text, sizeof text, "%s must be from %zu to %zu", limits[i].name, sp_limit_least(limits[i].offset), limits[i].hard);
        return core_raise_error(s, "limit", "", 0, 0, text, "");
    }
    memcpy((char *)l + limits[i].offset, &n, sizeof n);
    return 0;
}

static int set_limits(core_state *s, sp_limits *l, PyObject *o) {
    PyObject *name, *value;
    Py_ssize_t at = 0;
    sp_limits_default(l);
    if (!core_given(o)) return 0;
    if (!PyDict_Check(o)) return PyErr_SetString(PyExc_TypeError, "limits must be a dict"), -1;
    PyObject *own = PyDict_Copy(o); /* so that nobody changes it meanwhile */
    int st = own ? 0 : -1;
    while (st == 0 && PyDict_Next(own, &at, &name, &value)) st = set_limit(s, l, name, value);
    Py_XDECREF(own);
    return st;
}

/* A tuple of the sequence `o`, and zeroed memory for as many items; *n is their number. */
static PyObject *items_of(PyObject *o, size_t item, size_t *n, void **memory) {
    PyObject *tuple = PySequence_Tuple(o);
    *n = tuple ? (size_t)PyTuple_Size(tuple) : 0;
    *memory = tuple ? PyMem_Calloc(*n + 1, item) : NULL;
    if (tuple && !*memory) {
        PyErr_NoMemory();
        Py_CLEAR(tuple);
    }
    return tuple;
}

typedef struct inputs { /* what must stay while the rules are built */
    PyObject *packs, *lens, *counts, *exempts, *versions;
    PyObject **names, **words; /* owners of texts */
    size_t name_n, word_n;
    void *pack_memory, *count_memory, *exempt_memory;
} inputs;

static void inputs_fini(inputs *in) {
    for (size_t i = 0; i < in->name_n; i++) Py_XDECREF(in->names[i]);
    for (size_t i = 0; i < in->word_n; i++) Py_XDECREF(in->words[i]);
    PyMem_Free(in->names);
    PyMem_Free(in->words);
    PyMem_Free(in->pack_memory);
    PyMem_Free(in->count_memory);
    PyMem_Free(in->exempt_memory);
    Py_XDECREF(in->packs);
    Py_XDECREF(in->lens);
    Py_XDECREF(in->counts);
    Py_XDECREF(in->exempts);
    Py_XDECREF(in->versions);
}

static int read_packs(inputs *in, PyObject *o, sp_rules_options *opt) {
    in->packs = items_of(o, sizeof(sp_pack_text), &opt->pack_count, &in->pack_memory);
    in->names = in->packs ? PyMem_Calloc(opt->pack_count + 1, sizeof *in->names) : NULL;
    if (!in->packs) return -1;
    if (!in->names) return core_raise(SP_ERR_NOMEM);
    in->name_n = opt->pack_count;
    sp_pack_text *packs = in->pack_memory;
    for (size_t i = 0; i < opt->pack_count; i++) {
        PyObject *pack = PyTuple_GetItem(in->packs, (Py_ssize_t)i);
        sp_view name = {0};
        if (!PyTuple_Check(pack) || PyTuple_Size(pack) != 2 || PyTuple_GetItem(pack, 1) == Py_None || PyTuple_GetItem(pack, 0) == Py_None)
            return PyErr_SetString(PyExc_TypeError, "packs must be tuples of a name and bytes"), -1;
        if (core_text(PyTuple_GetItem(pack, 0), "packs: a name", &in->names[i], &name) < 0) return -1;
        if (core_bytes(PyTuple_GetItem(pack, 1), "packs: a text", &packs[i].text) < 0) return -1;
        packs[i].name = (const char *)name.p; /* a NUL in it only cuts a message */
    }
    opt->packs = packs;
    return 0;
}

static int read_words(inputs *in, PyObject *words, sp_view *v, size_t n) {
    for (size_t i = 0; i < n; i++) {
        PyObject *word = PyTuple_GetItem(words, (Py_ssize_t)i);
        if (word == Py_None) return PyErr_SetString(PyExc_TypeError, "lens must hold str"), -1;
        if (core_text(word, "lens: an entry", &in->words[in->word_n], &v[i]) < 0) return -1;
        in->word_n++;
    }
    return 0;
}

static int read_lens(inputs *in, PyObject *o, sp_rules_options *opt) {
    in->lens = PySequence_Tuple(o);
    if (!in->lens) return -1;
    if (PyTuple_Size(in->lens) != 2) return PyErr_SetString(PyExc_ValueError, "lens must be two lists: what counts, what does not"), -1;
    in->counts = items_of(PyTuple_GetItem(in->lens, 0), sizeof(sp_view), &opt->lens_counts_n, &in->count_memory);
    if (!in->counts) return -1;
    in->exempts = items_of(PyTuple_GetItem(in->lens, 1), sizeof(sp_view), &opt->lens_exempts_n, &in->exempt_memory);
    if (!in->exempts) return -1;
    in->words = PyMem_Calloc(opt->lens_counts_n + opt->lens_exempts_n + 1, sizeof *in->words);
    if (!in->words) return core_raise(SP_ERR_NOMEM);
    opt->lens_counts = in->count_memory;
    opt->lens_exempts = in->exempt_memory;
    if (read_words(in, in->counts, in->count_memory, opt->lens_counts_n) < 0) return -1;
    return read_words(in, in->exempts, in->exempt_memory, opt->lens_exempts_n);
}

static int read_key(PyObject *o, const char *name, const uint8_t **key) {
    sp_view v = {0};
    if (core_bytes(o, name, &v) < 0) return -1;
    if (v.p && v.n != 16) return PyErr_Format(PyExc_ValueError, "%s must have 16 bytes", name), -1;
    *key = v.p;
    return 0;
}

static int read_kernel(core_state *s, PyObject *o, const sp_kernel **kernel) {
    PyObject *owner = NULL;
    sp_view name = {0};
    int st = core_text(o, "kernel", &owner, &name);
    if (st == 0 && name.p) *kernel = sp_kernel_named(name);
    if (st == 0 && name.p && !*kernel)
        st = core_raise_error(s, "kernel", "", 0, 0, "no kernel of that name runs here", "kernels() lists them");
    Py_XDECREF(owner);
    return st;
}

static int build(core_state *s, core_rules *self, const sp_rules_options *opt) {
    sp_rules_error err = {0};
    sp_status st = sp_rules_new(&sp_alloc_std, opt, &self->rules, &err);
    if (st == SP_OK) {
        sp_rules_digest(self->rules, self->digest); /* the object was zeroed */
        self->pool = sp_pool_new(&sp_alloc_std, self->rules);
        return self->pool ? 0 : core_raise(SP_ERR_NOMEM);
    }
    if (st == SP_ERR_NOMEM) return core_raise(st);
    return core_raise_error(s, err.code ? err.code : sp_status_code(st), err.file, err.line, err.column, err.message, "");
}

static PyObject *rules_new(PyTypeObject *type, PyObject *args, PyObject *kwargs) {
    enum {
        PACKS,
        LENS,
        LIMITS,
        KEY,
        TAG_KEY,
        TAGS,
        WITH_TEXT,
        CONTEXT,
        KERNEL,
        VERSIONS,
        COUNT
    };
    static const char *const names[COUNT] = {"packs", "lens",      "limits",  "key",    "tag_key",
                                             "tags",  "with_text", "context", "kernel", "versions"};
    static const core_sig sig = {"Rules", names, COUNT, 1, 1, 1 << PACKS | 1 << LENS};
    PyObject *v[COUNT];
    core_state *s = PyType_GetModuleState(type);
    inputs in = {0};
    sp_rules_options opt = {0};
    PyObject *self = NULL, *made = NULL;
    if (core_bind_call(&sig, args, kwargs, v) < 0) goto done;
    if (read_packs(&in, v[PACKS], &opt) < 0) goto done;
    if (read_lens(&in, v[LENS], &opt) < 0) goto done;
    if (set_limits(s, &opt.limits, v[LIMITS]) < 0) goto done;
    if (read_key(v[KEY], "key", &opt.key) < 0 || read_key(v[TAG_KEY], "tag_key", &opt.tag_key) < 0) goto done;
    if (core_flag(v[TAGS], &opt.tags) < 0 || core_flag(v[WITH_TEXT], &opt.with_text) < 0) goto done;
    if (core_bytes(v[CONTEXT], "context", &opt.context) < 0) goto done;
    if (read_kernel(s, v[KERNEL], &opt.kernel) < 0) goto done;
    if (core_text(v[VERSIONS], "versions", &in.versions, &opt.versions) < 0) goto done;
    self = PyType_GenericAlloc(type, 0);
    if (self && build(s, (core_rules *)self, &opt) == 0) made = Py_NewRef(self);
done:
    inputs_fini(&in);
    Py_XDECREF(self);
    return made;
}

static int rules_traverse(PyObject *self, visitproc visit, void *arg) {
    Py_VISIT(Py_TYPE(self));
    return 0;
}

static void rules_dealloc(PyObject *self) {
    PyObject_GC_UnTrack(self);
    sp_pool_free(((core_rules *)self)->pool);
    if (((core_rules *)self)->rules) sp_rules_free(((core_rules *)self)->rules);
    core_free(self);
}

static PyObject *rules_describe(PyObject *self, PyObject *unused) {
    (void)unused;
    char *text = NULL;
    size_t n = 0;
    sp_status st = sp_rules_describe(((core_rules *)self)->rules, &text, &n);
    PyObject *o = st == SP_OK ? PyBytes_FromStringAndSize(text, (Py_ssize_t)n) : NULL;
    if (st != SP_OK) core_raise(st);
    sp_release(&sp_alloc_std, text);
    return o;
}

static PyObject *rules_limits(PyObject *self, PyObject *unused) {
    (void)unused;
    const sp_limits *l = sp_rules_limits(((core_rules *)self)->rules);
    PyObject *d = PyDict_New();
    for (size_t i = 0; d && i < CORE_LEN(limits); i++) {
        size_t n;
        memcpy(&n, (const char *)l + limits[i].offset, sizeof n);
        if (core_put(d, limits[i].name, PyLong_FromSize_t(n)) < 0) Py_CLEAR(d);
    }
    return d;
}

static PyObject *rules_kernel(PyObject *self, PyObject *unused) {
    (void)unused;
    return PyUnicode_FromString(sp_rules_kernel(((core_rules *)self)->rules)->name);
}

static PyMethodDef rules_methods[] = {
    {"describe", rules_describe, METH_NOARGS,
     "describe($self, /)\n--\n\nJSON: packs, versions, digest, and every entry with its kind, id, source, file, line."},
    {"limits", rules_limits, METH_NOARGS, "limits($self, /)\n--\n\nThe limits in force, by name."},
    {"kernel", rules_kernel, METH_NOARGS, "kernel($self, /)\n--\n\nName of the kernel that reads strings."},
    {NULL, NULL, 0, NULL},
};

static PyType_Slot rules_slots[] = {
    {Py_tp_doc, (void *)"Rules(packs, /, *, lens, limits=None, key=None, tag_key=None, tags=False, with_text=False, context=None,\n"
                        "      kernel=None, versions='')\n--\n\nFrozen rule set: packs, lens, limits and key."},
    {Py_tp_new, (void *)rules_new},
    {Py_tp_dealloc, (void *)rules_dealloc},
    {Py_tp_traverse, (void *)rules_traverse},
    {Py_tp_methods, rules_methods},
    {0, NULL},
};
PyType_Spec core_rules_spec = {"stateprint._core.Rules", sizeof(core_rules), 0,
                               Py_TPFLAGS_DEFAULT | Py_TPFLAGS_HAVE_GC | Py_TPFLAGS_IMMUTABLETYPE, rules_slots};
