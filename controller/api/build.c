#include "api/build.h"

#include "api/resource.h"

void dz_build_add(dz_builder *build, cJSON *parent, const char *name, cJSON *item)
{
    if (parent != NULL && item != NULL && cJSON_AddItemToObject(parent, name, item))
        return;
    cJSON_Delete(item);
    build->failed = true;
}

cJSON *dz_build_object(dz_builder *build, cJSON *parent, const char *name)
{
    cJSON *made = cJSON_AddObjectToObject(parent, name);
    if (made == NULL)
        build->failed = true;
    return made;
}

cJSON *dz_build_array(dz_builder *build, cJSON *parent, const char *name)
{
    cJSON *made = cJSON_AddArrayToObject(parent, name);
    if (made == NULL)
        build->failed = true;
    return made;
}

cJSON *dz_build_item(dz_builder *build, cJSON *array)
{
    cJSON *made = cJSON_CreateObject();
    if (array != NULL && made != NULL && cJSON_AddItemToArray(array, made))
        return made;
    cJSON_Delete(made);
    build->failed = true;
    return NULL;
}

/* As Go's omitempty: nothing for NULL or "". */
void dz_build_text(dz_builder *build, cJSON *parent, const char *name, const char *text)
{
    if (text != NULL && *text != '\0')
        dz_build_add(build, parent, name, cJSON_CreateString(text));
}

void dz_build_number(dz_builder *build, cJSON *parent, const char *name, int64_t number)
{
    dz_build_add(build, parent, name, cJSON_CreateNumber((double)number));
}

void dz_build_time(dz_builder *build, cJSON *parent, const char *name, int64_t time_ms)
{
    char text[32];
    dz_time_text(time_ms, text);
    dz_build_text(build, parent, name, text);
}

void dz_build_copy(dz_builder *build, cJSON *parent, const char *name, const cJSON *original)
{
    if (original != NULL)
        dz_build_add(build, parent, name, cJSON_Duplicate(original, true));
}
