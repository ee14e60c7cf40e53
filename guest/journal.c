/* Journals of file systems: see journal.h. */
#include "journal.h"

#include <fcntl.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <unistd.h>

#include "blockstack.h"
#include "disks.h"
#include "kmemory.h"
#include "mounts.h"

/* ---- where journals lie ---- */

#define SUPER_BLOCK_OFFSET 1024

static void add_journal_piece(void *context, enum place place, uint64_t offset, uint64_t length) {
    if (place == PLACE_DISK) report_add_journal(context, offset, length);
}

/*
 * The beginning of the file system's device is in the page cache while ext4 is mounted. It is
 * mapped rather than read, and the kernel told that neither look is worth remembering: reading it
 * would move its page up in the cache's order.
 */
static bool read_super_block(const struct mount *mount, uint8_t *super, size_t size) {
    size_t length = (size_t)round_up(SUPER_BLOCK_OFFSET + size, page_size());
    int fd = device_open(mount->device, O_RDONLY | O_NOATIME);
    if (fd < 0) return false;
    void *memory = mmap(NULL, length, PROT_READ, MAP_SHARED, fd, 0);
    close(fd);
    if (memory == MAP_FAILED) return false;
    madvise(memory, length, MADV_RANDOM);
    memcpy(super, (const uint8_t *)memory + SUPER_BLOCK_OFFSET, size);
    madvise(memory, length, MADV_SEQUENTIAL);
    munmap(memory, length);
    return true;
}

/*
 * ext4 keeps a copy of its journal's extent tree in the super block (s_jnl_blocks). A tree with
 * further levels (a journal in more than four pieces) is not followed.
 */
static void locate_ext4(struct report *report, const struct mount *mount) {
    enum { MAGIC = 0x38, LOG_BLOCK_SIZE = 0x18, BACKUP_TYPE = 0xfd, BLOCKS = 0x10c };
    enum { EXTENT_MAGIC = 0xf30a, HEADER = 12, ENTRY = 12, ENTRY_LIMIT = 4 };
    uint8_t super[1024];
    if (!read_super_block(mount, super, sizeof super) || field_u16(super, MAGIC) != 0xef53 ||
        super[BACKUP_TYPE] != 1)
        return;
    uint64_t block = 1024ull << field_u32(super, LOG_BLOCK_SIZE);
    const uint8_t *tree = super + BLOCKS;
    uint16_t entries = field_u16(tree, 2);
    uint16_t depth = field_u16(tree, 6);
    if (field_u16(tree, 0) != EXTENT_MAGIC || depth != 0 || entries > ENTRY_LIMIT) return;
    for (int i = 0; i < entries; i++) {
        const uint8_t *entry = tree + HEADER + i * ENTRY;
        uint64_t start = (uint64_t)field_u16(entry, 6) << 32 | field_u32(entry, 8);
        stack_resolve(mount->device, start * block, field_u16(entry, 4) * block,
                      add_journal_piece, report);
    }
}

/* `struct xfs_fsop_geom_v1` of fs/xfs/libxfs/xfs_fs.h. */
struct xfs_geometry {
    uint32_t block_size;
    uint32_t realtime_extent;
    uint32_t group_blocks;
    uint32_t group_count;
    uint32_t log_blocks;
    uint32_t sector_size;
    uint32_t inode_size;
    uint32_t inode_percent;
    uint64_t data_blocks;
    uint64_t realtime_blocks;
    uint64_t realtime_extents;
    uint64_t log_start;
    uint8_t uuid[16];
    uint32_t stripe_unit;
    uint32_t stripe_width;
    int32_t version;
    uint32_t flags;
    uint32_t log_sector_size;
    uint32_t realtime_sector_size;
    uint32_t directory_block_size;
};

#define XFS_IOC_FSGEOMETRY_V1 _IOR('X', 100, struct xfs_geometry)

/* A block number of xfs has the allocation group in its upper bits, however few blocks that has. */
static void locate_xfs(struct report *report, struct mount *mount) {
    struct xfs_geometry geometry;
    int fd = mount_fd(mount);
    if (fd < 0 || ioctl(fd, XFS_IOC_FSGEOMETRY_V1, &geometry) != 0 || geometry.log_start == 0 ||
        geometry.group_blocks == 0)
        return;
    unsigned bits = 0;
    while ((1ull << bits) < geometry.group_blocks) bits++;
    uint64_t group = geometry.log_start >> bits;
    uint64_t within = geometry.log_start & ((1ull << bits) - 1);
    uint64_t start = (group * geometry.group_blocks + within) * geometry.block_size;
    stack_resolve(mount->device, start, (uint64_t)geometry.log_blocks * geometry.block_size,
                  add_journal_piece, report);
}

