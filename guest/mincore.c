/*
 * The method `mincore`: maps each file, asks which of its pages are in memory, touches those so
 * that they have an entry in the page table, and looks their frames up in /proc/kpageflags. It
 * works on every kernel, and is the slowest; it does not see unlinked files, nor what waits in a
 * journal; a large page counts as dirty as a whole.
 *
 * Touching leaves the order of the page cache as it is only when the kernel is told that the reads
 * are random (no read-ahead), and before unmapping that they were sequential (no promotion).
 */
#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <signal.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "files.h"

/* Pages that are looked at in one go. */
#define BATCH 16384
/* The largest page, in base pages, whose head is looked for. */
#define LARGEST 512

/* Bits of an entry of /proc/self/pagemap and of /proc/kpageflags (Documentation/admin-guide/mm). */
#define ENTRY_PRESENT (1ull << 63)
#define ENTRY_FRAME ((1ull << 55) - 1)
#define FLAG_DIRTY (1u << 4)
#define FLAG_WRITEBACK (1u << 8)
#define FLAG_TAIL (1u << 16)
/* None of the kernel's: the page has gone meanwhile. */
#define FLAG_ABSENT UINT64_MAX

static int pagemap = -1, flags_file = -1;
static sigjmp_buf vanished;

/* A file may be cut while it is looked at: its page is gone then, and touching it raises SIGBUS. */
static void on_bus_error(int signal_number) {
    (void)signal_number;
    siglongjmp(vanished, 1);
}

static bool touch(const volatile uint8_t *start, size_t length) {
    if (sigsetjmp(vanished, 1) != 0) return false;
    for (size_t at = 0; at < length; at += page_size()) (void)start[at];
    return true;
}

static bool read_flags(uint64_t frame, uint64_t *flags, size_t count) {
    return pread(flags_file, flags, count * 8, (off_t)(frame * 8)) == (ssize_t)(count * 8);
}

/* The flags of a large page are those of its head, which lies before `frame`. */
static uint64_t head_flags(uint64_t frame, uint64_t flags) {
    static uint64_t before[LARGEST];
    size_t count = (size_t)min_u64(frame, LARGEST);
    if (!read_flags(frame - count, before, count)) return flags;
    while (count > 0 && (before[count - 1] & FLAG_TAIL)) count--;
    return count > 0 ? before[count - 1] : flags;
}

/* Reads the flags of `count` pages into the place of their entries; frames mostly come in runs. */
static void replace_by_flags(uint64_t *entries, size_t count) {
    for (size_t i = 0, end; i < count; i = end) {
        uint64_t frame = entries[i] & ENTRY_FRAME;
        end = i + 1;
        if (!(entries[i] & ENTRY_PRESENT)) {
            entries[i] = FLAG_ABSENT;
            continue;
        }
        while (end < count && (entries[end] & ENTRY_PRESENT) &&
               (entries[end] & ENTRY_FRAME) == frame + (end - i))
            end++;
        if (!read_flags(frame, entries + i, end - i)) {
            for (size_t k = i; k < end; k++) entries[k] = FLAG_ABSENT;
            continue;
        }
        for (size_t k = i; k < end; k++) {
            if (!(entries[k] & FLAG_TAIL)) continue;
            entries[k] = k > i ? entries[k - 1] : head_flags(frame, entries[k]);
        }
    }
}

/* Adds a run of pages that are in memory; `index` is the first one's, `memory` where it is mapped. */
static void add_run(const uint8_t *memory, uint64_t index, size_t count, bool clean,
                    struct ranges *ranges) {
    static uint64_t pages[BATCH];
    off_t place = (off_t)(((uintptr_t)memory >> page_shift()) * 8);
    if (pread(pagemap, pages, count * 8, place) != (ssize_t)(count * 8)) return;
    replace_by_flags(pages, count);
    for (size_t i = 0; i < count; i++) {
        if (pages[i] == FLAG_ABSENT) continue;
        enum state state = pages[i] & FLAG_DIRTY       ? STATE_DIRTY
                           : pages[i] & FLAG_WRITEBACK ? STATE_WRITEBACK
                                                       : STATE_CLEAN;
        if (state != STATE_CLEAN || clean)
            ranges_add(ranges, (index + i) << page_shift(), page_size(), state);
    }
}

static void read_batch(uint8_t *memory, uint64_t first, size_t count, bool clean,
                       struct ranges *ranges) {
    static unsigned char resident[BATCH];
    if (mincore(memory, count << page_shift(), resident) != 0) return;
    madvise(memory, count << page_shift(), MADV_RANDOM);
    for (size_t i = 0, end; i < count; i = end + 1) {
        for (end = i; end < count && (resident[end] & 1); end++) continue;
        uint8_t *start = memory + (i << page_shift());
        if (end > i && touch(start, (end - i) << page_shift()))
            add_run(start, first + i, end - i, clean, ranges);
    }
    madvise(memory, count << page_shift(), MADV_SEQUENTIAL);
}

static bool read_pages(int fd, uint64_t size, bool clean, struct ranges *ranges) {
    uint64_t pages = (size + page_size() - 1) >> page_shift();
    for (uint64_t first = 0; first < pages; first += BATCH) {
        size_t count = (size_t)min_u64(BATCH, pages - first);
        void *memory = mmap(NULL, count << page_shift(), PROT_READ, MAP_SHARED, fd,
                            (off_t)(first << page_shift()));
        if (memory == MAP_FAILED) return first > 0;
        read_batch(memory, first, count, clean, ranges);
        munmap(memory, count << page_shift());
    }
    return true;
}

static bool prepare(char *reason, size_t size) {
    uint64_t flags;
    pagemap = open("/proc/self/pagemap", O_RDONLY | O_CLOEXEC);
    flags_file = open("/proc/kpageflags", O_RDONLY | O_CLOEXEC);
    if (pagemap < 0 || flags_file < 0 || !read_flags(0, &flags, 1)) {
        say(reason, size, "/proc/kpageflags can't be read (%s).", strerror(errno));
        return false;
    }
    return true;
}

static void gather(struct look *look) {
    struct sigaction action = {.sa_handler = on_bus_error};
    sigaction(SIGBUS, &action, NULL);
    /* A job is a process of its own: its page table is not the one that was opened before. */
    close(pagemap);
    pagemap = open("/proc/self/pagemap", O_RDONLY | O_CLOEXEC);
    files_look(look, read_pages);
}

const struct method method_mincore = {"mincore", prepare, gather};
