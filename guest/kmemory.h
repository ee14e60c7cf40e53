/*
 * The kernel's memory, read through /proc/kcore (an ELF core whose segments are the kernel's
 * address space). Reads only; an address that is not mapped is an error, never a fault.
 */
#ifndef MIGRASCOPE_KMEMORY_H
#define MIGRASCOPE_KMEMORY_H

#include "common.h"

/* Opens /proc/kcore; on failure puts a sentence into `reason`. */
bool kmemory_open(char *reason, size_t size);

/* Copies `length` bytes of kernel memory; false, with the buffer zeroed, where they can't be read. */
bool kmemory_read(uint64_t address, void *buffer, size_t length);

/* Reads one pointer-sized word; 0 where it can't be read. */
uint64_t kmemory_word(uint64_t address);

/* Takes fields out of bytes that were read before, whatever their alignment. */
uint64_t field_u64(const uint8_t *bytes, int offset);
uint32_t field_u32(const uint8_t *bytes, int offset);
uint16_t field_u16(const uint8_t *bytes, int offset);

#endif
