/* SPDX-License-Identifier: Apache-2.0 */
#include "base/mem.h"
#include "expect.h"
#include "fmt/cbor.h"
#include "fmt/egress.h"
#include "fmt/measured.h"

#include <stdio.h>
#include <string.h>

static struct ss_span text(const char *s)
{
	return (struct ss_span){ (const uint8_t *)s, strlen(s) };
}

/* A config with something in every list; the lists' bytes live as long as the group. */
struct sample {
	struct ss_buf argv, env, groups, alpn, ingress, egress, secrets, xattrs;
	struct mc_config c;
};

static struct mc_list list(const struct ss_buf *b, size_t n)
{
	return (struct mc_list){ .raw = ss_buf_span(b), .n = n };
}

static void sample_init(struct sample *s)
{
	static const uint8_t cap[] = { 1, 0, 0, 2 };
	static const uint8_t from[MC_SECRET_FROM] = { [31] = 9 };

	*s = (struct sample){ .argv = SS_BUF_INIT(4096),
			      .env = SS_BUF_INIT(4096),
			      .groups = SS_BUF_INIT(4096),
			      .alpn = SS_BUF_INIT(4096),
			      .ingress = SS_BUF_INIT(4096),
			      .egress = SS_BUF_INIT(4096),
			      .secrets = SS_BUF_INIT(4096),
			      .xattrs = SS_BUF_INIT(4096) };
	mc_put_string(&s->argv, text("/bin/hello"));
	mc_put_string(&s->argv, text("not\xff"
				     "utf8"));
	mc_put_string(&s->env, text("PATH=/bin"));
	mc_put_uint(&s->groups, 27);
	mc_put_uint(&s->groups, 1000);
	mc_put_string(&s->alpn, text("h2"));
	mc_put_string(&s->alpn, text("http/1.1"));
	mc_put_ingress(&s->ingress, &(struct mc_ingress){ .port = 443,
							  .to = 8080,
							  .tls = MC_TLS_ATTESTED,
							  .proxy = true,
							  .http = true,
							  .alpn = list(&s->alpn, 2) });
	mc_put_ingress(&s->ingress, &(struct mc_ingress){ .port = 443, .to = 53, .udp = true });
	mc_put_string(&s->egress, text("*.example.com:443"));
	mc_put_string(&s->egress, text("10.0.0.0/8:*"));
	mc_put_secret(&s->secrets, &(struct mc_secret){ .name = text("DB_PASSWORD"),
							.from = { from, sizeof(from) },
							.required = true });
	mc_put_secret(&s->secrets, &(struct mc_secret){ .name = text("tls_key"),
							.from = { from, sizeof(from) },
							.file = true });
	mc_put_xattr(&s->xattrs, text("rootfs/bin/ping"), text("security.capability"),
		     (struct ss_span){ cap, sizeof(cap) });
	s->c = (struct mc_config){ .version = MC_VERSION,
				   .entries = 3,
				   .bytes = 12345,
				   .pages = 4,
				   .argv = list(&s->argv, 2),
				   .env = list(&s->env, 1),
				   .cwd = text("/srv"),
				   .uid = 1000,
				   .gid = 1001,
				   .groups = list(&s->groups, 2),
				   .stop_signal = 15,
				   .new_privileges = false,
				   .nsm = true,
				   .ingress = list(&s->ingress, 2),
				   .egress = list(&s->egress, 2),
				   .secrets = list(&s->secrets, 2),
				   .health = { .check = MC_CHECK_HTTP,
					       .port = 8080,
					       .interval_ms = 10000,
					       .timeout_ms = 5000,
					       .failures = 3,
					       .path = text("/healthz?a=%20") },
				   .restart = MC_RESTART_ON_FAILURE,
				   .grace_ms = 2500,
				   .clock_ms = 250,
				   .logs = true,
				   .xattrs = list(&s->xattrs, 1) };
}

static void sample_done(struct sample *s)
{
	ss_buf_done(&s->argv);
	ss_buf_done(&s->env);
	ss_buf_done(&s->groups);
	ss_buf_done(&s->alpn);
	ss_buf_done(&s->ingress);
	ss_buf_done(&s->egress);
	ss_buf_done(&s->secrets);
	ss_buf_done(&s->xattrs);
}

static void assert_text(struct ss_span s, const char *want)
{
	assert_int_equal(s.n, strlen(want));
	assert_memory_equal(s.p, want, s.n);
}

