/*
 * JSON, as much of it as protocol/PROBE.md needs: a writer of single lines into a bounded buffer,
 * and a reader that checks a line as a whole and then finds values in it without copying them.
 */
#ifndef MIGRASCOPE_JSON_H
#define MIGRASCOPE_JSON_H

#include "common.h"

/* The longest line that the probe accepts or sends, newline included. */
#define LINE_LIMIT 65536

/* A line under construction. */
struct line {
    size_t length;
    /* Set when something did not fit; the line must not be sent then. */
    bool overflow;
    char text[LINE_LIMIT];
};

void line_clear(struct line *line);
size_t line_room(const struct line *line);
/* Appends text that is JSON already. */
void line_raw(struct line *line, const char *text);
void line_bytes(struct line *line, const char *bytes, size_t count);
void line_number(struct line *line, uint64_t value);
/* Appends a JSON string; bytes that are not UTF-8 become U+FFFD. */
void line_string(struct line *line, const char *text);
/* Appends `"key":`, after a comma where something stands before it. */
void line_key(struct line *line, const char *key);
/* Appends a comma where one is due in an array or object. */
void line_comma(struct line *line);

/* A value inside a checked line: its first byte and its length. `start` is NULL where there is none. */
struct json {
    const char *start;
    size_t length;
};

/* Checks that `text` is one JSON value, at most 16 levels deep, and gives that value. */
bool json_parse(const char *text, size_t length, struct json *value);
/* The member `key` of an object; without `start` when it is not there or `object` is no object. */
struct json json_member(struct json object, const char *key);
bool json_is_object(struct json value);
bool json_is_array(struct json value);
/* Decodes a string of at most `size - 1` bytes. */
bool json_string(struct json value, char *text, size_t size);
/* A whole number from 0 to 2^63 - 1, written without fraction or exponent. */
bool json_number(struct json value, uint64_t *number);
bool json_true(struct json value);
/* Steps through an array: `position` begins as 0; false at the end. */
bool json_next(struct json array, size_t *position, struct json *element);

#endif
