/* What a report and a hello say of the guest's kernel: release, boot, write-back intervals. */
#ifndef MIGRASCOPE_SETTINGS_H
#define MIGRASCOPE_SETTINGS_H

#include "json.h"

/* Appends `kernel`, `bootId`, `dirtyExpireMs` and `dirtyWritebackMs` to an open object. */
void settings_write(struct line *line);

#endif
