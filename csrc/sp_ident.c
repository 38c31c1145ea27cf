/* Identifiers, judged by their look. When in doubt a value is not shown: its tag still joins. */
#include "sp_ident.h"

#include "sp_hash.h"

enum {
    NAME_MAX_BYTES = 64,
    ID_REST_MAX = 64,       /* behind the prefix of a documented form */
    WRAPPED_REST_MAX = 512, /* the same where LiteLLM wrapped an id */
    HOST_MAX = 253,
    CAPITALS = 3,      /* fewer are no stretch of them */
    RANDOM_RUN = 12,   /* letters and digits in a row, from which a run is tested for looking random */
    LONG_RUN = 20,     /* … from which capitals, small letters and a digit together are enough */
    CAPITALS_RUN = 8,  /* the same for capitals with digits */
    ID_CAPITALS = 16,  /* the same in documented ids, which have 12 now and then */
    NUMBER_DIGITS = 9, /* digits of a phone, card, account or social security number, dates aside */
};

const uint8_t sp_ident_public_key[16] = {'s', 't', 'a', 't', 'e', 'p', 'r', 'i', 'n', 't', '-', 't', 'a', 'g', '-', '1'};

typedef struct pattern {
    const char *text;
    uint8_t n;
    uint8_t rest; /* credentials: how many word characters follow at least */
} pattern;
#define P(text, rest) \
    { text, sizeof(text) - 1, rest }

/* Documented id forms of the APIs: prefix, then letters, digits, `_` and `-`. By their first letters, so that few are compared. */
static const pattern id_forms[] = {
    P("agent_", 0),    P("asst_", 0),    P("batch_", 0),     P("cachedContents/", 0),
    P("call_", 0),     P("cfile_", 0),   P("chatcmpl-", 0),  P("ci_", 0),
    P("cmp_", 0),      P("cmpl-", 0),    P("cntr_", 0),      P("container_", 0),
    P("conv_", 0),     P("ctc_", 0),     P("cthr_", 0),      P("cu_", 0),
    P("encitem_", 0),  P("event_", 0),   P("fc_", 0),        P("fco_", 0),
    P("file-", 0),     P("file_", 0),    P("fs_", 0),        P("ftjob-", 0),
    P("gen-", 0),      P("ig_", 0),      P("item_", 0),      P("mcp_", 0),
    P("mcpl_", 0),     P("mcpr_", 0),    P("modelperm-", 0), P("msg_", 0),
    P("msgbatch_", 0), P("part_", 0),    P("pmpt_", 0),      P("req_", 0),
    P("resp_", 0),     P("rs_", 0),      P("run_", 0),       P("sesn_", 0),
    P("sess_", 0),     P("session-", 0), P("session_", 0),   P("skill_", 0),
    P("snapperm-", 0), P("span_", 0),    P("srvtoolu_", 0),  P("step_", 0),
    P("thread_", 0),   P("toolu_", 0),   P("tooluse_", 0),   P("trace_", 0),
    P("tsc_", 0),      P("tso_", 0),     P("upload_", 0),    P("vs_", 0),
    P("vsfb_", 0),     P("ws_", 0),
};

/* Where the forms of a letter begin; test_ident.c looks for each of them. */
static const uint8_t first_form[256] = {
    ['b'] = 2,  ['c'] = 3,  ['e'] = 16, ['f'] = 18, ['g'] = 24, ['i'] = 25, ['m'] = 27,
    ['p'] = 33, ['r'] = 35, ['s'] = 39, ['t'] = 48, ['u'] = 54, ['v'] = 55, ['w'] = 57,
};

