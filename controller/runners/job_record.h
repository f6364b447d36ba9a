/*
 * What dozan-shim and the local runner agree on: the files of a job's directory, the record of how
 * it ended, and the shim's own exit status. Nothing but constants, because the shim links nothing.
 *
 *   lock      held (fcntl, exclusive) by the shim for as long as it lives: who holds it is the
 * job's one shim output    standard output and error; made by the shim, and only if it is not
 * there: so a job runs at most once stop      made by the runner before it tells the shim to stop:
 * an end by SIGTERM without it was not our wish exit      the record, put in place whole by rename:
 * once it is there, no process of the job is left metrics/  files that the trial writes for its
 * collector
 *
 * The record is one line: DZ_RECORD_FORMAT with the kind, a number (exit code, signal, or errno),
 * the peak memory in KiB, and user and system time in microseconds, of all the job's processes. It
 * is not synced: it must outlive killed processes, not a power cut, after which the job counts as
 * lost.
 */
#ifndef DZ_RUNNERS_JOB_RECORD_H
#define DZ_RUNNERS_JOB_RECORD_H

#define DZ_JOB_LOCK "lock"
#define DZ_JOB_OUTPUT "output"
#define DZ_JOB_STOP "stop"
#define DZ_JOB_EXIT "exit"
#define DZ_JOB_EXIT_TEMPORARY "exit.tmp"
#define DZ_JOB_METRICS "metrics"

#define DZ_RECORD_FORMAT "dozan 1 %s %d rss_kib %ld user_us %lld system_us %lld\n"
#define DZ_RECORD_SCAN "dozan 1 %15s %d"

#define DZ_RECORD_EXITED "exited"         /* its exit code */
#define DZ_RECORD_SIGNALED "signaled"     /* the signal that ended it */
#define DZ_RECORD_STOPPED "stopped"       /* 0: the shim got SIGTERM */
#define DZ_RECORD_TIMEOUT "timeout"       /* 0: its time limit was reached */
#define DZ_RECORD_NO_COMMAND "no-command" /* errno of exec */
#define DZ_RECORD_NO_FOLDER "no-folder"   /* errno of chdir to its working directory */

/* Exit status of the shim. Everything between DONE and ALREADY is the errno of what it could not
 * set up. */
enum { DZ_SHIM_DONE = 0, DZ_SHIM_ALREADY = 200, DZ_SHIM_NO_RECORD = 201 };

#endif
