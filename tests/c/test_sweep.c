/* Every allocation that an entry point makes fails in its turn, once, and then for good: the status is SP_ERR_NOMEM, or SP_OK with the very
   result of an undisturbed call; nothing leaks; and the same call goes through once there is memory again. jansson's allocations count, too:
   its hooks are set here, and nowhere else. At most 300 turns a case; STATEPRINT_SWEEP=full takes every one. */
#include <jansson.h>

#include "check.h"
#include "one.h"
#include "small_pack.h"
#include "sp_arrow.h"
#include "sp_batch.h"
#include "sp_columns_impl.h"
#include "sp_export.h"
#include "sp_group.h"

static faulty fault; /* jansson's hooks have no context */

/* Counts while a call is swept. For jansson, and for the rule set that several cases share. */
static void *maybe_faulty(void *ctx, void *p, size_t size) {
    return fault.alloc.resize ? faulty_resize(&fault, p, size) : sp_alloc_std.resize(ctx, p, size);
}
static const sp_alloc shared = {maybe_faulty, NULL};
static void *json_malloc(size_t n) { return maybe_faulty(NULL, NULL, n ? n : 1); }
static void json_release(void *p) { maybe_faulty(NULL, p, 0); }

/* One call of an entry point with `fault.alloc`; appends what it gives to *result, which has memory of its own. */
typedef sp_status (*entry)(const void *input, sp_out *result);

static sp_rules *rules;      /* for the cases that read with them */
static sp_columns *table[2]; /* exchanges, evidence */
static char *stream_text, *one_long;
static size_t stream_n, first_n, one_long_n;

typedef struct log_input {
    sp_view text;
    unsigned threads;
} log_input;

static void append(sp_out *to, const void *p, size_t n) {
    if (sp_grow(to->alloc, &to->p, &to->cap, to->n + n + 1, 1) != SP_OK) abort();
    if (n) memcpy(to->p + to->n, p, n);
    to->n += n;
    to->p[to->n] = 0;
}

static void append_rows(sp_out *to, const sp_columns *c) {
    if (c && sp_export_ndjson(c, 0, sp_columns_rows(c), to) != SP_OK) abort();
}

static sp_status attempt(entry call, const void *input, size_t at, int from_then_on, sp_out *result, int *hit) {
    *result = (sp_out){.alloc = &sp_alloc_std};
    faulty_init(&fault, at, from_then_on);
    sp_status status = call(input, result);
    *hit = at && fault.calls >= at;
    fault.alloc.resize = NULL;
    return status;
}

static void sweep(const char *name, entry call, const void *input) {
    sp_out want, got;
    int hit, full = getenv("STATEPRINT_SWEEP") != NULL;
    CHECK(attempt(call, input, 0, 0, &want, &hit) == SP_OK && want.n > 0 && fault.live == 0);
    size_t total = fault.calls, stride = total > 200 && !full ? (total - 200) / 99 + 1 : 1, turns = 0, failed = 0;
    for (size_t at = 1; at <= total; at += at < 200 ? 1 : stride) {
        turns++;
        for (int from_then_on = 0; from_then_on < 2; from_then_on++) {
            int before = check_failures;
            sp_status status = attempt(call, input, at, from_then_on, &got, &hit);
            CHECK(fault.live == 0);
            CHECK(status == SP_OK || (hit && status == SP_ERR_NOMEM));
            CHECK(status != SP_OK || (got.n == want.n && memcmp(got.p, want.p, got.n) == 0));
            failed += status != SP_OK;
            sp_release(got.alloc, got.p);
            if (at % 16 == 1) {
                CHECK(attempt(call, input, 0, 0, &got, &hit) == SP_OK && got.n == want.n && memcmp(got.p, want.p, got.n) == 0);
                sp_release(got.alloc, got.p);
            }
            if (check_failures != before)
                fprintf(stderr, "%s: allocation %zu of %zu%s: %s, %ld blocks left\n", name, at, total, from_then_on ? " and on" : "",
                        sp_status_code(status), (long)fault.live);
        }
    }
    CHECK(failed > turns / 2 && (full || turns <= 300)); /* the faults did reach the call */
    printf("%s: %zu allocations, %zu turns, %zu calls failed\n", name, total, turns, failed);
    sp_release(want.alloc, want.p);
}

/* ---- the entry points ----------------------------------------------------------------------------------------------------------------- */

