/* URLs, hosts and path patterns. */
#ifndef SP_URL_H
#define SP_URL_H

#include "sp_arena.h"
#include "sp_rules_impl.h"

#define SP_MAX_SEGMENTS 48

typedef struct sp_url {
    sp_view host;  /* lower case, without port and user; p NULL: the URL names none */
    uint32_t port; /* 0: none named */
    sp_view segments[SP_MAX_SEGMENTS];
    uint32_t count;
    sp_view query;                /* as written, after `?` */
    uint8_t present;              /* there is a URL at all */
    uint8_t odd;                  /* spelled in a way that servers read differently */
    uint8_t ambiguous;            /* … and they may take it for another operation */
    uint8_t encoded_slash, upper; /* some segment has %2F; the path has capital letters */
} sp_url;

/* Normalises after RFC 3986: one decoding per segment, no segments out of %2F, dot segments resolved, empty ones dropped. Texts live in
   `arena`, one after the other with / between. Returns SP_ERR_NOMEM, or SP_OK (a URL with too many segments keeps the first and is ambiguous). */
sp_status sp_url_parse(sp_view text, sp_arena *arena, sp_url *out);

typedef struct sp_catch { /* what a {name} caught */
    sp_name name;
    sp_view value;
} sp_catch;

/* Whether the host matches; *region gets what {region} caught. */
int sp_host_match(sp_view pattern, sp_view host, sp_view *region);
/* Whether segments [0, count) match; fills at most `cap` catches. fold: capital letters of the path count as small ones. */
int sp_path_match(const sp_rules *r, const sp_pattern *p, const sp_url *u, int fold, sp_catch *catches, uint32_t cap, uint32_t *n);
/* Percent-decodes (`plus`: + is a blank). Returns the length; out needs t.n bytes. */
size_t sp_percent_decode(sp_view t, int plus, uint8_t *out);
/* Glob: `*`, `[…]` with ranges; both in lower case. Linear but for the number of stars. */
int sp_glob(sp_view pattern, sp_view text);

#endif
