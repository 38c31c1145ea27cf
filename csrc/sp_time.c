#include "sp_time.h"

const char *const sp_clock_names[] = {
#define X(name, text, meaning) text,
    SP_CLOCKS(X)
#undef X
};

static int digits(const uint8_t *p, int n, int64_t *out) {
    *out = 0;
    for (int i = 0; i < n; i++) {
        if (p[i] < '0' || p[i] > '9') return 0;
        *out = *out * 10 + (p[i] - '0');
    }
    return 1;
}

static int64_t days_from_civil(int64_t y, int64_t m, int64_t d) { /* proleptic Gregorian calendar */
    y -= m <= 2;
    int64_t era = (y >= 0 ? y : y - 399) / 400, yoe = y - era * 400;
    int64_t doy = (153 * (m + (m > 2 ? -3 : 9)) + 2) / 5 + d - 1, doe = yoe * 365 + yoe / 4 - yoe / 100 + doy;
    return era * 146097 + doe - 719468;
}

static size_t fraction(sp_view t, size_t i, int64_t *micros) {
    int64_t scale = 100000;
    for (*micros = 0; i < t.n && t.p[i] >= '0' && t.p[i] <= '9'; i++, scale /= 10) *micros += (t.p[i] - '0') * scale;
    return i;
}

static int64_t number_time(sp_view t, sp_clock *clock) {
    int64_t whole = 0, micros = 0;
    size_t i = 0;
    for (; i < t.n && t.p[i] >= '0' && t.p[i] <= '9'; i++) {
        if (i == 19 || whole > (INT64_MAX - 9) / 10) return INT64_MIN;
        whole = whole * 10 + (t.p[i] - '0');
    }
    if (i == 0) return INT64_MIN;
    if (i < t.n && t.p[i] == '.') i = fraction(t, i + 1, &micros);
    if (i != t.n) return INT64_MIN;
    *clock = whole < 100000000000         ? SP_CLOCK_SECONDS
             : whole < 100000000000000    ? SP_CLOCK_MILLISECONDS
             : whole < 100000000000000000 ? SP_CLOCK_MICROSECONDS
                                          : SP_CLOCK_NANOSECONDS;
    if (*clock == SP_CLOCK_SECONDS) return whole * 1000000 + micros;
    if (*clock == SP_CLOCK_MILLISECONDS) return whole * 1000 + micros / 1000;
    return *clock == SP_CLOCK_MICROSECONDS ? whole : whole / 1000;
}

/* 1 to 12; 0: no such name. */
static int64_t month_of(const uint8_t *p) {
    static const char names[] = "JanFebMarAprMayJunJulAugSepOctNovDec";
    int64_t m = 12;
    while (m && memcmp(p, names + 3 * (m - 1), 3) != 0) m--;
    return m;
}

/* `Thu, 25 Apr 2024 09:22:53 GMT` of an HTTP header (RFC 9110, 5.6.7), or `02/Mar/2026:09:15:00 +0000` of an access log. */
static int64_t named_month_time(sp_view t, sp_clock *form) {
    const int http = t.n == 29 && t.p[3] == ',' && memcmp(t.p + 25, " GMT", 4) == 0, access = t.n == 26 && t.p[2] == '/' && t.p[20] == ' ';
    if (!http && !access) return INT64_MIN;
    const uint8_t *day = t.p + (http ? 5 : 0), *clock = t.p + (http ? 17 : 12);
    int64_t y, d, h, mi, s, oh = 0, om = 0, mo = month_of(day + 3);
    if (!mo || !digits(day, 2, &d) || !digits(day + 7, 4, &y) || !digits(clock, 2, &h) || !digits(clock + 3, 2, &mi) ||
        !digits(clock + 6, 2, &s) || clock[2] != ':' || clock[5] != ':' || d < 1 || d > 31 || h > 24 || mi > 59 || s > 60)
        return INT64_MIN;
    if (access && ((t.p[21] != '+' && t.p[21] != '-') || !digits(t.p + 22, 2, &oh) || !digits(t.p + 24, 2, &om))) return INT64_MIN;
    if (access && t.p[21] == '-') oh = -oh, om = -om;
    *form = SP_CLOCK_ZONED;
    return ((days_from_civil(y, mo, d) * 24 + h - oh) * 3600 + (mi - om) * 60 + s) * 1000000;
}

int64_t sp_time_parse(sp_view t) {
    sp_clock clock;
    return sp_time_read(t, &clock);
}

int64_t sp_time_read(sp_view t, sp_clock *clock) {
    int64_t y, mo, d, h = 0, mi = 0, s = 0, micros = 0, oh, om, offset = 0;
    *clock = t.n ? SP_CLOCK_UNREADABLE : SP_CLOCK_NONE;
    if (t.n < 10 || t.p[4] != '-') {
        int64_t number = number_time(t, clock);
        return number == INT64_MIN ? named_month_time(t, clock) : number;
    }
    if (!digits(t.p, 4, &y) || !digits(t.p + 5, 2, &mo) || t.p[7] != '-' || !digits(t.p + 8, 2, &d)) return INT64_MIN;
    if (mo < 1 || mo > 12 || d < 1 || d > 31) return INT64_MIN;
    sp_clock form = SP_CLOCK_DATE;
    size_t i = 10;
    if (i < t.n) {
        form = SP_CLOCK_NAIVE;
        if ((t.p[i] != 'T' && t.p[i] != 't' && t.p[i] != ' ') || t.n < 16) return INT64_MIN;
        if (!digits(t.p + 11, 2, &h) || t.p[13] != ':' || !digits(t.p + 14, 2, &mi) || h > 24 || mi > 59) return INT64_MIN;
        i = 16;
        if (i + 2 < t.n && t.p[i] == ':') {
            if (!digits(t.p + 17, 2, &s) || s > 60) return INT64_MIN;
            i = 19;
        }
        if (i < t.n && (t.p[i] == '.' || t.p[i] == ',')) i = fraction(t, i + 1, &micros);
        size_t zone = i;
        if (i < t.n && (t.p[i] == 'Z' || t.p[i] == 'z')) i++;
        else if (i + 4 == t.n && memcmp(t.p + i, " UTC", 4) == 0) i += 4;
        else if (i + 5 <= t.n && (t.p[i] == '+' || t.p[i] == '-')) {
            size_t minutes = t.p[i + 3] == ':' ? i + 4 : i + 3;
            if (minutes + 2 > t.n || !digits(t.p + i + 1, 2, &oh) || !digits(t.p + minutes, 2, &om)) return INT64_MIN;
            offset = (oh * 60 + om) * (t.p[i] == '-' ? -1 : 1);
            i = minutes + 2;
        }
        if (i != t.n) return INT64_MIN;
        if (i > zone) form = SP_CLOCK_ZONED;
    }
    *clock = form;
    return ((days_from_civil(y, mo, d) * 24 + h) * 3600 + (mi - offset) * 60 + s) * 1000000 + micros;
}
