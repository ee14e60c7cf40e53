/*
 * The method `kcore`: reads the kernel's own lists of dirty inodes, and each inode's index of
 * pages, out of /proc/kcore.
 *
 *   bdi_list → each writeback's b_dirty, b_io, b_more_io ┐
 *   super_blocks → each super block's s_inodes_wb        ├→ inode → tree.c → mapping.c
 *                  (clean pages too: s_inodes)           ┘
 *
 * Nothing is locked. Every element of a list must point back to the one before it, or the list has
 * changed and is walked anew, a bounded number of times. Inodes are first gathered by address, in
 * little time, and looked at afterwards: each is checked again then.
 */
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "blockstack.h"
#include "journal.h"
#include "kmemory.h"
#include "layout.h"
#include "look.h"
#include "mapping.h"
#include "mounts.h"
#include "tree.h"

#define SUPER_LIMIT 1024
#define INODE_SIZE_LIMIT 4096
#define CANDIDATE_LIMIT (512 * 1024)
#define SEEN_LIMIT (2 * CANDIDATE_LIMIT)
#define LIST_LIMIT (4 * 1024 * 1024)
#define ATTEMPTS 20

static struct layout layout;

/* What is done with the pages of a file system. */
enum treatment { TREAT_SKIP, TREAT_MAP, TREAT_DEVICE, TREAT_COUNT };

struct super {
    uint64_t address;
    struct device device;
    char type[16];
    enum treatment treatment;
    /* For TREAT_COUNT. */
    enum unmapped reason;
    struct mount *mount;
};

struct candidate {
    uint64_t address;
    uint32_t super;
};

/* All that one look needs; large, hence static. */
static struct {
    struct look *look;
    struct super supers[SUPER_LIMIT];
    size_t super_count;
    struct candidate *candidates;
    size_t candidate_count, candidate_capacity;
    /* Addresses of inodes that are candidates already: an open hash table, 0 is free. */
    uint64_t *seen;
    size_t seen_capacity;
    struct ranges ranges;
    /* Ticks of the kernel's clock now, and in a second; 0 where that is not known. */
    uint64_t jiffies, ticks;
} state;

static struct device kernel_device(uint32_t number) {
    return (struct device){number >> 20, number & 0xfffff};
}

/* ---- super blocks ---- */

static void treat(struct super *super, bool is_block_devices) {
    const struct mount *mount = mounts_find(super->device);
    bool copies = file_system_copies_on_write(super->type);
    super->treatment = TREAT_SKIP;
    if (is_block_devices) {
        super->treatment = TREAT_DEVICE;
    } else if (copies && mount != NULL && mount_touches_target(mount)) {
        super->treatment = TREAT_COUNT;
        super->reason = UNMAPPED_COPY_ON_WRITE;
    } else if (super->device.major != 0 && stack_touches(super->device)) {
        super->mount = mounts_open(super->device);
        bool known = file_system_overwrites(super->type);
        super->treatment = known && super->mount != NULL ? TREAT_MAP : TREAT_COUNT;
        super->reason = known ? UNMAPPED_NOT_MOUNTED : UNMAPPED_FILE_SYSTEM;
    }
}

static bool read_super(uint64_t address, struct super *super) {
    uint32_t device;
    memset(super, 0, sizeof *super);
    super->address = address;
    if (!kmemory_read(address + (uint64_t)layout.super.device, &device, sizeof device))
        return false;
    super->device = kernel_device(device);
    uint64_t type = kmemory_word(address + (uint64_t)layout.super.type);
    uint64_t name = kmemory_word(type + (uint64_t)layout.file_system_type.name);
    return kmemory_read(name, super->type, sizeof super->type - 1);
}

static bool read_supers(void) {
    uint64_t head = layout.symbol.super_blocks;
    uint64_t devices = kmemory_word(layout.symbol.blockdev_superblock);
    for (int attempt = 0; attempt < ATTEMPTS; attempt++) {
        uint64_t previous = head, at = kmemory_word(head);
        state.super_count = 0;
        while (at != head && state.super_count < SUPER_LIMIT) {
            struct super *super = &state.supers[state.super_count];
            if (kmemory_word(at + 8) != previous ||
                !read_super(at - (uint64_t)layout.super.list, super))
                break;
            treat(super, super->address == devices);
            state.super_count++;
            previous = at;
            at = kmemory_word(at);
        }
        if (at == head || state.super_count == SUPER_LIMIT) return true;
        if (state.look != NULL) state.look->report->restarts++;
    }
    if (state.look != NULL) state.look->report->given_up++;
    return false;
}

