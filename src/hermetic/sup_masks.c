/* SPDX-License-Identifier: Apache-2.0 */
#include "hermetic/sup.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <poll.h>
#include <sched.h>
#include <stdarg.h>
#include <string.h>
#include <sys/inotify.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/utsname.h>
#include <unistd.h>

/*
 * Files that tell of the machine, and those that are random: each lies in a small file system of
 * its own and is mounted where the step looks. Nothing of it is in the image.
 *
 * /dev/random and /dev/urandom are pipes that we keep full. The uuid file is written anew each time
 * that somebody has closed it.
 */
#define MEMORY_MIB 4096
#define PIPE_BYTES 262144

struct text {
	char s[16384];
	size_t n;
};

SS_PRINTF(2, 3) static void say(struct text *t, const char *fmt, ...)
{
	va_list ap;
	int n;

	va_start(ap, fmt);
	n = vsnprintf(t->s + t->n, sizeof(t->s) - t->n, fmt, ap);
	va_end(ap);
	if (n > 0 && (size_t)n < sizeof(t->s) - t->n)
		t->n += (size_t)n;
}

/* --- what they say ---------------------------------------------------------------------------- */

static int count_cpus(const struct hm_view *v)
{
	cpu_set_t all;
	int n = 1;

	if (v->processors.set)
		return (int)v->processors.v;
	if (sched_getaffinity(0, sizeof(all), &all) == 0)
		n = CPU_COUNT(&all);
	return v->cpus.set && v->cpus.v < n ? (int)v->cpus.v : n;
}

static void cpuinfo(const struct hm_view *v, struct text *t)
{
	const int n = count_cpus(v);

	for (int i = 0; i < n && i < 64; i++) {
		say(t, "processor\t: %d\n", i);
#ifdef __x86_64__
		say(t, "vendor_id\t: selfsame\ncpu family\t: 6\nmodel\t\t: 1\n"
		       "model name\t: x86_64\ncpu MHz\t\t: 1000.000\n");
		say(t, "flags\t\t: fpu tsc msr cx8 cmov fxsr mmx sse sse2 syscall nx lm\n\n");
#else
		say(t, "BogoMIPS\t: 100.00\nFeatures\t: fp asimd\nCPU architecture: 8\n\n");
#endif
	}
}

static void meminfo(const struct hm_view *v, struct text *t)
{
	const int64_t kib = (v->memory_mib.set ? v->memory_mib.v : MEMORY_MIB) * 1024;
	static const char *const zero[] = {
		"Buffers:       ", "Cached:        ", "SwapCached:    ", "Active:        ",
		"Inactive:      ", "SwapTotal:     ", "SwapFree:      ", "Dirty:         ",
		"Writeback:     ", "AnonPages:     ", "Mapped:        ", "Shmem:         "
	};

	say(t, "MemTotal:       %8" PRId64 " kB\nMemFree:        %8" PRId64 " kB\n", kib, kib / 2);
	say(t, "MemAvailable:   %8" PRId64 " kB\n", kib / 2);
	for (size_t i = 0; i < SS_NELEMS(zero); i++)
		say(t, "%s        0 kB\n", zero[i]);
}

static void uptime(const struct hm_view *v, struct text *t)
{
	(void)v;
	say(t, "3600.00 3600.00\n");
}

static void loadavg(const struct hm_view *v, struct text *t)
{
	(void)v;
	say(t, "0.00 0.00 0.00 1/1 1\n");
}

static void stat_file(const struct hm_view *v, struct text *t)
{
	const int n = count_cpus(v);

	say(t, "cpu  0 0 0 0 0 0 0 0 0 0\n");
	for (int i = 0; i < n && i < 64; i++)
		say(t, "cpu%d 0 0 0 0 0 0 0 0 0 0\n", i);
	say(t, "intr 0\nctxt 0\nbtime %" PRId64 "\nprocesses 1\nprocs_running 1\n",
	    v->clock_frozen.set ? v->clock_frozen.v : 0);
	say(t, "procs_blocked 0\nsoftirq 0 0 0 0 0 0 0 0 0 0 0\n");
}

static void cmdline(const struct hm_view *v, struct text *t)
{
	(void)v;
	say(t, "selfsame\n");
}

static void swaps(const struct hm_view *v, struct text *t)
{
	(void)v;
	say(t, "Filename\t\t\t\tType\t\tSize\t\tUsed\t\tPriority\n");
}

static void partitions(const struct hm_view *v, struct text *t)
{
	(void)v;
	say(t, "major minor  #blocks  name\n\n");
}

static void nothing(const struct hm_view *v, struct text *t)
{
	(void)v;
	(void)t;
}

static void boot_id(const struct hm_view *v, struct text *t)
{
	(void)v;
	say(t, "73656c66-7361-4d65-8000-000000000000\n");
}

static const char *or_true(const char *chosen, const char *now)
{
	return chosen[0] != '\0' ? chosen : now;
}

