/* A scan that keeps values gives the marks, counts and statuses of one that keeps none, mark for mark. */
#include "sp_replay.h"

#include "check.h"
#include "data.h"
#include "trie_builder.h"

typedef struct fixture {
    trie_builder b;
    sp_limits limits;
    sp_replay_store *store;
    sp_scan plain, keeping;
} fixture;

static void set_up(fixture *f, size_t bytes) {
    memset(f, 0, sizeof *f);
    builder_sample(&f->b);
    /* scopes below scopes, so that parents inside of a value are told apart */
    builder_add(&f->b, "/body/messages", SP_NODE_TURN);
    builder_add(&f->b, "/body/input", SP_NODE_TURN);
    builder_add(&f->b, "/turns", SP_NODE_TURN | SP_NODE_MARK);
    builder_add(&f->b, "/turns/*", SP_NODE_SCOPE | SP_NODE_HASH | SP_NODE_MARK);
    builder_add(&f->b, "/turns/*/role", SP_NODE_MARK);
    builder_add(&f->b, "/others/*/role", SP_NODE_MARK);
    builder_add(&f->b, "/body/messages/*", SP_NODE_SCOPE);
    builder_add(&f->b, "/body/messages/*/content", SP_NODE_SCOPE);
    builder_add(&f->b, "/body/messages/*/content/*/text", SP_NODE_MARK);
    sp_limits_default(&f->limits);
    sp_scan_init(&f->plain, &sp_alloc_std, &f->limits);
    sp_scan_init(&f->keeping, &sp_alloc_std, &f->limits);
    f->store = sp_replay_store_new(&sp_alloc_std, bytes, 1);
    f->keeping.replay = f->store ? sp_replay_new(&sp_alloc_std, f->store, 0) : NULL;
    CHECK(f->keeping.replay != NULL);
}

static void tear_down(fixture *f) {
    sp_scan_fini(&f->plain);
    sp_scan_fini(&f->keeping);
    sp_replay_store_free(f->store);
}

static int marks_equal(const sp_mark *a, const sp_mark *b) {
    return a->node == b->node && a->parent == b->parent && memcmp(a->index, b->index, sizeof a->index) == 0 && a->type == b->type &&
           a->state == b->state && a->count == b->count && a->start == b->start && a->end == b->end &&
           (a->value.p == NULL) == (b->value.p == NULL) && sp_view_eq(a->value, b->value) &&
           memcmp(a->hash.b, b->hash.b, sizeof a->hash.b) == 0 && a->shape == b->shape && a->spare == b->spare;
}

/* Whether both scans of the line agree; the text is a copy of exact size that is gone afterwards. */
static int agree(fixture *f, sp_view line) {
    sp_view text = data_exact(line.p, line.n);
    sp_scan_reset(&f->plain);
    sp_scan_reset(&f->keeping);
    sp_status a = sp_scan_text(&f->plain, text, &f->b.trie, BUILDER_ROOT, SP_NO_MARK);
    sp_status b = sp_scan_text(&f->keeping, text, &f->b.trie, BUILDER_ROOT, SP_NO_MARK);
    int same = a == b && f->plain.mark_count == f->keeping.mark_count && f->plain.flags == f->keeping.flags &&
               (a != SP_OK || f->plain.nodes == f->keeping.nodes);
    for (uint32_t i = 0; same && i < f->plain.mark_count; i++) same = marks_equal(&f->plain.marks[i], &f->keeping.marks[i]);
    free((void *)(uintptr_t)text.p);
    return same;
}

#define PAD \
    "xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx"
#define TURN(role, text) "{\"role\":\"" role "\",\"content\":[{\"type\":\"text\",\"text\":\"" text PAD "\",\"cache_control\":{\"a\":1}}]}"

static int agree_text(fixture *f, const char *text) { return agree(f, (sp_view){(const uint8_t *)text, strlen(text)}); }

