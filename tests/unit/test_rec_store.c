/* SPDX-License-Identifier: Apache-2.0 */
#include "base/hex.h"
#include "expect.h"
#include "record/rec_sweep.h"

#include <dirent.h>
#include <fcntl.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#define ABC "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"

/* Each test gets a folder of its own; the second time all files have names from the start. */
struct world {
	char top[64];
	char store[96];
	bool named;
};

static struct ss_span span(const char *s)
{
	return (struct ss_span){ (const uint8_t *)s, strlen(s) };
}

static void remove_all(const char *path)
{
	char cmd[160];

	(void)snprintf(cmd, sizeof(cmd), "rm -rf '%s'", path);
	assert_int_equal(system(cmd), 0);
}

static struct world *begin(bool named)
{
	static struct world w;

	memset(&w, 0, sizeof(w));
	(void)snprintf(w.top, sizeof(w.top), "/tmp/selfsame-rec-XXXXXX");
	assert_non_null(mkdtemp(w.top));
	(void)snprintf(w.store, sizeof(w.store), "%s/inputs", w.top);
	w.named = named;
	return &w;
}

static struct rec_store open_store(const struct world *w)
{
	struct rec_store s = REC_STORE_NONE;
	struct ss_err err = { 0 };

	expect_ok(rec_store_open(w->store, REC_SHARED, &s, &err), &err);
	s.named = w->named;
	return s;
}

static int put(struct rec_store *s, struct ss_span bytes, const uint8_t *want, uint8_t *ret,
	       struct ss_err *err)
{
	AUTO_REC_PUT struct rec_put p = REC_PUT_NONE;

	if (rec_put_begin(s, 1u << 20, &p, err) < 0 || rec_put_bytes(&p, bytes, err) < 0)
		return -1;
	return rec_put_commit(&p, want, ret, err);
}

static void abc_path(const struct world *w, char ret[256])
{
	(void)snprintf(ret, 256, "%s/sha256/ba/" ABC, w->store);
}

static unsigned count_files(const char *dir)
{
	char cmd[160];
	FILE *f;
	unsigned n = 0;

	(void)snprintf(cmd, sizeof(cmd), "find '%s' -type f ! -name lock | wc -l", dir);
	f = popen(cmd, "r");
	assert_non_null(f);
	assert_int_equal(fscanf(f, "%u", &n), 1);
	(void)pclose(f);
	return n;
}

static void expect_found(const struct rec_store *s, const uint8_t *hash, enum rec_found want)
{
	struct ss_err err = { 0 };
	enum rec_found got = REC_MISSING;
	uint64_t size = 0;
	int fd = -1;

	expect_ok(rec_store_get(s, hash, &got, &fd, &size, &err), &err);
	assert_int_equal(got, want);
	assert_int_equal(fd >= 0, want == REC_WHOLE);
	if (fd >= 0)
		(void)close(fd);
}

static void each_way(void (*test)(struct world *w))
{
	for (int named = 0; named < 2; named++) {
		struct world *w = begin(named != 0);

		test(w);
		remove_all(w->top);
	}
}

/* --- one object --------------------------------------------------------------------------------
 */

static void put_and_get(struct world *w)
{
	struct rec_store s = open_store(w);
	struct ss_err err = { 0 };
	uint8_t hash[32], bytes[8] = { 0 };
	enum rec_found found;
	uint64_t size = 0;
	char hex[REC_HEX], path[256];
	int fd = -1;

	expect_ok(put(&s, span("abc"), NULL, hash, &err), &err);
	ss_hex((struct ss_span){ hash, 32 }, hex);
	assert_string_equal(hex, ABC);
	abc_path(w, path);
	assert_int_equal(access(path, F_OK), 0);
	expect_ok(rec_store_get(&s, hash, &found, &fd, &size, &err), &err);
	assert_int_equal(found, REC_WHOLE);
	assert_int_equal(size, 3);
	assert_int_equal(read(fd, bytes, sizeof(bytes)), 3);
	assert_memory_equal(bytes, "abc", 3);
	(void)close(fd);
	expect_ok(put(&s, span("abc"), hash, hash, &err), &err);
	assert_int_equal(count_files(w->store), 1);
	hash[31] ^= 1;
	expect_found(&s, hash, REC_MISSING);
	expect_ok(rec_store_sync(&s, &err), &err);
	rec_store_done(&s);
}

