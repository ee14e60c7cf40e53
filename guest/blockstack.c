/* From a block device down to the disk: see blockstack.h. */
#include "blockstack.h"

#include <dirent.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#define DEVICE_LIMIT 256
#define PIECE_LIMIT 64
#define STRIPE_LIMIT 8
#define DEPTH_LIMIT 8
#define SECTOR 512

/* A run of a layer: one lower device, or several in stripes; none where it can't be followed. */
struct piece {
    uint64_t start, length;
    size_t lower_count;
    uint64_t chunk;
    struct {
        struct device device;
        uint64_t offset;
    } lower[STRIPE_LIMIT];
};

struct layer {
    struct device device;
    bool whole_disk;
    /* Every piece is known; otherwise the lower devices are in `below`, and no more is known. */
    bool followed;
    size_t piece_count;
    struct piece *pieces;
    size_t below_count;
    struct device below[STRIPE_LIMIT];
};

static struct device target;
static struct layer layers[DEVICE_LIMIT];
static size_t layer_count;

void stack_begin(struct device disk) {
    for (size_t i = 0; i < layer_count; i++) free(layers[i].pieces);
    layer_count = 0;
    target = disk;
}

/* ---- device-mapper (include/uapi/linux/dm-ioctl.h of Linux) ---- */

struct dm_ioctl {
    uint32_t version[3];
    uint32_t data_size;
    uint32_t data_start;
    uint32_t target_count;
    int32_t open_count;
    uint32_t flags;
    uint32_t event;
    uint32_t padding;
    uint64_t device;
    char name[128];
    char uuid[129];
    char data[7];
};

struct dm_target_spec {
    uint64_t start;
    uint64_t length;
    int32_t status;
    uint32_t next;
    char type[16];
};

#define DM_TABLE_STATUS _IOWR(0xfd, 12, struct dm_ioctl)
#define DM_STATUS_TABLE_FLAG (1 << 4)
#define DM_BUFFER_FULL_FLAG (1 << 8)

static bool parse_striped(struct piece *piece, const char *parameters) {
    unsigned count, chunk;
    int used;
    if (sscanf(parameters, "%u %u%n", &count, &chunk, &used) != 2 || count == 0 ||
        count > STRIPE_LIMIT || chunk == 0)
        return false;
    for (unsigned i = 0; i < count; i++) {
        unsigned long long offset;
        parameters += used;
        if (sscanf(parameters, " %u:%u %llu%n", &piece->lower[i].device.major,
                   &piece->lower[i].device.minor, &offset, &used) != 3)
            return false;
        piece->lower[i].offset = offset * SECTOR;
    }
    piece->chunk = (uint64_t)chunk * SECTOR;
    piece->lower_count = count;
    return true;
}

/* `format` reads the lower device and its first sector; what stands before them is skipped. */
static bool parse_linear(struct piece *piece, const char *parameters, const char *format) {
    unsigned long long offset;
    if (sscanf(parameters, format, &piece->lower[0].device.major, &piece->lower[0].device.minor,
               &offset) != 3)
        return false;
    piece->lower[0].offset = offset * SECTOR;
    piece->lower_count = 1;
    return true;
}

static bool parse_piece(struct piece *piece, const struct dm_target_spec *spec,
                        const char *parameters) {
    memset(piece, 0, sizeof *piece);
    piece->start = spec->start * SECTOR;
    piece->length = spec->length * SECTOR;
    if (!strcmp(spec->type, "linear")) return parse_linear(piece, parameters, "%u:%u %llu");
    if (!strcmp(spec->type, "crypt"))
        return parse_linear(piece, parameters, "%*s %*s %*s %u:%u %llu");
    if (!strcmp(spec->type, "striped")) return parse_striped(piece, parameters);
    return false;
}

static bool parse_table(struct layer *layer, const struct dm_ioctl *table, size_t size) {
    if ((table->flags & DM_BUFFER_FULL_FLAG) || table->target_count == 0 ||
        table->target_count > PIECE_LIMIT)
        return false;
    layer->pieces = calloc(table->target_count, sizeof *layer->pieces);
    if (layer->pieces == NULL) return false;
    size_t at = table->data_start;
    for (uint32_t i = 0; i < table->target_count; i++) {
        struct dm_target_spec spec;
        if (at + sizeof spec >= size) return false;
        memcpy(&spec, (const char *)table + at, sizeof spec);
        const char *parameters = (const char *)table + at + sizeof spec;
        if (!parse_piece(&layer->pieces[i], &spec, parameters)) return false;
        layer->piece_count++;
        at = table->data_start + spec.next;
    }
    return true;
}

/* A crypt table carries its key: the buffer is wiped before it is let go. */
static bool read_device_mapper(struct layer *layer) {
    enum { SIZE = 64 * 1024 };
    struct dm_ioctl *table = calloc(1, SIZE + 1);
    int control = open("/dev/mapper/control", O_RDWR | O_CLOEXEC);
    bool followed = false;
    if (table != NULL && control >= 0) {
        table->version[0] = 4;
        table->data_size = SIZE;
        table->data_start = sizeof *table;
        table->flags = DM_STATUS_TABLE_FLAG;
        table->device = makedev(layer->device.major, layer->device.minor);
        followed = ioctl(control, DM_TABLE_STATUS, table) == 0 && parse_table(layer, table, SIZE);
    }
    if (control >= 0) close(control);
    if (table != NULL) explicit_bzero(table, SIZE);
    free(table);
    return followed;
}

/* ---- layers in /sys ---- */

static void device_path(char *path, size_t size, struct device device, const char *rest) {
    say(path, size, "/sys/dev/block/%u:%u/%s", device.major, device.minor, rest);
}

