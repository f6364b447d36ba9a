/*
 * How a Kubernetes cluster is reached, and as whom: out of a kubeconfig file, or out of what a pod
 * finds of its service account.
 *
 * The server's certificate is always checked. What proves who we are (keys, tokens, passwords)
 * stays in memory: it is in no message, no log and no file of ours.
 */
#ifndef DZ_KUBERNETES_ACCESS_H
#define DZ_KUBERNETES_ACCESS_H

#include <dozan/status.h>
#include <stdint.h>

/* A program that gives credentials. */
typedef struct dz_cluster_exec {
    char **argv;       /* NULL-terminated; NULL = there is none */
    char **env;        /* NULL-terminated "NAME=value", besides ours */
    char *api_version; /* of ExecCredential */
    char *hint;        /* how to install it, or NULL */
} dz_cluster_exec;

typedef struct dz_cluster_access {
    char *server;      /* "https://host:port", without a slash at its end */
    char *namespace_;  /* the context's, or the pod's; NULL = none is given */
    char *server_name; /* in the server's certificate; NULL = the host of `server` */
    char *proxy;       /* NULL = as the environment says */
    char *authorities; /* PEM; NULL = the system's */
    char *certificate; /* PEM, with key */
    char *key;
    char *token;
    char *token_file; /* read again every minute: such tokens are replaced while they are valid */
    char *username, *password;
    dz_cluster_exec exec;
} dz_cluster_access;

/* Reads `kubeconfig`; NULL: the files of $KUBECONFIG, else ~/.kube/config, else, in a pod, its
 * service account. `context` NULL = the current one. INVALID_ARGUMENT, NOT_FOUND and
 * FAILED_PRECONDITION name the file and the entry. */
DOZAN_MUST_USE dozan_status dz_cluster_access_load(const char *kubeconfig, const char *context,
                                                   dz_cluster_access **access, dozan_error *err);
void dz_cluster_access_destroy(dz_cluster_access *access);

/* A whole file of at most 1 MiB; secrets of it are wiped by dz_cluster_forget. NOT_FOUND. */
DOZAN_MUST_USE dozan_status dz_cluster_read_file(const char *path, char **text, dozan_error *err);

/* Wipes and frees a text that may be a secret. May be NULL. */
void dz_cluster_forget(char *text);

/* What a program of `exec` gave. */
typedef struct dz_cluster_credential {
    char *token, *certificate, *key; /* NULL = not given; dz_cluster_credential_fini */
    int64_t expires_ms;              /* wall clock; 0 = never */
} dz_cluster_credential;

/* Runs the program and reads its ExecCredential; blocks for at most 60 s. UNAUTHENTICATED tells
 * what failed, without a word of what it printed to its output. */
DOZAN_MUST_USE dozan_status dz_cluster_exec_run(const dz_cluster_exec *exec,
                                                dz_cluster_credential *credential,
                                                dozan_error *err);
void dz_cluster_credential_fini(dz_cluster_credential *credential);

#endif
