/* The connection to the host: see port.h. */
#include "port.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <string.h>
#include <unistd.h>

#define PORTS "/sys/class/virtio-ports"

static void set_nonblocking(int fd) { fcntl(fd, F_SETFL, fcntl(fd, F_GETFL) | O_NONBLOCK); }

void port_begin(struct port *port, const char *name) {
    port->name = name;
    port->input = name == NULL ? STDIN_FILENO : -1;
    port->output = name == NULL ? STDOUT_FILENO : -1;
    if (name != NULL) return;
    set_nonblocking(port->input);
    set_nonblocking(port->output);
}

/* Finds the port's node in /dev by the name that the host gave it. */
static bool find_node(const char *name, char *node, size_t size) {
    DIR *directory = opendir(PORTS);
    struct dirent *entry;
    bool found = false;
    while (!found && directory != NULL && (entry = readdir(directory)) != NULL) {
        char path[128], text[128];
        if (entry->d_name[0] == '.') continue;
        say(path, sizeof path, PORTS "/%.32s/name", entry->d_name);
        found = read_text(path, text, sizeof text) > 0 && !strcmp(text, name);
        if (found) say(node, size, "/dev/%.32s", entry->d_name);
    }
    if (directory != NULL) closedir(directory);
    return found;
}

static void close_port(struct port *port) {
    if (port->input >= 0) close(port->input);
    port->input = port->output = -1;
}

enum port_state port_look(struct port *port) {
    if (port->name == NULL) {
        struct pollfd input = {port->input, POLLIN, 0};
        bool ended = poll(&input, 1, 0) > 0 && (input.revents & POLLHUP) &&
                     !(input.revents & POLLIN);
        return ended ? PORT_CLOSED : PORT_READY;
    }
    char node[64];
    if (!find_node(port->name, node, sizeof node)) {
        close_port(port);
        return PORT_GONE;
    }
    if (port->input < 0) {
        port->input = port->output = open(node, O_RDWR | O_NONBLOCK | O_CLOEXEC | O_NOCTTY);
        if (port->input < 0) return PORT_WAITS;
    }
    struct pollfd state = {port->input, POLLIN, 0};
    poll(&state, 1, 0);
    if (state.revents & (POLLERR | POLLNVAL)) close_port(port);
    return state.revents & (POLLHUP | POLLERR | POLLNVAL) ? PORT_WAITS : PORT_READY;
}

ssize_t port_read(struct port *port, char *bytes, size_t size) {
    ssize_t count = read(port->input, bytes, size);
    if (count > 0) return count;
    if (count < 0 && (errno == EAGAIN || errno == EINTR)) return 0;
    return -1;
}

ssize_t port_write(struct port *port, const char *bytes, size_t size) {
    ssize_t count = write(port->output, bytes, size);
    if (count >= 0) return count;
    return errno == EAGAIN || errno == EINTR ? 0 : -1;
}

void port_drop_input(struct port *port) {
    char bytes[4096];
    if (port->name == NULL || port->input < 0) return;
    while (read(port->input, bytes, sizeof bytes) > 0) continue;
}
