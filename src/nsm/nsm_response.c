/* SPDX-License-Identifier: Apache-2.0 */
#include "base/show.h"
#include "fmt/cbor.h"
#include "nsm/nsm.h"

#include <string.h>

static bool is_text(struct ss_span s, const char *text)
{
	return s.n == strlen(text) && memcmp(s.p, text, s.n) == 0;
}

static struct cbor_in open_response(struct ss_span in)
{
	return cbor_in_init(in, CBOR_ANY_WIDTH | CBOR_INDEFINITE);
}

/* {"Error": "Reason"}: true if that is what `in` is, with the reason in *err. */
static bool is_refusal(struct ss_span in, struct ss_err *err)
{
	struct cbor_in r = open_response(in);
	struct cbor_seq m = cbor_map(&r);
	struct ss_span key, reason;

	if (!cbor_more(&r, &m))
		return false;
	key = cbor_tstr(&r);
	reason = cbor_tstr(&r);
	if (!is_text(key, "Error") || cbor_more(&r, &m) || cbor_end(&r, "NSM response", err) < 0)
		return false;
	ss_err_set(err, SS_EREMOTE, "the NSM refuses: %s", SS_SHOW(reason));
	return true;
}

/* A bare text: what the requests answer that have nothing to tell. */
static int read_word(struct ss_span in, const char *name, struct ss_err *err)
{
	struct cbor_in r = open_response(in);

	if (is_refusal(in, err))
		return -1;
	if (!is_text(cbor_tstr(&r), name))
		cbor_refuse(&r, "not the answer to what was asked");
	return cbor_end(&r, "NSM response", err);
}

/* {"Name": {…}}: the reader stands inside, at the first key. */
struct answer {
	struct cbor_in in;
	struct cbor_seq outer;
	struct cbor_seq inner;
	unsigned seen; /* bit i: the i-th key of `keys` came */
};

static int answer_open(struct ss_span in, const char *name, struct answer *ret, struct ss_err *err)
{
	struct answer a = { .in = open_response(in) };

	if (is_refusal(in, err))
		return -1;
	a.outer = cbor_map(&a.in);
	if (cbor_more(&a.in, &a.outer) && !is_text(cbor_tstr(&a.in), name))
		cbor_refuse(&a.in, "not the answer to what was asked");
	a.inner = cbor_map(&a.in);
	*ret = a;
	return 0;
}

/* The next key's place in `keys`, or -1 when there are no more. Unknown ones and repeats latch. */
static int answer_key(struct answer *a, const char *const *keys, size_t n)
{
	struct ss_span key;

	if (!cbor_more(&a->in, &a->inner))
		return -1;
	key = cbor_tstr(&a->in);
	for (size_t i = 0; i < n; i++) {
		if (!is_text(key, keys[i]))
			continue;
		if ((a->seen & 1u << i) != 0)
			cbor_refuse(&a->in, "a key comes twice");
		a->seen |= 1u << i;
		return (int)i;
	}
	cbor_refuse(&a->in, "an unknown key");
	return -1;
}

static int answer_close(struct answer *a, size_t n, struct ss_err *err)
{
	if (a->seen != (1u << n) - 1)
		cbor_refuse(&a->in, "a key is missing");
	if (cbor_more(&a->in, &a->outer))
		cbor_refuse(&a->in, "more than one answer");
	return cbor_end(&a->in, "NSM response", err);
}

/* {"Name": {"key": bstr}} */
static int read_one_bstr(struct ss_span in, const char *name, const char *key, struct ss_span *ret,
			 struct ss_err *err)
{
	struct ss_span s = { NULL, 0 };
	struct answer a;

	if (answer_open(in, name, &a, err) < 0)
		return -1;
	while (answer_key(&a, &key, 1) == 0)
		s = cbor_bstr(&a.in);
	if (answer_close(&a, 1, err) < 0)
		return -1;
	*ret = s;
	return 0;
}

