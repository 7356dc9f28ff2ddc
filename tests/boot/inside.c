/* SPDX-License-Identifier: Apache-2.0 */
/*
 * An application that tries what it must not be able to do, and says how each attempt ended: one
 * line "WHAT: ok" or "WHAT: reason". Arguments: the names of the attempts; `self` prints its
 * rights.
 */
#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/ptrace.h>
#include <sys/reboot.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/sysmacros.h>
#include <sys/wait.h>
#include <sys/xattr.h>
#include <unistd.h>

static void say(const char *what, bool ok)
{
	printf("%s: %s\n", what, ok ? "ok" : strerror(errno));
}

static void try_open(const char *path, int flags)
{
	const int fd = open(path, flags);

	say(path, fd >= 0);
	if (fd >= 0)
		(void)close(fd);
}

static void keeper(void)
{
	try_open("/proc/1/mem", O_RDWR);
	try_open("/proc/1/root/etc", O_RDONLY);
	try_open("/proc/1/fd", O_RDONLY | O_DIRECTORY);
	try_open("/proc/1/ns/mnt", O_RDONLY);
	try_open("/proc/1/oom_score_adj", O_WRONLY);
	say("kill 1", kill(1, SIGKILL) == 0);
	say("probe 1", kill(1, 0) == 0);
	say("trace 1", ptrace(PTRACE_SEIZE, 1, NULL, NULL) == 0);
}

static void machine(void)
{
	try_open("/proc/sysrq-trigger", O_WRONLY);
	try_open("/proc/sys/kernel/hostname", O_WRONLY);
	try_open("/proc/sys/kernel/yama/ptrace_scope", O_WRONLY);
	try_open("/proc/kcore", O_RDONLY);
	try_open("/proc/kmsg", O_RDONLY);
	try_open("/sys/firmware/initrd", O_RDONLY);
	try_open("/sys/power/state", O_WRONLY);
	try_open("/dev/console", O_RDWR);
	try_open("/dev/kmsg", O_RDWR);
	try_open("/dev/vsock", O_RDWR);
	try_open("/app", O_RDONLY);
	say("reboot", reboot(RB_AUTOBOOT) == 0);
	say("sethostname", sethostname("x", 1) == 0);
}

static void mounts(void)
{
	say("mount", mount("none", "/tmp", "tmpfs", 0, NULL) == 0);
	say("umount /dev", umount2("/dev", MNT_DETACH) == 0);
	say("remount /", mount(NULL, "/", NULL, MS_REMOUNT | MS_BIND, NULL) == 0);
	say("mknod", mknod("/tmp/n", S_IFCHR | 0666, makedev(1, 3)) == 0);
}

/* Full rights over a namespace of its own give none over the flags of what is mounted. */
static void nested(void)
{
	const pid_t pid = fork();

	if (pid == 0) {
		say("unshare", unshare(CLONE_NEWUSER | CLONE_NEWNS) == 0);
		say("nested remount /", mount(NULL, "/", NULL, MS_REMOUNT | MS_BIND, NULL) == 0);
		say("nested umount /dev", umount2("/dev", MNT_DETACH) == 0);
		try_open("/null", O_RDWR);
		fflush(stdout);
		_exit(0);
	}
	(void)waitpid(pid, NULL, 0);
}

/* What would reach the host, or the parts of the runtime, past its rules. */
static void sockets(void)
{
	static const struct {
		const char *name;
		int family, type;
	} wanted[] = {
		{ "vsock", 40, SOCK_STREAM },     { "vsock datagram", 40, SOCK_DGRAM },
		{ "packet", 17, SOCK_RAW },       { "alg", 38, SOCK_SEQPACKET },
		{ "xdp", 44, SOCK_RAW },          { "raw", AF_INET, SOCK_RAW },
		{ "unix", AF_UNIX, SOCK_STREAM }, { "ipv4", AF_INET, SOCK_STREAM },
		{ "ipv6", AF_INET6, SOCK_DGRAM }, { "netlink", AF_NETLINK, SOCK_RAW },
	};
	uint8_t params[120] = { 0 };

	for (size_t i = 0; i < sizeof(wanted) / sizeof(wanted[0]); i++) {
		char text[64];
		const int fd =
			socket(wanted[i].family, wanted[i].type,
			       wanted[i].type == SOCK_RAW && wanted[i].family == AF_INET ? 1 : 0);

		(void)snprintf(text, sizeof(text), "socket %s", wanted[i].name);
		say(text, fd >= 0);
		if (fd >= 0)
			(void)close(fd);
	}
	say("io_uring", syscall(425, 1, params) >= 0);
	say("bpf", syscall(SYS_bpf, 0, params, 48) >= 0);
	say("userfaultfd", syscall(SYS_userfaultfd, 0) >= 0);
	say("keyctl", syscall(SYS_keyctl, 0, -3, 1) >= 0);
	say("perf", syscall(SYS_perf_event_open, params, 0, -1, -1, 0) >= 0);
}

/* Ends a child of its own by a call of another ABI; says by which signal. */
static void foreign_call(const char *what, bool gate)
{
	const pid_t pid = fork();
	int status = 0;

	if (pid == 0) {
#if defined(__x86_64__)
		long nr = 20; /* getpid for i386 */

		if (gate)
			__asm__ volatile("int $0x80" : "+a"(nr) : : "memory");
		else
			(void)syscall(0x40000000L | SYS_getpid);
#endif
		_exit(0);
	}
	(void)waitpid(pid, &status, 0);
	printf("%s: signal %d\n", what, WIFSIGNALED(status) ? WTERMSIG(status) : 0);
}

