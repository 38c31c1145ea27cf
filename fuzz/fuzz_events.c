/* Any bytes as the text of a streamed response. The events stand in order inside the text; what they come to has an end; and a reader that read
   all that came before gives the same row as a fresh one, with no error, whatever the response is. The first byte chooses kind and form. */
#include "fuzz.h"
#include "sp_assemble.h"
#include "sp_events.h"
#include "sp_kernel.h"
#include "sp_scan.h"

static void split(sp_view text, sp_events_kind kind, sp_stream_form form) {
    sp_events s = sp_events_of(text, kind);
    sp_event e;
    size_t n = 0, last = 0, most = text.n + 1;
    sp_view *events = must(malloc(most * sizeof *events));
    sp_arena arena;
    sp_assembled a;
    sp_arena_init(&arena, &sp_alloc_std);
    while (sp_events_next(&s, &e)) {
        expect(e.start >= last && e.start < e.end && e.end <= text.n && n < most);
        last = e.end;
        events[n] = (sp_view){text.p + e.start, e.end - e.start};
        if (e.joined) {
            uint8_t *p = must(sp_arena_get(&arena, e.end - e.start));
            sp_event_join(text, &e, p);
            events[n].p = p;
        }
        n++;
    }
    expect(!sp_events_next(&s, &e) && s.at <= text.n);
    size_t good = 0; /* what is put together was found valid before */
    for (size_t i = 0; i < n; i++) {
        sp_scan scan;
        sp_limits limits;
        sp_node nodes[2] = {{0}};
        sp_trie trie = {.nodes = nodes, .node_count = 2};
        sp_scan_init(&scan, &sp_alloc_std, sp_limits_default(&limits));
        while (events[i].n && events[i].p[0] <= ' ') events[i].p++, events[i].n--;
        while (events[i].n && events[i].p[events[i].n - 1] <= ' ') events[i].n--;
        if (events[i].n && sp_scan_text(&scan, events[i], &trie, 0, SP_NO_MARK) == SP_OK) events[good++] = events[i];
        sp_scan_fini(&scan);
    }
    expect(sp_assemble(form, events, good, s.done, sp_kernel_best(), &arena, &a) == SP_OK);
    expect(!a.turns.p || (a.seen && a.ended && sp_events_value_end(a.turns.p, a.turns.p + a.turns.n) == a.turns.p + a.turns.n));
    sp_arena_fini(&arena);
    free(events);
}

static sp_out read_with(sp_pool *pool, const sp_one *one) {
    sp_out out = {.alloc = &sp_alloc_std};
    sp_answer *found;
    sp_columns *x, *y;
    expect(sp_classify_one(pool, one, &found) == SP_OK && found->why.status == SP_OK);
    expect(sp_answer_columns(found, &x, &y) == SP_OK && sp_columns_rows(x) == 1);
    expect(sp_export_ndjson(x, 0, 1, &out) == SP_OK && sp_export_ndjson(y, 0, sp_columns_rows(y), &out) == SP_OK);
    sp_columns_drop(x);
    sp_columns_drop(y);
    sp_answer_free(found);
    return out;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    static sp_rules *rules;
    static sp_pool *warm;
    if (!rules) rules = fuzz_rules_new(0), warm = sp_pool_new(&sp_alloc_std, rules);
    if (!size) return 0;
    uint8_t *text = exact(data + 1, size - 1);
    sp_view v = {text, size - 1};
    split(v, (sp_events_kind)(SP_EVENTS_SSE + data[0] % 4), (sp_stream_form)(1 + data[0] / 4 % (SP_STREAM_FORMS - 1)));
    sp_one one = {.payload = SP_VIEW("{\"m\":[{\"role\":\"user\"}]}"),
                  .method = SP_VIEW("POST"),
                  .url = data[0] & 128 ? SP_VIEW("https://api.eu.example/chat") : SP_VIEW("https://api.eu.example/go/1"),
                  .response = v,
                  .status = SP_NULL_INT};
    sp_pool *pool = must(sp_pool_new(&sp_alloc_std, rules));
    sp_out a = read_with(warm, &one), b = read_with(pool, &one);
    expect(a.n == b.n && memcmp(a.p, b.p, a.n) == 0);
    sp_release(&sp_alloc_std, a.p);
    sp_release(&sp_alloc_std, b.p);
    sp_pool_free(pool);
    free(text);
    return 0;
}
