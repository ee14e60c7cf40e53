/* From cached ranges of a file to bytes of the disk: see mapping.h. */
#include "mapping.h"

#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>

#include "blockstack.h"

#define RANGE_LIMIT (256 * 1024)

void ranges_add(struct ranges *ranges, uint64_t offset, uint64_t length, enum state state) {
    if (length == 0) return;
    struct range *last = ranges->count == 0 ? NULL : &ranges->items[ranges->count - 1];
    if (last != NULL && last->state == state && last->offset + last->length == offset) {
        last->length += length;
        return;
    }
    if (!make_room((void **)&ranges->items, &ranges->capacity, ranges->count,
                   sizeof *ranges->items, RANGE_LIMIT)) {
        ranges->incomplete = true;
        return;
    }
    ranges->items[ranges->count++] = (struct range){offset, length, state};
}

void ranges_clear(struct ranges *ranges) {
    ranges->count = 0;
    ranges->incomplete = false;
}

uint64_t ranges_bytes(const struct ranges *ranges, enum state state) {
    uint64_t sum = 0;
    for (size_t i = 0; i < ranges->count; i++)
        if (ranges->items[i].state == state) sum += ranges->items[i].length;
    return sum;
}

void ranges_clip(struct ranges *ranges, uint64_t end) {
    while (ranges->count > 0) {
        struct range *last = &ranges->items[ranges->count - 1];
        if (last->offset < end) {
            last->length = min_u64(last->length, end - last->offset);
            return;
        }
        ranges->count--;
    }
}

void map_nothing(struct report *report, const struct ranges *ranges, enum unmapped reason) {
    for (size_t i = 0; i < ranges->count; i++)
        report_add_unmapped(report, reason, ranges->items[i].state, ranges->items[i].length);
}

/* A run on its way down; pieces come back from the layers in order. */
struct descent {
    struct report *report;
    struct extent extent;
};

static void add_piece(void *context, enum place place, uint64_t offset, uint64_t length) {
    struct descent *descent = context;
    struct extent *extent = &descent->extent;
    extent->offset = offset;
    extent->length = length;
    if (place == PLACE_DISK) report_add(descent->report, extent);
    if (place == PLACE_LAYER)
        report_add_unmapped(descent->report, UNMAPPED_LAYER, extent->state, length);
    extent->file_offset += length;
}

static void add_run(struct report *report, struct device device, uint64_t device_offset,
                    const struct range *run, const struct extent *extent) {
    struct descent descent = {report, *extent};
    descent.extent.state = (uint8_t)run->state;
    descent.extent.file_offset = run->offset;
    stack_resolve(device, device_offset, run->length, add_piece, &descent);
}

void map_device(struct report *report, struct device device, const struct ranges *ranges,
                const struct extent *extent) {
    for (size_t i = 0; i < ranges->count; i++)
        add_run(report, device, ranges->items[i].offset, &ranges->items[i], extent);
}

/* ---- FIEMAP (Documentation/filesystems/fiemap.rst of Linux) ---- */

struct fiemap_extent {
    uint64_t logical;
    uint64_t physical;
    uint64_t length;
    uint64_t reserved64[2];
    uint32_t flags;
    uint32_t reserved[3];
};

#define BATCH 256

struct fiemap {
    uint64_t start;
    uint64_t length;
    uint32_t flags;
    uint32_t mapped_count;
    uint32_t room;
    uint32_t reserved;
    struct fiemap_extent extents[BATCH];
};

#define FS_IOC_FIEMAP _IOWR('f', 11, char[32])

enum {
    FIEMAP_UNKNOWN = 0x2,
    FIEMAP_DELAYED = 0x4,
    FIEMAP_ENCODED = 0x8,
    FIEMAP_ENCRYPTED = 0x80,
    FIEMAP_NOT_ALIGNED = 0x100,
    FIEMAP_INLINE = 0x200,
    FIEMAP_TAIL = 0x400,
    FIEMAP_SHARED = 0x2000,
};

/* Two ranges further apart than this are asked for separately. */
#define WINDOW_GAP (16u << 20)

/*
 * Why a dirty byte in an extent with these flags has no place; -1 where it has one. Encrypted
 * files of ext4 keep their places, and their extents are marked ENCODED and ENCRYPTED.
 */
