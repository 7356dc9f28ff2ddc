/* SPDX-License-Identifier: Apache-2.0 */
/*
 * usage: keyplane-host --link FD [--local FD] [--least-uid N] [--memory BYTES] --root DIR
 *                      [--pcr N=HEX]... [--pcr16 TEXT] [--slow MS]
 *                      [--init FD] [--secret NAME,SHA256,env|file]...
 *                      [--listener none|attested|http[,ALPN]...]...
 *
 * keyplane on the host, for tests and the bench: the same sources as in the enclave, with an NSM of
 * our own below the test root in DIR. PCR16 is extended by TEXT; --slow lets a call take so long.
 */
#include "base/hex.h"
#include "base/mem.h"
#include "base/text.h"
#include "io/clock.h"
#include "keyplane/kp.h"
#include "keyplane/kp_device.h"
#include "launch/nsm_machine.h"

#include <stdio.h>
#include <string.h>
#include <unistd.h>

static struct kp plane;
static struct nsm_machine *machine;
static unsigned slow_ms;

static uint8_t alpn_room[MC_MAX_INGRESS][1024];

uint64_t kp_now_ms(void)
{
	return io_clock_steady_ms();
}

int kp_device_call(struct ss_span request, uint8_t *room, struct ss_span *ret, struct ss_err *err)
{
	AUTO_BUF struct ss_buf answer = SS_BUF_INIT(NSM_MAX_RESPONSE);

	nsm_machine_answer(machine, request, (uint64_t)io_clock_now() * 1000u, &answer);
	if (answer.bad || answer.n == 0)
		return ss_fail(err, SS_ESYS, "the NSM says nothing");
	if (slow_ms > 0)
		(void)usleep(slow_ms * 1000u);
	memcpy(room, answer.p, answer.n);
	*ret = (struct ss_span){ room, answer.n };
	return 0;
}

static uint8_t secrets_room[MC_MAX_SECRETS * 128];

/* "NAME,SHA256,env" */
static int read_secret(char *text, struct ss_buf *raw, struct kp_start *s, struct ss_err *err)
{
	char *save = NULL;
	const char *name = strtok_r(text, ",", &save), *hex = strtok_r(NULL, ",", &save);
	const char *as = strtok_r(NULL, ",", &save);
	uint8_t from[MC_SECRET_FROM];

	if (as == NULL || !ss_unhex(hex, from, sizeof(from)))
		return ss_fail(err, SS_EUSAGE, "--secret");
	mc_put_secret(raw, &(struct mc_secret){ .name = ss_text(name),
						.from = { from, sizeof(from) },
						.file = strcmp(as, "file") == 0 });
	s->secrets.raw = ss_buf_span(raw);
	s->secrets.n++;
	return 0;
}

/* "http,h2,http/1.1" */
static int read_listener(char *text, struct kp_start *s, struct kp_listener *all,
			 struct ss_err *err)
{
	struct kp_listener *l = &all[s->n_listeners];
	struct ss_buf raw = SS_BUF_OVER(alpn_room[0]);
	char *save = NULL;
	const char *word = strtok_r(text, ",", &save);

	if (s->n_listeners == MC_MAX_INGRESS || word == NULL)
		return ss_fail(err, SS_EUSAGE, "--listener");
	raw.p = alpn_room[s->n_listeners];
	*l = (struct kp_listener){ .is_attested = strcmp(word, "none") != 0,
				   .http = strcmp(word, "http") == 0 };
	while ((word = strtok_r(NULL, ",", &save)) != NULL) {
		mc_put_string(&raw, (struct ss_span){ (const uint8_t *)word, strlen(word) });
		l->alpn.n++;
	}
	l->alpn.raw = ss_buf_span(&raw);
	s->listeners = all;
	s->n_listeners++;
	return 0;
}

static int read_pcr(const char *text, struct nsm_machine_opts *o, struct ss_err *err)
{
	char *hex = NULL;
	const unsigned long i = strtoul(text, &hex, 10);

	if (i >= NSM_PCRS || *hex != '=' || strlen(hex + 1) != (size_t)2 * NSM_PCR_SIZE)
		return ss_fail(err, SS_EUSAGE, "--pcr '%s'", text);
	for (size_t n = 0; n < NSM_PCR_SIZE; n++) {
		char two[3] = { hex[1 + 2 * n], hex[2 + 2 * n], 0 };

		o->pcrs[i][n] = (uint8_t)strtoul(two, NULL, 16);
	}
	return 0;
}

