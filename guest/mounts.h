/* The mounted file systems, and opening their files by inode number. */
#ifndef MIGRASCOPE_MOUNTS_H
#define MIGRASCOPE_MOUNTS_H

#include "common.h"

struct mount {
    struct device device;
    char type[16];
    /* Where it is mounted, its root there, and the device it came from. */
    char *point;
    char *root;
    char *source;
    /* A directory of it, opened on first use; -1 before, -2 where it can't be. */
    int fd;
};

/* Reads /proc/self/mountinfo; what was read before is let go. */
void mounts_read(void);
size_t mounts_count(void);
struct mount *mounts_at(size_t index);

/* The mount of a file system, of its root rather than of a part; NULL where there is none. */
struct mount *mounts_find(struct device device);
/* Whether it is the one that stands for its file system: a file system may be mounted repeatedly. */
bool mount_is_chosen(const struct mount *mount);
/* Whether any part of the file system lies on the target of blockstack.h. */
bool mount_touches_target(const struct mount *mount);

/* The first mount of a file system whose directory can be opened; NULL where there is none. */
struct mount *mounts_open(struct device device);
/* Opens a mount's directory without a change of its times; -1 where that can't be. */
int mount_fd(struct mount *mount);

/* Closes directories that were opened, so that nothing keeps a file system from being unmounted. */
void mounts_close(void);

/*
 * Opens a regular file by its inode number and generation, without a path and without touching its
 * times; -1 where it can't (errno is set).
 */
int mounts_open_inode(struct mount *mount, uint64_t inode, uint32_t generation, int flags);

/* Whether FIEMAP tells where such a file system will write a block that it has already. */
bool file_system_overwrites(const char *type);
/* Whether such a file system writes to a new place each time. */
bool file_system_copies_on_write(const char *type);

#endif
