/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A message for a KMS recipient. What is refused says why; what is taken, OpenSSL's CMS reads to
 * its end too, and finds the same recipient, algorithms and content in it.
 */
#include "fmt/cms.h"

#include <openssl/cms.h>
#include <openssl/err.h>
#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void must(bool good)
{
	if (!good)
		abort();
}

static void same(const ASN1_STRING *theirs, struct ss_span ours)
{
	must(theirs != NULL && (size_t)ASN1_STRING_length(theirs) == ours.n);
	must(ours.n == 0 || memcmp(ASN1_STRING_get0_data(theirs), ours.p, ours.n) == 0);
}

static void judge_recipient(CMS_ContentInfo *c, const struct cms_envelope *e)
{
	STACK_OF(CMS_RecipientInfo) *all = CMS_get0_RecipientInfos(c);
	CMS_RecipientInfo *ri;
	ASN1_OCTET_STRING *id = NULL;
	X509_ALGOR *algor = NULL;
	const ASN1_OBJECT *oid = NULL;

	must(all != NULL && sk_CMS_RecipientInfo_num(all) == 1);
	ri = sk_CMS_RecipientInfo_value(all, 0);
	must(CMS_RecipientInfo_type(ri) == CMS_RECIPINFO_TRANS);
	must(CMS_RecipientInfo_ktri_get0_signer_id(ri, &id, NULL, NULL) == 1);
	same(id, e->id);
	must(CMS_RecipientInfo_ktri_get0_algs(ri, NULL, NULL, &algor) == 1);
	X509_ALGOR_get0(&oid, NULL, NULL, algor);
	must(OBJ_obj2nid(oid) == NID_rsaesOaep);
}

static void judge(struct ss_span s, const struct cms_envelope *e, const struct ss_buf *content)
{
	const unsigned char *p = s.p;
	CMS_ContentInfo *c = d2i_CMS_ContentInfo(NULL, &p, (long)s.n);

	must(c != NULL && p == s.p + s.n);
	must(OBJ_obj2nid(CMS_get0_type(c)) == NID_pkcs7_enveloped);
	must(OBJ_obj2nid(CMS_get0_eContentType(c)) == NID_pkcs7_data);
	judge_recipient(c, e);
	same(*CMS_get0_content(c), ss_buf_span(content));
	CMS_ContentInfo_free(c);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	const struct ss_span s = { data, size };
	AUTO_BUF struct ss_buf content = SS_BUF_INIT(CMS_MAX_MESSAGE);
	struct cms_envelope e = { 0 };
	struct ss_err err = { 0 };

	if (cms_envelope_read(s, &e, &content, &err) < 0) {
		must(err.code == (size > CMS_MAX_MESSAGE ? SS_ELIMIT : SS_EINPUT));
		must(strncmp(err.msg, "CMS: ", 5) == 0);
		return 0;
	}
	must(e.iv.n == CMS_BLOCK && e.n_key <= CMS_MAX_KEY && e.id.n <= CMS_MAX_ID);
	must(content.n > 0 && content.n % CMS_BLOCK == 0 && content.n < size);
	judge(s, &e, &content);
	return 0;
}
