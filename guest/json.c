/* JSON lines: see json.h. */
#include "json.h"

#include <stdlib.h>
#include <string.h>

#define DEPTH_LIMIT 16

/* ---- writing ---- */

void line_clear(struct line *line) {
    line->length = 0;
    line->overflow = false;
}

size_t line_room(const struct line *line) { return sizeof line->text - line->length; }

void line_bytes(struct line *line, const char *bytes, size_t count) {
    if (count > line_room(line)) {
        line->overflow = true;
        return;
    }
    memcpy(line->text + line->length, bytes, count);
    line->length += count;
}

void line_raw(struct line *line, const char *text) { line_bytes(line, text, strlen(text)); }

void line_number(struct line *line, uint64_t value) {
    char digits[20];
    size_t at = sizeof digits;
    do {
        digits[--at] = (char)('0' + value % 10);
        value /= 10;
    } while (value != 0);
    line_bytes(line, digits + at, sizeof digits - at);
}

void line_comma(struct line *line) {
    if (line->length == 0) return;
    char last = line->text[line->length - 1];
    if (last != '{' && last != '[' && last != ':' && last != ',') line_raw(line, ",");
}

void line_key(struct line *line, const char *key) {
    line_comma(line);
    line_string(line, key);
    line_raw(line, ":");
}

/* The length of the UTF-8 sequence at `text`, or 0 where it is none. */
static size_t utf8_length(const unsigned char *text) {
    size_t length = text[0] < 0x80   ? 1
                    : text[0] < 0xc2 ? 0
                    : text[0] < 0xe0 ? 2
                    : text[0] < 0xf0 ? 3
                    : text[0] < 0xf5 ? 4
                                     : 0;
    for (size_t i = 1; i < length; i++)
        if ((text[i] & 0xc0) != 0x80) return 0;
    if (length == 3 && text[0] == 0xe0 && text[1] < 0xa0) return 0;
    if (length == 3 && text[0] == 0xed && text[1] >= 0xa0) return 0;
    if (length == 4 && text[0] == 0xf0 && text[1] < 0x90) return 0;
    if (length == 4 && text[0] == 0xf4 && text[1] >= 0x90) return 0;
    return length;
}

void line_string(struct line *line, const char *text) {
    static const char hex[] = "0123456789abcdef";
    const unsigned char *at = (const unsigned char *)text;
    line_raw(line, "\"");
    while (*at != 0) {
        if (*at == '"' || *at == '\\') {
            char escaped[2] = {'\\', (char)*at++};
            line_bytes(line, escaped, 2);
        } else if (*at < 0x20) {
            char escaped[6] = {'\\', 'u', '0', '0', hex[*at >> 4], hex[*at & 15]};
            line_bytes(line, escaped, 6);
            at++;
        } else {
            size_t length = utf8_length(at);
            if (length == 0) line_raw(line, "\xef\xbf\xbd");
            else line_bytes(line, (const char *)at, length);
            at += length == 0 ? 1 : length;
        }
    }
    line_raw(line, "\"");
}

/* ---- reading ---- */

struct cursor {
    const char *at;
    const char *end;
};

static void skip_space(struct cursor *cursor) {
    while (cursor->at < cursor->end &&
           (*cursor->at == ' ' || *cursor->at == '\t' || *cursor->at == '\r' || *cursor->at == '\n'))
        cursor->at++;
}

static bool take(struct cursor *cursor, char wanted) {
    if (cursor->at >= cursor->end || *cursor->at != wanted) return false;
    cursor->at++;
    return true;
}

static bool is_digit(const struct cursor *cursor) {
    return cursor->at < cursor->end && *cursor->at >= '0' && *cursor->at <= '9';
}

static int hex_value(char digit) {
    if (digit >= '0' && digit <= '9') return digit - '0';
    if (digit >= 'a' && digit <= 'f') return digit - 'a' + 10;
    if (digit >= 'A' && digit <= 'F') return digit - 'A' + 10;
    return -1;
}

static bool skip_string(struct cursor *cursor) {
    if (!take(cursor, '"')) return false;
    while (cursor->at < cursor->end) {
        unsigned char byte = (unsigned char)*cursor->at++;
        if (byte == '"') return true;
        if (byte < 0x20) return false;
        if (byte != '\\') continue;
        if (cursor->at >= cursor->end) return false;
        char escape = *cursor->at++;
        if (escape == 'u') {
            for (int i = 0; i < 4; i++)
                if (cursor->at >= cursor->end || hex_value(*cursor->at++) < 0) return false;
        } else if (escape == '\0' || strchr("\"\\/bfnrt", escape) == NULL) {
            return false;
        }
    }
    return false;
}

static bool skip_number(struct cursor *cursor) {
    take(cursor, '-');
    if (!is_digit(cursor)) return false;
    if (!take(cursor, '0'))
        while (is_digit(cursor)) cursor->at++;
    if (take(cursor, '.')) {
        if (!is_digit(cursor)) return false;
        while (is_digit(cursor)) cursor->at++;
    }
    if (take(cursor, 'e') || take(cursor, 'E')) {
        if (!take(cursor, '+')) take(cursor, '-');
        if (!is_digit(cursor)) return false;
        while (is_digit(cursor)) cursor->at++;
    }
    return true;
}

static bool skip_word(struct cursor *cursor, const char *word) {
    size_t length = strlen(word);
    if ((size_t)(cursor->end - cursor->at) < length || memcmp(cursor->at, word, length) != 0)
        return false;
    cursor->at += length;
    return true;
}

static bool skip_value(struct cursor *cursor, int depth);

