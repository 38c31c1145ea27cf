/* A path trie out of a list of pointers, for tests, fuzzing and benchmarks. No escapes (~0 ~1) in the pointers. */
#ifndef TRIE_BUILDER_H
#define TRIE_BUILDER_H

#include <stdlib.h>
#include <string.h>

#include "sp_trie.h"

enum {
    BUILDER_NODES = 256,
    BUILDER_EDGES = 1024,
    BUILDER_ROOT = 1
};

typedef struct trie_builder {
    sp_trie trie;
    sp_node nodes[BUILDER_NODES];
    sp_edge edges[BUILDER_EDGES];
    uint64_t near[BUILDER_NODES];
} trie_builder;

static inline sp_digest builder_hash(const char *name, size_t n) {
    uint8_t text[256] = {'"'};
    if (n >= sizeof text) abort();
    memcpy(text + 1, name, n);
    return sp_x128(text, n + 1);
}

static inline void builder_init(trie_builder *b) {
    memset(b, 0, sizeof *b);
    b->trie = (sp_trie){.nodes = b->nodes, .node_count = 2, .edges = b->edges, .edge_mask = BUILDER_EDGES - 1, .near = b->near};
}

static inline uint32_t builder_step(trie_builder *b, uint32_t at, const char *name, size_t n) {
    int star = n == 1 && name[0] == '*';
    sp_digest h = builder_hash(name, n);
    uint32_t child = star ? b->nodes[at].star : sp_trie_member(&b->trie, at, &h, (const uint8_t *)name, n);
    if (child != SP_NODE_DEAD && (star || child != b->nodes[at].star)) return child;
    child = b->trie.node_count++;
    if (child >= BUILDER_NODES) abort();
    b->nodes[child] = (sp_node){.parent = at, .stars = (uint16_t)(b->nodes[at].stars + star)};
    if (star) {
        b->nodes[at].star = child;
        return child;
    }
    b->nodes[child].name = (sp_view){(const uint8_t *)name, n};
    b->nodes[at].names |= sp_trie_bit(&h);
    if (sp_is_index((const uint8_t *)name, n)) b->nodes[at].flags |= SP_NODE_INDEX;
    uint64_t k = sp_trie_hash(at, &h);
    uint32_t i = (uint32_t)(k >> 32) & b->trie.edge_mask;
    while (b->edges[i].child) i = (i + 1) & b->trie.edge_mask;
    b->edges[i] = (sp_edge){k, at, child};
    return child;
}

/* The node at `pointer` ("" is the root), with `flags` added. The text of the pointer must stay. */
static inline uint32_t builder_add(trie_builder *b, const char *pointer, unsigned flags) {
    uint32_t at = BUILDER_ROOT;
    while (*pointer == '/') {
        const char *name = pointer + 1;
        size_t n = strcspn(name, "/");
        at = builder_step(b, at, name, n);
        pointer = name + n;
    }
    b->nodes[at].flags = (uint16_t)(b->nodes[at].flags | flags);
    return at;
}

static inline void builder_near(trie_builder *b, const char *name) {
    uint8_t skeleton[256];
    size_t n = strlen(name);
    if (n > sizeof skeleton || b->trie.near_count >= BUILDER_NODES) abort();
    uint64_t h = sp_x64(skeleton, sp_near_skeleton((const uint8_t *)name, n, skeleton));
    uint32_t i = b->trie.near_count++;
    for (; i && b->near[i - 1] > h; i--) b->near[i] = b->near[i - 1];
    b->near[i] = h;
}

/* What a pack would make of a log line {"body": payload, "headers": …}, roughly. The payload's node is returned. */
static inline uint32_t builder_sample(trie_builder *b) {
    static const char *const marks[] = {"/body/model",
                                        "/body/store",
                                        "/body/stream",
                                        "/body/previous_response_id",
                                        "/body/conversation",
                                        "/body/messages/*",
                                        "/body/messages/*/role",
                                        "/body/messages/*/content",
                                        "/body/messages/*/content/*/cache_control",
                                        "/body/input",
                                        "/body/input/*",
                                        "/body/input/*/role",
                                        "/body/input/*/content",
                                        "/body/input/*/id",
                                        "/body/tools",
                                        "/body/tools/*/type",
                                        "/body/system",
                                        "/body/instructions",
                                        "/body/contents/*",
                                        "/body/contents/*/role",
                                        "/body/metadata/user_id",
                                        "/body/thread_id",
                                        "/url",
                                        "/method",
                                        "/status",
                                        "/response/id",
                                        "/response/model",
                                        "/response/usage/*",
                                        "/headers/*"};
    builder_init(b);
    uint32_t body = builder_add(b, "/body", SP_NODE_MARK | SP_NODE_SCOPE | SP_NODE_HASH | SP_NODE_BODY | SP_NODE_NEAR);
    for (size_t i = 0; i < sizeof marks / sizeof marks[0]; i++) builder_add(b, marks[i], SP_NODE_MARK);
    builder_add(b, "/headers", SP_NODE_FOLD);
    builder_add(b, "/headers/x-api-key", SP_NODE_MARK);
    builder_near(b, "store");
    builder_near(b, "previous_response_id");
    return body;
}

#endif
