/*
 * A file system for SQLite that fails when it is told to: the default one, with a counter in front
 * of reads, writes, syncs and truncations.
 */
#ifndef DZ_TESTS_FAULT_SUPPORT_VFS_H
#define DZ_TESTS_FAULT_SUPPORT_VFS_H

#include <sqlite3.h>
#include <stdbool.h>

enum { FAULT_READS = 1, FAULT_WRITES = 2, FAULT_SYNCS = 4 };

/* Makes it the default file system of the process. */
void fault_vfs_install(void);

/* The `nth` call (from 1) of the `kinds` fails with `code`; so do all later ones when it `lasts`. A
 * failing write leaves half of its bytes behind. */
void fault_vfs_arm(int kinds, int nth, int code, bool lasts);

/* How often files have been synced so far. */
int fault_vfs_syncs(void);

/* No more failures; whether there was one since the arming. */
bool fault_vfs_disarm(void);

#endif
