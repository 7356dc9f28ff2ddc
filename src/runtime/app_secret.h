/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "fmt/secret_link.h"

#include <stdbool.h>
#include <sys/types.h>

/*
 * The application's secrets in init: which came from keyplane (fmt/secret_link.h), where they are.
 * Those for the environment are kept in locked memory, each as "NAME=value"; those that are files
 * lie in a file system of their own (RT_SECRETS), in memory too, each complete as soon as it is
 * there.
 *
 * There is one application, so this keeps the values to itself.
 */
#define RT_SECRETS "/secrets"

struct rt_secrets {
	int fd; /* the pair to keyplane; -1: none */
	int dir;
	uid_t uid; /* who may read the files */
	gid_t gid;
	size_t n, n_files;
	struct mc_secret all[MC_MAX_SECRETS]; /* borrowed from the measured config */
	bool is_here[MC_MAX_SECRETS];
};

/* Mounts RT_SECRETS if there are files. */
SS_MUST_CHECK SS_NONNULL int rt_secrets_init(struct rt_secrets *s, const struct mc_config *c,
					     struct ss_err *err);
/* One that is required and has not come. */
SS_MUST_CHECK SS_NONNULL bool rt_secrets_lack(const struct rt_secrets *s);
/* Their names, ", " between them; cut where there is no room. */
SS_NONNULL void rt_secrets_list(const struct rt_secrets *s, char *ret, size_t size);
/* 1 = the secret *ret came; 0 = nothing now; -1 = no such thing may come, or keyplane is gone. */
SS_MUST_CHECK SS_NONNULL int rt_secrets_hear(struct rt_secrets *s, const struct mc_secret **ret,
					     struct ss_err *err);
/*
 * Puts those of the environment into `envp`, which has `n` entries before its NULL and room for
 * MC_MAX_SECRETS more: in the place of the entry of that name, or behind the last.
 */
SS_NONNULL void rt_secrets_env(const struct rt_secrets *s, char **envp, size_t n);
/* No start follows that needs them. */
void rt_secrets_forget(void);
/* In a process that came of init and has no use for them: its copy goes. */
void rt_secrets_drop_copy(void);
