/* SPDX-License-Identifier: Apache-2.0 */
#include "hermetic/sup.h"

#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/*
 * CLOCK_MONOTONIC measures, and stays true: but the C library makes names of temporary files of its
 * nanoseconds, and programs write down what took how long. So a program's begins at a full second,
 * one to two seconds ahead, and stands there until the true one has come; its sleeps move it. From
 * then on it is the true one. A program cannot tell that from a machine that let it wait: it never
 * goes back, and a deadline on it is not reached before its time, but up to two seconds after.
 */
#define AHEAD 2

int64_t sup_mono_tell(int64_t *at, int64_t now)
{
	if (*at == 0)
		*at = (now / SUP_SECOND + AHEAD) * SUP_SECOND;
	return *at > now ? *at : now;
}

void sup_mono_reach(int64_t *at, int64_t until, int64_t now)
{
	/* Who has slept was late as well: nobody gets further ahead than at the beginning. */
	if (*at > now && until > *at && until - now <= AHEAD * SUP_SECOND)
		*at = until;
}

static int64_t true_now(void)
{
	struct timespec ts = { 0 };

	(void)clock_gettime(CLOCK_MONOTONIC, &ts);
	return ts.tv_sec * SUP_SECOND + ts.tv_nsec;
}

static pid_t read_process(pid_t tid)
{
	static const char mark[] = "\nTgid:\t";
	char path[64], text[1024];
	const char *at = NULL;
	ssize_t n = -1;
	int fd;

	(void)snprintf(path, sizeof(path), "/proc/%d/status", tid);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd >= 0) {
		n = read(fd, text, sizeof(text) - 1);
		(void)close(fd);
	}
	if (n > 0) {
		text[n] = '\0';
		at = strstr(text, mark);
	}
	return at != NULL ? (pid_t)strtoul(at + sizeof(mark) - 1, NULL, 10) : tid;
}

/* The first task of its process, in which that one's clock is kept. */
static struct sup_task *process_of(struct sup *s, struct sup_task *t)
{
	struct sup_task *p;

	if (t->process == 0)
		t->process = read_process(t->tid);
	p = sup_task_find(&s->tasks, t->process);
	return p != NULL ? p : t;
}

int64_t sup_mono_read(struct sup *s, struct sup_task *t)
{
	return sup_mono_tell(&process_of(s, t)->mono, true_now());
}

int64_t sup_mono_ahead(struct sup *s, struct sup_task *t)
{
	const int64_t at = process_of(s, t)->mono, now = true_now();

	return at > now ? at - now : 0;
}

void sup_mono_slept(struct sup *s, struct sup_task *t, int64_t from, int64_t ns)
{
	int64_t until;

	if (from != 0 && !__builtin_add_overflow(from, ns, &until))
		sup_mono_reach(&process_of(s, t)->mono, until, true_now());
}
