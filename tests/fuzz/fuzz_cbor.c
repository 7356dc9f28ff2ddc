/* SPDX-License-Identifier: Apache-2.0 */
#include "base/mem.h"
#include "fmt/cbor.h"

#include <cbor.h>
#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* libcbor 0.8 refuses the tags 6 to 20, COSE's 18 among them. */
static bool may_hold_unknown_tag(struct ss_span item)
{
	for (size_t i = 0; i < item.n; i++)
		if (item.p[i] >= 0xc6 && item.p[i] <= 0xd4)
			return true;
	return false;
}

/* What we take, libcbor takes with the same end; in strict form it also writes the same bytes. */
static void judge(struct ss_span item, bool strict)
{
	struct cbor_load_result r;
	cbor_item_t *tree = cbor_load(item.p, item.n, &r);
	unsigned char *again = NULL;
	size_t cap, n;

	if (tree == NULL && may_hold_unknown_tag(item))
		return;
	if (tree == NULL || r.read != item.n)
		abort();
	n = cbor_serialize_alloc(tree, &again, &cap);
	if (strict && (n != item.n || memcmp(again, item.p, n) != 0))
		abort();
	free(again);
	cbor_decref(&tree);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	bool took_strict = false;

	for (unsigned accept = 0; accept <= (CBOR_ANY_WIDTH | CBOR_INDEFINITE); accept++) {
		struct cbor_in in = cbor_in_init((struct ss_span){ data, size }, accept);
		struct ss_err err = { 0 };

		cbor_skip(&in);
		if (cbor_check(&in, "item", &err) < 0) {
			if (err.code != SS_EINPUT || err.msg[0] == '\0')
				abort();
			if (took_strict) /* looser rules take no less */
				abort();
			continue;
		}
		took_strict = took_strict || accept == CBOR_STRICT;
		judge(cbor_since(&in, 0), accept == CBOR_STRICT);
	}
	return 0;
}