static const struct super *super_at(uint64_t address) {
    static size_t last;
    if (last < state.super_count && state.supers[last].address == address)
        return &state.supers[last];
    for (size_t i = 0; i < state.super_count; i++)
        if (state.supers[i].address == address) return &state.supers[last = i];
    return NULL;
}

/* ---- gathering inodes ---- */

static bool seen_insert(uint64_t address) {
    size_t mask = state.seen_capacity - 1;
    size_t at = (size_t)(address * 0x9e3779b97f4a7c15ull >> 32) & mask;
    while (state.seen[at] != 0 && state.seen[at] != address) at = (at + 1) & mask;
    if (state.seen[at] == address) return false;
    state.seen[at] = address;
    return true;
}

/* Keeps the table at most half full. */
static bool seen_grow(void) {
    if (state.candidate_count * 2 < state.seen_capacity) return true;
    size_t larger = state.seen_capacity == 0 ? 4096 : state.seen_capacity * 2;
    uint64_t *table = larger > SEEN_LIMIT ? NULL : calloc(larger, sizeof *table);
    if (table == NULL) return false;
    free(state.seen);
    state.seen = table;
    state.seen_capacity = larger;
    for (size_t i = 0; i < state.candidate_count; i++) seen_insert(state.candidates[i].address);
    return true;
}

static void add_candidate(uint64_t address, const struct super *super) {
    if (super->treatment == TREAT_SKIP) return;
    if (!seen_grow() ||
        !make_room((void **)&state.candidates, &state.candidate_capacity, state.candidate_count,
                   sizeof *state.candidates, CANDIDATE_LIMIT)) {
        state.look->report->truncated = "The guest has more inodes in use than the probe looks at.";
        return;
    }
    if (!seen_insert(address)) return;
    state.candidates[state.candidate_count++] =
        (struct candidate){address, (uint32_t)(super - state.supers)};
}

/* One pass over a list of inodes; false where it changed meanwhile. */
static bool pass_list(uint64_t head, int link) {
    uint8_t inode[INODE_SIZE_LIMIT];
    uint64_t previous = head, at = kmemory_word(head);
    for (size_t i = 0; at != head; i++) {
        uint64_t address = at - (uint64_t)link;
        if (i == LIST_LIMIT || at == 0 ||
            !kmemory_read(address, inode, (size_t)layout.inode.size) ||
            field_u64(inode, link + 8) != previous)
            return false;
        const struct super *super = super_at(field_u64(inode, layout.inode.super));
        if (super == NULL) return false;
        uint64_t pages = field_u64(inode, layout.inode.data + layout.mapping.count);
        if (pages != 0) add_candidate(address, super);
        if (!report_wants_more(state.look->report)) return true;
        previous = at;
        at = field_u64(inode, link);
    }
    return true;
}

static void gather_list(uint64_t head, int link) {
    for (int attempt = 0; attempt < ATTEMPTS; attempt++) {
        if (pass_list(head, link)) return;
        state.look->report->restarts++;
    }
    state.look->report->given_up++;
}

/* A list of bdi_writeback or backing_dev_info, whose elements come and go rarely. */
static bool next_element(uint64_t head, uint64_t *at, size_t *count) {
    uint64_t next = kmemory_word(*at);
    if (next == head) return false;
    if (next == 0 || kmemory_word(next + 8) != *at || ++*count > 100000) {
        state.look->report->given_up++;
        return false;
    }
    *at = next;
    return true;
}

