/* SPDX-License-Identifier: Apache-2.0 */
#include "launch/nsm_machine.h"

#include "base/text.h"
#include "io/entropy.h"
#include "nsm/nsm_serve.h"

#include <string.h>

#define BOOT_LOCKED UINT32_C(0xffff)

struct nsm_machine {
	char module_id[NSM_MAX_MODULE_ID + 1];
	const struct nsm_root *root;
	struct nsm_chain *chain;
	uint8_t pcrs[NSM_PCRS][NSM_PCR_SIZE];
	uint32_t locked;
};

/* The value of a register with `old` in it after `data`. */
static void extend(const uint8_t old[NSM_PCR_SIZE], struct ss_span data, uint8_t ret[NSM_PCR_SIZE])
{
	AUTO_HASH struct crypto_hash *h = crypto_hash_new(CRYPTO_SHA384);

	crypto_hash_put(h, (struct ss_span){ old, NSM_PCR_SIZE });
	crypto_hash_put(h, data);
	crypto_hash_end(h, ret);
}

void nsm_pcr_of_text(const char *s, uint8_t ret[NSM_PCR_SIZE])
{
	static const uint8_t zeros[NSM_PCR_SIZE];

	extend(zeros, ss_text(s), ret);
}

/* A chain that lives at `now` and for a while after. */
static int renew(struct nsm_machine *m, int64_t now, struct ss_err *err)
{
	struct nsm_chain *next;

	if (m->chain != NULL && now >= m->chain->not_before &&
	    now <= m->chain->not_after - NSM_RENEW_S)
		return 0;
	if (nsm_chain_new(m->root, m->module_id, now, &next, err) < 0)
		return -1;
	nsm_chain_free(m->chain);
	m->chain = next;
	return 0;
}

int nsm_machine_new(const struct nsm_machine_opts *o, int64_t now, struct nsm_machine **ret,
		    struct ss_err *err)
{
	const size_t n = strlen(o->module_id);
	struct nsm_machine *m;

	if (n == 0 || n > NSM_MAX_MODULE_ID)
		return ss_fail(err, SS_ELIMIT, "a module id of %zu bytes; 1 to %u can be", n,
			       NSM_MAX_MODULE_ID);
	m = ss_calloc(1, sizeof(*m));
	memcpy(m->module_id, o->module_id, n);
	memcpy(m->pcrs, o->pcrs, sizeof(m->pcrs));
	m->root = o->root;
	m->locked = BOOT_LOCKED;
	if (renew(m, now, err) < 0) {
		nsm_machine_free(m);
		return -1;
	}
	*ret = m;
	return 0;
}

void nsm_machine_free(struct nsm_machine *m)
{
	if (m == NULL)
		return;
	nsm_chain_free(m->chain);
	free(m);
}

/* --- the answers ----------------------------------------------------------------------------- */

static void describe(const struct nsm_machine *m, struct ss_buf *ret)
{
	const struct nsm_description d = { .version = { 1, 0, 0 },
					   .module_id = ss_text(m->module_id),
					   .max_pcrs = NSM_PCRS,
					   .locked = m->locked,
					   .digest = ss_text("SHA384") };

	nsm_answer_describe_nsm(ret, &d);
}

static void get_random(struct ss_buf *ret)
{
	uint8_t bytes[NSM_MAX_RANDOM];

	io_entropy(bytes, sizeof(bytes));
	nsm_answer_bytes(ret, NSM_GET_RANDOM, (struct ss_span){ bytes, sizeof(bytes) });
	crypto_wipe(bytes, sizeof(bytes));
}

