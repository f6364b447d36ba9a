#include "loop/replies.h"

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

/* Bytes are taken from one block whose size is counted first, by the same walk with base = NULL. */
typedef struct block {
    char *base;
    size_t used;
} block;

static void *take(block *b, size_t size);
static const char *take_text(block *b, const char *text);
static void take_pairs(block *b, dozan_pair **to, const dozan_pair *from, size_t count);
static void copy_ask(block *b, const dozan_ask_reply *from);
static void copy_judge(block *b, const dozan_judge_reply *from);

dozan_ask_reply *dz_ask_reply_copy(const dozan_ask_reply *reply)
{
    block b = {0};
    copy_ask(&b, reply);
    b.base = malloc(b.used);
    if (!b.base)
        return NULL;
    b.used = 0;
    copy_ask(&b, reply);
    return (dozan_ask_reply *)(void *)b.base;
}

dozan_judge_reply *dz_judge_reply_copy(const dozan_judge_reply *reply)
{
    block b = {0};
    copy_judge(&b, reply);
    b.base = malloc(b.used);
    if (!b.base)
        return NULL;
    b.used = 0;
    copy_judge(&b, reply);
    return (dozan_judge_reply *)(void *)b.base;
}

static void copy_ask(block *b, const dozan_ask_reply *from)
{
    dozan_ask_reply *to = take(b, sizeof *to);
    dozan_suggestion *suggestions = take(b, from->suggestion_count * sizeof *suggestions);
    const char *message = take_text(b, from->message);
    if (to) {
        *to = *from;
        to->suggestions = suggestions;
        to->message = message;
    }
    for (size_t i = 0; i < from->suggestion_count; i++) {
        const dozan_suggestion *s = &from->suggestions[i];
        dozan_suggestion copy = *s;
        take_pairs(b, &copy.assignments, s->assignments, s->assignment_count);
        take_pairs(b, &copy.labels, s->labels, s->label_count);
        if (suggestions)
            suggestions[i] = copy;
    }
}

static void copy_judge(block *b, const dozan_judge_reply *from)
{
    dozan_judge_reply *to = take(b, sizeof *to);
    dozan_trial_verdict *verdicts = take(b, from->verdict_count * sizeof *verdicts);
    if (to) {
        *to = *from;
        to->verdicts = verdicts;
    }
    for (size_t i = 0; i < from->verdict_count; i++) {
        dozan_trial_verdict copy = from->verdicts[i];
        copy.message = take_text(b, copy.message);
        if (verdicts)
            verdicts[i] = copy;
    }
}

static void take_pairs(block *b, dozan_pair **to, const dozan_pair *from, size_t count)
{
    dozan_pair *pairs = take(b, count * sizeof *pairs);
    for (size_t i = 0; i < count; i++) {
        const char *name = take_text(b, from[i].name), *value = take_text(b, from[i].value);
        if (pairs)
            pairs[i] = (dozan_pair){name, value};
    }
    *to = pairs;
}

static const char *take_text(block *b, const char *text)
{
    if (!text)
        return NULL;
    size_t size = strlen(text) + 1;
    char *copy = take(b, size);
    return copy ? memcpy(copy, text, size) : NULL;
}

static void *take(block *b, size_t size)
{
    size_t at = b->used;
    b->used += (size + 15) & ~(size_t)15;
    return b->base ? b->base + at : NULL;
}
