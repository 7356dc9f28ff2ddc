/* SPDX-License-Identifier: Apache-2.0 */
#include "hermetic/sup.h"

#include <sys/socket.h>

/*
 * Connections that begin late: the task is left where the filter stopped it, before the call, while
 * all others run on. Each waits for another quarter of the time, so that of several that begin
 * together the answers come in another order.
 */
#define MS INT64_C(1000000)
#define PARTS 4u

static int64_t now_ns(void)
{
	struct timespec t = { 0 };

	(void)clock_gettime(CLOCK_MONOTONIC, &t);
	return (int64_t)t.tv_sec * SUP_SECOND + t.tv_nsec;
}

void sup_late_begin(struct sup *s, struct sup_task *t)
{
	sa_family_t family;

	if (t->args[2] < sizeof(family) || !sup_read(t->tid, t->args[1], &family, sizeof(family)) ||
	    (family != AF_INET && family != AF_INET6))
		return;
	/* The last ones of four go first. */
	t->late = now_ns() +
		  s->view->connect_ms.v * MS * (int64_t)(PARTS - s->connects++ % PARTS) / PARTS;
	if (s->late == 0 || t->late < s->late)
		s->late = t->late;
}

int sup_late_end(struct sup *s, void (*go)(pid_t tid, int signal))
{
	const int64_t now = s->late > 0 ? now_ns() : 0;

	if (s->late == 0)
		return -1;
	if (s->late <= now) {
		s->late = 0;
		for (size_t i = 0; i < SS_NELEMS(s->tasks.v); i++)
			for (struct sup_task *t = s->tasks.v[i]; t != NULL; t = t->next) {
				if (t->late > 0 && t->late <= now) {
					t->late = 0;
					go(t->tid, 0);
				} else if (t->late > 0 && (s->late == 0 || t->late < s->late)) {
					s->late = t->late;
				}
			}
	}
	return s->late == 0 ? -1 : (int)((s->late - now) / MS) + 1;
}
