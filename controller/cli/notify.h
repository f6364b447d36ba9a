/*
 * Telling the service manager how it goes: the datagrams that systemd's Type=notify waits for, on
 * the socket that $NOTIFY_SOCKET names. Without one, nothing happens.
 */
#ifndef DZ_CLI_NOTIFY_H
#define DZ_CLI_NOTIFY_H

typedef enum dz_notice {
    DZ_NOTIFY_READY,     /* it serves: at the start, and after a reload */
    DZ_NOTIFY_RELOADING, /* SIGHUP has come */
    DZ_NOTIFY_STOPPING
} dz_notice;

void dz_notify(dz_notice notice);

#endif
