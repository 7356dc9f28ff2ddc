/* SPDX-License-Identifier: Apache-2.0 */
/*
 * nsm-mint: writes one attestation document to standard output, from the NSM of `selfsame run
 * --nsm-root` (src/launch/nsm_machine.h) without an enclave around it. For tests of whoever reads
 * documents; not part of the product.
 *
 * Exit status: 0; 1 the NSM refused; 2 usage; 4 the root cannot be used.
 */
#include "base/hex.h"
#include "io/clock.h"
#include "launch/nsm_machine.h"

#include <getopt.h>
#include <stdio.h>
#include <string.h>

#define EXTEND_MAX 2048u

struct opts {
	const char *root;
	int64_t time_s;
	struct nsm_machine_opts machine;
	struct nsm_attestation asked;
	uint8_t bytes[3][NSM_PUBLIC_KEY_MAX + 1]; /* of `asked` */
	uint32_t extend; /* a PCR above 15, and what extends and locks it */
	struct ss_span data;
	uint8_t data_bytes[EXTEND_MAX];
};

static int usage(void)
{
	(void)fprintf(stderr,
		      "usage: nsm-mint --root DIR [--time SECONDS] [--module ID] [--role ARN]\n"
		      "       [--instance ID] [--pcr N=HEX]... [--extend N=HEX] [--nonce HEX]\n"
		      "       [--user-data HEX] [--public-key HEX] >DOCUMENT\n");
	return 2;
}

static bool read_hex(const char *text, uint8_t *room, size_t size, struct ss_span *ret)
{
	const size_t n = strlen(text);

	if (n % 2 != 0 || n / 2 > size)
		return false;
	*ret = (struct ss_span){ room, n / 2 };
	return ss_unhex(text, room, n / 2);
}

/* "N=HEX" */
static bool read_pair(const char *text, uint32_t *ret_n, uint8_t *room, size_t size,
		      struct ss_span *ret)
{
	char *end;
	const unsigned long n = strtoul(text, &end, 10);

	*ret_n = (uint32_t)n;
	return end != text && *end == '=' && n < NSM_PCRS && read_hex(end + 1, room, size, ret);
}

static bool take_pcr(const char *text, struct opts *o)
{
	uint8_t value[NSM_PCR_SIZE];
	struct ss_span s;
	uint32_t n;

	if (!read_pair(text, &n, value, sizeof(value), &s) || s.n != NSM_PCR_SIZE)
		return false;
	memcpy(o->machine.pcrs[n], value, NSM_PCR_SIZE);
	return true;
}

static bool take(int c, struct opts *o)
{
	switch (c) {
	case 'd':
		o->root = optarg;
		return true;
	case 't':
		o->time_s = strtol(optarg, NULL, 10);
		return true;
	case 'm':
		o->machine.module_id = optarg;
		return true;
	case 'r':
		nsm_pcr_of_text(optarg, o->machine.pcrs[3]);
		return true;
	case 'i':
		nsm_pcr_of_text(optarg, o->machine.pcrs[4]);
		return true;
	case 'p':
		return take_pcr(optarg, o);
	case 'e':
		return read_pair(optarg, &o->extend, o->data_bytes, sizeof(o->data_bytes),
				 &o->data);
	case 'n':
		return read_hex(optarg, o->bytes[0], sizeof(o->bytes[0]), &o->asked.nonce);
	case 'u':
		return read_hex(optarg, o->bytes[1], sizeof(o->bytes[1]), &o->asked.user_data);
	case 'k':
		return read_hex(optarg, o->bytes[2], sizeof(o->bytes[2]), &o->asked.public_key);
	default:
		return false;
	}
}

static bool parse(int argc, char **argv, struct opts *o)
{
	static const struct option names[] = {
		{ "root", 1, NULL, 'd' },      { "time", 1, NULL, 't' },
		{ "module", 1, NULL, 'm' },    { "role", 1, NULL, 'r' },
		{ "instance", 1, NULL, 'i' },  { "pcr", 1, NULL, 'p' },
		{ "extend", 1, NULL, 'e' },    { "nonce", 1, NULL, 'n' },
		{ "user-data", 1, NULL, 'u' }, { "public-key", 1, NULL, 'k' },
		{ NULL, 0, NULL, 0 },
	};
	int c;

	while ((c = getopt_long(argc, argv, "", names, NULL)) != -1)
		if (!take(c, o))
			return false;
	return o->root != NULL && optind == argc;
}

/* The answer, read as the runtime reads it; complains if it is a no. */
static int call(struct nsm_machine *m, const struct ss_buf *request, uint64_t now_ms,
		struct ss_buf *answer)
{
	answer->n = 0;
	nsm_machine_answer(m, ss_buf_span(request), now_ms, answer);
	return answer->n > 0 ? 0 : -1;
}

static int mint(struct nsm_machine *m, const struct opts *o, struct ss_span *ret,
		struct ss_buf *answer, struct ss_err *err)
{
	const uint64_t now_ms = (uint64_t)o->time_s * 1000;
	AUTO_BUF struct ss_buf request = SS_BUF_INIT(NSM_MAX_REQUEST * 2);
	uint8_t value[NSM_PCR_SIZE];

	if (o->data.p != NULL) {
		nsm_put_extend_pcr(&request, o->extend, o->data);
		if (call(m, &request, now_ms, answer) < 0 ||
		    nsm_read_extend_pcr(ss_buf_span(answer), value, err) < 0)
			return -1;
		request.n = 0;
		nsm_put_lock_pcr(&request, o->extend);
		if (call(m, &request, now_ms, answer) < 0 ||
		    nsm_read_lock_pcr(ss_buf_span(answer), err) < 0)
			return -1;
		request.n = 0;
	}
	nsm_put_attestation(&request, &o->asked);
	if (call(m, &request, now_ms, answer) < 0)
		return -1;
	return nsm_read_attestation(ss_buf_span(answer), ret, err);
}

int main(int argc, char **argv)
{
	static uint8_t room[NSM_MAX_RESPONSE];
	static struct opts o;
	struct ss_buf answer = SS_BUF_OVER(room);
	struct nsm_root *root = NULL;
	struct nsm_machine *m = NULL;
	struct ss_err err = { 0 };
	struct ss_span document;
	int status = 4;

	o.time_s = io_clock_now();
	o.machine.module_id = "i-0123456789abcdef0-enc0123456789abcdef";
	if (!parse(argc, argv, &o))
		return usage();
	if (nsm_root_open(o.root, o.time_s, &root, &err) == 0) {
		o.machine.root = root;
		if (nsm_machine_new(&o.machine, o.time_s, &m, &err) == 0)
			status = mint(m, &o, &document, &answer, &err) == 0 ? 0 : 1;
	}
	if (status == 0 && fwrite(document.p, 1, document.n, stdout) != document.n)
		status = 4;
	if (err.code != SS_OK)
		(void)fprintf(stderr, "nsm-mint: %s\n", err.msg);
	nsm_machine_free(m);
	nsm_root_free(root);
	return status;
}
