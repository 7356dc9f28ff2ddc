/* SPDX-License-Identifier: Apache-2.0 */
#include "keyplane/kp_count.h"

#include "keyplane/kp.h"

void kp_count(struct kp *k, enum kp_count which)
{
	k->counts.n[which]++;
	k->counts.is_due = true;
}

void kp_count_status(struct kp *k, unsigned status)
{
	static const struct {
		unsigned status;
		enum kp_count which;
	} rows[] = {
		{ 400, KP_N_FORM },  { 403, KP_N_SENDER }, { 404, KP_N_PATH }, { 405, KP_N_METHOD },
		{ 409, KP_N_TAKEN }, { 413, KP_N_SIZE },   { 431, KP_N_HEAD }, { 503, KP_N_BUSY },
	};

	for (size_t i = 0; i < SS_NELEMS(rows); i++)
		if (rows[i].status == status)
			kp_count(k, rows[i].which);
}

void kp_counts_tell(struct kp *k)
{
	const struct ss_span all = { (const uint8_t *)k->counts.n, sizeof(k->counts.n) };

	if (k->counts.is_due)
		k->counts.is_due =
			!kp_tell_text(k, &(struct kp_link_head){ .type = KP_LINK_COUNTS }, all);
}
