/*
 * Finding placeholders and reading meta references, by the same rules as Katib's regular
 * expressions.
 */
#include "spec/placeholder.h"

#include <string.h>

typedef struct meta_name {
    const char *name;
    dz_meta_key key;
} meta_name;

static const meta_name meta_names[] = {
    {"Name", DZ_META_NAME},
    {"Namespace", DZ_META_NAMESPACE},
    {"Kind", DZ_META_KIND},
    {"APIVersion", DZ_META_API_VERSION},
    {"Annotations", DZ_META_ANNOTATION},
    {"Labels", DZ_META_LABEL},
};

/* Finds prefix, at least one character, and a closing brace. Where there is no brace there is none
 * further on either. */
static bool find_braced(const char *text, const char *prefix, dz_placeholder *found)
{
    const char *start = strstr(text, prefix);
    const char *name = start == NULL ? NULL : start + strlen(prefix);
    const char *end = name == NULL || *name == '\0' ? NULL : strchr(name + 1, '}');

    if (end == NULL) {
        return false;
    }
    *found = (dz_placeholder){start, end + 1, name, (size_t)(end - name)};
    return true;
}

bool dz_placeholder_find(const char *text, dz_placeholder *found)
{
    return find_braced(text, "${trialParameters.", found);
}

dz_meta_key dz_meta_parse(const char *reference, const char **index, size_t *index_size)
{
    dz_placeholder found;
    const char *bracket = NULL;
    size_t key_size = 0;

    *index = "";
    *index_size = 0;
    if (!find_braced(reference, "${trialSpec.", &found)) {
        return DZ_META_NONE;
    }
    key_size = found.name_size;
    bracket = memrchr(found.name, '[', found.name_size);
    if (bracket != NULL && bracket > found.name) {
        const char *close = memrchr(bracket, ']', (size_t)(found.end - 1 - bracket));
        if (close != NULL && close > bracket + 1) {
            *index = bracket + 1;
            *index_size = (size_t)(close - bracket - 1);
            key_size = (size_t)(bracket - found.name);
        }
    }
    for (size_t i = 0; i < sizeof meta_names / sizeof meta_names[0]; i++) {
        if (strlen(meta_names[i].name) == key_size &&
            strncmp(meta_names[i].name, found.name, key_size) == 0) {
            return meta_names[i].key;
        }
    }
    return DZ_META_UNKNOWN;
}
