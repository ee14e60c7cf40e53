/* Journals of file systems: where they lie on the disk, and what waits in ext4's. */
#ifndef MIGRASCOPE_JOURNAL_H
#define MIGRASCOPE_JOURNAL_H

#include "layout.h"
#include "report.h"

/* Adds to the report where the mounted file systems on the disk have their journals. */
void journal_locate(struct report *report);

/*
 * Adds the metadata blocks that wait in an ext4 journal's transactions: they will be written, and
 * are not marked dirty in the page cache yet. `super` is the super block's address.
 */
void journal_gather(struct report *report, const struct layout *layout, uint64_t super,
                    struct device device);

#endif
