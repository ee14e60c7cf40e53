/* A request's process: see job.h. What it sends is described in protocol/PROBE.md. */
#include "job.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include "crc32.h"
#include "settings.h"
#include "write.h"

/* The longest item of an array, with its separators: a path of 4,095 bytes, each escaped. */
#define ITEM_ROOM 25000
#define EXTENT_ROOM 256

/* ---- sending, in the job's process ---- */

static int output = -1;
static struct line line;

static void send_line(uint32_t *checksum) {
    line_raw(&line, "\n");
    if (line.overflow) _exit(2);
    if (checksum != NULL) *checksum = crc32_update(*checksum, line.text, line.length);
    for (size_t sent = 0; sent < line.length;) {
        ssize_t count = write(output, line.text + sent, line.length - sent);
        if (count < 0 && errno != EINTR) _exit(3);
        if (count > 0) sent += (size_t)count;
    }
    line_clear(&line);
}

static void begin_line(const char *id, const char *key) {
    line_clear(&line);
    line_raw(&line, "{");
    line_key(&line, "id");
    line_raw(&line, id);
    line_key(&line, key);
}

static void send_error(const char *id, const char *code, const char *message) {
    begin_line(id, "error");
    line_raw(&line, "{");
    line_key(&line, "code");
    line_string(&line, code);
    line_key(&line, "message");
    line_string(&line, message);
    line_raw(&line, "}}");
    send_line(NULL);
}

static void add_number(const char *key, uint64_t value) {
    line_key(&line, key);
    line_number(&line, value);
}

/* ---- a report ---- */

struct sending {
    const struct request *request;
    uint32_t checksum;
    uint64_t count;
    bool open;
};

static void add_journals(const struct report *report) {
    line_key(&line, "journals");
    line_raw(&line, "[");
    for (size_t i = 0; i < report->journal_count; i++) {
        line_comma(&line);
        line_raw(&line, "[");
        line_number(&line, report->journals[i].offset);
        line_raw(&line, ",");
        line_number(&line, report->journals[i].length);
        line_raw(&line, "]");
    }
    line_raw(&line, "]");
}

static void add_unmapped(const struct report *report) {
    line_key(&line, "unmappedBytes");
    line_raw(&line, "{");
    for (size_t i = 0; i < UNMAPPED_COUNT; i++)
        if (report->unmapped[i] > 0) add_number(unmapped_names[i], report->unmapped[i]);
    line_raw(&line, "}");
}

static void send_header(struct sending *sending, const struct report *report) {
    const struct request *request = sending->request;
    begin_line(request->id, "report");
    line_raw(&line, "{");
    add_number("sequence", request->sequence);
    line_key(&line, "method");
    line_string(&line, request->method->name);
    settings_write(&line);
    line_key(&line, "disk");
    disk_write(&line, &request->disk);
    line_key(&line, "clean");
    line_raw(&line, request->clean ? "true" : "false");
    add_number("startMs", report->start_ms);
    add_number("endMs", report->end_ms);
    add_number("restarts", report->restarts);
    add_number("givenUp", report->given_up);
    add_unmapped(report);
    add_journals(report);
    if (report->truncated != NULL) {
        line_key(&line, "truncated");
        line_string(&line, report->truncated);
    }
    line_raw(&line, "}}");
    send_line(&sending->checksum);
}

/* Begins or continues a line of items; sends the line when another item might not fit. */
static void begin_item(struct sending *sending, const char *key, size_t room) {
    if (sending->open && line_room(&line) < room) {
        line_raw(&line, "]}");
        send_line(&sending->checksum);
        sending->open = false;
    }
    if (!sending->open) {
        begin_line(sending->request->id, key);
        line_raw(&line, "[");
        sending->open = true;
    }
    line_comma(&line);
    sending->count++;
}

static uint64_t end_items(struct sending *sending) {
    uint64_t count = sending->count;
    if (sending->open) {
        line_raw(&line, "]}");
        send_line(&sending->checksum);
    }
    sending->open = false;
    sending->count = 0;
    return count;
}

/* ["major:minor", inode, generation, links, "type", "path"] */
static void send_file(struct sending *sending, const struct file *file) {
    char device[32];
    begin_item(sending, "files", ITEM_ROOM);
    say(device, sizeof device, "%u:%u", file->device.major, file->device.minor);
    line_raw(&line, "[");
    line_string(&line, device);
    line_raw(&line, ",");
    line_number(&line, file->inode);
    line_raw(&line, ",");
    line_number(&line, file->generation);
    line_raw(&line, ",");
    line_number(&line, file->links);
    line_raw(&line, ",");
    line_string(&line, file->file_system);
    if (file->path != NULL) {
        line_raw(&line, ",");
        line_string(&line, file->path);
    }
    line_raw(&line, "]");
}

static const char *const state_letters[] = {
    [STATE_CLEAN] = "C", [STATE_WRITEBACK] = "W", [STATE_DIRTY] = "D"};
static const char *const class_letters[] = {
    [CLASS_DATA] = "d", [CLASS_METADATA] = "m", [CLASS_JOURNAL] = "j"};

