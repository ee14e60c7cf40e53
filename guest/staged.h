/* Regions of the disk that the host names ahead of the request that uses them. */
#ifndef MIGRASCOPE_STAGED_H
#define MIGRASCOPE_STAGED_H

#include "json.h"
#include "report.h"

struct staged {
    struct region *regions;
    size_t count, capacity;
};

/* Appends [offset, length, offset, length, ...]; gives a sentence where that is wrong. */
const char *staged_add(struct staged *staged, struct json extents);
void staged_clear(struct staged *staged);

#endif
