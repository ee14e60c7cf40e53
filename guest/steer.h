/*
 * Steering of the guest's write-back, within bounds, for a limited time.
 *
 * A keeper, a process of its own, remembers what the guest had and puts it back when it is told to,
 * when the time is over, or when the probe is gone, however it went. What somebody else changed
 * meanwhile is left as it is. A note of the old values stands in /run while steering lasts, so that
 * a probe that is started later can put them back even when the keeper was killed too.
 */
#ifndef MIGRASCOPE_STEER_H
#define MIGRASCOPE_STEER_H

#include "common.h"

#define STEER_LIMIT_MS 600000

/* Lets dirty pages wait longer, for `for_ms`; on failure puts a sentence into `reason`. */
bool steer_hold(uint64_t for_ms, char *reason, size_t size);

/* Puts back what the guest had; returns once that is done. */
void steer_release(void);

bool steer_is_held(void);

/*
 * Tells where the program's name stands, so that the keeper can go by another one: who ends the
 * probe by its name does not end the keeper.
 */
void steer_set_name(char *name);

/* Puts back what a probe that was killed left; to be called once, at the start. */
void steer_recover(void);

#endif
