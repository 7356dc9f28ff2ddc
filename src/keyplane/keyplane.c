/* SPDX-License-Identifier: Apache-2.0 */
/*
 * keyplane as init starts it (runtime/key_start.h says with what). It has the TLS key until the
 * enclave ends; if it cannot start, it says why in one line and ends, and so does the enclave.
 */
#include "base/mem.h"
#include "keyplane/kp.h"
#include "keyplane/kp_seccomp.h"

#include <stdio.h>

enum { SAY_FD = 2, LINK_FD = 3, CONFIG_FD = 4, LOCAL_FD = 6, INIT_FD = 7 };

static struct kp plane;
static uint8_t config[MC_MAX_SIZE];
static struct kp_listener listeners[MC_MAX_INGRESS];

static int read_config(struct kp_start *s, struct ss_err *err)
{
	struct mc_config c;
	struct mc_ingress in;
	size_t have = 0;
	ssize_t n;

	while ((n = pread(CONFIG_FD, config + have, sizeof(config) - have, (off_t)have)) > 0)
		have += (size_t)n;
	if (n < 0)
		return ss_fail_sys(err, "cannot read the measured config");
	(void)close(CONFIG_FD);
	if (mc_read((struct ss_span){ config, have }, &c, err) < 0)
		return ss_ctx(err, "the measured config");
	while (mc_next_ingress(&c.ingress, &in))
		listeners[s->n_listeners++] = (struct kp_listener){
			.is_attested = in.tls == MC_TLS_ATTESTED, .http = in.http, .alpn = in.alpn
		};
	s->listeners = listeners;
	s->secrets = c.secrets;
	return 0;
}

/* Decimal digits, and nothing else. */
static int read_number(const char *p, uint64_t *ret, struct ss_err *err)
{
	uint64_t v = 0;

	if (*p == '\0')
		return ss_fail(err, SS_EUSAGE, "not started by init");
	for (; *p != '\0'; p++) {
		if (*p < '0' || *p > '9' || v > UINT64_MAX / 16)
			return ss_fail(err, SS_EUSAGE, "not started by init");
		v = v * 10 + (uint64_t)(*p - '0');
	}
	*ret = v;
	return 0;
}

static int run(int argc, char **argv, struct ss_err *err)
{
	struct kp_start s = { .link = LINK_FD, .local = LOCAL_FD, .init = INIT_FD, .keys = -1 };
	bool is_keys = false;
	uint64_t least_uid = 0;

	if (read_number(argc == 3 ? argv[1] : "", &s.memory, err) < 0 ||
	    read_number(argc == 3 ? argv[2] : "", &least_uid, err) < 0 || read_config(&s, err) < 0)
		return -1;
	s.least_uid = (uint32_t)least_uid;
	if (s.local >= 0 && kp_keys_part(&s.keys, &is_keys, err) < 0)
		return -1;
	if (is_keys) {
		if (kp_seccomp(err) < 0)
			return -1;
		kp_keys_serve(s.keys);
	}
	/* The key is born where nothing can be done with it but what it is for. */
	if (kp_start(&plane, &s, err) < 0 || kp_seccomp(err) < 0)
		return -1;
	return kp_run(&plane, err);
}

int main(int argc, char **argv)
{
	struct ss_err err = { 0 };
	char line[SS_ERR_MSG_MAX + 16];
	int n;

	if (run(argc, argv, &err) == 0)
		return 0;
	n = snprintf(line, sizeof(line), "keyplane: %s\n", err.msg);
	return n > 0 && write(SAY_FD, line, (size_t)n) == n ? 1 : 2;
}
