/* Scan: one input. Every method takes `busy` for its duration, so a second thread gets an error instead of a race.

   Memory of room(): the memoryview lies over a Room object, which counts the views on it (`exports`). Whatever may move the memory first
   releases the memoryview that room() gave, then refuses to go on while any other view is alive, and makes old rooms useless (`serial`). */
#include "core.h"

#include <stdatomic.h>

typedef struct core_scan {
    PyObject_HEAD sp_batch *batch;
    PyObject *rules, *source, *source_id, *format, *records, *container; /* the last five are bytes, or NULL */
    PyObject *view;                                                      /* the memoryview of the last room, or NULL */
    size_t room;                                                         /* bytes that may be committed */
    int evidence, finished;
    atomic_size_t exports, serial;
    atomic_flag busy;
} core_scan;

typedef struct core_room {
    PyObject_HEAD core_scan *scan; /* a reference, kept until the end: it owns the memory */
    uint8_t *p;
    size_t n, serial;
} core_room;

/* --- Room --- */

static int room_get(PyObject *self, Py_buffer *view, int flags) {
    core_room *r = (core_room *)self;
    int st = -1;
    atomic_fetch_add(&r->scan->exports, 1); /* first count, then look: settle does it the other way round */
    if (atomic_load(&r->scan->serial) != r->serial) PyErr_SetString(PyExc_BufferError, "this room was committed or given up");
    else st = PyBuffer_FillInfo(view, self, r->p, (Py_ssize_t)r->n, 0, flags);
    if (st < 0) atomic_fetch_sub(&r->scan->exports, 1);
    return st;
}

static void room_release(PyObject *self, Py_buffer *view) {
    (void)view;
    atomic_fetch_sub(&((core_room *)self)->scan->exports, 1);
}

static int room_traverse(PyObject *self, visitproc visit, void *arg) {
    Py_VISIT(Py_TYPE(self));
    Py_VISIT((PyObject *)((core_room *)self)->scan);
    return 0;
}

static void room_dealloc(PyObject *self) {
    PyObject_GC_UnTrack(self);
    Py_XDECREF((PyObject *)((core_room *)self)->scan);
    core_free(self);
}

static PyType_Slot room_slots[] = {
    {Py_tp_doc, (void *)"Memory of a Scan that is lent out through a memoryview."},
    {Py_tp_dealloc, (void *)room_dealloc},
    {Py_tp_traverse, (void *)room_traverse}, /* no clear: the ring is broken at Scan.view */
    {Py_bf_getbuffer, (void *)room_get},
    {Py_bf_releasebuffer, (void *)room_release},
    {0, NULL},
};
PyType_Spec core_room_spec = {"stateprint._core._Room", sizeof(core_room), 0,
                              Py_TPFLAGS_DEFAULT | Py_TPFLAGS_HAVE_GC | Py_TPFLAGS_IMMUTABLETYPE | Py_TPFLAGS_DISALLOW_INSTANTIATION,
                              room_slots};

/* --- Scan --- */

static core_scan *enter(PyObject *self) {
    core_scan *s = (core_scan *)self;
    if (!atomic_flag_test_and_set(&s->busy)) return s;
    return PyErr_SetString(PyExc_RuntimeError, "this Scan is at work in another thread"), NULL;
}

static PyObject *leave(core_scan *s, PyObject *result) {
    atomic_flag_clear(&s->busy);
    return result;
}

static PyObject *none_if(int ok) { return ok ? Py_NewRef(Py_None) : NULL; }

/* Nobody can write into the memory of the reader any more; or -1 with BufferError, and what was lent out can still be committed. */
static int settle(core_scan *s) {
    PyObject *done = s->view ? PyObject_CallMethod(s->view, "release", NULL) : Py_NewRef(Py_None);
    if (!done) return -1;
    Py_DECREF(done);
    Py_CLEAR(s->view);
    atomic_fetch_add(&s->serial, 1);
    if (atomic_load(&s->exports) != 0) return PyErr_SetString(PyExc_BufferError, "a view of room() is still in use: release it first"), -1;
    s->room = 0;
    return 0;
}

