/* Steering of the guest's write-back: see steer.h. */
#include "steer.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "disks.h"

#define NOTE_PATH "/run/migrascope-probe.steer"
#define KEEPER_NAME "migrascope-keep"
#define VM "/proc/sys/vm/"
#define SHARE_LIMIT 64
#define SETTING_LIMIT (5 + SHARE_LIMIT)

/* The bounds: pages wait ten minutes at most, and dirty pages take no more of the memory than this. */
#define EXPIRE_CENTISECONDS 60000
#define BACKGROUND_PERCENT 25
#define DIRTY_PERCENT 40
/* Of the dirty limit, together for all disks and volumes: one without recent writes has next to none. */
#define DISKS_PERCENT 80

struct setting {
    char path[96];
    char before[32];
    char steered[32];
};

static struct setting settings[SETTING_LIMIT];
static size_t setting_count;
static char *program_name;
static pid_t keeper;
static int keeper_input = -1;

void steer_set_name(char *name) { program_name = name; }

/* ---- values ---- */

static void add(const char *path, uint64_t value) {
    struct setting *setting = &settings[setting_count];
    if (setting_count == SETTING_LIMIT) return;
    if (read_text(path, setting->before, sizeof setting->before) <= 0) return;
    say(setting->path, sizeof setting->path, "%s", path);
    say(setting->steered, sizeof setting->steered, "%llu", (unsigned long long)value);
    setting_count++;
}

/* Adds a setting that is only ever raised. */
static void add_raised(const char *path, uint64_t value) {
    uint64_t now;
    if (read_number(path, &now) && now < value) add(path, value);
}

/*
 * A limit is given as a ratio or in bytes, and setting one clears the other: limits in bytes are
 * somebody's choice, and are left alone.
 */
static void add_limit(const char *ratio, const char *bytes, uint64_t percent) {
    uint64_t chosen = 0;
    if (read_number(bytes, &chosen) && chosen == 0) add_raised(ratio, percent);
}

/* Whether write-back to a block device is counted of its own: disks and volumes, not partitions. */
static bool has_share(struct device device, char *path, size_t size) {
    say(path, size, "/sys/dev/block/%u:%u/device", device.major, device.minor);
    bool disk = access(path, F_OK) == 0;
    say(path, size, "/sys/dev/block/%u:%u/dm", device.major, device.minor);
    bool volume = access(path, F_OK) == 0;
    say(path, size, "/sys/class/bdi/%u:%u/min_ratio", device.major, device.minor);
    return (disk || volume) && access(path, F_OK) == 0;
}

static void add_shares(void) {
    static struct device devices[4 * SHARE_LIMIT];
    char paths[SHARE_LIMIT][sizeof settings->path];
    size_t count = 0, device_count = devices_list(devices, COUNT_OF(devices));
    for (size_t i = 0; i < device_count && count < SHARE_LIMIT; i++)
        if (has_share(devices[i], paths[count], sizeof paths[count])) count++;
    for (size_t i = 0; i < count; i++) add_raised(paths[i], DISKS_PERCENT / count);
}

/* The greater limit comes first, so that the lesser one is below it at all times. */
static void choose_settings(void) {
    setting_count = 0;
    add_limit(VM "dirty_ratio", VM "dirty_bytes", DIRTY_PERCENT);
    add_limit(VM "dirty_background_ratio", VM "dirty_background_bytes", BACKGROUND_PERCENT);
    add_raised(VM "dirty_expire_centisecs", EXPIRE_CENTISECONDS);
    add_shares();
}

/* In reverse order, and only where the value is still ours. */
static void put_back(void) {
    char now[sizeof settings->steered];
    for (size_t i = setting_count; i-- > 0;)
        if (read_text(settings[i].path, now, sizeof now) > 0 && !strcmp(now, settings[i].steered))
            write_text(settings[i].path, settings[i].before);
    setting_count = 0;
}

/* ---- the note for a later probe ---- */

static void write_note(void) {
    int fd = open(NOTE_PATH, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600);
    if (fd < 0) return;
    for (size_t i = 0; i < setting_count; i++)
        dprintf(fd, "%s %s %s\n", settings[i].path, settings[i].before, settings[i].steered);
    close(fd);
}

