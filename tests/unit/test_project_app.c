/* SPDX-License-Identifier: Apache-2.0 */
#include "base/text.h"
#include "expect.h"
#include "project/paths.h"
#include "project/project.h"

#include <string.h>

#define HEX64 "0a00000000000000000000000000000000000000000000000000000000000000"

/* What an image and an enclave.toml say, and what becomes of it. */
struct world {
	struct project_plan plan;
	struct oci_image image;
	struct tree *tree;
	struct project_app app;
	struct ss_err err;
};

static void give(struct oci_strings *s, const char *const *v)
{
	while (v[s->n] != NULL) {
		s->v = ss_reallocarray(s->v, s->n + 2, sizeof(*s->v));
		s->v[s->n] = ss_copy(v[s->n]);
		s->v[++s->n] = NULL;
	}
}

static void put_file(struct tree *t, const char *path, const char *text)
{
	struct tree_inode in = { .type = TREE_REG, .mode = 0644, .size = (uint32_t)strlen(text) };
	struct ss_err err = { 0 };

	expect_ok(tree_body_new(t, (struct ss_span){ (const uint8_t *)text, strlen(text) },
				&in.body, &err),
		  &err);
	expect_ok(tree_put(t, (struct ss_span){ (const uint8_t *)path, strlen(path) }, &in, NULL,
			   &err),
		  &err);
}

static int set_up(void **state)
{
	struct world *w = ss_calloc(1, sizeof(*w));

	cfg_enclave_init(&w->plan.config);
	w->tree = tree_new();
	put_file(w->tree, "etc/passwd",
		 "root:x:0:0::/root:/bin/sh\nweb:x:1000:1001::/srv:/bin/sh\n");
	put_file(w->tree, "etc/group", "web:x:1001:\naudio:x:29:web\n");
	*state = w;
	return 0;
}

static int tear_down(void **state)
{
	struct world *w = *state;

	project_app_done(&w->app);
	project_plan_done(&w->plan);
	oci_image_done(&w->image);
	tree_free(w->tree);
	free(w);
	return 0;
}

static void make(struct world *w)
{
	expect_ok(project_app_make(&w->plan, &w->image, w->tree, &w->app, &w->err), &w->err);
}

static void expect_list(struct mc_list list, const char *const *want)
{
	struct ss_span s;
	size_t n = 0;

	while (mc_next_string(&list, &s)) {
		assert_non_null(want[n]);
		assert_int_equal(s.n, strlen(want[n]));
		assert_memory_equal(s.p, want[n], s.n);
		n++;
	}
	assert_null(want[n]);
}
#define WORDS(...)                                                                                 \
	(const char *const[])                                                                      \
	{                                                                                          \
		__VA_ARGS__, NULL                                                                  \
	}

static void entrypoint_and_cmd_are_one_vector(void **state)
{
	struct world *w = *state;

	give(&w->image.entrypoint, WORDS("/bin/app", "a b; rm -rf $HOME"));
	give(&w->image.cmd, WORDS("--port", ""));
	make(w);
	expect_list(w->app.config.argv, WORDS("/bin/app", "a b; rm -rf $HOME", "--port", ""));
}

static void the_command_of_enclave_toml_replaces_both(void **state)
{
	struct world *w = *state;

	give(&w->image.entrypoint, WORDS("/bin/app"));
	give(&w->image.cmd, WORDS("x"));
	cfg_texts_push(&w->plan.config.app.command, "/bin/other");
	make(w);
	expect_list(w->app.config.argv, WORDS("/bin/other"));
}

static void nothing_to_start_is_refused_with_the_mend(void **state)
{
	struct world *w = *state;

	expect_fails(project_app_make(&w->plan, &w->image, w->tree, &w->app, &w->err), &w->err,
		     SS_EINPUT, "nothing to start: the image has neither Entrypoint nor Cmd");
	assert_non_null(strstr(w->err.hint, "[app] command"));
}

static void variables_are_replaced_by_name_and_a_path_is_always_there(void **state)
{
	struct world *w = *state;

	give(&w->image.cmd, WORDS("/x"));
	give(&w->image.env, WORDS("LOG=debug", "LOGIN=me", "A=1"));
	cfg_pairs_set(&w->plan.config.app.env, "LOG", "info");
	cfg_pairs_set(&w->plan.config.app.env, "B", "2=3");
	make(w);
	expect_list(w->app.config.env,
		    WORDS("LOGIN=me", "A=1", "B=2=3", "LOG=info",
			  "PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"));
}

