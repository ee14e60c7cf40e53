/* Bytes that wait until the port takes them: see queue.h. */
#include "queue.h"

#include <string.h>

size_t queue_room(struct queue *queue) {
    if (queue->start > 0) {
        memmove(queue->bytes, queue->bytes + queue->start, queue->end - queue->start);
        queue->end -= queue->start;
        queue->start = 0;
    }
    return sizeof queue->bytes - queue->end;
}

void queue_add(struct queue *queue, const char *bytes, size_t count) {
    if (count > queue_room(queue)) return;
    memcpy(queue->bytes + queue->end, bytes, count);
    queue->end += count;
}

size_t queue_length(const struct queue *queue) { return queue->end - queue->start; }

const char *queue_bytes(const struct queue *queue) { return queue->bytes + queue->start; }

void queue_take(struct queue *queue, size_t count) { queue->start += count; }

void queue_clear(struct queue *queue) { queue->start = queue->end = 0; }
