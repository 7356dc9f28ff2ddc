/* SPDX-License-Identifier: Apache-2.0 */
#include "tree/edit.h"
#include "tree/store.h"

/*
 * The time in the header of *.gz and *.tgz (RFC 1952, 2.3.1) := 0, "no time is known", as gzip -n
 * writes it. Of several members only the first one's: where the next begins is known only by
 * unpacking. A header with a checksum of its own (FHCRC) is left alone.
 */
#define HEAD 10u
#define SMALLEST 20u /* header, an empty block, trailer */
#define TIME_AT 4u
#define FLAG_HCRC 2u
#define FLAGS_KNOWN 0x1fu

static int fix_one(struct tree *t, tree_id id, struct tree_normalised *n, struct ss_err *err)
{
	struct tree_edit e = tree_edit_init(t, id);
	uint8_t h[HEAD];

	if (e.size < SMALLEST)
		return 0;
	if (tree_edit_read(&e, 0, h, sizeof(h), err) < 0)
		return -1;
	if (h[0] != 0x1f || h[1] != 0x8b || h[2] != 8 || (h[3] & ~FLAGS_KNOWN) != 0)
		return 0;
	if ((h[4] | h[5] | h[6] | h[7]) == 0)
		return 0;
	if ((h[3] & FLAG_HCRC) != 0 || tree_is_vouched(t, id)) {
		n->kept++;
		return 0;
	}
	if (tree_edit_put(&e, TIME_AT, (const uint8_t[4]){ 0 }, 4, err) < 0)
		return -1;
	tree_edit_end(&e, n);
	return 0;
}

int tree_fix_gzip(struct tree *t, uint32_t epoch, struct tree_normalised *n, struct ss_err *err)
{
	(void)epoch;
	for (tree_id id = 1; id < t->n_names; id++)
		if ((tree_is_file_named(t, id, ".gz") || tree_is_file_named(t, id, ".tgz")) &&
		    fix_one(t, id, n, err) < 0)
			return -1;
	return 0;
}
