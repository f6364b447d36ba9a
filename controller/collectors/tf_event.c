/*
 * Events are protobuf messages; the decoding is protobuf-c's, of the fields in proto/tfevent.proto.
 * Its memory comes from a budget: a small message can name very many empty parts.
 */
#include "collectors/tf_event.h"

#include "tfevent.pb-c.h"

#include <dozan/space.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { BUDGET_BYTES = 32 * 1024 * 1024 };

/* TensorFlow's DataType, the numbers alone. */
typedef enum data_type {
    TYPE_FLOAT = 1,
    TYPE_DOUBLE = 2,
    TYPE_INT32 = 3,
    TYPE_INT64 = 9,
    TYPE_BFLOAT16 = 14,
    TYPE_HALF = 19
} data_type;

typedef Dozan__Tfevent__Event event_message;
typedef Dozan__Tfevent__Summary__Value value_message;
typedef Dozan__Tfevent__Tensor tensor_message;

static void *take_memory(void *budget, size_t size);
static void give_memory(void *budget, void *memory);
static int64_t time_of(const event_message *event);
static bool read_value(const value_message *value, char text[DZ_TF_VALUE_TEXT]);
static bool read_tensor(const tensor_message *tensor, char text[DZ_TF_VALUE_TEXT]);
static bool has_one_element(const tensor_message *tensor);
static bool read_content(const tensor_message *tensor, char text[DZ_TF_VALUE_TEXT]);
static void float_text(float value, char text[DZ_TF_VALUE_TEXT]);
static void double_text(double value, char text[DZ_TF_VALUE_TEXT]);
static float from_half(uint16_t bits);
static float from_bfloat(uint16_t bits);

dozan_status dz_tf_event_read(const void *bytes, size_t size, dz_tf_scalar_sink *sink, void *user,
                              dozan_error *err)
{
    size_t budget = BUDGET_BYTES;
    ProtobufCAllocator allocator = {take_memory, give_memory, &budget};
    if (size > DZ_TF_EVENT_MAX_BYTES)
        return dozan_error_set(err, DOZAN_INVALID_ARGUMENT, NULL, "larger than 4 MiB");
    event_message *event = dozan__tfevent__event__unpack(&allocator, size, bytes);
    if (event == NULL)
        return dozan_error_set(err, DOZAN_INVALID_ARGUMENT, NULL, "not an event of TensorFlow");
    dz_tf_scalar scalar = {.step = event->has_step ? event->step : 0, .time_ms = time_of(event)};
    for (size_t i = 0; event->summary != NULL && i < event->summary->n_value; i++) {
        const value_message *value = event->summary->value[i];
        scalar.tag = value->tag;
        if (value->tag != NULL && read_value(value, scalar.value))
            sink(user, &scalar);
    }
    dozan__tfevent__event__free_unpacked(event, &allocator);
    return DOZAN_OK;
}

/* ---- memory ---------------------------------------------------------------------------------- */

/* What is given back does not refill the budget: it bounds what one message takes in all. */
static void *take_memory(void *budget, size_t size)
{
    size_t *left = budget;
    if (size > *left)
        return NULL;
    *left -= size;
    return malloc(size);
}

static void give_memory(void *budget, void *memory)
{
    (void)budget;
    free(memory);
}

/* ---- values ---------------------------------------------------------------------------------- */

static int64_t time_of(const event_message *event)
{
    static const double end_second = 253402300800.0;
    bool usable = event->has_wall_time && event->wall_time > 0 && event->wall_time < end_second;
    return usable ? (int64_t)floor(event->wall_time * 1000.0 + 0.0005) : 0;
}

static bool read_value(const value_message *value, char text[DZ_TF_VALUE_TEXT])
{
    if (value->has_simple_value) {
        float_text(value->simple_value, text);
        return true;
    }
    return value->tensor != NULL && read_tensor(value->tensor, text);
}