/* How credentials begin. Word characters are letters, digits, `_` and `-`. */
static const pattern credentials[] = {
    P("sk-", 8),    P("sk_", 8),         P("pk_", 8),    P("rk_", 8),    P("ghp_", 8),   P("gho_", 8),    P("ghu_", 8),   P("ghs_", 8),
    P("ghr_", 8),   P("github_pat_", 8), P("glpat-", 8), P("xoxa-", 8),  P("xoxb-", 8),  P("xoxe-", 8),   P("xoxo-", 8),  P("xoxp-", 8),
    P("xoxr-", 8),  P("xoxs-", 8),       P("xapp-", 8),  P("AKIA", 8),   P("ASIA", 8),   P("AIza", 8),    P("ya29.", 8),  P("hf_", 8),
    P("eyJ", 8),    P("gsk_", 8),        P("lsv2_", 8),  P("whsec_", 8), P("shpat_", 8), P("dop_v1_", 8), P("nvapi-", 8), P("npm_", 16),
    P("pypi-", 16), P("SG.", 16),        P("r8_", 16),   P("tvly-", 16), P("pplx-", 24), P("xai-", 24),   P("key-", 24),
};

/* Words that announce a credential, in lower case, anywhere. */
static const pattern keywords[] = {
    P("password", 0), P("passwd", 0),   P("secret", 0),      P("bearer", 0),     P("apikey", 0),     P("api-key", 0),
    P("api_key", 0),  P("signatur", 0), P("private-key", 0), P("privatekey", 0), P("access-key", 0), P("access_key", 0),
};
static const pattern litellm = P("bGl0ZWxsbTp", 0); /* base64 of `litellm:` */
#define COUNT(table) (sizeof(table) / sizeof((table)[0]))

/* Classes of bytes: a byte of the word for each, so that the words of a text can be added up. */
#define DIGIT UINT64_C(1)
#define LOWER (UINT64_C(1) << 8)
#define UPPER (UINT64_C(1) << 16)
#define HEX (UINT64_C(1) << 24)
#define DASH (UINT64_C(1) << 32) /* with letters and digits: word characters */
#define MARK (UINT64_C(1) << 40) /* what else stands in names */
#define LEET (UINT64_C(1) << 48) /* digits that are taken for letters */
#define DOT (UINT64_C(1) << 56)
#define NAMES (DIGIT | LOWER | UPPER | MARK)
static const uint64_t classes[256] = {
    ['0'] = DIGIT | HEX | LEET,
    ['1'] = DIGIT | HEX | LEET,
    ['2'] = DIGIT | HEX,
    ['3'] = DIGIT | HEX | LEET,
    ['4'] = DIGIT | HEX | LEET,
    ['5'] = DIGIT | HEX | LEET,
    ['6'] = DIGIT | HEX,
    ['7'] = DIGIT | HEX,
    ['8'] = DIGIT | HEX,
    ['9'] = DIGIT | HEX,
    ['a'] = LOWER | HEX,
    ['b'] = LOWER | HEX,
    ['c'] = LOWER | HEX,
    ['d'] = LOWER | HEX,
    ['e'] = LOWER | HEX,
    ['f'] = LOWER | HEX,
    ['g'] = LOWER,
    ['h'] = LOWER,
    ['i'] = LOWER,
    ['j'] = LOWER,
    ['k'] = LOWER,
    ['l'] = LOWER,
    ['m'] = LOWER,
    ['n'] = LOWER,
    ['o'] = LOWER,
    ['p'] = LOWER,
    ['q'] = LOWER,
    ['r'] = LOWER,
    ['s'] = LOWER,
    ['t'] = LOWER,
    ['u'] = LOWER,
    ['v'] = LOWER,
    ['w'] = LOWER,
    ['x'] = LOWER,
    ['y'] = LOWER,
    ['z'] = LOWER,
    ['A'] = UPPER | HEX,
    ['B'] = UPPER | HEX,
    ['C'] = UPPER | HEX,
    ['D'] = UPPER | HEX,
    ['E'] = UPPER | HEX,
    ['F'] = UPPER | HEX,
    ['G'] = UPPER,
    ['H'] = UPPER,
    ['I'] = UPPER,
    ['J'] = UPPER,
    ['K'] = UPPER,
    ['L'] = UPPER,
    ['M'] = UPPER,
    ['N'] = UPPER,
    ['O'] = UPPER,
    ['P'] = UPPER,
    ['Q'] = UPPER,
    ['R'] = UPPER,
    ['S'] = UPPER,
    ['T'] = UPPER,
    ['U'] = UPPER,
    ['V'] = UPPER,
    ['W'] = UPPER,
    ['X'] = UPPER,
    ['Y'] = UPPER,
    ['Z'] = UPPER,
    ['_'] = DASH | MARK,
    ['-'] = DASH | MARK,
    ['.'] = MARK | DOT,
    [':'] = MARK,
    ['/'] = MARK,
};