static sp_status make_rules(const void *input, sp_out *result) {
    sp_rules *r = NULL;
    sp_rules_error err;
    (void)input;
    sp_status status = small_rules(&fault.alloc, 0, &r, &err);
    CHECK((status == SP_OK) == (r != NULL) && strcmp(err.code, status == SP_OK ? "ok" : "out_of_memory") == 0);
    if (status != SP_OK) return status;
    size_t calls = fault.calls;
    fault.fail_at = 0; /* what describes the set, has memory: that is another case */
    char *text;
    size_t n;
    CHECK(sp_rules_describe(r, &text, &n) == SP_OK);
    append(result, text, n);
    sp_release(&fault.alloc, text);
    fault.calls = calls;
    sp_rules_free(r);
    return status;
}

static sp_status describe_rules(const void *input, sp_out *result) {
    char *text;
    size_t n;
    (void)input;
    sp_status status = sp_rules_describe(rules, &text, &n);
    CHECK((status == SP_OK) == (text != NULL));
    if (text) append(result, text, n), sp_release(&shared, text);
    return status;
}

static sp_status read_stream(const void *input, sp_out *result) {
    sp_batch *b;
    uint8_t *room;
    const log_input *log = input;
    sp_batch_options o = {.rules = rules, .source = "log", .threads = log->threads, .evidence = 1};
    sp_status status = sp_batch_new(&fault.alloc, &o, &b);
    CHECK((status == SP_OK) == (b != NULL));
    for (size_t at = 0; status == SP_OK && at < log->text.n;) {
        size_t n = log->text.n - at < 1500000 ? log->text.n - at : 1500000;
        if ((status = sp_batch_room(b, n, &room)) != SP_OK) break;
        memcpy(room, log->text.p + at, n);
        sp_batch_commit(b, n);
        at += n;
    }
    if (status == SP_OK) sp_batch_finish(b, 1);
    for (sp_columns *x, *y; status == SP_OK;) {
        status = sp_batch_take(b, &x, &y);
        CHECK(status == SP_OK || (!x && !y));
        CHECK(status == SP_OK || (sp_batch_take(b, &x, &y) == status && !x && !y)); /* no rows after lost ones */
        if (status != SP_OK || !x) break;
        append_rows(result, x);
        append_rows(result, y);
        sp_columns_drop(x);
        sp_columns_drop(y);
    }
    if (status == SP_OK) {
        const sp_summary *s = sp_batch_summary(b);
        uint64_t rows = 0;
        for (int i = 0; i < SP_STATE_COUNT; i++) rows += s->classified[i];
        for (int i = 0; i < SP_STATUS_COUNT; i++) rows += s->rejected[i];
        CHECK(rows == s->lines_total - s->lines_blank);
    }
    sp_batch_free(b);
    return status;
}

static sp_status classify(const void *input, sp_out *result) {
    sp_columns *x, *y;
    sp_diagnosis why;
    sp_status status = classify_alone(&fault.alloc, rules, input, &x, &y, &why);
    CHECK((status == SP_OK) == (x != NULL) && !x == !y);
    append_rows(result, x);
    append_rows(result, y);
    sp_columns_drop(x);
    sp_columns_drop(y);
    return status;
}

static sp_status export_text(const void *input, sp_out *result) {
    sp_out out = {.alloc = &fault.alloc};
    int csv = *(const int *)input;
    sp_status status = SP_OK;
    for (int t = 0; t < 2 && status == SP_OK; t++) {
        size_t rows = sp_columns_rows(table[t]);
        status = csv ? sp_export_csv(table[t], 0, rows, SP_CSV_HEADER | SP_CSV_SAFE, &out) : sp_export_ndjson(table[t], 0, rows, &out);
    }
    if (status == SP_OK) append(result, out.p, out.n);
    sp_release(out.alloc, out.p);
    return status;
}

static void append_array(sp_out *to, const struct ArrowArray *x) {
    int64_t head[4] = {x->length, x->null_count, x->n_buffers, x->n_children};
    append(to, head, sizeof head);
    for (int64_t i = 0; i < x->n_children; i++) append_array(to, x->children[i]); /* two levels */
}

static sp_status export_arrow(const void *input, sp_out *result) {
    static const sp_pair meta[] = {{{(const uint8_t *)"k", 1}, {(const uint8_t *)"value", 5}}};
    struct ArrowSchema schema;
    struct ArrowArray array;
    (void)input;
    sp_status status = sp_arrow_schema(&fault.alloc, &sp_exchanges_schema, meta, 1, &schema);
    CHECK((status == SP_OK) == (schema.release != NULL));
    if (status == SP_OK) {
        for (int64_t i = 0; i < schema.n_children; i++) append(result, schema.children[i]->name, strlen(schema.children[i]->name));
        schema.release(&schema);
        status = sp_arrow_array(&fault.alloc, (sp_part){table[0], 1, 3}, &array);
        CHECK((status == SP_OK) == (array.release != NULL));
    }
    if (status == SP_OK) append_array(result, &array), array.release(&array);
    return status;
}

