/* The kernel's type information: see btf.h. */
#include "btf.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define BTF_MAGIC 0xeb9f
#define FILE_LIMIT (64u << 20)
#define NESTING_LIMIT 8

enum kind {
    KIND_INT = 1,
    KIND_ARRAY = 3,
    KIND_STRUCT = 4,
    KIND_UNION = 5,
    KIND_ENUM = 6,
    KIND_TYPEDEF = 8,
    KIND_VOLATILE = 9,
    KIND_CONST = 10,
    KIND_RESTRICT = 11,
    KIND_FUNC_PROTO = 13,
    KIND_VAR = 14,
    KIND_DATASEC = 15,
    KIND_DECL_TAG = 17,
    KIND_TYPE_TAG = 18,
    KIND_ENUM64 = 19,
    KIND_LAST = 19,
};

struct header {
    uint16_t magic;
    uint8_t version;
    uint8_t flags;
    uint32_t header_length;
    uint32_t type_offset;
    uint32_t type_length;
    uint32_t string_offset;
    uint32_t string_length;
};

/* `size_or_type` is a structure's size, or the type that a pointer, typedef or qualifier refers to. */
struct type {
    uint32_t name;
    uint32_t info;
    uint32_t size_or_type;
};

struct member {
    uint32_t name;
    uint32_t type;
    uint32_t offset;
};

struct array {
    uint32_t element;
    uint32_t index;
    uint32_t length;
};

struct enumerator {
    uint32_t name;
    int32_t value;
};

struct btf {
    uint8_t *file;
    const uint8_t *types;
    const char *strings;
    uint32_t string_length;
    /* The place of each type in `types`; identifiers begin with 1. */
    uint32_t *places;
    uint32_t count;
    /* What was found last: look-ups come in runs on the same structure. */
    const struct type *last;
};

static enum kind kind_of(const struct type *type) { return (type->info >> 24) & 0x1f; }
static uint32_t length_of(const struct type *type) { return type->info & 0xffff; }

static const struct type *type_at(const struct btf *btf, uint32_t id) {
    if (id == 0 || id > btf->count) return NULL;
    return (const struct type *)(btf->types + btf->places[id]);
}

static const char *name_at(const struct btf *btf, uint32_t offset) {
    return offset < btf->string_length ? btf->strings + offset : "";
}

/* Bytes that follow a type's three words. */
static size_t tail_length(const struct type *type) {
    switch (kind_of(type)) {
    case KIND_INT:
    case KIND_VAR:
    case KIND_DECL_TAG:
        return 4;
    case KIND_ARRAY:
        return sizeof(struct array);
    case KIND_STRUCT:
    case KIND_UNION:
        return length_of(type) * sizeof(struct member);
    case KIND_ENUM:
    case KIND_FUNC_PROTO:
        return length_of(type) * 8;
    case KIND_DATASEC:
    case KIND_ENUM64:
        return length_of(type) * 12;
    default:
        return 0;
    }
}

static bool index_types(struct btf *btf, uint32_t type_length) {
    size_t capacity = type_length / sizeof(struct type) + 2;
    btf->places = malloc(capacity * sizeof *btf->places);
    if (btf->places == NULL) return false;
    uint32_t at = 0;
    while (at + sizeof(struct type) <= type_length) {
        const struct type *type = (const struct type *)(btf->types + at);
        if (kind_of(type) > KIND_LAST) return false;
        btf->places[++btf->count] = at;
        at += (uint32_t)(sizeof *type + tail_length(type));
    }
    return at == type_length;
}

static uint8_t *read_whole(const char *path, size_t *length) {
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0) return NULL;
    struct stat status;
    uint8_t *bytes = NULL;
    *length = 0;
    if (fstat(fd, &status) == 0 && status.st_size > 0 && status.st_size < FILE_LIMIT)
        bytes = malloc((size_t)status.st_size);
    while (bytes != NULL && *length < (size_t)status.st_size) {
        ssize_t count = read(fd, bytes + *length, (size_t)status.st_size - *length);
        if (count <= 0) break;
        *length += (size_t)count;
    }
    close(fd);
    return bytes;
}

static bool parse(struct btf *btf, size_t length) {
    const struct header *header = (const struct header *)btf->file;
    if (length < sizeof *header || header->magic != BTF_MAGIC) return false;
    uint64_t types = (uint64_t)header->header_length + header->type_offset;
    uint64_t strings = (uint64_t)header->header_length + header->string_offset;
    if (types % 4 != 0 || types + header->type_length > length || header->string_length == 0 ||
        strings + header->string_length > length ||
        btf->file[strings + header->string_length - 1] != '\0')
        return false;
    btf->types = btf->file + types;
    btf->strings = (const char *)btf->file + strings;
    btf->string_length = header->string_length;
    return index_types(btf, header->type_length);
}

