/* SPDX-License-Identifier: Apache-2.0 */
#include "base/mem.h"
#include "hermetic/sup.h"

#include <string.h>

static struct sup_task **slot(struct sup_tasks *all, pid_t tid)
{
	struct sup_task **p = &all->v[(unsigned)tid % SS_NELEMS(all->v)];

	while (*p != NULL && (*p)->tid != tid)
		p = &(*p)->next;
	return p;
}

struct sup_task *sup_task_find(struct sup_tasks *all, pid_t tid)
{
	return *slot(all, tid);
}

struct sup_task *sup_task_get(struct sup_tasks *all, pid_t tid)
{
	struct sup_task **p = slot(all, tid);

	if (*p == NULL) {
		*p = ss_calloc(1, sizeof(**p));
		(*p)->tid = tid;
		all->n++;
	}
	return *p;
}

void sup_task_drop(struct sup_tasks *all, pid_t tid)
{
	struct sup_task **p = slot(all, tid);
	struct sup_task *t = *p;

	if (t == NULL)
		return;
	*p = t->next;
	all->n--;
	free(t);
}

/* By who made whom and as how many-th: a process id depends on what else runs. */
void sup_task_derive(struct sup_task *maker, struct sup_task *child)
{
	uint8_t name[12] = "made";

	for (unsigned i = 0; i < 8; i++)
		name[4 + i] = (uint8_t)(maker->made >> (8 * i));
	maker->made++;
	hm_chacha_mix(maker->key, (struct ss_span){ name, sizeof(name) }, child->key);
	child->maker = maker->tid;
	child->known = true;
	child->odd = maker->odd;
	child->loader = maker->loader;
	child->mono = maker->mono;
}

void sup_task_random(struct sup_task *t, uint8_t *p, size_t n)
{
	uint8_t block[HM_BLOCK];

	while (n > 0) {
		const size_t part = n < sizeof(block) ? n : sizeof(block);

		hm_chacha_block(t->key, t->blocks++, block);
		memcpy(p, block, part);
		p += part;
		n -= part;
	}
}