static void gather_dirty(void) {
    uint64_t head = layout.symbol.bdi_list, at = head;
    size_t devices = 0;
    while (next_element(head, &at, &devices)) {
        uint64_t device = at - (uint64_t)layout.backing_device.list;
        uint64_t list = device + (uint64_t)layout.backing_device.writebacks, link = list;
        size_t writebacks = 0;
        while (next_element(list, &link, &writebacks)) {
            uint64_t writeback = link - (uint64_t)layout.writeback.node;
            gather_list(writeback + (uint64_t)layout.writeback.dirty, layout.inode.io_list);
            gather_list(writeback + (uint64_t)layout.writeback.io, layout.inode.io_list);
            gather_list(writeback + (uint64_t)layout.writeback.more_io, layout.inode.io_list);
        }
    }
    for (size_t i = 0; i < state.super_count; i++)
        if (state.supers[i].treatment != TREAT_SKIP)
            gather_list(state.supers[i].address + (uint64_t)layout.super.writeback_inodes,
                        layout.inode.wb_list);
}

static void gather_all(void) {
    for (size_t i = 0; i < state.super_count; i++)
        if (state.supers[i].treatment == TREAT_MAP || state.supers[i].treatment == TREAT_DEVICE)
            gather_list(state.supers[i].address + (uint64_t)layout.super.inodes,
                        layout.inode.sb_list);
}

/* ---- age ---- */

/* Finds the kernel's tick rate: its counter starts five minutes before it wraps at 32 bits. */
static void read_clock(void) {
    static const uint64_t rates[] = {100, 250, 300, 1000};
    uint64_t seconds = monotonic_ms() / 1000;
    state.jiffies = kmemory_word(layout.symbol.jiffies);
    state.ticks = 0;
    for (size_t i = 0; i < COUNT_OF(rates); i++) {
        uint64_t passed = (state.jiffies - (uint32_t)(-300 * (int64_t)rates[i])) / rates[i];
        if (passed + 2 >= seconds && passed <= seconds + 2) state.ticks = rates[i];
    }
}

static uint64_t age_of(const uint8_t *inode) {
    uint64_t since = field_u64(inode, layout.inode.dirtied_when);
    if (state.ticks == 0 || since == 0 || since > state.jiffies + state.ticks) return NO_AGE;
    return since >= state.jiffies ? 0 : (state.jiffies - since) * 1000 / state.ticks;
}

/* ---- looking at inodes ---- */

/* Reads the pages of an inode; the index may change under the walk, which then begins anew. */
static bool read_pages(const struct candidate *candidate, const struct super *super,
                       const uint8_t *inode) {
    struct tree tree = {
        .layout = &layout,
        .mapping = candidate->address + (uint64_t)layout.inode.data,
        .notes = super->treatment == TREAT_DEVICE || super->type[0] == 'e' ? NOTES_BUFFERS
                 : layout.iomap.state >= 0                                 ? NOTES_IOMAP
                                                                           : NOTES_NONE,
        .block_bits = inode[layout.inode.block_bits],
        .clean = state.look->clean && super->treatment != TREAT_COUNT,
    };
    if (tree.block_bits < 9 || tree.block_bits > 24) tree.block_bits = page_shift();
    for (int attempt = 0; attempt < ATTEMPTS; attempt++) {
        ranges_clear(&state.ranges);
        if (tree_walk(&tree, &state.ranges)) {
            uint64_t bytes = field_u64(inode, layout.inode.bytes);
            if (super->treatment != TREAT_DEVICE)
                ranges_clip(&state.ranges, round_up(bytes, 1ull << tree.block_bits));
            if (state.ranges.incomplete)
                state.look->report->truncated = "A file has more cached ranges than are reported.";
            return state.ranges.count > 0;
        }
        state.look->report->restarts++;
    }
    state.look->report->given_up++;
    return false;
}

/* Maps through the file itself; without one the dirty bytes are counted. */
static void map_inode(const struct super *super, const uint8_t *inode, uint64_t age) {
    struct report *report = state.look->report;
    uint64_t number = field_u64(inode, layout.inode.ino);
    if (!S_ISREG(field_u16(inode, layout.inode.mode))) {
        map_nothing(report, &state.ranges, UNMAPPED_FILE_SYSTEM);
        return;
    }
    struct file file = {
        .device = super->device,
        .inode = number,
        .generation = field_u32(inode, layout.inode.generation),
        .links = field_u32(inode, layout.inode.links),
    };
    int fd = mounts_open_inode(super->mount, number, file.generation, O_RDONLY);
    if (fd < 0) {
        map_nothing(report, &state.ranges, UNMAPPED_GONE);
        return;
    }
    struct extent extent = {.age_ms = age, .class = CLASS_DATA};
    extent.file = look_add_file(state.look, fd, super->type, &file);
    map_file(report, fd, super->device, &state.ranges, &extent);
    close(fd);
}

