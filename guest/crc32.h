/* CRC-32 (IEEE 802.3, as in zip and zlib), continued from line to line; it begins with 0. */
#ifndef MIGRASCOPE_CRC32_H
#define MIGRASCOPE_CRC32_H

#include "common.h"

uint32_t crc32_update(uint32_t sum, const char *bytes, size_t count);

#endif
