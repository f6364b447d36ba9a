/*
 * The body of the reply to Describe: algorithms and their settings. An absent default or bound is
 * "" on the wire and NULL in dozan_setting.
 */
#include "wire_parts.h"

enum { ALGORITHMS_MAX = 4096 };

_Static_assert((int)DOZAN__V1__SETTING_TYPE__SETTING_CHOICE == DOZAN_SETTING_CHOICE,
               "same numbers");
_Static_assert((int)DOZAN__V1__ALGORITHM_KIND__EARLY_STOPPING == DOZAN_KIND_EARLY_STOPPING,
               "same numbers");

static dozan_status pack_description(const dozan_description *from, dz_arena *arena,
                                     Dozan__V1__AlgorithmDescription *packed, dozan_error *err);
static void pack_setting(const dozan_setting *from, Dozan__V1__Setting *packed);
static dozan_status unpack_description(const Dozan__V1__AlgorithmDescription *packed,
                                       dz_arena *arena, dozan_description *description,
                                       dozan_error *err);
static dozan_status unpack_setting(const Dozan__V1__Setting *packed, dz_arena *arena,
                                   dozan_setting *setting, dozan_error *err);
static const char *absent_if_empty(const char *text);

dozan_status dz_wire_pack_describe_reply(const dozan_describe_reply *reply, dz_arena *arena,
                                         dz_bytes *body, dozan_error *err)
{
    Dozan__V1__DescribeReply packed;
    dozan__v1__describe_reply__init(&packed);
    size_t count = reply->algorithm_count;
    packed.algorithms = dz_wire_rows(arena, count, sizeof(**packed.algorithms));
    if (count > 0 && packed.algorithms == NULL)
        return dz_wire_no_memory(err);
    packed.n_algorithms = count;
    for (size_t i = 0; i < count; i++) {
        dozan_status status =
            pack_description(&reply->algorithms[i], arena, packed.algorithms[i], err);
        if (status != DOZAN_OK)
            return status;
    }
    return dz_wire_pack(&packed.base, arena, body, err);
}

dozan_status dz_wire_unpack_describe_reply(dz_bytes body, dz_arena *arena,
                                           dozan_describe_reply *reply, dozan_error *err)
{
    const Dozan__V1__DescribeReply *packed = (const Dozan__V1__DescribeReply *)dz_wire_unpack(
        &dozan__v1__describe_reply__descriptor, body, arena, err);
    if (packed == NULL)
        return DOZAN_INVALID_ARGUMENT;
    size_t count = packed->n_algorithms;
    if (count > ALGORITHMS_MAX)
        return dozan_error_set(err, DOZAN_INVALID_ARGUMENT, "algorithms",
                               "%zu algorithms are more than %d", count, ALGORITHMS_MAX);
    dozan_description *rows = dz_arena_array(arena, count, sizeof(*rows));
    if (rows == NULL)
        return dz_wire_no_memory(err);
    for (size_t i = 0; i < count; i++) {
        dozan_status status = unpack_description(packed->algorithms[i], arena, &rows[i], err);
        if (status != DOZAN_OK)
            return dozan_error_wrap(err, "algorithm %zu of %zu", i + 1, count);
    }
    *reply = (dozan_describe_reply){.algorithms = rows, .algorithm_count = count};
    return DOZAN_OK;
}

static dozan_status pack_description(const dozan_description *from, dz_arena *arena,
                                     Dozan__V1__AlgorithmDescription *packed, dozan_error *err)
{
    dozan__v1__algorithm_description__init(packed);
    packed->name = dz_wire_text(from->name);
    packed->kind = (Dozan__V1__AlgorithmKind)from->kind;
    packed->summary = dz_wire_text(from->summary);
    packed->reference = dz_wire_text(from->reference);
    packed->limits = dz_wire_text(from->limits);
    packed->wants_reports = (from->traits & DOZAN_WANTS_REPORTS) != 0;
    packed->ignores_results = (from->traits & DOZAN_IGNORES_RESULTS) != 0;
    packed->many_objectives = (from->traits & DOZAN_MANY_OBJECTIVES) != 0;
    packed->settings = dz_wire_rows(arena, from->setting_count, sizeof(**packed->settings));
    if (from->setting_count > 0 && packed->settings == NULL)
        return dz_wire_no_memory(err);
    packed->n_settings = from->setting_count;
    for (size_t i = 0; i < from->setting_count; i++)
        pack_setting(&from->settings[i], packed->settings[i]);
    return DOZAN_OK;
}