/* [offset, length, "Dd", file, fileOffset, ageMs]; -1 where file, offset or age is not known */
static bool send_extent(void *context, const struct extent *extent) {
    struct sending *sending = context;
    begin_item(sending, "extents", EXTENT_ROOM);
    line_raw(&line, "[");
    line_number(&line, extent->offset);
    line_raw(&line, ",");
    line_number(&line, extent->length);
    line_raw(&line, ",\"");
    line_raw(&line, state_letters[extent->state]);
    line_raw(&line, class_letters[extent->class]);
    line_raw(&line, "\"");
    bool has_file = extent->file != NO_FILE, has_age = extent->age_ms != NO_AGE;
    if (has_file) {
        line_raw(&line, ",");
        line_number(&line, extent->file);
        line_raw(&line, ",");
        line_number(&line, extent->file_offset);
    } else if (has_age) {
        line_raw(&line, ",-1,-1");
    }
    if (has_age) {
        line_raw(&line, ",");
        line_number(&line, extent->age_ms);
    }
    line_raw(&line, "]");
    return true;
}

static void snapshot(const struct request *request) {
    static struct report report;
    struct look look = {request->disk, request->clean, request->paths, &report};
    struct sending sending = {.request = request};
    look_at(request->method, &look);
    send_header(&sending, &report);
    for (size_t i = 0; i < report.file_count; i++) send_file(&sending, &report.files[i]);
    uint64_t files = end_items(&sending);
    report_each(&report, send_extent, &sending);
    uint64_t extents = end_items(&sending);
    begin_line(request->id, "result");
    line_raw(&line, "{");
    add_number("sequence", request->sequence);
    add_number("files", files);
    add_number("extents", extents);
    add_number("crc32", sending.checksum);
    add_number("cpuMs", cpu_ms());
    line_raw(&line, "}}");
    send_line(NULL);
}

/* ---- drain and trim ---- */

static void drain(const struct request *request) {
    static struct report report;
    struct look look = {.disk = request->disk, .report = &report};
    struct drained drained;
    uint64_t start = monotonic_ms();
    if (request->regions == NULL) drain_all(request->method, &look, &drained);
    else drain_regions(request->method, &look, request->regions, request->region_count, &drained);
    begin_line(request->id, "result");
    line_raw(&line, "{");
    add_number("writtenBytes", drained.written);
    add_number("skippedBytes", drained.skipped);
    add_number("tookMs", monotonic_ms() - start);
    line_raw(&line, "}}");
    send_line(NULL);
}

static void trim(const struct request *request) {
    uint64_t bytes;
    if (trim_all(&request->disk, &bytes) == 0) {
        send_error(request->id, "unsupported",
                   "No mounted file system on the disk can discard.");
        return;
    }
    begin_line(request->id, "result");
    line_raw(&line, "{");
    add_number("trimmedBytes", bytes);
    line_raw(&line, "}}");
    send_line(NULL);
}

/* ---- the process ---- */

static void set_bounds(void) {
    struct rlimit memory = {JOB_MEMORY, JOB_MEMORY};
    struct rlimit cpu = {JOB_CPU_SECONDS, JOB_CPU_SECONDS};
    struct rlimit core = {0, 0};
    setrlimit(RLIMIT_DATA, &memory);
    setrlimit(RLIMIT_CPU, &cpu);
    setrlimit(RLIMIT_CORE, &core);
    /* Short of memory, the guest had better lose this process than one of its own. */
    write_text("/proc/self/oom_score_adj", "1000");
}

static void run(const struct request *request) {
    set_bounds();
    if (request->kind == JOB_TRIM) trim(request);
    else if (request->kind == JOB_DRAIN) drain(request);
    else snapshot(request);
}

bool job_start(struct job *job, const struct request *request, const struct port *port) {
    int ends[2];
    pid_t probe = getpid();
    if (pipe2(ends, O_CLOEXEC) != 0) return false;
    pid_t process = fork();
    if (process == 0) {
        sigset_t none;
        sigemptyset(&none);
        sigprocmask(SIG_SETMASK, &none, NULL);
        prctl(PR_SET_PDEATHSIG, SIGKILL);
        if (getppid() != probe) _exit(1);
        close(ends[0]);
        close(port->input);
        close(port->output);
        output = ends[1];
        run(request);
        _exit(0);
    }
    close(ends[1]);
    if (process < 0) {
        close(ends[0]);
        return false;
    }
    fcntl(ends[0], F_SETFL, O_NONBLOCK);
    job->process = process;
    job->output = ends[0];
    memcpy(job->id, request->id, sizeof job->id);
    return true;
}

bool job_finish(struct job *job) {
    int status = 0;
    pid_t ended;
    do ended = waitpid(job->process, &status, 0);
    while (ended < 0 && errno == EINTR);
    close(job->output);
    job->process = 0;
    job->output = -1;
    return ended > 0 && WIFEXITED(status) && WEXITSTATUS(status) == 0;
}

#define KILLED_LIMIT 8

static pid_t killed[KILLED_LIMIT];
static size_t killed_count;

bool job_reap(void) {
    for (size_t i = killed_count; i-- > 0;)
        if (waitpid(killed[i], NULL, WNOHANG) != 0) killed[i] = killed[--killed_count];
    return killed_count < KILLED_LIMIT;
}

void job_kill(struct job *job) {
    if (job->process == 0) return;
    kill(job->process, SIGKILL);
    close(job->output);
    if (killed_count < KILLED_LIMIT) killed[killed_count++] = job->process;
    job->process = 0;
    job->output = -1;
}
