/* All files of the file systems on the disk: see files.h. */
#include "files.h"

#include <dirent.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#include "blockstack.h"
#include "mounts.h"

#define DEPTH_LIMIT 128
#define DEVICE_LIMIT 256
/* Files with several names that are remembered, so that each is looked at once. A power of two. */
#define LINKED_LIMIT 16384

#define FS_IOC_GETVERSION _IOR('v', 1, long)
#define BLKGETSIZE64 _IOR(0x12, 114, size_t)

struct walk {
    struct look *look;
    pages_reader read;
    const struct mount *mount;
    dev_t device;
    struct ranges ranges;
    uint64_t linked[LINKED_LIMIT];
    size_t linked_count;
};

/* Whether a file with several names was met under another one. */
static bool met_before(struct walk *walk, uint64_t inode) {
    size_t at = (size_t)(inode * 0x9e3779b97f4a7c15ull >> 40) % LINKED_LIMIT;
    while (walk->linked[at] != 0 && walk->linked[at] != inode) at = (at + 1) % LINKED_LIMIT;
    if (walk->linked[at] == inode) return true;
    if (walk->linked_count < LINKED_LIMIT / 2) {
        walk->linked[at] = inode;
        walk->linked_count++;
    }
    return false;
}

static void look_at_file(struct walk *walk, int fd, const struct stat *status) {
    struct report *report = walk->look->report;
    ranges_clear(&walk->ranges);
    if (!walk->read(fd, (uint64_t)status->st_size, walk->look->clean, &walk->ranges)) return;
    ranges_clip(&walk->ranges, round_up((uint64_t)status->st_size, (uint64_t)status->st_blksize));
    if (walk->ranges.incomplete)
        report->truncated = "A file has more cached ranges than are reported.";
    if (walk->ranges.count == 0) return;
    if (!file_system_overwrites(walk->mount->type)) {
        map_nothing(report, &walk->ranges,
                    file_system_copies_on_write(walk->mount->type) ? UNMAPPED_COPY_ON_WRITE
                                                                   : UNMAPPED_FILE_SYSTEM);
        return;
    }
    long generation = 0;
    ioctl(fd, FS_IOC_GETVERSION, &generation);
    struct file file = {
        .device = walk->mount->device,
        .inode = status->st_ino,
        .generation = (uint32_t)generation,
        .links = (uint32_t)status->st_nlink,
    };
    struct extent extent = {.age_ms = NO_AGE, .class = CLASS_DATA};
    extent.file = look_add_file(walk->look, fd, walk->mount->type, &file);
    map_file(report, fd, file.device, &walk->ranges, &extent);
}

static void walk_directory(struct walk *walk, int fd, int depth);

static void look_at_entry(struct walk *walk, int directory, const struct dirent *entry, int depth) {
    const int flags = O_RDONLY | O_NOATIME | O_NOFOLLOW | O_NONBLOCK | O_NOCTTY | O_CLOEXEC;
    struct stat status;
    if (!strcmp(entry->d_name, ".") || !strcmp(entry->d_name, "..")) return;
    if (entry->d_type != DT_REG && entry->d_type != DT_DIR && entry->d_type != DT_UNKNOWN) return;
    if (fstatat(directory, entry->d_name, &status, AT_SYMLINK_NOFOLLOW) != 0 ||
        status.st_dev != walk->device)
        return;
    bool wanted = S_ISREG(status.st_mode) && status.st_size > 0 &&
                  !(status.st_nlink > 1 && met_before(walk, status.st_ino));
    if (!wanted && !S_ISDIR(status.st_mode)) return;
    int fd = openat(directory, entry->d_name, flags);
    if (fd < 0) return;
    if (S_ISDIR(status.st_mode)) {
        walk_directory(walk, fd, depth + 1);
        return;
    }
    look_at_file(walk, fd, &status);
    close(fd);
}

/* Takes over `fd`. */
static void walk_directory(struct walk *walk, int fd, int depth) {
    DIR *directory = depth < DEPTH_LIMIT ? fdopendir(fd) : NULL;
    if (directory == NULL) {
        close(fd);
        return;
    }
    struct dirent *entry;
    while (report_wants_more(walk->look->report) && (entry = readdir(directory)) != NULL)
        look_at_entry(walk, fd, entry, depth);
    closedir(directory);
}

static void look_at_mounts(struct walk *walk) {
    for (size_t i = 0; i < mounts_count(); i++) {
        struct mount *mount = mounts_at(i);
        struct stat status;
        if (!mount_is_chosen(mount) || !mount_touches_target(mount)) continue;
        int fd = mount_fd(mount);
        if (fd < 0 || fstat(fd, &status) != 0) continue;
        walk->mount = mount;
        walk->device = status.st_dev;
        memset(walk->linked, 0, sizeof walk->linked);
        walk->linked_count = 0;
        int root = openat(fd, ".", O_RDONLY | O_DIRECTORY | O_NOATIME | O_CLOEXEC);
        if (root >= 0) walk_directory(walk, root, 0);
    }
}

static void look_at_devices(struct walk *walk) {
    static struct device devices[DEVICE_LIMIT];
    size_t count = devices_list(devices, DEVICE_LIMIT);
    for (size_t i = 0; i < count; i++) {
        uint64_t size;
        int fd = stack_touches(devices[i]) ? device_open(devices[i], O_RDONLY) : -1;
        if (fd < 0) continue;
        ranges_clear(&walk->ranges);
        struct extent extent = {.age_ms = NO_AGE, .file = NO_FILE, .class = CLASS_METADATA};
        if (ioctl(fd, BLKGETSIZE64, &size) == 0 &&
            walk->read(fd, size, walk->look->clean, &walk->ranges))
            map_device(walk->look->report, devices[i], &walk->ranges, &extent);
        close(fd);
    }
}

void files_look(struct look *look, pages_reader read) {
    static struct walk walk;
    walk.look = look;
    walk.read = read;
    look_at_devices(&walk);
    look_at_mounts(&walk);
}
