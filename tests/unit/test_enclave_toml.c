/* SPDX-License-Identifier: Apache-2.0 */
#include "config/enclave_toml.h"
#include "expect.h"
#include "io/file.h"

#include <dirent.h>
#include <string.h>

static const char *fixtures; /* tests/config */

static void path_of(const char *name, char ret[4096])
{
	(void)snprintf(ret, 4096, "%s/%s", fixtures, name);
}

static void every_key_of_a_full_file_is_read(void **state)
{
	struct cfg_enclave c;
	const struct cfg_ingress *in;
	const struct cfg_secret *secrets;
	struct ss_err err = { 0 };
	char path[4096];

	(void)state;
	path_of("full.toml", path);
	expect_ok(cfg_enclave_load(path, &c, &err), &err);
	assert_string_equal(c.name, "hello");
	assert_string_equal(c.version, "1.2");
	assert_string_equal(c.dockerfile, "Dockerfile");
	assert_string_equal(c.context, ".");
	assert_string_equal(c.arch, "aarch64");
	assert_int_equal(c.epoch_kind, CFG_EPOCH_COMMIT);
	assert_int_equal(c.app.command.n, 3);
	assert_string_equal(c.app.command.v[2], "8080");
	assert_null(c.app.command.v[3]);
	assert_string_equal(c.app.user, "1000:1000");
	assert_string_equal(c.app.workdir, "/srv");
	assert_string_equal(c.app.stop_signal, "SIGINT");
	assert_string_equal(c.app.env.v[0].key, "EMPTY");
	assert_string_equal(cfg_pairs_get(&c.app.env, "LOG"), "info");
	assert_null(cfg_pairs_get(&c.app.env, "NOTHING"));
	assert_true(c.app.new_privileges);
	assert_false(c.app.nsm);
	assert_string_equal(c.build.args.v[0].key, "A");
	assert_string_equal(c.build.target, "final");
	assert_string_equal(cfg_pairs_get(&c.build.secrets, "token"), "secret/token");
	assert_string_equal(c.build.platform, "linux/arm64");
	assert_string_equal(c.build.engine, "buildah");
	assert_true(c.build.keep_modes);
	assert_true(c.build.hermetic);
	assert_true(c.build.hermetic_asked);
	assert_string_equal(c.build.unrecorded.v[0], "db.example.com:5432");
	assert_string_equal(c.build.local.v[1], "[::1]:80");
	assert_int_equal(c.build.processors, 16);
	assert_string_equal(c.build.trust, "variables");
	assert_int_equal(c.build.allow_keys.n, 2);
	assert_string_equal(c.build.allow_keys.v[1], "/etc/test-keys/");
	assert_string_equal(c.normalize.off.v[0], "apt-logs");
	assert_string_equal(c.normalize.on.v[0], "tmp");
	assert_int_equal(c.normalize.on.n + c.normalize.off.n, 2);
	assert_int_equal(c.app.restart, CFG_RESTART_ON_FAILURE);
	assert_int_equal(c.app.stop_grace, 30);
	assert_int_equal(c.ingress.n, 3);
	in = c.ingress.v;
	assert_int_equal(in[0].port, 443);
	assert_int_equal(in[0].to, 8080);
	assert_int_equal(in[0].tls, CFG_TLS_ATTESTED);
	assert_string_equal(in[0].alpn.v[0], "http/1.1");
	assert_true(in[0].http);
	assert_int_equal(in[1].to, 0);
	assert_int_equal(in[1].tls, CFG_TLS_NONE);
	assert_false(in[0].udp);
	assert_false(in[0].proxy);
	assert_true(in[1].proxy);
	assert_true(in[2].udp);
	assert_int_equal(c.secrets.n, 2);
	secrets = c.secrets.v;
	assert_string_equal(secrets[0].name, "DB_PASSWORD");
	assert_memory_equal(secrets[0].from, "sha256:0011", 11);
	assert_true(secrets[0].required);
	assert_false(secrets[0].file);
	assert_string_equal(secrets[1].name, "tls_key");
	assert_false(secrets[1].required);
	assert_true(secrets[1].file);
	assert_int_equal(c.egress.n, 4);
	assert_string_equal(c.egress.v[3], "10.0.0.0/8:*");
	assert_string_equal(c.health.http, "/healthz");
	assert_false(c.health.tcp);
	assert_int_equal(c.health.port, 8080); /* of the first ingress */
	assert_int_equal(c.health.interval, 20);
	assert_int_equal(c.health.timeout, 2);
	assert_int_equal(c.health.failures, 4);
	assert_true(c.logs);
	assert_int_equal(c.max_slew_ms, 500);
	assert_int_equal(c.memory_mib, 512);
	assert_int_equal(c.cpus, 2);
	assert_string_equal(c.certificate, "cert.pem");
	assert_string_equal(c.key, "key.pem");
	cfg_enclave_done(&c);
}

