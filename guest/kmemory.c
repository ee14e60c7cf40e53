/* The kernel's memory through /proc/kcore: see kmemory.h. */
#include "kmemory.h"

#include <elf.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define SEGMENT_LIMIT 4096

struct segment {
    uint64_t address;
    uint64_t length;
    uint64_t file_offset;
};

static int core = -1;
static struct segment *segments;
static size_t segment_count;
/* Reads come in runs from the same segment. */
static size_t last_segment;

static bool read_segments(const Elf64_Ehdr *header) {
    if (header->e_phnum == 0 || header->e_phnum > SEGMENT_LIMIT ||
        header->e_phentsize != sizeof(Elf64_Phdr))
        return false;
    size_t size = header->e_phnum * sizeof(Elf64_Phdr);
    Elf64_Phdr *headers = malloc(size);
    segments = calloc(header->e_phnum, sizeof *segments);
    bool whole = headers != NULL && segments != NULL &&
                 pread(core, headers, size, (off_t)header->e_phoff) == (ssize_t)size;
    for (size_t i = 0; whole && i < header->e_phnum; i++) {
        if (headers[i].p_type != PT_LOAD) continue;
        segments[segment_count++] = (struct segment){
            headers[i].p_vaddr, headers[i].p_memsz, headers[i].p_offset};
    }
    free(headers);
    return whole && segment_count > 0;
}

bool kmemory_open(char *reason, size_t size) {
    Elf64_Ehdr header;
    core = open("/proc/kcore", O_RDONLY | O_CLOEXEC);
    if (core < 0) {
        say(reason, size, "/proc/kcore can't be opened (%s).", strerror(errno));
        return false;
    }
    if (read(core, &header, sizeof header) != sizeof header ||
        memcmp(header.e_ident, ELFMAG, SELFMAG) != 0 ||
        header.e_ident[EI_CLASS] != ELFCLASS64 || !read_segments(&header)) {
        say(reason, size, "/proc/kcore can't be read as a 64-bit ELF core.");
        return false;
    }
    return true;
}

static bool segment_holds(const struct segment *segment, uint64_t address, size_t length) {
    return address >= segment->address && length <= segment->length &&
           address - segment->address <= segment->length - length;
}

bool kmemory_read(uint64_t address, void *buffer, size_t length) {
    for (size_t i = 0; i <= segment_count; i++) {
        size_t candidate = i == 0 ? last_segment : i - 1;
        const struct segment *segment = &segments[candidate];
        if (!segment_holds(segment, address, length)) continue;
        last_segment = candidate;
        off_t offset = (off_t)(segment->file_offset + (address - segment->address));
        if (pread(core, buffer, length, offset) == (ssize_t)length) return true;
        break;
    }
    memset(buffer, 0, length);
    return false;
}

uint64_t kmemory_word(uint64_t address) {
    uint64_t word;
    kmemory_read(address, &word, sizeof word);
    return word;
}

uint64_t field_u64(const uint8_t *bytes, int offset) {
    uint64_t value;
    memcpy(&value, bytes + offset, sizeof value);
    return value;
}

uint32_t field_u32(const uint8_t *bytes, int offset) {
    uint32_t value;
    memcpy(&value, bytes + offset, sizeof value);
    return value;
}

uint16_t field_u16(const uint8_t *bytes, int offset) {
    uint16_t value;
    memcpy(&value, bytes + offset, sizeof value);
    return value;
}
