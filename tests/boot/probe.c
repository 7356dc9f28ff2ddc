/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What the boot tests start inside an enclave: one static program that says what it finds.
 * Each argument is a question (see `words` below), answered by lines on standard output.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <ftw.h>
#include <grp.h>
#include <ifaddrs.h>
#include <netinet/in.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/shm.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/statfs.h>
#include <sys/sysmacros.h>
#include <sys/wait.h>
#include <sys/xattr.h>
#include <time.h>
#include <unistd.h>

/* <linux/nsm.h> is younger than the distribution's headers. */
struct nsm_part {
	uint64_t addr;
	uint64_t len;
};
struct nsm_raw {
	struct nsm_part request;
	struct nsm_part response;
};
#define NSM_IOCTL_RAW _IOWR(0x0A, 0, struct nsm_raw)
#define NSM_RESPONSE_MAX 0x3000

static void say_id(const char *arg)
{
	gid_t groups[64];
	const int n = getgroups(64, groups);
	const mode_t mask = umask(0);
	char cwd[4096];

	(void)arg;
	printf("pid %d ids %u %u %u %u groups", getpid(), getuid(), geteuid(), getgid(), getegid());
	for (int i = 0; i < n; i++)
		printf(" %u", groups[i]);
	printf("\ncwd %s\n", getcwd(cwd, sizeof(cwd)) != NULL ? cwd : strerror(errno));
	printf("umask %04o no_new_privs %d\n", mask, prctl(PR_GET_NO_NEW_PRIVS, 0, 0, 0, 0));
	for (char **e = environ; *e != NULL; e++)
		printf("env %s\n", *e);
}

/* The NSM's own CBOR for {"DescribePCR": {"index": N}}, and the data of its answer. */
static void say_pcr(int fd, unsigned index)
{
	uint8_t ask[] = "\xa1\x6b"
			"DescribePCR"
			"\xa1\x65"
			"index\x00";
	uint8_t answer[NSM_RESPONSE_MAX];
	struct nsm_raw raw = { .request = { (uintptr_t)ask, sizeof(ask) - 1 },
			       .response = { (uintptr_t)answer, sizeof(answer) } };
	uint8_t *data;

	ask[sizeof(ask) - 2] = (uint8_t)index; /* below 24: one byte */
	if (ioctl(fd, NSM_IOCTL_RAW, &raw) != 0) {
		printf("nsm: %s\n", strerror(errno));
		return;
	}
	data = memmem(answer, raw.response.len, "dataX0", 6 /* "data", then a 48-byte string */);
	printf("pcr%u ", index);
	for (size_t i = 0; data != NULL && i < 48; i++)
		printf("%02x", data[6 + i]);
	printf(" lock %d\n", memmem(answer, raw.response.len, "lock\xf5", 5) != NULL);
}

static void say_pcrs(const char *arg)
{
	const int fd = open("/dev/nsm", O_RDWR);

	(void)arg;
	if (fd < 0)
		printf("nsm: %s\n", strerror(errno));
	for (unsigned i = 0; fd >= 0 && i <= 16; i++)
		say_pcr(fd, i);
}

/* A document for the nonce whose 32 bytes are all this letter, in lines of hexadecimal. */
static void say_document(const char *arg)
{
	const int fd = open("/dev/nsm", O_RDWR);
	uint8_t ask[128] = "\xa1\x6b"
			   "Attestation"
			   "\xa3\x69"
			   "user_data"
			   "\xf6\x6a"
			   "public_key"
			   "\xf6\x65"
			   "nonce"
			   "\x58\x20";
	const size_t n = strlen((const char *)ask);
	static uint8_t answer[NSM_RESPONSE_MAX];
	struct nsm_raw raw = { .request = { (uintptr_t)ask, n + 32 },
			       .response = { (uintptr_t)answer, sizeof(answer) } };

	memset(ask + n, arg[0], 32);
	if (fd < 0 || ioctl(fd, NSM_IOCTL_RAW, &raw) != 0)
		printf("nsm: %s\n", strerror(errno));
	else
		for (size_t i = 0; i < raw.response.len; i++)
			printf("%s%02x%s", i % 64 == 0 ? "answer " : "", answer[i],
			       i % 64 == 63 || i + 1 == raw.response.len ? "\n" : "");
	if (fd >= 0)
		(void)close(fd);
}

