/* SPDX-License-Identifier: Apache-2.0 */
#include "io/env.h"

#include "base/mem.h"

#include <stdbool.h>
#include <stdio.h>
#include <string.h>

static bool is_name(const char *word, const char *name)
{
	const size_t n = strlen(name);

	return strncmp(word, name, n) == 0 && word[n] == '=';
}

void io_env_set(struct io_env *e, const char *name, const char *value)
{
	const size_t size = strlen(name) + strlen(value) + 2;
	char *word = ss_calloc(size, 1);
	size_t i = 0;

	(void)snprintf(word, size, "%s=%s", name, value);
	while (i < e->n && !is_name(e->v[i], name))
		i++;
	if (i == e->n) {
		e->v = ss_reallocarray(e->v, e->n + 2, sizeof(*e->v));
		e->v[++e->n] = NULL;
	} else {
		free(e->v[i]);
	}
	e->v[i] = word;
}

void io_env_keep(struct io_env *e, const char *name)
{
	const char *value = getenv(name);

	if (value != NULL)
		io_env_set(e, name, value);
}

void io_env_done(struct io_env *e)
{
	for (size_t i = 0; i < e->n; i++)
		free(e->v[i]);
	free(e->v);
	*e = (struct io_env){ 0 };
}
