/* The mounted file systems: see mounts.h. */
#include "mounts.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#include "blockstack.h"

#define MOUNT_LIMIT 1024

static struct mount *mounts;
static size_t mount_count, mount_capacity;

static void forget(void) {
    mounts_close();
    for (size_t i = 0; i < mount_count; i++) {
        free(mounts[i].point);
        free(mounts[i].root);
        free(mounts[i].source);
    }
    mount_count = 0;
}

/* Space, tab, newline and backslash stand in mountinfo as three octal digits. */
static void unescape(char *text) {
    char *to = text;
    for (const char *from = text; *from != '\0'; to++) {
        bool escape = from[0] == '\\' && from[1] >= '0' && from[1] <= '3' && from[2] >= '0' &&
                      from[2] <= '7' && from[3] >= '0' && from[3] <= '7';
        *to = escape ? (char)((from[1] - '0') << 6 | (from[2] - '0') << 3 | (from[3] - '0'))
                     : *from;
        from += escape ? 4 : 1;
    }
    *to = '\0';
}

/* 36 35 98:0 /root /point options optional… - type source super-options */
static void add_line(char *line) {
    struct mount mount = {.fd = -1};
    char *saved = NULL;
    char *fields[5] = {NULL};
    for (size_t i = 0; i < COUNT_OF(fields); i++) {
        fields[i] = strtok_r(i == 0 ? line : NULL, " \n", &saved);
        if (fields[i] == NULL) return;
    }
    char *field;
    while ((field = strtok_r(NULL, " \n", &saved)) != NULL && strcmp(field, "-") != 0) continue;
    char *type = strtok_r(NULL, " \n", &saved);
    char *source = strtok_r(NULL, " \n", &saved);
    if (type == NULL || source == NULL ||
        sscanf(fields[2], "%u:%u", &mount.device.major, &mount.device.minor) != 2)
        return;
    unescape(fields[3]);
    unescape(fields[4]);
    unescape(source);
    say(mount.type, sizeof mount.type, "%s", type);
    mount.root = strdup(fields[3]);
    mount.point = strdup(fields[4]);
    mount.source = strdup(source);
    bool whole = mount.root != NULL && mount.point != NULL && mount.source != NULL;
    if (whole && make_room((void **)&mounts, &mount_capacity, mount_count, sizeof *mounts,
                           MOUNT_LIMIT)) {
        mounts[mount_count++] = mount;
        return;
    }
    free(mount.root);
    free(mount.point);
    free(mount.source);
}

void mounts_read(void) {
    forget();
    FILE *file = fopen("/proc/self/mountinfo", "re");
    char *line = NULL;
    size_t size = 0;
    while (file != NULL && getline(&line, &size, file) > 0) add_line(line);
    free(line);
    if (file != NULL) fclose(file);
}

size_t mounts_count(void) { return mount_count; }

struct mount *mounts_at(size_t index) { return &mounts[index]; }

int mount_fd(struct mount *mount) {
    if (mount->fd != -1) return mount->fd < 0 ? -1 : mount->fd;
    int fd = open(mount->point, O_RDONLY | O_DIRECTORY | O_CLOEXEC | O_NOATIME);
    /* Another file system may be mounted over this one. */
    struct stat status;
    bool same = fd >= 0 && fstat(fd, &status) == 0 &&
                (device_equals(mount->device, (struct device){major(status.st_dev),
                                                              minor(status.st_dev)}) ||
                 file_system_copies_on_write(mount->type));
    if (fd >= 0 && !same) {
        close(fd);
        fd = -1;
    }
    mount->fd = fd < 0 ? -2 : fd;
    return fd;
}

struct mount *mounts_find(struct device device) {
    struct mount *found = NULL;
    for (size_t i = 0; i < mount_count; i++) {
        if (!device_equals(mounts[i].device, device)) continue;
        if (!strcmp(mounts[i].root, "/")) return &mounts[i];
        if (found == NULL) found = &mounts[i];
    }
    return found;
}

bool mount_is_chosen(const struct mount *mount) { return mounts_find(mount->device) == mount; }

/* btrfs and its kin have a device number of their own; the mount's source names a disk. */
bool mount_touches_target(const struct mount *mount) {
    struct stat status;
    if (mount->device.major != 0) return stack_touches(mount->device);
    return file_system_copies_on_write(mount->type) && stat(mount->source, &status) == 0 &&
           S_ISBLK(status.st_mode) &&
           stack_touches((struct device){major(status.st_rdev), minor(status.st_rdev)});
}

struct mount *mounts_open(struct device device) {
    for (size_t i = 0; i < mount_count; i++)
        if (device_equals(mounts[i].device, device) && mount_fd(&mounts[i]) >= 0)
            return &mounts[i];
    return NULL;
}

void mounts_close(void) {
    for (size_t i = 0; i < mount_count; i++) {
        if (mounts[i].fd >= 0) close(mounts[i].fd);
        mounts[i].fd = -1;
    }
}

/* `struct file_handle` of open_by_handle_at(2), with room for the longest handle used here. */
struct handle {
    uint32_t length;
    int32_t type;
    uint8_t bytes[16];
};

#define HANDLE_INODE32_GENERATION 1
#define HANDLE_XFS_INODE64 0x81

int mounts_open_inode(struct mount *mount, uint64_t inode, uint32_t generation, int flags) {
    struct handle handle = {0};
    int directory = mount_fd(mount);
    if (directory < 0) {
        errno = ENOENT;
        return -1;
    }
    if (inode > UINT32_MAX) {
        if (strcmp(mount->type, "xfs") != 0) {
            errno = EOVERFLOW;
            return -1;
        }
        handle.type = HANDLE_XFS_INODE64;
        handle.length = 12;
        memcpy(handle.bytes, &inode, sizeof inode);
        memcpy(handle.bytes + 8, &generation, sizeof generation);
    } else {
        uint32_t number = (uint32_t)inode;
        handle.type = HANDLE_INODE32_GENERATION;
        handle.length = 8;
        memcpy(handle.bytes, &number, sizeof number);
        memcpy(handle.bytes + 4, &generation, sizeof generation);
    }
    return (int)syscall(SYS_open_by_handle_at, directory, &handle,
                        flags | O_NOATIME | O_NONBLOCK | O_NOCTTY | O_CLOEXEC);
}

static bool is_one_of(const char *type, const char *const *types, size_t count) {
    for (size_t i = 0; i < count; i++)
        if (!strcmp(type, types[i])) return true;
    return false;
}

bool file_system_overwrites(const char *type) {
    static const char *const types[] = {"ext2", "ext3", "ext4", "xfs"};
    return is_one_of(type, types, COUNT_OF(types));
}

bool file_system_copies_on_write(const char *type) {
    static const char *const types[] = {"btrfs", "bcachefs", "f2fs", "nilfs2"};
    return is_one_of(type, types, COUNT_OF(types));
}
