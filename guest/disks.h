/* The guest's disks, by what the host knows of them too: size, serial number, PCI address. */
#ifndef MIGRASCOPE_DISKS_H
#define MIGRASCOPE_DISKS_H

#include "common.h"
#include "json.h"

#define DISK_LIMIT 64

struct disk {
    char name[32];
    struct device device;
    /* In bytes. */
    uint64_t size;
    /* Empty where the disk has none. */
    char serial[128];
    /* `bus:slot.function`; empty where the disk is not on a PCI bus. */
    char pci[16];
};

/* Lists whole disks that are no layer over others (no partitions, device-mapper, loop …). */
size_t disks_list(struct disk *disks, size_t limit);

enum disk_match { DISK_FOUND, DISK_NONE, DISK_AMBIGUOUS, DISK_BAD_QUERY };

/* Finds the one disk that fits every field of a request's `disk` object. */
enum disk_match disks_match(struct json query, struct disk *disk);

/* Lists every block device, layers and partitions too. */
size_t devices_list(struct device *devices, size_t limit);

/* Opens the node of a block device in /dev; -1 where there is none. */
int device_open(struct device device, int flags);

/* Appends the disk as an object of the protocol. */
void disk_write(struct line *line, const struct disk *disk);

#endif