static sp_status stream_arrow(const void *input, sp_out *result) {
    static const sp_pair meta[] = {{{(const uint8_t *)"k", 1}, {(const uint8_t *)"value", 5}}};
    sp_part parts[] = {{table[1], 0, 2}, {table[1], 2, 0}, {table[1], 2, 1}};
    struct ArrowArrayStream stream;
    struct ArrowSchema schema;
    struct ArrowArray array;
    (void)input;
    sp_status status = sp_arrow_stream(&fault.alloc, &sp_evidence_schema, meta, 1, parts, 3, &stream);
    CHECK((status == SP_OK) == (stream.release != NULL));
    if (status != SP_OK) return status;
    if (stream.get_schema(&stream, &schema) != 0) status = SP_ERR_NOMEM;
    else schema.release(&schema);
    while (status == SP_OK) {
        if (stream.get_next(&stream, &array) != 0) status = SP_ERR_NOMEM;
        CHECK(status == SP_OK || (!array.release && stream.get_last_error(&stream)));
        if (!array.release) break;
        append_array(result, &array);
        array.release(&array);
    }
    stream.release(&stream);
    return status;
}

static sp_status group(const void *input, sp_out *result) {
    static const size_t columns[] = {2};
    sp_group *groups;
    size_t n;
    (void)input;
    sp_status status = sp_group_rows(&fault.alloc, table[0], 0, sp_columns_rows(table[0]), columns, 1, &groups, &n);
    CHECK(status == SP_OK || !groups);
    for (size_t i = 0; groups && i < n; i++) append(result, &groups[i].row, sizeof groups[i].row);
    sp_release(&fault.alloc, groups);
    return status;
}

static sp_status diagnose(const void *input, sp_out *result) {
    sp_arena scratch;
    sp_diagnosis why;
    char pointer[128];
    size_t n;
    sp_limits limits;
    sp_arena_init(&scratch, &fault.alloc);
    sp_status status = SP_OK;
    for (int i = 0; i < 3 && status == SP_OK; i++) { /* the second asks for a larger page, the third for none */
        sp_view text = i ? (sp_view){(uint8_t *)one_long, one_long_n} : *(const sp_view *)input;
        status = sp_diagnose(text, 1, sp_limits_default(&limits), &scratch, &why, NULL, NULL, pointer, sizeof pointer, &n);
        if (status == SP_OK) append(result, &why.pos, sizeof why.pos), append(result, pointer, n);
        if (i) sp_arena_reset(&scratch);
    }
    sp_arena_fini(&scratch);
    return status;
}

/* ---- inputs --------------------------------------------------------------------------------------------------------------------------- */

static const char some_lines[] =
    "{'url':'https://api.eu.example/go/1?thread=t%201&^','method':'post','ts':'2026-01-01T00:00:00Z','id':'r1','status':200,"
    "'headers':{'X-Beta':'keep','x-session':'s'},'body':{'model':'route/mod-1','prev':'resp_1','m':[{'role':'bot','content':'hi'},"
    "{'role':'user','content':'^','cache':{}}],'tools':[{'name':'t'}],'system':'be'},"
    "'response_headers':{'x-kept':'1'},'response':{'id':'resp_2','model':'mod-1','usage':{'in':5,'out':7},'output':[1,2],'content':'x'}}\n"
    "{'url':'https://api.eu.example/chat','method':'POST','body':{'m':[]},'response':'data: "
    "{\\'choices\\':[{\\'delta\\':{\\'content\\':\\'a\\'},"
    "\\'finish_reason\\':\\'stop\\'}]}'}\n"
    "{'url':'https://gate.example/in/go/2','method':'POST','body':'{\\'m\\':[{\\'role\\':\\'bot\\'}],\\'keep\\':false}','response':"
    "'{\\'kept\\':\\'no\\'}'}\r\n"
    "{'url':'/go','method':'POST','isBase64Encoded':true,'body':'eyJwcmV2IjoicmVzcF85In0='}\n"
    "\n"
    "{'url':'https://alt.example/go','url':'https://x.example/','method':'POST','body':{'prev':null,'prev':'resp_\\u00e9','input':'a'}}\n"
    "{'url':'https://alt.example/go','method':'POST','body':'[REDACTED]'}\n"
    "{'url':'https://alt.example/go','method':'POST','body':'{\\'m\\':[1,'}\n"
    "{'url':'https://alt.example/go','method':'POST','body':'[1,[2,{\\'a\\':'}\n"
    "{'url':'https://alt.example/^','method':'patch','body':{'\\u0070rev':'resp_7','cipher':1,'pr\xd0\xb5v':1}}\n"
    "{'url':'http://localhost:8080/list/a?all=yes','method':'GET'}\n"
    "{'method':'POST','body':{'wrapped':{'prev':'resp_3','m':[1]},'host':'eu','name':'a b','verb':'POST','when':'2026-01-01T00:00:00Z',"
    "'answer':{'id':'resp_4'}}}\n"
    "{'method':'POST','body':{'wrapped':{'keep':1},'host':'^','name':'^','verb':'POST'}}\n"
    "{'url':1,'body':[1,{'a':nope}]}\n"
    "[1,2]\n"
    "{'body':'\xff'}\n";
