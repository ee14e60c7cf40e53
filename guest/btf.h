/*
 * The kernel's type information (BTF, Documentation/bpf/btf.rst of Linux): where a structure's
 * members lie, and what an enumerator's value is, in the kernel that runs.
 */
#ifndef MIGRASCOPE_BTF_H
#define MIGRASCOPE_BTF_H

#include "common.h"

struct btf;

/* Loads /sys/kernel/btf/vmlinux; NULL, with a sentence in `reason`, where it can't. */
struct btf *btf_load(char *reason, size_t size);
void btf_free(struct btf *btf);

/*
 * The offset in bytes of a member, e.g. ("inode", "i_data.nrpages"), found through anonymous
 * structures and unions too; -1 where there is none.
 */
int btf_offset(struct btf *btf, const char *structure, const char *path);
/* The size in bytes of a structure; -1 where there is none. */
int btf_size(struct btf *btf, const char *structure);
/* The number of elements of a member that is an array; -1 where it is none. */
int btf_array_length(struct btf *btf, const char *structure, const char *member);
/* The value of an enumerator of a named enumeration; -1 where there is none. */
int btf_enumerator(struct btf *btf, const char *enumeration, const char *name);

#endif