static void measured_config_reads_back_what_was_written(void **state)
{
	SS_CLEANUP(sample_done) struct sample s = { 0 };
	AUTO_BUF struct ss_buf b = SS_BUF_INIT(MC_MAX_SIZE);
	struct mc_config c;
	struct mc_ingress in;
	struct mc_secret secret;
	struct ss_span one, two, three;
	struct ss_err err = { 0 };
	uint32_t group;

	(void)state;
	sample_init(&s);
	mc_write(&s.c, &b);
	expect_ok(mc_read(ss_buf_span(&b), &c, &err), &err);
	assert_int_equal(c.entries, 3);
	assert_int_equal(c.bytes, 12345);
	assert_int_equal(c.pages, 4);
	assert_int_equal(c.uid, 1000);
	assert_int_equal(c.gid, 1001);
	assert_int_equal(c.stop_signal, 15);
	assert_false(c.new_privileges);
	assert_true(c.nsm);
	assert_text(c.cwd, "/srv");
	assert_int_equal(c.argv.n, 2);
	assert_true(mc_next_string(&c.argv, &one));
	assert_text(one, "/bin/hello");
	assert_true(mc_next_string(&c.argv, &one));
	assert_text(one, "not\xff"
			 "utf8");
	assert_false(mc_next_string(&c.argv, &one));
	assert_true(mc_next_string(&c.env, &one));
	assert_text(one, "PATH=/bin");
	assert_true(mc_next_uint(&c.groups, &group));
	assert_true(mc_next_uint(&c.groups, &group));
	assert_int_equal(group, 1000);
	assert_false(mc_next_uint(&c.groups, &group));
	assert_true(mc_next_ingress(&c.ingress, &in));
	assert_int_equal(in.port, 443);
	assert_int_equal(in.to, 8080);
	assert_int_equal(in.tls, MC_TLS_ATTESTED);
	assert_false(in.udp);
	assert_true(in.proxy);
	assert_true(in.http);
	assert_true(mc_next_string(&in.alpn, &one));
	assert_text(one, "h2");
	assert_true(mc_next_string(&in.alpn, &one));
	assert_text(one, "http/1.1");
	assert_false(mc_next_string(&in.alpn, &one));
	assert_true(mc_next_ingress(&c.ingress, &in));
	assert_int_equal(in.port, 443);
	assert_int_equal(in.to, 53);
	assert_true(in.udp);
	assert_false(in.proxy);
	assert_false(in.http);
	assert_int_equal(in.alpn.n, 0);
	assert_false(mc_next_ingress(&c.ingress, &in));
	assert_true(mc_next_string(&c.egress, &one));
	assert_text(one, "*.example.com:443");
	assert_true(mc_next_string(&c.egress, &one));
	assert_text(one, "10.0.0.0/8:*");
	assert_false(mc_next_string(&c.egress, &one));
	assert_true(mc_next_secret(&c.secrets, &secret));
	assert_text(secret.name, "DB_PASSWORD");
	assert_int_equal(secret.from.n, 32);
	assert_int_equal(secret.from.p[31], 9);
	assert_true(secret.required);
	assert_false(secret.file);
	assert_true(mc_next_secret(&c.secrets, &secret));
	assert_text(secret.name, "tls_key");
	assert_false(secret.required);
	assert_true(secret.file);
	assert_false(mc_next_secret(&c.secrets, &secret));
	assert_int_equal(c.health.check, MC_CHECK_HTTP);
	assert_int_equal(c.health.port, 8080);
	assert_int_equal(c.health.interval_ms, 10000);
	assert_int_equal(c.health.timeout_ms, 5000);
	assert_int_equal(c.health.failures, 3);
	assert_text(c.health.path, "/healthz?a=%20");
	assert_int_equal(c.restart, MC_RESTART_ON_FAILURE);
	assert_int_equal(c.grace_ms, 2500);
	assert_int_equal(c.clock_ms, 250);
	assert_true(c.logs);
	assert_true(mc_next_xattr(&c.xattrs, &one, &two, &three));
	assert_text(one, "rootfs/bin/ping");
	assert_text(two, "security.capability");
	assert_int_equal(three.n, 4);
	assert_false(mc_next_xattr(&c.xattrs, &one, &two, &three));
}

