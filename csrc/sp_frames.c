#include "sp_frames.h"

typedef struct frame { /* as it stands in the list; each is a JSON value, or p NULL */
    sp_view way, data, time;
} frame;

static frame read_frame(const sp_frames_form *form, sp_view object) {
    frame f = {0};
    sp_view key = {0}, value;
    if (!object.n || *object.p != '{') return f;
    while (sp_events_step(&object, &key, &value)) {
        if (sp_view_eq(key, form->way)) f.way = value;
        else if (sp_view_eq(key, form->data)) f.data = value;
        else if (sp_view_eq(key, form->time)) f.time = value;
    }
    return f;
}

static int next_frame(sp_frames *f, sp_events *at, sp_view *object, frame *out) {
    sp_event e;
    if (!sp_events_next(at, &e)) return 0;
    *object = (sp_view){at->text.p + e.start, e.end - e.start};
    *out = read_frame(&f->form, *object);
    return 1;
}

static int is_string(sp_view v) { return v.n >= 2 && *v.p == '"'; }

static sp_view inside(sp_view v) { return (sp_view){v.p + 1, v.n - 2}; }

static int was_sent(const sp_frames *f, const frame *x) { return is_string(x->way) && sp_view_eq(inside(x->way), f->form.sent); }

/* Whether answers come after it. -1: no memory. */
static int is_call(const sp_frames *f, const frame *x, const sp_kernel *k, sp_arena *scratch) {
    uint32_t ignored = 0;
    if (!is_string(x->data)) return 1;
    uint8_t *p = sp_arena_get(scratch, x->data.n);
    if (!p) return -1;
    sp_view type = sp_events_member((sp_view){p, sp_unescape(k, x->data.p + 1, x->data.n - 2, p, &ignored)}, "type");
    int call = !is_string(type);
    for (size_t i = 0; i < f->form.call_count && !call; i++) call = sp_view_eq(inside(type), f->form.calls[i]);
    return call;
}

sp_frames sp_frames_of(sp_view record, sp_view list, sp_frames_form form, size_t most) {
    return (sp_frames){.record = record, .list = list, .form = form, .at = sp_events_of(list, SP_EVENTS_LIST), .left = most};
}

/* ---- the record of a frame -------------------------------------------------------------------------------------------------------- */

typedef struct writer {
    uint8_t *out; /* NULL: the length is counted */
    size_t n;
} writer;

static void put(writer *w, sp_view text) {
    if (w->out) memcpy(w->out + w->n, text.p, text.n);
    w->n += text.n;
}

/* The inside of a string whose text is JSON: line ends, which are blanks there, become blanks, so that it is one line of an event. */
static void put_line(writer *w, sp_view text) {
    put(w, text);
    uint8_t *p = w->out ? w->out + w->n - text.n : NULL, *end = w->out ? w->out + w->n : NULL;
    while (p && p < end) {
        size_t step = *p != '\\' ? 1 : p[1] == 'u' ? 6 : 2;
        int breaks =
            step == 2 ? p[1] == 'n' || p[1] == 'r' : step == 6 && p[2] == '0' && p[3] == '0' && p[4] == '0' && strchr("aAdD", p[5]);
        if (breaks) memset(p, ' ', step);
        p += step;
    }
}

/* `answers`: the frames after it, up to the next call. -1: no memory. */
static int put_answers(sp_frames *f, sp_events answers, const sp_kernel *k, sp_arena *scratch, writer *w) {
    frame x;
    sp_view object;
    while (next_frame(f, &answers, &object, &x)) {
        int call = was_sent(f, &x) ? is_call(f, &x, k, scratch) : 0;
        if (call) return call < 0 ? -1 : 0;
        if (was_sent(f, &x) || !is_string(x.data)) continue;
        put(w, SP_VIEW("data: "));
        put_line(w, inside(x.data));
        put(w, SP_VIEW("\\n\\n"));
    }
    return 0;
}

static int write_record(sp_frames *f, const frame *x, int call, const sp_kernel *k, sp_arena *scratch, writer *w) {
    sp_view r = f->record;
    size_t from = (size_t)(f->list.p - r.p), to = from + f->list.n;
    while (r.n && r.p[r.n - 1] != '}') r.n--;
    put(w, (sp_view){r.p, from});
    put(w, SP_VIEW("null"));
    put(w, (sp_view){r.p + to, r.n - 1 - to});
    put(w, SP_VIEW(",\"frame\":{\"data\":"));
    put(w, x->data.p ? x->data : SP_VIEW("null"));
    put(w, SP_VIEW(",\"time\":"));
    put(w, x->time.p ? x->time : SP_VIEW("null"));
    put(w, SP_VIEW(",\"received\":\""));
    if (call && put_answers(f, f->at, k, scratch, w) < 0) return -1;
    put(w, SP_VIEW("\"}}"));
    return 0;
}

int sp_frames_next(sp_frames *f, const sp_kernel *k, sp_arena *scratch, sp_frame *out) {
    frame x;
    sp_view object;
    writer w = {0};
    do {
        if (!next_frame(f, &f->at, &object, &x)) return 0;
    } while (!was_sent(f, &x));
    *out = (sp_frame){.start = (size_t)(object.p - f->record.p), .end = (size_t)(object.p + object.n - f->record.p)};
    sp_arena_reset(scratch);
    int call = is_call(f, &x, k, scratch);
    if (call < 0 || write_record(f, &x, call, k, scratch, &w) < 0) return -1;
    if (w.n > f->left) return 1;
    f->left -= w.n;
    uint8_t *record = sp_arena_get(scratch, w.n);
    if (!record) return -1;
    w = (writer){.out = record};
    if (write_record(f, &x, call, k, scratch, &w) < 0) return -1;
    out->record = (sp_view){record, w.n};
    return 1;
}