static int settle_open(core_scan *s) {
    if (!s->finished) return settle(s);
    PyErr_SetString(PyExc_ValueError, "the scan was finished");
    return -1;
}

static int scan_start(core_scan *self, core_state *s, size_t threads) {
    const sp_batch_options o = {
        .rules = ((core_rules *)self->rules)->rules,
        .source = PyBytes_AsString(self->source),
        .source_id = self->source_id ? PyBytes_AsString(self->source_id) : NULL,
        .format = self->format ? PyBytes_AsString(self->format) : NULL,
        .records = self->records ? PyBytes_AsString(self->records) : NULL,
        .container = self->container ? PyBytes_AsString(self->container) : NULL,
        .threads = (unsigned)threads,
        .evidence = self->evidence,
    };
    sp_status st = sp_batch_new(&sp_alloc_std, &o, &self->batch);
    if (st == SP_ERR_SYNTAX)
        return core_raise_error(s, "format", "", 0, 0, "no such format, or no pointers", "Engine.formats() lists them");
    return st == SP_OK ? 0 : core_raise(st);
}

/* A text that C takes up to its NUL. */
static int c_text(PyObject *o, const char *name, PyObject **owner) {
    sp_view v = {0};
    if (core_text(o, name, owner, &v) < 0) return -1;
    if (!v.p || !memchr(v.p, 0, v.n)) return 0;
    PyErr_Format(PyExc_ValueError, "%s must not hold NUL", name);
    return -1;
}

static PyObject *scan_new(PyTypeObject *type, PyObject *args, PyObject *kwargs) {
    enum {
        RULES,
        SOURCE,
        FORMAT,
        THREADS,
        EVIDENCE,
        SOURCE_ID,
        RECORDS,
        CONTAINER,
        COUNT
    };
    static const char *const names[COUNT] = {"rules", "source", "format", "threads", "evidence", "source_id", "records", "container"};
    static const core_sig sig = {"Scan", names, COUNT, 1, 1, 1 << RULES | 1 << SOURCE};
    core_state *s = PyType_GetModuleState(type);
    PyObject *v[COUNT];
    size_t threads = 1;
    core_scan *self = NULL;
    int st = core_bind_call(&sig, args, kwargs, v);
    if (st == 0 && !Py_IS_TYPE(v[RULES], s->rules_type)) st = (PyErr_SetString(PyExc_TypeError, "rules must be Rules"), -1);
    if (st == 0 && v[SOURCE] == Py_None) st = (PyErr_SetString(PyExc_TypeError, "source must be a str"), -1);
    if (st == 0) st = core_size(v[THREADS], "threads", &threads);
    if (st == 0 && (threads < 1 || threads > 1024)) st = (PyErr_SetString(PyExc_ValueError, "threads must be from 1 to 1024"), -1);
    if (st == 0) self = (core_scan *)PyType_GenericAlloc(type, 0);
    if (!self) return NULL;
    PyObject_GC_UnTrack(self); /* nobody may find it before it is whole */
    atomic_init(&self->exports, 0);
    atomic_init(&self->serial, 0);
    atomic_flag_clear(&self->busy);
    self->rules = Py_NewRef(v[RULES]);
    st = core_flag(v[EVIDENCE], &self->evidence);
    if (st == 0) st = c_text(v[SOURCE], "source", &self->source);
    if (st == 0) st = c_text(v[SOURCE_ID], "source_id", &self->source_id);
    if (st == 0) st = c_text(v[FORMAT], "format", &self->format);
    if (st == 0) st = c_text(v[RECORDS], "records", &self->records);
    if (st == 0) st = c_text(v[CONTAINER], "container", &self->container);
    if (st == 0) st = scan_start(self, s, threads);
    if (st == 0) PyObject_GC_Track(self);
    else Py_CLEAR(self);
    return (PyObject *)self;
}

