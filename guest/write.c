/* Writing back, and discarding: see write.h. */
#include "write.h"

#include <dirent.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include "blockstack.h"
#include "mounts.h"

/* Files whose write-back is started before any of them is waited for. */
#define FILES_AT_ONCE 128
#define PART_LIMIT EXTENT_LIMIT

/* A run of a file that is to be written. */
struct part {
    uint32_t file;
    uint64_t offset;
    uint64_t length;
};

struct selection {
    const struct region *regions;
    size_t region_count;
    /* Regions before this one end before every extent that is yet to come. */
    size_t next;
    struct part *parts;
    size_t count, capacity;
    struct drained *drained;
};

static bool select_extent(void *context, const struct extent *extent) {
    struct selection *selection = context;
    uint64_t end = extent->offset + extent->length;
    while (selection->next < selection->region_count &&
           selection->regions[selection->next].offset +
                   selection->regions[selection->next].length <= extent->offset)
        selection->next++;
    for (size_t i = selection->next; extent->state != STATE_CLEAN && i < selection->region_count;
         i++) {
        const struct region *region = &selection->regions[i];
        if (region->offset >= end) break;
        uint64_t first = max_u64(region->offset, extent->offset);
        uint64_t last = min_u64(region->offset + region->length, end);
        if (extent->file == NO_FILE) {
            selection->drained->skipped += last - first;
            continue;
        }
        if (!make_room((void **)&selection->parts, &selection->capacity, selection->count,
                       sizeof *selection->parts, PART_LIMIT))
            return false;
        selection->parts[selection->count++] = (struct part){
            extent->file, extent->file_offset + (first - extent->offset), last - first};
    }
    return true;
}

static int by_file(const void *a, const void *b) {
    const struct part *left = a, *right = b;
    if (left->file != right->file) return left->file < right->file ? -1 : 1;
    return left->offset < right->offset ? -1 : left->offset > right->offset;
}

static int region_by_offset(const void *a, const void *b) {
    const struct region *left = a, *right = b;
    return left->offset < right->offset ? -1 : left->offset > right->offset;
}

/* Joins regions that touch; returns how many are left. */
static size_t join_regions(struct region *regions, size_t count) {
    size_t kept = 0;
    if (count > 1) qsort(regions, count, sizeof *regions, region_by_offset);
    for (size_t i = 0; i < count; i++) {
        struct region *last = kept == 0 ? NULL : &regions[kept - 1];
        if (last != NULL && regions[i].offset <= last->offset + last->length) {
            uint64_t end = max_u64(last->offset + last->length,
                                   regions[i].offset + regions[i].length);
            last->length = end - last->offset;
        } else {
            regions[kept++] = regions[i];
        }
    }
    return kept;
}

#ifndef SYNC_FILE_RANGE_WRITE
#define SYNC_FILE_RANGE_WAIT_BEFORE 1
#define SYNC_FILE_RANGE_WRITE 2
#define SYNC_FILE_RANGE_WAIT_AFTER 4
#endif

/* Starts the write-back of all parts of up to FILES_AT_ONCE files, then waits for it. */
static size_t write_some(const struct report *report, const struct part *parts, size_t count,
                         struct drained *drained) {
    int fds[FILES_AT_ONCE];
    size_t files = 0, end = 0;
    while (end < count) {
        bool same = end > 0 && parts[end].file == parts[end - 1].file;
        if (!same) {
            if (files == FILES_AT_ONCE) break;
            const struct file *file = &report->files[parts[end].file];
            struct mount *mount = mounts_open(file->device);
            fds[files++] = mount == NULL ? -1
                                         : mounts_open_inode(mount, file->inode, file->generation,
                                                             O_RDONLY);
        }
        if (fds[files - 1] >= 0)
            sync_file_range(fds[files - 1], (off_t)parts[end].offset, (off_t)parts[end].length,
                            SYNC_FILE_RANGE_WRITE);
        end++;
    }
    for (size_t i = 0, file = 0; i < end; i++) {
        if (i > 0 && parts[i].file != parts[i - 1].file) file++;
        if (fds[file] >= 0 &&
            sync_file_range(fds[file], (off_t)parts[i].offset, (off_t)parts[i].length,
                            SYNC_FILE_RANGE_WAIT_BEFORE | SYNC_FILE_RANGE_WRITE |
                                SYNC_FILE_RANGE_WAIT_AFTER) == 0)
            drained->written += parts[i].length;
        else drained->skipped += parts[i].length;
    }
    for (size_t i = 0; i < files; i++)
        if (fds[i] >= 0) close(fds[i]);
    return end;
}

