/* SPDX-License-Identifier: Apache-2.0 */
/*
 * rig-boot: boots an EIF on QEMU's nitro-enclave machine, with the vsock device and the heartbeat
 * that a parent instance gives, and shows the console on standard output.
 *
 * Exit status: 0 the text of --until appeared, or, without it, the guest ended in order; 1 it ended
 * otherwise (also: without the text; kernel panic; a broken protocol); 2 usage; 4 something is
 * missing here; 124 the time was up. Ends only what it started; a kill of this program ends QEMU.
 */
#include "console.h"
#include "hello.h"
#include "launch/guest_clock.h"
#include "launch/machine.h"
#include "launch/vhost_vsock.h"
#include "peer.h"

#include <errno.h>
#include <fcntl.h>
#include <ftw.h>
#include <getopt.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#define MAX_ECHOES 8u
/* Emulated on a loaded machine, the timer looks dead to a kernel that tries it for ten ticks. */
#define OWN_APPEND "reboot=t panic=-1 no_timer_check "

struct opts {
	const char *eif, *mem, *until, *append, *qemu, *firmware, *smp, *id, *sockets;
	unsigned timeout_s, cid;
	unsigned echoes[MAX_ECHOES];
	size_t n_echoes;
	bool no_heartbeat, no_hello;
};

struct boot {
	const struct opts *o;
	char dir[256]; /* of the sockets and of QEMU's temporary files: ours alone */
	bool own_dir;
	struct vhost_vsock *vsock;
	struct peers peers;
	struct hello hello;
	char base[300];
	struct console console;
	pid_t qemu;
	int output; /* QEMU's standard output and error */
};

static volatile sig_atomic_t stop_signal;

static void on_signal(int sig)
{
	stop_signal = sig;
}