static void an_images_own_path_stays(void **state)
{
	struct world *w = *state;

	give(&w->image.cmd, WORDS("/x"));
	give(&w->image.env, WORDS("PATH=/only"));
	make(w);
	expect_list(w->app.config.env, WORDS("PATH=/only"));
}

static void a_user_comes_with_its_groups(void **state)
{
	struct world *w = *state;
	struct mc_list groups;
	uint32_t gid = 0;

	give(&w->image.cmd, WORDS("/x"));
	w->image.user = ss_copy("web");
	make(w);
	assert_int_equal(w->app.config.uid, 1000);
	assert_int_equal(w->app.config.gid, 1001);
	groups = w->app.config.groups;
	assert_true(mc_next_uint(&groups, &gid));
	assert_int_equal(gid, 29);
	assert_false(mc_next_uint(&groups, &gid));
}

static void stop_signals_by_name_and_number(void **state)
{
	static const struct {
		const char *text;
		uint32_t number;
	} cases[] = { { "SIGQUIT", 3 }, { "USR1", 10 }, { "9", 9 }, { "64", 64 }, { "", 15 } };

	(void)state;
	for (size_t i = 0; i < SS_NELEMS(cases); i++) {
		void *one = NULL;
		struct world *w;

		assert_int_equal(set_up(&one), 0);
		w = one;
		give(&w->image.cmd, WORDS("/x"));
		w->image.stop_signal = ss_copy(cases[i].text);
		make(w);
		assert_int_equal(w->app.config.stop_signal, cases[i].number);
		(void)tear_down(&one);
	}
}

static void an_unknown_stop_signal_is_refused(void **state)
{
	struct world *w = *state;

	give(&w->image.cmd, WORDS("/x"));
	w->image.stop_signal = ss_copy("SIGNAL");
	expect_fails(project_app_make(&w->plan, &w->image, w->tree, &w->app, &w->err), &w->err,
		     SS_EINPUT, "stop signal 'SIGNAL' is none that Linux has");
}

static void a_relative_working_directory_is_refused(void **state)
{
	struct world *w = *state;

	give(&w->image.cmd, WORDS("/x"));
	w->image.workdir = ss_copy("srv");
	expect_fails(project_app_make(&w->plan, &w->image, w->tree, &w->app, &w->err), &w->err,
		     SS_EINPUT, "working directory 'srv' is not absolute");
}

static void what_enclave_toml_says_of_the_runtime_is_measured(void **state)
{
	static const char text[] =
		"app = { restart = 'always', stop_grace = 7, nsm = true }\n"
		"[[ingress]]\nport = 53\nproto = 'udp'\ntls = 'none'\n"
		"[[ingress]]\nport = 443\nto = 8080\ntls = 'passthrough'\nproxy = true\n"
		"[[ingress]]\nport = 8443\ntls = 'attested'\nhttp = true\nalpn = ['h2', 'x']\n"
		"[[secret]]\nname = 'A'\nfrom = 'sha256:" HEX64 "'\nrequired = true\n"
		"[[secret]]\nname = 'b'\nfrom = 'sha256:" HEX64 "'\nas = 'file'\n"
		"[egress]\nallow = ['a.b:1', '10.0.0.0/8:*']\n"
		"[health]\nhttp = '/well'\ninterval = 1\ntimeout = 2\n"
		"[logs]\nhost = true\n[clock]\nmax_slew_ms = 9\n";
	struct world *w = *state;
	struct mc_config *c = &w->app.config;
	struct mc_ingress in;
	struct mc_secret secret;
	struct mc_list secrets;

	cfg_enclave_done(&w->plan.config);
	expect_ok(cfg_enclave_read((struct ss_span){ (const uint8_t *)text, sizeof(text) - 1 },
				   &w->plan.config, &w->err),
		  &w->err);
	give(&w->image.cmd, WORDS("/bin/app"));
	make(w);
	assert_int_equal(c->restart, MC_RESTART_ALWAYS);
	assert_int_equal(c->grace_ms, 7000);
	assert_int_equal(c->clock_ms, 9);
	assert_true(c->nsm);
	assert_true(c->logs);
	assert_true(mc_next_ingress(&c->ingress, &in));
	assert_int_equal(in.port, 53);
	assert_int_equal(in.to, 53);
	assert_true(in.udp);
	assert_false(in.proxy);
	assert_true(mc_next_ingress(&c->ingress, &in));
	assert_int_equal(in.port, 443);
	assert_int_equal(in.to, 8080);
	assert_int_equal(in.tls, MC_TLS_PASSTHROUGH);
	assert_false(in.udp);
	assert_true(in.proxy);
	assert_false(in.http);
	assert_true(mc_next_ingress(&c->ingress, &in));
	assert_int_equal(in.tls, MC_TLS_ATTESTED);
	assert_true(in.http);
	expect_list(in.alpn, WORDS("h2", "x"));
	expect_list(c->egress, WORDS("a.b:1", "10.0.0.0/8:*"));
	secrets = c->secrets;
	assert_true(mc_next_secret(&secrets, &secret));
	assert_true(ss_is(secret.name, "A") && secret.required && !secret.file);
	assert_int_equal(secret.from.n, 32);
	assert_int_equal(secret.from.p[0], 0x0a);
	assert_true(mc_next_secret(&secrets, &secret));
	assert_true(ss_is(secret.name, "b") && !secret.required && secret.file);
	assert_false(mc_next_secret(&secrets, &secret));
	assert_int_equal(c->health.check, MC_CHECK_HTTP);
	assert_int_equal(c->health.port, 8080);
	assert_int_equal(c->health.interval_ms, 1000);
	assert_int_equal(c->health.timeout_ms, 2000);
	assert_int_equal(c->health.failures, 3);
	assert_int_equal(c->health.path.n, 5);
	assert_memory_equal(c->health.path.p, "/well", 5);
}