static int scan_traverse(PyObject *self, visitproc visit, void *arg) {
    core_scan *s = (core_scan *)self;
    Py_VISIT(Py_TYPE(self));
    Py_VISIT(s->rules);
    Py_VISIT(s->view);
    return 0;
}

static int scan_clear(PyObject *self) {
    Py_CLEAR(((core_scan *)self)->view);
    return 0;
}

static void scan_dealloc(PyObject *self) {
    core_scan *s = (core_scan *)self;
    PyObject_GC_UnTrack(self);
    Py_CLEAR(s->view);
    if (s->batch) sp_batch_free(s->batch); /* before the rules that it reads */
    Py_CLEAR(s->source);
    Py_CLEAR(s->source_id);
    Py_CLEAR(s->format);
    Py_CLEAR(s->records);
    Py_CLEAR(s->container);
    Py_CLEAR(s->rules);
    core_free(self);
}

static int feed(core_scan *s, const Py_buffer *data, int frozen) {
    size_t n = (size_t)data->len;
    uint8_t *p = NULL;
    if (settle_open(s) < 0) return -1;
    if (n == 0) return 0;
    PyThreadState *detached = frozen && n > CORE_DETACH_BYTES ? PyEval_SaveThread() : NULL;
    sp_status st = sp_batch_room(s->batch, n, &p);
    if (st == SP_OK) {
        memcpy(p, data->buf, n);
        sp_batch_commit(s->batch, n);
    }
    if (detached) PyEval_RestoreThread(detached);
    return st == SP_OK ? 0 : core_raise(st);
}

static PyObject *scan_feed(PyObject *self, PyObject *data) {
    Py_buffer view;
    if (PyObject_GetBuffer(data, &view, PyBUF_SIMPLE) < 0) return NULL;
    core_scan *s = enter(self);
    PyObject *o = s ? leave(s, none_if(feed(s, &view, PyBytes_Check(data)) == 0)) : NULL;
    PyBuffer_Release(&view);
    return o;
}

static PyObject *make_room(core_scan *s, size_t n) {
    uint8_t *p = NULL;
    if (settle_open(s) < 0) return NULL;
    if (n > sp_batch_read_size(s->batch)) n = sp_batch_read_size(s->batch);
    sp_status st = sp_batch_room(s->batch, n, &p);
    if (st != SP_OK) return core_raise(st), NULL;
    core_room *r = (core_room *)PyType_GenericAlloc(core_of((PyObject *)s)->room_type, 0);
    if (!r) return NULL;
    r->scan = (core_scan *)Py_NewRef((PyObject *)s);
    r->p = p;
    r->n = n;
    r->serial = atomic_load(&s->serial);
    s->view = PyMemoryView_FromObject((PyObject *)r);
    Py_DECREF((PyObject *)r);
    if (s->view) s->room = n;
    return Py_XNewRef(s->view);
}

static PyObject *scan_room(PyObject *self, PyObject *size) {
    size_t n = 0;
    if (core_size(size, "n", &n) < 0) return NULL;
    if (n == 0) return PyErr_SetString(PyExc_ValueError, "n must be at least 1"), NULL;
    core_scan *s = enter(self);
    return s ? leave(s, make_room(s, n)) : NULL;
}

static int commit(core_scan *s, size_t n) {
    if (n > s->room) return PyErr_SetString(PyExc_ValueError, "n is more than room() gave"), -1;
    if (settle(s) < 0) return -1;
    if (n) sp_batch_commit(s->batch, n);
    return 0;
}

static PyObject *scan_commit(PyObject *self, PyObject *size) {
    size_t n = 0;
    if (core_size(size, "n", &n) < 0) return NULL;
    core_scan *s = enter(self);
    return s ? leave(s, none_if(commit(s, n) == 0)) : NULL;
}

static int finish(core_scan *s, int cut) {
    if (s->finished) return 0;
    if (settle(s) < 0) return -1;
    sp_batch_finish(s->batch, cut);
    s->finished = 1;
    return 0;
}

