/* What the two benchmark programs share. */
#ifndef BENCH_SCAN_H
#define BENCH_SCAN_H

#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

typedef struct bench_scan bench_scan;
bench_scan *bench_scan_new(void);
void bench_scan_free(bench_scan *b);
size_t bench_scan_round(bench_scan *b, const uint8_t *p, size_t n); /* a checksum, so that nothing is optimised away */

uint8_t *bench_read(const char *name, size_t padding, size_t *n); /* a whole file with zeros behind it; ends the program on errors */
double bench_clock(void);                                         /* CPU seconds of this thread */
double bench_median(double *v, size_t n);

#ifdef __cplusplus
}
#endif
#endif
