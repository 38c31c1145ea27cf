/* Streams of responses: which events a text has, where they stand, what is said of one that is cut; and answers put together out of them. */
#include "check.h"
#include "sp_assemble.h"
#include "sp_events.h"
#include "sp_kernel.h"
#include "sp_limits.h"

static sp_view v(const char *s) { return (sp_view){(const uint8_t *)s, strlen(s)}; }

/* The events of a text, each followed by `|`; then `D` for done, `C` for cut. The text ends at a page that nobody may read. */
static const char *events_of(const void *text, size_t n, sp_events_kind kind) {
    static char out[4096];
    guarded g = guard(text, n);
    sp_events s = sp_events_of((sp_view){g.p, n}, kind);
    sp_event e;
    size_t at = 0, last = 0;
    while (sp_events_next(&s, &e)) {
        CHECK(e.start >= last && e.start < e.end && e.end <= n);
        last = e.end;
        if (e.joined) sp_event_join(s.text, &e, (uint8_t *)out + at);
        else memcpy(out + at, g.p + e.start, e.end - e.start);
        at += e.end - e.start;
        out[at++] = '|';
    }
    CHECK(sp_events_next(&s, &e) == 0);
    if (s.done) out[at++] = 'D';
    if (s.cut) out[at++] = 'C';
    out[at] = 0;
    unguard(&g);
    return out;
}

static int gives(const char *text, sp_events_kind kind, const char *want) {
    const char *got = events_of(text, strlen(text), kind);
    if (strcmp(got, want) != 0) fprintf(stderr, "%s\n  %s\n  %s\n", text, want, got);
    return strcmp(got, want) == 0;
}

static void server_sent(void) {
    const sp_events_kind k = SP_EVENTS_SSE;
    CHECK(gives("data: {\"a\":1}\n\ndata: {\"b\":2}\n\ndata: [DONE]\n\n", k, "{\"a\":1}|{\"b\":2}|D"));
    CHECK(gives("event: x\r\ndata: {}\r\n\r\nevent: y\r\nid: 1\r\ndata:{\"a\":\"b\"}\r\n\r\n", k, "{}|{\"a\":\"b\"}|"));
    CHECK(gives("data: {}\r\rdata: 1\r\r", k, "{}|1|"));
    CHECK(gives(": ping\n\n:\n\ndata: {}\n\n: data: {}\n", k, "{}|"));
    CHECK(gives("\xef\xbb\xbf"
                "data: {}\n\n",
                k, "{}|"));
    CHECK(gives("data: {}", k, "{}|"));                        /* the last blank line may be missing */
    CHECK(gives("data\ndata:\ndata: \n\n", k, ""));            /* no data */
    CHECK(gives("dat: 1\n\ndatax: 2\n\n Data: 3\n\n", k, "")); /* other names */
    CHECK(gives("data:  two\n\n", k, " two|"));                /* one blank belongs to the colon */
    CHECK(gives("data: {}\ndata: {\"a\":[]}\ndata: [DONE]\n", k, "{}|{\"a\":[]}|D"));
    CHECK(gives("data: {\ndata: \"a\":1}\n\n", k, "{\n      \"a\":1}|"));
    CHECK(gives("data: {\r\nid: 7\r\ndata: }\n\n", k, "{\n      \n       }|")); /* of the same length */
    CHECK(gives("data: [DONE]\n\ndata: {}\n\n", k, "{}|D"));
    CHECK(gives("", k, ""));
    CHECK(sp_events_tell(v("event: x\n")) == k && sp_events_tell(v(": c")) == k && sp_events_tell(v("\n\nretry: 5")) == k);
    CHECK(sp_events_tell(v("data")) == SP_EVENTS_NONE && sp_events_tell(v("{\"data\":1}")) == SP_EVENTS_NONE &&
          sp_events_tell(v("identity: 1")) == SP_EVENTS_NONE && sp_events_tell(v("")) == SP_EVENTS_NONE);
}

