/* SPDX-License-Identifier: Apache-2.0 */
#include "measured_sample.h"

#include "base/mem.h"

#include <string.h>

struct ss_span text(const char *s)
{
	return (struct ss_span){ (const uint8_t *)s, strlen(s) };
}

struct mc_list list(const struct ss_buf *b, size_t n)
{
	return (struct mc_list){ .raw = ss_buf_span(b), .n = n };
}

void sample_init(struct sample *s)
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

void sample_done(struct sample *s)
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

static int read_back(const struct mc_config *c, struct ss_err *err)
{
	AUTO_BUF struct ss_buf b = SS_BUF_INIT(2 * MC_MAX_SIZE);
	struct mc_config ignored;

	mc_write(c, &b);
	assert_false(b.bad);
	return mc_read(ss_buf_span(&b), &ignored, err);
}

void expect_refused(const struct mc_config *c, enum ss_code code, const char *msg)
{
	struct ss_err err = { 0 };
	char *at;

	assert_int_equal(read_back(c, &err), -1);
	at = strstr(err.msg, ", at byte ");
	if (at != NULL)
		*at = '\0';
	expect_fails(-1, &err, code, msg);
}

void expect_taken(const struct mc_config *c)
{
	struct ss_err err = { 0 };

	expect_ok(read_back(c, &err), &err);
}
