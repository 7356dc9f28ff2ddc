/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What dataplane says to keyplane over their pair, no descriptor with it: messages, each a byte of
 * its kind, two of its length, and the message itself. kind 0: as it stands; else a whole message
 * of type `kind` with that text. A message that is none is the end of trust; every question has one
 * answer, which is of the right type and says what a model of our own says: a request for names
 * whose own signature holds, a chain that is taken only whole, in order and for our key.
 */
#include "base/mem.h"
#include "crypto/issue.h"
#include "keyplane/kp.h"
#include "keyplane/kp_device.h"
#include "keyplane/kp_link.h"
#include "keyplane/kp_loop.h"

#include <openssl/x509.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

struct model {
	uint8_t chain[KP_MAX_CHAIN];
	size_t n;
};

static struct kp k;
static struct model model;
static int dataplane;

static void must(bool good)
{
	if (!good)
		abort();
}

/* Time stands still, and there is no NSM. */
uint64_t kp_now_ms(void)
{
	return 1000;
}

int kp_device_call(struct ss_span request, uint8_t *room, struct ss_span *ret, struct ss_err *err)
{
	(void)request, (void)room, (void)ret;
	return ss_fail(err, SS_ESYS, "no NSM");
}

static void begin(void)
{
	struct ss_err err = { 0 };
	int pair[2];

	if (k.tls == NULL) {
		static const uint8_t entropy[64];

		must(kp_tls_new((struct ss_span){ entropy, sizeof(entropy) }, &k.tls, &err) == 0);
		kp_conns_init(&k.conns, UINT64_C(1) << 29);
	}
	must(socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair) == 0);
	dataplane = pair[0];
	must(kp_loop_init(&k, &err) == 0 && kp_tell_init(&k, pair[1], &err) == 0);
	k.chain = (struct ss_buf)SS_BUF_INIT(KP_MAX_CHAIN);
	model.n = 0;
}

static void end(void)
{
	(void)close(dataplane);
	(void)close(k.link.w.fd);
	(void)close(k.epoll_fd);
	free(k.link.queue);
	ss_buf_done(&k.chain);
}

/* --- what must come of it -------------------------------------------------------------------- */

static uint32_t be32(const uint8_t *p)
{
	return (uint32_t)p[0] << 24 | (uint32_t)p[1] << 16 | (uint32_t)p[2] << 8 | p[3];
}

/* Only the first certificate says whose chain it is: OpenSSL reads them one by one. */
static enum frame_said judge_whole(void)
{
	const uint8_t *p = model.chain;
	const struct ss_span spki = kp_tls_spki(k.tls);
	bool is_ours = false;
	size_t n = 0;

	for (; p < model.chain + model.n; n++) {
		X509 *x = n < KP_MAX_CHAIN_CERTS ? d2i_X509(NULL, &p, model.chain + model.n - p)
						 : NULL;
		uint8_t *der = NULL;
		int size;

		if (x == NULL)
			return n == KP_MAX_CHAIN_CERTS ? FRAME_CHAIN_LIMIT : FRAME_CHAIN_FORM;
		size = n == 0 ? i2d_X509_PUBKEY(X509_get_X509_PUBKEY(x), &der) : 0;
		if (size > 0)
			is_ours = (size_t)size == spki.n && memcmp(der, spki.p, spki.n) == 0;
		OPENSSL_free(der);
		X509_free(x);
	}
	return is_ours ? FRAME_CHAIN_TAKEN : FRAME_CHAIN_KEY;
}

static enum frame_said judge_part(struct ss_span text)
{
	const uint32_t offset = text.n > 8 ? be32(text.p) : 0;
	const uint32_t total = text.n > 8 ? be32(text.p + 4) : 0;
	const size_t n = text.n - 8;

	if (text.n <= 8)
		return FRAME_CHAIN_FORM;
	if (total > KP_MAX_CHAIN)
		return FRAME_CHAIN_LIMIT;
	if (offset == 0)
		model.n = 0;
	if (offset != model.n || offset > total || n > total - offset)
		return FRAME_CHAIN_ORDER;
	memcpy(model.chain + model.n, text.p + 8, n);
	model.n += n;
	return model.n < total ? FRAME_CHAIN_GOES_ON : judge_whole();
}

static void judge_chain(struct ss_span text, struct ss_span before, unsigned said)
{
	const enum frame_said want = judge_part(text);

	/* A leaf of ours that OpenSSL will not serve is of a form that is none. */
	must(said == want || (want == FRAME_CHAIN_TAKEN && said == FRAME_CHAIN_FORM));
	if (said == FRAME_CHAIN_TAKEN)
		must(kp_tls_chain(k.tls).n == model.n &&
		     memcmp(kp_tls_chain(k.tls).p, model.chain, model.n) == 0);
	else
		must(kp_tls_chain(k.tls).n == before.n &&
		     memcmp(kp_tls_chain(k.tls).p, before.p, before.n) == 0);
	if (said != FRAME_CHAIN_GOES_ON)
		model.n = 0;
}

