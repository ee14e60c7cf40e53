/* What the probe does to the guest's disk on request: write back, and discard. */
#ifndef MIGRASCOPE_WRITE_H
#define MIGRASCOPE_WRITE_H

#include "common.h"
#include "look.h"

struct drained {
    /* Dirty bytes that were found where they were named, and are written now. */
    uint64_t written;
    /* Dirty bytes that were named and can't be written by themselves: metadata. */
    uint64_t skipped;
};

/* Writes back the dirty pages of files that lie in the named regions of the disk. */
void drain_regions(const struct method *method, struct look *look, struct region *regions,
                   size_t count, struct drained *drained);

/* Writes back all that the disk's file systems, and the disk itself, have in the page cache. */
void drain_all(const struct method *method, struct look *look, struct drained *drained);

/*
 * Discards what no file uses in each mounted file system on the disk; gives the number of file
 * systems that did, and the bytes.
 */
size_t trim_all(const struct disk *disk, uint64_t *bytes);

#endif
