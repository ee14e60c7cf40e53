/*
 * The method `cachestat`: asks the kernel (6.5 and later) how many pages of a range of a file are
 * cached, dirty and under writeback, and halves ranges until each is in one state. It does not see
 * unlinked files, nor what waits in a journal; a large page counts as dirty as a whole.
 */
#include <errno.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "files.h"

/* The same on all architectures (since Linux 6.5). */
#define CACHESTAT 451
/* Parts into which a mixed range is cut. */
#define PARTS 8

struct cachestat_range {
    uint64_t offset;
    uint64_t length;
};

struct counts {
    uint64_t cached;
    uint64_t dirty;
    uint64_t writeback;
    uint64_t evicted;
    uint64_t recently_evicted;
};

static bool count_pages(int fd, uint64_t page, uint64_t pages, struct counts *counts) {
    struct cachestat_range range = {page << page_shift(), pages << page_shift()};
    return syscall(CACHESTAT, fd, &range, counts, 0) == 0;
}

struct bisection {
    int fd;
    bool clean;
    struct ranges *ranges;
};

static bool is_uniform(const struct bisection *self, const struct counts *counts, uint64_t pages) {
    return (counts->dirty == 0 || counts->dirty == pages) &&
           (counts->writeback == 0 || counts->writeback == pages) &&
           (!self->clean || counts->cached == pages);
}

static void subtract(struct counts *from, const struct counts *part) {
    from->cached -= min_u64(part->cached, from->cached);
    from->dirty -= min_u64(part->dirty, from->dirty);
    from->writeback -= min_u64(part->writeback, from->writeback);
}

/* The counts of the whole range are known; those of its last part follow from the others. */
static bool bisect(const struct bisection *self, uint64_t page, uint64_t pages,
                   struct counts counts) {
    bool any = counts.dirty > 0 || counts.writeback > 0 || (self->clean && counts.cached > 0);
    if (!any) return true;
    if (pages == 1 || is_uniform(self, &counts, pages)) {
        enum state state = counts.dirty > 0       ? STATE_DIRTY
                           : counts.writeback > 0 ? STATE_WRITEBACK
                                                  : STATE_CLEAN;
        ranges_add(self->ranges, page << page_shift(), pages << page_shift(), state);
        return true;
    }
    uint64_t step = 1;
    while (step * PARTS < pages) step *= PARTS;
    for (uint64_t at = 0; at < pages; at += step) {
        uint64_t length = min_u64(step, pages - at);
        struct counts part = counts;
        if (at + length < pages && !count_pages(self->fd, page + at, length, &part)) return false;
        if (!bisect(self, page + at, length, part)) return false;
        subtract(&counts, &part);
    }
    return true;
}

static bool read_pages(int fd, uint64_t size, bool clean, struct ranges *ranges) {
    struct bisection self = {fd, clean, ranges};
    struct counts counts;
    uint64_t pages = (size + page_size() - 1) >> page_shift();
    return pages > 0 && count_pages(fd, 0, pages, &counts) && bisect(&self, 0, pages, counts);
}

static bool prepare(char *reason, size_t size) {
    struct counts counts;
    if (count_pages(-1, 0, 1, &counts) || errno == EBADF) return true;
    say(reason, size, "the kernel has no cachestat (%s).", strerror(errno));
    return false;
}

static void gather(struct look *look) { files_look(look, read_pages); }

const struct method method_cachestat = {"cachestat", prepare, gather};
