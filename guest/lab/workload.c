/*
 * lab-workload: keeps a guest's disk busy in a way that can be repeated and checked.
 *
 *   lab-workload run DIR NAME SEED BYTES RATE    lays the files out and makes /run/workload.ready;
 *                                                then writes until it is killed; RATE pages a
 *                                                second, 0 for the workload's own. Files that are
 *                                                there (the guest rebooted) are kept, and checked
 *                                                as `verify` does
 *   lab-workload verify DIR SEED                 checks files that no workload writes, such as those
 *                                                of an old image: each page must be whole, some
 *                                                version of itself, and in its place
 *
 * While it runs, SIGUSR1 has it check every page that it ever wrote: it syncs, drops the page cache
 * of its files, reads them back from the disk and compares each page with the version that it knows
 * it wrote last. The result goes to /run/workload.check as "ok PAGES" or "wrong FILE PAGE …"; a file
 * of the wrong length is wrong at its first page too much or too few. `verify` prints the same.
 */
#include <errno.h>
#include <fcntl.h>
#include <math.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "pages.h"

#define FILES 1024
/* Ticks of the writer a second. */
#define TICKS 20

/* A file as it must be now. */
struct file {
    uint32_t number;
    /* The most that it can have. */
    uint32_t pages;
    /* How many it has, from its beginning. */
    uint32_t present;
    /* Of each page, the version that was written last, before a truncation or after it. */
    uint32_t *versions;
    int fd;
};

static struct file files[FILES];
static const char *folder;
/* Where it tells how it is; LAB_STATUS in the environment, for tests. */
static const char *status_folder = "/run";
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
    if (index >= file->present) file->present = index + 1;
}

static void truncate_file(struct file *file) {
    if (ftruncate(file->fd, 0) < 0) fail("truncate", file);
    file->present = 0;
}

static void sync_file(struct file *file) {
    if (fdatasync(file->fd) < 0) fail("fdatasync", file);
}

/* Opens a file of the status folder for writing. */
static FILE *open_status(const char *name, char path[static 256]) {
    snprintf(path, 256, "%s/%s", status_folder, name);
    FILE *file = fopen(path, "w");
    if (!file) fail(path, NULL);
    return file;
}

/* What a check found. */
struct findings {
    FILE *out;
    unsigned long checked, wrong;
};

static void find_wrong(struct findings *findings, uint32_t file, uint32_t index) {
    if (findings->wrong++ < 20) fprintf(findings->out, "wrong %u %u\n", file, index);
}

static void conclude(const struct findings *findings) {
    if (!findings->wrong) fprintf(findings->out, "ok %lu\n", findings->checked);
}

/* Pages of the file on the disk, a last one that is not whole included. */
static uint32_t count_pages(int fd) {
    struct stat status;
    if (fstat(fd, &status) < 0) return 0;
    return (uint32_t)((status.st_size + PAGE_BYTES - 1) / PAGE_BYTES);
}

/* Compares the file with what it must be now. */
static void check_file(struct file *file, struct findings *findings) {
    uint32_t there = count_pages(file->fd);
    fsync(file->fd);
    posix_fadvise(file->fd, 0, 0, POSIX_FADV_DONTNEED);
    for (uint32_t index = 0; index < file->present; index++) {
        char page[PAGE_BYTES];
        ssize_t got = pread(file->fd, page, sizeof page, (off_t)index * PAGE_BYTES);
        findings->checked++;
        if (got != sizeof page ||
            !page_holds(page, seed, file->number, index, file->versions[index]))
            find_wrong(findings, file->number, index);
    }
    if (there > file->present) find_wrong(findings, file->number, file->present);
}

/* Compares all files with the disk; writes the result file whole. */
static void check_all(void) {
    char written[256], result[256];
    struct findings findings = {.out = open_status("workload.new", written)};
    sync();
    for (int i = 0; i < FILES; i++)
        if (files[i].versions) check_file(&files[i], &findings);
    conclude(&findings);
    fclose(findings.out);
    snprintf(result, sizeof result, "%s/workload.check", status_folder);
    if (rename(written, result) < 0) fail(result, NULL);
}

/* Checks that each page is some version of itself; takes note of the versions where they are wanted. */
static void check_itself(int fd, uint32_t number, struct file *file, struct findings *findings) {
    uint32_t there = count_pages(fd);
    for (uint32_t index = 0; index < there; index++) {
        char page[PAGE_BYTES];
        ssize_t got = pread(fd, page, sizeof page, (off_t)index * PAGE_BYTES);
        uint32_t version = got == sizeof page ? page_version(page) : 0;
        findings->checked++;
        if (!version || !page_holds(page, seed, number, index, version))
            find_wrong(findings, number, index);
        if (file && index < file->pages) file->versions[index] = version;
    }
    if (file) file->present = there;
}

