/* SPDX-License-Identifier: Apache-2.0 */
#include "base/mem.h"
#include "fmt/egress.h"
#include "fmt/measured.h"

#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void walk(struct mc_config c)
{
	struct ss_span a, b, v;
	struct mc_ingress in;
	struct mc_secret secret;
	uint32_t id;
	size_t n = 0;

	while (mc_next_string(&c.argv, &a))
		n += a.n;
	while (mc_next_string(&c.env, &a))
		n += a.n;
	while (mc_next_uint(&c.groups, &id))
		if (id > MC_ID_MAX)
			abort();
	while (mc_next_ingress(&c.ingress, &in))
		if (in.port == 0 || in.to == 0 || mc_is_reserved(in.port) ||
		    (in.udp && in.tls != MC_TLS_NONE))
			abort();
	while (mc_next_string(&c.egress, &a)) {
		struct egress_rule rule;
		struct ss_err err;

		if (egress_rule_read(a, &rule, &err) < 0)
			abort();
	}
	while (mc_next_secret(&c.secrets, &secret))
		if (!mc_is_secret_name(secret.name) || secret.from.n != MC_SECRET_FROM)
			abort();
	if ((c.health.check == MC_CHECK_NONE) != (c.health.port == 0) ||
	    (c.health.check == MC_CHECK_HTTP) != mc_is_path(c.health.path))
		abort();
	while (mc_next_xattr(&c.xattrs, &a, &b, &v))
		n += a.n + b.n + v.n;
	if (n > MC_MAX_SIZE || c.argv.raw.n + c.env.raw.n + c.xattrs.raw.n != 0)
		abort();
}

/* What is taken writes back to the same bytes; what is refused says why. */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	AUTO_BUF struct ss_buf out = SS_BUF_INIT(MC_MAX_SIZE);
	struct mc_config c;
	struct ss_err err = { 0 };

	if (mc_read((struct ss_span){ data, size }, &c, &err) < 0) {
		if (err.code == SS_OK || err.msg[0] == '\0')
			abort();
		return 0;
	}
	walk(c);
	mc_write(&c, &out);
	if (out.n != size || memcmp(out.p, data, size) != 0)
		abort();
	return 0;
}