static void measured_config_truncated_at_every_byte_is_refused(void **state)
{
	SS_CLEANUP(sample_done) struct sample s = { 0 };
	AUTO_BUF struct ss_buf b = SS_BUF_INIT(MC_MAX_SIZE);
	struct mc_config c;
	struct ss_err err = { 0 };

	(void)state;
	sample_init(&s);
	mc_write(&s.c, &b);
	for (size_t n = 0; n < b.n; n++) {
		AUTO_FREE uint8_t *copy = ss_calloc(n > 0 ? n : 1, 1);

		memcpy(copy, b.p, n);
		assert_int_equal(mc_read((struct ss_span){ copy, n }, &c, &err), -1);
		assert_int_equal(err.code, SS_EINPUT);
	}
}

/* Every other value of every byte: refused, or read as something that writes back to these bytes.
 */
static void measured_config_has_one_encoding_for_each_value(void **state)
{
	SS_CLEANUP(sample_done) struct sample s = { 0 };
	AUTO_BUF struct ss_buf b = SS_BUF_INIT(MC_MAX_SIZE);
	struct ss_err err = { 0 };

	(void)state;
	sample_init(&s);
	mc_write(&s.c, &b);
	for (size_t i = 0; i < b.n; i++) {
		const uint8_t was = b.p[i];

		for (unsigned v = 0; v < 256; v++) {
			AUTO_BUF struct ss_buf again = SS_BUF_INIT(MC_MAX_SIZE);
			struct mc_config c;

			b.p[i] = (uint8_t)v;
			if (mc_read(ss_buf_span(&b), &c, &err) < 0)
				continue;
			mc_write(&c, &again);
			assert_int_equal(again.n, b.n);
			assert_memory_equal(again.p, b.p, b.n);
		}
		b.p[i] = was;
	}
}

static int read_back(const struct mc_config *c, struct ss_err *err)
{
	AUTO_BUF struct ss_buf b = SS_BUF_INIT(2 * MC_MAX_SIZE);
	struct mc_config ignored;

	mc_write(c, &b);
	assert_false(b.bad);
	return mc_read(ss_buf_span(&b), &ignored, err);
}

static void expect_refused(const struct mc_config *c, enum ss_code code, const char *msg)
{
	struct ss_err err = { 0 };
	char *at;

	assert_int_equal(read_back(c, &err), -1);
	at = strstr(err.msg, ", at byte ");
	if (at != NULL)
		*at = '\0';
	expect_fails(-1, &err, code, msg);
}

static void expect_taken(const struct mc_config *c)
{
	struct ss_err err = { 0 };

	expect_ok(read_back(c, &err), &err);
}

static void measured_config_numbers_out_of_range_are_refused(void **state)
{
	SS_CLEANUP(sample_done) struct sample s = { 0 };
	struct mc_config c;

	(void)state;
	sample_init(&s);
	c = s.c;
	c.version = 2;
	expect_refused(&c, SS_EINPUT, "measured config: a version this runtime does not know");
	c = s.c;
	c.uid = MC_ID_MAX + 1;
	expect_refused(&c, SS_EINPUT, "measured config: an integer over its limit");
	c = s.c;
	c.gid = UINT32_MAX;
	expect_refused(&c, SS_EINPUT, "measured config: an integer over its limit");
	c = s.c;
	c.stop_signal = 0;
	expect_refused(&c, SS_EINPUT, "measured config: signal 0");
	c.stop_signal = 65;
	expect_refused(&c, SS_EINPUT, "measured config: an integer over its limit");
	c = s.c;
	c.pages = UINT64_MAX;
	expect_refused(&c, SS_EINPUT, "measured config: an integer over its limit");
	c = s.c;
	c.restart = (enum mc_restart)3;
	expect_refused(&c, SS_EINPUT, "measured config: an integer over its limit");
	c = s.c;
	c.grace_ms = MC_MAX_GRACE_MS;
	expect_taken(&c);
	c.grace_ms++;
	expect_refused(&c, SS_EINPUT, "measured config: an integer over its limit");
	c = s.c;
	c.clock_ms = MC_MAX_CLOCK_MS;
	expect_taken(&c);
	c.clock_ms++;
	expect_refused(&c, SS_EINPUT, "measured config: an integer over its limit");
}