void journal_locate(struct report *report) {
    for (size_t i = 0; i < mounts_count(); i++) {
        struct mount *mount = mounts_at(i);
        if (!mount_is_chosen(mount) || !mount_touches_target(mount)) continue;
        if (!strcmp(mount->type, "xfs")) locate_xfs(report, mount);
        else if (!strncmp(mount->type, "ext", 3)) locate_ext4(report, mount);
    }
}

/* ---- what waits in ext4's journal (fs/jbd2 of Linux) ---- */

#define LIST_LIMIT (128 * 1024)
#define TRANSACTION_LIMIT 4096

struct jbd_walk {
    struct report *report;
    const struct layout *layout;
    struct device device;
};

static void add_block(void *context, enum place place, uint64_t offset, uint64_t length) {
    struct report *report = context;
    struct extent extent = {
        .offset = offset,
        .length = length,
        .age_ms = NO_AGE,
        .file = NO_FILE,
        .state = STATE_DIRTY,
        .class = CLASS_METADATA,
    };
    if (place == PLACE_DISK) report_add(report, &extent);
    if (place == PLACE_LAYER) report_add_unmapped(report, UNMAPPED_LAYER, STATE_DIRTY, length);
}

static void add_buffer(const struct jbd_walk *walk, uint64_t address) {
    const struct layout *layout = walk->layout;
    uint8_t buffer[256];
    if (!kmemory_read(address, buffer, (size_t)layout->buffer.size)) return;
    uint64_t flags = field_u64(buffer, layout->buffer.state);
    uint64_t dirty = 1ull << layout->buffer.dirty_bit | 1ull << layout->journal.dirty_bit;
    uint64_t bytes = field_u64(buffer, layout->buffer.bytes);
    if (!(flags & dirty) || bytes < 512 || bytes > 65536) return;
    stack_resolve(walk->device, field_u64(buffer, layout->buffer.block) * bytes, bytes, add_block,
                  walk->report);
}

/* A ring of journal heads; it is left where an element no longer points back. */
static void walk_ring(const struct jbd_walk *walk, uint64_t first, int next, int previous) {
    const struct layout *layout = walk->layout;
    uint8_t head[256];
    uint64_t at = first, before = 0;
    if ((size_t)layout->journal.head_size > sizeof head) return;
    for (size_t i = 0; at != 0 && i < LIST_LIMIT; i++) {
        if (!kmemory_read(at, head, (size_t)layout->journal.head_size) ||
            (before != 0 && field_u64(head, previous) != before)) {
            walk->report->given_up++;
            return;
        }
        add_buffer(walk, field_u64(head, layout->journal.head_buffer));
        before = at;
        at = field_u64(head, next);
        if (at == first) return;
    }
}

static void walk_transaction(const struct jbd_walk *walk, uint64_t transaction) {
    const struct layout *layout = walk->layout;
    const int lists[] = {layout->journal.buffers, layout->journal.shadow, layout->journal.forget};
    if (transaction == 0) return;
    for (size_t i = 0; i < COUNT_OF(lists); i++)
        walk_ring(walk, kmemory_word(transaction + (uint64_t)lists[i]), layout->journal.next,
                  layout->journal.previous);
}

void journal_gather(struct report *report, const struct layout *layout, uint64_t super,
                    struct device device) {
    if (!layout->journal.known) return;
    struct jbd_walk walk = {report, layout, device};
    uint64_t info = kmemory_word(super + (uint64_t)layout->super.info);
    uint64_t journal = kmemory_word(info + (uint64_t)layout->journal.of_super);
    if (info == 0 || journal == 0) return;
    walk_transaction(&walk, kmemory_word(journal + (uint64_t)layout->journal.running));
    walk_transaction(&walk, kmemory_word(journal + (uint64_t)layout->journal.committing));
    uint64_t first = kmemory_word(journal + (uint64_t)layout->journal.checkpoints);
    uint64_t at = first;
    for (int i = 0; at != 0 && i < TRANSACTION_LIMIT; i++) {
        walk_ring(&walk, kmemory_word(at + (uint64_t)layout->journal.checkpoint_list),
                  layout->journal.checkpoint_head_next, layout->journal.checkpoint_head_previous);
        at = kmemory_word(at + (uint64_t)layout->journal.checkpoint_next);
        if (at == first) return;
    }
}
