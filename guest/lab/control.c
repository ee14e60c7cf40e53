/*
 * lab-control: runs commands for the host, over a virtio-serial port.
 *
 * The host writes "ID LENGTH\n" and LENGTH bytes of a shell command; the answer is
 * "ID STATUS LENGTH\n" and LENGTH bytes of what the command printed. One command at a time.
 * When the host goes away, reads give 0 bytes until it is back.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#define LARGEST_COMMAND (64 * 1024)
#define LARGEST_OUTPUT (4 * 1024 * 1024)

static int port;
static char output[LARGEST_OUTPUT];

static void nap(void) {
    struct timespec time = {.tv_nsec = 50 * 1000 * 1000};
    nanosleep(&time, NULL);
}

/* Reads `length` bytes; false when the host went away before. */
static bool receive(char *buffer, size_t length) {
    for (size_t have = 0; have < length;) {
        ssize_t got = read(port, buffer + have, length - have);
        if (got > 0) have += (size_t)got;
        else if (got < 0 && (errno == EINTR || errno == EAGAIN)) continue;
        else return false;
    }
    return true;
}

static void transmit(const char *bytes, size_t length) {
    while (length > 0) {
        ssize_t sent = write(port, bytes, length);
        if (sent > 0) {
            bytes += sent;
            length -= (size_t)sent;
        } else if (sent < 0 && errno != EINTR && errno != EAGAIN) {
            return;
        }
    }
}

/* Runs the command with its output into `output`; gives its exit status. */
static int run(const char *command, size_t *length) {
    int ends[2];
    *length = 0;
    if (pipe(ends) < 0) return 126;
    pid_t child = fork();
    if (child < 0) return 126;
    if (child == 0) {
        int null = open("/dev/null", O_RDONLY);
        dup2(null, 0);
        dup2(ends[1], 1);
        dup2(ends[1], 2);
        close(ends[0]);
        close(ends[1]);
        close(port);
        execl("/bin/sh", "sh", "-c", command, (char *)NULL);
        _exit(127);
    }
    close(ends[1]);
    char spill[4096];
    for (;;) {
        size_t room = sizeof output - *length;
        ssize_t got = room ? read(ends[0], output + *length, room) : read(ends[0], spill, sizeof spill);
        if (got < 0 && errno == EINTR) continue;
        if (got <= 0) break;
        if (room) *length += (size_t)got;
    }
    close(ends[0]);
    int status = 0;
    while (waitpid(child, &status, 0) < 0 && errno == EINTR) {}
    return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
}

static void serve_one(void) {
    static char command[LARGEST_COMMAND + 1];
    char line[64];
    size_t have = 0;
    do {
        if (have == sizeof line || !receive(line + have, 1)) {
            nap();
            return;
        }
    } while (line[have++] != '\n');
    line[have - 1] = '\0';
    unsigned long id, length;
    if (sscanf(line, "%lu %lu", &id, &length) != 2 || length > LARGEST_COMMAND) return;
    if (!receive(command, length)) return;
    command[length] = '\0';
    size_t printed;
    int status = run(command, &printed);
    char head[64];
    int size = snprintf(head, sizeof head, "%lu %d %zu\n", id, status, printed);
    transmit(head, (size_t)size);
    transmit(output, printed);
}

int main(int count, char **arguments) {
    if (count != 2 || (port = open(arguments[1], O_RDWR | O_CLOEXEC)) < 0) {
        fprintf(stderr, "Usage: lab-control PORT\n");
        return 2;
    }
    for (;;) serve_one();
}