static int is_a(uint8_t c, uint64_t what) { return (classes[c] & what) != 0; }
static int is_digit(uint8_t c) { return is_a(c, DIGIT); }
static int is_lower(uint8_t c) { return is_a(c, LOWER); }
static int is_upper(uint8_t c) { return is_a(c, UPPER); }
static char small(uint8_t c) { return (char)(is_upper(c) ? c | 32 : c); }
static int is_letter(uint8_t c) { return is_a(c, LOWER | UPPER); }
static int is_alnum(uint8_t c) { return is_a(c, DIGIT | LOWER | UPPER); }
static int is_word(uint8_t c) { return is_a(c, DIGIT | LOWER | UPPER | DASH); }
static int is_hex(uint8_t c) { return is_a(c, HEX); }

/* How many there are of a class: most tests need some of them, and are spared where there are none. */
typedef struct tally {
    size_t digits, uppers, words, names, hexes, leets, dots;
} tally;

static tally count(sp_view v) {
    tally t = {0};
    for (size_t i = 0; i < v.n;) {
        uint64_t sum = 0;
        for (size_t end = v.n - i > UINT8_MAX ? i + UINT8_MAX : v.n; i < end; i++) sum += classes[v.p[i]];
        size_t digits = sum / DIGIT & UINT8_MAX, uppers = sum / UPPER & UINT8_MAX, plain = digits + uppers + (sum / LOWER & UINT8_MAX);
        t.digits += digits;
        t.uppers += uppers;
        t.words += plain + (sum / DASH & UINT8_MAX);
        t.names += plain + (sum / MARK & UINT8_MAX);
        t.hexes += sum / HEX & UINT8_MAX;
        t.leets += sum / LEET & UINT8_MAX;
        t.dots += sum / DOT & UINT8_MAX;
    }
    return t;
}

static int begins(sp_view v, size_t i, const pattern *p) {
    return i < v.n && v.p[i] == (uint8_t)p->text[0] && v.n - i >= p->n && memcmp(v.p + i, p->text, p->n) == 0;
}

/* First letters of the lists, so that most bytes need no look at them; test_ident.c holds them against each other. */
enum {
    CREDENTIAL = 1,
    KEYWORD = 2, /* first letter, small or not */
    KEYWORD_SECOND = 4
};
static const uint8_t firsts[256] = {
    ['A'] = CREDENTIAL | KEYWORD | KEYWORD_SECOND,
    ['B'] = KEYWORD,
    ['C'] = KEYWORD_SECOND,
    ['E'] = KEYWORD_SECOND,
    ['I'] = KEYWORD_SECOND,
    ['P'] = KEYWORD | KEYWORD_SECOND,
    ['R'] = KEYWORD_SECOND,
    ['S'] = CREDENTIAL | KEYWORD,
    ['a'] = KEYWORD | KEYWORD_SECOND,
    ['b'] = KEYWORD,
    ['c'] = KEYWORD_SECOND,
    ['d'] = CREDENTIAL,
    ['e'] = CREDENTIAL | KEYWORD_SECOND,
    ['g'] = CREDENTIAL,
    ['h'] = CREDENTIAL,
    ['i'] = KEYWORD_SECOND,
    ['k'] = CREDENTIAL,
    ['l'] = CREDENTIAL,
    ['n'] = CREDENTIAL,
    ['p'] = CREDENTIAL | KEYWORD | KEYWORD_SECOND,
    ['r'] = CREDENTIAL | KEYWORD_SECOND,
    ['s'] = CREDENTIAL | KEYWORD,
    ['t'] = CREDENTIAL,
    ['w'] = CREDENTIAL,
    ['x'] = CREDENTIAL,
    ['y'] = CREDENTIAL,
};

static int is_credential(sp_view v, size_t i) {
    int found = 0;
    for (size_t k = 0; k < COUNT(credentials) && !found; k++) {
        const pattern *p = &credentials[k];
        if (begins(v, i, p)) {
            size_t rest = 0;
            while (rest < p->rest && i + p->n + rest < v.n && is_word(v.p[i + p->n + rest])) rest++;
            found = rest == p->rest;
        }
    }
    return found;
}

