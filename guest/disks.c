/* The guest's disks: see disks.h. */
#include "disks.h"

#include <ctype.h>
#include <dirent.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <unistd.h>

/* Whether `text` begins with a PCI address `dddd:bb:ss.f`. */
static bool is_pci_address(const char *text) {
    static const char shape[] = "xxxx:xx:xx.x";
    for (size_t i = 0; shape[i] != '\0'; i++) {
        bool fits = shape[i] == 'x' ? isxdigit((unsigned char)text[i]) != 0 : text[i] == shape[i];
        if (!fits) return false;
    }
    return true;
}

/* The innermost PCI address on a device's way in /sys, without its domain. */
static void find_pci(const char *device_path, char *pci, size_t size) {
    pci[0] = '\0';
    for (const char *at = device_path; (at = strchr(at, '/')) != NULL; at++)
        if (is_pci_address(at + 1)) say(pci, size, "%.7s", at + 6);
}

static void find_serial(const char *name, char *serial, size_t size) {
    static const char *const places[] = {"serial", "device/serial"};
    char path[128];
    for (size_t i = 0; i < COUNT_OF(places); i++) {
        say(path, sizeof path, "/sys/block/%s/%s", name, places[i]);
        if (read_text(path, serial, size) > 0) return;
    }
    /* SCSI: vital product data page 80h, four bytes of header before the serial number. */
    char page[256] = "";
    say(path, sizeof path, "/sys/block/%s/device/vpd_pg80", name);
    FILE *file = fopen(path, "re");
    size_t length = file == NULL ? 0 : fread(page, 1, sizeof page - 1, file);
    if (file != NULL) fclose(file);
    serial[0] = '\0';
    if (length <= 4) return;
    const char *start = page + 4;
    while (*start == ' ') start++;
    say(serial, size, "%s", start);
    for (size_t end = strlen(serial); end > 0 && serial[end - 1] == ' '; end--)
        serial[end - 1] = '\0';
}

/* Layers over other disks, and devices without a host behind them, have no `device` in /sys. */
static bool describe(const char *name, struct disk *disk) {
    char path[128], text[64], link[512];
    memset(disk, 0, sizeof *disk);
    say(path, sizeof path, "/sys/block/%s/device", name);
    if (access(path, F_OK) != 0) return false;
    say(path, sizeof path, "/sys/block/%s/dev", name);
    if (read_text(path, text, sizeof text) <= 0 ||
        sscanf(text, "%u:%u", &disk->device.major, &disk->device.minor) != 2)
        return false;
    say(path, sizeof path, "/sys/block/%s/size", name);
    if (!read_number(path, &disk->size) || disk->size == 0) return false;
    disk->size *= 512;
    say(disk->name, sizeof disk->name, "%s", name);
    find_serial(name, disk->serial, sizeof disk->serial);
    say(path, sizeof path, "/sys/block/%s", name);
    ssize_t length = readlink(path, link, sizeof link - 1);
    link[length < 0 ? 0 : length] = '\0';
    find_pci(link, disk->pci, sizeof disk->pci);
    return true;
}

static int by_name(const void *a, const void *b) {
    return strcmp(((const struct disk *)a)->name, ((const struct disk *)b)->name);
}

size_t disks_list(struct disk *disks, size_t limit) {
    DIR *directory = opendir("/sys/block");
    if (directory == NULL) return 0;
    size_t count = 0;
    struct dirent *entry;
    while (count < limit && (entry = readdir(directory)) != NULL)
        if (entry->d_name[0] != '.' && describe(entry->d_name, &disks[count])) count++;
    closedir(directory);
    qsort(disks, count, sizeof *disks, by_name);
    return count;
}

enum disk_match disks_match(struct json query, struct disk *disk) {
    uint64_t size;
    char serial[sizeof disk->serial] = "", pci[sizeof disk->pci] = "";
    struct json serial_value = json_member(query, "serial");
    struct json pci_value = json_member(query, "pci");
    if (!json_number(json_member(query, "size"), &size)) return DISK_BAD_QUERY;
    if (serial_value.start != NULL && !json_string(serial_value, serial, sizeof serial))
        return DISK_BAD_QUERY;
    if (pci_value.start != NULL && !json_string(pci_value, pci, sizeof pci)) return DISK_BAD_QUERY;
    static struct disk disks[DISK_LIMIT];
    size_t count = disks_list(disks, DISK_LIMIT);
    size_t fitting = 0;
    for (size_t i = 0; i < count; i++) {
        if (disks[i].size != size) continue;
        if (serial_value.start != NULL && strcmp(disks[i].serial, serial) != 0) continue;
        if (pci_value.start != NULL && strcasecmp(disks[i].pci, pci) != 0) continue;
        *disk = disks[i];
        fitting++;
    }
    return fitting == 0 ? DISK_NONE : fitting == 1 ? DISK_FOUND : DISK_AMBIGUOUS;
}

size_t devices_list(struct device *devices, size_t limit) {
    DIR *directory = opendir("/sys/dev/block");
    size_t count = 0;
    struct dirent *entry;
    while (directory != NULL && count < limit && (entry = readdir(directory)) != NULL)
        if (sscanf(entry->d_name, "%u:%u", &devices[count].major, &devices[count].minor) == 2)
            count++;
    if (directory != NULL) closedir(directory);
    return count;
}

int device_open(struct device device, int flags) {
    char path[64], text[512], node[128];
    struct stat status;
    say(path, sizeof path, "/sys/dev/block/%u:%u/uevent", device.major, device.minor);
    if (read_text(path, text, sizeof text) <= 0) return -1;
    const char *name = strstr(text, "DEVNAME=");
    if (name == NULL) return -1;
    name += strlen("DEVNAME=");
    say(node, sizeof node, "/dev/%.*s", (int)min_u64(strcspn(name, "\n"), 100), name);
    int fd = open(node, flags | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
    if (fd < 0) return -1;
    bool same = fstat(fd, &status) == 0 && S_ISBLK(status.st_mode) &&
                device_equals((struct device){major(status.st_rdev), minor(status.st_rdev)},
                              device);
    if (same) return fd;
    close(fd);
    return -1;
}

void disk_write(struct line *line, const struct disk *disk) {
    line_raw(line, "{");
    line_key(line, "name");
    line_string(line, disk->name);
    line_key(line, "size");
    line_number(line, disk->size);
    if (disk->serial[0] != '\0') {
        line_key(line, "serial");
        line_string(line, disk->serial);
    }
    if (disk->pci[0] != '\0') {
        line_key(line, "pci");
        line_string(line, disk->pci);
    }
    line_raw(line, "}");
}