static void values(void) {
    CHECK(gives("{\"a\":\"}\\\"\"}\n{}\r\n[1]\n", SP_EVENTS_LINES, "{\"a\":\"}\\\"\"}|{}|[1]|"));
    CHECK(gives("{} {\"a\":[", SP_EVENTS_LINES, "{}|{\"a\":[|C"));
    CHECK(gives(" [ {\"a\":\"]\"} , {\"b\":[]},\n3 ] ", SP_EVENTS_LIST, "{\"a\":\"]\"}|{\"b\":[]}|3|D"));
    CHECK(gives("[]", SP_EVENTS_LIST, "D") && gives("[", SP_EVENTS_LIST, "C"));
    CHECK(gives("[{},{\"a", SP_EVENTS_LIST, "{}|{\"a|C"));
    CHECK(gives("[{}", SP_EVENTS_LIST, "{}|C") && gives("[{},", SP_EVENTS_LIST, "{}|C") && gives("[{};{}]", SP_EVENTS_LIST, "{}|C"));
    CHECK(sp_events_is_one(v("{\"type\":\"message_start\"},")) && sp_events_is_one(v("{\"choices\":[]}")));
    CHECK(!sp_events_is_one(v("{\"type\":\"message\"}")) && !sp_events_is_one(v("{\"id\":1}")) && !sp_events_is_one(v("{\"choices\":")));
    sp_view rest = v("{\"a\":1, \"b\" : [2,3],\"a\":{}}"), key = {0}, value;
    int n = 0;
    while (sp_events_step(&rest, &key, &value)) n++;
    CHECK(n == 3 && sp_view_eq(value, v("{}")));
    CHECK(sp_view_eq(sp_events_member(v("{\"a\":1,\"a\":2}"), "a"), v("2"))); /* of equal names the last counts */
}

/* ---- frames ---- */

static uint32_t slow_crc(const uint8_t *p, size_t n) {
    uint32_t c = 0xffffffff;
    for (size_t i = 0; i < n; i++) {
        c ^= p[i];
        for (int k = 0; k < 8; k++) c = c & 1 ? c >> 1 ^ 0xedb88320 : c >> 1;
    }
    return ~c;
}

static void put_word(uint8_t *p, uint32_t w) {
    for (int i = 0; i < 4; i++) p[i] = (uint8_t)(w >> (24 - 8 * i));
}

static size_t frame(uint8_t *p, const char *payload) {
    static const char headers[] = "\x0b:event-type\x07\x00\x05"
                                  "chunk";
    size_t h = sizeof headers - 1, n = strlen(payload), total = 12 + h + n + 4;
    put_word(p, (uint32_t)total);
    put_word(p + 4, (uint32_t)h);
    put_word(p + 8, slow_crc(p, 8));
    memcpy(p + 12, headers, h);
    memcpy(p + 12 + h, payload, n);
    put_word(p + total - 4, slow_crc(p, total - 4));
    return total;
}

static void frames(void) {
    uint8_t text[512];
    size_t a = frame(text, "{\"a\":1}"), b = a + frame(text + a, "{\"b\":2}"), c = b + frame(text + b, "");
    CHECK(sp_events_tell((sp_view){text, c}) == SP_EVENTS_FRAMES && sp_events_tell((sp_view){text, 12}) == SP_EVENTS_FRAMES);
    CHECK(strcmp(events_of(text, c, SP_EVENTS_FRAMES), "{\"a\":1}|{\"b\":2}|") == 0);
    for (size_t n = a + 1; n < b; n++) CHECK(strcmp(events_of(text, n, SP_EVENTS_FRAMES), "{\"a\":1}|C") == 0);
    for (size_t n = 1; n < a; n++) CHECK(strcmp(events_of(text, n, SP_EVENTS_FRAMES), "C") == 0);
    for (size_t i = 12; i < a; i++) { /* a frame that is damaged is passed over */
        text[i] ^= 1;
        CHECK(strcmp(events_of(text, b, SP_EVENTS_FRAMES), "{\"b\":2}|C") == 0);
        text[i] ^= 1;
    }
    for (size_t i = 0; i < 12; i++) { /* without its length there is no next one */
        text[i] ^= 1;
        CHECK(strcmp(events_of(text, b, SP_EVENTS_FRAMES), "C") == 0 && sp_events_tell((sp_view){text, b}) == SP_EVENTS_NONE);
        text[i] ^= 1;
    }
}

/* ---- answers ---- */

