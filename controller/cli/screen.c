#include "cli/screen.h"

#include "cli/text.h"
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

enum { VIEW_MAX = 1 << 18, TEXT_MAX = 1024, MAX_VIEW_ROWS = 24 };

static bool can_draw(FILE *file);
static void measure(dz_screen *screen);
static void put(dz_screen *screen, const dozan_buf *text);

void dz_screen_init(dz_screen *screen, FILE *file, bool quiet)
{
    *screen = (dz_screen){.file = file, .quiet = quiet};
    screen->live = !quiet && can_draw(file);
    screen->progress.colour =
        screen->live && getenv("NO_COLOR") == NULL; /* NOLINT(concurrency-mt-unsafe) */
    dozan_buf_init(&screen->best_text, TEXT_MAX);
    dozan_buf_init(&screen->trouble, TEXT_MAX);
}

void dz_screen_fini(dz_screen *screen)
{
    dozan_buf_fini(&screen->best_text);
    dozan_buf_fini(&screen->trouble);
}

void dz_screen_start(dz_screen *screen, const dz_experiment *experiment, const dz_trial *best,
                     int64_t now_ms)
{
    screen->progress.run_started_ms = now_ms;
    screen->progress.ended_before = dz_progress_count(experiment);
    screen->faults = experiment->plugin_faults;
    if (best != NULL) {
        dozan_buf_printf(&screen->best_text, "%s ", best->name);
        dz_text_pairs(&screen->best_text, best->assignments, best->assignment_count);
    }
}

void dz_screen_faults(dz_screen *screen, const dz_experiment *experiment)
{
    bool faulty = experiment->faults_in_row > 0, again = screen->faulty && !faulty;
    if (experiment->plugin_faults == screen->faults && !again)
        return;
    screen->faults = experiment->plugin_faults;
    screen->faulty = faulty;
    dozan_buf_clear(&screen->trouble);
    if (faulty)
        dozan_buf_printf(&screen->trouble, "%s: %s", experiment->suggestion_reason,
                         experiment->suggestion_message);
    else if (!again)
        dozan_buf_puts(&screen->trouble, experiment->plugin_fault);
    if (again)
        dz_screen_note(screen, "the plugin answers again; no trial was lost");
    else if (!screen->live && screen->trouble.data != NULL)
        dz_screen_note(screen, screen->trouble.data);
}

void dz_screen_draw(dz_screen *screen, const dz_experiment *experiment, int64_t now_ms)
{
    dozan_buf text;
    if (!screen->live)
        return;
    measure(screen);
    screen->progress.experiment = experiment;
    screen->progress.now_ms = now_ms;
    screen->progress.best_text = screen->best_text.data;
    screen->progress.trouble = screen->trouble.size > 0 ? screen->trouble.data : NULL;
    dozan_buf_init(&text, VIEW_MAX);
    /* to the first line of the last view, and clear from there on */
    if (screen->drawn > 0)
        dozan_buf_printf(&text, "\r\033[%zuA\033[J", screen->drawn);
    screen->drawn = dz_progress_view(&screen->progress, &text);
    put(screen, &text);
    dozan_buf_fini(&text);
}

void dz_screen_ended(dz_screen *screen, const dz_experiment *experiment, const dz_trial *trial)
{
    if (experiment->best.trial == trial->number) {
        dozan_buf_clear(&screen->best_text);
        dozan_buf_printf(&screen->best_text, "%s ", trial->name);
        dz_text_pairs(&screen->best_text, trial->assignments, trial->assignment_count);
    }
    bool bad = trial->state == DZ_TRIAL_FAILED || trial->state == DZ_TRIAL_METRICS_UNAVAILABLE;
    if (bad) {
        dozan_buf_clear(&screen->trouble);
        dozan_buf_printf(&screen->trouble, "%s: %s", trial->name, trial->message);
    }
    screen->ended++;
    if (screen->live || screen->quiet)
        return;
    dozan_buf line;
    dozan_buf_init(&line, VIEW_MAX);
    dz_progress_ended(experiment, trial, screen->progress.ended_before + screen->ended, &line);
    put(screen, &line);
    dozan_buf_fini(&line);
}

void dz_screen_note(dz_screen *screen, const char *line)
{
    dozan_buf text;
    dz_screen_clear(screen);
    dozan_buf_init(&text, VIEW_MAX);
    dz_text_fit(&text, line, SIZE_MAX);
    dozan_buf_puts(&text, "\n");
    put(screen, &text);
    dozan_buf_fini(&text);
}

void dz_screen_interrupt(dz_screen *screen, const char *text)
{
    if (screen->interrupted)
        return;
    screen->interrupted = true;
    screen->progress.interrupt_text = text;
    if (!screen->live)
        dz_screen_note(screen, text);
}

void dz_screen_clear(dz_screen *screen)
{
    dozan_buf text;
    if (screen->drawn == 0)
        return;
    dozan_buf_init(&text, VIEW_MAX);
    dozan_buf_printf(&text, "\r\033[%zuA\033[J", screen->drawn);
    put(screen, &text);
    dozan_buf_fini(&text);
    screen->drawn = 0;
}

static bool can_draw(FILE *file)
{
    int descriptor = fileno(file);
    const char *terminal = getenv("TERM"); /* NOLINT(concurrency-mt-unsafe): nothing sets it */
    return descriptor >= 0 && isatty(descriptor) && terminal != NULL && *terminal != '\0' &&
           strcmp(terminal, "dumb") != 0;
}

/* A terminal may be resized at any time. */
static void measure(dz_screen *screen)
{
    struct winsize size = {0};
    if (ioctl(fileno(screen->file), TIOCGWINSZ, &size) != 0 || size.ws_col == 0) {
        size.ws_col = 80;
        size.ws_row = 24;
    }
    screen->progress.columns = size.ws_col;
    screen->progress.rows = size.ws_row > 2 ? size.ws_row - 1U : 1;
    if (screen->progress.rows > MAX_VIEW_ROWS)
        screen->progress.rows = MAX_VIEW_ROWS;
}

/* In one write, so that a half view is never seen. */
static void put(dz_screen *screen, const dozan_buf *text)
{
    if (text->size == 0)
        return;
    (void)fwrite(text->data, 1, text->size, screen->file);
    (void)fflush(screen->file);
}