static void takes_values_over(void) {
    fixture f;
    set_up(&f, 20u << 20);
    CHECK(agree_text(&f, "{\"body\":{\"messages\":[" TURN("user", "a") "," TURN("us\\u0065r", "b\\n") "]}}"));
    uint64_t kept = f.keeping.replay->kept;
    CHECK(kept > 0);
    CHECK(agree_text(&f,
                     "{\"body\":{\"messages\":[" TURN("us\\u0065r", "b\\n") "," TURN("user", "a") "]}}")); /* elsewhere, in another order */
    CHECK(agree_text(&f, "{\"url\":\"x\",\"body\":{\"x\":1, \"messages\": [1," TURN("user", "a") " , " TURN("us\\u0065r", "b\\n") "]}}"));
    CHECK(f.keeping.replay->kept == kept);                                   /* known all of them */
    CHECK(agree_text(&f, "{\"body\":{\"input\":[" TURN("user", "a") "]}}")); /* another place of the trie is another value */
    CHECK(f.keeping.replay->kept > kept);
    kept = f.keeping.replay->kept;
    CHECK(agree_text(&f, "{\"body\":{\"other\":[" TURN("user", "a") "]}}") &&
          agree_text(&f, "{\"body\":{\"o\":{\"p\":[" TURN("user", "a") "]}}}"));
    CHECK(f.keeping.replay->kept > kept); /* no rule looks there, but the shape depends on the depth */
    kept = f.keeping.replay->kept;
    CHECK(agree_text(&f, "{\"response\":[" TURN("user", "z") "]}") && f.keeping.replay->kept == kept); /* not hashed, not kept */
    CHECK(agree_text(&f, "{\"body\":{\"system\":\"be kind" PAD "\",\"model\":\"m\"}}"));
    CHECK(agree_text(&f, "{\"body\":{\"model\":\"m\",\"system\":\"be kind" PAD "\"}}"));
    CHECK(agree_text(&f, "{\"body\":{\"messages\":[" TURN("user", "a") "],\"messages\":[" TURN("user", "a") "," TURN("user", "a") "]}}"));
    tear_down(&f);
}

/* A list of turns that is no part of a body: its elements are known, too, and those of no other list. */
static void takes_over_outside_of_a_body(void) {
    fixture f;
    set_up(&f, 20u << 20);
    CHECK(agree_text(&f, "{\"turns\":[" TURN("user", "a") "," TURN("user", "b") "]}"));
    uint64_t kept = f.keeping.replay->kept;
    CHECK(kept == 2);
    CHECK(agree_text(&f, "{\"x\":0,\"turns\":[[" TURN("user", "a") "]," TURN("user", "b") "," TURN("user", "a") "]}"));
    CHECK(f.keeping.replay->kept == kept + 1); /* the list in the list */
    kept = f.keeping.replay->kept;
    CHECK(agree_text(&f, "{\"others\":[" TURN("user", "c") "]}") && f.keeping.replay->kept == kept);
    tear_down(&f);
}

#define TOOL(name) "{\"type\":\"function\",\"parameters\":{\"of\":\"" name "\",\"a\":[1,2,[3]],\"b\":\"" PAD "\"}}"

/* A list that holds still is known as a whole from the third time on, when its elements were known before; one that changes, by them. */
static void takes_lists_over(void) {
    fixture f;
    set_up(&f, 20u << 20);
    CHECK(agree_text(&f, "{\"body\":{\"tools\":[" TOOL("a") "," TOOL("b") "]}}"));
    uint64_t kept = f.keeping.replay->kept;
    CHECK(kept == 2);
    CHECK(agree_text(&f, "{\"body\":{\"model\":\"m\", \"tools\": [" TOOL("a") "," TOOL("b") "]}}"));
    CHECK(f.keeping.replay->kept == kept + 1);
    CHECK(agree_text(&f, "{\"body\":{\"tools\":[" TOOL("a") "," TOOL("b") "],\"model\":\"n\"}}"));
    CHECK(f.keeping.replay->kept == kept + 1);
    kept = f.keeping.replay->kept;
    CHECK(agree_text(&f, "{\"body\":{\"tools\":[" TOOL("b") "," TOOL("a") "," TOOL("c") "]}}") && f.keeping.replay->kept > kept);
    CHECK(agree_text(&f, "{\"body\":{\"tools\":[" TOOL("c") "],\"tools\":[" TOOL("a") "]}}"));
    for (f.limits.max_depth = 12; f.limits.max_depth > 1; f.limits.max_depth--)
        CHECK(agree_text(&f, "{\"body\":{\"tools\":[" TOOL("a") "," TOOL("b") "]}}"));
    tear_down(&f);
}