static PyObject *scan_finish(PyObject *self, PyObject *const *args, Py_ssize_t n, PyObject *kwnames) {
    static const char *const names[] = {"cut"};
    static const core_sig sig = {"finish", names, 1, 0, 1, 0};
    PyObject *v[1];
    int cut = 0;
    if (core_bind(&sig, args, n, kwnames, v) < 0 || core_flag(v[0], &cut) < 0) return NULL;
    core_scan *s = enter(self);
    return s ? leave(s, none_if(finish(s, cut) == 0)) : NULL;
}

/* The objects are made before the work, so that no batch is lost for want of memory. */
static PyObject *take(core_scan *s) {
    const core_rules *rules = (core_rules *)s->rules;
    core_state *state = core_of((PyObject *)s);
    sp_columns *exchanges = NULL, *evidence = NULL;
    PyObject *pair = NULL;
    if (settle(s) < 0) return NULL;
    core_batch *first = core_batch_new(state, rules->digest), *second = core_batch_new(state, rules->digest);
    if (first && second) pair = PyTuple_Pack(2, (PyObject *)first, s->evidence ? (PyObject *)second : Py_None);
    if (!pair) goto done;
    PyObject_GC_UnTrack(pair); /* nobody may find it before it is whole */
    PyThreadState *detached = PyEval_SaveThread();
    sp_status st = sp_batch_take(s->batch, &exchanges, &evidence);
    PyEval_RestoreThread(detached);
    if (st == SP_OK && exchanges && s->evidence && !evidence) st = SP_ERR_INTERNAL;
    if (st != SP_OK || !exchanges) {
        Py_CLEAR(pair);
        sp_columns_drop(exchanges);
        sp_columns_drop(evidence);
        if (st == SP_OK) pair = Py_NewRef(Py_None);
        else core_raise(st);
        goto done;
    }
    core_batch_fill(first, core_all_of(exchanges));
    if (evidence) core_batch_fill(second, core_all_of(evidence));
    PyObject_GC_Track(pair);
done:
    Py_XDECREF((PyObject *)first);
    Py_XDECREF((PyObject *)second);
    return pair;
}

static PyObject *scan_take(PyObject *self, PyObject *unused) {
    (void)unused;
    core_scan *s = enter(self);
    return s ? leave(s, take(s)) : NULL;
}

/* --- records that are given, and as they stand --- */

static int has_container(core_scan *s) {
    if (s->container) return 0;
    PyErr_SetString(PyExc_ValueError, "records are given to a Scan that was made with a container");
    return -1;
}

static int status_of(PyObject *o, sp_status *reject) {
    for (int i = 1; core_given(o) && i < SP_STATUS_COUNT; i++)
        if (PyUnicode_Check(o) && PyUnicode_CompareWithASCIIString(o, sp_status_code((sp_status)i)) == 0) *reject = (sp_status)i;
    if (!core_given(o) || *reject != SP_OK) return 0;
    PyErr_SetString(PyExc_ValueError, "error must be one of statuses()");
    return -1;
}

static PyObject *scan_put(PyObject *self, PyObject *const *args, Py_ssize_t n, PyObject *kwnames) {
    enum {
        TEXT,
        LINE,
        START,
        END,
        ERROR,
        MADE,
        COUNT
    };
    static const char *const names[COUNT] = {"text", "line", "start", "end", "error", "made"};
    static const core_sig sig = {"put", names, COUNT, 0, COUNT, 1 << TEXT | 1 << LINE | 1 << START | 1 << END};
    PyObject *v[COUNT];
    sp_given g = {.made = 1};
    size_t line = 0, start = 0, end = 0;
    if (core_bind(&sig, args, n, kwnames, v) < 0 || core_bytes(v[TEXT], "text", &g.text) < 0 || core_size(v[LINE], "line", &line) < 0 ||
        core_size(v[START], "start", &start) < 0 || core_size(v[END], "end", &end) < 0 || status_of(v[ERROR], &g.reject) < 0 ||
        core_flag(v[MADE], &g.made) < 0)
        return NULL;
    if (end < start || (!g.made && g.reject == SP_OK && end - start != g.text.n))
        return PyErr_SetString(PyExc_ValueError, "end does not fit start and text"), NULL;
    g.line = line, g.start = start, g.end = end;
    core_scan *s = enter(self);
    if (!s) return NULL;
    int st = settle_open(s) < 0 || has_container(s) < 0 ? -1 : 0;
    sp_status done = st == 0 ? sp_batch_put(s->batch, &g) : SP_OK;
    if (done != SP_OK) st = core_raise(done);
    return leave(s, none_if(st == 0));
}

