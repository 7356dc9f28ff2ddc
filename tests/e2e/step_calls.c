/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What tests/e2e/step.t runs in a step, static, as no library of the image counts. Each word is a
 * question; each prints one line in which nothing depends on how fast the machine is.
 */
#include <errno.h>
#include <fcntl.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <mqueue.h>
#include <netinet/in.h>
#include <pthread.h>
#include <sched.h>
#include <semaphore.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/auxv.h>
#include <sys/prctl.h>
#include <sys/ptrace.h>
#include <sys/random.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/timerfd.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>
#ifdef __x86_64__
#include <x86intrin.h>
#endif

static double now(clockid_t clock)
{
	struct timespec t;

	if (clock_gettime(clock, &t) < 0)
		abort();
	return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

/* 300 ms from now, on the step's clock. */
static struct timespec soon(void)
{
	struct timespec t;

	if (clock_gettime(CLOCK_REALTIME, &t) < 0)
		abort();
	t.tv_nsec += 300000000;
	if (t.tv_nsec >= 1000000000) {
		t.tv_nsec -= 1000000000;
		t.tv_sec++;
	}
	return t;
}

/* It really took that long: no less, and the test itself ends if it takes for ever. */
static void say(const char *what, int ok, double since)
{
	printf("%s %s, %s\n", what, ok ? "as it should" : "WRONG",
	       now(CLOCK_MONOTONIC) - since >= 0.29 ? "and waited" : "TOO EARLY");
}

static void deadlines(void)
{
	double from = now(CLOCK_MONOTONIC);
	static struct timespec at; /* the program's own, not on the stack */
	struct itimerspec timer = { .it_value = soon() };
	pthread_mutex_t mutex = PTHREAD_MUTEX_INITIALIZER;
	pthread_cond_t cond = PTHREAD_COND_INITIALIZER;
	struct timespec was;
	uint64_t n = 0;
	char message[8192];
	sem_t sem;
	mqd_t queue;
	int fd;

	sem_init(&sem, 0, 0);
	at = was = soon();
	say("semaphore", sem_timedwait(&sem, &at) < 0 && errno == ETIMEDOUT, from);
	printf("its deadline %s\n",
	       memcmp(&at, &was, sizeof(at)) == 0 ? "is as it was" : "CHANGED");
	from = now(CLOCK_MONOTONIC);
	at = soon();
	pthread_mutex_lock(&mutex);
	say("condition", pthread_cond_timedwait(&cond, &mutex, &at) == ETIMEDOUT, from);
	from = now(CLOCK_MONOTONIC);
	at = soon();
	say("mutex", pthread_mutex_timedlock(&mutex, &at) == ETIMEDOUT, from);
	from = now(CLOCK_MONOTONIC);
	at = soon();
	say("clock_nanosleep", clock_nanosleep(CLOCK_REALTIME, TIMER_ABSTIME, &at, NULL) == 0,
	    from);
	from = now(CLOCK_MONOTONIC);
	fd = timerfd_create(CLOCK_REALTIME, 0);
	timer.it_value = soon();
	timerfd_settime(fd, TFD_TIMER_ABSTIME, &timer, NULL);
	say("timerfd", read(fd, &n, sizeof(n)) == sizeof(n) && n == 1, from);
	queue = mq_open("/step", O_RDWR | O_CREAT, 0600, NULL);
	from = now(CLOCK_MONOTONIC);
	at = soon();
	say("mq",
	    mq_timedreceive(queue, message, sizeof(message), NULL, &at) < 0 && errno == ETIMEDOUT,
	    from);
	mq_unlink("/step");
}

static void timers(void)
{
	struct sigevent event = { .sigev_notify = SIGEV_SIGNAL, .sigev_signo = SIGALRM };
	struct itimerspec spec = { .it_value = soon() };
	const double from = now(CLOCK_MONOTONIC);
	timer_t timer;
	sigset_t set;
	int got = 0;

	sigemptyset(&set);
	sigaddset(&set, SIGALRM);
	sigprocmask(SIG_BLOCK, &set, NULL);
	timer_create(CLOCK_REALTIME, &event, &timer);
	timer_settime(timer, TIMER_ABSTIME, &spec, NULL);
	sigwait(&set, &got);
	say("timer", got == SIGALRM, from);
}

/* A sleep that a child's end interrupts goes on, and the clock moves by all of it. */
static void interrupted(void)
{
	const time_t from = time(NULL);
	const struct timespec t = { 1, 0 };

	if (fork() == 0) {
		usleep(50000);
		_exit(0);
	}
	signal(SIGCHLD, SIG_DFL);
	printf("sleep %d\n", nanosleep(&t, NULL));
	printf("the clock moved by %d\n", (int)(time(NULL) - from));
	wait(NULL);
}

static void *draw(void *ret)
{
	if (getrandom(ret, 8, 0) != 8)
		abort();
	return NULL;
}

/* Whichever thread comes first: each has its own stream. */
static void threads(void)
{
	pthread_t t[16];
	uint64_t v[16];

	for (unsigned i = 0; i < 16; i++)
		if (pthread_create(&t[i], NULL, draw, &v[i]) != 0)
			abort();
	for (unsigned i = 0; i < 16; i++)
		pthread_join(t[i], NULL);
	for (unsigned i = 0; i < 16; i++)
		printf("%016llx%s", (unsigned long long)v[i], i == 15 ? "\n" : " ");
}

static void addresses(void)
{
	static int here;
	uint64_t random[2];

	const unsigned long at = getauxval(AT_RANDOM);
	const void *there = NULL;

	memcpy(&there, &at, sizeof(there));
	memcpy(random, there, sizeof(random));
	printf("stack %p, heap %p, data %p, canary %016llx, vdso %lu\n", (void *)&random, malloc(1),
	       (void *)&here, (unsigned long long)random[0], getauxval(AT_SYSINFO_EHDR));
}

static void counter(void)
{
#ifdef __x86_64__
	unsigned cpu = 7;
	const unsigned long long a = __rdtsc(), b = __rdtscp(&cpu);

	printf("counter %llu %llu %u\n", a, b - a, cpu);
#endif
}

static void refused(void)
{
	printf("io_uring %s\n", syscall(SYS_io_uring_setup, 1, NULL) < 0 && errno == ENOSYS
					? "there is none"
					: "IS THERE");
	printf("ptrace %s\n",
	       ptrace(PTRACE_TRACEME) < 0 && errno == EPERM ? "not permitted" : "PERMITTED");
	printf("untraced %s\n",
	       syscall(SYS_clone, 0x00800000 | SIGCHLD, NULL, NULL, NULL, NULL) < 0 &&
			       errno == EINVAL
		       ? "not known"
		       : "MADE");
}

/* A filter's own listener: there is ours, and one at most. */
static void listener(void)
{
	struct sock_filter f[] = { BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW) };
	struct sock_fprog p = { 1, f };
	const int rc = prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) < 0
			       ? 1
			       : (int)syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER,
					      SECCOMP_FILTER_FLAG_NEW_LISTENER, &p);

	printf("listener %s\n", rc < 0 && errno == EBUSY ? "not another one" : "MADE");
	printf("filter %s\n",
	       syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER, 0, &p) == 0 ? "as ever" : "REFUSED");
}