static int is_keyword(sp_view v, size_t i) {
    int found = 0;
    for (size_t k = 0; k < COUNT(keywords) && !found; k++) {
        size_t j = 0;
        while (j < keywords[k].n && i + j < v.n && keywords[k].text[j] == small(v.p[i + j])) j++;
        found = j == keywords[k].n;
    }
    return found;
}

/* Credentials begin a word. */
static int has_credential(sp_view v) {
    int found = 0, inside = 0;
    for (size_t i = 0; i + 1 < v.n && !found; i++) {
        uint8_t first = firsts[v.p[i]];
        if (first & CREDENTIAL && !inside) found = is_credential(v, i);
        if (first & KEYWORD && firsts[v.p[i + 1]] & KEYWORD_SECOND) found = found || is_keyword(v, i);
        inside = is_alnum(v.p[i]);
    }
    return found;
}

/* A stretch of capitals, or of capitals and digits, without a lower-case letter: at least so many of them. */
static int has_capitals(const uint8_t *p, size_t n, size_t alone, size_t with_digits) {
    size_t stretch = 0, upper = 0;
    int found = 0;
    for (size_t i = 0; i < n; i++) {
        stretch = is_upper(p[i]) || is_digit(p[i]) ? stretch + 1 : 0;
        upper = stretch ? upper + (size_t)is_upper(p[i]) : 0;
        found |= upper >= CAPITALS && stretch >= (stretch > upper ? with_digits : alone);
    }
    return found;
}

/* A run of letters and digits that no word gives: capitals with digits among them, hexadecimal digits, digits in several places, or
   case that jumps. A lower-case stretch of one or two letters jumps at each end that a capital makes; those of CamelCase are longer. */
static int looks_random(const uint8_t *p, size_t n) {
    size_t digits = 0, upper = 0, hex = 0, kinds = 0, jumps = 0, low = 0;
    for (size_t i = 0; i < n; i++) {
        digits += (size_t)is_digit(p[i]);
        upper += (size_t)is_upper(p[i]);
        hex += (size_t)is_hex(p[i]);
        if (i) kinds += is_digit(p[i]) != is_digit(p[i - 1]);
        low = is_lower(p[i]) ? low + 1 : 0;
        if ((low == 1 || low == 2) && (i + 1 == n || !is_lower(p[i + 1])))
            jumps += (size_t)(i >= low && is_upper(p[i - low])) + (size_t)(i + 1 < n && is_upper(p[i + 1]));
    }
    return has_capitals(p, n, RANDOM_RUN, CAPITALS_RUN) ||
           (n >= RANDOM_RUN && (5 * jumps >= n || (digits >= 2 && (kinds >= 2 || hex == n)))) ||
           (n >= LONG_RUN && digits && upper && digits + upper < n);
}

static int has_random_run(sp_view v) {
    int found = 0;
    for (size_t i = 0; i < v.n && !found;) {
        size_t end = i;
        while (end < v.n && is_alnum(v.p[end])) end++;
        found = end - i >= CAPITALS_RUN && looks_random(v.p + i, end - i);
        i = end + 1;
    }
    return found;
}

/* Digits that stand for letters, in two places: a password ("n0t-r3al"). Names have one such place at most ("gpt4all"). */
static int has_leet(sp_view v) {
    size_t places = 0;
    for (size_t i = 1; i + 1 < v.n; i++) places += (size_t)(is_a(v.p[i], LEET) && is_lower(v.p[i - 1]) && is_lower(v.p[i + 1]));
    return places >= 2;
}

