/* SPDX-License-Identifier: Apache-2.0 */
#include "base/text.h"
#include "expect.h"
#include "runtime/app_secret.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

static const uint8_t from[MC_SECRET_FROM];

/* init's end of a pair, as it is without a mount: the files' folder is one of ours. */
struct world {
	struct rt_secrets s;
	char folder[32];
	int keyplane;
};

static struct mc_secret one(const char *name, bool required, bool file)
{
	return (struct mc_secret){ ss_text(name), { from, sizeof(from) }, required, file };
}

static void world_init(struct world *w)
{
	int pair[2];

	*w = (struct world){ .folder = "/tmp/rt-secret.XXXXXX" };
	rt_secrets_forget();
	assert_non_null(mkdtemp(w->folder));
	assert_int_equal(socketpair(AF_UNIX, SOCK_SEQPACKET, 0, pair), 0);
	w->keyplane = pair[1];
	w->s = (struct rt_secrets){
		.fd = pair[0],
		.dir = open(w->folder, O_RDONLY | O_DIRECTORY),
		.uid = getuid(),
		.gid = getgid(),
		.n = 4,
		.n_files = 2,
		.all = { one("PASSWORD", true, false), one("key", true, true),
			 one("HOME", false, false), one("more", false, true) },
	};
	assert_true(w->s.dir >= 0);
}

static void world_done(struct world *w)
{
	for (size_t i = 0; i < w->s.n; i++) {
		char name[MC_MAX_SECRET_NAME + 1];

		(void)snprintf(name, sizeof(name), "%.*s", (int)w->s.all[i].name.n,
			       (const char *)w->s.all[i].name.p);
		(void)unlinkat(w->s.dir, name, 0);
	}
	(void)unlinkat(w->s.dir, ".new", 0);
	assert_int_equal(rmdir(w->folder), 0);
	(void)close(w->s.dir);
	(void)close(w->s.fd);
	if (w->keyplane >= 0)
		(void)close(w->keyplane);
}

static void say(const struct world *w, uint32_t index, uint32_t n, struct ss_span value)
{
	static uint8_t m[SECRET_MESSAGE_MAX + 16];
	const struct secret_head h = { index, n };

	memcpy(m, &h, sizeof(h));
	if (value.n > 0)
		memcpy(m + sizeof(h), value.p, value.n);
	assert_int_equal(send(w->keyplane, m, sizeof(h) + value.n, 0), sizeof(h) + value.n);
}

static void come(struct world *w, uint32_t index, struct ss_span value)
{
	const struct mc_secret *got = NULL;
	struct ss_err err = { 0 };

	say(w, index, (uint32_t)value.n, value);
	assert_int_equal(rt_secrets_hear(&w->s, &got, &err), 1);
	assert_ptr_equal(got, &w->s.all[index]);
	assert_int_equal(rt_secrets_hear(&w->s, &got, &err), 0);
}

static void what_is_required_is_awaited_by_name(void **state)
{
	struct world w;
	char names[64], few[12];

	(void)state;
	world_init(&w);
	assert_true(rt_secrets_lack(&w.s));
	rt_secrets_list(&w.s, names, sizeof(names));
	assert_string_equal(names, "PASSWORD, key");
	rt_secrets_list(&w.s, few, sizeof(few));
	assert_string_equal(few, "PASSWORD, k");
	come(&w, 0, ss_text("x"));
	come(&w, 2, ss_text("x"));
	assert_true(rt_secrets_lack(&w.s));
	rt_secrets_list(&w.s, names, sizeof(names));
	assert_string_equal(names, "key");
	come(&w, 1, ss_text("x"));
	assert_false(rt_secrets_lack(&w.s));
	rt_secrets_list(&w.s, names, sizeof(names));
	assert_string_equal(names, "");
	world_done(&w);
}

static void a_file_is_its_user_s_alone_and_whole(void **state)
{
	static uint8_t big[MC_MAX_SECRET], back[MC_MAX_SECRET + 1];
	struct stat st;
	struct world w;
	int fd;

	(void)state;
	world_init(&w);
	memset(big, 0xa5, sizeof(big));
	come(&w, 1, (struct ss_span){ big, sizeof(big) });
	come(&w, 3, (struct ss_span){ NULL, 0 });
	fd = openat(w.s.dir, "key", O_RDONLY);
	assert_int_equal(fstat(fd, &st), 0);
	assert_int_equal(st.st_mode, S_IFREG | 0400);
	assert_int_equal(st.st_uid, getuid());
	assert_int_equal(read(fd, back, sizeof(back)), sizeof(big));
	assert_memory_equal(back, big, sizeof(big));
	(void)close(fd);
	assert_int_equal(fstatat(w.s.dir, "more", &st, 0), 0);
	assert_int_equal(st.st_size, 0);
	assert_int_equal(fstatat(w.s.dir, ".new", &st, 0), -1);
	world_done(&w);
}

