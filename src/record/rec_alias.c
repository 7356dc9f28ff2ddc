/* SPDX-License-Identifier: Apache-2.0 */
#include "record/rec_state.h"

#include <stdlib.h>
#include <string.h>

#define ALIASES_MAX 4096u

static struct rec_alias *find_alias(struct recorder *r, const char *plain)
{
	for (size_t i = r->n_aliases; i > 0; i--)
		if (strcmp(r->aliases[i - 1].plain, plain) == 0)
			return &r->aliases[i - 1];
	return NULL;
}

void rec_alias_add(struct recorder *r, const char *plain, const char *real)
{
	struct rec_alias *a;

	rec_must(pthread_mutex_lock(&r->lock));
	a = find_alias(r, plain);
	if (a == NULL && r->n_aliases < ALIASES_MAX) {
		if ((r->n_aliases & (r->n_aliases - 1)) == 0)
			r->aliases = ss_reallocarray(r->aliases,
						     r->n_aliases == 0 ? 1 : 2 * r->n_aliases,
						     sizeof(*r->aliases));
		a = &r->aliases[r->n_aliases++];
		*a = (struct rec_alias){ 0 };
		cfg_text_set(&a->plain, plain);
	}
	if (a != NULL)
		cfg_text_set(&a->real, real);
	rec_must(pthread_mutex_unlock(&r->lock));
}

bool rec_alias_find(struct recorder *r, const char *plain, struct ss_buf *ret)
{
	const struct rec_alias *a;

	rec_must(pthread_mutex_lock(&r->lock));
	a = find_alias(r, plain);
	if (a != NULL)
		ss_buf_put(ret, (struct ss_span){ (const uint8_t *)a->real, strlen(a->real) + 1 });
	rec_must(pthread_mutex_unlock(&r->lock));
	return a != NULL;
}
