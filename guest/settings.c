/* What a report and a hello say of the guest's kernel: see settings.h. */
#include "settings.h"

static void add_text(struct line *line, const char *key, const char *path) {
    char text[128];
    read_text(path, text, sizeof text);
    line_key(line, key);
    line_string(line, text);
}

static void add_interval(struct line *line, const char *key, const char *path) {
    uint64_t centiseconds = 0;
    read_number(path, &centiseconds);
    line_key(line, key);
    line_number(line, centiseconds * 10);
}

void settings_write(struct line *line) {
    add_text(line, "kernel", "/proc/sys/kernel/osrelease");
    add_text(line, "bootId", "/proc/sys/kernel/random/boot_id");
    add_interval(line, "dirtyExpireMs", "/proc/sys/vm/dirty_expire_centisecs");
    add_interval(line, "dirtyWritebackMs", "/proc/sys/vm/dirty_writeback_centisecs");
}