static void read_pcr_value(struct cbor_in *in, uint8_t ret[NSM_PCR_SIZE])
{
	const struct ss_span s = cbor_bstr(in);

	if (s.n == NSM_PCR_SIZE)
		memcpy(ret, s.p, NSM_PCR_SIZE);
	else
		cbor_refuse(in, "a PCR that is not 48 bytes");
}

static uint32_t read_locked(struct cbor_in *in)
{
	struct cbor_seq s;
	uint32_t locked = 0;

	for (s = cbor_array(in); cbor_more(in, &s);)
		locked |= 1u << cbor_uint_max(in, NSM_PCRS - 1);
	return locked;
}

int nsm_read_describe_nsm(struct ss_span in, struct nsm_description *ret, struct ss_err *err)
{
	static const char *const keys[] = { "version_major", "version_minor", "version_patch",
					    "module_id",     "max_pcrs",      "locked_pcrs",
					    "digest" };
	struct nsm_description d = { 0 };
	struct answer a;
	int key;

	if (answer_open(in, "DescribeNSM", &a, err) < 0)
		return -1;
	while ((key = answer_key(&a, keys, SS_NELEMS(keys))) >= 0) {
		if (key < 3)
			d.version[key] = (uint16_t)cbor_uint_max(&a.in, UINT16_MAX);
		else if (key == 3)
			d.module_id = cbor_tstr(&a.in);
		else if (key == 4)
			d.max_pcrs = (uint16_t)cbor_uint_max(&a.in, NSM_PCRS);
		else if (key == 5)
			d.locked = read_locked(&a.in);
		else
			d.digest = cbor_tstr(&a.in);
	}
	if (d.module_id.n == 0 || d.module_id.n > NSM_MAX_MODULE_ID)
		cbor_refuse(&a.in, "a module id of 0 or over 128 bytes");
	if (!is_text(d.digest, "SHA384"))
		cbor_refuse(&a.in, "a digest that is not SHA384");
	if (answer_close(&a, SS_NELEMS(keys), err) < 0)
		return -1;
	*ret = d;
	return 0;
}

int nsm_read_get_random(struct ss_span in, struct ss_span *ret, struct ss_err *err)
{
	struct ss_span s;

	if (read_one_bstr(in, "GetRandom", "random", &s, err) < 0)
		return -1;
	if (s.n == 0 || s.n > NSM_MAX_RANDOM)
		return ss_fail(err, SS_EINPUT, "NSM response: %zu random bytes; 1 to %u can be",
			       s.n, NSM_MAX_RANDOM);
	*ret = s;
	return 0;
}

int nsm_read_describe_pcr(struct ss_span in, struct nsm_pcr *ret, struct ss_err *err)
{
	static const char *const keys[] = { "lock", "data" };
	struct nsm_pcr p = { 0 };
	struct answer a;
	int key;

	if (answer_open(in, "DescribePCR", &a, err) < 0)
		return -1;
	while ((key = answer_key(&a, keys, SS_NELEMS(keys))) >= 0) {
		if (key == 0)
			p.locked = cbor_bool(&a.in);
		else
			read_pcr_value(&a.in, p.value);
	}
	if (answer_close(&a, SS_NELEMS(keys), err) < 0)
		return -1;
	*ret = p;
	return 0;
}

int nsm_read_extend_pcr(struct ss_span in, uint8_t ret[NSM_PCR_SIZE], struct ss_err *err)
{
	struct ss_span s;

	if (read_one_bstr(in, "ExtendPCR", "data", &s, err) < 0)
		return -1;
	if (s.n != NSM_PCR_SIZE)
		return ss_fail(err, SS_EINPUT, "NSM response: a PCR of %zu bytes", s.n);
	memcpy(ret, s.p, NSM_PCR_SIZE);
	return 0;
}

int nsm_read_lock_pcr(struct ss_span in, struct ss_err *err)
{
	return read_word(in, "LockPCR", err);
}

int nsm_read_lock_pcrs(struct ss_span in, struct ss_err *err)
{
	return read_word(in, "LockPCRs", err);
}

int nsm_read_attestation(struct ss_span in, struct ss_span *ret_document, struct ss_err *err)
{
	return read_one_bstr(in, "Attestation", "document", ret_document, err);
}