/* As make asks: what was just made, by whichever clock, is not later than now. */
static void skew(void)
{
	const int fd = open("/skew", O_CREAT | O_TRUNC | O_WRONLY | O_CLOEXEC, 0600);
	struct stat st;

	if (fd < 0 || write(fd, "x", 1) != 1 || close(fd) < 0 || stat("/skew", &st) < 0 ||
	    unlink("/skew") < 0)
		abort();
	printf("a file %s\n", st.st_mtime <= time(NULL) ? "is not later than now" : "IS LATER");
}

/* Connections to a port that is ours and where nobody listens, one of another kind among them. */
static void late(void)
{
	static const double least[] = { 0.8, 0.6, 0.4, 0.2, 0.8 };
	struct sockaddr_in at = { .sin_family = AF_INET, .sin_addr = { htonl(INADDR_LOOPBACK) } };
	struct sockaddr_un here = { .sun_family = AF_UNIX, .sun_path = "/none" };
	socklen_t n = sizeof(at);
	const int port = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	int ok = bind(port, (struct sockaddr *)&at, n) == 0 &&
		 getsockname(port, (struct sockaddr *)&at, &n) == 0;

	for (unsigned i = 0; i < sizeof(least) / sizeof(*least); i++) {
		const int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
		const int other = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
		const double from = now(CLOCK_MONOTONIC);

		ok = ok && connect(fd, (struct sockaddr *)&at, n) < 0 && errno == ECONNREFUSED;
		if (now(CLOCK_MONOTONIC) - from < least[i])
			printf("connection %u came too early\n", i);
		ok = ok && connect(other, (struct sockaddr *)&here, sizeof(here)) < 0 &&
		     errno == ENOENT;
		close(fd);
		close(other);
	}
	printf("connections %s\n", ok ? "are refused as they should, and late" : "WRONG");
	close(port);
}

int main(int argc, char **argv)
{
	static const struct {
		const char *name;
		void (*ask)(void);
	} questions[] = { { "deadlines", deadlines },     { "timers", timers },
			  { "interrupted", interrupted }, { "threads", threads },
			  { "addresses", addresses },     { "counter", counter },
			  { "refused", refused },         { "late", late },
			  { "listener", listener },       { "skew", skew } };

	setvbuf(stdout, NULL, _IOLBF, 0);
	if (argc == 2 && strcmp(argv[1], "euid") == 0)
		printf("euid %u, ruid %u\n", geteuid(), getuid());
	for (unsigned i = 0; argc == 2 && i < sizeof(questions) / sizeof(*questions); i++)
		if (strcmp(argv[1], questions[i].name) == 0)
			questions[i].ask();
	return 0;
}
