/* The splitter: one walk over brackets and strings. */
#include "sp_split.h"

#define NONE UINT32_MAX
#define NOWHERE UINT64_MAX
#define KEY_BYTES (6 * SP_SPLIT_NAME_BYTES + 2) /* a name of a pointer, all of it escaped, in quotes */

enum {
    OTHER,
    SPACE,
    FEED,
    QUOTE,
    OPENS,
    CLOSES,
    COMMA
};
static const uint8_t classes[256] = {[' '] = SPACE, ['\t'] = SPACE, ['\r'] = SPACE, ['\n'] = FEED,  ['"'] = QUOTE,
                                     ['{'] = OPENS, ['['] = OPENS,  ['}'] = CLOSES, [']'] = CLOSES, [','] = COMMA};

/* ---- pointers ------------------------------------------------------------------------------------------------------------------------ */

/* The first ones are names that nothing but such an envelope has; the others may also be members of a payload. */
static const char usual[] = "/Records\n/Events\n/logEvents\n/log/entries\n/http_interactions\n/resourceSpans/*/scopeSpans/*/spans\n"
                            "/resourceLogs/*/scopeLogs/*/logRecords\n/records\n/events\n/data\n/runs\n/result\n/interactions\n/*/spans";
#define USUAL_SURE 7

static sp_status add_name(sp_split_paths *x, uint32_t i, sp_view t) {
    size_t from = x->text_n;
    if (x->depth[i] == SP_SPLIT_PATH_DEPTH || t.n > SP_SPLIT_NAME_BYTES || t.n > sizeof x->text - x->text_n) return SP_ERR_SYNTAX;
    for (size_t k = 0; k < t.n; k++) {
        uint8_t c = t.p[k];
        if (c == '~') {
            if (++k == t.n || (t.p[k] != '0' && t.p[k] != '1')) return SP_ERR_SYNTAX;
            c = t.p[k] == '0' ? '~' : '/';
        }
        x->text[x->text_n++] = c;
    }
    x->name[i][x->depth[i]++] = (sp_view){x->text + from, x->text_n - from};
    return SP_OK;
}

sp_status sp_split_paths_init(sp_split_paths *x, const char *pointers) {
    const char *p = pointers ? pointers : usual;
    memset(x, 0, sizeof *x);
    for (;;) {
        const char *end = p + strcspn(p, "\n"), *from = p;
        uint32_t i = x->n;
        if (i == SP_SPLIT_PATHS || *p != '/') return SP_ERR_SYNTAX;
        x->pointer[i] = (sp_view){(const uint8_t *)p, (size_t)(end - p)};
        while (from < end) {
            const char *name = from + 1, *slash = memchr(name, '/', (size_t)(end - name));
            from = slash ? slash : end;
            SP_TRY(add_name(x, i, (sp_view){(const uint8_t *)name, (size_t)(from - name)}));
        }
        x->n++;
        if (*end == 0) break;
        p = end + 1;
    }
    x->sure = pointers ? UINT32_MAX : (1u << USUAL_SURE) - 1;
    return SP_OK;
}

static uint32_t all_of(const sp_split_paths *x) { return x->n == 32 ? UINT32_MAX : (1u << x->n) - 1; }

/* Those of `set` whose name number k is this one. */
static uint32_t named(const sp_split_paths *x, uint32_t set, uint32_t k, sp_view name) {
    uint32_t out = 0;
    for (uint32_t rest = set; rest; rest &= rest - 1) {
        uint32_t i = (uint32_t)__builtin_ctz(rest);
        if (x->depth[i] > k && sp_view_eq(x->name[i][k], name)) out |= 1u << i;
    }
    return out;
}

/* Those of `set` that end here. */
static uint32_t ending(const sp_split_paths *x, uint32_t set, uint32_t depth) {
    uint32_t out = 0;
    for (uint32_t rest = set; rest; rest &= rest - 1) {
        uint32_t i = (uint32_t)__builtin_ctz(rest);
        if (x->depth[i] == depth) out |= 1u << i;
    }
    return out;
}

/* ---- state --------------------------------------------------------------------------------------------------------------------------- */

void sp_split_init(sp_split *s, const sp_kernel *k, const sp_split_paths *paths, uint64_t at) {
    memset(s, 0, sizeof *s);
    s->kernel = k;
    s->paths = paths;
    s->at = s->line_start = at;
    s->line = 1;
    s->pointer = -1;
    s->column = -1;
    s->prev_at = NOWHERE;
    s->record_depth = NONE;
    s->match[1] = all_of(paths);
}