static bool read_tensor(const tensor_message *tensor, char text[DZ_TF_VALUE_TEXT])
{
    if (!has_one_element(tensor))
        return false;
    if (tensor->has_content && tensor->content.len > 0)
        return read_content(tensor, text);
    switch (tensor->dtype) {
    case TYPE_FLOAT:
        if (tensor->n_float_val == 1)
            float_text(tensor->float_val[0], text);
        return tensor->n_float_val == 1;
    case TYPE_DOUBLE:
        if (tensor->n_double_val == 1)
            double_text(tensor->double_val[0], text);
        return tensor->n_double_val == 1;
    case TYPE_INT32:
        if (tensor->n_int_val == 1)
            (void)snprintf(text, DZ_TF_VALUE_TEXT, "%d", tensor->int_val[0]);
        return tensor->n_int_val == 1;
    case TYPE_INT64:
        if (tensor->n_int64_val == 1)
            (void)snprintf(text, DZ_TF_VALUE_TEXT, "%lld", (long long)tensor->int64_val[0]);
        return tensor->n_int64_val == 1;
    case TYPE_HALF:
    case TYPE_BFLOAT16:
        if (tensor->n_half_val == 1) {
            uint16_t bits = (uint16_t)tensor->half_val[0];
            float_text(tensor->dtype == TYPE_HALF ? from_half(bits) : from_bfloat(bits), text);
        }
        return tensor->n_half_val == 1;
    default:
        return false;
    }
}

static bool has_one_element(const tensor_message *tensor)
{
    const Dozan__Tfevent__Shape *shape = tensor->shape;
    if (shape == NULL)
        return true;
    if (shape->has_unknown_rank && shape->unknown_rank)
        return false;
    for (size_t i = 0; i < shape->n_dim; i++) {
        if (!shape->dim[i]->has_size || shape->dim[i]->size != 1)
            return false;
    }
    return true;
}

/* The bytes of the one element, in the writer's order, which is little-endian everywhere. */
static bool read_content(const tensor_message *tensor, char text[DZ_TF_VALUE_TEXT])
{
    static const struct {
        data_type type;
        size_t size;
    } sizes[] = {{TYPE_FLOAT, 4}, {TYPE_DOUBLE, 8},   {TYPE_INT32, 4},
                 {TYPE_INT64, 8}, {TYPE_BFLOAT16, 2}, {TYPE_HALF, 2}};
    uint64_t bits = 0;
    size_t size = 0;
    for (size_t i = 0; i < sizeof sizes / sizeof sizes[0]; i++)
        size = tensor->dtype == (int32_t)sizes[i].type ? sizes[i].size : size;
    if (size == 0 || tensor->content.len != size)
        return false;
    for (size_t i = size; i-- > 0;)
        bits = bits << 8 | tensor->content.data[i];
    uint32_t low = (uint32_t)bits;
    float single;
    double wide;
    memcpy(&single, &low, sizeof single);
    memcpy(&wide, &bits, sizeof wide);
    switch (tensor->dtype) {
    case TYPE_FLOAT:
        float_text(single, text);
        return true;
    case TYPE_DOUBLE:
        double_text(wide, text);
        return true;
    case TYPE_INT32:
        (void)snprintf(text, DZ_TF_VALUE_TEXT, "%d", (int32_t)low);
        return true;
    case TYPE_INT64:
        (void)snprintf(text, DZ_TF_VALUE_TEXT, "%lld", (long long)(int64_t)bits);
        return true;
    case TYPE_HALF:
        float_text(from_half((uint16_t)bits), text);
        return true;
    default:
        float_text(from_bfloat((uint16_t)bits), text);
        return true;
    }
}

static bool same_float(float a, float b)
{
    return a <= b && a >= b;
}

/* A float as Python prints NumPy's: 0.1 and not 0.100000001. */
static void float_text(float value, char text[DZ_TF_VALUE_TEXT])
{
    double back = 0;
    if (!isfinite(value)) {
        double_text((double)value, text);
        return;
    }
    for (int digits = 1; digits <= 9; digits++) {
        (void)snprintf(text, DZ_TF_VALUE_TEXT, "%.*g", digits, (double)value);
        if (dozan_number_parse(text, false, &back) && same_float((float)back, value))
            return;
    }
}

static void double_text(double value, char text[DZ_TF_VALUE_TEXT])
{
    char number[DOZAN_VALUE_TEXT];
    dozan_number_text(value, number);
    (void)snprintf(text, DZ_TF_VALUE_TEXT, "%.31s", number);
}

/* IEEE 754's binary16. */
static float from_half(uint16_t bits)
{
    int exponent = bits >> 10 & 31;
    int fraction = bits & 1023;
    double value = exponent == 31  ? (fraction == 0 ? (double)INFINITY : (double)NAN)
                   : exponent == 0 ? ldexp(fraction, -24)
                                   : ldexp(fraction + 1024, exponent - 25);
    return (float)(bits & 0x8000 ? -value : value);
}

/* The upper half of a float. */
static float from_bfloat(uint16_t bits)
{
    uint32_t wide = (uint32_t)bits << 16;
    float value;
    memcpy(&value, &wide, sizeof value);
    return value;
}
