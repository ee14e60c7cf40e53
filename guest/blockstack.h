/*
 * From a block device that a file system uses down to the disk: partitions, and device-mapper
 * tables (linear, crypt, striped). Other layers can't be followed, and that is said.
 */
#ifndef MIGRASCOPE_BLOCKSTACK_H
#define MIGRASCOPE_BLOCKSTACK_H

#include "common.h"

/* Where a range of a block device lies. */
enum place {
    PLACE_DISK,      /* on the target, at the offset given */
    PLACE_ELSEWHERE, /* on other disks */
    PLACE_LAYER,     /* on the target or others, under a layer that can't be followed */
};

typedef void (*place_visitor)(void *context, enum place place, uint64_t offset, uint64_t length);

/* Forgets what is known of devices; ranges are told in relation to `target` from now on. */
void stack_begin(struct device target);

/* Whether any part of the device lies on the target. */
bool stack_touches(struct device device);

/* Visits the pieces of a range of a device in order; their lengths add up to `length`. */
void stack_resolve(struct device device, uint64_t offset, uint64_t length, place_visitor visit,
                   void *context);

#endif
