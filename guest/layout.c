/* Where the kernel keeps what the `kcore` method reads: see layout.h. */
#include "layout.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "btf.h"

struct wanted {
    const char *structure;
    const char *member;
    int *offset;
};

/* Looks all of them up; gives the first that is missing, or NULL. */
static const struct wanted *look_up(struct btf *btf, const struct wanted *wanted,
                                    size_t count) {
    const struct wanted *missing = NULL;
    for (size_t i = 0; i < count; i++) {
        *wanted[i].offset = btf_offset(btf, wanted[i].structure, wanted[i].member);
        if (*wanted[i].offset < 0 && missing == NULL) missing = &wanted[i];
    }
    return missing;
}

static const struct wanted *look_up_core(struct btf *btf, struct layout *at) {
    const struct wanted wanted[] = {
        {"inode", "i_ino", &at->inode.ino},
        {"inode", "i_sb", &at->inode.super},
        {"inode", "i_mapping", &at->inode.mapping},
        {"inode", "i_data", &at->inode.data},
        {"inode", "i_mode", &at->inode.mode},
        {"inode", "i_nlink", &at->inode.links},
        {"inode", "i_generation", &at->inode.generation},
        {"inode", "i_rdev", &at->inode.rdev},
        {"inode", "i_blkbits", &at->inode.block_bits},
        {"inode", "i_size", &at->inode.bytes},
        {"inode", "dirtied_when", &at->inode.dirtied_when},
        {"inode", "i_io_list", &at->inode.io_list},
        {"inode", "i_wb_list", &at->inode.wb_list},
        {"inode", "i_sb_list", &at->inode.sb_list},
        {"address_space", "i_pages", &at->mapping.pages},
        {"address_space", "i_pages.xa_head", &at->mapping.head},
        {"address_space", "nrpages", &at->mapping.count},
        {"address_space", "host", &at->mapping.host},
        {"super_block", "s_list", &at->super.list},
        {"super_block", "s_dev", &at->super.device},
        {"super_block", "s_type", &at->super.type},
        {"super_block", "s_root", &at->super.root},
        {"super_block", "s_inodes", &at->super.inodes},
        {"super_block", "s_inodes_wb", &at->super.writeback_inodes},
        {"super_block", "s_fs_info", &at->super.info},
        {"file_system_type", "name", &at->file_system_type.name},
        {"dentry", "d_inode", &at->dentry.inode},
        {"xa_node", "shift", &at->node.shift},
        {"xa_node", "slots", &at->node.slots},
        {"xa_node", "marks", &at->node.marks},
        {"xa_node", "array", &at->node.array},
        {"backing_dev_info", "bdi_list", &at->backing_device.list},
        {"backing_dev_info", "wb_list", &at->backing_device.writebacks},
        {"bdi_writeback", "bdi_node", &at->writeback.node},
        {"bdi_writeback", "b_dirty", &at->writeback.dirty},
        {"bdi_writeback", "b_io", &at->writeback.io},
        {"bdi_writeback", "b_more_io", &at->writeback.more_io},
        {"page", "flags", &at->page.flags},
        {"page", "private", &at->page.private_data},
        {"buffer_head", "b_state", &at->buffer.state},
        {"buffer_head", "b_blocknr", &at->buffer.block},
        {"buffer_head", "b_size", &at->buffer.bytes},
        {"buffer_head", "b_this_page", &at->buffer.next},
    };
    return look_up(btf, wanted, COUNT_OF(wanted));
}

/* jbd2 and ext4 may be modules, whose types are not in the kernel's own information. */
static void look_up_journal(struct btf *btf, struct layout *at) {
    const struct wanted wanted[] = {
        {"ext4_sb_info", "s_journal", &at->journal.of_super},
        {"journal_s", "j_running_transaction", &at->journal.running},
        {"journal_s", "j_committing_transaction", &at->journal.committing},
        {"journal_s", "j_checkpoint_transactions", &at->journal.checkpoints},
        {"transaction_s", "t_buffers", &at->journal.buffers},
        {"transaction_s", "t_forget", &at->journal.forget},
        {"transaction_s", "t_shadow_list", &at->journal.shadow},
        {"transaction_s", "t_checkpoint_list", &at->journal.checkpoint_list},
        {"transaction_s", "t_cpnext", &at->journal.checkpoint_next},
        {"journal_head", "b_bh", &at->journal.head_buffer},
        {"journal_head", "b_tnext", &at->journal.next},
        {"journal_head", "b_tprev", &at->journal.previous},
        {"journal_head", "b_cpnext", &at->journal.checkpoint_head_next},
        {"journal_head", "b_cpprev", &at->journal.checkpoint_head_previous},
    };
    at->journal.head_size = btf_size(btf, "journal_head");
    at->journal.dirty_bit = btf_enumerator(btf, "jbd_state_bits", "BH_JBDDirty");
    at->journal.known =
        look_up(btf, wanted, COUNT_OF(wanted)) == NULL && at->journal.dirty_bit >= 0;
}