static int start_machine(const char *dir, struct nsm_machine_opts *o, struct ss_err *err)
{
	static struct nsm_root *root;

	if (nsm_root_open(dir, io_clock_now(), &root, err) < 0)
		return -1;
	o->root = root;
	o->module_id = "i-0123456789abcdef0-enc0123456789abcdef";
	return nsm_machine_new(o, io_clock_now(), &machine, err);
}

/* As init does. */
static int extend(const char *text, struct ss_err *err)
{
	static uint8_t room[NSM_MAX_RESPONSE];
	AUTO_BUF struct ss_buf request = SS_BUF_INIT(NSM_MAX_REQUEST);
	struct ss_span answer;
	uint8_t value[NSM_PCR_SIZE];

	nsm_put_extend_pcr(&request, 16, (struct ss_span){ (const uint8_t *)text, strlen(text) });
	if (kp_device_call(ss_buf_span(&request), room, &answer, err) < 0 ||
	    nsm_read_extend_pcr(answer, value, err) < 0)
		return -1;
	request.n = 0;
	nsm_put_lock_pcr(&request, 16);
	return kp_device_call(ss_buf_span(&request), room, &answer, err) < 0
		       ? -1
		       : nsm_read_lock_pcr(answer, err);
}

static int run(int argc, char **argv, struct ss_err *err)
{
	static struct kp_listener listeners[MC_MAX_INGRESS];
	struct ss_buf secrets = SS_BUF_OVER(secrets_room);
	struct kp_start s = {
		.link = -1, .init = -1, .local = -1, .keys = -1, .memory = 512u << 20
	};
	bool is_keys = false;
	struct nsm_machine_opts o = { 0 };
	const char *root = NULL, *pcr16 = NULL;

	for (int i = 1; i + 1 < argc; i += 2) {
		char *v = argv[i + 1];

		if (strcmp(argv[i], "--link") == 0)
			s.link = (int)strtoul(v, NULL, 10);
		else if (strcmp(argv[i], "--local") == 0)
			s.local = (int)strtoul(v, NULL, 10);
		else if (strcmp(argv[i], "--init") == 0)
			s.init = (int)strtoul(v, NULL, 10);
		else if (strcmp(argv[i], "--secret") == 0 && read_secret(v, &secrets, &s, err) < 0)
			return -1;
		else if (strcmp(argv[i], "--least-uid") == 0)
			s.least_uid = (uint32_t)strtoul(v, NULL, 10);
		else if (strcmp(argv[i], "--memory") == 0)
			s.memory = strtoull(v, NULL, 10);
		else if (strcmp(argv[i], "--slow") == 0)
			slow_ms = (unsigned)strtoul(v, NULL, 10);
		else if (strcmp(argv[i], "--root") == 0)
			root = v;
		else if (strcmp(argv[i], "--pcr16") == 0)
			pcr16 = v;
		else if (strcmp(argv[i], "--listener") == 0 &&
			 read_listener(v, &s, listeners, err) < 0)
			return -1;
		else if (strcmp(argv[i], "--pcr") == 0 && read_pcr(v, &o, err) < 0)
			return -1;
	}
	if (root == NULL || s.link < 0)
		return ss_fail(err, SS_EUSAGE, "--link and --root are needed");
	if (s.local >= 0 && kp_keys_part(&s.keys, &is_keys, err) < 0)
		return -1;
	if (is_keys)
		kp_keys_serve(s.keys);
	if (start_machine(root, &o, err) < 0 || (pcr16 != NULL && extend(pcr16, err) < 0) ||
	    kp_start(&plane, &s, err) < 0)
		return -1;
	return kp_run(&plane, err);
}

int main(int argc, char **argv)
{
	struct ss_err err = { 0 };

	if (run(argc, argv, &err) < 0)
		(void)fprintf(stderr, "keyplane: %s\n", err.msg);
	return 1;
}
