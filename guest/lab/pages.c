/* Pages that can be checked; see pages.h. */
#include "pages.h"

#include <string.h>

#define WORDS (PAGE_BYTES / sizeof(uint64_t))

uint64_t random_next(uint64_t *state) {
    uint64_t x = (*state += 0x9E3779B97F4A7C15u);
    x = (x ^ (x >> 30)) * 0xBF58476D1CE4E5B9u;
    x = (x ^ (x >> 27)) * 0x94D049BB133111EBu;
    return x ^ (x >> 31);
}

void page_fill(void *page, uint64_t seed, uint32_t file, uint32_t index, uint32_t version) {
    uint64_t words[WORDS];
    uint64_t state = seed ^ ((uint64_t)file << 48) ^ ((uint64_t)version << 24) ^ index;
    words[0] = ((uint64_t)file << 32) | index;
    words[1] = version;
    uint64_t x = random_next(&state) | 1;
    for (size_t i = 2; i < WORDS; i++) {
        x ^= x << 13;
        x ^= x >> 7;
        x ^= x << 17;
        words[i] = x;
    }
    memcpy(page, words, sizeof words);
}

bool page_holds(const void *page, uint64_t seed, uint32_t file, uint32_t index, uint32_t version) {
    unsigned char expected[PAGE_BYTES];
    page_fill(expected, seed, file, index, version);
    return memcmp(page, expected, PAGE_BYTES) == 0;
}

uint32_t page_version(const void *page) {
    uint64_t word;
    memcpy(&word, (const char *)page + sizeof word, sizeof word);
    return word <= UINT32_MAX ? (uint32_t)word : 0;
}
