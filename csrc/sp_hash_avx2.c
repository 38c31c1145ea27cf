/* XXH3 of long texts by AVX2. */
#define NAME sp_x128_avx2
#define TARGET "avx2"
#define XXH_VECTOR XXH_AVX2
#include "sp_hash_wide.h"
