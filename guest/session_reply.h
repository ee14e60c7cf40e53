/* The lines that the probe answers with, protocol/PROBE.md. */
#ifndef MIGRASCOPE_SESSION_REPLY_H
#define MIGRASCOPE_SESSION_REPLY_H

#include "json.h"
#include "look.h"

/* Takes the id of a request, a number or a string of 1 to 64 bytes, as JSON. */
bool reply_id(struct json value, char *id, size_t size);

/* `{"id":ID,"result":`; the caller appends the object and the closing brace. */
void reply_begin(struct line *line, const char *id);
/* `{"id":ID,"result":{}}` */
void reply_empty(struct line *line, const char *id);
/* `{"id":ID,"error":{…}}` */
void reply_error(struct line *line, const char *id, const char *code, const char *message);

/* Appends the members of a hello to an open object. */
void hello_write(struct line *line, const struct choice *choice);

#endif