static void version(const struct hm_view *v, struct text *t)
{
	struct utsname u = { 0 };

	(void)uname(&u);
	say(t, "Linux version %s (selfsame) %s\n", or_true(v->kernel_release.s, u.release),
	    or_true(v->kernel_version.s, u.version));
}

static void osrelease(const struct hm_view *v, struct text *t)
{
	say(t, "%s\n", v->kernel_release.s);
}

static void osversion(const struct hm_view *v, struct text *t)
{
	say(t, "%s\n", v->kernel_version.s);
}

static void online(const struct hm_view *v, struct text *t)
{
	const int n = count_cpus(v);

	say(t, n == 1 ? "0\n" : "0-%d\n", n - 1);
}

static bool has_proc(const struct hm_view *v)
{
	return v->proc.set;
}

static bool has_memory(const struct hm_view *v)
{
	return v->proc.set || v->memory_mib.set;
}

static bool has_cpus(const struct hm_view *v)
{
	return v->cpus.set || v->processors.set;
}

static bool has_cpuinfo(const struct hm_view *v)
{
	return v->proc.set || has_cpus(v);
}

static bool has_release(const struct hm_view *v)
{
	return v->kernel_release.s[0] != '\0';
}

static bool has_version(const struct hm_view *v)
{
	return v->kernel_version.s[0] != '\0';
}

static bool has_kernel(const struct hm_view *v)
{
	return has_proc(v) || has_release(v) || has_version(v);
}

static const struct mask {
	const char *target;
	bool (*when)(const struct hm_view *v);
	void (*say)(const struct hm_view *v, struct text *t);
} masks[] = {
	{ "/proc/cpuinfo", has_cpuinfo, cpuinfo },
	{ "/proc/meminfo", has_memory, meminfo },
	{ "/proc/uptime", has_proc, uptime },
	{ "/proc/loadavg", has_proc, loadavg },
	{ "/proc/stat", has_cpuinfo, stat_file },
	{ "/proc/cmdline", has_proc, cmdline },
	{ "/proc/swaps", has_proc, swaps },
	{ "/proc/partitions", has_proc, partitions },
	{ "/proc/diskstats", has_proc, nothing },
	{ "/proc/modules", has_proc, nothing },
	{ "/proc/interrupts", has_proc, nothing },
	{ "/proc/vmstat", has_proc, nothing },
	{ "/proc/version", has_kernel, version },
	{ "/proc/sys/kernel/osrelease", has_release, osrelease },
	{ "/proc/sys/kernel/version", has_version, osversion },
	{ "/proc/sys/kernel/random/boot_id", has_proc, boot_id },
	{ "/sys/devices/system/cpu/online", has_cpus, online },
	{ "/sys/devices/system/cpu/possible", has_cpus, online },
	{ "/sys/devices/system/cpu/present", has_cpus, online },
};

/* --- where they are --------------------------------------------------------------------------- */

/* A target that this kernel does not have needs no mask. */
static int mount_over(const char *file, const char *target, bool read_only, struct ss_err *err)
{
	if (access(target, F_OK) < 0)
		return 0;
	if (mount(file, target, NULL, MS_BIND, NULL) < 0 ||
	    (read_only && mount(NULL, target, NULL, MS_REMOUNT | MS_BIND | MS_RDONLY, NULL) < 0))
		return ss_fail_sys(err, "cannot mount over '%s'", target);
	return 0;
}

static int put_file(const char *path, const struct text *t, struct ss_err *err)
{
	const int fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0444);
	ssize_t n;

	if (fd < 0)
		return ss_fail_sys(err, "cannot write '%s'", path);
	n = write(fd, t->s, t->n);
	if (fchmod(fd, 0444) < 0 || close(fd) < 0 || n != (ssize_t)t->n)
		return ss_fail_sys(err, "cannot write '%s'", path);
	return 0;
}

static int put_masks(const struct hm_view *v, struct ss_err *err)
{
	static struct text t;
	char path[64];

	for (size_t i = 0; i < SS_NELEMS(masks); i++) {
		if (!masks[i].when(v))
			continue;
		t.n = 0;
		masks[i].say(v, &t);
		(void)snprintf(path, sizeof(path), SUP_DIR "/mask%zu", i);
		if (put_file(path, &t, err) < 0 || mount_over(path, masks[i].target, true, err) < 0)
			return -1;
	}
	return 0;
}

/* --- what is random --------------------------------------------------------------------------- */

static void derive(const uint8_t key[HM_KEY], const char *name, uint8_t ret[HM_KEY])
{
	hm_chacha_mix(key, (struct ss_span){ (const uint8_t *)name, strlen(name) }, ret);
}