static void expect_ingress_refused(const struct mc_config *from, const struct mc_ingress *in,
				   size_t n, const char *msg)
{
	AUTO_BUF struct ss_buf raw = SS_BUF_INIT(MC_MAX_SIZE);
	struct mc_config c = *from;

	for (size_t i = 0; i < n; i++)
		mc_put_ingress(&raw, &in[i]);
	c.ingress = list(&raw, n);
	if (msg == NULL)
		expect_taken(&c);
	else
		expect_refused(&c, SS_EINPUT, msg);
}

static void measured_config_secrets_that_cannot_come_are_refused(void **state)
{
	static const uint8_t from[MC_SECRET_FROM + 1];
	static const char longest[] =
		"_234567890123456789012345678901234567890123456789012345678901234";
	static const struct {
		const char *names[2];
		size_t n_from;
		const char *msg; /* NULL = taken */
	} cases[] = {
		{ { "A" }, 32, NULL },
		{ { longest }, 32, NULL },
		{ { "A", "B" }, 32, NULL },
		{ { "A", "A" }, 32, "measured config: two secrets of one name" },
		{ { "" }, 32, "measured config: a secret of no valid name" },
		{ { "1A" }, 32, "measured config: a secret of no valid name" },
		{ { "A-B" }, 32, "measured config: a secret of no valid name" },
		{ { "A/B" }, 32, "measured config: a secret of no valid name" },
		{ { "_2345678901234567890123456789012345678901234567890123456789012345" },
		  32,
		  "measured config: a secret of no valid name" },
		{ { "A" }, 31, "measured config: a secret's sender that is no SHA-256" },
		{ { "A" }, 33, "measured config: a secret's sender that is no SHA-256" },
	};
	SS_CLEANUP(sample_done) struct sample s = { 0 };

	(void)state;
	sample_init(&s);
	for (size_t i = 0; i < SS_NELEMS(cases); i++) {
		AUTO_BUF struct ss_buf raw = SS_BUF_INIT(MC_MAX_SIZE);
		size_t n = 0;

		for (; n < 2 && cases[i].names[n] != NULL; n++)
			mc_put_secret(&raw,
				      &(struct mc_secret){ .name = text(cases[i].names[n]),
							   .from = { from, cases[i].n_from } });
		s.c.secrets = list(&raw, n);
		if (cases[i].msg == NULL)
			expect_taken(&s.c);
		else
			expect_refused(&s.c, SS_EINPUT, cases[i].msg);
	}
}

static void measured_config_secrets_are_at_most_32(void **state)
{
	static const uint8_t from[MC_SECRET_FROM];
	SS_CLEANUP(sample_done) struct sample s = { 0 };
	AUTO_BUF struct ss_buf raw = SS_BUF_INIT(MC_MAX_SIZE);
	char name[24];

	(void)state;
	sample_init(&s);
	for (size_t n = 1; n <= MC_MAX_SECRETS + 1; n++) {
		(void)snprintf(name, sizeof(name), "A%zu", n);
		mc_put_secret(&raw, &(struct mc_secret){ .name = text(name),
							 .from = { from, sizeof(from) } });
		s.c.secrets = list(&raw, n);
		if (n <= MC_MAX_SECRETS)
			expect_taken(&s.c);
	}
	expect_refused(&s.c, SS_EINPUT, "measured config: too many secrets");
}

static void measured_config_ingresses_that_cannot_be_served_are_refused(void **state)
{
	static const struct {
		struct mc_ingress in[2];
		size_t n;
		const char *msg; /* NULL = taken */
	} cases[] = {
		{ { { .port = 0, .to = 1 } }, 1, "measured config: port 0" },
		{ { { .port = 1, .to = 0 } }, 1, "measured config: port 0" },
		{ { { .port = 8999, .to = 9000 } }, 1, NULL },
		{ { { .port = 9000, .to = 1 } }, 1, "measured config: a port that is reserved" },
		{ { { .port = 9015, .to = 1 } }, 1, "measured config: a port that is reserved" },
		{ { { .port = 9016, .to = 1 } }, 1, NULL },
		{ { { .port = 1, .to = 1, .tls = (enum mc_tls)3 } },
		  1,
		  "measured config: an integer over its limit" },
		{ { { .port = 1, .to = 1, .tls = MC_TLS_PASSTHROUGH, .udp = true } },
		  1,
		  "measured config: TLS over datagrams" },
		{ { { .port = 1, .to = 1 }, { .port = 1, .to = 2 } },
		  2,
		  "measured config: two ingresses for one port" },
		{ { { .port = 1, .to = 1, .udp = true }, { .port = 1, .to = 2, .udp = true } },
		  2,
		  "measured config: two ingresses for one port" },
		{ { { .port = 1, .to = 1 }, { .port = 1, .to = 1, .udp = true } }, 2, NULL },
	};
	SS_CLEANUP(sample_done) struct sample s = { 0 };
	struct mc_ingress many[MC_MAX_INGRESS + 1];

	(void)state;
	sample_init(&s);
	for (size_t i = 0; i < SS_NELEMS(cases); i++)
		expect_ingress_refused(&s.c, cases[i].in, cases[i].n, cases[i].msg);
	for (size_t i = 0; i < SS_NELEMS(many); i++)
		many[i] = (struct mc_ingress){ .port = (uint16_t)(i + 1), .to = 80 };
	expect_ingress_refused(&s.c, many, MC_MAX_INGRESS, NULL);
	expect_ingress_refused(&s.c, many, MC_MAX_INGRESS + 1,
			       "measured config: too many ingresses");
}