static int is_object(const sp_split *s, uint32_t level) { return s->kinds[(level - 1) / 64] >> ((level - 1) & 63) & 1; }

static int at_record(const sp_split *s) { return s->depth == 0 || s->depth == s->array_depth || (s->depth == 1 && s->top_array); }

static int begins_line(const sp_split *s) { return s->prev_at == NOWHERE || s->prev_at < s->line_start; }

static void mark(sp_split *s, uint8_t c, uint64_t at) {
    s->prev = c;
    s->prev_at = at;
}

static void new_line(sp_split *s, uint64_t at, uint8_t before) {
    s->line++;
    s->line_start = at + 1;
    s->crlf |= before == '\r';
}

static void begin(sp_split *s, uint64_t at) {
    s->open = 1;
    s->start = at;
    s->start_line = s->line;
    s->record_depth = s->depth;
    s->broken = 0;
    if (begins_line(s)) s->column = (int64_t)(at - s->line_start);
}

static void end_record(sp_split *s) {
    s->torn |= s->broken;
    s->broken = s->open = 0;
    s->scalar = s->look = 0;
    s->record_depth = NONE;
}

static int emit(sp_split *s, uint64_t end, sp_piece *piece) {
    *piece = (sp_piece){s->start, end, s->start_line, 0};
    end_record(s);
    return 1;
}

/* A record that is not JSON ends before the one that begins now, as its bytes and their line say. */
static int give_up(sp_split *s, uint64_t end, sp_piece *piece) {
    s->broken = 1;
    s->depth = s->record_depth;
    return emit(s, end, piece);
}

static uint64_t behind_value(const sp_split *s) { return s->prev == ',' ? s->prev_at : s->prev_at + 1; }

/* Whether documents stand on a line each and this one, before it ended, is followed by the next. */
static int cut_by_line(const sp_split *s, uint8_t c, uint64_t at) { return s->by_line && s->depth && c == '{' && at == s->line_start; }

/* So the document was cut: what is under way ends, or else the line feed is shown as a record that can't be read. */
static int cut_document(sp_split *s, uint64_t end, sp_piece *piece) {
    *piece = s->open ? (sp_piece){s->start, end, s->start_line, 0} : (sp_piece){s->line_start - 1, s->line_start, s->line - 1, 0};
    s->broken = 1;
    end_record(s);
    s->depth = s->array_depth = 0;
    s->maybe = s->value = 0;
    s->top_array = 0;
    s->match[1] = all_of(s->paths);
    return 1;
}

/* The document, or the element of an array, that is under way holds records, and is none. */
static void hold(sp_split *s, uint32_t set, uint32_t array_depth) {
    uint32_t i = (uint32_t)__builtin_ctz(set);
    if (s->pointer < 0) s->pointer = (int)i;
    s->seen |= 1u << i;
    for (uint32_t d = 1; d <= s->depth && d <= SP_SPLIT_PATH_DEPTH; d++) s->match[d] &= 1u << i;
    s->array_depth = array_depth;
    s->column = -1;
    end_record(s);
}

static void push(sp_split *s, int object, uint32_t match) {
    s->depth++;
    if (s->depth <= SP_SPLIT_DEPTH) {
        uint64_t bit = (uint64_t)1 << ((s->depth - 1) & 63), *word = &s->kinds[(s->depth - 1) / 64];
        *word = object ? *word | bit : *word & ~bit;
    }
    if (s->depth <= SP_SPLIT_PATH_DEPTH) s->match[s->depth] = match;
}

static uint32_t match_here(const sp_split *s) { return s->depth && s->depth <= SP_SPLIT_PATH_DEPTH ? s->match[s->depth] : 0; }

/* ---- strings ------------------------------------------------------------------------------------------------------------------------- */

/* Goes on in a string. Returns the byte behind it, with in_string 0, or the one to go on at. A line feed in it is none in JSON: where the
   next line begins as records do, the string is one that was cut, and *cut is set. */
