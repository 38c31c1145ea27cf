/* What the benchmark programs share: loaders, clocks, one line of JSON as the result.
   A program is called as PROGRAM VARIANT FILE LOADER and measures one pass over the file. Loaders: `read` (a reused buffer), `mmap`,
   `memory` (the bytes are there before, and one pass has warmed everything up). */
#ifndef BENCH_H
#define BENCH_H

#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

enum {
    BENCH_PADDING = 64 /* readable bytes behind every part, as simdjson wants them */
};

/* What a pass found; the runner compares it between programs, so that none is quick by doing less. */
typedef struct bench_counts {
    size_t lines, bad, models, roles, texts, text_bytes;
    uint64_t hash;
    size_t longest; /* line, told beforehand by --longest; 0: unknown */
} bench_counts;

typedef struct bench_variant {
    const char *name;
    void *(*open)(const bench_counts *told);                        /* inside the measured time, except for `memory` */
    void (*part)(void *job, uint8_t *p, size_t n, bench_counts *c); /* whole lines; the last may lack its line feed */
    void (*finish)(void *job, bench_counts *c);                     /* after the last part; may be NULL */
    void (*close)(void *job);
    int spoils; /* writes into its input: no `mmap`, no `memory` */
} bench_variant;

int bench_main(int argc, char **argv, const bench_variant *variants, size_t n);

/* The end of the line that begins at p: its line feed, or end. */
const uint8_t *bench_line_end(const uint8_t *p, const uint8_t *end);

#ifdef __cplusplus
}
#endif
#endif
