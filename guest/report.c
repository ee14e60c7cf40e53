/* One look at the page cache over one disk: see report.h. */
#include "report.h"

#include <stdlib.h>
#include <string.h>

/* Extents that cover the same byte; a file system gives a block to one file, so they are few. */
#define OVERLAP_LIMIT 32

const char *const unmapped_names[UNMAPPED_COUNT] = {
    [UNMAPPED_DELAYED] = "delayed-allocation",
    [UNMAPPED_SHARED] = "shared",
    [UNMAPPED_ENCODED] = "encoded",
    [UNMAPPED_INLINE] = "inline",
    [UNMAPPED_HOLE] = "hole",
    [UNMAPPED_COPY_ON_WRITE] = "copy-on-write",
    [UNMAPPED_FILE_SYSTEM] = "other-file-system",
    [UNMAPPED_NOT_MOUNTED] = "not-mounted",
    [UNMAPPED_GONE] = "gone",
    [UNMAPPED_LAYER] = "layer",
};

void report_begin(struct report *report) {
    memset(report, 0, sizeof *report);
    report->start_ms = monotonic_ms();
}

void report_add(struct report *report, const struct extent *extent) {
    if (extent->length == 0) return;
    if (!make_room((void **)&report->extents, &report->extent_capacity, report->extent_count,
                   sizeof *report->extents, EXTENT_LIMIT)) {
        report->truncated = "The page cache holds more extents than the probe reports.";
        return;
    }
    report->extents[report->extent_count] = *extent;
    /* A clean page has no age: how long ago its file was last dirtied says nothing of it. */
    if (extent->state == STATE_CLEAN) report->extents[report->extent_count].age_ms = NO_AGE;
    report->extent_count++;
}

uint32_t report_add_file(struct report *report, const struct file *file) {
    if (!make_room((void **)&report->files, &report->file_capacity, report->file_count,
                   sizeof *report->files, FILE_LIMIT)) {
        report->truncated = "The page cache holds more files than the probe reports.";
        return NO_FILE;
    }
    report->files[report->file_count] = *file;
    if (file->path != NULL) report->path_count++;
    return (uint32_t)report->file_count++;
}

void report_add_journal(struct report *report, uint64_t offset, uint64_t length) {
    if (report->journal_count < JOURNAL_LIMIT)
        report->journals[report->journal_count++] = (struct region){offset, length};
}

void report_add_unmapped(struct report *report, enum unmapped reason, enum state state,
                         uint64_t length) {
    if (state != STATE_CLEAN) report->unmapped[reason] += length;
}

bool report_wants_more(struct report *report) {
    if (report->truncated == NULL && cpu_ms() > CPU_LIMIT_MS)
        report->truncated = "Looking at the page cache took more processor time than it may.";
    return report->truncated == NULL;
}

static uint64_t end_of(const struct extent *extent) { return extent->offset + extent->length; }

/* The part of an extent between two offsets. */
static struct extent part_of(const struct extent *extent, uint64_t start, uint64_t end) {
    struct extent part = *extent;
    part.offset = start;
    part.length = end - start;
    if (part.file != NO_FILE) part.file_offset += start - extent->offset;
    return part;
}

static int by_offset(const void *a, const void *b) {
    const struct extent *left = a, *right = b;
    return left->offset < right->offset ? -1 : left->offset > right->offset;
}

static int journal_by_offset(const void *a, const void *b) {
    const struct region *left = a, *right = b;
    return left->offset < right->offset ? -1 : left->offset > right->offset;
}

static bool is_sorted(const struct report *report) {
    for (size_t i = 1; i < report->extent_count; i++)
        if (report->extents[i].offset < report->extents[i - 1].offset) return false;
    return true;
}

/* What a device's own pages hold inside a journal's region is the journal. */
static void classify_journal(struct report *report, const struct region *journal) {
    size_t count = report->extent_count;
    uint64_t journal_end = journal->offset + journal->length;
    for (size_t i = 0; i < count; i++) {
        struct extent whole = report->extents[i];
        uint64_t end = end_of(&whole);
        uint64_t first = max_u64(whole.offset, journal->offset);
        uint64_t last = min_u64(end, journal_end);
        if (whole.class != CLASS_METADATA || first >= last) continue;
        report->extents[i] = part_of(&whole, first, last);
        report->extents[i].class = CLASS_JOURNAL;
        struct extent before = part_of(&whole, whole.offset, first);
        struct extent behind = part_of(&whole, last, end);
        report_add(report, &before);
        report_add(report, &behind);
    }
}

void report_end(struct report *report) {
    for (size_t i = 0; i < report->journal_count; i++)
        classify_journal(report, &report->journals[i]);
    if (report->extent_count > 0 && !is_sorted(report))
        qsort(report->extents, report->extent_count, sizeof *report->extents, by_offset);
    if (report->journal_count > 0)
        qsort(report->journals, report->journal_count, sizeof *report->journals,
              journal_by_offset);
    report->end_ms = monotonic_ms();
}

static bool continues(const struct extent *first, const struct extent *second) {
    return end_of(first) == second->offset && first->state == second->state &&
           first->class == second->class && first->file == second->file &&
           first->age_ms == second->age_ms &&
           (first->file == NO_FILE || first->file_offset + first->length == second->file_offset);
}

/* The sweep: extents that reach beyond `position`, and the run that waits to be joined. */
struct sweep {
    struct extent active[OVERLAP_LIMIT];
    size_t active_count;
    uint64_t position;
    struct extent waiting;
    extent_visitor visit;
    void *context;
};

static bool emit(struct sweep *sweep, const struct extent *part) {
    if (sweep->waiting.length > 0 && continues(&sweep->waiting, part)) {
        sweep->waiting.length += part->length;
        return true;
    }
    bool more = sweep->waiting.length == 0 || sweep->visit(sweep->context, &sweep->waiting);
    sweep->waiting = *part;
    return more;
}

/*
 * A block that was the file system's own and is a file's now may still be cached as both: of two in
 * the same state, the file's is reported.
 */
static int rank_of(const struct extent *extent) {
    return 2 * extent->state + (extent->class == CLASS_DATA);
}

/* Emits what is active, best rank first, up to `limit`. */
static bool advance(struct sweep *sweep, uint64_t limit) {
    while (sweep->active_count > 0 && sweep->position < limit) {
        size_t best = 0;
        for (size_t i = 1; i < sweep->active_count; i++)
            if (rank_of(&sweep->active[i]) > rank_of(&sweep->active[best])) best = i;
        uint64_t end = min_u64(end_of(&sweep->active[best]), limit);
        struct extent part = part_of(&sweep->active[best], sweep->position, end);
        if (!emit(sweep, &part)) return false;
        sweep->position = end;
        for (size_t i = sweep->active_count; i-- > 0;)
            if (end_of(&sweep->active[i]) <= end)
                sweep->active[i] = sweep->active[--sweep->active_count];
    }
    return true;
}

bool report_each(const struct report *report, extent_visitor visit, void *context) {
    struct sweep sweep = {.visit = visit, .context = context};
    for (size_t i = 0; i < report->extent_count; i++) {
        const struct extent *next = &report->extents[i];
        if (!advance(&sweep, next->offset)) return false;
        if (sweep.active_count == 0) sweep.position = next->offset;
        if (sweep.active_count < OVERLAP_LIMIT) sweep.active[sweep.active_count++] = *next;
    }
    return advance(&sweep, UINT64_MAX) &&
           (sweep.waiting.length == 0 || visit(context, &sweep.waiting));
}
