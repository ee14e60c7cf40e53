/* A look at the page cache over one disk: see look.h. */
#include "look.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "blockstack.h"
#include "journal.h"
#include "mounts.h"

static const struct method *const methods[] = {&method_kcore, &method_cachestat, &method_mincore};

void look_choose(struct choice *choice, const char *forced) {
    memset(choice, 0, sizeof *choice);
    for (size_t i = 0; i < COUNT_OF(methods) && choice->method == NULL; i++) {
        char *reason = choice->reasons[choice->reason_count];
        if (forced != NULL && strcmp(forced, methods[i]->name) != 0) {
            say(reason, REASON_SIZE, "%s is not used because %s was asked for.", methods[i]->name,
                forced);
            choice->reason_count++;
            continue;
        }
        char detail[REASON_SIZE - 32] = "It does not work here.";
        if (methods[i]->prepare(detail, sizeof detail)) {
            choice->method = methods[i];
        } else {
            say(reason, REASON_SIZE, "%s is not used: %s", methods[i]->name, detail);
            choice->reason_count++;
        }
    }
}

void look_at(const struct method *method, struct look *look) {
    report_begin(look->report);
    stack_begin(look->disk.device);
    mounts_read();
    journal_locate(look->report);
    method->gather(look);
    mounts_close();
    report_end(look->report);
}

/* The path under which an open file can be found now; NULL where there is none. */
static char *path_of(int fd) {
    char link[64], path[4096];
    struct stat by_fd, by_path;
    say(link, sizeof link, "/proc/self/fd/%d", fd);
    ssize_t length = readlink(link, path, sizeof path - 1);
    if (length <= 1 || path[0] != '/') return NULL;
    path[length] = '\0';
    if (fstat(fd, &by_fd) != 0 || by_fd.st_nlink == 0 || lstat(path, &by_path) != 0) return NULL;
    bool same = by_fd.st_dev == by_path.st_dev && by_fd.st_ino == by_path.st_ino;
    return same ? strdup(path) : NULL;
}

uint32_t look_add_file(struct look *look, int fd, const char *file_system, struct file *file) {
    say(file->file_system, sizeof file->file_system, "%s", file_system);
    bool wanted = look->paths && fd >= 0 && look->report->path_count < PATH_LIMIT;
    file->path = wanted ? path_of(fd) : NULL;
    uint32_t index = report_add_file(look->report, file);
    if (index == NO_FILE) free(file->path);
    return index;
}
