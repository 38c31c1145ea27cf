/* Records that are made of others. Any bytes as a pattern and a line of text (apart at the first NUL): what is made is valid JSON, or the reason
   stands inside the line. Any bytes as a list of frames in a record: if the record is valid JSON, so is each that is made of it. Any bytes as an
   AnyValue: if they are valid JSON, so is what they stand for. */
#include "fuzz.h"
#include "sp_anyvalue.h"
#include "sp_frames.h"
#include "sp_pattern.h"
#include "sp_scan.h"

static int is_json(sp_view text) {
    sp_scan scan;
    sp_limits limits;
    sp_node nodes[2] = {{0}};
    sp_trie trie = {.nodes = nodes, .node_count = 2};
    sp_scan_init(&scan, &sp_alloc_std, sp_limits_default(&limits));
    int good = sp_scan_text(&scan, text, &trie, 0, SP_NO_MARK) == SP_OK;
    sp_scan_fini(&scan);
    return good;
}

static void lines(sp_view text) {
    const uint8_t *nul = text.n ? memchr(text.p, 0, text.n) : NULL;
    sp_view pattern = {text.p, nul ? (size_t)(nul - text.p) : 0}, line = {text.p + pattern.n, text.n - pattern.n}, json;
    sp_diagnosis why;
    sp_arena arena;
    sp_arena_init(&arena, &sp_alloc_std);
    expect(sp_pattern_json(pattern, line, &arena, &json, &why) == SP_OK);
    if (json.p) expect(is_json(json) || !pattern.n);
    else expect(why.status != SP_OK && why.pos <= line.n);
    sp_arena_fini(&arena);
}

static void frames(sp_view list) {
    static const char before[] = "{\"l\":", after[] = ",\"m\":{}}";
    static const sp_view calls[] = {{(const uint8_t *)"c", 1}};
    const sp_frames_form form = {SP_VIEW("w"), SP_VIEW("o"), SP_VIEW("d"), SP_VIEW("t"), calls, 1};
    size_t n = sizeof before - 1 + list.n + sizeof after - 1;
    uint8_t *p = must(malloc(n));
    memcpy(p, before, sizeof before - 1);
    if (list.n) memcpy(p + sizeof before - 1, list.p, list.n);
    memcpy(p + sizeof before - 1 + list.n, after, sizeof after - 1);
    sp_view record = {p, n};
    if (list.n && list.p[0] == '[' && list.p[list.n - 1] == ']' && is_json(record)) {
        sp_frames f = sp_frames_of(record, (sp_view){p + sizeof before - 1, list.n}, form, 65536);
        sp_arena scratch;
        sp_frame x;
        size_t last = 0;
        sp_arena_init(&scratch, &sp_alloc_std);
        while (sp_frames_next(&f, sp_kernel_best(), &scratch, &x) == 1) {
            expect(x.start >= last && x.end <= n && is_json((sp_view){p + x.start, x.end - x.start}));
            expect(!x.record.p || is_json(x.record));
            last = x.end;
        }
        sp_arena_fini(&scratch);
    }
    free(p);
}

static void any_value(sp_view text) {
    if (!is_json(text)) return;
    uint8_t *out = must(malloc(2 * text.n));
    size_t n = sp_anyvalue(text, out);
    expect(n <= 2 * text.n && (!n || is_json((sp_view){out, n})));
    free(out);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    uint8_t *text = exact(data, size);
    lines((sp_view){text, size});
    frames((sp_view){text, size});
    any_value((sp_view){text, size});
    free(text);
    return 0;
}
