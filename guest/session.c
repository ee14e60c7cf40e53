/* The probe's conversation with its host: see session.h. */
#include "session.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/signalfd.h>
#include <unistd.h>

#include "job.h"
#include "json.h"
#include "port.h"
#include "queue.h"
#include "session_reply.h"
#include "staged.h"
#include "steer.h"

/* How often it is looked whether the host has come, or the port is there. */
#define LOOK_MS 250
#define SILENCE_MS 15000
#define SILENCE_LIMIT_MS 120000

static struct {
    const struct options *options;
    struct port port;
    struct choice choice;
    int signals;
    bool connected, ended;
    char input[LINE_LIMIT];
    size_t input_length;
    /* The rest of a line that is too long is skipped. */
    bool skipping;
    struct queue output;
    struct job job;
    /* The job's last line is held until its process has ended: the host may ask for more then. */
    char job_lines[2 * LINE_LIMIT];
    size_t job_length;
    uint64_t sequence;
    struct staged staged;
    uint64_t heard_ms, silence_ms;
} self;

static struct line reply;

/* ---- replies ---- */

static void queue_reply(void) {
    line_raw(&reply, "\n");
    if (!reply.overflow) queue_add(&self.output, reply.text, reply.length);
    line_clear(&reply);
}

static void queue_error(const char *id, const char *code, const char *message) {
    reply_error(&reply, id, code, message);
    queue_reply();
}

/* ---- requests ---- */

/* What one host asked for does not concern the next. */
static void end_requests(void) {
    job_kill(&self.job);
    self.job_length = 0;
    staged_clear(&self.staged);
    steer_release();
}

static void on_hello(const char *id) {
    end_requests();
    reply_begin(&reply, id);
    line_raw(&reply, "{");
    hello_write(&reply, &self.choice);
    line_raw(&reply, "}}");
    queue_reply();
}

static void on_ping(const char *id) {
    reply_begin(&reply, id);
    line_raw(&reply, "{");
    line_key(&reply, "monotonicMs");
    line_number(&reply, monotonic_ms());
    line_key(&reply, "steering");
    line_raw(&reply, steer_is_held() ? "true}}" : "false}}");
    queue_reply();
}

static void on_stage(const char *id, struct json params) {
    if (json_true(json_member(params, "anew"))) staged_clear(&self.staged);
    const char *wrong = staged_add(&self.staged, json_member(params, "extents"));
    if (wrong != NULL) {
        staged_clear(&self.staged);
        queue_error(id, "bad-request", wrong);
        return;
    }
    reply_begin(&reply, id);
    line_raw(&reply, "{");
    line_key(&reply, "staged");
    line_number(&reply, self.staged.count);
    line_raw(&reply, "}}");
    queue_reply();
}

/* Finds the disk that a request names; answers the request and gives false where there is none. */
static bool find_disk(const char *id, struct json params, struct disk *disk) {
    switch (disks_match(json_member(params, "disk"), disk)) {
    case DISK_FOUND:
        return true;
    case DISK_NONE:
        queue_error(id, "no-such-disk", "No disk of the guest fits.");
        return false;
    case DISK_AMBIGUOUS:
        queue_error(id, "ambiguous-disk", "More than one disk of the guest fits.");
        return false;
    default:
        queue_error(id, "bad-request", "'disk' must be an object with at least a 'size'.");
        return false;
    }
}

static void start_job(struct request *request, const char *id, struct json params) {
    if (self.job.process != 0 || !job_reap()) {
        queue_error(id, "busy", "Another request is being carried out.");
        return;
    }
    if (!find_disk(id, params, &request->disk)) return;
    say(request->id, sizeof request->id, "%s", id);
    request->method = self.choice.method;
    if (request->method == NULL && (request->kind == JOB_SNAPSHOT || request->regions != NULL)) {
        queue_error(id, "unsupported", "The page cache of this guest can't be seen.");
        return;
    }
    if (!job_start(&self.job, request, &self.port))
        queue_error(id, "failed", "A process for the request can't be started.");
}

static void on_snapshot(const char *id, struct json params) {
    struct request request = {
        .kind = JOB_SNAPSHOT,
        .clean = json_true(json_member(params, "clean")),
        .paths = json_true(json_member(params, "paths")),
        .sequence = ++self.sequence,
    };
    start_job(&request, id, params);
}

static void on_drain(const char *id, struct json params) {
    struct request request = {.kind = JOB_DRAIN};
    struct json extents = json_member(params, "extents");
    bool named = extents.start != NULL || json_true(json_member(params, "staged"));
    const char *wrong = extents.start == NULL ? NULL : staged_add(&self.staged, extents);
    if (wrong == NULL) {
        static struct region none;
        request.regions = !named ? NULL : self.staged.regions == NULL ? &none : self.staged.regions;
        request.region_count = named ? self.staged.count : 0;
        start_job(&request, id, params);
    } else {
        queue_error(id, "bad-request", wrong);
    }
    staged_clear(&self.staged);
}

