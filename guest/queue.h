/* Bytes that wait until the port takes them, in a buffer of fixed size. */
#ifndef MIGRASCOPE_QUEUE_H
#define MIGRASCOPE_QUEUE_H

#include "common.h"

struct queue {
    size_t start, end;
    char bytes[256 * 1024];
};

size_t queue_room(struct queue *queue);
/* Callers see to it that there is room; what does not fit is dropped as a whole. */
void queue_add(struct queue *queue, const char *bytes, size_t count);
size_t queue_length(const struct queue *queue);
const char *queue_bytes(const struct queue *queue);
/* Removes bytes from the front. */
void queue_take(struct queue *queue, size_t count);
void queue_clear(struct queue *queue);

#endif