static void what_is_put_comes_out_under_its_sha256(void **state)
{
	(void)state;
	each_way(put_and_get);
}

static void refuse_and_leave_nothing(struct world *w)
{
	struct rec_store s = open_store(w);
	struct ss_err err = { 0 };
	struct rec_put p = REC_PUT_NONE;
	uint8_t hash[32] = { 0 };

	expect_fails(put(&s, span("abc"), hash, hash, &err), &err, SS_EVERIFY,
		     "sha256 " ABC ", but "
		     "0000000000000000000000000000000000000000000000000000000000000000"
		     " was expected");
	expect_ok(rec_put_begin(&s, 4, &p, &err), &err);
	expect_ok(rec_put_bytes(&p, span("abcd"), &err), &err);
	expect_fails(rec_put_bytes(&p, span("e"), &err), &err, SS_ELIMIT, "more than 4 bytes");
	rec_put_done(&p);
	assert_int_equal(count_files(w->store), 0);
	rec_store_done(&s);
}

static void what_is_refused_leaves_nothing(void **state)
{
	(void)state;
	each_way(refuse_and_leave_nothing);
}

static void damage(const char *path, int kind)
{
	int fd;

	switch (kind) {
	case 0: /* another byte */
		fd = open(path, O_WRONLY);
		assert_int_equal(pwrite(fd, "B", 1, 1), 1);
		(void)close(fd);
		break;
	case 1: /* cut off, as after a loss of power */
		assert_int_equal(truncate(path, 0), 0);
		break;
	case 2: /* longer */
		fd = open(path, O_WRONLY | O_APPEND);
		assert_int_equal(write(fd, "d", 1), 1);
		(void)close(fd);
		break;
	case 3: /* a link to something that is right */
		assert_int_equal(unlink(path), 0);
		assert_int_equal(symlink("/etc/passwd", path), 0);
		break;
	default: /* what would block a reader */
		assert_int_equal(unlink(path), 0);
		assert_int_equal(mkfifo(path, 0600), 0);
	}
}

static void mend(struct world *w)
{
	struct rec_store s = open_store(w);
	struct ss_err err = { 0 };
	uint8_t hash[32];
	char path[256];

	abc_path(w, path);
	for (int kind = 0; kind < 5; kind++) {
		expect_ok(put(&s, span("abc"), NULL, hash, &err), &err);
		expect_found(&s, hash, REC_WHOLE);
		damage(path, kind);
		expect_found(&s, hash, REC_DAMAGED);
	}
	expect_ok(put(&s, span("abc"), NULL, hash, &err), &err);
	expect_found(&s, hash, REC_WHOLE);
	assert_int_equal(count_files(w->store), 1);
	rec_store_done(&s);
}

static void damage_is_seen_and_the_next_put_mends_it(void **state)
{
	(void)state;
	each_way(mend);
}

/* --- others at the same time -------------------------------------------------------------------
 */

static void *many_puts(void *ctx)
{
	struct rec_store *s = ctx;
	struct ss_err err = { 0 };
	uint8_t hash[32];

	for (int i = 0; i < 200; i++) {
		char text[16];

		(void)snprintf(text, sizeof(text), "body %d", i);
		if (put(s, span(text), NULL, hash, &err) < 0)
			return strdup(err.msg);
	}
	return NULL;
}

static void put_from_threads(struct world *w)
{
	struct rec_store s = open_store(w);
	pthread_t t[8];

	for (size_t i = 0; i < SS_NELEMS(t); i++)
		assert_int_equal(pthread_create(&t[i], NULL, many_puts, &s), 0);
	for (size_t i = 0; i < SS_NELEMS(t); i++) {
		void *why = NULL;

		assert_int_equal(pthread_join(t[i], &why), 0);
		if (why != NULL)
			fail_msg("%s", (char *)why);
	}
	assert_int_equal(count_files(w->store), 200);
	rec_store_done(&s);
}