static void measured_config_protocols_are_names_where_tls_ends(void **state)
{
	static const struct {
		const char *name; /* NULL = none */
		size_t times;
		enum mc_tls tls;
		bool http;
		const char *msg; /* NULL = taken */
	} cases[] = {
		{ "h2", 16, MC_TLS_ATTESTED, true, NULL },
		{ "h2", 17, MC_TLS_ATTESTED, false, "measured config: too many protocols" },
		{ "", 1, MC_TLS_ATTESTED, false,
		  "measured config: a protocol's name that is none" },
		{ "selfsame/1", 1, MC_TLS_ATTESTED, false,
		  "measured config: a protocol's name that is none" },
		{ "selfsame/2", 1, MC_TLS_ATTESTED, false, NULL },
		{ "h2", 1, MC_TLS_PASSTHROUGH, false,
		  "measured config: protocols where no TLS ends" },
		{ NULL, 0, MC_TLS_NONE, true, "measured config: protocols where no TLS ends" },
		{ NULL, 0, MC_TLS_ATTESTED, false, NULL },
	};
	static const char longest[257] = { [0 ... 255] = 'a' };
	SS_CLEANUP(sample_done) struct sample s = { 0 };

	(void)state;
	sample_init(&s);
	for (size_t i = 0; i < SS_NELEMS(cases) + 2; i++) {
		AUTO_BUF struct ss_buf raw = SS_BUF_INIT(MC_MAX_SIZE);
		const bool is_long = i >= SS_NELEMS(cases);
		const size_t over = i - SS_NELEMS(cases);
		const size_t times = is_long ? 1 : cases[i].times;
		const struct mc_ingress in = { .port = 1,
					       .to = 1,
					       .tls = is_long ? MC_TLS_ATTESTED : cases[i].tls,
					       .http = !is_long && cases[i].http };
		struct mc_ingress with = in;

		for (size_t k = 0; k < times; k++)
			mc_put_string(&raw,
				      is_long ? text(longest + 1 - over) : text(cases[i].name));
		with.alpn = list(&raw, times);
		expect_ingress_refused(&s.c, &with, 1,
				       !is_long ? cases[i].msg
				       : over > 0
					       ? "measured config: a protocol's name that is none"
					       : NULL);
	}
}

static void measured_config_egress_rules_are_rules(void **state)
{
	SS_CLEANUP(sample_done) struct sample s = { 0 };
	AUTO_BUF struct ss_buf raw = SS_BUF_INIT(MC_MAX_SIZE);
	struct mc_config c;

	(void)state;
	sample_init(&s);
	mc_put_string(&raw, text("example.com"));
	c = s.c;
	c.egress = list(&raw, 1);
	expect_refused(&c, SS_EINPUT, "measured config: an egress rule that is none");
	raw.n = 0;
	for (size_t i = 0; i < EGRESS_MAX_RULES; i++)
		mc_put_string(&raw, text("a.b:1"));
	c.egress = list(&raw, EGRESS_MAX_RULES);
	expect_taken(&c);
	mc_put_string(&raw, text("a.b:1"));
	c.egress = list(&raw, EGRESS_MAX_RULES + 1);
	expect_refused(&c, SS_EINPUT, "measured config: too many egress rules");
}