static void an_empty_file_has_defaults_that_no_host_decides(void **state)
{
	struct cfg_enclave c;
	struct ss_err err = { 0 };

	(void)state;
	expect_ok(cfg_enclave_read((struct ss_span){ NULL, 0 }, &c, &err), &err);
	assert_null(c.name);
	assert_string_equal(c.dockerfile, "Dockerfile");
	assert_string_equal(c.context, ".");
	assert_string_equal(c.arch, "x86_64");
	assert_int_equal(c.epoch_kind, CFG_EPOCH_UNSET);
	assert_int_equal(c.ingress.n, 0);
	assert_int_equal(c.app.restart, CFG_RESTART_NEVER);
	assert_int_equal(c.app.stop_grace, 10);
	assert_int_equal(c.egress.n, 0);
	assert_int_equal(c.secrets.n, 0);
	assert_null(c.health.http);
	assert_false(c.health.tcp);
	assert_false(c.logs);
	assert_true(c.build.hermetic);
	assert_false(c.build.hermetic_asked);
	assert_int_equal(c.max_slew_ms, 0);
	cfg_enclave_done(&c);
}

static int read_text(const char *text, struct cfg_enclave *ret, struct ss_err *err)
{
	return cfg_enclave_read((struct ss_span){ (const uint8_t *)text, strlen(text) }, ret, err);
}

static void a_health_check_goes_to_the_first_ingress_for_tcp(void **state)
{
	static const struct {
		const char *text;
		uint64_t port;
	} cases[] = {
		{ "[health]\ntcp = true\n[[ingress]]\nport = 53\nproto = 'udp'\ntls = 'none'\n"
		  "[[ingress]]\nport = 80\nproto = 'tcp'\ntls = 'none'\n"
		  "[[ingress]]\nport = 443\nto = 81\ntls = 'none'\n",
		  80 },
		{ "[[ingress]]\nport = 443\nto = 81\ntls = 'none'\n[health]\nhttp = '/'\n", 81 },
		{ "[[ingress]]\nport = 443\ntls = 'none'\n[health]\nhttp = '/'\nport = 9000\n",
		  9000 },
	};

	(void)state;
	for (size_t i = 0; i < SS_NELEMS(cases); i++) {
		struct cfg_enclave c;
		struct ss_err err = { 0 };

		expect_ok(read_text(cases[i].text, &c, &err), &err);
		assert_int_equal(c.health.port, cases[i].port);
		assert_int_equal(c.health.interval, 10);
		assert_int_equal(c.health.timeout, 5);
		assert_int_equal(c.health.failures, 3);
		cfg_enclave_done(&c);
	}
}

