/*
 * Whose turn it is at the slots, when several experiments want more of them than there are.
 *
 * Those that wait stand in a line. Free slots go down the line, one trial to each; who got one and
 * wants more stands at its end again. A demand that does not fit yet keeps what it lacks (CPUs, or
 * GPUs) from all behind it, so that a large one is not passed for ever, and leaves the other to
 * them. While somebody waits, nobody takes slots outside of the line, not even those that it has
 * just given back.
 */
#include "loop/loop.h"

#include <utlist.h>

static bool others_wait(const dz_actor *actor);
static bool offer(dz_actor *actor);

void dz_share_before(dz_actor *actor)
{
    dz_slots *slots = &actor->loop->slots;
    slots->rationed = others_wait(actor);
    slots->grants = actor->loop->grants;
}

void dz_share_after(dz_actor *actor)
{
    dz_loop *loop = actor->loop;
    const dz_experiment *e = actor->experiment;
    bool waits = e->open && e->state == DZ_EXPERIMENT_RUNNING && e->waits_for_slots;
    if (loop->slots.given)
        loop->slots_changed = true;
    loop->slots.given = false;
    if (waits && !actor->waits) {
        DL_APPEND2(loop->waiting, actor, prev_waiting, next_waiting);
        actor->waits = true;
        loop->slots_changed = true;
    } else if (!waits) {
        dz_share_leave(actor);
    }
}

void dz_share_leave(dz_actor *actor)
{
    if (!actor->waits)
        return;
    DL_DELETE2(actor->loop->waiting, actor, prev_waiting, next_waiting);
    actor->waits = false;
    actor->loop->slots_changed = true; /* what it kept from others is theirs now */
}

void dz_share_give_up(dz_actor *actor)
{
    dz_loop *loop = actor->loop;
    for (size_t i = 0; i < actor->experiment->active_count; i++) {
        const dz_trial *t = actor->experiment->active[i];
        if (t->state == DZ_TRIAL_STARTING || t->state == DZ_TRIAL_RUNNING ||
            t->state == DZ_TRIAL_STOPPING)
            dz_slots_give(&loop->slots, t->cpu_milli, t->gpu_count, t->gpus);
    }
    loop->slots_changed = true;
}

void dz_share_out(dz_loop *loop)
{
    bool given = loop->slots_changed;
    while (given && loop->waiting) {
        bool cpu_kept = false, gpu_kept = false;
        dz_actor *actor = NULL, *next = NULL;
        const dz_actor *last = loop->waiting->prev_waiting; /* who comes behind has had its turn */
        given = false;
        DL_FOREACH_SAFE2(loop->waiting, actor, next, next_waiting)
        {
            bool end = actor == last;
            int64_t cpu = actor->experiment->waits_cpu_milli;
            int32_t gpus = actor->experiment->waits_gpus;
            bool passed = (cpu > 0 && cpu_kept) || (gpus > 0 && gpu_kept);
            if (!passed && dz_slots_free(&loop->slots, cpu, gpus)) {
                given = offer(actor) || given;
            } else if (!passed) {
                cpu_kept = cpu_kept || !dz_slots_free(&loop->slots, cpu, 0);
                gpu_kept = gpu_kept || !dz_slots_free(&loop->slots, 0, gpus);
            }
            if (end || (cpu_kept && gpu_kept))
                break;
        }
    }
    loop->slots_changed = false;
}

/* ---- helpers */

static bool others_wait(const dz_actor *actor)
{
    const dz_actor *first = actor->loop->waiting;
    return first && (first != actor || first->next_waiting);
}

/* Lets it start one trial, or as many as fit when nobody else waits. Whether it has. */
static bool offer(dz_actor *actor)
{
    dz_loop *loop = actor->loop;
    dozan_error ignored = {0};
    int64_t before = loop->slots.taken;
    dz_share_leave(actor);
    loop->grants = 1;
    (void)dz_actor_step(actor, &(dz_event){.kind = DZ_EVENT_TICK}, &ignored);
    loop->grants = 0;
    return loop->slots.taken > before;
}
