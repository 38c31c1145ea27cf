/* The second slow twin: docs/fingerprint.md over jansson's tree, written from that page alone; no code of the core in it.

   twin_jansson LAYOUT < PAYLOADS

   LAYOUT is a text file, a part a line: `turns P`, `content NAME`, `context P`, `role NAME`, `tools P`, in the order of the layout.
   PAYLOADS holds one JSON text a line. For each line one line is written: `refused`, or

   PAYLOAD SHAPE CONTEXT TOOLS CHAIN TURNS     (CHAIN and TURNS: hashes with commas between them, `-` where there is none)

   jansson refuses what it can't represent (duplicate names, as asked for below; lone surrogates; NUL in names; integers beyond 64 bits,
   reals beyond double), and keeps no spelling of numbers. On all that it takes, the hashes are those of the core. */
#include <assert.h>
#include <jansson.h>
#include <math.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <xxhash.h>

#define MAX_PARTS 32

typedef struct {
    uint8_t b[16];
} hash128;

typedef struct {
    uint8_t b[8];
} hash64;

/* --- bytes that grow ------------------------------------------------------------------------------------------------ */

typedef struct {
    uint8_t *p;
    size_t n, room;
} bytes;

static void *must(void *p) {
    if (p == NULL) {
        fputs("twin_jansson: out of memory\n", stderr);
        exit(2);
    }
    return p;
}

static void put(bytes *to, const void *p, size_t n) {
    if (to->n + n > to->room) {
        to->room = 2 * (to->n + n);
        to->p = must(realloc(to->p, to->room));
    }
    if (n > 0) memcpy(to->p + to->n, p, n);
    to->n += n;
}

static void put_tag(bytes *to, char c) {
    char tag[16] = {0};
    tag[0] = c;
    put(to, tag, sizeof tag);
}

static hash128 x128(const void *p, size_t n) {
    XXH128_canonical_t c;
    hash128 h;
    XXH128_canonicalFromHash(&c, XXH3_128bits(p, n));
    memcpy(h.b, c.digest, sizeof h.b);
    return h;
}

static hash64 x64(const void *p, size_t n) {
    XXH64_canonical_t c;
    hash64 h;
    XXH64_canonicalFromHash(&c, XXH3_64bits(p, n));
    memcpy(h.b, c.digest, sizeof h.b);
    return h;
}

static hash128 x128_of(bytes *b) {
    hash128 h = x128(b->p, b->n);
    free(b->p);
    return h;
}

static hash64 x64_of(bytes *b) {
    hash64 h = x64(b->p, b->n);
    free(b->p);
    return h;
}

/* --- numbers (section 2.2) ------------------------------------------------------------------------------------------ */

/* One more in the last place of the decimal digits in d; a carry out of the first digit moves the exponent. */
static void count_up(char *d, int *exponent) {
    int i = (int)strlen(d) - 1;
    while (i >= 0 && d[i] == '9') d[i--] = '0';
    if (i >= 0) {
        d[i]++;
        return;
    }
    d[0] = '1';
    ++*exponent;
}

static double from_digits(const char *d, int exponent) {
    char text[40];
    snprintf(text, sizeof text, "%c.%se%d", d[0], d + 1, exponent);
    return strtod(text, NULL);
}

/* The shortest digits that read back as x > 0: x = d[0].d[1]d[2]… times ten to *exponent. Where the nearest decimal of some length does not
   read back, the one above it may (below a power of two the doubles lie closer together than above it). */
static void shortest(double x, char d[20], int *exponent) {
    for (int digits = 1; digits <= 17; digits++) {
        char text[40];
        snprintf(text, sizeof text, "%.*e", digits - 1, x);
        char *e = strchr(text, 'e');
        assert(e != NULL);
        *exponent = atoi(e + 1);
        *e = '\0';
        size_t n = 0;
        for (char *c = text; *c != '\0'; c++)
            if (*c != '.') d[n++] = *c;
        d[n] = '\0';
        if (from_digits(d, *exponent) == x) return;
        count_up(d, exponent);
        if (from_digits(d, *exponent) == x) return;
    }
    assert(!"17 digits always suffice");
}

