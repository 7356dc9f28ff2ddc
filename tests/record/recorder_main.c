/* SPDX-License-Identifier: Apache-2.0 */
/*
 * usage: recorder STORE record|play FILE STALL-SECONDS [CA [led [HOST:PORT]...]]
 *
 * The recorder alone, for the tests beside it: prints the port it listens on, runs until its
 * standard input ends, and then writes what it recorded to FILE, or plays what FILE holds. Its
 * certificate goes to FILE.pem and, for Java, FILE.jks; problems go to standard error, one line
 * each. CA: roots instead of the system's ("-": the system's). led: as root, serves a network
 * namespace too, and prints the number of its descriptor behind the port; HOST:PORT is passed on
 * unrecorded. LOCAL in the environment: what steps may ask although it is this machine, with blanks
 * between; FETCH_MISSING there: what the store has not is asked for.
 */
#include "base/mem.h"
#include "config/enclave_lock.h"
#include "io/atomic.h"
#include "io/file.h"
#include "record/recorder.h"

#include <arpa/inet.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

static const struct cfg_field fields[] = {
	{ .key = "input",
	  .kind = CFG_LIST,
	  .at = 0,
	  .max = CFG_INPUTS_MAX,
	  .fields = cfg_input_fields,
	  .size = sizeof(struct cfg_input) },
	CFG_FIELDS_END,
};

static void problem(void *ctx, const char *line)
{
	(void)ctx;
	(void)fprintf(stderr, "%s\n", line);
}

static int listen_here(int *ret_fd, unsigned *ret_port, struct ss_err *err)
{
	struct sockaddr_in a = { .sin_family = AF_INET, .sin_addr = { htonl(INADDR_LOOPBACK) } };
	socklen_t n = sizeof(a);
	AUTO_CLOSE int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

	if (fd < 0 || bind(fd, (struct sockaddr *)&a, n) < 0 || listen(fd, 128) < 0 ||
	    getsockname(fd, (struct sockaddr *)&a, &n) < 0)
		return ss_fail_sys(err, "cannot listen");
	*ret_port = ntohs(a.sin_port);
	*ret_fd = ss_take_fd(&fd);
	return 0;
}

static int load(const char *path, struct cfg_list *ret, struct ss_err *err)
{
	AUTO_BUF struct ss_buf b = SS_BUF_INIT(TOML_MAX_SIZE);
	AUTO_TOML struct toml_node *t = NULL;

	if (io_load_file(path, &b, err) < 0 || toml_read(ss_buf_span(&b), &t, err) < 0 ||
	    cfg_fields_read(fields, t, "", ret, err) < 0)
		return -1;
	return cfg_inputs_sort(ret, err);
}

static int save(const char *path, const struct cfg_list *l, struct ss_err *err)
{
	AUTO_BUF struct ss_buf b = SS_BUF_INIT(TOML_MAX_SIZE);
	AUTO_TOML struct toml_node *t = toml_new(TOML_TABLE, 0);

	cfg_fields_write(fields, l, t);
	toml_write(t, &b);
	if (ss_buf_check(&b, "inputs", err) < 0)
		return -1;
	return io_atomic_store(path, ss_buf_span(&b), err);
}

static int save_certificate(const char *path, const struct recorder *r, struct ss_err *err)
{
	AUTO_BUF struct ss_buf b = SS_BUF_INIT(65536);
	char name[4096];

	(void)snprintf(name, sizeof(name), "%s.pem", path);
	if (recorder_certificate(r, &b, err) < 0 || io_atomic_store(name, ss_buf_span(&b), err) < 0)
		return -1;
	b.n = 0;
	(void)snprintf(name, sizeof(name), "%s.jks", path);
	if (recorder_key_store(r, &b, err) < 0)
		return -1;
	return io_atomic_store(name, ss_buf_span(&b), err);
}

static void list_local(struct cfg_texts *ret)
{
	const char *s = getenv("LOCAL");
	char one[512];

	for (size_t n; s != NULL && *s != '\0'; s += n + (s[n] == ' ')) {
		n = strcspn(s, " ");
		(void)snprintf(one, sizeof(one), "%.*s", (int)n, s);
		if (n > 0)
			cfg_texts_push(ret, one);
	}
}

/* A namespace with doors; we stay where we are. */
static int make_step(int doors[IO_DOORS], int *ret_ns, struct ss_err *err)
{
	AUTO_CLOSE int own = open("/proc/self/ns/net", O_RDONLY | O_CLOEXEC);
	int rc;

	if (own < 0 || unshare(CLONE_NEWNET) < 0)
		return ss_fail_sys(err, "cannot make a network namespace");
	rc = io_doors_open(true, doors, err);
	*ret_ns = open("/proc/self/ns/net", O_RDONLY | O_CLOEXEC);
	if (rc == 0 && (*ret_ns < 0 || setns(own, CLONE_NEWNET) < 0))
		return ss_fail_sys(err, "cannot leave a network namespace");
	return rc;
}

static int run(char **argv, struct ss_err *err)
{
	AUTO_REC_STORE struct rec_store store = REC_STORE_NONE;
	struct cfg_list inputs = { 0 }, recorded = { 0 };
	struct rec_config c = { .play = strcmp(argv[2], "play") == 0,
				.store = &store,
				.inputs = &inputs,
				.epoch = 784111777,
				.body_max = (uint64_t)6 << 30,
				.stall_s = (unsigned)strtoul(argv[4], NULL, 10),
				.problem = problem };
	const char *missing = getenv("FETCH_MISSING");
	const bool led = argv[5] != NULL && argv[6] != NULL;
	int doors[IO_DOORS] = { -1, -1, -1, -1, -1 };
	AUTO_CLOSE int ns = -1;
	struct cfg_texts raw = { 0 }, local = { 0 };
	struct recorder *r = NULL;
	struct rec_counts counts;
	unsigned port = 0;
	size_t step = 0;
	int fd = -1, rc;

	c.first_s = c.stall_s;
	c.raw = &raw;
	c.fetch_missing = missing != NULL && missing[0] != '\0';
	c.local = &local;
	list_local(&local);
	if (argv[5] != NULL && strcmp(argv[5], "-") != 0)
		c.ca_file = argv[5];
	for (char **a = argv + 7; led && *a != NULL; a++)
		cfg_texts_push(&raw, *a);
	if (led && make_step(doors, &ns, err) < 0)
		return -1;

	if (rec_store_open(argv[1], REC_SHARED, &store, err) < 0 ||
	    (c.play && load(argv[3], &inputs, err) < 0) || listen_here(&fd, &port, err) < 0 ||
	    recorder_start(&c, fd, &r, err) < 0 || save_certificate(argv[3], r, err) < 0 ||
	    (led && recorder_step_begin(r, doors, &step, err) < 0))
		return -1;
	printf("%u %d\n", port, ns);
	(void)fflush(stdout);
	while (getchar() != EOF)
		continue;
	if (led)
		recorder_step_end(r, step, &counts);
	rc = recorder_stop(r, &recorded, err);
	cfg_texts_done(&raw);
	cfg_texts_done(&local);
	if (rc == 0 && !c.play)
		rc = save(argv[3], &recorded, err);
	cfg_inputs_done(&recorded);
	cfg_inputs_done(&inputs);
	return rc;
}

int main(int argc, char **argv)
{
	struct ss_err err = { 0 };

	if (argc < 5)
		return 2;
	if (run(argv, &err) == 0)
		return 0;
	(void)fprintf(stderr, "error: %s\n", err.msg);
	return 4;
}
