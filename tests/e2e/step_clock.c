/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What a program of the step measures with CLOCK_MONOTONIC, asked through the C library (this one
 * is linked as most are: a static program sees the true clock).
 */
#include <pthread.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#define SECOND INT64_C(1000000000)

static int64_t read_clock(clockid_t clock)
{
	struct timespec ts = { 0 };

	(void)clock_gettime(clock, &ts);
	return ts.tv_sec * SECOND + ts.tv_nsec;
}

static int64_t now(void)
{
	return read_clock(CLOCK_MONOTONIC);
}

/* Nobody changes this one. */
static int64_t true_now(void)
{
	return read_clock(CLOCK_MONOTONIC_RAW);
}

static struct timespec spec(int64_t ns)
{
	return (struct timespec){ .tv_sec = ns / SECOND, .tv_nsec = ns % SECOND };
}

static void say(const char *what, bool yes)
{
	printf("%s: %s\n", what, yes ? "yes" : "no");
}

static void *in_thread(void *p)
{
	int64_t *at = p;

	*at = now();
	return NULL;
}

/* Until the clock runs: it may not go back on the way, nor for who is made meanwhile. */
static bool runs_on(int64_t last)
{
	const int64_t end = last + 4 * SECOND;
	int64_t at = last;

	while (at < end) {
		at = now();
		if (at < last)
			return false;
		last = at;
	}
	return true;
}

static bool child_is_not_earlier(int64_t last)
{
	int status = -1;
	const pid_t pid = fork();

	if (pid == 0)
		_exit(now() >= last ? 0 : 1);
	return waitpid(pid, &status, 0) == pid && status == 0;
}

/* Exactly so, as long as the clock still stands: on a machine that is busy it may not. */
static bool is_at(int64_t begin, int64_t true_begin, int64_t length)
{
	const int64_t at = now() - begin;

	if (true_now() - true_begin < SECOND)
		return at == length;
	return at >= length;
}

int main(void)
{
	const int64_t true_begin = true_now(), begin = now();
	const struct timespec part = spec(SECOND / 5), deadline = spec(begin + SECOND / 2);
	pthread_t thread;
	int64_t other = 0;

	say("a full second", begin % SECOND == 0);
	say("stands", is_at(begin, true_begin, 0));
	say("in a thread, too", pthread_create(&thread, NULL, in_thread, &other) == 0 &&
					pthread_join(thread, NULL) == 0 && other >= begin &&
					is_at(begin, true_begin, other - begin));
	(void)clock_nanosleep(CLOCK_MONOTONIC, 0, &part, NULL);
	say("a sleep moves it", is_at(begin, true_begin, SECOND / 5));
	(void)clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, &deadline, NULL);
	say("to a deadline", is_at(begin, true_begin, SECOND / 2));
	say("and both take their time", true_now() - true_begin >= SECOND / 2);
	say("never back, and runs", runs_on(begin));
	other = now();
	say("a child is not earlier", child_is_not_earlier(other));
	say("it is the true one",
	    other - begin >= 4 * SECOND && true_now() - true_begin >= 2 * SECOND);
	return 0;
}