static const char last_lines[] = "{'url':'https://api.us.example/go/3','method':'POST','body':{'m':[{'ref':'x'}],'keep':false}}\n"
                                 "{'body':{'prompt':1}}\n"
                                 "{'body':";

/* Lines, one over the limit (so that there is work for a second thread), lines. */
static void make_stream(void) {
    size_t n[2];
    char *parts[2] = {small_text(some_lines, &n[0]), small_text(last_lines, &n[1])};
    size_t much = SP_SLICE_BYTES;
    stream_n = n[0] + much + n[1];
    stream_text = malloc(stream_n);
    if (!stream_text) abort();
    memcpy(stream_text, parts[0], n[0]);
    memset(stream_text + n[0], 'x', much - 1);
    stream_text[n[0] + much - 1] = '\n';
    memcpy(stream_text + n[0] + much, parts[1], n[1]);
    first_n = n[0];
    free(parts[0]);
    free(parts[1]);
}

static sp_view view(const char *s) { return (sp_view){(const uint8_t *)s, strlen(s)}; }

int main(void) {
    static const int csv[] = {0, 1};
    const sp_view bad = view("{\"a\":[{\"b\":tru}]}");
    sp_rules_error err;
    json_object_seed(1);
    json_set_alloc_funcs(json_malloc, json_release);
    make_stream();
    one_long = small_text("[[[{'^':[1,}", &one_long_n);
    if (small_rules(&shared, SP_SLICE_BYTES / 2, &rules, &err) != SP_OK) {
        fprintf(stderr, "%s:%zu:%zu %s\n", err.file, err.line, err.column, err.message);
        return 1;
    }

    sweep("rules", make_rules, NULL);
    sweep("description", describe_rules, NULL);
    log_input log = {{(uint8_t *)stream_text, first_n}, 1};
    sweep("stream, 1 thread", read_stream, &log);
    log = (log_input){{(uint8_t *)stream_text, stream_n}, 2};
    sweep("stream, 2 threads", read_stream, &log);
    log = (log_input){view("{\"url\":\"https://api.eu.example/go\",\"method\":\"POST\",\"body\":{\"prev\":\"a\\u0062\"}}\n"), 1};

    sweep("stream of one line", read_stream, &log);
    log.text = view("{\"a\":nope}");
    sweep("stream of one cut line", read_stream, &log);

    size_t n;
    char *payload = small_text("{'model':'mod-1','prev':'resp_1','m':[{'role':'bot','content':'^'}],'keep':'no'}", &n);
    sp_one one = {.payload = {(uint8_t *)payload, n},
                  .method = view("post"),
                  .url = view("https://api.eu.example/go/1?thread=%41"),
                  .headers = view("{\"X-Session\":\"s\\u0031\"}"),
                  .response = view("{\"id\":\"resp_2\",\"output\":[1,2,3]}"),
                  .response_headers = view("{\"x-kept\":\"1\"}"),
                  .time = view("2026-01-01T00:00:00Z"),
                  .status = 200};
    sweep("one exchange", classify, &one);
    one.payload = bad;
    sweep("one bad payload", classify, &one);

    sp_columns *x, *y;
    faulty_init(&fault, 0, 0);
    sp_batch *b;
    uint8_t *room;
    sp_batch_options o = {.rules = rules, .source = "log", .threads = 1, .evidence = 1};
    CHECK(sp_batch_new(&sp_alloc_std, &o, &b) == SP_OK && sp_batch_room(b, stream_n, &room) == SP_OK);
    memcpy(room, stream_text, stream_n);
    sp_batch_commit(b, stream_n);
    sp_batch_finish(b, 0);
    CHECK(sp_batch_take(b, &x, &y) == SP_OK && sp_columns_rows(x) > 10 && sp_columns_rows(y) > 10);
    sp_batch_free(b);
    table[0] = x, table[1] = y;
    sweep("NDJSON", export_text, &csv[0]);
    sweep("CSV", export_text, &csv[1]);
    sweep("Arrow", export_arrow, NULL);
    sweep("Arrow stream", stream_arrow, NULL);
    sweep("groups", group, NULL);
    sweep("diagnosis", diagnose, &bad);
    sp_columns_drop(x);
    sp_columns_drop(y);
    free(payload);
    free(one_long);
    free(stream_text);
    sp_rules_free(rules);
    return check_done();
}