static bool read_device(const char *path, struct device *device) {
    char text[64];
    return read_text(path, text, sizeof text) > 0 &&
           sscanf(text, "%u:%u", &device->major, &device->minor) == 2;
}

static bool read_partition(struct layer *layer) {
    char path[128];
    uint64_t start, length;
    struct device parent;
    device_path(path, sizeof path, layer->device, "start");
    if (!read_number(path, &start)) return false;
    device_path(path, sizeof path, layer->device, "size");
    if (!read_number(path, &length)) return false;
    device_path(path, sizeof path, layer->device, "../dev");
    if (!read_device(path, &parent)) return false;
    layer->pieces = calloc(1, sizeof *layer->pieces);
    if (layer->pieces == NULL) return false;
    layer->piece_count = 1;
    layer->pieces[0].length = length * SECTOR;
    layer->pieces[0].lower_count = 1;
    layer->pieces[0].lower[0].device = parent;
    layer->pieces[0].lower[0].offset = start * SECTOR;
    return true;
}

static void add_below(struct layer *layer, struct device device) {
    if (layer->below_count < STRIPE_LIMIT) layer->below[layer->below_count++] = device;
}

/* Lower devices of a layer that can't be followed: `slaves` in /sys, or a loop device's file. */
static void read_below(struct layer *layer) {
    char path[512], text[256];
    device_path(path, sizeof path, layer->device, "slaves");
    DIR *directory = opendir(path);
    struct dirent *entry;
    while (directory != NULL && (entry = readdir(directory)) != NULL) {
        struct device device;
        say(text, sizeof text, "slaves/%.64s/dev", entry->d_name);
        device_path(path, sizeof path, layer->device, text);
        if (entry->d_name[0] != '.' && read_device(path, &device)) add_below(layer, device);
    }
    if (directory != NULL) closedir(directory);
    struct stat status;
    device_path(path, sizeof path, layer->device, "loop/backing_file");
    if (read_text(path, text, sizeof text) > 0 && stat(text, &status) == 0)
        add_below(layer, (struct device){major(status.st_dev), minor(status.st_dev)});
}

static bool exists(struct device device, const char *rest) {
    char path[128];
    device_path(path, sizeof path, device, rest);
    return access(path, F_OK) == 0;
}

static const struct layer *layer_of(struct device device) {
    for (size_t i = 0; i < layer_count; i++)
        if (device_equals(layers[i].device, device)) return &layers[i];
    if (layer_count == DEVICE_LIMIT) return NULL;
    struct layer *layer = &layers[layer_count++];
    memset(layer, 0, sizeof *layer);
    layer->device = device;
    if (exists(device, "partition")) layer->followed = read_partition(layer);
    else if (exists(device, "dm")) layer->followed = read_device_mapper(layer);
    else if (exists(device, "device")) layer->whole_disk = true;
    if (!layer->whole_disk && !layer->followed) read_below(layer);
    return layer;
}

/* ---- following ---- */

static bool touches(struct device device, int depth) {
    if (device_equals(device, target)) return true;
    const struct layer *layer = depth < DEPTH_LIMIT ? layer_of(device) : NULL;
    if (layer == NULL || layer->whole_disk) return false;
    for (size_t i = 0; layer->followed && i < layer->piece_count; i++)
        for (size_t k = 0; k < layer->pieces[i].lower_count; k++)
            if (touches(layer->pieces[i].lower[k].device, depth + 1)) return true;
    for (size_t i = 0; i < layer->below_count; i++)
        if (touches(layer->below[i], depth + 1)) return true;
    return false;
}

bool stack_touches(struct device device) { return touches(device, 0); }

struct walk {
    place_visitor visit;
    void *context;
};

static void descend(const struct walk *walk, struct device device, uint64_t offset,
                    uint64_t length, int depth);

static void descend_piece(const struct walk *walk, const struct piece *piece, uint64_t offset,
                          uint64_t length, int depth) {
    if (piece->chunk == 0) {
        descend(walk, piece->lower[0].device, piece->lower[0].offset + offset, length, depth);
        return;
    }
    while (length > 0) {
        uint64_t chunk = offset / piece->chunk, within = offset % piece->chunk;
        uint64_t run = min_u64(piece->chunk - within, length);
        size_t stripe = chunk % piece->lower_count;
        uint64_t row = chunk / piece->lower_count;
        descend(walk, piece->lower[stripe].device,
                piece->lower[stripe].offset + row * piece->chunk + within, run, depth);
        offset += run;
        length -= run;
    }
}

static void descend(const struct walk *walk, struct device device, uint64_t offset,
                    uint64_t length, int depth) {
    if (device_equals(device, target)) {
        walk->visit(walk->context, PLACE_DISK, offset, length);
        return;
    }
    const struct layer *layer = depth < DEPTH_LIMIT ? layer_of(device) : NULL;
    if (layer == NULL || !layer->followed) {
        enum place place = touches(device, depth) ? PLACE_LAYER : PLACE_ELSEWHERE;
        walk->visit(walk->context, place, offset, length);
        return;
    }
    for (size_t i = 0; i < layer->piece_count && length > 0; i++) {
        const struct piece *piece = &layer->pieces[i];
        if (offset < piece->start || offset - piece->start >= piece->length) continue;
        uint64_t within = offset - piece->start;
        uint64_t run = min_u64(length, piece->length - within);
        descend_piece(walk, piece, within, run, depth + 1);
        offset += run;
        length -= run;
    }
    if (length > 0) walk->visit(walk->context, PLACE_ELSEWHERE, offset, length);
}

void stack_resolve(struct device device, uint64_t offset, uint64_t length, place_visitor visit,
                   void *context) {
    struct walk walk = {visit, context};
    descend(&walk, device, offset, length, 0);
}
