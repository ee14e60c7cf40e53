/* The pages of one file, from the kernel's own index of them (the xarray of its address space). */
#ifndef MIGRASCOPE_TREE_H
#define MIGRASCOPE_TREE_H

#include "layout.h"
#include "mapping.h"

/* How a file system notes which blocks of a page are dirty. */
enum block_notes {
    NOTES_NONE,    /* it does not: a page is dirty as a whole */
    NOTES_BUFFERS, /* buffer heads: ext4 and its kin, block devices */
    NOTES_IOMAP,   /* iomap_folio_state: xfs and its kin, kernel 6.6 and later */
};

struct tree {
    const struct layout *layout;
    /* Address of the file's `struct address_space`. */
    uint64_t mapping;
    enum block_notes notes;
    unsigned block_bits;
    /* Clean pages too. */
    bool clean;
};

/*
 * Adds the file's pages to `ranges`, descending only where something is marked (unless clean pages
 * are wanted). False when the index changed under the walk: what was added is not to be used.
 */
bool tree_walk(const struct tree *tree, struct ranges *ranges);

#endif
