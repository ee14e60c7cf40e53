/* Regions that the host names ahead: see staged.h. */
#include "staged.h"

#include <stdlib.h>
#include <string.h>

const char *staged_add(struct staged *staged, struct json extents) {
    struct json element;
    size_t position = 0, count = 0;
    struct region region = {0};
    if (!json_is_array(extents)) return "'extents' must be an array of numbers.";
    while (json_next(extents, &position, &element)) {
        if (!json_number(element, count++ % 2 == 0 ? &region.offset : &region.length))
            return "'extents' must hold whole numbers that are not negative.";
        if (count % 2 != 0) continue;
        if (region.length == 0 || region.offset + region.length > INT64_MAX)
            return "'extents' holds an extent of a length that can't be.";
        if (!make_room((void **)&staged->regions, &staged->capacity, staged->count,
                       sizeof *staged->regions, EXTENT_LIMIT))
            return "More extents were staged than the probe takes.";
        staged->regions[staged->count++] = region;
    }
    return count % 2 == 0 ? NULL : "'extents' must hold pairs of offset and length.";
}

void staged_clear(struct staged *staged) {
    free(staged->regions);
    memset(staged, 0, sizeof *staged);
}