static PyObject *maybe(const char *text) { return text ? PyUnicode_FromString(text) : Py_NewRef(Py_None); }

static PyObject *scan_tell(PyObject *self, PyObject *unused) {
    (void)unused;
    const char *format = NULL;
    core_scan *s = enter(self);
    if (!s) return NULL;
    int st = settle(s);
    sp_status done = st == 0 ? sp_batch_tell(s->batch, &format) : SP_OK;
    if (done != SP_OK) st = core_raise(done);
    return leave(s, st == 0 ? maybe(format) : NULL);
}

static sp_status add_record(void *list, const sp_given *g) {
    PyObject *record = Py_BuildValue("(y#KKKzO)", (const char *)g->text.p, (Py_ssize_t)g->text.n, (unsigned long long)g->line,
                                     (unsigned long long)g->start, (unsigned long long)g->end,
                                     g->reject == SP_OK ? NULL : sp_status_code(g->reject), g->made ? Py_True : Py_False);
    int st = record ? PyList_Append(list, record) : -1;
    Py_XDECREF(record);
    return st == 0 ? SP_OK : SP_ERR_NOMEM;
}

static PyObject *scan_cut(PyObject *self, PyObject *unused) {
    (void)unused;
    int any = 0;
    core_scan *s = enter(self);
    PyObject *list = s && settle(s) == 0 ? PyList_New(0) : NULL;
    sp_status done = list ? sp_batch_cut(s->batch, add_record, list, &any) : SP_OK;
    if (done != SP_OK) {
        Py_CLEAR(list);
        if (!PyErr_Occurred()) core_raise(done);
    } else if (list && !any) {
        Py_DECREF(list);
        list = Py_NewRef(Py_None);
    }
    return s ? leave(s, list) : NULL;
}

/* --- counts --- */

/* Names of what is not 0. */
static PyObject *names_of(const int *values, const char *const *names, size_t n) {
    PyObject *list = PyList_New(0);
    for (size_t i = 0; list && i < n; i++) {
        PyObject *name = values[i] ? PyUnicode_FromString(names[i]) : NULL;
        if (values[i] && (!name || PyList_Append(list, name) < 0)) Py_CLEAR(list);
        Py_XDECREF(name);
    }
    return list;
}