static double now(void)
{
	struct timespec t = { 0 };

	(void)clock_gettime(CLOCK_MONOTONIC, &t);
	return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

static int complain(const char *what)
{
	(void)fprintf(stderr, "rig-boot: %s: %s\n", what, strerror(errno));
	return -1;
}

static int make_dir(struct boot *b)
{
	const char *tmp = getenv("TMPDIR");
	int n;

	if (b->o->sockets != NULL) {
		n = snprintf(b->dir, sizeof(b->dir), "%s", b->o->sockets);
		return n < (int)sizeof(b->dir) ? 0 : complain("--sockets");
	}
	n = snprintf(b->dir, sizeof(b->dir), "%s/rig-boot.XXXXXX", tmp != NULL ? tmp : "/tmp");
	if (n >= (int)sizeof(b->dir) || mkdtemp(b->dir) == NULL)
		return complain("cannot make a folder for sockets");
	b->own_dir = true;
	return 0;
}

static int remove_one(const char *path, const struct stat *st, int type, struct FTW *at)
{
	(void)st;
	(void)type;
	(void)at;
	(void)remove(path);
	return 0;
}

static void remove_dir(const struct boot *b)
{
	if (b->own_dir)
		(void)nftw(b->dir, remove_one, 8, FTW_DEPTH | FTW_PHYS);
}

static int open_sockets(struct boot *b)
{
	char vhost[300];
	struct vhost_vsock_opts o = { .vhost_path = vhost,
				      .base = b->base,
				      .guest_cid = b->o->cid,
				      .max_conns = MACHINE_MAX_CONNS };
	struct ss_err err = { 0 };

	(void)snprintf(vhost, sizeof(vhost), "%s/vhost", b->dir);
	(void)snprintf(b->base, sizeof(b->base), "%s/vsock", b->dir);
	b->hello = (struct hello){ .base = b->base, .fd = -1 };
	if (vhost_vsock_open(&o, &b->vsock, &err) < 0) {
		(void)fprintf(stderr, "rig-boot: %s\n", err.msg);
		return -1;
	}
	if (!b->o->no_heartbeat && peers_listen(&b->peers, b->base, PEER_HEARTBEAT_PORT, true) < 0)
		return complain("cannot listen for the heartbeat");
	for (size_t i = 0; i < b->o->n_echoes; i++)
		if (peers_listen(&b->peers, b->base, b->o->echoes[i], false) < 0)
			return complain("cannot listen for an echo");
	return 0;
}

/* In the child. The machine's own TMPDIR is ours, so that nothing of QEMU's is left behind. */
static void exec_qemu(const struct boot *b, int output)
{
	char machine[128], chardev[400], clock[64] = "", append[1024];
	const uint32_t khz = guest_clock_khz();
	const char *argv[32];
	size_t n = 0;
	int null;

	(void)snprintf(machine, sizeof(machine), "nitro-enclave,vsock=c,id=%s", b->o->id);
	(void)snprintf(chardev, sizeof(chardev), "socket,id=c,path=%s/vhost", b->dir);
	if (khz != 0)
		(void)snprintf(clock, sizeof(clock), GUEST_CLOCK_WORDS " ", khz);
	(void)snprintf(append, sizeof(append), OWN_APPEND "%s%s", clock, b->o->append);
	argv[n++] = b->o->qemu;
	argv[n++] = "-L";
	argv[n++] = b->o->firmware;
	argv[n++] = "-M";
	argv[n++] = machine;
	argv[n++] = "-chardev";
	argv[n++] = chardev;
	argv[n++] = "-kernel";
	argv[n++] = b->o->eif;
	argv[n++] = "-append";
	argv[n++] = append;
	argv[n++] = "-m";
	argv[n++] = b->o->mem;
	argv[n++] = "-smp";
	argv[n++] = b->o->smp;
	argv[n++] = "-cpu";
	argv[n++] = "max";
	argv[n++] = "-accel";
	argv[n++] = "tcg";
	argv[n++] = "-nographic";
	argv[n++] = "-no-reboot";
	argv[n] = NULL;
	null = open("/dev/null", O_RDONLY);
	if (null < 0 || dup2(null, 0) < 0 || dup2(output, 1) < 0 || dup2(output, 2) < 0 ||
	    setenv("TMPDIR", b->dir, 1) != 0 || prctl(PR_SET_PDEATHSIG, SIGKILL) != 0)
		_exit(127);
	(void)execv(argv[0], (char *const *)(uintptr_t)argv);
	(void)dprintf(2, "rig-boot: cannot run '%s': %s\n", argv[0], strerror(errno));
	_exit(127);
}

static int start_qemu(struct boot *b)
{
	int fds[2];

	if (pipe2(fds, O_CLOEXEC) != 0)
		return complain("cannot make a pipe");
	b->qemu = fork();
	if (b->qemu == 0)
		exec_qemu(b, fds[1]);
	(void)close(fds[1]);
	b->output = fds[0];
	if (b->qemu < 0)
		return complain("cannot start QEMU");
	return 0;
}

/* Waits for QEMU, after a push when it is still there; its exit status, or -1. */
static int end_qemu(struct boot *b, bool push)
{
	int status = 0;

	if (b->qemu <= 0)
		return -1;
	if (push)
		(void)kill(b->qemu, SIGKILL);
	while (waitpid(b->qemu, &status, 0) < 0 && errno == EINTR)
		continue;
	b->qemu = 0;
	return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}

/* True while there may be more. */
static bool read_console(struct boot *b)
{
	char bytes[4096];
	const ssize_t n = read(b->output, bytes, sizeof(bytes));

	if (n > 0)
		console_put(&b->console, bytes, (size_t)n);
	return n > 0 || (n < 0 && errno == EINTR);
}

/* Until something ends it. Returns the exit status. */
static int serve(struct boot *b)
{
	const double end = now() + b->o->timeout_s;
	struct ss_err err = { 0 };

	while (!b->console.found && stop_signal == 0) {
		struct pollfd p[PEER_MAX + 3];
		const size_t n_peers = peers_poll(&b->peers, p + 3);
		const double left = end - now();
		double due = end;
		bool ended;

		if (left <= 0) {
			(void)fprintf(stderr, "rig-boot: nothing after %u s\n", b->o->timeout_s);
			return 124;
		}
		p[0] = (struct pollfd){ .fd = b->output, .events = POLLIN };
		p[1] = (struct pollfd){ .fd = vhost_vsock_fd(b->vsock), .events = POLLIN };
		p[2] = (struct pollfd){ .fd = -1 };
		if (b->peers.heartbeats > 0 && !b->o->no_hello)
			p[2] = hello_poll(&b->hello, &due);
		due -= now();
		if (poll(p, n_peers + 3, due > 0 ? (int)(due * 1000) + 1 : 0) < 0)
			continue; /* a signal */
		if (p[1].revents != 0 && vhost_vsock_step(b->vsock, &ended, &err) < 0) {
			(void)fprintf(stderr, "rig-boot: %s\n", err.msg);
			return 1;
		}
		peers_step(&b->peers, p + 3, n_peers);
		if (b->peers.heartbeats > 0 && !b->o->no_hello)
			hello_step(&b->hello, &p[2], now());
		if (p[0].revents != 0 && !read_console(b))
			return end_qemu(b, false) == 0 && !b->console.panicked &&
					       b->o->until == NULL
				       ? 0
				       : 1;
	}
	return b->console.found ? 0 : 128 + stop_signal;
}

static int boot(const struct opts *o)
{
	struct boot b = {
		.o = o, .output = -1, .console = { .until = o->until }, .hello = { .fd = -1 }
	};
	int status = 4;

	if (make_dir(&b) == 0 && open_sockets(&b) == 0 && start_qemu(&b) == 0)
		status = serve(&b);
	(void)end_qemu(&b, true);
	console_end(&b.console);
	if (b.console.found)
		status = 0;
	(void)fprintf(stderr, "rig-boot: status %d, %u heartbeats\n", status, b.peers.heartbeats);
	peers_done(&b.peers);
	hello_done(&b.hello);
	vhost_vsock_free(b.vsock);
	if (b.output >= 0)
		(void)close(b.output);
	remove_dir(&b);
	return status;
}

static int usage(void)
{
	(void)fprintf(
		stderr,
		"usage: rig-boot --eif F --qemu PROGRAM --firmware DIR [--mem 512M] [--smp 1]\n"
		"       [--timeout SECONDS] [--until TEXT] [--append TEXT] [--cid 16] [--id ID]\n"
		"       [--echo PORT]... [--no-heartbeat] [--no-hello] [--sockets DIR]\n");
	return 2;
}

static bool parse_number(const char *text, unsigned max, unsigned *ret)
{
	char *end;
	const unsigned long v = strtoul(text, &end, 10);

	*ret = (unsigned)v;
	return text[0] >= '0' && text[0] <= '9' && *end == '\0' && v <= max;
}

static bool parse(int argc, char **argv, struct opts *o)
{
	static const struct option names[] = {
		{ "eif", 1, NULL, 'e' },
		{ "mem", 1, NULL, 'm' },
		{ "until", 1, NULL, 'u' },
		{ "append", 1, NULL, 'a' },
		{ "qemu", 1, NULL, 'q' },
		{ "firmware", 1, NULL, 'f' },
		{ "smp", 1, NULL, 's' },
		{ "id", 1, NULL, 'i' },
		{ "timeout", 1, NULL, 't' },
		{ "cid", 1, NULL, 'c' },
		{ "echo", 1, NULL, 'p' },
		{ "sockets", 1, NULL, 'd' },
		{ "no-heartbeat", 0, NULL, 'n' },
		{ "no-hello", 0, NULL, 'h' },
		{ NULL, 0, NULL, 0 },
	};
	bool good = true;
	int c;

	while (good && (c = getopt_long(argc, argv, "", names, NULL)) != -1) {
		const char **text = c == 'e'   ? &o->eif
				    : c == 'm' ? &o->mem
				    : c == 'u' ? &o->until
				    : c == 'a' ? &o->append
				    : c == 'q' ? &o->qemu
				    : c == 'f' ? &o->firmware
				    : c == 's' ? &o->smp
				    : c == 'i' ? &o->id
				    : c == 'd' ? &o->sockets
					       : NULL;

		if (text != NULL)
			*text = optarg;
		else if (c == 't')
			good = parse_number(optarg, 86400, &o->timeout_s);
		else if (c == 'c')
			good = parse_number(optarg, UINT32_MAX - 1, &o->cid) && o->cid > 3;
		else if (c == 'p' && o->n_echoes < MAX_ECHOES)
			good = parse_number(optarg, UINT32_MAX, &o->echoes[o->n_echoes++]);
		else if (c == 'n')
			o->no_heartbeat = true;
		else if (c == 'h')
			o->no_hello = true;
		else
			good = false;
	}
	return good && optind == argc && o->eif != NULL && o->qemu != NULL && o->firmware != NULL;
}

int main(int argc, char **argv)
{
	struct opts o = { .mem = "512M",
			  .smp = "1",
			  .id = "i-0123456789abcdef0-enc0123456789abcde",
			  .append = "",
			  .timeout_s = 60,
			  .cid = 16,
			  .qemu = getenv("RIG_QEMU"),
			  .firmware = getenv("RIG_FIRMWARE") };
	const struct sigaction stop = { .sa_handler = on_signal };

	if (!parse(argc, argv, &o))
		return usage();
	if (sigaction(SIGINT, &stop, NULL) != 0 || sigaction(SIGTERM, &stop, NULL) != 0 ||
	    sigaction(SIGHUP, &stop, NULL) != 0)
		return complain("signals") + 5;
	return boot(&o);
}
