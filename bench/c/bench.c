#define _GNU_SOURCE /* memrchr, MAP_POPULATE */

#include "bench.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

enum {
    CHUNK = 1 << 18 /* stays in the second-level cache between the copy out of the page cache and the parser */
};

static double clock_of(clockid_t id) {
    struct timespec t;
    clock_gettime(id, &t);
    return (double)t.tv_sec + 1e-9 * (double)t.tv_nsec;
}

static _Noreturn void die(const char *what) {
    fprintf(stderr, "bench: %s\n", what);
    exit(2);
}

const uint8_t *bench_line_end(const uint8_t *p, const uint8_t *end) {
    const uint8_t *lf = memchr(p, '\n', (size_t)(end - p));
    return lf ? lf : end;
}

static uint8_t *room(uint8_t *old, size_t n) {
    uint8_t *p = realloc(old, n + BENCH_PADDING);
    if (!p) die("out of memory");
    return p;
}

/* A reused buffer; what follows the last line feed goes to its front. */
static size_t by_read(const char *name, const bench_variant *v, void *job, bench_counts *c) {
    int fd = open(name, O_RDONLY);
    if (fd < 0) die("can't open the file");
    size_t cap = CHUNK, held = 0, total = 0;
    uint8_t *p = room(NULL, cap);
    for (;;) {
        ssize_t got = read(fd, p + held, cap - held);
        if (got < 0) die("can't read the file");
        size_t n = held + (size_t)got;
        total += (size_t)got;
        uint8_t *last = got ? memrchr(p + held, '\n', (size_t)got) : NULL;
        size_t whole = got == 0 ? n : last ? (size_t)(last - p) + 1 : 0;
        held = n - whole;
        if (whole) v->part(job, p, whole, c);
        if (got == 0) break;
        if (held) memmove(p, p + whole, held);
        if (held == cap) p = room(p, cap *= 2);
    }
    free(p);
    close(fd);
    return total;
}

/* A mapping with a page of zeros behind it, so that wide loads past the end are legal. */
static size_t by_mmap(const char *name, const bench_variant *v, void *job, bench_counts *c) {
    int fd = open(name, O_RDONLY);
    struct stat st;
    if (fd < 0 || fstat(fd, &st) != 0 || st.st_size <= 0) die("can't open the file");
    size_t n = (size_t)st.st_size, page = (size_t)sysconf(_SC_PAGESIZE);
    uint8_t *p = mmap(NULL, n + 2 * page, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (p == MAP_FAILED || mmap(p, n, PROT_READ, MAP_PRIVATE | MAP_FIXED | MAP_POPULATE, fd, 0) == MAP_FAILED) die("can't map the file");
    v->part(job, p, n, c);
    munmap(p, n + 2 * page);
    close(fd);
    return n;
}

static uint8_t *whole_file(const char *name, size_t *n) {
    FILE *f = fopen(name, "rb");
    if (!f || fseek(f, 0, SEEK_END) != 0) die("can't open the file");
    long size = ftell(f);
    rewind(f);
    uint8_t *p = size < 0 ? NULL : calloc(1, (size_t)size + BENCH_PADDING);
    if (!p || fread(p, 1, (size_t)size, f) != (size_t)size) die("can't read the file");
    fclose(f);
    *n = (size_t)size;
    return p;
}

/* Peak memory of this process. What getrusage says begins with that of the parent, from before this program was started. */
static long peak_kb(void) {
    char line[256];
    long kb = 0;
    FILE *f = fopen("/proc/self/status", "r");
    while (f && !kb && fgets(line, sizeof line, f))
        if (strncmp(line, "VmHWM:", 6) == 0) kb = strtol(line + 6, NULL, 10);
    if (f) fclose(f);
    return kb;
}

static void pass(const bench_variant *v, void *job, uint8_t *p, size_t n, bench_counts *c) {
    v->part(job, p, n, c);
    if (v->finish) v->finish(job, c);
}

int bench_main(int argc, char **argv, const bench_variant *variants, size_t count) {
    bench_counts told = {0};
    const bench_variant *v = NULL;
    if (argc == 6 && strcmp(argv[4], "--longest") == 0) told.longest = (size_t)strtoull(argv[5], NULL, 10);
    for (size_t i = 0; argc >= 4 && i < count; i++)
        if (strcmp(variants[i].name, argv[1]) == 0) v = &variants[i];
    if (!v) {
        fprintf(stderr, "usage: %s VARIANT FILE read|mmap|memory [--longest BYTES]\nvariants:", argv[0]);
        for (size_t i = 0; i < count; i++) fprintf(stderr, " %s", variants[i].name);
        fputc('\n', stderr);
        return 2;
    }
    int memory = strcmp(argv[3], "memory") == 0, map = strcmp(argv[3], "mmap") == 0;
    if (v->spoils && (memory || map)) die("this variant writes into its input: only `read`");
    size_t n = 0;
    uint8_t *p = memory ? whole_file(argv[2], &n) : NULL;
    bench_counts c = told;
    double cpu, wall;
    if (memory) {
        void *job = v->open(&told);
        pass(v, job, p, n, &c);
        c = told;
        wall = clock_of(CLOCK_MONOTONIC), cpu = clock_of(CLOCK_PROCESS_CPUTIME_ID);
        pass(v, job, p, n, &c);
        cpu = clock_of(CLOCK_PROCESS_CPUTIME_ID) - cpu, wall = clock_of(CLOCK_MONOTONIC) - wall;
        v->close(job);
    } else {
        wall = clock_of(CLOCK_MONOTONIC), cpu = clock_of(CLOCK_PROCESS_CPUTIME_ID);
        void *job = v->open(&told);
        n = (map ? by_mmap : by_read)(argv[2], v, job, &c);
        if (v->finish) v->finish(job, &c);
        v->close(job);
        cpu = clock_of(CLOCK_PROCESS_CPUTIME_ID) - cpu, wall = clock_of(CLOCK_MONOTONIC) - wall;
    }
    free(p);
    printf("{\"cpu\":%.9f,\"wall\":%.9f,\"rss_kb\":%ld,\"bytes\":%zu,\"lines\":%zu,\"bad\":%zu,\"models\":%zu,\"roles\":%zu,\"texts\":%zu,"
           "\"text_bytes\":%zu,\"hash\":\"%016llx\"}\n",
           cpu, wall, peak_kb(), n, c.lines, c.bad, c.models, c.roles, c.texts, c.text_bytes, (unsigned long long)c.hash);
    return 0;
}
