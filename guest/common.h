/*
 * What every part of the probe uses: time, small files, bounded memory.
 *
 * The probe is built against musl without Linux's own headers, so structures of the kernel's
 * interfaces are declared where they are used.
 */
#ifndef MIGRASCOPE_COMMON_H
#define MIGRASCOPE_COMMON_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#define PROBE_VERSION "0.1.0"
#define PROTOCOL_VERSION "1.0"
#define PROTOCOL_MAJOR 1

#define COUNT_OF(array) (sizeof(array) / sizeof((array)[0]))

/* A device number of the kernel, in its two halves. */
struct device {
    uint32_t major;
    uint32_t minor;
};

static inline bool device_equals(struct device a, struct device b) {
    return a.major == b.major && a.minor == b.minor;
}

static inline uint64_t min_u64(uint64_t a, uint64_t b) { return a < b ? a : b; }
static inline uint64_t max_u64(uint64_t a, uint64_t b) { return a > b ? a : b; }
static inline uint64_t round_up(uint64_t value, uint64_t unit) {
    return (value + unit - 1) / unit * unit;
}

/* Milliseconds of the guest's monotonic clock. */
uint64_t monotonic_ms(void);

/* Milliseconds of processor time that this process has used. */
uint64_t cpu_ms(void);

/* Bytes of a page of memory, and its binary logarithm. */
uint64_t page_size(void);
unsigned page_shift(void);

/*
 * Reads the beginning of a small text file, without white space at its end.
 * Returns its length, or -1 (errno is set); `text` is a string in both cases.
 */
ssize_t read_text(const char *path, char *text, size_t size);

/* Reads a file that holds one decimal number. */
bool read_number(const char *path, uint64_t *value);

/* Writes a whole text to a file that is there; false where the file refuses it (errno is set). */
bool write_text(const char *path, const char *text);

/* Puts a formatted sentence into `text`; what does not fit is cut. */
void say(char *text, size_t size, const char *format, ...) __attribute__((format(printf, 3, 4)));

/*
 * Makes room for one more element in an array that doubles as it grows, up to `limit` elements.
 * Returns false, with the array as it was, at the limit or without memory.
 */
bool make_room(void **array, size_t *capacity, size_t count, size_t element, size_t limit);

#endif