static void measured_config_health_is_whole_or_absent(void **state)
{
	static const char half[] =
		"measured config: a health check that is neither whole nor absent";
	static const char path[] = "measured config: a health check of no valid path";
	SS_CLEANUP(sample_done) struct sample s = { 0 };
	AUTO_FREE uint8_t *big = ss_calloc(MC_MAX_PATH + 1, 1);
	struct mc_config c;

	(void)state;
	sample_init(&s);
	c = s.c;
	c.health = (struct mc_health){ 0 };
	expect_taken(&c);
	c.health.port = 1;
	expect_refused(&c, SS_EINPUT, half);
	c.health = (struct mc_health){ .path = text("/") };
	expect_refused(&c, SS_EINPUT, path);
	c.health = s.c.health;
	c.health.check = MC_CHECK_TCP;
	expect_refused(&c, SS_EINPUT, path);
	c.health.path = text("");
	expect_taken(&c);
	c.health.port = 0;
	expect_refused(&c, SS_EINPUT, half);
	c.health.port = 1;
	c.health.interval_ms = 0;
	expect_refused(&c, SS_EINPUT, half);
	c.health.interval_ms = MC_MAX_INTERVAL_MS;
	c.health.timeout_ms = 0;
	expect_refused(&c, SS_EINPUT, half);
	c.health.timeout_ms = MC_MAX_TIMEOUT_MS;
	c.health.failures = 0;
	expect_refused(&c, SS_EINPUT, half);
	c.health.failures = MC_MAX_FAILURES;
	expect_taken(&c);
	c.health.failures++;
	expect_refused(&c, SS_EINPUT, "measured config: an integer over its limit");
	c.health = s.c.health;
	c.health.interval_ms = MC_MAX_INTERVAL_MS + 1;
	expect_refused(&c, SS_EINPUT, "measured config: an integer over its limit");
	c.health = s.c.health;
	c.health.timeout_ms = MC_MAX_TIMEOUT_MS + 1;
	expect_refused(&c, SS_EINPUT, "measured config: an integer over its limit");
	c.health = s.c.health;
	memset(big, '/', MC_MAX_PATH + 1);
	c.health.path = (struct ss_span){ big, MC_MAX_PATH };
	expect_taken(&c);
	c.health.path.n++;
	expect_refused(&c, SS_EINPUT, path);
	for (const char *const *bad = (const char *const[]){ "", "healthz", "/a b", "/a\r\nX: y",
							     "/\x7f", "/\xc3\xa4", NULL };
	     *bad != NULL; bad++) {
		c.health.path = text(*bad);
		expect_refused(&c, SS_EINPUT, path);
	}
}

static void measured_config_strings_that_cannot_be_used_are_refused(void **state)
{
	SS_CLEANUP(sample_done) struct sample s = { 0 };
	AUTO_BUF struct ss_buf raw = SS_BUF_INIT(MC_MAX_SIZE);
	AUTO_FREE uint8_t *big = ss_calloc(MC_MAX_STRING, 1);
	struct ss_err err = { 0 };
	struct mc_config c;

	(void)state;
	sample_init(&s);
	c = s.c;
	c.argv = (struct mc_list){ .n = 0 };
	expect_refused(&c, SS_EINPUT, "measured config: no argument at all");
	mc_put_string(&raw, text(""));
	c.argv = list(&raw, 1);
	expect_refused(&c, SS_EINPUT, "measured config: an empty program name");
	raw.n = 0;
	mc_put_string(&raw, (struct ss_span){ (const uint8_t *)"a\0b", 3 });
	c.argv = list(&raw, 1);
	expect_refused(&c, SS_EINPUT, "measured config: a string with a NUL inside");
	raw.n = 0;
	memset(big, 'a', MC_MAX_STRING);
	mc_put_string(&raw, (struct ss_span){ big, MC_MAX_STRING - 1 });
	c.argv = list(&raw, 1);
	expect_ok(read_back(&c, &err), &err);
	raw.n = 0;
	mc_put_string(&raw, (struct ss_span){ big, MC_MAX_STRING });
	c.argv = list(&raw, 1);
	expect_refused(&c, SS_EINPUT, "measured config: a string over its limit");
	c = s.c;
	raw.n = 0;
	mc_put_string(&raw, text("=value"));
	c.env = list(&raw, 1);
	expect_refused(&c, SS_EINPUT,
		       "measured config: an environment entry that is not NAME=value");
	c = s.c;
	c.cwd = text("srv");
	expect_refused(&c, SS_EINPUT,
		       "measured config: a working directory that is not an absolute path");
}

