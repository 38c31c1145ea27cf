/* Any bytes to be split: every kernel and every length of pieces gives the same records, in order and within the text. The first four bytes are lengths of pieces. */
#include "fuzz.h"
#include "sp_split.h"

typedef struct records {
    size_t n;
    sp_piece v[4096];
    sp_split end;
} records;

static void split(const sp_split_paths *paths, const sp_kernel *k, const uint8_t *steps, const uint8_t *p, size_t n, records *out) {
    sp_piece x;
    out->n = 0;
    sp_split_init(&out->end, k, paths, 0);
    for (size_t end = 0, i = 0;; i++) {
        size_t step = steps ? steps[i & 3] : n;
        end = step > n - end ? n : end + step;
        size_t base = (size_t)out->end.at;
        uint8_t *bytes = exact(p + base, end - base);
        while (sp_split_next(&out->end, bytes, base, end, end == n, &x)) {
            expect(x.start <= x.end && x.end <= n && (!out->n || out->v[out->n - 1].end <= x.start));
            expect(out->n < sizeof out->v / sizeof *out->v);
            out->v[out->n++] = x;
        }
        free(bytes);
        if (end == n) break;
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    static sp_split_paths paths;
    static records want, got;
    if (!paths.n) expect(sp_split_paths_init(&paths, NULL) == SP_OK);
    if (size < 4 || size > 4000 || !memcmp(data, "\0\0\0\0", 4)) return 0; /* no progress */
    const uint8_t *p = data + 4;
    size_t n = size - 4;
    split(&paths, sp_kernel_named(SP_VIEW("plain")), NULL, p, n, &want);
    for (size_t k = 0; sp_kernel_at(k); k++)
        for (int pieces = 0; pieces < 2; pieces++) {
            split(&paths, sp_kernel_at(k), pieces ? data : NULL, p, n, &got);
            expect(got.n == want.n && got.end.incomplete == want.end.incomplete && got.end.pointer == want.end.pointer);
            expect(got.end.crlf == want.end.crlf && got.end.line == want.end.line && got.end.documents == want.end.documents);
            for (size_t i = 0; i < got.n; i++)
                expect(got.v[i].start == want.v[i].start && got.v[i].end == want.v[i].end && got.v[i].line == want.v[i].line &&
                       got.v[i].open == want.v[i].open);
        }
    sp_split s;
    uint8_t *bytes = exact(p, n);
    sp_split_init(&s, sp_kernel_best(), &paths, 0);
    sp_tell tell = sp_split_tell(&s, bytes, 0, n, data[0] & 1);
    sp_split_init(&s, sp_kernel_named(SP_VIEW("plain")), &paths, 0);
    expect(sp_split_tell(&s, bytes, 0, n, data[0] & 1) == tell);
    free(bytes);
    return 0;
}
