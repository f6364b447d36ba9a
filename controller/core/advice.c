/*
 * What to tell the user of a trial that did not succeed: the cause, and what can be done.
 */
#include "core/turn.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

static const char *exit_advice(int code);
static const char *signal_advice(int signal);
static void signal_text(int signal, char text[32]);
static const char *metric_role(const dz_experiment_spec *spec, size_t metric);
static void where_it_was_looked_for(const dz_experiment_spec *spec, const char *metric, char *text,
                                    size_t size);

void dz_advice_on_end(const dz_experiment *experiment, const dz_trial *trial, const dz_end *end,
                      char text[DZ_ADVICE_TEXT])
{
    const char *said = end->message == NULL ? "" : end->message;
    const char *separator = *said == '\0' ? "" : ": ";
    int64_t timeout = experiment->spec->trial_timeout_ms;
    char name[32];

    if (experiment->spec->lease_ms > 0 &&
        (end->kind == DZ_END_EXITED || end->kind == DZ_END_LOST)) {
        (void)dz_text_set(text, DZ_ADVICE_TEXT, "%s%s%s",
                          end->kind == DZ_END_EXITED ? "its worker tells of a failure"
                                                     : "its worker is lost",
                          separator, said);
        return;
    }
    switch (end->kind) {
    case DZ_END_EXITED:
        (void)dz_text_set(text, DZ_ADVICE_TEXT, "exit code %d%s%s: %s; see `dozan logs %s`",
                          end->code, separator, said, exit_advice(end->code), trial->name);
        return;
    case DZ_END_SIGNALED:
        signal_text(end->signal, name);
        (void)dz_text_set(text, DZ_ADVICE_TEXT, "ended by %s%s%s: %s; see `dozan logs %s`", name,
                          separator, said, signal_advice(end->signal), trial->name);
        return;
    case DZ_END_TIMEOUT:
        if (*said != '\0' || timeout == 0) {
            (void)dz_text_set(text, DZ_ADVICE_TEXT, "did not end within its time limit%s%s",
                              separator, said);
        } else {
            (void)dz_text_set(text, DZ_ADVICE_TEXT,
                              "did not end within its time limit of %" PRId64
                              " s: raise trialTimeout, or give it less to do",
                              timeout / 1000);
        }
        return;
    case DZ_END_NOT_STARTED:
        (void)dz_text_set(text, DZ_ADVICE_TEXT, "could not be started%s%s", separator, said);
        return;
    case DZ_END_STOPPED:
    case DZ_END_LOST:
        break;
    }
    (void)dz_text_set(text, DZ_ADVICE_TEXT, "it is gone, and nobody knows how it ended%s%s",
                      separator, said);
}

void dz_advice_on_metric(const dz_experiment *experiment, const dz_trial *trial,
                         const char *complaint, char text[DZ_ADVICE_TEXT])
{
    const dz_experiment_spec *spec = experiment->spec;
    size_t missing = dz_trial_missing(trial, spec);
    size_t metric = missing == SIZE_MAX ? 0 : missing;
    const dz_observation *seen = &trial->observations[metric];
    const char *name = spec->metrics[metric].name;
    const char *role = metric_role(spec, metric);
    char place[256];

    where_it_was_looked_for(spec, name, place, sizeof place);
    if (seen->count > 0 && !seen->latest_numeric) {
        (void)dz_text_set(text, DZ_ADVICE_TEXT,
                          "the trial succeeded, but %s %.64s is no number: \"%.64s\"", role, name,
                          seen->latest_text == NULL ? "" : seen->latest_text);
        return;
    }
    (void)dz_text_set(text, DZ_ADVICE_TEXT,
                      "the trial succeeded, but did not report %s %.64s: %s%s%s", role, name, place,
                      complaint == NULL ? "" : "; ", complaint == NULL ? "" : complaint);
}

static const char *metric_role(const dz_experiment_spec *spec, size_t metric)
{
    for (size_t i = 0; i < spec->objective_count; i++) {
        if (spec->objectives[i].metric == metric) {
            return "its objective";
        }
    }
    return "the metric of a constraint,";
}

static const char *exit_advice(int code)
{
    static const struct {
        int code;
        const char *advice;
    } table[] = {
        {0, "the template's successCondition does not hold for a finished process"},
        {126, "the command was found but may not be executed: check its permissions"},
        {127, "the command was not found: check the path, or map the image's paths with --map"},
        {134, "the program aborted (SIGABRT)"},
        {137, "it was killed (SIGKILL), often for want of memory"},
        {139, "the program crashed (SIGSEGV)"},
        {143, "it was ended (SIGTERM)"},
    };

    for (size_t i = 0; i < sizeof table / sizeof table[0]; i++) {
        if (table[i].code == code) {
            return table[i].advice;
        }
    }
    return "the program says so itself";
}

static const char *signal_advice(int signal)
{
    char name[32];

    signal_text(signal, name);
    if (strcmp(name, "SIGKILL") == 0) {
        return "killed from outside, often by the kernel for want of memory";
    }
    if (strcmp(name, "SIGTERM") == 0 || strcmp(name, "SIGHUP") == 0 ||
        strcmp(name, "SIGINT") == 0) {
        return "sent from outside";
    }
    return "the program crashed";
}

static void signal_text(int signal, char text[32])
{
    const char *name = sigabbrev_np(signal);

    if (name != NULL) {
        (void)snprintf(text, 32, "SIG%s", name);
    } else {
        (void)snprintf(text, 32, "signal %d", signal);
    }
}

static void where_it_was_looked_for(const dz_experiment_spec *spec, const char *metric, char *text,
                                    size_t size)
{
    const char *source = spec->collector == DZ_COLLECTOR_FILE && spec->collector_path != NULL
                             ? spec->collector_path
                             : "its output";

    if (spec->lease_ms > 0) {
        (void)snprintf(text, size, "report %.64s before finishing the trial, or with its finish",
                       metric);
    } else if (spec->collector == DZ_COLLECTOR_PUSH) {
        (void)snprintf(text, size,
                       "report %.64s before the command ends, with the name in KATIB_TRIAL_NAME",
                       metric);
    } else if (spec->collector == DZ_COLLECTOR_MLFLOW) {
        (void)snprintf(text, size,
                       "log %.64s with mlflow.log_metric in the run that MLFLOW_RUN_ID names, "
                       "before the command ends",
                       metric);
    } else if (spec->collector == DZ_COLLECTOR_TENSORFLOW_EVENT) {
        (void)snprintf(text, size, "write a scalar %.64s into event files in %.96s", metric,
                       spec->collector_path != NULL ? spec->collector_path : "the folder");
    } else if (spec->collector == DZ_COLLECTOR_PROMETHEUS) {
        (void)snprintf(text, size,
                       "have a sample %.64s at httpGet while the program runs; see "
                       "DOZAN_METRICS_PORT in the README",
                       metric);
    } else if (spec->collector == DZ_COLLECTOR_CUSTOM) {
        (void)snprintf(text, size,
                       "have the collector's container print %.64s=0.5; its messages are in "
                       "collector.log in the trial's folder",
                       metric);
    } else if (spec->collector == DZ_COLLECTOR_FILE && spec->collector_format == DZ_FORMAT_JSON) {
        (void)snprintf(text, size, "print lines like {\"%.64s\": 0.5} into %.96s", metric, source);
    } else if (spec->metrics_format_count > 0) {
        (void)snprintf(text, size, "no match of metricsFormat %.96s gave that name in %.64s",
                       spec->metrics_format[0], source);
    } else {
        (void)snprintf(text, size, "print lines like %.64s=0.5 into %.96s", metric, source);
    }
}
