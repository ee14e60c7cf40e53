/* From cached ranges of a file to bytes of the disk: FIEMAP, then the layers below. */
#ifndef MIGRASCOPE_MAPPING_H
#define MIGRASCOPE_MAPPING_H

#include "common.h"
#include "report.h"

/* A run of a file (or block device), in bytes, whose pages are all in one state. */
struct range {
    uint64_t offset;
    uint64_t length;
    enum state state;
};

struct ranges {
    struct range *items;
    size_t count, capacity;
    /* Set when a range had to be left out for lack of memory. */
    bool incomplete;
};

/* Appends a range, joined to the last one where it continues it. Offsets must ascend. */
void ranges_add(struct ranges *ranges, uint64_t offset, uint64_t length, enum state state);
void ranges_clear(struct ranges *ranges);
/* Bytes of a state. */
uint64_t ranges_bytes(const struct ranges *ranges, enum state state);
/* Cuts off what lies beyond `end`. */
void ranges_clip(struct ranges *ranges, uint64_t end);

/* Counts all dirty bytes of the ranges as unmapped. */
void map_nothing(struct report *report, const struct ranges *ranges, enum unmapped reason);

/*
 * Adds the ranges of an open file on `device` to the report. `extent` gives file and age of what
 * is added. FIEMAP is asked without FIEMAP_FLAG_SYNC: nothing is written for it.
 */
void map_file(struct report *report, int fd, struct device device, const struct ranges *ranges,
              const struct extent *extent);

/* Adds ranges of a block device itself; `extent` gives class and age. */
void map_device(struct report *report, struct device device, const struct ranges *ranges,
                const struct extent *extent);


#endif