static void measured_config_lists_over_their_limits_are_refused(void **state)
{
	SS_CLEANUP(sample_done) struct sample s = { 0 };
	AUTO_BUF struct ss_buf raw = SS_BUF_INIT(MC_MAX_SIZE);
	struct ss_err err = { 0 };
	struct mc_config c;

	(void)state;
	sample_init(&s);
	for (unsigned i = 0; i < MC_MAX_STRINGS - 1; i++)
		mc_put_string(&raw, text("a"));
	c = s.c;
	c.argv = list(&raw, MC_MAX_STRINGS - 1);
	expect_ok(read_back(&c, &err), &err);
	mc_put_string(&raw, text("a"));
	c.argv = list(&raw, MC_MAX_STRINGS);
	expect_refused(&c, SS_EINPUT,
		       "measured config: too many arguments and environment entries");
	raw.n = 0;
	for (unsigned i = 0; i < MC_MAX_GROUPS + 1; i++)
		mc_put_uint(&raw, i);
	c = s.c;
	c.groups = list(&raw, MC_MAX_GROUPS + 1);
	expect_refused(&c, SS_EINPUT, "measured config: too many groups");
	raw.n = 0;
	mc_put_xattr(&raw, text("../x"), text("security.capability"), text("v"));
	c = s.c;
	c.xattrs = list(&raw, 1);
	expect_refused(&c, SS_EINPUT, "measured config: an attribute of no valid name");
	raw.n = 0;
	mc_put_xattr(&raw, text("rootfs/x"), text("user.x"), text("v"));
	c.xattrs = list(&raw, 1);
	expect_refused(&c, SS_EINPUT, "measured config: an attribute that is not carried");
}

static void measured_config_over_its_size_is_refused_by_size(void **state)
{
	AUTO_FREE uint8_t *big = ss_calloc(MC_MAX_SIZE + 1, 1);
	struct mc_config c;
	struct ss_err err = { 0 };

	(void)state;
	expect_fails(mc_read((struct ss_span){ big, MC_MAX_SIZE + 1 }, &c, &err), &err, SS_ELIMIT,
		     "measured config: 1048577 bytes; the limit is 1048576");
}

static void memory_need_grows_with_every_part_and_never_wraps(void **state)
{
	const uint64_t base = mc_memory_need(4000000, 1000000, 100, 1000);

	(void)state;
	assert_true(mc_memory_need(4000001, 1000000, 100, 1000) > base);
	assert_true(mc_memory_need(4000000, 1000001, 100, 1000) > base);
	assert_true(mc_memory_need(4000000, 1000000, 101, 1000) > base);
	assert_true(mc_memory_need(4000000, 1000000, 100, 1001) > base);
	assert_true(base > 1000000 + mc_tree_need(100, 1000));
	assert_true(mc_memory_need(0, 0, UINT64_MAX, 0) == UINT64_MAX);
	assert_true(mc_memory_need(0, 0, 0, UINT64_MAX) == UINT64_MAX);
	assert_true(mc_memory_need(UINT64_MAX, 0, 0, 0) == UINT64_MAX);
	assert_true(mc_memory_need(0, UINT64_MAX, 0, 0) == UINT64_MAX);
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(measured_config_reads_back_what_was_written),
		cmocka_unit_test(measured_config_truncated_at_every_byte_is_refused),
		cmocka_unit_test(measured_config_has_one_encoding_for_each_value),
		cmocka_unit_test(measured_config_numbers_out_of_range_are_refused),
		cmocka_unit_test(measured_config_secrets_that_cannot_come_are_refused),
		cmocka_unit_test(measured_config_secrets_are_at_most_32),
		cmocka_unit_test(measured_config_ingresses_that_cannot_be_served_are_refused),
		cmocka_unit_test(measured_config_protocols_are_names_where_tls_ends),
		cmocka_unit_test(measured_config_egress_rules_are_rules),
		cmocka_unit_test(measured_config_health_is_whole_or_absent),
		cmocka_unit_test(measured_config_strings_that_cannot_be_used_are_refused),
		cmocka_unit_test(measured_config_lists_over_their_limits_are_refused),
		cmocka_unit_test(measured_config_over_its_size_is_refused_by_size),
		cmocka_unit_test(memory_need_grows_with_every_part_and_never_wraps),
	};

	return cmocka_run_group_tests_name("measured", tests, NULL, NULL);
}