static int reason_of(uint32_t flags) {
    if (flags & FIEMAP_DELAYED) return UNMAPPED_DELAYED;
    if (flags & (FIEMAP_INLINE | FIEMAP_TAIL)) return UNMAPPED_INLINE;
    if (flags & FIEMAP_SHARED) return UNMAPPED_SHARED;
    if (flags & (FIEMAP_UNKNOWN | FIEMAP_ENCODED | FIEMAP_ENCRYPTED | FIEMAP_NOT_ALIGNED))
        return UNMAPPED_ENCODED;
    return -1;
}

struct file_map {
    struct report *report;
    int fd;
    struct device device;
    const struct extent *extent;
    const struct ranges *ranges;
    /* The first range that is not placed wholly, and how much of it is. */
    size_t index;
    uint64_t done;
};

static bool is_finished(const struct file_map *map) { return map->index >= map->ranges->count; }

/* What is left of the first range, up to `end`. */
static struct range next_run(const struct file_map *map, uint64_t end) {
    struct range run = map->ranges->items[map->index];
    run.offset += map->done;
    run.length -= map->done;
    if (run.offset + run.length > end) run.length = end - run.offset;
    return run;
}

static void pass(struct file_map *map, uint64_t length) {
    map->done += length;
    if (map->done < map->ranges->items[map->index].length) return;
    map->index++;
    map->done = 0;
}

/* Counts what lies before `end` as unmapped. */
static void skip_until(struct file_map *map, uint64_t end, enum unmapped reason) {
    while (!is_finished(map) && map->ranges->items[map->index].offset + map->done < end) {
        struct range run = next_run(map, end);
        report_add_unmapped(map->report, reason, run.state, run.length);
        pass(map, run.length);
    }
}

static void place_in(struct file_map *map, const struct fiemap_extent *extent) {
    uint64_t end = extent->logical + extent->length;
    int reason = reason_of(extent->flags);
    skip_until(map, extent->logical, UNMAPPED_HOLE);
    if (reason >= 0) {
        skip_until(map, end, (enum unmapped)reason);
        return;
    }
    while (!is_finished(map) && map->ranges->items[map->index].offset + map->done < end) {
        struct range run = next_run(map, end);
        add_run(map->report, map->device, extent->physical + (run.offset - extent->logical), &run,
                map->extent);
        pass(map, run.length);
    }
}

/* The end of the run of ranges that are close together. */
static uint64_t window_end(const struct file_map *map) {
    const struct range *items = map->ranges->items;
    size_t last = map->index;
    while (last + 1 < map->ranges->count &&
           items[last + 1].offset - (items[last].offset + items[last].length) <= WINDOW_GAP)
        last++;
    return items[last].offset + items[last].length;
}

/* Places all ranges up to `end`; false where the file system does not answer. */
static bool place_window(struct file_map *map, uint64_t end) {
    static struct fiemap answer;
    while (!is_finished(map) && map->ranges->items[map->index].offset + map->done < end) {
        uint64_t start = map->ranges->items[map->index].offset + map->done;
        memset(&answer, 0, offsetof(struct fiemap, extents));
        answer.start = start;
        answer.length = end - start;
        answer.room = BATCH;
        if (ioctl(map->fd, FS_IOC_FIEMAP, &answer) < 0) return false;
        uint64_t reached = start;
        for (uint32_t i = 0; i < answer.mapped_count && i < BATCH; i++) {
            place_in(map, &answer.extents[i]);
            reached = answer.extents[i].logical + answer.extents[i].length;
        }
        if (answer.mapped_count < BATCH || reached <= start) skip_until(map, end, UNMAPPED_HOLE);
    }
    return true;
}

void map_file(struct report *report, int fd, struct device device, const struct ranges *ranges,
              const struct extent *extent) {
    struct file_map map = {
        .report = report, .fd = fd, .device = device, .extent = extent, .ranges = ranges};
    while (!is_finished(&map)) {
        if (place_window(&map, window_end(&map))) continue;
        skip_until(&map, UINT64_MAX, UNMAPPED_ENCODED);
    }
}
