/*
 * One look at the page cache over one disk, as it is gathered: extents in any order, with overlaps,
 * and files. Bounded in memory and in processor time; what is beyond the bounds is left out, and
 * the report says so.
 */
#ifndef MIGRASCOPE_REPORT_H
#define MIGRASCOPE_REPORT_H

#include "common.h"

#define EXTENT_LIMIT (256 * 1024)
#define FILE_LIMIT (64 * 1024)
#define PATH_LIMIT 4096
#define JOURNAL_LIMIT 64
#define CPU_LIMIT_MS 20000

/*
 * Ascending in rank: where extents overlap, the higher one is reported. What is under writeback and
 * dirty again counts as dirty.
 */
enum state { STATE_CLEAN, STATE_WRITEBACK, STATE_DIRTY };
enum class { CLASS_DATA, CLASS_METADATA, CLASS_JOURNAL };

/* Why dirty bytes have no place on the disk that can be told. */
enum unmapped {
    UNMAPPED_DELAYED,
    UNMAPPED_SHARED,
    UNMAPPED_ENCODED,
    UNMAPPED_INLINE,
    UNMAPPED_HOLE,
    UNMAPPED_COPY_ON_WRITE,
    UNMAPPED_FILE_SYSTEM,
    UNMAPPED_NOT_MOUNTED,
    UNMAPPED_GONE,
    UNMAPPED_LAYER,
    UNMAPPED_COUNT
};
extern const char *const unmapped_names[UNMAPPED_COUNT];

#define NO_FILE UINT32_MAX
#define NO_AGE UINT64_MAX

struct extent {
    uint64_t offset;
    uint64_t length;
    /* Of the first byte, in the file. */
    uint64_t file_offset;
    /* Milliseconds since the inode was first dirtied, or NO_AGE. */
    uint64_t age_ms;
    /* Index into the report's files, or NO_FILE. */
    uint32_t file;
    uint8_t state;
    uint8_t class;
};

struct file {
    struct device device;
    uint64_t inode;
    uint32_t generation;
    uint32_t links;
    char file_system[16];
    /* NULL where it is not known. */
    char *path;
};

/* A part of the disk, in bytes. */
struct region {
    uint64_t offset;
    uint64_t length;
};

struct report {
    struct extent *extents;
    size_t extent_count, extent_capacity;
    struct file *files;
    size_t file_count, file_capacity, path_count;
    struct region journals[JOURNAL_LIMIT];
    size_t journal_count;
    uint64_t unmapped[UNMAPPED_COUNT];
    uint64_t restarts, given_up;
    /* A sentence, or NULL when the report is whole. */
    const char *truncated;
    uint64_t start_ms, end_ms;
};

void report_begin(struct report *report);
void report_add(struct report *report, const struct extent *extent);
/* Adds a file and gives its index; NO_FILE at the limit. Takes over `file->path`. */
uint32_t report_add_file(struct report *report, const struct file *file);
void report_add_journal(struct report *report, uint64_t offset, uint64_t length);
/* Counts dirty bytes that can't be placed; others need no mention. */
void report_add_unmapped(struct report *report, enum unmapped reason, enum state state,
                         uint64_t length);
/* False once a bound is reached: gathering should end. */
bool report_wants_more(struct report *report);
/* Sorts what was gathered; to be called once, before `report_each`. */
void report_end(struct report *report);

/*
 * Visits the report's extents in ascending order, without overlap, adjacent ones joined. Ends
 * early, and gives false, when the visitor does.
 */
typedef bool (*extent_visitor)(void *context, const struct extent *extent);
bool report_each(const struct report *report, extent_visitor visit, void *context);

#endif