static void without_enclave_toml_nothing_is_checked_allowed_or_told(void **state)
{
	struct world *w = *state;

	give(&w->image.cmd, WORDS("/bin/app"));
	make(w);
	assert_int_equal(w->app.config.restart, MC_RESTART_NEVER);
	assert_int_equal(w->app.config.grace_ms, 10000);
	assert_int_equal(w->app.config.clock_ms, 0);
	assert_int_equal(w->app.config.health.check, MC_CHECK_NONE);
	assert_int_equal(w->app.config.health.port, 0);
	assert_int_equal(w->app.config.egress.n, 0);
	assert_int_equal(w->app.config.secrets.n, 0);
	assert_false(w->app.config.logs);
}

static void nitro_cli_ignores_the_entrypoint_as_the_original_does(void **state)
{
	struct world *w = *state;

	w->plan.layout = IMAGE_NITRO_CLI;
	give(&w->image.entrypoint, WORDS("/entry"));
	give(&w->image.cmd, WORDS("/cmd", "x"));
	give(&w->image.env, WORDS("A=1"));
	make(w);
	assert_int_equal(w->app.cmd_file.n, 7);
	assert_memory_equal(w->app.cmd_file.p, "/cmd\nx\n", 7);
	assert_memory_equal(w->app.env_file.p, "A=1\n", 4);
}

static void sources_of_a_file_are_relative_to_its_folder(void **state)
{
	static const struct {
		const char *dir;
		const char *source;
		const char *want;
	} cases[] = {
		{ "a/b", "oci:img:tag", "oci:a/b/img:tag" },
		{ "a", "rootfs-tar:/abs.tar", "rootfs-tar:/abs.tar" },
		{ ".", "dir:x", "dir:x" },
		{ "a", "docker-daemon:debian:12", "docker-daemon:debian:12" },
	};

	(void)state;
	for (size_t i = 0; i < SS_NELEMS(cases); i++) {
		AUTO_FREE char *got = project_source_below(cases[i].dir, cases[i].source);

		assert_string_equal(got, cases[i].want);
	}
}

int main(void)
{
#define TEST(f) cmocka_unit_test_setup_teardown(f, set_up, tear_down)
	const struct CMUnitTest tests[] = {
		TEST(entrypoint_and_cmd_are_one_vector),
		TEST(the_command_of_enclave_toml_replaces_both),
		TEST(nothing_to_start_is_refused_with_the_mend),
		TEST(variables_are_replaced_by_name_and_a_path_is_always_there),
		TEST(an_images_own_path_stays),
		TEST(a_user_comes_with_its_groups),
		TEST(stop_signals_by_name_and_number),
		TEST(an_unknown_stop_signal_is_refused),
		TEST(a_relative_working_directory_is_refused),
		TEST(what_enclave_toml_says_of_the_runtime_is_measured),
		TEST(without_enclave_toml_nothing_is_checked_allowed_or_told),
		TEST(nitro_cli_ignores_the_entrypoint_as_the_original_does),
		TEST(sources_of_a_file_are_relative_to_its_folder),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
