/* Any bytes: all kernels agree, and what the scan says depends neither on the kernel nor on what the rules look at. Values of
   marks are those of sp_unescape. See fuzz_scan.c for whole payloads. */
#include "../tests/c/trie_builder.h"
#include "sp_kernel.h"
#include "sp_scan.h"

static void expect(int holds) {
    if (!holds) abort();
}

static void compare_kernels(const uint8_t *p, size_t n) {
    const sp_kernel *k;
    uint8_t *want = NULL;
    const uint8_t *at = NULL, *found = NULL;
    size_t written = 0;
    uint32_t flags = 0, high = 0, found_high = 0;
    int utf8 = sp_utf8_check(p, n) == n;
    for (size_t i = 0; (k = sp_kernel_at(i)) != NULL; i++) {
        uint8_t *out = malloc(n ? n : 1), *o = out;
        uint32_t f = 0, h = 0, fh = 0, sh = 0;
        expect(out != NULL);
        const uint8_t *a = k->unescape(p, p + n, &o, &h, &f), *b = k->find(p, p + n, &fh);
        expect(sp_find(k, p, p + n, &sh) == b && !sh == !fh && k->utf8(p, n) == utf8);
        if (i == 0) {
            want = out, at = a, found = b, written = (size_t)(o - out), flags = f, high = h, found_high = fh;
            continue;
        }
        expect(a == at && b == found && f == flags && !h == !high && !fh == !found_high && (size_t)(o - out) == written &&
               memcmp(out, want, written) == 0);
        free(out);
    }
    free(want);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    static trie_builder log, payload; /* made once: a fuzzer is a process of its own */
    if (!log.trie.nodes) {
        builder_sample(&log);
        builder_init(&payload);
        builder_add(&payload, "", SP_NODE_MARK | SP_NODE_SCOPE | SP_NODE_HASH | SP_NODE_BODY);
    }
    uint8_t *text = malloc(size ? size : 1);
    expect(text != NULL);
    if (size) memcpy(text, data, size);
    compare_kernels(text, size);
    sp_limits limits;
    sp_scan a, b;
    sp_limits_default(&limits);
    limits.max_depth = 20;
    sp_scan_init(&a, &sp_alloc_std, &limits);
    sp_scan_init(&b, &sp_alloc_std, &limits);
    for (size_t i = 0; sp_kernel_at(i); i++) b.kernel = sp_kernel_at(i); /* the plain one */
    sp_status status = sp_scan_text(&a, (sp_view){text, size}, &payload.trie, BUILDER_ROOT, SP_NO_MARK);
    expect(status == sp_scan_text(&b, (sp_view){text, size}, &log.trie, BUILDER_ROOT, SP_NO_MARK));
    expect(a.flags == (b.flags & ~(uint32_t)SP_FLAG_NEAR_MISS_KEY) && a.nodes == b.nodes);
    for (uint32_t i = 0; i < b.mark_count; i++) {
        const sp_mark *m = &b.marks[i];
        expect(m->start <= m->end && m->end <= size && (m->parent == SP_NO_MARK || m->parent < i));
        if (status == SP_OK) expect(!(m->state & SP_MARK_OPEN) && m->end > m->start);
        if (m->type != SP_STRING || m->state & (SP_MARK_OPEN | SP_MARK_LONG)) continue;
        uint8_t *out = malloc(m->end - m->start);
        uint32_t flags = 0;
        expect(out && sp_unescape(sp_kernel_best(), text + m->start + 1, m->end - m->start - 2, out, &flags) == m->value.n &&
               memcmp(out, m->value.p, m->value.n) == 0);
        free(out);
    }
    sp_scan_fini(&a);
    sp_scan_fini(&b);
    free(text);
    return 0;
}
