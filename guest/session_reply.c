/* The lines that the probe answers with: see session_reply.h. */
#include "session_reply.h"

#include <string.h>

#include "settings.h"

#define ID_LIMIT 64

bool reply_id(struct json value, char *id, size_t size) {
    uint64_t number;
    bool string = value.start != NULL && value.start[0] == '"' && value.length > 2 &&
                  value.length <= ID_LIMIT + 2;
    if ((!string && !json_number(value, &number)) || value.length >= size) return false;
    memcpy(id, value.start, value.length);
    id[value.length] = '\0';
    return true;
}

static void begin(struct line *line, const char *id, const char *key) {
    line_clear(line);
    line_raw(line, "{");
    line_key(line, "id");
    line_raw(line, id);
    line_key(line, key);
}

void reply_begin(struct line *line, const char *id) { begin(line, id, "result"); }

void reply_empty(struct line *line, const char *id) {
    reply_begin(line, id);
    line_raw(line, "{}}");
}

void reply_error(struct line *line, const char *id, const char *code, const char *message) {
    begin(line, id, "error");
    line_raw(line, "{");
    line_key(line, "code");
    line_string(line, code);
    line_key(line, "message");
    line_string(line, message);
    line_raw(line, "}}");
}

static void add_text(struct line *line, const char *key, const char *text) {
    line_key(line, key);
    line_string(line, text);
}

void hello_write(struct line *line, const struct choice *choice) {
    static struct disk disks[DISK_LIMIT];
    size_t disk_count = disks_list(disks, DISK_LIMIT);
    add_text(line, "protocol", PROTOCOL_VERSION);
    add_text(line, "probe", PROBE_VERSION);
    add_text(line, "method", choice->method == NULL ? "none" : choice->method->name);
    line_key(line, "methodReasons");
    line_raw(line, "[");
    for (size_t i = 0; i < choice->reason_count; i++) {
        line_comma(line);
        line_string(line, choice->reasons[i]);
    }
    line_raw(line, "]");
    settings_write(line);
    line_key(line, "monotonicMs");
    line_number(line, monotonic_ms());
    line_key(line, "disks");
    line_raw(line, "[");
    for (size_t i = 0; i < disk_count; i++) {
        line_comma(line);
        disk_write(line, &disks[i]);
    }
    line_raw(line, "]");
}
