/*
 * What takes time is done in a process of its own, one at a time: the probe can answer meanwhile,
 * end it at any moment, and outlive whatever happens to it; its memory and processor time are
 * bounded by the kernel, and go back to the guest when it ends.
 */
#ifndef MIGRASCOPE_JOB_H
#define MIGRASCOPE_JOB_H

#include "common.h"
#include "json.h"
#include "look.h"
#include "port.h"

/* Bounds of a job's process. */
#define JOB_MEMORY (64u << 20)
#define JOB_CPU_SECONDS 60

#define ID_SIZE 72

struct request {
    /* The request's `id`, as JSON. */
    char id[ID_SIZE];
    enum { JOB_SNAPSHOT, JOB_DRAIN, JOB_TRIM } kind;
    struct disk disk;
    bool clean, paths;
    uint64_t sequence;
    /* For JOB_DRAIN; NULL is all of the disk. Borrowed. */
    struct region *regions;
    size_t region_count;
    /* NULL where the page cache can't be seen. */
    const struct method *method;
};

struct job {
    /* 0 when there is none. */
    pid_t process;
    /* Where its lines come from; -1 when there is none. */
    int output;
    char id[ID_SIZE];
};

/*
 * Starts a request's process; false where it can't be (errno is set). It ends with the probe, and has
 * no use of the connection to the host: a port that it held, waiting for the disk, no later probe
 * could open.
 */
bool job_start(struct job *job, const struct request *request, const struct port *port);

/* Ends the process, if there is one, at once; one that waits for the disk ends a little later. */
void job_kill(struct job *job);

/* Collects processes that were killed; false while too many of them have not ended yet. */
bool job_reap(void);

/* After the end of its output: waits for the process; false when it did not end in order. */
bool job_finish(struct job *job);

#endif
