/*
 * The connection to the host: a virtio-serial port, found by its name, or standard input and
 * output. Never blocks.
 */
#ifndef MIGRASCOPE_PORT_H
#define MIGRASCOPE_PORT_H

#include "common.h"

struct port {
    /* NULL for standard input and output. */
    const char *name;
    int input, output;
};

enum port_state {
    PORT_READY,  /* the host is there */
    PORT_WAITS,  /* the port is there, the host is not */
    PORT_GONE,   /* there is no such port */
    PORT_CLOSED, /* standard input has ended */
};

void port_begin(struct port *port, const char *name);

/* Looks whether the host is there; opens the port where that is needed. */
enum port_state port_look(struct port *port);

/* Reads what is there: 0 when there is nothing now, -1 when the connection has ended. */
ssize_t port_read(struct port *port, char *bytes, size_t size);

/* Writes what fits: 0 when nothing does now, -1 when the connection has ended. */
ssize_t port_write(struct port *port, const char *bytes, size_t size);

/* Drops what the host sent before it went. */
void port_drop_input(struct port *port);

#endif
