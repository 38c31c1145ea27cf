// The scan against simdjson's DOM parse of the same lines, in turn, in one process: bench_simdjson FILE [ROUNDS].
#include <simdjson.h>

#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <vector>

#include "bench_scan.h"

static size_t dom_round(simdjson::dom::parser &parser, const uint8_t *p, size_t n) {
    const uint8_t *end = p + n;
    size_t good = 0;
    while (p < end) {
        auto lf = static_cast<const uint8_t *>(memchr(p, '\n', static_cast<size_t>(end - p)));
        if (!lf) lf = end;
        simdjson::dom::element line;
        good += parser.parse(p, static_cast<size_t>(lf - p), false).get(line) == simdjson::SUCCESS;
        p = lf + (lf < end);
    }
    return good;
}

int main(int argc, char **argv) {
    size_t n, sum = 0, good = 0, rounds = argc > 2 ? static_cast<size_t>(atoi(argv[2])) : 7;
    if (argc < 2 || rounds < 1) return 2;
    uint8_t *p = bench_read(argv[1], simdjson::SIMDJSON_PADDING, &n);
    bench_scan *b = bench_scan_new();
    simdjson::dom::parser parser;
    std::vector<double> ours, theirs, ratio;
    for (size_t i = 0; i < rounds; i++) {
        double t0 = bench_clock();
        good = dom_round(parser, p, n);
        double t1 = bench_clock();
        sum = bench_scan_round(b, p, n);
        double t2 = bench_clock();
        theirs.push_back(static_cast<double>(n) / (t1 - t0) / 1e9);
        ours.push_back(static_cast<double>(n) / (t2 - t1) / 1e9);
        ratio.push_back((t1 - t0) / (t2 - t1));
    }
    printf("simdjson DOM (%s) %.3f GB/s, %zu lines parsed\n", simdjson::get_active_implementation()->name().c_str(),
           bench_median(theirs.data(), rounds), good);
    printf("scan %.3f GB/s (checksum %zu)\nratio %.3f\n", bench_median(ours.data(), rounds), sum, bench_median(ratio.data(), rounds));
    printf("best of each: %.3f\n", ours.back() / theirs.back());  // the median sorted them
    bench_scan_free(b);
    free(p);
    return 0;
}
