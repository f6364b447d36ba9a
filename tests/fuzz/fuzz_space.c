/*
 * Fuzzes a parameter and a value's text: whatever is accepted must be in range, snap to a fixed
 * point, and read back from its own text.
 *
 * An input is lines: a digit for the type and one for the distribution, min, max, step, the value;
 * and for lists, the entries from the sixth line on.
 */
#include <dozan/space.h>

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

enum { LINES = 16, FIRST_ENTRY = 5 };

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void require(bool condition)
{
    if (!condition)
        abort();
}

static void check_point(const dozan_space *space, double u)
{
    char text[DOZAN_VALUE_TEXT];
    char again[DOZAN_VALUE_TEXT];
    double snapped = u;
    double parsed = -1;
    dozan_space_snap(space, &snapped);
    require(snapped >= 0 && snapped <= 1);
    double twice = snapped;
    dozan_space_snap(space, &twice);
    require(memcmp(&twice, &snapped, sizeof(twice)) == 0);
    const char *value = dozan_space_text(space, 0, u, text);
    require(strcmp(value, dozan_space_text(space, 0, snapped, again)) == 0);
    require(dozan_space_parse(space, 0, value, &parsed, NULL) == DOZAN_OK);
    require(memcmp(&parsed, &snapped, sizeof(parsed)) == 0);
}

static void check_space(const dozan_parameter *parameter, const char *value)
{
    static const double coordinates[] = {0, 1e-17, 0.001, 0.1, 0.25, 0.5, 0.7, 0.999, 1};
    dozan_space *space = NULL;
    dozan_error err = {0};
    if (dozan_space_create(parameter, 1, &space, &err) != DOZAN_OK) {
        require(err.place[0] != '\0' && err.message[0] != '\0');
        return;
    }
    for (size_t i = 0; i < sizeof(coordinates) / sizeof(coordinates[0]); i++)
        check_point(space, coordinates[i]);
    double u = -1;
    if (dozan_space_parse(space, 0, value, &u, &err) == DOZAN_OK)
        check_point(space, u);
    dozan_space_destroy(space);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    char *text = calloc(1, size + 1);
    if (text == NULL)
        return 0;
    memcpy(text, data, size);
    const char *lines[LINES];
    size_t count = 0;
    for (char *at = text; at != NULL && count < LINES; count++) {
        lines[count] = at;
        at = strchr(at, '\n');
        if (at != NULL)
            *at++ = '\0';
    }
    size_t given = count;
    while (count < LINES)
        lines[count++] = "";
    size_t listed = given > FIRST_ENTRY ? given - FIRST_ENTRY : 0;
    bool range = lines[0][0] == '1' || lines[0][0] == '2';
    dozan_parameter parameter = {
        .name = "p",
        .type = (dozan_parameter_type)(lines[0][0] - '0'),
        .distribution = (dozan_distribution)(lines[0][0] != '\0' ? lines[0][1] - '0' : 0),
        .min = lines[1],
        .max = lines[2],
        .step = lines[3],
        .list = lines + FIRST_ENTRY,
        .list_count = range ? 0 : listed};
    check_space(&parameter, lines[4]);
    free(text);
    return 0;
}
