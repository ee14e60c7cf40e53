/* A look at the page cache over one disk, and the three methods of looking. */
#ifndef MIGRASCOPE_LOOK_H
#define MIGRASCOPE_LOOK_H

#include "common.h"
#include "disks.h"
#include "report.h"

struct look {
    struct disk disk;
    /* Clean pages too. */
    bool clean;
    /* Paths of files, where they are cheap to know. */
    bool paths;
    struct report *report;
};

struct method {
    const char *name;
    /* Prepares the method, once; on failure puts a sentence into `reason`. */
    bool (*prepare)(char *reason, size_t size);
    /* Gathers into `look->report`; what cannot be seen is in the report's counters. */
    void (*gather)(struct look *look);
};

/* kcore.c, cachestat.c, mincore.c */
extern const struct method method_kcore, method_cachestat, method_mincore;

/* The most that is said about methods that are not used. */
#define REASON_SIZE 256

struct choice {
    /* NULL when no method works. */
    const struct method *method;
    size_t reason_count;
    char reasons[3][REASON_SIZE];
};

/* Takes the best method that works, or the one called `forced` where that is not NULL. */
void look_choose(struct choice *choice, const char *forced);

/* Looks with a method: the report is begun, gathered and ended. */
void look_at(const struct method *method, struct look *look);

/*
 * Adds an open regular file to the report, with its path where it is cheap to know, and returns its
 * index.
 */
uint32_t look_add_file(struct look *look, int fd, const char *file_system, struct file *file);

#endif
