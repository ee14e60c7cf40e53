/* CRC-32: see crc32.h. */
#include "crc32.h"

#define POLYNOMIAL 0xedb88320u

static uint32_t table[256];

static void fill_table(void) {
    for (uint32_t i = 0; i < 256; i++) {
        uint32_t sum = i;
        for (int bit = 0; bit < 8; bit++) sum = sum & 1 ? sum >> 1 ^ POLYNOMIAL : sum >> 1;
        table[i] = sum;
    }
}

uint32_t crc32_update(uint32_t sum, const char *bytes, size_t count) {
    if (table[1] == 0) fill_table();
    sum = ~sum;
    for (size_t i = 0; i < count; i++) sum = sum >> 8 ^ table[(sum ^ (uint8_t)bytes[i]) & 0xff];
    return ~sum;
}
