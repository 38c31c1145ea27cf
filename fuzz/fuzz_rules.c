/* Any bytes as a rule pack, or as a context file (after a first byte `c`): a rule set that can be described and used, or an error that names the
   file, the line and the column. */
#include "fuzz.h"

static void use(const sp_rules *r) {
    static const char payload[] =
        "{\"model\":\"m\",\"messages\":[{\"role\":\"assistant\",\"content\":\"x\"}],\"previous_response_id\":\"resp_1\"}";
    sp_one one = {.payload = SP_VIEW(payload), .method = SP_VIEW("POST"), .url = SP_VIEW("https://api.example/v1/x?a=b"), .status = 200};
    sp_columns *x, *y;
    sp_diagnosis why;
    char *text;
    size_t n;
    expect(sp_rules_describe(r, &text, &n) == SP_OK && n > 2);
    sp_release(&sp_alloc_std, text);
    expect(classify_alone(&sp_alloc_std, r, &one, &x, &y, &why) == SP_OK);
    expect(why.status == SP_OK && sp_columns_rows(x) == 1);
    sp_columns_drop(x);
    sp_columns_drop(y);
}

static size_t lines_of(sp_view t) {
    size_t n = 1;
    for (size_t i = 0; i < t.n; i++) n += t.p[i] == '\n';
    return n;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    static const char plain[] =
        "{\"format\":1,\"pack\":\"p\",\"version\":\"1\",\"facts\":{\"read.a\":\"\",\"write.store_b\":\"\",\"retain.c\":\"\"}}";
    sp_view counts = SP_VIEW("read");
    int context = size > 0 && data[0] == 'c';
    uint8_t *text = exact(data + context, size - (size_t)context);
    sp_view given = {text, size - (size_t)context};
    sp_pack_text pack = {"pack.json", context ? SP_VIEW(plain) : given};
    sp_rules_options o = {.packs = &pack, .pack_count = 1, .lens_counts = &counts, .lens_counts_n = 1, .versions = SP_VIEW("fuzz")};
    if (context) o.context = given;
    sp_limits_default(&o.limits);
    sp_rules *r;
    sp_rules_error err;
    sp_status status = sp_rules_new(&sp_alloc_std, &o, &r, &err);
    expect((status == SP_OK) == (r != NULL));
    if (r) use(r);
    else {
        expect(strcmp(err.code, status == SP_ERR_SYNTAX ? "syntax" : "meaning") == 0);
        expect(strcmp(err.file, context ? "context" : "pack.json") == 0 && err.message[0]);
        expect(err.line >= 1 && err.line <= lines_of(given) && err.column >= 1 && err.column <= given.n + 1);
    }
    sp_rules_free(r);
    free(text);
    return 0;
}
