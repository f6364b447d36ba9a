#include "support_vfs.h"

#include <errno.h>
#include <stdlib.h>

typedef struct fault_file {
    sqlite3_file base;
    sqlite3_file *real; /* behind this struct */
} fault_file;

/* One for the process, as SQLite's list of file systems is. */
static struct {
    sqlite3_vfs vfs;
    sqlite3_vfs *real;
    int kinds, left, code, syncs;
    bool lasts, fired;
} fault;

static sqlite3_file *real_of(sqlite3_file *file)
{
    return ((fault_file *)(void *)file)->real;
}

static bool fails(int kind)
{
    if ((fault.kinds & kind) == 0 || (fault.left <= 0 && !fault.lasts))
        return false;
    if (--fault.left > 0)
        return false;
    fault.fired = true;
    errno = fault.code == SQLITE_FULL ? ENOSPC : EIO;
    return true;
}

static int fault_close(sqlite3_file *file)
{
    sqlite3_file *real = real_of(file);
    return real->pMethods->xClose(real);
}

static int fault_read(sqlite3_file *file, void *bytes, int size, sqlite3_int64 place)
{
    sqlite3_file *real = real_of(file);
    return fails(FAULT_READS) ? fault.code : real->pMethods->xRead(real, bytes, size, place);
}

static int fault_write(sqlite3_file *file, const void *bytes, int size, sqlite3_int64 place)
{
    sqlite3_file *real = real_of(file);
    if (!fails(FAULT_WRITES))
        return real->pMethods->xWrite(real, bytes, size, place);
    (void)real->pMethods->xWrite(real, bytes, size / 2, place);
    return fault.code;
}

static int fault_truncate(sqlite3_file *file, sqlite3_int64 size)
{
    sqlite3_file *real = real_of(file);
    return fails(FAULT_WRITES) ? fault.code : real->pMethods->xTruncate(real, size);
}

/* Nothing is really synced: no test here takes the power away. */
static int fault_sync(sqlite3_file *file, int flags)
{
    (void)file;
    (void)flags;
    fault.syncs++;
    return fails(FAULT_SYNCS) ? fault.code : SQLITE_OK;
}

static int fault_file_size(sqlite3_file *file, sqlite3_int64 *size)
{
    sqlite3_file *real = real_of(file);
    return real->pMethods->xFileSize(real, size);
}

static int fault_lock(sqlite3_file *file, int level)
{
    sqlite3_file *real = real_of(file);
    return real->pMethods->xLock(real, level);
}

static int fault_unlock(sqlite3_file *file, int level)
{
    sqlite3_file *real = real_of(file);
    return real->pMethods->xUnlock(real, level);
}

static int fault_check_lock(sqlite3_file *file, int *result)
{
    sqlite3_file *real = real_of(file);
    return real->pMethods->xCheckReservedLock(real, result);
}

static int fault_control(sqlite3_file *file, int operation, void *argument)
{
    sqlite3_file *real = real_of(file);
    return real->pMethods->xFileControl(real, operation, argument);
}

static int fault_sector_size(sqlite3_file *file)
{
    sqlite3_file *real = real_of(file);
    return real->pMethods->xSectorSize(real);
}

static int fault_characteristics(sqlite3_file *file)
{
    sqlite3_file *real = real_of(file);
    return real->pMethods->xDeviceCharacteristics(real);
}

static int fault_shm_map(sqlite3_file *file, int region, int size, int extend,
                         void volatile **memory)
{
    sqlite3_file *real = real_of(file);
    return real->pMethods->xShmMap(real, region, size, extend, memory);
}

static int fault_shm_lock(sqlite3_file *file, int offset, int n, int flags)
{
    sqlite3_file *real = real_of(file);
    return real->pMethods->xShmLock(real, offset, n, flags);
}

static void fault_shm_barrier(sqlite3_file *file)
{
    sqlite3_file *real = real_of(file);
    real->pMethods->xShmBarrier(real);
}

static int fault_shm_unmap(sqlite3_file *file, int remove)
{
    sqlite3_file *real = real_of(file);
    return real->pMethods->xShmUnmap(real, remove);
}

/* Version 2: without memory-mapped reads, so that every read comes by. */
static const sqlite3_io_methods methods = {
    .iVersion = 2,
    .xClose = fault_close,
    .xRead = fault_read,
    .xWrite = fault_write,
    .xTruncate = fault_truncate,
    .xSync = fault_sync,
    .xFileSize = fault_file_size,
    .xLock = fault_lock,
    .xUnlock = fault_unlock,
    .xCheckReservedLock = fault_check_lock,
    .xFileControl = fault_control,
    .xSectorSize = fault_sector_size,
    .xDeviceCharacteristics = fault_characteristics,
    .xShmMap = fault_shm_map,
    .xShmLock = fault_shm_lock,
    .xShmBarrier = fault_shm_barrier,
    .xShmUnmap = fault_shm_unmap,
};

static int fault_open(sqlite3_vfs *vfs, const char *name, sqlite3_file *file, int flags, int *out)
{
    fault_file *opened = (fault_file *)(void *)file;
    (void)vfs;
    opened->real = (sqlite3_file *)(void *)(opened + 1);
    int code = fault.real->xOpen(fault.real, name, opened->real, flags, out);
    opened->base.pMethods = code == SQLITE_OK ? &methods : NULL;
    return code;
}

void fault_vfs_install(void)
{
    fault.real = sqlite3_vfs_find(NULL);
    if (fault.real == NULL)
        abort();
    fault.vfs = *fault.real;
    fault.vfs.zName = "fault";
    fault.vfs.szOsFile = (int)sizeof(fault_file) + fault.real->szOsFile;
    fault.vfs.xOpen = fault_open;
    fault.vfs.pNext = NULL;
    if (sqlite3_vfs_register(&fault.vfs, 1) != SQLITE_OK)
        abort();
}

void fault_vfs_arm(int kinds, int nth, int code, bool lasts)
{
    fault.kinds = kinds;
    fault.left = nth;
    fault.code = code;
    fault.lasts = lasts;
    fault.fired = false;
}

int fault_vfs_syncs(void)
{
    return fault.syncs;
}

bool fault_vfs_disarm(void)
{
    fault.kinds = 0;
    return fault.fired;
}