/* The turns of a list of events (' for "), `-` where there are none, and ! where the answer did not end. */
static const char *answer(sp_stream_form form, const char *list, int done) {
    static char out[4096];
    char *text = strdup(list);
    sp_view events[64];
    size_t n = 0;
    sp_event e;
    sp_arena arena;
    sp_assembled a;
    for (char *p = text; *p; p++) *p = *p == '\'' ? '"' : *p;
    sp_events s = sp_events_of(v(text), SP_EVENTS_LIST);
    while (sp_events_next(&s, &e)) events[n++] = (sp_view){s.text.p + e.start, e.end - e.start};
    CHECK(s.done);
    sp_arena_init(&arena, &sp_alloc_std);
    CHECK(sp_assemble(form, events, n, done, sp_kernel_best(), &arena, &a) == SP_OK);
    snprintf(out, sizeof out, "%.*s%s%s", a.turns.p ? (int)a.turns.n : 1, a.turns.p ? (const char *)a.turns.p : "-", a.seen ? "" : "?",
             a.ended ? "" : "!");
    for (char *p = out; *p; p++) *p = *p == '"' ? '\'' : *p;
    sp_arena_fini(&arena);
    free(text);
    return out;
}

static int answers(sp_stream_form form, const char *list, const char *want) {
    const char *got = answer(form, list, 0);
    if (strcmp(got, want) != 0) fprintf(stderr, "%s\n  %s\n  %s\n", list, want, got);
    return strcmp(got, want) == 0;
}

static void chat(void) {
    const sp_stream_form f = SP_STREAM_CHAT;
#define CHUNK(delta) "{'choices':[{'index':0,'delta':" delta "}]}"
#define STOP ",{'choices':[{'index':0,'delta':{},'finish_reason':'stop'}]}]"
    CHECK(answers(f,
                  "[" CHUNK("{'role':'assistant','content':'','refusal':null}") "," CHUNK("{'content':'Hel'}") "," CHUNK(
                      "{'content':'lo \\ud83d'}") "," CHUNK("{'content':'\\ude00'}") STOP,
                  "[{'role':'assistant','content':'Hello \\ud83d\\ude00'}]"));
    CHECK(answers(f, "[" CHUNK("{'content':'x'}") "]", "-!"));
    CHECK(strcmp(answer(f, "[" CHUNK("{'content':'x'}") "]", 1), "[{'role':'assistant','content':'x'}]") == 0);
    CHECK(
        answers(f,
                "[" CHUNK("{'role':'assistant','content':null}") "," CHUNK(
                    "{'tool_calls':[{'index':0,'id':'c1','type':'function','function':{'"
                    "name':'f','arguments':''}}]}") "," CHUNK("{'tool_calls':[{'index':"
                                                              "1,'id':'c2','type':'"
                                                              "function','function':{'"
                                                              "name':'g','arguments':'{'"
                                                              "}}]}") "," CHUNK("{'tool_calls':[{'index':0,'function':{'arguments':'{}'}},{"
                                                                                "'index':1,'id':null,'function':{'arguments':'}'}}]}") STOP,
                "[{'role':'assistant','content':null,'tool_calls':[{'id':'c1','type':'function','function':{'name':'f','arguments':'{}'}},"
                "{'id':'c2','type':'function','function':{'name':'g','arguments':'{}'}}]}]"));
    /* other choices, and events without one, say nothing of the first */
    CHECK(answers(f, "[{'choices':[]}," CHUNK("{'content':'a'}") ",{'choices':[{'index':1,'delta':{'content':'b'}}]},{'usage':{}}" STOP,
                  "[{'role':'assistant','content':'a'}]"));
    CHECK(answers(f, "[" CHUNK("{'content':'a','audio':{'id':'x'}}") STOP, "-")); /* not known how it would stand there */
    CHECK(answers(f, "[" CHUNK("{'content':[{'type':'text'}]}") STOP, "-"));
    CHECK(answers(f, "[" CHUNK("{'tool_calls':[{'index':2,'function':{'name':'f','arguments':''}}]}") STOP, "-"));
    CHECK(answers(f, "[" CHUNK("{'role':'assistant'}") STOP, "-"));
    CHECK(answers(f, "[" CHUNK("{'con\\u0074ent':'a'}") STOP, "-"));
    CHECK(answers(f, "[{'error':{}}]", "-?!"));
    CHECK(answers(SP_STREAM_TEXT, "[{'choices':[{'text':'a','index':0}]},{'choices':[{'text':'b','index':0,'finish_reason':'stop'}]}]",
                  "['ab']"));
}