static void look_at_inode(const struct candidate *candidate) {
    uint8_t inode[INODE_SIZE_LIMIT];
    const struct super *super = &state.supers[candidate->super];
    struct report *report = state.look->report;
    if (!kmemory_read(candidate->address, inode, (size_t)layout.inode.size)) return;
    if (field_u64(inode, layout.inode.super) != super->address) return;
    /* A device's node in a file system has the device's pages; the device's own inode is met too. */
    if (field_u64(inode, layout.inode.mapping) != candidate->address + (uint64_t)layout.inode.data)
        return;
    struct device device = kernel_device(field_u32(inode, layout.inode.rdev));
    if (super->treatment == TREAT_DEVICE && !stack_touches(device)) return;
    if (!read_pages(candidate, super, inode)) return;
    uint64_t age = age_of(inode);
    if (super->treatment == TREAT_DEVICE) {
        struct extent extent = {.age_ms = age, .file = NO_FILE, .class = CLASS_METADATA};
        map_device(report, device, &state.ranges, &extent);
    } else if (super->treatment == TREAT_COUNT) {
        map_nothing(report, &state.ranges, super->reason);
    } else {
        map_inode(super, inode, age);
    }
}

static void gather(struct look *look) {
    state.look = look;
    state.candidate_count = 0;
    if (state.seen != NULL) memset(state.seen, 0, state.seen_capacity * sizeof *state.seen);
    if (!read_supers()) return;
    read_clock();
    gather_dirty();
    if (look->clean) gather_all();
    for (size_t i = 0; i < state.candidate_count && report_wants_more(look->report); i++)
        look_at_inode(&state.candidates[i]);
    for (size_t i = 0; i < state.super_count; i++) {
        const struct super *super = &state.supers[i];
        if (super->treatment == TREAT_MAP && !strcmp(super->type, "ext4"))
            journal_gather(look->report, &layout, super->address, super->device);
    }
}

/* ---- trying it out ---- */

/* The root directory of a mounted file system must be the inode that stat(2) tells. */
static bool root_fits(const struct super *super, const struct mount *mount) {
    struct stat status;
    uint64_t dentry = kmemory_word(super->address + (uint64_t)layout.super.root);
    uint64_t inode = kmemory_word(dentry + (uint64_t)layout.dentry.inode);
    return stat(mount->point, &status) == 0 &&
           kmemory_word(inode + (uint64_t)layout.inode.super) == super->address &&
           kmemory_word(inode + (uint64_t)layout.inode.ino) == status.st_ino;
}

/* Compares what is read with what is known of at least one mounted file system. */
static bool try_out(char *reason, size_t size) {
    mounts_read();
    bool whole = read_supers();
    size_t fitting = 0;
    for (size_t i = 0; whole && i < mounts_count(); i++) {
        const struct mount *mount = mounts_at(i);
        if (strcmp(mount->root, "/") != 0) continue;
        for (size_t k = 0; k < state.super_count; k++)
            if (device_equals(state.supers[k].device, mount->device) &&
                root_fits(&state.supers[k], mount))
                fitting++;
    }
    mounts_close();
    if (fitting > 0) return true;
    say(reason, size, "What /proc/kcore holds does not fit the kernel's type information.");
    return false;
}

static bool prepare(char *reason, size_t size) {
    if (!kmemory_open(reason, size) || !layout_load(&layout, reason, size)) return false;
    if (layout.inode.size > INODE_SIZE_LIMIT || layout.node.size > 1024 ||
        layout.buffer.size > 256) {
        say(reason, size, "The kernel's structures are larger than this probe expects.");
        return false;
    }
    return try_out(reason, size);
}

const struct method method_kcore = {"kcore", prepare, gather};