struct btf *btf_load(char *reason, size_t size) {
    static const char path[] = "/sys/kernel/btf/vmlinux";
    struct btf *btf = calloc(1, sizeof *btf);
    size_t length = 0;
    if (btf != NULL) btf->file = read_whole(path, &length);
    if (btf == NULL || btf->file == NULL) {
        say(reason, size, "%s can't be read (%s).", path, strerror(errno));
        free(btf);
        return NULL;
    }
    if (parse(btf, length)) return btf;
    say(reason, size, "%s holds type information that this probe does not understand.", path);
    btf_free(btf);
    return NULL;
}

void btf_free(struct btf *btf) {
    if (btf == NULL) return;
    free(btf->places);
    free(btf->file);
    free(btf);
}

/* What typedefs and qualifiers stand for. */
static const struct type *resolve(const struct btf *btf, uint32_t id) {
    const struct type *type = type_at(btf, id);
    for (int i = 0; type != NULL && i < 32; i++) {
        enum kind kind = kind_of(type);
        if (kind != KIND_TYPEDEF && kind != KIND_VOLATILE && kind != KIND_CONST &&
            kind != KIND_RESTRICT && kind != KIND_TYPE_TAG)
            return type;
        type = type_at(btf, type->size_or_type);
    }
    return NULL;
}

static bool is_compound(const struct type *type) {
    return type != NULL && (kind_of(type) == KIND_STRUCT || kind_of(type) == KIND_UNION);
}

static bool is_named(const struct btf *btf, const struct type *type, enum kind kind,
                     const char *name) {
    return type != NULL && kind_of(type) == kind && length_of(type) > 0 &&
           !strcmp(name_at(btf, type->name), name);
}

static const struct type *find(struct btf *btf, enum kind kind, const char *name) {
    if (is_named(btf, btf->last, kind, name)) return btf->last;
    for (uint32_t id = 1; id <= btf->count; id++) {
        const struct type *type = type_at(btf, id);
        if (is_named(btf, type, kind, name)) return btf->last = type;
    }
    return NULL;
}

/* Finds a member by the first `length` bytes of `name`; its offset in bytes, or -1. */
static int member_offset(const struct btf *btf, const struct type *type, const char *name,
                         size_t length, uint32_t *member_type, int nesting) {
    const struct member *members = (const struct member *)(type + 1);
    bool bit_fields = type->info >> 31;
    for (uint32_t i = 0; i < length_of(type); i++) {
        const char *candidate = name_at(btf, members[i].name);
        int offset = (int)((bit_fields ? members[i].offset & 0xffffff : members[i].offset) / 8);
        if (strlen(candidate) == length && length > 0 && !strncmp(candidate, name, length)) {
            *member_type = members[i].type;
            return offset;
        }
        const struct type *inner = resolve(btf, members[i].type);
        if (*candidate != '\0' || !is_compound(inner) || nesting >= NESTING_LIMIT) continue;
        int found = member_offset(btf, inner, name, length, member_type, nesting + 1);
        if (found >= 0) return offset + found;
    }
    return -1;
}

/* Follows `path` from a structure; gives the offset and the type of the last member. */
static int follow(struct btf *btf, const char *structure, const char *path, uint32_t *last) {
    const struct type *type = find(btf, KIND_STRUCT, structure);
    int offset = 0;
    while (is_compound(type)) {
        size_t length = strcspn(path, ".");
        int step = member_offset(btf, type, path, length, last, 0);
        if (step < 0) return -1;
        offset += step;
        if (path[length] == '\0') return offset;
        path += length + 1;
        type = resolve(btf, *last);
    }
    return -1;
}

int btf_offset(struct btf *btf, const char *structure, const char *path) {
    uint32_t last;
    return follow(btf, structure, path, &last);
}

int btf_size(struct btf *btf, const char *structure) {
    const struct type *type = find(btf, KIND_STRUCT, structure);
    return type == NULL ? -1 : (int)type->size_or_type;
}

int btf_array_length(struct btf *btf, const char *structure, const char *member) {
    uint32_t last = 0;
    if (follow(btf, structure, member, &last) < 0) return -1;
    const struct type *type = resolve(btf, last);
    if (type == NULL || kind_of(type) != KIND_ARRAY) return -1;
    return (int)((const struct array *)(type + 1))->length;
}

int btf_enumerator(struct btf *btf, const char *enumeration, const char *name) {
    const struct type *type = find(btf, KIND_ENUM, enumeration);
    if (type == NULL) return -1;
    const struct enumerator *enumerators = (const struct enumerator *)(type + 1);
    for (uint32_t i = 0; i < length_of(type); i++)
        if (!strcmp(name_at(btf, enumerators[i].name), name)) return enumerators[i].value;
    return -1;
}