/* Many known values in a row, more than were ever scanned before. */
static void takes_many_over(void) {
    enum {
        COPIES = 5000
    };
    static const char turn[] = TURN("user", "a") ",", head[] = "{\"body\":{\"messages\":[";
    fixture f;
    set_up(&f, 20u << 20);
    char *text = malloc(sizeof head + COPIES * sizeof turn + 8), *p = text;
    for (const char *c = head; *c; c++) *p++ = *c;
    for (int i = 0; i < COPIES; i++, p += sizeof turn - 1) memcpy(p, turn, sizeof turn - 1);
    memcpy(p - 1, "]}}", 3);
    CHECK(agree_text(&f, "{\"body\":{\"messages\":[" TURN("user", "a") "]}}"));
    CHECK(agree(&f, (sp_view){(const uint8_t *)text, (size_t)(p + 2 - text)}));
    free(text);
    tear_down(&f);
}

/* What only resembles a value that is kept: other bytes behind the sample, or an end in the middle. */
static void compares_all_bytes(void) {
    fixture f;
    set_up(&f, 20u << 20);
    static const char line[] = "{\"body\":{\"messages\":[" TURN("user", "a") "," TURN("user", "b") "]}}";
    char other[sizeof line];
    CHECK(agree_text(&f, line));
    for (size_t i = 0; i < sizeof line - 1; i++) {
        memcpy(other, line, sizeof line);
        other[i] = other[i] == 'q' ? 'r' : 'q';
        CHECK(agree_text(&f, other));
        CHECK(agree(&f, (sp_view){(const uint8_t *)line, i}));
    }
    tear_down(&f);
}

static void keeps_to_limits(void) {
    fixture f;
    set_up(&f, 20u << 20);
    f.limits.max_nodes = 20; /* a turn has 7 values */
    CHECK(agree_text(&f, "{\"body\":{\"messages\":[" TURN("user", "a") "]}}"));
    CHECK(agree_text(&f, "{\"body\":{\"messages\":[" TURN("user", "a") "," TURN("user", "a") "]}}"));
    CHECK(agree_text(&f, "{\"body\":{\"messages\":[" TURN("user", "a") "," TURN("user", "a") "," TURN("user", "a") "]}}"));
    CHECK(f.plain.nodes == 20 && f.keeping.nodes == 20);
    f.limits.max_nodes = 1000;
    for (f.limits.max_depth = 10; f.limits.max_depth > 1; f.limits.max_depth--)
        CHECK(agree_text(&f, "{\"body\":{\"messages\":[" TURN("user", "a") "]}}"));
    tear_down(&f);
}

/* A store that is filled many times over, and every recorded line twice. */
static void agrees_on_the_cases(void) {
    fixture f;
    sp_view all = data_file("cases.jsonl"), rest, line;
    set_up(&f, 14u << 20);
    for (int round = 0; round < 2; round++)
        for (rest = all; data_line(&rest, &line);) CHECK(agree(&f, line));
    char text[512];
    for (int i = 0; i < 60000; i++) {
        snprintf(text, sizeof text, "{\"body\":{\"messages\":[" TURN("user", "%d") "," TURN("user", "%d") "]}}", i, i - i % 7000);
        if (!agree_text(&f, text)) CHECK(i < 0);
    }
    CHECK(sp_replay_store_rounds(f.store) > 2);
    free((void *)(uintptr_t)all.p);
    tear_down(&f);
}

#define LOG(role, text) "{\"body\":{\"messages\":[" TURN(role, text) "]}}"

static sp_status scan_text(fixture *f, sp_scan *s, const char *text) {
    sp_scan_reset(s);
    return sp_scan_text(s, (sp_view){(const uint8_t *)text, strlen(text)}, &f->b.trie, BUILDER_ROOT, SP_NO_MARK);
}

/* What one table found, the others of the store know at their next exchange after it was told. */
static void tells_others(void) {
    fixture f;
    set_up(&f, 20u << 20);
    sp_scan one, other;
    sp_replay_store *store = sp_replay_store_new(&sp_alloc_std, 20u << 20, 2);
    sp_scan_init(&one, &sp_alloc_std, &f.limits);
    sp_scan_init(&other, &sp_alloc_std, &f.limits);
    one.replay = sp_replay_new(&sp_alloc_std, store, 0);
    other.replay = sp_replay_new(&sp_alloc_std, store, 1);
    CHECK(scan_text(&f, &one, LOG("user", "a")) == SP_OK && one.replay->kept == 1);
    CHECK(scan_text(&f, &other, LOG("user", "b")) == SP_OK && other.replay->kept == 1);
    CHECK(scan_text(&f, &other, LOG("user", "a")) == SP_OK && other.replay->kept == 2); /* not told yet */
    sp_replay_rest(one.replay);
    sp_replay_rest(other.replay);
    CHECK(scan_text(&f, &one, LOG("user", "b")) == SP_OK && one.replay->kept == 1);
    CHECK(one.mark_count == other.mark_count);
    CHECK(scan_text(&f, &f.plain, LOG("user", "b")) == SP_OK && one.mark_count == f.plain.mark_count);
    for (uint32_t i = 0; i < one.mark_count; i++) CHECK(marks_equal(&one.marks[i], &f.plain.marks[i]));
    sp_scan_fini(&one);
    sp_scan_fini(&other);
    sp_replay_store_free(store);
    tear_down(&f);
}

