/*
 * What dozan-shim and the local runner agree on: the files of a job's directory, the record of how
 * it ended, and the shim's own exit status. Nothing but constants, because the shim links nothing.
 *
 *   status    the record; locked (fcntl, exclusive) by the shim for as long as it lives: who holds
 * the lock is the job's one shim. Empty: nothing was started yet. With a lock: it runs. Without: it
 * ended as the record says, and no process of it is left; or, when the record still says "running",
 * it is gone. output    standard output and error stop      made by the runner before it tells the
 * shim to stop: an end by SIGTERM without it was not our wish, and a shim that finds it does not
 * begin metrics/  files that the trial writes for its collector. With a collector that runs beside
 * the trial: collected, its standard output, and collector.log, its standard error. checkpoint/ the
 * trial's state, which begins as a copy of its parent's
 *
 * There are as few files as can be, because making one is most of what a short trial costs. The
 * record is one line of a fixed size, first written before the start and then over itself: so a
 * disk that fills up meanwhile cannot lose it, and a reader that finds no lock finds it whole. It
 * is not synced: it must outlive killed processes, not a power cut, after which the job counts as
 * lost.
 */
#ifndef DZ_RUNNERS_JOB_RECORD_H
#define DZ_RUNNERS_JOB_RECORD_H

#define DZ_JOB_STATUS "status"
#define DZ_JOB_OUTPUT "output"
#define DZ_JOB_STOP "stop"
#define DZ_JOB_METRICS "metrics"
#define DZ_JOB_CHECKPOINT "checkpoint"
#define DZ_JOB_COLLECTED "collected"
#define DZ_JOB_COLLECTOR_LOG "collector.log"

/* In the shim's environment: what follows this entry is the collector's, what precedes it the
 * command's. */
#define DZ_ENV_COLLECTOR "DOZAN_COLLECTOR_ENVIRONMENT="

/* Kind, number (exit code, signal, or errno), and of all the job's processes the peak memory in KiB
 * and the user and system time in microseconds; filled up with spaces and a newline. */
#define DZ_RECORD_FORMAT "dozan 1 %s %d rss_kib %ld user_us %lld system_us %lld"
#define DZ_RECORD_SCAN "dozan 1 %15s %d"
enum { DZ_RECORD_SIZE = 128 };

#define DZ_RECORD_RUNNING "running"           /* 0 */
#define DZ_RECORD_EXITED "exited"             /* its exit code */
#define DZ_RECORD_SIGNALED "signaled"         /* the signal that ended it */
#define DZ_RECORD_STOPPED "stopped"           /* 0: the shim got SIGTERM */
#define DZ_RECORD_TIMEOUT "timeout"           /* 0: its time limit was reached */
#define DZ_RECORD_NO_COMMAND "no-command"     /* errno of exec */
#define DZ_RECORD_NO_FOLDER "no-folder"       /* errno of chdir to its working directory */
#define DZ_RECORD_NO_COLLECTOR "no-collector" /* errno: the collector could not be started */

/* Exit status of the shim. What lies between DONE and ALREADY is the errno of what it could not set
 * up. */
enum { DZ_SHIM_DONE = 0, DZ_SHIM_ALREADY = 200, DZ_SHIM_NO_RECORD = 201 };

#endif