/* Everybody whom it can name, which must be its own: others go on afterwards. */
static void signal_all(void)
{
	unsigned seen = 0;

	for (pid_t pid = 1; pid < 5000; pid++)
		if (pid != getpid() && kill(pid, 0) == 0)
			seen++;
	printf("others %u\n", seen);
	say("kill all", kill(-1, SIGTERM) == 0);
}

static void show(const char *path)
{
	FILE *f = fopen(path, "re");
	char line[256];

	if (f == NULL)
		printf("%s: %s\n", path, strerror(errno));
	while (f != NULL && fgets(line, sizeof(line), f) != NULL)
		printf("%s: %s", path, line);
	if (f != NULL)
		(void)fclose(f);
}

static void names(void)
{
	char name[65] = "";

	(void)gethostname(name, sizeof(name));
	printf("hostname %s\n", name);
	show("/etc/hostname");
	show("/etc/hosts");
	show("/etc/resolv.conf");
	show("/stub");
}

/* Mode, owner, time and device number of folders that programs count on. */
static void modes(void)
{
	static const char *const paths[] = { "/tmp", "/run",     "/dev",  "/dev/shm",
					     "/etc", "/dev/pts", "/proc", "/dev/nsm" };

	for (size_t i = 0; i < sizeof(paths) / sizeof(paths[0]); i++) {
		struct stat st;

		if (stat(paths[i], &st) == 0)
			printf("mode %s %o %u:%u time %lld device %u:%u\n", paths[i], st.st_mode,
			       st.st_uid, st.st_gid, (long long)st.st_mtime, major(st.st_rdev),
			       minor(st.st_rdev));
		else
			printf("mode %s %s\n", paths[i], strerror(errno));
	}
}

static void self(void)
{
	static const char *const wanted[] = { "Uid:",    "Gid:",    "Groups:",
					      "CapEff:", "CapBnd:", "NoNewPrivs:",
					      "Umask:",  "SigBlk:", "SigIgn:" };
	FILE *f = fopen("/proc/self/status", "re");
	char line[256];
	struct rlimit r;
	char byte;

	while (f != NULL && fgets(line, sizeof(line), f) != NULL)
		for (size_t i = 0; i < sizeof(wanted) / sizeof(wanted[0]); i++)
			if (strncmp(line, wanted[i], strlen(wanted[i])) == 0)
				printf("self %s", line);
	(void)getrlimit(RLIMIT_NOFILE, &r);
	printf("files %llu %llu", (unsigned long long)r.rlim_cur, (unsigned long long)r.rlim_max);
	(void)getrlimit(RLIMIT_CORE, &r);
	printf(" core %llu nice %d\n", (unsigned long long)r.rlim_max,
	       getpriority(PRIO_PROCESS, 0));
	show("/proc/sys/fs/file-max");
	printf("stdin %zd\n", read(0, &byte, 1));
	printf("leader %d\n", getsid(0) == getpid());
	try_open("/dev/stdout", O_WRONLY);
	try_open("/dev/ptmx", O_RDWR);
}

static void attributes(void)
{
	uint8_t value[64];

	printf("capability %zd\n",
	       lgetxattr("/capable", "security.capability", value, sizeof(value)));
	printf("acl %zd\n", lgetxattr("/shared", "system.posix_acl_access", value, sizeof(value)));
}

/* As another program, whose file has a setuid bit or a capability. */
static void become(const char *path)
{
	char name[] = "x", word[] = "self";
	char *argv[] = { name, word, NULL };
	const pid_t pid = fork();

	fflush(stdout);
	if (pid == 0) {
		(void)execv(path, argv);
		_exit(1);
	}
	(void)waitpid(pid, NULL, 0);
}

int main(int argc, char **argv)
{
	setvbuf(stdout, NULL, _IOLBF, 0);
	for (int i = 1; i < argc; i++) {
		if (strcmp(argv[i], "keeper") == 0)
			keeper();
		else if (strcmp(argv[i], "machine") == 0)
			machine();
		else if (strcmp(argv[i], "mounts") == 0)
			mounts();
		else if (strcmp(argv[i], "nested") == 0)
			nested();
		else if (strcmp(argv[i], "self") == 0)
			self();
		else if (strcmp(argv[i], "attributes") == 0)
			attributes();
		else if (strcmp(argv[i], "sockets") == 0)
			sockets();
		else if (strcmp(argv[i], "signals") == 0)
			signal_all();
		else if (strcmp(argv[i], "names") == 0)
			names();
		else if (strcmp(argv[i], "modes") == 0)
			modes();
		else if (strncmp(argv[i], "open=", 5) == 0)
			try_open(argv[i] + 5, O_RDWR);
		else if (strcmp(argv[i], "foreign") == 0) {
			foreign_call("x32", false);
			foreign_call("int 0x80", true);
		} else if (strncmp(argv[i], "become=", 7) == 0)
			become(argv[i] + 7);
		else
			printf("argument %s\n", argv[i]);
	}
	printf("inside done\n");
	return 0;
}
