/*
 * An algorithm within another: an instance of its own over the same experiment, history and seed,
 * with its own table's default settings.
 */
#include "settings.h"

#include <stdlib.h>

struct dozan_delegate {
    const dozan_algorithm *algorithm;
    dozan_settings *settings;
    dozan_problem problem; /* the outer one's with these settings */
    void *self;
};

dozan_status dozan_delegate_create(const dozan_algorithm *algorithm, const dozan_problem *problem,
                                   dozan_delegate **delegate, dozan_error *err)
{
    dozan_delegate *made = calloc(1, sizeof(*made));
    if (made == NULL)
        return dozan_error_set(err, DOZAN_RESOURCE_EXHAUSTED, NULL, "out of memory for %s",
                               algorithm->name);
    made->algorithm = algorithm;
    made->problem = *problem;
    dozan_status status = dz_settings_create(algorithm->settings, algorithm->setting_count, NULL, 0,
                                             &made->settings, err);
    made->problem.settings = made->settings;
    made->problem.history = NULL;
    if (status == DOZAN_OK && algorithm->validate != NULL)
        status = algorithm->validate(&made->problem, err);
    made->problem.history = problem->history;
    if (status == DOZAN_OK && algorithm->create != NULL)
        status = algorithm->create(&made->problem, &made->self, err);
    if (status != DOZAN_OK) {
        dozan_delegate_destroy(made);
        return status;
    }
    *delegate = made;
    return DOZAN_OK;
}

void dozan_delegate_destroy(dozan_delegate *delegate)
{
    if (delegate == NULL)
        return;
    if (delegate->self != NULL && delegate->algorithm->destroy != NULL)
        delegate->algorithm->destroy(delegate->self);
    dz_settings_destroy(delegate->settings);
    free(delegate);
}

dozan_status dozan_delegate_tell(dozan_delegate *delegate, const dozan_event *event,
                                 dozan_error *err)
{
    if (delegate->algorithm->tell == NULL)
        return DOZAN_OK;
    return delegate->algorithm->tell(delegate->self, &delegate->problem, event, err);
}

dozan_status dozan_delegate_ask(const dozan_delegate *delegate, const dozan_ask *ask,
                                dozan_answer *answer, dozan_error *err)
{
    return delegate->algorithm->ask(delegate->self, &delegate->problem, ask, answer, err);
}