/* The first line of each should-fail-*.toml is a comment with the message. */
static void each_bad_file_is_refused_with_its_line_and_reason(void **state)
{
	DIR *d = opendir(fixtures);
	size_t n = 0;

	(void)state;
	assert_non_null(d);
	for (const struct dirent *e = readdir(d); e != NULL; e = readdir(d)) {
		AUTO_BUF struct ss_buf b = SS_BUF_INIT(4096);
		struct cfg_enclave c;
		struct ss_err err = { 0 };
		char path[4096], want[256];

		if (strncmp(e->d_name, "should-fail-", 12) != 0)
			continue;
		path_of(e->d_name, path);
		expect_ok(io_load_file(path, &b, &err), &err);
		(void)snprintf(want, sizeof(want), "%.*s",
			       (int)(strcspn((const char *)b.p, "\n") - 2), (const char *)b.p + 2);
		expect_fails(cfg_enclave_read(ss_buf_span(&b), &c, &err), &err, SS_EINPUT, want);
		n++;
	}
	(void)closedir(d);
	assert_int_equal(n, 80);
}

static void a_file_that_is_not_there_is_named(void **state)
{
	struct cfg_enclave c;
	struct ss_err err = { 0 };

	(void)state;
	expect_fails(cfg_enclave_load("/nowhere/enclave.toml", &c, &err), &err, SS_ESYS,
		     "cannot open '/nowhere/enclave.toml': No such file or directory");
}

static void lists_are_bounded(void **state)
{
	AUTO_BUF struct ss_buf b = SS_BUF_INIT(65536);
	struct cfg_enclave c;
	struct ss_err err = { 0 };
	char text[64];

	(void)state;
	for (int i = 1; i <= 65; i++) {
		(void)snprintf(text, sizeof(text), "[[ingress]]\nport = %d\ntls = 'none'\n", i);
		ss_buf_put(&b, (struct ss_span){ (const uint8_t *)text, strlen(text) });
	}
	expect_fails(cfg_enclave_read(ss_buf_span(&b), &c, &err), &err, SS_ELIMIT,
		     "line 1: 'ingress' has 65 elements; the limit is 64");
	b.n = 0;
	for (int i = 1; i <= 33; i++) {
		(void)snprintf(text, sizeof(text), "[[secret]]\nname = 'A%d'\nfrom = 'sha256:", i);
		ss_buf_put(&b, (struct ss_span){ (const uint8_t *)text, strlen(text) });
		for (int k = 0; k < 64; k++)
			ss_buf_put(&b, (struct ss_span){ (const uint8_t *)"0", 1 });
		ss_buf_put(&b, (struct ss_span){ (const uint8_t *)"'\n", 2 });
	}
	expect_fails(cfg_enclave_read(ss_buf_span(&b), &c, &err), &err, SS_ELIMIT,
		     "line 1: 'secret' has 33 elements; the limit is 32");
}

static void every_key_is_documented(void **state)
{
	AUTO_BUF struct ss_buf b = SS_BUF_INIT(1 << 20);
	struct ss_err err = { 0 };
	char path[4096];

	(void)state;
	path_of("../../docs/formats/enclave-toml.md", path);
	expect_ok(io_load_file(path, &b, &err), &err);
	ss_buf_put(&b, (struct ss_span){ (const uint8_t *)"", 1 });
	for (const struct cfg_field *f = cfg_enclave_fields; f->key != NULL; f++) {
		char row[96];

		(void)snprintf(row, sizeof(row), "`%s`", f->key);
		for (const struct cfg_field *g = f->fields; g != NULL && g->key != NULL; g++) {
			(void)snprintf(row, sizeof(row), "`%s.%s`", f->key, g->key);
			if (strstr((const char *)b.p, row) == NULL)
				fail_msg("%s is not documented", row);
		}
		if (f->fields == NULL && strstr((const char *)b.p, row) == NULL)
			fail_msg("%s is not documented", row);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(every_key_of_a_full_file_is_read),
		cmocka_unit_test(an_empty_file_has_defaults_that_no_host_decides),
		cmocka_unit_test(a_health_check_goes_to_the_first_ingress_for_tcp),
		cmocka_unit_test(each_bad_file_is_refused_with_its_line_and_reason),
		cmocka_unit_test(a_file_that_is_not_there_is_named),
		cmocka_unit_test(lists_are_bounded),
		cmocka_unit_test(every_key_is_documented),
	};

	fixtures = getenv("FIXTURES");
	assert_non_null(fixtures);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