static PyObject *summary(const sp_rules *r, const sp_summary *m) {
    PyObject *d = PyDict_New(), *classified = PyDict_New(), *rejected = PyDict_New(), *flags = PyDict_New(), *passed = PyDict_New(),
             *clocks = PyDict_New(), *said = PyDict_New();
    const int file_flags[] = {m->bom, m->crlf}, hints[] = {m->cr_only};
    static const char *const flag_names[] = {"bom", "crlf"}, *const hint_names[] = {"cr_only"};
    int bad = !d || !classified || !rejected || !flags || !passed || !clocks || !said;
    for (unsigned i = 0; !bad && i < SP_STATE_COUNT; i++)
        bad |= core_put(classified, sp_state_name((sp_state)i), PyLong_FromUnsignedLongLong(m->classified[i])) < 0;
    for (unsigned i = 0; !bad && i < SP_STATUS_COUNT; i++)
        if (m->rejected[i]) bad |= core_put(rejected, sp_status_code((sp_status)i), PyLong_FromUnsignedLongLong(m->rejected[i])) < 0;
    for (unsigned i = 0; !bad && i < SP_FLAG_COUNT; i++)
        if (m->flags[i]) bad |= core_put(flags, sp_flag_name(i), PyLong_FromUnsignedLongLong(m->flags[i])) < 0;
    for (int i = 0; !bad && i < SP_SAID_COUNT; i++) bad |= core_put(said, sp_said_names[i], PyLong_FromUnsignedLongLong(m->said[i])) < 0;
    for (int i = 0; !bad && i < SP_CLOCK_COUNT; i++)
        if (m->clocks[i]) bad |= core_put(clocks, sp_clock_names[i], PyLong_FromUnsignedLongLong(m->clocks[i])) < 0;
    for (unsigned i = 0; !bad && i < SP_MAX_PASSES; i++) { /* several readers may give one reason */
        const char *why = m->passed[i] ? sp_rules_pass(r, i) : NULL;
        PyObject *before = why ? PyDict_GetItemString(passed, why) : NULL;
        uint64_t n = m->passed[i] + (before ? PyLong_AsUnsignedLongLong(before) : 0);
        if (why) bad |= core_put(passed, why, PyLong_FromUnsignedLongLong(n)) < 0;
    }
    bad = bad || core_put(d, "lines_total", PyLong_FromUnsignedLongLong(m->lines_total)) < 0 ||
          core_put(d, "lines_blank", PyLong_FromUnsignedLongLong(m->lines_blank)) < 0 ||
          core_put(d, "lines", PyLong_FromUnsignedLongLong(m->lines_total - m->lines_blank)) < 0 ||
          core_put(d, "records", PyLong_FromUnsignedLongLong(m->records)) < 0 ||
          core_put(d, "container",
                   m->container.p ? PyUnicode_DecodeUTF8((const char *)m->container.p, (Py_ssize_t)m->container.n, "replace")
                                  : Py_NewRef(Py_None)) < 0 ||
          core_put(d, "incomplete", PyBool_FromLong(m->incomplete)) < 0 || PyDict_SetItemString(d, "classified", classified) < 0 ||
          PyDict_SetItemString(d, "rejected", rejected) < 0 || PyDict_SetItemString(d, "passed_over", passed) < 0 ||
          PyDict_SetItemString(d, "flags", flags) < 0 || PyDict_SetItemString(d, "clocks", clocks) < 0 ||
          PyDict_SetItemString(d, "said", said) < 0 || core_put(d, "bytes", PyLong_FromUnsignedLongLong(m->bytes)) < 0 ||
          core_put(d, "format", maybe(m->format)) < 0 || core_put(d, "source_id", maybe(m->source_id)) < 0 ||
          core_put(d, "encoding", maybe(m->encoding)) < 0 ||
          core_put(d, "file_flags", names_of(file_flags, flag_names, CORE_LEN(file_flags))) < 0 ||
          core_put(d, "hints", names_of(hints, hint_names, CORE_LEN(hints))) < 0;
    Py_XDECREF(classified);
    Py_XDECREF(rejected);
    Py_XDECREF(flags);
    Py_XDECREF(passed);
    Py_XDECREF(clocks);
    Py_XDECREF(said);
    if (bad) Py_CLEAR(d);
    return d;
}

static PyObject *scan_summary(PyObject *self, PyObject *unused) {
    (void)unused;
    core_scan *s = enter(self);
    return s ? leave(s, summary(((core_rules *)s->rules)->rules, sp_batch_summary(s->batch))) : NULL;
}

static PyObject *counts_of(const uint32_t *counts, uint32_t n) {
    PyObject *list = PyList_New(0);
    for (uint32_t i = 0; list && i < n; i++) {
        PyObject *count = PyLong_FromUnsignedLong(counts[i]);
        if (!count || PyList_Append(list, count) < 0) Py_CLEAR(list);
        Py_XDECREF(count);
    }
    return list;
}