static const uint8_t *in_string(sp_split *s, const uint8_t *p, const uint8_t *e, const uint8_t *bytes, uint64_t base, int *cut) {
    uint32_t high = 0;
    for (;;) {
        if (s->look) {
            const uint8_t *q = p;
            while (q < e && (*q == ' ' || *q == '\t')) q++;
            if (q == e) return p;
            s->look = 0;
            uint64_t at = base + (uint64_t)(q - bytes);
            *cut = *q == '{' && ((int64_t)(at - s->line_start) == s->column || cut_by_line(s, *q, at));
            if (*cut) return q;
        }
        p = sp_find(s->kernel, p, e, &high);
        if (p == e) return p;
        uint64_t at = base + (uint64_t)(p - bytes);
        if (*p == '"') {
            s->in_string = 0;
            mark(s, '"', at);
            return p + 1;
        }
        if (*p == '\\') {
            if (e - p < 2) return p;
            p += p[1] == '\n' ? 1 : 2;
            continue;
        }
        if (*p == '\n') {
            new_line(s, at, 0);
            s->broken = s->open;
            s->look = s->by_line || (s->open && s->column >= 0);
        }
        p++;
    }
}

/* A member name that may lead to records. Returns the byte behind it, or p when it takes more bytes. */
static const uint8_t *key(sp_split *s, const uint8_t *p, const uint8_t *e, uint64_t at, int last) {
    const uint8_t *end = e - p > KEY_BYTES ? p + KEY_BYTES : e, *q = p + 1;
    uint32_t high = 0, flags = 0;
    uint8_t plain[KEY_BYTES];
    int escaped = 0;
    for (;;) {
        q = sp_find(s->kernel, q, end, &high);
        if (q >= end || *q != '\\') break;
        escaped = 1;
        q += 2;
    }
    s->value = 0;
    if (q >= end && end == e && !last) return p;
    if (q < end && *q == '"') {
        sp_view name = {p + 1, (size_t)(q - p - 1)};
        if (escaped) {
            uint8_t *out = plain;
            const uint8_t *stop = s->kernel->unescape(p + 1, q, &out, &high, &flags);
            name = (sp_view){plain, stop == q ? (size_t)(out - plain) : 0};
        }
        s->value = named(s->paths, match_here(s), s->depth - 1, name);
        mark(s, '"', at + (uint64_t)(q - p));
        return q + 1;
    }
    s->in_string = 1; /* too long for any, or damaged: a string as others */
    return p + 1;
}

/* ---- brackets ------------------------------------------------------------------------------------------------------------------------ */

/* Whether a container can begin here: what tells that a bracket is missing before it. */
static int fits(const sp_split *s) {
    if (s->depth == s->record_depth || s->depth > SP_SPLIT_DEPTH) return 1;
    return is_object(s, s->depth) ? s->prev == ':' : s->prev == '[' || s->prev == ',';
}

/* Returns 1 with a piece that ends before the bracket, which is not read then. */
static int opening(sp_split *s, uint8_t c, uint64_t at, sp_piece *piece) {
    if (cut_by_line(s, c, at)) return cut_document(s, s->prev_at + 1, piece);
    if (s->depth == 0) s->document_line = s->line;
    if (c == '{' && s->maybe) hold(s, s->maybe, s->depth);
    s->maybe = 0;
    if (s->open) {
        if (!fits(s)) s->broken = 1;
        if (s->broken && c == '{' && begins_line(s) && (int64_t)(at - s->line_start) == s->column)
            return give_up(s, behind_value(s), piece);
    } else if (at_record(s)) {
        if (s->depth == 0 && c == '[') s->top_array = 1, s->arrays = 1;
        else begin(s, at);
    }
    uint32_t set = s->depth == 0 ? all_of(s->paths) : match_here(s), ends = 0;
    if (s->depth && set) {
        set = is_object(s, s->depth) ? s->value : named(s->paths, set, s->depth - 1, SP_VIEW("*"));
        ends = ending(s->paths, set, s->depth);
        set &= ~ends;
    }
    if (c == '[') {
        uint32_t sure = ends & (s->paths->sure | s->seen);
        if (sure) hold(s, sure, s->depth + 1), set = 0;
        else s->maybe = ends; /* to be seen at its first element */
    }
    push(s, c == '{', set);
    s->value = 0;
    mark(s, c, at);
    return 0;
}

static int pop(sp_split *s, uint8_t c, uint64_t at, sp_piece *piece) {
    int got = 0;
    mark(s, c, at);
    s->depth--;
    if (s->open && s->depth == s->record_depth) got = emit(s, at + 1, piece);
    if (s->array_depth > s->depth) s->array_depth = 0;
    if (s->depth == 0) {
        if (s->documents++ == 0) s->doc_end = at + 1, s->doc_line = s->line;
        s->by_line = s->document_line == s->line && (s->seen & s->paths->sure) != 0;
        s->top_array = 0;
        s->match[1] = all_of(s->paths);
    }
    return got;
}

