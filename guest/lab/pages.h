/*
 * Pages that can be checked: each says which page of which file it is and in which version, and all
 * of its bytes follow from that.
 */
#ifndef LAB_PAGES_H
#define LAB_PAGES_H

#include <stdbool.h>
#include <stdint.h>

#define PAGE_BYTES 4096

/* Fills a page of PAGE_BYTES. */
void page_fill(void *page, uint64_t seed, uint32_t file, uint32_t index, uint32_t version);

/* Whether the page is what page_fill made of the same arguments. */
bool page_holds(const void *page, uint64_t seed, uint32_t file, uint32_t index, uint32_t version);

/* The version that the page says it is; 0 for none. What a page says is to be checked with page_holds. */
uint32_t page_version(const void *page);

/* The next number of a sequence that follows from `*state` alone. */
uint64_t random_next(uint64_t *state);

#endif
