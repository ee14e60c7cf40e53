/*
 * Where the kernel that runs keeps what the `kcore` method reads: offsets from its own type
 * information, addresses of its lists from /proc/kallsyms. Offsets are in bytes; -1 is `not there`
 * and only occurs in the optional groups.
 */
#ifndef MIGRASCOPE_LAYOUT_H
#define MIGRASCOPE_LAYOUT_H

#include "common.h"

struct layout {
    struct {
        int size, ino, super, mapping, data, mode, links, generation, rdev, block_bits, bytes;
        int dirtied_when, io_list, wb_list, sb_list;
    } inode;
    struct {
        int pages, head, count, host;
    } mapping;
    struct {
        int list, device, type, root, inodes, writeback_inodes, info;
    } super;
    struct {
        int name;
    } file_system_type;
    struct {
        int inode;
    } dentry;
    struct {
        int size, shift, slots, slot_count, marks, mark_words, array;
    } node;
    struct {
        int list, writebacks;
    } backing_device;
    struct {
        int node, dirty, io, more_io;
    } writeback;
    struct {
        int flags, private_data, dirty_bit, writeback_bit, private_bit;
    } page;
    /* Optional: blocks of a large page of xfs and its like (kernel 6.6 and later). */
    struct {
        int state;
    } iomap;
    struct {
        int size, state, block, bytes, next, dirty_bit;
    } buffer;
    /* Optional: ext4's journal. `jbd_dirty_bit` is -1 where the kernel does not tell it. */
    struct {
        int of_super, running, committing, checkpoints;
        int buffers, forget, shadow, checkpoint_list, checkpoint_next;
        int head_size, head_buffer, next, previous, checkpoint_head_next, checkpoint_head_previous;
        int dirty_bit;
        bool known;
    } journal;
    struct {
        uint64_t super_blocks, bdi_list, blockdev_superblock, jiffies;
    } symbol;
};

/* Fills `layout`; on failure puts a sentence into `reason`. Takes some tenths of a second. */
bool layout_load(struct layout *layout, char *reason, size_t size);

#endif