static void threads_that_put_the_same_bodies_make_each_once(void **state)
{
	(void)state;
	each_way(put_from_threads);
}

static void nobody_removes_while_somebody_uses_the_store(void **state)
{
	struct world *w = begin(false);
	struct rec_store a = open_store(w), b = open_store(w), c = REC_STORE_NONE;
	struct ss_err err = { 0 };
	char want[256];

	(void)state;
	rec_store_done(&a);
	(void)snprintf(want, sizeof(want), "the store of inputs '%s' is in use by a build",
		       w->store);
	expect_fails(rec_store_open(w->store, REC_ALONE, &c, &err), &err, SS_ESYS, want);
	rec_store_done(&b);
	expect_ok(rec_store_open(w->store, REC_ALONE, &c, &err), &err);
	rec_store_done(&c);
	remove_all(w->top);
}

/* --- the end at any moment ---------------------------------------------------------------------
 */

static void bad(void *ctx, const uint8_t *hash, enum rec_found found, const char *url)
{
	unsigned *n = ctx;

	(void)hash;
	(void)found;
	(void)url;
	(*n)++;
}

static void odd(void *ctx, struct ss_span path)
{
	bad(ctx, NULL, REC_DAMAGED, (const char *)path.p);
}

static void check_all(const struct world *w, struct rec_state *ret)
{
	struct rec_store s = open_store(w);
	unsigned n = 0;
	const struct rec_listener l = { bad, odd, &n };
	struct ss_err err = { 0 };

	expect_ok(rec_check_store(&s, &l, ret, &err), &err);
	assert_int_equal(n, 0);
	assert_int_equal(count_files(w->store), ret->whole);
	rec_store_done(&s);
}

static SS_NORETURN void put_for_ever(const struct world *w, int tell)
{
	static uint8_t body[100000];
	struct rec_store s = open_store(w);
	struct ss_err err = { 0 };
	uint8_t hash[32];

	for (unsigned i = 0;; i++) {
		memcpy(body, &i, sizeof(i));
		if (put(&s, (struct ss_span){ body, sizeof(body) }, NULL, hash, &err) < 0)
			_exit(1);
		(void)!write(tell, "x", 1);
	}
}

static void be_killed(struct world *w)
{
	struct rec_state st = { 0 };

	for (unsigned round = 0; round < 8; round++) {
		int pipe_fd[2], status = 0;
		char drop[4096];
		pid_t pid;

		assert_int_equal(pipe(pipe_fd), 0);
		pid = fork();
		if (pid == 0)
			put_for_ever(w, pipe_fd[1]);
		(void)close(pipe_fd[1]);
		for (unsigned i = 0; i <= round; i++) /* some are in: at another moment each time */
			assert_true(read(pipe_fd[0], drop, 1) == 1);
		(void)kill(pid, SIGKILL);
		assert_int_equal(waitpid(pid, &status, 0), pid);
		assert_true(WIFSIGNALED(status));
		(void)close(pipe_fd[0]);
		check_all(w, &st);
		assert_true(st.whole > round);
	}
}

static void a_kill_at_any_moment_leaves_whole_objects_only(void **state)
{
	(void)state;
	each_way(be_killed);
}

static void fill_up(struct world *w)
{
	struct rec_state st = { 0 };
	int status = 0;
	const pid_t pid = fork();

	if (pid == 0) {
		const struct rlimit small = { 50000, 50000 };
		static uint8_t body[100000];
		struct rec_store s = open_store(w);
		struct ss_err err = { 0 };
		char want[256];
		uint8_t hash[32];

		(void)signal(SIGXFSZ, SIG_IGN);
		(void)setrlimit(RLIMIT_FSIZE, &small);
		(void)snprintf(want, sizeof(want),
			       "the store of inputs '%s': cannot write: File too large", w->store);
		if (put(&s, (struct ss_span){ body, sizeof(body) }, NULL, hash, &err) == 0)
			_exit(1);
		_exit(strcmp(err.msg, want) == 0 && err.code == SS_ESYS ? 0 : 2);
	}
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_int_equal(status, 0);
	check_all(w, &st);
	assert_int_equal(st.whole, 0);
}