/* Checks all files of the folder. Gives the exit status. */
static int verify_folder(void) {
    struct findings findings = {.out = stdout};
    for (uint32_t number = 0; number < FILES; number++) {
        char path[256];
        snprintf(path, sizeof path, "%s/file-%04u", folder, number);
        int fd = open(path, O_RDONLY);
        if (fd < 0) continue;
        check_itself(fd, number, NULL, &findings);
        close(fd);
    }
    conclude(&findings);
    return findings.wrong || !findings.checked ? 1 : 0;
}

/* -- Workloads. A region is file 1; files from 16 on are what lies there and is never written again. */

#define REGION 1
#define LOG 2
#define SETTLED 16
#define SMALL 64
#define SMALL_FILES 512

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
    struct file *log = &files[LOG];
    while (pages--) {
        if (log->present == log->pages) truncate_file(log);
        write_page(log, log->present);
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
        uint32_t length = 1 + below(file->pages);
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
    {"small-files", small_files, 800, false, false, true},
};

static const struct workload *find(const char *name) {
    for (size_t i = 0; i < sizeof workloads / sizeof *workloads; i++)
        if (!strcmp(workloads[i].name, name)) return &workloads[i];
    fprintf(stderr, "lab-workload: there is no workload %s\n", name);
    exit(2);
}

/* Opens the files of the workload; a quarter of the disk is settled, an eighth is the region, or
 * the log, or what the small files can have together. */
static void open_files(const struct workload *workload, uint64_t bytes) {
    uint32_t pages = (uint32_t)(bytes / PAGE_BYTES);
    for (uint32_t i = 0; i < 8; i++) open_file(SETTLED + i, pages / 32);
    if (workload->region) open_file(REGION, pages / 8);
    if (workload->log) open_file(LOG, pages / 8);
    if (workload->small)
        for (uint32_t i = 0; i < SMALL_FILES; i++) open_file(SMALL + i, pages / 8 / SMALL_FILES);
}

/* Writes every page once, many at a time: a guest may be slow. */
static void write_first(struct file *file) {
    static char pages[64][PAGE_BYTES];
    for (uint32_t index = 0; index < file->pages;) {
        uint32_t count = 0;
        for (; count < 64 && index + count < file->pages; count++) {
            page_fill(pages[count], seed, file->number, index + count, 1);
            file->versions[index + count] = 1;
        }
        ssize_t bytes = (ssize_t)count * PAGE_BYTES;
        if (pwrite(file->fd, pages, (size_t)bytes, (off_t)index * PAGE_BYTES) != bytes)
            fail("write", file);
        index += count;
    }
    file->present = file->pages;
}

/* Lays out the files that are empty, and learns what is in the others. Gives the exit status. */
static int lay_out(void) {
    struct findings findings = {.out = stdout};
    for (uint32_t i = 0; i < FILES; i++) {
        struct file *file = &files[i];
        if (!file->versions) continue;
        check_itself(file->fd, i, file, &findings);
        if (!file->present && i != LOG && i < SMALL) write_first(file);
    }
    return findings.wrong ? 1 : 0;
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

/* Says that the files are laid out, and are on the disk. */
static void announce(void) {
    char path[256];
    sync();
    fclose(open_status("workload.ready", path));
}

static int usage(void) {
    fprintf(stderr, "Usage: lab-workload run DIR NAME SEED BYTES RATE\n"
                    "       lab-workload verify DIR SEED\n");
    return 2;
}

int main(int count, char **arguments) {
    const char *mode = count > 1 ? arguments[1] : "";
    bool running = count == 7 && !strcmp(mode, "run");
    bool verifying = count == 4 && !strcmp(mode, "verify");
    if (!running && !verifying) return usage();
    folder = arguments[2];
    seed = state = strtoull(arguments[verifying ? 3 : 4], NULL, 10);
    if (verifying) return verify_folder();
    if (getenv("LAB_STATUS")) status_folder = getenv("LAB_STATUS");
    const struct workload *workload = find(arguments[3]);
    struct sigaction action = {.sa_handler = on_signal};
    sigaction(SIGUSR1, &action, NULL);
    open_files(workload, strtoull(arguments[5], NULL, 10));
    if (lay_out() != 0) return 1;
    announce();
    unsigned rate = (unsigned)strtoul(arguments[6], NULL, 10);
    run(workload, rate ? rate : workload->rate);
}
