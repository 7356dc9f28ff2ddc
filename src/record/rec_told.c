/* SPDX-License-Identifier: Apache-2.0 */
#include "record/rec_state.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#define REFUSED_MAX 1024u /* kinds; more are told each time */

void rec_tell(struct recorder *r, const struct rec_request *q, const char *why)
{
	char line[SS_ERR_MSG_MAX + 512];

	if (r->config->problem == NULL)
		return;
	if (q->plain.n > 0)
		(void)snprintf(line, sizeof(line), "%s %.400s: %s", q->method,
			       (const char *)q->plain.p, why);
	else
		(void)snprintf(line, sizeof(line), "%s", why);
	rec_must(pthread_mutex_lock(&r->lock));
	r->config->problem(r->config->ctx, line);
	rec_must(pthread_mutex_unlock(&r->lock));
}

void rec_refused(struct recorder *r, const char *line)
{
	struct rec_refusal *f = NULL;

	rec_must(pthread_mutex_lock(&r->lock));
	for (size_t i = 0; f == NULL && i < r->n_refused; i++)
		if (strcmp(r->refused[i].line, line) == 0)
			f = &r->refused[i];
	if (f == NULL && r->n_refused < REFUSED_MAX) {
		if (r->refused == NULL)
			r->refused = ss_calloc(REFUSED_MAX, sizeof(*r->refused));
		r->refused[r->n_refused] = (struct rec_refusal){ ss_copy(line), 1 };
		r->n_refused++;
		f = NULL;
	}
	if (f != NULL)
		f->n++;
	else if (r->config->problem != NULL)
		r->config->problem(r->config->ctx, line);
	rec_must(pthread_mutex_unlock(&r->lock));
}

void rec_told_end(struct recorder *r)
{
	char line[SS_ERR_MSG_MAX + 512];

	for (size_t i = 0; i < r->n_refused; i++) {
		(void)snprintf(line, sizeof(line), "%s (%" PRIu64 " times)", r->refused[i].line,
			       r->refused[i].n);
		if (r->refused[i].n > 1 && r->config->problem != NULL)
			r->config->problem(r->config->ctx, line);
	}
}

/* --- what is counted -----------------------------------------------------------------------------
 */

void rec_count(const struct rec_conn *c, uint64_t bytes, bool cached)
{
	struct rec_counts *k;

	if (c->step >= REC_STEPS_MAX)
		return;
	rec_must(pthread_mutex_lock(&c->r->lock));
	k = &c->r->steps[c->step].counts;
	k->requests++;
	k->bytes += bytes;
	k->cached += cached;
	rec_must(pthread_mutex_unlock(&c->r->lock));
}

void rec_count_refusal(struct recorder *r, size_t step)
{
	if (step >= REC_STEPS_MAX)
		return;
	rec_must(pthread_mutex_lock(&r->lock));
	r->steps[step].counts.failed++;
	rec_must(pthread_mutex_unlock(&r->lock));
}

void rec_count_failure(const struct rec_conn *c)
{
	rec_count_refusal(c->r, c->step);
}
