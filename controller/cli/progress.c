#include "cli/progress.h"

#include "cli/text.h"
#include <stdio.h>
#include <string.h>

enum { LINE_MAX_BYTES = 4096, MIN_ROWS = 4, BAR_MIN = 10, BAR_MAX = 40 };

#define GREEN "\033[32m"
#define BOLD "\033[1m"
#define RED "\033[31m"
#define PLAIN "\033[0m"

typedef struct painter {
    const dz_progress *progress;
    dozan_buf line; /* the one being made */
    dozan_buf *out;
    size_t lines;
} painter;

static void put_head(painter *view);
static void put_bar(painter *view);
static void put_best(painter *view);
static void put_running(painter *view, size_t room);
static void put_trial(painter *view, const dz_trial *trial);
static void end_line(painter *view, const char *colour);
static void add_latest(const dz_experiment_spec *spec, const dz_trial *trial, dozan_buf *out);
static void add_goal(const dz_experiment_spec *spec, dozan_buf *out);
static void took_text(int64_t took_ms, char text[32]);

size_t dz_progress_view(const dz_progress *progress, dozan_buf *out)
{
    painter view = {.progress = progress, .out = out};
    size_t rows = progress->rows > MIN_ROWS ? progress->rows : MIN_ROWS;
    const char *trouble =
        progress->interrupt_text != NULL ? progress->interrupt_text : progress->trouble;
    dozan_buf_init(&view.line, LINE_MAX_BYTES);
    put_head(&view);
    put_bar(&view);
    put_best(&view);
    put_running(&view, rows - view.lines - (trouble != NULL ? 1 : 0));
    if (trouble != NULL) {
        dozan_buf_puts(&view.line, trouble);
        end_line(&view, RED);
    }
    dozan_buf_fini(&view.line);
    return view.lines;
}

void dz_progress_ended(const dz_experiment *experiment, const dz_trial *trial, int64_t count,
                       dozan_buf *out)
{
    const dz_experiment_spec *spec = experiment->spec;
    char value[32], took[32];
    double objective = 0;
    dozan_buf line;
    dozan_buf_init(&line, LINE_MAX_BYTES);
    dozan_buf_printf(&line, "trial %lld", (long long)count);
    if (spec->max_trial_count > 0)
        dozan_buf_printf(&line, "/%d", (int)spec->max_trial_count);
    dozan_buf_printf(&line, " %s %s", trial->name, dz_trial_state_name(trial->state));
    if (dz_trial_objective(trial, spec, &objective)) {
        dz_value_text(objective, value);
        dozan_buf_printf(&line, " %s=%s", spec->metrics[0].name, value);
    }
    if (experiment->best.trial == trial->number)
        dozan_buf_puts(&line, " (best)");
    if (trial->started_ms > 0) {
        took_text(trial->ended_ms - trial->started_ms, took);
        dozan_buf_printf(&line, " in %s", took);
    }
    dozan_buf_puts(&line, ": ");
    dz_text_pairs(&line, trial->assignments, trial->assignment_count);
    bool good = trial->state == DZ_TRIAL_SUCCEEDED;
    if (!good && trial->message[0] != '\0')
        dozan_buf_printf(&line, "; %s", trial->message);
    if (line.data != NULL)
        dz_text_fit(out, line.data, SIZE_MAX);
    dozan_buf_puts(out, "\n");
    dozan_buf_fini(&line);
}

int64_t dz_progress_count(const dz_experiment *experiment)
{
    int64_t ended = 0;
    for (int state = 0; state < DZ_TRIAL_STATE_COUNT; state++)
        if (dz_trial_state_ended((dz_trial_state)state))
            ended += experiment->state_counts[state];
    return ended;
}

int64_t dz_progress_left(const dz_progress *progress)
{
    const dz_experiment *experiment = progress->experiment;
    const dz_experiment_spec *spec = experiment->spec;
    int64_t ended = dz_progress_count(experiment);
    int64_t here = ended - progress->ended_before;
    int64_t elapsed = progress->now_ms - progress->run_started_ms;
    int64_t left = -1;
    if (spec->max_trial_count > 0 && ended >= spec->max_trial_count)
        return 0;
    if (spec->max_trial_count > 0 && here > 0 && elapsed >= 0)
        left = (int64_t)((double)elapsed / (double)here * (double)(spec->max_trial_count - ended));
    if (spec->max_runtime_ms > 0) {
        int64_t run = experiment->runtime_ms;
        if (experiment->runtime_mark_ms > 0)
            run += progress->now_ms - experiment->runtime_mark_ms;
        int64_t limit = spec->max_runtime_ms > run ? spec->max_runtime_ms - run : 0;
        left = left < 0 || limit < left ? limit : left;
    }
    return left;
}

void dz_progress_counts(const dz_experiment *experiment, dozan_buf *out)
{
    static const struct {
        dz_trial_state state;
        const char *word;
    } words[] = {
        {DZ_TRIAL_SUCCEEDED, "succeeded"}, {DZ_TRIAL_EARLY_STOPPED, "stopped early"},
        {DZ_TRIAL_FAILED, "failed"},       {DZ_TRIAL_METRICS_UNAVAILABLE, "without metrics"},
        {DZ_TRIAL_KILLED, "killed"},       {DZ_TRIAL_RUNNING, "running"},
        {DZ_TRIAL_STARTING, "starting"},   {DZ_TRIAL_STOPPING, "stopping"},
        {DZ_TRIAL_PENDING, "waiting"},
    };
    const char *between = "";
    for (size_t i = 0; i < sizeof(words) / sizeof(words[0]); i++) {
        long long count = experiment->state_counts[words[i].state];
        if (count == 0)
            continue;
        dozan_buf_printf(out, "%s%lld %s", between, count, words[i].word);
        between = ", ";
    }
    if (*between == '\0')
        dozan_buf_puts(out, "no trials yet");
}