static int put_pipe(struct sup *s, unsigned i, const char *target, struct ss_err *err)
{
	char path[64];

	(void)snprintf(path, sizeof(path), SUP_DIR "/pipe%u", i);
	if (mkfifo(path, 0666) < 0 || chmod(path, 0666) < 0)
		return ss_fail_sys(err, "cannot make a pipe for '%s'", target);
	s->fifo[i] = open(path, O_RDWR | O_NONBLOCK | O_CLOEXEC);
	if (s->fifo[i] < 0)
		return ss_fail_sys(err, "cannot open the pipe for '%s'", target);
	(void)fcntl(s->fifo[i], F_SETPIPE_SZ, PIPE_BYTES); /* more than the default if it may */
	derive(s->key, target, s->stream[i].key);
	return mount_over(path, target, false, err);
}

static void put_uuid(struct sup *s)
{
	uint8_t key[HM_KEY], b[HM_BLOCK];
	char text[64];
	int n = 0;

	derive(s->key, "uuid", key);
	hm_chacha_block(key, s->uuids++, b);
	b[6] = (uint8_t)((b[6] & 0x0f) | 0x40); /* RFC 9562: version 4, the usual variant */
	b[8] = (uint8_t)((b[8] & 0x3f) | 0x80);
	for (size_t i = 0; i < 16; i++)
		n += snprintf(text + n, sizeof(text) - (size_t)n, "%s%02x",
			      i == 4 || i == 6 || i == 8 || i == 10 ? "-" : "", b[i]);
	text[n++] = '\n';
	(void)!pwrite(s->uuid_fd, text, (size_t)n, 0);
}

static int put_uuid_file(struct sup *s, struct ss_err *err)
{
	static const char target[] = "/proc/sys/kernel/random/uuid";
	static const char path[] = SUP_DIR "/uuid";

	s->uuid_fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0444);
	s->uuid_watch = inotify_init1(IN_CLOEXEC | IN_NONBLOCK);
	if (s->uuid_fd < 0 || s->uuid_watch < 0 || fchmod(s->uuid_fd, 0444) < 0)
		return ss_fail_sys(err, "cannot make '%s'", target);
	put_uuid(s);
	if (inotify_add_watch(s->uuid_watch, path, IN_CLOSE_NOWRITE) < 0)
		return ss_fail_sys(err, "cannot watch '%s'", target);
	return mount_over(path, target, true, err);
}

static bool has_room(int fd)
{
	struct pollfd p = { .fd = fd, .events = POLLOUT };

	return fd >= 0 && poll(&p, 1, 0) == 1 && (p.revents & POLLOUT) != 0;
}

static void feed_pipe(struct sup *s, unsigned i)
{
	uint8_t bytes[4096]; /* PIPE_BUF: whole or not at all */

	/* Asked at each end of a process: bytes are only made for whoever takes them. */
	while (has_room(s->fifo[i])) {
		for (size_t k = 0; k < sizeof(bytes) / HM_BLOCK; k++)
			hm_chacha_block(s->stream[i].key, s->stream[i].blocks + k,
					bytes + k * HM_BLOCK);
		if (write(s->fifo[i], bytes, sizeof(bytes)) != (ssize_t)sizeof(bytes))
			return;
		s->stream[i].blocks += sizeof(bytes) / HM_BLOCK;
	}
}

void sup_masks_feed(struct sup *s)
{
	char events[512];

	feed_pipe(s, 0);
	feed_pipe(s, 1);
	if (s->uuid_watch >= 0 && read(s->uuid_watch, events, sizeof(events)) > 0)
		put_uuid(s);
}

static int put_random(struct sup *s, struct ss_err *err)
{
	if (!s->view->has_seed)
		return 0;
	if (put_pipe(s, 0, "/dev/random", err) < 0 || put_pipe(s, 1, "/dev/urandom", err) < 0 ||
	    put_uuid_file(s, err) < 0)
		return -1;
	sup_masks_feed(s);
	return 0;
}

/* --- all of it -------------------------------------------------------------------------------- */

int sup_masks(struct sup *s, struct ss_err *err)
{
	const unsigned long flags = MS_NOSUID | MS_NODEV | MS_NOEXEC;

	s->fifo[0] = s->fifo[1] = s->uuid_watch = s->uuid_fd = -1;
	/* Over the folder of the bundle: what we need of that we have. */
	if (mount("tmpfs", SUP_DIR, "tmpfs", flags, "mode=0755,size=1m") < 0)
		return ss_fail_sys(err, "cannot mount over '" SUP_DIR "'");
	if (put_masks(s->view, err) < 0 || put_random(s, err) < 0)
		return -1;
	/* What names a machine lies here; a machine without it has no such folder. */
	if (s->view->proc.set && access("/sys/devices/virtual/dmi/id", F_OK) == 0 &&
	    mount("tmpfs", "/sys/devices/virtual/dmi/id", "tmpfs", flags | MS_RDONLY, "size=4k") <
		    0)
		return ss_fail_sys(err, "cannot mount over '/sys/devices/virtual/dmi/id'");
	/* The mounts hold what they show. */
	for (unsigned i = 0; i < 2; i++)
		if (umount2(SUP_DIR, MNT_DETACH) < 0)
			return ss_fail_sys(err, "cannot unmount '" SUP_DIR "'");
	(void)rmdir(SUP_DIR);
	return 0;
}
