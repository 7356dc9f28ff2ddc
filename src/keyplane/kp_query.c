/* SPDX-License-Identifier: Apache-2.0 */
#include "keyplane/kp_query.h"

#include "keyplane/kp.h"

int kp_query(struct ss_span request, struct ss_span *ret, struct ss_err *err)
{
	static uint8_t room[NSM_MAX_RESPONSE];

	return kp_device_call(request, room, ret, err);
}

int kp_query_document(struct kp *k, struct ss_span request, struct ss_span *ret, struct ss_err *err)
{
	const uint64_t began = kp_now_ms();
	struct ss_span response;
	int rc = kp_query(request, &response, err);

	if (rc == 0)
		rc = nsm_read_attestation(response, ret, err);
	kp_nsm_called(&k->nsm, began, kp_now_ms());
	return rc;
}