static int tree_entry(const char *path, const struct stat *st, int type, struct FTW *at)
{
	char target[4096];
	uint64_t hash = UINT64_C(0xcbf29ce484222325); /* FNV-1a of what it holds */
	uint8_t bytes[4096];
	ssize_t n;

	(void)type;
	(void)at;
	if (S_ISLNK(st->st_mode)) {
		n = readlink(path, target, sizeof(target));
		for (ssize_t i = 0; i < n; i++)
			hash = (hash ^ (uint8_t)target[i]) * UINT64_C(0x100000001b3);
	} else if (S_ISREG(st->st_mode)) {
		const int fd = open(path, O_RDONLY);

		while ((n = read(fd, bytes, sizeof(bytes))) > 0)
			for (ssize_t i = 0; i < n; i++)
				hash = (hash ^ bytes[i]) * UINT64_C(0x100000001b3);
		(void)close(fd);
	}
	printf("entry %s %o %u:%u %lld %llu %lld %016llx %u:%u\n", path, st->st_mode, st->st_uid,
	       st->st_gid, S_ISREG(st->st_mode) ? (long long)st->st_size : 0LL,
	       (unsigned long long)(S_ISDIR(st->st_mode) ? 2 : st->st_nlink),
	       (long long)st->st_mtime, (unsigned long long)hash, major(st->st_rdev),
	       minor(st->st_rdev));
	return 0;
}

static void say_tree(const char *arg)
{
	(void)nftw(arg, tree_entry, 16, FTW_PHYS);
}

static uint64_t counted, bytes_counted;

static int count_entry(const char *path, const struct stat *st, int type, struct FTW *at)
{
	(void)path;
	(void)type;
	(void)at;
	counted++;
	bytes_counted += S_ISREG(st->st_mode) ? (uint64_t)st->st_size : 0;
	return 0;
}

static void say_count(const char *arg)
{
	counted = bytes_counted = 0;
	(void)nftw(arg, count_entry, 16, FTW_PHYS);
	printf("counted %llu entries %llu bytes\n", (unsigned long long)counted,
	       (unsigned long long)bytes_counted);
}

static void say_xattr(const char *arg)
{
	uint8_t value[256];
	const ssize_t n = lgetxattr(arg, "security.capability", value, sizeof(value));

	printf("capability %s ", arg);
	for (ssize_t i = 0; i < n; i++)
		printf("%02x", value[i]);
	printf("%s\n", n < 0 ? strerror(errno) : "");
}

static void try_open(const char *arg)
{
	const int fd = open(arg, O_RDWR);

	printf("open %s: %s\n", arg, fd < 0 ? strerror(errno) : "ok");
	if (fd >= 0)
		(void)close(fd);
}

/* Two generations of children, whose parents go first; whoever adopts them must reap them. */
static void leave_zombies(const char *arg)
{
	const int n = (int)strtol(arg, NULL, 10);
	unsigned zombies = 0;

	for (int i = 0; i < n; i++) {
		const pid_t child = fork();

		if (child == 0) {
			if (fork() == 0)
				usleep(1000);
			_exit(0);
		}
		(void)waitpid(child, NULL, 0);
	}
	usleep(500000);
	for (pid_t pid = 1; pid < 4 * n + 100; pid++) {
		char path[64], text[512] = "";
		const int fd =
			(snprintf(path, sizeof(path), "/proc/%d/stat", pid), open(path, O_RDONLY));

		if (fd < 0)
			continue;
		if (read(fd, text, sizeof(text) - 1) > 0 && strstr(text, ") Z ") != NULL)
			zombies++;
		(void)close(fd);
	}
	printf("zombies %u of %d\n", zombies, n);
}

