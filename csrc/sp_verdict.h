/* What one exchange means: marks, URL and headers → operation, facts, verdict, evidence. */
#ifndef SP_VERDICT_H
#define SP_VERDICT_H

#include "sp_replay.h"
#include "sp_rules_impl.h"
#include "sp_url.h"

typedef enum sp_body_state {
    SP_BODY_FULL,
    SP_BODY_TRUNCATED,
    SP_BODY_OFFLOADED,
    SP_BODY_REDACTED,
    SP_BODY_ENCRYPTED,
    SP_BODY_ABSENT,
    SP_BODY_STATE_COUNT
} sp_body_state;
extern const char *const sp_body_state_names[];

/* What a log may say of an exchange and has no column for. X(NAME, "name"). */
#define SP_SAID(X)        \
    X(METHOD, "method")   \
    X(URL, "url")         \
    X(HEADERS, "headers") \
    X(RESPONSE, "response")
typedef enum sp_said {
#define X(name, text) SP_SAID_##name,
    SP_SAID(X)
#undef X
    SP_SAID_COUNT
} sp_said;
extern const char *const sp_said_names[];

/* What is known of an exchange beside its marks. */
typedef struct sp_facts_in {
    sp_view method, url;
    int64_t status, time; /* SP_NULL_INT: unknown; time in microseconds */
    sp_body_state body;
    uint8_t clock;           /* sp_clock: how the log writes the time */
    uint8_t body_unreadable; /* there, and no JSON: what it asks for can't be seen */
    uint8_t embedded_too_deep;
    uint32_t provider;              /* sp_name of who is asked, where the log says so and the host does not; or 0 */
    uint8_t no_headers;             /* the log has none of this exchange */
    uint8_t response;               /* the log has one, of whatever form */
    uint8_t grade;                  /* sp_grade */
    uint8_t partial;                /* the log has not the payload as it was sent: what is not there proves nothing */
    const struct sp_format *format; /* whose markers count, too, or NULL */
    const sp_mark *marks;           /* of the envelope and of all that was opened */
    uint32_t lo, hi;                /* range of the marks that count */
    uint32_t stream_lo, stream_hi;  /* those of a streamed response's events */
} sp_facts_in;

typedef struct sp_clue { /* a piece of evidence */
    const sp_entry *rule;
    uint32_t fact; /* UINT32_MAX: it only denies, or is a mismatch */
    uint8_t basis, holds, place;
    uint32_t mark; /* SP_NO_MARK: none */
    uint32_t node; /* place without a mark */
    sp_view text;  /* value from the URL */
} sp_clue;

typedef struct sp_verdict {
    const sp_host *host;
    const sp_operation *operation; /* NULL: unknown */
    uint8_t by_shape;
    sp_name provider; /* 0: unknown */
    sp_name as;       /* whose paths it has: behind a gateway, those of the provider there */
    sp_view region;
    sp_facts facts;
    sp_state state;
    sp_view rule;
    int confidence; /* sp_basis, or -1 */
    sp_view missing;
    uint32_t flags;
    const sp_view *fact_names; /* by effect, then in the order of the packs */
    uint32_t fact_count;
    unsigned effects;     /* a bit for each sp_effect */
    const sp_clue *clues; /* none where the judge was not asked for them */
    uint32_t clue_count;
} sp_verdict;

#define SP_MAX_CATCHES 16
#define SP_TESTED 1024u /* outcomes of tests that are remembered */
#define SP_HOST_MEMOS 64u
#define SP_URL_MEMOS 512u
#define SP_LISTED_ENDPOINTS 128u
#define SP_LISTED_CATCHES 6u
#define SP_VERDICT_MEMOS 1024u
#define SP_MEMO_FACTS 24u /* a verdict with more facts, or a longer list of what is missing, is not remembered */
#define SP_MEMO_MISSING 160u

/* A URL that was seen, and what it led to at the last provider and method. */
typedef struct sp_url_memo {
    uint16_t n;                    /* 0: free */
    uint8_t text[256], store[264]; /* store: host and segments, a / behind each of these */
    sp_url url;
    uint8_t found, listed; /* found: `url` is that of `provider`; listed: 1 yes, 2 it can't be */
    sp_name provider, method, as;
    uint32_t count;
    uint16_t endpoints[SP_LISTED_ENDPOINTS];
    uint32_t catch_count; /* of the only endpoint, where there is one alone */
    sp_catch catches[SP_LISTED_CATCHES];
} sp_url_memo;