static void number_text(double x, char *out, size_t room) {
    char d[20];
    int exponent;
    if (x == 0) {
        snprintf(out, room, "0");
        return;
    }
    shortest(fabs(x), d, &exponent);
    const char *sign = x < 0 ? "-" : "";
    int k = (int)strlen(d), n = exponent + 1;
    while (k > 1 && d[k - 1] == '0') d[--k] = '\0';
    if (k <= n && n <= 21) snprintf(out, room, "%s%s%.*s", sign, d, n - k, "000000000000000000000");
    else if (0 < n && n <= 21) snprintf(out, room, "%s%.*s.%s", sign, n, d, d + n);
    else if (-6 < n && n <= 0) snprintf(out, room, "%s0.%.*s%s", sign, -n, "000000", d);
    else snprintf(out, room, "%s%c%s%se%+d", sign, d[0], k > 1 ? "." : "", d + 1, n - 1);
}

/* --- the value hash (section 3) ------------------------------------------------------------------------------------- */

static hash128 hash_string(const char *p, size_t n) {
    bytes b = {0};
    put(&b, "\"", 1);
    put(&b, p, n);
    return x128_of(&b);
}

typedef struct {
    hash128 key;
    const json_t *value;
} member;

static int by_key(const void *a, const void *b) { return memcmp(((const member *)a)->key.b, ((const member *)b)->key.b, 16); }

/* The members by the hash of their names; the caller frees them. */
static member *members_of(const json_t *object, size_t *count) {
    json_t *o = (json_t *)(uintptr_t)object; /* the iterators of jansson take no const */
    size_t n = 0;
    member *m = must(malloc((json_object_size(o) + 1) * sizeof *m));
    for (void *it = json_object_iter(o); it != NULL; it = json_object_iter_next(o, it)) {
        m[n].key = hash_string(json_object_iter_key(it), json_object_iter_key_len(it));
        m[n++].value = json_object_iter_value(it);
    }
    qsort(m, n, sizeof *m, by_key);
    *count = n;
    return m;
}

static hash128 hash_value(const json_t *v) {
    char text[64];
    bytes b = {0};
    switch (json_typeof(v)) {
    case JSON_NULL: return x128("null", 4);
    case JSON_TRUE: return x128("true", 4);
    case JSON_FALSE: return x128("false", 5);
    case JSON_INTEGER: snprintf(text, sizeof text, "%" JSON_INTEGER_FORMAT, json_integer_value(v)); return x128(text, strlen(text));
    case JSON_REAL: number_text(json_real_value(v), text, sizeof text); return x128(text, strlen(text));
    case JSON_STRING: return hash_string(json_string_value(v), json_string_length(v));
    case JSON_ARRAY:
        put_tag(&b, '[');
        for (size_t i = 0; i < json_array_size(v); i++) {
            hash128 h = hash_value(json_array_get(v, i));
            put(&b, h.b, 16);
        }
        return x128_of(&b);
    case JSON_OBJECT: {
        size_t n;
        member *m = members_of(v, &n);
        put_tag(&b, '{');
        for (size_t i = 0; i < n; i++) {
            hash128 h = hash_value(m[i].value);
            put(&b, m[i].key.b, 16);
            put(&b, h.b, 16);
        }
        free(m);
        return x128_of(&b);
    }
    }
    abort();
}

/* --- the shape (section 4) ------------------------------------------------------------------------------------------ */

static int by_bytes(const void *a, const void *b) { return memcmp(a, b, 8); }

static hash64 shape(const json_t *v, int d) {
    bytes b = {0};
    switch (json_typeof(v)) {
    case JSON_NULL: return x64("n", 1);
    case JSON_TRUE:
    case JSON_FALSE: return x64("b", 1);
    case JSON_INTEGER:
    case JSON_REAL: return x64("0", 1);
    case JSON_STRING: return x64("s", 1);
    case JSON_ARRAY: {
        if (d > 4) return x64("a", 1);
        size_t n = json_array_size(v);
        hash64 *all = must(malloc((n + 1) * sizeof *all));
        for (size_t i = 0; i < n; i++) all[i] = shape(json_array_get(v, i), d);
        qsort(all, n, sizeof *all, by_bytes);
        put_tag(&b, '[');
        for (size_t i = 0; i < n; i++)
            if (i == 0 || by_bytes(&all[i - 1], &all[i]) != 0) put(&b, all[i].b, 8);
        free(all);
        return x64_of(&b);
    }
    case JSON_OBJECT: {
        if (d > 3) return x64("o", 1);
        size_t n;
        member *m = members_of(v, &n);
        put_tag(&b, '{');
        for (size_t i = 0; i < n; i++) {
            hash64 s = shape(m[i].value, d + 1);
            put(&b, m[i].key.b, 16);
            put(&b, s.b, 8);
        }
        free(m);
        return x64_of(&b);
    }
    }
    abort();
}