/* A closing bracket that is not the one that is due. *used: it was read. */
static int mismatch(sp_split *s, uint8_t c, uint64_t at, sp_piece *piece, int *used) {
    uint32_t level = s->depth;
    while (level && is_object(s, level) != (c == '}')) level--;
    if (s->open) {
        s->broken = 1;
        if (level == 0) return mark(s, c, at), 0; /* it closes nothing */
        if (level <= s->record_depth) {           /* what holds the record ends */
            *used = 0;
            s->incomplete = 1; /* whatever came after it is in it */
            return give_up(s, behind_value(s), piece);
        }
        s->depth = level;
        return pop(s, c, at, piece);
    }
    if (level) { /* the bracket is shown as a record that can't be read, and closes what it can */
        s->depth = level;
        pop(s, c, at, piece);
    } else mark(s, c, at);
    *piece = (sp_piece){at, at + 1, s->line, 0};
    s->torn = 1;
    return 1;
}

static int closing(sp_split *s, uint8_t c, uint64_t at, sp_piece *piece, int *used) {
    if (s->depth > SP_SPLIT_DEPTH || is_object(s, s->depth) == (c == '}')) return pop(s, c, at, piece);
    return mismatch(s, c, at, piece, used);
}

/* ---- 64 bytes at once ---------------------------------------------------------------------------------------------------------------- */

static void look_back(sp_split *s, const uint8_t *p, const uint8_t *from, const uint8_t *bytes, uint64_t base) {
    while (p > from && (classes[p[-1]] == SPACE || classes[p[-1]] == FEED)) p--;
    if (p > from) mark(s, p[-1], base + (uint64_t)(p - 1 - bytes));
}

/* A bracket below the floor. 0: it is one for the walk. */
static int quick_bracket(sp_split *s, uint8_t c, int opens, uint32_t floor) {
    int object = c == '{' || c == '}';
    if (!opens) {
        if (is_object(s, s->depth) != object || s->depth - 1 <= floor) return 0;
        s->depth--;
        return 1;
    }
    if (!fits(s) || s->depth >= SP_SPLIT_DEPTH) return 0;
    push(s, object, 0);
    return 1;
}

/* The byte before p. `began`: the first one that this call was given to look at; before it stood s->last. */
static uint8_t before(const sp_split *s, const uint8_t *p, const uint8_t *began) { return p > began ? p[-1] : s->last; }

static void quick_lines(sp_split *s, const uint8_t *p, uint64_t feeds, uint64_t base_p, const uint8_t *began) {
    for (; feeds; feeds &= feeds - 1) {
        const uint8_t *at = p + __builtin_ctzll(feeds);
        new_line(s, base_p + (uint64_t)(at - p), before(s, at, began));
    }
}

/* Goes on within a record, where no name matters, by blocks; returns where the walk has to go on: at the bracket that ends this, at something
   that is no JSON, or less than a block before the end. What it does is what the walk would do. */
static const uint8_t *quick(sp_split *s, const uint8_t *p, const uint8_t *e, const uint8_t *bytes, uint64_t base, const uint8_t *began) {
    const uint8_t *from = p;
    uint32_t floor = s->record_depth;
    sp_strings at = {0, 0};
    sp_signs m;
    for (uint32_t d = 1; d < s->depth && d <= SP_SPLIT_PATH_DEPTH; d++)
        if (s->match[d] && d > floor) floor = d;
    for (; p = s->kernel->strings(p, e, &at, &m), e - p >= 64; p += 64) {
        uint64_t good = m.wrong ? (m.wrong & (0 - m.wrong)) - 1 : ~(uint64_t)0, brackets = m.opens | m.closes;
        const uint8_t *stop = m.wrong ? p + __builtin_ctzll(m.wrong) : NULL;
        for (brackets &= good; brackets; brackets &= brackets - 1) {
            unsigned i = (unsigned)__builtin_ctzll(brackets);
            int opens = m.opens >> i & 1, cut = s->by_line && opens && before(s, p + i, began) == '\n';
            if (opens) look_back(s, p + i, from, bytes, base);
            if (!cut && quick_bracket(s, p[i], opens, floor)) continue;
            stop = p + i;
            good &= ((uint64_t)1 << i) - 1;
            break;
        }
        if (m.feed & good) quick_lines(s, p, m.feed & good, base + (uint64_t)(p - bytes), began);
        if (!stop) continue;
        s->in_string = m.string >> (stop - p) & 1;
        if (!s->in_string) look_back(s, stop, from, bytes, base);
        return stop;
    }
    s->in_string = (uint8_t)(at.inside & 1);
    if (!s->in_string) look_back(s, p, from, bytes, base);
    return p - at.carry; /* a backslash is read with what follows it */
}