/* Skips an array or object whose opening bracket has been taken. */
static bool skip_members(struct cursor *cursor, char closing, int depth) {
    skip_space(cursor);
    if (take(cursor, closing)) return true;
    for (;;) {
        skip_space(cursor);
        if (closing == '}') {
            if (!skip_string(cursor)) return false;
            skip_space(cursor);
            if (!take(cursor, ':')) return false;
        }
        if (!skip_value(cursor, depth + 1)) return false;
        skip_space(cursor);
        if (take(cursor, closing)) return true;
        if (!take(cursor, ',')) return false;
    }
}

static bool skip_value(struct cursor *cursor, int depth) {
    skip_space(cursor);
    if (depth > DEPTH_LIMIT || cursor->at >= cursor->end) return false;
    switch (*cursor->at) {
    case '{':
        cursor->at++;
        return skip_members(cursor, '}', depth);
    case '[':
        cursor->at++;
        return skip_members(cursor, ']', depth);
    case '"':
        return skip_string(cursor);
    case 't':
        return skip_word(cursor, "true");
    case 'f':
        return skip_word(cursor, "false");
    case 'n':
        return skip_word(cursor, "null");
    default:
        return skip_number(cursor);
    }
}

static struct json span(const char *start, const char *end) {
    return (struct json){start, (size_t)(end - start)};
}

bool json_parse(const char *text, size_t length, struct json *value) {
    struct cursor cursor = {text, text + length};
    skip_space(&cursor);
    const char *start = cursor.at;
    if (!skip_value(&cursor, 0)) return false;
    *value = span(start, cursor.at);
    skip_space(&cursor);
    return cursor.at == cursor.end;
}

bool json_is_object(struct json value) { return value.start != NULL && value.start[0] == '{'; }

bool json_is_array(struct json value) { return value.start != NULL && value.start[0] == '['; }

struct json json_member(struct json object, const char *key) {
    const struct json none = {NULL, 0};
    if (!json_is_object(object)) return none;
    struct cursor cursor = {object.start + 1, object.start + object.length};
    for (;;) {
        skip_space(&cursor);
        const char *name = cursor.at;
        if (!skip_string(&cursor)) return none;
        char text[64];
        bool wanted = json_string(span(name, cursor.at), text, sizeof text) && !strcmp(text, key);
        skip_space(&cursor);
        if (!take(&cursor, ':')) return none;
        skip_space(&cursor);
        const char *start = cursor.at;
        if (!skip_value(&cursor, 0)) return none;
        if (wanted) return span(start, cursor.at);
        skip_space(&cursor);
        if (!take(&cursor, ',')) return none;
    }
}

/* Encodes a code point of the basic plane; halves of pairs become U+FFFD. */
static size_t encode_utf8(unsigned code, char *bytes) {
    if (code >= 0xd800 && code < 0xe000) code = 0xfffd;
    if (code < 0x80) {
        bytes[0] = (char)code;
        return 1;
    }
    if (code < 0x800) {
        bytes[0] = (char)(0xc0 | code >> 6);
        bytes[1] = (char)(0x80 | (code & 0x3f));
        return 2;
    }
    bytes[0] = (char)(0xe0 | code >> 12);
    bytes[1] = (char)(0x80 | (code >> 6 & 0x3f));
    bytes[2] = (char)(0x80 | (code & 0x3f));
    return 3;
}

/* Decodes the escape after a backslash; `at` moves behind it. */
static size_t decode_escape(const char **at, char *bytes) {
    char escape = *(*at)++;
    if (escape == 'u') {
        unsigned code = 0;
        for (int i = 0; i < 4; i++) code = code << 4 | (unsigned)hex_value(*(*at)++);
        return encode_utf8(code, bytes);
    }
    static const char from[] = "bfnrt";
    static const char to[] = "\b\f\n\r\t";
    const char *found = strchr(from, escape);
    bytes[0] = found == NULL ? escape : to[found - from];
    return 1;
}

bool json_string(struct json value, char *text, size_t size) {
    if (value.start == NULL || value.length < 2 || value.start[0] != '"') return false;
    const char *at = value.start + 1;
    const char *end = value.start + value.length - 1;
    size_t length = 0;
    while (at < end) {
        char bytes[4];
        size_t count = 1;
        if (*at == '\\') {
            at++;
            count = decode_escape(&at, bytes);
        } else {
            bytes[0] = *at++;
        }
        if (length + count >= size) return false;
        memcpy(text + length, bytes, count);
        length += count;
    }
    text[length] = '\0';
    return true;
}

bool json_number(struct json value, uint64_t *number) {
    if (value.start == NULL || value.length == 0 || value.length > 19) return false;
    uint64_t sum = 0;
    for (size_t i = 0; i < value.length; i++) {
        if (value.start[i] < '0' || value.start[i] > '9') return false;
        sum = sum * 10 + (uint64_t)(value.start[i] - '0');
    }
    if (sum > INT64_MAX) return false;
    *number = sum;
    return true;
}

bool json_true(struct json value) {
    return value.start != NULL && value.length == 4 && memcmp(value.start, "true", 4) == 0;
}

bool json_next(struct json array, size_t *position, struct json *element) {
    if (!json_is_array(array)) return false;
    struct cursor cursor = {array.start + (*position == 0 ? 1 : *position),
                            array.start + array.length};
    skip_space(&cursor);
    take(&cursor, ',');
    skip_space(&cursor);
    const char *start = cursor.at;
    if (!skip_value(&cursor, 0)) return false;
    *element = span(start, cursor.at);
    *position = (size_t)(cursor.at - array.start);
    return true;
}