/* --- layouts (section 5) -------------------------------------------------------------------------------------------- */

typedef struct {
    char *turns[MAX_PARTS], *content[MAX_PARTS], *context[MAX_PARTS], *role[MAX_PARTS], *tools[MAX_PARTS];
    int turns_n, content_n, context_n, role_n, tools_n;
} layout;

static void add_part(char **list, int *n, const char *value) {
    if (*n == MAX_PARTS) {
        fputs("twin_jansson: too many parts in the layout\n", stderr);
        exit(2);
    }
    list[(*n)++] = must(strdup(value));
}

static void read_layout(const char *path, layout *l) {
    char line[1024];
    FILE *f = fopen(path, "r");
    if (f == NULL) {
        perror(path);
        exit(2);
    }
    while (fgets(line, sizeof line, f) != NULL) {
        line[strcspn(line, "\n")] = '\0';
        char *value = strchr(line, ' ');
        if (value == NULL) continue;
        *value++ = '\0';
        if (strcmp(line, "turns") == 0) add_part(l->turns, &l->turns_n, value);
        else if (strcmp(line, "content") == 0) add_part(l->content, &l->content_n, value);
        else if (strcmp(line, "context") == 0) add_part(l->context, &l->context_n, value);
        else if (strcmp(line, "role") == 0) add_part(l->role, &l->role_n, value);
        else if (strcmp(line, "tools") == 0) add_part(l->tools, &l->tools_n, value);
    }
    fclose(f);
}

typedef struct {
    const json_t **v;
    size_t n;
} values;

static void add_value(values *to, const json_t *v) {
    to->v = must(realloc(to->v, (to->n + 1) * sizeof *to->v));
    to->v[to->n++] = v;
}

/* One step of a pointer: what stands under `name` (`*`: under every name or index) in v. */
static void step_into(const json_t *v, const char *name, values *found) {
    json_t *w = (json_t *)(uintptr_t)v;
    int all = strcmp(name, "*") == 0;
    if (json_is_array(v)) {
        for (size_t i = 0; i < json_array_size(v); i++) {
            char index[24];
            snprintf(index, sizeof index, "%zu", i);
            if (all || strcmp(index, name) == 0) add_value(found, json_array_get(v, i));
        }
    } else if (json_is_object(v)) {
        for (void *it = json_object_iter(w); it != NULL; it = json_object_iter_next(w, it))
            if (all || strcmp(json_object_iter_key(it), name) == 0) add_value(found, json_object_iter_value(it));
    }
}

static void at(const json_t *v, const char *pointer, values *found) {
    char name[1024];
    size_t n = 0;
    if (*pointer == '\0') {
        add_value(found, v);
        return;
    }
    for (pointer++; *pointer != '\0' && *pointer != '/' && n + 1 < sizeof name; pointer++) {
        char c = *pointer;
        if (c == '~' && (pointer[1] == '0' || pointer[1] == '1')) c = *++pointer == '0' ? '~' : '/';
        name[n++] = c;
    }
    name[n] = '\0';
    values here = {0};
    step_into(v, name, &here);
    for (size_t i = 0; i < here.n; i++) at(here.v[i], pointer, found);
    free(here.v);
}

static values turns_of(const json_t *payload, const layout *l) {
    values turns = {0};
    for (int i = 0; i < l->turns_n; i++) {
        values found = {0};
        at(payload, l->turns[i], &found);
        for (size_t k = 0; k < found.n; k++) {
            if (json_is_array(found.v[k]))
                for (size_t e = 0; e < json_array_size(found.v[k]); e++) add_value(&turns, json_array_get(found.v[k], e));
            else if (!json_is_null(found.v[k])) add_value(&turns, found.v[k]);
        }
        free(found.v);
    }
    return turns;
}

static const json_t *content_of(const json_t *turn, const layout *l) {
    for (int i = 0; i < l->content_n && json_is_object(turn); i++) {
        const json_t *v = json_object_get(turn, l->content[i]);
        if (v != NULL && !json_is_null(v)) return v;
    }
    return turn;
}

