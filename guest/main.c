/*
 * migrascope-probe: tells the host, over a virtio-serial port, what the guest's page cache holds of
 * a disk, and has it written back on request. protocol/PROBE.md describes the conversation.
 */
#include <fcntl.h>
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>

#include "session.h"
#include "steer.h"

#define DEFAULT_PORT "org.migrascope.probe.0"

static const char usage[] =
    "Usage: migrascope-probe [OPTION]...\n"
    "Serves the host over a virtio-serial port.\n\n"
    "  --port NAME       the port's name (default " DEFAULT_PORT ")\n"
    "  --stdio           standard input and output instead of a port\n"
    "  --method METHOD   kcore, cachestat or mincore, instead of the best that works\n"
    "  --exit-with-port  end when the port disappears\n"
    "  --daemon          go on in the background\n"
    "  --remove-self     delete this program's file once it runs\n"
    "  --version         print the version and end\n"
    "  --help            print this and end\n";

static const struct option long_options[] = {
    {"port", required_argument, NULL, 'p'},   {"stdio", no_argument, NULL, 's'},
    {"method", required_argument, NULL, 'm'}, {"exit-with-port", no_argument, NULL, 'x'},
    {"daemon", no_argument, NULL, 'd'},       {"remove-self", no_argument, NULL, 'r'},
    {"version", no_argument, NULL, 'v'},      {"help", no_argument, NULL, 'h'},
    {NULL, 0, NULL, 0},
};

static bool is_method(const char *name) {
    return !strcmp(name, "kcore") || !strcmp(name, "cachestat") || !strcmp(name, "mincore");
}

static int fail(const char *message) {
    fprintf(stderr, "migrascope-probe: %s\n%s", message, usage);
    return 2;
}

static void remove_self(void) {
    char path[4096];
    ssize_t length = readlink("/proc/self/exe", path, sizeof path - 1);
    if (length <= 0) return;
    path[length] = '\0';
    unlink(path);
}

static bool go_to_background(void) {
    pid_t process = fork();
    if (process < 0) return false;
    if (process > 0) _exit(0);
    setsid();
    int null = open("/dev/null", O_RDWR);
    for (int fd = 0; null >= 0 && fd < 3; fd++) dup2(null, fd);
    if (null > 2) close(null);
    return chdir("/") == 0;
}

int main(int count, char **arguments) {
    struct options options = {.port = DEFAULT_PORT};
    steer_set_name(arguments[0]);
    bool daemon = false, remove = false;
    int option;
    while ((option = getopt_long(count, arguments, "", long_options, NULL)) != -1) {
        switch (option) {
        case 'p':
            options.port = optarg;
            break;
        case 's':
            options.port = NULL;
            break;
        case 'm':
            if (!is_method(optarg)) return fail("there is no such method.");
            options.method = optarg;
            break;
        case 'x':
            options.exit_with_port = true;
            break;
        case 'd':
            daemon = true;
            break;
        case 'r':
            remove = true;
            break;
        case 'v':
            puts("migrascope-probe " PROBE_VERSION ", protocol " PROTOCOL_VERSION);
            return 0;
        case 'h':
            fputs(usage, stdout);
            return 0;
        default:
            return fail("there is no such option.");
        }
    }
    if (optind < count) return fail("it takes options only.");
    if (daemon && options.port == NULL) return fail("--daemon and --stdio exclude each other.");
    if (daemon && !go_to_background()) return 1;
    if (remove) remove_self();
    /* The guest's own programs come first, but a report is of no use when it is late. */
    setpriority(PRIO_PROCESS, 0, 10);
    return session_run(&options);
}
