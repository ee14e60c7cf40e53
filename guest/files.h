/*
 * All files of the file systems on the disk, one after the other, for the methods that need a file
 * to ask about. Directories are read, without a change of their times; file data is not.
 */
#ifndef MIGRASCOPE_FILES_H
#define MIGRASCOPE_FILES_H

#include "look.h"
#include "mapping.h"

/*
 * Fills in which pages of an open file (or block device) of `size` bytes are cached; false where
 * that can't be told.
 */
typedef bool (*pages_reader)(int fd, uint64_t size, bool clean, struct ranges *ranges);

/* Looks at each file, and at each block device on the disk, with `read`. */
void files_look(struct look *look, pages_reader read);

#endif