static void a_body_that_has_no_room_leaves_nothing(void **state)
{
	(void)state;
	each_way(fill_up);
}

/* --- pruning -----------------------------------------------------------------------------------
 */

static void add_input(struct cfg_list *l, const char *url, const uint8_t *hash)
{
	char hex[REC_HEX], method[] = "GET";
	AUTO_FREE char *copy = strdup(url);
	struct cfg_input in = { .method = method, .sha256 = hex, .status = 200, .url = copy };

	ss_hex((struct ss_span){ hash, 32 }, hex);
	cfg_inputs_add(l, &in);
}

static void what_is_old_and_not_named_is_removed(void **state)
{
	struct world *w = begin(false);
	struct rec_store s = open_store(w);
	SS_CLEANUP(rec_keep_done) struct rec_keep keep = { 0 };
	struct cfg_list inputs = { 0 };
	struct rec_pruned done;
	struct ss_err err = { 0 };
	uint8_t a[32], b[32], c[32];
	const struct timespec old[2] = { { 1000, 0 }, { 1000, 0 } };
	char path[256];

	(void)state;
	expect_ok(put(&s, span("abc"), NULL, a, &err), &err);
	expect_ok(put(&s, span("kept"), NULL, b, &err), &err);
	expect_ok(put(&s, span("new"), NULL, c, &err), &err);
	add_input(&inputs, "http://h/kept", b);
	add_input(&inputs, "http://h/again", b);
	expect_ok(rec_keep_add(&keep, &inputs, &err), &err);
	expect_ok(rec_keep_add(&keep, &inputs, &err), &err);
	assert_int_equal(keep.n, 1);
	abc_path(w, path);
	assert_int_equal(utimensat(AT_FDCWD, path, old, 0), 0);
	expect_ok(rec_prune(&s, &keep, 2000, &done, &err), &err);
	assert_int_equal(done.removed, 1);
	assert_int_equal(done.removed_bytes, 3);
	assert_int_equal(done.left, 2);
	expect_found(&s, a, REC_MISSING);
	expect_ok(rec_prune(&s, &keep, INT64_MAX, &done, &err), &err);
	assert_int_equal(done.removed, 1);
	expect_found(&s, b, REC_WHOLE);
	expect_found(&s, c, REC_MISSING);
	cfg_inputs_done(&inputs);
	rec_store_done(&s);
	remove_all(w->top);
}

static void an_object_that_is_used_is_young_again(void **state)
{
	struct world *w = begin(false);
	struct rec_store s = open_store(w);
	const struct timespec old[2] = { { 1000, 0 }, { 1000, 0 } };
	struct ss_err err = { 0 };
	struct stat st;
	uint8_t hash[32];
	char path[256];

	(void)state;
	expect_ok(put(&s, span("abc"), NULL, hash, &err), &err);
	abc_path(w, path);
	assert_int_equal(utimensat(AT_FDCWD, path, old, 0), 0);
	expect_found(&s, hash, REC_WHOLE);
	assert_int_equal(stat(path, &st), 0);
	assert_true(st.st_mtime > 1000000000);
	rec_store_done(&s);
	remove_all(w->top);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(what_is_put_comes_out_under_its_sha256),
		cmocka_unit_test(what_is_refused_leaves_nothing),
		cmocka_unit_test(damage_is_seen_and_the_next_put_mends_it),
		cmocka_unit_test(threads_that_put_the_same_bodies_make_each_once),
		cmocka_unit_test(nobody_removes_while_somebody_uses_the_store),
		cmocka_unit_test(a_kill_at_any_moment_leaves_whole_objects_only),
		cmocka_unit_test(a_body_that_has_no_room_leaves_nothing),
		cmocka_unit_test(what_is_old_and_not_named_is_removed),
		cmocka_unit_test(an_object_that_is_used_is_young_again),
	};

	return cmocka_run_group_tests_name("rec_store", tests, NULL, NULL);
}