static void others(void) {
    sp_stream_form f = SP_STREAM_RESPONSES;
    CHECK(answers(f,
                  "[{'type':'response.created','response':{'output':[]}},{'type':'response.completed','response':{'output':[{'id':1},2]}}]",
                  "[{'id':1},2]"));
    CHECK(answers(f,
                  "[{'type':'response.output_item.done','output_index':0,'item':{'a':1}},{'type':'response.output_item.done','output_index'"
                  ":1,'item':{'b':1}},"
                  "{'type':'response.incomplete','response':{'output':[]}}]",
                  "[{'a':1},{'b':1}]"));
    CHECK(answers(f, "[{'type':'response.output_item.done','output_index':1,'item':{'a':1}},{'type':'response.completed','response':{}}]",
                  "-"));
    CHECK(answers(f, "[{'type':'response.output_item.done','output_index':0,'item':{'a':1}}]", "-!"));
    f = SP_STREAM_ANTHROPIC;
#define START "[{'type':'message_start','message':{'role':'assistant','content':[]}},{'type':'ping'},"
#define BLOCK(i, block) "{'type':'content_block_start','index':" i ",'content_block':" block "},"
#define DELTA(i, delta) "{'type':'content_block_delta','index':" i ",'delta':" delta "},"
#define END "{'type':'message_delta','delta':{'stop_reason':'end_turn'},'usage':{}},{'type':'message_stop'}]"
    CHECK(answers(f,
                  START BLOCK("0", "{'type':'thinking','thinking':'','signature':''}")
                      DELTA("0", "{'type':'thinking_delta','thinking':'hm'}") DELTA("0", "{'type':'signature_delta','signature':'s='}")
                          BLOCK("1", "{'type':'text','text':''}") DELTA("1", "{'type':'text_delta','text':'a'}") DELTA(
                              "1", "{'type':'text_delta','text':'b'}") BLOCK("2", "{'type':'tool_use','id':'t','name':'f','input':{}}")
                              DELTA("2", "{'type':'input_json_delta','partial_json':''}")
                                  DELTA("2", "{'type':'input_json_delta','partial_json':'{\\'a\\':'}")
                                      DELTA("2", "{'type':'input_json_delta','partial_json':' [1]}'}") END,
                  "[{'role':'assistant','content':[{'type':'thinking','thinking':'hm','signature':'s='},{'type':'text','text':'ab'},"
                  "{'type':'tool_use','id':'t','name':'f','input':{'a': [1]}}]}]"));
    CHECK(answers(f, START BLOCK("0", "{'type':'tool_use','id':'t','input':{}}") END,
                  "[{'role':'assistant','content':[{'type':'tool_use','id':'t','input':{}}]}]"));
    CHECK(answers(
        f, START BLOCK("0", "{'type':'tool_use','input':{}}") DELTA("0", "{'type':'input_json_delta','partial_json':'{},\\'x\\':{}'}") END,
        "-"));
    CHECK(answers(
        f, START BLOCK("0", "{'type':'tool_use','input':{}}") DELTA("0", "{'type':'input_json_delta','partial_json':'{\\'a'}") END, "-"));
    CHECK(answers(f, START BLOCK("0", "{'type':'text','text':''}") DELTA("0", "{'type':'citations_delta','citation':{}}") END, "-"));
    CHECK(answers(f, START DELTA("0", "{'type':'text_delta','text':'a'}") END, "-"));
    CHECK(answers(f, START BLOCK("0", "{'type':'text','text':''}") BLOCK("0", "{'type':'text','text':''}") END, "-"));
    CHECK(answers(f, START BLOCK("0", "{'type':'text','text':''}") "{'type':'error','error':{}}]", "-!"));
    f = SP_STREAM_GEMINI;
#define PARTS(parts) "{'candidates':[{'content':{'role':'model','parts':[" parts "]}}]}"
#define LAST ",{'candidates':[{'finishReason':'STOP','index':0}],'usageMetadata':{}}]"
    CHECK(answers(
        f,
        "[" PARTS("{'text':'hm','thought':true}") "," PARTS("{'text':'a'}") "," PARTS("{'text':'b'},{'text':''}") "," PARTS(
            "{'functionCall':{'name':'f'},'thoughtSignature':'s'}") LAST,
        "[{'role':'model','parts':[{'text':'hm','thought':true},{'text':'ab'},{'functionCall':{'name':'f'},'thoughtSignature':'s'}]}]"));
    CHECK(answers(f, "[" PARTS("{'text':'a'}") "," PARTS("{'text':'','thoughtSignature':'s'}") LAST, "-"));
    CHECK(answers(f, "[" PARTS("{'text':'a'}") "]", "-!"));
    CHECK(answers(f, "[{'promptFeedback':{'blockReason':'SAFETY'}}]", "-"));
    f = SP_STREAM_CONVERSE;
    const char *named = "[{'messageStart':{'role':'assistant'}},{'contentBlockDelta':{'delta':{'text':'a'},'contentBlockIndex':0}},"
                        "{'contentBlockDelta':{'delta':{'text':'b'},'contentBlockIndex':0}},{'contentBlockStop':{'contentBlockIndex':0}},"
                        "{'contentBlockStart':{'start':{'toolUse':{'toolUseId':'t','name':'f'}},'contentBlockIndex':1}},"
                        "{'contentBlockDelta':{'delta':{'toolUse':{'input':'{\\'a\\':1}'}},'contentBlockIndex':1}},{'messageStop':{'"
                        "stopReason':'tool_use'}},{'metadata':{'usage':{}}}]";
    const char *bare = "[{'role':'assistant','p':'x'},{'delta':{'text':'ab'},'contentBlockIndex':0},{'contentBlockIndex':0},"
                       "{'start':{'toolUse':{'toolUseId':'t','name':'f'}},'contentBlockIndex':1},{'delta':{'toolUse':{'input':'{\\'a\\':1}'"
                       "}},'contentBlockIndex':1},"
                       "{'stopReason':'tool_use'},{'usage':{}}]";
    const char *want = "[{'role':'assistant','content':[{'text':'ab'},{'toolUse':{'toolUseId':'t','name':'f','input':{'a':1}}}]}]";
    CHECK(answers(f, named, want) && answers(f, bare, want));
    CHECK(answers(f,
                  "[{'role':'assistant'},{'delta':{'reasoningContent':{'text':'h'}},'contentBlockIndex':0},"
                  "{'delta':{'reasoningContent':{'signature':'s'}},'contentBlockIndex':0},{'stopReason':'end_turn'}]",
                  "[{'role':'assistant','content':[{'reasoningContent':{'reasoningText':{'text':'h','signature':'s'}}}]}]"));
    CHECK(answers(f, "[{'role':'assistant'},{'delta':{'citation':{}},'contentBlockIndex':0},{'stopReason':'end_turn'}]", "-"));
}