void drain_regions(const struct method *method, struct look *look, struct region *regions,
                   size_t count, struct drained *drained) {
    struct selection selection = {.regions = regions, .drained = drained};
    memset(drained, 0, sizeof *drained);
    selection.region_count = join_regions(regions, count);
    look_at(method, look);
    report_each(look->report, select_extent, &selection);
    if (selection.count > 1)
        qsort(selection.parts, selection.count, sizeof *selection.parts, by_file);
    mounts_read();
    for (size_t done = 0; done < selection.count;)
        done += write_some(look->report, selection.parts + done, selection.count - done, drained);
    mounts_close();
    free(selection.parts);
}

/* Writes back a block device's own pages, which a program may have written without a file system. */
static void sync_device(struct device device) {
    int fd = device_open(device, O_RDONLY);
    if (fd < 0) return;
    fdatasync(fd);
    close(fd);
}

static void sync_disk(const struct disk *disk) {
    char path[128], text[64];
    sync_device(disk->device);
    say(path, sizeof path, "/sys/block/%s", disk->name);
    DIR *directory = opendir(path);
    struct dirent *entry;
    while (directory != NULL && (entry = readdir(directory)) != NULL) {
        struct device device;
        say(path, sizeof path, "/sys/block/%s/%.64s/dev", disk->name, entry->d_name);
        if (!strncmp(entry->d_name, disk->name, strlen(disk->name)) &&
            read_text(path, text, sizeof text) > 0 &&
            sscanf(text, "%u:%u", &device.major, &device.minor) == 2)
            sync_device(device);
    }
    if (directory != NULL) closedir(directory);
}

static bool count_dirty(void *context, const struct extent *extent) {
    struct drained *drained = context;
    if (extent->state != STATE_CLEAN) drained->written += extent->length;
    return true;
}

void drain_all(const struct method *method, struct look *look, struct drained *drained) {
    memset(drained, 0, sizeof *drained);
    if (method != NULL) {
        look_at(method, look);
        report_each(look->report, count_dirty, drained);
        for (size_t i = 0; i < UNMAPPED_COUNT; i++) drained->written += look->report->unmapped[i];
    }
    stack_begin(look->disk.device);
    mounts_read();
    for (size_t i = 0; i < mounts_count(); i++) {
        struct mount *mount = mounts_at(i);
        bool ours = mount_is_chosen(mount) && mount_touches_target(mount);
        struct mount *opened = ours ? mounts_open(mount->device) : NULL;
        if (opened != NULL) syncfs(opened->fd);
    }
    mounts_close();
    sync_disk(&look->disk);
}

struct trim_range {
    uint64_t start;
    uint64_t length;
    uint64_t minimum;
};

#define FITRIM _IOWR('X', 121, struct trim_range)

size_t trim_all(const struct disk *disk, uint64_t *bytes) {
    size_t count = 0;
    *bytes = 0;
    stack_begin(disk->device);
    mounts_read();
    for (size_t i = 0; i < mounts_count(); i++) {
        struct trim_range range = {.length = UINT64_MAX};
        struct mount *mount = mounts_at(i);
        if (!mount_is_chosen(mount) || !mount_touches_target(mount)) continue;
        mount = mounts_open(mount->device);
        if (mount == NULL || ioctl(mount->fd, FITRIM, &range) != 0) continue;
        *bytes += range.length;
        count++;
    }
    mounts_close();
    return count;
}