/* What has an index, which is in range. */
static void on_pcr(struct nsm_machine *m, const struct nsm_request *r, struct ss_buf *ret)
{
	const uint32_t bit = UINT32_C(1) << r->index;
	struct nsm_pcr p = { .locked = (m->locked & bit) != 0 };
	uint8_t next[NSM_PCR_SIZE];

	if (r->call == NSM_DESCRIBE_PCR) {
		memcpy(p.value, m->pcrs[r->index], NSM_PCR_SIZE);
		nsm_answer_describe_pcr(ret, &p);
		return;
	}
	if (p.locked) {
		nsm_answer_error(ret, NSM_READ_ONLY_INDEX);
		return;
	}
	if (r->call == NSM_LOCK_PCR) {
		m->locked |= bit;
		nsm_answer_done(ret, NSM_LOCK_PCR);
		return;
	}
	extend(m->pcrs[r->index], r->data, next);
	memcpy(m->pcrs[r->index], next, NSM_PCR_SIZE);
	nsm_answer_bytes(ret, NSM_EXTEND_PCR, (struct ss_span){ next, NSM_PCR_SIZE });
}

static void lock_range(struct nsm_machine *m, uint16_t range, struct ss_buf *ret)
{
	m->locked |= (uint32_t)((UINT64_C(1) << range) - 1);
	nsm_answer_done(ret, NSM_LOCK_PCRS);
}

static void attest(struct nsm_machine *m, const struct nsm_attestation *a, uint64_t now_ms,
		   struct ss_buf *ret)
{
	AUTO_BUF struct ss_buf doc = SS_BUF_INIT(NSM_MAX_RESPONSE);
	const struct nsm_document d = { .module_id = m->module_id,
					.timestamp_ms = now_ms,
					.which = m->locked,
					.pcrs = (const uint8_t(*)[NSM_PCR_SIZE])m->pcrs,
					.asked = *a };
	struct ss_err err = { 0 };

	if (a->user_data.n > NSM_USER_DATA_MAX || a->nonce.n > NSM_NONCE_MAX ||
	    a->public_key.n > NSM_PUBLIC_KEY_MAX)
		nsm_answer_error(ret, NSM_INPUT_TOO_LARGE);
	else if (a->public_key.p != NULL && a->public_key.n == 0)
		nsm_answer_error(ret, NSM_INVALID_ARGUMENT);
	else if (renew(m, (int64_t)(now_ms / 1000), &err) < 0 ||
		 nsm_document_write(&d, m->chain, &doc, &err) < 0)
		nsm_answer_error(ret, NSM_INTERNAL_ERROR);
	else
		nsm_answer_bytes(ret, NSM_ATTESTATION, ss_buf_span(&doc));
}

static void act(struct nsm_machine *m, const struct nsm_request *r, uint64_t now_ms,
		struct ss_buf *ret)
{
	switch (r->call) {
	case NSM_DESCRIBE_NSM:
		describe(m, ret);
		return;
	case NSM_GET_RANDOM:
		get_random(ret);
		return;
	case NSM_ATTESTATION:
		attest(m, &r->attestation, now_ms, ret);
		return;
	case NSM_LOCK_PCRS:
		if (r->index <= NSM_PCRS)
			lock_range(m, r->index, ret);
		else
			nsm_answer_error(ret, NSM_INVALID_INDEX);
		return;
	case NSM_DESCRIBE_PCR:
	case NSM_EXTEND_PCR:
	case NSM_LOCK_PCR:
		if (r->index < NSM_PCRS)
			on_pcr(m, r, ret);
		else
			nsm_answer_error(ret, NSM_INVALID_INDEX);
		return;
	}
}

void nsm_machine_answer(struct nsm_machine *m, struct ss_span request, uint64_t now_ms,
			struct ss_buf *ret)
{
	AUTO_BUF struct ss_buf answer = SS_BUF_INIT(NSM_MAX_RESPONSE);
	struct nsm_request r;
	struct ss_err err = { 0 };

	if (request.n > NSM_MAX_REQUEST)
		nsm_answer_error(&answer, NSM_INPUT_TOO_LARGE);
	else if (nsm_request_read(request, &r, &err) < 0)
		nsm_answer_error(&answer, NSM_INVALID_OPERATION);
	else
		act(m, &r, now_ms, &answer);
	if (answer.n > ret->max) {
		answer.n = 0;
		nsm_answer_error(&answer, NSM_BUFFER_TOO_SMALL);
	}
	ss_buf_put(ret, ss_buf_span(&answer));
	if (answer.n > 0)
		crypto_wipe(answer.p, answer.n);
}