/* As many parts as are kept, and one more. */
static void many_parts(void) {
    char *text = malloc(100 * SP_MAX_STREAM_PARTS + 1000), *p;
    sp_view *events = malloc((SP_MAX_STREAM_PARTS + 3) * sizeof *events);
    for (uint32_t extra = 0; extra < 2; extra++) {
        sp_arena arena;
        sp_assembled a;
        size_t n = 0;
        sp_arena_init(&arena, &sp_alloc_std);
        p = text;
        events[n++] = v("{\"type\":\"message_start\",\"message\":{\"role\":\"assistant\"}}");
        for (uint32_t i = 0; i < SP_MAX_STREAM_PARTS + extra; i++) {
            int len = sprintf(p, "{\"type\":\"content_block_start\",\"index\":%u,\"content_block\":{\"type\":\"x\"}}", i);
            events[n++] = (sp_view){(uint8_t *)p, (size_t)len};
            p += len;
        }
        events[n++] = v("{\"type\":\"message_stop\"}");
        CHECK(sp_assemble(SP_STREAM_ANTHROPIC, events, n, 0, sp_kernel_best(), &arena, &a) == SP_OK);
        CHECK(a.ended && (a.turns.p != NULL) == !extra);
        sp_arena_fini(&arena);
    }
    free(text);
    free(events);
}

/* Without memory: a status, and nothing is kept. */
static void no_memory(void) {
    sp_view events[2] = {
        v("{\"choices\":[{\"delta\":{\"content\":\"a\",\"tool_calls\":[{\"function\":{\"name\":\"f\",\"arguments\":\"{}\"}}]}}]}"),
        v("{\"choices\":[{\"delta\":{},\"finish_reason\":\"stop\"}]}")};
    for (size_t at = 1, failed = 1; failed; at++) {
        faulty f;
        sp_arena arena;
        sp_assembled a;
        faulty_init(&f, at, 1);
        sp_arena_init(&arena, &f.alloc);
        failed = sp_assemble(SP_STREAM_CHAT, events, 2, 0, sp_kernel_best(), &arena, &a) == SP_ERR_NOMEM;
        CHECK(failed || a.turns.p);
        sp_arena_fini(&arena);
        CHECK(f.live == 0);
    }
}

int main(void) {
    server_sent();
    values();
    frames();
    chat();
    others();
    many_parts();
    no_memory();
    return check_done();
}
