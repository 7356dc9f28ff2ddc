/* SPDX-License-Identifier: Apache-2.0 */
#include "record/rec_state.h"

#include <stdlib.h>

const struct rec_config *rec_config_of(const struct recorder *r)
{
	return r->config;
}

struct rec_tape *rec_tape_of(const struct recorder *r)
{
	return r->tape;
}

const struct rec_authority *rec_authority_of(const struct recorder *r)
{
	return r->authority;
}

struct rec_names *rec_names_in(const struct recorder *r)
{
	return r->names;
}

bool rec_is_stopping(const struct recorder *r)
{
	return atomic_load(&r->stopping);
}

struct recorder *rec_state_new(const struct rec_config *c, int listen_fd)
{
	struct recorder *r = ss_calloc(1, sizeof(*r));

	r->config = c;
	r->listen_fd = listen_fd;
	r->wake[0] = r->wake[1] = -1;
	rec_must(pthread_mutex_init(&r->lock, NULL));
	rec_must(pthread_cond_init(&r->gone, NULL));
	r->tape = c->play ? rec_tape_load(c->inputs) : rec_tape_new();
	r->names = rec_names_new();
	return r;
}

void rec_state_free(struct recorder *r)
{
	rec_tape_free(r->tape);
	rec_authority_free(r->authority);
	ss_closep(&r->listen_fd);
	ss_closep(&r->wake[0]);
	ss_closep(&r->wake[1]);
	for (size_t i = 0; i < r->n_aliases; i++) {
		free(r->aliases[i].plain);
		free(r->aliases[i].real);
	}
	free(r->aliases);
	for (size_t i = 0; i < r->n_refused; i++)
		free(r->refused[i].line);
	free(r->refused);
	rec_names_free(r->names);
	rec_must(pthread_mutex_destroy(&r->lock));
	rec_must(pthread_cond_destroy(&r->gone));
	free(r);
}
