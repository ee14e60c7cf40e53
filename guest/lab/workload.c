/*
 * lab-workload: keeps a guest's disk busy in a way that can be repeated and checked.
 *
 *   lab-workload prepare DIR NAME SEED BYTES          lays the files out
 *   lab-workload run DIR NAME SEED BYTES RATE         writes until it is killed; RATE pages a second,
 *                                                     0 for the workload's own
 *
 * While it runs, SIGUSR1 has it check every page that it ever wrote: it syncs, drops the page cache
 * of its files, reads them back from the disk and compares each page with the version that it knows
 * it wrote last. The result goes to /run/workload.check as "ok PAGES" or "wrong FILE PAGE …".
 */
#include <errno.h>
#include <fcntl.h>
#include <math.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "pages.h"

#define RESULT "/run/workload.check"
#define FILES 1024
/* Ticks of the writer a second. */
#define TICKS 20

/* A file and the version of each of its pages; 0 is a page that was never written. */
struct file {
    uint32_t number;
    uint32_t pages;
    uint32_t *versions;
    int fd;
};

static struct file files[FILES];
static const char *folder;
static uint64_t seed, state;
static volatile sig_atomic_t check_wanted;

static void fail(const char *what, const struct file *file) {
    fprintf(stderr, "lab-workload: %s, file %u: %s\n", what, file ? file->number : 0, strerror(errno));
    exit(1);
}

static void open_file(uint32_t number, uint32_t pages) {
    struct file *file = &files[number];
    char path[256];
    snprintf(path, sizeof path, "%s/file-%04u", folder, number);
    *file = (struct file){.number = number, .pages = pages, .fd = open(path, O_RDWR | O_CREAT, 0644)};
    file->versions = calloc(pages, sizeof *file->versions);
    if (file->fd < 0 || !file->versions) fail("open", file);
}

static void write_page(struct file *file, uint32_t index) {
    char page[PAGE_BYTES];
    uint32_t version = file->versions[index] + 1;
    page_fill(page, seed, file->number, index, version);
    if (pwrite(file->fd, page, sizeof page, (off_t)index * PAGE_BYTES) != sizeof page)
        fail("write", file);
    file->versions[index] = version;
}

static void truncate_file(struct file *file) {
    if (ftruncate(file->fd, 0) < 0) fail("truncate", file);
    memset(file->versions, 0, file->pages * sizeof *file->versions);
}

static void sync_file(struct file *file) {
    if (fdatasync(file->fd) < 0) fail("fdatasync", file);
}

/* Compares all pages with the disk; writes the result file whole. */
static void check_all(void) {
    FILE *result = fopen(RESULT ".new", "w");
    unsigned long checked = 0, wrong = 0;
    sync();
    for (int i = 0; result && i < FILES; i++) {
        struct file *file = &files[i];
        if (!file->versions) continue;
        fsync(file->fd);
        posix_fadvise(file->fd, 0, 0, POSIX_FADV_DONTNEED);
        for (uint32_t index = 0; index < file->pages; index++) {
            char page[PAGE_BYTES];
            if (!file->versions[index]) continue;
            ssize_t got = pread(file->fd, page, sizeof page, (off_t)index * PAGE_BYTES);
            checked++;
            if (got == sizeof page &&
                page_holds(page, seed, file->number, index, file->versions[index]))
                continue;
            if (wrong++ < 20) fprintf(result, "wrong %u %u\n", file->number, index);
        }
    }
    if (!result) return;
    if (!wrong) fprintf(result, "ok %lu\n", checked);
    fclose(result);
    rename(RESULT ".new", RESULT);
}

/* -- Workloads. A region is file 1; files from 16 on are what lies there and is never written again. */

#define REGION 1
#define LOG 2
#define SETTLED 16
#define SMALL 64
#define SMALL_FILES 512
#define SMALL_PAGES 8

static uint32_t below(uint32_t bound) { return (uint32_t)(random_next(&state) % bound); }

static void rewrite_random(unsigned pages) {
    while (pages--) write_page(&files[REGION], below(files[REGION].pages));
}

/* Rank r of n has a share in proportion to 1 / r; ranks are scattered over the region. */
static uint32_t zipf(uint32_t count) {
    double uniform = (double)(random_next(&state) >> 11) / (double)(1ull << 53);
    uint32_t rank = (uint32_t)(exp(uniform * log((double)count + 1)) - 1);
    return (uint32_t)(((uint64_t)(rank < count ? rank : count - 1) * 2654435761u) % count);
}

static void rewrite_zipf(unsigned pages) {
    /* Hot units are 64 KiB, as a disk block of the host. */
    uint32_t units = files[REGION].pages / 16;
    while (pages--) write_page(&files[REGION], zipf(units) * 16 + below(16));
}