static int has_context_role(const json_t *turn, const layout *l) {
    const json_t *role = json_is_object(turn) ? json_object_get(turn, "role") : NULL;
    for (int i = 0; i < l->role_n && role != NULL && json_is_string(role); i++)
        if (json_string_length(role) == strlen(l->role[i]) && strcmp(json_string_value(role), l->role[i]) == 0) return 1;
    return 0;
}

static void put_context(bytes *to, const char *name, const json_t *value) {
    bytes b = {0};
    put(&b, "/", 1);
    put(&b, name, strlen(name) + 1); /* with its NUL */
    hash128 n = x128_of(&b), h = hash_value(value);
    put(to, n.b, 16);
    put(to, h.b, 16);
}

static hash64 context_of(const json_t *payload, const values *turns, const layout *l) {
    bytes b = {0};
    put_tag(&b, 'x');
    for (int i = 0; i < l->context_n; i++) {
        values found = {0};
        at(payload, l->context[i], &found);
        for (size_t k = 0; k < found.n; k++)
            if (!json_is_null(found.v[k])) put_context(&b, l->context[i][0] == '/' ? l->context[i] + 1 : l->context[i], found.v[k]);
        free(found.v);
    }
    for (size_t i = 0; i < turns->n; i++)
        if (has_context_role(turns->v[i], l)) put_context(&b, "*", turns->v[i]);
    return x64_of(&b);
}

static size_t tools_of(const json_t *payload, const layout *l) {
    size_t n = 0;
    for (int i = 0; i < l->tools_n; i++) {
        values found = {0};
        at(payload, l->tools[i], &found);
        for (size_t k = 0; k < found.n; k++) n += json_is_array(found.v[k]) ? json_array_size(found.v[k]) : 0;
        free(found.v);
    }
    return n;
}

/* --- output --------------------------------------------------------------------------------------------------------- */

static void print_hash(const uint8_t *p, size_t n, char end) {
    for (size_t i = 0; i < n; i++) printf("%02x", p[i]);
    putchar(end);
}

static void print_all(const json_t *payload, const layout *l) {
    values turns = turns_of(payload, l);
    hash128 h = hash_value(payload);
    hash64 s = shape(payload, 1), c = context_of(payload, &turns, l);
    print_hash(h.b, 16, ' ');
    print_hash(s.b, 8, ' ');
    print_hash(c.b, 8, ' ');
    printf("%zu ", tools_of(payload, l));
    uint8_t link[32] = {'c'};
    for (size_t i = 0; i < turns.n; i++) {
        h = hash_value(turns.v[i]);
        memcpy(link + 16, h.b, 16);
        h = x128(link, sizeof link);
        memcpy(link, h.b, 16);
        print_hash(h.b, 16, i + 1 < turns.n ? ',' : ' ');
    }
    fputs(turns.n == 0 ? "- -\n" : "", stdout);
    for (size_t i = 0; i < turns.n; i++) {
        h = hash_value(content_of(turns.v[i], l));
        print_hash(h.b, 16, i + 1 < turns.n ? ',' : '\n');
    }
    free(turns.v);
}

static void free_parts(char **list, int n) {
    while (n > 0) free(list[--n]);
}

int main(int argc, char **argv) {
    layout l = {0};
    char *line = NULL;
    size_t room = 0;
    ssize_t n;
    if (argc != 2) {
        fputs("usage: twin_jansson LAYOUT < PAYLOADS\n", stderr);
        return 2;
    }
    read_layout(argv[1], &l);
    while ((n = getline(&line, &room, stdin)) >= 0) {
        if (n > 0 && line[n - 1] == '\n') n--;
        json_t *payload = json_loadb(line, (size_t)n, JSON_DECODE_ANY | JSON_ALLOW_NUL | JSON_REJECT_DUPLICATES, NULL);
        if (payload == NULL) puts("refused");
        else print_all(payload, &l);
        json_decref(payload);
    }
    free(line);
    free_parts(l.turns, l.turns_n);
    free_parts(l.content, l.content_n);
    free_parts(l.context, l.context_n);
    free_parts(l.role, l.role_n);
    free_parts(l.tools, l.tools_n);
    return 0;
}