/* Length of a date of this or the last century at i, YYYYMMDD or YYYY-MM-DD, or 0. */
static size_t date_at(sp_view v, size_t i) {
    size_t n = v.n - i, len = n >= 10 && v.p[i + 4] == '-' && v.p[i + 7] == '-' ? 10 : 8;
    const uint8_t *p = v.p + i, *m = p + (len == 10 ? 5 : 4), *d = p + (len == 10 ? 8 : 6);
    int good = n >= len && ((p[0] == '1' && p[1] == '9') || (p[0] == '2' && p[1] == '0'));
    good = good && is_digit(p[2]) && is_digit(p[3]) && is_digit(m[0]) && is_digit(m[1]) && is_digit(d[0]) && is_digit(d[1]);
    good = good && (m[0] == '0' ? m[1] > '0' : m[0] == '1' && m[1] <= '2') && d[0] <= '3';
    good = good && (i == 0 || !is_digit(v.p[i - 1])) && (n == len || !is_digit(p[len]));
    return good ? len : 0;
}

/* Phone, card, account, social security numbers; IPv4 addresses. Digits may be grouped by one of `-._:/`. */
static int has_number(sp_view v) {
    int found = 0;
    for (size_t i = 0; i < v.n && !found;) {
        size_t digits = 0, group = 0, dots = 0, date;
        int octets = 1;
        while (i < v.n && (is_digit(v.p[i]) || (i + 1 < v.n && is_digit(v.p[i + 1]) && memchr("-._:/", v.p[i], 5)))) {
            date = date_at(v, i);
            if (date) {
                i += date;
                octets = 0;
            } else if (is_digit(v.p[i++])) {
                digits++;
                octets = octets && ++group <= 3;
            } else {
                octets = octets && (v.p[i - 1] == '.' || !group); /* a separator may stand before the first digit */
                dots += group > 0;
                group = 0;
            }
        }
        found = digits >= NUMBER_DIGITS || (octets && dots == 3);
        i++;
    }
    return found;
}

/* The only shape of "jane.doe", and of plain host names. */
static int is_dotted_words(sp_view v) {
    size_t dots = 0, letters = 0;
    for (size_t i = 0; i < v.n; i++) {
        dots += v.p[i] == '.';
        letters += (size_t)is_letter(v.p[i]);
    }
    return dots && dots + letters == v.n;
}

static int is_suspect(sp_view v, tally t) {
    return has_credential(v) || has_random_run(v) || ((t.digits >= NUMBER_DIGITS || t.dots >= 3) && has_number(v));
}

static int is_uuid(sp_view v) {
    int good = v.n == 36;
    for (size_t i = 0; good && i < 36; i++) good = i == 8 || i == 13 || i == 18 || i == 23 ? v.p[i] == '-' : is_hex(v.p[i]);
    return good;
}

static const pattern *form_of(sp_view v) {
    const pattern *form = NULL;
    for (size_t k = v.n ? first_form[v.p[0]] : COUNT(id_forms); k < COUNT(id_forms) && id_forms[k].text[0] == (char)v.p[0] && !form; k++)
        if (begins(v, 0, &id_forms[k])) form = &id_forms[k];
    return form;
}

int sp_ident_wrapped(sp_view v) {
    const pattern *form = v.n > litellm.n ? form_of(v) : NULL;
    return form && begins(v, form->n, &litellm);
}

sp_view sp_ident_inner(sp_view v, uint8_t *out) {
    static const pattern mark = P("response_id:", 0);
    const pattern *form = sp_ident_wrapped(v) ? form_of(v) : NULL;
    size_t n = form ? sp_base64(v.p + form->n, v.n - form->n, out) : SIZE_MAX, at = n, end;
    if (n == SIZE_MAX) return v;
    while (at && !begins((sp_view){out, n}, at, &mark)) at--;
    if (!begins((sp_view){out, n}, at, &mark)) return v;
    for (end = at += mark.n; end < n && out[end] != ';';) end++;
    return end > at ? (sp_view){out + at, end - at} : v;
}

/* Ids are random by nature, so only what ids do not look like is sorted out: credentials, numbers, capitals alone. */
static int is_documented_id(sp_view v) {
    const pattern *form = form_of(v);
    int good = 0;
    sp_view rest = form ? (sp_view){v.p + form->n, v.n - form->n} : v;
    int wrapped = form && begins(rest, 0, &litellm);
    if (wrapped)
        for (unsigned k = 0; k < 2 && rest.p[rest.n - 1] == '='; k++) rest.n--;
    if (form && rest.n && rest.n <= (wrapped ? WRAPPED_REST_MAX : ID_REST_MAX)) {
        tally t = count(rest);
        good = t.words == rest.n && is_alnum(rest.p[rest.n - 1]);
        if (!wrapped && t.uppers >= CAPITALS && has_capitals(rest.p, rest.n, ID_CAPITALS, ID_CAPITALS)) good = 0;
        if (t.digits >= NUMBER_DIGITS && t.digits + 4 >= rest.n && has_number(rest)) good = 0;
        good = good && (is_uuid(rest) || !has_credential(rest));
    }
    return good;
}