static void judge_csr(struct ss_span names, struct ss_span der)
{
	AUTO_BUF struct ss_buf pem = SS_BUF_INIT((size_t)64 * 1024);
	struct ss_err err = { 0 };

	must((der.n > 0) == frame_is_names(names));
	must(der.n <= FRAME_MAX_CSR);
	must(der.n == 0 || crypto_request_put_pem(der, &pem, &err) == 0);
}

/* --- one message ----------------------------------------------------------------------------- */

static struct {
	struct kp_link_head head;
	uint8_t text[KP_LINK_MAX_TEXT];
} out, in;

static bool is_message(size_t n)
{
	return n >= sizeof(out.head) && out.head.n_text == n - sizeof(out.head) &&
	       out.head.zero == 0 &&
	       (out.head.type == KP_LINK_NO_APP || out.head.type == KP_LINK_CSR_ASK ||
		out.head.type == KP_LINK_CHAIN);
}

/* The answer is the last of what comes; lines for the log are before it. */
static void read_answer(struct ss_span text, struct ss_span before)
{
	unsigned answers = 0;
	ssize_t n;

	while ((n = recv(dataplane, &in, sizeof(in), MSG_DONTWAIT)) > 0) {
		must((size_t)n >= sizeof(in.head) && in.head.zero == 0 &&
		     in.head.n_text == (size_t)n - sizeof(in.head));
		if (in.head.type == KP_LINK_SAY)
			continue;
		answers++;
		if (out.head.type == KP_LINK_CSR_ASK) {
			must(in.head.type == KP_LINK_CSR);
			judge_csr(text, (struct ss_span){ in.text, in.head.n_text });
		} else {
			must(in.head.type == KP_LINK_CHAIN_SAID && in.head.n_text == 0);
			judge_chain(text, before, in.head.a);
		}
	}
	must(answers == (out.head.type == KP_LINK_NO_APP ? 0 : 1));
}

/* -1: the enclave would have ended. */
static int say(size_t n)
{
	const struct ss_span chain = kp_tls_chain(k.tls);
	AUTO_FREE uint8_t *was = ss_calloc(chain.n, 1);
	struct ss_err err = { 0 };

	memcpy(was, chain.p, chain.n);
	must(send(dataplane, &out, n, MSG_DONTWAIT) == (ssize_t)n);
	if (kp_link_event(&k, EPOLLIN, &err) < 0) {
		must(!is_message(n) && err.msg[0] != '\0');
		return -1;
	}
	must(is_message(n));
	read_answer((struct ss_span){ out.text, out.head.n_text },
		    (struct ss_span){ was, chain.n });
	return 0;
}

/* Where a chain has the key of a certificate on P-256, it gets ours: nobody else has it. */
static void put_our_key(uint8_t *p, size_t n)
{
	static const uint8_t begin_of_spki[] = { 0x30, 0x59, 0x30, 0x13, 0x06, 0x07, 0x2a,
						 0x86, 0x48, 0xce, 0x3d, 0x02, 0x01 };
	const struct ss_span spki = kp_tls_spki(k.tls);
	uint8_t *at = memmem(p, n, begin_of_spki, sizeof(begin_of_spki));

	if (at != NULL && n - (size_t)(at - p) >= spki.n)
		memcpy(at, spki.p, spki.n);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct ss_cur c = ss_cur_init((struct ss_span){ data, size });

	begin();
	while (ss_cur_left(&c) > 0) {
		const uint8_t kind = ss_cur_u8(&c);
		const size_t left = ss_cur_be16(&c);
		struct ss_span s = ss_cur_take(&c, left < ss_cur_left(&c) ? left : ss_cur_left(&c));
		size_t n = s.n;

		if (c.bad || n > sizeof(out.text) || (kind == 0 && n == 0))
			break;
		memset(&out.head, 0, sizeof(out.head));
		if (kind == 0) {
			memcpy(&out, s.p, n);
		} else {
			out.head.type = kind;
			out.head.n_text = (uint32_t)n;
			if (n > 0)
				memcpy(out.text, s.p, n);
			if (kind == KP_LINK_CHAIN)
				put_our_key(out.text, n);
			n += sizeof(out.head);
		}
		if (say(n) < 0)
			break;
	}
	end();
	return 0;
}