static void listen_at(const char *arg)
{
	struct sockaddr_in a = { .sin_family = AF_INET,
				 .sin_port = htons((uint16_t)strtol(arg, NULL, 10)),
				 .sin_addr = { htonl(INADDR_LOOPBACK) } };
	const int fd = socket(AF_INET, SOCK_STREAM, 0);
	const int client = socket(AF_INET, SOCK_STREAM, 0);

	if (bind(fd, (const struct sockaddr *)&a, sizeof(a)) != 0 || listen(fd, 1) != 0 ||
	    connect(client, (const struct sockaddr *)&a, sizeof(a)) != 0)
		printf("listen: %s\n", strerror(errno));
	else
		printf("listening on %s\n", arg);
}

/* Gives one caller back what it sends, until it has sent all. */
static void echo_at(const char *arg)
{
	const struct sockaddr_in a = { .sin_family = AF_INET,
				       .sin_port = htons((uint16_t)strtol(arg, NULL, 10)),
				       .sin_addr = { htonl(INADDR_LOOPBACK) } };
	const int listener = socket(AF_INET, SOCK_STREAM, 0);
	char bytes[4096];
	ssize_t n;
	int fd;

	if (bind(listener, (const struct sockaddr *)&a, sizeof(a)) != 0 || listen(listener, 1) != 0)
		printf("echo: %s\n", strerror(errno));
	printf("echo at %s\n", arg);
	fd = accept(listener, NULL, NULL);
	while ((n = read(fd, bytes, sizeof(bytes))) > 0 && write(fd, bytes, (size_t)n) == n)
		continue;
	(void)close(fd);
	(void)close(listener);
}

static void end_with(const char *arg)
{
	exit((int)strtol(arg, NULL, 10));
}

static void end_by(const char *arg)
{
	(void)raise((int)strtol(arg, NULL, 10));
}

static void write_big(const char *arg)
{
	static char block[1 << 20];
	const int fd = open("/tmp/big", O_WRONLY | O_CREAT, 0600);
	long n = 0;

	memset(block, 1, sizeof(block));
	while (n < strtol(arg, NULL, 10) && write(fd, block, sizeof(block)) == sizeof(block))
		n++;
	printf("wrote %ld MiB\n", n);
}

/* Until there is no room. */
static void fill(const char *arg)
{
	static char block[1 << 16];
	long long total = 0;
	char path[300];
	ssize_t n;
	int fd;

	memset(block, 1, sizeof(block));
	(void)snprintf(path, sizeof(path), "%s/fill", arg);
	fd = open(path, O_WRONLY | O_CREAT, 0600);
	while ((n = write(fd, block, sizeof(block))) > 0)
		total += n;
	printf("filled %s with %lld MiB: %s\n", arg, total >> 20, strerror(errno));
	(void)close(fd);
}

/* The other kind of shared memory, which nobody is attached to in the end. */
static void fill_segments(const char *arg)
{
	long n = 0;

	(void)arg;
	for (;; n++) {
		const int id = shmget(IPC_PRIVATE, 1 << 20, IPC_CREAT | 0600);
		void *p = id < 0 ? NULL : shmat(id, NULL, 0);

		if (id < 0 || p == (void *)-1)
			break;
		memset(p, 1, 1 << 20);
		(void)shmdt(p);
	}
	printf("filled %ld segments of 1 MiB: %s\n", n, strerror(errno));
}

/* All memory there is, a page at a time, until somebody does something about it. */
static void take_memory(const char *arg)
{
	(void)arg;
	printf("taking all memory\n");
	for (;;) {
		char *p = malloc(1 << 20);

		if (p != NULL)
			memset(p, 1, 1 << 20);
	}
}

