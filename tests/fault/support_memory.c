#include "support_memory.h"

#include <cjson/cJSON.h>
#include <errno.h>
#include <sqlite3.h>
#include <stdlib.h>

/* One for the process, as the allocators are. */
static struct {
    sqlite3_mem_methods real;
    int left;
    bool armed, lasts, fired;
} fault;

static bool fails(void)
{
    if (!fault.armed || (fault.left <= 0 && !fault.lasts) || --fault.left > 0)
        return false;
    fault.fired = true;
    errno = ENOMEM;
    return true;
}

static void *sqlite_malloc(int size)
{
    return fails() ? NULL : fault.real.xMalloc(size);
}

static void *sqlite_realloc(void *memory, int size)
{
    return fails() ? NULL : fault.real.xRealloc(memory, size);
}

static void *json_malloc(size_t size)
{
    return fails() ? NULL : malloc(size);
}

void fault_memory_install(void)
{
    if (sqlite3_config(SQLITE_CONFIG_GETMALLOC, &fault.real) != SQLITE_OK)
        abort();
    sqlite3_mem_methods methods = fault.real;
    methods.xMalloc = sqlite_malloc;
    methods.xRealloc = sqlite_realloc;
    if (sqlite3_config(SQLITE_CONFIG_MALLOC, &methods) != SQLITE_OK)
        abort();
    cJSON_InitHooks(&(cJSON_Hooks){.malloc_fn = json_malloc, .free_fn = free});
}

void fault_memory_arm(int nth, bool lasts)
{
    fault.left = nth;
    fault.lasts = lasts;
    fault.fired = false;
    fault.armed = true;
}

bool fault_memory_disarm(void)
{
    fault.armed = false;
    return fault.fired;
}