static void read_note(FILE *file) {
    struct setting setting;
    setting_count = 0;
    while (setting_count < SETTING_LIMIT &&
           fscanf(file, "%95s %31s %31s", setting.path, setting.before, setting.steered) == 3) {
        bool ours = !strncmp(setting.path, VM, strlen(VM)) ||
                    !strncmp(setting.path, "/sys/class/bdi/", strlen("/sys/class/bdi/"));
        if (ours && strstr(setting.path, "..") == NULL) settings[setting_count++] = setting;
    }
}

void steer_recover(void) {
    struct stat status;
    int fd = open(NOTE_PATH, O_RDONLY | O_NOFOLLOW | O_CLOEXEC);
    if (fd < 0) return;
    FILE *file = fstat(fd, &status) == 0 && status.st_uid == geteuid() ? fdopen(fd, "r") : NULL;
    /* A keeper that lives holds a lock on its note. */
    if (file != NULL && flock(fd, LOCK_EX | LOCK_NB) == 0) {
        read_note(file);
        put_back();
        unlink(NOTE_PATH);
    }
    if (file != NULL) fclose(file);
    else close(fd);
}

/* ---- the keeper ---- */

/* Waits until it is told to end, its time is over, or the probe is gone; then puts everything back. */
static void keep(int input, uint64_t for_ms) {
    uint64_t end = monotonic_ms() + for_ms;
    prctl(PR_SET_NAME, KEEPER_NAME);
    if (program_name != NULL && strlen(program_name) >= strlen(KEEPER_NAME)) {
        memset(program_name, 0, strlen(program_name));
        memcpy(program_name, KEEPER_NAME, strlen(KEEPER_NAME));
    }
    signal(SIGTERM, SIG_IGN);
    signal(SIGINT, SIG_IGN);
    signal(SIGHUP, SIG_IGN);
    setsid();
    int note = open(NOTE_PATH, O_RDONLY | O_NOFOLLOW | O_CLOEXEC);
    if (note >= 0) flock(note, LOCK_EX);
    for (uint64_t now; (now = monotonic_ms()) < end;) {
        struct pollfd waiting = {input, POLLIN, 0};
        if (poll(&waiting, 1, (int)(end - now)) > 0) break;
    }
    put_back();
    unlink(NOTE_PATH);
}

/* The keeper holds nothing of the probe's but its end of the pipe. */
static void close_all_but(int kept) {
    for (int fd = 0; fd < 256; fd++)
        if (fd != kept) close(fd);
}

static bool start_keeper(uint64_t for_ms) {
    int ends[2];
    if (pipe(ends) != 0) return false;
    fcntl(ends[1], F_SETFD, FD_CLOEXEC);
    keeper = fork();
    if (keeper == 0) {
        sigset_t all;
        sigfillset(&all);
        sigprocmask(SIG_UNBLOCK, &all, NULL);
        close_all_but(ends[0]);
        keep(ends[0], for_ms);
        _exit(0);
    }
    close(ends[0]);
    if (keeper > 0) {
        keeper_input = ends[1];
        return true;
    }
    close(ends[1]);
    return false;
}

bool steer_hold(uint64_t for_ms, char *reason, size_t size) {
    steer_release();
    choose_settings();
    write_note();
    if (!start_keeper(for_ms)) {
        say(reason, size, "The process that would undo the steering can't be started (%s).",
            strerror(errno));
        unlink(NOTE_PATH);
        return false;
    }
    for (size_t i = 0; i < setting_count; i++) {
        /* Shares may add up to 100 % already; the rest is of use without them. */
        bool needed = !strncmp(settings[i].path, VM, strlen(VM));
        if (write_text(settings[i].path, settings[i].steered) || !needed) continue;
        say(reason, size, "%s can't be changed (%s).", settings[i].path, strerror(errno));
        steer_release();
        return false;
    }
    return true;
}

bool steer_is_held(void) {
    if (keeper <= 0) return false;
    if (waitpid(keeper, NULL, WNOHANG) != keeper) return true;
    close(keeper_input);
    keeper_input = -1;
    keeper = 0;
    return false;
}

void steer_release(void) {
    if (keeper <= 0) return;
    close(keeper_input);
    keeper_input = -1;
    while (waitpid(keeper, NULL, 0) < 0 && errno == EINTR) continue;
    keeper = 0;
}
