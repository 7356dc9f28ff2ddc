/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What tests/e2e/step.t runs in a step with and without the stat family answered for it, static. It
 * asks for many files in many ways and says what it is told; nothing that it says depends on which
 * of both it is. Then what disturbs: signals, threads, other roots, users and filters.
 */
#include <errno.h>
#include <fcntl.h>
#include <linux/filter.h>
#include <linux/sched.h>
#include <linux/seccomp.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/random.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#define LATEST 1700000000 /* of the view's clock */

static dev_t root;
static char page_end[8192] __attribute__((aligned(4096)));

static long clamped(long t)
{
	return t < LATEST ? t : LATEST;
}

static void say(const char *how, const char *path, int rc, const struct stat *st)
{
	if (rc < 0)
		printf("%s %.40s: %s\n", how, path, strerrorname_np(errno));
	else
		printf("%s %.40s: %o %u:%u %ld %ld %ld%s\n", how, path, st->st_mode, st->st_uid,
		       st->st_gid, S_ISDIR(st->st_mode) ? 0 : (long)st->st_size,
		       clamped(st->st_mtime), clamped(st->st_ctime),
		       st->st_dev == root ? " root" : "");
}

static void ask(const char *path)
{
	struct stat st = { 0 };
	struct statx x = { 0 };
	int rc;

	say("stat", path, stat(path, &st), &st);
	say("lstat", path, lstat(path, &st), &st);
	say("at", path, fstatat(AT_FDCWD, path, &st, AT_EMPTY_PATH | AT_NO_AUTOMOUNT), &st);
#ifdef SYS_stat
	say("old", path, (int)syscall(SYS_stat, path, &st), &st);
	say("oldl", path, (int)syscall(SYS_lstat, path, &st), &st);
#endif
	rc = statx(AT_FDCWD, path, AT_SYMLINK_NOFOLLOW, STATX_BASIC_STATS, &x);
	if (rc < 0)
		printf("statx %.40s: %s\n", path, strerrorname_np(errno));
	else
		printf("statx %.40s: %o %ld\n", path, x.stx_mode, clamped(x.stx_mtime.tv_sec));
}

static void ask_below(int dir, const char *path, int flags)
{
	struct stat st = { 0 };

	say("below", path, fstatat(dir, path, &st, flags), &st);
}

static void ask_open(const char *path, int flags)
{
	const int fd = open(path, flags);
	struct stat st = { 0 };

	say("open", path, fstat(fd, &st), &st);
	ask_below(fd, "", AT_EMPTY_PATH);
	ask_below(fd, "passwd", 0);
	ask_below(fd, "/etc/passwd", 0);
	close(fd);
}

static void paths(void)
{
	static const char *const all[] = { "/",
					   "/etc/passwd",
					   "/etc/passwd/",
					   "/etc/passwd/x",
					   "/etc/../etc//./passwd",
					   "/usr/bin/awk",
					   "/nothing",
					   "",
					   "/f/link",
					   "/f/dangling",
					   "/f/loop",
					   "/f/dirlink",
					   "/f/dirlink/",
					   "/f/to-self",
					   "/f/closed/in",
					   "/proc",
					   "/proc/self",
					   "/proc/self/status",
					   "/proc/thread-self/comm",
					   "/proc/self/root/etc/passwd",
					   "/proc/self/nothing",
					   "/dev/null",
					   "/dev/nothing",
					   "/dev/fd/0",
					   "/dev/shm",
					   "/sys",
					   "relative",
					   "sub/../relative",
					   "../etc/passwd",
					   "./nothing" };
	char lengthy[5000];

	for (size_t i = 0; i < sizeof(all) / sizeof(all[0]); i++)
		ask(all[i]);
	memset(lengthy, 'a', sizeof(lengthy));
	lengthy[0] = '/';
	lengthy[300] = '\0';
	ask(lengthy); /* a name that is too long, then a path */
	lengthy[300] = 'a';
	for (size_t i = 10; i < 4990; i += 10)
		lengthy[i] = '/';
	lengthy[4999] = '\0';
	ask(lengthy);
	memcpy(page_end + 4096 - 12, "/etc/passwd", 12); /* behind it is nothing */
	if (munmap(page_end + 4096, 4096) == 0)
		ask(page_end + 4096 - 12);
	ask_open("/etc", O_RDONLY);
	ask_open("/etc", O_PATH);
	ask_open("/etc/passwd", O_RDONLY);
	ask_open("/proc/self", O_RDONLY | O_DIRECTORY);
	ask_open("/dev/null", O_RDWR);
	ask_open("/nothing", O_RDONLY);
}