/* As many processes as there can be; all but one stay. */
static void fork_all(const char *arg)
{
	unsigned n = 0;
	pid_t pid;

	(void)arg;
	while ((pid = fork()) > 0)
		n++;
	while (pid == 0)
		(void)pause();
	printf("forked %s: %s\n", n > 100 ? "many" : "few", strerror(errno));
}

/* So many processes that never rest, begun together; this one heeds no signal. */
static void be_busy(const char *arg)
{
	char byte;
	int p[2];

	if (pipe(p) != 0)
		return;
	for (int sig = 1; sig < 32; sig++)
		(void)signal(sig, SIG_IGN);
	for (long n = strtol(arg, NULL, 10); n > 0; n--) {
		if (fork() != 0)
			continue;
		(void)close(p[1]);
		for (volatile ssize_t n_read = read(p[0], &byte, 1); n_read < 1;)
			continue;
	}
	printf("waiting for the signal\n");
	(void)close(p[1]);
	for (;;)
		(void)pause();
}

/* How often a file of the image has been through here: starts of one enclave share it. */
static void count_runs(const char *arg)
{
	const int fd = open(arg, O_WRONLY | O_CREAT | O_APPEND, 0600);
	struct stat st;

	if (fd < 0 || write(fd, "x", 1) != 1 || fstat(fd, &st) != 0)
		printf("flag: %s\n", strerror(errno));
	else
		printf("flag %lld\n", (long long)st.st_size);
}

static volatile sig_atomic_t caught;

static void catch (int sig)
{
	caught = sig;
}

static void wait_for_signal(const char *arg)
{
	(void)signal(SIGTERM, catch);
	printf("waiting for the signal\n");
	while (caught == 0)
		usleep(20000);
	printf("got signal %d\n", (int)caught);
	(void)sleep(1); /* a state that holds for no time may be left out */
	exit((int)strtol(arg, NULL, 10));
}

static void be_deaf(const char *arg)
{
	(void)arg;
	for (int sig = 1; sig < 32; sig++)
		(void)signal(sig, SIG_IGN);
	printf("waiting for the signal\n");
	for (;;)
		(void)pause();
}

static void say_clock(const char *arg)
{
	for (long n = strtol(arg, NULL, 10); n > 0; n--) {
		printf("clock %lld\n", (long long)time(NULL));
		usleep(300000);
	}
}

static void say_to_stderr(const char *arg)
{
	fprintf(stderr, "%s\n", arg);
}

static void say_raw(const char *arg)
{
	printf("%s", arg);
}

static void flood(const char *arg)
{
	const long n = strtol(arg, NULL, 10);

	setvbuf(stdout, NULL, _IOFBF, 65536);
	for (long i = 0; i < n; i++)
		printf("flood %ld\n", i);
	fflush(stdout);
}

static void say_addresses(void)
{
	struct ifaddrs *all = NULL;

	(void)getifaddrs(&all);
	for (const struct ifaddrs *a = all; a != NULL; a = a->ifa_next) {
		const int family = a->ifa_addr != NULL ? a->ifa_addr->sa_family : 0;
		const void *at =
			family == AF_INET
				? (const void *)&(
					  (const struct sockaddr_in *)(const void *)a->ifa_addr)
					  ->sin_addr
				: (const void *)&(
					  (const struct sockaddr_in6 *)(const void *)a->ifa_addr)
					  ->sin6_addr;
		const uint8_t *mask = (const uint8_t *)a->ifa_netmask + (family == AF_INET ? 4 : 8);
		char text[64];
		int bits = 0;

		if (family != AF_INET && family != AF_INET6)
			continue;
		for (int i = 0; i < (family == AF_INET ? 32 : 128); i++)
			bits += mask[i / 8] >> (i % 8) & 1;
		printf("address %s %s/%d\n", a->ifa_name, inet_ntop(family, at, text, sizeof(text)),
		       bits);
	}
	freeifaddrs(all);
}