/* ---- the walk ------------------------------------------------------------------------------------------------------------------------ */

/* Goes on in a number, a literal or something else that is a record of its own; outside of all documents in a line of anything. */
static const uint8_t *in_scalar(sp_split *s, const uint8_t *p, const uint8_t *e, uint64_t at) {
    for (const uint8_t *from = p; p < e; p++) {
        uint8_t k = classes[*p];
        if (s->depth ? k != OTHER : k == FEED || k == OPENS) break;
        if (k != SPACE) mark(s, *p, at + (uint64_t)(p - from));
    }
    return p;
}

static int at_end(sp_split *s, uint64_t end, sp_piece *piece) {
    s->at = end;
    s->in_string = 0;
    if (s->scalar && s->depth == 0) return emit(s, s->prev_at + 1, piece);
    if (!s->open && s->depth == 0) return 0;
    *piece = s->open ? (sp_piece){s->start, end, s->start_line, 1} : (sp_piece){end, end, s->line, 1};
    end_record(s);
    s->depth = s->array_depth = 0;
    s->top_array = 0;
    s->incomplete = 1;
    return 1;
}

int sp_split_next(sp_split *s, const uint8_t *bytes, uint64_t base, uint64_t end, int last, sp_piece *piece) {
    const uint8_t *p = bytes + (s->at - base), *e = bytes + (end - base), *from = p;
    int got = 0, stopped = 0; /* the byte at p is one that `quick` leaves to the walk */
    while (!got) {
        if (s->in_string) {
            int cut = 0;
            p = in_string(s, p, e, bytes, base, &cut);
            if (cut) {
                s->in_string = 0;
                got = s->by_line ? cut_document(s, s->line_start - 1, piece) : give_up(s, s->line_start - 1, piece);
            } else if (s->in_string) break;
            else if (s->depth == s->record_depth) got = emit(s, base + (uint64_t)(p - bytes), piece);
            continue;
        }
        if (s->scalar) {
            p = in_scalar(s, p, e, base + (uint64_t)(p - bytes));
            if (p == e) break;
            got = emit(s, s->prev_at + 1, piece);
            continue;
        }
        if (p == e) break;
        if (s->open && !s->broken && e - p >= 64 && s->kernel->strings && s->depth > s->record_depth && s->depth <= SP_SPLIT_DEPTH &&
            !match_here(s) && !s->maybe && !stopped) {
            p = quick(s, p, e, bytes, base, from);
            stopped = 1;
            continue;
        }
        stopped = 0;
        uint64_t at = base + (uint64_t)(p - bytes);
        uint8_t c = *p, k = classes[c];
        if (k > FEED || k == OTHER) s->maybe = k == OPENS ? s->maybe : 0;
        if (k == SPACE) {
            p++;
        } else if (k == FEED) {
            new_line(s, at, before(s, p, from));
            p++;
        } else if (k == QUOTE && (s->depth || s->open)) {
            if (!s->open && at_record(s)) begin(s, at);
            if (match_here(s) && is_object(s, s->depth) && (s->prev == '{' || s->prev == ',')) {
                const uint8_t *q = key(s, p, e, at, last);
                if (q == p) break;
                p = q;
            } else {
                s->in_string = 1;
                p++;
            }
        } else if (k == OPENS) {
            got = opening(s, c, at, piece);
            p += !got;
        } else if (k == CLOSES && s->depth) {
            int used = 1;
            got = closing(s, c, at, piece, &used);
            p += used;
        } else if (s->open || !at_record(s) || (k == COMMA && s->depth) || (s->depth == 0 && s->torn && k >= CLOSES)) {
            mark(s, c, at); /* brackets and commas outside of documents are left by one that was damaged: its row says so */
            p++;
        } else {
            begin(s, at);
            s->scalar = 1;
            s->torn |= s->depth == 0;
            mark(s, c, at);
            p++;
        }
    }
    if (p > from) s->last = p[-1];
    s->at = base + (uint64_t)(p - bytes);
    return got || !last ? got : at_end(s, end, piece);
}