static void on_trim(const char *id, struct json params) {
    struct request request = {.kind = JOB_TRIM};
    start_job(&request, id, params);
}

static void hold(const char *id, struct json params) {
    uint64_t for_ms = 0, silence_ms = SILENCE_MS;
    char reason[REASON_SIZE];
    struct json silence = json_member(params, "silenceMs");
    if (!json_number(json_member(params, "forMs"), &for_ms) || for_ms < 1 ||
        for_ms > STEER_LIMIT_MS ||
        (silence.start != NULL && (!json_number(silence, &silence_ms) || silence_ms < 1 ||
                                   silence_ms > SILENCE_LIMIT_MS))) {
        queue_error(id, "bad-request",
                    "'forMs' must be from 1 to 600000 and 'silenceMs' from 1 to 120000.");
        return;
    }
    if (!steer_hold(for_ms, reason, sizeof reason)) {
        queue_error(id, "failed", reason);
        return;
    }
    self.silence_ms = silence_ms;
    reply_empty(&reply, id);
    queue_reply();
}

static void on_steer(const char *id, struct json params) {
    char mode[16];
    if (!json_string(json_member(params, "mode"), mode, sizeof mode)) mode[0] = '\0';
    if (!strcmp(mode, "hold")) {
        hold(id, params);
    } else if (!strcmp(mode, "release")) {
        steer_release();
        reply_empty(&reply, id);
        queue_reply();
    } else {
        queue_error(id, "bad-request", "'mode' must be 'hold' or 'release'.");
    }
}

static void on_cancel(const char *id, struct json params) {
    struct json wanted = json_member(params, "id");
    bool running = self.job.process != 0 && wanted.start != NULL &&
                   wanted.length == strlen(self.job.id) &&
                   !memcmp(wanted.start, self.job.id, wanted.length);
    if (running) {
        job_kill(&self.job);
        self.job_length = 0;
        queue_error(self.job.id, "cancelled", "The host cancelled the request.");
    }
    reply_empty(&reply, id);
    queue_reply();
}

static void on_request(const char *text, size_t length) {
    struct json line, params;
    char id[ID_SIZE], method[32];
    if (!json_parse(text, length, &line) || !json_is_object(line)) {
        queue_error("null", "bad-request", "The line is not a JSON object.");
        return;
    }
    if (!reply_id(json_member(line, "id"), id, sizeof id)) {
        queue_error("null", "bad-request", "'id' must be a number or a string of 1 to 64 bytes.");
        return;
    }
    params = json_member(line, "params");
    if (!json_string(json_member(line, "method"), method, sizeof method)) method[0] = '\0';
    if (!strcmp(method, "hello")) on_hello(id);
    else if (!strcmp(method, "ping")) on_ping(id);
    else if (!strcmp(method, "snapshot")) on_snapshot(id, params);
    else if (!strcmp(method, "stage")) on_stage(id, params);
    else if (!strcmp(method, "drain")) on_drain(id, params);
    else if (!strcmp(method, "trim")) on_trim(id, params);
    else if (!strcmp(method, "steer")) on_steer(id, params);
    else if (!strcmp(method, "cancel")) on_cancel(id, params);
    else queue_error(id, "unknown-method", "The probe has no such method.");
}

/* ---- the connection ---- */

static void begin_connection(void) {
    self.connected = true;
    self.input_length = 0;
    self.skipping = false;
    queue_clear(&self.output);
    self.heard_ms = monotonic_ms();
    /* Half a line of the connection before may still be on its way. */
    line_raw(&reply, "\n{\"hello\":{");
    hello_write(&reply, &self.choice);
    line_raw(&reply, "}}");
    queue_reply();
}

static void end_connection(void) {
    if (!self.connected) return;
    self.connected = false;
    end_requests();
    port_drop_input(&self.port);
    queue_clear(&self.output);
}

static void take_line(char *end) {
    size_t length = (size_t)(end - self.input);
    if (!self.skipping && length > 0) on_request(self.input, length);
    self.skipping = false;
    self.input_length -= length + 1;
    memmove(self.input, end + 1, self.input_length);
}

/* Handles one line at a time while there is room for its reply. */
static void take_lines(void) {
    char *end;
    while (queue_room(&self.output) >= 2 * LINE_LIMIT &&
           (end = memchr(self.input, '\n', self.input_length)) != NULL)
        take_line(end);
    if (self.input_length < sizeof self.input) return;
    if (!self.skipping)
        queue_error("null", "bad-request", "The line is longer than the probe takes.");
    self.skipping = true;
    self.input_length = 0;
}

