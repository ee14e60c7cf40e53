/*
 * The probe's conversation with its host, as protocol/PROBE.md describes it: hello, requests,
 * replies. One loop waits for the port, the running job, signals and the time; it never waits for
 * the disk.
 */
#ifndef MIGRASCOPE_SESSION_H
#define MIGRASCOPE_SESSION_H

#include "common.h"
#include "look.h"

struct options {
    /* The port's name; NULL for standard input and output. */
    const char *port;
    /* The method that is used whatever the others could do; NULL for the best. */
    const char *method;
    /* Ends when the port disappears; otherwise waits for it to come back. */
    bool exit_with_port;
};

/* Serves hosts, one after the other, until it is told to end. Returns the exit code. */
int session_run(const struct options *options);

#endif
