/* What every part of the probe uses: time, small files, bounded memory. */
#include "common.h"

#include <ctype.h>
#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

static uint64_t clock_ms(clockid_t clock) {
    struct timespec time;
    clock_gettime(clock, &time);
    return (uint64_t)time.tv_sec * 1000 + (uint64_t)time.tv_nsec / 1000000;
}

uint64_t monotonic_ms(void) { return clock_ms(CLOCK_MONOTONIC); }

uint64_t cpu_ms(void) { return clock_ms(CLOCK_PROCESS_CPUTIME_ID); }

uint64_t page_size(void) {
    static uint64_t size;
    if (size == 0) size = (uint64_t)sysconf(_SC_PAGESIZE);
    return size;
}

unsigned page_shift(void) { return (unsigned)__builtin_ctzll(page_size()); }

ssize_t read_text(const char *path, char *text, size_t size) {
    text[0] = '\0';
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0) return -1;
    ssize_t length = read(fd, text, size - 1);
    int error = errno;
    close(fd);
    errno = error;
    if (length < 0) return -1;
    while (length > 0 && isspace((unsigned char)text[length - 1])) length--;
    text[length] = '\0';
    return length;
}

bool read_number(const char *path, uint64_t *value) {
    char text[32];
    if (read_text(path, text, sizeof text) <= 0 || !isdigit((unsigned char)text[0])) return false;
    *value = strtoull(text, NULL, 10);
    return true;
}

bool write_text(const char *path, const char *text) {
    int fd = open(path, O_WRONLY | O_CLOEXEC);
    if (fd < 0) return false;
    size_t length = strlen(text);
    bool whole = write(fd, text, length) == (ssize_t)length;
    int error = errno;
    close(fd);
    errno = error;
    return whole;
}

void say(char *text, size_t size, const char *format, ...) {
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(text, size, format, arguments);
    va_end(arguments);
}

bool make_room(void **array, size_t *capacity, size_t count, size_t element, size_t limit) {
    if (count < *capacity) return true;
    if (*capacity >= limit) return false;
    size_t larger = *capacity == 0 ? 256 : *capacity * 2;
    if (larger > limit) larger = limit;
    void *moved = realloc(*array, larger * element);
    if (moved == NULL) return false;
    *array = moved;
    *capacity = larger;
    return true;
}