static void a_variable_takes_the_place_of_its_name_or_comes_last(void **state)
{
	char path[] = "PATH=/bin", home[] = "HOME=/", homes[] = "HOMES=/x";
	char *envp[3 + MC_MAX_SECRETS + 1] = { path, home, homes, NULL };
	struct world w;

	(void)state;
	world_init(&w);
	rt_secrets_env(&w.s, envp, 3);
	assert_string_equal(envp[1], "HOME=/");
	assert_null(envp[3]);
	come(&w, 2, ss_text("sec=ret"));
	come(&w, 0, (struct ss_span){ NULL, 0 });
	come(&w, 1, ss_text("a file is no variable"));
	rt_secrets_env(&w.s, envp, 3);
	assert_string_equal(envp[0], "PATH=/bin");
	assert_string_equal(envp[1], "HOME=sec=ret");
	assert_string_equal(envp[2], "HOMES=/x");
	assert_string_equal(envp[3], "PASSWORD=");
	assert_null(envp[4]);
	rt_secrets_forget();
	assert_string_equal(envp[1], "");
	envp[1] = home;
	envp[3] = NULL;
	rt_secrets_env(&w.s, envp, 3);
	assert_string_equal(envp[1], "HOME=/");
	assert_null(envp[3]);
	world_done(&w);
}

static void expect_refused(struct world *w, const char *msg)
{
	const struct mc_secret *got = NULL;
	struct ss_err err = { 0 };

	expect_fails(rt_secrets_hear(&w->s, &got, &err), &err, SS_EINPUT, msg);
}

static void what_cannot_come_is_the_end_of_trust(void **state)
{
	static uint8_t big[MC_MAX_SECRET + 8];
	struct world w;

	(void)state;
	world_init(&w);
	say(&w, 4, 1, ss_text("x"));
	expect_refused(&w, "keyplane: a secret that cannot be");
	say(&w, 0, 2, ss_text("x"));
	expect_refused(&w, "keyplane: a secret that cannot be");
	say(&w, 0, 3, (struct ss_span){ (const uint8_t *)"a\0b", 3 });
	expect_refused(&w, "keyplane: a secret that no variable can hold");
	memset(big, 'x', sizeof(big));
	say(&w, 0, MC_MAX_SECRET_ENV + 1, (struct ss_span){ big, MC_MAX_SECRET_ENV + 1 });
	expect_refused(&w, "keyplane: a secret that no variable can hold");
	say(&w, 1, MC_MAX_SECRET + 1, (struct ss_span){ big, MC_MAX_SECRET + 1 });
	expect_refused(&w, "keyplane: a secret that is none");
	assert_int_equal(send(w.keyplane, big, 7, 0), 7);
	expect_refused(&w, "keyplane: a secret that is none");
	come(&w, 0, ss_text("x"));
	say(&w, 0, 1, ss_text("x"));
	expect_refused(&w, "keyplane: a secret that cannot be");
	world_done(&w);
}

static void the_end_of_keyplane_is_heard(void **state)
{
	const struct mc_secret *got = NULL;
	struct ss_err err = { 0 };
	struct world w;

	(void)state;
	world_init(&w);
	(void)close(w.keyplane);
	w.keyplane = -1;
	expect_fails(rt_secrets_hear(&w.s, &got, &err), &err, SS_ESYS, "the keyplane has hung up");
	world_done(&w);
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(what_is_required_is_awaited_by_name),
		cmocka_unit_test(a_file_is_its_user_s_alone_and_whole),
		cmocka_unit_test(a_variable_takes_the_place_of_its_name_or_comes_last),
		cmocka_unit_test(what_cannot_come_is_the_end_of_trust),
		cmocka_unit_test(the_end_of_keyplane_is_heard),
	};

	return cmocka_run_group_tests_name("rt_secret", tests, NULL, NULL);
}