static PyObject *vote_value(const sp_vote *v) {
    PyObject *held = counts_of(v->alternatives, v->alternative_count);
    PyObject *d = held ? Py_BuildValue("{sIsIsO}", "first", v->first, "has", v->has, "alternatives", held) : NULL;
    Py_XDECREF(held);
    return d;
}

static PyObject *votes(const sp_batch *b) {
    const sp_summary *m = sp_batch_summary(b);
    PyObject *d = PyDict_New(), *formats = PyDict_New();
    sp_vote v;
    int bad = !d || !formats;
    for (uint32_t i = 0; !bad && sp_batch_vote(b, i, &v); i++) /* of equal names the first is tried */
        if (!PyDict_GetItemString(formats, v.format)) bad = core_put(formats, v.format, vote_value(&v)) < 0;
    bad = bad || core_put(d, "records", PyLong_FromUnsignedLong(m->head_records)) < 0 ||
          core_put(d, "read", PyLong_FromUnsignedLong(m->head_read)) < 0 || PyDict_SetItemString(d, "formats", formats) < 0;
    Py_XDECREF(formats);
    if (bad) Py_CLEAR(d);
    return d;
}

static PyObject *scan_votes(PyObject *self, PyObject *unused) {
    (void)unused;
    core_scan *s = enter(self);
    return s ? leave(s, votes(s->batch)) : NULL;
}

static PyMethodDef scan_methods[] = {
    {"feed", scan_feed, METH_O, "feed($self, data, /)\n--\n\nAdds bytes of the unpacked stream. They are copied."},
    {"room", scan_room, METH_O,
     "room($self, n, /)\n--\n\nAt most n writable bytes at the end of the input, to read into: as many as suit. The next call of any "
     "method but summary() ends it:\n"
     "the memoryview is released then, and BufferError is raised while another view of it is alive."},
    {"commit", scan_commit, METH_O, "commit($self, n, /)\n--\n\nSays how many bytes of `room` were filled, and releases its memoryview."},
    {"finish", CORE_METHOD(scan_finish), CORE_FAST, "finish($self, /, cut=False)\n--\n\nThe stream ends here; cut: before its true end."},
    {"take", scan_take, METH_NOARGS,
     "take($self, /)\n--\n\nThe next batch (exchanges, evidence), or None when more bytes are needed or the end is reached."},
    {"put", CORE_METHOD(scan_put), CORE_FAST,
     "put($self, /, text, line, start, end, error=None, made=True)\n--\n\nInstead of bytes: the next record, and its place in the "
     "source. end = start: it has no bytes."},
    {"tell", scan_tell, METH_NOARGS, "tell($self, /)\n--\n\nName of the reader, or None while it isn't told, or there is nothing to read."},
    {"cut", scan_cut, METH_NOARGS,
     "cut($self, /)\n--\n\nInstead of take(): the records of the next slice as they stand, as arguments of put()."},
    {"summary", scan_summary, METH_NOARGS, "summary($self, /)\n--\n\nCounts so far."},
    {"votes", scan_votes, METH_NOARGS, "votes($self, /)\n--\n\nHow the format was told: counts of the records that begin in the head."},
    {NULL, NULL, 0, NULL},
};

static PyType_Slot scan_slots[] = {
    {Py_tp_doc, (void *)"Scan(rules, /, *, source, format=None, threads=1, evidence=False, source_id=None, records=None, "
                        "container=None)\n--\n\n"
                        "Reads one input. One thread drives it; its workers are its own."},
    {Py_tp_new, (void *)scan_new},
    {Py_tp_dealloc, (void *)scan_dealloc},
    {Py_tp_traverse, (void *)scan_traverse},
    {Py_tp_clear, (void *)scan_clear},
    {Py_tp_methods, scan_methods},
    {0, NULL},
};
PyType_Spec core_scan_spec = {"stateprint._core.Scan", sizeof(core_scan), 0,
                              Py_TPFLAGS_DEFAULT | Py_TPFLAGS_HAVE_GC | Py_TPFLAGS_IMMUTABLETYPE, scan_slots};