static void append_log(unsigned pages) {
    static uint32_t end;
    struct file *log = &files[LOG];
    while (pages--) {
        if (end == log->pages) {
            truncate_file(log);
            end = 0;
        }
        write_page(log, end++);
    }
}

/* Transactions of four pages anywhere in the table, each made durable by a record in the log. */
static void transact(unsigned pages) {
    static unsigned since_checkpoint;
    for (unsigned i = 0; i < pages; i++) {
        write_page(&files[REGION], zipf(files[REGION].pages));
        if (i % 4 != 3) continue;
        append_log(1);
        sync_file(&files[LOG]);
    }
    since_checkpoint += pages;
    if (since_checkpoint < 2000) return;
    since_checkpoint = 0;
    sync_file(&files[REGION]);
}

static void small_files(unsigned pages) {
    for (unsigned written = 0; written < pages;) {
        struct file *file = &files[SMALL + below(SMALL_FILES)];
        if (below(4) == 0) truncate_file(file);
        uint32_t length = 1 + below(SMALL_PAGES);
        for (uint32_t index = 0; index < length; index++) write_page(file, index);
        written += length;
    }
}

static void rest(unsigned pages) { (void)pages; }

static const struct workload {
    const char *name;
    void (*write)(unsigned pages);
    /* Pages a second. */
    unsigned rate;
    bool region, log, small;
} workloads[] = {
    {"idle", rest, 0, false, false, false},
    {"random-rewrite", rewrite_random, 200, true, false, false},
    {"zipf-rewrite", rewrite_zipf, 400, true, false, false},
    {"sequential-log", append_log, 1000, false, true, false},
    {"database", transact, 200, true, true, false},
    {"small-files", small_files, 200, false, false, true},
};

static const struct workload *find(const char *name) {
    for (size_t i = 0; i < sizeof workloads / sizeof *workloads; i++)
        if (!strcmp(workloads[i].name, name)) return &workloads[i];
    fprintf(stderr, "lab-workload: there is no workload %s\n", name);
    exit(2);
}

/* Opens the files of the workload; a quarter of the disk is settled, an eighth is the region. */
static void open_files(const struct workload *workload, uint64_t bytes) {
    uint32_t pages = (uint32_t)(bytes / PAGE_BYTES);
    for (uint32_t i = 0; i < 8; i++) open_file(SETTLED + i, pages / 32);
    if (workload->region) open_file(REGION, pages / 8);
    if (workload->log) open_file(LOG, pages / 8);
    if (workload->small)
        for (uint32_t i = 0; i < SMALL_FILES; i++) open_file(SMALL + i, SMALL_PAGES);
}

static void write_first_versions(bool to_disk) {
    for (int i = 0; i < FILES; i++) {
        struct file *file = &files[i];
        if (!file->versions || i == LOG || i >= SMALL) continue;
        for (uint32_t index = 0; index < file->pages; index++) {
            if (to_disk) write_page(file, index);
            else file->versions[index] = 1;
        }
    }
}

static void on_signal(int signal) {
    (void)signal;
    check_wanted = 1;
}

static void run(const struct workload *workload, unsigned rate) {
    struct timespec next;
    double owed = 0;
    clock_gettime(CLOCK_MONOTONIC, &next);
    for (;;) {
        owed += (double)rate / TICKS;
        workload->write((unsigned)owed);
        owed -= (unsigned)owed;
        if (check_wanted) {
            check_wanted = 0;
            check_all();
        }
        next.tv_nsec += 1000000000 / TICKS;
        if (next.tv_nsec >= 1000000000) {
            next.tv_nsec -= 1000000000;
            next.tv_sec++;
        }
        struct timespec now;
        clock_gettime(CLOCK_MONOTONIC, &now);
        /* After a pause or an overload, go on from now rather than catch up. */
        if (now.tv_sec > next.tv_sec + 1) next = now;
        clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, &next, NULL);
    }
}

int main(int count, char **arguments) {
    bool preparing = count == 6 && !strcmp(arguments[1], "prepare");
    if (!preparing && !(count == 7 && !strcmp(arguments[1], "run"))) {
        fprintf(stderr, "Usage: lab-workload prepare DIR NAME SEED BYTES\n"
                        "       lab-workload run DIR NAME SEED BYTES RATE\n");
        return 2;
    }
    folder = arguments[2];
    const struct workload *workload = find(arguments[3]);
    seed = state = strtoull(arguments[4], NULL, 10);
    open_files(workload, strtoull(arguments[5], NULL, 10));
    write_first_versions(preparing);
    if (preparing) return 0;
    struct sigaction action = {.sa_handler = on_signal};
    sigaction(SIGUSR1, &action, NULL);
    unsigned rate = (unsigned)strtoul(arguments[6], NULL, 10);
    run(workload, rate ? rate : workload->rate);
}