static void pack_setting(const dozan_setting *from, Dozan__V1__Setting *packed)
{
    dozan__v1__setting__init(packed);
    packed->name = dz_wire_text(from->name);
    packed->type = (Dozan__V1__SettingType)from->type;
    packed->default_value = dz_wire_text(from->default_text);
    packed->help = dz_wire_text(from->help);
    packed->min = dz_wire_text(from->min);
    packed->max = dz_wire_text(from->max);
    packed->min_exclusive = from->min_exclusive;
    packed->max_exclusive = from->max_exclusive;
    packed->required = from->required;
    packed->choices = (char **)(uintptr_t)from->choices; /* only read */
    while (from->choices != NULL && from->choices[packed->n_choices] != NULL)
        packed->n_choices++;
}

static dozan_status unpack_description(const Dozan__V1__AlgorithmDescription *packed,
                                       dz_arena *arena, dozan_description *description,
                                       dozan_error *err)
{
    if (packed->name[0] == '\0')
        return dozan_error_set(err, DOZAN_INVALID_ARGUMENT, "name", "is missing");
    dozan_setting *settings = dz_arena_array(arena, packed->n_settings, sizeof(*settings));
    if (settings == NULL)
        return dz_wire_no_memory(err);
    for (size_t i = 0; i < packed->n_settings; i++) {
        dozan_status status = unpack_setting(packed->settings[i], arena, &settings[i], err);
        if (status != DOZAN_OK)
            return status;
    }
    *description = (dozan_description){
        .name = packed->name,
        .kind = (dozan_algorithm_kind)packed->kind,
        .traits = (packed->wants_reports ? (uint32_t)DOZAN_WANTS_REPORTS : 0u) |
                  (packed->ignores_results ? (uint32_t)DOZAN_IGNORES_RESULTS : 0u) |
                  (packed->many_objectives ? (uint32_t)DOZAN_MANY_OBJECTIVES : 0u),
        .summary = packed->summary,
        .reference = packed->reference,
        .limits = packed->limits,
        .settings = settings,
        .setting_count = packed->n_settings};
    return DOZAN_OK;
}

static dozan_status unpack_setting(const Dozan__V1__Setting *packed, dz_arena *arena,
                                   dozan_setting *setting, dozan_error *err)
{
    if (packed->name[0] == '\0')
        return dozan_error_set(err, DOZAN_INVALID_ARGUMENT, "settings.name", "is missing");
    const char **choices = NULL;
    if (packed->n_choices > 0) {
        choices = dz_arena_array(arena, packed->n_choices + 1, sizeof(*choices));
        if (choices == NULL)
            return dz_wire_no_memory(err);
        for (size_t i = 0; i < packed->n_choices; i++)
            choices[i] = packed->choices[i];
    }
    *setting = (dozan_setting){.name = packed->name,
                               .type = (dozan_setting_type)packed->type,
                               .default_text = absent_if_empty(packed->default_value),
                               .min = absent_if_empty(packed->min),
                               .max = absent_if_empty(packed->max),
                               .min_exclusive = packed->min_exclusive != 0,
                               .max_exclusive = packed->max_exclusive != 0,
                               .required = packed->required != 0,
                               .choices = choices,
                               .help = packed->help};
    return DOZAN_OK;
}

static const char *absent_if_empty(const char *text)
{
    return text[0] != '\0' ? text : NULL;
}