static void odd_arguments(void)
{
	void *const nowhere = (void *)8;
	struct stat st;
	struct statx x;
	int p[2];

	say("bad path", "", (int)syscall(SYS_newfstatat, AT_FDCWD, nowhere, &st, 0), &st);
	say("bad buffer", "", (int)syscall(SYS_newfstatat, AT_FDCWD, "/etc/passwd", nowhere, 0),
	    &st);
	say("bad flags", "", (int)syscall(SYS_newfstatat, AT_FDCWD, "/etc/passwd", &st, 0x4), &st);
	say("bad fd", "", (int)syscall(SYS_newfstatat, 99, "x", &st, 0), &st);
	say("bad fd, root", "", (int)syscall(SYS_newfstatat, 99, "/etc/passwd", &st, 0), &st);
	say("bad fstat", "", (int)syscall(SYS_fstat, 99, &st), &st);
	say("negative", "", (int)syscall(SYS_fstat, -1, &st), &st);
	say("sync", "", (int)syscall(SYS_statx, AT_FDCWD, "/", 0x6000, 0xfff, &x), &st);
	say("reserved", "", (int)syscall(SYS_statx, AT_FDCWD, "/", 0, 0x80000000u, &x), &st);
	if (pipe(p) == 0 && fstat(p[0], &st) == 0)
		printf("a pipe %o\n", st.st_mode);
}

/* --- who is somewhere else, or somebody else ----------------------------------------------------
 */

static void in_child(const char *what, void (*f)(void))
{
	pid_t pid;

	fflush(stdout);
	pid = fork();
	if (pid == 0) {
		printf("-- %s\n", what);
		f();
		fflush(stdout);
		_exit(0);
	}
	waitpid(pid, NULL, 0);
}

static void as_user(void)
{
	if (setgid(65534) < 0 || setuid(65534) < 0)
		abort();
	ask("/f/closed/in");
	ask("/f/closed");
	ask("/etc/passwd");
}

static void without_capabilities(void)
{
	struct __attribute__((packed)) {
		unsigned version;
		int pid;
	} head = { 0x20080522, 0 };
	unsigned data[6] = { 0 };

	if (syscall(SYS_capset, &head, data) < 0)
		abort();
	ask("/f/others/in");
}

static void in_root(void)
{
	if (chroot("/f") < 0)
		abort();
	ask("/relative");
	ask("/etc/passwd");
	ask("/abs-link");
	if (chdir("/sub") == 0)
		ask("../../../relative");
}

static void in_spaces(void)
{
	/* Where it is not allowed both say so. */
	if (unshare(CLONE_NEWUSER | CLONE_NEWNS) < 0) {
		printf("spaces: %s\n", strerrorname_np(errno));
		return;
	}
	printf("mount: %s\n", mount("none", "/f/sub", "tmpfs", 0, "mode=0700") == 0
				      ? "0"
				      : strerrorname_np(errno));
	ask("/f/sub");
	ask("/f/sub/in");
}

static void by_clone3(void)
{
	struct clone_args a = { .flags = CLONE_NEWUSER | CLONE_NEWNS, .exit_signal = SIGCHLD };
	const long pid = syscall(SYS_clone3, &a, sizeof(a));

	if (pid == 0) {
		(void)!mount("none", "/f/sub", "tmpfs", 0, "mode=0700");
		ask("/f/sub/in");
		fflush(stdout);
		_exit(0);
	}
	printf("clone3 %s\n", pid > 0 ? "made one" : strerrorname_np(errno));
	if (pid > 0)
		waitpid((pid_t)pid, NULL, 0);
}

static void below_a_filter(void)
{
	struct sock_filter f[] = {
		BPF_STMT(BPF_LD | BPF_W | BPF_ABS, 0),
		BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_statx, 0, 1),
		BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ERRNO | ENOTTY),
		BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
	};
	struct sock_fprog p = { 4, f };

	prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0);
	printf("filter %ld\n", syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER, 0, &p));
	ask("/etc/passwd");
}

/* --- what disturbs ------------------------------------------------------------------------------
 */

static atomic_int ticks, over;