static void put_head(painter *view)
{
    const dz_progress *progress = view->progress;
    const dz_experiment_spec *spec = progress->experiment->spec;
    char elapsed[32];
    dz_duration_text(progress->now_ms - progress->run_started_ms, elapsed);
    dozan_buf_printf(&view->line, "%s  %s, %s %s", spec->name, spec->algorithm,
                     spec->maximize ? "maximize" : "minimize", spec->metrics[0].name);
    add_goal(spec, &view->line);
    dozan_buf_printf(&view->line, "  %s %s", dz_experiment_state_name(progress->experiment->state),
                     elapsed);
    end_line(view, BOLD);
}

/* "[#####.....] 12/30  2 running, 1 failed  about 25s left"; without a bar when there is no end to
 * draw it to. */
static void put_bar(painter *view)
{
    const dz_progress *progress = view->progress;
    int64_t ended = dz_progress_count(progress->experiment);
    int32_t max = progress->experiment->spec->max_trial_count;
    int64_t left = dz_progress_left(progress);
    if (max > 0) {
        size_t width = progress->columns / 3;
        width = width < BAR_MIN ? BAR_MIN : width > BAR_MAX ? BAR_MAX : width;
        int64_t part = ended < max ? ended : max;
        size_t full = (size_t)((int64_t)width * part / max);
        dozan_buf_puts(&view->line, "[");
        for (size_t i = 0; i < width; i++)
            dozan_buf_puts(&view->line, i < full ? "#" : ".");
        dozan_buf_printf(&view->line, "] %lld/%d  ", (long long)ended, (int)max);
    }
    dz_progress_counts(progress->experiment, &view->line);
    if (left > 0) {
        char text[32];
        dz_duration_text(left, text);
        dozan_buf_printf(&view->line, "  about %s left", text);
    }
    end_line(view, GREEN);
}

static void put_best(painter *view)
{
    const dz_progress *progress = view->progress;
    const dz_best *best = &progress->experiment->best;
    char value[32];
    if (best->trial == 0)
        return;
    dz_value_text(best->value, value);
    dozan_buf_printf(&view->line, "best  %s=%s", progress->experiment->spec->metrics[0].name,
                     value);
    if (progress->best_text != NULL)
        dozan_buf_printf(&view->line, "  %s", progress->best_text);
    end_line(view, BOLD);
}

/* At most `room` lines; the last one says how many more there are. */
static void put_running(painter *view, size_t room)
{
    const dz_experiment *experiment = view->progress->experiment;
    size_t running = 0, shown = 0;
    for (size_t i = 0; i < experiment->active_count; i++)
        running += experiment->active[i]->state != DZ_TRIAL_PENDING;
    size_t lines = running <= room ? running : room > 0 ? room - 1 : 0;
    for (size_t i = 0; i < experiment->active_count && shown < lines; i++) {
        if (experiment->active[i]->state == DZ_TRIAL_PENDING)
            continue;
        put_trial(view, experiment->active[i]);
        shown++;
    }
    if (running > shown && room > 0) {
        dozan_buf_printf(&view->line, "  and %zu more", running - shown);
        end_line(view, NULL);
    }
}

static void put_trial(painter *view, const dz_trial *trial)
{
    char runs[32] = "-";
    if (trial->started_ms > 0)
        dz_duration_text(view->progress->now_ms - trial->started_ms, runs);
    dozan_buf_printf(&view->line, "  %s  %s", trial->name, runs);
    if (trial->state != DZ_TRIAL_RUNNING)
        dozan_buf_printf(&view->line, "  %s", dz_trial_state_name(trial->state));
    add_latest(view->progress->experiment->spec, trial, &view->line);
    dozan_buf_puts(&view->line, "  ");
    dz_text_pairs(&view->line, trial->assignments, trial->assignment_count);
    end_line(view, NULL);
}

/* Moves the line made so far to the output, one column narrower than the terminal, so that it
 * never wraps. */
static void end_line(painter *view, const char *colour)
{
    size_t columns = view->progress->columns > 1 ? view->progress->columns - 1 : 1;
    bool coloured = colour != NULL && view->progress->colour;
    if (coloured)
        dozan_buf_puts(view->out, colour);
    if (view->line.data != NULL)
        dz_text_fit(view->out, view->line.data, columns);
    dozan_buf_puts(view->out, coloured ? PLAIN "\n" : "\n");
    dozan_buf_clear(&view->line);
    view->lines++;
}

static void add_latest(const dz_experiment_spec *spec, const dz_trial *trial, dozan_buf *out)
{
    for (size_t i = 0; trial->observations != NULL && i < spec->metric_count; i++) {
        const dz_observation *seen = &trial->observations[i];
        if (seen->count > 0)
            dozan_buf_printf(out, "  %s=%s (%lld)", spec->metrics[i].name,
                             seen->latest_text != NULL ? seen->latest_text : "-",
                             (long long)seen->count);
    }
}

static void add_goal(const dz_experiment_spec *spec, dozan_buf *out)
{
    char goal[32];
    if (!spec->has_goal)
        return;
    dz_value_text(spec->goal, goal);
    dozan_buf_printf(out, " (goal %s)", goal);
}

/* Short trials to the tenth of a second. */
static void took_text(int64_t took_ms, char text[32])
{
    if (took_ms < 0 || took_ms >= 10000 || snprintf(text, 32, "%.1fs", (double)took_ms / 1000) < 0)
        dz_duration_text(took_ms, text);
}