/* A table in the middle of an exchange keeps its pages: another can't fill them again, and goes on without keeping. */
static void waits_for_others(void) {
    fixture f;
    char text[512];
    set_up(&f, 20u << 20);
    sp_scan one, other;
    sp_replay_store *store = sp_replay_store_new(&sp_alloc_std, 14u << 20, 2);
    sp_scan_init(&one, &sp_alloc_std, &f.limits);
    sp_scan_init(&other, &sp_alloc_std, &f.limits);
    one.replay = sp_replay_new(&sp_alloc_std, store, 0);
    other.replay = sp_replay_new(&sp_alloc_std, store, 1);
    CHECK(scan_text(&f, &one, LOG("user", "a")) == SP_OK);
    for (int i = 0; i < 20000; i++) {
        snprintf(text, sizeof text, LOG("user", "%d"), i);
        CHECK(scan_text(&f, &other, text) == SP_OK);
    }
    CHECK(sp_replay_store_rounds(store) == 1 && other.replay->kept < 20000);
    uint64_t kept = other.replay->kept;
    sp_replay_rest(one.replay);
    for (int i = 0; i < 20000; i++) {
        snprintf(text, sizeof text, LOG("user", "%d"), i);
        CHECK(scan_text(&f, &other, text) == SP_OK);
    }
    CHECK(sp_replay_store_rounds(store) > 1 && other.replay->kept > kept);
    CHECK(scan_text(&f, &one, LOG("user", "a")) == SP_OK && one.replay->kept == 2); /* its page was filled anew */
    sp_scan_fini(&one);
    sp_scan_fini(&other);
    sp_replay_store_free(store);
    tear_down(&f);
}

/* So many turns, one a line. */
static void scan_turns(fixture *f, int count) {
    char text[512];
    for (int i = 0; i < count; i++) {
        snprintf(text, sizeof text, LOG("user", "%d"), i);
        CHECK(scan_text(f, &f->keeping, text) == SP_OK);
    }
}

/* New values take little memory, however many come; once some come again that had to go, there is room for all. */
static void grows_where_it_helps(void) {
    enum {
        TURNS = 24000 /* some 12 MiB */
    };
    fixture f;
    set_up(&f, 33u << 20);
    scan_turns(&f, TURNS);
    CHECK(f.keeping.replay->kept == TURNS && sp_replay_store_used(f.store) == 4u << 20);
    scan_turns(&f, TURNS);
    CHECK(sp_replay_store_used(f.store) > 12u << 20);
    uint64_t kept = f.keeping.replay->kept;
    scan_turns(&f, TURNS);
    CHECK(f.keeping.replay->kept - kept < TURNS / 2); /* all but those that share a slot */
    tear_down(&f);
}

static void wants_room(void) {
    CHECK(sp_replay_store_new(&sp_alloc_std, 0, 1) == NULL && sp_replay_store_new(&sp_alloc_std, 1u << 20, 1) == NULL);
    for (size_t n = 1;; n++) {
        faulty f;
        faulty_init(&f, n, 0);
        sp_replay_store *s = sp_replay_store_new(&f.alloc, 20u << 20, 2);
        sp_replay *r = s ? sp_replay_new(&f.alloc, s, 1) : NULL;
        sp_replay_free(r);
        sp_replay_store_free(s);
        CHECK(f.live == 0);
        if (r) break;
    }
}

int main(void) {
    takes_values_over();
    takes_over_outside_of_a_body();
    takes_lists_over();
    takes_many_over();
    compares_all_bytes();
    keeps_to_limits();
    agrees_on_the_cases();
    tells_others();
    waits_for_others();
    grows_where_it_helps();
    wants_room();
    return check_done();
}