/* Whose address a datagram to there would carry; none is sent. */
static void say_source(int family, const char *to)
{
	union {
		struct sockaddr any;
		struct sockaddr_in v4;
		struct sockaddr_in6 v6;
	} a = { .any = { .sa_family = (sa_family_t)family } };
	socklen_t n = sizeof(a);
	void *at = family == AF_INET ? (void *)&a.v4.sin_addr : (void *)&a.v6.sin6_addr;
	const int fd = socket(family, SOCK_DGRAM, 0);
	char text[64];

	(void)inet_pton(family, to, at);
	a.v4.sin_port = htons(53); /* at the same place in both */
	if (connect(fd, &a.any, sizeof(a)) != 0 || getsockname(fd, &a.any, &n) != 0)
		printf("udp %d to %s: %s\n", family == AF_INET ? 4 : 6, to, strerror(errno));
	else
		printf("udp %d to %s from %s\n", family == AF_INET ? 4 : 6, to,
		       inet_ntop(family, at, text, sizeof(text)));
	(void)close(fd);
}

static void say_net(const char *arg)
{
	FILE *f = fopen("/etc/resolv.conf", "re");
	char line[128];

	(void)arg;
	while (f != NULL && fgets(line, sizeof(line), f) != NULL)
		printf("resolver %s", line);
	if (f != NULL)
		(void)fclose(f);
	say_addresses();
	say_source(AF_INET, "203.0.113.9");
	say_source(AF_INET6, "2001:db8::9");
}

static void say_free(const char *arg)
{
	FILE *f = fopen("/proc/meminfo", "re");
	char line[128];

	(void)arg;
	while (f != NULL && fgets(line, sizeof(line), f) != NULL)
		if (strncmp(line, "MemAvailable:", 13) == 0)
			printf("free %ld KiB\n", strtol(line + 13, NULL, 10));
	if (f != NULL)
		(void)fclose(f);
}

/* For the one that stands in the place of dataplane, which reads the same words. */
static void pass(const char *arg)
{
	(void)arg;
}

static const struct {
	const char *name;
	void (*answer)(const char *arg);
} words[] = {
	{ "id", say_id },
	{ "pcrs", say_pcrs },
	{ "document", say_document },
	{ "tree", say_tree },
	{ "count", say_count },
	{ "xattr", say_xattr },
	{ "open", try_open },
	{ "echo", echo_at },
	{ "exit", end_with },
	{ "signal", end_by },
	{ "zombies", leave_zombies },
	{ "listen", listen_at },
	{ "write", write_big },
	{ "fill", fill },
	{ "segments", fill_segments },
	{ "hog", take_memory },
	{ "bomb", fork_all },
	{ "busy", be_busy },
	{ "flag", count_runs },
	{ "term", wait_for_signal },
	{ "deaf", be_deaf },
	{ "clock", say_clock },
	{ "stderr", say_to_stderr },
	{ "raw", say_raw },
	{ "flood", flood },
	{ "net", say_net },
	{ "relay", pass },
	{ "free", say_free },
};

/* Arguments: WORD or WORD=ARGUMENT, in order. */
int main(int argc, char **argv)
{
	setvbuf(stdout, NULL, _IOLBF, 0);
	for (int i = 1; i < argc; i++) {
		char *arg = strchr(argv[i], '=');
		size_t k = 0;

		if (arg != NULL)
			*arg++ = '\0';
		while (k < sizeof(words) / sizeof(words[0]) && strcmp(words[k].name, argv[i]) != 0)
			k++;
		if (k == sizeof(words) / sizeof(words[0])) {
			printf("probe: what is '%s'?\n", argv[i]);
			return 99;
		}
		words[k].answer(arg != NULL ? arg : "");
	}
	printf("probe done\n");
	return 0;
}
