/*
 * The pages of one file: see tree.h. The words are Linux's (Documentation/core-api/xarray.rst): a
 * node has slots; a slot holds a node, a page (the head of a large one), a sibling (a further slot
 * of the same page) or a value (no page). Nodes carry marks for what is below each slot.
 */
#include "tree.h"

#include <string.h>

#include "kmemory.h"

#define NODE_LIMIT 1024
#define MARK_DIRTY 0
#define MARK_WRITEBACK 1
/* The most blocks of one page whose state is read. */
#define BLOCK_LIMIT 16384

static bool is_value(uint64_t entry) { return entry & 1; }
static bool is_internal(uint64_t entry) { return (entry & 3) == 2; }
static bool is_node(uint64_t entry) { return is_internal(entry) && entry > 4096; }

struct walk {
    const struct tree *tree;
    struct ranges *ranges;
    unsigned chunk_bits;
};

/* Adds one block of a page: dirty ones, and the rest where clean pages are wanted. */
static void add_block(const struct walk *walk, uint64_t offset, uint64_t length, bool dirty) {
    if (dirty) ranges_add(walk->ranges, offset, length, STATE_DIRTY);
    else if (walk->tree->clean) ranges_add(walk->ranges, offset, length, STATE_CLEAN);
}

/* Adds a dirty page block by block from its ring of buffer heads; false where it has none. */
static bool add_buffers(const struct walk *walk, uint64_t page, uint64_t offset, uint64_t length) {
    const struct layout *layout = walk->tree->layout;
    uint8_t buffer[256];
    uint64_t flags = kmemory_word(page + (uint64_t)layout->page.flags);
    uint64_t first = kmemory_word(page + (uint64_t)layout->page.private_data);
    uint64_t block = 1ull << walk->tree->block_bits;
    if (!(flags >> layout->page.private_bit & 1) || first == 0) return false;
    if ((size_t)layout->buffer.size > sizeof buffer || length / block > BLOCK_LIMIT) return false;
    uint64_t at = first, end = offset + length;
    size_t mark = walk->ranges->count;
    struct range last = mark > 0 ? walk->ranges->items[mark - 1] : (struct range){0};
    while (offset < end) {
        if (!kmemory_read(at, buffer, (size_t)layout->buffer.size) ||
            field_u64(buffer, layout->buffer.bytes) != block) {
            walk->ranges->count = mark;
            if (mark > 0) walk->ranges->items[mark - 1] = last;
            return false;
        }
        add_block(walk, offset, block, field_u64(buffer, layout->buffer.state) >>
                                               layout->buffer.dirty_bit & 1);
        offset += block;
        at = field_u64(buffer, layout->buffer.next);
    }
    return true;
}

/*
 * Adds a dirty page block by block from `struct iomap_folio_state`, whose bitmap has a bit for each
 * block that is up to date, then one for each that is dirty. False where the page has none.
 */
static bool add_iomap(const struct walk *walk, uint64_t page, uint64_t offset, uint64_t length) {
    static uint64_t bitmap[2 * BLOCK_LIMIT / 64];
    const struct layout *layout = walk->tree->layout;
    uint64_t block = 1ull << walk->tree->block_bits;
    uint64_t blocks = length / block;
    uint64_t state = kmemory_word(page + (uint64_t)layout->page.private_data);
    if (blocks < 2 || blocks > BLOCK_LIMIT || state == 0) return false;
    size_t bytes = (size_t)(round_up(2 * blocks, 64) / 8);
    if (!kmemory_read(state + (uint64_t)layout->iomap.state, bitmap, bytes)) return false;
    for (uint64_t i = 0; i < blocks; i++) {
        uint64_t bit = blocks + i;
        add_block(walk, offset + i * block, block, bitmap[bit / 64] >> (bit % 64) & 1);
    }
    return true;
}