/* `@` begins the version of a model at Google (@20250929, @001, @default, @latest) or the name of one at Cloudflare (@cf/, @hf/). */
static int is_at_sign_good(sp_view v, size_t i) {
    sp_view rest = {v.p + i + 1, v.n - i - 1};
    size_t digits = 0;
    while (digits < rest.n && is_digit(rest.p[digits])) digits++;
    return i == 0
               ? rest.n > 3 && (memcmp(rest.p, "cf/", 3) == 0 || memcmp(rest.p, "hf/", 3) == 0)
               : (digits && digits == rest.n && digits <= 8) || sp_view_eq(rest, SP_VIEW("default")) || sp_view_eq(rest, SP_VIEW("latest"));
}

static int is_name(sp_view v, tally t) {
    int good = v.n > 0 && is_alnum(v.p[v.n - 1]) && (is_alnum(v.p[0]) || v.p[0] == '@');
    for (size_t i = 0; good && t.names < v.n && i < v.n; i++) good = v.p[i] == '@' ? is_at_sign_good(v, i) : is_a(v.p[i], NAMES);
    for (size_t i = 1; good && i < v.n; i++)
        if (v.p[i] == v.p[i - 1] && memchr("./-", v.p[i], 3)) good = 0; /* paths, URLs, PEM lines */
    return good && !(t.dots && is_dotted_words(v)) && !(t.leets >= 2 && has_leet(v)) && !is_suspect(v, t);
}

int sp_ident_shows(sp_view v) { return is_uuid(v) || is_documented_id(v) || (v.n <= NAME_MAX_BYTES && is_name(v, count(v))); }

/* Loopback and private networks (RFC 1918); `v` has no port. */
static int is_private_address(sp_view v) {
    unsigned octet[4] = {0, 0, 0, 0}, at = 0;
    int good = v.n >= 7 && v.n <= 15;
    for (size_t i = 0; good && i < v.n; i++) {
        if (v.p[i] == '.') good = ++at < 4;
        else if (is_digit(v.p[i])) octet[at] = 10 * octet[at] + (v.p[i] & 15u);
        else good = 0;
    }
    return good && at == 3 &&
           (octet[0] == 10 || octet[0] == 127 || (octet[0] == 192 && octet[1] == 168) ||
            (octet[0] == 172 && octet[1] >= 16 && octet[1] < 32) || (octet[0] | octet[1] | octet[2] | octet[3]) == 0);
}

int sp_ident_host_shows(sp_view host) {
    sp_view name = host;
    const uint8_t *colon = host.n ? memchr(host.p, ':', host.n) : NULL;
    size_t port = 0;
    int good = 1;
    if (colon) {
        name.n = (size_t)(colon - host.p);
        port = host.n - name.n - 1;
        good = port > 0 && port <= 5;
        for (size_t i = name.n + 1; i < host.n; i++) good = good && is_digit(host.p[i]);
    }
    good = good && name.n > 0 && name.n <= HOST_MAX && is_alnum(name.p[0]);
    for (size_t i = 0; good && i < name.n; i++)
        good = is_word(name.p[i]) || (name.p[i] == '.' && (i + 1 == name.n || name.p[i + 1] != '.'));
    return good && (is_private_address(name) || !is_suspect(name, count(name)));
}

size_t sp_ident_tag(const uint8_t key[16], sp_view v, char out[64]) {
    const pattern *form = form_of(v);
    sp_digest d = sp_siphash128(key, v.p, v.n);
    size_t n = form ? form->n : 0;
    if (form) memcpy(out, form->text, n);
    out[n++] = '~';
    sp_hex(d.b, 8, out + n);
    return n + 16;
}