/* ---- what it is ---------------------------------------------------------------------------------------------------------------------- */

static const uint8_t *next_sign(const uint8_t *p, const uint8_t *e, int *feed) {
    for (*feed = 0; p < e && (classes[*p] == SPACE || classes[*p] == FEED); p++) *feed |= *p == '\n';
    return p;
}

/* Whether it begins as a JSON value does; a number or literal is looked at whole, as far as it is here. */
static int may_be_value(const uint8_t *p, const uint8_t *e) {
    static const char *const literals[] = {"true", "false", "null"};
    const uint8_t *q = p;
    while (q < e && classes[*q] == OTHER) q++;
    for (size_t i = 0; i < 3; i++)
        if ((size_t)(q - p) <= strlen(literals[i]) && q > p && memcmp(p, literals[i], (size_t)(q - p)) == 0) return 1;
    while (p < q && memchr("0123456789+-.eE", *p, 15)) p++;
    return p == q;
}

static sp_tell tell_array(sp_split *s, const uint8_t *first, const uint8_t *bytes, uint64_t base, uint64_t end) {
    const uint8_t *e = bytes + (end - base), *element, *next;
    sp_piece piece;
    int feed, got;
    element = next_sign(first + 1, e, &feed);
    if (element < e && (!may_be_value(element, e) || *element == '}' || *element == ',')) return SP_TELL_LINES;
    got = sp_split_next(s, bytes, base, end, 0, &piece);
    if (got) {
        next = next_sign(bytes + (piece.end - base), e, &feed);
        if (!s->torn && next < e && *next != ',' && *next != ']') return SP_TELL_LINES;
    }
    while (got && !s->documents) got = sp_split_next(s, bytes, base, end, 0, &piece);
    if (!s->documents || s->doc_line > 1) return SP_TELL_CONTAINER; /* goes on, or is on several lines */
    next = next_sign(bytes + (s->doc_end - base), e, &feed);
    return next == e || (*next == '[' && (*element == '{' || *element == ']')) ? SP_TELL_CONTAINER : SP_TELL_LINES;
}

/* A document that breaks its lines where a printer would do it, or holds records. A log may begin with a line that was cut: the next one
   begins with a bracket then, and does not fit. */
static sp_tell tell_object(sp_split *s, const uint8_t *bytes, uint64_t base, uint64_t end, int last) {
    const uint8_t *p = bytes + (s->at - base), *e = bytes + (end - base), *next;
    sp_piece piece;
    int printed = 0, feed;
    while (p < e && !s->documents && !s->broken && !s->torn) {
        const uint8_t *nl = memchr(p, '\n', (size_t)(e - p));
        p = nl ? nl + 1 : e;
        while (!s->documents && sp_split_next(s, bytes, base, base + (uint64_t)(p - bytes), 0, &piece)) continue;
        next = next_sign(p, e, &feed);
        printed |= nl && !s->documents && !s->broken && !s->torn && next < e && (*next == '"' || *next == '}' || *next == ']');
    }
    if (printed) return SP_TELL_CONTAINER;
    if (s->broken || s->torn) return SP_TELL_LINES;
    if (s->documents) {
        if (s->doc_line > 1) return SP_TELL_CONTAINER;
        next = next_sign(bytes + (s->doc_end - base), e, &feed);
        return s->pointer >= 0 && (next == e || !feed || s->by_line) ? SP_TELL_CONTAINER : SP_TELL_LINES;
    }
    if (s->pointer >= 0) return SP_TELL_CONTAINER;
    return last || s->line > 1 ? SP_TELL_LINES : SP_TELL_OPEN;
}

sp_tell sp_split_tell(sp_split *s, const uint8_t *bytes, uint64_t base, uint64_t end, int last) {
    int feed;
    const uint8_t *e = bytes + (end - base), *first = next_sign(bytes + (s->at - base), e, &feed);
    if (first == e || (*first != '[' && *first != '{')) return SP_TELL_LINES;
    s->at = s->line_start = base + (uint64_t)(first - bytes); /* lines are counted from here */
    return *first == '[' ? tell_array(s, first, bytes, base, end) : tell_object(s, bytes, base, end, last);
}