/* All that a verdict depends on, beside the bits. Compared as bytes: no padding, or zero. */
typedef struct sp_grounds {
    const sp_operation *operation;
    const sp_format *format; /* if it has markers */
    const sp_host *host;
    sp_name provider, as, method;
    uint32_t era; /* between which dates of the rules it happened */
    uint8_t by_shape, odd, ambiguous, body, body_unreadable, embedded_too_deep, method_has_body, no_method, no_headers, has_url,
        status_class, partial;
} sp_grounds;

typedef struct sp_verdict_memo {
    uint64_t key; /* 0: free */
    sp_verdict out;
    sp_view fact_names[SP_MEMO_FACTS];
    uint8_t missing[SP_MEMO_MISSING];
} sp_verdict_memo;

/* A value of a node, and the tests that it passes. Roles, types and names of models repeat. */
typedef struct sp_tested {
    uint32_t node; /* 0: free */
    uint16_t form;
    uint8_t n, count;
    uint8_t text[40];
    uint32_t tests[6];
} sp_tested;

/* Scratch of one thread. */
typedef struct sp_judge {
    const sp_rules *rules;
    const sp_alloc *alloc;
    sp_arena arena; /* reset with sp_judge_reset */
    uint64_t *bits;
    uint32_t *bit_mark;              /* first mark that set a bit */
    uint32_t *each_mark, *each_bits; /* mark: of the element under way, or SP_NO_MARK */
    uint32_t *touched, touched_n;    /* those with an element */
    const sp_replay *replay;         /* of the scan whose marks are looked at */
    uint64_t *known_bits;            /* as bits, each_mark, each_bits, touched: while a known value is looked into */
    uint32_t *known_each, *known_each_bits, *known_touched;
    uint32_t *first; /* first present value of a node, +1; valid for `stamp` */
    uint32_t *stamps;
    uint32_t stamp;
    sp_name method; /* interned, 0: no rule names it */
    struct sp_host_memo {
        uint64_t key;  /* hash of host and port */
        uint8_t known; /* 0: `host` is not told yet */
        uint32_t host; /* index + 1, or 0: none */
        sp_view region;
        char text[104]; /* the host, and its region inside */
        uint8_t n;
    } * hosts;                 /* SP_HOST_MEMOS of them: hosts whose rule has no condition but the pattern */
    sp_url_memo *urls;         /* SP_URL_MEMOS of them */
    sp_tested *tested;         /* SP_TESTED of them */
    sp_verdict_memo *verdicts; /* SP_VERDICT_MEMOS of them, or NULL while none was needed, and … */
    uint8_t *verdict_grounds;  /* … for each its sp_grounds and bits */
    uint8_t looked;            /* the bits are those of the exchange that comes next: sp_judge_look was called for it */
    uint8_t wants_clues;
    uint8_t has_url, odd, ambiguous; /* of the URL, and of what was made of it */
    SP_VEC(sp_clue) clues;
    sp_url *url;           /* as it is spelled, then as the provider knows it: in … */
    sp_url_memo *url_memo; /* … this, where it is remembered; else in … */
    sp_url own_url;
    sp_catch catches[SP_MAX_CATCHES];
    uint32_t catch_count;
    struct sp_param {
        uint32_t node;
        sp_view value;
    } params[64]; /* query parameters and path catches that rules look at */
    uint32_t param_count;
    sp_verdict out;
} sp_judge;

sp_status sp_judge_init(sp_judge *j, const sp_rules *r, const sp_alloc *a);
void sp_judge_reset(sp_judge *j);
void sp_judge_fini(sp_judge *j);

/* Judges one exchange; j->out holds until the next call. */
sp_status sp_judge_exchange(sp_judge *j, const sp_facts_in *in);
/* Parts of it, of sp_find.c. */
sp_status spi_read_url(sp_judge *j, const sp_facts_in *in);
void spi_query_params(sp_judge *j);
void spi_find_host(sp_judge *j, const sp_facts_in *in);
sp_status spi_find_operation(sp_judge *j, const sp_facts_in *in);
static inline int spi_in_force(int64_t from, int64_t until, int64_t time) {
    return time == SP_NULL_INT ? until == INT64_MAX : from <= time && time < until;
}

/* Only the bits of the conditions over the marks (for wrappers and body rules). */
void sp_judge_look(sp_judge *j, const sp_facts_in *in, int skip_state);
int sp_judge_holds(const sp_judge *j, const sp_facts_in *in, sp_cond c);

/* The first mark of a node with a value other than null, or SP_NO_MARK. */
uint32_t sp_judge_first(const sp_judge *j, uint32_t node);
/* The value of the first of these nodes that has one: text, number or literal; p NULL if none. Query and path included. */
sp_view sp_judge_value(const sp_judge *j, const sp_mark *marks, sp_list nodes, uint32_t *mark);
uint16_t sp_mark_form(const sp_mark *m);

#endif