static void receive(void) {
    if (self.input_length == sizeof self.input) return;
    ssize_t count = port_read(&self.port, self.input + self.input_length,
                              sizeof self.input - self.input_length);
    if (count > 0) {
        self.input_length += (size_t)count;
        self.heard_ms = monotonic_ms();
        take_lines();
    } else if (count < 0 && self.port.name == NULL) {
        self.ended = true;
    } else if (count < 0) {
        end_connection();
    }
}

static void transmit(void) {
    ssize_t count = port_write(&self.port, queue_bytes(&self.output), queue_length(&self.output));
    if (count > 0) queue_take(&self.output, (size_t)count);
    else if (count < 0 && self.port.name == NULL) self.ended = true;
    else if (count < 0) end_connection();
}

/* Passes on whole lines of the job, the one at the end only when `all`. */
static void pass_lines(bool all) {
    char *end;
    while (queue_room(&self.output) >= LINE_LIMIT &&
           (end = memchr(self.job_lines, '\n', self.job_length)) != NULL) {
        size_t length = (size_t)(end - self.job_lines) + 1;
        if (length == self.job_length && !all) return;
        queue_add(&self.output, self.job_lines, length);
        self.job_length -= length;
        memmove(self.job_lines, end + 1, self.job_length);
    }
}

static void read_job(void) {
    ssize_t count = read(self.job.output, self.job_lines + self.job_length,
                         sizeof self.job_lines - self.job_length);
    if (count < 0 && (errno == EAGAIN || errno == EINTR)) return;
    if (count > 0) {
        self.job_length += (size_t)count;
        pass_lines(false);
        return;
    }
    pass_lines(true);
    if (!job_finish(&self.job))
        queue_error(self.job.id, "failed",
                    "The request's process ended early: it failed, or passed its bounds.");
    self.job_length = 0;
}

/* ---- the loop ---- */

static int timeout_ms(void) {
    if (!self.connected) return LOOK_MS;
    return steer_is_held() ? 1000 : -1;
}

static void wait_for_events(void) {
    bool room = queue_room(&self.output) >= 2 * LINE_LIMIT;
    bool job = self.job.process != 0 && room;
    bool waiting = queue_length(&self.output) > 0;
    short wanted = (short)(room ? POLLIN : 0);
    bool same = self.port.input == self.port.output;
    struct pollfd fds[] = {
        {self.signals, POLLIN, 0},
        {self.connected ? self.port.input : -1,
         (short)(wanted | (same && waiting ? POLLOUT : 0)), 0},
        {self.connected && !same && waiting ? self.port.output : -1, POLLOUT, 0},
        {job ? self.job.output : -1, POLLIN, 0},
    };
    if (poll(fds, COUNT_OF(fds), timeout_ms()) < 0) return;
    if (fds[0].revents) self.ended = true;
    if (self.connected && ((fds[1].revents & POLLOUT) || fds[2].revents)) transmit();
    if (self.connected && (fds[1].revents & (POLLHUP | POLLERR)) && self.port.name != NULL)
        end_connection();
    else if (self.connected && fds[1].revents & (POLLIN | POLLHUP)) receive();
    if (self.connected && self.job.process != 0 && fds[3].revents) read_job();
    if (self.connected) take_lines();
}

static void look_for_host(void) {
    switch (port_look(&self.port)) {
    case PORT_READY:
        begin_connection();
        break;
    case PORT_WAITS:
        port_drop_input(&self.port);
        break;
    case PORT_GONE:
        if (self.options->exit_with_port) self.ended = true;
        break;
    case PORT_CLOSED:
        self.ended = true;
        break;
    }
}

static int open_signals(void) {
    sigset_t ending;
    sigemptyset(&ending);
    sigaddset(&ending, SIGTERM);
    sigaddset(&ending, SIGINT);
    sigaddset(&ending, SIGHUP);
    signal(SIGPIPE, SIG_IGN);
    sigprocmask(SIG_BLOCK, &ending, NULL);
    return signalfd(-1, &ending, SFD_NONBLOCK | SFD_CLOEXEC);
}

int session_run(const struct options *options) {
    self.options = options;
    self.job.output = -1;
    self.signals = open_signals();
    if (self.signals < 0) {
        fprintf(stderr, "Signals can't be received: %s\n", strerror(errno));
        return 1;
    }
    steer_recover();
    look_choose(&self.choice, options->method);
    port_begin(&self.port, options->port);
    while (!self.ended) {
        job_reap();
        if (!self.connected) look_for_host();
        if (self.ended) break;
        wait_for_events();
        if (steer_is_held() && monotonic_ms() - self.heard_ms > self.silence_ms) steer_release();
    }
    end_requests();
    return 0;
}
