/* XXH3 of long texts by AVX-512. */
#define NAME sp_x128_avx512
#define TARGET "avx512f"
#define XXH_VECTOR XXH_AVX512
#include "sp_hash_wide.h"
