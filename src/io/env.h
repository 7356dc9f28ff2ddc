/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "base/attr.h"

#include <stddef.h>

/*
 * The environment that a program we run gets: only what was named. Owned; NULL-terminated once
 * something was set. `v` is what struct io_spawn wants.
 */
struct io_env {
	char **v;
	size_t n;
};

/* Sets or replaces. */
SS_NONNULL void io_env_set(struct io_env *e, const char *name, const char *value);
/* Our own value of `name`, if we have one. */
SS_NONNULL void io_env_keep(struct io_env *e, const char *name);
void io_env_done(struct io_env *e);
#define AUTO_ENV SS_CLEANUP(io_env_done)

static inline const char *const *io_env_list(const struct io_env *e)
{
	return (const char *const *)e->v;
}