static void tick(int n)
{
	struct stat st;

	(void)n;
	if (stat("/proc/self/status", &st) == 0 && stat("/etc", &st) == 0)
		ticks++;
}

/* Calls that a signal interrupts, by a handler that wants no restart, never tell of it. */
static void signals(void)
{
	const struct sigaction a = { .sa_handler = tick };
	const struct itimerval often = { { 0, 2000 }, { 0, 2000 } };
	const struct itimerval never = { { 0, 0 }, { 0, 0 } };
	struct timespec at, end;
	unsigned wrong = 0;
	struct stat st;
	uint64_t n;

	clock_gettime(CLOCK_MONOTONIC, &end);
	end.tv_sec += 120;
	sigaction(SIGALRM, &a, NULL);
	setitimer(ITIMER_REAL, &often, NULL);
	do {
		wrong += stat("/etc/passwd", &st) != 0 || st.st_mode != (S_IFREG | 0644);
		wrong += stat("/proc/self/comm", &st) != 0;
		wrong += stat("/nothing", &st) == 0 || errno != ENOENT;
		wrong += time(NULL) < LATEST || getrandom(&n, sizeof(n), 0) != sizeof(n);
		clock_gettime(CLOCK_MONOTONIC, &at);
	} while (ticks < 100 && at.tv_sec < end.tv_sec);
	setitimer(ITIMER_REAL, &never, NULL);
	printf("signals: %s, %u wrong\n", ticks >= 100 ? "many" : "few", wrong);
}

static void *look(void *arg)
{
	unsigned *wrong = arg;
	struct stat st;

	while (!over)
		*wrong += stat("/etc/passwd", &st) != 0 || stat("/proc/self/comm", &st) != 0;
	return NULL;
}

/* A thread that executes ends all others, which are in calls of all kinds. */
static void threads(void)
{
	static char program[] = "/proc/self/exe", word[] = "last";
	char *const words[] = { program, word, NULL };
	static unsigned wrong[8];
	pthread_t t[8];

	for (size_t i = 0; i < 8; i++)
		if (pthread_create(&t[i], NULL, look, &wrong[i]) != 0)
			abort();
	usleep(50000);
	over = 1;
	for (size_t i = 0; i < 8; i++)
		pthread_join(t[i], NULL);
	over = 0;
	for (size_t i = 1; i < 8; i++)
		wrong[0] += wrong[i];
	printf("threads: %u wrong\n", wrong[0]);
	for (size_t i = 0; i < 8; i++)
		if (pthread_create(&t[i], NULL, look, &wrong[i]) != 0)
			abort();
	fflush(stdout);
	execv(program, words);
}

static void make(void)
{
	mkdir("/f", 0755);
	mkdir("/f/sub", 0755);
	mkdir("/f/closed", 0700);
	mkdir("/f/others", 0700);
	close(open("/f/relative", O_CREAT | O_WRONLY, 0640));
	close(open("/f/sub/in", O_CREAT | O_WRONLY, 0600));
	close(open("/f/closed/in", O_CREAT | O_WRONLY, 0600));
	close(open("/f/others/in", O_CREAT | O_WRONLY, 0600));
	if (chown("/f/others", 1, 1) < 0 || symlink("relative", "/f/link") < 0 ||
	    symlink("nothing", "/f/dangling") < 0 || symlink("loop", "/f/loop") < 0 ||
	    symlink("sub", "/f/dirlink") < 0 || symlink("/proc/self/comm", "/f/to-self") < 0 ||
	    symlink("/relative", "/f/abs-link") < 0 || chdir("/f") < 0)
		abort();
}

int main(int argc, char **argv)
{
	struct stat st;

	if (argc > 1 && strcmp(argv[1], "last") == 0) {
		printf("alone\n");
		return 0;
	}
	if (stat("/", &st) < 0)
		abort();
	root = st.st_dev;
	make();
	paths();
	odd_arguments();
	in_child("a user", as_user);
	in_child("without capabilities", without_capabilities);
	in_child("in other name spaces", in_spaces);
	in_child("by clone3", by_clone3);
	in_child("below a filter", below_a_filter);
	in_child("signals", signals);
	/* Last: from here on nobody is answered for. */
	in_child("in another root", in_root);
	ask("relative");
	in_child("signals", signals);
	fflush(stdout);
	threads();
	return 1;
}