static void add_page(const struct walk *walk, uint64_t page, uint64_t index, uint64_t count,
                     enum state state) {
    const struct tree *tree = walk->tree;
    uint64_t offset = index << page_shift();
    uint64_t length = count << page_shift();
    bool has_blocks = length >> tree->block_bits > 1;
    if (state == STATE_DIRTY && has_blocks) {
        if (tree->notes == NOTES_BUFFERS && add_buffers(walk, page, offset, length)) return;
        if (tree->notes == NOTES_IOMAP && add_iomap(walk, page, offset, length)) return;
    }
    ranges_add(walk->ranges, offset, length, state);
}

/* Slots that a page takes, itself included. */
static uint64_t slots_of_page(const uint8_t *slots, unsigned slot, unsigned slot_count) {
    uint64_t sibling = (uint64_t)slot << 2 | 2;
    unsigned next = slot + 1;
    while (next < slot_count && field_u64(slots, (int)next * 8) == sibling) next++;
    return next - slot;
}

static bool has_mark(const struct layout *layout, const uint8_t *node, int mark, unsigned slot) {
    int word = layout->node.marks + 8 * (mark * layout->node.mark_words + (int)slot / 64);
    return field_u64(node, word) >> (slot % 64) & 1;
}

static bool walk_node(const struct walk *walk, uint64_t address, uint64_t index, int shift) {
    const struct tree *tree = walk->tree;
    const struct layout *layout = tree->layout;
    uint8_t node[NODE_LIMIT];
    if (!kmemory_read(address, node, (size_t)layout->node.size)) return false;
    if (field_u64(node, layout->node.array) != tree->mapping + (uint64_t)layout->mapping.pages)
        return false;
    int own_shift = node[layout->node.shift];
    if (own_shift > 60 || (shift >= 0 && own_shift != shift)) return false;
    const uint8_t *slots = node + layout->node.slots;
    unsigned slot_count = (unsigned)layout->node.slot_count;
    for (unsigned slot = 0; slot < slot_count; slot++) {
        uint64_t entry = field_u64(slots, (int)slot * 8);
        if (entry == 0 || is_value(entry) || (is_internal(entry) && !is_node(entry))) continue;
        bool dirty = has_mark(layout, node, MARK_DIRTY, slot);
        bool writeback = has_mark(layout, node, MARK_WRITEBACK, slot);
        if (!dirty && !writeback && !tree->clean) continue;
        uint64_t below = index + ((uint64_t)slot << own_shift);
        if (is_node(entry)) {
            if (own_shift < (int)walk->chunk_bits ||
                !walk_node(walk, entry - 2, below, own_shift - (int)walk->chunk_bits))
                return false;
            continue;
        }
        uint64_t count = slots_of_page(slots, slot, slot_count) << own_shift;
        add_page(walk, entry, below, count,
                 dirty ? STATE_DIRTY : writeback ? STATE_WRITEBACK : STATE_CLEAN);
    }
    return true;
}

/* A file with a single page has no node; its marks are the page's own flags. */
static void add_single(const struct walk *walk, uint64_t page) {
    const struct layout *layout = walk->tree->layout;
    uint64_t flags = kmemory_word(page + (uint64_t)layout->page.flags);
    bool dirty = flags >> layout->page.dirty_bit & 1;
    bool writeback = flags >> layout->page.writeback_bit & 1;
    if (!dirty && !writeback && !walk->tree->clean) return;
    add_page(walk, page, 0, 1,
             dirty ? STATE_DIRTY : writeback ? STATE_WRITEBACK : STATE_CLEAN);
}

bool tree_walk(const struct tree *tree, struct ranges *ranges) {
    const struct layout *layout = tree->layout;
    struct walk walk = {tree, ranges, (unsigned)__builtin_ctz((unsigned)layout->node.slot_count)};
    uint64_t head = kmemory_word(tree->mapping + (uint64_t)layout->mapping.head);
    if (head == 0 || is_value(head)) return true;
    if (!is_internal(head)) {
        add_single(&walk, head);
        return true;
    }
    return is_node(head) && walk_node(&walk, head - 2, 0, -1);
}
