/* Any bytes as a payload: the scan and the diagnosis agree whether it is JSON, offsets stay inside, reading twice gives the same row. The rule set
   is small, and has a rule of every kind that the scan walks for. Leaving aside out of memory, nothing else may happen. */
#include <stdlib.h>

#include "../csrc/sp_batch.h"
#include "../csrc/sp_export.h"

static const char pack[] = "{\"format\":1,\"pack\":\"fuzz\",\"version\":\"1\",\"sources\":{\"S\":\"s\"},\"facts\":{\"read.a\":\"\",\"write."
                           "b\":\"\",\"replay.c\":\"\"},"
                           "\"layouts\":[{\"id\":\"l\",\"source\":\"S\",\"turns\":[\"/messages\",\"/"
                           "input\"],\"turn_content\":[\"content\"],\"context\":[\"/tools\",\"/a/0/b\"],"
                           "\"context_roles\":[\"system\"],\"response\":[\"/output/*\"],\"tools\":\"/tools\"}],"
                           "\"shapes\":[{\"id\":\"s\",\"source\":\"S\",\"order\":1,\"api\":\"a\",\"operation\":\"o\",\"inference\":true,"
                           "\"when\":[{\"any\":[{\"at\":\"body:/messages\"},"
                           "{\"at\":\"body:/input\"}]}],\"sets\":[\"s\"],\"layout\":\"l\"}],"
                           "\"markers\":[{\"id\":\"m1\",\"source\":\"S\",\"set\":\"s\",\"at\":\"body:/"
                           "previous_response_id\",\"expects\":[\"id\"],\"fact\":\"read.a\"},"
                           "{\"id\":\"m2\",\"source\":\"S\",\"set\":\"s\",\"when\":[{\"at\":\"body:/"
                           "store\",\"is\":\"absent\"}],\"fact\":\"write.b\",\"basis\":\"default\",\"looks_at\":[\"body:/store\"]},"
                           "{\"id\":\"m3\",\"source\":\"S\",\"set\":\"s\",\"each\":\"body:/messages/"
                           "*\",\"where\":[{\"at\":\"role\",\"in\":[\"assistant\"]}],\"fact\":\"replay.c\"}]}";

static sp_rules *rules; /* made once: a fuzzer is a process of its own */

static sp_view row_of(const sp_one *one, sp_diagnosis *d, sp_out *out) {
    sp_columns *x, *y;
    char pointer[256];
    size_t n;
    if (sp_classify_one(&sp_alloc_std, rules, one, &x, &y, d, pointer, sizeof pointer, &n) != SP_OK) abort();
    if (sp_columns_rows(x) != 1) abort();
    if (sp_export_ndjson(x, 0, 1, out) != SP_OK || sp_export_ndjson(y, 0, sp_columns_rows(y), out) != SP_OK) abort();
    sp_columns_drop(x);
    sp_columns_drop(y);
    return (sp_view){out->p, out->n};
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    if (!rules) {
        sp_view counts = SP_VIEW("read");
        sp_pack_text p = {"fuzz", SP_VIEW(pack)};
        sp_rules_options o = {.packs = &p, .pack_count = 1, .lens_counts = &counts, .lens_counts_n = 1, .versions = SP_VIEW("fuzz")};
        sp_rules_error err;
        sp_limits_default(&o.limits);
        if (sp_rules_new(&sp_alloc_std, &o, &rules, &err) != SP_OK) abort();
    }
    uint8_t *exact = malloc(size ? size : 1); /* so that a byte too far is seen */
    if (!exact) abort();
    if (size) memcpy(exact, data, size);
    sp_one one = {.payload = {exact, size}, .status = SP_NULL_INT};
    sp_diagnosis scanned, again, slow;
    sp_out first = {.alloc = &sp_alloc_std}, second = {.alloc = &sp_alloc_std};
    sp_view a = row_of(&one, &scanned, &first), b = row_of(&one, &again, &second);
    if (!sp_view_eq(a, b)) abort();
    sp_arena scratch;
    sp_arena_init(&scratch, &sp_alloc_std);
    size_t n;
    if (sp_diagnose(one.payload, 0, sp_rules_limits(rules), &scratch, &slow, NULL, NULL, NULL, 0, &n) != SP_OK) abort();
    if (slow.status != scanned.status || (slow.status != SP_OK && slow.pos != scanned.pos) || slow.pos > size ||
        scanned.status == SP_ERR_INTERNAL)
        abort();
    sp_arena_fini(&scratch);
    sp_release(&sp_alloc_std, first.p);
    sp_release(&sp_alloc_std, second.p);
    free(exact);
    return 0;
}