static const char *look_up_numbers(struct btf *btf, struct layout *at) {
    const struct {
        const char *name;
        int *value;
        int found;
    } numbers[] = {
        {"PG_dirty", &at->page.dirty_bit, btf_enumerator(btf, "pageflags", "PG_dirty")},
        {"PG_writeback", &at->page.writeback_bit, btf_enumerator(btf, "pageflags", "PG_writeback")},
        {"PG_private", &at->page.private_bit, btf_enumerator(btf, "pageflags", "PG_private")},
        {"BH_Dirty", &at->buffer.dirty_bit, btf_enumerator(btf, "bh_state_bits", "BH_Dirty")},
        {"struct inode", &at->inode.size, btf_size(btf, "inode")},
        {"struct buffer_head", &at->buffer.size, btf_size(btf, "buffer_head")},
        {"struct xa_node", &at->node.size, btf_size(btf, "xa_node")},
        {"xa_node.slots[]", &at->node.slot_count, btf_array_length(btf, "xa_node", "slots")},
    };
    const char *missing = NULL;
    for (size_t i = 0; i < COUNT_OF(numbers); i++) {
        *numbers[i].value = numbers[i].found;
        if (numbers[i].found < 0 && missing == NULL) missing = numbers[i].name;
    }
    at->node.mark_words = (at->node.slot_count + 63) / 64;
    return missing;
}

static bool look_up_types(struct layout *layout, char *reason, size_t size) {
    struct btf *btf = btf_load(reason, size);
    if (btf == NULL) return false;
    const struct wanted *missing = look_up_core(btf, layout);
    const char *number = look_up_numbers(btf, layout);
    look_up_journal(btf, layout);
    layout->iomap.state = btf_offset(btf, "iomap_folio_state", "state");
    btf_free(btf);
    if (missing != NULL)
        say(reason, size, "The kernel's type information lacks %s.%s.", missing->structure,
            missing->member);
    else if (number != NULL)
        say(reason, size, "The kernel's type information lacks %s.", number);
    return missing == NULL && number == NULL;
}

static bool look_up_symbols(struct layout *layout, char *reason, size_t size) {
    struct {
        const char *name;
        uint64_t *address;
        bool found;
    } wanted[] = {
        {"super_blocks", &layout->symbol.super_blocks, false},
        {"bdi_list", &layout->symbol.bdi_list, false},
        {"blockdev_superblock", &layout->symbol.blockdev_superblock, false},
        {"jiffies", &layout->symbol.jiffies, false},
    };
    FILE *file = fopen("/proc/kallsyms", "re");
    if (file == NULL) {
        say(reason, size, "/proc/kallsyms can't be opened (%s).", strerror(errno));
        return false;
    }
    char line[512];
    size_t found = 0;
    while (found < COUNT_OF(wanted) && fgets(line, sizeof line, file) != NULL) {
        char *type = strchr(line, ' ');
        if (type == NULL || strlen(type) < 4) continue;
        char *name = type + 3;
        name[strcspn(name, " \t\n")] = '\0';
        for (size_t i = 0; i < COUNT_OF(wanted); i++) {
            if (wanted[i].found || strcmp(name, wanted[i].name) != 0) continue;
            *wanted[i].address = strtoull(line, NULL, 16);
            wanted[i].found = true;
            found++;
        }
    }
    fclose(file);
    for (size_t i = 0; i < COUNT_OF(wanted); i++) {
        if (wanted[i].found && *wanted[i].address != 0) continue;
        say(reason, size,
            wanted[i].found ? "/proc/kallsyms hides the address of %s (kptr_restrict)."
                            : "/proc/kallsyms lacks %s.",
            wanted[i].name);
        return false;
    }
    return true;
}

bool layout_load(struct layout *layout, char *reason, size_t size) {
    memset(layout, 0, sizeof *layout);
    return look_up_types(layout, reason, size) && look_up_symbols(layout, reason, size);
}
